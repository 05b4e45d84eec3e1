"""The floors of the house: imports run downwards, and rooms stay small."""

from __future__ import annotations

import ast
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FLOORS = ("data", "models", "eval", "training", "phodang")
"""From the ground up."""
MODULES = sorted(path for floor in FLOORS for path in (ROOT / floor).rglob("*.py"))


def imported(path: Path) -> set[str]:
    """Top-level packages that a module imports anywhere, also inside functions."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            found.add((node.module or "").partition(".")[0])
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_run_downwards(path: Path) -> None:
    floor = FLOORS.index(path.relative_to(ROOT).parts[0])
    assert imported(path) & {*FLOORS[floor + 1 :], "tests"} == set()


@pytest.mark.parametrize(
    "path", [p for p in MODULES if p.relative_to(ROOT).parts[0] == "data"], ids=lambda path: path.stem
)
def test_data_knows_no_torch(path: Path) -> None:
    assert imported(path) & {"torch", "transformers", "tokenizers", "accelerate", "safetensors"} == set()


def test_data_loads_no_torch() -> None:
    names = [f"data.{path.stem}" for path in MODULES if path.parent.name == "data" and path.stem != "__init__"]
    code = f"import sys, {', '.join(names)}\nprint('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_every_floor_is_there() -> None:
    assert {path.relative_to(ROOT).parts[0] for path in MODULES} == set(FLOORS)
    assert len(MODULES) > 40


def test_modules_stay_small() -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES if path.stem != "__init__"}
    assert {str(path): length for path, length in lengths.items() if length > 500} == {}
    assert statistics.median(lengths.values()) < 170


def test_modules_say_their_business() -> None:
    silent = [str(path) for path in MODULES if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))]
    assert silent == []
