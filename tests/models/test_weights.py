"""The encoder that the repository ships."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
import torch
import yaml
from transformers import AutoModel, PhobertTokenizer

from models.encoders import EMBEDDED, load_encoder
from models.tokenization import PhobertTokenization
from models.tones import phobert_tones
from training.vocabulary import vietnamese_alphabet

FOLDER = EMBEDDED["compact"]


@pytest.fixture(scope="module")
def tokenization() -> PhobertTokenization:
    return PhobertTokenization(FOLDER)


def test_it_travels() -> None:
    files = [path for path in FOLDER.iterdir() if path.is_file()]
    assert sum(path.stat().st_size for path in files if path.suffix == ".safetensors") <= 40_000_000
    assert {path.name for path in files} == {
        "README.md",
        "bpe.codes",
        "config.json",
        "curve.png",
        "model.safetensors",
        "vocab.txt",
    }


def test_it_is_of_phoberts_kind(tokenization: PhobertTokenization) -> None:
    encoder = AutoModel.from_pretrained(str(FOLDER), add_pooling_layer=False)
    assert encoder.config.model_type == "roberta"
    assert encoder.config.max_position_embeddings == 258
    assert encoder.config.hidden_dropout_prob == 0, "it was pretrained without"
    assert encoder.config.vocab_size == tokenization.vocabulary_size
    theirs = PhobertTokenizer(str(FOLDER / "vocab.txt"), str(FOLDER / "bpe.codes"))
    assert theirs.encode("Huyện_uỷ họp .") == [
        tokenization.bos,
        *(i for word in tokenization.word_pieces(["Huyện_uỷ", "họp", "."]) for i in word.ids),
        tokenization.eos,
    ]
    _, _, origin = load_encoder("compact")
    assert origin == "pretrained weights of compact"


def test_no_vietnamese_string_loses_a_character(tokenization: PhobertTokenization) -> None:
    alphabet = vietnamese_alphabet()
    random = Random(11)
    words = ["".join(random.choices(alphabet, k=random.randint(1, 14))) for _ in range(30_000)]
    names = {number: piece for piece, number in tokenization.ids.items()}
    for word, found in zip(words, tokenization.word_pieces(words), strict=True):
        assert tokenization.unk not in found.ids, word
        assert spelled(found.ids, names) == word


def spelled(ids: list[int], names: dict[int, str]) -> str:
    """The word that pieces spell; all but the last carry the mark of going on."""
    inner = [names[number] for number in ids[:-1]]
    assert all(piece.endswith("@@") for piece in inner)
    return "".join(piece.removesuffix("@@") for piece in inner) + names[ids[-1]]


@pytest.mark.parametrize("word", ["Tỉnh_uỷ", "Bí_thư", "đảng_viên", "Nghị_quyết", "Trung_ương", "Uỷ_ban"])
def test_words_of_the_field_are_one_piece(tokenization: PhobertTokenization, word: str) -> None:
    (found,) = tokenization.word_pieces([word])
    assert len(found.ids) == 1


@torch.no_grad()
def test_it_knows_its_words(tokenization: PhobertTokenization) -> None:
    """Words that are used alike lie closer together than words that are not."""
    encoder, _, _ = load_encoder("compact")
    table = encoder.get_input_embeddings().weight

    def close(one: str, other: str) -> float:
        first, second = (table[tokenization.ids[phobert_tones(word)]] for word in (one, other))
        return torch.cosine_similarity(first, second, dim=0).item()

    for near, word, far in (
        ("huyện", "tỉnh", "ăn"),
        ("Chủ_tịch", "Bí_thư", "mưa"),
        ("Nghị_quyết", "Chỉ_thị", "bóng"),
        ("ông", "bà", "đường"),
    ):
        assert close(near, word) > close(far, word)


def test_its_card(tokenization: PhobertTokenization) -> None:
    card = (FOLDER / "README.md").read_text(encoding="utf-8")
    head = yaml.safe_load(card.split("---")[1])
    assert head == {"language": "vi", "license": "apache-2.0", "base_model": "intfloat/multilingual-e5-small"}
    assert f"{tokenization.vocabulary_size} word-level pieces" in card
    for wanted in ("million tokens", "minutes", "python -m training.pretrain", "CC BY-SA", "MIT", "curve.png"):
        assert wanted in card
    assert not [line for line in card.splitlines() if "/root" in line or "/work" in line or str(Path.home()) in line]
