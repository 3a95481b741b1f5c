"""Under the microscope: stained tissue, cells."""

from __future__ import annotations

import numpy as np

from data_synth.family import Pixels
from data_synth.procedural.brushes import blobs, daylight, fill, finish, noise, ramp, soft, tinted


def tissue(rng: np.random.Generator, size: int) -> Pixels:
    """Stained tissue: pink ground, purple nuclei, glands and white gaps."""
    dense = rng.uniform(0.1, 1)
    pinks = np.array([[250, 242, 246], [238, 190, 214], [222, 150, 190], [190, 105, 160]])
    tint = rng.normal(0, 9, 3)
    ground = noise(rng, size, rng.uniform(3, 9), 4, rng.uniform(0.5, 2))
    stroma = np.clip(ground * rng.uniform(0.7, 1.1) + rng.uniform(-0.1, 0.2), 0, 1)
    image = ramp(np.asarray(stroma, np.float32), pinks + tint)
    glands = rng.random((int(rng.choice([0, 0, 1, 3, 6])), 2))
    reach = rng.uniform(0.06, 0.16, len(glands))
    lumens = blobs(rng, glands, reach, 0.3, 1.8, 18)
    fill(
        image,
        (lumens - glands[:, None]) * 1.45 + glands[:, None],
        tinted(rng, np.add([195, 125, 180], tint), 8, len(glands)),
    )
    fill(image, lumens, tinted(rng, [246, 240, 245], 4, len(glands)))
    radius = rng.uniform(0.008, 0.018)
    count = int(np.clip(dense * 0.08 / radius**2, 20, 260))
    places = rng.random((count, 2))
    if len(glands):
        rim = (lumens.reshape(-1, 2) - np.repeat(glands, 18, 0)) * rng.uniform(1.15, 1.35, (len(glands) * 18, 1))
        places = np.concatenate([places, rim + np.repeat(glands, 18, 0)])
    shades = tinted(rng, np.add([105, 60, 140], tint), 18, len(places))
    radii = radius * rng.lognormal(0, rng.uniform(0.1, 0.4), len(places))
    lean = float(rng.uniform(0, np.pi)) if rng.random() < 0.3 else None
    outlines = blobs(rng, places, radii, 0.15, rng.uniform(1, 2.5), 9, lean)
    fill(image, outlines, shades)
    if radius > 0.013:
        fill(image, blobs(rng, places, radii * 0.35, 0.2, 1, 6), np.clip(shades * 1.35, 0, 255))
    image = soft(image, rng.uniform(0.001, 0.005))
    texture = 0.92 + 0.16 * noise(rng, size, size / 5, 2)
    return finish(rng, image, np.asarray(texture * daylight(rng, size, 0.1), np.float32), rng.uniform(2, 7))


def cells(rng: np.random.Generator, size: int) -> Pixels:
    """Round cells: a stained smear on a light field, or glowing ones on a dark field."""
    count = int(rng.integers(12, 90))
    radius = float(np.clip(0.36 / np.sqrt(count), 0.03, 0.075))
    across = int(np.ceil(np.sqrt(count)))
    spots = np.stack(np.meshgrid(np.arange(across), np.arange(across)), -1).reshape(-1, 2)[rng.permutation(across**2)]
    places = (spots[:count] + 0.5 + rng.normal(0, rng.uniform(0.15, 0.45), (count, 2))) / across
    radii = radius * rng.lognormal(0, 0.1, count)
    outlines = blobs(rng, places, radii, rng.uniform(0.02, 0.12), rng.uniform(1, 1.3), 16)
    if rng.random() < 0.35:
        glow = np.zeros((size, size, 3), np.uint8)
        dye = np.array([[60, 220, 90], [80, 120, 255], [255, 90, 70], [230, 220, 210]])[rng.permutation(4)[:2]]
        fill(glow, outlines, tinted(rng, dye[0] * 0.45, 12, count))
        fill(
            glow,
            blobs(rng, places, radii * rng.uniform(0.35, 0.6), 0.1, 1.2, 12),
            tinted(rng, dye[1], 20, count),
        )
        glow = soft(glow, rng.uniform(0.003, 0.012))
        haze = rng.uniform(4, 25)
        light = (0.6 + 0.6 * noise(rng, size, size / 8, 2)) * daylight(rng, size, 0.3)
        return finish(rng, glow.astype(np.float32) + haze, np.asarray(light, np.float32), rng.uniform(2, 9))
    tint = rng.normal(0, 8, 3)
    field = tinted(rng, np.add([236, 228, 224], tint), 6, 2)
    image = ramp(noise(rng, size, 3), field)
    red = np.array([[215, 150, 150], [222, 178, 168], [190, 140, 165]])[int(rng.integers(0, 3))] + tint
    shades = tinted(rng, red, 7, count)
    fill(image, outlines, np.clip(shades * 0.9, 0, 255))
    fill(image, (outlines - places[:, None]) * 0.9 + places[:, None], shades)
    pale = rng.uniform(0.25, 0.55)
    fill(image, blobs(rng, places, radii * pale, 0.05, 1, 12), shades * 0.6 + field[0] * 0.4)
    whites = rng.uniform(0.15, 0.85, (int(rng.choice([0, 1, 1, 2, 4])), 2))
    for white in whites:
        big = radius * rng.uniform(1.3, 2.2)
        body = tinted(rng, np.add([205, 185, 215], tint), 12, 1)
        fill(image, blobs(rng, white, big, 0.06, 1.1, 20), body)
        lobes = int(rng.integers(1, 5))
        parts = white + rng.normal(0, big * 0.28, (lobes, 2)) * (lobes > 1)
        fill(
            image,
            blobs(rng, parts, big * (0.75 if lobes == 1 else 0.42), 0.12, 1.3),
            tinted(rng, [105, 65, 150], 10, lobes),
        )
    image = soft(image, rng.uniform(0.002, 0.006))
    return finish(rng, image, daylight(rng, size, 0.25), rng.uniform(1, 6))
