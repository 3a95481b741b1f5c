"""Psychometric curves: how success grows with what a suite sweeps, and where half of the pairs are described right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import exp, log
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from data_synth.catalog import EVERY
from eval.metrics import RIGHT, Floats, by_unit, ratio_interval, top
from eval.runs import Record
from eval.scores import PairScore
from vlmdiff.findings import Interval

LAPSE = 0.1
"""The most that success may stay below 1 however strong the stimulus is; the guess rate is 0, for nobody guesses a
sentence."""
RESAMPLES = 500
FEWEST = 24
"""Pairs that a curve of one family, or of one group of families, needs at least."""
FEWEST_VALUES = 3


@dataclass(frozen=True)
class Axis:
    """How success depends on what is swept."""

    scale: Literal["linear", "log"]
    rises: bool
    """Success grows with it."""


AXES: dict[str, Axis] = {
    "strength": Axis("linear", True),
    "prevalence": Axis("log", True),
    "images a set": Axis("log", True),
    "differences": Axis("linear", False),
}
"""What suites sweep, by their `axis`; an axis of names has no curve."""


@dataclass(frozen=True)
class Point:
    """Success at one value."""

    value: float
    pairs: int
    right: float
    interval: Interval


@dataclass(frozen=True)
class Fit:
    """(1 - lapse) times a logistic function of the value or of its logarithm."""

    middle: float
    """Where the logistic is one half, on the fitted scale."""
    slope: float
    lapse: float

    def at(self, stimulus: Floats) -> Floats:
        """Success at values on the fitted scale."""
        found: Floats = (1 - self.lapse) / (1 + np.exp(-np.clip(self.slope * (stimulus - self.middle), -50, 50)))
        return found


@dataclass(frozen=True)
class Curve:
    """Success against the swept value, for all pairs or for those of a family."""

    of: str
    axis: str
    points: tuple[Point, ...]
    fit: Fit | None
    threshold: float | None
    """The value at which half of the pairs are described right; None: not within the values that were tried."""
    interval: Interval | None
    """95 %, of the threshold; an end that lies beyond the values that were tried is the last of them."""
    note: str = ""
    """What the threshold is instead, or why there is none."""


@dataclass(frozen=True)
class Curves:
    """All curves of a suite."""

    overall: Curve
    parts: tuple[Curve, ...]
    """Of groups of families, and of single families, with enough pairs."""
    too_few: tuple[tuple[str, int], ...]
    """Groups and families with fewer pairs than FEWEST, and how many."""


def curves(axis: str, records: Sequence[Record], scores: Sequence[PairScore], unit: Sequence[str]) -> Curves | None:
    """The curves of a suite; None where its axis is none of AXES.

    A pair is described right where the leading hypotheses tell every planted fact, exactly or partly.

    Args:
        unit: of each pair, as for `metrics.estimate`.
    """
    if axis not in AXES:
        return None
    right = top(*RIGHT)
    trials = [
        (float(record.truth.condition), tally.hits, own, {fact.family for fact in record.truth.difference})
        for record, pair, own in zip(records, scores, unit, strict=True)
        if pair.planted and record.truth.condition and (tally := right(pair)).trials
    ]
    if not trials:
        return None
    members: dict[str, list[int]] = {}
    for row, (_, _, _, families) in enumerate(trials):
        for name in {name for family in families for name in (f"{EVERY[family].group} (group)", family)}:
            members.setdefault(name, []).append(row)
    values, hits = np.array([t[0] for t in trials]), np.array([t[1] for t in trials])
    units = np.array([t[2] for t in trials])

    def of(name: str, rows: Sequence[int]) -> Curve:
        chosen = np.array(rows)
        return curve(name, axis, values[chosen], hits[chosen], units[chosen])

    ordered = sorted(members.items(), key=lambda item: (not item[0].endswith("(group)"), -len(item[1]), item[0]))
    return Curves(
        overall=of("all families", range(len(trials))),
        parts=tuple(of(name, rows) for name, rows in ordered if len(rows) >= FEWEST),
        too_few=tuple((name, len(rows)) for name, rows in ordered if len(rows) < FEWEST),
    )


def curve(of: str, axis: str, values: Floats, hits: Floats, unit: NDArray[np.str_]) -> Curve:
    """The curve of some pairs: maximum likelihood, and the 2.5 and 97.5 % points of a bootstrap of units.

    Args:
        values: of each pair, (pairs,).
        hits: whether it was described right, 0 or 1.
        unit: of each pair; those of one name are drawn together.
    """
    levels, at = np.unique(values, return_inverse=True)
    points = []
    for number, level in enumerate(levels):
        here = at == number
        interval = ratio_interval(*by_unit(hits[here], np.ones(here.sum()), list(unit[here])))
        points.append(Point(float(level), int(here.sum()), float(hits[here].mean()), interval))
    if len(levels) < FEWEST_VALUES:
        return Curve(of, axis, tuple(points), None, None, None, f"fewer than {FEWEST_VALUES} values")
    how = AXES[axis]
    stimulus = np.log(levels) if how.scale == "log" else levels
    names, rows = np.unique(unit, return_inverse=True)
    right, tried = np.zeros((len(names), len(levels))), np.zeros((len(names), len(levels)))
    np.add.at(right, (rows, at), hits)
    np.add.at(tried, (rows, at), 1)
    fit = fitted(stimulus, right.sum(0), tried.sum(0), how.rises)
    back: Callable[[float], float] = exp if how.scale == "log" else float
    threshold = half(fit)
    low, high = float(stimulus[0]), float(stimulus[-1])
    copies = np.random.default_rng(0).multinomial(len(names), np.full(len(names), 1 / len(names)), RESAMPLES)
    drawn = [half(one) for one in gridded(stimulus, copies @ right, copies @ tried, how.rises)]
    ends = np.percentile(np.clip(drawn, low, high), [2.5, 97.5]) if len(names) > 1 else None
    inside = low <= threshold <= high
    return Curve(
        of=of,
        axis=axis,
        points=tuple(points),
        fit=fit,
        threshold=back(threshold) if inside else None,
        interval=(back(float(ends[0])), back(float(ends[1]))) if ends is not None and inside else None,
        note="" if inside else f"{'under' if threshold < low else 'over'} {levels[0 if threshold < low else -1]:g}",
    )


def fitted(stimulus: Floats, hits: Floats, trials: Floats, rises: bool) -> Fit:
    """The logistic of greatest likelihood; its slope is bounded, so that data that jump from 0 to 1 have one, too.

    Args:
        stimulus: values on the fitted scale, rising, (values,).
        hits, trials: pairs described right, and all, at each value.
        rises: with the stimulus.
    """
    from scipy.optimize import minimize

    x = _unit_scale(stimulus, rises)

    def loss(parameters: Floats) -> float:
        middle, log_slope, lapse = parameters
        p = _success(x, middle, np.exp(log_slope), lapse)
        return -float((hits * np.log(p) + (trials - hits) * np.log1p(-p)).sum())

    (start,) = _best_on_grid(x, hits[None], trials[None])
    bounds = [(MIDDLES[0], MIDDLES[-1]), (log(SLOPES[0]), log(SLOPES[-1])), (0.0, LAPSE)]
    begin = np.array([start[0], log(start[1]), start[2]])
    found = minimize(loss, begin, method="L-BFGS-B", bounds=bounds).x
    return _fit(stimulus, rises, float(found[0]), exp(found[1]), float(found[2]))


def gridded(stimulus: Floats, hits: Floats, trials: Floats, rises: bool) -> list[Fit]:
    """The same for many samples at once, (samples, values), to the grid's nearest: an eightieth of the values."""
    x = _unit_scale(stimulus, rises)
    return [_fit(stimulus, rises, *map(float, best)) for best in _best_on_grid(x, hits, trials)]


MIDDLES = np.linspace(-0.5, 1.5, 161)
SLOPES = np.geomspace(1.0, 60.0, 16)
_LAPSES = np.linspace(0.0, LAPSE, 3)
"""On a scale on which the values tried reach from 0, the hardest, to 1."""


def _best_on_grid(x: Floats, hits: Floats, trials: Floats) -> Floats:
    """Middle, slope and lapse of the greatest likelihood, (samples, 3)."""
    grid = np.stack(np.meshgrid(MIDDLES, SLOPES, _LAPSES, indexing="ij"), axis=-1).reshape(-1, 3)
    p = _success(x, grid[:, :1], grid[:, 1:2], grid[:, 2:])
    best: Floats = grid[(hits @ np.log(p).T + (trials - hits) @ np.log1p(-p).T).argmax(1)]
    return best


def _success(x: Floats, middle: Floats, slope: Floats, lapse: Floats) -> Floats:
    p: Floats = (1 - lapse) / (1 + np.exp(-np.clip(slope * (x - middle), -50, 50)))
    return np.clip(p, 1e-9, 1 - 1e-9)


def _unit_scale(stimulus: Floats, rises: bool) -> Floats:
    """Values from 0, the hardest, to 1."""
    easy, hard = (stimulus[-1], stimulus[0]) if rises else (stimulus[0], stimulus[-1])
    scaled: Floats = (stimulus - hard) / (easy - hard)
    return scaled


def _fit(stimulus: Floats, rises: bool, middle: float, slope: float, lapse: float) -> Fit:
    first, last = float(stimulus[0]), float(stimulus[-1])
    if rises:
        return Fit(first + (last - first) * middle, slope / (last - first), lapse)
    return Fit(last - (last - first) * middle, -slope / (last - first), lapse)


def half(fit: Fit) -> float:
    """Where success is one half, on the fitted scale."""
    return fit.middle + log(0.5 / (0.5 - fit.lapse)) / fit.slope
