"""Light and weather: snow, rain, shadow, glare, flare, reflections in a pane."""

from __future__ import annotations

import cv2
import numpy as np

from data_synth.facts import PLACES, content
from data_synth.families.overlays.dirt import flakes
from data_synth.families.overlays.drawing import (
    EDGES,
    WHITE,
    Colour,
    axes,
    cover,
    fade,
    opacity,
    overlay,
    placed,
    points,
    px,
)
from data_synth.families.plain import Drawn, Floats, darkened, lightened, short_side
from data_synth.family import Pixels


def _snow(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    painted = flakes(image, 15 + round(75 * amount), (0.008, 0.02), WHITE, rng)
    return fade(image, painted, opacity(amount))


def _rain(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    painted = image.copy()
    slant = float(rng.uniform(-0.35, 0.35))
    starts = points(image, 20 + round(80 * amount), rng)
    lengths = rng.uniform(0.07, 0.2, (len(starts), 1)) * short_side(image)
    ends = starts + lengths * np.array([slant, 1.0])
    lines = np.round(np.stack([starts, ends], 1) * 16).astype(np.int32)
    cv2.polylines(painted, list(lines), False, (215, 215, 215), px(image, 0.007), cv2.LINE_AA, 4)
    return fade(image, painted, 0.85 * opacity(amount))


def _shadow(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    height, width = image.shape[:2]
    x, y = axes(image)
    depth = {"left": x / width, "right": 1 - x / width, "top": y / height, "bottom": 1 - y / height}[
        drawn.content.where
    ]
    along = y / height if drawn.content.where in ("left", "right") else x / width
    edge = float(rng.uniform(0.36, 0.46)) + float(rng.uniform(-0.25, 0.25)) * (along - 0.5)
    mask = np.clip((edge - depth) / 0.1 + 0.5, 0, 1).astype(np.float32)
    return cover(image, mask * np.float32(0.75 * amount), (0, 0, 0))


def _glow(image: Pixels, x: float, y: float, radius: float) -> Floats:
    """A soft spot, 1 in its middle."""
    xs, ys = axes(image)
    spot: Floats = np.exp(-0.5 * ((xs - np.float32(x)) / np.float32(radius)) ** 2) * np.exp(
        -0.5 * ((ys - np.float32(y)) / np.float32(radius)) ** 2
    )
    return spot


def _glare(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    height, width = image.shape[:2]
    row, column = divmod(PLACES.index(drawn.content.where), 3)
    x, y = (np.array([column, row]) / 3 + rng.uniform(0.11, 0.22, 2)) * (width, height)
    glow = _glow(image, x, y, float(rng.uniform(0.12, 0.16)) * short_side(image))
    return cover(image, np.minimum(1.3 * glow, 1) * np.float32(opacity(amount)), (255, 255, 255))


def _lens_flare(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    """A light near the edge, its rays, and coloured ghosts on the line through the middle."""
    height, width = image.shape[:2]
    side = short_side(image)
    angle = float(rng.uniform(0, 2 * np.pi))
    middle = np.array([width, height]) / 2
    source = middle * (1 + 0.72 * np.array([np.cos(angle), np.sin(angle)]))
    light = np.zeros_like(image)
    ghosts: tuple[tuple[float, float, Colour], ...] = (
        (0.55, 0.05, (110, 80, 30)),
        (0.9, 0.03, (40, 110, 60)),
        (1.3, 0.09, (50, 60, 120)),
        (1.65, 0.05, (120, 60, 90)),
        (1.9, 0.12, (60, 90, 50)),
    )
    for along, radius, colour in ghosts:
        x, y = np.round(source + along * (middle - source)).astype(int).tolist()
        cv2.circle(light, (x, y), px(image, radius), colour, -1, cv2.LINE_AA)
    turn = float(rng.uniform(0, np.pi))
    for ray in turn + np.arange(6) * np.pi / 3:
        tip = source + 0.38 * side * np.array([np.cos(ray), np.sin(ray)])
        ends = np.round(np.array([source, tip])).astype(int).tolist()
        cv2.line(light, ends[0], ends[1], (150, 135, 100), px(image, 0.012), cv2.LINE_AA)
    light = np.asarray(cv2.GaussianBlur(light, (0, 0), 0.008 * side + 0.3), np.uint8)
    core = _glow(image, float(source[0]), float(source[1]), 0.09 * side)
    light = cover(light, np.minimum(1.5 * core, 1), (255, 245, 220))
    return np.asarray(cv2.addWeighted(image, 1.0, light, opacity(amount), 0), np.uint8)


def _reflections(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    """Slanted sheens as on a pane: a wide one with a narrow one beside it, and another farther off."""
    x, y = axes(image)
    angle = np.deg2rad(float(rng.uniform(25, 50)))
    height, width = image.shape[:2]
    across = ((x - width / 2) * np.cos(angle) + (y - height / 2) * np.sin(angle)) / short_side(image)
    start = float(rng.uniform(-0.4, -0.2))
    sheen = np.zeros((height, width), np.float32)
    for at, half, light in ((start, 0.1, 0.62), (start + 0.19, 0.025, 0.5), (start + 0.55, 0.055, 0.55)):
        edge = np.clip((half - np.abs(across - at)) / 0.02 + 0.5, 0, 1)
        np.maximum(sheen, (light * edge * (1 - 0.6 * y / height)).astype(np.float32), out=sheen)
    return cover(image, sheen * np.float32(amount), (255, 255, 255))


SNOW = overlay(
    "snow",
    _snow,
    {
        content("snow"): (
            "the images have white snowflakes",
            "it snows in the pictures",
            "white flakes are scattered over the photos",
            "they show falling snow",
            "snowflakes cover the images",
            "they are speckled with small white flakes",
            "snowfall",
            "a snowy scene",
            "flakes of snow drift through the pictures",
            "the view is dotted with white flakes of snow",
            "the photos seem taken in a snow shower",
            "winter weather, with snow in the air",
        )
    },
    lightened,
)
RAIN = overlay(
    "rain",
    _rain,
    {
        content("rain"): (
            "the images have rain streaks",
            "it rains in the pictures",
            "short light streaks fall through the photos like rain",
            "they show rainy weather",
            "streaks of rain cover the images",
            "they are taken in pouring rain",
            "rainfall",
            "a rainy scene",
            "raindrops streak through the pictures",
            "the view is streaked by falling drops",
            "the photos seem taken in a downpour",
            "wet weather, with rain in the air",
        )
    },
)
SHADOW = overlay(
    "shadow",
    _shadow,
    placed(
        "shadow",
        EDGES,
        "the images have a shadow {at}",
        "a shadow falls on the pictures {at}",
        "a part of the photos {near} lies in the shade",
        "they are shaded {at}",
        "something casts a shadow over the images {at}",
        "the light is blocked {at}",
        "a dark shadow {near}",
        "a shaded zone {at}",
        "the scene lies in shadow {near}",
        "a part of the pictures is cast into shade {at}",
        "shading hides details {near}",
        "somebody stood in the light, leaving a shadow {near}",
    ),
    darkened,
)
GLARE = overlay(
    "glare",
    _glare,
    placed(
        "glare",
        PLACES,
        "the images have a bright glare {at}",
        "a bright spot of light glares {at} of the pictures",
        "the photos are washed out by a reflection {at}",
        "they show a light reflex {near}",
        "a white glow hides what is {near}",
        "the flash is reflected {near} in the images",
        "glare {near}",
        "a specular highlight {at}",
        "dazzling light {near}",
        "a glaring reflex blots out the scene {at}",
        "a flash reflection burns out the pictures {near}",
        "a soft white hot spot lies {near}",
    ),
    lightened,
)
LENS_FLARE = overlay(
    "lens_flare",
    _lens_flare,
    {
        content("lens flare"): (
            "the images have a lens flare",
            "the pictures show lens flare",
            "a light source sends rays and coloured ghosts through the photos",
            "they are shot against the sun, with flare",
            "a flare with a row of ghost lights crosses the images",
            "they contain stray light from the lens, with ghosts in a row",
            "lens flare",
            "a sun flare with rays",
            "backlit photos with flare spots",
            "a bright light near the edge throws a chain of coloured spots",
            "internal reflections of the lens line up across the pictures",
            "the sun shines into the camera and flares",
        )
    },
    lightened,
)
REFLECTIONS = overlay(
    "reflections",
    _reflections,
    {
        content("pane reflections"): (
            "the images have slanted reflections as from a window pane",
            "the pictures look as if photographed through glass",
            "slanting sheens of light lie over the photos",
            "they are seen behind a reflecting pane",
            "window reflections",
            "whitish streaks slant across the images like the shine of glass",
            "broad and narrow bands of reflected light run aslant",
            "the shine of a glass plate veils parts of the scene",
            "the photos seem to hang behind shiny glass",
            "streaks of reflected light cross the frames at an angle",
            "a glassy sheen, in slanted bands",
            "light is mirrored by a pane in front of the scene",
        )
    },
    lightened,
)
