"""Worksheets: what annotators get, what is read back, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given

from data.annotations import read_standoff
from data.articles import Article
from data.documents import AnnotationError, Document, Entity
from data.markup import MarkupError
from data.worksheets import describe, main, new_sheet, read_sheet
from tests.data.samples import TEXTS, content, meeting

TEXT = "Chợ [cũ] đông.\r\n#1 Đò vắng. Bà Lò Thị Sương, Bí thư Huyện ủy, đã về.\r\n\r\nTin khác\r\nMùa quýt\r\n"
ARTICLE = Article("chợ", TEXT, "chợ.txt", "tự viết")
ARTICLES = {"chợ": ARTICLE}
SHEET = "# chợ {kept=0-68}\n\nChợ \\[cũ\\] đông.\n\\#1 Đò vắng.\nBà Lò Thị Sương, Bí thư Huyện ủy, đã về.\n"
ANNOTATED = SHEET.replace(
    "Lò Thị Sương, Bí thư Huyện ủy", "[Lò Thị Sương](PERSON: HOLDS r), [Bí thư [Huyện ủy](PARTY_ORG o)](ROLE r: AT o)"
)


def test_new_sheet_has_the_kept_sentences_one_a_line() -> None:
    assert new_sheet(ARTICLE) == SHEET


def test_kept_ranges_can_be_given() -> None:
    sheet = "# chợ {kept=0-14,72-90}\n\nChợ \\[cũ\\] đông.\nTin khác\nMùa quýt\n"
    assert new_sheet(ARTICLE, [(0, 14), (72, 90)]) == sheet
    assert new_sheet(ARTICLE, ()) == "# chợ {kept=}\n\n"


def test_sheet_without_annotations_is_read_back() -> None:
    document = read_sheet(SHEET, ARTICLES)
    assert (document.id, document.text, document.kept) == ("chợ", TEXT, ((0, 68),))
    assert document.meta == {"source": "tự viết"}
    assert (document.entities, document.relations) == ((), ())


def test_annotations_get_offsets_of_the_article() -> None:
    document = read_sheet("\n\n".join(ANNOTATED.split("\n")).replace("Đò vắng", "Đò [vắng](TERM)"), ARTICLES)
    assert [e.id for e in document.entities] == ["e1", "e2", "e3", "e4"]
    assert content(document) == (
        TEXT,
        {("TERM", 22, 26), ("PERSON", 31, 43), ("ROLE", 45, 60), ("PARTY_ORG", 52, 60)},
        [("AT", ("ROLE", 45, 60), ("PARTY_ORG", 52, 60)), ("HOLDS", ("PERSON", 31, 43), ("ROLE", 45, 60))],
    )


@given(TEXTS)
def test_any_text_survives_a_sheet(text: str) -> None:
    article = Article("a", text, "a.txt")
    for sheet in (new_sheet(article), new_sheet(article, [(0, len(text))])):
        document = read_sheet(sheet, {"a": article})
        assert document.text == text
        assert document.entities == ()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("Sương", "Sướng", "s.md:5: the words were changed at character 12: article has 'ơng, Bí thư Huyện ủy"),
        ("Đò vắng.", "Đò vắng", "s.md:4: the words were changed at character 10: article has '.', worksheet has ''"),
        ("Đò vắng.", "Đò vắng..", "s.md:4: the words were changed at character 11: article has '', worksheet has '.'"),
        (r"\[cũ\] đông", r"\[cũ\]  đông", "s.md:3: the words were changed at character 9: article has 'đông.'"),
        ("\\#1 Đò vắng.\n", "", "s.md:4: the words were changed at character 0: article has '#1 Đò vắng.'"),
    ],
    ids=["letter", "missing at the end", "more at the end", "white space", "line missing"],
)
def test_changed_words_are_refused_with_their_place(old: str, new: str, message: str) -> None:
    assert old in SHEET
    with pytest.raises(MarkupError) as caught:
        read_sheet(SHEET.replace(old, new), ARTICLES, "s.md")
    assert str(caught.value).startswith(message)


def test_missing_last_sentence() -> None:
    with pytest.raises(MarkupError, match=r"^s\.md: sentence 3 of 3 is missing: 'Bà Lò Thị Sương, Bí thư"):
        read_sheet(SHEET.rsplit("Bà", 1)[0], ARTICLES, "s.md")


def test_line_too_many() -> None:
    with pytest.raises(MarkupError, match=r"^s\.md:6:1: more lines than the article has kept sentences: 'Thêm'$"):
        read_sheet(SHEET + "Thêm\n", ARTICLES, "s.md")


def test_broken_markup_names_its_line() -> None:
    with pytest.raises(MarkupError, match=r"^s\.md:5:4: '\[' is never closed$"):
        read_sheet(SHEET.replace("Lò", "[Lò"), ARTICLES, "s.md")


def test_broken_rule() -> None:
    with pytest.raises(AnnotationError, match="unknown type"):
        read_sheet(SHEET.replace("Sương", "[Sương](NGƯỜI)"), ARTICLES, "s.md")


@pytest.mark.parametrize(
    "heading",
    [
        "",
        "# chợ",
        "## chợ {kept=0-68}",
        "# chợ {style=news}",
        "# chợ {kept=0}",
        "# chợ {kept=0-b}",
        "# chợ {kept=0-68-70}",
    ],
)
def test_malformed_heading(heading: str) -> None:
    with pytest.raises(MarkupError, match=r"^s\.md:1:1: the first line of a worksheet is '# id \{kept=start-end,"):
        read_sheet(f"{heading}\n\nChợ", ARTICLES, "s.md")


def test_unknown_article() -> None:
    with pytest.raises(MarkupError, match=r"^s\.md:1:1: no article 'đò' at hand$"):
        read_sheet("# đò {kept=0-1}\n", ARTICLES, "s.md")


def test_description() -> None:
    assert describe(read_sheet(ANNOTATED, ARTICLES)) == (
        "[0] Chợ [cũ] đông.\n"
        "[1] #1 Đò vắng.\n"
        "[2] Bà Lò Thị Sương, Bí thư Huyện ủy, đã về.\n"
        "      PERSON     Lò Thị Sương\n"
        "      ROLE       Bí thư Huyện ủy\n"
        "      PARTY_ORG  Huyện ủy\n"
        "      -> HOLDS(Lò Thị Sương | Bí thư Huyện ủy)\n"
        "      -> AT(Bí thư Huyện ủy | Huyện ủy)"
    )
    assert describe(meeting()).count("\n      ") == 13
    assert describe(Document("a", "An", (Entity("e", "PERSON", 0, 2),))) == "[0] An\n      PERSON     An"


@pytest.fixture
def news(tmp_path: Path) -> Path:
    folder = tmp_path / "news"
    folder.mkdir()
    (folder / "chợ.txt").write_bytes(TEXT.encode())
    (folder / "đò.txt").write_bytes("Đò vắng.".encode())
    return folder


def test_command_line_from_new_to_gold(news: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sheets, gold = tmp_path / "sheets", tmp_path / "gold"
    assert main(["new", "--articles", str(news), "--ids", "chợ", "--out", str(sheets)]) == 0
    assert [path.name for path in sheets.iterdir()] == ["chợ.md"]
    (sheets / "chợ.md").write_text(ANNOTATED, encoding="utf-8")
    assert main(["check", "--articles", str(news), str(sheets / "chợ.md"), "--show"]) == 0
    assert capsys.readouterr().out.endswith("-> AT(Bí thư Huyện ủy | Huyện ủy)\nchợ.md: 3 entities, 2 relations\n")
    assert not gold.exists()
    assert main(["save", "--articles", str(news), "--out", str(gold), str(sheets / "chợ.md")]) == 0
    (saved,) = read_standoff(gold)
    assert (saved.id, saved.file, saved.kept, len(saved.entities)) == ("chợ", "chợ.txt", ((0, 68),), 3)
    assert saved.join(Article("chợ", TEXT, "chợ.txt")).text == TEXT


def test_new_sheets_of_all_articles(news: Path, tmp_path: Path) -> None:
    main(["new", "--articles", str(news), "--out", str(tmp_path / "sheets")])
    assert (tmp_path / "sheets" / "đò.md").read_text(encoding="utf-8") == "# đò {kept=0-8}\n\nĐò vắng.\n"
    assert len(list((tmp_path / "sheets").iterdir())) == 2


def test_bad_sheet_does_not_stop_the_others(news: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, source in (("a.md", SHEET.replace("Đò", "Dò")), ("b.md", ANNOTATED)):
        (tmp_path / name).write_text(source, encoding="utf-8")
    out = tmp_path / "gold"
    arguments = ["save", "--articles", str(news), "--out", str(out), str(tmp_path / "a.md"), str(tmp_path / "b.md")]
    assert main(arguments) == 1
    printed = capsys.readouterr()
    assert "a.md:4: the words were changed at character 3" in printed.err
    assert printed.out == "b.md: 3 entities, 2 relations\n"
    assert [path.name for path in out.iterdir()] == ["chợ.json"]


@pytest.mark.parametrize("command", ["new", "save"])
def test_out_is_needed(command: str, news: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main([command, "--articles", str(news)])
    assert f"{command} needs --out" in capsys.readouterr().err


def test_unknown_id_is_named(news: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["new", "--articles", str(news), "--ids", "bến", "--out", str(tmp_path)])
    assert "bến" in capsys.readouterr().err


def test_missing_articles_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--articles", str(tmp_path / "không"), str(tmp_path / "a.md")]) == 1
    assert "không: no such file or folder" in capsys.readouterr().err
