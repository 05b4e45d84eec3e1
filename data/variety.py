"""How varied the authored corpus is, and how far it overlaps other text.

::

    python -m data.variety                          # sentences too like another, once names are masked
    python -m data.variety --corpora FOLDER         # also: runs of eight words shared with raw corpora

Two sentences are too like each other when they share more than 60 % of their tokens, of the longer one's: a short
sentence that a long one happens to contain is no repetition (how often that is so is printed beside it). Names are
masked: persons, places, dates, terms, counts and numbers count as their type. Sentences of fewer than eight tokens
(credits, bylines) are left out. Generated text is not looked at.
"""

from __future__ import annotations

import argparse
import lzma
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from data.articles import read_articles
from data.build import read_authored
from data.copies import words_of
from data.documents import Document
from data.progress import progress

MASKED = {"PERSON", "LOCATION", "DATE", "TERM", "QUANTITY"}
SHORTEST = 8
SHARE = 0.6
RUN = 8


@dataclass(frozen=True)
class Twin:
    """A sentence, another that it is like, and the share of its tokens that stand there."""

    place: str
    text: str
    other: str
    share: float


def masked_tokens(document: Document, start: int, end: int) -> list[str]:
    """Tokens of a sentence in lower case, names and numbers replaced by what they are."""
    parts, at = [], start
    for entity in document.entities:
        if entity.type in MASKED and at <= entity.start and entity.end <= end:
            parts += [document.text[at : entity.start], f" {entity.type}xx "]
            at = entity.end
    parts.append(document.text[at:end])
    return ["number" if word.isdigit() else word for word in words_of(" ".join(parts))]


def twins(documents: Sequence[Document], share: float = SHARE) -> tuple[list[Twin], int, int]:
    """Sentences too like another one, the number of those that another one of up to twice their length contains to
    that share, and the number of sentences compared.
    """
    places, bags, texts = [], [], []
    for document in documents:
        for number, (start, end) in enumerate(document.sentences or ()):
            tokens = masked_tokens(document, start, end)
            if len(tokens) >= SHORTEST:
                places.append(f"{document.id}:{number}")
                bags.append(Counter(tokens))
                texts.append(document.text[start:end])
    sizes = [bag.total() for bag in bags]
    holders: dict[str, list[tuple[int, int]]] = {}
    for index, bag in enumerate(bags):
        for token, count in bag.items():
            holders.setdefault(token, []).append((index, count))
    found = []
    contained = 0
    for index, bag in enumerate(progress(bags, "comparing", "sentences")):
        common: Counter[int] = Counter()
        for token, count in bag.items():
            for other, theirs in holders[token]:
                common[other] += min(count, theirs)
        del common[index]
        best, other = max(((n / max(sizes[index], sizes[o]), o) for o, n in common.items()), default=(0.0, 0))
        if best > share:
            found.append(Twin(places[index], texts[index], places[other], best))
        size = sizes[index]
        contained += any(n > share * size and sizes[o] <= 2 * size for o, n in common.items())
    return found, contained, len(bags)


def runs(words: Sequence[str], size: int = RUN) -> Iterator[str]:
    """All runs of `size` words."""
    return (" ".join(words[i : i + size]) for i in range(len(words) - size + 1))


def shared_runs(documents: Sequence[Document], texts: Iterable[str], size: int = RUN) -> dict[str, set[str]]:
    """For each run of words of the documents that also stands in one of `texts`: the documents it is from."""
    own: dict[str, set[str]] = {}
    for document in documents:
        for run in runs(words_of(document.text), size):
            own.setdefault(run, set()).add(document.id)
    found: dict[str, set[str]] = {}
    for text in texts:
        for run in runs(words_of(text), size):
            if run in own:
                found[run] = own[run]
    return found


def corpus_texts(folder: Path) -> Iterator[str]:
    """Texts of all corpora of a folder: lines of `*.txt.xz`, articles of `*.jsonl`."""
    for path in sorted(folder.glob("*.txt.xz")):
        with lzma.open(path, "rt", encoding="utf-8") as lines:
            yield from progress(lines, path.name, "paragraphs")
    for path in sorted(folder.glob("*.jsonl")):
        for article in read_articles(path):
            yield article.text


def report(documents: Sequence[Document], corpora: Path | None = None) -> tuple[str, float]:
    """What was found, as text, and the share of sentences too like another."""
    found, contained, compared = twins(documents)
    sentences = sum(len(d.sentences or ()) for d in documents)
    syllables = sum(len(d.text.split()) for d in documents)
    part = len(found) / max(compared, 1)
    lines = [f"{len(documents)} articles, {sentences} sentences, {syllables} syllables"]
    lines += [f"{t.place} is like {t.other} ({100 * t.share:.0f} %): {t.text}" for t in found]
    told = f"of {compared} sentences"
    lines += [
        f"{contained} {told} stand to more than {100 * SHARE:.0f} % in another of up to twice their length",
        f"{len(found)} {told} ({100 * part:.1f} %) share more than {100 * SHARE:.0f} % of their tokens with another",
    ]
    if corpora is not None:
        shared = shared_runs(documents, corpus_texts(corpora))
        total = sum(max(len(words_of(d.text)) - RUN + 1, 0) for d in documents)
        lines += [f"also in the corpora: {run} ({', '.join(sorted(ids))})" for run, ids in sorted(shared.items())]
        lines.append(f"{len(shared)} of {total} runs of {RUN} words also stand in the corpora of {corpora.name}")
    return "\n".join(lines), part


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line. Returns the exit code: 1 when more than 5 % of the sentences are too like another."""
    parser = argparse.ArgumentParser(prog="python -m data.variety", description=__doc__.split("\n")[0])
    parser.add_argument("--corpora", type=Path, help="folder with raw corpora (*.txt.xz, *.jsonl)")
    options = parser.parse_args(arguments)
    text, part = report(read_authored(), options.corpora)
    print(text)
    return 1 if part > 0.05 else 0


if __name__ == "__main__":
    sys.exit(main())
