"""An invented document with a flawed prediction, and strategies for random pairs."""

from __future__ import annotations

from hypothesis import strategies as st

from data.documents import Document, Entity, Relation
from data.schema import PARTY_BUILDING
from data.segmentation import syllables
from data.sentences import split_sentences
from eval.scoring import Pair
from models.results import Prediction
from tests.fixtures.sentences import TEXTS

TEXT = "Ông Tòng Inh, Bí thư xã Pá Nhè, dự Hội nghị.\nBà Ính ở Pá Nhè và Huổi Tát."
GOLD = Document(
    "họp-xã",
    TEXT,
    (
        Entity("p", "PERSON", 4, 12),
        Entity("r", "ROLE", 14, 30),
        Entity("l", "LOCATION", 21, 30),
        Entity("v", "EVENT", 35, 43),
        Entity("q", "PERSON", 48, 51),
        Entity("m", "LOCATION", 54, 60),
        Entity("n", "LOCATION", 64, 72),
    ),
    (Relation("HOLDS", "p", "r"), Relation("ATTENDS", "p", "v")),
    meta={"source": "ví dụ"},
)
PREDICTED = Prediction(
    TEXT,
    (
        Entity("e1", "PERSON", 4, 12, "Tòng Inh", 0.9),
        Entity("e2", "ROLE", 14, 20, "Bí thư", 0.8),
        Entity("e3", "LOCATION", 21, 30, "xã Pá Nhè", 0.7),
        Entity("e4", "TERM", 35, 43, "Hội nghị", 0.4),
        Entity("e5", "LOCATION", 48, 51, "Ính", 0.6),
        Entity("e6", "LOCATION", 54, 60, "Pá Nhè", 0.95),
        Entity("e7", "DATE", 0, 3, "Ông", 0.2),
    ),
    (Relation("HOLDS", "e1", "e2", 0.9),),
)


def pair(gold: Document = GOLD, predicted: Prediction = PREDICTED) -> Pair:
    return Pair.of(gold, predicted.entities, predicted.relations)


@st.composite
def _annotations(draw: st.DrawFn, text: str, prefix: str) -> tuple[tuple[Entity, ...], tuple[Relation, ...]]:
    """Entities over syllables, disjoint within a type, inside sentences, and allowed relations."""
    entities: list[Entity] = []
    relations: list[Relation] = []
    kinds = st.sampled_from(("PERSON", "ROLE", "PARTY_ORG", "LOCATION"))
    for start, end in split_sentences(text):
        units = syllables(text, start, end)[:12]
        here: list[Entity] = []
        place = st.tuples(kinds, st.integers(0, len(units) - 1), st.integers(0, 3))
        for type_, at, length in draw(st.lists(place, max_size=8)):
            first, last = units[at][0], units[min(at + length, len(units) - 1)][1]
            if not any(e.type == type_ and first < e.end and e.start < last for e in here):
                here.append(Entity(f"{prefix}{len(entities) + len(here)}", type_, first, last, "", 0.5))
        allowed = [
            Relation(name, a.id, b.id) for a in here for b in here for name in PARTY_BUILDING.between(a.type, b.type)
        ]
        relations += draw(st.lists(st.sampled_from(allowed), unique=True, max_size=4)) if allowed else []
        entities += here
    return tuple(entities), tuple(relations)


@st.composite
def pairs(draw: st.DrawFn) -> Pair:
    """Gold and predicted annotations of a text of one to three sentences, some of them not kept."""
    lines = draw(st.lists(st.sampled_from(TEXTS), min_size=1, max_size=3))
    text = "\n".join(lines)
    sentences = split_sentences(text)
    kept = draw(st.sampled_from([None, tuple(sentences), tuple(sentences[1:]), tuple(sentences[:1])]))
    entities, relations = draw(_annotations(text, "g"))
    inside = {e.id for e in entities if kept is None or any(s <= e.start and e.end <= t for s, t in kept)}
    gold = Document(
        "ngẫu-nhiên",
        text,
        tuple(e for e in entities if e.id in inside),
        tuple(r for r in relations if r.head in inside and r.tail in inside),
        kept=kept,
    )
    return Pair.of(gold, *draw(_annotations(text, "p")))
