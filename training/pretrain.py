"""Pretrain the compact encoder: corpus → segmentation → vocabulary → transfer → masked-language modelling.

::

    python -m training.pretrain --config configs/pretrain-compact.yaml \\
        --set corpus_folder=CORPORA --set init_from=ENCODER --set articles=SEEDS

Every stage leaves whole files in the run folder and is skipped when they are there; training goes on
from its last state, step for step as if it had not been stopped (what a step reads and hides depends on
the seed and the step alone). Runs on one CPU, or under `accelerate launch` on several processes or a GPU.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path

import torch
import yaml
from accelerate import Accelerator, PartialState
from tqdm.auto import tqdm
from transformers import RobertaForMaskedLM

from data.articles import ArticleError
from models.configuration import ModelError
from models.encoders import load_encoder, resolve_encoder
from training.arguments import ConfigError, RunSettings, read_settings
from training.cpu import suit_cpu
from training.encoder_card import encoder_card, write_encoder_card
from training.masking import MaskedObjective, save_encoder
from training.precision import chosen_precision
from training.preparation import CorpusText, Preparation
from training.run import environment, write_whole
from training.sequences import Sequences
from training.transfer import transfer

log = logging.getLogger("training")


@dataclass
class PretrainConfig(RunSettings):
    """Settings of one pretraining.

    Args:
        corpora, shares: corpus files and the share of `words` read from the beginning of each.
        sources: a line on where each comes from and its licence, for the card.
        repeats: how often an epoch reads each of them (default once).
        corpus_folder: where they are; `articles`: folder of the five articles, kept out of the text
            (default: the environment's PHODANG_ARTICLES).
        init_from: encoder folder or hub id to start from; base_model: the public model it is or comes from, and
            base_note: how, and its licence, for the card.
        words: words of text in all; vocabulary_words: of these, read for the vocabulary.
        vocabulary: symbols of the BPE; vocabulary_from: an encoder whose vocabulary is taken instead.
        layers: of the new encoder; dropout: in it, while pretraining.
        length: pieces a sequence; batch_size: sequences a step over all processes.
        steps, learning_rate, warmup (share of steps), decay (share of steps at the end in which the
            rate falls to zero; 1: from the end of the warm-up on), weight_decay, mask (share of pieces).
        evaluate_every: steps between evaluations on held-out text; save_every: between states.
        held_out: sequences never trained on, for evaluation.
        precision: `bfloat16`, `float32`, or `auto`: whichever is faster on this machine.
    """

    name: str = "pretrain-compact"
    output: str = ""
    corpora: list[str] = field(default_factory=list)
    shares: list[str] = field(default_factory=list)
    repeats: list[str] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    corpus_folder: str = "."
    articles: str = ""
    init_from: str = "intfloat/multilingual-e5-small"
    base_model: str = ""
    base_note: str = ""
    words: int = 26_000_000
    vocabulary: int = 20_000
    vocabulary_words: int = 5_000_000
    vocabulary_from: str = ""
    layers: int = 6
    dropout: float = 0.0
    length: int = 256
    batch_size: int = 32
    steps: int = 2000
    learning_rate: float = 7e-4
    warmup: float = 0.06
    decay: float = 1.0
    weight_decay: float = 0.01
    mask: float = 0.25
    evaluate_every: int = 100
    save_every: int = 100
    held_out: int = 256
    processes: int = 2
    segmenter: str = "underthesea"
    precision: str = "auto"
    seed: int = 13

    def __post_init__(self) -> None:
        self.cast_fields()
        if len(self.corpora) != len(self.shares) or not self.corpora:
            raise ConfigError("corpora and shares must list as many entries, at least one")
        if self.repeats and len(self.repeats) != len(self.corpora):
            raise ConfigError("repeats must be empty or list as many entries as corpora")
        if any(not repeat.isdecimal() or int(repeat) < 1 for repeat in self.repeats):
            raise ConfigError(f"repeats must be whole numbers from 1 on, not {', '.join(self.repeats)}")
        self.articles = self.articles or os.environ.get("PHODANG_ARTICLES", "")

    def sequences(self, preparation: Preparation) -> Sequences:
        """The masked sequences of prepared text."""
        return Sequences(
            preparation.token_files,
            preparation.tokenization(),
            length=self.length,
            batch_size=self.batch_size,
            mask=self.mask,
            seed=self.seed,
            repeats=[int(repeat) for repeat in self.repeats],
            held_out=self.held_out,
        )


def read_pretrain_config(name: str, settings: Sequence[str]) -> PretrainConfig:
    """Pretraining settings of a YAML file; see `read_settings`."""
    return read_settings(PretrainConfig, name, settings)


def learning_rate(step: int, config: PretrainConfig) -> float:
    """Linear warm-up, then the full rate, then linear decay to zero over the last `decay` of the steps."""
    warm = max(1, int(config.warmup * config.steps))
    if step < warm:
        return config.learning_rate * (step + 1) / warm
    falling = max(1, min(config.steps - warm, int(config.decay * config.steps)))
    return config.learning_rate * min(1.0, max(0.0, (config.steps - step) / falling))


@dataclass
class Progress:
    """Where a run stands: steps done, and seconds spent on them over all its starts."""

    step: int = 0
    seconds: float = 0.0


def save_state(run: Path, objective: MaskedObjective, optimizer: torch.optim.Optimizer, progress: Progress) -> None:
    """Weights, optimiser and progress in one file, written aside and renamed."""
    aside = run / "state.partial"
    state = {"model": objective.model.state_dict(), "optimizer": optimizer.state_dict(), **asdict(progress)}
    torch.save(state, aside)
    aside.replace(run / "state.pt")


def load_state(run: Path, model: RobertaForMaskedLM, optimizer: torch.optim.Optimizer) -> Progress:
    """The last state of a run, put into model and optimiser; the history forgets what came after it."""
    history = run / "history.jsonl"
    rows = history.read_text(encoding="utf-8").splitlines(keepends=True) if history.is_file() else []
    progress = Progress()
    if (run / "state.pt").is_file():
        state = torch.load(run / "state.pt", map_location="cpu", weights_only=True)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        progress = Progress(int(state["step"]), float(state["seconds"]))
        log.info("continuing at step %d", progress.step)
    # A line cut short by a kill lies behind the state, as do rows of steps that are done again.
    whole = [row for row in rows if row.endswith("\n") and json.loads(row)["step"] <= progress.step]
    if whole != rows:
        write_whole(history, "".join(whole))
    return progress


def train(config: PretrainConfig, sequences: Sequences, model: RobertaForMaskedLM, precision: str = "float32") -> None:
    """Masked-language modelling until `steps`, from the last state if there is one."""
    accelerator = Accelerator(mixed_precision="bf16" if precision == "bfloat16" else "no")
    part, parts = accelerator.process_index, accelerator.num_processes
    if config.batch_size % parts:
        raise ConfigError(f"batch_size={config.batch_size} does not divide among {parts} processes")
    run = config.run
    decayed = [p for p in model.parameters() if p.ndim >= 2]
    plain = [p for p in model.parameters() if p.ndim < 2]
    groups = [{"params": decayed, "weight_decay": config.weight_decay}, {"params": plain, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=config.learning_rate, betas=(0.9, 0.98), eps=1e-6)
    objective = MaskedObjective(model)
    if accelerator.device.type == "cpu":
        suit_cpu(model)
    with accelerator.main_process_first():
        progress = load_state(run, model, optimizer)
    wrapped, optimizer = accelerator.prepare(objective, optimizer)
    bar = tqdm(
        total=config.steps, initial=progress.step, unit=" steps", disable=not accelerator.is_main_process, mininterval=5
    )
    started, before = time.monotonic(), progress
    while progress.step < config.steps:
        # Dropout depends on the step alone, so a resumed run repeats an uninterrupted one.
        torch.manual_seed(config.seed * 1_000_003 + progress.step * 64 + part)
        batch = sequences.step(progress.step)
        asked = int((batch["labels"] != -100).sum())
        mine = {name: values[part::parts].to(accelerator.device) for name, values in batch.items()}
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(progress.step, config)
        wrapped.train()
        with accelerator.autocast():
            loss, _ = wrapped(**mine)
        # Processes average their gradients: with this the sum is over all that the step asks, however it is dealt out.
        loss = loss * parts / max(asked, 1)
        accelerator.backward(loss)
        accelerator.clip_grad_norm_(wrapped.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        spent = time.monotonic() - started
        progress = Progress(progress.step + 1, before.seconds + spent)
        bar.update()
        last = progress.step == config.steps
        if accelerator.is_main_process and (progress.step % config.evaluate_every == 0 or last):
            row = {
                "step": progress.step,
                "tokens": progress.step * config.batch_size * config.length,
                "seconds": round(progress.seconds, 1),
                "train_loss": loss.item() / parts if parts > 1 else loss.item(),
                **evaluate(objective, sequences, accelerator),
                "tokens_per_second": round((progress.step - before.step) * config.batch_size * config.length / spent),
            }
            bar.set_postfix(
                held_out=f"{row['held_out_loss']:.3f}",
                accuracy=f"{row['held_out_accuracy']:.3f}",
                tokens_per_second=row["tokens_per_second"],
            )
            with (run / "history.jsonl").open("a", encoding="utf-8") as out:
                out.write(json.dumps(row) + "\n")
        if accelerator.is_main_process and (progress.step % config.save_every == 0 or last):
            save_state(run, objective, optimizer, progress)
    if accelerator.is_main_process:
        save_encoder(run / "encoder", model)
    accelerator.wait_for_everyone()


@torch.no_grad()
def evaluate(objective: MaskedObjective, sequences: Sequences, accelerator: Accelerator) -> dict[str, float]:
    """Loss and masked-piece accuracy on the held-out sequences, always with the same masks."""
    objective.eval()
    loss, hits, asked = 0.0, 0, 0
    for begin in range(0, len(sequences.held_out), 32):
        batch = sequences.batch(sequences.held_out[begin : begin + 32], [0, begin])
        with accelerator.autocast():
            each, right = objective(**{k: v.to(accelerator.device) for k, v in batch.items()})
        loss += float(each)
        hits += int(right)
        asked += int((batch["labels"] != -100).sum())
    return {"held_out_loss": loss / max(asked, 1), "held_out_accuracy": hits / max(asked, 1)}


def prepare(config: PretrainConfig) -> tuple[Preparation, RobertaForMaskedLM, str]:
    """Text, vocabulary and initial model of a run, and the precision to compute in.

    Raises:
        ConfigError, ModelError: settings or the source encoder cannot be used, or the folder holds another run.
    """
    run = config.run
    run.mkdir(parents=True, exist_ok=True)
    path = run / "config.yaml"
    if path.is_file():
        before = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        changed = [key for key, value in asdict(config).items() if before.get(key) != value]
        if changed:
            raise ConfigError(f"{run}: holds a run with other settings ({', '.join(changed)}); name another output")
    else:
        write_whole(path, yaml.safe_dump(asdict(config), sort_keys=False))
    if not config.articles:
        log.warning("articles is not set: the five articles are not kept out of the text")
    corpora = [
        CorpusText(
            Path(config.corpus_folder) / name,
            int(config.words * float(share)),
            int(config.vocabulary_words * float(share)),
        )
        for name, share in zip(config.corpora, config.shares, strict=True)
    ]
    preparation = Preparation(
        run,
        corpora,
        articles=Path(config.articles) if config.articles else None,
        vocabulary=config.vocabulary,
        vocabulary_from=resolve_encoder(config.vocabulary_from) if config.vocabulary_from else None,
        segmenter=config.segmenter,
        processes=config.processes,
    )
    tokenization = preparation.run()
    torch.manual_seed(config.seed)
    encoder, pieces, origin = load_encoder(config.init_from, config.seed)
    log.info("starting from %s", origin)
    model = transfer(encoder, pieces, tokenization, config.layers)
    model.config.hidden_dropout_prob = model.config.attention_probs_dropout_prob = 0.1
    initial = run / "initial"
    if not (initial / "model.safetensors").is_file():
        initial.mkdir(exist_ok=True)
        tokenization.save(initial)
        save_encoder(initial, model)
    return preparation, model, chosen_precision(config.precision, run)


def pretrain(config: PretrainConfig) -> None:
    """All stages of a run; see `prepare` and `train`."""
    # The others wait while one prepares the text, longer than the half hour they would by default.
    with PartialState(timeout=timedelta(days=1)).main_process_first():
        preparation, model, precision = prepare(config)
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = config.dropout
    train(config, config.sequences(preparation), model, precision)
    if PartialState().is_main_process:
        history = [json.loads(row) for row in (config.run / "history.jsonl").read_text(encoding="utf-8").splitlines()]
        corpora = json.loads((config.run / "corpus.json").read_text(encoding="utf-8"))
        card = encoder_card(asdict(config), corpora, history, environment(), precision)
        if not write_encoder_card(preparation.encoder, card, history):
            log.warning("no curve drawn: pip install 'phodang[report]'")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line. Returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m training.pretrain", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--config", default="pretrain-compact.yaml")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    try:
        pretrain(read_pretrain_config(options.config, options.set))
    except (ConfigError, ModelError, ArticleError, OSError, ValueError) as error:
        print(f"training.pretrain: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
