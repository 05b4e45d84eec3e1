"""A tiny training: the invented sentences, a tiny encoder, a few seconds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from data.dataset import write_dataset
from tests.fixtures.sentences import article, documents
from training import trainer as module
from training.arguments import TrainingConfig


def write_data(folder: Path) -> Path:
    """A data set: every sentence five times to train on, three documents to validate with."""
    own = documents()
    often = [replace(document, id=f"{document.id}-{number}") for number in range(5) for document in own]
    write_dataset(folder, {"train": often, "validation": [*own[:2], article()]})
    return folder


def settings(encoder: Path, data: Path | str, output: Path, **changes: Any) -> TrainingConfig:
    values: dict[str, Any] = {
        "name": "tí-hon",
        "encoder": str(encoder),
        "data": str(data),
        "output": str(output),
        "segmenter": "none",
        "window": 80,
        "hidden": 96,
        "relation_hidden": 32,
        "epochs": 2,
        "batch_size": 2,
        "learning_rate": 5e-4,
        "head_learning_rate": 1e-2,
        "predicted_spans": 0.4,
        **changes,
    }
    return TrainingConfig(**values)


class Stopped(Exception):
    """A process that ends in the middle."""


def stop_at(step: int) -> Callable[..., Any]:
    """A stand-in for `ExtractionTrainer.compute_loss` that ends before this step (counted in this start)."""
    original = module.ExtractionTrainer.compute_loss
    calls = [0]

    def compute_loss(*arguments: Any, **options: Any) -> Any:
        calls[0] += 1
        if calls[0] > step:
            raise Stopped
        return original(*arguments, **options)

    return compute_loss


def equal(one: Path, other: Path) -> bool:
    """Whether two safetensors files hold the same weights to the bit."""
    first, second = load_file(one), load_file(other)
    return first.keys() == second.keys() and all(torch.equal(value, second[name]) for name, value in first.items())
