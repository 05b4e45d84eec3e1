"""The relation head: scores pairs of spans whose types the schema allows.

A pair is described by both spans (first, last and mean syllable state, type), the strongest signal
between them, their distance and order, and how many spans of either type stand between: in this
domain the nearest carrier usually wins. Span-pair classification as in SpERT (Eberts and Ulges
2020, https://arxiv.org/abs/1909.07755), with schema masking.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from data.schema import Schema
from models.configuration import ExtractorConfig

_EDGES = np.array([1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128])
_COUNTS = 4
ORDERS = 4
"""Head before tail, head after tail, head holds tail, tail holds head (or they cross)."""


@dataclass(frozen=True)
class Pairs:
    """Candidate pairs over a list of spans, as index and feature arrays of one row a pair."""

    head: np.ndarray
    tail: np.ndarray
    order: np.ndarray
    distance: np.ndarray
    heads_between: np.ndarray
    tails_between: np.ndarray
    gap_start: np.ndarray
    gap_end: np.ndarray

    def __len__(self) -> int:
        return len(self.head)


def allowed_table(schema: Schema) -> np.ndarray:
    """`[types, types, relations]`, true where the schema allows the relation."""
    types, names = schema.entity_types, schema.relation_names
    table = np.zeros((len(types), len(types), max(len(names), 1)), dtype=bool)
    for h, head in enumerate(types):
        for t, tail in enumerate(types):
            for name in schema.between(head, tail):
                table[h, t, names.index(name)] = True
    return table


def candidate_pairs(
    spans: np.ndarray, sentence: np.ndarray, allowed: np.ndarray, max_distance: int
) -> tuple[Pairs, dict[int, int]]:
    """All ordered pairs of one sentence that the schema allows.

    Args:
        spans: `[spans, 3]`: first and last syllable (inclusive) and type, in any order.
        sentence: `[spans]`: number of the sentence each stands in.
        allowed: as from `allowed_table`.
        max_distance: largest number of syllables between the two.

    Returns:
        The pairs, and how many of each sentence were left out because they are further apart.
    """
    heads, tails = [], []
    any_allowed = np.any(allowed, axis=-1)
    order = np.argsort(sentence, kind="stable")
    bounds = np.flatnonzero(np.diff(sentence[order])) + 1
    far: dict[int, int] = {}
    for group in np.split(order, bounds) if len(spans) else ():
        members = group[np.argsort(spans[group, 0], kind="stable")]
        starts = spans[members, 0]
        # Spans of each type before a place in the list, to count the pairs that are left out.
        seen = np.zeros((len(members) + 1, allowed.shape[0]), dtype=np.int64)
        np.add.at(seen, (np.arange(1, len(members) + 1), spans[members, 2]), 1)
        seen = seen.cumsum(0)
        # In a sentence of thousands of spans only near ones meet: work stays linear in the text.
        reach = np.searchsorted(starts, spans[members, 1] + max_distance + 1, side="right")
        for i, a in enumerate(members):
            near = members[i + 1 : reach[i]]
            beyond = seen[-1] - seen[reach[i]]
            if beyond.any():
                count = int(beyond @ (any_allowed[spans[a, 2]].astype(int) + any_allowed[:, spans[a, 2]]))
                number = int(sentence[a])
                far[number] = far.get(number, 0) + count
            forward = near[any_allowed[spans[a, 2], spans[near, 2]]]
            backward = near[any_allowed[spans[near, 2], spans[a, 2]]]
            heads += [np.full(len(forward), a), backward]
            tails += [forward, np.full(len(backward), a)]
    head = np.concatenate(heads).astype(np.int64) if heads else np.zeros(0, dtype=np.int64)
    tail = np.concatenate(tails).astype(np.int64) if tails else np.zeros(0, dtype=np.int64)
    return _describe(spans, sentence, head, tail), far


def _describe(spans: np.ndarray, sentence: np.ndarray, head: np.ndarray, tail: np.ndarray) -> Pairs:
    h, t = spans[head], spans[tail]
    before, after = h[:, 1] < t[:, 0], t[:, 1] < h[:, 0]
    holds = (h[:, 0] <= t[:, 0]) & (t[:, 1] <= h[:, 1])
    order = np.select([before, after, holds], [0, 1, 2], default=3)
    gap_start = np.where(before, h[:, 1] + 1, np.where(after, t[:, 1] + 1, 0))
    gap_end = np.where(before, t[:, 0], np.where(after, h[:, 0], 0))
    distance = np.digitize(gap_end - gap_start, _EDGES)
    between = [np.zeros(len(head), dtype=np.int64), np.zeros(len(head), dtype=np.int64)]
    # Spans are disjoint within a type, so those between two places are a range of a sorted list.
    for counts, types in ((between[0], h[:, 2]), (between[1], t[:, 2])):
        for type_ in np.unique(types):
            same = np.flatnonzero(spans[:, 2] == type_)
            starts, ends = np.sort(spans[same, 0]), np.sort(spans[same, 1])
            chosen = np.flatnonzero(types == type_)
            begun = np.searchsorted(starts, gap_start[chosen], side="left")
            ended = np.searchsorted(ends, gap_end[chosen], side="left")
            counts[chosen] = np.clip(ended - begun, 0, _COUNTS - 1)
    inside = order >= 2
    for counts in between:
        counts[inside] = 0
    return Pairs(head, tail, order, distance, between[0], between[1], gap_start, gap_end)


class RelationHead(nn.Module):
    """Scores `[pairs, relations]` from syllable states."""

    def __init__(self, config: ExtractorConfig) -> None:
        super().__init__()
        width, small = config.relation_hidden, config.relation_hidden // 4
        types = len(config.schema.entity_types)
        self.reduce = nn.Linear(config.hidden, width)
        self.gap = nn.Linear(config.hidden, small)
        self.types = nn.Embedding(types, small)
        self.span = nn.Linear(3 * width + small, width)
        self.order = nn.Embedding(ORDERS, small)
        self.distance = nn.Embedding(len(_EDGES) + 1, small)
        self.between = nn.Embedding(_COUNTS, small)
        relations = len(config.schema.relation_types)
        self.biaffine = config.relation_scorer == "biaffine"
        if self.biaffine:
            self.bilinear = nn.Parameter(torch.zeros(relations, width, width))
            self.out = nn.Linear(2 * width + 5 * small, relations)
        else:
            self.hidden = nn.Sequential(nn.Linear(3 * width + 5 * small, width), nn.GELU(), nn.Dropout(config.dropout))
            self.out = nn.Linear(width, relations)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, states: torch.Tensor, spans: np.ndarray, pairs: Pairs, chunk: int = 4096) -> torch.Tensor:
        """Logits of every relation for every pair; the schema's mask is applied by the caller.

        Args:
            states: `[syllables, hidden]`; spans: `[spans, 3]` in syllables of `states`.
            chunk: pairs scored at once; bounds memory, changes nothing else.
        """
        device = states.device
        if not len(pairs):
            return states.new_zeros((0, self.out.out_features))
        small, between = self.reduce(states), self.gap(states)

        def at(values: np.ndarray) -> torch.Tensor:
            return torch.from_numpy(np.ascontiguousarray(values)).to(device)

        first, last, types = at(spans[:, 0]), at(spans[:, 1]), at(spans[:, 2])
        parts = [small[first], small[last], range_means(small, first, last + 1), self.types(types)]
        span = self.dropout(torch.nn.functional.gelu(self.span(torch.cat(parts, -1))))
        gaps = range_maxima(between, at(pairs.gap_start), at(pairs.gap_end))
        rows = []
        for begin in range(0, len(pairs), chunk):
            part = slice(begin, begin + chunk)
            head, tail = span[at(pairs.head[part])], span[at(pairs.tail[part])]
            features = [
                head,
                tail,
                *([] if self.biaffine else [head * tail]),
                gaps[part],
                self.order(at(pairs.order[part])),
                self.distance(at(pairs.distance[part])),
                self.between(at(pairs.heads_between[part])),
                self.between(at(pairs.tails_between[part])),
            ]
            joined = torch.cat(features, -1)
            if self.biaffine:
                rows.append(self.out(joined) + torch.einsum("pi,rij,pj->pr", head, self.bilinear, tail))
            else:
                rows.append(self.out(self.hidden(joined)))
        return torch.cat(rows)


def range_means(states: torch.Tensor, start: torch.Tensor, end: torch.Tensor) -> torch.Tensor:
    """Mean of `states[start:end]` for each range, from prefix sums: cost does not grow with the ranges.

    Sums are in double precision, so that a text's other syllables leave no trace in the result.
    """
    sums = torch.cat([states.new_zeros((1, states.shape[1]), dtype=torch.float64), states.double().cumsum(0)])
    return ((sums[end] - sums[start]) / (end - start).unsqueeze(-1)).to(states.dtype)


def range_maxima(states: torch.Tensor, start: torch.Tensor, end: torch.Tensor) -> torch.Tensor:
    """Maximum of `states[start:end]` for each range; zero for empty ones.

    A sparse table holds the maxima of all windows of 1, 2, 4, … rows; any range is covered by two of them.
    """
    length = end - start
    power = torch.log2(length.clamp(min=1).double()).floor().long()
    levels = [states]
    for k in range(int(power.max())):
        before, step = levels[-1], 2**k
        shifted = torch.cat([before[step:], before[-1:].expand(min(step, len(before)), -1)])
        levels.append(torch.maximum(before, shifted))
    table = torch.stack(levels)
    last = (end - 2**power).clamp(min=0)
    first = start.clamp(max=len(states) - 1)
    found = torch.maximum(table[power, first], table[power, last])
    return torch.where((length > 0).unsqueeze(-1), found, torch.zeros_like(found))


def relation_targets(pairs: Pairs, gold: Sequence[tuple[int, int, int]], relations: int) -> np.ndarray:
    """`[pairs, relations]` of 0 and 1; `gold` holds `(relation, head, tail)` as span indices."""
    targets = np.zeros((len(pairs), relations), dtype=np.float32)
    row = {(int(h), int(t)): i for i, (h, t) in enumerate(zip(pairs.head, pairs.tail, strict=True))}
    for relation, head, tail in gold:
        if (head, tail) in row:
            targets[row[head, tail], relation] = 1
    return targets
