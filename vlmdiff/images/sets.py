"""Two sets of images, read, fitted and compared as files: what the model sees, what was skipped, what to be wary of."""

from __future__ import annotations

import hashlib
import io
import os
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vlmdiff.errors import InputError, UsageError
from vlmdiff.findings import Side, Skipped
from vlmdiff.images.decode import (
    Header,
    Unreadable,
    Window,
    decode,
    fit,
    fit_window,
    sample_levels,
    shrink,
)
from vlmdiff.images.groups import groups_of, is_alone
from vlmdiff.images.sources import Reference, open_set, read_bytes, reading_order

WORKERS = min(4, os.cpu_count() or 1)
"""Threads that decode; with the few files that wait for them, the bound on full-size pictures in memory."""


@dataclass(frozen=True, eq=False)
class LoadedSet:
    """The images of one side; entry i of every list and array is the same image."""

    side: Side
    ids: list[str]
    """Opaque: "A-0001"; sorted."""
    pixels: NDArray[np.uint8]
    """RGB, shape (n, size, size, 3)."""
    skipped: list[Skipped]
    digests: list[str]
    """SHA-256 of each file."""
    headers: list[Header]
    references: list[Reference]
    window: Window | None
    """Shared by both sides; None where no image has a high depth."""
    groups: list[str] | None = None
    """Of each image the patient, plate or burst it belongs to; None: each stands alone."""

    def thumbnail(self, index: int, side_px: int = 192) -> bytes:
        """The whole picture, read anew, as a small PNG without metadata, its longer side at most `side_px`.

        Raises:
            InputError: the file is gone or has changed since.
        """
        name = self.ids[index]
        (content,) = read_bytes([self.references[index]])
        if isinstance(content, Unreadable):
            raise InputError(f"image {name} cannot be read again: {content}")
        if hashlib.sha256(content).hexdigest() != self.digests[index]:
            raise InputError(f"image {name} has changed since it was read; run again")
        small = shrink(decode(content, target=side_px).pixels, side_px)
        if small.ndim == 2:
            assert self.window is not None
            small = self.window.apply(small)
        png = io.BytesIO()
        Image.fromarray(small).save(png, "PNG")
        return png.getvalue()


@dataclass(frozen=True, eq=False)
class SetPair:
    """Both sides, ready for a model, and what a reader of the report should know about the files."""

    a: LoadedSet
    b: LoadedSet
    warnings: list[str]
    window: Window | None


def load_pair(
    a: str | Path,
    b: str | Path,
    *,
    size: int,
    max_images: int | None = None,
    seed: int = 0,
    show_names: bool = False,
    groups: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> SetPair:
    """Read two sets; only the fitted pixels stay in memory.

    Args:
        a: a folder, glob, list or archive (see `open_set`).
        b: likewise.
        size: side in px of the model's input.
        max_images: read a random sample of this many images a set; unreadable ones are replaced if there are others.
        seed: of that sample.
        show_names: name skipped files instead of giving their opaque ids.
        groups: which images belong together (see `groups_of`); None if each stands for itself.
        progress: called in this thread with the images done and the images wanted, both sets together.

    Raises:
        InputError: fewer than 2 readable images in a set, one path for both sets, or a source that is not usable.
        UsageError: `max_images` under 2, or `groups` that fit no file.
    """
    if max_images is not None and max_images < 2:
        raise UsageError(f"{max_images} image(s) a set is too few to compare; take at least 2")
    if _same_path(a, b):
        raise InputError(f"A and B are the same path ({str(a)!r}); give two different sets")
    files_a, files_b = open_set(a, "a"), open_set(b, "b")
    files = [file for file in files_a + files_b if file.refused is None]
    group = None if groups is None else dict(zip((f.id for f in files), groups_of(groups, files), strict=True))
    side_a = _Reading("a", files_a, size, max_images, np.random.default_rng([seed, 0]))
    side_b = _Reading("b", files_b, size, max_images, np.random.default_rng([seed, 1]))
    total = side_a.wanted + side_b.wanted
    done = 0
    with ThreadPoolExecutor(WORKERS, "vlmdiff-decode") as pool:
        for reading in sorted((side_a, side_b), key=lambda reading: reading.wanted):  # too small a set fails at once
            for count in reading.run(pool):
                if progress is not None:
                    progress(done + count, total)
            reading.check()
            done += reading.wanted
    samples = side_a.samples + side_b.samples
    window = fit_window(samples) if samples else None
    loaded_a, loaded_b = (side.loaded(window, show_names, group) for side in (side_a, side_b))
    return SetPair(loaded_a, loaded_b, _warnings(loaded_a, loaded_b) + _group_warnings(loaded_a, loaded_b), window)


@dataclass(frozen=True, eq=False)
class _Picture:
    """What stays of one file."""

    fitted: NDArray[Any]
    samples: NDArray[np.float32] | None
    digest: str
    header: Header


class _Reading:
    """One side while it is read; high-depth pictures wait as levels until the window of both sides is known."""

    def __init__(
        self, side: Side, references: list[Reference], size: int, max_images: int | None, rng: np.random.Generator
    ) -> None:
        self.side: Side = side
        self.size = size
        self.queue = [r for r in references if r.refused is None]
        self.wanted = min(len(self.queue), max_images or len(self.queue))
        if self.wanted < len(self.queue):
            self.queue = [self.queue[i] for i in rng.permutation(len(self.queue))]
        self.skipped = [(r, r.refused) for r in references if r.refused is not None]
        self.pixels = np.empty((self.wanted, size, size, 3), np.uint8)
        self.levels: dict[int, NDArray[np.float32]] = {}
        self.samples: list[NDArray[np.float32]] = []
        self.read: list[tuple[Reference, str, Header]] = []

    def run(self, pool: ThreadPoolExecutor) -> Iterator[int]:
        """Read until enough images are there or no files are left; yields the number of images settled so far."""
        while self.queue and len(self.read) < self.wanted:
            missing = self.wanted - len(self.read)
            batch, self.queue = sorted(self.queue[:missing], key=reading_order), self.queue[missing:]
            for reference, picture in _pictures(batch, self.size, pool):
                if isinstance(picture, Unreadable):
                    self.skipped.append((reference, str(picture)))
                else:
                    self._keep(reference, picture)
                    yield len(self.read)
        yield self.wanted

    def _keep(self, reference: Reference, picture: _Picture) -> None:
        row = len(self.read)
        if picture.samples is None:
            self.pixels[row] = picture.fitted
        else:
            self.levels[row] = picture.fitted
            self.samples.append(picture.samples)
        self.read.append((reference, picture.digest, picture.header))

    def check(self) -> None:
        """Raise InputError unless there are two images."""
        if len(self.read) < 2:
            images = "1 readable image" if self.read else "0 readable images"
            why = f" ({_reasons([reason for _, reason in self.skipped])})" if self.skipped else ""
            raise InputError(
                f"set {self.side.upper()}: {images} of {len(self.read) + len(self.skipped)}{why}; "
                "at least 2 are needed, and some 20 a set to find much"
            )

    def loaded(self, window: Window | None, show_names: bool, groups: Mapping[str, str] | None) -> LoadedSet:
        """The finished side, in the order of its ids; groups are given by id."""
        for row in list(self.levels):
            assert window is not None
            self.pixels[row] = window.apply(self.levels.pop(row))
        pixels = self.pixels[: len(self.read)]
        order = sorted(range(len(self.read)), key=lambda row: self.read[row][0].id)
        if order != list(range(len(order))):
            pixels = pixels[order]
        read = [self.read[row] for row in order]
        skipped = sorted(self.skipped, key=lambda skip: skip[0].id)
        return LoadedSet(
            side=self.side,
            ids=[reference.id for reference, _, _ in read],
            pixels=pixels,
            skipped=[Skipped(file=r.name if show_names else r.id, reason=reason) for r, reason in skipped],
            digests=[digest for _, digest, _ in read],
            headers=[header for _, _, header in read],
            references=[reference for reference, _, _ in read],
            window=window,
            groups=None if groups is None else [groups[reference.id] for reference, _, _ in read],
        )


def _pictures(
    references: Sequence[Reference], size: int, pool: ThreadPoolExecutor
) -> Iterator[tuple[Reference, _Picture | Unreadable]]:
    """Decode in the pool, in order, with only a few files on their way at any time."""
    waiting: deque[tuple[Reference, Future[_Picture | Unreadable]]] = deque()
    with closing(read_bytes(references)) as contents:
        for reference, content in zip(references, contents, strict=True):
            waiting.append((reference, pool.submit(_picture, content, size)))
            if len(waiting) > WORKERS + 1:
                first, future = waiting.popleft()
                yield first, future.result()
    for reference, future in waiting:
        yield reference, future.result()


def _picture(content: bytes | Unreadable, size: int) -> _Picture | Unreadable:
    if isinstance(content, Unreadable):
        return content
    try:
        raw = decode(content, target=size)
    except Unreadable as unreadable:
        return unreadable
    samples = sample_levels(raw.pixels) if raw.header.high_depth else None
    return _Picture(fit(raw.pixels, size), samples, hashlib.sha256(content).hexdigest(), raw.header)


def _same_path(a: str | Path, b: str | Path) -> bool:
    try:
        return Path(a).resolve() == Path(b).resolve()
    except (OSError, ValueError, RuntimeError):  # not a usable path: `open_set` says so
        return False


def _reasons(reasons: Sequence[str]) -> str:
    """The three commonest, with counts: "2 truncated file, 1 empty file"."""
    return ", ".join(f"{count} {reason}" for reason, count in Counter(reasons).most_common(3))


def _warnings(a: LoadedSet, b: LoadedSet) -> list[str]:
    """What about the files, not their content, may mislead a comparison."""
    found = []
    for one in (a, b):
        name, files = one.side.upper(), len(one.ids) + len(one.skipped)
        if one.skipped:
            found.append(
                f"{name}: {len(one.skipped)} of {files} files skipped ({_reasons([s.reason for s in one.skipped])})"
            )
        copies = len(one.digests) - len(set(one.digests))
        if copies:
            found.append(f"{name}: {copies} of {len(one.digests)} images repeat others (same bytes)")
        cropped = [1 - min(h.width, h.height) / max(h.width, h.height) > 0.4 for h in one.headers]
        if 2 * sum(cropped) > len(cropped):
            found.append(
                f"{name}: the images are long; the centred square that is compared leaves out over 40 % "
                f"of {sum(cropped)} of {len(cropped)}"
            )
    shared = len(set(a.digests) & set(b.digests))
    if shared:
        found.append(f"{shared} {'image is' if shared == 1 else 'images are'} in both sets (same bytes)")
    return found + _file_differences(a.headers, b.headers)


def _group_warnings(a: LoadedSet, b: LoadedSet) -> list[str]:
    """Where the groups may not be what was meant."""
    if a.groups is None or b.groups is None:
        return []
    found = []
    for one, groups in ((a, a.groups), (b, b.groups)):
        alone = sum(map(is_alone, groups))
        if alone:
            found.append(f"{one.side.upper()}: {alone} of {len(groups)} images are in no group; each stands for itself")
    if len(set(a.groups + b.groups)) == len(a.groups + b.groups):
        found.append("no two images are in the same group: the groups change nothing")
    return found


def _file_differences(a: Sequence[Header], b: Sequence[Header]) -> list[str]:
    """How the files of A clearly differ from those of B: a cause of differences that nobody asked for."""
    found = []
    (kind_a, share_a), (kind_b, share_b) = _commonest(a), _commonest(b)
    if kind_a != kind_b and min(share_a, share_b) >= 0.75:
        found.append(f"file formats differ: A is {share_a:.0%} {kind_a}, B {share_b:.0%} {kind_b}")
    depth_a, depth_b = (sum(h.high_depth for h in headers) / len(headers) for headers in (a, b))
    if abs(depth_a - depth_b) > 0.5:
        found.append(
            f"bit depths differ: {depth_a:.0%} of A and {depth_b:.0%} of B have over 8 bits; only those share a window"
        )
    area_a, area_b = (median(h.width * h.height for h in headers) for headers in (a, b))
    if max(area_a, area_b) > 2 * min(area_a, area_b):
        found.append(
            f"picture sizes differ: the median is {area_a / 1e6:.2g} megapixels in A and {area_b / 1e6:.2g} in B"
        )
    steps_a, steps_b = ([h.quantisation for h in headers if h.quantisation] for headers in (a, b))
    if 2 * len(steps_a) > len(a) and 2 * len(steps_b) > len(b):
        step_a, step_b = median(steps_a), median(steps_b)
        if max(step_a, step_b) > 2 * min(step_a, step_b):
            stronger = "A" if step_a > step_b else "B"
            found.append(f"JPEG compression differs: it is clearly stronger in {stronger}")
    return found


def _commonest(headers: Sequence[Header]) -> tuple[str, float]:
    (kind, count), *_ = Counter(h.format for h in headers).most_common(1)
    return kind, count / len(headers)
