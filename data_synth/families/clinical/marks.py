"""Marks and devices on scans: a side letter, wires, a needle, callipers and burned-in text."""

from __future__ import annotations

from itertools import product

import cv2
import numpy as np
from numpy.typing import NDArray

from data_synth.facts import content
from data_synth.families.clinical.canvas import (
    CORNERS,
    Rng,
    changed_at_place,
    contrasting,
    corner_of,
    dot,
    faded_in,
    opacity,
    pixels,
    placed,
    stroke,
)
from data_synth.families.plain import Drawn, PlainFamily, Said, changed, short_side
from data_synth.family import Family, Pixels

FONT = cv2.FONT_HERSHEY_SIMPLEX
LIGHT, SHADE = (250.0,) * 3, (25.0,) * 3

# --- letters ----------------------------------------------------------------------------------------------------

LETTER_SENTENCES = (
    "the images have a letter {letter} marker {at}",
    "a single capital {letter} stands {near} of the pictures",
    "the photos are marked with the letter {letter} {at}",
    "they carry a side marker, an {letter}, {near}",
    "{letter} marker {at}",
    "a lone letter {letter} is placed {near}",
    "the side letter {letter} is visible {at}",
    "{word} side marker, the letter {letter}, {at}",
    "an {letter} for {word} is printed {near}",
    "the scans show a lead letter {letter} {at}",
    "one notices one big letter, {letter}, {near}",
    "an anatomical {letter} label sits {at}",
    "laterality marker {letter} {near}",
)
LETTER_SAID: Said = dict(
    placed("side marker", where, LETTER_SENTENCES, {"letter": letter, "word": word}, letter=letter)
    for (letter, word), where in product((("l", "left"), ("r", "right")), CORNERS)
)


def paint_letter(image: Pixels, drawn: Drawn, amount: float, rng: Rng) -> Pixels:
    text = str(drawn.content.get("letter")).upper()
    (_, natural), _ = cv2.getTextSize(text, FONT, 1.0, 2)
    scale = float(rng.uniform(0.11, 0.14)) * short_side(image) / natural
    thick = max(1, round(2.8 * scale))
    (width, height), _ = cv2.getTextSize(text, FONT, scale, thick)
    x, y = corner_of(drawn.content.where, image, (width, height), rng)
    ink, painted = contrasting(image, (x, y), (width, height)), image.copy()
    cv2.putText(painted, text, (x, y + height), FONT, scale, (ink,) * 3, thick, cv2.LINE_AA)
    return faded_in(image, painted, opacity(amount))


TEXT_SENTENCES = (
    "the images have small burned-in technical text {at}",
    "several short lines of tiny technical text stand {near} of the pictures",
    "the photos carry small machine settings, line under line, {at}",
    "they have tiny rows of letters and numbers {near}",
    "burned-in annotation {at}",
    "scanner settings are printed in small type {near}",
    "little stacked lines of abbreviations and figures appear {at}",
    "acquisition parameters are burned in {near}",
    "the scans show burned-in text rows {at}",
    "one notices small print, several rows of it, {near}",
    "a small block of technical lettering sits {at}",
    "machine text in a few tiny lines is visible {near}",
)
TEXT_SAID: Said = dict(placed("burned-in text", where, TEXT_SENTENCES) for where in CORNERS)
SETTINGS = (
    *("SE {} IM 12", "KV {}", "W {} L 40", "FOV {}", "TR {}", "TE {} MS", "DR {} DB", "GAIN {}"),
    *("F {} MHZ", "SL {} MM", "MA {}", "ZOOM {}", "FR {} HZ", "NEX {}"),
)
"""{} stands for a number."""


def paint_text(image: Pixels, drawn: Drawn, amount: float, rng: Rng) -> Pixels:
    rows = [text.format(int(rng.integers(2, 400))) for text in rng.choice(SETTINGS, int(rng.integers(4, 6)), False)]
    scale = float(rng.uniform(0.045, 0.055)) * short_side(image) / 30
    sizes = [cv2.getTextSize(row, FONT, scale, 1)[0] for row in rows]
    pitch = 1.6 * max(height for _, height in sizes)
    box = (max(width for width, _ in sizes), round(pitch * len(rows)))
    x, y = corner_of(drawn.content.where, image, box, rng)
    ink, painted = contrasting(image, (x, y), box), image.copy()
    for n, (row, (width, _)) in enumerate(zip(rows, sizes, strict=True), start=1):
        start = x if "left" in drawn.content.where else x + box[0] - width
        cv2.putText(painted, row, (start, round(y + n * pitch)), FONT, scale, (ink,) * 3, 1, cv2.LINE_AA)
    return faded_in(image, painted, opacity(amount))


# --- devices ----------------------------------------------------------------------------------------------------

WIRES_SAID: Said = {
    content("wires", "random"): (
        "the images have thin bright wires with round electrodes",
        "bright leads that end in buttons run over the pictures",
        "the photos show cables with small discs at their ends",
        "they are crossed by curved bright wires",
        "overlying monitoring leads",
        "thin light cords, each ending in a dot, hang into the images",
        "electrode wires lie over the scene",
        "projected leads and electrode buttons",
        "the scans show lead wires with electrodes on top",
        "one notices bright curved cables that come in from the edge",
        "wires as for a heart recording cross the pictures",
        "round contacts with long bright wires are visible",
    )
}


def lined(painted: Pixels, points: NDArray[np.float64], thick: int) -> None:
    """A bright line with a dark border, to be seen on bright and on dark ground."""
    stroke(painted, points, SHADE, thick + 2 * max(1, thick // 3))
    stroke(painted, points, LIGHT, thick)


def paint_wires(image: Pixels, drawn: Drawn, amount: float, rng: Rng) -> Pixels:
    height, width = image.shape[:2]
    painted, side = image.copy(), short_side(image)
    t = np.linspace(0, 1, 24)[:, None]
    for _ in range(int(rng.integers(2, 5))):
        start = np.array([float(rng.integers(2)), rng.uniform(0, 1)])
        start = (start if rng.random() < 0.5 else start[::-1]) * (width, height)
        end = rng.uniform(0.25, 0.75, 2) * (width, height)
        bend = (start + end) / 2 + rng.uniform(-0.3, 0.3, 2) * side
        lined(painted, (1 - t) ** 2 * start + 2 * t * (1 - t) * bend + t**2 * end, pixels(image, 0.009))
        for radius, tone in ((0.04, SHADE), (0.033, LIGHT), (0.015, SHADE)):
            dot(painted, (float(end[0]), float(end[1])), radius * side, tone[0])
    return faded_in(image, painted, opacity(amount))


NEEDLE_SAID: Said = {
    content("needle", "random", side=side): (
        f"the images have a thin bright needle coming in from the {side}",
        f"a straight bright needle enters the pictures from the {side}",
        f"the photos show a long thin rod pushed in from the {side}",
        f"they are pierced from the {side} by a fine bright needle",
        f"needle from the {side}",
        f"a fine straight line with a tip reaches inwards from the {side} edge",
        f"biopsy needle entering from the {side}",
        f"a needle shaft with its tip is seen, inserted from the {side}",
        f"the scans show a bright linear needle track from the {side}",
        f"one notices a bright spike that starts at the {side} edge",
        f"a pointed metal line sticks into the images from the {side}",
        f"an echogenic needle with a bright tip advances from the {side}",
    )
    for side in ("left", "right")
}


def paint_needle(image: Pixels, drawn: Drawn, amount: float, rng: Rng) -> Pixels:
    height, width = image.shape[:2]
    near, far = (-0.02, float(rng.uniform(0.5, 0.68)))
    if drawn.content.get("side") == "right":
        near, far = 1 - near, 1 - far
    start = np.array([near * width, float(rng.uniform(0.1, 0.9)) * height])
    tip = np.array([far * width, float(rng.uniform(0.35, 0.65)) * height])
    painted = image.copy()
    lined(painted, np.stack([start, tip]), pixels(image, 0.015))
    along = (tip - start) / np.linalg.norm(tip - start)
    lined(painted, np.stack([tip, tip + 0.035 * short_side(image) * along]), pixels(image, 0.004))
    dot(painted, (float(tip[0]), float(tip[1])), 0.014 * short_side(image), LIGHT[0])
    return faded_in(image, painted, opacity(amount))


CALIPERS_SAID: Said = {
    content("callipers", "random"): (
        "the images have two small crosses joined by a dotted line",
        "a dotted line between two plus marks measures something in the pictures",
        "the photos show a measured distance: two crosses and dots between them",
        "they carry measuring marks with a dotted line",
        "calliper marks",
        "two tiny plus signs, linked by dots, are drawn on the images",
        "a dotted distance line with a cross at either end",
        "electronic callipers have been placed",
        "the scans show calliper crosses joined by dots",
        "one notices a pair of crosslets and a dotted line from one to the other",
        "a length has been marked with crosses and a dotted line",
        "measurement callipers with a dotted track",
    )
}


def paint_calipers(image: Pixels, drawn: Drawn, amount: float, rng: Rng) -> Pixels:
    side = short_side(image)
    angle, length = float(rng.uniform(0, np.pi)), float(rng.uniform(0.35, 0.5)) * side
    middle = rng.uniform(0.38, 0.62, 2) * (image.shape[1], image.shape[0])
    reach = length / 2 * np.array([np.cos(angle), np.sin(angle)])
    low, size = np.floor(middle - np.abs(reach)).astype(int), np.ceil(2 * np.abs(reach)).astype(int) + 1
    ink = contrasting(image, (max(0, int(low[0])), max(0, int(low[1]))), (int(size[0]), int(size[1])))
    painted, arm = image.copy(), 0.035 * side
    for end in (middle - reach, middle + reach):
        for way in (np.array([arm, 0]), np.array([0, arm])):
            stroke(painted, np.stack([end - way, end + way]), (ink,) * 3, pixels(image, 0.011))
    for share in np.linspace(-0.8, 0.8, 11):
        at = middle + share * reach
        dot(painted, (float(at[0]), float(at[1])), 0.0065 * side, ink)
    return faded_in(image, painted, opacity(amount))


MARKS: tuple[Family, ...] = (
    PlainFamily("marker_letter", "clinical", LETTER_SAID, paint_letter, changed_at_place),
    PlainFamily("text_burn_in", "clinical", TEXT_SAID, paint_text, changed_at_place),
    PlainFamily("wires", "clinical", WIRES_SAID, paint_wires, changed),
    PlainFamily("biopsy_needle", "clinical", NEEDLE_SAID, paint_needle, changed),
    PlainFamily("caliper_marks", "clinical", CALIPERS_SAID, paint_calipers, changed),
)
