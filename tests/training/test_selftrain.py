"""Self-training text: only what the model is sure of, nothing from articles that are kept out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from data.articles import read_articles
from data.dataset import read_jsonl
from data.documents import Entity, Relation
from models.results import Prediction
from training import selftrain as module
from training.selftrain import Counts, label, main, sure_sentences

TEXT = "Bà Lê Na là Bí thư. Ông Vi Xa là Chủ tịch. Trời mưa to."


def found(sure: float, related: float = 0.99) -> Prediction:
    entities = (
        Entity("1", "PERSON", 3, 8, "Lê Na", 0.99),
        Entity("2", "ROLE", 12, 18, "Bí thư", 0.95),
        Entity("3", "PERSON", 24, 29, "Vi Xa", sure),
    )
    return Prediction(TEXT, entities, (Relation("HOLDS", "1", "2", related),))


def test_sentences_the_model_is_sure_of() -> None:
    document, seen = sure_sentences("a", found(0.5), 0.9)
    assert document is not None
    assert seen == 3
    assert [TEXT[s:e] for s, e in document.kept or ()] == ["Bà Lê Na là Bí thư."]
    assert [e.text for e in document.entities] == ["Lê Na", "Bí thư"]
    assert [(r.type, r.score) for r in document.relations] == [("HOLDS", None)]
    document, _ = sure_sentences("a", found(0.91), 0.9)
    assert document is not None
    assert len(document.kept_sentences) == 2


def test_an_unsure_relation_leaves_the_sentence_out() -> None:
    document, _ = sure_sentences("a", found(0.91, related=0.6), 0.9)
    assert document is not None
    assert [e.text for e in document.entities] == ["Vi Xa"]
    assert sure_sentences("a", Prediction(TEXT, ()), 0.9) == (None, 3)


def write_news(path: Path, ids: list[str]) -> Path:
    rows = [json.dumps({"id": each, "text": f"Chuyện của {each}. {TEXT}"}, ensure_ascii=False) for each in ids]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def test_counts(tmp_path: Path) -> None:
    counts = Counts()
    articles = list(read_articles(write_news(tmp_path / "a.jsonl", ["x"])))
    assert list(label(lambda text: Prediction(text, ()), articles, 0.9, counts)) == []  # type: ignore[arg-type]
    assert (counts.articles, counts.sentences, counts.kept) == (1, 3, 0)


def test_command_line(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "evaluation_text", lambda *_: type("KeptOut", (), {"ids": frozenset({"b"})}))
    news = write_news(tmp_path / "news.jsonl", ["a", "b", "c"])
    out = tmp_path / "out" / "labelled.jsonl"
    assert main(["--model", str(tiny_model), "--news", str(news), "--out", str(out), "--sure", "0"]) == 0
    told = capsys.readouterr().out
    assert "2 articles read" in told
    assert {d.id for d in read_jsonl(out)} <= {"selftrained-a", "selftrained-c"}
    assert main(["--model", str(tmp_path), "--news", str(news), "--out", str(out)]) == 1
    assert "no model here" in capsys.readouterr().err
