"""The masked-language objective and the encoder it leaves."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import AutoModel

from models.encoders import load_encoder
from tests.training.samples import masked_model, write_token_files
from training.masking import MaskedObjective, save_encoder
from training.sequences import Sequences


def test_loss_is_over_masked_pieces(tmp_path: Path) -> None:
    files, tokenization = write_token_files(tmp_path)
    objective = MaskedObjective(masked_model(tokenization)).eval()
    data = Sequences(files, tokenization, length=18, batch_size=8, mask=0.2, seed=1, held_out=8)
    batch = data.step(0)
    with torch.no_grad():
        loss, hits = objective(**batch)
        expected = objective.model(**batch)
    asked = batch["labels"] != -100
    assert loss.item() / asked.sum().item() == pytest.approx(expected.loss.item(), rel=1e-5)
    assert hits.item() == (expected.logits.argmax(-1) == batch["labels"])[asked].sum().item()


def test_the_encoder_that_is_saved_loads(tmp_path: Path) -> None:
    _, tokenization = write_token_files(tmp_path)
    trained = masked_model(tokenization)
    save_encoder(tmp_path / "encoder", trained)
    assert not (tmp_path / "encoder" / "model.safetensors.partial").exists()
    encoder, read, _ = load_encoder(str(tmp_path / "encoder"))
    assert encoder.config.vocab_size == read.vocabulary_size
    own = trained.roberta.state_dict()
    for name, value in encoder.state_dict().items():
        assert torch.equal(value, own[name].half().float())
    assert AutoModel.from_pretrained(str(tmp_path / "encoder"), add_pooling_layer=False).config.hidden_size == 16
