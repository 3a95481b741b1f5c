"""Lists of image files: text, CSV and JSON lines; and manifests, which name both sets in one list."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Mapping
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path

from vlmdiff.errors import InputError
from vlmdiff.images.reading import channel_numbers
from vlmdiff.images.references import Reference, new_reference
from vlmdiff.images.tables import PATHS, path_column, separator, with_slashes

TABLES = (".csv", ".jsonl")
"""What a manifest may be."""
HEADINGS = frozenset(
    (
        *PATHS,
        *("name", "set", "side", "group", "groups", "patient", "patient_id", "patientid", "subject", "plate", "site"),
        *("label", "class", "frame", "channels"),
    )
)
"""Words of a CSV file's first row that make it a header."""


def text_list(path: Path) -> list[Reference]:
    """The files that a text file names, one a line; lines that start with # are comments."""
    lines = [line.strip() for line in _text(path).splitlines()]
    return _listed(path, [({}, line) for line in lines if line and not line.startswith("#")])


def csv_list(path: Path) -> list[Reference]:
    """The files that a CSV file names, in the column `path` or another that says so, else in the first.

    A header is known by one of HEADINGS. With one, semicolons or tabs may be in the place of commas.
    """
    text = _text(path)
    for mark in dict.fromkeys((separator(text), ",")):
        rows = _rows(path, text, mark)
        header = [cell.lower() for cell in rows[0]] if rows else []
        if not HEADINGS.isdisjoint(header) and not any(os.path.isfile(path.parent / cell) for cell in rows[0]):
            column = header.index(path_column(header))
            cells = [dict(zip_longest(header, row[: len(header)], fillvalue="")) for row in rows[1:]]
            found = [(row, row[header[column]]) for row in cells]
            return _listed(path, [(row, name) for row, name in found if name])
    return _listed(path, [({}, row[0]) for row in rows if row[0]])


def _rows(path: Path, text: str, mark: str) -> list[list[str]]:
    try:
        rows = [[cell.strip() for cell in row] for row in csv.reader(io.StringIO(text), delimiter=mark)]
    except csv.Error as error:
        raise InputError(f"list {str(path)!r} is not readable as CSV: {error}") from error
    return [row for row in rows if row and not row[0].startswith("#")]


def json_list(path: Path) -> list[Reference]:
    """The files in the key `path`, or another that says so, of each line's JSON object."""
    found: list[tuple[Mapping[str, str], str]] = []
    for number, line in enumerate(_text(path).splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InputError(f"list {str(path)!r}, line {number}: not readable as JSON") from error
        named = {key.strip().lower(): cell for key, cell in row.items()} if isinstance(row, dict) else {}
        file = next((named[key] for key in PATHS if key in named), None)
        if not isinstance(file, str) or not file.strip():
            raise InputError(f"list {str(path)!r}, line {number}: expected an object with a path, {{'path': '1.png'}}")
        found.append(({key: "" if cell is None else str(cell).strip() for key, cell in named.items()}, file.strip()))
    return _listed(path, found)


def manifest(path: Path) -> tuple[list[Reference], list[Reference], str | None]:
    """The files of both sets from one list with the columns `set` and `path` (or another of PATHS).

    Returns:
        The files of A, those of B, and a note where the sets are not called a and b: the set of the first row is A.

    Raises:
        InputError: no such list, no column `set`, or not two sets in it.
    """
    told = f"manifest {str(path)!r}"
    if path.suffix.lower() not in TABLES or not path.is_file():
        raise InputError(
            f"no set B was given, so {str(path)!r} must be a manifest: a .csv or .jsonl file with set and path"
        )
    files = csv_list(path) if path.suffix.lower() == ".csv" else json_list(path)
    names = [file.cells.get("set", "") for file in files]
    if not any("set" in file.cells for file in files):
        there = f"among {', '.join(files[0].cells)}" if files and files[0].cells else "in its first row"
        raise InputError(
            f"{told} has no column 'set' {there}; it says for each path whether it is in a or b. Expected a first row "
            "such as set,path, parted by commas, semicolons or tabs"
        )
    if without := names.count(""):
        raise InputError(f"{told}: {without} of {len(names)} rows name no set; expected two names, such as a and b")
    kinds = list(dict.fromkeys(name.lower() for name in names))
    if len(kinds) != 2:
        raise InputError(f"{told} names {len(kinds)} sets; expected two, such as a and b")
    first = "a" if set(kinds) == {"a", "b"} else kinds[0]
    note = None if first == "a" else "the sets are not called a and b: A is that of the manifest's first row"
    in_a = [name.lower() == first for name in names]
    sides = [[f for f, is_a in zip(files, in_a, strict=True) if is_a is wanted] for wanted in (True, False)]
    return sides[0], sides[1], note


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"list {str(path)!r} is not UTF-8 text; save it as UTF-8") from error


def _listed(origin: Path, rows: list[tuple[Mapping[str, str], str]]) -> list[Reference]:
    seen: set[tuple[str, str, int | None]] = set()
    found = []
    for number, (cells, name) in enumerate(rows, 1):
        name = with_slashes(name, origin.parent)
        path = os.path.normpath(origin.parent / name)
        is_table = not cells.keys().isdisjoint(PATHS)  # in a plain list, `frame` may be the name of anything
        frame = _frame(origin, number, cells.get("frame", "")) if is_table else None
        channels = channel_numbers(cells.get("channels", "")) if is_table else None
        key = (cells.get("set", "").lower(), path, frame)
        one = new_reference(name, Path(path), refused="listed before" if key in seen else None)
        found.append(replace(one, cells=cells, frame=frame, channels=channels))
        seen.add(key)
    return found


def _frame(origin: Path, number: int, cell: str) -> int | None:
    if not cell:
        return None
    if not cell.isdecimal() or int(cell) < 1:
        raise InputError(f"list {str(origin)!r}, row {number}: the frame is no whole number from 1")
    return int(cell)
