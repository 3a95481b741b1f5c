"""Things that are made: documents, woven and plain surfaces."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from data_synth.family import Pixels
from data_synth.procedural.brushes import (
    axes,
    daylight,
    finish,
    nearest,
    noise,
    palette,
    ramp,
    slope,
    stroke,
    tinted,
    unit,
)


def document(rng: np.random.Generator, size: int) -> Pixels:
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
                stroke(ink, box, 200, 0.003, closed=True)
                if part == "table":
                    for row in np.arange(down + pitch, down + height, pitch * 1.3):
                        stroke(ink, [[left, row], [left + width, row]], 140, 0.003)
                    for edge in left + width * np.array([0.3, 0.55, 0.8]):
                        stroke(ink, [[edge, down], [edge, down + height]], 140, 0.003)
                else:
                    across = np.linspace(0.08, 0.92, 12)
                    curve = down + height * (0.5 + 0.35 * np.sin(across * rng.uniform(3, 12) + rng.uniform(0, 6)))
                    stroke(ink, np.stack([left + width * across, curve], -1), 220, 0.008)
                down += height + pitch
            down += pitch * rng.uniform(0.3, 1.2)
    paper = tinted(rng, [238, 234, 224] if rng.random() < 0.7 else [215, 200, 165], 10, 1)[0]
    pen = rng.choice([[25, 25, 30], [25, 25, 30], [30, 40, 110], [85, 60, 45]])
    cover = ink.astype(np.float32)[..., None] / 255 * np.float32(rng.uniform(0.6, 1))
    page = np.asarray(paper * (1 - cover) + pen * cover, np.uint8)
    if rng.random() < 0.5:
        table = [float(v) for v in tinted(rng, [90, 75, 60], 35, 1)[0]]
        matrix = cv2.getRotationMatrix2D((size / 2, size / 2), rng.normal(0, 5), rng.uniform(0.82, 1.05))
        page = np.asarray(cv2.warpAffine(page, matrix, (size, size), borderValue=table), np.uint8)
    light = daylight(rng, size, 0.35) * (0.97 + 0.05 * noise(rng, size, 5))
    return finish(rng, page, np.asarray(light, np.float32), rng.uniform(1, 6))


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


def weave(rng: np.random.Generator, size: int) -> Pixels:
    """Cloth and regular patterns: crossing threads, checks, knit, bent a little and lit from the side."""
    x, y = axes(size)
    angle, threads = rng.uniform(0, np.pi), rng.uniform(8, 34)
    bend = rng.uniform(0, 0.06) * noise(rng, size, 2, 2)
    warp = (np.cos(angle) * x + np.sin(angle) * y + bend) * np.float32(threads)
    weft = (np.cos(angle) * y - np.sin(angle) * x + bend) * np.float32(threads * rng.uniform(0.6, 1.4))
    hill = np.abs(np.sin(warp)) * rng.uniform(0.2, 1) + np.abs(np.sin(weft)) * rng.uniform(0.2, 1)
    twill = float(rng.choice([1.0, 2.0, 3.0]))
    over = (np.floor(warp / np.pi) + np.floor(weft / np.pi) * twill) % (twill + 1) < 1
    colours = palette(rng, 5, (0.05, 0.8))
    image = ramp(unit(np.asarray(hill * np.where(over, 1.0, 0.75), np.float32)), colours[1:])
    if rng.random() < 0.5:
        check = (warp / np.pi / rng.integers(3, 9)) % 1 < rng.uniform(0.2, 0.6)
        if rng.random() < 0.6:
            check = check ^ ((weft / np.pi / rng.integers(3, 9)) % 1 < 0.5)
        image[check] = image[check] // 2 + (palette(rng, 1)[0] / 2).astype(np.uint8)
    light = daylight(rng, size, 0.5) * (0.8 + 0.4 * noise(rng, size, size / 6, 2))
    return finish(rng, image, np.asarray(light, np.float32), rng.uniform(1, 8))


def surface(rng: np.random.Generator, size: int) -> Pixels:
    """Materials close up: wood, marble, rough stone, gravel, brushed metal."""
    x, y = axes(size)
    light = daylight(rng, size, 0.4)
    match int(rng.integers(0, 5)):
        case 0:
            angle = rng.normal(0, 0.15) + rng.choice([0, np.pi / 2])
            along, across = np.cos(angle) * x + np.sin(angle) * y, np.cos(angle) * y - np.sin(angle) * x
            knot = np.exp(-8 * ((along - rng.uniform(-1, 1)) ** 2 * 0.4 + (across - rng.uniform(-1, 1)) ** 2))
            stretch = 6.0 if abs(np.cos(angle)) > 0.7 else 1 / 6
            grain = across + 0.25 * noise(rng, size, 3 / np.sqrt(stretch), 3, stretch) + rng.uniform(0, 0.7) * knot
            rings = (grain * np.float32(rng.uniform(4, 14))) % 1
            fibre = noise(rng, size, 16 / np.sqrt(stretch), 2, stretch)
            brown = np.array([[70, 42, 24], [135, 90, 52], [190, 145, 95]]) * rng.uniform(0.6, 1.3)
            image = ramp(unit(np.asarray(0.6 * rings + 0.5 * fibre, np.float32)), brown + rng.normal(0, 10, 3))
        case 1:
            vein = 1 - np.abs(2 * noise(rng, size, rng.uniform(2, 4), 5) - 1) ** rng.uniform(0.3, 0.8)
            image = ramp(np.asarray(vein, np.float32), palette(rng, 4, (0.0, 0.25))[:: int(rng.choice([-1, 1]))])
        case 2:
            height = noise(rng, size, rng.uniform(4, 12), 5)
            relief = np.asarray(cv2.Sobel(height, cv2.CV_32F, 1, 0) - cv2.Sobel(height, cv2.CV_32F, 0, 1), np.float32)
            light = light * (1 + np.clip(relief * rng.uniform(0.5, 2), -0.6, 0.6))
            image = ramp(noise(rng, size, 4, 4), palette(rng, 3, (0.05, 0.4)))
        case 3:
            labels, distance = nearest(rng, size, int(rng.integers(40, 500)))
            stones = tinted(rng, palette(rng, 3, (0.05, 0.4))[1], rng.uniform(10, 35), int(labels.max()) + 1)
            image = stones.astype(np.uint8)[labels]
            light = light * (1.15 - rng.uniform(0.6, 1.2) * distance)
        case _:
            angle_stretch = float(rng.choice([30.0, 1 / 30]))
            brushed = noise(rng, size, 24 / np.sqrt(angle_stretch), 3, angle_stretch)
            image = ramp(unit(brushed + rng.uniform(0.5, 3) * slope(rng, size)), palette(rng, 3, (0.0, 0.3)))
    return finish(rng, image, np.asarray(light, np.float32), rng.uniform(1, 7))
