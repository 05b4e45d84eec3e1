"""From features to spans and relations with a trained model, many texts at a time.

Windows of all texts go through the encoder sorted by length; everything after it works on syllables
laid end to end. What one text gets never depends on which others are at hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from models.decoding import decode
from models.extractor import Extractor
from models.features import Features, collate
from models.relations import candidate_pairs

DECODE_ROWS = 64
"""Sentences decoded at once; they are sorted by length, so little of that is padding."""


@dataclass
class Found:
    """What was found in one `Features`: spans as `(first, last, type, probability)` with inclusive
    syllables and schema indices, relations as `(relation, head, tail, probability)` with span indices.
    """

    spans: list[tuple[int, int, int, float]] = field(default_factory=list)
    relations: list[tuple[int, int, int, float]] = field(default_factory=list)
    distant_pairs: int = 0


GivenSpans = Sequence[Sequence[tuple[int, int, int]]]


@torch.inference_mode()
def extract(
    model: Extractor,
    items: Sequence[Features],
    *,
    batch_size: int = 16,
    entity_threshold: float | None = None,
    relation_threshold: float | None = None,
    given: GivenSpans | None = None,
) -> list[Found]:
    """Spans and relations of each item.

    Args:
        batch_size: windows in one encoder pass.
        entity_threshold, relation_threshold: override the model's own.
        given: for each item, spans to relate instead of predicting them; they keep their order.
    """
    if not items:
        return []
    config = model.config
    relation_threshold = config.relation_threshold if relation_threshold is None else relation_threshold
    entity_threshold = config.entity_threshold if entity_threshold is None else entity_threshold
    states = _states(model, items, batch_size)
    if given is None:
        spans = _decode(model, states, items, entity_threshold)
    else:
        spans = [[(first, last, type_, 1.0) for first, last, type_ in each] for each in given]
    found = [Found(spans=list(each)) for each in spans]
    if model.relations is not None:
        _relate(model, states, items, found, relation_threshold)
    return found


def _states(model: Extractor, items: Sequence[Features], batch_size: int) -> torch.Tensor:
    """Syllable states of all items, end to end."""
    chunks = [chunk for item in items for chunk in item.chunks]
    pieces: list[torch.Tensor] = [torch.empty(0)] * len(chunks)
    order = sorted(range(len(chunks)), key=lambda i: len(chunks[i]))
    pad, device = model.tokenization.pad, model.device
    for begin in range(0, len(order), batch_size):
        rows = order[begin : begin + batch_size]
        length = len(chunks[rows[-1]])
        ids = torch.full((len(rows), length), pad, dtype=torch.long)
        mask = torch.zeros((len(rows), length), dtype=torch.long)
        for row, index in enumerate(rows):
            ids[row, : len(chunks[index])] = torch.tensor(chunks[index])
            mask[row, : len(chunks[index])] = 1
        hidden = model.encode(ids.to(device), mask.to(device))
        for row, index in enumerate(rows):
            pieces[index] = hidden[row, : len(chunks[index])].clone()
    flat = torch.cat(pieces)
    offsets = np.cumsum([0, *(len(chunk) for chunk in chunks)])
    batch = collate(items, pad, offsets)
    return model.syllable_states(flat, batch.to(device))


def _decode(
    model: Extractor, states: torch.Tensor, items: Sequence[Features], threshold: float
) -> list[list[tuple[int, int, int, float]]]:
    scores = model.tag_scores(states).float().cpu().numpy()
    transitions, start = (t.detach().float().cpu().numpy() for t in model.transitions())
    index = {type_: i for i, type_ in enumerate(model.config.schema.entity_types)}
    types = [[index[type_] for type_ in track] for track in model.config.tracks]
    ranges = []
    offset = 0
    for number, item in enumerate(items):
        ranges += [(number, offset, first, last) for first, last in item.sentence_ranges]
        offset += len(item)
    ranges.sort(key=lambda r: r[3] - r[2])
    spans: list[list[tuple[int, int, int, float]]] = [[] for _ in items]
    for rows in decode_batches(ranges):
        lengths = np.array([last - first for _, _, first, last in rows])
        padded = np.zeros((len(rows), int(lengths.max()), *scores.shape[1:]), dtype=np.float32)
        for row, (_, base, first, last) in enumerate(rows):
            padded[row, : last - first] = scores[base + first : base + last]
        for (number, _, first, _), decoded in zip(
            rows, decode(padded, lengths, transitions, start, threshold), strict=True
        ):
            spans[number] += [(first + s.first, first + s.last, types[s.track][s.type], s.score) for s in decoded]
    for each in spans:
        each.sort(key=lambda s: (s[0], -s[1], s[2]))
    return spans


def decode_batches(
    ranges: list[tuple[int, int, int, int]], rows: int = DECODE_ROWS, syllables: int = 20_000
) -> list[list[tuple[int, int, int, int]]]:
    """Cut sentences, sorted by length, into groups of bounded padded size."""
    groups: list[list[tuple[int, int, int, int]]] = []
    for each in ranges:
        length = each[3] - each[2]
        if not groups or len(groups[-1]) == rows or (len(groups[-1]) + 1) * length > syllables:
            groups.append([])
        groups[-1].append(each)
    return groups


def _relate(
    model: Extractor, states: torch.Tensor, items: Sequence[Features], found: list[Found], threshold: float
) -> None:
    rows, sentences, owner = [], [], []
    offset = 0
    for number, (item, each) in enumerate(zip(items, found, strict=True)):
        for first, last, type_, _ in each.spans:
            rows.append((first + offset, last + offset, type_))
            # Sentences of different items must not meet.
            sentences.append(offset + int(np.searchsorted(item.sentence, item.sentence[first])))
            owner.append(number)
        offset += len(item)
    if not rows:
        return
    spans, owners = np.array(rows), np.array(owner)
    pairs, far = candidate_pairs(spans, np.array(sentences), model.allowed, model.config.relation_distance)
    found[0].distant_pairs += far
    if not len(pairs):
        return
    scores = torch.sigmoid(model.relations(states, spans, pairs).float()).cpu().numpy()  # type: ignore[misc]
    scores[~model.relation_mask(spans[pairs.head, 2], spans[pairs.tail, 2])] = 0
    before = np.searchsorted(owners, np.arange(len(items)))
    for pair, relation in zip(*np.nonzero(scores >= max(threshold, 1e-9)), strict=True):
        head, tail = int(pairs.head[pair]), int(pairs.tail[pair])
        number = int(owners[head])
        base = int(before[number])
        found[number].relations.append((int(relation), head - base, tail - base, float(scores[pair, relation])))
    for each in found:
        each.relations.sort(key=lambda r: (r[1], r[2], r[0]))
