"""The evaluation report: JSON, Markdown and one self-contained HTML page.

::

    python -m eval.report --model runs/compact/model --data build/data --split test --out report

`--data` is a folder written by `data.build`, or a JSONL file in the exchange format. The folder also
gets the predictions themselves (`predictions.jsonl`, `predictions-gold-entities.jsonl`), so that
anybody can score them again.
"""

from __future__ import annotations

import argparse
import base64
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader

from data.card import table
from data.dataset import DataError, read_dataset, read_jsonl
from data.documents import AnnotationError, Document
from data.schema import GUIDELINES_VERSION, PARTY_BUILDING, Schema
from eval import scoring
from eval.crosscheck import disagreements, seqeval_scores
from eval.errors import MISSED, SPURIOUS, confusion, telling_errors
from eval.predictions import Answers, answer, pairs, write_predictions
from eval.scoring import Pair, Rule, Scores, bootstrap, by_sentence, macro_f1, summed, total
from models.configuration import ModelError
from models.prediction import Predictor
from models.rendering import colour, spans_to_html

FEW_DOCUMENTS = 20
"""Below this many documents, intervals resample sentences."""
TEMPLATES = Path(__file__).parent / "templates"


def _rule_scores(found: Sequence[Pair], rule: Rule, order: Sequence[str]) -> dict[str, Any]:
    scores: Scores = summed(found, rule)
    micro = total(scores)
    few = len(found) < FEW_DOCUMENTS
    units = [c for p in found for c in by_sentence(p, rule)] if few else [total(rule(p)) for p in found]
    low, high = bootstrap(units)
    return {
        "micro": {**micro.to_dict(), "interval_95": [low, high]},
        "macro_f1": macro_f1(scores),
        "by_type": {name: scores[name].to_dict() for name in order if name in scores},
    }


def _per_document(found: Sequence[Pair], related: Sequence[Pair]) -> list[dict[str, Any]]:
    rows = []
    for pair, given in zip(found, related, strict=True):
        rows.append(
            {
                "document": pair.gold.id,
                "source": str(pair.gold.meta.get("source", "")),
                "sentences": len(pair.gold.kept_sentences),
                "entities": total(scoring.strict(pair)).to_dict(),
                "relations": total(scoring.relations(pair)).to_dict(),
                "relations_gold_entities": total(scoring.relations(given)).to_dict(),
            }
        )
    return rows


def evaluate(documents: Sequence[Document], answers: Answers, schema: Schema) -> dict[str, Any]:
    """All figures of a report, as plain values.

    Args:
        documents: gold; answers: predictions for the same documents in the same order.
    """
    found, related = pairs(documents, answers.end_to_end), pairs(documents, answers.gold_entities)
    types, names = schema.entity_types, schema.relation_names
    checked = seqeval_scores(found, types)
    table_ = confusion(found)
    return {
        "guidelines": GUIDELINES_VERSION if schema == PARTY_BUILDING else None,
        "relation_types": list(names),
        "documents": len(documents),
        "sentences": sum(len(d.kept_sentences) for d in documents),
        "interval_units": "sentences" if len(documents) < FEW_DOCUMENTS else "documents",
        "entities": {
            "strict": _rule_scores(found, scoring.strict, types),
            "boundary": _rule_scores(found, scoring.boundary, ("all",)),
            "partial": _rule_scores(found, scoring.partial, types),
        },
        "relations": {
            "gold_entities": _rule_scores(related, scoring.relations, names),
            "strict": _rule_scores(found, scoring.relations, names),
            "boundary": _rule_scores(found, scoring.relations_boundary, names),
        },
        "per_document": _per_document(found, related),
        "seqeval": {
            type_: {"precision": p, "recall": r, "f1": f, "support": s} for type_, (p, r, f, s) in checked.items()
        },
        "seqeval_disagreements": disagreements(found, types, checked),
        "confusion": [{"gold": g, "predicted": p, "count": n} for (g, p), n in sorted(table_.items())],
    }


def _row(name: str, scores: dict[str, float]) -> list[object]:
    figures = [f"{scores[key]:.3f}" for key in ("precision", "recall", "f1")]
    return [name, *figures, f"{scores['support']:.0f}"]


def headline_rows(report: dict[str, Any]) -> list[list[object]]:
    """One row a setting: name, precision, recall, F1, support, interval."""
    rows = []
    # Without relation types there is nothing to score, and a row of zeros would say otherwise.
    related = bool(report["relation_types"])
    for name, scores in (
        ("entities, strict", report["entities"]["strict"]),
        ("entities, boundaries only", report["entities"]["boundary"]),
        ("entities, partial", report["entities"]["partial"]),
        ("relations, gold entities", report["relations"]["gold_entities"]),
        ("relations, end to end strict", report["relations"]["strict"]),
        ("relations, end to end boundaries", report["relations"]["boundary"]),
    ):
        if name.startswith("relations") and not related:
            continue
        low, high = scores["micro"]["interval_95"]
        rows.append([*_row(name, scores["micro"]), f"{low:.3f} – {high:.3f}", f"{scores['macro_f1']:.3f}"])
    return rows


HEADER = ("", "precision", "recall", "F1", "support")
HEADLINE = (*HEADER, "95 % interval of F1", "macro F1")


def to_markdown(report: dict[str, Any]) -> str:
    """The report as Markdown; the headline table comes first."""
    parts = [
        f"# Evaluation: {report['model']} on {report['data']}",
        f"{report['documents']} documents, {report['sentences']} annotated sentences"
        + (f"; guidelines {report['guidelines']}. " if report["guidelines"] else ". ")
        + f"Intervals: bootstrap over {report['interval_units']}, 2,000 samples. Macro: over types with support.",
        table(HEADLINE, headline_rows(report)),
    ]
    for title, scores in (
        ("Entities by type, strict", report["entities"]["strict"]),
        ("Entities by type, partial", report["entities"]["partial"]),
        ("Relations by type, gold entities", report["relations"]["gold_entities"]),
        ("Relations by type, end to end strict", report["relations"]["strict"]),
        ("Relations by type, end to end boundaries", report["relations"]["boundary"]),
    ):
        if not scores["by_type"]:
            continue
        parts.append(f"## {title}\n\n" + table(HEADER, [_row(name, s) for name, s in scores["by_type"].items()]))
    rows = [
        [
            r["document"],
            r["source"],
            r["sentences"],
            *(f"{r[k]['f1']:.3f}" for k in ("entities", "relations", "relations_gold_entities")),
        ]
        for r in report["per_document"]
    ]
    parts.append(
        "## By document (F1)\n\n"
        + table(("document", "source", "sentences", "entities", "relations", "relations, gold entities"), rows)
    )
    check = report["seqeval_disagreements"]
    parts.append(
        "## Cross-check\n\n"
        + (
            'seqeval (`mode="strict"`, IOB2), a track a type, gives the same figures.'
            if not check
            else "seqeval disagrees:\n\n" + "\n".join(f"- {line}" for line in check)
        )
    )
    return "\n\n".join(parts) + "\n"


def to_html(report: dict[str, Any], found: Sequence[Pair], schema: Schema) -> str:
    """The report as one page with everything inside: tables, the confusion picture, telling errors."""
    from eval.pictures import confusion_picture

    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True)
    errors = [
        {
            "document": e.document,
            "gold": spans_to_html(e.text, e.gold.entities, e.gold.wrong, e.start),
            "predicted": spans_to_html(e.text, e.predicted.entities, e.predicted.wrong, e.start),
            "gold_relations": e.gold.relations,
            "predicted_relations": e.predicted.relations,
        }
        for e in telling_errors(found)
    ]
    picture = base64.b64encode(confusion_picture(confusion(found), schema.entity_types)).decode("ascii")
    return environment.get_template("report.html").render(
        report=report,
        headline=headline_rows(report),
        headline_header=HEADLINE,
        header=HEADER,
        row=_row,
        errors=errors,
        picture=picture,
        types=[(type_, colour(type_)) for type_ in schema.entity_types],
        missed=MISSED,
        spurious=SPURIOUS,
    )


def write_report(folder: Path, predictor: Predictor, documents: Sequence[Document], data: str) -> dict[str, Any]:
    """Predict, score and write everything into `folder`. Returns the figures."""
    answers = answer(predictor, documents)
    schema = predictor.model.config.schema
    report = {
        "model": predictor.folder.name if predictor.folder.name != "model" else str(predictor.folder.parent.name),
        "data": data,
        **evaluate(documents, answers, schema),
    }
    folder.mkdir(parents=True, exist_ok=True)
    write_predictions(folder / "predictions.jsonl", documents, answers.end_to_end)
    write_predictions(folder / "predictions-gold-entities.jsonl", documents, answers.gold_entities)
    (folder / "report.json").write_text(json.dumps(report, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    (folder / "report.md").write_text(to_markdown(report), encoding="utf-8")
    (folder / "report.html").write_text(to_html(report, pairs(documents, answers.end_to_end), schema), encoding="utf-8")
    return report


def load_documents(data: Path, split: str, schema: Schema) -> list[Document]:
    """Annotated documents of a data set's split or of a JSONL file.

    Raises:
        DataError: no such split, or a line that cannot be read.
    """
    if data.is_file():
        return list(read_jsonl(data, schema))
    splits = read_dataset(data)
    if split not in splits:
        raise DataError(f"{data}: no split {split!r}; there are {', '.join(splits)}")
    return splits[split]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line. Returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m eval.report", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, help="folder of a saved model (default: as for predict())")
    parser.add_argument("--data", type=Path, required=True, help="folder written by data.build, or a JSONL file")
    parser.add_argument("--split", default="test", help="split to score (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("report"), help="folder to write (default: %(default)s)")
    options = parser.parse_args(arguments)
    try:
        predictor = Predictor(options.model)
        documents = load_documents(options.data, options.split, predictor.model.config.schema)
        name = options.data.name if options.data.is_file() else f"{options.data.name}/{options.split}"
        report = write_report(options.out, predictor, documents, name)
    except (ModelError, DataError, AnnotationError, ValueError, OSError, ModuleNotFoundError) as error:
        print(f"eval.report: {error}", file=sys.stderr)
        return 1
    print(f"# Evaluation: {report['model']} on {report['data']}\n")
    print(table(HEADLINE, headline_rows(report)))
    print(f"\nwritten: {options.out}")
    if report["seqeval_disagreements"]:
        print("eval.report: seqeval disagrees with the span score, see report.md", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
