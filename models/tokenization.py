"""From words to sub-word ids, with the characters each piece covers.

`PhobertTokenization` reads PhoBERT's `vocab.txt` and `bpe.codes` and gives the ids transformers'
slow `PhobertTokenizer` gives, but fast and with offsets. `FastTokenization` wraps any tokenizer
with a `tokenizer.json`, for encoders that read plain text.
"""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol

import numpy as np
from tokenizers import Tokenizer
from tokenizers.models import BPE

from data.sentences import Range

END_OF_WORD = "</w>"
CONTINUED = "@@"
SPECIAL = ("<s>", "<pad>", "</s>", "<unk>")


class ModelError(ValueError):
    """A model folder that cannot be used; the message says what to do."""


class TokenizerError(ModelError):
    """Tokenizer files that are missing or malformed; the message names file and line."""


@dataclass(frozen=True, slots=True)
class Pieces:
    """Sub-word ids of a stretch of text and, for each, the `[start, end)` characters it covers."""

    ids: list[int]
    spans: list[Range]


class Tokenization(Protocol):
    """What the feature builder needs of a tokenizer."""

    bos: int
    eos: int
    pad: int
    unk: int
    mask: int
    vocabulary_size: int

    def pieces(self, text: str, words: list[Range]) -> Pieces:
        """Pieces of `text`, whose words are at `words`, without special tokens."""
        ...

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the tokenizer's files."""
        ...

    def save(self, folder: Path) -> None:
        """Write the tokenizer's files into `folder`."""
        ...


def _sha256(folder: Path, names: tuple[str, ...]) -> str:
    digest = hashlib.sha256()
    for name in names:
        digest.update((folder / name).read_bytes())
    return digest.hexdigest()


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise TokenizerError(f"{path}: not UTF-8 at byte {error.start}; copy the file again") from None


def _read_vocabulary(path: Path) -> dict[str, int]:
    """Ids of `vocab.txt` (`piece count` a line), numbered behind the four special tokens as PhoBERT does."""
    ids = {token: number for number, token in enumerate(SPECIAL)}
    for number, line in enumerate(_lines(path), start=1):
        if not line.strip():
            continue
        piece, space, _ = line.strip().rpartition(" ")
        if not space:
            raise TokenizerError(f"{path}:{number}: expected 'piece count', found {line!r}")
        ids[piece] = len(ids)
    ids.setdefault("<mask>", len(ids))
    return ids


def _read_merges(path: Path) -> list[tuple[str, str]]:
    """Merges of `bpe.codes` (`left right count` a line), best first."""
    merges: dict[tuple[str, str], None] = {}
    for number, line in enumerate(_lines(path), start=1):
        if not line.strip():
            continue
        parts = line.split()
        if len(parts) < 2:
            raise TokenizerError(f"{path}:{number}: expected 'left right count', found {line!r}")
        merges[parts[0], parts[1]] = None
    return list(merges)


class PhobertTokenization:
    """PhoBERT's BPE over segmented words.

    Args:
        folder: holds `vocab.txt` and `bpe.codes`.

    Raises:
        TokenizerError: a file is missing or malformed.
    """

    files = ("vocab.txt", "bpe.codes")

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in self.files:
            if not (folder / name).is_file():
                raise TokenizerError(f"{folder}: no {name}; a PhoBERT tokenizer has {' and '.join(self.files)}")
        self.ids = _read_vocabulary(folder / "vocab.txt")
        self.vocabulary_size = len(self.ids)
        self.bos, self.pad, self.eos, self.unk = (self.ids[token] for token in SPECIAL)
        self.mask = self.ids["<mask>"]
        merges = _read_merges(folder / "bpe.codes")
        # Symbols: inside a word as they are, at its end with the suffix. Every merge result must be
        # a symbol, also those that `vocab.txt` leaves out: they merge on and become <unk> at the end.
        symbols: dict[str, int] = {}
        for left, right in merges:
            for symbol in (left, right, left + right):
                symbols.setdefault(symbol, len(symbols))
        for piece in self.ids:
            inner = piece.removesuffix(CONTINUED)
            for symbol in (inner, piece + END_OF_WORD):
                if len(symbol.removesuffix(END_OF_WORD)) == 1:
                    symbols.setdefault(symbol, len(symbols))
        unknown = "<unknown symbol>"
        symbols[unknown] = len(symbols)
        self._bpe = Tokenizer(BPE(symbols, merges, unk_token=unknown, end_of_word_suffix=END_OF_WORD, fuse_unk=False))
        self._to_id = np.full(len(symbols), self.unk, dtype=np.int64)
        for symbol, number in symbols.items():
            if symbol != unknown:
                self._to_id[number] = self.ids.get(written(symbol), self.unk)

    def word_pieces(self, words: list[str]) -> list[Pieces]:
        """Pieces of each word on its own; spans are in the word."""
        found = []
        for encoding in self._bpe.encode_batch([[word] for word in words], is_pretokenized=True):
            found.append(Pieces(self._to_id[encoding.ids].tolist(), encoding.offsets))
        return found

    def pieces(self, text: str, words: list[Range]) -> Pieces:
        ids: list[int] = []
        spans: list[Range] = []
        written, places = [], []
        for start, end in words:
            # White space inside a word is written as one underscore, however long it is.
            place = [at for at in range(start, end) if not text[at].isspace() or not text[at - 1].isspace()]
            written.append("".join("_" if text[at].isspace() else text[at] for at in place))
            places.append(place)
        for place, word in zip(places, self.word_pieces(written), strict=True):
            ids += word.ids
            spans += [(place[start], place[end - 1] + 1) for start, end in word.spans]
        return Pieces(ids, spans)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of both files, as they are now."""
        return _sha256(self.folder, self.files)

    def save(self, folder: Path) -> None:
        for name in self.files:
            if (folder / name).resolve() != (self.folder / name).resolve():
                shutil.copyfile(self.folder / name, folder / name)


def written(symbol: str) -> str:
    """How `vocab.txt` spells a BPE symbol."""
    if symbol.endswith(END_OF_WORD):
        return symbol.removesuffix(END_OF_WORD)
    return symbol + CONTINUED


class FastTokenization:
    """Any tokenizer with a `tokenizer.json`; reads the plain text and ignores the words.

    Args:
        folder: holds `tokenizer.json`.
    """

    files = ("tokenizer.json",)
    _NAMES: ClassVar = {
        "bos": ("<s>", "[CLS]"),
        "eos": ("</s>", "[SEP]"),
        "pad": ("<pad>", "[PAD]"),
        "unk": ("<unk>", "[UNK]"),
        "mask": ("<mask>", "[MASK]"),
    }

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        path = folder / "tokenizer.json"
        if not path.is_file():
            raise TokenizerError(f"{folder}: no tokenizer.json")
        try:
            self._tokenizer = Tokenizer.from_file(str(path))
        except Exception as error:  # the library raises nothing narrower
            raise TokenizerError(f"{path}: damaged ({error}); copy the file again") from None
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self.vocabulary_size = self._tokenizer.get_vocab_size()
        self.bos, self.eos, self.pad, self.unk = (self._special(kind) for kind in ("bos", "eos", "pad", "unk"))
        # Cut-down vocabularies may have lost it, and extraction does not need it.
        self.mask = self._find("mask", self.unk)

    def _find(self, kind: str, default: int) -> int:
        numbers = (self._tokenizer.token_to_id(name) for name in self._NAMES[kind])
        return next((number for number in numbers if number is not None), default)

    def _special(self, kind: str) -> int:
        if (number := self._find(kind, -1)) >= 0:
            return number
        raise TokenizerError(f"{self.folder}/tokenizer.json: no {kind} token; looked for {self._NAMES[kind]}")

    def pieces(self, text: str, words: list[Range]) -> Pieces:
        encoding = self._tokenizer.encode(text, add_special_tokens=False)
        ids, spans = [], []
        for number, (begin, end) in zip(encoding.ids, encoding.offsets, strict=True):
            # SentencePiece counts the space before a word as part of its first piece.
            start = begin + len(text[begin:end]) - len(text[begin:end].lstrip())
            if start < end:
                ids.append(number)
                spans.append((start, end))
        return Pieces(ids, spans)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of `tokenizer.json`, as it is now."""
        return _sha256(self.folder, self.files)

    def save(self, folder: Path) -> None:
        for name in (*self.files, "tokenizer_config.json"):
            source = self.folder / name
            if source.is_file() and source.resolve() != (folder / name).resolve():
                shutil.copyfile(source, folder / name)


def load_tokenization(folder: Path) -> PhobertTokenization | FastTokenization:
    """The tokenizer of an encoder folder: PhoBERT's files if they are there, else `tokenizer.json`.

    Raises:
        TokenizerError: neither is there.
    """
    if (folder / "bpe.codes").is_file():
        return PhobertTokenization(folder)
    if (folder / "tokenizer.json").is_file():
        return FastTokenization(folder)
    raise TokenizerError(f"{folder}: no tokenizer files (vocab.txt and bpe.codes, or tokenizer.json)")
