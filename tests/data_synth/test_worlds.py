"""Worlds: drawn once a pair, applied without dice, and each field does what it says."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_synth import worlds
from data_synth.worlds import GREY, World


def picture(height: int = 160, width: int = 160) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8)


def test_same_rng_same_world() -> None:
    assert [worlds.draw(np.random.default_rng(s)) for s in range(50)] == [
        worlds.draw(np.random.default_rng(s)) for s in range(50)
    ]


def test_how_often_each_change_is_drawn() -> None:
    rng = np.random.default_rng(0)
    drawn = [worlds.draw(rng) for _ in range(4000)]
    assert np.mean([world == World() for world in drawn]) == pytest.approx(0.4, abs=0.03)
    changed = [world for world in drawn if world != World()]
    assert np.mean([world.inverted for world in changed]) == pytest.approx(0.1, abs=0.03)
    for field in ("resolution", "blur", "gains", "gamma", "contrast", "tones"):
        share = np.mean([getattr(world, field) != getattr(World(), field) for world in changed])
        assert 0.1 < share < 0.6, field
    assert all(0.6 <= world.gamma <= 1.7 for world in drawn)
    assert all(64 <= world.resolution <= 128 for world in drawn if world.resolution is not None)
    assert {len(world.tones) for world in drawn} == {0, 2, 3}


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), height=st.integers(32, 200), width=st.integers(32, 200))
def test_apply_keeps_shape_and_leaves_the_input(seed: int, height: int, width: int) -> None:
    world, image = worlds.draw(np.random.default_rng(seed)), picture(height, width)
    before = image.copy()
    looks = worlds.apply(world, image)
    assert looks.shape == image.shape and looks.dtype == np.uint8
    assert not np.shares_memory(looks, image)
    assert np.array_equal(image, before)
    assert np.array_equal(worlds.apply(world, image), looks)


def test_identity_changes_nothing() -> None:
    assert np.array_equal(worlds.apply(World(), picture()), picture())


def test_inversion() -> None:
    assert np.array_equal(worlds.apply(World(inverted=True), picture()), 255 - picture())


def test_grey_has_equal_channels_and_keeps_greys() -> None:
    grey = worlds.apply(World(tones=GREY), picture())
    assert np.array_equal(grey[..., 0], grey[..., 1]) and np.array_equal(grey[..., 0], grey[..., 2])
    assert np.array_equal(worlds.apply(World(tones=GREY), grey), grey)


def test_tones_run_from_first_to_last() -> None:
    image = np.zeros((32, 32, 3), np.uint8)
    image[:, 16:] = 255
    tones = ((10, 20, 30), (250, 240, 200))
    looks = worlds.apply(World(tones=tones), image)
    assert tuple(looks[0, 0]) == tones[0] and tuple(looks[0, -1]) == tones[1]


def test_point_changes_by_hand() -> None:
    grey = np.full((32, 32, 3), 51, np.uint8)  # 0.2 of full
    cases = {
        World(gamma=0.5): 114,  # sqrt(0.2) = 0.4472
        World(contrast=0.5): 89,  # 0.5 + (0.2 - 0.5) / 2 = 0.35
        World(gains=(2.0, 2.0, 2.0)): 102,
    }
    for world, expected in cases.items():
        assert np.unique(worlds.apply(world, grey)) == [expected], world


@pytest.mark.parametrize("world", [World(resolution=64), World(blur=0.005)])
def test_less_detail(world: World) -> None:
    assert worlds.apply(world, picture()).std() < 0.8 * picture().std()


def test_resolution_leaves_small_images() -> None:
    assert np.array_equal(worlds.apply(World(resolution=64), picture(64, 80)), picture(64, 80))


def test_worlds_are_values() -> None:
    assert len({World(), replace(World(), inverted=True), World(inverted=True)}) == 2
