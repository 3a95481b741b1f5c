"""Drawn cells: round ones, large pale ones, spindle-shaped ones, and dark nuclei."""

from __future__ import annotations

import numpy as np

from data_synth.facts import content
from data_synth.families.microscopy.layer import Colour, Layer, Point, apart, disc, empty, evenly, lay, towards
from data_synth.families.plain import Drawn, Floats, PlainFamily, Said, short_side
from data_synth.families.texture.fields import Rng
from data_synth.family import Pixels

STAINS: dict[str, tuple[Colour, Colour]] = {
    "purple": ((165, 115, 195), (80, 30, 125)),
    "pink": ((240, 150, 185), (190, 45, 110)),
    "blue": ((130, 165, 230), (35, 60, 155)),
    "green": ((140, 205, 150), (25, 110, 55)),
    "brown": ((195, 155, 115), (105, 60, 25)),
}
"""Colour of the cell body and of its nucleus and outline."""


def stain(params: Drawn) -> tuple[Colour, Colour]:
    return STAINS[str(params.content.get("colour"))]


def coloured(before: Pixels, after: Pixels, params: Drawn) -> float:
    """How much nearer the pixels came to the stain's colours, as a mean share of full scale."""

    def distance(image: Pixels) -> Floats:
        body, dark = (np.abs(image - np.array(colour, np.float32)).mean(axis=2) for colour in stain(params))
        return np.asarray(np.minimum(body, dark), np.float32)

    return float(np.clip(distance(before) - distance(after), 0, None).mean()) / 255


def cell(
    layer: Layer, at: Point, axes: tuple[float, float], angle: float, colours: tuple[Colour, Colour], rng: Rng
) -> None:
    """Outline, see-through body and a nucleus that lies a little off its middle."""
    body, dark = colours
    rim = max(0.7, 0.09 * min(axes))
    disc(layer, at, axes, angle, dark, 0.8)
    disc(layer, at, (axes[0] - rim, axes[1] - rim), angle, body, 0.72)
    nucleus = at + 0.15 * min(axes) * rng.uniform(-1, 1, 2)
    disc(layer, nucleus, (0.42 * axes[0], 0.45 * axes[1]), angle, dark, 0.92)


# --- cells ------------------------------------------------------------------------------------------------------

COUNTS = {"few": (3, 5), "many": (20, 28)}
"""Fewest and most."""


def _cells(colour: str, count: str) -> tuple[str, ...]:
    some = {"few": "a few", "many": "many"}[count]
    other = {"few": "a small number of", "many": "a large number of"}[count]
    how = {"few": "sparse", "many": "numerous"}[count]
    return (
        f"the images contain {some} round {colour} cells",
        f"{some} round cells stained {colour} lie in the pictures",
        f"the photos show {other} {colour} cells with a nucleus",
        f"{some} {colour} discs with a dark round core are seen",
        f"they have {how} round {colour} cells",
        f"{how} {colour} round cells with visible nuclei",
        f"{other} translucent {colour} cells can be counted in the images",
        f"{some} see-through {colour} cells, each with a darker nucleus, overlie the pictures",
        f"there are {some} {colour} cells, round and outlined",
        f"{other} round, {colour}, nucleated cells on each image",
        f"a single picture holds {some} {colour}-stained cells",
        f"{how} circular cells of {colour} stain are present",
    )


CELLS_SAID: Said = {
    content("cells", "random", colour=colour, count=count, shape="round"): _cells(colour, count)
    for colour in STAINS
    for count in COUNTS
}


def paint_cells(image: Pixels, params: Drawn, amount: float, rng: Rng) -> Pixels:
    layer, side = empty(image), short_side(image)
    low, high = COUNTS[str(params.content.get("count"))]
    for at in apart(image, int(rng.integers(low, high + 1)), rng):
        radius = float(rng.uniform(0.05, 0.062)) * side
        axes = (radius, radius * float(rng.uniform(0.88, 1.0)))
        cell(layer, at, axes, float(rng.uniform(0, 180)), stain(params), rng)
    return lay(image, layer, amount)


# --- large cells ------------------------------------------------------------------------------------------------

LARGE_SAID: Said = {
    content("cells", "random", count="few", size="large", tone="pale"): (
        "the images contain a few large pale cells",
        "the pictures show a few very big, light cells",
        "a few large pale round bodies with a faint core are seen",
        "they have a small number of large pale cells",
        "the photos have a few big translucent light discs with a nucleus",
        "a few oversized pale cells stand out",
        "two to four large light cells lie in each image",
        "a few giant pale cells with abundant cytoplasm",
        "a single picture holds a few large whitish cells",
        "a few enlarged, palely stained cells are present",
        "a few big milky cells overlie the pictures",
        "there are a few large cells with pale bodies in the photos",
    )
}

PALE: Colour = (228, 228, 228)


def paint_large_cells(image: Pixels, params: Drawn, amount: float, rng: Rng) -> Pixels:
    layer, side = empty(image), short_side(image)
    for at in apart(image, int(rng.integers(2, 5)), rng):
        radius = float(rng.uniform(0.13, 0.16)) * side
        axes = (radius, radius * float(rng.uniform(0.82, 0.95)))
        angle, rim = float(rng.uniform(0, 180)), 0.01 * side
        disc(layer, at, axes, angle, (95, 95, 95), 0.85)
        disc(layer, at, (axes[0] - rim, axes[1] - rim), angle, PALE, 0.8)
        core = at + 0.2 * radius * rng.uniform(-1, 1, 2)
        disc(layer, core, (0.36 * radius, 0.31 * radius), angle, (150, 150, 150), 0.9)
    return lay(image, layer, amount)


def measure_large_cells(before: Pixels, after: Pixels, params: Drawn) -> float:
    return towards(PALE, before, after)


# --- long cells -------------------------------------------------------------------------------------------------

SPINDLE_SAID: Said = {
    content("cells", "random", colour=colour, shape="spindle"): (
        f"the images contain elongated {colour} cells",
        f"the pictures show {colour} spindle-shaped cells",
        f"long thin {colour} cells with pointed ends are scattered over the photos",
        f"they have scattered {colour} spindle cells",
        f"stretched-out {colour} cells with an oval nucleus are seen",
        f"{colour} fusiform cells",
        f"narrow, tapering {colour} cells lie across the images in all directions",
        f"fibroblast-like {colour} cells are present",
        f"the photos contain slender {colour} cells shaped like a boat",
        f"{colour}-stained cells, much longer than wide, appear in the pictures",
        f"a single image holds several elongated {colour} cells",
        f"drawn-out {colour} cells with a nucleus in the middle overlie the pictures",
    )
    for colour in STAINS
}


def paint_spindle_cells(image: Pixels, params: Drawn, amount: float, rng: Rng) -> Pixels:
    layer, side = empty(image), short_side(image)
    body, dark = stain(params)
    for at in evenly(image, int(rng.integers(11, 16)), rng):
        length, angle = float(rng.uniform(0.11, 0.14)) * side, float(rng.uniform(0, 180))
        width = 0.19 * length
        disc(layer, at, (length, width), angle, dark, 0.8)
        disc(layer, at, (length - 0.012 * side, width - max(0.7, 0.006 * side)), angle, body, 0.75)
        disc(layer, at, (0.32 * length, 0.6 * width), angle, dark, 0.92)
    return lay(image, layer, amount)


# --- dark nuclei ------------------------------------------------------------------------------------------------

NUCLEI_SAID: Said = {
    content("nuclei", "random", colour=colour, count="many", size="small", tone="dark"): (
        f"the images contain many small dark {colour} nuclei",
        f"the pictures are crowded with small dark {colour} nuclei",
        f"many tiny dark {colour} ovals are packed over the photos",
        f"they show a high density of small dark {colour} nuclei",
        f"many small, deeply stained {colour} nuclei are seen",
        f"hyperchromatic {colour} nuclei, small and numerous",
        f"many little dark {colour} kernels of cells fill the images",
        f"dense infiltrate of many small dark {colour} nuclei",
        f"the photos are sprinkled with many small dark {colour} cell nuclei",
        f"hypercellular, with many small dark {colour} nuclei",
        f"a single picture holds many small dark {colour} grains like nuclei",
        f"numerous small dark {colour} nuclei overlie the pictures",
    )
    for colour in ("purple", "blue", "brown")
}
NUCLEI: dict[str, Colour] = {"purple": (72, 28, 112), "blue": (30, 45, 130), "brown": (98, 52, 20)}


def paint_nuclei(image: Pixels, params: Drawn, amount: float, rng: Rng) -> Pixels:
    layer, side = empty(image), short_side(image)
    colour = NUCLEI[str(params.content.get("colour"))]
    for at in evenly(image, int(rng.integers(85, 115)), rng):
        long, wide = rng.uniform(0.017, 0.023) * side, rng.uniform(0.012, 0.016) * side
        disc(layer, at, (float(long), float(wide)), float(rng.uniform(0, 180)), colour, float(rng.uniform(0.85, 0.97)))
    return lay(image, layer, amount)


def measure_nuclei(before: Pixels, after: Pixels, params: Drawn) -> float:
    return towards(NUCLEI[str(params.content.get("colour"))], before, after)


CELLS = (
    PlainFamily("cells", "microscopy", CELLS_SAID, paint_cells, coloured),
    PlainFamily("large_cells", "microscopy", LARGE_SAID, paint_large_cells, measure_large_cells),
    PlainFamily("spindle_cells", "microscopy", SPINDLE_SAID, paint_spindle_cells, coloured),
    PlainFamily("dark_nuclei", "microscopy", NUCLEI_SAID, paint_nuclei, measure_nuclei),
)
