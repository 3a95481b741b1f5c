"""AUROC, permutation p-values, Benjamini-Hochberg and intervals: hand-worked numbers, enumeration, coverage."""

from itertools import combinations, product
from math import comb
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from vlmdiff import stats

examples = settings(derandomize=True, deadline=None)
SCORES = st.lists(st.integers(-3, 3), min_size=1, max_size=8)
FEW_SCORES = st.lists(st.integers(-3, 3), min_size=1, max_size=5)


def enumerated_p(a: list[int], b: list[int]) -> float:
    """Share of all splits whose AUROC is at least the observed one."""
    pool, observed = a + b, stats.auroc(a, b)
    found = [
        stats.auroc([pool[i] for i in range(len(pool)) if i not in chosen], [pool[i] for i in chosen])
        for chosen in combinations(range(len(pool)), len(b))
    ]
    return float(np.mean([value >= observed - 1e-12 for value in found]))


def test_auroc_by_hand() -> None:
    assert stats.auroc([1, 2], [3, 4]) == 1
    assert stats.auroc([3, 4], [1, 2]) == 0
    assert stats.auroc([1, 3], [2, 3]) == (1 + 0 + 1 + 0.5) / 4
    assert stats.auroc([7], [7, 7, 7]) == 0.5


@examples
@given(SCORES, SCORES)
def test_auroc_counts_pairs_and_mirrors(a: list[int], b: list[int]) -> None:
    pairs = [1.0 if y > x else 0.5 if y == x else 0.0 for x in a for y in b]
    assert stats.auroc(a, b) == pytest.approx(np.mean(pairs))
    assert stats.auroc(b, a) == pytest.approx(1 - stats.auroc(a, b))
    assert stats.auroc(np.exp(a), np.exp(b)) == stats.auroc(a, b)


def test_rows_are_done_one_by_one() -> None:
    rng = np.random.default_rng(0)
    scores, is_b = rng.integers(0, 5, (20, 9)).astype(float), rng.random((20, 9)) < 0.5
    is_b[:, :2] = [False, True]
    expected = [stats.auroc(row[~flags], row[flags]) for row, flags in zip(scores, is_b, strict=True)]
    np.testing.assert_allclose(stats.auroc_rows(scores, is_b), expected)
    np.testing.assert_allclose(stats.auroc_rows(scores[0], np.ones(9, bool)), 0.5)


def test_scores_that_are_no_numbers_are_refused() -> None:
    for bad in ([], [0.0, float("nan")]):
        with pytest.raises(ValueError, match="finite"):
            stats.auroc([1.0], bad)


def test_p_by_hand() -> None:
    rng = np.random.default_rng(0)
    assert stats.permutation_p([1, 2, 3], [4, 5, 6], rng) == pytest.approx(1 / 20)
    assert stats.permutation_p([1, 2, 4], [3, 5, 6], rng) == pytest.approx(2 / 20)
    assert stats.permutation_p([4, 5, 6], [1, 2, 3], rng) == 1
    assert stats.permutation_p([1, 1], [1, 1], rng) == 1


@examples
@given(FEW_SCORES, FEW_SCORES)
def test_p_is_the_share_of_all_splits(a: list[int], b: list[int]) -> None:
    assert stats.permutation_p(a, b, np.random.default_rng(0)) == pytest.approx(enumerated_p(a, b))


def test_random_splits_agree_with_the_exact_count(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=30), rng.normal(0.4, 1, size=20)
    exact = [stats.permutation_p(a, b, rng), stats.permutation_p(b, a, rng)]
    monkeypatch.setattr(stats, "EXACT_WORK", 0)
    drawn = [stats.permutation_p(a, b, rng), stats.permutation_p(b, a, rng)]
    np.testing.assert_allclose(drawn, exact, atol=4 * 0.5 / 9_999**0.5)
    assert stats.permutation_p(np.zeros(40), np.ones(40), rng, permutations=999) == pytest.approx(1 / 1000)


def test_p_holds_its_level_with_large_sets() -> None:
    rng = np.random.default_rng(2)
    found = [stats.permutation_p(rng.normal(size=150), rng.normal(size=150), rng, 199) for _ in range(200)]
    assert 0.005 <= np.mean(np.array(found) <= 0.05) <= 0.05 + 4 * (0.05 * 0.95 / 200) ** 0.5


def test_smallest_p_is_that_of_a_perfect_separation() -> None:
    assert stats.min_p(3, 4) == 1 / comb(7, 3)
    separated = stats.permutation_p([1, 2, 3], [4, 5, 6, 7], np.random.default_rng(0))
    assert separated == pytest.approx(stats.min_p(3, 4))


def test_benjamini_hochberg_on_the_example_of_the_paper() -> None:
    # Benjamini and Hochberg (1995), section 4: at 0.05 the first four of fifteen are rejected.
    p = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344]
    p += [0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0]
    q = stats.benjamini_hochberg(p)
    assert (q <= 0.05).tolist() == [True] * 4 + [False] * 11
    assert q[3] == pytest.approx(0.0095 * 15 / 4)
    assert q[5] == q[6] == pytest.approx(0.0298 * 15 / 7)
    order = np.random.default_rng(0).permutation(15)
    np.testing.assert_array_equal(stats.benjamini_hochberg(np.array(p)[order]), q[order])


@examples
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_q_is_never_below_p_and_keeps_the_order(p: list[float]) -> None:
    q = stats.benjamini_hochberg(p)
    assert (q >= np.array(p) * (1 - 1e-12)).all()
    assert (q <= 1).all()
    assert (np.diff(q[np.argsort(p)]) >= 0).all()


@examples
@given(SCORES, SCORES)
def test_interval_holds_the_auroc_and_mirrors(a: list[int], b: list[int]) -> None:
    low, high = stats.auroc_interval(a, b)
    assert 0 <= low <= stats.auroc(a, b) <= high <= 1
    assert stats.auroc_interval(b, a) == pytest.approx((1 - high, 1 - low), abs=1e-9)


@pytest.mark.parametrize(("size", "gap"), [(12, 0.0), (12, 2.5), (25, 1.0), (50, 2.5)])
def test_interval_covers_the_true_auroc(size: int, gap: float) -> None:
    rng = np.random.default_rng(3)
    truth = NormalDist().cdf(gap / 2**0.5)
    intervals = [stats.auroc_interval(rng.normal(size=size), rng.normal(gap, 1, size=size)) for _ in range(250)]
    covered = np.mean([low <= truth <= high for low, high in intervals])
    assert covered >= 0.95 - 4 * (0.95 * 0.05 / 250) ** 0.5


def test_interval_of_a_perfect_separation_has_width() -> None:
    low, high = stats.auroc_interval(np.zeros(12), np.ones(12))
    assert high == 1
    assert 0.7 < low < 0.9
    assert stats.score_interval(0.8, 12, 12, inflation=2)[0] < stats.score_interval(0.8, 12, 12)[0]


# Groups.


def test_p_of_whole_groups_by_hand() -> None:
    """Of five groups two are B's: ten labelings, and only the observed one separates the scores perfectly.

    With B's groups as {3, 4} and {6, 7, 8} instead, B wins 9 + 4 = 13 of 15 pairs; {5} and {6, 7, 8} as observed, 16 of
    16; {2} and {6, 7, 8}, 12 + 1 = 13 of 16.
    """
    rng = np.random.default_rng(0)
    groups = np.array([0, 1, 2, 2, 3, 4, 4, 4])
    assert stats.permutation_p([1, 2, 3, 4], [5, 6, 7, 8], rng, groups=groups) == 1 / 10
    groups = np.array([0, 1, 3, 2, 2, 4, 4, 4])
    assert stats.permutation_p([1, 2, 5], [3, 4, 6, 7, 8], rng, groups=groups) == 2 / 10


def test_p_of_groups_in_both_sets_by_hand() -> None:
    """Three pairs, A's first: eight labelings. Of B's, two scores are the higher of their pair."""
    rng = np.random.default_rng(0)
    pairs = np.array([7, 5, 9, 7, 5, 9])
    assert stats.permutation_p([1, 10, 20], [2, 11, 21], rng, groups=pairs) == 1 / 8
    assert stats.permutation_p([1, 10, 21], [2, 11, 20], rng, groups=pairs) == 4 / 8
    assert stats.permutation_p([1, 10, 20], [2, 11, 21], rng) == pytest.approx(7 / 20)
    # One pair and two groups of A against one of B: 2 x 3 labelings.
    mixed = np.array([0, 1, 1, 2, 0, 3, 3])
    assert stats.permutation_p([1, 2, 3, 4], [5, 6, 7], rng, groups=mixed) == 1 / 6


def exchanged(is_b: list[int], groups: list[int]) -> set[tuple[int, ...]]:
    """All labelings of images: found by trying every one."""
    one_set = {g for g in groups if len({b for b, h in zip(is_b, groups, strict=True) if g == h}) == 1}
    found = set()
    for labels in product([0, 1], repeat=len(is_b)):
        inside = {g: [b for b, h in zip(labels, groups, strict=True) if g == h] for g in groups}
        kept = all(
            len(set(inside[g])) == 1
            if g in one_set
            else sum(inside[g]) == sum(b for b, h in zip(is_b, groups, strict=True) if g == h)
            for g in inside
        )
        whole = [sum({g: int(row[groups.index(g)]) for g in one_set}.values()) for row in (labels, is_b)]
        if kept and whole[0] == whole[1]:
            found.add(labels)
    return found


@examples
@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 3)), min_size=1, max_size=7))
def test_labelings_are_all_that_keep_groups_whole_or_mixed_as_they_were(images: list[tuple[int, int]]) -> None:
    is_b, groups = [b for b, _ in images], [g for _, g in images]
    swaps = stats.Exchangeable.of(np.array(is_b) == 1, np.array(groups))
    every = swaps.every()[:, swaps.item]
    wanted = exchanged(is_b, groups)
    assert every[0].tolist() == [b == 1 for b in is_b]
    assert len(every) == swaps.count == len(wanted)
    assert {tuple(map(int, row)) for row in every} == wanted
    drawn = swaps.drawn(200, np.random.default_rng(0))[:, swaps.item]
    assert {tuple(map(int, row)) for row in drawn} <= wanted


@pytest.mark.parametrize(
    "groups", [np.arange(24) // 3, np.arange(24) % 12, np.where(np.arange(24) % 12 < 4, 0, np.arange(24))]
)
def test_drawn_labelings_are_equally_likely(groups: NDArray[np.int64]) -> None:
    swaps = stats.Exchangeable.of(np.arange(24) >= 12, groups)
    drawn = swaps.drawn(4000, np.random.default_rng(1))
    for block in np.unique(swaps.block):
        inside = swaps.block == block
        expected = swaps.is_b[inside].mean()
        np.testing.assert_allclose(drawn[:, inside].mean(0), expected, atol=4 * 0.5 / 4000**0.5)
        assert (drawn[:, inside].sum(1) == swaps.is_b[inside].sum()).all()


def test_drawn_labelings_agree_with_all(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    groups = np.array([0, 0, 1, 2, 3, 3, 4, 5, 0, 6, 7, 7, 8, 9])
    a, b = rng.normal(size=8), rng.normal(0.5, 1, size=6)
    exact = stats.permutation_p(a, b, rng, groups=groups)
    drawn = stats.permutation_p(
        a, b, rng, permutations=stats.Exchangeable.of(np.arange(14) >= 8, groups).count - 1, groups=groups
    )
    assert exact == pytest.approx(drawn, abs=4 * 0.5 / 350**0.5)
    assert exact != drawn


def clustered(
    rng: np.random.Generator, groups: NDArray[np.int64], alike: float, gap: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Scores of unit variance, a share `alike` of which is the group's; the second half are B's."""
    scores = rng.normal(size=groups.max() + 1)[groups] * alike**0.5 + rng.normal(size=len(groups)) * (1 - alike) ** 0.5
    half = len(groups) // 2
    return scores[:half], scores[half:] + gap


@pytest.mark.parametrize("gap", [0.0, 1.0, 2.5])
@pytest.mark.parametrize("both", [False, True])
def test_grouped_interval_covers_the_true_auroc(gap: float, both: bool) -> None:
    rng = np.random.default_rng(5)
    groups = np.tile(np.arange(32) // 4, 2) if both else np.arange(64) // 4
    truth = NormalDist().cdf(gap / 2**0.5)
    scores = [clustered(rng, groups, 0.7, gap) for _ in range(200)]
    covered = np.mean([low <= truth <= high for low, high in (stats.auroc_interval(a, b, groups) for a, b in scores)])
    assert covered >= 0.95 - 4 * (0.95 * 0.05 / 200) ** 0.5
    if not both and gap < 2:
        naive = np.mean([low <= truth <= high for low, high in (stats.auroc_interval(a, b) for a, b in scores)])
        assert naive < 0.85


def test_a_perfect_separation_of_alike_images_is_as_sure_as_its_groups() -> None:
    groups = np.arange(48) // 6
    a, b = np.repeat([1.0, 2, 3, 4], 6), np.repeat([11.0, 12, 13, 14], 6)
    for noise in (0.0, 1e-3):
        jitter = noise * np.random.default_rng(6).normal(size=24)
        low, high = stats.auroc_interval(a + jitter, b + jitter, groups)
        assert high == 1
        assert low == pytest.approx(stats.auroc_interval([1, 2, 3, 4], [11, 12, 13, 14])[0], abs=0.1)
    assert stats.design_effect(np.zeros(24), np.ones(24), groups) == 6
    assert stats.design_effect(a, b, np.arange(48)) == pytest.approx(1, abs=0.1)


def test_smallest_detectable_auroc_is_passed_by_80_percent() -> None:
    null_sd = stats.auroc_variance(0.5, 30, 30) ** 0.5
    critical = 0.5 + 1.645 * null_sd
    found = stats.detectable_auroc(critical, null_sd, 30, 30)
    gap = 2**0.5 * NormalDist().inv_cdf(found)  # the AUROC of two normals is Phi(gap / sqrt 2)
    rng = np.random.default_rng(4)
    passed = [stats.auroc(rng.normal(size=30), rng.normal(gap, 1, size=30)) > critical for _ in range(400)]
    assert np.mean(passed) == pytest.approx(0.8, abs=0.07)
    assert stats.detectable_auroc(1.01, null_sd, 30, 30) == 1
    assert stats.detectable_by_ranks(30, 30, 0.05) == pytest.approx(found, abs=1e-3)
    assert found < stats.detectable_by_ranks(30, 30, 0.025) < stats.detectable_by_ranks(30, 30, 0.025, 2.0) < 1
    assert stats.detectable_by_ranks(3, 3, 0.01) == 1


def test_wilson_interval_on_the_example_of_newcombe() -> None:
    # Newcombe (1998), Statistics in Medicine 17:857, table I, method 3.
    assert stats.wilson_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert stats.wilson_interval(0, 20) == pytest.approx((0, 0.1611), abs=5e-5)
    assert stats.wilson_interval(1, 29) == pytest.approx((0.0061, 0.1718), abs=5e-5)
    assert stats.wilson_interval(0, 0) == (0, 1)


def test_corrected_prevalence_by_hand() -> None:
    """80 of 100 judged, sensitivity .9, specificity .8: (.8 + .8 - 1) / (.9 + .8 - 1) = .857."""
    share = stats.corrected_prevalence(0.8, 100, (90, 100), (80, 100))
    assert share is not None
    value, low, high = share
    assert value == pytest.approx(0.6 / 0.7)
    assert 0.7 < low < value < high < 1


def test_a_judge_at_chance_tells_no_prevalence() -> None:
    assert stats.corrected_prevalence(0.5, 100, (50, 100), (50, 100)) is None
    assert stats.corrected_prevalence(0.5, 100, (3, 4), (3, 4)) is None


@pytest.mark.parametrize("truth", [0.0, 0.05, 0.3, 0.8, 1.0])
@pytest.mark.parametrize(("sensitivity", "specificity"), [(0.6, 0.97), (0.9, 0.99), (1.0, 0.9)])
def test_intervals_of_corrected_prevalences_hold_the_truth(
    truth: float, sensitivity: float, specificity: float
) -> None:
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(600):
        rate = rng.binomial(50, truth * sensitivity + (1 - truth) * (1 - specificity)) / 50
        counts = (int(rng.binomial(60, sensitivity)), 60), (int(rng.binomial(60, specificity)), 60)
        share = stats.corrected_prevalence(rate, 50, *counts)
        held += share is not None and share[1] <= truth + 1e-9 and truth - 1e-9 <= share[2]
    assert held / 600 >= 0.93


def test_flags_of_whole_groups_count_once() -> None:
    groups = np.repeat(np.arange(10), 5)
    alike = np.repeat(np.arange(10) % 2 == 0, 5)
    assert stats.independent(alike, groups) == pytest.approx(9)
    assert stats.independent(np.ones(50, bool), groups) == 10
    assert stats.independent(alike, np.arange(50)) == pytest.approx(49, abs=1.01)
    assert stats.independent(np.tile([True, False, True, False, False], 10), groups) == 50
