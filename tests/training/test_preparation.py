"""What a pretraining reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.tokenization import PhobertTokenization
from tests.fixtures.sentences import TEXTS
from tests.training.samples import Stopped
from training import preparation as module
from training.preparation import CorpusText, Preparation, evaluation_text


def pool_of(folder: Path, count: int = 200) -> tuple[Path, list[dict[str, str]]]:
    records = [{"id": f"bài-{n}", "text": f"Bài số {n}: {TEXTS[n % 20]}"} for n in range(count)]
    pool = folder / "pool.jsonl"
    pool.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records), encoding="utf-8")
    return pool, records


def test_evaluation_text_is_kept_out(tmp_path: Path) -> None:
    (tmp_path / "articles").mkdir()
    (tmp_path / "articles" / "một.txt").write_text("Bài một.", encoding="utf-8")
    pool, records = pool_of(tmp_path)
    kept = evaluation_text([pool], tmp_path / "articles")
    assert kept.texts[0] == "Bài một."
    assert kept.texts[1:] == [r["text"] for r in records if r["id"] in kept.ids]
    assert 0.2 < len(kept.ids) / 200 < 0.6
    assert (kept.test, kept.development, kept.reserved) == (1, 0, len(kept.ids))
    pool.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in reversed(records)), encoding="utf-8")
    again = evaluation_text([pool], tmp_path / "articles")
    assert again.ids == kept.ids, "the choice does not depend on the order"


def test_development_articles_are_never_read(tmp_path: Path) -> None:
    from data.annotations import read_standoff
    from data.build import GOLD

    gold = read_standoff(GOLD / "dev")
    name = gold[0].id
    pool = tmp_path / "pool.jsonl"
    pool.write_text(json.dumps({"id": name, "text": TEXTS[0]}) + "\n", encoding="utf-8")
    kept = evaluation_text([pool], None)
    assert (kept.ids, kept.texts) == (frozenset({name}), [TEXTS[0]])
    assert kept.to_dict() == {"test": 0, "development": 1, "reserved": 0, "missing": len(gold) - 1}


def test_what_cannot_be_kept_out_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The news may be kept out without being one of the corpora; without it, a copy could be trained on."""
    (tmp_path / "a.txt").write_text("Một đoạn.", encoding="utf-8")
    bare = Preparation(tmp_path, [CorpusText(tmp_path / "a.txt", 10, 10)])
    assert bare.kept_out()[0].missing > 0
    told = caplog.text
    assert "the five articles are not kept out" in told
    assert "development articles are not kept out" in told
    pool, _ = pool_of(tmp_path)
    other = Preparation(tmp_path, [CorpusText(tmp_path / "a.txt", 10, 10)], news=pool)
    assert other.kept_out()[0].ids


@pytest.fixture
def preparation(tmp_path: Path) -> Preparation:
    """Two corpora; the first holds a sentence of the test articles twice."""
    (tmp_path / "articles").mkdir()
    (tmp_path / "articles" / "một.txt").write_text(TEXTS[0] + " " + TEXTS[1], encoding="utf-8")
    (tmp_path / "a.txt").write_text("\n".join([TEXTS[0] + " " + TEXTS[1], *TEXTS[2:]] * 2), encoding="utf-8")
    (tmp_path / "b.txt").write_text("\n".join(TEXTS[5:]), encoding="utf-8")
    corpora = [CorpusText(tmp_path / name, 10_000, 10_000) for name in ("a.txt", "b.txt")]
    return make(tmp_path / "run", corpora, tmp_path)


def make(run: Path, corpora: list[CorpusText], tmp_path: Path, **changes: Any) -> Preparation:
    options: dict[str, Any] = {"vocabulary": 500, "segmenter": "none", "processes": 1, **changes}
    return Preparation(run, corpora, articles=tmp_path / "articles", **options)


@pytest.mark.slow
def test_all_that_is_made_and_told(preparation: Preparation) -> None:
    tokenization = preparation.run()
    told = json.loads((preparation.folder / "corpus.json").read_text(encoding="utf-8"))
    assert told["kept_out"]["test"] == 1
    assert told["vocabulary"] == tokenization.vocabulary_size
    first, second = told["corpora"]
    assert (first["corpus"], first["dropped_for_overlap"]) == ("a.txt", 2)
    assert second["dropped_for_overlap"] == 0
    sizes = [len(np.fromfile(file, dtype=np.uint16)) for file in preparation.token_files]
    assert sizes == [first["tokens"], second["tokens"]]
    assert told["tokens"] == sum(sizes)


@pytest.mark.slow
def test_a_killed_preparation_goes_on_with_the_same_result(
    preparation: Preparation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    preparation.run()
    other = make(tmp_path / "other", preparation.corpora, tmp_path)
    original = module.write_tokens

    def stop_at_second(path: Path, *rest: Any) -> tuple[int, int]:
        if path.name.startswith("1-"):
            path.with_name(path.name + ".partial").write_bytes(b"half")
            raise Stopped
        return original(path, *rest)

    with monkeypatch.context() as patch, pytest.raises(Stopped):
        patch.setattr(module, "write_tokens", stop_at_second)
        other.run()
    assert not (other.folder / "corpus.json").exists()
    before = other.token_files[0].stat().st_mtime_ns
    make(tmp_path / "other", preparation.corpora, tmp_path).run()
    assert other.token_files[0].stat().st_mtime_ns == before, "what was whole is not made again"
    for mine, theirs in zip(preparation.token_files, other.token_files, strict=True):
        assert mine.read_bytes() == theirs.read_bytes()
    corpus = [(p.folder / "corpus.json").read_text(encoding="utf-8") for p in (preparation, other)]
    assert corpus[0] == corpus[1]


@pytest.mark.slow
def test_a_vocabulary_can_be_taken_from_an_encoder(
    preparation: Preparation, tiny_encoder: Path, tmp_path: Path
) -> None:
    other = make(tmp_path / "other", preparation.corpora[:1], tmp_path, vocabulary_from=tiny_encoder)
    assert other.run().fingerprint == PhobertTokenization(tiny_encoder).fingerprint
