"""The leaderboard: finished runs of several systems on one page, a section a suite, what beats the model first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval.compare import Tallied, compare, tallied
from eval.costs import Spent, costs
from eval.judge import JudgeOptions
from eval.metrics import HEADLINE, METRICS
from eval.runs import Record, finished
from eval.scoreboard import PLAIN, Scoreboard, SuiteBoard, judged
from eval.suites import PLANTED
from eval.tables import interval_text, number_text, table, threshold_text
from vlmdiff.errors import UsageError

MODEL = "learned"
"""The system that the others are held against."""

SHORT = {
    "top_f1": "fact F1",
    "top_exact": "exact",
    "top_kin": "right, or of its kin",
    "seen_right": "right where the test is significant",
    "verified_recall": "facts verified",
    "verified_untrue": "verified, untrue",
    "false_discoveries": "false discoveries",
    "null_verified": "nulls with a verified finding",
    "confounders_named": "confounders named",
    "obeyed": "obeyed",
    "acc1": "Acc@1",
    "acc5": "Acc@5",
    "known_named": "known named",
}
"""Headline metrics above a column; an arrow is added where lower is better."""


@dataclass(frozen=True)
class Entry:
    """One system on one suite."""

    system: dict[str, Any]
    suite: SuiteBoard
    recipe: dict[str, Any]
    parts: Tallied
    spent: tuple[Spent, ...]

    @property
    def name(self) -> str:
        """Of the row; the shipped model and the systems without one go by the system's name alone."""
        model = self.system.get("model") or {}
        own = [str(model[part]) for part in ("name", "adapter") if model.get(part) and self.system["name"] != MODEL]
        return " ".join([str(self.system["name"]), *own])


@dataclass(frozen=True)
class Leaderboard:
    """All entries by suite, the model first."""

    suites: dict[str, tuple[Entry, ...]]
    judge: str
    """How far the judge agrees with people; "" where nothing needed one."""


def read(folders: Sequence[Path], judge: str = "parser", options: JudgeOptions = PLAIN) -> Leaderboard:
    """The entries of some runs.

    Raises:
        InputError: a folder holds no run.
        UsageError: two runs are of the same system and suite, or a run is not finished.
    """
    entries: dict[str, list[Entry]] = {}
    note = ""
    for folder in folders:
        of, records = finished(folder)
        _whole(folder, of, records)
        board, parts = judged(of, records, judge, options), tallied(of, records, judge, options)
        note = note or board.judge
        for entry in _entries(board, parts, records):
            rows = entries.setdefault(entry.suite.name, [])
            if any(row.name == entry.name for row in rows):
                raise UsageError(f"{folder}: another run has {entry.name} on {entry.suite.name}, too; name one of them")
            rows.append(entry)
    order = [name for name in PLANTED if name in entries] + [name for name in entries if name not in PLANTED]
    return Leaderboard({name: tuple(sorted(entries[name], key=lambda row: row.name != MODEL)) for name in order}, note)


def _whole(folder: Path, of: dict[str, Any], records: Sequence[Record]) -> None:
    for name, described in of["suites"].items():
        done, wanted = sum(record.suite == name for record in records), described["recipe"].get("pairs")
        if wanted is not None and done != wanted:
            raise UsageError(f"{folder}: {name} has {done} of {wanted} pairs; start the run again to finish it")


def _entries(board: Scoreboard, parts: Tallied, records: Sequence[Record]) -> list[Entry]:
    return [
        Entry(
            board.run["system"],
            suite,
            board.run["suites"][suite.name]["recipe"],
            Tallied(parts.system, {suite.name: parts.suites[suite.name]}),
            costs([record for record in records if record.suite == suite.name]),
        )
        for suite in board.suites
    ]


def markdown(found: Leaderboard) -> str:
    """The page."""
    beaten = [told for name, entries in found.suites.items() for told in beats(name, entries)]
    parts = [
        "# Leaderboard",
        "Written by `python -m eval leaderboard`, from finished runs; `make leaderboard BANK=... DATA=...` makes them. "
        "Every number has its 95 % interval; pairs that share base images count as one unit (eval/metrics.py).",
        "## Where the model is beaten",
        "\n".join(f"* {told}" for told in beaten) if beaten else _nowhere(found.suites),
        *([f"Judge of what is known in words: {found.judge}."] if found.judge else []),
    ]
    for name, entries in found.suites.items():
        parts += _section(name, entries)
    return "\n\n".join(parts) + "\n"


def _nowhere(suites: Mapping[str, Sequence[Entry]]) -> str:
    both = [name for name, entries in suites.items() if len(entries) > 1 and entries[0].name == MODEL]
    where = f"on {', '.join(both)}" if both else "anywhere, for no other system was run on its pairs"
    return f"No other system is better than {MODEL} on a headline score {where}."


def beats(name: str, entries: Sequence[Entry]) -> list[str]:
    """In words, every headline metric of a suite on which another system is better than the model."""
    model = next((entry for entry in entries if entry.name == MODEL), None)
    if model is None:
        return []
    told = []
    for entry in entries:
        same = entry.suite.sha256 == model.suite.sha256
        changes = (
            {c.metric: c for c in compare(model.parts, entry.parts).changes} if same and entry is not model else {}
        )
        for metric in HEADLINE:
            ours, theirs = model.suite.metrics.get(metric), entry.suite.metrics.get(metric)
            if entry is model or ours is None or theirs is None or ours.value is None or theirs.value is None:
                continue
            lower = METRICS[metric].better == "lower"
            if ours.value == theirs.value or (theirs.value < ours.value) != lower:
                continue
            how = "on other pairs, so that no difference can be tested"
            if metric in changes:
                low, high = changes[metric].interval
                how = "beyond noise" if low > 0 or high < 0 else "within noise"
                how += f": difference {changes[metric].difference:+.3f}, {low:+.3f} to {high:+.3f}"
            told.append(
                f"**{entry.name} beats {MODEL} on {name}**, {METRICS[metric].means}: "
                f"{theirs.value:.3f} against {ours.value:.3f} ({how})"
            )
    return told


def _section(name: str, entries: Sequence[Entry]) -> list[str]:
    used = [metric for metric in HEADLINE if any(metric in entry.suite.metrics for entry in entries)]
    swept = next((entry.suite.curves.overall.axis for entry in entries if entry.suite.curves), None)
    rows = []
    for entry in entries:
        cells = [_cell(entry, metric) for metric in used]
        if swept is not None:
            cells.append(_threshold(entry))
        rows.append([entry.name, str(entry.suite.pairs), *cells, *_cost(entry.spent), entry.suite.sha256[:12]])
    head = ["system", "pairs", *(SHORT[m] + (" ↓" if METRICS[m].better == "lower" else "") for m in used)]
    head += [f"half right at {swept}"] if swept is not None else []
    commands = "\n".join(f"    {_command(name, entry)}" for entry in entries)
    held = list(dict.fromkeys(entry.suite.holds_out for entry in entries))
    return [
        f"## {name.capitalize()}",
        f"Held out: {'; '.join(held)}.",
        table([*head, "median s", "peak MiB", "recipe"], rows),
        commands,
    ]


def _cell(entry: Entry, metric: str) -> str:
    number = entry.suite.metrics.get(metric)
    if number is None or number.value is None:
        return "unscored" if number else "-"
    return f"{number_text(number.value)} [{interval_text(number.interval)}], n {number.trials}"


def _threshold(entry: Entry) -> str:
    if entry.suite.curves is None:
        return "-"
    curve = entry.suite.curves.overall
    ends = f" [{curve.interval[0]:.3g} to {curve.interval[1]:.3g}]" if curve.interval else ""
    return threshold_text(curve) + ends


def _cost(spent: Sequence[Spent]) -> tuple[str, str]:
    seconds = sorted({one.seconds for one in spent})
    told = f"{seconds[0]:g}" if len(seconds) == 1 else f"{seconds[0]:g} to {seconds[-1]:g}"
    return told, f"{max(one.peak_mib for one in spent):.0f}"


def _command(suite: str, entry: Entry) -> str:
    """What makes the row again, files apart."""
    words = ["python -m eval", suite, str(entry.system["name"])]
    model = entry.system.get("model") or {}
    if entry.system["name"] != MODEL:
        words.append(f"--like {MODEL}")
        words += [f"--model {model['name']}"] if model.get("name") else []
    if suite not in PLANTED:
        words.append("--data DATA")
    elif entry.suite.pairs < PLANTED[suite].pairs:
        words.append(f"--pairs {entry.suite.pairs}")
    return " ".join([*words, "--bank BANK"])
