"""Inserts: flat coloured shapes laid onto the image: filled, as outlines, translucent, one or several alike."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import cv2
import numpy as np
from numpy.typing import NDArray

from data_synth.facts import PLACES, Content, Where, content
from data_synth.families.plain import Floats
from data_synth.family import Family, Pixels

SHAPES = ("rectangle", "circle", "triangle", "star", "ring", "cross", "diamond", "hexagon", "heart", "crescent")
COLOURS = {
    "red": (220, 30, 30),
    "green": (30, 170, 50),
    "blue": (40, 70, 220),
    "yellow": (245, 225, 40),
    "orange": (245, 140, 20),
    "purple": (140, 50, 170),
    "black": (10, 10, 10),
    "white": (248, 248, 248),
    "pink": (250, 150, 190),
    "brown": (120, 72, 30),
}
SIZES = {"small": (0.10, 0.15), "medium": (0.19, 0.26), "large": (0.32, 0.44), "huge": (0.55, 0.68)}
"""Diameter as a share of the shorter side."""
COUNTS = {"one": (1, 1), "two": (2, 2), "three": (3, 3), "several": (4, 6)}
"""How many alike, lowest and highest."""

SHAPE_SYNONYMS = {
    "rectangle": ("rectangle", "box", "rectangular patch"),
    "circle": ("circle", "disc", "round spot"),
    "triangle": ("triangle", "three-cornered shape", "triangular patch"),
    "star": ("star", "five-pointed star", "star shape"),
    "ring": ("ring", "hollow circle", "hoop"),
    "cross": ("cross", "plus sign", "cross shape"),
    "diamond": ("diamond", "rhombus", "diamond shape"),
    "hexagon": ("hexagon", "six-sided shape", "hexagonal patch"),
    "heart": ("heart", "heart shape", "heart symbol"),
    "crescent": ("crescent", "half moon", "crescent shape"),
}
SIZE_SYNONYMS = {
    "small": ("small", "little", "tiny"),
    "medium": ("medium-sized", "mid-sized", "medium"),
    "large": ("large", "big", "sizeable"),
    "huge": ("huge", "very large", "enormous"),
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
    elif shape == "diamond":
        polygon(np.array([[0, -1], [0.68, 0], [0, 1], [-0.68, 0]]))
    elif shape == "hexagon":
        turns = np.arange(6) * np.pi / 3
        polygon(np.stack([np.cos(turns), np.sin(turns)], 1))
    elif shape == "heart":
        t = np.linspace(0, 2 * np.pi, 48, endpoint=False)
        y = 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)
        polygon(np.stack([16 * np.sin(t) ** 3, -y - 2.5], 1) / 16)
    elif shape == "crescent":
        outer, inner = np.linspace(0.35, 2 * np.pi - 0.35, 40), np.linspace(2 * np.pi - 0.55, 0.55, 40)
        rims = [
            np.stack([np.cos(outer), np.sin(outer)], 1),
            np.stack([0.45 + 0.72 * np.cos(inner), 0.72 * np.sin(inner)], 1),
        ]
        polygon(np.concatenate(rims))
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
    count: str = "one"


@dataclass(frozen=True)
class _Options:
    """What a family of shapes draws from."""

    fill: str = "filled"
    counts: tuple[str, ...] = ("one",)
    shapes: tuple[str, ...] = SHAPES
    sizes: tuple[str, ...] = tuple(SIZES)
    places: tuple[Where, ...] = (*PLACES, "random")


class Shapes:
    """Alike shapes of one colour and size, at one place or wherever they fall."""

    group = "inserts"

    def __init__(self, name: str, options: _Options) -> None:
        self.name = name
        self._options = options

    def draw(self, rng: np.random.Generator) -> ShapeParams:
        def pick(options: tuple[str, ...]) -> str:
            return options[int(rng.integers(len(options)))]

        own = self._options
        return ShapeParams(pick(own.shapes), pick(tuple(COLOURS)), pick(own.sizes), pick(own.places), pick(own.counts))

    def paint(self, image: Pixels, params: ShapeParams, amount: float, rng: np.random.Generator) -> Pixels:
        """The opacity is the root of the amount: a half seen through would be called translucent."""
        if amount <= 0:
            return image.copy()
        height, width = image.shape[:2]
        side = min(height, width)
        opacity = np.zeros((height, width), np.float32)
        low, high = COUNTS[params.count]
        taken: list[tuple[float, float]] = []
        for _ in range(int(rng.integers(low, high + 1))):
            radius = max(2.5, side * rng.uniform(*SIZES[params.size]) / 2 * (0.8 if high > 3 else 1.0))
            centre = self._centre(params.where, width, height, radius, rng)
            for _ in range(30):  # two are two only where they lie apart
                if all((centre[0] - x) ** 2 + (centre[1] - y) ** 2 > (2.3 * radius) ** 2 for x, y in taken):
                    break
                centre = self._centre(params.where, width, height, radius, rng)
            taken.append(centre)
            shape = _mask(params.shape, (height, width), centre, radius, rng.uniform(-0.25, 0.25))
            opacity = np.maximum(opacity, _filled(shape, self._options.fill, radius))
        opacity *= min(1.0, amount) ** 0.5
        colour = np.array(COLOURS[params.colour], np.float32) + rng.uniform(-10, 10, 3).astype(np.float32)
        painted = image + opacity[..., None] * (colour.clip(0, 255) - image)
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
        value = {"colour": params.colour, "size": params.size, "count": params.count}
        if self._options.fill != "filled":
            value["fill"] = self._options.fill
        return content(params.shape, params.where, **value)

    def contents(self) -> Iterator[Content]:
        own = self._options
        for parts in product(own.shapes, COLOURS, own.sizes, own.places, own.counts):
            yield self.content(ShapeParams(*parts))

    def wordings(self, content: Content) -> tuple[str, ...]:
        count = content.get("count") or ""
        return _one(content) if count == "one" else _some(content, count)

    def measure(self, before: Pixels, after: Pixels, params: ShapeParams) -> float:
        """Share of the pixels pulled towards the named colour, weighted by how far."""
        target = np.array(COLOURS[params.colour], np.float32)
        distance = np.abs(before - target).mean(2) - np.abs(after - target).mean(2)
        return float(distance.clip(0).mean() / 255)


def _filled(shape: NDArray[np.uint8], fill: str, radius: float) -> Floats:
    """Opacity 0 to 1 of a shape's pixels: all of it, its outline alone, or a pale inside with a firm outline."""
    solid: Floats = shape.astype(np.float32) / np.float32(255)
    if fill == "filled":
        return solid
    width = max(1, round(0.11 * radius)) * 2 + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))
    outline: Floats = solid - np.asarray(cv2.erode(shape, disc), np.float32) / np.float32(255)
    if fill == "outlined":
        return outline
    return np.asarray(np.maximum(0.9 * outline, 0.4 * solid), np.float32)


def _one(content: Content) -> tuple[str, ...]:
    colour, fill = content.get("colour"), content.get("fill")
    names, sizes = SHAPE_SYNONYMS[content.what], SIZE_SYNONYMS[content.get("size") or ""]
    place = _place_phrases(content.where)
    adjective = {None: "", "outlined": "outlined ", "translucent": "translucent "}[fill]
    other = {None: "", "outlined": "unfilled ", "translucent": "see-through "}[fill]

    def a(*words: str) -> str:
        phrase = "".join(words)
        return f"an {phrase}" if phrase[0] in "aeiou" else f"a {phrase}"

    size = content.get("size") or ""
    return (
        f"the images have {a(size, ' ', adjective, colour or '', ' ', names[0])} {place[0]}",
        f"there is {a(sizes[0], ' ', adjective, colour or '', ' ', names[0])} {place[1]}",
        f"the pictures show one {sizes[1]} {other}{colour} {names[-1]} {place[0]}",
        f"in every picture {a(sizes[-1], ' ', adjective, colour or '', ' ', names[0])} appears {place[0]}",
        f"the photos contain {a(size, ' ', other, names[1])} in {colour} {place[2]}",
        f"they carry {a(adjective or other, colour or '', ' ', names[0])} of {size} size {place[1]}",
        f"{a(sizes[1], ' ', colour or '', ' ', other, names[1])} {place[0]}",
        f"each image has {a(sizes[0], ' ', other, colour or '', ' ', names[1])} drawn {place[2]}",
        f"{a(adjective, colour or '', ' ', names[-1])}, {sizes[-1]}, sits {place[1]} in the photographs",
        f"the pictures are marked with {a(sizes[-1], ' ', adjective, colour or '', ' ', names[1])} {place[0]}",
        f"you can see {a(sizes[0], ' ', other, colour or '', ' ', names[-1])} {place[1]}",
        f"one {sizes[1]} {adjective}{names[0]}, coloured {colour}, has been added {place[0]}",
    )


def _plural(noun: str) -> str:
    if noun == "half moon":
        return "half moons"
    return noun + ("es" if noun.endswith(("x", "s", "ch")) else "s")


def _some(content: Content, count: str) -> tuple[str, ...]:
    colour, size = content.get("colour"), content.get("size") or ""
    sizes = SIZE_SYNONYMS[size]
    many = [_plural(name) for name in SHAPE_SYNONYMS[content.what]]
    number = {"two": ("two", "a pair of", "2"), "three": ("three", "a trio of", "3")}.get(
        count, ("several", "a handful of", "a number of")
    )
    exactly = "" if count == "several" else "exactly "
    return (
        f"the images have {number[0]} {size} {colour} {many[0]}",
        f"{number[0]} {sizes[0]} {colour} {many[-1]} are scattered over the pictures",
        f"the photos contain {number[1]} {sizes[1]} {colour} {many[0]}",
        f"{number[2] if count == 'several' else number[0]} {sizes[0]} {many[0]} in {colour} appear in the images",
        f"there are {number[0]} {size} {colour} {many[1]} in the pictures",
        f"they show {exactly or 'multiple '}{number[0] + ' ' if exactly else ''}{sizes[-1]} {colour} {many[0]}",
        f"{number[0]} {sizes[-1]} {colour} {many[0]} lie at different spots of each photo",
        f"each picture has {number[1]} {sizes[0]} {colour} {many[1]}",
        f"you can see {number[0]} {sizes[1]} {colour} {many[-1]} here and there",
        f"the pictures carry {number[1]} {many[0]}, {sizes[-1]} and {colour}",
        f"{sizes[0]} {colour} {many[0]}, {number[0]} of them, are spread over the images",
        f"in every image {number[0]} {sizes[1]} {many[1]}, all {colour}, have been added",
    )


INSERTS: tuple[Family, ...] = (
    Shapes("shape", _Options()),
    Shapes("scattered_shapes", _Options(counts=("several",), sizes=("small", "medium"), places=("random",))),
    Shapes("few_shapes", _Options(counts=("two", "three"), sizes=("small", "medium"), places=("random",))),
    Shapes(
        "outlined_shape",
        _Options(
            "outlined",
            shapes=tuple(s for s in SHAPES if s not in ("circle", "ring")),  # the outline of a circle is a ring
            sizes=("medium", "large", "huge"),
        ),
    ),
    Shapes("translucent_shape", _Options("translucent", sizes=("medium", "large", "huge"))),
)
