"""Can A and B be told apart? A permutation test on a ridge classifier's leave-one-out scores and on distances."""

from dataclasses import dataclass
from math import ceil
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vlmdiff.learn.ridge import Products, Units, fitted_scores, leave_out_scores, units_of
from vlmdiff.stats import (
    Exchangeable,
    Flags,
    Floats,
    auroc_rows,
    auroc_variance,
    design_effect,
    detectable_auroc,
    score_interval,
)

PENALTIES = (0.03, 1.0, 30.0)
"""Ridge penalties tried, in units of the mean squared length of a centred feature row."""

ALL_REFITS = 400
"""Images up to which every bootstrap draw is made; beyond, fewer, because a refit costs their number cubed."""

FEWEST_REFITS = 20
REFIT_DIRECTIONS = 256
"""Principal directions that refits make do with where the images are given by theirs."""
_AT_ONCE = 2_000_000
"""Scores ranked at once, a bound on memory."""
_COLUMNS = 256
"""Columns standardised at once, in float64; likewise."""


@dataclass(frozen=True)
class TwoSample:
    """How well the sets can be told apart, and whether chance explains it."""

    auroc: float
    """Leave-one-out AUROC of the classifier (B higher) at the chosen penalty; may fall below 0.5 by chance."""
    auroc_ci: tuple[float, float]
    """95 % interval, the refits of a bootstrap over units included."""
    p_value: float
    """Of the larger statistic, permutation test."""
    statistic: Literal["shift", "spread"]
    """What separates the sets most: where the images lie, or how varied they are."""
    smallest_detectable_auroc: float
    """The AUROC that 80 % of samples of this size push past the critical value; the labels do not enter."""
    penalty: float
    """The chosen ridge penalty."""
    scores: Floats
    """Leave-one-out score of every image, shape (n,); above 0 looks like B."""


def flatten(grids: NDArray[np.floating]) -> NDArray[np.float32]:
    """Feature grids as rows that show global and local changes alike, standardised without the labels.

    Args:
        grids: shape (n, T, D); the T cells form a square, row by row.

    Returns:
        Shape (n, F), float32: mean, standard deviation and maximum over the cells, and the grid averaged to at most
        4 x 4 cells; these four blocks weigh the same.
    """
    return weighed(pooled(grids), grids.shape[2])


def pooled(grids: NDArray[np.floating]) -> NDArray[np.float32]:
    """The four blocks of `flatten` side by side, (n, F), each image by itself: three of width D, the cells' wider."""
    n, cells, width = grids.shape
    side = round(cells**0.5)
    if side * side != cells:
        raise ValueError(f"{cells} cells: expected a square number; leave out rows that are not part of the grid")
    grids = grids.astype(np.float32, copy=False)
    starts = np.unique(np.arange(4) * side // 4)
    sizes = np.diff(np.append(starts, side)).astype(np.float32)
    square = grids.reshape(n, side, side, width)
    sums = np.add.reduceat(np.add.reduceat(square, starts, axis=1), starts, axis=2)
    coarse = sums / (sizes[:, None] * sizes)[..., None]
    return np.concatenate([grids.mean(1), grids.std(1), grids.max(1), coarse.reshape(n, -1)], axis=1)


def weighed(rows: NDArray[np.float32], width: int) -> NDArray[np.float32]:
    """What `pooled` gives of all images, standardised without the labels, each block of equal weight."""
    found = standardise(rows)
    cells = found[:, 3 * width :]
    cells *= (width / cells.shape[1]) ** 0.5
    return found


def standardise(features: NDArray[np.floating]) -> NDArray[np.float32]:
    """Columns with mean 0 and spread 1 over both sets together; columns that do not vary become 0."""
    found = np.empty(features.shape, np.float32)
    for start in range(0, features.shape[1], _COLUMNS):
        some = features[:, start : start + _COLUMNS]
        mean = some.mean(0, dtype=np.float64)
        centred = some - mean
        spread = centred.std(0)
        # Rounding noise of a constant column must not be blown up to a feature.
        varies = spread > 1e-5 * np.abs(mean) + 1e-12
        found[:, start : start + _COLUMNS] = centred * np.where(varies, 1 / np.where(varies, spread, 1), 0)
    return found


def two_sample_test(
    products: Products,
    is_b: Flags,
    rng: np.random.Generator,
    *,
    groups: NDArray[np.integer] | None = None,
    permutations: int = 999,
    bootstrap: int = 200,
    alpha: float = 0.05,
) -> TwoSample:
    """Test whether two sets of images differ in where their features lie or in how varied they are.

    Two statistics, each in units of its own null spread, and the larger one counts: the leave-one-out AUROC of a ridge
    classifier ("shift", the best of PENALTIES), and how far the AUROC of the squared distance from the pooled mean is
    from 0.5, either way ("spread"). Choosing the statistic and the penalty is redone in every permutation.

    The interval is the score interval of an AUROC, widened by what a bootstrap adds that refits the classifier on
    resampled units, copies of a unit left out together. Above ALL_REFITS images it makes fewer draws (20 for 2,000).

    Args:
        products: of the images' features, from `products`.
        is_b: which images are B's, (n,); at least two a side.
        groups: (n,) a number for each image, equal for images that belong together (patient, burst). Groups are
            left out whole. Those that lie in one set are permuted whole, those that span both keep their images
            and permute the labels inside. Where that gives no more than `permutations` labelings, all are taken.
        alpha: level for `smallest_detectable_auroc`.

    Raises:
        ValueError: shapes that do not fit, products that are not finite, or fewer than two units a side.
    """
    n = len(is_b)
    if len(products) != n:
        raise ValueError(f"products of {len(products)} images for {n} labels: expected one label an image")
    if not np.isfinite(products.lengths).all():
        raise ValueError("the features hold values that are not finite: expected finite features; check the model")
    units = units_of(np.arange(n) if groups is None else groups)
    if min(sum(bool(is_b[unit].any()) for unit in units), sum(not is_b[unit].all() for unit in units)) < 2:
        raise ValueError("fewer than two images (or groups) on a side: expected at least two; add images")
    products = products.centred()
    labels = _labelings(is_b, groups, permutations, rng)

    statistics = np.empty((len(PENALTIES) + 1, len(labels)))
    observed_scores = np.empty((len(PENALTIES), n))
    for row, penalty in enumerate(PENALTIES):
        statistics[row], observed_scores[row] = _left_out_aurocs(products, labels, penalty, units)
    distances = products.lengths.round(9)
    statistics[-1] = np.abs(auroc_rows(distances, labels) - 0.5)

    scaled, largest = _largest(statistics)
    best = int(scaled[:-1, 0].argmax())
    auroc, penalty, scores = float(statistics[best, 0]), PENALTIES[best], observed_scores[best]
    n_b = int(is_b.sum())
    draws = min(bootstrap, max(FEWEST_REFITS, int(bootstrap * (ALL_REFITS / n) ** 3)))
    inflation = _inflation(products.coarse(REFIT_DIRECTIONS), is_b, penalty, units, draws, rng)
    if groups is not None:  # resamples of perfectly separated groups do not vary
        by_set = np.concatenate([groups[~is_b], groups[is_b]])
        inflation = max(inflation, design_effect(scores[~is_b], scores[is_b], by_set))
    return TwoSample(
        auroc=auroc,
        auroc_ci=score_interval(auroc, n - n_b, n_b, inflation),
        # The observed labeling is the first; equal labelings may differ by rounding.
        p_value=float((largest >= largest[0] - 1e-9).mean()),
        statistic="spread" if scaled[-1, 0] > scaled[best, 0] else "shift",
        smallest_detectable_auroc=_smallest_detectable(statistics[:, 1:], is_b, alpha),
        penalty=penalty,
        scores=scores,
    )


def cross_fitted(
    products: Products, is_b: Flags, look: NDArray[np.intp], check: NDArray[np.intp], groups: NDArray[np.integer] | None
) -> tuple[Floats, Floats]:
    """Scores of the look images, each left out with its group, and of the check images, by a classifier of the former.

    Given the look images, a check image's score does not depend on the labels of the check images: these may be
    permuted. The penalty is the one that separates the look images best.

    Args:
        is_b, groups: (n,).
        look, check: which images, with no group in common.
    """
    looked, labels = products.only(look), is_b[look]
    units = units_of(np.arange(len(look)) if groups is None else groups[look])
    left_out = [leave_out_scores(looked, labels[None], penalty, units)[0] for penalty in PENALTIES]
    best = int(np.argmax([auroc_rows(scores, labels) for scores in left_out]))
    return left_out[best], fitted_scores(products, is_b, PENALTIES[best], look, check)


def _left_out_aurocs(products: Products, labels: Flags, penalty: float, units: Units) -> tuple[Floats, Floats]:
    """The leave-one-out AUROC of every labeling, and the scores of the first."""
    scores = leave_out_scores(products, labels, penalty, units)
    parts = np.array_split(np.arange(len(labels)), ceil(scores.size / _AT_ONCE))
    return np.concatenate([auroc_rows(scores[part], labels[part]) for part in parts]), scores[0]


def _labelings(is_b: Flags, groups: NDArray[np.integer] | None, permutations: int, rng: np.random.Generator) -> Flags:
    """The observed labeling, then others that are as likely where the sets do not differ: (labelings, n).

    With few groups these are all there are.
    """
    swaps = Exchangeable.of(is_b, np.arange(len(is_b)) if groups is None else groups)
    if groups is not None and swaps.count <= permutations:
        return swaps.every()[:, swaps.item]
    return np.concatenate([is_b[None], swaps.drawn(permutations, rng)[:, swaps.item]])


def _largest(statistics: Floats) -> tuple[Floats, Floats]:
    """Each statistic on its null scale, (statistics, labelings), and the largest for every labeling.

    The scale runs from the median (0) to the 95 % point (1) over all labelings, the observed one among them: so each
    statistic has the same say at the level that matters, however its tail is shaped.
    """
    median, high = np.quantile(statistics, (0.5, 0.95), axis=1, keepdims=True)
    unit = high - median
    scaled = (statistics - median) / np.where(unit > 1e-9, unit, np.inf)
    return scaled, scaled.max(0)


def _smallest_detectable(null: Floats, is_b: Flags, alpha: float) -> float:
    """From the statistics of permuted labelings alone, shifts first: the mean over the penalties."""
    n_b = int(is_b.sum())
    critical_scaled = np.quantile(_largest(null)[1], 1 - alpha, method="higher")
    median, high = np.quantile(null[:-1], (0.5, 0.95), axis=1)
    critical = median + (high - median) * critical_scaled
    spreads = null[:-1].std(1)
    return float(
        np.mean([detectable_auroc(c, s, len(is_b) - n_b, n_b) for c, s in zip(critical, spreads, strict=True)])
    )


def _inflation(
    products: Products, is_b: Flags, penalty: float, units: Units, draws: int, rng: np.random.Generator
) -> float:
    """How many times more the AUROC varies over refitted resamples than one of independent, given scores; at least 1.

    Units are drawn within A, within B and among those in both; copies of a unit are left out together. Only the
    spread of the resampled AUROCs is used: their level is too low, since a resample holds fewer different images.
    """
    kinds = np.array([int(is_b[unit].any()) + int(is_b[unit].all()) for unit in units])
    strata = [np.flatnonzero(kinds == kind) for kind in np.unique(kinds)]
    unit_of = np.empty(len(is_b), np.intp)
    for number, unit in enumerate(units):
        unit_of[unit] = number
    aurocs = np.empty(draws)
    for draw in range(draws):
        picks = np.concatenate([rng.choice(stratum, len(stratum)) for stratum in strata])
        copies = np.bincount(picks, minlength=len(units))[unit_of]
        drawn = np.flatnonzero(copies)
        labels, times = is_b[drawn], copies[drawn]
        scores = leave_out_scores(products.only(drawn), labels[None], penalty, units_of(unit_of[drawn]), times)[0]
        aurocs[draw] = auroc_rows(np.repeat(scores, times), np.repeat(labels, times))
    n_b = int(is_b.sum())
    middle = float(np.clip(aurocs.mean(), 0.02, 0.98))
    return max(float(aurocs.var()) / auroc_variance(middle, len(is_b) - n_b, n_b), 1.0)
