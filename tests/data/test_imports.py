"""Data sets of other formats, and the command that makes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.build import main
from data.dataset import DataError, read_dataset, read_schema
from data.imports import import_conll


def write(path: Path, sentences: int, label: str = "PER") -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(f"Lò_{n} B-{label}\ncười O\n\n" for n in range(sentences)), encoding="utf-8")
    return path


def test_splits_and_labels_come_from_the_files(tmp_path: Path) -> None:
    files = {
        "train": [write(tmp_path / "a" / "x.txt", 3), write(tmp_path / "b" / "x.txt", 2, "LOC")],
        "validation": [write(tmp_path / "dev.txt", 2, "ORG")],
    }
    result = import_conll(files)
    assert result.schema.flat
    assert result.schema.entity_types == ("LOC", "ORG", "PER")
    assert not result.schema.relation_types
    assert [d.id for d in result.splits["train"]] == ["x-1", "x-2", "x-3", "x(2)-1", "x(2)-2"]
    assert list(result.splits) == ["train", "validation"]
    assert result.left_out == ["labels of validation that training never shows: ORG"]
    assert result.sources[0] == "train: 3 sentences, 6 tokens, 3 entities of x.txt (CoNLL)"


def test_without_validation_every_tenth_is_held_out(tmp_path: Path) -> None:
    result = import_conll({"train": [write(tmp_path / "t.txt", 20)]})
    assert [d.id for d in result.splits["validation"]] == ["t-10", "t-20"]
    assert len(result.splits["train"]) == 18
    with pytest.raises(DataError, match="only 3 documents and no --validation FILE"):
        import_conll({"train": [write(tmp_path / "t.txt", 3)]})


def test_what_cannot_be_used_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="give --train FILE"):
        import_conll({"validation": [write(tmp_path / "t.txt", 3)]})
    bare = tmp_path / "bare.txt"
    bare.write_text("a O\n", encoding="utf-8")
    with pytest.raises(DataError, match="no entities; is the tag in another column"):
        import_conll({"train": [bare]})


def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train, dev, test = (write(tmp_path / f"{name}.txt", n) for name, n in (("train", 9), ("dev", 2), ("test", 2)))
    call = ["--from", "conll", "--train", str(train), "--validation", str(dev), "--test", str(test)]
    assert main([*call, "--out", str(tmp_path / "ner")]) == 0
    splits = read_dataset(tmp_path / "ner")
    assert {name: len(documents) for name, documents in splits.items()} == {"train": 9, "validation": 2, "test": 2}
    assert read_schema(tmp_path / "ner").flat
    assert "public office" not in (tmp_path / "ner" / "README.md").read_text(encoding="utf-8")
    assert main([*call, "--check"]) == 0
    capsys.readouterr()
    assert main(["--from", "conll", "--train", str(tmp_path / "nowhere")]) == 1
    assert capsys.readouterr().err == f"data.build: {tmp_path / 'nowhere'}: no such file\n"
    with pytest.raises(SystemExit):
        main(["--test", str(test)])
    assert "--validation and --test go with --from" in capsys.readouterr().err
