"""NIfTI and FreeSurfer volumes to pictures: slices from foot to head, in one orientation, with square pixels."""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vlmdiff.images.decode import MIN_SIDE, Header, Levels, Pixels, Raw, Unreadable, check_size, quiet
from vlmdiff.images.medical import needs_medical, square
from vlmdiff.images.reading import Reading, evenly

INNER = (0.2, 0.8)
"""Of the slices that are not empty, the part that several slices are taken from: its ends show little."""
LONGEST_HEADER = 4096
NIFTI_1, NIFTI_2, MGH = "NIfTI-1", "NIfTI-2", "MGH"


def kind_of(data: Any) -> str | None:
    """Whether these are the first bytes of a volume, and of which kind; a pair's header counts, too."""
    start = bytes(data[:LONGEST_HEADER])
    if start[344:348] in (b"n+1\0", b"ni1\0"):
        return NIFTI_1
    if start[4:8] in (b"n+2\0", b"ni2\0"):
        return NIFTI_2
    is_mgh = len(start) >= 284 and start[:4] == b"\0\0\0\x01"
    return MGH if is_mgh and all(0 < int.from_bytes(start[i : i + 4], "big") < 2**15 for i in range(4, 20, 4)) else None


def bytes_needed(start: bytes) -> int | None:
    """How much of an unpacked file is read: up to the end of its first volume; None where this is no volume.

    Raises:
        Unreadable: a damaged header, or a kind that is not read.
    """
    if kind_of(start) is None:
        return None
    header = _header(start)
    return header.offset + header.count * header.dtype.itemsize


def read(data: Any, reading: Reading, frame: int | None = None) -> list[Raw]:
    """The wanted slices of the first volume of a file as float Levels, scaled as the header says.

    Slices are axial (the volume is turned to the closest right-anterior-superior axes first) and shown as radiology
    does and DICOM stores them: front up, the patient's right at the left.

    Raises:
        Unreadable: not a kind that is read, damaged, cut short, too small.
    """
    header = _header(bytes(data[:LONGEST_HEADER]))
    if len(data) < header.offset + header.count * header.dtype.itemsize:
        raise Unreadable("truncated file")
    flat = np.frombuffer(data, header.dtype, header.count, header.offset)
    with quiet():
        volume, (along_x, along_y, _) = _turned(flat.reshape(header.shape, order="F"), header)
    # Whether it is too small is known when its pixels are square.
    check_size(max(MIN_SIDE, volume.shape[0]), max(MIN_SIDE, volume.shape[1]))
    depth = volume.shape[2]
    if frame is not None and not 1 <= frame <= depth:
        raise Unreadable(f"slice {frame} of a volume with {depth}")
    chosen = _chosen(volume, reading.frames) if frame is None else [frame - 1]
    found = []
    for index in chosen:
        levels = square(_levels(volume[::-1, ::-1, index].T, header), along_y, along_x)
        height, width = levels.shape[:2]
        check_size(width, height)
        told = Header("MGH" if header.kind == MGH else "NIfTI", width, height, levels.dtype != np.uint8)
        found.append(Raw(levels, told, None if depth == 1 else index + 1))
    return found


class _Volume:
    """What the header says of the first volume."""

    def __init__(self, kind: str, parsed: Any) -> None:
        self.kind = kind
        shape = [int(n) for n in parsed.get_data_shape()]
        self.shape = tuple([*shape, 1, 1][:3])
        self.dtype: np.dtype[Any] = parsed.get_data_dtype()
        self.offset = int(parsed.get_data_offset())
        self.affine = parsed.get_best_affine()
        self.zooms = [float(z) for z in [*parsed.get_zooms(), 1.0, 1.0][:3]] if len(shape) >= 2 else [1.0] * 3
        slope, inter = (None, None) if kind == MGH else parsed.get_slope_inter()
        self.slope, self.inter = float(slope or 1.0), float(inter or 0.0)
        self.count = math.prod(self.shape)  # numpy's product would overflow
        if min(self.shape) < 1 or len(shape) < 2 or self.offset < 0:
            raise ValueError


def _header(start: bytes) -> _Volume:
    kind = kind_of(start)
    if start[344:348] == b"ni1\0" or start[4:8] == b"ni2\0":
        raise Unreadable("NIfTI header whose data is in another file: convert the pair to one .nii file")
    with needs_medical("NIfTI"):
        from nibabel.freesurfer.mghformat import MGHHeader
        from nibabel.nifti1 import Nifti1Header
        from nibabel.nifti2 import Nifti2Header
    try:
        with quiet():
            if kind == MGH:
                parsed: Any = MGHHeader.from_fileobj(io.BytesIO(start))
            else:
                size = 348 if kind == NIFTI_1 else 540
                # Extensions, which may hold DICOM tags, lie after these bytes: they are not even parsed.
                made: Any = Nifti1Header if kind == NIFTI_1 else Nifti2Header
                parsed = made(start[:size])
            found = _Volume(kind or "", parsed)
    except Exception:  # nibabel raises many things, and quotes the header
        raise Unreadable("damaged header of a volume") from None
    is_colour = found.dtype.fields is not None and {"R", "G", "B"} <= set(found.dtype.fields)
    if not is_colour and (found.dtype.kind not in "iuf" or found.dtype.itemsize > 8):
        raise Unreadable(f"volume of {found.dtype.name} values; convert it to real numbers")
    return found


def _turned(volume: NDArray[Any], header: _Volume) -> tuple[NDArray[Any], list[float]]:
    """A view with axes towards right, front and head, and the size of a voxel along each."""
    from nibabel.orientations import apply_orientation, io_orientation

    try:
        turn = io_orientation(header.affine)
        if np.isnan(turn).any():
            raise ValueError
    except Exception:  # an affine that is no affine
        return volume, header.zooms
    zooms = [1.0] * 3
    for axis, to in enumerate(turn[:, 0].astype(int)):
        zooms[to] = header.zooms[axis]
    return np.asarray(apply_orientation(volume, turn)), zooms


def _chosen(volume: NDArray[Any], wanted: int) -> list[int]:
    """The slices to show: of those that are not empty the middle one, or some evenly spaced in their inner part."""
    thin = volume[:: max(1, volume.shape[0] // 64), :: max(1, volume.shape[1] // 64)]
    values = thin if thin.dtype.fields is None else thin["G"]
    finite = np.nan_to_num(values.astype(np.float32))
    low, high = np.percentile(finite, [1, 99])
    shows = (finite > low + 0.1 * (high - low)).mean(axis=(0, 1)) > 0.01 if high > low else np.ones(0, bool)
    full = np.flatnonzero(shows)
    first, last = (int(full[0]), int(full[-1])) if len(full) else (0, volume.shape[2] - 1)
    if wanted == 1 or first == last:
        return [first + evenly(last - first + 1, 1)[0]]
    places = first + np.linspace(*INNER, wanted) * (last - first)
    return sorted({round(float(place)) for place in places})


def _levels(values: NDArray[Any], header: _Volume) -> Levels | Pixels:
    if values.dtype.fields is not None:
        return np.ascontiguousarray(np.stack([values[c] for c in "RGB"], axis=-1).astype(np.uint8))
    with np.errstate(all="ignore"):
        return np.ascontiguousarray((values * np.float64(header.slope) + header.inter).astype(np.float32))
