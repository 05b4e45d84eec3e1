"""Compare encoders: fine-tune each the same way, with its own best learning rate, over several seeds.

::

    python -m training.compare --data build/data --out runs/compare --test test \\
        --systems shipped=compact random=random:compact transfer=runs/pretrain-compact/initial \\
        --rates 6e-5 1.2e-4 2.4e-4 --seeds 13 14

Every cell is one `training.train`, so a comparison that was stopped goes on. The first seed picks each
system's rate on the validation split; the other seeds run with that rate. `--test` names a split that is
scored once, at the end, with the rates so chosen. `random:NAME` is NAME's network with random weights.
A system may have settings and rates of its own: `me5=FOLDER,tones=false,rates=3e-5+6e-5`.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from data.card import table
from data.dataset import DataError, read_dataset
from data.documents import Document
from data.segmentation import segmenter
from models.configuration import ExtractorConfig, ModelError
from models.encoders import load_encoder, resolve_encoder
from models.features import FeatureBuilder
from training.run import write_whole

RANDOM = "random:"
RATES = "rates="
SENTENCES = 200
"""Sentences over which the cost of an encoder is counted and timed."""


@dataclass
class System:
    """An encoder in the comparison; `scores` holds the metrics of its best epoch by (rate, seed)."""

    name: str
    encoder: str
    settings: list[str] = field(default_factory=list)
    rates: list[str] = field(default_factory=list)
    scores: dict[tuple[str, int], dict[str, float]] = field(default_factory=dict)
    test: dict[int, dict[str, float]] = field(default_factory=dict)
    cost: dict[str, float] = field(default_factory=dict)

    def best_rate(self, seed: int) -> str:
        """The rate with the best validation score of this seed."""
        mine = {rate: found["eval_score"] for (rate, each), found in self.scores.items() if each == seed}
        return max(mine, key=lambda rate: mine[rate])


def parse_system(text: str, folder: Path) -> System:
    """A `NAME=ENCODER` argument. `random:ENCODER` is written to `folder` as an encoder without weights.

    Raises:
        ValueError: no `=`. ModelError: no such encoder.
    """
    name, equals, rest = text.partition("=")
    encoder, *settings = rest.split(",")
    if not equals or not name or not encoder:
        raise ValueError(f"--systems {text!r}: write NAME=ENCODER")
    if encoder.startswith(RANDOM):
        source, bare = resolve_encoder(encoder.removeprefix(RANDOM)), folder / f"{name}-encoder"
        bare.mkdir(parents=True, exist_ok=True)
        for file in ("config.json", "vocab.txt", "bpe.codes", "tokenizer.json", "tokenizer_config.json"):
            if (source / file).is_file():
                shutil.copyfile(source / file, bare / file)
        encoder = str(bare)
    rates = [rate for s in settings if s.startswith(RATES) for rate in s.removeprefix(RATES).split("+")]
    return System(name, encoder, [s for s in settings if not s.startswith(RATES)], rates)


def command_output(module: str, *arguments: str) -> None:
    """Run a module of ours as a user would.

    Raises:
        subprocess.CalledProcessError: it failed; its own message is on standard error.
    """
    subprocess.run([sys.executable, "-m", module, *arguments], check=True, stdout=subprocess.DEVNULL)


def fine_tune(system: System, rate: str, seed: int, run: Path, settings: Sequence[str]) -> None:
    """One training; its best epoch goes into the system's scores."""
    values = [f"encoder={system.encoder}", f"learning_rate={rate}", f"seed={seed}", f"output={run}"]
    options = [part for value in (*settings, *system.settings, *values) for part in ("--set", value)]
    command_output("training.train", *options)
    metrics = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    system.scores[rate, seed] = max(metrics["epochs"], key=lambda epoch: epoch["eval_score"])


def encoder_cost(encoder: str, documents: Sequence[Document]) -> dict[str, float]:
    """What an encoder spends on a sentence: `pieces`, `gflops` (a multiply-add is two), `milliseconds` (CPU, alone).

    Products of weights and of attention are counted, embeddings and element-wise work are not.
    """
    model, tokenization, _ = load_encoder(encoder)
    model.eval()
    builder = FeatureBuilder(ExtractorConfig(context=False), tokenization, segmenter("underthesea"))
    items = [f for d in documents for f in builder.build(d.text, d.sentences or (), d.kept_sentences)][:SENTENCES]
    chunks = [chunk for item in items for chunk in item.chunks]
    weights = sum(p.numel() for name, p in model.named_parameters() if "layer." in name and p.ndim == 2)
    depth, width = model.config.num_hidden_layers, model.config.hidden_size
    flops = sum(2 * weights * len(chunk) + 4 * depth * width * len(chunk) ** 2 for chunk in chunks)
    with torch.inference_mode():
        for chunk in chunks[:10]:
            model(input_ids=torch.tensor([chunk]))
        started = time.perf_counter()
        for chunk in chunks:
            model(input_ids=torch.tensor([chunk]))
        seconds = time.perf_counter() - started
    return {
        "pieces": sum(map(len, chunks)) / len(items),
        "gflops": flops / len(items) / 1e9,
        "milliseconds": 1000 * seconds / len(items),
    }


def score_test(system: System, seed: int, run: Path, data: Path, split: str) -> None:
    """Headline figures of a finished training on another split."""
    report = run / f"report-{split}"
    if not (report / "report.json").is_file():
        command_output(
            "eval.report", "--model", str(run / "model"), "--data", str(data), "--split", split, "--out", str(report)
        )
    figures = json.loads((report / "report.json").read_text(encoding="utf-8"))
    system.test[seed] = {
        "entity_f1": figures["entities"]["strict"]["micro"]["f1"],
        "relation_f1": figures["relations"]["strict"]["micro"]["f1"],
    }


def spread(values: Sequence[float]) -> str:
    """Mean and range, as `0.812 (0.808 – 0.816)`."""
    return f"{statistics.mean(values):.3f} ({min(values):.3f} – {max(values):.3f})" if values else "–"


def results_table(systems: Sequence[System], seeds: Sequence[int]) -> str:
    """The comparison in Markdown."""
    rows = []
    for system in systems:
        rate = system.best_rate(seeds[0])
        finals = [system.scores[rate, seed] for seed in seeds]
        rows.append(
            [
                system.name,
                rate,
                spread([found["eval_entity_f1"] for found in finals]),
                spread([found["eval_relation_f1"] for found in finals]),
                spread([found["entity_f1"] for found in system.test.values()]),
                spread([found["relation_f1"] for found in system.test.values()]),
                *(f"{system.cost[name]:.2f}" for name in ("pieces", "gflops", "milliseconds")),
            ]
        )
    header = ["system", "rate", "entities, validation", "relations, validation", "entities, test", "relations, test"]
    return table([*header, "pieces a sentence", "GFLOP a sentence", "ms a sentence"], rows)


def rates_table(systems: Sequence[System]) -> str:
    """Every training that was run."""
    rows = [
        [
            system.name,
            rate,
            seed,
            f"{found['epoch']:.0f}",
            *(f"{found[f'eval_{n}_f1']:.3f}" for n in ("entity", "relation")),
        ]
        for system in systems
        for (rate, seed), found in system.scores.items()
    ]
    return table(["system", "rate", "seed", "best epoch", "entities", "relations"], rows)


def compare(options: argparse.Namespace) -> str:
    """Run what is missing and write `results.json` and `results.md`. Returns the latter."""
    out: Path = options.out
    out.mkdir(parents=True, exist_ok=True)
    systems = [parse_system(text, out) for text in options.systems]
    splits = read_dataset(options.data)
    settings = [*options.set, f"data={options.data}"]

    def run(system: System, rate: str, seed: int) -> Path:
        return out / f"{system.name}-{rate}-{seed}"

    for system in systems:
        for rate in system.rates or options.rates:
            fine_tune(system, rate, options.seeds[0], run(system, rate, options.seeds[0]), settings)
        rate = system.best_rate(options.seeds[0])
        for seed in options.seeds[1:]:
            fine_tune(system, rate, seed, run(system, rate, seed), settings)
    for system in systems:
        rate = system.best_rate(options.seeds[0])
        for seed in options.seeds if options.test else ():
            score_test(system, seed, run(system, rate, seed), options.data, options.test)
        system.cost = encoder_cost(system.encoder, splits["validation"])
    text = f"{results_table(systems, options.seeds)}\n\n{rates_table(systems)}\n"
    values: list[dict[str, Any]] = [
        {
            "system": system.name,
            "settings": system.settings,
            "trainings": [{"rate": rate, "seed": seed, **found} for (rate, seed), found in system.scores.items()],
            "test": system.test,
            "cost": system.cost,
        }
        for system in systems
    ]
    write_whole(out / "results.json", json.dumps(values, indent=2) + "\n")
    write_whole(out / "results.md", text)
    return text


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line. Returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m training.compare", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder written by data.build")
    parser.add_argument("--out", type=Path, required=True, help="folder of all runs and of the results")
    parser.add_argument("--systems", nargs="+", required=True, metavar="NAME=ENCODER")
    parser.add_argument(
        "--rates", nargs="+", default=["6e-5", "1.2e-4", "2.4e-4"], help="learning rates of the encoder"
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[13, 14])
    parser.add_argument("--test", default="", help="a split to score once at the end")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting of every training")
    options = parser.parse_args(arguments)
    try:
        print(compare(options))
    except (ModelError, DataError, ValueError, OSError, subprocess.CalledProcessError) as error:
        print(f"training.compare: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
