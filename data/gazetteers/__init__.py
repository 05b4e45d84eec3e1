"""Facts the generator draws from: provinces, districts, organs, codes, name patterns; each file names its source."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import yaml

HERE = Path(__file__).parent


@cache
def rows(name: str) -> tuple[tuple[str, ...], ...]:
    """Rows of a table of this folder (`*.tsv`), without its comment lines."""
    lines = (HERE / f"{name}.tsv").read_text(encoding="utf-8").splitlines()
    return tuple(tuple(line.split("\t")) for line in lines if line and not line.startswith("#"))


@cache
def lists(name: str) -> dict[str, list[str]]:
    """Named lists of this folder (`*.yaml`)."""
    return yaml.safe_load((HERE / f"{name}.yaml").read_text(encoding="utf-8"))
