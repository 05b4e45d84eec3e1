"""Settings: read, changed, and refused with one line that says what to write."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from training.arguments import CONFIGS, ConfigError, TrainingConfig, find_config, from_mapping, read_config

KEYS = [f.name for f in fields(TrainingConfig)]


def refused(values: dict[str, Any]) -> str:
    with pytest.raises(ConfigError) as caught:
        from_mapping(values, "ví-dụ.yaml")
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("key", "near"),
    [("epoch", "epochs"), ("learning-rate", "learning_rate"), ("encodr", "encoder"), ("warm_up", "warmup")],
)
def test_an_unknown_key_is_refused_with_the_nearest(key: str, near: str) -> None:
    message = refused({"epochs": 3, key: 1})
    assert message == f"ví-dụ.yaml: unknown key {key!r}; did you mean {near!r}? Known: {', '.join(KEYS)}"


def test_a_key_that_is_no_text() -> None:
    assert refused({5: 1}).startswith("ví-dụ.yaml: unknown key '5'")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"epochs": "nhiều"}, "epochs: expected float, found 'nhiều'"),
        ({"batch_size": 2.5}, "batch_size: expected int, found 2.5"),
        ({"batch_size": [4]}, "batch_size: expected int, found [4]"),
        ({"seed": None}, "seed: expected int, found None"),
        ({"seed": float("inf")}, "seed: expected int, found inf"),
        ({"crf": "có"}, "crf: expected bool, found 'có'"),
        ({"crf": 7}, "crf: expected bool, found 7"),
        ({"crf": [False]}, "crf: expected bool, found [False]"),
        ({"train_files": 5}, "train_files: expected list[str], found 5"),
        ({"encoder": ["a", "b"]}, "encoder: expected str, found ['a', 'b']"),
        ({"name": {"a": 1}}, "name: expected str, found {'a': 1}"),
    ],
)
def test_values_of_the_wrong_kind(values: dict[str, Any], message: str) -> None:
    assert refused(values) == message


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"epochs": 0}, "epochs must be above 0, not 0.0"),
        ({"batch_size": -1}, "batch_size must be above 0, not -1"),
        ({"learning_rate": 0}, "learning_rate must be above 0, not 0.0"),
        ({"dropout": 1.2}, "dropout must lie between 0 and 1, not 1.2"),
        ({"encoder_dropout": 1.2}, "encoder_dropout must lie between 0 and 1, or be -1, not 1.2"),
        ({"encoder_dropout": -0.5}, "encoder_dropout must lie between 0 and 1, or be -1, not -0.5"),
        ({"warmup": -0.1}, "warmup must lie between 0 and 1, not -0.1"),
        ({"predicted_spans": 2}, "predicted_spans must lie between 0 and 1, not 2.0"),
    ],
)
def test_values_out_of_range(values: dict[str, Any], message: str) -> None:
    assert refused(values) == message


@pytest.mark.parametrize(
    "values",
    [{"hidden": -1}, {"learning_rate": float("nan")}, {"head_learning_rate": -1}],
    ids=lambda values: "-".join(values),
)
def test_other_values_that_cannot_work(values: dict[str, Any]) -> None:
    (name,) = values
    assert name in refused(values)


def test_values_are_made_the_kind_of_their_key() -> None:
    config = from_mapping(
        {
            "epochs": "3",
            "seed": "7.0",
            "crf": "no",
            "learning_rate": "5e-4",
            "train_files": "a.jsonl",
            "name": 5,
            "output": None,
        },
        "x",
    )
    assert (config.epochs, config.seed, config.crf, config.learning_rate) == (3.0, 7, False, 5e-4)
    assert (config.train_files, config.name, config.output) == (["a.jsonl"], "5", "")
    assert isinstance(config.epochs, float)
    assert isinstance(config.seed, int)


def test_the_run_folder() -> None:
    assert TrainingConfig(name="một").run == Path("runs") / "một"
    assert TrainingConfig(name="một", output="nơi/khác").run == Path("nơi/khác")


def test_what_is_written_is_read() -> None:
    config = TrainingConfig(epochs=4, train_files=["a", "b"], bf16=True)
    assert from_mapping(config.to_dict(), "x") == config
    assert list(config.to_dict()) == KEYS


@pytest.mark.parametrize(
    "path", sorted(CONFIGS.glob("[!p]*.yaml")) + sorted(CONFIGS.glob("ph*.yaml")), ids=lambda p: p.name
)
def test_configurations_of_the_package_are_read(path: Path) -> None:
    config = read_config(str(path))
    assert config.name == path.stem
    assert read_config(path.name) == read_config(path.stem) == config


def test_find_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_config("configs/compact.yaml") == CONFIGS / "compact.yaml"
    (tmp_path / "compact.yaml").write_text("seed: 1\n", encoding="utf-8")
    assert find_config("compact.yaml") == Path("compact.yaml"), "a file at hand comes first"
    with pytest.raises(ConfigError, match=r"^no configuration 'nowhere'; a file, or one of: compact\.yaml, "):
        find_config("nowhere")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "c.yaml"
    path.write_text("epochs: 4\nseed: 5\n", encoding="utf-8")
    return path


def test_settings_go_over_the_file(file: Path) -> None:
    config = read_config(
        str(file), ["seed=9", "crf=false", " name = tên mới", "train_files=[a, b]", "output=", "data=a=b"]
    )
    assert (config.epochs, config.seed, config.crf, config.name) == (4.0, 9, False, "tên mới")
    assert (config.train_files, config.output, config.data) == (["a", "b"], "", "a=b")
    assert read_config(str(file), ["learning_rate=5e-4"]).learning_rate == 5e-4


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("epochs", "--set 'epochs': write key=value"),
        ("epoch=3", "unknown key 'epoch'; did you mean 'epochs'?"),
        ("epochs=x", "epochs: expected float, found 'x'"),
        ("train_files=[a", "--set 'train_files=[a'"),
        ("name=@x", "--set 'name=@x'"),
    ],
)
def test_settings_that_cannot_be_read(setting: str, message: str, file: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        read_config(str(file), [setting])
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [("a: [b", "not YAML: "), ("- a\n- b\n", "expected 'key: value' lines"), ("chữ", "expected 'key: value' lines")],
)
def test_files_that_cannot_be_read(content: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        read_config(str(path))
    assert str(caught.value).startswith(f"{path}: {message}")
    assert "\n" not in str(caught.value)


def test_an_empty_file_is_the_defaults(tmp_path: Path) -> None:
    (tmp_path / "e.yaml").write_text("", encoding="utf-8")
    assert read_config(str(tmp_path / "e.yaml")) == TrainingConfig()
