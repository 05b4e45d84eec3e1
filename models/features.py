"""The one way from a document to tensors, for training and for prediction alike.

A text becomes `Features`: windows of piece ids for the encoder, and syllables, each with the pieces
that cover it and its place in its word. Labels are attached to syllables; nothing here depends on
what else is in a batch.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import torch

from data.documents import Document
from data.segmentation import Segmenter, syllables
from data.sentences import Range
from models.configuration import ExtractorConfig
from models.tokenization import Tokenization
from models.tones import phobert_tones

PLACES = 8
"""Places of a syllable in its word that are told apart; further ones share the last."""
SHAPES = 6
"""Lower case, capitalised, upper case, digits, punctuation, other."""
UNLABELLED = -100
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass
class Features:
    """A stretch of a text, ready for the encoder.

    Arrays have one row a syllable: `starts`, `ends` in characters of the text; `chunk`, `first`,
    `last` the window and the positions in it of the pieces covering it; `place`, `rest` syllables of
    the same word before and after it; `shape` its letter case; `sentence` the index of its sentence.
    """

    chunks: list[list[int]]
    starts: np.ndarray
    ends: np.ndarray
    chunk: np.ndarray
    first: np.ndarray
    last: np.ndarray
    place: np.ndarray
    rest: np.ndarray
    shape: np.ndarray
    sentence: np.ndarray

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def sentence_ranges(self) -> list[Range]:
        """Syllables of each sentence, `[start, end)`."""
        edges = np.flatnonzero(np.diff(self.sentence)) + 1
        bounds = [0, *edges.tolist(), len(self)]
        return [(a, b) for a, b in pairwise(bounds) if b > a]


def _shape(syllable: str) -> int:
    if syllable.isdigit():
        return 3
    if not syllable[0].isalpha():
        return 4
    if syllable.islower():
        return 0
    if syllable.isupper():
        return 2 if len(syllable) > 1 else 1
    return 1 if syllable[0].isupper() else 5


@dataclass
class _Sentence:
    index: int
    ids: list[int]
    rows: np.ndarray
    """Columns: start, end, first piece, last piece, place, rest, shape."""


class FeatureBuilder:
    """Builds `Features` with one tokenizer, one segmenter and the settings of one model."""

    def __init__(self, config: ExtractorConfig, tokenization: Tokenization, segmenter: Segmenter) -> None:
        self.config = config
        self.tokenization = tokenization
        self.segmenter = segmenter
        self.room = config.window - 2
        # More than half a window of overlap would multiply the windows of a long sentence.
        self.overlap = min(config.overlap, self.room // 2)

    def _sentence(self, text: str, index: int, start: int, end: int) -> _Sentence:
        # Lone surrogates are no characters to any tokenizer; a stand-in keeps every offset.
        sentence = _SURROGATE.sub("\ufffd", text[start:end])
        words = self.segmenter.words(sentence)
        written = phobert_tones(sentence) if self.config.tones else sentence
        pieces = self.tokenization.pieces(written, words)
        rows = []
        at = 0
        last_piece = max(len(pieces.ids) - 1, 0)
        for word_start, word_end in words:
            inside = syllables(sentence, word_start, word_end)
            for place, (s, e) in enumerate(inside):
                while at < last_piece and pieces.spans[at][1] <= s:
                    at += 1
                stop = at
                while stop < last_piece and pieces.spans[stop + 1][0] < e:
                    stop += 1
                rest = len(inside) - 1 - place
                rows.append(
                    (
                        start + s,
                        start + e,
                        at,
                        stop,
                        min(place, PLACES - 1),
                        min(rest, PLACES - 1),
                        _shape(sentence[s:e]),
                    )
                )
        # A tokenizer may know nothing of a sentence (only control characters): give it one piece.
        ids = pieces.ids or [self.tokenization.unk]
        return _Sentence(index, ids, np.asarray(rows, dtype=np.int64).reshape(-1, 7))

    def build(self, text: str, sentences: Sequence[Range], wanted: Sequence[int] | None = None) -> list[Features]:
        """Features of the sentences of a text (or of those whose index is in `wanted`).

        Windows are filled with whole sentences. A sentence that is longer than a window gets
        several that overlap; each of its syllables is read in the one where it is furthest from an edge.
        """
        found: list[Features] = []
        group: list[_Sentence] = []
        used = 0
        for index in range(len(sentences)) if wanted is None else wanted:
            sentence = self._sentence(text, index, *sentences[index])
            adjacent = bool(group) and group[-1].index + 1 == index
            if group and (used + len(sentence.ids) > self.room or not adjacent or not self.config.context):
                found.append(self._pack(group))
                group, used = [], 0
            if len(sentence.ids) > self.room:
                found.append(self._windows(sentence))
                continue
            group.append(sentence)
            used += len(sentence.ids)
        if group:
            found.append(self._pack(group))
        return [features for features in found if len(features)]

    def _wrapped(self, ids: list[int]) -> list[int]:
        return [self.tokenization.bos, *ids, self.tokenization.eos]

    def _pack(self, group: list[_Sentence]) -> Features:
        ids: list[int] = []
        rows, indices = [], []
        for sentence in group:
            moved = sentence.rows.copy()
            moved[:, 2:4] += 1 + len(ids)
            rows.append(moved)
            indices.append(np.full(len(moved), sentence.index))
            ids += sentence.ids
        table = np.concatenate(rows)
        return _features([self._wrapped(ids)], table, np.zeros(len(table), dtype=np.int64), np.concatenate(indices))

    def _windows(self, sentence: _Sentence) -> Features:
        total = len(sentence.ids)
        step = self.room - self.overlap
        begins = [*range(0, max(total - self.room, 0), step), max(total - self.room, 0)]
        chunks = [self._wrapped(sentence.ids[begin : begin + self.room]) for begin in begins]
        table = sentence.rows.copy()
        # The window whose centre is nearest: there the syllable stands furthest from an edge.
        centres = np.asarray(begins) + self.room / 2
        chunk = np.searchsorted((centres[1:] + centres[:-1]) / 2, (table[:, 2] + table[:, 3]) / 2)
        moved = np.asarray(begins)[chunk]
        table[:, 2] = np.clip(table[:, 2] - moved, 0, self.room - 1) + 1
        table[:, 3] = np.clip(table[:, 3] - moved, 0, self.room - 1) + 1
        return _features(chunks, table, chunk, np.full(len(table), sentence.index))


def _features(chunks: list[list[int]], table: np.ndarray, chunk: np.ndarray, sentence: np.ndarray) -> Features:
    starts, ends, first, last, place, rest, shape = table.T
    return Features(chunks, starts, ends, chunk, first, last, place, rest, shape, sentence)


@dataclass
class Labels:
    """Gold annotations of `Features`, in syllables.

    `tags` is `[syllables, tracks]`: 0 outside, `1 + 2k` begin and `2 + 2k` inside of the track's type
    `k`, `UNLABELLED` where nobody annotated. `spans` holds `(first, last, type)` with inclusive
    syllables and indices into the schema's entity types; `relations` `(type, head, tail)` with
    indices into `spans`.
    """

    tags: np.ndarray
    spans: list[tuple[int, int, int]] = field(default_factory=list)
    relations: list[tuple[int, int, int]] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    """Gold items that cannot be expressed, with the reason."""


def label(features: Features, document: Document, config: ExtractorConfig) -> Labels:
    """Attach a document's annotations to the features of its text."""
    tracks = config.tracks
    place_of = {type_: (track, k) for track, types in enumerate(tracks) for k, type_ in enumerate(types)}
    type_index = config.schema.type_index
    relation_index = {name: i for i, name in enumerate(config.schema.relation_names)}
    tags = np.zeros((len(features), len(tracks)), dtype=np.int64)
    kept = set(document.kept_sentences)
    tags[[index not in kept for index in features.sentence.tolist()]] = UNLABELLED
    begins = {int(start): i for i, start in enumerate(features.starts)}
    finishes = {int(end): i for i, end in enumerate(features.ends)}
    low, high = int(features.starts[0]), int(features.ends[-1])
    labels = Labels(tags)
    numbers: dict[str, int] = {}
    for entity in document.entities:
        if entity.end <= low or entity.start >= high:
            continue
        first, last = begins.get(entity.start), finishes.get(entity.end)
        if first is None or last is None:
            labels.lost.append(f"{entity.type} {entity.text!r} at {entity.start}: a boundary inside a syllable")
            continue
        track, k = place_of[entity.type]
        tags[first, track] = 1 + 2 * k
        tags[first + 1 : last + 1, track] = 2 + 2 * k
        numbers[entity.id] = len(labels.spans)
        labels.spans.append((first, last, type_index[entity.type]))
    for relation in document.relations:
        if relation.head in numbers and relation.tail in numbers:
            labels.relations.append((relation_index[relation.type], numbers[relation.head], numbers[relation.tail]))
    return labels


@dataclass
class Batch:
    """Tensors of several `Features`. Syllables of all are laid end to end; no row is padding.

    `input_ids`, `attention_mask` are `[windows, pieces]`; `first`, `last` index their flattened
    positions; `lengths` holds the number of syllables of each sentence, in order.
    """

    input_ids: torch.Tensor
    attention_mask: torch.Tensor
    first: torch.Tensor
    last: torch.Tensor
    place: torch.Tensor
    rest: torch.Tensor
    shape: torch.Tensor
    lengths: list[int]

    def to(self, device: torch.device | str) -> Batch:
        """The same batch on another device."""
        moved: dict[str, Any] = {
            name: value.to(device, non_blocking=True) if isinstance(value, torch.Tensor) else value
            for name, value in vars(self).items()
        }
        return Batch(**moved)


def pad_windows(windows: Sequence[Sequence[int]], pad: int) -> tuple[np.ndarray, np.ndarray]:
    """Ids and attention mask `[windows, longest]` of windows of piece ids."""
    length = max(len(window) for window in windows)
    ids = np.full((len(windows), length), pad, dtype=np.int64)
    mask = np.zeros((len(windows), length), dtype=np.int64)
    for row, window in enumerate(windows):
        ids[row, : len(window)] = window
        mask[row, : len(window)] = 1
    return ids, mask


def collate(features: Sequence[Features], pad: int, offsets: np.ndarray | None = None) -> Batch:
    """Put features into one batch, padded to the longest window of it.

    Args:
        pad: id of the padding piece.
        offsets: where each window's pieces begin in a flat array of piece states; given when the
            windows were encoded elsewhere, and `input_ids` then stays empty.
    """
    chunks = [chunk for item in features for chunk in item.chunks]
    if offsets is None:
        ids, mask = pad_windows(chunks, pad)
        offsets = np.arange(len(chunks)) * ids.shape[1]
    else:
        ids = mask = np.zeros((0, 0), dtype=np.int64)
    before = np.cumsum([0, *(len(item.chunks) for item in features)])
    moved = [offsets[item.chunk + base] for item, base in zip(features, before, strict=False)]

    def joined(name: str, move: bool = False) -> torch.Tensor:
        parts = [getattr(item, name) + (moved[i] if move else 0) for i, item in enumerate(features)]
        return torch.from_numpy(np.concatenate(parts))

    return Batch(
        input_ids=torch.from_numpy(ids),
        attention_mask=torch.from_numpy(mask),
        first=joined("first", move=True),
        last=joined("last", move=True),
        place=joined("place"),
        rest=joined("rest"),
        shape=joined("shape"),
        lengths=[end - start for item in features for start, end in item.sentence_ranges],
    )
