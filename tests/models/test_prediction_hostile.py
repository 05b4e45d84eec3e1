"""`predict()` on texts that no editor would print."""

from __future__ import annotations

import itertools
import unicodedata
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from models.prediction import Predictor
from models.results import Prediction
from tests.fixtures.checkpoints import build_extractor
from tests.models.checks import check, same
from tests.models.hostile import LONG, texts
from tests.models.test_normalization import CHARACTERS

PIECES = st.one_of(
    st.sampled_from(" ".join(t for t in texts() if len(t) < 60).split()),
    st.sampled_from([" ", "  ", "\n", "\r\n", "\t", ". ", "_", "@@", ", ", "\u00a0", "\u200b", "\u0301"]),
    st.text(CHARACTERS, max_size=5),
)


@pytest.fixture(scope="module")
def alone(predictor: Predictor) -> list[Prediction]:
    return [predictor(text) for text in texts()]


def test_every_text(alone: list[Prediction]) -> None:
    assert len(texts()) >= 200
    for text, result in zip(texts(), alone, strict=True):
        check(text, result)
        if not text.strip():
            assert (result.entities, result.relations) == ((), ())
    found = [entity for result in alone for entity in result.entities]
    assert len(found) > 1_000, "a model that finds nothing proves nothing"
    assert len({entity.type for entity in found}) == 12
    assert sum(len(result.relations) for result in alone) > 1_000


@pytest.mark.parametrize("batch_size", [1, 7])
def test_the_same_answer_in_any_company(predictor: Predictor, alone: list[Prediction], batch_size: int) -> None:
    listed = predictor(list(texts()), batch_size=batch_size)
    assert isinstance(listed, list)
    for one, other in zip(alone, listed, strict=True):
        same(one, other)
    if batch_size == 7:
        for one, other in zip(alone[::-1], predictor(reversed(texts())), strict=True):
            same(one, other)


def test_composed_and_decomposed_text_are_read_alike(predictor: Predictor) -> None:
    for text in texts()[::2]:
        if "\u0f40" in text or "\u0cc6" in text:
            continue  # see the tests of `models.normalization`
        nfc, nfd = unicodedata.normalize("NFC", text), unicodedata.normalize("NFD", text)
        one, other = predictor(nfc), predictor(nfd)
        pairs = list(zip(one.entities, other.entities, strict=True))
        assert [e.type for e, _ in pairs] == [e.type for _, e in pairs]
        for a, b in pairs:
            # A span inside one decomposed letter stands for all of that letter.
            assert a.text in unicodedata.normalize("NFC", b.text)


def test_a_long_line_without_a_full_stop(predictor: Predictor) -> None:
    assert len(LONG.encode()) > 100_000
    result = predictor(LONG, threshold=0.5)
    check(LONG, result)
    starts = [entity.start for entity in result.entities]
    assert min(starts) < 2_000
    assert max(starts) > len(LONG) - 2_000
    assert all(b - a < 5_000 for a, b in itertools.pairwise(starts)), "some part of it was not read"
    assert result.distant_pairs > 0


@settings(max_examples=40)
@given(st.lists(PIECES, max_size=25).map("".join))
@example("\x00\x00\x00\x00" + unicodedata.normalize("NFD", "한국어") + "\n\u0301")
def test_any_text(predictor: Predictor, text: str) -> None:
    result = predictor(text)
    check(text, result)
    same(result, predictor([text, "Bí thư Huyện ủy."])[0])


def test_the_default_segmenter_survives_them_too(tiny_encoder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "m"
    build_extractor(tiny_encoder, segmenter="underthesea").save_pretrained(folder)
    with pytest.warns(UserWarning, match="trained with segmenter 'underthesea', at hand is 'underthesea "):
        predictor = Predictor(folder, "cpu")
    for text, result in zip(texts(), predictor(list(texts())), strict=True):
        check(text, result)
