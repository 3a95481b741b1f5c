"""What slides and skin pictures bring along: pen marks, a shifted stain and bubbles in the gel."""

from __future__ import annotations

import numpy as np

from data_synth.facts import content
from data_synth.families.clinical.canvas import Rng, dot, faded_in, opacity, pixels, stroke
from data_synth.families.plain import TONES, Drawn, PlainFamily, Said, lightened, short_side, with_curve
from data_synth.family import Family, Pixels

# --- pen marks --------------------------------------------------------------------------------------------------

INKS = {"purple": (115, 45, 165), "blue": (45, 75, 200), "green": (30, 130, 70)}
INK_SAID: Said = {
    content("pen marks", "random", colour=colour): (
        f"the images have {colour} pen marks",
        f"{colour} strokes of a marker pen are drawn on the pictures",
        f"the photos are marked with {colour} ink",
        f"they carry {colour} dashes and dots of a felt pen",
        f"{colour} ink marks",
        f"somebody drew with a {colour} pen on what is shown",
        f"surgical skin marker, {colour}",
        f"{colour} ink lines and dots lie over the scene",
        f"the scans show {colour} marker ink",
        f"one notices hand-drawn {colour} strokes",
        f"short {colour} pen strokes mark a place in the images",
        f"marks in {colour} ink, as drawn before an operation, are visible",
    )
    for colour in INKS
}


def paint_ink(image: Pixels, drawn: Drawn, amount: float, rng: Rng) -> Pixels:
    """An arc around a place, dashes and dots near it."""
    side, ink = short_side(image), [float(tone) for tone in INKS[str(drawn.content.get("colour"))]]
    centre = rng.uniform(0.35, 0.65, 2) * (image.shape[1], image.shape[0])
    painted = image.copy()
    thick = pixels(image, float(rng.uniform(0.018, 0.026)))
    turn = float(rng.uniform(0, 2 * np.pi)) + np.linspace(0, float(rng.uniform(1.5, 3.5)), 20)
    arc = float(rng.uniform(0.16, 0.24)) * side * (1 + rng.normal(0, 0.02, 20))
    stroke(painted, centre + arc[:, None] * np.stack([np.cos(turn), np.sin(turn)], axis=1), ink, thick)
    for _ in range(int(rng.integers(3, 6))):
        at, angle = centre + rng.normal(0, 0.17, 2) * side, float(rng.uniform(0, np.pi))
        way = float(rng.choice((0.0, 0.04, 0.07))) * side * np.array([np.cos(angle), np.sin(angle)])
        stroke(painted, np.stack([at - way, at + rng.normal(0, 0.004, 2) * side, at + way]), ink, thick)
    return faded_in(image, painted, 0.9 * opacity(amount))


def measure_ink(before: Pixels, after: Pixels, drawn: Drawn) -> float:
    """Mean approach of the pixels to the colour of the ink, 0 to 255."""
    ink = np.array(INKS[str(drawn.content.get("colour"))], np.float32)
    return float((np.abs(before - ink) - np.abs(after - ink)).mean())


# --- stain ------------------------------------------------------------------------------------------------------

STAINS = {"pink": (0.55, 1.6, 1.0), "purple": (1.0, 1.8, 0.5)}
"""Exponents of red, green and blue: how much more or less of each the darker parts take up."""
STAIN_SAID: Said = {
    content("stain", colour=colour): (
        f"the images are stained more {colour}",
        f"the darker parts of the pictures are more {colour}, white stays white",
        f"the photos have a stronger {colour} stain",
        f"they look stained with more {colour} dye",
        f"stain shifted towards {colour}",
        f"a {colour} dye has been taken up by everything that is not white",
        f"the stain is more {colour}, the clear background keeps its colour",
        f"more {dye}, that is, {colour}, staining",
        f"the sections are stained more {colour}",
        f"one notices a {colour} shift of the dyed parts",
        f"middle tones turn {colour}, as after another staining",
        f"as on a slide from another laboratory, the stain is rather {colour}",
    )
    for colour, dye in (("pink", "eosin-like"), ("purple", "haematoxylin-like"))
}


def paint_stain(image: Pixels, drawn: Drawn, amount: float, rng: Rng) -> Pixels:
    """A tone curve a channel that leaves black and white: its logarithm is the dye's optical density."""
    exponents = np.array(STAINS[str(drawn.content.get("colour"))]) ** amount
    return with_curve(image, 255 * (TONES[:, None] / 255) ** exponents)


def measure_stain(before: Pixels, after: Pixels, drawn: Drawn) -> float:
    """Rise of the stain's brightest channel over green, mean, share of full scale."""
    channel = 0 if drawn.content.get("colour") == "pink" else 2
    change = after.astype(np.float32) - before
    return float((change[..., channel] - change[..., 1]).mean()) / 255


# --- bubbles ----------------------------------------------------------------------------------------------------

BUBBLES_SAID: Said = {
    content("gel bubbles", "random"): (
        "the images have round bubbles with bright rims",
        "bubbles of air with light rims lie over the pictures",
        "the photos look as if seen through gel with air bubbles",
        "they show clear round bubbles, each with a bright edge",
        "gel bubbles",
        "little see-through balls, rimmed with light, are scattered about",
        "trapped air has left bubbles on the images",
        "air bubbles in the immersion fluid",
        "the scans show bright-rimmed bubbles from contact gel",
        "one notices soap-like bubbles with a glint",
        "transparent bubbles of several sizes are visible",
        "round air pockets with shining rims dot the pictures",
    )
}


def paint_bubbles(image: Pixels, drawn: Drawn, amount: float, rng: Rng) -> Pixels:
    painted, side = image.copy(), short_side(image)
    for at in rng.uniform(0.05, 0.95, (int(rng.integers(6, 11)), 2)) * (image.shape[1], image.shape[0]):
        centre, radius = (float(at[0]), float(at[1])), float(rng.uniform(0.025, 0.08)) * side
        dot(painted, centre, radius + 0.008 * side, 60, pixels(image, 0.006))
        dot(painted, centre, radius, 250, pixels(image, 0.008))
        dot(painted, (centre[0] - 0.4 * radius, centre[1] - 0.4 * radius), 0.2 * radius, 255)
    return faded_in(image, painted, opacity(amount))


SPECIMEN: tuple[Family, ...] = (
    PlainFamily("ink_marks", "clinical", INK_SAID, paint_ink, measure_ink),
    PlainFamily("stain_shift", "clinical", STAIN_SAID, paint_stain, measure_stain),
    PlainFamily("gel_bubbles", "clinical", BUBBLES_SAID, paint_bubbles, lightened),
)
