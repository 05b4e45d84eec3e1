"""Which number format to compute in: measured once a run, and kept, so that a resumed run does not change it."""

from __future__ import annotations

import time
from pathlib import Path

import torch

from training.run import write_whole

PRECISIONS = ("auto", "bfloat16", "float32")


def _seconds(kind: torch.dtype) -> float:
    """Best time of a matrix product of the shape a small encoder computes most."""
    left, right = torch.ones(2048, 384, dtype=kind), torch.ones(384, 1536, dtype=kind)
    best = float("inf")
    for _ in range(8):
        started = time.perf_counter()
        torch.mm(left, right)
        best = min(best, time.perf_counter() - started)
    return best


def faster_precision() -> str:
    """`bfloat16` on a GPU that has it and on a CPU whose matrix products are a quarter faster in it."""
    if torch.cuda.is_available():
        return "bfloat16" if torch.cuda.is_bf16_supported() else "float32"
    return "bfloat16" if 1.25 * _seconds(torch.bfloat16) < _seconds(torch.float32) else "float32"


def chosen_precision(wanted: str, run: Path) -> str:
    """`wanted`, or for `auto` what was measured when the run began."""
    if wanted != "auto":
        return wanted
    kept = run / "precision.txt"
    if not kept.is_file():
        write_whole(kept, faster_precision() + "\n")
    return kept.read_text(encoding="utf-8").strip()
