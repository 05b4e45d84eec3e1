"""Vocabulary transfer: a new encoder that starts from a public one with another vocabulary.

Each new piece begins as the mean of the source pieces that spell the same characters; transformer
layers are copied, all of them or an even selection. Sources may have the BERT layout (positions from
0, segment embeddings) or the RoBERTa/XLM-R layout (positions behind the padding id).
After Minixhofer et al. 2022 (WECHSEL, https://arxiv.org/abs/2112.06598), with the same characters in
the place of a bilingual dictionary.
"""

from __future__ import annotations

import torch
from transformers import PreTrainedModel, RobertaConfig, RobertaForMaskedLM

from models.configuration import ModelError
from models.tokenization import CONTINUED, PhobertTokenization, Tokenization
from models.tones import PAIRS

MAX_LENGTH = 256
"""Pieces that a new encoder reads at once, special tokens included, as PhoBERT does."""
_BACK = {new: old for old, new in PAIRS.items()}


def even_layers(source: int, wanted: int) -> list[int]:
    """`wanted` layer numbers spread evenly over `source` layers, first and last included.

    Raises:
        ModelError: more layers wanted than there are.
    """
    if not 1 <= wanted <= source:
        raise ModelError(f"cannot take {wanted} layers from an encoder of {source}")
    if wanted == 1:
        return [0]
    return [round(i * (source - 1) / (wanted - 1)) for i in range(wanted)]


def spelled(piece: str) -> str:
    """The characters a piece of the new vocabulary stands for, as newspapers write them."""
    syllables = piece.removesuffix(CONTINUED).split("_")
    # The last syllable of a piece that goes on is not whole: `hoà@@` may begin `hoàn`.
    whole = len(syllables) - piece.endswith(CONTINUED)
    return " ".join([*map(_newspaper_tone, syllables[:whole]), *syllables[whole:]])


def _newspaper_tone(syllable: str) -> str:
    """`uỷ` as `ủy`, `hoà` as `hòa`; only open syllables moved their mark, and `qu` is a consonant."""
    end = syllable[-2:]
    if end in _BACK and not syllable[:-2].lower().endswith("q"):
        return syllable[:-2] + _BACK[end]
    return syllable


def transfer(
    encoder: PreTrainedModel, pieces: Tokenization, new: PhobertTokenization, layers: int
) -> RobertaForMaskedLM:
    """A masked language model with the new vocabulary, initialised from `encoder`.

    Args:
        encoder: BERT, RoBERTa or XLM-R layout.
        pieces: tokenizer of `encoder`; PhoBERT's own kind gives pieces it shares with the new vocabulary as they are.
        layers: to keep, spread evenly.

    Raises:
        ModelError: a layout that cannot be transferred.
    """
    source = encoder.config
    if source.model_type not in {"bert", "roberta", "xlm-roberta", "camembert"}:
        raise ModelError(f"cannot start from a {source.model_type} model; give a BERT or RoBERTa-type encoder")
    config = RobertaConfig(
        vocab_size=new.vocabulary_size,
        hidden_size=source.hidden_size,
        num_hidden_layers=layers,
        num_attention_heads=source.num_attention_heads,
        intermediate_size=source.intermediate_size,
        hidden_act=source.hidden_act,
        layer_norm_eps=source.layer_norm_eps,
        max_position_embeddings=MAX_LENGTH + 2,
        type_vocab_size=1,
        pad_token_id=new.pad,
        bos_token_id=new.bos,
        eos_token_id=new.eos,
        tokenizer_class="PhobertTokenizer",
    )
    model = RobertaForMaskedLM(config)
    old = dict(encoder.state_dict())
    own = model.roberta.state_dict()
    for name in own:
        if name.startswith("encoder.layer."):
            _, _, number, rest = name.split(".", 3)
            own[name] = old[f"encoder.layer.{even_layers(source.num_hidden_layers, layers)[int(number)]}.{rest}"]
    for name in ("weight", "bias"):
        own[f"embeddings.LayerNorm.{name}"] = old[f"embeddings.LayerNorm.{name}"]
    skip = 0 if source.model_type == "bert" else int(source.pad_token_id) + 1
    positions = old["embeddings.position_embeddings.weight"][skip : skip + MAX_LENGTH].float()
    if "embeddings.token_type_embeddings.weight" in old:
        # The new layout has one segment whose embedding is zero: fold the source's first into the positions.
        positions = positions + old["embeddings.token_type_embeddings.weight"][0].float()
    table = own["embeddings.position_embeddings.weight"].clone()
    table[new.pad + 1 : new.pad + 1 + len(positions)] = positions
    own["embeddings.position_embeddings.weight"] = table
    own["embeddings.token_type_embeddings.weight"] = torch.zeros_like(own["embeddings.token_type_embeddings.weight"])
    own["embeddings.word_embeddings.weight"] = _embeddings(
        old["embeddings.word_embeddings.weight"].float(),
        pieces,
        new,
        own["embeddings.word_embeddings.weight"].clone(),
    )
    model.roberta.load_state_dict(
        {name: value.float() if value.is_floating_point() else value for name, value in own.items()}
    )
    model.tie_weights()
    return model


def _embeddings(source: torch.Tensor, old: Tokenization, new: PhobertTokenization, table: torch.Tensor) -> torch.Tensor:
    """The new embedding table `[pieces, width]`; a piece that nothing spells keeps random values."""
    table.normal_(mean=0.0, std=float(source.std()))
    special = {"<s>": old.bos, "<pad>": old.pad, "</s>": old.eos, "<unk>": old.unk, "<mask>": old.mask}
    for piece, number in new.ids.items():
        if piece in special:
            table[number] = source[special[piece]]
        elif ids := _spelling(piece, old):
            table[number] = source[ids].mean(0)
    return table


def _spelling(piece: str, old: Tokenization) -> list[int]:
    """Ids of the old pieces that spell a new one, without unknown ones."""
    if isinstance(old, PhobertTokenization):
        text = piece.removesuffix(CONTINUED)
        found = [old.ids[piece]] if piece in old.ids else old.pieces(text, [(0, len(text))]).ids
    else:
        text = spelled(piece)
        found = old.pieces(text, [(0, len(text))]).ids
    return [number for number in found if number != old.unk]
