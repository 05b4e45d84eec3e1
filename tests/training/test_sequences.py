"""Masked sequences of token files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from models.tokenization import PhobertTokenization
from tests.training.samples import write_token_files
from training.arguments import ConfigError
from training.sequences import Sequences


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Path], PhobertTokenization]:
    return write_token_files(tmp_path_factory.mktemp("tokens"))


def sequences(files: tuple[list[Path], PhobertTokenization], **changes: Any) -> Sequences:
    options: dict[str, Any] = {"length": 18, "batch_size": 6, "mask": 0.2, "seed": 13, "held_out": 40, **changes}
    return Sequences(*files, **options)


def plain(data: Sequences, rows: np.ndarray) -> torch.Tensor:
    body = data.body
    stacked = np.stack([data.tokens[file][at * body : (at + 1) * body] for file, at in rows])
    return torch.from_numpy(stacked.astype(np.int64))


def test_sequences_are_masked_by_their_seed_alone(files: tuple[list[Path], PhobertTokenization]) -> None:
    data = sequences(files, mask=0.3)
    rows = np.array([[0, 3], [1, 5]])
    batch = data.batch(rows, [1, 2])
    ids, labels = batch["input_ids"], batch["labels"]
    assert ids.shape == labels.shape == (2, 18)
    assert ids[:, 0].tolist() == [0, 0]
    assert ids[:, -1].tolist() == [2, 2]
    body, wanted = ids[:, 1:-1], labels[:, 1:-1]
    masked = wanted != -100
    assert masked.any()
    assert torch.equal(body[~masked], plain(data, rows)[~masked])
    assert torch.equal(wanted[masked], plain(data, rows)[masked])
    assert (labels[:, [0, -1]] == -100).all()
    assert all(torch.equal(value, batch[name]) for name, value in data.batch(rows, [1, 2]).items())
    assert not torch.equal(data.batch(rows, [1, 3])["labels"], labels)


def test_shares_of_masked_pieces(files: tuple[list[Path], PhobertTokenization]) -> None:
    data = sequences(files, mask=0.25)
    batch = data.batch(data.train, [9])
    ids, labels = batch["input_ids"], batch["labels"]
    chosen = labels != -100
    assert (labels[chosen] > 3).all(), "special pieces are never asked for"
    whole = torch.where(chosen, labels, ids)
    assert chosen.sum() / (whole > 3).sum() == pytest.approx(0.25, abs=0.02)
    count = chosen.sum().item()
    assert (ids[chosen] == data.tokenization.mask).sum().item() / count == pytest.approx(0.8, abs=0.04)
    assert (ids[chosen] == labels[chosen]).sum().item() / count == pytest.approx(0.1, abs=0.03)


def test_an_epoch_reads_every_training_sequence_as_often_as_its_file_says(
    files: tuple[list[Path], PhobertTokenization],
) -> None:
    data = sequences(files, repeats=[1, 3], batch_size=4)
    counts = [len(tokens) // 16 for tokens in data.tokens]
    assert len(data.held_out) == pytest.approx(40, abs=1)
    assert {file for file, _ in data.held_out.tolist()} == {0, 1}
    held = {tuple(row) for row in data.held_out.tolist()}
    read: dict[tuple[int, int], int] = {}
    data.batch = lambda rows, seed: [read.update({tuple(r): read.get(tuple(r), 0) + 1}) for r in rows.tolist()]  # type: ignore[assignment,return-value,func-returns-value,misc,arg-type]
    for number in range(len(data.train) // 4):
        data.step(number)
    assert not held & read.keys()
    left = {(f, n) for f, count in enumerate(counts) for n in range(count)} - held
    last = {tuple(row) for row in data.train[len(data.train) // 4 * 4 :].tolist()}
    assert all(read.get(row, 0) == (1, 3)[row[0]] for row in left - last)


def test_after_an_epoch_it_begins_again_with_other_masks(files: tuple[list[Path], PhobertTokenization]) -> None:
    data = sequences(files, batch_size=1)
    first, again = data.step(0), data.step(len(data.train))
    assert not torch.equal(first["labels"], again["labels"])
    bare = [torch.where(b["labels"] == -100, b["input_ids"], b["labels"]) for b in (first, again)]
    assert torch.equal(*bare)


def test_too_little_text(files: tuple[list[Path], PhobertTokenization]) -> None:
    with pytest.raises(ConfigError, match=r"only \d+ sequences of 2000 pieces; read more words"):
        sequences(files, length=2000)
