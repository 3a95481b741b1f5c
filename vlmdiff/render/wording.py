"""The sentences and numbers that the terminal and the page share."""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # an error message is cleaned without loading the types
    from vlmdiff.findings import Column, Estimate, Finding, Interval, Report, Side, SideImages, Within

_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # colours, cursor
    r"|(?:\x1b[\]P^_X]|[\x90\x98\x9d-\x9f]).*?(?:\x07|\x1b\\|\x9c)"  # titles, links, device strings
    r"|\x1b[ -/]*[0-~]",
    re.DOTALL,
)


def clean(text: str) -> str:
    """Text of unknown origin on one line, without escape sequences, control or invisible characters."""
    text = _ESCAPES.sub("", text)
    return " ".join("".join(c for c in text if c.isspace() or unicodedata.category(c)[0] != "C").split())


def cleaned(report: Report) -> Report:
    """The report with every text in it clean: texts come from a model, file names from anywhere."""
    return type(report).model_validate(_cleaned(report.model_dump()))


def _cleaned(value: Any) -> Any:
    match value:
        case str():
            return clean(value)
        case dict():
            return {_cleaned(key): _cleaned(item) for key, item in value.items()}
        case list() | tuple():
            return [_cleaned(item) for item in value]
    return value


def answer(report: Report) -> str:
    """The answer in one sentence."""
    if report.claim:
        return _claimed(report)
    verified, _ = split(report)
    match report.verdict, verified:
        case "different", []:
            return "A and B differ, but no description of how they differ could be verified."
        case "different", [only]:
            return f"A and B differ in one verified way: in {only.side.upper()}, {_sentence(only)}"
        case "different", [first, *_]:
            ways = f"A and B differ in {len(verified)} verified ways"
            return f"{ways}, most clearly in {first.side.upper()}: {_sentence(first)}"
        case "not enough images", _:
            return "There are not enough images to say whether A and B differ."
    return "No detectable difference between A and B."


def _sentence(finding: Finding) -> str:
    confounded = f" (confounded with {finding.confounded_by})" if finding.confounded_by else ""
    return finding.text.rstrip(".") + confounded + "."


def _claimed(report: Report) -> str:
    """The answer to a person's own sentence, which is the only finding, or there were too few images for it."""
    assert report.claim
    claim = f"\u201c{report.claim.text.rstrip('.')}\u201d"
    if not report.findings:
        return f"There are not enough images to test {claim}."
    (finding,) = report.findings
    side, other = finding.side.upper(), "A" if finding.side == "b" else "B"
    if finding.verdict == "verified":
        confounded = f" (confounded with {finding.confounded_by})" if finding.confounded_by else ""
        return f"Verified: {claim} fits {side} better than {other}{confounded}."
    if report.claim.judge == "untaught":
        return f"Cannot be verified: the model was never taught the words of {claim}."
    return f"Not verified: {claim} does not fit {side if report.claim.side else 'either set'} clearly better."


def split(report: Report) -> tuple[list[Finding], list[Finding]]:
    """Verified findings and the others, each in the report's order."""
    verified = [finding for finding in report.findings if finding.verdict == "verified"]
    return verified, [finding for finding in report.findings if finding.verdict != "verified"]


def separability(report: Report) -> str:
    """What the two-sample test found, in plain words."""
    test = report.test
    if report.verdict == "not enough images":
        things = "different images" if report.images.a.groups is None else "groups"
        enough = f"; that takes at least {test.needed} {things} a set" if test.needed else ""
        return f"{_with_images(report)} even a perfect difference could not be told from chance{enough}."
    if report.verdict == "no detectable difference":
        return f"A classifier trained to tell A from B does no better than chance allows ({_numbers(report)})."
    return (
        f"Given one image of each set that it has not seen, a classifier finds out which is from B "
        f"in {in_hundred(test.auroc)} of 100 tries ({_numbers(report)})."
    )


def _numbers(report: Report) -> str:
    test = report.test
    return f"AUROC {number(test.auroc)} {interval(test.auroc_ci)}, {relation('p', test.p_value)}"


def power(report: Report) -> str:
    """What would have been noticed with this many images."""
    smallest, images = report.test.smallest_detectable_auroc, _with_images(report)
    if not smallest < 1:
        return f"{images} even a clear difference could have gone unnoticed."
    by = " by this classifier, whatever the claim says" if report.claim else ""
    return (
        f"{images} a difference with an AUROC of {number(smallest)} or more would most likely have been noticed{by} "
        "(four times in five); a smaller one may be there unseen."
    )


def _with_images(report: Report) -> str:
    images = report.images
    return f"With {report.test.n_a} + {report.test.n_b} images" + (
        "" if images.a.groups is None else f" in {images.a.groups} + {images.b.groups} groups"
    )


def effect(finding: Finding) -> str:
    """The effect of a finding in plain words."""
    one, other, which = "image of A", "of B", "one"
    if finding.about == "sets":
        one, other, which = "random set of A's images", "of B's", "set"
    side = finding.side.upper()
    return (
        f"Of 100 pairs with one {one} and one {other}, the judge finds this more in the {which} from {side} "
        f"in {in_hundred(finding.auroc)}."
    )


def heading(report: Report) -> str:
    """What stands above the verified findings."""
    return "The claim" if report.claim else "What differs"


def significance(report: Report, finding: Finding) -> str:
    """q of a finding; of a person's own sentence, which is the only one tested, p and the kind of test."""
    if report.claim is None:
        return relation("q", finding.q_value)
    return f"{relation('p', finding.p_value)} ({'one-sided' if report.claim.side else 'two-sided'})"


def claim_notes(report: Report) -> list[str]:
    """What a reader should know of how a person's own sentence was tested; empty for a description."""
    claim = report.claim
    if claim is None:
        return []
    side = f"that {claim.side.upper()} shows it more" if claim.side else "either way: no side was named"
    notes = [f"Tested {side}. The claim does not come from the images, so all of them check it."]
    if claim.judge == "untaught":
        notes.append(
            "The model was never taught these words, and what it makes of them may have nothing to do with them: "
            "its answer below verifies nothing."
        )
        nearest = "; ".join(claim.nearest)
        notes.append(f"It was taught, nearest: {nearest}." if nearest else "Nothing that it was taught comes near.")
    elif claim.smallest_detectable_auroc is not None and not split(report)[0]:
        notes.append(_overlooked(report, claim.smallest_detectable_auroc))
    return notes


def _overlooked(report: Report, smallest: float) -> str:
    """What a claim that was not verified may still be."""
    images = f"With the {report.images.a.judged} + {report.images.b.judged} images that the judge read"
    if not smallest < 1:
        return f"{images} even a claim that is true could have gone unnoticed."
    return (
        f"{images} a claim that the judge ranks with an AUROC of {number(smallest)} or more would most likely have "
        "been told from chance (four times in five); a weaker one may hold unseen."
    )


def setting(value: object) -> str:
    """An option as it is shown."""
    if value is None:
        return "none"
    return value if isinstance(value, str) else json.dumps(value)


def rates(finding: Finding) -> str:
    """How many images of each set were judged to show it."""
    of_sets = "" if finding.about == "images" else ", of sets drawn from it"
    return f"judged to show it{of_sets}: {percent(finding.rate_a)} of A, {percent(finding.rate_b)} of B"


def prevalence(finding: Finding) -> str | None:
    """How much of each set truly shows it, by the judge's known errors; None where those are not known."""
    if finding.prevalence_a is None or finding.prevalence_b is None:
        return None
    of_a, of_b = share(finding.prevalence_a), share(finding.prevalence_b)
    return f"prevalence, corrected for the judge's errors: {of_a} of A, {of_b} of B"


def share(estimate: Estimate) -> str:
    """A share with its interval."""
    low, high = estimate.interval
    return f"{percent(estimate.value)} [{percent(low)}, {percent(high)}]"


def caption(finding: Finding, side: Side) -> str:
    """What is said above the exemplars of a set."""
    ids = finding.exemplars.a if side == "a" else finding.exemplars.b
    if finding.about == "sets":
        typical = f"a typical set: of the random sets of {len(ids)} that the judge read, the one with the middle score"
        return typical if ids else "no set is named"
    said = "shows it most" if side == finding.side else "comes closest to it"
    showing = sum(name in finding.exemplars.shown for name in ids)
    return f"{said}; {showing or 'none'} of {len(ids)} judged to show it" if ids else "no image comes close to it"


def capitalised(text: str) -> str:
    """With a capital first letter, and the rest as it was."""
    return text[:1].upper() + text[1:]


def where(finding: Finding) -> str | None:
    """Where on the exemplars the judge sees it; None where that is not known."""
    known = {None: None, "everywhere": "all over the images", "different places": "in different places"}
    return known.get(finding.where, f"at the {finding.where}" if finding.where else None)


def doubts(report: Report, finding: Finding) -> list[str]:
    """What else speaks against a finding or explains it: too few draws, an earlier finding, a metadata column."""
    verified, _ = split(report)
    found = [] if report.claim or finding.verdict == "verified" else _ruled_out(report, finding, bool(verified))
    if finding.explained_by is not None and finding.explained_by <= len(verified):
        by = verified[finding.explained_by - 1]
        found.append(
            f"finding {finding.explained_by} explains it ({by.text.rstrip('.')}): what is left of its scores does not "
            f"separate the sets{_p(finding.adjusted_p_value)}"
        )
    if finding.confounded_by is not None:
        column = finding.confounded_by
        tested = any(one.column == column and one.p_value is not None for one in finding.within)
        alike = f"among images alike in {column} it vanishes" if tested else f"too few are alike in {column} to tell"
        found.append(f"confounded with the column {column}, which tells the sets apart: {alike}")
    return found


def _ruled_out(report: Report, finding: Finding, after_another: bool) -> list[str]:
    """Why a finding is not verified though its scores may separate the sets; see `vlmdiff.decide.decide`."""
    from vlmdiff.decide import FEWEST_VOTES, FEWEST_VOTES_LATER, RANKED

    alpha = report.settings.get("alpha", 0.05)
    if finding.p_value > alpha:
        return []
    if finding.votes < FEWEST_VOTES:
        return [f"named too rarely to count: it takes {percent(FEWEST_VOTES)} of the draws, and q is 1 without them"]
    here, there = (finding.rate_b, finding.rate_a) if finding.side == "b" else (finding.rate_a, finding.rate_b)
    if here <= there and finding.auroc_ci[0] < RANKED:
        side = finding.side.upper()
        return [f"no more images of {side} are judged to show it, nor is its AUROC surely {RANKED:g} or more"]
    if after_another and finding.votes < FEWEST_VOTES_LATER and finding.q_value <= alpha:
        told = f"{percent(FEWEST_VOTES_LATER)} of the draws, for it may be a side effect"
        return [f"named too rarely beside a verified finding: it takes {told}"]
    return []


def within(one: Within) -> str:
    """A finding among images that are alike in a column."""
    if one.auroc is None:
        return f"within {one.column}: no stratum has enough images of both sets"
    strata = f"{count(one.images, 'image')} in {count(one.strata, 'stratum', 'strata')}"
    p = f"{relation('p', one.p_value)}" if one.p_value is not None else "too few to test"
    return f"within {one.column}: AUROC {number(one.auroc)}, {p} ({strata})"


def separating(column: Column) -> str:
    """A metadata column that alone tells the sets apart."""
    return (
        f"The column {column.name} alone tells A from B (AUROC {number(column.auroc)}, "
        f"{relation('q', column.q_value)}): any difference below may be a difference in {column.name}."
    )


def explained(report: Report) -> str | None:
    """How much of what tells the sets apart the verified findings explain; None where that was not asked."""
    found = report.explained
    if found is None or report.claim:
        return None
    if found.share is not None:
        return f"The verified findings explain {share(found.share)} of what tells A from B on the check images."
    return f"How much of the difference the findings explain cannot be told: {found.reason}." if found.reason else None


def left(report: Report) -> str | None:
    """Whether the sets differ beyond the findings; None where that was not tested."""
    rest = report.explained.left if report.explained else None
    if rest is None or report.claim:
        return None
    numbers = f"AUROC {number(rest.auroc)} {interval(rest.auroc_ci)}, {relation('p', rest.p_value)}"
    verified, _ = split(report)
    if rest.p_value <= report.settings.get("alpha", 0.05):
        also = "also " if verified else ""
        return f"A and B {also}differ in a way that the model could not put into words ({numbers})."
    if not verified:
        return f"The check images alone, half of all, are not told apart ({numbers})."
    return f"Beyond the findings nothing was detected that tells A from B ({numbers})."


def named(finding: Finding) -> str:
    """How often the model said it."""
    return f"named in {percent(finding.votes)} of the draws"


def reading(images: SideImages) -> str:
    """How many images were read and skipped, with the reasons counted, and in how many groups they are."""
    read = f"{images.read} read" if images.groups is None else f"{images.read} read, in {count(images.groups, 'group')}"
    if not images.skipped:
        return read
    reasons = Counter(item.reason for item in images.skipped).most_common()
    return f"{read}, {len(images.skipped)} skipped ({'; '.join(f'{n} x {why}' for why, n in reasons)})"


def images_sha256(report: Report) -> dict[str, str]:
    """By set, what identifies its images; none of a report that was made before it was kept."""
    sides = {"A": report.images.a, "B": report.images.b}
    return {side: images.sha256 for side, images in sides.items() if images.sha256 is not None}


def grouping(report: Report) -> str | None:
    """How groups entered the tests; None where there are none."""
    both = report.images.groups_in_both
    if both is None:
        return None
    shared = f"; {count(both, 'group')} in both sets, compared within" if both else ""
    return f"Images of one group are split, left out and permuted together{shared}."


def count(number: int, thing: str, things: str | None = None) -> str:
    """A number of things: "1 group", "8 groups"."""
    return f"{number} {thing}" if number == 1 else f"{number} {things or thing + 's'}"


def number(value: float) -> str:
    """Two decimals; a dash where there is no number."""
    return f"{value:.2f}" if math.isfinite(value) else "-"


def interval(limits: Interval) -> str:
    """An interval in square brackets."""
    return f"[{number(limits[0])}, {number(limits[1])}]"


def percent(share: float) -> str:
    """A share as a whole percentage; a dash where there is no number."""
    return f"{100 * share:.0f} %" if math.isfinite(share) else "-"


def in_hundred(auroc: float) -> str:
    """An AUROC as tries in a hundred; a dash where there is no number."""
    return f"{100 * auroc:.0f}" if math.isfinite(auroc) else "-"


def _p(value: float | None) -> str:
    return "" if value is None else f" ({relation('p', value)})"


def relation(name: str, value: float) -> str:
    """A p- or q-value with its sign: "q < 0.001", "q = 0.012"."""
    if not math.isfinite(value):
        return f"{name} = -"
    return f"{name} < 0.001" if value < 0.001 else f"{name} = {value:.3f}"
