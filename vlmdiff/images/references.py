"""One image file of a set before it is read: what it is called, where it lies, which kinds are looked at at all."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

PICTURE_SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".tif", ".tiff", ".webp", ".bmp", ".dib", ".gif", ".avif"),
    *(".jp2", ".j2k", ".j2c", ".jpc", ".jpf", ".jpx"),
)
MEDICAL_SUFFIXES = (
    *(".dcm", ".dicom", ".dic", ".ima", ".nii", ".mgz", ".mgh", ".mnc"),
    *(".svs", ".ndpi", ".scn", ".bif", ".qptiff", ".lsm", ".stk", ".btf", ".tf8"),  # kinds of TIFF
)
IMAGE_SUFFIXES = (*PICTURE_SUFFIXES, *MEDICAL_SUFFIXES)
PACKED = ".gz"
"""May follow a medical suffix."""
OTHER_IMAGES = frozenset(
    (
        *(".heic", ".heif", ".jxl", ".svg", ".psd", ".ai", ".eps", ".dng", ".cr2", ".nef", ".arw", ".raw", ".exr"),
        *(".czi", ".nd2", ".lif", ".vsi", ".mrxs", ".nrrd", ".mha", ".mhd"),
    )
)
"""Kinds of images that nothing here reads."""
KNOWN_SUFFIXES = frozenset(
    (
        *(".txt", ".md", ".csv", ".tsv", ".json", ".jsonl", ".xml", ".html", ".yaml", ".yml", ".log", ".ini", ".py"),
        *(".pdf", ".doc", ".docx", ".xls", ".xlsx", ".ppt", ".pptx", ".zip", ".tar", ".gz", ".tgz", ".7z", ".rar"),
        *(".mp4", ".mov", ".avi", ".mkv", ".webm", ".wav", ".mp3", ".npy", ".mat", ".h5", ".hdf5", ".pkl", ".pt"),
        *(".db", ".bval", ".bvec"),
    )
)
"""Of what is no image; others are not repeated, for they may be a part of a name ("scan.meyer")."""
LITTER = frozenset({"thumbs.db", "desktop.ini", "__macosx"})
"""Left behind by operating systems; ignored like hidden files."""

Place = zipfile.ZipInfo | tuple[int, int] | tuple[str, int]
"""A zip entry; offset and length of a member in the unpacked tar stream; or an array of an .npz file and its row."""


@dataclass(frozen=True)
class Reference:
    """One file of a set, not yet read."""

    id: str
    """Opaque: "A-0001"; of a file with several images "A-0001.02"."""
    name: str
    """For people, and only where they ask for names: the path inside the source, printable."""
    path: Path
    """The file, or the archive that holds it."""
    place: Place | None = None
    """Where in the archive; None for a plain file."""
    refused: str | None = None
    """Why it will not be read, where that is known from its name or entry."""
    cells: Mapping[str, str] = field(default_factory=dict, compare=False)
    """Its row in a list with columns, by column, in lower case."""
    frame: int | None = None
    """The frame or slice to read, from 1, where one was told or chosen."""
    channels: tuple[int, ...] | None = None
    """Which channels of the file are channels 1, 2, ..., where that was told."""


def new_reference(name: str, path: Path, place: Place | None = None, refused: str | None = None) -> Reference:
    """A file without an id yet, its name made printable."""
    printable = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in name)
    return Reference("", printable, path, place, refused)


def is_litter(name: str) -> bool:
    """Hidden (some part of the name starts with a dot) or left behind by an operating system."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    return any((p.startswith(".") and p not in {".", ".."}) or p.lower() in LITTER for p in parts)


def refusal(name: str) -> str | None:
    """Why a file is no image, by its suffix; without suffix, or where it is a number, the content decides."""
    path = PurePosixPath(name.lower())
    suffix = path.suffix
    if suffix == PACKED and PurePosixPath(path.stem).suffix in MEDICAL_SUFFIXES:
        return None
    if suffix == ".npz":
        return "an .npz file holds many images: give it as a set by itself"
    # DICOM files are often named by their unique identifier, 1.2.840.113619.2.
    if not suffix or suffix[1:].isdigit() or suffix in IMAGE_SUFFIXES:
        return None
    if suffix in OTHER_IMAGES:
        return f"a kind of image that is not read ({suffix}; save it as JPEG, PNG or TIFF)"
    return f"not an image file ({suffix})" if suffix in KNOWN_SUFFIXES else "not an image file"
