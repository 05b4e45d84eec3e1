"""The schema against the tables of the annotation guidelines, version 1.1."""

from __future__ import annotations

import json
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.schema import GUIDELINES_VERSION, ORGANISATIONS, PARTY_BUILDING, RelationType, Schema

TYPES = (
    "PERSON",
    "ROLE",
    "PARTY_ORG",
    "STATE_ORG",
    "MASS_ORG",
    "OTHER_ORG",
    "LOCATION",
    "EVENT",
    "DOCUMENT",
    "TERM",
    "DATE",
    "QUANTITY",
)
ANY_ORG = {"PARTY_ORG", "STATE_ORG", "MASS_ORG", "OTHER_ORG"}
SIGNATURES = {
    "HOLDS": ({"PERSON"}, {"ROLE"}),
    "AT": ({"ROLE"}, ANY_ORG),
    "LOCATED_IN": (ANY_ORG | {"EVENT"}, {"LOCATION"}),
    "HELD_ON": ({"EVENT"}, {"DATE"}),
    "ORGANIZED_BY": ({"EVENT"}, ANY_ORG),
    "CHAIRS": ({"PERSON"}, {"EVENT"}),
    "ATTENDS": ({"PERSON"}, {"EVENT"}),
    "ISSUED_BY": ({"DOCUMENT"}, ANY_ORG),
    "ISSUED_ON": ({"DOCUMENT"}, {"DATE"}),
    "IN_TERM": (ANY_ORG | {"ROLE", "EVENT", "DOCUMENT"}, {"TERM"}),
}


def test_guidelines_version() -> None:
    assert GUIDELINES_VERSION == "1.1"


def test_entity_types_are_those_of_the_guidelines_in_their_order() -> None:
    assert PARTY_BUILDING.entity_types == TYPES
    assert TYPES[2:6] == ORGANISATIONS
    assert not PARTY_BUILDING.flat


def test_relation_signatures_are_those_of_the_guidelines() -> None:
    found = {r.name: (set(r.heads), set(r.tails)) for r in PARTY_BUILDING.relation_types}
    assert found == SIGNATURES
    assert PARTY_BUILDING.relation_names == tuple(SIGNATURES)
    assert all(len(set(side)) == len(side) for r in PARTY_BUILDING.relation_types for side in (r.heads, r.tails))


def test_between_lists_exactly_the_allowed_relations() -> None:
    expected = {
        (head, tail): tuple(name for name, (heads, tails) in SIGNATURES.items() if head in heads and tail in tails)
        for head, tail in product(TYPES, TYPES)
    }
    assert {pair: PARTY_BUILDING.between(*pair) for pair in expected} == expected


def test_between_of_unknown_types_is_empty() -> None:
    assert PARTY_BUILDING.between("PERSON", "ANIMAL") == ()


def test_relations_are_directed() -> None:
    holds = PARTY_BUILDING.relations["HOLDS"]
    assert holds.allows("PERSON", "ROLE")
    assert not holds.allows("ROLE", "PERSON")
    assert PARTY_BUILDING.between("PERSON", "EVENT") == ("CHAIRS", "ATTENDS")
    assert PARTY_BUILDING.between("EVENT", "PERSON") == ()


def test_entity_type_named_twice_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^entity types named more than once: A, B$"):
        Schema(("B", "A", "B", "A", "C"))


def test_relation_type_named_twice_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^relation types named more than once: R$"):
        Schema(("A",), (RelationType("R", ("A",), ("A",)), RelationType("R", ("A",), ("A",))))


def test_relation_over_unknown_entity_types_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^relation R joins unknown entity types: B, C$"):
        Schema(("A",), (RelationType("R", ("A", "C"), ("B",)),))


def test_flat_of_sorts_types_and_has_no_relations() -> None:
    schema = Schema.flat_of(["PER", "LOC", "PER"])
    assert schema == Schema(("LOC", "PER"), (), flat=True)
    assert schema.relation_names == ()


def test_name_plays_no_part_in_equality() -> None:
    assert Schema(("A",), name="one") == Schema(("A",), name="two")
    assert Schema(("A",)) != Schema(("A",), flat=True)


def test_dictionary_without_optional_fields() -> None:
    assert Schema.from_dict({"entity_types": ["A"], "relation_types": []}) == Schema(("A",))


NAMES = st.lists(st.text("ABCDEF_", min_size=1, max_size=4), unique=True, min_size=1, max_size=5)


@st.composite
def schemas(draw: st.DrawFn) -> Schema:
    types = draw(NAMES)
    side = st.lists(st.sampled_from(types), unique=True, min_size=1).map(tuple)
    relations = tuple(RelationType(name, draw(side), draw(side)) for name in draw(NAMES))
    return Schema(tuple(types), relations, flat=draw(st.booleans()), name=draw(st.text(max_size=5)))


@given(schemas())
def test_json_round_trip(schema: Schema) -> None:
    again = Schema.from_dict(json.loads(json.dumps(schema.to_dict())))
    assert again == schema
    assert again.name == schema.name


def test_task_survives_a_json_round_trip() -> None:
    again = Schema.from_dict(json.loads(json.dumps(PARTY_BUILDING.to_dict())))
    assert again == PARTY_BUILDING
    assert again.name == "party-building"
