"""The release: every stage on a tiny model, and a card that says what was measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from safetensors import safe_open

from data.build import Build
from data.dataset import read_dataset
from models.configuration import ExtractorConfig
from models.prediction import Predictor
from tests.fixtures.sentences import documents
from tests.training.samples import settings
from training import release as module
from training.release import main


def as_options(values: dict[str, Any]) -> list[str]:
    return [part for key, value in values.items() for part in ("--set", f"{key}={value}")]


def test_a_release(
    tiny_encoder: Path,
    tiny_data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    splits = read_dataset(tiny_data)
    splits["test"] = documents()[:2]
    missing = ["train gold, 7 documents: no text at hand (give --news FILE.jsonl)"]
    monkeypatch.setattr(module, "load_data", lambda _: Build(splits, sources=["train: bịa"], left_out=missing))
    values = vars(settings(tiny_encoder, "", tmp_path / "run", epochs=1, bf16=False))
    into = tmp_path / "weights" / "default"
    into.parent.mkdir()
    options = [*as_options({k: v for k, v in values.items() if k not in {"train_files", "parts"}}), "--into", str(into)]
    assert main(options) == 0
    assert "written:" in capsys.readouterr().out
    assert {p.name for p in into.iterdir()} == {
        "README.md",
        "calibration.json",
        "config.json",
        "model.safetensors",
        "vocab.txt",
        "bpe.codes",
    }
    with safe_open(str(into / "model.safetensors"), framework="pt") as tensors:
        assert {tensors.get_slice(name).get_dtype() for name in tensors.keys()} == {"F16"}  # noqa: SIM118
    config, _ = ExtractorConfig.load(into)
    card = (into / "README.md").read_text(encoding="utf-8")
    assert f"temperature {config.entity_temperature:.2f}" in card
    assert "leave one of 2 articles out" in card
    assert "at hand here was not: train gold, 7 documents" in card
    assert "| PERSON |" in card
    assert Predictor(into, device="cpu")("Bà Lê Na là Bí thư.").text


def test_weights_too_large_for_the_repository(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LARGEST", 1000)
    with pytest.raises(module.ModelError, match=r"MB of weights, more than"):
        module.export(tiny_model, tmp_path / "into")
    assert list(tmp_path.iterdir()) == []


def test_errors_are_one_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["--config", "nowhere.yaml", "--into", str(tmp_path)]) == 1
    told = capsys.readouterr().err
    assert told.startswith("training.release: no configuration")
    assert told.count("\n") == 1
