"""Vocabularies in PhoBERT's format."""

from __future__ import annotations

import unicodedata
from collections import Counter
from pathlib import Path
from random import Random

import pytest
from transformers import PhobertTokenizer

from models.tokenization import PhobertTokenization
from training.vocabulary import learn, main, vietnamese_alphabet, write_vocabulary

COUNTS = Counter({"Huyện_uỷ": 40, "huyện": 30, "uỷ_viên": 20, "Mường": 12, "Sậy": 9, ".": 60, "龍": 8, "hiếm_hoi": 1})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("vocabulary")
    write_vocabulary(place, *learn(COUNTS, 400))
    return place


def test_the_alphabet_is_vietnamese() -> None:
    alphabet = vietnamese_alphabet()
    assert len(alphabet) == len(set(alphabet))
    letters = [c for c in alphabet if c.isalpha() and c.islower() and not c.isascii()]
    # 12 vowels with five tones, six of them with a mark of their own beside; and đ.
    assert len(letters) == 12 * 5 + 6 + 1
    assert {"ặ", "Ữ", "Đ", "A", "z", "9", "“", "…"} <= set(alphabet)
    assert all(unicodedata.normalize("NFC", c) == c for c in alphabet)


def test_frequent_words_are_whole_and_rare_ones_in_letters(folder: Path) -> None:
    tokenization = PhobertTokenization(folder)
    names = {number: piece for piece, number in tokenization.ids.items()}
    pieces = {
        word: [names[i] for i in found.ids]
        for word, found in zip(COUNTS, tokenization.word_pieces(list(COUNTS)), strict=True)
    }
    assert pieces["Huyện_uỷ"] == ["Huyện_uỷ"]
    assert pieces["."] == ["."]
    assert pieces["Sậy"] == ["Sậy"]
    assert len(pieces["hiếm_hoi"]) > 2
    assert "".join(piece.removesuffix("@@") for piece in pieces["hiếm_hoi"]) == "hiếm_hoi"


def test_every_letter_exists_inside_and_at_the_end_of_a_word(folder: Path) -> None:
    tokenization = PhobertTokenization(folder)
    for letter in vietnamese_alphabet():
        assert letter in tokenization.ids
        assert f"{letter}@@" in tokenization.ids
    (found,) = tokenization.word_pieces(["ẴẵĐừZ"])
    assert tokenization.unk not in found.ids


def test_no_word_of_known_letters_ends_in_a_piece_that_is_not_there(folder: Path) -> None:
    """Merges that training words always carried on must stand in the vocabulary all the same."""
    tokenization = PhobertTokenization(folder)
    letters = [letter for letter in "HuyệnuỷviênMườngSậy_." if letter.strip()]
    random = Random(5)
    words = ["".join(random.choices(letters, k=random.randint(1, 9))) for _ in range(5_000)]
    words += [word[a:b] for word in COUNTS for a in range(len(word)) for b in range(a + 1, len(word) + 1)]
    words = [word for word in words if "龍" not in word]
    assert all(tokenization.unk not in found.ids for found in tokenization.word_pieces(words))


def test_files_are_in_phoberts_format(folder: Path) -> None:
    lines = (folder / "vocab.txt").read_text(encoding="utf-8").splitlines()
    counts = [int(line.split(" ")[1]) for line in lines]
    assert counts == sorted(counts, reverse=True)
    assert lines[0] == ". 60"
    assert "Huyện_uỷ 40" in lines
    codes = (folder / "bpe.codes").read_text(encoding="utf-8").splitlines()
    assert [int(code.split(" ")[2]) for code in codes] == list(range(1, len(codes) + 1))
    theirs = PhobertTokenizer(str(folder / "vocab.txt"), str(folder / "bpe.codes"))
    ours = PhobertTokenization(folder)
    for word in COUNTS:
        (found,) = ours.word_pieces([word])
        assert found.ids == [theirs.encoder.get(p, 3) for p in theirs.bpe(word).split(" ")]


def test_learning_is_repeatable(folder: Path, tmp_path: Path) -> None:
    write_vocabulary(tmp_path, *learn(Counter(dict(reversed(COUNTS.items()))), 400))
    for name in ("vocab.txt", "bpe.codes"):
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()


@pytest.mark.slow
def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    corpus = tmp_path / "c.txt"
    corpus.write_text("Huyện ủy Mường Sậy họp.\n" * 30, encoding="utf-8")
    out = tmp_path / "out"
    arguments = ["--corpus", str(corpus), "--words", "100", "--size", "400", "--segmenter", "none", "--out", str(out)]
    assert main(arguments) == 0
    assert "pieces from " in capsys.readouterr().out
    assert "uỷ" in PhobertTokenization(out).ids, "tone marks as in PhoBERT's corpus"
