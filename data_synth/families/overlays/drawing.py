"""What the overlay families share: colours, places in pixels, fading, lettering, and sentences about places."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from data_synth.facts import PLACES, Content, content
from data_synth.families.plain import Floats, Measure, Painter, PlainFamily, Said, changed, short_side
from data_synth.family import Pixels

T = TypeVar("T")
Colour = tuple[int, int, int]

WHITE: Colour = (250, 250, 250)
BLACK: Colour = (8, 8, 8)
RED: Colour = (220, 30, 30)
GREEN: Colour = (30, 180, 60)
BLUE: Colour = (40, 80, 220)
YELLOW: Colour = (245, 225, 40)
AMBER: Colour = (255, 150, 30)

CORNERS = ("top left", "top right", "bottom left", "bottom right")
EDGES = ("top", "left", "right", "bottom")
FONTS = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_COMPLEX, cv2.FONT_HERSHEY_TRIPLEX)


def overlay(name: str, painter: Painter, said: Said, measured: Measure = changed) -> PlainFamily:
    """A family of this group."""
    return PlainFamily(name, "overlays", said, painter, measured)


def opacity(amount: float) -> float:
    """Rises fast at first: half the amount is already clearly visible."""
    return 1 - (1 - amount) ** 2


def pick(options: Sequence[T], style: float) -> T:
    """The option that a number from 0 to 1 stands for."""
    return options[int(style * len(options))]


def px(image: Pixels, share: float) -> int:
    """A share of the shorter side in whole pixels, at least one."""
    return max(round(share * short_side(image)), 1)


def fade(image: Pixels, painted: Pixels, opacity: float) -> Pixels:
    """The two mixed: 0 gives the image, 1 the painted one."""
    return np.asarray(cv2.addWeighted(image, 1 - opacity, painted, opacity, 0), np.uint8)


def cover(image: Pixels, mask: Floats, colour: Colour) -> Pixels:
    """Mixes the colour in, as much as the mask says: 0 to 1, shape (height, width)."""
    before = image.astype(np.float32)
    return (before + mask[..., None] * (np.array(colour, np.float32) - before) + 0.5).astype(np.uint8)


def towards(before: Pixels, after: Pixels, colour: Colour) -> float:
    """How much nearer to the colour the pixels have come on average, 0 to 255."""
    distances = (np.abs(image - np.array(colour, np.float32)).mean(2) for image in (before, after))
    return float((next(distances) - next(distances)).clip(0).mean())


def axes(image: Pixels) -> tuple[Floats, Floats]:
    """Every pixel's x, shape (1, width), and y, shape (height, 1)."""
    height, width = image.shape[:2]
    return np.arange(width, dtype=np.float32)[None, :], np.arange(height, dtype=np.float32)[:, None]


def points(image: Pixels, number: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Random points (x, y) in the image, shape (number, 2)."""
    height, width = image.shape[:2]
    return rng.uniform(0, 1, (number, 2)) * (width, height)


def sixteenths(values: NDArray[np.float64]) -> NDArray[np.int32]:
    """Coordinates as cv2 reads them with 4 fractional bits (its argument `shift`)."""
    return np.round(values * 16).astype(np.int32)


def spot(where: str, image: Pixels, width: int, height: int, rng: np.random.Generator) -> tuple[int, int]:
    """Upper left pixel of a box of this size at a place, a little different each time."""
    if where == "random":
        u, v = rng.uniform(0, 1, 2)
    else:
        row, column = divmod(PLACES.index(where), 3)
        u, v = np.array([column, row]) / 2 + rng.uniform(0, 0.1, 2) * (1 - np.array([column, row]))
    margin = px(image, 0.03)
    room_x, room_y = image.shape[1] - width - 2 * margin, image.shape[0] - height - 2 * margin
    return margin + round(float(u) * max(room_x, 0)), margin + round(float(v) * max(room_y, 0))


def letter(
    canvas: Pixels,
    text: str,
    where: str,
    share: float,
    font: int,
    colour: Colour,
    rim: Colour | None,
    rng: np.random.Generator,
) -> None:
    """Writes the text at a place, as wide as this share of the width (and at most a quarter of the height)."""
    (width, height), _ = cv2.getTextSize(text, font, 1.0, 1)
    scale = min(share * canvas.shape[1] / width, 0.25 * canvas.shape[0] / height)
    (width, height), below = cv2.getTextSize(text, font, scale, 1)
    x, y = spot(where, canvas, width, height + below, rng)
    thick = max(round(2.2 * scale), 1)
    if rim is not None:
        for dx, dy in ((-1, -1), (-1, 1), (1, -1), (1, 1)):
            at = (x + dx * thick, y + height + dy * thick)
            cv2.putText(canvas, text, at, font, scale, rim, thick, cv2.LINE_AA)
    cv2.putText(canvas, text, (x, y + height), font, scale, colour, thick, cv2.LINE_AA)


AT = {
    "top left": ("at the top left", "in the upper left corner"),
    "top": ("at the top", "near the upper edge"),
    "top right": ("at the top right", "in the upper right corner"),
    "left": ("on the left", "near the left edge"),
    "centre": ("in the centre", "in the middle"),
    "right": ("on the right", "near the right edge"),
    "bottom left": ("at the bottom left", "in the lower left corner"),
    "bottom": ("at the bottom", "near the lower edge"),
    "bottom right": ("at the bottom right", "in the lower right corner"),
    "random": ("at random places", "somewhere, each time in another place"),
}
"""How a place is said, the plain way first."""


def placed(what: str, places: Sequence[str], *sentences: str, **value: str) -> dict[Content, tuple[str, ...]]:
    """One content a place.

    Args:
        what: the object.
        places: where it can lie.
        sentences: {at} and {near} in them stand for the two ways of saying a place, {colour} and the like for an
            attribute.
        value: attributes that all of the contents share.
    """
    return {
        content(what, where, **value): tuple(s.format(at=AT[where][0], near=AT[where][1], **value) for s in sentences)
        for where in places
    }
