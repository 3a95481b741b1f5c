"""Whatever happens to the bytes of a medical or microscopy file, it is read within limits or refused in words."""

import gzip
import struct
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.vlmdiff.medical_files import LOSSLESS_JPEG, dicom, nifti, npz, slide, tiff
from vlmdiff.errors import InputError
from vlmdiff.images import decode, formats, medical
from vlmdiff.images import tiff as tiff_module
from vlmdiff.images.decode import Unreadable, fit, measured
from vlmdiff.images.reading import Reading
from vlmdiff.images.references import Reference
from vlmdiff.images.sources import open_set, read_contents

SECRET = "ZebraSecret"
LIMIT = 1_000_000
"""Pixels and bytes: what a damaged header claims costs memory, so keep the test light."""


@cache
def sound() -> tuple[bytes, ...]:
    rng = np.random.default_rng(0)
    grey = rng.integers(0, 4000, (18, 20), np.uint16)
    told: dict[str, Any] = {"PatientName": SECRET, "PatientID": SECRET, "PixelPaddingValue": 0}
    return (
        dicom(grey, **told),
        dicom(grey, **told, PhotometricInterpretation="MONOCHROME1", RescaleSlope="2", RescaleIntercept="-9"),
        dicom(grey, LOSSLESS_JPEG, **told),
        dicom(rng.integers(0, 255, (4, 18, 20), np.uint8), **told),
        dicom(rng.integers(0, 255, (18, 20, 3), np.uint8), PatientName=SECRET),
        gzip.compress(dicom(grey, **told)),
        nifti(rng.integers(0, 99, (18, 20, 17), np.int16), descrip=SECRET.encode()),
        nifti(rng.random((18, 20, 17, 2)).astype(np.float32), packed=True, slope=2.0),
        tiff(rng.integers(0, 4000, (4, 18, 20), np.uint16), "CYX", compression="lzw", description=None),
        tiff(rng.integers(0, 4000, (3, 18, 20), np.uint16), "ZYX", imagej=True),
        tiff(rng.integers(0, 4000, (3, 18, 20), np.uint16), "TYX", compression="jpeg2000"),
        slide([rng.integers(0, 255, (128, 128, 3), np.uint8), rng.integers(0, 255, (64, 64, 3), np.uint8)]),
    )


@st.composite
def damaged(draw: st.DrawFn, files: tuple[bytes, ...]) -> bytes:
    data = bytearray(draw(st.sampled_from(files)))
    for _ in range(draw(st.integers(1, 4))):
        # Headers decide: half of the damage goes to the first 1,500 bytes.
        reach = min(len(data), 1500) if draw(st.booleans()) else len(data)
        at = draw(st.integers(0, max(0, reach - 1)))
        match draw(st.sampled_from(("flip", "number", "cut", "drop", "repeat"))):
            case "flip" if data:
                data[at] ^= draw(st.integers(1, 255))
            case "number":
                number = draw(st.sampled_from((0, 1, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 20_000)))
                data[at : at + 4] = struct.pack(draw(st.sampled_from((">I", "<I"))), number)
            case "cut":
                del data[at:]
            case "drop":
                del data[at : at + draw(st.integers(1, 16))]
            case "repeat":
                data[at:at] = data[at : at + 16]
    return bytes(data)


@given(st.data(), st.sampled_from((1, 3)), st.sampled_from((None, "1:red,2:green")))
@settings(max_examples=300, deadline=None)
def test_damaged_files_are_pictures_within_limits_or_unreadable(
    data: st.DataObject, frames: int, channels: str | None
) -> None:
    content = data.draw(damaged(sound()))
    reading = Reading(frames=frames, channels=channels)
    with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:
        warnings.simplefilter("error")
        for module, name in ((decode, "MAX_PIXELS"), (medical, "MAX_BYTES"), (tiff_module, "MAX_BYTES")):
            patch.setattr(module, name, LIMIT)
        try:
            found = formats.read(content, Reference("A-0001", f"{SECRET}.dcm", Path(SECRET)), reading)
            fitted = [fit(measured(raw.pixels), 24) for raw in found]
        except Unreadable as refusal:
            assert 0 < len(str(refusal)) < 130 and SECRET not in str(refusal) and "\n" not in str(refusal)
            return
    assert 1 <= len(found) <= 3
    for raw, small in zip(found, fitted, strict=True):
        height, width = raw.pixels.shape[:2]
        assert min(height, width) >= 16 and height * width <= LIMIT
        assert small.shape[:2] == (24, 24) and np.isfinite(small).all()


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_damaged_array_files_are_refused_or_read_in_part(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    images = np.random.default_rng(0).integers(0, 255, (4, 20, 20), np.uint8)
    whole = npz(train_images=images, train_labels=np.arange(4)[:, None])
    path = tmp_path_factory.getbasetemp() / "damaged.npz"
    path.write_bytes(data.draw(damaged((whole,))))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            references = open_set(f"{path}{data.draw(st.sampled_from(('', ':1', ':train')))}", "a")
            contents = list(read_contents(references))
        except InputError as refusal:
            assert "\n" not in str(refusal)
            return
    for content in contents:
        if isinstance(content, Unreadable):
            continue
        try:
            (raw,) = formats.read(content, references[0], Reading())
        except Unreadable:
            continue
        assert min(raw.pixels.shape[:2]) >= 16
