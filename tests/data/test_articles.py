"""Reading news files, and telling articles from site furniture."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.articles import Article, ArticleError, Removal, clean, read_article, read_articles
from tests.data.samples import TEXTS, cpu_seconds, cut, solid


def write(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def test_article_file(tmp_path: Path) -> None:
    article = read_article(write(tmp_path, "chợ-phiên.txt", "Chợ phiên\r\n\r\nĐông vui.\n".encode()))
    assert article == Article("chợ-phiên", "Chợ phiên\r\n\r\nĐông vui.\n", "chợ-phiên.txt")


def test_hash_is_of_the_nfc_text_without_byte_order_mark(tmp_path: Path) -> None:
    text = "Chợ phiên Bến Sỏi"
    expected = hashlib.sha256(text.encode()).hexdigest()
    decomposed = b"\xef\xbb\xbf" + unicodedata.normalize("NFD", text).encode()
    article = read_article(write(tmp_path, "a.txt", decomposed))
    assert article.text == text
    assert article.sha256 == expected
    assert Article("b", text + " ", "b.txt").sha256 != expected


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"Ch\xff", "not UTF-8 at byte 2 (0xff); convert the file to UTF-8 first"),
        ("Chợ ".encode() + b"\xe1\xba", "not UTF-8 at byte 6 (0xe1); convert the file to UTF-8 first"),
        (b"\xef\xbb\xbfCh\xff", "not UTF-8 at byte 5 (0xff); convert the file to UTF-8 first"),
    ],
    ids=["byte", "cut off", "behind a byte order mark"],
)
def test_byte_that_is_not_utf8_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    path = write(tmp_path, "a.txt", content)
    with pytest.raises(ArticleError) as caught:
        read_article(path)
    assert str(caught.value) == f"{path}: {message}"


def test_folder_is_read_by_name_and_only_text_files(tmp_path: Path) -> None:
    for name in ("b.txt", "a.txt", "c.md"):
        write(tmp_path, name, name.encode())
    assert [article.text for article in read_articles(tmp_path)] == ["a.txt", "b.txt"]


def test_folder_without_articles(tmp_path: Path) -> None:
    with pytest.raises(ArticleError, match=r": no \*\.txt files in this folder$"):
        list(read_articles(tmp_path))


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ArticleError, match=r"không\.jsonl: no such file or folder$"):
        list(read_articles(tmp_path / "không.jsonl"))


def test_json_lines(tmp_path: Path) -> None:
    lines = [{"id": 7, "text": "Chợ", "source": "tự viết"}, {"id": "b", "text": unicodedata.normalize("NFD", "Đò ế")}]
    path = write(tmp_path, "a.jsonl", b"\n\n".join(json.dumps(line).encode() for line in lines) + b"\n")
    assert list(read_articles(path)) == [
        Article("7", "Chợ", "a.jsonl", "tự viết"),
        Article("b", "Đò ế", "a.jsonl", ""),
    ]


def test_source_null_is_no_source(tmp_path: Path) -> None:
    path = write(tmp_path, "a.jsonl", b'{"id": "a", "text": "b", "source": null}\n')
    assert [article.source for article in read_articles(path)] == [""]


BAD_LINES = {
    "not JSON": b"{",
    "a list": b"[1]",
    "a string": b'"a"',
    "no id": b'{"text": "a"}',
    "no text": b'{"id": "a"}',
    "text is null": b'{"id": "a", "text": null}',
    "text is a number": b'{"id": "a", "text": 5}',
    "not UTF-8": b'{"id": "a", "text": "\xff"}',
}


@pytest.mark.parametrize("case", BAD_LINES)
def test_bad_line_is_named_by_its_number(tmp_path: Path, case: str) -> None:
    path = write(tmp_path, "a.jsonl", b'{"id": "a", "text": "b"}\n\n' + BAD_LINES[case] + b"\n")
    with pytest.raises(ArticleError, match=r"a\.jsonl:3: "):
        list(read_articles(path))


FURNITURE = {
    "list heading": ["Tin liên quan", "CÁC TIN KHÁC:", "» Tin cùng chuyên mục", "Bài viết liên quan", "Đọc nhiều nhất"],
    "control": [
        "Chia sẻ",
        "Gửi bình luận (12)",
        "A+ A-",
        "Lượt xem: 1.204",
        "Từ khóa: chợ, đò",
        "Trang chủ > Tin",
        "In trang",
    ],
    "imprint": [
        "Tổng Biên tập: Lò Thị Sương",
        "Tòa soạn: số 5 phố Chợ",
        "Điện thoại: 0000 111",
        "ĐT: (000) 111",
        "Email: toasoan@ban.vn",
        "Giấy phép hoạt động báo điện tử số 00/GP",
        "© Báo Bến Sỏi",
        "Ghi rõ nguồn khi đăng lại",
    ],
}


@pytest.mark.parametrize(("reason", "line"), [(reason, line) for reason, lines in FURNITURE.items() for line in lines])
def test_furniture_is_removed_with_its_reason(reason: str, line: str) -> None:
    text = f"Chợ đông.\n  {line}  \nĐò vắng."
    cleaning = clean(text)
    assert cleaning.removed == (Removal(12, 12 + len(line), reason),)
    assert cut(text, cleaning.kept) == ["Chợ đông.", "Đò vắng."]


@pytest.mark.parametrize(
    "line",
    [
        "Bà con chia sẻ bài hát mới.",
        "Tin liên quan đến vụ lúa làm dân vui.",
        "Tổng Biên tập Lò Thị Sương đến dự.",
        "Điện thoại reo giữa cuộc họp.",
        "- Thích nhất là mùa quýt",
        "---",
    ],
)
def test_prose_is_kept(line: str) -> None:
    assert clean(line).removed == ()
    assert cut(line, clean(line).kept) == [line]


def test_links_below_a_list_heading_go_until_prose_returns() -> None:
    lines = ["Chợ đông.", "Tin khác", "- Đò mới về bến", "(3/4) Mùa quýt", "", "Bà con đã nghe.", "Một dòng ngắn"]
    text = "\r\n".join(lines)
    cleaning = clean(text)
    assert [(text[r.start : r.end], r.reason) for r in cleaning.removed] == [
        ("Tin khác", "list heading"),
        ("- Đò mới về bến", "link to another article"),
        ("(3/4) Mùa quýt", "link to another article"),
    ]
    assert cut(text, cleaning.kept) == ["Chợ đông.", "Bà con đã nghe.\r\nMột dòng ngắn"]


def test_a_long_line_is_no_link() -> None:
    for length, kept in ((250, 0), (251, 1)):
        assert len(clean("Tin khác\n" + "a" * length).kept) == kept


def test_lines_apart_by_blank_lines_are_one_range() -> None:
    assert clean(" Chợ\r\n\r\n \t\r\nĐò \n").kept == ((1, 14),)
    assert clean("").kept == () and clean("\n \r\n").kept == ()


ANY_LINE = st.one_of(TEXTS, st.sampled_from([line for lines in FURNITURE.values() for line in lines]))


@given(st.lists(ANY_LINE, max_size=8), st.sampled_from(["\n", "\r\n", "\r", "\n\n"]))
def test_kept_and_removed_cover_the_text(lines: list[str], line_break: str) -> None:
    text = line_break.join(lines)
    cleaning = clean(text)
    ranges = sorted([*cleaning.kept, *((r.start, r.end) for r in cleaning.removed)])
    assert solid("".join(cut(text, ranges))) == solid(text)
    edges = [edge for range_ in ranges for edge in range_]
    assert edges == sorted(edges)
    assert all(surface and surface == surface.strip() for surface in cut(text, ranges))


@pytest.mark.parametrize(
    "line",
    ["a a" + " " * 30_000 + "b", "Lượt xem" + "." * 30_000 + "b", "Tags:" + "." * 30_000, "- " * 30_000 + "b"],
    ids=["text size", "views", "tags", "bullets"],
)
def test_time_on_one_long_line_is_linear(line: str) -> None:
    """Linear work on these takes some thousandths of a second; quadratic work takes seconds."""
    assert cpu_seconds(lambda: clean(line)) < 0.5
