"""Sentence boundaries, by section 1 of the guidelines."""

from __future__ import annotations

import pytest
from hypothesis import given

from data.sentences import ABBREVIATIONS, split_sentences
from tests.data.samples import TEXTS, cpu_seconds, cut, solid

ONE_SENTENCE = [
    "Đoàn về TP. Hồ Chí Minh chiều nay.",
    "Nhà bà ở P. 5, Q. Tân Lộc.",
    "Nhà bà ở x. Tân Lộc.",
    "Đ/c. Lò Thị Sương vắng mặt.",
    "Lớp do ThS. Đinh Bá Khoát và PGS.TS. Vi Văn Mộc dạy.",
    "Cả huyện có 16.542 hộ và 3.5 vạn dân.",
    "Sách của V.I. Lênin còn trên giá.",
    "Chị Vi Thị L. Hoài nhận quà.",
    "Có ba việc: Một, quét sân; Hai, tưới cây; Ba, Nghỉ.",
    "Chị đọc... rồi thôi… không đọc nữa.",
    "Anh hỏi “ai đó?” rồi cười.",
    "Trang web ban.vn Có lỗi.",
    "Đã họp. (Theo lời bà con)",
    "Đã họp. - và đã về",
    "Ai? cũng được! miễn là vui",
    "Lại ở TP. Hồ",
]
SEVERAL = {
    "document number": ("Theo số 18-NQ/TW. Ông đọc lại.", ["Theo số 18-NQ/TW.", "Ông đọc lại."]),
    "digit behind": ("Xã có chợ. 27 hộ bán rau.", ["Xã có chợ.", "27 hộ bán rau."]),
    "number in front": ("Từ năm 2019. Đến nay đã khác.", ["Từ năm 2019.", "Đến nay đã khác."]),
    "administrative ending": ("Đề nghị thực hiện./. Nơi nhận: xã.", ["Đề nghị thực hiện./.", "Nơi nhận: xã."]),
    "administrative ending, end": ("Đã nhận./.", ["Đã nhận./."]),
    "closing quotation mark": ("Bà bảo: “Làm đi!” Rồi bà về.", ["Bà bảo: “Làm đi!”", "Rồi bà về."]),
    "straight quotation marks": ('Bà bảo: "Về." Ông về.', ['Bà bảo: "Về."', "Ông về."]),
    "closing bracket": ("Đã họp (lần hai.) Bà về.", ["Đã họp (lần hai.)", "Bà về."]),
    "opening quotation mark": ("Họp xong. “Nghỉ thôi”, bà nói.", ["Họp xong.", "“Nghỉ thôi”, bà nói."]),
    "guillemets": ("Họp xong. «Nghỉ» nhé.", ["Họp xong.", "«Nghỉ» nhé."]),
    "three dots": ("Chợ vắng... Mưa to.", ["Chợ vắng...", "Mưa to."]),
    "ellipsis": ("Chợ vắng… Mưa to.", ["Chợ vắng…", "Mưa to."]),
    "three dots behind an abbreviation": ("Ở TP... Mưa to.", ["Ở TP...", "Mưa to."]),
    "question and exclamation": ("Đến chưa? Rồi! Vào đi?! Vâng.", ["Đến chưa?", "Rồi!", "Vào đi?!", "Vâng."]),
    "Roman numeral": ("Bà dự khóa IX. Ông thì không.", ["Bà dự khóa IX.", "Ông thì không."]),
    "Roman numeral of one letter, V": ("Bà dự khóa V. Ông thì không.", ["Bà dự khóa V.", "Ông thì không."]),
    "Roman numeral of one letter, X": ("Bà dự khóa X. Ông thì không.", ["Bà dự khóa X.", "Ông thì không."]),
    "v.v.": ("Có ngô, khoai, v.v. Bà con vui.", ["Có ngô, khoai, v.v.", "Bà con vui."]),
    "T.Ư": ("Gửi lên T.Ư. Bà chờ.", ["Gửi lên T.Ư.", "Bà chờ."]),
    "line feed": ("chợ sớm\nbến đò", ["chợ sớm", "bến đò"]),
    "carriage return and line feed": ("chợ sớm \r\n\r\n  bến đò\r\n", ["chợ sớm", "bến đò"]),
    "carriage return": ("chợ sớm\rbến đò", ["chợ sớm", "bến đò"]),
    "line break behind an abbreviation": ("ở TP.\nHồ", ["ở TP.", "Hồ"]),
    "Unicode line separator": ("chợ sớm\u2028bến đò", ["chợ sớm", "bến đò"]),
    "no-break space": ("Chợ sớm.\u00a0Bến đò.", ["Chợ sớm.", "Bến đò."]),
    "semicolon list on lines": ("Gồm:\n- Rau;\n- Cá;", ["Gồm:", "- Rau;", "- Cá;"]),
    "nothing": ("", []),
    "white space": (" \n\t\r\n ", []),
}


@pytest.mark.parametrize("text", ONE_SENTENCE)
def test_one_sentence(text: str) -> None:
    assert cut(text, split_sentences(text)) == [text]


@pytest.mark.parametrize("case", SEVERAL)
def test_several_sentences(case: str) -> None:
    text, expected = SEVERAL[case]
    assert cut(text, split_sentences(text)) == expected


def test_ranges_are_offsets_into_the_text() -> None:
    assert split_sentences("  Đến chưa?  Rồi.\r\nVề ") == [(2, 11), (13, 17), (19, 21)]


@pytest.mark.parametrize("abbreviation", sorted(ABBREVIATIONS - {"x"}))
def test_no_sentence_ends_behind_an_abbreviation(abbreviation: str) -> None:
    for written in (abbreviation, abbreviation.capitalize(), abbreviation.upper()):
        text = f"Bà đến {written}. Sương hôm qua"
        assert cut(text, split_sentences(text)) == [text]


def test_an_abbreviation_counts_only_as_a_whole_word() -> None:
    text = "Mùa xuân ấm áp. Bà về."
    assert cut(text, split_sentences(text)) == ["Mùa xuân ấm áp.", "Bà về."]
    assert cut("Bà (ThS. Sương) về", split_sentences("Bà (ThS. Sương) về")) == ["Bà (ThS. Sương) về"]


@given(TEXTS)
def test_every_character_is_in_exactly_one_sentence(text: str) -> None:
    ranges = split_sentences(text)
    assert solid("".join(cut(text, ranges))) == solid(text)
    edges = [edge for range_ in ranges for edge in range_]
    assert edges == sorted(edges)
    for start, end in ranges:
        surface = text[start:end]
        assert surface and surface == surface.strip()
        assert "\n" not in surface and "\r" not in surface


@given(TEXTS)
def test_a_sentence_split_again_stays_one(text: str) -> None:
    for sentence in cut(text, split_sentences(text)):
        assert split_sentences(sentence) == [(0, len(sentence))]


LONG = 20_000
LONG_TEXTS = {
    "dots": "." * LONG + "x",
    "question and quotation marks": "?" * (LONG // 2) + "”" * (LONG // 2) + "x",
    "sentences": "Bà về. " * LONG,
    "abbreviations": "TP. " * LONG,
    "initials": "A." * LONG + " Bê",
    "white space": "A." + " " * LONG + "b",
    "line breaks": "a.\r\n" * LONG,
    "one word": "a" * LONG + ". B",
}


@pytest.mark.parametrize("case", LONG_TEXTS)
def test_time_is_linear(case: str) -> None:
    """Linear work on these takes some hundredths of a second; quadratic work takes seconds."""
    assert cpu_seconds(lambda: split_sentences(LONG_TEXTS[case])) < 0.5
