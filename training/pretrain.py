"""Pretrain the compact encoder: corpus → segmentation → vocabulary → transfer → masked-language modelling.

::

    python -m training.pretrain --config configs/pretrain-compact.yaml \\
        --set corpus_folder=CORPORA --set init_from=ENCODER --set articles=SEEDS

Every stage leaves whole files in the run folder and is skipped when they are there; training goes on
from its last state, step for step as if it had not been stopped (what a step reads and hides depends on
the seed and the step alone). Runs on one CPU, under `accelerate launch` on one GPU or several, and under
`torchrun --nproc_per_node N -m training.pretrain` on several CPU processes.
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
from models.encoders import load_encoder, resolve_encoder, set_dropout
from training.arguments import ConfigError, RunSettings, cast, read_settings
from training.corpus import FILE_ERRORS
from training.cpu import suit_cpu
from training.encoder_card import MACHINE_SETTINGS, encoder_card, write_encoder_card
from training.masking import MaskedObjective, save_encoder
from training.precision import PRECISIONS, chosen_precision
from training.preparation import CorpusText, Preparation
from training.run import environment, write_whole
from training.sequences import Sequences
from training.transfer import MAX_LENGTH, even_layers, transfer

log = logging.getLogger("training")


@dataclass
class PretrainConfig(RunSettings):
    """Settings of one pretraining.

    Args:
        corpora, shares: corpus files and the share of `words` read from the beginning of each.
        sources: a line on where each comes from and its licence, for the card.
        repeats: how often an epoch reads each of them (default once).
        corpus_folder: where they are.
        articles, news: folder of the five articles, and JSONL of the news that development articles are from; both are
            kept out of the text (default: the environment's PHODANG_ARTICLES and PHODANG_NEWS; news may also be one
            of the corpora).
        init_from: encoder folder or hub id to start from; where it is a folder, base_model names the public model it
            comes from, for the card; base_note: how, and its licence.
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
    news: str = ""
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
        if self.sources and len(self.sources) != len(self.corpora):
            raise ConfigError("sources must be empty or list as many entries as corpora")
        for share in self.shares:
            if not 0 <= cast("shares", "float", share) <= 1:
                raise ConfigError(f"shares lie between 0 and 1, not {share}")
        for name in (
            "words",
            "vocabulary",
            "vocabulary_words",
            "layers",
            "batch_size",
            "steps",
            "learning_rate",
            "evaluate_every",
            "save_every",
            "held_out",
            "processes",
        ):
            if not 0 < getattr(self, name) < float("inf"):
                raise ConfigError(f"{name} must be above 0, not {getattr(self, name)}")
        for name in ("mask", "dropout", "warmup", "decay"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"{name} must lie between 0 and 1, not {getattr(self, name)}")
        if not 8 <= self.length <= MAX_LENGTH:
            raise ConfigError(f"length={self.length}, but the encoder reads 8 to {MAX_LENGTH} pieces")
        if self.precision not in PRECISIONS:
            raise ConfigError(f"precision={self.precision!r}; known: {', '.join(PRECISIONS)}")
        self.articles = self.articles or os.environ.get("PHODANG_ARTICLES", "")
        self.news = self.news or os.environ.get("PHODANG_NEWS", "")

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


def step_loss(loss: torch.Tensor, asked: int, parts: int) -> torch.Tensor:
    """What a process goes back from: `loss` summed over its own pieces, `asked` in the whole step.

    Processes average their gradients; so the average is that of all pieces of the step, however they are dealt out.
    """
    return loss * parts / max(asked, 1)


def train(config: PretrainConfig, sequences: Sequences, model: RobertaForMaskedLM, precision: str = "float32") -> None:
    """Masked-language modelling until `steps`, from the last state if there is one."""
    accelerator = Accelerator(cpu=on_cpu(), mixed_precision="bf16" if precision == "bfloat16" else "no")
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
        loss = step_loss(loss, asked, parts)
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
                "train_loss": loss.item(),
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

    What can be wrong is looked at before the folder is claimed and the long work begins.

    Raises:
        ConfigError, ModelError: settings or the source encoder cannot be used, or the folder holds another run.
    """
    run = config.run
    encoder, pieces, origin = load_encoder(config.init_from, config.seed)
    even_layers(encoder.config.num_hidden_layers, config.layers)
    for name in config.corpora:
        if not (Path(config.corpus_folder) / name).is_file():
            raise ConfigError(f"no corpus {Path(config.corpus_folder) / name}; set corpus_folder=FOLDER")
    run.mkdir(parents=True, exist_ok=True)
    path = run / "config.yaml"
    if path.is_file():
        before = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        changed = [key for key, value in asdict(config).items() if before.get(key) != value]
        if changed:
            raise ConfigError(f"{run}: holds a run with other settings ({', '.join(changed)}); name another output")
    else:
        write_whole(path, yaml.safe_dump(asdict(config), sort_keys=False))
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
        news=Path(config.news) if config.news else None,
        vocabulary=config.vocabulary,
        vocabulary_from=resolve_encoder(config.vocabulary_from) if config.vocabulary_from else None,
        segmenter=config.segmenter,
        processes=config.processes,
    )
    tokenization = preparation.run()
    torch.manual_seed(config.seed)
    log.info("starting from %s", origin)
    model = transfer(encoder, pieces, tokenization, config.layers)
    # An encoder that never saw dropout loses its way when fine-tuning begins with it: its settings say what it saw.
    set_dropout(model, config.dropout)
    initial = run / "initial"
    if not (initial / "model.safetensors").is_file():
        initial.mkdir(exist_ok=True)
        tokenization.save(initial)
        save_encoder(initial, model)
    if not (run / "environment.json").is_file():
        write_whole(run / "environment.json", json.dumps(environment(), indent=2) + "\n")
    return preparation, model, chosen_precision(config.precision, run)


def changed_settings(config: PretrainConfig) -> list[str]:
    """`key=value` of every setting that differs from the configuration file of the run's name."""
    try:
        shipped = asdict(read_pretrain_config(f"{config.name}.yaml", []))
    except ConfigError:
        shipped = {}
    return [
        f"{key}={value if not isinstance(value, list) else '[' + ', '.join(value) + ']'}"
        for key, value in asdict(config).items()
        if key not in (*MACHINE_SETTINGS, "init_from") and shipped.get(key) != value
    ]


def on_cpu() -> bool:
    """Whether this run computes on a CPU: there is no GPU, or `accelerate` was told not to use it."""
    return not torch.cuda.is_available() or os.environ.get("ACCELERATE_USE_CPU", "").lower() in {"1", "true", "yes"}


def pretrain(config: PretrainConfig) -> None:
    """All stages of a run; see `prepare` and `train`."""
    # The others wait while one prepares the text, longer than the half hour they would by default.
    processes = PartialState(cpu=on_cpu(), timeout=timedelta(days=1))
    started = int(os.environ.get("WORLD_SIZE", "1"))
    if processes.num_processes != started:
        raise ConfigError(f"{started} processes were started, but only {processes.num_processes} found each other")
    if processes.is_main_process:
        log.info("%d process(es) on %s", processes.num_processes, processes.device.type)
    with processes.main_process_first():
        preparation, model, precision = prepare(config)
    train(config, config.sequences(preparation), model, precision)
    if processes.is_main_process:
        history = [json.loads(row) for row in (config.run / "history.jsonl").read_text(encoding="utf-8").splitlines()]
        corpora = json.loads((config.run / "corpus.json").read_text(encoding="utf-8"))
        machine = json.loads((config.run / "environment.json").read_text(encoding="utf-8"))
        made = {**machine, "precision": precision}
        card = encoder_card(asdict(config), corpora, history, made, changed_settings(config))
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
    except (ConfigError, ModelError, ArticleError, *FILE_ERRORS, ValueError, ModuleNotFoundError) as error:
        print(f"training.pretrain: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
