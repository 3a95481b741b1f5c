"""Colour itself: saturation, greyscale, warm and cool balance, hue, swapped channels, sepia."""

from __future__ import annotations

import cv2
import numpy as np

from data_synth.facts import content
from data_synth.families.plain import (
    LUMA,
    TONES,
    Drawn,
    Floats,
    PlainFamily,
    Said,
    sign,
    to_pixels,
    with_curve,
    with_matrix,
)
from data_synth.family import Pixels

Rng = np.random.Generator

SATURATION_SAID: Said = {
    content("saturation", direction="less"): (
        "the images are less saturated",
        "the pictures are less colourful",
        "the photos have paler, greyer colours",
        "they are closer to black and white",
        "the pictures have muted colours",
        "the images have colours that are partly or fully washed out to grey",
        "the photos are desaturated",
        "they have weaker colours",
        "the colours in the pictures are duller",
        "the images are drained of colour",
        "the chroma of the images is lower",
        "colours in the photos look faint",
    ),
    content("saturation", direction="more"): (
        "the images are more saturated",
        "the pictures are more colourful",
        "the photos have stronger, purer colours",
        "they are more vivid",
        "the pictures have intense colours",
        "the images have colours that look exaggerated and gaudy",
        "the photos are oversaturated",
        "they have stronger colours",
        "the colours in the pictures are richer",
        "the images are full of bold colour",
        "the chroma of the images is higher",
        "colours in the photos look garish",
    ),
}


def paint_saturation(image: Pixels, params: Drawn, amount: float, rng: Rng) -> Pixels:
    """Every colour paler or stronger by the same factor, down to grey."""
    factor = 1 + 2 * amount if sign(params) > 0 else 1 - amount
    return with_matrix(image, factor * np.eye(3, dtype=np.float32) + (1 - factor) * LUMA)


def measure_saturation(before: Pixels, after: Pixels, params: Drawn) -> float:
    """Change of the mean spread between a pixel's channels in the stated direction, share of full scale."""
    return sign(params) * (mean_spread(after) - mean_spread(before)) / 255


def spread(image: Pixels) -> Pixels:
    """Largest minus smallest channel of each pixel, shape (height, width)."""
    red, green, blue = cv2.split(image)
    return np.asarray(cv2.max(cv2.max(red, green), blue) - cv2.min(cv2.min(red, green), blue), np.uint8)


def mean_spread(image: Pixels) -> float:
    return float(spread(image).mean())


SATURATION = PlainFamily("saturation", "colour", SATURATION_SAID, paint_saturation, measure_saturation)


GREYSCALE_SAID: Said = {
    content("greyscale"): (
        "the images are partly or fully black and white",
        "the pictures are greyscale in places or altogether",
        "the photos contain more pure grey without any colour",
        "they have areas in black and white",
        "the images have more greyscale areas",
        "dull colours in the pictures are turned to plain grey",
        "the images are converted to greyscale, in part or in full",
        "the colour is removed altogether from parts or all of the images",
        "larger areas of the photos have no colour at all",
        "they turn black and white, the palest colours first",
        "the pictures show black-and-white regions",
        "more pixels of the images are monochrome grey",
        "at most the most vivid things in the photos still have a colour",
    )
}

NO_COLOUR = 10
"""Spread between the channels, in grey levels, up to which a pixel looks grey."""


def paint_greyscale(image: Pixels, params: Drawn, amount: float, rng: Rng) -> Pixels:
    """Colour is taken away area by area, the palest first, until `amount` of it is gone; what keeps its colour keeps
    all of it, or this would be low saturation by another name."""
    blurred = cv2.GaussianBlur(spread(image), (0, 0), min(image.shape[:2]) / 80)
    colour = np.cumsum(np.bincount(blurred.ravel(), minlength=256) * np.arange(256.0))
    threshold = float(np.searchsorted(colour, amount * colour[-1]))
    kept = np.clip((TONES - threshold) / 6, 0, 1)[blurred]
    grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    return to_pixels(grey + kept[..., None] * (image.astype(np.float32) - grey))


def measure_greyscale(before: Pixels, after: Pixels, params: Drawn) -> float:
    """Rise of the share of pixels without colour."""
    return float((spread(after) <= NO_COLOUR).mean() - (spread(before) <= NO_COLOUR).mean())


GREYSCALE = PlainFamily("greyscale", "colour", GREYSCALE_SAID, paint_greyscale, measure_greyscale)


WARMTH_SAID: Said = {
    content("warmth", direction="less"): (
        "the images are cooler in colour",
        "the pictures have a colder white balance",
        "the photos have cooler colours",
        "they look colder",
        "the images have a higher, bluish colour temperature",
        "the pictures look as if taken in cold, shady light",
        "they have a cooler colour balance",
        "the images have cooler tones",
        "the photos have an icy tone",
        "whites in the pictures look cold",
        "the light in the pictures is colder",
        "the white balance of the images is shifted to the cold side",
    ),
    content("warmth", direction="more"): (
        "the images are warmer in colour",
        "the pictures have a warmer white balance",
        "the photos have warmer colours",
        "they look warmer",
        "the images have a lower, orange colour temperature",
        "the pictures look as if taken in warm, evening light",
        "they have a warmer colour balance",
        "the images have warmer tones",
        "the photos have a cosy, warm tone",
        "whites in the pictures look warm",
        "the light in the pictures is warmer",
        "the white balance of the images is shifted to the warm side",
    ),
}


def paint_warmth(image: Pixels, params: Drawn, amount: float, rng: Rng) -> Pixels:
    """White-balance gains that keep the brightness of a grey: what red gives, blue takes."""
    gains = 1 + sign(params) * amount * np.array([0.28, -0.02, -0.63], np.float32)
    return with_curve(image, TONES[:, None] * gains)


def measure_warmth(before: Pixels, after: Pixels, params: Drawn) -> float:
    """Change of mean red minus mean blue in the stated direction, share of full scale."""
    red, _, blue = after.mean(axis=(0, 1)) - before.mean(axis=(0, 1))
    return sign(params) * float(red - blue) / 255


WARMTH = PlainFamily("colour_temperature", "colour", WARMTH_SAID, paint_warmth, measure_warmth)


HUE_SAID: Said = {
    content("hue"): (
        "the images have shifted hues",
        "the pictures have false colours",
        "the photos have their colours swapped for other hues",
        "they have unnatural hues",
        "the images have colours that are rotated around the colour wheel",
        "the pictures show things in hues they do not normally have",
        "they are off in hue",
        "the hue of the images is rotated",
        "the pictures have a hue shift",
        "the colours of the photos are wrong",
        "familiar things appear in strange hues in the images",
        "every hue in the pictures is replaced by another",
    )
}

RGB_TO_YIQ = np.array([LUMA, [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]], np.float32)


def paint_hue(image: Pixels, params: Drawn, amount: float, rng: Rng) -> Pixels:
    """Colours turned by up to half a circle at equal brightness; the style says which way."""
    angle = np.pi * amount * (1 if params.style < 0.5 else -1)
    turn = np.array(
        [[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]],
        np.float32,
    )
    return with_matrix(image, np.linalg.solve(RGB_TO_YIQ, turn @ RGB_TO_YIQ))


def measure_hue(before: Pixels, after: Pixels, params: Drawn) -> float:
    """Mean distance that a pixel moved in the colour plane (brightness left out), share of full scale."""
    change = (after.astype(np.float32) - before) @ RGB_TO_YIQ[1:].T
    return float(np.hypot(change[..., 0], change[..., 1]).mean()) / 255


HUE = PlainFamily("hue", "colour", HUE_SAID, paint_hue, measure_hue)


CHANNEL_SWAP_SAID: Said = {
    content("channel swap"): (
        "the images have red and blue exchanged",
        "the pictures have their red and blue channels swapped",
        "reds look blue and blues look red in the photos",
        "they have red and blue mixed up",
        "the images look like bgr read as rgb",
        "what is red turns towards blue in the pictures, and what is blue towards red",
        "the red and blue channels of the images are interchanged",
        "warm and cool colours trade places in the images",
        "orange things turn blue and blue things orange in the photos",
        "the colour channels of the pictures are in the wrong order",
        "red gives way to blue, and blue to red, in the images",
        "the photos show red as blue and blue as red",
    )
}

RED_AS_BLUE = np.eye(3, dtype=np.float32)[::-1]


def paint_channel_swap(image: Pixels, params: Drawn, amount: float, rng: Rng) -> Pixels:
    """Red and blue are equal on the way; that middle comes early, so that they are exchanged for most of the way."""
    share = amount**0.65
    return with_matrix(image, (1 - share) * np.eye(3, dtype=np.float32) + share * RED_AS_BLUE)


def measure_channel_swap(before: Pixels, after: Pixels, params: Drawn) -> float:
    """How far red minus blue has gone to its opposite: least squares, 0 to 1."""
    old, new = red_minus_blue(before), red_minus_blue(after)
    length = float((old * old).sum())
    return (1 - float((old * new).sum()) / length) / 2 if length else 0.0


def red_minus_blue(image: Pixels) -> Floats:
    return np.asarray(image[..., 0].astype(np.float32) - image[..., 2], np.float32)


CHANNEL_SWAP = PlainFamily("channel_swap", "colour", CHANNEL_SWAP_SAID, paint_channel_swap, measure_channel_swap)


SEPIA_SAID: Said = {
    content("sepia"): (
        "the images are sepia toned",
        "the pictures have a brownish, old-photo tone",
        "the photos look like aged sepia prints",
        "they are toned in brown",
        "the images have their colours replaced by shades of brown",
        "the pictures have the brown tones of antique photographs",
        "they look aged and brown",
        "the images have a sepia filter",
        "a sepia tone colours the images",
        "the photos turn brownish, like old portraits",
        "the pictures resemble old brown photographs",
        "brown takes the place of other colours in the photos",
    )
}

SEPIA_TONES = np.outer(np.array([1.16, 0.94, 0.64], np.float32), LUMA)
"""Brightness printed in brown."""


def paint_sepia(image: Pixels, params: Drawn, amount: float, rng: Rng) -> Pixels:
    return with_matrix(image, (1 - amount) * np.eye(3, dtype=np.float32) + amount * SEPIA_TONES)


def measure_sepia(before: Pixels, after: Pixels, params: Drawn) -> float:
    """Share of the way from the pixels to their sepia tones, 0 to 1."""
    goal = with_matrix(before, SEPIA_TONES).astype(np.float32)
    start = float(np.abs(goal - before).mean())
    return 1 - float(np.abs(goal - after).mean()) / start if start else 0.0


SEPIA = PlainFamily("sepia", "colour", SEPIA_SAID, paint_sepia, measure_sepia)
