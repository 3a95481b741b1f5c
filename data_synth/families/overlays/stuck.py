"""Things stuck on or held in front: logo, barcode, censor bar, stamp, sticky note, tape, finger."""

from __future__ import annotations

import cv2
import numpy as np

from data_synth.families.overlays.drawing import (
    BLACK,
    BLUE,
    CORNERS,
    EDGES,
    GREEN,
    RED,
    WHITE,
    YELLOW,
    Colour,
    axes,
    cover,
    fade,
    opacity,
    overlay,
    pick,
    placed,
    px,
    sixteenths,
    spot,
    towards,
)
from data_synth.families.plain import Drawn, darkened, short_side, to_pixels
from data_synth.family import Pixels

STAMP_INKS: dict[str, Colour] = {
    "red": (190, 25, 40),
    "blue": (30, 60, 170),
    "green": (20, 120, 70),
    "purple": (110, 40, 140),
}
NOTE_COLOURS: dict[str, Colour] = {
    "yellow": (250, 232, 95),
    "pink": (248, 150, 185),
    "green": (165, 225, 120),
    "blue": (135, 195, 240),
}
TAPE_COLOUR: Colour = (222, 200, 140)
SKIN: tuple[Colour, ...] = ((232, 184, 158), (214, 160, 130), (180, 122, 92), (128, 82, 60), (86, 54, 40))


def _logo(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    body, ink = pick(
        ((RED, WHITE), (BLUE, WHITE), (YELLOW, BLACK), (GREEN, WHITE), (BLACK, WHITE), (WHITE, BLACK)), drawn.style
    )
    box = px(image, 0.25 * (0.8 + 0.2 * amount))
    x, y = spot(drawn.content.where, image, box, box, rng)
    centre = (x + box // 2, y + box // 2)
    painted = image.copy()
    cv2.circle(painted, centre, box // 2, body, -1, cv2.LINE_AA)
    cv2.circle(painted, centre, max(round(0.42 * box), 1), ink, px(image, 0.008), cv2.LINE_AA)
    letter = pick("RKMBGQ", drawn.style * 7 % 1)  # a set has one brand
    font = cv2.FONT_HERSHEY_TRIPLEX
    (_, natural), _ = cv2.getTextSize(letter, font, 1.0, 1)
    scale = 0.5 * box / natural
    (wide, high), _ = cv2.getTextSize(letter, font, scale, 1)
    at = (centre[0] - wide // 2, centre[1] + high // 2)
    cv2.putText(painted, letter, at, font, scale, ink, max(round(3 * scale), 1), cv2.LINE_AA)
    return fade(image, painted, opacity(amount))


def _barcode(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    bars = np.repeat(np.tile([BLACK[0], WHITE[0]], 9), rng.integers(1, 4, 18))
    bars = np.concatenate([[WHITE[0]] * 3, bars, [WHITE[0]] * 2]).astype(np.uint8)[None, :, None]
    wide, high = px(image, 0.36 * (0.85 + 0.2 * amount)), px(image, 0.19)
    code = cv2.resize(np.repeat(bars, 3, axis=2), (wide, high), interpolation=cv2.INTER_NEAREST)
    rim = px(image, 0.014)
    code[:rim] = code[-rim:] = WHITE
    x, y = spot(drawn.content.where, image, wide, high, rng)
    painted = image.copy()
    painted[y : y + high, x : x + wide] = code
    return fade(image, painted, opacity(amount))


def _censor_bar(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    wide, high = round(float(rng.uniform(0.6, 0.75)) * image.shape[1]), px(image, float(rng.uniform(0.1, 0.13)))
    x, y = spot(drawn.content.where, image, wide, high, rng)
    painted = image.copy()
    painted[y : y + high, x : x + wide] = 0
    return fade(image, painted, opacity(amount))


def _stamp(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    """Two rims and a word between them, turned a little, in ink that took unevenly."""
    height, width = image.shape[:2]
    box = px(image, 0.4)
    x, y = spot(drawn.content.where, image, box, box, rng)
    mask = np.zeros((box, box), np.uint8)
    centre = (box // 2, box // 2)
    for share, thick in ((0.46, 0.045), (0.37, 0.02)):
        cv2.circle(mask, centre, round(share * box), 255, max(round(thick * box), 1), cv2.LINE_AA)
    word = pick(("PAID", "SEEN", "POST", "COPY", "FILE"), drawn.style)
    font = cv2.FONT_HERSHEY_TRIPLEX
    (natural, _), _ = cv2.getTextSize(word, font, 1.0, 1)
    scale = 0.58 * box / natural
    (wide, high), _ = cv2.getTextSize(word, font, scale, 1)
    at = ((box - wide) // 2, (box + high) // 2)
    cv2.putText(mask, word, at, font, scale, 255, max(round(2.5 * scale), 1), cv2.LINE_AA)
    turn = cv2.getRotationMatrix2D((box / 2, box / 2), float(rng.uniform(-28, 28)), 1.0)
    turned = np.asarray(cv2.warpAffine(mask, turn, (box, box)), np.float32) / 255
    patches = cv2.resize(rng.uniform(0.35, 1.25, (9, 9)).astype(np.float32), (box, box), interpolation=cv2.INTER_CUBIC)
    ink = np.zeros((height, width), np.float32)
    part = ink[y : y + box, x : x + box]
    part[:] = (turned * np.clip(patches, 0.3, 1))[: part.shape[0], : part.shape[1]]
    return cover(image, ink * np.float32(0.95 * opacity(amount)), STAMP_INKS[str(drawn.content.get("colour"))])


def _stamped(before: Pixels, after: Pixels, drawn: Drawn) -> float:
    return towards(before, after, STAMP_INKS[str(drawn.content.get("colour"))])


def _sticky_note(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    """A paper a little askew, lines of writing on it and a shadow below it."""
    box = px(image, 0.32)
    corner = spot(drawn.content.where, image, box, box, rng)
    angle = np.deg2rad(float(rng.uniform(-9, 9)))
    across = box * np.array([np.cos(angle), np.sin(angle)])
    down = across[::-1] * (-1, 1)
    start = np.array(corner) + box / 2 - (across + down) / 2
    sheet = start + np.array([(0, 0), (1, 0), (1, 1), (0, 1)]) @ np.stack([across, down])
    shade, painted = image.copy(), image.copy()
    cv2.fillPoly(shade, [sixteenths(sheet + 0.05 * (across + down) / 2)], (0, 0, 0), cv2.LINE_AA, 4)
    painted = fade(painted, shade, 0.4)
    cv2.fillPoly(painted, [sixteenths(sheet)], NOTE_COLOURS[str(drawn.content.get("colour"))], cv2.LINE_AA, 4)
    for row, end in zip((0.28, 0.46, 0.64, 0.82), rng.uniform(0.6, 0.88, 4), strict=True):
        line = start + np.array([(0.12, row), (end, row)]) @ np.stack([across, down])
        cv2.polylines(painted, [sixteenths(line)], False, (70, 70, 75), px(image, 0.008), cv2.LINE_AA, 4)
    return fade(image, painted, opacity(amount))


def _noted(before: Pixels, after: Pixels, drawn: Drawn) -> float:
    return towards(before, after, NOTE_COLOURS[str(drawn.content.get("colour"))])


def _tape(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    """A strip laid aslant over a corner, a bright line along each of its edges."""
    height, width = image.shape[:2]
    side = short_side(image)
    x, y = axes(image)
    from_left = x if "left" in drawn.content.where else width - 1 - x
    from_top = y if "top" in drawn.content.where else height - 1 - y
    angle = np.deg2rad(float(rng.uniform(38, 52)))
    depth = (from_left * np.cos(angle) + from_top * np.sin(angle)) / side  # from the corner inwards
    middle, half = float(rng.uniform(0.2, 0.25)), 0.075
    off = np.abs(depth - middle)
    strip = np.clip((half - off) * side + 0.5, 0, 1)
    seam = np.exp(-0.5 * ((off - half + 0.012) / 0.006) ** 2)
    taped = cover(image, (0.62 * opacity(amount) * strip).astype(np.float32), TAPE_COLOUR)
    return cover(taped, (0.5 * opacity(amount) * seam * strip).astype(np.float32), (250, 240, 205))


def _taped(before: Pixels, after: Pixels, drawn: Drawn) -> float:
    return towards(before, after, TAPE_COLOUR)


def _finger(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    """A rounded tip that comes in from the edge, out of focus, shaded towards its flanks."""
    height, width = image.shape[:2]
    side = short_side(image)
    x, y = axes(image)
    where = drawn.content.where
    upright = where in ("top", "bottom")
    inwards = {"left": x, "right": width - 1 - x, "top": y, "bottom": height - 1 - y}[where]
    along, length = (x, width) if upright else (y, height)
    reach = side * (0.06 + 0.36 * amount) * float(rng.uniform(0.9, 1.1))
    half = side * float(rng.uniform(0.13, 0.17))
    lean = float(rng.uniform(-0.25, 0.25))
    sideways = along - length * float(rng.uniform(0.4, 0.6)) - lean * inwards
    beyond = np.maximum(inwards - (reach - half), 0)  # the round tip begins here
    far = np.sqrt(sideways**2 + beyond**2) / half  # 1 at the outline
    mask = np.clip((1 - far) / 0.35 + 0.5, 0, 1)
    mask = (mask * mask * (3 - 2 * mask)).astype(np.float32)
    skin = np.array(pick(SKIN, drawn.style), np.float32) * (1.06 - 0.28 * np.clip(far, 0, 1.2)[..., None] ** 2)
    seen = min(0.35 + 0.9 * opacity(amount), 1.0) * mask[..., None]
    return to_pixels(image + seen * (np.clip(skin, 0, 255) - image))


def _fingered(before: Pixels, after: Pixels, drawn: Drawn) -> float:
    return towards(before, after, pick(SKIN, drawn.style))


LOGO = overlay(
    "logo",
    _logo,
    placed(
        "logo",
        CORNERS,
        "the images have a logo {at}",
        "a round badge sits {at} of the pictures",
        "the photos carry a sticker {near}",
        "they are branded with an emblem {at}",
        "a badge with a letter is stuck {near}",
        "a channel logo is visible {near} in the images",
        "a logo, {near}",
        "a round emblem with one letter {at}",
        "the mark of a brand is overlaid {at}",
        "a company sign has been put {near}",
        "the pictures are labelled with a round sticker {at}",
        "a broadcaster-style badge lies {near}",
    ),
)
BARCODE = overlay(
    "barcode",
    _barcode,
    placed(
        "barcode",
        (*CORNERS, "random"),
        "the images have a barcode {at}",
        "a barcode is printed {at} of the pictures",
        "the photos carry a barcode label {near}",
        "they are labelled with a barcode {at}",
        "a white label with black upright bars sits {near}",
        "a product code to be scanned is visible {near} in the images",
        "a barcode, {near}",
        "a bar code sticker {at}",
        "a specimen label with a barcode lies {near}",
        "black and white code bars {at}",
        "a supermarket-style code is stuck {near}",
        "a machine-readable label covers the scene {at}",
    ),
)
CENSOR_BAR = overlay(
    "censor_bar",
    _censor_bar,
    placed(
        "censor bar",
        ("top", "centre", "bottom", "random"),
        "the images have a black censor bar {at}",
        "a wide black bar is laid over the pictures {at}",
        "the photos are blacked out by a strip {at}",
        "they are redacted with a black bar {near}",
        "a long black strip hides something {near}",
        "something in the images is censored by a black strip {at}",
        "a censor bar {near}",
        "a black redaction {at}",
        "an anonymising black bar covers the scene {near}",
        "a part of the photos is masked by a solid black bar {near}",
        "black-out strip, {at}",
        "details are made unreadable by a black bar {near}",
    ),
    darkened,
)
STAMP = overlay(
    "stamp",
    _stamp,
    {
        shown: said
        for colour in STAMP_INKS
        for shown, said in placed(
            "ink stamp",
            (*CORNERS, "random"),
            "the images have a round {colour} ink stamp {at}",
            "a {colour} rubber stamp was pressed on the pictures {at}",
            "the photos are stamped in {colour} {near}",
            "they bear a {colour} postmark {at}",
            "a {colour} stamp {near}",
            "somebody stamped a word in {colour} {near}",
            "the {colour} imprint of a round seal is visible {near}",
            "patchy {colour} ink of a seal lies {at}",
            "an official-looking {colour} stamp covers the scene {near}",
            "stamped images, with {colour} ink {at}",
            "a word in a round {colour} imprint stands {near}",
            "an office stamp in {colour}, {at}",
            colour=colour,
        ).items()
    },
    _stamped,
)
STICKY_NOTE = overlay(
    "sticky_note",
    _sticky_note,
    {
        shown: said
        for colour in NOTE_COLOURS
        for shown, said in placed(
            "sticky note",
            CORNERS,
            "the images have a {colour} sticky note {at}",
            "a {colour} paper note is stuck on the pictures {at}",
            "the photos carry a {colour} memo {near}",
            "they are covered in part by a {colour} adhesive note {near}",
            "a {colour} sticky note {near}",
            "a {colour} slip of paper with lines of writing lies {near}",
            "somebody left a {colour} reminder {near}",
            "a small {colour} sheet with scribbled lines hides the scene {at}",
            "a note on {colour} paper is pasted {near}",
            "{colour} office stationery, a note, sticks {at}",
            "a {colour} note sheet, a little askew, {at}",
            "a memo slip in {colour} overlies the pictures {near}",
            colour=colour,
        ).items()
    },
    _noted,
)
TAPE = overlay(
    "tape",
    _tape,
    placed(
        "tape",
        CORNERS,
        "the images have a strip of adhesive tape {at}",
        "the pictures are fixed with tape {at}",
        "a yellowish, see-through tape runs over the photos {near}",
        "they are taped down {near}",
        "sticky tape {near}",
        "a piece of old adhesive tape lies aslant {at}",
        "a translucent strip crosses the scene {near}",
        "somebody stuck the photos on with tape {near}",
        "a length of cellophane tape overlies the scene {near}",
        "the corner of the pictures is held by tape {at}",
        "a semi-transparent adhesive strip, {at}",
        "yellowed tape overlies the images {near}",
    ),
    _taped,
)
FINGER = overlay(
    "finger",
    _finger,
    placed(
        "finger",
        EDGES,
        "the images have a finger in front of the lens {at}",
        "a finger got into the pictures {at}",
        "the photos are partly hidden by a fingertip {near}",
        "they show the finger of the photographer {at}",
        "a finger {near}",
        "a soft, skin-coloured shape reaches in {near}",
        "somebody held a finger before the camera {at}",
        "a thumb or finger covers the scene {near}",
        "an out-of-focus fingertip comes in {at}",
        "the lens is partly blocked by a finger {near}",
        "a fingertip intrudes {at}",
        "a skin-toned rounded object, out of focus, lies {near}",
    ),
    _fingered,
)
