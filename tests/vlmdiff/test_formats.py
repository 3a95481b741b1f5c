"""Each medical and microscopy format becomes the values that it holds, or is refused in words; real files included."""

import gzip
import io
import mmap
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from tests.vlmdiff.medical_files import LOSSLESS_JPEG, dicom, nifti, slide, tiff
from vlmdiff.images import archives, dicom_codecs, formats, sources
from vlmdiff.images import nifti as nifti_reader
from vlmdiff.images.decode import Raw, Unreadable, fit, measured
from vlmdiff.images.dicom import slice_of
from vlmdiff.images.intensity import Intensity, Window, fit_intensity, sample_levels
from vlmdiff.images.loading import digest_of
from vlmdiff.images.reading import Reading
from vlmdiff.images.references import Reference
from vlmdiff.images.sets import load_pair


def read(data: bytes, name: str = "x", frame: int | None = None, **options: Any) -> list[Raw]:
    return formats.read(data, Reference("A-0001", name, Path(name), frame=frame), Reading(**options))


def refused(data: bytes, name: str = "x", **options: Any) -> str:
    with pytest.raises(Unreadable) as refusal:
        read(data, name, **options)
    assert len(str(refusal.value)) < 130 and "\n" not in str(refusal.value)
    return str(refusal.value)


def ramp(rows: int = 20, columns: int = 24, kind: str = "u2") -> NDArray[Any]:
    return np.arange(rows * columns).reshape(rows, columns).astype(kind)


# DICOM


def test_dicom_values_are_those_of_the_modality() -> None:
    (raw,) = read(dicom(ramp(kind="i2"), RescaleSlope="2", RescaleIntercept="-1000"))
    np.testing.assert_array_equal(raw.pixels, ramp() * 2.0 - 1000)
    assert (raw.header.format, raw.header.modality, raw.header.high_depth) == ("DICOM", "CT", True)
    assert raw.frame is None


def test_dicom_of_lossless_jpeg_which_has_no_decoder_in_pydicom() -> None:
    (raw,) = read(dicom(ramp(), LOSSLESS_JPEG))
    np.testing.assert_array_equal(raw.pixels, ramp())


def test_where_low_is_white_levels_are_turned_over_within_their_range() -> None:
    (raw,) = read(dicom(ramp(), PhotometricInterpretation="MONOCHROME1", BitsStored=12, HighBit=11))
    np.testing.assert_array_equal(raw.pixels, 4095.0 - ramp())
    (raw,) = read(dicom(ramp(16, 16, "u1"), PhotometricInterpretation="MONOCHROME1"))
    np.testing.assert_array_equal(raw.pixels[..., 0], 255 - ramp(16, 16, "u1"))


def test_padding_is_no_measurement() -> None:
    values = ramp(kind="i2")
    values[:5] = -2000
    (raw,) = read(dicom(values, PixelPaddingValue=-2000, RescaleIntercept="10", RescaleSlope="1"))
    assert np.isnan(raw.pixels[:5]).all() and not np.isnan(raw.pixels[5:]).any()
    assert sample_levels(raw.pixels).min() == 5 * 24 + 10
    np.testing.assert_array_equal(measured(raw.pixels)[:5], 5 * 24 + 10)


def test_one_window_by_hand_and_by_name() -> None:
    (raw,) = read(dicom(np.full((20, 20), -600, "i2")), window="lung")
    told = Reading(window="lung").told_window()
    grey = fit_intensity([sample_levels(raw.pixels)], told).apply(raw.pixels)
    assert (grey == 128).all()  # the level of the lung window is its middle: round(255 / 2)
    assert Reading(window="400, 50").told_window() == Window(-150, 250) == Reading(window="abdomen").told_window()


def test_eight_bits_made_for_display_stay_as_they_are() -> None:
    (raw,) = read(dicom(ramp(16, 16, "u1")))
    assert not raw.header.high_depth
    np.testing.assert_array_equal(raw.pixels[..., 2], ramp(16, 16, "u1"))
    (raw,) = read(dicom(ramp(16, 16, "u1"), RescaleSlope="4", RescaleIntercept="-100"))
    np.testing.assert_array_equal(raw.pixels, ramp(16, 16) * 4.0 - 100)


def test_colour_and_palette() -> None:
    colour = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    np.testing.assert_array_equal(read(dicom(colour))[0].pixels, colour)
    table = np.arange(256, dtype=np.uint16) * 256
    tags: dict[str, Any] = {"PhotometricInterpretation": "PALETTE COLOR"}
    for number, name in enumerate(("Red", "Green", "Blue")):
        tags[f"{name}PaletteColorLookupTableDescriptor"] = [256, 0, 16]
        tags[f"{name}PaletteColorLookupTableData"] = (table if number else table[::-1]).astype("<u2").tobytes()
    (raw,) = read(dicom(ramp(16, 16, "u1"), **tags))
    np.testing.assert_array_equal(raw.pixels[0, 5], [250, 5, 5])


def test_of_many_frames_the_middle_or_some_evenly_spaced() -> None:
    frames = np.stack([np.full((16, 16), n, np.uint16) for n in range(9)])
    data = dicom(frames)

    def levels(**options: Any) -> list[tuple[float, int | None]]:
        return [(float(raw.pixels[0, 0]), raw.frame) for raw in read(data, **options)]

    assert levels() == [(4, 5)]
    assert levels(frames=3) == [(1, 2), (4, 5), (7, 8)]
    assert len(levels(frames=64)) == 9
    assert levels(frame=2, frames=3) == [(1, 2)]
    assert "frame 10 of a DICOM file with 9" in refused(data, frame=10)


def test_an_enhanced_file_rescales_each_frame_by_its_own_values() -> None:
    per_frame = []
    for number in range(3):
        rescale, group = Dataset(), Dataset()
        rescale.RescaleSlope, rescale.RescaleIntercept, rescale.RescaleType = str(number + 1), "-5", "US"
        group.PixelValueTransformationSequence = Sequence([rescale])
        per_frame.append(group)
    frames = np.full((3, 16, 16), 10, np.uint16)
    found = read(dicom(frames, PerFrameFunctionalGroupsSequence=Sequence(per_frame)), frames=3)
    assert [float(raw.pixels[0, 0]) for raw in found] == [5, 15, 25]


def test_pixels_that_are_twice_as_high_as_wide_become_square() -> None:
    (raw,) = read(dicom(ramp(20, 24), PixelSpacing=["2.0", "1.0"]))
    assert raw.pixels.shape == (40, 24) and (raw.header.height, raw.header.width) == (40, 24)


def test_burned_in_names_are_feared_where_usual_and_not_denied() -> None:
    def feared(**tags: str) -> bool:
        return read(dicom(ramp(), **tags))[0].header.burned_in

    assert feared(Modality="US") and feared(BurnedInAnnotation="YES") and feared(Modality="")
    assert not feared(Modality="US", BurnedInAnnotation="NO") and not feared()


def test_pictures_of_one_study_are_known_to_be_so() -> None:
    first, second, other = (read(dicom(ramp(), StudyInstanceUID=f"1.2.{n}"))[0].header.study for n in (1, 1, 2))
    assert first == second != other and first is not None and "1.2" not in first


@pytest.mark.parametrize(
    ("tags", "syntax", "words"),
    [
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.66.4", "Modality": "SEG"}, None, "no picture (Segmentation Storage)"),
        ({"SOPClassUID": "1.2.3.4", "Modality": "RTDOSE"}, None, "no picture (RTDOSE)"),
        ({}, "1.2.840.10008.1.2.4.102", "DICOM file in MPEG-4 AVC/H.264 High Profile / Level 4.1: no decoder"),
        ({}, "1.2.3.4.5", "DICOM file in a private transfer syntax: no decoder"),
        ({"Rows": 8}, None, "24 x 8 px: at least 16"),
        ({"Rows": 60000, "Columns": 60000}, None, "more than 100 megapixels"),
        ({"Rows": 30}, None, "truncated DICOM file"),
    ],
)
def test_refusals_of_dicom_name_the_kind_and_never_the_patient(
    tags: dict[str, Any], syntax: str | None, words: str
) -> None:
    data = dicom(ramp(), **({"syntax": syntax} if syntax else {}), PatientName="Doe^Jane", **tags)
    assert words in (said := refused(data)) and "Doe" not in said


# NIfTI


def test_nifti_is_shown_as_radiology_does_whatever_its_axes() -> None:
    values = np.zeros((20, 24, 18), np.int16)
    values[17:, 21:, :] = 500  # the right front corner, in right-anterior-superior axes
    (raw,) = read(nifti(values))
    assert raw.pixels.shape == (24, 20)
    assert (raw.pixels[:3, :3] == 500).all() and raw.pixels.sum() == 9 * 500
    flipped = nifti(values[::-1].copy(), np.diag([-1.0, 1, 1, 1]))
    np.testing.assert_array_equal(read(flipped)[0].pixels, raw.pixels)
    standing = nifti(
        values.transpose(2, 0, 1).copy(), np.array([[0, 1, 0, 0], [0, 0, 1, 0], [1, 0, 0, 0], [0, 0, 0, 1.0]])
    )
    np.testing.assert_array_equal(read(standing)[0].pixels, raw.pixels)


def test_nifti_slices_are_taken_where_something_is() -> None:
    values = np.zeros((20, 20, 50), np.uint8)
    values[5:15, 5:15, 10:31] = 20 + np.arange(21)
    data = nifti(values, slope=2.0, inter=1.0)
    (middle,) = read(data)
    assert middle.frame == 21 and middle.pixels.max() == 2 * 30 + 1  # slices 11 to 31 are not empty
    assert [raw.frame for raw in read(data, frames=3)] == [15, 21, 27]  # 20, 50 and 80 % of the way
    assert [raw.frame for raw in read(data, frame=3)] == [3]


def test_nifti_voxels_become_square_pixels_and_the_first_volume_counts() -> None:
    values = np.zeros((20, 20, 4, 3), np.int16)
    values[..., 0], values[..., 1] = 7, 9
    (raw,) = read(nifti(values, np.diag([3.0, 1.0, 2.0, 1.0])))
    assert raw.pixels.shape == (20, 60) and (raw.pixels == 7).all()


def test_of_a_packed_volume_only_the_first_is_unpacked() -> None:
    values = np.random.default_rng(0).integers(0, 999, (20, 20, 16, 8), np.int16)
    packed = nifti(values, packed=True)
    whole = read(packed)[0].pixels
    np.testing.assert_array_equal(read(packed[: len(packed) // 4])[0].pixels, whole)
    assert refused(packed[: len(packed) // 16]) == "truncated file"


def test_a_packed_volume_that_claims_too_much_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vlmdiff.images.medical.MAX_BYTES", 2**20)
    bomb = nifti(np.zeros((128, 128, 64), np.int16), packed=True)
    assert "unpacks to more than 1 MB" in refused(bomb)
    assert "unpacks to more than 1 MB" in refused(gzip.compress(bytes(2**21)))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (nifti(np.zeros((20, 20, 20), np.complex64)), "volume of complex64 values"),
        (nifti(np.zeros((20, 20, 20), np.int16)).replace(b"n+1\0", b"ni1\0"), "convert the pair to one .nii"),
        (nifti(np.zeros((9, 20, 20), np.int16)), "9 x 20 px"),
        (nifti(np.zeros((20, 20, 20), np.int16))[:5000], "truncated file"),
        (b"CDF\x01" + bytes(400), "convert it to NIfTI"),
        (b"\x89HDF\r\n\x1a\n" + bytes(400), "convert it to NIfTI"),
    ],
)
def test_refusals_of_volumes(data: bytes, words: str) -> None:
    assert words in refused(data)


def test_a_volume_in_colour() -> None:
    values = np.zeros((20, 20, 3), [("R", "u1"), ("G", "u1"), ("B", "u1")])
    values["R"] = 200
    (raw,) = read(nifti(values))
    assert raw.pixels.shape == (20, 20, 3) and not raw.header.high_depth
    assert raw.pixels[4, 4].tolist() == [200, 0, 0]


# TIFF


def channels(count: int) -> NDArray[Any]:
    return np.stack([np.full((20, 30), 100 * (n + 1), np.uint16) for n in range(count)])


@pytest.mark.parametrize("imagej", [False, True])
def test_channels_are_the_first_three_or_those_told(imagej: bool) -> None:
    data = tiff(channels(5), "CYX", imagej=imagej)
    (raw,) = read(data)
    assert raw.pixels.shape == (20, 30, 3) and raw.header.channels == 5
    assert raw.pixels[3, 3].tolist() == [100, 200, 300]
    assert read(data, channels="5:red,2:green")[0].pixels[3, 3].tolist() == [200, 500]  # in the order of numbers
    assert read(data, channels="4")[0].pixels[3, 3] == 400
    assert "5 channels; channel 6 was asked for" in refused(data, channels="6")


def test_a_list_may_say_which_channels_a_file_has_where() -> None:
    reference = Reference("A-0001", "x", Path("x"), channels=(3, 1))
    (raw,) = formats.read(tiff(channels(3), "CYX"), reference, Reading())
    assert raw.pixels[3, 3].tolist() == [300, 100]


def test_limits_of_each_channel_come_from_all_pictures_and_colours_add_up() -> None:
    dim, bright = ramp(32, 32)[..., None] * np.array([1, 3]), 2 * ramp(32, 32)[..., None] * np.array([1, 3])
    intensity = fit_intensity([sample_levels(dim), sample_levels(bright)], colours=("blue", "yellow"))
    first, second = intensity.windows[2]
    assert second.high == 3 * first.high and first.high == pytest.approx(2046, rel=0.02)
    shown = Intensity({2: (Window(0, 100), Window(0, 200))}, ("blue", "yellow"))
    assert shown.apply(np.array([[[100, 0], [0, 100], [50, 400]]], np.float32)).tolist() == [
        [[0, 0, 255], [128, 128, 0], [255, 255, 128]]
    ]


def test_a_stack_is_its_maximum_and_of_a_series_the_middle_is_taken() -> None:
    stack = np.zeros((3, 20, 30), np.uint16)
    stack[0, 5], stack[2, 7] = 9, 8
    (raw,) = read(tiff(stack, "ZYX"))
    assert raw.pixels.shape == (20, 30) and (raw.pixels[5] == 9).all() and (raw.pixels[7] == 8).all()
    data = tiff(np.stack([np.full((20, 30), n, np.uint16) for n in range(5)]), "TYX")
    assert [(raw.frame, float(raw.pixels[0, 0])) for raw in read(data)] == [(3, 2)]
    assert [raw.frame for raw in read(data, frames=2)] == [2, 4]
    whole = np.arange(2 * 2 * 3 * 20 * 30, dtype=np.uint16).reshape(2, 3, 2, 20, 30)
    (raw,) = read(tiff(whole, "TZCYX"))
    np.testing.assert_array_equal(raw.pixels, whole[1].max(0).transpose(1, 2, 0))


def test_pages_without_a_word_are_frames_or_if_channels_are_told_channels() -> None:
    data = tiff(channels(3))
    assert read(data)[0].pixels[0, 0] == 200
    assert read(data, channels="1:blue,3:red")[0].pixels[0, 0].tolist() == [100, 300]


@pytest.mark.parametrize("compression", ["lzw", "zstd", "jpeg2000", "packbits"])
def test_compressions_of_microscopes(compression: str) -> None:
    values = np.random.default_rng(0).integers(0, 4000, (2, 20, 30), np.uint16)
    (raw,) = read(tiff(values, "CYX", compression=compression))
    np.testing.assert_array_equal(raw.pixels, values.transpose(1, 2, 0))


def test_ordinary_tiff_is_read_as_before() -> None:
    colour = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    np.testing.assert_array_equal(read(tiff(colour, photometric="rgb"))[0].pixels, colour)
    (raw,) = read(tiff(ramp()))
    assert raw.header.high_depth and raw.pixels.dtype == np.uint16
    np.testing.assert_array_equal(raw.pixels, ramp())


def test_colour_tiff_of_16_bits_keeps_its_levels() -> None:
    colour = np.random.default_rng(0).integers(0, 4096, (20, 30, 3), np.uint16)
    (raw,) = read(tiff(colour, photometric="rgb"))
    np.testing.assert_array_equal(raw.pixels, colour)
    assert (raw.header.high_depth, raw.header.colour, raw.header.channels, raw.header.halved) == (True, True, 1, False)
    (turned,) = read(tiff(colour, photometric="rgb", extratags=[(274, 3, 1, 6, True)]))
    assert (turned.pixels.shape, turned.header.colour, turned.header.halved) == ((30, 20, 3), False, True)


def test_odd_kinds_of_tiff_are_levels_too() -> None:
    (raw,) = read(tiff(ramp().astype(np.float64)))
    np.testing.assert_array_equal(raw.pixels, ramp())
    (raw,) = read(tiff(np.stack([ramp()] * 2), "CYX", photometric="miniswhite"))
    np.testing.assert_array_equal(raw.pixels[..., 1], 65535.0 - ramp())
    colour = np.random.default_rng(0).integers(0, 256, (2, 20, 30, 3), np.uint8)  # a series of colour pictures
    (raw,) = read(tiff(colour, "TYXS", photometric="rgb"))
    np.testing.assert_array_equal(raw.pixels, colour[1])
    (raw,) = read(tiff(colour, "CYXS", photometric="rgb"))  # two channels of three samples: six
    assert raw.header.channels == 6
    np.testing.assert_array_equal(raw.pixels, colour[0])


def test_of_a_slide_the_tissue_is_read_and_never_the_label() -> None:
    glass = np.full((2048, 3072, 3), 240, np.uint8)
    glass[500:1100, 700:1500] = (200, 80, 160)
    label = np.zeros((4000, 4000, 3), np.uint8)  # larger than the slide, and with a name on it
    (raw,) = read(slide([glass, glass[::4, ::4]], label))
    assert raw.header.format == "slide"
    height, width = raw.pixels.shape[:2]
    assert abs(height - 600) < 40 and abs(width - 800) < 40
    assert (np.abs(raw.pixels.reshape(-1, 3).mean(0) - (200, 80, 160)) < 12).all()


def test_a_level_that_is_too_large_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vlmdiff.images.tiff.SLIDE_PIXELS", 300 * 300)
    glass = np.random.default_rng(0).integers(0, 255, (1024, 1024, 3), np.uint8)
    (raw,) = read(slide([glass, glass[::4, ::4]]))
    assert raw.pixels.shape == (256, 256, 3)
    assert "without a small level" in refused(slide([glass, glass[::2, ::2]]))


def test_refusals_of_tiff(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "no real numbers" in refused(tiff(np.zeros((2, 20, 20), np.complex64), "CYX"))
    assert refused(tiff(channels(3), "CYX")[:200]) == "truncated file"
    assert "damaged" in refused(tiff(channels(3), "CYX")[:-2000])
    monkeypatch.setattr("vlmdiff.images.tiff.MAX_BYTES", 1000)
    assert "of pixels; save one plane" in refused(tiff(channels(3), "CYX"))


def test_large_files_of_kinds_that_are_read_in_part_are_mapped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "MAX_BYTES", 1000)
    volume = np.random.default_rng(0).integers(1, 99, (20, 20, 20), np.int16)
    planes = np.random.default_rng(0).integers(0, 999, (3, 20, 30), np.uint16)
    for name, data in (("1.nii", nifti(volume)), ("2.tif", tiff(planes, "CYX")), ("3.dcm", dicom(ramp()))):
        (tmp_path / name).write_bytes(data)
    references = sources.open_set(tmp_path, "a")
    *mapped, refusal = sources.read_contents(references)
    assert all(isinstance(content, mmap.mmap) for content in mapped)
    assert isinstance(refusal, Unreadable)
    for content, reference, data in zip(mapped, references, (nifti(volume), tiff(planes, "CYX")), strict=False):
        assert not isinstance(content, Unreadable)
        (raw,) = formats.read(content, reference)
        np.testing.assert_array_equal(raw.pixels, read(data)[0].pixels)
        assert digest_of(content, raw.frame) == digest_of((tmp_path / reference.name).read_bytes(), raw.frame)


# Without the extra, and options


@pytest.mark.parametrize(
    ("module", "data"),
    [
        ("pydicom", dicom(ramp())),
        ("nibabel.nifti1", nifti(np.zeros((20, 20, 20), np.int16))),
        ("tifffile", tiff(channels(3), "CYX")),
    ],
)
def test_without_the_extra_it_is_said_what_to_install(
    monkeypatch: pytest.MonkeyPatch, module: str, data: bytes
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    assert "pip install 'vlmdiff[medical]'" in refused(data)


def test_without_the_extra_ordinary_tiff_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tifffile", None)
    file = io.BytesIO()
    Image.new("RGB", (20, 20), "red").save(file, "TIFF")
    assert read(file.getvalue())[0].pixels[0, 0].tolist() == [255, 0, 0]


# Real files

READ: dict[str, tuple[int, int]] = {
    "0.dcm": (256, 256),
    "693_J2KI.dcm": (512, 512),
    "CT_small.dcm": (128, 128),
    "ExplVR_BigEnd.dcm": (60, 80),
    "J2K_pixelrep_mismatch.dcm": (512, 512),
    "JPEG2000.dcm": (1024, 256),
    "JPGExtended.dcm": (1024, 256),
    "MR_small.dcm": (64, 64),
    "MR_small_RLE.dcm": (64, 64),
    "MR_small_bigendian.dcm": (64, 64),
    "MR_small_jp2klossless.dcm": (64, 64),
    "MR_small_jpeg_ls_lossless.dcm": (64, 64),
    "SC_rgb_jpeg_dcmtk.dcm": (100, 100),
    "examples_jpeg2k.dcm": (480, 640),
    "examples_overlay.dcm": (300, 484),
    "examples_palette.dcm": (350, 800),
    "examples_rgb_color.dcm": (240, 320),
    "examples_ybr_color.dcm": (240, 320),
    "image_dfl.dcm": (512, 512),
    "philips_mprage.dcm.gz": (256, 256),
    "siemens_dwi_1000.dcm.gz": (896, 896),
    "anatomical.nii": (41, 33),
    "functional.nii": (21, 17),
    "example4d.nii.gz": (96, 128),
    "example_nifti2.nii.gz": (20, 32),
    "someones_anatomy.nii.gz": (67, 57),
    "someones_epi.nii.gz": (61, 53),
    "cherry_16bit.tif": (1024, 1344),
    "staph_infection_16bit.tif": (463, 461),
    "worms_straighten_C16_w1.tif": (520, 696),
    "worms_straighten_C16_w2.tif": (520, 696),
    "worms_untangle_C01_w1.tif": (520, 696),
    "worms_untangle_C01_w2.tif": (520, 696),
}
REFUSED = {
    "MR_truncated.dcm": "truncated DICOM file",
    "liver_1frame.dcm": "DICOM file that is no picture (Segmentation Storage)",
    "rtdose.dcm": "DICOM file that is no picture (RT Dose Storage)",
    "test-SR.dcm": "DICOM file that is no picture (Comprehensive SR Storage)",
    "reportsi.dcm": "DICOM file that is no picture (Basic Text SR Storage)",
    "no_meta.dcm": "not an image: without the header of a DICOM or NIfTI file or any other",
    "standard.nii.gz": "4 x 15 px: at least 16 px a side are needed",
    "test.mgz": "5 x 4 px: at least 16 px a side are needed",
    "tiny.mnc": "MINC, netCDF or HDF5 file: convert it to NIfTI first (mnc2nii)",
    "minc2-4d-d.mnc": "MINC, netCDF or HDF5 file: convert it to NIfTI first (mnc2nii)",
}


@pytest.mark.parametrize("name", READ)
def test_real_files_that_are_read(shared_data: Path, name: str) -> None:
    (raw,) = read((shared_data / "formats" / name).read_bytes(), name)
    assert raw.pixels.shape[:2] == READ[name] == (raw.header.height, raw.header.width)
    levels = measured(raw.pixels)
    blanked = {"philips_mprage.dcm.gz", "siemens_dwi_1000.dcm.gz"}  # their pixels were set to 0 for publication
    assert np.isfinite(levels).all() and (levels.std() > 0) == (name not in blanked)


@pytest.mark.parametrize("name", REFUSED)
def test_real_files_that_are_refused(shared_data: Path, name: str) -> None:
    assert refused((shared_data / "formats" / name).read_bytes(), name) == REFUSED[name]


def test_every_real_file_is_in_one_of_the_tables(shared_data: Path) -> None:
    files = {file.name for file in (shared_data / "formats").iterdir()} - {"SOURCE.md"}
    assert files == {*READ, *REFUSED} and not {*READ} & {*REFUSED}


def test_one_picture_in_five_encodings_has_the_same_values(shared_data: Path) -> None:
    names = [name for name in READ if name.startswith("MR_small")]
    first, *others = [read((shared_data / "formats" / name).read_bytes())[0].pixels for name in names]
    assert len(others) == 4 and all(np.array_equal(first, other) for other in others)
    assert archives.MAX_BYTES == 512 * 2**20


# Files that claim, or are, too much


def test_a_volume_whose_size_overflows_costs_no_other_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import nibabel

    header = nibabel.Nifti2Header()
    header["dim"] = [3, 2**32, 2**32, 1, 1, 1, 1, 1]
    header["datatype"], header["bitpix"], header["vox_offset"] = 4, 16, 544
    claims = bytes(header.binaryblock) + bytes(2000)
    assert refused(claims) == "truncated file"
    for side in "ab":
        (tmp_path / side).mkdir()
        for n in range(3):
            (tmp_path / side / f"{n}.dcm").write_bytes(dicom(ramp() + np.uint16(n + 5 * (side == "b"))))
    (tmp_path / "a" / "x.nii").write_bytes(claims)

    plain = formats.read

    def fails(content: Any, *rest: Any) -> list[Raw]:
        if nifti_reader.kind_of(content):
            raise MemoryError
        return plain(content, *rest)

    for read_with in (plain, fails):
        monkeypatch.setattr("vlmdiff.images.loading.formats.read", read_with)
        pair = load_pair(tmp_path / "a", tmp_path / "b", size=16)
        assert len(pair.a.ids) == 3 and [skip.file for skip in pair.a.skipped] == ["A-0004"]
    assert pair.a.skipped[0].reason == "damaged file"


def test_too_large_a_slice_is_refused_before_it_is_made() -> None:
    import nibabel

    header = nibabel.Nifti1Header()
    header.set_data_shape((20_000, 6_000, 1))
    header.set_data_dtype(np.uint8)
    data = bytearray(header.binaryblock) + bytes(4 + 20_000 * 6_000)
    data[108:112], data[344:348] = np.float32(352).tobytes(), b"n+1\0"
    assert "20000 x 6000 px: more than 100 megapixels" in refused(bytes(data))


def test_told_colours_are_for_pictures_with_so_many_channels(tmp_path: Path) -> None:
    for side in "ab":
        (tmp_path / side).mkdir()
        for n in range(2):
            Image.fromarray(ramp() + np.uint16(n + 9 * (side == "b"))).save(tmp_path / side / f"{n}.png")
            (tmp_path / side / f"{n}.tif").write_bytes(tiff(channels(2) + np.uint16(n + 9 * (side == "b")), "CYX"))
    pair = load_pair(tmp_path / "a", tmp_path / "b", size=16, reading=Reading(channels="1:blue,2:green"))
    assert pair.window is not None
    assert [(one["of"], one["colour"]) for one in pair.window.described()] == [(1, "grey"), (2, "blue"), (2, "green")]
    grey, colour = pair.a.pixels[0], pair.a.pixels[1]
    assert (grey[..., 0] == grey[..., 2]).all() and grey.max() > 0 and not colour[..., 0].any()


@pytest.mark.parametrize("count", [5, 6])
def test_more_channels_than_opencv_takes_at_once(count: int) -> None:
    told = ",".join(f"{n + 1}:{colour}" for n, colour in enumerate(["red", "green", "blue", "cyan", "grey", "yellow"]))
    (raw,) = read(tiff(channels(6), "CYX"), channels=",".join(told.split(",")[:count]))
    assert fit(measured(raw.pixels), 16)[3, 3].tolist() == [100 * (n + 1) for n in range(count)]


def test_large_files_that_would_be_read_as_a_whole_are_refused(tmp_path: Path) -> None:
    for name, data in (("1.tif", dicom(ramp())), ("2.nii", nifti(np.zeros((20, 20, 20), np.int16), packed=True))):
        (tmp_path / name).write_bytes(data)
        with (
            (tmp_path / name).open("rb") as file,
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content,
            pytest.raises(Unreadable, match="more than 512 MB"),
        ):
            formats.read(content, Reference("A-0001", name, tmp_path / name))


def test_tiles_and_levels_are_checked_before_they_are_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vlmdiff.images.tiff.MAX_PIXELS", 64 * 64)
    assert "tiles of more than" in refused(tiff(np.zeros((64, 64), np.uint8), tile=(128, 128)))
    monkeypatch.setattr("vlmdiff.images.tiff.MAX_BYTES", 10_000)
    glass = np.full((256, 256, 3), 200, np.uint8)
    monkeypatch.setattr("tifffile.TiffPageSeries.asarray", lambda *_, **__: 1 // 0)
    assert "of pixels; save one plane" in refused(slide([glass, glass[::2, ::2]]))


def test_the_largest_picture_of_a_tiff_file_is_read_and_not_a_small_one_before_it() -> None:
    import tifffile

    colour = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as out:
        out.write(colour[::2, ::2], photometric="rgb")
        out.write(colour, photometric="rgb")
    np.testing.assert_array_equal(read(file.getvalue())[0].pixels, colour)
    file.seek(0)
    with tifffile.TiffWriter(file, append=True) as out:
        table = np.zeros((3, 256), np.uint16)
        out.write(np.zeros((60, 60), np.uint8), photometric="palette", colormap=table)
    assert "palette colours" in refused(file.getvalue())


def test_deflated_dicom_is_inflated_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    data = dicom(ramp(600, 600), "1.2.840.10008.1.2.1.99")
    assert read(data)[0].pixels.shape == (600, 600)
    assert slice_of(io.BytesIO(data)) is not None
    monkeypatch.setattr("vlmdiff.images.dicom.MAX_BYTES", 2**19)
    assert refused(data) == "unpacks to more than 0 MB"


def test_dicom_of_zeros_is_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    zeros = bytes(2**24)
    assert refused(bytes(128) + b"DICM" + zeros) == "damaged DICOM file"
    assert slice_of(io.BytesIO(bytes(128) + b"DICM" + zeros)) is None
    start = time.process_time()
    (raw,) = read(dicom(ramp()) + zeros)  # two million empty elements
    np.testing.assert_array_equal(raw.pixels, ramp())
    assert time.process_time() - start < 2


@pytest.mark.parametrize(
    ("syntax", "encode"),
    [("4.80", "jpegls_encode"), ("4.90", "jpeg2k_encode"), ("4.57", "ljpeg_encode"), ("4.50", "jpeg8_encode")],
)
def test_a_compressed_picture_of_another_size_than_told_is_not_decoded(syntax: str, encode: str) -> None:
    import imagecodecs

    values = ramp(40, 60, "u1")
    stream = bytes(getattr(imagecodecs, encode)(values))
    assert dicom_codecs.size_of(stream) == (60, 40)
    sound = dicom(np.frombuffer(stream + b"\0" * (len(stream) % 2), np.uint8)[None], f"1.2.840.10008.1.2.{syntax}")
    told = {"Rows": 40, "Columns": 60}
    assert read(_with(sound, told))[0].pixels.shape[:2] == (40, 60)
    assert "of another size than it says" in refused(_with(sound, {"Rows": 20, "Columns": 30}))


def _with(data: bytes, tags: dict[str, Any]) -> bytes:
    import pydicom

    dataset = pydicom.dcmread(io.BytesIO(data))
    for name, value in tags.items():
        setattr(dataset, name, value)
    file = io.BytesIO()
    dataset.save_as(file)
    return file.getvalue()
