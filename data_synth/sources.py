"""Base images: folders of pictures become named domains, each image falls into a split by the hash of its bytes."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from data_synth import procedural
from data_synth.family import Pixels
from vlmdiff.errors import InputError

Split = Literal["train", "val", "test"]

SUFFIXES = frozenset({".jpg", ".jpeg", ".png"})
DRAWN = tuple(f"drawn/{kind}" for kind in procedural.FIELDS)
"""Domains that need no files: every image is drawn anew."""


@dataclass(frozen=True)
class Domain:
    """Image files of one kind, for instance all of a data set or one of its classes."""

    name: str
    """The top folder ("lung_histology") or one of its classes ("lung_histology/benign_tissue")."""
    files: tuple[Path, ...]


@dataclass(frozen=True)
class BaseImage:
    """Where one packed image comes from."""

    file: str
    """Path relative to the packed root, with forward slashes."""
    domain: str
    """The top folder."""
    label: str
    """The folder below it, or "" for a file that lies in the top folder itself."""
    split: Split
    sha256: str
    """Of the file's bytes, in hex."""


@dataclass(frozen=True)
class Packed:
    """What `pack` kept and what it could not use."""

    kept: int
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


def folder_domains(root: Path) -> list[Domain]:
    """One domain a top folder with images anywhere below it, and one a class where it has several.

    Raises:
        InputError: `root` is no folder, holds no images in folders, or has a top folder called "drawn".
    """
    if not root.is_dir():
        raise InputError(f"{root} is no folder; expected <data set>/<class>/*.jpg or *.png below it")
    files: dict[str, list[Path]] = {}
    for path in sorted(root.rglob("*")):
        parts = path.relative_to(root).parts
        hidden = any(part.startswith(".") for part in parts)
        if len(parts) > 1 and not hidden and path.suffix.lower() in SUFFIXES and path.is_file():
            files.setdefault(parts[0], []).append(path)
    if not files:
        raise InputError(f"{root} holds no images; expected <data set>/<class>/*.jpg or *.png below it")
    if "drawn" in files:
        raise InputError(f"{root / 'drawn'}: the name is taken by drawn images; rename the folder")
    domains = []
    for name, members in files.items():
        domains.append(Domain(name, tuple(members)))
        labels = sorted({_label(path, root) for path in members} - {""})
        if len(labels) > 1:
            for label in labels:
                domains.append(Domain(f"{name}/{label}", tuple(p for p in members if _label(p, root) == label)))
    return domains


def decode(content: bytes) -> Pixels:
    """The picture in a file's bytes: first frame, EXIF rotation applied, transparency on white, RGB.

    Raises:
        ValueError: the bytes are no image, or one of more than 8 bits a channel (its window would be a guess).
    """
    try:
        with Image.open(BytesIO(content)) as opened:
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


def pack(root: Path, out: Path, side: int = 192) -> Packed:
    """Decode every image below `root` once, into a memory-mappable array and a list of where each came from.

    Args:
        root: a tree `<data set>/<class>/*.jpg` (or png), read by `folder_domains`.
        out: the array to write, "bank.npy"; the list goes beside it, "bank.json".
        side: width and height of the packed images in px.
    """
    found = [(top.name, path) for top in folder_domains(root) if "/" not in top.name for path in top.files]
    kept: list[BaseImage] = []
    skipped: list[tuple[str, str]] = []
    out.parent.mkdir(parents=True, exist_ok=True)
    listing = out.with_suffix(".json")
    listing.unlink(missing_ok=True)  # written last: a list without its array, or beside an older one, cannot arise
    with out.open("wb") as stream:
        _write_header(stream, 0, side)
        for domain, path in found:
            name = path.relative_to(root).as_posix()
            content = path.read_bytes()
            try:
                pixels = square(decode(content), side)
            except ValueError as error:
                skipped.append((name, str(error)))
                continue
            stream.write(pixels.tobytes())
            digest = hashlib.sha256(content).hexdigest()
            kept.append(BaseImage(name, domain, _label(path, root), split_of(digest), digest))
        stream.seek(0)
        _write_header(stream, len(kept), side)
    listing.write_text(json.dumps([asdict(item) for item in kept], indent=0), encoding="utf-8")
    return Packed(len(kept), tuple(skipped))


@dataclass(frozen=True, eq=False)
class Bank:
    """Packed images, drawn ones beside them."""

    images: NDArray[np.uint8]
    """Shape (n, side, side, 3), usually a read-only memory map."""
    items: tuple[BaseImage, ...]
    """One an image, same order."""

    @classmethod
    def load(cls, path: Path) -> Bank:
        """The bank that `pack` wrote to `path`; pixels are read when they are used.

        Raises:
            InputError: the array or its list is missing, or the two do not belong together.
        """
        listing = path.with_suffix(".json")
        for needed in (path, listing):
            if not needed.is_file():
                raise InputError(f"{needed} is missing; write it with data_synth.sources.pack")
        items = tuple(BaseImage(**item) for item in json.loads(listing.read_text(encoding="utf-8")))
        images = np.load(path, mmap_mode="r") if items else np.load(path)
        if len(images) != len(items):
            raise InputError(f"{path} holds {len(images)} images, {listing} lists {len(items)}; pack them again")
        return cls(images, items)

    @classmethod
    def drawn_only(cls) -> Bank:
        """A bank without files: only the drawn domains have images."""
        return cls(np.zeros((0, 1, 1, 3), np.uint8), ())

    def domains(self, split: Split) -> dict[str, NDArray[np.int64]]:
        """Indices into `images` of each file domain, and of each of its classes where it has several."""
        return self._domains[split]

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

    def sample(self, domain: str, split: Split, count: int, size: int, rng: np.random.Generator) -> list[Pixels]:
        """Different images of one domain, `size` px a side; a drawn domain has no splits and no end.

        Args:
            domain: a key of `domains(split)` or one of DRAWN.

        Raises:
            InputError: the domain is unknown or has fewer than `count` images in this split.
        """
        if domain in DRAWN:
            kind = domain.removeprefix("drawn/")
            return [procedural.draw(kind, rng, size) for _ in range(count)]
        domains = self.domains(split)
        if domain not in domains:
            raise InputError(f"no domain {domain!r} in {split}; known are {', '.join([*domains, *DRAWN])}")
        indices = domains[domain]
        if count > len(indices):
            raise InputError(f"{domain} has {len(indices)} images in {split}, {count} are wanted; ask for fewer")
        return [_resize(self.images[i], size) for i in rng.choice(indices, count, replace=False)]


def _label(path: Path, root: Path) -> str:
    parts = path.relative_to(root).parts
    return parts[1] if len(parts) > 2 else ""


def _resize(image: Pixels, side: int) -> Pixels:
    shrink = side < image.shape[0]
    resized = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA if shrink else cv2.INTER_CUBIC)
    return np.asarray(resized, np.uint8)


def _write_header(stream: BinaryIO, count: int, side: int) -> None:
    """An .npy header; numpy pads it, so that one with a larger count takes the same bytes."""
    header = {"descr": "|u1", "fortran_order": False, "shape": (count, side, side, 3)}
    np.lib.format.write_array_header_1_0(stream, header)
