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
    if verified:
        out.append("\nVerified on images that did not suggest it\n", style="green")
        for rank, finding in enumerate(verified, start=1):
            _finding(out, f"{rank:>3}.", finding)
    if unverified:
        out.append("\nNot verified: not confirmed by the check images, or said too rarely\n", style="dim")
        for finding in unverified:
            _finding(out, "   ?", finding)
    out.append("\nCan A and B be told apart?\n", style="dim")
    out.append(f"  {wording.separability(report)}\n")
    if report.verdict != "not enough images":
        out.append(f"  {wording.power(report)}\n")
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


def _finding(out: Text, mark: str, finding: Finding) -> None:
    weak = "" if finding.verdict == "verified" else "dim"
    out.append(f"{mark} in ", style=weak)
    out.append(finding.side.upper(), style=weak or SIDE_STYLES[finding.side])
    out.append(f": {finding.text}\n", style=weak)
    numbers = f"AUROC {wording.number(finding.auroc)} {wording.interval(finding.auroc_ci)}"
    numbers += f", {wording.relation('q', finding.q_value)}; {wording.rates(finding)}"
    if finding.verdict != "verified":
        numbers += f"; {wording.named(finding)}"
    out.append(f"     {numbers}\n", style="dim")
