"""Tone curves that are no longer a matter of exposure: posterised, negative, solarised."""

from __future__ import annotations

import numpy as np

from data_synth.facts import content
from data_synth.families.plain import TONES, Drawn, PlainFamily, Said, luma, with_curve
from data_synth.family import Pixels

Rng = np.random.Generator

POSTERISE_SAID: Said = {
    content("posterisation"): (
        "the images are posterised",
        "the pictures have fewer tones",
        "the photos show flat patches of colour instead of smooth shading",
        "they have a reduced number of colour levels",
        "the images show abrupt steps between colours",
        "the pictures look like prints made with only a few inks",
        "they look posterised",
        "shading in the pictures breaks into hard steps",
        "smooth gradients in the photos turn into flat areas",
        "the images have contour-like jumps in tone",
        "the colour depth of the images is lower",
        "the pictures use fewer, flatter colours",
    )
}


def paint_posterise(image: Pixels, params: Drawn, amount: float, rng: Rng) -> Pixels:
    step = max(1.0, 96 * amount**1.2)
    return with_curve(image, np.rint(TONES / step) * step)


def measure_posterise(before: Pixels, after: Pixels, params: Drawn) -> float:
    """Share of the tones in use that are gone, 0 to 1."""
    return max(0.0, 1 - len(np.unique(after)) / len(np.unique(before)))


POSTERISE = PlainFamily("posterise", "colour", POSTERISE_SAID, paint_posterise, measure_posterise)


NEGATIVE_SAID: Said = {
    content("negative"): (
        "the images look like negatives",
        "the pictures have inverted tones",
        "the photos resemble film negatives",
        "they are inverted, with dark areas turned bright",
        "the images have bright values where shadows should be",
        "the pictures have tones reversed from the dark end",
        "they look like photographic negatives",
        "shadows in the photos turn bright",
        "the pictures are partly or fully inverted",
        "the dark tones of the images are inverted",
        "what should be dark is light in the pictures",
        "the intensities of the images are inverted, the darkest first",
    )
}


def paint_negative(image: Pixels, params: Drawn, amount: float, rng: Rng) -> Pixels:
    """Tones below a rising fold are reversed, all of them at 1; blending would pass through flat grey instead."""
    fold = 255 * amount**1.2
    return with_curve(image, np.abs(TONES - fold) * (255 / max(fold, 255 - fold)))


def measure_negative(before: Pixels, after: Pixels, params: Drawn) -> float:
    """One minus the correlation of all pixel values before and after, 0 to 2."""
    if before.std() == 0 or after.std() == 0:
        return 0.0
    return 1 - float(np.corrcoef(before.ravel(), after.ravel())[0, 1])


NEGATIVE = PlainFamily("invert", "colour", NEGATIVE_SAID, paint_negative, measure_negative)


SOLARISE_SAID: Said = {
    content("solarisation"): (
        "the images are solarised",
        "the pictures have reversed highlights",
        "the photos have bright areas that turn dark",
        "they show darkened, inverted highlights",
        "the images have their lightest tones folded back to dark",
        "the pictures look solarised, with skies and whites gone dark",
        "they look solarised",
        "the highlights of the images are inverted",
        "bright parts of the pictures are turned dark",
        "the photos show the sabattier effect",
        "whites in the images look dark",
        "the brightest tones of the pictures are reversed",
    )
}


def paint_solarise(image: Pixels, params: Drawn, amount: float, rng: Rng) -> Pixels:
    """Tones above a falling fold are reversed; it starts at the highlights, or dull images would not change."""
    highlights = float(np.percentile(image[::4, ::4], 99))
    fold = highlights * (1 - 0.48 * amount)
    return with_curve(image, np.minimum(TONES, np.maximum(2 * fold - TONES, 0)))


def measure_solarise(before: Pixels, after: Pixels, params: Drawn) -> float:
    """Mean fall in brightness of the image's brighter half, share of full scale."""
    old = luma(before)
    return float((old - luma(after))[old >= np.median(old)].mean()) / 255


SOLARISE = PlainFamily("solarise", "colour", SOLARISE_SAID, paint_solarise, measure_solarise)
