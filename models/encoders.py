"""Where encoders come from: the repository, a folder, or the hub."""

from __future__ import annotations

from pathlib import Path
from pickle import UnpicklingError

import torch
from safetensors import SafetensorError
from transformers import AutoConfig, AutoModel, PreTrainedModel

from models.configuration import ModelError, one_line
from models.extractor import build_encoder
from models.tokenization import Tokenization, load_tokenization

WEIGHTS = Path(__file__).parent / "weights"
EMBEDDED = {"compact": WEIGHTS / "compact"}
ENCODERS = ("roberta", "xlm-roberta", "camembert", "bert", "electra")
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
            f"download it elsewhere and give its folder: --set encoder=FOLDER (init_from=FOLDER to pretrain)"
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
    try:
        config = AutoConfig.from_pretrained(str(folder))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{folder}: config.json is not the settings of an encoder ({one_line(error)})") from None
    if config.model_type not in ENCODERS:
        raise ModelError(f"{folder}: a {config.model_type} model; known encoders: {', '.join(ENCODERS)}")
    if any(folder.glob("*.safetensors")) or (folder / "pytorch_model.bin").is_file():
        encoder = _pretrained(folder)
        origin = f"pretrained weights of {name}"
    else:
        generator_state = torch.get_rng_state()
        torch.manual_seed(seed)
        try:
            encoder = build_encoder(config)
        except (ValueError, TypeError) as error:
            raise ModelError(f"{folder}: no encoder can be built from config.json ({one_line(error)})") from None
        torch.set_rng_state(generator_state)
        origin = f"random weights (seed {seed}) in the layout of {name}"
    if encoder.config.vocab_size < tokenization.vocabulary_size:
        raise ModelError(
            f"{folder}: the tokenizer has {tokenization.vocabulary_size} pieces, the encoder embeds "
            f"{encoder.config.vocab_size}; their files are from different models"
        )
    return encoder, tokenization, origin


def _layers(encoder: PreTrainedModel, name: str, count: int) -> torch.nn.ModuleList:
    layers = encoder.get_submodule("encoder.layer")
    assert isinstance(layers, torch.nn.ModuleList)
    if not 0 < count <= len(layers):
        raise ModelError(f"{name}={count}, but this encoder has {len(layers)} layers; set {name} to 1 to {len(layers)}")
    return layers


def keep_layers(encoder: PreTrainedModel, count: int) -> None:
    """Take away all but the lowest `count` layers.

    Raises:
        ModelError: the encoder has fewer.
    """
    del _layers(encoder, "layers", count)[count:]
    encoder.config.num_hidden_layers = count


def freeze(encoder: PreTrainedModel, count: int) -> None:
    """Keep the embeddings and the lowest `count` layers from being trained.

    Raises:
        ModelError: the encoder has fewer.
    """
    for part in (encoder.get_submodule("embeddings"), *_layers(encoder, "frozen", count)[:count]):
        part.requires_grad_(False)


def set_dropout(encoder: PreTrainedModel, share: float) -> None:
    """Make this the dropout of every layer of an encoder, and of its configuration."""
    encoder.config.hidden_dropout_prob = encoder.config.attention_probs_dropout_prob = share
    for module in encoder.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = share


def _pretrained(folder: Path) -> PreTrainedModel:
    try:
        encoder, loading = AutoModel.from_pretrained(
            str(folder), add_pooling_layer=False, dtype=torch.float32, output_loading_info=True
        )
    except (OSError, ValueError, RuntimeError, TypeError, EOFError, SafetensorError, UnpicklingError) as error:
        raise ModelError(f"{folder}: the weights cannot be read ({one_line(error)}); copy them again") from None
    missing = sorted(loading["missing_keys"])
    if missing:
        raise ModelError(
            f"{folder}: the weights lack {len(missing)} of the encoder's tensors ({', '.join(missing[:3])}, …); "
            "they belong to another model or were copied in part"
        )
    return encoder
