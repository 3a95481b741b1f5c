"""The colour families: tone and colour changed over the whole image, its border or one side."""

from __future__ import annotations

from functools import lru_cache

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
    luma,
    sign,
    to_pixels,
    with_curve,
    with_matrix,
)
from data_synth.family import Family, Pixels

Rng = np.random.Generator

# --- brightness, contrast, saturation, warmth -------------------------------------------------------------------

BRIGHTNESS_SAID: Said = {
    content("brightness", direction="less"): (
        "the images are darker",
        "the pictures are dimmer",
        "the photos are less bright",
        "they look underexposed",
        "the images have a lower overall brightness",
        "the photos look as if taken with less light",
    ),
    content("brightness", direction="more"): (
        "the images are brighter",
        "the pictures are lighter",
        "the photos are more brightly exposed",
        "they look overexposed",
        "the images have a higher overall brightness",
        "the photos look as if taken with more light",
    ),
}


def paint_brightness(image: Pixels, params: Drawn, amount: float, rng: Rng) -> Pixels:
    """Gain and gamma together: gain alone clips, gamma alone leaves the highlights; black stays black."""
    gain, gamma = (1 + 0.5 * amount, 1 / (1 + 0.6 * amount)) if sign(params) > 0 else (1 - 0.45 * amount, 1 + amount)
    return with_curve(image, 255 * gain * (TONES / 255) ** gamma)


def measure_brightness(before: Pixels, after: Pixels, params: Drawn) -> float:
    """Change of the mean brightness in the stated direction, share of full scale."""
    return sign(params) * float(luma(after).mean() - luma(before).mean()) / 255


CONTRAST_SAID: Said = {
    content("contrast", direction="less"): (
        "the images have less contrast",
        "the pictures are flatter in tone",
        "the photos have lower contrast",
        "they have a narrower range between dark and light",
        "the pictures show weaker contrast",
        "the images have dark and light areas that are closer together in tone",
    ),
    content("contrast", direction="more"): (
        "the images have more contrast",
        "the pictures are more contrasty",
        "the photos have higher contrast",
        "they have a wider range between dark and light",
        "the pictures show stronger contrast",
        "the images have dark and light areas that are further apart in tone",
    ),
}


def paint_contrast(image: Pixels, params: Drawn, amount: float, rng: Rng) -> Pixels:
    middle = float(luma(image).mean())
    factor = 1 + 1.8 * amount if sign(params) > 0 else 1 - 0.78 * amount
    return with_curve(image, middle + factor * (TONES - middle))


def measure_contrast(before: Pixels, after: Pixels, params: Drawn) -> float:
    """Change of the brightness's standard deviation in the stated direction, share of full scale."""
    return sign(params) * float(luma(after).std() - luma(before).std()) / 255


SATURATION_SAID: Said = {
    content("saturation", direction="less"): (
        "the images are less saturated",
        "the pictures are less colourful",
        "the photos have paler, greyer colours",
        "they are closer to black and white",
        "the pictures have muted colours",
        "the images have colours that are partly or fully washed out to grey",
        "the photos are desaturated",
    ),
    content("saturation", direction="more"): (
        "the images are more saturated",
        "the pictures are more colourful",
        "the photos have stronger, purer colours",
        "they are more vivid",
        "the pictures have intense colours",
        "the images have colours that look exaggerated and gaudy",
        "the photos are oversaturated",
    ),
}


def paint_saturation(image: Pixels, params: Drawn, amount: float, rng: Rng) -> Pixels:
    """Less goes all the way to grey: a greyscale family beside it would give the same pixels two names."""
    factor = 1 + 2 * amount if sign(params) > 0 else 1 - amount
    return with_matrix(image, factor * np.eye(3, dtype=np.float32) + (1 - factor) * LUMA)


def measure_saturation(before: Pixels, after: Pixels, params: Drawn) -> float:
    """Change of the mean spread between a pixel's channels in the stated direction, share of full scale."""
    return sign(params) * (mean_spread(after) - mean_spread(before)) / 255


def mean_spread(image: Pixels) -> float:
    return float((image.max(axis=2) - image.min(axis=2)).mean())


WARMTH_SAID: Said = {
    content("warmth", direction="less"): (
        "the images are cooler in colour",
        "the pictures have a colder white balance",
        "the photos have cooler colours",
        "they look colder",
        "the images have a higher, bluish colour temperature",
        "the pictures look as if taken in cold, shady light",
    ),
    content("warmth", direction="more"): (
        "the images are warmer in colour",
        "the pictures have a warmer white balance",
        "the photos have warmer colours",
        "they look warmer",
        "the images have a lower, orange colour temperature",
        "the pictures look as if taken in warm, evening light",
    ),
}


def paint_warmth(image: Pixels, params: Drawn, amount: float, rng: Rng) -> Pixels:
    """White-balance gains that keep the brightness of a grey: what red gives, blue takes."""
    gains = 1 + sign(params) * amount * np.array([0.28, -0.02, -0.63], np.float32)
    return with_curve(image, TONES[:, None] * gains)


def measure_warmth(before: Pixels, after: Pixels, params: Drawn) -> float:
    """Change of mean red minus mean blue in the stated direction, share of full scale."""
    red, _, blue = mean_change(before, after)
    return sign(params) * float(red - blue) / 255


def mean_change(before: Pixels, after: Pixels) -> Floats:
    """Change of each channel's mean, shape (3,)."""
    return np.asarray(after.mean(axis=(0, 1)) - before.mean(axis=(0, 1)), np.float32)


# --- tints ------------------------------------------------------------------------------------------------------

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
    change = mean_change(before, after)
    return float(change[tint].mean() - change[~tint].mean()) / 255


GRADIENT_SAID: Said = {
    content("tint", where=side, colour=colour): (
        f"the images have a {colour} tint {at}",
        f"the pictures turn {colour} {at}",
        f"the photos are tinted {colour} {at}",
        f"they have a {colour} colour gradient that is strongest {at}",
        f"the pictures have a {colour} cast that is confined to one side, {at}",
        f"the images look as if a {colour} light shone on them {at}",
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


# --- hue and sepia ----------------------------------------------------------------------------------------------

HUE_SAID: Said = {
    content("hue"): (
        "the images have shifted hues",
        "the pictures have false colours",
        "the photos have their colours swapped for other hues",
        "they have unnatural hues",
        "the images have colours that are rotated around the colour wheel",
        "the pictures show things in hues they do not normally have",
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


SEPIA_SAID: Said = {
    content("sepia"): (
        "the images are sepia toned",
        "the pictures have a brownish, old-photo tone",
        "the photos look like aged sepia prints",
        "they are toned in brown",
        "the images have their colours replaced by shades of brown",
        "the pictures have the brown tones of antique photographs",
    )
}

SEPIA = np.outer(np.array([1.16, 0.94, 0.64], np.float32), LUMA)
"""Brightness printed in brown."""


def paint_sepia(image: Pixels, params: Drawn, amount: float, rng: Rng) -> Pixels:
    return with_matrix(image, (1 - amount) * np.eye(3, dtype=np.float32) + amount * SEPIA)


def measure_sepia(before: Pixels, after: Pixels, params: Drawn) -> float:
    """Share of the way from the pixels to their sepia tones, 0 to 1."""
    goal = with_matrix(before, SEPIA).astype(np.float32)
    start = float(np.abs(goal - before).mean())
    return 1 - float(np.abs(goal - after).mean()) / start if start else 0.0


# --- tone curves ------------------------------------------------------------------------------------------------

POSTERISE_SAID: Said = {
    content("posterisation"): (
        "the images are posterised",
        "the pictures have fewer tones",
        "the photos show flat patches of colour instead of smooth shading",
        "they have a reduced number of colour levels",
        "the images show abrupt steps between colours",
        "the pictures look like prints made with only a few inks",
    )
}


def paint_posterise(image: Pixels, params: Drawn, amount: float, rng: Rng) -> Pixels:
    step = max(1.0, 96 * amount**1.2)
    return with_curve(image, np.rint(TONES / step) * step)


def measure_posterise(before: Pixels, after: Pixels, params: Drawn) -> float:
    """Share of the tones in use that are gone, 0 to 1."""
    return max(0.0, 1 - len(np.unique(after)) / len(np.unique(before)))


NEGATIVE_SAID: Said = {
    content("negative"): (
        "the images look like negatives",
        "the pictures have inverted tones",
        "the photos resemble film negatives",
        "they are inverted, with dark areas turned bright",
        "the images have bright values where shadows should be",
        "the pictures have tones reversed from the dark end",
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


SOLARISE_SAID: Said = {
    content("solarisation"): (
        "the images are solarised",
        "the pictures have reversed highlights",
        "the photos have bright areas that turn dark",
        "they show darkened, inverted highlights",
        "the images have their lightest tones folded back to dark",
        "the pictures look solarised, with skies and whites gone dark",
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


# --- light and air ----------------------------------------------------------------------------------------------

VIGNETTE_SAID: Said = {
    content("brightness", where="border", direction="less"): (
        "the images have darker edges",
        "the pictures are vignetted",
        "the photos darken towards the corners",
        "they have a dark vignette",
        "the images lose brightness away from the centre",
        "the pictures have borders and corners that are shaded dark",
    ),
    content("brightness", where="border", direction="more"): (
        "the images have brighter edges",
        "the pictures fade to white at the border",
        "the photos brighten towards the corners",
        "they have a white vignette",
        "the images gain brightness away from the centre",
        "the pictures have borders and corners that are washed out white",
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


HAZE_SAID: Said = {
    content("haze"): (
        "the images are hazier",
        "the pictures are foggy",
        "the photos look misty",
        "they are veiled by haze",
        "the images look as if seen through thin fog",
        "the pictures have a pale veil of mist over everything",
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


LOCAL_CONTRAST_SAID: Said = {
    content("local contrast"): (
        "the images have harsher local contrast",
        "the pictures have an exaggerated hdr look",
        "the photos look gritty, with every texture brought out",
        "they are over-processed, with small details standing out",
        "the images have boosted local contrast",
        "the pictures have texture and shading in small areas made stronger",
    )
}


def paint_local_contrast(image: Pixels, params: Drawn, amount: float, rng: Rng) -> Pixels:
    """Adaptive histogram equalisation (CLAHE) of the brightness; its tiles scale with the image."""
    grey = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)
    equal = np.asarray(cv2.createCLAHE(clipLimit=10, tileGridSize=(6, 6)).apply(grey), np.float32)
    return to_pixels(image + (amount * (equal - grey))[..., None])


def measure_local_contrast(before: Pixels, after: Pixels, params: Drawn) -> float:
    """Rise of the mean distance between a pixel's brightness and that of its surroundings, share of full scale."""
    return (local_distance(after) - local_distance(before)) / 255


def local_distance(image: Pixels) -> float:
    grey = luma(image)
    side = max(3, min(grey.shape) // 12)
    return float(np.abs(grey - cv2.blur(grey, (side, side))).mean())


COLOUR: tuple[Family, ...] = (
    PlainFamily("brightness", "colour", BRIGHTNESS_SAID, paint_brightness, measure_brightness),
    PlainFamily("contrast", "colour", CONTRAST_SAID, paint_contrast, measure_contrast),
    PlainFamily("saturation", "colour", SATURATION_SAID, paint_saturation, measure_saturation),
    PlainFamily("colour_temperature", "colour", WARMTH_SAID, paint_warmth, measure_warmth),
    PlainFamily("tint", "colour", TINT_SAID, paint_tint, measure_tint),
    PlainFamily("colour_gradient", "colour", GRADIENT_SAID, paint_gradient, measure_gradient),
    PlainFamily("hue", "colour", HUE_SAID, paint_hue, measure_hue),
    PlainFamily("sepia", "colour", SEPIA_SAID, paint_sepia, measure_sepia),
    PlainFamily("posterise", "colour", POSTERISE_SAID, paint_posterise, measure_posterise),
    PlainFamily("invert", "colour", NEGATIVE_SAID, paint_negative, measure_negative),
    PlainFamily("solarise", "colour", SOLARISE_SAID, paint_solarise, measure_solarise),
    PlainFamily("vignette", "colour", VIGNETTE_SAID, paint_vignette, measure_vignette),
    PlainFamily("haze", "colour", HAZE_SAID, paint_haze, measure_haze),
    PlainFamily("local_contrast", "colour", LOCAL_CONTRAST_SAID, paint_local_contrast, measure_local_contrast),
)
