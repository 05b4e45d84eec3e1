"""An invented document, and hypothesis strategies for random ones."""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Callable

from hypothesis import strategies as st

from data.documents import Document, Entity, Relation
from data.schema import PARTY_BUILDING
from data.sentences import split_sentences

TEXT = (
    "Sáng 3-4, bà Lò Thị Sương, Bí thư Huyện ủy Bến Sỏi, chủ trì Hội nghị giao ban cụm xã.\n"
    "Ông Đinh Bá Khoát báo cáo 27 chi bộ đã họp."
)
ENTITIES = (
    Entity("d", "DATE", 0, 8, "Sáng 3-4"),
    Entity("p", "PERSON", 13, 25, "Lò Thị Sương"),
    Entity("r", "ROLE", 27, 50, "Bí thư Huyện ủy Bến Sỏi"),
    Entity("o", "PARTY_ORG", 34, 50, "Huyện ủy Bến Sỏi"),
    Entity("l", "LOCATION", 43, 50, "Bến Sỏi"),
    Entity("v", "EVENT", 60, 84, "Hội nghị giao ban cụm xã"),
    Entity("k", "PERSON", 90, 103, "Đinh Bá Khoát"),
    Entity("q", "QUANTITY", 112, 121, "27 chi bộ"),
)
RELATIONS = (
    Relation("HOLDS", "p", "r"),
    Relation("AT", "r", "o"),
    Relation("LOCATED_IN", "o", "l"),
    Relation("CHAIRS", "p", "v"),
    Relation("HELD_ON", "v", "d"),
)


def meeting(name: str = "giao-ban") -> Document:
    """The invented document, annotated in full."""
    return Document(name, TEXT, ENTITIES, RELATIONS)


def nfc(text: str) -> str:
    """`text` in Unicode NFC."""
    return unicodedata.normalize("NFC", text)


def cut(text: str, ranges: object) -> list[str]:
    """Surfaces of ranges."""
    return [text[start:end] for start, end in ranges]  # type: ignore[attr-defined]


def solid(text: str) -> str:
    """`text` without its white space."""
    return "".join(text.split())


def cpu_seconds(work: Callable[[], object]) -> float:
    """Processor time that `work` takes."""
    begin = time.process_time()
    work()
    return time.process_time() - begin


def content(document: Document) -> tuple[str, set[object], list[object]]:
    """What must survive a round trip that numbers entity ids anew."""
    keys = {e.id: e.key for e in document.entities}
    relations = [(r.type, keys[r.head], keys[r.tail]) for r in document.relations]
    return document.text, set(keys.values()), sorted(relations)


CHARACTERS = st.one_of(
    st.sampled_from("aăâđêơưnghĐÔẦỷtL0159 "),
    st.sampled_from('[]|\\#(){}:,;.?!…“”"_-/ \t\r\u00a0\u2028'),
    st.characters(exclude_categories=("Cs",)),
)
LINES = st.text(CHARACTERS, max_size=40)
TEXTS = st.lists(LINES, max_size=5).map("\n".join).map(nfc)


@st.composite
def documents(draw: st.DrawFn, texts: st.SearchStrategy[str] = TEXTS) -> Document:
    """Random documents; spans nest and cross wherever the rules allow it."""
    text = draw(texts)
    sentences = split_sentences(text)
    number = st.integers(0, 60)
    wanted = draw(
        st.lists(st.tuples(st.sampled_from(PARTY_BUILDING.entity_types), number, number, number), max_size=12)
    )
    entities: list[Entity] = []
    for type_, which, offset, length in wanted if sentences else ():
        first, last = sentences[which % len(sentences)]
        start = first + offset % (last - first)
        end = start + 1 + length % (last - start)
        surface = text[start:end]
        taken = any(e.type == type_ and start < e.end and e.start < end for e in entities)
        if surface == surface.strip() and not taken:
            entities.append(Entity(f"x{len(entities)}", type_, start, end))
    plain = Document("ngẫu-nhiên", text, tuple(entities))
    allowed = [
        Relation(name, head.id, tail.id)
        for head in plain.entities
        for tail in plain.entities
        if plain.sentence_of(head.start, head.end) == plain.sentence_of(tail.start, tail.end)
        for name in PARTY_BUILDING.between(head.type, tail.type)
    ]
    relations = draw(st.lists(st.sampled_from(allowed), unique=True, max_size=8)) if allowed else []
    return Document("ngẫu-nhiên", text, tuple(entities), tuple(relations))
