"""Build the model that ships: train, calibrate, evaluate, and put it in `models/weights/default` with its card.

::

    PHODANG_ARTICLES=DIR PHODANG_NEWS=FILE python -m training.release

Stages (each skipped where its result is there): `train` with `configs/release.yaml`; temperatures and thresholds on the
validation split (`training.calibrate`); reports on the validation and test splits (`eval.report`); leave-one-out
(`training.leave_one_out`); weights in 16 bits, card and notes into `--into`. Without the articles' text it says what
is missing and builds from what there is.
"""

from __future__ import annotations

import argparse
import json
import logging
import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from data.dataset import DataError, write_dataset
from eval.report import main as report
from models.configuration import ModelError
from models.extractor import WEIGHTS, Extractor
from models.prediction import SHIPPED
from training.arguments import ConfigError, read_config
from training.calibrate import FILE as CALIBRATION
from training.calibrate import calibrate_folder
from training.leave_one_out import leave_one_out
from training.release_card import release_card
from training.run import write_whole
from training.train import load_data, quiet_libraries, train

log = logging.getLogger("training")
LARGEST = 40_000_000
"""Bytes a file of weights in the repository may have."""
LEFT_OUT = "leave-one-out"


def export(model: Path, into: Path) -> None:
    """The model with its weights in 16 bits, files whole or not there.

    Raises:
        ModelError: the weights are larger than a file in the repository may be.
    """
    aside = into.with_name(into.name + ".partial")
    shutil.rmtree(aside, ignore_errors=True)
    Extractor.from_pretrained(model).save_pretrained(aside, torch.float16)
    size = (aside / WEIGHTS).stat().st_size
    if size > LARGEST:
        shutil.rmtree(aside)
        raise ModelError(
            f"{model}: {size / 1e6:.1f} MB of weights, more than {LARGEST / 1e6:.0f}; use a smaller encoder"
        )
    shutil.copyfile(model / CALIBRATION, aside / CALIBRATION)
    shutil.rmtree(into, ignore_errors=True)
    aside.rename(into)


def release(name: str, settings: Sequence[str], into: Path) -> dict[str, Any]:
    """All stages. Returns the figures of the card.

    Raises:
        ConfigError, DataError, ModelError: something cannot be used; the message says what.
    """
    config = read_config(name, settings)
    data = load_data(config)
    for each in data.left_out:
        log.info("left out: %s", each)
    folder = config.run / "data"
    write_dataset(folder, data.splits, data.schema)
    train(replace(config, data=str(folder)))
    model = config.run / "model"
    if not (model / CALIBRATION).is_file():
        calibrate_folder(model, data.splits["validation"])
    export(model, into)
    calibration = json.loads((into / CALIBRATION).read_text(encoding="utf-8"))
    figures: dict[str, Any] = {"calibration": calibration, "data": data.fingerprint}
    # What is measured is what ships: 16-bit weights, temperatures and thresholds.
    for split in ("validation", "test"):
        if split in data.splits:
            out = config.run / f"report-{split}"
            if report(["--model", str(into), "--data", str(folder), "--split", split, "--out", str(out)]):
                raise ModelError(f"the report on {split} failed")
            figures[split] = json.loads((out / "report.json").read_text(encoding="utf-8"))
    if "test" in data.splits:
        figures[LEFT_OUT] = leave_one_out(model, data.splits, config.run / LEFT_OUT, config.seed)
    write_whole(into / "README.md", release_card(config, data.sources, data.left_out, figures))
    return figures


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line. Returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m training.release", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--config", default="release.yaml")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument(
        "--into", type=Path, default=SHIPPED, help="folder of the shipped model (default: the package's)"
    )
    options = parser.parse_args(arguments)
    quiet_libraries()
    try:
        release(options.config, options.set, options.into)
    except (ConfigError, DataError, ModelError, ValueError, OSError) as error:
        print(f"training.release: {error}", file=sys.stderr)
        return 1
    print(f"written: {options.into}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
