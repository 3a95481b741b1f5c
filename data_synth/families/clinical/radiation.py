"""Faults of X-ray and tomography pictures: streaks of metal, the edge of the beam, noise of too low a dose."""

from __future__ import annotations

import cv2
import numpy as np

from data_synth.facts import content
from data_synth.families.clinical.canvas import Rng, dot, empty, fixed, softened, spot_at, toned
from data_synth.families.plain import Drawn, PlainFamily, Said, changed, darkened, luma, short_side, to_pixels
from data_synth.family import Family, Pixels

# --- metal ------------------------------------------------------------------------------------------------------

METAL_SAID: Said = {
    content("metal streaks", "random"): (
        "the images have star-like streaks around a bright spot",
        "bright and dark streaks radiate from a bright point in the pictures",
        "the photos show a glowing spot that throws rays in all directions",
        "they contain a starburst of light and dark rays",
        "metal streak artefact",
        "rays fan out from one very bright spot",
        "streaks as from a piece of metal cross the images",
        "beam-hardening streaks spread out from a hyperdense object",
        "the scans show metal streaks in a star pattern",
        "one notices a bright spot with spokes, light ones and dark ones",
        "a dense bright object sends out radial streaks",
        "a sunburst of alternating rays disturbs the images around a bright point",
    )
}


def paint_metal(image: Pixels, drawn: Drawn, amount: float, rng: Rng) -> Pixels:
    side = short_side(image)
    at = spot_at("random", image, "bright", rng)
    y, x = np.ogrid[: image.shape[0], : image.shape[1]]
    dx, dy = (x - at[0]).astype(np.float32), (y - at[1]).astype(np.float32)
    turn = np.linspace(-np.pi, np.pi, 1024, dtype=np.float32)
    profile = np.zeros(1024, np.float32)
    for angle in rng.uniform(-np.pi, np.pi, 18):
        apart = np.abs((turn - angle + np.pi) % (2 * np.pi) - np.pi)
        profile += float(rng.choice((-0.7, 1.0))) * np.exp(-0.5 * (apart / float(rng.uniform(0.02, 0.06))) ** 2)
    rays = profile[np.clip((np.arctan2(dy, dx) + np.pi) * (1024 / (2 * np.pi)), 0, 1023).astype(int)]
    reach = np.hypot(dx, dy) / side
    streaked = to_pixels(image + (190 * amount * rays * np.exp(-reach / 0.4))[..., None])
    core = empty(image)
    dot(core, at, 0.035 * side, 255)
    return toned(streaked, softened(core, 0.006 * side) * amount, 255)


# --- beam -------------------------------------------------------------------------------------------------------

COLLIMATION_SAID: Said = {
    content("collimation", "border", kind="straight"): (
        "the images have a black border cut off along straight, slightly slanting edges",
        "a black region with straight edges frames the pictures unevenly",
        "the photos are trimmed by black margins with straight slanted sides",
        "they are blacked out beyond a tilted four-sided window",
        "straight collimation edges",
        "the outer parts are black up to sharp straight lines",
        "visible collimator blades with straight edges",
        "only a crooked four-sided field is exposed, the rest is black",
        "the scans are collimated to a slightly turned four-sided field",
        "one notices straight shutters that leave the margins black",
        "black wedges with straight sharp sides close in from the edges",
        "shutter edges, straight and sharp, limit the lit field",
    ),
    content("collimation", "border", kind="round"): (
        "the images have a black border cut off along a round edge",
        "a black region with a round sharp edge surrounds the pictures",
        "the photos are seen through a round window in black",
        "they are blacked out beyond a circular field of view",
        "round collimation edge",
        "the corners are black up to a sharp curved line",
        "visible circular aperture",
        "only a round field is exposed, the corners are black",
        "the scans are collimated to a circular field",
        "one notices a round shutter that leaves the corners black",
        "everything outside a sharp-edged round field is black, as in an endoscope",
        "a porthole-like black surround with a sharp edge limits the view",
    ),
}


def paint_collimation(image: Pixels, drawn: Drawn, amount: float, rng: Rng) -> Pixels:
    """The edge moves in as the amount grows."""
    height, width = image.shape[:2]
    side, lit = short_side(image), empty(image)
    if drawn.content.get("kind") == "round":
        corner = float(np.hypot(width, height)) / 2
        reach = corner + amount**0.7 * (float(rng.uniform(0.44, 0.48)) * side - corner)
        middle = (np.array([width, height]) - 1) / 2 + rng.uniform(-0.02, 0.02, 2) * side
        dot(lit, (float(middle[0]), float(middle[1])), reach, 255)
    else:
        left, top, right, bottom = amount * rng.uniform(0.05, 0.2, 4) * side
        corners = np.array(
            [[left, top], [width - right, top], [width - right, height - bottom], [left, height - bottom]]
        )
        angle = amount * float(rng.choice((-1, 1)) * rng.uniform(0.04, 0.1))
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        middle = np.array([width, height]) / 2
        cv2.fillPoly(lit, [fixed((corners - middle) @ turn + middle)], 255, cv2.LINE_AA, 4)
    return toned(image, 1 - softened(lit, 0.004 * side), 0)


# --- dose -------------------------------------------------------------------------------------------------------

DOSE_SAID: Said = {
    content("streaky noise"): (
        "the images have streaky noise as of too low a dose",
        "noise in short horizontal streaks covers the pictures",
        "the photos are grainy with grain drawn out sideways",
        "they are full of fine random horizontal streaks",
        "low-dose noise",
        "the grain is not round, it is stretched into little dashes",
        "photon starvation with horizontal streaks",
        "a streaked mottle lies over the images",
        "the scans look underdosed, their noise being streaky",
        "one notices random thin dashes, lying flat, all over",
        "quantum mottle that is smeared sideways",
        "correlated noise, longer than it is tall, spoils the images",
    )
}


def paint_dose(image: Pixels, drawn: Drawn, amount: float, rng: Rng) -> Pixels:
    height, width = image.shape[:2]
    grain_px = max(1.0, short_side(image) / 112)
    rows, columns = round(height / grain_px), max(2, round(width / grain_px / 6))
    streaks = rng.standard_normal((rows, columns), np.float32)
    strength = rng.uniform(0.5, 1.3, (rows, 1)).astype(np.float32)
    grain = cv2.resize(streaks * strength, (width, height), interpolation=cv2.INTER_CUBIC)
    return to_pixels(image + (34 * amount) * np.asarray(grain)[..., None])


def measure_dose(before: Pixels, after: Pixels, drawn: Drawn) -> float:
    """Rise of the mean step between rows over that between columns, 0 to 255."""
    return streakiness(after) - streakiness(before)


def streakiness(image: Pixels) -> float:
    grey = luma(image)
    return float(np.abs(np.diff(grey, axis=0)).mean() - np.abs(np.diff(grey, axis=1)).mean())


RADIATION: tuple[Family, ...] = (
    PlainFamily("metal_streaks", "clinical", METAL_SAID, paint_metal, changed),
    PlainFamily("collimation_edge", "clinical", COLLIMATION_SAID, paint_collimation, darkened),
    PlainFamily("low_dose_noise", "clinical", DOSE_SAID, paint_dose, measure_dose),
)
