"""Labelled pairs: rebuilt alone to the byte, and labelled as the pixels are."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from data_synth.catalog import FAMILIES, SET_FAMILIES, held_out_combination
from data_synth.compose import LabelledPair, compose, draw_touch
from data_synth.config import PairConfig, refuse_held_out
from data_synth.lexicon import family_of
from data_synth.sources import DRAWN, Bank, BaseImage, Split
from vlmdiff.errors import UsageError

CONFIG = PairConfig(set_size=(3, 5), facts=(0.1, 0.5, 0.4), sides=(48, 64))
DRAWINGS = Bank.drawn_only()


def pairs(count: int, config: PairConfig = CONFIG, seed: int = 7) -> list[LabelledPair]:
    return [compose(config, DRAWINGS, seed, index) for index in range(count)]


def same_bytes(one: LabelledPair, other: LabelledPair) -> bool:
    images = zip([*one.images_a, *one.images_b], [*other.images_a, *other.images_b], strict=True)
    return all(np.array_equal(x, y) for x, y in images)


@pytest.fixture(scope="module")
def bank() -> Bank:
    """48 noise images of two data sets, thirds of them in each split."""
    images = np.random.default_rng(0).integers(0, 256, (48, 40, 40, 3), np.uint8)
    splits: tuple[Split, ...] = ("train", "val", "test")
    items = [BaseImage(f"{i}.png", ("pets", "skies")[i % 2], "", splits[i % 3], f"{i:064x}") for i in range(48)]
    return Bank(images, tuple(items))


def test_a_pair_is_rebuilt_alone() -> None:
    for index, pair in reversed(list(enumerate(pairs(6)))):
        again = compose(CONFIG, Bank.drawn_only(), 7, index)
        assert same_bytes(pair, again)
        assert (pair.difference, pair.nuisances, pair.domain) == (again.difference, again.nuisances, again.domain)
        assert np.array_equal(pair.shows_a, again.shows_a) and np.array_equal(pair.shows_b, again.shows_b)


def test_seed_and_index_name_different_pairs() -> None:
    config = replace(CONFIG, set_size=(3, 3), sides=(48,))
    (first, second), other_seed = pairs(2, config), compose(config, DRAWINGS, 8, 0)
    assert not same_bytes(first, second)
    assert not same_bytes(first, other_seed)


def test_sets_are_as_large_and_as_wide_as_asked() -> None:
    for pair in pairs(8):
        assert 3 <= len(pair.images_a) == len(pair.images_b) <= 5
        sides = {image.shape for image in [*pair.images_a, *pair.images_b]}
        assert sides in ({(48, 48, 3)}, {(64, 64, 3)})
        assert pair.domain in DRAWN and pair.bases == ()


def test_labels_agree_with_each_other() -> None:
    for pair in pairs(12):
        columns = len(pair.difference) + len(pair.nuisances)
        assert pair.shows_a.shape == pair.shows_b.shape == (len(pair.images_a), columns)
        for column, fact in enumerate(pair.difference):
            shown, other = (pair.shows_a, pair.shows_b) if fact.side == "a" else (pair.shows_b, pair.shows_a)
            assert shown[:, column].mean() == pytest.approx(fact.prevalence)
            assert 0 < fact.prevalence <= 1
            assert not other[:, column].any()
            assert 0.25 <= fact.strength <= 1
            assert fact.content in set(FAMILIES[fact.family].contents())
        families = [fact.family for fact in pair.difference] + [family_of(shown) for shown in pair.nuisances]
        drawn = families[: len(pair.difference)]
        assert len(set(drawn)) == len(drawn) and not set(drawn) & set(families[len(drawn) :])


def test_the_number_of_facts_is_as_likely_as_asked() -> None:
    config = replace(
        CONFIG, set_size=(2, 2), sides=(32,), families=("brightness", "contrast", "haze", "shape", "frame")
    )
    counts = [len(pair.difference) for pair in pairs(100, config)]
    assert np.bincount(counts) / 100 == pytest.approx([0.1, 0.5, 0.4], abs=0.12)
    assert {len(pair.difference) for pair in pairs(4, replace(config, facts=(0, 0, 1)))} == {2}


def test_null_pairs_have_no_facts() -> None:
    for pair in pairs(8, replace(CONFIG, facts=(1.0,))):
        assert pair.difference == ()
        assert pair.shows_a.shape[1] == len(pair.nuisances)


def test_nuisances_touch_both_sets_alike() -> None:
    config = replace(CONFIG, set_size=(12, 12), sides=(32,), facts=(1.0,), nuisances=(0.0, 0.5, 0.3, 0.2))
    made = pairs(12, config)
    assert {len(pair.nuisances) for pair in made} == {1, 2, 3}
    share_a = np.concatenate([pair.shows_a.ravel() for pair in made]).mean()
    share_b = np.concatenate([pair.shows_b.ravel() for pair in made]).mean()
    assert share_a == pytest.approx(0.5, abs=0.1)
    assert share_a == pytest.approx(share_b, abs=0.08)


def test_facts_are_in_the_pixels_of_the_images_that_show_them() -> None:
    """Without facts the same seed gives the same images, so that exactly the labelled ones differ."""
    config = replace(CONFIG, facts=(0.0, 1.0), nuisances=(1.0,))
    for index in range(10):
        pair, ground = (compose(c, DRAWINGS, 3, index) for c in (config, replace(config, facts=(1.0,))))
        for after, before, shows in (
            (pair.images_a, ground.images_a, pair.shows_a),
            (pair.images_b, ground.images_b, pair.shows_b),
        ):
            changed = [not np.array_equal(x, y) for x, y in zip(after, before, strict=True)]
            assert changed == shows[:, 0].tolist()


def test_a_and_b_share_no_base_and_stay_in_their_split(bank: Bank) -> None:
    for split in ("train", "val", "test"):
        config = replace(CONFIG, split=split, drawn_share=0.0, set_size=(4, 4))
        for index in range(5):
            pair = compose(config, bank, 0, index)
            assert len(set(pair.bases)) == 8
            assert {bank.items[row].split for row in pair.bases} == {split}
            assert {bank.items[row].domain for row in pair.bases} == {pair.domain}


def test_domains_can_be_named(bank: Bank) -> None:
    for domain in ("pets", DRAWN[0]):
        config = replace(CONFIG, domains=(domain,), set_size=(3, 3))
        assert compose(config, bank, 0, 0).domain == domain
    with pytest.raises(ValueError, match="no domain holds 20 images"):
        compose(replace(CONFIG, domains=("pets",), set_size=(10, 10)), bank, 0, 0)


def test_without_large_enough_domains_images_are_drawn(bank: Bank) -> None:
    assert compose(replace(CONFIG, set_size=(10, 10), sides=(32,)), bank, 0, 0).domain in DRAWN


def test_a_family_that_cannot_show_is_refused() -> None:
    grey = np.full((32, 32, 3), 90, np.uint8)
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="allow more families"):
        draw_touch(CONFIG, ["saturation"], grey, rng)
    assert draw_touch(CONFIG, ["saturation", "brightness"], grey, rng).family.name == "brightness"


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"families": ("rain", "snow")}, "family 'snow'"),
        ({"domains": ("breast_ultrasound/benign",)}, "domain 'breast_ultrasound/benign'"),
        ({"strength": (0.1, 1.0)}, "strength 0.1"),
        ({"prevalence": (0.02, 1.0)}, "prevalence 0.02"),
    ],
)
def test_what_is_held_out_is_drawn_only_when_asked_for_and_never_trained_on(
    changes: dict[str, Any], named: str
) -> None:
    with pytest.raises(UsageError, match=named):
        PairConfig(**changes)
    with pytest.raises(UsageError, match="held_out=False"):
        refuse_held_out(PairConfig(**changes, held_out=True))


def test_test_images_are_never_trained_on() -> None:
    with pytest.raises(UsageError, match="draws test images"):
        refuse_held_out(PairConfig(split="test"))


def test_held_out_combinations_appear_only_when_asked_for() -> None:
    config = PairConfig(families=("shape",), nuisances=(1.0,), set_size=(2, 2), facts=(0.0, 1.0), sides=(48,))
    shares = []
    for asked in (False, True):
        pairs = [compose(replace(config, held_out=asked), Bank.drawn_only(), 4, i) for i in range(60)]
        shares.append(np.mean([held_out_combination(pair.difference[0].content) for pair in pairs]))
    assert shares[0] == 0
    assert 0.05 < shares[1] < 0.4


SETS = replace(CONFIG, families=tuple(SET_FAMILIES), set_size=(8, 8), sides=(48,), nuisances=(1.0,), held_out=True)


def test_set_level_facts_are_shown_by_no_single_image() -> None:
    for pair in pairs(12, replace(SETS, facts=(0.0, 0.5, 0.5))):
        assert {fact.level for fact in pair.difference} == {"set"}
        assert not pair.shows_a.any() and not pair.shows_b.any()
        assert pair.shows_a.shape == (8, len(pair.difference))


def test_copies_are_copies_of_finished_images_and_show_the_same() -> None:
    config = replace(SETS, families=("repeated_images", "gaussian_noise"), facts=(0.0, 0.0, 1.0))
    for pair in pairs(6, config):
        side = next(fact.side for fact in pair.difference if fact.level == "set")
        images, shows = (pair.images_a, pair.shows_a) if side == "a" else (pair.images_b, pair.shows_b)
        same = [(i, j) for i in range(8) for j in range(i) if np.array_equal(images[i], images[j])]
        assert same
        assert all((shows[i] == shows[j]).all() for i, j in same)
        fact = next(fact for fact in pair.difference if fact.level == "image")
        shown = pair.shows_a[:, 0] if fact.side == "a" else pair.shows_b[:, 0]
        assert fact.prevalence == pytest.approx(shown.mean())


def test_a_confounder_is_in_both_sets_in_other_shares_and_declared() -> None:
    config = replace(CONFIG, set_size=(20, 20), sides=(32,), facts=(1.0,), nuisances=(1.0,), confounded=1.0)
    for pair in pairs(10, config):
        (fact,) = pair.difference
        assert fact.confounder
        here, there = (pair.shows_a, pair.shows_b) if fact.side == "a" else (pair.shows_b, pair.shows_a)
        assert (fact.prevalence, fact.elsewhere) == (here[:, 0].mean(), there[:, 0].mean())
        assert fact.prevalence >= 0.6 > 0.4 >= fact.elsewhere > 0


def test_up_to_five_differences_on_either_side() -> None:
    config = replace(CONFIG, set_size=(4, 4), sides=(32,), facts=(0.0, 0.0, 0.0, 0.0, 0.0, 1.0), nuisances=(1.0,))
    made = pairs(8, config)
    assert all(len({fact.family for fact in pair.difference}) == 5 for pair in made)
    assert any({fact.side for fact in pair.difference} == {"a", "b"} for pair in made)


def test_a_rare_fact_is_shown_by_at_least_one_image() -> None:
    config = replace(CONFIG, set_size=(50, 50), sides=(32,), facts=(0.0, 1.0), prevalence=(0.02, 0.02), held_out=True)
    for pair in pairs(4, config):
        assert pair.difference[0].prevalence == 0.02


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"families": ("brightness", "sparkle")}, "families sparkle are unknown"),
        ({"facts": (0.5, 0.4)}, "facts"),
        ({"facts": (0.0,) * 6 + (1.0,)}, "at most 5"),
        ({"nuisances": (0.0,) * 4 + (1.0,)}, "at most 3"),
    ],
)
def test_a_config_that_cannot_be_drawn_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        PairConfig(**changes)


def test_near_duplicates_never_meet_in_a_pair() -> None:
    items = tuple(BaseImage(f"{i}.png", "pets", "", "train", f"{i:064x}", group=str(i // 2)) for i in range(24))
    bank = Bank(np.random.default_rng(0).integers(0, 256, (24, 40, 40, 3), np.uint8), items)
    assert bank.pictures("train") == {"pets": 12}
    config = replace(CONFIG, domains=("pets",), set_size=(6, 6), sides=(32,))
    for index in range(20):
        bases = compose(config, bank, 0, index).bases
        assert len({row // 2 for row in bases}) == 12
    with pytest.raises(ValueError, match="no domain holds 14 images"):
        compose(replace(config, set_size=(7, 7)), bank, 0, 0)
