"""Things around the picture or across all of it: frames, bars, burnt edges, grids, stripes."""

from __future__ import annotations

import cv2
import numpy as np

from data_synth.facts import content
from data_synth.families.overlays.drawing import (
    BLACK,
    BLUE,
    GREEN,
    RED,
    WHITE,
    YELLOW,
    Colour,
    axes,
    cover,
    fade,
    opacity,
    overlay,
    pick,
    px,
)
from data_synth.families.plain import Drawn, darkened, short_side
from data_synth.family import Pixels

FRAME_COLOURS: dict[str, Colour] = {
    "black": BLACK,
    "white": WHITE,
    "grey": (128, 128, 128),
    "red": RED,
    "green": GREEN,
    "blue": BLUE,
    "yellow": YELLOW,
    "orange": (245, 140, 20),
    "purple": (140, 50, 170),
}


def _edge(image: Pixels, share: float, colour: Colour, level: bool, upright: bool) -> Pixels:
    """Covers margins of this share of the shorter side, to fractions of a pixel."""
    height, width = image.shape[:2]
    x, y = axes(image)
    mask = np.zeros((height, width), np.float32)
    reach = share * short_side(image)
    if level:
        np.maximum(mask, np.clip(reach - np.minimum(y, height - 1 - y), 0, 1), out=mask)
    if upright:
        np.maximum(mask, np.clip(reach - np.minimum(x, width - 1 - x), 0, 1), out=mask)
    return cover(image, mask, colour)


def _frame(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    share = 0.085 * amount * float(rng.uniform(0.85, 1.15))
    return _edge(image, share, FRAME_COLOURS[str(drawn.content.get("colour"))], True, True)


def _bars(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    level = drawn.content.get("sides") == "top and bottom"
    share = 0.17 * amount * float(rng.uniform(0.85, 1.15))
    return _edge(image, share, (0, 0, 0), level, not level)


def _burn(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    """Char that eats in from all edges along a ragged line, with a scorched brown rim before it; faint at first."""
    height, width = image.shape[:2]
    side = short_side(image)
    x, y = axes(image)
    inside = np.minimum(np.minimum(x, width - 1 - x), np.minimum(y, height - 1 - y)) / side
    ragged = np.zeros((height, width), np.float32)
    for knots, weight in ((7, 1.0), (19, 0.4)):
        coarse = rng.normal(0, weight, (knots, knots)).astype(np.float32)
        ragged += np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)
    depth = 0.075 * amount * (1 + 0.4 * ragged) - inside  # above 0: burnt
    firm = min(1.0, 4 * amount)
    brown = 0.9 * firm * np.clip(1 + depth / (0.1 * amount), 0, 1) ** 1.5
    scorched = cover(image, brown.astype(np.float32), (98, 52, 16))
    return cover(scorched, (firm * np.clip(0.5 + depth / 0.015, 0, 1)).astype(np.float32), (14, 9, 6))


def _grid(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    colour = pick((WHITE, BLACK, YELLOW, GREEN, BLUE), drawn.style)
    pitch = short_side(image) / (5 + 4 * (drawn.style * 7 % 1))
    height, width = image.shape[:2]
    start_x, start_y = rng.uniform(0.2, 1, 2) * pitch
    painted = image.copy()
    for x in np.arange(start_x, width, pitch).astype(int).tolist():
        cv2.line(painted, (x, 0), (x, height), colour, px(image, 0.009))
    for y in np.arange(start_y, height, pitch).astype(int).tolist():
        cv2.line(painted, (0, y), (width, y), colour, px(image, 0.009))
    return fade(image, painted, 0.9 * opacity(amount))


def _stripes(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    colour = pick((WHITE, BLACK, WHITE, BLACK, BLUE, RED, YELLOW), drawn.style)
    angle = {"horizontal": 90.0, "vertical": 0.0, "diagonal": 45.0}[str(drawn.content.get("direction"))]
    angle = np.deg2rad(angle + float(rng.uniform(-4, 4)))
    period = short_side(image) * (0.13 + 0.1 * (drawn.style * 7 % 1))
    x, y = axes(image)
    phase = 2 * np.pi / period * (x * np.cos(angle) + y * np.sin(angle)) + rng.uniform(0, 2 * np.pi)
    mask = np.clip(0.5 + period / 6 * np.sin(phase), 0, 1).astype(np.float32)  # edges about a pixel wide
    return cover(image, mask * np.float32(0.6 * opacity(amount)), colour)


def _framed(colour: str) -> tuple[str, ...]:
    a = "an" if colour == "orange" else "a"
    return (
        f"the images have {a} {colour} frame",
        f"the pictures have {a} {colour} border",
        f"{a} {colour} border runs around the photos",
        f"they are framed in {colour}",
        f"{a} {colour} margin surrounds the images on all four sides",
        f"the edges of the images are covered by {a} {colour} frame",
        f"{colour}-framed images",
        f"{a} {colour} edge on all sides",
        f"a band of {colour} encloses the pictures",
        f"the photos are bordered in {colour}",
        f"a solid {colour} strip lines each edge",
        f"the scene is enclosed by a plain {colour} frame",
    )


def _barred(sides: str, film: str) -> tuple[str, ...]:
    return (
        f"the images have black bars at the {sides}",
        f"the pictures are {film}",
        f"the {sides} of the photos are hidden by black bands",
        f"black bars cover the {sides} edges of the images",
        f"they are cut off by black bands at the {sides}",
        f"they are {film}, with black bars at the {sides}",
        f"{film} images",
        f"black padding at the {sides}",
        f"solid black margins fill the {sides} of the pictures",
        f"the scene is confined between black bands, {sides}",
        f"the {sides} of the photos are plain black",
        f"dark cinema-style bars mask the {sides}",
    )


def _striped(way: str) -> tuple[str, ...]:
    return (
        f"the images have {way} stripes",
        f"the pictures are overlaid with {way} stripes",
        f"translucent {way} stripes cover the photos",
        f"they are striped, the stripes being {way}",
        f"a pattern of {way} stripes lies over the images",
        f"{way} bands run across the images at regular intervals",
        f"a {way} stripe pattern",
        f"evenly spaced {way} stripes are visible",
        f"see-through bands, all {way}, repeat across the photos",
        f"the pictures look as if seen through {way} blinds",
        f"striping in {way} direction overlies the scene",
        f"{way} stripes alternate with clear ones",
    )


FRAME = overlay("frame", _frame, {content("frame", "border", colour=name): _framed(name) for name in FRAME_COLOURS})
BARS = overlay(
    "bars",
    _bars,
    {
        content("bars", "border", sides="top and bottom"): _barred("top and bottom", "letterboxed"),
        content("bars", "border", sides="left and right"): _barred("left and right", "pillarboxed"),
    },
    darkened,
)
BORDER_BURN = overlay(
    "border_burn",
    _burn,
    {
        content("burnt border", "border"): (
            "the images have burnt edges",
            "the edges of the pictures are charred",
            "the photos look as if their borders had been in a fire",
            "they are singed all around",
            "a ragged, scorched border surrounds the scene",
            "burnt edges",
            "black char eats into the images from the edges",
            "the margins are burnt away along a ragged line",
            "fire seems to have blackened the rim of the photos",
            "they look like old prints with scorched margins",
            "an uneven black and brown burn runs along all sides",
            "the outer part of the pictures is carbonised",
        )
    },
    darkened,
)
GRID_LINES = overlay(
    "grid_lines",
    _grid,
    {
        content("grid"): (
            "the images have grid lines",
            "a grid is laid over the pictures",
            "the photos are covered by a mesh of thin lines",
            "they are ruled like graph paper",
            "regular horizontal and vertical lines divide the images",
            "an overlaid lattice of lines is visible",
            "a superimposed grid",
            "evenly spaced grid lines",
            "the pictures are divided into equal cells by lines",
            "thin lines, level and upright, form a net over the scene",
            "the photos look as if seen through a wire mesh",
            "a coordinate grid overlies the images",
        )
    },
)
STRIPES = overlay(
    "stripes",
    _stripes,
    {content("stripes", direction=way): _striped(way) for way in ("horizontal", "vertical", "diagonal")},
)
