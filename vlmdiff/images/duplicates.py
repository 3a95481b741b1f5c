"""Near-duplicates: the same picture turned, mirrored, zoomed or saved again, found by perceptual hash and then checked.

An image becomes rings: its fine structure on circles around the centre, each circle as a Fourier series over the angle.
Turning the image only shifts the phases and mirroring conjugates them, so that the magnitudes are alike in all eight
orientations and at any angle between; the circles' radii form a geometric series, so that zooming shifts rings. (Some
published sets hold copies turned by up to 25 degrees, mirrored, and zoomed to fill the frame.)
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from vlmdiff.images.decode import Pixels

SIDE = 64
"""Pixels a side at which images are compared."""
RINGS, ANGLES, SERIES = 40, 128, 32
"""Circles, points on each, and frequencies kept of each."""
INNERMOST = 4.0
"""Radius of the smallest ring in px; the largest touches the border, each is 5.4 % wider than the one before."""
FREQUENCIES = 16
"""Of the hash: bits for each pair of neighbouring rings, 320 in all."""
ZOOMS = 4
"""Steps of two rings that the hash of one image is tried against that of another: up to 1.53 times."""

ALIKE = 0.4
"""Least agreement of two hashes: at most 30 % of the bits differ. One of 6,000 pairs of a mixed bank passes; of those
that then prove CORRELATED, all in a set of turned copies do, and 99.7 % of 2,100 made copies."""
CORRELATED = 0.75
"""Least correlation of the fine structure in the best orientation. Different people's chest X-rays and different
photographs stay below, regular patterns (chequered cloth) may not; copies that were turned, shrunk and saved as JPEG
have more, unless both copies were turned and enlarged: of those, four in five."""

LIKELIEST = 4
"""Rows of one set that each of another is compared with."""

_LEVELS = 3.0
"""Grey levels of local contrast below which structure counts as noise."""
_FLOOR = 0.01
"""Variance, in units of local contrast, that is added to both images: flat ones resemble nothing."""
_BLOCK = 512
"""Images or pairs that are worked on at once, to bound memory."""

Rings = NDArray[np.complex64]
"""Shape (RINGS, SERIES)."""


def rings(image: Pixels) -> Rings:
    """What `groups` needs of an image: the Fourier series of its fine structure on each ring."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    way = cv2.INTER_AREA if min(grey.shape) > SIDE else cv2.INTER_LINEAR
    small = cv2.resize(grey, (SIDE, SIDE), interpolation=way).astype(np.float32)
    # Outlines that all images of a kind share would drown what is particular, so every place gets the same contrast.
    detail = cv2.GaussianBlur(small - cv2.GaussianBlur(small, (0, 0), 2.0), (0, 0), 0.7)
    even = detail / np.sqrt(cv2.GaussianBlur(detail * detail, (0, 0), 4.0) + _LEVELS**2)
    series = np.fft.rfft(cv2.remap(even, *_circles(), cv2.INTER_LINEAR), axis=1)
    return np.asarray(series[:, :SERIES], np.complex64)


def groups(images: NDArray[np.complex64]) -> NDArray[np.int64]:
    """Which images show the same picture; copies of copies count, too.

    Args:
        images: `rings` of each, at least one: shape (n, RINGS, SERIES).

    Returns:
        (n,): the same number for all images of a group, from 0 in the order of first members.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    pairs = near_duplicates(images)
    links = coo_array((np.ones(len(pairs), bool), (pairs[:, 0], pairs[:, 1])), shape=(len(images), len(images)))
    _, labels = connected_components(links, directed=False)
    _, first, group = np.unique(labels, return_index=True, return_inverse=True)
    return np.asarray(np.argsort(np.argsort(first))[group], np.int64)


def near_duplicates(images: NDArray[np.complex64]) -> NDArray[np.int64]:
    """Pairs of rows, each the smaller first, that show the same picture: shape (pairs, 2), sorted."""
    starts = range(0, len(images), _BLOCK)
    hashes = np.concatenate([perceptual_hash(images[start : start + _BLOCK]) for start in starts])
    found = [np.zeros((0, 2), np.int64)]
    for zoom in range(ZOOMS + 1):
        likely = _alike(hashes, zoom)
        for start in range(0, len(likely), _BLOCK):
            part = likely[start : start + _BLOCK]
            found.append(part[_correlation(images, part, zoom) >= CORRELATED])
    return np.unique(np.sort(np.concatenate(found), axis=1), axis=0)


def across(a: NDArray[np.complex64], b: NDArray[np.complex64]) -> NDArray[np.int64]:
    """Pairs (row of a, row of b) that show the same picture at the same zoom: shape (pairs, 2), sorted.

    Of each row only the LIKELIEST rows of the other are looked at closely, so that two sets of one scene cost no more.

    Args:
        a: `rings` of each image; b: the same.
    """
    found = [np.zeros((0, 2), np.int64)]
    if len(a) and len(b):
        hash_a, hash_b = _unit(perceptual_hash(a)), _unit(perceptual_hash(b))
        for start in range(0, len(a), _BLOCK):
            agreement = hash_a[start : start + _BLOCK] @ hash_b.T
            best = np.argsort(-agreement, axis=1)[:, :LIKELIEST]
            rows, places = np.nonzero(np.take_along_axis(agreement, best, 1) >= ALIKE)
            likely = np.stack([rows + start, best[rows, places]], axis=1).astype(np.int64)
            for part in range(0, len(likely), _BLOCK):
                pairs = likely[part : part + _BLOCK]
                found.append(pairs[_correlated(a[pairs[:, 0]], b[pairs[:, 1]], 0) >= CORRELATED])
    return np.unique(np.concatenate(found), axis=0)


def perceptual_hash(images: NDArray[np.complex64]) -> NDArray[np.float32]:
    """Whether a ring has more of a frequency than of the ones around: 1, -1, or 0 where it has nothing.

    Args:
        images: `rings` of each.

    Returns:
        (n, RINGS / 2, FREQUENCIES), the same for an image in every orientation.
    """
    power = np.abs(images[:, :, 1 : FREQUENCIES + 1]) ** 2
    amplitude = np.sqrt(power[:, 0::2] + power[:, 1::2])
    around = cv2.blur(amplitude.reshape(-1, FREQUENCIES), (5, 1)).reshape(amplitude.shape)
    return np.asarray(np.sign(amplitude - around), np.float32)


@lru_cache(maxsize=1)
def _circles() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """x and y of each point: (RINGS, ANGLES)."""
    centre = (SIDE - 1) / 2
    angle = np.arange(ANGLES) * (2 * np.pi / ANGLES)
    radius = _radii()[:, None]
    return (centre + radius * np.cos(angle)).astype(np.float32), (centre + radius * np.sin(angle)).astype(np.float32)


def _radii() -> NDArray[np.float64]:
    return np.geomspace(INNERMOST, (SIDE - 1) / 2, RINGS)


def _alike(hashes: NDArray[np.float32], zoom: int) -> NDArray[np.int64]:
    """Pairs (i, j) whose hashes agree where j is enlarged by `zoom` steps: shape (pairs, 2)."""
    inner, outer = _unit(hashes[:, : hashes.shape[1] - zoom]), _unit(hashes[:, zoom:])
    found = [np.zeros((0, 2), np.int64)]
    for start in range(0, len(hashes), _BLOCK):
        i, j = np.nonzero(inner[start : start + _BLOCK] @ outer.T >= ALIKE)
        i += start
        other = i < j if zoom == 0 else i != j
        found.append(np.stack([i[other], j[other]], axis=1))
    return np.concatenate(found)


def _unit(hashes: NDArray[np.float32]) -> NDArray[np.float32]:
    flat = hashes.reshape(len(hashes), -1)
    return np.asarray(flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1), np.float32)


def _correlation(images: NDArray[np.complex64], pairs: NDArray[np.int64], zoom: int) -> NDArray[np.float64]:
    """The highest correlation over all angles, mirrored or not, at the rings around the zoom: (pairs,)."""
    return _correlated(images[pairs[:, 0]], images[pairs[:, 1]], zoom)


def _correlated(first: NDArray[np.complex64], second: NDArray[np.complex64], zoom: int) -> NDArray[np.float64]:
    best = np.full(len(first), -1.0)
    for step in range(max(0, 2 * zoom - 1), 2 * zoom + 2):
        inner, outer = first[:, : RINGS - step], second[:, step:]
        area = _radii()[: RINGS - step, None] ** 2  # of a ring in the series
        scale = np.sqrt(_energy(inner, area) * _energy(outer, area))
        for turned in (inner, inner.conj()):
            over_angles = np.fft.irfft((turned * outer.conj() * area).sum(1), n=ANGLES, axis=1)
            best = np.maximum(best, over_angles.max(1) / scale)
    return best


def _energy(series: NDArray[np.complex64], area: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of the points on all rings, by Parseval's theorem, weighted by area."""
    power = np.abs(series) ** 2
    points = (2 * power.sum(2) - power[:, :, 0]) / ANGLES
    return np.asarray((points * area[:, 0]).sum(1) + _FLOOR * ANGLES * area.sum(), np.float64)
