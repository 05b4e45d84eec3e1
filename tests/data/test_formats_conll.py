"""CoNLL columns: every tagging scheme, every way files differ, and every fault by its line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.dataset import DataError
from data.formats.conll import Conll, read_conll
from data.schema import Schema

TOKENS = ("Bà", "Lò_Thị_Vĩ", "ở", "Nậm_Cắn", "Nghệ_An", ".")


def write(folder: Path, *columns: tuple[str, ...], between: str = "\t") -> Path:
    path = folder / "t.conll"
    path.write_text("".join(between.join(row) + "\n" for row in zip(*columns, strict=True)), encoding="utf-8")
    return path


def found(read: Conll) -> list[tuple[str, str]]:
    schema = Schema.flat_of(read.types)
    return [(e.type, e.text) for d in read.documents(schema) for e in d.entities]


EXPECTED = [("PER", "Lò Thị Vĩ"), ("LOC", "Nậm Cắn"), ("LOC", "Nghệ An")]


@pytest.mark.parametrize(
    "tags",
    [
        ("O", "B-PER", "O", "B-LOC", "B-LOC", "O"),
        ("O", "I-PER", "O", "I-LOC", "B-LOC", "O"),
        ("O", "S-PER", "O", "S-LOC", "S-LOC", "O"),
        ("O", "U-PER", "O", "U-LOC", "U-LOC", "O"),
    ],
    ids=["IOB2", "IOB1", "IOBES", "BILOU"],
)
@pytest.mark.parametrize("between", ["\t", " ", "  "])
def test_schemes_and_separators(tags: tuple[str, ...], between: str, tmp_path: Path) -> None:
    read = read_conll(write(tmp_path, TOKENS, tags, between=between))
    assert found(read) == EXPECTED
    assert (read.sentences, read.tokens, dict(read.types)) == (1, 6, {"PER": 1, "LOC": 2})
    (document,) = read.documents(Schema.flat_of(read.types))
    assert document.text == "Bà Lò Thị Vĩ ở Nậm Cắn Nghệ An ."
    assert document.sentences == ((0, len(document.text)),)


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        (("B-A", "I-A", "I-A", "O"), ["w x y"]),
        (("B-A", "E-A", "I-A", "O"), ["w x", "y"]),
        (("B-A", "L-A", "B-A", "L-A"), ["w x", "y z"]),
        (("B-A", "I-B", "I-B", "B-B"), ["w", "x y", "z"]),
        (("I-A", "O", "I-A", "I-A"), ["w", "y z"]),
        (("E-A", "S-A", "S-A", "E-A"), ["w", "x", "y", "z"]),
    ],
)
def test_where_entities_begin_and_end(tags: tuple[str, ...], expected: list[str], tmp_path: Path) -> None:
    read = read_conll(write(tmp_path, ("w", "x", "y", "z"), tags))
    assert [text for _, text in found(read)] == expected


def test_entities_without_a_beginning_are_counted(tmp_path: Path) -> None:
    read = read_conll(write(tmp_path, ("a", "b", "c", "d"), ("I-X", "O", "B-X", "I-Y")))
    assert read.notes == ["2 entities begin with I- (or E-, L-) and were read as beginnings"]


def test_sentences_are_documents_unless_documents_are_marked(tmp_path: Path) -> None:
    path = tmp_path / "t.conll"
    path.write_text("a B-X\n\n\nb O\nc B-X\n", encoding="utf-8")
    read = read_conll(path)
    documents = read.documents(Schema.flat_of(read.types))
    assert [(d.id, d.text) for d in documents] == [("t-1", "a"), ("t-2", "b c")]
    path.write_text("-DOCSTART- -X- O\n\na B-X\n\nb O\n-DOCSTART-\nc B-X\n", encoding="utf-8")
    read = read_conll(path)
    documents = read.documents(Schema.flat_of(read.types), "n")
    assert [(d.id, d.text) for d in documents] == [("n-1", "a\nb"), ("n-2", "c")]
    assert documents[0].sentences == ((0, 1), (2, 3))
    assert read.sentences == 3


def test_tags_in_another_column(tmp_path: Path) -> None:
    path = write(tmp_path, ("Vĩ", "cười"), ("Np", "V"), ("B-NP", "B-VP"), ("B-PER", "O"), ("O", "O"))
    assert found(read_conll(path, 3)) == [("PER", "Vĩ")]
    assert found(read_conll(path)) == []


def test_odd_tokens(tmp_path: Path) -> None:
    path = tmp_path / "t.conll"
    lines = ["\ufeff# text = nhóm máu O", "# O", "_ O", "# sent_id = 7", "Bà_Rịa_-_Vũng_Tàu B-X", "Ha\u0300_Nội I-X\r",
             "Hà\u00a0Nam\tO", "# S-1", "__ O"]  # fmt: skip
    path.write_text("\n".join(lines), encoding="utf-8")
    read = read_conll(path)
    (document,) = read.documents(Schema.flat_of(read.types))
    assert document.text == "# _ Bà Rịa - Vũng Tàu Hà Nội Hà Nam # __"
    assert read.notes == ["2 comment lines were passed over"]
    assert dict(read.types) == {"X": 1, "1": 1}, "a line of as many columns, with a tag, is a token"


def test_numbered_tokens(tmp_path: Path) -> None:
    path = write(tmp_path, ("1", "2", "3", "4"), ("Ông", "Vĩ", "cười", "."), ("O", "B-PER", "O", "O"))
    with pytest.raises(DataError, match="column 0 only numbers the tokens; name theirs with --token-column N"):
        read_conll(path)
    assert found(read_conll(path, token_column=1)) == [("PER", "Vĩ")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a O\nb\n", r"t\.conll:2: 1 columns, but line 1 has 2: 'b'"),
        ("\na\n", r"t\.conll:2: 1 columns; expected a token and a tag"),
        ("a NNP\n", r"t\.conll:1: 'NNP' is no tag .*--tag-column N"),
        ("a O\n\nb X O\n", r"t\.conll:3: 3 columns, but line 1 has 2"),
        ("\tO\n", r"t\.conll:1: an empty token"),
        ("\n\n", r"t\.conll: no sentences"),
        (b"a O\nB\xed O\n", r"t\.conll:2: not UTF-8 \(byte 1\)"),
    ],
)
def test_faults_are_named_by_line(content: str | bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "t.conll"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DataError, match=message):
        read_conll(path)
    with pytest.raises(DataError, match="no such file"):
        read_conll(tmp_path / "nowhere.conll")


@given(
    st.lists(
        st.lists(
            st.tuples(
                st.text(st.characters(exclude_categories=("Cs", "Cc", "Zs", "Zl", "Zp")), min_size=1, max_size=6),
                st.sampled_from(["O", "B-PER", "I-PER", "B-LOC", "I-LOC", "E-LOC", "S-PER"]),
            ),
            min_size=1,
            max_size=8,
        ),
        min_size=1,
        max_size=4,
    )
)
def test_any_file_is_read_or_refused_and_every_token_lands(
    tmp_path_factory: pytest.TempPathFactory, sentences: list[list[tuple[str, str]]]
) -> None:
    path = tmp_path_factory.mktemp("c") / "t.conll"
    path.write_text("\n".join("".join(f"{a}\t{b}\n" for a, b in s) for s in sentences), encoding="utf-8")
    try:
        read = read_conll(path)
    except DataError:
        # A token of nothing but what strips away, or -DOCSTART- by chance.
        return
    documents = read.documents(Schema.flat_of(["PER", "LOC"]))
    assert read.tokens == sum(len(s) for s in sentences)
    assert sum(len(d.entities) for d in documents) == sum(read.types.values())
