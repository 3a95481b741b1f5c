"""Suites: what they draw from, and hashes that change with everything their pairs depend on."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from data_synth import calibrate
from data_synth.catalog import FAMILIES, HELD_OUT_DOMAINS, TRAINED
from data_synth.compose import compose
from data_synth.sources import DRAWN, Bank, BaseImage, Split
from eval import suites
from eval.suites import SUITES, Suite, digest, recipe, resolved
from vlmdiff.errors import UsageError


def bank(*sizes: tuple[str, Split, int]) -> Bank:
    items = [
        BaseImage(f"{domain}/{split}{number}.png", domain, "", split, f"{domain} {split} {number}")
        for domain, split, count in sizes
        for number in range(count)
    ]
    return Bank(np.zeros((len(items), 8, 8, 3), np.uint8), tuple(items))


BANK = bank(("pets", "test", 64), ("pets", "train", 10), ("skies", "test", 63))


def test_core_is_uniform_over_families_and_the_domains_that_can_fill_a_pair() -> None:
    core = resolved(SUITES["core"], BANK)
    assert core.config.families == tuple(TRAINED)
    drawn = tuple(name for name in DRAWN if name not in HELD_OUT_DOMAINS)
    assert 0 < len(drawn) < len(DRAWN)
    assert core.config.domains == ("pets", *drawn)
    assert resolved(SUITES["core"], Bank.drawn_only()).config.domains == drawn
    assert resolved(core_with(held_out=True), BANK).config.domains == ("pets", *DRAWN)


def test_a_suite_asks_of_a_system_only_what_it_was_taught() -> None:
    core = SUITES["core"]
    assert resolved(core, BANK, ("rain", "brightness", "unheard_of")).config.families == ("brightness", "rain")
    asked = core_with(held_out=True)
    assert resolved(asked, BANK, ("rain",)).config.families == asked.config.families
    with pytest.raises(UsageError, match="trained on none"):
        resolved(core, BANK, ("unheard_of",))


def test_a_suite_that_names_its_domains_keeps_them() -> None:
    named = core_with(domains=("drawn/xray",))
    assert resolved(named, BANK) == named


def test_nulls_are_core_without_the_difference() -> None:
    core, nulls = SUITES["core"], SUITES["nulls"]
    assert nulls.config == replace(core.config, facts=(1.0,)) and nulls.seed != core.seed
    assert nulls.config.nuisances[0] < 1
    assert min(core.pairs, nulls.pairs) >= 400


def test_pairs_of_a_suite_hold_what_it_says() -> None:
    small = {"set_size": (2, 2), "sides": (32,)}
    for index in range(8):
        core = resolved(SUITES["core"], Bank.drawn_only())
        pair = compose(replace(core.config, **small), Bank.drawn_only(), core.seed, index)  # type: ignore[arg-type]
        assert len(pair.difference) == 1 and pair.difference[0].strength >= 0.5
        nulls = resolved(SUITES["nulls"], Bank.drawn_only())
        pair = compose(replace(nulls.config, **small), Bank.drawn_only(), nulls.seed, index)  # type: ignore[arg-type]
        assert pair.difference == ()


def sha(suite: Suite = SUITES["core"], base_images: Bank = BANK) -> str:
    return digest(recipe(resolved(suite, base_images), base_images))


def test_the_same_recipe_has_the_same_hash() -> None:
    assert sha() == sha(
        replace(SUITES["core"]), bank(("pets", "test", 64), ("pets", "train", 10), ("skies", "test", 63))
    )
    # Images of other splits are not in any pair.
    assert sha() == sha(base_images=bank(("pets", "test", 64), ("pets", "train", 11), ("skies", "test", 63)))


def core_with(**changes: object) -> Suite:
    return replace(SUITES["core"], config=replace(SUITES["core"].config, **changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changed",
    [
        lambda: sha(replace(SUITES["core"], seed=5)),
        lambda: sha(replace(SUITES["core"], pairs=5)),
        lambda: sha(SUITES["nulls"]),
        lambda: sha(core_with(strength=(0.4, 1.0))),
        lambda: sha(core_with(nuisances=(0.5, 0.5))),
        lambda: sha(base_images=bank(("pets", "test", 65))),
        lambda: sha(base_images=bank(("cats", "test", 64))),
    ],
)
def test_the_hash_changes_with_the_recipe(changed: Callable[[], str]) -> None:
    assert changed() != sha()


def test_the_hash_changes_with_the_catalog(monkeypatch: pytest.MonkeyPatch) -> None:
    before = sha()
    monkeypatch.setattr(suites, "FAMILIES", {name: FAMILIES[name] for name in FAMILIES if name != "jpeg"})
    assert sha() != before


def test_the_hash_changes_with_the_calibration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    curves = tmp_path / "calibration.json"
    monkeypatch.setattr(calibrate, "CURVES", curves)
    hashes = {sha()}
    for amount in (0.1, 0.2):
        curves.write_text(json.dumps({"amounts": {"jpeg": [0.0, amount]}}))
        hashes.add(sha())
    assert len(hashes) == 3


def test_digest_does_not_depend_on_the_order_of_keys() -> None:
    assert digest({"a": 1, "b": [2]}) == digest({"b": [2], "a": 1}) != digest({"a": 1, "b": [3]})
