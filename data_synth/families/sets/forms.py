"""The forms of set-level families, and what they do to one image."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from data_synth.facts import Content
from data_synth.families.plain import Drawn, Said, luma, moved, to_pixels
from data_synth.family import PaintedSets, Pixels

Rng = np.random.Generator
Images = Sequence[Pixels]
Spread = Callable[[Images, Drawn, float, Rng], list[Pixels]]
"""Holder's images, parameters, amount above 0, rng to the painted images, the other set left as it is."""
Statistic = Callable[[Images, Drawn], float]
"""What the words say, of one set: larger where they are truer."""


def evenly(count: int, rng: Rng) -> NDArray[np.float64]:
    """`count` numbers evenly over -1 to 1 in random order: as spread in eight images as in a thousand."""
    return rng.permutation(np.linspace(-1, 1, count))


# --- what is done to one image ----------------------------------------------------------------------------------


def brighter(image: Pixels, by: float) -> Pixels:
    """Gain of `by` octaves."""
    return to_pixels(image * np.float32(2.0**by))


def tinted(image: Pixels, angle: float, by: float) -> Pixels:
    """Colour pulled towards one direction of the colour circle; `by` 1 is obvious."""
    directions = np.cos(angle + np.array([0, 2, 4]) * np.pi / 3).astype(np.float32)
    return to_pixels(image * (1 + 0.4 * by * directions))


def contrasted(image: Pixels, by: float) -> Pixels:
    """Contrast around the image's mean, `by` octaves."""
    mean = np.float32(image.mean())
    return to_pixels((image - mean) * np.float32(2.0**by) + mean)


def blurred(image: Pixels, by: float) -> Pixels:
    sigma = max(0.05, 0.03 * by * min(image.shape[:2]))
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), np.uint8)


def noisy(image: Pixels, by: float, rng: Rng) -> Pixels:
    return to_pixels(image + rng.normal(0, 45 * by, (*image.shape[:2], 1)).astype(np.float32))


def greyed(image: Pixels) -> Pixels:
    return np.asarray(cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB), np.uint8)


def framed(image: Pixels) -> Pixels:
    width = max(2, round(0.07 * min(image.shape[:2])))
    after = image.copy()
    after[:width], after[-width:], after[:, :width], after[:, -width:] = 0, 0, 0, 0
    return after


def zoomed(image: Pixels, by: float, dx: float, dy: float) -> Pixels:
    """A window of 1 / (1 + by) of the image, moved as far as it goes by dx, dy in -1 to 1, at full size."""
    height, width = image.shape[:2]
    rows, columns = max(8, round(height / (1 + by))), max(8, round(width / (1 + by)))
    top, left = round((height - rows) * (1 + dy) / 2), round((width - columns) * (1 + dx) / 2)
    window = image[top : top + rows, left : left + columns]
    return np.asarray(cv2.resize(window, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


# --- the forms ---------------------------------------------------------------------------------------------------


@dataclass(eq=False)  # not frozen: the protocol's name and group are plain attributes
class OneSided:
    """A set family that changes the holder's images alone."""

    name: str
    said: Said
    spread: Spread
    statistic: Statistic
    group: str = field(default="sets", init=False)

    def draw(self, rng: Rng) -> Drawn:
        contents = tuple(self.said)
        return Drawn(contents[int(rng.integers(len(contents)))], float(rng.random()))

    def paint(self, holder: Images, other: Images, params: Drawn, amount: float, rng: Rng) -> PaintedSets:
        after = self.spread(holder, params, min(amount, 1.0), rng) if amount > 0 else [i.copy() for i in holder]
        return PaintedSets(after, [image.copy() for image in other], np.arange(len(holder)))

    def content(self, params: Drawn) -> Content:
        return params.content

    def contents(self) -> tuple[Content, ...]:
        return tuple(self.said)

    def wordings(self, content: Content) -> tuple[str, ...]:
        return self.said[content]

    def measure(self, holder: Images, other: Images, params: Drawn) -> float:
        return self.statistic(holder, params) - self.statistic(other, params)


class Repeated(OneSided):
    """Copies: the pixels are painted as they are, and some of the holder's images take the place of others."""

    def paint(self, holder: Images, other: Images, params: Drawn, amount: float, rng: Rng) -> PaintedSets:
        rows = np.arange(len(holder))
        if amount > 0:
            copies = min(len(rows) - 1, max(1, round(0.7 * min(amount, 1.0) * len(rows))))
            order = rng.permutation(len(rows))
            sources = order[: max(1, min(len(rows) - copies, round(copies / 3)))]
            rows[order[-copies:]] = sources[np.arange(copies) % len(sources)]
        return PaintedSets([holder[int(row)].copy() for row in rows], [image.copy() for image in other], rows)


class TwoSided(OneSided):
    """A set family that changes both sets: by the same single changes, in other shares or other company.

    `spread` gets each set's images with `params.style` above or below 0.5: the holder's above.
    """

    def paint(self, holder: Images, other: Images, params: Drawn, amount: float, rng: Rng) -> PaintedSets:
        rows = np.arange(len(holder))
        if amount <= 0:
            return PaintedSets([i.copy() for i in holder], [i.copy() for i in other], rows)
        sets = [
            self.spread(images, Drawn(params.content, style), min(amount, 1.0), rng)
            for images, style in ((holder, 1.0), (other, 0.0))
        ]
        return PaintedSets(sets[0], sets[1], rows)


# --- what is measured of a set ----------------------------------------------------------------------------------


def brightnesses(images: Images) -> NDArray[np.float64]:
    return np.array([luma(image).mean() for image in images], np.float64)


def contrasts(images: Images) -> NDArray[np.float64]:
    return np.array([luma(image).std() for image in images], np.float64)


def colour_casts(images: Images) -> NDArray[np.float64]:
    """Mean colour of each image, less its brightness, (n, 3)."""
    means = np.array([image.reshape(-1, 3).mean(0) for image in images], np.float64)
    return np.asarray(means - means.mean(1, keepdims=True))


def sharpnesses(images: Images) -> NDArray[np.float64]:
    return np.array([np.abs(luma(i) - luma(moved(i, 1, 1))).mean() / (luma(i).std() + 1) for i in images], np.float64)
