"""Difference statistics: worked by hand, and antisymmetric."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from vlmdiff.learn.tokens import PARTS, SUMMARY_ROWS, Moments, against_pool, between, statistics, with_summaries
from vlmdiff.models.difference import Difference

CHANNELS = 2


def rows_of(*values: float) -> torch.Tensor:
    """One image a value, with one row of one channel."""
    return torch.tensor(values, dtype=torch.float32)[:, None, None]


def drawn(images: int, seed: int, rows: int = 3) -> torch.Tensor:
    return torch.randn(images, rows, CHANNELS, generator=torch.Generator().manual_seed(seed))


def test_mean_deviation_and_maximum_follow_the_cells() -> None:
    rows = with_summaries(torch.tensor([[[1.0], [2.0], [3.0], [6.0]]]))
    assert rows.shape == (1, 4 + SUMMARY_ROWS, 1)
    torch.testing.assert_close(rows[0, :, 0], torch.tensor([1, 2, 3, 6, 3, math.sqrt(14 / 3), 6]))


def test_moments_are_those_of_the_images() -> None:
    moments = Moments.of(rows_of(1, 3))
    assert (moments.mean.item(), moments.variance.item(), moments.count) == (2, 1, 2)
    assert Moments.of(rows_of(7)).variance.item() == 0


@pytest.mark.parametrize(("n_a", "n_b"), [(1, 1), (1, 6), (5, 3)])
def test_moments_of_two_sets_are_those_of_all_their_images(n_a: int, n_b: int) -> None:
    a, b = drawn(n_a, 0), drawn(n_b, 1) + 5
    found, expected = Moments.of(a).with_others(Moments.of(b)), Moments.of(torch.cat([a, b]))
    assert found.count == expected.count
    torch.testing.assert_close((found.mean, found.variance), (expected.mean, expected.variance))


def test_statistics_by_hand() -> None:
    """With the floor of 0.01 the variances are 1 (A), 4 (B) and 9 (pool); the means are 3 apart, 4 images a side."""
    a, b, pool = (
        Moments(torch.tensor([[mean]]), torch.tensor([[variance - 0.01]]), count)
        for mean, variance, count in ((0.0, 1.0, 4), (3.0, 4.0, 4), (1.5, 9.0, 8))
    )
    t = 3 / math.sqrt(1 / 4 + 4 / 4)
    torch.testing.assert_close(statistics(a, b, pool), torch.tensor([[1.0, math.asinh(t), math.log(4)]]))


def test_a_set_of_one_takes_its_variance_from_the_pool_and_has_no_ratio() -> None:
    difference = between(rows_of(0), rows_of(2))
    expected = torch.tensor([2 / math.sqrt(1.01), math.asinh(2 / math.sqrt(2.02)), 0.0])
    torch.testing.assert_close(difference.rows[0, 0], expected)
    assert difference.counts.tolist() == [[1, 1]]
    assert between(rows_of(0), rows_of(1, 3)).rows[0, 0, 2] == 0


@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 999))
def test_swapping_the_sets_turns_every_sign(n_a: int, n_b: int, seed: int) -> None:
    a, b = drawn(n_a, seed), 1 + 2 * drawn(n_b, seed + 1)
    forth, back = between(a, b), between(b, a)
    assert forth.rows.shape == (1, 3, PARTS * CHANNELS)
    torch.testing.assert_close(back.rows, -forth.rows, atol=1e-5, rtol=1e-4)
    assert back.counts.tolist() == forth.counts.flip(1).tolist()


def test_the_order_of_the_images_does_not_matter() -> None:
    a, b = drawn(5, 0), drawn(4, 1)
    torch.testing.assert_close(between(a.flip(0), b.flip(0)).rows, between(a, b).rows)


def test_what_never_varies_says_nothing() -> None:
    same = torch.full((4, 3, CHANNELS), 0.7)
    assert torch.equal(between(same, same[:2]).rows, torch.zeros(1, 3, PARTS * CHANNELS))


def test_an_image_against_a_pool_is_a_set_of_one_whatever_its_company() -> None:
    images, pool = drawn(5, 2), Moments.of(drawn(9, 3))
    together = against_pool(images, pool)
    assert together.counts.tolist() == [[9, 1]] * 5
    for i, image in enumerate(images):
        alone = statistics(pool, Moments(image, torch.zeros_like(image), 1), pool)
        torch.testing.assert_close(together.rows[i], alone)
        torch.testing.assert_close(against_pool(images[i : i + 1], pool).rows[0], together.rows[i])
    assert together.rows[..., 2 * CHANNELS :].abs().max() == 0


def test_differences_stack_into_one_batch() -> None:
    one, two = between(drawn(3, 4), drawn(2, 5)), between(drawn(1, 6), drawn(4, 7))
    both = Difference.stack([one, two])
    assert both.counts.tolist() == [[3, 2], [1, 4]]
    assert torch.equal(both.rows[1:], two.rows)


@pytest.mark.parametrize("images", [1, 8])
def test_statistics_stay_finite_for_flat_cells(images: int) -> None:
    """A black border: no variance at all, and a huge step in one set."""
    flat, step = torch.zeros(images, 1, 1), torch.full((images, 1, 1), 50.0)
    assert torch.isfinite(between(flat, step).rows).all()
