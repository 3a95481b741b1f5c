"""Roots: where photographs lie, as folders, archives or Hugging Face datasets, and the files in them, one by one."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path, PurePosixPath
from typing import Any

from vlmdiff.errors import InputError, UsageError
from vlmdiff.images.decode import Unreadable
from vlmdiff.images.references import Reference
from vlmdiff.images.sources import open_set, read_contents, reading_order

SUFFIXES = frozenset({".jpg", ".jpeg", ".png"})
ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz")
HUGGING_FACE = "hf:"
"""Before the name or the path of a dataset; a split may follow: "hf:beans:train"."""
SAVED = ("dataset_info.json", "dataset_dict.json")
"""One of them lies in what `save_to_disk` wrote; other folders hold Parquet files, images by class and the like."""
TERMS = ("LICENSE", "LICENSE.txt", "LICENSE.md", "SOURCE.md")
"""Files in a data set's own folder that state its licence or terms."""
LONGEST_TERMS = 2**20
"""Bytes of such a file."""

_NAMES_A_LICENCE = ("licen", "creative commons", "terms of", "public domain")

Content = bytes | Unreadable
"""Of a file, or why there is none."""


def members(root: str) -> Iterator[tuple[PurePosixPath, Content]]:
    """The pictures of a root and the statements of terms beside them, read one at a time; nothing is unpacked to disk.

    A folder or an archive holds `<data set>/<class>/...`; what lies in no folder is of a data set called like the root.
    Of a Hugging Face dataset, the first column of images counts, and the first of class labels.

    Args:
        root: a folder, an archive (ARCHIVES), or HUGGING_FACE and a dataset's name or path.

    Yields:
        The path, `<data set>/<class>/<file>` with or without class or with folders below it, and the content.

    Raises:
        InputError: nothing there, or no pictures in it.
        UsageError: the package `datasets` is needed and absent, or its dataset has no such split.
    """
    if root.startswith(HUGGING_FACE):
        return _rows(root.removeprefix(HUGGING_FACE))
    path = Path(root)
    if path.is_dir() or (path.is_file() and path.name.lower().endswith(ARCHIVES)):
        return _files(path)
    raise InputError(f"{root} cannot be packed; expected a folder, an archive ({', '.join(ARCHIVES)}) or hf:DATASET")


def states_terms(file: PurePosixPath) -> bool:
    """Whether a file states the terms of a data set: one of TERMS in its folder."""
    return len(file.parts) == 2 and file.name in TERMS


def terms_in(text: bytes) -> str:
    """The first line of a statement of terms that names a licence, else its first line; as plain text."""
    raw = text.decode(errors="replace").replace("**", "").splitlines()
    lines = [line for line in (" ".join(line.split()).strip("#*->_= ") for line in raw) if line]
    naming = [line for line in lines if any(words in line.lower() for words in _NAMES_A_LICENCE)]
    return next(iter([*naming, *lines]), "")


def _files(root: Path) -> Iterator[tuple[PurePosixPath, Content]]:
    try:
        references = open_set(root, "a")
    except InputError as error:  # it speaks of the side of a pair
        raise InputError(str(error).removeprefix("set A: ")) from error
    placed = [(_place(reference, root), reference) for reference in references]
    placed.sort(key=lambda one: (reading_order(one[1])[:2], one[0].parts))
    if not any(_is_picture(place) for place, _ in placed):
        raise InputError(f"{root} holds no images; expected <data set>/<class>/*.jpg or *.png in it")
    wanted = []
    for place, reference in placed:
        reason = _refusal(place, reference)
        if reason and _is_picture(place):
            yield place, Unreadable(reason)
        elif not reason:
            wanted.append((place, reference))
    for (place, _), content in zip(wanted, read_contents([reference for _, reference in wanted]), strict=True):
        yield place, content if isinstance(content, (bytes, Unreadable)) else Unreadable("no plain file")


def _place(reference: Reference, root: Path) -> PurePosixPath:
    """Where a file lies below the root, or in a folder called like the root where it lies in none."""
    place = PurePosixPath(reference.name.replace("\\", "/"))
    if len(place.parts) > 1:
        return place
    name = root.resolve().name
    endings = [ending for ending in ARCHIVES if name.lower().endswith(ending)] if root.is_file() else []
    return PurePosixPath(name[: len(name) - max(map(len, endings), default=0)]) / place


def _is_picture(place: PurePosixPath) -> bool:
    return place.suffix.lower() in SUFFIXES


def _refusal(place: PurePosixPath, reference: Reference) -> str | None:
    """Why a file is not read."""
    if place.is_absolute() or ".." in place.parts:
        return "its path leads out of the archive"
    if _is_picture(place):
        return reference.refused
    if not states_terms(place):
        return "neither a picture nor a statement of terms"
    packed = reference.place
    size = 0 if packed is None else packed[1] if isinstance(packed, tuple) else packed.file_size
    if size > LONGEST_TERMS:
        return "too long for a statement of terms"
    by_suffix = reference.refused is None or reference.refused.startswith("not an image file")
    return None if by_suffix else reference.refused


def _rows(name: str) -> Iterator[tuple[PurePosixPath, Content]]:
    """Of a Hugging Face dataset; one that is on disk is read without the network."""
    try:
        datasets: Any = import_module("datasets")  # not among the dependencies, so nothing knows its types
    except ImportError as error:
        raise UsageError(f"hf:{name} needs the package datasets; install it: pip install datasets") from error
    location, split = (name, "") if Path(name).exists() or ":" not in name else name.rsplit(":", 1)
    try:
        saved = any(Path(location, file).is_file() for file in SAVED)
        loaded = datasets.load_from_disk(location) if saved else datasets.load_dataset(location)
    except Exception as error:  # of the network, the hub, Arrow, the file system
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise InputError(f"hf:{location} cannot be loaded: {reason}") from error
    parts: dict[str, Any] = dict(loaded) if isinstance(loaded, dict) else {str(loaded.split or "all"): loaded}
    if split and split not in parts:
        raise UsageError(f"hf:{name}: no split {split!r}; expected one of {', '.join(parts)}")
    for title in [split] if split else parts:
        yield from _rows_of(parts[title], Path(location).resolve().name, title, datasets)


def _rows_of(part: Any, name: str, split: str, datasets: Any) -> Iterator[tuple[PurePosixPath, Content]]:
    images = [column for column, kind in part.features.items() if isinstance(kind, datasets.Image)]
    labels = [column for column, kind in part.features.items() if isinstance(kind, datasets.ClassLabel)]
    if not images:
        raise InputError(f"hf:{name} has no column of images; its columns are {', '.join(part.features)}")
    if part.info.license:
        yield PurePosixPath(name, TERMS[0]), str(part.info.license).encode()
    rows = part.select_columns(images[:1] + labels[:1]).cast_column(images[0], datasets.Image(decode=False))
    for number, row in enumerate(rows):
        value = row[labels[0]] if labels else None
        known = value is not None and value >= 0  # test splits may be without labels: -1
        label = part.features[labels[0]].int2str(value).replace("/", "-") if known else ""
        yield PurePosixPath(name, label, f"{split}-{number:06}"), _content(row[images[0]])


def _content(cell: dict[str, Any] | None) -> Content:
    """Of an undecoded image: its bytes, or those of the file that it names."""
    if not cell or not (cell["bytes"] or cell["path"]):
        return Unreadable("no image in this row")
    if cell["bytes"]:
        return bytes(cell["bytes"])
    try:
        return Path(cell["path"]).read_bytes()
    except OSError as error:
        return Unreadable(f"cannot be opened ({error.strerror})")
