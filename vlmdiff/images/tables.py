"""What all tables of images share: how their cells are parted, which column names the files, and how Windows does."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

PATHS = (
    *("path", "paths", "file_path", "filepath", "image_path", "file", "files", "filename", "filenames", "file_name"),
    *("image", "images", "image_name", "img", "uri"),
)
"""Columns that name the files; of several that are there the first in this order does."""


def separator(text: str) -> str:
    """What parts the cells: a comma, or the semicolon or tab in a first line that has no comma."""
    lines = (line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#"))
    first = next(lines, "")
    return next((mark for mark in ";\t" if mark in first and "," not in first), ",")


def path_column(header: Sequence[str]) -> str:
    """The column of a header in lower case that names the files: one of PATHS, else the first that is not `set`."""
    others = [name for name in header if name != "set"] or header
    return next((name for name in PATHS if name in header), others[0])


def with_slashes(name: str, folder: Path) -> str:
    """A path in this folder, with slashes for the backslashes of Windows, unless they are in a name that is there."""
    return name if "\\" not in name or os.path.lexists(folder / name) else name.replace("\\", "/")
