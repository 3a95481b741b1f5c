"""The closed-form ridge classifier: what it needs to know of the images, and its scores with units left out.

Up to MOST_IN_GRAM images that is their Gram matrix (n x n); beyond, their coordinates along the leading principal
directions (n x r), which say the same for r <= n at a fraction of the cost.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import ceil
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vlmdiff.stats import Flags, Floats

Units = list[NDArray[np.intp]]
"""The images of each unit (patient, burst, or one image), which are left out, permuted and resampled together."""
Rows = NDArray[np.integer]

MOST_IN_GRAM = 3000
"""Images whose Gram matrix is inverted whole; twice as many would take eight times as long."""
DIRECTIONS = 1024
"""Principal directions that stand for the features of more images than that; they hold 99 % of the variance of the
embedded model's features, and the next one has a tenth of the mean squared length of an image (docs/log.md)."""
_AT_ONCE = 2_000_000
"""Scores computed at once, a bound on memory."""
_NYSTROM = 2048
"""Images, evenly spread, that the directions are taken from; their labels are not looked at."""


class Smoother(Protocol):
    """M, the image block of the inverse bordered system [[K + penalty / copies, 1], [1', 0]]^-1: labels to duals."""

    @property
    def diagonal(self) -> Floats: ...
    def duals(self, signs: Floats) -> Floats:
        """Rows of labels -1 and 1, (rows, n), to the dual weights of the images."""
        ...

    def block(self, unit: NDArray[np.intp]) -> Floats: ...


class Products(Protocol):
    """The inner products of the images' features, in one form or the other."""

    def __len__(self) -> int: ...
    @property
    def lengths(self) -> Floats:
        """Squared distance of each image from the pooled mean."""
        ...

    def centred(self) -> Products:
        """Around the pooled mean, mean squared length 1 (all 0 where all images are alike)."""
        ...

    def only(self, rows: Rows) -> Products: ...
    def coarse(self, directions: int) -> Products:
        """The same from fewer directions, where it is made of directions at all."""
        ...

    def smoother(self, penalty: float, copies: Floats) -> Smoother: ...
    def scores(self, duals: Floats, of: Rows, on: Rows) -> Floats:
        """What a classifier with these duals of the images `of` says of the images `on`."""
        ...


@dataclass(frozen=True)
class Gram:
    """All inner products, (n, n)."""

    matrix: Floats

    def __len__(self) -> int:
        return len(self.matrix)

    @property
    def lengths(self) -> Floats:
        return np.diag(self.matrix)

    def centred(self) -> Gram:
        matrix = self.matrix - self.matrix.mean(0)
        matrix -= matrix.mean(1, keepdims=True)
        size, scale = float(np.trace(matrix)) / len(matrix), float(np.abs(self.matrix).max())
        return Gram(matrix / size if size > 1e-12 * scale else np.zeros_like(matrix))

    def only(self, rows: Rows) -> Gram:
        return Gram(self.matrix[np.ix_(rows, rows)])

    def coarse(self, directions: int) -> Gram:
        return self

    def smoother(self, penalty: float, copies: Floats) -> Smoother:
        inverse = np.asarray(np.linalg.inv(self.matrix + np.diag(penalty / copies)), np.float64)
        sums = inverse.sum(0)
        inverse -= np.outer(sums, sums / sums.sum())
        return _Whole(inverse)

    def scores(self, duals: Floats, of: Rows, on: Rows) -> Floats:
        found: Floats = duals @ self.matrix[np.ix_(of, on)]
        return found


@dataclass(frozen=True)
class _Whole:
    inverse: Floats

    @property
    def diagonal(self) -> Floats:
        return np.diag(self.inverse)

    def duals(self, signs: Floats) -> Floats:
        found: Floats = signs @ self.inverse
        return found

    def block(self, unit: NDArray[np.intp]) -> Floats:
        return self.inverse[np.ix_(unit, unit)]


@dataclass(frozen=True)
class Directions:
    """Coordinates of the images along directions of decreasing variance, (n, r): their products are the Gram matrix."""

    rows: Floats

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def lengths(self) -> Floats:
        found: Floats = np.einsum("ij,ij->i", self.rows, self.rows)
        return found

    def centred(self) -> Directions:
        rows = self.rows - self.rows.mean(0)
        size, scale = float((rows * rows).sum()) / len(rows), float(np.square(self.rows).max(initial=0.0))
        return Directions(rows / size**0.5 if size > 1e-12 * scale else np.zeros_like(rows))

    def only(self, rows: Rows) -> Directions:
        return Directions(self.rows[rows])

    def coarse(self, directions: int) -> Directions:
        return Directions(self.rows[:, :directions])

    @cached_property
    def _apart(self) -> tuple[Floats, Floats]:
        """Centred coordinates along directions that do not vary together, and their sums of squares."""
        rows = self.rows - self.rows.mean(0)
        squares, turn = np.linalg.eigh(rows.T @ rows)
        return rows @ turn, squares.clip(0)

    def smoother(self, penalty: float, copies: Floats) -> Smoother:
        root = np.sqrt(copies)
        if (copies == 1).all():  # whatever the penalty, only the lengths change
            rows, squares = self._apart
            hat = rows / np.sqrt(squares + penalty)
        else:
            rows = (self.rows - copies @ self.rows / copies.sum()) * root[:, None]
            triangle = np.linalg.cholesky(rows.T @ rows + penalty * np.eye(rows.shape[1]))
            hat = rows @ np.linalg.inv(triangle).T
        return _Factored(np.column_stack([root / copies.sum() ** 0.5, hat]), root, penalty)

    def scores(self, duals: Floats, of: Rows, on: Rows) -> Floats:
        found: Floats = (duals @ self.rows[of]) @ self.rows[on].T
        return found


@dataclass(frozen=True)
class _Factored:
    """M = R (1 - Z Z') R / penalty, R the roots of the copies: the hat matrix Z Z' of the primal ridge, intercept in
    it."""

    hat: Floats
    """Z, (n, r + 1)."""
    root: Floats
    penalty: float

    @property
    def diagonal(self) -> Floats:
        left = 1 - np.einsum("ij,ij->i", self.hat, self.hat)
        found: Floats = self.root * left * self.root / self.penalty
        return found

    def duals(self, signs: Floats) -> Floats:
        weighted = signs * self.root
        found: Floats = (weighted - (weighted @ self.hat) @ self.hat.T) * (self.root / self.penalty)
        return found

    def block(self, unit: NDArray[np.intp]) -> Floats:
        left = np.eye(len(unit)) - self.hat[unit] @ self.hat[unit].T
        found: Floats = self.root[unit, None] * left * self.root[unit] / self.penalty
        return found


def products(features: NDArray[np.floating]) -> Products:
    """What the classifier needs of feature rows (n, F) on a common scale (as `flatten` and `standardise` return them).

    More than MOST_IN_GRAM images are brought to DIRECTIONS principal directions (Nystroem's method, on evenly spread
    images): AUROCs agree with those of all features within .01.
    """
    if not np.isfinite(features).all():
        raise ValueError("the features hold values that are not finite: expected finite features; check the model")
    if len(features) <= MOST_IN_GRAM:
        centred = features - features.mean(0, dtype=np.float64)
        return Gram(centred @ centred.T).centred()  # in float64, so that equal images have equal products and tie
    return Directions(leading(features.astype(np.float32, copy=False), DIRECTIONS)).centred()


def leading(features: NDArray[np.float32], count: int) -> Floats:
    """Coordinates of rows (n, F) along `count` principal directions at most, those of most variance first."""
    mean = features.mean(0, dtype=np.float64).astype(np.float32)
    some = features[np.linspace(0, len(features) - 1, min(_NYSTROM, len(features))).astype(int)] - mean
    variances, images = np.linalg.eigh((some @ some.T).astype(np.float64))
    order = np.argsort(-variances)[:count]
    order = order[variances[order] > 1e-6 * variances.max(initial=0.0)]
    directions = (some.T @ (images[:, order] / np.sqrt(variances[order])).astype(np.float32)).astype(np.float32)
    return np.asarray(features @ directions - mean @ directions, np.float64)


def leave_out_scores(
    products: Products, labels: Flags, penalty: float, units: Units, copies: NDArray[np.intp] | None = None
) -> Floats:
    """Score of every image by the ridge classifier fitted without its unit, for many labelings of the same images.

    The classifier is least squares on labels -1 and 1 with an intercept that is not penalised; the score counts from
    the middle between the class means. (From the intercept itself, the set that lost the left-out image would
    score lower, and the AUROC of equal sets would be near 0 for a large penalty.)

    Exact, without refitting: with the smoother M and a = M y, the residuals of a left-out unit g are M_gg^-1 a_g.

    Args:
        labels: which images are B's, (rows, n).
        copies: how often each image counts, (n,), at least 1.

    Returns:
        Shape (rows, n); rounded to nine digits so that equal images tie.
    """
    weights = np.ones(len(products)) if copies is None else copies.astype(float)
    smoother = products.smoother(penalty, weights)
    several = [] if len(units) == len(products) else [unit for unit in units if len(unit) > 1]
    parts = np.array_split(np.arange(len(labels)), ceil(labels.size / _AT_ONCE))
    return np.concatenate([_left_out(smoother, labels[part], penalty, several, weights) for part in parts])


def _left_out(smoother: Smoother, labels: Flags, penalty: float, several: Units, weights: Floats) -> Floats:
    signs = np.where(labels, 1.0, -1.0)
    duals = smoother.duals(signs)
    residuals = duals / smoother.diagonal
    for unit in several:
        if len(unit) == labels.shape[1]:  # without it there is no image, and nothing is known: all score 0
            return np.zeros(labels.shape)
        residuals[:, unit] = np.linalg.solve(smoother.block(unit), duals[:, unit].T).T
    # Without unit g, the duals of B sum to sum(a_B) - a_g . residuals_g / 2, because M b = a / 2.
    dual_b = (duals * labels).sum(1, keepdims=True) - _unit_sums(duals * residuals, several) / 2
    weight_b = labels * weights
    count_b = weight_b.sum(1, keepdims=True) - _unit_sums(weight_b, several)
    count_a = weights.sum() - _unit_sums(weights[None], several) - count_b
    # A training image's fit is label - penalty * dual / copies, and all duals sum to 0: so the class means.
    middle = -penalty / 2 * dual_b * (1 / np.maximum(count_b, 1) - 1 / np.maximum(count_a, 1))
    scores: Floats = np.round(signs - residuals - middle, 9)
    return scores


def fitted_scores(products: Products, is_b: Flags, penalty: float, of: Rows, on: Rows) -> Floats:
    """Scores of the images `on` by the classifier of the images `of`, from the middle of the class means."""
    labels = is_b[of]
    duals = products.only(of).smoother(penalty, np.ones(len(of))).duals(np.where(labels, 1.0, -1.0)[None])[0]
    fitted = products.scores(duals, of, of)
    middle = (fitted[labels].mean() + fitted[~labels].mean()) / 2
    scores: Floats = np.round(products.scores(duals, of, on) - middle, 9)
    return scores


def units_of(groups: NDArray[np.integer]) -> Units:
    """Indices of the images of each group."""
    order = np.argsort(groups, kind="stable")
    edges = np.flatnonzero(np.diff(groups[order])) + 1
    if len(edges) + 1 == len(groups):
        return list(order[:, None])  # numpy splits slowly
    return np.split(order, edges)


def _unit_sums(values: Floats, several: Units) -> Floats:
    """Each value replaced by the sum over its unit; `several` are the units of more than one image."""
    sums = values.copy()
    for unit in several:
        sums[:, unit] = values[:, unit].sum(1, keepdims=True)
    return sums
