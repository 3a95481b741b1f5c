"""What scores leave when others are taken out, and how much findings explain: an oracle judge explains nearly all."""

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from vlmdiff.residual import Share, explained_share, predicted, taken_out

Floats = NDArray[np.float64]


def test_slopes_are_those_within_the_sets() -> None:
    """In both sets the score rises by 2 for each unit of what is known; B lies 5 higher than that explains."""
    is_b = np.array([False, False, False, True, True, True])
    known = np.array([[0.0], [1], [2], [10], [11], [12]])
    scores = 2 * known[:, 0] + 5 * is_b
    left = taken_out(scores, known, is_b)
    assert left == pytest.approx(np.where(is_b, 5, 0))


def test_a_known_score_that_does_not_vary_within_the_sets_explains_nothing() -> None:
    is_b = np.arange(8) >= 4
    scores = np.array([0.0, 1, 2, 3, 4, 5, 6, 7])
    assert taken_out(scores, is_b[:, None].astype(float), is_b) == pytest.approx(scores)
    assert taken_out(scores, np.zeros((8, 0)), is_b) == pytest.approx(scores)


def test_columns_are_taken_out_of_each_alone() -> None:
    rng = np.random.default_rng(0)
    is_b, known = np.arange(20) >= 9, rng.normal(size=(20, 3))
    columns = rng.normal(size=(20, 4))
    together = taken_out(columns, known, is_b)
    assert together[:, 2] == pytest.approx(taken_out(columns[:, 2], known, is_b))


def test_copies_of_a_score_share_its_slope() -> None:
    is_b = np.arange(10) >= 5
    known = np.arange(10.0)[:, None] % 5
    twice = taken_out(3 * known[:, 0], np.hstack([known, known]), is_b)
    assert twice == pytest.approx(np.zeros(10))


def oracle_pair(facts: int, images: int, rng: np.random.Generator) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """An oracle's score of each planted fact on each image; a classifier's noisy score; the labels."""
    is_b = np.arange(2 * images) >= images
    shows = np.zeros((2 * images, facts))
    for column in shows.T:
        column[images + rng.choice(images, round(0.75 * images), replace=False)] = 1
    classifier = shows.mean(1) + 0.15 * rng.normal(size=len(is_b))
    return 4 * shows - 1, classifier, is_b


@pytest.mark.parametrize("facts", [1, 2, 3])
def test_an_oracle_that_knows_all_facts_explains_nearly_all(facts: int) -> None:
    rng = np.random.default_rng(facts)
    known, classifier, is_b = oracle_pair(facts, 40, rng)
    share = explained_share(known, classifier, is_b, rng)
    assert share is not None
    assert share.value > 0.9
    assert share.interval[1] > 0.97


@pytest.mark.parametrize("facts", [2, 3])
def test_the_share_drops_with_each_fact_that_is_withheld(facts: int) -> None:
    rng = np.random.default_rng(10 + facts)
    known, classifier, is_b = oracle_pair(facts, 60, rng)
    shares = [explained_share(known[:, :told], classifier, is_b, rng) for told in range(facts + 1)]
    values = [share.value for share in shares if share]
    assert len(values) == facts + 1
    assert values[0] == 0
    assert values == sorted(values)
    assert all(later - earlier > 0.03 for earlier, later in pairwise(values))
    one_less = shares[facts - 1]
    assert one_less and one_less.interval[1] < 1


def test_nothing_is_said_where_the_sets_cannot_be_told_apart() -> None:
    rng = np.random.default_rng(3)
    silent = sum(
        explained_share(rng.normal(size=(60, 1)), rng.normal(size=60), np.arange(60) >= 30, rng) is None
        for _ in range(12)
    )
    assert silent >= 11


def test_groups_widen_the_interval() -> None:
    """Six images of each of 32 groups are hardly more than 32 images."""
    rng = np.random.default_rng(4)
    groups = np.arange(32).repeat(6)
    is_b = groups >= 16
    fact = np.isin(groups, rng.choice(np.arange(16, 32), 10, replace=False))
    known = np.where(fact, 3.0, -1.0)[:, None]
    classifier = fact + 0.5 * is_b + 0.3 * rng.normal(size=32)[groups]

    def width(share: Share | None) -> float:
        assert share is not None
        return share.interval[1] - share.interval[0]

    alone = explained_share(known, classifier, is_b, np.random.default_rng(0))
    assert width(explained_share(known, classifier, is_b, np.random.default_rng(0), groups)) > 1.5 * width(alone)


def test_few_groups_are_not_parted() -> None:
    rng = np.random.default_rng(5)
    is_b, groups = np.arange(20) >= 10, np.zeros(20, int)
    assert explained_share(rng.normal(size=(20, 1)), rng.normal(size=20), is_b, rng, groups) is None
    assert predicted(rng.normal(size=(20, 1)), is_b, rng, groups) is None
    odds = predicted(np.where(is_b, 1.0, -1.0)[:, None], is_b, rng)
    assert odds is not None and ((odds > 0) == is_b).all()
