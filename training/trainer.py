"""`ExtractionTrainer`: transformers' `Trainer` with our loss, optimiser groups and evaluation."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from transformers import Trainer, TrainerCallback

from eval.scoring import headline
from models.extractor import Extractor
from training.arguments import TrainingConfig
from training.collator import Objective
from training.evaluation import DocumentSet, evaluate_documents
from training.run import save_whole

SCORE = "eval_score"
"""The figure that picks the best epoch: mean of entity F1 and end-to-end relation F1, or entity F1
where there are no relations."""


class ExtractionTrainer(Trainer):
    """`Trainer` with our loss, our evaluation over characters, and checkpoints `predict()` can load."""

    def __init__(self, settings: TrainingConfig, development: DocumentSet | None, **options: Any) -> None:
        self.optimizer: torch.optim.Optimizer | None
        self.control: Any
        super().__init__(**options)
        self.settings = settings
        self.development = development

    @property
    def objective(self) -> Objective:
        """The module being trained, without the wrappers of `accelerate`."""
        return self.accelerator.unwrap_model(self.model)

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """The loss of a batch. Relations are trained on predicted spans, too, from some point on."""
        self.objective.predicted = self.state.global_step >= self.settings.predicted_spans * self.state.max_steps
        losses = model(**inputs)
        return (losses["loss"], losses) if return_outputs else losses["loss"]

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:
        """AdamW with the rates of `parameter_groups`."""
        if self.optimizer is None:
            self.optimizer = torch.optim.AdamW(
                parameter_groups(self.objective.extractor, self.settings), betas=(0.9, 0.98), eps=1e-6
            )
        return self.optimizer

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
        """Headline figures on the validation documents, from raw text to characters."""
        extractor = self.objective.extractor
        was_training = extractor.training
        extractor.eval()
        assert self.development is not None
        metrics = headline(evaluate_documents(extractor, self.development))
        extractor.train(was_training)
        related = bool(extractor.config.schema.relation_types)
        score = (metrics["entity_f1"] + metrics["relation_f1"]) / 2 if related else metrics["entity_f1"]
        found = {f"eval_{name}": value for name, value in {**metrics, "score": score}.items()}
        self.log(dict(found))
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, found)
        return found


class SaveExtractor(TrainerCallback):
    """Keeps the best epoch's model aside as `model/`, written whole or not at all."""

    def __init__(self, run: Path, extractor: Extractor) -> None:
        self.run = run
        self.extractor = extractor

    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: Mapping[str, float] = {}, **_: Any) -> None:
        best = self.run / "best.json"
        known = json.loads(best.read_text()) if best.is_file() else {"score": -1.0}
        score = float(metrics[SCORE])
        if not state.is_world_process_zero or score <= known["score"]:
            return
        save_whole(self.extractor, self.run / "model")
        best.write_text(json.dumps({"score": score, "epoch": state.epoch, "step": state.global_step}) + "\n")


def parameter_groups(extractor: Extractor, settings: TrainingConfig) -> list[dict[str, Any]]:
    """Learning rate and weight decay of every parameter; layers further from the top learn slower."""
    layers = extractor.encoder_config.num_hidden_layers
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
