"""Leave one article out: what annotating a few articles of one's own adds, measured on articles it never saw.

::

    python -m training.leave_one_out --model runs/release/model --data build/data --out runs/leave-one-out

For each article of the test split a short fine-tune goes on from the model with the other articles, replaying
some of the training split so that nothing else is forgotten; the last epoch is scored on the article left out.
Nothing is chosen on it. The figures are pooled over all articles; none of these models is shipped.
"""

from __future__ import annotations

import argparse
import json
import logging
import random
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from data.annotations import GoldError
from data.dataset import DataError, read_dataset
from data.documents import Document
from eval import scoring
from eval.predictions import answer, pairs
from eval.scoring import bootstrap, by_sentence, headline, summed, total
from models.configuration import ExtractorConfig, ModelError
from models.prediction import Predictor
from training.arguments import ConfigError, TrainingConfig
from training.run import write_whole
from training.train import FIXED, quiet_libraries, tune

log = logging.getLogger("training")
REPLAY = 60
"""Documents of the training split replayed beside the articles."""


def settings_of(model: Path, seed: int, epochs: float) -> TrainingConfig:
    """Settings of a short fine-tune that goes on from a model."""
    config, _ = ExtractorConfig.load(model)
    return TrainingConfig(
        init=str(model),
        encoder=config.base,
        epochs=epochs,
        batch_size=4,
        learning_rate=3e-5,
        head_learning_rate=3e-4,
        predicted_spans=0.0,
        seed=seed,
        segmenter=config.segmenter,
        **{name: getattr(config, name) for name in FIXED},
    )


def leave_one_out(
    model: Path, splits: dict[str, list[Document]], out: Path, seed: int = 13, epochs: float = 3
) -> dict[str, Any]:
    """Figures before and after, pooled and by article. A finished article is not trained again.

    Raises:
        DataError: no test split.
    """
    articles = splits.get("test", [])
    if len(articles) < 2:
        raise DataError("leaving one out needs a test split of two articles or more")
    settings = settings_of(model, seed, epochs)
    replayed = random.Random(seed).sample(splits["train"], min(REPLAY, len(splits["train"])))
    before = pairs(articles, answer(Predictor(model, device="cpu"), articles).end_to_end)
    everything: dict[str, list[scoring.Pair]] = {"before": before, "after": [], "after, gold entities": []}
    rows = []
    for article, untuned in zip(articles, before, strict=True):
        folder = out / article.id
        if not (folder / "model" / "config.json").is_file():
            others = [each for each in articles if each.id != article.id]
            log.info("leaving out %s", article.id)
            tune(replace(settings, output=str(folder)), [*others, *replayed], folder / "model")
        answers = answer(Predictor(folder / "model", device="cpu"), [article])
        tuned = pairs([article], answers.end_to_end)
        everything["after"] += tuned
        everything["after, gold entities"] += pairs([article], answers.gold_entities)
        rows.append({"article": article.id, "before": headline([untuned]), "after": headline(tuned)})
    return {
        "articles": rows,
        "seed": seed,
        "epochs": epochs,
        "pooled": {name: _figures(each) for name, each in everything.items()},
    }


def _figures(found: Sequence[scoring.Pair]) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    for name, rule in (("entities", scoring.strict), ("relations", scoring.relations)):
        low, high = bootstrap([count for pair in found for count in by_sentence(pair, rule)])
        figures[name] = {**total(summed(found, rule)).to_dict(), "interval_95": [low, high]}
    return figures


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m training.leave_one_out", description=__doc__.split("\n")[0])
    parser.add_argument("--model", type=Path, required=True, help="folder of the model to go on from")
    parser.add_argument("--data", type=Path, required=True, help="folder written by data.build, with a test split")
    parser.add_argument("--out", type=Path, default=Path("runs") / "leave-one-out")
    parser.add_argument("--seed", type=int, default=13)
    parser.add_argument("--epochs", type=float, default=3)
    options = parser.parse_args(arguments)
    quiet_libraries()
    try:
        found = leave_one_out(options.model, read_dataset(options.data), options.out, options.seed, options.epochs)
    except (ConfigError, DataError, GoldError, ModelError, OSError) as error:
        print(f"training.leave_one_out: {error}", file=sys.stderr)
        return 1
    options.out.mkdir(parents=True, exist_ok=True)
    write_whole(options.out / "leave-one-out.json", json.dumps(found, indent=2) + "\n")
    for name, figures in found["pooled"].items():
        told = ", ".join(
            f"{kind} F1 {f['f1']:.3f} ({f['interval_95'][0]:.3f} – {f['interval_95'][1]:.3f})"
            for kind, f in figures.items()
        )
        print(f"{name}: {told}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
