"""Light and dark: brightness, contrast, mid-tones, the histogram, lifted blacks, local contrast."""

from __future__ import annotations

import cv2
import numpy as np

from data_synth.facts import content
from data_synth.families.plain import (
    LUMA,
    TONES,
    Drawn,
    PlainFamily,
    Said,
    luma,
    sign,
    to_pixels,
    with_curve,
    with_matrix,
)
from data_synth.family import Pixels

Rng = np.random.Generator


def tone_range(image: Pixels) -> tuple[float, float]:
    """The image's own black and white: what 1 % of its brightness lies below and above, at least 1 apart."""
    low, high = np.percentile(luma(image)[::2, ::2], (1, 99))
    return float(low), float(max(high, low + 1))


BRIGHTNESS_SAID: Said = {
    content("brightness", direction="less"): (
        "the images are darker",
        "the pictures are dimmer",
        "the photos are less bright",
        "they look underexposed",
        "the images have a lower overall brightness",
        "the photos look as if taken with less light",
        "they are darker overall",
        "the pictures are gloomier",
        "the exposure of the images is lower",
        "there is less light in the images",
        "the mean intensity of the images is lower",
        "the photos were taken with too short an exposure",
    ),
    content("brightness", direction="more"): (
        "the images are brighter",
        "the pictures are lighter",
        "the photos are more brightly exposed",
        "they look overexposed",
        "the images have a higher overall brightness",
        "the photos look as if taken with more light",
        "they are brighter overall",
        "the pictures are more luminous",
        "the exposure of the images is higher",
        "there is more light in the images",
        "the mean intensity of the images is higher",
        "the photos were taken with too long an exposure",
    ),
}


def paint_brightness(image: Pixels, params: Drawn, amount: float, rng: Rng) -> Pixels:
    """Gain and gamma together: gain alone clips, gamma alone leaves the highlights; black stays black."""
    gain, gamma = (1 + 0.5 * amount, 1 / (1 + 0.6 * amount)) if sign(params) > 0 else (1 - 0.45 * amount, 1 + amount)
    return with_curve(image, 255 * gain * (TONES / 255) ** gamma)


def measure_brightness(before: Pixels, after: Pixels, params: Drawn) -> float:
    """Change of the mean brightness in the stated direction, share of full scale."""
    return sign(params) * float(luma(after).mean() - luma(before).mean()) / 255


BRIGHTNESS = PlainFamily("brightness", "colour", BRIGHTNESS_SAID, paint_brightness, measure_brightness)


CONTRAST_SAID: Said = {
    content("contrast", direction="less"): (
        "the images have less contrast",
        "the pictures are flatter in tone",
        "the photos have lower contrast",
        "they have a narrower range between dark and light",
        "the pictures show weaker contrast",
        "the images have dark and light areas that are closer together in tone",
        "they are lower in contrast",
        "the photos look tonally flat",
        "the images have a reduced dynamic range",
        "the contrast of the pictures is reduced",
        "tones in the images are drawn together towards the middle",
        "shadows and highlights of the images differ less",
    ),
    content("contrast", direction="more"): (
        "the images have more contrast",
        "the pictures are more contrasty",
        "the photos have higher contrast",
        "they have a wider range between dark and light",
        "the pictures show stronger contrast",
        "the images have dark and light areas that are further apart in tone",
        "they are higher in contrast",
        "the photos look tonally harsh",
        "the images have an increased dynamic range",
        "the contrast of the pictures is increased",
        "tones in the images are pushed apart, away from the middle",
        "shadows and highlights of the images differ more",
    ),
}


def paint_contrast(image: Pixels, params: Drawn, amount: float, rng: Rng) -> Pixels:
    middle = float(luma(image).mean())
    factor = 1 + 1.8 * amount if sign(params) > 0 else 1 - 0.78 * amount
    return with_curve(image, middle + factor * (TONES - middle))


def measure_contrast(before: Pixels, after: Pixels, params: Drawn) -> float:
    """Change of the brightness's standard deviation in the stated direction, share of full scale."""
    return sign(params) * float(luma(after).std() - luma(before).std()) / 255


CONTRAST = PlainFamily("contrast", "colour", CONTRAST_SAID, paint_contrast, measure_contrast)


GAMMA_SAID: Said = {
    content("mid-tones", direction="less"): (
        "the images have darker mid-tones",
        "the mid-tones of the pictures are darker",
        "the photos have darker middle greys",
        "they are darker in the mid-tones, while black and white stay",
        "the images have a darker gamma",
        "the middle tones of the photos are pulled down",
        "the pictures are darker between black and white, with both ends kept",
        "the images look gamma-corrected towards dark",
        "only the medium tones of the pictures are darker",
        "the tone curve of the images sags in the middle",
        "intermediate intensities of the images are lower, the extremes unchanged",
        "medium greys in the photos are deeper, whites as white as before",
        "they have heavier mid-tones",
    ),
    content("mid-tones", direction="more"): (
        "the images have brighter mid-tones",
        "the mid-tones of the pictures are brighter",
        "the photos have brighter middle greys",
        "they are brighter in the mid-tones, while black and white stay",
        "the images have a brighter gamma",
        "the middle tones of the photos are pulled up",
        "the pictures are brighter between black and white, with both ends kept",
        "the images look gamma-corrected towards bright",
        "only the medium tones of the pictures are brighter",
        "the tone curve of the images is raised in the middle",
        "intermediate intensities of the images are higher, the extremes unchanged",
        "medium greys in the photos are paler, blacks as black as before",
        "they have lighter mid-tones",
    ),
}


def paint_gamma(image: Pixels, params: Drawn, amount: float, rng: Rng) -> Pixels:
    """A tone curve bent between the image's own black and white; a power law would lift the noise in the blacks."""
    low, high = tone_range(image)
    tone = np.clip((TONES - low) / (high - low), 0, 1)
    return with_curve(image, TONES + sign(params) * amount * (high - low) * tone * (1 - tone))


def measure_gamma(before: Pixels, after: Pixels, params: Drawn) -> float:
    """How much more a tone moved in the stated direction the nearer the middle it was: slope, share of full scale."""
    low, high = tone_range(before)
    tone = np.clip((luma(before) - low) / (high - low), 0, 1)
    middle = tone * (1 - tone)
    middle -= middle.mean()
    spread = float((middle * middle).mean())
    change = luma(after) - luma(before)
    return sign(params) * float((change * middle).mean()) / spread / 255 if spread else 0.0


GAMMA = PlainFamily("gamma", "colour", GAMMA_SAID, paint_gamma, measure_gamma)


EQUALISED_SAID: Said = {
    content("equalisation"): (
        "the images have more evenly spread tones",
        "the pictures are histogram-equalised",
        "the photos have an equalised histogram",
        "they show the effect of histogram equalisation",
        "the histogram of the images is flatter",
        "all grey levels are used about equally in the images",
        "every tone from black to white appears about as often in the pictures",
        "dark, medium and light areas take up similar shares of the photos",
        "the tones of the images fill the whole range evenly",
        "the intensity distribution of the images is more uniform",
        "crowded tones in the pictures are pulled apart until all are used alike",
        "the photos look automatically equalised in tone",
        "they use dark, middle and bright tones in more equal parts",
    )
}


def paint_equalised(image: Pixels, params: Drawn, amount: float, rng: Rng) -> Pixels:
    grey = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)
    change = np.asarray(cv2.equalizeHist(grey), np.float32) - grey
    return to_pixels(image + (amount * change)[..., None])


def measure_equalised(before: Pixels, after: Pixels, params: Drawn) -> float:
    """Fall of the mean distance between the cumulative histogram of brightness and an even one, 0 to 1."""
    return histogram_unevenness(before) - histogram_unevenness(after)


def histogram_unevenness(image: Pixels) -> float:
    counts = np.bincount(luma(image).astype(np.uint8).ravel(), minlength=256)
    return float(np.abs(np.cumsum(counts) / counts.sum() - np.arange(1, 257) / 256).mean())


EQUALISED = PlainFamily("equalised", "colour", EQUALISED_SAID, paint_equalised, measure_equalised)


FADED_SAID: Said = {
    content("faded blacks"): (
        "the images look faded, with blacks turned grey",
        "the pictures have lifted blacks",
        "the photos look like faded old prints",
        "they have washed-out, milky shadows",
        "the blacks of the images are grey",
        "the images have a matte, faded film look",
        "nothing in the pictures is really black",
        "the deepest shadows of the photos are raised to grey",
        "they are faded like prints left in the sun",
        "the black level of the images is higher",
        "dark areas in the photos look milky grey",
        "the images have a raised black point and paler colours",
    )
}


def paint_faded(image: Pixels, params: Drawn, amount: float, rng: Rng) -> Pixels:
    """A soft floor under the tones, counted from the image's own black; white stays, colours pale a little."""
    low, _ = tone_range(image)
    floor = 115 * amount
    top = 255 - low
    lifted = low + np.hypot(np.maximum(TONES - low, 0), floor) * (top / np.hypot(top, floor))
    colour = 1 - 0.4 * amount
    return with_matrix(with_curve(image, lifted), colour * np.eye(3, dtype=np.float32) + (1 - colour) * LUMA)


def measure_faded(before: Pixels, after: Pixels, params: Drawn) -> float:
    """Rise of the brightness that 2 % of the pixels lie below, share of full scale."""
    return float(np.percentile(luma(after), 2) - np.percentile(luma(before), 2)) / 255


FADED = PlainFamily("faded", "colour", FADED_SAID, paint_faded, measure_faded)


LOCAL_CONTRAST_SAID: Said = {
    content("local contrast"): (
        "the images have harsher local contrast",
        "the pictures have an exaggerated hdr look",
        "the photos look gritty, with every texture brought out",
        "they are over-processed, with small details standing out",
        "the images have boosted local contrast",
        "the pictures have texture and shading in small areas made stronger",
        "they have an overdone hdr effect",
        "fine texture in the images is exaggerated",
        "the pictures are crunchy, with strong local contrast",
        "small details in the photos are overly pronounced",
        "the images look tone-mapped",
        "micro-contrast in the pictures is higher",
        "they look rough, with texture boosted everywhere",
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


LOCAL_CONTRAST = PlainFamily(
    "local_contrast", "colour", LOCAL_CONTRAST_SAID, paint_local_contrast, measure_local_contrast
)
