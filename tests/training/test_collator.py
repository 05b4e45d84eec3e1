"""Batches for training, and their loss."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from data.documents import Document, Entity
from data.schema import PARTY_BUILDING
from data.segmentation import NoSegmenter
from models.extractor import Extractor
from models.features import UNLABELLED, Batch, FeatureBuilder
from models.relations import candidate_pairs
from tests.fixtures.checkpoints import build_extractor
from tests.fixtures.sentences import article, documents
from training.collator import Collator, Examples, Objective

TYPES = PARTY_BUILDING.entity_types


@pytest.fixture
def model(tiny_encoder: Path) -> Extractor:
    return build_extractor(tiny_encoder, dropout=0.0)


def examples(model: Extractor, *gold: Document) -> Examples:
    return Examples(gold, FeatureBuilder(model.config, model.tokenization, NoSegmenter()))


def collated(model: Extractor, *gold: Document) -> dict[str, Any]:
    own = examples(model, *gold)
    return Collator(model.tokenization.pad)([own[i] for i in range(len(own))])


def test_examples_count_what_is_lost(model: Extractor) -> None:
    own = examples(model, *documents(), Document("cắt", "Pằng họp", (Entity("a", "PERSON", 0, 3),)))
    assert len(own) == 21
    assert own.lost == ["cắt: PERSON 'Pằn' at 0: a boundary inside a syllable"]
    kept = Document("giữ", "Một câu.\nHai câu.\nBa câu.", kept=((0, 8), (18, 25)))
    assert [item.features.starts[0] for item in examples(model, kept).items] == [0, 18]


def test_shapes(model: Extractor) -> None:
    gold = documents()[:4]
    batch = collated(model, *gold)
    own = [examples(model, d)[0] for d in gold]
    syllables = sum(len(e.features) for e in own)
    assert batch["input_ids"].shape == batch["attention_mask"].shape
    assert len(batch["input_ids"]) == sum(len(e.features.chunks) for e in own)
    assert batch["tags"].shape == (syllables, 12)
    assert batch["sentence"].shape == batch["first"].shape == batch["place"].shape == (syllables,)
    assert batch["spans"].shape == (sum(len(d.entities) for d in gold), 3)
    assert batch["related"].shape == (sum(len(d.relations) for d in gold), 3)
    assert sum(batch["lengths"]) == syllables
    empty = collated(model, Document("x", "Không có gì."))
    assert empty["spans"].shape == empty["related"].shape == (0, 3)


def test_pieces_are_hidden_but_never_the_ends_of_a_window(model: Extractor) -> None:
    pieces = model.tokenization
    own = examples(model, *documents()[:6])
    rows = [own[i] for i in range(len(own))]
    plain = Collator(pieces.pad)(rows)
    torch.manual_seed(3)
    hidden = Collator(pieces.pad, pieces.mask, 0.3)(rows)
    changed = hidden["input_ids"] != plain["input_ids"]
    assert set(hidden["input_ids"][changed].tolist()) == {pieces.mask}
    ends = {pieces.bos, pieces.eos, pieces.pad}
    assert not ends & set(plain["input_ids"][changed].tolist())
    inner = sum(len(chunk) - 2 for row in rows for chunk in row.features.chunks)
    assert 0.15 < changed.sum() / inner < 0.5
    whole = Collator(pieces.pad, pieces.mask, 1.0)(rows)["input_ids"] != plain["input_ids"]
    assert whole.sum() == inner
    torch.manual_seed(3)
    assert torch.equal(Collator(pieces.pad, pieces.mask, 0.3)(rows)["input_ids"], hidden["input_ids"])


def test_indices_count_through_the_batch(model: Extractor) -> None:
    gold = [documents()[1], article(), documents()[3]]
    own = examples(model, *gold)
    batch = Collator(1)([own[i] for i in range(len(own))])
    rows = [(e, i) for e in own.items for i in range(len(e.features))]
    found = set()
    for first, last, kind in batch["spans"].tolist():
        (a, i), (b, j) = rows[first], rows[last]
        assert a is b
        found.add((TYPES[kind], int(a.features.starts[i]), int(a.features.ends[j])))
    assert found == {e.key for d in gold for e in d.entities}
    numbers = batch["sentence"].tolist()
    assert numbers == sorted(numbers)
    assert sorted(set(numbers)) == list(range(22))
    assert [numbers.count(n) for n in range(22)] == batch["lengths"]
    names = PARTY_BUILDING.relation_names
    spans = batch["spans"]
    for relation, head, tail in batch["related"].tolist():
        assert names[relation] in PARTY_BUILDING.between(TYPES[spans[head][2]], TYPES[spans[tail][2]])
        assert numbers[spans[head][0]] == numbers[spans[tail][0]]
    assert len(batch["related"]) == sum(len(d.relations) for d in gold)


def test_losses_and_gradients(model: Extractor) -> None:
    objective = Objective(model, relation_weight=2.0).train()
    losses = objective(**collated(model, *documents()[:4]))
    assert losses.keys() == {"loss", "tag_loss", "relation_loss"}
    assert losses["tag_loss"] > 0
    assert losses["relation_loss"] > 0
    assert losses["loss"].item() == pytest.approx(
        losses["tag_loss"].item() + 2 * losses["relation_loss"].item(), rel=1e-5
    )
    losses["loss"].backward()
    assert [name for name, p in model.named_parameters() if p.grad is None] == []


def test_every_parameter_has_a_gradient_without_spans_too(model: Extractor) -> None:
    losses = Objective(model, 1.0)(**collated(model, Document("x", "Không có gì.")))
    assert losses["relation_loss"] == 0
    losses["loss"].backward()
    assert [name for name, p in model.named_parameters() if p.grad is None] == []


def test_what_nobody_annotated_has_no_loss(model: Extractor) -> None:
    batch = collated(model, *documents()[:2])
    batch["tags"].fill_(UNLABELLED)
    assert Objective(model, 1.0)(**batch)["tag_loss"] == 0


@torch.no_grad()
def test_relation_loss_by_hand(model: Extractor) -> None:
    batch = collated(model, *documents()[:3])
    spans = batch["spans"].numpy()
    inputs = Batch(**{name: batch[name] for name in Batch.__dataclass_fields__})
    states = model.syllable_states(model.encode(inputs.input_ids, inputs.attention_mask).flatten(0, 1), inputs)
    pairs, _ = candidate_pairs(spans, batch["sentence"].numpy()[spans[:, 0]], model.allowed, 256)
    assert model.relations is not None
    logits = model.relations(states, spans, pairs)
    gold = {tuple(row) for row in batch["related"].tolist()}
    total = 0.0
    for row, (h, t) in enumerate(zip(pairs.head.tolist(), pairs.tail.tolist(), strict=True)):
        for relation in torch.tensor(model.allowed[spans[h, 2], spans[t, 2]]).nonzero().flatten().tolist():
            sign = 1 if (relation, h, t) in gold else -1
            total -= torch.nn.functional.logsigmoid(sign * logits[row, relation]).item()
    assert Objective(model, 1.0)(**batch)["relation_loss"].item() == pytest.approx(total / len(spans), rel=1e-4)


def test_predicted_spans_join_the_relation_loss(model: Extractor) -> None:
    objective = Objective(model, 1.0)
    batch = collated(model, *documents()[:4])
    before = objective(**batch)
    objective.predicted = True
    after = objective(**batch)
    assert after["tag_loss"] == before["tag_loss"]
    assert after["relation_loss"] != before["relation_loss"]


def test_predicted_spans_come_after_gold_ones(model: Extractor) -> None:
    objective = Objective(model, 1.0)
    batch = collated(model, *documents()[:4])
    gold = batch["spans"].numpy()
    inputs = Batch(**{name: batch[name] for name in Batch.__dataclass_fields__})
    with torch.no_grad():
        states = model.syllable_states(model.encode(inputs.input_ids, inputs.attention_mask).flatten(0, 1), inputs)
        scores = model.tag_scores(states)
        found = objective._with_predicted(gold, scores, batch["tags"], batch["lengths"])
        assert found[: len(gold)].tolist() == gold.tolist()
        assert len(found) > len(gold)
        assert len({tuple(row) for row in found.tolist()}) == len(found)
        first = batch["lengths"][0]
        hidden = batch["tags"].clone()
        hidden[:first] = UNLABELLED
        rest = objective._with_predicted(gold, scores, hidden, batch["lengths"])
        assert rest.tolist() == [row for i, row in enumerate(found.tolist()) if i < len(gold) or row[0] >= first]
