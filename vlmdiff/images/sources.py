"""Where the images of a set lie: folders, globs, lists and archives in, references and their bytes out."""

from __future__ import annotations

import csv
import glob
import gzip
import io
import os
import stat
import tarfile
import zipfile
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast

from vlmdiff.errors import InputError
from vlmdiff.findings import Side
from vlmdiff.images.decode import Unreadable

ACCEPTED = "a folder, a glob like 'images/*.png', a .txt or .csv list, or a .zip, .tar, .tar.gz or .tgz archive"
IMAGE_SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".tif", ".tiff", ".webp", ".bmp", ".dib", ".gif", ".avif"),
    *(".jp2", ".j2k", ".j2c", ".jpc", ".jpf", ".jpx"),
)
LITTER = frozenset({"thumbs.db", "desktop.ini", "__macosx"})
"""Left behind by operating systems; ignored like hidden files."""

MAX_BYTES = 512 * 2**20
"""Of one file or archive member."""
MAX_ENTRIES = 200_000
"""Of an archive."""
MAX_UNPACKED = 64 * 2**30
"""Of all members of an archive together."""
MAX_RATIO = 200
"""Unpacked to packed size, of a member or a whole archive; up to RATIO_FLOOR bytes anything goes (blank pictures)."""
RATIO_FLOOR = 16 * 2**20
MAX_HEADER = 2**20
"""Bytes of a single tar header; longer ones (a header may be a bomb, too) are damage."""

Stream = IO[bytes] | gzip.GzipFile

Place = zipfile.ZipInfo | tuple[int, int]
"""A zip entry, or the offset and length of a member in the unpacked tar stream."""


@dataclass(frozen=True)
class Reference:
    """One file of a set, not yet read."""

    id: str
    """Opaque: "A-0001"."""
    name: str
    """For people, and only where they ask for names: the path inside the source, printable."""
    path: Path
    """The file, or the archive that holds it."""
    place: Place | None = None
    """Where in the archive; None for a plain file."""
    refused: str | None = None
    """Why it will not be read, where that is known from its name or entry."""
    cells: Mapping[str, str] = field(default_factory=dict, compare=False)
    """Its row in a CSV list with a header, by column, in lower case."""


def open_set(source: str | Path, side: Side) -> list[Reference]:
    """List the files of one set, sorted by name; ids are given in that order, refused files included.

    A folder is searched with its subfolders; hidden files and operating-system litter are ignored, and links are
    followed only to files inside the folder. A list names one path a line (or in the column `path`, else in the first
    column), relative to its own folder; lines that start with # are comments.

    Raises:
        InputError: nothing there, nothing in it, or a kind of file that is not accepted.
    """
    text = str(source)
    path = Path(text)
    try:
        if text.strip() and path.is_dir():
            found = _folder(path)
        elif text.strip() and path.is_file():
            found = _reader(path, side)(path)
        elif glob.has_magic(text):
            found = [_reference(match, Path(match)) for match in glob.glob(text, recursive=True) if _is_file(match)]
        else:
            raise InputError(f"set {side.upper()}: no file or folder {text!r}; give {ACCEPTED}")
    except (OSError, ValueError) as error:  # no permission, a name that is too long, a zero byte in it
        reason = getattr(error, "strerror", None) or "not a usable path"
        raise InputError(f"set {side.upper()}: {text!r} cannot be opened ({reason}); give {ACCEPTED}") from error
    if not found:
        raise InputError(f"set {side.upper()}: {text!r} holds no files; at least 2 images are needed")
    digits = max(4, len(str(len(found))))
    ordered = sorted(found, key=lambda reference: reference.name)
    return [replace(r, id=f"{side.upper()}-{number:0{digits}d}") for number, r in enumerate(ordered, 1)]


def read_bytes(references: Sequence[Reference]) -> Generator[bytes | Unreadable, None, None]:
    """The bytes of each file in turn, or why there are none.

    The files are of one source. Those in an archive are read from one open handle, in memory; a packed tar is fast only
    in the order of `reading_order`.
    """
    inside = bool(references) and references[0].place is not None
    with _opened(references[0].path) if inside else nullcontext() as archive:
        for reference in references:
            try:
                content: bytes | Unreadable = (
                    _file(reference.path) if reference.place is None else _member(archive, reference.place)
                )
            except Unreadable as unreadable:
                content = unreadable
            yield content


def reading_order(reference: Reference) -> tuple[int, str]:
    """Sort key: the order of the bytes in an archive, else the order of the ids."""
    place = reference.place
    offset = 0 if place is None else place[0] if isinstance(place, tuple) else place.header_offset
    return offset, reference.id


def _reader(path: Path, side: Side) -> Callable[[Path], list[Reference]]:
    """How to list what is in a file, by its suffix."""
    name = path.name.lower()
    for suffix, reader in _READERS.items():
        if name.endswith(suffix):
            return reader
    raise InputError(f"set {side.upper()}: {str(path)!r} is a single file, not a set; give {ACCEPTED}")


def _reference(name: str, path: Path, place: Place | None = None, refused: str | None = None) -> Reference:
    printable = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in name)
    return Reference("", printable, path, place, refused)


def _is_file(path: str) -> bool:
    return Path(path).is_file()


def _is_litter(name: str) -> bool:
    """Hidden (some part of the name starts with a dot) or left behind by an operating system."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    return any((p.startswith(".") and p not in {".", ".."}) or p.lower() in LITTER for p in parts)


def _refusal(name: str) -> str | None:
    """Why a file is no image, by its suffix; without suffix the content decides."""
    suffix = PurePosixPath(name).suffix.lower()
    if not suffix or suffix in IMAGE_SUFFIXES:
        return None
    telling = suffix[1:].isalnum() and len(suffix) <= 6  # "patient.john doe" has no suffix worth repeating
    return f"not an image file ({suffix})" if telling else "not an image file"


def _folder(root: Path) -> list[Reference]:
    home = root.resolve()
    found = []
    for folder, subfolders, files in os.walk(root, onerror=_reraise):
        subfolders[:] = [name for name in subfolders if not _is_litter(name)]
        links = [name for name in subfolders if os.path.islink(os.path.join(folder, name))]
        for file in [*files, *links]:
            path = Path(folder, file)
            if _is_litter(file):
                continue
            if file in links:
                refused: str | None = "link to a folder"
            elif path.is_symlink() and not path.resolve().is_relative_to(home):
                refused = "link that leaves the folder (a .txt list may name such files)"
            else:
                refused = _refusal(file)
            found.append(_reference(path.relative_to(root).as_posix(), path, refused=refused))
    return found


def _reraise(error: OSError) -> None:
    raise error


def _text_list(path: Path) -> list[Reference]:
    lines = [line.strip() for line in _text(path).splitlines()]
    return _listed(path, [line for line in lines if line and not line.startswith("#")])


def _csv_list(path: Path) -> list[Reference]:
    try:
        rows = [row for row in csv.reader(io.StringIO(_text(path))) if row and not row[0].lstrip().startswith("#")]
    except csv.Error as error:
        raise InputError(f"list {str(path)!r} is not readable as CSV: {error}") from error
    if not rows:
        return []
    header = [cell.strip().lower() for cell in rows[0]]
    column = header.index("path") if "path" in header else 0
    # Without a column `path` the first row may be a header or already an image.
    is_header = "path" in header or PurePosixPath(header[0]).suffix not in IMAGE_SUFFIXES
    names, cells = [], []
    for row in rows[is_header:]:
        row = [cell.strip() for cell in row]
        if len(row) > column and row[column]:
            names.append(row[column])
            cells.append(dict(zip_longest(header, row[: len(header)], fillvalue="")) if is_header else {})
    return [replace(r, cells=c) for r, c in zip(_listed(path, names), cells, strict=True)]


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"list {str(path)!r} is not UTF-8 text; save it as UTF-8") from error


def _listed(origin: Path, names: list[str]) -> list[Reference]:
    seen: set[str] = set()
    found = []
    for name in names:
        path = os.path.normpath(origin.parent / name)
        found.append(_reference(name, Path(path), refused="listed before" if path in seen else None))
        seen.add(path)
    return found


def _zip(path: Path) -> list[Reference]:
    found = []
    unpacked = 0
    with _damage_of(path), zipfile.ZipFile(path) as archive:
        for count, info in enumerate(archive.infolist(), 1):
            unpacked += info.file_size
            _check_bounds(path, count, unpacked)
            if info.is_dir() or _is_litter(info.filename):
                continue
            refused = _refusal(info.filename) or _refusal_by_size(info.file_size, info.compress_size)
            if info.flag_bits & 1:
                refused = "encrypted"
            found.append(_reference(info.filename, path, info, refused))
    return found


def _tar(path: Path) -> list[Reference]:
    found = []
    unpacked = 0
    with _damage_of(path), _tar_stream(path) as stream, _tar_headers(stream) as archive:
        # One member at a time: the next header is reached by unpacking this member, so the bounds come first.
        for count, info in enumerate(archive, 1):
            unpacked += info.size
            _check_bounds(path, count, unpacked)
            if info.isdir() or _is_litter(info.name):
                continue
            refused = _refusal(info.name) or _refusal_by_size(info.size)
            if not info.isreg() or info.issparse():
                refused = "not a regular file"
            found.append(_reference(info.name, path, (info.offset_data, info.size), refused))
    return found


_READERS: dict[str, Callable[[Path], list[Reference]]] = {
    ".txt": _text_list,
    ".csv": _csv_list,
    ".zip": _zip,
    ".tar": _tar,
    ".tar.gz": _tar,
    ".tgz": _tar,
}


def _check_bounds(path: Path, count: int, unpacked: int) -> None:
    packed = path.stat().st_size
    if count > MAX_ENTRIES:
        raise InputError(f"archive {str(path)!r} has more than {MAX_ENTRIES} entries; unpack it to a folder")
    if unpacked > MAX_UNPACKED or (unpacked > RATIO_FLOOR and unpacked > MAX_RATIO * packed):
        raise InputError(
            f"archive {str(path)!r} unpacks to more than {MAX_UNPACKED // 2**30} GB or {MAX_RATIO} times its size; "
            "if you trust it, unpack it to a folder"
        )


def _refusal_by_size(size: int, packed: int | None = None) -> str | None:
    if size > MAX_BYTES:
        return f"more than {MAX_BYTES // 2**20} MB"
    if packed is not None and size > RATIO_FLOOR and size > MAX_RATIO * packed:
        return f"unpacks to more than {MAX_RATIO} times its size"
    return None


@contextmanager
def _damage_of(path: Path) -> Iterator[None]:
    """Whatever a damaged archive makes the standard library raise becomes one InputError."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"archive {str(path)!r} cannot be read: damaged or not what its name says") from error


def _tar_stream(path: Path) -> Stream:
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    return gzip.open(path) if packed else path.open("rb")


def _tar_headers(stream: Stream) -> tarfile.TarFile:
    return tarfile.open(fileobj=cast("IO[bytes]", _ShortReads(stream)), mode="r:")


class _ShortReads:
    """A stream for tarfile that refuses to read a long header into memory."""

    def __init__(self, stream: Stream) -> None:
        self.seek, self.tell = stream.seek, stream.tell
        self._read = stream.read

    def read(self, count: int = -1) -> bytes:
        if not 0 <= count <= MAX_HEADER:
            raise tarfile.ReadError("header too long")
        return self._read(count)


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile | Stream]:
    """An archive again, for its bytes."""
    with _damage_of(path):
        archive = zipfile.ZipFile(path) if path.name.lower().endswith(".zip") else _tar_stream(path)
    with archive:
        yield archive


def _member(archive: Any, place: Place) -> bytes:
    try:
        if isinstance(place, zipfile.ZipInfo):
            with archive.open(place) as file:
                return bytes(file.read(MAX_BYTES))
        offset, length = place
        archive.seek(offset)
        data = bytes(archive.read(length))
    except Exception as error:  # bad checksums, unknown compression, zlib and I/O errors
        raise Unreadable("damaged in the archive") from error
    if len(data) < length:
        raise Unreadable("truncated file")
    return data


def _file(path: Path) -> bytes:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise Unreadable("not a regular file")  # opening a pipe would wait for ever
        if status.st_size > MAX_BYTES:
            raise Unreadable(f"more than {MAX_BYTES // 2**20} MB")
        return path.read_bytes()
    except (OSError, ValueError) as error:
        raise Unreadable(f"cannot be opened ({getattr(error, 'strerror', None) or 'not a usable path'})") from error
