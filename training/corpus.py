"""Raw text for pretraining: streamed, cleared of evaluation text, segmented, and packed as piece ids.

The result is one flat array of ids on disk per corpus (unsigned 16-bit), read by position, so that
training can stop at any moment and go on exactly where it was.
"""

from __future__ import annotations

import json
import lzma
import multiprocessing
import threading
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TypeVar

import numpy as np
from tqdm.auto import tqdm

from data.copies import words_of
from data.segmentation import Segmenter, segmenter
from data.sentences import split_sentences
from models.tokenization import PhobertTokenization, TokenizerError
from models.tones import phobert_tones

T = TypeVar("T")
_KNOWN_WORDS = 500_000
FILE_ERRORS = (OSError, EOFError, lzma.LZMAError)
"""What reading a damaged or missing corpus raises."""
OVERLAP = 12
"""A paragraph that shares so many consecutive words with evaluation text is left out."""


def open_text(path: Path) -> IO[str]:
    """Open a plain or `.xz` text file for reading as UTF-8."""
    return lzma.open(path, "rt", encoding="utf-8") if path.suffix == ".xz" else path.open(encoding="utf-8")


def paragraphs(path: Path, leave_out: frozenset[str] = frozenset()) -> Iterator[str]:
    """Paragraphs of a text file (one a line) or of the texts of a JSONL file, without those ids."""
    with open_text(path) as lines:
        for line in filter(str.strip, lines):
            if path.suffix == ".jsonl":
                record = json.loads(line)
                if record["id"] not in leave_out:
                    yield from filter(None, (part.strip() for part in record["text"].split("\n")))
            else:
                yield line.strip()


def word_runs(text: str, size: int = OVERLAP) -> set[tuple[str, ...]]:
    """All runs of `size` words, without case or punctuation."""
    words = words_of(text)
    return {tuple(words[i : i + size]) for i in range(len(words) - size + 1)}


@dataclass
class Filter:
    """Tells paragraphs that overlap evaluation text, and counts them."""

    forbidden: set[tuple[str, ...]] = field(default_factory=set)
    seen: int = 0
    dropped: int = 0

    @classmethod
    def of(cls, texts: Iterable[str]) -> Filter:
        """A filter against these texts."""
        return cls({run for text in texts for run in word_runs(text)})

    def keeps(self, paragraph: str) -> bool:
        """Whether the paragraph shares no run of words with the forbidden texts."""
        self.seen += 1
        if self.forbidden and not self.forbidden.isdisjoint(word_runs(paragraph)):
            self.dropped += 1
            return False
        return True


def segmented_words(line: str, words: Segmenter) -> list[str]:
    """The words of a line as the encoder sees them: NFC, PhoBERT's tone marks, `_` for a space."""
    text = phobert_tones(unicodedata.normalize("NFC", line))
    found = []
    for start, end in split_sentences(text):
        sentence = text[start:end]
        found += ["_".join(sentence[s:e].split()) for s, e in words.words(sentence)]
    return found


_worker: dict[str, Segmenter] = {}


def _segment(task: tuple[str, list[str]]) -> list[list[str]]:
    name, lines = task
    if name not in _worker:
        _worker[name] = segmenter(name)
    return [segmented_words(line, _worker[name]) for line in lines]


def blocks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Items in lists of `size`; the last may be shorter."""
    block: list[T] = []
    for item in items:
        block.append(item)
        if len(block) == size:
            yield block
            block = []
    if block:
        yield block


def segmented(
    path: Path, limit: int, guard: Filter, name: str, *, processes: int = 2, leave_out: frozenset[str] = frozenset()
) -> Iterator[list[str]]:
    """Segmented paragraphs of a corpus, in order, until `limit` words were read."""
    kept = (line for line in paragraphs(path, leave_out) if guard.keeps(line))
    # A pool reads its input as fast as it comes: slots keep it from swallowing the whole corpus.
    slots = threading.Semaphore(4 * processes)
    enough = threading.Event()

    def tasks() -> Iterator[tuple[str, list[str]]]:
        for block in blocks(kept, 64):
            slots.acquire()
            if enough.is_set():
                return
            yield name, block

    words = 0
    with (
        multiprocessing.get_context("spawn").Pool(processes) as pool,
        tqdm(total=limit, unit="words", unit_scale=True, desc=path.name, mininterval=1) as bar,
    ):
        try:
            for block in pool.imap(_segment, tasks()):
                slots.release()
                for paragraph in block:
                    words += len(paragraph)
                    bar.update(len(paragraph))
                    yield paragraph
                if words >= limit:
                    break
        finally:
            # However it ends: a pool waits for its reader, and its reader for a slot.
            enough.set()
            slots.release()


def write_tokens(path: Path, stream: Iterable[Sequence[str]], tokenization: PhobertTokenization) -> tuple[int, int]:
    """Write the ids of all paragraphs, each closed by `</s>`, as a flat array.

    Returns how many ids there are, and how many of them are `<unk>`.

    Raises:
        TokenizerError: a vocabulary too large for 16 bits.
    """
    if tokenization.vocabulary_size > 1 << 16:
        raise TokenizerError(
            f"{tokenization.folder}: {tokenization.vocabulary_size} pieces; token files hold ids below {1 << 16}"
        )
    aside = path.with_name(path.name + ".partial")
    total = unknown = 0
    known: dict[str, list[int]] = {}
    with aside.open("wb") as out:
        for block in blocks(stream, 256):
            new = sorted({word for paragraph in block for word in paragraph if word not in known})
            known.update((w, p.ids) for w, p in zip(new, tokenization.word_pieces(new), strict=True))
            ids: list[int] = []
            for paragraph in block:
                for word in paragraph:
                    ids += known[word]
                ids.append(tokenization.eos)
            out.write(np.asarray(ids, dtype=np.uint16).tobytes())
            total += len(ids)
            unknown += ids.count(tokenization.unk)
            if len(known) > _KNOWN_WORDS:
                known.clear()
    aside.replace(path)
    return total, unknown
