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
from data.documents import AnnotationError, Document
from data.segmentation import segmenter
from models.configuration import ExtractorConfig, ModelError
from models.encoders import freeze, keep_layers, load_encoder, set_dropout
from models.extractor import Extractor
from models.features import FeatureBuilder
from training.arguments import ConfigError, TrainingConfig, read_config
from training.card import model_card
from training.collator import Collator, Examples, Objective
from training.cpu import suit_cpu
from training.evaluation import DocumentSet
from training.precision import chosen_precision
from training.run import environment, prepare_run, save_whole
from training.trainer import SCORE, ExtractionTrainer, SaveExtractor

log = logging.getLogger("training")
FIXED = ("window", "context", "crf", "pooling", "relation_hidden", "relation_scorer", "tones")
"""Settings that a model has for good: who goes on from it must have the same."""


def build_extractor(settings: TrainingConfig, data: Build) -> tuple[Extractor, FeatureBuilder]:
    """A model with fresh heads, or the one to go on from, and the builder of its features.

    Raises:
        ModelError: the encoder or model cannot be used. ConfigError: it does not fit the settings or the data.
    """
    if settings.init:
        return _continued(settings, data)
    encoder, tokenization, origin = load_encoder(settings.encoder, settings.seed)
    log.info("encoder: %s", origin)
    if settings.layers:
        keep_layers(encoder, settings.layers)
    if settings.frozen:
        freeze(encoder, settings.frozen)
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
        pooling=settings.pooling,
        dropout=settings.dropout,
        relation_hidden=settings.relation_hidden,
        relation_scorer=settings.relation_scorer,
        base=settings.encoder,
    )
    extractor = Extractor(config, encoder, tokenization)
    return extractor, FeatureBuilder(config, tokenization, words)


def _continued(settings: TrainingConfig, data: Build) -> tuple[Extractor, FeatureBuilder]:
    extractor = Extractor.from_pretrained(settings.init)
    config = extractor.config
    if config.schema != data.schema:
        raise ConfigError(f"init={settings.init}: that model has other entity or relation types than the data")
    changed = [name for name in FIXED if getattr(config, name) != getattr(settings, name)]
    if changed:
        raise ConfigError(
            f"init={settings.init}: that model was made with other settings; set "
            + ", ".join(f"{name}={getattr(config, name)}" for name in changed)
        )
    log.info("going on from %s", settings.init)
    words = segmenter(settings.segmenter)
    if words.name != config.segmenter:
        log.warning("trained with segmenter %s, going on with %s", config.segmenter, words.name)
    # Another training, another scale: what was fitted to the old scores does not hold for the new.
    fresh = ExtractorConfig()
    for name in ("entity_temperature", "relation_temperature", "entity_threshold", "relation_threshold"):
        setattr(config, name, getattr(fresh, name))
    return extractor, FeatureBuilder(config, extractor.tokenization, words)


def load_data(settings: TrainingConfig) -> Build:
    """The data set the settings name, or a fresh build of it."""
    if not settings.data:
        return build(
            train=[Path(path) for path in settings.train_files],
            parts=settings.parts,
            authored_share=settings.authored_share,
            generated=settings.generated,
            seed=settings.seed,
        )
    folder = Path(settings.data)
    splits = read_dataset(folder)
    if "train" not in splits or "validation" not in splits:
        raise DataError(f"{folder}: has {', '.join(splits)}; training needs the splits train and validation")
    return Build(splits, read_schema(folder), [f"read from {folder.name}"])


def _examples(documents: Sequence[Document], builder: FeatureBuilder) -> Examples:
    examples = Examples(documents, builder)
    if examples.lost:
        log.warning("%d annotations cannot be learned (first: %s)", len(examples.lost), examples.lost[0])
    return examples


def _trainer(
    settings: TrainingConfig, run: Path, extractor: Extractor, examples: Examples, development: DocumentSet | None
) -> ExtractionTrainer:
    """A trainer that validates and saves every epoch, or, without development documents, only trains."""
    on_cpu = not torch.cuda.is_available()
    if on_cpu:
        suit_cpu(extractor.encoder)
    run.mkdir(parents=True, exist_ok=True)
    steps = math.ceil(math.ceil(len(examples) / settings.batch_size) / settings.accumulation * settings.epochs)
    every = "no" if development is None else "epoch"
    arguments = TrainingArguments(
        output_dir=str(run / "checkpoints"),
        num_train_epochs=settings.epochs,
        per_device_train_batch_size=settings.batch_size,
        gradient_accumulation_steps=settings.accumulation,
        learning_rate=settings.learning_rate,
        warmup_steps=int(settings.warmup * steps),
        lr_scheduler_type="linear",
        max_grad_norm=settings.max_grad_norm,
        bf16=settings.bf16 and chosen_precision("auto", run) == "bfloat16",
        use_cpu=on_cpu,
        seed=settings.seed,
        eval_strategy=every,
        save_strategy=every,
        save_total_limit=settings.keep_checkpoints,
        logging_strategy="steps",
        logging_steps=max(1, steps // 50),
        report_to="none",
        remove_unused_columns=False,
        dataloader_pin_memory=False,
        disable_tqdm=False,
        ddp_find_unused_parameters=False,
    )
    return ExtractionTrainer(
        settings,
        development,
        model=Objective(extractor, settings.relation_weight),
        args=arguments,
        train_dataset=examples,
        eval_dataset=examples,
        data_collator=Collator(extractor.tokenization.pad, extractor.tokenization.mask, settings.hidden_pieces),
        callbacks=[] if development is None else [SaveExtractor(run, extractor)],
    )


def tune(settings: TrainingConfig, documents: list[Document], folder: Path) -> None:
    """Train on documents alone and save the last epoch to `folder`: for trainings that must choose nothing.

    Raises:
        ConfigError, ModelError: settings, encoder or model cannot be used.
    """
    set_seed(settings.seed)
    extractor, builder = build_extractor(settings, Build({"train": documents}, documents[0].schema))
    _trainer(settings, settings.run, extractor, _examples(documents, builder), None).train()
    save_whole(extractor, folder)


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
    if settings.init and any(source.startswith("validation:") for source in data.sources):
        log.warning(
            "validating on authored text that the model of init may have been trained on: its figures say nothing; "
            "give news, or data with a validation split of your own"
        )
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
    examples = _examples(data.splits["train"], builder)
    development = DocumentSet(data.splits["validation"], builder)
    trainer = _trainer(settings, run, extractor, examples, development)
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
