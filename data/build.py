"""Build the data set: authored text, and gold joined with the articles you have.

::

    python -m data.build                                   # authored text alone
    python -m data.build --articles DIR --news FILE.jsonl  # with the five articles and the news
    python -m data.build --parts authored news generated --generated 600 --articles DIR --news FILE.jsonl
    python -m data.build --check                           # print problems, write nothing
    python -m data.build --from conll --train train.conll --validation dev.conll --test test.conll

Splits: `train` is the authored text (`--parts` adds the annotated news and generated sentences, `--train` your
own). `validation` is the development gold
where the news is at hand, else every tenth authored document. `test` is the five articles, where they
are at hand. Folders may also be named by PHODANG_ARTICLES and PHODANG_NEWS. With `--from` the splits are
your files alone, with the labels found in them.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from data.annotations import GoldError, join_all, read_standoff
from data.articles import ArticleError, clean, read_articles
from data.audit import audit
from data.card import counts_by_document, data_card
from data.dataset import DataError, read_jsonl, write_dataset
from data.documents import AnnotationError, Document
from data.generator import generate
from data.markup import MarkupError, read_markup
from data.schema import PARTY_BUILDING, Schema
from data.segmentation import segmenter

PARTS = ("authored", "news", "generated")
HERE = Path(__file__).parent
AUTHORED = HERE / "authored"
GOLD = HERE / "gold"
HELD_OUT = 10
"""Without the development gold, one authored document in so many validates."""


@dataclass
class Build:
    """Splits, where they came from, and what was left out and why."""

    splits: dict[str, list[Document]]
    schema: Schema = PARTY_BUILDING
    sources: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    @property
    def fingerprint(self) -> str:
        """SHA-256 over all documents of all splits: equal for equal data."""
        digest = hashlib.sha256()
        for name, documents in sorted(self.splits.items()):
            for document in documents:
                digest.update(f"{name}\n{document.to_dict()}\n".encode("utf-8", "surrogatepass"))
        return digest.hexdigest()


def read_authored(folder: Path = AUTHORED) -> list[Document]:
    """All authored documents, file by file.

    Raises:
        MarkupError, AnnotationError: a file cannot be read; the message names file and line.
    """
    return [document for path in sorted(folder.glob("*.md")) for document in read_markup(path)]


def _gold(name: str, source: Path | None, option: str, result: Build) -> list[Document]:
    annotations = read_standoff(GOLD / name)
    if source is None:
        result.left_out.append(f"{name} gold, {len(annotations)} documents: no text at hand (give {option})")
        return []
    documents, missing = join_all(annotations, read_articles(source))
    result.left_out += [f"{name} gold of {each}: no article of that id in {source.name}" for each in missing]
    for document in documents:
        unkept = sum(not document.is_kept(start, end) for start, end in document.sentences or ())
        if unkept:
            reasons = sorted({removal.reason for removal in clean(document.text).removed}) or ["not annotated"]
            result.left_out.append(
                f"{name}/{document.id}: {unkept} sentences outside the kept ranges ({', '.join(reasons)})"
            )
    result.sources.append(f"{name}: {len(documents)} real articles, stand-off gold joined with {source.name}")
    return documents


def build(
    articles: Path | None = None,
    news: Path | None = None,
    train: Sequence[Path] = (),
    authored: Path | None = AUTHORED,
    *,
    parts: Sequence[str] = ("authored",),
    authored_share: float = 1.0,
    generated: int = 0,
    seed: int = 13,
) -> Build:
    """Collect all splits.

    Args:
        articles: folder of the five articles; default `$PHODANG_ARTICLES`.
        news: JSONL of the news articles; default `$PHODANG_NEWS`.
        train: more training documents, JSONL files in the exchange format.
        authored: folder of marked-up text; `None` for none.
        parts: of `PARTS`, what the training split is made of.
        authored_share: share of the authored documents that train, drawn with `seed`.
        generated: sentences from the generator, drawn with `seed`, where `parts` has it.

    Raises:
        GoldError: an article was changed since it was annotated.
        ArticleError, DataError, MarkupError, AnnotationError: an input cannot be read.
    """
    unknown = sorted(set(parts) - set(PARTS))
    if unknown:
        raise DataError(f"no such part of the training text: {', '.join(unknown)}; known: {', '.join(PARTS)}")
    articles = articles or _from_environment("PHODANG_ARTICLES")
    news = news or _from_environment("PHODANG_NEWS")
    result = Build({})
    own = read_authored(authored) if authored is not None else []
    validation = _gold("dev", news, "--news FILE.jsonl or PHODANG_NEWS", result)
    if not validation:
        validation = own[HELD_OUT - 1 :: HELD_OUT]
        own = [document for index, document in enumerate(own) if index % HELD_OUT != HELD_OUT - 1]
        result.sources.append(f"validation: {len(validation)} authored documents held out of training")
    if authored_share < 1:
        chosen = random.Random(seed).sample(range(len(own)), round(authored_share * len(own)))
        own = [own[index] for index in sorted(chosen)]
    own = own if "authored" in parts else []
    told = f"train: {len(own)} authored documents, original prose with invented people (Apache-2.0)"
    result.sources.insert(0, told)
    if "news" in parts:
        own += _gold("train", news, "--news FILE.jsonl or PHODANG_NEWS", result)
    if "generated" in parts and generated:
        made = generate(generated, seed)
        own += made
        result.sources.append(f"train: {generated} sentences in {len(made)} documents, generated (Apache-2.0)")
    for path in train:
        added = list(read_jsonl(path))
        own += added
        result.sources.append(f"train: {len(added)} documents of {path.name}")
    test = _gold("seeds", articles, "--articles DIR or PHODANG_ARTICLES", result)
    result.splits = {"train": own, "validation": validation, **({"test": test} if test else {})}
    return result


def _from_environment(name: str) -> Path | None:
    value = os.environ.get(name)
    return Path(value) if value else None


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line. Returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m data.build", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--articles", type=Path, help="folder with the five articles (*.txt)")
    parser.add_argument("--news", type=Path, help="JSONL with the news articles the development gold refers to")
    parser.add_argument("--train", type=Path, nargs="+", default=[], help="your own documents, JSONL exchange format")
    parser.add_argument(
        "--from", dest="format", choices=["conll"], help="build from --train, --validation, --test in this format alone"
    )
    parser.add_argument("--validation", type=Path, nargs="+", default=[], help="with --from: files to validate with")
    parser.add_argument("--test", type=Path, nargs="+", default=[], help="with --from: files to test with")
    parser.add_argument(
        "--tag-column",
        type=int,
        default=-1,
        metavar="N",
        help="with --from conll: column of the tags, from 0 (default: last)",
    )
    parser.add_argument(
        "--out", type=Path, default=Path("build") / "data", help="folder to write (default: %(default)s)"
    )
    parser.add_argument(
        "--parts",
        nargs="+",
        choices=PARTS,
        default=["authored"],
        help="what trains (default: authored)",
    )
    parser.add_argument("--authored-share", type=float, default=1.0, metavar="S", help="share of authored documents")
    parser.add_argument("--generated", type=int, default=0, metavar="N", help="sentences to generate")
    parser.add_argument("--seed", type=int, default=13, help="of what is drawn (default: %(default)s)")
    parser.add_argument("--check", action="store_true", help="print problems and write nothing; exit 1 on errors")
    parser.add_argument(
        "--token-column",
        type=int,
        default=0,
        metavar="N",
        help="with --from conll: that of the tokens (default: first)",
    )
    options = parser.parse_args(arguments)
    if not options.format and (options.validation or options.test):
        parser.error("--validation and --test go with --from")
    try:
        if options.format:
            from data.imports import import_conll

            files = {"train": options.train, "validation": options.validation, "test": options.test}
            result = import_conll(files, options.tag_column, options.token_column)
        else:
            result = build(
                options.articles,
                options.news,
                options.train,
                parts=options.parts,
                authored_share=options.authored_share,
                generated=options.generated,
                seed=options.seed,
            )
    except (GoldError, ArticleError, DataError, MarkupError, AnnotationError) as error:
        print(f"data.build: {error}", file=sys.stderr)
        return 1
    if options.check:
        findings = audit(result.splits, segmenter("underthesea"))
        for finding in findings:
            print(finding)
        errors = sum(finding.level == "error" for finding in findings)
        print(f"{errors} errors, {len(findings) - errors} warnings")
        return 1 if errors else 0
    card = data_card(result.splits, result.schema, result.sources, result.left_out)
    write_dataset(options.out, result.splits, result.schema)
    (options.out / "README.md").write_text(card, encoding="utf-8")
    for name in ("test", "validation"):
        if result.splits.get(name) and not options.format:
            print(f"{name}:\n{counts_by_document(result.splits[name], result.schema)}\n")
    print(card)
    print(f"written: {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
