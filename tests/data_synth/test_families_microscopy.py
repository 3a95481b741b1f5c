"""That the words of each microscopy fact hold in the pixels."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from data_synth.families.microscopy import MICROSCOPY
from data_synth.families.microscopy.cells import COUNTS
from data_synth.families.microscopy.layer import apart, chained, clumped, disc, empty, evenly, lay
from data_synth.families.microscopy.optics import cuts
from data_synth.families.plain import Drawn, luma
from data_synth.family import Family, Pixels

BY_NAME: dict[str, Family] = {family.name: family for family in MICROSCOPY}


def painted(
    name: str,
    where: str | None = None,
    grey: int = 128,
    side: int = 160,
    seed: int = 5,
    style: float = 0.3,
    **value: str,
) -> Pixels:
    """An even picture, touched at full amount by the first content of this place and value."""
    family = BY_NAME[name]
    image = np.full((side, side, 3), grey, np.uint8)
    wanted = [c for c in family.contents() if set(value.items()) <= set(c.value) and where in (None, c.where)]
    return family.paint(image, Drawn(wanted[0], style), 1.0, np.random.default_rng(seed))


def pieces(mask: np.ndarray) -> np.ndarray:
    """Width, height and area of each connected piece that is more than a few pixels, shape (pieces, 3)."""
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    return np.asarray(stats[1:][stats[1:, cv2.CC_STAT_AREA] > 8][:, 2:5])


def touched(after: Pixels, grey: int = 128) -> np.ndarray:
    return np.asarray(np.abs(after.astype(int) - grey).max(axis=2) > 25)


def crowding(mask: np.ndarray) -> float:
    """Share of the 36 blocks of the picture that the mask reaches."""
    side = len(mask) // 6 * 6
    blocks = mask[:side, :side].reshape(6, side // 6, 6, side // 6)
    return float(blocks.any(axis=(1, 3)).mean())


def test_every_content_has_a_dozen_wordings() -> None:
    assert min(len(family.wordings(c)) for family in MICROSCOPY for c in family.contents()) >= 12


# A leak needs bright parts beside dark ones: an even picture has none.
@pytest.mark.parametrize("name", sorted(set(BY_NAME) - {"bleed_through"}))
@pytest.mark.parametrize("grey", [0, 255])
def test_everything_shows_on_black_and_on_white(name: str, grey: int) -> None:
    for content in BY_NAME[name].contents():
        image = np.full((96, 96, 3), grey, np.uint8)
        after = BY_NAME[name].paint(image, Drawn(content, 0.3), 1.0, np.random.default_rng(2))
        assert np.abs(after.astype(int) - grey).max() > 13, content


@pytest.mark.parametrize("seed", range(6))
def test_few_cells_are_three_to_five(seed: int) -> None:
    found = pieces(touched(painted("cells", count="few", colour="purple", seed=seed)))
    assert COUNTS["few"][0] <= len(found) <= COUNTS["few"][1]
    assert 0.7 < (found[:, 0] / found[:, 1]).min() < (found[:, 0] / found[:, 1]).max() < 1.4


def test_many_cells_are_many_more_and_large_ones_larger() -> None:
    few, many = (touched(painted("cells", count=count, colour="blue")) for count in ("few", "many"))
    assert many.sum() > 3 * few.sum()
    large = pieces(touched(painted("large_cells")))
    assert large[:, 2].max() > 3 * pieces(few)[:, 2].max()


@pytest.mark.parametrize(("colour", "highest"), [("purple", 2), ("pink", 0), ("blue", 2), ("green", 1), ("brown", 0)])
@pytest.mark.parametrize("name", ["cells", "spindle_cells"])
def test_stains_have_their_colour(name: str, colour: str, highest: int) -> None:
    after = painted(name, colour=colour)
    mean = after[touched(after)].mean(axis=0)
    assert int(mean.argmax()) == highest
    assert np.ptp(mean) > 25


def test_spindle_cells_and_rods_are_longer_than_wide() -> None:
    for name, slim in (("spindle_cells", 3.0), ("rods", 1.7)):
        mask = touched(painted(name, side=320, seed=1))
        contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        shapes = [cv2.minAreaRect(contour)[1] for contour in contours if cv2.contourArea(contour) > 40]
        assert np.median([max(shape) / min(shape) for shape in shapes]) > slim


def test_clusters_crowd_and_spread_particles_reach_everywhere() -> None:
    clustered, spread = (crowding(touched(painted(f"{name}_particles"))) for name in ("clustered", "spread"))
    assert clustered < 0.55
    assert spread > 0.75
    alone = pieces(touched(painted("spread_particles", tone="bright")))
    assert len(alone) > 20


@pytest.mark.parametrize("name", ["rods", "clustered_particles", "spread_particles", "chained_particles"])
def test_dark_particles_are_dark_and_bright_ones_bright(name: str) -> None:
    mean = {tone: luma(painted(name, tone=tone)).mean() for tone in ("dark", "bright")}
    assert mean["dark"] < 128 < mean["bright"]


@pytest.mark.parametrize("size", [(128, 128), (64, 250), (250, 64)])
def test_places_keep_their_promises(size: tuple[int, int]) -> None:
    image, rng = np.zeros((*size, 3), np.uint8), np.random.default_rng(4)
    for number in (2, 3, 5, 28):
        points = apart(image, number, rng)
        assert points.shape == (number, 2)
        assert (points >= 0).all() and (points <= size[::-1]).all()
    assert 20 <= len(evenly(image, 30, rng)) <= 33
    rows = chained(image, 3, 6, 5.0, rng).reshape(3, 6, 2)
    assert np.allclose(np.hypot(*np.diff(rows, axis=1).T), 5)
    heap = clumped(image, 1, 9, 6.0, rng)
    between = np.hypot(*(heap[:, None] - heap[None]).T) + 100 * np.eye(9)
    assert between.min() > 3.5 and between.min(axis=0).max() < 9


def test_a_see_through_disc_mixes_its_colour_in() -> None:
    image = np.full((64, 64, 3), 200, np.uint8)
    layer = empty(image)
    disc(layer, np.array([32.0, 32.0]), (16, 16), 0, (100, 0, 200), 0.5)
    after = lay(image, layer, 1.0)
    assert np.abs(after[32, 32].astype(int) - (150, 100, 200)).max() <= 2
    assert (after[0, 0] == 200).all()


@pytest.mark.parametrize("side", ["left", "right", "top", "bottom"])
def test_the_named_side_is_the_bright_one(side: str) -> None:
    grey = luma(painted("uneven_light", side))
    edges = {"left": grey[:, :20], "right": grey[:, -20:], "top": grey[:20], "bottom": grey[-20:]}
    means = {name: float(edge.mean()) for name, edge in edges.items()}
    assert max(means, key=lambda name: means[name]) == side
    assert means[side] > 128


@pytest.mark.parametrize(("colour", "channel"), [("red", 0), ("green", 1), ("blue", 2)])
def test_the_leak_lies_beside_the_bright_part(colour: str, channel: int) -> None:
    image = np.full((128, 128, 3), 60, np.uint8)
    cv2.circle(image, (64, 64), 12, (200, 200, 200), -1)
    family = BY_NAME["bleed_through"]
    (content,) = (c for c in family.contents() if c.get("colour") == colour)
    after = family.paint(image, Drawn(content, 0.0), 1.0, np.random.default_rng(0))  # style 0: to the right
    rise = np.maximum(after[..., channel].astype(float) - image[..., channel], 0)
    assert (rise * np.arange(128)).sum() / rise.sum() > 66
    others = np.delete(after, channel, axis=2).astype(int) - np.delete(image, channel, axis=2)
    assert others.max() <= 0


def test_large_bubbles_are_fewer_and_larger() -> None:
    small, large = (pieces(luma(painted("air_bubbles", size=size)) < 90) for size in ("small", "large"))
    assert len(large) <= 5 < 10 < len(small)
    assert np.median(large[:, 0]) > 2 * np.median(small[:, 0])


def test_defocused_spots_are_soft_and_dark() -> None:
    grey = luma(painted("defocused_spots"))
    assert grey.min() < 70
    assert np.abs(np.diff(grey, axis=1)).max() < 20


def test_the_steps_lie_on_the_seams() -> None:
    after = luma(painted("stitching", style=0.3))
    steps = np.abs(np.diff(after, axis=0)).mean(axis=1)
    seams = [cut - 1 for cut in cuts(160, 0.3)[1:3]]
    assert sorted(np.argsort(steps)[-2:].tolist()) == seams


def test_the_ruling_has_triple_lines() -> None:
    darkest = luma(painted("counting_chamber", side=512)).min(axis=0)  # bright where a line runs all the way down
    lines = np.flatnonzero(np.diff((darkest > 150).astype(int)) == 1)
    near = np.diff(lines) < 0.03 * 512
    assert (near[1:] & near[:-1]).sum() >= 2
    assert (~near).sum() >= 4
