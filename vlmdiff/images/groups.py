"""Which images belong together (one patient, one plate, one burst): by path or by a column of a list."""

from __future__ import annotations

import re
from collections.abc import Sequence

from vlmdiff.errors import UsageError
from vlmdiff.images.references import Reference

COLUMN = "column:"
ACCEPTED = (
    f"a regular expression for the paths inside A and B, like '(patient\\d+)/', {COLUMN}NAME of .csv lists, or none"
)
_ALONE = "\0"
"""In no path and no cell, so that what follows is no group of anyone else."""


def pattern(told: str) -> re.Pattern[str] | None:
    """The regular expression that was told; None for `column:NAME`.

    Raises:
        UsageError: neither of the two.
    """
    if told.startswith(COLUMN):
        return None
    try:
        return re.compile(told)
    except re.error as error:
        raise UsageError(f"groups '{told}' is no regular expression ({error}); give {ACCEPTED}") from error


def groups_of(told: str, references: Sequence[Reference]) -> list[str]:
    """The group of each file: the first part in parentheses that matches, or all that does; or the cell of the column.

    A file without one is a group of its own: see `is_alone`. Groups are private: they may name patients.

    Raises:
        UsageError: the expression matches no file, or a list has no such column.
    """
    expression = pattern(told)
    found = [_cell(told, r) if expression is None else _match(expression, r.name) for r in references]
    if references and not any(found):
        where = "no file has a value there" if expression is None else f"matches none of {len(references)} files"
        raise UsageError(f"groups '{told}': {where}; give {ACCEPTED}")
    return [group or alone(reference.id) for group, reference in zip(found, references, strict=True)]


def alone(name: str) -> str:
    """The group of one image that is in no other."""
    return _ALONE + name


def is_alone(group: str) -> bool:
    """Whether a group is one image that nothing was told about."""
    return group.startswith(_ALONE)


def _match(expression: re.Pattern[str], name: str) -> str | None:
    match = expression.search(name)
    return match and next((part for part in match.groups() if part), match[0])


def _cell(told: str, reference: Reference) -> str:
    column = told.removeprefix(COLUMN).strip().lower()
    if column not in reference.cells:
        there = f"has the columns {', '.join(reference.cells)}" if reference.cells else "is no .csv list with a header"
        raise UsageError(f"groups '{told}': set {reference.id[0]} {there}; give {ACCEPTED}")
    return reference.cells[column]
