"""What the language model is taught: the truth of sub-sets by hand, and claims of which only the first is right."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from data_synth.catalog import SET_FAMILIES
from data_synth.facts import Content, content
from data_synth.lexicon import canonical, family_of, parse
from data_synth.matching import mirrored
from train.pairs import CachedPair, PairCache
from train.samples import (
    NEAR_MISSES,
    Sample,
    _parted,
    near,
    report,
    set_sample,
    shown_by_b,
    single_samples,
    stated_from,
)
from vlmdiff.models.lines import NO_DIFFERENCE, line, lines

DARKER, BRIGHTER = content("brightness", direction="less"), content("brightness", direction="more")
RED = content("tint", colour="red")
RECTANGLE = content("rectangle", "top left", colour="red", count="one", size="small")
NONE = NO_DIFFERENCE + "\n"


class Shown(PairCache):
    """One row an image, whose channels say what it shows: so a difference tells its own truth."""

    def rows(self, pair: CachedPair, images: NDArray[np.int64]) -> torch.Tensor:
        return torch.from_numpy(pair.shows[images]).float()[:, None]


CACHE = Shown(Path("nowhere"), channels=0)


def pair_of(contents: Sequence[Content], shows: Sequence[Any], facts: int = 1, size_a: int = 0) -> CachedPair:
    """A row of `shows` for each content, with an entry for each image."""
    table = np.array(shows, bool).T
    return CachedPair(tuple(contents), facts, table, size_a or len(table) // 2, 0)


def said(side: str, what: Content) -> str:
    return line("a" if side == "a" else "b", canonical(what))


def rows(*images: int) -> NDArray[np.int64]:
    return np.array(images)


HAND = pair_of(
    [DARKER, RECTANGLE, RED],
    [[0, 0, 0, 1, 1, 1, 1, 1], [1, 1, 1, 1, 0, 0, 0, 1], [0, 1, 0, 1, 0, 1, 1, 1]],
    facts=2,
)
"""A is images 0 to 3: dark 1/4 against 4/4, rectangles 4/4 against 1/4, red 2/4 against 3/4 (too close to state)."""
A, B = rows(0, 1, 2, 3), rows(4, 5, 6, 7)


def test_the_report_states_gaps_of_two_fifths_and_more() -> None:
    assert report(HAND, A, B) == said("a", RECTANGLE) + said("b", DARKER)
    assert report(HAND, B, A) == said("a", DARKER) + said("b", RECTANGLE)
    assert report(HAND, rows(4), rows(5)) == said("b", RED)
    assert report(HAND, rows(5), rows(6)) == NONE


def test_what_b_shows_more_turns_a_directed_difference_round() -> None:
    """A lacks nothing that B could show instead of a rectangle; but where A is darker, B is brighter."""
    assert shown_by_b(HAND, A, B) == said("b", DARKER)
    assert shown_by_b(HAND, B, A) == said("b", BRIGHTER) + said("b", RECTANGLE)
    assert shown_by_b(HAND, rows(5), rows(6)) == NONE


@pytest.mark.parametrize(("shown", "stated"), [(1, False), (2, True)])
def test_the_bound_is_two_of_five(shown: int, stated: bool) -> None:
    pair = pair_of([RED], [[0] * 5 + [1] * shown + [0] * (5 - shown)])
    assert (report(pair, rows(0, 1, 2, 3, 4), rows(5, 6, 7, 8, 9)) != NONE) == stated


def drawn(rng: np.random.Generator, size: int = 16) -> CachedPair:
    """A pair as the generator makes them: two facts, one on each side, and a nuisance on both."""
    dark = np.arange(2 * size) >= size
    square = ~dark & (rng.random(2 * size) < 0.8)
    red = rng.random(2 * size) < 0.5
    dark &= rng.random(2 * size) < 0.8
    return pair_of([DARKER, RECTANGLE, RED], [dark, square, red], facts=2)


def gaps(sample: Sample) -> list[float]:
    """How much more B shows each content, standardised; the sign is that of the shares."""
    one = sample.difference.rows[0, 0]
    found: list[float] = one[: len(one) // 3].tolist()
    return found


def test_samples_of_sets_say_what_their_rows_show() -> None:
    rng = np.random.default_rng(0)
    pair = drawn(rng)
    targets = set()
    for _ in range(200):
        sample = set_sample(CACHE, pair, rng)
        assert sample.claims == ()
        assert sample.difference.counts.min() >= 3 and sample.difference.counts.sum() <= 32
        dark, square, red = gaps(sample)
        for side, sentence in lines(sample.target):
            assert side == "b"
            what = parse(sentence)
            assert {DARKER: dark, BRIGHTER: -dark, RECTANGLE: square, RED: red}[what or RED] > 0
        targets.add(sample.target)
    assert {said("b", DARKER), said("b", BRIGHTER) + said("b", RECTANGLE)} <= targets, "both orders are taught"


def test_null_pairs_come_from_untouched_images_of_one_side() -> None:
    """A is untouched, all of B dark: unless A is split in two there is always something to say."""
    rng = np.random.default_rng(1)
    pair = pair_of([DARKER], [[0] * 16 + [1] * 16])
    samples = [set_sample(CACHE, pair, rng) for _ in range(400)]
    nulls = [s for s in samples if s.target == NONE]
    alike = [s for s in nulls if gaps(s) == [0]]
    assert 30 <= len(alike) <= 75, "one in eight"
    assert all(s.difference.counts.sum() <= 16 for s in alike)
    assert len(nulls) - len(alike) <= 12, "few of a set parted anew are dark by chance"


def test_what_both_sets_show_alike_is_a_difference_of_images_parted_by_it() -> None:
    """All of B is dark, half of either set is red: only where images are parted anew is red a difference of its own."""
    rng = np.random.default_rng(3)
    pair = pair_of([DARKER, RED], [[0] * 16 + [1] * 16, [0, 1] * 16], facts=1)
    samples = [set_sample(CACHE, pair, rng) for _ in range(400)]
    red = [s for s in samples if said("b", RED) in s.target and said("b", DARKER) not in s.target]
    assert 0.06 <= len(red) / len(samples) <= 0.2, "three in ten, half of them by red, some in the other order"
    assert all(gaps(s)[1] > 0 for s in red)


def test_images_are_parted_by_what_enough_of_them_show_and_enough_do_not() -> None:
    rng = np.random.default_rng(4)
    shows = [[0] * 16 + [1] * 16, [1] * 3 + [0] * 29]
    for _ in range(50):
        parted = _parted(pair_of([DARKER, RED], shows), rng)
        assert parted is not None
        without, showing = parted
        assert len(without) >= 4 and set(without) <= set(range(16))
        assert set(range(16, 32)) <= set(showing) and len(showing) <= 26, "three in five of the second show it"
        assert sorted([*without, *showing]) == list(range(32))
    assert _parted(pair_of([RED], shows[1:]), rng) is None
    assert _parted(replace(pair_of([DARKER, RED], shows), of_sets=((1, "b"),)), rng) is None, "a set changed whole"


def test_a_pair_without_untouched_images_has_no_null_samples() -> None:
    pair = pair_of([DARKER, RED], [[1] * 16 + [0] * 16, [0] * 16 + [1] * 16], facts=2)
    rng = np.random.default_rng(2)
    assert all(set_sample(CACHE, pair, rng).target != NONE for _ in range(100))


def test_the_first_claim_alone_is_right() -> None:
    rng = np.random.default_rng(3)
    firsts = set()
    for _ in range(60):
        for sample in single_samples(CACHE, drawn(rng), 4, rng):
            pool, one = sample.difference.counts[0].tolist()
            assert 8 <= pool <= 28
            assert one == 1
            if not sample.claims:
                continue
            first, *wrong = sample.claims
            firsts.add(first)
            assert first in sample.target.splitlines(keepends=True)
            assert len(set(sample.claims)) == NEAR_MISSES + 1
            assert NONE in sample.claims
            shown = {c for c, gap in zip((DARKER, RECTANGLE, RED), gaps(sample), strict=True) if gap > 0}
            assert not {said("b", c) for c in shown} & set(wrong)
            assert not set(sample.target.splitlines(keepends=True)) & set(wrong)
    assert firsts == {said("b", DARKER), said("b", BRIGHTER), said("b", RECTANGLE), said("b", RED), NONE}


def test_no_miss_is_another_thing_that_the_image_shows() -> None:
    """Two rectangles of different size on half of the images: each is a near miss of the other elsewhere."""
    large = content("rectangle", "top left", colour="red", count="one", size="large")
    rng = np.random.default_rng(8)
    pair = pair_of([RECTANGLE, large], [[0, 1] * 16] * 2, facts=2)
    judged = [s for _ in range(100) for s in single_samples(CACHE, pair, 4, rng) if gaps(s)[0] > 0 and s.claims]
    assert {s.claims[0] for s in judged} == {said("b", RECTANGLE), said("b", large)}
    assert not [s for s in judged if {said("b", RECTANGLE), said("b", large)} & set(s.claims[1:])]


def test_where_much_of_the_pool_is_darker_an_image_that_is_not_is_brighter() -> None:
    """32 images, half of them dark: a bright one is brighter than the pool or, against few dark ones, like it."""
    rng = np.random.default_rng(4)
    pair = pair_of([DARKER], [[0, 1] * 16])
    for _ in range(40):
        for sample in single_samples(CACHE, pair, 4, rng):
            if gaps(sample)[0] < 0 and sample.claims:
                assert sample.claims[0] in (said("b", BRIGHTER), NONE)
                assert (said("b", BRIGHTER) in sample.claims[1:]) <= (sample.claims[0] == NONE)


def test_an_image_that_shows_only_what_the_pool_shows_too_has_no_right_claim() -> None:
    pair = pair_of([RED], [[1] * 32])
    for sample in single_samples(CACHE, pair, 4, np.random.default_rng(5)):
        assert sample.target == NONE
        assert sample.claims == ()


@pytest.mark.parametrize("what", [DARKER, RED, RECTANGLE])
def test_near_misses_are_of_the_family_and_cannot_hold_as_well(what: Content) -> None:
    rng = np.random.default_rng(6)
    for _ in range(20):
        for other in near(what, 3, rng):
            assert other != what
            assert family_of(other) == family_of(what)
            changed = sum(dict(what.value)[name] != value for name, value in other.value)
            assert changed + (what.what != other.what) + (what.where != other.where) <= 2


def test_varying_places_are_no_miss_for_a_place() -> None:
    anywhere = content("rectangle", "random", colour="red", count="one", size="small")
    rng = np.random.default_rng(7)
    assert anywhere not in near(RECTANGLE, 1000, rng)
    assert not {c for c in near(anywhere, 1000, rng) if (c.what, c.value) == (anywhere.what, anywhere.value)}
    assert near(content("watermark"), 3, rng) == []
    assert mirrored(RECTANGLE) is None


def test_large_sets_show_smaller_differences() -> None:
    assert stated_from(16, 16) == 0.4
    assert stated_from(64, 64) == pytest.approx(2.4 * (0.25 / 32) ** 0.5)
    assert stated_from(1, 100) == 0.4
    pair = pair_of([RED], [[0] * 64 + [1] * 16 + [0] * 48], size_a=64)
    assert shown_by_b(pair, np.arange(64), np.arange(64, 128)) == said("b", RED)
    assert shown_by_b(pair, np.arange(32), np.arange(64, 128)) == NONE  # .25 where .26 is asked


def test_what_only_a_set_shows_is_said_of_large_parts_of_the_set() -> None:
    varied, even = SET_FAMILIES["varied_brightness"].contents()
    pair = replace(pair_of([varied], [[0] * 20]), of_sets=((0, "b"),))
    a, b = np.arange(10), np.arange(10, 20)
    assert shown_by_b(pair, a, b) == said("b", varied)
    assert shown_by_b(pair, b, a) == said("b", even)
    assert report(pair, a[:8], b[:8]) == said("b", varied)
    assert report(pair, a[:7], b) == NONE
    assert report(pair, a[:8], np.concatenate([a[8:], b])) == NONE  # a mixture of both
    assert single_samples(CACHE, pair, 4, np.random.default_rng(0)) == []
