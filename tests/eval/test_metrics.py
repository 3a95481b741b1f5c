"""Ratios of sums worked by hand, and intervals that know what is shared."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.metrics import METRICS, Estimate, bootstrap_interval, estimate, share_interval
from eval.scores import PairScore
from tests.eval.fakes import (
    BLUE_RECTANGLE,
    BLURRED,
    DARKER,
    RECTANGLE,
    fact,
    said,
    scored,
)
from vlmdiff.stats import wilson_interval

PLANTED = [fact(RECTANGLE, "a")]
EXACT = scored(PLANTED, said("a", RECTANGLE))
PARTLY = scored(PLANTED, said("a", BLUE_RECTANGLE))
"""Credit 4 of 5."""
WRONG_SIDE = scored(PLANTED, said("b", RECTANGLE))
WRONG_KIND = scored(PLANTED, said("a", BLURRED))
UNREADABLE = scored(PLANTED, said("a", "a certain something"))
MUTE = scored(PLANTED)
NULL = scored([])
FALSE_ALARM = scored([], said("a", BLURRED))


def of(name: str, *pairs: PairScore) -> Estimate:
    domains = [f"domain {index % 3}" for index in range(len(pairs))]
    return estimate(METRICS[name], pairs, domains, np.random.default_rng(0))


def value(name: str, *pairs: PairScore) -> float | None:
    return of(name, *pairs).value


def test_f1_from_summed_credits() -> None:
    # credits 1 + 0.8 + 0; said 2, planted 3
    assert value("top_f1", EXACT, PARTLY, MUTE) == pytest.approx(2 * 1.8 / 5)
    assert value("top_precision", EXACT, PARTLY, MUTE) == pytest.approx(0.9)
    assert value("top_recall", EXACT, PARTLY, MUTE) == pytest.approx(0.6)


def test_silence_is_a_miss_but_no_error() -> None:
    assert value("top_exact", EXACT, MUTE) == 0.5
    assert value("verified_recall", EXACT, MUTE) == 0.5
    assert of("verified_precision", MUTE) == Estimate(None, None, 0, 0)
    assert of("top_side", MUTE) == Estimate(None, None, 0, 0)


@pytest.mark.parametrize("name", ["top_f1", "top_exact", "top_changed_side", "verified_recall", "verified_untrue"])
def test_what_is_not_understood_is_left_out_and_counted(name: str) -> None:
    alone, beside = of(name, EXACT, WRONG_KIND), of(name, EXACT, UNREADABLE, WRONG_KIND)
    assert (beside.value, beside.trials, beside.unscored) == (alone.value, alone.trials, 1)
    assert of(name, UNREADABLE) == Estimate(None, None, 0, 1)


def test_side_is_asked_where_the_kind_is_right() -> None:
    assert value("top_side", EXACT, WRONG_SIDE, WRONG_KIND) == 0.5
    assert value("top_changed_side", EXACT, WRONG_SIDE, WRONG_KIND) == pytest.approx(2 / 3)


def test_verified_findings_are_exact_partly_or_untrue() -> None:
    pairs = (EXACT, PARTLY, WRONG_SIDE, scored(PLANTED, said("a", RECTANGLE), said("a", BLURRED)))
    assert of("verified_exact", *pairs).value == pytest.approx(2 / 5)
    assert of("verified_partly", *pairs).value == pytest.approx(1 / 5)
    assert of("verified_untrue", *pairs).value == pytest.approx(2 / 5)
    assert of("verified_precision", *pairs).trials == 5
    assert value("verified_recall", *pairs) == 0.75
    assert value("verified_exact_recall", *pairs) == 0.5


def test_unverified_findings_count_for_the_top_hypothesis_only() -> None:
    pair = scored(PLANTED, said("a", RECTANGLE, verified=False))
    assert value("top_exact", pair) == 1
    assert value("verified_recall", pair) == 0
    assert value("verified_untrue", pair) is None


def test_seen_means_that_the_two_sample_test_is_significant() -> None:
    unseen = scored(PLANTED, verdict="no detectable difference")
    few = scored(PLANTED, verdict="not enough images")
    speechless = scored(PLANTED, verdict="different")
    assert value("detected", EXACT, unseen, few, speechless) == 0.5
    assert value("seen_exact", EXACT, PARTLY, unseen, few, speechless) == pytest.approx(1 / 3)
    assert value("seen_right", EXACT, PARTLY, unseen, few, speechless) == pytest.approx(2 / 3)


def test_null_pairs() -> None:
    unverified = scored([], said("a", BLURRED, verified=False))
    assert value("null_verified", NULL, NULL, unverified, FALSE_ALARM) == 0.25
    assert value("null_different", NULL, NULL, unverified, FALSE_ALARM) == 0.5
    assert of("null_verified", EXACT).value is None


def test_false_discoveries_take_all_pairs() -> None:
    assert value("false_discoveries", EXACT, PARTLY, WRONG_KIND, FALSE_ALARM, NULL) == 0.5


def test_several_facts() -> None:
    pair = scored([*PLANTED, fact(DARKER, "b")], said("a", RECTANGLE))
    assert value("top_f1", pair) == pytest.approx(2 / 3)
    assert value("verified_recall", pair) == 0.5


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_stays_between_0_and_1(name: str) -> None:
    pairs = [EXACT, PARTLY, WRONG_SIDE, WRONG_KIND, UNREADABLE, MUTE, NULL, FALSE_ALARM]
    found = of(name, *pairs)
    assert found.value is not None and found.interval is not None
    assert 0 <= found.interval[0] <= found.value <= found.interval[1] <= 1


def test_independent_trials_get_the_wilson_interval() -> None:
    hits = np.tile([1.0, 1.0, 0.0, 1.0], 10)
    # The between-pair variance has n - 1 in it: a hair wider.
    assert share_interval(hits, np.ones(40)) == pytest.approx(wilson_interval(30, 40), abs=0.003)


def test_shares_that_differ_between_domains_widen_the_interval() -> None:
    trials = np.full(10, 20.0)
    alike, unlike = np.full(10, 10.0), np.tile([2.0, 18.0], 5)
    assert share_interval(alike, trials) == pytest.approx(wilson_interval(100, 200))
    low, high = share_interval(unlike, trials)
    assert high - low > 3 * (wilson_interval(100, 200)[1] - wilson_interval(100, 200)[0])


def test_a_perfect_share_is_not_certain() -> None:
    assert share_interval(np.full(5, 8.0), np.full(5, 8.0)) == pytest.approx(wilson_interval(40, 40))


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 9)), min_size=1, max_size=12))
def test_share_interval_holds_the_share_and_is_no_narrower_than_wilson(counts: list[tuple[int, int]]) -> None:
    trials = np.array([n for _, n in counts], float)
    hits = np.array([min(k, n) for k, n in counts], float)
    low, high = share_interval(hits, trials)
    plain = wilson_interval(int(hits.sum()), int(trials.sum()))
    assert 0 <= low <= hits.sum() / trials.sum() + 1e-12 and hits.sum() / trials.sum() - 1e-12 <= high <= 1
    assert low <= plain[0] + 1e-9 and high >= plain[1] - 1e-9


def test_bootstrap_covers_the_truth_when_domains_differ() -> None:
    rng = np.random.default_rng(3)
    covered = 0
    for _ in range(50):
        means = rng.beta(6, 2, 25)
        hits = rng.binomial(16, means).astype(float)
        low, high = bootstrap_interval(hits, np.full(25, 16.0), rng)
        covered += low <= 0.75 <= high
    assert covered >= 43
