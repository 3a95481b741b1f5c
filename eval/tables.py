"""The scoreboard as Markdown: tables that are readable as they stand."""

from __future__ import annotations

import json
from collections.abc import Sequence

from eval.metrics import METRICS, Estimate
from eval.psychometrics import Curve, Curves
from eval.scoreboard import GROUPED, Group, Scoreboard, SuiteBoard
from vlmdiff.findings import Interval


def metrics_tables(board: Scoreboard) -> str:
    """The metrics of every suite as Markdown tables that are readable as they stand."""
    parts = []
    for suite in board.suites:
        rows = [(METRICS[name].means, *_cells(number)) for name, number in suite.metrics.items()]
        parts.append(f"{suite.name}, {suite.pairs} pairs")
        parts.append(table(("score", "value", "95 % interval", "n", "not understood"), rows))
    if board.core_and_nulls:
        found = board.core_and_nulls
        parts.append(
            f"core and nulls together: false discovery rate {number_text(found.value)}, "
            f"{interval_text(found.interval)}, of {found.trials} verified findings"
        )
    return "\n\n".join(parts)


def _cells(number: Estimate) -> tuple[str, str, str, str]:
    return number_text(number.value), interval_text(number.interval), str(number.trials), str(number.unscored)


def markdown(board: Scoreboard) -> str:
    """The whole scoreboard as a page."""
    about = "\n".join(_about(suite) for suite in board.suites)
    sections = [
        f"# Scoreboard: {', '.join(suite.name for suite in board.suites)}",
        f"{about}\n\nSystem: `{json.dumps(board.run['system'], sort_keys=True)}`",
        metrics_tables(board),
        NOTES,
        *([board.judge] if board.judge else []),
        *(part for suite in board.suites for part in _suite_sections(suite)),
    ]
    return "\n\n".join(sections) + "\n"


def _about(suite: SuiteBoard) -> str:
    return (
        f"* {suite.name}: {suite.pairs} pairs, recipe {suite.sha256[:12]}; {suite.photographs} base images, "
        f"{suite.domains_used} domains, {suite.units} independent units. Held out: {suite.holds_out}."
    )


def _suite_sections(suite: SuiteBoard) -> list[str]:
    title = suite.name.capitalize()
    parts = [f"## {title}", "; ".join(f"{verdict}: {count}" for verdict, count in suite.verdicts.items())]
    if suite.curves:
        parts += [f"### {title}: thresholds", threshold_table(suite.curves), too_few(suite.curves)]
    for kind, groups in (
        ("condition", suite.conditions),
        ("family", suite.families),
        ("domain", suite.domains),
    ):
        if groups:
            order = "" if kind == "condition" else ", worst first"
            parts += [f"### {title}: by {kind}{order}", group_table(kind, groups)]
    for found in suite.calibrations:
        rows = [
            (
                f"{b.low:.1f} to {b.high:.1f}",
                str(b.findings),
                f"{b.confidence:.3f}",
                f"{b.right:.3f}",
                interval_text(b.interval),
            )
            for b in found.bins
        ]
        parts += [
            f"### {title}: calibration of {found.confidence}",
            f"Expected calibration error {found.error:.3f} over {found.findings} findings; "
            f"a perfectly calibrated system would have {found.by_chance:.3f} by chance.",
            table((found.confidence, "findings", "mean", "right", "95 % interval"), rows),
        ]
    if suite.failures:
        listed = [
            (
                *(str(f.index), f.domain, f.condition, f.truth, f.nuisances, f.verdict),
                "<br>".join(f.said) or "nothing",
            )
            for f in suite.failures
        ]
        parts += [
            f"### {title}: failures ({len(suite.failures)} of {suite.failed})",
            "First those of which something untrue was verified, then by index; nuisances are in both sets.",
            table(("pair", "domain", "condition", "truth", "nuisances", "verdict", "said"), listed),
        ]
    return [part for part in parts if part]


NOTES = """\
The top hypothesis is the first of the report, verified or not; where several facts were planted, as many are taken as
facts, and the pair is exact, or right, where every fact is told so. Exact: the right set and every attribute. Partly
right: the right set and kind and at least half of the attributes, or the right set in a broader word that follows from
what was planted by definition ("noisier" for speckle; data_synth/broader.py). Verified findings that are right by a
broader word alone have a line of their own: less them the partly right, and with them the untrue, are the strict
numbers. Untrue: all else that was understood; true side effects of the planted change are among it. Kin: of families
that no training had, what a fair person would call partly right, by a table made by hand (eval/kin.py); it is untrue in
all other numbers. The statistical error is another one: something verified where nothing differs. A sentence that the
parser does not understand is left out of the numbers and counted in the last column. A pair of which nothing was said
counts as missed in recall, F1, "exact", "right" and kin, and not at all in precision and side. Intervals take as the
unit all pairs that share base images, directly or through others (eval/metrics.py); those of single families, domains
and conditions take pairs."""


def threshold_text(curve: Curve) -> str:
    """Where half of the pairs are described right, in words."""
    if curve.threshold is None:
        return curve.note or "-"
    return f"{curve.threshold:.3g}"


def threshold_table(found: Curves) -> str:
    """A row a curve: pairs described right at each value, and the threshold."""
    values = [point.value for point in found.overall.points]
    rows = []
    for curve in (found.overall, *found.parts):
        right = {value: f"{share:.2f}" for value, share in right_at(curve).items()}
        ends = f"{curve.interval[0]:.3g} to {curve.interval[1]:.3g}" if curve.interval else "-"
        pairs = str(sum(point.pairs for point in curve.points))
        rows.append((curve.of, pairs, *(right.get(value, "-") for value in values), threshold_text(curve), ends))
    head = (
        "right, at " + found.overall.axis,
        "pairs",
        *(f"{value:g}" for value in values),
        "half right at",
        "95 % interval",
    )
    return table(head, rows)


def right_at(curve: Curve) -> dict[float, float]:
    """Share of pairs described right at each value."""
    return {point.value: point.right for point in curve.points}


def too_few(found: Curves) -> str:
    """What has no curve of its own, and why."""
    if not found.too_few:
        return ""
    names = ", ".join(f"{name} {pairs}" for name, pairs in found.too_few)
    return f"Too few pairs for a curve of their own: {names}."


def columns(groups: Sequence[Group]) -> list[str]:
    """The metrics of GROUPED that apply to one of some groups."""
    return [metric for metric in GROUPED if any(metric in group.scores for group in groups)]


def group_table(kind: str, groups: Sequence[Group]) -> str:
    """A row a group: every metric of GROUPED that applies to one of them, the first with its interval."""
    used = columns(groups)
    head = [kind, "pairs", *(GROUPED[metric] for metric in used[:1]), *["95 % interval"] * bool(used)]
    head += [GROUPED[metric] for metric in used[1:]]
    rows = []
    for group in groups:
        found = [group.scores.get(metric, Estimate(None, None, 0, 0)) for metric in used]
        first = [cell for number in found[:1] for cell in (number_text(number.value), interval_text(number.interval))]
        rows.append((group.name, str(group.pairs), *first, *(number_text(number.value) for number in found[1:])))
    return table(head, rows)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table with columns of even width."""
    cells = [[_cell(cell) for cell in row] for row in (head, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    ruled = [cells[0], ["-" * width for width in widths], *cells[1:]]
    return "\n".join(
        f"| {' | '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))} |" for row in ruled
    )


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def number_text(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def interval_text(interval: Interval | None) -> str:
    return "-" if interval is None else f"{interval[0]:.3f} to {interval[1]:.3f}"
