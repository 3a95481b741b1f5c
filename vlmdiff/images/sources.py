"""Where the images of a set lie: folders, globs, lists and archives in, references and their bytes out."""

from __future__ import annotations

import glob
import mmap
import os
import stat
from collections.abc import Callable, Generator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

from vlmdiff.errors import InputError
from vlmdiff.findings import Side
from vlmdiff.images.archives import MAX_BYTES, member, opened, tar_members, zip_members
from vlmdiff.images.arrays import array_images, is_arrays, rows
from vlmdiff.images.decode import Unreadable
from vlmdiff.images.formats import Content
from vlmdiff.images.lists import csv_list, json_list, manifest, text_list
from vlmdiff.images.references import Reference, is_litter, new_reference, refusal

ACCEPTED = (
    "a folder, a glob like 'images/*.png', a .txt, .csv or .jsonl list, a .zip, .tar, .tar.gz or .tgz archive, "
    "or a MedMNIST .npz"
)
MAPPED_SUFFIXES = (".tif", ".tiff", ".btf", ".svs", ".ndpi", ".scn", ".bif", ".qptiff", ".nii")
"""Files of these kinds are only read in part, and may be larger than MAX_BYTES."""


def open_set(source: str | Path, side: Side) -> list[Reference]:
    """List the files of one set, sorted by name; ids are given in that order, refused files included.

    A folder is searched with its subfolders; hidden files and operating-system litter are ignored, and links are
    followed only to files inside the folder. A list names one path a line (or in a column of `PATHS`, else in the first
    column), relative to its own folder; lines that start with # are comments.

    Raises:
        InputError: nothing there, nothing in it, or a kind of file that is not accepted.
    """
    text = str(source)
    path = Path(text)
    try:
        if text.strip() and path.is_dir():
            found = _folder(path)
        elif is_arrays(text):
            found = array_images(text)
        elif text.strip() and path.is_file():
            found = _reader(path, side)(path)
        elif glob.has_magic(text):
            found = [new_reference(match, Path(match)) for match in glob.glob(text, recursive=True) if _is_file(match)]
        else:
            raise InputError(f"set {side.upper()}: no file or folder {text!r}; give {ACCEPTED}")
    except (OSError, ValueError) as error:  # no permission, a name that is too long, a zero byte in it
        reason = getattr(error, "strerror", None) or "not a usable path"
        raise InputError(f"set {side.upper()}: {text!r} cannot be opened ({reason}); give {ACCEPTED}") from error
    return _numbered(found, text, side)


def open_manifest(source: str | Path) -> tuple[list[Reference], list[Reference], str | None]:
    """List the files of both sets, which one manifest names; with a note where it does not call them a and b.

    Raises:
        InputError: no manifest, or not of two sets.
    """
    try:
        a, b, note = manifest(Path(source))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a usable path"
        raise InputError(f"manifest {str(source)!r} cannot be opened ({reason})") from error
    return _numbered(a, str(source), "a"), _numbered(b, str(source), "b"), note


def _numbered(found: list[Reference], text: str, side: Side) -> list[Reference]:
    if not found:
        raise InputError(f"set {side.upper()}: {text!r} holds no files; at least 2 images are needed")
    digits = max(4, len(str(len(found))))
    ordered = sorted(found, key=lambda reference: reference.name)
    return [replace(r, id=f"{side.upper()}-{number:0{digits}d}") for number, r in enumerate(ordered, 1)]


def read_contents(references: Sequence[Reference]) -> Generator[Content | Unreadable, None, None]:
    """The bytes of each file (or the row of an array) in turn, or why there are none.

    The files are of one source. Those in an archive are read from one open handle, in memory; a packed tar is fast only
    in the order of `reading_order`.
    """
    place = references[0].place if references else None
    if isinstance(place, tuple) and isinstance(place[0], str):
        yield from rows(references)
        return
    with opened(references[0].path) if place is not None else nullcontext() as archive:
        for reference in references:
            try:
                content: Content | Unreadable = (
                    _file(reference.path) if reference.place is None else member(archive, reference.place)
                )
            except Unreadable as unreadable:
                content = unreadable
            yield content


def reading_order(reference: Reference) -> tuple[str, int, str]:
    """Sort key: the order of the bytes in an archive or array file, else the order of the ids."""
    match reference.place:
        case None:
            return "", 0, reference.id
        case (str() as array, int() as row):
            return array, row, reference.id
        case (int() as offset, _):
            return "", offset, reference.id
        case info:
            return "", info.header_offset, reference.id


def _reader(path: Path, side: Side) -> Callable[[Path], list[Reference]]:
    """How to list what is in a file, by its suffix."""
    name = path.name.lower()
    for suffix, reader in _READERS.items():
        if name.endswith(suffix):
            return reader
    raise InputError(f"set {side.upper()}: {str(path)!r} is a single file, not a set; give {ACCEPTED}")


def _is_file(path: str) -> bool:
    return Path(path).is_file()


def _folder(root: Path) -> list[Reference]:
    home = root.resolve()
    found = []
    for folder, subfolders, files in os.walk(root, onerror=_reraise):
        subfolders[:] = [name for name in subfolders if not is_litter(name)]
        links = [name for name in subfolders if os.path.islink(os.path.join(folder, name))]
        for file in [*files, *links]:
            path = Path(folder, file)
            if is_litter(file):
                continue
            if file in links:
                refused: str | None = "link to a folder"
            elif path.is_symlink() and not path.resolve().is_relative_to(home):
                refused = "link that leaves the folder (a .txt list may name such files)"
            else:
                refused = refusal(file)
            found.append(new_reference(path.relative_to(root).as_posix(), path, refused=refused))
    return found


def _reraise(error: OSError) -> None:
    raise error


_READERS: dict[str, Callable[[Path], list[Reference]]] = {
    ".txt": text_list,
    ".csv": csv_list,
    ".jsonl": json_list,
    ".zip": zip_members,
    ".tar": tar_members,
    ".tar.gz": tar_members,
    ".tgz": tar_members,
}


def _file(path: Path) -> bytes | mmap.mmap:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise Unreadable("not a regular file")  # opening a pipe would wait for ever
        if status.st_size <= MAX_BYTES:
            return path.read_bytes()
        if path.suffix.lower() in MAPPED_SUFFIXES:
            with path.open("rb") as file:
                return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        raise Unreadable(f"more than {MAX_BYTES // 2**20} MB")
    except (OSError, ValueError) as error:
        raise Unreadable(f"cannot be opened ({getattr(error, 'strerror', None) or 'not a usable path'})") from error
