"""What went wrong, in a form to look at: confusion between types, and sentences in both readings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
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


def _written(relation: Relation, by_id: Mapping[str, Entity]) -> tuple[str, tuple[object, ...]]:
    head, tail = by_id[relation.head], by_id[relation.tail]
    return f"{relation.type}: {head.text} → {tail.text}", (relation.type, head.key, tail.key)


@dataclass(frozen=True)
class _Side:
    """One side's annotations of a sentence."""

    entities: list[Entity]
    relations: list[Relation]
    names: Mapping[str, Entity]

    @classmethod
    def of(
        cls,
        entities: Iterable[Entity],
        relations: Iterable[Relation],
        names: Mapping[str, Entity],
        start: int,
        end: int,
    ) -> _Side:
        return cls(
            [e for e in entities if start <= e.start < end],
            [r for r in relations if start <= names[r.head].start < end],
            names,
        )


def _reading(side: _Side, other: _Side) -> Reading:
    keys = {e.key for e in other.entities}
    known = {_written(r, other.names)[1] for r in other.relations}
    rows = [_written(r, side.names) for r in side.relations]
    entities = side.entities
    return Reading(
        tuple(sorted(entities, key=lambda e: (e.start, -e.end))),
        frozenset(e.id for e in entities if e.key not in keys),
        tuple((text, key not in known) for text, key in rows),
    )


def _sentence_error(document: Document, pair: Pair, index: int) -> TellingError | None:
    start, end = (document.sentences or ())[index]
    gold = _Side.of(document.entities, document.relations, document.by_id, start, end)
    predicted = _Side.of(pair.entities, pair.relations, pair.by_id, start, end)
    first, second = _reading(gold, predicted), _reading(predicted, gold)
    # Confident mistakes tell most; a missed item counts like a certain one.
    weight = float(len(first.wrong)) + sum(
        1.0 if e.score is None else e.score for e in predicted.entities if e.id in second.wrong
    )
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
