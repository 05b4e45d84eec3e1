"""`ExtractorConfig`: everything a saved model needs besides its weights and tokenizer files.

It is saved inside the encoder's own `config.json` under the key `phodang`, so that the encoder part
of a saved folder also loads with `AutoModel.from_pretrained`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from huggingface_hub.errors import StrictDataclassError
from transformers import AutoConfig, PreTrainedConfig

from data.schema import PARTY_BUILDING, Schema
from models.tokenization import ModelError

KEY = "phodang"
FORMAT = 2
"""Version of the saved layout; a newer one than this code knows is refused."""
POOLINGS, SCORERS = ("edges", "mean"), ("mlp", "biaffine")


@dataclass
class ExtractorConfig:
    """Settings of an `Extractor`.

    Args:
        schema: entity and relation types.
        segmenter: name and version of the word segmenter the model was trained with.
        tones: place tone marks as PhoBERT's corpus does before tokenising.
        window: pieces in one encoder input, special tokens included.
        context: fill windows with consecutive sentences instead of one sentence each.
        overlap: pieces shared by the windows of one over-long sentence.
        crf: learn tag transitions (otherwise only the BIO constraints hold).
        hidden: width of the syllable states.
        pooling: a syllable's state from the pieces that cover it: `edges`, the first and the last side by side, or
            `mean`.
        dropout: in the heads.
        relation_hidden: width of the relation scorer.
        relation_scorer: `mlp`, a hidden layer over all features of a pair, or `biaffine` (Dozat and Manning 2017,
            https://arxiv.org/abs/1611.01734), a bilinear form of the two spans and a linear one of the rest.
        relation_distance: pairs further apart than this many syllables are not scored.
        entity_threshold: spans below this probability are not returned.
        relation_threshold: relations below this probability are not returned.
        entity_temperature, relation_temperature: divide the scores before they become probabilities (Guo et al. 2017,
            https://arxiv.org/abs/1706.04599); fitted by `training.calibrate`. But for the thresholds no answer depends
            on them.
        licence: licence of the weights, written into the model card.
        base: where the encoder came from.
        tokenizer: SHA-256 of the tokenizer's files, set on saving: other pieces would silently mean other ids.
    """

    schema: Schema = PARTY_BUILDING
    segmenter: str = "underthesea"
    tones: bool = True
    window: int = 256
    context: bool = True
    overlap: int = 64
    crf: bool = True
    hidden: int = 256
    pooling: str = "edges"
    dropout: float = 0.1
    relation_hidden: int = 192
    relation_scorer: str = "mlp"
    relation_distance: int = 256
    entity_threshold: float = 0.0
    relation_threshold: float = 0.5
    entity_temperature: float = 1.0
    relation_temperature: float = 1.0
    licence: str = "apache-2.0"
    base: str = ""
    tokenizer: str = ""
    format: int = field(default=FORMAT)

    def __post_init__(self) -> None:
        for name, known in (("pooling", POOLINGS), ("relation_scorer", SCORERS)):
            if getattr(self, name) not in known:
                raise ModelError(f"{name}={getattr(self, name)!r}; known: {', '.join(known)}")
        for name in ("entity_temperature", "relation_temperature"):
            if not 0 < getattr(self, name) < float("inf"):
                raise ModelError(f"{name} must be above 0, not {getattr(self, name)}")

    @property
    def tracks(self) -> tuple[tuple[str, ...], ...]:
        """Entity types of each tag track: one type a track, or all in one for flat data."""
        if self.schema.flat:
            return (self.schema.entity_types,)
        return tuple((type_,) for type_ in self.schema.entity_types)

    @property
    def track_types(self) -> list[list[int]]:
        """For each tag track, the schema's index of each of its types."""
        return [[self.schema.type_index[type_] for type_ in track] for track in self.tracks]

    def to_dict(self) -> dict[str, Any]:
        values = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "schema"}
        return {**values, "schema": self.schema.to_dict()}

    @classmethod
    def from_dict(cls, values: dict[str, Any], where: str = "config") -> ExtractorConfig:
        if not isinstance(values, dict) or not isinstance(values.get("format"), int):
            raise ModelError(f"{where}: the settings under {KEY!r} are damaged; copy or train the model again")
        if values["format"] > FORMAT:
            raise ModelError(
                f"{where}: saved by a newer version of phodang (format {values['format']}, this one reads {FORMAT}); "
                "upgrade with: pip install -U phodang"
            )
        known = {f.name for f in fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise ModelError(f"{where}: unknown settings: {', '.join(unknown)}")
        try:
            return cls(**{**values, "schema": Schema.from_dict(values["schema"])})
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ModelError(f"{where}: the schema under {KEY!r} is damaged ({error!r})") from None

    def save(self, folder: Path, encoder: PreTrainedConfig) -> None:
        """Write `config.json`: the encoder's settings with these under `phodang`."""
        values = {**encoder.to_dict(), KEY: self.to_dict()}
        (folder / "config.json").write_text(json.dumps(values, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> tuple[ExtractorConfig, PreTrainedConfig]:
        """Both configurations of a saved model.

        Raises:
            ModelError: no such folder, no model in it, or one of a newer format.
        """
        path = folder / "config.json"
        if not path.is_file():
            raise ModelError(f"{folder}: no model here (no config.json); train one with: python -m training.train")
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ModelError(f"{path}: not JSON ({error})") from None
        if not isinstance(values, dict):
            raise ModelError(f"{path}: not a JSON object")
        if KEY not in values:
            raise ModelError(
                f"{folder}: an encoder without extraction heads; fine-tune it first: "
                f"python -m training.train --set encoder={folder}"
            )
        own = cls.from_dict(values.pop(KEY), str(path))
        try:
            return own, AutoConfig.for_model(**values)
        except (TypeError, ValueError, KeyError, StrictDataclassError) as error:
            raise ModelError(f"{path}: not the settings of an encoder ({one_line(error)})") from None


def one_line(error: Exception) -> str:
    """The first line of an exception's message, or its kind where it has none."""
    return next(iter(str(error).splitlines()), "") or type(error).__name__


def max_window(encoder: PreTrainedConfig) -> int:
    """Pieces an encoder can read at once, special tokens included.

    RoBERTa numbers positions from `pad_token_id + 1`, so PhoBERT's 258 positions hold 256 pieces.
    """
    positions = int(encoder.max_position_embeddings)
    if encoder.model_type in {"roberta", "xlm-roberta", "camembert", "phobert"}:
        return positions - int(encoder.pad_token_id or 0) - 1
    return positions
