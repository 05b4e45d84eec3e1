"""Leaving one article out: trained on the others, scored on the one, nothing twice."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from data.dataset import DataError, read_dataset, write_dataset
from tests.fixtures.sentences import documents
from training import leave_one_out as module
from training.leave_one_out import leave_one_out, main, settings_of


@pytest.fixture
def data(tiny_data: Path, tmp_path: Path) -> Path:
    splits = read_dataset(tiny_data)
    test = [replace(each, id=f"thử-{n}") for n, each in enumerate(documents()[:2])]
    write_dataset(tmp_path / "data", {**splits, "test": test})
    return tmp_path / "data"


def test_settings_are_those_of_the_model(finished: tuple[Path, dict[str, Any]]) -> None:
    found = settings_of(finished[0] / "model", 5, 2)
    assert (found.window, found.relation_hidden, found.epochs, found.seed) == (80, 32, 2, 5)
    assert found.segmenter.startswith("none")


def test_each_article_is_left_out_once(
    finished: tuple[Path, dict[str, Any]], data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[set[str]] = []
    tune = module.tune

    def watched(settings: Any, given: list[Any], folder: Path) -> None:
        seen.append({d.id for d in given if d.id.startswith("thử")})
        tune(settings, given[:3], folder)

    monkeypatch.setattr(module, "tune", watched)
    out = tmp_path / "out"
    found = leave_one_out(finished[0] / "model", read_dataset(data), out, epochs=1)
    assert seen == [{"thử-1"}, {"thử-0"}]
    assert [row["article"] for row in found["articles"]] == ["thử-0", "thử-1"]
    assert set(found["pooled"]) == {"before", "after", "after, gold entities"}
    low, high = found["pooled"]["after"]["entities"]["interval_95"]
    assert low <= found["pooled"]["after"]["entities"]["f1"] <= high
    # What is there is not trained again.
    assert leave_one_out(finished[0] / "model", read_dataset(data), out, epochs=1) == found
    assert len(seen) == 2


def test_command_line(
    finished: tuple[Path, dict[str, Any]],
    data: Path,
    tiny_data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    options = ["--model", str(finished[0] / "model"), "--out", str(tmp_path / "out"), "--epochs", "1"]
    assert main([*options, "--data", str(data)]) == 0
    assert "after: entities F1" in capsys.readouterr().out
    assert json.loads((tmp_path / "out" / "leave-one-out.json").read_text(encoding="utf-8"))["seed"] == 13
    assert main([*options, "--data", str(tiny_data)]) == 1
    assert "needs a test split of two articles" in capsys.readouterr().err
    with pytest.raises(DataError, match="needs a test split"):
        leave_one_out(finished[0] / "model", {"train": [], "test": documents()[:1]}, tmp_path)
