"""Training settings: a documented dataclass, read from YAML, changed by `--set key=value`."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

import yaml

CONFIGS = Path(__file__).resolve().parents[1] / "configs"


class ConfigError(ValueError):
    """A setting that does not exist or cannot be used; the message names it and what to write."""


class RunSettings:
    """What the settings of every kind of run share: checked kinds of values, and a folder."""

    name: str
    output: str

    def cast_fields(self) -> None:
        """Make every value the kind its field says.

        Raises:
            ConfigError: a value that cannot be.
        """
        for f in fields(self):  # type: ignore[arg-type]
            setattr(self, f.name, cast(f.name, str(f.type), getattr(self, f.name)))

    @property
    def run(self) -> Path:
        """Folder of the run."""
        return Path(self.output) if self.output else Path("runs") / self.name


Kind = TypeVar("Kind", bound=RunSettings)


@dataclass
class TrainingConfig(RunSettings):
    """Settings of one fine-tuning run.

    Args:
        name: name of the run; it is written to `runs/<name>` unless `output` says otherwise.
        output: folder of the run.
        encoder: `compact` (the repository's own), a folder, or a hub id such as `vinai/phobert-base`.
        init: folder of a saved model to go on from, encoder and heads; empty: fresh heads on `encoder`.
        data: folder written by `data.build`; empty: build it now.
        parts: what the training text is built from: `authored`, `news` (annotated articles, where their text is at
            hand), `generated`.
        authored_share: share of the authored documents used; generated: sentences from the generator.
        train_files: more training documents, JSONL files in the exchange format.
        window: pieces in one encoder input, special tokens included.
        context: fill windows with consecutive sentences.
        crf: learn tag transitions.
        hidden: width of the syllable states; 0: the encoder's width. pooling: `edges` or `mean` of a syllable's pieces.
        layers: of the encoder that are used, from the bottom; 0: all. frozen: of these, how many are not trained
            (with the embeddings; 0: none, embeddings neither).
        dropout: in the heads; encoder_dropout: in the encoder, -1: what its own settings say.
        relation_hidden: width of the relation scorer; relation_scorer: `mlp` or `biaffine`.
        hidden_pieces: share of the input pieces hidden in each training step.
        relation_weight: weight of the relation loss against the tag loss.
        predicted_spans: share of training after which relations are also trained on predicted spans.
        epochs, batch_size (features a step and process), accumulation (steps before an update).
        learning_rate: of the encoder; head_learning_rate: of everything else.
        layer_decay: factor on the learning rate per encoder layer away from the top.
        weight_decay, warmup (share of all steps), max_grad_norm.
        seed: of weights, order and dropout.
        bf16: compute in bfloat16 where that is faster on the device at hand (measured once a run).
        segmenter: `underthesea`, `vncorenlp` or `none`.
        tones: place tone marks as PhoBERT's corpus does.
        keep_checkpoints: checkpoints kept besides the best.
    """

    name: str = "compact"
    output: str = ""
    encoder: str = "compact"
    init: str = ""
    data: str = ""
    parts: list[str] = field(default_factory=lambda: ["authored"])
    authored_share: float = 1.0
    generated: int = 0
    train_files: list[str] = field(default_factory=list)
    window: int = 256
    context: bool = True
    crf: bool = True
    hidden: int = 0
    pooling: str = "edges"
    layers: int = 0
    frozen: int = 0
    dropout: float = 0.1
    encoder_dropout: float = -1.0
    relation_hidden: int = 192
    relation_scorer: str = "mlp"
    hidden_pieces: float = 0.0
    relation_weight: float = 1.0
    predicted_spans: float = 0.3
    epochs: float = 12.0
    batch_size: int = 8
    accumulation: int = 1
    learning_rate: float = 1e-4
    head_learning_rate: float = 1e-3
    layer_decay: float = 1.0
    weight_decay: float = 0.01
    warmup: float = 0.1
    max_grad_norm: float = 1.0
    seed: int = 13
    bf16: bool = False
    segmenter: str = "underthesea"
    tones: bool = True
    keep_checkpoints: int = 1

    def __post_init__(self) -> None:
        self.cast_fields()
        rates = ("learning_rate", "head_learning_rate")
        for name in ("window", "batch_size", "accumulation", "keep_checkpoints", "epochs", "relation_hidden", *rates):
            if not 0 < getattr(self, name) < float("inf"):
                raise ConfigError(f"{name} must be above 0, not {getattr(self, name)}")
        for name in ("hidden", "layers", "frozen", "generated"):
            if getattr(self, name) < 0:
                raise ConfigError(f"{name} must be 0 or more, not {getattr(self, name)}")
        if not 0 < self.authored_share <= 1:
            raise ConfigError(f"authored_share must lie above 0 and at most be 1, not {self.authored_share}")
        if self.encoder_dropout != -1 and not 0 <= self.encoder_dropout <= 1:
            raise ConfigError(f"encoder_dropout must lie between 0 and 1, or be -1, not {self.encoder_dropout}")
        for name in ("dropout", "warmup", "predicted_spans", "hidden_pieces"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"{name} must lie between 0 and 1, not {getattr(self, name)}")

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def cast(name: str, kind: str, value: Any) -> Any:
    """`value` as the field's kind; YAML reads `5e-4` as text, and `--set` gives text for everything."""
    try:
        if kind == "bool":
            if isinstance(value, str):
                return {"true": True, "false": False, "yes": True, "no": False, "1": True, "0": False}[value.lower()]
            if not isinstance(value, bool):
                raise ValueError
            return value
        if kind == "int":
            if float(value) != int(float(value)):
                raise ValueError
            return int(float(value))
        if kind == "float":
            return float(value)
        if kind.startswith("list"):
            return [value] if isinstance(value, str) else [str(each) for each in value or ()]
        if isinstance(value, list | dict):
            raise TypeError
        return "" if value is None else str(value)
    except (ValueError, TypeError, KeyError, OverflowError):
        raise ConfigError(f"{name}: expected {kind}, found {value!r}") from None


def from_values(kind: type[Kind], values: Mapping[str, Any], where: str) -> Kind:
    """Settings of a kind from a mapping.

    Raises:
        ConfigError: an unknown key, with the nearest known one, or a value of the wrong kind.
    """
    known = [f.name for f in fields(kind)]  # type: ignore[arg-type]
    for key in map(str, values):
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1, cutoff=0.0)[0]
            raise ConfigError(f"{where}: unknown key {key!r}; did you mean {near!r}? Known: {', '.join(known)}")
    return kind(**values)


def from_mapping(values: Mapping[str, Any], where: str) -> TrainingConfig:
    """Training settings from a mapping; see `from_values`."""
    return from_values(TrainingConfig, values, where)


def find_config(name: str) -> Path:
    """A configuration file: a path, or the name of one that comes with the package.

    Raises:
        ConfigError: there is none.
    """
    for path in (Path(name), CONFIGS / name, CONFIGS / Path(name).name, CONFIGS / f"{name}.yaml"):
        if path.is_file():
            return path
    shipped = ", ".join(sorted(path.name for path in CONFIGS.glob("*.yaml")))
    raise ConfigError(f"no configuration {name!r}; a file, or one of: {shipped}")


def parse_setting(setting: str) -> tuple[str, Any]:
    """Key and value of a `key=value` setting.

    Raises:
        ConfigError: no `=`, or a value that is not YAML.
    """
    key, equals, value = setting.partition("=")
    if not equals:
        raise ConfigError(f"--set {setting!r}: write key=value")
    try:
        return key.strip(), yaml.safe_load(value) if value else ""
    except yaml.YAMLError as error:
        raise ConfigError(f"--set {setting!r}: the value is not YAML ({' '.join(str(error).split())})") from None


def read_settings(kind: type[Kind], name: str, settings: Sequence[str] = ()) -> Kind:
    """Settings of a YAML file, with `key=value` settings on top.

    Raises:
        ConfigError: no such file, not YAML, an unknown key, or a value of the wrong kind.
    """
    path = find_config(name)
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: expected 'key: value' lines")
    values.update(map(parse_setting, settings))
    return from_values(kind, values, str(path))


def read_config(name: str, settings: Sequence[str] = ()) -> TrainingConfig:
    """Training settings of a YAML file; see `read_settings`."""
    return read_settings(TrainingConfig, name, settings)
