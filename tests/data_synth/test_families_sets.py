"""Set-level families: the set as a whole shows what is said, and no image needs to."""

from __future__ import annotations

import pickle
import re
from collections import Counter

import numpy as np
import pytest

from data_synth import procedural
from data_synth.catalog import EVERY, FAMILIES, SET_FAMILIES
from data_synth.families.plain import Drawn
from data_synth.family import PaintedSets, Pixels, SetFamily

each_set_family = pytest.mark.parametrize("family", SET_FAMILIES.values(), ids=SET_FAMILIES)


def draw(count: int, kind: str = "landscape", seed: int = 0) -> list[Pixels]:
    rng = np.random.default_rng(seed)
    return [procedural.draw(kind, rng, 64) for _ in range(count)]


HOLDER, OTHER = draw(24), draw(24, seed=1)


def painted(family: SetFamily, params: object, amount: float) -> PaintedSets:
    return family.paint(HOLDER, OTHER, params, amount, np.random.default_rng(3))


def drawings(family: SetFamily) -> list[object]:
    """Parameters for every content."""
    rng, found = np.random.default_rng(8), dict[object, object]()
    while len(found) < len(list(family.contents())):
        params = family.draw(rng)
        found.setdefault(family.content(params), params)
    return list(found.values())


def test_names_are_of_no_other_family_and_the_group_is_sets() -> None:
    assert len(SET_FAMILIES) >= 8
    for name, family in SET_FAMILIES.items():
        assert family.name == name and name not in FAMILIES
        assert family.group == "sets"


def test_no_wording_or_content_belongs_to_two() -> None:
    families = list(EVERY.values())
    contents = Counter(c for family in families for c in family.contents())
    said = Counter(w for family in families for c in family.contents() for w in family.wordings(c))
    assert max(contents.values()) == max(said.values()) == 1


@each_set_family
def test_wordings_are_twelve_plain_claims(family: SetFamily) -> None:
    for content in family.contents():
        wordings = family.wordings(content)
        assert len(wordings) >= 12
        assert wordings[0].startswith("the images ")
        assert all(re.fullmatch(r"[a-z][a-z0-9 ,:\-]+[a-z]", text) for text in wordings)


@each_set_family
def test_amount_zero_changes_nothing(family: SetFamily) -> None:
    after = painted(family, drawings(family)[0], 0)
    assert all(np.array_equal(x, y) for x, y in zip(after.holder, HOLDER, strict=True))
    assert all(np.array_equal(x, y) for x, y in zip(after.other, OTHER, strict=True))
    assert after.rows.tolist() == list(range(24))


@each_set_family
def test_painting_repeats_travels_and_leaves_the_input(family: SetFamily) -> None:
    before = [image.copy() for image in (*HOLDER, *OTHER)]
    params = drawings(family)[0]
    first, again = painted(family, params, 0.7), painted(pickle.loads(pickle.dumps(family)), params, 0.7)
    for one, two in ((first.holder, again.holder), (first.other, again.other)):
        assert all(np.array_equal(x, y) for x, y in zip(one, two, strict=True))
    assert all(np.array_equal(x, y) for x, y in zip(before, (*HOLDER, *OTHER), strict=True))
    assert {(image.shape, image.dtype) for image in (*first.holder, *first.other)} == {
        ((64, 64, 3), np.dtype(np.uint8))
    }


@each_set_family
def test_what_is_said_grows_in_the_sets(family: SetFamily) -> None:
    for params in drawings(family):
        found = []
        for amount in (0.0, 0.3, 1.0):
            after = painted(family, params, amount)
            found.append(family.measure(after.holder, after.other, params))
        assert found[0] < found[2], params
        assert found[1] <= found[2] + 1e-9, params


@pytest.mark.parametrize("count", [8, 9, 40])
def test_copies_are_exact_and_say_of_which_image(count: int) -> None:
    family, images = SET_FAMILIES["repeated_images"], draw(count)
    params = family.draw(np.random.default_rng(0))
    after = family.paint(images, images, params, 0.6, np.random.default_rng(1))
    assert all(np.array_equal(image, images[row]) for image, row in zip(after.holder, after.rows, strict=True))
    assert 0.35 < 1 - len(set(after.rows.tolist())) / count < 0.5
    assert all(after.rows[row] == row for row in set(after.rows.tolist())), "a source stays where it was"


def test_shares_by_hand() -> None:
    """At amount 1 the holder has 95 % black and white images, 22.8 of 24, and the other set 5 %, 1.2."""
    family = SET_FAMILIES["mixture"]
    params = next(p for p in drawings(family) if family.content(p).value[1:] == (("kind", "black and white"),))
    after = painted(family, params, 1.0)
    up = family.content(params).get("direction") == "more"
    for images, before, share in (
        (after.holder, HOLDER, 0.95 if up else 0.05),
        (after.other, OTHER, 0.05 if up else 0.95),
    ):
        left = [np.ptp(x, axis=2).mean() / np.ptp(y, axis=2).mean() for x, y in zip(images, before, strict=True)]
        assert sum(1 - part for part in left) == pytest.approx(share * 24, abs=0.05)
        assert sum(0.01 < part < 0.99 for part in left) == 1


@pytest.mark.parametrize("kind", ["black and white", "dark", "framed in black", "blurred"])
def test_in_a_small_set_too_the_share_grows_evenly(kind: str) -> None:
    family, images = SET_FAMILIES["mixture"], draw(8)
    content = next(c for c in family.contents() if c.get("kind") == kind)
    params = Drawn(content, 0.5)
    steps = [
        [family.paint(images, images, params, amount, np.random.default_rng(1)) for amount in (middle, middle + 0.01)]
        for middle in np.linspace(0.05, 0.95, 19)
    ]
    moved = [np.abs(np.stack(one.holder).astype(float) - np.stack(two.holder)).mean() for one, two in steps]
    assert min(moved) > 0 and max(moved) < 3 * np.mean(moved)


def test_what_goes_together_keeps_its_share_in_both_sets() -> None:
    """Each property is on half of the images of either set: only the company differs."""
    family = SET_FAMILIES["pairing"]
    params = drawings(family)[0]
    after = painted(family, params, 1.0)
    touched = [
        sum(not np.array_equal(x, y) for x, y in zip(images, before, strict=True))
        for images, before in ((after.holder, HOLDER), (after.other, OTHER))
    ]
    assert touched == [12, 24]
