"""Near copies: texts that share long runs of words, grouped so that a split never separates them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

_WORD = re.compile(r"[^\W_]+")


def words_of(text: str) -> list[str]:
    """Words without case or punctuation."""
    return _WORD.findall(text.lower())


def shingles(text: str, size: int = 12) -> set[int]:
    """Hashes of all runs of `size` words, without case or punctuation (within one process)."""
    words = words_of(text)
    return {hash(tuple(words[i : i + size])) for i in range(len(words) - size + 1)}


def near_copies(texts: Sequence[str], size: int = 12, share: float = 0.1) -> list[int]:
    """Group number of each text; numbers are the index of the group's first member.

    Two texts are near copies when at least `share` of the shorter one's runs of `size` words also
    stand in the other. Groups are the connected components of that relation.
    """
    sets = [shingles(text, size) for text in texts]
    holders: dict[int, list[int]] = defaultdict(list)
    for index, found in enumerate(sets):
        for shingle in found:
            holders[shingle].append(index)
    common: dict[tuple[int, int], int] = defaultdict(int)
    for members in holders.values():
        for position, first in enumerate(members):
            for second in members[position + 1 :]:
                common[first, second] += 1
    parent = list(range(len(texts)))

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    for (first, second), count in common.items():
        if count >= share * min(len(sets[first]), len(sets[second])):
            a, b = sorted((root(first), root(second)))
            parent[b] = a
    return [root(index) for index in range(len(texts))]
