"""Base images: pictures become named domains, each falls into a split by the hash of its bytes, copies with it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from data_synth import procedural, roots
from data_synth.family import Pixels
from vlmdiff.errors import InputError
from vlmdiff.images import duplicates
from vlmdiff.images.decode import FORMATS, Unreadable

Split = Literal["train", "val", "test"]

DRAWN = tuple(f"drawn/{kind}" for kind in procedural.FIELDS)
"""Domains that need no files: every image is drawn anew."""


@dataclass(frozen=True)
class BaseImage:
    """Where one packed image comes from."""

    file: str
    """`<data set>/<class>/<file>`, with or without class or with folders below it."""
    domain: str
    """The data set."""
    label: str
    """The class: the folder below the data set's, or "" for a file that lies in the data set's own."""
    split: Split
    """That of its group: near-duplicates never straddle a split."""
    sha256: str
    """Of the file's bytes, in hex."""
    group: str = ""
    """The smallest SHA-256 among its near-duplicates and itself; "" where there are none."""


@dataclass(frozen=True)
class Packed:
    """What `pack` kept and what it could not use."""

    kept: int
    groups: int
    """What is kept, near-duplicates counted as one."""
    skipped: tuple[tuple[str, str], ...]
    """(file, reason) pairs."""


def split_of(content: bytes | str) -> Split:
    """The split of a file: 65 % train, 10 % val, 25 % test, by the first four bytes of its SHA-256.

    Args:
        content: the file's bytes, or the hex digest of their SHA-256.
    """
    digest = hashlib.sha256(content).hexdigest() if isinstance(content, bytes) else content
    share = int(digest[:8], 16) / 2**32
    return "train" if share < 0.65 else "val" if share < 0.75 else "test"


def decode(content: bytes) -> Pixels:
    """The picture in a file's bytes: first frame, EXIF rotation applied, transparency on white, RGB.

    Raises:
        ValueError: the bytes are no image, or one of more than 8 bits a channel (its window would be a guess).
    """
    try:
        with Image.open(BytesIO(content), formats=FORMATS) as opened:
            if opened.mode[0] in "IF":
                raise ValueError(f"pixels are of mode {opened.mode!r}; convert the file to 8 bits a channel")
            image = ImageOps.exif_transpose(opened)
            if image.has_transparency_data:
                image = image.convert("RGBA")
                image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
            return np.asarray(image.convert("RGB"))
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:  # Pillow tells of broken PNGs by SyntaxError
        raise ValueError(f"unreadable image: {error}") from error


def square(image: Pixels, side: int) -> Pixels:
    """The centre square of an image, `side` px wide."""
    height, width = image.shape[:2]
    edge = min(height, width)
    top, left = (height - edge) // 2, (width - edge) // 2
    return _resize(image[top : top + edge, left : left + edge], side)


def pack(places: Sequence[Path | str], out: Path, side: int = 192) -> Packed:
    """Decode every image of some roots once, into a memory-mappable array and a list of where each came from.

    A group of near-duplicates falls into the split of its smallest SHA-256. So an image without near-duplicates stays
    where it is, and where others are added, none of validation or test was in training before.

    Args:
        places: folders, archives and datasets, as `roots.members` reads them.
        out: the array to write, "bank.npy"; the list goes beside it, "bank.json". Both stay as they are on failure.
        side: width and height of the packed images in px.

    Raises:
        InputError: nothing can be read, or two roots hold a data set of the same name.
    """
    kept: list[BaseImage] = []
    rings: list[duplicates.Rings] = []
    skipped: list[tuple[str, str]] = []
    terms: dict[str, str] = {}
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = out.with_name(f"{out.name}.partial")
    with partial.open("wb") as stream:
        _write_header(stream, 0, side)
        for place, content in _members(places):
            domain, *folders = place.parts[:-1]
            try:
                if isinstance(content, Unreadable):
                    raise ValueError(str(content))
                if roots.states_terms(place):
                    terms[domain] = roots.terms_in(content)
                    continue
                pixels = square(decode(content), side)
            except ValueError as error:
                skipped.append((str(place), str(error)))
                continue
            stream.write(pixels.tobytes())
            rings.append(duplicates.rings(pixels))
            digest = hashlib.sha256(content).hexdigest()
            kept.append(BaseImage(str(place), domain, folders[0] if folders else "", split_of(digest), digest))
        stream.seek(0)
        _write_header(stream, len(kept), side)
    if not kept:
        raise InputError(f"none of {len(skipped)} images can be read; the first, {skipped[0][0]}: {skipped[0][1]}")
    images = _grouped(kept, duplicates.groups(np.stack(rings)))
    held = {item.domain for item in images}
    listed = {
        "terms": {domain: text for domain, text in terms.items() if domain in held},
        "images": [asdict(item) for item in images],
    }
    listing = out.with_suffix(".json")
    listing.unlink(missing_ok=True)  # written last: a list without its array, or beside an older one, cannot arise
    partial.replace(out)
    listing.write_text(json.dumps(listed, indent=0), encoding="utf-8")
    return Packed(len(images), len({item.group or item.sha256 for item in images}), tuple(skipped))


@dataclass(frozen=True, eq=False)
class Bank:
    """Packed images, drawn ones beside them."""

    images: NDArray[np.uint8]
    """Shape (n, side, side, 3), usually a read-only memory map."""
    items: tuple[BaseImage, ...]
    """One an image, same order."""
    terms: Mapping[str, str] = field(default_factory=dict)
    """Licence or terms of use of the domains that state them, in their own words."""

    @classmethod
    def load(cls, path: Path) -> Bank:
        """The bank that `pack` wrote to `path`; pixels are read when they are used.

        Raises:
            InputError: the array or its list is missing, of an older version, or the two do not belong together.
        """
        listing = path.with_suffix(".json")
        for needed in (path, listing):
            if not needed.is_file():
                raise InputError(f"{needed} is missing; write it with python -m data_synth pack")
        listed = json.loads(listing.read_text(encoding="utf-8"))
        if not isinstance(listed, dict):
            raise InputError(f"{listing} knows no near-duplicates, it is too old; run python -m data_synth pack again")
        items = tuple(BaseImage(**item) for item in listed["images"])
        images = np.load(path, mmap_mode="r")
        if len(images) != len(items):
            raise InputError(f"{path} holds {len(images)} images, {listing} lists {len(items)}; pack them again")
        return cls(images, items, listed["terms"])

    @classmethod
    def drawn_only(cls) -> Bank:
        """A bank without files: only the drawn domains have images."""
        return cls(np.zeros((0, 1, 1, 3), np.uint8), ())

    @cached_property
    def groups(self) -> NDArray[np.int64]:
        """One number an image, the same for near-duplicates."""
        names = [item.group or item.sha256 for item in self.items]
        return np.asarray(np.unique(names, return_inverse=True)[1], np.int64)

    def domains(self, split: Split) -> dict[str, NDArray[np.int64]]:
        """Indices into `images` of each file domain, and of each of its classes where it has several."""
        return self._domains[split]

    def pictures(self, split: Split) -> dict[str, int]:
        """How many different pictures each domain has: near-duplicates count once."""
        return self._pictures[split]

    @cached_property
    def _pictures(self) -> dict[Split, dict[str, int]]:
        return {
            split: {name: len(np.unique(self.groups[rows])) for name, rows in domains.items()}
            for split, domains in self._domains.items()
        }

    @cached_property
    def _domains(self) -> dict[Split, dict[str, NDArray[np.int64]]]:
        labels: dict[str, set[str]] = {}
        for item in self.items:
            labels.setdefault(item.domain, set()).add(item.label)
        found: dict[Split, dict[str, list[int]]] = {"train": {}, "val": {}, "test": {}}
        for index, item in enumerate(self.items):
            found[item.split].setdefault(item.domain, []).append(index)
            if item.label and len(labels[item.domain] - {""}) > 1:
                found[item.split].setdefault(f"{item.domain}/{item.label}", []).append(index)
        return {
            split: {name: np.array(indices, np.int64) for name, indices in sorted(domains.items())}
            for split, domains in found.items()
        }


def _members(places: Sequence[Path | str]) -> Iterator[tuple[PurePosixPath, roots.Content]]:
    """All files of all roots; a data set lies in one of them."""
    held_by: dict[str, int] = {}
    for number, root in enumerate(places):
        for place, content in roots.members(str(root)):
            domain = place.parts[0]
            if domain == "drawn":
                raise InputError(f"{root}: the data set name 'drawn' is taken by drawn images; rename the folder")
            if held_by.setdefault(domain, number) != number:
                raise InputError(f"{root} and {places[held_by[domain]]} both hold a data set {domain!r}; rename one")
            yield place, content


def _grouped(items: list[BaseImage], numbers: NDArray[np.int64]) -> list[BaseImage]:
    """Images with the group and the split that they share with their near-duplicates.

    Args:
        numbers: of the group of each.
    """
    first: dict[int, str] = {}
    for number, item in zip(numbers.tolist(), items, strict=True):
        first[number] = min(first.get(number, item.sha256), item.sha256)
    sizes = np.bincount(numbers)
    return [
        replace(item, split=split_of(first[number]), group=first[number]) if sizes[number] > 1 else item
        for number, item in zip(numbers.tolist(), items, strict=True)
    ]


def _resize(image: Pixels, side: int) -> Pixels:
    shrink = side < image.shape[0]
    resized = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA if shrink else cv2.INTER_CUBIC)
    return np.asarray(resized, np.uint8)


def _write_header(stream: BinaryIO, count: int, side: int) -> None:
    """An .npy header; numpy pads it, so that one with a larger count takes the same bytes."""
    header = {"descr": "|u1", "fortran_order": False, "shape": (count, side, side, 3)}
    np.lib.format.write_array_header_1_0(stream, header)
