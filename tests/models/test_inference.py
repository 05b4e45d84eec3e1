"""Spans and relations of features: independent of company, in stretches as in one piece."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from data.schema import PARTY_BUILDING, Schema
from data.sentences import split_sentences
from models import inference
from models.features import Features
from models.inference import Found, Stretch, cut_sentence, decode_batches, extract
from models.prediction import Predictor
from tests.fixtures.checkpoints import build_extractor, encode_items
from tests.fixtures.sentences import TEXTS, article

TYPES = PARTY_BUILDING.entity_types


@pytest.fixture(scope="module")
def items(predictor: Predictor) -> list[Features]:
    texts = [*TEXTS, article().text]
    return [item for text in texts for item in predictor.builder.build(text, split_sentences(text))]


def close(one: Sequence[Found], other: Sequence[Found]) -> None:
    assert len(one) == len(other)
    for a, b in zip(one, other, strict=True):
        assert [s[:3] for s in a.spans] == [s[:3] for s in b.spans]
        assert [r[:3] for r in a.relations] == [r[:3] for r in b.relations]
        np.testing.assert_allclose([s[3] for s in a.spans], [s[3] for s in b.spans], atol=1e-4)
        np.testing.assert_allclose([r[3] for r in a.relations], [r[3] for r in b.relations], atol=1e-4)


def test_nothing_in_nothing_out(predictor: Predictor) -> None:
    assert extract(predictor.model, []) == []
    assert extract(predictor.model, [], given=[]) == []


@pytest.mark.parametrize("batch_size", [1, 5, 100])
def test_company_and_batch_size_change_nothing(predictor: Predictor, items: list[Features], batch_size: int) -> None:
    together = extract(predictor.model, items, batch_size=batch_size, relation_threshold=0)
    close(together, [extract(predictor.model, [item], relation_threshold=0)[0] for item in items])
    close(together[::-1], extract(predictor.model, items[::-1], relation_threshold=0))
    assert sum(len(each.spans) for each in together) > 100


def test_relations_join_spans_of_one_sentence_that_the_schema_allows(
    predictor: Predictor, items: list[Features]
) -> None:
    count = 0
    for item, found in zip(items, extract(predictor.model, items, relation_threshold=0), strict=True):
        assert found.relations == sorted(found.relations, key=lambda r: (r[1], r[2], r[0]))
        for relation, head, tail, score in found.relations:
            h, t = found.spans[head], found.spans[tail]
            name = PARTY_BUILDING.relation_names[relation]
            assert name in PARTY_BUILDING.between(TYPES[h[2]], TYPES[t[2]])
            assert item.sentence[h[0]] == item.sentence[t[0]]
            assert 0 < score <= 1
            count += 1
    assert count > 100


def test_thresholds(predictor: Predictor, items: list[Features]) -> None:
    model = predictor.model
    free = extract(model, items, entity_threshold=0, relation_threshold=0)
    strict = extract(model, items, entity_threshold=0.7, relation_threshold=0)
    for a, b in zip(free, strict, strict=True):
        assert [s[:3] for s in a.spans if s[3] >= 0.7] == [s[:3] for s in b.spans]
    high = extract(model, items, entity_threshold=0, relation_threshold=0.9)
    for a, b in zip(free, high, strict=True):
        assert [r for r in a.relations if r[3] >= 0.9] == b.relations
    default = extract(model, items)
    assert all(r[3] >= 0.5 for each in default for r in each.relations)
    close(default, extract(model, items, entity_threshold=0.0, relation_threshold=0.5))


def test_given_spans_keep_their_order(predictor: Predictor, items: list[Features]) -> None:
    person, role = TYPES.index("PERSON"), TYPES.index("ROLE")
    given = [[(3, 4, role), (0, 1, person), (2, 2, person)], [], [(1, 1, role)]]
    found = extract(predictor.model, items[:3], given=given, relation_threshold=0)
    assert [[s[:3] for s in each.spans] for each in found] == given
    assert [(r[1], r[2]) for r in found[0].relations] == [(1, 0), (2, 0)]
    assert [found[1].relations, found[2].relations] == [[], []]


def test_given_spans_score_as_predicted_ones(predictor: Predictor, items: list[Features]) -> None:
    predicted = extract(predictor.model, items, relation_threshold=0)
    given = extract(
        predictor.model, items, given=[[s[:3] for s in each.spans] for each in predicted], relation_threshold=0
    )
    for a, b in zip(predicted, given, strict=True):
        np.testing.assert_allclose(np.array(a.relations), np.array(b.relations), atol=1e-5)


def test_pairs_too_far_apart_are_counted_where_they_are(predictor: Predictor, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "Ông Bủn.\n" + "xã " * 30 + ".\nBà Sướn."
    items = [predictor.builder.build(text, split_sentences(text), [index])[0] for index in range(3)]
    person, role = TYPES.index("PERSON"), TYPES.index("ROLE")
    given = [[(0, 0, person), (1, 1, role)], [(0, 0, person), (7, 7, role), (29, 29, role)], []]
    monkeypatch.setattr(predictor.model.config, "relation_distance", 6)
    found = extract(predictor.model, items, given=given, relation_threshold=0)
    assert [each.distant_pairs for each in found] == [0, 1, 0]
    assert [[(r[1], r[2]) for r in each.relations] for each in found] == [[(0, 1)], [(0, 1)], []]


def test_a_model_without_relations(tiny_encoder: Path, items: list[Features]) -> None:
    model = build_extractor(tiny_encoder, schema=Schema(("PERSON", "ROLE")))
    found = extract(model, items)
    assert any(each.spans for each in found)
    assert not any(each.relations for each in found)


def test_sentences_are_cut_into_stretches_that_cover_them() -> None:
    assert cut_sentence(4, 9, 3, 3 + inference.STRETCH) == [Stretch(4, 9, 3, 771, (3, 771))]
    assert cut_sentence(0, 0, 10, 1_700) == [
        Stretch(0, 0, 10, 906, (10, 778)),
        Stretch(0, 0, 650, 1_674, (778, 1_546)),
        Stretch(0, 0, 1_418, 1_700, (1_546, 2_314)),
    ]


def test_stretches_decode_as_the_whole_sentence(
    predictor: Predictor, items: list[Features], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = extract(predictor.model, items, relation_threshold=0)
    monkeypatch.setattr(inference, "STRETCH", 9)
    monkeypatch.setattr(inference, "MARGIN", 60)
    close(whole, extract(predictor.model, items, relation_threshold=0))


def test_spans_of_one_type_stay_disjoint_at_seams(
    predictor: Predictor, items: list[Features], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inference, "STRETCH", 3)
    monkeypatch.setattr(inference, "MARGIN", 2)
    for each in extract(predictor.model, items):
        for type_ in range(len(TYPES)):
            own = [s for s in each.spans if s[2] == type_]
            assert all(a[1] < b[0] for a, b in zip(own, own[1:], strict=False))


def test_batches_are_bounded_in_rows_and_in_padded_size() -> None:
    stretches = [Stretch(0, 0, 0, length, (0, length)) for length in sorted([1] * 70 + [30] * 3 + [900, 1_000])]
    groups = decode_batches(stretches, rows=64, syllables=1_800)
    assert [s for group in groups for s in group] == stretches
    assert [len(group) for group in groups] == [64, 9, 1, 1]
    assert decode_batches([]) == []


def test_states_are_those_of_one_padded_batch(predictor: Predictor, items: list[Features]) -> None:
    with torch.inference_mode():
        expected = encode_items(predictor.model, items)
        found = inference._states(predictor.model, items, batch_size=3)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


def test_temperatures_change_scores_and_nothing_else(tiny_encoder: Path, items: list[Features]) -> None:
    model = build_extractor(tiny_encoder)
    plain = extract(model, items, relation_threshold=0)
    model.config.entity_temperature = model.config.relation_temperature = 2.0
    warm = extract(model, items, relation_threshold=0)
    for one, other in zip(plain, warm, strict=True):
        assert [s[:3] for s in one.spans] == [s[:3] for s in other.spans]
        for before, after in zip(one.relations, other.relations, strict=True):
            assert before[:3] == after[:3]
            logits = [np.log(score / (1 - score)) for score in (before[3], after[3]) if 1e-3 < before[3] < 1 - 1e-3]
            assert not logits or abs(logits[0] / 2 - logits[1]) < 1e-2
    mean = [np.mean([s[3] for found in each for s in found.spans]) for each in (plain, warm)]
    assert mean[1] < mean[0] - 0.01
