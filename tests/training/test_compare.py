"""Comparing encoders."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from data.dataset import read_dataset
from models.encoders import load_encoder
from tests.training.samples import write_data
from training import compare as module
from training.compare import System, encoder_cost, main, parse_system, results_table, spread


def test_a_system_may_have_random_weights(tiny_encoder: Path, tmp_path: Path) -> None:
    system = parse_system(f"bare=random:{tiny_encoder}", tmp_path)
    _, tokenization, origin = load_encoder(system.encoder, 7)
    assert origin.startswith("random weights (seed 7)")
    assert tokenization.fingerprint == load_encoder(str(tiny_encoder))[1].fingerprint
    assert parse_system("shipped=compact", tmp_path).encoder == "compact"
    other = parse_system("e5=compact,tones=false,rates=1e-4+2e-4,seed=3", tmp_path)
    assert (other.encoder, other.settings, other.rates) == ("compact", ["tones=false", "seed=3"], ["1e-4", "2e-4"])
    with pytest.raises(ValueError, match="--systems 'compact': write NAME=ENCODER"):
        parse_system("compact", tmp_path)


def test_the_first_seed_picks_the_rate() -> None:
    system = System("a", "b")
    system.scores = {
        ("1e-4", 1): {"eval_score": 0.5},
        ("2e-4", 1): {"eval_score": 0.6},
        ("1e-4", 2): {"eval_score": 0.9},
    }
    assert system.best_rate(1) == "2e-4"


def test_mean_and_range() -> None:
    assert spread([0.5, 0.6]) == "0.550 (0.500 – 0.600)"
    assert spread([]) == "–"


def test_cost_of_an_encoder(tiny_encoder: Path, tmp_path: Path) -> None:
    documents = read_dataset(write_data(tmp_path))["validation"]
    cost = encoder_cost(str(tiny_encoder), documents)
    assert cost["pieces"] > 3
    assert cost["milliseconds"] > 0
    # Two layers of four 32 × 32 and two 32 × 48 products, and attention of the same order.
    weights = 2 * (4 * 32 * 32 + 2 * 32 * 48)
    assert cost["gflops"] > 2 * weights * cost["pieces"] / 1e9
    assert cost["gflops"] < 4 * weights * cost["pieces"] / 1e9


def _told(run: Path, seed: int, rate: str) -> None:
    run.mkdir(parents=True, exist_ok=True)
    score = 0.5 + (rate == "2e-4") / 10 + seed / 1000
    epochs = [
        {"epoch": n, "eval_score": score * n, "eval_entity_f1": score * n, "eval_relation_f1": 0.4} for n in (1, 0.5)
    ]
    (run / "metrics.json").write_text(json.dumps({"epochs": epochs}), encoding="utf-8")


def test_every_cell_is_run_once_and_the_test_split_last(
    tiny_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    calls = []

    def command(name: str, *arguments: str) -> None:
        told = dict(value.partition("=")[::2] for value in arguments if "=" in value)
        if name == "training.train":
            assert told["tones"] == "false"
            calls.append((Path(told["encoder"]).name, told["learning_rate"], told["seed"], told["epochs"]))
            _told(Path(told["output"]), int(told["seed"]), told["learning_rate"])
        else:
            calls.append((name,))
            out = Path(arguments[arguments.index("--out") + 1])
            out.mkdir()
            figures = {"strict": {"micro": {"f1": 0.7}}}
            (out / "report.json").write_text(json.dumps({"entities": figures, "relations": figures}), encoding="utf-8")

    monkeypatch.setattr(module, "command_output", command)
    data = write_data(tmp_path / "data")
    call = ["--data", str(data), "--out", str(tmp_path / "out"), "--systems", f"x={tiny_encoder},tones=false"]
    call += ["--rates", "1e-4", "2e-4", "--seeds", "3", "4", "--test", "test", "--set", "epochs=2"]
    assert main(call) == 0
    name = tiny_encoder.name
    trainings = [(name, "1e-4", "3", "2"), (name, "2e-4", "3", "2"), (name, "2e-4", "4", "2")]
    assert calls == [*trainings, ("eval.report",), ("eval.report",)]
    told = capsys.readouterr().out
    assert "| x | 2e-4 | 0.603 (0.603 – 0.604) | 0.400 (0.400 – 0.400) | 0.700 (0.700 – 0.700) |" in told
    assert (tmp_path / "out" / "results.md").read_text(encoding="utf-8").strip() == told.strip()
    (result,) = json.loads((tmp_path / "out" / "results.json").read_text(encoding="utf-8"))
    assert [(t["rate"], t["seed"]) for t in result["trainings"]] == [("1e-4", 3), ("2e-4", 3), ("2e-4", 4)]
    assert "| x |" in results_table([_system(result)], [3, 4])


def _system(result: dict) -> System:
    system = System(result["system"], "")
    system.scores = {(t["rate"], t["seed"]): t for t in result["trainings"]}
    system.cost = result["cost"]
    return system


def test_a_training_that_fails_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = write_data(tmp_path / "data")
    assert main(["--data", str(data), "--out", str(tmp_path / "out"), "--systems", "x=nowhere/at all"]) == 1
    assert capsys.readouterr().err.splitlines()[-1].startswith("training.compare: ")
