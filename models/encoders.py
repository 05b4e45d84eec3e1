"""Where encoders come from: the repository, a folder, or the hub."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import AutoConfig, AutoModel, PreTrainedModel

from models.configuration import ModelError
from models.extractor import build_encoder
from models.tokenization import Tokenization, load_tokenization

WEIGHTS = Path(__file__).parent / "weights"
EMBEDDED = {"compact": WEIGHTS / "compact"}
HUB_FILES = ["config.json", "*.safetensors", "pytorch_model.bin", "vocab.txt", "bpe.codes", "tokenizer.json"]


def resolve_encoder(name: str) -> Path:
    """The folder of an encoder: embedded by name, a folder as it is, a hub id downloaded once.

    Raises:
        ModelError: no such folder, and the hub has or gives none.
    """
    if name in EMBEDDED:
        return EMBEDDED[name]
    if Path(name).is_dir():
        return Path(name)
    if name.count("/") != 1 or name.startswith((".", "/", "~")):
        raise ModelError(
            f"no encoder {name!r}: not a folder, not a hub id (owner/name), not one of {', '.join(EMBEDDED)}"
        )
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, RepositoryNotFoundError

    try:
        return Path(snapshot_download(name, allow_patterns=HUB_FILES))
    except RepositoryNotFoundError:
        raise ModelError(f"no encoder {name!r} on the hub; check the id, or give a folder") from None
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError) as error:
        reason = type(error).__name__
        raise ModelError(
            f"cannot get {name!r} from the hub ({reason}) and it is not in the local cache; "
            f"download it elsewhere and give its folder: --set encoder=FOLDER"
        ) from None


def load_encoder(name: str, seed: int = 0) -> tuple[PreTrainedModel, Tokenization, str]:
    """An encoder, its tokenizer, and a line on where its weights come from.

    A folder without weights (a configuration and tokenizer files only) gives an encoder with random
    weights drawn with `seed`: a smaller stand-in that trains from nothing.

    Raises:
        ModelError: the encoder cannot be found or read.
        TokenizerError: its tokenizer files cannot be read.
    """
    folder = resolve_encoder(name)
    tokenization = load_tokenization(folder)
    if not (folder / "config.json").is_file():
        raise ModelError(f"{folder}: no config.json, so no encoder")
    config = AutoConfig.from_pretrained(str(folder))
    if not hasattr(config, "max_position_embeddings") or config.is_encoder_decoder:
        raise ModelError(f"{folder}: a {config.model_type} model; an encoder such as RoBERTa or BERT is needed")
    has_weights = any(folder.glob("*.safetensors")) or (folder / "pytorch_model.bin").is_file()
    if has_weights:
        try:
            encoder = AutoModel.from_pretrained(str(folder), add_pooling_layer=False, dtype=torch.float32)
        except (OSError, ValueError, RuntimeError, TypeError) as error:
            raise ModelError(f"{folder}: cannot load the encoder: {str(error).splitlines()[0]}") from None
        origin = f"pretrained weights of {name}"
    else:
        generator_state = torch.get_rng_state()
        torch.manual_seed(seed)
        encoder = build_encoder(config)
        torch.set_rng_state(generator_state)
        origin = f"random weights (seed {seed}) in the layout of {name}"
    if encoder.config.vocab_size < tokenization.vocabulary_size:
        raise ModelError(
            f"{folder}: the tokenizer has {tokenization.vocabulary_size} pieces, the encoder embeds "
            f"{encoder.config.vocab_size}; their files are from different models"
        )
    return encoder, tokenization, origin
