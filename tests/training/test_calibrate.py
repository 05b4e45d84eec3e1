"""Temperatures and thresholds: found where they are known, written, and without effect on the answers."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from data.dataset import read_dataset
from data.documents import Document, Entity, Relation
from eval.scoring import Pair
from models.configuration import ExtractorConfig
from models.prediction import Predictor
from training.calibrate import (
    FILE,
    HEATS,
    Judged,
    calibration_error,
    cross_fitted_error,
    cut,
    fitted,
    judge_entities,
    judge_relations,
    main,
    precision_table,
)


def overconfident(heat: float, count: int = 40_000) -> Judged:
    """Predictions whose logits are `heat` times too large."""
    random = np.random.default_rng(1)
    logits = random.normal(1, 1.5, count)
    right = random.random(count) < 1 / (1 + np.exp(-logits))
    return Judged(1 / (1 + np.exp(-logits * heat)), right, np.arange(count) % 10)


@pytest.mark.parametrize("heat", [0.7, 1.0, 1.9])
def test_the_temperature_is_found(heat: float) -> None:
    by_heat = {each: overconfident(heat).heated(each) for each in HEATS}
    found = fitted(by_heat, np.arange(10))
    assert abs(np.log(found / heat)) < 0.12
    assert calibration_error(by_heat[found]) < 0.015
    assert cross_fitted_error(by_heat, 10) < 0.02
    if heat == 1.9:
        assert calibration_error(overconfident(heat)) > 0.05


def test_calibration_error_by_hand() -> None:
    judged = Judged(np.array([0.95, 0.95, 0.55]), np.array([True, False, True]), np.zeros(3, dtype=int))
    assert calibration_error(judged) == pytest.approx(2 / 3 * 0.45 + 1 / 3 * 0.45)
    assert calibration_error(Judged(np.array([]), np.array([], dtype=bool), np.array([], dtype=int))) == 0


def sample() -> Pair:
    text = "Lê Na, Bí thư, nói với Vi Thị Xa."
    gold = Document(
        "a", text, (Entity("p", "PERSON", 0, 5), Entity("r", "ROLE", 7, 13)), (Relation("HOLDS", "p", "r"),)
    )
    found = (
        Entity("1", "PERSON", 0, 5, score=0.9),
        Entity("2", "ROLE", 7, 13, score=0.6),
        Entity("3", "PERSON", 23, 32, score=0.3),
    )
    return Pair.of(gold, found, (Relation("HOLDS", "1", "2", 0.8), Relation("HOLDS", "3", "2", 0.7)))


def test_judging() -> None:
    judged = judge_entities([sample()])
    assert list(zip(judged.scores, judged.right, strict=True)) == [(0.9, True), (0.6, True), (0.3, False)]
    related = judge_relations([sample()])
    # The second relation is between entities of which one is wrong: its score is not asked.
    assert list(zip(related.scores, related.right, strict=True)) == [(0.8, True)]
    assert judge_relations([]).loss == 0


def test_cutting_takes_relations_of_what_is_left_out() -> None:
    pair = cut(sample(), 0.5, 0.0)
    assert [e.id for e in pair.entities] == ["1", "2"]
    assert [r.head for r in pair.relations] == ["1"]
    assert cut(sample(), 0.0, 0.75).relations == pair.relations


def test_precision_by_threshold() -> None:
    first, *_, last = precision_table([sample()])
    assert (first["entity_precision"], first["entity_recall"]) == (1.0, 1.0)
    assert (last["entity_precision"], last["entity_recall"]) == (0.0, 0.0)
    assert first["relation_precision"] == 0.5


def test_a_model_is_calibrated_on_disk(
    tiny_model: Path, tiny_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(tiny_model, folder)
    assert main(["--model", str(folder), "--data", str(tiny_data)]) == 0
    told = json.loads(capsys.readouterr().out)
    config, _ = ExtractorConfig.load(folder)
    assert json.loads((folder / FILE).read_text(encoding="utf-8")) == told
    for name in ("entity_temperature", "relation_temperature", "entity_threshold", "relation_threshold"):
        assert getattr(config, name) == told[name]
    # A temperature moves scores, not spans: without thresholds the spans are those of the model before.
    text = read_dataset(tiny_data)["validation"][0].text
    before = Predictor(tiny_model, device="cpu")(text)
    after = Predictor(folder, device="cpu")(text, threshold=0.0)
    assert [e.key for e in after.entities] == [e.key for e in before.entities]


def test_a_split_that_is_not_there(tiny_model: Path, tiny_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--model", str(tiny_model), "--data", str(tiny_data), "--split", "dev"]) == 1
    assert "no documents in the split dev; it has train, validation" in capsys.readouterr().err
