"""What `predict()` returns."""

from __future__ import annotations

import json

import pytest

from data.documents import Document, Entity, Relation
from models.results import Prediction

TEXT = "Ông Bủn, Phó Bí thư."
RESULT = Prediction(
    TEXT,
    (Entity("e1", "PERSON", 4, 7, "Bủn", 0.984), Entity("e2", "ROLE", 9, 19, "Phó Bí thư", None)),
    (Relation("HOLDS", "e1", "e2", 0.5),),
    id="a",
)


def test_to_dict_is_the_exchange_format() -> None:
    assert RESULT.to_dict() == {
        "id": "a",
        "text": TEXT,
        "entities": [
            {"id": "e1", "type": "PERSON", "start": 4, "end": 7, "text": "Bủn", "score": 0.984},
            {"id": "e2", "type": "ROLE", "start": 9, "end": 19, "text": "Phó Bí thư", "score": None},
        ],
        "relations": [{"type": "HOLDS", "head": "e1", "tail": "e2", "score": 0.5}],
    }
    assert Prediction("").to_dict() == {"id": "", "text": "", "entities": [], "relations": []}


def test_documents_read_it() -> None:
    document = Document.from_dict(json.loads(json.dumps(RESULT.to_dict())))
    assert document.entities == RESULT.entities
    assert document.relations == RESULT.relations


def test_entities_by_id() -> None:
    assert RESULT.entity("e2").text == "Phó Bí thư"
    with pytest.raises(KeyError, match="no entity 'e3'; there are 2: e1 to e2"):
        RESULT.entity("e3")


def test_triples() -> None:
    assert [(h.text, r.type, t.text) for h, r, t in RESULT.triples()] == [("Bủn", "HOLDS", "Phó Bí thư")]


def test_printed() -> None:
    assert str(RESULT) == (
        "   e1  PERSON      98%  Bủn\n   e2  ROLE             Phó Bí thư\n       HOLDS(Bủn -> Phó Bí thư)  50%"
    )
    assert str(Prediction("không có gì")) == "(nothing found)"
