"""Ids identical to transformers' `PhobertTokenizer`, on many words and on a vocabulary of PhoBERT's size.

Both tokenizers read each word by itself, so equal ids on every distinct word are equal ids on all of them.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from random import Random

import pytest
from transformers import PhobertTokenizer

from models.encoders import EMBEDDED
from models.tokenization import PhobertTokenization
from tests.models.test_tokenization import HOSTILE, reference, tiled
from training.corpus import paragraphs, segmented_words
from training.vocabulary import learn, write_vocabulary

FULL_SIZE = 64_000
STRIDES = {"news-vi.txt.xz": 90, "wiki-vi.txt.xz": 32, "laws-vi.txt.xz": 8, "party-unlabelled.jsonl": 4}
"""One paragraph in so many of the whole corpus: about as many words of each."""
ONSETS = [
    "b",
    "c",
    "ch",
    "d",
    "đ",
    "g",
    "gh",
    "gi",
    "h",
    "k",
    "kh",
    "l",
    "m",
    "n",
    "ng",
    "ngh",
    "nh",
    "p",
    "ph",
    "qu",
    "r",
    "s",
    "t",
    "th",
    "tr",
    "v",
    "x",
]
RIMES = [
    "a",
    "à",
    "á",
    "ả",
    "ã",
    "ạ",
    "an",
    "àn",
    "án",
    "ản",
    "ãn",
    "ạn",
    "ang",
    "ô",
    "ồ",
    "ố",
    "ổ",
    "ỗ",
    "ộ",
    "ông",
    "ồng",
    "ống",
    "ổng",
    "ộng",
    "iên",
    "iền",
    "iến",
    "iển",
    "iễn",
    "iện",
    "ươi",
    "ười",
    "ưới",
    "ưởi",
    "uy",
    "ủy",
    "uỷ",
    "oa",
    "hòa",
]


def syllable_words(count: int, seed: int) -> Counter[str]:
    """Words of one to three syllables that could be Vietnamese, with counts."""
    random = Random(seed)
    words: Counter[str] = Counter()
    while len(words) < count:
        parts = [random.choice(ONSETS) + random.choice(RIMES) for _ in range(random.choice((1, 2, 2, 2, 3)))]
        if random.random() < 0.3:
            parts[0] = parts[0].capitalize()
        words["_".join(parts)] += random.randint(1, 6)
    return words


def full_size(folder: Path, counts: Counter[str]) -> Path:
    """A vocabulary of 64,000 entries, specials included; some results of merges are not among them."""
    merges, pieces = learn(counts, FULL_SIZE + 3_000, min_frequency=1)
    long = sorted(piece for piece in pieces if len(piece.removesuffix("@@")) > 1)
    excess = len(pieces) + 5 - FULL_SIZE
    assert excess > 500, f"only {len(pieces)} pieces were learned"
    for piece in Random(1).sample(long, excess):
        del pieces[piece]
    write_vocabulary(folder, merges, pieces)
    return folder


def both(folder: Path) -> tuple[PhobertTokenization, PhobertTokenizer]:
    return PhobertTokenization(folder), PhobertTokenizer(str(folder / "vocab.txt"), str(folder / "bpe.codes"))


def different(folder: Path, words: Iterable[str]) -> list[str]:
    """Words whose ids differ, or whose pieces do not cover them end to end."""
    ours, theirs = both(folder)
    listed = list(words)
    return [
        word
        for word, found in zip(listed, ours.word_pieces(listed), strict=True)
        if found.ids != reference(theirs, word) or not tiled(found, len(word))
    ]


@pytest.fixture(scope="module")
def full_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return full_size(tmp_path_factory.mktemp("full"), syllable_words(60_000, seed=3))


@pytest.mark.slow
def test_a_vocabulary_of_phoberts_size(full_folder: Path) -> None:
    ours, theirs = both(full_folder)
    assert ours.vocabulary_size == len(theirs) == FULL_SIZE
    words = [*syllable_words(60_000, seed=3), *syllable_words(5_000, seed=4), *HOSTILE]
    assert different(full_folder, words) == []
    unknown = [word for word, found in zip(words, ours.word_pieces(words), strict=True) if ours.unk in found.ids]
    assert len(unknown) > 1_000, "words whose merges end in a piece that is not in vocab.txt"


@pytest.mark.slow
def test_the_shipped_vocabulary_on_hostile_words() -> None:
    letters = Random(6)
    made = ["".join(letters.choices("aàáạăâđêơưỷ@_<>/w.-0189AĐ", k=letters.randint(1, 12))) for _ in range(20_000)]
    assert different(EMBEDDED["compact"], [*HOSTILE, *made]) == []


@pytest.fixture(scope="module")
def corpus_words() -> Counter[str]:
    """A million words, about as many of each corpus, from paragraphs all over it."""
    from data.segmentation import segmenter

    folder = os.environ.get("PHODANG_CORPORA")
    if not folder:
        pytest.skip("PHODANG_CORPORA is not set: the tokenizer's proof on a million words needs raw text")
    words = segmenter("underthesea")
    counts: Counter[str] = Counter()
    for name, stride in STRIDES.items():
        for paragraph in islice(paragraphs(Path(folder) / name), 0, None, stride):
            counts.update(segmented_words(paragraph, words))
    return counts


@pytest.mark.slow
def test_a_million_words_of_real_text(corpus_words: Counter[str], tmp_path: Path) -> None:
    assert corpus_words.total() >= 1_000_000
    assert different(EMBEDDED["compact"], corpus_words) == []
    assert different(full_size(tmp_path, corpus_words), corpus_words) == []
