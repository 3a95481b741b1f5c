"""Which images of two sets belong together: as --groups says, else as their lists tell, else as their files do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from vlmdiff.images.groups import COLUMN, alone, groups_of
from vlmdiff.images.loading import Loading
from vlmdiff.images.references import Reference

NONE = "none"
"""As --groups: each image stands for itself, whatever lists and files tell."""
LISTED = ("group", "patient", "patient_id", "patient id", "patientid", "subject", "subject_id")
"""Columns of lists that tell it; of several that are there the first in this order does."""


def of_files(
    told: str | None, a: Sequence[Reference], b: Sequence[Reference]
) -> tuple[Mapping[str, str] | None, list[str]]:
    """By id of each file its group, and what a reader should know of that; None where nothing was told.

    Args:
        told: as --groups; see `groups_of`. None: a column of LISTED tells it, if every file has something there.
        a, b: the files of each set.

    Raises:
        UsageError: `told` fits no file.
    """
    files = [*a, *b]
    if told is not None:
        return (None if told == NONE else _by_id(told, files)), []
    column = next((name for name in LISTED if any(file.cells.get(name) for file in files)), None)
    if column is None:
        return None, []
    cells = [file.cells.get(column, "") for file in files]
    in_a, in_b = set(cells[: len(a)]), set(cells[len(a) :])
    asked, unused = f"--groups '{COLUMN}{column}'", f"the column {column} of the list is not used"
    if without := cells.count(""):
        why = f"{without} of {len(cells)} files have nothing there"
        return None, [f"{unused}: {why}; fill it in, or say {asked}, and each of these stands for itself"]
    if column == "group" and {len(in_a), len(in_b)} == {1} and in_a != in_b:
        return None, [f"{unused}: all it tells is A from B; if each set is of one patient, say {asked}"]
    if len(in_a | in_b) == len(cells):
        return None, []
    what = f"{len(cells)} files are of {len(in_a | in_b)} by the column {column} of the list"
    note = f"{what}: those of one are kept together, as {asked} would (--groups {NONE}: each stands for itself)"
    return _by_id(f"{COLUMN}{column}", files), [note]


def of_images(
    a: Loading, b: Loading, told: str | None, by_file: Mapping[str, str] | None
) -> tuple[Mapping[str, str] | None, list[str]]:
    """By id of each image its group, and what a reader should know of that; None where each stands for itself.

    Args:
        a, b: after reading.
        told: as --groups.
        by_file: of `of_files`; None: the images of one DICOM study or of one file are a group.
    """
    units = {**a.units(), **b.units()}
    counts = Counter(units.values())
    several = any(count > 1 for count in counts.values())
    read = [*a.read, *b.read]
    what = f"{len(units)} images are of {len(counts)} DICOM studies or files with several"
    if by_file is None and told is None:
        members = {one.id: units.get(one.id) or alone(one.id) for one in read}
        return (members, [f"{what}: those of one are kept together, as --groups would"]) if several else (None, [])
    grouped = None if by_file is None else {one.id: by_file[one.file] for one in read}
    if len({(unit, grouped[name] if grouped else name) for name, unit in units.items()}) == len(counts):
        return grouped, []
    note = "parted by groups that were told: p-values hold for these only, and not for others like them"
    return grouped, [f"{what}, {note}"]


def _by_id(told: str, files: Sequence[Reference]) -> dict[str, str]:
    return dict(zip((file.id for file in files), groups_of(told, files), strict=True))
