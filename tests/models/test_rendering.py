"""Annotated text as HTML: nested, escaped, and the same characters."""

from __future__ import annotations

from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from data.documents import Entity
from data.schema import PARTY_BUILDING
from models.rendering import COLOURS, OTHER_COLOUR, colour, spans_to_html


class Reader(HTMLParser):
    """The text, and for each of its characters the titles of the spans around it."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.read: list[tuple[str, list[str]]] = []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag == "span"
        self.open.append(dict(attrs)["title"] or "")

    def handle_endtag(self, tag: str) -> None:
        assert tag == "span"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.read += [(char, sorted(self.open)) for char in data]


def test_exact_html() -> None:
    entities = [Entity("r", "ROLE", 0, 12), Entity("o", "PARTY_ORG", 7, 12)]
    role, organ = COLOURS["ROLE"], COLOURS["PARTY_ORG"]
    assert spans_to_html("Bí thư Đảng, họp", entities, {"o"}) == (
        f'<span title="ROLE" style="background:{role}">Bí thư <span class="wrong" title="PARTY_ORG" '
        f'style="background:{organ}">Đảng,</span></span> họp'
    )


def test_text_and_types_are_escaped() -> None:
    text = "<script>alert(\"x\")</script> & 'y'"
    html = spans_to_html(text, [Entity("a", '"><b', 0, 8)])
    assert "<script" not in html
    assert html.startswith('<span title="&quot;&gt;&lt;b" style="background:#e8e8e8">&lt;script&gt;</span>')
    assert "".join(char for char, _ in Reader(html).read) == text


def test_offsets_may_count_from_before_the_text() -> None:
    html = spans_to_html("Bủn nói", [Entity("p", "PERSON", 104, 107), Entity("q", "DATE", 90, 200)], offset=104)
    read = Reader(html).read
    assert [titles for _, titles in read] == [["DATE", "PERSON"]] * 3 + [["DATE"]] * 4


@given(
    st.text(st.sampled_from("aă <>&\"'\nđ"), max_size=20),
    st.lists(st.tuples(st.integers(-3, 22), st.integers(0, 9), st.sampled_from("XYZ")), max_size=7),
)
def test_any_spans_nest_and_cover_what_they_cover(text: str, places: list[tuple[int, int, str]]) -> None:
    entities = [Entity(f"n{i}", type_, start, start + length) for i, (start, length, type_) in enumerate(places)]
    read = Reader(spans_to_html(text, entities)).read
    assert "".join(char for char, _ in read) == text
    for at, (_, titles) in enumerate(read):
        assert titles == sorted(e.type for e in entities if e.start <= at < e.end)


def test_every_type_has_a_colour_of_its_own() -> None:
    colours = [colour(type_) for type_ in PARTY_BUILDING.entity_types]
    assert len(set(colours)) == 12
    assert colour("ANYTHING") == OTHER_COLOUR
    assert OTHER_COLOUR not in colours
