"""Dirt and damage: scratches, hairs, dust, folds, spatter, coffee stains."""

from __future__ import annotations

import cv2
import numpy as np

from data_synth.facts import content
from data_synth.families.overlays.drawing import (
    CORNERS,
    Colour,
    axes,
    cover,
    fade,
    opacity,
    overlay,
    placed,
    points,
    px,
    sixteenths,
    spot,
    towards,
)
from data_synth.families.plain import Drawn, darkened, lightened, short_side
from data_synth.family import Pixels

SPATTER_COLOURS: dict[str, Colour] = {
    "brown": (88, 58, 30),
    "red": (205, 25, 30),
    "blue": (35, 70, 200),
    "green": (35, 150, 60),
    "yellow": (240, 210, 40),
    "white": (246, 246, 246),
}
COFFEE: Colour = (92, 52, 20)


def _curves(
    image: Pixels,
    number: int,
    reach: tuple[float, float],
    bend: float,
    thick: float,
    colour: Colour,
    rng: np.random.Generator,
) -> Pixels:
    """Thin quadratic curves, as long as a share of the shorter side in `reach`, on a copy."""
    painted = image.copy()
    t = np.linspace(0, 1, 14)[:, None]
    for start in points(image, number, rng):
        angle, length = rng.uniform(0, 2 * np.pi), rng.uniform(*reach) * short_side(image)
        along = length * np.array([np.cos(angle), np.sin(angle)])
        knee = along / 2 + rng.uniform(-bend, bend) * along[::-1] * (-1, 1)
        curve = start - along / 2 + 2 * t * (1 - t) * knee + t**2 * along
        cv2.polylines(painted, [sixteenths(curve)], False, colour, px(image, thick), cv2.LINE_AA, 4)
    return painted


def _scratches(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    painted = _curves(image, 3 + round(9 * amount), (0.3, 1.0), 0.06, 0.006, (240, 240, 240), rng)
    return fade(image, painted, opacity(amount))


def _hair(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    painted = _curves(image, 2 + round(6 * amount), (0.5, 1.1), 0.6, 0.01, (22, 22, 22), rng)
    return fade(image, painted, opacity(amount))


def flakes(image: Pixels, number: int, size: tuple[float, float], colour: Colour, rng: np.random.Generator) -> Pixels:
    """Small filled ellipses, their half axes a share of the shorter side in `size`, on a copy."""
    painted = image.copy()
    for at in points(image, number, rng):
        centre = (round(at[0] * 16), round(at[1] * 16))
        halves = np.maximum(np.round(rng.uniform(*size, 2) * short_side(image) * 16), 8).astype(int).tolist()
        cv2.ellipse(painted, centre, halves, float(rng.uniform(0, 180)), 0, 360, colour, -1, cv2.LINE_AA, 4)
    return painted


def _dust(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    painted = flakes(image, 8 + round(30 * amount), (0.005, 0.015), (20, 20, 20), rng)
    return fade(image, painted, opacity(amount))


def _folds(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    """One fold across and one down, each a bright ridge with a dark flank."""
    height, width = image.shape[:2]
    x, y = axes(image)
    relief = np.zeros((height, width), np.float32)
    for across, along, length in ((x, y, width), (y, x, height)):
        at = float(rng.uniform(0.3, 0.7)) * length
        distance = (across - at + float(rng.uniform(-0.1, 0.1)) * along) / (0.013 * short_side(image))
        relief += np.exp(-0.5 * distance**2) - 0.8 * np.exp(-0.5 * ((distance - 2.5) / 1.6) ** 2)
    light = relief[..., None] * np.float32(130 * amount)
    return np.clip(image + light + 0.5, 0, 255).astype(np.uint8)


def _spatter(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    """Blots with lobed outlines, each thrown with a spray of droplets around it."""
    colour = SPATTER_COLOURS[str(drawn.content.get("colour"))]
    side = short_side(image)
    painted = image.copy()
    turns = np.linspace(0, 2 * np.pi, 32, endpoint=False)
    for at in points(image, 3 + round(9 * amount), rng):
        radius = side * float(rng.uniform(0.02, 0.055))
        waves = zip((2, 3, 5, 7), rng.uniform(0.03, 0.16, 4), rng.uniform(0, 2 * np.pi, 4), strict=True)
        lobes = 1 + sum(height * np.sin(number * turns + start) for number, height, start in waves)
        outline = at + (radius * lobes)[:, None] * np.stack([np.cos(turns), np.sin(turns)], 1)
        cv2.fillPoly(painted, [sixteenths(outline)], colour, cv2.LINE_AA, 4)
        for angle, far, small in zip(*rng.uniform((0, 1.3, 0.08), (2 * np.pi, 3.0, 0.3), (7, 3)).T, strict=True):
            drop = sixteenths(at + radius * far * np.array([np.cos(angle), np.sin(angle)])).tolist()
            cv2.circle(painted, drop, max(round(16 * radius * small), 8), colour, -1, cv2.LINE_AA, 4)
    return fade(image, painted, opacity(amount))


def _spattered(before: Pixels, after: Pixels, drawn: Drawn) -> float:
    return towards(before, after, SPATTER_COLOURS[str(drawn.content.get("colour"))])


def _coffee_stain(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    """The wet rim of a cup: uneven in width and tone, a faint wash inside, and some drops."""
    x, y = axes(image)
    side = short_side(image)
    radius = side * float(rng.uniform(0.17, 0.2))
    box = round(2.3 * radius)
    left, top = spot(drawn.content.where, image, box, box, rng)
    dx, dy = x - (left + box / 2), y - (top + box / 2)
    turn, phase = np.arctan2(dy, dx), rng.uniform(0, 2 * np.pi, 3)
    far = np.sqrt(dx * dx + dy * dy) / radius - 1 - 0.03 * np.sin(2 * turn + phase[0])
    wide = 0.09 + 0.035 * np.sin(turn + phase[1])
    rim = np.exp(-0.5 * (far / wide) ** 2) * (0.8 + 0.2 * np.sin(3 * turn + phase[2]))
    stain = np.maximum(rim, 0.22 * np.clip(0.5 - far / 0.05, 0, 1)).astype(np.float32)
    return cover(image, stain * np.float32(0.85 * opacity(amount)), COFFEE)


def _stained(before: Pixels, after: Pixels, drawn: Drawn) -> float:
    return towards(before, after, COFFEE)


SCRATCHES = overlay(
    "scratches",
    _scratches,
    {
        content("scratches"): (
            "the images have thin scratches",
            "the pictures are scratched",
            "thin light lines run over the photos like scratches on old film",
            "they look scraped",
            "fine bright scratches cross the images",
            "they show scratch marks",
            "scratched film",
            "bright scratch lines",
            "the surface of the photos is scored with fine lines",
            "long hair-thin light scratches are visible",
            "the pictures look like worn, scratched prints",
            "abrasions run over the scene in thin bright lines",
        )
    },
    lightened,
)
HAIR = overlay(
    "hair",
    _hair,
    {
        content("hair"): (
            "the images have hairs on them",
            "dark hairs lie over the pictures",
            "thin dark curved threads cross the photos",
            "they are covered by strands of hair",
            "stray hairs are visible in the images",
            "they look as if hairs had fallen on the lens",
            "dark hairs",
            "long curved hairs overlie the scene",
            "hair artefacts",
            "fine dark fibres curl across the pictures",
            "several loose hairs hide parts of the photos",
            "they show overlying hair, as in skin images",
        )
    },
    darkened,
)
DUST = overlay(
    "dust",
    _dust,
    {
        content("dust"): (
            "the images have dark specks of dust",
            "the pictures are dusty",
            "small dark specks are scattered over the photos",
            "they are sprinkled with dirt",
            "little dark particles dot the images",
            "they show crumbs of dirt, as from a dirty sensor",
            "dust specks",
            "dirt on the sensor",
            "tiny dark grains are strewn over the scene",
            "the photos look as if taken through a dirty lens",
            "dark crumbs speckle the pictures",
            "dust contamination is visible as small dark spots",
        )
    },
    darkened,
)
FOLDS = overlay(
    "folds",
    _folds,
    {
        content("folds"): (
            "the images have creases",
            "the pictures look folded",
            "fold lines run across the photos, as in a folded print",
            "they are creased like old paper",
            "a crease across and a crease down divide the images",
            "they show paper folds",
            "fold marks",
            "creased images",
            "the photos seem to have been folded and opened again",
            "two paper creases run through the scene",
            "the pictures look like prints carried folded in a pocket",
            "ridges of a fold, light beside dark, cut the frames in four",
        )
    },
)
_PAINTS = {colour: f"{colour} paint" for colour in SPATTER_COLOURS} | {"brown": "brown mud"}
SPATTER = overlay(
    "spatter",
    _spatter,
    {
        content("spatter", colour=colour): (
            f"the images are spattered with {paint}",
            f"the pictures have splashes of {paint} on them",
            f"drops of {paint} are splashed over the photos",
            f"they are splattered with {paint}",
            f"{colour} spatter",
            f"blots and droplets of {paint} cover parts of the scene",
            f"{paint} has been flung at the images",
            f"{colour} splashes with small drops around them are visible",
            f"the photos look as if {paint} had splashed on the lens",
            f"{colour} blobs of irregular outline lie over the pictures",
            f"a spray of {paint} soils the images",
            f"splotches of {paint} are strewn about",
        )
        for colour, paint in _PAINTS.items()
    },
    _spattered,
)
COFFEE_STAIN = overlay(
    "coffee_stain",
    _coffee_stain,
    placed(
        "coffee stain",
        (*CORNERS, "centre", "random"),
        "the images have a coffee stain {at}",
        "a coffee cup has left its mark {at} of the pictures",
        "the photos are stained by a cup {near}",
        "they show the brown rim of a coffee mug {at}",
        "a coffee stain {near}",
        "somebody put a wet cup down {near}",
        "a round brown stain, as of coffee, lies {near}",
        "the print of a mug is visible {at}",
        "spilt coffee has dried in a round mark {near}",
        "the pictures are soiled with coffee {at}",
        "a cup stain, {at}",
        "a brownish beverage mark overlies the scene {near}",
    ),
    _stained,
)
