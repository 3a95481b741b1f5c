"""Faults of magnetic resonance pictures: coil shading, ringing, motion ghosts, a zipper line, wraparound."""

from __future__ import annotations

import cv2
import numpy as np
from scipy.fft import dctn, idctn

from data_synth.facts import content
from data_synth.families.clinical.canvas import Rng, faded_in, opacity, pixels
from data_synth.families.plain import Drawn, Floats, PlainFamily, Said, luma, share_of_way, short_side, to_pixels
from data_synth.family import Family, Pixels

# --- coil shading -----------------------------------------------------------------------------------------------

BIAS_SAID: Said = {
    content("coil shading"): (
        "the images have patchy shading as of a coil",
        "smooth patches of the pictures are too bright or too dark, as near a coil",
        "the photos are shaded in soft blotches, as of a receive coil",
        "they show a smooth patchwork of brighter and darker zones",
        "bias field",
        "broad soft patches of gain and of loss alternate over the images",
        "intensity inhomogeneity as from a surface coil",
        "the signal waxes and wanes in wide soft patches",
        "the scans have an uncorrected bias field",
        "one notices coil-like shading, brighter in some broad patches and darker in others",
        "the same thing looks lighter in one broad area and darker in the next",
        "non-uniform receive sensitivity shades the pictures patchily",
        "cloud-like smooth gain variations lie over the scans",
    )
}


def paint_bias(image: Pixels, drawn: Drawn, amount: float, rng: Rng) -> Pixels:
    """Every pixel multiplied by a smooth random field, half of it above one and half below."""
    height, width = image.shape[:2]
    knots = rng.standard_normal((4, 4), np.float32)
    field = np.asarray(cv2.resize(knots, (width, height), interpolation=cv2.INTER_CUBIC))
    gain = np.exp((0.45 * amount) * np.clip((field - np.median(field)) / field.std(), -2, 2))
    return to_pixels(image * gain[..., None])


def measure_bias(before: Pixels, after: Pixels, drawn: Drawn) -> float:
    """Spread, over the image, of the logarithm of the smooth gain."""
    return float(np.log(coarse(after) / coarse(before)).std())


def coarse(image: Pixels) -> Floats:
    """Mean brightness in 8 x 8 parts; the offset keeps the gain of black parts at one."""
    return np.asarray(cv2.resize(luma(image), (8, 8), interpolation=cv2.INTER_AREA), np.float32) + 8


# --- ringing ----------------------------------------------------------------------------------------------------

GIBBS_SAID: Said = {
    content("gibbs ringing"): (
        "the images have parallel ripples beside their edges",
        "fine parallel lines echo every edge in the pictures",
        "the photos show ripples that run alongside outlines",
        "they have ringing next to sharp edges",
        "gibbs ringing",
        "edges are accompanied by fading light and dark lines",
        "truncation artefact with ripples along the borders of things",
        "each outline is repeated as a series of fading fine ripples",
        "the scans show gibbs ringing, that is, stripes parallel to edges",
        "one notices fine oscillations next to abrupt changes in brightness",
        "alternating thin lines follow the contours, weaker with distance",
        "truncated k-space leaves ripples along edges",
    )
}


def ripples(image: Pixels) -> Floats:
    """What a sharp cut of the spatial frequencies adds to a soft one: ripples without the blur.

    Cosines stand for the Fourier waves of the scanner, as they do not ring at the border of the picture.
    """
    spectrum = dctn(luma(image), norm="ortho", overwrite_x=True)
    waves = [np.arange(length, dtype=np.float32) * (short_side(image) / (2 * length)) for length in image.shape[:2]]
    cutoff = 22  # waves across the shorter side
    sharp = [wave < cutoff for wave in waves]
    soft = [np.exp(-0.5 * (wave / (0.55 * cutoff)) ** 2) for wave in waves]
    window = np.outer(*sharp).astype(np.float32) - np.outer(*soft)
    return np.asarray(idctn(spectrum * window, norm="ortho", overwrite_x=True), np.float32)


def paint_gibbs(image: Pixels, drawn: Drawn, amount: float, rng: Rng) -> Pixels:
    return to_pixels(image + (2.4 * amount * ripples(image))[..., None])


def measure_gibbs(before: Pixels, after: Pixels, drawn: Drawn) -> float:
    """How much of the ripples that a cut of the frequencies makes has been added, 0 and up: least squares."""
    ringing = ripples(before)
    length = float((ringing * ringing).sum())
    return float(((luma(after) - luma(before)) * ringing).sum()) / length if length else 0.0


# --- ghosts -----------------------------------------------------------------------------------------------------

GHOSTS_SAID: Said = {
    content("motion ghosts", direction=way): (
        f"the images have repeated faint copies of themselves in a {way} row",
        f"the pictures repeat as several faint {way} copies",
        f"a {way} row of weak copies overlies the photos",
        f"they show several pale repetitions, evenly spaced in the {way} direction",
        f"{way} motion ghosts",
        f"faint replicas of everything follow one another {adverb}",
        f"motion ghosts along the {way} phase direction",
        f"outlines come back again and again, weaker, {adverb}",
        f"the scans show periodic {way} ghosting from motion",
        f"one notices equally spaced faint repeats running {adverb}",
        f"weak echoes of bright parts are lined up {adverb}",
        f"breathing-like {way} ghosts, several of them, lie over the images",
    )
    for way, adverb in (("horizontal", "from side to side"), ("vertical", "up and down"))
}


def ghosts(image: Pixels, drawn: Drawn) -> Pixels:
    """Two copies each way, at one and two steps, that come back in at the other edge as they do in a scan."""
    axis = 1 if drawn.content.get("direction") == "horizontal" else 0
    step = round((0.11 + 0.07 * drawn.style) * image.shape[axis])
    copies = (np.roll(image, n * step, axis).astype(np.uint16) for n in (-2, -1, 1, 2))
    return (sum(copies, start=np.zeros_like(image, np.uint16)) // 4).astype(np.uint8)


def paint_ghosts(image: Pixels, drawn: Drawn, amount: float, rng: Rng) -> Pixels:
    return faded_in(image, ghosts(image, drawn), 0.5 * amount)


def measure_ghosts(before: Pixels, after: Pixels, drawn: Drawn) -> float:
    """How far the image has gone towards the mean of its copies: least squares, 0 to 1."""
    return share_of_way(before, after, ghosts(before, drawn))


# --- zipper -----------------------------------------------------------------------------------------------------

ZIPPER_SAID: Said = {
    content("zipper", "random", direction=way): (
        f"the images have a {way} line of alternating bright and dark dots",
        f"a {way} dotted line, bright and dark by turns, crosses the pictures",
        f"a zipper-like line runs {adverb} through the photos",
        f"they are crossed {adverb} by a line of black and white dots",
        f"{way} zipper artefact",
        f"one row of flickering dots goes {adverb} across the whole image",
        f"a {way} line of interference, light and dark in alternation",
        f"a string of alternating dots spans the images {adverb}",
        f"the scans show a {way} zipper from stray radio signal",
        f"one notices a thin {way} seam made of bright and dark points",
        f"a {way} stitch-like line of dots is visible",
        f"small light and dark beads form a line {adverb}",
    )
    for way, adverb in (("horizontal", "from left to right"), ("vertical", "from top to bottom"))
}


def paint_zipper(image: Pixels, drawn: Drawn, amount: float, rng: Rng) -> Pixels:
    painted = image.copy()
    lines = painted if drawn.content.get("direction") == "horizontal" else painted.swapaxes(0, 1)
    bead = pixels(image, 0.017)
    at = round(float(rng.uniform(0.12, 0.88)) * (len(lines) - bead))
    number = -(-lines.shape[1] // bead)
    beads = np.where(np.arange(number) % 2 == 0, rng.uniform(190, 256, number), rng.uniform(0, 60, number))
    lines[at : at + bead] = np.repeat(beads.astype(np.uint8), bead)[None, : lines.shape[1], None]
    return faded_in(image, painted, opacity(amount))


def measure_zipper(before: Pixels, after: Pixels, drawn: Drawn) -> float:
    """Largest rise of a line's mean step from pixel to pixel, 0 to 255."""
    axis = 1 if drawn.content.get("direction") == "horizontal" else 0
    rise = [np.abs(np.diff(luma(image), axis=axis)).mean(axis=axis) for image in (before, after)]
    return float((rise[1] - rise[0]).max())


# --- wraparound -------------------------------------------------------------------------------------------------

OPPOSITE = {"left": "right", "right": "left", "top": "bottom", "bottom": "top"}
WRAP_SAID: Said = {
    content("wraparound", side): (
        f"the images have their {far} part folded over onto the {side}",
        f"the {far} edge of the pictures shows up again at the {side}",
        f"a see-through copy of the {far} side lies over the {side} of the photos",
        f"they wrap around: what belongs to the {far} reappears at the {side}",
        f"wraparound onto the {side}",
        f"the {far} end of the scene is superimposed on the {side} end",
        f"aliasing of the {far} side onto the {side}",
        f"fold-over artefact at the {side}",
        f"the scans are aliased, the {far} part overlying the {side}",
        f"one notices a second, wrapped piece of the {far} at the {side}",
        f"at the {side} the content is overlaid by that of the {far}",
        f"phase wrap puts the {far} margin over the {side} one",
    )
    for side, far in OPPOSITE.items()
}


def wrapped(image: Pixels, drawn: Drawn) -> Pixels:
    """The far third of the image laid over the stated side, half of each."""
    turns = {"left": 0, "top": 1, "right": 2, "bottom": 3}[drawn.content.where]
    goal = np.rot90(image, turns).copy()
    reach = round(0.36 * goal.shape[1])
    goal[:, :reach] = cv2.addWeighted(goal[:, :reach].copy(), 0.45, goal[:, -reach:].copy(), 0.55, 0)
    return np.rot90(goal, -turns)


def paint_wrap(image: Pixels, drawn: Drawn, amount: float, rng: Rng) -> Pixels:
    return faded_in(image, wrapped(image, drawn), amount)


def measure_wrap(before: Pixels, after: Pixels, drawn: Drawn) -> float:
    """How far the image has gone towards its folded copy: least squares, 0 to 1."""
    return share_of_way(before, after, wrapped(before, drawn))


MAGNET: tuple[Family, ...] = (
    PlainFamily("bias_field", "clinical", BIAS_SAID, paint_bias, measure_bias),
    PlainFamily("gibbs_ringing", "clinical", GIBBS_SAID, paint_gibbs, measure_gibbs),
    PlainFamily("motion_ghosts", "clinical", GHOSTS_SAID, paint_ghosts, measure_ghosts),
    PlainFamily("zipper", "clinical", ZIPPER_SAID, paint_zipper, measure_zipper),
    PlainFamily("wraparound", "clinical", WRAP_SAID, paint_wrap, measure_wrap),
)
