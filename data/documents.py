"""`Document`, `Entity` and `Relation`: text with character annotations that obey the guidelines.

Offsets are `[start, end)` in code points of the document's own NFC text. Construction checks every
rule that can be checked without judgement and names all annotations that break one.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from operator import index
from typing import Any

from data.schema import PARTY_BUILDING, Schema
from data.sentences import Range, split_sentences


class AnnotationError(ValueError):
    """One or more annotations break a rule. `problems` holds one line for each."""

    def __init__(self, document: str, problems: Sequence[str]) -> None:
        self.document = document
        self.problems = tuple(problems)
        shown = "\n".join(f"  - {problem}" for problem in self.problems)
        super().__init__(f"document {document!r}: {len(self.problems)} annotation problem(s)\n{shown}")


@dataclass(frozen=True, slots=True)
class Entity:
    """A typed span `[start, end)`; `text` is its surface, `score` a probability or `None` for gold."""

    id: str
    type: str
    start: int
    end: int
    text: str = ""
    score: float | None = None

    @property
    def key(self) -> tuple[str, int, int]:
        """What strict scoring compares: type and both boundaries."""
        return (self.type, self.start, self.end)

    def to_dict(self) -> dict[str, Any]:
        """As in the exchange format."""
        return {
            "id": self.id,
            "type": self.type,
            "start": self.start,
            "end": self.end,
            "text": self.text,
            "score": self.score,
        }


@dataclass(frozen=True, slots=True)
class Relation:
    """A directed relation between two entities, named by their ids."""

    type: str
    head: str
    tail: str
    score: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """As in the exchange format."""
        return {"type": self.type, "head": self.head, "tail": self.tail, "score": self.score}


@dataclass(frozen=True)
class Document:
    """A text with its annotations.

    Args:
        id: name of the document, unique in its data set.
        text: NFC text.
        entities: sorted on construction by start, then longest first.
        relations: between ids of `entities`.
        sentences: ranges; computed by `split_sentences` when not given.
        kept: ranges that were annotated and are scored; `None` means the whole text.
        meta: anything else worth keeping (source, group, file).
        schema: the types allowed here.

    Raises:
        AnnotationError: an annotation breaks a rule; every broken rule is listed.
    """

    id: str
    text: str
    entities: tuple[Entity, ...] = ()
    relations: tuple[Relation, ...] = ()
    sentences: tuple[Range, ...] | None = None
    kept: tuple[Range, ...] | None = None
    meta: Mapping[str, Any] = field(default_factory=dict, compare=False)
    schema: Schema = field(default=PARTY_BUILDING, repr=False, compare=False)

    def __post_init__(self) -> None:
        set_ = object.__setattr__
        if not unicodedata.is_normalized("NFC", self.text):
            raise AnnotationError(self.id, ["text is not in Unicode NFC; normalise it before annotating"])
        if self.sentences is None:
            set_(self, "sentences", tuple(split_sentences(self.text)))
        else:
            set_(self, "sentences", tuple((int(s), int(e)) for s, e in self.sentences))
        if self.kept is not None:
            set_(self, "kept", tuple((int(s), int(e)) for s, e in self.kept))
        filled = (e if e.text else replace(e, text=self.text[e.start : e.end]) for e in self.entities)
        set_(self, "entities", tuple(sorted(filled, key=lambda e: (e.start, -e.end, e.type))))
        set_(self, "relations", tuple(self.relations))
        problems = [*self._range_problems(), *self._entity_problems(), *self._relation_problems()]
        if problems:
            raise AnnotationError(self.id, problems)

    @cached_property
    def by_id(self) -> Mapping[str, Entity]:
        """Entities by id."""
        return {entity.id: entity for entity in self.entities}

    @cached_property
    def _sentence_starts(self) -> list[int]:
        return [start for start, _ in self.sentences or ()]

    def sentence_of(self, start: int, end: int) -> int | None:
        """Index of the sentence that holds `[start, end)`, or `None` if none holds all of it."""
        index = bisect_right(self._sentence_starts, start) - 1
        if index < 0 or not self.sentences or end > self.sentences[index][1]:
            return None
        return index

    def is_kept(self, start: int, end: int) -> bool:
        """Whether `[start, end)` lies wholly inside an annotated range."""
        return self.kept is None or any(s <= start and end <= e for s, e in self.kept)

    @property
    def kept_sentences(self) -> tuple[int, ...]:
        """Indices of the sentences that were annotated."""
        return tuple(i for i, (start, end) in enumerate(self.sentences or ()) if self.is_kept(start, end))

    def _range_problems(self) -> Iterable[str]:
        for name, ranges in (("sentence", self.sentences or ()), ("kept range", self.kept or ())):
            before = 0
            for start, end in ranges:
                # A kept range may be empty: nothing of an empty text is everything.
                if not before <= start <= end <= len(self.text) or (start == end and name == "sentence"):
                    where = f"{name} [{start}, {end})"
                    yield f"{where}: empty, out of order, or outside the text of {len(self.text)} characters"
                before = end

    def _entity_problems(self) -> Iterable[str]:
        seen: set[str] = set()
        last: dict[str, Entity] = {}
        for entity in self.entities:
            where = f"entity {entity.id} ({entity.type} [{entity.start}, {entity.end}) {entity.text!r})"
            if entity.id in seen:
                yield f"{where}: id used twice"
            seen.add(entity.id)
            if entity.type not in self.schema.entity_types:
                yield f"{where}: unknown type; known: {', '.join(self.schema.entity_types)}"
                continue
            if not 0 <= entity.start < entity.end <= len(self.text):
                yield f"{where}: outside the text of {len(self.text)} characters, or empty"
                continue
            surface = self.text[entity.start : entity.end]
            if surface != entity.text:
                yield f"{where}: the text there reads {surface!r}"
            if surface != surface.strip():
                yield f"{where}: starts or ends with white space"
            elif self.sentence_of(entity.start, entity.end) is None:
                yield f"{where}: does not lie inside one sentence"
            if not self.is_kept(entity.start, entity.end):
                yield f"{where}: outside the kept ranges"
            track = "" if self.schema.flat else entity.type
            before = last.get(track)
            if before is not None and entity.start < before.end:
                yield f"{where}: overlaps {before.id} ({before.type} [{before.start}, {before.end}) {before.text!r})"
            if before is None or entity.end > before.end:
                last[track] = entity

    def _relation_problems(self) -> Iterable[str]:
        seen: set[tuple[str, str, str]] = set()
        for relation in self.relations:
            where = f"relation {relation.type}({relation.head}, {relation.tail})"
            kind = self.schema.relations.get(relation.type)
            if kind is None:
                yield f"{where}: unknown type; known: {', '.join(self.schema.relation_names)}"
                continue
            missing = [name for name in (relation.head, relation.tail) if name not in self.by_id]
            if missing:
                yield f"{where}: no entity with id {', '.join(missing)}"
                continue
            head, tail = self.by_id[relation.head], self.by_id[relation.tail]
            if not kind.allows(head.type, tail.type):
                yield (
                    f"{where}: {head.type} {head.text!r} -> {tail.type} {tail.text!r} is not allowed; "
                    f"heads: {', '.join(kind.heads)}; tails: {', '.join(kind.tails)}"
                )
            if self.sentence_of(head.start, head.end) != self.sentence_of(tail.start, tail.end):
                places = f"{head.text!r} [{head.start}] and {tail.text!r} [{tail.start}]"
                yield f"{where}: {places} are in different sentences"
            key = (relation.type, relation.head, relation.tail)
            if key in seen:
                yield f"{where}: stated twice"
            seen.add(key)

    def to_dict(self) -> dict[str, Any]:
        """The exchange format: what one line of JSONL holds."""
        record: dict[str, Any] = {
            "id": self.id,
            "text": self.text,
            "entities": [entity.to_dict() for entity in self.entities],
            "relations": [relation.to_dict() for relation in self.relations],
        }
        if self.kept is not None:
            record["kept"] = [list(kept) for kept in self.kept]
        if self.sentences != tuple(split_sentences(self.text)):
            record["sentences"] = [list(sentence) for sentence in self.sentences or ()]
        if self.meta:
            record["meta"] = dict(self.meta)
        return record

    @classmethod
    def from_dict(cls, record: Mapping[str, Any], schema: Schema = PARTY_BUILDING) -> Document:
        """The inverse of `to_dict`.

        Raises:
            AnnotationError: a field is missing or of the wrong kind, or an annotation breaks a rule.
        """
        name = str(record.get("id", "?"))
        try:
            return cls(
                id=name,
                text=record["text"],
                entities=tuple(
                    Entity(
                        str(e["id"]), e["type"], index(e["start"]), index(e["end"]), e.get("text", ""), e.get("score")
                    )
                    for e in record.get("entities") or ()
                ),
                relations=tuple(
                    Relation(r["type"], str(r["head"]), str(r["tail"]), r.get("score"))
                    for r in record.get("relations") or ()
                ),
                sentences=_ranges(record.get("sentences")),
                kept=_ranges(record.get("kept")),
                meta=dict(record.get("meta") or {}),
                schema=schema,
            )
        except AnnotationError:
            raise
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise AnnotationError(name, [f"field missing or of the wrong kind: {error}"]) from error


def _ranges(values: Iterable[Sequence[int]] | None) -> tuple[Range, ...] | None:
    return None if values is None else tuple((index(start), index(end)) for start, end in values)
