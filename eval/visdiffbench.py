"""VisDiffBench, the benchmark of Dunlap et al. (CVPR 2024), as a suite: pairs of real image sets and what differs.

What the user fetches, for nothing here is downloaded:

    DIR/PairedImageSets.csv, ImageNetR.csv, ImageNetStar.csv   from `data/` of Understanding-Visual-Datasets/VisDiff
    DIR/VisDiffBench/easy/1_a/000001.jpg ...                   the images, unpacked; `VisDiffBench-release` is found too

with `--data DIR`, or DIR within a folder `visdiffbench` of that. The columns `path` and `group_name` are read.

Protocol: proposals in the order of the report, each graded 2, 1 or 0 and halved; a pair scores the best of its first k;
Acc@k is the mean over the pairs of a difficulty (`accuracy_at`). Unreadable grades are unscored and counted; the
released evaluator counts them as 0 (components/evaluator.py). The release asks for what is more true of the first set;
a report says of which set each finding is, so a finding is graded against the sentence of the set that it names.

Known flaws, and what is done about them:

* The column `difficulty` is shifted: it says easy of folder medium and medium of folder hard. The folder is believed.
* 26 pairs lie in another difficulty than the crawl's lists (data/pairedimagesets/webcrawl/*.jsonl) say, 13 each way
  between medium and hard. The folders seem to be the later split, which sweeps/sweep_visdiffbench.py calls new.
* The first CSVs name folders that the archive does not have (easy/0_1; issue 3 of the repository); they are refused.
* ImageNetR.csv lists a group `misc` that the archive lacks and the benchmark leaves out; so is it here.
* All 14 ImageNet-R pairs share one set of 500 photographs, all 23 ImageNet* pairs another: `Truth.bases` tells, so that
  intervals can take them as one. Their groups also differ in which object classes they hold, beside the style.
* Images are web search results for the set's sentence; nobody checked that each shows it. People who wrote down the
  difference agree with the label in 76 % (the paper).
* The first set is always the one asked about. Here a coin a pair, the same for ever, decides which set is called A, so
  that to name always the same side gains nothing.
* The same picture may come up in both searches of a pair; nobody has counted, and it stays in both sets.
* At a purity below 1 the released code puts the same images into both sets (main.py, load_data, swaps from the set it
  has just swapped). Only purity 1 is scored here.
* The texts are public since 2023: any model may have read them, and ImageNet's images too.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import cv2
import numpy as np

from data_synth.facts import Side
from data_synth.family import Pixels
from data_synth.sources import Bank, decode
from eval.cases import Case, Known, Truth
from eval.judge import best
from eval.labels import Grade
from vlmdiff.errors import InputError, UsageError
from vlmdiff.models.card import PREFIX, RunCard

SHARE_NEEDED = 0.5
"""Of the images of a set; a pair with fewer is left out by name."""
LONGEST = 512
"""Pixels of the longer side, as the release has the web photographs; larger images of ImageNet-R are shrunk to it."""
SEED = 2312
"""Of the coins that say which set is called A."""
DIFFICULTIES = ("easy", "medium", "hard", "imagenetr", "imagenetstar")
STYLES = {"ImageNetR.csv": ("imagenetr", "imagenet"), "ImageNetStar.csv": ("imagenetstar", "base")}
"""Of the files of the 37 further pairs: the folder, and the group that every other is compared with."""
LEFT_OUT_GROUPS = {"misc"}

_WEB = re.compile(r"(easy|medium|hard)/(\d+)_([ab])")


@dataclass(frozen=True)
class ImageSet:
    """One set as the benchmark lists it."""

    says: str
    """What its images show."""
    files: tuple[Path, ...]
    """Those that are there."""
    listed: int
    """Those that the CSV names."""

    @property
    def enough(self) -> bool:
        return len(self.files) >= max(2, SHARE_NEEDED * self.listed)


@dataclass(frozen=True)
class Pair:
    """Two sets; the first is the one that the benchmark asks about."""

    name: str
    """ "hard/7", "imagenetr/tattoo"."""
    first: ImageSet
    second: ImageSet
    source: str
    """Where it is written, and what the benchmark calls the difference."""

    @property
    def difficulty(self) -> str:
        return self.name.partition("/")[0]

    @property
    def enough(self) -> bool:
        return self.first.enough and self.second.enough

    @property
    def missing(self) -> int:
        """Images that are listed and not there."""
        return sum(part.listed - len(part.files) for part in (self.first, self.second))

    @property
    def first_is(self) -> Side:
        """A coin of the pair's name."""
        return "a" if hashlib.sha256(f"{SEED} {self.name}".encode()).digest()[0] % 2 else "b"

    @property
    def known(self) -> tuple[Known, ...]:
        """What the sets show; of ImageNet's plain photographs the benchmark says nothing."""
        other: Side = "b" if self.first_is == "a" else "a"
        named = [(self.first_is, self.first)]
        if self.difficulty not in dict(STYLES.values()):
            named.append((other, self.second))
        return tuple(Known(side, part.says, self.source) for side, part in named)


@dataclass(frozen=True)
class VisDiffBench:
    """The benchmark as a `Suite`; the condition of a case is its difficulty."""

    listed: tuple[Pair, ...]
    """Pairs with enough images."""
    left_out: tuple[str, ...]
    """Pairs without, each with why."""
    csv_sha256: dict[str, str] = field(default_factory=dict)
    """Of the files read."""

    name = "visdiffbench"
    axis = "difficulty"

    @property
    def pairs(self) -> int:
        return len(self.listed)

    @property
    def holds_out(self) -> str:
        missing = sum(pair.missing for pair in self.listed)
        said = "nothing by us: its photographs are from the web, and no training of ours is given them"
        said += f"; {missing} listed images are missing" if missing else ""
        return said + (f"; left out: {'; '.join(self.left_out)}" if self.left_out else "")

    def first(self, pairs: int) -> VisDiffBench:
        return replace(self, listed=self.listed[:pairs])

    def resolved(self, bank: Bank, card: RunCard | None) -> VisDiffBench:
        """Itself: nothing is left open.

        Raises:
            UsageError: the model was trained on some of its files.
        """
        if card and (seen := card.saw(self._sha256.values())):
            raise UsageError(
                f"suite {self.name!r}: {len(seen)} of its photographs were trained on; score another model"
            )
        return self

    @cached_property
    def _sha256(self) -> dict[Path, str]:
        files = {file for pair in self.listed for part in (pair.first, pair.second) for file in part.files}
        return {file: hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(files)}

    def case(self, index: int, bank: Bank) -> Case:
        """See `Suite.case`.

        Raises:
            InputError: a file is damaged; without it, it counts as missing.
        """
        pair = self.listed[index]
        read = [[_read(file) for file in part.files] for part in (pair.first, pair.second)]
        a, b = read if pair.first_is == "a" else reversed(read)
        truth = Truth(
            index=index,
            domain=f"{self.name}/{pair.difficulty}",
            condition=pair.difficulty,
            bases=tuple(sorted({digest for part in read for _, digest in part})),
            known=pair.known,
        )
        return Case(truth, [pixels for pixels, _ in a], [pixels for pixels, _ in b])

    def recipe(self, bank: Bank) -> dict[str, Any]:
        used = [
            (pair.name, pair.first_is, [(file.name, file.stat().st_size) for file in part.files])
            for pair in self.listed
            for part in (pair.first, pair.second)
        ]
        return {
            "name": self.name,
            "pairs": self.pairs,
            "csv_sha256": self.csv_sha256,
            "coins": SEED,
            "share_needed": SHARE_NEEDED,
            "files_sha256": hashlib.sha256(json.dumps(used).encode()).hexdigest(),
            "missing": {pair.name: pair.missing for pair in self.listed if pair.missing},
            "left_out": list(self.left_out),
        }


def _read(file: Path) -> tuple[Pixels, str]:
    """Pixels, no longer than LONGEST, and SHA-256, cut as run cards cut it."""
    content = file.read_bytes()
    try:
        pixels = decode(content)
    except ValueError as error:
        raise InputError(f"{file}: {error}; fetch it again, or delete it: then it counts as missing") from error
    height, width = pixels.shape[:2]
    scale = LONGEST / max(height, width)
    if scale < 1:
        size = max(1, round(width * scale)), max(1, round(height * scale))
        pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    return pixels, hashlib.sha256(content).hexdigest()[:PREFIX]


def visdiffbench(data: Path | None) -> VisDiffBench:
    """The benchmark in the user's folder; see the top of this file for its layout.

    Raises:
        UsageError: no folder is named.
        InputError: the CSV or the images are not in it, the CSV is not that of the release, or no pair has its images.
    """
    if data is None:
        raise UsageError(
            "suite 'visdiffbench' needs --data DIR, a folder with PairedImageSets.csv and VisDiffBench/ as released at "
            "github.com/Understanding-Visual-Datasets/VisDiff; nothing is downloaded"
        )
    folder = _first_there([data, data / "visdiffbench"], "PairedImageSets.csv")
    images = _first_there([folder / "VisDiffBench", folder / "VisDiffBench-release"])
    web = folder / "PairedImageSets.csv"
    pairs, left_out = _web_pairs(web, images)
    read = [web]
    for name, (difficulty, reference) in STYLES.items():
        if (folder / name).is_file():
            read.append(folder / name)
            pairs += _style_pairs(folder / name, images, difficulty, reference)
        else:
            left_out.append(f"{difficulty}: there is no {name}")
    left_out += [
        f"{pair.name}: {len(pair.first.files)} of {pair.first.listed} and "
        f"{len(pair.second.files)} of {pair.second.listed} images are there"
        for pair in pairs
        if not pair.enough
    ]
    listed = _in_turn([pair for pair in pairs if pair.enough])
    if not listed:
        raise InputError(f"{images} has too few images for every pair; the first, {left_out[0]}")
    digests = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in read}
    return VisDiffBench(tuple(listed), tuple(left_out), digests)


def _first_there(folders: Sequence[Path], holding: str = "") -> Path:
    for folder in folders:
        if (folder / holding).exists():
            return folder
    raise InputError(
        f"no {' or '.join(str(folder / holding) for folder in folders)}; see the top of eval/visdiffbench.py"
    )


class _Row(NamedTuple):
    """A line of a CSV."""

    place: str
    """Of the image below the images' folder."""
    group: str
    difference: str


def _rows(file: Path) -> list[_Row]:
    with file.open(encoding="utf-8", newline="") as stream:
        lines = csv.DictReader(stream)
        if not {"path", "group_name"} <= set(lines.fieldnames or ()):
            raise InputError(f"{file} has no columns path and group_name; take the released one")
        return [_Row(_place(file, row["path"]), row["group_name"], row.get("difference") or "") for row in lines]


def _place(file: Path, path: str) -> str:
    """ "easy/1_a/000001.jpg" of "./data/VisDiffBench/easy/1_a/000001.jpg"."""
    place = path.partition("VisDiffBench/")[2]
    if not place or ".." in PurePosixPath(place).parts:
        raise InputError(f"{file}: {path} is not below VisDiffBench/; take the CSV of December 2023 or later")
    return place


def _image_set(rows: Sequence[_Row], images: Path) -> ImageSet:
    files = [images / row.place for row in rows]
    return ImageSet(rows[0].group, tuple(file for file in files if file.is_file()), len(files))


def _web_pairs(file: Path, images: Path) -> tuple[list[Pair], list[str]]:
    """The pairs of photographs from the web, and those of which a set is not listed."""
    sets: dict[str, dict[str, list[_Row]]] = {}
    for row in _rows(file):
        folder = str(PurePosixPath(row.place).parent)
        named = _WEB.fullmatch(folder)
        if not named:
            raise InputError(f"{file}: {folder} is no folder of the archive; take the CSV of December 2023 or later")
        rows = sets.setdefault(f"{named[1]}/{named[2]}", {}).setdefault(named[3], [])
        if rows and rows[0].group != row.group:
            raise InputError(f"{file}: {folder} holds both {rows[0].group!r} and {row.group!r}")
        rows.append(row)
    pairs = [
        Pair(
            name,
            _image_set(both["a"], images),
            _image_set(both["b"], images),
            f"VisDiffBench {name}: {both['a'][0].difference}".removesuffix(": "),
        )
        for name, both in sets.items()
        if len(both) == 2
    ]
    return pairs, [f"{name}: only set {next(iter(both))} is listed" for name, both in sets.items() if len(both) < 2]


def _style_pairs(file: Path, images: Path, difficulty: str, reference: str) -> list[Pair]:
    """The pairs of one look of ImageNet's classes and their plain photographs."""
    groups: dict[str, list[_Row]] = {}
    for row in _rows(file):
        groups.setdefault(row.group, []).append(row)
    if reference not in groups:
        raise InputError(f"{file} has no group {reference!r}, which all others are compared with")
    plain = _image_set(groups.pop(reference), images)
    return [
        Pair(
            f"{difficulty}/{group}",
            _image_set(rows, images),
            plain,
            f"VisDiffBench {difficulty}: {group} vs {reference}",
        )
        for group, rows in groups.items()
        if group not in LEFT_OUT_GROUPS
    ]


def _in_turn(pairs: Sequence[Pair]) -> list[Pair]:
    """One pair of each difficulty by turns, so that a part of the suite has all of them."""
    of = {difficulty: [pair for pair in pairs if pair.difficulty == difficulty] for difficulty in DIFFICULTIES}
    longest = max(map(len, of.values()))
    return [some[turn] for turn in range(longest) for some in of.values() if turn < len(some)]


@dataclass(frozen=True)
class Accuracy:
    """Acc@k."""

    value: float | None
    """0 to 1; None: no pair was scored."""
    pairs: int
    """Scored."""
    unscored: int
    """Pairs of whose first k proposals none could be graded."""


def accuracy_at(k: int, grades: Sequence[Sequence[Grade | None]]) -> Accuracy:
    """Mean over pairs of the best grade among the first k proposals, halved; a pair without a proposal scores 0.

    Args:
        grades: of each pair, those of its proposals, best proposal first; None where none could be read.
    """
    scores = [best(of_pair[:k]) if of_pair else 0 for of_pair in grades]
    scored = [score / 2 for score in scores if score is not None]
    return Accuracy(sum(scored) / len(scored) if scored else None, len(scored), len(scores) - len(scored))
