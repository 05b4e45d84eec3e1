"""The model card a training writes beside its weights."""

from __future__ import annotations

from data.card import table
from data.schema import PARTY_BUILDING
from models.configuration import ExtractorConfig
from training.arguments import TrainingConfig

FIGURES = {
    "entity_f1": "entities, strict F1",
    "entity_macro_f1": "entities, strict F1, macro",
    "relation_f1": "relations, end-to-end strict F1",
}


def model_card(settings: TrainingConfig, config: ExtractorConfig, metrics: dict[str, float], sources: list[str]) -> str:
    """The card in Markdown, with the metadata block the hub reads."""
    types, relations = config.schema.entity_types, config.schema.relation_names
    figures = [
        [label, f"{metrics[f'eval_{key}']:.3f}"]
        for key, label in FIGURES.items()
        if f"eval_{key}" in metrics and (relations or not key.startswith("relation"))
    ]
    return "\n".join(
        [
            "---",
            "language: vi",
            f"license: {config.licence}",
            "library_name: phodang",
            "tags: [token-classification, relation-extraction, phobert]",
            "---",
            f"# {settings.name}",
            "",
            f"Entities ({', '.join(types)})"
            + (f" and relations ({', '.join(relations)})" if relations else "")
            + f" in Vietnamese text. Encoder: {config.base}. Segmenter: {config.segmenter}. "
            f"Tone marks placed as PhoBERT's corpus does: {'yes' if config.tones else 'no'}.",
            "",
            "## Figures",
            "",
            "On the validation split, on which the epoch was chosen; for a test, run `python -m eval.report`.",
            "",
            table(["figure", "value"], figures),
            "",
            "## Data",
            "",
            *(f"- {source}" for source in sources),
            "",
            "## Intended use",
            "",
            ("Extracting what a text states about public office. " if config.schema == PARTY_BUILDING else "")
            + "Not for judging or profiling persons; it does not check whether a text is right. "
            "To ask for a correction, open an issue with the text and the span.",
            "",
        ]
    )
