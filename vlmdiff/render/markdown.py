"""The report as Markdown: for notebooks, issues and pull requests; without pictures."""

from __future__ import annotations

import re

from vlmdiff import __version__
from vlmdiff.findings import Finding, Report
from vlmdiff.render import wording

_SPECIAL = re.compile(r"([\\`*_\[\]<>|~&$#])")
_LINKS = re.compile(r"(?i)\b(https?|ftp|www)(?=[:.])")


def text(report: Report) -> str:
    """The report; whatever a model or a file name holds is shown as it is and is never markup, HTML or a link."""
    report = wording.cleaned(report)
    verified, unverified = wording.split(report)
    parts = [f"# {escaped(wording.answer(report))}", escaped(wording.separability(report))]
    for told in (wording.explained(report), wording.left(report), *wording.claim_notes(report)):
        if told:
            parts.append(escaped(told))
    cautions = [wording.separating(c) for c in report.columns if c.separates] + report.warnings
    if cautions:
        parts.append("\n".join(f"> - {escaped(caution)}" for caution in cautions))
    if verified:
        parts.append(f"## {wording.heading(report)}")
        parts += [_finding(report, rank, finding) for rank, finding in enumerate(verified, start=1)]
    if unverified:
        parts.append("## Not verified: do not rely on it" if report.claim else "## Said, but not verified")
        parts += [_finding(report, None, finding) for finding in unverified]
    if report.verdict != "not enough images":
        parts += ["## What would have been noticed", escaped(wording.power(report))]
    parts += ["## Images", "\n".join(f"- {line}" for line in _images(report))]
    parts += ["## How it was made", _made(report)]
    parts.append("Research use; not a medical device. A finding says how these images differ, not why.")
    return "\n\n".join(parts) + "\n"


def escaped(text: str) -> str:
    """Text that Markdown shows as it is."""
    return _LINKS.sub(r"\1\\", _SPECIAL.sub(r"\\\1", text))


def _finding(report: Report, rank: int | None, finding: Finding) -> str:
    lines = [f"{rank}. " if rank else "- "]
    indent = " " * len(lines[0])
    lines[0] += f"in **{finding.side.upper()}**: {escaped(finding.text)}"
    numbers = f"AUROC {wording.number(finding.auroc)} {wording.interval(finding.auroc_ci)}, "
    told = [
        numbers + wording.significance(report, finding),
        wording.rates(finding),
        wording.prevalence(finding),
        None if report.claim else wording.named(finding),
        f"seen {place}" if (place := wording.where(finding)) else None,
        *wording.doubts(report, finding),
        *map(wording.within, finding.within),
    ]
    ids = finding.exemplars
    what = "most in" if finding.about == "images" else "a typical set of"
    shown = [(f"{what} {side}", names) for side, names in (("A", ids.a), ("B", ids.b)) if names]
    if ids.against:
        shown.append((f"not in, though of {finding.side.upper()}", ids.against))
    told.append("; ".join(f"{where}: {', '.join(names)}" for where, names in shown) or None)
    return "\n".join([*lines, *(f"{indent}- {escaped(one)}" for one in told if one)])


def _images(report: Report) -> list[str]:
    told = [f"{side}: {wording.reading(of)}" for side, of in (("A", report.images.a), ("B", report.images.b))]
    return [escaped(line) for line in (*told, wording.grouping(report)) if line]


def _made(report: Report) -> str:
    adapter = f", adapter {report.model.adapter}" if report.model.adapter else ""
    rows = {
        "vlmdiff": f"{__version__}, report format {report.schema_version}",
        "model": f"{report.model.name}{adapter}",
        "weights, SHA-256": report.model.weights_sha256,
        **{f"images of {side}, SHA-256": sha256 for side, sha256 in wording.images_sha256(report).items()},
        **{name: wording.setting(value) for name, value in report.settings.items()},
    }
    lines = [f"| {escaped(name)} | {escaped(value)} |" for name, value in rows.items()]
    return "\n".join(["| | |", "|---|---|", *lines])
