"""`Extractor`: an encoder, a tag head of one BIO track per entity type, and a relation head."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn
from transformers import AutoModel, PreTrainedConfig, PreTrainedModel

from models.configuration import ExtractorConfig, ModelError, max_window, one_line
from models.decoding import grammar, log_likelihood
from models.features import PLACES, SHAPES, UNLABELLED, Batch
from models.relations import RelationHead, allowed_table, range_means
from models.tokenization import Tokenization, load_tokenization

WEIGHTS = "model.safetensors"


class Extractor(nn.Module):
    """Entities and relations from one encoder pass.

    Args:
        config: settings of the heads.
        encoder: an encoder model of transformers; its weights are kept under its own name
            (`roberta.`, `bert.`), so that `AutoModel` finds them in a saved folder.
        tokenization: the encoder's tokenizer.
    """

    def __init__(self, config: ExtractorConfig, encoder: PreTrainedModel, tokenization: Tokenization) -> None:
        super().__init__()
        self.encoder_config: PreTrainedConfig = encoder.config
        limit = max_window(self.encoder_config)
        if not 8 <= config.window <= limit:
            raise ModelError(f"window={config.window}, but this encoder reads 8 to {limit} pieces; set window={limit}")
        self.config = config
        self.tokenization = tokenization
        self.encoder_name: str = encoder.base_model_prefix
        self.add_module(self.encoder_name, encoder)
        width = self.encoder_config.hidden_size
        self.states = nn.Linear(2 * width if config.pooling == "edges" else width, config.hidden)
        self.place = nn.Embedding(PLACES, config.hidden)
        self.rest = nn.Embedding(PLACES, config.hidden)
        self.shape = nn.Embedding(SHAPES, config.hidden)
        self.norm = nn.LayerNorm(config.hidden)
        self.dropout = nn.Dropout(config.dropout)
        tracks = config.tracks
        self.track_count, self.tag_count = len(tracks), 1 + 2 * max(len(types) for types in tracks)
        self.tags = nn.Linear(config.hidden, self.track_count * self.tag_count)
        transitions, start = grammar(max(len(types) for types in tracks))
        self.transition_grammar: torch.Tensor
        self.start_grammar: torch.Tensor
        self.register_buffer("transition_grammar", torch.from_numpy(transitions), persistent=False)
        self.register_buffer("start_grammar", torch.from_numpy(start), persistent=False)
        if config.crf:
            self.transition_scores = nn.Parameter(torch.zeros(self.track_count, self.tag_count, self.tag_count))
            self.start_scores = nn.Parameter(torch.zeros(self.track_count, self.tag_count))
        self.relations = RelationHead(config) if config.schema.relation_types else None
        self.allowed = allowed_table(config.schema)

    @property
    def encoder(self) -> nn.Module:
        """The encoder, whatever its name."""
        return self.get_submodule(self.encoder_name)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.tags.weight.device

    def transitions(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Transition scores `[tracks, tags, tags]` and start scores `[tracks, tags]`, grammar included."""
        shape = (self.track_count, self.tag_count)
        if self.config.crf:
            return self.transition_scores + self.transition_grammar, self.start_scores + self.start_grammar
        return (
            self.transition_grammar.expand(*shape, self.tag_count),
            self.start_grammar.expand(*shape),
        )

    def encode(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Piece states `[windows, pieces, width]`."""
        return self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state

    def syllable_states(self, pieces: torch.Tensor, batch: Batch) -> torch.Tensor:
        """Syllable states `[syllables, hidden]` from flattened piece states `[windows * pieces, width]`."""
        if self.config.pooling == "edges":
            joined = torch.cat([pieces[batch.first], pieces[batch.last]], -1)
        else:
            joined = range_means(pieces, batch.first, batch.last + 1)
        states = self.states(joined) + self.place(batch.place) + self.rest(batch.rest) + self.shape(batch.shape)
        return self.dropout(self.norm(torch.nn.functional.gelu(states)))

    def tag_scores(self, states: torch.Tensor) -> torch.Tensor:
        """Emission scores `[syllables, tracks, tags]`."""
        return self.tags(states).view(-1, self.track_count, self.tag_count)

    def tag_loss(self, scores: torch.Tensor, tags: torch.Tensor, lengths: list[int]) -> torch.Tensor:
        """Mean loss per annotated syllable: CRF likelihood, or cross-entropy without a CRF.

        `tags` is `[syllables, tracks]`; sentences with any `UNLABELLED` tag do not count.
        """
        labelled = tags[:, 0] != UNLABELLED
        if not bool(labelled.any()):
            return scores.sum() * 0.0
        if not self.config.crf:
            return (
                nn.functional.cross_entropy(scores[labelled].flatten(0, 1), tags[labelled].flatten()) * self.track_count
            )
        padded, mask = pad_sentences(scores, lengths)
        gold, _ = pad_sentences(tags.clamp(min=0), lengths)
        transitions, start = self.transitions()
        likelihood = log_likelihood(padded.float(), gold, mask, transitions, start).sum(-1)
        starts = torch.tensor(np.cumsum([0, *lengths[:-1]]), device=tags.device)
        kept = labelled[starts]
        return -(likelihood * kept).sum() / labelled.sum()

    def relation_mask(self, head_types: np.ndarray, tail_types: np.ndarray) -> np.ndarray:
        """`[pairs, relations]`, true where the schema allows the relation between these types."""
        return self.allowed[head_types, tail_types]

    def save_pretrained(self, folder: Path | str, dtype: torch.dtype | None = None) -> None:
        """Write `config.json`, `model.safetensors` and the tokenizer's files. Files appear whole or not at all.

        `dtype` is what the weights are stored in (they are read back as 32-bit floats); default: as they are.
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        state = {name: value.detach().cpu().to(dtype).contiguous() for name, value in self.state_dict().items()}
        aside = folder / (WEIGHTS + ".partial")
        save_file(state, str(aside), metadata={"format": "pt"})
        aside.replace(folder / WEIGHTS)
        self.tokenization.save(folder)
        self.config.tokenizer = self.tokenization.fingerprint
        self.encoder_config.architectures = [type(self.encoder).__name__]
        self.config.save(folder, self.encoder_config)

    @classmethod
    def from_pretrained(cls, folder: Path | str) -> Extractor:
        """Load a saved model, on the CPU and in evaluation mode.

        Raises:
            ModelError: no model there, damaged weights, or weights that do not fit the configuration.
        """
        folder = Path(folder)
        config, encoder_config = ExtractorConfig.load(folder)
        try:
            encoder = build_encoder(encoder_config)
        except (ValueError, TypeError) as error:
            raise ModelError(f"{folder / 'config.json'}: no encoder can be built from it ({one_line(error)})") from None
        tokenization = load_tokenization(folder)
        if config.tokenizer and tokenization.fingerprint != config.tokenizer:
            raise ModelError(f"{folder}: the tokenizer's files are not those the model was saved with; copy them again")
        model = cls(config, encoder, tokenization)
        path = folder / WEIGHTS
        if not path.is_file():
            raise ModelError(f"{folder}: no {WEIGHTS}; the folder is incomplete, train or copy it again")
        expected = {name: tuple(value.shape) for name, value in model.state_dict().items()}
        try:
            with safe_open(str(path), framework="pt") as tensors:
                found = {name: tuple(tensors.get_slice(name).get_shape()) for name in tensors.keys()}  # noqa: SIM118
                if found != expected:
                    raise ModelError(_mismatch(path, expected, found))
                state = {name: tensors.get_tensor(name) for name in found}
        except SafetensorError as error:
            raise ModelError(f"{path}: damaged weights ({error}); train or copy the model again") from None
        model.load_state_dict(state)
        return model.eval()


def _mismatch(path: Path, expected: dict[str, tuple[int, ...]], found: dict[str, tuple[int, ...]]) -> str:
    missing, extra = sorted(set(expected) - set(found)), sorted(set(found) - set(expected))
    changed = [
        f"{n} is {found[n]}, not {expected[n]}" for n in sorted(set(found) & set(expected)) if found[n] != expected[n]
    ]
    parts = [f"missing {', '.join(missing[:3])}"] if missing else []
    parts += [f"unexpected {', '.join(extra[:3])}"] if extra else []
    parts += changed[:3]
    return f"{path}: weights do not fit config.json ({'; '.join(parts)}); the files are from different models"


def build_encoder(config: PreTrainedConfig) -> PreTrainedModel:
    """An encoder of this configuration with random weights, without a pooling layer."""
    return AutoModel.from_config(config, add_pooling_layer=False)


def pad_sentences(values: torch.Tensor, lengths: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows laid end to end, `[syllables, …]`, as `[sentences, longest, …]` with their mask."""
    longest = max(lengths)
    starts = torch.tensor(np.cumsum([0, *lengths[:-1]]), device=values.device)
    steps = torch.arange(longest, device=values.device)
    mask = steps < torch.tensor(lengths, device=values.device).unsqueeze(-1)
    index = (starts.unsqueeze(-1) + steps).clamp(max=len(values) - 1)
    return values[index], mask
