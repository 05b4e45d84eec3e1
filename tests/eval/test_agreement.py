"""Agreement of two annotation passes."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.annotations import GoldError, Standoff, write_standoff
from data.articles import Article
from data.documents import Document, Entity, Relation
from eval.agreement import compare, main, report
from eval.scoring import Counts
from tests.eval.samples import GOLD, TEXT


def standoff(document: Document) -> Standoff:
    return Standoff.of(document, Article(document.id, document.text, f"{document.id}.txt"))


FIRST = standoff(GOLD)
SECOND = standoff(
    Document(
        GOLD.id,
        TEXT,
        (*GOLD.entities[:1], Entity("r", "ROLE", 14, 20), *GOLD.entities[2:6]),
        (Relation("ATTENDS", "p", "v"), Relation("HOLDS", "p", "r")),
    )
)


def test_counts_by_hand() -> None:
    assert compare([FIRST], [SECOND]) == {
        "entities": {
            "PERSON": Counts(2, 2, 2),
            "ROLE": Counts(0, 1, 1),
            "LOCATION": Counts(2, 2, 3),
            "EVENT": Counts(1, 1, 1),
        },
        "relations": {"HOLDS": Counts(0, 1, 1), "ATTENDS": Counts(1, 1, 1)},
    }
    assert compare([SECOND], [FIRST])["entities"]["LOCATION"] == Counts(2, 3, 2)


def test_different_articles_or_texts_are_refused() -> None:
    other = standoff(Document("khác", TEXT))
    with pytest.raises(GoldError, match="the two passes annotate different articles"):
        compare([FIRST], [other])
    with pytest.raises(GoldError, match="the two passes annotate different articles"):
        compare([FIRST], [SECOND, other])
    changed = standoff(Document(GOLD.id, TEXT + " "))
    with pytest.raises(GoldError, match="^họp-xã: the passes annotate different texts$"):
        compare([FIRST], [changed])


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    write_standoff(tmp_path / "an", [FIRST])
    write_standoff(tmp_path / "bình", [SECOND])
    return tmp_path / "an", tmp_path / "bình"


def test_report(folders: tuple[Path, Path]) -> None:
    write_standoff(folders[0], [standoff(Document("khác", TEXT))])
    assert report(*folders).splitlines() == [
        "1 articles in both, 1 only in an, 0 only in bình",
        "",
        "|  | strict F1 | an | bình |",
        "|---|---|---|---|",
        "| PERSON | 1.000 | 2 | 2 |",
        "| ROLE | 0.000 | 1 | 1 |",
        "| LOCATION | 0.800 | 3 | 2 |",
        "| EVENT | 1.000 | 1 | 1 |",
        "| **all entities** | **0.769** | 7 | 6 |",
        "| HOLDS | 0.000 | 1 | 1 |",
        "| ATTENDS | 1.000 | 1 | 1 |",
        "| **all relations** | **0.500** | 2 | 2 |",
    ]


def test_command_line(folders: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(folder) for folder in folders]) == 0
    assert capsys.readouterr().out == f"## an and bình\n\n{report(*folders)}\n\n"
    assert main([str(folders[0]), str(tmp_path / "nowhere")]) == 1
    assert capsys.readouterr().err == f"eval.agreement: {tmp_path / 'nowhere'}: no stand-off *.json files\n"
    with pytest.raises(SystemExit):
        main([str(folders[0])])


def test_the_passes_in_the_repository(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    printed = capsys.readouterr().out
    assert [line for line in printed.splitlines() if line.startswith("## ")] == [
        "## seeds-a and seeds-b",
        "## seeds-a and seeds",
        "## seeds-b and seeds",
        "## dev-a and dev-b",
        "## dev-a and dev",
        "## dev-b and dev",
        "## train-a and train-b",
        "## train-a and train",
        "## train-b and train",
    ]
