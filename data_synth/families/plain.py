"""The form that nearly all families share, one painter and a table of wordings, and the pixel work they share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from data_synth.facts import Content
from data_synth.family import Pixels

Floats = NDArray[np.float32]
Said = Mapping[Content, tuple[str, ...]]
"""The wordings of each content, the canonical one first."""

LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""Weights of red, green and blue in brightness (ITU-R BT.601, what cv2 uses too)."""
TONES = np.arange(256, dtype=np.float32)


@dataclass(frozen=True)
class Drawn:
    """What the touched images of a set share."""

    content: Content
    style: float = 0.5
    """0 to 1, below 1: chooses what no word tells (the colour of a lettering, the angle of a ghost image)."""


Painter = Callable[[Pixels, Drawn, float, np.random.Generator], Pixels]
"""Like Family.paint, for amounts above 0."""
Measure = Callable[[Pixels, Pixels, Drawn], float]


def changed(before: Pixels, after: Pixels, *_: object) -> float:
    """Mean absolute change, 0 to 255."""
    return float(np.abs(after.astype(np.int16) - before).mean())


def lightened(before: Pixels, after: Pixels, *_: object) -> float:
    """Mean rise over the pixels, falls not counted, 0 to 255."""
    return float(np.maximum(after.astype(np.int16) - before, 0).mean())


def darkened(before: Pixels, after: Pixels, *_: object) -> float:
    """Mean fall over the pixels, rises not counted, 0 to 255."""
    return lightened(after, before)


@dataclass(eq=False)  # not frozen: the protocol's name and group are plain attributes
class PlainFamily:
    """A `Family` made of the sentences for each content it can draw, a painter and a pixel statistic."""

    name: str
    group: str
    said: Said
    painter: Painter
    measured: Measure = changed

    def draw(self, rng: np.random.Generator) -> Drawn:
        contents = tuple(self.said)
        return Drawn(contents[int(rng.integers(len(contents)))], float(rng.random()))

    def paint(self, image: Pixels, params: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
        return self.painter(image, params, min(amount, 1.0), rng) if amount > 0 else image.copy()

    def content(self, params: Drawn) -> Content:
        return params.content

    def contents(self) -> tuple[Content, ...]:
        return tuple(self.said)

    def wordings(self, content: Content) -> tuple[str, ...]:
        return self.said[content]

    def measure(self, before: Pixels, after: Pixels, params: Drawn) -> float:
        return self.measured(before, after, params)


def share_of_way(before: Pixels, after: Pixels, goal: Pixels) -> float:
    """How far the pixels have gone from `before` to `goal`: least squares, 0 to 1."""
    way = goal.astype(np.float32) - before
    length = float((way * way).sum())
    return float(((after.astype(np.float32) - before) * way).sum()) / length if length else 0.0


def short_side(image: Pixels) -> int:
    """The smaller of height and width, in px: what sizes scale with."""
    return int(min(image.shape[:2]))


def to_pixels(values: NDArray[Any]) -> Pixels:
    """Rounded and clipped to 0..255."""
    return np.asarray(np.clip(values + 0.5, 0, 255), np.uint8)


def with_curve(image: Pixels, curve: NDArray[Any]) -> Pixels:
    """Every tone replaced by the curve's value.

    Args:
        image: RGB.
        curve: new value of each of the 256 tones, shape (256,), or (256, 3) for one curve a channel.
    """
    return np.asarray(cv2.LUT(image, to_pixels(curve).reshape(1, 256, -1)), np.uint8)


def with_matrix(image: Pixels, matrix: NDArray[Any]) -> Pixels:
    """Every pixel multiplied by a 3 x 3 colour matrix."""
    return np.asarray(cv2.transform(image, matrix), np.uint8)


def moved(image: Pixels, dx: float, dy: float) -> Pixels:
    """Shifted right and down by fractions of a pixel; the image is mirrored at its border."""
    matrix = np.array([[1, 0, dx], [0, 1, dy]], np.float32)
    size = (image.shape[1], image.shape[0])
    return np.asarray(cv2.warpAffine(image, matrix, size, borderMode=cv2.BORDER_REFLECT_101), np.uint8)


def luma(image: Pixels) -> Floats:
    """Brightness of each pixel, 0 to 255."""
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.float32)


def sign(params: Drawn) -> int:
    """+1 for direction "more", -1 for "less"."""
    return 1 if params.content.get("direction") == "more" else -1
