r"""Inline markup for annotated text: readable prose, exact spans, lossless both ways.

A file holds articles. Each begins with a heading line; its text follows line by line::

    # an-id {style=report}

    [Chiều 2/7](DATE d), [Ban Tổ chức [Huyện ủy](..)...

An entity is `[surface](TYPE)`, with an id where a relation points at it, and with the relations it
is the head of behind a colon::

    [Lê Thị Na](PERSON: HOLDS r), [Bí thư [Huyện ủy](PARTY_ORG o)](ROLE r: AT o)

Ids are lower-case and live inside one line. Spans nest; two that cross without nesting carry a
number at both brackets: `[1|a [2|b ]1(TYPE)c]2(TYPE)`. In the text itself `[`, `]`, `|`, `\` and, at
the start of a line, `#` are written with a backslash before them. A line of a lone `\` is empty; it is
needed only where the text begins or ends with empty lines.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from data.documents import AnnotationError, Document, Entity, Relation
from data.schema import PARTY_BUILDING, Schema

_HEADING = re.compile(r"# +(?P<id>\S+)(?: +\{(?P<meta>[^}]*)\})? *")
_OPEN = re.compile(r"\[(?:(\d+)\|)?")
_CLOSE = re.compile(r"\](\d*)\(([^()]*)\)")
_TAG = re.compile(r"(?P<type>\w+)(?: +(?P<id>[a-z][a-z0-9]*))?(?:: *(?P<relations>.+))?")
_RELATION = re.compile(r"(?P<type>[A-Z_]+)(?P<tails>(?: +[a-z][a-z0-9]*)+)")


_TaggedSpan = tuple[int, int, str, str | None, str]
"""Start, end, type, id, and the relations as written."""


class MarkupError(ValueError):
    """Markup that cannot be read; the message begins with `file:line:column`."""


@dataclass(frozen=True)
class _Line:
    """A parsed line: offsets are in the line's own plain text, relations between entity indices."""

    text: str
    entities: list[tuple[str, int, int]]
    relations: list[tuple[str, int, int]]


def parse_line(line: str, where: str = "line") -> _Line:
    """Read one line of marked-up text.

    Raises:
        MarkupError: brackets that do not match, a malformed tag, an id used twice or never defined.
    """
    plain: list[str] = []
    length = 0
    open_: list[tuple[str | None, int, int]] = []
    spans: list[_TaggedSpan] = []
    at = 0

    def fail(message: str, column: int) -> MarkupError:
        return MarkupError(f"{where}:{column + 1}: {message}")

    while at < len(line):
        char = line[at]
        if char == "\\":
            if at + 1 < len(line):
                plain.append(line[at + 1])
                length += 1
            elif at > 0:
                raise fail("a backslash at the end of a line escapes nothing", at)
            at += 2
        elif char == "[":
            match = _OPEN.match(line, at)
            assert match is not None
            open_.append((match[1], length, at))
            at = match.end()
        elif char == "]":
            match = _CLOSE.match(line, at)
            if match is None:
                raise fail("']' without a '(TYPE)' behind it; write '\\]' for a bracket of the text", at)
            label = match[1] or None
            for index in range(len(open_) - 1, -1, -1):
                if open_[index][0] == label:
                    _, start, _ = open_.pop(index)
                    break
            else:
                raise fail("']' closes nothing", at)
            tag = _TAG.fullmatch(match[2].strip())
            if tag is None:
                raise fail(f"malformed tag {match[2]!r}; write (TYPE), (TYPE id) or (TYPE id: RELATION id)", at)
            spans.append((start, length, tag["type"], tag["id"], tag["relations"] or ""))
            at = match.end()
        else:
            plain.append(char)
            length += 1
            at += 1
    if open_:
        raise fail("'[' is never closed", open_[-1][2])

    spans.sort(key=lambda span: (span[0], -span[1]))
    text = "".join(plain)
    relations = _line_relations(text, spans, where)
    return _Line(text, [(type_, start, end) for start, end, type_, _, _ in spans], relations)


def _line_relations(text: str, spans: list[_TaggedSpan], where: str) -> list[tuple[str, int, int]]:
    """Relations written in the tags of a line's spans, between indices of `spans`."""
    ids: dict[str, int] = {}
    for index, (_, _, _, name, _) in enumerate(spans):
        if name is not None:
            if name in ids:
                raise MarkupError(f"{where}:1: id {name!r} stands for two entities of this line")
            ids[name] = index
    relations = []
    for index, (start, end, _, _, written) in enumerate(spans):
        for part in filter(None, (part.strip() for part in written.split(","))):
            match = _RELATION.fullmatch(part)
            if match is None:
                raise MarkupError(f"{where}:1: malformed relation {part!r} of {text[start:end]!r}; write RELATION id")
            for tail in match["tails"].split():
                if tail not in ids:
                    raise MarkupError(
                        f"{where}:1: {match['type']} points at {tail!r}, which no entity of this line has as its id"
                    )
                relations.append((match["type"], index, ids[tail]))
    return relations


def parse_document(
    name: str, lines: Iterable[tuple[str, str]], meta: dict[str, str] | None = None, schema: Schema = PARTY_BUILDING
) -> Document:
    """Build a document from `(place, marked-up line)` pairs; `place` names the line in messages."""
    texts: list[str] = []
    entities: list[Entity] = []
    relations: list[Relation] = []
    offset = 0
    for where, line in lines:
        parsed = parse_line(line, where)
        first = len(entities)
        for type_, start, end in parsed.entities:
            entities.append(Entity(f"e{len(entities) + 1}", type_, offset + start, offset + end))
        for type_, head, tail in parsed.relations:
            relations.append(Relation(type_, f"e{first + head + 1}", f"e{first + tail + 1}"))
        texts.append(parsed.text)
        offset += len(parsed.text) + 1
    return Document(name, "\n".join(texts), tuple(entities), tuple(relations), meta=meta or {}, schema=schema)


def parse(source: str, file: str = "markup", schema: Schema = PARTY_BUILDING) -> Iterator[Document]:
    """Documents of a markup file, in order.

    Raises:
        MarkupError: the markup cannot be read.
        AnnotationError: it can, but an annotation breaks a rule.
    """
    heading: re.Match[str] | None = None
    heading_at = 0
    body: list[tuple[str, str]] = []

    def finished() -> Document:
        assert heading is not None
        while body and not body[0][1].strip():
            del body[0]
        while body and not body[-1][1].strip():
            del body[-1]
        try:
            meta = dict(pair.split("=", 1) for pair in shlex.split(heading["meta"] or "") if "=" in pair)
            return parse_document(heading["id"], body, meta, schema)
        except AnnotationError as error:
            raise AnnotationError(f"{file}: {error.document}", error.problems) from None
        except ValueError as error:
            if isinstance(error, MarkupError):
                raise
            raise MarkupError(f"{file}:{heading_at}:1: heading of {heading['id']}: {error}") from None

    for number, line in enumerate(source.split("\n"), start=1):
        if line.startswith("# "):
            if heading is not None:
                yield finished()
            heading, heading_at = _HEADING.fullmatch(line), number
            if heading is None:
                raise MarkupError(f"{file}:{number}:1: malformed heading; write '# id' or '# id {{key=value}}'")
            body = []
        elif heading is not None:
            body.append((f"{file}:{number}", line))
        elif line.strip():
            raise MarkupError(f"{file}:{number}:1: text before the first '# id' heading")
    if heading is not None:
        yield finished()


def read_markup(path: Path, schema: Schema = PARTY_BUILDING) -> list[Document]:
    """All documents of a markup file."""
    return list(parse(path.read_text(encoding="utf-8"), path.name, schema))


def escape(text: str) -> str:
    """Text as it is written in markup."""
    return re.sub(r"([\[\]\\|])", r"\\\1", text)


def _render_line(text: str, entities: list[Entity], heads: dict[str, list[Relation]], tails: set[str]) -> str:
    crossing = {
        e.id: str(number)
        for number, e in enumerate((e for e in entities if any(_cross(e, other) for other in entities)), start=1)
    }
    names = {e.id: f"e{number}" for number, e in enumerate((e for e in entities if e.id in tails), start=1)}

    def tag(entity: Entity) -> str:
        head = entity.type + (f" {names[entity.id]}" if entity.id in names else "")
        grouped: dict[str, list[str]] = {}
        for relation in heads.get(entity.id, ()):
            grouped.setdefault(relation.type, []).append(names[relation.tail])
        written = ", ".join(f"{type_} {' '.join(ids)}" for type_, ids in grouped.items())
        return f"]{crossing.get(entity.id, '')}({head}{': ' if written else ''}{written})"

    edges: list[tuple[int, int, int, int, str]] = []
    for order, e in enumerate(entities):
        label = crossing.get(e.id)
        edges.append((e.start, 1, -e.end, order, f"[{label}|" if label else "["))
        edges.append((e.end, 0, -e.start, -order, tag(e)))
    out, at = [], 0
    for place, _, _, _, mark in sorted(edges):
        out += [escape(text[at:place]), mark]
        at = place
    return "".join(out) + escape(text[at:])


def _cross(a: Entity, b: Entity) -> bool:
    first, second = (a, b) if a.start < b.start else (b, a)
    return first.start < second.start < first.end < second.end


def _check_renderable(document: Document) -> None:
    def line_of(entity: Entity) -> int:
        return document.text.count("\n", 0, entity.start)

    where = f"document {document.id!r} cannot be written as markup"
    if not document.id or any(character.isspace() for character in document.id):
        raise MarkupError(f"{where}: its id holds white space")
    if any(set("{}\n") & set(f"{key}{value}") for key, value in document.meta.items()):
        raise MarkupError(f"{where}: meta holds braces or line breaks")
    if any(not str(key) or re.search(r"[\s='\"\\]", str(key)) for key in document.meta):
        raise MarkupError(f"{where}: a key of meta is empty or holds white space, quotes, '=' or a backslash")
    for entity in document.entities:
        if "\n" in entity.text:
            raise MarkupError(f"{where}: entity {entity.id} goes over a line break")
    for relation in document.relations:
        head, tail = document.by_id[relation.head], document.by_id[relation.tail]
        if line_of(head) != line_of(tail):
            raise MarkupError(f"{where}: {relation.type}({relation.head}, {relation.tail}) goes over a line break")


def render(document: Document) -> str:
    """The document as markup; `parse` gives it back (entity ids are numbered anew).

    Raises:
        MarkupError: something markup cannot hold: an id with white space, braces in `meta`, an entity
            or a relation over a line break.
    """
    _check_renderable(document)
    meta = " ".join(f"{key}={shlex.quote(str(value))}" for key, value in document.meta.items())
    lines = [f"# {document.id}" + (f" {{{meta}}}" if meta else ""), ""]
    heads: dict[str, list[Relation]] = {}
    for relation in document.relations:
        heads.setdefault(relation.head, []).append(relation)
    tails = {relation.tail for relation in document.relations}
    written: list[str] = []
    offset = 0
    for line in document.text.split("\n"):
        inside = [
            Entity(e.id, e.type, e.start - offset, e.end - offset, e.text)
            for e in document.entities
            if offset <= e.start and e.end <= offset + len(line)
        ]
        marked = _render_line(line, inside, heads, tails)
        written.append("\\" + marked if marked.startswith("#") else marked)
        offset += len(line) + 1
    # The reader drops blank lines around an article, so those of the text itself are made visible.
    for order in (range(len(written)), reversed(range(len(written)))):
        for index in order:
            if written[index].strip():
                break
            if not written[index].startswith("\\"):
                written[index] = "\\" + written[index]
    return "\n".join([*lines, *written]) + "\n"
