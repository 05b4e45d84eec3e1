"""Data sets on disk: documents as JSONL (exchange) or as Parquet splits of a `DatasetDict`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from datasets import Dataset, DatasetDict, Features, List, Value
from datasets.utils import logging as datasets_logging
from pyarrow import parquet

from data.documents import AnnotationError, Document
from data.schema import PARTY_BUILDING, Schema

SCHEMA_FILE = "schema.json"
_RANGE = List(Value("int64"))
COLUMNS = Features(
    {
        "id": Value("string"),
        "text": Value("string"),
        "entities": List(
            {
                "id": Value("string"),
                "type": Value("string"),
                "start": Value("int64"),
                "end": Value("int64"),
                "text": Value("string"),
                "score": Value("float64"),
            }
        ),
        "relations": List(
            {"type": Value("string"), "head": Value("string"), "tail": Value("string"), "score": Value("float64")}
        ),
        "kept": List(_RANGE),
        "sentences": List(_RANGE),
        "meta": Value("string"),
    }
)


class DataError(ValueError):
    """A data file that cannot be read; the message names file and line."""


def to_row(document: Document) -> dict[str, Any]:
    """A document as a row of `COLUMNS`."""
    return {
        **document.to_dict(),
        "kept": None if document.kept is None else [list(kept) for kept in document.kept],
        "sentences": [list(sentence) for sentence in document.sentences or ()],
        "meta": json.dumps(dict(document.meta), ensure_ascii=False),
    }


def from_row(row: Mapping[str, Any], schema: Schema = PARTY_BUILDING) -> Document:
    """The inverse of `to_row`."""
    return Document.from_dict({**row, "meta": json.loads(row.get("meta") or "{}")}, schema)


def write_dataset(folder: Path, splits: Mapping[str, list[Document]], schema: Schema = PARTY_BUILDING) -> DatasetDict:
    """Write one Parquet file a split, and the schema beside them. Returns what was written."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / SCHEMA_FILE).write_text(json.dumps(schema.to_dict(), indent=2) + "\n", encoding="utf-8")
    for old in folder.glob("*.parquet"):
        old.unlink()
    datasets_logging.disable_progress_bar()
    result = DatasetDict()
    for name, documents in splits.items():
        rows = [to_row(document) for document in documents]
        result[name] = Dataset.from_dict(
            {column: [row[column] for row in rows] for column in COLUMNS}, features=COLUMNS
        )
        result[name].to_parquet(str(folder / f"{name}.parquet"))
    return result


def read_schema(folder: Path) -> Schema:
    """The schema of a data set; the task's own where none is written."""
    path = folder / SCHEMA_FILE
    if not path.is_file():
        return PARTY_BUILDING
    return Schema.from_dict(json.loads(path.read_text(encoding="utf-8")))


def read_dataset(folder: Path) -> dict[str, list[Document]]:
    """Documents of each split of a data set that `write_dataset` wrote.

    Raises:
        DataError: no Parquet files there.
    """
    files = sorted(folder.glob("*.parquet"))
    if not files:
        raise DataError(f"{folder}: no *.parquet splits; build them with: python -m data.build --out {folder}")
    schema = read_schema(folder)
    return {file.stem: [from_row(row, schema) for row in parquet.read_table(file).to_pylist()] for file in files}


def read_jsonl(path: Path, schema: Schema = PARTY_BUILDING) -> Iterator[Document]:
    """Documents of a JSONL file in the exchange format.

    Raises:
        DataError: no such file, a line that is not JSON, or annotations that break a rule; the line is named.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                yield Document.from_dict(json.loads(line.decode("utf-8")), schema)
            except (AnnotationError, ValueError, AttributeError) as error:
                raise DataError(f"{path}:{number}: {error}") from None


def write_jsonl(path: Path, documents: Iterable[Document]) -> None:
    """Write documents in the exchange format, one a line."""
    with path.open("w", encoding="utf-8") as out:
        for document in documents:
            out.write(json.dumps(document.to_dict(), ensure_ascii=False) + "\n")
