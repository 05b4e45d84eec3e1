"""The face of the package: what it offers, and that it is quick to import."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import models
import phodang

ROOT = Path(__file__).resolve().parents[2]


def loaded_by(statement: str) -> set[str]:
    """Top-level modules in a fresh interpreter after a statement."""
    code = f"import sys\n{statement}\nprint(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "statement",
    ["import phodang", "import models", "import phodang.cli", "import phodang; dir(phodang); phodang.__version__"],
)
def test_importing_it_loads_nothing_heavy(statement: str) -> None:
    heavy = {"torch", "transformers", "tokenizers", "datasets", "underthesea", "numpy", "pyarrow"}
    assert loaded_by(statement) & heavy == set()


def test_help_is_quick_too() -> None:
    code = "try:\n    from phodang.cli import main; main(['--help'])\nexcept SystemExit: pass"
    assert "torch" not in loaded_by(code)


def test_names_come_from_their_homes() -> None:
    from models.prediction import Predictor, load, predict
    from models.results import Prediction

    assert (phodang.predict, phodang.Predictor, phodang.load, phodang.Prediction) == (
        predict,
        Predictor,
        load,
        Prediction,
    )
    assert (models.predict, models.Predictor) == (predict, Predictor)
    assert set(phodang.__all__) == {"predict", "Predictor", "load", "Prediction", "__version__"}
    for package in (phodang, models):
        with pytest.raises(AttributeError, match=f"module '{package.__name__}' has no attribute 'predictt'"):
            package.predictt  # noqa: B018


def test_one_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert phodang.__version__ == project["version"]
