"""What must hold for every prediction on every input."""

from __future__ import annotations

import unicodedata
from itertools import pairwise

from data.schema import PARTY_BUILDING
from models.results import Prediction

EDGE = 1e-3
"""Relations this near to the threshold may be told apart by rounding."""


def check(text: str, result: Prediction) -> None:
    """Offsets are in `text`, relations are allowed, and everything is in order."""
    assert result.text == text
    names = [entity.id for entity in result.entities]
    assert names == [f"e{number}" for number in range(1, len(names) + 1)]
    for entity in result.entities:
        assert 0 <= entity.start < entity.end <= len(text)
        assert text[entity.start : entity.end] == entity.text
        assert entity.text == entity.text.strip()
        assert entity.type in PARTY_BUILDING.entity_types
        assert entity.score is not None
        assert 0 <= entity.score <= 1
    if unicodedata.is_normalized("NFC", text):
        for type_ in PARTY_BUILDING.entity_types:
            own = sorted((e.start, e.end) for e in result.entities if e.type == type_)
            assert all(end <= start for (_, end), (start, _) in pairwise(own)), "overlap within a type"
    by_id = {entity.id: entity for entity in result.entities}
    for relation in result.relations:
        head, tail = by_id[relation.head], by_id[relation.tail]
        assert relation.type in PARTY_BUILDING.between(head.type, tail.type)
        assert relation.score is not None
        assert relation.score >= 0.5
        assert "\n" not in text[min(head.start, tail.start) : max(head.end, tail.end)]
    stated = [(r.type, r.head, r.tail) for r in result.relations]
    assert len(stated) == len(set(stated))


def same(one: Prediction, other: Prediction) -> None:
    """Identical spans, the same relations, scores within 1e-4."""
    assert one.text == other.text
    assert [(e.id, *e.key, e.text) for e in one.entities] == [(e.id, *e.key, e.text) for e in other.entities]
    for a, b in zip(one.entities, other.entities, strict=True):
        assert abs((a.score or 0) - (b.score or 0)) < 1e-4
    first, second = ({(r.type, r.head, r.tail): r.score or 0.0 for r in each.relations} for each in (one, other))
    for key in first.keys() | second.keys():
        if key in first and key in second:
            assert abs(first[key] - second[key]) < 1e-4
        else:
            assert abs(first.get(key, second.get(key, 0.0)) - 0.5) < EDGE, key
