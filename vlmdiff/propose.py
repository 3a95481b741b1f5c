"""From a difference to hypotheses: several draws, what they name, which of them say the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vlmdiff.findings import Hypothesis, Side
from vlmdiff.models.lines import lines, normalised

if TYPE_CHECKING:
    import torch

    from vlmdiff.models.base import VisionLanguageModel

RESAMPLES = 8
"""Draws of the look images; each is described once greedily and once sampled."""
KEPT = 0.8
"""Share of each side's look images in one resample."""
MOST = 6
"""Hypotheses that go on to the check images: every further one costs all of them power."""
_SAME = 0.9
"""Correlation of look scores from which on two hypotheses say the same."""


def learned(model: VisionLanguageModel, a: torch.Tensor, b: torch.Tensor, rng: np.random.Generator) -> list[Hypothesis]:
    """What the model writes when it reads difference tokens: of all look images, and of resamples of them.

    Args:
        a: feature rows of A's look images, (images, rows, channels); b: of B's.

    Returns:
        Hypotheses, the most often drawn first; votes are the share of the draws that named them.
    """
    from vlmdiff.learn.tokens import between
    from vlmdiff.models.difference import Difference

    whole = between(a, b)
    parts = [between(_resample(a, rng), _resample(b, rng)) for _ in range(RESAMPLES)]
    texts = model.write(Difference.stack([whole, *parts]), draws=1, seed=int(rng.integers(2**31)))
    return voted([text for pair in texts for text in pair])


METHODS: dict[
    str, Callable[[VisionLanguageModel, torch.Tensor, torch.Tensor, np.random.Generator], list[Hypothesis]]
] = {
    "learned": learned,
}


def _resample(rows: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    keep = max(1, round(len(rows) * KEPT))
    return rows[rng.permutation(len(rows))[:keep]]


def voted(texts: Sequence[str]) -> list[Hypothesis]:
    """One hypothesis for each side and normalised sentence; ties in votes keep the order in which they were written."""
    draws: Counter[tuple[Side, str]] = Counter()
    wording: dict[tuple[Side, str], str] = {}
    for text in texts:
        named = {(side, normalised(sentence)): sentence for side, sentence in lines(text)}
        draws.update(named.keys())
        for key, sentence in named.items():
            wording.setdefault(key, sentence)
    return [Hypothesis(wording[key], key[0], count / len(texts)) for key, count in draws.most_common()]


def merged(hypotheses: Sequence[Hypothesis], look: NDArray[np.float32]) -> list[Hypothesis]:
    """Hypotheses true of the same look images become one: the wording with the most votes, all their votes together.

    "B is darker" and "A is brighter" are one, because their scores run opposite ways on opposite sides.

    Args:
        look: (images, hypotheses) scores on the look images.
    """
    kept: list[int] = []
    votes: dict[int, float] = {}
    for i, hypothesis in enumerate(hypotheses):
        like = next((j for j in kept if _agree(hypotheses[j], look[:, j], hypothesis, look[:, i]) > _SAME), None)
        if like is None:
            kept.append(i)
            votes[i] = hypothesis.votes
        else:
            votes[like] = min(1.0, votes[like] + hypothesis.votes)
    best = sorted(kept, key=lambda i: -votes[i])[:MOST]
    return [replace(hypotheses[i], votes=votes[i]) for i in best]


def _agree(one: Hypothesis, scores: NDArray[np.float32], other: Hypothesis, others: NDArray[np.float32]) -> float:
    if scores.std() == 0 or others.std() == 0:
        return 0.0
    correlation = float(np.corrcoef(scores, others)[0, 1])
    return correlation if one.side == other.side else -correlation
