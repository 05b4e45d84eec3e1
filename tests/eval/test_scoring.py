"""Scores on examples counted by hand, for every rule."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.documents import Document, Entity, Relation
from eval import scoring
from eval.scoring import Counts, Pair, bootstrap, by_sentence, headline, macro_f1, match, summed, total
from models.results import Prediction
from tests.eval.samples import GOLD, PREDICTED, pair, pairs

RULES = (scoring.strict, scoring.boundary, scoring.partial, scoring.relations, scoring.relations_boundary)


def test_counts() -> None:
    counts = Counts(3, 4, 6)
    assert (counts.precision, counts.recall, counts.f1) == (0.75, 0.5, 0.6)
    assert counts + Counts(1, 1, 1) == Counts(4, 5, 7)
    assert counts.to_dict() == {
        "precision": 0.75,
        "recall": 0.5,
        "f1": 0.6,
        "correct": 3,
        "predicted": 4,
        "support": 6,
    }
    nothing = Counts()
    assert (nothing.precision, nothing.recall, nothing.f1) == (0, 0, 0)
    assert Counts(0, 2, 0).f1 == Counts(0, 0, 2).f1 == 0


def test_strict() -> None:
    assert scoring.strict(pair()) == {
        "PERSON": Counts(1, 1, 2),
        "ROLE": Counts(0, 1, 1),
        "LOCATION": Counts(2, 3, 3),
        "EVENT": Counts(0, 0, 1),
        "TERM": Counts(0, 1, 0),
        "DATE": Counts(0, 1, 0),
    }


def test_boundary() -> None:
    # The person, two places, the event taken for a term and the person taken for a place.
    assert scoring.boundary(pair()) == {"all": Counts(5, 7, 7)}


def test_partial() -> None:
    assert scoring.partial(pair()) == {
        "PERSON": Counts(1, 1, 2),
        "ROLE": Counts(0.5, 1, 1),
        "LOCATION": Counts(2, 3, 3),
        "EVENT": Counts(0, 0, 1),
        "TERM": Counts(0, 1, 0),
        "DATE": Counts(0, 1, 0),
    }


def one_type(gold: list[tuple[int, int]], predicted: list[tuple[int, int]]) -> Pair:
    text = "ba " * 20
    document = Document("x", text.strip(), tuple(Entity(f"g{s}", "TERM", s, e) for s, e in gold))
    return Pair.of(document, [Entity(f"p{i}", "TERM", s, e) for i, (s, e) in enumerate(predicted)], [])


@pytest.mark.parametrize(
    ("gold", "predicted", "correct"),
    [
        ([(0, 2)], [(0, 2)], 1),
        ([(0, 5)], [(3, 8)], 0.5),
        ([(0, 2)], [(3, 5)], 0),
        ([(0, 8)], [(0, 2), (3, 5), (6, 8)], 0.5),
        ([(0, 2), (3, 5), (6, 8)], [(0, 8)], 0.5),
        ([(0, 5), (6, 11)], [(3, 8), (9, 11)], 1),
        ([(0, 5), (6, 11)], [(0, 5), (3, 8)], 1.5),
        ([(0, 2)], [], 0),
    ],
)
def test_partial_uses_each_span_once(
    gold: list[tuple[int, int]], predicted: list[tuple[int, int]], correct: float
) -> None:
    assert scoring.partial(one_type(gold, predicted)) == {"TERM": Counts(correct, len(predicted), len(gold))}


def test_relations() -> None:
    # The role's boundary is wrong, so its relation is, too.
    assert scoring.relations(pair()) == {"HOLDS": Counts(0, 1, 1), "ATTENDS": Counts(0, 0, 1)}
    exact = Prediction(
        GOLD.text,
        (Entity("a", "PERSON", 4, 12), Entity("b", "ROLE", 14, 30), Entity("c", "EVENT", 35, 43)),
        (Relation("HOLDS", "a", "b"), Relation("CHAIRS", "a", "c")),
    )
    assert scoring.relations(pair(GOLD, exact)) == {
        "HOLDS": Counts(1, 1, 1),
        "ATTENDS": Counts(0, 0, 1),
        "CHAIRS": Counts(0, 1, 0),
    }


def test_relations_boundary_ignores_the_types_of_both_ends() -> None:
    mistyped = Prediction(
        GOLD.text,
        (Entity("a", "ROLE", 4, 12), Entity("b", "TERM", 14, 30)),
        (Relation("HOLDS", "a", "b"),),
    )
    assert scoring.relations(pair(GOLD, mistyped))["HOLDS"] == Counts(0, 1, 1)
    assert scoring.relations_boundary(pair(GOLD, mistyped))["HOLDS"] == Counts(1, 1, 1)
    turned = Prediction(GOLD.text, mistyped.entities, (Relation("HOLDS", "b", "a"),))
    assert scoring.relations_boundary(pair(GOLD, turned))["HOLDS"] == Counts(0, 1, 1)


def test_only_kept_ranges_count_on_either_side() -> None:
    end = GOLD.text.index("\n")
    kept = Document("x", GOLD.text, GOLD.entities[:4], GOLD.relations, kept=((0, end),))
    found = pair(kept)
    assert [e.id for e in found.entities] == ["e1", "e2", "e3", "e4", "e7"]
    assert total(scoring.strict(found)) == Counts(2, 5, 4)
    crossing = Prediction(
        GOLD.text, (Entity("a", "PERSON", 35, 51), Entity("b", "ROLE", 14, 30)), (Relation("HOLDS", "a", "b"),)
    )
    assert total(scoring.strict(pair(kept, crossing))) == Counts(1, 1, 4)
    assert total(scoring.relations(pair(kept, crossing))) == Counts(0, 0, 2)


def test_duplicates_count_as_often_as_they_stand() -> None:
    items = [("A", 1), ("A", 1), ("A", 2), ("B", 1)]
    assert match([("A", 1), ("A", 1), ("B", 1)], items) == {"A": Counts(2, 3, 2), "B": Counts(1, 1, 1)}
    assert match([("A", 1)], items) == {"A": Counts(1, 3, 1), "B": Counts(0, 1, 0)}
    twice = (*PREDICTED.entities, Entity("e8", "PERSON", 4, 12))
    found = Pair.of(GOLD, twice, PREDICTED.relations)
    assert scoring.strict(found)["PERSON"] == Counts(1, 2, 2)
    assert scoring.partial(found)["PERSON"] == Counts(1, 2, 2)
    assert scoring.boundary(found)["all"] == Counts(5, 8, 7)
    again = Pair.of(GOLD, PREDICTED.entities, (*PREDICTED.relations, *PREDICTED.relations))
    assert scoring.relations(again)["HOLDS"] == Counts(0, 2, 1)


def test_sums_and_averages() -> None:
    scores = summed([pair(), pair(GOLD, Prediction(GOLD.text))], scoring.strict)
    assert scores["LOCATION"] == Counts(2, 3, 6)
    assert total(scores) == Counts(3, 7, 14)
    # Over types with support: PERSON 2/5, ROLE 0, LOCATION 4/9, EVENT 0.
    assert macro_f1(scores) == pytest.approx((0.4 + 4 / 9) / 4)
    assert macro_f1({"A": Counts(0, 3, 0)}) == 0
    assert total({}) == Counts()


def test_headline() -> None:
    found = headline([pair()])
    assert found["entity_precision"] == pytest.approx(3 / 7)
    assert found["entity_recall"] == pytest.approx(3 / 7)
    assert found["entity_f1"] == pytest.approx(3 / 7)
    assert found["entity_macro_f1"] == pytest.approx((2 / 3 + 2 / 3) / 4)
    assert (found["relation_precision"], found["relation_recall"], found["relation_f1"]) == (0, 0, 0)


def test_bootstrap_is_repeatable_and_contains_the_score() -> None:
    random = np.random.default_rng(4)
    units = [Counts(min(p, g), p, g) for p, g in random.integers(0, 6, (60, 2)).tolist()]
    low, high = bootstrap(units)
    assert bootstrap(units) == (low, high)
    assert bootstrap(units, seed=14) != (low, high)
    assert 0 < low < sum(units, Counts()).f1 < high < 1
    assert bootstrap([Counts(1, 2, 2)] * 5) == (0.5, 0.5)
    assert bootstrap([]) == bootstrap([Counts()] * 3) == (0, 0)
    few = bootstrap(units, samples=150)
    assert few == bootstrap(units, samples=150)
    assert few != (low, high)


def test_by_sentence_by_hand() -> None:
    assert by_sentence(pair(), scoring.strict) == [Counts(2, 5, 4), Counts(1, 2, 3)]
    assert by_sentence(pair(), scoring.relations) == [Counts(0, 1, 2), Counts()]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_sentences_sum_to_the_whole(rule: scoring.Rule) -> None:
    @given(pairs())
    def check(found: Pair) -> None:
        assert sum(by_sentence(found, rule), Counts()) == total(rule(found))

    check()


def test_a_span_across_sentences_counts_where_it_starts() -> None:
    wide = Prediction(GOLD.text, (Entity("a", "TERM", 35, 51),))
    assert by_sentence(pair(GOLD, wide), scoring.strict) == [Counts(0, 1, 4), Counts(0, 0, 3)]


@given(st.lists(st.tuples(st.sampled_from("AB"), st.integers(0, 3)), max_size=8), st.data())
def test_match_is_symmetric_and_bounded(items: list[tuple[str, int]], data: st.DataObject) -> None:
    other = data.draw(st.lists(st.tuples(st.sampled_from("AB"), st.integers(0, 3)), max_size=8))
    one, two = match(items, other), match(other, items)
    assert one.keys() == two.keys() == {type_ for type_, _ in (*items, *other)}
    for type_, counts in one.items():
        assert counts == Counts(two[type_].correct, two[type_].gold, two[type_].predicted)
        assert counts.correct <= min(counts.predicted, counts.gold)
    assert total(match(items, items)) == Counts(len(items), len(items), len(items))
