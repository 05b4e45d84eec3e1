"""`predict()`: its arguments, its forms of input and output, and where it finds a model."""

from __future__ import annotations

import threading
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from data.schema import PARTY_BUILDING
from models import prediction
from models.configuration import ModelError
from models.prediction import Predictor, default_model, load, predict
from models.results import Prediction
from tests.fixtures.checkpoints import build_extractor
from tests.fixtures.sentences import TEXTS
from tests.models.checks import check, same

TEXT = "\n".join(TEXTS[:6])


@pytest.fixture(scope="module")
def whole(predictor: Predictor) -> Prediction:
    return predictor(TEXT)


def test_a_string_a_list_a_tuple_an_iterator(tiny_model: Path) -> None:
    one = predict(TEXTS[0], model=tiny_model)
    listed = predict([TEXTS[0], TEXTS[1]], model=str(tiny_model))
    from_tuple = predict((TEXTS[0],), model=tiny_model, device="cpu")
    streamed = predict(iter(TEXTS[:2]), model=tiny_model)
    assert isinstance(one, Prediction)
    assert isinstance(listed, list)
    assert isinstance(from_tuple, list)
    assert isinstance(streamed, Iterator)
    assert not isinstance(streamed, list)
    for other in (listed[0], from_tuple[0], next(streamed)):
        same(one, other)
    same(listed[1], next(streamed))
    with pytest.raises(StopIteration):
        next(streamed)
    assert predict([], model=tiny_model) == []
    assert list(predict(iter(()), model=tiny_model)) == []


def counting(text: str, limit: int, read: list[int]) -> Iterator[str]:
    for number in range(limit):
        read.append(number)
        yield text


def test_an_iterator_is_read_as_needed(predictor: Predictor) -> None:
    read: list[int] = []
    stream = predictor(counting(TEXTS[0], 1_000_000, read))
    assert read == []
    first = next(stream)
    check(TEXTS[0], first)
    assert 1 <= len(read) <= prediction.GROUP_WINDOWS
    before = len(read)
    for _ in range(before):
        next(stream)
    assert before < len(read) <= 2 * prediction.GROUP_WINDOWS


def test_an_iterator_of_empty_texts_is_read_as_needed_too(predictor: Predictor) -> None:
    read: list[int] = []
    assert next(predictor(counting("", 3_000, read))).entities == ()
    assert len(read) <= 1_000, "memory grows with the stream"


def test_long_and_short_texts_in_one_stream_keep_their_order(predictor: Predictor) -> None:
    texts = ["", TEXT * 12, TEXTS[0], " ", TEXT * 30, "", TEXTS[1]]
    results = list(predictor(iter(texts)))
    assert [result.text for result in results] == texts
    for text, result in zip(texts, results, strict=True):
        check(text, result)


@pytest.mark.parametrize(
    ("types", "names"),
    [
        (["PERSON", "ROLE"], {"PERSON", "ROLE"}),
        ({"TERM", "EVENT"}, {"TERM", "EVENT"}),
        ("ROLE", {"ROLE"}),
        (iter(("PERSON", "EVENT")), {"PERSON", "EVENT"}),
        ([], set()),
        (PARTY_BUILDING.entity_types, set(PARTY_BUILDING.entity_types)),
    ],
)
def test_types(predictor: Predictor, whole: Prediction, types: Any, names: set[str]) -> None:
    some = predictor(TEXT, types=types)
    check(TEXT, some)
    assert [e.key for e in some.entities] == [e.key for e in whole.entities if e.type in names]
    between = [(h.key, r, t.key) for h, r, t in whole.triples() if h.type in names and t.type in names]
    assert [(h, r.type, r.score, t) for h, r, t in between] == [
        (h.key, r.type, r.score, t.key) for h, r, t in some.triples()
    ]


def test_threshold(predictor: Predictor, whole: Prediction) -> None:
    for threshold in (0, 0.3, 0.8, 1):
        some = predictor(TEXT, threshold=threshold)
        kept = [e.key for e in whole.entities if (e.score or 0) >= threshold]
        assert [e.key for e in some.entities] == kept
        assert all((r.score or 0) >= threshold for r in some.relations)
    assert len(predictor(TEXT, threshold=0.1).relations) > len(predictor(TEXT, threshold=0.9).relations)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"threshold": -0.1}, "threshold is a probability between 0 and 1, not -0.1"),
        ({"threshold": 1.5}, "threshold is a probability between 0 and 1, not 1.5"),
        ({"threshold": float("nan")}, "threshold is a probability between 0 and 1, not nan"),
        ({"batch_size": 0}, "batch_size is a number of windows of at least 1, not 0"),
        ({"types": ["PERSON", "NGƯỜI", "NƠI"]}, "unknown entity types: NGƯỜI, NƠI; this model knows PERSON, ROLE, "),
        ({"types": "person"}, "unknown entity types: person; this model knows PERSON"),
    ],
)
@pytest.mark.parametrize("text", [TEXTS[0], [TEXTS[0]], iter(())], ids=["string", "list", "iterator"])
def test_arguments_out_of_range(predictor: Predictor, text: Any, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as caught:
        predictor(text, **arguments)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("text", [None, 5, 1.5, b"ch\xe1\xbb\xaf", {"text": "chữ"}, object()], ids=repr)
def test_what_is_not_text(predictor: Predictor, text: Any) -> None:
    with pytest.raises(TypeError, match="^predict takes a string, a list of strings or an iterator of strings, not "):
        predictor(text)


@pytest.mark.parametrize(
    ("texts", "kind"), [([None], "0 is NoneType"), (["a", 5], "1 is int"), (["a", ["b"]], "1 is list")]
)
def test_what_is_not_text_in_a_list(predictor: Predictor, texts: Any, kind: str) -> None:
    with pytest.raises(TypeError, match=f"^text number {kind}, not a string$"):
        predictor(texts)
    with pytest.raises(TypeError, match=f"^text number {kind}, not a string$"):
        list(predictor(iter(texts)))


def test_to_dict_has_every_key_even_where_nothing_is_found(predictor: Predictor, whole: Prediction) -> None:
    assert predictor("").to_dict() == {"id": "", "text": "", "entities": [], "relations": []}
    values = whole.to_dict()
    assert [set(e) for e in values["entities"]] == [{"id", "type", "start", "end", "text", "score"}] * len(
        whole.entities
    )
    assert [set(r) for r in values["relations"]] == [{"type", "head", "tail", "score"}] * len(whole.relations)


FURNITURE = (
    "Ông Quàng Văn Bủn báo cáo 48 chi bộ đã họp.\nTin liên quan\nHuyện ủy Mường Sậy họp phiên cuối năm\n"
    "Bà Lường Thị Sướn về nhận nhiệm vụ\nTổng Biên tập: Hà Văn Ngoét\n"
)


def test_clean_leaves_out_site_furniture(predictor: Predictor) -> None:
    cleaned, read = predictor(FURNITURE, clean=True), predictor(FURNITURE)
    check(FURNITURE, cleaned)
    end = FURNITURE.index("\n")
    assert [(FURNITURE[r.start : r.end], r.reason) for r in cleaned.removed] == [
        ("Tin liên quan", "list heading"),
        ("Huyện ủy Mường Sậy họp phiên cuối năm", "link to another article"),
        ("Bà Lường Thị Sướn về nhận nhiệm vụ", "link to another article"),
        ("Tổng Biên tập: Hà Văn Ngoét", "imprint"),
    ]
    assert read.removed == ()
    assert cleaned.entities
    assert all(e.end <= end for e in cleaned.entities)
    assert any(e.start > end for e in read.entities)
    assert predictor("Tin liên quan", clean=True).entities == ()


def test_removed_ranges_are_in_the_callers_own_string(predictor: Predictor) -> None:
    text = unicodedata.normalize("NFD", FURNITURE)
    removed = [text[r.start : r.end] for r in predictor(text, clean=True).removed]
    expected = [FURNITURE[r.start : r.end] for r in predictor(FURNITURE, clean=True).removed]
    assert removed == [unicodedata.normalize("NFD", line) for line in expected]


def test_no_model_anywhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("PHODANG_MODEL", raising=False)
    monkeypatch.setattr(prediction, "SHIPPED", tmp_path / "shipped")
    monkeypatch.chdir(tmp_path)
    message = (
        "no model: train one with 'python -m training.train' (it is looked for in runs/compact/model), "
        "name one with predict(..., model=FOLDER), or set PHODANG_MODEL"
    )
    for attempt in (default_model, lambda: predict("Huyện ủy"), Predictor):
        with pytest.raises(ModelError) as caught:
            attempt()
        assert str(caught.value) == message


def test_where_the_default_model_comes_from(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tiny_model: Path) -> None:
    monkeypatch.delenv("PHODANG_MODEL", raising=False)
    monkeypatch.setattr(prediction, "SHIPPED", tmp_path / "shipped")
    monkeypatch.chdir(tmp_path)
    trained = tmp_path / "runs" / "compact" / "model"
    for folder in (trained, tmp_path / "shipped"):
        folder.mkdir(parents=True)
        (folder / "config.json").write_text("{}", encoding="utf-8")
        assert default_model().resolve() == folder
    monkeypatch.setenv("PHODANG_MODEL", str(tiny_model))
    assert default_model() == tiny_model
    same(predict(TEXTS[0]), predict(TEXTS[0], model=tiny_model))
    monkeypatch.setenv("PHODANG_MODEL", str(tmp_path / "gone"))
    with pytest.raises(ModelError, match="no model here"):
        predict(TEXTS[0])


def test_a_model_is_loaded_once(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load(tiny_model, "cpu") is load(str(tiny_model), "cpu")
    monkeypatch.chdir(tiny_model.parent)
    assert load(tiny_model.name, "cpu") is load(tiny_model, "cpu")


def test_another_segmenter_version_is_told(tiny_encoder: Path, tmp_path: Path) -> None:
    build_extractor(tiny_encoder, segmenter="none 0.1").save_pretrained(tmp_path)
    with pytest.warns(UserWarning, match=r"trained with segmenter 'none 0\.1', at hand is 'none'"):
        Predictor(tmp_path)


def test_threads_share_a_predictor(predictor: Predictor, whole: Prediction) -> None:
    results: list[Prediction] = []
    threads = [threading.Thread(target=lambda: results.append(predictor(TEXT))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 6
    for result in results:
        same(result, whole)
