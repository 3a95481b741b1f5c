"""The report for programs: JSON, and the JSON Schema it follows."""

from __future__ import annotations

import json

from vlmdiff.findings import Report


def dumps(report: Report) -> str:
    """The report as ASCII JSON, safe for any pipe; a number that does not exist is null."""
    return json.dumps(json.loads(report.model_dump_json()), indent=2)


def schema() -> str:
    """The JSON Schema of a report."""
    return json.dumps(Report.model_json_schema(), indent=2)
