"""The frozen, hand-made image features on which strength is calibrated; no training ever changes them.

They look through noise, as an eye does: without it a probe on them sees that pixels were resampled by a turn of one
degree, or stored once as a good JPEG, and a strength would mean nothing to a person.
"""

from __future__ import annotations

import zlib
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from data_synth.family import Pixels

REFERENCE_VERSION = "2"
"""Changes with any change of the features; curves of different versions cannot be compared."""

Floats = NDArray[np.float32]

_SIDE = 128
_NOISE = 10.0
"""Standard deviation of the noise, in grey levels: what differs by much less from pixel to pixel is not seen."""
_FIELDS = 16
"""Fields of noise; an image's own pixels choose its field, so that the same image has the same features."""
_FREQUENCY, _POSITION = np.mgrid[0:8, 0:8]
_COSINES = (np.cos((2 * _POSITION + 1) * _FREQUENCY * np.pi / 16) * np.where(_FREQUENCY == 0, 8**-0.5, 0.5)).astype(
    np.float32
)
"""The discrete cosine transform of 8 values."""


def reference_features(images: NDArray[np.uint8]) -> Floats:
    """What is where, how fine and how coloured, for each image; about 1 ms an image.

    Args:
        images: RGB, shape (n, side, side, 3).

    Returns:
        Shape (n, F). Columns are on scales of their own: standardise them before use.
    """
    return np.stack([_features(image) for image in images])


@cache
def _noise() -> NDArray[np.int16]:
    """(fields, side, side, 1): the same for the three channels."""
    drawn = np.random.default_rng(2).normal(0, _NOISE, (_FIELDS, _SIDE, _SIDE, 1))
    return np.asarray(np.rint(drawn), np.int16)


def _features(image: Pixels) -> Floats:
    fine = np.asarray(cv2.resize(image, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA), np.uint8)
    field = _noise()[zlib.crc32(fine.tobytes()) % _FIELDS]
    fine = np.asarray(np.clip(fine + field, 0, 255), np.uint8)
    lab = np.asarray(cv2.cvtColor(fine, cv2.COLOR_RGB2Lab), np.uint8)
    luma = np.asarray(cv2.cvtColor(fine, cv2.COLOR_RGB2GRAY), np.float32)
    parts = (
        _cells(lab.astype(np.float32), 8),
        np.sqrt(np.maximum(_cells(luma**2, 8) - _cells(luma, 8) ** 2, 0)),
        *(np.log1p(_cells(np.abs(band), 4)) for band in _pyramid(luma)),
        np.log1p(_frequencies(luma)),
        _block_steps(luma),
        _directions(luma),
        _colours(fine, lab),
    )
    return np.concatenate([part.ravel() for part in parts]).astype(np.float32)


def _cells(plane: Floats, count: int) -> Floats:
    """Means over a grid of count x count cells."""
    return np.asarray(cv2.resize(plane, (count, count), interpolation=cv2.INTER_AREA), np.float32)


def _pyramid(luma: Floats) -> list[Floats]:
    """What each of four halvings of the size loses."""
    bands = []
    for _ in range(4):
        half = np.asarray(cv2.pyrDown(luma), np.float32)
        bands.append(luma - np.asarray(cv2.pyrUp(half, dstsize=luma.shape[::-1]), np.float32))
        luma = half
    return bands


def _frequencies(luma: Floats) -> Floats:
    """Mean size of each of the 64 cosine coefficients of 8 x 8 blocks."""
    blocks = luma.reshape(_SIDE // 8, 8, _SIDE // 8, 8).swapaxes(1, 2)
    return np.asarray(np.abs(_COSINES @ blocks @ _COSINES.T).mean((0, 1)), np.float32)


def _block_steps(luma: Floats) -> Floats:
    """Mean step between neighbours by its phase in a period of eight pixels, across and down, over the mean step."""
    steps = []
    for plane in (luma, luma.T):
        across = np.abs(np.diff(plane, axis=1)).mean(0)
        phases = np.array([across[phase::8].mean() for phase in range(8)], np.float32)
        steps.append(phases / (phases.mean() + 0.5))
    return np.concatenate(steps)


def _directions(luma: Floats) -> Floats:
    """Share of the gradient in each of twelve directions, in each quarter of the image."""
    side = _SIDE // 2
    small = cv2.resize(luma, (side, side), interpolation=cv2.INTER_AREA)
    size, angle = cv2.cartToPolar(
        cv2.Sobel(small, cv2.CV_32F, 1, 0, scale=0.125), cv2.Sobel(small, cv2.CV_32F, 0, 1, scale=0.125)
    )
    bins = (angle * np.float32(6 / np.pi)).astype(np.int64) % 12
    half = np.arange(side) // (side // 2)
    quarter = 2 * half[:, None] + half
    histogram = np.bincount((12 * quarter + bins).ravel(), size.ravel(), 48).reshape(4, 12)
    return np.asarray(histogram / (histogram.sum(1, keepdims=True) + side), np.float32)


def _colours(image: Pixels, lab: Pixels) -> Floats:
    """Histograms of lightness and of both colour axes, and the shares of pure black and pure white values."""
    parts = [
        cv2.calcHist([lab], [axis], None, [count], [low, high]).ravel()
        for axis, count, low, high in ((0, 16, 0, 256), (1, 16, 64, 192), (2, 16, 64, 192))
    ]
    extremes = [np.count_nonzero(image == 0) / 3, np.count_nonzero(image == 255) / 3]
    return np.sqrt(np.concatenate([*parts, extremes]) / _SIDE**2).astype(np.float32)
