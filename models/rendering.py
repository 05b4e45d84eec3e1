"""Annotated text as HTML: nested coloured spans. Every character of the text is escaped."""

from __future__ import annotations

import html
from collections.abc import Container, Sequence
from itertools import pairwise

from data.documents import Entity

COLOURS = {
    "PERSON": "#ffd6d6",
    "ROLE": "#ffe8c2",
    "PARTY_ORG": "#fff3a8",
    "STATE_ORG": "#d9f2c4",
    "MASS_ORG": "#c9f0e3",
    "OTHER_ORG": "#cdeaf7",
    "LOCATION": "#d6defa",
    "EVENT": "#e5d6fa",
    "DOCUMENT": "#f7d3ee",
    "TERM": "#e6e0d4",
    "DATE": "#dfe5ea",
    "QUANTITY": "#ead9cb",
}
OTHER_COLOUR = "#e8e8e8"


def colour(type_: str) -> str:
    """Background of an entity type."""
    return COLOURS.get(type_, OTHER_COLOUR)


def spans_to_html(text: str, entities: Sequence[Entity], wrong: Container[str] = (), offset: int = 0) -> str:
    """`text` with its entities as nested `<span>`s.

    Args:
        entities: with offsets counted from `offset` before `text`; spans that cross are cut so that
            the HTML nests.
        wrong: ids to outline.
    """
    edges = sorted(
        {
            0,
            len(text),
            *(min(max(e.start - offset, 0), len(text)) for e in entities),
            *(min(max(e.end - offset, 0), len(text)) for e in entities),
        }
    )
    out: list[str] = []
    open_: list[Entity] = []
    for begin, end in pairwise(edges):
        covering = [e for e in entities if e.start - offset <= begin and end <= e.end - offset]
        covering.sort(key=lambda e: (e.start, -e.end, e.id))
        shared = 0
        while shared < min(len(open_), len(covering)) and open_[shared] is covering[shared]:
            shared += 1
        out += ["</span>"] * (len(open_) - shared)
        for entity in covering[shared:]:
            mark = ' class="wrong"' if entity.id in wrong else ""
            name = html.escape(entity.type, quote=True)
            out.append(f'<span{mark} title="{name}" style="background:{colour(entity.type)}">')
        open_ = covering
        out.append(html.escape(text[begin:end]))
    out += ["</span>"] * len(open_)
    return "".join(out)
