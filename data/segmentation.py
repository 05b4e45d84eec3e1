"""Words and syllables over characters.

The encoder reads words, because PhoBERT was trained on segmented text; labels sit on syllables,
because entities begin and end inside words. Both are `[start, end)` ranges of the text, so nothing
a segmenter does can move an offset.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from importlib.metadata import version
from typing import Protocol

from data.sentences import Range

# A syllable is a run of letters or a run of digits; every other character that is not white space
# stands alone, `_` too. Combining marks that NFC leaves over stay with what they stand on.
_MARKS = r"[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]*"
_UNIT = re.compile(rf"(?:[^\W\d_]{_MARKS})+|(?:\d{_MARKS})+|\S{_MARKS}")


def syllables(text: str, start: int = 0, end: int | None = None) -> list[Range]:
    """Syllables of `text[start:end]`: runs of letters, runs of digits, single other characters.

    A run of letters is also split where a lower-case letter meets an upper-case one (`TuấnBÁO`).
    """
    ranges: list[Range] = []
    for match in _UNIT.finditer(text, start, len(text) if end is None else end):
        begin, stop = match.span()
        if stop - begin > 1 and not match.group().islower():
            for at in range(begin + 1, stop):
                if text[at].isupper() and text[at - 1].islower():
                    ranges.append((begin, at))
                    begin = at
        ranges.append((begin, stop))
    return ranges


class Segmenter(Protocol):
    """Splits a sentence into words. `name` travels in the model's config."""

    name: str

    def words(self, text: str) -> list[Range]:
        """Ranges of the words of `text`, in order. They may hold white space and never overlap."""
        ...


class NoSegmenter:
    """Words are runs of characters between white space, with punctuation split off."""

    name = "none"
    _WORD = re.compile(r"[^\W_]+(?:[./,:–-][^\W_]+)*|\S")

    def words(self, text: str) -> list[Range]:
        return [match.span() for match in self._WORD.finditer(text)]


class UndertheseaSegmenter:
    """`underthesea.word_tokenize` with its rewriting of tone marks off."""

    def __init__(self) -> None:
        from underthesea.pipeline.word_tokenize import word_tokenize

        self.name = f"underthesea {version('underthesea')}"
        self._tokenize = word_tokenize

    def words(self, text: str) -> list[Range]:
        return in_parts(text, lambda part: align(part, self._tokenize(part, use_token_normalize=False)))


class VnCoreNLPSegmenter:
    """VnCoreNLP's RDRSegmenter, the one PhoBERT was trained with; needs `py_vncorenlp` and Java.

    Args:
        folder: where `py_vncorenlp.download_model` put the models.
    """

    def __init__(self, folder: str) -> None:
        import py_vncorenlp

        self.name = f"vncorenlp {version('py_vncorenlp')}"
        self._model = py_vncorenlp.VnCoreNLP(annotators=["wseg"], save_dir=folder)

    def words(self, text: str) -> list[Range]:
        return in_parts(text, self._segment)

    def _segment(self, text: str) -> list[Range]:
        segmented = " ".join(self._model.word_segment(text))
        return align(text, (word.replace("_", " ") for word in segmented.split()))


_NO_WORD = re.compile(r"\S{120,}")


def in_parts(text: str, words: Callable[[str], list[Range]]) -> list[Range]:
    """Segment what lies between runs of 120 and more characters without white space.

    Such a run is no Vietnamese word, and segmenters take quadratic time on some; its syllables stand
    for its words.
    """
    ranges: list[Range] = []
    at = 0
    for start, end in [*(match.span() for match in _NO_WORD.finditer(text)), (len(text), len(text))]:
        if text[at:start].strip():
            ranges += [(at + s, at + e) for s, e in words(text[at:start])]
        ranges += syllables(text, start, end)
        at = end
    return ranges


def align(text: str, words: Iterable[str]) -> list[Range]:
    """Find a segmenter's words in the text it was given.

    White space inside a word may stand for any white space of the text. Characters that the
    segmenter dropped or rewrote become words of their own, so that every character other than
    white space is in exactly one word.
    """
    ranges: list[Range] = []
    at = 0
    # Characters that words not found may have stood for: how far the next one may lie ahead.
    slack = 0
    for word in words:
        begin = finish = None
        place = at
        for part in word.split():
            found = text.find(part, place)
            passed = "".join(text[place:found].split()) if found >= 0 else ""
            if found < 0 or len(passed) > (slack if begin is None else 0):
                begin = None
                break
            begin = found if begin is None else begin
            place = finish = found + len(part)
        if begin is None or finish is None:
            slack += 2 * len(word) + 2
            continue
        ranges.append((begin, finish))
        at, slack = finish, 0
    return _fill(text, ranges)


def _fill(text: str, ranges: list[Range]) -> list[Range]:
    filled: list[Range] = []
    at = 0
    for start, end in [*ranges, (len(text), len(text))]:
        if text[at:start].strip():
            filled += syllables(text, at, start)
        if end > start:
            filled.append((start, end))
        at = end
    return filled


def segmenter(name: str, folder: str = "") -> Segmenter:
    """The segmenter of that name: `underthesea`, `vncorenlp` or `none`; a version behind it is ignored.

    Raises:
        ValueError: no such segmenter.
        ModuleNotFoundError: its package is not installed; the message says which to install.
    """
    kind = next(iter(name.split()), "")
    try:
        if kind == "underthesea":
            return UndertheseaSegmenter()
        if kind == "vncorenlp":
            return VnCoreNLPSegmenter(folder)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(f"segmenter {kind!r} needs a package: pip install {error.name}") from error
    if kind == "none":
        return NoSegmenter()
    raise ValueError(f"unknown segmenter {name!r}; known: underthesea, vncorenlp, none")
