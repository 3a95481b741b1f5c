"""What a run tells a clinician: per comparison what was told apart, named and missed; shortcuts; false alarms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from eval.runs import Record
from eval.scores import Grader, PairScore, score
from vlmdiff.errors import InputError
from vlmdiff.findings import Finding, Report
from vlmdiff.render import wording

NAMED, PARTLY, MISSED, UNREAD = "named", "partly named", "missed", "not judged"


@dataclass(frozen=True)
class Said:
    """A verified finding, with the group of images that it names."""

    group: str
    text: str
    effect: str


@dataclass(frozen=True)
class Feature:
    """A known difference, and what became of it."""

    group: str
    text: str
    source: str
    outcome: str
    """Each image for itself; "" where it was not asked (yet)."""
    held_out: str
    """On held-out patients; likewise."""


@dataclass(frozen=True)
class Compared:
    """One comparison of two classes."""

    data_set: str
    name: str
    a: str
    b: str
    images: tuple[int, int]
    groups: tuple[int | None, int | None]
    """None: nobody knows."""
    group_is: str
    told_apart: bool
    sentence: str
    findings: tuple[Said, ...]
    unverified: int
    features: tuple[Feature, ...]
    held_out: str
    """What held on patients that did not suggest it; "" where nobody knows the patients or it was not run yet."""
    caution: str


@dataclass(frozen=True)
class Planted:
    """A shortcut, planted once."""

    shortcut: str
    family: str
    where: str
    """Within which class, or between which."""
    beside: bool
    """Beside a real difference."""
    found: str


@dataclass(frozen=True)
class FalseAlarms:
    """What was said of groups that do not differ."""

    asked: int
    called_different: int
    findings: tuple[str, ...]


@dataclass(frozen=True)
class Clinic:
    """The whole page."""

    suite: str
    system: str
    compared: tuple[Compared, ...]
    planted: tuple[Planted, ...]
    nulls: FalseAlarms
    used: tuple[tuple[str, str, int, int, str], ...]
    """Data set, class, images there are, those used, and what was left out."""
    skipped: tuple[str, ...]
    absent: tuple[str, ...]
    licences: tuple[tuple[str, str, str], ...]
    """Data set, licence, citation."""
    judge: str
    asked: tuple[int, int]
    """Cases answered, cases of the suite."""


def clinic(
    of: Mapping[str, Any], records: Sequence[Record], grade: Grader, judge: str, suite: str = "medical"
) -> Clinic:
    """What a run tells of one suite of labelled images.

    Args:
        of: what the run is of (`runs.finished`).
        grade: of what is known in words.
        judge: a line that says how far the judge agrees with people.

    Raises:
        InputError: the run has no such suite.
    """
    if suite not in of["suites"]:
        raise InputError(f"the run has no suite {suite!r}, but {', '.join(of['suites'])}; run it first")
    recipe = of["suites"][suite]["recipe"]
    mine = [record for record in records if record.suite == suite]
    judged = [(recipe["cases"][r.truth.index], r, score(r.truth, r.report, grade)) for r in mine]
    by_kind = {
        kind: [one for one in judged if one[0]["kind"] == kind] for kind in ("known", "verify", "shortcut", "null")
    }
    sets = recipe["data_sets"]
    verified = {(case["data_set"], case["comparison"]): (case, r, s) for case, r, s in by_kind["verify"]}
    known = {(case["data_set"], case["comparison"]): (case, r, s) for case, r, s in by_kind["known"]}
    names = dict.fromkeys([*known, *verified])
    return Clinic(
        suite=suite,
        system=str(of["system"].get("name", "")),
        compared=tuple(_compared(sets[name[0]], known.get(name), verified.get(name)) for name in names),
        planted=tuple(_planted(sets, *one) for one in by_kind["shortcut"]),
        nulls=_false_alarms(by_kind["null"]),
        used=tuple(_used(sets)),
        skipped=tuple(recipe["skipped"]),
        absent=tuple(recipe["absent"]),
        licences=tuple((one["title"], one["licence"], one["citation"]) for one in sets.values()),
        judge=judge,
        asked=(len(mine), len(recipe["cases"])),
    )


_Count = TypeVar("_Count")
_Judged = tuple[Mapping[str, Any], Record, PairScore]


def _compared(data_set: Mapping[str, Any], known: _Judged | None, verify: _Judged | None) -> Compared:
    asked = {name: one for name, one in (("known", known), ("verify", verify)) if one}
    case, record, _ = next(iter(asked.values()))
    listed = {one["name"]: one for one in data_set["manifest"]["comparisons"]}.get(case["comparison"], {})
    a, b = listed.get("a", case["a"]), listed.get("b", case["b"])
    report = record.report
    judged = {name: _features(one) for name, one in asked.items()}
    features = []
    for k in record.truth.known:
        key = case[k.side], k.text
        outcomes = [judged[name][key] if name in judged else "" for name in ("known", "verify")]
        features.append(Feature(*key, k.source, *outcomes))
    return Compared(
        data_set=data_set["title"],
        name=case["comparison"],
        a=a,
        b=b,
        images=_in_order(case, case["images"], a),
        groups=_in_order(case, case["groups"], a),
        group_is=data_set["group_is"],
        told_apart=report.verdict == "different",
        sentence=apart(report),
        findings=tuple(_said(case, finding) for finding in _verified(report)),
        unverified=len(report.findings) - len(_verified(report)),
        features=tuple(features),
        held_out=_held_out(data_set["group_is"], verify) if verify else "",
        caution=listed.get("caution", ""),
    )


def _features(asked: _Judged) -> dict[tuple[str, str], str]:
    """What became of each known feature, by group and text."""
    case, record, judgement = asked
    known = zip(record.truth.known, judgement.named, strict=True)
    return {(case[one.side], one.text): _outcome(grade) for one, grade in known}


def _in_order(case: Mapping[str, Any], counts: Sequence[_Count], a: str) -> tuple[_Count, _Count]:
    """First that of the class that the manifest names first."""
    first, second = counts
    return (first, second) if case["a"] == a else (second, first)


def _outcome(grade: float | None) -> str:
    if grade is None:
        return UNREAD
    return NAMED if grade >= 1 else PARTLY if grade > 0 else MISSED


def _verified(report: Report) -> list[Finding]:
    return wording.split(report)[0]


def _said(case: Mapping[str, Any], finding: Finding) -> Said:
    group, other = case[finding.side], case["b" if finding.side == "a" else "a"]
    share = wording.in_hundred(finding.auroc)
    here, there = (finding.rate_a, finding.rate_b) if finding.side == "a" else (finding.rate_b, finding.rate_a)
    effect = (
        f"Of 100 pairs of images, one of each group, the one from {group} fits better in {share}. Judged to show it: "
        f"{wording.percent(here)} of {group}, {wording.percent(there)} of {other} "
        f"({wording.relation('q', finding.q_value)})."
    )
    return Said(group, wording.clean(finding.text), effect)


def apart(report: Report) -> str:
    """Whether the two groups can be told apart, with the AUROC and p in plain words."""
    test = report.test
    numbers = (
        f"AUROC {wording.number(test.auroc)} {wording.interval(test.auroc_ci)}, {wording.relation('p', test.p_value)}"
    )
    if report.verdict == "not enough images":
        return "There are too few images to say."
    if report.verdict == "no detectable difference":
        return (
            f"They cannot be told apart with this many images ({numbers}). Differences with an AUROC of "
            f"{wording.number(test.smallest_detectable_auroc)} or more would most likely have been noticed."
        )
    return (
        f"They can be told apart. Given one image of each that it has not seen, a classifier says which is which in "
        f"{wording.in_hundred(test.auroc)} of 100 tries; {by_chance(test.p_value)} ({numbers})."
    )


def by_chance(p: float) -> str:
    """A p-value in words: how often as much is seen where nothing differs."""
    if p <= 0.001:
        return "by chance alone as much would be seen in at most 1 of 1,000 such comparisons"
    return f"by chance alone as much would be seen in about {max(1, round(1000 * p))} of 1,000 such comparisons"


def _held_out(group_is: str, verify: _Judged) -> str:
    case, record, _ = verify
    found = _verified(record.report)
    kept = f"With every {group_is} kept whole, and all that is said tested on images of other {group_is}s"
    if record.report.verdict != "different":
        return f"{kept}: the groups cannot be told apart."
    if not found:
        return f"{kept}: they can be told apart, but no sentence could be verified."
    said = "; ".join(f"{case[finding.side]}: {wording.clean(finding.text)}" for finding in found)
    return f"{kept}: {wording.count(len(found), 'finding')} verified. {said}."


def _planted(sets: Mapping[str, Any], case: Mapping[str, Any], record: Record, judgement: PairScore) -> Planted:
    (fact,) = record.truth.difference
    beside = bool(record.truth.known)
    found = {"exact": "found", "partly": "partly found", "untrue": "missed", "not understood": UNREAD}
    where = f"{case['a']} against {case['b']}, in {case[fact.side]}" if beside else f"in one half of {case['a']}"
    title = sets[case["data_set"]]["title"]
    return Planted(case["shortcut"], fact.family, f"{title}: {where}", beside, found[judgement.found(0)])


def _false_alarms(nulls: Iterable[_Judged]) -> FalseAlarms:
    judged = list(nulls)
    findings = [f"{case['a']}: {wording.clean(f.text)}" for case, r, _ in judged for f in _verified(r.report)]
    return FalseAlarms(len(judged), sum(r.report.verdict == "different" for _, r, _ in judged), tuple(findings))


def _used(sets: Mapping[str, Any]) -> Iterable[tuple[str, str, int, int, str]]:
    for one in sets.values():
        for name, counts in one["classes"].items():
            reasons = {why: n for why, n in counts.items() if why not in ("there", "drawn")}
            yield one["title"], name, counts["there"], counts["drawn"], _counted(reasons)
        if one["noticed"]:
            most = dict(Counter(one["noticed"]).most_common(6))
            more = len(one["noticed"]) - len(most)
            yield one["title"], "files", 0, 0, _counted(most) + (f"; and {more} more kinds" if more else "")


def _counted(reasons: Mapping[str, int]) -> str:
    return "; ".join(f"{n} x {why}" for why, n in reasons.items())
