"""Pictures that repeat or rearrange their parts: mirrored parts, tiles, strips."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from data_synth.facts import content
from data_synth.families.geometry.pixels import around, fetched, geometry, offsets
from data_synth.families.plain import Drawn
from data_synth.family import Pixels


def _mirror_part(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    """A mirror comes in from the edge and stands in the middle at amount 1."""
    after = image.copy()
    across = drawn.content.get("side") == "right"
    view, source = (after, image) if across else (after.swapaxes(0, 1), image.swapaxes(0, 1))
    seen = max(int(view.shape[1] * amount / 2), 1)
    mirror = view.shape[1] - seen
    view[:, mirror:] = source[:, mirror - seen : mirror][:, ::-1]
    return after


def _shuffle_tiles(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    """The more, the more of the 4 x 4 tiles change places; at least two do."""
    after = image.copy()
    height, width = image.shape[0] // 4, image.shape[1] // 4
    moved = rng.permutation(16)[: 2 + round(14 * amount)]
    for here, there in zip(moved, np.roll(moved, 1), strict=True):
        (y, x), (v, u) = divmod(int(here), 4), divmod(int(there), 4)
        tile = image[v * height : (v + 1) * height, u * width : (u + 1) * width]
        after[y * height : (y + 1) * height, x * width : (x + 1) * width] = tile
    return after


def _tilt_tiles(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    """Each of 4 x 4 tiles shows the scene turned about the tile's own middle, neighbours opposite ways."""
    height, width = image.shape[:2]
    x, y = offsets(image)
    column, row = np.arange(width) * 4 // width, np.arange(height) * 4 // height
    angles = np.deg2rad(26 * amount * rng.uniform(0.6, 1.0, (4, 4)))
    angles[np.indices((4, 4)).sum(0) % 2 == int(rng.integers(2))] *= -1
    angle = angles[np.ix_(row, column)].astype(np.float32)
    middle_x = ((column - 1.5) * width / 4).astype(np.float32)[None, :]
    middle_y = ((row - 1.5) * height / 4).astype(np.float32)[:, None]
    cos, sin, u, v = np.cos(angle), np.sin(angle), x - middle_x, y - middle_y
    return fetched(image, middle_x + cos * u + sin * v, middle_y + cos * v - sin * u)


def _slide_strips(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    after = image.copy()
    level = drawn.content.get("direction") == "horizontal"
    view, source = (after, image) if level else (after.swapaxes(0, 1), image.swapaxes(0, 1))
    edges = np.linspace(0, view.shape[0], int(rng.integers(7, 11))).astype(int)
    first = int(rng.integers(2))
    for n, (start, stop) in enumerate(pairwise(edges)):
        way = 1 if (n + first) % 2 else -1  # neighbours go opposite ways, so that every cut shows
        offset = way * max(round(around(0.14 * amount, rng) * view.shape[1]), 1)
        view[start:stop] = np.roll(source[start:stop], offset, axis=1)
    return after


def _strips(way: str, how: str) -> tuple[str, ...]:
    return (
        f"the images are cut into {way} strips that are out of line",
        f"the pictures are sliced into {way} bands that slid {how}",
        f"{way} strips of the photos are displaced {how}",
        f"they are broken into misaligned {way} slices",
        f"they look shredded into {way} strips",
        f"{way} slices of the images no longer fit together",
        f"misaligned {way} strips",
        f"{way} slices that slid {how}",
        f"the pictures look torn into {way} bands",
        f"the scene jumps {how} from one {way} band to the next",
        f"neighbouring {way} strips are offset against one another",
        f"the frames are cut {way}ly, with the pieces displaced {how}",
    )


MIRRORED_PART = geometry(
    "mirrored_part",
    _mirror_part,
    {
        content("mirroring", side="right"): (
            "the right side of the images mirrors what is left of it",
            "the pictures are mirrored at an upright line",
            "towards the right the photos repeat themselves in reverse",
            "they are reflected at the right, as if a mirror stood there",
            "the right part of the images is a reflection",
            "a left-right reflection takes the place of the right part of the pictures",
            "a mirrored right part",
            "mirror symmetry towards the right",
            "a vertical mirror line runs through the photos",
            "things near the right edge appear twice, the second time reversed",
            "the right portion is a flipped copy of what lies beside it",
            "the scene folds back on itself at the right",
        ),
        content("mirroring", side="bottom"): (
            "the bottom of the images mirrors what is above it",
            "the pictures are mirrored at a level line",
            "towards the bottom the photos repeat themselves upside down",
            "they are reflected at the bottom, as if standing at still water",
            "the lower part of the images is a reflection",
            "a top-down reflection takes the place of the lower part of the pictures",
            "a mirrored lower part",
            "mirror symmetry towards the bottom",
            "a horizontal mirror line runs through the photos",
            "things near the bottom edge appear twice, the second time head down",
            "the lower portion is a flipped copy of what lies above it",
            "the scene folds back on itself at the bottom",
        ),
    },
)
TILE_SHUFFLE = geometry(
    "tile_shuffle",
    _shuffle_tiles,
    {
        content("tiles", value="shuffled"): (
            "the images are cut into tiles that are mixed up",
            "the pictures are scrambled like a sliding puzzle",
            "blocks of the photos have changed places",
            "they are shuffled tile by tile",
            "the images are jumbled: their pieces are in the wrong order",
            "pieces of the images have been swapped",
            "shuffled tiles",
            "a mixed-up mosaic of the scene",
            "the pictures look like a jigsaw put together wrongly",
            "blocks of the scene are exchanged with one another",
            "the spatial order of the frames is broken up tile by tile",
            "some parts of the photos sit where other parts belong",
        )
    },
)
TILTED_BLOCKS = geometry(
    "tilted_blocks",
    _tilt_tiles,
    {
        content("tiles", value="tilted"): (
            "the images are cut into tiles that are each turned askew",
            "the pictures look like loose tiles, each tilted a little",
            "blocks of the photos are rotated on the spot",
            "they are broken into tilted blocks",
            "tilted tiles",
            "a mosaic whose pieces are all twisted out of line",
            "the scene is cut into blocks that turn against their neighbours",
            "every piece of the images is in its place but crooked",
            "neighbouring tiles are turned opposite ways",
            "block-wise rotation of the frames",
            "the photos look as if seen through crooked glass bricks",
            "lines break at the seams of a grid, as each cell is tilted",
        )
    },
)
STRIPS = geometry(
    "strips",
    _slide_strips,
    {
        content("strips", direction="horizontal"): _strips("horizontal", "sideways"),
        content("strips", direction="vertical"): _strips("vertical", "up and down"),
    },
)
