"""The stand-off gold in the repository: well formed, and without article text."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from data.annotations import Standoff
from data.build import GOLD
from data.schema import PARTY_BUILDING

FILES = [path for split in ("seeds", "dev") for path in sorted((GOLD / split).glob("*.json"))]
NAMES = [f"{path.parent.name}/{path.stem}" for path in FILES]
LONGEST_SURFACE = 250
LONGEST_META = 100


@cache
def load(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.fixture(params=FILES, ids=NAMES)
def path(request: pytest.FixtureRequest) -> Path:
    return request.param


def test_there_are_five_seeds_and_a_development_set() -> None:
    assert sum(path.parent.name == "seeds" for path in FILES) == 5
    assert sum(path.parent.name == "dev" for path in FILES) >= 5


def test_ids_are_unique_and_name_the_file() -> None:
    assert [load(path)["id"] for path in FILES] == [path.stem for path in FILES]
    assert len({path.stem for path in FILES}) == len(FILES)


def test_no_key_holds_article_text(path: Path) -> None:
    values = load(path)
    keys = {"id", "file", "sha256", "guidelines", "kept", "entities", "relations"}
    assert keys <= set(values) <= keys | {"meta"}
    assert all(set(entity) == {"id", "type", "start", "end", "text"} for entity in values["entities"])
    assert all(set(relation) == {"type", "head", "tail"} for relation in values["relations"])
    for value in (values["id"], values["file"], *values.get("meta", {}).values()):
        assert isinstance(value, str) and len(value) <= LONGEST_META
    assert len(values["sha256"]) == 64 and set(values["sha256"]) <= set("0123456789abcdef")


def test_surfaces_fit_their_offsets_and_are_short(path: Path) -> None:
    for entity in load(path)["entities"]:
        assert len(entity["text"]) == entity["end"] - entity["start"], entity
        assert 0 < len(entity["text"]) <= LONGEST_SURFACE, entity
        assert entity["text"] == entity["text"].strip(), entity
        assert "\n" not in entity["text"], entity


def test_surfaces_at_overlapping_offsets_agree(path: Path) -> None:
    """Two spans over the same character must read the same character."""
    read: dict[int, str] = {}
    for entity in load(path)["entities"]:
        for at, char in enumerate(entity["text"], start=entity["start"]):
            assert read.setdefault(at, char) == char, entity


def test_spans_lie_in_ordered_kept_ranges(path: Path) -> None:
    values = load(path)
    edges = [edge for kept in values["kept"] for edge in kept]
    assert edges == sorted(edges) and min(edges) >= 0
    for entity in values["entities"]:
        assert any(start <= entity["start"] and entity["end"] <= end for start, end in values["kept"]), entity


def test_types_are_the_schema_s_and_one_type_never_overlaps(path: Path) -> None:
    ends: dict[str, int] = {}
    for entity in load(path)["entities"]:
        assert entity["type"] in PARTY_BUILDING.entity_types, entity
        assert entity["start"] >= ends.get(entity["type"], 0), entity
        ends[entity["type"]] = entity["end"]


def test_relations_join_what_the_schema_allows(path: Path) -> None:
    values = load(path)
    types = {entity["id"]: entity["type"] for entity in values["entities"]}
    assert len(types) == len(values["entities"])
    seen = {tuple(relation.values()) for relation in values["relations"]}
    assert len(seen) == len(values["relations"])
    for relation in values["relations"]:
        assert relation["type"] in PARTY_BUILDING.between(types[relation["head"]], types[relation["tail"]]), relation


def test_file_is_as_it_would_be_written(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert Standoff.from_json(source, path.name).to_json() == source
