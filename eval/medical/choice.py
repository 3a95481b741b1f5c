"""Which images of a class are used: readable, not seen by the model, of near-duplicates one, groups kept together."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import TypeVar
from zlib import crc32

import numpy as np

from data_synth.config import domain_held_out
from data_synth.sources import Bank, BaseImage
from eval.medical.loaders import Listing
from eval.medical.manifest import Comparison, Manifest
from eval.medical.pictures import Picture, content, decoded
from vlmdiff.images.decode import Unreadable
from vlmdiff.images.groups import alone
from vlmdiff.models.card import RunCard

_Item = TypeVar("_Item")

TRAINED_ON = "the model was trained on them"
TRAINING_PART = "of the part of the bank that models are trained on"
NEAR_DUPLICATE = "near-duplicates of others that are used"


@dataclass(frozen=True)
class Chosen:
    """A picture that is used."""

    picture: Picture
    sha256: str

    @property
    def group(self) -> str:
        return self.picture.group or alone(self.picture.name)


@dataclass(frozen=True)
class Seen:
    """Which images a model could have seen."""

    bank: Mapping[str, BaseImage]
    """By SHA-256."""
    stems: frozenset[str]
    """File names, without suffix, of images in the training part of data sets that hold copies."""
    card: RunCard | None

    @classmethod
    def of(cls, bank: Bank, card: RunCard | None, manifest: Manifest) -> Seen:
        copies = [item for item in bank.items if item.domain in manifest.also_in and _may_train(item, card)]
        return cls({item.sha256: item for item in bank.items}, frozenset(Path(item.file).stem for item in copies), card)

    def refusal(self, picture: Picture, sha256: str) -> str | None:
        if self.card and self.card.saw([sha256]):
            return TRAINED_ON
        item = self.bank.get(sha256)
        if picture.stem in self.stems or (item and _may_train(item, self.card)):
            return TRAINING_PART
        return None

    def duplicates(self, sha256: str) -> str:
        """What an image and its near-duplicates share."""
        item = self.bank.get(sha256)
        return (item.group if item else "") or sha256


def _may_train(item: BaseImage, card: RunCard | None) -> bool:
    unseen = item.domain not in card.domains if card else domain_held_out(item.domain)
    return item.split != "test" and not unseen


@dataclass(frozen=True)
class Choice:
    """Draws the images of each class once; all cases of a data set share them."""

    manifest: Manifest
    found: Listing
    seen: Seen
    seed: int
    _drawn: dict[str, tuple[tuple[Chosen, ...], Counter[str]]] = field(default_factory=dict)

    def of(self, name: str) -> tuple[Chosen, ...]:
        """Unseen, readable images of a class in random order, of every group one before a second of any."""
        if name not in self._drawn:
            self._drawn[name] = self._draw(name)
        return self._drawn[name][0]

    def _draw(self, name: str) -> tuple[tuple[Chosen, ...], Counter[str]]:
        kept: list[Chosen] = []
        left_out: Counter[str] = Counter()
        taken: set[str] = set()
        for picture in spread(self.found.classes[name], self._rng(name)):
            if len(kept) == 2 * self.manifest.most:  # enough for two halves
                break
            sha256 = hashlib.sha256(content(picture)).hexdigest()
            reason = self.seen.refusal(picture, sha256) or _unreadable(picture)
            if not reason and self.seen.duplicates(sha256) in taken:
                reason = NEAR_DUPLICATE
            if reason:
                left_out[reason] += 1
                continue
            taken.add(self.seen.duplicates(sha256))
            kept.append(Chosen(picture, sha256))
        return tuple(kept), left_out

    def between(self, one: Comparison) -> tuple[tuple[Chosen, ...], tuple[Chosen, ...]]:
        """The images of two classes; those that are of both are of neither."""
        a, b = self.of(one.a), self.of(one.b)
        both = {chosen.sha256 for chosen in a} & {chosen.sha256 for chosen in b}
        most = self.manifest.most
        a, b = (tuple(chosen for chosen in side if chosen.sha256 not in both)[:most] for side in (a, b))
        return a, b

    def halves(self, name: str, number: int) -> tuple[tuple[Chosen, ...], tuple[Chosen, ...]]:
        """Two halves of a class, no group in both."""
        groups: dict[str, list[Chosen]] = {}
        for chosen in self.of(name):
            groups.setdefault(chosen.group, []).append(chosen)
        rng = self._rng(f"{name}/half {number}")
        halves: tuple[list[Chosen], list[Chosen]] = ([], [])
        for members in _shuffled(list(groups.values()), rng):
            min(halves, key=len).extend(members)
        a, b = (tuple(half[: self.manifest.most]) for half in halves)
        return a, b

    def counts(self) -> dict[str, dict[str, int]]:
        """By class: images there are, drawn for use, and left out by reason."""
        return {
            name: {"there": len(self.found.classes[name]), "drawn": len(kept), **left_out}
            for name, (kept, left_out) in sorted(self._drawn.items())
        }

    def _rng(self, what: str) -> np.random.Generator:
        return np.random.default_rng([self.seed, crc32(f"{self.manifest.name}/{what}".encode())])


def _unreadable(picture: Picture) -> str | None:
    try:
        decoded(picture)
    except Unreadable as error:
        return f"unreadable: {error}"
    return None


def spread(pictures: Sequence[Picture], rng: np.random.Generator) -> Iterator[Picture]:
    """Pictures in random order, of every group one before a second of any."""
    groups: dict[str, list[Picture]] = {}
    for picture in _shuffled(list(pictures), rng):
        groups.setdefault(picture.group or alone(picture.name), []).append(picture)
    return (picture for round_ in zip_longest(*groups.values()) for picture in round_ if picture)


def _shuffled(items: Sequence[_Item], rng: np.random.Generator) -> list[_Item]:
    return [items[int(i)] for i in rng.permutation(len(items))]
