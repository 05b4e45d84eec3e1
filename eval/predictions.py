"""A model's answers for annotated documents, and the files that hold them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from data.documents import Document, Entity, Relation
from data.progress import progress
from eval.scoring import Pair
from models.prediction import Predictor
from models.results import Prediction


@dataclass(frozen=True)
class Answers:
    """Predictions from raw text, and relations predicted between gold entities, one each a document."""

    end_to_end: list[Prediction]
    gold_entities: list[Prediction]


def answer(predictor: Predictor, documents: Sequence[Document]) -> Answers:
    """Run a model over the texts of annotated documents, as a user would.

    Sentences are the documents' own: for raw text those that `predict()` finds, for annotated data in
    other formats those it came with.
    """
    texts, sentences = [document.text for document in documents], [document.sentences or () for document in documents]
    end_to_end = list(progress(predictor(iter(texts), sentences=sentences), "predicting", "documents"))
    related = predictor.model.relations is not None
    given = []
    for document in progress(documents, "relating gold entities", "documents"):
        if related and document.entities:
            own = [document.sentences or ()]
            given.append(predictor(document.text, entities=document.entities, sentences=own))
        else:
            given.append(Prediction(document.text, document.entities))
    return Answers(end_to_end, given)


def pairs(documents: Sequence[Document], predictions: Sequence[Prediction]) -> list[Pair]:
    """Gold and predicted annotations side by side."""
    return [Pair.of(d, p.entities, p.relations) for d, p in zip(documents, predictions, strict=True)]


def write_predictions(path: Path, documents: Sequence[Document], predictions: Iterable[Prediction]) -> None:
    """Write predictions in the exchange format, with the documents' ids."""
    with path.open("w", encoding="utf-8") as out:
        for document, prediction in zip(documents, predictions, strict=True):
            out.write(json.dumps({**prediction.to_dict(), "id": document.id}, ensure_ascii=False) + "\n")


def read_predictions(path: Path) -> dict[str, Prediction]:
    """Predictions of an exchange-format file by document id.

    Raises:
        ValueError: a line that cannot be read, named by number.
    """
    found: dict[str, Prediction] = {}
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                record = json.loads(line)
                entities = tuple(
                    Entity(e["id"], e["type"], e["start"], e["end"], e["text"], e.get("score"))
                    for e in record["entities"]
                )
                relations = tuple(
                    Relation(r["type"], r["head"], r["tail"], r.get("score")) for r in record["relations"]
                )
                found[record["id"]] = Prediction(record["text"], entities, relations, id=record["id"])
            except (ValueError, KeyError, TypeError) as error:
                raise ValueError(f"{path}:{number}: not a prediction ({error!r})") from None
    return found
