"""What all tests share: texts that are not in the repository, named by environment variables."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

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
