"""The report: its files, and its figures recomputed from the predictions it writes."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from data.dataset import DataError, write_dataset, write_jsonl
from data.documents import Document, Entity
from data.schema import PARTY_BUILDING
from eval import report as module
from eval.predictions import Answers
from eval.report import evaluate, headline_rows, load_documents, main, to_markdown, write_report
from models.prediction import Predictor
from models.results import Prediction
from tests.eval.samples import GOLD, PREDICTED
from tests.fixtures.sentences import documents

SCRIPT = Document("<i>mã</i>", 'Ông Bủn viết <script>alert("1")</script> & về.', (Entity("a", "PERSON", 4, 7),))
Key = tuple[Any, ...]


@pytest.fixture(scope="module")
def gold() -> list[Document]:
    kept = Document("giữ", GOLD.text, GOLD.entities[:4], GOLD.relations, kept=((0, 44),), meta={"source": "báo a"})
    return [*documents()[:12], kept, SCRIPT]


@pytest.fixture(scope="module")
def folder(predictor: Predictor, gold: list[Document], tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("report")
    write_report(place, predictor, gold, "ví dụ/test")
    return place


@pytest.fixture(scope="module")
def figures(folder: Path) -> dict[str, Any]:
    values: dict[str, Any] = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    return values


def test_files(folder: Path) -> None:
    assert sorted(path.name for path in folder.iterdir()) == [
        "predictions-gold-entities.jsonl",
        "predictions.jsonl",
        "report.html",
        "report.json",
        "report.md",
    ]


def tiny_score(gold: Counter[Key], predicted: Counter[Key]) -> dict[str, Any]:
    """Precision, recall, F1 and counts, with nothing of ours."""
    hit, offered, wanted = (gold & predicted).total(), predicted.total(), gold.total()
    precision, recall = hit / offered if offered else 0.0, hit / wanted if wanted else 0.0
    f1 = 2 * precision * recall / (precision + recall) if hit else 0.0
    return {"precision": precision, "recall": recall, "f1": f1, "correct": hit, "predicted": offered, "support": wanted}


def items(
    records: list[dict[str, Any]], gold: list[Document], relations: bool, typed: bool
) -> tuple[Counter[Key], Counter[Key]]:
    """Gold and predicted items of all documents as plain tuples, the type in front."""
    sides: tuple[Counter[Key], Counter[Key]] = Counter(), Counter()
    for document, record in zip(gold, records, strict=True):
        ranges = [list(kept) for kept in document.kept] if document.kept else [[0, len(document.text)]]
        for side, values in ((0, document.to_dict()), (1, record)):
            inside = {
                e["id"]: e for e in values["entities"] if any(s <= e["start"] and e["end"] <= t for s, t in ranges)
            }
            keys = {i: (e["type"] if typed else "", e["start"], e["end"]) for i, e in inside.items()}
            if relations:
                for r in values["relations"]:
                    if r["head"] in keys and r["tail"] in keys:
                        sides[side][r["type"], document.id, keys[r["head"]], keys[r["tail"]]] += 1
            else:
                for kind, start, end in keys.values():
                    sides[side][kind if typed else "all", document.id, start, end] += 1
    return sides


@pytest.mark.parametrize(
    ("section", "rule", "file", "relations", "typed"),
    [
        ("entities", "strict", "predictions.jsonl", False, True),
        ("entities", "boundary", "predictions.jsonl", False, False),
        ("relations", "strict", "predictions.jsonl", True, True),
        ("relations", "boundary", "predictions.jsonl", True, False),
        ("relations", "gold_entities", "predictions-gold-entities.jsonl", True, True),
    ],
)
def test_figures_follow_from_the_predictions(
    figures: dict[str, Any],
    folder: Path,
    gold: list[Document],
    section: str,
    rule: str,
    file: str,
    relations: bool,
    typed: bool,
) -> None:
    records = [json.loads(line) for line in (folder / file).read_text(encoding="utf-8").splitlines()]
    assert [r["id"] for r in records] == [d.id for d in gold]
    wanted, offered = items(records, gold, relations, typed)
    scores = figures[section][rule]
    micro = dict(scores["micro"])
    low, high = micro.pop("interval_95")
    assert micro == pytest.approx(tiny_score(wanted, offered))
    assert 0 <= low <= high <= 1
    by_type = {}
    for kind in {key[0] for key in (*wanted, *offered)}:
        sides = [Counter({k: n for k, n in side.items() if k[0] == kind}) for side in (wanted, offered)]
        by_type[kind] = tiny_score(*sides)
    assert scores["by_type"].keys() == by_type.keys()
    for kind, values in by_type.items():
        assert scores["by_type"][kind] == pytest.approx(values)
    supported = [values["f1"] for values in by_type.values() if values["support"]]
    assert scores["macro_f1"] == pytest.approx(sum(supported) / len(supported))


def test_counts_of_the_data(figures: dict[str, Any], gold: list[Document]) -> None:
    assert (figures["documents"], figures["sentences"]) == (14, 14)
    assert (figures["data"], figures["model"]) == ("ví dụ/test", "tiny")
    assert figures["interval_units"] == "sentences"
    assert [row["document"] for row in figures["per_document"]] == [d.id for d in gold]
    assert figures["per_document"][12]["source"] == "báo a"
    assert figures["per_document"][12]["sentences"] == 1
    for name, section, rule in (
        ("entities", "entities", "strict"),
        ("relations", "relations", "strict"),
        ("relations_gold_entities", "relations", "gold_entities"),
    ):
        for count in ("correct", "predicted", "support"):
            total = sum(row[name][count] for row in figures["per_document"])
            assert total == figures[section][rule]["micro"][count]


def test_seqeval_agrees_and_confusion_adds_up(figures: dict[str, Any]) -> None:
    assert figures["seqeval_disagreements"] == []
    strict = figures["entities"]["strict"]
    for type_, values in figures["seqeval"].items():
        assert {key: strict["by_type"][type_][key] for key in values} == pytest.approx(values)
    total = sum(row["count"] for row in figures["confusion"] if row["gold"] != "(spurious)")
    assert total == strict["micro"]["support"]


def test_markdown_has_the_headline_first(folder: Path, figures: dict[str, Any]) -> None:
    text = (folder / "report.md").read_text(encoding="utf-8")
    assert text.startswith("# Evaluation: tiny on ví dụ/test\n\n14 documents, 14 annotated sentences;")
    rows = headline_rows(figures)
    assert [row[0] for row in rows] == [
        "entities, strict",
        "entities, boundaries only",
        "entities, partial",
        "relations, gold entities",
        "relations, end to end strict",
        "relations, end to end boundaries",
    ]
    first = "| " + " | ".join(map(str, rows[0])) + " |"
    assert first in text
    assert text.index(first) < text.index("## Entities by type, strict")
    assert "gives the same figures" in text


def test_html_is_one_page_that_runs_nothing(folder: Path) -> None:
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "&lt;" in page
    assert "<i>mã" not in page
    assert 'src="data:image/png;base64,iVBOR' in page
    assert "http://" not in page
    assert "https://" not in page
    assert page.count("<h2>") == 9
    for type_ in PARTY_BUILDING.entity_types:
        assert f">{type_}</span>" in page


def test_html_escapes_what_is_shown_as_an_error() -> None:
    answers = Answers([Prediction(SCRIPT.text)], [Prediction(SCRIPT.text, SCRIPT.entities)])
    values = {"model": "<m>", "data": "<d>", **evaluate([SCRIPT], answers, PARTY_BUILDING)}
    page = module.to_html(values, module.pairs([SCRIPT], answers.end_to_end), PARTY_BUILDING)
    assert "<script" not in page
    assert "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; về." in page
    assert "&lt;i&gt;mã&lt;/i&gt; · gold" in page
    assert "Evaluation: &lt;m&gt; on &lt;d&gt;" in page
    assert 'class="wrong" title="PERSON"' in page


def test_disagreement_with_seqeval_is_shown() -> None:
    answers = Answers([PREDICTED], [Prediction(GOLD.text, GOLD.entities)])
    values = {"model": "m", "data": "d", **evaluate([GOLD], answers, PARTY_BUILDING)}
    values["seqeval_disagreements"] = ["PERSON: khác"]
    assert "seqeval disagrees:\n\n- PERSON: khác" in to_markdown(values)


def test_many_documents_are_resampled_as_documents() -> None:
    answers = Answers([PREDICTED] * 20, [PREDICTED] * 20)
    assert evaluate([GOLD] * 20, answers, PARTY_BUILDING)["interval_units"] == "documents"


def test_documents_of_a_file_or_a_split(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "d.jsonl", [GOLD, SCRIPT])
    write_dataset(tmp_path / "set", {"train": [GOLD], "test": [SCRIPT]})
    assert load_documents(tmp_path / "d.jsonl", "any", PARTY_BUILDING) == [GOLD, SCRIPT]
    assert load_documents(tmp_path / "set", "test", PARTY_BUILDING) == [SCRIPT]
    with pytest.raises(DataError, match="no split 'dev'; there are test, train"):
        load_documents(tmp_path / "set", "dev", PARTY_BUILDING)


def run(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


def test_command_line(tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_jsonl(tmp_path / "d.jsonl", [GOLD])
    assert run("--model", tiny_model, "--data", tmp_path / "d.jsonl", "--out", tmp_path / "out") == 0
    printed = capsys.readouterr().out
    assert printed.startswith("# Evaluation: tiny on d.jsonl\n\n|  | precision | recall |")
    assert (tmp_path / "out" / "report.html").is_file()


@pytest.mark.parametrize("damage", ["model", "tokenizer", "data", "split", "line", "segmenter"])
def test_command_line_errors_are_one_line(
    damage: str, tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = Path(shutil.copytree(tiny_model, tmp_path / "copy"))
    data = tmp_path / "d.jsonl"
    write_jsonl(data, [GOLD])
    if damage == "model":
        (copy / "model.safetensors").unlink()
    elif damage == "tokenizer":
        (copy / "vocab.txt").unlink()
    elif damage == "data":
        data.unlink()
    elif damage == "split":
        data = tmp_path / "set"
        write_dataset(data, {"train": [GOLD]})
    elif damage == "line":
        data.write_text("{\n", encoding="utf-8")
    else:
        config = (
            (copy / "config.json").read_text(encoding="utf-8").replace('"segmenter": "none"', '"segmenter": "khác"')
        )
        (copy / "config.json").write_text(config, encoding="utf-8")
    assert run("--model", copy, "--data", data, "--out", tmp_path / "out") == 1
    captured = capsys.readouterr()
    assert captured.err.startswith("eval.report: ")
    assert captured.err.count("\n") == 1
