"""Tone placement: every affected pair, and nothing else."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.tones import PAIRS, phobert_tones

TONES = "\u0300\u0301\u0303\u0309\u0323"
OLD = ["òa", "óa", "ỏa", "õa", "ọa", "òe", "óe", "ỏe", "õe", "ọe", "ùy", "úy", "ủy", "ũy", "ụy"]
NEW = ["oà", "oá", "oả", "oã", "oạ", "oè", "oé", "oẻ", "oẽ", "oẹ", "uỳ", "uý", "uỷ", "uỹ", "uỵ"]


def bare(text: str) -> str:
    """`text` without tone marks."""
    return "".join(c for c in unicodedata.normalize("NFD", text) if c not in TONES)


@pytest.mark.parametrize(("old", "new"), zip(OLD, NEW, strict=True))
def test_every_pair_in_every_case(old: str, new: str) -> None:
    for before, after in (
        (old, new),
        (old.upper(), new.upper()),
        (old[0].upper() + old[1], new[0].upper() + new[1]),
        (old[0] + old[1].upper(), new[0] + new[1].upper()),
    ):
        assert phobert_tones(f"th{before}") == f"th{after}"
        assert phobert_tones(before) == after


def test_the_table_is_the_pairs_with_their_mark_moved() -> None:
    moved = {}
    for first, second in ("oa", "oe", "uy"):
        for a in (first, first.upper()):
            for b in (second, second.upper()):
                for tone in TONES:
                    old = unicodedata.normalize("NFC", a + tone + b)
                    moved[old] = unicodedata.normalize("NFC", a + b + tone)
    assert moved == PAIRS
    assert len(PAIRS) == 60


ONSETS = [
    "b",
    "c",
    "ch",
    "d",
    "đ",
    "g",
    "gh",
    "h",
    "k",
    "kh",
    "l",
    "m",
    "n",
    "ng",
    "ngh",
    "nh",
    "p",
    "ph",
    "r",
    "s",
    "t",
    "th",
    "tr",
    "v",
    "x",
]


@pytest.mark.parametrize("onset", ["", *ONSETS])
def test_every_affected_syllable_in_every_case(onset: str) -> None:
    for old, new in zip(OLD, NEW, strict=True):
        for written, expected in ((onset + old, onset + new), (onset.capitalize() + old, onset.capitalize() + new)):
            assert phobert_tones(written) == expected
            assert phobert_tones(written.upper()) == expected.upper()
            assert phobert_tones(written.capitalize()) == expected.capitalize()
            assert phobert_tones(f"({written}_{written}, {written})") == f"({expected}_{expected}, {expected})"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Huyện ủy hòa giải", "Huyện uỷ hoà giải"),
        ("ỦY BAN, HÒA THUẬN", "UỶ BAN, HOÀ THUẬN"),
        ("tòa_án; khỏe!", "toà_án; khoẻ!"),
        ("thủy-lợi (lũy)", "thuỷ-lợi (luỹ)"),
        ("Ủy viên", "Uỷ viên"),
    ],
)
def test_in_running_text(old: str, new: str) -> None:
    assert phobert_tones(old) == new


@pytest.mark.parametrize(
    "text",
    [
        "quý",
        "Quý",
        "QUÝ",
        "quỳ",
        "qúy",
        "hoàn",
        "hòan",
        "toán",
        "thuyền",
        "xoèn",
        "khuỷu",
        "của",
        "mùa",
        "hoá",
        "uỷ",
        "bóc",
    ],
)
def test_left_alone(text: str) -> None:
    assert phobert_tones(text) == text


@given(st.text(st.one_of(st.sampled_from("".join(OLD + NEW) + "HÒAỦYquQUn ._1"), st.characters()), max_size=40))
def test_same_length_same_letters_and_done_once(text: str) -> None:
    written = phobert_tones(text)
    assert len(written) == len(text)
    assert bare(written) == bare(text)
    assert phobert_tones(written) == written
    changed = {i for i, (a, b) in enumerate(zip(text, written, strict=True)) if a != b}
    assert all(text[i] in "".join(PAIRS) and written[i] in "".join(PAIRS.values()) for i in changed)
