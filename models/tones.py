"""Tone placement: newspapers write `ủy`, `hòa`; PhoBERT's corpus writes `uỷ`, `hoà`.

Only the model's input is rewritten, character for character, so no offset moves. The mark moves to
the second vowel of an open `oa`, `oe` or `uy`; with a final consonant (`hoàn`) both spellings agree.
"""

from __future__ import annotations

import re

_FIRST = "òóỏõọ", "òóỏõọ", "ùúủũụ"
_SECOND = "àáảãạ", "èéẻẽẹ", "ỳýỷỹỵ"
_PLAIN_FIRST = "o", "o", "u"
_PLAIN_SECOND = "a", "e", "y"


def _pairs() -> dict[str, str]:
    pairs: dict[str, str] = {}
    for marked, target, first, second in zip(_FIRST, _SECOND, _PLAIN_FIRST, _PLAIN_SECOND, strict=True):
        for old, new in zip(marked, target, strict=True):
            for upper_first in (False, True):
                for upper_second in (False, True):
                    before = (old.upper() if upper_first else old) + (second.upper() if upper_second else second)
                    after = (first.upper() if upper_first else first) + (new.upper() if upper_second else new)
                    pairs[before] = after
    return pairs


PAIRS = _pairs()
"""Old placement to new, for both letters in both cases: 60 pairs of two characters each."""

# Only at the end of a run of letters; `qu` is a consonant, so `qúy` is not a vowel pair to mend.
_OPEN = re.compile("(?<![qQ])(?:" + "|".join(PAIRS) + r")(?![^\W\d_])")


def phobert_tones(text: str) -> str:
    """`text` with tone marks placed as in PhoBERT's corpus; same length, other characters untouched."""
    return _OPEN.sub(lambda match: PAIRS[match.group()], text)
