"""Everyday worlds: shapes, leaves, landscapes, the ground from above."""

from __future__ import annotations

import numpy as np

from data_synth.family import Pixels
from data_synth.procedural.brushes import (
    axes,
    bars,
    blobs,
    daylight,
    fill,
    finish,
    noise,
    palette,
    ramp,
    slope,
    stroke,
    tinted,
    unit,
)


def shapes(rng: np.random.Generator, size: int) -> Pixels:
    """Many overlapping polygons, discs and bars in one palette before a soft ground."""
    colours = palette(rng, 6)
    image = ramp(unit(slope(rng, size) + rng.uniform(0, 2) * noise(rng, size, 3)), colours[rng.permutation(6)[:3]])
    count = int(rng.integers(25, 70))
    radii = np.sort(rng.uniform(0.02, 0.22) * rng.pareto(2.5, count).clip(0.1, 1.5) + 0.015)[::-1]
    centres = rng.random((count, 2))
    shades = (colours[rng.integers(0, 6, count)] + rng.normal(0, 14, (count, 3))).clip(0, 255)
    kinds = rng.choice(5, count, p=rng.dirichlet(np.full(5, 0.7)))
    for kind, points in enumerate((3, 4, 6, 14)):
        chosen = kinds == kind
        fill(image, blobs(rng, centres[chosen], radii[chosen], 0.1, 2.0, points), shades[chosen])
    chosen = kinds == 4
    half = np.stack([radii[chosen] * 2, radii[chosen] * 0.25], axis=-1)
    fill(image, bars(centres[chosen], half, rng.uniform(0, np.pi, int(chosen.sum()))), shades[chosen])
    return finish(rng, image, daylight(rng, size) * (0.9 + 0.2 * noise(rng, size, 12)), rng.uniform(1, 7))


def leaves(rng: np.random.Generator, size: int) -> Pixels:
    """Occluding patches of all sizes, the statistics of clutter (dead leaves: Baradad et al. 2021, section 3)."""
    colours = palette(rng, 8)
    count = int(rng.integers(120, 260))
    radii = np.clip(0.02 * rng.random(count) ** (-1 / rng.uniform(1.5, 3)), 0.015, 0.25)
    image = ramp(noise(rng, size, 4), colours[:3])
    shades = (colours[rng.integers(0, 8, count)] + rng.normal(0, 10, (count, 3))).clip(0, 255)
    points, stretch = int(rng.choice([4, 6, 12])), float(rng.choice([1.0, 2.0, 5.0]))
    outlines = blobs(rng, rng.random((count, 2)), radii, rng.uniform(0, 0.3), stretch, points)
    fill(image, outlines, shades)
    texture = 1 + rng.uniform(0.1, 0.5) * (noise(rng, size, size / 4, 2, rng.uniform(0.2, 1)) - 0.5)
    return finish(rng, image, texture * daylight(rng, size), rng.uniform(1, 6))


def landscape(rng: np.random.Generator, size: int) -> Pixels:
    """Sky, ridges, ground, and trees or houses on them, by day, dusk or night."""
    hour = rng.choice(["day", "day", "dusk", "night"])
    skies = {
        "day": [[80, 130, 200], [170, 200, 230], [225, 232, 238]],
        "dusk": [[60, 50, 110], [200, 110, 90], [250, 190, 110]],
        "night": [[6, 8, 25], [15, 20, 45], [40, 45, 70]],
    }
    sky = np.array(skies[hour]) + rng.normal(0, 15) + rng.normal(0, 12, (3, 3))
    _, y = axes(size)
    image = ramp(np.repeat((y + 1) / 2, size, axis=1), sky)
    clouds = np.clip(noise(rng, size, 3, 4, rng.uniform(1, 3)) - rng.uniform(0.3, 0.9), 0, 1) * rng.uniform(0.5, 2)
    white = np.float32(70 if hour == "night" else 235)
    image = np.asarray(image + (white - image) * np.clip(clouds, 0, 0.9)[..., None], np.uint8)
    if rng.random() < 0.4:
        disc = blobs(rng, rng.uniform(0.1, 0.5, (1, 2)) * [1.8, 0.7], rng.uniform(0.02, 0.06), 0, 1, 24)
        fill(image, disc, [250, 240, 205])
    land = palette(rng, 5, (0.2, 0.6)) * {"day": 0.8, "dusk": 0.55, "night": 0.35}[str(hour)]
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
        fill(image, [np.concatenate([np.stack([across, crest], -1), [[1, 1.1], [0, 1.1]]])], [colour])
        count = int(rng.integers(0, 25))
        feet = rng.random(count)
        places = np.stack([feet, np.interp(feet, across, crest) + rng.uniform(0, 0.08, count)], -1)
        height = rng.uniform(0.02, 0.06, count) * (1 + 2 * near)
        shades = tinted(rng, colour * 0.65, 12, count)
        if rng.random() < 0.3:
            half = np.stack([height * 0.5, height * rng.uniform(0.6, 1.5, count)], -1)
            fill(image, bars(places, half, 0.0), tinted(rng, colour * 0.5 + 60, 25, count))
            if hour != "day":
                lamps = places[:, None] + rng.uniform(-0.4, 0.4, (count, 3, 2)) * height[:, None, None]
                fill(image, bars(lamps.reshape(-1, 2), np.full((count * 3, 2), 0.006), 0.0), [250, 215, 130])
        elif rng.random() < 0.5:
            fill(image, blobs(rng, places - [0, 0.03], height * 0.7, 0.2, 1.2, 12), shades)
        else:
            fir = np.array([[0, -2], [0.45, 0], [-0.45, 0]])
            fill(image, places[:, None] + fir * height[:, None, None], shades)
    texture = 1 + np.clip(y - 2 * horizon + 1, 0, 0.5) * (noise(rng, size, size / 5, 2, 2.0) - 0.5)
    return finish(rng, image, np.asarray(texture, np.float32), rng.uniform(1, 8))


def aerial(rng: np.random.Generator, size: int) -> Pixels:
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
    fill(numbers, bars(centres, half * rng.uniform(0.94, 1.0), angle), np.arange(1, count + 1), smooth=False)
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
    x, y = axes(size)
    waves = np.stack([wave * np.cos(lean), wave * np.sin(lean), depth], -1).astype(np.float32)[numbers]
    stripes = 1 + waves[..., 2] * np.sin(waves[..., 0] * x + waves[..., 1] * y)
    image = table.astype(np.uint8)[numbers]
    for _ in range(int(rng.integers(0, 3)) + 2 * town):
        along = angle + rng.choice([0, np.pi / 2])
        way = np.array([np.cos(along), np.sin(along)])
        middle = rng.random(2) + np.linspace(-1.5, 1.5, 24)[:, None] * way
        middle += np.sin(np.linspace(0, 5, 24))[:, None] * way[::-1] * rng.normal(0, 0.02)
        stroke(image, middle, [float(v) for v in tinted(rng, [150, 147, 142], 20, 1)[0]], rng.uniform(0.008, 0.03))
    if rng.random() < 0.25:
        ground = noise(rng, size, 2, 3)
        level = rng.uniform(0.55, 0.75)
        image[ground > level] = tinted(rng, [55, 85, 95], 15, 1)[0]
    trees = int(rng.integers(0, 60))
    near = rng.random((1, 2)) + rng.normal(0, rng.choice([0.1, 0.6]), (trees, 2))
    radii = rng.uniform(0.008, 0.022, trees)
    fill(image, blobs(rng, near + 0.008, radii, 0.1, 1, 8), [35, 40, 30])
    fill(image, blobs(rng, near, radii, 0.1, 1, 8), tinted(rng, [65, 90, 45], 12, trees))
    homes = int(rng.integers(40, 90) if town else rng.integers(0, 14))
    lots = (np.floor(rng.random((homes, 2)) * 11) / 11 + rng.normal(0, 0.008, (homes, 2)) - 0.5) @ turn * 1.2 + 0.5
    sides = rng.uniform(0.012, 0.035, (homes, 2))
    roofs = np.array([[150, 85, 65], [110, 105, 105], [185, 180, 172], [95, 75, 65]])[rng.integers(0, 4, homes)]
    fill(image, bars(lots + 0.01, sides, angle), [40, 40, 42])
    fill(image, bars(lots, sides, angle), np.clip(roofs + rng.normal(0, 12, (homes, 3)), 0, 255))
    texture = stripes * (0.85 + 0.3 * noise(rng, size, 10, 4))
    return finish(rng, image, np.asarray(texture, np.float32), rng.uniform(2, 7))
