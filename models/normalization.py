"""Offsets between a caller's string and its NFC form.

The model works on NFC text; answers are given in the caller's own string. Where the two differ,
each NFC character knows the range of original characters it came from.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_left, bisect_right
from dataclasses import dataclass

from data.sentences import Range


@dataclass(frozen=True)
class Normalized:
    """NFC `text`, and for each of its characters the range of the `original` it came from.

    `starts` and `ends` are `None` when both strings are the same.
    """

    original: str
    text: str
    starts: list[int] | None = None
    ends: list[int] | None = None

    def to_original(self, start: int, end: int) -> Range:
        """The range of the original that the NFC range `[start, end)` came from."""
        if self.starts is None or self.ends is None:
            return start, end
        return self.starts[start], self.ends[end - 1]

    def to_normalized(self, start: int, end: int) -> Range:
        """The NFC range that covers `[start, end)` of the original."""
        if self.starts is None or self.ends is None:
            return start, end
        return bisect_right(self.ends, start), bisect_left(self.starts, end)


def normalize(original: str) -> Normalized:
    """NFC with an offset map, in time linear in the length.

    The string is cut into clusters that normalise independently of each other: a character that
    begins a cluster neither combines with nor is reordered before the one to its left.
    """
    if unicodedata.is_normalized("NFC", original):
        return Normalized(original, original)
    pieces: list[str] = []
    starts: list[int] = []
    ends: list[int] = []

    def close(start: int, end: int) -> None:
        piece = unicodedata.normalize("NFC", original[start:end])
        pieces.append(piece)
        starts.extend([start] * len(piece))
        ends.extend([end] * len(piece))

    begin = 0
    for at in range(1, len(original)):
        char = original[at]
        if char.isascii() or (unicodedata.combining(char) == 0 and not _joins(original[at - 1], char)):
            close(begin, at)
            begin = at
    if original:
        close(begin, len(original))
    return Normalized(original, "".join(pieces), starts, ends)


def _joins(left: str, right: str) -> bool:
    """Whether two starters may compose. Hangul vowels and finals always count: that only makes clusters larger."""
    if "\u1161" <= right <= "\u11ff":
        return True
    both = unicodedata.normalize("NFC", left + right)
    return both != unicodedata.normalize("NFC", left) + unicodedata.normalize("NFC", right)
