"""Data sets on disk give back what was written, and bad files are named."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from datasets import load_dataset
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.dataset import (
    COLUMNS,
    DataError,
    from_row,
    read_dataset,
    read_jsonl,
    read_schema,
    to_row,
    write_dataset,
    write_jsonl,
)
from data.documents import Document, Entity, Relation
from data.schema import PARTY_BUILDING, RelationType, Schema
from tests.data.samples import TEXT, documents, meeting

SCORED = Document(
    "chấm-điểm",
    TEXT,
    (Entity("p", "PERSON", 13, 25, score=0.25), Entity("r", "ROLE", 27, 50, score=1.0)),
    (Relation("HOLDS", "p", "r", 0.125),),
)
KINDS = [
    meeting(),
    SCORED,
    Document("trống", ""),
    Document("không-giữ", TEXT, kept=()),
    Document("giữ", TEXT, kept=((0, 85), (90, 129))),
    Document("một-câu", TEXT, sentences=((0, 129),)),
    Document("nguồn", "Chợ\u2028Đò\x85🙂", meta={"source": "tự viết, 2019", "năm": 2019, "thẻ": ["a"]}),
]


def same(found: list[Document], expected: list[Document]) -> bool:
    return found == expected and [d.meta for d in found] == [d.meta for d in expected]


@pytest.mark.parametrize("document", KINDS, ids=[d.id for d in KINDS])
def test_row_round_trip(document: Document) -> None:
    row = to_row(document)
    assert set(row) == set(COLUMNS)
    assert same([from_row(row)], [document])


def test_parquet_round_trip(tmp_path: Path) -> None:
    folder = tmp_path / "build" / "data"
    written = write_dataset(folder, {"train": KINDS, "test": [meeting("khác")]})
    assert {name: len(split) for name, split in written.items()} == {"train": len(KINDS), "test": 1}
    assert sorted(path.name for path in folder.iterdir()) == ["schema.json", "test.parquet", "train.parquet"]
    found = read_dataset(folder)
    assert list(found) == ["test", "train"]
    assert same(found["train"], KINDS)
    assert found["test"] == [meeting("khác")]


def test_parquet_opens_with_datasets_and_has_the_columns(tmp_path: Path) -> None:
    write_dataset(tmp_path, {"train": KINDS})
    loaded = load_dataset(
        "parquet", data_files={"train": str(tmp_path / "train.parquet")}, cache_dir=str(tmp_path / "cache")
    )
    assert loaded["train"].features == COLUMNS
    assert loaded["train"]["id"][:2] == ["giao-ban", "chấm-điểm"]


def test_split_without_documents(tmp_path: Path) -> None:
    write_dataset(tmp_path, {"train": [meeting()], "validation": []})
    assert read_dataset(tmp_path) == {"train": [meeting()], "validation": []}


def test_splits_of_an_earlier_build_do_not_stay(tmp_path: Path) -> None:
    write_dataset(tmp_path, {"train": [meeting()], "test": [meeting("khác")]})
    write_dataset(tmp_path, {"train": [meeting()]})
    assert list(read_dataset(tmp_path)) == ["train"]


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(documents(), min_size=1, max_size=3))
def test_round_trips_of_random_documents(tmp_path_factory: pytest.TempPathFactory, some: list[Document]) -> None:
    named = [replace(document, id=str(index)) for index, document in enumerate(some)]
    folder = tmp_path_factory.mktemp("random")
    write_dataset(folder, {"train": named})
    assert read_dataset(folder) == {"train": named}
    write_jsonl(folder / "a.jsonl", named)
    assert list(read_jsonl(folder / "a.jsonl")) == named


def test_schema_travels_with_the_data(tmp_path: Path) -> None:
    schema = Schema(("CAT",), (RelationType("SEES", ("CAT",), ("CAT",)),), name="mèo")
    document = Document(
        "mèo",
        "Mướp Mun",
        (Entity("a", "CAT", 0, 4), Entity("b", "CAT", 5, 8)),
        (Relation("SEES", "a", "b"),),
        schema=schema,
    )
    write_dataset(tmp_path, {"train": [document]}, schema)
    assert read_schema(tmp_path) == schema
    assert read_schema(tmp_path).name == "mèo"
    (again,) = read_dataset(tmp_path)["train"]
    assert again == document
    assert again.schema == schema


def test_schema_defaults_to_the_task(tmp_path: Path) -> None:
    assert read_schema(tmp_path) is PARTY_BUILDING
    write_dataset(tmp_path, {"train": []})
    assert read_schema(tmp_path) == PARTY_BUILDING
    assert json.loads((tmp_path / "schema.json").read_text(encoding="utf-8"))["name"] == "party-building"


def test_folder_without_splits(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        read_dataset(tmp_path)
    message = f"{tmp_path}: no *.parquet splits; build them with: python -m data.build --out {tmp_path}"
    assert str(caught.value) == message


def test_jsonl_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    write_jsonl(path, KINDS)
    assert same(list(read_jsonl(path)), KINDS)
    lines = path.read_bytes().decode("utf-8").split("\n")
    assert len(lines) == len(KINDS) + 1
    assert "Lò Thị Sương" in lines[0]
    path.write_text("\n\n".join(lines), encoding="utf-8")
    assert same(list(read_jsonl(path)), KINDS)


def test_jsonl_with_another_schema(tmp_path: Path) -> None:
    schema = Schema(("CAT",), flat=True)
    path = tmp_path / "a.jsonl"
    write_jsonl(path, [Document("a", "Mướp", (Entity("m", "CAT", 0, 4),), schema=schema)])
    (again,) = read_jsonl(path, schema)
    assert again.entities == (Entity("m", "CAT", 0, 4, "Mướp"),)
    with pytest.raises(DataError, match=r"a\.jsonl:1: document 'a': 1 annotation problem"):
        list(read_jsonl(path))


def broken(**fields: object) -> bytes:
    return json.dumps({"id": "hỏng", "text": "Ông An", **fields}).encode()


BAD_LINES = {
    "not JSON": (b'{"id": ', "Expecting value"),
    "a list": (b"[]", ""),
    "null": (b"null", ""),
    "no text": (
        b'{"id": "a"}',
        "document 'a': 1 annotation problem(s)\n  - field missing or of the wrong kind: 'text'",
    ),
    "a rule broken": (broken(entities=[{"id": "e", "type": "PERSON", "start": 3, "end": 6}]), "document 'hỏng': 1"),
    "start is a word": (broken(entities=[{"id": "e", "type": "PERSON", "start": "x", "end": 6}]), ""),
    "sentence of one number": (broken(sentences=[[1]]), ""),
    "not UTF-8": (b'{"id": "a", "text": "\xff"}', ""),
}


@pytest.mark.parametrize("case", BAD_LINES)
def test_bad_line_is_named_by_its_number(tmp_path: Path, case: str) -> None:
    line, message = BAD_LINES[case]
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"id": "a", "text": "b"}\n\n' + line + b"\n")
    with pytest.raises(DataError) as caught:
        list(read_jsonl(path))
    assert str(caught.value).startswith(f"{path}:3: {message}")


def test_lines_before_a_bad_one_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"id": "a", "text": "b"}\n{', encoding="utf-8")
    lines = read_jsonl(path)
    assert next(lines).id == "a"
    with pytest.raises(DataError, match=r":2: "):
        next(lines)
