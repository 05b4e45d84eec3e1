"""The confusion picture."""

from __future__ import annotations

import io
from collections import Counter

import pytest

from data.schema import PARTY_BUILDING
from eval.errors import MISSED, SPURIOUS
from eval.pictures import confusion_picture

image = pytest.importorskip("matplotlib.image")


def test_a_picture_is_a_png_and_shows_its_numbers() -> None:
    table = Counter({("PERSON", "PERSON"): 30, ("PERSON", "ROLE"): 2, ("ROLE", MISSED): 5, (SPURIOUS, "TERM"): 1})
    picture = confusion_picture(table, PARTY_BUILDING.entity_types)
    assert picture.startswith(b"\x89PNG")
    pixels = image.imread(io.BytesIO(picture))
    assert pixels.shape[0] > 500
    assert pixels.shape[1] > 500
    assert confusion_picture(Counter(), PARTY_BUILDING.entity_types) != picture
    assert confusion_picture(table, PARTY_BUILDING.entity_types) == picture
