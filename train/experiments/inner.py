"""What can be learned from two sets before any word is read: parts of tokens, and which images show it most."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from math import isqrt

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from vlmdiff.learn.probe import flatten
from vlmdiff.learn.ridge import Gram, leave_out_scores
from vlmdiff.learn.ridge import products as products_of
from vlmdiff.learn.tokens import SUMMARY_ROWS, Moments, statistics

Floats = NDArray[np.float64]
PENALTY = 1.0
"""Of every ridge here, in units of the mean squared length of a centred feature row; .03 and 30 read as well."""
SHARE = 0.2
"""Of a side's images that the sharpened parts rest on."""
EXEMPLARS = 2
_FLOOR = 0.01


@dataclass(frozen=True, eq=False)
class Sets:
    """Feature rows of A and B, (images, rows, channels) each, and what follows from them without training."""

    a: torch.Tensor
    b: torch.Tensor

    @cached_property
    def is_b(self) -> NDArray[np.bool_]:
        return np.arange(len(self.a) + len(self.b)) >= len(self.a)

    @cached_property
    def pool(self) -> Moments:
        return Moments.of(torch.cat([self.a, self.b]))

    @cached_property
    def standardised(self) -> torch.Tensor:
        """All images in the pool's spread, labels unseen."""
        return (torch.cat([self.a, self.b]) - self.pool.mean) / (self.pool.variance + _FLOOR).sqrt()

    @cached_property
    def products(self) -> Floats:
        """Gram matrix over whole images, as the two-sample test uses it."""
        found = products_of(flatten(torch.cat([self.a, self.b])[:, :-SUMMARY_ROWS].numpy()))
        assert isinstance(found, Gram)  # sets of experiments are small
        return found.matrix

    @cached_property
    def scores(self) -> Floats:
        """Of each image, by a ridge classifier fitted without it; above 0 it looks like B."""
        alone = [np.array([i]) for i in range(len(self.is_b))]
        scores: Floats = leave_out_scores(Gram(self.products), self.is_b[None], PENALTY, alone)[0]
        return scores

    @cached_property
    def by_score(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Images of A, those least like B first; images of B, those most like B first."""
        a = np.argsort(self.scores[~self.is_b], kind="stable")
        b = np.argsort(-self.scores[self.is_b], kind="stable")
        return torch.from_numpy(a), torch.from_numpy(b)

    def on_grid(self, side: int) -> Sets:
        """The same images in fewer cells, `side` a row and column; 0: summaries alone."""
        return Sets(*(_on_grid(images, side) for images in (self.a, self.b)))

    @cached_property
    def statistics(self) -> tuple[torch.Tensor, ...]:
        return statistics(Moments.of(self.a), Moments.of(self.b), self.pool).chunk(3, -1)


def _on_grid(images: torch.Tensor, side: int) -> torch.Tensor:
    cells, summaries = images[:, :-SUMMARY_ROWS], images[:, -SUMMARY_ROWS:]
    if not side:
        return summaries
    return torch.cat([_coarse(cells, side), summaries], dim=1)


def _coarse(cells: torch.Tensor, side: int) -> torch.Tensor:
    """A square grid (images, cells, channels) pooled to at most `side` cells a row."""
    there = isqrt(cells.shape[1])
    square = cells.unflatten(1, (there, there)).permute(0, 3, 1, 2)
    return nn.functional.adaptive_avg_pool2d(square, min(side, there)).flatten(2).transpose(1, 2)


def share_of(images: int, share: float) -> int:
    """How many of so many a share is: at least three, where there are three."""
    return min(images, max(3, round(share * images)))


def sharpened(sets: Sets, share: float) -> Sets:
    """All of A, and the share of B that looks least like A: what few images of B show is shown by most of these."""
    return Sets(sets.a, sets.b[sets.by_score[1][: share_of(len(sets.b), share)]])


# Duals of three classifiers on whole images, from a Gram matrix; labels are -1 and 1.


def least_squares(products: Floats, is_b: NDArray[np.bool_]) -> Floats:
    """Least squares with an unpenalised intercept; sums to zero."""
    return _bordered(products, np.full(len(is_b), PENALTY), np.where(is_b, 1.0, -1.0))


def logistic(products: Floats, is_b: NDArray[np.bool_]) -> Floats:
    """Penalised log-loss by Newton steps; images that are classified well have small duals."""
    labels = is_b.astype(float)
    fitted = np.zeros(len(labels))
    duals = np.zeros(len(labels))
    for _ in range(8):
        chance = 1 / (1 + np.exp(-np.clip(fitted, -30, 30)))
        weight = np.maximum(chance * (1 - chance), 1e-3)
        target = fitted + (labels - chance) / weight
        duals = _bordered(products, PENALTY / weight, target)
        fitted = target - PENALTY / weight * duals
    return duals


def rbf(products: Floats, is_b: NDArray[np.bool_]) -> Floats:
    """Ridge in a Gaussian kernel whose width is the median distance."""
    size = np.diag(products)
    distances = np.maximum(size[:, None] + size - 2 * products, 0)
    width = np.median(distances[~np.eye(len(size), dtype=bool)])
    return least_squares(np.exp(-distances / max(float(width), 1e-9)), is_b)


def _bordered(products: Floats, ridges: Floats, targets: Floats) -> Floats:
    n = len(targets)
    system = np.ones((n + 1, n + 1))
    system[:n, :n] = products + np.diag(ridges)
    system[n, n] = 0
    return np.linalg.solve(system, np.append(targets, 0))[:n]


def _weighted(duals: Callable[[Floats, NDArray[np.bool_]], Floats]) -> Callable[[Sets], torch.Tensor]:
    """The mean of B less the mean of A, each image weighted by its dual."""

    def part(sets: Sets) -> torch.Tensor:
        found = duals(sets.products, sets.is_b)
        scaled = torch.from_numpy(found / max(np.abs(found).sum() / 2, 1e-9)).float()
        return torch.einsum("n,nrc->rc", scaled, sets.standardised)

    return part


def row_weights(standardised: torch.Tensor, is_b: torch.Tensor) -> torch.Tensor:
    """Ridge classifiers, one a row, in closed form: their weights (rows, channels), differentiable.

    Args:
        standardised: (images, rows, channels); is_b: (images,).
    """
    n, _, channels = standardised.shape
    by_row = standardised.transpose(0, 1)
    products = by_row @ by_row.transpose(1, 2) / channels
    system = nn.functional.pad(products + PENALTY * torch.eye(n), (0, 1, 0, 1), value=1.0)
    system = system - nn.functional.pad(torch.ones(1, 1), (n, 0, n, 0))
    targets = torch.cat([is_b.float() * 2 - 1, torch.zeros(1)])
    duals = torch.linalg.solve(system, targets.expand(len(by_row), -1))[:, :n]
    return torch.einsum("rn,rnc->rc", duals, by_row) * (2 / n)


def _sharp_b(sets: Sets) -> torch.Tensor:
    return _gap(sets, sets.a, sharpened(sets, SHARE).b)


def _sharp_a(sets: Sets) -> torch.Tensor:
    return _gap(sets, sets.a[sets.by_score[0][: share_of(len(sets.a), SHARE)]], sets.b)


def _gap(sets: Sets, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return (b.mean(0) - a.mean(0)) / (sets.pool.variance + _FLOOR).sqrt()


def _exemplars(sets: Sets) -> tuple[torch.Tensor, torch.Tensor]:
    """Standardised rows of the images that the classifier is surest of: of A, of B."""
    a, b = sets.by_score
    return sets.standardised[: len(sets.a)][a[:EXEMPLARS]], sets.standardised[len(sets.a) :][b[:EXEMPLARS]]


def _exemplar_rows(sets: Sets) -> torch.Tensor:
    """Two exemplars a side, each pooled to at most 4 x 4 cells: rows of their own, A's first."""
    images = torch.cat(_exemplars(sets))[:, :-SUMMARY_ROWS]
    coarse = _coarse(images, 4)
    short = 2 * EXEMPLARS - len(coarse)  # a set may have a single image
    return nn.functional.pad(coarse, (0, 0, 0, 0, 0, short)).flatten(0, 1)


PARTS: dict[str, Callable[[Sets], torch.Tensor]] = {
    "difference": lambda sets: sets.statistics[0],
    "t": lambda sets: sets.statistics[1],
    "ratio": lambda sets: sets.statistics[2],
    "mean": lambda sets: sets.pool.mean,
    "weights": lambda sets: row_weights(sets.standardised, torch.from_numpy(sets.is_b)),
    "ridge": _weighted(least_squares),
    "logistic": _weighted(logistic),
    "rbf": _weighted(rbf),
    "sharp_a": _sharp_a,
    "sharp_b": _sharp_b,
    "exemplar_a": lambda sets: _exemplars(sets)[0].mean(0),
    "exemplar_b": lambda sets: _exemplars(sets)[1].mean(0),
}
"""What a token can carry of each row of two sets: (rows, channels)."""
GRIDS: dict[str, Callable[[Sets], torch.Tensor]] = {
    "4 x 4": lambda sets: torch.cat(sets.on_grid(4).statistics, -1),
    "no grid": lambda sets: torch.cat(sets.on_grid(0).statistics, -1),
}
"""Difference, t and ratio of fewer rows: (fewer rows, 3 * channels); beside these stand no parts."""
ROWS: dict[str, Callable[[Sets], torch.Tensor]] = {"exemplars": _exemplar_rows}
"""What can be tokens of their own: (more rows, channels)."""


class Scaled(nn.Module):
    """The ridge of `row_weights` behind a scale for each channel, which learns through the closed-form solve."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.zeros(channels))

    def forward(self, sets: Sets) -> torch.Tensor:
        return row_weights(sets.standardised * self.scale.exp(), torch.from_numpy(sets.is_b))


class Adapted(nn.Module):
    """A low-rank adapter and a classifier on the features take a few gradient steps telling A from B.

    Their effective weights (rows, channels) are what is read; where they start and how far they step is learned
    through the steps (Finn et al. 2017, MAML).
    """

    def __init__(self, channels: int, rank: int = 4, steps: int = 3) -> None:
        super().__init__()
        self.steps = steps
        self.down = nn.Parameter(torch.randn(channels, rank) * channels**-0.5)
        self.up = nn.Parameter(torch.zeros(rank, channels))
        self.head = nn.Parameter(torch.zeros(channels))
        self.rate = nn.Parameter(torch.zeros(3))

    def forward(self, sets: Sets) -> torch.Tensor:
        images = sets.standardised
        labels = torch.from_numpy(sets.is_b).float()
        size = images[0].numel() ** 0.5
        with torch.enable_grad():  # the steps need slopes even where nothing else does
            weights = [self.down, self.up, self.head.expand(images.shape[1:])]
            for _ in range(self.steps):
                down, up, head = weights
                logits = ((images + images @ down @ up) * head).sum((1, 2)) / size
                loss = nn.functional.binary_cross_entropy_with_logits(logits, labels)
                slopes = torch.autograd.grad(loss, weights, create_graph=self.training)
                rates = self.rate.exp() * torch.tensor([1.0, 1.0, size])
                weights = [w - r * g for w, r, g in zip(weights, rates, slopes, strict=True)]
        down, up, head = weights
        return head + head @ up.T @ down.T


INNER: dict[str, Callable[[int], nn.Module]] = {"scaled": Scaled, "adapted": Adapted}
"""Inner loops with weights of their own, by name: channels to a module that makes one more part."""
