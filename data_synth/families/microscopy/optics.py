"""What microscopes, slides and mosaics add to a picture: light, leaks, bubbles, dirt, seams and rulings."""

from __future__ import annotations

import cv2
import numpy as np

from data_synth.facts import content
from data_synth.families.microscopy.layer import anywhere, apart, disc, empty, ink, lay
from data_synth.families.plain import Drawn, Floats, PlainFamily, Said, darkened, luma, moved, short_side, to_pixels
from data_synth.families.texture.fields import Rng, Size, along, axes, change
from data_synth.family import Pixels

# --- uneven light -----------------------------------------------------------------------------------------------

OPPOSITE = {"left": "right", "right": "left", "top": "bottom", "bottom": "top"}


def _uneven(side: str) -> tuple[str, ...]:
    other = OPPOSITE[side]
    return (
        f"the images are lit unevenly, brightest at the {side} and darkest at the {other}",
        f"the light falls off smoothly from the {side} to the {other} of the pictures",
        f"the photos get steadily darker from {side} to {other}",
        f"they are brighter towards the {side} and fade towards the {other}",
        f"uneven illumination with the bright end at the {side}",
        f"the lamp seems to stand at the {side}, so that the {other} is dim",
        f"a smooth gradient of light runs from a bright {side} to a dim {other}",
        f"the illumination is tilted towards the {side} in the images",
        f"the background brightness drops gradually away from the {side}",
        f"one-sided lighting: light {side}, dark {other}",
        f"a single picture loses light evenly all the way from its {side} to its {other}",
        f"non-uniform illumination, strongest at the {side}, as from a misaligned condenser",
    )


UNEVEN_SAID: Said = {content("uneven light", side): _uneven(side) for side in OPPOSITE}


def ramp(size: Size, side: str) -> Floats:
    """1 at the side, -1 at the opposite one, an even slope between; shape (height, width)."""
    x, y = axes(size)
    slope = 1 - 2 * (x / (size[1] - 1) if side in ("left", "right") else y / (size[0] - 1))
    return np.asarray(np.broadcast_to(slope if side in ("left", "top") else -slope, size), np.float32)


def paint_uneven_light(image: Pixels, params: Drawn, amount: float, rng: Rng) -> Pixels:
    """Gain, and a little of stray light or its lack, which shows on black."""
    slope = (amount * ramp(image.shape[:2], params.content.where))[..., None]
    return to_pixels(image * np.where(slope > 0, 1 + 0.4 * slope, np.exp(1.3 * slope)) + 16 * slope)


def measure_uneven_light(before: Pixels, after: Pixels, params: Drawn) -> float:
    """How much of the slope is in the change of brightness, share of full scale."""
    return along(change(before, after), ramp(before.shape[:2], params.content.where)) / 255


# --- bleed-through ----------------------------------------------------------------------------------------------

CHANNELS = {"red": 0, "green": 1, "blue": 2}

BLEED_SAID: Said = {
    content("bleed-through", colour=colour): (
        f"the images show {colour} bleed-through",
        f"the pictures have a blurred {colour} ghost of their bright parts",
        f"{colour} light leaks into the photos next to bright structures",
        f"they have displaced {colour} glows beside what is bright",
        f"a {colour} channel spills over into the others",
        f"{colour} spectral crosstalk",
        f"soft {colour} shadows of the bright structures lie a little aside",
        f"the photos look as if a second, {colour} exposure shone through",
        f"spill-over of {colour} signal, out of focus and off target",
        f"bright things cast a fuzzy {colour} double",
        f"a single picture has a misregistered {colour} copy of its highlights",
        f"the {colour} stain bleeds through from another channel",
    )
    for colour in CHANNELS
}


def leak(image: Pixels, params: Drawn) -> Floats:
    """The bright structures, out of focus and displaced at the style's angle: 0 to 2.5."""
    side, angle = short_side(image), 2 * np.pi * params.style
    aside = moved(image, 0.1 * side * np.cos(angle), 0.1 * side * np.sin(angle))
    small = cv2.resize(luma(aside), (64, 64), interpolation=cv2.INTER_AREA)
    bright = cv2.GaussianBlur(small, (0, 0), 1.2) - cv2.GaussianBlur(small, (0, 0), 16)
    ghost = np.clip(bright / (float(bright.std()) + 1e-3), 0, 2.5)
    return np.asarray(cv2.resize(ghost, (image.shape[1], image.shape[0]), interpolation=cv2.INTER_LINEAR), np.float32)


def paint_bleed_through(image: Pixels, params: Drawn, amount: float, rng: Rng) -> Pixels:
    gains = np.full(3, -38, np.float32)
    gains[CHANNELS[str(params.content.get("colour"))]] = 62
    return to_pixels(image + amount * leak(image, params)[..., None] * gains)


def measure_bleed_through(before: Pixels, after: Pixels, params: Drawn) -> float:
    """How much of the ghost is in the change of its channel against the others, share of full scale."""
    channel = CHANNELS[str(params.content.get("colour"))]
    shift = after.astype(np.float32) - before
    return along(shift[..., channel] - np.delete(shift, channel, axis=2).mean(axis=2), leak(before, params)) / 255


# --- bubbles and dirt -------------------------------------------------------------------------------------------


def _bubbles(size: str) -> tuple[str, ...]:
    number = {"small": "many", "large": "a few"}[size]
    return (
        f"the images contain {number} {size} air bubbles with dark rims",
        f"the pictures show {number} {size} round bubbles of air, black at the rim",
        f"{number} {size} dark-rimmed bubbles with a bright middle lie in the photos",
        f"they have {number} {size} trapped air bubbles with black outlines",
        f"{number} {size} bubbles, black around and bright inside, are seen",
        f"{number} {size} black-rimmed air bubbles under the cover glass",
        f"{number} {size} dark-edged gas bubbles overlie the pictures",
        f"the photos look as if {number} {size} dark-rimmed bubbles were caught in the mounting medium",
        f"{number} {size} refractile bubbles with thick dark outlines",
        f"{number} {size} bubbles with a broad black border stick to the images",
        f"a single picture holds {number} {size} bubbles with shiny centres and dark rims",
        f"air inclusions: {number} {size} bubbles, dark at the edge",
    )


BUBBLES_SAID: Said = {
    content("air bubbles", "random", size=size, count=count, rim="dark"): _bubbles(size)
    for size, count in (("small", "many"), ("large", "few"))
}


def paint_air_bubbles(image: Pixels, params: Drawn, amount: float, rng: Rng) -> Pixels:
    layer, side = empty(image), short_side(image)
    large = params.content.get("size") == "large"
    for at in apart(image, int(rng.integers(3, 6) if large else rng.integers(16, 24)), rng):
        radius = float(rng.uniform(*((0.085, 0.12) if large else (0.026, 0.038)))) * side
        for share, grey, opacity in (
            (1.12, 225, 0.55),
            (1.0, 20, 0.95),
            (0.76, 95, 0.8),
            (0.62, 190, 0.7),
            (0.32, 252, 1.0),
        ):
            disc(layer, at, (share * radius, share * radius), 0, (grey, grey, grey), opacity)
    return lay(image, layer, amount)


DEBRIS_SAID: Said = {
    content("debris", "random"): (
        "the images contain debris of irregular flakes and fibres",
        "the pictures are littered with ragged crumbs and threads",
        "jagged flakes and bits of fibre lie over the photos",
        "they show debris on the slide",
        "irregular dark fragments and short curled fibres are scattered about",
        "cellular debris and lint",
        "the photos are contaminated with flakes and lint",
        "angular scraps of different sizes, and threads among them, overlie the pictures",
        "broken-up bits and filaments foul the images",
        "rubbish of ragged pieces and fibres is seen all over",
        "a single picture is soiled with torn scraps and fluff",
        "particulate and fibrous contamination",
    )
}


def paint_debris(image: Pixels, params: Drawn, amount: float, rng: Rng) -> Pixels:
    """Ragged polygons and thin curves, dark with a light fringe."""
    layer, side = empty(image), short_side(image)
    outlines = []
    for at in anywhere(image, int(rng.integers(16, 24)), rng):
        turns = np.sort(rng.uniform(0, 2 * np.pi, 8))
        reach = float(rng.uniform(0.012, 0.04)) * side * rng.uniform(0.4, 1.0, (8, 1))
        outlines.append(np.round(16 * (at + reach * np.stack([np.cos(turns), np.sin(turns)], 1))).astype(np.int32))
    threads = []
    for at in anywhere(image, int(rng.integers(5, 9)), rng):
        turns = float(rng.uniform(0, 2 * np.pi)) + 0.4 * np.cumsum(rng.standard_normal(12))
        steps = float(rng.uniform(0.014, 0.03)) * side * np.stack([np.cos(turns), np.sin(turns)], 1)
        threads.append(np.round(16 * (at + np.cumsum(steps, axis=0))).astype(np.int32))
    thin, fringe = max(1, round(0.009 * side)), max(1, round(0.012 * side))
    cv2.polylines(layer, outlines, True, ink((215, 215, 215), 0.5), 2 * fringe, cv2.LINE_AA, 4)
    cv2.polylines(layer, threads, False, ink((215, 215, 215), 0.4), thin + fringe, cv2.LINE_AA, 4)
    for outline in outlines:
        cv2.fillPoly(layer, [outline], ink((45, 45, 45), 0.92), cv2.LINE_AA, 4)
    cv2.polylines(layer, threads, False, ink((45, 45, 45), 0.92), thin, cv2.LINE_AA, 4)
    return lay(image, layer, amount)


SPOTS_SAID: Said = {
    content("defocused spots", "random", count="few", size="large", tone="dark"): (
        "the images have a few large blurred dark spots",
        "the pictures show a few big soft dark blobs",
        "a few large out-of-focus shadows of dirt lie over the photos",
        "they have a few large dark smudges without sharp borders",
        "a few large fuzzy dark patches float in front of the images",
        "a few large defocused dust shadows",
        "the photos have a few big dim stains with soft rims, as of dirt far from the focus",
        "large hazy dark spots, a few of them, overlie the pictures",
        "a few large blurry dark circles are seen",
        "dirt on the optics casts a few large soft dark spots",
        "a single picture is dimmed by a few large diffuse dark blobs",
        "a few large out-of-plane particles with dark diffuse shadows",
    )
}


def paint_defocused_spots(image: Pixels, params: Drawn, amount: float, rng: Rng) -> Pixels:
    """Dark blobs in a lighter ring, which shows where the image itself is black."""
    layer, side = empty(image), short_side(image)
    for at in apart(image, int(rng.integers(3, 6)), rng):
        radius, squeeze = float(rng.uniform(0.09, 0.13)) * side, float(rng.uniform(0.75, 1.0))
        angle = float(rng.uniform(0, 180))
        disc(layer, at, (1.3 * radius, 1.3 * squeeze * radius), angle, (190, 190, 190), 0.3)
        disc(layer, at, (radius, squeeze * radius), angle, (30, 30, 30), 0.85)
    return lay(image, layer, amount, blur=0.022)


# --- mosaics and rulings ----------------------------------------------------------------------------------------

STITCHING_SAID: Said = {
    content("stitching seams"): (
        "the images show seams between stitched tiles",
        "the pictures are mosaics of tiles that differ in brightness",
        "the photos look put together from separate exposures that do not match",
        "they have visible straight seams where tiles meet",
        "brightness jumps along straight lines from tile to tile",
        "poorly blended tile stitching",
        "a patchwork of lighter and darker tiles makes up the images",
        "stitching artefacts divide the photos into fields of unequal brightness",
        "the fields of view were joined without matching their brightness",
        "each picture is pieced together from fields with steps at their borders",
        "a single image falls into tiles, some lighter and some darker",
        "tile scan with uncorrected shading and misregistered seams",
    )
}


def cuts(length: int, style: float) -> list[int]:
    """Where three tiles begin and end."""
    return [0, round(length * (0.28 + 0.1 * style)), round(length * (0.62 + 0.1 * style)), length]


def paint_stitching(image: Pixels, params: Drawn, amount: float, rng: Rng) -> Pixels:
    """Nine tiles, no two of one brightness, each shaded towards its rim and a little out of place."""
    height, width = image.shape[:2]
    after = image.copy()
    down, across = cuts(height, params.style), cuts(width, params.style * 7 % 1)
    steps = amount * rng.permutation(np.linspace(-1, 1, 9)).reshape(3, 3)
    for row in range(3):
        for column in range(3):
            y, x = np.arange(down[row], down[row + 1]), np.arange(across[column], across[column + 1])
            off_y, off_x = np.rint(0.012 * amount * min(height, width) * rng.uniform(-1, 1, 2)).astype(int)
            tile = image[np.ix_(np.clip(y + off_y, 0, height - 1), np.clip(x + off_x, 0, width - 1))]
            step = float(steps[row, column])
            rim = np.linspace(-1, 1, len(y))[:, None, None] ** 2 + np.linspace(-1, 1, len(x))[None, :, None] ** 2
            after[np.ix_(y, x)] = to_pixels(tile * (1 + 0.26 * step - 0.1 * amount * rim) + 14 * step)
    return after


def measure_stitching(before: Pixels, after: Pixels, params: Drawn) -> float:
    """Mean step of the change of brightness across the seams minus that elsewhere, share of full scale."""
    field = change(before, after)
    excess = 0.0
    for steps, style in ((np.abs(np.diff(field.T)), params.style), (np.abs(np.diff(field)), params.style * 7 % 1)):
        seams = np.zeros(steps.shape[1], bool)
        seams[[cut - 1 for cut in cuts(steps.shape[1] + 1, style)[1:3]]] = True
        excess += float(steps[:, seams].mean() - steps[:, ~seams].mean())
    return excess / 255


RULING_SAID: Said = {
    content("counting chamber"): (
        "the images show the ruling of a counting chamber",
        "the pictures lie under triple lines that frame finely divided squares",
        "the photos look taken through a haemocytometer",
        "they show fine bright squares inside squares bounded by triple lines",
        "engraved chamber lines, some single and some triple, cross the images",
        "haemocytometer ruling",
        "the field is divided by the lines of a cell-counting slide",
        "large squares of triple lines with smaller squares inside cover the photos",
        "a neubauer-type ruling is visible",
        "thin bright lines mark out squares for counting cells",
        "a single picture shows the etched squares of a counting chamber",
        "neubauer chamber lines overlie the pictures",
    )
}


def ruled(size: Size, style: float) -> tuple[Floats, Floats]:
    """Bright lines and their dark flanks, each 0 to 1, shape (height, width)."""
    side = min(size)
    large = side * (0.44 + 0.12 * style)
    thin = max(0.7, 0.0045 * side)

    def lines(position: Floats, aside: float) -> Floats:
        """Single lines at each quarter of a square, three side by side at its end."""
        offset = (position + (0.3 + 0.4 * style) * large) % large
        bright = np.zeros_like(position)
        for at, strength in [(large * quarter / 4, 0.6) for quarter in (1, 2, 3)] + [
            (0.0, 1.0),
            (large, 1.0),
            (0.022 * side, 1.0),
            (large - 0.022 * side, 1.0),
        ]:
            bright = np.maximum(bright, strength * np.clip(1.3 - np.abs(offset - at - aside) / thin, 0, 1))
        return np.asarray(bright, np.float32)

    x, y = axes(size)
    return np.maximum(lines(x, 0), lines(y, 0)), np.maximum(lines(x, 1.8 * thin), lines(y, 1.8 * thin))


def paint_ruling(image: Pixels, params: Drawn, amount: float, rng: Rng) -> Pixels:
    bright, dark = ruled(image.shape[:2], params.style)
    shade = image * (1 - 0.55 * amount * dark[..., None])
    return to_pixels(shade + (0.9 * amount) * bright[..., None] * (245 - shade))


def measure_ruling(before: Pixels, after: Pixels, params: Drawn) -> float:
    """Mean change of brightness on the lines and flanks minus that elsewhere, share of full scale."""
    on = np.maximum(*ruled(before.shape[:2], params.style)) > 0.3
    field = np.abs(change(before, after))
    return float(field[on].mean() - field[~on].mean()) / 255


OPTICS = (
    PlainFamily("uneven_light", "microscopy", UNEVEN_SAID, paint_uneven_light, measure_uneven_light),
    PlainFamily("bleed_through", "microscopy", BLEED_SAID, paint_bleed_through, measure_bleed_through),
    PlainFamily("air_bubbles", "microscopy", BUBBLES_SAID, paint_air_bubbles),
    PlainFamily("debris", "microscopy", DEBRIS_SAID, paint_debris),
    PlainFamily("defocused_spots", "microscopy", SPOTS_SAID, paint_defocused_spots, darkened),
    PlainFamily("stitching", "microscopy", STITCHING_SAID, paint_stitching, measure_stitching),
    PlainFamily("counting_chamber", "microscopy", RULING_SAID, paint_ruling, measure_ruling),
)
