"""`predict(text, entities=...)`: relations between entities the caller already has."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest

from data.documents import Entity
from data.schema import PARTY_BUILDING
from models.prediction import Predictor
from models.results import Prediction
from tests.fixtures.sentences import TEXTS, article, documents


def triples(result: Prediction) -> list[tuple[str, str, str]]:
    return [(r.head, r.type, r.tail) for r in result.relations]


def mapping(entity: Entity) -> dict[str, Any]:
    return {"id": entity.id, "type": entity.type, "start": entity.start, "end": entity.end}


@pytest.mark.parametrize("document", documents()[:6], ids=lambda document: document.id)
def test_entities_come_back_as_given(predictor: Predictor, document: Any) -> None:
    result = predictor(document.text, entities=document.entities)
    assert result.entities == document.entities
    by_id = document.by_id
    for relation in result.relations:
        head, tail = by_id[relation.head], by_id[relation.tail]
        assert relation.type in PARTY_BUILDING.between(head.type, tail.type)
        assert (relation.score or 0) >= 0.5
    mapped = predictor(document.text, entities=[mapping(entity) for entity in document.entities])
    assert mapped == result
    backwards = predictor(document.text, entities=document.entities[::-1])
    assert sorted(triples(backwards)) == sorted(triples(result))


def test_all_allowed_pairs_of_a_sentence_are_scored(predictor: Predictor) -> None:
    document = article()
    result = predictor(document.text, entities=document.entities, threshold=0)
    expected = {
        (head.id, name, tail.id)
        for head in document.entities
        for tail in document.entities
        if head is not tail and document.sentence_of(head.start, head.end) == document.sentence_of(tail.start, tail.end)
        for name in PARTY_BUILDING.between(head.type, tail.type)
    }
    assert set(triples(result)) == expected
    assert len(result.relations) == len(expected)


def test_predicted_entities_given_back_have_the_same_relations(predictor: Predictor) -> None:
    for text in TEXTS[:8]:
        predicted = predictor(text)
        assert triples(predictor(text, entities=predicted.entities)) == triples(predicted)


def test_ids_and_texts_are_filled_in(predictor: Predictor) -> None:
    text = "Ông Bủn, Phó Bí thư."
    given = [
        {"type": "PERSON", "start": 4, "end": 7},
        {"type": "ROLE", "start": 9, "end": 19, "id": "vai", "score": 0.25, "text": "sai", "note": "ignored"},
        Entity("x", "ROLE", 13, 19),
    ]
    result = predictor(text, entities=given)
    assert [(e.id, e.text, e.score) for e in result.entities] == [
        ("e1", "Bủn", None),
        ("vai", "Phó Bí thư", 0.25),
        ("x", "Bí thư", None),
    ]


def test_offsets_of_decomposed_text(predictor: Predictor) -> None:
    composed = documents()[0]
    text = unicodedata.normalize("NFD", composed.text)

    def moved(at: int) -> int:
        return len(unicodedata.normalize("NFD", composed.text[:at]))

    given = [Entity(e.id, e.type, moved(e.start), moved(e.end)) for e in composed.entities]
    result = predictor(text, entities=given)
    assert all(text[e.start : e.end] == e.text for e in result.entities)
    assert [unicodedata.normalize("NFC", e.text) for e in result.entities] == [e.text for e in composed.entities]
    assert triples(result) == triples(predictor(composed.text, entities=composed.entities))


def test_none_given_means_none_found(predictor: Predictor) -> None:
    result = predictor(TEXTS[0], entities=[])
    assert (result.entities, result.relations) == ((), ())
    assert predictor("", entities=[]).entities == ()


def test_white_space_around_a_given_entity_does_no_harm(predictor: Predictor) -> None:
    text = " Vừ Thị Pằng, Bí thư . "
    tight = predictor(text, entities=[Entity("p", "PERSON", 1, 12), Entity("r", "ROLE", 14, 20)], threshold=0)
    loose = predictor(text, entities=[Entity("p", "PERSON", 0, 12), Entity("r", "ROLE", 13, 21)], threshold=0)
    assert triples(tight) == [("p", "HOLDS", "r")]
    assert [(r.head, r.type, r.tail, r.score) for r in loose.relations] == [
        (r.head, r.type, r.tail, r.score) for r in tight.relations
    ]


def test_a_boundary_inside_a_syllable_takes_the_syllable(predictor: Predictor) -> None:
    text = "Ông Bủn, Bí thư."
    whole = predictor(text, entities=[Entity("p", "PERSON", 4, 7), Entity("r", "ROLE", 9, 15)], threshold=0)
    part = predictor(text, entities=[Entity("p", "PERSON", 5, 6), Entity("r", "ROLE", 9, 14)], threshold=0)
    assert part.relations == whole.relations
    assert [e.text for e in part.entities] == ["ủ", "Bí th"]


def test_entities_across_sentences_are_kept_without_relations(predictor: Predictor) -> None:
    text = "Ông Bủn nói.\nPhó Bí thư nghe."
    given = [Entity("p", "PERSON", 4, 7), Entity("r", "ROLE", 13, 23)]
    result = predictor(text, entities=given, threshold=0)
    assert [e.id for e in result.entities] == ["p", "r"]
    assert result.relations == ()


BAD = [
    ([{}], "entity 1: needs type, start and end (KeyError('type'))"),
    ([{"type": "PERSON", "start": 0}], "entity 1: needs type, start and end (KeyError('end'))"),
    ([{"type": "PERSON", "start": 0, "end": 3}, {"type": "ROLE", "start": "đầu", "end": 3}], "entity 2: needs type, "),
    ([{"type": "PERSON", "start": 0, "end": None}], "entity 1: needs type, start and end "),
    ([{"type": "NGƯỜI", "start": 0, "end": 3}], "entity e1: unknown type 'NGƯỜI'"),
    ([Entity("q", "NGƯỜI", 0, 3)], "entity q: unknown type 'NGƯỜI'"),
    ([Entity("q", "PERSON", 3, 3)], "entity q: [3, 3) is empty or outside the text of 20 characters"),
    ([Entity("q", "PERSON", 5, 3)], "entity q: [5, 3) is empty or outside the text of 20 characters"),
    ([Entity("q", "PERSON", -1, 3)], "entity q: [-1, 3) is empty or outside the text of 20 characters"),
    ([Entity("q", "PERSON", 15, 21)], "entity q: [15, 21) is empty or outside the text of 20 characters"),
    ([Entity("q", "PERSON", 3, 4)], "entity q: [3, 4) is empty or outside the text of 20 characters"),
]


@pytest.mark.parametrize(("given", "message"), BAD)
def test_bad_entities_are_named(predictor: Predictor, given: Any, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        predictor("Ông Bủn, Phó Bí thư.", entities=given)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    "given",
    [
        ["Bủn"],
        [None],
        [("PERSON", 4, 7)],
        {"type": "PERSON", "start": 4, "end": 7},
        "Bủn",
        [Entity("q", "PERSON", "4", 7)],
    ],  # type: ignore[arg-type]
    ids=["string", "none", "tuple", "one-mapping", "text", "text-offset"],
)
def test_what_is_no_entity_is_named(predictor: Predictor, given: Any) -> None:
    with pytest.raises(ValueError, match=r"^entity \w+: "):
        predictor("Ông Bủn, Phó Bí thư.", entities=given)


@pytest.mark.parametrize("start", [4.5, True])
def test_offsets_are_whole_numbers(predictor: Predictor, start: Any) -> None:
    with pytest.raises(ValueError, match=r"^entity 1: "):
        predictor("Ông Bủn, Phó Bí thư.", entities=[{"type": "PERSON", "start": start, "end": 7}])


@pytest.mark.parametrize("second", ["e1", "p"])
def test_two_entities_of_one_id_are_refused(predictor: Predictor, second: str) -> None:
    first: dict[str, Any] = {"type": "PERSON", "start": 4, "end": 7}
    if second == "p":
        first["id"] = "p"
    other = {"type": "ROLE", "start": 9, "end": 19, "id": second}
    with pytest.raises(ValueError, match=f"entity {second}: "):
        predictor("Ông Bủn, Phó Bí thư.", entities=[first, other])


def test_entities_go_with_a_single_text(predictor: Predictor) -> None:
    with pytest.raises(TypeError, match=r"^entities=\[\.\.\.\] goes with a single text"):
        predictor([TEXTS[0]], entities=[])
