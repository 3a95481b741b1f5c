"""Marks and measuring aids: scale bar, ruler, arrow, crosshair, mouse pointer, checkerboard, colour chart."""

from __future__ import annotations

import cv2
import numpy as np

from data_synth.facts import content
from data_synth.families.overlays.drawing import (
    BLACK,
    BLUE,
    CORNERS,
    EDGES,
    GREEN,
    RED,
    WHITE,
    YELLOW,
    fade,
    opacity,
    overlay,
    pick,
    placed,
    px,
    sixteenths,
    spot,
)
from data_synth.families.plain import Drawn, short_side
from data_synth.family import Pixels


def _scale_bar(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    colour = pick((WHITE, WHITE, BLACK), drawn.style)
    length, thick = px(image, float(rng.uniform(0.28, 0.4)) * (0.8 + 0.2 * amount)), px(image, 0.028)
    label = (
        f"{pick((1, 2, 5, 10, 20, 50, 100, 200), float(rng.random()))} {pick(('um', 'nm', 'mm', 'cm'), drawn.style)}"
    )
    font = cv2.FONT_HERSHEY_SIMPLEX
    (natural, _), _ = cv2.getTextSize(label, font, 1.0, 1)
    scale = 0.7 * length / natural
    (wide, high), _ = cv2.getTextSize(label, font, scale, 1)
    x, y = spot(drawn.content.where, image, length, high + 2 * thick, rng)
    painted = image.copy()
    at = (x + (length - wide) // 2, y + high)
    cv2.putText(painted, label, at, font, scale, colour, max(round(2 * scale), 1), cv2.LINE_AA)
    cv2.rectangle(painted, (x, y + high + thick), (x + length, y + high + 2 * thick - 1), colour, -1)
    return fade(image, painted, opacity(amount))


def _ruler(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    body, ink = pick((((240, 240, 240), BLACK), ((235, 215, 120), BLACK), ((30, 30, 30), WHITE)), drawn.style)
    painted = image.copy()
    upright = drawn.content.where in ("left", "right")
    view = painted.swapaxes(0, 1) if upright else painted
    if drawn.content.where in ("bottom", "right"):
        view = view[::-1]
    depth = px(image, 0.13)
    view[:depth] = body
    pitch = short_side(image) / float(rng.uniform(26, 34))
    start = float(rng.uniform(0, 1)) * pitch
    for n, at in enumerate(np.arange(start, view.shape[1] - 1, pitch).astype(int).tolist()):
        tick = depth * (0.75 if n % 5 == 0 else 0.4)
        view[: max(round(tick), 1), at : at + px(image, 0.008)] = ink
    return fade(image, painted, opacity(amount))


def _arrow(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    colour = pick((RED, YELLOW, WHITE, BLACK, GREEN, BLUE), drawn.style)
    box = px(image, 0.32)
    x, y = spot(drawn.content.where, image, box, box, rng)
    angle = float(rng.uniform(0, 2 * np.pi))
    dx, dy = box / 2 * np.cos(angle), box / 2 * np.sin(angle)
    middle = (x + box / 2, y + box / 2)
    tail, tip = (round(middle[0] - dx), round(middle[1] - dy)), (round(middle[0] + dx), round(middle[1] + dy))
    painted = image.copy()
    cv2.arrowedLine(painted, tail, tip, colour, px(image, 0.028), cv2.LINE_AA, tipLength=0.4)
    return fade(image, painted, opacity(amount))


def _crosshair(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    colour = pick((RED, GREEN, WHITE, BLACK), drawn.style)
    height, width = image.shape[:2]
    x, y = np.round(np.array([width, height]) * rng.uniform(0.47, 0.53, 2)).astype(int).tolist()
    gap, thick, tick = px(image, 0.07), px(image, 0.011), px(image, 0.03)
    painted = image.copy()
    for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        cv2.line(painted, (x + dx * gap, y + dy * gap), (x + dx * width, y + dy * height), colour, thick)
        for n in (1, 2, 3):
            at_x, at_y = x + dx * n * px(image, 0.13), y + dy * n * px(image, 0.13)
            cv2.line(painted, (at_x - dy * tick, at_y - dx * tick), (at_x + dy * tick, at_y + dx * tick), colour, thick)
    return fade(image, painted, opacity(amount))


_POINTER = np.array([(0, 0), (0, 0.86), (0.2, 0.68), (0.33, 1.0), (0.47, 0.94), (0.34, 0.63), (0.61, 0.61)])
"""Outline of a mouse pointer of height 1, from its tip."""


def _cursor(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    body, rim = pick(((WHITE, BLACK), (WHITE, BLACK), (BLACK, WHITE)), drawn.style)
    high = px(image, 0.2 * (0.85 + 0.25 * amount) * float(rng.uniform(0.9, 1.1)))
    x, y = spot(drawn.content.where, image, round(0.61 * high), high, rng)
    outline = sixteenths(np.array([x, y]) + high * _POINTER)
    painted = image.copy()
    cv2.fillPoly(painted, [outline], body, cv2.LINE_AA, 4)
    cv2.polylines(painted, [outline], True, rim, px(image, 0.012), cv2.LINE_AA, 4)
    return fade(image, painted, opacity(amount))


def _board(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    cell = px(image, 0.055 * (0.8 + 0.2 * amount))
    board = np.where(np.indices((5, 5)).sum(0) % 2, np.uint8(WHITE[0]), np.uint8(BLACK[0]))
    board = np.kron(board, np.ones((cell, cell), np.uint8))
    x, y = spot(drawn.content.where, image, 5 * cell, 5 * cell, rng)
    painted = image.copy()
    painted[y : y + 5 * cell, x : x + 5 * cell] = board[..., None]
    return fade(image, painted, opacity(amount))


def _colour_chart(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    width = image.shape[1]
    patches = (RED, (245, 140, 20), YELLOW, GREEN, (40, 190, 200), BLUE, (170, 60, 170), WHITE, (128, 128, 128), BLACK)
    row = np.array(patches, np.uint8)[None]
    chart = cv2.resize(row, (round(0.9 * width), px(image, 0.11)), interpolation=cv2.INTER_NEAREST)
    high, wide = chart.shape[:2]
    x, y = spot(drawn.content.where, image, wide, high, rng)
    painted = image.copy()
    painted[y : y + high, x : x + wide] = chart[: painted.shape[0] - y, : painted.shape[1] - x]
    return fade(image, painted, opacity(amount))


SCALE_BAR = overlay(
    "scale_bar",
    _scale_bar,
    placed(
        "scale bar",
        CORNERS,
        "the images have a scale bar {at}",
        "a scale bar with its length is drawn {at} of the pictures",
        "the photos show a short labelled measuring bar {near}",
        "they carry a scale bar {near}",
        "a short bar {near} gives the scale, as in microscope images",
        "the scale is marked by a bar {at}",
        "a labelled scale bar {at}",
        "a length scale is burned in {near}",
        "a bar with a number and a unit stands {near}",
        "micrograph-style scale marking, {at}",
        "one can read the true size of things off a bar {near}",
        "the pictures are calibrated by a short line with its length {at}",
    ),
)
RULER = overlay(
    "ruler",
    _ruler,
    placed(
        "ruler",
        EDGES,
        "the images have a ruler {at}",
        "a ruler lies {at} of the pictures",
        "the photos show a measuring tape {near}",
        "a strip with tick marks runs {near}",
        "they include a ruler {near}",
        "evenly spaced tick marks of a ruler are visible {at}",
        "a ruler along the edge, {at}",
        "a graduated strip {near}",
        "a measuring stick has been laid {near}",
        "a forensic-style ruler borders the photos {at}",
        "the scene can be measured by a graduation {near}",
        "long and short ticks of a scale line up {near}",
    ),
)
ARROW = overlay(
    "arrow",
    _arrow,
    placed(
        "arrow",
        (*CORNERS, "centre", "random"),
        "the images have an arrow {at}",
        "an arrow is drawn {at} of the pictures",
        "the photos are marked with an arrow {near}",
        "they carry a pointer {at}",
        "an arrow points at something {near}",
        "somebody added an arrow {near} to the images",
        "an annotation arrow {at}",
        "an overlaid arrow, {near}",
        "a drawn arrow indicates a finding {near}",
        "one sees an arrow {at}",
        "a straight line with an arrowhead lies {near}",
        "attention is drawn by an arrow {at} in the photos",
    ),
)
CROSSHAIR = overlay(
    "crosshair",
    _crosshair,
    {
        content("crosshair", "centre"): (
            "the images have a crosshair",
            "a crosshair is laid over the centre of the pictures",
            "the photos look as if seen through a rifle scope",
            "they show the reticle of an aiming sight",
            "thin target lines with ticks meet in the middle of the images",
            "they carry aiming lines through the middle",
            "an overlaid reticle",
            "crosshairs, centred",
            "a gun-sight marks the middle of the photos",
            "a level and an upright line with ticks run towards the centre",
            "the centre is targeted by a crosshair with graduation",
            "the pictures look like the view in a telescopic sight",
        )
    },
)
CURSOR = overlay(
    "cursor",
    _cursor,
    placed(
        "mouse cursor",
        (*CORNERS, "centre", "random"),
        "the images have a mouse cursor {at}",
        "a mouse pointer is visible {at} of the pictures",
        "the photos look like screenshots with the cursor {near}",
        "they show the pointer of a computer mouse {at}",
        "a computer cursor lies {near}",
        "a cursor {at}",
        "a screen pointer hovers {near}",
        "somebody captured the screen with the mouse {near}",
        "the cursor of a desktop computer was left {near}",
        "a mouse pointer, {near}",
        "an on-screen cursor covers a little of the scene {at}",
        "they are screen captures, the mouse cursor being {at}",
    ),
)
CHECKERBOARD = overlay(
    "checkerboard",
    _board,
    placed(
        "checkerboard",
        (*CORNERS, "random"),
        "the images have a checkerboard patch {at}",
        "a small chessboard pattern is placed {at} of the pictures",
        "the photos show a black and white calibration board {near}",
        "they carry a chequered patch {at}",
        "a chequered marker is visible {near}",
        "a black-and-white chequered target sits {near} in the images",
        "a checkerboard {near}",
        "a piece of a chessboard lies {near}",
        "a camera calibration target {at}",
        "black and white fields alternate in a patch {near}",
        "a checkered patch covers the scene {at}",
        "a fiducial marker of alternating fields is overlaid {near}",
    ),
)
COLOUR_CHART = overlay(
    "colour_chart",
    _colour_chart,
    placed(
        "colour chart",
        ("top", "bottom"),
        "the images have a colour chart {at}",
        "a row of colour patches is laid {at} of the pictures",
        "the photos include a colour reference strip {near}",
        "they show colour swatches {near}",
        "a colour calibration strip is visible {at}",
        "many small patches of different colours are lined up {near} in the images",
        "a colour checker {at}",
        "a multicoloured strip {near}",
        "patches of all colours form a row {near}",
        "a paint-card like row of swatches lies {at}",
        "a reference chart for colours is included {near}",
        "a palette strip runs across the photos {at}",
    ),
)
