"""Light and air over the scene: a vignette, haze."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from data_synth.facts import content
from data_synth.families.plain import Drawn, Floats, PlainFamily, Said, luma, sign, to_pixels
from data_synth.family import Pixels

Rng = np.random.Generator

VIGNETTE_SAID: Said = {
    content("brightness", where="border", direction="less"): (
        "the images have darker edges",
        "the pictures are vignetted",
        "the photos darken towards the corners",
        "they have a dark vignette",
        "the images lose brightness away from the centre",
        "the pictures have borders and corners that are shaded dark",
        "they are darkened at the border",
        "the corners of the images are darker",
        "the pictures are darker around the edges",
        "light falls off towards the edges of the photos",
        "a dark vignette surrounds the images",
        "illumination drops towards the periphery of the images",
    ),
    content("brightness", where="border", direction="more"): (
        "the images have brighter edges",
        "the pictures fade to white at the border",
        "the photos brighten towards the corners",
        "they have a white vignette",
        "the images gain brightness away from the centre",
        "the pictures have borders and corners that are washed out white",
        "they are whitened at the border",
        "the corners of the images are brighter",
        "the pictures are brighter around the edges",
        "light grows towards the edges of the photos",
        "a white vignette surrounds the images",
        "illumination rises towards the periphery of the images",
    ),
}


@lru_cache(maxsize=64)
def from_centre(height: int, width: int) -> Floats:
    """Distance from the centre, 0 there and 1 in the corners; shape (height, width, 1)."""
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None, None]
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :, None]
    return np.asarray(np.sqrt((x * x + y * y) / 2), np.float32)


def paint_vignette(image: Pixels, params: Drawn, amount: float, rng: Rng) -> Pixels:
    edge = np.clip((from_centre(*image.shape[:2]) - 0.35) / 0.5, 0, 1)
    goal = 255 if sign(params) > 0 else 0
    return to_pixels(image + (0.85 * amount * edge) * (goal - image.astype(np.float32)))


def measure_vignette(before: Pixels, after: Pixels, params: Drawn) -> float:
    """Change of the border's mean brightness minus that of the centre, in the stated direction, share of full scale."""
    change = luma(after) - luma(before)
    distance = from_centre(*before.shape[:2])[..., 0]
    return sign(params) * float(change[distance > 0.7].mean() - change[distance < 0.35].mean()) / 255


VIGNETTE = PlainFamily("vignette", "colour", VIGNETTE_SAID, paint_vignette, measure_vignette)


HAZE_SAID: Said = {
    content("haze"): (
        "the images are hazier",
        "the pictures are foggy",
        "the photos look misty",
        "they are veiled by haze",
        "the images look as if seen through thin fog",
        "the pictures have a pale veil of mist over everything",
        "they are hazy",
        "mist lies over the images",
        "the photos are shrouded in fog",
        "a whitish veil dims the view in the pictures",
        "the images look as if taken on a foggy day",
        "fog drifts through the pictures",
    )
}


def paint_haze(image: Pixels, params: Drawn, amount: float, rng: Rng) -> Pixels:
    """A veil of light grey, thicker here and thinner there, or it would be low contrast by another name."""
    height, width = image.shape[:2]
    banks = cv2.resize(rng.uniform(0.35, 1, (4, 4)).astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    veil = (0.95 * amount) * np.asarray(banks, np.float32)[..., None]
    return to_pixels(image + veil * (225 - image.astype(np.float32)))


def measure_haze(before: Pixels, after: Pixels, params: Drawn) -> float:
    """Rise of the brightness that a tenth of the pixels lie below, share of full scale."""
    return float(np.percentile(luma(after), 10) - np.percentile(luma(before), 10)) / 255


HAZE = PlainFamily("haze", "colour", HAZE_SAID, paint_haze, measure_haze)
