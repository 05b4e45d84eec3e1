"""News files as they come: reading, cleaning with reasons, nothing dropped silently.

Cleaning never changes the text. It says which ranges of it are the article and which are site
furniture (lists of other headlines, imprint, menus, share buttons), each with its reason, so that
every offset stays an offset into the file.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from data.sentences import Range


class ArticleError(ValueError):
    """A file that cannot be read as an article; the message names file and place."""


@dataclass(frozen=True)
class Article:
    """NFC text of one article file or one line of JSONL, and where it came from."""

    id: str
    text: str
    file: str
    source: str = ""

    @property
    def sha256(self) -> str:
        """SHA-256 of the NFC text in UTF-8, the identity stand-off annotations refer to."""
        return hashlib.sha256(self.text.encode("utf-8")).hexdigest()


@dataclass(frozen=True, slots=True)
class Removal:
    """A range of the text that is not part of the article, and why."""

    start: int
    end: int
    reason: str


@dataclass(frozen=True)
class Cleaning:
    """Ranges that are the article, and ranges that are not. Blank lines are in neither."""

    kept: tuple[Range, ...]
    removed: tuple[Removal, ...]


def read_article(path: Path) -> Article:
    """Read a UTF-8 text file; line breaks stay as they are, the text is normalised to NFC.

    Raises:
        ArticleError: the file is not UTF-8; the message gives the byte offset.
    """
    raw = path.read_bytes()
    try:
        text = raw.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise ArticleError(
            f"{path}: not UTF-8 at byte {error.start} (0x{raw[error.start]:02x}); convert the file to UTF-8 first"
        ) from None
    return Article(path.stem, unicodedata.normalize("NFC", text), path.name)


def read_articles(path: Path) -> Iterator[Article]:
    """Articles of a folder of `*.txt` files (by name) or of a JSONL file with `id` and `text`.

    Raises:
        ArticleError: nothing there, or a file or line that cannot be read, named.
    """
    if path.is_dir():
        files = sorted(path.glob("*.txt"))
        if not files:
            raise ArticleError(f"{path}: no *.txt files in this folder")
        yield from map(read_article, files)
        return
    if not path.is_file():
        raise ArticleError(f"{path}: no such file or folder")
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                record = json.loads(line.decode("utf-8"))
                text, name = unicodedata.normalize("NFC", record["text"]), str(record["id"])
            except (ValueError, KeyError, TypeError) as error:
                raise ArticleError(f"{path}:{number}: not a JSON object with 'id' and 'text' ({error})") from None
            yield Article(name, text, path.name, str(record.get("source") or ""))


def _any_of(*patterns: str) -> re.Pattern[str]:
    """One pattern for a whole line, ignoring case; trailing decoration allowed."""
    return re.compile(rf"(?:{'|'.join(patterns)})[ :.»>]*", re.IGNORECASE)


# Headings above lists of links to other articles. Everything that looks like a link below them goes.
_LIST_HEADING = _any_of(
    r"(?:các )?tin(?: bài)? (?:cùng chuyên mục|cùng chủ đề|liên quan|khác|mới hơn|cũ hơn)",
    r"(?:các )?tin(?: bài)? (?:mới nhất|nổi bật|đọc nhiều|xem nhiều|đã đưa)",
    r"(?:các )?bài(?: viết)? (?:khác|liên quan|cùng chuyên mục)",
    r"xem tin theo ngày|mới nhất|(?:xem|đọc) nhiều(?: nhất)?|(?:có thể )?bạn quan tâm",
    r"tin tức khác|video (?:clip|mới)|chuyên mục|danh mục",
)
_CONTROL = _any_of(
    r"(?:gửi )?phản hồi|(?:gửi )?bình luận(?: \(\d+\))?|ý kiến(?: bạn đọc| của bạn)?",
    r"chia sẻ(?: bài viết)?|(?:in|gửi|lưu) (?:bài(?: viết| này)?|trang|tin|email)",
    r"(?:quay lại|trở về|về) (?:đầu )?(?:trang(?: chủ| trước)?)|lên đầu trang",
    r"đăng nhập|đăng ký|tìm kiếm|xem thêm|xem tiếp|nghe đọc bài|thích|copy link|sao chép liên kết",
    r"facebook|twitter|zalo|youtube|google\+?|print|email|tweet|a[+\- ]*a[+\- ]*a?",
    r"(?:cỡ|kích thước) chữ.{0,12}|(?:lượt (?:xem|truy cập)|đã xem) ?:? ?[\d.,]*|theo dõi.{0,20}trên.{0,30}",
    r"trang chủ(?: ?[>»›/|].*)?",
)
_KEYWORDS = re.compile(r"(?:tags?|từ khóa|từ khoá) ?:", re.IGNORECASE)
_FURNITURE_LENGTH = 200
"""No list heading or control is longer; longer lines are not matched against them."""
_IMPRINT = re.compile(
    "|".join(
        (
            r"(?:quyền |phó )?tổng biên tập ?:|(?:trưởng ban|thường trực) biên tập ?:",
            r"(?:tòa|toà) soạn(?: và trị sự)? ?:|trụ sở(?: chính| tòa soạn)? ?:|địa chỉ(?: tòa soạn)? ?:",
            r"(?:số )?điện thoại(?: tòa soạn)? ?:|đt ?: ?[\d(+]|tel ?[:.]|fax ?[:.]|hotline ?:",
            r"đường dây nóng ?:|e-?mail ?:|website ?:|liên hệ quảng cáo",
            r"giấy phép(?: xuất bản| hoạt động| thiết lập)?.{0,60}số|(?:cơ quan|đơn vị) chủ quản ?:",
            r"(?:chịu|người chịu) trách nhiệm(?: chính| nội dung| xuất bản).{0,20}:",
            r"bản quyền (?:thuộc|©|của)|©|copyright|ghi rõ nguồn|thiết kế (?:bởi|và phát triển)",
        )
    ),
    re.IGNORECASE,
)
"""How imprint lines begin."""
_LINE = re.compile(r"[^\n\r]+")
_LINK_LENGTH = 250


def _looks_like_link(line: str) -> bool:
    """A headline or time stamp of another article: short, and not ending as prose does."""
    return len(line) <= _LINK_LENGTH and not line.endswith((".", ";", "./.", "…", ":"))


def clean(text: str) -> Cleaning:
    """Tell the article from site furniture, line by line.

    Reasons given: `list heading`, `link to another article`, `control`, `imprint`.
    """
    kept: list[Range] = []
    removed: list[Removal] = []
    in_list = False
    for match in _LINE.finditer(text):
        line = match.group().strip()
        if not line:
            continue
        start = match.start() + match.group().index(line)
        end = start + len(line)
        bare = line.lstrip("-–•*+>» ").strip()
        reason = None
        short = len(bare) <= _FURNITURE_LENGTH
        if short and _LIST_HEADING.fullmatch(bare):
            reason, in_list = "list heading", True
        elif _KEYWORDS.match(bare) or (short and _CONTROL.fullmatch(bare)):
            reason = "control"
        elif _IMPRINT.match(bare):
            reason = "imprint"
        elif in_list and _looks_like_link(line):
            reason = "link to another article"
        else:
            in_list = False
        if reason is not None:
            removed.append(Removal(start, end, reason))
        elif kept and not text[kept[-1][1] : start].strip():
            kept[-1] = (kept[-1][0], end)
        else:
            kept.append((start, end))
    return Cleaning(tuple(kept), tuple(removed))
