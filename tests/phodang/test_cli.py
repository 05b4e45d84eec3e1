"""The command line."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest

from models.prediction import Predictor
from phodang.cli import main
from tests.fixtures.checkpoints import edit_json
from tests.fixtures.sentences import TEXTS

TEXT = "\n".join(TEXTS[:3])
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def article(tmp_path: Path) -> Path:
    path = tmp_path / "bài viết.txt"
    path.write_text("\ufeff" + unicodedata.normalize("NFD", TEXT), encoding="utf-8")
    return path


def test_a_file_as_a_table(article: Path, tiny_model: Path, predictor: Predictor, capsys: Capture) -> None:
    assert main(["predict", str(article), "--model", str(tiny_model)]) == 0
    captured = capsys.readouterr()
    assert captured.out == f"{predictor(TEXT)}\n"
    assert captured.err == ""


def test_a_file_as_jsonl(article: Path, tiny_model: Path, predictor: Predictor, capsys: Capture) -> None:
    assert main(["predict", str(article), "--model", str(tiny_model), "--format", "jsonl"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert "Huyện" in line
    assert json.loads(line) == {**predictor(TEXT).to_dict(), "id": "bài viết"}


def test_standard_input(
    tiny_model: Path, predictor: Predictor, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = unicodedata.normalize("NFD", TEXT)
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))
    assert main(["predict", "-", "--model", str(tiny_model), "--format", "jsonl"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record == {**predictor(text).to_dict(), "id": "stdin"}
    assert all(text[e["start"] : e["end"]] == e["text"] for e in record["entities"])


def test_nothing_found(tmp_path: Path, tiny_model: Path, capsys: Capture) -> None:
    (tmp_path / "rỗng.txt").write_text("", encoding="utf-8")
    assert main(["predict", str(tmp_path / "rỗng.txt"), "--model", str(tiny_model)]) == 0
    assert capsys.readouterr().out == "(nothing found)\n"
    assert main(["predict", str(tmp_path / "rỗng.txt"), "--model", str(tiny_model), "--format", "jsonl"]) == 0
    assert json.loads(capsys.readouterr().out) == {"id": "rỗng", "text": "", "entities": [], "relations": []}


def test_threshold(article: Path, tiny_model: Path, predictor: Predictor, capsys: Capture) -> None:
    assert main(["predict", str(article), "--model", str(tiny_model), "--threshold", "0.8"]) == 0
    assert capsys.readouterr().out == f"{predictor(TEXT, threshold=0.8)}\n"


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_clean_tells_what_is_left_out(
    form: str, tiny_model: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = unicodedata.normalize(form, f"{TEXTS[3]}\nTin liên quan\nÔng Bủn về nhận việc\n")
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))
    assert main(["predict", "-", "--model", str(tiny_model), "--clean"]) == 0
    captured = capsys.readouterr()
    assert unicodedata.normalize("NFC", captured.err) == (
        "left out (list heading): Tin liên quan\nleft out (link to another article): Ông Bủn về nhận việc\n"
    )
    assert "Bủn" not in unicodedata.normalize("NFC", captured.out)


@pytest.mark.parametrize(
    "damage",
    [
        "no file",
        "folder",
        "not utf-8",
        "threshold",
        "no model",
        "weights",
        "tokenizer",
        "config",
        "segmenter",
        "package",
    ],
)
def test_errors_are_one_line_and_exit_code_one(
    damage: str, article: Path, tiny_model: Path, tmp_path: Path, capsys: Capture
) -> None:
    model = Path(shutil.copytree(tiny_model, tmp_path / "model"))
    arguments = ["predict", str(article), "--model", str(model)]
    match damage:
        case "no file":
            article.unlink()
        case "folder":
            arguments[1] = str(tmp_path)
        case "not utf-8":
            article.write_bytes("Bí thư".encode("utf-16"))
        case "threshold":
            arguments += ["--threshold", "7"]
        case "no model":
            shutil.rmtree(model)
        case "weights":
            (model / "model.safetensors").write_bytes(b"x")
        case "tokenizer":
            (model / "vocab.txt").write_text("mộtdòng\n", encoding="utf-8")
        case "config":
            edit_json(model / "config.json", lambda values: values["phodang"].pop("schema"))
        case "segmenter":
            edit_json(model / "config.json", lambda values: values["phodang"].update(segmenter="khác"))
        case "package":
            edit_json(model / "config.json", lambda values: values["phodang"].update(segmenter="vncorenlp 0.1.4"))
    assert main(arguments) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("phodang: ")
    assert captured.err.count("\n") == 1


def test_wrong_usage_is_exit_code_two(capsys: Capture) -> None:
    for arguments in ([], ["predict"], ["predict", "-", "--format", "xml"], ["đoán", "-"]):
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        assert caught.value.code == 2
        assert "usage: phodang" in capsys.readouterr().err


@pytest.mark.slow
def test_as_a_module(article: Path, tiny_model: Path, predictor: Predictor) -> None:
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-m", "phodang", "predict", "-", "--model", str(tiny_model), "--format", "jsonl"]
    done = subprocess.run(command, cwd=root, input=TEXT, capture_output=True, text=True, encoding="utf-8", check=True)
    assert [e["text"] for e in json.loads(done.stdout)["entities"]] == [e.text for e in predictor(TEXT).entities]
    article.unlink()
    command[4] = str(article)
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, encoding="utf-8", check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("phodang: ")
    assert done.stderr.count("\n") == 1
