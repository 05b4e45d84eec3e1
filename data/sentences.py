"""Sentence boundaries, by the definition in section 1 of the annotation guidelines.

A sentence ends at a line break, or at `.` `?` `!` `…` before white space and a capital, digit or
quotation mark; never at `;` or `:`, nor behind an abbreviation. Closing quotation marks and
brackets behind the mark belong to the sentence they close (the guidelines are silent there).
"""

from __future__ import annotations

import re

Range = tuple[int, int]
"""`[start, end)` in characters."""

# Behind these a full stop is part of the abbreviation and a capital or digit regularly follows.
# Compared without case. Ones that also end sentences (`v.v.`) are left out on purpose.
ABBREVIATIONS = frozenset(
    {"tp", "tx", "tt", "p", "q", "h", "t", "x"}  # kinds of places
    | {"đ/c", "đc", "lm", "ht", "tt", "đđ", "mr", "mrs", "ms", "dr"}  # forms of address
    | {"ths", "th.s", "ts", "pgs", "gs", "bs", "ks", "cn", "ls", "pgs.ts", "gs.ts", "gs.tskh", "ts.kh", "tskh"}
    | {"nsnd", "nsưt", "nxb", "tr", "st", "bv", "bvđk"}
)

# Initials of names: `V.I. Lênin`, `Nguyễn Thị L. Hoa`. Single letters that are Roman numerals
# (`khóa X. Ông`) end sentences far more often, and so does `T.Ư.` (trung ương).
_INITIALS = re.compile(r"(?:[^\W\d_]\.)+[^\W\d_]|[^\W\d_IVX]")
_NOT_INITIALS = frozenset({"T.Ư", "T.W", "t.ư", "t.w", "v.v", "V.V"})

_LINE_BREAK = re.compile(r"[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]+")
# Possessive, and only from the beginning of a run: linear also on a line of nothing but dots.
_STOP = re.compile(r"(?<![.?!…])[.?!…]++[\"'”’»)\]]*+(?=\s)")
_OPENING = frozenset("\"'“‘«”’„")


def _is_abbreviation(line: str, stop: int) -> bool:
    """Whether the single full stop at `line[stop]` belongs to an abbreviation."""
    begin = stop
    while begin > 0 and not line[begin - 1].isspace() and line[begin - 1] not in "([“\"'‘,;:":
        begin -= 1
    word = line[begin:stop]
    if word.casefold() in ABBREVIATIONS and word != "X":  # `khóa X.` against `x. Tân Lộc`
        return True
    if word in _NOT_INITIALS or not word[:1].isupper():
        return False
    return _INITIALS.fullmatch(word) is not None


def _ends_sentence(line: str, mark: re.Match[str]) -> bool:
    after = mark.end()
    while after < len(line) and line[after].isspace():
        after += 1
    if after == len(line):
        return True
    following = line[after]
    if not (following.isupper() or following.istitle() or following.isdigit() or following in _OPENING):
        return False
    return mark.group() != "." or not _is_abbreviation(line, mark.start())


def split_sentences(text: str) -> list[Range]:
    """Sentences of `text` as `[start, end)` ranges, in order, without surrounding white space.

    Every character that is not white space lies in exactly one range.
    """
    ranges: list[Range] = []
    line_start = 0
    breaks = [(m.start(), m.end()) for m in _LINE_BREAK.finditer(text)]
    for line_end, next_start in [*breaks, (len(text), len(text))]:
        line = text[line_start:line_end]
        begin = 0
        cuts = [mark.end() for mark in _STOP.finditer(line) if _ends_sentence(line, mark)]
        for cut in [*cuts, len(line)]:
            piece = line[begin:cut]
            left = len(piece) - len(piece.lstrip())
            stripped = piece.strip()
            if stripped:
                start = line_start + begin + left
                ranges.append((start, start + len(stripped)))
            begin = cut
        line_start = next_start
    return ranges
