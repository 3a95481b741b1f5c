"""MedMNIST files: arrays of images with labels in one .npz; rows are read one at a time, and nothing is unpickled."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from vlmdiff.errors import InputError
from vlmdiff.images.archives import MAX_BYTES, MAX_ENTRIES
from vlmdiff.images.decode import Header, Raw, Unreadable, check_size
from vlmdiff.images.reading import Reading, evenly
from vlmdiff.images.references import Reference, new_reference

SPLITS = ("train", "val", "test")
SYNTAX = "FILE.npz, FILE.npz:test, FILE.npz:1 (a label) or FILE.npz:test:1"
_SOURCE = re.compile(r"(?P<path>.+\.npz)(?::(?P<split>[a-z]+))?(?::(?P<label>\d+))?", re.IGNORECASE | re.DOTALL)


def is_arrays(source: str) -> bool:
    """Whether this names an .npz file, or a part of one."""
    match = _SOURCE.fullmatch(source)
    return match is not None and Path(match["path"]).is_file()


def array_images(source: str) -> list[Reference]:
    """The images of an .npz file, of one of its splits, of one label: see SYNTAX.

    Raises:
        InputError: no MedMNIST file, or no such part.
    """
    match = _SOURCE.fullmatch(source)
    assert match is not None
    path, split, label = Path(match["path"]), match["split"], match["label"]
    split = split and split.lower()
    if split is not None and split not in SPLITS:
        raise InputError(f"{source!r}: {split!r} is no split; give {SYNTAX}, with {', '.join(SPLITS)}")
    found = []
    try:
        with zipfile.ZipFile(path) as file:
            keys = [f"{s}_images" for s in SPLITS if split in (None, s) and f"{s}_images.npy" in file.namelist()]
            if not keys:
                raise InputError(f"{source!r} has no arrays like train_images; expected a MedMNIST file")
            for key in keys:
                with file.open(f"{key}.npy") as stream:
                    shape, _ = _header(stream)
                chosen: Sequence[int] = range(min(shape[0], MAX_ENTRIES))
                if label is not None:
                    chosen = _with_label(file, key.replace("_images", "_labels"), int(label), shape[0])
                found += [new_reference(f"{key}/{row:06d}", path, (key, row)) for row in chosen]
    except (InputError, OSError):
        raise
    except Exception as error:
        raise InputError(f"{source!r} cannot be read: damaged, or no MedMNIST file") from error
    if not found:
        raise InputError(f"{source!r} holds no images with label {label}; give {SYNTAX}")
    return found


def rows(references: Sequence[Reference]) -> Generator[NDArray[Any] | Unreadable, None, None]:
    """The rows of one .npz file in turn; fast in the order of the file, since what lies between is unpacked, too."""
    stream: IO[bytes] | None = None
    at: tuple[str, int] = ("", 0)
    shape: tuple[int, ...] = (0,)
    dtype: np.dtype[Any] = np.dtype(np.uint8)
    damaged: dict[str, int] = {}  # by array the first row that could not be read: later ones are not tried
    with zipfile.ZipFile(references[0].path) as file:
        try:
            for one in references:
                assert isinstance(one.place, tuple)
                key, row = str(one.place[0]), one.place[1]
                if row >= damaged.get(key, row + 1):
                    yield Unreadable("damaged array")
                    continue
                try:
                    if stream is None or at[0] != key or row < at[1]:
                        if stream is not None:
                            stream.close()
                        stream, at = file.open(f"{key}.npy"), (key, 0)
                        shape, dtype = _header(stream)
                    size = int(np.prod(shape[1:], dtype=np.int64)) * dtype.itemsize
                    while at[1] < row:
                        _whole(stream, size)
                        at = (key, at[1] + 1)
                    data = _whole(stream, size)
                    at = (key, row + 1)
                    content: NDArray[Any] | Unreadable = np.frombuffer(data, dtype).reshape(shape[1:])
                except Exception:
                    stream, content = None, Unreadable("damaged array")
                    damaged[key] = row
                yield content
        finally:
            if stream is not None:
                stream.close()


def picture(values: NDArray[Any], reading: Reading, frame: int | None = None) -> list[Raw]:
    """One row as RGB; of a volume the wanted slices.

    Raises:
        Unreadable: neither a picture nor a volume of 8 bits.
    """
    if values.dtype != np.uint8 or values.ndim not in (2, 3):
        raise Unreadable(f"array of {values.dtype} and shape {values.shape}; expected 8 bits, grey or RGB or a volume")
    is_volume = values.ndim == 3 and values.shape[2] != 3
    slices = values if is_volume else values[None]
    if frame is not None and not 1 <= frame <= len(slices):
        raise Unreadable(f"slice {frame} of a volume with {len(slices)}")
    found = []
    for index in evenly(len(slices), reading.frames) if frame is None else [frame - 1]:
        one = slices[index]
        check_size(one.shape[1], one.shape[0])
        pixels = np.repeat(one[..., None], 3, axis=2) if one.ndim == 2 else one
        found.append(Raw(pixels, Header("array", one.shape[1], one.shape[0], False), index + 1 if is_volume else None))
    return found


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    version = np.lib.format.read_magic(stream)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, is_fortran, dtype = read(stream)
    size = int(np.prod(shape[1:], dtype=np.int64)) * dtype.itemsize
    if dtype.hasobject or dtype.fields or is_fortran or not shape or size > MAX_BYTES:
        raise ValueError
    return shape, dtype


def _whole(stream: IO[bytes], size: int) -> bytes:
    data = stream.read(size)
    if len(data) != size:
        raise EOFError
    return data


def _with_label(file: zipfile.ZipFile, key: str, label: int, count: int) -> Sequence[int]:
    """The rows with this label; where a row has several, those that have the label's column set."""
    if file.getinfo(f"{key}.npy").file_size > MAX_BYTES:
        raise ValueError
    with file.open(f"{key}.npy") as stream:
        labels = np.lib.format.read_array(stream, allow_pickle=False)
    if len(labels) != count:
        raise ValueError
    several = labels.ndim == 2 and labels.shape[1] > 1
    if several and label >= labels.shape[1]:
        return []
    has = labels[:, label] == 1 if several else labels.reshape(count) == label
    return [int(row) for row in np.flatnonzero(has)]
