"""Worksheets: how a person annotates a real article, and how the result becomes stand-off gold.

A worksheet holds the sentences of an article's kept ranges, one a line, in inline markup
(`data.markup`). Annotators add brackets; the words must stay exactly as they are::

    python -m data.worksheets new   --articles DIR --ids ID [ID ...] --out SHEETS
    python -m data.worksheets check --articles DIR SHEETS/ID.md
    python -m data.worksheets save  --articles DIR --out GOLD SHEETS/ID.md [...]

Worksheets hold article text: keep them outside the repository.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from data.annotations import Standoff, write_standoff
from data.articles import Article, ArticleError, clean, read_articles
from data.documents import AnnotationError, Document, Entity, Relation
from data.markup import MarkupError, escape, parse_line
from data.sentences import Range, split_sentences

_KEPT = "kept="
_KEPT_RANGES = re.compile(r"\{kept=(?:\d+-\d+(?:,\d+-\d+)*)?\}")


def new_sheet(article: Article, kept: Sequence[Range] | None = None) -> str:
    """A worksheet without any annotation; `kept` defaults to what the cleaner keeps."""
    ranges = clean(article.text).kept if kept is None else tuple(kept)
    lines = [f"# {article.id} {{{_KEPT}{','.join(f'{s}-{e}' for s, e in ranges)}}}", ""]
    for start, end in split_sentences(article.text):
        if any(s <= start and end <= e for s, e in ranges):
            sentence = escape(article.text[start:end])
            lines.append("\\" + sentence if sentence.startswith("#") else sentence)
    return "\n".join(lines) + "\n"


def read_sheet(source: str, articles: dict[str, Article], file: str = "sheet") -> Document:
    """The annotated document of a worksheet.

    Raises:
        MarkupError: the markup cannot be read, or a line's words differ from the article's.
        AnnotationError: an annotation breaks a rule.
    """
    lines = source.split("\n")
    heading = lines[0].split()
    if len(heading) != 3 or heading[0] != "#" or not _KEPT_RANGES.fullmatch(heading[2]):
        raise MarkupError(f"{file}:1:1: the first line of a worksheet is '# id {{{_KEPT}start-end,...}}'")
    if heading[1] not in articles:
        raise MarkupError(f"{file}:1:1: no article {heading[1]!r} at hand")
    article = articles[heading[1]]
    pairs = (pair.split("-") for pair in heading[2][1 + len(_KEPT) : -1].split(",") if pair)
    kept = tuple((int(start), int(end)) for start, end in pairs)
    sentences = [(s, e) for s, e in split_sentences(article.text) if any(a <= s and e <= b for a, b in kept)]
    written = [(number, line) for number, line in enumerate(lines[1:], start=2) if line.strip()]
    entities: list[Entity] = []
    relations: list[Relation] = []
    for index, (start, end) in enumerate(sentences):
        if index == len(written):
            raise MarkupError(
                f"{file}: sentence {index + 1} of {len(sentences)} is missing: {article.text[start:end]!r}"
            )
        number, line = written[index]
        parsed = parse_line(line.strip(), f"{file}:{number}")
        _compare(parsed.text, article.text[start:end], f"{file}:{number}")
        first = len(entities) + 1
        entities += [
            Entity(f"e{first + i}", type_, start + s, start + e) for i, (type_, s, e) in enumerate(parsed.entities)
        ]
        relations += [Relation(type_, f"e{first + h}", f"e{first + t}") for type_, h, t in parsed.relations]
    if len(written) > len(sentences):
        number, line = written[len(sentences)]
        raise MarkupError(f"{file}:{number}:1: more lines than the article has kept sentences: {line[:60]!r}")
    return Document(
        article.id,
        article.text,
        tuple(entities),
        tuple(relations),
        kept=kept,
        meta={"source": article.source} if article.source else {},
    )


def _compare(written: str, original: str, where: str) -> None:
    if written == original:
        return
    at = next(
        (i for i, (a, b) in enumerate(zip(written, original, strict=False)) if a != b), min(len(written), len(original))
    )
    raise MarkupError(
        f"{where}: the words were changed at character {at}: article has {original[at : at + 40]!r}, "
        f"worksheet has {written[at : at + 40]!r}"
    )


def describe(document: Document) -> str:
    """The annotations of a document as a table, sentence by sentence, to read over."""
    out = []
    for index in document.kept_sentences:
        start, end = (document.sentences or ())[index]
        inside = [e for e in document.entities if start <= e.start and e.end <= end]
        out.append(f"[{index}] {document.text[start:end]}")
        out += [f"      {e.type:10} {e.text}" for e in inside]
        out += [
            f"      -> {r.type}({document.by_id[r.head].text} | {document.by_id[r.tail].text})"
            for r in document.relations
            if document.by_id[r.head] in inside
        ]
    return "\n".join(out)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m data.worksheets", description=__doc__.split("\n")[0])
    parser.add_argument("command", choices=("new", "check", "save"))
    parser.add_argument("sheets", nargs="*", type=Path, help="worksheets to check or save")
    parser.add_argument("--articles", type=Path, required=True, help="folder of *.txt, or JSONL with id and text")
    parser.add_argument("--ids", nargs="+", default=[], help="new: articles to make worksheets for (default: all)")
    parser.add_argument("--out", type=Path, help="folder to write to")
    parser.add_argument("--show", action="store_true", help="check: print what was read, sentence by sentence")
    options = parser.parse_intermixed_args(arguments)
    try:
        articles = {article.id: article for article in read_articles(options.articles)}
    except ArticleError as error:
        print(f"data.worksheets: {error}", file=sys.stderr)
        return 1
    if options.command in ("new", "save") and options.out is None:
        parser.error(f"{options.command} needs --out")
    unknown = [name for name in options.ids if name not in articles]
    if unknown:
        parser.error(f"no article {', '.join(unknown)} in {options.articles}")
    if options.command == "new":
        options.out.mkdir(parents=True, exist_ok=True)
        for name in options.ids or articles:
            (options.out / f"{name}.md").write_text(new_sheet(articles[name]), encoding="utf-8")
        return 0
    failed = False
    for sheet in options.sheets:
        try:
            document = read_sheet(sheet.read_text(encoding="utf-8"), articles, str(sheet))
        except (MarkupError, AnnotationError) as error:
            print(error, file=sys.stderr)
            failed = True
            continue
        if options.show:
            print(describe(document))
        print(f"{sheet.name}: {len(document.entities)} entities, {len(document.relations)} relations")
        if options.command == "save":
            write_standoff(options.out, [Standoff.of(document, articles[document.id])])
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
