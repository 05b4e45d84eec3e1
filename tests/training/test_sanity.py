"""A small model can learn: it memorises the invented sentences."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.dataset import write_dataset
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
    write_dataset(tmp_path / "data", {"train": own, "validation": own})
    sizes = {"hidden_size": 64, "intermediate_size": 96, "num_attention_heads": 4}
    silent = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    encoder = write_encoder(tmp_path / "encoder", **sizes, **silent)
    changes = {"epochs": 45, "batch_size": 4, "learning_rate": 1e-3, "head_learning_rate": 5e-3, "dropout": 0.0}
    train(settings(encoder, tmp_path / "data", tmp_path / "run", **changes))
    predictions = Predictor(tmp_path / "run" / "model", "cpu")([document.text for document in own])
    found = headline([Pair.of(d, p.entities, p.relations) for d, p in zip(own, predictions, strict=True)])
    assert found["entity_f1"] >= 0.98
    assert found["relation_f1"] >= 0.9
