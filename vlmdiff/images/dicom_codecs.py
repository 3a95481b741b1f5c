"""Decoders for pydicom that come with imagecodecs: JPEG lossless, 12-bit JPEG, JPEG-LS and JPEG 2000.

pydicom's own plugins for the first two need pylibjpeg-libjpeg, whose licence (GPLv3) does not go with ours.
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

LABEL = "imagecodecs"
_FRAME_HEADERS = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}
"""Markers SOF0 to SOF15 of JPEG and SOF55 of JPEG-LS."""
_LOCK = threading.Lock()

JPEG = ("1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70")
"""JPEG Extended, JPEG Lossless, JPEG Lossless SV1."""
JPEG_LS = ("1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81")
JPEG_2000 = ("1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91")
HT_JPEG_2000 = ("1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.4.202", "1.2.840.10008.1.2.4.203")

JPEG_FAMILY = ("1.2.840.10008.1.2.4.5", "1.2.840.10008.1.2.4.7", "1.2.840.10008.1.2.4.8", *JPEG_2000, *HT_JPEG_2000)
"""How the transfer syntaxes of streams that `size_of` knows start."""

DECODER_DEPENDENCIES = dict.fromkeys((*JPEG, *JPEG_LS, *JPEG_2000, *HT_JPEG_2000), (LABEL,))
"""What pydicom asks a plugin for."""


def is_available(uid: str) -> bool:
    """Whether this transfer syntax is decoded here; pydicom asks for it."""
    return uid in DECODER_DEPENDENCIES


def install() -> None:
    """Make the decoders known to pydicom; a second call changes nothing."""
    from pydicom.pixels.decoders.base import get_decoder

    with _LOCK:
        for uid in DECODER_DEPENDENCIES:
            decoder = get_decoder(uid)
            if LABEL not in decoder.available_plugins:
                decoder.add_plugin(LABEL, (__name__, "decode_frame"))


def decode_frame(data: bytes, runner: Any) -> bytearray:
    """One frame, as pydicom wants it: bytes, and in the runner's options how they are to be understood.

    Args:
        data: the code stream.
        runner: a pydicom.pixels.decoders.base.DecodeRunner.
    """
    import imagecodecs

    uid = str(runner.transfer_syntax)
    if uid in JPEG_LS:
        frame = imagecodecs.jpegls_decode(data)
    elif uid in JPEG:
        # As stored: pydicom converts the colours, by what the file says of them.
        frame = imagecodecs.jpeg_decode(data) if runner.samples_per_pixel == 1 else _jpeg_as_stored(data)
    else:
        frame = imagecodecs.jpeg2k_decode(data)
        if runner.photometric_interpretation in ("YBR_ICT", "YBR_RCT"):  # undone while decoding
            runner.set_option("photometric_interpretation", "RGB")
    frame = np.asarray(frame)
    if frame.dtype.kind == "i" and runner.pixel_representation == 0:
        frame = frame.view(f"u{frame.dtype.itemsize}")
    runner.set_option("bits_allocated", 8 * frame.dtype.itemsize)
    if frame.ndim == 3:
        runner.set_option("planar_configuration", 0)
    return bytearray(np.ascontiguousarray(frame).tobytes())


def size_of(stream: bytes) -> tuple[int, int] | None:
    """Width and height that a JPEG, JPEG-LS or JPEG 2000 stream says of itself; None where it says none."""
    start = stream.find(b"\xff\x4f\xff\x51")  # may lie in a box of a JP2 file
    if start >= 0 and stream[:2] != b"\xff\xd8":
        right, bottom, left, top = (int.from_bytes(stream[start + i : start + i + 4], "big") for i in (8, 12, 16, 20))
        return right - left, bottom - top
    at = 2
    while stream[:2] == b"\xff\xd8" and at + 9 <= len(stream) and stream[at] == 0xFF:
        marker = stream[at + 1]
        if marker in _FRAME_HEADERS:
            height, width = (int.from_bytes(stream[at + i : at + i + 2], "big") for i in (5, 7))
            return width, height
        at += 1 if marker == 0xFF else 2 + int.from_bytes(stream[at + 2 : at + 4], "big")
    return None


def _jpeg_as_stored(data: bytes) -> Any:
    import imagecodecs

    try:
        return imagecodecs.ljpeg_decode(data)
    except Exception:  # not lossless
        return imagecodecs.jpeg_decode(data, colorspace="YCBCR", outcolorspace="YCBCR")
