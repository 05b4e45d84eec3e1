"""The number format of a run."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from training import precision as module
from training.precision import chosen_precision, faster_precision


def test_what_is_asked_for_is_taken(tmp_path: Path) -> None:
    assert chosen_precision("float32", tmp_path) == "float32"
    assert chosen_precision("bfloat16", tmp_path) == "bfloat16"


def test_the_measurement_is_made_once_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter(["bfloat16", "float32"])
    monkeypatch.setattr(module, "faster_precision", lambda: next(answers))
    assert [chosen_precision("auto", tmp_path) for _ in range(3)] == ["bfloat16"] * 3


@pytest.mark.parametrize(("half", "expected"), [(0.5, "bfloat16"), (0.9, "float32"), (2.0, "float32")])
def test_bfloat16_only_where_it_is_clearly_faster(half: float, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(module, "_seconds", lambda kind: half if kind == torch.bfloat16 else 1.0)
    assert faster_precision() == expected


def test_measuring_works_here() -> None:
    assert faster_precision() in {"bfloat16", "float32"}
