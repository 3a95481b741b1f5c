"""Is the stated confidence honest? Findings sorted by how sure the report was, against how many of them are right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from eval.metrics import RIGHT, Floats, by_unit, ratio_interval
from eval.scores import PairScore, Statement
from vlmdiff.findings import Interval

BINS = 10
RESAMPLES = 2_000

CONFIDENCES: dict[str, Callable[[Statement], float]] = {
    "votes": lambda statement: statement.votes,
    "1 - q": lambda statement: 1 - statement.q_value,
}
"""What a report says of how sure it is of a finding, 0 to 1."""


@dataclass(frozen=True)
class Bin:
    """Findings of about the same confidence."""

    low: float
    high: float
    findings: int
    confidence: float
    """Mean."""
    right: float
    """Share that is exactly or partly right."""
    interval: Interval


@dataclass(frozen=True)
class Calibration:
    """How far stated confidence and the share of right findings lie apart."""

    confidence: str
    findings: int
    unscored: int
    """Findings that were not understood."""
    error: float
    """Expected calibration error: |confidence - share right| of each bin, weighted by its findings (Naeini et al.
    2015, AAAI)."""
    by_chance: float
    """The error that as many findings of a perfectly calibrated system would have, on average."""
    bins: tuple[Bin, ...]
    """Those that hold findings."""


def calibration(name: str, pairs: Sequence[PairScore], unit: Sequence[str]) -> Calibration | None:
    """The reliability table of one of CONFIDENCES over all findings of the pairs of which all that differs was planted.

    Args:
        unit: of each pair, as for `metrics.estimate`.

    Returns:
        None where there are no findings.
    """
    stated = CONFIDENCES[name]
    said = [(s, own) for pair, own in zip(pairs, unit, strict=True) if pair.complete for s in pair.said]
    read = [(s, own) for s, own in said if s.content is not None]
    if not read:
        return None
    sure = np.array([stated(statement) for statement, _ in read])
    right = np.array([statement.outcome in RIGHT for statement, _ in read], float)
    place = np.minimum((sure * BINS).astype(int), BINS - 1)
    bins = []
    for number in np.unique(place):
        inside = place == number
        hits, trials = by_unit(
            right[inside], np.ones(inside.sum()), [own for (_, own), i in zip(read, inside, strict=True) if i]
        )
        bins.append(
            Bin(
                low=float(number / BINS),
                high=float((number + 1) / BINS),
                findings=int(inside.sum()),
                confidence=float(sure[inside].mean()),
                right=float(right[inside].mean()),
                interval=ratio_interval(hits, trials),
            )
        )
    drawn = np.random.default_rng(0).random((RESAMPLES, len(sure))) < sure
    return Calibration(
        confidence=name,
        findings=len(read),
        unscored=len(said) - len(read),
        error=float(_error(sure, right[None], place)[0]),
        by_chance=float(_error(sure, drawn.astype(float), place).mean()),
        bins=tuple(bins),
    )


def _error(sure: Floats, right: Floats, place: Floats) -> Floats:
    """Of every row of `right`, (rows, findings)."""
    gaps = [np.abs((right[:, place == number] - sure[place == number]).sum(1)) for number in np.unique(place)]
    total: Floats = np.sum(gaps, axis=0) / len(sure)
    return total
