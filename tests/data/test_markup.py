"""Inline markup: what it means, what it refuses and where, and that nothing is lost either way."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.documents import AnnotationError, Document, Entity, Relation
from data.markup import MarkupError, escape, parse, parse_line, read_markup, render
from data.schema import RelationType, Schema
from tests.data.samples import ENTITIES, LINES, RELATIONS, TEXT, content, documents, meeting, nfc

MEETING = """\
# giao-ban

[Sáng 3-4](DATE e1), bà [Lò Thị Sương](PERSON: HOLDS e2, CHAIRS e5), \
[Bí thư [Huyện ủy [Bến Sỏi](LOCATION e4)](PARTY_ORG e3: LOCATED_IN e4)](ROLE e2: AT e3), \
chủ trì [Hội nghị giao ban cụm xã](EVENT e5: HELD_ON e1).
Ông [Đinh Bá Khoát](PERSON) báo cáo [27 chi bộ](QUANTITY) đã họp.
"""


def one(source: str) -> Document:
    (document,) = parse(source, "mẫu.md")
    return document


def test_markup_of_a_document() -> None:
    assert render(meeting()) == MEETING


def test_document_of_a_markup() -> None:
    document = one(MEETING)
    assert document.text == TEXT
    assert content(document) == content(meeting())
    assert [e.id for e in document.entities] == [f"e{n}" for n in range(1, 9)]


@given(documents())
def test_round_trip_of_any_document(document: Document) -> None:
    again = one(render(document))
    assert content(again) == content(document)
    assert again.id == document.id


@given(documents())
def test_rendering_what_was_parsed_changes_nothing(document: Document) -> None:
    again = one(render(document))
    assert content(one(render(again))) == content(document)


@given(LINES)
def test_escaped_text_is_read_as_itself(line: str) -> None:
    text = nfc(line)
    assert parse_line(escape(text)).text == text


def test_crossing_spans_carry_numbers() -> None:
    crossing = Document("chéo", "Bí thư Huyện", (Entity("a", "ROLE", 0, 6), Entity("b", "PARTY_ORG", 3, 12)))
    assert render(crossing) == "# chéo\n\n[1|Bí [2|thư]1(ROLE) Huyện]2(PARTY_ORG)\n"
    assert content(one(render(crossing))) == content(crossing)


def test_nested_spans_carry_none() -> None:
    entities = (Entity("a", "PARTY_ORG", 0, 12), Entity("b", "ROLE", 0, 6), Entity("c", "LOCATION", 7, 12))
    nested = Document("lồng", "Bí thư Huyện", entities)
    assert render(nested) == "# lồng\n\n[[Bí thư](ROLE) [Huyện](LOCATION)](PARTY_ORG)\n"


def test_spans_over_the_same_characters() -> None:
    same = Document("trùng", "Bến Sỏi", (Entity("a", "LOCATION", 0, 7), Entity("b", "PARTY_ORG", 0, 7)))
    assert render(same) == "# trùng\n\n[[Bến Sỏi](PARTY_ORG)](LOCATION)\n"
    assert content(one(render(same))) == content(same)


def test_one_head_with_several_tails() -> None:
    document = one("# a\n[Lò Thị Sương](PERSON: HOLDS a b), [Bí thư](ROLE a), [Chủ tịch](ROLE b)")
    assert [(r.type, r.head, r.tail) for r in document.relations] == [("HOLDS", "e1", "e2"), ("HOLDS", "e1", "e3")]


def test_ids_live_inside_one_line() -> None:
    document = one("# a\n[An](PERSON: HOLDS r), [Bí thư](ROLE r)\n[Bê](PERSON: HOLDS r), [Bí thư](ROLE r)")
    texts = {e.id: (e.text, e.start) for e in document.entities}
    assert [(texts[r.head], texts[r.tail]) for r in document.relations] == [
        (("An", 0), ("Bí thư", 4)),
        (("Bê", 11), ("Bí thư", 15)),
    ]


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (r"\[a\] \| \\ b", r"[a] | \ b"),
        (r"a | b # c", "a | b # c"),
        (r"\# không phải tiêu đề", "# không phải tiêu đề"),
        ("(ngoặc) {nhọn}", "(ngoặc) {nhọn}"),
        ("\\", ""),
        ("[1\\|x](TERM)", "1|x"),
        ("[a](TERM)1(b)", "a1(b)"),
    ],
)
def test_escapes(line: str, text: str) -> None:
    assert parse_line(line).text == text


def test_escapes_do_not_shift_offsets() -> None:
    assert parse_line(r"\[a\]\| [Bến \\ Sỏi](LOCATION) [b](TERM)").entities == [("LOCATION", 5, 14), ("TERM", 15, 16)]


@pytest.mark.parametrize(
    ("text", "body"),
    [
        ("", "\\\n"),
        ("\n\nchợ\n\n", "\\\n\\\nchợ\n\\\n\\\n"),
        ("  \nchợ\n\n\nđò", "\\  \nchợ\n\n\nđò\n"),
        ("# chợ\n#đò", "\\# chợ\n\\#đò\n"),
    ],
)
def test_empty_lines_and_number_signs_of_the_text_survive(text: str, body: str) -> None:
    document = Document("dòng", text)
    assert render(document) == "# dòng\n\n" + body
    assert one(render(document)).text == text


def test_blank_lines_around_an_article_are_not_text() -> None:
    assert one("\n \n# a\n\n\nchợ\n\nđò\n\n \n").text == "chợ\n\nđò"


def test_several_articles_and_their_meta() -> None:
    first, second, third = parse("# a {style=report year=2019}\nchợ\n# b\nđò\n#  c {k=x=y z}\nbến\n")
    assert [(d.id, d.text) for d in (first, second, third)] == [("a", "chợ"), ("b", "đò"), ("c", "bến")]
    assert [d.meta for d in (first, second, third)] == [{"style": "report", "year": "2019"}, {}, {"k": "x=y"}]
    assert render(first) == "# a {style=report year=2019}\n\nchợ\n"


def test_own_schema() -> None:
    schema = Schema(("CAT",), (RelationType("SEES", ("CAT",), ("CAT",)),))
    (document,) = parse("# a\n[Mướp](CAT: SEES m) [Mun](CAT m)", schema=schema)
    assert document.relations == (Relation("SEES", "e1", "e2"),)


LINE_ERRORS = {
    "unclosed": ("chợ [Bến Sỏi", "5: '[' is never closed"),
    "no type": ("[Bến Sỏi] xa", "9: ']' without a '(TYPE)' behind it; write '\\]' for a bracket of the text"),
    "nothing to close": ("Bến](LOCATION)", "4: ']' closes nothing"),
    "other number": ("[1|Bến]2(LOCATION)", "7: ']' closes nothing"),
    "empty tag": ("[Bến]()", "5: malformed tag ''; write (TYPE), (TYPE id) or (TYPE id: RELATION id)"),
    "upper-case id": ("[Bến](LOCATION L)", "5: malformed tag 'LOCATION L'; write (TYPE), (TYPE id) or"),
    "colon alone": ("[An](PERSON:)", "4: malformed tag 'PERSON:'; write (TYPE), (TYPE id) or"),
    "backslash at the end": ("b\\", "2: a backslash at the end of a line escapes nothing"),
    "id twice": ("[An](PERSON p) [Bê](PERSON p)", "1: id 'p' stands for two entities of this line"),
    "relation without tail": ("[An](PERSON: HOLDS)", "1: malformed relation 'HOLDS' of 'An'; write RELATION id"),
    "unknown tail": ("[An](PERSON: HOLDS r)", "1: HOLDS points at 'r', which no entity of this line has as its id"),
}


@pytest.mark.parametrize("case", LINE_ERRORS)
def test_line_that_cannot_be_read_is_named_with_its_column(case: str) -> None:
    line, message = LINE_ERRORS[case]
    with pytest.raises(MarkupError) as caught:
        list(parse(f"# a\n\nchợ\n{line}\n", "mẫu.md"))
    assert str(caught.value).startswith(f"mẫu.md:4:{message}")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("# a b\nchợ", "mẫu.md:1:1: malformed heading; write '# id' or '# id {key=value}'"),
        ("# a\nchợ\n# b {c=d", "mẫu.md:3:1: malformed heading; write '# id' or '# id {key=value}'"),
        ("\nchợ\n# a\n", "mẫu.md:2:1: text before the first '# id' heading"),
    ],
)
def test_heading_errors(source: str, message: str) -> None:
    with pytest.raises(MarkupError) as caught:
        list(parse(source, "mẫu.md"))
    assert str(caught.value) == message


def test_broken_rule_names_file_and_document() -> None:
    with pytest.raises(AnnotationError) as caught:
        list(parse("# a\nchợ\n# b\n[An ](PERSON)", "mẫu.md"))
    assert str(caught.value).startswith("document 'mẫu.md: b': 1 annotation problem(s)\n  - entity e1")


def test_empty_entity_is_refused() -> None:
    with pytest.raises(AnnotationError, match="outside the text of 3 characters, or empty"):
        one("# a\nchợ[](PERSON)")


def test_file(tmp_path: Path) -> None:
    path = tmp_path / "chợ.md"
    path.write_bytes(MEETING.replace("\n", "\r\n").encode())
    (document,) = read_markup(path)
    assert content(document) == content(meeting())
    path.write_text("# a\n[Bến\n", encoding="utf-8")
    with pytest.raises(MarkupError, match=r"^chợ\.md:2:1: "):
        read_markup(path)
    path.write_text("", encoding="utf-8")
    assert read_markup(path) == []


def test_meta_with_white_space_comes_back() -> None:
    document = Document("a", "chợ", meta={"source": "báo tỉnh, 2019"})
    assert one(render(document)).meta == {"source": "báo tỉnh, 2019"}


WORDS = st.text("ab =\"'\\#{}\n\t|,ế", max_size=5)


@given(st.dictionaries(WORDS, WORDS, max_size=3))
def test_meta_comes_back_or_is_refused(meta: dict[str, str]) -> None:
    document = Document("a", "chợ", meta=meta)
    try:
        source = render(document)
    except MarkupError:
        return
    assert one(source).meta == meta


def test_meta_that_cannot_be_read_is_named_with_its_line() -> None:
    with pytest.raises(MarkupError, match=r"^mẫu\.md:3:1: "):
        list(parse("# a\nchợ\n# b {style='x}\nđò", "mẫu.md"))


@pytest.mark.parametrize(
    "document",
    [
        Document("hai từ", "chợ"),
        Document("xuống-dòng", "chợ\nđò", (Entity("a", "LOCATION", 0, 6),), sentences=((0, 6),)),
        Document("hai-dòng", TEXT, ENTITIES, (*RELATIONS, Relation("HOLDS", "k", "r")), sentences=((0, 129),)),
    ],
    ids=["id with a space", "entity over a line break", "relation over a line break"],
)
def test_what_markup_cannot_hold_is_refused(document: Document) -> None:
    with pytest.raises(MarkupError, match=document.id):
        render(document)
