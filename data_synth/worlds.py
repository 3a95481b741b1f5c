"""Worlds: one look laid over every image of both sets, so that a difference is learned as one and not as a look."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from data_synth.family import Pixels

Colour = tuple[int, int, int]

GREY: tuple[Colour, ...] = ((0, 0, 0), (255, 255, 255))
IDENTITY_SHARE = 0.4


@dataclass(frozen=True)
class World:
    """A look; the defaults change nothing. The fields are in the order in which they are applied."""

    resolution: int | None = None
    """Shrink to this many px a side and back, where the image is larger."""
    blur: float = 0.0
    """Standard deviation of a Gaussian blur, as a share of the image side."""
    gains: tuple[float, float, float] = (1.0, 1.0, 1.0)
    """Factor of each channel."""
    gamma: float = 1.0
    """Below 1 brighter, above 1 darker."""
    contrast: float = 1.0
    """Factor around mid-grey."""
    inverted: bool = False
    tones: tuple[Colour, ...] = ()
    """Colours that replace the luminance, from black to white, evenly spaced; empty keeps the colours."""


def draw(rng: np.random.Generator) -> World:
    """A world: 40 % the identity, else each change with a chance of its own."""
    if rng.random() < IDENTITY_SHARE:
        return World()
    while True:
        world = World(
            resolution=int(rng.integers(64, 129)) if rng.random() < 0.25 else None,
            blur=float(rng.uniform(0.002, 0.007)) if rng.random() < 0.2 else 0.0,
            gains=_gains(rng) if rng.random() < 0.35 else (1.0, 1.0, 1.0),
            gamma=float(np.exp(rng.uniform(np.log(0.6), np.log(1.7)))) if rng.random() < 0.4 else 1.0,
            contrast=float(rng.uniform(0.6, 1.35)) if rng.random() < 0.3 else 1.0,
            inverted=bool(rng.random() < 0.1),
            tones=_tones(rng) if rng.random() < 0.4 else (),
        )
        if world != World():
            return world


def apply(world: World, image: Pixels) -> Pixels:
    """A copy of the image with the world's look; the same input always gives the same output."""
    height, width = image.shape[:2]
    pixels = image.copy()
    if world.resolution is not None and world.resolution < min(height, width):
        scale = world.resolution / min(height, width)
        small = cv2.resize(pixels, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA)
        pixels = np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)
    if world.blur > 0:
        pixels = np.asarray(cv2.GaussianBlur(pixels, (0, 0), world.blur * min(height, width)), np.uint8)
    pixels = np.asarray(cv2.LUT(pixels, _curve(world)), np.uint8)
    if world.tones:
        grey = cv2.cvtColor(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
        pixels = np.asarray(cv2.LUT(grey, _ramp(world.tones)), np.uint8)
    return pixels


def _gains(rng: np.random.Generator) -> tuple[float, float, float]:
    red, green, blue = (float(gain) for gain in rng.uniform(0.75, 1.2, 3))
    return red, green, blue


def _tones(rng: np.random.Generator) -> tuple[Colour, ...]:
    """Grey in half of the draws, else two or three colours from dark to light."""
    if rng.random() < 0.5:
        return GREY
    count = int(rng.integers(2, 4))
    levels = np.linspace(rng.uniform(0, 50), rng.uniform(205, 255), count)
    tints = rng.uniform(-60, 60, (count, 3))
    tints -= tints.mean(1, keepdims=True)
    return tuple((int(r), int(g), int(b)) for r, g, b in np.clip(levels[:, None] + tints, 0, 255))


def _curve(world: World) -> NDArray[np.uint8]:
    """Old to new value of each channel, shape (1, 256, 3)."""
    values = np.linspace(0, 1, 256)[:, None] * np.array(world.gains)
    values = np.clip(values, 0, 1) ** world.gamma
    values = (values - 0.5) * world.contrast + 0.5
    if world.inverted:
        values = 1 - values
    return np.asarray(np.rint(np.clip(values, 0, 1) * 255), np.uint8)[None]


def _ramp(tones: tuple[Colour, ...]) -> NDArray[np.uint8]:
    """Luminance to colour, shape (1, 256, 3)."""
    stops = np.linspace(0, 255, len(tones))
    channels = [np.interp(np.arange(256), stops, channel) for channel in np.array(tones).T]
    return np.asarray(np.rint(np.stack(channels, axis=-1)), np.uint8)[None]
