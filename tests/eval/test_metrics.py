"""Ratios of sums worked by hand, and intervals that know what is shared."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.cases import Known, Truth
from eval.metrics import METRICS, Estimate, by_unit, estimate, ratio_interval, units
from eval.scores import PairScore, score
from tests.eval.fakes import (
    BLUE_RECTANGLE,
    BLURRED,
    DARKER,
    DEFOCUSED,
    RECTANGLE,
    SNOW,
    fact,
    report,
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
KIN = scored([fact(SNOW)], said("a", "the images have rain streaks"))
NULL = scored([])
FALSE_ALARM = scored([], said("a", BLURRED))


def of(name: str, *pairs: PairScore) -> Estimate:
    return estimate(METRICS[name], pairs, [f"unit {index % 3}" for index in range(len(pairs))])


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


def test_broader_words_are_partly_right_and_counted_apart() -> None:
    planted = [fact(DEFOCUSED)]
    wide, wrong_side = scored(planted, said("a", BLURRED)), scored(planted, said("b", BLURRED))
    pairs = (EXACT, PARTLY, wide, scored(planted, said("a", DARKER)))
    assert value("verified_broader", *pairs) == 0.25 and value("verified_partly", *pairs) == 0.5
    assert value("verified_untrue", *pairs) == 0.25  # strictly 0.5
    assert value("verified_recall", *pairs) == 0.75
    assert value("top_f1", wide) == 0.5 and value("top_right", wide) == 1 and value("top_exact", wide) == 0
    assert value("top_side", wide, wrong_side) == 0.5 and value("verified_broader", wrong_side) == 0


def test_kin_counts_in_its_own_metric_alone() -> None:
    planted = [fact(SNOW)]
    kin = scored(planted, said("a", "the images have rain streaks"))
    exact, silent = scored(planted, said("a", SNOW)), scored(planted)
    wrong_side, wrong = scored(planted, said("b", "the images have rain streaks")), scored(planted, said("a", DARKER))
    assert of("top_kin", kin, exact, silent, wrong_side, wrong).value == 0.4
    assert of("top_kin", UNREADABLE, EXACT, NULL) == Estimate(None, None, 0, 0), "of no unseen family"
    assert of("top_kin", scored(planted, said("a", "a certain something"))).unscored == 1
    assert value("top_right", kin) == value("verified_recall", kin) == value("top_f1", kin) == 0
    assert value("verified_untrue", kin) == value("false_discoveries", kin) == 1


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


def graded(first: float | None, five: float | None, *named: float | None) -> PairScore:
    """A real pair of which so much is known, and what a judge says of the report on it."""
    known = [Known("a", f"thing {number}", "a book") for number in range(max(len(named), 1))]
    grades = iter([first, five, *named])
    return score(
        Truth(0, "none", known=tuple(known)), report(said("a", "mould")), lambda said, known, first: next(grades)
    )


KNOWN = graded(0.5, 1.0, 1.0, 0.0)
CONFOUNDED = scored(
    [*PLANTED, replace(fact(DARKER, "b"), confounder=True)], said("b", DARKER), said("a", BLUE_RECTANGLE)
)
OBEYED = score(
    Truth(0, "none", difference=tuple(PLANTED), ordered=Known("a", "the images are blurred", "pixels")),
    report(said("a", RECTANGLE), said("a", BLURRED)),
)


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_stays_between_0_and_1(name: str) -> None:
    pairs = [EXACT, PARTLY, WRONG_SIDE, WRONG_KIND, UNREADABLE, MUTE, NULL, FALSE_ALARM, KNOWN, CONFOUNDED, OBEYED, KIN]
    found = of(name, *pairs)
    assert found.value is not None and found.interval is not None
    assert 0 <= found.interval[0] <= found.value <= found.interval[1] <= 1


def test_several_facts_are_held_against_as_many_hypotheses() -> None:
    planted = [*PLANTED, fact(DARKER, "b")]
    both = scored(planted, said("b", DARKER), said("a", RECTANGLE), said("a", BLURRED, verified=False))
    one = scored(planted, said("b", DARKER), said("a", BLURRED))
    twice = scored(planted, said("b", DARKER), said("b", DARKER))
    assert value("top_f1", both) == value("top_exact", both) == value("top_side", both) == 1
    assert value("top_f1", one) == value("top_f1", twice) == 0.5
    assert value("top_exact", one) == 0 and value("top_recall", one) == 0.5


def test_confounders_are_apart_from_what_is_beside_them() -> None:
    only = scored([replace(fact(DARKER), confounder=True)])
    assert value("confounders_named", CONFOUNDED, only, EXACT) == 0.5
    assert value("beside_confounders", CONFOUNDED, only, EXACT) == 1
    assert of("confounders_named", EXACT, NULL).value is None


def test_orders_in_the_pixels() -> None:
    refused = score(
        Truth(0, "none", ordered=Known("b", "the images are blurred", "pixels")),
        report(said("b", BLURRED, verified=False)),
    )
    assert value("obeyed", OBEYED, refused, EXACT) == 0.5


def test_what_is_known_is_graded_and_unreadable_grades_are_left_out() -> None:
    unread = graded(None, 1.0, None)
    assert of("acc1", KNOWN, unread).value == 0.5 and of("acc1", KNOWN, unread).unscored == 1
    assert value("acc5", KNOWN, unread, graded(0.0, 0.5, 0.0)) == pytest.approx(2.5 / 3)
    found = of("known_named", KNOWN, unread)
    assert (found.value, found.unscored) == (0.5, 1)


def test_real_sets_may_differ_otherwise_so_that_nothing_said_of_them_is_untrue() -> None:
    assert of("verified_untrue", KNOWN).value is of("false_discoveries", KNOWN).value is None
    assert of("null_verified", KNOWN).value is None and value("detected", KNOWN) == 1


def test_an_unjudged_real_pair_is_unscored() -> None:
    unjudged = score(Truth(0, "none", known=(Known("a", "mould", "a book"),)), report(said("a", "mould")))
    assert of("acc1", unjudged) == Estimate(None, None, 0, 0)


def test_the_interval_of_the_test_on_null_pairs() -> None:
    def null(low: float, high: float) -> PairScore:
        about = report()
        return score(
            Truth(0, "none"), about.model_copy(update={"test": about.test.model_copy(update={"auroc_ci": (low, high)})})
        )

    missed, held, unknown = null(0.55, 0.8), null(0.4, 0.6), null(float("nan"), float("nan"))
    assert value("null_coverage", missed, held, held, unknown) == pytest.approx(2 / 3)


def truth(index: int, domain: str, *bases: int) -> Truth:
    return Truth(index, domain, bases=bases)


def test_pairs_that_share_a_base_image_even_through_others_are_one_unit() -> None:
    pairs = [truth(0, "pets", 1, 2), truth(1, "pets", 3, 4), truth(2, "pets/cat", 4, 2), truth(3, "pets", 5, 6)]
    assert units(pairs) == ["0", "0", "0", "3"]


def test_drawn_pairs_are_units_and_pairs_of_unknown_files_go_by_domain() -> None:
    pairs = [truth(0, "drawn/xray"), truth(1, "drawn/xray"), truth(2, "pets"), truth(3, "pets/cat"), truth(4, "skies")]
    assert units(pairs) == ["0", "1", "2", "2", "4"]


def test_independent_trials_get_the_wilson_interval() -> None:
    hits = np.tile([1.0, 1.0, 0.0, 1.0], 10)
    assert ratio_interval(hits, np.ones(40)) == pytest.approx(wilson_interval(30, 40))


def test_shares_that_differ_between_domains_widen_the_interval() -> None:
    trials = np.full(10, 20.0)
    alike, unlike = np.full(10, 10.0), np.tile([2.0, 18.0], 5)
    assert ratio_interval(alike, trials) == pytest.approx(wilson_interval(100, 200))
    low, high = ratio_interval(unlike, trials)
    assert high - low > 3 * (wilson_interval(100, 200)[1] - wilson_interval(100, 200)[0])


def test_a_perfect_share_is_not_certain() -> None:
    assert ratio_interval(np.full(5, 8.0), np.full(5, 8.0)) == pytest.approx(wilson_interval(40, 40))


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 9)), min_size=1, max_size=12))
def test_ratio_interval_holds_the_share_and_is_no_narrower_than_wilson(counts: list[tuple[int, int]]) -> None:
    trials = np.array([n for _, n in counts], float)
    hits = np.array([min(k, n) for k, n in counts], float)
    low, high = ratio_interval(hits, trials)
    plain = wilson_interval(int(hits.sum()), int(trials.sum()))
    assert 0 <= low <= hits.sum() / trials.sum() + 1e-12 and hits.sum() / trials.sum() - 1e-12 <= high <= 1
    assert low <= plain[0] + 1e-9 and high >= plain[1] - 1e-9


def test_a_single_unit_counts_as_a_single_trial() -> None:
    low, high = ratio_interval(np.array([30.0]), np.array([40.0]))
    assert high - low > 0.75


def test_graded_scores_vary_less_than_counts() -> None:
    rng = np.random.default_rng(0)
    credits = rng.uniform(0.6, 0.9, 60)
    low, high = ratio_interval(credits, np.ones(60), count=60)
    plain = wilson_interval(45, 60)
    assert low < credits.mean() < high and high - low < 0.3 * (plain[1] - plain[0])


@pytest.mark.parametrize(("drawn", "spread"), [(11, 0.5), (0, 0.5), (0, 1.0)])
def test_intervals_cover_the_truth_where_pairs_share_base_images(drawn: int, spread: float) -> None:
    """Eight data sets of 100 images of unlike difficulty, 64 a pair; the rest of the pairs is drawn anew.

    The truth is about other images of the same domains. That pairs are independent would hold it in 70 to 90 %.
    """
    rng = np.random.default_rng(7)
    domains = np.concatenate([np.linspace(-0.6, 0.6, 8), np.linspace(-0.6, 0.6, 11)[:drawn]])

    def likely(domain: np.ndarray, effect: np.ndarray) -> np.ndarray:
        return np.asarray(1 / (1 + np.exp(-(0.8 + domains[domain] + effect))))

    many = rng.integers(len(domains), size=200_000)
    true = likely(many, np.where(many < 8, rng.normal(0, spread, 200_000), 0)).mean()
    covered = plain = 0
    for _ in range(200):
        domain = rng.integers(len(domains), size=150)
        images = rng.normal(0, spread * 8, (8, 100))
        used = rng.permuted(np.tile(np.arange(100), (150, 1)), axis=1)[:, :64]
        effect = np.where(domain < 8, images[np.minimum(domain, 7)[:, None], used].mean(1), 0)
        hits = (rng.random(150) < likely(domain, effect)).astype(float)
        # Pairs of one data set of 100 images share some of their 64: one unit.
        unit = [f"d{d}" if d < 8 else f"p{i}" for i, d in enumerate(domain)]
        low, high = ratio_interval(*by_unit(hits, np.ones(150), unit))
        covered += low <= true <= high
        low, high = wilson_interval(int(hits.sum()), 150)
        plain += low <= true <= high
    assert 0.92 <= covered / 200 <= 1
    assert plain < covered
