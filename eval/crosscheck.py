"""The span score, computed a second time by seqeval on tag sequences.

Each entity type is a track of its own, as in the model. Sentences are cut at every boundary of
either side, so that every span can be written as tags; seqeval then scores them with `mode="strict"`,
`scheme=IOB2`. The result must equal `eval.scoring.strict`.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

from seqeval.metrics.v1 import precision_recall_fscore_support
from seqeval.scheme import IOB2

from data.documents import Entity
from eval.scoring import Pair, Scores, strict, summed

SeqevalScores = dict[str, tuple[float, float, float, int]]
"""Precision, recall, F1 and support by type."""


def _tags(entities: Sequence[Entity], cuts: Sequence[int]) -> list[str]:
    place = {cut: index for index, cut in enumerate(cuts)}
    tags = ["O"] * max(len(cuts) - 1, 1)
    for entity in entities:
        first, last = place[entity.start], place[entity.end]
        tags[first] = f"B-{entity.type}"
        tags[first + 1 : last] = [f"I-{entity.type}"] * (last - first - 1)
    return tags


def seqeval_scores(pairs: Sequence[Pair], types: Sequence[str]) -> SeqevalScores:
    """Precision, recall, F1 and support of each type with any span, by seqeval."""
    found = {}
    for type_ in types:
        gold_tags, predicted_tags = [], []
        for pair in pairs:
            gold = [e for e in pair.gold.entities if e.type == type_]
            predicted = [e for e in pair.entities if e.type == type_]
            cuts = sorted({edge for e in (*gold, *predicted) for edge in (e.start, e.end)})
            gold_tags.append(_tags(gold, cuts))
            predicted_tags.append(_tags(predicted, cuts))
        if not any(tag != "O" for row in (*gold_tags, *predicted_tags) for tag in row):
            continue
        with warnings.catch_warnings():
            # It warns where a type is never predicted or never gold; zero is what we count, too.
            warnings.simplefilter("ignore")
            p, r, f, s = precision_recall_fscore_support(
                gold_tags, predicted_tags, average="micro", scheme=IOB2, zero_division=0
            )
        found[type_] = (float(p), float(r), float(f), int(s))
    return found


def disagreements(
    pairs: Sequence[Pair], types: Sequence[str], found: SeqevalScores | None = None, tolerance: float = 1e-9
) -> list[str]:
    """Types for which seqeval and the span score differ, with both figures; empty when all agree.

    `found` are the scores of `seqeval_scores` for these pairs, if they are at hand.
    """
    own: Scores = summed(pairs, strict)
    problems = []
    for type_, (precision, recall, f1, support) in (found or seqeval_scores(pairs, types)).items():
        counts = own[type_]
        ours = (counts.precision, counts.recall, counts.f1, counts.gold)
        if any(abs(a - b) > tolerance for a, b in zip(ours, (precision, recall, f1, support), strict=True)):
            problems.append(f"{type_}: spans {ours}, seqeval {(precision, recall, f1, support)}")
    return problems
