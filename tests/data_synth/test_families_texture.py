"""That the words of each texture fact hold in the pixels."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from data_synth.facts import Content
from data_synth.families.plain import Drawn, luma
from data_synth.families.texture import TEXTURE
from data_synth.families.texture.fields import clouds, facets, lit
from data_synth.family import Family, Pixels

BY_NAME: dict[str, Family] = {family.name: family for family in TEXTURE}
Pictures = dict[str, Pixels]


def content_with(name: str, **value: str) -> Content:
    (found,) = (c for c in BY_NAME[name].contents() if set(value.items()) <= set(c.value))
    return found


def painted(name: str, image: Pixels, amount: float = 1.0, style: float = 0.2, **value: str) -> Pixels:
    drawn = Drawn(content_with(name, **value), style)
    return BY_NAME[name].paint(image, drawn, amount, np.random.default_rng(5))


def even(grey: int = 128, side: int = 128) -> Pixels:
    return np.full((side, side, 3), grey, np.uint8)


def rough_step(side: int = 128) -> Pixels:
    """Dark left half, bright right half, both with fine noise."""
    image = np.full((side, side), 70.0)
    image[:, side // 2 :] = 180
    image += np.random.default_rng(1).normal(0, 8, image.shape)
    return np.repeat(np.clip(image, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


def unrest(image: Pixels) -> float:
    return float(np.abs(np.diff(luma(image), axis=0)).mean())


def test_every_content_has_a_dozen_wordings() -> None:
    assert min(len(family.wordings(c)) for family in TEXTURE for c in family.contents()) >= 12


def test_less_fine_texture_keeps_the_outline_and_more_adds_lines() -> None:
    image = rough_step()
    less, more = (painted("fine_texture", image, direction=way) for way in ("less", "more"))
    assert unrest(less) < 0.3 * unrest(image) < unrest(image) < unrest(more)
    step = luma(less)[:, 64].mean() - luma(less)[:, 63].mean()
    assert step > 90  # of 110


def test_local_smoothing_leaves_other_parts_as_they_are() -> None:
    image = rough_step()
    touched = (painted("local_smoothing", image, 0.5) != image).any(axis=2)
    assert 0.15 < touched.mean() < 0.7


def test_swapped_patches_keep_their_pixels_and_stay_near(pictures: Pictures) -> None:
    image = pictures["astronaut"]
    after = painted("patch_shuffle", image)
    assert np.array_equal(np.sort(after, axis=None), np.sort(image, axis=None))
    assert not np.array_equal(after, image)
    ramp = np.repeat(np.tile(np.arange(128, dtype=np.uint8), (128, 1))[..., None], 3, axis=2)
    assert np.abs(painted("patch_shuffle", ramp, style=0.9).astype(int) - ramp).max() == 8  # one patch of 128 / 16


def test_crystals_are_flat(pictures: Pictures) -> None:
    edges = np.abs(np.diff(painted("crystallised", pictures["cat"]).astype(int), axis=1)).max(axis=2)
    assert (edges == 0).mean() > 0.7


def test_small_blotches_are_smaller_than_large_ones() -> None:
    def turns(size: str) -> int:
        row = luma(painted("mottling", even(), size=size)) > 128
        return int((row[:, 1:] != row[:, :-1]).sum())

    assert turns("small") > 2 * turns("large")


@pytest.mark.parametrize("kind", ["branching", "network"])
def test_cracks_are_thin_and_dark(kind: str) -> None:
    dark = luma(painted("cracks", even(side=192), kind=kind)) < 90
    assert 0.01 < dark.mean() < 0.2
    core = cv2.erode(dark.astype(np.uint8), np.ones((5, 5), np.uint8))
    assert core.sum() < 0.05 * dark.sum()


def test_a_network_of_cracks_closes_plates_and_forks_do_not() -> None:
    def plates(kind: str) -> int:
        free = (luma(painted("cracks", even(side=192), kind=kind)) > 110).astype(np.uint8)
        _, _, stats, _ = cv2.connectedComponentsWithStats(free, connectivity=4)
        return int((stats[1:, cv2.CC_STAT_AREA] > 60).sum())

    assert plates("network") > 25
    assert plates("branching") < 12


def test_one_crack_after_the_other_deepens() -> None:
    image = even(side=192)
    dark = [128 - luma(painted("cracks", image, amount, kind="branching")) for amount in (0.24, 0.26, 0.49, 0.51, 1.0)]
    for less, more in ((dark[0], dark[1]), (dark[2], dark[3])):
        assert np.abs(more - less).max() < 0.12 * 128
    first = dark[0] > 30
    assert first.any() and (dark[4] > 100).sum() > 2 * first.sum()


def test_cracks_show_on_black() -> None:
    assert luma(painted("cracks", even(0), kind="network")).max() > 30


@pytest.mark.parametrize("kind", ["polka-dot", "wave", "zigzag", "honeycomb"])
def test_patterns_repeat_and_leave_the_mean_brightness(kind: str) -> None:
    field = luma(painted("periodic_pattern", even(side=180), style=0.0, kind=kind)) - 128
    period = 30 if kind != "polka-dot" and kind != "honeycomb" else 60  # 6 repeats on 180 px, brick-laid ones in 2 rows
    assert abs(field.mean()) < 14
    assert np.corrcoef(field[:, :-period].ravel(), field[:, period:].ravel())[0, 1] > 0.95


@pytest.mark.parametrize("direction", ["horizontal", "vertical", "diagonal"])
def test_fibres_run_as_said(direction: str) -> None:
    field = luma(painted("fibrous", even(), direction=direction))
    steps = {
        "horizontal": np.abs(np.diff(field, axis=1)).mean(),
        "vertical": np.abs(np.diff(field, axis=0)).mean(),
        "diagonal": np.abs(field[1:, :-1] - field[:-1, 1:]).mean(),  # rising: the style is below one half
    }
    assert min(steps, key=lambda way: steps[way]) == direction


def test_light_falls_on_the_flank_that_faces_it() -> None:
    y, x = np.mgrid[0:64, 0:64].astype(np.float32)
    dome = np.sqrt(np.clip(400 - (x - 32) ** 2 - (y - 32) ** 2, 0, None)).astype(np.float32)
    shade = lit(dome, 0.0)
    assert shade[32, 20] > 0.5
    assert shade[32, 44] < -0.5
    assert np.array_equal(lit(np.zeros((4, 4), np.float32), 0.0), np.zeros((4, 4)))


def test_the_weave_lies_over_everything(pictures: Pictures) -> None:
    blocks = np.abs(painted("woven", even(side=160)).astype(int) - 128).mean(axis=2).reshape(10, 16, 10, 16)
    assert blocks.mean(axis=(1, 3)).min() > 8


def test_facets_belong_to_their_nearest_seed() -> None:
    cut = facets((60, 90), 13.0, np.random.default_rng(2))
    y, x = np.mgrid[0:60, 0:90]
    every = np.hypot(x[..., None] - cut.seeds[:, 0], y[..., None] - cut.seeds[:, 1])
    two = np.sort(every, axis=2)[..., :2]
    assert (every.argmin(axis=2) == cut.owner).mean() > 0.99
    assert np.abs(two[..., 0] - cut.reach).mean() < 0.05
    assert cut.gap.min() >= 0


@pytest.mark.parametrize("size", [(32, 32), (45, 133), (300, 40)])
def test_clouds_fill_any_size(size: tuple[int, int]) -> None:
    field = clouds(size, 6, np.random.default_rng(0))
    assert field.shape == size
    assert 0.4 < field.std() < 1.3
