"""Vocabulary transfer."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import BertConfig, BertModel, GPT2Config, GPT2Model, RobertaConfig, RobertaModel

from models.configuration import ModelError
from models.encoders import load_encoder
from models.tokenization import FastTokenization, PhobertTokenization
from tests.fixtures.checkpoints import random_encoder, write_encoder
from training.transfer import even_layers, spelled, transfer
from training.vocabulary import learn, write_vocabulary

ENTRIES = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", "Huyện", "ủy", "u", "xã", "họp"]
SIZES = {"vocab_size": 10, "hidden_size": 16, "num_hidden_layers": 5, "num_attention_heads": 2, "intermediate_size": 24}


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> FastTokenization:
    """A tokenizer of another kind: whole words of plain text."""
    made = Tokenizer(models.WordLevel({entry: i for i, entry in enumerate(ENTRIES)}, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    folder = tmp_path_factory.mktemp("words")
    made.save(str(folder / "tokenizer.json"))
    return FastTokenization(folder)


@pytest.fixture(scope="module")
def new(tiny_encoder: Path) -> PhobertTokenization:
    return PhobertTokenization(tiny_encoder)


def bert() -> BertModel:
    torch.manual_seed(1)
    return BertModel(BertConfig(**SIZES, max_position_embeddings=40), add_pooling_layer=False)


def test_layers_are_spread_evenly() -> None:
    assert even_layers(12, 12) == list(range(12))
    assert even_layers(12, 6) == [0, 2, 4, 7, 9, 11]
    assert even_layers(5, 2) == [0, 4]
    assert even_layers(5, 1) == [0]
    for wanted in (0, 6):
        with pytest.raises(ModelError, match=f"cannot take {wanted} layers from an encoder of 5"):
            even_layers(5, wanted)


@pytest.mark.parametrize(
    ("piece", "text"),
    [
        ("Huyện_uỷ", "Huyện ủy"),
        ("hoà_bình", "hòa bình"),
        ("UỶ", "ỦY"),
        ("uỷ_viên_hoà", "ủy viên hòa"),
        ("quý", "quý"),
        ("quyền", "quyền"),
        ("hoàn", "hoàn"),
        ("xã@@", "xã"),
        ("_", " "),
    ],
)
def test_pieces_are_spelled_as_newspapers_do(piece: str, text: str) -> None:
    assert spelled(piece) == text


def test_a_piece_inside_a_word_is_no_open_syllable() -> None:
    assert spelled("hoà@@") == "hoà", "the beginning of hoàn, hoàng"


@torch.no_grad()
def test_pieces_begin_as_the_mean_of_what_spells_them(new: PhobertTokenization, words: FastTokenization) -> None:
    source = bert()
    model = transfer(source, words, new, 2)
    old, table = source.embeddings.word_embeddings.weight, model.roberta.embeddings.word_embeddings.weight
    assert table.shape == (new.vocabulary_size, 16)
    for piece, entry in (("xã", "xã"), ("uỷ", "ủy"), ("Huyện", "Huyện")):
        assert torch.equal(table[new.ids[piece]], old[ENTRIES.index(entry)])
    for token in ("<s>", "<pad>", "</s>", "<unk>", "<mask>"):
        assert torch.equal(table[new.ids[token]], old[ENTRIES.index(token)])
    assert torch.equal(model.lm_head.decoder.weight, table), "tied"


@torch.no_grad()
def test_layers_and_positions_are_copied(new: PhobertTokenization, words: FastTokenization) -> None:
    source = bert()
    model = transfer(source, words, new, 2)
    for mine, theirs in ((0, 0), (1, 4)):
        one, other = model.roberta.encoder.layer[mine].state_dict(), source.encoder.layer[theirs].state_dict()
        assert all(torch.equal(value, other[name]) for name, value in one.items())
    positions = source.embeddings.position_embeddings.weight + source.embeddings.token_type_embeddings.weight[0]
    own = model.roberta.embeddings
    assert torch.equal(own.position_embeddings.weight[2:42], positions)
    assert own.token_type_embeddings.weight.abs().sum() == 0
    assert torch.equal(own.LayerNorm.weight, source.embeddings.LayerNorm.weight)


@torch.no_grad()
def test_positions_of_a_roberta_start_behind_its_padding(new: PhobertTokenization, words: FastTokenization) -> None:
    torch.manual_seed(2)
    source = RobertaModel(
        RobertaConfig(**SIZES, max_position_embeddings=42, type_vocab_size=1), add_pooling_layer=False
    )
    model = transfer(source, words, new, 5)
    old = source.embeddings
    expected = old.position_embeddings.weight[2:42] + old.token_type_embeddings.weight[0]
    assert torch.equal(model.roberta.embeddings.position_embeddings.weight[2:42], expected)


@torch.no_grad()
def test_text_of_known_words_has_the_same_states(new: PhobertTokenization, words: FastTokenization) -> None:
    source = bert().eval()
    model = transfer(source, words, new, 5).eval()
    old = torch.tensor([[0, 5, 6, 9, 2]])
    ids = torch.tensor([[0, *(new.ids[piece] for piece in ("Huyện", "uỷ", "họp")), 2]])
    torch.testing.assert_close(
        model.roberta(input_ids=ids).last_hidden_state, source(input_ids=old).last_hidden_state, atol=1e-5, rtol=0
    )


def test_other_layouts_are_refused(new: PhobertTokenization, words: FastTokenization) -> None:
    other = GPT2Model(GPT2Config(n_embd=16, n_layer=1, n_head=2, vocab_size=10))
    with pytest.raises(ModelError, match="cannot start from a gpt2 model; give a BERT or RoBERTa-type encoder"):
        transfer(other, words, new, 1)


@torch.no_grad()
def test_from_an_encoder_of_phoberts_kind(new: PhobertTokenization, tmp_path: Path) -> None:
    """Shared pieces are taken as they are; others are the mean of the old pieces that spell them."""
    counts = Counter({"Huyện_uỷ": 40, "Mường": 12, "họp": 30, "Sậy": 9, ".": 60, "@": 7})
    write_encoder(tmp_path)
    write_vocabulary(tmp_path, *learn(counts, 400))
    old = PhobertTokenization(tmp_path)
    source = random_encoder(RobertaConfig(**{**SIZES, "vocab_size": old.vocabulary_size}), seed=3)
    model = transfer(source, old, new, 5)
    before, after = source.embeddings.word_embeddings.weight, model.roberta.embeddings.word_embeddings.weight
    shared = sorted(old.ids.keys() & new.ids.keys())
    assert {"<s>", "<mask>", "họp", "M@@", "."} <= set(shared)
    for piece in shared:
        assert torch.equal(after[new.ids[piece]], before[old.ids[piece]]), piece
    word = next(piece for piece in new.ids if piece not in old.ids and piece.isalpha() and len(piece) > 2)
    spelling = old.word_pieces([word])[0].ids
    torch.testing.assert_close(after[new.ids[word]], before[spelling].mean(0))


@torch.no_grad()
def test_its_own_vocabulary_gives_the_same_encoder(tiny_encoder: Path) -> None:
    encoder, own, _ = load_encoder(str(tiny_encoder))
    assert isinstance(own, PhobertTokenization)
    again = transfer(encoder, own, own, 2).roberta
    for name, value in encoder.embeddings.word_embeddings.named_parameters():
        assert torch.equal(again.embeddings.word_embeddings.get_parameter(name), value)
