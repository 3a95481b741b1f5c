"""What of the scene is in the frame: zooms, off-centre crops, shifts."""

from __future__ import annotations

import cv2
import numpy as np

from data_synth.facts import PLACES, content
from data_synth.families.geometry.pixels import around, geometry, linear
from data_synth.families.plain import Drawn
from data_synth.family import Pixels

_PARTS = tuple(place for place in PLACES if place != "centre")


def _zoom_in(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    factor = 1 / (1 + around(1.1 * amount, rng))
    height, width = image.shape[:2]
    room = 0.25 * (1 - factor)  # half of what keeps the crop inside the image
    shift = (float(rng.uniform(-room, room)) * width, float(rng.uniform(-room, room)) * height)
    return linear(image, ((factor, 0), (0, factor)), shift)


def _zoom_out(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    height, width = image.shape[:2]
    factor = 1 + around(0.9 * amount, rng)
    inner = (max(round(width / factor), 8), max(round(height / factor), 8))
    small = cv2.resize(image, inner, interpolation=cv2.INTER_AREA)
    left, top = (width - inner[0]) // 2, (height - inner[1]) // 2
    sides = (top, height - inner[1] - top, left, width - inner[0] - left)
    return np.asarray(cv2.copyMakeBorder(small, *sides, cv2.BORDER_REFLECT_101), np.uint8)


def _crop_off_centre(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    kept = 1 - around(0.45 * amount, rng)
    height, width = image.shape[:2]
    row, column = divmod(PLACES.index(str(drawn.content.get("part"))), 3)
    room = (1 - kept) / 2  # what a crop of this size can move before it leaves the image
    return linear(image, ((kept, 0), (0, kept)), ((column - 1) * room * width, (row - 1) * room * height))


def _shift(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    height, width = image.shape[:2]
    share = around(0.32 * amount, rng)
    x, y = {"left": (1, 0), "right": (-1, 0), "up": (0, 1), "down": (0, -1)}[str(drawn.content.get("direction"))]
    return linear(image, ((1, 0), (0, 1)), (x * share * width, y * share * height), cv2.BORDER_REPLICATE)


def _cropped_to(part: str) -> tuple[str, ...]:
    away = _PARTS[-1 - _PARTS.index(part)]  # PLACES run through the grid, so that opposites mirror each other
    return (
        f"the images show only the {part} part of the scene, enlarged",
        f"the pictures are cropped towards the {part}",
        f"the photos are framed on the {part} part of the scene",
        f"they are enlarged from the {part} part of the view",
        f"an off-centre crop of the {part} part",
        f"the camera seems to aim at the {part} of the scene",
        f"the subject is larger and off-centre, towards the {away}",
        f"only the {part} part is kept and fills the frame",
        f"eccentric framing, with the {part} part enlarged and the rest cut away",
        f"what should be in the middle of the scene lies towards the {away}",
        f"the frames close in on the {part} part of the view",
        f"the content is magnified and decentred towards the {away}",
    )


def _shifted(way: str, emptied: str) -> tuple[str, ...]:
    return (
        f"the images are shifted {way}",
        f"the pictures have moved {way}",
        f"the content of the photos sits too far {way}, and the {emptied} edge is smeared out",
        f"they are displaced {way}",
        f"everything in the images has been pushed {way}",
        f"they are off-centre, shifted {way} with streaks along the {emptied} edge",
        f"content displaced {way}",
        f"a translation of the frames {way}",
        f"the scene is offset {way}, leaving a smeared {emptied} margin",
        f"the {emptied} edge is filled with drawn-out pixels, as everything moved {way}",
        f"the view has slipped {way}",
        f"things sit further {way} than they should",
    )


ZOOM_IN = geometry(
    "zoom_in",
    _zoom_in,
    {
        content("zoom", direction="in"): (
            "the images are zoomed in",
            "the pictures are cropped closer",
            "the photos show a tighter crop",
            "they are taken from closer up",
            "things in the images appear larger, and less of the scene is visible",
            "they are magnified, cutting off the surroundings",
            "zoomed-in images",
            "a closer view of the subject",
            "the field of view is narrower",
            "the scene fills more of the frame, its margins cut away",
            "the pictures are enlarged about their middle",
            "the photos come nearer to what they show",
        )
    },
)
ZOOM_OUT = geometry(
    "zoom_out",
    _zoom_out,
    {
        content("zoom", direction="out"): (
            "the images are zoomed out",
            "the pictures are shrunk, with mirrored copies around them",
            "the content of the photos is smaller",
            "they show smaller content, continued by its reflection at the edges",
            "things in the images appear smaller and farther away",
            "the scene is reduced in size and mirrored outwards to fill the margin",
            "zoomed-out images",
            "a smaller picture, padded with its own reflection",
            "the scene sits smaller in the middle, its mirror image around it",
            "the subject takes up less of the frame",
            "the pictures are scaled down within a mirrored margin",
            "the photos step back from what they show",
        )
    },
)
OFF_CENTRE_CROP = geometry(
    "off_centre_crop", _crop_off_centre, {content("off-centre crop", part=part): _cropped_to(part) for part in _PARTS}
)
SHIFT = geometry(
    "shift",
    _shift,
    {
        content("shift", direction="left"): _shifted("to the left", "right"),
        content("shift", direction="right"): _shifted("to the right", "left"),
        content("shift", direction="up"): _shifted("upwards", "lower"),
        content("shift", direction="down"): _shifted("downwards", "upper"),
    },
)
