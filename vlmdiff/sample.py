"""Which images of a pair count, which of them suggest a difference, and which check it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vlmdiff.errors import InputError
from vlmdiff.findings import Images, SideImages
from vlmdiff.images.groups import alone
from vlmdiff.images.references import Reference
from vlmdiff.images.sets import LoadedSet, SetPair

MOST_LOOKED_AT = MOST_CHECKED = 500
"""Images a set; each check image is read for every hypothesis, and 500 show an AUROC of .55."""

Rows = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Sample:
    """The images of both sets that are evidence: copies of a file count once. A's come first, wherever both stand."""

    pair: SetPair
    rows_a: Rows
    """Where they stand in A as it was given, rising."""
    rows_b: Rows
    members: list[str]
    """The group of each image; its own where none was told."""
    groups: NDArray[np.intp] | None
    """A number for each image, equal within a group; None where no two images share one."""

    @staticmethod
    def of(pair: SetPair) -> Sample:
        """All different images of both sets.

        Raises:
            InputError: a set has no two different images, or all of one group.
        """
        rows_a, rows_b = _distinct(pair.a), _distinct(pair.b)
        members = _members(pair.a, rows_a) + _members(pair.b, rows_b)
        names, numbers = np.unique(members, return_inverse=True)
        return Sample(pair, rows_a, rows_b, members, numbers if len(names) < len(numbers) else None)

    @property
    def n_a(self) -> int:
        return len(self.rows_a)

    @property
    def n_b(self) -> int:
        return len(self.rows_b)

    @property
    def is_b(self) -> NDArray[np.bool_]:
        return np.arange(self.n_a + self.n_b) >= self.n_a

    @property
    def ids(self) -> list[str]:
        """Opaque id of each image."""
        return [self.pair.a.ids[row] for row in self.rows_a] + [self.pair.b.ids[row] for row in self.rows_b]

    @property
    def references(self) -> list[Reference]:
        """The file of each image."""
        return [self.pair.a.references[row] for row in self.rows_a] + [
            self.pair.b.references[row] for row in self.rows_b
        ]

    def pixels(self, rows: Rows) -> NDArray[np.uint8]:
        """RGB of some of the images, in rising order, (images, size, size, 3)."""
        of_a, of_b = rows[rows < self.n_a], rows[rows >= self.n_a] - self.n_a
        return np.concatenate([self.pair.a.pixels[self.rows_a[of_a]], self.pair.b.pixels[self.rows_b[of_b]]])

    def part(self, rows: Rows) -> Part:
        """Some of the images."""
        return Part(rows, int((rows < self.n_a).sum()), None if self.groups is None else self.groups[rows])

    def halves(self, rng: np.random.Generator) -> tuple[Part, Part]:
        """The look images and the check images: half of each set's images or groups, at most MOST_* of a set."""
        look, check = split(self.is_b, self.groups, rng)
        return (
            self.part(fewer(look, self.is_b, self.groups, MOST_LOOKED_AT, rng)),
            self.part(fewer(check, self.is_b, self.groups, MOST_CHECKED, rng)),
        )

    def counted(self, judged: Part | None) -> Images:
        """How many images of each set were read, skipped and judged, and their groups, if they have any."""
        in_a, in_b = set(self.members[: self.n_a]), set(self.members[self.n_a :])
        grouped = self.pair.a.groups is not None or self.pair.b.groups is not None
        return Images(
            a=_side(self.pair.a, in_a, None if judged is None else len(judged.a)),
            b=_side(self.pair.b, in_b, None if judged is None else len(judged.b)),
            groups_in_both=len(in_a & in_b) if grouped else None,
        )


@dataclass(frozen=True, eq=False)
class Part:
    """Some images of a sample, A's first."""

    rows: Rows
    """Their places in the sample, rising."""
    n_a: int
    groups: NDArray[np.intp] | None
    """A number for each, equal within a group; None where no two images of the sample share one."""

    @property
    def a(self) -> Rows:
        """Places of A's images in the sample."""
        return self.rows[: self.n_a]

    @property
    def b(self) -> Rows:
        return self.rows[self.n_a :]

    @property
    def is_b(self) -> NDArray[np.bool_]:
        return np.arange(len(self.rows)) >= self.n_a


def split(is_b: NDArray[np.bool_], groups: NDArray[np.intp] | None, rng: np.random.Generator) -> tuple[Rows, Rows]:
    """Rows of the look images and of the check images, half of each set's images or groups, in order."""
    look = np.zeros(len(is_b), bool)
    if groups is None:
        for rows in (np.flatnonzero(~is_b), np.flatnonzero(is_b)):
            look[rng.permutation(rows)[: len(rows) // 2]] = True
    else:
        of_a, of_b = groups[~is_b], groups[is_b]
        both = rng.permutation(np.intersect1d(of_a, of_b))
        for only in (np.setdiff1d(of_a, of_b), np.setdiff1d(of_b, of_a)):
            # Those in both sets come first: so they fall the same way twice.
            look |= np.isin(groups, np.concatenate([both, rng.permutation(only)])[1::2])
    return np.flatnonzero(look), np.flatnonzero(~look)


def fewer(
    rows: Rows, is_b: NDArray[np.bool_], groups: NDArray[np.intp] | None, most: int, rng: np.random.Generator
) -> Rows:
    """At most `most` rows of each set, drawn by chance, groups whole; all of them where they are no more.

    A set keeps at least two groups, however large they are.
    """
    sizes = np.array([(~is_b[rows]).sum(), is_b[rows].sum()])
    if sizes.max() <= most:
        return rows
    _, unit = np.unique(rows if groups is None else groups[rows], return_inverse=True)
    in_sets = np.stack([np.bincount(unit, ~is_b[rows]), np.bincount(unit, is_b[rows])], axis=1)
    kept, taken, units = np.zeros(len(in_sets), bool), np.zeros(2), np.zeros(2)
    for one in rng.permutation(len(in_sets)):
        touched = in_sets[one] > 0
        if ((taken + in_sets[one] <= most) | (units < 2))[touched].all():
            kept[one] = True
            taken, units = taken + in_sets[one], units + touched
    return rows[kept[unit]]


def _distinct(images: LoadedSet) -> Rows:
    """Rows without copies of a file: a copy is no further evidence, and would suggest what it then verifies."""
    rows = np.sort(np.unique(images.digests, return_index=True)[1])
    if len(rows) < 2:
        raise InputError(f"set {images.side.upper()}: all images are copies of one; at least 2 different are needed")
    return rows


def _members(images: LoadedSet, rows: Rows) -> list[str]:
    if images.groups is None:
        return [alone(images.ids[row]) for row in rows]
    members = [images.groups[row] for row in rows]
    if len(set(members)) < 2:
        raise InputError(
            f"set {images.side.upper()}: all {len(rows)} images are of one group (one patient, study or file, as "
            "--groups, a list or the files tell); at least 2 groups are needed, for images of one say nothing of "
            "others. To compare just these images, each for itself, say --groups none"
        )
    return members


def _side(images: LoadedSet, members: set[str], judged: int | None) -> SideImages:
    groups = None if images.groups is None else len(members)
    sha256 = hashlib.sha256("".join(f"{digest}\n" for digest in sorted(images.digests)).encode()).hexdigest()
    return SideImages(read=len(images.ids), skipped=images.skipped, sha256=sha256, groups=groups, judged=judged)
