"""Two runs over the same pairs: is one better? Paired differences with intervals, and a gate against regressions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.judge import JudgeOptions, open_judge
from eval.metrics import BOUNDS, HEADLINE, METRICS, ratio_interval, tallies, units
from eval.runs import Record, finished
from eval.scoreboard import PLAIN, applicable, grader
from eval.scores import score
from eval.tables import interval_text, number_text, table
from vlmdiff.errors import InputError, UsageError
from vlmdiff.findings import Interval

RESAMPLES = 4_000


@dataclass(frozen=True)
class PairParts:
    """What one pair adds to every metric."""

    unit: str
    """Pairs of one name are not independent; see `metrics.units`."""
    parts: dict[str, tuple[float, float]]
    """Hits and trials, by metric; only where there are trials."""


@dataclass(frozen=True)
class SuiteParts:
    """The pairs of one suite, by index."""

    sha256: str
    pairs: dict[int, PairParts]


@dataclass(frozen=True)
class Tallied:
    """All that a comparison needs of a run; small enough to keep beside the code."""

    system: dict[str, Any]
    suites: dict[str, SuiteParts]


@dataclass(frozen=True)
class Change:
    """One metric of one suite in both runs."""

    suite: str
    metric: str
    before: float
    after: float
    difference: float
    interval: Interval
    """95 %, of the difference."""
    pairs: int
    """That count in either run."""
    units: int

    @property
    def worse(self) -> bool:
        """Beyond noise: the whole interval lies on the bad side."""
        better = METRICS[self.metric].better
        return (better == "higher" and self.interval[1] < 0) or (better == "lower" and self.interval[0] > 0)


@dataclass(frozen=True)
class Comparison:
    """The second run against the first."""

    before: dict[str, Any]
    """The system."""
    after: dict[str, Any]
    changes: tuple[Change, ...]
    alone: tuple[str, ...]
    """Suites that only one of the runs has."""
    over: tuple[str, ...]
    """What is above its bound in the second run, in words."""

    @property
    def regressions(self) -> tuple[str, ...]:
        """Why a gate stays shut; empty: nothing is worse beyond noise."""
        worse = [change for change in self.changes if change.metric in HEADLINE and change.worse]
        told = [f"{c.suite}: {METRICS[c.metric].means}: {c.difference:+.3f}, {_signed(c.interval)}" for c in worse]
        return (*told, *self.over)


def tallied(
    run: dict[str, Any], records: Sequence[Record], judge: str = "parser", options: JudgeOptions = PLAIN
) -> Tallied:
    """Every pair's part of every metric.

    Args:
        run: as `runs.identity` gives it.
    """
    known = any(record.truth.known for record in records)
    grade = grader(open_judge(judge, options)) if known else None
    suites = {}
    for name, described in run["suites"].items():
        own = [record for record in records if record.suite == name]
        scores = [score(record.truth, record.report, grade) for record in own]
        columns = {metric: tallies(METRICS[metric], scores) for metric in applicable(scores)}
        unit = units([record.truth for record in own])
        suites[name] = SuiteParts(
            described["sha256"],
            {
                record.truth.index: PairParts(
                    unit[row],
                    {
                        metric: (float(c[row].hits), float(c[row].trials))
                        for metric, c in columns.items()
                        if c[row].trials
                    },
                )
                for row, record in enumerate(own)
            },
        )
    return Tallied(run["system"], suites)


def read(place: Path) -> Tallied:
    """A run's folder, or the file that `as_json` was written to.

    Raises:
        InputError: neither is there, or it is damaged.
    """
    if place.is_dir():
        return tallied(*finished(place))
    try:
        kept = json.loads(place.read_text(encoding="utf-8"))
        suites = {
            name: SuiteParts(
                suite["sha256"],
                {
                    index: PairParts(unit, {metric: (hits, trials) for metric, (hits, trials) in parts.items()})
                    for index, unit, parts in suite["pairs"]
                },
            )
            for name, suite in kept["suites"].items()
        }
        return Tallied(kept["system"], suites)
    except OSError as error:
        raise InputError(f"{place}: {error.strerror}; expected the folder of a run or a kept reference") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{place} is no kept reference; write it anew with `python -m eval keep RUN FILE`") from error


def as_json(run: Tallied) -> str:
    """The run in a small file: a line a pair, so that a change of it can be read."""
    suites = []
    for name, suite in run.suites.items():
        rows = ",\n".join(
            json.dumps(
                [
                    index,
                    pair.unit,
                    {metric: [_short(hits), _short(trials)] for metric, (hits, trials) in pair.parts.items()},
                ]
            )
            for index, pair in sorted(suite.pairs.items())
        )
        suites.append(f'{json.dumps(name)}: {{"sha256": {json.dumps(suite.sha256)}, "pairs": [\n{rows}\n]}}')
    return f'{{"system": {json.dumps(run.system, sort_keys=True)},\n"suites": {{\n' + ",\n".join(suites) + "\n}}\n"


def _short(number: float) -> float | int:
    return int(number) if number == int(number) else number


def compare(before: Tallied, after: Tallied) -> Comparison:
    """The second run less the first, for every suite that both have.

    Raises:
        UsageError: they have no suite in common, or one of other pairs.
    """
    common = [name for name in before.suites if name in after.suites]
    other = [name for name in common if before.suites[name].sha256 != after.suites[name].sha256]
    if other:
        hashes = "; ".join(
            f"{name} ({before.suites[name].sha256[:12]} and {after.suites[name].sha256[:12]})" for name in other
        )
        raise UsageError(f"the runs are of different pairs, their recipes differ: {hashes}; run one of them again")
    if not common:
        raise UsageError(f"the runs share no suite: {', '.join(before.suites)} and {', '.join(after.suites)}")
    changes = [
        change
        for name in common
        for metric in METRICS
        if (change := _change(name, metric, before.suites[name].pairs, after.suites[name].pairs))
    ]
    return Comparison(
        before.system,
        after.system,
        tuple(changes),
        tuple(sorted(set(before.suites) ^ set(after.suites))),
        tuple(told for name in common for told in _over(name, after.suites[name])),
    )


def _change(suite: str, metric: str, before: dict[int, PairParts], after: dict[int, PairParts]) -> Change | None:
    """None where one of the runs has no trials."""
    nothing = (0.0, 0.0)
    rows = [
        (i, before[i].parts.get(metric, nothing), after[i].parts.get(metric, nothing)) for i in before if i in after
    ]
    rows = [row for row in rows if row[1][1] or row[2][1]]
    sums = np.array([[*old, *new] for _, old, new in rows], float).reshape(-1, 4)
    if not (sums[:, 1].sum() and sums[:, 3].sum()):
        return None
    names, of = np.unique([before[i].unit for i, _, _ in rows], return_inverse=True)
    by_unit = (np.arange(len(names))[:, None] == of).astype(float) @ sums
    old, new = (float(sums[:, at].sum() / sums[:, at + 1].sum()) for at in (0, 2))
    return Change(suite, metric, old, new, new - old, paired_interval(by_unit), len(rows), len(names))


def paired_interval(sums: NDArray[np.float64]) -> Interval:
    """95 % interval of a difference of two ratios, by drawing units with replacement; seeded, so that it repeats.

    Args:
        sums: hits and trials before, hits and trials after, of each unit, (units, 4).
    """
    found = len(sums)
    if found == 1:
        return -1.0, 1.0
    copies = np.random.default_rng(0).multinomial(found, np.full(found, 1 / found), RESAMPLES) @ sums
    copies = copies[(copies[:, 1] > 0) & (copies[:, 3] > 0)]
    drawn = copies[:, 2] / copies[:, 3] - copies[:, 0] / copies[:, 1]
    # The bootstrap of few units is too narrow by this factor (Davison and Hinkley 1997, section 2.3).
    widen = (found / (found - 1)) ** 0.5
    middle = float(sums[:, 2].sum() / sums[:, 3].sum() - sums[:, 0].sum() / sums[:, 1].sum())
    low, high = (middle + widen * (float(end) - middle) for end in np.percentile(drawn, [2.5, 97.5]))
    return max(low, -1.0), min(high, 1.0)


def _over(name: str, suite: SuiteParts) -> list[str]:
    told = []
    for metric, bound in BOUNDS.items():
        sums: dict[str, list[float]] = {}
        for pair in suite.pairs.values():
            hits, trials = pair.parts.get(metric, (0.0, 0.0))
            own = sums.setdefault(pair.unit, [0.0, 0.0])
            own[0], own[1] = own[0] + hits, own[1] + trials
        used = np.array([own for own in sums.values() if own[1]]).reshape(-1, 2)
        if len(used) and (interval := ratio_interval(used[:, 0], used[:, 1]))[0] > bound:
            share = used[:, 0].sum() / used[:, 1].sum()
            told.append(
                f"{name}: {METRICS[metric].means}: {share:.3f}, {interval_text(interval)}, is above its bound {bound}"
            )
    return told


def markdown(found: Comparison) -> str:
    """The comparison as a page."""
    rows = [
        (
            *(change.suite, METRICS[change.metric].means, number_text(change.before), number_text(change.after)),
            *(f"{change.difference:+.3f}", _signed(change.interval), f"{change.pairs} ({change.units})"),
            "worse" if change.worse else "",
        )
        for change in found.changes
    ]
    parts = [
        "# Comparison",
        f"Before: `{json.dumps(found.before, sort_keys=True)}`\n\nAfter: `{json.dumps(found.after, sort_keys=True)}`",
        table(("suite", "score", "before", "after", "difference", "95 % interval", "pairs (units)", ""), rows),
        "The same pairs in both runs; the interval is that of the paired difference, from a bootstrap in which pairs "
        "that share base images go together. Worse: the whole interval is on the bad side.",
    ]
    if found.alone:
        parts.append(f"Only one of the runs has: {', '.join(found.alone)}.")
    if found.regressions:
        parts.append("## Regressions\n\n" + "\n".join(f"* {told}" for told in found.regressions))
    return "\n\n".join(parts) + "\n"


def _signed(interval: Interval) -> str:
    return f"{interval[0]:+.3f} to {interval[1]:+.3f}"
