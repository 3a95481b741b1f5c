"""What a method of proposing gets and gives, and how it draws some of the images again and again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from vlmdiff.findings import Hypothesis
from vlmdiff.stats import Floats

if TYPE_CHECKING:
    import torch

    from vlmdiff.models.base import VisionLanguageModel

RESAMPLES = 8
"""Draws of the look images; each is described once greedily and once sampled."""
KEPT = 0.8
"""Share of each side's look images (or groups of them) in one resample."""


@dataclass(frozen=True, eq=False)
class Look:
    """The images that suggest hypotheses, of both sets."""

    rows_a: torch.Tensor
    """Features with summaries (`learn.tokens.with_summaries`), (images, rows, channels)."""
    rows_b: torch.Tensor
    pixels_a: NDArray[np.uint8]
    """RGB, (images, size, size, 3), as the model's input was fitted."""
    pixels_b: NDArray[np.uint8]
    groups: NDArray[np.integer] | None = None
    """A number for each image, A's first, equal for images that belong together; None if none do."""
    scores: Floats | None = None
    """How much each image looks like B to the classifier that was fitted without it, A's first; None: not known."""

    @property
    def by_side(self) -> tuple[NDArray[np.integer], NDArray[np.integer]]:
        """Groups of the images of A and of B; where none were told, each image is its own."""
        n_a, n_b = len(self.pixels_a), len(self.pixels_b)
        groups = np.arange(n_a + n_b) if self.groups is None else self.groups
        return groups[:n_a], groups[n_a:]


@dataclass(frozen=True)
class Proposed:
    """What a method found."""

    hypotheses: list[Hypothesis]
    """The most often drawn first; votes are the share of the draws that named them."""
    warnings: list[str] = field(default_factory=list)
    """What the reader of a report should know, as of answers that could not be read."""
    order: Literal["votes", "score"] = "votes"
    """What says which of them go on to the check images."""


class Method(Protocol):
    """How hypotheses are found on the look images."""

    def __call__(self, model: VisionLanguageModel, look: Look, rng: np.random.Generator) -> Proposed: ...


def resample(groups: NDArray[np.integer], rng: np.random.Generator) -> NDArray[np.intp]:
    """Numbers of the images of a random share of the groups."""
    names, group = np.unique(groups, return_inverse=True)
    drawn = rng.permutation(len(names))[: max(1, round(len(names) * KEPT))]
    return np.concatenate([np.flatnonzero(group == number) for number in drawn])


def some(groups: NDArray[np.integer], most: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Numbers of at most `most` images in random order, of as many groups as there are."""
    shuffled = rng.permutation(len(groups))
    turn: dict[int, int] = {}
    turns = []
    for group in groups[shuffled].tolist():
        turn[group] = turn.get(group, -1) + 1
        turns.append(turn[group])
    return shuffled[np.argsort(turns, kind="stable")[:most]]


def few(groups: NDArray[np.integer], most: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Numbers of at most `most` images, and fewer than all where there are several, so that no two draws need agree."""
    return some(groups, max(1, min(most, round(len(groups) * KEPT))), rng)
