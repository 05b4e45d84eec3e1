"""Masked sequences for pretraining: which tokens a step reads and what is hidden in them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from models.tokenization import PhobertTokenization
from training.arguments import ConfigError


class Sequences:
    """Sequences of `length` pieces, cut from token files in a seeded order; some are held out.

    Args:
        files: token files (unsigned 16-bit ids, end to end), one a corpus.
        repeats: how often an epoch reads each file. What is held out of a file is in none of its repeats.
        length: pieces a sequence, `<s>` and `</s>` included.
        batch_size: sequences a step, over all processes.
        mask: share of the pieces that are asked for (8 of 10 hidden, 1 replaced, 1 left as it is, as
            in BERT, https://aclanthology.org/N19-1423).
        held_out: sequences kept for evaluation, from each file by its size.

    Raises:
        ConfigError: too little text.
    """

    def __init__(
        self,
        files: Sequence[Path],
        tokenization: PhobertTokenization,
        *,
        length: int,
        batch_size: int,
        mask: float,
        seed: int,
        repeats: Sequence[int] = (),
        held_out: int = 256,
    ) -> None:
        self.tokenization = tokenization
        self.body = length - 2
        self.batch_size, self.mask, self.seed = batch_size, mask, seed
        self.tokens = [np.memmap(file, dtype=np.uint16, mode="r") for file in files]
        counts = [len(tokens) // self.body for tokens in self.tokens]
        if sum(counts) < 2 * held_out:
            raise ConfigError(
                f"{files[0].parent}: only {sum(counts)} sequences of {length} pieces; read more words, "
                f"or hold out fewer than {held_out}"
            )
        random = np.random.default_rng(seed)
        kept, train = [], []
        for file, count in enumerate(counts):
            order = random.permutation(count)
            aside = round(held_out * count / sum(counts))
            rows = np.stack([np.full(count, file), order], axis=1)
            kept.append(rows[:aside])
            train += [rows[aside:]] * (repeats[file] if repeats else 1)
        self.held_out = np.concatenate(kept)
        self.train = random.permutation(np.concatenate(train))

    def batch(self, rows: np.ndarray, seed: Sequence[int]) -> dict[str, torch.Tensor]:
        """`input_ids` and `labels`, both `[rows, length]`, of `[rows, 2]` places (file, sequence).

        Masks are drawn from `seed` alone; labels are -100 where nothing is asked.
        """
        random = np.random.default_rng(seed)
        t = self.tokenization
        body = np.stack([self.tokens[file][at * self.body : (at + 1) * self.body] for file, at in rows])
        ids = np.pad(body.astype(np.int64), ((0, 0), (1, 1)), constant_values=t.eos)
        ids[:, 0] = t.bos
        chosen = random.random(ids.shape) < self.mask
        chosen[:, 0] = chosen[:, -1] = False
        chosen &= ids > t.unk
        labels = np.where(chosen, ids, -100)
        kind = random.random(ids.shape)
        ids = np.where(chosen & (kind < 0.8), t.mask, ids)
        other = random.integers(4, t.vocabulary_size - 1, size=ids.shape)
        ids = np.where(chosen & (kind >= 0.9), other, ids)
        return {"input_ids": torch.from_numpy(ids), "labels": torch.from_numpy(labels)}

    def step(self, number: int) -> dict[str, torch.Tensor]:
        """The batch of a step; the same whatever ran before and on however many processes."""
        at = np.arange(number * self.batch_size, (number + 1) * self.batch_size)
        return self.batch(self.train[at % len(self.train)], [self.seed, number])
