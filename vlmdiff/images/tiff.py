"""Scientific TIFF to pictures: channels, stacks and time series of microscopes, and thumbnails of whole slides."""

from __future__ import annotations

import io
import math
import mmap
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vlmdiff.images.archives import MAX_BYTES
from vlmdiff.images.decode import MAX_PIXELS, Header, Levels, Pixels, Raw, Unreadable, check_size, quiet
from vlmdiff.images.reading import Reading, evenly

MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
NO_TISSUE = ("label", "macro", "thumbnail", "overview", "map")
"""Names of pictures beside a slide: labels bear names of patients."""
SLIDE_PIXELS = 16_000_000
"""At most of the level of a slide that is read."""
COLOUR = (2, 5, 6)
"""Photometric interpretations RGB, CMYK and YCbCr."""
RGB = 2
WHITE_IS_ZERO = 0
PALETTE = 3
ORDINARY_GREY = ("uint16", "int16", "int32", "float32")
CHANNELS = "C"
DEPTH = "Z"
SAMPLES = "S"


def is_tiff(data: Any) -> bool:
    """Whether these are the bytes of a TIFF file."""
    return bytes(data[:4]) in MAGIC


def read(data: Any, reading: Reading, frame: int | None = None, channels: tuple[int, ...] | None = None) -> list[Raw]:
    """The pictures of a TIFF file that an ordinary reader would get wrong; none where it is an ordinary picture.

    Channels become Levels, the first three or those told; a stack its maximum over depth; of other axes (time, or pages
    of which nothing is known) the middle or `reading.frames` are taken. Where channels are told, unknown pages are
    channels. Of a whole slide the part with tissue is read, at the finest level of at most SLIDE_PIXELS.

    Raises:
        Unreadable: damaged, too large, of a kind that is not read; never quotes the file.
    """
    try:
        import tifffile
    except ImportError:
        return _unless_it_needs_more(data)
    with quiet():
        try:
            stream: Any = data if isinstance(data, mmap.mmap) else io.BytesIO(data)
            with tifffile.TiffFile(stream) as file:
                series = _main_series(file)
                _check_tiles(series.keyframe)
                if len(series.levels) > 1 or (file.is_svs or file.is_ndpi or file.is_scn or file.is_bif):
                    return [_slide(series)]
                if _is_ordinary(file, series):
                    return []
                return _pictures(series, reading, frame, channels)
        except Unreadable:
            raise
        except Exception as error:  # tifffile raises almost anything on damaged files, and quotes their tags
            if "imagecodecs" in str(error) and "requires" in str(error):
                raise Unreadable("TIFF file in a compression that needs: pip install 'vlmdiff[medical]'") from None
            raise Unreadable("damaged TIFF file") from None


def _unless_it_needs_more(data: Any) -> list[Raw]:
    """Without tifffile, ordinary pictures only: what says that it has channels or a stack is not half read."""
    start = bytes(data[: 2**16]) + bytes(data[-(2**16) :])
    if b"ImageJ=" in start or b"<OME" in start or b"Aperio" in start:
        raise Unreadable("microscopy TIFF file: pip install 'vlmdiff[medical]' to read it")
    return []


def _main_series(file: Any) -> Any:
    """The largest picture of the file that is no label."""
    named = [s for s in file.series if not any(word in (s.name or "").lower() for word in NO_TISSUE)]
    if not named:
        raise Unreadable("TIFF file with labels or overviews only")
    return max(named, key=lambda s: s.keyframe.imagelength * s.keyframe.imagewidth)


def _is_ordinary(file: Any, series: Any) -> bool:
    """A photograph, a scan, a grey picture of one page, or pages of 8 bits without a word on what they are."""
    page = series.keyframe
    if page.index != 0:  # an ordinary reader would read a small picture before it
        return False
    says_more = (file.is_ome or file.is_imagej or file.is_stk or file.is_lsm) and set(series.axes) - set("YXS")
    if says_more or page.imagedepth > 1 or page.imagewidth * page.imagelength > MAX_PIXELS:
        return False
    is_grey = page.samplesperpixel == 1
    is_colour = page.samplesperpixel in (3, 4) and page.photometric in COLOUR
    if page.bitspersample <= 8:
        return is_grey or is_colour or (page.samplesperpixel == 2 and bool(page.extrasamples))
    return len(series.pages) == 1 and (
        (is_colour and not _is_deep_rgb(page)) or (is_grey and str(page.dtype) in ORDINARY_GREY)
    )


def _is_deep_rgb(page: Any) -> bool:
    """Colour of 16 bits as it is mostly saved; an ordinary reader keeps 8 of them."""
    turned = page.tags.get("Orientation") is not None and page.tags["Orientation"].value != 1
    return bool(page.photometric == RGB and page.samplesperpixel == 3 and page.dtype == np.uint16 and not turned)


def _pictures(series: Any, reading: Reading, frame: int | None, channels: tuple[int, ...] | None) -> list[Raw]:
    if series.dtype is None or series.dtype.kind not in "biuf":
        raise Unreadable("TIFF file of values that are no real numbers")
    page = series.keyframe
    _check_bytes(series)
    if page.photometric == PALETTE:
        raise Unreadable("TIFF file in palette colours that is no single picture; save it as RGB")
    check_size(page.imagewidth, page.imagelength)
    told = reading.told_channels()
    values, axes = _known_axes(series.asarray(), series.axes, as_channels=told is not None or channels is not None)
    is_rgb = SAMPLES in axes and CHANNELS not in axes and page.photometric in COLOUR and values.shape[-1] in (3, 4)
    if page.photometric == WHITE_IS_ZERO:
        values = np.iinfo(values.dtype).max - values if values.dtype.kind == "u" else -values
    count = values.shape[0]
    if frame is not None and not 1 <= frame <= count:
        raise Unreadable(f"frame {frame} of a TIFF file with {count}")
    chosen = evenly(count, reading.frames) if frame is None else [frame - 1]
    found = []
    for index in chosen:
        of_file = values.shape[-1]
        is_deep = is_rgb and values.dtype == np.uint16
        pixels = (
            values[index, ..., :3]
            if is_deep
            else _rgb(values[index])
            if is_rgb
            else _shown(values[index], told, channels)
        )
        height, width = pixels.shape[:2]
        header = Header("TIFF", width, height, is_deep or not is_rgb, channels=1 if is_rgb else of_file, colour=is_deep)
        found.append(Raw(pixels, header, None if count == 1 else index + 1))
    return found


def _check_bytes(series: Any) -> None:
    if math.prod(series.shape) * series.dtype.itemsize > MAX_BYTES:
        raise Unreadable(f"TIFF file with more than {MAX_BYTES // 2**20} MB of pixels; save one plane or channel alone")


def _check_tiles(page: Any) -> None:
    """A tile is decoded as a whole, however small the picture."""
    if page.is_tiled and page.tilewidth * page.tilelength * page.tiledepth > MAX_PIXELS:
        raise Unreadable(f"TIFF file with tiles of more than {MAX_PIXELS // 1_000_000} megapixels")


def _known_axes(values: NDArray[Any], axes: str, as_channels: bool) -> tuple[NDArray[Any], str]:
    """Values as (frames, rows, columns, channels), with a maximum over depth; and which axes there were."""
    if DEPTH in axes:
        values, axes = values.max(axis=axes.index(DEPTH)), axes.replace(DEPTH, "")
    others = [a for a in axes if a not in "YXCS"]
    if as_channels and CHANNELS not in axes and SAMPLES not in axes and others:
        axes, others = axes.replace(others[-1], CHANNELS), others[:-1]  # the last one runs fastest
    last = [a for a in (CHANNELS, SAMPLES) if a in axes]
    order = [axes.index(a) for a in (*others, "Y", "X", *last)]
    values = values.transpose(order)
    frames = int(np.prod(values.shape[: len(others)], dtype=np.int64))
    rows, columns = values.shape[len(others) : len(others) + 2]
    return values.reshape(frames, rows, columns, -1), axes


def _shown(values: NDArray[Any], told: dict[int, str] | None, channels: tuple[int, ...] | None) -> Levels:
    """The channels that are shown, as float Levels; of a single one without its axis."""
    count = values.shape[-1]
    order = channels or tuple(range(1, count + 1))
    if max(order) > count:
        raise Unreadable(f"a TIFF file with {count} channels; channel {max(order)} was asked for")
    wanted = sorted(told) if told else list(range(1, min(3, len(order)) + 1))
    if max(wanted) > len(order):
        raise Unreadable(f"a TIFF file with {len(order)} channels; channel {max(wanted)} was asked for")
    picked = values[..., [order[number - 1] - 1 for number in wanted]].astype(np.float32)
    return picked[..., 0] if len(wanted) == 1 else np.ascontiguousarray(picked)


def _rgb(values: NDArray[Any]) -> Pixels:
    if values.dtype == np.uint8:
        return np.ascontiguousarray(values[..., :3])
    if values.dtype == np.uint16:
        return np.ascontiguousarray((values[..., :3] >> 8).astype(np.uint8))
    raise Unreadable("TIFF file in colour of more than 16 bits")


def _slide(series: Any) -> Raw:
    """The part of a slide with tissue on it, at the finest level that is not too large."""
    pages = [(level, level.keyframe.imagewidth * level.keyframe.imagelength) for level in series.levels]
    level = next((level for level, area in pages if area <= SLIDE_PIXELS), None)
    if level is None:
        raise Unreadable("whole slide without a small level: save an overview of it")
    shape = [n for n in level.shape if n != 1]
    if len(shape) != 3 or not {shape[0], shape[2]} & {3, 4}:
        raise Unreadable("whole slide that is not in colour; save the wanted channels of a level as TIFF")
    _check_bytes(level)
    _check_tiles(level.keyframe)
    values = np.squeeze(level.asarray())
    if values.ndim == 3 and values.shape[0] in (3, 4) and values.shape[2] not in (3, 4):
        values = np.moveaxis(values, 0, -1)
    whole = _rgb(values)
    top, bottom, left, right = _tissue(whole)
    pixels = np.ascontiguousarray(whole[top:bottom, left:right])
    check_size(pixels.shape[1], pixels.shape[0])
    return Raw(pixels, Header("slide", pixels.shape[1], pixels.shape[0], False))


def _tissue(pixels: Pixels) -> tuple[int, int, int, int]:
    """Top, bottom, left and right of what is not glass: coloured or dark, by Otsu's threshold on saturation."""
    height, width = pixels.shape[:2]
    small = cv2.resize(pixels, (min(width, 512), min(height, 512)), interpolation=cv2.INTER_AREA)
    saturation = cv2.medianBlur(cv2.cvtColor(small, cv2.COLOR_RGB2HSV)[..., 1], 7)
    _, mask = cv2.threshold(saturation, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    rows, columns = np.flatnonzero(mask.mean(axis=1) > 2.55), np.flatnonzero(mask.mean(axis=0) > 2.55)  # 1 %
    if not len(rows) or not len(columns):
        return 0, height, 0, width
    down, across = height / small.shape[0], width / small.shape[1]
    top, bottom = int(rows[0] * down), int(np.ceil((rows[-1] + 1) * down))
    left, right = int(columns[0] * across), int(np.ceil((columns[-1] + 1) * across))
    return (top, bottom, left, right) if min(bottom - top, right - left) >= 64 else (0, height, 0, width)
