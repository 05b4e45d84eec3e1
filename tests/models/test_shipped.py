"""The model that ships: it is whole, it answers without being named, and it is as good as its card says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from data.build import build
from eval.scoring import Pair, headline
from models.configuration import ExtractorConfig
from models.encoders import EMBEDDED
from models.prediction import ENVIRONMENT, SHIPPED, Predictor, default_model

TEXT = (
    "Chiều 12/3/2024, tại thành phố Vinh, Ban Thường vụ Tỉnh ủy Nghệ An tổ chức Hội nghị công bố quyết định về công tác "
    "cán bộ.\nÔng Lê Khắc Mạo, Ủy viên Ban Thường vụ Tỉnh ủy, được chỉ định giữ chức Bí thư Huyện ủy Kỳ Sơn nhiệm kỳ "
    "2020 - 2025."
)


@pytest.fixture(scope="module")
def shipped() -> Predictor:
    return Predictor(SHIPPED, device="cpu")


def test_it_travels() -> None:
    files = {path.name: path.stat().st_size for path in SHIPPED.iterdir()}
    assert set(files) == {"README.md", "calibration.json", "config.json", "model.safetensors", "vocab.txt", "bpe.codes"}
    assert files["model.safetensors"] <= 40_000_000
    for name in ("vocab.txt", "bpe.codes"):
        assert (SHIPPED / name).read_bytes() == (EMBEDDED["compact"] / name).read_bytes()


def test_it_is_found_without_being_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ENVIRONMENT, raising=False)
    assert default_model() == SHIPPED


def test_what_it_was_calibrated_with_is_what_it_uses() -> None:
    config, _ = ExtractorConfig.load(SHIPPED)
    told = json.loads((SHIPPED / "calibration.json").read_text(encoding="utf-8"))
    for name in ("entity_temperature", "relation_temperature", "entity_threshold", "relation_threshold"):
        assert getattr(config, name) == told[name]
    assert told["entity_error"] < 0.05
    assert told["relation_error"] < 0.05


def test_an_invented_text(shipped: Predictor) -> None:
    found = shipped(TEXT)
    entities = {(e.type, e.text) for e in found.entities}
    assert {
        ("DATE", "Chiều 12/3/2024"),
        ("LOCATION", "thành phố Vinh"),
        ("PARTY_ORG", "Ban Thường vụ Tỉnh ủy Nghệ An"),
        ("LOCATION", "Nghệ An"),
        ("EVENT", "Hội nghị công bố quyết định về công tác cán bộ"),
        ("PERSON", "Lê Khắc Mạo"),
        ("ROLE", "Ủy viên Ban Thường vụ Tỉnh ủy"),
        ("ROLE", "Bí thư Huyện ủy Kỳ Sơn"),
        ("TERM", "nhiệm kỳ 2020 - 2025"),
    } <= entities
    triples = {(head.text, relation.type, tail.text) for head, relation, tail in found.triples()}
    assert {
        ("Lê Khắc Mạo", "HOLDS", "Bí thư Huyện ủy Kỳ Sơn"),
        ("Bí thư Huyện ủy Kỳ Sơn", "AT", "Huyện ủy Kỳ Sơn"),
        ("Bí thư Huyện ủy Kỳ Sơn", "IN_TERM", "nhiệm kỳ 2020 - 2025"),
    } <= triples


def _headline(shipped: Predictor, **source: Path) -> dict[str, float]:
    split = "test" if "articles" in source else "validation"
    documents = build(**source, authored=None).splits[split]  # type: ignore[arg-type]
    predictions = shipped([document.text for document in documents])
    return headline([Pair.of(d, p.entities, p.relations) for d, p in zip(documents, predictions, strict=True)])


def test_the_five_articles(shipped: Predictor, articles_folder: Path) -> None:
    found = _headline(shipped, articles=articles_folder)
    assert found["entity_f1"] > 0.86
    assert found["relation_f1"] > 0.8


def test_the_development_articles(shipped: Predictor, news_file: Path) -> None:
    found = _headline(shipped, news=news_file)
    assert found["entity_f1"] > 0.9
    assert found["relation_f1"] > 0.83
