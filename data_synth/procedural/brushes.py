"""What every painter of drawn images needs: noise, palettes, blobs, strokes, light."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from data_synth.family import Pixels

Plane = NDArray[np.float32]
"""One value a pixel, shape (size, size)."""

SHIFT = 4
"""Fractional bits of the coordinates handed to OpenCV: edges fall between pixels too."""


def noise(rng: np.random.Generator, size: int, cells: float, octaves: int = 3, stretch: float = 1.0) -> Plane:
    """Smooth noise from 0 to 1, `cells` bumps across and `stretch` times as many down, finer ones at half weight."""
    total = np.zeros((size, size), np.float32)
    for octave in range(octaves):
        across, down = (max(2, round(cells * 2**octave * factor)) for factor in (1.0, stretch))
        grid = rng.random((min(down, size), min(across, size)), np.float32)
        total += cv2.resize(grid, (size, size), interpolation=cv2.INTER_CUBIC) * 0.5**octave
    return unit(total)


def unit(plane: Plane) -> Plane:
    low, high = float(plane.min()), float(plane.max())
    return np.asarray((plane - low) / max(high - low, 1e-6), np.float32)


def axes(size: int) -> tuple[Plane, Plane]:
    """x and y from -1 to 1, shapes (1, size) and (size, 1)."""
    line = np.linspace(-1, 1, size, dtype=np.float32)
    return line[None, :], line[:, None]


def slope(rng: np.random.Generator, size: int) -> Plane:
    """A plane that rises from -1 to 1 in a random direction."""
    x, y = axes(size)
    angle = rng.uniform(0, 2 * np.pi)
    return np.asarray((np.cos(angle) * x + np.sin(angle) * y) / 1.42, np.float32)


def ramp(plane: Plane, colours: ArrayLike) -> Pixels:
    """Values from 0 to 1 turned into evenly spaced colours."""
    stops = np.asarray(colours, np.float64)
    where = np.linspace(0, 255, len(stops))
    table = np.stack([np.interp(np.arange(256), where, channel) for channel in stops.T], axis=-1)
    levels = np.clip(plane * 255, 0, 255).astype(np.uint8)
    return np.asarray(cv2.applyColorMap(levels, np.clip(table, 0, 255).astype(np.uint8)[:, None]), np.uint8)


def palette(rng: np.random.Generator, count: int, saturation: tuple[float, float] = (0.1, 0.7)) -> NDArray[np.float64]:
    """Colours that go together: hues around one or two, from dark to light. Shape (count, 3), 0 to 255."""
    hues = (rng.random() + rng.choice([0, 0, 0.08, -0.08, 0.5], count) + rng.normal(0, 0.04, count)) % 1
    dull = rng.uniform(*saturation) * rng.uniform(0.4, 1.2, count).clip(0, 1)
    value = np.sort(rng.uniform(rng.uniform(0.1, 0.35), rng.uniform(0.7, 1.0), count))
    sextant = (np.array([5, 3, 1]) + hues[:, None] * 6) % 6
    chroma = np.clip(np.minimum(sextant, 4 - sextant), 0, 1)
    return np.asarray(255 * value[:, None] * (1 - dull[:, None] * chroma))


def tinted(rng: np.random.Generator, colour: ArrayLike, spread: float, count: int) -> NDArray[np.float64]:
    """Variants of one colour: lighter and darker by `spread`, a little off in hue. Shape (count, 3)."""
    shift = rng.normal(0, spread, (count, 1)) + rng.normal(0, spread / 3, (count, 3))
    return np.asarray(np.clip(np.asarray(colour, np.float64) + shift, 0, 255))


def blobs(
    rng: np.random.Generator,
    centres: ArrayLike,
    radii: ArrayLike,
    wobble: float = 0.15,
    stretch: float = 1.0,
    points: int = 12,
    angle: float | None = None,
) -> NDArray[np.float64]:
    """Closed outlines around `centres` (n, 2), shape (n, points, 2); each up to `stretch` times as long as wide.

    Args:
        angle: of the long axis in radians; None draws one each.
    """
    centres = np.asarray(centres, np.float64).reshape(-1, 2)
    count = len(centres)
    turn = np.linspace(0, 2 * np.pi, points, endpoint=False)
    wave = sum(
        rng.normal(0, 0.5, (count, 1)) * np.cos(k * turn + rng.uniform(0, 6.3, (count, 1))) / (k - 1)
        for k in range(2, 5)
    )
    radius = np.broadcast_to(np.asarray(radii, np.float64), count)[:, None] * (1 + wobble * wave)
    long = np.sqrt(rng.uniform(1 + (stretch - 1) / 2, stretch, (count, 1)))
    x, y = radius * np.cos(turn) * long, radius * np.sin(turn) / long
    lean = rng.uniform(0, np.pi, (count, 1)) if angle is None else np.full((count, 1), angle)
    turned = np.stack([x * np.cos(lean) - y * np.sin(lean), x * np.sin(lean) + y * np.cos(lean)], axis=-1)
    return np.asarray(centres[:, None] + turned)


def fill(image: NDArray[np.uint8], outlines: ArrayLike, colours: ArrayLike, smooth: bool = True) -> None:
    """Paint outlines (shares of the side) in order, all in one colour or grey level, or each in its own."""
    corners = np.rint(np.asarray(outlines, np.float64) * (image.shape[0] * 2**SHIFT)).astype(np.int32)
    shades = np.broadcast_to(np.asarray(colours, np.float64), (len(corners), *image.shape[2:]))
    line = cv2.LINE_AA if smooth else cv2.LINE_8
    for outline, shade in zip(corners, shades.tolist(), strict=True):
        cv2.fillPoly(image, [outline], shade, line, SHIFT)


def stroke(
    image: NDArray[np.uint8], line: ArrayLike, colour: Sequence[float] | float, width: float, closed: bool = False
) -> None:
    """Paint one open or closed line through points (shares of the side); `width` is a share of the side too."""
    points = np.rint(np.asarray(line, np.float64) * (image.shape[0] * 2**SHIFT)).astype(np.int32)
    thickness = max(1, round(width * image.shape[0]))
    shade = colour if isinstance(colour, Sequence) else (colour,)
    cv2.polylines(image, [points], closed, shade, thickness, cv2.LINE_AA, SHIFT)


def bars(centres: NDArray[np.float64], half: NDArray[np.float64], angle: ArrayLike) -> NDArray[np.float64]:
    """Rectangles around `centres` (n, 2) with half sides `half` (n, 2), turned by `angle`. Shape (n, 4, 2)."""
    signs = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    local = half[:, None] * signs
    lean = np.broadcast_to(np.asarray(angle, np.float64), len(centres))[:, None]
    x, y = local[..., 0], local[..., 1]
    turned = np.stack([x * np.cos(lean) - y * np.sin(lean), x * np.sin(lean) + y * np.cos(lean)], axis=-1)
    return np.asarray(centres[:, None] + turned)


def soft(image: NDArray[np.uint8], sigma: float) -> NDArray[np.uint8]:
    """Blurred by `sigma`, a share of the side."""
    return np.asarray(cv2.GaussianBlur(image, (0, 0), max(sigma * image.shape[0], 0.3)), np.uint8)


def finish(rng: np.random.Generator, image: ArrayLike, light: Plane | None = None, grain: float = 4.0) -> Pixels:
    """Light (a factor a pixel) and sensor grain (grey levels) over an image or a plane of 0 to 255, as RGB."""
    canvas = np.asarray(image, np.float32)
    if canvas.ndim == 2:
        shape = canvas.shape
        canvas = canvas if light is None else canvas * light
        canvas = canvas + rng.standard_normal(shape, np.float32) * np.float32(grain)
        return np.asarray(cv2.cvtColor(np.clip(canvas, 0, 255).astype(np.uint8), cv2.COLOR_GRAY2RGB), np.uint8)
    speckle = rng.standard_normal(canvas.shape[:2], np.float32) * np.float32(grain)
    canvas = (canvas if light is None else canvas * light[..., None]) + speckle[..., None]
    return np.asarray(np.clip(canvas, 0, 255).astype(np.uint8))


def daylight(rng: np.random.Generator, size: int, depth: float = 0.25) -> Plane:
    """Uneven light: a slope, and often darker corners."""
    x, y = axes(size)
    light = 1 + rng.uniform(0, depth) * slope(rng, size)
    return np.asarray(light * (1 - rng.uniform(0, depth / 2) * (x * x + y * y)), np.float32)


def nearest(rng: np.random.Generator, size: int, count: int) -> tuple[NDArray[np.int32], Plane]:
    """Cells of random points: the nearest point's number (from 1) and the distance to it, 0 to 1."""
    seeds = np.full((size, size), 255, np.uint8)
    seeds[tuple(rng.integers(0, size, (2, count)))] = 0
    distance, labels = cv2.distanceTransformWithLabels(seeds, cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL)
    return np.asarray(labels, np.int32), unit(np.asarray(distance, np.float32))
