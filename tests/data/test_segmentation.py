"""Words and syllables: which characters they cover, whatever a segmenter does."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.segmentation import NoSegmenter, Segmenter, align, in_parts, segmenter, syllables
from data.sentences import Range
from tests.data.samples import LINES, TEXTS, cpu_seconds, cut, nfc, solid

SYLLABLES = {
    "TuấnBÁO": ["Tuấn", "BÁO"],
    "aB": ["a", "B"],
    "ủy-HĐND-UBND": ["ủy", "-", "HĐND", "-", "UBND"],
    "25m2": ["25", "m", "2"],
    "A1b22": ["A", "1", "b", "22"],
    "Trưởng_Ban": ["Trưởng", "_", "Ban"],
    "__": ["_", "_"],
    "số 18-NQ/TW.": ["số", "18", "-", "NQ", "/", "TW", "."],
    "16.542": ["16", ".", "542"],
    "20,89%": ["20", ",", "89", "%"],
    "TTXVNđưa": ["TTXVNđưa"],
    "mớiTTXVNđưaTin": ["mới", "TTXVNđưa", "Tin"],
    "“Chợ”…": ["“", "Chợ", "”", "…"],
    "Bến\u00a0Sỏi\r\n": ["Bến", "Sỏi"],
    "một\u0323hai": ["một\u0323hai"],
    "2\u0302b": ["2\u0302", "b"],
    ".\u0301b": [".\u0301", "b"],
    "": [],
    " \n": [],
}


@pytest.mark.parametrize("text", SYLLABLES)
def test_syllables(text: str) -> None:
    assert cut(text, syllables(text)) == SYLLABLES[text]


def test_syllables_of_a_part() -> None:
    assert syllables("Bến Sỏi2", 1, 7) == [(1, 3), (4, 7)]
    assert syllables("Bến Sỏi", 4) == [(4, 7)]
    assert syllables("Bến Sỏi", 3, 3) == []


def assert_covers(text: str, ranges: list[Range]) -> None:
    """Every character other than white space is in exactly one range, and the ranges are in order."""
    edges = [edge for range_ in ranges for edge in range_]
    assert edges == sorted(edges)
    assert solid("".join(cut(text, ranges))) == solid(text)
    for surface in cut(text, ranges):
        assert surface and surface == surface.strip()


@given(TEXTS)
def test_every_character_is_in_exactly_one_syllable(text: str) -> None:
    assert_covers(text, syllables(text))
    assert not any(any(char.isspace() for char in surface) for surface in cut(text, syllables(text)))


@given(TEXTS)
def test_syllables_of_a_syllable_are_itself(text: str) -> None:
    for start, end in syllables(text):
        assert syllables(text, start, end) == [(start, end)]


def words(text: str, written: list[str]) -> list[str]:
    return cut(text, align(text, written))


ALIGNED = {
    "as they are": ("Ban Tổ chức họp.", ["Ban", "Tổ chức", "họp", "."], ["Ban", "Tổ chức", "họp", "."]),
    "other white space": ("Tổ\u00a0 chức\thọp", ["Tổ chức", "họp"], ["Tổ\u00a0 chức", "họp"]),
    "split inside a syllable": ("ủy-HĐND", ["ủy", "-", "HĐND"], ["ủy", "-", "HĐND"]),
    "a mark between its syllables": ("Tổ-chức họp", ["Tổ chức", "họp"], ["Tổ", "-", "chức", "họp"]),
    "rewritten word": ("uỷ ban xã họp", ["ủy ban", "xã", "họp"], ["uỷ", "ban", "xã", "họp"]),
    "rewritten longer": ("TP. cũ", ["Thành phố", ".", "cũ"], ["TP", ".", "cũ"]),
    "rewritten at the end": ("xã 25m2", ["xã", "25m²"], ["xã", "25", "m", "2"]),
    "dropped at the end": ("họp xong ?!", ["họp", "xong"], ["họp", "xong", "?", "!"]),
    "dropped": ("họp ? rồi về quê", ["họp", "rồi", "về quê"], ["họp", "?", "rồi", "về quê"]),
    "repeated word, first rewritten": ("Xã xã", ["xả", "xã"], ["Xã", "xã"]),
    "a later word of the same letters is not taken": ("a b c d e f g h x", ["x"], list("abcdefghx")),
    "no words": ("Tổ chức", [], ["Tổ", "chức"]),
    "empty words": ("Tổ chức", ["", " ", "Tổ chức"], ["Tổ chức"]),
    "more words than text": ("Tổ chức", ["Tổ chức", "họp", "."], ["Tổ chức"]),
    "no text": ("", ["họp"], []),
}


@pytest.mark.parametrize("case", ALIGNED)
def test_align(case: str) -> None:
    text, written, expected = ALIGNED[case]
    assert words(text, written) == expected


def test_words_behind_a_rewritten_one_are_found_again() -> None:
    text = "Uỷ ban nhân dân xã Lê Sỏi tổ chức họp."
    written = ["Ủy ban", "nhân dân", "xã", "Lê Sỏi", "tổ chức", "họp", "."]
    assert words(text, written) == ["Uỷ", "ban", "nhân dân", "xã", "Lê Sỏi", "tổ chức", "họp", "."]


@st.composite
def segmented(draw: st.DrawFn) -> tuple[str, list[str]]:
    """A text and what a careless segmenter makes of it: words joined, dropped, rewritten, invented."""
    text = nfc(draw(LINES))
    written: list[str] = []
    for start, end in syllables(text):
        surface = text[start:end]
        match draw(st.sampled_from(["keep", "keep", "keep", "join", "drop", "rewrite", "invent"])):
            case "join" if written:
                written[-1] += " " + surface
            case "drop":
                pass
            case "rewrite":
                written.append(surface.swapcase() + draw(st.sampled_from(["", "x", " "])))
            case "invent":
                written += [draw(LINES), surface]
            case _:
                written.append(surface)
    return text, written


@given(segmented())
def test_align_covers_every_character_once(sample: tuple[str, list[str]]) -> None:
    text, written = sample
    assert_covers(text, align(text, written))


@given(LINES, st.lists(LINES, max_size=6))
def test_align_covers_every_character_once_for_any_words(text: str, written: list[str]) -> None:
    assert_covers(text, align(text, written))


@given(TEXTS)
def test_align_finds_words_that_were_only_split(text: str) -> None:
    ranges = syllables(text)
    assert align(text, cut(text, ranges)) == ranges


def test_runs_that_are_no_words_never_reach_the_segmenter() -> None:
    seen: list[str] = []

    def whole(part: str) -> list[Range]:
        seen.append(part)
        return NoSegmenter().words(part)

    text = f"Bến Sỏi {'a1' * 60} họp {'b' * 119} {'-' * 120}\n{'c' * 121}"
    found = cut(text, in_parts(text, whole))
    assert seen == ["Bến Sỏi ", f" họp {'b' * 119} "]
    assert found == ["Bến", "Sỏi", *["a", "1"] * 60, "họp", "b" * 119, *["-"] * 120, "c" * 121]
    assert in_parts("", whole) == [] and in_parts(" \n", whole) == []


@given(st.lists(st.one_of(LINES, st.integers(100, 140).map("x_".__mul__)), max_size=4).map(" ".join))
def test_in_parts_covers_every_character_once(text: str) -> None:
    assert_covers(text, in_parts(text, NoSegmenter().words))


@given(TEXTS)
def test_no_segmenter_covers_every_character_once(text: str) -> None:
    assert_covers(text, NoSegmenter().words(text))


def test_no_segmenter_keeps_numbers_and_codes_together() -> None:
    text = "Số 18-NQ/TW, 16.542 hộ (6/2020)."
    expected = ["Số", "18-NQ/TW", ",", "16.542", "hộ", "(", "6/2020", ")", "."]
    assert cut(text, NoSegmenter().words(text)) == expected


@pytest.fixture(scope="module")
def underthesea() -> Segmenter:
    return segmenter("underthesea")


@pytest.mark.parametrize(
    "text",
    [
        "Bà Lò Thị Sương, Bí thư Huyện ủy Bến Sỏi, chủ trì hội nghị.",
        "Văn phòng Đảng ủy-HĐND-UBND xã; TuấnBÁO 25m2 số 18-NQ/TW./.",
        "hòa thuỷ uỷ “…” ?! a_b  hai   khoảng trắng\u00a0cứng",
        "🙂 tổ_chức ©",
        "",
    ],
)
def test_underthesea_covers_every_character_once(underthesea: Segmenter, text: str) -> None:
    assert_covers(text, underthesea.words(text))


def test_underthesea_takes_a_line_of_one_long_run_in_linear_time(underthesea: Segmenter) -> None:
    assert cpu_seconds(lambda: underthesea.words("Bến Sỏi " + "1." * 10_000)) < 1


def test_underthesea_joins_syllables_and_keeps_tone_marks(underthesea: Segmenter) -> None:
    text = "Hội nghị tổ chức tại hội trường uỷ ban"
    found = cut(text, underthesea.words(text))
    assert "tổ chức" in found
    assert "uỷ ban" in found


def test_segmenters_by_name(underthesea: Segmenter) -> None:
    assert underthesea.name.startswith("underthesea ")
    assert segmenter(underthesea.name).name == underthesea.name
    assert segmenter("underthesea 0.0.1").name == underthesea.name
    assert segmenter("none").name == "none"


@pytest.mark.parametrize("name", ["pyvi", "", " ", "None"])
def test_unknown_segmenter(name: str) -> None:
    with pytest.raises(ValueError, match=rf"^unknown segmenter '{name}'; known: underthesea, vncorenlp, none$"):
        segmenter(name)


def test_segmenter_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "py_vncorenlp", None)
    with pytest.raises(ModuleNotFoundError, match=r"^segmenter 'vncorenlp' needs a package: pip install py_vncorenlp$"):
        segmenter("vncorenlp", "models")
