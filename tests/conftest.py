"""What all tests share: texts that are not in the repository, named by environment variables."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from models.prediction import Predictor

settings.register_profile("phodang", deadline=None)
settings.load_profile("phodang")


def _from_environment(name: str, what: str) -> Path:
    value = os.environ.get(name)
    if not value:
        pytest.skip(f"{name} is not set: tests on {what} need their text")
    return Path(value)


@pytest.fixture(scope="session")
def articles_folder() -> Path:
    """Folder of the five articles."""
    return _from_environment("PHODANG_ARTICLES", "the five articles")


@pytest.fixture(scope="session")
def news_file() -> Path:
    """JSONL of the news articles that the development gold refers to."""
    return _from_environment("PHODANG_NEWS", "the news articles")


@pytest.fixture(scope="session")
def tiny_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a tiny encoder in PhoBERT's layout, with random weights."""
    from tests.fixtures.checkpoints import write_encoder

    return write_encoder(tmp_path_factory.mktemp("checkpoints") / "encoder")


@pytest.fixture(scope="session")
def tiny_model(tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a saved extractor over `tiny_encoder`, with random heads that find something of every type."""
    from tests.fixtures.checkpoints import build_extractor

    folder = tmp_path_factory.mktemp("checkpoints") / "tiny"
    build_extractor(tiny_encoder).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def predictor(tiny_model: Path) -> Predictor:
    """The loaded `tiny_model`."""
    from models.prediction import load

    return load(tiny_model, "cpu")
