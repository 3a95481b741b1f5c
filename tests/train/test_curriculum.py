"""Levels move as worked out by hand, a round is a function of state and index, and no round crosses a hold-out."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_synth.catalog import HELD_OUT_FAMILIES, LEAST_PREVALENCE, LEAST_STRENGTH, TRAINED, TRAINED_SETS
from data_synth.compose import compose
from data_synth.config import Level, LevelledConfig, PairConfig, refuse_held_out
from data_synth.facts import Fact
from data_synth.sources import Bank
from train import levels
from train.curriculum import (
    Standing,
    State,
    advanced,
    from_json,
    images_for,
    started,
    uniform,
    widest,
)
from train.samples import stated_from
from vlmdiff.errors import UsageError

WITHIN = widest(PairConfig(set_size=(16, 16)))
SMALL = widest(PairConfig(set_size=(8, 8), sides=(48,)))
TWO = State(3, {"brightness": Standing(0.8, 0.9), "gaussian_blur": Standing(0.4, 0.5)}, ("tint", "hue"), 2.0, 0.5, 0.1)


@pytest.mark.parametrize(("rate", "strength"), [(1.0, 0.68), (0.75, 0.8), (0.5, 0.8 / 0.85), (0.0, 1.0)])
def test_a_level_takes_a_step_down_for_what_is_right_and_three_up_for_what_is_wrong(
    rate: float, strength: float
) -> None:
    after = advanced(TWO, {"strength brightness": rate}, WITHIN)
    assert after.standings["brightness"].strength == pytest.approx(strength)
    assert after.standings["brightness"].prevalence == 0.9, "what was not probed stays"
    assert after.standings["gaussian_blur"] == TWO.standings["gaussian_blur"]
    assert after.round == 4


def test_prevalence_and_numbers_move_the_same_way() -> None:
    right = {"prevalence gaussian_blur": 1.0, "differences": 1.0, "nuisances": 1.0, "confounded": 1.0}
    after = advanced(TWO, right, WITHIN)
    assert after.standings["gaussian_blur"] == Standing(0.4, 0.5 * 0.85)
    assert (after.differences, after.nuisances, after.confounded) == pytest.approx((2.5, 1.0, 0.15))
    after = advanced(TWO, dict.fromkeys(right, 0.5), WITHIN)
    assert after.standings["gaussian_blur"].prevalence == pytest.approx(0.5 / 0.85)
    assert (after.differences, after.nuisances, after.confounded) == pytest.approx((2.0, 0.0, 0.05))  # never one alone


def test_after_a_base_that_knows_them_no_family_waits() -> None:
    first = started(WITHIN, known=True)
    assert not first.waiting and set(first.standings) == {*TRAINED, *TRAINED_SETS}
    assert set(first.standings.values()) == {Standing(0.5, 0.6)}
    assert first.differences == 3.0


def test_families_enter_one_after_another_and_all_of_a_cohort_once_half_is_right() -> None:
    first = started(WITHIN)
    assert len(first.standings) == 16
    assert {*first.standings, *first.waiting} == {*TRAINED, *TRAINED_SETS}
    assert len({name for name in first.standings if name in TRAINED_SETS}) >= 1, "every group has its turn"
    slow = advanced(first, {f"strength {name}": 0.4 for name in first.standings}, WITHIN)
    assert list(slow.standings) == [*first.standings, first.waiting[0]]
    fast = advanced(first, {f"strength {name}": 0.5 for name in first.standings}, WITHIN)
    assert list(fast.standings) == [*first.standings, *first.waiting[:12]]
    assert fast.waiting == first.waiting[12:]
    assert fast.standings[first.waiting[0]] == Standing()


def test_what_is_drawn_more_often_enters_first_and_stays_so() -> None:
    within = widest(PairConfig(families=(*TRAINED, "shape", "shape")))
    first = started(within)
    assert "shape" in first.standings
    assert first.config(within).families.count("shape") == 3


def test_a_rounds_config_says_what_the_state_says() -> None:
    config = TWO.config(WITHIN)
    assert config.families == ("brightness", "gaussian_blur")
    assert config.level("brightness") == Level((0.8, 1.0), (0.9, 1.0))
    assert config.level("gaussian_blur") == Level((0.4, 1.0), (0.5, 1.0))
    assert config.facts == pytest.approx((0.1, 0.45, 0.45))
    assert config.nuisances == pytest.approx((2 / 3, 1 / 3))
    assert config.confounded == 0.1
    assert replace(TWO, differences=1.5).config(WITHIN).facts == pytest.approx((0.1, 0.6, 0.3))
    assert config.set_size == (16, 16), "the median prevalence is 0.9"
    rare = replace(TWO, standings={name: Standing(0.5, 0.2) for name in TWO.standings})
    assert rare.config(WITHIN).set_size == (16, 72)


def test_sets_grow_until_training_states_what_is_rare() -> None:
    assert images_for(0.9, (16, 128)) == 16
    for prevalence in (0.35, 0.2):
        size = images_for(prevalence, (16, 128))
        assert stated_from(size, size) <= prevalence < stated_from(size - 1, size - 1)
    assert images_for(0.1, (16, 128)) == 128, "as many as the bounds allow"


def test_probes_ask_each_family_for_one_level_in_turn_with_all_else_easy() -> None:
    asked = {probe.key for probe in TWO.probes()}
    other = {probe.key for probe in replace(TWO, round=4).probes()}
    assert asked == {
        *("prevalence brightness", "strength gaussian_blur"),
        *("differences", "nuisances", "confounded"),
    }
    assert {"strength brightness", "prevalence gaussian_blur"} < other
    by_key = {probe.key: TWO.probe_config(probe, WITHIN) for probe in TWO.probes()}
    faint, rare = by_key["strength gaussian_blur"], by_key["prevalence brightness"]
    assert faint.level("gaussian_blur") == Level((0.4, 0.4), (1.0, 1.0))
    assert rare.level("brightness") == Level((0.9, 1.0), (0.9, 0.9))
    assert faint.facts == (0.0, 1.0)
    assert faint.nuisances == (1.0,)
    assert by_key["differences"].facts == (0.0, 0.0, 0.0, 1.0), "one more than are drawn"
    assert by_key["nuisances"].nuisances == (0.0, 1.0)
    assert by_key["confounded"].confounded == 1.0
    assert {config.split for config in by_key.values()} == {"val"}
    of_sets = State(0, {name: Standing() for name in TRAINED_SETS}, ())
    assert {probe.of for state in (of_sets, replace(of_sets, round=1)) for probe in state.probes() if probe.family} == {
        "strength"
    }


def test_all_right_for_ever_reaches_what_is_held_out_and_goes_no_further() -> None:
    state = started(WITHIN)
    for _ in range(60):
        config = state.config(WITHIN)  # refuses what is held out by itself
        refuse_held_out(config)
        for probe in set(state.probes()):
            refuse_held_out(state.probe_config(probe, WITHIN))
        state = advanced(state, {probe.key: 1.0 for probe in state.probes()}, WITHIN)
    assert not state.waiting
    assert {*state.standings} == {*TRAINED, *TRAINED_SETS}
    assert not {*state.standings} & HELD_OUT_FAMILIES
    assert {standing.strength for standing in state.standings.values()} == {LEAST_STRENGTH}
    assert {state.standings[name].prevalence for name in TRAINED} == {LEAST_PREVALENCE}
    assert (state.differences, state.nuisances, state.confounded) == (5, 3, 0.25)
    assert state.config(WITHIN).set_size == (16, 128)
    assert state.config(WITHIN).facts == pytest.approx((0.1, *(0.18,) * 5))


@settings(max_examples=30)
@given(st.lists(st.lists(st.floats(0, 1), min_size=5, max_size=5), max_size=25))
def test_whatever_the_answers_levels_stay_within_bounds(answers: list[list[float]]) -> None:
    state = started(WITHIN)
    for rates in answers:
        keys = [probe.key for probe in state.probes()]
        state = advanced(state, {key: rates[i % 5] for i, key in enumerate(dict.fromkeys(keys))}, WITHIN)
        state.config(WITHIN)
        assert all(LEAST_STRENGTH <= s.strength <= 1 for s in state.standings.values())
        assert all(LEAST_PREVALENCE <= s.prevalence <= 1 for s in state.standings.values())
    assert from_json(json.loads(json.dumps(state.as_json()))) == state
    assert list(from_json(json.loads(json.dumps(state.as_json()))).standings) == list(state.standings)


def test_levels_below_a_hold_out_are_refused() -> None:
    level = Level((LEAST_STRENGTH / 2, 1.0), (0.5, 1.0))
    with pytest.raises(UsageError, match=r"strength 0.075 of brightness is held out"):
        LevelledConfig(levels=(("brightness", level),))
    with pytest.raises(UsageError, match=r"prevalence 0.05 of hue is held out"):
        LevelledConfig(levels=(("hue", Level((0.5, 1.0), (0.05, 1.0))),))
    with pytest.raises(UsageError, match=r"levels of hue, which are not among the families"):
        LevelledConfig(families=("tint",), levels=(("hue", Level((0.5, 1.0), (0.5, 1.0))),))


def test_pairs_are_drawn_at_the_levels_of_their_families_and_again_the_same() -> None:
    names = ("brightness", "gaussian_blur", "gaussian_noise", "frame", "shape")
    faint, clear = Standing(0.2, 0.3), Standing(0.9, 1.0)
    state = State(0, {name: faint if name == "shape" else clear for name in names}, ())
    config = state.config(SMALL)
    bank = Bank.drawn_only()
    facts: list[Fact] = []
    for index in range(40):
        pair = compose(config, bank, 1, index)
        facts += pair.difference
        if index < 3:
            again = compose(state.config(SMALL), bank, 1, index)
            assert again.difference == pair.difference
            assert np.array_equal(again.images_b, pair.images_b)
    of_shapes = [fact.strength for fact in facts if fact.family == "shape"]
    others = [fact for fact in facts if fact.family != "shape"]
    assert min(fact.strength for fact in others) >= 0.9
    assert min(fact.prevalence for fact in others) == 1.0
    assert min(of_shapes) < 0.7, "evenly from its level up"
    assert min(of_shapes) >= 0.2


def test_a_config_without_levels_draws_as_ever() -> None:
    plain = PairConfig(set_size=(4, 4), sides=(48,), facts=(0.0, 0.5, 0.5), strength=(0.5, 0.9))
    fields = {name: getattr(plain, name) for name in PairConfig.__dataclass_fields__}
    for index in range(6):
        one = compose(plain, Bank.drawn_only(), 2, index)
        other = compose(LevelledConfig(**fields), Bank.drawn_only(), 2, index)
        assert one.difference == other.difference
        assert np.array_equal(one.images_a, other.images_a)


def test_the_uniform_mix_has_everything_from_the_start() -> None:
    config = uniform(WITHIN).config(WITHIN)
    assert config.families == WITHIN.families
    assert config.level("tint") == Level((LEAST_STRENGTH, 1.0), (LEAST_PREVALENCE, 1.0))
    assert config.facts == pytest.approx(WITHIN.facts)
    assert config.nuisances == pytest.approx(WITHIN.nuisances)
    assert config.confounded == WITHIN.confounded


def test_the_plot_has_a_panel_a_family() -> None:
    after = advanced(TWO, {"strength brightness": 1.0}, WITHIN)
    text = levels.svg([(100, TWO), (200, after)])
    assert text.count(">brightness<") == text.count(">tint<") == 1
    assert text.count("<polyline") == 4 + 2 * len(after.standings)
    assert 'points="52.0,19.8 104.0,23.9"' in text, "strengths .8 and .68 of a panel 34 high"
