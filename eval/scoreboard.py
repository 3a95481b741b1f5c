"""From the pairs of a run to its scoreboard: all numbers, each suite by itself; `tables` puts them on a page."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from data_synth import lexicon
from data_synth.facts import Difference
from eval.agreement import agreement_note
from eval.calibration import CONFIDENCES, Calibration, calibration
from eval.cases import Known
from eval.judge import Judge, JudgeOptions, best_grade, open_judge
from eval.metrics import METRICS, Estimate, estimate, top_domain, units
from eval.psychometrics import Curves, curves
from eval.runs import Record
from eval.scores import Grader, PairScore, Statement, score
from vlmdiff.findings import Finding
from vlmdiff.render.wording import clean

PLAIN = JudgeOptions()

FAILURES = 30
"""Pairs listed of a suite."""

GROUPED = {
    "top_exact": "exact",
    "top_f1": "fact F1",
    "top_kin": "right or kin",
    "verified_untrue": "untrue",
    "null_verified": "nulls verified",
    "obeyed": "obeyed",
    "acc1": "Acc@1",
    "acc5": "Acc@5",
}
"""Metrics of a family, a domain or a condition, as far as they apply, and what they are called above a column."""


@dataclass(frozen=True)
class Group:
    """Pairs with something in common: a family, a domain or a condition."""

    name: str
    pairs: int
    scores: dict[str, Estimate]
    """Of GROUPED; intervals of a group take its pairs as independent."""


@dataclass(frozen=True)
class Failure:
    """A pair that was not described exactly, or a null pair of which something was verified."""

    suite: str
    index: int
    domain: str
    condition: str
    truth: str
    """What was planted, or is known."""
    nuisances: str
    verdict: str
    said: tuple[str, ...]
    """The leading hypotheses and the verified findings."""


@dataclass(frozen=True)
class SuiteBoard:
    """The numbers of one suite."""

    name: str
    sha256: str
    """Of its recipe."""
    holds_out: str
    pairs: int
    domains_used: int
    photographs: int
    """Different base images that were used."""
    units: int
    """Independent ones; see `metrics.units`."""
    metrics: dict[str, Estimate]
    """Those that apply."""
    verdicts: dict[str, int]
    conditions: tuple[Group, ...]
    """In the suite's order; empty where there is one."""
    families: tuple[Group, ...]
    """Worst first, like `domains`."""
    domains: tuple[Group, ...]
    calibrations: tuple[Calibration, ...]
    curves: Curves | None
    failed: int
    failures: tuple[Failure, ...]
    """At most FAILURES: first what was verified and is untrue, then in the order of the suite."""


@dataclass(frozen=True)
class Scoreboard:
    """All numbers of a run; equal for equal reports."""

    run: dict[str, Any]
    """Recipes with their hashes, and the system."""
    judge: str
    """How far the judge of what is known in words agrees with people; "" where none was asked."""
    suites: tuple[SuiteBoard, ...]
    core_and_nulls: Estimate | None
    """False discovery rate where half of the pairs are null; None: the run has not both suites."""


def judged(
    run: dict[str, Any], records: Sequence[Record], judge: str = "parser", options: JudgeOptions = PLAIN
) -> Scoreboard:
    """The scoreboard of a run, with what is known in words scored by a judge.

    Raises:
        UsageError: there is no such judge, or an option that it needs is absent.
        ModelError: its model is missing or damaged.
    """
    if not any(record.truth.known for record in records):
        return scoreboard(run, records)
    return scoreboard(run, records, grader(open_judge(judge, options)), agreement_note(judge, options))


def grader(judge: Judge) -> Grader:
    """A judge's grades of 0 to 2, halved."""

    def grade(findings: Sequence[Finding], known: Sequence[Known], first: int) -> float | None:
        found = best_grade(findings, known, judge, first)
        return None if found is None else found / 2

    return grade


def scoreboard(
    run: dict[str, Any], records: Sequence[Record], grade: Grader | None = None, judge: str = ""
) -> Scoreboard:
    """Score every pair of a run.

    Args:
        run: as `runs.identity` gives it.
        records: of all suites.
        grade: the judge of what is known in words; None: that stays unscored.
        judge: what is to be said of it.
    """
    judged: dict[str, list[tuple[Record, PairScore]]] = {}
    for record in records:
        judged.setdefault(record.suite, []).append((record, score(record.truth, record.report, grade)))
    asked = grade is not None and any(record.truth.known for record in records)
    return Scoreboard(
        run=run,
        judge=judge if asked else "",
        suites=tuple(_suite(name, run["suites"][name], pairs) for name, pairs in judged.items()),
        core_and_nulls=_together([judged["core"], judged["nulls"]]) if {"core", "nulls"} <= set(judged) else None,
    )


def _suite(name: str, described: dict[str, Any], judged: Sequence[tuple[Record, PairScore]]) -> SuiteBoard:
    records, scores = [record for record, _ in judged], [judgement for _, judgement in judged]
    unit = units([record.truth for record in records])
    found = {metric: estimate(METRICS[metric], scores, unit) for metric in applicable(scores)}
    failed = [(record, judgement) for record, judgement in judged if _failed(judgement)]
    failed.sort(key=lambda item: not _untrue(item[1]))
    conditions = _groups(judged, lambda record: [record.truth.condition] if record.truth.condition else [])
    order = list(dict.fromkeys(record.truth.condition for record in records))
    return SuiteBoard(
        name=name,
        sha256=described["sha256"],
        holds_out=described["holds_out"],
        pairs=len(records),
        domains_used=len({top_domain(record.truth.domain) for record in records}),
        photographs=len({base for record in records for base in record.truth.bases}),
        units=len(set(unit)),
        metrics={metric: number for metric, number in found.items() if number.trials or number.unscored},
        verdicts=dict(sorted(Counter(record.report.verdict for record in records).items())),
        conditions=tuple(sorted(conditions, key=lambda group: order.index(group.name))),
        families=_groups(judged, lambda record: [fact.family for fact in record.truth.difference]),
        domains=_groups(judged, lambda record: [top_domain(record.truth.domain)]),
        calibrations=tuple(c for confidence in CONFIDENCES if (c := calibration(confidence, scores, unit))),
        curves=curves(described["axis"], records, scores, unit),
        failed=len(failed),
        failures=tuple(_failure(*item) for item in failed[:FAILURES]),
    )


def applicable(scores: Sequence[PairScore]) -> list[str]:
    """The metrics of a suite; its false discovery rate says something new only where null pairs are among others."""
    mixed = any(pair.null for pair in scores) and any(pair.planted for pair in scores)
    return [name for name in METRICS if mixed or name != "false_discoveries"]


def _together(suites: Sequence[Sequence[tuple[Record, PairScore]]]) -> Estimate:
    """Suites share base images, so a unit may reach over them."""
    pairs = [pair for suite in suites for pair in suite]
    unit = units([record.truth for record, _ in pairs])
    return estimate(METRICS["false_discoveries"], [judgement for _, judgement in pairs], unit)


def _groups(
    judged: Sequence[tuple[Record, PairScore]], names_of: Callable[[Record], Iterable[str]]
) -> tuple[Group, ...]:
    members: dict[str, list[PairScore]] = {}
    for record, judgement in judged:
        for name in dict.fromkeys(names_of(record)):
            members.setdefault(name, []).append(judgement)
    groups = []
    for name, scores in members.items():
        alone = [str(number) for number in range(len(scores))]
        found = {metric: estimate(METRICS[metric], scores, alone) for metric in GROUPED}
        found = {metric: number for metric, number in found.items() if number.trials or number.unscored}
        groups.append(Group(name, len(scores), found))
    return tuple(sorted(groups, key=_badness))


def _badness(group: Group) -> tuple[float, float, str]:
    values = [
        (value if METRICS[metric].better == "higher" else 1 - value)
        for metric, number in group.scores.items()
        if (value := number.value) is not None
    ]
    return (values or [0.0])[0], (values or [0.0])[-1], group.name


def _untrue(judgement: PairScore) -> bool:
    return judgement.complete and any(statement.outcome == "untrue" for statement in judgement.verified)


def _failed(judgement: PairScore) -> bool:
    if judgement.obeyed:
        return True
    if judgement.null:
        return bool(judgement.verified)
    if not judgement.complete:
        return judgement.grades is not None and judgement.grades[1] is not None and judgement.grades[1] < 1
    return METRICS["top_exact"].tally(judgement).hits < 1


def _failure(record: Record, judgement: PairScore) -> Failure:
    leading = set(map(id, judgement.leading))
    shown = [statement for statement in judgement.said if id(statement) in leading or statement.verified]
    known = [f"{known.side}: {clean(known.text)}" for known in record.truth.known]
    return Failure(
        suite=record.suite,
        index=record.truth.index,
        domain=record.truth.domain,
        condition=record.truth.condition,
        truth="; ".join([*_planted(record.truth.difference), *known]) or "nothing",
        nuisances="; ".join(lexicon.canonical(content) for content in record.truth.nuisances),
        verdict=record.report.verdict,
        said=tuple(_said(statement, judgement.complete) for statement in shown),
    )


def _planted(difference: Difference) -> list[str]:
    return [
        f"{fact.side}: {lexicon.canonical(fact.content)} (strength {fact.strength:.2f}, in {fact.prevalence:.0%}"
        + (", confounder)" if fact.confounder else ")")
        for fact in difference
    ]


def _said(statement: Statement, complete: bool) -> str:
    verified = "verified" if statement.verified else "unverified"
    outcome = f", {statement.outcome}" if complete else ""
    return f"{statement.side}: {clean(statement.text)} ({verified}{outcome})"


def as_json(board: Scoreboard) -> str:
    """The numbers, equal byte for byte for equal reports."""
    return json.dumps(asdict(board), indent=1) + "\n"
