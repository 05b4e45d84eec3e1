"""Settle a training recipe by experiment: variants of one set-up, each over several seeds, judged on validation.

::

    python -m training.recipe --recipe recipes/questions.yaml --out runs/recipe --seeds 13 14 --lanes 2

The file has `base`, settings of every training, and `variants`, by name the settings that differ. Every cell is one
`training.train`, so what is there is not trained again. `--lanes` trainings run side by side, one core each.
Writes `results.json` and `results.md`.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import yaml

from data.card import table
from training.arguments import ConfigError, find_config, from_mapping
from training.compare import spread
from training.run import write_whole

FIGURES = ("eval_entity_f1", "eval_relation_f1")
Cell = tuple[str, int]


def read_recipe(name: str) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Base settings, and those of each variant.

    Raises:
        ConfigError: not such a file, or a setting that training does not know.
    """
    path = find_config(name)
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
        base, variants = dict(values["base"]), {str(k): dict(v or {}) for k, v in values["variants"].items()}
    except (yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise ConfigError(f"{path}: expected 'base' and 'variants' with settings ({error!r})") from None
    for name_, settings in variants.items():
        from_mapping({**base, **settings}, f"{path}: {name_}")
    return base, variants


def folder_name(variant: str) -> str:
    """The variant's name as part of a folder name."""
    return "".join(character if character.isalnum() else "-" for character in variant)


def run_cell(settings: dict[str, Any], run: Path, threads: int) -> dict[str, float]:
    """One training; the metrics of its best epoch.

    Raises:
        subprocess.CalledProcessError: it failed; its last words are in `<run>.log`.
    """
    options = [part for key, value in settings.items() for part in ("--set", f"{key}={json.dumps(value)}")]
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)} if threads else None
    run.parent.mkdir(parents=True, exist_ok=True)
    with run.with_name(run.name + ".log").open("w", encoding="utf-8") as out:
        subprocess.run(
            [sys.executable, "-m", "training.train", *options, "--set", f"output={run}"],
            check=True,
            stdout=out,
            stderr=out,
            env=environment,
        )
    metrics = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    best: dict[str, float] = max(metrics["epochs"], key=lambda epoch: epoch["eval_score"])
    return best


def results_table(variants: Sequence[str], found: dict[Cell, dict[str, float]], seeds: Sequence[int]) -> str:
    """A row a variant: mean and range over its seeds, and the change against the first variant with the same seeds."""
    rows = []
    for name in variants:
        cells: list[object] = [name]
        own = [seed for seed in seeds if (name, seed) in found]
        for figure in FIGURES:
            values = [found[name, seed][figure] for seed in own]
            change = statistics.mean(values) - statistics.mean(found[variants[0], seed][figure] for seed in own)
            cells += [spread(values), f"{100 * change:+.1f}"]
        rows.append([*cells, "/".join(f"{found[name, seed]['epoch']:.0f}" for seed in own)])
    return table(["variant", "entities F1", "change", "relations F1", "change", "best epochs"], rows)


def recipe(options: argparse.Namespace) -> str:
    """Run what is missing and write the results. Returns the table."""
    base, variants = read_recipe(options.recipe)
    chosen = {name: variants[name] for name in variants if not options.only or name in options.only}
    unknown = sorted(set(options.only) - set(variants))
    if unknown:
        raise ConfigError(f"no such variant: {', '.join(unknown)}; known: {', '.join(variants)}")
    out: Path = options.out
    out.mkdir(parents=True, exist_ok=True)

    def run(cell: Cell) -> dict[str, float]:
        name, seed = cell
        settings = {**base, **variants[name], "seed": seed}
        found = run_cell(settings, out / f"{folder_name(name)}-{seed}", 1 if options.lanes > 1 else 0)
        print(f"{name}, seed {seed}: " + ", ".join(f"{found[f]:.3f}" for f in FIGURES), file=sys.stderr, flush=True)
        return found

    found: dict[Cell, dict[str, float]] = {}
    going = list(chosen)
    with ThreadPoolExecutor(options.lanes) as lanes:
        for seed in options.seeds:
            cells = [(name, seed) for name in going]
            found |= dict(zip(cells, lanes.map(run, cells), strict=True))
            best = max(found[cell]["eval_score"] for cell in cells)
            going = [
                name for name in going if name == going[0] or found[name, seed]["eval_score"] >= best - options.margin
            ]
    text = results_table(list(chosen), found, options.seeds) + "\n"
    values = {
        "base": base,
        "cells": [{"variant": n, "settings": variants[n], "seed": s, **found[n, s]} for n, s in found],
    }
    write_whole(out / "results.json", json.dumps(values, indent=2, ensure_ascii=False) + "\n")
    write_whole(out / "results.md", text)
    return text


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line. Returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m training.recipe", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--recipe", default="recipes/questions.yaml", help="file of variants (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("runs") / "recipe")
    parser.add_argument("--seeds", type=int, nargs="+", default=[13, 14])
    parser.add_argument("--lanes", type=int, default=1, help="trainings side by side (default: %(default)s)")
    parser.add_argument(
        "--margin",
        type=float,
        default=1.0,
        help="variants further than this behind the best of a seed get no more seeds",
    )
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="these variants alone")
    options = parser.parse_args(arguments)
    try:
        print(recipe(options))
    except (ConfigError, OSError, subprocess.CalledProcessError) as error:
        print(f"training.recipe: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
