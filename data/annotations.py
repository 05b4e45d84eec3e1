"""Stand-off annotations of real articles: hash, offsets, labels and surfaces, never the text.

One JSON file per article. Joining one with a text checks the hash first, so an article that was
edited by a character is refused by name instead of shifting every label.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from data.articles import Article
from data.documents import Document, Entity, Relation
from data.schema import GUIDELINES_VERSION, PARTY_BUILDING, Schema
from data.sentences import Range


class GoldError(ValueError):
    """Stand-off annotations that do not fit their article; the message names file and hash."""


@dataclass(frozen=True)
class Standoff:
    """Annotations of one article without its text."""

    id: str
    file: str
    sha256: str
    kept: tuple[Range, ...]
    entities: tuple[Entity, ...]
    relations: tuple[Relation, ...]
    guidelines: str = GUIDELINES_VERSION
    meta: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, document: Document, article: Article) -> Standoff:
        """What remains of an annotated document once its text is taken away."""
        number = {entity.id: f"e{index}" for index, entity in enumerate(document.entities, start=1)}
        return cls(
            id=document.id,
            file=article.file,
            sha256=article.sha256,
            kept=((0, len(document.text)),) if document.kept is None else document.kept,
            entities=tuple(Entity(number[e.id], e.type, e.start, e.end, e.text) for e in document.entities),
            relations=tuple(
                sorted(
                    (Relation(r.type, number[r.head], number[r.tail]) for r in document.relations),
                    key=lambda r: (int(r.head[1:]), int(r.tail[1:]), r.type),
                )
            ),
            meta=document.meta,
        )

    def join(self, article: Article, schema: Schema = PARTY_BUILDING) -> Document:
        """The annotated document.

        Raises:
            GoldError: the article's text is not the annotated one.
            AnnotationError: an annotation breaks a rule.
        """
        if article.sha256 != self.sha256:
            raise GoldError(
                f"{article.file}: the text of {article.id!r} was changed: annotations were made on SHA-256 "
                f"{self.sha256}, this text has {article.sha256}; use the original file"
            )
        return Document(
            self.id, article.text, self.entities, self.relations, kept=self.kept, meta=self.meta, schema=schema
        )

    def to_json(self) -> str:
        """JSON with one entity or relation a line, for diffs that people can read."""
        head = {
            "id": self.id,
            "file": self.file,
            "sha256": self.sha256,
            "guidelines": self.guidelines,
            **({"meta": dict(self.meta)} if self.meta else {}),
            "kept": [list(kept) for kept in self.kept],
        }
        entities = [{"id": e.id, "type": e.type, "start": e.start, "end": e.end, "text": e.text} for e in self.entities]
        relations = [{"type": r.type, "head": r.head, "tail": r.tail} for r in self.relations]
        lines = [f"  {_dump(key)}: {_dump(value)}" for key, value in head.items()]
        for name, rows in (("entities", entities), ("relations", relations)):
            body = ",\n".join(f"    {_dump(row)}" for row in rows)
            lines.append(f'  "{name}": [\n{body}\n  ]' if rows else f'  "{name}": []')
        return "{\n" + ",\n".join(lines) + "\n}\n"

    @classmethod
    def from_json(cls, source: str, file: str) -> Standoff:
        try:
            values = json.loads(source)
            return cls(
                id=values["id"],
                file=values["file"],
                sha256=values["sha256"],
                guidelines=values["guidelines"],
                kept=tuple((s, e) for s, e in values["kept"]),
                entities=tuple(Entity(e["id"], e["type"], e["start"], e["end"], e["text"]) for e in values["entities"]),
                relations=tuple(Relation(r["type"], r["head"], r["tail"]) for r in values["relations"]),
                meta=values.get("meta", {}),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise GoldError(f"{file}: not a stand-off file: {error!r}") from None


def _dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def read_standoff(folder: Path) -> list[Standoff]:
    """All stand-off files of a folder, by name.

    Raises:
        GoldError: the folder holds none, or one cannot be read.
    """
    files = sorted(folder.glob("*.json"))
    if not files:
        raise GoldError(f"{folder}: no stand-off *.json files")
    return [Standoff.from_json(file.read_text(encoding="utf-8"), str(file)) for file in files]


def write_standoff(folder: Path, annotations: Iterable[Standoff]) -> None:
    """Write one file per article."""
    folder.mkdir(parents=True, exist_ok=True)
    for standoff in annotations:
        (folder / f"{standoff.id}.json").write_text(standoff.to_json(), encoding="utf-8")


def join_all(annotations: Sequence[Standoff], articles: Iterable[Article]) -> tuple[list[Document], list[str]]:
    """Join annotations with the articles that are there.

    Returns:
        The documents, in the order of `annotations`, and the ids whose article was not found.

    Raises:
        GoldError: an article is there but its text was changed.
    """
    wanted = {standoff.id for standoff in annotations}
    found = {article.id: article for article in articles if article.id in wanted}
    documents = [s.join(found[s.id]) for s in annotations if s.id in found]
    return documents, [s.id for s in annotations if s.id not in found]
