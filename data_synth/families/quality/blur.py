"""What lenses and movement do to edges: Gaussian, motion, zoom and disc-shaped blur, and over-sharpening."""

from __future__ import annotations

import cv2
import numpy as np

from data_synth.facts import content
from data_synth.families.plain import Drawn, Floats, PlainFamily, Said, luma, short_side, to_pixels
from data_synth.families.quality.statistics import edge_gain, edge_loss, steps_across, steps_down
from data_synth.family import Pixels

Rng = np.random.Generator

BLUR_SAID: Said = {
    content("blur"): (
        "the images are blurrier",
        "the pictures are less sharp",
        "the photos are out of focus",
        "they look softer and less detailed",
        "the images have lost fine detail to blur",
        "the pictures look as if the lens was not focused properly",
        "they are blurred",
        "the images are softer",
        "the pictures look fuzzy",
        "the photos are unsharp",
        "edges in the photos are less crisp",
        "the sharpness of the images is lower",
    )
}


def paint_gaussian_blur(image: Pixels, params: Drawn, amount: float, rng: Rng) -> Pixels:
    return np.asarray(cv2.GaussianBlur(image, (0, 0), max(0.1, 0.032 * amount * short_side(image))), np.uint8)


GAUSSIAN_BLUR = PlainFamily("gaussian_blur", "quality", BLUR_SAID, paint_gaussian_blur, edge_loss)


MOTION_SAID: Said = {
    content("motion blur", direction=direction): (
        f"the images have {direction} motion blur",
        f"the pictures are smeared {adverb}",
        f"the photos are blurred {adverb} by movement",
        f"they show {direction} streaks of motion",
        f"the images look as if the camera had moved {moving} during the exposure",
        f"the pictures have details that are dragged out {adverb}",
        f"they are motion-blurred {adverb}",
        f"the photos show {direction} camera shake",
        f"a {direction} smear runs through the pictures",
        f"things in the pictures leave {direction} trails",
        f"the images are blurred along the {direction} direction",
        f"the photos have a {direction} directional blur",
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


MOTION_BLUR = PlainFamily("motion_blur", "quality", MOTION_SAID, paint_motion_blur, measure_motion_blur)


ZOOM_SAID: Said = {
    content("zoom blur"): (
        "the images have a zoom blur",
        "the pictures are blurred outwards from the centre",
        "the photos have radial streaks towards the edges",
        "they are sharp in the middle and streaked around it",
        "the images look as if the lens was zoomed during the exposure",
        "the pictures have a burst of radial blur",
        "they are zoom-blurred",
        "streaks radiate from the centre of the images",
        "the photos have an explosion-like radial smear",
        "blur in the images grows with the distance from the centre",
        "everything in the pictures is smeared away from the middle",
        "the photos seem to rush at the viewer, blurred along lines from the centre",
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


ZOOM_BLUR = PlainFamily("zoom_blur", "quality", ZOOM_SAID, paint_zoom_blur, edge_loss)


DEFOCUS_SAID: Said = {
    content("defocus"): (
        "the images have bright spots blurred into discs",
        "the pictures are defocused, with highlights spread into round discs",
        "the photos have bokeh, with points of light turned into circles",
        "they are out of focus, bright points becoming round discs",
        "highlights in the pictures swell into soft circles",
        "the images have a lens blur that turns lights into discs",
        "the photos look defocused by a wide-open lens",
        "circles of confusion replace the bright points in the images",
        "they show disc-shaped blur around bright spots",
        "small lights in the images become blurry circles",
        "the pictures have a disc-shaped point spread",
        "bright details in the photos bloom into round spots",
    )
}


def paint_defocus(image: Pixels, params: Drawn, amount: float, rng: Rng) -> Pixels:
    """Blur by a disc, and a pale disc for each highlight: clipping has cut off the light that would have drawn it."""
    blurred = np.asarray(cv2.filter2D(image, -1, disc(0.04 * amount * short_side(image))), np.float32)
    glow = (0.75 * amount**0.5) * discs(image, 0.05 * amount**0.6)[..., None]
    return to_pixels(blurred + glow * (255 - blurred))


def discs(image: Pixels, radius: float) -> Floats:
    """A disc, its radius a share of the shorter side, on each spot that is brighter than its surroundings.

    Returns:
        1 on the disc of the most striking spot, less on others, 0 between them; shape (height, width).
    """
    grey, side = luma(image), max(3, short_side(image) // 6)
    excess = grey - cv2.blur(grey, (side, side))
    spots = np.where(excess == cv2.dilate(excess, np.ones((side, side), np.uint8)), np.maximum(excess, 0), 0)
    kernel = disc(radius * short_side(image))
    spread = np.asarray(cv2.filter2D(spots, -1, kernel / kernel.max()), np.float32)
    return np.asarray(np.minimum(spread / max(1.0, float(spots.max())), 1), np.float32)


def disc(radius: float) -> Floats:
    """A filled circle of that radius with a soft rim, its sum 1."""
    reach = np.arange(-np.ceil(radius), np.ceil(radius) + 1)
    kernel = np.clip(radius + 0.5 - np.hypot(reach[:, None], reach), 0, 1)
    return np.asarray(kernel / kernel.sum(), np.float32)


def measure_defocus(before: Pixels, after: Pixels, params: Drawn) -> float:
    """Mean rise of brightness in the largest discs that the highlights can become, share of full scale."""
    place = discs(before, 0.05)
    return float(((luma(after) - luma(before)) * place).sum()) / max(1.0, float(place.sum())) / 255


DEFOCUS = PlainFamily("defocus", "quality", DEFOCUS_SAID, paint_defocus, measure_defocus)


SHARPENING_SAID: Said = {
    content("sharpening"): (
        "the images are over-sharpened",
        "the pictures have halos around edges",
        "the photos are sharpened too much",
        "they have harsh, overly crisp edges",
        "the images show light and dark outlines from strong sharpening",
        "the pictures have edges that are crisper than natural",
        "they are too sharp",
        "edges in the images are overemphasised",
        "the images look digitally sharpened",
        "bright and dark fringes line the edges in the photos",
        "the outlines in the pictures are unnaturally hard",
        "the photos have exaggerated edge contrast",
    )
}


def paint_sharpening(image: Pixels, params: Drawn, amount: float, rng: Rng) -> Pixels:
    soft = cv2.GaussianBlur(image, (0, 0), max(0.6, 0.009 * short_side(image)))
    return np.asarray(cv2.addWeighted(image, 1 + 5 * amount, soft, -5 * amount, 0), np.uint8)


def measure_sharpening(before: Pixels, after: Pixels, params: Drawn) -> float:
    """Relative rise of the difference between neighbouring pixels."""
    return edge_gain(before, after)


SHARPENING = PlainFamily("sharpening", "quality", SHARPENING_SAID, paint_sharpening, measure_sharpening)
