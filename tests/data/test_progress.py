"""Progress bars change nothing and stay out of logs."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from itertools import count

import pytest

from data.progress import progress


def test_items_come_through_in_order(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(progress([3, 1, 2], "đếm", "số")) == [3, 1, 2]
    assert list(progress((n for n in "ab"), "đếm", "chữ")) == ["a", "b"]
    assert list(progress([], "đếm", "số")) == []
    assert capsys.readouterr() == ("", "")


def test_items_are_taken_one_by_one() -> None:
    taken: list[int] = []

    def source() -> Iterator[int]:
        for n in range(3):
            taken.append(n)
            yield n

    bar = progress(source(), "đếm", "số")
    assert taken == []
    assert next(bar) == 0
    assert taken == [0]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("seconds", "shown"), [(0.1, False), (1.0, True)])
def test_bar_appears_on_a_terminal_after_two_seconds(
    seconds: float, shown: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr("tqdm.std.time", lambda: now)
    monkeypatch.setattr("sys.stderr", Terminal())
    for _ in progress(range(5), "đếm", "số"):
        now += seconds
    written = sys.stderr.getvalue()  # type: ignore[attr-defined]
    assert ("đếm:  60%" in written) == shown
    assert ("đếm" in written) == shown


def test_no_bar_where_nobody_watches(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Standard error is no terminal here; a clock that jumps makes the bar due."""
    clock = count(0, 10)
    monkeypatch.setattr("tqdm.std.time", lambda: float(next(clock)))
    assert list(progress(range(5), "đếm", "số")) == [0, 1, 2, 3, 4]
    assert capsys.readouterr() == ("", "")
