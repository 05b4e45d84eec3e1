"""Fine-tune an encoder for entities and relations.

::

    python -m training.train                                       # configs/compact.yaml
    python -m training.train --config configs/phobert-base.yaml --set epochs=10 --set seed=7

The run folder `runs/<name>` holds `model/` (the best epoch, ready for `predict(model=...)`),
`config.yaml`, `metrics.json`, `environment.json`, `data.md` and the last checkpoint. The same command
again continues a run that was stopped, and does nothing for one that is finished.
"""

from __future__ import annotations

import argparse
import json
import logging
import math
import platform
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
import transformers
import yaml
from transformers import Trainer, TrainerCallback, TrainingArguments, set_seed
from transformers.trainer_utils import get_last_checkpoint

from data.build import Build, build
from data.card import data_card
from data.dataset import DataError, read_dataset, read_schema
from data.documents import AnnotationError
from data.segmentation import segmenter
from eval.scoring import headline
from models.configuration import ExtractorConfig, ModelError
from models.encoders import load_encoder
from models.extractor import Extractor
from models.features import FeatureBuilder
from training.arguments import ConfigError, TrainingConfig, read_config
from training.collator import Collator, Examples, Objective
from training.evaluation import DocumentSet, evaluate_documents

log = logging.getLogger("training")
BEST = "eval_score"


class ExtractionTrainer(Trainer):
    """`Trainer` with our loss, our evaluation over characters, and checkpoints `predict()` can load."""

    def __init__(self, settings: TrainingConfig, development: DocumentSet, **options: Any) -> None:
        super().__init__(**options)
        self.settings = settings
        self.development = development
        self.history: list[dict[str, float]] = []

    @property
    def objective(self) -> Objective:
        return self.accelerator.unwrap_model(self.model)

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        self.objective.predicted = self.state.global_step >= self.settings.predicted_spans * self.state.max_steps
        losses = model(**inputs)
        return (losses["loss"], losses) if return_outputs else losses["loss"]

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:
        if self.optimizer is None:
            self.optimizer = torch.optim.AdamW(
                parameter_groups(self.objective.extractor, self.settings), betas=(0.9, 0.98), eps=1e-6
            )
        return self.optimizer

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
        extractor = self.objective.extractor
        was_training = extractor.training
        extractor.eval()
        metrics = headline(evaluate_documents(extractor, self.development))
        extractor.train(was_training)
        related = bool(extractor.config.schema.relation_types)
        score = (metrics["entity_f1"] + metrics["relation_f1"]) / 2 if related else metrics["entity_f1"]
        found = {f"eval_{name}": value for name, value in {**metrics, "score": score}.items()}
        self.log(dict(found))
        self.history.append({"epoch": self.state.epoch or 0.0, **found})
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, found)
        return found


class SaveExtractor(TrainerCallback):
    """Keeps the best epoch's model aside as `model/`, written whole or not at all."""

    def __init__(self, run: Path, extractor: Extractor) -> None:
        self.run = run
        self.extractor = extractor

    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: Mapping[str, float] = {}, **_: Any) -> None:  # noqa: B006
        best = self.run / "best.json"
        known = json.loads(best.read_text()) if best.is_file() else {"score": -1.0}
        score = float(metrics.get(BEST, 0.0))
        if not state.is_world_process_zero or score <= known["score"]:
            return
        save_whole(self.extractor, self.run / "model")
        best.write_text(json.dumps({"score": score, "epoch": state.epoch, "step": state.global_step}) + "\n")


def save_whole(extractor: Extractor, folder: Path) -> None:
    """Save into a folder beside, then rename: a reader never sees half a model."""
    aside = folder.with_name(folder.name + ".partial")
    shutil.rmtree(aside, ignore_errors=True)
    extractor.save_pretrained(aside)
    shutil.rmtree(folder, ignore_errors=True)
    aside.rename(folder)


def parameter_groups(extractor: Extractor, settings: TrainingConfig) -> list[dict[str, Any]]:
    """Learning rate and weight decay of every parameter; layers further from the top learn slower."""
    layers = int(extractor.encoder.config.num_hidden_layers)
    prefix = extractor.encoder_name + "."
    groups: dict[tuple[float, float], list[torch.nn.Parameter]] = {}
    for name, parameter in extractor.named_parameters():
        if not parameter.requires_grad:
            continue
        rate = settings.head_learning_rate
        if name.startswith(prefix):
            parts = name.split(".")
            depth = int(parts[parts.index("layer") + 1]) + 1 if "layer" in parts else 0
            rate = settings.learning_rate * settings.layer_decay ** (layers - depth)
        decay = 0.0 if parameter.ndim < 2 else settings.weight_decay
        groups.setdefault((rate, decay), []).append(parameter)
    return [{"params": ps, "lr": rate, "weight_decay": decay} for (rate, decay), ps in groups.items()]


def build_extractor(settings: TrainingConfig, data: Build) -> tuple[Extractor, FeatureBuilder]:
    """A model with fresh heads, and the builder of its features."""
    encoder, tokenization, origin = load_encoder(settings.encoder, settings.seed)
    log.info("encoder: %s", origin)
    words = segmenter(settings.segmenter)
    config = ExtractorConfig(
        schema=data.schema,
        segmenter=words.name,
        tones=settings.tones,
        window=settings.window,
        context=settings.context,
        crf=settings.crf,
        hidden=settings.hidden or int(encoder.config.hidden_size),
        dropout=settings.dropout,
        relation_hidden=settings.relation_hidden,
        base=settings.encoder,
    )
    extractor = Extractor(config, encoder, tokenization)
    return extractor, FeatureBuilder(config, tokenization, words)


def load_data(settings: TrainingConfig) -> Build:
    """The data set the settings name, or a fresh build of it."""
    if not settings.data:
        return build(train=[Path(path) for path in settings.train_files])
    folder = Path(settings.data)
    splits = read_dataset(folder)
    if "train" not in splits or "validation" not in splits:
        raise DataError(f"{folder}: has {', '.join(splits)}; training needs the splits train and validation")
    return Build(splits, read_schema(folder), [f"read from {folder.name}"])


def environment() -> dict[str, Any]:
    """Versions and machine: what to know to get the same numbers again."""
    versions = {}
    for name in ("phodang", "torch", "transformers", "tokenizers", "accelerate", "datasets", "underthesea", "numpy"):
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "not installed"
    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "threads": torch.get_num_threads(),
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
        "packages": versions,
    }


def prepare_run(settings: TrainingConfig, fingerprint: str, restart: bool) -> str | None:
    """Make the run folder ready. Returns the checkpoint to continue from, if any.

    Raises:
        ConfigError: the folder holds a run with other settings or other data.
    """
    run = settings.run
    written = {"settings": settings.to_dict(), "data": fingerprint}
    path = run / "config.yaml"
    if restart:
        shutil.rmtree(run, ignore_errors=True)
    if path.is_file():
        before = yaml.safe_load(path.read_text(encoding="utf-8"))
        changed = [k for k, v in written["settings"].items() if before["settings"].get(k) != v]
        changed += ["data"] if before["data"] != fingerprint else []
        if changed:
            raise ConfigError(
                f"{run}: holds a run with other settings ({', '.join(changed)}); "
                "name another folder with --set output=FOLDER, or replace it with --restart"
            )
    run.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(written, allow_unicode=True, sort_keys=False), encoding="utf-8")
    checkpoints = run / "checkpoints"
    return get_last_checkpoint(str(checkpoints)) if checkpoints.is_dir() else None


def train(settings: TrainingConfig, restart: bool = False) -> dict[str, Any]:
    """Run or continue a training. Returns what `metrics.json` holds.

    Raises:
        ConfigError, DataError, ModelError: settings, data or encoder cannot be used.
    """
    started = time.time()
    data = load_data(settings)
    for name in ("train", "validation"):
        if not data.splits.get(name):
            raise DataError(f"no documents to {'train on' if name == 'train' else 'validate with'}")
    run = settings.run
    checkpoint = prepare_run(settings, data.fingerprint, restart)
    metrics_file = run / "metrics.json"
    if metrics_file.is_file() and (run / "model" / "config.json").is_file():
        log.info("%s: already finished; --restart trains again", run)
        return json.loads(metrics_file.read_text(encoding="utf-8"))
    (run / "environment.json").write_text(json.dumps(environment(), indent=2) + "\n", encoding="utf-8")
    card = data_card(data.splits, data.schema, data.sources, data.left_out)
    (run / "data.md").write_text(card, encoding="utf-8")

    set_seed(settings.seed)
    extractor, builder = build_extractor(settings, data)
    examples = Examples(data.splits["train"], builder)
    if examples.lost:
        log.warning("%d annotations cannot be learned (first: %s)", len(examples.lost), examples.lost[0])
    development = DocumentSet(data.splits["validation"], builder)
    steps = math.ceil(math.ceil(len(examples) / settings.batch_size) / settings.accumulation * settings.epochs)
    arguments = TrainingArguments(
        output_dir=str(run / "checkpoints"),
        num_train_epochs=settings.epochs,
        per_device_train_batch_size=settings.batch_size,
        gradient_accumulation_steps=settings.accumulation,
        learning_rate=settings.learning_rate,
        warmup_steps=int(settings.warmup * steps),
        lr_scheduler_type="linear",
        max_grad_norm=settings.max_grad_norm,
        bf16=settings.bf16,
        seed=settings.seed,
        eval_strategy="epoch",
        save_strategy="epoch",
        save_total_limit=settings.keep_checkpoints,
        logging_strategy="steps",
        logging_steps=max(1, steps // 50),
        report_to="none",
        remove_unused_columns=False,
        dataloader_pin_memory=False,
        disable_tqdm=False,
        ddp_find_unused_parameters=False,
    )
    trainer = ExtractionTrainer(
        settings,
        development,
        model=Objective(extractor, settings.relation_weight),
        args=arguments,
        train_dataset=examples,
        eval_dataset=examples,
        data_collator=Collator(extractor.tokenization.pad),
        callbacks=[SaveExtractor(run, extractor)],
    )
    log.info(
        "%d training examples of %d documents, %d validation documents; run folder: %s",
        len(examples), len(data.splits["train"]), len(data.splits["validation"]), run,
    )
    if checkpoint:
        log.info("continuing from %s", checkpoint)
    trainer.train(resume_from_checkpoint=checkpoint)
    if not trainer.is_world_process_zero():
        return {}
    metrics = _metrics(trainer, run, data, examples, time.time() - started)
    metrics_file.write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")
    return metrics


def _metrics(
    trainer: ExtractionTrainer, run: Path, data: Build, examples: Examples, seconds: float
) -> dict[str, Any]:
    logged = trainer.state.log_history
    return {
        "best": json.loads((run / "best.json").read_text()),
        "epochs": [entry for entry in logged if BEST in entry],
        "loss": [{"step": e["step"], "loss": e["loss"]} for e in logged if "loss" in e],
        "data": data.fingerprint,
        "training_examples": len(examples),
        "annotations_lost": len(examples.lost),
        "seconds_of_this_start": round(seconds, 1),
    }


def quiet_libraries() -> None:
    """Only warnings from libraries, our own notes on standard error."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr, force=True)
    for name in ("httpx", "datasets", "accelerate", "filelock", "fsspec"):
        logging.getLogger(name).setLevel(logging.WARNING)
    transformers.logging.set_verbosity_warning()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m training.train", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--config", default="compact.yaml", help="YAML file, or the name of one that comes with the package")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change one setting; repeatable")
    parser.add_argument("--restart", action="store_true", help="throw away what the run folder holds")
    options = parser.parse_args(arguments)
    quiet_libraries()
    try:
        metrics = train(read_config(options.config, options.set), options.restart)
    except (ConfigError, DataError, ModelError, AnnotationError, ValueError, OSError) as error:
        print(f"training.train: {error}", file=sys.stderr)
        return 1
    if metrics:
        best = max(metrics["epochs"], key=lambda e: e[BEST], default={})
        print(
            f"best epoch {best.get('epoch', 0):.0f}: entities F1 {best.get('eval_entity_f1', 0):.3f}, "
            f"relations F1 {best.get('eval_relation_f1', 0):.3f} on the validation split"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())


