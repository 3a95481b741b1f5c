"""What the clinical families share: places and how they are said, drawing with soft edges, measures at a place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from data_synth.facts import PLACES, Content, Where, content
from data_synth.families.plain import Drawn, Floats, changed, darkened, lightened, luma, short_side, to_pixels
from data_synth.family import Pixels

Rng = np.random.Generator
Point = tuple[float, float]
"""x and y in pixels."""

ANYWHERE = (*PLACES, "random")
CORNERS = ("top left", "top right", "bottom left", "bottom right")
SHIFT = 4
"""Fractional bits of the coordinates that cv2 draws with."""
SHOWS_BEST_ON = {"bright": 80.0, "dark": 170.0}
"""Tone of the ground that a spot stands out from, without lying in the empty background of a scan."""
FADES_TO = {"bright": 255.0, "dark": 0.0}
"""What a spot fades to."""

SAID_AT = {
    "top left": ("at the top left", "in the upper left part"),
    "top": ("at the top", "in the middle of the upper part"),
    "top right": ("at the top right", "in the upper right part"),
    "left": ("on the left", "halfway up on the left side"),
    "centre": ("in the centre", "in the middle"),
    "right": ("on the right", "halfway up on the right side"),
    "bottom left": ("at the bottom left", "in the lower left part"),
    "bottom": ("at the bottom", "in the middle of the lower part"),
    "bottom right": ("at the bottom right", "in the lower right part"),
    "random": ("at varying places", "in a different spot each time"),
}
"""How a place is said, the plain way first."""


def placed(
    what: str, where: Where, sentences: Sequence[str], words: Mapping[str, str] | None = None, **value: str
) -> tuple[Content, tuple[str, ...]]:
    """A content at a place and its wordings; the sentences name {at} and {near}, two ways of saying the place, and
    whatever is in `words`."""
    at, near = SAID_AT[where]
    fields = {"at": at, "near": near, **(words or {})}
    return content(what, where, **value), tuple(sentence.format(**fields) for sentence in sentences)


def opacity(amount: float) -> float:
    """Rises fast at first: half the amount of a thin mark is already clearly visible."""
    return 1 - (1 - amount) ** 2


def pixels(image: Pixels, share: float) -> int:
    """A share of the shorter side in whole pixels, at least one."""
    return max(1, round(share * short_side(image)))


def fixed(points: NDArray[np.float64]) -> NDArray[np.int32]:
    """Coordinates as cv2 draws them with SHIFT fractional bits."""
    return np.round(points * (1 << SHIFT)).astype(np.int32)


def dot(canvas: Pixels | Floats, centre: Point, radius: float, tone: float, thickness: int = -1) -> None:
    """A disc with smooth edges, or a circle of this thickness; a radius under half a pixel would not be drawn."""
    x, y = fixed(np.array(centre)).tolist()
    reach = round(max(radius, 0.5) * (1 << SHIFT))
    cv2.circle(canvas, (x, y), reach, (tone,) * 3, thickness, cv2.LINE_AA, SHIFT)


def stroke(canvas: Pixels, points: NDArray[np.float64], tone: Sequence[float], thickness: int) -> None:
    """A line with smooth edges through points (x, y), shape (points, 2)."""
    cv2.polylines(canvas, [fixed(points)], False, tone, thickness, cv2.LINE_AA, SHIFT)


def faded_in(image: Pixels, painted: Pixels, share: float) -> Pixels:
    """This share of the way from the image to its painted copy."""
    return np.asarray(cv2.addWeighted(image, 1 - share, painted, share, 0), np.uint8)


def toned(image: Pixels, mask: Floats, tone: float) -> Pixels:
    """Every pixel led towards a grey tone, as far as the mask says: 0 to 1, shape (height, width)."""
    before = image.astype(np.float32)
    return to_pixels(before + mask[..., None] * (tone - before))


def empty(image: Pixels) -> NDArray[np.uint8]:
    """A mask to draw on, shape (height, width)."""
    return np.zeros(image.shape[:2], np.uint8)


def softened(mask: NDArray[np.uint8], sigma: float) -> Floats:
    """A drawn mask from 0 to 1, its edges blurred by sigma pixels."""
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), max(sigma, 0.1)), np.float32) / np.float32(255)


def spot_at(where: Where, image: Pixels, tone: str, rng: Rng) -> Point:
    """A point at a place, a little different each time; of six drawn, the one where this tone shows best."""
    height, width = image.shape[:2]
    if where == "random":
        shares = rng.uniform(0.15, 0.85, (6, 2))
    else:
        row, column = divmod(PLACES.index(where), 3)
        shares = (np.array([column, row]) + 0.5) / 3 + rng.uniform(-0.07, 0.07, (6, 2))
    ground = np.asarray(cv2.resize(luma(image), (16, 16), interpolation=cv2.INTER_AREA))
    x, y = (shares * 16).astype(int).T
    best = shares[int(np.argmin(np.abs(ground[y, x] - SHOWS_BEST_ON[tone])))]
    return float(best[0] * width), float(best[1] * height)


def contrasting(image: Pixels, at: tuple[int, int], size: tuple[int, int]) -> float:
    """White or black, whichever can be read in this box: upper left (x, y), (width, height)."""
    (x, y), (width, height) = at, size
    return 248.0 if image[y : y + height, x : x + width].mean() < 150 else 8.0


def corner_of(where: Where, image: Pixels, size: tuple[int, int], rng: Rng) -> tuple[int, int]:
    """Upper left pixel (x, y) of a box of this (width, height) in a corner, a little different each time."""
    spare = (image.shape[1] - size[0], image.shape[0] - size[1])
    margin = np.round(rng.uniform(0.03, 0.08, 2) * short_side(image)).astype(int).tolist()
    x, y = (max(0, min(gap, room)) for gap, room in zip(margin, spare, strict=True))
    return (x if "left" in where else max(0, spare[0] - x)), (y if "top" in where else max(0, spare[1] - y))


def at_place(image: Pixels, drawn: Drawn) -> Pixels:
    """The stated ninth of the image; the whole where the place is random."""
    if drawn.content.where not in PLACES:
        return image
    row, column = divmod(PLACES.index(drawn.content.where), 3)
    height, width = image.shape[:2]
    return image[row * height // 3 : (row + 1) * height // 3, column * width // 3 : (column + 1) * width // 3]


def changed_at_place(before: Pixels, after: Pixels, drawn: Drawn) -> float:
    """Mean absolute change at the stated place, 0 to 255."""
    return changed(at_place(before, drawn), at_place(after, drawn))


def toned_at_place(before: Pixels, after: Pixels, drawn: Drawn) -> float:
    """Mean fall at the stated place where the content says dark, mean rise where it does not, 0 to 255."""
    measured = darkened if drawn.content.get("tone") == "dark" else lightened
    return measured(at_place(before, drawn), at_place(after, drawn))
