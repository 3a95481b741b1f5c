"""The contract of every geometry and overlay family, and that each fact's words hold in the pixels."""

from __future__ import annotations

from collections import Counter
from itertools import product

import cv2
import numpy as np
import pytest
import skimage.data

from data_synth.facts import PLACES, content
from data_synth.families.geometry import GEOMETRY
from data_synth.families.overlays import FRAME_COLOURS, OVERLAYS
from data_synth.families.worded import Drawn, WordedFamily, changed, darkened, lightened
from data_synth.family import Family, Pixels

FAMILIES = (*GEOMETRY, *OVERLAYS)
BY_NAME = {family.name: family for family in FAMILIES}
each_family = pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)


def small(image: Pixels, size: tuple[int, int]) -> Pixels:
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.uint8)


def gradient(height: int, width: int) -> Pixels:
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([60 + 130 * x / width, 60 + 130 * y / height, 90 + 70 * (x + y) / (height + width)], 2).astype(
        np.uint8
    )


def texture(height: int, width: int) -> Pixels:
    coarse = np.random.default_rng(3).integers(50, 200, (12, 12, 3)).astype(np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC).astype(np.uint8)


PICTURES = {
    "gradient": gradient(128, 128),
    "texture": texture(120, 160),
    "astronaut": small(skimage.data.astronaut(), (128, 128)),  # type: ignore[no-untyped-call]
    "cat": small(skimage.data.cat(), (160, 107)),  # type: ignore[no-untyped-call]
}


def drawings(family: Family) -> list[Drawn]:
    """Every content of the family, in some style."""
    return [Drawn(c, n * 0.37 % 1) for n, c in enumerate(family.contents())]


def painted(name: str, amount: float = 1.0, where: str = "everywhere", **value: str) -> tuple[Pixels, Pixels]:
    """An even picture and its touched copy, for the content of this place and value."""
    family = BY_NAME[name]
    image = np.full((128, 128, 3), 128, np.uint8)
    found = [c for c in family.contents() if c.where == where and c.value == tuple(sorted(value.items()))]
    assert len(found) == 1, f"{name} has no single content {where} {value}"
    return image, family.paint(image, Drawn(found[0], 0.1), amount, np.random.default_rng(5))


def middle_of_change(before: Pixels, after: Pixels) -> tuple[float, float]:
    """Mean x and y of the changed pixels, as shares of width and height."""
    y, x = np.nonzero((before != after).any(2))
    return float(x.mean() / before.shape[1]), float(y.mean() / before.shape[0])


def bright_spot(x: int, y: int) -> Pixels:
    image = np.zeros((129, 129, 3), np.uint8)
    cv2.circle(image, (x, y), 5, (255, 255, 255), -1)
    return image


def spot_after(name: str, x: int, y: int, **value: str) -> tuple[float, float]:
    """Where a bright spot of a 129 px picture (its middle at 64, 64) goes at amount 0.4."""
    family = BY_NAME[name]
    found = [c for c in family.contents() if c.value == tuple(sorted(value.items()))]
    after = family.paint(bright_spot(x, y), Drawn(found[0], 0.0), 0.4, np.random.default_rng(1))
    weight = after[..., 0].astype(float)
    ys, xs = np.mgrid[0:129, 0:129]
    return float((weight * xs).sum() / weight.sum()), float((weight * ys).sum() / weight.sum())


@each_family
def test_amount_zero_changes_nothing(family: Family) -> None:
    for picture, params in product(PICTURES.values(), drawings(family)):
        after = family.paint(picture, params, 0.0, np.random.default_rng(0))
        assert np.array_equal(after, picture)
        assert after is not picture
        assert family.measure(picture, after, params) == 0


@each_family
def test_half_the_amount_shows_in_the_pixels(family: Family) -> None:
    for picture, params in product(PICTURES.values(), drawings(family)):
        after = family.paint(picture, params, 0.5, np.random.default_rng(1))
        assert family.measure(picture, after, params) > 0.2


@each_family
def test_same_dice_give_the_same_bytes_and_the_input_is_left_alone(family: Family) -> None:
    for picture, params in product((PICTURES["texture"], PICTURES["cat"]), drawings(family)):
        frozen = picture.copy()
        frozen.flags.writeable = False
        first, second = (family.paint(frozen, params, 0.7, np.random.default_rng(7)) for _ in range(2))
        assert np.array_equal(first, second)
        assert np.array_equal(frozen, picture)


@each_family
@pytest.mark.parametrize("size", [(32, 32), (32, 48), (50, 33), (96, 200), (512, 384)])
def test_any_size_keeps_its_shape(family: Family, size: tuple[int, int]) -> None:
    picture = texture(*size)
    for params, amount in product(drawings(family), (0.02, 1.0)):
        after = family.paint(picture, params, amount, np.random.default_rng(2))
        assert after.shape == picture.shape
        assert after.dtype == np.uint8
        assert not np.shares_memory(after, picture)


@each_family
def test_more_amount_changes_more(family: Family) -> None:
    if family.name == "upside_down":
        pytest.skip("a flip has no degrees")
    rng = np.random.default_rng(4)
    means = []
    for amount in (0.1, 0.4, 1.0):
        draws = [(p, d) for p, d in product(PICTURES.values(), drawings(family)) for _ in range(3)]
        means.append(np.mean([changed(p, family.paint(p, d, amount, rng)) for p, d in draws]))
    assert means[0] < means[1] < means[2]


@each_family
def test_what_is_drawn_is_listed(family: Family) -> None:
    rng = np.random.default_rng(11)
    listed = list(family.contents())
    drawn = {family.content(family.draw(rng)) for _ in range(60 * len(listed))}
    assert drawn == set(listed)
    assert len(listed) == len(set(listed)) <= 12
    assert {c.where for c in listed} <= {*PLACES, "everywhere", "border", "random"}


def test_wordings_are_plain_and_nobody_elses() -> None:
    said = Counter(w for family in FAMILIES for c in family.contents() for w in family.wordings(c))
    assert max(said.values()) == 1
    for wording in said:
        assert wording == wording.lower().strip() and wording.isascii()
        assert not wording.endswith(".") and "{" not in wording and "  " not in wording
    assert min(len(family.wordings(c)) for family in FAMILIES for c in family.contents()) >= 6


def test_words_of_other_groups_are_not_used() -> None:
    others = {"rectangle", "circle", "triangle", "star", "ring", "cross", "plus", "diamond", "heart", "disc"}
    others |= {"darker", "brighter", "blurry", "blurred", "noise", "noisy", "tint", "vignette"}
    for family in FAMILIES:
        # "scratches cross the images" is a verb, no shape
        words = {w for c in family.contents() for s in family.wordings(c) for w in s.replace(",", "").split()}
        assert not (words - {"cross"}) & others, family.name


def test_names_are_unique_and_groups_right() -> None:
    assert len(BY_NAME) == len(FAMILIES)
    assert {family.group for family in GEOMETRY} == {"geometry"}
    assert {family.group for family in OVERLAYS} == {"overlays"}


def test_contents_are_unique() -> None:
    contents = Counter(c for family in FAMILIES for c in family.contents())
    assert max(contents.values()) == 1


COLOURLESS = (
    "bars",
    "scratches",
    "hair",
    "dust",
    "snow",
    "rain",
    "shadow",
    "glare",
    "checkerboard",
    "barcode",
    "folds",
)


@pytest.mark.parametrize("name", [*(family.name for family in GEOMETRY), *COLOURLESS, "watermark", "censor_bar"])
def test_grey_pictures_stay_grey(name: str) -> None:
    family = BY_NAME[name]
    grey = np.repeat(PICTURES["cat"][..., :1], 3, axis=2)
    for params in drawings(family):
        after = family.paint(grey, params, 0.6, np.random.default_rng(3))
        assert np.ptp(after.astype(int), axis=2).max() == 0


# The middle of a 129 px picture is (64, 64); y grows downwards.


@pytest.mark.parametrize(("direction", "sign"), [("clockwise", 1), ("counterclockwise", -1)])
@pytest.mark.parametrize(("name", "x", "y"), [("rotation", 64, 24), ("swirl", 64, 44)])
def test_turning_clockwise_takes_the_top_to_the_right(name: str, x: int, y: int, direction: str, sign: int) -> None:
    after_x, _ = spot_after(name, x, y, direction=direction)
    assert sign * (after_x - 64) > 4


@pytest.mark.parametrize(
    ("direction", "way"), [("left", (-1, 0)), ("right", (1, 0)), ("up", (0, -1)), ("down", (0, 1))]
)
def test_shift_goes_where_it_says(direction: str, way: tuple[int, int]) -> None:
    x, y = spot_after("shift", 64, 64, direction=direction)
    step = 0.4 * 0.32 * 129  # amount x full share x pixels, give or take 15 %
    assert (x - 64) * way[0] + (y - 64) * way[1] == pytest.approx(step, rel=0.16)


@pytest.mark.parametrize(("direction", "sign"), [("left", -1), ("right", 1)])
def test_shear_pushes_the_top(direction: str, sign: int) -> None:
    assert sign * (spot_after("shear", 64, 24, direction=direction)[0] - 64) > 5
    assert sign * (spot_after("shear", 64, 104, direction=direction)[0] - 64) < -5


def test_stretch_and_zoom_move_points_along_their_axes() -> None:
    x, y = spot_after("stretch", 84, 84, direction="horizontal")
    assert x > 88 and y == pytest.approx(84, abs=0.5)
    x, y = spot_after("stretch", 84, 84, direction="vertical")
    assert x == pytest.approx(84, abs=0.5) and y > 88
    spot, rng = bright_spot(64, 64), np.random.default_rng(0)
    size = {}
    for way in ("in", "out"):
        family = BY_NAME[f"zoom_{way}"]
        size[way] = (family.paint(spot, family.draw(rng), 0.5, rng) > 127).sum()
    assert size["out"] < (spot > 127).sum() < size["in"]


@pytest.mark.parametrize(
    ("far", "x", "y"), [("top", 24, 14), ("bottom", 24, 114), ("left", 14, 24), ("right", 114, 24)]
)
def test_the_far_edge_narrows(far: str, x: int, y: int) -> None:
    after = spot_after("perspective", x, y, far=far)
    across = 0 if far in ("top", "bottom") else 1
    assert after[across] > 24 + 2


def test_lenses_bend_opposite_ways() -> None:
    def spread(name: str, kind: str) -> float:
        near, far = (spot_after(name, x, 64, kind=kind)[0] - 64 for x in (74, 114))
        return (far / near) / (50 / 10)

    assert spread("barrel", "barrel") < 0.98
    assert spread("pincushion", "pincushion") > 1.02


def test_upside_down_and_mirrors() -> None:
    rng = np.random.default_rng(0)
    picture = PICTURES["cat"]
    flip, mirror = BY_NAME["upside_down"], BY_NAME["mirrored_part"]
    assert np.array_equal(flip.paint(picture, flip.draw(rng), 0.3, rng), picture[::-1])
    right = mirror.paint(picture, Drawn(content("mirroring", side="right"), 0), 1.0, rng)
    assert np.array_equal(right, right[:, ::-1])
    bottom = mirror.paint(picture[:106], Drawn(content("mirroring", side="bottom"), 0), 1.0, rng)
    assert np.array_equal(bottom, bottom[::-1])


def test_cut_up_pictures_keep_their_pixels() -> None:
    rng = np.random.default_rng(0)
    for name in ("tile_shuffle", "strips"):
        family = BY_NAME[name]
        for params in drawings(family):
            after = family.paint(PICTURES["astronaut"], params, 1.0, rng)
            assert np.array_equal(np.sort(after, axis=None), np.sort(PICTURES["astronaut"], axis=None))


PLACED = [(f.name, c.where) for f in OVERLAYS for c in f.contents() if c.where in PLACES]


@pytest.mark.parametrize(("name", "where"), PLACED)
def test_overlays_lie_where_they_say(name: str, where: str) -> None:
    x, y = middle_of_change(*painted(name, where=where))
    for share, low, high in ((x, "left", "right"), (y, "top", "bottom")):
        if low in where:
            assert share < 0.44
        elif high in where:
            assert share > 0.56
        else:
            assert 0.38 < share < 0.62


def test_random_places_differ_from_image_to_image() -> None:
    image = np.full((128, 128, 3), 128, np.uint8)
    for family in OVERLAYS:
        for params in drawings(family):
            if params.content.where == "random":
                rng = np.random.default_rng(0)
                spots = [middle_of_change(image, family.paint(image, params, 1.0, rng)) for _ in range(8)]
                assert np.ptp(np.array(spots), axis=0).max() > 0.2


@pytest.mark.parametrize("colour", FRAME_COLOURS)
def test_a_frame_has_its_colour_and_leaves_the_middle(colour: str) -> None:
    before, after = painted("frame", where="border", colour=colour)
    for pixel in (after[0, 64], after[127, 64], after[64, 0], after[64, 127], after[4, 4]):
        assert tuple(pixel) == FRAME_COLOURS[colour]
    assert np.array_equal(after[20:108, 20:108], before[20:108, 20:108])


def test_bars_cover_two_sides_only() -> None:
    _, level = painted("bars", where="border", sides="top and bottom")
    assert level[0].max() == level[-1].max() == 0 and (level[64] == 128).all()
    _, upright = painted("bars", where="border", sides="left and right")
    assert upright[:, 0].max() == upright[:, -1].max() == 0 and (upright[:, 64] == 128).all()


def test_effects_scale_with_the_size() -> None:
    for family in OVERLAYS:
        params = drawings(family)[0]
        shares = []
        for side in (96, 512):
            even = np.full((side, side, 3), 128, np.uint8)
            changes = [changed(even, family.paint(even, params, 0.8, np.random.default_rng(n))) for n in range(6)]
            shares.append(np.mean(changes))
        assert 0.45 < shares[0] / shares[1] < 2.2, family.name


def test_measures_by_hand() -> None:
    before = np.array([[[10, 10, 10], [20, 20, 20]]], np.uint8)
    after = np.array([[[16, 10, 10], [20, 8, 20]]], np.uint8)
    assert changed(before, after) == pytest.approx((6 + 12) / 6)
    assert lightened(before, after) == pytest.approx(6 / 6)
    assert darkened(before, after) == pytest.approx(12 / 6)


def test_a_worded_family_draws_evenly_and_clips_the_amount() -> None:
    said = {content("thing", kind=kind): (f"the images have {kind}",) for kind in "abc"}
    family = WordedFamily("thing", "overlays", lambda image, drawn, amount, rng: image + np.uint8(10 * amount), said)
    rng = np.random.default_rng(0)
    counts = Counter(family.draw(rng).content for _ in range(900))
    assert min(counts.values()) > 250
    black = np.zeros((2, 2, 3), np.uint8)
    assert family.paint(black, family.draw(rng), 3.0, rng).max() == 10
