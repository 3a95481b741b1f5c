"""From a cached pair to what the language model learns from: sub-sets of every size, single images, near misses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from data_synth.catalog import FAMILIES, GROUPS, TRAINED, trained_contents
from data_synth.facts import Content
from data_synth.lexicon import family_of
from data_synth.matching import mirrored
from train.jumpstart import is_free, siblings, strangers, text_of
from train.pairs import CachedPair
from vlmdiff.learn.tokens import Moments, against_pool, between
from vlmdiff.models.difference import Difference
from vlmdiff.models.lines import NO_DIFFERENCE, line

Rows = NDArray[np.int64]
NEAR_MISSES = 6
"""Wrong claims that a right one is held against."""
_STATED = 0.4
"""A difference of shares from which on a fact or a nuisance is stated whatever the sizes."""
_SPREADS = 2.4
"""The same in standard errors of a difference of two shares near one half: large sets show smaller differences."""
_REVERSED = 0.25
"""How often a pair is read in the order in which B shows nothing more; with .1 most models invented something there."""
_NULL, _PARTED_ANEW = 0.125, 0.3
"""How often both sets are of untouched images, and how often a pair's images are parted anew. From 18,000 pairs the
language model learned much by heart: .18 nats a token on pairs it had seen, .28 on others (docs/log.md)."""
_FEWEST, _LEAST_PREVALENCE = 4, 0.6
"""Images of a set that was parted anew, and the share of the second that shows what it was parted by."""
_WHOLE = 8
"""Images of a side from which on it shows what only a set can show."""


class FeatureRows(Protocol):
    """Where feature rows of a pair's images come from: a cache on disk, or a pair that was just encoded."""

    def rows(self, pair: CachedPair, images: Rows) -> torch.Tensor:
        """Rows with summaries (images, rows, channels), float32."""
        ...


def stated_from(a: int, b: int) -> float:
    """The difference of shares from which on so many images of A and B show it: .4, and .21 with 64 of each."""
    return min(_STATED, _SPREADS * float((0.25 * (1 / a + 1 / b)) ** 0.5))


def _gaps(pair: CachedPair, a: Rows, b: Rows) -> list[tuple[Content, float]]:
    """What A and B show unlike, with B's share less A's; of whole sets 1 or -1, where both are of one set and large."""
    gaps = pair.shows[b].mean(0) - pair.shows[a].mean(0)
    said = {i: float(gap) for i, gap in enumerate(gaps) if abs(gap) >= stated_from(len(a), len(b))}
    if pair.of_sets and min(len(a), len(b)) >= _WHOLE:
        in_a, in_b = np.unique(a < pair.size_a), np.unique(b < pair.size_a)
        if len(in_a) == len(in_b) == 1 and in_a[0] != in_b[0]:
            said |= {i: 1.0 if in_b[0] == (side == "a") else -1.0 for i, side in pair.of_sets}
    return [(pair.contents[i], gap) for i, gap in said.items()]


def report(pair: CachedPair, a: Rows, b: Rows) -> str:
    """What a sub-set of the pair's images shows: one line a difference, in the order of the alphabet."""
    said = [line("b" if gap > 0 else "a", text_of(content)) for content, gap in _gaps(pair, a, b)]
    return "".join(sorted(said)) or NO_DIFFERENCE + "\n"


def shown_by_b(pair: CachedPair, a: Rows, b: Rows) -> str:
    """What B shows more than A, one line each, in the order of the alphabet; that A is darker is that B is brighter."""
    more = [content if gap > 0 else mirrored(content) for content, gap in _gaps(pair, a, b)]
    return "".join(sorted(line("b", text_of(c)) for c in more if c is not None)) or NO_DIFFERENCE + "\n"


@dataclass(frozen=True)
class Sample:
    """One difference and the report it should lead to; claims where a single image is judged."""

    difference: Difference
    target: str
    claims: tuple[str, ...] = ()
    """The right one first."""


def _size(rng: np.random.Generator, most: int) -> int:
    """Half of the time all there are, else evenly from three on."""
    return most if rng.random() < 0.5 else int(rng.integers(min(3, most), most + 1))


def set_sample(cache: FeatureRows, pair: CachedPair, rng: np.random.Generator) -> Sample:
    """Two sets of three images or more, and what B shows more; mostly the side with a fact is B.

    One time in eight both sets come from the untouched images: a null pair. Three times in ten they are parted anew, by
    something that some of the images show: a nuisance then is a difference, and what was one is a nuisance.
    """
    images = np.arange(len(pair.shows))
    a, b = images[: pair.size_a], images[pair.size_a :]
    clean = images[~pair.shows[:, : pair.facts].any(1)]
    chance = rng.random()
    if chance < _NULL and len(clean) >= 8:
        rng.shuffle(clean)
        half = len(clean) // 2
        a, b = clean[:half], clean[half:]
    elif chance > 1 - _PARTED_ANEW and (parted := _parted(pair, rng)):
        a, b = parted
        if rng.random() < _REVERSED:
            a, b = b, a
    elif rng.random() < (_REVERSED if not _holds(pair, a) else 0.5 if _holds(pair, b) else 1 - _REVERSED):
        a, b = b, a
    a = rng.choice(a, _size(rng, len(a)), replace=False)
    b = rng.choice(b, _size(rng, len(b)), replace=False)
    return Sample(between(cache.rows(pair, a), cache.rows(pair, b)), shown_by_b(pair, a, b))


def _parted(pair: CachedPair, rng: np.random.Generator) -> tuple[Rows, Rows] | None:
    """The images without one of the contents, and those with it, some of the former among them.

    None where too few show any, or do not; or where a whole set was changed, and its images belong together.
    """
    shown = pair.shows.sum(0)
    able = np.flatnonzero((shown >= _FEWEST) & (len(pair.shows) - shown >= _FEWEST))
    if pair.of_sets or not len(able):
        return None
    column = pair.shows[:, int(able[int(rng.integers(len(able)))])]
    without, showing = rng.permutation(np.flatnonzero(~column)), np.flatnonzero(column)
    most = min(len(without) - _FEWEST, int(len(showing) * (1 / _LEAST_PREVALENCE - 1)))
    among = int(rng.integers(most + 1))
    return without[among:], np.concatenate([showing, without[:among]])


def _holds(pair: CachedPair, images: Rows) -> bool:
    """Whether some of these images of one set show a planted fact, or their set does."""
    side = "a" if images[0] < pair.size_a else "b"
    return bool(pair.shows[images, : pair.facts].any()) or any(holder == side for _, holder in pair.of_sets)


def single_samples(cache: FeatureRows, pair: CachedPair, count: int, rng: np.random.Generator) -> list[Sample]:
    """Single images against a pool of others of the pair: the judge's work, with near-miss claims.

    None of a pair in which a whole set was changed: nobody wrote down what that did to which image.
    """
    if pair.of_sets:
        return []
    images = rng.permutation(len(pair.shows))
    size = int(rng.integers(8, len(images) - count + 1))
    pool, singles = images[:size], images[-count:]
    rows = cache.rows(pair, images)
    judged = against_pool(rows[-count:], Moments.of(rows[:size]))
    samples = []
    for i, single in enumerate(singles):
        one = np.array([single])
        difference = Difference(judged.rows[i : i + 1], judged.counts[i : i + 1])
        samples.append(Sample(difference, shown_by_b(pair, pool, one), _claims(pair, pool, single, rng)))
    return samples


def _claims(pair: CachedPair, pool: Rows, single: int, rng: np.random.Generator) -> tuple[str, ...]:
    """A right claim, then wrong ones; nothing where the image only shows what most of the pool shows too."""
    shown, shares = pair.shows[single], pair.shows[pool].mean(0)
    less = [c for i, c in enumerate(pair.contents) if not shown[i] and shares[i] >= _STATED]
    more = [c for i, c in enumerate(pair.contents) if shown[i] and 1 - shares[i] >= _STATED]
    more += [opposite for c in less if (opposite := mirrored(c)) is not None]
    if shown.any() and not more:
        return ()
    wrong = [c for i, c in enumerate(pair.contents) if not shown[i]]
    claims = [NO_DIFFERENCE + "\n"]
    if more:
        truth = more[int(rng.integers(len(more)))]
        claims.insert(0, line("b", text_of(truth)))
        wrong += near(truth, NEAR_MISSES // 2, rng)
    else:
        for content in list(wrong):
            wrong += near(content, 2, rng)
    true = {*more, *(c for i, c in enumerate(pair.contents) if shown[i])}
    misses = [c for c in dict.fromkeys(wrong) if c not in true]
    anchors = [family for c in (*more, *less) if (family := family_of(c))]
    free = next((c for c in pair.contents if is_free(c)), None)
    while len(claims) + len(misses) <= NEAR_MISSES:
        content = _any(anchors, rng) if free is None else _stranger(free, rng)
        if content not in true and content not in misses:
            misses.append(content)
    return (*claims, *(line("b", text_of(c)) for c in misses))[: NEAR_MISSES + 1]


def near(content: Content, count: int, rng: np.random.Generator) -> list[Content]:
    """Contents of the same family that cannot be true with it; of several attributes one or two are changed.

    Of a free concept, the others of its column.
    """
    options = _alike(content)
    if not options:
        return []
    return [options[int(i)] for i in rng.choice(len(options), min(count, len(options)), replace=False)]


@cache
def _alike(content: Content) -> tuple[Content, ...]:
    if is_free(content):
        return siblings(content)
    family = family_of(content)
    others = [other for other in trained_contents(FAMILIES[family]) if other != content] if family else []

    def changes(other: Content) -> int:
        values = sum(dict(other.value).get(name) != value for name, value in content.value)
        return values + (other.what != content.what) + (other.where != content.where)

    def both(other: Content) -> bool:  # one image tells nothing of varying places
        return "random" in (content.where, other.where) and (content.what, content.value) == (other.what, other.value)

    return tuple(other for other in others if changes(other) <= 2 and not both(other))


def _any(anchors: Sequence[str], rng: np.random.Generator) -> Content:
    """Half of the time of a family of the same group as one that is shown: blur for low resolution, say."""
    names = list(_contents())
    if anchors and rng.random() < 0.5:
        names = list(_kin(anchors[int(rng.integers(len(anchors)))]))
    options = _contents()[names[int(rng.integers(len(names)))]]
    return options[int(rng.integers(len(options)))]


def _stranger(free: Content, rng: np.random.Generator) -> Content:
    """What real images of this kind surely do not show; any of the catalog's contents could be true of them."""
    options = strangers(free)
    return options[int(rng.integers(len(options)))]


@cache
def _kin(family: str) -> tuple[str, ...]:
    group = next(group for group in GROUPS.values() if FAMILIES[family] in group)
    return tuple(other.name for other in group if other.name in TRAINED)


@cache
def _contents() -> dict[str, tuple[Content, ...]]:
    return {name: trained_contents(family) for name, family in TRAINED.items()}
