"""Candidate pairs against brute force, and the relation head."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from data.schema import PARTY_BUILDING, RelationType, Schema
from models.configuration import ExtractorConfig
from models.relations import (
    RelationHead,
    allowed_table,
    candidate_pairs,
    range_maxima,
    range_means,
    relation_targets,
)

TYPES = PARTY_BUILDING.entity_types
ALLOWED = allowed_table(PARTY_BUILDING)
ANY = ALLOWED.any(-1)
LENGTH = 12
"""Syllables of a sentence in random problems."""


def number(type_: str) -> int:
    return TYPES.index(type_)


def gap(a: np.ndarray, b: np.ndarray) -> int:
    """Syllables between two spans; negative when they overlap."""
    return int(max(b[0] - a[1], a[0] - b[1]) - 1)


@st.composite
def problems(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, int]:
    """Spans of three sentences, disjoint within a type, in any order; and a distance limit."""
    kinds = st.sampled_from([number(t) for t in ("PERSON", "ROLE", "PARTY_ORG", "TERM", "QUANTITY")])
    place = st.tuples(st.integers(0, 3 * LENGTH - 1), st.integers(0, 4), kinds)
    kept: list[tuple[int, int, int]] = []
    for first, length, kind in draw(st.lists(place, max_size=14)):
        last = min(first + length, first // LENGTH * LENGTH + LENGTH - 1)
        if not any(k == kind and a <= last and first <= b for a, b, k in kept):
            kept.append((first, last, kind))
    spans = np.array(kept, dtype=np.int64).reshape(-1, 3)
    return spans, spans[:, 0] // LENGTH, draw(st.integers(0, LENGTH))


def test_the_table_is_the_schema() -> None:
    names = PARTY_BUILDING.relation_names
    for h, head in enumerate(TYPES):
        for t, tail in enumerate(TYPES):
            found = {name for r, name in enumerate(names) if ALLOWED[h, t, r]}
            assert found == set(PARTY_BUILDING.between(head, tail))
    assert ALLOWED.sum() == 1 + 4 + 5 + 1 + 4 + 1 + 1 + 4 + 1 + 7
    assert not allowed_table(Schema(("A", "B"))).any()


@given(problems())
def test_pairs_are_those_of_brute_force(problem: tuple[np.ndarray, np.ndarray, int]) -> None:
    spans, sentence, limit = problem
    pairs, far = candidate_pairs(spans, sentence, ALLOWED, limit)
    wanted, beyond = set(), {}
    for h in range(len(spans)):
        for t in range(len(spans)):
            if h != t and sentence[h] == sentence[t] and ANY[spans[h, 2], spans[t, 2]]:
                if gap(spans[h], spans[t]) <= limit:
                    wanted.add((h, t))
                else:
                    beyond[int(sentence[h])] = beyond.get(int(sentence[h]), 0) + 1
    assert {(int(h), int(t)) for h, t in zip(pairs.head, pairs.tail, strict=True)} == wanted
    assert len(pairs) == len(wanted)
    assert {number: count for number, count in far.items() if count} == beyond


@given(problems())
def test_features_of_pairs_are_those_of_brute_force(problem: tuple[np.ndarray, np.ndarray, int]) -> None:
    spans, sentence, _ = problem
    pairs, _ = candidate_pairs(spans, sentence, ALLOWED, LENGTH)
    for i in range(len(pairs)):
        h, t = spans[pairs.head[i]], spans[pairs.tail[i]]
        if h[1] < t[0] or t[1] < h[0]:
            order, low, high = (0, h[1] + 1, t[0]) if h[1] < t[0] else (1, t[1] + 1, h[0])
            counts = [sum(s[2] == kind and low <= s[0] and s[1] < high for s in spans) for kind in (h[2], t[2])]
        else:
            order, low, high = 2 if h[0] <= t[0] and t[1] <= h[1] else 3, 0, 0
            counts = [0, 0]
        assert (pairs.order[i], pairs.gap_start[i], pairs.gap_end[i]) == (order, low, high)
        assert [pairs.heads_between[i], pairs.tails_between[i]] == [min(count, 3) for count in counts]


def test_distance_classes_grow_with_the_gap() -> None:
    edges = [0, 1, 2, 3, 4, 5, 6, 8, 11, 12, 16, 24, 32, 48, 64, 95, 96, 127, 128, 200]
    spans = np.array([[0, 0, number("PERSON")], *([g + 1, g + 1, number("ROLE")] for g in edges)])
    pairs, far = candidate_pairs(spans, np.zeros(len(spans), dtype=int), ALLOWED, 256)
    by_gap = {int(pairs.gap_end[i] - pairs.gap_start[i]): int(pairs.distance[i]) for i in range(len(pairs))}
    assert far == {}
    assert by_gap == dict(zip(edges, [0, 1, 2, 3, 4, 4, 5, 6, 6, 7, 8, 9, 10, 11, 12, 12, 13, 13, 14, 14], strict=True))


def test_spans_between_are_counted_by_kind() -> None:
    person, role = number("PERSON"), number("ROLE")
    spans = np.array([[0, 1, person], [3, 3, person], [5, 6, person], [8, 8, role], [10, 12, role]])
    pairs, _ = candidate_pairs(spans, np.zeros(5, dtype=int), ALLOWED, 99)
    found = {
        (int(h), int(t)): (int(a), int(b))
        for h, t, a, b in zip(pairs.head, pairs.tail, pairs.heads_between, pairs.tails_between, strict=True)
    }
    assert found == {(0, 3): (2, 0), (0, 4): (2, 1), (1, 3): (1, 0), (1, 4): (1, 1), (2, 3): (0, 0), (2, 4): (0, 1)}


def test_every_distant_pair_is_counted() -> None:
    count = 3_000
    roles = np.stack([np.arange(count) + 100, np.arange(count) + 100, np.full(count, number("ROLE"))], -1)
    spans = np.concatenate([[[0, 0, number("PERSON")]], roles])
    pairs, far = candidate_pairs(spans, np.full(count + 1, 7), ALLOWED, 10)
    assert (len(pairs), far) == (0, {7: count})


def test_nothing_to_pair() -> None:
    pairs, far = candidate_pairs(np.zeros((0, 3), dtype=int), np.zeros(0, dtype=int), ALLOWED, 5)
    assert (len(pairs), far) == (0, {})


@pytest.fixture(scope="module")
def head() -> RelationHead:
    torch.manual_seed(3)
    return RelationHead(ExtractorConfig(hidden=16, relation_hidden=12)).eval()


def case(count: int = 40, seed: int = 0) -> tuple[torch.Tensor, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    first = random.integers(0, 60, count)
    spans = np.stack([first, np.minimum(first + random.integers(0, 5, count), 59), random.integers(0, 12, count)], -1)
    return torch.randn(60, 16, generator=torch.Generator().manual_seed(seed)), spans, spans[:, 0] // 20


@torch.no_grad()
def test_scores_have_a_column_a_relation_and_chunks_change_nothing(head: RelationHead) -> None:
    states, spans, sentence = case()
    pairs, _ = candidate_pairs(spans, sentence, ALLOWED, 99)
    whole = head(states, spans, pairs)
    assert whole.shape == (len(pairs), 10)
    assert len(pairs) > 20
    torch.testing.assert_close(head(states, spans, pairs, chunk=7), whole, atol=1e-6, rtol=0)
    none, _ = candidate_pairs(spans[:1], sentence[:1], ALLOWED, 99)
    assert head(states, spans, none).shape == (0, 10)


@torch.no_grad()
def test_a_score_does_not_depend_on_other_sentences(head: RelationHead) -> None:
    states, spans, sentence = case()
    pairs, _ = candidate_pairs(spans, sentence, ALLOWED, 99)
    whole = head(states, spans, pairs)
    inside = np.flatnonzero(sentence == 1)
    own = spans[inside] - [[20, 20, 0]]
    alone, _ = candidate_pairs(own, np.zeros(len(own), dtype=int), ALLOWED, 99)
    # The last sentence begins at 40; a span of this one may reach into it.
    scores = head(states[20:], own, alone)
    rows = {(int(h), int(t)): i for i, (h, t) in enumerate(zip(pairs.head, pairs.tail, strict=True))}
    matching = [rows[int(inside[h]), int(inside[t])] for h, t in zip(alone.head, alone.tail, strict=True)]
    assert matching
    torch.testing.assert_close(scores, whole[matching], atol=1e-5, rtol=0)


@given(st.integers(1, 40), st.lists(st.tuples(st.integers(0, 39), st.integers(0, 40)), min_size=1, max_size=20))
def test_range_means_and_maxima(size: int, places: list[tuple[int, int]]) -> None:
    states = torch.randn(size, 3, generator=torch.Generator().manual_seed(size))
    starts = torch.tensor([min(a, size - 1) for a, _ in places])
    ends = torch.tensor([max(min(b, size), int(a)) for (_, b), a in zip(places, starts, strict=True)])
    maxima = range_maxima(states, starts, ends)
    for row, (a, b) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
        assert maxima[row].tolist() == (states[a:b].amax(0) if b > a else torch.zeros(3)).tolist()
    ends = torch.maximum(ends, starts + 1)
    means = range_means(states, starts, ends)
    for row, (a, b) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
        torch.testing.assert_close(means[row], states[a:b].mean(0))


def test_one_long_span_among_many_needs_no_memory_of_its_own(head: RelationHead) -> None:
    count = 20_000
    units = np.stack([np.arange(count), np.arange(count), np.full(count, number("DATE"))], -1)
    spans = np.concatenate([[[0, count - 1, number("EVENT")]], units])
    sentence = np.zeros(count + 1, dtype=int)
    pairs, _ = candidate_pairs(spans, sentence, ALLOWED, 5)
    assert len(pairs) == count
    with torch.inference_mode():
        scores = head(torch.zeros(count, 16), spans, pairs)
    assert scores.isfinite().all()


def test_targets_mark_gold_pairs() -> None:
    schema = Schema(("A", "B"), (RelationType("R", ("A",), ("B",)), RelationType("S", ("A", "B"), ("B",))))
    spans = np.array([[0, 0, 0], [2, 2, 1], [4, 4, 1]])
    pairs, _ = candidate_pairs(spans, np.zeros(3, dtype=int), allowed_table(schema), 9)
    rows = list(zip(pairs.head.tolist(), pairs.tail.tolist(), strict=True))
    assert sorted(rows) == [(0, 1), (0, 2), (1, 2), (2, 1)]
    targets = relation_targets(pairs, [(0, 0, 1), (1, 0, 1), (1, 2, 1), (0, 1, 0)], 2)
    assert {row: targets[i].tolist() for i, row in enumerate(rows)} == {
        (0, 1): [1, 1],
        (0, 2): [0, 0],
        (1, 2): [0, 0],
        (2, 1): [0, 1],
    }
    assert targets.dtype == np.float32


def test_a_biaffine_scorer_is_a_bilinear_form() -> None:
    config = ExtractorConfig(hidden=16, relation_hidden=8, relation_scorer="biaffine", dropout=0.0)
    torch.manual_seed(1)
    head = RelationHead(config).eval()
    states = torch.randn(6, 16)
    spans = np.array([[0, 1, number("PERSON")], [3, 3, number("ROLE")]])
    pairs, _ = candidate_pairs(spans, np.zeros(2, dtype=np.int64), ALLOWED, 50)
    plain = head(states, spans, pairs)
    assert plain.shape == (1, len(PARTY_BUILDING.relation_types))
    with torch.no_grad():
        head.bilinear[2] = torch.randn(8, 8)
    changed = head(states, spans, pairs) - plain
    assert changed[0, 2].abs() > 1e-3
    changed[0, 2] = 0
    assert torch.allclose(changed, torch.zeros_like(changed), atol=1e-6)
