"""From the pairs of a run to its scoreboard: numbers for programs, tables for people."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from data_synth import lexicon
from data_synth.facts import Difference
from data_synth.sources import DRAWN
from eval.metrics import METRICS, Estimate, estimate
from eval.runs import Record
from eval.scores import PairScore, Statement, score
from vlmdiff.findings import Interval
from vlmdiff.render.wording import clean

FAILURES = 30
"""Pairs listed."""


@dataclass(frozen=True)
class Group:
    """Pairs with something in common: a family or a domain."""

    name: str
    pairs: int
    exact: Estimate
    """Intervals of a group take its pairs as independent."""
    f1: Estimate


@dataclass(frozen=True)
class Failure:
    """A pair that was not described exactly, or a null pair of which something was verified."""

    pair: str
    domain: str
    planted: str
    nuisances: str
    verdict: str
    said: tuple[str, ...]
    """The top hypothesis and the verified findings."""


@dataclass(frozen=True)
class Scoreboard:
    """All numbers of a run; equal for equal reports."""

    run: dict[str, Any]
    """Recipes with their hashes, and the system."""
    pairs: dict[str, int]
    """Of each suite."""
    domains_used: int
    photographs: int
    """Different base images that were used."""
    metrics: dict[str, Estimate]
    verdicts: dict[str, dict[str, int]]
    """Of each suite, how often each verdict was given."""
    families: tuple[Group, ...]
    """Worst first, like `domains`."""
    domains: tuple[Group, ...]
    failed: int
    failures: tuple[Failure, ...]
    """At most FAILURES: first what was verified and is untrue, then in the order of the suite."""


def scoreboard(run: dict[str, Any], records: Sequence[Record]) -> Scoreboard:
    """Score every pair of a run.

    Args:
        run: as `runs.identity` gives it.
        records: of all suites.
    """
    scores = [score(record.truth, record.report) for record in records]
    domains = [top_domain(record.truth.domain) for record in records]
    judged = list(zip(records, scores, strict=True))
    failed = [(record, judgement) for record, judgement in judged if _failed(judgement)]
    failed.sort(key=lambda item: all(statement.outcome != "untrue" for statement in item[1].verified))
    suites = dict.fromkeys(record.suite for record in records)
    return Scoreboard(
        run=run,
        pairs=dict(Counter(record.suite for record in records)),
        domains_used=len(set(domains)),
        photographs=len({base for record in records for base in record.truth.bases}),
        metrics={name: estimate(metric, scores, domains, np.random.default_rng(0)) for name, metric in METRICS.items()},
        verdicts={suite: dict(Counter(r.report.verdict for r in records if r.suite == suite)) for suite in suites},
        families=_groups(judged, lambda record: [fact.family for fact in record.truth.difference]),
        domains=_groups(judged, lambda record: [top_domain(record.truth.domain)]),
        failed=len(failed),
        failures=tuple(_failure(*item) for item in failed[:FAILURES]),
    )


def top_domain(domain: str) -> str:
    """The data set of a domain that may be one of its classes, or the kind of drawn image."""
    return domain if domain in DRAWN else domain.partition("/")[0]


def _groups(
    judged: Sequence[tuple[Record, PairScore]], names_of: Callable[[Record], Iterable[str]]
) -> tuple[Group, ...]:
    members: dict[str, list[PairScore]] = {}
    for record, judgement in judged:
        if judgement.planted:
            for name in names_of(record):
                members.setdefault(name, []).append(judgement)
    groups = []
    for name, scores in members.items():
        one_domain = [name] * len(scores)
        exact, f1 = (
            estimate(METRICS[metric], scores, one_domain, np.random.default_rng(0))
            for metric in ("top_exact", "top_f1")
        )
        groups.append(Group(name, len(scores), exact, f1))
    return tuple(sorted(groups, key=lambda group: (group.exact.value or 0.0, group.f1.value or 0.0, group.name)))


def _failed(judgement: PairScore) -> bool:
    if judgement.planted == 0:
        return bool(judgement.verified)
    return judgement.top is None or judgement.top.outcome != "exact"


def _failure(record: Record, judgement: PairScore) -> Failure:
    shown = [statement for statement in judgement.said if statement is judgement.top or statement.verified]
    return Failure(
        pair=f"{record.suite} {record.truth.index}",
        domain=record.truth.domain,
        planted=_planted(record.truth.difference),
        nuisances="; ".join(lexicon.canonical(content) for content in record.truth.nuisances),
        verdict=record.report.verdict,
        said=tuple(_said(statement) for statement in shown),
    )


def _planted(difference: Difference) -> str:
    if not difference:
        return "nothing"
    return "; ".join(
        f"{fact.side}: {lexicon.canonical(fact.content)} (strength {fact.strength:.2f}, in {fact.prevalence:.0%})"
        for fact in difference
    )


def _said(statement: Statement) -> str:
    verified = "verified" if statement.verified else "unverified"
    return f"{statement.side}: {clean(statement.text)} ({verified}, {statement.outcome})"


def as_json(board: Scoreboard) -> str:
    """The numbers, equal byte for byte for equal reports."""
    return json.dumps(asdict(board), indent=1) + "\n"


def metrics_table(board: Scoreboard) -> str:
    """The metrics as a Markdown table that is readable as it stands."""
    rows = [
        (
            METRICS[name].means,
            _number(number.value),
            _interval(number.interval),
            str(number.trials),
            str(number.unscored),
        )
        for name, number in board.metrics.items()
    ]
    return _table(("score", "value", "95 % interval", "n", "not understood"), rows)


def markdown(board: Scoreboard) -> str:
    """The whole scoreboard as a page."""
    suites = board.run["suites"]
    hashes = ", ".join(
        f"{name} ({count} pairs, recipe {suites[name]['sha256'][:12]})" for name, count in board.pairs.items()
    )
    verdicts = sorted({verdict for counts in board.verdicts.values() for verdict in counts})
    verdict_rows = [
        (suite, *(f"{counts.get(verdict, 0)}" for verdict in verdicts)) for suite, counts in board.verdicts.items()
    ]
    failure_rows = [
        (f.pair, f.domain, f.planted, f.nuisances, f.verdict, "<br>".join(f.said) or "nothing") for f in board.failures
    ]
    sections = [
        f"# Scoreboard: {', '.join(board.pairs)}",
        f"{hashes}; {board.photographs} base images of split {_splits(board)}, {board.domains_used} domains.\n"
        f"System: `{json.dumps(board.run['system'], sort_keys=True)}`",
        metrics_table(board),
        NOTES,
        "## Verdicts",
        _table(("suite", *verdicts), verdict_rows),
        "## Families, worst first",
        _group_table("family", board.families),
        "## Domains, worst first",
        _group_table("domain", board.domains),
        f"## Failures ({len(board.failures)} of {board.failed})",
        "First those of which something untrue was verified, then by index; nuisances are in both sets.",
        _table(("pair", "domain", "planted", "nuisances", "verdict", "said"), failure_rows),
    ]
    return "\n\n".join(sections) + "\n"


NOTES = """\
The top hypothesis is the first of the report, verified or not. Exact: the right set and every attribute. Partly
right: the right set and kind and at least half of the attributes. Untrue: all else that was understood; true side
effects of the planted change are among it. A sentence that the parser does not understand is left out of the numbers
and counted in the last column. A pair of which nothing was said counts as missed in recall, F1, "exact" and "right",
and not at all in precision and side. Intervals take a data set, or a kind of drawn image, as the unit, because its
pairs share base images (eval/metrics.py); those of single families and domains take pairs."""


def _splits(board: Scoreboard) -> str:
    return ", ".join(sorted({suite["recipe"]["config"]["split"] for suite in board.run["suites"].values()}))


def _group_table(kind: str, groups: Sequence[Group]) -> str:
    rows = [
        (g.name, str(g.pairs), _number(g.exact.value), _interval(g.exact.interval), _number(g.f1.value)) for g in groups
    ]
    return _table((kind, "pairs", "exact", "95 % interval", "fact F1"), rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table with columns of even width."""
    cells = [[_cell(cell) for cell in row] for row in (head, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    ruled = [cells[0], ["-" * width for width in widths], *cells[1:]]
    return "\n".join(
        f"| {' | '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))} |" for row in ruled
    )


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _interval(interval: Interval | None) -> str:
    return "-" if interval is None else f"{interval[0]:.3f} to {interval[1]:.3f}"
