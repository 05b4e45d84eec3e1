"""Pretraining: settings, and a run that goes on exactly where it stopped."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from accelerate.state import AcceleratorState

from models.configuration import ModelError
from models.encoders import load_encoder
from tests.fixtures.sentences import TEXTS
from tests.training.samples import Stopped, equal, masked_model, write_token_files
from training import pretrain as module
from training.arguments import CONFIGS, ConfigError
from training.masking import MaskedObjective
from training.pretrain import PretrainConfig, learning_rate, main, read_pretrain_config, step_loss, train
from training.sequences import Sequences


@pytest.fixture(autouse=True)
def _fresh_accelerator(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("PHODANG_ARTICLES", "PHODANG_NEWS"):
        monkeypatch.delenv(name, raising=False)
    AcceleratorState._reset_state(reset_partial_state=True)
    yield
    AcceleratorState._reset_state(reset_partial_state=True)


def config(output: Path, **changes: Any) -> PretrainConfig:
    values: dict[str, Any] = {
        "output": str(output),
        "corpora": ["a.txt"],
        "shares": ["1"],
        "length": 18,
        "batch_size": 6,
        "steps": 6,
        "evaluate_every": 3,
        "save_every": 2,
        "learning_rate": 1e-2,
        "precision": "float32",
        "segmenter": "none",
        "held_out": 32,
        "processes": 1,
        **changes,
    }
    return PretrainConfig(**values)


class Run:
    """A run folder with tokens; every start makes its objects anew, as a new process would."""

    def __init__(self, folder: Path, **changes: Any) -> None:
        self.folder = folder
        self.files, self.tokenization = write_token_files(folder)
        self.config = config(folder, **changes)

    def start(self, width: int = 16) -> None:
        c = self.config
        sequences = Sequences(
            self.files, self.tokenization, length=18, batch_size=c.batch_size, mask=c.mask, seed=c.seed, held_out=32
        )
        train(c, sequences, masked_model(self.tokenization, width))

    @property
    def weights(self) -> dict[str, torch.Tensor]:
        state: dict[str, torch.Tensor] = torch.load(self.folder / "state.pt", weights_only=True)["model"]
        return state

    @property
    def history(self) -> list[dict[str, Any]]:
        lines = (self.folder / "history.jsonl").read_text(encoding="utf-8").splitlines()
        return [{k: v for k, v in json.loads(line).items() if "second" not in k} for line in lines]


def test_learning_rate_rises_and_falls() -> None:
    settings = config(Path(), steps=100, warmup=0.1, learning_rate=1.0)
    assert [learning_rate(step, settings) for step in (0, 4, 9)] == pytest.approx([0.1, 0.5, 1.0])
    assert [learning_rate(step, settings) for step in (10, 55, 99, 100)] == pytest.approx([1, 0.5, 1 / 90, 0])
    late = config(Path(), steps=100, warmup=0.1, learning_rate=1.0, decay=0.2)
    assert [learning_rate(step, late) for step in (10, 79, 80, 90, 99)] == pytest.approx([1, 1, 1, 0.5, 0.05])


@pytest.mark.parametrize("stop", [1, 3, 5])
def test_a_stopped_run_goes_on_as_if_it_had_not_been(
    stop: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("whole", "stopped"):
        (tmp_path / name).mkdir()
    whole, stopped = Run(tmp_path / "whole"), Run(tmp_path / "stopped")
    whole.start()
    original = Sequences.step

    def step(self: Sequences, number: int) -> dict[str, torch.Tensor]:
        if number == stop:
            raise Stopped
        return original(self, number)

    with monkeypatch.context() as patch, pytest.raises(Stopped):
        patch.setattr(Sequences, "step", step)
        stopped.start()
    # A kill may leave half a line, and the row of a step whose state was not saved.
    with (tmp_path / "stopped" / "history.jsonl").open("a", encoding="utf-8") as out:
        out.write('{"step": 6, "half')
    stopped.start()
    first, second = whole.weights, stopped.weights
    assert all(torch.equal(value, second[name]) for name, value in first.items())
    assert [row["step"] for row in stopped.history] == [3, 6]
    assert stopped.history == whole.history


def test_it_learns(tmp_path: Path) -> None:
    run = Run(tmp_path, steps=300, evaluate_every=100, save_every=300, learning_rate=2e-3, batch_size=16)
    run.start(width=64)
    losses = [row["held_out_loss"] for row in run.history]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < losses[0] - 0.15
    assert [row["tokens"] for row in run.history] == [100 * 16 * 18, 200 * 16 * 18, 300 * 16 * 18]


def test_a_batch_that_does_not_divide_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.Accelerator, "num_processes", property(lambda self: 4))
    with pytest.raises(ConfigError, match="batch_size=6 does not divide among 4 processes"):
        Run(tmp_path).start()


def test_a_run_of_other_settings_is_refused(
    tiny_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its text and vocabulary are made once: other settings would silently have no effect on them."""

    def stop(*_: Any) -> None:
        raise Stopped

    monkeypatch.setattr(module.Preparation, "run", stop)
    (tmp_path / "a.txt").write_text("Một đoạn.", encoding="utf-8")
    own = {"init_from": str(tiny_encoder), "layers": 2, "corpus_folder": str(tmp_path)}
    for _ in range(2):
        with pytest.raises(Stopped):
            module.pretrain(config(tmp_path / "run", **own))
    with pytest.raises(ConfigError, match="vocabulary"):
        module.pretrain(config(tmp_path / "run", **own, vocabulary=123))


def test_what_cannot_work_does_not_claim_the_folder(tiny_encoder: Path, tmp_path: Path) -> None:
    """Found out before hours of work, and the corrected command is not refused for it."""
    own: dict[str, Any] = {"init_from": str(tiny_encoder), "layers": 2, "corpus_folder": str(tmp_path)}
    for changes, message in (
        ({"init_from": "nowhere/at/all"}, "no encoder 'nowhere/at/all'"),
        ({"layers": 3}, "cannot take 3 layers from an encoder of 2"),
        ({}, "no corpus .*a.txt; set corpus_folder=FOLDER"),
    ):
        with pytest.raises((ConfigError, ModelError), match=message):
            module.pretrain(config(tmp_path / "run", **{**own, **changes}))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"length": 257}, "length=257, but the encoder reads 8 to 256 pieces"),
        ({"length": 2}, "length=2, but"),
        ({"save_every": 0}, "save_every must be above 0, not 0"),
        ({"mask": 1.5}, "mask must lie between 0 and 1, not 1.5"),
        ({"shares": ["2"]}, "shares lie between 0 and 1, not 2"),
        ({"sources": ["a", "b"]}, "sources must be empty or list as many entries as corpora"),
        ({"precision": "half"}, "precision='half'; known: auto, bfloat16, float32"),
    ],
)
def test_settings_out_of_range(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        config(Path(), **changes)


def test_settings() -> None:
    shipped = read_pretrain_config("pretrain-compact.yaml", [])
    assert shipped.run == Path("runs") / "pretrain-compact"
    assert sum(map(float, shipped.shares)) == pytest.approx(1)
    assert len(shipped.sources) == len(shipped.corpora)
    assert read_pretrain_config(str(CONFIGS / "pretrain-compact.yaml"), ["steps=7"]).steps == 7
    with pytest.raises(ConfigError, match="unknown key 'step'; did you mean 'steps'"):
        read_pretrain_config("pretrain-compact.yaml", ["step=7"])
    with pytest.raises(ConfigError, match="corpora and shares must list as many entries"):
        read_pretrain_config("pretrain-compact.yaml", ["shares=[1]"])
    with pytest.raises(ConfigError, match="repeats must be empty or list as many entries as corpora"):
        read_pretrain_config("pretrain-compact.yaml", ["repeats=[1]"])
    with pytest.raises(ConfigError, match="repeats must be whole numbers from 1 on, not 1, 0, 1, 1"):
        read_pretrain_config("pretrain-compact.yaml", ["repeats=[1, 0, 1, 1]"])


@pytest.mark.parametrize(
    "setting", ["steps=[1", "steps=nhiều", "corpus_folder=nowhere", "shares=[a, b, c, d]", "precision=half"]
)
def test_command_line_errors_are_one_line(
    setting: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["--set", f"output={tmp_path / 'run'}", "--set", "processes=1", "--set", setting]) == 1
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("training.pretrain: ")]
    assert len(told) == 1


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], Path]:
    """Settings of a small run from nothing but text and an encoder, and the folder they are in."""
    from tests.fixtures.checkpoints import write_encoder

    folder = tmp_path_factory.mktemp("pretraining")
    (folder / "a.txt").write_text("\n".join(TEXTS * 20), encoding="utf-8")
    source = write_encoder(folder / "source", num_hidden_layers=3)
    settings = {
        "corpora": "[a.txt]",
        "shares": "[1]",
        "repeats": "[1]",
        "sources": "[câu bịa (Apache-2.0)]",
        "corpus_folder": folder,
        "init_from": source,
        "words": 9000,
        "vocabulary_words": 2000,
        "vocabulary": 450,
        "layers": 2,
        "length": 34,
        "batch_size": 8,
        "steps": 60,
        "evaluate_every": 20,
        "save_every": 5,
        "held_out": 16,
        "segmenter": "none",
        "processes": 1,
        "precision": "float32",
    }
    return [part for key, value in settings.items() for part in ("--set", f"{key}={value}")], folder


def finished(settings: list[str], folder: Path) -> Path:
    """An uninterrupted run of these settings, made once."""
    run = folder / "run"
    if not (run / "encoder" / "README.md").is_file():
        assert main([*settings, "--set", f"output={run}"]) == 0
    return run


@pytest.mark.slow
def test_from_text_to_an_encoder_with_its_card(command: tuple[list[str], Path]) -> None:
    settings, folder = command
    run = finished(settings, folder)
    encoder, tokenization, _ = load_encoder(str(run / "encoder"))
    assert encoder.config.num_hidden_layers == 2
    assert encoder.config.hidden_dropout_prob == 0, "what it saw while it was pretrained"
    card = (run / "encoder" / "README.md").read_text(encoding="utf-8")
    assert str(folder) not in card, "a card names no folder of a machine"
    assert "câu bịa (Apache-2.0)" in card
    assert f"{tokenization.vocabulary_size} word-level pieces" in card
    assert (run / "encoder" / "curve.png").read_bytes().startswith(b"\x89PNG")
    head = yaml.safe_load(card.split("---")[1])
    assert head["language"] == "vi"
    initial, _, _ = load_encoder(str(run / "initial"))
    assert initial.config.vocab_size == encoder.config.vocab_size
    assert main([*settings, "--set", f"output={run}"]) == 0, "a finished run stays as it is"


@pytest.mark.slow
@pytest.mark.parametrize("file", ["encoder/vocab.txt", "tokens", "state.pt", "history.jsonl"])
def test_a_killed_process_goes_on_with_the_same_result(
    file: str, command: tuple[list[str], Path], tmp_path: Path
) -> None:
    settings, folder = command
    whole = finished(settings, folder)
    call = [sys.executable, "-m", "training.pretrain", *settings, "--set", f"output={tmp_path / 'run'}"]
    process = subprocess.Popen(call, stderr=subprocess.DEVNULL, start_new_session=True)
    while not (tmp_path / "run" / file).exists() and process.poll() is None:
        time.sleep(0.005)
    assert process.poll() is None, "it ended before it could be killed"
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    subprocess.run(call, stderr=subprocess.DEVNULL, check=True)
    for name in ("vocab.txt", "bpe.codes"):
        assert (tmp_path / "run" / "encoder" / name).read_bytes() == (whole / "encoder" / name).read_bytes()
    assert equal(tmp_path / "run" / "encoder" / "model.safetensors", whole / "encoder" / "model.safetensors")


@pytest.mark.slow
def test_two_processes_do_what_one_does(command: tuple[list[str], Path], tmp_path: Path) -> None:
    settings, folder = command
    whole = finished(settings, folder)
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", "--standalone"]
    call = [*launch, "-m", "training.pretrain", *settings, "--set", f"output={tmp_path / 'run'}"]
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "2 process(es) on cpu" in done.stderr
    rows = [
        [json.loads(line) for line in (run / "history.jsonl").read_text(encoding="utf-8").splitlines()]
        for run in (whole, tmp_path / "run")
    ]
    for one, two in zip(*rows, strict=True):
        assert two["held_out_loss"] == pytest.approx(one["held_out_loss"], rel=1e-3)


def test_the_gradient_of_a_step_is_the_same_however_it_is_dealt_out(tmp_path: Path) -> None:
    files, tokenization = write_token_files(tmp_path)
    model = MaskedObjective(masked_model(tokenization)).eval()
    batch = Sequences(files, tokenization, length=18, batch_size=6, mask=0.2, seed=3, held_out=8).step(0)
    asked = int((batch["labels"] != -100).sum())

    def gradient(parts: int) -> torch.Tensor:
        """The average over processes, as data-parallel training takes it."""
        total = torch.zeros(())
        for part in range(parts):
            model.zero_grad()
            loss, _ = model(**{name: values[part::parts] for name, values in batch.items()})
            step_loss(loss, asked, parts).backward()
            total = total + torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None]) / parts
        return total

    for parts in (2, 3):
        torch.testing.assert_close(gradient(parts), gradient(1), atol=1e-6, rtol=1e-4)


def test_a_process_that_does_not_find_the_others_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = module.PartialState(cpu=True)
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setattr(module, "PartialState", lambda **_: alone)
    with pytest.raises(ConfigError, match="2 processes were started, but only 1 found each other"):
        module.pretrain(config(tmp_path))


def test_settings_that_differ_from_the_file_are_told() -> None:
    changed = module.changed_settings(
        read_pretrain_config("pretrain-compact.yaml", ["steps=7", "repeats=[1, 1, 1, 2]"])
    )
    assert sorted(changed) == ["repeats=[1, 1, 1, 2]", "steps=7"]
