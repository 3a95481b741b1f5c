"""The sentences and numbers that the terminal and the page share."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # an error message is cleaned without loading the types
    from vlmdiff.findings import Finding, Interval, Report, SideImages

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
    return finding.text.rstrip(".") + "."


def split(report: Report) -> tuple[list[Finding], list[Finding]]:
    """Verified findings and the others, each in the report's order."""
    verified = [finding for finding in report.findings if finding.verdict == "verified"]
    return verified, [finding for finding in report.findings if finding.verdict != "verified"]


def separability(report: Report) -> str:
    """What the two-sample test found, in plain words."""
    test = report.test
    if report.verdict == "not enough images":
        return f"{_with_images(report)} even a perfect difference could not be told from chance."
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
    return (
        f"{images} a difference with an AUROC of {number(smallest)} or more would most likely have been noticed "
        "(four times in five); a smaller one may be there unseen."
    )


def _with_images(report: Report) -> str:
    images = report.images
    return f"With {report.test.n_a} + {report.test.n_b} images" + (
        "" if images.a.groups is None else f" in {images.a.groups} + {images.b.groups} groups"
    )


def effect(finding: Finding) -> str:
    """The effect of a finding in plain words."""
    return (
        f"Of 100 pairs with one image of A and one of B, the judge finds this more in the one from "
        f"{finding.side.upper()} in {in_hundred(finding.auroc)}."
    )


def rates(finding: Finding) -> str:
    """How many images of each set were judged to show it."""
    return f"judged to show it: {percent(finding.rate_a)} of A, {percent(finding.rate_b)} of B"


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


def grouping(report: Report) -> str | None:
    """How groups entered the tests; None where there are none."""
    both = report.images.groups_in_both
    if both is None:
        return None
    shared = f"; {count(both, 'group')} in both sets, compared within" if both else ""
    return f"Images of one group are split, left out and permuted together{shared}."


def count(number: int, thing: str) -> str:
    """A number of things: "1 group", "8 groups"."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


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


def relation(name: str, value: float) -> str:
    """A p- or q-value with its sign: "q < 0.001", "q = 0.012"."""
    if not math.isfinite(value):
        return f"{name} = -"
    return f"{name} < 0.001" if value < 0.001 else f"{name} = {value:.3f}"
