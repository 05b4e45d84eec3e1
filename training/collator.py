"""Batches for training, and the loss of a batch: tags, and relations on gold and predicted spans."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import Dataset

from data.documents import Document
from data.progress import progress
from models.decoding import decode
from models.extractor import Extractor, pad_sentences
from models.features import UNLABELLED, Batch, FeatureBuilder, Features, Labels, collate, label
from models.relations import candidate_pairs, relation_targets


@dataclass(frozen=True)
class Example:
    """Features and their gold labels."""

    features: Features
    labels: Labels


class Examples(Dataset[Example]):
    """Training examples of documents. `lost` lists annotations the model cannot express."""

    def __init__(self, documents: Sequence[Document], builder: FeatureBuilder) -> None:
        self.items: list[Example] = []
        self.lost: list[str] = []
        for document in progress(documents, "preparing text", "documents"):
            kept = document.kept_sentences
            for features in builder.build(document.text, document.sentences or (), kept):
                labels = label(features, document, builder.config)
                self.lost += [f"{document.id}: {reason}" for reason in labels.lost]
                self.items.append(Example(features, labels))

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> Example:
        return self.items[index]


class Collator:
    """Puts examples into the keyword arguments of `Objective.forward`.

    Args:
        pad: id of the padding piece.
        mask: id of the mask piece; hidden: share of the pieces it replaces, drawn anew each time. Whoever must tell a
            role without seeing its first word learns to read what is around it.
    """

    def __init__(self, pad: int, mask: int = 0, hidden: float = 0.0) -> None:
        self.pad, self.mask, self.hidden = pad, mask, hidden

    def __call__(self, examples: Sequence[Example]) -> dict[str, Any]:
        batch = collate([example.features for example in examples], self.pad)
        if self.hidden:
            inner = batch.attention_mask.bool() & batch.attention_mask.roll(-1, 1).bool()
            inner[:, 0] = inner[:, -1] = False
            drawn = torch.rand(batch.input_ids.shape) < self.hidden
            batch.input_ids[inner & drawn] = self.mask
        spans: list[tuple[int, int, int]] = []
        relations: list[tuple[int, int, int]] = []
        sentences: list[np.ndarray] = []
        syllable, number = 0, 0
        for example in examples:
            features, labels = example.features, example.labels
            base = len(spans)
            for first, last, type_ in labels.spans:
                spans.append((first + syllable, last + syllable, type_))
            relations += [(r, h + base, t + base) for r, h, t in labels.relations]
            # Sentences are numbered through the batch.
            _, inverse = np.unique(features.sentence, return_inverse=True)
            sentences.append(inverse + number)
            number += int(inverse.max()) + 1
            syllable += len(features)
        return {
            **vars(batch),
            "tags": torch.from_numpy(np.concatenate([example.labels.tags for example in examples])),
            "sentence": torch.from_numpy(np.concatenate(sentences)),
            "spans": torch.tensor(spans, dtype=torch.long).reshape(-1, 3),
            "related": torch.tensor(relations, dtype=torch.long).reshape(-1, 3),
        }


class Objective(nn.Module):
    """The training loss of an `Extractor`, as a module so that data-parallel wrappers see one forward.

    `predicted` switches relation training from gold spans alone to gold and predicted ones.
    """

    def __init__(self, extractor: Extractor, relation_weight: float) -> None:
        super().__init__()
        self.extractor = extractor
        self.relation_weight = relation_weight
        self.predicted = False

    def forward(
        self, tags: torch.Tensor, sentence: torch.Tensor, spans: torch.Tensor, related: torch.Tensor, **inputs: Any
    ) -> dict[str, torch.Tensor]:
        """Losses `loss`, `tag_loss`, `relation_loss` (scalars) of a collated batch."""
        model = self.extractor
        batch = Batch(**inputs)
        pieces = model.encode(batch.input_ids, batch.attention_mask)
        states = model.syllable_states(pieces.flatten(0, 1), batch)
        scores = model.tag_scores(states)
        tag_loss = model.tag_loss(scores, tags, batch.lengths)
        relation_loss = states.sum() * 0.0
        if model.relations is not None:
            found = spans.cpu().numpy()
            if self.predicted:
                found = self._with_predicted(found, scores, tags, batch.lengths)
            relation_loss = relation_loss + self._relation_loss(
                states, found, sentence.cpu().numpy(), related.cpu().numpy()
            )
        return {
            "loss": tag_loss + self.relation_weight * relation_loss,
            "tag_loss": tag_loss.detach(),
            "relation_loss": relation_loss.detach(),
        }

    def _relation_loss(
        self, states: torch.Tensor, spans: np.ndarray, sentence: np.ndarray, gold: np.ndarray
    ) -> torch.Tensor:
        model = self.extractor
        head = model.relations
        assert head is not None
        # Every parameter takes part in every step: data-parallel training waits for all gradients.
        unused = torch.stack([parameter.sum() for parameter in head.parameters()]).sum() * 0.0
        if not len(spans):
            return unused
        pairs, _ = candidate_pairs(spans, sentence[spans[:, 0]], model.allowed, model.config.relation_distance)
        if not len(pairs):
            return unused
        allowed = model.relation_mask(spans[pairs.head, 2], spans[pairs.tail, 2])
        targets = relation_targets(pairs, [(int(r), int(h), int(t)) for r, h, t in gold], allowed.shape[-1])
        logits = head(states, spans, pairs).float()
        mask = torch.from_numpy(allowed).to(logits.device)
        wanted = torch.from_numpy(targets).to(logits.device)
        # Divided by the spans, not by the pairs: a long list of delegates must not drown the rest.
        return (
            nn.functional.binary_cross_entropy_with_logits(logits[mask], wanted[mask], reduction="sum") / len(spans)
            + unused
        )

    @torch.no_grad()
    def _with_predicted(
        self, gold: np.ndarray, scores: torch.Tensor, tags: torch.Tensor, lengths: list[int]
    ) -> np.ndarray:
        """Gold spans followed by predicted spans that are not gold; indices of gold spans stay."""
        model = self.extractor
        padded, _ = pad_sentences(scores.float(), lengths)
        transitions, start = (t.float().cpu().numpy() for t in model.transitions())
        types = model.config.track_types
        known = {tuple(row) for row in gold.tolist()}
        labelled = (tags[:, 0] != UNLABELLED).cpu().numpy()
        extra = []
        offset = 0
        for length, found in zip(
            lengths, decode(padded.cpu().numpy(), np.array(lengths), transitions, start), strict=True
        ):
            if labelled[offset]:
                rows = ((offset + s.first, offset + s.last, types[s.track][s.type]) for s in found)
                extra += [row for row in rows if row not in known]
            offset += length
        return np.concatenate([gold, np.array(extra, dtype=np.int64).reshape(-1, 3)])
