"""From the bytes of one picture to pixels, safely: known formats, bounded sizes, one fit, one intensity window."""

from __future__ import annotations

import io
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import (  # each plugin registers itself in Image.OPEN
    AvifImagePlugin,  # noqa: F401
    BmpImagePlugin,  # noqa: F401
    GifImagePlugin,  # noqa: F401
    Image,
    ImageFile,
    Jpeg2KImagePlugin,  # noqa: F401
    JpegImagePlugin,  # noqa: F401
    PngImagePlugin,  # noqa: F401
    TiffImagePlugin,  # noqa: F401
    WebPImagePlugin,  # noqa: F401
)

FORMATS = ("JPEG", "PNG", "TIFF", "WEBP", "BMP", "GIF", "AVIF", "JPEG2000")
MIN_SIDE = 16
MAX_PIXELS = 100_000_000
LARGE_PIXELS = 32_000_000
"""Larger pictures are decoded one at a time, to bound memory."""

Pixels = NDArray[np.uint8]
"""RGB, shape (height, width, 3)."""
Levels = NDArray[Any]
"""Grey of more than 8 bits, shape (height, width): uint16 or float32."""


class Unreadable(Exception):
    """A picture cannot be used; the message is a short reason that never names the file."""


@dataclass(frozen=True)
class Header:
    """What the file says about its picture, upright, whatever size it was decoded at."""

    format: str
    """One of FORMATS."""
    width: int
    height: int
    high_depth: bool
    """Grey of more than 8 bits, to be seen through a Window. (Colour of 16 bits is read at 8.)"""
    quantisation: float | None = None
    """Mean step of a JPEG's luminance table: higher is more compressed; None for other formats."""


@dataclass(frozen=True, eq=False)
class Raw:
    """A decoded picture: RGB of 8 bits, or Levels where `header.high_depth`."""

    pixels: Pixels | Levels
    header: Header


@dataclass(frozen=True)
class Window:
    """The range of levels that is shown as black to white."""

    low: float
    high: float

    def apply(self, levels: Levels) -> Pixels:
        """Levels as grey RGB; what lies outside the window is clipped."""
        inside = np.clip(levels.astype(np.float64), self.low, self.high) - self.low
        grey = np.rint(inside * 255 / ((self.high - self.low) or 1.0)).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2)


def decode(data: bytes, *, target: int | None = None) -> Raw:
    """Decode the first picture of a file, upright.

    Transparency is laid on white, as viewers and web pages show it. Colour profiles are not applied.

    Args:
        data: the whole file.
        target: side in px that the picture will be fitted to; a JPEG whose shorter side is eight or more times as long
            is decoded at 1/2, 1/4 or 1/8, never below four times `target`. None decodes at full size.

    Raises:
        Unreadable: not one of FORMATS, damaged, truncated, a side under MIN_SIDE, more than MAX_PIXELS.
    """
    # Pillow's plugins raise almost anything on damaged input (SyntaxError, struct.error, KeyError, MemoryError, ...).
    try:
        return _decode(data, target)
    except Unreadable:
        raise
    except Image.DecompressionBombError as error:
        raise Unreadable(f"more than {MAX_PIXELS // 1_000_000} megapixels") from error
    except Exception as error:
        cut = isinstance(error, EOFError) or "truncated" in str(error).lower()
        raise Unreadable("truncated file" if cut else "damaged file") from error


def fit_window(samples: Sequence[NDArray[Any]]) -> Window:
    """The window from the 0.5th to the 99.5th percentile of all samples together: one for both sets.

    Args:
        samples: levels of each high-depth picture, as `sample_levels` draws them; at least one value in all.
    """
    values = np.concatenate([np.ravel(s) for s in samples]).astype(np.float64)
    low, high = np.percentile(values, [0.5, 99.5])
    if high <= low:  # a few bright spots on an even ground
        low, high = values.min(), values.max()
    return Window(float(low), float(high))


def sample_levels(levels: Levels) -> NDArray[np.float32]:
    """At most 32 x 32 levels on an even grid, so that every picture weighs the same in `fit_window`."""
    height, width = levels.shape
    rows = np.linspace(0, height - 1, min(height, 32)).astype(int)
    columns = np.linspace(0, width - 1, min(width, 32)).astype(int)
    grid: NDArray[np.float32] = levels[np.ix_(rows, columns)].astype(np.float32)
    return grid.ravel()


def fit(pixels: Pixels | Levels, size: int) -> Pixels | NDArray[np.float32]:
    """The largest centred square at the model's input size: the one way every image of either set is fitted.

    A crop and not a squeeze: a set of tall images against a set of wide ones must not read as "stretched".

    Returns:
        RGB uint8 of shape (size, size, 3), or for Levels float32 of shape (size, size).
    """
    height, width = pixels.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return _resize(pixels[top : top + side, left : left + side], size, size)


def shrink(pixels: Pixels | Levels, longest: int) -> Pixels | NDArray[np.float32]:
    """The whole picture with its longer side at most `longest` px; kind and dtype as in `fit`."""
    height, width = pixels.shape[:2]
    scale = min(1.0, longest / max(height, width))
    return _resize(pixels, max(1, round(width * scale)), max(1, round(height * scale)))


def _resize(pixels: NDArray[Any], width: int, height: int) -> NDArray[Any]:
    if pixels.ndim == 2:
        pixels = pixels.astype(np.float32)
    if pixels.shape[:2] == (height, width):
        return pixels.copy()
    shrinks = width <= pixels.shape[1] and height <= pixels.shape[0]
    how = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return cast("NDArray[Any]", cv2.resize(pixels, (width, height), interpolation=how))


def _decode(data: bytes, target: int | None) -> Raw:
    with _quiet():
        image = _open(data)
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise Unreadable(f"{width} x {height} px: more than {MAX_PIXELS // 1_000_000} megapixels")
    if min(width, height) < MIN_SIDE:
        raise Unreadable(f"{width} x {height} px: at least {MIN_SIDE} px a side are needed")
    kind = "JPEG" if image.format == "MPO" else image.format or ""  # a phone's JPEG with a second picture inside
    quantisation = None
    if kind == "JPEG":
        tables = getattr(image, "quantization", None)
        quantisation = float(np.mean(tables[min(tables)])) if tables else None
        if target is not None:
            image.draft(None, (4 * target, 4 * target))
    white_is_zero = kind == "TIFF" and getattr(image, "tag_v2", {}).get(262) == 0
    with _quiet() if width * height > LARGE_PIXELS else nullcontext():
        image.load()
        turn = _turn(image)
        upright = image if turn is None else image.transpose(turn)
        if image.mode == "F" or image.mode.startswith("I"):
            pixels: NDArray[Any] = _levels(upright, white_is_zero)
        else:
            pixels = _rgb(upright)
    if upright.size != image.size:
        width, height = height, width
    return Raw(pixels, Header(kind, width, height, pixels.ndim == 2, quantisation))


def _open(data: bytes) -> ImageFile.ImageFile:
    """Read the header.

    Not `Image.open`: that warns from 89 megapixels on and refuses from 179 on without telling the size, and its limit
    belongs to the whole process.
    """
    if not data:
        raise Unreadable("empty file")
    for name in FORMATS:
        factory, accept = Image.OPEN[name]
        if accept is not None and accept(data[:16]) is True:
            try:
                return factory(io.BytesIO(data), "")
            except Image.DecompressionBombError:
                raise
            except Exception as error:
                raise Unreadable(f"damaged, or a kind of {name} that cannot be read") from error
    raise Unreadable(f"not an image ({', '.join(FORMATS[:-1])} or {FORMATS[-1]})")


_WARNINGS = threading.RLock()


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Pillow's warnings from the host process.

    `catch_warnings` swaps a global: two threads that enter and leave crosswise would leave the host silenced for good,
    hence one at a time.
    """
    with _WARNINGS, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF orientation to the turn that undoes it."""


def _turn(image: Image.Image) -> Image.Transpose | None:
    """The turn that makes a loaded picture upright; damaged EXIF costs the orientation, not the picture.

    (`ImageOps.exif_transpose` also writes the EXIF anew, which fails on odd tags.)
    """
    try:
        with _quiet():
            return _TURNS.get(image.getexif().get(0x0112, 1))
    except Exception:
        return None


def _levels(image: Image.Image, white_is_zero: bool) -> Levels:
    levels: Levels = np.asarray(image)
    if levels.dtype.kind == "u":
        levels = levels.astype(np.uint16, copy=False)  # big-endian files
        return 65535 - levels if white_is_zero else levels
    levels = levels.astype(np.float32)
    finite = np.isfinite(levels)
    if not finite.all():
        if not finite.any():
            raise Unreadable("no pixel has a finite value")
        levels[~finite] = levels[finite].min()
    levels = np.clip(levels, -1e30, 1e30)  # sums of a resampling must not overflow
    return np.negative(levels) if white_is_zero else levels


def _rgb(image: Image.Image) -> Pixels:
    if image.mode == "LAB":
        raise Unreadable("colour mode LAB: convert it to RGB first")
    if image.has_transparency_data:
        layer = _in_mode(image, "RGBA")
        image = Image.new("RGB", layer.size, "white")
        image.paste(layer, mask=layer.getchannel("A"))
    return np.asarray(_in_mode(image, "RGB"))


def _in_mode(image: Image.Image, mode: str) -> Image.Image:
    """`convert` without its copy where nothing changes."""
    return image if image.mode == mode else image.convert(mode)
