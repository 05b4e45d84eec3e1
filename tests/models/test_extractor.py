"""The model: saved and loaded to the bit, refused with one line where a folder cannot be used."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModel, RobertaModel

from data.schema import Schema
from data.segmentation import NoSegmenter
from data.sentences import split_sentences
from models.configuration import ModelError
from models.decoding import log_likelihood
from models.extractor import Extractor, pad_sentences
from models.features import UNLABELLED, FeatureBuilder, Features
from tests.fixtures.checkpoints import build_extractor, edit_json, encode_items
from tests.fixtures.sentences import article


def items_of(model: Extractor) -> list[Features]:
    text = article().text
    return FeatureBuilder(model.config, model.tokenization, NoSegmenter()).build(text, split_sentences(text))


@torch.no_grad()
def outputs(model: Extractor) -> list[torch.Tensor]:
    states = encode_items(model, items_of(model))
    return [states, model.tag_scores(states), *model.transitions()]


@pytest.fixture
def copy(tiny_model: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_model, tmp_path / "copy"))


def test_saved_and_loaded_gives_identical_outputs(tiny_encoder: Path, tmp_path: Path) -> None:
    model = build_extractor(tiny_encoder, seed=11)
    torch.nn.init.normal_(model.transition_scores)
    model.save_pretrained(tmp_path / "once")
    again = Extractor.from_pretrained(tmp_path / "once")
    assert not again.training
    assert again.config == model.config
    for before, after in zip(outputs(model), outputs(again), strict=True):
        assert torch.equal(before, after)
    again.save_pretrained(str(tmp_path / "twice"))
    for name in ("model.safetensors", "config.json", "vocab.txt", "bpe.codes"):
        assert (tmp_path / "once" / name).read_bytes() == (tmp_path / "twice" / name).read_bytes()


def test_a_folder_holds_these_files_and_no_pickle(tiny_model: Path) -> None:
    assert sorted(path.name for path in tiny_model.iterdir()) == [
        "bpe.codes",
        "config.json",
        "model.safetensors",
        "vocab.txt",
    ]


def test_saving_over_a_model_replaces_it(tiny_encoder: Path, copy: Path) -> None:
    model = build_extractor(tiny_encoder, seed=12, window=33)
    model.save_pretrained(copy)
    again = Extractor.from_pretrained(copy)
    assert again.config.window == 33
    assert torch.equal(again.tags.weight, model.tags.weight)
    again.save_pretrained(copy)


def test_auto_model_loads_the_encoder_part(tiny_model: Path) -> None:
    encoder = AutoModel.from_pretrained(str(tiny_model), add_pooling_layer=False)
    assert isinstance(encoder, RobertaModel)
    own = Extractor.from_pretrained(tiny_model).encoder.state_dict()
    assert own.keys() == encoder.state_dict().keys()
    assert all(torch.equal(value, own[name]) for name, value in encoder.state_dict().items())


@pytest.mark.parametrize(
    "changes",
    [
        {"crf": False},
        {"schema": Schema(("A", "B", "C"), flat=True)},
        {"hidden": 20},
        {"pooling": "mean"},
        {"relation_scorer": "biaffine"},
    ],
)
def test_other_settings_survive(changes: dict[str, object], tiny_encoder: Path, tmp_path: Path) -> None:
    model = build_extractor(tiny_encoder, **changes)
    model.save_pretrained(tmp_path)
    again = Extractor.from_pretrained(tmp_path)
    for before, after in zip(outputs(model), outputs(again), strict=True):
        assert torch.equal(before, after)
    shape = outputs(again)[1].shape
    assert shape[1:] == ((1, 7) if "schema" in changes else (12, 3))
    assert (again.relations is None) == ("schema" in changes)


def cut(path: Path, change: Callable[[bytes], bytes]) -> None:
    path.write_bytes(change(path.read_bytes()))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda raw: raw[:-100], "damaged weights"),
        (lambda raw: raw[: len(raw) // 2], "damaged weights"),
        (lambda raw: raw[:5], "damaged weights"),
        (lambda raw: b"", "damaged weights"),
        (lambda raw: raw + b"\0" * 8, "damaged weights"),
        (lambda raw: raw[:30] + b"\xff" + raw[31:], "damaged weights"),
        (lambda raw: b"PK\x03\x04" + raw, "damaged weights"),
    ],
    ids=["truncated", "half", "stump", "empty", "longer", "altered", "other-format"],
)
def test_damaged_weights(change: Callable[[bytes], bytes], message: str, copy: Path) -> None:
    cut(copy / "model.safetensors", change)
    with pytest.raises(ModelError, match=message) as caught:
        Extractor.from_pretrained(copy)
    assert "\n" not in str(caught.value)
    assert str(copy / "model.safetensors") in str(caught.value)


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "vocab.txt", "bpe.codes"])
def test_a_missing_file(name: str, copy: Path) -> None:
    (copy / name).unlink()
    with pytest.raises(ModelError) as caught:
        Extractor.from_pretrained(copy)
    assert "\n" not in str(caught.value)
    assert str(copy) in str(caught.value)


@pytest.mark.parametrize("name", ["vocab.txt", "bpe.codes"])
def test_a_tokenizer_file_that_was_cut_off(name: str, copy: Path) -> None:
    """It reads well, but every piece behind the cut would silently be another."""
    cut(copy / name, lambda raw: raw[: raw.index(b"\n", len(raw) // 2) + 1])
    with pytest.raises(ModelError, match="tokenizer"):
        Extractor.from_pretrained(copy)


def test_wrong_shapes_are_named(copy: Path) -> None:
    edit_json(copy / "config.json", lambda values: values["phodang"].update(hidden=16))
    with pytest.raises(ModelError, match=r"weights do not fit config\.json \(norm\.bias is \(32,\), not \(16,\);"):
        Extractor.from_pretrained(copy)


def test_missing_and_unexpected_weights_are_named(copy: Path) -> None:
    state = load_file(copy / "model.safetensors")
    state["tag.weight"] = state.pop("tags.weight")
    save_file(state, copy / "model.safetensors")
    with pytest.raises(ModelError, match=r"missing tags\.weight; unexpected tag\.weight"):
        Extractor.from_pretrained(copy)


def test_a_newer_format(copy: Path) -> None:
    edit_json(copy / "config.json", lambda values: values["phodang"].update(format=99))
    with pytest.raises(ModelError, match=r"newer version of phodang \(format 99") as caught:
        Extractor.from_pretrained(copy)
    assert "\n" not in str(caught.value)


def test_an_encoder_only_folder(tiny_encoder: Path) -> None:
    with pytest.raises(ModelError, match="an encoder without extraction heads; fine-tune it first") as caught:
        Extractor.from_pretrained(tiny_encoder)
    assert "\n" not in str(caught.value)


def test_a_configuration_the_encoder_refuses(copy: Path) -> None:
    edit_json(copy / "config.json", lambda values: values.update(num_attention_heads=5))
    with pytest.raises(ModelError) as caught:
        Extractor.from_pretrained(copy)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("window", [7, 97, 4_000])
def test_a_window_the_encoder_cannot_read(window: int, tiny_encoder: Path) -> None:
    with pytest.raises(ModelError, match=rf"^window={window}, but this encoder reads 8 to 96 pieces; set window=96$"):
        build_extractor(tiny_encoder, window=window)


def test_padding_keeps_rows_in_place() -> None:
    values = torch.arange(12.0).reshape(6, 2)
    padded, mask = pad_sentences(values, [1, 3, 2])
    assert mask.tolist() == [[True, False, False], [True, True, True], [True, True, False]]
    assert torch.equal(padded[mask], values)


def random_tags(model: Extractor, lengths: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
    """Emission scores and valid tags of one-syllable spans."""
    generator = torch.Generator().manual_seed(5)
    count = sum(lengths)
    scores = torch.randn(count, model.track_count, model.tag_count, generator=generator)
    return scores, torch.randint(0, 2, (count, model.track_count), generator=generator)


@torch.no_grad()
def test_tag_loss_is_the_likelihood_of_annotated_sentences(tiny_encoder: Path) -> None:
    model = build_extractor(tiny_encoder)
    torch.nn.init.normal_(model.transition_scores)
    lengths = [3, 4, 2]
    scores, tags = random_tags(model, lengths)
    tags[3:7] = UNLABELLED
    total, transitions = 0.0, model.transitions()
    for first, last in ((0, 3), (7, 9)):
        mask = torch.ones(1, last - first, dtype=torch.bool)
        total += log_likelihood(scores[None, first:last], tags[None, first:last], mask, *transitions).sum().item()
    assert model.tag_loss(scores, tags, lengths).item() == pytest.approx(-total / 5, rel=1e-5)
    assert model.tag_loss(scores, torch.full_like(tags, UNLABELLED), lengths).item() == 0


@torch.no_grad()
def test_tag_loss_without_a_crf(tiny_encoder: Path) -> None:
    model = build_extractor(tiny_encoder, crf=False)
    scores, tags = random_tags(model, [2, 2])
    tags[2:] = UNLABELLED
    logs = scores.log_softmax(-1).numpy()
    total = sum(logs[i, track, tags[i, track]] for i in range(2) for track in range(model.track_count))
    assert model.tag_loss(scores, tags, [2, 2]).item() == pytest.approx(-total / 2, rel=1e-5)


def test_relation_mask_is_the_schema(tiny_encoder: Path) -> None:
    model = build_extractor(tiny_encoder)
    types, names = model.config.schema.entity_types, model.config.schema.relation_names
    mask = model.relation_mask(np.array([types.index("PERSON")] * 2), np.array([types.index("EVENT"), 0]))
    assert [[name for name, on in zip(names, row, strict=True) if on] for row in mask] == [["CHAIRS", "ATTENDS"], []]
