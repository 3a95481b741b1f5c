"""Inserted shapes: colour, size, place, number and opacity are what the fact says."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from data_synth.catalog import FAMILIES
from data_synth.facts import PLACES
from data_synth.families.inserts import COLOURS, SHAPES, SIZES, ShapeParams
from data_synth.family import Pixels

ONE, SEVERAL = FAMILIES["shape"], FAMILIES["scattered_shapes"]
GREY = np.full((200, 200, 3), 128, np.uint8)


def with_shape(params: ShapeParams, amount: float = 1.0, seed: int = 0, image: Pixels = GREY) -> Pixels:
    return ONE.paint(image, params, amount, np.random.default_rng(seed))


def covered(after: Pixels) -> NDArray[np.bool_]:
    return np.asarray((after != GREY).any(2))


def test_the_contents_are_all_combinations() -> None:
    assert len(set(ONE.contents())) == 10 * 10 * 4 * 10
    assert len(set(SEVERAL.contents())) == 10 * 10 * 2


@pytest.mark.parametrize("shape", SHAPES)
def test_a_shape_lies_where_it_says(shape: str) -> None:
    for where in PLACES:
        y, x = (
            np.mean(axis) / 200 for axis in np.nonzero(covered(with_shape(ShapeParams(shape, "red", "small", where))))
        )
        row, column = divmod(PLACES.index(where), 3)
        assert y == pytest.approx((0.12, 0.5, 0.88)[row], abs=0.12)
        assert x == pytest.approx((0.12, 0.5, 0.88)[column], abs=0.12)


@pytest.mark.parametrize("colour", COLOURS)
def test_a_shape_has_its_colour_within_ten_grey_levels(colour: str) -> None:
    after = with_shape(ShapeParams("circle", colour, "large", "centre"))
    inside = cv2.erode(covered(after).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    assert np.abs(after[inside].astype(int) - COLOURS[colour]).max() <= 11


def test_amount_is_opacity_squared() -> None:
    params = ShapeParams("rectangle", "black", "large", "centre")
    full, half = (int(with_shape(params, amount)[100, 100, 0]) for amount in (1.0, 0.25))
    assert full <= 20
    assert half == pytest.approx((128 + full) / 2, abs=1)


@pytest.mark.parametrize("size", SIZES)
def test_a_circle_is_as_wide_as_its_size(size: str) -> None:
    low, high = SIZES[size]
    for seed in range(10):
        area = covered(with_shape(ShapeParams("circle", "blue", size, "centre"), seed=seed)).sum()
        diameter = 2 * (area / np.pi) ** 0.5 / 200
        assert low - 0.01 < diameter < high + 0.02


def test_sizes_follow_the_shorter_side() -> None:
    params = ShapeParams("circle", "white", "medium", "centre")
    wide = np.zeros((100, 400, 3), np.uint8)
    area = (with_shape(params, image=wide) > 0).any(2).sum()
    assert 0.19 <= 2 * (area / np.pi) ** 0.5 / 100 <= 0.28


def test_shapes_by_their_outline() -> None:
    """Share of the bounding box that is filled, and how many corners the outline has."""

    def outline(shape: str) -> tuple[float, bool]:
        mask = covered(with_shape(ShapeParams(shape, "green", "large", "centre")))
        y, x = np.nonzero(mask)
        box = mask[y.min() : y.max() + 1, x.min() : x.max() + 1]
        return float(box.mean()), bool(mask[round(y.mean()), round(x.mean())])

    assert outline("circle")[0] == pytest.approx(np.pi / 4, abs=0.03)
    fill, middle = outline("ring")
    assert fill == pytest.approx(np.pi / 4 * (1 - 0.6**2), abs=0.04) and not middle
    for shape in ("rectangle", "triangle", "star", "cross"):
        assert outline(shape)[1]
    assert outline("rectangle")[0] > outline("cross")[0]


def test_random_places_differ_from_image_to_image() -> None:
    centres = [
        np.mean(np.nonzero(covered(with_shape(ShapeParams("circle", "red", "small", "random"), seed=seed))), axis=1)
        for seed in range(20)
    ]
    assert (np.ptp(centres, axis=0) > 80).all()


def test_several_are_four_to_six_alike() -> None:
    params = ShapeParams("circle", "yellow", "small", "random", "several")
    counts = []
    for seed in range(30):
        after = SEVERAL.paint(GREY, params, 1.0, np.random.default_rng(seed))
        counts.append(cv2.connectedComponents(covered(after).astype(np.uint8))[0] - 1)
    assert min(counts) >= 2  # some overlap
    assert max(counts) <= 6
    assert np.median(counts) >= 4


def test_measure_by_hand() -> None:
    """Black turned fully red: the three channels come nearer by 220, 30 and 30."""
    black, red = np.zeros((4, 4, 3), np.uint8), np.full((4, 4, 3), COLOURS["red"], np.uint8)
    params = ShapeParams("circle", "red", "small", "centre")
    assert ONE.measure(black, red, params) == pytest.approx((220 + 30 + 30) / 3 / 255)
    assert ONE.measure(red, black, params) == 0
    assert ONE.measure(black, black, params) == 0


def test_wordings_state_every_attribute() -> None:
    params = ShapeParams("star", "purple", "large", "bottom left")
    wordings = ONE.wordings(ONE.content(params))
    assert wordings[0] == "the images have a large purple star at the bottom left"
    assert len(set(wordings)) == 12
    assert all("purple" in text and "star" in text and "bottom left" in text for text in wordings)
    few = FAMILIES["few_shapes"]
    two = few.wordings(few.content(ShapeParams("diamond", "pink", "small", "random", "two")))
    assert two[0] == "the images have two small pink diamonds"
    several = SEVERAL.wordings(SEVERAL.content(ShapeParams("cross", "red", "small", "random", "several")))
    assert several[0] == "the images have several small red crosses"


@pytest.mark.parametrize(("count", "number"), [("two", 2), ("three", 3)])
def test_few_are_exactly_as_many_and_lie_apart(count: str, number: int) -> None:
    params = ShapeParams("diamond", "blue", "medium", "random", count)
    for seed in range(20):
        after = FAMILIES["few_shapes"].paint(GREY, params, 1.0, np.random.default_rng(seed))
        assert cv2.connectedComponents(covered(after).astype(np.uint8))[0] - 1 == number


def test_an_outline_is_hollow_and_a_translucent_shape_lets_the_image_through() -> None:
    params = ShapeParams("rectangle", "red", "large", "centre")
    outlined, translucent = (
        FAMILIES[name].paint(GREY, params, 1.0, np.random.default_rng(0))
        for name in ("outlined_shape", "translucent_shape")
    )
    assert (outlined[100, 100] == 128).all()
    assert covered(outlined).any()
    inside = np.abs(translucent[100, 100].astype(int) - 128)
    assert 0 < inside.max() < 0.5 * (220 - 118)
