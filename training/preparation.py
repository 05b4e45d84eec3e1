"""What a pretraining reads: corpora cleared of evaluation text, a vocabulary, and token files.

Each file appears whole or not at all, and is not made again when it is there, so a run that was
killed goes on with the next one.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from data.annotations import read_standoff
from data.articles import read_articles
from data.build import GOLD
from data.copies import near_copies
from models.tokenization import PhobertTokenization
from training.corpus import Filter, segmented, write_tokens
from training.run import write_whole
from training.vocabulary import learn, write_vocabulary

log = logging.getLogger("training")
RESERVED = 0.4
"""Share of near-copy groups of the annotation pool kept out of pretraining, so that gold can grow."""


@dataclass(frozen=True)
class CorpusText:
    """One corpus as a run reads it: file, words to read for the tokens and for the vocabulary."""

    path: Path
    words: int
    vocabulary_words: int


@dataclass(frozen=True)
class CorpusCount:
    """What came of a corpus; `dropped_for_overlap` counts its paragraphs that overlap evaluation text."""

    corpus: str
    paragraphs_read: int
    dropped_for_overlap: int
    tokens: int
    unknown: int


def evaluation_text(pools: list[Path], articles: Path | None) -> tuple[frozenset[str], list[str]]:
    """Ids of pool articles to leave out, and texts no paragraph may overlap.

    They are the five articles, the development articles, and a reserve of each pool (JSONL) for gold
    still to come, all with their near copies.
    """
    texts = [a.text for a in read_articles(articles)] if articles else []
    gold = {standoff.id for standoff in read_standoff(GOLD / "dev")}
    left_out: set[str] = set()
    for path in pools:
        pool = list(read_articles(path))
        groups = near_copies([article.text for article in pool])
        # A group is named by its smallest id, so that the choice does not move when the pool is reordered.
        names: dict[int, str] = {}
        for article, group in zip(pool, groups, strict=True):
            names[group] = min(names.get(group, article.id), article.id)
        golden = {group for article, group in zip(pool, groups, strict=True) if article.id in gold}
        for article, group in zip(pool, groups, strict=True):
            drawn = int(hashlib.sha256(names[group].encode()).hexdigest(), 16) % 1000 < 1000 * RESERVED
            if group in golden or drawn:
                left_out.add(article.id)
                texts.append(article.text)
    return frozenset(left_out), texts


class Preparation:
    """The text stages of a run in `folder`.

    Args:
        corpora: what to read.
        articles: folder of the five articles, kept out of the text.
        vocabulary: symbols of the BPE.
        vocabulary_from: folder whose `vocab.txt` and `bpe.codes` are taken instead of learning new ones.
        segmenter, processes: of the words, and how many run it.
    """

    def __init__(
        self,
        folder: Path,
        corpora: list[CorpusText],
        *,
        articles: Path | None = None,
        vocabulary: int = 20_000,
        vocabulary_from: Path | None = None,
        segmenter: str = "underthesea",
        processes: int = 2,
    ) -> None:
        self.folder, self.corpora, self.articles = folder, corpora, articles
        self.vocabulary, self.vocabulary_from = vocabulary, vocabulary_from
        self.segmenter, self.processes = segmenter, processes
        self._kept_out: tuple[frozenset[str], Filter, int] | None = None

    @property
    def encoder(self) -> Path:
        """Folder of the vocabulary, and in the end of the encoder."""
        return self.folder / "encoder"

    @property
    def token_files(self) -> list[Path]:
        """A token file for each corpus."""
        return [self.folder / "tokens" / f"{n}-{corpus.path.name}.bin" for n, corpus in enumerate(self.corpora)]

    def kept_out(self) -> tuple[frozenset[str], Filter, int]:
        """Ids to leave out, the paragraph filter, and how many texts it guards; made once."""
        if self._kept_out is None:
            pools = [corpus.path for corpus in self.corpora if corpus.path.suffix == ".jsonl"]
            ids, texts = evaluation_text(pools, self.articles)
            log.info("%d articles of the pool and %d texts in all are kept out", len(ids), len(texts))
            self._kept_out = ids, Filter.of(texts), len(texts)
        return self._kept_out

    def words(self, corpus: CorpusText, limit: int, guard: Filter) -> Iterator[list[str]]:
        """Segmented paragraphs of a corpus."""
        ids, _, _ = self.kept_out()
        return segmented(corpus.path, limit, guard, self.segmenter, processes=self.processes, leave_out=ids)

    def tokenization(self) -> PhobertTokenization:
        """The run's vocabulary, learned or copied first where there is none yet."""
        if not (self.encoder / "bpe.codes").is_file():
            if self.vocabulary_from is not None:
                self.encoder.mkdir(parents=True, exist_ok=True)
                PhobertTokenization(self.vocabulary_from).save(self.encoder)
            else:
                counts: Counter[str] = Counter()
                for corpus in self.corpora:
                    for paragraph in self.words(corpus, corpus.vocabulary_words, Filter(self.kept_out()[1].forbidden)):
                        counts.update(paragraph)
                write_vocabulary(self.encoder, *learn(counts, self.vocabulary))
        return PhobertTokenization(self.encoder)

    def run(self) -> PhobertTokenization:
        """Make what is missing; the counts are in `corpus.json`."""
        tokenization = self.tokenization()
        counts = []
        for corpus, file in zip(self.corpora, self.token_files, strict=True):
            told = file.with_suffix(".json")
            if not told.is_file():
                file.parent.mkdir(parents=True, exist_ok=True)
                guard = Filter(self.kept_out()[1].forbidden)
                tokens, unknown = write_tokens(file, self.words(corpus, corpus.words, guard), tokenization)
                count = CorpusCount(corpus.path.name, guard.seen, guard.dropped, tokens, unknown)
                write_whole(told, json.dumps(asdict(count)))
            counts.append(json.loads(told.read_text(encoding="utf-8")))
        summary = self.folder / "corpus.json"
        if not summary.is_file():
            values = {
                "tokens": sum(count["tokens"] for count in counts),
                "vocabulary": tokenization.vocabulary_size,
                "texts_kept_out": self.kept_out()[2],
                "corpora": counts,
            }
            write_whole(summary, json.dumps(values, indent=2) + "\n")
        return tokenization
