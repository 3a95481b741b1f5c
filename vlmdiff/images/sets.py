"""Two sets of images, read and fitted: what the model sees, what was skipped, what to be wary of."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vlmdiff.errors import InputError, UsageError
from vlmdiff.findings import Side, Skipped
from vlmdiff.images import belonging, formats
from vlmdiff.images.cautions import cautions
from vlmdiff.images.decode import Header, Unreadable, measured, shrink
from vlmdiff.images.intensity import Intensity, fit_intensity
from vlmdiff.images.loading import WORKERS, Loading, Read, digest_of
from vlmdiff.images.reading import USUAL, WINDOWS, Reading
from vlmdiff.images.references import Reference
from vlmdiff.images.sources import open_manifest, open_set, read_contents
from vlmdiff.images.volumes import Slices, slices_of_volumes

MOST_OUTSIDE = 0.8
"""Share of measured values that a window may clip before that is said: air around a head is half of a picture."""


@dataclass(frozen=True, eq=False)
class LoadedSet:
    """The images of one side; entry i of every list and array is the same image."""

    side: Side
    ids: list[str]
    """Opaque: "A-0001", or "A-0001.013" for frame 13 of a file with several; sorted. With names: "A-0001 (cat.jpg)"."""
    pixels: NDArray[np.uint8]
    """RGB, shape (n, size, size, 3)."""
    skipped: list[Skipped]
    digests: list[str]
    """SHA-256 of each file, and of its frame where it has several."""
    headers: list[Header]
    references: list[Reference]
    """With the frame that was read."""
    window: Intensity | None
    """Shared by both sides; None where no image has levels."""
    groups: list[str] | None = None
    """Of each image the patient, plate or burst it belongs to; None: each stands alone."""
    reading: Reading = USUAL

    def may_show(self, index: int) -> bool:
        """Whether a picture of it may go into a report: of DICOM files only where that was asked for."""
        return self.headers[index].format != "DICOM" or self.reading.dicom_pictures

    def thumbnail(self, index: int, side_px: int = 192) -> bytes:
        """The whole picture, read anew, as a small PNG without metadata, its longer side at most `side_px`.

        Raises:
            InputError: the file is gone or has changed since, or it may not be shown.
        """
        name, reference = self.ids[index], self.references[index]
        if not self.may_show(index):
            raise InputError(f"image {name} is of a DICOM file; pictures of those are made with --dicom-pictures only")
        (content,) = read_contents([reference])
        if isinstance(content, Unreadable):
            raise InputError(f"image {name} cannot be read again: {content}")
        if digest_of(content, reference.frame) != self.digests[index]:
            raise InputError(f"image {name} has changed since it was read; run again")
        raw = formats.read(content, reference, self.reading, side_px)[0]
        small = shrink(measured(raw.pixels), side_px)
        if small.dtype != np.uint8:
            assert self.window is not None
            small = self.window.apply(small, raw.header.colour)
        png = io.BytesIO()
        Image.fromarray(small).save(png, "PNG")
        return png.getvalue()


@dataclass(frozen=True, eq=False)
class SetPair:
    """Both sides, ready for a model, and what a reader of the report should know about the files."""

    a: LoadedSet
    b: LoadedSet
    warnings: list[str]
    window: Intensity | None


def load_pair(
    a: str | Path,
    b: str | Path | None,
    *,
    size: int,
    max_images: int | None = None,
    seed: int = 0,
    show_names: bool = False,
    groups: str | None = None,
    reading: Reading = USUAL,
    progress: Callable[[int, int], None] | None = None,
) -> SetPair:
    """Read two sets; only the fitted pixels stay in memory.

    Without groups told, a list's column `group` or `patient` tells them; else the images of one DICOM study or of one
    file are a group, where there are several. See `vlmdiff.images.belonging`.

    Args:
        a: a folder, glob, list, archive or array file (see `open_set`).
        b: likewise; None where `a` is a manifest of both sets.
        size: side in px of the model's input.
        max_images: read a random sample of this many images a set; unreadable ones are replaced if there are others.
        seed: of that sample.
        show_names: give the names of files, too, beside the ids of images and in place of those of skipped files.
        groups: which images belong together (see `groups_of`); "none": each stands for itself; None: lists or files
            tell.
        reading: window, frames and channels, the same for both sets.
        progress: called in this thread with the images done and the images wanted, both sets together.

    Raises:
        InputError: fewer than 2 readable images in a set, one path for both sets, or a source that is not usable.
        UsageError: `max_images` under 2, or `groups` that fit no file.
    """
    if max_images is not None and max_images < 2:
        raise UsageError(f"{max_images} image(s) a set is too few to compare; take at least 2")
    files_a, files_b, warnings = _opened(a, b)
    of_a, of_b = ([file for file in files if file.refused is None] for files in (files_a, files_b))
    by_file, listed = belonging.of_files(groups, of_a, of_b)
    if reading.volumes:
        (files_a, slices_a), (files_b, slices_b) = (_volumes(files, reading) for files in (files_a, files_b))
        warnings += _of_volumes(slices_a, slices_b)
    side_a = Loading("a", files_a, size, max_images, np.random.default_rng([seed, 0]), reading)
    side_b = Loading("b", files_b, size, max_images, np.random.default_rng([seed, 1]), reading)
    total = side_a.wanted + side_b.wanted
    done = 0
    with ThreadPoolExecutor(WORKERS, "vlmdiff-decode") as pool:
        for side in sorted((side_a, side_b), key=lambda side: side.wanted):  # too small a set fails at once
            for count in side.run(pool):
                if progress is not None:
                    progress(done + count, total)
            side.check()
            done += side.wanted
    samples = side_a.samples + side_b.samples
    window = _intensity(samples, reading) if samples else None
    warnings += _of_options(reading, samples, side_a.read + side_b.read)
    members, notes = belonging.of_images(side_a, side_b, groups, by_file)
    loaded_a, loaded_b = (_loaded(side, window, show_names, members) for side in (side_a, side_b))
    return SetPair(loaded_a, loaded_b, warnings + cautions(loaded_a, loaded_b) + listed + notes, window)


def _opened(a: str | Path, b: str | Path | None) -> tuple[list[Reference], list[Reference], list[str]]:
    if b is None:
        files_a, files_b, note = open_manifest(a)
        return files_a, files_b, [note] if note else []
    if _same_path(a, b):
        raise InputError(f"A and B are the same path ({str(a)!r}); give two different sets")
    return open_set(a, "a"), open_set(b, "b"), []


def _volumes(files: list[Reference], reading: Reading) -> tuple[list[Reference], Slices]:
    refused = [file for file in files if file.refused is not None]
    found = slices_of_volumes([file for file in files if file.refused is None], reading)
    return refused + found.read, found


def _of_volumes(a: Slices, b: Slices) -> list[str]:
    """What became of the files of volumes, where that is not what was asked for."""
    if not a.series + b.series:
        return ["--volumes changes nothing: no file is a slice of a DICOM series"]
    doubled = a.doubled + b.doubled
    where = "where another slice of the same series does (time points, echoes)"
    lying = f"1 file lies {where}, and was" if doubled == 1 else f"{doubled} files lie {where}, and were"
    return [f"{lying} not read"] if doubled else []


def _of_options(reading: Reading, samples: Sequence[NDArray[np.float32]], read: Sequence[Read]) -> list[str]:
    """Options of reading that change nothing, and a window that shows next to nothing."""
    found = []
    window = reading.told_window()
    if window is not None and not samples:
        found.append(f"--window {reading.window} changes nothing: no image has measured values or over 8 bits")
    single = [np.ravel(sample) for sample in samples if sample.shape[1] == 1]
    if window is not None and single:
        levels = np.concatenate(single)
        outside = float(((levels <= window.low) | (levels >= window.high)).mean())
        if outside > MOST_OUTSIDE:
            preset = " (presets are for CT, in Hounsfield units)" if reading.window in WINDOWS else ""
            found.append(
                f"--window {reading.window} shows {outside:.0%} of what was measured as plain black or white{preset}; "
                f"the values lie between {levels.min():g} and {levels.max():g}: tell another window, or --window auto"
            )
    if reading.frames > 1 and not reading.volumes and all(one.reference.frame is None for one in read):
        found.append(f"--frames {reading.frames} changes nothing: no file has several frames or slices")
    if reading.channels is not None and (not samples or all(one.header.channels == 1 for one in read)):
        found.append(f"--channels {reading.channels} changes nothing: no file has channels of measured values")
    return found


def _intensity(samples: list[NDArray[np.float32]], reading: Reading) -> Intensity:
    told = reading.told_channels()
    colours = None if told is None else tuple(told[number] for number in sorted(told))
    return fit_intensity(samples, reading.told_window(), colours)


def _loaded(side: Loading, window: Intensity | None, show_names: bool, groups: Mapping[str, str] | None) -> LoadedSet:
    pixels = side.finish(window)
    return LoadedSet(
        side=side.side,
        ids=[f"{one.id} ({one.reference.name})" if show_names else one.id for one in side.read],
        pixels=pixels,
        skipped=[Skipped(file=r.name if show_names else r.id, reason=reason) for r, reason in side.skipped],
        digests=[one.digest for one in side.read],
        headers=[one.header for one in side.read],
        references=[one.reference for one in side.read],
        window=window,
        groups=None if groups is None else [groups[one.id] for one in side.read],
        reading=side.reading,
    )


def _same_path(a: str | Path, b: str | Path) -> bool:
    try:
        return Path(a).resolve() == Path(b).resolve()
    except (OSError, ValueError, RuntimeError):  # not a usable path: `open_set` says so
        return False
