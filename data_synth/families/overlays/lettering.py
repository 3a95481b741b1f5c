"""Written things: words, numbers, time stamps, watermarks, handwriting."""

from __future__ import annotations

import cv2
import numpy as np

from data_synth.facts import PLACES, content
from data_synth.families.overlays.drawing import (
    AMBER,
    BLACK,
    BLUE,
    CORNERS,
    FONTS,
    GREEN,
    RED,
    WHITE,
    YELLOW,
    Colour,
    cover,
    fade,
    letter,
    opacity,
    overlay,
    pick,
    placed,
    px,
    sixteenths,
    spot,
    towards,
)
from data_synth.families.plain import Drawn
from data_synth.family import Pixels

WORDS = (
    *("Copy", "Hello", "Sale", "Test", "Label", "Open", "News", "Team", "Park", "Blue", "River", "Photo", "Group"),
    *("Visit", "Lab", "View", "Mark", "Study"),
)
INKS: dict[str, Colour] = {
    "black": (15, 15, 20),
    "blue": (25, 45, 170),
    "red": (200, 25, 35),
    "green": (20, 125, 55),
}
_LOOKS: tuple[tuple[Colour, Colour | None], ...] = (
    *((WHITE, BLACK), (BLACK, WHITE), (YELLOW, BLACK), (RED, WHITE), (WHITE, BLUE), (GREEN, None), (WHITE, None)),
)
"""Colours of letters and of the rim around them."""


def _text(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    colour, rim = pick(_LOOKS, drawn.style)
    text = WORDS[rng.integers(len(WORDS))]
    painted = image.copy()
    share = float(rng.uniform(0.34, 0.46)) * (0.75 + 0.35 * amount)
    letter(painted, text, drawn.content.where, share, FONTS[rng.integers(len(FONTS))], colour, rim, rng)
    return fade(image, painted, opacity(amount))


def _number(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    colour, rim = pick(_LOOKS, drawn.style)
    text = str(rng.integers(100))
    painted = image.copy()
    share = float(rng.uniform(0.13, 0.16)) * len(text) * (0.8 + 0.3 * amount)
    letter(painted, text, drawn.content.where, share, FONTS[rng.integers(len(FONTS))], colour, rim, rng)
    return fade(image, painted, opacity(amount))


def _timestamp(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    colour, rim = pick(((AMBER, None), (YELLOW, None), (WHITE, BLACK), (RED, None), (AMBER, BLACK)), drawn.style)
    year, month, day = int(rng.integers(1988, 2030)), int(rng.integers(1, 13)), int(rng.integers(1, 29))
    hour, minute = int(rng.integers(24)), int(rng.integers(60))
    clock = f"{hour:02}:{minute:02}"
    forms = (
        f"{year}-{month:02}-{day:02}",
        f"{day:02}.{month:02}.{year}",
        f"{month:02}/{day:02} {clock}",
        f"{clock}:07",
    )
    text = pick(forms, drawn.style * 7 % 1)
    painted = image.copy()
    share = float(rng.uniform(0.48, 0.56)) * (0.85 + 0.2 * amount)
    letter(painted, text, drawn.content.where, share, cv2.FONT_HERSHEY_DUPLEX, colour, rim, rng)
    return fade(image, painted, opacity(amount))


def _watermark(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    text = pick(("SAMPLE", "PREVIEW", "DRAFT", "PROOF", "COPY", "STOCK"), drawn.style)
    colour = pick((WHITE, WHITE, BLACK), drawn.style * 7 % 1)
    height, width = image.shape[:2]
    font = cv2.FONT_HERSHEY_DUPLEX
    (natural, _), _ = cv2.getTextSize(text, font, 1.0, 1)
    scale = 0.95 * width / natural
    (wide, high), _ = cv2.getTextSize(text, font, scale, 1)
    mask = np.zeros((height, width), np.uint8)
    at = ((width - wide) // 2, (height + high) // 2)
    cv2.putText(mask, text, at, font, scale, 255, max(round(3.5 * scale), 1), cv2.LINE_AA)
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), float(rng.uniform(25, 42)), 1.0)
    mask = np.asarray(cv2.warpAffine(mask, turn, (width, height)), np.uint8)
    return cover(image, mask.astype(np.float32) * np.float32(0.75 * opacity(amount) / 255), colour)


def _handwriting(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    """One pen stroke that loops along a line: high and low letters, and a few gaps between words."""
    wide, high = round(float(rng.uniform(0.62, 0.78)) * image.shape[1]), px(image, 0.13)
    x, y = spot(drawn.content.where, image, wide, high, rng)
    letters = round(wide / (0.45 * high))
    heights = rng.choice([0.3, 0.35, 0.45, 0.9], letters)
    t = np.linspace(0, letters, 10 * letters, endpoint=False)
    turn = 2 * np.pi * t
    rise = heights[t.astype(int)] * (1 - np.cos(turn)) / 2
    along = (t - 0.42 * np.sin(turn)) / letters + 0.25 * rise * high / wide  # the loops lean to the right
    curve = np.stack([x + wide * along, y + high * (0.95 - rise + 0.05 * np.sin(t))], 1)
    gaps = np.sort(rng.choice(np.arange(3, letters - 1), min(3, letters // 5), replace=False))
    words = np.split(curve, [10 * int(gap) for gap in gaps])
    painted = image.copy()
    ink = INKS[str(drawn.content.get("colour"))]
    for word in words:
        cv2.polylines(painted, [sixteenths(word[:-4])], False, ink, px(image, 0.011), cv2.LINE_AA, 4)
    return fade(image, painted, opacity(amount))


def _inked(before: Pixels, after: Pixels, drawn: Drawn) -> float:
    return towards(before, after, INKS[str(drawn.content.get("colour"))])


TEXT = overlay(
    "text",
    _text,
    placed(
        "text",
        (*PLACES, "random"),
        "the images have text {at}",
        "there is writing {at} of the pictures",
        "a word is written {near}",
        "they carry lettering {at}",
        "one can read a word {near} in the photos",
        "somebody printed text {near} on the images",
        "overlaid text, {near}",
        "a printed word {at}",
        "letters form a word {near}",
        "a short caption is laid over the pictures {at}",
        "burned-in lettering is visible {near}",
        "the photos are captioned with a single word {at}",
    ),
)
TIMESTAMP = overlay(
    "timestamp",
    _timestamp,
    placed(
        "time stamp",
        CORNERS,
        "the images have a time stamp {at}",
        "a date or time is printed {at} of the pictures",
        "the photos carry a camera date {near}",
        "digits of a date or clock are visible {near}",
        "they are dated {at}",
        "a line of digits, like a date, stands {near} in the images",
        "a camera time stamp {near}",
        "date stamp {at}",
        "the date or the hour is burned into the pictures {near}",
        "the photos tell {at} when they were taken",
        "numerals of a camera clock appear {near}",
        "an acquisition date or time is overlaid {at}",
    ),
)
WATERMARK = overlay(
    "watermark",
    _watermark,
    {
        content("watermark"): (
            "the images have a watermark",
            "large translucent letters run across the pictures",
            "the photos are watermarked",
            "a faint word is laid diagonally over them",
            "they carry a see-through diagonal inscription, as stock photos do",
            "a big diagonal watermark covers the images",
            "watermarked images",
            "a see-through word slants over the photos",
            "a preview or sample mark lies across the pictures",
            "semi-transparent letters overlie the whole scene",
            "a stock-agency inscription runs from edge to edge",
            "diagonal lettering shows through the images, as in proofs",
        )
    },
)
NUMBERS = overlay(
    "numbers",
    _number,
    placed(
        "number",
        (*CORNERS, "centre", "random"),
        "the images have a number {at}",
        "a number is printed {at} of the pictures",
        "the photos are numbered {near}",
        "they carry one or two digits {at}",
        "a numeral is visible {near}",
        "digits are drawn {near}",
        "a number {near}",
        "one can read a number {at} in the photos",
        "somebody numbered the images {at}",
        "an overlaid numeral, {near}",
        "each picture bears a figure between zero and ninety-nine {at}",
        "burned-in digits, as of a frame counter, stand {near}",
    ),
)
HANDWRITING = overlay(
    "handwriting",
    _handwriting,
    {
        shown: said
        for colour in INKS
        for shown, said in placed(
            "handwriting",
            ("top", "centre", "bottom"),
            "the images have a line of {colour} handwriting {at}",
            "somebody wrote on the pictures {at} with a {colour} pen",
            "a {colour} scribble runs across the photos {near}",
            "they carry a handwritten note in {colour} ink {at}",
            "{colour} handwriting {near}",
            "a scrawl in {colour} is visible {near}",
            "cursive pen strokes in {colour} lie {near}",
            "the photos are annotated by hand in {colour} {near}",
            "an illegible {colour} line of script stands {at}",
            "a handwritten line in {colour} is scribbled {near}",
            "words in {colour} ink have been jotted down {at}",
            "joined-up writing, in {colour}, {at}",
            colour=colour,
        ).items()
    },
    _inked,
)
