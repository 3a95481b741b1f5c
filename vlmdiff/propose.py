"""From a difference to hypotheses: several draws, what they name, which of them say the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

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
"""Share of each side's look images (or groups of them) in one resample."""
NAMED = 8
"""Hypotheses that are looked at twice, the most often named."""
MOST = 4
"""Hypotheses that go on to the check images: every further one costs all of them power."""
_SAME = 0.9
"""Correlation of look scores from which on two hypotheses say the same."""


class Method(Protocol):
    """How hypotheses are found on the look images.

    Args:
        a: feature rows of A's look images, (images, rows, channels); b: of B's.
        groups: a number for each image, A's first, equal for images that belong together; None if none do.

    Returns:
        Hypotheses, the most often drawn first; votes are the share of the draws that named them.
    """

    def __call__(
        self,
        model: VisionLanguageModel,
        a: torch.Tensor,
        b: torch.Tensor,
        rng: np.random.Generator,
        groups: NDArray[np.integer] | None = None,
    ) -> list[Hypothesis]: ...


def learned(
    model: VisionLanguageModel,
    a: torch.Tensor,
    b: torch.Tensor,
    rng: np.random.Generator,
    groups: NDArray[np.integer] | None = None,
) -> list[Hypothesis]:
    """What the model writes when it reads difference tokens: of all look images, and of resamples of them.

    The model says what the second set shows more, so every draw is read in both orders. See `Method`.
    """
    from vlmdiff.learn.tokens import between
    from vlmdiff.models.difference import Difference

    of_images = np.arange(len(a) + len(b)) if groups is None else groups
    in_a, in_b = of_images[: len(a)], of_images[len(a) :]
    draws = [(a, b), *((_resample(a, in_a, rng), _resample(b, in_b, rng)) for _ in range(RESAMPLES))]
    orders = [between(one, other) for one, other in draws] + [between(other, one) for one, other in draws]
    texts = model.write(Difference.stack(orders), draws=1, seed=int(rng.integers(2**31)))
    of_b, of_a = texts[: len(draws)], texts[len(draws) :]
    return voted(
        [_of("b", b) + _of("a", a) for bs, as_ in zip(of_b, of_a, strict=True) for b, a in zip(bs, as_, strict=True)]
    )


METHODS: dict[str, Method] = {"learned": learned}


def _of(side: Side, text: str) -> list[tuple[Side, str]]:
    """What a text says of the set that was read second, which is `side`."""
    return [(side, sentence) for said, sentence in lines(text) if said == "b"]


def _resample(rows: torch.Tensor, groups: NDArray[np.integer], rng: np.random.Generator) -> torch.Tensor:
    """The images of a random share of the groups."""
    names, group = np.unique(groups, return_inverse=True)
    drawn = rng.permutation(len(names))[: max(1, round(len(names) * KEPT))]
    return rows[np.concatenate([np.flatnonzero(group == number) for number in drawn])]


def voted(draws: Sequence[Sequence[tuple[Side, str]]]) -> list[Hypothesis]:
    """One hypothesis for each side and normalised sentence; ties in votes keep the order in which they were written."""
    counts: Counter[tuple[Side, str]] = Counter()
    wording: dict[tuple[Side, str], str] = {}
    for draw in draws:
        named: dict[tuple[Side, str], str] = {}
        for side, sentence in draw:
            named.setdefault((side, normalised(sentence)), sentence)
        counts.update(named.keys())
        wording = named | wording
    return [Hypothesis(wording[key], key[0], count / len(draws)) for key, count in counts.most_common(NAMED)]


def merged(hypotheses: Sequence[Hypothesis], look: NDArray[np.float32]) -> list[Hypothesis]:
    """Hypotheses true of the same look images become one: the wording with the most votes, their votes together.

    "B is darker" and "A is brighter" are one, because their scores run opposite ways on opposite sides; their votes are
    not added, because one draw, read in both orders, names both.

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
        elif hypothesis.side == hypotheses[like].side:
            votes[like] = min(1.0, votes[like] + hypothesis.votes)
    best = sorted(kept, key=lambda i: -votes[i])[:MOST]
    return [replace(hypotheses[i], votes=votes[i]) for i in best]


def _agree(one: Hypothesis, scores: NDArray[np.float32], other: Hypothesis, others: NDArray[np.float32]) -> float:
    if scores.std() == 0 or others.std() == 0:
        return 0.0
    correlation = float(np.corrcoef(scores, others)[0, 1])
    return correlation if one.side == other.side else -correlation
