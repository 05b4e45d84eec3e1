"""Scoring during training gives what `predict()` would give."""

from __future__ import annotations

from data.documents import Document
from models.prediction import Predictor
from tests.eval.samples import GOLD
from tests.fixtures.sentences import article, documents
from training.evaluation import DocumentSet, evaluate_documents


def test_the_same_answers_as_predict(predictor: Predictor) -> None:
    gold = [*documents(), article(), Document("rỗng", "")]
    pairs = evaluate_documents(predictor.model, DocumentSet(gold, predictor.builder), batch_size=3)
    assert [pair.gold for pair in pairs] == gold
    for pair, result in zip(pairs, predictor([d.text for d in gold]), strict=True):
        assert [e.key for e in pair.entities] == [e.key for e in result.entities]
        found = {(r.type, pair.by_id[r.head].key, pair.by_id[r.tail].key) for r in pair.relations}
        assert found == {(r.type, h.key, t.key) for h, r, t in result.triples()}
    assert any(pair.relations for pair in pairs)


def test_only_annotated_sentences_are_read(predictor: Predictor) -> None:
    end = GOLD.text.index("\n")
    kept = Document("giữ", GOLD.text, GOLD.entities[4:], kept=((end + 1, len(GOLD.text)),))
    documents_ = DocumentSet([kept], predictor.builder)
    assert [item.starts[0] for item in documents_.features[0]] == [end + 1]
    (pair,) = evaluate_documents(predictor.model, documents_)
    assert all(e.start > end for e in pair.entities)
