"""What colour and quality families have beyond the contract of all: how strong, how alike at any size, which pixels."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
import skimage.data

from data_synth.facts import PLACES, Content, content
from data_synth.families.colour import COLOUR
from data_synth.families.plain import Drawn, moved, with_curve
from data_synth.families.quality import QUALITY
from data_synth.family import Family, Pixels

PHOTOS: Any = skimage.data  # its functions carry no types
FAMILIES = COLOUR + QUALITY
Pictures = dict[str, Pixels]
BY_NAME = {family.name: family for family in FAMILIES}


def resized(image: Pixels, height: int, width: int) -> Pixels:
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def draws(family: Family) -> list[Drawn]:
    return [Drawn(shown, 0.1 + 0.13 * (index % 7)) for index, shown in enumerate(family.contents())]


def painted(family: Family, image: Pixels, params: Drawn, amount: float, seed: int = 3) -> Pixels:
    return family.paint(image, params, amount, np.random.default_rng(seed))


def case(value: object) -> str:
    if isinstance(value, Drawn):
        return "-".join([value.content.what, *(text for _, text in value.content.value), value.content.where])
    return str(getattr(value, "name", value))


each_family = pytest.mark.parametrize("family", FAMILIES, ids=case)
each_content = pytest.mark.parametrize(
    ("family", "params"), [(family, params) for family in FAMILIES for params in draws(family)], ids=case
)


@each_content
def test_wordings_are_short_and_say_the_place(family: Family, params: Drawn) -> None:
    wordings = family.wordings(params.content)
    assert len(wordings) >= 12
    assert wordings[0].startswith("the images ")
    assert len(wordings[0].split()) <= 9
    if params.content.where in PLACES:
        assert all(params.content.where in text for text in wordings)


@each_content
def test_change_starts_small_and_ends_obvious(family: Family, params: Drawn, pictures: Pictures) -> None:
    """Mean absolute difference over the photographs, at the 128 px that a model sees."""

    def change(amount: float) -> float:
        seen = [
            (resized(photo, 128, 128).astype(float), resized(painted(family, photo, params, amount), 128, 128))
            for photo in list(pictures.values())[2:]
        ]
        return float(np.mean([np.abs(before - after).mean() for before, after in seen]))

    changes = [change(amount) for amount in (0.1, 0.3, 0.6, 1)]
    assert changes == sorted(changes)
    assert 0 < changes[0] < 13
    assert changes[-1] > (2 if family.name == "dead_pixels" else 7)
    assert changes[-1] > 2 * changes[0]


@each_family
def test_a_picture_looks_alike_at_any_size(family: Family) -> None:
    """A large image, painted and shrunk, shows the fact about as much as a small one."""
    if family.name in {"salt_and_pepper", "gaussian_noise", "colour_noise", "shot_noise", "speckle"}:
        pytest.skip("the grain is drawn anew at every size")
    params = draws(family)[0]
    photo = resized(PHOTOS.astronaut(), 512, 512)
    tiny = resized(photo, 128, 128)
    shrunk = resized(painted(family, photo, params, 0.7), 128, 128).astype(float)
    assert np.abs(shrunk - painted(family, tiny, params, 0.7)).mean() < 0.6 * np.abs(shrunk - tiny).mean() + 1


def test_less_and_more_are_opposites(pictures: Pictures) -> None:
    """Where a property has a direction, the statistic of one is the other's with its sign turned."""
    image = pictures["astronaut"]
    for name in ("brightness", "contrast", "saturation", "colour_temperature", "vignette", "gamma"):
        family = BY_NAME[name]
        less, more = sorted(draws(family), key=lambda params: params.content.value)
        after = painted(family, image, less, 0.5)
        assert family.measure(image, after, more) == -family.measure(image, after, less) < 0


def flat(red: int, green: int, blue: int) -> Pixels:
    return np.full((64, 64, 3), (red, green, blue), np.uint8)


def at_full(name: str, shown: Content, image: Pixels) -> list[int]:
    """The first pixel of the touched image."""
    return [int(value) for value in painted(BY_NAME[name], image, Drawn(shown), 1)[0, 0]]


def test_hand_worked_pixels() -> None:
    assert at_full("invert", content("negative"), flat(10, 100, 255)) == [245, 155, 0]
    assert at_full("saturation", content("saturation", direction="less"), flat(255, 0, 0)) == [76, 76, 76]
    assert at_full("posterise", content("posterisation"), flat(10, 100, 200)) == [0, 96, 192]
    red, green, blue = at_full("tint", content("tint", colour="red"), flat(120, 120, 120))
    assert (red, green, blue) == (195, 88, 88)
    assert 0.299 * red + 0.587 * green + 0.114 * blue == pytest.approx(120, abs=1)
    red, green, blue = at_full("colour_temperature", content("warmth", direction="more"), flat(100, 100, 100))
    assert (red, green, blue) == (128, 98, 37)


def test_tint_on_one_side_leaves_the_other() -> None:
    image = flat(120, 120, 120)
    after = painted(BY_NAME["colour_gradient"], image, Drawn(content("tint", where="right", colour="blue")), 1)
    assert np.array_equal(after[:, :20], image[:, :20])
    assert after[0, -1, 2] > 200 > after[0, -1, 0]


def test_motion_blur_smears_only_along_its_direction() -> None:
    stripes = np.repeat(np.where(np.arange(96) // 8 % 2, 200, 40).astype(np.uint8)[None, :, None], 96, axis=0)
    upright = np.ascontiguousarray(np.repeat(stripes, 3, axis=2))
    vertical = painted(BY_NAME["motion_blur"], upright, Drawn(content("motion blur", direction="vertical")), 1)
    horizontal = painted(BY_NAME["motion_blur"], upright, Drawn(content("motion blur", direction="horizontal")), 1)
    assert np.abs(vertical.astype(int) - upright).max() <= 1
    assert horizontal.std() < 0.5 * upright.std()


def tones(*values: int) -> Pixels:
    """Grey columns, eight pixels wide each."""
    row = np.repeat(np.array(values, np.uint8), 8)
    return np.repeat(np.tile(row, (64, 1))[..., None], 3, axis=2)


def test_gamma_moves_the_middle_and_leaves_the_ends() -> None:
    image = tones(0, 64, 128, 192, 255)
    for direction, expected in (("less", [0, 16, 64, 145, 255]), ("more", [0, 112, 192, 239, 255])):
        after = painted(BY_NAME["gamma"], image, Drawn(content("mid-tones", direction=direction)), 1)
        assert after[0, ::8, 0].tolist() == pytest.approx(expected, abs=1)


def test_greyscale_takes_the_colour_of_pale_areas_and_leaves_vivid_ones() -> None:
    image = flat(150, 130, 120)
    image[:, 32:] = (200, 60, 20)
    family, params = BY_NAME["greyscale"], Drawn(content("greyscale"))
    half = painted(family, image, params, 0.15)
    assert np.ptp(half[:, :16].astype(int), axis=2).max() == 0
    assert np.array_equal(half[:, 48:], image[:, 48:])
    assert np.ptp(painted(family, image, params, 1).astype(int), axis=2).max() == 0


def test_channel_swap_exchanges_red_and_blue() -> None:
    assert at_full("channel_swap", content("channel swap"), flat(200, 60, 10)) == [10, 60, 200]


def test_equalised_spreads_crowded_tones_evenly() -> None:
    after = painted(BY_NAME["equalised"], tones(100, 105, 110, 140), Drawn(content("equalisation")), 1)
    assert after[0, ::8, 0].tolist() == [0, 85, 170, 255]


def test_faded_lifts_black_and_keeps_white() -> None:
    after = painted(BY_NAME["faded"], tones(0, 128, 255), Drawn(content("faded blacks")), 1)[0, ::8, 0]
    assert after[0] > 90
    assert after[2] == 255
    assert after[1] - 128 < after[0] / 2


def test_shadow_tint_colours_the_dark_and_not_the_bright() -> None:
    params = Drawn(content("shadow tint", colour="cyan"))
    after = painted(BY_NAME["colour_cast_shadows"], tones(20, 200), params, 1).astype(int)
    red, green, blue = after[0, 0]
    assert green == blue > red + 60
    assert after[0, -1].tolist() == [200, 200, 200]


def test_defocus_spreads_a_point_of_light_to_a_disc() -> None:
    image = np.full((128, 128, 3), 20, np.uint8)
    image[61, 61] = 255
    after = painted(BY_NAME["defocus"], image, Drawn(content("defocus")), 1)[..., 0]
    lit = after > 120
    assert lit[61, 61] and not lit[:50].any()
    assert lit.sum() == pytest.approx(np.pi * 6.4**2, rel=0.15)


def noise_levels(name: str, image: Pixels) -> list[float]:
    """Standard deviation of what was added in the left and in the right half."""
    change = painted(BY_NAME[name], image, draws(BY_NAME[name])[0], 0.3).astype(int) - image
    middle = image.shape[1] // 2
    return [float(change[:, :middle].std()), float(change[:, middle:].std())]


def test_noise_follows_the_light_as_its_name_says() -> None:
    """Tones 30 and 120: equal noise, noise by the square root (twice), noise in proportion (four times)."""
    image = np.full((120, 240, 3), 30, np.uint8)
    image[:, 120:] = 120
    for name, expected in (("gaussian_noise", 1), ("shot_noise", 2), ("speckle", 4)):
        dark, bright = noise_levels(name, image)
        assert bright / dark == pytest.approx(expected, rel=0.2)


def test_bands_run_in_their_direction() -> None:
    for direction, along, across in (("horizontal", 1, 0), ("vertical", 0, 1)):
        after = painted(BY_NAME["banding"], flat(120, 120, 120), Drawn(content("banding", direction=direction)), 1)
        assert np.ptp(after[..., 0].astype(int), axis=along).max() == 0
        assert np.ptp(after[..., 0].astype(int), axis=across).min() > 60


def test_stuck_pixels_are_at_the_same_places_in_every_image() -> None:
    family, params = BY_NAME["dead_pixels"], Drawn(content("stuck pixels"), 0.3)
    seen = [
        (painted(family, image, params, 0.5, seed) != image).any(axis=2)
        for seed, image in enumerate((flat(40, 40, 40), flat(120, 100, 90)))
    ]
    assert np.array_equal(*seen)
    assert 120 < seen[0].sum() <= 142
    other = painted(family, flat(40, 40, 40), Drawn(content("stuck pixels"), 0.6), 0.5) != 40
    assert not np.array_equal(other.any(axis=2), seen[0])


def test_low_resolution_has_no_squares(pictures: Pictures) -> None:
    image = pictures["cat"]
    smooth, squares = (
        painted(BY_NAME[name], image, draws(BY_NAME[name])[0], 1) for name in ("low_resolution", "pixelation")
    )
    measure = BY_NAME["pixelation"].measure
    params = draws(BY_NAME["pixelation"])[0]
    assert measure(image, smooth, params) < 0.3 * measure(image, squares, params)
    assert BY_NAME["low_resolution"].measure(image, smooth, params) > 0.4


def test_squares_fade_in_and_then_grow(pictures: Pictures) -> None:
    image, family = pictures["coffee"], BY_NAME["pixelation"]
    params = draws(family)[0]
    assert np.abs(painted(family, image, params, 0.005).astype(int) - image).max() <= 8
    amounts = np.linspace(0.02, 0.2, 19)
    change = [np.abs(painted(family, image, params, amount).astype(int) - image).mean() for amount in amounts]
    assert min(np.diff(change)) > 0 and max(np.diff(change)) < 0.15 * change[-1]
    assert family.measure(image, painted(family, image, params, 0.08), params) > 0.01


def test_dither_ends_in_black_and_white_that_average_to_the_tone() -> None:
    after = painted(BY_NAME["dither"], flat(96, 96, 96), Drawn(content("dithering")), 1)
    assert set(np.unique(after)) == {0, 255}
    assert float(after.mean()) == pytest.approx(96, abs=10)


def test_moire_is_fine_lines_under_broad_fringes() -> None:
    after = painted(BY_NAME["moire"], np.full((192, 192, 3), 128, np.uint8), Drawn(content("moire"), 0.3), 1)[..., 0]
    fringes = np.asarray(cv2.GaussianBlur(after, (0, 0), 5), np.float64)
    assert fringes.std() > 10
    assert (after - fringes).std() > 10


def test_rolling_shutter_moves_rows_and_keeps_them_level() -> None:
    upright = np.ascontiguousarray(tones(*[40, 200] * 4))
    level = np.ascontiguousarray(upright.transpose(1, 0, 2))
    params = Drawn(content("rolling shutter"), 0.2)
    assert np.array_equal(painted(BY_NAME["rolling_shutter"], level, params, 1), level)
    after = painted(BY_NAME["rolling_shutter"], upright, params, 1)
    starts = np.argmax(after[:, 20:, 0] > 120, axis=1)
    assert np.ptp(starts) >= 3


def test_helpers(pictures: Pictures) -> None:
    image = pictures["scene"]
    assert np.array_equal(moved(image, 3, 0)[:, 3:], image[:, :-3])
    assert np.array_equal(with_curve(image, 255 - np.arange(256)), 255 - image)
    per_channel = np.stack([np.arange(256), np.zeros(256), np.full(256, 300)], axis=1)
    assert with_curve(flat(7, 8, 9), per_channel)[0, 0].tolist() == [7, 0, 255]
