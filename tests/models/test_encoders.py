"""Encoders from folders, from a configuration alone, and from a hub that cannot be reached."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from models.configuration import ModelError
from models.encoders import EMBEDDED, freeze, keep_layers, load_encoder, resolve_encoder
from tests.fixtures.checkpoints import edit_json, write_encoder


def weights(folder: Path, seed: int = 0) -> dict[str, torch.Tensor]:
    return load_encoder(str(folder), seed)[0].state_dict()


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(value, other[name]) for name, value in one.items())


def test_safetensors_and_pytorch_bin_give_the_same(tiny_encoder: Path, tmp_path: Path) -> None:
    folder = write_encoder(tmp_path / "published", "bin")
    assert sorted(path.name for path in folder.iterdir()) == [
        "bpe.codes",
        "config.json",
        "pytorch_model.bin",
        "vocab.txt",
    ]
    encoder, tokenization, origin = load_encoder(str(folder))
    assert origin == f"pretrained weights of {folder}"
    assert encoder.config.vocab_size == tokenization.vocabulary_size
    stored = torch.load(folder / "pytorch_model.bin", weights_only=True)
    assert same(encoder.state_dict(), {name.removeprefix("roberta."): value for name, value in stored.items()})
    assert same(encoder.state_dict(), weights(tiny_encoder))
    assert "pooler.dense.weight" not in encoder.state_dict()


def test_half_precision_weights_are_computed_with_in_full(tiny_encoder: Path, tmp_path: Path) -> None:
    folder = write_encoder(tmp_path / "half")
    state = {name: value.half() for name, value in load_file(folder / "model.safetensors").items()}
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    edit_json(folder / "config.json", lambda values: values.update(dtype="float16"))
    encoder, _, _ = load_encoder(str(folder))
    assert {parameter.dtype for parameter in encoder.parameters()} == {torch.float32}


def test_without_weights_they_are_drawn_with_the_seed(tmp_path: Path) -> None:
    folder = write_encoder(tmp_path / "layout", None)
    torch.manual_seed(5)
    before = torch.get_rng_state()
    encoder, _, origin = load_encoder(str(folder), seed=3)
    assert torch.equal(torch.get_rng_state(), before), "others' random numbers are not touched"
    assert origin == f"random weights (seed 3) in the layout of {folder}"
    assert same(encoder.state_dict(), weights(folder, seed=3))
    assert not same(encoder.state_dict(), weights(folder, seed=4))


def test_the_embedded_encoder_is_there() -> None:
    assert resolve_encoder("compact") == EMBEDDED["compact"]
    assert (EMBEDDED["compact"] / "config.json").is_file()
    encoder, tokenization, _ = load_encoder("compact")
    assert encoder.config.vocab_size >= tokenization.vocabulary_size


@pytest.mark.parametrize("name", ["nowhere", "./nowhere/at-all", "a/b/c", "~/model"])
def test_neither_folder_nor_hub_id(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        ModelError, match=r"^no encoder .*: not a folder, not a hub id \(owner/name\), not one of compact$"
    ):
        resolve_encoder(name)


def test_a_hub_id_without_a_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ModelError) as caught:
        load_encoder("ban-lang/mo-hinh-nho")
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith("cannot get 'ban-lang/mo-hinh-nho' from the hub (")
    assert message.endswith(
        "download it elsewhere and give its folder: --set encoder=FOLDER (init_from=FOLDER to pretrain)"
    )


def refused(folder: Path) -> str:
    with pytest.raises(ModelError) as caught:
        load_encoder(str(folder))
    message = str(caught.value)
    assert "\n" not in message
    assert str(folder) in message
    return message


def test_a_folder_without_a_configuration(tmp_path: Path) -> None:
    folder = write_encoder(tmp_path / "e")
    (folder / "config.json").unlink()
    assert refused(folder) == f"{folder}: no config.json, so no encoder"


def test_tokenizer_and_encoder_of_different_models(tmp_path: Path) -> None:
    folder = write_encoder(tmp_path / "e", None)
    edit_json(folder / "config.json", lambda values: values.update(vocab_size=100))
    assert "pieces, the encoder embeds 100; their files are from different models" in refused(folder)


@pytest.mark.parametrize("kind", ["safetensors", "bin"])
@pytest.mark.parametrize(
    "change",
    [lambda raw: raw[:-500], lambda raw: b"", lambda raw: b"version https://git-lfs.github.com/spec/v1\n"],
    ids=["truncated", "empty", "lfs-pointer"],
)
def test_damaged_weights(kind: str, change: Callable[[bytes], bytes], tmp_path: Path) -> None:
    folder = write_encoder(tmp_path / "e", kind)  # type: ignore[arg-type]
    path = folder / ("model.safetensors" if kind == "safetensors" else "pytorch_model.bin")
    path.write_bytes(change(path.read_bytes()))
    refused(folder)


def test_weights_of_other_shapes(tmp_path: Path) -> None:
    folder = write_encoder(tmp_path / "e")
    edit_json(folder / "config.json", lambda values: values.update(hidden_size=16))
    refused(folder)


@pytest.mark.parametrize("lost", ["embeddings.word_embeddings", "encoder.layer.1", ""], ids=["words", "layer", "all"])
def test_weights_that_lack_part_of_the_encoder(lost: str, tmp_path: Path) -> None:
    """Random weights must not pass for pretrained ones."""
    folder = write_encoder(tmp_path / "e")
    state = load_file(folder / "model.safetensors")
    kept = {name: value for name, value in state.items() if not name.startswith(f"roberta.{lost}")}
    save_file(kept or {"other.weight": torch.zeros(2)}, folder / "model.safetensors", metadata={"format": "pt"})
    refused(folder)


@pytest.mark.parametrize(
    "change",
    [
        lambda path: path.write_text("{", encoding="utf-8"),
        lambda path: edit_json(path, lambda values: values.pop("model_type")),
        lambda path: edit_json(path, lambda values: values.update(model_type="no-such-architecture")),
        lambda path: edit_json(path, lambda values: values.update(model_type="gpt2")),
        lambda path: edit_json(path, lambda values: values.update(num_attention_heads=5)),
    ],
    ids=["not-json", "no-model-type", "unknown-model-type", "decoder", "impossible"],
)
def test_a_configuration_that_is_no_encoder(change: Callable[[Path], object], tmp_path: Path) -> None:
    folder = write_encoder(tmp_path / "e", None)
    change(folder / "config.json")
    refused(folder)


def test_a_saved_extractor_serves_as_an_encoder(tiny_model: Path, tiny_encoder: Path) -> None:
    encoder, _, origin = load_encoder(str(tiny_model))
    assert origin == f"pretrained weights of {tiny_model}"
    assert same(encoder.state_dict(), weights(tiny_encoder))


def test_fewer_layers(tiny_encoder: Path) -> None:
    encoder, tokenization, _ = load_encoder(str(tiny_encoder))
    ids = torch.tensor([[tokenization.bos, 7, 8, tokenization.eos]])
    whole = encoder(input_ids=ids, output_hidden_states=True)
    keep_layers(encoder, 1)
    assert encoder.config.num_hidden_layers == 1
    assert torch.equal(encoder(input_ids=ids).last_hidden_state, whole.hidden_states[1])
    with pytest.raises(ModelError, match="layers=2, but this encoder has 1 layers"):
        keep_layers(encoder, 2)


def test_frozen_layers(tiny_encoder: Path) -> None:
    encoder, _, _ = load_encoder(str(tiny_encoder))
    freeze(encoder, 1)
    trained = {
        name.split(".")[0] + name.split("layer.")[-1][:1] for name, p in encoder.named_parameters() if p.requires_grad
    }
    assert trained == {"encoder1"}
    with pytest.raises(ModelError, match="frozen=3, but this encoder has 2 layers"):
        freeze(encoder, 3)
