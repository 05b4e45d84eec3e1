"""The saved configuration: read back whole, refused with one line where it cannot be used."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from transformers import BertConfig, RobertaConfig

from data.schema import PARTY_BUILDING, Schema
from models.configuration import FORMAT, ExtractorConfig, ModelError, max_window
from tests.fixtures.checkpoints import edit_json


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    ExtractorConfig(window=40, base="ví dụ").save(tmp_path, RobertaConfig(vocab_size=50, hidden_size=24))
    return tmp_path


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    schema = Schema(("A", "B"), flat=True, name="phẳng")
    own = ExtractorConfig(schema=schema, segmenter="none", tones=False, window=32, crf=False, entity_threshold=0.25)
    own.save(tmp_path, RobertaConfig(vocab_size=77, num_hidden_layers=3))
    again, encoder = ExtractorConfig.load(tmp_path)
    assert again == own
    assert again.schema.name == "phẳng"
    assert (encoder.vocab_size, encoder.num_hidden_layers, encoder.model_type) == (77, 3, "roberta")
    assert not hasattr(encoder, "phodang")


def test_defaults_and_format_are_written(folder: Path) -> None:
    written = json.loads((folder / "config.json").read_text(encoding="utf-8"))["phodang"]
    assert written["format"] == FORMAT == 2
    assert written["base"] == "ví dụ"
    assert written["schema"] == PARTY_BUILDING.to_dict()
    assert (written["entity_threshold"], written["relation_threshold"]) == (0.0, 0.5)


def test_one_track_a_type_unless_flat() -> None:
    assert ExtractorConfig().tracks == tuple((type_,) for type_ in PARTY_BUILDING.entity_types)
    assert ExtractorConfig(schema=Schema.flat_of(["PER", "LOC"])).tracks == (("LOC", "PER"),)


@pytest.mark.parametrize(
    ("encoder", "pieces"),
    [
        (RobertaConfig(max_position_embeddings=258, pad_token_id=1), 256),
        (RobertaConfig(max_position_embeddings=514, pad_token_id=1), 512),
        (BertConfig(max_position_embeddings=512), 512),
    ],
)
def test_max_window(encoder: Any, pieces: int) -> None:
    assert max_window(encoder) == pieces


def load_error(folder: Path) -> str:
    """The message of the refusal, which is one line and names the folder."""
    with pytest.raises(ModelError) as caught:
        ExtractorConfig.load(folder)
    message = str(caught.value)
    assert "\n" not in message
    assert str(folder) in message
    return message


def test_no_folder_and_no_config(tmp_path: Path) -> None:
    message = load_error(tmp_path / "nowhere")
    assert message.endswith("no model here (no config.json); train one with: python -m training.train")
    assert "no model here" in load_error(tmp_path)


def test_an_encoder_without_heads_says_how_to_train(folder: Path) -> None:
    edit_json(folder / "config.json", lambda values: values.pop("phodang"))
    assert load_error(folder).endswith(f"fine-tune it first: python -m training.train --set encoder={folder}")


def test_a_newer_format_is_refused_before_its_settings_are_read(folder: Path) -> None:
    edit_json(folder / "config.json", lambda values: values["phodang"].update(format=3, unheard_of=1))
    message = load_error(folder)
    assert "saved by a newer version of phodang (format 3, this one reads 2)" in message
    assert message.endswith("pip install -U phodang")


def test_unknown_settings_are_named(folder: Path) -> None:
    edit_json(folder / "config.json", lambda values: values["phodang"].update(b_setting=1, a_setting=2))
    assert load_error(folder).endswith("unknown settings: a_setting, b_setting")


@pytest.mark.parametrize("content", ["", "{", "[]", '"phodang"', "17", "\x00"])
def test_a_file_that_is_no_json_object(content: str, folder: Path) -> None:
    (folder / "config.json").write_text(content, encoding="utf-8")
    load_error(folder)


@pytest.mark.parametrize(
    "change",
    [
        lambda values: values.update(phodang=None),
        lambda values: values["phodang"].update(format="2"),
        lambda values: values["phodang"].pop("schema"),
        lambda values: values["phodang"].update(schema={}),
        lambda values: values.pop("model_type"),
        lambda values: values.update(model_type="no-such-architecture"),
        lambda values: values.update(hidden_size="wide"),
    ],
    ids=["null", "format", "no-schema", "schema", "no-model-type", "model-type", "hidden-size"],
)
def test_damaged_values(change: Callable[[dict[str, Any]], object], folder: Path) -> None:
    edit_json(folder / "config.json", change)
    load_error(folder)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pooling": "max"}, "pooling='max'; known: edges, mean"),
        ({"relation_scorer": "triaffine"}, "relation_scorer='triaffine'; known: mlp, biaffine"),
        ({"entity_temperature": 0.0}, "entity_temperature must be above 0, not 0.0"),
        ({"relation_temperature": float("inf")}, "relation_temperature must be above 0, not inf"),
    ],
)
def test_settings_out_of_range(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        ExtractorConfig(**changes)
