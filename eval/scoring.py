"""Precision, recall and F1 of spans and relations.

Everything is counted over characters of whole documents, so no tokenisation can flatter a score,
and every gold item counts, also one that was never proposed. Only what lies wholly inside a gold
document's kept ranges is scored, on either side.

Matching rules for entities:

- `strict`: type and both boundaries.
- `boundary`: both boundaries, whatever the type.
- `partial`: same type; exact match counts 1, an overlap counts one half (each span used once;
  MUC-5/SemEval-2013 partial credit).

For relations, both ends must match: `strict` with types and boundaries of both entities and the
relation's type, `boundary` without the types of the entities.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from data.documents import Document, Entity, Relation


@dataclass(frozen=True, slots=True)
class Counts:
    """Correct (halves possible), predicted and gold items; the sums scores are made of."""

    correct: float = 0.0
    predicted: float = 0.0
    gold: float = 0.0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.correct + other.correct, self.predicted + other.predicted, self.gold + other.gold)

    @property
    def precision(self) -> float:
        return self.correct / self.predicted if self.predicted else 0.0

    @property
    def recall(self) -> float:
        return self.correct / self.gold if self.gold else 0.0

    @property
    def f1(self) -> float:
        total = self.predicted + self.gold
        return 2 * self.correct / total if total else 0.0

    def to_dict(self) -> dict[str, float]:
        return {
            "precision": self.precision,
            "recall": self.recall,
            "f1": self.f1,
            "correct": self.correct,
            "predicted": self.predicted,
            "support": self.gold,
        }


@dataclass(frozen=True)
class Pair:
    """A gold document and what was predicted for it, both cut to the kept ranges."""

    gold: Document
    entities: tuple[Entity, ...]
    relations: tuple[Relation, ...]
    by_id: Mapping[str, Entity]

    @classmethod
    def of(cls, gold: Document, entities: Iterable[Entity], relations: Iterable[Relation]) -> Pair:
        kept = tuple(e for e in entities if gold.is_kept(e.start, e.end))
        by_id = {e.id: e for e in kept}
        inside = tuple(r for r in relations if r.head in by_id and r.tail in by_id)
        return cls(gold, kept, inside, by_id)


Scores = dict[str, Counts]
"""Counts by type."""


def match(gold: Iterable[tuple[str, Hashable]], predicted: Iterable[tuple[str, Hashable]]) -> Scores:
    """Counts by type of `(type, key)` items; duplicates count as often as they stand."""
    wanted, offered = Counter(gold), Counter(predicted)
    scores: Scores = {}
    for (type_, key), count in wanted.items():
        scores[type_] = scores.get(type_, Counts()) + Counts(min(count, offered[type_, key]), 0, count)
    for (type_, _), count in offered.items():
        scores[type_] = scores.get(type_, Counts()) + Counts(0, count, 0)
    return scores


def strict(pair: Pair) -> Scores:
    """Strict entity counts by type."""
    return match(
        ((e.type, (e.start, e.end)) for e in pair.gold.entities), ((e.type, (e.start, e.end)) for e in pair.entities)
    )


def boundary(pair: Pair) -> Scores:
    """Entity counts that ignore the type, under the one key `all`."""
    return match(
        (("all", (e.start, e.end)) for e in pair.gold.entities), (("all", (e.start, e.end)) for e in pair.entities)
    )


def partial(pair: Pair) -> Scores:
    """Entity counts by type where an overlap counts one half."""
    scores: Scores = {}
    for type_ in {e.type for e in (*pair.gold.entities, *pair.entities)}:
        gold = [e for e in pair.gold.entities if e.type == type_]
        offered = [e for e in pair.entities if e.type == type_]
        exact = {e.key for e in gold} & {e.key for e in offered}
        left = [e for e in gold if e.key not in exact]
        rest = sorted((e for e in offered if e.key not in exact), key=lambda e: e.start)
        correct = float(len(exact))
        for entity in sorted(left, key=lambda e: e.start):
            for index, other in enumerate(rest):
                if other.start < entity.end and entity.start < other.end:
                    correct += 0.5
                    del rest[index]
                    break
        scores[type_] = Counts(correct, len(offered), len(gold))
    return scores


def _ends(entities: Mapping[str, Entity], relation: Relation, typed: bool) -> Hashable:
    head, tail = entities[relation.head], entities[relation.tail]
    if typed:
        return (head.key, tail.key)
    return ((head.start, head.end), (tail.start, tail.end))


def relations(pair: Pair, typed: bool = True) -> Scores:
    """Relation counts by relation type: `strict`, or `boundary` when not `typed`."""
    return match(
        ((r.type, _ends(pair.gold.by_id, r, typed)) for r in pair.gold.relations),
        ((r.type, _ends(pair.by_id, r, typed)) for r in pair.relations),
    )


def relations_boundary(pair: Pair) -> Scores:
    """Relation counts that ignore the types of both entities."""
    return relations(pair, typed=False)


Rule = Callable[[Pair], Scores]


def total(scores: Scores) -> Counts:
    """The sum over types: micro average."""
    return sum(scores.values(), Counts())


def summed(pairs: Iterable[Pair], rule: Rule) -> Scores:
    """Counts by type over all pairs."""
    result: Scores = {}
    for pair in pairs:
        for type_, counts in rule(pair).items():
            result[type_] = result.get(type_, Counts()) + counts
    return result


def macro_f1(scores: Scores) -> float:
    """Mean F1 over types with support; 0 if there is none."""
    values = [counts.f1 for counts in scores.values() if counts.gold]
    return float(np.mean(values)) if values else 0.0


def bootstrap(units: Sequence[Counts], samples: int = 2000, seed: int = 13) -> tuple[float, float]:
    """95 % percentile interval of micro F1 by resampling units (documents or sentences)."""
    if not units:
        return 0.0, 0.0
    table = np.array([(u.correct, u.predicted, u.gold) for u in units], dtype=np.float64)
    random = np.random.default_rng(seed)
    values = []
    for begin in range(0, samples, 200):
        picks = random.integers(0, len(table), size=(min(200, samples - begin), len(table)))
        correct, predicted, gold = table[picks].sum(1).T
        values.append(np.divide(2 * correct, predicted + gold, out=np.zeros_like(correct), where=predicted + gold > 0))
    low, high = np.percentile(np.concatenate(values), [2.5, 97.5])
    return float(low), float(high)


def by_sentence(pair: Pair, rule: Rule) -> list[Counts]:
    """Counts of each kept sentence. What crosses a sentence end goes with the sentence it starts in."""
    gold = pair.gold
    counts = []
    sentences = gold.sentences or ()
    for index in gold.kept_sentences:
        start = sentences[index][0]
        end = sentences[index + 1][0] if index + 1 < len(sentences) else len(gold.text) + 1
        wanted = {e.id: e for e in gold.entities if start <= e.start < end}
        offered = {e.id: e for e in pair.entities if start <= e.start < end}
        piece = Document(
            f"{gold.id}#{index}",
            gold.text,
            tuple(wanted.values()),
            tuple(r for r in gold.relations if r.head in wanted),
            sentences=sentences,
            kept=gold.kept,
            schema=gold.schema,
        )
        found = tuple(r for r in pair.relations if r.head in offered and r.tail in offered)
        counts.append(total(rule(Pair(piece, tuple(offered.values()), found, offered))))
    return counts


def headline(pairs: Sequence[Pair]) -> dict[str, float]:
    """The figures training watches: strict entity and end-to-end strict relation F1, micro."""
    found = summed(pairs, strict)
    related = total(summed(pairs, relations))
    return {
        "entity_precision": total(found).precision,
        "entity_recall": total(found).recall,
        "entity_f1": total(found).f1,
        "entity_macro_f1": macro_f1(found),
        "relation_precision": related.precision,
        "relation_recall": related.recall,
        "relation_f1": related.f1,
    }
