"""Tag sequences: the BIO grammar, the CRF loss, the best path and the probability of a span.

Scores are `[sentences, syllables, tracks, tags]`, tags `O, B-1, I-1, B-2, I-2, …`. Transitions are
`[tracks, from, to]`. A path can never hold an `I` without a `B` or `I` of its type before it, because
such transitions cost `FORBIDDEN`. Linear-chain CRF: Lafferty et al. 2001.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

FORBIDDEN = -1e4
"""Added to the score of what the BIO grammar forbids; finite, so that no NaN can arise."""


def grammar(types: int) -> tuple[np.ndarray, np.ndarray]:
    """What BIO allows for a track of so many types: transition `[tags, tags]` and start `[tags]` penalties."""
    tags = 1 + 2 * types
    transitions = np.zeros((tags, tags), dtype=np.float32)
    start = np.zeros(tags, dtype=np.float32)
    for k in range(types):
        begin, inside = 1 + 2 * k, 2 + 2 * k
        transitions[:, inside] = FORBIDDEN
        transitions[[begin, inside], inside] = 0
        start[inside] = FORBIDDEN
    return transitions, start


def log_likelihood(
    scores: torch.Tensor, tags: torch.Tensor, mask: torch.Tensor, transitions: torch.Tensor, start: torch.Tensor
) -> torch.Tensor:
    """Log-likelihood of gold tags under the CRF.

    Args:
        scores: `[sentences, syllables, tracks, tags]`.
        tags: `[sentences, syllables, tracks]`, valid where `mask`.
        mask: `[sentences, syllables]`, true for syllables; each sentence has at least one.
        transitions: `[tracks, tags, tags]`; start: `[tracks, tags]`.

    Returns:
        `[sentences, tracks]`.
    """
    tracks = torch.arange(scores.shape[2], device=scores.device)
    picked = scores.gather(-1, tags.unsqueeze(-1)).squeeze(-1)
    weights = mask.unsqueeze(-1).to(scores.dtype)
    gold = (picked * weights).sum(1) + start[tracks, tags[:, 0]]
    gold = gold + (transitions[tracks, tags[:, :-1], tags[:, 1:]] * weights[:, 1:]).sum(1)
    alpha = scores[:, 0] + start
    for step in range(1, scores.shape[1]):
        ahead = torch.logsumexp(alpha.unsqueeze(-1) + transitions, dim=-2) + scores[:, step]
        alpha = torch.where(mask[:, step, None, None], ahead, alpha)
    return gold - torch.logsumexp(alpha, dim=-1)


def _logsumexp(values: np.ndarray, axis: int) -> np.ndarray:
    top = values.max(axis=axis, keepdims=True)
    return np.squeeze(top, axis) + np.log(np.exp(values - top).sum(axis=axis))


@dataclass(frozen=True, slots=True)
class Span:
    """A decoded span: inclusive syllables of its sentence, its track and type, its probability."""

    first: int
    last: int
    track: int
    type: int
    score: float


def decode(
    scores: np.ndarray, lengths: np.ndarray, transitions: np.ndarray, start: np.ndarray, threshold: float = 0.0
) -> list[list[Span]]:
    """Best tag path of each sentence and track, as spans with their probabilities.

    The probability of a span is exact under the CRF: the share of all paths that hold exactly it.
    Spans below `threshold` are left out.

    Args:
        scores: `[sentences, syllables, tracks, tags]`; rows behind a sentence's length are ignored.
        lengths: `[sentences]`, each at least 1.
    """
    count, steps, tracks, tags = scores.shape
    scores = scores.astype(np.float64)
    transitions = transitions.astype(np.float64)
    alive = np.arange(steps)[None, :] < lengths[:, None]
    best = scores[:, 0] + start
    alpha = np.empty((steps, count, tracks, tags))
    alpha[0] = best
    back = np.zeros((steps, count, tracks, tags), dtype=np.int8 if tags < 128 else np.int32)
    for step in range(1, steps):
        on = alive[:, step, None, None]
        ways = best[..., None] + transitions
        back[step] = np.where(on, ways.argmax(-2), np.arange(tags))
        best = np.where(on, ways.max(-2) + scores[:, step], best)
        alpha[step] = np.where(
            on, _logsumexp(alpha[step - 1][..., None] + transitions, -2) + scores[:, step], alpha[step - 1]
        )
    beta = np.zeros((steps, count, tracks, tags))
    for step in range(steps - 2, -1, -1):
        on = alive[:, step + 1, None, None]
        ahead = transitions + (scores[:, step + 1] + beta[step + 1])[..., None, :]
        beta[step] = np.where(on, _logsumexp(ahead, -1), 0.0)
    path = np.zeros((steps, count, tracks), dtype=np.int64)
    path[-1] = best.argmax(-1)
    for step in range(steps - 1, 0, -1):
        path[step - 1] = np.take_along_axis(back[step], path[step][..., None], -1)[..., 0]
    total = _logsumexp(alpha[-1], -1)

    found: list[list[Span]] = [[] for _ in range(count)]
    begins = (path % 2 == 1) & alive.T[..., None]
    for first, row, track in zip(*np.nonzero(begins), strict=True):
        tag = int(path[first, row, track])
        inside = tag + 1
        length = int(lengths[row])
        last = int(first)
        value = alpha[first, row, track, tag]
        while last + 1 < length and path[last + 1, row, track] == inside:
            value += transitions[track, tag if last == first else inside, inside] + scores[row, last + 1, track, inside]
            last += 1
        if last + 1 < length:
            end = tag if last == first else inside
            ways = transitions[track, end] + scores[row, last + 1, track] + beta[last + 1, row, track]
            ways = np.delete(ways, inside)
            value += _logsumexp(ways, 0)
        score = float(np.exp(min(value - total[row, track], 0.0)))
        if score >= threshold:
            found[row].append(Span(int(first), last, int(track), (tag - 1) // 2, score))
    for spans in found:
        spans.sort(key=lambda s: (s.first, -s.last, s.track))
    return found
