"""Optimiser groups, and the best epoch kept aside."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from models.extractor import Extractor
from tests.fixtures.checkpoints import build_extractor
from training.arguments import TrainingConfig
from training.trainer import SCORE, SaveExtractor, parameter_groups


def test_every_parameter_is_in_one_group(tiny_encoder: Path) -> None:
    model = build_extractor(tiny_encoder)
    groups = parameter_groups(model, TrainingConfig())
    ids = [id(parameter) for group in groups for parameter in group["params"]]
    assert sorted(ids) == sorted(id(parameter) for parameter in model.parameters())


def test_rates_and_decay(tiny_encoder: Path) -> None:
    model = build_extractor(tiny_encoder)
    settings = TrainingConfig(learning_rate=0.08, head_learning_rate=0.5, layer_decay=0.5, weight_decay=0.01)
    found = {
        id(parameter): (group["lr"], group["weight_decay"])
        for group in parameter_groups(model, settings)
        for parameter in group["params"]
    }
    rates = {name: found[id(parameter)] for name, parameter in model.named_parameters()}
    assert rates["roberta.embeddings.word_embeddings.weight"] == (0.02, 0.01)
    assert rates["roberta.embeddings.LayerNorm.weight"] == (0.02, 0.0)
    assert rates["roberta.encoder.layer.0.attention.self.query.weight"] == (0.04, 0.01)
    assert rates["roberta.encoder.layer.1.output.dense.weight"] == (0.08, 0.01)
    assert rates["roberta.encoder.layer.1.output.dense.bias"] == (0.08, 0.0)
    assert rates["tags.weight"] == (0.5, 0.01)
    assert rates["tags.bias"] == (0.5, 0.0)
    assert rates["transition_scores"] == (0.5, 0.01)


def test_frozen_parameters_are_left_out(tiny_encoder: Path) -> None:
    model = build_extractor(tiny_encoder)
    model.encoder.requires_grad_(False)
    groups = parameter_groups(model, TrainingConfig())
    assert {group["lr"] for group in groups} == {TrainingConfig().head_learning_rate}


def test_only_a_better_epoch_replaces_the_model(tiny_encoder: Path, tmp_path: Path) -> None:
    model = build_extractor(tiny_encoder)
    callback = SaveExtractor(tmp_path, model)

    def epoch(number: int, score: float, main: bool = True) -> tuple[float, float]:
        with torch.no_grad():
            model.tags.bias.fill_(number)
        state = SimpleNamespace(is_world_process_zero=main, epoch=float(number), global_step=10 * number)
        callback.on_evaluate(None, state, None, {SCORE: score})
        kept = json.loads((tmp_path / "best.json").read_text(encoding="utf-8"))
        return kept["epoch"], Extractor.from_pretrained(tmp_path / "model").tags.bias[0].item()

    assert epoch(1, 0.0) == (1, 1), "the first epoch is kept, even one that scores nothing"
    assert epoch(2, 0.4) == (2, 2)
    assert epoch(3, 0.4) == (2, 2)
    assert epoch(4, 0.3) == (2, 2)
    assert epoch(5, 0.9, main=False) == (2, 2)
    assert json.loads((tmp_path / "best.json").read_text()) == {"score": 0.4, "epoch": 2.0, "step": 20}
    assert (
        SaveExtractor(tmp_path, model).on_evaluate(
            None, SimpleNamespace(is_world_process_zero=True, epoch=6.0, global_step=60), None, {SCORE: 0.1}
        )
        is None
    )
    assert json.loads((tmp_path / "best.json").read_text())["score"] == pytest.approx(0.4)
