"""The card of a pretrained encoder: what it was made from, how, on what machine, and its learning curve."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from data.card import table

CURVE = "curve.png"
MACHINE_SETTINGS = ("output", "corpus_folder", "articles", "news")
"""Settings that name folders of one machine."""
_TOLD = ("sources", "base_model", "base_note")


def curve_picture(history: Sequence[Mapping[str, Any]]) -> bytes:
    """Held-out loss and accuracy over the tokens read, as a PNG; needs `matplotlib` (extra `report`)."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 3.2), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    tokens = [row["tokens"] / 1e6 for row in history]
    for place, key, name in (
        (1, "held_out_loss", "held-out loss"),
        (2, "held_out_accuracy", "held-out masked-piece accuracy"),
    ):
        axes = figure.add_subplot(1, 2, place)
        axes.plot(tokens, [row[key] for row in history], marker=".", linewidth=1)
        axes.set_xlabel("million tokens read")
        axes.set_title(name, fontsize=10)
        axes.grid(alpha=0.3)
    out = io.BytesIO()
    # No date inside: the same history gives the same bytes.
    figure.savefig(out, format="png", metadata={"Software": None})
    return out.getvalue()


def encoder_card(
    settings: Mapping[str, Any],
    corpora: Mapping[str, Any],
    history: Sequence[Mapping[str, Any]],
    environment: Mapping[str, Any],
    changed: Sequence[str] = (),
) -> str:
    """The card in Markdown.

    Args:
        settings: of the run; corpora: what `corpus.json` holds; history: rows of `history.jsonl`, not empty.
        environment: machine, versions and `precision`.
        changed: settings (`key=value`) that differ from the configuration file of the run's name.
    """
    last = history[-1]
    shown = {k: v for k, v in settings.items() if k not in (*_TOLD, *MACHINE_SETTINGS)}
    local = _is_folder(settings["init_from"])
    for key in ("init_from", "vocabulary_from"):
        shown[key] = Path(settings[key]).name if _is_folder(settings[key]) else settings[key]
    again = "".join(f" \\\n    --set '{setting}'" for setting in changed)
    kept = corpora["kept_out"]
    step = max(1, len(history) // 12)
    rows = [*history[:-1][::step], last]
    sources = [*settings["sources"], *[""] * len(corpora["corpora"])]
    packages = environment["packages"]
    device = environment["processor"] if environment["device"] == "cpu" else environment["device"]
    base = (settings["base_model"] if local else "") or shown["init_from"]
    note = f" ({settings['base_note']})" if settings["base_note"] and local else ""
    return f"""---
language: vi
license: apache-2.0
base_model: {base}
---
# {settings["name"].removeprefix("pretrain-")}: an encoder in PhoBERT's layout

{settings["layers"]} layers, {corpora["vocabulary"]} word-level pieces (`vocab.txt`, `bpe.codes`), 256 pieces of input,
half-precision safetensors. Input: text segmented by {settings["segmenter"]}, tone marks placed as in PhoBERT's corpus.
`AutoModel.from_pretrained` loads it; `training.train` fine-tunes it. Not evaluated for anything else.

## How it was made

Vocabulary transfer from `{base}`{note},
then masked-language modelling: {last["tokens"] / 1e6:.1f} million tokens read, of {corpora["tokens"] / 1e6:.1f} million
of text, in {last["seconds"] / 60:.0f} minutes of training on {device}, {environment["threads"]} threads, in
{environment["precision"]} (torch {packages["torch"]}, transformers {packages["transformers"]}).
No text is part of the weights' distribution.

```sh
python -m training.pretrain --config configs/{settings["name"]}.yaml \\
    --set corpus_folder=CORPORA --set init_from=ENCODER --set articles=ARTICLES{again}
```

![learning curve]({CURVE})

{
        table(
            ["step", "million tokens", "held-out loss", "held-out masked-piece accuracy"],
            [
                [r["step"], f"{r['tokens'] / 1e6:.1f}", f"{r['held_out_loss']:.3f}", f"{r['held_out_accuracy']:.4f}"]
                for r in rows
            ],
        )
    }

Held out are {
        settings["held_out"]
    } sequences of the same corpora. News repeats itself: some held-out sentences also stand
in what was read.

## Text

{
        table(
            ["corpus", "source and licence", "paragraphs read", "dropped for overlap", "tokens", "read an epoch"],
            [
                [
                    c["corpus"],
                    source,
                    c["paragraphs_read"],
                    c["dropped_for_overlap"],
                    c["tokens"],
                    f"{repeat} ×",
                ]
                for c, source, repeat in zip(
                    corpora["corpora"], sources, settings["repeats"] or [1] * len(corpora["corpora"]), strict=False
                )
            ],
        )
    }

Kept out of the text: {kept["test"]} test articles, {kept["development"]} development articles with their near copies,
and {kept["reserved"]} articles of the annotation pool reserved for gold still to come. A paragraph that shares 12
consecutive words with one of them was dropped.{_missing(kept)}

## Settings

```yaml
{"".join(f"{key}: {value}" + chr(10) for key, value in shown.items())}```
"""


def _is_folder(encoder: str) -> bool:
    """Whether an encoder is a folder of one machine, not a hub id or a name that everybody knows."""
    return encoder.count("/") > 1 or Path(encoder).is_dir()


def _missing(kept: Mapping[str, int]) -> str:
    """What could not be kept out, said where a reader will see it."""
    lacking = [] if kept["test"] else ["the test articles"]
    lacking += [f"{kept['missing']} development articles"] if kept["missing"] else []
    return f" **Not kept out, their text was not at hand: {' and '.join(lacking)}.**" if lacking else ""


def write_encoder_card(folder: Path, card: str, history: Sequence[Mapping[str, Any]]) -> bool:
    """Write card and curve into an encoder's folder. Returns whether the curve could be drawn."""
    (folder / "README.md").write_text(card, encoding="utf-8")
    try:
        (folder / CURVE).write_bytes(curve_picture(history))
    except ModuleNotFoundError:
        return False
    return True
