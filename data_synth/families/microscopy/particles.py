"""Drawn particles: beads in clusters, spread or in chains, bacteria-like rods, glowing spots."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from data_synth.facts import content
from data_synth.families.microscopy.layer import (
    Colour,
    anywhere,
    chained,
    clumped,
    disc,
    empty,
    evenly,
    lay,
    towards,
)
from data_synth.families.plain import Drawn, PlainFamily, Said, short_side
from data_synth.families.texture.fields import Rng
from data_synth.family import Pixels

TONES: dict[str, tuple[Colour, Colour]] = {
    "dark": ((28, 28, 28), (215, 215, 215)),
    "bright": ((245, 245, 245), (40, 40, 40)),
}
"""Grey of a particle, and of the thin rim that makes it stand out from a ground of its own grey."""


def tones(params: Drawn) -> tuple[Colour, Colour]:
    return TONES[str(params.content.get("tone"))]


# --- rods -------------------------------------------------------------------------------------------------------

RODS_SAID: Said = {
    content("particles", "random", shape="rod", tone=tone): (
        f"the images contain {tone} rod-shaped particles",
        f"the pictures show {tone} rods like bacteria",
        f"short {tone} sticks with rounded ends are scattered over the photos",
        f"they have {tone} bacteria-like rods",
        f"{tone} rodlets lie in all directions",
        f"{tone} bacillary forms",
        f"small {tone} capsule-shaped bodies are seen all over the images",
        f"the photos are strewn with {tone} sausage-shaped particles",
        f"many little {tone} bars, round at both ends, overlie the pictures",
        f"{tone} bacilli are present",
        f"a single picture holds many {tone} rod-like germs",
        f"numerous short, straight, {tone} rods appear in the photos",
    )
    for tone in ("dark", "bright")
}


def paint_rods(image: Pixels, params: Drawn, amount: float, rng: Rng) -> Pixels:
    layer, side = empty(image), short_side(image)
    body, rim = tones(params)
    for at in anywhere(image, int(rng.integers(24, 34)), rng):
        turn = float(rng.uniform(0, np.pi))
        half = float(rng.uniform(0.022, 0.034)) * side * np.array([np.cos(turn), np.sin(turn)])
        line = at + np.linspace(-1, 1, 9)[:, None] * half
        for radius, colour, opacity in ((0.0165, rim, 0.5), (0.0115, body, 0.95)):
            for point in line:
                disc(layer, point, (radius * side, radius * side), 0, colour, opacity)
    return lay(image, layer, amount)


def measure_tone(before: Pixels, after: Pixels, params: Drawn) -> float:
    return towards(tones(params)[0], before, after)


# --- particles by arrangement -----------------------------------------------------------------------------------


def _clustered(tone: str) -> tuple[str, ...]:
    return (
        f"the images contain clusters of round {tone} particles",
        f"the pictures show {tone} round particles in clumps",
        f"{tone} beads are heaped together in the photos",
        f"they have clumped {tone} round particles",
        f"{tone} round particles stick together like grapes",
        f"aggregated {tone} cocci",
        f"small {tone} balls lie in tight heaps",
        f"bunches of {tone} beads are seen here and there",
        f"aggregates of round {tone} particles overlie the pictures",
        f"in the photos small {tone} discs crowd together at a few spots",
        f"a single picture holds several dense clumps of {tone} round grains",
        f"{tone} spherical particles, aggregated",
    )


def _spread(tone: str) -> tuple[str, ...]:
    return (
        f"the images contain evenly spread round {tone} particles",
        f"the pictures show {tone} round particles spaced apart",
        f"single {tone} beads are distributed evenly over the photos",
        f"they have {tone} round particles that keep their distance from each other",
        f"{tone} round particles lie well apart everywhere",
        f"dispersed {tone} cocci",
        f"small {tone} balls, none touching another, dot the images",
        f"isolated {tone} beads are seen all over",
        f"evenly dispersed round {tone} particles overlie the pictures",
        f"in the photos small {tone} discs are spread uniformly",
        f"a single picture holds many separate {tone} round grains at even distances",
        f"{tone} spherical particles, monodisperse and well separated",
    )


def _chained(tone: str) -> tuple[str, ...]:
    return (
        f"the images contain chains of round {tone} particles",
        f"the pictures show {tone} round particles in rows",
        f"{tone} beads are strung together in the photos",
        f"they have {tone} round particles lined up like a necklace",
        f"{tone} round particles form winding strings",
        f"streptococcus-like {tone} chains",
        f"small {tone} balls touch each other in curved lines",
        f"strings of {tone} beads are seen here and there",
        f"chains of round {tone} particles overlie the pictures",
        f"in the photos small {tone} discs follow one another in a line",
        f"a single picture holds several strings of {tone} round grains",
        f"{tone} spherical particles in linear chains",
    )


def arranged(arrangement: str, said: Callable[[str], tuple[str, ...]]) -> Said:
    return {
        content("particles", "random", arrangement=arrangement, shape="round", tone=tone): said(tone) for tone in TONES
    }


def paint_particles(image: Pixels, params: Drawn, amount: float, rng: Rng) -> Pixels:
    """About 30 beads, whatever their arrangement."""
    layer, radius = empty(image), 0.021 * short_side(image)
    body, rim = tones(params)
    arrangement = params.content.get("arrangement")
    if arrangement == "clustered":
        points = clumped(image, 3, int(rng.integers(9, 13)), 2.25 * radius, rng)
    elif arrangement == "in chains":
        points = chained(image, 4, int(rng.integers(7, 10)), 2.25 * radius, rng)
    else:
        points = evenly(image, int(rng.integers(28, 37)), rng)
    for at in points:
        disc(layer, at, (1.3 * radius, 1.3 * radius), 0, rim, 0.55)
    for at in points:
        disc(layer, at, (radius, radius), 0, body, 0.95)
        disc(layer, at + 0.25 * radius, (0.27 * radius, 0.27 * radius), 0, rim, 0.5)
    return lay(image, layer, amount)


# --- glowing spots ----------------------------------------------------------------------------------------------

GLOWS: dict[str, Colour] = {
    "green": (60, 235, 80),
    "red": (245, 50, 45),
    "blue": (60, 100, 255),
    "yellow": (250, 230, 50),
    "magenta": (240, 60, 230),
    "cyan": (50, 225, 235),
}

SPOTS_SAID: Said = {
    content("glowing spots", "random", colour=colour): (
        f"the images contain glowing {colour} spots",
        f"the pictures show small bright {colour} dots that glow",
        f"{colour} fluorescent spots are scattered over the photos",
        f"they have luminous {colour} specks",
        f"little {colour} lights shine all over the images",
        f"punctate {colour} fluorescence",
        f"{colour} fluorescent puncta are seen",
        f"tiny {colour} points with a soft halo dot the photos",
        f"the pictures are strewn with bright {colour} glowing points",
        f"{colour}-labelled particles light up",
        f"a single picture holds dozens of glowing {colour} dots",
        f"small {colour} signal spots, as in fluorescence microscopy, overlie the pictures",
    )
    for colour in GLOWS
}


def paint_spots(image: Pixels, params: Drawn, amount: float, rng: Rng) -> Pixels:
    colour = GLOWS[str(params.content.get("colour"))]
    halo, core, side = empty(image), empty(image), short_side(image)
    for at in anywhere(image, int(rng.integers(30, 42)), rng):
        radius = float(rng.uniform(0.011, 0.019)) * side
        disc(halo, at, (2.2 * radius, 2.2 * radius), 0, colour, 0.75)
        disc(core, at, (radius, radius), 0, colour, 1.0)
    return lay(lay(image, halo, amount, blur=0.016), core, amount, blur=0.004)


def measure_spots(before: Pixels, after: Pixels, params: Drawn) -> float:
    return towards(GLOWS[str(params.content.get("colour"))], before, after)


PARTICLES = (
    PlainFamily("rods", "microscopy", RODS_SAID, paint_rods, measure_tone),
    PlainFamily("clustered_particles", "microscopy", arranged("clustered", _clustered), paint_particles, measure_tone),
    PlainFamily("spread_particles", "microscopy", arranged("evenly spread", _spread), paint_particles, measure_tone),
    PlainFamily("chained_particles", "microscopy", arranged("in chains", _chained), paint_particles, measure_tone),
    PlainFamily("glowing_spots", "microscopy", SPOTS_SAID, paint_spots, measure_spots),
)
