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
from models.features import Features, collate, pad_windows
from models.relations import candidate_pairs

DECODE_ROWS = 64
"""Stretches decoded at once; they are sorted by length, so little of that is padding."""
STRETCH, MARGIN = 768, 128
"""Syllables of a sentence decoded together, and of its neighbours seen on either side."""


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
        ids, mask = pad_windows([chunks[index] for index in rows], pad)
        hidden = model.encode(torch.from_numpy(ids).to(device), torch.from_numpy(mask).to(device))
        for row, index in enumerate(rows):
            pieces[index] = hidden[row, : len(chunks[index])].clone()
    flat = torch.cat(pieces)
    offsets = np.cumsum([0, *(len(chunk) for chunk in chunks)])
    batch = collate(items, pad, offsets)
    return model.syllable_states(flat, batch.to(device))


def _decode(
    model: Extractor, states: torch.Tensor, items: Sequence[Features], threshold: float
) -> list[list[tuple[int, int, int, float]]]:
    # A temperature changes probabilities, not the best path: every score of a path is divided by it.
    heat = model.config.entity_temperature
    scores = model.tag_scores(states).float().cpu().numpy() / heat
    transitions, start = (t.detach().float().cpu().numpy() / heat for t in model.transitions())
    types = model.config.track_types
    stretches: list[Stretch] = []
    offset = 0
    for number, item in enumerate(items):
        for first, last in item.sentence_ranges:
            stretches += cut_sentence(number, offset, first, last)
        offset += len(item)
    stretches.sort(key=lambda s: s.end - s.start)
    spans: list[list[tuple[int, int, int, float]]] = [[] for _ in items]
    for rows in decode_batches(stretches):
        lengths = np.array([s.end - s.start for s in rows])
        padded = np.zeros((len(rows), int(lengths.max()), *scores.shape[1:]), dtype=np.float32)
        for row, s in enumerate(rows):
            padded[row, : s.end - s.start] = scores[s.base + s.start : s.base + s.end]
        for s, decoded in zip(rows, decode(padded, lengths, transitions, start, threshold), strict=True):
            spans[s.item] += [
                (s.start + d.first, s.start + d.last, types[d.track][d.type], d.score)
                for d in decoded
                if s.core[0] <= s.start + d.first < s.core[1]
            ]
    return [_disjoint(each) for each in spans]


def _disjoint(spans: list[tuple[int, int, int, float]]) -> list[tuple[int, int, int, float]]:
    """Spans in order; of two of one type that overlap (at the seam of two stretches) the first stays."""
    kept = []
    ends: dict[int, int] = {}
    for span in sorted(spans, key=lambda s: (s[0], -s[1], s[2])):
        if span[0] > ends.get(span[2], -1):
            kept.append(span)
            ends[span[2]] = span[1]
    return kept


@dataclass(frozen=True, slots=True)
class Stretch:
    """Syllables `[start, end)` of an item that are decoded together; spans beginning in `core` count.

    `base` is where the item begins in the array of all scores.
    """

    item: int
    base: int
    start: int
    end: int
    core: tuple[int, int]


def cut_sentence(item: int, base: int, first: int, last: int) -> list[Stretch]:
    """A sentence as one stretch, or, where it is monstrous, as several that overlap widely.

    Decoding is a loop over syllables; stretches are decoded side by side, so this bounds the loop.
    """
    if last - first <= STRETCH:
        return [Stretch(item, base, first, last, (first, last))]
    return [
        Stretch(item, base, max(begin - MARGIN, first), min(begin + STRETCH + MARGIN, last), (begin, begin + STRETCH))
        for begin in range(first, last, STRETCH)
    ]


def decode_batches(stretches: list[Stretch], rows: int = DECODE_ROWS, syllables: int = 40_000) -> list[list[Stretch]]:
    """Stretches, sorted by length, in groups of bounded padded size."""
    groups: list[list[Stretch]] = []
    for each in stretches:
        length = each.end - each.start
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
    numbers, limit = np.array(sentences), model.config.relation_distance
    pairs, far = candidate_pairs(spans, numbers, model.allowed, limit)
    for sentence, count in far.items():
        found[int(owners[np.argmax(numbers == sentence)])].distant_pairs += count
    if not len(pairs):
        return
    logits = model.relations(states, spans, pairs).float()  # type: ignore[misc]
    scores = torch.sigmoid(logits / model.config.relation_temperature).cpu().numpy()
    scores[~model.relation_mask(spans[pairs.head, 2], spans[pairs.tail, 2])] = 0
    before = np.searchsorted(owners, np.arange(len(items)))
    for pair, relation in zip(*np.nonzero(scores >= max(threshold, 1e-9)), strict=True):
        head, tail = int(pairs.head[pair]), int(pairs.tail[pair])
        number = int(owners[head])
        base = int(before[number])
        found[number].relations.append((int(relation), head - base, tail - base, float(scores[pair, relation])))
    for each in found:
        each.relations.sort(key=lambda r: (r[1], r[2], r[0]))
