"""Radiology: X-rays, slices, ultrasound."""

from __future__ import annotations

import cv2
import numpy as np

from data_synth.family import Pixels
from data_synth.procedural.brushes import Plane, axes, blobs, fill, finish, noise, soft, stroke


def xray(rng: np.random.Generator, size: int) -> Pixels:
    """An X-ray: a chest with dark lungs and soft ribs, or limb bones; exposure and collimation differ."""
    plane = _limb(rng, size) if rng.random() < 0.3 else _chest(rng, size)
    low, high = rng.uniform(0, 0.12), rng.uniform(0.75, 1.05)
    window = np.clip((plane - low) / (high - low), 0, 1) ** np.float32(rng.uniform(0.7, 1.4))
    if rng.random() < 0.35:
        x, y = axes(size)
        window = window * ((np.abs(x) < rng.uniform(0.82, 1)) & (np.abs(y) < rng.uniform(0.82, 1)))
    return finish(rng, window * np.float32(rng.uniform(200, 255)), None, rng.uniform(1, 7))


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
    fill(body, [outline], rng.uniform(120, 150))
    dark = rng.uniform(35, 75)
    for side in (-1, 1):
        lung = np.array([[0.07, 0], [0.2, 0.06], [0.3, 0.4], [0.34, 0.9], [0.22, 0.97 - 0.06 * side], [0.08, 0.86]])
        lung = lung * [side * wide, low - top] + [mid, top] + rng.normal(0, 0.012, (6, 2))
        fill(body, [lung], dark + rng.normal(0, 6))
    heart = blobs(rng, [mid + 0.06, low - 0.13], rng.uniform(0.1, 0.16), 0.1, 1.5, 20, 0.6)
    fill(body, heart, rng.uniform(145, 175))
    base = np.asarray(soft(body, rng.uniform(0.012, 0.028)), np.float32)
    bones = np.zeros((size, size), np.uint8)
    count, droop = int(rng.integers(6, 10)), rng.uniform(0.02, 0.1)
    across = np.linspace(0.03, 0.4, 14) * wide
    for rib in range(count):
        level = top + (low + 0.1 - top) * rib / count
        reach = across[: 8 + min(rib * 2, 6)]
        arc = level - 0.03 + droop * np.sin(reach * 5) * 0.6 + reach**2 * rng.uniform(0.9, 1.3)
        for side in (-1, 1):
            stroke(bones, np.stack([mid + side * reach, arc], -1), float(rng.uniform(40, 75)), 0.018)
    for side in (-1, 1):
        collar = [[mid + side * 0.04, top + 0.03], [mid + side * 0.2, top + 0.01], [mid + side * 0.4, top - 0.06]]
        stroke(bones, collar, 80.0, 0.022)
    x, y = axes(size)
    spine = np.exp(-(((x / 2 + 0.5 - mid) / np.float32(0.045)) ** 2)) * (
        38 + 9 * np.sin(y * np.float32(rng.uniform(28, 45)))
    )
    base += np.asarray(soft(bones, rng.uniform(0.003, 0.008)), np.float32) * np.float32(rng.uniform(0.35, 0.8)) + spine
    base *= 0.85 + 0.3 * noise(rng, size, 5, 5)
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
        stroke(film, [[middle - lean / 2, -0.1], [middle + lean / 2, 1.1]], float(rng.uniform(60, 95)), width * 3.6)
        for start, stop in zip(ends[:-1] + 0.012, ends[1:] - 0.012, strict=True):
            along = np.linspace(start, stop, 12)
            flare = width * (0.55 + 0.45 * np.abs(np.linspace(-1, 1, 12)) ** 3)
            centre = middle + lean * (along - 0.5)
            shaft = np.concatenate([np.stack([centre - flare, along], -1), np.stack([centre + flare, along], -1)[::-1]])
            fill(bones, [shaft], rng.uniform(85, 125))
            stroke(bones, shaft, 150.0, width * 0.25, closed=True)
    flesh = np.asarray(soft(film, rng.uniform(0.01, 0.02)), np.float32)
    plane = flesh + np.asarray(soft(bones, rng.uniform(0.003, 0.007)), np.float32)
    return np.asarray(plane * (0.85 + 0.3 * noise(rng, size, 10, 4)) / 255, np.float32)


def slice_(rng: np.random.Generator, size: int) -> Pixels:
    """A tomography slice on black: a head, a belly or a chest, with organs, bone and air."""
    image = np.zeros((size, size), np.uint8)
    centre = np.array([0.5, 0.5]) + rng.normal(0, 0.02, 2)
    spread = rng.uniform(0.82, 1.06)
    lean = rng.normal(0, 0.06)
    tissue = rng.uniform(95, 150)

    def part(x: float, y: float, radius: float, level: float, stretch: float = 1.0, angle: float = 0.0) -> None:
        spot = centre + np.array([x, y]) * spread + rng.normal(0, 0.008, 2)
        fill(image, blobs(rng, spot, radius * spread, 0.06, stretch, 24, angle + lean), level)

    kind = rng.choice(["head", "belly", "belly", "chest"])
    if kind == "head":
        skull, tall = rng.uniform(180, 255), rng.uniform(1.15, 1.35)
        ring = blobs(rng, centre, 0.36 * spread, 0.015, tall, 40, np.pi / 2 + lean)
        for scale, level in ((1.06, tissue * 0.6), (1.0, skull), (rng.uniform(0.86, 0.94), tissue * 0.75)):
            fill(image, (ring - centre) * scale + centre, level)
        fill(image, (ring - centre) * 0.84 + centre, tissue)
        for side in (-1, 1):
            part(
                side * 0.06,
                -0.06,
                rng.uniform(0.025, 0.06),
                tissue * rng.uniform(0.3, 0.6),
                2.4,
                np.pi / 2 - side * 0.25,
            )
            part(side * 0.11, 0.03, 0.06, tissue * 1.1, 1.4, np.pi / 2)
        stroke(image, centre + np.array([[0, -0.3], [0, 0.3]]) * spread, float(tissue * 0.7), 0.006)
    else:
        part(0, 0, 0.4, tissue * rng.uniform(0.35, 0.7), 1.45)
        part(0, 0, rng.uniform(0.34, 0.385), tissue * 0.95, 1.5)
        if kind == "chest":
            for side in (-1, 1):
                part(side * 0.2, 0, rng.uniform(0.15, 0.18), rng.uniform(5, 25), 1.5, np.pi / 2 + side * 0.15)
                vessels = rng.normal(centre + np.array([side * 0.19, 0]), 0.06, (12, 2))
                fill(image, blobs(rng, vessels, rng.uniform(0.003, 0.009, 12), 0.1, 1.5, 8), tissue * 0.9)
            part(rng.uniform(0, 0.05), -0.07, rng.uniform(0.08, 0.12), tissue * 1.2, 1.3, 0.6)
        else:
            part(0, -0.03, 0.28, tissue * 0.65, 1.5)
            part(-0.2, -0.05, rng.uniform(0.12, 0.16), tissue * 1.15, 1.4, 1.0)
            part(0.26, 0.02, rng.uniform(0.05, 0.09), tissue * 1.1, 1.5, 1.8)
            for side in (-1, 1):
                part(side * 0.18, 0.13, rng.uniform(0.045, 0.065), tissue * rng.uniform(1.1, 1.5), 1.5, np.pi / 2)
            for _ in range(int(rng.integers(3, 10))):
                level = tissue * rng.choice([0.05, 0.9, 1.2, 1.5])
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
    plane = np.asarray(soft(image, rng.uniform(0.002, 0.008)), np.float32)
    plane *= 0.88 + 0.24 * noise(rng, size, 14, 3)
    return finish(rng, np.clip(plane * rng.uniform(0.8, 1.15), 0, 255), None, rng.uniform(1, 8))


def ultrasound(rng: np.random.Generator, size: int) -> Pixels:
    """Speckled layers with dark or bright spots and their shadows, in a rectangle or a sector."""
    x, y = axes(size)
    layers = noise(rng, size, rng.uniform(1, 3), 3, rng.uniform(2, 6))
    echo = (0.15 + 0.75 * layers**1.5) * np.exp(-rng.uniform(0, 0.8) * (y + 1))
    mask = np.zeros((size, size), np.uint8)
    for _ in range(int(rng.choice([0, 1, 1, 2]))):
        spot, radius = rng.uniform([0.25, 0.25], [0.75, 0.65]), rng.uniform(0.05, 0.16)
        fill(mask, blobs(rng, spot, radius, rng.uniform(0.05, 0.35), rng.uniform(1, 1.9), 24, rng.normal(0, 0.3)), 255)
        below = np.clip((y / 2 + 0.5 - spot[1] - radius) * 12, 0, 1) * (np.abs(x / 2 + 0.5 - spot[0]) < radius * 0.7)
        echo = echo * (1 + below * rng.choice([-0.6, -0.3, 0.4]))
    inside = np.asarray(soft(mask, rng.uniform(0.004, 0.015)), np.float32) / 255
    echo = echo * (1 - inside * rng.uniform(0.6, 0.95))
    fine = rng.uniform(60, 130)
    speckle = np.sqrt(_gauss(rng, size, fine, 0.6) ** 2 + _gauss(rng, size, fine, 0.6) ** 2)
    plane = np.clip(echo * (0.25 + 0.75 * speckle), 0, 1) ** np.float32(rng.uniform(0.6, 0.9))
    if rng.random() < 0.45:
        depth = np.hypot(x, y + 1.25)
        plane = plane * ((np.abs(np.arctan2(x, y + 1.25)) < rng.uniform(0.5, 0.75)) & (depth < 2.15) & (depth > 0.35))
    elif rng.random() < 0.5:
        plane = plane * ((np.abs(x) < rng.uniform(0.8, 1)) & (np.abs(y) < rng.uniform(0.8, 1)))
    return finish(rng, plane * np.float32(rng.uniform(190, 255)), None, rng.uniform(0.5, 4))


def _gauss(rng: np.random.Generator, size: int, cells: float, stretch: float) -> Plane:
    """Normal noise of `cells` spots down, wider ones across."""
    grid = rng.standard_normal((min(size, round(cells)), min(size, round(cells * stretch))), np.float32)
    return np.asarray(cv2.resize(grid, (size, size), interpolation=cv2.INTER_LINEAR), np.float32)
