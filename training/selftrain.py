"""Self-training: a model labels raw articles, and what it is sure of becomes training text.

::

    python -m training.selftrain --model runs/release/model --news FILE.jsonl --out build/selftrained.jsonl
    python -m training.train --config release.yaml --set 'train_files=[build/selftrained.jsonl]'

A sentence is kept when something was found in it and everything found scores at least `--sure`. Left out: annotated
articles, near copies of the development set and of the five, and, so that later gold stays unseen, the articles
reserved for it (see `training.preparation`).
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from data.annotations import read_standoff
from data.articles import Article, ArticleError, clean, read_articles
from data.build import GOLD
from data.dataset import write_jsonl
from data.documents import Document, Entity, Relation
from data.progress import progress
from models.configuration import ModelError
from models.prediction import Predictor
from models.results import Prediction
from training.preparation import evaluation_text
from training.train import quiet_libraries

log = logging.getLogger("training")


@dataclass
class Counts:
    """Articles read and left out, sentences read and kept."""

    articles: int = 0
    left_out: int = 0
    sentences: int = 0
    kept: int = 0


def sure_sentences(document_id: str, found: Prediction, sure: float) -> tuple[Document | None, int]:
    """The document cut to the sentences whose every entity and relation scores at least `sure`.

    Returns:
        The document, or nothing where no sentence is left, and the number of sentences looked at.
    """
    text = found.text
    whole = Document(document_id, text, kept=clean(text).kept)
    sentences = [(whole.sentences or ())[index] for index in whole.kept_sentences]
    kept, entities = [], []
    for start, end in sentences:
        own = [e for e in found.entities if start <= e.start and e.end <= end]
        ids = {e.id for e in own}
        related = [r for r in found.relations if r.head in ids]
        scores = [e.score or 0.0 for e in own] + [r.score or 0.0 for r in related]
        if own and min(scores) >= sure:
            kept.append((start, end))
            entities += own
    if not kept:
        return None, len(sentences)
    ids = {e.id for e in entities}
    relations = [Relation(r.type, r.head, r.tail) for r in found.relations if r.head in ids and r.tail in ids]
    plain = tuple(Entity(e.id, e.type, e.start, e.end, e.text) for e in entities)
    document = Document(
        f"selftrained-{document_id}", text, plain, tuple(relations), kept=tuple(kept), meta={"source": "selftrained"}
    )
    return document, len(sentences)


def label(predictor: Predictor, articles: Iterable[Article], sure: float, counts: Counts) -> Iterator[Document]:
    """Documents of what the model is sure of."""
    for article in articles:
        counts.articles += 1
        document, sentences = sure_sentences(article.id, predictor(article.text), sure)
        counts.sentences += sentences
        if document is not None:
            counts.kept += len(document.kept_sentences)
            yield document


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line. Returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m training.selftrain", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, required=True, help="folder of the model that labels")
    parser.add_argument("--news", type=Path, required=True, help="JSONL of raw articles")
    parser.add_argument("--articles", type=Path, help="folder of the five articles, to keep their near copies out")
    parser.add_argument("--out", type=Path, required=True, help="JSONL to write")
    parser.add_argument("--sure", type=float, default=0.9, help="smallest score of all in a sentence (default: 0.9)")
    options = parser.parse_args(arguments)
    quiet_libraries()
    try:
        kept_out = evaluation_text([options.news], options.articles).ids | {s.id for s in read_standoff(GOLD / "train")}
        pool = [article for article in read_articles(options.news) if article.id not in kept_out]
        counts = Counts(left_out=len(kept_out))
        found = list(label(Predictor(options.model), progress(pool, "labelling", "articles"), options.sure, counts))
    except (ArticleError, ModelError, OSError) as error:
        print(f"training.selftrain: {error}", file=sys.stderr)
        return 1
    options.out.parent.mkdir(parents=True, exist_ok=True)
    write_jsonl(options.out, found)
    print(
        f"{counts.articles} articles read, {counts.left_out} left out; {counts.kept} of {counts.sentences} sentences "
        f"kept in {len(found)} documents: {options.out}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
