"""Problems to see before anyone trains: each finding names the document and what to look at."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from data.copies import near_copies
from data.documents import Document, Entity
from data.schema import ORGANISATIONS
from data.segmentation import Segmenter, syllables

Splits = Mapping[str, Sequence[Document]]


@dataclass(frozen=True, slots=True)
class Finding:
    """`error` makes a data set unfit; `warning` may be right and wants a look."""

    level: str
    check: str
    place: str
    message: str

    def __str__(self) -> str:
        return f"{self.level}: {self.check}: {self.place}: {self.message}"


def boundaries_in_syllables(splits: Splits, words: Segmenter) -> Iterator[Finding]:
    """Gold boundaries the model could never predict, because they lie inside a syllable."""
    for name, documents in splits.items():
        for document in documents:
            for start, end in document.sentences or ():
                inside = [e for e in document.entities if start <= e.start < end]
                if not inside:
                    continue
                units = [
                    unit
                    for s, e in words.words(document.text[start:end])
                    for unit in syllables(document.text, start + s, start + e)
                ]
                begins, ends = {s for s, _ in units}, {e for _, e in units}
                for entity in inside:
                    if entity.start not in begins or entity.end not in ends:
                        yield Finding(
                            "error",
                            "boundary inside a syllable",
                            f"{name}/{document.id}",
                            f"{entity.type} {entity.text!r} at {entity.start}",
                        )


def duplicates(splits: Splits) -> Iterator[Finding]:
    """Ids used twice, and documents of different splits that are near copies of each other."""
    ids = Counter(document.id for documents in splits.values() for document in documents)
    for name, count in ids.items():
        if count > 1:
            yield Finding("error", "id used twice", name, f"{count} documents have this id")
    flat = [(name, document) for name, documents in splits.items() for document in documents]
    groups: dict[int, list[int]] = defaultdict(list)
    for index, group in enumerate(near_copies([document.text for _, document in flat])):
        groups[group].append(index)
    for members in groups.values():
        names = {flat[i][0] for i in members}
        if len(names) > 1:
            first, *others = (f"{flat[i][0]}/{flat[i][1].id}" for i in members)
            yield Finding("error", "near copies in different splits", first, ", ".join(others))


def _parts(document: Document, whole: Entity) -> list[Entity]:
    return [e for e in document.entities if e is not whole and whole.start <= e.start and e.end <= whole.end]


def missing_relations(splits: Splits) -> Iterator[Finding]:
    """Roles that hold an organisation without AT, organisations that hold a place without LOCATED_IN."""
    for name, documents in splits.items():
        for document in documents:
            related = {(r.type, r.head) for r in document.relations}
            located = {(r.head, r.tail) for r in document.relations if r.type == "LOCATED_IN"}
            for entity in document.entities:
                place = f"{name}/{document.id}"
                parts = _parts(document, entity)
                organised = any(part.type in ORGANISATIONS for part in parts)
                if entity.type == "ROLE" and organised and ("AT", entity.id) not in related:
                    yield Finding("warning", "role holds an organisation, no AT", place, repr(entity.text))
                for part in parts:
                    if entity.type in ORGANISATIONS and part.type == "LOCATION" and (entity.id, part.id) not in located:
                        yield Finding("warning", "organisation holds a place, no LOCATED_IN", place, repr(entity.text))


def unlabelled_repeats(splits: Splits) -> Iterator[Finding]:
    """Names of persons and documents that are labelled once and not again in the same document."""
    for name, documents in splits.items():
        for document in documents:
            surfaces = {e.text for e in document.entities if e.type in {"PERSON", "DOCUMENT"} and " " in e.text}
            for surface in sorted(surfaces):
                at = document.text.find(surface)
                while at >= 0:
                    end = at + len(surface)
                    free = not any(e.start <= at and end <= e.end for e in document.entities)
                    whole = not document.text[end : end + 1].isalnum() and not document.text[at - 1 : at].isalnum()
                    if free and whole and document.is_kept(at, end) and document.sentence_of(at, end) is not None:
                        yield Finding("warning", "unlabelled repeat", f"{name}/{document.id}", f"{surface!r} at {at}")
                    at = document.text.find(surface, end)


def differing_labels(splits: Splits) -> Iterator[Finding]:
    """Names of organisations of two syllables or more that are labelled with one type here and another there,
    or that stand unlabelled in the same surroundings (the word before and the word behind) as labelled ones.
    """
    types: dict[str, Counter[str]] = defaultdict(Counter)
    around: dict[str, set[tuple[str, str]]] = defaultdict(set)
    every = [(name, document) for name, documents in splits.items() for document in documents]
    for _, document in every:
        for entity in document.entities:
            if entity.type in ORGANISATIONS and " " in entity.text:
                types[entity.text][entity.type] += 1
                around[entity.text].add(_surroundings(document.text, entity.start, entity.end))
    for surface, counts in sorted(types.items()):
        if len(counts) > 1:
            rare = counts.most_common()[-1][0]
            places = [f"{n}/{d.id}" for n, d in every for e in d.entities if (e.text, e.type) == (surface, rare)]
            told = ", ".join(f"{count} {type_}" for type_, count in counts.most_common())
            yield Finding("warning", "one name, several types", places[0], f"{surface!r}: {told}")
    for name, document in every:
        labelled = {(e.start, e.end) for e in document.entities}
        for surface in sorted(surface for surface in types if surface in document.text):
            for match in re.finditer(rf"(?<!\w){re.escape(surface)}(?!\w)", document.text):
                start, end = match.span()
                covered = (start, end) in labelled or any(
                    e.start <= start and end <= e.end and e.type in ORGANISATIONS for e in document.entities
                )
                known = _surroundings(document.text, start, end) in around[surface]
                if known and not covered and document.is_kept(start, end):
                    yield Finding("warning", "unlabelled here", f"{name}/{document.id}", f"{surface!r} at {start}")


def _surroundings(text: str, start: int, end: int) -> tuple[str, str]:
    before, after = text[:start].rsplit(None, 1)[-1:], text[end:].split(None, 1)[:1]
    return "".join(before), "".join(after)


def types_without_examples(splits: Splits) -> Iterator[Finding]:
    """Types of the schema that no training document shows."""
    train = splits.get("train", ())
    if not train:
        yield Finding("error", "no training documents", "train", "the split is missing or empty")
        return
    shown = {e.type for d in train for e in d.entities} | {r.type for d in train for r in d.relations}
    schema = train[0].schema
    for name in (*schema.entity_types, *schema.relation_names):
        if name not in shown:
            yield Finding("warning", "type without examples", "train", name)


def audit(splits: Splits, words: Segmenter) -> list[Finding]:
    """All findings, errors first."""
    found = [
        *duplicates(splits),
        *boundaries_in_syllables(splits, words),
        *types_without_examples(splits),
        *missing_relations(splits),
        *unlabelled_repeats(splits),
        *differing_labels(splits),
    ]
    return sorted(found, key=lambda finding: finding.level)
