"""CoNLL columns: a token a line, its tag in one of the columns, a blank line behind each sentence.

Reads any flat label set in IOB1, IOB2 (BIO), IOBES or BILOU, with tabs or spaces between two or more
columns, syllables or words (`Hà_Nội`) as tokens. A sentence's text is its tokens with a space between;
a `_` inside a token is read as the space it stands for in segmented text. Offsets are of that text.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from data.dataset import DataError
from data.documents import Document, Entity
from data.schema import Schema
from data.sentences import Range

DOCUMENT_START = "-DOCSTART-"
_TAG = re.compile(r"([BIESLU])-(\S+)")
_JOIN = re.compile(r"(?<=[^\s_])_(?=[^\s_])")
_BLANK = re.compile(r"[ \t]+")
Span = tuple[str, int, int]


@dataclass
class _Text:
    """Sentences of one document on their way to a text."""

    sentences: list[tuple[list[str], list[Span]]] = field(default_factory=list)

    def document(self, name: str, schema: Schema) -> Document:
        text = ""
        entities: list[Entity] = []
        ranges: list[Range] = []
        for tokens, spans in self.sentences:
            if text:
                text += "\n"
            begin = len(text)
            places: list[Range] = []
            for token in tokens:
                if len(text) > begin:
                    text += " "
                places.append((len(text), len(text) + len(token)))
                text += token
            ranges.append((begin, len(text)))
            for type_, first, last in spans:
                entities.append(Entity(f"e{len(entities)}", type_, places[first][0], places[last][1]))
        return Document(name, text, tuple(entities), sentences=tuple(ranges), schema=schema)


@dataclass
class Conll:
    """What a file holds. `types` counts entities by type; `notes` says what was read in a way one should know."""

    path: Path
    types: Counter[str] = field(default_factory=Counter)
    tokens: int = 0
    sentences: int = 0
    notes: list[str] = field(default_factory=list)
    _texts: list[_Text] = field(default_factory=list)

    def documents(self, schema: Schema, name: str = "") -> list[Document]:
        """A document for each `-DOCSTART-`, or for each sentence where the file has none, numbered behind `name`."""
        width = len(str(len(self._texts)))
        return [
            text.document(f"{name or self.path.stem}-{number:0{width}}", schema)
            for number, text in enumerate(self._texts, start=1)
        ]


def read_conll(path: Path, tag_column: int = -1, token_column: int = 0) -> Conll:
    """Read a file, its tokens and tags in these columns (from 0; -1: the last).

    Raises:
        DataError: no such file, not UTF-8, or a line that cannot be read; file and line are named.
    """
    result = Conll(path)
    opened = 0
    comments = 0
    marked = False
    rows: list[tuple[int, str, str]] = []

    def close() -> None:
        nonlocal opened
        if not rows:
            return
        spans, loose = _spans(rows)
        opened += loose
        result.types.update(type_ for type_, _, _ in spans)
        result.tokens += len(rows)
        result.sentences += 1
        if not marked or not result._texts:
            result._texts.append(_Text())
        result._texts[-1].sentences.append(([token for _, token, _ in rows], spans))
        rows.clear()

    for number, cells in _lines(path, tag_column, token_column):
        if cells is None:
            close()
        elif cells[0] == DOCUMENT_START:
            close()
            marked = True
            result._texts.append(_Text())
        elif len(cells) == 1:
            comments += 1
        else:
            rows.append((number, cells[0], cells[1]))
    close()
    result._texts = [text for text in result._texts if text.sentences]
    if any(_numbered(tokens) for text in result._texts for tokens, _ in text.sentences):
        raise DataError(f"{path}: column {token_column} only numbers the tokens; name theirs with --token-column N")
    if not result.sentences:
        raise DataError(f"{path}: no sentences; expected a token and its tag a line, blank lines between sentences")
    if opened:
        result.notes.append(f"{opened} entities begin with I- (or E-, L-) and were read as beginnings")
    if comments:
        result.notes.append(f"{comments} comment lines were passed over")
    return result


def _decoded(path: Path) -> Iterator[tuple[int, str]]:
    """Lines with their numbers."""
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    with path.open("rb") as lines:
        for number, raw in enumerate(lines, start=1):
            try:
                yield number, raw.decode("utf-8-sig" if number == 1 else "utf-8").strip("\r\n")
            except UnicodeDecodeError as error:
                raise DataError(f"{path}:{number}: not UTF-8 (byte {error.start}); save the file as UTF-8") from None


def _cells(line: str) -> list[str]:
    return [" ".join(cell.split()) for cell in (line.split("\t") if "\t" in line else _BLANK.split(line.strip()))]


def _columns(path: Path) -> tuple[int, int]:
    """Number of the first line that can only be a token, and its columns; (0, 2) where there is none."""
    for number, line in _decoded(path):
        cells = _cells(line)
        if line.strip() and not line.startswith("#") and cells[0] != DOCUMENT_START:
            return number, len(cells)
    return 0, 2


def _lines(path: Path, tag_column: int, token_column: int) -> Iterator[tuple[int, tuple[str, ...] | None]]:
    """Line number, and: `None` for a blank line, `(-DOCSTART-,)`, `(comment,)`, or `(token, tag)`."""
    first, width = _columns(path)
    for column in (tag_column, token_column):
        if width < 2 or not -width <= column < width:
            raise DataError(
                f"{path}:{first}: {width} columns; expected a token and a tag, in columns {token_column} "
                f"and {tag_column} (from 0; -1: the last)"
            )
    for number, line in _decoded(path):
        cells = _cells(line)
        if not line.strip():
            yield number, None
        elif cells[0] == DOCUMENT_START:
            yield number, (DOCUMENT_START,)
        elif line.startswith("#") and (len(cells) != width or not _is_tag(cells[tag_column])):
            yield number, (line,)
        elif len(cells) != width:
            raise DataError(f"{path}:{number}: {len(cells)} columns, but line {first} has {width}: {line!r}")
        elif not _is_tag(cells[tag_column]):
            raise DataError(
                f"{path}:{number}: {cells[tag_column]!r} is no tag (O, B-TYPE, I-TYPE, …); is it in another column? "
                "Name it with --tag-column N (from 0)"
            )
        else:
            token = _JOIN.sub(" ", unicodedata.normalize("NFC", cells[token_column]))
            if not token:
                raise DataError(f"{path}:{number}: an empty token")
            yield number, (token, cells[tag_column])


def _numbered(tokens: list[str]) -> bool:
    return len(tokens) > 3 and tokens == [str(number) for number in range(1, len(tokens) + 1)]


def _is_tag(cell: str) -> bool:
    return cell == "O" or _TAG.fullmatch(cell) is not None


def _spans(rows: list[tuple[int, str, str]]) -> tuple[list[Span], int]:
    """Entities `(type, first token, last token)` of a sentence, and how many lacked a beginning."""
    spans: list[Span] = []
    loose = 0
    going: str | None = None
    for at, (_, _, tag) in enumerate(rows):
        match = _TAG.fullmatch(tag)
        if match is None:
            going = None
            continue
        part, type_ = match.groups()
        if part in "BSU" or going != type_:
            loose += part in "IEL"
            spans.append((type_, at, at))
        else:
            spans[-1] = (type_, spans[-1][1], at)
        going = type_ if part in "BI" else None
    return spans, loose
