"""The two-sample test: leave-one-out against refitting, error rates, power, and what it must not be fooled by."""

import numpy as np
import pytest
from numpy.typing import NDArray

from vlmdiff.learn import probe, ridge
from vlmdiff.stats import auroc, auroc_rows, score_interval

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


def half(n: int) -> Flags:
    return np.arange(n) >= n // 2


def drawn(n: int, rng: np.random.Generator, shift: float = 0.0, spread: float = 1.0) -> ridge.Products:
    """Features of n images, the second half shifted along one direction and spread out."""
    features = rng.normal(size=(n, 30)) * np.linspace(1, 0.2, 30)
    features[half(n)] *= spread
    features[half(n), 3] += shift
    return ridge.products(features)


def refitted_scores(
    features: Floats, is_b: Flags, penalty: float, groups: NDArray[np.int64], copies: NDArray[np.int64]
) -> Floats:
    """Leave-group-out scores the long way: copy the images, fit w and an intercept, score from the classes' middle."""
    scores = np.empty(len(is_b))
    for i in range(len(is_b)):
        train = np.repeat(np.arange(len(is_b)), np.where(groups == groups[i], 0, copies))
        x, y = features[train], np.where(is_b[train], 1.0, -1.0)
        rows = np.column_stack([x, np.ones(len(x))])
        ridge = np.diag([penalty] * x.shape[1] + [0.0])
        w = np.linalg.solve(rows.T @ rows + ridge, rows.T @ y)[:-1]
        middle = (x[is_b[train]].mean(0) + x[~is_b[train]].mean(0)) / 2
        scores[i] = (features[i] - middle) @ w
    return scores


def null_rejections(count: int, groups: NDArray[np.int64] | None, spread_of_groups: float) -> float:
    """Share of p <= 0.05 among pairs of sets that do not differ, images of a group alike."""
    rng = np.random.default_rng(5)
    n, rejected = 24, 0
    for _ in range(count):
        features = rng.normal(size=(n, 8))
        members = np.arange(n) // 3 if groups is None else groups
        features += spread_of_groups * rng.normal(size=(n, 8))[members]
        test = probe.two_sample_test(
            ridge.products(features), half(n), rng, groups=groups, permutations=99, bootstrap=2
        )
        rejected += test.p_value <= 0.05
    return rejected / count


@pytest.mark.parametrize("penalty", probe.PENALTIES)
@pytest.mark.parametrize("grouped", [False, True])
def test_leave_out_scores_equal_refitting(penalty: float, grouped: bool) -> None:
    rng = np.random.default_rng(0)
    n = 15
    features = rng.normal(size=(n, 6)) + 3
    is_b = rng.permutation(n) < 6
    groups = rng.integers(0, 6, n) if grouped else np.arange(n)
    units = [np.flatnonzero(groups == group) for group in np.unique(groups)]
    for copies in (np.ones(n, int), rng.integers(1, 4, n)):
        labels = np.array([is_b, ~is_b, np.roll(is_b, 1)])
        found = ridge.leave_out_scores(ridge.Gram(features @ features.T), labels, penalty, units, copies)
        for row, flags in zip(found, labels, strict=True):
            expected = refitted_scores(features, flags, penalty, groups, copies)
            np.testing.assert_allclose(row, expected, atol=1e-8)


def test_equal_sets_score_near_one_half_at_every_penalty() -> None:
    rng = np.random.default_rng(1)
    n = 40
    units = list(np.arange(n)[:, None])
    labels = np.array([rng.permutation(half(n)) for _ in range(300)])
    for penalty in probe.PENALTIES:
        scores = ridge.leave_out_scores(drawn(n, rng), labels, penalty, units)
        assert auroc_rows(scores, labels).mean() == pytest.approx(0.5, abs=0.06)


def test_null_pairs_are_rejected_at_the_level() -> None:
    assert 0.005 <= null_rejections(300, None, 0.0) <= 0.05 + 4 * (0.05 * 0.95 / 300) ** 0.5


IMAGES = np.arange(24)
GROUPINGS = {
    "in one set": IMAGES // 3,
    "in both sets": IMAGES % 12,
    "some of each": np.where(IMAGES % 12 < 6, IMAGES % 6, 6 + IMAGES // 3),
}


@pytest.mark.parametrize("groups", GROUPINGS.values(), ids=GROUPINGS.keys())
def test_null_pairs_of_alike_images_are_rejected_at_the_level(groups: NDArray[np.int64]) -> None:
    assert null_rejections(200, groups, 3.0) <= 0.08


def test_without_groups_alike_images_would_fool_it() -> None:
    assert null_rejections(40, None, 3.0) > 0.5


def test_with_few_groups_every_labeling_counts() -> None:
    """5 + 5 groups have 252 labelings: chance has no say, and only the mirrored one separates as a clear shift does."""
    groups = np.arange(30) // 3
    rng = np.random.default_rng(21)
    noise = 0.1 * rng.normal(size=(30, 6)) + rng.normal(size=(10, 6))[groups]

    def p_value(shift: float, seed: int) -> float:
        products = ridge.products(noise + shift * np.outer(half(30), np.eye(6)[0]))
        return probe.two_sample_test(
            products, half(30), np.random.default_rng(seed), groups=groups, bootstrap=2
        ).p_value

    assert p_value(20, 0) == 2 / 252
    assert p_value(0, 0) == p_value(0, 1)
    assert (252 * p_value(0, 0)) == pytest.approx(round(252 * p_value(0, 0)))


def test_the_interval_of_alike_images_is_as_wide_as_that_of_their_groups() -> None:
    rng = np.random.default_rng(22)
    features = 0.01 * rng.normal(size=(48, 8)) + rng.normal(size=(12, 8))[np.arange(48) // 4]
    features[half(48), 0] += 8
    products = ridge.products(features)
    told = probe.two_sample_test(products, half(48), rng, groups=np.arange(48) // 4, permutations=99)
    untold = probe.two_sample_test(products, half(48), rng, permutations=99)
    assert told.auroc == untold.auroc == 1
    assert told.auroc_ci[0] < score_interval(1, 24, 24, 3)[0] < untold.auroc_ci[0]
    assert told.smallest_detectable_auroc > untold.smallest_detectable_auroc


def test_power_rises_with_the_shift() -> None:
    rng = np.random.default_rng(6)

    def power(shift: float) -> float:
        found = [
            probe.two_sample_test(drawn(32, rng, shift), half(32), rng, permutations=99, bootstrap=2) for _ in range(30)
        ]
        return float(np.mean([test.p_value <= 0.05 for test in found]))

    assert power(0.0) < 0.2 < power(1.0) < 0.9 < power(2.5)


def test_a_clear_shift() -> None:
    rng = np.random.default_rng(7)
    is_b = half(40)
    test = probe.two_sample_test(drawn(40, rng, 5.0), is_b, rng)
    assert test.statistic == "shift"
    assert test.p_value == 1 / 1000
    assert test.auroc > 0.95
    assert test.auroc == auroc(test.scores[~is_b], test.scores[is_b])
    assert test.auroc_ci[0] > 0.8


@pytest.mark.parametrize("spread", [0.5, 2.0])
def test_more_or_less_varied_is_found(spread: float) -> None:
    rng = np.random.default_rng(8)
    test = probe.two_sample_test(drawn(40, rng, spread=spread), half(40), rng)
    assert test.statistic == "spread"
    assert test.p_value <= 0.01


def test_a_shift_inside_groups_is_found_though_groups_differ_more() -> None:
    rng = np.random.default_rng(9)
    groups = np.arange(40) % 20
    features = rng.normal(size=(40, 10)) + 5 * rng.normal(size=(20, 10))[groups]
    features[half(40), 0] += 5
    test = probe.two_sample_test(ridge.products(features), half(40), rng, groups=groups, permutations=199, bootstrap=20)
    assert test.p_value <= 0.01


def test_swapping_the_sets_mirrors() -> None:
    gram = drawn(30, np.random.default_rng(10), 1.0)
    is_b = np.arange(30) >= 18
    one, other = (probe.two_sample_test(gram, flags, np.random.default_rng(11)) for flags in (is_b, ~is_b))
    assert (other.p_value, other.statistic, other.penalty) == (one.p_value, one.statistic, one.penalty)
    assert other.auroc == pytest.approx(one.auroc)
    np.testing.assert_allclose(other.scores, -one.scores, atol=1e-8)


def test_images_that_are_all_equal_do_not_differ() -> None:
    rng = np.random.default_rng(12)
    gram = ridge.products(probe.flatten(np.full((12, 16, 3), 0.1, np.float32)))
    test = probe.two_sample_test(gram, half(12), rng, permutations=99)
    assert (test.auroc, test.p_value) == (0.5, 1)


def test_interval_covers_the_mean_auroc() -> None:
    rng = np.random.default_rng(13)
    for shift in (0.0, 1.2):
        tests = [
            probe.two_sample_test(drawn(32, rng, shift), half(32), rng, permutations=19, bootstrap=40)
            for _ in range(50)
        ]
        mean = np.mean([test.auroc for test in tests])
        covered = np.mean([test.auroc_ci[0] <= mean <= test.auroc_ci[1] for test in tests])
        assert covered >= 0.95 - 4 * (0.95 * 0.05 / 50) ** 0.5


def test_smallest_detectable_auroc_falls_with_more_images_and_ignores_the_effect() -> None:
    rng = np.random.default_rng(14)

    def smallest(n: int, flags: Flags, shift: float = 0.0) -> float:
        gram = drawn(n, np.random.default_rng(15), shift)
        return probe.two_sample_test(gram, flags, rng, bootstrap=2).smallest_detectable_auroc

    assert 0.5 < smallest(120, half(120)) < smallest(40, half(40)) < smallest(16, half(16)) <= 1
    assert smallest(40, half(40), 4.0) == pytest.approx(smallest(40, np.arange(40) % 2 == 0, 4.0), abs=0.02)


def test_what_cannot_be_tested_is_refused() -> None:
    rng = np.random.default_rng(16)
    with pytest.raises(ValueError, match="30 images for 6 labels"):
        probe.two_sample_test(drawn(30, rng), half(6), rng)
    with pytest.raises(ValueError, match="not finite"):
        probe.two_sample_test(ridge.Gram(np.full((6, 6), np.nan)), half(6), rng)
    with pytest.raises(ValueError, match="not finite"):
        ridge.products(np.full((6, 4), np.nan))
    with pytest.raises(ValueError, match="at least two"):
        probe.two_sample_test(drawn(6, rng), half(6), rng, groups=np.array([0, 0, 0, 1, 2, 3]))


def test_products_are_centred_with_mean_length_one() -> None:
    products = ridge.products(np.random.default_rng(17).normal(3, 5, size=(9, 20)).astype(np.float32))
    assert isinstance(products, ridge.Gram)
    np.testing.assert_allclose(products.matrix.sum(0), 0, atol=1e-12)
    assert np.trace(products.matrix) == pytest.approx(9)
    assert products.lengths.sum() == pytest.approx(9)


@pytest.mark.parametrize("penalty", probe.PENALTIES)
@pytest.mark.parametrize("grouped", [False, True])
def test_directions_say_the_same_as_the_gram_matrix(penalty: float, grouped: bool) -> None:
    rng = np.random.default_rng(22)
    features = rng.normal(size=(40, 7)) + 3
    whole, few = ridge.Gram(features @ features.T).centred(), ridge.Directions(features).centred()
    np.testing.assert_allclose(few.lengths, whole.lengths, atol=1e-12)
    groups = np.arange(40) // 3 if grouped else np.arange(40)
    labels = np.array([rng.permutation(half(40)) for _ in range(5)])
    for copies in (None, rng.integers(1, 4, 40)):
        found, expected = (
            ridge.leave_out_scores(products, labels, penalty, ridge.units_of(groups), copies)
            for products in (few, whole)
        )
        np.testing.assert_allclose(found, expected, atol=1e-8)
    look, check = np.arange(0, 40, 2), np.arange(1, 40, 2)
    found, expected = (ridge.fitted_scores(p, half(40), penalty, look, check) for p in (few, whole))
    np.testing.assert_allclose(found, expected, atol=1e-8)


def test_the_leading_directions_of_many_images_separate_them_as_well() -> None:
    """Of 300 features with a falling spectrum, 100 directions, taken from every second image, do within .01."""
    rng = np.random.default_rng(23)
    features = (rng.normal(size=(4000, 300)) * 0.98 ** np.arange(300)).astype(np.float32)
    features[half(4000), 5] += 0.4
    centred = features - features.mean(0)
    labels, units = half(4000)[None], ridge.units_of(np.arange(4000))
    every, most = (ridge.Directions(rows).centred() for rows in (centred.astype(float), ridge.leading(centred, 100)))
    variances = most.rows.var(0)
    assert np.all(variances[1:] < 1.2 * variances[:-1])
    for penalty in probe.PENALTIES:
        found, expected = (
            auroc_rows(ridge.leave_out_scores(products, labels, penalty, units), labels)[0]
            for products in (most, every)
        )
        assert found == pytest.approx(expected, abs=0.01)
        assert expected > 0.55


def test_constant_features_of_many_images_have_no_direction(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ridge, "MOST_IN_GRAM", 10)
    rng = np.random.default_rng(24)
    test = probe.two_sample_test(ridge.products(np.ones((40, 3))), half(40), rng, permutations=19, bootstrap=2)
    assert (test.auroc, test.p_value) == (0.5, 1.0)


@pytest.mark.parametrize(("cells", "kept"), [(64, 16), (49, 16), (4, 4), (1, 1)])
def test_flatten_gives_four_blocks_of_equal_weight(cells: int, kept: int) -> None:
    grids = np.random.default_rng(18).normal(2, 3, size=(10, cells, 5)).astype(np.float32)
    rows = probe.flatten(grids)
    assert rows.shape == (10, 5 * (3 + kept))
    weight = (rows**2).sum(0)
    assert weight[:5].sum() == pytest.approx(50, rel=1e-5)
    assert weight[15:].sum() == pytest.approx(50, rel=1e-5)
    np.testing.assert_allclose(probe.flatten(7 * grids - 3), rows, atol=1e-4)


def test_flatten_averages_the_grid_by_place() -> None:
    grids = np.random.default_rng(19).normal(size=(6, 64, 2)).astype(np.float32)
    corner = grids.reshape(6, 8, 8, 2)[:, 6:, :2].mean((1, 2))
    rows = probe.flatten(grids)[:, 6:].reshape(6, 4, 4, 2)
    np.testing.assert_allclose(rows[:, 3, 0], probe.standardise(corner) / 4, atol=1e-5)


def test_flatten_refuses_a_grid_that_is_no_square() -> None:
    with pytest.raises(ValueError, match="65 cells"):
        probe.flatten(np.zeros((3, 65, 4), np.float32))


def test_columns_that_do_not_vary_become_zero() -> None:
    features = np.random.default_rng(20).normal(size=(8, 2)).astype(np.float32)
    features[:, 1] = 1e4
    features[0, 1] += 1e-3
    assert not probe.standardise(features)[:, 1].any()


def test_where_all_images_are_one_unit_nothing_is_known_without_it() -> None:
    """Of two or three patients in both sets one is looked at: leaving it out leaves no image."""
    rng = np.random.default_rng(25)
    products = ridge.products(rng.normal(size=(12, 30)))
    labels = half(12)[None]
    assert not ridge.leave_out_scores(products, labels, 1.0, [np.arange(12)]).any()
    for shared in (2, 3):
        groups = np.arange(12) % shared
        test = probe.two_sample_test(products, half(12), rng, groups=groups, permutations=99, bootstrap=20)
        look, check = np.flatnonzero(groups == 0), np.flatnonzero(groups > 0)
        on_look, on_check = probe.cross_fitted(products, half(12), look, check, groups)
        assert np.isfinite([*test.auroc_ci, *on_look, *on_check]).all()
