"""Drawn images that need no download: a dozen kinds of pictures, each as varied as a set of real ones.

Every painter takes (rng, size) and returns a square RGB image. Lengths are shares of the side, so that any size
shows the same kind of picture.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from data_synth.family import Pixels

Plane = NDArray[np.float32]
"""One value a pixel, shape (size, size)."""

SHIFT = 4
"""Fractional bits of the coordinates handed to OpenCV: edges fall between pixels too."""


def draw(kind: str, rng: np.random.Generator, size: int) -> Pixels:
    """One image of the kind, `size` px a side.

    Raises:
        ValueError: the kind is none of FIELDS.
    """
    if kind not in FIELDS:
        raise ValueError(f"no drawn images of kind {kind!r}; known are {', '.join(FIELDS)}")
    return FIELDS[kind](rng, size)


# Brushes


def _noise(rng: np.random.Generator, size: int, cells: float, octaves: int = 3, stretch: float = 1.0) -> Plane:
    """Smooth noise from 0 to 1, `cells` bumps across and `stretch` times as many down, finer ones at half weight."""
    total = np.zeros((size, size), np.float32)
    for octave in range(octaves):
        across, down = (max(2, round(cells * 2**octave * factor)) for factor in (1.0, stretch))
        grid = rng.random((min(down, size), min(across, size)), np.float32)
        total += cv2.resize(grid, (size, size), interpolation=cv2.INTER_CUBIC) * 0.5**octave
    return _unit(total)


def _unit(plane: Plane) -> Plane:
    low, high = float(plane.min()), float(plane.max())
    return np.asarray((plane - low) / max(high - low, 1e-6), np.float32)


def _axes(size: int) -> tuple[Plane, Plane]:
    """x and y from -1 to 1, shapes (1, size) and (size, 1)."""
    line = np.linspace(-1, 1, size, dtype=np.float32)
    return line[None, :], line[:, None]


def _slope(rng: np.random.Generator, size: int) -> Plane:
    """A plane that rises from -1 to 1 in a random direction."""
    x, y = _axes(size)
    angle = rng.uniform(0, 2 * np.pi)
    return np.asarray((np.cos(angle) * x + np.sin(angle) * y) / 1.42, np.float32)


def _ramp(plane: Plane, colours: ArrayLike) -> Pixels:
    """Values from 0 to 1 turned into evenly spaced colours."""
    stops = np.asarray(colours, np.float64)
    where = np.linspace(0, 255, len(stops))
    table = np.stack([np.interp(np.arange(256), where, channel) for channel in stops.T], axis=-1)
    levels = np.clip(plane * 255, 0, 255).astype(np.uint8)
    return np.asarray(cv2.applyColorMap(levels, np.clip(table, 0, 255).astype(np.uint8)[:, None]), np.uint8)


def _palette(rng: np.random.Generator, count: int, saturation: tuple[float, float] = (0.1, 0.7)) -> NDArray[np.float64]:
    """Colours that go together: hues around one or two, from dark to light. Shape (count, 3), 0 to 255."""
    hues = (rng.random() + rng.choice([0, 0, 0.08, -0.08, 0.5], count) + rng.normal(0, 0.04, count)) % 1
    dull = rng.uniform(*saturation) * rng.uniform(0.4, 1.2, count).clip(0, 1)
    value = np.sort(rng.uniform(rng.uniform(0.1, 0.35), rng.uniform(0.7, 1.0), count))
    sextant = (np.array([5, 3, 1]) + hues[:, None] * 6) % 6
    chroma = np.clip(np.minimum(sextant, 4 - sextant), 0, 1)
    return np.asarray(255 * value[:, None] * (1 - dull[:, None] * chroma))


def _tinted(rng: np.random.Generator, colour: ArrayLike, spread: float, count: int) -> NDArray[np.float64]:
    """Variants of one colour: lighter and darker by `spread`, a little off in hue. Shape (count, 3)."""
    shift = rng.normal(0, spread, (count, 1)) + rng.normal(0, spread / 3, (count, 3))
    return np.asarray(np.clip(np.asarray(colour, np.float64) + shift, 0, 255))


def _blobs(
    rng: np.random.Generator,
    centres: ArrayLike,
    radii: ArrayLike,
    wobble: float = 0.15,
    stretch: float = 1.0,
    points: int = 12,
    angle: float | None = None,
) -> NDArray[np.float64]:
    """Closed outlines around `centres` (n, 2), shape (n, points, 2); each up to `stretch` times as long as wide.

    Args:
        angle: of the long axis in radians; None draws one each.
    """
    centres = np.asarray(centres, np.float64).reshape(-1, 2)
    count = len(centres)
    turn = np.linspace(0, 2 * np.pi, points, endpoint=False)
    wave = sum(
        rng.normal(0, 0.5, (count, 1)) * np.cos(k * turn + rng.uniform(0, 6.3, (count, 1))) / (k - 1)
        for k in range(2, 5)
    )
    radius = np.broadcast_to(np.asarray(radii, np.float64), count)[:, None] * (1 + wobble * wave)
    long = np.sqrt(rng.uniform(1 + (stretch - 1) / 2, stretch, (count, 1)))
    x, y = radius * np.cos(turn) * long, radius * np.sin(turn) / long
    lean = rng.uniform(0, np.pi, (count, 1)) if angle is None else np.full((count, 1), angle)
    turned = np.stack([x * np.cos(lean) - y * np.sin(lean), x * np.sin(lean) + y * np.cos(lean)], axis=-1)
    return np.asarray(centres[:, None] + turned)


def _fill(image: NDArray[np.uint8], outlines: ArrayLike, colours: ArrayLike, smooth: bool = True) -> None:
    """Paint outlines (shares of the side) in order, all in one colour or grey level, or each in its own."""
    corners = np.rint(np.asarray(outlines, np.float64) * (image.shape[0] * 2**SHIFT)).astype(np.int32)
    shades = np.broadcast_to(np.asarray(colours, np.float64), (len(corners), *image.shape[2:]))
    line = cv2.LINE_AA if smooth else cv2.LINE_8
    for outline, shade in zip(corners, shades.tolist(), strict=True):
        cv2.fillPoly(image, [outline], shade, line, SHIFT)


def _stroke(
    image: NDArray[np.uint8], line: ArrayLike, colour: Sequence[float] | float, width: float, closed: bool = False
) -> None:
    """Paint one open or closed line through points (shares of the side); `width` is a share of the side too."""
    points = np.rint(np.asarray(line, np.float64) * (image.shape[0] * 2**SHIFT)).astype(np.int32)
    thickness = max(1, round(width * image.shape[0]))
    shade = colour if isinstance(colour, Sequence) else (colour,)
    cv2.polylines(image, [points], closed, shade, thickness, cv2.LINE_AA, SHIFT)


def _bars(centres: NDArray[np.float64], half: NDArray[np.float64], angle: ArrayLike) -> NDArray[np.float64]:
    """Rectangles around `centres` (n, 2) with half sides `half` (n, 2), turned by `angle`. Shape (n, 4, 2)."""
    signs = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    local = half[:, None] * signs
    lean = np.broadcast_to(np.asarray(angle, np.float64), len(centres))[:, None]
    x, y = local[..., 0], local[..., 1]
    turned = np.stack([x * np.cos(lean) - y * np.sin(lean), x * np.sin(lean) + y * np.cos(lean)], axis=-1)
    return np.asarray(centres[:, None] + turned)


def _soft(image: NDArray[np.uint8], sigma: float) -> NDArray[np.uint8]:
    """Blurred by `sigma`, a share of the side."""
    return np.asarray(cv2.GaussianBlur(image, (0, 0), max(sigma * image.shape[0], 0.3)), np.uint8)


def _finish(rng: np.random.Generator, image: ArrayLike, light: Plane | None = None, grain: float = 4.0) -> Pixels:
    """Light (a factor a pixel) and sensor grain (grey levels) over an image or a plane of 0 to 255, as RGB."""
    canvas = np.asarray(image, np.float32)
    if canvas.ndim == 2:
        shape = canvas.shape
        canvas = canvas if light is None else canvas * light
        canvas = canvas + rng.standard_normal(shape, np.float32) * np.float32(grain)
        return np.asarray(cv2.cvtColor(np.clip(canvas, 0, 255).astype(np.uint8), cv2.COLOR_GRAY2RGB), np.uint8)
    speckle = rng.standard_normal(canvas.shape[:2], np.float32) * np.float32(grain)
    canvas = (canvas if light is None else canvas * light[..., None]) + speckle[..., None]
    return np.asarray(np.clip(canvas, 0, 255).astype(np.uint8))


def _daylight(rng: np.random.Generator, size: int, depth: float = 0.25) -> Plane:
    """Uneven light: a slope, and often darker corners."""
    x, y = _axes(size)
    light = 1 + rng.uniform(0, depth) * _slope(rng, size)
    return np.asarray(light * (1 - rng.uniform(0, depth / 2) * (x * x + y * y)), np.float32)


def _nearest(rng: np.random.Generator, size: int, count: int) -> tuple[NDArray[np.int32], Plane]:
    """Cells of random points: the nearest point's number (from 1) and the distance to it, 0 to 1."""
    seeds = np.full((size, size), 255, np.uint8)
    seeds[tuple(rng.integers(0, size, (2, count)))] = 0
    distance, labels = cv2.distanceTransformWithLabels(seeds, cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL)
    return np.asarray(labels, np.int32), _unit(np.asarray(distance, np.float32))


# Everyday worlds


def _shapes(rng: np.random.Generator, size: int) -> Pixels:
    """Many overlapping polygons, discs and bars in one palette before a soft ground."""
    colours = _palette(rng, 6)
    image = _ramp(_unit(_slope(rng, size) + rng.uniform(0, 2) * _noise(rng, size, 3)), colours[rng.permutation(6)[:3]])
    count = int(rng.integers(25, 70))
    radii = np.sort(rng.uniform(0.02, 0.22) * rng.pareto(2.5, count).clip(0.1, 1.5) + 0.015)[::-1]
    centres = rng.random((count, 2))
    shades = (colours[rng.integers(0, 6, count)] + rng.normal(0, 14, (count, 3))).clip(0, 255)
    kinds = rng.choice(5, count, p=rng.dirichlet(np.full(5, 0.7)))
    for kind, points in enumerate((3, 4, 6, 14)):
        chosen = kinds == kind
        _fill(image, _blobs(rng, centres[chosen], radii[chosen], 0.1, 2.0, points), shades[chosen])
    chosen = kinds == 4
    half = np.stack([radii[chosen] * 2, radii[chosen] * 0.25], axis=-1)
    _fill(image, _bars(centres[chosen], half, rng.uniform(0, np.pi, int(chosen.sum()))), shades[chosen])
    return _finish(rng, image, _daylight(rng, size) * (0.9 + 0.2 * _noise(rng, size, 12)), rng.uniform(1, 7))


def _leaves(rng: np.random.Generator, size: int) -> Pixels:
    """Occluding patches of all sizes, the statistics of clutter (dead leaves: Baradad et al. 2021, section 3)."""
    colours = _palette(rng, 8)
    count = int(rng.integers(120, 260))
    radii = np.clip(0.02 * rng.random(count) ** (-1 / rng.uniform(1.5, 3)), 0.015, 0.25)
    image = _ramp(_noise(rng, size, 4), colours[:3])
    shades = (colours[rng.integers(0, 8, count)] + rng.normal(0, 10, (count, 3))).clip(0, 255)
    points, stretch = int(rng.choice([4, 6, 12])), float(rng.choice([1.0, 2.0, 5.0]))
    outlines = _blobs(rng, rng.random((count, 2)), radii, rng.uniform(0, 0.3), stretch, points)
    _fill(image, outlines, shades)
    texture = 1 + rng.uniform(0.1, 0.5) * (_noise(rng, size, size / 4, 2, rng.uniform(0.2, 1)) - 0.5)
    return _finish(rng, image, texture * _daylight(rng, size), rng.uniform(1, 6))


def _landscape(rng: np.random.Generator, size: int) -> Pixels:
    """Sky, ridges, ground, and trees or houses on them, by day, dusk or night."""
    hour = rng.choice(["day", "day", "dusk", "night"])
    skies = {
        "day": [[80, 130, 200], [170, 200, 230], [225, 232, 238]],
        "dusk": [[60, 50, 110], [200, 110, 90], [250, 190, 110]],
        "night": [[6, 8, 25], [15, 20, 45], [40, 45, 70]],
    }
    sky = np.array(skies[hour]) + rng.normal(0, 15) + rng.normal(0, 12, (3, 3))
    _, y = _axes(size)
    image = _ramp(np.repeat((y + 1) / 2, size, axis=1), sky)
    clouds = np.clip(_noise(rng, size, 3, 4, rng.uniform(1, 3)) - rng.uniform(0.3, 0.9), 0, 1) * rng.uniform(0.5, 2)
    white = np.float32(70 if hour == "night" else 235)
    image = np.asarray(image + (white - image) * np.clip(clouds, 0, 0.9)[..., None], np.uint8)
    if rng.random() < 0.4:
        disc = _blobs(rng, rng.uniform(0.1, 0.5, (1, 2)) * [1.8, 0.7], rng.uniform(0.02, 0.06), 0, 1, 24)
        _fill(image, disc, [250, 240, 205])
    land = _palette(rng, 5, (0.2, 0.6)) * {"day": 0.8, "dusk": 0.55, "night": 0.35}[str(hour)]
    if rng.random() < 0.6:
        land = land * 0.5 + np.array([[70, 110, 50]]) * np.linspace(0.9, 0.4, 5)[:, None]
    horizon, layers = rng.uniform(0.35, 0.65), int(rng.integers(2, 5))
    across = np.linspace(0, 1, 40)
    for layer in range(layers):
        rough = sum(rng.uniform(0, 0.5**k) * np.cos(2**k * 4 * across + rng.uniform(0, 6)) for k in range(5))
        base = horizon + layer * (1 - horizon) / layers
        crest = base + rough * rng.uniform(0.02, 0.1) * (1 - layer / layers)
        near = (layer + 1) / layers
        colour = land[layer] * near + sky[2] * (1 - near) * 0.8
        _fill(image, [np.concatenate([np.stack([across, crest], -1), [[1, 1.1], [0, 1.1]]])], [colour])
        count = int(rng.integers(0, 25))
        feet = rng.random(count)
        places = np.stack([feet, np.interp(feet, across, crest) + rng.uniform(0, 0.08, count)], -1)
        height = rng.uniform(0.02, 0.06, count) * (1 + 2 * near)
        shades = _tinted(rng, colour * 0.65, 12, count)
        if rng.random() < 0.3:
            half = np.stack([height * 0.5, height * rng.uniform(0.6, 1.5, count)], -1)
            _fill(image, _bars(places, half, 0.0), _tinted(rng, colour * 0.5 + 60, 25, count))
            if hour != "day":
                lamps = places[:, None] + rng.uniform(-0.4, 0.4, (count, 3, 2)) * height[:, None, None]
                _fill(image, _bars(lamps.reshape(-1, 2), np.full((count * 3, 2), 0.006), 0.0), [250, 215, 130])
        elif rng.random() < 0.5:
            _fill(image, _blobs(rng, places - [0, 0.03], height * 0.7, 0.2, 1.2, 12), shades)
        else:
            fir = np.array([[0, -2], [0.45, 0], [-0.45, 0]])
            _fill(image, places[:, None] + fir * height[:, None, None], shades)
    texture = 1 + np.clip(y - 2 * horizon + 1, 0, 0.5) * (_noise(rng, size, size / 5, 2, 2.0) - 0.5)
    return _finish(rng, image, np.asarray(texture, np.float32), rng.uniform(1, 8))


def _aerial(rng: np.random.Generator, size: int) -> Pixels:
    """Fields, roads, houses, trees and water from above."""
    plots = [(-0.3, -0.3, 1.3, 1.3)]
    town = bool(rng.random() < 0.35)
    for _ in range(int(rng.integers(10, 45))):
        x0, y0, x1, y1 = plots.pop(int(np.argmax([(p[2] - p[0]) * (p[3] - p[1]) * rng.uniform(0.4, 1) for p in plots])))
        cut = rng.uniform(0.3, 0.7)
        if x1 - x0 > y1 - y0:
            plots += [(x0, y0, x0 + cut * (x1 - x0), y1), (x0 + cut * (x1 - x0), y0, x1, y1)]
        else:
            plots += [(x0, y0, x1, y0 + cut * (y1 - y0)), (x0, y0 + cut * (y1 - y0), x1, y1)]
    box = np.array(plots)
    count, angle = len(box), rng.uniform(0, np.pi)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    centres = ((box[:, :2] + box[:, 2:]) / 2 - 0.5) @ turn + 0.5
    half = (box[:, 2:] - box[:, :2]) / 2
    numbers = np.zeros((size, size), np.uint8)
    _fill(numbers, _bars(centres, half * rng.uniform(0.94, 1.0), angle), np.arange(1, count + 1), smooth=False)
    soils = [[95, 115, 60], [130, 135, 75], [165, 145, 100], [70, 95, 50], [150, 150, 110], [120, 100, 75]]
    if town:
        soils = [[130, 128, 122], [150, 145, 138], [110, 118, 95], [120, 115, 110]]
    chosen = np.array(soils)[rng.choice(len(soils), count + 1, p=rng.dirichlet(np.ones(len(soils))))]
    table = chosen * rng.uniform(0.7, 1.15) + rng.normal(0, 12, (count + 1, 1)) + rng.normal(0, 4, (count + 1, 3))
    table = np.clip(table, 0, 255)
    table[0] = rng.choice([60, 120, 175])
    wave = rng.uniform(40, 160, count + 1) / 2
    lean = np.where(rng.random(count + 1) < 0.5, angle, angle + np.pi / 2)
    depth = rng.choice([0, 0.06, 0.12], count + 1)
    x, y = _axes(size)
    waves = np.stack([wave * np.cos(lean), wave * np.sin(lean), depth], -1).astype(np.float32)[numbers]
    stripes = 1 + waves[..., 2] * np.sin(waves[..., 0] * x + waves[..., 1] * y)
    image = table.astype(np.uint8)[numbers]
    for _ in range(int(rng.integers(0, 3)) + 2 * town):
        along = angle + rng.choice([0, np.pi / 2])
        way = np.array([np.cos(along), np.sin(along)])
        middle = rng.random(2) + np.linspace(-1.5, 1.5, 24)[:, None] * way
        middle += np.sin(np.linspace(0, 5, 24))[:, None] * way[::-1] * rng.normal(0, 0.02)
        _stroke(image, middle, [float(v) for v in _tinted(rng, [150, 147, 142], 20, 1)[0]], rng.uniform(0.008, 0.03))
    if rng.random() < 0.25:
        ground = _noise(rng, size, 2, 3)
        level = rng.uniform(0.55, 0.75)
        image[ground > level] = _tinted(rng, [55, 85, 95], 15, 1)[0]
    trees = int(rng.integers(0, 60))
    near = rng.random((1, 2)) + rng.normal(0, rng.choice([0.1, 0.6]), (trees, 2))
    radii = rng.uniform(0.008, 0.022, trees)
    _fill(image, _blobs(rng, near + 0.008, radii, 0.1, 1, 8), [35, 40, 30])
    _fill(image, _blobs(rng, near, radii, 0.1, 1, 8), _tinted(rng, [65, 90, 45], 12, trees))
    homes = int(rng.integers(40, 90) if town else rng.integers(0, 14))
    lots = (np.floor(rng.random((homes, 2)) * 11) / 11 + rng.normal(0, 0.008, (homes, 2)) - 0.5) @ turn * 1.2 + 0.5
    sides = rng.uniform(0.012, 0.035, (homes, 2))
    roofs = np.array([[150, 85, 65], [110, 105, 105], [185, 180, 172], [95, 75, 65]])[rng.integers(0, 4, homes)]
    _fill(image, _bars(lots + 0.01, sides, angle), [40, 40, 42])
    _fill(image, _bars(lots, sides, angle), np.clip(roofs + rng.normal(0, 12, (homes, 3)), 0, 255))
    texture = stripes * (0.85 + 0.3 * _noise(rng, size, 10, 4))
    return _finish(rng, image, np.asarray(texture, np.float32), rng.uniform(2, 7))


def _document(rng: np.random.Generator, size: int) -> Pixels:
    """A page: heading, columns of text-like strokes, tables, figures; flat or a little turned, in uneven light."""
    ink = np.zeros((size, size), np.uint8)
    margin, columns = rng.uniform(0.06, 0.14), int(rng.choice([1, 1, 2, 3]))
    pitch = rng.uniform(0.026, 0.055)
    gap = 0.04
    width = (1 - 2 * margin - gap * (columns - 1)) / columns
    top = margin
    if rng.random() < 0.6:
        height = pitch * rng.uniform(1.3, 2)
        _text(rng, ink, margin, top, rng.uniform(0.3, 1 - 2 * margin), height)
        top += height * 1.6
    for column in range(columns):
        left, down = margin + column * (width + gap), top
        while down < 1 - margin - pitch:
            part = rng.choice(["text", "text", "text", "text", "figure", "table", "gap"])
            if part == "text":
                for line in range(int(rng.integers(2, 8))):
                    if down < 1 - margin - pitch:
                        share = rng.uniform(0.3, 0.9) if line and rng.random() < 0.15 else 1.0
                        _text(rng, ink, left, down, width * share, pitch)
                        down += pitch
            elif part in ("figure", "table"):
                height = min(rng.uniform(0.1, 0.3), 1 - margin - down)
                box = np.array(
                    [[left, down], [left + width, down], [left + width, down + height], [left, down + height]]
                )
                _stroke(ink, box, 200, 0.003, closed=True)
                if part == "table":
                    for row in np.arange(down + pitch, down + height, pitch * 1.3):
                        _stroke(ink, [[left, row], [left + width, row]], 140, 0.003)
                    for edge in left + width * np.array([0.3, 0.55, 0.8]):
                        _stroke(ink, [[edge, down], [edge, down + height]], 140, 0.003)
                else:
                    across = np.linspace(0.08, 0.92, 12)
                    curve = down + height * (0.5 + 0.35 * np.sin(across * rng.uniform(3, 12) + rng.uniform(0, 6)))
                    _stroke(ink, np.stack([left + width * across, curve], -1), 220, 0.008)
                down += height + pitch
            down += pitch * rng.uniform(0.3, 1.2)
    paper = _tinted(rng, [238, 234, 224] if rng.random() < 0.7 else [215, 200, 165], 10, 1)[0]
    pen = rng.choice([[25, 25, 30], [25, 25, 30], [30, 40, 110], [85, 60, 45]])
    cover = ink.astype(np.float32)[..., None] / 255 * np.float32(rng.uniform(0.6, 1))
    page = np.asarray(paper * (1 - cover) + pen * cover, np.uint8)
    if rng.random() < 0.5:
        table = [float(v) for v in _tinted(rng, [90, 75, 60], 35, 1)[0]]
        matrix = cv2.getRotationMatrix2D((size / 2, size / 2), rng.normal(0, 5), rng.uniform(0.82, 1.05))
        page = np.asarray(cv2.warpAffine(page, matrix, (size, size), borderValue=table), np.uint8)
    light = _daylight(rng, size, 0.35) * (0.97 + 0.05 * _noise(rng, size, 5))
    return _finish(rng, page, np.asarray(light, np.float32), rng.uniform(1, 6))


def _text(
    rng: np.random.Generator, ink: NDArray[np.uint8], left: float, top: float, width: float, height: float
) -> None:
    """Strokes in words on one line, added to `ink`."""
    size = ink.shape[0]
    wide, tall = round(width * size), max(2, round(height * size * 0.62))
    if wide < 4:
        return
    letters = max(2, round(width / height * 1.9))
    strokes = rng.random((4, letters * 3)) < np.array([0.2, 0.6, 0.6, 0.3])[:, None]
    strokes[:, 2::3] = False
    ends = np.cumsum(rng.integers(2, 9, letters))
    for end in ends[ends < letters]:
        strokes[:, end * 3 : end * 3 + 3] = False
    line = cv2.resize(strokes.astype(np.uint8) * 255, (wide, tall), interpolation=cv2.INTER_AREA)
    x, y = round(left * size), round(top * size)
    target = ink[y : y + tall, x : x + wide]
    target[:] = np.maximum(target, line[: target.shape[0], : target.shape[1]])


# Close up


def _weave(rng: np.random.Generator, size: int) -> Pixels:
    """Cloth and regular patterns: crossing threads, checks, knit, bent a little and lit from the side."""
    x, y = _axes(size)
    angle, threads = rng.uniform(0, np.pi), rng.uniform(8, 34)
    bend = rng.uniform(0, 0.06) * _noise(rng, size, 2, 2)
    warp = (np.cos(angle) * x + np.sin(angle) * y + bend) * np.float32(threads)
    weft = (np.cos(angle) * y - np.sin(angle) * x + bend) * np.float32(threads * rng.uniform(0.6, 1.4))
    hill = np.abs(np.sin(warp)) * rng.uniform(0.2, 1) + np.abs(np.sin(weft)) * rng.uniform(0.2, 1)
    twill = float(rng.choice([1.0, 2.0, 3.0]))
    over = (np.floor(warp / np.pi) + np.floor(weft / np.pi) * twill) % (twill + 1) < 1
    colours = _palette(rng, 5, (0.05, 0.8))
    image = _ramp(_unit(np.asarray(hill * np.where(over, 1.0, 0.75), np.float32)), colours[1:])
    if rng.random() < 0.5:
        check = (warp / np.pi / rng.integers(3, 9)) % 1 < rng.uniform(0.2, 0.6)
        if rng.random() < 0.6:
            check = check ^ ((weft / np.pi / rng.integers(3, 9)) % 1 < 0.5)
        image[check] = image[check] // 2 + (_palette(rng, 1)[0] / 2).astype(np.uint8)
    light = _daylight(rng, size, 0.5) * (0.8 + 0.4 * _noise(rng, size, size / 6, 2))
    return _finish(rng, image, np.asarray(light, np.float32), rng.uniform(1, 8))


def _surface(rng: np.random.Generator, size: int) -> Pixels:
    """Materials close up: wood, marble, rough stone, gravel, brushed metal."""
    x, y = _axes(size)
    light = _daylight(rng, size, 0.4)
    match int(rng.integers(0, 5)):
        case 0:
            angle = rng.normal(0, 0.15) + rng.choice([0, np.pi / 2])
            along, across = np.cos(angle) * x + np.sin(angle) * y, np.cos(angle) * y - np.sin(angle) * x
            knot = np.exp(-8 * ((along - rng.uniform(-1, 1)) ** 2 * 0.4 + (across - rng.uniform(-1, 1)) ** 2))
            stretch = 6.0 if abs(np.cos(angle)) > 0.7 else 1 / 6
            grain = across + 0.25 * _noise(rng, size, 3 / np.sqrt(stretch), 3, stretch) + rng.uniform(0, 0.7) * knot
            rings = (grain * np.float32(rng.uniform(4, 14))) % 1
            fibre = _noise(rng, size, 16 / np.sqrt(stretch), 2, stretch)
            brown = np.array([[70, 42, 24], [135, 90, 52], [190, 145, 95]]) * rng.uniform(0.6, 1.3)
            image = _ramp(_unit(np.asarray(0.6 * rings + 0.5 * fibre, np.float32)), brown + rng.normal(0, 10, 3))
        case 1:
            vein = 1 - np.abs(2 * _noise(rng, size, rng.uniform(2, 4), 5) - 1) ** rng.uniform(0.3, 0.8)
            image = _ramp(np.asarray(vein, np.float32), _palette(rng, 4, (0.0, 0.25))[:: int(rng.choice([-1, 1]))])
        case 2:
            height = _noise(rng, size, rng.uniform(4, 12), 5)
            relief = np.asarray(cv2.Sobel(height, cv2.CV_32F, 1, 0) - cv2.Sobel(height, cv2.CV_32F, 0, 1), np.float32)
            light = light * (1 + np.clip(relief * rng.uniform(0.5, 2), -0.6, 0.6))
            image = _ramp(_noise(rng, size, 4, 4), _palette(rng, 3, (0.05, 0.4)))
        case 3:
            labels, distance = _nearest(rng, size, int(rng.integers(40, 500)))
            stones = _tinted(rng, _palette(rng, 3, (0.05, 0.4))[1], rng.uniform(10, 35), int(labels.max()) + 1)
            image = stones.astype(np.uint8)[labels]
            light = light * (1.15 - rng.uniform(0.6, 1.2) * distance)
        case _:
            angle_stretch = float(rng.choice([30.0, 1 / 30]))
            brushed = _noise(rng, size, 24 / np.sqrt(angle_stretch), 3, angle_stretch)
            image = _ramp(_unit(brushed + rng.uniform(0.5, 3) * _slope(rng, size)), _palette(rng, 3, (0.0, 0.3)))
    return _finish(rng, image, np.asarray(light, np.float32), rng.uniform(1, 7))


# Medicine


def _tissue(rng: np.random.Generator, size: int) -> Pixels:
    """Stained tissue: pink ground, purple nuclei, glands and white gaps."""
    dense = rng.uniform(0.1, 1)
    pinks = np.array([[250, 242, 246], [238, 190, 214], [222, 150, 190], [190, 105, 160]])
    tint = rng.normal(0, 9, 3)
    ground = _noise(rng, size, rng.uniform(3, 9), 4, rng.uniform(0.5, 2))
    stroma = np.clip(ground * rng.uniform(0.7, 1.1) + rng.uniform(-0.1, 0.2), 0, 1)
    image = _ramp(np.asarray(stroma, np.float32), pinks + tint)
    glands = rng.random((int(rng.choice([0, 0, 1, 3, 6])), 2))
    reach = rng.uniform(0.06, 0.16, len(glands))
    lumens = _blobs(rng, glands, reach, 0.3, 1.8, 18)
    _fill(
        image,
        (lumens - glands[:, None]) * 1.45 + glands[:, None],
        _tinted(rng, np.add([195, 125, 180], tint), 8, len(glands)),
    )
    _fill(image, lumens, _tinted(rng, [246, 240, 245], 4, len(glands)))
    radius = rng.uniform(0.008, 0.018)
    count = int(np.clip(dense * 0.08 / radius**2, 20, 260))
    places = rng.random((count, 2))
    if len(glands):
        rim = (lumens.reshape(-1, 2) - np.repeat(glands, 18, 0)) * rng.uniform(1.15, 1.35, (len(glands) * 18, 1))
        places = np.concatenate([places, rim + np.repeat(glands, 18, 0)])
    shades = _tinted(rng, np.add([105, 60, 140], tint), 18, len(places))
    radii = radius * rng.lognormal(0, rng.uniform(0.1, 0.4), len(places))
    lean = float(rng.uniform(0, np.pi)) if rng.random() < 0.3 else None
    outlines = _blobs(rng, places, radii, 0.15, rng.uniform(1, 2.5), 9, lean)
    _fill(image, outlines, shades)
    if radius > 0.013:
        _fill(image, _blobs(rng, places, radii * 0.35, 0.2, 1, 6), np.clip(shades * 1.35, 0, 255))
    image = _soft(image, rng.uniform(0.001, 0.005))
    texture = 0.92 + 0.16 * _noise(rng, size, size / 5, 2)
    return _finish(rng, image, np.asarray(texture * _daylight(rng, size, 0.1), np.float32), rng.uniform(2, 7))


def _cells(rng: np.random.Generator, size: int) -> Pixels:
    """Round cells: a stained smear on a light field, or glowing ones on a dark field."""
    count = int(rng.integers(12, 90))
    radius = float(np.clip(0.36 / np.sqrt(count), 0.03, 0.075))
    across = int(np.ceil(np.sqrt(count)))
    spots = np.stack(np.meshgrid(np.arange(across), np.arange(across)), -1).reshape(-1, 2)[rng.permutation(across**2)]
    places = (spots[:count] + 0.5 + rng.normal(0, rng.uniform(0.15, 0.45), (count, 2))) / across
    radii = radius * rng.lognormal(0, 0.1, count)
    outlines = _blobs(rng, places, radii, rng.uniform(0.02, 0.12), rng.uniform(1, 1.3), 16)
    if rng.random() < 0.35:
        glow = np.zeros((size, size, 3), np.uint8)
        dye = np.array([[60, 220, 90], [80, 120, 255], [255, 90, 70], [230, 220, 210]])[rng.permutation(4)[:2]]
        _fill(glow, outlines, _tinted(rng, dye[0] * 0.45, 12, count))
        _fill(
            glow,
            _blobs(rng, places, radii * rng.uniform(0.35, 0.6), 0.1, 1.2, 12),
            _tinted(rng, dye[1], 20, count),
        )
        glow = _soft(glow, rng.uniform(0.003, 0.012))
        haze = rng.uniform(4, 25)
        light = (0.6 + 0.6 * _noise(rng, size, size / 8, 2)) * _daylight(rng, size, 0.3)
        return _finish(rng, glow.astype(np.float32) + haze, np.asarray(light, np.float32), rng.uniform(2, 9))
    tint = rng.normal(0, 8, 3)
    field = _tinted(rng, np.add([236, 228, 224], tint), 6, 2)
    image = _ramp(_noise(rng, size, 3), field)
    red = np.array([[215, 150, 150], [222, 178, 168], [190, 140, 165]])[int(rng.integers(0, 3))] + tint
    shades = _tinted(rng, red, 7, count)
    _fill(image, outlines, np.clip(shades * 0.9, 0, 255))
    _fill(image, (outlines - places[:, None]) * 0.9 + places[:, None], shades)
    pale = rng.uniform(0.25, 0.55)
    _fill(image, _blobs(rng, places, radii * pale, 0.05, 1, 12), shades * 0.6 + field[0] * 0.4)
    whites = rng.uniform(0.15, 0.85, (int(rng.choice([0, 1, 1, 2, 4])), 2))
    for white in whites:
        big = radius * rng.uniform(1.3, 2.2)
        body = _tinted(rng, np.add([205, 185, 215], tint), 12, 1)
        _fill(image, _blobs(rng, white, big, 0.06, 1.1, 20), body)
        lobes = int(rng.integers(1, 5))
        parts = white + rng.normal(0, big * 0.28, (lobes, 2)) * (lobes > 1)
        _fill(
            image,
            _blobs(rng, parts, big * (0.75 if lobes == 1 else 0.42), 0.12, 1.3),
            _tinted(rng, [105, 65, 150], 10, lobes),
        )
    image = _soft(image, rng.uniform(0.002, 0.006))
    return _finish(rng, image, _daylight(rng, size, 0.25), rng.uniform(1, 6))


def _xray(rng: np.random.Generator, size: int) -> Pixels:
    """An X-ray: a chest with dark lungs and soft ribs, or limb bones; exposure and collimation differ."""
    plane = _limb(rng, size) if rng.random() < 0.3 else _chest(rng, size)
    low, high = rng.uniform(0, 0.12), rng.uniform(0.75, 1.05)
    window = np.clip((plane - low) / (high - low), 0, 1) ** np.float32(rng.uniform(0.7, 1.4))
    if rng.random() < 0.35:
        x, y = _axes(size)
        window = window * ((np.abs(x) < rng.uniform(0.82, 1)) & (np.abs(y) < rng.uniform(0.82, 1)))
    return _finish(rng, window * np.float32(rng.uniform(200, 255)), None, rng.uniform(1, 7))


def _chest(rng: np.random.Generator, size: int) -> Plane:
    mid, top, wide = 0.5 + rng.normal(0, 0.02), rng.uniform(0.1, 0.2), rng.uniform(0.9, 1.1)
    low = rng.uniform(0.66, 0.86)
    body = np.full((size, size), 10, np.uint8)
    shoulders = [
        [-0.1, 1.1],
        [-0.05, 0.3],
        [0.28, 0.1],
        [0.42, -0.1],
        [0.58, -0.1],
        [0.72, 0.1],
        [1.05, 0.3],
        [1.1, 1.1],
    ]
    outline = (np.array(shoulders) - [0.5, 0]) * wide + [mid, 0]
    _fill(body, [outline], rng.uniform(120, 150))
    dark = rng.uniform(35, 75)
    for side in (-1, 1):
        lung = np.array([[0.07, 0], [0.2, 0.06], [0.3, 0.4], [0.34, 0.9], [0.22, 0.97 - 0.06 * side], [0.08, 0.86]])
        lung = lung * [side * wide, low - top] + [mid, top] + rng.normal(0, 0.012, (6, 2))
        _fill(body, [lung], dark + rng.normal(0, 6))
    heart = _blobs(rng, [mid + 0.06, low - 0.13], rng.uniform(0.1, 0.16), 0.1, 1.5, 20, 0.6)
    _fill(body, heart, rng.uniform(145, 175))
    base = np.asarray(_soft(body, rng.uniform(0.012, 0.028)), np.float32)
    bones = np.zeros((size, size), np.uint8)
    count, droop = int(rng.integers(6, 10)), rng.uniform(0.02, 0.1)
    across = np.linspace(0.03, 0.4, 14) * wide
    for rib in range(count):
        level = top + (low + 0.1 - top) * rib / count
        reach = across[: 8 + min(rib * 2, 6)]
        arc = level - 0.03 + droop * np.sin(reach * 5) * 0.6 + reach**2 * rng.uniform(0.9, 1.3)
        for side in (-1, 1):
            _stroke(bones, np.stack([mid + side * reach, arc], -1), float(rng.uniform(40, 75)), 0.018)
    for side in (-1, 1):
        collar = [[mid + side * 0.04, top + 0.03], [mid + side * 0.2, top + 0.01], [mid + side * 0.4, top - 0.06]]
        _stroke(bones, collar, 80.0, 0.022)
    x, y = _axes(size)
    spine = np.exp(-(((x / 2 + 0.5 - mid) / np.float32(0.045)) ** 2)) * (
        38 + 9 * np.sin(y * np.float32(rng.uniform(28, 45)))
    )
    base += np.asarray(_soft(bones, rng.uniform(0.003, 0.008)), np.float32) * np.float32(rng.uniform(0.35, 0.8)) + spine
    base *= 0.85 + 0.3 * _noise(rng, size, 5, 5)
    return np.asarray(base / 255, np.float32)


def _limb(rng: np.random.Generator, size: int) -> Plane:
    count, lean = int(rng.choice([1, 2, 2, 5])), rng.normal(0, 0.3)
    film = np.full((size, size), 8, np.uint8)
    bones = np.zeros((size, size), np.uint8)
    width = rng.uniform(0.05, 0.09) / (1 + 0.4 * (count > 2))
    middles = 0.5 + (np.arange(count) - (count - 1) / 2) * rng.uniform(2.6, 3.6) * width
    for middle in middles:
        joints = np.sort(rng.uniform(0, 1, int(rng.integers(1, 4)) if count > 2 else 1))
        ends = np.concatenate([[-0.2], joints, [1.2]])
        _stroke(film, [[middle - lean / 2, -0.1], [middle + lean / 2, 1.1]], float(rng.uniform(60, 95)), width * 3.6)
        for start, stop in zip(ends[:-1] + 0.012, ends[1:] - 0.012, strict=True):
            along = np.linspace(start, stop, 12)
            flare = width * (0.55 + 0.45 * np.abs(np.linspace(-1, 1, 12)) ** 3)
            centre = middle + lean * (along - 0.5)
            shaft = np.concatenate([np.stack([centre - flare, along], -1), np.stack([centre + flare, along], -1)[::-1]])
            _fill(bones, [shaft], rng.uniform(85, 125))
            _stroke(bones, shaft, 150.0, width * 0.25, closed=True)
    flesh = np.asarray(_soft(film, rng.uniform(0.01, 0.02)), np.float32)
    plane = flesh + np.asarray(_soft(bones, rng.uniform(0.003, 0.007)), np.float32)
    return np.asarray(plane * (0.85 + 0.3 * _noise(rng, size, 10, 4)) / 255, np.float32)


def _slice(rng: np.random.Generator, size: int) -> Pixels:
    """A tomography slice on black: a head, a belly or a chest, with organs, bone and air."""
    image = np.zeros((size, size), np.uint8)
    centre = np.array([0.5, 0.5]) + rng.normal(0, 0.02, 2)
    spread = rng.uniform(0.82, 1.06)
    lean = rng.normal(0, 0.06)
    soft = rng.uniform(95, 150)

    def part(x: float, y: float, radius: float, level: float, stretch: float = 1.0, angle: float = 0.0) -> None:
        spot = centre + np.array([x, y]) * spread + rng.normal(0, 0.008, 2)
        _fill(image, _blobs(rng, spot, radius * spread, 0.06, stretch, 24, angle + lean), level)

    kind = rng.choice(["head", "belly", "belly", "chest"])
    if kind == "head":
        skull, tall = rng.uniform(180, 255), rng.uniform(1.15, 1.35)
        ring = _blobs(rng, centre, 0.36 * spread, 0.015, tall, 40, np.pi / 2 + lean)
        for scale, level in ((1.06, soft * 0.6), (1.0, skull), (rng.uniform(0.86, 0.94), soft * 0.75)):
            _fill(image, (ring - centre) * scale + centre, level)
        _fill(image, (ring - centre) * 0.84 + centre, soft)
        for side in (-1, 1):
            part(
                side * 0.06, -0.06, rng.uniform(0.025, 0.06), soft * rng.uniform(0.3, 0.6), 2.4, np.pi / 2 - side * 0.25
            )
            part(side * 0.11, 0.03, 0.06, soft * 1.1, 1.4, np.pi / 2)
        _stroke(image, centre + np.array([[0, -0.3], [0, 0.3]]) * spread, float(soft * 0.7), 0.006)
    else:
        part(0, 0, 0.4, soft * rng.uniform(0.35, 0.7), 1.45)
        part(0, 0, rng.uniform(0.34, 0.385), soft * 0.95, 1.5)
        if kind == "chest":
            for side in (-1, 1):
                part(side * 0.2, 0, rng.uniform(0.15, 0.18), rng.uniform(5, 25), 1.5, np.pi / 2 + side * 0.15)
                vessels = rng.normal(centre + np.array([side * 0.19, 0]), 0.06, (12, 2))
                _fill(image, _blobs(rng, vessels, rng.uniform(0.003, 0.009, 12), 0.1, 1.5, 8), soft * 0.9)
            part(rng.uniform(0, 0.05), -0.07, rng.uniform(0.08, 0.12), soft * 1.2, 1.3, 0.6)
        else:
            part(0, -0.03, 0.28, soft * 0.65, 1.5)
            part(-0.2, -0.05, rng.uniform(0.12, 0.16), soft * 1.15, 1.4, 1.0)
            part(0.26, 0.02, rng.uniform(0.05, 0.09), soft * 1.1, 1.5, 1.8)
            for side in (-1, 1):
                part(side * 0.18, 0.13, rng.uniform(0.045, 0.065), soft * rng.uniform(1.1, 1.5), 1.5, np.pi / 2)
            for _ in range(int(rng.integers(3, 10))):
                level = soft * rng.choice([0.05, 0.9, 1.2, 1.5])
                part(
                    rng.normal(0.05, 0.09),
                    rng.normal(-0.08, 0.05),
                    rng.uniform(0.015, 0.05),
                    level,
                    1.8,
                    rng.uniform(0, 3),
                )
        bone = rng.uniform(190, 255)
        part(0, 0.17, rng.uniform(0.05, 0.07), bone)
        part(0, 0.25, 0.025, bone, 2.5, np.pi / 2)
        for turn in np.linspace(1.92, 7.47, 14) + rng.uniform(-0.1, 0.1):  # no rib where the spine is
            if rng.random() < (0.9 if kind == "chest" else 0.5):
                part(0.43 * np.cos(turn), 0.29 * np.sin(turn), 0.016, bone * 0.9, 2.5, turn + np.pi / 2)
    plane = np.asarray(_soft(image, rng.uniform(0.002, 0.008)), np.float32)
    plane *= 0.88 + 0.24 * _noise(rng, size, 14, 3)
    return _finish(rng, np.clip(plane * rng.uniform(0.8, 1.15), 0, 255), None, rng.uniform(1, 8))


def _ultrasound(rng: np.random.Generator, size: int) -> Pixels:
    """Speckled layers with dark or bright spots and their shadows, in a rectangle or a sector."""
    x, y = _axes(size)
    layers = _noise(rng, size, rng.uniform(1, 3), 3, rng.uniform(2, 6))
    echo = (0.15 + 0.75 * layers**1.5) * np.exp(-rng.uniform(0, 0.8) * (y + 1))
    mask = np.zeros((size, size), np.uint8)
    for _ in range(int(rng.choice([0, 1, 1, 2]))):
        spot, radius = rng.uniform([0.25, 0.25], [0.75, 0.65]), rng.uniform(0.05, 0.16)
        _fill(
            mask, _blobs(rng, spot, radius, rng.uniform(0.05, 0.35), rng.uniform(1, 1.9), 24, rng.normal(0, 0.3)), 255
        )
        below = np.clip((y / 2 + 0.5 - spot[1] - radius) * 12, 0, 1) * (np.abs(x / 2 + 0.5 - spot[0]) < radius * 0.7)
        echo = echo * (1 + below * rng.choice([-0.6, -0.3, 0.4]))
    inside = np.asarray(_soft(mask, rng.uniform(0.004, 0.015)), np.float32) / 255
    echo = echo * (1 - inside * rng.uniform(0.6, 0.95))
    fine = rng.uniform(60, 130)
    speckle = np.sqrt(_gauss(rng, size, fine, 0.6) ** 2 + _gauss(rng, size, fine, 0.6) ** 2)
    plane = np.clip(echo * (0.25 + 0.75 * speckle), 0, 1) ** np.float32(rng.uniform(0.6, 0.9))
    if rng.random() < 0.45:
        depth = np.hypot(x, y + 1.25)
        plane = plane * ((np.abs(np.arctan2(x, y + 1.25)) < rng.uniform(0.5, 0.75)) & (depth < 2.15) & (depth > 0.35))
    elif rng.random() < 0.5:
        plane = plane * ((np.abs(x) < rng.uniform(0.8, 1)) & (np.abs(y) < rng.uniform(0.8, 1)))
    return _finish(rng, plane * np.float32(rng.uniform(190, 255)), None, rng.uniform(0.5, 4))


def _gauss(rng: np.random.Generator, size: int, cells: float, stretch: float) -> Plane:
    """Normal noise of `cells` spots down, wider ones across."""
    grid = rng.standard_normal((min(size, round(cells)), min(size, round(cells * stretch))), np.float32)
    return np.asarray(cv2.resize(grid, (size, size), interpolation=cv2.INTER_LINEAR), np.float32)


FIELDS: dict[str, Callable[[np.random.Generator, int], Pixels]] = {
    "shapes": _shapes,
    "leaves": _leaves,
    "landscape": _landscape,
    "aerial": _aerial,
    "document": _document,
    "weave": _weave,
    "surface": _surface,
    "tissue": _tissue,
    "cells": _cells,
    "xray": _xray,
    "slice": _slice,
    "ultrasound": _ultrasound,
}
"""Kinds of drawn images; each painter takes (rng, size)."""
