"""From the bytes of one ordinary picture to pixels, safely: known formats, bounded sizes, one fit."""

from __future__ import annotations

import io
import logging
import threading
import warnings
from collections.abc import Iterator
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
"""Measured values, shape (height, width) or (height, width, channels): uint16 or float32; NaN where nothing was
measured."""


class Unreadable(Exception):
    """A picture cannot be used; the message is a short reason that never names the file."""


@dataclass(frozen=True)
class Header:
    """What the file says about its picture, upright, whatever size it was decoded at."""

    format: str
    """One of FORMATS, or DICOM, NIfTI, MGH, slide or array."""
    width: int
    height: int
    high_depth: bool
    """Levels, to be seen through an Intensity: measured values, grey or colour of more than 8 bits."""
    quantisation: float | None = None
    """Mean step of a JPEG's luminance table: higher is more compressed; None for other formats."""
    modality: str | None = None
    """Of a DICOM file, such as CT."""
    channels: int = 1
    """Of Levels, in the file."""
    burned_in: bool = False
    """A DICOM picture that may have a name written into its pixels."""
    study: str | None = None
    """The same for all pictures of one DICOM study; means nothing else."""
    colour: bool = False
    """Levels that are red, green and blue: one window shows all three."""
    halved: bool = False
    """Colour of 16 bits that was read at 8."""


@dataclass(frozen=True, eq=False)
class Raw:
    """A decoded picture: RGB of 8 bits, or Levels where `header.high_depth`."""

    pixels: Pixels | Levels
    header: Header
    frame: int | None = None
    """Which of the file's frames or slices it is, from 1; None where the file is one picture."""


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


def fit(pixels: Pixels | Levels, size: int) -> Pixels | NDArray[np.float32]:
    """The largest centred square at the model's input size: the one way every image of either set is fitted.

    A crop and not a squeeze: a set of tall images against a set of wide ones must not read as "stretched".

    Returns:
        RGB uint8 of shape (size, size, 3), or for Levels float32 of shape (size, size) or (size, size, channels).
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


def measured(levels: Levels) -> Levels:
    """Levels with the least of the picture wherever nothing was measured, so that they can be resampled.

    Raises:
        Unreadable: nothing was measured at all.
    """
    if levels.dtype.kind in "bui":
        return levels
    levels = levels.astype(np.float32)
    finite = np.isfinite(levels)
    if not finite.any():
        raise Unreadable("no pixel has a finite value")
    if not finite.all():
        levels[~finite] = levels[finite].min()
    return np.clip(levels, -1e30, 1e30)  # sums of a resampling must not overflow


def check_size(width: int, height: int) -> None:
    """Refuse a picture that is too small or too large, before it is decoded.

    Raises:
        Unreadable: it is.
    """
    if width * height > MAX_PIXELS:
        raise Unreadable(f"{width} x {height} px: more than {MAX_PIXELS // 1_000_000} megapixels")
    if min(width, height) < MIN_SIDE:
        raise Unreadable(f"{width} x {height} px: at least {MIN_SIDE} px a side are needed")


def _resize(pixels: NDArray[Any], width: int, height: int) -> NDArray[Any]:
    if pixels.dtype != np.uint8:
        pixels = pixels.astype(np.float32)
    if pixels.shape[:2] == (height, width):
        return pixels.copy()
    shrinks = width <= pixels.shape[1] and height <= pixels.shape[0]
    how = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    if pixels.ndim == 3 and pixels.shape[2] > 4:  # more than OpenCV takes at once
        return np.stack([_resize(pixels[..., i], width, height) for i in range(pixels.shape[2])], axis=2)
    return cast("NDArray[Any]", cv2.resize(pixels, (width, height), interpolation=how)).reshape(
        height, width, *pixels.shape[2:]
    )


def _decode(data: bytes, target: int | None) -> Raw:
    with quiet():
        image = _open(data)
    width, height = image.size
    check_size(width, height)
    kind = "JPEG" if image.format == "MPO" else image.format or ""  # a phone's JPEG with a second picture inside
    quantisation = None
    if kind == "JPEG":
        tables = getattr(image, "quantization", None)
        quantisation = float(np.mean(tables[min(tables)])) if tables else None
        if target is not None:
            image.draft(None, (4 * target, 4 * target))
    is_deep_png = kind == "PNG" and data[_PNG_DEPTH] == 16 and image.mode in ("RGB", "RGBA")
    halved = kind == "TIFF" and image.mode in ("RGB", "RGBA") and 16 in getattr(image, "tag_v2", {}).get(258, ())
    white_is_zero = kind == "TIFF" and getattr(image, "tag_v2", {}).get(262) == 0
    # A TIFF file's tags are read, and logged, with its pixels.
    with quiet() if width * height > LARGE_PIXELS or kind == "TIFF" else nullcontext():
        image.load()
        turn = _turn(image)
        upright = image if turn is None else image.transpose(turn)
        if image.mode == "F" or image.mode.startswith("I"):
            pixels: NDArray[Any] = _levels(upright, white_is_zero)
        elif is_deep_png:
            pixels = _deep_png(data, turn)
        else:
            pixels = _rgb(upright)
    if upright.size != image.size:
        width, height = height, width
    is_deep = pixels.dtype != np.uint8
    is_colour = is_deep and pixels.ndim == 3
    return Raw(pixels, Header(kind, width, height, is_deep, quantisation, colour=is_colour, halved=halved))


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
_LOGGERS = ("PIL", "nibabel", "pydicom", "tifffile")


@contextmanager
def quiet() -> Iterator[None]:
    """Keep what the decoding libraries warn of and log, which may quote a file, from the host process.

    `catch_warnings` swaps a global: two threads that enter and leave crosswise would leave the host silenced for good,
    hence one at a time.
    """
    with _WARNINGS, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        silent = logging.NullHandler()  # a logger without any handler would write to stderr
        heads = [(head, head.propagate) for head in map(logging.getLogger, _LOGGERS)]
        talker = logging.getLogger("nibabel.global")  # has a handler of its own
        was_silent = talker.disabled
        for head, _ in heads:
            head.propagate = False
            head.addHandler(silent)
        talker.disabled = True
        try:
            yield
        finally:
            for head, propagated in heads:
                head.propagate = propagated
                head.removeHandler(silent)
            talker.disabled = was_silent


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
        with quiet():
            return _TURNS.get(image.getexif().get(0x0112, 1))
    except Exception:
        return None


def _levels(image: Image.Image, white_is_zero: bool) -> Levels:
    levels: Levels = np.asarray(image)
    if levels.dtype.kind == "u":
        levels = levels.astype(np.uint16, copy=False)  # big-endian files
        return 65535 - levels if white_is_zero else levels
    levels = measured(levels)
    return np.negative(levels) if white_is_zero else levels


_PNG_DEPTH = 24
"""Place of the bit depth in the bytes of a PNG file."""
_PNG_PICTURE = (b"IHDR", b"tRNS", b"IDAT", b"IEND")
"""Chunks that make the picture; a decoder that sees no others cannot quote them."""


def _deep_png(data: bytes, turn: Image.Transpose | None) -> Levels:
    """Colour of 16 bits, of which Pillow keeps 8; transparency is laid on the highest level of the picture."""
    chunks, at = [data[:8]], 8
    while at + 12 <= len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        if data[at + 4 : at + 8] in _PNG_PICTURE:
            chunks.append(data[at:end])
        at = end
    found = cv2.imdecode(np.frombuffer(b"".join(chunks), np.uint8), cv2.IMREAD_UNCHANGED)
    if found is None or found.dtype != np.uint16 or found.ndim != 3:
        raise Unreadable("damaged file")
    levels: Levels = found[..., 2::-1]
    if found.shape[2] == 4:
        opaque = found[..., 3:] / np.float32(65535)
        levels = np.rint(levels * opaque + levels.max() * (1 - opaque)).astype(np.uint16)
    if turn is not None:
        channels = [Image.fromarray(np.ascontiguousarray(levels[..., i])).transpose(turn) for i in range(3)]
        levels = np.stack([np.asarray(channel) for channel in channels], axis=2)
    return np.ascontiguousarray(levels)


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
