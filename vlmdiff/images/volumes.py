"""Series of DICOM files as volumes: which slices of each are read, by their position and not by their name."""

from __future__ import annotations

import io
import stat
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from vlmdiff.images import dicom, nifti
from vlmdiff.images.decode import Unreadable
from vlmdiff.images.medical import unpacked
from vlmdiff.images.reading import Reading, evenly
from vlmdiff.images.references import PACKED, Reference
from vlmdiff.images.sources import read_contents, reading_order


@dataclass(frozen=True)
class Slices:
    """What is read of some files."""

    read: list[Reference]
    series: int
    doubled: int
    """Files at the place of another one of their series."""


def slices_of_volumes(references: Sequence[Reference], reading: Reading) -> Slices:
    """Of the files of each DICOM series the middle slice or some evenly spaced; of other files all.

    Two files at one place (time points, echoes) count as one slice, the first by name.

    Args:
        references: of one source, none refused.
        reading: how many slices.
    """
    volumes: dict[str, dict[float, Reference]] = defaultdict(dict)
    found: list[Reference] = []
    doubled = 0
    told = dict(_slices(sorted(references, key=reading_order)))
    for reference in sorted(references, key=lambda one: one.id):
        place = told[reference.id]
        if place is None:
            found.append(reference)
        else:
            doubled += volumes[place.series].setdefault(round(place.position, 3), reference) is not reference
    for slices in volumes.values():
        ordered = [slices[position] for position in sorted(slices)]
        found += [ordered[i] for i in evenly(len(ordered), reading.frames)]
    return Slices(sorted(found, key=reading_order), len(volumes), doubled)


def _slices(references: Sequence[Reference]) -> Iterator[tuple[str, dicom.Slice | None]]:
    """By id of each file where it lies in a series. Of plain files the headers alone are read; of others everything."""
    packed = []
    for reference in references:
        if reference.place is not None or reference.name.lower().endswith(PACKED):
            packed.append(reference)
        else:
            yield reference.id, _of_file(reference.path)
    for reference, content in zip(packed, read_contents(packed), strict=True):
        yield reference.id, _of_bytes(content) if isinstance(content, bytes) else None


def _of_file(path: Path) -> dicom.Slice | None:
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # opening a pipe would wait for ever
            return None
        with path.open("rb") as file:
            if not dicom.is_dicom(file.read(256)):
                return None
            file.seek(0)
            return dicom.slice_of(file)
    except (OSError, ValueError):
        return None


def _of_bytes(content: bytes) -> dicom.Slice | None:
    try:
        content = unpacked(content, nifti.bytes_needed) if content[:2] == b"\x1f\x8b" else content
        return dicom.slice_of(io.BytesIO(content)) if dicom.is_dicom(content) else None
    except Unreadable:
        return None
