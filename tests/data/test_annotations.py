"""Stand-off annotations: bound to one text by its hash, and free of it otherwise."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given

from data.annotations import GoldError, Standoff, join_all, read_standoff, write_standoff
from data.articles import Article
from data.documents import AnnotationError, Document, Entity, Relation
from tests.data.samples import TEXT, content, documents, meeting

ARTICLE = Article("giao-ban", TEXT, "giao-ban.txt", "tự viết")
HASH = hashlib.sha256(TEXT.encode()).hexdigest()
SMALL = Standoff(
    id="nhỏ",
    file="nhỏ.txt",
    sha256="00",
    kept=((0, 6),),
    entities=(Entity("e1", "PERSON", 0, 2, "An"), Entity("e2", "ROLE", 3, 6, "P.B")),
    relations=(Relation("HOLDS", "e1", "e2"),),
    guidelines="1.0",
    meta={"source": "tự viết"},
)
SMALL_JSON = """\
{
  "id": "nhỏ",
  "file": "nhỏ.txt",
  "sha256": "00",
  "guidelines": "1.0",
  "meta": {"source": "tự viết"},
  "kept": [[0, 6]],
  "entities": [
    {"id": "e1", "type": "PERSON", "start": 0, "end": 2, "text": "An"},
    {"id": "e2", "type": "ROLE", "start": 3, "end": 6, "text": "P.B"}
  ],
  "relations": [
    {"type": "HOLDS", "head": "e1", "tail": "e2"}
  ]
}
"""


def test_what_remains_of_a_document() -> None:
    standoff = Standoff.of(meeting(), ARTICLE)
    assert (standoff.id, standoff.file, standoff.sha256) == ("giao-ban", "giao-ban.txt", HASH)
    assert standoff.guidelines == "1.1"
    assert standoff.kept == ((0, 129),)
    assert [e.id for e in standoff.entities] == [f"e{n}" for n in range(1, 9)]
    assert standoff.relations == (
        Relation("HOLDS", "e2", "e3"),
        Relation("CHAIRS", "e2", "e6"),
        Relation("AT", "e3", "e4"),
        Relation("LOCATED_IN", "e4", "e5"),
        Relation("HELD_ON", "e6", "e1"),
    )


def test_kept_ranges_are_carried_over() -> None:
    part = Document("phần", TEXT, kept=((0, 50), (60, 129)))
    assert Standoff.of(part, ARTICLE).kept == ((0, 50), (60, 129))


def test_nothing_kept_stays_nothing_kept() -> None:
    standoff = Standoff.of(Document("không", TEXT, kept=()), ARTICLE)
    assert standoff.kept == ()
    assert standoff.join(ARTICLE).kept_sentences == ()


@given(documents())
def test_round_trip_through_json_and_join(document: Document) -> None:
    article = Article(document.id, document.text, "a.txt")
    standoff = Standoff.of(document, article)
    again = Standoff.from_json(standoff.to_json(), "a.json")
    assert again == standoff
    assert content(again.join(article)) == content(document)


def test_json_has_one_annotation_a_line_and_no_text() -> None:
    assert SMALL.to_json() == SMALL_JSON
    bare = json.loads(replace(SMALL, entities=(), relations=(), meta={}).to_json())
    assert bare == {
        "id": "nhỏ",
        "file": "nhỏ.txt",
        "sha256": "00",
        "guidelines": "1.0",
        "kept": [[0, 6]],
        "entities": [],
        "relations": [],
    }
    assert Standoff.from_json(SMALL_JSON, "a.json") == SMALL


@pytest.mark.parametrize(
    ("start", "end"),
    [("{", ""), ("{", "["), ('"sha256": "00",', ""), ("[[0, 6]]", "[[0]]"), ('"text": "An"', '"t": "An"')],
)
def test_file_that_is_no_standoff_is_named(start: str, end: str) -> None:
    with pytest.raises(GoldError, match=r"^gold/nhỏ\.json: not a stand-off file: "):
        Standoff.from_json(SMALL_JSON.replace(start, end, 1), "gold/nhỏ.json")


@pytest.mark.parametrize("changed", [TEXT + " ", TEXT.replace("Sương", "Sướng"), TEXT.replace("\n", "\r\n")])
def test_changed_article_is_refused_by_name_and_hash(changed: str) -> None:
    standoff = Standoff.of(meeting(), ARTICLE)
    with pytest.raises(GoldError) as caught:
        standoff.join(replace(ARTICLE, text=changed))
    assert str(caught.value) == (
        f"giao-ban.txt: the text of 'giao-ban' was changed: annotations were made on SHA-256 {HASH}, "
        f"this text has {hashlib.sha256(changed.encode()).hexdigest()}; use the original file"
    )


def test_surface_that_does_not_stand_there_is_refused() -> None:
    standoff = Standoff.of(meeting(), ARTICLE)
    moved = replace(standoff.entities[1], text="Lò Thị Sướng")
    with pytest.raises(AnnotationError, match="the text there reads 'Lò Thị Sương'"):
        replace(standoff, entities=(moved,), relations=()).join(ARTICLE)


def test_folder_round_trip(tmp_path: Path) -> None:
    folder = tmp_path / "gold" / "dev"
    other = replace(SMALL, id="bé")
    write_standoff(folder, [SMALL, other])
    assert sorted(path.name for path in folder.iterdir()) == ["bé.json", "nhỏ.json"]
    assert read_standoff(folder) == [other, SMALL]
    assert (folder / "nhỏ.json").read_text(encoding="utf-8") == SMALL_JSON


def test_folder_without_annotations(tmp_path: Path) -> None:
    with pytest.raises(GoldError, match=r": no stand-off \*\.json files$"):
        read_standoff(tmp_path)


def test_bad_file_of_a_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "hỏng.json").write_text("{}", encoding="utf-8")
    with pytest.raises(GoldError, match=r"hỏng\.json: not a stand-off file: KeyError\('id'\)$"):
        read_standoff(tmp_path)


def test_join_all_names_what_is_missing_and_keeps_the_order() -> None:
    names = ["b", "a", "c"]
    annotations = [replace(Standoff.of(meeting(), ARTICLE), id=name) for name in names]
    joined, missing = join_all(annotations, [Article(name, TEXT, "x.jsonl") for name in ("a", "z", "b")])
    assert [document.id for document in joined] == ["b", "a"]
    assert missing == ["c"]
    assert joined[0] == Document("b", TEXT, annotations[0].entities, annotations[0].relations, kept=((0, 129),))


def test_join_all_refuses_a_changed_article() -> None:
    with pytest.raises(GoldError, match="the text of 'giao-ban' was changed"):
        join_all([Standoff.of(meeting(), ARTICLE)], [replace(ARTICLE, text="Chợ")])
