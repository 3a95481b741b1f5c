"""All that a folder with a report holds: for people, for programs, for spreadsheets, for other documents."""

from __future__ import annotations

from collections.abc import Mapping

from vlmdiff.findings import Report
from vlmdiff.render import html, jsonout, markdown, sheet

PAGE, DATA, SHEET, MARKDOWN = "report.html", "report.json", "findings.csv", "report.md"


def texts(report: Report, pictures: Mapping[str, bytes]) -> dict[str, str]:
    """The content of each file, by name; see `html.page` for the pictures."""
    return {
        DATA: jsonout.dumps(report) + "\n",
        SHEET: sheet.findings(report),
        MARKDOWN: markdown.text(report),
        PAGE: html.page(report, pictures),
    }
