"""Confusion between types, and the sentences that tell most."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given

from data.documents import Document, Entity, Relation
from eval.errors import MISSED, SPURIOUS, confusion, telling_errors
from eval.scoring import Pair
from tests.eval.samples import GOLD, PREDICTED, pair, pairs


def test_confusion_by_hand() -> None:
    assert confusion([pair()]) == {
        ("PERSON", "PERSON"): 1,
        ("LOCATION", "LOCATION"): 2,
        ("EVENT", "TERM"): 1,
        ("PERSON", "LOCATION"): 1,
        ("ROLE", MISSED): 1,
        ("LOCATION", MISSED): 1,
        (SPURIOUS, "ROLE"): 1,
        (SPURIOUS, "DATE"): 1,
    }


def test_right_types_are_taken_out_before_wrong_ones() -> None:
    gold = Document("x", "Hội nghị", (Entity("a", "EVENT", 0, 8), Entity("b", "TERM", 0, 8)))
    predicted = [Entity("c", "DATE", 0, 8), Entity("d", "TERM", 0, 8)]
    assert confusion([Pair.of(gold, predicted, [])]) == {("TERM", "TERM"): 1, ("EVENT", "DATE"): 1}


@given(pairs())
def test_every_span_is_counted_once(found: Pair) -> None:
    table = confusion([found])
    gold, predicted = Counter(e.type for e in found.gold.entities), Counter(e.type for e in found.entities)
    for type_ in {*gold, *predicted}:
        assert sum(n for (g, _), n in table.items() if g == type_) == gold[type_]
        assert sum(n for (_, p), n in table.items() if p == type_) == predicted[type_]


def test_telling_errors_by_hand() -> None:
    first, second = telling_errors([pair()])
    assert (first.document, first.start, first.text) == ("họp-xã", 0, GOLD.text[:44])
    assert (second.start, second.text) == (45, GOLD.text[45:])
    assert first.gold.wrong == {"r", "v"}
    assert first.predicted.wrong == {"e2", "e4", "e7"}
    assert first.gold.relations == (
        ("HOLDS: Tòng Inh → Bí thư xã Pá Nhè", True),
        ("ATTENDS: Tòng Inh → Hội nghị", True),
    )
    assert first.predicted.relations == (("HOLDS: Tòng Inh → Bí thư", True),)
    # Two missed, three spurious with their probabilities, three wrong relations at one half.
    assert first.weight == pytest.approx(2 + 0.8 + 0.4 + 0.2 + 1.5)
    assert second.weight == pytest.approx(2 + 0.6)
    assert [e.id for e in first.gold.entities] == ["p", "r", "l", "v"]
    assert [e.id for e in first.predicted.entities] == ["e7", "e1", "e2", "e3", "e4"]
    assert telling_errors([pair()], count=1) == [first]


def test_what_is_right_is_no_error() -> None:
    assert telling_errors([Pair.of(GOLD, GOLD.entities, GOLD.relations)]) == []


def test_a_right_relation_is_not_marked() -> None:
    entities = [e for e in GOLD.entities if e.id != "q"]
    errors = {e.start: e for e in telling_errors([Pair.of(GOLD, entities, GOLD.relations[:1])])}
    assert {start: error.weight for start, error in errors.items()} == {0: 0.5, 45: 1}
    assert errors[0].gold.relations == (
        ("HOLDS: Tòng Inh → Bí thư xã Pá Nhè", False),
        ("ATTENDS: Tòng Inh → Hội nghị", True),
    )
    assert errors[45].gold.wrong == {"q"}


def test_sentences_outside_the_kept_ranges_are_not_shown() -> None:
    kept = Document("x", GOLD.text, GOLD.entities[4:], kept=((45, len(GOLD.text)),))
    errors = telling_errors([pair(kept)])
    assert [e.start for e in errors] == [45]


def test_errors_are_sorted_by_weight_then_place() -> None:
    others = [Document(name, GOLD.text, GOLD.entities, GOLD.relations) for name in ("b", "a")]
    errors = telling_errors([Pair.of(d, PREDICTED.entities, PREDICTED.relations) for d in others])
    assert [(e.document, e.start) for e in errors] == [("a", 0), ("b", 0), ("a", 45), ("b", 45)]


def test_a_relation_alone_makes_an_error() -> None:
    extra = (*GOLD.relations, Relation("CHAIRS", "p", "v"))
    (error,) = telling_errors([Pair.of(GOLD, GOLD.entities, extra)])
    assert error.weight == 0.5
    assert ("CHAIRS: Tòng Inh → Hội nghị", True) in error.predicted.relations
