"""Make a model's scores mean what they say, and choose its thresholds, on the validation split.

::

    python -m training.calibrate --model runs/release/model --data build/data

Writes temperatures (Guo et al. 2017, https://arxiv.org/abs/1706.04599) and thresholds into the model's
`config.json`, and `calibration.json` beside it: expected calibration error before and after, and precision and
recall by threshold. The error is cross-fitted: each half of the documents is judged with the temperature of the
other. Temperatures change no answer; thresholds leave out what is more often wrong than right.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from data.dataset import DataError, read_dataset
from data.documents import Document
from data.progress import progress
from data.segmentation import segmenter
from eval.scoring import Pair, relations, strict, summed, total
from models.configuration import ModelError
from models.extractor import Extractor
from models.features import FeatureBuilder
from training.evaluation import DocumentSet, evaluate_documents
from training.run import write_whole

HEATS = tuple(round(float(heat), 3) for heat in np.geomspace(0.6, 3.0, 15))
THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98)
BINS = 10
RELATION_HEATS = tuple(round(float(heat), 3) for heat in np.geomspace(0.4, 4.0, 60))
FILE = "calibration.json"


@dataclass(frozen=True)
class Judged:
    """Scores of predictions, whether each is right, and the number of the document each is from."""

    scores: np.ndarray
    right: np.ndarray
    document: np.ndarray

    def of(self, documents: np.ndarray) -> Judged:
        """Those of some documents."""
        rows = np.isin(self.document, documents)
        return Judged(self.scores[rows], self.right[rows], self.document[rows])

    def heated(self, heat: float) -> Judged:
        """With the scores, taken as logistic ones, divided by a temperature."""
        scores = np.clip(self.scores, 1e-7, 1 - 1e-7)
        return replace(self, scores=1 / (1 + np.exp(-np.log(scores / (1 - scores)) / heat)))

    @property
    def loss(self) -> float:
        """Mean negative log-likelihood of being right or wrong."""
        scores = np.clip(self.scores, 1e-6, 1 - 1e-6)
        return float(-np.mean(np.where(self.right, np.log(scores), np.log(1 - scores)))) if len(scores) else 0.0


def calibration_error(judged: Judged, bins: int = BINS) -> float:
    """Expected calibration error: mean gap between score and share of right ones, over bins of equal width."""
    place = np.minimum((judged.scores * bins).astype(int), bins - 1)
    gaps = [
        abs(judged.scores[place == b].mean() - judged.right[place == b].mean()) * np.mean(place == b)
        for b in range(bins)
        if (place == b).any()
    ]
    return float(sum(gaps))


def judge_entities(pairs: Sequence[Pair]) -> Judged:
    """Every predicted span, strictly judged."""
    rows = []
    for number, pair in enumerate(pairs):
        gold = {e.key for e in pair.gold.entities}
        rows += [(e.score or 0.0, e.key in gold, number) for e in pair.entities]
    return _judged(rows)


def judge_relations(pairs: Sequence[Pair]) -> Judged:
    """Every scored relation between right entities: its own score says nothing of whether they are."""
    rows = []
    for number, pair in enumerate(pairs):
        gold = {(r.type, pair.gold.by_id[r.head].key, pair.gold.by_id[r.tail].key) for r in pair.gold.relations}
        known = {e.key for e in pair.gold.entities}
        for r in pair.relations:
            head, tail = pair.by_id[r.head].key, pair.by_id[r.tail].key
            if head in known and tail in known:
                rows.append((r.score or 0.0, (r.type, head, tail) in gold, number))
    return _judged(rows)


def _judged(rows: Sequence[tuple[float, bool, int]]) -> Judged:
    scores, right, document = zip(*rows, strict=True) if rows else ((), (), ())
    return Judged(np.array(scores, dtype=float), np.array(right, dtype=bool), np.array(document, dtype=int))


def fitted(by_heat: dict[float, Judged], documents: np.ndarray) -> float:
    """The temperature with the smallest loss on some documents."""
    return min(by_heat, key=lambda heat: by_heat[heat].of(documents).loss)


def cross_fitted_error(by_heat: dict[float, Judged], documents: int) -> float:
    """Calibration error where each half of the documents has the temperature fitted on the other."""
    halves = np.arange(documents) % 2
    parts = []
    for half in (0, 1):
        mine, others = np.flatnonzero(halves == half), np.flatnonzero(halves != half)
        parts.append(by_heat[fitted(by_heat, others)].of(mine))
    joined = Judged(
        *(np.concatenate([getattr(part, name) for part in parts]) for name in ("scores", "right", "document"))
    )
    return calibration_error(joined)


def cut(pair: Pair, entity_threshold: float, relation_threshold: float) -> Pair:
    """A pair without what lies below the thresholds."""
    entities = tuple(e for e in pair.entities if (e.score or 0.0) >= entity_threshold)
    kept = {e.id for e in entities}
    found = tuple(
        r for r in pair.relations if (r.score or 0.0) >= relation_threshold and r.head in kept and r.tail in kept
    )
    return Pair(pair.gold, entities, found, {e.id: e for e in entities})


def precision_table(pairs: Sequence[Pair]) -> list[dict[str, float]]:
    """Strict precision and recall of entities and relations by threshold on their own scores."""
    rows = []
    for threshold in THRESHOLDS:
        entities = total(summed([cut(pair, threshold, 0.0) for pair in pairs], strict))
        related = total(summed([cut(pair, 0.0, threshold) for pair in pairs], relations))
        rows.append(
            {
                "threshold": threshold,
                "entity_precision": entities.precision,
                "entity_recall": entities.recall,
                "relation_precision": related.precision,
                "relation_recall": related.recall,
            }
        )
    return rows


def calibrate(model: Extractor, documents: Sequence[Document], words: Any) -> dict[str, Any]:
    """Fit temperatures and thresholds and put them into the model's settings. Returns what `calibration.json` holds."""
    config = model.config
    config.entity_threshold, config.relation_threshold = 0.0, 0.0
    config.entity_temperature = config.relation_temperature = 1.0
    prepared = DocumentSet(documents, FeatureBuilder(config, model.tokenization, words))
    every = np.arange(len(documents))
    heated: dict[float, Judged] = {}
    for heat in progress(sorted({1.0, *HEATS}), "temperatures", "temperatures"):
        config.entity_temperature = heat
        heated[heat] = judge_entities(evaluate_documents(model, prepared))
    config.entity_temperature = fitted(heated, every)
    pairs = evaluate_documents(model, prepared)
    judged = judge_relations(pairs)
    related = {heat: judged.heated(heat) for heat in (1.0, *RELATION_HEATS)}
    config.relation_temperature = fitted(related, every)
    pairs = evaluate_documents(model, prepared)

    def entity_f1(threshold: float) -> float:
        return total(summed([cut(pair, threshold, 1.0) for pair in pairs], strict)).f1

    def relation_f1(threshold: float) -> float:
        return total(summed([cut(pair, config.entity_threshold, threshold) for pair in pairs], relations)).f1

    candidates = [round(0.05 * step, 2) for step in range(1, 18)]
    config.entity_threshold = max([0.0, *candidates], key=entity_f1)
    config.relation_threshold = max(candidates, key=relation_f1)
    return {
        "documents": len(documents),
        "entity_temperature": config.entity_temperature,
        "relation_temperature": config.relation_temperature,
        "entity_threshold": config.entity_threshold,
        "relation_threshold": config.relation_threshold,
        "entity_error_before": calibration_error(heated[1.0]),
        "entity_error": cross_fitted_error(heated, len(documents)),
        "relation_error_before": calibration_error(related[1.0]),
        "relation_error": cross_fitted_error(related, len(documents)),
        "by_threshold": precision_table(pairs),
    }


def calibrate_folder(folder: Path, documents: Sequence[Document]) -> dict[str, Any]:
    """`calibrate` for a saved model: its `config.json` is rewritten and `calibration.json` put beside it."""
    model = Extractor.from_pretrained(folder)
    found = calibrate(model, documents, segmenter(model.config.segmenter))
    model.config.save(folder, model.encoder_config)
    write_whole(folder / FILE, json.dumps(found, indent=2) + "\n")
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m training.calibrate", description=__doc__.split("\n")[0])
    parser.add_argument("--model", type=Path, required=True, help="folder of a saved model")
    parser.add_argument("--data", type=Path, required=True, help="folder written by data.build")
    parser.add_argument("--split", default="validation", help="never the test split (default: %(default)s)")
    options = parser.parse_args(arguments)
    try:
        splits = read_dataset(options.data)
        if not splits.get(options.split):
            raise DataError(f"{options.data}: no documents in the split {options.split}; it has {', '.join(splits)}")
        found = calibrate_folder(options.model, splits[options.split])
    except (ModelError, DataError, OSError) as error:
        print(f"training.calibrate: {error}", file=sys.stderr)
        return 1
    print(json.dumps(found, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
