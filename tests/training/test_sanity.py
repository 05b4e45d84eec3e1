"""A small model can learn: it memorises the invented sentences."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.dataset import write_dataset
from data.documents import Document
from eval.scoring import Pair, headline
from models.prediction import Predictor
from tests.fixtures.checkpoints import write_encoder
from tests.fixtures.sentences import documents
from tests.training.samples import settings
from training.train import train


@pytest.mark.slow
def test_twenty_sentences_are_memorised(tmp_path: Path) -> None:
    own = documents()
    assert len(own) == 20
    write_dataset(tmp_path / "data", {"train": own, "validation": own[:1]})
    encoder = write_encoder(tmp_path / "encoder", hidden_size=64, intermediate_size=96, num_attention_heads=4)
    run = tmp_path / "run"
    changes = {"epochs": 60, "batch_size": 4, "learning_rate": 1e-3, "head_learning_rate": 5e-3, "dropout": 0.0}
    train(settings(encoder, tmp_path / "data", run, **changes))
    last = max((run / "checkpoints").iterdir(), key=lambda path: path.stat().st_mtime)
    assert last.name == "checkpoint-300"
    found = scores(Predictor(run / "model", "cpu"), own)
    assert found["entity_f1"] >= 0.98
    assert found["relation_f1"] >= 0.9


def scores(predictor: Predictor, gold: list[Document]) -> dict[str, float]:
    predictions = predictor([document.text for document in gold])
    return headline([Pair.of(d, p.entities, p.relations) for d, p in zip(gold, predictions, strict=True)])
