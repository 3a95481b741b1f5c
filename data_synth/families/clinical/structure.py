"""Structure: a central cavity, a rim, a difference between the halves, a shifted midline, fluid and fine lines."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from data_synth.facts import Content, content
from data_synth.families.clinical.canvas import (
    SHIFT,
    Rng,
    at_place,
    empty,
    fixed,
    opacity,
    pixels,
    placed,
    softened,
    toned,
    toned_at_place,
)
from data_synth.families.plain import (
    TONES,
    Drawn,
    Floats,
    PlainFamily,
    Said,
    darkened,
    lightened,
    luma,
    share_of_way,
    short_side,
    to_pixels,
    with_curve,
)
from data_synth.family import Family, Pixels

# --- cavity and rim ---------------------------------------------------------------------------------------------

CAVITY_SAID: Said = {
    content("central cavity", "centre", kind="paired"): (
        "the images have a larger pair of dark cavities in the centre",
        "two dark hollows, left and right of the middle, are bigger in the pictures",
        "the photos show twin dark chambers near the centre",
        "they have two smooth dark cavities side by side in the middle",
        "enlarged paired central cavities",
        "a symmetric pair of dark spaces opens in the middle of the images",
        "the paired dark chambers at the centre look widened",
        "two mirror-image dark hollows lie in the middle",
        "dilated ventricle-like spaces, one on either side of the midline",
        "the scans show widened paired hypodense cavities centrally",
        "one notices two elongated dark cavities flanking the midline",
        "there are two dark, smooth-walled chambers in the centre, like a butterfly",
    ),
    content("central cavity", "centre", kind="single"): (
        "the images have a larger dark cavity in the centre",
        "one dark hollow in the middle is bigger in the pictures",
        "the photos show a single dark chamber in the centre",
        "they have one smooth dark cavity in the middle",
        "enlarged single central cavity",
        "a smooth dark space opens in the middle of the images",
        "the single dark chamber at the centre looks widened",
        "a dark oval hollow lies in the middle",
        "dilated lumen-like space at the centre",
        "the scans show one widened hypodense cavity centrally",
        "one notices a roundish dark cavity right at the centre",
        "there is one dark, smooth-walled chamber in the centre",
    ),
}


def paint_cavity(image: Pixels, drawn: Drawn, amount: float, rng: Rng) -> Pixels:
    height, width = image.shape[:2]
    side, mask = short_side(image), empty(image)
    x, y = (float(rng.uniform(0.48, 0.52)) * length for length in (width, height))
    if drawn.content.get("kind") == "paired":
        gap, axes = (0.075 + 0.04 * amount) * side, (0.045 + 0.04 * amount, 0.13 + 0.08 * amount)
        tilt = float(rng.uniform(10, 20))
        parts: tuple[tuple[float, float], ...] = ((x - gap, -tilt), (x + gap, tilt))
    else:
        axes = (0.1 + 0.07 * amount, 0.085 + 0.06 * amount)
        parts = ((x, float(rng.uniform(-20, 20))),)
    for at, angle in parts:
        centre, reach = fixed(np.array([at, y])).tolist(), fixed(np.array(axes) * side).tolist()
        cv2.ellipse(mask, centre, reach, angle, 0, 360, 255, -1, cv2.LINE_AA, SHIFT)
    return toned(image, softened(mask, 0.01 * side) * (0.85 * opacity(amount)), 8)


def measure_cavity(before: Pixels, after: Pixels, drawn: Drawn) -> float:
    """Mean fall in the middle ninth of the image, 0 to 255."""
    return darkened(at_place(before, drawn), at_place(after, drawn))


RIM_SAID: Said = {
    content("bright rim", "border"): (
        "the images have a thicker bright rim just inside their outline",
        "a bright band follows the inside of the outline",
        "the pictures show a bright shell-like rim",
        "they are lined by a thick bright rim",
        "thickened bright rim along the outline",
        "a light layer runs along the inner side of the outer contour",
        "the photos have a soft bright band parallel to the outer contour",
        "the outer layer of what is shown is thicker and brighter",
        "a bright peripheral band lines the margin from within",
        "the scans show a thick hyperdense rim along the outer contour",
        "one notices a bright lining all around, just inside the outline",
        "cortex-like bright rim, thickened",
    )
}

ROUND = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (21, 21))
"""Arms thinner and corners sharper than this, in 64ths of the picture, are left out of an outline."""


def body_of(image: Pixels) -> NDArray[np.uint8]:
    """The object on a dark ground, or else the whole picture, with round corners: 64 x 64 and a margin of one pixel."""
    small = np.asarray(cv2.resize(luma(image), (64, 64), interpolation=cv2.INTER_AREA))
    border = float(np.percentile(np.concatenate([small[0], small[-1], small[:, 0], small[:, -1]]), 80))
    whole = np.pad(np.ones((64, 64), np.uint8), 1)
    if border < 45:
        body = whole.copy()
        body[1:-1, 1:-1] = small >= border + 8
        cv2.floodFill(body, None, (0, 0), 2)  # the ground; dark holes in the object stay 0
        body = np.asarray(cv2.morphologyEx((body != 2).astype(np.uint8), cv2.MORPH_OPEN, ROUND), np.uint8)
        if body.any():
            return body
    return np.asarray(cv2.morphologyEx(whole, cv2.MORPH_OPEN, ROUND), np.uint8)


def depth_of(image: Pixels) -> Floats:
    """Distance of each pixel from the outline, share of the picture."""
    depth = cv2.GaussianBlur(cv2.distanceTransform(body_of(image), cv2.DIST_L2, 5)[1:-1, 1:-1] / 64, (0, 0), 1.0)
    size = (image.shape[1], image.shape[0])
    return np.asarray(cv2.resize(depth, size, interpolation=cv2.INTER_CUBIC), np.float32)


def paint_rim(image: Pixels, drawn: Drawn, amount: float, rng: Rng) -> Pixels:
    thick = 0.015 + 0.03 * amount
    band = np.exp(-0.5 * ((depth_of(image) - 0.055) / (0.6 * thick)) ** 4)
    return toned(image, np.asarray(band, np.float32) * (0.75 * opacity(amount)), 245)


# --- halves and midline -----------------------------------------------------------------------------------------


def asymmetry_said(side: str, other: str) -> dict[Content, tuple[str, ...]]:
    return {
        content("asymmetry", side, kind="darker"): (
            f"the images are darker in their {side} half than in their {other} half",
            f"the {side} half of the pictures is darker than the {other} one",
            f"the photos have a darker {side} half",
            f"they are asymmetric: darker on the {side} of the middle line",
            f"{side} half darker",
            f"everything to the {side} of the midline is deeper in tone",
            f"the {side} side is low in brightness compared with the {other}",
            f"asymmetry between the halves, the {side} one being the darker",
            f"left and right do not match, the {side} half having darker tones",
            f"reduced density of the {side} half, which looks blacker",
            f"one notices that the {side} half is dimmer than its counterpart",
            f"the scans show a {side} half of lower signal",
        ),
        content("asymmetry", side, kind="hazier"): (
            f"the images are hazier in their {side} half than in their {other} half",
            f"the {side} half of the pictures is veiled, the {other} one is clear",
            f"the photos have a milky {side} half",
            f"they are asymmetric: hazy on the {side} of the middle line",
            f"{side} half hazier",
            f"everything to the {side} of the midline is covered by a pale veil",
            f"the {side} side is washed out compared with the {other}",
            f"asymmetry between the halves, the {side} one being the hazier",
            f"left and right do not match, the {side} half looking foggy",
            f"diffuse opacity of the {side} half",
            f"one notices that the {side} half is cloudier than its counterpart",
            f"the scans show a {side} half with ground-glass haze",
        ),
    }


ASYMMETRY_SAID: Said = asymmetry_said("left", "right") | asymmetry_said("right", "left")


def half(image: Pixels, side: str) -> Pixels:
    middle = image.shape[1] // 2
    return image[:, :middle] if side == "left" else image[:, middle:]


def paint_asymmetry(image: Pixels, drawn: Drawn, amount: float, rng: Rng) -> Pixels:
    """Darker by a steep tone curve, which leaves black and white: no shadow that covers; the edge is the midline."""
    ramp = np.clip(np.linspace(-7, 7, image.shape[1], dtype=np.float32) + 0.5, 0, 1)
    mask = np.broadcast_to(1 - ramp if drawn.content.where == "left" else ramp, image.shape[:2])
    if drawn.content.get("kind") == "hazier":
        return toned(image, np.asarray(mask * (0.75 * amount), np.float32), 200)
    dark = with_curve(image, 255 * (TONES / 255) ** (1 + 1.6 * amount))
    return to_pixels(image + mask[..., None] * (dark.astype(np.float32) - image))


def measure_asymmetry(before: Pixels, after: Pixels, drawn: Drawn) -> float:
    """Loss of brightness (darker) or of contrast (hazier) in the stated half, less that of the other, 0 to 255."""
    loss = darkened if drawn.content.get("kind") == "darker" else contrast_loss
    here, there = ("left", "right") if drawn.content.where == "left" else ("right", "left")
    return loss(half(before, here), half(after, here)) - loss(half(before, there), half(after, there))


def contrast_loss(before: Pixels, after: Pixels) -> float:
    return float(luma(before).std() - luma(after).std())


MIDLINE_SAID: Said = {
    content("midline", direction=way): (
        f"the images have their middle pushed to the {way}",
        f"the centre of the pictures bulges to the {way}",
        f"what lies in the middle of the photos is displaced to the {way}",
        f"they are warped: the middle is bent to the {way}, the edges stay in place",
        f"midline shift to the {way}",
        f"the middle line of the images bows to the {way}",
        f"central structures are deviated to the {way}",
        f"only the central part has slid to the {way}",
        f"the midline is pushed over to the {way} as if by something on the {other}",
        f"the scans show a {way}ward shift of the midline",
        f"one notices central parts that are squeezed to the {way}",
        f"things in the middle are crowded to the {way} and drawn out on the {other}",
    )
    for way, other in (("left", "right"), ("right", "left"))
}


def pushed(image: Pixels, drawn: Drawn, amount: float) -> Pixels:
    """The centre moved sideways by up to an eighth of the width, fading towards the edges; nothing folds over."""
    height, width = image.shape[:2]
    y, x = np.arange(height, dtype=np.float32)[:, None], np.arange(width, dtype=np.float32)[None, :]
    near = np.exp(-(((x / width - 0.5) / 0.24) ** 2) - ((y / height - 0.5) / 0.36) ** 2)
    reach = (0.125 if drawn.content.get("direction") == "right" else -0.125) * amount * width
    down = np.broadcast_to(y, near.shape).copy()
    return np.asarray(cv2.remap(image, x - reach * near, down, cv2.INTER_LINEAR), np.uint8)


def paint_midline(image: Pixels, drawn: Drawn, amount: float, rng: Rng) -> Pixels:
    return pushed(image, drawn, amount * float(rng.uniform(0.9, 1.0)))


def measure_midline(before: Pixels, after: Pixels, drawn: Drawn) -> float:
    """How far the image, without its details, has gone towards the farthest push: least squares, about 0 to 1."""
    blur = 0.05 * short_side(before)
    before, after = (np.asarray(cv2.GaussianBlur(image, (0, 0), blur), np.uint8) for image in (before, after))
    return share_of_way(before, after, pushed(before, drawn, 1))


# --- fluid and lines --------------------------------------------------------------------------------------------

FLUID_SENTENCES = (
    "the images have a level {tone} layer {at}, with a straight upper edge",
    "a {tone} layer with a level surface fills the bottom of the pictures",
    "the photos are filled with something {tone} up to a horizontal line low down",
    "they show a horizontal level with a {tone} region below it",
    "fluid level, {tone} below",
    "the lowest part of the images is evenly {tone}, ending in a straight horizontal line",
    "something {tone} seems to have settled {at}, its top flat",
    "{dense} fluid-like layer with a flat top {at}",
    "a straight level line divides the pictures, the part under it being {tone}",
    "the scans show a dependent {tone} layer with a horizontal level",
    "one notices a {tone} pool {at}, as of a liquid",
    "the bottom looks flooded with a {tone} liquid",
    "an {echo} layer lies at the bottom, flat as a water surface",
)
FLUID_SAID: Said = dict(
    placed("fluid level", "bottom", FLUID_SENTENCES, words, tone=words["tone"])
    for words in (
        {"tone": "bright", "dense": "hyperdense", "echo": "echogenic"},
        {"tone": "dark", "dense": "hypodense", "echo": "anechoic"},
    )
)


def paint_fluid(image: Pixels, drawn: Drawn, amount: float, rng: Rng) -> Pixels:
    height, width = image.shape[:2]
    level = float(rng.uniform(0.64, 0.76)) * height
    below = np.clip(np.arange(height, dtype=np.float32) - level + 0.5, 0, 1)[:, None]
    mask = np.broadcast_to(below * np.float32(0.75 * amount), (height, width))
    return toned(image, mask, 225 if drawn.content.get("tone") == "bright" else 15)


LINES_SAID: Said = {
    content("reticular lines"): (
        "the images have a fine net of bright lines",
        "a fine bright mesh covers the pictures",
        "the photos are crossed by a network of thin bright lines",
        "they show fine bright lines that join into irregular meshes",
        "fine reticular opacities",
        "a web of delicate bright lines runs through the images",
        "thin bright strands form a honeycomb-like net",
        "reticular pattern of fine linear opacities",
        "the scans show a lace-like network of linear densities",
        "one notices a thin bright netting over everything",
        "fine white lines meet like the threads of a spider web",
        "there is an irregular lattice of hair-thin bright lines",
    )
}


def paint_lines(image: Pixels, drawn: Drawn, amount: float, rng: Rng) -> Pixels:
    """The borders of cells around scattered points, clearer here and fainter there."""
    height, width = image.shape[:2]
    pitch = short_side(image) / 14
    across, down = np.meshgrid(np.arange(-0.5, width / pitch + 1), np.arange(-0.5, height / pitch + 1))
    points = (np.stack([across, down], axis=-1).reshape(-1, 2) + rng.uniform(-0.45, 0.45, (across.size, 2))) * pitch
    margin = round(3 * pitch)
    cells = cv2.Subdiv2D((-margin, -margin, width + 2 * margin, height + 2 * margin))
    cells.insert(points.astype(np.float32).tolist())
    facets, _ = cells.getVoronoiFacetList([])
    mask = empty(image)
    cv2.polylines(
        mask, [fixed(np.asarray(facet)) for facet in facets], True, 255, pixels(image, 0.005), cv2.LINE_AA, SHIFT
    )
    clear = cv2.resize(rng.uniform(0.2, 1, (4, 4)).astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    return toned(image, softened(mask, 0.002 * short_side(image)) * np.asarray(clear) * (0.8 * amount), 255)


STRUCTURE: tuple[Family, ...] = (
    PlainFamily("enlarged_cavity", "clinical", CAVITY_SAID, paint_cavity, measure_cavity),
    PlainFamily("bright_rim", "clinical", RIM_SAID, paint_rim, lightened),
    PlainFamily("asymmetry", "clinical", ASYMMETRY_SAID, paint_asymmetry, measure_asymmetry),
    PlainFamily("midline_shift", "clinical", MIDLINE_SAID, paint_midline, measure_midline),
    PlainFamily("fluid_level", "clinical", FLUID_SAID, paint_fluid, toned_at_place),
    PlainFamily("linear_opacity", "clinical", LINES_SAID, paint_lines, lightened),
)
