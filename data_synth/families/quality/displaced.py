"""Parts of the picture in the wrong place: interlacing, ghosting, chromatic aberration, rolling shutter."""

from __future__ import annotations

import cv2
import numpy as np

from data_synth.facts import content
from data_synth.families.plain import Drawn, Floats, PlainFamily, Said, luma, moved, share_of_way, short_side
from data_synth.family import Pixels

Rng = np.random.Generator

INTERLACE_SAID: Said = {
    content("interlacing"): (
        "the images show interlacing",
        "the pictures have comb-like edges",
        "the photos have every other row of pixels shifted sideways",
        "they have jagged, torn vertical edges",
        "the images look like paused interlaced video",
        "the pictures are split into rows that do not line up",
        "they are interlaced",
        "the photos have combing artefacts",
        "alternate rows of the images are out of step",
        "edges in the pictures look like the teeth of a comb",
        "odd and even lines of the images do not match",
        "every second line of the pictures is displaced sideways",
    )
}


def band_height(image: Pixels) -> float:
    """Rows that move together, 48 bands along the shorter side; not rounded, so that large and small look alike."""
    return max(1.0, short_side(image) / 48)


def paint_interlace(image: Pixels, params: Drawn, amount: float, rng: Rng) -> Pixels:
    """Alternate rows (bands of rows in larger images) moved apart sideways."""
    reach = 0.04 * amount * short_side(image)
    after = moved(image, reach / 2, 0)
    odd = np.arange(len(image)) // band_height(image) % 2 == 1
    after[odd] = moved(image, -reach / 2, 0)[odd]
    return after


def measure_interlace(before: Pixels, after: Pixels, params: Drawn) -> float:
    """Rise of the mean step between rows one band apart over that between rows two apart, share of full scale."""
    return (combing(after) - combing(before)) / 255


def combing(image: Pixels) -> float:
    grey, band = luma(image), round(band_height(image))
    return float(np.abs(grey[band:] - grey[:-band]).mean() - np.abs(grey[2 * band :] - grey[: -2 * band]).mean())


INTERLACE = PlainFamily("interlace", "quality", INTERLACE_SAID, paint_interlace, measure_interlace)


GHOST_SAID: Said = {
    content("ghosting"): (
        "the images show ghosting",
        "the pictures have a double image",
        "the photos look doubled",
        "they have a faint, displaced second copy over them",
        "the images repeat every outline a little to one side",
        "the pictures look like double exposures of the same scene",
        "they are doubled",
        "the photos have a ghost image",
        "a shifted copy lies over the images",
        "every object in the pictures appears twice",
        "outlines in the images have a faint twin",
        "the photos look as if seen with double vision",
    )
}


def ghost(image: Pixels, params: Drawn) -> Pixels:
    """The image, displaced by a fixed share of its shorter side at the style's angle."""
    angle, reach = 2 * np.pi * params.style, 0.08 * short_side(image)
    return moved(image, reach * np.cos(angle), reach * np.sin(angle))


def paint_ghosting(image: Pixels, params: Drawn, amount: float, rng: Rng) -> Pixels:
    share = 0.5 * amount
    return np.asarray(cv2.addWeighted(image, 1 - share, ghost(image, params), share, 0), np.uint8)


def measure_ghosting(before: Pixels, after: Pixels, params: Drawn) -> float:
    """How far the image has gone towards its displaced copy: least squares, 0 to 1."""
    return share_of_way(before, after, ghost(before, params))


GHOSTING = PlainFamily("ghosting", "quality", GHOST_SAID, paint_ghosting, measure_ghosting)


FRINGES_SAID: Said = {
    content("chromatic aberration"): (
        "the images have colour fringes",
        "the pictures show chromatic aberration",
        "the photos have red and blue edges that do not line up",
        "they have coloured outlines around objects",
        "the images have red and blue layers displaced against each other",
        "the pictures look like 3d prints seen without the glasses",
        "they have colour fringing",
        "edges in the images are lined with red and blue",
        "red and blue fringes border things in the photos",
        "the colour channels of the images do not line up",
        "the pictures have misaligned colour channels",
        "the photos suffer from lateral chromatic aberration",
    )
}


def fringed(image: Pixels, params: Drawn, amount: float) -> Pixels:
    """Red and blue moved apart, at the style's angle."""
    angle, reach = 2 * np.pi * params.style, 0.028 * amount * short_side(image)
    dx, dy = reach * np.cos(angle), reach * np.sin(angle)
    after = image.copy()
    after[..., 0] = moved(np.ascontiguousarray(image[..., 0]), dx, dy)
    after[..., 2] = moved(np.ascontiguousarray(image[..., 2]), -dx, -dy)
    return after


def paint_chromatic_aberration(image: Pixels, params: Drawn, amount: float, rng: Rng) -> Pixels:
    return fringed(image, params, amount)


def measure_chromatic_aberration(before: Pixels, after: Pixels, params: Drawn) -> float:
    """How far red and blue have gone towards their farthest displacement: least squares, 0 to 1."""
    return share_of_way(before, after, fringed(before, params, 1))


CHROMATIC_ABERRATION = PlainFamily(
    "chromatic_aberration", "quality", FRINGES_SAID, paint_chromatic_aberration, measure_chromatic_aberration
)


ROLLING_SAID: Said = {
    content("rolling shutter"): (
        "the images have upright lines that lean and wobble",
        "the pictures wobble like jelly, row against row",
        "the photos show rolling shutter distortion",
        "they have a jello effect",
        "rows of the images slide sideways by changing amounts",
        "vertical edges in the pictures lean and wobble while horizontal ones stay level",
        "the images look filmed with a shaking rolling-shutter camera",
        "upright things in the photos sway from row to row",
        "they are skewed and wobbly, row by row",
        "a row-by-row sideways wobble bends the pictures",
        "straight uprights in the photos bend like jelly",
        "the sensor rows of the images were read while the camera shook",
    )
}


def row_offsets(height: int, params: Drawn) -> Floats:
    """How far each row lies to the side, -1 to 1: a lean and three and a half waves, both from the style."""
    down = np.linspace(-1, 1, height)
    lean = 0.6 if params.style < 0.5 else -0.6
    return np.asarray(lean * down + 0.4 * np.sin(3.5 * np.pi * down + 40 * params.style), np.float32)


def paint_rolling_shutter(image: Pixels, params: Drawn, amount: float, rng: Rng) -> Pixels:
    height, width = image.shape[:2]
    offsets = 0.1 * amount * short_side(image) * row_offsets(height, params)
    x = np.arange(width, dtype=np.float32) - offsets[:, None]
    y = np.repeat(np.arange(height, dtype=np.float32)[:, None], width, axis=1)
    return np.asarray(cv2.remap(image, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101), np.uint8)


def measure_rolling_shutter(before: Pixels, after: Pixels, params: Drawn) -> float:
    """How far the image has gone towards its strongest distortion: least squares, 0 to 1."""
    return share_of_way(before, after, paint_rolling_shutter(before, params, 1, np.random.default_rng(0)))


ROLLING_SHUTTER = PlainFamily(
    "rolling_shutter", "quality", ROLLING_SAID, paint_rolling_shutter, measure_rolling_shutter
)
