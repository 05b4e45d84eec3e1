"""The card of the shipped model: what it was made from, how good it is, and what its scores mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from data.card import table
from data.schema import GUIDELINES_VERSION, PARTY_BUILDING
from training.arguments import TrainingConfig

CALIBRATED = ("entity", "relation")


def figure(scores: dict[str, Any]) -> str:
    """F1 with its interval."""
    low, high = scores["interval_95"]
    return f"{scores['f1']:.3f} ({low:.3f} – {high:.3f})"


def figure_rows(figures: dict[str, Any]) -> list[list[object]]:
    """A row a protocol: entities, relations end to end, relations between gold entities."""
    rows: list[list[object]] = []
    for split, name in (
        ("validation", "development articles (epoch, temperatures and thresholds were chosen on them)"),
        ("test", "test articles (nothing was chosen on them)"),
    ):
        if split in figures:
            found = figures[split]
            scores = (
                found["entities"]["strict"],
                found["relations"]["strict"],
                found["relations"]["gold_entities"],
            )
            rows.append([f"{found['documents']} {name}", *(figure(each["micro"]) for each in scores)])
    left_out = figures.get("leave-one-out")
    if left_out:
        after, given = left_out["pooled"]["after"], left_out["pooled"]["after, gold entities"]
        rows.append(
            [
                f"leave one of {len(left_out['articles'])} articles out (tuned on the others; not shipped)",
                figure(after["entities"]),
                figure(after["relations"]),
                figure(given["relations"]),
            ]
        )
    return rows


def calibration_section(calibration: dict[str, Any]) -> list[str]:
    """What the scores mean."""
    kinds = [(kind, what) for kind in CALIBRATED for what in ("precision", "recall")]
    rows = [
        [
            f"{row['threshold']:.2f}",
            *(f"{row[f'{kind}_{what}']:.3f}" for kind, what in kinds),
        ]
        for row in calibration["by_threshold"]
    ]
    told = [
        f"- {kind}: temperature {calibration[f'{kind}_temperature']:.2f}, expected calibration error "
        f"{calibration[f'{kind}_error']:.3f} (cross-fitted; {calibration[f'{kind}_error_before']:.3f} without), "
        f"threshold {calibration[f'{kind}_threshold']:.2f}"
        for kind in CALIBRATED
    ]
    header = ["score at least", "entity precision", "entity recall", "relation precision", "relation recall"]
    return [
        "## What a score means",
        "",
        "The probability of exactly that span, or of that relation if both its entities are right, "
        f"on the {calibration['documents']} development articles.",
        "",
        *told,
        "",
        table(header, rows),
    ]


def release_card(
    settings: TrainingConfig, sources: Sequence[str], left_out: Sequence[str], figures: dict[str, Any]
) -> str:
    """The card in Markdown, with the metadata block the hub reads."""
    types = [
        [name, f"{s['precision']:.3f}", f"{s['recall']:.3f}", f"{s['f1']:.3f}", f"{s['support']:.0f}"]
        for kind in ("entities", "relations")
        for name, s in figures.get("validation", {}).get(kind, {}).get("strict", {}).get("by_type", {}).items()
    ]
    missing = [line for line in left_out if "no text at hand" in line or "no article of that id" in line]
    return "\n".join(
        [
            "---",
            "language: vi",
            "license: apache-2.0",
            "library_name: phodang",
            "tags: [token-classification, relation-extraction, phobert]",
            "---",
            "# PhoDang, the shipped model",
            "",
            f"Entities ({', '.join(PARTY_BUILDING.entity_types)}) and relations "
            f"({', '.join(PARTY_BUILDING.relation_names)}) in Vietnamese news about Party building, by the annotation "
            f"guidelines, version {GUIDELINES_VERSION}. Encoder: `{settings.encoder}` of this repository. Weights in "
            f"16 bits. Made by `python -m training.release` (seed {settings.seed}).",
            "",
            "## Figures",
            "",
            "Strict: type and both boundaries, relations with both entities right; F1 with 95 % bootstrap intervals "
            "(documents are resampled, sentences where they are few).",
            "",
            table(["text", "entities", "relations, end to end", "relations, gold entities"], figure_rows(figures)),
            "",
            "By type, on the development articles:",
            "",
            table(["type", "precision", "recall", "F1", "support"], types),
            "",
            *calibration_section(figures["calibration"]),
            "",
            "## Training text",
            "",
            *(f"- {source}" for source in sources),
            f"- fingerprint of all splits: `{figures.get('data', '')}`",
            "",
            "A fresh clone has the authored and the generated text. It has the annotations of the news articles but "
            'not their text: training again from a clone alone gives a weaker model (README, "How good is it").',
            *(f"- at hand here was not: {line}" for line in missing),
            "",
            "## Intended use",
            "",
            "Extracting what a text states about public office. Not for judging or profiling persons; it does not "
            "check whether a text is right. To ask for a correction, open an issue with the text and the span.",
            "",
        ]
    )
