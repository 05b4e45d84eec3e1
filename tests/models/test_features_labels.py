"""Gold annotations as tags, and back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.documents import Document, Entity, Relation
from data.schema import PARTY_BUILDING, Schema
from data.segmentation import NoSegmenter, syllables
from data.sentences import split_sentences
from models.configuration import ExtractorConfig
from models.decoding import decode, grammar
from models.features import UNLABELLED, FeatureBuilder, Features, Labels, label
from models.tokenization import PhobertTokenization
from tests.fixtures.sentences import TEXTS, article, documents

TYPES = PARTY_BUILDING.entity_types
Key = tuple[str, int, int]


@pytest.fixture(scope="module")
def tokenization(tiny_encoder: Path) -> PhobertTokenization:
    return PhobertTokenization(tiny_encoder)


def build(document: Document, config: ExtractorConfig, tokenization: PhobertTokenization) -> list[Features]:
    maker = FeatureBuilder(config, tokenization, NoSegmenter())
    return maker.build(document.text, document.sentences or (), document.kept_sentences)


def decoded(features: Features, labels: Labels, config: ExtractorConfig) -> set[Key]:
    """Spans in characters, read back from the tags by the decoder."""
    size = max(len(track) for track in config.tracks)
    transitions, start = (np.stack([each] * len(config.tracks)) for each in grammar(size))
    found = set()
    for first, last in features.sentence_ranges:
        scores = np.eye(1 + 2 * size, dtype=np.float32)[labels.tags[first:last]] * 50
        (spans,) = decode(scores[None], np.array([last - first]), transitions, start)
        for span in spans:
            begin, end = features.starts[first + span.first], features.ends[first + span.last]
            found.add((config.tracks[span.track][span.type], int(begin), int(end)))
    return found


@pytest.mark.parametrize("document", [*documents(), article()], ids=lambda document: document.id)
def test_tags_hold_every_span(document: Document, tokenization: PhobertTokenization) -> None:
    config = ExtractorConfig(window=40, overlap=10)
    found: set[Key] = set()
    related = set()
    for features in build(document, config, tokenization):
        labels = label(features, document, config)
        assert labels.lost == []
        keys = [(TYPES[t], int(features.starts[a]), int(features.ends[b])) for a, b, t in labels.spans]
        assert decoded(features, labels, config) == set(keys)
        found |= set(keys)
        related |= {(PARTY_BUILDING.relation_names[r], keys[h], keys[t]) for r, h, t in labels.relations}
    assert found == {e.key for e in document.entities}
    by_id = document.by_id
    assert related == {(r.type, by_id[r.head].key, by_id[r.tail].key) for r in document.relations}


@st.composite
def annotated(draw: st.DrawFn, flat: bool) -> Document:
    """Sentences with random spans over whole syllables; disjoint within a type, or altogether if flat."""
    text = "\n".join(draw(st.lists(st.sampled_from(TEXTS), min_size=1, max_size=3)))
    schema = Schema(TYPES, flat=True) if flat else PARTY_BUILDING
    entities: list[Entity] = []
    for begin, stop in split_sentences(text):
        units = syllables(text, begin, stop)
        for type_, at, length in draw(
            st.lists(st.tuples(st.sampled_from(TYPES), st.integers(0, len(units) - 1), st.integers(0, 5)), max_size=14)
        ):
            start, end = units[at][0], units[min(at + length, len(units) - 1)][1]
            if not any((flat or e.type == type_) and start < e.end and e.start < end for e in entities):
                entities.append(Entity(f"x{len(entities)}", type_, start, end))
    return Document("ngẫu-nhiên", text, tuple(entities), schema=schema)


@pytest.mark.parametrize("flat", [False, True])
def test_random_spans_come_back(flat: bool, tokenization: PhobertTokenization) -> None:
    @given(annotated(flat))
    def check(document: Document) -> None:
        config = ExtractorConfig(schema=document.schema, window=40, overlap=10)
        assert len(config.tracks) == (1 if flat else len(TYPES))
        found: set[Key] = set()
        for features in build(document, config, tokenization):
            labels = label(features, document, config)
            assert labels.lost == []
            found |= decoded(features, labels, config)
        assert found == {e.key for e in document.entities}

    check()


def test_tags_exactly(tokenization: PhobertTokenization) -> None:
    schema = Schema(("PER", "LOC"), flat=True)
    text = "Vừ Pằng ở Nà Ngàm."
    entities = (Entity("a", "PER", 0, 7), Entity("b", "LOC", 10, 17))
    nested = (Entity("a", "PERSON", 0, 7), Entity("b", "LOCATION", 3, 17))
    config = ExtractorConfig(schema=schema)
    document = Document("x", text, entities, schema=schema)
    labels = label(*build(document, config, tokenization), document, config)
    assert labels.tags.tolist() == [[1], [2], [0], [3], [4], [0]]
    assert labels.spans == [(0, 1, 0), (3, 4, 1)]
    document = Document("y", text, nested)
    labels = label(*build(document, ExtractorConfig(), tokenization), document, ExtractorConfig())
    assert labels.tags[:, TYPES.index("PERSON")].tolist() == [1, 2, 0, 0, 0, 0]
    assert labels.tags[:, TYPES.index("LOCATION")].tolist() == [0, 1, 2, 2, 2, 0]
    assert labels.tags.sum() == 10


def test_a_boundary_inside_a_syllable_is_reported(tokenization: PhobertTokenization) -> None:
    relation = Relation("HOLDS", "a", "b")
    document = Document("x", "Pằng họp", (Entity("a", "PERSON", 0, 3), Entity("b", "ROLE", 5, 8)), (relation,))
    config = ExtractorConfig()
    labels = label(*build(document, config, tokenization), document, config)
    assert labels.lost == ["PERSON 'Pằn' at 0: a boundary inside a syllable"]
    assert labels.spans == [(1, 1, TYPES.index("ROLE"))]
    assert labels.relations == []


def test_what_nobody_annotated_is_not_outside(tokenization: PhobertTokenization) -> None:
    text = "Ông Bủn nói. Bà Sướn nghe."
    document = Document("x", text, (Entity("a", "PERSON", 4, 7),), kept=((0, 12),))
    config = ExtractorConfig()
    maker = FeatureBuilder(config, tokenization, NoSegmenter())
    (features,) = maker.build(text, document.sentences or ())
    labels = label(features, document, config)
    assert (labels.tags[:4] != UNLABELLED).all()
    assert (labels.tags[4:] == UNLABELLED).all()
    assert len(labels.tags) == 8
    (kept,) = build(document, config, tokenization)
    assert (label(kept, document, config).tags == labels.tags[:4]).all()
