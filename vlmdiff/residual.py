"""What is left of scores once others are taken out, and how much of what tells two sets apart these explain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vlmdiff.findings import Interval
from vlmdiff.stats import Flags, Floats

FEWEST_UNITS = 4
"""Images or groups below which nothing is fitted on parts of them."""
FOLDS, PARTINGS, DRAWS = 5, 4, 2000
"""Parts of a cross-fit, ways to part, and draws of a bootstrap."""


def taken_out(scores: Floats, known: Floats, is_b: Flags) -> Floats:
    """Scores less what the known ones predict, with slopes fitted within the sets (analysis of covariance).

    A slope between the sets would take out whatever differs, by chance or not, as soon as a known score differs.

    Args:
        scores: (n,) or (n, columns); known: (n, k), finite.
        is_b: which images are B's, (n,).

    Returns:
        The shape of `scores`.
    """
    if known.shape[1] == 0:
        return np.asarray(scores, np.float64).copy()
    slopes = np.linalg.lstsq(_centred(known, is_b), _centred(scores, is_b), rcond=1e-6)[0]  # alike scores share theirs
    return np.asarray(scores - known @ slopes, np.float64)


def _centred(values: Floats, is_b: Flags) -> Floats:
    """Values less the mean of their own set."""
    centred = np.array(values, np.float64)
    for side in (is_b, ~is_b):
        centred[side] -= centred[side].mean(0)
    return centred


@dataclass(frozen=True)
class Share:
    """How much of what tells A from B some scores explain."""

    value: float
    """1 is all that the classifier and the scores together know of it."""
    interval: Interval
    """95 %, of a bootstrap over images or their groups."""


def explained_share(
    known: Floats,
    classifier: Floats,
    is_b: Flags,
    rng: np.random.Generator,
    groups: NDArray[np.integer] | None = None,
) -> Share | None:
    """(L0 - L_known) / (L0 - L_known_and_classifier), from cross-fitted log-losses of "A or B?".

    L0 knows how many images each set has. The losses are those of ridge logistic regressions on FOLDS parts, groups
    whole, averaged over several ways to part the images.

    Args:
        known: scores of the findings, (n, k); classifier: scores of images it was not fitted on, (n,).
        is_b: which images are B's, (n,); groups: a number for each, equal for images that belong together.

    Returns:
        None where the 95 % interval of the denominator holds 0: then there is nothing to have a share of; and where
        there are fewer than FEWEST_UNITS images or groups.
    """
    n = len(is_b)
    _, unit = np.unique(np.arange(n) if groups is None else groups, return_inverse=True)
    if unit.max() + 1 < FEWEST_UNITS:
        return None
    both = np.column_stack([known, classifier])
    gains = np.zeros((2, n))
    alike = n / (int(unit.max()) + 1)
    for _ in range(PARTINGS):
        fold = _folds(unit, is_b, rng)
        alone = _losses(np.zeros((n, 0)), is_b, fold, alike)
        gains += [alone - _losses(columns, is_b, fold, alike) for columns in (known, both)]
    by_unit = np.stack([np.bincount(unit, gain) for gain in gains]) / PARTINGS
    drawn = by_unit[:, rng.integers(by_unit.shape[1], size=(DRAWS, by_unit.shape[1]))].sum(2)
    if np.quantile(drawn[1], 0.025) <= 0:
        return None
    low, high = np.quantile(drawn[0] / np.maximum(drawn[1], 1e-12), (0.025, 0.975)).clip(0, 1)
    value = float((by_unit[0].sum() / by_unit[1].sum()).clip(0, 1))
    return Share(value, (min(float(low), value), max(float(high), value)))


def _folds(unit: NDArray[np.intp], is_b: Flags, rng: np.random.Generator) -> NDArray[np.intp]:
    """A part for each image: groups whole, and of each set about as many in every part."""
    kinds = np.bincount(unit, is_b) / np.bincount(unit)  # 0: of A, 1: of B, else of both
    fold = np.empty(len(kinds), np.intp)
    order = np.argsort(kinds + 0.01 * rng.random(len(kinds)))
    fold[order] = np.arange(len(kinds)) % FOLDS
    return fold[unit]


def predicted(
    known: Floats, is_b: Flags, rng: np.random.Generator, groups: NDArray[np.integer] | None = None
) -> Floats | None:
    """Log-odds of B by what is known, from a regression without the image's part (and group), (n,).

    None where there are fewer than FEWEST_UNITS images or groups.
    """
    n = len(is_b)
    _, unit = np.unique(np.arange(n) if groups is None else groups, return_inverse=True)
    if unit.max() + 1 < FEWEST_UNITS:
        return None
    return _log_odds(known, is_b, _folds(unit, is_b, rng), n / (int(unit.max()) + 1))


def _losses(columns: Floats, is_b: Flags, fold: NDArray[np.intp], alike: float) -> Floats:
    """Log-loss in nats of each image by a regression on the other parts, (n,)."""
    return np.logaddexp(0, -np.where(is_b, 1.0, -1.0) * _log_odds(columns, is_b, fold, alike))


def _log_odds(columns: Floats, is_b: Flags, fold: NDArray[np.intp], alike: float) -> Floats:
    """Of B, by a regression on the other parts, (n,); `alike`: images that count as one."""
    odds = np.empty(len(is_b))
    for part in np.unique(fold):
        held = fold == part
        train = columns[~held]
        middle, spread = train.mean(0), train.std(0)
        scaled = (columns - middle) / np.where(spread > 1e-9, spread, 1.0)
        odds[held] = _with_ones(scaled[held]) @ _logistic(_with_ones(scaled[~held]), is_b[~held], alike)
    return odds


def _with_ones(columns: Floats) -> Floats:
    return np.column_stack([np.ones(len(columns)), columns])


def _logistic(columns: Floats, is_b: Flags, penalty_size: float) -> Floats:
    """Weights of a logistic regression, the first one that of the intercept, by Newton's method."""
    penalty = np.full(columns.shape[1], penalty_size)
    penalty[0] *= 0.01  # a fold may hold one set only
    weights = np.zeros(columns.shape[1])
    for _ in range(25):
        chance = (1 + np.tanh(columns @ weights / 2)) / 2
        slope = columns.T @ (chance - is_b) + penalty * weights
        curve = (columns.T * (chance * (1 - chance))) @ columns + np.diag(penalty)
        step = np.linalg.solve(curve, slope)
        weights -= step
        if np.abs(step).max() < 1e-8:
            break
    return weights
