"""Small sound DICOM, NIfTI, TIFF and MedMNIST files, made from arrays; for tests."""

import gzip
import io
from collections.abc import Mapping
from typing import Any

import imagecodecs
import nibabel
import numpy as np
import pydicom
import tifffile
from numpy.typing import NDArray
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, JPEGLosslessSV1, generate_uid

LOSSLESS_JPEG = str(JPEGLosslessSV1)
COMPRESSED = "1.2.840.10008.1.2.4"


def dicom(values: NDArray[Any], syntax: str = ExplicitVRLittleEndian, **tags: Any) -> bytes:
    """A DICOM file of (rows, columns), (frames, rows, columns) or (rows, columns, 3)."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = pydicom.uid.UID(syntax)
    dataset = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    is_colour = values.shape[-1] == 3
    rows, columns = values.shape[-3:-1] if is_colour else values.shape[-2:]
    bits = 8 * values.dtype.itemsize
    told: dict[str, Any] = {
        "SOPClassUID": CTImageStorage,
        "Modality": "CT",
        "StudyInstanceUID": generate_uid(),
        "SeriesInstanceUID": generate_uid(),
        "Rows": rows,
        "Columns": columns,
        "SamplesPerPixel": 3 if is_colour else 1,
        "PhotometricInterpretation": "RGB" if is_colour else "MONOCHROME2",
        "BitsAllocated": bits,
        "BitsStored": bits,
        "HighBit": bits - 1,
        "PixelRepresentation": int(values.dtype.kind == "i"),
        **({"PlanarConfiguration": 0} if is_colour else {}),
        **({"NumberOfFrames": len(values)} if values.ndim == 3 and not is_colour else {}),
        **tags,
    }
    for name, value in told.items():
        setattr(dataset, name, value)
    data = np.ascontiguousarray(values).tobytes()
    if syntax == LOSSLESS_JPEG:
        data = encapsulate([bytes(imagecodecs.ljpeg_encode(values))])
    elif syntax.startswith(COMPRESSED):
        data = encapsulate([data])
    dataset.add_new("PixelData", "OW" if bits > 8 else "OB", data + b"\0" * (len(data) % 2))
    file = io.BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    return file.getvalue()


def nifti(values: NDArray[Any], affine: NDArray[Any] | None = None, packed: bool = False, **header: Any) -> bytes:
    """A NIfTI-1 file; `slope` and `inter` scale its values, other words are fields of its header."""
    image = nibabel.Nifti1Image(values, np.eye(4) if affine is None else affine)
    slope, inter = header.pop("slope", None), header.pop("inter", None)
    for name, value in header.items():
        image.header[name] = value
    if slope is not None:
        image.header.set_slope_inter(slope, inter or 0)
    image.header.set_data_dtype(values.dtype)
    data = bytearray(image.header.binaryblock) + b"\0" * 4 + values.tobytes(order="F")
    data[108:112] = np.float32(352).tobytes()
    if slope is not None:
        data[112:120] = np.array([slope, inter or 0], np.float32).tobytes()
    data[344:348] = b"n+1\0"
    return gzip.compress(bytes(data)) if packed else bytes(data)


def tiff(values: NDArray[Any], axes: str | None = None, names: Mapping[str, str] = {}, **options: Any) -> bytes:
    """A TIFF file; with axes an OME-TIFF, or with imagej=True one of ImageJ."""
    file = io.BytesIO()
    imagej = options.pop("imagej", False)
    options.setdefault("photometric", "minisblack")
    with tifffile.TiffWriter(file, ome=bool(axes) and not imagej, imagej=imagej) as out:
        out.write(values, metadata={"axes": axes, **names} if axes else None, **options)
    return file.getvalue()


def slide(levels: list[NDArray[Any]], label: NDArray[Any] | None = None) -> bytes:
    """A whole slide with levels, as a pyramid of sub-images, and a label beside it."""
    file = io.BytesIO()
    with tifffile.TiffWriter(file, ome=True) as out:
        options: dict[str, Any] = {"photometric": "rgb", "tile": (64, 64)}
        out.write(levels[0], subifds=len(levels) - 1, metadata={"axes": "YXS", "Name": "slide"}, **options)
        for level in levels[1:]:
            out.write(level, subfiletype=1, **options)
        if label is not None:
            out.write(label, photometric="rgb", metadata={"axes": "YXS", "Name": "label image"})
    return file.getvalue()


def npz(**arrays: NDArray[Any]) -> bytes:
    """A packed file of arrays."""
    file = io.BytesIO()
    save: Any = np.savez_compressed  # its arrays share their names with its options
    save(file, **arrays)
    return file.getvalue()
