"""The card of the shipped model."""

from __future__ import annotations

from typing import Any

from training.arguments import TrainingConfig
from training.release_card import calibration_section, figure, figure_rows, release_card

SCORES = {"precision": 0.9, "recall": 0.8, "f1": 0.847, "support": 10.0, "interval_95": [0.8, 0.9]}
RULE = {"micro": SCORES, "by_type": {"PERSON": SCORES}}
REPORT = {
    "documents": 5,
    "entities": {"strict": RULE},
    "relations": {"strict": RULE, "gold_entities": RULE},
}
CALIBRATION = {
    "documents": 5,
    **{f"{kind}_{what}": 1.25 for kind in ("entity", "relation") for what in ("temperature", "threshold")},
    **{f"{kind}_{what}": 0.01 for kind in ("entity", "relation") for what in ("error", "error_before")},
    "by_threshold": [
        {"threshold": 0.5, **{f"{k}_{w}": 0.9 for k in ("entity", "relation") for w in ("precision", "recall")}}
    ],
}


def test_figures_with_intervals() -> None:
    assert figure(SCORES) == "0.847 (0.800 – 0.900)"


def test_a_row_a_protocol() -> None:
    pooled = {"after": {"entities": SCORES, "relations": SCORES}, "after, gold entities": {"relations": SCORES}}
    figures: dict[str, Any] = {"validation": REPORT, "test": REPORT}
    assert len(figure_rows(figures)) == 2
    rows = figure_rows({**figures, "leave-one-out": {"articles": [1, 2], "pooled": pooled}})
    assert str(rows[0][0]).startswith("5 development articles")
    assert str(rows[2][0]).startswith("leave one of 2 articles out")
    assert rows[2][1:] == ["0.847 (0.800 – 0.900)"] * 3


def test_what_a_score_means() -> None:
    text = "\n".join(calibration_section(CALIBRATION))
    assert (
        "- entity: temperature 1.25, expected calibration error 0.010 (cross-fitted; 0.010 without), threshold" in text
    )
    assert "| 0.50 | 0.900 | 0.900 | 0.900 | 0.900 |" in text


def test_the_card_names_what_a_clone_lacks() -> None:
    figures = {"validation": REPORT, "calibration": CALIBRATION}
    card = release_card(TrainingConfig(), ["train: a"], ["train gold, 3 documents: no text at hand (…)"], figures)
    assert card.startswith("---\nlanguage: vi\nlicense: apache-2.0\n")
    assert "- at hand here was not: train gold, 3 documents" in card
    assert "| PERSON | 0.900 | 0.800 | 0.847 | 10 |" in card
    assert "not their text" in card.replace("\n", " ")
