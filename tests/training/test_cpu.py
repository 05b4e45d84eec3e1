"""Settings for a CPU."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from models.encoders import load_encoder
from training.cpu import keep_freed_memory, suit_cpu

PROBE = """
import resource, sys, torch
from training.cpu import keep_freed_memory
if sys.argv[1] == "kept":
    assert keep_freed_memory()
torch.set_num_threads(1)
make = lambda: torch.ones(10_000_000)
for _ in range(6):
    make()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    make()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(mode: str) -> int:
    done = subprocess.run([sys.executable, "-c", PROBE, mode], capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only the GNU C library is told")
def test_freed_memory_is_used_again_without_page_faults() -> None:
    assert faults("kept") < faults("as it is") / 5


def test_other_libraries_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    assert keep_freed_memory() is False


@torch.no_grad()
def test_a_model_computes_the_same(tiny_encoder: Path) -> None:
    encoder, _, _ = load_encoder(str(tiny_encoder))
    ids = torch.tensor([[0, 9, 8, 7, 2, 1]])
    before = encoder(input_ids=ids, attention_mask=(ids != 1).long()).last_hidden_state
    suit_cpu(encoder)
    assert encoder.config._attn_implementation == "eager"
    after = encoder(input_ids=ids, attention_mask=(ids != 1).long()).last_hidden_state
    torch.testing.assert_close(before[:, :5], after[:, :5], atol=1e-5, rtol=1e-4)
