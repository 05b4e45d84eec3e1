"""Raw text for pretraining."""

from __future__ import annotations

import json
import lzma
from pathlib import Path

import numpy as np
import pytest

from data.segmentation import NoSegmenter
from models.tokenization import PhobertTokenization, TokenizerError
from training.corpus import Filter, blocks, paragraphs, segmented, segmented_words, word_runs, write_tokens

SENTENCE = "Sáng nay, bà con bản Huổi Tát góp công làm đường vào điểm trường mới, ai cũng vui."


def test_paragraphs_of_plain_packed_and_jsonl_files(tmp_path: Path) -> None:
    plain, packed, pool = tmp_path / "a.txt", tmp_path / "a.txt.xz", tmp_path / "a.jsonl"
    plain.write_text("Một\n\n  Hai \n", encoding="utf-8")
    with lzma.open(packed, "wt", encoding="utf-8") as out:
        out.write("Một\nHai\n")
    records = [{"id": "x", "text": "Một\n \nHai"}, {"id": "y", "text": "Bỏ"}]
    pool.write_text("".join(json.dumps(r) + "\n" for r in records), encoding="utf-8")
    assert list(paragraphs(plain)) == list(paragraphs(packed)) == ["Một", "Hai"]
    assert list(paragraphs(pool, frozenset({"y"}))) == ["Một", "Hai"]
    assert list(paragraphs(pool)) == ["Một", "Hai", "Bỏ"]


def test_blank_lines_of_a_pool_are_passed_over(tmp_path: Path) -> None:
    pool = tmp_path / "a.jsonl"
    pool.write_text('{"id": "x", "text": "Một"}\n\n', encoding="utf-8")
    assert list(paragraphs(pool)) == ["Một"]


def test_overlap_with_evaluation_text_is_dropped_and_counted() -> None:
    guard = Filter.of([SENTENCE])
    words = SENTENCE.split()
    assert guard.keeps("Câu khác hẳn, không giống chút nào với câu đã cho ở trên đâu nhé bà con.")
    assert not guard.keeps("Tin mới: " + SENTENCE.upper().replace(",", " –"))
    assert not guard.keeps(" ".join(words[3:15]))
    assert guard.keeps(" ".join(words[3:14])), "eleven words in a row may be chance"
    assert (guard.seen, guard.dropped) == (4, 2)
    assert Filter().keeps(SENTENCE)


def test_runs_of_words() -> None:
    assert word_runs("A, b c!", size=2) == {("a", "b"), ("b", "c")}
    assert word_runs("a b", size=3) == set()


def test_words_as_the_encoder_sees_them() -> None:
    assert segmented_words("Huyện ủy họp. Hòa!", NoSegmenter()) == ["Huyện", "uỷ", "họp", ".", "Hoà", "!"]

    class Joined:
        name = "x"

        def words(self, text: str) -> list[tuple[int, int]]:
            return [(0, len(text))]

    assert segmented_words("Huyện  u\u0309y", Joined()) == ["Huyện_uỷ"]


def test_blocks() -> None:
    assert list(blocks(range(5), 2)) == [[0, 1], [2, 3], [4]]
    assert list(blocks([], 2)) == []


def test_tokens_are_a_flat_array(tiny_encoder: Path, tmp_path: Path) -> None:
    tokenization = PhobertTokenization(tiny_encoder)
    stream = [["Huyện", "uỷ"], [], ["họp"]] * 200
    total = write_tokens(tmp_path / "t.bin", stream, tokenization)
    (a, b, c) = (pieces.ids for pieces in tokenization.word_pieces(["Huyện", "uỷ", "họp"]))
    once = [*a, *b, tokenization.eos, tokenization.eos, *c, tokenization.eos]
    assert np.fromfile(tmp_path / "t.bin", dtype=np.uint16).tolist() == once * 200
    assert total == (200 * len(once), 0)
    assert [path.name for path in tmp_path.iterdir()] == ["t.bin"]


def test_unknown_pieces_are_counted(tiny_encoder: Path, tmp_path: Path) -> None:
    tokenization = PhobertTokenization(tiny_encoder)
    assert write_tokens(tmp_path / "t.bin", [["龍", "họp"], ["龍"]], tokenization) == (5, 2)


def test_a_vocabulary_too_large_for_the_file_is_refused(
    tiny_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokenization = PhobertTokenization(tiny_encoder)
    monkeypatch.setattr(tokenization, "vocabulary_size", 70_000)
    with pytest.raises(TokenizerError, match="70000 pieces; token files hold ids below 65536"):
        write_tokens(tmp_path / "t.bin", [["họp"]], tokenization)


@pytest.mark.slow
def test_a_segmenter_that_fails_ends_the_reading(tmp_path: Path) -> None:
    """With more text waiting than fits between the processes, an error must still come out."""
    corpus = tmp_path / "c.txt"
    corpus.write_text("Một đoạn.\n" * 5_000, encoding="utf-8")
    with pytest.raises(ValueError, match="unknown segmenter"):
        list(segmented(corpus, 1_000_000, Filter(), "không-có", processes=1))
    half = segmented(corpus, 1_000_000, Filter(), "none", processes=1)
    next(half)
    half.close()


@pytest.mark.slow
def test_a_corpus_is_read_in_order_and_only_as_far_as_needed(tmp_path: Path) -> None:
    corpus = tmp_path / "c.txt"
    corpus.write_text("".join(f"Đoạn số {number} của tập.\n" for number in range(60_000)), encoding="utf-8")
    guard = Filter()
    found = list(segmented(corpus, 6_000, guard, "none", processes=2))
    assert found[:2] == [["Đoạn", "số", str(number), "của", "tập", "."] for number in (0, 1)]
    assert [int(paragraph[2]) for paragraph in found] == list(range(len(found)))
    assert 1_000 <= len(found) <= 1_064
    assert guard.seen <= 10_000, "paragraphs that are never used are read, held in memory and counted"
