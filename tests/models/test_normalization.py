"""NFC with offsets: the text is what Unicode says, and the map covers the original."""

from __future__ import annotations

import sys
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from models.normalization import Normalized, normalize

CHARACTERS = st.one_of(
    st.sampled_from("aăâeêioôơuưyđĐU \n_.09"),
    st.sampled_from("\u0300\u0301\u0303\u0306\u0309\u0302\u031b\u0323\u0328\u0338\u0344\u05b0\u0f71\u0f72\u0f74"),
    st.sampled_from("\u1100\u1112\u1161\u1175\u11a8\u11c2\uac00\uac01\u0915\u093c\u0958\u0dd9\u0dca\u0dcf"),
    st.sampled_from("ệỷườẲ\u1e69\u212b\u2126\ud800\udfff\u200d\ufeff"),
    st.characters(),
)
TEXTS = st.text(CHARACTERS, max_size=24)


def nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def check(original: str) -> Normalized:
    """Everything that must hold for any string."""
    norm = normalize(original)
    assert norm.original == original
    assert norm.text == nfc(original)
    if norm.starts is None or norm.ends is None:
        assert norm.text == original
        return norm
    assert len(norm.starts) == len(norm.ends) == len(norm.text)
    at = 0
    for start, end in sorted(set(zip(norm.starts, norm.ends, strict=True))):
        assert start == at < end, "a gap or an overlap in the original"
        own = [c for c, s in zip(norm.text, norm.starts, strict=True) if s == start]
        assert nfc(original[start:end]) == "".join(own)
        at = end
    assert at == len(original)
    return norm


@given(TEXTS)
@example("a\u0323\u0302\u0301")
@example("\u1112\u1161\u11ab\u1100\u1173\u11af")
@example("e\u0302\u0323 e\u0323\u0302\u0301\u0301")
@example("\u0301ông")
@example("Ch\u01b0\u01a1ng")
def test_any_string(original: str) -> None:
    check(original)
    check(unicodedata.normalize("NFD", original))


def test_every_character_that_decomposes() -> None:
    wrong = []
    for code in range(sys.maxunicode + 1):
        char = chr(code)
        apart = unicodedata.normalize("NFD", char)
        if apart == char:
            continue
        wrong += [ascii(each) for each in (apart, f"y{char}", f"{apart}\u0323") if normalize(each).text != nfc(each)]
    assert wrong == []


def test_marks_reordered_over_a_mark_between() -> None:
    check("\u0f40\u0f74\u0f71\u0f73")


def test_a_mark_that_joins_nothing_keeps_its_own_place() -> None:
    norm = check("Đa\u0323i\n\u0301ho\u0323p")
    assert norm.text == "Đại\n\u0301họp"
    assert norm.to_original(3, 4) == (4, 5), "the line break alone"
    assert norm.to_original(4, 5) == (5, 6), "the mark without the line break"


def test_ranges_go_both_ways() -> None:
    original = unicodedata.normalize("NFD", "Bí thư Vừ Thị Pằng")
    norm = check(original)
    assert (len(original), len(norm.text)) == (25, 18)
    start = norm.text.index("Vừ")
    first, last = norm.to_original(start, start + len("Vừ Thị"))
    assert unicodedata.normalize("NFC", original[first:last]) == "Vừ Thị"
    assert norm.to_normalized(first, last) == (start, start + len("Vừ Thị"))
    assert norm.to_original(0, 2) == (0, 3)
    assert norm.to_normalized(1, 2) == (1, 2), "half of a letter stands for all of it"


def test_text_that_is_nfc_needs_no_map() -> None:
    norm = normalize("Huyện ủy")
    assert norm == Normalized("Huyện ủy", "Huyện ủy")
    assert norm.to_original(2, 5) == (2, 5)
    assert norm.to_normalized(2, 5) == (2, 5)
    assert normalize("").text == ""


@given(TEXTS, st.integers(0, 30), st.integers(1, 30))
def test_a_range_mapped_there_and_back_still_covers_itself(original: str, start: int, length: int) -> None:
    norm = normalize(original)
    end = min(start + length, len(original))
    if start >= end:
        return
    low, high = norm.to_normalized(start, end)
    assert 0 <= low < high <= len(norm.text)
    first, last = norm.to_original(low, high)
    assert first <= start < end <= last


@pytest.mark.parametrize(
    "text", ["e\u0302\u0323" * 20_000, "\u1100\u1161" * 20_000, "a" + "\u0301" * 2_000 + "e\u0301"]
)
def test_long_strings(text: str) -> None:
    assert normalize(text).text == nfc(text)
