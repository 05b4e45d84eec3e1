"""Answers for annotated documents, and their files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from data.documents import Document
from data.schema import PARTY_BUILDING
from eval.predictions import answer, pairs, read_predictions, write_predictions
from models.prediction import Predictor
from tests.eval.samples import GOLD, PREDICTED
from tests.fixtures.sentences import documents


def test_answers_are_those_a_user_would_get(predictor: Predictor) -> None:
    gold = [*documents()[:3], Document("không", "Không có gì."), Document("rỗng", "")]
    answers = answer(predictor, gold)
    assert [a.text for a in answers.end_to_end] == [d.text for d in gold]
    for document, result in zip(gold, answers.end_to_end, strict=True):
        assert [e.key for e in result.entities] == [e.key for e in predictor(document.text).entities]
    for document, result in zip(gold, answers.gold_entities, strict=True):
        assert result.entities == document.entities
        by_id = document.by_id
        for relation in result.relations:
            assert relation.type in PARTY_BUILDING.between(by_id[relation.head].type, by_id[relation.tail].type)
    assert any(result.relations for result in answers.gold_entities)


def test_sentences_of_annotated_data_are_its_own(predictor: Predictor) -> None:
    """Tokens of a treebank stand apart, so a sentence of it may look like two: `TP . Hồ Chí Minh`."""
    text = "Bà Vừ Thị Pằng ở TP . Phiêng Lót . Ông họp ."
    whole = Document("một", text, sentences=((0, len(text)),))
    assert len(Document("hai", text).sentences or ()) > 1
    (found,) = answer(predictor, [whole]).end_to_end
    (alone,) = predictor([text], sentences=[[(0, len(text))]])
    assert [e.key for e in found.entities] == [e.key for e in alone.entities]
    assert [e.score for e in alone.entities] != [e.score for e in predictor(text).entities]


def test_pairs_side_by_side() -> None:
    (found,) = pairs([GOLD], [PREDICTED])
    assert found.gold is GOLD
    assert found.entities == PREDICTED.entities
    with pytest.raises(ValueError):
        pairs([GOLD], [])


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    other = Document("không", "Không có gì.")
    write_predictions(path, [GOLD, other], [PREDICTED, type(PREDICTED)(other.text)])
    first, second = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())
    assert first["id"] == "họp-xã"
    assert "Hội nghị" in path.read_text(encoding="utf-8")
    assert second == {"id": "không", "text": "Không có gì.", "entities": [], "relations": []}
    again = read_predictions(path)
    assert list(again) == ["họp-xã", "không"]
    assert again["họp-xã"].entities == PREDICTED.entities
    assert again["họp-xã"].relations == PREDICTED.relations
    assert again["họp-xã"].text == GOLD.text


@pytest.mark.parametrize(
    "line", ["{", "[]", '{"id": "a", "text": "x", "entities": []}', '{"id": "a", "entities": [{}], "relations": []}']
)
def test_a_line_that_cannot_be_read_is_named(line: str, tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    write_predictions(path, [GOLD], [PREDICTED])
    with path.open("a", encoding="utf-8") as out:
        out.write(line + "\n")
    with pytest.raises(ValueError) as caught:
        read_predictions(path)
    assert str(caught.value).startswith(f"{path}:2: not a prediction (")
