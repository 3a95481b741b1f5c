"""The manifest of a batch: a CSV file with a row for each pair of image sets."""

from __future__ import annotations

import csv
import glob
import hashlib
import io
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Any

from vlmdiff.errors import UsageError
from vlmdiff.images.groups import COLUMN, pattern
from vlmdiff.images.tables import separator, with_slashes
from vlmdiff.render.wording import clean

LONGEST_NAME = 60
"""Characters of a name that its folder keeps: 240 bytes at most, and with the digits of its hash under 255."""


@dataclass(frozen=True)
class Row:
    """One pair of a manifest."""

    number: int
    """From 1, blank rows not counted."""
    name: str
    a: str
    b: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    """Options that the row says otherwise."""
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def folder(self) -> str:
        """The name, or where it is not safe as a folder's what can stay of it and a few digits of its hash."""
        safe = re.sub(r"[^\w .+-]+", "_", self.name)[:LONGEST_NAME].strip(". -")
        if safe == self.name and not safe.lower().startswith("index."):
            return safe
        return f"{safe or 'pair'}-{hashlib.sha256(self.name.encode()).hexdigest()[:8]}"


def read_manifest(file: Path) -> tuple[list[Row], list[str]]:
    """The rows of a manifest, and all that is wrong with it, with line numbers; run no batch unless nothing is.

    A manifest is a CSV file with a header: `a` and `b` (sets as `describe` takes them, relative to the manifest's
    folder), optional `name` (unique), `max_images`, `groups`, `metadata` (likewise relative) and `seed`; other columns
    are labels.
    """
    try:
        text = file.read_text("utf-8-sig")
    except (OSError, ValueError) as error:
        return [], [f"{getattr(error, 'strerror', None) or 'it is not UTF-8 text'}; expected a CSV file in UTF-8"]
    lines, problems = _lines(text)
    if not lines:
        return [], problems or ["it is empty; expected a header with the columns a and b, and a row for each pair"]
    (at, cells), *rows = lines
    header = [cell.lower() if cell.lower() in _KNOWN else clean(cell) for cell in cells]
    if missing := [repr(name) for name in "ab" if name not in header]:
        problems.append(f"line {at}: no column {' and '.join(missing)}; found: {', '.join(header)}")
    problems += [f"line {at}: {n} columns {name!r}" for name, n in Counter(header).items() if name and n > 1]
    problems += [f"line {at}: column {i} has no name" for i, name in enumerate(header, 1) if not name]
    if not rows and not problems:
        problems.append("no rows; expected one for each pair")
    if problems:
        return [], problems
    found, taken = [], dict[str, int]()
    for number, (at, cells) in enumerate(rows, start=1):
        if len(cells) > len(header):
            problems.append(f"line {at}: {len(cells)} cells for {len(header)} columns; put cells with commas in quotes")
        row, wrong = _row(number, dict(zip_longest(header, cells[: len(header)], fillvalue="")), file.absolute().parent)
        problems += [f"line {at}: {what}" for what in wrong]
        first = taken.setdefault(row.folder.casefold(), at)
        if first != at:
            problems.append(f"line {at}: name {row.name!r} is taken by line {first}; each pair needs its own")
        found.append(row)
    return found, problems


def _lines(text: str) -> tuple[list[tuple[int, list[str]]], list[str]]:
    """The rows of a CSV text that are not blank, each with the number of its first line; and what is wrong with it."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=separator(text))
    lines = []
    at = 1
    try:
        for cells in reader:
            cells = [cell.strip() for cell in cells]
            if any(cells):
                lines.append((at, cells))
            at = reader.line_num + 1
    except csv.Error as error:
        return lines, [f"line {at}: not readable as CSV ({error})"]
    return lines, []


def _row(number: int, cells: Mapping[str, str], home: Path) -> tuple[Row, list[str]]:
    """One row, as far as it is usable, and what is wrong with it."""
    wrong = [f"{side} is empty; expected a set of images" for side in "ab" if not cells.get(side)]
    changes: dict[str, Any] = {}
    for option in ("max_images", "seed", "groups", "metadata"):
        if told := cells.get(option):
            try:
                changes[option] = _KNOWN[option](told)
            except UsageError as error:
                wrong.append(str(error))
            except ValueError:
                least = "2" if option == "max_images" else "0"
                wrong.append(f"{option} {told!r}; expected a whole number of at least {least}")
    if not changes.get("metadata", COLUMN).startswith(COLUMN):
        changes["metadata"] = str(home / with_slashes(changes["metadata"], home))
    name = unicodedata.normalize("NFC", clean(cells.get("name", ""))) or str(number)
    labels = {column: clean(cells.get(column, "")) for column in cells if column not in _KNOWN}
    return Row(
        number, name, _beside(home, cells.get("a", "")), _beside(home, cells.get("b", "")), changes, labels
    ), wrong


def _at_least(least: int) -> Callable[[str], int]:
    def whole(cell: str) -> int:
        if not cell.isdecimal() or int(cell) < least:
            raise ValueError
        return int(cell)

    return whole


def _groups(cell: str) -> str:
    pattern(cell)
    return cell


_KNOWN: dict[str, Callable[[str], Any]] = {
    "a": str,
    "b": str,
    "name": str,
    "max_images": _at_least(2),
    "seed": _at_least(0),
    "groups": _groups,
    "metadata": str,
}
"""The columns that are no labels, and what reads their cells."""


def _beside(home: Path, source: str) -> str:
    """A source of images, relative to the folder that names it; nothing but the source itself is a glob."""
    source = with_slashes(source, home)
    is_glob = glob.has_magic(source) and not os.path.lexists(home / source)
    return os.path.join(glob.escape(str(home)) if is_glob else str(home), source)
