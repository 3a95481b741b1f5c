"""The quality families: what lenses, sensors, codecs, screens and printers do to a picture."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from data_synth.facts import content
from data_synth.families.plain import (
    LUMA,
    Drawn,
    Floats,
    PlainFamily,
    Said,
    luma,
    moved,
    to_pixels,
)
from data_synth.family import Family, Pixels

Rng = np.random.Generator


def short_side(image: Pixels) -> int:
    return int(min(image.shape[:2]))


def steps_across(grey: Floats) -> float:
    """Root mean square difference of horizontal neighbours (blur keeps the mean absolute one of a plain step)."""
    return float(np.sqrt(np.square(np.diff(grey, axis=1)).mean()))


def steps_down(grey: Floats) -> float:
    """Root mean square difference of vertical neighbours."""
    return float(np.sqrt(np.square(np.diff(grey, axis=0)).mean()))


def edge_gain(before: Pixels, after: Pixels) -> float:
    """Relative change of the difference between neighbouring pixels; -1 where none is left."""
    old, new = luma(before), luma(after)
    start = steps_across(old) + steps_down(old)
    return (steps_across(new) + steps_down(new)) / start - 1 if start else 0.0


# --- blur and sharpening ----------------------------------------------------------------------------------------

BLUR_SAID: Said = {
    content("blur"): (
        "the images are blurrier",
        "the pictures are less sharp",
        "the photos are out of focus",
        "they look softer and less detailed",
        "the images have lost fine detail to blur",
        "the pictures look as if the lens was not focused properly",
    )
}


def paint_gaussian_blur(image: Pixels, params: Drawn, amount: float, rng: Rng) -> Pixels:
    return np.asarray(cv2.GaussianBlur(image, (0, 0), max(0.1, 0.032 * amount * short_side(image))), np.uint8)


def measure_blur(before: Pixels, after: Pixels, params: Drawn) -> float:
    """Share of the difference between neighbouring pixels that is gone, 0 to 1."""
    return -edge_gain(before, after)


MOTION_SAID: Said = {
    content("motion blur", direction=direction): (
        f"the images have {direction} motion blur",
        f"the pictures are smeared {adverb}",
        f"the photos are blurred {adverb} by movement",
        f"they show {direction} streaks of motion",
        f"the images look as if the camera had moved {moving} during the exposure",
        f"the pictures have details that are dragged out {adverb}",
    )
    for direction, adverb, moving in (
        ("horizontal", "horizontally", "sideways"),
        ("vertical", "vertically", "up or down"),
    )
}


def paint_motion_blur(image: Pixels, params: Drawn, amount: float, rng: Rng) -> Pixels:
    length = 1 + 0.15 * amount * short_side(image)
    reach = int(np.ceil((length - 1) / 2))
    kernel = np.clip(length / 2 + 0.5 - np.abs(np.arange(-reach, reach + 1)), 0, 1).astype(np.float32) / length
    one = np.ones(1, np.float32)
    kernels = (kernel, one) if params.content.get("direction") == "horizontal" else (one, kernel)
    return np.asarray(cv2.sepFilter2D(image, -1, *kernels), np.uint8)


def measure_motion_blur(before: Pixels, after: Pixels, params: Drawn) -> float:
    """Share of the difference between neighbours along the movement that is gone, 0 to 1."""
    steps = steps_across if params.content.get("direction") == "horizontal" else steps_down
    start = steps(luma(before))
    return 1 - steps(luma(after)) / start if start else 0.0


ZOOM_SAID: Said = {
    content("zoom blur"): (
        "the images have a zoom blur",
        "the pictures are blurred outwards from the centre",
        "the photos have radial streaks towards the edges",
        "they are sharp in the middle and streaked around it",
        "the images look as if the lens was zoomed during the exposure",
        "the pictures have a burst of radial blur",
    )
}


def paint_zoom_blur(image: Pixels, params: Drawn, amount: float, rng: Rng) -> Pixels:
    """The mean of 16 zooms around no zoom, by doubling: each round halves the number of copies to make."""
    height, width = image.shape[:2]
    blurred = image
    for power in (1, 2, 4, 8):
        half = (1 + 0.4 * amount) ** (power / 32)
        blurred = np.asarray(
            cv2.addWeighted(
                zoomed(blurred, half, height, width), 0.5, zoomed(blurred, 1 / half, height, width), 0.5, 0
            ),
            np.uint8,
        )
    return blurred


def zoomed(image: Pixels, scale: float, height: int, width: int) -> Pixels:
    """Zoomed about the centre; the image is mirrored at its border."""
    x, y = (width - 1) / 2, (height - 1) / 2
    matrix = np.array([[scale, 0, x - scale * x], [0, scale, y - scale * y]], np.float32)
    return np.asarray(cv2.warpAffine(image, matrix, (width, height), borderMode=cv2.BORDER_REFLECT_101), np.uint8)


SHARPENING_SAID: Said = {
    content("sharpening"): (
        "the images are over-sharpened",
        "the pictures have halos around edges",
        "the photos are sharpened too much",
        "they have harsh, overly crisp edges",
        "the images show light and dark outlines from strong sharpening",
        "the pictures have edges that are crisper than natural",
    )
}


def paint_sharpening(image: Pixels, params: Drawn, amount: float, rng: Rng) -> Pixels:
    soft = cv2.GaussianBlur(image, (0, 0), max(0.6, 0.009 * short_side(image)))
    return np.asarray(cv2.addWeighted(image, 1 + 5 * amount, soft, -5 * amount, 0), np.uint8)


def measure_sharpening(before: Pixels, after: Pixels, params: Drawn) -> float:
    """Relative rise of the difference between neighbouring pixels."""
    return edge_gain(before, after)


# --- noise ------------------------------------------------------------------------------------------------------


def grain_size(image: Pixels, across: int) -> tuple[int, int]:
    """(height, width) of a noise field with at most `across` grains along the shorter side."""
    height, width = image.shape[:2]
    coarser = max(1.0, min(height, width) / across)
    return round(height / coarser), round(width / coarser)


def spread_grain(grain: Floats, image: Pixels, interpolation: int) -> Floats:
    """The noise field at the image's size."""
    size = (image.shape[1], image.shape[0])
    return np.asarray(cv2.resize(grain, size, interpolation=interpolation), np.float32)


NOISE_SAID: Said = {
    content("noise"): (
        "the images are noisier",
        "the pictures are grainier",
        "the photos have more grain",
        "they are covered with fine noise",
        "the images show random fine-grained noise",
        "the pictures look as if taken at a very high iso setting",
    )
}


def paint_gaussian_noise(image: Pixels, params: Drawn, amount: float, rng: Rng) -> Pixels:
    grain = rng.standard_normal(grain_size(image, 128), np.float32)
    return to_pixels(image + (48 * amount) * spread_grain(grain, image, cv2.INTER_CUBIC)[..., None])


def measure_noise(before: Pixels, after: Pixels, params: Drawn) -> float:
    """Rise of the mean distance between a pixel's brightness and its neighbours' mean, share of full scale."""
    return (unevenness(luma(after)) - unevenness(luma(before))) / 255


def unevenness(plane: Floats) -> float:
    side = 3 * max(1, round(min(plane.shape) / 128))
    return float(np.abs(plane - cv2.blur(plane, (side, side))).mean())


SALT_SAID: Said = {
    content("salt and pepper"): (
        "the images have salt-and-pepper noise",
        "the pictures are sprinkled with black and white dots",
        "the photos have scattered black and white pixels",
        "they are peppered with stuck pixels",
        "the images show isolated specks of pure black and white",
        "the pictures have dead and hot pixels all over",
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


COLOUR_NOISE_SAID: Said = {
    content("colour noise"): (
        "the images have colour noise",
        "the pictures are covered with coloured speckles",
        "the photos show random blotches of colour",
        "they have red, green and blue speckle all over",
        "the images show chroma noise",
        "the pictures have noise that is colourful rather than grey",
    )
}


def paint_colour_noise(image: Pixels, params: Drawn, amount: float, rng: Rng) -> Pixels:
    grain = rng.standard_normal((*grain_size(image, 80), 3), np.float32)
    grain -= (grain @ LUMA)[..., None]
    return to_pixels(image + (75 * amount) * spread_grain(grain, image, cv2.INTER_CUBIC))


def measure_colour_noise(before: Pixels, after: Pixels, params: Drawn) -> float:
    """Rise of the mean distance between a pixel's red minus green and its neighbours' mean, share of full scale."""
    return (unevenness(red_minus_green(after)) - unevenness(red_minus_green(before))) / 255


def red_minus_green(image: Pixels) -> Floats:
    return np.asarray(image[..., 0].astype(np.float32) - image[..., 1], np.float32)


# --- compression and resolution ---------------------------------------------------------------------------------

JPEG_SAID: Said = {
    content("jpeg"): (
        "the images show jpeg compression blocks",
        "the pictures are blocky",
        "the photos are heavily compressed",
        "they have compression artefacts",
        "the images show square blocks and ringing from strong jpeg compression",
        "the pictures look as if saved at a very low quality setting",
    )
}


def jpeg_scale(image: Pixels) -> int:
    """How many pixels one coded pixel spans, so that blocks are as large a part of a big image as of a small one."""
    return max(1, short_side(image) // 128)


def paint_jpeg(image: Pixels, params: Drawn, amount: float, rng: Rng) -> Pixels:
    height, width = image.shape[:2]
    scale = jpeg_scale(image)
    if scale == 1:
        return jpeg_coded(image, amount)
    small = np.asarray(cv2.resize(image, (width // scale, height // scale), interpolation=cv2.INTER_AREA), np.uint8)
    error = jpeg_coded(small, amount).astype(np.float32) - small
    return to_pixels(image + np.asarray(cv2.resize(error, (width, height), interpolation=cv2.INTER_NEAREST)))


def jpeg_coded(image: Pixels, amount: float) -> Pixels:
    quality = round(32 * (3 / 32) ** amount)
    _, coded = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)
    return np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), np.uint8)


def measure_jpeg(before: Pixels, after: Pixels, params: Drawn) -> float:
    """Rise of the steps at the borders of the 8 x 8 blocks against the steps elsewhere, share of full scale."""
    return (block_steps(after) - block_steps(before)) / 255


def block_steps(image: Pixels) -> float:
    pitch = 8 * jpeg_scale(image)
    excess = 0.0
    for steps in (np.abs(np.diff(luma(image), axis=1)), np.abs(np.diff(luma(image).T, axis=1))):
        at_border = np.arange(1, steps.shape[1] + 1) % pitch == 0
        excess += float(steps[:, at_border].mean() - steps[:, ~at_border].mean())
    return excess


PIXELATION_SAID: Said = {
    content("pixelation"): (
        "the images are pixelated",
        "the pictures have a lower resolution",
        "the photos are made of large square pixels",
        "they look like a mosaic of small squares",
        "the images have coarse, visible pixels",
        "the pictures look as if enlarged from tiny thumbnails",
    )
}


def paint_pixelation(image: Pixels, params: Drawn, amount: float, rng: Rng) -> Pixels:
    height, width = image.shape[:2]
    cell = max(1.0, (1 + 9.6 * amount**1.2) * short_side(image) / 128)
    cells = (max(1, round(width / cell)), max(1, round(height / cell)))
    small = cv2.resize(image, cells, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_NEAREST), np.uint8)


def measure_pixelation(before: Pixels, after: Pixels, params: Drawn) -> float:
    """Rise of the share of neighbouring pixels that are equal."""
    return equal_share(after) - equal_share(before)


def equal_share(image: Pixels) -> float:
    across = (image[:, 1:] == image[:, :-1]).all(axis=2).mean()
    down = (image[1:] == image[:-1]).all(axis=2).mean()
    return float(across + down) / 2


# --- screens and print ------------------------------------------------------------------------------------------

SCAN_LINES_SAID: Said = {
    content("scan lines"): (
        "the images have scan lines",
        "the pictures have horizontal lines across them",
        "the photos are striped with thin horizontal lines",
        "they show fine horizontal banding",
        "the images look like an old cathode-ray screen",
        "the pictures have alternating dark and light rows from top to bottom",
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


INTERLACE_SAID: Said = {
    content("interlacing"): (
        "the images show interlacing",
        "the pictures have comb-like edges",
        "the photos have every other row of pixels shifted sideways",
        "they have jagged, torn vertical edges",
        "the images look like paused interlaced video",
        "the pictures are split into rows that do not line up",
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


HALFTONE_SAID: Said = {
    content("halftone"): (
        "the images show a halftone dot pattern",
        "the pictures are made up of printed dots",
        "the photos look printed in a newspaper",
        "they have a regular pattern of dots",
        "the images are screened with a grid of small dots",
        "the pictures look like a magnified newspaper or comic print",
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


# --- optics and transmission ------------------------------------------------------------------------------------

GHOST_SAID: Said = {
    content("ghosting"): (
        "the images show ghosting",
        "the pictures have a double image",
        "the photos look doubled",
        "they have a faint, displaced second copy over them",
        "the images repeat every outline a little to one side",
        "the pictures look like double exposures of the same scene",
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


def share_of_way(before: Pixels, after: Pixels, goal: Pixels) -> float:
    way = goal.astype(np.float32) - before
    length = float((way * way).sum())
    return float(((after.astype(np.float32) - before) * way).sum()) / length if length else 0.0


FRINGES_SAID: Said = {
    content("chromatic aberration"): (
        "the images have colour fringes",
        "the pictures show chromatic aberration",
        "the photos have red and blue edges that do not line up",
        "they have coloured outlines around objects",
        "the images have red and blue layers displaced against each other",
        "the pictures look like 3d prints seen without the glasses",
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


QUALITY: tuple[Family, ...] = (
    PlainFamily("gaussian_blur", "quality", BLUR_SAID, paint_gaussian_blur, measure_blur),
    PlainFamily("motion_blur", "quality", MOTION_SAID, paint_motion_blur, measure_motion_blur),
    PlainFamily("zoom_blur", "quality", ZOOM_SAID, paint_zoom_blur, measure_blur),
    PlainFamily("sharpening", "quality", SHARPENING_SAID, paint_sharpening, measure_sharpening),
    PlainFamily("gaussian_noise", "quality", NOISE_SAID, paint_gaussian_noise, measure_noise),
    PlainFamily("salt_and_pepper", "quality", SALT_SAID, paint_salt_and_pepper, measure_salt_and_pepper),
    PlainFamily("colour_noise", "quality", COLOUR_NOISE_SAID, paint_colour_noise, measure_colour_noise),
    PlainFamily("jpeg", "quality", JPEG_SAID, paint_jpeg, measure_jpeg),
    PlainFamily("pixelation", "quality", PIXELATION_SAID, paint_pixelation, measure_pixelation),
    PlainFamily("scan_lines", "quality", SCAN_LINES_SAID, paint_scan_lines, measure_scan_lines),
    PlainFamily("interlace", "quality", INTERLACE_SAID, paint_interlace, measure_interlace),
    PlainFamily("halftone", "quality", HALFTONE_SAID, paint_halftone, measure_halftone),
    PlainFamily("ghosting", "quality", GHOST_SAID, paint_ghosting, measure_ghosting),
    PlainFamily(
        "chromatic_aberration", "quality", FRINGES_SAID, paint_chromatic_aberration, measure_chromatic_aberration
    ),
)
