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


def test_less_and_more_are_opposites(pictures: Pictures) -> None:
    """Where a property has a direction, the statistic of one is the other's with its sign turned."""
    image = pictures["astronaut"]
    for name in ("brightness", "contrast", "saturation", "colour_temperature", "vignette"):
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


def test_helpers(pictures: Pictures) -> None:
    image = pictures["scene"]
    assert np.array_equal(moved(image, 3, 0)[:, 3:], image[:, :-3])
    assert np.array_equal(with_curve(image, 255 - np.arange(256)), 255 - image)
    per_channel = np.stack([np.arange(256), np.zeros(256), np.full(256, 300)], axis=1)
    assert with_curve(flat(7, 8, 9), per_channel)[0, 0].tolist() == [7, 0, 255]
