"""Images inside zip and tar archives: listed and read in memory, one member at a time, within bounds."""

from __future__ import annotations

import gzip
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

from vlmdiff.errors import InputError
from vlmdiff.images.decode import Unreadable
from vlmdiff.images.references import Place, Reference, is_litter, new_reference, refusal

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


def zip_members(path: Path) -> list[Reference]:
    """The files of a zip archive that may be images.

    Raises:
        InputError: damaged, or beyond the bounds.
    """
    found = []
    unpacked = 0
    with _damage_of(path), zipfile.ZipFile(path) as archive:
        for count, info in enumerate(archive.infolist(), 1):
            unpacked += info.file_size
            _check_bounds(path, count, unpacked)
            if info.is_dir() or is_litter(info.filename):
                continue
            refused = refusal(info.filename) or _refusal_by_size(info.file_size, info.compress_size)
            if info.flag_bits & 1:
                refused = "encrypted"
            found.append(new_reference(info.filename, path, info, refused))
    return found


def tar_members(path: Path) -> list[Reference]:
    """The files of a tar archive that may be images.

    Raises:
        InputError: damaged, or beyond the bounds.
    """
    found = []
    unpacked = 0
    with _damage_of(path), _tar_stream(path) as stream, _tar_headers(stream) as archive:
        # One member at a time: the next header is reached by unpacking this member, so the bounds come first.
        for count, info in enumerate(archive, 1):
            unpacked += info.size
            _check_bounds(path, count, unpacked)
            if info.isdir() or is_litter(info.name):
                continue
            refused = refusal(info.name) or _refusal_by_size(info.size)
            if not info.isreg() or info.issparse():
                refused = "not a regular file"
            found.append(new_reference(info.name, path, (info.offset_data, info.size), refused))
    return found


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
def opened(path: Path) -> Iterator[zipfile.ZipFile | Stream]:
    """An archive again, for its bytes."""
    with _damage_of(path):
        archive = zipfile.ZipFile(path) if path.name.lower().endswith(".zip") else _tar_stream(path)
    with archive:
        yield archive


def member(archive: Any, place: Place) -> bytes:
    """The bytes of one member.

    Raises:
        Unreadable: damaged or cut short.
    """
    try:
        if isinstance(place, zipfile.ZipInfo):
            with archive.open(place) as file:
                return bytes(file.read(MAX_BYTES))
        offset, length = cast("tuple[int, int]", place)
        archive.seek(offset)
        data = bytes(archive.read(length))
    except Exception as error:  # bad checksums, unknown compression, zlib and I/O errors
        raise Unreadable("damaged in the archive") from error
    if len(data) < length:
        raise Unreadable("truncated file")
    return data
