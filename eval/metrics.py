"""METRICS: from the scores of many pairs to numbers with 95 % intervals.

Every metric is a ratio of two sums over pairs. Pairs of one domain share base images and are not independent, so a
domain (a data set, or a kind of drawn image) is the unit of all intervals:

* shares get a Wilson interval with the effective number of trials, trials / design effect; the design effect, at least
  1, is the linearised variance between domains over the binomial one (Franco et al. 2019, Journal of Survey Statistics
  and Methodology 7:334);
* graded scores (credit for each right attribute) get the percentiles of 4,000 bootstrap samples of whole domains (of no
  width where all pairs score alike).

What could not be read is left out of both sums and counted beside them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eval.scores import Outcome, PairScore, Statement
from vlmdiff.findings import Interval
from vlmdiff.stats import NORMAL_975

Floats = NDArray[np.float64]

RESAMPLES = 4_000


class Tally(NamedTuple):
    """One pair's part of a metric."""

    hits: float
    trials: float
    unscored: int = 0


NOTHING = Tally(0, 0)
UNSCORED = Tally(0, 0, 1)


@dataclass(frozen=True)
class Metric:
    """A ratio of sums over pairs."""

    means: str
    """What it says, in one line."""
    of: Literal["facts", "nulls", "all"]
    """The pairs it is about: those with planted facts, those without, both."""
    tally: Callable[[PairScore], Tally]
    graded: bool = False
    """Hits are credits between 0 and 1, not counts."""


@dataclass(frozen=True)
class Estimate:
    """A number and how sure it is."""

    value: float | None
    """None: unscored, because there were no trials."""
    interval: Interval | None
    """95 %."""
    trials: int
    """Pairs, findings or facts that were scored; of a graded metric, pairs."""
    unscored: int
    """Those left out because a sentence was not understood."""


def _top_f1(pair: PairScore) -> Tally:
    if pair.top is None:
        return Tally(0, pair.planted)
    return UNSCORED if pair.top.content is None else Tally(2 * pair.top.match.credit, 1 + pair.planted)


def _top_precision(pair: PairScore) -> Tally:
    if pair.top is None:
        return NOTHING
    return UNSCORED if pair.top.content is None else Tally(pair.top.match.credit, 1)


def _top_recall(pair: PairScore) -> Tally:
    if pair.top is None:
        return Tally(0, pair.planted)
    return UNSCORED if pair.top.content is None else Tally(pair.top.match.credit, pair.planted)


def _top_side(pair: PairScore) -> Tally:
    if pair.top is None:
        return NOTHING
    if pair.top.content is None:
        return UNSCORED
    return NOTHING if pair.top.match.fact is None else Tally(pair.top.match.side, 1)


def _top_changed_side(pair: PairScore) -> Tally:
    if pair.top is None:
        return NOTHING
    return UNSCORED if pair.top.content is None else Tally(pair.top.changed_side, 1)


def _top(*wanted: Outcome) -> Callable[[PairScore], Tally]:
    """Of all pairs, those whose top hypothesis has one of these outcomes; silence is none of them."""

    def tally(pair: PairScore) -> Tally:
        if pair.top is None:
            return Tally(0, 1)
        return UNSCORED if pair.top.content is None else Tally(pair.top.outcome in wanted, 1)

    return tally


def _top_where_seen(*wanted: Outcome) -> Callable[[PairScore], Tally]:
    of_all = _top(*wanted)
    return lambda pair: of_all(pair) if pair.verdict == "different" else NOTHING


def _recall(*wanted: Outcome) -> Callable[[PairScore], Tally]:
    """Of all planted facts, those that verified findings tell with one of these outcomes."""

    def tally(pair: PairScore) -> Tally:
        found = [pair.found(fact) for fact in range(pair.planted)]
        unscored = found.count("not understood")
        return Tally(sum(outcome in wanted for outcome in found), len(found) - unscored, unscored)

    return tally


def _verified(*wanted: Outcome) -> Callable[[PairScore], Tally]:
    """Of all verified findings, those with one of these outcomes."""

    def tally(pair: PairScore) -> Tally:
        read: list[Statement] = [statement for statement in pair.verified if statement.content is not None]
        hits = sum(statement.outcome in wanted for statement in read)
        return Tally(hits, len(read), len(pair.verified) - len(read))

    return tally


METRICS: dict[str, Metric] = {
    "top_f1": Metric("top hypothesis: fact F1, with credit for each right attribute", "facts", _top_f1, graded=True),
    "top_precision": Metric("top hypothesis: fact precision, with credit", "facts", _top_precision, graded=True),
    "top_recall": Metric("top hypothesis: fact recall, with credit", "facts", _top_recall, graded=True),
    "top_exact": Metric("top hypothesis: exact (set and every attribute)", "facts", _top("exact")),
    "top_right": Metric("top hypothesis: exact or partly right", "facts", _top("exact", "partly")),
    "top_side": Metric("top hypothesis: side right, where the kind is", "facts", _top_side),
    "top_changed_side": Metric("top hypothesis: names the changed set, whatever the kind", "facts", _top_changed_side),
    "detected": Metric("two-sample test significant", "facts", lambda pair: Tally(pair.verdict == "different", 1)),
    "seen_exact": Metric("of those, top hypothesis exact", "facts", _top_where_seen("exact")),
    "seen_right": Metric("of those, top hypothesis exact or partly right", "facts", _top_where_seen("exact", "partly")),
    "verified_recall": Metric("planted facts verified, exactly or partly right", "facts", _recall("exact", "partly")),
    "verified_exact_recall": Metric("planted facts verified exactly", "facts", _recall("exact")),
    "verified_precision": Metric("verified findings: exact or partly right", "facts", _verified("exact", "partly")),
    "verified_exact": Metric("verified findings: exact", "facts", _verified("exact")),
    "verified_partly": Metric("verified findings: partly right", "facts", _verified("partly")),
    "verified_untrue": Metric("verified findings: untrue but verified", "facts", _verified("untrue")),
    "null_verified": Metric(
        "null pairs with any verified finding", "nulls", lambda pair: Tally(bool(pair.verified), 1)
    ),
    "null_different": Metric(
        "null pairs called different", "nulls", lambda pair: Tally(pair.verdict == "different", 1)
    ),
    "false_discoveries": Metric("verified findings of all pairs, nulls included: untrue", "all", _verified("untrue")),
}


def estimate(metric: Metric, pairs: Sequence[PairScore], domains: Sequence[str], rng: np.random.Generator) -> Estimate:
    """A metric over those of the pairs it is about.

    Args:
        domains: of each pair, the unit that shares base images.
        rng: of the bootstrap.
    """
    chosen = [i for i, pair in enumerate(pairs) if metric.of == "all" or (pair.planted > 0) == (metric.of == "facts")]
    tallies = [metric.tally(pairs[i]) for i in chosen]
    unscored = sum(tally.unscored for tally in tallies)
    counted = [(tally, domains[i]) for tally, i in zip(tallies, chosen, strict=True) if tally.trials]
    if not counted:
        return Estimate(None, None, 0, unscored)
    hits = np.array([tally.hits for tally, _ in counted], float)
    trials = np.array([tally.trials for tally, _ in counted], float)
    hits, trials = _by_domain(hits, trials, [domain for _, domain in counted])
    interval = bootstrap_interval(hits, trials, rng) if metric.graded else share_interval(hits, trials)
    return Estimate(
        value=float(hits.sum() / trials.sum()),
        interval=interval,
        trials=len(counted) if metric.graded else round(float(trials.sum())),
        unscored=unscored,
    )


def _by_domain(hits: Floats, trials: Floats, domains: Sequence[str]) -> tuple[Floats, Floats]:
    """Sums of each domain; where there is only one, the pairs as they are."""
    names, rows = np.unique(domains, return_inverse=True)
    if len(names) == 1:
        return hits, trials
    member = np.arange(len(names))[:, None] == rows
    return member @ hits, member @ trials


def share_interval(hits: Floats, trials: Floats) -> Interval:
    """95 % interval of sum(hits) / sum(trials), a share of counts that vary together within each entry."""
    total = float(trials.sum())
    share = float(hits.sum()) / total
    units, binomial = len(trials), share * (1 - share) / total
    design = 1.0
    if units > 1 and binomial > 0:
        between = float(np.square(hits - share * trials).sum()) / total**2 * units / (units - 1)
        design = max(1.0, between / binomial)
    return _wilson(share, total / design)


def _wilson(share: float, trials: float) -> Interval:
    """As vlmdiff.stats.wilson_interval, for an effective number of trials, which is no whole number."""
    z2 = NORMAL_975**2
    middle = (share * trials + z2 / 2) / (trials + z2)
    half = NORMAL_975 * sqrt(trials * share * (1 - share) + z2 / 4) / (trials + z2)
    return max(middle - half, 0.0), min(middle + half, 1.0)


def bootstrap_interval(hits: Floats, trials: Floats, rng: np.random.Generator) -> Interval:
    """95 % interval of sum(hits) / sum(trials) by drawing the entries anew, with replacement."""
    units = len(trials)
    copies = rng.multinomial(units, np.full(units, 1 / units), RESAMPLES)
    low, high = np.percentile(copies @ hits / (copies @ trials), [2.5, 97.5])
    return float(low), float(high)
