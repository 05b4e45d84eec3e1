"""What went wrong, in a form to look at: confusion between types, and sentences in both readings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from data.documents import Document, Entity, Relation
from eval.scoring import Pair

MISSED = "(missed)"
SPURIOUS = "(spurious)"


def confusion(pairs: Iterable[Pair]) -> Counter[tuple[str, str]]:
    """Counts of `(gold type, predicted type)` over spans with equal boundaries.

    Gold spans nobody predicted count as `(type, MISSED)`, predicted ones that are not gold as
    `(SPURIOUS, type)`. Same-type matches are taken out first.
    """
    table: Counter[tuple[str, str]] = Counter()
    for pair in pairs:
        gold = Counter(e.key for e in pair.gold.entities)
        predicted = Counter(e.key for e in pair.entities)
        for key in (gold & predicted).elements():
            table[key[0], key[0]] += 1
        left, rest = gold - predicted, predicted - gold
        for key in list(left.elements()):
            other = next((k for k in rest if k[1:] == key[1:] and rest[k] > 0), None)
            if other is None:
                table[key[0], MISSED] += 1
            else:
                table[key[0], other[0]] += 1
                rest[other] -= 1
        for key in rest.elements():
            table[SPURIOUS, key[0]] += 1
    return table


@dataclass(frozen=True)
class Reading:
    """One side's annotations of a sentence; `wrong` holds the ids that the other side does not have."""

    entities: tuple[Entity, ...]
    wrong: frozenset[str]
    relations: tuple[tuple[str, bool], ...]
    """Written out, with whether the other side lacks it."""


@dataclass(frozen=True)
class TellingError:
    """A sentence that gold and prediction read differently."""

    document: str
    start: int
    text: str
    gold: Reading
    predicted: Reading
    weight: float


def _written(relation: Relation, by_id: dict[str, Entity]) -> tuple[str, tuple[object, ...]]:
    head, tail = by_id[relation.head], by_id[relation.tail]
    return f"{relation.type}: {head.text} → {tail.text}", (relation.type, head.key, tail.key)


def _reading(
    entities: Sequence[Entity], relations: Iterable[Relation], other_entities: Sequence[Entity],
    other_relations: Iterable[Relation], names: dict[str, Entity], other_names: dict[str, Entity],
) -> Reading:
    keys = {e.key for e in other_entities}
    known = {_written(r, other_names)[1] for r in other_relations}
    rows = [_written(r, names) for r in relations]
    return Reading(
        tuple(sorted(entities, key=lambda e: (e.start, -e.end))),
        frozenset(e.id for e in entities if e.key not in keys),
        tuple((text, key not in known) for text, key in rows),
    )


def _sentence_error(document: Document, pair: Pair, index: int) -> TellingError | None:
    start, end = (document.sentences or ())[index]
    gold = [e for e in document.entities if start <= e.start < end]
    predicted = [e for e in pair.entities if start <= e.start < end]
    gold_names, names = dict(document.by_id), dict(pair.by_id)
    gold_relations = [r for r in document.relations if start <= gold_names[r.head].start < end]
    relations = [r for r in pair.relations if start <= names[r.head].start < end]
    first = _reading(gold, gold_relations, predicted, relations, gold_names, names)
    second = _reading(predicted, relations, gold, gold_relations, names, gold_names)
    # Confident mistakes tell most; a missed item counts like a certain one.
    weight = float(len(first.wrong)) + sum(e.score or 1.0 for e in predicted if e.id in second.wrong)
    weight += 0.5 * sum(wrong for _, wrong in (*first.relations, *second.relations))
    if weight == 0:
        return None
    return TellingError(document.id, start, document.text[start:end], first, second, weight)


def telling_errors(pairs: Iterable[Pair], count: int = 50) -> list[TellingError]:
    """The sentences with the most and the most confident errors, at most `count`."""
    found = [
        error
        for pair in pairs
        for index in pair.gold.kept_sentences
        if (error := _sentence_error(pair.gold, pair, index)) is not None
    ]
    return sorted(found, key=lambda e: (-e.weight, e.document, e.start))[:count]
