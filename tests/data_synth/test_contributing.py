"""The worked example of CONTRIBUTING.md is a family like any other."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data_synth.catalog import EVERY, FAMILIES
from data_synth.family import Family, Pixels
from tests.data_synth import test_catalog as contract

GUIDE = Path(__file__).resolve().parents[2] / "CONTRIBUTING.md"


@pytest.fixture(scope="module")
def family() -> Family:
    (code,) = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)
    found: Family = names["PUNCH_HOLES"]
    return found


def test_the_example_keeps_the_contract(
    family: Family, pictures: dict[str, Pixels], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(FAMILIES, family.name, family)
    contract.test_wordings_are_plain_claims_about_the_images(family)
    contract.test_places_are_ones_that_facts_know(family)
    contract.test_what_is_drawn_is_listed(family)
    contract.test_amount_zero_changes_nothing(family, pictures)
    contract.test_painting_repeats_and_leaves_the_input(family, pictures)
    contract.test_any_size_keeps_shape_and_type_and_shows(family, 45, 33, pictures)
    contract.test_the_stated_fact_grows_in_the_pixels(family, pictures)
    contract.test_a_grey_image_stays_grey_where_the_effect_has_no_colour(family, pictures)
    monkeypatch.undo()
    contract.drawings.cache_clear()


def test_the_example_says_nothing_that_the_catalog_says(family: Family) -> None:
    said = {text for other in EVERY.values() for c in other.contents() for text in other.wordings(c)}
    own = [text for c in family.contents() for text in family.wordings(c)]
    assert len(set(own)) == len(own) == 24
    assert not said & set(own)
    image = np.full((64, 64, 3), 200, np.uint8)
    left = next(p for p in (family.draw(np.random.default_rng(i)) for i in range(20)) if p.content.where == "left")
    after = family.paint(image, left, 1.0, np.random.default_rng(0))
    assert (after[:, :32] == 0).any() and (after[:, 32:] == 200).all()
