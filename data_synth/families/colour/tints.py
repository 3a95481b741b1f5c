"""Colour laid over the picture: a tint everywhere, from one side, in the shadows."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from data_synth.facts import content
from data_synth.families.colour.tone import tone_range
from data_synth.families.plain import LUMA, TONES, Drawn, Floats, PlainFamily, Said, luma, to_pixels, with_curve
from data_synth.family import Pixels

Rng = np.random.Generator

TINTS = {
    "red": (1, 0, 0),
    "green": (0, 1, 0),
    "blue": (0, 0, 1),
    "yellow": (1, 1, 0),
    "magenta": (1, 0, 1),
    "cyan": (0, 1, 1),
}
"""Which of red, green and blue a tint raises against the others."""

TINT_SAID: Said = {
    content("tint", colour=colour): (
        f"the images have a {colour} tint",
        f"the pictures have a {colour} cast",
        f"the photos are tinted {colour}",
        f"they lean towards {colour}",
        f"the pictures look as if seen through a {colour} filter",
        f"the images have an overall colour that is shifted towards {colour}",
        f"they are {colour}-tinted",
        f"a {colour} tint lies over the pictures",
        f"whites and greys in the photos turn {colour}",
        f"the colour balance of the images leans to {colour}",
        f"everything in the pictures is tinged with {colour}",
        f"there is too much {colour} in the images",
    )
    for colour in TINTS
}


def tint_offset(params: Drawn) -> Floats:
    """Added to a pixel, this gives the tint and leaves the brightness; shape (3,)."""
    tint = np.array(TINTS[str(params.content.get("colour"))], np.float32)
    return np.asarray(255 * (tint - tint @ LUMA), np.float32)


def paint_tint(image: Pixels, params: Drawn, amount: float, rng: Rng) -> Pixels:
    return with_curve(image, TONES[:, None] + 0.42 * amount * tint_offset(params))


def measure_tint(before: Pixels, after: Pixels, params: Drawn) -> float:
    """Change of the tint's channels' mean minus the other channels' mean, share of full scale."""
    tint = np.array(TINTS[str(params.content.get("colour"))], bool)
    change = after.mean(axis=(0, 1)) - before.mean(axis=(0, 1))
    return float(change[tint].mean() - change[~tint].mean()) / 255


TINT = PlainFamily("tint", "colour", TINT_SAID, paint_tint, measure_tint)


GRADIENT_SAID: Said = {
    content("tint", where=side, colour=colour): (
        f"the images have a {colour} tint {at}",
        f"the pictures turn {colour} {at}",
        f"the photos are tinted {colour} {at}",
        f"they have a {colour} colour gradient that is strongest {at}",
        f"the pictures have a {colour} cast that is confined to one side, {at}",
        f"the images look as if a {colour} light shone on them {at}",
        f"they are tinged with {colour} {at}",
        f"a {colour} tint lies over the images {at}",
        f"a wash of {colour} covers the pictures {at}",
        f"the photos fade into {colour} {at}",
        f"the colour of the images shifts to {colour} {at}",
        f"there is too much {colour} in the pictures {at}",
    )
    for side, at in {
        "left": "on the left",
        "right": "on the right",
        "top": "at the top",
        "bottom": "at the bottom",
    }.items()
    for colour in ("red", "green", "blue")
}


@lru_cache(maxsize=64)
def towards(side: str, height: int, width: int) -> Floats:
    """1 at the side, falling to 0 two thirds of the way across; shape (height, width, 1)."""
    length = width if side in ("left", "right") else height
    ramp = np.clip(1 - np.arange(length, dtype=np.float32) / (length * 0.67), 0, 1)
    ramp = ramp[::-1] if side in ("right", "bottom") else ramp
    across = ramp[None, :, None] if side in ("left", "right") else ramp[:, None, None]
    return np.asarray(np.broadcast_to(across, (height, width, 1)), np.float32)


def paint_gradient(image: Pixels, params: Drawn, amount: float, rng: Rng) -> Pixels:
    weight = towards(params.content.where, *image.shape[:2])
    return to_pixels(image + weight * (0.7 * amount * tint_offset(params)))


def measure_gradient(before: Pixels, after: Pixels, params: Drawn) -> float:
    """The tint statistic of the image's half at that side minus that of the other half."""
    height, width = before.shape[:2]
    first, last = (
        (np.s_[:, : width // 2], np.s_[:, width // 2 :])
        if params.content.where in ("left", "right")
        else (np.s_[: height // 2], np.s_[height // 2 :])
    )
    near, far = (last, first) if params.content.where in ("right", "bottom") else (first, last)
    return measure_tint(before[near], after[near], params) - measure_tint(before[far], after[far], params)


GRADIENT = PlainFamily("colour_gradient", "colour", GRADIENT_SAID, paint_gradient, measure_gradient)


SHADOW_TINT_SAID: Said = {
    content("shadow tint", colour=colour): (
        f"the images have a {colour} tint in dark areas",
        f"the shadows of the pictures are tinted {colour}",
        f"dark parts of the photos turn {colour}",
        f"they have {colour} shadows, while the highlights stay",
        f"the images are split-toned, {colour} in the shadows",
        f"the darkest tones of the pictures lean towards {colour}",
        f"a {colour} cast colours only the dark tones of the images",
        f"blacks in the photos look {colour}",
        f"they have a {colour} colour cast that is limited to the shadows",
        f"the low tones of the images shift to {colour}",
        f"dark areas of the pictures carry a {colour} tinge",
        f"the photos are toned {colour} where they are dark",
    )
    for colour in TINTS
}


def paint_shadow_tint(image: Pixels, params: Drawn, amount: float, rng: Rng) -> Pixels:
    """Full at the image's own black, falling to none a little above the middle of its tones."""
    low, high = tone_range(image)
    depth = np.clip(1 - (luma(image) - low) / (0.6 * (high - low)), 0, 1)
    return to_pixels(image + depth[..., None] * (0.6 * amount * tint_offset(params)))


def measure_shadow_tint(before: Pixels, after: Pixels, params: Drawn) -> float:
    """The tint statistic of the darkest three tenths of the image minus that of the brightest."""
    tone = luma(before)
    low, high = np.quantile(tone, (0.3, 0.7))
    dark, bright = tone <= low, tone >= high
    return measure_tint(before[dark][None], after[dark][None], params) - measure_tint(
        before[bright][None], after[bright][None], params
    )


SHADOW_TINT = PlainFamily("colour_cast_shadows", "colour", SHADOW_TINT_SAID, paint_shadow_tint, measure_shadow_tint)
