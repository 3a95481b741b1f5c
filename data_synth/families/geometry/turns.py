"""Turns and flips of the whole picture."""

from __future__ import annotations

import cv2
import numpy as np

from data_synth.facts import content
from data_synth.families.geometry.pixels import around, geometry, linear
from data_synth.families.plain import Drawn, changed
from data_synth.family import Pixels


def _rotate(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    angle = np.deg2rad(around(30 * amount, rng))
    if drawn.content.get("direction") == "counterclockwise":
        angle = -angle
    cos, sin = float(np.cos(angle)), float(np.sin(angle))
    return linear(image, ((cos, sin), (-sin, cos)))


# The three below have no degrees: half upside down would be a lie.


def _flip(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    return np.ascontiguousarray(image[::-1])


def _mirror(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    return np.ascontiguousarray(image[:, ::-1])


def _quarter_turned(image: Pixels, way: str | None) -> Pixels:
    """Turned by 90 degrees; the largest part that fits fills an image that is not square."""
    height, width = image.shape[:2]
    turned = np.rot90(image, -1 if way == "clockwise" else 1)
    scale = max(height / width, width / height)
    size = (round(height * scale), round(width * scale))
    larger = np.asarray(cv2.resize(np.ascontiguousarray(turned), size, interpolation=cv2.INTER_CUBIC), np.uint8)
    left, top = (size[0] - width) // 2, (size[1] - height) // 2
    return np.ascontiguousarray(larger[top : top + height, left : left + width])


def _turn_quarter(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    return _quarter_turned(image, drawn.content.get("direction"))


def _nearer(before: Pixels, after: Pixels, goal: Pixels) -> float:
    """How much nearer to the goal the pixels have come, 0 to 255."""
    return changed(before, goal) - changed(after, goal)


def _quarter_reached(before: Pixels, after: Pixels, drawn: Drawn) -> float:
    return _nearer(before, after, _quarter_turned(before, drawn.content.get("direction")))


def _mirror_reached(before: Pixels, after: Pixels, drawn: Drawn) -> float:
    return _nearer(before, after, np.ascontiguousarray(before[:, ::-1]))


def _rotated(way: str, side: str) -> tuple[str, ...]:
    return (
        f"the images are rotated {way}",
        f"the pictures are turned to the {side}",
        f"the photos lean to the {side}, with a horizon that is no longer level",
        f"they are rotated {way} by some degrees",
        f"the whole scene has been turned {way}",
        f"everything in the images stands askew, tipped to the {side}",
        f"they look as if the camera had been held at an angle, the scene tipping to the {side}",
        f"an in-plane rotation, {way}",
        f"tilted images, leaning to the {side}",
        f"the horizon slopes, as the photos are turned {way}",
        f"each frame is rotated {way} about its centre",
        f"the pictures hang crooked, tipped to the {side}",
        f"upright things are no longer upright but rotated {way}",
    )


def _on_its_side(way: str, side: str) -> tuple[str, ...]:
    return (
        f"the images are rotated by 90 degrees {way}",
        f"the pictures lie on their {side} side",
        f"the photos are turned {way} by a quarter",
        f"they are rotated {way} by a right angle",
        f"what should be at the top of the images is at the {side}",
        f"quarter-turned images, {way}",
        f"everything lies sideways, its top pointing to the {side}",
        f"a 90 degree rotation, {way}",
        f"the scene has toppled over to the {side}",
        f"upright things lie flat, with their tops at the {side}",
        f"the orientation of the frames is wrong by a quarter turn {way}",
        f"they look as if a camera held sideways had put the top of the scene at the {side}",
    )


ROTATION = geometry(
    "rotation",
    _rotate,
    {
        content("rotation", direction="clockwise"): _rotated("clockwise", "right"),
        content("rotation", direction="counterclockwise"): _rotated("counterclockwise", "left"),
    },
)
UPSIDE_DOWN = geometry(
    "upside_down",
    _flip,
    {
        content("orientation", value="upside down"): (
            "the images are upside down",
            "the pictures stand on their head",
            "the photos are flipped vertically",
            "they are turned over, top to bottom",
            "what should be at the top of the images is at the bottom",
            "the sky is below and the ground above in the images",
            "upside-down images",
            "a vertical flip",
            "top and bottom are swapped in the photos",
            "each picture has been turned on its head",
            "the scene hangs head down",
            "the vertical orientation of the frames is reversed",
        )
    },
)
ROTATED_QUARTER = geometry(
    "rotated_quarter",
    _turn_quarter,
    {
        content("quarter turn", direction="clockwise"): _on_its_side("clockwise", "right"),
        content("quarter turn", direction="counterclockwise"): _on_its_side("counterclockwise", "left"),
    },
    _quarter_reached,
)
MIRRORED = geometry(
    "mirrored",
    _mirror,
    {
        content("orientation", value="mirrored"): (
            "the images are mirrored left to right",
            "the pictures are flipped horizontally",
            "left and right are swapped in the photos",
            "they are mirror images",
            "a left-right flip",
            "what should be on the left of the images is on the right",
            "the photos are seen as in a mirror",
            "the whole of each picture is reversed sideways",
            "laterally reversed images",
            "any lettering in the images would read backwards",
            "they show everything the wrong way round, left for right",
            "the left-right orientation is reversed, as if a slide had been put in back to front",
        )
    },
    _mirror_reached,
)
