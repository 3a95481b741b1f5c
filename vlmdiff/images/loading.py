"""One side while it is read: files decoded in threads, few at a time, until there are images enough."""

from __future__ import annotations

import hashlib
import os
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vlmdiff.errors import InputError
from vlmdiff.findings import Side
from vlmdiff.images import formats
from vlmdiff.images.cautions import reasons
from vlmdiff.images.decode import Header, Unreadable, fit, measured
from vlmdiff.images.formats import Content
from vlmdiff.images.intensity import Intensity, sample_levels
from vlmdiff.images.reading import Reading
from vlmdiff.images.references import Reference
from vlmdiff.images.sources import read_contents, reading_order

WORKERS = min(4, os.cpu_count() or 1)
"""Threads that decode; with the few files that wait for them, the bound on full-size pictures in memory."""


@dataclass(frozen=True, eq=False)
class Picture:
    """What stays of one image."""

    fitted: NDArray[Any]
    samples: NDArray[np.float32] | None
    """Of its levels; None where it is RGB already."""
    digest: str
    header: Header
    frame: int | None


@dataclass(frozen=True)
class Read:
    """An image that was read, and from where."""

    id: str
    reference: Reference
    """With its frame."""
    file: str
    """The id of the file."""
    digest: str
    header: Header


class Loading:
    """The images of one side; those of levels wait as they are until the intensity mapping of both sides is known."""

    def __init__(
        self,
        side: Side,
        references: Sequence[Reference],
        size: int,
        max_images: int | None,
        rng: np.random.Generator,
        reading: Reading,
    ) -> None:
        self.side: Side = side
        self.size = size
        self.reading = reading
        self.queue = [r for r in references if r.refused is None]
        most = len(self.queue) * reading.frames
        self.wanted = min(most, max_images or most)
        if self.wanted < most:
            self.queue = [self.queue[i] for i in rng.permutation(len(self.queue))]
        self.skipped = [(r, r.refused) for r in references if r.refused is not None]
        self.rows = np.empty((min(self.wanted, len(self.queue)), size, size, 3), np.uint8)
        self.levels: dict[int, NDArray[np.float32]] = {}
        self.samples: list[NDArray[np.float32]] = []
        self.read: list[Read] = []

    def run(self, pool: ThreadPoolExecutor) -> Iterator[int]:
        """Read until enough images are there or no files are left; yields the number of images settled so far."""
        while self.queue and len(self.read) < self.wanted:
            missing = -(-(self.wanted - len(self.read)) // self.reading.frames)
            batch, self.queue = sorted(self.queue[:missing], key=reading_order), self.queue[missing:]
            for reference, pictures in _decoded(batch, self.size, self.reading, pool):
                if isinstance(pictures, Unreadable):
                    self.skipped.append((reference, str(pictures)))
                    continue
                for picture in pictures[: self.wanted - len(self.read)]:
                    self._keep(reference, picture)
                yield len(self.read)
        yield self.wanted

    def _keep(self, reference: Reference, picture: Picture) -> None:
        row = len(self.read)
        if row == len(self.rows):
            self.rows = np.concatenate([self.rows, np.empty_like(self.rows)])
        if picture.samples is None:
            self.rows[row] = picture.fitted
        else:
            self.levels[row] = picture.fitted
            self.samples.append(picture.samples)
        several = picture.frame is not None and self.reading.frames > 1
        name = f"{reference.id}.{picture.frame:03d}" if several else reference.id
        placed = replace(reference, frame=picture.frame)
        self.read.append(Read(name, placed, reference.id, picture.digest, picture.header))

    def check(self) -> None:
        """Refuse a side without two images.

        Raises:
            InputError: it is one.
        """
        if len(self.read) < 2:
            images = "1 readable image" if self.read else "0 readable images"
            why = f" ({reasons([reason for _, reason in self.skipped])})" if self.skipped else ""
            raise InputError(
                f"set {self.side.upper()}: {images} of {len(self.read) + len(self.skipped)}{why}; "
                "at least 2 are needed, and some 20 a set to find much"
            )

    def finish(self, intensity: Intensity | None) -> NDArray[np.uint8]:
        """Put everything in the order of the ids.

        Returns:
            RGB of each image, shape (n, size, size, 3).
        """
        for row in list(self.levels):
            assert intensity is not None
            self.rows[row] = intensity.apply(self.levels.pop(row), self.read[row].header.colour)
        pixels = self.rows[: len(self.read)]
        order = sorted(range(len(self.read)), key=lambda row: self.read[row].id)
        self.read = [self.read[row] for row in order]
        self.skipped.sort(key=lambda skip: skip[0].id)
        return pixels if order == list(range(len(order))) else pixels[order]

    def units(self) -> Mapping[str, str]:
        """By image id what it is a part of as far as the files tell: one DICOM study, or one file with several."""
        several = self.reading.frames > 1
        rows = Counter(one.reference.path for one in self.read if one.reference.place is None)  # a list may name frames
        found = {}
        for one in self.read:
            listed = rows[one.reference.path] > 1 and one.reference.frame is not None
            of_file = str(one.reference.path) if listed else one.file if several else None
            if unit := one.header.study or of_file:
                found[one.id] = unit
        return found


def digest_of(content: Content, frame: int | None) -> str:
    """SHA-256 of a file's content, and of which of its frames, where it has several."""
    return _digest_of_frame(_digest_of_file(content), frame)


def _digest_of_file(content: Content) -> str:
    return hashlib.sha256(content.tobytes() if isinstance(content, np.ndarray) else content).hexdigest()


def _digest_of_frame(of_file: str, frame: int | None) -> str:
    return of_file if frame is None else hashlib.sha256(f"{of_file}#{frame}".encode()).hexdigest()


def _decoded(
    references: Sequence[Reference], size: int, reading: Reading, pool: ThreadPoolExecutor
) -> Iterator[tuple[Reference, list[Picture] | Unreadable]]:
    """Decode in the pool, in order, with only a few files on their way at any time."""
    waiting: deque[tuple[Reference, Future[list[Picture] | Unreadable]]] = deque()
    with closing(read_contents(references)) as contents:
        for reference, content in zip(references, contents, strict=True):
            waiting.append((reference, pool.submit(_pictures, content, reference, size, reading)))
            if len(waiting) > WORKERS + 1:
                first, future = waiting.popleft()
                yield first, future.result()
    for reference, future in waiting:
        yield reference, future.result()


def _pictures(
    content: Content | Unreadable, reference: Reference, size: int, reading: Reading
) -> list[Picture] | Unreadable:
    if isinstance(content, Unreadable):
        return content
    try:
        found = []
        of_file = None
        for raw in formats.read(content, reference, reading, size):
            of_file = of_file or _digest_of_file(content)
            samples = sample_levels(raw.pixels, raw.header.colour) if raw.header.high_depth else None
            fitted = fit(measured(raw.pixels), size)
            found.append(Picture(fitted, samples, _digest_of_frame(of_file, raw.frame), raw.header, raw.frame))
        return found
    except Unreadable as unreadable:
        return unreadable
    except Exception:  # what a reader let through (MemoryError, cv2.error) must not cost the other files
        return Unreadable("damaged file")
