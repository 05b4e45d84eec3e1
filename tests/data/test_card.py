"""The tables of the data card, to the number."""

from __future__ import annotations

from data.card import counts_by_document, counts_by_split, data_card, longest_sentences, surface_overlap, table
from data.documents import Document, Entity
from data.schema import PARTY_BUILDING, RelationType, Schema
from tests.data.samples import meeting

SCHEMA = Schema(("PERSON", "ROLE", "TERM"), (RelationType("HOLDS", ("PERSON",), ("ROLE",)),))
SMALL = Document(
    "nhỏ", "Bà LÒ THỊ SƯƠNG gặp Vi Mộc. Về.", (Entity("a", "PERSON", 3, 15), Entity("b", "PERSON", 20, 26))
)
EMPTY = Document("trống", "Chợ. Đò. Bến.", kept=((0, 4),))


def test_table() -> None:
    assert table(["a", "b"], [[1, "x"], [2.5, None]]) == "| a | b |\n|---|---|\n| 1 | x |\n| 2.5 | None |"
    assert table(["a"], []) == "| a |\n|---|"


def test_counts_by_split() -> None:
    assert counts_by_split({"train": [meeting(), EMPTY], "test": [SMALL]}, SCHEMA) == "\n".join(
        [
            "|  | train | test |",
            "|---|---|---|",
            "| documents | 2 | 1 |",
            "| sentences annotated | 3 | 2 |",
            "| PERSON | 2 | 2 |",
            "| ROLE | 1 | 0 |",
            "| TERM | 0 | 0 |",
            "| HOLDS | 1 | 0 |",
        ]
    )


def test_counts_by_document() -> None:
    assert counts_by_document([meeting(), EMPTY], PARTY_BUILDING) == "\n".join(
        [
            "| document | sentences | entities | relations |",
            "|---|---|---|---|",
            "| giao-ban | 2 | PERSON:2 ROLE:1 PARTY_ORG:1 LOCATION:1 EVENT:1 DATE:1 QUANTITY:1 "
            "| HOLDS:1 AT:1 LOCATED_IN:1 HELD_ON:1 CHAIRS:1 |",
            "| trống | 1 | - | - |",
        ]
    )


def test_surface_overlap_ignores_case_and_counts_by_type() -> None:
    as_role = Document("vai", "Lò Thị Sương", (Entity("a", "ROLE", 0, 12),))
    splits = {"train": [meeting()], "dev": [SMALL, as_role], "test": [meeting("khác")]}
    assert surface_overlap(splits, SCHEMA) == "\n".join(
        [
            "| type | dev | test |",
            "|---|---|---|",
            "| PERSON | 50 % of 2 | 100 % of 2 |",
            "| ROLE | 0 % of 1 | 100 % of 1 |",
            "| TERM | - | - |",
        ]
    )
    assert surface_overlap({"train": [meeting()]}, SCHEMA) == "Only one split."


def test_longest_sentences() -> None:
    splits = {"test": [EMPTY, SMALL], "train": [meeting()]}
    header = "| words | split | document | sentence |\n|---|---|---|---|\n"
    longest = header + "| 20 | train | giao-ban | 0 |\n| 11 | train | giao-ban | 1 |\n| 7 | test | nhỏ | 0 |"
    assert longest_sentences(splits, 3) == longest
    assert longest_sentences({**splits, "dev": [SMALL]}).count("\n") == 6
    assert "| trống | 1 |" not in longest_sentences(splits, 9)


def test_card_names_sources_and_what_was_left_out() -> None:
    card = data_card({"train": [meeting()]}, PARTY_BUILDING, ["tự viết", "tự dịch"], ["năm bài: không có chữ"])
    assert card.startswith("# Data card\n\nAnnotated by the guidelines, version 1.1. ")
    assert "\n## Sources\n\n- tự viết\n- tự dịch\n\n## Counts by split\n\n|  | train |\n" in card
    assert "\n## Surfaces also seen in training\n\nOnly one split.\n" in card
    assert "\n## Left out\n\n- năm bài: không có chữ\n\n## Intended use\n" in card
    assert card.endswith(".\n") and not card.endswith("\n\n")


def test_card_says_when_nothing_was_left_out() -> None:
    card = data_card({"train": [meeting()]}, PARTY_BUILDING, [], [])
    assert "\n## Left out\n\n- nothing\n" in card
