"""Tag paths against brute force over all of them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from models.decoding import FORBIDDEN, Span, decode, grammar, log_likelihood

Path = tuple[int, ...]


def spans_of(path: Path) -> set[tuple[int, int, int]]:
    """`(first, last, type)` of a valid tag path."""
    found = set()
    for first, tag in enumerate(path):
        if tag % 2 == 1:
            last = first
            while last + 1 < len(path) and path[last + 1] == tag + 1:
                last += 1
            found.add((first, last, (tag - 1) // 2))
    return found


def valid(path: Path) -> bool:
    before = (0, *path[:-1])
    return all(tag == 0 or tag % 2 == 1 or old in (tag - 1, tag) for old, tag in zip(before, path, strict=True))


def all_paths(scores: np.ndarray, transitions: np.ndarray, start: np.ndarray) -> dict[Path, float]:
    """Score of every valid path of one sentence and track."""
    steps, tags = scores.shape
    found = {}
    for path in itertools.product(range(tags), repeat=steps):
        if valid(path):
            value = start[path[0]] + sum(scores[i, tag] for i, tag in enumerate(path))
            found[path] = float(value + sum(transitions[a, b] for a, b in itertools.pairwise(path)))
    return found


def random_problem(types: int, seed: int, tracks: int = 2) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Scores, lengths, transitions and start scores, with learned parts on top of the grammar."""
    random = np.random.default_rng(seed)
    tags = 1 + 2 * types
    lengths = np.array([5, 1, 3] if types == 1 else [4, 1, 3])
    scores = random.normal(0, 2, (3, lengths.max(), tracks, tags)).astype(np.float32)
    transitions, start = grammar(types)
    learned = random.normal(0, 0.7, (tracks, tags, tags)), random.normal(0, 0.7, (tracks, tags))
    return scores, lengths, (transitions + learned[0]).astype(np.float32), (start + learned[1]).astype(np.float32)


def test_grammar_of_one_and_two_types() -> None:
    no = FORBIDDEN
    transitions, start = grammar(1)
    assert transitions.tolist() == [[0, 0, no], [0, 0, 0], [0, 0, 0]]
    assert start.tolist() == [0, 0, no]
    transitions, start = grammar(2)
    assert transitions.tolist() == [
        [0, 0, no, 0, no],
        [0, 0, 0, 0, no],
        [0, 0, 0, 0, no],
        [0, 0, no, 0, 0],
        [0, 0, no, 0, 0],
    ]
    assert start.tolist() == [0, 0, no, 0, no]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("types", [1, 2])
def test_best_path_and_span_probability(types: int, seed: int) -> None:
    scores, lengths, transitions, start = random_problem(types, seed)
    found = decode(scores, lengths, transitions, start)
    for row, track in itertools.product(range(len(scores)), range(scores.shape[2])):
        paths = all_paths(scores[row, : lengths[row], track], transitions[track], start[track])
        best = max(paths, key=paths.__getitem__)
        total = np.logaddexp.reduce(list(paths.values()))
        got = {(s.first, s.last, s.type): s.score for s in found[row] if s.track == track}
        assert set(got) == spans_of(best)
        for span, score in got.items():
            share = sum(np.exp(value - total) for path, value in paths.items() if span in spans_of(path))
            assert score == pytest.approx(share, abs=1e-6)


@pytest.mark.parametrize("types", [1, 2])
def test_log_likelihood(types: int) -> None:
    scores, lengths, transitions, start = random_problem(types, 99)
    steps = scores.shape[1]
    mask = torch.arange(steps)[None] < torch.tensor(lengths)[:, None]
    for row, track in itertools.product(range(len(scores)), range(scores.shape[2])):
        paths = all_paths(scores[row, : lengths[row], track], transitions[track], start[track])
        total = np.logaddexp.reduce(list(paths.values()))
        for path in list(paths)[:: max(len(paths) // 5, 1)]:
            tags = torch.zeros(scores.shape[:3], dtype=torch.long)
            tags[row, : len(path), track] = torch.tensor(path)
            value = log_likelihood(torch.tensor(scores), tags, mask, torch.tensor(transitions), torch.tensor(start))
            assert value.shape == (len(scores), scores.shape[2])
            assert value[row, track].item() == pytest.approx(paths[path] - total, abs=1e-4)


def test_likelihoods_of_all_paths_sum_to_one() -> None:
    scores, _, transitions, start = random_problem(1, 5, tracks=1)
    paths = [path for path in itertools.product(range(3), repeat=4) if valid(path)]
    batch = torch.tensor(scores[:1, :4]).expand(len(paths), -1, -1, -1)
    mask = torch.ones(len(paths), 4, dtype=torch.bool)
    tags = torch.tensor(paths)[..., None]
    values = log_likelihood(batch, tags, mask, torch.tensor(transitions), torch.tensor(start))
    assert values.exp().sum().item() == pytest.approx(1, abs=1e-5)


@st.composite
def problems(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, int]:
    types = draw(st.integers(1, 2))
    shape = (draw(st.integers(1, 3)), draw(st.integers(1, 4)), 2, 1 + 2 * types)
    values = st.floats(-500, 500, width=32) | st.sampled_from([0.0, 1.0, 3.0])
    scores = draw(hnp.arrays(np.float32, shape, elements=values))
    lengths = draw(hnp.arrays(np.int64, shape[0], elements=st.integers(1, shape[1])))
    return scores, lengths, types


@settings(max_examples=60)
@given(problems())
def test_never_an_invalid_path_whatever_the_scores(problem: tuple[np.ndarray, np.ndarray, int]) -> None:
    scores, lengths, types = problem
    transitions, start = (np.stack([each, each]) for each in grammar(types))
    for row, spans in enumerate(decode(scores, lengths, transitions, start)):
        assert spans == sorted(spans, key=lambda s: (s.first, -s.last, s.track))
        for track in (0, 1):
            own = [s for s in spans if s.track == track]
            assert all(0 <= s.first <= s.last < lengths[row] and 0 <= s.type < types for s in own)
            assert all(a.last < b.first for a, b in itertools.pairwise(own)), "overlap within a track"
            assert all(0 <= s.score <= 1 for s in own)
            paths = all_paths(scores[row, : lengths[row], track].astype(np.float64), transitions[track], start[track])
            # Scores may tie: the spans are those of one of the best paths.
            best = max(paths.values())
            ties = [spans_of(path) for path, value in paths.items() if value >= best - 1e-6]
            assert {(s.first, s.last, s.type) for s in own} in ties


def test_threshold_leaves_out_unlikely_spans() -> None:
    scores = np.zeros((3, 1, 1, 3), dtype=np.float32)
    scores[:, 0, 0, 1] = [3, 0.2, -1]
    transitions, start = (each[None] for each in grammar(1))
    lengths = np.array([1, 1, 1])
    every = decode(scores, lengths, transitions, start)
    assert [[span.score for span in row] for row in every] == [
        [pytest.approx(1 / (1 + np.exp(-3)))],
        [pytest.approx(1 / (1 + np.exp(-0.2)))],
        [],
    ]
    assert decode(scores, lengths, transitions, start, threshold=0.6) == [every[0], [], []]


def test_what_lies_behind_a_sentence_changes_nothing() -> None:
    scores, lengths, transitions, start = random_problem(1, 3)
    other = scores.copy()
    other[1, 1:], other[2, 3:] = 1e6, -1e6
    assert decode(other, lengths, transitions, start) == decode(scores, lengths, transitions, start)


def test_a_very_long_sentence() -> None:
    count = 6_000
    scores = np.zeros((1, count, 1, 3), dtype=np.float32)
    scores[..., 0] = 4
    scores[0, 10, 0, 1] = scores[0, 11:count, 0, 2] = 12
    transitions, start = (each[None] for each in grammar(1))
    ((span,),) = decode(scores, np.array([count]), transitions, start)
    assert span == Span(10, count - 1, 0, 0, span.score)
    # A new span may begin at each of 5,989 steps, at 12 less each; the last syllable may be outside, at 8 less.
    assert np.log(span.score) == pytest.approx(-(count - 11) * np.exp(-12) - np.exp(-8), rel=0.02)
