"""Every rule of `Document` broken once, and its exchange format."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given

from data.documents import AnnotationError, Document, Entity, Relation
from data.schema import RelationType, Schema
from tests.data.samples import ENTITIES, RELATIONS, TEXT, documents, meeting

WHERE_P = "entity p (PERSON [13, 25) 'Lò Thị Sương')"
KNOWN_TYPES = "PERSON, ROLE, PARTY_ORG, STATE_ORG, MASS_ORG, OTHER_ORG, LOCATION, EVENT, DOCUMENT, TERM, DATE, QUANTITY"
KNOWN_RELATIONS = "HOLDS, AT, LOCATED_IN, HELD_ON, ORGANIZED_BY, CHAIRS, ATTENDS, ISSUED_BY, ISSUED_ON, IN_TERM"
ORGS = "PARTY_ORG, STATE_ORG, MASS_ORG, OTHER_ORG"
P, R, K = ENTITIES[1], ENTITIES[2], ENTITIES[6]


def problems(*entities: Entity, relations: tuple[Relation, ...] = (), **options: Any) -> tuple[str, ...]:
    with pytest.raises(AnnotationError) as caught:
        Document("lỗi", TEXT, entities, relations, **options)
    assert caught.value.document == "lỗi"
    for problem in caught.value.problems:
        assert problem in str(caught.value)
    return caught.value.problems


ENTITY_RULES = {
    "unknown type": (
        [Entity("a", "ANIMAL", 0, 4)],
        f"entity a (ANIMAL [0, 4) 'Sáng'): unknown type; known: {KNOWN_TYPES}",
    ),
    "beyond the end": (
        [Entity("a", "PERSON", 120, 130, "họp.")],
        "entity a (PERSON [120, 130) 'họp.'): outside the text of 129 characters, or empty",
    ),
    "before the start": (
        [Entity("a", "PERSON", -2, 4, "Sáng")],
        "entity a (PERSON [-2, 4) 'Sáng'): outside the text of 129 characters, or empty",
    ),
    "empty": (
        [Entity("a", "PERSON", 4, 4)],
        "entity a (PERSON [4, 4) ''): outside the text of 129 characters, or empty",
    ),
    "other surface": (
        [replace(P, text="Lò Thị Sướng")],
        "entity p (PERSON [13, 25) 'Lò Thị Sướng'): the text there reads 'Lò Thị Sương'",
    ),
    "white space in front": (
        [Entity("a", "PERSON", 12, 25)],
        "entity a (PERSON [12, 25) ' Lò Thị Sương'): starts or ends with white space",
    ),
    "white space behind": (
        [Entity("a", "PERSON", 10, 13)],
        "entity a (PERSON [10, 13) 'bà '): starts or ends with white space",
    ),
    "two sentences": (
        [Entity("a", "EVENT", 82, 89)],
        "entity a (EVENT [82, 89) 'xã.\\nÔng'): does not lie inside one sentence",
    ),
    "id used twice": (
        [P, replace(K, id="p")],
        "entity p (PERSON [90, 103) 'Đinh Bá Khoát'): id used twice",
    ),
    "overlap of one type": (
        [P, Entity("a", "PERSON", 20, 25)],
        "entity a (PERSON [20, 25) 'Sương'): overlaps p (PERSON [13, 25) 'Lò Thị Sương')",
    ),
    "overlap with an earlier, longer one": (
        [R, Entity("a", "ROLE", 27, 33), Entity("b", "ROLE", 43, 50)],
        "entity b (ROLE [43, 50) 'Bến Sỏi'): overlaps r (ROLE [27, 50) 'Bí thư Huyện ủy Bến Sỏi')",
    ),
}


@pytest.mark.parametrize("rule", ENTITY_RULES)
def test_entity_rule_broken(rule: str) -> None:
    entities, message = ENTITY_RULES[rule]
    assert problems(*entities)[-1] == message


def test_entity_outside_the_kept_ranges() -> None:
    assert problems(P, kept=((86, 129),)) == (f"{WHERE_P}: outside the kept ranges",)
    assert problems(P, kept=((0, 20), (20, 129))) == (f"{WHERE_P}: outside the kept ranges",)


RELATION_RULES = {
    "unknown type": (Relation("KNOWS", "p", "r"), f"relation KNOWS(p, r): unknown type; known: {KNOWN_RELATIONS}"),
    "no such entity": (Relation("HOLDS", "z", "y"), "relation HOLDS(z, y): no entity with id z, y"),
    "wrong direction": (
        Relation("HOLDS", "r", "p"),
        "relation HOLDS(r, p): ROLE 'Bí thư Huyện ủy Bến Sỏi' -> PERSON 'Lò Thị Sương' is not allowed; "
        "heads: PERSON; tails: ROLE",
    ),
    "wrong tail": (
        Relation("AT", "r", "l"),
        "relation AT(r, l): ROLE 'Bí thư Huyện ủy Bến Sỏi' -> LOCATION 'Bến Sỏi' is not allowed; "
        f"heads: ROLE; tails: {ORGS}",
    ),
    "two sentences": (
        Relation("HOLDS", "k", "r"),
        "relation HOLDS(k, r): 'Đinh Bá Khoát' [90] and 'Bí thư Huyện ủy Bến Sỏi' [27] are in different sentences",
    ),
    "stated twice": (Relation("HOLDS", "p", "r", 0.5), "relation HOLDS(p, r): stated twice"),
}


@pytest.mark.parametrize("rule", RELATION_RULES)
def test_relation_rule_broken(rule: str) -> None:
    relation, message = RELATION_RULES[rule]
    assert problems(*ENTITIES, relations=(*RELATIONS, relation)) == (message,)


def test_all_broken_rules_are_listed() -> None:
    found = problems(P, Entity("a", "ANIMAL", 0, 4), relations=(Relation("HOLDS", "p", "z"),), kept=((86, 129),))
    assert len(found) == 3
    with pytest.raises(AnnotationError, match=r"^document 'lỗi': 1 annotation problem\(s\)\n  - entity a"):
        Document("lỗi", TEXT, (Entity("a", "PERSON", 4, 4),))


def test_text_that_is_not_nfc() -> None:
    with pytest.raises(AnnotationError, match=r"'tổ hợp'.*\n  - text is not in Unicode NFC"):
        Document("tổ hợp", unicodedata.normalize("NFD", TEXT))


@pytest.mark.parametrize("kept", [((0, 130),), ((-1, 5),), ((9, 3),)])
def test_kept_range_outside_the_text_is_refused(kept: tuple[tuple[int, int], ...]) -> None:
    with pytest.raises(AnnotationError, match="kept"):
        Document("lỗi", TEXT, kept=kept)


@pytest.mark.parametrize("sentences", [((0, 130),), ((86, 129), (0, 85)), ((0, 90), (85, 129))])
def test_sentences_outside_the_text_out_of_order_or_overlapping_are_refused(
    sentences: tuple[tuple[int, int], ...],
) -> None:
    with pytest.raises(AnnotationError, match="sentence"):
        Document("lỗi", TEXT, sentences=sentences)


def test_different_types_may_nest_cross_and_coincide() -> None:
    document = Document(
        "lồng", TEXT, (R, Entity("x", "LOCATION", 27, 50), Entity("y", "EVENT", 13, 33), Entity("z", "TERM", 43, 50))
    )
    assert [e.id for e in document.entities] == ["y", "x", "r", "z"]


def test_touching_spans_of_one_type_do_not_overlap() -> None:
    assert len(Document("kề", "An Bê", (Entity("a", "PERSON", 0, 2), Entity("b", "PERSON", 3, 5))).entities) == 2
    assert len(Document("kề", "AnBê", (Entity("a", "PERSON", 0, 2), Entity("b", "PERSON", 2, 4))).entities) == 2


def test_flat_schema_refuses_any_overlap() -> None:
    schema = Schema(("ROLE", "PARTY_ORG"), flat=True)
    assert problems(R, ENTITIES[3], schema=schema) == (
        "entity o (PARTY_ORG [34, 50) 'Huyện ủy Bến Sỏi'): overlaps r (ROLE [27, 50) 'Bí thư Huyện ủy Bến Sỏi')",
    )


def test_rules_follow_the_given_schema() -> None:
    schema = Schema(("PERSON",), (RelationType("KNOWS", ("PERSON",), ("PERSON",)),))
    document = Document("riêng", TEXT, (P,), (Relation("KNOWS", "p", "p"),), schema=schema)
    assert document.relations == (Relation("KNOWS", "p", "p"),)
    assert problems(R, schema=schema)[0].endswith("unknown type; known: PERSON")


def test_entities_are_sorted_and_surfaces_filled_in() -> None:
    bare = tuple(replace(e, text="") for e in reversed(ENTITIES))
    assert Document("giao-ban", TEXT, bare, RELATIONS) == meeting()
    assert [e.id for e in meeting().entities] == ["d", "p", "r", "o", "l", "v", "k", "q"]
    assert meeting().by_id["l"].key == ("LOCATION", 43, 50)


def test_sequences_of_any_kind_are_taken() -> None:
    listed = Document("giao-ban", TEXT, [*ENTITIES], [*RELATIONS], [[0, 85], [86, 129]], [[0, 129]])  # type: ignore[arg-type]
    assert listed == replace(meeting(), kept=((0, 129),))
    assert isinstance(listed.relations, tuple)


def test_sentence_of() -> None:
    document = meeting()
    assert document.sentences == ((0, 85), (86, 129))
    assert [document.sentence_of(*span) for span in ((0, 85), (86, 90), (84, 87), (85, 86))] == [0, 1, None, None]
    assert Document("trống", "").sentence_of(0, 0) is None


def test_given_sentences_are_taken() -> None:
    document = Document("một câu", TEXT, (Entity("a", "EVENT", 82, 89),), sentences=((0, 129),))
    assert document.sentence_of(82, 89) == 0
    assert document.to_dict()["sentences"] == [[0, 129]]


def test_kept_sentences() -> None:
    assert meeting().kept_sentences == (0, 1)
    part = Document("phần", TEXT, kept=((50, 129),))
    assert part.kept_sentences == (1,)
    assert part.is_kept(50, 84) and not part.is_kept(49, 60)
    assert Document("không", TEXT, kept=()).kept_sentences == ()


def test_exchange_format_has_exactly_these_fields() -> None:
    record = Document("ngắn", "Ông An", (Entity("e", "PERSON", 4, 6, score=0.5),), meta={"nguồn": "tự viết"}).to_dict()
    assert record == {
        "id": "ngắn",
        "text": "Ông An",
        "entities": [{"id": "e", "type": "PERSON", "start": 4, "end": 6, "text": "An", "score": 0.5}],
        "relations": [],
        "meta": {"nguồn": "tự viết"},
    }
    assert set(Document("ngắn", "Ông An", kept=()).to_dict()) == {"id", "text", "entities", "relations", "kept"}


@given(documents())
def test_exchange_format_round_trip(document: Document) -> None:
    again = Document.from_dict(json.loads(json.dumps(document.to_dict())))
    assert again == document


def test_annotations_are_optional_in_the_exchange_format() -> None:
    record = {"id": 7, "text": "Ông An", "entities": [{"id": 1, "type": "PERSON", "start": 4, "end": 6}]}
    assert Document.from_dict(record) == Document("7", "Ông An", (Entity("1", "PERSON", 4, 6, "An"),))


WRONG_FIELDS: dict[str, dict[str, Any]] = {
    "no text": {"text": ...},
    "text is null": {"text": None},
    "entity without end": {"entities": [{"id": "e", "type": "PERSON", "start": 4}]},
    "entity is a string": {"entities": ["PERSON"]},
    "start is a word": {"entities": [{"id": "e", "type": "PERSON", "start": "bốn", "end": 6}]},
    "start is a fraction": {"entities": [{"id": "e", "type": "PERSON", "start": 4.7, "end": 6}]},
    "relation without tail": {"relations": [{"type": "HOLDS", "head": "e"}]},
    "sentence of one number": {"sentences": [[1]]},
    "sentences are numbers": {"sentences": [1, 6]},
    "kept of three numbers": {"kept": [[0, 3, 6]]},
    "meta is a string": {"meta": "tự viết"},
}


@pytest.mark.parametrize("case", WRONG_FIELDS)
def test_field_missing_or_of_the_wrong_kind(case: str) -> None:
    record = {"id": "hỏng", "text": "Ông An", **WRONG_FIELDS[case]}
    with pytest.raises(AnnotationError, match=r"'hỏng'.*\n  - field missing or of the wrong kind: "):
        Document.from_dict({key: value for key, value in record.items() if value is not ...})
