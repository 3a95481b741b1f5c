"""The report for programs: JSON, and the JSON Schema it follows."""

from __future__ import annotations

import json
import re

from vlmdiff.findings import Report


def dumps(report: Report) -> str:
    """The report as ASCII JSON, safe for any pipe; a number that does not exist is null."""
    text = json.dumps(json.loads(report.model_dump_json()), indent=2)
    return _NUMBERS.sub(lambda found: " ".join(found[0].split()).replace("[ ", "[").replace(" ]", "]"), text)


_NUMBERS = re.compile(r"\[\s+-?\d[^\[\]\"]*\]")
"""A list of numbers: an interval, or a row of a map. It stands on one line."""


def schema() -> str:
    """The JSON Schema of a report."""
    return json.dumps(Report.model_json_schema(), indent=2)
