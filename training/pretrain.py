"""Pretrain the compact encoder: corpus → segmentation → vocabulary → transfer → masked-language modelling.

::

    python -m training.pretrain --config configs/pretrain-compact.yaml \\
        --set corpus_folder=CORPORA --set init_from=ENCODER --set articles=SEEDS

Every stage leaves whole files in the run folder and is skipped when they are there; training goes on
from its last state, step for step as if it had not been stopped (masks and dropout depend on the seed
and the step alone). Runs on one CPU, several processes or a GPU under `accelerate launch`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from accelerate import Accelerator
from safetensors.torch import save_file
from tqdm.auto import tqdm
from transformers import RobertaForMaskedLM

from data.annotations import read_standoff
from data.articles import read_articles
from data.build import GOLD
from data.copies import near_copies
from models.configuration import ModelError
from models.encoders import resolve_encoder
from models.tokenization import PhobertTokenization
from training.arguments import ConfigError, RunSettings, read_settings
from training.corpus import Filter, segmented, write_tokens
from training.transfer import load_source, transfer
from training.vocabulary import learn, write_vocabulary

log = logging.getLogger("training")
RESERVED = 0.4
"""Share of near-copy groups of the annotation pool kept out of pretraining, so that gold can grow."""


@dataclass
class PretrainConfig(RunSettings):
    """Settings of one pretraining.

    Args:
        corpora, shares: corpus files and the share of `words` read from the beginning of each.
        corpus_folder: where they are; `articles`: folder of the five articles, kept out of the text.
        init_from: encoder folder or hub id to start from.
        words: words of text in all; vocabulary_words: of these, read for the vocabulary.
        vocabulary: symbols of the BPE; layers: of the new encoder.
        length: pieces a sequence; batch_size: sequences a step over all processes.
        steps, learning_rate, warmup (share of steps), weight_decay, mask (share of pieces).
        evaluate_every: steps between evaluations on held-out text; save_every: between states.
        bf16: compute in bfloat16.
    """

    name: str = "pretrain-compact"
    output: str = ""
    corpora: list[str] = field(default_factory=list)
    shares: list[str] = field(default_factory=list)
    corpus_folder: str = "."
    articles: str = ""
    init_from: str = "intfloat/multilingual-e5-small"
    words: int = 9_000_000
    vocabulary: int = 20_000
    vocabulary_words: int = 4_000_000
    layers: int = 6
    length: int = 128
    batch_size: int = 32
    steps: int = 2000
    learning_rate: float = 5e-4
    warmup: float = 0.06
    weight_decay: float = 0.01
    mask: float = 0.2
    evaluate_every: int = 100
    save_every: int = 100
    processes: int = 2
    segmenter: str = "underthesea"
    bf16: bool = True
    seed: int = 13

    def __post_init__(self) -> None:
        self.cast_fields()
        if len(self.corpora) != len(self.shares) or not self.corpora:
            raise ConfigError("corpora and shares must list as many entries, at least one")


def read_pretrain_config(name: str, settings: Sequence[str]) -> PretrainConfig:
    """Pretraining settings of a YAML file; see `read_settings`."""
    return read_settings(PretrainConfig, name, settings)


def evaluation_text(config: PretrainConfig) -> tuple[frozenset[str], list[str]]:
    """Ids of pool articles to leave out, and texts no paragraph may overlap: the five articles, the
    development articles, and a reserve of the pool for gold still to come, each with its near copies.
    """
    texts = [a.text for a in read_articles(Path(config.articles))] if config.articles else []
    gold = {standoff.id for standoff in read_standoff(GOLD / "dev")}
    left_out: set[str] = set()
    for name in config.corpora:
        path = Path(config.corpus_folder) / name
        if path.suffix != ".jsonl":
            continue
        pool = list(read_articles(path))
        groups = near_copies([article.text for article in pool])
        # A group is named by its smallest id, so that the choice does not move when the pool is reordered.
        names: dict[int, str] = {}
        for article, group in zip(pool, groups, strict=True):
            names[group] = min(names.get(group, article.id), article.id)
        golden = {group for article, group in zip(pool, groups, strict=True) if article.id in gold}
        for article, group in zip(pool, groups, strict=True):
            drawn = int(hashlib.sha256(names[group].encode()).hexdigest(), 16) % 1000 < 1000 * RESERVED
            if group in golden or drawn:
                left_out.add(article.id)
                texts.append(article.text)
    return frozenset(left_out), texts


def prepare_text(config: PretrainConfig) -> dict[str, Any]:
    """Vocabulary and token file of the run; both are made once."""
    run = config.run
    summary_file = run / "corpus.json"
    if summary_file.is_file():
        return json.loads(summary_file.read_text())
    left_out, texts = evaluation_text(config)
    log.info("%d articles of the pool and %d texts in all are kept out", len(left_out), len(texts))
    guards = {name: Filter.of(texts) for name in config.corpora}
    shares = [float(share) for share in config.shares]

    def stream(words: int, count: bool) -> Iterator[list[str]]:
        for name, share in zip(config.corpora, shares, strict=True):
            guard = guards[name] if count else Filter(guards[name].forbidden)
            path = Path(config.corpus_folder) / name
            limit = int(words * share)
            yield from segmented(path, limit, guard, config.segmenter, processes=config.processes, leave_out=left_out)

    encoder = run / "encoder"
    if not (encoder / "bpe.codes").is_file():
        counts: Counter[str] = Counter()
        for paragraph in stream(config.vocabulary_words, count=False):
            counts.update(paragraph)
        write_vocabulary(encoder, *learn(counts, config.vocabulary))
    tokenization = PhobertTokenization(encoder)
    total = write_tokens(run / "tokens.bin", stream(config.words, count=True), tokenization)
    summary = {
        "tokens": total,
        "vocabulary": tokenization.vocabulary_size,
        "texts_kept_out": len(texts),
        "paragraphs": {name: {"read": g.seen, "dropped_for_overlap": g.dropped} for name, g in guards.items()},
    }
    summary_file.write_text(json.dumps(summary, indent=2) + "\n")
    return summary


class Sequences:
    """Sequences of a token file in a seeded order; the last ones are held out."""

    HELD_OUT = 128

    def __init__(self, path: Path, config: PretrainConfig, tokenization: PhobertTokenization) -> None:
        self.config = config
        self.tokenization = tokenization
        self.body = config.length - 2
        self.tokens = np.memmap(path, dtype=np.uint16, mode="r")
        count = len(self.tokens) // self.body
        if count < 2 * self.HELD_OUT:
            raise ConfigError(f"{path}: only {count} sequences of {self.body} pieces; read more words")
        order = np.random.default_rng(config.seed).permutation(count)
        self.held_out, self.train = order[: self.HELD_OUT], order[self.HELD_OUT :]

    def batch(self, rows: np.ndarray, seed: Sequence[int]) -> dict[str, torch.Tensor]:
        """Masked inputs and labels of these sequences; masks are drawn from `seed` alone."""
        random = np.random.default_rng(seed)
        t = self.tokenization
        body = np.stack([self.tokens[r * self.body : (r + 1) * self.body] for r in rows]).astype(np.int64)
        ids = np.pad(body, ((0, 0), (1, 1)), constant_values=t.eos)
        ids[:, 0] = t.bos
        chosen = random.random(ids.shape) < self.config.mask
        chosen[:, 0] = chosen[:, -1] = False
        chosen &= ids > t.unk
        labels = np.where(chosen, ids, -100)
        kind = random.random(ids.shape)
        ids = np.where(chosen & (kind < 0.8), t.mask, ids)
        other = random.integers(4, t.vocabulary_size - 1, size=ids.shape)
        ids = np.where(chosen & (kind >= 0.9), other, ids)
        return {"input_ids": torch.from_numpy(ids), "labels": torch.from_numpy(labels)}

    def step(self, number: int, part: int, parts: int) -> dict[str, torch.Tensor]:
        """The batch of a step; each of `parts` processes takes its share of the rows."""
        size = self.config.batch_size
        at = np.arange(number * size, (number + 1) * size)
        epoch, place = at // len(self.train), at % len(self.train)
        rows = self.train[place]
        mine = slice(part, None, parts)
        return self.batch(rows[mine], [self.config.seed, number, int(epoch[0]), part])


class MaskedObjective(torch.nn.Module):
    """Loss and accuracy over the masked pieces; only those go through the vocabulary layer."""

    def __init__(self, model: RobertaForMaskedLM) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean loss and share of right answers, both scalars."""
        hidden = self.model.roberta(input_ids=input_ids).last_hidden_state
        wanted = labels != -100
        logits = self.model.lm_head(hidden[wanted]).float()
        gold = labels[wanted]
        return torch.nn.functional.cross_entropy(logits, gold), (logits.argmax(-1) == gold).float().mean()


def learning_rate(step: int, config: PretrainConfig) -> float:
    """Linear warm-up, then linear decay to zero."""
    warm = max(1, int(config.warmup * config.steps))
    if step < warm:
        return config.learning_rate * (step + 1) / warm
    return config.learning_rate * max(0.0, (config.steps - step) / max(1, config.steps - warm))


def save_state(run: Path, objective: MaskedObjective, optimizer: torch.optim.Optimizer, step: int) -> None:
    """Weights, optimiser and step in one file, written aside and renamed."""
    aside = run / "state.partial"
    state = {"model": objective.model.state_dict(), "optimizer": optimizer.state_dict(), "step": step}
    torch.save(state, aside)
    aside.replace(run / "state.pt")


def save_encoder(folder: Path, model: RobertaForMaskedLM) -> None:
    """The encoder alone, in half precision, as `AutoModel.from_pretrained` loads it."""
    state = {
        f"roberta.{n}": v.to(torch.float16).contiguous()
        for n, v in model.roberta.state_dict().items()
        if v.is_floating_point()
    }
    aside = folder / "model.safetensors.partial"
    save_file(state, str(aside), metadata={"format": "pt"})
    aside.replace(folder / "model.safetensors")
    config = model.config
    config.architectures = ["RobertaModel"]
    (folder / "config.json").write_text(config.to_json_string(), encoding="utf-8")


def train(config: PretrainConfig, sequences: Sequences, model: RobertaForMaskedLM) -> None:
    """Masked-language modelling until `steps`, from the last state if there is one."""
    accelerator = Accelerator(mixed_precision="bf16" if config.bf16 else "no")
    run = config.run
    decayed = [p for p in model.parameters() if p.ndim >= 2]
    plain = [p for p in model.parameters() if p.ndim < 2]
    groups = [{"params": decayed, "weight_decay": config.weight_decay}, {"params": plain, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=config.learning_rate, betas=(0.9, 0.98), eps=1e-6)
    objective = MaskedObjective(model)
    step = 0
    if (run / "state.pt").is_file():
        state = torch.load(run / "state.pt", map_location="cpu", weights_only=True)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        step = int(state["step"])
        log.info("continuing at step %d", step)
    wrapped, optimizer = accelerator.prepare(objective, optimizer)
    history = run / "history.jsonl"
    bar = tqdm(total=config.steps, initial=step, unit=" steps", disable=not accelerator.is_main_process, mininterval=5)
    started, first = time.time(), step
    while step < config.steps:
        # Dropout depends on the step alone, so a resumed run repeats an uninterrupted one.
        torch.manual_seed(config.seed * 1_000_003 + step * 64 + accelerator.process_index)
        batch = {
            k: v.to(accelerator.device)
            for k, v in sequences.step(step, accelerator.process_index, accelerator.num_processes).items()
        }
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, config)
        wrapped.train()
        with accelerator.autocast():
            loss, _ = wrapped(**batch)
        accelerator.backward(loss)
        accelerator.clip_grad_norm_(wrapped.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        step += 1
        bar.update()
        last = step == config.steps
        if accelerator.is_main_process and (step % config.evaluate_every == 0 or last):
            speed = (step - first) * config.batch_size * config.length / (time.time() - started)
            row = {
                "step": step,
                "train_loss": loss.item(),
                **evaluate(objective, sequences, accelerator),
                "tokens_per_second": round(speed),
            }
            bar.set_postfix(
                held_out=f"{row['held_out_loss']:.3f}", accuracy=f"{row['held_out_accuracy']:.3f}", tps=f"{speed:.0f}"
            )
            with history.open("a") as out:
                out.write(json.dumps(row) + "\n")
        if accelerator.is_main_process and (step % config.save_every == 0 or last):
            save_state(run, objective, optimizer, step)
    if accelerator.is_main_process:
        save_encoder(run / "encoder", model)


@torch.no_grad()
def evaluate(objective: MaskedObjective, sequences: Sequences, accelerator: Accelerator) -> dict[str, float]:
    """Loss and masked-piece accuracy on the held-out sequences, always with the same masks."""
    objective.eval()
    losses, hits = [], []
    for begin in range(0, len(sequences.held_out), 32):
        batch = sequences.batch(sequences.held_out[begin : begin + 32], [0, begin])
        with accelerator.autocast():
            loss, accuracy = objective(**{k: v.to(accelerator.device) for k, v in batch.items()})
        losses.append(float(loss))
        hits.append(float(accuracy))
    return {"held_out_loss": float(np.mean(losses)), "held_out_accuracy": float(np.mean(hits))}


def pretrain(config: PretrainConfig) -> None:
    """All stages of a run.

    Raises:
        ConfigError, ModelError: settings or the source encoder cannot be used.
    """
    config.run.mkdir(parents=True, exist_ok=True)
    path = config.run / "config.yaml"
    if path.is_file():
        before = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        changed = [key for key, value in asdict(config).items() if before.get(key) != value]
        if changed:
            raise ConfigError(
                f"{config.run}: holds a run with other settings ({', '.join(changed)}); name another output"
            )
    path.write_text(yaml.safe_dump(asdict(config), sort_keys=False), encoding="utf-8")
    summary = prepare_text(config)
    log.info("%s", json.dumps(summary))
    tokenization = PhobertTokenization(config.run / "encoder")
    sequences = Sequences(config.run / "tokens.bin", config, tokenization)
    torch.manual_seed(config.seed)
    model = transfer(*load_source(resolve_encoder(config.init_from)), tokenization, config.layers)
    initial = config.run / "initial" / "model.safetensors"
    if not initial.is_file():
        initial.parent.mkdir(exist_ok=True)
        tokenization.save(initial.parent)
        save_encoder(initial.parent, model)
    train(config, sequences, model)


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
    except (ConfigError, ModelError, OSError, ValueError) as error:
        print(f"training.pretrain: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
