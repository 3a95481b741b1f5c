"""Families that move the pixels: turns, crops, stretches, lenses, waves, shifts and cut-up pictures."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np

from data_synth.facts import content
from data_synth.families.plain import Drawn, Floats, Painter, PlainFamily, Said
from data_synth.family import Family, Pixels


def _around(value: float, rng: np.random.Generator) -> float:
    """The value, up to 15 % more or less: images of one set differ a little."""
    return value * float(rng.uniform(0.85, 1.15))


def _linear(
    image: Pixels,
    matrix: tuple[tuple[float, float], tuple[float, float]],
    shift: tuple[float, float] = (0.0, 0.0),
    border: int = cv2.BORDER_REFLECT_101,
) -> Pixels:
    """Where the pixel at p, seen from the image's centre, is fetched from: matrix p + shift."""
    height, width = image.shape[:2]
    m = np.array(matrix, np.float64)
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    fetch = np.column_stack([m, centre - m @ centre + shift])
    return cv2.warpAffine(  # type: ignore[return-value]
        image, fetch, (width, height), flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP, borderMode=border
    )


def _offsets(image: Pixels) -> tuple[Floats, Floats]:
    """Every pixel's x, shape (1, width), and y, shape (height, 1), from the image's centre."""
    height, width = image.shape[:2]
    x = np.arange(width, dtype=np.float32)[None, :] - (width - 1) / 2
    y = np.arange(height, dtype=np.float32)[:, None] - (height - 1) / 2
    return x.astype(np.float32), y.astype(np.float32)


def _fetch(image: Pixels, x: Floats, y: Floats) -> Pixels:
    """The image whose pixels come from the offsets x, y (from the centre), mirrored beyond the edge."""
    height, width = image.shape[:2]
    xs = np.broadcast_to(x + (width - 1) / 2, (height, width)).astype(np.float32)
    ys = np.broadcast_to(y + (height - 1) / 2, (height, width)).astype(np.float32)
    return cv2.remap(image, xs, ys, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)  # type: ignore[return-value]


def _rotate(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    angle = np.deg2rad(_around(30 * amount, rng))
    if drawn.content.get("direction") == "counterclockwise":
        angle = -angle
    cos, sin = float(np.cos(angle)), float(np.sin(angle))
    return _linear(image, ((cos, sin), (-sin, cos)))


def _flip(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    # The one change of the file that has no degrees: half upside down would be a lie.
    return np.ascontiguousarray(image[::-1])


def _zoom_in(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    factor = 1 / (1 + _around(1.1 * amount, rng))
    height, width = image.shape[:2]
    room = 0.25 * (1 - factor)  # half of what keeps the crop inside the image
    shift = (float(rng.uniform(-room, room)) * width, float(rng.uniform(-room, room)) * height)
    return _linear(image, ((factor, 0), (0, factor)), shift)


def _zoom_out(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    height, width = image.shape[:2]
    factor = 1 + _around(0.9 * amount, rng)
    inner = (max(round(width / factor), 8), max(round(height / factor), 8))
    small = cv2.resize(image, inner, interpolation=cv2.INTER_AREA)
    left, top = (width - inner[0]) // 2, (height - inner[1]) // 2
    return cv2.copyMakeBorder(  # type: ignore[return-value]
        small, top, height - inner[1] - top, left, width - inner[0] - left, cv2.BORDER_REFLECT_101
    )


def _stretch(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    factor = 1 / (1 + _around(0.9 * amount, rng))
    sideways = drawn.content.get("direction") == "horizontal"
    return _linear(image, ((factor, 0), (0, 1)) if sideways else ((1, 0), (0, factor)))


def _shear(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    slope = _around(0.6 * amount, rng)
    return _linear(image, ((1, slope if drawn.content.get("direction") == "right" else -slope), (0, 1)))


def _perspective(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    height, width = image.shape[:2]
    far = drawn.content.get("far")
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32) - 0.5
    depth = _around(0.28 * amount, rng)
    inward = np.zeros((4, 2), np.float32)  # the two corners of the far edge approach each other
    first, second = {"top": (0, 1), "right": (1, 2), "bottom": (2, 3), "left": (3, 0)}[str(far)]
    inward[first] = depth * (corners[second] - corners[first])
    inward[second] = -inward[first]
    # The far edge also comes nearer to the middle, as a tilted sheet's would.
    opposite = {"top": (0, 1), "right": (-1, 0), "bottom": (0, -1), "left": (1, 0)}[str(far)]
    inward[[first, second]] += np.array(opposite, np.float32) * (0.3 * depth * np.array([width, height], np.float32))
    matrix = cv2.getPerspectiveTransform(corners, corners + inward)
    return cv2.warpPerspective(  # type: ignore[return-value]
        image, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101
    )


def _radius2(image: Pixels, x: Floats, y: Floats) -> Floats:
    """Squared distance from the centre, 1 in the corners (an ellipse where the image is not square)."""
    height, width = image.shape[:2]
    squared: Floats = 2 * (x / width) ** 2 + 2 * (y / height) ** 2
    return squared


def _barrel(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    x, y = _offsets(image)
    strength = _around(1.1 * amount, rng)
    scale = (1 + strength * _radius2(image, x, y)) / (1 + 0.8 * strength)
    return _fetch(image, x * scale, y * scale)


def _pincushion(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    x, y = _offsets(image)
    strength = min(_around(0.3 * amount, rng), 0.33)  # from 1/3 on, the corners would fold over
    scale = (1 + 1.1 * strength) * (1 - strength * _radius2(image, x, y))
    return _fetch(image, x * scale, y * scale)


def _swirl(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    x, y = _offsets(image)
    reach = 0.55 * min(image.shape[:2])
    near = np.clip(1 - np.sqrt(x * x + y * y) / reach, 0, None)
    angle = _around(3.0 * amount, rng) * near * near
    if drawn.content.get("direction") == "counterclockwise":
        angle = -angle
    cos, sin = np.cos(angle), np.sin(angle)
    return _fetch(image, cos * x + sin * y, cos * y - sin * x)


def _wave(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    x, y = _offsets(image)
    side = min(image.shape[:2])
    height = _around(0.032 * amount, rng) * side
    turns = 2 * np.pi / (float(rng.uniform(0.2, 0.3)) * side)
    start, other = rng.uniform(0, 2 * np.pi, 2)
    return _fetch(image, x + height * np.sin(turns * y + start), y + height * np.sin(turns * x + other))


def _shift(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    height, width = image.shape[:2]
    share = _around(0.32 * amount, rng)
    x, y = {"left": (1, 0), "right": (-1, 0), "up": (0, 1), "down": (0, -1)}[str(drawn.content.get("direction"))]
    return _linear(image, ((1, 0), (0, 1)), (x * share * width, y * share * height), cv2.BORDER_REPLICATE)


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


def _slide_strips(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    after = image.copy()
    level = drawn.content.get("direction") == "horizontal"
    view, source = (after, image) if level else (after.swapaxes(0, 1), image.swapaxes(0, 1))
    edges = np.linspace(0, view.shape[0], int(rng.integers(7, 11))).astype(int)
    first = int(rng.integers(2))
    for n, (start, stop) in enumerate(pairwise(edges)):
        way = 1 if (n + first) % 2 else -1  # neighbours go opposite ways, so that every cut shows
        offset = way * max(round(_around(0.14 * amount, rng) * view.shape[1]), 1)
        view[start:stop] = np.roll(source[start:stop], offset, axis=1)
    return after


def _family(name: str, painter: Painter, said: Said) -> PlainFamily:
    return PlainFamily(name, "geometry", said, painter)


def _turned(way: str, other: str) -> tuple[str, ...]:
    return (
        f"the images are rotated {way}",
        f"the pictures are turned {other}",
        f"the photos lean {other}, with a horizon that is no longer level",
        f"they are rotated {way} by some degrees",
        f"the whole scene has been turned {way}",
        f"everything in the images stands askew, tipped {other}",
        f"they look as if the camera had been held at an angle, the scene tipping {other}",
    )


def _stretched(way: str, longer: str) -> tuple[str, ...]:
    return (
        f"the images are stretched {way}",
        f"the pictures are pulled {longer}",
        f"things in the photos look {longer} than they should",
        f"they are stretched {way}, out of proportion",
        f"the content of the images is {longer} than normal",
        f"the aspect ratio is off: everything appears {longer}",
    )


def _sheared(way: str) -> tuple[str, ...]:
    return (
        f"the images are slanted to the {way}",
        f"the pictures are sheared to the {way}",
        f"they are skewed, the upper part pushed to the {way}",
        f"upright things in the photos lean to the {way} like italic letters",
        f"they slant to the {way}",
        f"the content of the images is skewed towards the {way}",
    )


def _tilted(side: str, opposite: str) -> tuple[str, ...]:
    return (
        f"the images are tilted in perspective, with the {side} farther away",
        f"the {side} of the pictures recedes into the distance",
        f"the photos look like a sheet tipped away at the {side}",
        f"they are seen in perspective, narrower at the {side}",
        f"the {side} of the images is shrunk and their {opposite} comes nearer",
        f"they have a keystone distortion that narrows the {side}",
    )


def _swirled(way: str) -> tuple[str, ...]:
    return (
        f"the images are swirled {way}",
        f"the middle of the pictures is twisted {way}",
        f"the photos are wound up {way} like a whirlpool",
        f"they are twisted {way} around their centre",
        f"a {way} swirl distorts the images",
        f"the content is stirred {way} in the middle",
    )


def _shifted(way: str, emptied: str) -> tuple[str, ...]:
    return (
        f"the images are shifted {way}",
        f"the pictures have moved {way}",
        f"the content of the photos sits too far {way}, and the {emptied} edge is smeared out",
        f"they are displaced {way}",
        f"everything in the images has been pushed {way}",
        f"they are off-centre, shifted {way} with streaks along the {emptied} edge",
    )


def _strips(way: str, how: str) -> tuple[str, ...]:
    return (
        f"the images are cut into {way} strips that are out of line",
        f"the pictures are sliced into {way} bands that slid {how}",
        f"{way} strips of the photos are displaced {how}",
        f"they are broken into misaligned {way} slices",
        f"they look shredded into {way} strips",
        f"{way} slices of the images no longer fit together",
    )


GEOMETRY: tuple[Family, ...] = (
    _family(
        "rotation",
        _rotate,
        {
            content("rotation", direction="clockwise"): _turned("clockwise", "to the right"),
            content("rotation", direction="counterclockwise"): _turned("counterclockwise", "to the left"),
        },
    ),
    _family(
        "upside_down",
        _flip,
        {
            content("orientation", value="upside down"): (
                "the images are upside down",
                "the pictures stand on their head",
                "the photos are flipped vertically",
                "they are turned over, top to bottom",
                "what should be at the top of the images is at the bottom",
                "the sky is below and the ground above in the images",
            )
        },
    ),
    _family(
        "zoom_in",
        _zoom_in,
        {
            content("zoom", direction="in"): (
                "the images are zoomed in",
                "the pictures are cropped closer",
                "the photos show a tighter crop",
                "they are taken from closer up",
                "things in the images appear larger, and less of the scene is visible",
                "they are magnified, cutting off the surroundings",
            )
        },
    ),
    _family(
        "zoom_out",
        _zoom_out,
        {
            content("zoom", direction="out"): (
                "the images are zoomed out",
                "the pictures are shrunk, with mirrored copies around them",
                "the content of the photos is smaller",
                "they show smaller content, continued by its reflection at the edges",
                "things in the images appear smaller and farther away",
                "the scene is reduced in size and mirrored outwards to fill the margin",
            )
        },
    ),
    _family(
        "stretch",
        _stretch,
        {
            content("stretch", direction="horizontal"): _stretched("horizontally", "wider"),
            content("stretch", direction="vertical"): _stretched("vertically", "taller"),
        },
    ),
    _family("shear", _shear, {content("shear", direction=way): _sheared(way) for way in ("left", "right")}),
    _family(
        "perspective",
        _perspective,
        {
            content("perspective", far=side): _tilted(side, opposite)
            for side, opposite in (("top", "bottom"), ("bottom", "top"), ("left", "right"), ("right", "left"))
        },
    ),
    _family(
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
            )
        },
    ),
    _family(
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
            )
        },
    ),
    _family(
        "swirl",
        _swirl,
        {content("swirl", direction=way): _swirled(way) for way in ("clockwise", "counterclockwise")},
    ),
    _family(
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
            )
        },
    ),
    _family(
        "shift",
        _shift,
        {
            content("shift", direction="left"): _shifted("to the left", "right"),
            content("shift", direction="right"): _shifted("to the right", "left"),
            content("shift", direction="up"): _shifted("upwards", "lower"),
            content("shift", direction="down"): _shifted("downwards", "upper"),
        },
    ),
    _family(
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
            ),
            content("mirroring", side="bottom"): (
                "the bottom of the images mirrors what is above it",
                "the pictures are mirrored at a level line",
                "towards the bottom the photos repeat themselves upside down",
                "they are reflected at the bottom, as if standing at still water",
                "the lower part of the images is a reflection",
                "a top-down reflection takes the place of the lower part of the pictures",
            ),
        },
    ),
    _family(
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
            )
        },
    ),
    _family(
        "strips",
        _slide_strips,
        {
            content("strips", direction="horizontal"): _strips("horizontal", "sideways"),
            content("strips", direction="vertical"): _strips("vertical", "up and down"),
        },
    ),
)
