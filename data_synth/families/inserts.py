"""Inserts: flat coloured shapes laid onto the image, one or several alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product

import cv2
import numpy as np
from numpy.typing import NDArray

from data_synth.facts import PLACES, Content, Where, content
from data_synth.family import Family, Pixels

SHAPES = ("rectangle", "circle", "triangle", "star", "ring", "cross")
COLOURS = {
    "red": (220, 30, 30),
    "green": (30, 170, 50),
    "blue": (40, 70, 220),
    "yellow": (245, 225, 40),
    "orange": (245, 140, 20),
    "purple": (140, 50, 170),
    "black": (10, 10, 10),
    "white": (248, 248, 248),
}
SIZES = {"small": (0.10, 0.15), "medium": (0.19, 0.26), "large": (0.32, 0.44)}
"""Diameter as a share of the shorter side."""

_SHAPE_SYNONYMS = {
    "rectangle": ("rectangle", "box", "rectangular patch"),
    "circle": ("circle", "disc", "round spot"),
    "triangle": ("triangle", "triangular patch"),
    "star": ("star", "five-pointed star"),
    "ring": ("ring", "hollow circle"),
    "cross": ("cross", "plus sign"),
}
_SIZE_SYNONYMS = {
    "small": ("small", "little", "tiny"),
    "medium": ("medium-sized", "mid-sized", "medium"),
    "large": ("large", "big", "sizeable"),
}


def _place_phrases(where: Where) -> tuple[str, ...]:
    if where == "random":
        return ("at varying places", "somewhere in the picture", "at a random position")
    if where == "centre":
        return ("in the centre", "in the middle", "centrally placed")
    if where in ("left", "right"):
        return (f"on the {where}", f"at the {where} side", f"along the {where} edge")
    corner = f"in the {where} corner" if " " in where else f"at the {where} edge"
    return (f"at the {where}", corner, f"placed {where}")


def _plural(noun: str) -> str:
    return noun + ("es" if noun.endswith(("x", "s")) else "s")


def _mask(
    shape: str, size: tuple[int, int], centre: tuple[float, float], radius: float, angle: float
) -> NDArray[np.uint8]:
    """A filled outline with smooth edges, drawn at four times the resolution by fixed-point coordinates."""
    mask: NDArray[np.uint8] = np.zeros(size, np.uint8)
    shift = 4

    def polygon(points: NDArray[np.float64]) -> None:
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        fixed = np.round((points @ turn.T * radius + centre) * (1 << shift)).astype(np.int32)
        cv2.fillPoly(mask, [fixed], 255, cv2.LINE_AA, shift)

    def disc(r: float, value: int) -> None:
        at = (round(centre[0] * (1 << shift)), round(centre[1] * (1 << shift)))
        cv2.circle(mask, at, max(1, round(r * (1 << shift))), value, -1, cv2.LINE_AA, shift)

    if shape == "rectangle":
        polygon(np.array([[-1, -0.7], [1, -0.7], [1, 0.7], [-1, 0.7]]))
    elif shape == "triangle":
        polygon(np.array([[0, -1], [0.87, 0.6], [-0.87, 0.6]]))
    elif shape == "star":
        turns = np.arange(10) * np.pi / 5 - np.pi / 2
        reach = np.where(np.arange(10) % 2 == 0, 1.05, 0.45)
        polygon(np.stack([np.cos(turns), np.sin(turns)], 1) * reach[:, None])
    elif shape == "cross":
        w = 0.3
        outline = [(-w, -1), (w, -1), (w, -w), (1, -w), (1, w), (w, w), (w, 1), (-w, 1), (-w, w), (-1, w), (-1, -w)]
        polygon(np.array([*outline, (-w, -w)]))
    elif shape == "circle":
        disc(radius, 255)
    elif shape == "ring":
        disc(radius, 255)
        disc(radius * 0.6, 0)
    return mask


@dataclass(frozen=True)
class ShapeParams:
    shape: str
    colour: str
    size: str
    where: Where


class Shapes:
    """`count` alike shapes of one colour and size, at one place or wherever they fall."""

    group = "inserts"

    def __init__(self, name: str, several: bool) -> None:
        self.name = name
        self.several = several
        self._places: tuple[Where, ...] = ("random",) if several else (*PLACES, "random")
        self._sizes = ("small", "medium") if several else tuple(SIZES)

    def draw(self, rng: np.random.Generator) -> ShapeParams:
        def pick(options: Iterable[str]) -> str:
            options = list(options)
            return options[int(rng.integers(len(options)))]

        return ShapeParams(pick(SHAPES), pick(COLOURS), pick(self._sizes), pick(self._places))

    def paint(self, image: Pixels, params: ShapeParams, amount: float, rng: np.random.Generator) -> Pixels:
        if amount <= 0:
            return image.copy()
        height, width = image.shape[:2]
        side = min(height, width)
        mask = np.zeros((height, width), np.uint8)
        for _ in range(int(rng.integers(4, 7)) if self.several else 1):
            radius = side * rng.uniform(*SIZES[params.size]) / 2 * (0.8 if self.several else 1.0)
            centre = self._centre(params.where, width, height, radius, rng)
            mask = np.maximum(mask, _mask(params.shape, (height, width), centre, radius, rng.uniform(-0.25, 0.25)))
        opacity = (mask.astype(np.float32) * (min(1.0, amount) / 255))[..., None]
        colour = np.array(COLOURS[params.colour], np.float32) + rng.uniform(-10, 10, 3).astype(np.float32)
        painted = image + opacity * (colour.clip(0, 255) - image)
        return np.rint(painted).astype(np.uint8)

    @staticmethod
    def _centre(where: Where, width: int, height: int, radius: float, rng: np.random.Generator) -> tuple[float, float]:
        low, x_span, y_span = radius, max(0.0, width - 2 * radius), max(0.0, height - 2 * radius)
        if where == "random":
            return low + x_span * rng.random(), low + y_span * rng.random()
        row, column = divmod(PLACES.index(where), 3)
        jitter = rng.uniform(-0.07, 0.07, 2)
        x, y = np.clip(np.array([0.08, 0.5, 0.92])[[column, row]] + jitter, 0, 1)
        return low + x_span * float(x), low + y_span * float(y)

    def content(self, params: ShapeParams) -> Content:
        count = "several" if self.several else "one"
        return content(params.shape, params.where, colour=params.colour, size=params.size, count=count)

    def contents(self) -> Iterator[Content]:
        for parts in product(SHAPES, COLOURS, self._sizes, self._places):
            yield self.content(ShapeParams(*parts))

    def wordings(self, content: Content) -> tuple[str, ...]:
        colour, size = content.get("colour"), content.get("size") or ""
        nouns, sizes = _SHAPE_SYNONYMS[content.what], _SIZE_SYNONYMS[size]
        if self.several:
            many = [_plural(noun) for noun in nouns]
            return (
                f"the images have several {size} {colour} {many[0]}",
                f"several {sizes[0]} {colour} {many[-1]} are scattered over the pictures",
                f"the photos contain a handful of {sizes[1]} {colour} {many[0]}",
                f"a number of {sizes[0]} {many[0]} in {colour} appear in the images",
                f"there are several {size} {colour} {many[1]} in the pictures",
                f"they show multiple {sizes[-1]} {colour} {many[0]}",
            )
        place = _place_phrases(content.where)
        return (
            f"the images have a {size} {colour} {nouns[0]} {place[0]}",
            f"there is a {sizes[0]} {colour} {nouns[0]} {place[1]}",
            f"the pictures show one {sizes[1]} {colour} {nouns[-1]} {place[0]}",
            f"a {sizes[-1]} {colour} {nouns[0]} appears {place[0]} of the photos"
            if content.where not in ("random",)
            else f"a {sizes[-1]} {colour} {nouns[0]} appears {place[0]}",
            f"the photos contain a {size} {nouns[1]} in {colour} {place[2]}",
            f"they carry a {colour} {nouns[0]} of {size} size {place[1]}",
        )

    def measure(self, before: Pixels, after: Pixels, params: ShapeParams) -> float:
        """Share of the pixels pulled towards the named colour, weighted by how far."""
        target = np.array(COLOURS[params.colour], np.float32)
        distance = np.abs(before - target).mean(2) - np.abs(after - target).mean(2)
        return float(distance.clip(0).mean() / 255)


INSERTS: tuple[Family, ...] = (Shapes("shape", several=False), Shapes("scattered_shapes", several=True))
