"""Any bytes become pixels within limits or a worded refusal; no level, turn or transparency is lost on the way."""

import io
import struct
import warnings
import zlib
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageFile

from vlmdiff.images import decode as module
from vlmdiff.images.decode import (
    FORMATS,
    Unreadable,
    decode,
    fit,
    shrink,
)
from vlmdiff.images.intensity import Window, fit_window, sample_levels
from vlmdiff.images.sets import load_pair


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def picture(mode: str = "RGB", width: int = 48, height: int = 64) -> Image.Image:
    """A smooth picture whose four corners differ, with some noise that no codec can leave out."""
    y, x = np.mgrid[0:height, 0:width]
    noise = np.random.default_rng(0).integers(0, 20, (height, width))
    channels = [x * 200 // width, y * 200 // height, (x + y) * 100 // (width + height)]
    image = Image.fromarray((np.stack(channels, -1) + noise[..., None]).astype(np.uint8))
    if mode == "PA":
        return image.convert("P").convert("PA")
    return image.convert("L").convert(mode) if mode.startswith("I;16") else image.convert(mode)


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims any size and holds next to nothing."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


COLOUR = [
    *[("RGB", kind) for kind in FORMATS],
    *[("L", kind) for kind in FORMATS],
    *[("1", kind) for kind in ("PNG", "TIFF", "BMP", "GIF")],
    *[("P", kind) for kind in ("PNG", "TIFF", "BMP", "GIF")],
    *[("LA", kind) for kind in ("PNG", "TIFF", "JPEG2000")],
    *[("RGBA", kind) for kind in ("PNG", "TIFF", "WEBP", "AVIF", "BMP", "JPEG2000")],
    *[("CMYK", kind) for kind in ("JPEG", "TIFF")],
    *[("YCbCr", kind) for kind in ("JPEG", "TIFF")],
    ("PA", "TIFF"),
]


@pytest.mark.parametrize(("mode", "kind"), COLOUR)
def test_every_colour_mode_becomes_the_same_rgb(mode: str, kind: str) -> None:
    image = picture(mode)
    raw = decode(encoded(image, kind))
    assert raw.pixels.dtype == np.uint8 and raw.pixels.shape == (64, 48, 3)
    assert (raw.header.format, raw.header.width, raw.header.height, raw.header.high_depth) == (kind, 48, 64, False)
    expected = np.asarray(image.convert("RGB")).astype(int)
    assert np.abs(raw.pixels - expected).mean() < 8  # lossy formats


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "JPEG2000"])
def test_sixteen_bits_keep_their_levels(kind: str) -> None:
    levels = (30_000 + np.arange(32 * 32).reshape(32, 32)).astype(np.uint16)  # far less than one step of 8 bits
    raw = decode(encoded(Image.fromarray(levels), kind))
    assert raw.header.high_depth and raw.pixels.dtype == np.uint16
    np.testing.assert_array_equal(raw.pixels, levels)


def deep_png(levels: NDArray[np.uint16], *more: tuple[bytes, bytes]) -> bytes:
    """A PNG file of 16 bits, with more chunks after the header: Pillow writes none in colour."""
    png = cv2.imencode(".png", levels[..., [2, 1, 0, *range(3, levels.shape[2])]])[1].tobytes()
    chunks = [
        len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big") for kind, data in more
    ]
    return png[:33] + b"".join(chunks) + png[33:]


def test_colour_of_sixteen_bits_keeps_its_levels() -> None:
    levels = np.random.default_rng(0).integers(0, 4096, (40, 30, 3)).astype(np.uint16)
    raw = decode(deep_png(levels))
    assert (raw.header.high_depth, raw.header.colour, raw.header.channels) == (True, True, 1)
    np.testing.assert_array_equal(raw.pixels, levels)
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = decode(deep_png(levels, (b"eXIf", exif.tobytes()[6:]), (b"tEXt", b"Author\0Jane")))
    np.testing.assert_array_equal(turned.pixels, np.rot90(levels, -1))
    assert (turned.header.width, turned.header.height) == (40, 30)
    with pytest.raises(Unreadable, match=r"truncated|damaged"):
        decode(deep_png(levels)[:-3000])


def test_transparency_of_sixteen_bits_is_laid_on_the_highest_level() -> None:
    levels = np.full((20, 20, 4), 1000, np.uint16)
    levels[0, 0, :3] = 4000
    levels[:, 10:, 3], levels[:, :10, 3] = 0, 65535
    pixels = decode(deep_png(levels)).pixels
    assert pixels[5, 5].tolist() == [1000] * 3 and pixels[5, 15].tolist() == [4000] * 3


def test_colour_of_few_bits_is_seen_through_the_window_of_grey(tmp_path: Path) -> None:
    """Values to 4095 of 65535 would be nearly black at 8 bits; hues stay, as one window shows all three channels."""
    rng = np.random.default_rng(0)
    for side, top in (("a", 4096), ("b", 2048)):
        (tmp_path / side).mkdir()
        for number in range(3):
            levels = rng.integers(0, top, (32, 32, 3)).astype(np.uint16)
            levels[..., 2] //= 4
            (tmp_path / side / f"{number}.png").write_bytes(deep_png(levels))
    pair = load_pair(tmp_path / "a", tmp_path / "b", size=32)
    assert pair.a.pixels[..., 0].mean() > 110 and pair.b.pixels[..., 0].mean() == pytest.approx(64, abs=4)
    assert pair.a.pixels[..., 2].mean() == pytest.approx(pair.a.pixels[..., 0].mean() / 4, rel=0.1)
    assert pair.window is not None and [one["of"] for one in pair.window.described()] == [1]
    shown = np.asarray(Image.open(io.BytesIO(pair.a.thumbnail(0))))
    np.testing.assert_array_equal(shown, pair.a.pixels[0])


def test_byte_order_and_inverted_grey_of_tiff() -> None:
    levels = np.arange(400, dtype=np.uint16).reshape(20, 20) * 100
    big_endian = Image.frombytes("I;16B", (20, 20), levels.astype(">u2").tobytes())
    np.testing.assert_array_equal(decode(encoded(big_endian, "TIFF")).pixels, levels)
    inverted = encoded(Image.fromarray(levels), "TIFF", tiffinfo={262: 0})
    np.testing.assert_array_equal(decode(inverted).pixels, 65535 - levels)
    with pytest.raises(Unreadable, match="a kind of TIFF that cannot be read"):
        decode(encoded(big_endian, "TIFF", tiffinfo={262: 0}))


def test_integers_of_32_bits_and_floats_keep_their_order() -> None:
    integers = (np.arange(400, dtype=np.int32) - 200).reshape(20, 20) * 1000
    np.testing.assert_array_equal(decode(encoded(Image.fromarray(integers), "TIFF")).pixels, integers)
    floats = np.linspace(-1, 1, 400, dtype=np.float32).reshape(20, 20)
    np.testing.assert_array_equal(decode(encoded(Image.fromarray(floats), "TIFF")).pixels, floats)


def test_floats_that_are_no_numbers_become_the_least_level() -> None:
    floats = np.linspace(-1, 1, 400, dtype=np.float32).reshape(20, 20)
    floats[5, 5], floats[6, 6] = np.nan, np.inf
    pixels = decode(encoded(Image.fromarray(floats), "TIFF")).pixels
    assert pixels[5, 5] == pixels[6, 6] == -1 and np.isfinite(pixels).all()
    with pytest.raises(Unreadable, match="finite"):
        decode(encoded(Image.fromarray(np.full((20, 20), np.nan, np.float32)), "TIFF"))


def test_transparency_is_laid_on_white() -> None:
    black = Image.new("RGBA", (20, 20), (0, 0, 0, 0))
    assert (decode(encoded(black, "PNG")).pixels == 255).all()
    half = Image.new("LA", (20, 20), (0, 51))  # a fifth of black
    assert (decode(encoded(half, "PNG")).pixels == 204).all()
    palette = Image.new("P", (20, 20), 1)
    palette.putpalette([10, 20, 30, 0, 0, 0])
    palette.paste(0, (0, 0, 20, 10))
    pixels = decode(encoded(palette, "PNG", transparency=1)).pixels
    assert (pixels[0, 0] == (10, 20, 30)).all() and (pixels[19, 0] == 255).all()


def test_cmyk_is_ink_not_light() -> None:
    cyan = Image.new("CMYK", (20, 20), (255, 0, 0, 0))
    assert (decode(encoded(cyan, "TIFF")).pixels == (0, 255, 255)).all()


def test_first_frame_of_an_animation() -> None:
    first, second = Image.new("RGB", (20, 20), "red"), Image.new("RGB", (20, 20), "blue")
    for kind in ("GIF", "WEBP", "PNG", "TIFF", "AVIF"):
        data = encoded(first, kind, save_all=True, append_images=[second])
        red, _, blue = decode(data).pixels[10, 10]
        assert red > 240 and blue < 15, kind


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(kind: str, orientation: int) -> None:
    upright = np.asarray(picture())
    undo = {  # how a camera with this orientation stores the picture
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright),
        7: upright[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }
    exif = Image.Exif()
    exif[0x0112] = orientation
    raw = decode(encoded(Image.fromarray(np.ascontiguousarray(undo[orientation])), kind, exif=exif))
    assert (raw.header.width, raw.header.height) == (48, 64)
    assert np.abs(raw.pixels - upright.astype(int)).mean() < 8


def test_damaged_exif_costs_the_orientation_only() -> None:
    data = encoded(picture(), "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x09\x01\x12garbage")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert decode(data).pixels.shape == (64, 48, 3)


@pytest.mark.parametrize(
    ("width", "height", "reason"),
    [
        (1, 1, "1 x 1 px: at least 16 px a side are needed"),
        (15, 400, "15 x 400 px: at least 16 px a side are needed"),
        (20_000, 20_000, "20000 x 20000 px: more than 100 megapixels"),
        (10_001, 10_000, "10001 x 10000 px: more than 100 megapixels"),
        (10_000, 10_000, "truncated file"),  # above the size from which Pillow warns
    ],
)
def test_size_limits_come_before_decoding_and_warn_nobody(width: int, height: int, reason: str) -> None:
    limit = Image.MAX_IMAGE_PIXELS
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        before = list(warnings.filters)
        with pytest.raises(Unreadable) as refusal:
            decode(png_header(width, height))
        assert warnings.filters == before
    assert str(refusal.value) == reason
    assert limit == Image.MAX_IMAGE_PIXELS and not ImageFile.LOAD_TRUNCATED_IMAGES


def test_sixteen_px_are_enough() -> None:
    assert decode(encoded(picture(width=16, height=16), "PNG")).pixels.shape == (16, 16, 3)


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("share", [0.5, 0.9])
def test_truncated_files_are_refused(kind: str, share: float) -> None:
    data = encoded(picture(), kind)
    with pytest.raises(Unreadable, match=r"truncated|damaged"):
        decode(data[: int(len(data) * share)])


@pytest.mark.parametrize(
    ("data", "reason"),
    [(b"", "empty file"), (b"hello", "not an image"), (b"\x89PNG\r\n\x1a\n", "truncated|damaged"), (b"BM", "damaged")],
)
def test_what_is_no_image_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        decode(data)


def test_formats_outside_the_list_are_refused() -> None:
    for kind in ("PPM", "TGA", "ICO"):
        with pytest.raises(Unreadable, match="not an image"):
            decode(encoded(picture(), kind))


def test_lab_is_refused_with_words() -> None:
    with pytest.raises(Unreadable, match="colour mode LAB"):
        decode(encoded(Image.new("LAB", (20, 20)), "TIFF"))


def test_a_large_jpeg_is_decoded_at_a_fraction_and_fitted_the_same() -> None:
    data = encoded(picture(width=1200, height=1024), "JPEG", quality=95)
    cheap, full = decode(data, target=32), decode(data)
    assert cheap.pixels.shape == (128, 150, 3) and full.pixels.shape == (1024, 1200, 3)
    assert cheap.header == full.header
    assert np.abs(fit(cheap.pixels, 32).astype(int) - fit(full.pixels, 32)).max() <= 3
    assert decode(data, target=200).pixels.shape == (1024, 1200, 3)


def test_jpeg_compression_is_seen_in_the_header() -> None:
    weak, strong = (decode(encoded(picture(), "JPEG", quality=q)).header.quantisation for q in (95, 40))
    assert weak is not None and strong is not None and strong > 2 * weak
    assert decode(encoded(picture(), "PNG")).header.quantisation is None


def test_fit_takes_the_largest_centred_square() -> None:
    tall = np.zeros((40, 20, 3), np.uint8)
    tall[10:30] = 200
    assert (fit(tall, 20) == 200).all()
    assert (fit(tall.transpose(1, 0, 2), 20) == 200).all()


def test_fit_averages_areas_by_hand() -> None:
    board = np.array([[0, 100, 8, 8], [100, 200, 8, 8], [1, 1, 0, 0], [1, 1, 0, 255]], np.uint8)
    assert fit(np.repeat(board[..., None], 3, 2), 2)[..., 0].tolist() == [[100, 8], [1, 64]]


def test_a_disc_stays_round_in_tall_and_wide_pictures() -> None:
    y, x = np.mgrid[-32:32, -32:32]
    disc = np.repeat(((x + 0.5) ** 2 + (y + 0.5) ** 2 < 400)[..., None] * np.uint8(255), 3, 2)
    wide = fit(np.pad(disc, ((0, 0), (50, 50), (0, 0))), 32)
    tall = fit(np.pad(disc, ((50, 50), (0, 0), (0, 0))), 32)
    np.testing.assert_array_equal(wide, tall)
    np.testing.assert_array_equal(wide, wide.transpose(1, 0, 2))


@given(st.integers(1, 70), st.integers(1, 70), st.integers(1, 50), st.booleans())
@settings(max_examples=60, deadline=None)
def test_fit_and_shrink_keep_a_plain_picture_plain(height: int, width: int, size: int, high: bool) -> None:
    flat = np.full((height, width), 1234, np.uint16) if high else np.full((height, width, 3), 77, np.uint8)
    fitted, small = fit(flat, size), shrink(flat, size)
    assert fitted.shape == (size, size, *flat.shape[2:])
    assert max(small.shape[:2]) == min(size, max(height, width))
    np.testing.assert_allclose(fitted, flat.flat[0], rtol=1e-6)
    np.testing.assert_allclose(small, flat.flat[0], rtol=1e-6)
    assert not np.shares_memory(fitted, flat)


def test_shrink_keeps_the_aspect_and_never_enlarges() -> None:
    assert shrink(np.zeros((100, 400, 3), np.uint8), 200).shape == (50, 200, 3)
    assert shrink(np.zeros((20, 30, 3), np.uint8), 200).shape == (20, 30, 3)
    assert shrink(np.zeros((16, 20_000, 3), np.uint8), 192).shape == (1, 192, 3)


def test_window_by_hand() -> None:
    grey = Window(100, 200).apply(np.array([[50, 100, 150], [200, 300, 120]], np.uint16))
    assert grey.shape == (2, 3, 3) and grey.dtype == np.uint8
    assert grey[..., 0].tolist() == [[0, 0, 128], [255, 255, 51]]


def test_fit_window_pools_all_samples_and_leaves_out_the_tails() -> None:
    window = fit_window([np.arange(0, 500), np.arange(500, 1001)])
    assert (window.low, window.high) == (5, 995)


def test_fit_window_of_even_grounds() -> None:
    spots = np.zeros(10_000)
    spots[0] = 40
    assert fit_window([spots]) == Window(0, 40)
    plain = fit_window([np.full(100, 7)])
    assert (plain.apply(np.full((2, 2), 7)) == 0).all()


@given(st.lists(st.integers(-(10**9), 10**9), min_size=2, max_size=50))
@settings(max_examples=100, deadline=None)
def test_a_window_never_swaps_levels(values: list[float]) -> None:
    levels = np.sort(np.array(values, np.float32))
    grey = fit_window([levels]).apply(levels[None])[0, :, 0].astype(int)
    assert (np.diff(grey) >= 0).all()


def test_samples_weigh_pictures_alike() -> None:
    assert sample_levels(np.zeros((1000, 3000), np.uint16)).shape == (1024, 1)
    assert sample_levels(np.zeros((16, 20), np.uint16)).shape == (320, 1)
    assert set(sample_levels(np.array([[1, 2], [3, 4]], np.uint16)).ravel()) == {1, 2, 3, 4}


@cache
def valid_files() -> tuple[bytes, ...]:
    exif = Image.Exif()
    exif[0x0112] = 6
    return (
        *(encoded(picture(), kind) for kind in FORMATS),
        *(encoded(picture("I;16"), kind) for kind in ("PNG", "TIFF", "JPEG2000")),
        *(encoded(picture(), kind, exif=exif) for kind in ("JPEG", "PNG", "WEBP", "AVIF")),
        *(encoded(picture(mode), "PNG") for mode in ("1", "LA", "P", "RGBA")),
        *(encoded(picture("RGB"), "TIFF", compression=how) for how in ("tiff_lzw", "tiff_deflate", "packbits", "jpeg")),
        encoded(picture(), "JPEG", progressive=True),
        encoded(picture("CMYK"), "JPEG"),
        encoded(picture("F"), "TIFF"),
    )


@st.composite
def damaged_files(draw: st.DrawFn) -> bytes:
    data = bytearray(draw(st.sampled_from(valid_files())))
    for _ in range(draw(st.integers(1, 4))):
        # Headers are short: half of the damage goes to the first 128 bytes.
        reach = min(len(data), 128) if draw(st.booleans()) else len(data)
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


@given(damaged_files(), st.sampled_from((None, 16)))
@settings(max_examples=400, deadline=None)
def test_damaged_bytes_are_a_picture_within_limits_or_unreadable(data: bytes, target: int | None) -> None:
    with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:
        warnings.simplefilter("error")
        patch.setattr(module, "MAX_PIXELS", 1_000_000)  # a claimed size costs memory: keep the test light
        try:
            raw = decode(data, target=target)
        except Unreadable as refusal:
            assert 0 < len(str(refusal)) < 100
            return
    height, width = raw.pixels.shape[:2]
    for sides in ((height, width), (raw.header.height, raw.header.width)):
        assert min(sides) >= 16 and sides[0] * sides[1] <= 1_000_000
    fitted = fit(raw.pixels, 24)
    assert fitted.shape[:2] == (24, 24) and np.isfinite(fitted).all()


def test_real_microscopy_files_are_read_or_refused_with_words(shared_data: Path) -> None:
    files = sorted(path for path in (shared_data / "formats").iterdir() if path.is_file())
    read = 0
    for file in files:
        try:
            raw = decode(file.read_bytes())
        except Unreadable as refusal:
            assert str(refusal)
            assert file.suffix != ".tif", file.name
        else:
            read += 1
            assert raw.header.high_depth and len(np.unique(raw.pixels)) > 256
    assert read == len([file for file in files if file.suffix == ".tif"])
