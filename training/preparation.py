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


@dataclass(frozen=True)
class KeptOut:
    """Text that must not be trained on: ids of pool articles, and texts that no paragraph may overlap.

    `test`, `development`, `reserved` count the five articles, the development articles with their near
    copies, and pool articles reserved for gold still to come; `missing` development articles whose text
    is in no pool, so that they could not be kept out.
    """

    ids: frozenset[str]
    texts: list[str]
    test: int
    development: int
    reserved: int
    missing: int

    def to_dict(self) -> dict[str, int]:
        return {name: getattr(self, name) for name in ("test", "development", "reserved", "missing")}


def evaluation_text(pools: list[Path], articles: Path | None) -> KeptOut:
    """What to keep out, given the pools (JSONL) that gold is drawn from and the folder of the five articles."""
    texts = [a.text for a in read_articles(articles)] if articles else []
    test = len(texts)
    gold = {standoff.id for standoff in read_standoff(GOLD / "dev")}
    left_out: set[str] = set()
    found: set[str] = set()
    development = reserved = 0
    for path in pools:
        pool = list(read_articles(path))
        groups = near_copies([article.text for article in pool])
        # A group is named by its smallest id, so that the choice does not move when the pool is reordered.
        names: dict[int, str] = {}
        for article, group in zip(pool, groups, strict=True):
            names[group] = min(names.get(group, article.id), article.id)
        golden = {group for article, group in zip(pool, groups, strict=True) if article.id in gold}
        found |= {article.id for article in pool} & gold
        for article, group in zip(pool, groups, strict=True):
            drawn = int(hashlib.sha256(names[group].encode()).hexdigest(), 16) % 1000 < 1000 * RESERVED
            if group in golden or drawn:
                left_out.add(article.id)
                texts.append(article.text)
                development += group in golden
                reserved += group not in golden
    return KeptOut(frozenset(left_out), texts, test, development, reserved, len(gold - found))


class Preparation:
    """The text stages of a run in `folder`.

    Args:
        corpora: what to read.
        articles: folder of the five articles; news: JSONL that gold is drawn from. Both are kept out of the text,
            as is what gold is drawn from among `corpora`.
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
        news: Path | None = None,
        vocabulary: int = 20_000,
        vocabulary_from: Path | None = None,
        segmenter: str = "underthesea",
        processes: int = 2,
    ) -> None:
        self.folder, self.corpora, self.articles, self.news = folder, corpora, articles, news
        self.vocabulary, self.vocabulary_from = vocabulary, vocabulary_from
        self.segmenter, self.processes = segmenter, processes
        self._kept_out: tuple[KeptOut, Filter] | None = None

    @property
    def encoder(self) -> Path:
        """Folder of the vocabulary, and in the end of the encoder."""
        return self.folder / "encoder"

    @property
    def token_files(self) -> list[Path]:
        """A token file for each corpus."""
        return [self.folder / "tokens" / f"{n}-{corpus.path.name}.bin" for n, corpus in enumerate(self.corpora)]

    def kept_out(self) -> tuple[KeptOut, Filter]:
        """What to keep out, and the filter of paragraphs that overlap it; made once."""
        if self._kept_out is None:
            pools = {corpus.path.resolve() for corpus in self.corpora if corpus.path.suffix == ".jsonl"}
            pools |= {self.news.resolve()} if self.news else set()
            kept = evaluation_text(sorted(pools), self.articles)
            log.info("kept out of the text: %s", json.dumps(kept.to_dict()))
            if not kept.test:
                log.warning("the five articles are not kept out: set articles=FOLDER or PHODANG_ARTICLES")
            if kept.missing:
                log.warning(
                    "%d development articles are not kept out, their text is not here: set news=FILE or PHODANG_NEWS",
                    kept.missing,
                )
            self._kept_out = kept, Filter.of(kept.texts)
        return self._kept_out

    def words(self, corpus: CorpusText, limit: int, guard: Filter) -> Iterator[list[str]]:
        """Segmented paragraphs of a corpus."""
        ids = self.kept_out()[0].ids
        return segmented(corpus.path, limit, guard, self.segmenter, processes=self.processes, leave_out=ids)

    def tokenization(self) -> PhobertTokenization:
        """The run's vocabulary, learned or copied first where there is none yet."""
        if not (self.encoder / "bpe.codes").is_file():
            if self.vocabulary_from is not None:
                self.encoder.mkdir(parents=True, exist_ok=True)
                for name in PhobertTokenization.files:
                    write_whole(self.encoder / name, (self.vocabulary_from / name).read_text(encoding="utf-8"))
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
                "kept_out": self.kept_out()[0].to_dict(),
                "corpora": counts,
            }
            write_whole(summary, json.dumps(values, indent=2) + "\n")
        return tokenization
