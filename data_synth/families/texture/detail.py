"""Texture families that rework the image's own detail: smoothed, refined, swapped, cut into facets, embossed."""

from __future__ import annotations

import cv2
import numpy as np

from data_synth.facts import content
from data_synth.families.plain import Drawn, Floats, PlainFamily, Said, luma, short_side, sign, to_pixels
from data_synth.families.texture.fields import Rng, along, change, clouds, facets, lit, shaded
from data_synth.family import Pixels

# --- fine texture -----------------------------------------------------------------------------------------------

FINE_SAID: Said = {
    content("fine texture", direction="less"): (
        "the images have less fine texture",
        "the pictures have smoother surfaces between sharp outlines",
        "texture is smoothed away while edges stay sharp",
        "they look plastic and airbrushed, with crisp outlines",
        "the photos show flat, even surfaces but clear contours",
        "the images have sparser fine edges",
        "small surface detail is gone and only the main contours remain",
        "the pictures look like an edge-preserving filter was applied to them",
        "skin, cloth and grass look smooth like wax",
        "the photos have fewer small edges",
        "a single image looks painted in even areas, without any grain inside them",
        "low texture, outlines preserved",
    ),
    content("fine texture", direction="more"): (
        "the images have more fine texture",
        "the pictures are covered with densely packed fine lines",
        "a dense network of fine edges runs through the photos",
        "they look busier, with many tiny winding lines",
        "the images have denser fine edges",
        "the surfaces are rougher, full of thin squiggles",
        "the photos show more small edges everywhere",
        "fine vein-like lines fill even the smooth areas",
        "the pictures look finely wrinkled all over",
        "a single image is full of fine, curly line work",
        "high density of fine edges",
        "tiny wriggling light and dark lines are spread over the whole picture",
    ),
}


def smoothed(image: Pixels, share: float) -> Pixels:
    """The median over a window this share of the shorter side wide: small detail goes, edges stay sharp."""
    return np.asarray(cv2.medianBlur(image, 2 * max(1, round(share * short_side(image) / 2)) + 1), np.uint8)


def paint_fine_texture(image: Pixels, params: Drawn, amount: float, rng: Rng) -> Pixels:
    if sign(params) < 0:
        return np.asarray(cv2.addWeighted(image, 1 - amount, smoothed(image, 0.06), amount, 0), np.uint8)
    size = image.shape[:2]
    dark, light = (np.clip(1 - np.abs(clouds(size, 36, rng)) / 0.26, 0, 1) for _ in range(2))
    return shaded(image, (75 * amount) * np.asarray(light - dark, np.float32))


def steps(field: Floats) -> float:
    """Mean absolute difference of neighbours."""
    return float(np.abs(np.diff(field, axis=0)).mean() + np.abs(np.diff(field, axis=1)).mean())


def measure_fine_texture(before: Pixels, after: Pixels, params: Drawn) -> float:
    """Change of the mean step between neighbours in the stated direction, share of full scale."""
    return sign(params) * (steps(luma(after)) - steps(luma(before))) / 255


# --- local smoothing --------------------------------------------------------------------------------------------

SMOOTHING_SAID: Said = {
    content("smoothed patches", "random"): (
        "the images have patches that are smoothed out",
        "parts of the pictures are smeared smooth while the rest stays sharp",
        "the photos look retouched in places",
        "some areas have lost all texture",
        "they have soft patches in which details are wiped away",
        "in irregular areas of the images the texture has been removed",
        "the pictures look partly erased by a smudging brush",
        "smooth, featureless spots alternate with sharp areas",
        "here and there the surface is blotted out to an even tone",
        "a single photo is detailed in some places and smeared in others",
        "local loss of texture",
        "focal areas of smoothing with loss of fine structure",
    )
}


def paint_local_smoothing(image: Pixels, params: Drawn, amount: float, rng: Rng) -> Pixels:
    """Both the smoothing and the area that it covers, up to two thirds, grow."""
    where = np.clip(3 * (clouds(image.shape[:2], 4, rng) - 0.6 + 0.9 * amount), 0, 1)
    soft = smoothed(image, 0.14).astype(np.float32) - image
    return to_pixels(image + (min(1.0, 2 * amount) * where)[..., None] * soft)


def measure_local_smoothing(before: Pixels, after: Pixels, params: Drawn) -> float:
    """Share of the mean step between neighbours that is gone, 0 to 1."""
    start = steps(luma(before))
    return 1 - steps(luma(after)) / start if start else 0.0


# --- patches ----------------------------------------------------------------------------------------------------

PATCHES_SAID: Said = {
    content("patches", kind="swapped with neighbours"): (
        "the images are jumbled in many small patches",
        "the pictures have tiny squares exchanged with their neighbours",
        "small neighbouring squares of the photos have traded places",
        "they are recognisable as a whole but scrambled in the small",
        "the images are broken up by little squares that do not fit their surroundings",
        "fine contours are interrupted by small misplaced squares",
        "the pictures look locally scrambled",
        "a small-scale jumble of squares disturbs every outline",
        "many small square bits sit one step away from where they belong",
        "the photos look like faulty video with small blocks mixed up between neighbours",
        "small patches are permuted locally",
        "a single picture is pieced together from little squares that were exchanged pairwise",
    )
}


def paint_patch_shuffle(image: Pixels, params: Drawn, amount: float, rng: Rng) -> Pixels:
    """Pairs of side-by-side (or stacked) patches, 16 along the shorter side, change places: at 1 all of them."""
    after = image.copy()
    patch = max(2, short_side(image) // 16)
    upright = params.style < 0.5
    view, source = (after.swapaxes(0, 1), image.swapaxes(0, 1)) if upright else (after, image)
    rows, pairs = view.shape[0] // patch, view.shape[1] // (2 * patch)
    late = patch * rng.integers(0, 2, rows)  # a row may begin one patch later, or the exchange would line up
    swapped = rng.permutation(rows * pairs)[: max(1, round(amount * rows * pairs))]
    for row, pair in zip(*divmod(swapped, pairs), strict=True):
        start = 2 * pair * patch + late[row]
        if start + 2 * patch <= view.shape[1]:
            down = slice(row * patch, (row + 1) * patch)
            left, right = slice(start, start + patch), slice(start + patch, start + 2 * patch)
            view[down, left], view[down, right] = source[down, right], source[down, left]
    return after


def measure_patch_shuffle(before: Pixels, after: Pixels, params: Drawn) -> float:
    """Rise of the mean step between neighbours, share of full scale: within a patch no step changes."""
    return (steps(luma(after)) - steps(luma(before))) / 255


# --- facets -----------------------------------------------------------------------------------------------------

CRYSTALS_SAID: Said = {
    content("facets"): (
        "the images are broken into flat irregular facets",
        "the pictures look crystallised",
        "the photos are made of small polygons of one tone each",
        "they look like stained glass",
        "the images are a mosaic of irregular many-sided pieces",
        "each picture is divided into angular patches of even colour",
        "the photos look like low-polygon graphics",
        "shapes are replaced by jagged crystal-like cells",
        "the surface is cut into angular flakes of uniform tone",
        "irregular polygonal pieces take the place of fine detail",
        "polygonal mosaic effect",
        "a single photo consists of many little flat-coloured shards",
    )
}


def paint_crystals(image: Pixels, params: Drawn, amount: float, rng: Rng) -> Pixels:
    """Facets grow from 3 to 8 % of the shorter side, and from see-through to opaque over the first half."""
    pitch = max(2.0, (0.03 + 0.05 * amount) * short_side(image))
    cut = facets(image.shape[:2], pitch, rng)
    height, width = image.shape[:2]
    seeds = np.clip(np.rint(cut.seeds).astype(int), 0, (width - 1, height - 1))
    tones = np.asarray(cv2.blur(image, (round(pitch / 2), round(pitch / 2))))[seeds[:, 1], seeds[:, 0]]
    opacity = min(1.0, 0.2 + 1.6 * amount)
    return np.asarray(cv2.addWeighted(image, 1 - opacity, tones[cut.owner], opacity, 0), np.uint8)


def measure_crystals(before: Pixels, after: Pixels, params: Drawn) -> float:
    """Rise of the share of neighbouring pixels that are alike to a few grey levels."""
    return alike_share(after) - alike_share(before)


def alike_share(image: Pixels) -> float:
    grey = luma(image)
    return float((np.abs(np.diff(grey, axis=1)) < 3).mean() + (np.abs(np.diff(grey, axis=0)) < 3).mean()) / 2


# --- embossing --------------------------------------------------------------------------------------------------

EMBOSSED_SAID: Said = {
    content("embossing"): (
        "the images look embossed",
        "the pictures look pressed into metal",
        "the photos resemble a raised relief",
        "they look like a relief lit from one direction",
        "outlines stand out as bright edges with a dark edge opposite",
        "the images look stamped, like the face of a coin",
        "shapes seem raised from a grey surface",
        "the pictures have the look of an emboss filter",
        "every contour has a lit flank and a shaded flank",
        "the photos look chiselled in stone",
        "relief rendering with directional shading of edges",
        "a single picture looks as if hammered out of a sheet",
    )
}


def relief(image: Pixels, params: Drawn) -> Floats:
    """The image's brightness as a height, in light that comes from the style's angle."""
    soft = cv2.GaussianBlur(luma(image), (0, 0), max(0.7, 0.006 * short_side(image)))
    return lit(np.asarray(soft, np.float32), 2 * np.pi * params.style)


def paint_embossed(image: Pixels, params: Drawn, amount: float, rng: Rng) -> Pixels:
    carved = (128 + 50 * relief(image, params))[..., None]
    return to_pixels(image + (0.85 * amount) * (carved - image))


def measure_embossed(before: Pixels, after: Pixels, params: Drawn) -> float:
    """How much of the relief is in the change of brightness, share of full scale."""
    return along(change(before, after), relief(before, params)) / 255


DETAIL = (
    PlainFamily("fine_texture", "texture", FINE_SAID, paint_fine_texture, measure_fine_texture),
    PlainFamily("local_smoothing", "texture", SMOOTHING_SAID, paint_local_smoothing, measure_local_smoothing),
    PlainFamily("patch_shuffle", "texture", PATCHES_SAID, paint_patch_shuffle, measure_patch_shuffle),
    PlainFamily("crystallised", "texture", CRYSTALS_SAID, paint_crystals, measure_crystals),
    PlainFamily("embossed", "texture", EMBOSSED_SAID, paint_embossed, measure_embossed),
)
