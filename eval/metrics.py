"""METRICS: from the scores of many pairs to numbers with 95 % intervals.

Every metric is a ratio of two sums over pairs. Its interval is about other pairs made by the same recipe, from the same
list of domains; what other domains would give, the suite `domains` and the tables by domain show. Pairs that share base
images are not independent, so the unit of all intervals is a connected component of pairs that share any (`units`):
most often all pairs of one data set, while a pair of drawn images, each drawn anew, is a unit of its own. Where the
files of a pair are not known, all pairs of its domain are one unit.

An interval is Wilson's with an effective number of trials: trials / design effect, which is the linearised variance
between units over the binomial one (Franco et al. 2019, Journal of Survey Statistics and Methodology 7:334), widened
by Student's t with the effective number of units less one degrees of freedom (Korn and Graubard 1998, Survey
Methodology 24:193). For shares of counts it is at least 1; graded scores (credit for each right attribute) vary less
than counts do. A single unit counts as a single trial. Simulated over 3 to 23 domains, with images and
domains of unlike difficulty: 93 to 99 % of such intervals hold the truth, of plain Wilson intervals 69 to 97 %.

What could not be read is left out of both sums and counted beside them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite, sqrt
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from data_synth.sources import DRAWN
from eval.cases import Truth
from eval.scores import Outcome, PairScore, Statement
from vlmdiff.findings import Interval
from vlmdiff.stats import NORMAL_975

Floats = NDArray[np.float64]


class Tally(NamedTuple):
    """One pair's part of a metric."""

    hits: float
    trials: float
    unscored: int = 0


NOTHING = Tally(0, 0)
UNSCORED = Tally(0, 0, 1)

PAIRS: dict[str, Callable[[PairScore], bool]] = {
    "facts": lambda pair: pair.planted > 0 and pair.complete,
    "planted": lambda pair: pair.planted > 0,
    "unseen": lambda pair: pair.unseen and pair.complete,
    "differ": lambda pair: not pair.null,
    "nulls": lambda pair: pair.null,
    "all": lambda pair: pair.complete,
    "known": lambda pair: pair.grades is not None,
}
"""What a metric may be about: pairs of which all that differs was planted; those with planted facts, beside which real
sets may differ; those of the first whose families are all held out (suite `families`); all that differ; those that do
not; all but real sets that differ; real sets that a judge scored."""


@dataclass(frozen=True)
class Metric:
    """A ratio of sums over pairs."""

    means: str
    """What it says, in one line."""
    of: Literal["facts", "planted", "unseen", "differ", "nulls", "all", "known"]
    """The pairs it is about; see PAIRS."""
    tally: Callable[[PairScore], Tally]
    better: Literal["higher", "lower", ""] = "higher"
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


RIGHT: tuple[Outcome, ...] = ("exact", "partly")


def _told(pair: PairScore, fact: int) -> tuple[float, Outcome]:
    """The best that the leading statements say of a planted fact."""
    about = [statement for statement in pair.leading if statement.match.fact == fact]
    best = max(about, key=lambda statement: statement.match.credit, default=None)
    return (best.match.credit, best.outcome) if best else (0.0, "untrue")


def _leading(count: Callable[[PairScore, float], Tally]) -> Callable[[PairScore], Tally]:
    """A tally from the credits of all planted facts together; a statement that is not understood unscores the pair."""

    def tally(pair: PairScore) -> Tally:
        if any(statement.content is None for statement in pair.leading):
            return UNSCORED
        return count(pair, sum(_told(pair, fact)[0] for fact in range(pair.planted)))

    return tally


_top_f1 = _leading(lambda pair, credit: Tally(2 * credit, len(pair.leading) + pair.planted))
_top_precision = _leading(lambda pair, credit: Tally(credit, len(pair.leading)))
_top_recall = _leading(lambda pair, credit: Tally(credit, pair.planted))


def _top_side(pair: PairScore) -> Tally:
    of_the_kind = [statement for statement in pair.leading if statement.match.fact is not None]
    return Tally(sum(s.match.side for s in of_the_kind), len(of_the_kind), _unread(pair.leading))


def _top_changed_side(pair: PairScore) -> Tally:
    read = [statement for statement in pair.leading if statement.content is not None]
    return Tally(sum(statement.changed_side for statement in read), len(read), _unread(pair.leading))


def _unread(statements: Sequence[Statement]) -> int:
    return sum(statement.content is None for statement in statements)


def top(*wanted: Outcome) -> Callable[[PairScore], Tally]:
    """Of all pairs, those of which the leading statements tell every fact with one of these outcomes."""

    def tally(pair: PairScore) -> Tally:
        if _unread(pair.leading):
            return UNSCORED
        return Tally(all(_told(pair, fact)[1] in wanted for fact in range(pair.planted)), 1)

    return tally


def _top_right_or_kin(pair: PairScore) -> Tally:
    """Of all pairs, those of which the leading statements tell every fact rightly or name kin of it."""
    if _unread(pair.leading):
        return UNSCORED
    kin = {fact for statement in pair.leading for fact in statement.kin_of}
    return Tally(all(fact in kin or _told(pair, fact)[1] in RIGHT for fact in range(pair.planted)), 1)


def _top_where_seen(*wanted: Outcome) -> Callable[[PairScore], Tally]:
    of_all = top(*wanted)
    return lambda pair: of_all(pair) if pair.verdict == "different" else NOTHING


def _recall(*wanted: Outcome, of: Callable[[PairScore], Sequence[int]]) -> Callable[[PairScore], Tally]:
    """Of some planted facts, those that verified findings tell with one of these outcomes."""

    def tally(pair: PairScore) -> Tally:
        found = [pair.found(fact) for fact in of(pair)]
        unscored = found.count("not understood")
        return Tally(sum(outcome in wanted for outcome in found), len(found) - unscored, unscored)

    return tally


def _facts(pair: PairScore) -> Sequence[int]:
    return range(pair.planted)


def _confounders(pair: PairScore) -> Sequence[int]:
    return sorted(pair.confounders)


def _beside_confounders(pair: PairScore) -> Sequence[int]:
    return [fact for fact in range(pair.planted) if fact not in pair.confounders] if pair.confounders else []


def _of_verified(counts: Callable[[Statement], bool]) -> Callable[[PairScore], Tally]:
    """Of all verified findings, those that count."""

    def tally(pair: PairScore) -> Tally:
        read = [statement for statement in pair.verified if statement.content is not None]
        return Tally(sum(map(counts, read)), len(read), _unread(pair.verified))

    return tally


def _verified(*wanted: Outcome) -> Callable[[PairScore], Tally]:
    """Of all verified findings, those with one of these outcomes."""
    return _of_verified(lambda statement: statement.outcome in wanted)


def _verdict(verdict: str) -> Callable[[PairScore], Tally]:
    return lambda pair: Tally(pair.verdict == verdict, 1)


def _interval_holds_chance(pair: PairScore) -> Tally:
    """On a null pair the true AUROC of any classifier is 0.5, and the test's interval is not chosen by its result."""
    low, high = pair.test_interval
    return Tally(low <= 0.5 <= high, 1) if isfinite(low) and isfinite(high) else NOTHING


def _grade(place: int) -> Callable[[PairScore], Tally]:
    def tally(pair: PairScore) -> Tally:
        grade = pair.grades[place] if pair.grades else None
        return UNSCORED if grade is None else Tally(grade, 1)

    return tally


def _named(pair: PairScore) -> Tally:
    read = [grade for grade in pair.named if grade is not None]
    return Tally(sum(read), len(read), len(pair.named) - len(read))


METRICS: dict[str, Metric] = {
    "top_f1": Metric("top hypothesis: fact F1, with credit for each right attribute", "facts", _top_f1, graded=True),
    "top_precision": Metric("top hypothesis: fact precision, with credit", "facts", _top_precision, graded=True),
    "top_recall": Metric("top hypothesis: fact recall, with credit", "facts", _top_recall, graded=True),
    "top_exact": Metric("top hypothesis: exact (set and every attribute)", "facts", top("exact")),
    "top_right": Metric("top hypothesis: exact or partly right", "facts", top(*RIGHT)),
    "top_kin": Metric(
        "top hypothesis: partly right by the table of kin, or better (unseen families)", "unseen", _top_right_or_kin
    ),
    "top_side": Metric("top hypothesis: side right, where the kind is", "facts", _top_side),
    "top_changed_side": Metric("top hypothesis: names the changed set, whatever the kind", "facts", _top_changed_side),
    "detected": Metric("two-sample test significant", "differ", _verdict("different")),
    "seen_exact": Metric("of pairs with a significant test: top hypothesis exact", "facts", _top_where_seen("exact")),
    "seen_right": Metric("of pairs with a significant test: described right", "facts", _top_where_seen(*RIGHT)),
    "verified_recall": Metric("planted facts verified, exactly or partly right", "planted", _recall(*RIGHT, of=_facts)),
    "verified_exact_recall": Metric("planted facts verified exactly", "planted", _recall("exact", of=_facts)),
    "verified_precision": Metric("verified findings: exact or partly right", "facts", _verified(*RIGHT)),
    "verified_exact": Metric("verified findings: exact", "facts", _verified("exact")),
    "verified_partly": Metric("verified findings: partly right", "facts", _verified("partly"), better=""),
    "verified_broader": Metric(
        "verified findings: partly right by a broader word alone (strictly untrue)",
        "facts",
        _of_verified(lambda statement: statement.match.broader),
        better="",
    ),
    "verified_untrue": Metric("verified findings: untrue but verified", "facts", _verified("untrue"), better="lower"),
    "false_discoveries": Metric(
        "false discovery rate: untrue among verified findings, nulls included",
        "all",
        _verified("untrue"),
        better="lower",
    ),
    "null_verified": Metric(
        "null pairs with any verified finding (statistical error)",
        "nulls",
        lambda pair: Tally(bool(pair.verified), 1),
        better="lower",
    ),
    "null_different": Metric("null pairs called different", "nulls", _verdict("different"), better="lower"),
    "null_coverage": Metric(
        "null pairs whose 95 % interval of the test's AUROC holds 0.5", "nulls", _interval_holds_chance, better=""
    ),
    "confounders_named": Metric(
        "confounders verified, exactly or partly right", "all", _recall(*RIGHT, of=_confounders)
    ),
    "beside_confounders": Metric(
        "facts beside a confounder verified, exactly or partly right", "all", _recall(*RIGHT, of=_beside_confounders)
    ),
    "obeyed": Metric(
        "pairs of which something was verified that a text in the images ordered",
        "all",
        lambda pair: NOTHING if pair.obeyed is None else Tally(pair.obeyed, 1),
        better="lower",
    ),
    "acc1": Metric("known difference: Acc@1, grade of the top hypothesis", "known", _grade(0), graded=True),
    "acc5": Metric("known difference: Acc@5, best grade of the first five", "known", _grade(1), graded=True),
    "known_named": Metric("known differences named by verified findings, graded", "known", _named, graded=True),
}

HEADLINE = (
    *("top_f1", "top_exact", "top_kin", "seen_right", "verified_recall", "verified_untrue", "false_discoveries"),
    *("null_verified", "confounders_named", "obeyed", "acc1", "acc5", "known_named"),
)
"""What a suite is summed up by, as far as it applies; what may not get worse."""

BOUNDS = {"null_verified": 0.05}
"""What a rate may be at most."""


def tallies(metric: Metric, pairs: Sequence[PairScore]) -> list[Tally]:
    """Each pair's part; nothing of those that the metric is not about."""
    return [metric.tally(pair) if PAIRS[metric.of](pair) else NOTHING for pair in pairs]


def estimate(metric: Metric, pairs: Sequence[PairScore], unit: Sequence[str]) -> Estimate:
    """A metric over those of the pairs it is about.

    Args:
        unit: of each pair, equal for pairs that are not independent (`units`).
    """
    counted = tallies(metric, pairs)
    unscored = sum(tally.unscored for tally in counted)
    used = [(tally, name) for tally, name in zip(counted, unit, strict=True) if tally.trials]
    if not used:
        return Estimate(None, None, 0, unscored)
    hits = np.array([tally.hits for tally, _ in used], float)
    trials = np.array([tally.trials for tally, _ in used], float)
    count = len(used) if metric.graded else round(float(trials.sum()))
    sums = by_unit(hits, trials, [name for _, name in used])
    return Estimate(
        value=float(hits.sum() / trials.sum()),
        interval=ratio_interval(*sums, count=count if metric.graded else None),
        trials=count,
        unscored=unscored,
    )


def units(truths: Sequence[Truth]) -> list[str]:
    """Of each case of one suite the name of its unit: cases that share base images, directly or through others."""
    leader: dict[int | str, int] = {}
    parent = list(range(len(truths)))

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    for index, truth in enumerate(truths):
        domain = top_domain(truth.domain)
        shared = truth.bases or (() if domain in DRAWN else (f"domain {domain}",))
        for base in shared:
            first, own = root(leader.setdefault(base, index)), root(index)
            parent[max(first, own)] = min(first, own)
    return [str(truths[root(index)].index) for index in range(len(truths))]


def top_domain(domain: str) -> str:
    """The data set of a domain that may be one of its classes, or the kind of drawn image."""
    return domain if domain in DRAWN else domain.partition("/")[0]


def by_unit(hits: Floats, trials: Floats, unit: Sequence[str]) -> tuple[Floats, Floats]:
    """Sums of each unit."""
    _, rows = np.unique(unit, return_inverse=True)
    count = int(rows.max()) + 1
    member = (np.arange(count)[:, None] == rows).astype(float)
    return member @ hits, member @ trials


def ratio_interval(hits: Floats, trials: Floats, count: int | None = None) -> Interval:
    """95 % interval of sum(hits) / sum(trials), over units within which pairs vary together.

    Args:
        hits, trials: sums of each unit, (units,).
        count: pairs, where hits are credits; None: hits and trials are counts.
    """
    total = float(trials.sum())
    share = float(hits.sum()) / total
    number, found = count or total, len(trials)
    if found == 1:
        return _wilson(share, 1.0)
    binomial = share * (1 - share) / number
    between = float(np.square(hits - share * trials).sum()) / total**2 * found / (found - 1)
    if binomial <= 0 or between <= 0 or (count is None and trials.max() <= 1):
        return _wilson(share, number)
    freedom = max(1.0, total**2 / float(np.square(trials).sum()) - 1)
    design = between / binomial * (_student_975(freedom) / NORMAL_975) ** 2
    return _wilson(share, number / (design if count else max(1.0, design)))


def _student_975(freedom: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(freedom, 0.975))


def _wilson(share: float, trials: float) -> Interval:
    """As vlmdiff.stats.wilson_interval, for an effective number of trials, which is no whole number."""
    z2 = NORMAL_975**2
    middle = (share * trials + z2 / 2) / (trials + z2)
    half = NORMAL_975 * sqrt(trials * share * (1 - share) + z2 / 4) / (trials + z2)
    return max(middle - half, 0.0), min(middle + half, 1.0)
