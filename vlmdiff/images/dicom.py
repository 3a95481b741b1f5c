"""DICOM files to pictures: modality values as levels, colours as RGB; of the tags, only an allow-list is ever read."""

from __future__ import annotations

import hashlib
import io
import secrets
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from vlmdiff.images.archives import MAX_BYTES
from vlmdiff.images.decode import Header, Levels, Pixels, Raw, Unreadable, check_size, quiet
from vlmdiff.images.medical import needs_medical, square
from vlmdiff.images.reading import Reading, evenly

TAGS = (
    *("SOPClassUID", "Modality", "StudyInstanceUID", "SeriesInstanceUID", "BurnedInAnnotation"),
    *("Rows", "Columns", "NumberOfFrames", "SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration"),
    *("BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "PixelPaddingValue", "PixelPaddingRangeLimit"),
    *("PixelSpacing", "ImagerPixelSpacing", "PixelAspectRatio", "ImagePositionPatient", "ImageOrientationPatient"),
    *("InstanceNumber", "RescaleSlope", "RescaleIntercept", "ModalityLUTSequence"),
    *("RedPaletteColorLookupTableDescriptor", "RedPaletteColorLookupTableData"),
    *("GreenPaletteColorLookupTableDescriptor", "GreenPaletteColorLookupTableData"),
    *("BluePaletteColorLookupTableDescriptor", "BluePaletteColorLookupTableData"),
    *("SegmentedRedPaletteColorLookupTableData", "SegmentedGreenPaletteColorLookupTableData"),
    *("SegmentedBluePaletteColorLookupTableData", "AlphaPaletteColorLookupTableData"),
    *("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"),
    *("PixelData", "FloatPixelData", "DoubleFloatPixelData", "ExtendedOffsetTable", "ExtendedOffsetTableLengths"),
)
"""All that is read. The two identifiers serve to tell what belongs together; nothing here names a person."""

NO_PICTURES = frozenset({"SEG", "RTDOSE", "RTSTRUCT", "RTPLAN", "SR", "KO", "PR", "REG", "DOC", "FID", "ECG", "AU"})
"""Modalities of files that hold no picture of anything, or a mask."""
OFTEN_BURNED_IN = frozenset({"US", "IVUS", "SC", "OT", "XA", "RF", "ES", "GM"})
"""Modalities whose pictures often have names in their pixels: they must say that they have not."""
PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
_LONGEST_HEADER = 2**16
_SALT = secrets.token_bytes(16)
"""Of this process: so that no digest of an identifier can be looked up anywhere."""


@dataclass(frozen=True)
class Slice:
    """Where a file lies in its series, as far as it says."""

    series: str
    """The same for all files of one series; means nothing else."""
    position: float
    """Along the normal of the slices, in mm; else its number."""


def is_dicom(data: Any) -> bool:
    """Whether these are the bytes of a DICOM file, with its preamble or without."""
    if bytes(data[128:132]) == b"DICM":
        return True
    # Without: the data set starts with a low element of group 2 or 8 and a value of sensible length.
    group, element = (int.from_bytes(data[i : i + 2], "little") for i in (0, 2))
    return len(data) > 132 and group in (2, 8) and element <= 0x60 and (data[4:6].isalpha() or data[6:8] == b"\0\0")


def read(data: Any, reading: Reading, frame: int | None = None) -> list[Raw]:
    """The wanted frames of a file: modality values as float Levels, NaN where padded; colour and display grey as RGB.

    Values are those of the modality look-up table or rescale (Hounsfield units for CT), not of the window in the file:
    all images of both sets are shown through one. MONOCHROME1, where low is white, is turned over within its range.

    Raises:
        Unreadable: no picture in it, an encoding without decoder, damaged; never quotes the file.
    """
    with needs_medical("DICOM"):
        import pydicom
    with quiet():
        try:
            dataset = _dataset(pydicom, data)
            return _frames(dataset, reading, frame)
        except Unreadable:
            raise
        except Exception:  # pydicom raises almost anything on damaged files, and quotes their values
            raise Unreadable("damaged DICOM file") from None


def slice_of(stream: IO[bytes]) -> Slice | None:
    """Where a file lies in its series, from its header; None where it tells no series or cannot be read.

    Raises:
        Unreadable: pydicom is not installed.
    """
    with needs_medical("DICOM"):
        import pydicom
    with quiet():
        try:
            start = stream.read(_LONGEST_HEADER)
            _check_start(start if not _is_deflated(start) else start + stream.read(MAX_BYTES))
            stream.seek(0)
            found = _parsed(pydicom, stream, before_pixels=True)
            if not found.get("SeriesInstanceUID"):
                return None
            position = float(found.get("InstanceNumber") or 0)
            if found.get("ImagePositionPatient") and found.get("ImageOrientationPatient"):
                turn = np.array(found.ImageOrientationPatient, float)
                position = float(np.cross(turn[:3], turn[3:]) @ np.array(found.ImagePositionPatient, float))
            return Slice(_opaque(found.SeriesInstanceUID), position)
        except Exception:  # `read` says what is wrong with it
            return None


def _opaque(identifier: object) -> str:
    return hashlib.sha256(_SALT + str(identifier).encode()).hexdigest()[:16]


def _dataset(pydicom: Any, data: Any) -> Any:
    _check_start(data)
    dataset = _parsed(pydicom, io.BytesIO(data))
    if "TransferSyntaxUID" not in dataset.file_meta:  # without file header; how it was parsed is how it is stored
        implicit, _ = dataset.original_encoding
        uids = pydicom.uid
        dataset.file_meta.TransferSyntaxUID = uids.ImplicitVRLittleEndian if implicit else uids.ExplicitVRLittleEndian
    return dataset


def _parsed(pydicom: Any, stream: IO[bytes], before_pixels: bool = False) -> Any:
    """The data set, as `pydicom.dcmread` gives it, up to the first tag of group 0: zeros would be millions of those."""
    pixels = [pydicom.tag.Tag(tag) for tag in PIXELS]

    def stops(tag: Any, vr: str | None, length: int) -> bool:
        return tag.group == 0 or (before_pixels and tag in pixels)

    tags = [pydicom.tag.Tag(tag) for tag in TAGS]
    return pydicom.filereader.read_partial(stream, stops, force=True, specific_tags=tags)


def _check_start(data: Any) -> None:
    """Refuse what would be parsed for minutes, or inflated without bound, before pydicom does so."""
    _, end = _file_header(data)
    if bytes(data[end : end + 2]) in (b"\0\0", b"\2\0"):  # no data set follows, or a header without end
        raise Unreadable("damaged DICOM file")
    if not _is_deflated(data):
        return
    inflater, rest, size = zlib.decompressobj(-zlib.MAX_WBITS), bytes(data[end:]), 0
    while rest and not inflater.eof:
        size += len(inflater.decompress(rest, 2**20))
        rest = inflater.unconsumed_tail
        if size > MAX_BYTES:
            raise Unreadable(f"unpacks to more than {MAX_BYTES // 2**20} MB")


def _is_deflated(data: Any) -> bool:
    return _file_header(data)[0] == b"1.2.840.10008.1.2.1.99"


def _file_header(data: Any) -> tuple[bytes, int]:
    """The transfer syntax that the elements of group 2 tell, and where they end."""
    syntax, at = b"", 132 if bytes(data[128:132]) == b"DICM" else 0
    while at < _LONGEST_HEADER and bytes(data[at : at + 2]) == b"\2\0":
        kind = bytes(data[at + 4 : at + 6])
        is_long = kind in (b"OB", b"OW", b"SQ", b"UN", b"UT")
        first, value = (at + 8, at + 12) if is_long else (at + 6 if kind.isalpha() else at + 4, at + 8)
        end = value + int.from_bytes(data[first:value], "little")
        if bytes(data[at + 2 : at + 4]) == b"\x10\0":
            syntax = bytes(data[value:end]).strip(b"\0 ")
        at = end
    return syntax, at


def _frames(dataset: Any, reading: Reading, frame: int | None) -> list[Raw]:
    modality = str(dataset.get("Modality") or "") or None
    kind = dataset.get("SOPClassUID")
    name = str(getattr(kind, "name", "")) if kind else ""
    told = "" if not name or name == str(kind) else f" ({name})"  # a private kind has no name worth repeating
    if modality in NO_PICTURES:
        raise Unreadable(f"DICOM file that is no picture{told or f' ({modality})'}")
    if not any(tag in dataset for tag in PIXELS):
        raise Unreadable(f"DICOM file without a picture{told}")
    check_size(int(dataset.Columns), int(dataset.Rows))
    _check_decoder(dataset)
    count = max(1, int(dataset.get("NumberOfFrames") or 1))
    if frame is not None and not 1 <= frame <= count:
        raise Unreadable(f"frame {frame} of a DICOM file with {count}")
    chosen = evenly(count, reading.frames) if frame is None else [frame - 1]
    _check_streams(dataset, chosen, count)
    return [_frame(dataset, index, modality, None if count == 1 else index + 1) for index in chosen]


def _check_decoder(dataset: Any) -> None:
    from pydicom.pixels.decoders.base import get_decoder

    from vlmdiff.images import dicom_codecs

    syntax = dataset.file_meta.TransferSyntaxUID
    named = syntax.name if syntax.name != str(syntax) else "a private transfer syntax"
    try:
        dicom_codecs.install()
        decoder = get_decoder(syntax)
    except NotImplementedError:
        raise Unreadable(f"DICOM file in {named}: no decoder; convert it to Explicit VR Little Endian") from None
    if not decoder.is_available:
        raise Unreadable(f"DICOM file in {named}: no decoder installed; pip install 'vlmdiff[medical]' brings one")


def _check_streams(dataset: Any, chosen: Sequence[int], count: int) -> None:
    """Refuse frames whose own size is another than that of the file, which was checked: they would be decoded whole."""
    from pydicom.encaps import get_frame

    from vlmdiff.images import dicom_codecs

    if not str(dataset.file_meta.TransferSyntaxUID).startswith(dicom_codecs.JPEG_FAMILY):
        return
    for index in chosen:
        try:
            told = dicom_codecs.size_of(get_frame(dataset.PixelData, index, number_of_frames=count))
        except ValueError:  # not there: the decoder says so
            return
        if told is not None and told != (int(dataset.Columns), int(dataset.Rows)):
            raise Unreadable("DICOM file whose compressed picture is of another size than it says")


def _frame(dataset: Any, index: int, modality: str | None, number: int | None) -> Raw:
    from pydicom.pixels.processing import apply_color_lut
    from pydicom.pixels.utils import pixel_array

    try:
        stored = pixel_array(dataset, index=index)
    except ValueError as error:
        cut = "less than expected" in str(error)
        raise Unreadable("truncated DICOM file" if cut else "damaged DICOM file") from None
    photometric = str(dataset.get("PhotometricInterpretation") or "MONOCHROME2")
    if photometric == "PALETTE COLOR":
        pixels: Pixels | Levels = _eight_bits(apply_color_lut(stored, dataset), 16 if _is_wide(dataset) else 8)
    elif stored.ndim == 3:
        pixels = _eight_bits(stored, int(dataset.BitsStored))
    else:
        pixels = _grey(dataset, stored, index, turned_over=photometric == "MONOCHROME1")
    pixels = square(pixels, *_spacing(dataset, index))
    check_size(pixels.shape[1], pixels.shape[0])
    header = Header(
        "DICOM",
        pixels.shape[1],
        pixels.shape[0],
        pixels.dtype != np.uint8,
        modality=modality,
        burned_in=_may_be_burned_in(dataset, modality),
        study=_opaque(dataset.StudyInstanceUID) if dataset.get("StudyInstanceUID") else None,
    )
    return Raw(pixels, header, number)


def _grey(dataset: Any, stored: NDArray[Any], index: int, turned_over: bool) -> Pixels | Levels:
    from pydicom.pixels.processing import apply_modality_lut

    bits, signed = int(dataset.get("BitsStored") or 8), bool(dataset.get("PixelRepresentation"))
    padded = _padding(dataset, stored)
    slope, intercept = _rescale(dataset, index)
    plain = (slope, intercept) == (1.0, 0.0) and "ModalityLUTSequence" not in dataset
    if plain and bits <= 8 and not signed and stored.dtype.kind == "u":  # made for display: a window would undo that
        grey = _eight_bits(stored, bits)
        grey = 255 - grey if turned_over else grey
        return np.repeat(np.where(padded, np.uint8(0), grey)[..., None], 3, axis=2)
    if turned_over and stored.dtype.kind != "f":
        stored = (-1 if signed else 2**bits - 1) - stored.astype(np.int64)
    if "ModalityLUTSequence" in dataset:
        levels = np.asarray(apply_modality_lut(stored, dataset), np.float32)
    else:
        levels = (stored * slope + intercept).astype(np.float32)
    if turned_over and stored.dtype.kind == "f":
        levels = -levels
    levels[padded] = np.nan
    return levels


def _padding(dataset: Any, stored: NDArray[Any]) -> NDArray[np.bool_]:
    """Where the file has no measurement: values between PixelPaddingValue and its range limit."""
    first, last = dataset.get("PixelPaddingValue"), dataset.get("PixelPaddingRangeLimit")
    if not isinstance(first, int):
        return np.zeros(stored.shape, bool)
    low, high = sorted((first, last if isinstance(last, int) else first))
    found = np.asarray((stored >= low) & (stored <= high))
    return found if not found.all() else np.zeros(stored.shape, bool)


def _rescale(dataset: Any, index: int) -> tuple[float, float]:
    holder = _functional(dataset, index, "PixelValueTransformationSequence") or dataset
    slope, intercept = holder.get("RescaleSlope"), holder.get("RescaleIntercept")
    return (1.0 if slope is None else float(slope)) or 1.0, float(intercept or 0.0)


def _spacing(dataset: Any, index: int) -> tuple[float, float]:
    """Height and width of a pixel, in any unit."""
    measures = _functional(dataset, index, "PixelMeasuresSequence")
    for holder, tag in ((measures, "PixelSpacing"), *((dataset, t) for t in TAGS if t.startswith("Pixel"))):
        if tag in ("PixelSpacing", "PixelAspectRatio") and holder is not None and holder.get(tag):
            height, width = (float(value) for value in holder[tag].value)
            return height, width
    return 1.0, 1.0


def _functional(dataset: Any, index: int, name: str) -> Any:
    """An item of the functional groups of an enhanced file: of the frame, else of all frames."""
    frames: Sequence[Any] = dataset.get("PerFrameFunctionalGroupsSequence") or []
    shared: Sequence[Any] = dataset.get("SharedFunctionalGroupsSequence") or []
    for group in (*frames[index : index + 1], *shared[:1]):
        if group.get(name):
            return group[name].value[0]
    return None


def _is_wide(dataset: Any) -> bool:
    return int(dataset.RedPaletteColorLookupTableDescriptor[2]) > 8


def _eight_bits(values: NDArray[Any], bits: int) -> NDArray[np.uint8]:
    """Unsigned values of so many bits at 8."""
    if bits >= 8:
        return np.asarray(np.clip(values >> (bits - 8), 0, 255), np.uint8)
    return np.asarray(np.clip(values.astype(np.int64) * 255 // (2**bits - 1), 0, 255), np.uint8)


def _may_be_burned_in(dataset: Any, modality: str | None) -> bool:
    told = str(dataset.get("BurnedInAnnotation") or "").strip().upper()
    return told == "YES" or (told != "NO" and (modality is None or modality in OFTEN_BURNED_IN))
