"""Scoring a model on annotated documents, with the features made once and used every epoch."""

from __future__ import annotations

from collections.abc import Sequence

from data.documents import Document, Entity, Relation
from data.progress import progress
from eval.scoring import Pair
from models.extractor import Extractor
from models.features import FeatureBuilder, Features
from models.inference import extract


class DocumentSet:
    """Annotated documents and the features of their annotated sentences."""

    def __init__(self, documents: Sequence[Document], builder: FeatureBuilder) -> None:
        self.documents = list(documents)
        self.features: list[list[Features]] = [
            builder.build(document.text, document.sentences or (), document.kept_sentences)
            for document in progress(self.documents, "preparing validation text", "documents")
        ]


def evaluate_documents(extractor: Extractor, documents: DocumentSet, batch_size: int = 16) -> list[Pair]:
    """Predictions for every document beside its gold annotations, ready for `eval.scoring`."""
    schema = extractor.config.schema
    items = [item for each in documents.features for item in each]
    found = extract(extractor, items, batch_size=batch_size)
    pairs, at = [], 0
    for document, features in zip(documents.documents, documents.features, strict=True):
        entities: list[Entity] = []
        relations: list[Relation] = []
        for item, each in zip(features, found[at : at + len(features)], strict=True):
            base = len(entities)
            for first, last, type_, score in each.spans:
                start, end = int(item.starts[first]), int(item.ends[last])
                entities.append(
                    Entity(f"e{len(entities)}", schema.entity_types[type_], start, end, document.text[start:end], score)
                )
            relations += [
                Relation(schema.relation_names[r], f"e{base + h}", f"e{base + t}", score)
                for r, h, t, score in each.relations
            ]
        at += len(features)
        pairs.append(Pair.of(document, entities, relations))
    return pairs
