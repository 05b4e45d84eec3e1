"""Progress bars on standard error, only where a person watches or asked for them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sized
from typing import TypeVar

from tqdm.auto import tqdm

T = TypeVar("T")


def progress(items: Iterable[T], what: str, unit: str) -> Iterator[T]:
    """`items`, with a bar that appears if they take longer than two seconds."""
    total = len(items) if isinstance(items, Sized) else None
    yield from tqdm(items, desc=what, unit=f" {unit}", total=total, delay=2, mininterval=0.5, leave=False, disable=None)
