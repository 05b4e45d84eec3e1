"""A tiny training: the invented sentences, a tiny encoder, a few seconds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from transformers import RobertaConfig, RobertaForMaskedLM

from data.dataset import write_dataset
from data.segmentation import NoSegmenter
from models.tokenization import PhobertTokenization
from tests.fixtures.checkpoints import write_tokenizer
from tests.fixtures.sentences import TEXTS, article, documents
from training import trainer as module
from training.arguments import TrainingConfig
from training.corpus import segmented_words, write_tokens


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


def write_token_files(folder: Path) -> tuple[list[Path], PhobertTokenization]:
    """Two token files of the invented sentences, and the tokenizer they were made with."""
    (folder / "encoder").mkdir()
    write_tokenizer(folder / "encoder")
    tokenization = PhobertTokenization(folder / "encoder")
    stream = [segmented_words(text, NoSegmenter()) for text in TEXTS]
    files = [folder / "một.bin", folder / "hai.bin"]
    for file, often in zip(files, (20, 6), strict=True):
        write_tokens(file, stream * often, tokenization)
    return files, tokenization


def masked_model(tokenization: PhobertTokenization, width: int = 16) -> RobertaForMaskedLM:
    """A tiny masked language model with fixed random weights."""
    torch.manual_seed(0)
    small = {"hidden_size": width, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": width}
    size = tokenization.vocabulary_size
    return RobertaForMaskedLM(RobertaConfig(vocab_size=size, max_position_embeddings=40, type_vocab_size=1, **small))
