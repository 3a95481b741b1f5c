"""Pixel work that the geometry families share: where each pixel of the touched image is fetched from."""

from __future__ import annotations

import cv2
import numpy as np

from data_synth.families.plain import Floats, Measure, Painter, PlainFamily, Said, changed
from data_synth.family import Pixels


def geometry(name: str, painter: Painter, said: Said, measured: Measure = changed) -> PlainFamily:
    """A family of this group."""
    return PlainFamily(name, "geometry", said, painter, measured)


def around(value: float, rng: np.random.Generator) -> float:
    """The value, up to 15 % more or less: images of one set differ a little."""
    return value * float(rng.uniform(0.85, 1.15))


def linear(
    image: Pixels,
    matrix: tuple[tuple[float, float], tuple[float, float]],
    shift: tuple[float, float] = (0.0, 0.0),
    border: int = cv2.BORDER_REFLECT_101,
) -> Pixels:
    """Where the pixel at p, seen from the image's centre, is fetched from: matrix p + shift."""
    height, width = image.shape[:2]
    m = np.array(matrix, np.float64)
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    fetch = np.column_stack([m, centre - m @ centre + shift])
    way = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(image, fetch, (width, height), flags=way, borderMode=border), np.uint8)


def offsets(image: Pixels) -> tuple[Floats, Floats]:
    """Every pixel's x, shape (1, width), and y, shape (height, 1), from the image's centre."""
    height, width = image.shape[:2]
    x = np.arange(width, dtype=np.float32)[None, :] - (width - 1) / 2
    y = np.arange(height, dtype=np.float32)[:, None] - (height - 1) / 2
    return x.astype(np.float32), y.astype(np.float32)


def fetched(image: Pixels, x: Floats, y: Floats) -> Pixels:
    """The image whose pixels come from the offsets x, y (from the centre), mirrored beyond the edge."""
    height, width = image.shape[:2]
    xs = np.broadcast_to(x + (width - 1) / 2, (height, width)).astype(np.float32)
    ys = np.broadcast_to(y + (height - 1) / 2, (height, width)).astype(np.float32)
    return np.asarray(cv2.remap(image, xs, ys, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101), np.uint8)
