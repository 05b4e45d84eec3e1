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
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import TrainingArguments, set_seed

from data.build import Build, build
from data.card import data_card
from data.dataset import DataError, read_dataset, read_schema
from data.documents import AnnotationError
from data.segmentation import segmenter
from models.configuration import ExtractorConfig, ModelError
from models.encoders import load_encoder, set_dropout
from models.extractor import Extractor
from models.features import FeatureBuilder
from training.arguments import ConfigError, TrainingConfig, read_config
from training.card import model_card
from training.collator import Collator, Examples, Objective
from training.cpu import suit_cpu
from training.evaluation import DocumentSet
from training.run import environment, prepare_run
from training.trainer import SCORE, ExtractionTrainer, SaveExtractor

log = logging.getLogger("training")


def build_extractor(settings: TrainingConfig, data: Build) -> tuple[Extractor, FeatureBuilder]:
    """A model with fresh heads, and the builder of its features."""
    encoder, tokenization, origin = load_encoder(settings.encoder, settings.seed)
    log.info("encoder: %s", origin)
    if settings.encoder_dropout >= 0:
        set_dropout(encoder, settings.encoder_dropout)
    words = segmenter(settings.segmenter)
    config = ExtractorConfig(
        schema=data.schema,
        segmenter=words.name,
        tones=settings.tones,
        window=settings.window,
        context=settings.context,
        crf=settings.crf,
        hidden=settings.hidden or encoder.config.hidden_size,
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
    on_cpu = not torch.cuda.is_available()
    if on_cpu:
        suit_cpu(extractor.encoder)
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
        use_cpu=on_cpu,
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
        len(examples),
        len(data.splits["train"]),
        len(data.splits["validation"]),
        run,
    )
    if checkpoint:
        log.info("continuing from %s", checkpoint)
    trainer.train(resume_from_checkpoint=checkpoint)
    if not trainer.is_world_process_zero():
        return {}
    metrics = _metrics(trainer, run, data, examples, time.time() - started)
    best = max(metrics["epochs"], key=lambda entry: entry[SCORE])
    model_file = run / "model" / "README.md"
    model_file.write_text(model_card(settings, extractor.config, best, data.sources), encoding="utf-8")
    metrics_file.write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")
    return metrics


def _metrics(trainer: ExtractionTrainer, run: Path, data: Build, examples: Examples, seconds: float) -> dict[str, Any]:
    logged = trainer.state.log_history
    return {
        "best": json.loads((run / "best.json").read_text()),
        "epochs": [entry for entry in logged if SCORE in entry],
        "loss": [{"step": e["step"], "loss": e["loss"]} for e in logged if "loss" in e],
        "data": data.fingerprint,
        "training_examples": len(examples),
        "annotations_lost": len(examples.lost),
        "relation_types": list(data.schema.relation_names),
        "seconds_of_this_start": round(seconds, 1),
    }


def quiet_libraries() -> None:
    """Only warnings from libraries, our own notes on standard error."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr, force=True)
    for name in ("httpx", "datasets", "accelerate", "filelock", "fsspec"):
        logging.getLogger(name).setLevel(logging.WARNING)
    transformers.logging.set_verbosity_warning()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line. Returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m training.train", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--config", default="compact.yaml", help="YAML file, or the name of one that comes with the package"
    )
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="change one setting; repeatable"
    )
    parser.add_argument("--restart", action="store_true", help="throw away what the run folder holds")
    options = parser.parse_args(arguments)
    quiet_libraries()
    try:
        metrics = train(read_config(options.config, options.set), options.restart)
    except (ConfigError, DataError, ModelError, AnnotationError, ValueError, OSError, ModuleNotFoundError) as error:
        print(f"training.train: {error}", file=sys.stderr)
        return 1
    if metrics:
        best: dict[str, float] = max(metrics["epochs"], key=lambda e: e[SCORE], default={})
        related = f", relations F1 {best.get('eval_relation_f1', 0):.3f}" if metrics.get("relation_types", True) else ""
        print(
            f"best epoch {best.get('epoch', 0):.0f}: entities F1 {best.get('eval_entity_f1', 0):.3f}{related} "
            "on the validation split"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
