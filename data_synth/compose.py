"""Images and families to one labelled pair, a pure function of (config, seed, index)."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from data_synth import procedural, worlds
from data_synth.calibrate import amount_for
from data_synth.catalog import FAMILIES, SET_FAMILIES, held_out_combination
from data_synth.config import PairConfig
from data_synth.facts import Content, Difference, Fact, Side
from data_synth.family import Family, Pixels, SetFamily
from data_synth.sources import DRAWN, Bank

_ATTEMPTS, _FAR = 10, 1_000_003
"""Pairs tried where one cannot be drawn, and how far apart their indices are."""
SMALLEST_CHANGE = 0.25
"""Mean change in grey levels below which a drawn fact is not in the pixels (a colour shift of grey images), unless"""
SMALLEST_MARK = (16, 0.001)
"""this share of the pixels changes by this many grey levels (a speck)."""


@dataclass(frozen=True)
class LabelledPair:
    """Two image sets and what was planted."""

    images_a: list[Pixels]
    images_b: list[Pixels]
    difference: Difference
    nuisances: tuple[Content, ...]
    """What some images of both sets show alike."""
    shows_a: NDArray[np.bool_]
    """(images, facts + nuisances): which image of A shows what, the columns of `difference` first; no single image
    shows what only the set does."""
    shows_b: NDArray[np.bool_]
    domain: str
    bases: tuple[int, ...]
    """Rows of the bank that were used, A then B; empty for drawn images."""


@dataclass(frozen=True)
class Touch:
    """One drawn family, ready to be painted onto many images."""

    family: Family
    params: Any
    strength: float

    @property
    def content(self) -> Content:
        return self.family.content(self.params)

    def paint(self, image: Pixels, rng: np.random.Generator) -> Pixels:
        """A touched copy; the strength varies by a tenth from image to image."""
        strength = float(np.clip(self.strength * rng.uniform(0.9, 1.1), 0.0, 1.0))
        return self.family.paint(image, self.params, amount_for(self.family.name, strength), rng)

    def shows_on(self, image: Pixels, rng: np.random.Generator) -> bool:
        """Whether the pixels of this image change enough for the fact to be true of it."""
        change = np.abs(self.paint(image, rng).astype(np.int16) - image)
        levels, share = SMALLEST_MARK
        return float(change.mean()) >= SMALLEST_CHANGE or float((change.max(2) >= levels).mean()) >= share


def draw_touch(config: PairConfig, names: Iterable[str], image: Pixels, rng: np.random.Generator) -> Touch:
    """A family that shows on images like this one, drawn again while it does not (hue on grey).

    Args:
        names: of families of single images.

    Raises:
        ValueError: a hundred draws showed nothing.
    """
    names = [name for name in names if name in FAMILIES]
    strength = float(rng.uniform(*config.strength))
    if not names:
        raise ValueError("no family is left to draw; allow more families than facts and nuisances together")
    for _ in range(100):
        family = FAMILIES[names[int(rng.integers(len(names)))]]
        own = config.level(family.name)
        touch = Touch(family, family.draw(rng), float(rng.uniform(*own.strength)) if own else strength)
        unseen = held_out_combination(touch.content)
        if (unseen and not config.held_out) or (config.unseen_combinations and not unseen):
            continue
        if touch.shows_on(image, rng):
            return touch
    raise ValueError(f"none of {names} changes this image at strength {strength:.2f}; allow more families")


def _crop(image: Pixels, side: int, mirrored: bool, rng: np.random.Generator) -> Pixels:
    """A random square of at least 80 % of the image at the rendered size."""
    full = image.shape[0]
    keep = int(full * rng.uniform(0.8, 1.0))
    top, left = rng.integers(0, full - keep + 1, 2)
    patch = image[top : top + keep, left : left + keep]
    if mirrored:
        patch = patch[:, ::-1]
    way = cv2.INTER_AREA if keep > side else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(np.ascontiguousarray(patch), (side, side), interpolation=way), np.uint8)


@dataclass(frozen=True)
class Ground:
    """Untouched images of one domain in one world: what a pair is painted on."""

    domain: str
    images: list[Pixels]
    bases: tuple[int, ...]


def _draw_domain(config: PairConfig, bank: Bank, count: int, rng: np.random.Generator) -> str:
    """A data set, each as likely, and half of the time one of its classes; or a drawn field."""
    held = bank.pictures(config.split)
    names = [name for name in config.domains if name in DRAWN or held.get(name, 0) >= count]
    if not config.domains:
        names = [name for name in held if "/" not in name and held[name] >= count and config.draws_from(name)]
        if not names or rng.random() < config.drawn_share:
            names = [name for name in DRAWN if config.draws_from(name)]
    if not names:
        raise ValueError(f"no domain holds {count} images of the split {config.split!r}; ask for smaller sets")
    domain = names[int(rng.integers(len(names)))]
    classes = [name for name in held if name.startswith(f"{domain}/") and held[name] >= count]
    return classes[int(rng.integers(len(classes)))] if classes and rng.random() < 0.5 else domain


def draw_bases(bank: Bank, rows: NDArray[np.int64], count: int, rng: np.random.Generator) -> tuple[int, ...]:
    """Rows of different pictures: of near-duplicates one at most."""
    mixed = rng.permutation(rows)
    _, first = np.unique(bank.groups[mixed], return_index=True)
    return tuple(int(row) for row in mixed[np.sort(first)[:count]])


def photographs(bank: Bank, bases: tuple[int, ...], side: int, rng: np.random.Generator) -> list[Pixels]:
    """Some rows of the bank, cropped a little at random and all mirrored or none: mirroring is a difference, too."""
    mirrored = bool(rng.random() < 0.5)
    return [_crop(np.asarray(bank.images[row]), side, mirrored, rng) for row in bases]


def draw_ground(config: PairConfig, bank: Bank, count: int, rng: np.random.Generator) -> Ground:
    """`count` different images of one domain, all under one world."""
    domain = _draw_domain(config, bank, count, rng)
    side = int(config.sides[int(rng.integers(len(config.sides)))])
    if domain in DRAWN:
        bases: tuple[int, ...] = ()
        draw = partial(procedural.draw, domain.removeprefix("drawn/"), rng, side)
        images = [draw() for _ in range(count)]
    else:
        bases = draw_bases(bank, bank.domains(config.split)[domain], count, rng)
        images = photographs(bank, bases, side, rng)
    if rng.random() < config.world_share:
        world = worlds.draw(rng)
        images = [worlds.apply(world, image) for image in images]
    return Ground(domain, images, bases)


def _drawn_number(chances: tuple[float, ...], rng: np.random.Generator) -> int:
    return int(rng.choice(len(chances), p=chances))


@dataclass(frozen=True)
class _Planted:
    """What is painted on which share of A's and of B's images."""

    touch: Touch
    shares: tuple[float, float]
    """Of A and of B."""
    fact: Fact | None
    """None: a nuisance."""


@dataclass(frozen=True)
class _PlantedSet:
    """A set-level family, what it is painted with, and the fact."""

    family: SetFamily
    params: Any
    fact: Fact


def _draw_set(name: str, config: PairConfig, side: Side, rng: np.random.Generator) -> _PlantedSet:
    family, own = SET_FAMILIES[name], config.level(name)
    strength = float(rng.uniform(*(own.strength if own else config.strength)))
    params = family.draw(rng)
    return _PlantedSet(family, params, Fact(family.content(params), side, strength, 1.0, name, level="set"))


def _plan(config: PairConfig, image: Pixels, rng: np.random.Generator) -> tuple[list[_PlantedSet], list[_Planted]]:
    """All that is painted onto a pair, each family once: of whole sets, and of single images, nuisances first."""
    taken: set[str] = set()
    whole: list[_PlantedSet] = []
    single: list[_Planted] = []

    def side() -> Side:
        return "a" if rng.random() < 0.5 else "b"

    def touch(names: Iterable[str]) -> Touch:
        drawn = draw_touch(config, (name for name in names if name not in taken), image, rng)
        taken.add(drawn.family.name)
        return drawn

    def plant(drawn: Touch, held_by: Side, here: float, there: float, confounder: bool) -> None:
        fact = Fact(
            drawn.content,
            held_by,
            drawn.strength,
            here,
            drawn.family.name,
            elsewhere=there,
            confounder=confounder,
        )
        single.append(_Planted(drawn, (here, there) if held_by == "a" else (there, here), fact))

    for _ in range(_drawn_number(config.nuisances, rng)):
        share = float(rng.uniform(0.2, 0.8))
        single.append(_Planted(touch(config.families), (share, share), None))
    if rng.random() < config.confounded:
        plant(touch(config.families), side(), float(rng.uniform(0.6, 0.9)), float(rng.uniform(0.1, 0.4)), True)
    for _ in range(_drawn_number(config.facts, rng)):
        names = [name for name in config.families if name not in taken]
        if not names:
            raise ValueError("no family is left to draw; allow more families than facts and nuisances together")
        name = names[int(rng.integers(len(names)))]
        if name in SET_FAMILIES:
            taken.add(name)
            whole.append(_draw_set(name, config, side(), rng))
        else:  # drawn again among those that show on these images
            drawn, held_by = touch(names), side()
            own = config.level(drawn.family.name)
            share = float(rng.uniform(*(own.prevalence if own else config.prevalence)))
            plant(drawn, held_by, share, 0.0, False)
    return whole, single


def compose(config: PairConfig, bank: Bank, seed: int, index: int) -> LabelledPair:
    """The pair `index` of the endless list that (config, seed) names; the same bytes wherever it is called."""
    rng = np.random.default_rng([seed, index])
    count = int(rng.integers(config.set_size[0], config.set_size[1] + 1))
    ground = draw_ground(config, bank, 2 * count, rng)
    whole, single = _plan(config, ground.images[0], rng)
    images, rows = list(ground.images), np.arange(2 * count)
    for change in whole:
        images, moved = _paint_sets(change, images, rng)
        rows = rows[moved]

    facts = [planted for planted in single if planted.fact] + [planted for planted in single if not planted.fact]
    shows = np.zeros((2 * count, len(facts)), bool)
    for planted in sorted(single, key=lambda planted: planted.fact is not None):  # nuisances lie below the facts
        column = facts.index(planted)
        for start, share in zip((0, count), planted.shares, strict=True):
            shown = _shown(share, count, planted.fact is not None, rng)
            shows[start + rng.choice(count, shown, replace=False), column] = True
        for row in np.flatnonzero(shows[:, column]):
            images[row] = planted.touch.paint(images[row], rng)
    images, shows = [images[int(row)] for row in rows], shows[rows]  # copies are copies of the finished image
    shares = shows[:count].mean(0), shows[count:].mean(0)
    said = [_with_shares(planted.fact, column, shares) for column, planted in enumerate(facts) if planted.fact]
    columns = np.zeros((2 * count, len(whole)), bool)
    shows = np.concatenate([shows[:, : len(said)], columns, shows[:, len(said) :]], axis=1)
    return LabelledPair(
        images[:count],
        images[count:],
        (*said, *(change.fact for change in whole)),
        tuple(planted.touch.content for planted in facts if not planted.fact),
        shows[:count],
        shows[count:],
        ground.domain,
        ground.bases,
    )


def compose_or_next(config: PairConfig, bank: Bank, seed: int, index: int) -> LabelledPair:
    """The pair `index` of (config, seed), or where its families show on none of its images (a hue on grey) another.

    The same one every time.

    Raises:
        ValueError: none of _ATTEMPTS others can be drawn either.
    """
    for attempt in range(_ATTEMPTS):
        with suppress(ValueError):
            return compose(config, bank, seed, index + attempt * _FAR)
    return compose(config, bank, seed, index + _ATTEMPTS * _FAR)


def _shown(share: float, count: int, at_least_one: bool, rng: np.random.Generator) -> int:
    """How many of a set's images show it: exactly the share of a fact, about the share of a nuisance."""
    if not at_least_one:
        return int(rng.binomial(count, share))
    return max(1, round(share * count)) if share > 0 else 0


def _with_shares(fact: Fact, column: int, shares: tuple[NDArray[np.float64], NDArray[np.float64]]) -> Fact:
    """The fact with the shares that came to be."""
    here, there = shares if fact.side == "a" else shares[::-1]
    return replace(fact, prevalence=float(here[column]), elsewhere=float(there[column]))


def _paint_sets(
    planted: _PlantedSet, images: list[Pixels], rng: np.random.Generator
) -> tuple[list[Pixels], NDArray[np.int64]]:
    """All images after a set-level change, and which image each is made of."""
    count = len(images) // 2
    a, b = images[:count], images[count:]
    holder, other = (a, b) if planted.fact.side == "a" else (b, a)
    amount = amount_for(planted.family.name, planted.fact.strength)
    after = planted.family.paint(holder, other, planted.params, amount, rng)
    if planted.fact.side == "a":
        return [*after.holder, *after.other], np.concatenate([after.rows, count + np.arange(count)])
    return [*after.other, *after.holder], np.concatenate([np.arange(count), count + after.rows])
