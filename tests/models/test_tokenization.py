"""Pieces: the ids PhoBERT's own tokenizer gives, and the characters they cover."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PhobertTokenizer

from data.segmentation import NoSegmenter
from models.tokenization import FastTokenization, PhobertTokenization, Pieces, TokenizerError, load_tokenization
from models.tones import phobert_tones
from tests.fixtures.checkpoints import write_tokenizer
from tests.fixtures.sentences import TEXTS

WORDS = sorted({text[s:e] for text in map(phobert_tones, TEXTS) for s, e in NoSegmenter().words(text)})
HOSTILE = ["@@", "@", "a@@", "@@a", "</w>", "a</w>", "<unk>", "<s>", "<mask>", "_", "__", "Huyện_uỷ", "😀", "👩‍👩‍👦", "한국", "a\u0301",
           "\u200b", "\ufffd", "–", "x" * 5_000, "Ẵ", "ﬁ", "\x00", "1.000.000", "𝒜", "<unknown_symbol>"]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("tokenizer")
    write_tokenizer(place)
    return place


@pytest.fixture(scope="module")
def ours(folder: Path) -> PhobertTokenization:
    return PhobertTokenization(folder)


@pytest.fixture(scope="module")
def theirs(folder: Path) -> PhobertTokenizer:
    return PhobertTokenizer(str(folder / "vocab.txt"), str(folder / "bpe.codes"))


def reference(tokenizer: PhobertTokenizer, word: str) -> list[int]:
    """Ids by transformers' own merging of one word."""
    return [tokenizer.encoder.get(piece, tokenizer.unk_token_id) for piece in tokenizer.bpe(word).split(" ")]


def tiled(pieces: Pieces, length: int) -> bool:
    """Whether the spans lie end to end from 0 to `length`."""
    edges = [0, *(end for _, end in pieces.spans)]
    return [start for start, _ in pieces.spans] == edges[:-1] and edges[-1] == length


@given(
    st.one_of(
        st.sampled_from(WORDS),
        st.tuples(st.sampled_from(WORDS), st.sampled_from(["", "_", "@@", "-"]), st.sampled_from(WORDS)).map("".join),
        st.text(st.sampled_from(sorted(set("".join(WORDS)))), min_size=1, max_size=14),
        st.text(st.characters(exclude_categories=("Cs", "Zs", "Zl", "Zp", "Cc")), min_size=1, max_size=8),
    )
)
@example("Nghị_quyết")
def test_ids_of_any_word_are_those_of_transformers(
    ours: PhobertTokenization, theirs: PhobertTokenizer, word: str
) -> None:
    (pieces,) = ours.word_pieces([word])
    assert pieces.ids == reference(theirs, word)
    assert tiled(pieces, len(word))


@pytest.mark.parametrize("word", HOSTILE, ids=lambda word: ascii(word)[:20])
def test_ids_of_hostile_words(ours: PhobertTokenization, theirs: PhobertTokenizer, word: str) -> None:
    (pieces,) = ours.word_pieces([word])
    assert pieces.ids == reference(theirs, word)
    assert tiled(pieces, len(word))


def test_special_ids_and_size(ours: PhobertTokenization, theirs: PhobertTokenizer) -> None:
    assert (ours.bos, ours.pad, ours.eos, ours.unk) == (0, 1, 2, 3)
    assert ours.mask == theirs.mask_token_id == ours.vocabulary_size - 1
    assert ours.vocabulary_size == len(theirs)


def test_a_merge_result_missing_from_the_vocabulary_is_unknown(
    ours: PhobertTokenization, theirs: PhobertTokenizer
) -> None:
    merged = {left + right.removesuffix("</w>") for left, right in theirs.bpe_ranks if right.endswith("</w>")}
    missing = sorted(word for word in merged & set(WORDS) if word not in ours.ids)
    assert missing, "the fixture leaves some out"
    for word in missing:
        assert [pieces.ids for pieces in ours.word_pieces([word])] == [[ours.unk]] == [reference(theirs, word)]


def test_words_of_a_text_have_spans_in_the_text(ours: PhobertTokenization) -> None:
    text = "Ông Bủn, xã Nà Ngàm"
    found = ours.pieces(text, [(0, 3), (4, 7), (7, 8), (9, 19)])
    alone = ours.word_pieces(["Ông", "Bủn", ",", "xã_Nà_Ngàm"])
    assert found.ids == [number for pieces in alone for number in pieces.ids]
    assert found.spans == [
        (start + base, end + base)
        for base, pieces in zip((0, 4, 7, 9), alone, strict=True)
        for start, end in pieces.spans
    ]


@pytest.mark.parametrize("space", ["  ", "\t", "\u00a0", "\u3000 \t", "\n"])
def test_white_space_inside_a_word_is_one_underscore(ours: PhobertTokenization, space: str) -> None:
    text = f"… Huyện{space}uỷ"
    found = ours.pieces(text, [(2, len(text))])
    (plain,) = ours.word_pieces(["Huyện_uỷ"])
    assert found.ids == plain.ids
    covered = [at for start, end in found.spans for at in range(start, end) if not text[at].isspace()]
    assert covered == [at for at in range(2, len(text)) if not text[at].isspace()]


def test_no_words_no_pieces(ours: PhobertTokenization) -> None:
    assert ours.pieces("", []) == Pieces([], [])


def test_saved_files_read_the_same(ours: PhobertTokenization, folder: Path, tmp_path: Path) -> None:
    ours.save(tmp_path)
    ours.save(folder)
    again = load_tokenization(tmp_path)
    assert isinstance(again, PhobertTokenization)
    assert again.word_pieces(WORDS) == ours.word_pieces(WORDS)


def test_windows_line_ends_change_nothing(ours: PhobertTokenization, folder: Path, tmp_path: Path) -> None:
    for name in PhobertTokenization.files:
        (tmp_path / name).write_bytes((folder / name).read_bytes().replace(b"\n", b"\r\n"))
    assert PhobertTokenization(tmp_path).word_pieces(WORDS) == ours.word_pieces(WORDS)


@pytest.mark.parametrize(
    ("vocabulary", "codes", "message"),
    [
        ("a 1\nb 1\nmộttừ\n", "a b 1\n", "vocab.txt:3: expected 'piece count', found 'mộttừ'"),
        ("a 1\n", "a b 1\na\n", "bpe.codes:2: expected 'left right count', found 'a'"),
    ],
)
def test_malformed_lines_are_named(vocabulary: str, codes: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "vocab.txt").write_text(vocabulary, encoding="utf-8")
    (tmp_path / "bpe.codes").write_text(codes, encoding="utf-8")
    with pytest.raises(TokenizerError) as caught:
        PhobertTokenization(tmp_path)
    assert str(caught.value) == f"{tmp_path}/{message}"


@pytest.mark.parametrize("name", PhobertTokenization.files)
def test_a_file_that_is_not_utf8_is_named(name: str, folder: Path, tmp_path: Path) -> None:
    for each in PhobertTokenization.files:
        (tmp_path / each).write_bytes((folder / each).read_bytes())
    (tmp_path / name).write_bytes(b"B\xed 12 1\n")
    with pytest.raises(TokenizerError, match=name):
        PhobertTokenization(tmp_path)


@pytest.mark.parametrize("name", PhobertTokenization.files)
def test_a_missing_file_is_named(name: str, folder: Path, tmp_path: Path) -> None:
    for each in PhobertTokenization.files:
        if each != name:
            (tmp_path / each).write_bytes((folder / each).read_bytes())
    with pytest.raises(TokenizerError, match=f"no {name}"):
        PhobertTokenization(tmp_path)
    (tmp_path / "vocab.txt").unlink(missing_ok=True)
    (tmp_path / "bpe.codes").unlink(missing_ok=True)
    with pytest.raises(TokenizerError, match="no tokenizer files"):
        load_tokenization(tmp_path)


def write_fast(folder: Path, specials: tuple[str, ...] = ("[CLS]", "[SEP]", "[PAD]", "[UNK]")) -> Path:
    """A word-level `tokenizer.json` that marks the beginning of words as SentencePiece does."""
    entries = [*specials, "▁Bí", "▁thư", "▁xã", ","]
    unknown = specials[-1]
    tokenizer = Tokenizer(models.WordLevel({entry: i for i, entry in enumerate(entries)}, unk_token=unknown))
    marks = pre_tokenizers.Metaspace(prepend_scheme="always")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([marks, pre_tokenizers.Punctuation()])
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def test_a_fast_tokenizer_reads_plain_text(tmp_path: Path) -> None:
    fast = load_tokenization(write_fast(tmp_path))
    assert isinstance(fast, FastTokenization)
    assert (fast.bos, fast.eos, fast.pad, fast.unk, fast.vocabulary_size) == (0, 1, 2, 3, 8)
    text = "Bí thư,  xã Ngàm"
    found = fast.pieces(text, [(0, 6)])
    assert found.ids == [4, 5, 7, 6, 3]
    assert [text[start:end] for start, end in found.spans] == ["Bí", "thư", ",", "xã", "Ngàm"]
    assert "".join(text[start:end] for start, end in found.spans) == "".join(text.split())


def test_a_fast_tokenizer_needs_special_tokens(tmp_path: Path) -> None:
    with pytest.raises(TokenizerError, match=r"tokenizer.json: no pad token; looked for"):
        FastTokenization(write_fast(tmp_path, ("<s>", "</s>", "<unk>")))
    with pytest.raises(TokenizerError, match=r"no tokenizer\.json"):
        FastTokenization(tmp_path / "nowhere")


def test_a_damaged_fast_tokenizer_is_named(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text('{"version": ', encoding="utf-8")
    with pytest.raises(TokenizerError, match=r"tokenizer\.json"):
        load_tokenization(tmp_path)


def test_a_fast_tokenizer_saves_its_files(tmp_path: Path) -> None:
    (tmp_path / "from").mkdir()
    (tmp_path / "to").mkdir()
    fast = FastTokenization(write_fast(tmp_path / "from"))
    (tmp_path / "from" / "tokenizer_config.json").write_text("{}", encoding="utf-8")
    fast.save(tmp_path / "to")
    assert sorted(path.name for path in (tmp_path / "to").iterdir()) == ["tokenizer.json", "tokenizer_config.json"]
    assert FastTokenization(tmp_path / "to").pieces("xã", []) == fast.pieces("xã", [])
