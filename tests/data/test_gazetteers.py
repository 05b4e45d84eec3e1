"""The tables of facts: complete, and of the expected form."""

from __future__ import annotations

from collections import Counter

from data.gazetteers import HERE, lists, rows


def test_provinces_before_and_after_2025() -> None:
    before = {row[0] for row in rows("provinces")}
    after = {(row[2], row[3]) for row in rows("provinces")}
    assert (len(before), len(after)) == (63, 34)
    assert sum(kind == "thành phố" for _, kind in after) == 6
    assert Counter(row[2] for row in rows("provinces"))["Hồ Chí Minh"] == 3
    assert {row[1] for row in rows("provinces")} == {"tỉnh", "thành phố"}


def test_districts_are_of_known_provinces() -> None:
    provinces = {row[0] for row in rows("provinces")}
    kinds = {"huyện", "quận", "thị xã", "thành phố"}
    assert {row[2] for row in rows("districts")} <= provinces
    assert {row[0] for row in rows("districts")} == kinds
    assert len({row[1:] for row in rows("districts")}) == len(rows("districts"))
    assert len({row[2] for row in rows("districts")}) == 63


def test_fifty_four_peoples() -> None:
    assert len({row[0] for row in rows("names")}) == len(rows("names")) == 54
    assert all(len(row) == 4 and all(part.split() for part in row[1:]) for row in rows("names"))


def test_every_file_names_its_source() -> None:
    for path in HERE.iterdir():
        if path.suffix in {".tsv", ".yaml"}:
            assert "Source" in path.read_text(encoding="utf-8") or "The peoples: Decision" in path.read_text(
                encoding="utf-8"
            ), path.name


def test_lists_hold_no_name_twice() -> None:
    for name, values in lists("organs").items():
        assert len(set(values)) == len(values), name
