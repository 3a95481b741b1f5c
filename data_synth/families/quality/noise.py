"""What sensors add to a picture: Gaussian, shot and colour noise, speckle, stray and stuck pixels."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from data_synth.facts import content
from data_synth.families.plain import LUMA, Drawn, Floats, PlainFamily, Said, luma, short_side, to_pixels
from data_synth.family import Pixels

Rng = np.random.Generator
Places = tuple[NDArray[np.intp], NDArray[np.intp]]


def grain_size(image: Pixels, across: int) -> tuple[int, int]:
    """(height, width) of a noise field with at most `across` grains along the shorter side."""
    height, width = image.shape[:2]
    coarser = max(1.0, min(height, width) / across)
    return round(height / coarser), round(width / coarser)


def spread_grain(grain: Floats, image: Pixels, interpolation: int) -> Floats:
    """The noise field at the image's size."""
    size = (image.shape[1], image.shape[0])
    return np.asarray(cv2.resize(grain, size, interpolation=interpolation), np.float32)


def roughness(plane: Floats, across: int = 128) -> Floats:
    """Distance of each pixel from the mean of its neighbours, for grains `across` of which fit the shorter side."""
    side = 3 * max(1, round(min(plane.shape) / across))
    return np.asarray(np.abs(plane - cv2.blur(plane, (side, side))), np.float32)


def roughening(before: Floats, after: Floats) -> float:
    """Rise of the mean roughness, share of full scale."""
    return float(roughness(after).mean() - roughness(before).mean()) / 255


NOISE_SAID: Said = {
    content("noise"): (
        "the images are noisier",
        "the pictures are grainier",
        "the photos have more grain",
        "they are covered with fine noise",
        "the images show random fine-grained noise",
        "the pictures look as if taken at a very high iso setting",
        "they are grainy",
        "random grain covers the images",
        "the pictures have a higher noise level",
        "the photos are full of fine random grain",
        "film-like grain lies over the images",
        "the signal-to-noise ratio of the images is lower",
    )
}


def paint_gaussian_noise(image: Pixels, params: Drawn, amount: float, rng: Rng) -> Pixels:
    grain = rng.standard_normal(grain_size(image, 128), np.float32)
    return to_pixels(image + (48 * amount) * spread_grain(grain, image, cv2.INTER_CUBIC)[..., None])


def measure_noise(before: Pixels, after: Pixels, params: Drawn) -> float:
    """Rise of the mean distance between a pixel's brightness and its neighbours' mean, share of full scale."""
    return roughening(luma(before), luma(after))


GAUSSIAN_NOISE = PlainFamily("gaussian_noise", "quality", NOISE_SAID, paint_gaussian_noise, measure_noise)


SALT_SAID: Said = {
    content("salt and pepper"): (
        "the images have salt-and-pepper noise",
        "the pictures are sprinkled with black and white dots",
        "the photos have scattered black and white pixels",
        "they are peppered with stuck pixels",
        "the images show isolated specks of pure black and white",
        "the pictures have dead and hot pixels all over",
        "they have black and white impulse noise",
        "impulse noise affects the images",
        "black and white dots are strewn over the images",
        "random pixels of the pictures are pure black or pure white",
        "the photos are strewn with tiny black and white specks",
        "the pictures are flecked with stray black and white pixels",
    )
}


def paint_salt_and_pepper(image: Pixels, params: Drawn, amount: float, rng: Rng) -> Pixels:
    half = 0.08 * amount**1.6
    field = spread_grain(rng.random(grain_size(image, 128), np.float32), image, cv2.INTER_NEAREST)
    after = image.copy()
    after[field < half] = 0
    after[field > 1 - half] = 255
    return after


def measure_salt_and_pepper(before: Pixels, after: Pixels, params: Drawn) -> float:
    """Rise of the share of pixels that are pure black or pure white."""
    return extreme_share(after) - extreme_share(before)


def extreme_share(image: Pixels) -> float:
    return float(((image == 0).all(axis=2) | (image == 255).all(axis=2)).mean())


SALT_AND_PEPPER = PlainFamily("salt_and_pepper", "quality", SALT_SAID, paint_salt_and_pepper, measure_salt_and_pepper)


COLOUR_NOISE_SAID: Said = {
    content("colour noise"): (
        "the images have colour noise",
        "the pictures are covered with coloured speckles",
        "the photos show random blotches of colour",
        "they have red, green and blue speckle all over",
        "the images show chroma noise",
        "the pictures have noise that is colourful rather than grey",
        "they are noisy in colour",
        "random colour grain covers the images",
        "the pictures have coloured grain",
        "chromatic noise is higher in the images",
        "red, green and blue dots shimmer all over the photos",
        "the colours of the photos are randomly uneven, as from a weak sensor",
    )
}


def paint_colour_noise(image: Pixels, params: Drawn, amount: float, rng: Rng) -> Pixels:
    grain = rng.standard_normal((*grain_size(image, 80), 3), np.float32)
    grain -= (grain @ LUMA)[..., None]
    return to_pixels(image + (75 * amount) * spread_grain(grain, image, cv2.INTER_CUBIC))


def measure_colour_noise(before: Pixels, after: Pixels, params: Drawn) -> float:
    """Rise of the mean distance between a pixel's red minus green and its neighbours' mean, share of full scale."""
    return roughening(red_minus_green(before), red_minus_green(after))


def red_minus_green(image: Pixels) -> Floats:
    return np.asarray(image[..., 0].astype(np.float32) - image[..., 1], np.float32)


COLOUR_NOISE = PlainFamily("colour_noise", "quality", COLOUR_NOISE_SAID, paint_colour_noise, measure_colour_noise)


SHOT_SAID: Said = {
    content("shot noise"): (
        "the images have more grain where they are bright",
        "the pictures are noisier in their bright areas",
        "the photos have photon noise",
        "they show shot noise, strongest in the lights",
        "bright parts of the images are grainy, dark parts clean",
        "the grain of the pictures grows with brightness",
        "noise in the photos follows the light",
        "the highlights of the images are rough with fine grain",
        "they have poisson noise",
        "the images look counted photon by photon",
        "grain covers the light areas of the pictures and spares the dark ones",
        "the noise level of the images rises with the signal",
    )
}


def paint_shot_noise(image: Pixels, params: Drawn, amount: float, rng: Rng) -> Pixels:
    """Fine grain whose variance is in proportion to the brightness, as that of counted photons."""
    grain = rng.standard_normal(grain_size(image, 128), np.float32)
    light = np.sqrt(luma(image) / 255)
    return to_pixels(image + (55 * amount * light * spread_grain(grain, image, cv2.INTER_CUBIC))[..., None])


def measure_shot_noise(before: Pixels, after: Pixels, params: Drawn) -> float:
    """Rise of the roughness, each pixel weighed by its light, share of full scale."""
    light = luma(before)
    rise = roughness(luma(after)) - roughness(light)
    return float((rise * light).mean()) / 255**2


SHOT_NOISE = PlainFamily("shot_noise", "quality", SHOT_SAID, paint_shot_noise, measure_shot_noise)


SPECKLE_SAID: Said = {
    content("speckle"): (
        "the images have coarse bright and dark speckle",
        "the pictures show laser-like speckle",
        "the photos have speckle noise as in ultrasound or radar",
        "they are broken up into bright grains and dark gaps",
        "the images have multiplicative noise",
        "bright areas of the pictures split into glittering grains",
        "the photos look granular, like a radar picture",
        "coherent speckle overlays the images",
        "they glitter with coarse light and dark grains",
        "surfaces in the pictures look granulated, the brighter the more",
        "the speckle of the images is stronger",
        "the photos have a coarse, glittering graininess",
    )
}

SPECKLES = 56
"""Grains along the shorter side."""


def paint_speckle(image: Pixels, params: Drawn, amount: float, rng: Rng) -> Pixels:
    """Brightness times the length of a random complex number (a Rayleigh variable of mean 1), as waves interfere."""
    wave = rng.standard_normal((*grain_size(image, SPECKLES), 2), np.float32)
    length = np.asarray(np.hypot(wave[..., 0], wave[..., 1]) / np.sqrt(np.pi / 2), np.float32)
    gain = spread_grain(length, image, cv2.INTER_CUBIC)
    return to_pixels(image * (1 + 0.75 * amount * (gain - 1))[..., None])


def measure_speckle(before: Pixels, after: Pixels, params: Drawn) -> float:
    """Rise of the mean roughness at the size of the grains, relative to the brightness."""
    return relative_roughness(after) - relative_roughness(before)


def relative_roughness(image: Pixels) -> float:
    grey = luma(image)
    return float(roughness(grey, SPECKLES).mean() / max(1.0, float(grey.mean())))


SPECKLE = PlainFamily("speckle", "quality", SPECKLE_SAID, paint_speckle, measure_speckle)


STUCK_SAID: Said = {
    content("stuck pixels"): (
        "the images have bright stuck pixels at fixed places",
        "the pictures show the same bright pixels in the same places",
        "the photos have stuck red, green, blue or white pixels",
        "they have hot pixels, each image at the same spots",
        "a fixed pattern of shining pixels lies over the pictures",
        "tiny bright dots sit at the same positions in all the photos",
        "the sensor of the images has hot pixels",
        "isolated bright pixels recur at the same coordinates in the images",
        "defective sensor pixels shine in the pictures",
        "they share a fixed pattern of single bright pixels",
        "stuck sensor pixels show as bright coloured dots in the photos",
        "lone bright dots come back at the same places in every picture",
    )
}

MOST_STUCK = 400
STUCK_COLOURS = np.array([[255, 255, 255], [255, 0, 0], [0, 255, 0], [0, 80, 255]], np.uint8)


def stuck_places(image: Pixels, params: Drawn) -> Places:
    """Rows and columns of all the pixels that can stick: the same shares of every picture with these parameters."""
    y, x = np.random.default_rng(int(params.style * 2**53)).random((2, MOST_STUCK))
    height, width = image.shape[:2]
    return (y * height).astype(np.intp), (x * width).astype(np.intp)


def paint_dead_pixels(image: Pixels, params: Drawn, amount: float, rng: Rng) -> Pixels:
    """The first of the places in turn, the more the larger the amount; a pixel is 1/128 of the shorter side."""
    side = max(1, round(short_side(image) / 128))
    after = image.copy()
    count = int(np.ceil(MOST_STUCK * amount**1.5))
    rows, columns = (places[:count] // side * side for places in stuck_places(image, params))
    colours = STUCK_COLOURS[np.arange(count) % len(STUCK_COLOURS)]
    for down, right in np.ndindex(side, side):
        after[np.minimum(rows + down, len(image) - 1), np.minimum(columns + right, image.shape[1] - 1)] = colours
    return after


def measure_dead_pixels(before: Pixels, after: Pixels, params: Drawn) -> float:
    """Mean absolute change at the places that can stick, share of full scale."""
    rows, columns = stuck_places(before, params)
    return float(np.abs(after[rows, columns].astype(np.int16) - before[rows, columns]).mean()) / 255


DEAD_PIXELS = PlainFamily("dead_pixels", "quality", STUCK_SAID, paint_dead_pixels, measure_dead_pixels)
