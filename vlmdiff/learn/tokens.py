"""What was learned from two sets, as a fixed number of rows whatever the number of images: the difference statistics.

Row by row: each cell of the grid, then the mean, the standard deviation and the maximum over the cells. A row holds,
for each channel, the standardised mean difference, its t value and the log-variance ratio. A trained projector turns
the rows into tokens of the language model. One image against a pool is the same thing with a set of one: the judge.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from vlmdiff.models.difference import Difference

SUMMARY_ROWS = 3
PARTS = 3
"""Numbers a channel: standardised mean difference, asinh of its t value, log-variance ratio."""
_FLOOR = 0.01
"""Added to every variance; features have unit variance over images at large, a cell of a black border has none."""


def with_summaries(grids: torch.Tensor) -> torch.Tensor:
    """(images, cells, channels) to (images, cells + 3, channels): mean, deviation and maximum over cells appended."""
    grids = grids.float()
    return torch.cat(
        [grids, grids.mean(1, keepdim=True), grids.std(1, keepdim=True), grids.amax(1, keepdim=True)], dim=1
    )


@dataclass(frozen=True)
class Moments:
    """Mean and variance over the images of a set, each of shape (..., rows, channels)."""

    mean: torch.Tensor
    variance: torch.Tensor
    count: int

    @staticmethod
    def of(rows: torch.Tensor) -> Moments:
        """Moments over the first axis of (images, rows, channels); the variance of a single image is zero."""
        mean = rows.mean(0)
        # torch.var_mean is ten times slower over the first axis.
        return Moments(mean, (rows - mean).square().mean(0), len(rows))

    def with_others(self, others: Moments) -> Moments:
        """Over the images of both sets together."""
        count = self.count + others.count
        mine, theirs = self.count / count, others.count / count
        mean = mine * self.mean + theirs * others.mean
        apart = mine * theirs * (self.mean - others.mean).square()
        variance = mine * self.variance + theirs * others.variance + apart
        return Moments(mean, variance, count)


def statistics(a: Moments, b: Moments, pool: Moments) -> torch.Tensor:
    """Rows of (..., 3 * channels): how B differs from A, measured in the pool's spread (labels unseen).

    Where a set has one image its variance is taken from the pool and the log-variance ratio is zero.
    """
    spread = pool.variance + _FLOOR
    gap = b.mean - a.mean
    var_a = a.variance + _FLOOR if a.count > 1 else spread
    var_b = b.variance + _FLOOR if b.count > 1 else spread
    t = gap / (var_a / a.count + var_b / b.count).sqrt()
    ratio = (var_b / var_a).log() if min(a.count, b.count) > 1 else torch.zeros_like(gap)
    return torch.cat([gap / spread.sqrt(), torch.asinh(t), ratio.expand_as(gap)], dim=-1)


def between(a: torch.Tensor, b: torch.Tensor) -> Difference:
    """How set B differs from set A, a batch of one, from rows with summaries of shape (images, rows, channels)."""
    of_a, of_b = Moments.of(a), Moments.of(b)
    rows = statistics(of_a, of_b, of_a.with_others(of_b))[None]
    return Difference(rows, torch.tensor([[len(a), len(b)]], dtype=torch.float32))


def against_pool(images: torch.Tensor, pool: Moments) -> Difference:
    """How each of (images, rows, channels) differs from the pool: the pool is A, the image alone is B."""
    alone = Moments(images, torch.zeros_like(pool.variance), 1)
    counts = torch.tensor([[pool.count, 1]], dtype=torch.float32).expand(len(images), 2)
    return Difference(statistics(pool, alone, pool), counts)


def sets_against_pool(rows: torch.Tensor, chosen: NDArray[np.bool_], pool: Moments) -> Difference:
    """How each of several sets of these images differs from the pool.

    Args:
        chosen: which images are in each set, at least two, (sets, images).
    """
    weights = torch.from_numpy(chosen).to(rows.dtype)
    sizes = weights.sum(1)
    middle = rows.mean(0)
    flat = (rows - middle).flatten(1)
    means = weights @ flat / sizes[:, None]
    variances = (weights @ flat.square() / sizes[:, None] - means.square()).clamp_min(0)
    shape = (len(chosen), *rows.shape[1:])
    parts = [
        statistics(pool, Moments(mean + middle, variance, int(size)), pool)
        for mean, variance, size in zip(means.view(shape), variances.view(shape), sizes, strict=True)
    ]
    counts = torch.stack([torch.full_like(sizes, pool.count), sizes], dim=1)
    return Difference(torch.stack(parts), counts)
