"""A model that answers from given functions: for tests and for documentation, where there are no weights."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from vlmdiff.findings import ModelInfo
from vlmdiff.models.card import RunCard
from vlmdiff.models.difference import Difference

GRID = 4
"""Cells a side of the grids of `cell_means`."""


def cell_means(images: NDArray[np.uint8]) -> torch.Tensor:
    """The mean colour of each of 4 x 4 cells, 0 to 1: (images, 16, 3)."""
    cell = images.shape[1] // GRID
    cells = images.reshape(len(images), GRID, cell, GRID, cell, 3).mean((2, 4), dtype=np.float32) / 255
    return torch.from_numpy(cells.reshape(len(images), GRID * GRID, 3))


@dataclass(frozen=True)
class ScriptedModel:
    """See `vlmdiff.models.base.VisionLanguageModel` for what its methods promise."""

    says: Callable[[torch.Tensor], Sequence[str]]
    """From the rows of one difference, (rows, 3 * channels), to texts: the likeliest first; draws go round them."""
    fits: Callable[[str, torch.Tensor], torch.Tensor]
    """From a line such as "b: the images are darker" and rows (batch, rows, 3 * channels) to nats, (batch,)."""
    knows: tuple[str, ...] = ()
    """Claims that serve as siblings of each other."""
    sees: Callable[[NDArray[np.uint8]], torch.Tensor] = cell_means
    image_size: int = 32
    _words: Counter[str] = field(default_factory=Counter, init=False, repr=False, compare=False)

    @property
    def info(self) -> ModelInfo:
        return ModelInfo(name="scripted", adapter=None, weights_sha256=hashlib.sha256().hexdigest())

    @property
    def card(self) -> RunCard | None:
        return None

    @property
    def tokens_used(self) -> int:
        """A row of a difference is a token, and so is a word."""
        return self._words.total()

    def features(self, images: NDArray[np.uint8]) -> torch.Tensor:
        return self.sees(images)

    def write(self, difference: Difference, draws: int, seed: int) -> list[list[str]]:
        every = [self.says(rows) for rows in difference.rows]
        written = [[texts[0], *(texts[(seed + i) % len(texts)] for i in range(draws))] for texts in every]
        self._count(difference, [text for texts in written for text in texts])
        return written

    def score(self, claims: Sequence[str], difference: Difference) -> NDArray[np.float32]:
        self._count(difference, [claim for claim in claims for _ in difference.rows])
        return torch.stack([self.fits(claim, difference.rows) for claim in claims], dim=1).float().numpy()

    def _count(self, difference: Difference, texts: Sequence[str]) -> None:
        self._words["read"] += difference.rows.shape[0] * difference.rows.shape[1]
        self._words["said"] += sum(len(text.split()) for text in texts)

    def siblings(self, claim: str, count: int) -> list[str]:
        return [other for other in self.knows if other != claim][:count]
