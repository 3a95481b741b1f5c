"""What else is known of the images (scanner, site, age): a CSV file, or columns of the lists, joined to the images.

Values are private, as groups are: reports name columns and count their levels, and show no value.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vlmdiff.errors import InputError, UsageError
from vlmdiff.images.groups import COLUMN
from vlmdiff.images.references import Reference
from vlmdiff.images.tables import PATHS, path_column, separator, with_slashes

MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "?"})
"""Cells, in lower case, that say nothing."""
_NUMBERS_FROM = 6
"""Different numbers from which on a column counts as numeric; fewer are codes."""
AS_CODES = ", as codes"
"""Ends the name of a column that takes the numbers of another for names: of scanners, sites, plates."""
_FEWEST_ALIKE = 3
"""Images a level on average below which a column names images instead of describing them."""

Kind = Literal["categorical", "numeric"]


@dataclass(frozen=True, eq=False)
class Column:
    """One property of all images."""

    name: str
    kind: Kind
    numbers: NDArray[np.float64]
    """The number of each image, or the number of its level; NaN where nothing is told."""


@dataclass(frozen=True)
class Table:
    """A CSV file, not yet joined; or the names of columns in the sets' own lists."""

    names: tuple[str, ...]
    rows: tuple[Mapping[str, str], ...] = ()
    home: Path = field(default_factory=Path)
    """The folder that paths are relative to."""
    key: str = ""
    """The column that names the images, in words."""


def read_table(told: str) -> Table:
    """A CSV file with a header, or `column:NAME,NAME` for columns of the .csv lists that A and B are.

    The file's column `path` (else another of PATHS, else the first one) names the image: as a path relative to the
    file's folder, as the path inside its set, or by its bare name. An optional column `set` says a or b, or what the
    sets' own manifest calls them; with other words it is ignored. A column `frame` says which frame of a file, from 1.

    Raises:
        UsageError: the file cannot be read as such a table.
    """
    if told.startswith(COLUMN):
        names = tuple(name.strip().lower() for name in told.removeprefix(COLUMN).split(",") if name.strip())
        if not names:
            raise UsageError(f"metadata {told!r} names no column; give {COLUMN}NAME,NAME or a CSV file")
        return Table(names)
    try:
        text = Path(told).read_text("utf-8-sig")
        rows = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=separator(text))
        cells, *lines = [line for line in rows if any(line)]
    except (OSError, ValueError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or "not a CSV file in UTF-8 with a header"
        raise UsageError(f"metadata {told!r}: {reason}; give a CSV file with a column path and others") from error
    header = [cell.strip().lower() for cell in cells]
    if twice := [name for name, count in Counter(header).items() if count > 1 or not name]:
        raise UsageError(f"metadata {told!r}: columns without a name, or twice: {', '.join(map(repr, twice))}")
    key = path_column(header)
    named = f"the column {key}" if key in PATHS else f"column {header.index(key) + 1}"
    names = tuple(name for name in header if name not in (key, "set"))
    if not names or not lines:
        missing = "rows" if names else f"column beside the paths, which {named} is taken for"
        raise UsageError(
            f"metadata {told!r}: no {missing}; expected a first row such as path,scanner,age and a row an image, "
            "parted by commas, semicolons or tabs"
        )
    home = Path(told).absolute().parent
    found = [dict(zip(header, [cell.strip() for cell in line], strict=False)) for line in lines]
    return Table(names, tuple({**row, "path": with_slashes(row.get(key, ""), home)} for row in found), home, named)


def columns_of(table: Table, references: Sequence[Reference]) -> tuple[list[Column], list[str]]:
    """The usable columns for these images, in their order, and what a reader should know of the others.

    A column of numbers of which some are missing is followed by one of who has a number, and one of few different
    numbers by one that takes them for codes, in no order: sites 1, 3, 5 may be one set and 2, 4, 6 the other.

    Raises:
        InputError: no row belongs to any image, a row may belong to several, or two rows of one image differ.
            UsageError: a list has no such column.
    """
    cells = [_row(table, reference) for reference in references] if not table.rows else _joined(table, references)
    told = sum(row is not None for row in cells)
    if not told:
        raise InputError(
            f"metadata: none of the {len(table.rows)} rows names one of {len(references)} images in {table.key}, which "
            "is taken for the paths; expected a column path, relative to the metadata's folder or inside A and B"
        )
    warnings = [] if told == len(cells) else [f"metadata: no row for {len(cells) - told} of {len(cells)} images"]
    found, useless = [], []
    for name in table.names:
        values = [(row or {}).get(name, "") for row in cells]
        values = ["" if value.lower() in MISSING else value for value in values]
        column = _numeric(name, values) or _categorical(name, values)
        found += [column] if column else []
        if column and column.kind == "numeric":
            found += [more for more in (_told(column), _categorical(name + AS_CODES, values)) if more]
        useless += [] if column else [name]
    if useless:
        warnings.append(f"metadata: {', '.join(useless)} left out: one value for all images, or nearly one for each")
    return found, warnings


def _row(table: Table, reference: Reference) -> Mapping[str, str]:
    if missing := [name for name in table.names if name not in reference.cells]:
        there = f"has the columns {', '.join(reference.cells)}" if reference.cells else "is no .csv list with a header"
        raise UsageError(f"metadata: no column {missing[0]!r}; set {reference.id[0]} {there}")
    return reference.cells


def _joined(table: Table, references: Sequence[Reference]) -> list[Mapping[str, str] | None]:
    """The row of each image; the same path beats the same name in the set, and that the same bare name."""
    found: dict[int, int] = {}
    keys: list[dict[str, list[int]]] = [{}, {}, {}]
    for i, reference in enumerate(references):
        path = None if reference.place is not None else str(reference.path.absolute())
        for by, key in zip(keys, (path, reference.name, PurePosixPath(reference.name).name), strict=True):
            if key is not None:
                by.setdefault(key, []).append(i)
    sets = _sets(table, references)
    for number, row in enumerate(table.rows, start=1):
        side, text, frame = row.get("set", "").lower(), row["path"], row.get("frame", "")
        # Of a path that is nowhere the bare name is not tried: another folder's image may have it.
        asked = (str((table.home / text).absolute()), text, text)
        for by, key in zip(keys, asked, strict=True):
            match = [i for i in by.get(key, []) if not side or sets is None or sets[i] == side]
            files = {(references[i].path, references[i].place) for i in match}  # a file may have several frames
            if len(files) > 1 and by is not keys[0]:
                raise InputError(
                    f"metadata: row {number} may be any of {len(files)} images of that name; give paths that tell "
                    "them apart, or a column set with a or b"
                )
            if match:
                of_frames = frame and any(references[i].frame is not None for i in match)
                for i in match:
                    if not of_frames or str(references[i].frame) == frame:
                        _agree(table, found.setdefault(i, number), number)
                break
    return [table.rows[found[i] - 1] if i in found else None for i in range(len(references))]


def _agree(table: Table, number: int, other: int) -> None:
    """Refuse two rows of one image that say different things."""
    one, two = (table.rows[n - 1] for n in (number, other))
    if differ := [name for name in table.names if one.get(name, "") != two.get(name, "")]:
        raise InputError(
            f"metadata: rows {number} and {other} are of one image and have different values of {differ[0]!r}; "
            "expected a row an image, or a column frame where a file holds several"
        )


def _sets(table: Table, references: Sequence[Reference]) -> list[str] | None:
    """The set of each image in the words of the table: those of the images' own manifest, or a and b; None: neither."""
    said = {row.get("set", "").lower() for row in table.rows} - {""}
    own = [reference.cells.get("set", "").lower() for reference in references]
    letters = [reference.id[0].lower() for reference in references]
    return next((names for names in (own, letters) if said <= set(names)), None)


def _numeric(name: str, values: Sequence[str]) -> Column | None:
    """None where a value is no number, or only few are different."""
    present = [value for value in values if value]
    if len(set(present)) < _NUMBERS_FROM or not all(np.isfinite(_number(value)) for value in present):
        return None
    return Column(name, "numeric", np.array([_number(value) for value in values]))


def _categorical(name: str, values: Sequence[str]) -> Column | None:
    """None where all images have one value, or nearly each its own."""
    present = [value for value in values if value]
    levels = sorted(set(present))
    if len(levels) + (len(present) < len(values)) < 2 or len(levels) * _FEWEST_ALIKE > len(present):
        return None
    place = {level: float(i) for i, level in enumerate(levels)}
    return Column(name, "categorical", np.array([place.get(value, np.nan) for value in values]))


def _told(column: Column) -> Column | None:
    """Of numbers, which images have one: where one set lacks them, that alone may tell the sets apart."""
    told = np.isfinite(column.numbers)
    if told.all():
        return None
    return Column(f"{column.name}, told or not", "categorical", told.astype(np.float64))


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")
