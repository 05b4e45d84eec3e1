"""One finished tiny training, shared by all tests of training."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.training.samples import settings, write_data
from training.train import train


@pytest.fixture(scope="session")
def tiny_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set folder with the splits train and validation."""
    return write_data(tmp_path_factory.mktemp("training") / "data")


@pytest.fixture(scope="session")
def finished(
    tiny_encoder: Path, tiny_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, Any]]:
    """Run folder and metrics of an uninterrupted training of two epochs."""
    output = tmp_path_factory.mktemp("training") / "run"
    return output, train(settings(tiny_encoder, tiny_data, output))


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """The command lines configure logging for a process of their own."""
    handlers, level = logging.root.handlers[:], logging.root.level
    yield
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)
