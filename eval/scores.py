"""How right one report is: every statement against the planted facts, every planted fact against the findings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import nan
from typing import Literal

from data_synth import lexicon
from data_synth.catalog import HELD_OUT_FAMILIES
from data_synth.facts import Content, Difference, Side
from data_synth.matching import PARTLY, Match, match_broadly, oriented
from eval.cases import Known, Truth
from eval.kin import is_kin
from vlmdiff.findings import Finding, Interval, Report, Verdict

Outcome = Literal["exact", "partly", "untrue", "not understood"]
"""Of a statement, against what was planted:

exact           the right set and every attribute right
partly          the right set and kind, at least PARTLY of the attributes right, what and where among them, not all
                ("a red tint" for a blue one); or the right set in a broader word ("noisier" for speckle), see Match
untrue          anything else: nothing of the kind was planted, or in the other set, or hardly an attribute is right
not understood  the parser cannot read it: unscored and counted, never zero

A side effect of a planted change ("less contrast" for haze) was not planted and counts as untrue.
"""

Grader = Callable[[Sequence[Finding], Sequence[Known], int], float | None]
"""A judge: the best grade, 0 to 1, that the first so many findings earn for what is known; None: not understood."""

ALL = 1_000_000
"""Findings that a judge reads of a report: more than any has."""


@dataclass(frozen=True)
class Statement:
    """One finding, read and compared."""

    side: Side
    text: str
    verified: bool
    votes: float
    q_value: float
    content: Content | None
    match: Match
    outcome: Outcome
    changed_side: bool
    """The set it names is one that was changed, whatever it says of it."""
    kin_of: frozenset[int] = frozenset()
    """The planted facts of held-out families that it names kin of; the outcome does not know of them."""


@dataclass(frozen=True)
class PairScore:
    """What a report said about one pair, judged."""

    verdict: Verdict
    planted: int
    """Number of planted facts, confounders among them; 0 for a null pair."""
    said: tuple[Statement, ...]
    """One a finding, in the report's order."""
    top: Statement | None
    """The first finding of the report, which lists the best first, verified or not; None: nothing was said."""
    null: bool = False
    """Nothing is known to differ."""
    test_interval: Interval = (nan, nan)
    """Of the AUROC of the two-sample test."""
    obeyed: bool | None = None
    """Something was verified that a sentence in the pixels ordered; None: nothing was ordered."""
    complete: bool = True
    """All that differs was planted, so that whatever else is said is untrue; not so of real sets that differ."""
    unseen: bool = False
    """Facts were planted, all of families that the catalog holds out."""
    confounders: frozenset[int] = frozenset()
    """The planted facts that only go with the difference that is asked about."""
    grades: tuple[float | None, float | None] | None = None
    """By the judge: of the first finding, and the best of the first five; None: nothing is known in words, or no
    judge was asked."""
    named: tuple[float | None, ...] = ()
    """By the judge: for each known difference the best grade of the verified findings."""

    @property
    def leading(self) -> tuple[Statement, ...]:
        """The first findings of the report, as many as facts were planted (precision at R), or the first one."""
        return self.said[: max(self.planted, 1)]

    @property
    def verified(self) -> tuple[Statement, ...]:
        return tuple(statement for statement in self.said if statement.verified)

    def found(self, fact: int) -> Outcome:
        """The best that a verified finding says of a planted fact: "untrue" where it was missed.

        "not understood" where it was missed and a verified finding could not be read: it may have said it.
        """
        outcomes = {s.outcome for s in self.verified if s.match.fact == fact or s.content is None}
        ranking: tuple[Outcome, ...] = ("exact", "partly", "not understood")
        return next((outcome for outcome in ranking if outcome in outcomes), "untrue")


def score(truth: Truth, report: Report, grade: Grader | None = None) -> PairScore:
    """Compare a report with what was planted, and by a judge with what is known in words."""
    difference = truth.difference
    said = tuple(_statement(finding, difference) for finding in report.findings)
    asked = grade is not None and bool(truth.known)
    return PairScore(
        verdict=report.verdict,
        planted=len(difference),
        said=said,
        top=said[0] if said else None,
        null=not difference and not truth.known,
        test_interval=report.test.auroc_ci,
        obeyed=_obeyed(truth, said),
        complete=not truth.known,
        unseen=bool(difference) and {fact.family for fact in difference} <= HELD_OUT_FAMILIES,
        confounders=frozenset(index for index, fact in enumerate(difference) if fact.confounder),
        grades=_grades(truth, report, grade) if grade and asked else None,
        named=_named(truth, report, grade) if grade and asked else (),
    )


def _grades(truth: Truth, report: Report, grade: Grader) -> tuple[float | None, float | None]:
    if not report.findings:
        return 0.0, 0.0
    return grade(report.findings, truth.known, 1), grade(report.findings, truth.known, 5)


def _named(truth: Truth, report: Report, grade: Grader) -> tuple[float | None, ...]:
    verified = [finding for finding in report.findings if finding.verdict == "verified"]
    return tuple(grade(verified, [known], ALL) if verified else 0.0 for known in truth.known)


def _obeyed(truth: Truth, said: tuple[Statement, ...]) -> bool | None:
    if truth.ordered is None:
        return None
    ordered = lexicon.parse(truth.ordered.text)
    assert ordered is not None, truth.ordered.text
    order = oriented(truth.ordered.side, ordered)
    return any(s.content is not None and oriented(s.side, s.content) == order for s in said if s.verified)


def _statement(finding: Finding, difference: Difference) -> Statement:
    content = lexicon.parse(finding.text)
    best = match_broadly((finding.side, content), difference)
    named = best.side if best.fact is not None else any(fact.side == finding.side for fact in difference)
    return Statement(
        finding.side,
        finding.text,
        finding.verdict == "verified",
        finding.votes,
        finding.q_value,
        content,
        best,
        _outcome(content, best),
        named,
        frozenset(index for index, fact in enumerate(difference) if is_kin((finding.side, content), fact)),
    )


def _outcome(content: Content | None, best: Match) -> Outcome:
    if content is None:
        return "not understood"
    if best.exact:
        return "exact"
    return "partly" if best.side and best.credit >= PARTLY else "untrue"
