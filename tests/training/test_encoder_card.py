"""The card of a pretrained encoder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from training import encoder_card as module
from training.encoder_card import curve_picture, encoder_card, write_encoder_card

HISTORY = [
    {"step": n, "tokens": n * 4096, "seconds": n * 0.8, "held_out_loss": 7 - n / 500, "held_out_accuracy": n / 1000}
    for n in range(100, 2000, 100)
]
SETTINGS: dict[str, Any] = {
    "name": "pretrain-tiny",
    "output": "/some/where/run",
    "corpora": ["a.txt", "b.txt"],
    "sources": ["câu bịa (Apache-2.0)", "báo bịa"],
    "repeats": ["1", "3"],
    "init_from": "/some/where/encoder",
    "vocabulary_from": "",
    "base_model": "",
    "base_note": "",
    "layers": 2,
    "segmenter": "underthesea",
    "held_out": 64,
}
CORPORA = {
    "tokens": 9_400_000,
    "vocabulary": 777,
    "kept_out": {"test": 5, "development": 51, "reserved": 569, "missing": 0},
    "corpora": [
        {"corpus": name, "paragraphs_read": 10, "dropped_for_overlap": 3, "tokens": 99, "unknown": 0}
        for name in SETTINGS["corpora"]
    ],
}
ENVIRONMENT = {
    "device": "cpu",
    "processor": "Bộ xử lý X",
    "threads": 2,
    "precision": "bfloat16",
    "packages": {"torch": "1.2", "transformers": "3.4"},
}


def card(**changes: Any) -> str:
    return encoder_card({**SETTINGS, **changes}, CORPORA, HISTORY, ENVIRONMENT, ["steps=9"])


def test_what_a_reader_wants_to_know() -> None:
    text = card()
    for wanted in (
        "777 word-level pieces",
        "7.8 million tokens read",
        "9.4 million of text",
        "in 25 minutes of training on Bộ xử lý X",
        "2 threads, in bfloat16 (torch 1.2, transformers 3.4)",
        "| b.txt | báo bịa | 10 | 3 | 99 | 3 × |",
        "5 test articles, 51 development articles with their near copies, and 569 articles of the annotation pool",
        "--set init_from=ENCODER --set articles=ARTICLES \\ --set 'steps=9' ```",
        "| 1900 | 7.8 | 3.200 | 1.9000 |",
        "--config configs/pretrain-tiny.yaml",
    ):
        assert wanted in " ".join(text.split()), wanted
    assert "/some/where" not in text


def test_the_model_it_started_from_is_named() -> None:
    head = yaml.safe_load(card(base_model="owner/name", base_note="MIT").split("---")[1])
    assert head["base_model"] == "owner/name"
    assert "`owner/name` (MIT)" in card(base_model="owner/name", base_note="MIT")
    assert yaml.safe_load(card().split("---")[1])["base_model"] == "encoder"
    hub = card(init_from="vinai/phobert-base", base_model="owner/name", base_note="MIT")
    assert "Vocabulary transfer from `vinai/phobert-base`,\n" in hub
    assert "owner/name" not in hub, "what it started from, not what the configuration usually starts from"


def test_what_was_not_kept_out_stands_on_the_card() -> None:
    lacking = {**CORPORA, "kept_out": {"test": 0, "development": 0, "reserved": 3, "missing": 50}}
    text = encoder_card(SETTINGS, lacking, HISTORY, ENVIRONMENT)
    assert "**Not kept out, their text was not at hand: the test articles and 50 development articles.**" in text
    assert "Not kept out" not in card()


def test_the_curve_is_a_picture_of_the_history_alone() -> None:
    assert curve_picture(HISTORY).startswith(b"\x89PNG")
    assert curve_picture(HISTORY) == curve_picture(HISTORY)
    assert curve_picture(HISTORY) != curve_picture(HISTORY[:5])


def test_without_the_drawing_library_the_card_is_written_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(_: Any) -> bytes:
        raise ModuleNotFoundError

    assert write_encoder_card(tmp_path, card(), HISTORY)
    monkeypatch.setattr(module, "curve_picture", missing)
    (tmp_path / "curve.png").unlink()
    assert not write_encoder_card(tmp_path, card(), HISTORY)
    assert [path.name for path in tmp_path.iterdir()] == ["README.md"]
