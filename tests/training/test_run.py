"""The run folder."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from models.extractor import Extractor
from tests.fixtures.checkpoints import build_extractor
from training.arguments import ConfigError, TrainingConfig
from training.run import environment, prepare_run, save_whole


def test_a_model_is_replaced_as_a_whole(tiny_encoder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    (tmp_path / "model.partial").mkdir()
    (tmp_path / "model.partial" / "rest.txt").write_text("của lần trước", encoding="utf-8")
    first, second = build_extractor(tiny_encoder, seed=1), build_extractor(tiny_encoder, seed=2)
    save_whole(first, folder)
    (folder / "README.md").write_text("thẻ", encoding="utf-8")
    save_whole(second, folder)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model"]
    assert sorted(path.name for path in folder.iterdir()) == [
        "bpe.codes",
        "config.json",
        "model.safetensors",
        "vocab.txt",
    ]
    assert torch.equal(Extractor.from_pretrained(folder).tags.weight, second.tags.weight)


def test_environment_names_what_numbers_depend_on() -> None:
    found = environment()
    assert found.keys() == {"python", "machine", "processor", "threads", "device", "packages"}
    assert found["packages"]["torch"] == torch.__version__
    assert "underthesea" in found["packages"]
    assert found["processor"]


def test_a_fresh_folder_has_no_checkpoint(tmp_path: Path) -> None:
    settings = TrainingConfig(output=str(tmp_path / "run"))
    assert prepare_run(settings, "abc", restart=False) is None
    assert (tmp_path / "run" / "config.yaml").is_file()
    assert prepare_run(settings, "abc", restart=False) is None


def test_the_last_checkpoint_is_found(tmp_path: Path) -> None:
    settings = TrainingConfig(output=str(tmp_path))
    prepare_run(settings, "abc", restart=False)
    for step in (9, 100, 20):
        (tmp_path / "checkpoints" / f"checkpoint-{step}").mkdir(parents=True)
    assert prepare_run(settings, "abc", restart=False) == str(tmp_path / "checkpoints" / "checkpoint-100")
    assert prepare_run(settings, "abc", restart=True) is None
    assert not (tmp_path / "checkpoints").exists()


def test_other_settings_or_data_are_named(tmp_path: Path) -> None:
    prepare_run(TrainingConfig(output=str(tmp_path)), "abc", restart=False)
    with pytest.raises(ConfigError, match=r"holds a run with other settings \(epochs, seed, data\)"):
        prepare_run(TrainingConfig(output=str(tmp_path), epochs=3, seed=1), "khác", restart=False)
    assert prepare_run(TrainingConfig(output=str(tmp_path), epochs=3), "khác", restart=True) is None


def test_a_configuration_that_was_cut_off_is_told(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("", encoding="utf-8")
    with pytest.raises(ConfigError, match="--restart"):
        prepare_run(TrainingConfig(output=str(tmp_path)), "abc", restart=False)
