"""LOADERS: from the files of a release to classes of pictures, whatever is missing or unknown counted."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath

from eval.medical.manifest import Class, Comparison, Feature, Folders, Lookup, Manifest, Marks, Npz, Pairs, Table
from eval.medical.pictures import Picture, array
from vlmdiff.errors import InputError

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp", ".gif", ".webp"})
BRACES = re.compile(r"{([^}]+)}")
NO_LABEL = "without a label"
ABSENT = "listed, but the image is not there"


@dataclass(frozen=True)
class Listing:
    """What a data set holds."""

    classes: Mapping[str, tuple[Picture, ...]]
    comparisons: tuple[Comparison, ...]
    noticed: Mapping[str, int]
    """What is left out or odd, and how often."""


@dataclass(frozen=True)
class _Row:
    """An image as the release lists it."""

    name: str
    labels: frozenset[str]
    group: str | None
    paths: tuple[str, ...] = ()
    """Still to be found; one or three."""
    row: tuple[str, int] | None = None


@dataclass(frozen=True)
class _Release:
    """What a loader makes of a folder."""

    rows: Iterator[_Row]
    tree: _Tree
    classes: Mapping[str, Class]
    comparisons: tuple[Comparison, ...]
    left_out: Counter[str] = field(default_factory=Counter)
    """Filled while the rows are read."""


@dataclass(frozen=True)
class _Tree:
    """Finds listed files below some folders, each folder read once."""

    folder: Path
    inside: tuple[str, ...] = ("",)

    @cached_property
    def _starts(self) -> list[Path]:
        return [p for told in self.inside for p in ([self.folder] if not told else sorted(self.folder.glob(told)))]

    @cached_property
    def _names(self) -> dict[Path, frozenset[str]]:
        return {}

    def find(self, listed: str) -> Path | None:
        """The file as listed, or without its first folders, as releases are unpacked in more ways than one."""
        parts = PurePosixPath(listed.replace("\\", "/")).parts
        if not parts or ".." in parts or parts[0] == "/":
            return None
        for start in self._starts:
            for skipped in range(len(parts)):
                file = start.joinpath(*parts[skipped:])
                if file.name in self._listed(file.parent):
                    return file
        return None

    def _listed(self, folder: Path) -> frozenset[str]:
        if folder not in self._names:
            self._names[folder] = frozenset(p.name for p in folder.iterdir()) if folder.is_dir() else frozenset()
        return self._names[folder]


def listing(manifest: Manifest, folder: Path) -> Listing:
    """The pictures of every class, by name.

    Args:
        folder: of this data set.

    Raises:
        InputError: a file that the layout needs is absent or of another form.
    """
    release = LOADERS[manifest.layout.loader](manifest, folder)
    classes: dict[str, list[Picture]] = {name: [] for name in release.classes}
    unknown: Counter[str] = Counter()
    gone = 0
    for row in release.rows:
        members = [name for name, one in release.classes.items() if one.takes(row.labels)]
        if not members:
            unknown[_described(row.labels)] += 1
            continue
        files = [release.tree.find(path) for path in row.paths]
        if None in files:
            gone += 1
            continue
        picture = Picture(row.name, tuple(file for file in files if file), row.group, row.row)
        for name in members:
            classes[name].append(picture)
    noticed = Counter({ABSENT: gone} if gone else {}) + release.left_out + unknown
    for name, pictures in classes.items():
        if not pictures:
            noticed[f"class {name!r} has no image"] = 1
    ordered = {name: tuple(sorted(pictures, key=lambda p: p.name)) for name, pictures in classes.items()}
    return Listing(ordered, release.comparisons, dict(noticed))


def _described(labels: frozenset[str]) -> str:
    return f"of no class: {', '.join(sorted(labels))}" if labels else NO_LABEL


# --- loaders ----------------------------------------------------------------------------------------------------


def _folders(manifest: Manifest, folder: Path) -> _Release:
    layout = manifest.layout
    assert isinstance(layout, Folders)
    found = {file for told in layout.files for file in folder.glob(told) if file.suffix.lower() in SUFFIXES}
    if not found:
        raise InputError(f"{manifest.title}: no image {' or '.join(layout.files)} in {folder}; see {manifest.get}")
    paths = sorted(file.relative_to(folder).as_posix() for file in found)
    label = _looked_up(layout.label, folder) if isinstance(layout.label, Lookup) else layout.label

    def labels(path: str) -> frozenset[str]:
        text = label(path) if callable(label) else matched(label, path)
        return frozenset({text}) if text else frozenset()

    rows = (_Row(p, labels(p), matched(layout.group, p) if layout.group else None, (p,)) for p in paths)
    return _Release(rows, _Tree(folder), manifest.classes, manifest.comparisons)


def _looked_up(lookup: Lookup, folder: Path) -> Callable[[str], str | None]:
    cells = {row[lookup.column]: row[lookup.label] for row in _rows(folder, lookup.table, lookup.column, lookup.label)}
    return lambda path: cells.get(matched(lookup.key, path) or "")


def _table(manifest: Manifest, folder: Path) -> _Release:
    layout = manifest.layout
    assert isinstance(layout, Table)
    images = (layout.image,) if isinstance(layout.image, str) else layout.image
    marks = layout.label if isinstance(layout.label, Marks) else None
    columns = {name for image in images for name in BRACES.findall(image)} | set(layout.where)
    columns |= set(marks.columns) if marks else {str(layout.label)} - (_added(layout, folder) if layout.join else set())
    columns |= {layout.group} if layout.group else set()
    left_out: Counter[str] = Counter()

    def rows() -> Iterator[_Row]:
        for cells in _joined(layout, folder, columns):
            if any(cells[column].strip() not in allowed for column, allowed in layout.where.items()):
                left_out["of another kind, by " + " and ".join(layout.where)] += 1
                continue
            paths = tuple(_filled(image, cells) for image in images)
            labels = _marked(marks, cells) if marks else _split(cells.get(str(layout.label), ""), layout.separator)
            group = matched(layout.group_pattern or "(.+)", cells[layout.group].strip()) if layout.group else None
            yield _Row(paths[0], labels, group, paths)

    return _Release(rows(), _Tree(folder, layout.inside), manifest.classes, manifest.comparisons, left_out)


def _filled(image: str, cells: Mapping[str, str]) -> str:
    return BRACES.sub(lambda found: cells[found[1]].strip(), image)


def _marked(marks: Marks, cells: Mapping[str, str]) -> frozenset[str]:
    present = {column for column in marks.columns if cells[column].strip() in marks.present}
    return frozenset(present | {f"uncertain {c}" for c in marks.columns if cells[c].strip() in marks.uncertain})


def _split(cell: str, separator: str | None) -> frozenset[str]:
    parts = cell.split(separator) if separator else [cell]
    return frozenset(part.strip() for part in parts if part.strip())


def _added(layout: Table, folder: Path) -> set[str]:
    """Columns that the second table brings."""
    assert layout.join
    return set(_rows(folder, layout.join.table, *layout.join.on.values())[0])


def _joined(layout: Table, folder: Path, columns: set[str]) -> list[dict[str, str]]:
    join = layout.join
    first = _rows(folder, layout.table, *columns, *(join.on if join else ()))
    if join is None:
        return first
    second = _rows(folder, join.table, *join.on.values())
    by_key = {tuple(_comparable(row[column]) for column in join.on.values()): row for row in second}
    return [by_key.get(tuple(_comparable(row[column]) for column in join.on), {}) | row for row in first]


def _comparable(cell: str) -> str:
    """A cell as it is compared: "3", "3.0" and " 3.00" are one number."""
    try:
        return repr(float(cell))
    except ValueError:
        return cell.strip().lower()


def _npz(manifest: Manifest, folder: Path) -> _Release:
    layout = manifest.layout
    assert isinstance(layout, Npz)
    file = next((folder / name for name in layout.files if (folder / name).is_file()), None)
    if file is None:
        raise InputError(f"{manifest.title}: none of {', '.join(layout.files)} is in {folder}; see {manifest.get}")
    rows = []
    for split in layout.splits:
        labels = array(file, f"{split}_labels")
        if labels.ndim != 2:
            raise InputError(
                f"{file}: {split}_labels has shape {labels.shape}; expected (images, 1) or (images, labels)"
            )
        for number, row in enumerate(labels):
            marked = [str(int(row[0]))] if len(row) == 1 else [str(i) for i, flag in enumerate(row) if flag]
            named = frozenset(layout.names.get(one, one) for one in marked)
            key = f"{split}_images"
            rows.append(_Row(f"{file.name}/{key}/{number:06d}", named, None, (file.name,), (key, number)))
    return _Release(iter(rows), _Tree(folder), manifest.classes, manifest.comparisons)


def _pairs(manifest: Manifest, folder: Path) -> _Release:
    layout = manifest.layout
    assert isinstance(layout, Pairs)
    file = folder / layout.file
    if not file.is_file():
        raise InputError(f"{manifest.title}: {layout.file} is not in {folder}; see {manifest.get}")
    rows: list[_Row] = []
    classes: dict[str, Class] = {}
    comparisons = []
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines()):
        if not line.strip():
            continue
        try:
            said = json.loads(line)
            sets = [(str(said[key]).strip(), [str(path) for path in said[f"{key}_images"]]) for key in ("set1", "set2")]
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"{file}: line {number + 1} is not as RadDiffBench has it: {error!r}") from error
        names = [f"{number}: {text}" for text, _ in sets]
        for name, (_, paths) in zip(names, sets, strict=True):
            classes[name] = Class(labels=(name,))
            for path in paths:
                group = matched(layout.group, path) if layout.group else None
                rows.append(_Row(path, frozenset({name}), group, (path,)))
        known = (
            Feature(side="a", text=sets[0][0], source=layout.source),
            Feature(side="b", text=sets[1][0], source=layout.source),
        )
        comparisons.append(
            Comparison(name=f"{number}: {sets[0][0]} against {sets[1][0]}", a=names[0], b=names[1], known=known)
        )
    return _Release(iter(rows), _Tree(folder, layout.inside), classes, tuple(comparisons))


LOADERS: dict[str, Callable[[Manifest, Path], _Release]] = {
    "folders": _folders,
    "table": _table,
    "npz": _npz,
    "pairs": _pairs,
}
"""By the name that a manifest's layout gives."""


def matched(expression: str, text: str) -> str | None:
    """What the expression's first group matches, or all of it; None: nothing."""
    found = re.search(expression, text)
    return found[min(1, found.re.groups)] if found else None


def _rows(folder: Path, told: str, *columns: str) -> list[dict[str, str]]:
    """The rows of a CSV table; a cell that a short row lacks is "".

    Raises:
        InputError: there is no such table, or it lacks a column.
    """
    files = sorted(folder.glob(told))
    if not files:
        raise InputError(f"no table {told} in {folder}; complete the release, or correct `table` in the manifest")
    with files[0].open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream, restval="", restkey=""))
    if not rows:
        raise InputError(f"{files[0]} has no rows")
    absent = [column for column in columns if column not in rows[0]]
    if absent:
        there = ", ".join(name for name in rows[0] if name)
        raise InputError(f"{files[0]} has no column {absent[0]!r}; it has {there}")
    return rows
