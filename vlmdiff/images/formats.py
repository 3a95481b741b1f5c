"""What a file is, by its content, and the reader for it: bytes in, the wanted pictures out."""

from __future__ import annotations

import mmap
from pathlib import PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vlmdiff.images import arrays, dicom, nifti, tiff
from vlmdiff.images.archives import MAX_BYTES
from vlmdiff.images.decode import Raw, Unreadable, decode
from vlmdiff.images.medical import unpacked
from vlmdiff.images.reading import USUAL, Reading
from vlmdiff.images.references import MEDICAL_SUFFIXES, Reference

Content = bytes | mmap.mmap | NDArray[Any]
"""The bytes of a file, mapped where it is large, or a row of an array."""


def read(content: Content, reference: Reference, reading: Reading = USUAL, target: int | None = None) -> list[Raw]:
    """The wanted pictures of one file: one, or with `reading.frames` several where it has several.

    Args:
        content: of the file.
        reference: tells the frame and channels, where they were told.
        reading: the options, the same for both sets.
        target: side in px that the pictures will be fitted to (see `decode`).

    Raises:
        Unreadable: nothing in it can be used; a short reason that never quotes the file.
    """
    frame, channels = reference.frame, reference.channels
    if isinstance(content, np.ndarray):
        return arrays.picture(content, reading, frame)
    is_packed = bytes(content[:2]) == b"\x1f\x8b"
    if isinstance(content, mmap.mmap) and (is_packed or dicom.is_dicom(content)):  # these are read as a whole
        raise Unreadable(f"more than {MAX_BYTES // 2**20} MB")
    if is_packed:
        content = unpacked(content, nifti.bytes_needed)
    if dicom.is_dicom(content):
        return dicom.read(content, reading, frame)
    if nifti.kind_of(content):
        return nifti.read(content, reading, frame)
    start = bytes(content[:8])
    if start[:3] == b"CDF" or start == b"\x89HDF\r\n\x1a\n":
        raise Unreadable("MINC, netCDF or HDF5 file: convert it to NIfTI first (mnc2nii)")
    if tiff.is_tiff(content) and (found := tiff.read(content, reading, frame, channels)):
        return found
    if frame is not None and frame != 1:
        raise Unreadable(f"frame {frame} of a file with one picture")
    if isinstance(content, mmap.mmap):
        raise Unreadable("a picture in more bytes than any of its size")
    try:
        return [decode(content, target=target)]
    except Unreadable as unreadable:
        is_medical = any(suffix in MEDICAL_SUFFIXES for suffix in PurePosixPath(reference.name.lower()).suffixes)
        if is_medical and str(unreadable).startswith("not an image"):
            raise Unreadable("not an image: without the header of a DICOM or NIfTI file or any other") from None
        raise
