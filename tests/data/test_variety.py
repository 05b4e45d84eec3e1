"""Variety: sentences that repeat each other are found, names aside; shared runs of words are found."""

from __future__ import annotations

import json
import lzma
from pathlib import Path

import pytest

from data import variety as module
from data.documents import Document, Entity
from data.markup import parse
from data.variety import corpus_texts, main, masked_tokens, report, runs, shared_runs, twins

ONE = "Chiều qua, bà con thôn ngoài rủ nhau ra đồng gặt lúa giúp nhà neo người."
OTHER = "Sáng nay trường làng khai giảng năm học mới, học trò nhỏ ngỡ ngàng theo mẹ tới lớp."


def named(name: str, id_: str) -> Document:
    text = f"Đồng chí {name} kể rằng mưa lớn kéo dài làm vỡ đê bao phía tây."
    return Document(id_, text, (Entity("p", "PERSON", 9, 9 + len(name)),))


def test_names_are_masked() -> None:
    document = named("Lê Na", "a")
    assert masked_tokens(document, 0, len(document.text))[:4] == ["đồng", "chí", "personxx", "kể"]


def test_numbers_are_masked() -> None:
    document = Document("a", "Thu 12 tấn.")
    assert masked_tokens(document, 0, 11) == ["thu", "number", "tấn"]


def test_sentences_alike_but_for_names_are_twins() -> None:
    documents = [named("Lê Na", "a"), named("Giàng A Chu", "b"), Document("c", ONE), Document("d", OTHER)]
    found, contained, compared = twins(documents)
    assert (contained, compared) == (2, 4)
    assert [(twin.place, twin.other, twin.share) for twin in found] == [("a:0", "b:0", 1.0), ("b:0", "a:0", 1.0)]


def test_a_sentence_inside_a_much_longer_one_is_no_twin() -> None:
    long = " ".join([ONE[:-1], OTHER[:-1], *["và còn nhiều chuyện khác nữa"] * 4]) + "."
    assert twins([Document("a", ONE), Document("b", long)]) == ([], 0, 2)
    twice = Document("c", f"{ONE[:-1]}, {OTHER.lower()[:60]}")
    assert twins([Document("a", ONE), twice])[:2] == ([], 1)


def test_runs_shared_with_other_text() -> None:
    assert list(runs(["a", "b", "c"], 2)) == ["a b", "b c"]
    shared = shared_runs([Document("a", ONE)], [f"Hôm ấy {ONE} Rồi thôi.", OTHER], 8)
    assert len(shared) == len(ONE.split()) - 7
    assert set().union(*shared.values()) == {"a"}
    assert shared_runs([Document("a", ONE)], [OTHER], 8) == {}


def test_corpora_are_read(tmp_path: Path) -> None:
    with lzma.open(tmp_path / "b.txt.xz", "wt", encoding="utf-8") as out:
        out.write("một\nhai\n")
    (tmp_path / "a.jsonl").write_text(json.dumps({"id": "x", "text": "ba"}) + "\n", encoding="utf-8")
    assert [text.strip() for text in corpus_texts(tmp_path)] == ["một", "hai", "ba"]
    text, part = report([Document("a", ONE)], tmp_path)
    assert part == 0
    assert "0 of 9 runs of 8 words" in text.splitlines()[-1]


def test_the_authored_corpus_is_varied(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert "share more than 60 % of their tokens" in capsys.readouterr().out


def test_a_monotonous_corpus_fails(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    source = "".join(f"# a-{n}\n\n{ONE}\n\n" for n in range(3))
    monkeypatch.setattr(module, "read_authored", lambda: list(parse(source)))
    assert main([]) == 1
    assert "3 of 3 sentences (100.0 %)" in capsys.readouterr().out
