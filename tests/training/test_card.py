"""The model card."""

from __future__ import annotations

import yaml

from data.schema import Schema
from models.configuration import ExtractorConfig
from training.arguments import TrainingConfig
from training.card import model_card

METRICS = {"eval_entity_f1": 0.81234, "eval_entity_macro_f1": 0.7, "eval_relation_f1": 0.5, "eval_score": 0.65}


def test_a_card_says_what_the_model_is() -> None:
    config = ExtractorConfig(segmenter="underthesea 9.1", base="compact", tones=False)
    card = model_card(TrainingConfig(name="thử"), config, METRICS, ["train: 12 documents"])
    _, head, body = card.split("---\n", 2)
    assert yaml.safe_load(head)["license"] == "apache-2.0"
    assert yaml.safe_load(head)["language"] == "vi"
    assert body.startswith("# thử\n\nEntities (PERSON, ROLE, ")
    assert "relations (HOLDS, AT, " in body
    assert "Encoder: compact. Segmenter: underthesea 9.1. Tone marks placed as PhoBERT's corpus does: no." in body
    assert "| entities, strict F1 | 0.812 |" in body
    assert "| relations, end-to-end strict F1 | 0.500 |" in body
    assert "- train: 12 documents\n" in body


def test_a_card_without_relations() -> None:
    config = ExtractorConfig(schema=Schema(("A", "B")))
    card = model_card(TrainingConfig(), config, {"eval_entity_f1": 1.0}, [])
    assert "Entities (A, B) in Vietnamese text." in card
    assert "relations (" not in card
    assert "relations, end-to-end" not in card
