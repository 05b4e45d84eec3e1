"""The objective of masked-language modelling, and the encoder that comes of it."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import save_file
from torch.nn.functional import cross_entropy
from transformers import RobertaForMaskedLM

from training.run import write_whole


class MaskedObjective(torch.nn.Module):
    """Loss and hits over the masked pieces; only those go through the vocabulary layer."""

    def __init__(self, model: RobertaForMaskedLM) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Sum of the loss over the pieces asked for, and how many of them were right; both scalars."""
        hidden = self.model.roberta(input_ids=input_ids).last_hidden_state
        wanted = labels != -100
        logits = self.model.lm_head(hidden[wanted]).float()
        gold = labels[wanted]
        return cross_entropy(logits, gold, reduction="sum"), (logits.argmax(-1) == gold).sum()


def save_encoder(folder: Path, model: RobertaForMaskedLM) -> None:
    """The encoder alone, in half precision, as `AutoModel.from_pretrained` loads it."""
    state = {
        f"roberta.{n}": v.to(torch.float16).contiguous()
        for n, v in model.roberta.state_dict().items()
        if v.is_floating_point()
    }
    config = model.config
    config.architectures = ["RobertaModel"]
    write_whole(folder / "config.json", config.to_json_string())
    # Last: where there are weights, all else is there.
    aside = folder / "model.safetensors.partial"
    save_file(state, str(aside), metadata={"format": "pt"})
    aside.replace(folder / "model.safetensors")
