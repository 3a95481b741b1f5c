"""Suites of labelled real images: known differences, planted shortcuts, nulls, findings on held-out patients."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np

from data_synth.catalog import FAMILIES
from data_synth.compose import Touch
from data_synth.facts import Fact, Side
from data_synth.family import Pixels
from data_synth.sources import Bank
from eval.cases import Case, Known, Truth
from eval.medical.choice import Choice, Chosen, Seen
from eval.medical.loaders import listing
from eval.medical.manifest import SHIPPED, Comparison, Kind, Manifest, read_all
from eval.medical.pictures import pixels
from vlmdiff.errors import InputError, UsageError
from vlmdiff.models.card import RunCard

SHORTCUTS: dict[str, tuple[str, ...]] = {
    "ruler": ("ruler",),
    "marker": ("marker_letter",),
    "ink": ("ink_marks",),
    "scanner": ("brightness", "contrast", "gaussian_noise", "bias_field"),
}
"""What is planted, and the families that paint it, of which one is drawn a case."""
PREVALENCE = 0.3
"""Share of one set that shows the shortcut."""
STRENGTH = 0.7
NULLS = 2
"""Random halvings of each class."""
BASE_DIGITS = 16
"""Hex digits of an image's SHA-256 that name it in a truth."""


@dataclass(frozen=True)
class Plan:
    """One case, all but its pixels."""

    data_set: str
    comparison: str
    kind: Kind
    a: str
    """Class of set A."""
    b: str
    chosen_a: tuple[Chosen, ...] = field(repr=False)
    chosen_b: tuple[Chosen, ...] = field(repr=False)
    known: tuple[Known, ...] = ()
    shortcut: str = ""
    """One of SHORTCUTS, planted into `side`."""
    side: Side = "b"
    grouped: bool = False
    """Whether images of one group stay together."""

    @property
    def key(self) -> str:
        """Names the case, whatever other cases there are."""
        return "/".join((self.data_set, self.comparison, self.kind, self.shortcut, self.a, self.b))

    def swapped(self) -> Plan:
        known = tuple(replace(one, side=_other(one.side)) for one in self.known)
        return replace(
            self,
            a=self.b,
            b=self.a,
            chosen_a=self.chosen_b,
            chosen_b=self.chosen_a,
            known=known,
            side=_other(self.side),
        )


@dataclass(frozen=True)
class RealSuite:
    """Cases of labelled images; it has none before `resolved`, which looks at the files."""

    name: str
    sets: tuple[tuple[Manifest, Path], ...]
    """Data sets that are there, and their folders."""
    absent: tuple[str, ...]
    """Data sets that are not, and how to get them."""
    kinds: tuple[Kind, ...]
    seed: int
    plans: tuple[Plan, ...] = field(default=(), repr=False)
    used: Mapping[str, Mapping[str, Mapping[str, int]]] = field(default_factory=dict, repr=False)
    """By data set and class: images there are, used, and left out by reason."""
    noticed: Mapping[str, Mapping[str, int]] = field(default_factory=dict, repr=False)
    """By data set: what its files lack or hold besides."""
    skipped: tuple[str, ...] = ()
    """Comparisons with too few images."""
    axis: str = "kind"
    holds_out: str = (
        "every image that the run card lists; of data sets that the bank holds, all but its test part, unless no image "
        "of the data set was trained on. Images of other data sets could have been in the training data of a public "
        "model: nobody can tell"
    )

    @property
    def pairs(self) -> int:
        return len(self.plans)

    @property
    def left_out(self) -> tuple[str, ...]:
        return (*self.absent, *self.skipped)

    def first(self, pairs: int) -> RealSuite:
        return replace(self, plans=self.plans[:pairs])

    def resolved(self, bank: Bank, card: RunCard | None) -> RealSuite:
        """With every case planned on images that the model has not seen; see `Suite.resolved`.

        Raises:
            InputError: a data set is incomplete, or no comparison has enough images.
        """
        plans: dict[Kind, list[list[Plan]]] = {kind: [] for kind in self.kinds}
        used: dict[str, Mapping[str, Mapping[str, int]]] = {}
        noticed: dict[str, Mapping[str, int]] = {}
        skipped: list[str] = []
        for manifest, folder in self.sets:
            found = listing(manifest, folder)
            comparisons = [one for one in found.comparisons if one.suite == self.name]
            choice = Choice(manifest, found, Seen.of(bank, card, manifest), self.seed)
            planned = list(_planned(choice, comparisons, [k for k in self.kinds if k in manifest.kinds], skipped))
            for kind in self.kinds:
                plans[kind].append([plan for plan in planned if plan.kind == kind])
            used[manifest.name], noticed[manifest.name] = choice.counts(), found.noticed
        ordered = _mixed([_mixed(of_kind) for of_kind in plans.values()])
        if not ordered:
            raise InputError(
                f"suite {self.name!r}: no comparison has enough images that are unseen: {'; '.join(skipped)}"
            )
        turned = [plan.swapped() if crc32(plan.key.encode()) % 2 else plan for plan in ordered]
        return replace(self, plans=tuple(turned), used=used, noticed=noticed, skipped=tuple(skipped))

    def case(self, index: int, bank: Bank) -> Case:
        plan = self.plans[index]
        a, b = pixels([[one.picture for one in side] for side in (plan.chosen_a, plan.chosen_b)])
        truth = Truth(
            index=index,
            domain=plan.data_set,
            condition=plan.kind,
            bases=tuple(one.sha256[:BASE_DIGITS] for one in (*plan.chosen_a, *plan.chosen_b)),
            known=plan.known,
        )
        if plan.shortcut:
            rng = np.random.default_rng([self.seed, crc32(plan.key.encode())])
            touched, fact = planted(a if plan.side == "a" else b, plan.shortcut, plan.side, rng)
            a, b = (touched, b) if plan.side == "a" else (a, touched)
            truth = replace(truth, difference=(fact,))
        groups = ([one.group for one in plan.chosen_a], [one.group for one in plan.chosen_b]) if plan.grouped else None
        return Case(truth, a, b, groups)

    def recipe(self, bank: Bank) -> dict[str, Any]:
        """Manifests, images and cases; no path and no group, which may name a patient."""
        return {
            "name": self.name,
            "seed": self.seed,
            "shortcuts": {"families": SHORTCUTS, "prevalence": PREVALENCE, "strength": STRENGTH},
            "data_sets": {
                manifest.name: {
                    "title": manifest.title,
                    "licence": manifest.licence,
                    "citation": manifest.citation,
                    "group_is": manifest.group_is,
                    "manifest": manifest.model_dump(mode="json"),
                    "classes": self.used.get(manifest.name, {}),
                    "noticed": self.noticed.get(manifest.name, {}),
                }
                for manifest, _ in self.sets
            },
            "cases": [_described(plan) for plan in self.plans],
            "skipped": list(self.skipped),
            "absent": list(self.absent),
        }


def _described(plan: Plan) -> dict[str, Any]:
    sides = plan.chosen_a, plan.chosen_b
    images = "\n".join(one.sha256 for side in sides for one in side)
    return {
        "data_set": plan.data_set,
        "comparison": plan.comparison,
        "kind": plan.kind,
        "a": plan.a,
        "b": plan.b,
        "shortcut": plan.shortcut,
        "known": [asdict(one) for one in plan.known],
        "images": [len(side) for side in sides],
        "groups": [len({one.group for one in side}) if _has_groups(side) else None for side in sides],
        "grouped": plan.grouped,
        "images_sha256": hashlib.sha256(images.encode()).hexdigest(),
    }


# --- what is compared with what ---------------------------------------------------------------------------------


def _planned(
    choice: Choice, comparisons: Sequence[Comparison], kinds: Sequence[Kind], skipped: list[str]
) -> Iterator[Plan]:
    """The cases of one data set; `skipped` is told what has too few images."""
    manifest = choice.manifest
    first = crc32(manifest.name.encode()) % len(SHORTCUTS)
    shortcuts = [*SHORTCUTS][first:] + [*SHORTCUTS][:first]  # a run cut short has seen some of all
    for one in comparisons:
        a, b = choice.between(one)
        if min(len(a), len(b)) < manifest.minimum:
            least = f"{manifest.minimum} a side are needed"
            skipped.append(f"{manifest.name}, {one.name}: {len(a)} + {len(b)} unseen images, {least}")
            continue
        known = tuple(Known(feature.side, feature.text, feature.source) for feature in one.known)
        grouped = _has_groups(a, b)
        case = partial(Plan, manifest.name, one.name, a=one.a, b=one.b, chosen_a=a, chosen_b=b, known=known)
        if "known" in kinds:
            yield case(kind="known")
        if "verify" in kinds and _has_groups(a) and _has_groups(b):
            yield case(kind="verify", grouped=True)
        if "shortcut" in kinds:
            yield from (case(kind="shortcut", shortcut=name, grouped=grouped) for name in shortcuts)
    if not {"null", "shortcut"} & set(kinds):
        return
    for name in dict.fromkeys(name for one in comparisons for name in (one.a, one.b)):
        for half in range(NULLS):
            a, b = choice.halves(name, half)
            if min(len(a), len(b)) < manifest.minimum:
                skipped.append(f"{manifest.name}, two halves of {name!r}: {len(a)} + {len(b)} unseen images")
                break
            within = partial(Plan, manifest.name, a=name, b=name, chosen_a=a, chosen_b=b, grouped=_has_groups(a, b))
            if "null" in kinds:
                yield within(f"{name}, halving {half + 1}", "null")
            if "shortcut" in kinds and half == 0:
                yield from (within(f"within {name}", "shortcut", shortcut=shortcut) for shortcut in shortcuts)


def _has_groups(*sides: Sequence[Chosen]) -> bool:
    return any(one.picture.group is not None for side in sides for one in side)


def _mixed(lists: Sequence[Sequence[Plan]]) -> list[Plan]:
    """The first of each, the second of each, ...: a run cut short has seen some of all."""
    return [plan for round_ in zip_longest(*lists) for plan in round_ if plan]


def _other(side: Side) -> Side:
    return "b" if side == "a" else "a"


# --- shortcuts --------------------------------------------------------------------------------------------------


def planted(images: Sequence[Pixels], shortcut: str, side: Side, rng: np.random.Generator) -> tuple[list[Pixels], Fact]:
    """Copies of a set's images, PREVALENCE of them with the shortcut, and the fact.

    Args:
        shortcut: one of SHORTCUTS.
        side: which set this is.
    """
    names = SHORTCUTS[shortcut]
    for _ in range(100):
        family = FAMILIES[names[int(rng.integers(len(names)))]]
        touch = Touch(family, family.draw(rng), STRENGTH)
        if touch.shows_on(images[0], rng):
            break
    else:
        raise ValueError(f"shortcut {shortcut!r} does not show on these images")
    rows = rng.choice(len(images), max(1, round(PREVALENCE * len(images))), replace=False)
    painted = list(images)
    for row in rows:
        painted[int(row)] = touch.paint(images[int(row)], rng)
    return painted, Fact(touch.content, side, STRENGTH, len(rows) / len(images), family.name)


# --- openers ----------------------------------------------------------------------------------------------------


def opened(name: str, kinds: tuple[Kind, ...], seed: int, data: Path | None) -> RealSuite:
    """A suite of the data sets in a folder: those of the shipped manifests, and of the folder's own *.toml.

    Raises:
        UsageError: no folder is given.
        InputError: none of the data sets is there, or a manifest is damaged.
    """
    if data is None:
        raise UsageError(f"suite {name!r} is made of labelled images: give their folder with --data DIR")
    manifests = [manifest for manifest in read_all([SHIPPED, data]) if name in _suites(manifest)]
    there = tuple((one, data / one.folder) for one in manifests if (data / one.folder).is_dir())
    absent = tuple(
        f"{one.title}: no folder {one.folder}; {one.get}" for one in manifests if not (data / one.folder).is_dir()
    )
    if not there:
        raise InputError(f"{data} holds none of the data sets of suite {name!r}: {'; '.join(absent)}")
    return RealSuite(name, there, absent, kinds, seed)


def _suites(manifest: Manifest) -> set[str]:
    return {one.suite for one in manifest.comparisons} or {"medical"}


def opener(name: str, kinds: tuple[Kind, ...], seed: int) -> Callable[[Path | None], RealSuite]:
    """What opens the suite, for SUITES."""
    return partial(opened, name, kinds, seed)


open_medical = opener("medical", ("known", "shortcut", "null", "verify"), 920_001)
