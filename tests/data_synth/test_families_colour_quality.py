"""The contract of the colour and quality families: what is said is painted, repeatably, and nothing else is touched."""

from __future__ import annotations

import pickle
import re
from collections import Counter
from functools import cache
from typing import Any

import cv2
import numpy as np
import pytest
import skimage.data

from data_synth.facts import PLACES, Content, content
from data_synth.families.colour import COLOUR
from data_synth.families.quality import QUALITY
from data_synth.families.whole_image import Drawn, luma, moved, with_curve
from data_synth.family import Family, Pixels

PHOTOS: Any = skimage.data  # its functions carry no types
FAMILIES = COLOUR + QUALITY
BY_NAME = {family.name: family for family in FAMILIES}
WITH_COLOUR = {"colour_temperature", "tint", "colour_gradient", "sepia", "colour_noise", "chromatic_aberration"}
"""The families whose effect has a colour of its own, so that a grey image does not stay grey."""


def resized(image: Pixels, height: int, width: int) -> Pixels:
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def scene(height: int, width: int) -> Pixels:
    """A drawn image: a colour gradient, a disc, a bar and a little texture."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    y, x = y / height, x / width
    image = np.stack([60 + 150 * x, 50 + 140 * y, 200 - 120 * x], axis=-1)
    image[(x - 0.4) ** 2 + (y - 0.45) ** 2 < 0.05] = (220, 90, 40)
    image[(abs(x - 0.75) < 0.06) & (y > 0.2)] = (30, 60, 50)
    image += np.random.default_rng(5).normal(0, 6, (height, width, 1))
    return np.asarray(np.clip(image, 0, 255), np.uint8)


def clouds(height: int, width: int) -> Pixels:
    """A drawn image: soft coloured blobs."""
    cells = np.random.default_rng(6).integers(20, 236, (12, 12, 3)).astype(np.uint8)
    return np.asarray(cv2.resize(cells, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


@cache
def pictures() -> tuple[Pixels, ...]:
    photos = (PHOTOS.astronaut()[:400, 50:450], PHOTOS.cat()[:, 80:380], PHOTOS.coffee()[:, 100:500])
    return scene(128, 160), clouds(160, 128), *(resized(np.ascontiguousarray(photo), 160, 160) for photo in photos)


def draws(family: Family) -> list[Drawn]:
    return [Drawn(shown, 0.1 + 0.13 * (index % 7)) for index, shown in enumerate(family.contents())]


def painted(family: Family, image: Pixels, params: Drawn, amount: float, seed: int = 3) -> Pixels:
    return family.paint(image, params, amount, np.random.default_rng(seed))


def mean_measure(family: Family, params: Drawn, amount: float) -> float:
    return float(
        np.mean([family.measure(image, painted(family, image, params, amount), params) for image in pictures()])
    )


def case(value: object) -> str:
    if isinstance(value, Drawn):
        return "-".join([value.shows.what, *(text for _, text in value.shows.value), value.shows.where])
    return str(getattr(value, "name", value))


each_family = pytest.mark.parametrize("family", FAMILIES, ids=case)
each_content = pytest.mark.parametrize(
    ("family", "params"), [(family, params) for family in FAMILIES for params in draws(family)], ids=case
)


def test_names_are_unique_and_groups_are_right() -> None:
    names = [family.name for family in FAMILIES]
    assert len(set(names)) == len(names) >= 26
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", name) for name in names)
    assert {family.group for family in COLOUR} == {"colour"}
    assert {family.group for family in QUALITY} == {"quality"}


def test_every_content_belongs_to_one_family_and_no_two_share_a_wording() -> None:
    contents = Counter(shown for family in FAMILIES for shown in family.contents())
    wordings = Counter(text for family in FAMILIES for shown in family.contents() for text in family.wordings(shown))
    assert {shown for shown, times in contents.items() if times > 1} == set()
    assert {text for text, times in wordings.items() if times > 1} == set()


@each_content
def test_wordings_are_plain_claims_about_the_images(family: Family, params: Drawn) -> None:
    wordings = family.wordings(params.shows)
    assert len(wordings) >= 6
    assert wordings[0].startswith("the images ")
    assert len(wordings[0].split()) <= 9
    for text in wordings:
        assert re.fullmatch(r"(the images|the pictures|the photos|they) [a-z0-9 ,\-]+[a-z]", text), text
        assert re.search(r"\b(set|group|side a|side b)\b", text) is None


@each_content
def test_values_and_places_are_said(family: Family, params: Drawn) -> None:
    canonical = family.wordings(params.shows)[0]
    assert (params.shows.get("colour") or "") in canonical
    assert params.shows.where in (*PLACES, "border", "everywhere")
    if params.shows.where in PLACES:
        assert all(params.shows.where in text for text in family.wordings(params.shows))


@each_family
def test_draw_reaches_every_content_and_no_other(family: Family) -> None:
    rng = np.random.default_rng(0)
    drawn = {family.content(family.draw(rng)) for _ in range(200)}
    assert drawn == set(family.contents())


@each_family
def test_families_travel_to_other_processes(family: Family) -> None:
    copy = pickle.loads(pickle.dumps(family))
    assert copy.draw(np.random.default_rng(1)) == family.draw(np.random.default_rng(1))


@each_content
def test_amount_zero_changes_nothing(family: Family, params: Drawn) -> None:
    for image in pictures():
        after = painted(family, image, params, 0)
        assert np.array_equal(after, image)
        assert after is not image
        assert family.measure(image, after, params) == pytest.approx(0, abs=1e-9)


@each_content
def test_painting_repeats_and_leaves_the_input(family: Family, params: Drawn) -> None:
    image = pictures()[0].copy()
    image.flags.writeable = False
    first, again = (painted(family, image, params, 0.6) for _ in range(2))
    assert np.array_equal(first, again)
    assert np.array_equal(image, pictures()[0])


@each_content
@pytest.mark.parametrize(("height", "width"), [(32, 32), (45, 33), (97, 160), (256, 192), (512, 512)])
def test_any_size_keeps_shape_and_type_and_shows(family: Family, params: Drawn, height: int, width: int) -> None:
    image = scene(height, width)
    after = painted(family, image, params, 1)
    assert after.shape == image.shape
    assert after.dtype == np.uint8
    assert family.measure(image, after, params) > 0


@each_content
def test_the_stated_fact_grows_in_the_pixels(family: Family, params: Drawn) -> None:
    weak, half, full = (mean_measure(family, params, amount) for amount in (0.25, 0.5, 1))
    assert 0 < weak < half < full
    for image in pictures():
        assert family.measure(image, painted(family, image, params, 0.5), params) > 0


@each_content
def test_change_starts_small_and_ends_obvious(family: Family, params: Drawn) -> None:
    """Mean absolute difference over the photographs, at the 128 px that a model sees."""

    def change(amount: float) -> float:
        seen = [
            (resized(photo, 128, 128).astype(float), resized(painted(family, photo, params, amount), 128, 128))
            for photo in pictures()[2:]
        ]
        return float(np.mean([np.abs(before - after).mean() for before, after in seen]))

    changes = [change(amount) for amount in (0.1, 0.3, 0.6, 1)]
    assert changes == sorted(changes)
    assert 0 < changes[0] < 13
    assert changes[-1] > 7
    assert changes[-1] > 2 * changes[0]


@each_family
def test_a_picture_looks_alike_at_any_size(family: Family) -> None:
    """A large image, painted and shrunk, shows the fact about as much as a small one."""
    if family.name in {"salt_and_pepper", "gaussian_noise", "colour_noise"}:
        pytest.skip("the grain is drawn anew at every size")
    params = draws(family)[0]
    photo = resized(PHOTOS.astronaut(), 512, 512)
    tiny = resized(photo, 128, 128)
    shrunk = resized(painted(family, photo, params, 0.7), 128, 128).astype(float)
    assert np.abs(shrunk - painted(family, tiny, params, 0.7)).mean() < 0.6 * np.abs(shrunk - tiny).mean() + 1


@each_content
def test_grey_stays_grey_where_the_effect_has_no_colour(family: Family, params: Drawn) -> None:
    if family.name in WITH_COLOUR:
        pytest.skip("this effect is a colour")
    grey = np.repeat(luma(pictures()[2]).astype(np.uint8)[..., None], 3, axis=2)
    after = painted(family, grey, params, 0.8).astype(int)
    assert np.ptp(after, axis=2).max() <= 1


def test_less_and_more_are_opposites() -> None:
    """Where a property has a direction, the statistic of one is the other's with its sign turned."""
    image = pictures()[2]
    for name in ("brightness", "contrast", "saturation", "colour_temperature", "vignette"):
        family = BY_NAME[name]
        less, more = sorted(draws(family), key=lambda params: params.shows.value)
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


def test_helpers() -> None:
    image = pictures()[0]
    assert np.array_equal(moved(image, 3, 0)[:, 3:], image[:, :-3])
    assert np.array_equal(with_curve(image, 255 - np.arange(256)), 255 - image)
    per_channel = np.stack([np.arange(256), np.zeros(256), np.full(256, 300)], axis=1)
    assert with_curve(flat(7, 8, 9), per_channel)[0, 0].tolist() == [7, 0, 255]
