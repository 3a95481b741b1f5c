"""From draws to hypotheses: what they name, how often, and which of them say the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from vlmdiff.findings import Hypothesis, Side
from vlmdiff.models.lines import normalised
from vlmdiff.propose.look import Proposed
from vlmdiff.stats import auroc

NAMED = 8
"""Hypotheses that are looked at twice, the most often named."""
MOST = 4
"""Hypotheses that go on to the check images: every further one costs all of them power."""
_SAME = 0.9
"""Correlation of look scores from which on two hypotheses say the same."""
Draw = Sequence[tuple[Side, str]]


def voted(draws: Sequence[Draw]) -> list[Hypothesis]:
    """One hypothesis for each side and normalised sentence; ties in votes keep the order in which they were written."""
    counts, wording = _counted(draws, normalised)
    return [Hypothesis(wording[key], key[0], count / len(draws)) for key, count in counts.most_common(NAMED)]


def balanced(draws: Sequence[Draw], alike: Callable[[str], str], most: int = NAMED) -> list[Hypothesis]:
    """The same for draws of which half saw the sets in the other order: votes less those for the other side.

    What is said of either side equally often is said of the place in the prompt, not of the set.

    Args:
        alike: a key that is equal for sentences that count as one.
    """
    counts, wording = _counted(draws, alike)
    net = {(side, key): n - counts["b" if side == "a" else "a", key] for (side, key), n in counts.items()}
    best = sorted((key for key, n in net.items() if n > 0), key=lambda key: -net[key])[:most]
    return [Hypothesis(wording[key], key[0], net[key] / len(draws)) for key in best]


def _counted(
    draws: Sequence[Draw], alike: Callable[[str], str]
) -> tuple[Counter[tuple[Side, str]], dict[tuple[Side, str], str]]:
    """Draws that name each side and key, and the first wording of each."""
    counts: Counter[tuple[Side, str]] = Counter()
    wording: dict[tuple[Side, str], str] = {}
    for draw in draws:
        named: dict[tuple[Side, str], str] = {}
        for side, sentence in draw:
            named.setdefault((side, alike(sentence)), sentence)
        counts.update(named.keys())
        wording = named | wording
    return counts, wording


def merged(
    proposed: Proposed, look: NDArray[np.float32], n_a: int, opposites: Mapping[str, str] | None = None
) -> list[Hypothesis]:
    """Hypotheses true of the same look images become one: the wording with the most votes, their votes together.

    "B is darker" and "A is brighter" are one: they are known as opposites, or their scores run opposite ways on
    opposite sides. Their votes are not added, because one draw, read in both orders, names both. The best MOST go on:
    by votes, or by how well their scores separate the look images, as the method wants.

    Args:
        look: (images, hypotheses) scores on the look images, A's first; n_a: how many are of A.
        opposites: see `VisionLanguageModel.opposites`.
    """
    hypotheses = proposed.hypotheses
    kept: list[int] = []
    votes: dict[int, float] = {}
    for i, hypothesis in enumerate(hypotheses):
        like = next(
            (
                j
                for j in kept
                if _mirrored(hypotheses[j], hypothesis, opposites or {})
                or _agree(hypotheses[j], look[:, j], hypothesis, look[:, i]) > _SAME
            ),
            None,
        )
        if like is None:
            kept.append(i)
            votes[i] = hypothesis.votes
        elif hypothesis.side == hypotheses[like].side:
            votes[like] = min(1.0, votes[like] + hypothesis.votes)

    def separates(i: int) -> float:
        upward = auroc(look[:n_a, i], look[n_a:, i])
        return upward if hypotheses[i].side == "b" else 1 - upward

    def rank(i: int) -> tuple[float, float]:
        return (-separates(i), -votes[i]) if proposed.order == "score" else (-votes[i], 0.0)

    return [replace(hypotheses[i], votes=votes[i]) for i in sorted(kept, key=rank)[:MOST]]


def _mirrored(one: Hypothesis, other: Hypothesis, opposites: Mapping[str, str]) -> bool:
    return one.side != other.side and opposites.get(one.text) == other.text


def _agree(one: Hypothesis, scores: NDArray[np.float32], other: Hypothesis, others: NDArray[np.float32]) -> float:
    if scores.std() == 0 or others.std() == 0:
        return 0.0
    correlation = float(np.corrcoef(scores, others)[0, 1])
    return correlation if one.side == other.side else -correlation
