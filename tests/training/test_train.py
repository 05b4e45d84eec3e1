"""Training from end to end: what it leaves, how it goes on after a stop, and that it repeats."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from data.dataset import DataError, read_dataset, write_dataset
from eval.scoring import Pair, headline
from models.configuration import ExtractorConfig
from models.prediction import Predictor
from tests.fixtures.checkpoints import edit_json, write_encoder
from tests.fixtures.sentences import documents
from tests.training.samples import Stopped, equal, settings, stop_at
from training.arguments import ConfigError
from training.train import build_extractor, load_data, main, train
from training.trainer import ExtractionTrainer

STEPS = 50
"""Of an epoch: a hundred examples in batches of two."""
Finished = tuple[Path, dict[str, Any]]


def test_what_the_run_folder_holds(finished: Finished) -> None:
    run, metrics = finished
    assert sorted(path.name for path in run.iterdir()) == [
        "best.json",
        "checkpoints",
        "config.yaml",
        "data.md",
        "environment.json",
        "metrics.json",
        "model",
    ]
    assert sorted(path.name for path in (run / "model").iterdir()) == [
        "README.md",
        "bpe.codes",
        "config.json",
        "model.safetensors",
        "vocab.txt",
    ]
    assert [path.name for path in (run / "checkpoints").iterdir()] == [f"checkpoint-{2 * STEPS}"]
    assert json.loads((run / "metrics.json").read_text(encoding="utf-8")) == metrics
    assert yaml.safe_load((run / "config.yaml").read_text(encoding="utf-8"))["settings"]["name"] == "tí-hon"
    assert (run / "data.md").read_text(encoding="utf-8").startswith("# Data card")
    assert json.loads((run / "environment.json").read_text(encoding="utf-8"))["device"] == "cpu"
    assert (run / "model" / "README.md").read_text(encoding="utf-8").startswith("---\nlanguage: vi\n")


def test_dropout_of_the_encoder(tiny_encoder: Path, tiny_data: Path, tmp_path: Path) -> None:
    """As its own settings say, or as ours do; the saved model's settings say the same."""
    data = load_data(settings(tiny_encoder, tiny_data, tmp_path))
    for share, expected in ((-1, 0.1), (0, 0.0), (0.3, 0.3)):
        extractor, _ = build_extractor(settings(tiny_encoder, tiny_data, tmp_path, encoder_dropout=share), data)
        found = {module.p for module in extractor.encoder.modules() if isinstance(module, torch.nn.Dropout)}
        assert found == {expected}
        extractor.save_pretrained(tmp_path / "model")
        saved = json.loads((tmp_path / "model" / "config.json").read_text(encoding="utf-8"))
        assert saved["hidden_dropout_prob"] == saved["attention_probs_dropout_prob"] == expected


def test_metrics(finished: Finished) -> None:
    run, metrics = finished
    assert [entry["epoch"] for entry in metrics["epochs"]] == [1, 2]
    assert [entry["step"] for entry in metrics["epochs"]] == [STEPS, 2 * STEPS]
    best = max(metrics["epochs"], key=lambda entry: entry["eval_score"])
    assert metrics["best"] == {"score": best["eval_score"], "epoch": best["epoch"], "step": best["step"]}
    assert best["eval_score"] == pytest.approx((best["eval_entity_f1"] + best["eval_relation_f1"]) / 2)
    assert (metrics["training_examples"], metrics["annotations_lost"]) == (100, 0)
    losses = [entry["loss"] for entry in metrics["loss"]]
    assert losses[-1] < losses[0]


def test_the_model_is_the_best_epoch_and_predicts(finished: Finished, tiny_data: Path) -> None:
    run, metrics = finished
    predictor = Predictor(run / "model", "cpu")
    gold = read_dataset(tiny_data)["validation"]
    found = headline(
        [Pair.of(d, p.entities, p.relations) for d, p in zip(gold, predictor([d.text for d in gold]), strict=True)]
    )
    best = max(metrics["epochs"], key=lambda entry: entry["eval_score"])
    assert {name: best[f"eval_{name}"] for name in found} == pytest.approx(found, abs=1e-9)
    assert best["epoch"] == 2
    assert best["eval_entity_f1"] > 0.05, "it has learned something"


def snapshot(run: Path) -> dict[str, tuple[int, int]]:
    return {str(p.relative_to(run)): (p.stat().st_size, p.stat().st_mtime_ns) for p in run.rglob("*") if p.is_file()}


def test_a_second_start_says_it_is_finished(
    finished: Finished, tiny_encoder: Path, tiny_data: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run, metrics = finished
    before = snapshot(run)
    with caplog.at_level(logging.INFO, logger="training"):
        assert train(settings(tiny_encoder, tiny_data, run)) == metrics
    assert caplog.messages == [f"{run}: already finished; --restart trains again"]
    after = snapshot(run)
    del before["config.yaml"], after["config.yaml"]
    assert after == before


def test_changed_settings_are_refused(finished: Finished, tiny_encoder: Path, tiny_data: Path) -> None:
    run, _ = finished
    before = snapshot(run)
    with pytest.raises(ConfigError) as caught:
        train(settings(tiny_encoder, tiny_data, run, epochs=3, seed=14))
    assert str(caught.value) == (
        f"{run}: holds a run with other settings (epochs, seed); "
        "name another folder with --set output=FOLDER, or replace it with --restart"
    )
    assert snapshot(run) == before


def test_changed_data_is_refused(finished: Finished, tiny_encoder: Path, tiny_data: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(finished[0], tmp_path / "run"))
    data = Path(shutil.copytree(tiny_data, tmp_path / "data"))
    own = documents()
    write_dataset(data, {"train": own[3:], "validation": own[:2]})
    config = yaml.safe_load((run / "config.yaml").read_text(encoding="utf-8"))
    config["settings"].update(data=str(data), output=str(run))
    (run / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"holds a run with other settings \(data\)"):
        train(settings(tiny_encoder, data, run))


def last(run: Path) -> Path:
    return run / "checkpoints" / f"checkpoint-{2 * STEPS}" / "model.safetensors"


def same_result(run: Path, finished: Finished, metrics: dict[str, Any]) -> None:
    """The last weights, the best model and the figures of an uninterrupted run."""
    assert equal(last(run), last(finished[0]))
    assert equal(run / "model" / "model.safetensors", finished[0] / "model" / "model.safetensors")
    for key in ("best", "epochs", "data", "training_examples"):
        left, right = (
            [{k: v for k, v in entry.items() if "runtime" not in k and "per_second" not in k} for entry in each[key]]
            if key == "epochs"
            else each[key]
            for each in (metrics, finished[1])
        )
        assert left == right
    assert [entry["step"] for entry in metrics["loss"]] == [entry["step"] for entry in finished[1]["loss"]]


@pytest.mark.parametrize("step", [2, STEPS + 20], ids=["first-epoch", "second-epoch"])
def test_a_stopped_run_goes_on_as_if_it_had_not_been(
    step: int,
    finished: Finished,
    tiny_encoder: Path,
    tiny_data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(ExtractionTrainer, "compute_loss", stop_at(step))
        with pytest.raises(Stopped):
            train(settings(tiny_encoder, tiny_data, tmp_path))
    assert not (tmp_path / "metrics.json").exists()
    with caplog.at_level(logging.INFO, logger="training"):
        metrics = train(settings(tiny_encoder, tiny_data, tmp_path))
    going_on = [message for message in caplog.messages if message.startswith("continuing from ")]
    assert len(going_on) == (1 if step > STEPS else 0)
    same_result(tmp_path, finished, metrics)


def test_a_run_stopped_while_its_checkpoint_is_written_goes_on(
    finished: Finished, tiny_encoder: Path, tiny_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = ExtractionTrainer._save_checkpoint
    calls: list[int] = []

    def save(*arguments: Any, **options: Any) -> None:
        calls.append(1)
        if len(calls) == 2:
            raise Stopped
        original(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(ExtractionTrainer, "_save_checkpoint", save)
        with pytest.raises(Stopped):
            train(settings(tiny_encoder, tiny_data, tmp_path))
    assert (tmp_path / "best.json").is_file()
    same_result(tmp_path, finished, train(settings(tiny_encoder, tiny_data, tmp_path)))


def test_restart_trains_again_and_the_seed_decides(
    finished: Finished, tiny_encoder: Path, tiny_data: Path, tmp_path: Path
) -> None:
    run = Path(shutil.copytree(finished[0], tmp_path / "run"))
    (run / "stray.txt").write_text("x", encoding="utf-8")
    metrics = train(settings(tiny_encoder, tiny_data, run), restart=True)
    assert not (run / "stray.txt").exists()
    same_result(run, finished, metrics)
    other = tmp_path / "other"
    train(settings(tiny_encoder, tiny_data, other, seed=14))
    assert not equal(last(other), last(finished[0]))


def test_other_settings_train_too(tiny_data: Path, tmp_path: Path) -> None:
    layout = write_encoder(tmp_path / "layout", None)
    changes = {"crf": False, "context": False, "accumulation": 2, "layer_decay": 0.5, "epochs": 0.6, "hidden": 24}
    metrics = train(settings(layout, tiny_data, tmp_path / "run", **changes))
    assert len(metrics["epochs"]) == 1
    assert Predictor(tmp_path / "run" / "model").model.config.hidden == 24


def test_a_data_set_without_a_split_is_refused(tiny_encoder: Path, tmp_path: Path) -> None:
    write_dataset(tmp_path / "data", {"train": documents()[:2], "test": documents()[2:3]})
    with pytest.raises(DataError, match="has test, train; training needs the splits train and validation"):
        load_data(settings(tiny_encoder, tmp_path / "data", tmp_path / "run"))
    write_dataset(tmp_path / "data", {"train": [], "validation": documents()[:1]})
    with pytest.raises(DataError, match="no documents to train on"):
        train(settings(tiny_encoder, tmp_path / "data", tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_without_a_data_set_it_is_built(tiny_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PHODANG_ARTICLES", raising=False)
    monkeypatch.delenv("PHODANG_NEWS", raising=False)
    data = load_data(settings(tiny_encoder, "", tmp_path))
    assert data.splits["train"]
    assert data.splits["validation"]
    assert "test" not in data.splits


def arguments(encoder: Path, data: Path, output: Path) -> list[str]:
    values = settings(encoder, data, output).to_dict()
    return [part for key, value in values.items() if value not in ("", []) for part in ("--set", f"{key}={value}")]


def test_command_line(
    finished: Finished, tiny_encoder: Path, tiny_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, metrics = finished
    assert main(["--config", "compact.yaml", *arguments(tiny_encoder, tiny_data, run)]) == 0
    best = max(metrics["epochs"], key=lambda entry: entry["eval_score"])
    assert capsys.readouterr().out == (
        f"best epoch {best['epoch']:.0f}: entities F1 {best['eval_entity_f1']:.3f}, "
        f"relations F1 {best['eval_relation_f1']:.3f} on the validation split\n"
    )


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("epoch=3", "unknown key 'epoch'; did you mean 'epochs'?"),
        ("epochs=nhiều", "epochs: expected float, found 'nhiều'"),
        ("encoder=nowhere", "no encoder 'nowhere'"),
        ("window=4000", "window=4000, but this encoder reads 8 to 96 pieces"),
        ("segmenter=khác", "unknown segmenter 'khác'"),
        ("segmenter=vncorenlp", "pip install py_vncorenlp"),
        ("train_files=[a", "a"),
        ("hidden=-5", "hidden"),
        ("seed=.inf", "seed"),
        ("data=nowhere", "nowhere: no *.parquet splits"),
    ],
)
def test_command_line_errors_are_one_line(
    setting: str, message: str, tiny_encoder: Path, tiny_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments(tiny_encoder, tiny_data, tmp_path / "run"), "--set", setting]) == 1
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("training.train: ")]
    assert len(told) == 1
    assert message in told[0]


def test_going_on_from_a_saved_model(finished: Finished, tiny_encoder: Path, tiny_data: Path, tmp_path: Path) -> None:
    model = tmp_path / "calibrated"
    shutil.copytree(finished[0] / "model", model)
    edit_json(model / "config.json", lambda v: v["phodang"].update(entity_temperature=2.0, relation_threshold=0.9))
    changes = {"init": str(model), "learning_rate": 1e-9, "head_learning_rate": 1e-9, "epochs": 1}
    metrics = train(settings(tiny_encoder, tiny_data, tmp_path / "run", **changes))
    before = max(finished[1]["epochs"], key=lambda epoch: epoch["eval_score"])
    assert abs(metrics["epochs"][0]["eval_entity_f1"] - before["eval_entity_f1"]) < 0.02, (
        "it starts where that one ended"
    )
    config, _ = ExtractorConfig.load(tmp_path / "run" / "model")
    assert (config.entity_temperature, config.relation_threshold) == (1.0, 0.5), "fitted to other scores"
    with pytest.raises(ConfigError, match="made with other settings; set window=80"):
        train(settings(tiny_encoder, tiny_data, tmp_path / "other", **{**changes, "window": 64}))


def test_validating_on_what_a_model_was_trained_on_is_said(
    finished: Finished,
    tiny_encoder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.delenv("PHODANG_NEWS", raising=False)
    changes = {"init": str(finished[0] / "model"), "parts": ["generated"], "generated": 2, "epochs": 1}
    with caplog.at_level("WARNING"):
        train(settings(tiny_encoder, "", tmp_path / "run", **changes))
    assert any("may have been trained on" in record.message for record in caplog.records)
