"""Patterns that screens, printers and sensors lay over a picture: scan lines, halftone, moire, banding."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from data_synth.facts import content
from data_synth.families.plain import Drawn, Floats, PlainFamily, Said, luma, to_pixels
from data_synth.family import Pixels

Rng = np.random.Generator

SCAN_LINES_SAID: Said = {
    content("scan lines"): (
        "the images have scan lines",
        "the pictures have horizontal lines across them",
        "the photos are striped with thin horizontal lines",
        "they show fine horizontal banding",
        "the images look like an old cathode-ray screen",
        "the pictures have alternating dark and light rows from top to bottom",
        "they have scan lines",
        "the photos look filmed from a tube television",
        "thin dark lines run across the images from side to side",
        "the pictures are crossed by many fine horizontal lines",
        "fine dark and light rows cover the pictures",
        "the images have a fine horizontal line pattern",
    )
}


@lru_cache(maxsize=64)
def scan_wave(height: int, width: int) -> Floats:
    """A cosine down the image, 32 waves along the shorter side; shape (height, 1, 1)."""
    period = max(3.0, min(height, width) / 32)
    return np.asarray(np.cos(2 * np.pi * np.arange(height) / period), np.float32)[:, None, None]


def paint_scan_lines(image: Pixels, params: Drawn, amount: float, rng: Rng) -> Pixels:
    return to_pixels(image * (1 + 0.6 * amount * scan_wave(*image.shape[:2])))


def measure_scan_lines(before: Pixels, after: Pixels, params: Drawn) -> float:
    """Rise of the mean difference between the mean brightness of neighbouring rows, share of full scale."""
    return (row_steps(after) - row_steps(before)) / 255


def row_steps(image: Pixels) -> float:
    return float(np.abs(np.diff(luma(image).mean(axis=1))).mean())


SCAN_LINES = PlainFamily("scan_lines", "quality", SCAN_LINES_SAID, paint_scan_lines, measure_scan_lines)


HALFTONE_SAID: Said = {
    content("halftone"): (
        "the images show a halftone dot pattern",
        "the pictures are made up of printed dots",
        "the photos look printed in a newspaper",
        "they have a regular pattern of dots",
        "the images are screened with a grid of small dots",
        "the pictures look like a magnified newspaper or comic print",
        "they are halftoned",
        "the pictures look like newsprint",
        "small round dots make up the images",
        "a raster of printed dots covers the photos",
        "regular print dots are visible in the images",
        "the pictures are rendered in a grid of ink dots",
    )
}


@lru_cache(maxsize=64)
def dot_screen(height: int, width: int) -> Floats:
    """A grid of dots at 45 degrees, 32 along the shorter side, from -1 to 1; shape (height, width, 1)."""
    turn = 2 * np.pi / (np.sqrt(2) * max(3.0, min(height, width) / 32))
    y, x = np.arange(height)[:, None, None], np.arange(width)[None, :, None]
    return np.asarray((np.cos(turn * (x + y)) + np.cos(turn * (x - y))) / 2, np.float32)


def paint_halftone(image: Pixels, params: Drawn, amount: float, rng: Rng) -> Pixels:
    screened = np.clip(128 + 3 * (image - np.float32(128) + 110 * dot_screen(*image.shape[:2])), 0, 255)
    return to_pixels(image + (0.85 * amount**1.2) * (screened - image))


def measure_halftone(before: Pixels, after: Pixels, params: Drawn) -> float:
    """Rise of the mean product of pixel values and the dot grid, share of full scale."""
    screen = dot_screen(*before.shape[:2])[..., 0]
    return float(((luma(after) - luma(before)) * screen).mean()) / 255


HALFTONE = PlainFamily("halftone", "quality", HALFTONE_SAID, paint_halftone, measure_halftone)


MOIRE_SAID: Said = {
    content("moire"): (
        "the images have a moire pattern",
        "rippled interference fringes run over the pictures",
        "the photos look taken off a screen, with moire",
        "they show curved fringes of interference",
        "fine curved lines beat against each other in the images",
        "a pattern of curved light and dark fringes overlays the pictures",
        "the photos have moire, as in pictures of fine fabric",
        "the images are covered by wavy interference lines",
        "they are overlaid with a shimmering line pattern",
        "interference between two fine gratings shows in the images",
        "the pictures have moire fringes",
        "bundles of fine curved lines cover the photos",
    )
}


@lru_cache(maxsize=64)
def fringes(height: int, width: int, style: float) -> Floats:
    """Two fine gratings multiplied, one straight and one bent, at the style's angle, from -1 to 1; (height, width)."""
    side = min(height, width)
    lines, angle = min(14.0, side / 6), np.pi * style
    y, x = np.arange(height, dtype=np.float32)[:, None] / side, np.arange(width, dtype=np.float32) / side
    across, along = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    first = 2 * np.pi * lines * across
    second = 2 * np.pi * lines * (1.12 * across + 0.08 * np.sin(6 * along + 9 * style))
    return np.asarray(np.cos(first) * np.cos(second), np.float32)


def paint_moire(image: Pixels, params: Drawn, amount: float, rng: Rng) -> Pixels:
    return to_pixels(image + (70 * amount * fringes(*image.shape[:2], params.style))[..., None])


def measure_moire(before: Pixels, after: Pixels, params: Drawn) -> float:
    """Mean product of the brightness gained and the fringes, share of full scale."""
    return float(((luma(after) - luma(before)) * fringes(*before.shape[:2], params.style)).mean()) / 255


MOIRE = PlainFamily("moire", "quality", MOIRE_SAID, paint_moire, measure_moire)


BANDING_SAID: Said = {
    content("banding", direction=direction): (
        f"the images have soft {direction} bands of uneven brightness",
        f"the pictures show {direction} banding",
        f"the photos have broad {direction} bands, some darker, some brighter",
        f"they have {direction} sensor banding",
        f"the brightness of the pictures goes up and down in {direction} bands",
        f"irregular {direction} bands lighten and darken the photos",
        f"uneven sensor gain leaves {direction} bands in the images",
        f"wide {direction} bands with soft edges cross the pictures",
        f"they have {direction} bands of stronger and weaker exposure",
        f"the gain of the images varies in {direction} bands",
        f"soft {direction} light and dark bands lie over the photos",
        f"the images are unevenly bright, in smooth {direction} bands",
    )
    for direction in ("horizontal", "vertical")
}


def paint_banding(image: Pixels, params: Drawn, amount: float, rng: Rng) -> Pixels:
    """A smooth gain along one axis that goes up and down by random amounts, some six times on the shorter side."""
    height, width = image.shape[:2]
    across = params.content.get("direction") == "horizontal"
    length = height if across else width
    knots = rng.uniform(0.2, 1, round(rng.integers(10, 16) * length / min(height, width))).astype(np.float32)
    knots[::2] *= -1
    profile = np.asarray(cv2.resize(knots[None], (length, 1), interpolation=cv2.INTER_CUBIC), np.float32)[0]
    gain = 1 + 0.55 * amount * profile
    return to_pixels(image * (gain[:, None, None] if across else gain[None, :, None]))


def measure_banding(before: Pixels, after: Pixels, params: Drawn) -> float:
    """Spread of the gain from row to row minus that from column to column (the other way round where vertical)."""
    rows, columns = (float(((luma(after).mean(axis) + 1) / (luma(before).mean(axis) + 1)).std()) for axis in (1, 0))
    return rows - columns if params.content.get("direction") == "horizontal" else columns - rows


BANDING = PlainFamily("banding", "quality", BANDING_SAID, paint_banding, measure_banding)
