"""A transparent layer to draw cells and particles on, and where to put them."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from data_synth.families.plain import short_side, to_pixels
from data_synth.families.texture.fields import Rng
from data_synth.family import Pixels

Layer = NDArray[np.uint8]
"""Red, green, blue and opacity, the colours multiplied by the opacity; shape (height, width, 4)."""
Point = NDArray[np.float64]
"""(x, y) in pixels, shape (2,)."""
Points = NDArray[np.float64]
"""(x, y) in pixels, shape (points, 2)."""
Colour = tuple[int, int, int]


def empty(image: Pixels) -> Layer:
    return np.zeros((*image.shape[:2], 4), np.uint8)


def ink(colour: Colour, opacity: float) -> tuple[float, float, float, float]:
    """What to draw with on a layer: antialiased edges fade out rightly only in multiplied colours."""
    red, green, blue = (opacity * part for part in colour)
    return red, green, blue, 255 * opacity


def disc(layer: Layer, at: Point, axes: tuple[float, float], angle: float, colour: Colour, opacity: float) -> None:
    """A filled ellipse in place of what the layer holds there.

    Args:
        layer: drawn on.
        at: its centre.
        axes: its half axes in pixels, at least 0.6 are drawn.
        angle: of the first axis, in degrees.
        colour: red, green, blue.
        opacity: 0 to 1.
    """
    centre = (round(float(at[0]) * 16), round(float(at[1]) * 16))
    fixed = (round(max(axes[0], 0.6) * 16), round(max(axes[1], 0.6) * 16))
    cv2.ellipse(layer, centre, fixed, angle, 0, 360, ink(colour, opacity), -1, cv2.LINE_AA, 4)


def lay(image: Pixels, layer: Layer, opacity: float, blur: float = 0.003) -> Pixels:
    """The layer over the image.

    Args:
        image: RGB.
        layer: the same height and width.
        opacity: of the whole layer, 0 to 1.
        blur: of the layer, a share of the shorter side; a little is how optics draw.
    """
    soft = cv2.GaussianBlur(layer, (0, 0), max(0.3, blur * short_side(image))).astype(np.float32)
    return to_pixels(image * (1 - soft[..., 3:] * (opacity / 255)) + soft[..., :3] * opacity)


def anywhere(image: Pixels, number: int, rng: Rng) -> Points:
    """Random points, a few of them near each other."""
    height, width = image.shape[:2]
    return np.asarray(rng.uniform(0.03, 0.97, (number, 2)) * (width, height))


def evenly(image: Pixels, number: int, rng: Rng) -> Points:
    """At most `number` points, none near another: one in each cell of a grid."""
    height, width = image.shape[:2]
    columns = max(1, round(float(np.sqrt(number * width / height))))
    rows = max(1, number // columns)
    grid = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), -1).reshape(-1, 2)
    inside = (grid + rng.uniform(0.25, 0.75, grid.shape)) / (columns, rows)
    return np.asarray(inside * (width, height))


def apart(image: Pixels, number: int, rng: Rng) -> Points:
    """Exactly `number` points, none near another, with room left between them."""
    points = evenly(image, 2 * number, rng)
    return points[rng.permutation(len(points))[:number]]


def clumped(image: Pixels, clumps: int, each: int, pitch: float, rng: Rng) -> Points:
    """Points in `clumps` heaps of `each`, as far from each other as `pitch` pixels."""
    steps = np.arange(-each, each + 1)
    along, down = np.meshgrid(steps, steps)
    lattice = np.stack([along + down / 2, down * np.sqrt(0.75)], -1).reshape(-1, 2)
    heap = lattice[np.argsort(np.hypot(*(lattice + rng.uniform(-0.4, 0.4, 2)).T))[:each]]
    centres = 0.8 * apart(image, clumps, rng) + 0.1 * np.array(image.shape[1::-1])
    points = centres[:, None] + pitch * (heap + rng.uniform(-0.12, 0.12, (len(centres), each, 2)))
    return np.asarray(points.reshape(-1, 2))


def chained(image: Pixels, chains: int, each: int, pitch: float, rng: Rng) -> Points:
    """Points in `chains` winding rows of `each`, a step of `pitch` pixels from one to the next."""
    turns = rng.uniform(0, 2 * np.pi, (chains, 1)) + 0.35 * np.cumsum(rng.standard_normal((chains, each)), axis=1)
    rows = pitch * np.cumsum(np.stack([np.cos(turns), np.sin(turns)], -1), axis=1)
    rows += anywhere(image, chains, rng)[:, None] - rows.mean(axis=1, keepdims=True)
    return np.asarray(rows.reshape(-1, 2))


def towards(colour: Colour, before: Pixels, after: Pixels) -> float:
    """How much nearer the pixels came to a colour, as a mean share of full scale; what went away is not counted."""
    goal = np.array(colour, np.float32)
    nearer = np.abs(before - goal).mean(axis=2) - np.abs(after - goal).mean(axis=2)
    return float(np.clip(nearer, 0, None).mean()) / 255
