"""Images and families to one labelled pair, a pure function of (config, seed, index)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from data_synth import procedural, worlds
from data_synth.calibrate import amount_for
from data_synth.catalog import (
    FAMILIES,
    HELD_OUT_DOMAINS,
    HELD_OUT_FAMILIES,
    LEAST_PREVALENCE,
    LEAST_STRENGTH,
    TRAINED,
    held_out_combination,
)
from data_synth.facts import Content, Difference, Fact, Side
from data_synth.family import Family, Pixels
from data_synth.sources import DRAWN, Bank, Split
from vlmdiff.errors import UsageError

SMALLEST_CHANGE = 0.25
"""Mean change in grey levels below which a drawn fact is not in the pixels (a colour shift of grey images)."""


@dataclass(frozen=True)
class PairConfig:
    """What pairs are drawn from. Ranges are (lowest, highest), both included."""

    split: Split = "train"
    """Photographs of this split: "train", "val" or "test"."""
    domains: tuple[str, ...] = ()
    """Image domains, each as likely; empty: all of the bank and every drawn field, held-out ones left out."""
    families: tuple[str, ...] = tuple(TRAINED)
    set_size: tuple[int, int] = (16, 16)
    """Images a set, the same in A and B."""
    facts: tuple[float, ...] = (0.1, 0.9)
    """Chances of 0, 1, 2, ... differences; a pair with 0 is a null pair."""
    strength: tuple[float, float] = (0.25, 1.0)
    prevalence: tuple[float, float] = (0.6, 1.0)
    nuisance_share: float = 0.4
    """Chance of one nuisance; half of it again for a second."""
    world_share: float = 0.5
    """Chance that one look is laid over every image of both sets."""
    drawn_share: float = 0.2
    """Chance of a drawn field where `domains` is empty."""
    sides: tuple[int, ...] = (128, 160, 192)
    """Pixels a side at which a pair is rendered, one drawn a pair."""
    held_out: bool = False
    """Whether what the catalog holds out may be drawn; no such config is taken for training."""

    def __post_init__(self) -> None:
        """Raises UsageError: the config reaches what is held out and does not say so."""
        if self.held_out:
            return
        found = [
            *(f"family {name!r}" for name in self.families if name in HELD_OUT_FAMILIES),
            *(f"domain {name!r}" for name in self.domains if domain_held_out(name)),
            *([f"strength {self.strength[0]}"] if self.strength[0] < LEAST_STRENGTH else []),
            *([f"prevalence {self.prevalence[0]}"] if self.prevalence[0] < LEAST_PREVALENCE else []),
        ]
        if found:
            raise UsageError(f"{', '.join(found)} is held out by the catalog; set held_out=True, for evaluation only")


def domain_held_out(name: str) -> bool:
    """Whether a domain, or the data set that a class belongs to, is held out."""
    return name in HELD_OUT_DOMAINS or name.split("/")[0] in HELD_OUT_DOMAINS


def refuse_held_out(config: PairConfig) -> None:
    """Every job that trains, and every stage of it, calls this first.

    Raises:
        UsageError: the config draws test images or what the catalog holds out.
    """
    if config.held_out or config.split == "test":
        what = "what the catalog holds out" if config.held_out else "test images"
        raise UsageError(f"this config draws {what}; training takes held_out=False and split 'train' or 'val'")


@dataclass(frozen=True)
class LabelledPair:
    """Two image sets and what was planted."""

    images_a: list[Pixels]
    images_b: list[Pixels]
    difference: Difference
    nuisances: tuple[Content, ...]
    """What some images of both sets show alike."""
    shows_a: NDArray[np.bool_]
    """(images, facts + nuisances): which image of A shows what, the columns of `difference` first."""
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

    @staticmethod
    def draw(family: Family, strength: float, rng: np.random.Generator) -> Touch:
        return Touch(family, family.draw(rng), strength)

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
        return float(change.mean()) >= SMALLEST_CHANGE


def draw_touch(config: PairConfig, taken: Iterable[str], image: Pixels, rng: np.random.Generator) -> Touch:
    """A family that shows on images like this one, drawn again while it does not (hue on grey).

    Args:
        taken: names of families that are not drawn again.

    Raises:
        ValueError: twenty draws showed nothing.
    """
    names = [name for name in config.families if name not in taken]
    strength = float(rng.uniform(*config.strength))
    if not names:
        raise ValueError("no family is left to draw; allow more families than facts and nuisances together")
    for _ in range(20):
        touch = Touch.draw(FAMILIES[names[int(rng.integers(len(names)))]], strength, rng)
        if held_out_combination(touch.content) and not config.held_out:
            continue
        if touch.shows_on(image, rng):
            return touch
    raise ValueError(f"none of {names} changes this image at strength {strength:.2f}; allow more families")


def _crop(image: Pixels, side: int, rng: np.random.Generator) -> Pixels:
    """A random square of at least 80 % of the image, mirrored half of the time, at the rendered size."""
    full = image.shape[0]
    keep = int(full * rng.uniform(0.8, 1.0))
    top, left = rng.integers(0, full - keep + 1, 2)
    patch = image[top : top + keep, left : left + keep]
    if rng.random() < 0.5:
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
    held = {name: len(rows) for name, rows in bank.domains(config.split).items()}
    wanted = config.domains or tuple(name for name in held if "/" not in name)
    names = [name for name in wanted if name in DRAWN or held.get(name, 0) >= count]
    if not config.domains:
        if not names or rng.random() < config.drawn_share:
            names = list(DRAWN)
        names = [name for name in names if config.held_out or not domain_held_out(name)]
    if not names:
        raise ValueError(f"no domain holds {count} images of the split {config.split!r}; ask for smaller sets")
    domain = names[int(rng.integers(len(names)))]
    classes = [name for name in held if name.startswith(f"{domain}/") and held[name] >= count]
    return classes[int(rng.integers(len(classes)))] if classes and rng.random() < 0.5 else domain


def draw_ground(config: PairConfig, bank: Bank, count: int, rng: np.random.Generator) -> Ground:
    """`count` different images of one domain, all under one world."""
    domain = _draw_domain(config, bank, count, rng)
    side = int(config.sides[int(rng.integers(len(config.sides)))])
    if domain in DRAWN:
        bases: tuple[int, ...] = ()
        draw = partial(procedural.draw, domain.removeprefix("drawn/"), rng, side)
        images = [draw() for _ in range(count)]
    else:
        bases = tuple(int(row) for row in rng.choice(bank.domains(config.split)[domain], count, replace=False))
        images = [_crop(np.asarray(bank.images[row]), side, rng) for row in bases]
    if rng.random() < config.world_share:
        world = worlds.draw(rng)
        images = [worlds.apply(world, image) for image in images]
    return Ground(domain, images, bases)


def draw_nuisances(config: PairConfig, image: Pixels, rng: np.random.Generator) -> list[tuple[Touch, float]]:
    """Up to two families that touch both sets alike, each with the share of images that it touches."""
    nuisances: list[tuple[Touch, float]] = []
    chance = config.nuisance_share
    while len(nuisances) < 2 and rng.random() < chance:
        touch = draw_touch(config, {touch.family.name for touch, _ in nuisances}, image, rng)
        nuisances.append((touch, float(rng.uniform(0.2, 0.8))))
        chance /= 2
    return nuisances


def compose(config: PairConfig, bank: Bank, seed: int, index: int) -> LabelledPair:
    """The pair `index` of the endless list that (config, seed) names; the same bytes wherever it is called."""
    rng = np.random.default_rng([seed, index])
    count = int(rng.integers(config.set_size[0], config.set_size[1] + 1))
    ground = draw_ground(config, bank, 2 * count, rng)
    nuisances = draw_nuisances(config, ground.images[0], rng)

    taken = {touch.family.name for touch, _ in nuisances}
    touches: list[tuple[Touch, Side, float]] = []
    for _ in range(int(rng.choice(len(config.facts), p=config.facts))):
        touch = draw_touch(config, taken, ground.images[0], rng)
        taken.add(touch.family.name)
        side: Side = "a" if rng.random() < 0.5 else "b"
        touches.append((touch, side, float(rng.uniform(*config.prevalence))))

    images = list(ground.images)
    shows = np.zeros((2 * count, len(touches) + len(nuisances)), bool)
    for column, (touch, share) in enumerate(nuisances, start=len(touches)):
        shows[:, column] = rng.random(2 * count) < share
        for row in np.flatnonzero(shows[:, column]):
            images[row] = touch.paint(images[row], rng)
    difference = []
    for column, (touch, side, prevalence) in enumerate(touches):
        shown = max(1, round(prevalence * count))
        rows = rng.choice(count, shown, replace=False) + (count if side == "b" else 0)
        shows[rows, column] = True
        for row in rows:
            images[row] = touch.paint(images[row], rng)
        difference.append(Fact(touch.content, side, touch.strength, shown / count, touch.family.name))
    return LabelledPair(
        images[:count],
        images[count:],
        tuple(difference),
        tuple(touch.content for touch, _ in nuisances),
        shows[:count],
        shows[count:],
        ground.domain,
        ground.bases,
    )
