"""The span score against seqeval."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.documents import Document, Entity
from data.schema import PARTY_BUILDING
from eval import crosscheck
from eval.crosscheck import disagreements, seqeval_scores
from eval.scoring import Counts, Pair
from tests.eval.samples import pair, pairs

TYPES = PARTY_BUILDING.entity_types


@settings(max_examples=150)
@given(st.lists(pairs(), max_size=3))
def test_both_agree_on_random_annotations(found: list[Pair]) -> None:
    assert disagreements(found, TYPES) == []
    seen = {e.type for each in found for e in (*each.gold.entities, *each.entities)}
    assert seqeval_scores(found, TYPES).keys() == seen


def test_figures_by_hand() -> None:
    scores = seqeval_scores([pair()], TYPES)
    assert scores["PERSON"] == (1.0, 0.5, pytest.approx(2 / 3), 2)
    assert scores["LOCATION"] == (pytest.approx(2 / 3), pytest.approx(2 / 3), pytest.approx(2 / 3), 3)
    assert scores["ROLE"] == (0, 0, 0, 1)
    assert scores["TERM"] == (0, 0, 0, 0)
    assert list(scores) == [type_ for type_ in TYPES if type_ in scores]


def test_touching_spans_of_one_type_stay_two() -> None:
    gold = Document("x", "ba bốn", (Entity("a", "TERM", 0, 2), Entity("b", "TERM", 3, 6)))
    joined = Pair.of(gold, [Entity("c", "TERM", 0, 6)], [])
    assert seqeval_scores([joined], TYPES) == {"TERM": (0, 0, 0, 2)}
    assert seqeval_scores([Pair.of(gold, gold.entities, [])], TYPES) == {"TERM": (1, 1, 1, 2)}


def test_a_disagreement_is_told_with_both_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = {type_: Counts(1, 1, 1) for type_ in TYPES}
    monkeypatch.setattr(crosscheck, "summed", lambda *_: wrong)
    told = disagreements([pair()], ("PERSON",))
    assert told == ["PERSON: spans (1.0, 1.0, 1.0, 1), seqeval (1.0, 0.5, 0.6666666666666666, 2)"]
