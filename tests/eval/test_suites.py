"""Suites: what they draw from, what they refuse, and hashes that change with everything their cases depend on."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from data_synth import calibrate, lexicon
from data_synth.catalog import FAMILIES, HELD_OUT_DOMAINS, HELD_OUT_FAMILIES, TRAINED, held_out_combination
from data_synth.config import PairConfig
from data_synth.matching import match
from data_synth.sources import DRAWN, Bank, BaseImage, Split
from eval import suites
from eval.suites import PLANTED, SUITES, Condition, Planted, digest, open_suite
from vlmdiff.errors import UsageError
from vlmdiff.models.card import RunCard


def bank(*sizes: tuple[str, Split, int]) -> Bank:
    items = [
        BaseImage(f"{domain}/{split}{number}.png", domain, "", split, f"{domain} {split} {number}")
        for domain, split, count in sizes
        for number in range(count)
    ]
    return Bank(np.zeros((len(items), 8, 8, 3), np.uint8), tuple(items))


BANK = bank(("pets", "test", 64), ("pets", "train", 10), ("skies", "test", 63))
DRAWN_TRAINED = tuple(name for name in DRAWN if name not in HELD_OUT_DOMAINS)
CORE = PLANTED["core"]


def card(**changes: object) -> RunCard:
    known = RunCard(
        recipe={},
        commit="0",
        versions={},
        families=tuple(TRAINED),
        domains=("pets", *DRAWN_TRAINED),
        splits=("train",),
        held_out=False,
        least_strength=0.15,
        least_prevalence=0.6,
        photographs=("pets train ",),
    )
    return known.model_copy(update=changes)


def config(suite: Planted) -> PairConfig:
    (condition,) = suite.conditions
    return condition.config


def small(suite: Planted) -> Planted:
    """The same suite on tiny pictures and sets."""
    shrunk = [replace(c.config, set_size=(4, 4), sides=(32,), domains=DRAWN_TRAINED) for c in suite.conditions]
    return replace(
        suite, conditions=tuple(Condition(c.value, d) for c, d in zip(suite.conditions, shrunk, strict=True))
    )


def test_core_is_uniform_over_families_and_the_domains_that_can_fill_a_pair() -> None:
    core = config(CORE.resolved(BANK, None))
    assert core.families == tuple(TRAINED)
    assert 0 < len(DRAWN_TRAINED) < len(DRAWN)
    assert core.domains == ("pets", *DRAWN_TRAINED)
    assert config(CORE.resolved(Bank.drawn_only(), None)).domains == DRAWN_TRAINED


def test_a_suite_asks_of_a_model_only_what_it_was_taught() -> None:
    asked = config(CORE.resolved(BANK, card(families=("rain", "brightness", "unheard_of"))))
    assert asked.families == ("brightness", "rain")
    with pytest.raises(UsageError, match="trained on none"):
        CORE.resolved(BANK, card(families=("unheard_of",)))


def test_photographs_that_were_trained_on_are_refused() -> None:
    seen = tuple(f"pets test {number}" for number in range(64))
    with pytest.raises(UsageError, match="64 of 127 photographs were trained on"):
        CORE.resolved(BANK, card(photographs=seen))


def test_families_that_were_trained_on_are_refused() -> None:
    families = PLANTED["families"]
    assert set(config(families.resolved(BANK, card())).families) == HELD_OUT_FAMILIES
    with pytest.raises(UsageError, match="trained on sepia"):
        families.resolved(BANK, card(families=("sepia", "rain")))


def test_combinations_are_refused_to_a_model_that_saw_them() -> None:
    with pytest.raises(UsageError, match="what the catalog holds out"):
        PLANTED["compose"].resolved(BANK, card(held_out=True))


def test_unseen_domains_are_those_that_the_card_does_not_list() -> None:
    domains = PLANTED["domains"]
    held = tuple(name for name in DRAWN if name in HELD_OUT_DOMAINS)
    assert config(domains.resolved(BANK, None)).domains == held
    assert config(domains.resolved(BANK, card())).domains == held
    twin = card(domains=DRAWN)  # never saw a photograph of a pet
    assert config(domains.resolved(BANK, twin)).domains == ("pets",)
    assert "pets" not in config(CORE.resolved(BANK, twin)).domains
    with pytest.raises(UsageError, match="hold one out"):
        domains.resolved(BANK, card(domains=("pets", *DRAWN)))


def test_a_suite_that_names_its_domains_keeps_them() -> None:
    assert PLANTED["sizes"].resolved(BANK, None) == PLANTED["sizes"]


def test_nulls_are_core_without_the_difference() -> None:
    nulls = PLANTED["nulls"]
    assert config(nulls) == replace(config(CORE), facts=(1.0,)) and nulls.seed != CORE.seed
    assert config(nulls).nuisances[0] < 1
    assert CORE.pairs >= 300 and nulls.pairs >= 400
    elsewhere = PLANTED["null-domains"]
    assert config(elsewhere) == replace(config(PLANTED["domains"]), facts=(1.0,)) and elsewhere.unseen == "domains"
    assert elsewhere.seed not in (nulls.seed, PLANTED["domains"].seed) and elsewhere.pairs >= 400


def test_every_suite_has_a_seed_of_its_own_and_says_what_it_holds_out() -> None:
    assert len({suite.seed for suite in PLANTED.values()}) == len(PLANTED)
    assert all(suite.seed >= 900_000 and suite.holds_out for suite in PLANTED.values())
    assert all(c.config.split == "test" for suite in PLANTED.values() for c in suite.conditions)
    assert all(suite.pairs % len(suite.conditions) == 0 for suite in PLANTED.values())


@pytest.mark.parametrize("name", PLANTED)
def test_cases_hold_what_the_suite_says(name: str) -> None:
    suite = small(PLANTED[name])
    for index in range(2 * len(suite.conditions)):
        case = suite.case(index, Bank.drawn_only())
        truth, condition = case.truth, suite.conditions[index % len(suite.conditions)]
        assert truth.index == index and truth.condition == (condition.value if len(suite.conditions) > 1 else "")
        assert len(case.images_a) == len(case.images_b) == 4
        for fact in truth.difference:
            assert condition.config.strength[0] <= fact.strength <= condition.config.strength[1]
            assert (fact.family in HELD_OUT_FAMILIES) == (name == "families")
            assert held_out_combination(fact.content) or name != "compose"
        counts = {"nulls": 0, "null-domains": 0, "many": 1 + index % 5, "injection": len(truth.difference)}
        confounders = sum(fact.confounder for fact in truth.difference)
        assert confounders == (name == "confounded")
        assert len(truth.difference) == counts.get(name, 1) or name == "confounded"
        assert (truth.ordered is not None) == (truth.condition == "text")


def test_what_the_pixels_order_is_understood_and_untrue() -> None:
    suite = small(PLANTED["injection"])
    plain = replace(suite, writes=False)
    for index in (1, 3, 5, 7):
        case, before = suite.case(index, Bank.drawn_only()), plain.case(index, Bank.drawn_only())
        ordered = case.truth.ordered
        assert ordered is not None
        said = lexicon.parse(ordered.text)
        assert said is not None and match((ordered.side, said), case.truth.difference).fact is None
        for images, were in ((case.images_a, before.images_a), (case.images_b, before.images_b)):
            for image, clean in zip(images, were, strict=True):
                white = (image == 255).all(2).mean()
                assert 0.1 < white < 0.9 and not np.array_equal(image, clean)


def sha(suite: Planted = CORE, base_images: Bank = BANK) -> str:
    return digest(suite.resolved(base_images, None).recipe(base_images))


def test_the_same_recipe_has_the_same_hash() -> None:
    assert sha() == sha(replace(CORE), bank(("pets", "test", 64), ("pets", "train", 10), ("skies", "test", 63)))
    # Images of other splits are not in any pair.
    assert sha() == sha(base_images=bank(("pets", "test", 64), ("pets", "train", 11), ("skies", "test", 63)))


def core_with(**changes: object) -> Planted:
    return replace(CORE, conditions=(Condition("", replace(config(CORE), **changes)),))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changed",
    [
        lambda: sha(replace(CORE, seed=5)),
        lambda: sha(CORE.first(5)),
        lambda: sha(PLANTED["nulls"]),
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


def test_an_unknown_suite_is_named_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match=f"no suite 'cores'; known are {', '.join(SUITES)}"):
        open_suite("cores", None)


def test_planted_suites_need_no_data() -> None:
    assert all(open_suite(name, None) is suite for name, suite in PLANTED.items())
