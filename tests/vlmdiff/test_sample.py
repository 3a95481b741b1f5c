"""Which images look and which check, and that a part is drawn by whole groups."""

import numpy as np
import pytest

from vlmdiff.sample import fewer, split


@pytest.mark.parametrize(("n_a", "n_b", "most"), [(40, 40, 10), (40, 6, 10), (8, 9, 10)])
def test_at_most_so_many_of_each_set(n_a: int, n_b: int, most: int) -> None:
    is_b = np.arange(n_a + n_b) >= n_a
    kept = fewer(np.arange(n_a + n_b), is_b, None, most, np.random.default_rng(0))
    assert ((~is_b[kept]).sum(), is_b[kept].sum()) == (min(n_a, most), min(n_b, most))
    assert kept.tolist() == sorted(set(kept.tolist()))


def test_groups_stay_whole() -> None:
    groups = np.concatenate([np.arange(20).repeat(3), np.arange(10, 30).repeat(3)])
    is_b = np.arange(120) >= 60
    kept = fewer(np.arange(120), is_b, groups, 30, np.random.default_rng(1))
    sizes = {group: (groups[kept] == group).sum() for group in np.unique(groups[kept])}
    assert all(size == (6 if 10 <= group < 20 else 3) for group, size in sizes.items())
    assert 27 <= (~is_b[kept]).sum() <= 30 and 27 <= is_b[kept].sum() <= 30


def test_two_groups_of_a_set_stay_however_large_they_are() -> None:
    groups = np.arange(6).repeat(50)
    is_b = groups >= 3
    kept = fewer(np.arange(300), is_b, groups, 20, np.random.default_rng(2))
    assert len(np.unique(groups[kept][~is_b[kept]])) == len(np.unique(groups[kept][is_b[kept]])) == 2


def test_halves_part_the_images_of_each_set() -> None:
    is_b = np.arange(31) >= 20
    look, check = split(is_b, None, np.random.default_rng(3))
    assert sorted([*look, *check]) == list(range(31))
    assert ((~is_b[look]).sum(), is_b[look].sum()) == (10, 5)
