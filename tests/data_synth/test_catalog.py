"""The contract of every family: what is said is painted, repeatably, and nothing else is touched."""

from __future__ import annotations

import pickle
import re
from collections import Counter
from functools import cache
from itertools import product
from typing import Any

import cv2
import numpy as np
import pytest

from data_synth import procedural
from data_synth.catalog import (
    EVERY,
    FAMILIES,
    HELD_OUT_DOMAINS,
    HELD_OUT_FAMILIES,
    SET_FAMILIES,
    TRAINED,
    TRAINED_SETS,
    held_out_combination,
)
from data_synth.facts import PLACES
from data_synth.family import Family, Pixels
from data_synth.sources import DRAWN

Pictures = dict[str, Pixels]

HAS_COLOUR = {
    *("colour_temperature", "tint", "colour_gradient", "sepia", "colour_noise", "chromatic_aberration"),
    *("shape", "scattered_shapes", "few_shapes", "outlined_shape", "translucent_shape"),
    *("text", "timestamp", "frame", "stripes", "ruler", "arrow", "crosshair", "lens_flare", "logo", "colour_chart"),
    *("numbers", "handwriting", "border_burn", "spatter", "coffee_stain", "stamp", "sticky_note", "tape", "finger"),
    *("colour_cast_shadows", "dead_pixels", "ink_marks", "stain_shift"),
    *("cells", "spindle_cells", "dark_nuclei", "glowing_spots", "bleed_through"),
}
"""Families whose effect has a colour of its own, so that a grey image does not stay grey."""
NO_DEGREES = {"upside_down", "rotated_quarter", "mirrored"}

each_family = pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)


@cache
def drawings(name: str) -> tuple[Any, ...]:
    """Parameters for every content of the family, or for twelve where it has hundreds."""
    family, rng = FAMILIES[name], np.random.default_rng(8)
    wanted = min(12, len(set(family.contents())))
    found: dict[Any, Any] = {}
    while len(found) < wanted:
        params = family.draw(rng)
        found.setdefault(family.content(params), params)
    return tuple(found.values())


def painted(family: Family, image: Pixels, params: Any, amount: float) -> Pixels:
    return family.paint(image, params, amount, np.random.default_rng(3))


def test_names_and_groups() -> None:
    assert len(FAMILIES) + len(SET_FAMILIES) >= 80
    for name, family in FAMILIES.items():
        assert family.name == name
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", name)
    groups = {"colour", "quality", "geometry", "inserts", "overlays", "texture", "clinical", "microscopy"}
    assert {family.group for family in FAMILIES.values()} == groups
    assert {family.group for family in SET_FAMILIES.values()} == {"sets"}


def test_hold_outs_are_of_every_group_and_leave_kin() -> None:
    assert len(HELD_OUT_FAMILIES) >= 14
    assert set(EVERY) >= HELD_OUT_FAMILIES
    assert {EVERY[name].group for name in HELD_OUT_FAMILIES} == {family.group for family in EVERY.values()}
    assert set(TRAINED) | set(TRAINED_SETS) | HELD_OUT_FAMILIES == set(EVERY)
    assert HELD_OUT_DOMAINS & set(DRAWN) and HELD_OUT_DOMAINS - set(DRAWN)


def test_a_fifth_of_the_combinations_is_held_out_and_no_value_with_it() -> None:
    shapes = set(FAMILIES["shape"].contents())
    held_out = {content for content in shapes if held_out_combination(content)}
    assert len(held_out) == 0.2 * len(shapes)
    for attribute in ("colour", "size", "count"):
        assert {c.get(attribute) for c in shapes - held_out} == {c.get(attribute) for c in shapes}
    assert {c.what for c in shapes - held_out} == {c.what for c in shapes}
    assert not any(held_out_combination(c) for c in FAMILIES["lesion_spot"].contents())


def test_every_content_belongs_to_one_family_and_no_two_share_a_wording() -> None:
    contents = Counter(shown for family in FAMILIES.values() for shown in family.contents())
    said = Counter(w for f in FAMILIES.values() for shown in f.contents() for w in f.wordings(shown))
    assert {shown for shown, times in contents.items() if times > 1} == set()
    assert {text for text, times in said.items() if times > 1} == set()


@each_family
def test_wordings_are_plain_claims_about_the_images(family: Family) -> None:
    for shown in family.contents():
        wordings = family.wordings(shown)
        assert len(set(wordings)) >= 12
        assert re.match("the |they |images ", wordings[0])
        for text in wordings:
            assert re.fullmatch(r"[a-z][a-z0-9 ,:\-]+[a-z]", text), text
            assert "  " not in text
            assert re.search(r"\b(set|group|side a|side b)\b", text) is None
            assert (shown.get("colour") or "") in text


@each_family
def test_places_are_ones_that_facts_know(family: Family) -> None:
    assert {shown.where for shown in family.contents()} <= {*PLACES, "everywhere", "border", "random"}


@each_family
def test_what_is_drawn_is_listed(family: Family) -> None:
    rng = np.random.default_rng(11)
    listed = set(family.contents())
    drawn = {family.content(family.draw(rng)) for _ in range(min(60 * len(listed), 2000))}
    assert drawn <= listed
    assert len(drawn) == len(listed) or len(drawn) > 90


@each_family
def test_families_travel_to_other_processes(family: Family) -> None:
    copy = pickle.loads(pickle.dumps(family))
    assert copy.draw(np.random.default_rng(1)) == family.draw(np.random.default_rng(1))


@each_family
def test_amount_zero_changes_nothing(family: Family, pictures: Pictures) -> None:
    for image, params in product(pictures.values(), drawings(family.name)):
        after = painted(family, image, params, 0)
        assert np.array_equal(after, image)
        assert after is not image
        assert family.measure(image, after, params) == pytest.approx(0, abs=1e-9)


@each_family
def test_painting_repeats_and_leaves_the_input(family: Family, pictures: Pictures) -> None:
    image = pictures["coffee"]
    before = image.copy()
    for params in drawings(family.name):
        first, again = (painted(family, image, params, 0.6) for _ in range(2))
        assert np.array_equal(first, again)
        assert np.array_equal(image, before)


@each_family
@pytest.mark.parametrize(("height", "width"), [(32, 32), (45, 33), (97, 160), (512, 384)])
def test_any_size_keeps_shape_and_type_and_shows(family: Family, height: int, width: int, pictures: Pictures) -> None:
    image = np.ascontiguousarray(np.tile(pictures["clouds"], (4, 3, 1))[:height, :width])
    for params in drawings(family.name)[:4]:
        for amount in (0.02, 1.0):
            after = painted(family, image, params, amount)
            assert after.shape == image.shape
            assert after.dtype == np.uint8
            assert not np.shares_memory(after, image)
        assert family.measure(image, after, params) > 0


@each_family
def test_a_megapixel_is_painted_too(family: Family, pictures: Pictures) -> None:
    image = np.asarray(cv2.resize(pictures["coffee"], (1024, 700), interpolation=cv2.INTER_CUBIC), np.uint8)
    params = drawings(family.name)[0]
    after = painted(family, image, params, 0.7)
    assert after.shape == image.shape and after.dtype == np.uint8
    assert family.measure(image, after, params) > 0


@each_family
def test_the_stated_fact_grows_in_the_pixels(family: Family, pictures: Pictures) -> None:
    cases = list(product(pictures.values(), drawings(family.name)))
    half = [family.measure(image, painted(family, image, params, 0.5), params) for image, params in cases]
    assert min(half) > 0
    if family.name not in NO_DEGREES:
        weak, full = (
            np.mean([family.measure(image, painted(family, image, params, amount), params) for image, params in cases])
            for amount in (0.1, 1.0)
        )
        assert 0 < weak < np.mean(half) < full


@each_family
def test_a_grey_image_stays_grey_where_the_effect_has_no_colour(family: Family, pictures: Pictures) -> None:
    grey = np.repeat(pictures["cat"][..., :1], 3, axis=2)
    spreads = [np.ptp(painted(family, grey, params, 0.8).astype(int), axis=2).max() for params in drawings(family.name)]
    assert (max(spreads) > 1) == (family.name in HAS_COLOUR)


@pytest.mark.parametrize("kind", procedural.FIELDS)
def test_most_families_show_on_every_drawn_field(kind: str) -> None:
    image = procedural.draw(kind, np.random.default_rng(2), 96)
    shown = [
        np.abs(painted(family, image, drawings(name)[0], 1).astype(int) - image).mean() > 1
        for name, family in FAMILIES.items()
    ]
    assert np.mean(shown) > 0.8
