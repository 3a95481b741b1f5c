"""The report for a terminal: a few lines of text, coloured where the console can."""

from __future__ import annotations

from rich.text import Text

from vlmdiff.findings import Finding, Report
from vlmdiff.render import wording

SIDE_STYLES = {"a": "bold cyan", "b": "bold yellow"}


def text(report: Report) -> Text:
    """The report as styled lines; `.plain` is the same without colour.

    Nothing in it is markup and no control character of a text gets through.
    """
    report = wording.cleaned(report)
    verified, unverified = wording.split(report)
    out = Text()
    out.append(wording.answer(report) + "\n", style="bold")
    for note in wording.claim_notes(report):
        out.append(f"{note}\n")
    for column in report.columns:
        if column.separates:
            out.append(wording.separating(column) + "\n", style="yellow")
    if verified:
        title = wording.heading(report) if report.claim else "Verified on images that did not suggest it"
        out.append(f"\n{title}\n", style="green")
        for rank, finding in enumerate(verified, start=1):
            _finding(out, f"{rank:>3}.", finding, report)
    if unverified:
        why = "" if report.claim else ": not confirmed by the check images, explained by another, or said too rarely"
        out.append(f"\nNot verified{why}\n", style="dim")
        for finding in unverified:
            _finding(out, "   ?", finding, report)
    out.append("\nCan A and B be told apart?\n", style="dim")
    out.append(f"  {wording.separability(report)}\n")
    if report.verdict != "not enough images":
        out.append(f"  {wording.power(report)}\n")
    for told in (wording.explained(report), wording.left(report)):
        if told:
            out.append(f"  {told}\n")
    out.append("\nImages\n", style="dim")
    out.append(f"  A: {wording.reading(report.images.a)}\n  B: {wording.reading(report.images.b)}\n")
    if grouping := wording.grouping(report):
        out.append(f"  {grouping}\n")
    if report.warnings:
        out.append(f"\nWarnings ({len(report.warnings)})\n", style="yellow")
        for warning in report.warnings:
            out.append(f"  {warning}\n")
    out.rstrip()
    return out


def _finding(out: Text, mark: str, finding: Finding, report: Report) -> None:
    weak = "" if finding.verdict == "verified" else "dim"
    out.append(f"{mark} in ", style=weak)
    out.append(finding.side.upper(), style=weak or SIDE_STYLES[finding.side])
    out.append(f": {finding.text}\n", style=weak)
    numbers = f"AUROC {wording.number(finding.auroc)} {wording.interval(finding.auroc_ci)}"
    numbers += f", {wording.significance(report, finding)}; {wording.rates(finding)}"
    if finding.verdict != "verified" and not report.claim:
        numbers += f"; {wording.named(finding)}"
    where = wording.where(finding)
    more = [wording.prevalence(finding), f"seen {where}" if where else None, *map(wording.within, finding.within)]
    for told in (numbers, *more):
        if told:
            out.append(f"     {told}\n", style="dim")
    for doubt in wording.doubts(report, finding):
        out.append(f"     {doubt}\n", style="yellow")
