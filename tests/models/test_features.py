"""From text to windows, pieces and syllables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.segmentation import NoSegmenter, syllables
from data.sentences import Range, split_sentences
from models.configuration import ExtractorConfig
from models.features import PLACES, FeatureBuilder, Features, collate
from models.tokenization import PhobertTokenization
from models.tones import phobert_tones
from tests.fixtures.sentences import TEXTS, article

WINDOW, OVERLAP = 40, 12
LINE = " ".join(text.rstrip(".") for text in TEXTS)
"""One sentence, many times longer than a window."""


class Words:
    """A segmenter that joins the ranges it was told to."""

    name = "none"

    def __init__(self, *words: str) -> None:
        self.joined = words

    def words(self, text: str) -> list[Range]:
        found = [(at, at + len(w)) for w in self.joined for at in [text.find(w)] if at >= 0]
        rest = [r for r in NoSegmenter().words(text) if not any(s < r[1] and r[0] < e for s, e in found)]
        return sorted(found + rest)


@pytest.fixture(scope="module")
def tokenization(tiny_encoder: Path) -> PhobertTokenization:
    return PhobertTokenization(tiny_encoder)


def builder(tokenization: PhobertTokenization, segmenter: object = None, **changes: object) -> FeatureBuilder:
    config = ExtractorConfig(**{"window": WINDOW, "overlap": OVERLAP, **changes})  # type: ignore[arg-type]
    return FeatureBuilder(config, tokenization, segmenter or NoSegmenter())  # type: ignore[arg-type]


def check(maker: FeatureBuilder, text: str, items: list[Features], wanted: list[int] | None = None) -> None:
    """Every syllable once and in order, on the pieces that cover it; no window too long."""
    sentences = split_sentences(text)
    chosen = range(len(sentences)) if wanted is None else wanted
    clean = "".join("\ufffd" if 0xD800 <= ord(c) < 0xE000 else c for c in text)
    at = [(s, e) for i in chosen for w in words_of(maker, clean, sentences[i]) for s, e in syllables(clean, *w)]
    assert [(s, e) for item in items for s, e in zip(item.starts, item.ends, strict=True)] == at
    for item in items:
        assert all(3 <= len(chunk) <= maker.config.window for chunk in item.chunks)
        assert all((c[0], c[-1]) == (0, 2) for c in item.chunks)
        for index, (first, last) in enumerate(item.sentence_ranges):
            (number,) = set(item.sentence[first:last].tolist())
            start, end = sentences[number]
            written = phobert_tones(clean[start:end])
            pieces = maker.tokenization.pieces(written, maker.segmenter.words(clean[start:end]))
            for row in range(first, last):
                low, high = int(item.starts[row]) - start, int(item.ends[row]) - start
                touching = [i for i, (s, e) in enumerate(pieces.spans) if s < high and low < e]
                chunk = item.chunks[item.chunk[row]]
                found = chunk[item.first[row] : item.last[row] + 1]
                assert found, (index, row)
                assert found == [pieces.ids[i] for i in touching]


def words_of(maker: FeatureBuilder, text: str, sentence: Range) -> list[Range]:
    start, end = sentence
    return [(start + s, start + e) for s, e in maker.segmenter.words(text[start:end])]


def test_every_syllable_has_the_pieces_that_cover_it(tokenization: PhobertTokenization) -> None:
    maker = builder(tokenization)
    text = article().text
    check(maker, text, maker.build(text, split_sentences(text)))


@given(
    st.lists(
        st.one_of(
            st.sampled_from(LINE.split()),
            st.sampled_from(
                [" ", "\n", ". ", "…", "_", "@@", "😀", "e\u0323\u0301", "\u200b", "\ud800", "\x07", "TuấnBÁO", "12A"]
            ),
            st.text(max_size=4),
        ),
        max_size=30,
    ).map(" ".join)
)
def test_any_text(tokenization: PhobertTokenization, text: str) -> None:
    maker = builder(tokenization)
    check(maker, text, maker.build(text, split_sentences(text)))


def test_places_in_a_word_and_shapes(tokenization: PhobertTokenization) -> None:
    text = "Trưởng Ban HĐND xã 12, H TuấnBÁO"
    (item,) = builder(tokenization, Words("Trưởng Ban", "TuấnBÁO")).build(text, [(0, len(text))])
    rows = zip(item.starts, item.ends, item.place, item.rest, item.shape, strict=True)
    assert [(text[s:e], p, r, shape) for s, e, p, r, shape in rows] == [
        ("Trưởng", 0, 1, 1),
        ("Ban", 1, 0, 1),
        ("HĐND", 0, 0, 2),
        ("xã", 0, 0, 0),
        ("12", 0, 0, 3),
        (",", 0, 0, 4),
        ("H", 0, 0, 1),
        ("Tuấn", 0, 1, 1),
        ("BÁO", 1, 0, 2),
    ]


def test_places_far_into_a_word_share_the_last(tokenization: PhobertTokenization) -> None:
    text = " ".join("abcdefghijkl")
    (item,) = builder(tokenization, Words(text)).build(text, [(0, len(text))])
    assert item.place.tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 7, 7, 7, 7]
    assert item.rest.tolist() == item.place.tolist()[::-1]
    assert max(item.place) == PLACES - 1


def test_tones_are_rewritten_for_the_encoder_only(tokenization: PhobertTokenization) -> None:
    new = builder(tokenization).build("hoà", [(0, 3)])
    assert builder(tokenization).build("hòa", [(0, 3)])[0].chunks == new[0].chunks
    assert builder(tokenization, tones=False).build("hòa", [(0, 3)])[0].chunks != new[0].chunks


def test_sentences_share_windows_while_there_is_room(tokenization: PhobertTokenization) -> None:
    text = article().text
    sentences = split_sentences(text)
    alone = builder(tokenization, context=False).build(text, sentences)
    packed = builder(tokenization).build(text, sentences)
    assert [sorted(set(item.sentence.tolist())) for item in alone] == [[i] for i in range(len(sentences))]
    check(builder(tokenization, context=False), text, alone)
    sizes = [sum(len(chunk) - 2 for chunk in item.chunks) for item in alone]
    groups, used = [[0]], sizes[0]
    for index, size in enumerate(sizes[1:], start=1):
        long = any(len(alone[i].chunks) > 1 for i in (index, index - 1))
        if long or used + size > WINDOW - 2:
            groups.append([])
            used = 0
        groups[-1].append(index)
        used += size
    assert len(groups) < len(sentences)
    assert [sorted(set(item.sentence.tolist())) for item in packed] == groups


def test_only_neighbours_share_a_window(tokenization: PhobertTokenization) -> None:
    text = "Ông Bủn nói.\nBà Sướn nghe.\nÔng Inh ghi.\nBà Ính về."
    maker = builder(tokenization)
    items = maker.build(text, split_sentences(text), [0, 2, 3])
    assert [sorted(set(item.sentence.tolist())) for item in items] == [[0], [2, 3]]
    check(maker, text, items, [0, 2, 3])
    assert maker.build(text, split_sentences(text), []) == []


def test_a_long_sentence_gets_overlapping_windows(tokenization: PhobertTokenization) -> None:
    maker = builder(tokenization)
    (item,) = maker.build(LINE, [(0, len(LINE))])
    check(maker, LINE, [item])
    assert len(item) == len(syllables(LINE))
    whole = tokenization.pieces(phobert_tones(LINE), NoSegmenter().words(LINE)).ids
    room = WINDOW - 2
    begins = [*range(0, len(whole) - room, room - OVERLAP), len(whole) - room]
    assert [chunk[1:-1] for chunk in item.chunks] == [whole[b : b + room] for b in begins]
    assert (np.diff(item.chunk) >= 0).all()
    # Away from the ends of the sentence, each syllable sees at least half the overlap on both sides.
    middle = (item.first + item.last) / 2 - 1
    left = np.where(item.chunk == 0, np.inf, middle)
    right = np.where(item.chunk == len(begins) - 1, np.inf, room - middle)
    assert np.minimum(left, right).min() >= OVERLAP / 2 - 1.5


def test_a_sentence_that_just_fits_is_not_cut(tokenization: PhobertTokenization) -> None:
    text = "a " * (WINDOW - 2)
    maker = builder(tokenization)
    assert [len(item.chunks) for item in maker.build(text.strip(), [(0, len(text) - 1)])] == [1]
    text += "a"
    assert [len(item.chunks) for item in maker.build(text, [(0, len(text))])] == [2]


@pytest.mark.parametrize("window", [32, 64, 66, 80])
def test_small_windows_do_not_multiply(tokenization: PhobertTokenization, window: int) -> None:
    """The default overlap suits the default window; a smaller window must not step piece by piece."""
    config = ExtractorConfig(window=window)
    text = "xã " * 1_000
    (item,) = FeatureBuilder(config, tokenization, NoSegmenter()).build(text, [(0, len(text) - 1)])
    read = sum(len(chunk) for chunk in item.chunks)
    assert read <= 8 * 1_000


def test_a_word_longer_than_a_window(tokenization: PhobertTokenization) -> None:
    text = "Xã " + "qzx" * 200 + " họp"
    maker = builder(tokenization)
    (item,) = maker.build(text, [(0, len(text))])
    assert [text[s:e] for s, e in zip(item.starts, item.ends, strict=True)] == text.split()
    assert all(
        0 < f <= last < len(item.chunks[c]) - 1 for f, last, c in zip(item.first, item.last, item.chunk, strict=True)
    )


def test_a_batch_lays_syllables_end_to_end(tokenization: PhobertTokenization) -> None:
    maker = builder(tokenization)
    items = [*maker.build(LINE, [(0, len(LINE))]), *maker.build("Ông Bủn nói.\nBà nghe.", [(0, 12), (13, 21)])]
    batch = collate(items, tokenization.pad)
    chunks = [chunk for item in items for chunk in item.chunks]
    longest = max(map(len, chunks))
    assert batch.input_ids.shape == batch.attention_mask.shape == (len(chunks), longest)
    for row, chunk in enumerate(chunks):
        assert batch.input_ids[row].tolist() == chunk + [tokenization.pad] * (longest - len(chunk))
        assert batch.attention_mask[row].tolist() == [1] * len(chunk) + [0] * (longest - len(chunk))
    assert batch.lengths == [len(items[0]), 4, 3]
    count = sum(map(len, items))
    assert all(len(getattr(batch, name)) == count for name in ("first", "last", "place", "rest", "shape"))
    flat = batch.input_ids.flatten()
    expected = [item.chunks[c][f] for item in items for c, f in zip(item.chunk, item.first, strict=True)]
    assert flat[batch.first].tolist() == expected
    ends = np.cumsum([0, *map(len, chunks)])
    apart = collate(items, tokenization.pad, ends[:-1])
    assert apart.input_ids.numel() == 0
    joined = np.concatenate(chunks)
    assert joined[apart.first.numpy()].tolist() == expected
    assert batch.to("cpu").lengths == batch.lengths
