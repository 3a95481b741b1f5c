"""That the words of each geometry and overlay fact hold in the pixels."""

from __future__ import annotations

from collections import Counter

import cv2
import numpy as np
import pytest

from data_synth.facts import PLACES, content
from data_synth.families.geometry import GEOMETRY
from data_synth.families.overlays import FRAME_COLOURS, OVERLAYS
from data_synth.families.overlays.dirt import SPATTER_COLOURS
from data_synth.families.overlays.lettering import INKS
from data_synth.families.overlays.stuck import NOTE_COLOURS, STAMP_INKS
from data_synth.families.plain import Drawn, PlainFamily, changed, darkened, lightened
from data_synth.family import Family, Pixels

FAMILIES = (*GEOMETRY, *OVERLAYS)
BY_NAME = {family.name: family for family in FAMILIES}
Pictures = dict[str, Pixels]


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


def test_words_of_other_groups_are_not_used() -> None:
    others = {"rectangle", "circle", "triangle", "star", "ring", "cross", "plus", "diamond", "heart", "disc"}
    others |= {"darker", "brighter", "blurry", "blurred", "noise", "noisy", "tint", "vignette"}
    for family in FAMILIES:
        # "scratches cross the images" is a verb, no shape
        words = {w for c in family.contents() for s in family.wordings(c) for w in s.replace(",", "").split()}
        assert not (words - {"cross"}) & others, family.name


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


def test_upside_down_and_mirrors(pictures: Pictures) -> None:
    rng = np.random.default_rng(0)
    picture = pictures["cat"]
    flip, mirror = BY_NAME["upside_down"], BY_NAME["mirrored_part"]
    assert np.array_equal(flip.paint(picture, flip.draw(rng), 0.3, rng), picture[::-1])
    right = mirror.paint(picture, Drawn(content("mirroring", side="right"), 0), 1.0, rng)
    assert np.array_equal(right, right[:, ::-1])
    bottom = mirror.paint(picture[:106], Drawn(content("mirroring", side="bottom"), 0), 1.0, rng)
    assert np.array_equal(bottom, bottom[::-1])


@pytest.mark.parametrize("direction", ["clockwise", "counterclockwise"])
def test_a_quarter_turn_turns_by_90_degrees(direction: str, pictures: Pictures) -> None:
    family = BY_NAME["rotated_quarter"]
    params = Drawn(content("quarter turn", direction=direction))
    picture, rng = pictures["coffee"], np.random.default_rng(0)
    after = family.paint(picture, params, 0.3, rng)
    assert np.array_equal(after, np.rot90(picture, -1 if direction == "clockwise" else 1))
    long = family.paint(bright_spot(64, 54)[:, 32:97], params, 0.3, rng)  # 65 x 129, a spot above the middle
    x = np.nonzero(long[..., 0])[1].mean()
    assert long.shape == (129, 65, 3) and (x > 40 if direction == "clockwise" else x < 25)


def test_mirrored_is_the_mirror_image(pictures: Pictures) -> None:
    family, rng = BY_NAME["mirrored"], np.random.default_rng(0)
    params = family.draw(rng)
    after = family.paint(pictures["cat"], params, 0.3, rng)
    assert np.array_equal(after, pictures["cat"][:, ::-1])
    assert family.measure(pictures["cat"], after, params) > family.measure(pictures["cat"], after[::-1].copy(), params)


@pytest.mark.parametrize("part", [place for place in PLACES if place != "centre"])
def test_an_off_centre_crop_keeps_the_part_it_names(part: str) -> None:
    x, y = spot_after("off_centre_crop", 64, 64, part=part)
    for at, low, high in ((x, "left", "right"), (y, "top", "bottom")):
        away = (low in part) - (high in part)
        assert at - 64 == pytest.approx(0.18 / 0.82 * 64 * away, abs=3.5)


def test_centre_warps_move_the_middle_and_leave_the_rest() -> None:
    assert spot_after("magnified_centre", 76, 64, kind="magnified")[0] > 78
    assert spot_after("squeezed_centre", 76, 64, kind="squeezed")[0] < 74
    far, rng = bright_spot(122, 122), np.random.default_rng(0)
    for name in ("magnified_centre", "squeezed_centre"):
        assert np.array_equal(BY_NAME[name].paint(far, BY_NAME[name].draw(rng), 1.0, rng), far)


def test_elastic_warps_differ_from_image_to_image_and_tilted_tiles_keep_their_middles() -> None:
    elastic, tilted = BY_NAME["elastic"], BY_NAME["tilted_blocks"]
    params = elastic.draw(np.random.default_rng(0))
    one, other = (elastic.paint(bright_spot(40, 40), params, 1.0, np.random.default_rng(n)) for n in (1, 2))
    assert changed(one, other) > 0.1
    board = np.zeros((128, 128, 3), np.uint8)
    board[16::32, 16::32] = board[15::32, 16::32] = board[16::32, 15::32] = board[15::32, 15::32] = 255
    after = tilted.paint(board, tilted.draw(np.random.default_rng(0)), 1.0, np.random.default_rng(1))
    assert changed(board, after) < 0.3
    board[16] = 255  # a level line is broken where the tiles meet
    assert changed(board, tilted.paint(board, params, 1.0, np.random.default_rng(1))) > 1.5


def test_cut_up_pictures_keep_their_pixels(pictures: Pictures) -> None:
    rng = np.random.default_rng(0)
    for name in ("tile_shuffle", "strips"):
        family = BY_NAME[name]
        for params in drawings(family):
            after = family.paint(pictures["astronaut"], params, 1.0, rng)
            assert np.array_equal(np.sort(after, axis=None), np.sort(pictures["astronaut"], axis=None))


PLACED = [(f.name, c.where, dict(c.value)) for f in OVERLAYS for c in f.contents() if c.where in PLACES]


@pytest.mark.parametrize(("name", "where", "value"), PLACED)
def test_overlays_lie_where_they_say(name: str, where: str, value: dict[str, str]) -> None:
    x, y = middle_of_change(*painted(name, 1.0, where, **value))
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


INKED = {
    "handwriting": INKS,
    "spatter": SPATTER_COLOURS,
    "stamp": STAMP_INKS,
    "sticky_note": NOTE_COLOURS,
}


@pytest.mark.parametrize("name", INKED)
def test_coloured_overlays_have_the_colour_they_name(name: str) -> None:
    family, image = BY_NAME[name], np.full((128, 128, 3), 128, np.uint8)
    for params in drawings(family):
        after = family.paint(image, params, 1.0, np.random.default_rng(5))
        shift = (after.astype(float) - image).sum((0, 1))
        pulls = {colour: np.array(ink) - 128.0 for colour, ink in INKED[name].items()}
        likeness = {colour: shift @ pull / np.linalg.norm(pull) for colour, pull in pulls.items()}
        assert max(likeness, key=likeness.__getitem__) == params.content.get("colour")
        assert family.measure(image, after, params) > 0.5


def test_burnt_edges_are_dark_all_around_and_leave_the_middle() -> None:
    before, after = painted("border_burn", where="border")
    for edge in (after[0], after[-1], after[:, 0], after[:, -1]):
        assert np.median(edge) < 20
    assert np.array_equal(after[48:80, 48:80], before[48:80, 48:80])


def test_edges_are_singed_before_they_are_burnt() -> None:
    before, after = painted("border_burn", 0.002, where="border")
    assert np.abs(after.astype(int) - before).max() <= 4
    before, after = painted("border_burn", 0.1, where="border")
    assert 20 < np.median(after[0]) < np.median(before[0]) - 10


@pytest.mark.parametrize("where", ["top", "left", "right", "bottom"])
def test_a_finger_reaches_farther_in_with_the_amount(where: str) -> None:
    upright = where in ("top", "bottom")
    reach = []
    for amount in (0.2, 0.6, 1.0):
        before, after = painted("finger", amount, where)
        touched = (before != after).any(2).any(1 if upright else 0)
        assert touched[0 if where in ("top", "left") else -1] and not touched[-1 if where in ("top", "left") else 0]
        reach.append(int(touched.sum()))
    assert reach[0] + 10 < reach[1] < reach[2] - 10


def test_numbers_have_one_or_two_digits() -> None:
    family, image = BY_NAME["numbers"], np.full((128, 128, 3), 128, np.uint8)
    params = Drawn(content("number", "centre"), 0.99)  # white letters without a rim
    parts = set()
    for n in range(12):
        after = family.paint(image, params, 1.0, np.random.default_rng(n))
        parts.add(cv2.connectedComponents((after[..., 0] > 200).astype(np.uint8))[0] - 1)
    assert parts == {1, 2}


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


def test_a_plain_family_draws_evenly_and_clips_the_amount() -> None:
    said = {content("thing", kind=kind): (f"the images have {kind}",) for kind in "abc"}
    family = PlainFamily("thing", "overlays", said, lambda image, drawn, amount, rng: image + np.uint8(10 * amount))
    rng = np.random.default_rng(0)
    counts = Counter(family.draw(rng).content for _ in range(900))
    assert min(counts.values()) > 250
    black = np.zeros((2, 2, 3), np.uint8)
    assert family.paint(black, family.draw(rng), 3.0, rng).max() == 10
