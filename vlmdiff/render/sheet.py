"""Findings as a CSV file that a spreadsheet opens without running anything in it."""

from __future__ import annotations

import csv
import io
import math
import unicodedata
from collections.abc import Iterable, Sequence

from vlmdiff.findings import Report
from vlmdiff.render import wording

COLUMNS = (
    *("rank", "verdict", "side", "finding", "where"),
    *("auroc", "auroc_low", "auroc_high", "p_value", "q_value", "rate_a", "rate_b", "votes", "round", "about"),
    *("prevalence_a", "prevalence_a_low", "prevalence_a_high", "prevalence_b", "prevalence_b_low", "prevalence_b_high"),
    *("adjusted_p_value", "explained_by", "confounded_by", "exemplars_a", "exemplars_b", "counter_examples"),
)
"""Of the file, one line a finding, in the order of the report."""


def findings(report: Report) -> str:
    """One line a finding, with a header; what does not exist is an empty cell."""
    report = wording.cleaned(report)
    lines: list[list[object]] = []
    for rank, f in enumerate(report.findings, start=1):
        shares = [
            number
            for share in (f.prevalence_a, f.prevalence_b)
            for number in ((share.value, *share.interval) if share else (None, None, None))
        ]
        lines.append(
            [
                *(rank, f.verdict, f.side, f.text, f.where),
                *(f.auroc, *f.auroc_ci, f.p_value, f.q_value, f.rate_a, f.rate_b, f.votes, f.round, f.about),
                *shares,
                *(f.adjusted_p_value, f.explained_by, f.confounded_by),
                *(" ".join(ids) for ids in (f.exemplars.a, f.exemplars.b, f.exemplars.against)),
            ]
        )
    return table(COLUMNS, lines)


def table(header: Sequence[object], lines: Iterable[Sequence[object]]) -> str:
    """CSV with safe cells."""
    out = io.StringIO()
    write = csv.writer(out, lineterminator="\n").writerow
    for line in (header, *lines):
        write([cell(value) for value in line])
    return out.getvalue()


def cell(value: object) -> str:
    """A value as a cell: text that a spreadsheet would take for a formula gets an apostrophe before it."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if not isinstance(value, str):
        return repr(value)
    first = unicodedata.normalize("NFKC", value[:1])  # some spreadsheets take the wide signs as well
    return f"'{value}" if first in ("=", "+", "-", "@") and not _is_number(value) else value


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
