"""A model that answers from given functions: for tests and for documentation, where there are no weights."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from vlmdiff.errors import ModelError
from vlmdiff.findings import ModelInfo
from vlmdiff.models.accuracy import Counts
from vlmdiff.models.base import Part, Skill
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
    replies: Callable[[Sequence[Part]], Sequence[str]] | None = None
    """From a prompt to answers: the likeliest first; draws go round them. None: it cannot be asked."""
    agrees: Callable[[Sequence[Part]], float] | None = None
    """From a prompt to log-odds of yes against no, in nats. None: it cannot be asked."""
    image_size: int = 32
    skills: frozenset[Skill] = frozenset({"tokens"})
    context: int = 8192
    image_tokens: int = 16
    opposites: Mapping[str, str] = field(default_factory=dict)
    """See `VisionLanguageModel.opposites`."""
    right: Mapping[str, Counts] = field(default_factory=dict)
    """By claim, how often it was judged rightly where the truth is known."""
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

    def judged(self, claim: str) -> Counts | None:
        return self.right.get(claim)

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

    def ask(self, prompts: Sequence[Sequence[Part]], draws: int, seed: int, longest: int) -> list[list[str]]:
        if self.replies is None:
            raise ModelError("the scripted model has no replies; give it some")
        every = [self.replies(prompt) for prompt in prompts]
        answers = [[texts[0], *(texts[(seed + i) % len(texts)] for i in range(draws))] for texts in every]
        cut = [[" ".join(text.split(" ")[:longest]) for text in texts] for texts in answers]
        self._heard(prompts, 1 + draws)
        self._words["said"] += sum(len(text.split()) for texts in cut for text in texts)
        return cut

    def yes(self, prompts: Sequence[Sequence[Part]]) -> NDArray[np.float32]:
        if self.agrees is None:
            raise ModelError("the scripted model has no opinions; give it some")
        self._heard(prompts, 1)
        return np.array([self.agrees(prompt) for prompt in prompts], np.float32)

    def _heard(self, prompts: Sequence[Sequence[Part]], times: int) -> None:
        """A word is a token, and an image is `image_tokens`."""
        parts = [part for prompt in prompts for part in prompt]
        read = sum(len(part.split()) if isinstance(part, str) else self.image_tokens for part in parts)
        self._words["read"] += times * read

    @property
    def claims(self) -> Mapping[str, Sequence[str]]:
        return {claim: (claim,) for claim in self.knows}

    def taught(self, claim: str) -> bool:
        return claim in self.knows

    def siblings(self, claim: str, count: int) -> list[str]:
        return [other for other in self.knows if other != claim][:count]
