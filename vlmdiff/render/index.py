"""The index of a batch: one page that sorts and filters, and one CSV line a pair. Nothing is fetched."""

from __future__ import annotations

import base64
import hashlib
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from vlmdiff import __version__
from vlmdiff.findings import Interval, Side
from vlmdiff.render import sheet, wording
from vlmdiff.render.wording import clean
from vlmdiff.stats import benjamini_hochberg

HERE = Path(__file__).parent

KINDS = {
    "verified": ("different, verified", "different with a verified finding"),
    "different": ("different, not in words", "different without a verified finding"),
    "failed": ("failed", "failed"),
    "few": ("not enough images", "with not enough images"),
    "same": ("no detectable difference", "with no detectable difference"),
}
"""What a pair ended as, in the order of the page: in a row of the table, and after a number of pairs."""

MOST_CHOICES = 60
"""Values of a label up to which the page offers a list of them to choose from; the text filter finds the others."""


@dataclass(frozen=True)
class Entry:
    """One pair of a batch, as the index shows it: either a report or a failure."""

    folder: str
    """Of its report, beside the index."""
    name: str
    row: int
    """Of the manifest, from 1."""
    labels: Mapping[str, str]
    verdict: str
    """That of the report, or "failed"."""
    verified: tuple[tuple[Side, str], ...] = ()
    """Side and text of each verified finding, best first."""
    auroc: float = math.nan
    auroc_ci: Interval = (math.nan, math.nan)
    p_value: float = math.nan
    alpha: float = math.nan
    smallest: float = math.nan
    """The AUROC from which on a difference would have shown."""
    images: tuple[int, int] | None = None
    """Used, of A and B."""
    skipped: int = 0
    error: tuple[str, str] | None = None
    """Kind and message of the failure."""

    @property
    def kind(self) -> str:
        """One of KINDS."""
        named = {"failed": "failed", "not enough images": "few", "no detectable difference": "same"}
        return named.get(self.verdict, "verified" if self.verified else "different")

    @property
    def is_tested(self) -> bool:
        """Whether its two-sample test could have called it different."""
        return self.kind in ("verified", "different", "same") and math.isfinite(self.p_value)


def entry(folder: str, note: Mapping[str, Any], report: Mapping[str, Any] | None, failure: Mapping[str, Any]) -> Entry:
    """An entry from the JSON of a pair's files; the failure counts where there is no report.

    Raises:
        KeyError, TypeError, ValueError: the files are not what a batch writes.
    """
    name, row = clean(note.get("name", folder)), int(note.get("row", 0))
    labels = {clean(label): clean(value) for label, value in note.get("labels", {}).items()}
    if not report:
        return Entry(folder, name, row, labels, "failed", error=(clean(failure["kind"]), clean(failure["message"])))
    test, images = report["test"], report["images"]
    verified = tuple((f["side"], clean(f["text"])) for f in report["findings"] if f["verdict"] == "verified")
    low, high = test["auroc_ci"]
    return Entry(
        folder=folder,
        name=name,
        row=row,
        labels=labels,
        verdict=clean(report["verdict"]),
        verified=verified,
        auroc=_number(test["auroc"]),
        auroc_ci=(_number(low), _number(high)),
        p_value=_number(test["p_value"]),
        alpha=_number(report["settings"]["alpha"]),
        smallest=_number(test["smallest_detectable_auroc"]),
        images=(int(test["n_a"]), int(test["n_b"])),
        skipped=len(images["a"]["skipped"]) + len(images["b"]["skipped"]),
    )


def q_values(entries: Sequence[Entry]) -> dict[str, float]:
    """By folder, the Benjamini-Hochberg q over the two-sample tests of all pairs that were tested."""
    tested = [entry for entry in entries if entry.is_tested]
    found = benjamini_hochberg([entry.p_value for entry in tested])
    return {entry.folder: float(q) for entry, q in zip(tested, found, strict=True)}


def page(entries: Sequence[Entry], pending: int = 0, others: int = 0) -> str:
    """A self-contained page; every text is escaped, and only the script and style that it was made with may act.

    Args:
        entries: in the order of their rows.
        pending: pairs of the manifest that are not among them.
        others: pairs among them that are not in the manifest.
    """
    environment = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    q = q_values(entries)
    script, style = (HERE / "index.js").read_text("utf-8"), (HERE / "index.css").read_text("utf-8")
    kinds = Counter(entry.kind for entry in entries)
    rank = {kind: i for i, kind in enumerate(KINDS)}
    labels = list(dict.fromkeys(label for entry in entries for label in entry.labels))
    choices = {label: sorted({e.labels.get(label, "") for e in entries} - {""}, key=_in_order) for label in labels}
    return environment.get_template("index.html.jinja").render(
        entries=sorted(entries, key=lambda e: (rank[e.kind], math.isnan(e.p_value), e.p_value, e.row, e.name)),
        q=q,
        summary=summary(entries),
        chance=chance(entries),
        pending=pending,
        others=others,
        counts={kind: kinds[kind] for kind in KINDS if kinds[kind]},
        kinds=KINDS,
        rank=rank,
        labels=labels,
        choices={label: values for label, values in choices.items() if 1 < len(values) <= MOST_CHOICES},
        script=script,
        style=style,
        script_hash=_hash(script),
        style_hash=_hash(style),
        link=lambda folder: quote(f"{folder}/report.html"),
        version=__version__,
        say=wording,
    )


def summary(entries: Sequence[Entry]) -> str:
    """How many pairs ended as what, in one sentence."""
    kinds = Counter(entry.kind for entry in entries)
    parts = [f"{kinds[kind]} {words}" for kind, (_, words) in KINDS.items() if kinds[kind] and kind != "failed"]
    told = f"{wording.count(len(entries), 'pair')}: {', '.join(parts) or 'none described'}"
    return f"{told}; {kinds['failed']} failed." if kinds["failed"] else f"{told}."


def chance(entries: Sequence[Entry]) -> str | None:
    """How many of the pairs called different chance alone would make, and how many stand when all are counted in."""
    tested = [entry for entry in entries if entry.is_tested]
    if not tested:
        return None
    alphas = {entry.alpha for entry in tested}
    level = f"alpha {alphas.pop():g}" if len(alphas) == 1 else "the alpha of each pair"
    expected = sum(entry.alpha for entry in tested)
    different = [entry for entry in tested if entry.kind != "same"]
    q = q_values(entries)
    stand = sum(q[entry.folder] <= entry.alpha for entry in different)
    return (
        f"{len(different)} of {wording.count(len(tested), 'tested pair')} {'is' if len(different) == 1 else 'are'} "
        f"called different at {level}. Were no pair different, chance alone would make about {expected:.2g} so. "
        f"With all {len(tested)} tests counted in, {stand} {'stands' if stand == 1 else 'stand'} "
        "(q at most alpha; Benjamini-Hochberg)."
    )


def table(entries: Sequence[Entry]) -> str:
    """The index as CSV with a header, one line a pair, in the order of the rows; no number is an empty cell."""
    q = q_values(entries)
    labels = list(dict.fromkeys(label for entry in entries for label in entry.labels))
    lines = []
    for e in entries:
        side, text = e.verified[0] if e.verified else ("", "")
        images = e.images or ("", "")
        kind, message = e.error or ("", "")
        cells = [
            *(e.name, e.row, e.verdict, side, text, len(e.verified)),
            *(e.auroc, *e.auroc_ci, e.p_value, q.get(e.folder, math.nan), e.alpha, *images, e.skipped),
            *("" if e.error else f"{e.folder}/report.html", kind, message),
            *(e.labels.get(label, "") for label in labels),
        ]
        lines.append(cells)
    return sheet.table([*COLUMNS, *(f"label_{label}" for label in labels)], lines)


COLUMNS = (
    *("name", "row", "verdict", "side", "finding", "verified_findings"),
    *("auroc", "auroc_low", "auroc_high", "p_value", "q_value", "alpha", "images_a", "images_b", "skipped"),
    *("report", "error_kind", "error"),
)
"""Of the CSV file; one more follows for each label."""


def _in_order(text: str) -> list[tuple[int, str]]:
    """Sort key by which "week 2" comes before "week 10"."""
    return [(int(part), "") if part.isdecimal() else (-1, part.casefold()) for part in re.split(r"(\d+)", text)]


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
