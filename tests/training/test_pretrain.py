"""Pretraining: settings, masked sequences, and a run that goes on exactly where it stopped."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from accelerate.state import AcceleratorState
from transformers import AutoModel, RobertaConfig, RobertaForMaskedLM

from models.encoders import load_encoder
from models.tokenization import PhobertTokenization
from tests.fixtures.checkpoints import write_tokenizer
from tests.fixtures.sentences import TEXTS
from tests.training.samples import Stopped
from training import pretrain as module
from training.arguments import CONFIGS, ConfigError
from training.corpus import segmented_words, write_tokens
from training.pretrain import (
    MaskedObjective,
    PretrainConfig,
    Sequences,
    learning_rate,
    main,
    read_pretrain_config,
    save_encoder,
    train,
)


@pytest.fixture(autouse=True)
def _fresh_accelerator() -> Iterator[None]:
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
        "bf16": False,
        "segmenter": "none",
        **changes,
    }
    return PretrainConfig(**values)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run folder with vocabulary and tokens."""
    from data.segmentation import NoSegmenter

    (tmp_path / "encoder").mkdir()
    write_tokenizer(tmp_path / "encoder")
    stream = [segmented_words(text, NoSegmenter()) for text in TEXTS] * 20
    write_tokens(tmp_path / "tokens.bin", stream, PhobertTokenization(tmp_path / "encoder"))
    return tmp_path


def sequences(run: Path, **changes: Any) -> Sequences:
    return Sequences(run / "tokens.bin", config(run, **changes), PhobertTokenization(run / "encoder"))


def model(run: Path) -> RobertaForMaskedLM:
    torch.manual_seed(0)
    size = PhobertTokenization(run / "encoder").vocabulary_size
    small = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    return RobertaForMaskedLM(RobertaConfig(vocab_size=size, max_position_embeddings=40, type_vocab_size=1, **small))


def test_sequences_are_masked_by_their_seed_alone(run: Path) -> None:
    data = sequences(run, mask=0.3)
    tokens = data.tokens
    batch = data.batch(np.array([3, 5]), [1, 2])
    ids, labels = batch["input_ids"], batch["labels"]
    assert ids.shape == labels.shape == (2, 18)
    assert ids[:, 0].tolist() == [0, 0]
    assert ids[:, -1].tolist() == [2, 2]
    plain = torch.tensor(np.stack([tokens[48:64], tokens[80:96]]).astype(np.int64))
    body, wanted = ids[:, 1:-1], labels[:, 1:-1]
    masked = wanted != -100
    assert torch.equal(body[~masked], plain[~masked])
    assert torch.equal(wanted[masked], plain[masked])
    assert (labels[:, [0, -1]] == -100).all()
    assert all(torch.equal(value, batch[name]) for name, value in data.batch(np.array([3, 5]), [1, 2]).items())
    assert not torch.equal(data.batch(np.array([3, 5]), [1, 3])["labels"], labels)


def test_shares_of_masked_pieces(run: Path) -> None:
    data = sequences(run, mask=0.25)
    batch = data.batch(np.arange(len(data.train)), [9])
    ids, labels = batch["input_ids"], batch["labels"]
    chosen = labels != -100
    assert (labels[chosen] > 3).all(), "special pieces are never asked for"
    plain = torch.where(chosen, labels, ids)
    assert chosen.sum() / (plain > 3).sum() == pytest.approx(0.25, abs=0.02)
    count = chosen.sum().item()
    assert (ids[chosen] == data.tokenization.mask).sum().item() / count == pytest.approx(0.8, abs=0.04)
    assert (ids[chosen] == labels[chosen]).sum().item() / count == pytest.approx(0.1, abs=0.03)


def test_an_epoch_reads_every_training_sequence_once(run: Path) -> None:
    data = sequences(run, batch_size=4)
    assert len(data.held_out) == 128
    assert set(data.held_out).isdisjoint(data.train)
    read: list[int] = []
    data.batch = lambda rows, seed: read.extend(rows.tolist())  # type: ignore[assignment,return-value,func-returns-value]
    steps = len(data.train) // 4
    for number in range(steps):
        for part in (0, 1):
            data.step(number, part, 2)
    assert sorted(read) == sorted(data.train[: 4 * steps].tolist())
    read.clear()
    data.step(steps, 0, 1)
    rest = len(data.train) - 4 * steps
    assert read == [*data.train[4 * steps :].tolist(), *data.train[: 4 - rest].tolist()], "then from the beginning"


def test_too_little_text(run: Path) -> None:
    with pytest.raises(ConfigError, match="sequences of 510 pieces; read more words"):
        sequences(run, length=512)


def test_learning_rate_rises_and_falls() -> None:
    settings = config(Path(), steps=100, warmup=0.1, learning_rate=1.0)
    assert [learning_rate(step, settings) for step in (0, 4, 9)] == pytest.approx([0.1, 0.5, 1.0])
    assert [learning_rate(step, settings) for step in (10, 55, 99, 100)] == pytest.approx([1, 0.5, 1 / 90, 0])


def test_loss_is_over_masked_pieces(run: Path) -> None:
    objective = MaskedObjective(model(run)).eval()
    batch = sequences(run).batch(np.arange(8), [1])
    with torch.no_grad():
        loss, accuracy = objective(**batch)
        expected = objective.model(**batch)
    assert loss.item() == pytest.approx(expected.loss.item(), rel=1e-5)
    hits = (expected.logits.argmax(-1) == batch["labels"])[batch["labels"] != -100]
    assert accuracy.item() == pytest.approx(hits.float().mean().item())


def weights(run: Path) -> dict[str, torch.Tensor]:
    state: dict[str, torch.Tensor] = torch.load(run / "state.pt", weights_only=True)["model"]
    return state


def test_a_stopped_run_goes_on_as_if_it_had_not_been(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train(config(run), sequences(run), model(run))
    whole = weights(run)
    rows = [json.loads(line) for line in (run / "history.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [row["step"] for row in rows] == [3, 6]
    (run / "state.pt").unlink()
    (run / "history.jsonl").unlink()
    original = Sequences.step

    def stop(self: Sequences, number: int, part: int, parts: int) -> dict[str, torch.Tensor]:
        if number == 5:
            raise Stopped
        return original(self, number, part, parts)

    with monkeypatch.context() as patch:
        patch.setattr(Sequences, "step", stop)
        with pytest.raises(Stopped):
            train(config(run), sequences(run), model(run))
    assert torch.load(run / "state.pt", weights_only=True)["step"] == 4
    train(config(run), sequences(run), model(run))
    again = weights(run)
    assert all(torch.equal(value, again[name]) for name, value in whole.items())
    second = [json.loads(line) for line in (run / "history.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [row["step"] for row in second] == [3, 6]
    assert [row["held_out_loss"] for row in second] == [row["held_out_loss"] for row in rows]


def test_a_run_of_other_settings_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its text and vocabulary are made once: other settings would silently have no effect on them."""

    def stop(*_: Any) -> None:
        raise Stopped

    monkeypatch.setattr(module, "prepare_text", stop)
    for _ in range(2):
        with pytest.raises(Stopped):
            module.pretrain(config(tmp_path))
    with pytest.raises(ConfigError, match="vocabulary"):
        module.pretrain(config(tmp_path, vocabulary=123))


def test_the_encoder_that_is_saved_loads(run: Path) -> None:
    trained = model(run)
    save_encoder(run / "encoder", trained)
    assert not (run / "encoder" / "model.safetensors.partial").exists()
    encoder, tokenization, _ = load_encoder(str(run / "encoder"))
    assert encoder.config.vocab_size == tokenization.vocabulary_size
    own = trained.roberta.state_dict()
    for name, value in encoder.state_dict().items():
        assert torch.equal(value, own[name].half().float())
    assert AutoModel.from_pretrained(str(run / "encoder"), add_pooling_layer=False).config.hidden_size == 16


def test_settings() -> None:
    shipped = read_pretrain_config("pretrain-compact.yaml", [])
    assert shipped.run == Path("runs") / "pretrain-compact"
    assert sum(map(float, shipped.shares)) == pytest.approx(1)
    assert read_pretrain_config(str(CONFIGS / "pretrain-compact.yaml"), ["steps=7"]).steps == 7
    with pytest.raises(ConfigError, match="unknown key 'step'; did you mean 'steps'"):
        read_pretrain_config("pretrain-compact.yaml", ["step=7"])
    with pytest.raises(ConfigError, match="corpora and shares must list as many entries"):
        read_pretrain_config("pretrain-compact.yaml", ["shares=[1]"])


@pytest.mark.parametrize("setting", ["steps=[1", "steps=nhiều", "corpus_folder=nowhere", "shares=[a, b, c, d]"])
def test_command_line_errors_are_one_line(
    setting: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["--set", f"output={tmp_path / 'run'}", "--set", "processes=1", "--set", setting]) == 1
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("training.pretrain: ")]
    assert len(told) == 1


def test_evaluation_text_is_kept_out(tmp_path: Path) -> None:
    (tmp_path / "articles").mkdir()
    (tmp_path / "articles" / "một.txt").write_text("Bài một.", encoding="utf-8")
    records = [{"id": f"bài-{n}", "text": f"Bài số {n}: {TEXTS[n % 20]}"} for n in range(200)]
    pool = tmp_path / "pool.jsonl"
    pool.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records), encoding="utf-8")
    settings = config(
        tmp_path, corpora=["pool.jsonl"], corpus_folder=str(tmp_path), articles=str(tmp_path / "articles")
    )
    left_out, texts = module.evaluation_text(settings)
    assert texts[0] == "Bài một."
    assert texts[1:] == [r["text"] for r in records if r["id"] in left_out]
    assert 0.2 < len(left_out) / 200 < 0.6
    pool.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in reversed(records)), encoding="utf-8")
    assert module.evaluation_text(settings)[0] == left_out, "the choice does not depend on the order"
