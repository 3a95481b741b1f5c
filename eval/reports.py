"""Reports on labelled real sets as a user would read them, with what is known of the sets above each."""

from __future__ import annotations

import re
from collections.abc import Iterator

from data_synth.sources import Bank
from eval.medical.suite import Plan, RealSuite
from eval.systems import System
from vlmdiff.render import markdown


def pages(suite: RealSuite, bank: Bank, system: System) -> Iterator[tuple[str, str]]:
    """(file name, Markdown) of every comparison of which something is known, once each, on images not trained on."""
    for index, plan in enumerate(suite.plans):
        if plan.kind == "known":
            case = suite.case(index, bank)
            report = system.describe(case.images_a, case.images_b, index, case.groups)
            yield f"{_slug(plan.data_set)}-{_slug(plan.comparison)}.md", _head(plan) + markdown.text(report)


def _head(plan: Plan) -> str:
    known = "\n".join(f"- {one.side.upper()}: {one.text} ({one.source})" for one in plan.known)
    return f"*{plan.data_set}: A is {plan.a}, B is {plan.b}. Known of them:*\n\n{known}\n\n---\n\n"


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
