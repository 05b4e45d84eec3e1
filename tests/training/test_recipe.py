"""Experiments: variants are checked before anything runs, run once, and tabled against the first."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from training import recipe as module
from training.arguments import ConfigError
from training.recipe import folder_name, main, read_recipe, results_table, run_cell


def write(folder: Path, text: str) -> str:
    path = folder / "thử.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("name", ["questions.yaml", "curve.yaml", "whole.yaml"])
def test_shipped_recipes_are_valid(name: str) -> None:
    base, variants = read_recipe(f"recipes/{name}")
    assert base
    assert len(variants) > 1
    assert len({folder_name(variant) for variant in variants}) == len(variants)


def test_an_unknown_setting_is_refused_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="thử.yaml: lạ: unknown key 'epoch'"):
        read_recipe(write(tmp_path, "base: {}\nvariants:\n  lạ: {epoch: 3}\n"))


@pytest.mark.parametrize(
    "text", ["", "base: {}", "- a", "base: {}\nvariants: 3", ": :", "base: {}\nvariants: {a: [1]}"]
)
def test_a_file_of_another_form(text: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="expected 'base' and 'variants'"):
        read_recipe(write(tmp_path, text))


def test_the_table_compares_with_the_first() -> None:
    found = {
        (name, seed): {"eval_entity_f1": f, "eval_relation_f1": 0.5, "epoch": 2.0}
        for name, f in (("a", 0.8), ("b", 0.83))
        for seed in (1, 2)
    }
    rows = results_table(["a", "b"], found, [1, 2]).splitlines()
    assert rows[2] == "| a | 0.800 (0.800 – 0.800) | +0.0 | 0.500 (0.500 – 0.500) | +0.0 | 2/2 |"
    assert "| +3.0 |" in rows[3]


def test_a_cell_is_a_training(finished: tuple[Path, dict[str, Any]], tiny_encoder: Path, tiny_data: Path) -> None:
    from dataclasses import asdict

    from tests.training.samples import settings

    run, metrics = finished
    values = asdict(settings(tiny_encoder, tiny_data, run))
    values.pop("output")
    found = run_cell(values, run, 1)
    assert found == max(metrics["epochs"], key=lambda epoch: epoch["eval_score"])


def test_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    called: list[tuple[dict[str, Any], str, int]] = []

    def fake(settings: dict[str, Any], run: Path, threads: int) -> dict[str, float]:
        called.append((settings, run.name, threads))
        return {
            "eval_entity_f1": 0.5 + settings["epochs"] / 100,
            "eval_relation_f1": 0.4,
            "eval_score": settings["epochs"] / 10,
            "epoch": 1.0,
        }

    monkeypatch.setattr(module, "run_cell", fake)
    recipe = write(tmp_path, "base: {epochs: 2}\nvariants:\n  gốc:\n  dài hơn: {epochs: 4}\n  khác: {crf: false}\n")
    out = tmp_path / "out"
    options = ["--recipe", recipe, "--out", str(out), "--seeds", "1", "2", "--lanes", "2"]
    assert main([*options, "--only", "gốc", "dài hơn"]) == 0
    assert sorted((name, settings["epochs"], threads) for settings, name, threads in called) == [
        ("dài-hơn-1", 4, 1),
        ("dài-hơn-2", 4, 1),
        ("gốc-1", 2, 1),
        ("gốc-2", 2, 1),
    ]
    assert "| dài hơn | 0.540" in capsys.readouterr().out
    assert len(json.loads((out / "results.json").read_text(encoding="utf-8"))["cells"]) == 4
    called.clear()
    assert main([*options, "--margin", "0.1"]) == 0
    # The first is what the others are compared with; of the rest, what is far behind is not run again.
    assert sorted(name for _, name, _ in called) == ["dài-hơn-1", "dài-hơn-2", "gốc-1", "gốc-2", "khác-1"]
    assert main([*options, "--only", "nowhere"]) == 1
    assert "no such variant: nowhere" in capsys.readouterr().err
