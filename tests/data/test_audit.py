"""Each check of the audit finds a planted problem, and nothing where there is none."""

from __future__ import annotations

from dataclasses import replace

import pytest

from data.audit import (
    Finding,
    audit,
    boundaries_in_syllables,
    differing_labels,
    duplicates,
    missing_relations,
    types_without_examples,
    unlabelled_repeats,
)
from data.documents import Document, Entity, Relation
from data.schema import RelationType, Schema
from data.segmentation import NoSegmenter
from tests.data.samples import ENTITIES, RELATIONS, TEXT, meeting

WORDS = NoSegmenter()
LONG = " ".join(f"hộ{chr(97 + n)}" for n in range(20)) + "."


def test_finding_as_text() -> None:
    assert str(Finding("error", "id used twice", "a", "2 documents")) == "error: id used twice: a: 2 documents"


@pytest.mark.parametrize(
    ("text", "start", "end", "found"),
    [
        ("Bà Sương về", 3, 6, True),
        ("Bà Sương về", 5, 8, True),
        ("Bà Sương về", 3, 8, False),
        ("Sương về", 0, 3, True),
        ("xã m2mới", 5, 8, False),
        ("xã m2mới", 5, 7, True),
        ("xã m2mới", 3, 5, False),
        ("Chợ.\nBáo TuấnBÁO", 9, 13, False),
        ("Chợ.\nBáo TuấnBÁO", 9, 14, True),
    ],
)
def test_boundary_inside_a_syllable(text: str, start: int, end: int, found: bool) -> None:
    document = Document("a", text, (Entity("e", "PERSON", start, end),))
    message = f"PERSON {text[start:end]!r} at {start}"
    expected = [Finding("error", "boundary inside a syllable", "dev/a", message)] if found else []
    assert list(boundaries_in_syllables({"dev": [document]}, WORDS)) == expected


def test_word_that_ends_inside_a_syllable_makes_a_boundary() -> None:
    class Halves:
        name = "halves"

        def words(self, text: str) -> list[tuple[int, int]]:
            return [(0, 5), (5, len(text))]

    document = Document("a", "Bà Sương về", (Entity("e", "PERSON", 3, 5),))
    assert list(boundaries_in_syllables({"dev": [document]}, Halves())) == []
    assert len(list(boundaries_in_syllables({"dev": [document]}, WORDS))) == 1


def test_id_used_twice() -> None:
    splits = {"train": [Document("a", "chợ"), Document("b", "đò")], "test": [Document("a", "bến")]}
    assert list(duplicates(splits)) == [Finding("error", "id used twice", "a", "2 documents have this id")]


def test_near_copies_in_different_splits() -> None:
    splits = {
        "train": [Document("a", LONG), Document("b", "chợ")],
        "validation": [Document("c", "chợ")],
        "test": [Document("d", LONG.upper())],
    }
    expected = [Finding("error", "near copies in different splits", "train/a", "test/d")]
    assert list(duplicates(splits)) == expected
    assert list(duplicates({"train": [Document("a", LONG), Document("d", LONG)]})) == []


def test_role_that_holds_an_organisation_without_at() -> None:
    without = Document("a", TEXT, ENTITIES, tuple(r for r in RELATIONS if r.type != "AT"))
    assert list(missing_relations({"train": [without]})) == [
        Finding("warning", "role holds an organisation, no AT", "train/a", "'Bí thư Huyện ủy Bến Sỏi'")
    ]


def test_organisation_that_holds_a_place_without_located_in() -> None:
    without = Document("a", TEXT, ENTITIES, tuple(r for r in RELATIONS if r.type != "LOCATED_IN"))
    assert list(missing_relations({"train": [without]})) == [
        Finding("warning", "organisation holds a place, no LOCATED_IN", "train/a", "'Huyện ủy Bến Sỏi'")
    ]


def test_located_in_another_place_does_not_count() -> None:
    text = "Huyện ủy Bến Sỏi ở phố Chợ"
    entities = (
        Entity("o", "PARTY_ORG", 0, 16),
        Entity("l", "LOCATION", 9, 16),
        Entity("m", "LOCATION", 19, 26),
    )
    document = Document("a", text, entities, (Relation("LOCATED_IN", "o", "m"),))
    assert [finding.message for finding in missing_relations({"train": [document]})] == ["'Huyện ủy Bến Sỏi'"]


def test_parts_may_begin_and_end_with_the_whole() -> None:
    entities = (Entity("r", "ROLE", 0, 7), Entity("o", "PARTY_ORG", 0, 7), Entity("l", "LOCATION", 0, 3))
    found = missing_relations({"train": [Document("a", "Bến Sỏi", entities)]})
    assert [(finding.check[:4], finding.message) for finding in found] == [("orga", "'Bến Sỏi'"), ("role", "'Bến Sỏi'")]


def test_nothing_held_needs_no_relation() -> None:
    text = "Trưởng thôn Bến gặp Huyện ủy"
    entities = (Entity("r", "ROLE", 0, 15), Entity("l", "LOCATION", 7, 15), Entity("o", "PARTY_ORG", 20, 28))
    assert list(missing_relations({"train": [Document("a", text, entities)]})) == []
    assert list(missing_relations({"train": [meeting()]})) == []


REPEATS = "Vi Mộc đến. Bà gặp Vi Mộc. XVi Mộc, Vi Mộcx, Vi Mộc2. Vi\nMộc. Về Vi Mộc"
PERSON = Entity("p", "PERSON", 0, 6)


def test_unlabelled_repeats() -> None:
    assert list(unlabelled_repeats({"train": [Document("a", REPEATS, (PERSON,))]})) == [
        Finding("warning", "unlabelled repeat", "train/a", "'Vi Mộc' at 19"),
        Finding("warning", "unlabelled repeat", "train/a", f"'Vi Mộc' at {REPEATS.rindex('Vi Mộc')}"),
    ]


def test_repeats_inside_another_entity_or_outside_the_kept_ranges_are_right() -> None:
    labelled = Document("a", REPEATS, (PERSON, Entity("o", "OTHER_ORG", 12, 25)), kept=((0, 26),))
    assert list(unlabelled_repeats({"train": [labelled]})) == []


@pytest.mark.parametrize(("type_", "surface"), [("LOCATION", "Vi Mộc"), ("PERSON", "Mộc")])
def test_repeats_of_other_types_and_single_words_are_not_looked_at(type_: str, surface: str) -> None:
    entity = Entity("p", type_, 6 - len(surface), 6)
    assert list(unlabelled_repeats({"train": [Document("a", REPEATS, (entity,))]})) == []


def test_types_without_examples() -> None:
    assert [(f.level, f.check, f.place, f.message) for f in types_without_examples({"train": [meeting()]})] == [
        ("warning", "type without examples", "train", name)
        for name in (
            *("STATE_ORG", "MASS_ORG", "OTHER_ORG", "DOCUMENT", "TERM"),
            *("ORGANIZED_BY", "ATTENDS", "ISSUED_BY", "ISSUED_ON", "IN_TERM"),
        )
    ]


def test_types_come_from_the_schema_of_the_training_documents() -> None:
    schema = Schema(("CAT", "DOG"), (RelationType("SEES", ("CAT",), ("DOG",)),))
    cat = Document("a", "Mướp", (Entity("m", "CAT", 0, 4),), schema=schema)
    dog = Document("b", "Vện", (Entity("v", "DOG", 0, 3),), schema=schema)
    assert [f.message for f in types_without_examples({"train": [cat], "test": [dog]})] == ["DOG", "SEES"]


@pytest.mark.parametrize("splits", [{}, {"train": []}, {"test": [meeting()]}])
def test_no_training_documents(splits: dict[str, list[Document]]) -> None:
    assert list(types_without_examples(splits)) == [
        Finding("error", "no training documents", "train", "the split is missing or empty")
    ]


def test_audit_runs_all_checks_and_puts_errors_first() -> None:
    text = TEXT + " Bà Lò Thị Sương nghe."
    broken = Document("a", text, (*ENTITIES, Entity("x", "TERM", 60, 62)), RELATIONS[2:])
    found = audit({"train": [broken], "test": [replace(broken)]}, WORDS)
    assert [finding.level for finding in found] == ["error"] * 4 + ["warning"] * (len(found) - 4)
    assert [finding.check for finding in found[:4]] == [
        "id used twice",
        "near copies in different splits",
        "boundary inside a syllable",
        "boundary inside a syllable",
    ]
    assert {finding.check for finding in found[4:]} == {
        "type without examples",
        "role holds an organisation, no AT",
        "unlabelled repeat",
    }


def test_audit_of_a_sound_data_set_finds_only_types_without_examples() -> None:
    other = Document("b", "Hai hàng cây đã lớn.")
    found = audit({"train": [meeting()], "test": [other]}, WORDS)
    assert {(finding.level, finding.check) for finding in found} == {("warning", "type without examples")}


def test_one_name_with_several_types() -> None:
    def document(name: str, *types: str) -> Document:
        text = " ".join(["Ban Chấp hành họp."] * len(types))
        spans = tuple(Entity(f"e{n}", type_, 19 * n, 19 * n + 13) for n, type_ in enumerate(types))
        return Document(name, text, spans)

    many = document("a", "PARTY_ORG", "PARTY_ORG")
    (found,) = differing_labels({"train": [many, document("b", "MASS_ORG")]})
    assert str(found) == "warning: one name, several types: train/b: 'Ban Chấp hành': 2 PARTY_ORG, 1 MASS_ORG"
    assert list(differing_labels({"train": [many]})) == []


def test_a_name_unlabelled_where_it_is_labelled_elsewhere() -> None:
    text = "Theo Sở Nội vụ báo cáo."
    labelled = Document("a", text, (Entity("e", "STATE_ORG", 5, 14),))
    bare = Document("b", f"Mưa. {text}")
    (found,) = differing_labels({"train": [labelled, bare]})
    assert str(found) == "warning: unlabelled here: train/b: 'Sở Nội vụ' at 10"
    elsewhere = Document("c", "Họ gọi Sở Nội vụ là nhà.")
    assert list(differing_labels({"train": [labelled, elsewhere]})) == []
    wider = Document("d", text, (Entity("e", "STATE_ORG", 5, 22),))
    (found,) = differing_labels({"train": [labelled, wider]})
    assert str(found) == "warning: unlabelled here: train/a: 'Sở Nội vụ báo cáo' at 5"
