"""Building splits: with and without the real articles, and what is said about each."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from data import build as module
from data.annotations import GoldError, Standoff, write_standoff
from data.articles import Article, ArticleError, clean
from data.audit import boundaries_in_syllables
from data.build import AUTHORED, GOLD, Build, build, main, read_authored
from data.dataset import DataError, read_dataset, write_jsonl
from data.documents import AnnotationError, Document
from data.markup import MarkupError, read_markup, render
from data.segmentation import segmenter
from tests.data.samples import TEXT, meeting

NO_SEEDS = "no text at hand (give --articles DIR or PHODANG_ARTICLES)"
NO_DEV = "no text at hand (give --news FILE.jsonl or PHODANG_NEWS)"
REAL = TEXT + "\n\nTin khác\nMùa quýt\nĐò mới\n"


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PHODANG_ARTICLES", raising=False)
    monkeypatch.delenv("PHODANG_NEWS", raising=False)


@pytest.fixture
def authored(tmp_path: Path) -> Path:
    """Twenty authored documents in two files."""
    folder = tmp_path / "authored"
    folder.mkdir()
    for name, first in (("b", 11), ("a", 1)):
        source = "".join(render(meeting(f"{name}{n}")) for n in range(first, first + 10))
        (folder / f"{name}.md").write_text(source, encoding="utf-8")
    return folder


@pytest.fixture
def articles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two invented articles with gold for the test split, and for the development set."""
    folder = tmp_path / "articles"
    folder.mkdir()
    for split, names in (("seeds", ("s1", "s2")), ("dev", ("d1", "d2")), ("train", ("t1",))):
        for name in names:
            article = Article(name, REAL, f"{name}.txt")
            kept = clean(REAL).kept
            document = Document(name, REAL, meeting().entities, meeting().relations, kept=kept)
            write_standoff(tmp_path / "gold" / split, [Standoff.of(document, article)])
            if split == "seeds":
                (folder / article.file).write_bytes(REAL.encode())
    monkeypatch.setattr(module, "GOLD", tmp_path / "gold")
    return folder


@pytest.mark.parametrize("path", sorted(AUTHORED.glob("*.md")), ids=lambda path: path.stem)
def test_authored_file_parses(path: Path) -> None:
    assert read_markup(path)


def test_authored_documents_are_read_file_by_file(authored: Path) -> None:
    found = read_authored(authored)
    assert [document.id for document in found] == [f"a{n}" for n in range(1, 11)] + [f"b{n}" for n in range(11, 21)]
    (authored / "a.md").write_text("# a\n[Bến", encoding="utf-8")
    with pytest.raises(MarkupError, match=r"^a\.md:2:1: "):
        read_authored(authored)


def test_without_articles_every_tenth_authored_document_validates(authored: Path) -> None:
    result = build(authored=authored)
    assert list(result.splits) == ["train", "validation"]
    assert [document.id for document in result.splits["validation"]] == ["a10", "b20"]
    assert len(result.splits["train"]) == 18
    dev, seeds = (len(list((GOLD / name).glob("*.json"))) for name in ("dev", "seeds"))
    assert result.left_out == [f"dev gold, {dev} documents: {NO_DEV}", f"seeds gold, {seeds} documents: {NO_SEEDS}"]
    assert seeds == 5
    assert result.sources == [
        "train: 18 authored documents, original prose with invented people (Apache-2.0)",
        "validation: 2 authored documents held out of training",
    ]


def test_with_articles(articles: Path, authored: Path) -> None:
    result = build(articles, authored=authored)
    assert [document.id for document in result.splits["test"]] == ["s1", "s2"]
    assert result.splits["test"][0].entities[2].text == "Bí thư Huyện ủy Bến Sỏi"
    assert result.left_out == [
        f"dev gold, 2 documents: {NO_DEV}",
        "seeds/s1: 3 sentences outside the kept ranges (link to another article, list heading)",
        "seeds/s2: 3 sentences outside the kept ranges (link to another article, list heading)",
    ]
    assert result.sources[-1] == "seeds: 2 real articles, stand-off gold joined with articles"


def test_with_news_no_authored_document_is_held_out(articles: Path, authored: Path, tmp_path: Path) -> None:
    news = tmp_path / "news.jsonl"
    write_jsonl(news, [Document(name, REAL) for name in ("x", "d1")])
    result = build(news=news, authored=authored)
    assert {name: len(documents) for name, documents in result.splits.items()} == {"train": 20, "validation": 1}
    assert result.left_out[0] == "dev gold of d2: no article of that id in news.jsonl"
    assert result.left_out[1].startswith("dev/d1: 3 sentences outside the kept ranges")


def test_parts_of_the_training_text(articles: Path, authored: Path, tmp_path: Path) -> None:
    news = tmp_path / "news.jsonl"
    write_jsonl(news, [Document(name, REAL) for name in ("t1", "d1")])
    result = build(news=news, authored=authored, parts=("authored", "news", "generated"), generated=9)
    ids = [document.id for document in result.splits["train"]]
    assert ids[20:] == ["t1", "generated-0001", "generated-0002"]
    assert "train: 1 real articles, stand-off gold joined with news.jsonl" in result.sources
    assert result.sources[-1] == "train: 9 sentences in 2 documents, generated (Apache-2.0)"
    assert [d.id for d in build(news=news, authored=authored, parts=["news"]).splits["train"]] == ["t1"]
    without = build(authored=authored, parts=["news"])
    assert without.splits["train"] == []
    assert f"train gold, 1 documents: {NO_DEV}" in without.left_out
    with pytest.raises(DataError, match="no such part of the training text: wiki; known: authored, news, generated"):
        build(authored=authored, parts=["wiki"])


def test_a_share_of_the_authored_text(authored: Path) -> None:
    whole = build(authored=authored).splits["train"]
    half = build(authored=authored, authored_share=0.5, seed=3).splits["train"]
    assert len(half) == len(whole) // 2
    assert half == [document for document in whole if document in half]
    assert half == build(authored=authored, authored_share=0.5, seed=3).splits["train"]
    assert half != build(authored=authored, authored_share=0.5, seed=4).splits["train"]


def test_folders_from_the_environment(articles: Path, authored: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHODANG_ARTICLES", str(articles))
    assert len(build(authored=authored).splits["test"]) == 2
    monkeypatch.setenv("PHODANG_ARTICLES", "")
    assert "test" not in build(authored=authored).splits


def test_missing_article_is_left_out_by_name(articles: Path) -> None:
    (articles / "s1.txt").unlink()
    result = build(articles, authored=None)
    assert [document.id for document in result.splits["test"]] == ["s2"]
    assert "seeds gold of s1: no article of that id in articles" in result.left_out


def test_changed_article_is_refused(articles: Path) -> None:
    (articles / "s2.txt").write_bytes(REAL.replace("3-4", "3-5").encode())
    with pytest.raises(GoldError, match=r"^s2\.txt: the text of 's2' was changed"):
        build(articles, authored=None)


def test_own_training_documents(authored: Path, tmp_path: Path) -> None:
    write_jsonl(tmp_path / "own.jsonl", [meeting("riêng")])
    result = build(train=[tmp_path / "own.jsonl"], authored=authored)
    assert [document.id for document in result.splits["train"]][-1] == "riêng"
    assert len(result.splits["train"]) == 19
    assert result.sources[-1] == "train: 1 documents of own.jsonl"
    assert build(train=[tmp_path / "own.jsonl"], authored=None).splits["train"] == [meeting("riêng")]


def test_inputs_that_cannot_be_read(articles: Path, authored: Path, tmp_path: Path) -> None:
    with pytest.raises(ArticleError, match="no such file or folder"):
        build(tmp_path / "không", authored=None)
    (tmp_path / "own.jsonl").write_text("{", encoding="utf-8")
    with pytest.raises(DataError, match=r"own\.jsonl:1: "):
        build(train=[tmp_path / "own.jsonl"], authored=None)
    (authored / "a.md").write_text("# a\n[Bến](NƠI)", encoding="utf-8")
    with pytest.raises(AnnotationError, match=r"a\.md: a"):
        build(authored=authored)


def test_training_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"không\.jsonl"):
        build(train=[tmp_path / "không.jsonl"], authored=None)


def test_fingerprint_tells_data_apart() -> None:
    splits = {"train": [meeting()], "test": [meeting("khác")]}
    fingerprint = Build(splits).fingerprint
    assert len(fingerprint) == 64
    assert Build(dict(reversed(splits.items())), sources=["x"]).fingerprint == fingerprint
    for other in (
        {"train": [meeting()]},
        {"train": [meeting()], "dev": [meeting("khác")]},
        {"train": [meeting()], "test": [Document("khác", TEXT, meeting().entities, meeting().relations[1:])]},
    ):
        assert Build(other).fingerprint != fingerprint


@pytest.fixture
def run(authored: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """The command line, over the invented authored text."""
    monkeypatch.setattr(module, "build", partial(build, authored=authored))
    return lambda *arguments: main([str(argument) for argument in arguments])


Run = Callable[..., int]


def test_command_line_writes_data_and_card(
    run: Run, articles: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert run("--articles", articles, "--out", out) == 0
    found = read_dataset(out)
    assert {name: len(documents) for name, documents in found.items()} == {"test": 2, "train": 18, "validation": 2}
    card = (out / "README.md").read_text(encoding="utf-8")
    assert card.startswith("# Data card\n") and "| documents | 18 | 2 | 2 |" in card
    printed = capsys.readouterr().out
    assert card in printed and "\n| s1 | 2 | PERSON:2 " in printed
    assert printed.endswith(f"written: {out}\n")


def test_check_prints_problems_and_writes_nothing(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--check", "--out", tmp_path / "out") == 1
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith("error: near copies in different splits: train/a1: ")
    assert printed[-1] == f"1 errors, {len(printed) - 2} warnings"
    assert not (tmp_path / "out").exists()


def test_check_without_errors(
    authored: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (authored / "a.md").unlink()
    (authored / "b.md").write_text(render(meeting()), encoding="utf-8")
    monkeypatch.setattr(module, "build", partial(build, authored=authored))
    assert main(["--check"]) == 0
    assert capsys.readouterr().out.endswith("warning: type without examples: train: IN_TERM\n0 errors, 10 warnings\n")


def test_command_line_prints_errors_in_one_line(
    run: Run, articles: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (articles / "s1.txt").write_bytes(b"a")
    assert run("--articles", articles, "--out", tmp_path / "out") == 1
    assert capsys.readouterr().err.startswith("data.build: s1.txt: the text of 's1' was changed: ")
    assert not (tmp_path / "out").exists()


def test_the_five_articles(articles_folder: Path) -> None:
    result = build(articles_folder, authored=None)
    assert len(result.splits["test"]) == 5
    assert list(boundaries_in_syllables(result.splits, segmenter("underthesea"))) == []


def test_one_changed_character_in_the_five_articles_is_refused(articles_folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in articles_folder.glob("*.txt"):
        shutil.copyfile(path, copy / path.name)
    changed = min(copy.iterdir())
    changed.write_bytes(changed.read_bytes() + b" ")
    with pytest.raises(GoldError, match=f"{changed.name}: the text of '{changed.stem}' was changed"):
        build(copy, authored=None)


def test_the_development_gold(news_file: Path) -> None:
    result = build(news=news_file, authored=None)
    assert len(result.splits["validation"]) == len(list((GOLD / "dev").glob("*.json")))
    assert list(boundaries_in_syllables(result.splits, segmenter("underthesea"))) == []
