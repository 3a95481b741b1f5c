"""Changes that bend straight lines: lenses, swirls, waves, bulges, elastic warps."""

from __future__ import annotations

import cv2
import numpy as np

from data_synth.facts import content
from data_synth.families.geometry.pixels import around, fetched, geometry, offsets
from data_synth.families.plain import Drawn, Floats
from data_synth.family import Pixels


def _radius2(image: Pixels, x: Floats, y: Floats) -> Floats:
    """Squared distance from the centre, 1 in the corners (an ellipse where the image is not square)."""
    height, width = image.shape[:2]
    squared: Floats = 2 * (x / width) ** 2 + 2 * (y / height) ** 2
    return squared


def _barrel(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    x, y = offsets(image)
    strength = around(1.1 * amount, rng)
    scale = (1 + strength * _radius2(image, x, y)) / (1 + 0.8 * strength)
    return fetched(image, x * scale, y * scale)


def _pincushion(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    x, y = offsets(image)
    strength = min(around(0.3 * amount, rng), 0.33)  # from 1/3 on, the corners would fold over
    scale = (1 + 1.1 * strength) * (1 - strength * _radius2(image, x, y))
    return fetched(image, x * scale, y * scale)


def _nearness(image: Pixels, x: Floats, y: Floats, reach: float) -> Floats:
    """1 at the centre, falling evenly to 0 at `reach` times the shorter side and beyond."""
    near: Floats = np.clip(1 - np.sqrt(x * x + y * y) / (reach * min(image.shape[:2])), 0, None)
    return near


def _swirl(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    x, y = offsets(image)
    near = _nearness(image, x, y, 0.55)
    angle = around(3.0 * amount, rng) * near * near
    if drawn.content.get("direction") == "counterclockwise":
        angle = -angle
    cos, sin = np.cos(angle), np.sin(angle)
    return fetched(image, cos * x + sin * y, cos * y - sin * x)


def _wave(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    x, y = offsets(image)
    side = min(image.shape[:2])
    height = around(0.032 * amount, rng) * side
    turns = 2 * np.pi / (float(rng.uniform(0.2, 0.3)) * side)
    start, other = rng.uniform(0, 2 * np.pi, 2)
    return fetched(image, x + height * np.sin(turns * y + start), y + height * np.sin(turns * x + other))


def _elastic(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    """Seven by seven knots pushed at random, and everything between them along."""
    height, width = image.shape[:2]
    reach = around(0.055 * amount, rng) * min(height, width)
    knots = rng.uniform(-1, 1, (7, 7, 2)).astype(np.float32)
    pushes = reach * np.asarray(cv2.resize(knots, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)
    x, y = offsets(image)
    return fetched(image, x + pushes[..., 0], y + pushes[..., 1])


def _bulge(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    """A lens on the middle, magnifying or shrinking; what is outside of it stays."""
    x, y = offsets(image)
    near = _nearness(image, x, y, 0.42)
    lens = near * near * (3 - 2 * near)  # smooth where the lens ends
    if drawn.content.get("kind") == "magnified":
        scale = 1 - around(0.62 * amount, rng) * lens
    else:
        scale = 1 + around(0.8 * amount, rng) * lens  # from 1.4 on, the picture would fold over
    return fetched(image, x * scale, y * scale)


def _swirled(way: str) -> tuple[str, ...]:
    return (
        f"the images are swirled {way}",
        f"the middle of the pictures is twisted {way}",
        f"the photos are wound up {way} like a whirlpool",
        f"they are twisted {way} around their centre",
        f"a {way} swirl distorts the images",
        f"the content is stirred {way} in the middle",
        f"a {way} vortex in the middle",
        f"swirled images, turning {way}",
        f"the centre is wound {way} while the edges stay in place",
        f"the middle of the scene spirals {way}",
        f"a rotational warp, {way} and strongest at the centre",
        f"things near the centre of the frames are bent round {way}",
    )


BARREL = geometry(
    "barrel",
    _barrel,
    {
        content("lens distortion", kind="barrel"): (
            "the images bulge outwards",
            "the pictures have a barrel distortion",
            "the photos look as if taken through a fisheye lens",
            "they are bent outwards like a ball",
            "straight lines in the images bow outwards",
            "the middle of the images is swollen and their corners are squeezed",
            "barrel distortion",
            "a fisheye look",
            "a wide-angle lens has bent the frames",
            "lines near the edges curve away from the centre",
            "the pictures look convex, like the outside of a ball",
            "the whole scene is rounded outwards by the lens",
        )
    },
)
PINCUSHION = geometry(
    "pincushion",
    _pincushion,
    {
        content("lens distortion", kind="pincushion"): (
            "the images are pinched inwards",
            "the pictures have a pincushion distortion",
            "the middle of the photos is sucked in",
            "they are bent inwards, with corners pulled out",
            "straight lines in the images bow towards the centre",
            "the middle of the images is shrunk and their corners are drawn out",
            "pincushion distortion",
            "the pictures look concave, like the inside of a bowl",
            "lines near the edges curve in towards the centre",
            "the middle of each edge looks pulled inwards",
            "a tele lens has bent the frames inwards",
            "the corners are dragged outwards over the whole scene",
        )
    },
)
SWIRL = geometry(
    "swirl", _swirl, {content("swirl", direction=way): _swirled(way) for way in ("clockwise", "counterclockwise")}
)
WAVY = geometry(
    "wavy",
    _wave,
    {
        content("waves"): (
            "the images are wavy",
            "the pictures are distorted by waves",
            "the photos ripple as if seen through water",
            "they are warped, with wobbling edges",
            "straight lines in the images run in waves",
            "they look rippled",
            "a ripple distortion",
            "a sinusoidal warp bends the frames",
            "the outlines of things undulate evenly",
            "everything looks as if it lay under moving water",
            "contours that should be straight meander in regular waves",
            "wavy lines take the place of straight ones",
        )
    },
)
ELASTIC = geometry(
    "elastic",
    _elastic,
    {
        content("elastic deformation"): (
            "the images are warped irregularly",
            "the pictures are bent out of form here and there",
            "the photos look as if printed on unevenly stretched rubber",
            "they are deformed by an uneven, smooth warp",
            "an elastic deformation",
            "local stretching and squeezing, at random, deforms the pictures",
            "things look rubbery, their outlines pulled this way and that",
            "straight lines wander without any regular rhythm",
            "the scene is deformed as in a funhouse mirror",
            "a smooth non-rigid warp is applied to the frames",
            "parts of the photos are pushed aside in irregular ways",
            "what the images show is kneaded out of its true form",
        )
    },
)
MAGNIFIED_CENTRE = geometry(
    "magnified_centre",
    _bulge,
    {
        content("centre warp", kind="magnified"): (
            "the middle of the images is magnified",
            "the centre of the pictures is swollen, while the edges stay as they are",
            "the photos look as if a magnifying glass lay on their middle",
            "they have a local bulge at the centre",
            "a magnified centre",
            "only things in the middle of the frames appear enlarged",
            "a lens-like blow-up in the middle, the surroundings unchanged",
            "the central part alone is enlarged",
            "the centre bulges like a drop of water",
            "local magnification at the centre",
            "a round bump pushes the middle of the scene towards the viewer",
            "the middle of the scene looks inflated",
        )
    },
)
SQUEEZED_CENTRE = geometry(
    "squeezed_centre",
    _bulge,
    {
        content("centre warp", kind="squeezed"): (
            "the middle of the images is squeezed together",
            "the centre of the pictures is shrunk, while the edges stay as they are",
            "the photos look as if a reducing glass lay on their middle",
            "they are locally compressed at the centre",
            "a squeezed centre",
            "only things in the middle of the frames appear smaller",
            "a lens-like dent in the middle, the surroundings unchanged",
            "the central part alone is compressed",
            "the scene is drawn together at its middle, as by a knot",
            "local shrinkage at the centre",
            "a round dent takes the middle of the scene away from the viewer",
            "the middle of the scene looks deflated",
        )
    },
)
