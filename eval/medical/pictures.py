"""One image of a release, from its file, its three channel files or its row of an array to RGB."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data_synth.family import Pixels
from vlmdiff.errors import InputError
from vlmdiff.images.decode import Raw, Unreadable, decode, fit
from vlmdiff.images.intensity import Window, fit_window, sample_levels

LARGEST, SMALLEST = 512, 128
"""Pixels a side: larger squares are shrunk to the first, smaller ones enlarged to the second, so that what is painted
can be seen."""


@dataclass(frozen=True)
class Picture:
    """One image of a data set; nothing of it is read yet."""

    name: str
    """Path inside the data set, or array and row."""
    files: tuple[Path, ...]
    """One, or three: its red, green and blue."""
    group: str | None
    row: tuple[str, int] | None = None
    """Of an .npz file: the array and the place in it."""

    @property
    def stem(self) -> str:
        return PurePosixPath(self.name).stem


@lru_cache(maxsize=4)  # images and labels of two splits
def array(file: Path, key: str) -> NDArray[Any]:
    """One array of an .npz file.

    Raises:
        InputError: it is not there.
    """
    try:
        with np.load(file) as arrays:
            return np.asarray(arrays[key])
    except (KeyError, ValueError, OSError) as error:
        raise InputError(f"{file}: no array {key!r} ({error}); expected a MedMNIST file") from error


def content(picture: Picture) -> bytes:
    """What identifies the picture: the bytes of its file or files, or of its row."""
    if picture.row:
        key, number = picture.row
        return bytes(array(picture.files[0], key)[number].tobytes())
    return b"".join(file.read_bytes() for file in picture.files)


def decoded(picture: Picture) -> tuple[Raw | Pixels, ...]:
    """The centred square of the picture, or of its three channels, at most LARGEST px a side.

    That is what vlmdiff looks at: what is painted beside it would be planted and never shown.

    Raises:
        Unreadable: not an image, damaged, too small.
    """
    if picture.row:
        key, number = picture.row
        values = array(picture.files[0], key)[number]
        if values.dtype != np.uint8 or values.ndim not in (2, 3):
            raise Unreadable(f"an array of {values.dtype} and shape {values.shape}")
        return (_square(values if values.ndim == 3 else np.repeat(values[..., None], 3, axis=2)),)
    raws = [decode(file.read_bytes(), target=SMALLEST) for file in picture.files]
    if len({raw.pixels.shape[:2] for raw in raws}) > 1:
        raise Unreadable("channels of different sizes")
    return tuple(Raw(_square(raw.pixels), raw.header) for raw in raws)


def _square(values: NDArray[Any]) -> NDArray[Any]:
    return fit(values, min(LARGEST, *values.shape[:2]))


def pixels(sets: Sequence[Sequence[Picture]]) -> list[list[Pixels]]:
    """The images of some sets, RGB; what has more than 8 bits is seen through one window a channel for all sets.

    Raises:
        InputError: an image that was readable is so no more.
    """
    read = [[_certain(picture) for picture in pictures] for pictures in sets]
    channels = max(len(parts) for parts_of_set in read for parts in parts_of_set)
    windows = [_window([parts[c] for of_set in read for parts in of_set if c < len(parts)]) for c in range(channels)]
    return [[_rgb(parts, windows) for parts in of_set] for of_set in read]


def _certain(picture: Picture) -> tuple[Raw | Pixels, ...]:
    try:
        return decoded(picture)
    except (Unreadable, OSError) as error:
        raise InputError(f"{picture.name} cannot be read any more ({error}); start the run anew") from error


def _window(parts: Sequence[Raw | Pixels]) -> Window | None:
    levels = [sample_levels(part.pixels) for part in parts if isinstance(part, Raw) and part.header.high_depth]
    return fit_window(levels) if levels else None


def _rgb(parts: Sequence[Raw | Pixels], windows: Sequence[Window | None]) -> Pixels:
    shown = [_shown(part, window) for part, window in zip(parts, windows, strict=False)]
    if len(shown) == 3:
        shown = [np.stack([channel[..., 1] for channel in shown], axis=2)]
    return shown[0] if len(shown[0]) >= SMALLEST else np.asarray(fit(shown[0], SMALLEST), np.uint8)


def _shown(part: Raw | Pixels, window: Window | None) -> Pixels:
    if isinstance(part, Raw):
        return window.apply(part.pixels) if window and part.header.high_depth else np.asarray(part.pixels, np.uint8)
    return part
