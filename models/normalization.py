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
        if piece == original[start:end]:
            starts.extend(range(start, end))
            ends.extend(range(start + 1, end + 1))
        else:
            starts.extend([start] * len(piece))
            ends.extend([end] * len(piece))

    begin = 0
    for at in range(1, len(original)):
        # Nothing composes with white space on its left.
        if original[at - 1].isspace() or _begins(original[begin:at], original[at]):
            close(begin, at)
            begin = at
    if original:
        close(begin, len(original))
    return Normalized(original, "".join(pieces), starts, ends)


def _begins(cluster: str, char: str) -> bool:
    """Whether `char` normalises independently of the cluster to its left."""
    if char.isascii():
        return True
    if unicodedata.combining(unicodedata.normalize("NFD", char)[0]):
        return False
    if "\u1161" <= char <= "\u11ff":
        # Hangul vowels and finals always count as joining: that only makes clusters larger.
        return False
    both = unicodedata.normalize("NFC", cluster + char)
    return both == unicodedata.normalize("NFC", cluster) + unicodedata.normalize("NFC", char)
