"""Families that lay something over the image: lettering, frames, marks, weather, light, dirt and measuring aids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from data_synth.facts import PLACES, Content, content
from data_synth.families.plain import (
    Drawn,
    Floats,
    Measure,
    Painter,
    PlainFamily,
    Said,
    changed,
    darkened,
    lightened,
)
from data_synth.family import Family, Pixels

T = TypeVar("T")
Colour = tuple[int, int, int]

WHITE: Colour = (250, 250, 250)
BLACK: Colour = (8, 8, 8)
RED: Colour = (220, 30, 30)
GREEN: Colour = (30, 180, 60)
BLUE: Colour = (40, 80, 220)
YELLOW: Colour = (245, 225, 40)
AMBER: Colour = (255, 150, 30)

FRAME_COLOURS: dict[str, Colour] = {
    "black": BLACK,
    "white": WHITE,
    "grey": (128, 128, 128),
    "red": RED,
    "green": GREEN,
    "blue": BLUE,
    "yellow": YELLOW,
    "orange": (245, 140, 20),
    "purple": (140, 50, 170),
}
CORNERS = ("top left", "top right", "bottom left", "bottom right")
WORDS = (
    "Copy",
    "Hello",
    "Sale",
    "Test",
    "Label",
    "Open",
    "News",
    "Team",
    "Park",
    "Blue",
    "River",
    "Photo",
    "Group",
    "Visit",
    "Lab",
    "View",
    "Mark",
    "Study",
)
FONTS = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_COMPLEX, cv2.FONT_HERSHEY_TRIPLEX)


def _opacity(amount: float) -> float:
    """Rises fast at first: half the amount is already clearly visible."""
    return 1 - (1 - amount) ** 2


def _pick(options: Sequence[T], style: float) -> T:
    """The option that a number from 0 to 1 stands for."""
    return options[int(style * len(options))]


def _side(image: Pixels) -> int:
    height, width = image.shape[:2]
    return int(min(height, width))


def _px(image: Pixels, share: float) -> int:
    """A share of the shorter side in whole pixels, at least one."""
    return max(round(share * _side(image)), 1)


def _fade(image: Pixels, painted: Pixels, opacity: float) -> Pixels:
    return cv2.addWeighted(image, 1 - opacity, painted, opacity, 0)  # type: ignore[return-value]


def _cover(image: Pixels, mask: Floats, colour: Colour) -> Pixels:
    """Mixes the colour in, as much as the mask says: 0 to 1, shape (height, width)."""
    before = image.astype(np.float32)
    return (before + mask[..., None] * (np.float32(colour) - before) + 0.5).astype(np.uint8)  # type: ignore[arg-type]


def _axes(image: Pixels) -> tuple[Floats, Floats]:
    """Every pixel's x, shape (1, width), and y, shape (height, 1)."""
    height, width = image.shape[:2]
    return np.arange(width, dtype=np.float32)[None, :], np.arange(height, dtype=np.float32)[:, None]


def _points(image: Pixels, number: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Random points (x, y) in the image, shape (number, 2)."""
    height, width = image.shape[:2]
    return rng.uniform(0, 1, (number, 2)) * (width, height)


def _spot(where: str, image: Pixels, width: int, height: int, rng: np.random.Generator) -> tuple[int, int]:
    """Upper left pixel of a box of this size at a place, a little different each time."""
    if where == "random":
        u, v = rng.uniform(0, 1, 2)
    else:
        row, column = divmod(PLACES.index(where), 3)
        u, v = np.array([column, row]) / 2 + rng.uniform(0, 0.1, 2) * (1 - np.array([column, row]))
    margin = _px(image, 0.03)
    room_x, room_y = image.shape[1] - width - 2 * margin, image.shape[0] - height - 2 * margin
    return margin + round(float(u) * max(room_x, 0)), margin + round(float(v) * max(room_y, 0))


def _letter(
    canvas: Pixels,
    text: str,
    where: str,
    share: float,
    font: int,
    colour: Colour,
    rim: Colour | None,
    rng: np.random.Generator,
) -> None:
    """Writes the text at a place, as wide as this share of the width (and at most a quarter of the height)."""
    (width, height), _ = cv2.getTextSize(text, font, 1.0, 1)
    scale = min(share * canvas.shape[1] / width, 0.25 * canvas.shape[0] / height)
    (width, height), below = cv2.getTextSize(text, font, scale, 1)
    x, y = _spot(where, canvas, width, height + below, rng)
    thick = max(round(2.2 * scale), 1)
    if rim is not None:
        for dx, dy in ((-1, -1), (-1, 1), (1, -1), (1, 1)):
            at = (x + dx * thick, y + height + dy * thick)
            cv2.putText(canvas, text, at, font, scale, rim, thick, cv2.LINE_AA)
    cv2.putText(canvas, text, (x, y + height), font, scale, colour, thick, cv2.LINE_AA)


def _text(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    looks = ((WHITE, BLACK), (BLACK, WHITE), (YELLOW, BLACK), (RED, WHITE), (WHITE, BLUE), (GREEN, None), (WHITE, None))
    colour, rim = _pick(looks, drawn.style)
    text = WORDS[rng.integers(len(WORDS))]
    painted = image.copy()
    share = float(rng.uniform(0.34, 0.46)) * (0.75 + 0.35 * amount)
    _letter(painted, text, drawn.content.where, share, FONTS[rng.integers(len(FONTS))], colour, rim, rng)
    return _fade(image, painted, _opacity(amount))


def _timestamp(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    colour, rim = _pick(((AMBER, None), (YELLOW, None), (WHITE, BLACK), (RED, None), (AMBER, BLACK)), drawn.style)
    year, month, day = int(rng.integers(1988, 2030)), int(rng.integers(1, 13)), int(rng.integers(1, 29))
    hour, minute = int(rng.integers(24)), int(rng.integers(60))
    clock = f"{hour:02}:{minute:02}"
    forms = (
        f"{year}-{month:02}-{day:02}",
        f"{day:02}.{month:02}.{year}",
        f"{month:02}/{day:02} {clock}",
        f"{clock}:07",
    )
    text = _pick(forms, drawn.style * 7 % 1)
    painted = image.copy()
    share = float(rng.uniform(0.48, 0.56)) * (0.85 + 0.2 * amount)
    _letter(painted, text, drawn.content.where, share, cv2.FONT_HERSHEY_DUPLEX, colour, rim, rng)
    return _fade(image, painted, _opacity(amount))


def _watermark(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    text = _pick(("SAMPLE", "PREVIEW", "DRAFT", "PROOF", "COPY", "STOCK"), drawn.style)
    colour = _pick((WHITE, WHITE, BLACK), drawn.style * 7 % 1)
    height, width = image.shape[:2]
    font = cv2.FONT_HERSHEY_DUPLEX
    (natural, _), _ = cv2.getTextSize(text, font, 1.0, 1)
    scale = 0.95 * width / natural
    (wide, high), _ = cv2.getTextSize(text, font, scale, 1)
    mask = np.zeros((height, width), np.uint8)
    at = ((width - wide) // 2, (height + high) // 2)
    cv2.putText(mask, text, at, font, scale, 255, max(round(3.5 * scale), 1), cv2.LINE_AA)
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), float(rng.uniform(25, 42)), 1.0)
    mask = cv2.warpAffine(mask, turn, (width, height))  # type: ignore[assignment]
    return _cover(image, mask.astype(np.float32) * np.float32(0.75 * _opacity(amount) / 255), colour)


def _edge(image: Pixels, share: float, colour: Colour, level: bool, upright: bool) -> Pixels:
    """Covers margins of this share of the shorter side, to fractions of a pixel."""
    height, width = image.shape[:2]
    x, y = _axes(image)
    mask = np.zeros((height, width), np.float32)
    reach = share * _side(image)
    if level:
        np.maximum(mask, np.clip(reach - np.minimum(y, height - 1 - y), 0, 1), out=mask)
    if upright:
        np.maximum(mask, np.clip(reach - np.minimum(x, width - 1 - x), 0, 1), out=mask)
    return _cover(image, mask, colour)


def _frame(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    share = 0.085 * amount * float(rng.uniform(0.85, 1.15))
    return _edge(image, share, FRAME_COLOURS[str(drawn.content.get("colour"))], True, True)


def _bars(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    level = drawn.content.get("sides") == "top and bottom"
    share = 0.17 * amount * float(rng.uniform(0.85, 1.15))
    return _edge(image, share, (0, 0, 0), level, not level)


def _grid(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    colour = _pick((WHITE, BLACK, YELLOW, GREEN, BLUE), drawn.style)
    pitch = _side(image) / (5 + 4 * (drawn.style * 7 % 1))
    height, width = image.shape[:2]
    start_x, start_y = rng.uniform(0.2, 1, 2) * pitch
    painted = image.copy()
    for x in np.arange(start_x, width, pitch).astype(int).tolist():
        cv2.line(painted, (x, 0), (x, height), colour, _px(image, 0.009))
    for y in np.arange(start_y, height, pitch).astype(int).tolist():
        cv2.line(painted, (0, y), (width, y), colour, _px(image, 0.009))
    return _fade(image, painted, 0.9 * _opacity(amount))


def _stripes(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    colour = _pick((WHITE, BLACK, WHITE, BLACK, BLUE, RED, YELLOW), drawn.style)
    angle = {"horizontal": 90.0, "vertical": 0.0, "diagonal": 45.0}[str(drawn.content.get("direction"))]
    angle = np.deg2rad(angle + float(rng.uniform(-4, 4)))
    period = _side(image) * (0.13 + 0.1 * (drawn.style * 7 % 1))
    x, y = _axes(image)
    phase = 2 * np.pi / period * (x * np.cos(angle) + y * np.sin(angle)) + rng.uniform(0, 2 * np.pi)
    mask = np.clip(0.5 + period / 6 * np.sin(phase), 0, 1).astype(np.float32)  # edges about a pixel wide
    return _cover(image, mask * np.float32(0.6 * _opacity(amount)), colour)


def _scale_bar(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    colour = _pick((WHITE, WHITE, BLACK), drawn.style)
    length, thick = _px(image, float(rng.uniform(0.28, 0.4)) * (0.8 + 0.2 * amount)), _px(image, 0.028)
    label = (
        f"{_pick((1, 2, 5, 10, 20, 50, 100, 200), float(rng.random()))} {_pick(('um', 'nm', 'mm', 'cm'), drawn.style)}"
    )
    font = cv2.FONT_HERSHEY_SIMPLEX
    (natural, _), _ = cv2.getTextSize(label, font, 1.0, 1)
    scale = 0.7 * length / natural
    (wide, high), _ = cv2.getTextSize(label, font, scale, 1)
    x, y = _spot(drawn.content.where, image, length, high + 2 * thick, rng)
    painted = image.copy()
    at = (x + (length - wide) // 2, y + high)
    cv2.putText(painted, label, at, font, scale, colour, max(round(2 * scale), 1), cv2.LINE_AA)
    cv2.rectangle(painted, (x, y + high + thick), (x + length, y + high + 2 * thick - 1), colour, -1)
    return _fade(image, painted, _opacity(amount))


def _ruler(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    body, ink = _pick((((240, 240, 240), BLACK), ((235, 215, 120), BLACK), ((30, 30, 30), WHITE)), drawn.style)
    painted = image.copy()
    upright = drawn.content.where in ("left", "right")
    view = painted.swapaxes(0, 1) if upright else painted
    if drawn.content.where in ("bottom", "right"):
        view = view[::-1]
    depth = _px(image, 0.13)
    view[:depth] = body
    pitch = _side(image) / float(rng.uniform(26, 34))
    start = float(rng.uniform(0, 1)) * pitch
    for n, at in enumerate(np.arange(start, view.shape[1] - 1, pitch).astype(int).tolist()):
        tick = depth * (0.75 if n % 5 == 0 else 0.4)
        view[: max(round(tick), 1), at : at + _px(image, 0.008)] = ink
    return _fade(image, painted, _opacity(amount))


def _arrow(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    colour = _pick((RED, YELLOW, WHITE, BLACK, GREEN, BLUE), drawn.style)
    box = _px(image, 0.32)
    x, y = _spot(drawn.content.where, image, box, box, rng)
    angle = float(rng.uniform(0, 2 * np.pi))
    dx, dy = box / 2 * np.cos(angle), box / 2 * np.sin(angle)
    middle = (x + box / 2, y + box / 2)
    tail, tip = (round(middle[0] - dx), round(middle[1] - dy)), (round(middle[0] + dx), round(middle[1] + dy))
    painted = image.copy()
    cv2.arrowedLine(painted, tail, tip, colour, _px(image, 0.028), cv2.LINE_AA, tipLength=0.4)
    return _fade(image, painted, _opacity(amount))


def _crosshair(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    colour = _pick((RED, GREEN, WHITE, BLACK), drawn.style)
    height, width = image.shape[:2]
    x, y = np.round(np.array([width, height]) * rng.uniform(0.47, 0.53, 2)).astype(int).tolist()
    gap, thick, tick = _px(image, 0.07), _px(image, 0.011), _px(image, 0.03)
    painted = image.copy()
    for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        cv2.line(painted, (x + dx * gap, y + dy * gap), (x + dx * width, y + dy * height), colour, thick)
        for n in (1, 2, 3):
            at_x, at_y = x + dx * n * _px(image, 0.13), y + dy * n * _px(image, 0.13)
            cv2.line(painted, (at_x - dy * tick, at_y - dx * tick), (at_x + dy * tick, at_y + dx * tick), colour, thick)
    return _fade(image, painted, _opacity(amount))


def _curves(
    image: Pixels,
    number: int,
    reach: tuple[float, float],
    bend: float,
    thick: float,
    colour: Colour,
    rng: np.random.Generator,
) -> Pixels:
    """Thin quadratic curves, as long as a share of the shorter side in `reach`, on a copy."""
    painted = image.copy()
    t = np.linspace(0, 1, 14)[:, None]
    for start in _points(image, number, rng):
        angle, length = rng.uniform(0, 2 * np.pi), rng.uniform(*reach) * _side(image)
        along = length * np.array([np.cos(angle), np.sin(angle)])
        knee = along / 2 + rng.uniform(-bend, bend) * along[::-1] * (-1, 1)
        curve = start - along / 2 + 2 * t * (1 - t) * knee + t**2 * along
        fixed = np.round(curve * 16).astype(np.int32)
        cv2.polylines(painted, [fixed], False, colour, _px(image, thick), cv2.LINE_AA, 4)
    return painted


def _scratches(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    painted = _curves(image, 3 + round(9 * amount), (0.3, 1.0), 0.06, 0.006, (240, 240, 240), rng)
    return _fade(image, painted, _opacity(amount))


def _hair(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    painted = _curves(image, 2 + round(6 * amount), (0.5, 1.1), 0.6, 0.01, (22, 22, 22), rng)
    return _fade(image, painted, _opacity(amount))


def _flakes(image: Pixels, number: int, size: tuple[float, float], colour: Colour, rng: np.random.Generator) -> Pixels:
    """Small filled ellipses, their half axes a share of the shorter side in `size`, on a copy."""
    painted = image.copy()
    for at in _points(image, number, rng):
        centre = (round(at[0] * 16), round(at[1] * 16))
        axes = np.maximum(np.round(rng.uniform(*size, 2) * _side(image) * 16), 8).astype(int).tolist()
        cv2.ellipse(painted, centre, axes, float(rng.uniform(0, 180)), 0, 360, colour, -1, cv2.LINE_AA, 4)
    return painted


def _dust(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    painted = _flakes(image, 8 + round(30 * amount), (0.005, 0.015), (20, 20, 20), rng)
    return _fade(image, painted, _opacity(amount))


def _snow(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    painted = _flakes(image, 15 + round(75 * amount), (0.008, 0.02), WHITE, rng)
    return _fade(image, painted, _opacity(amount))


def _rain(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    painted = image.copy()
    slant = float(rng.uniform(-0.35, 0.35))
    starts = _points(image, 20 + round(80 * amount), rng)
    lengths = rng.uniform(0.07, 0.2, (len(starts), 1)) * _side(image)
    ends = starts + lengths * np.array([slant, 1.0])
    lines = np.round(np.stack([starts, ends], 1) * 16).astype(np.int32)
    cv2.polylines(painted, list(lines), False, (215, 215, 215), _px(image, 0.007), cv2.LINE_AA, 4)
    return _fade(image, painted, 0.85 * _opacity(amount))


def _shadow(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    height, width = image.shape[:2]
    x, y = _axes(image)
    depth = {"left": x / width, "right": 1 - x / width, "top": y / height, "bottom": 1 - y / height}[
        drawn.content.where
    ]
    along = y / height if drawn.content.where in ("left", "right") else x / width
    edge = float(rng.uniform(0.36, 0.46)) + float(rng.uniform(-0.25, 0.25)) * (along - 0.5)
    mask = np.clip((edge - depth) / 0.1 + 0.5, 0, 1).astype(np.float32)
    return _cover(image, mask * np.float32(0.75 * amount), (0, 0, 0))


def _glow(image: Pixels, x: float, y: float, radius: float) -> Floats:
    """A soft spot, 1 in its middle."""
    xs, ys = _axes(image)
    spot: Floats = np.exp(-0.5 * ((xs - np.float32(x)) / np.float32(radius)) ** 2) * np.exp(
        -0.5 * ((ys - np.float32(y)) / np.float32(radius)) ** 2
    )
    return spot


def _glare(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    height, width = image.shape[:2]
    row, column = divmod(PLACES.index(drawn.content.where), 3)
    x, y = (np.array([column, row]) / 3 + rng.uniform(0.11, 0.22, 2)) * (width, height)
    glow = _glow(image, x, y, float(rng.uniform(0.12, 0.16)) * _side(image))
    return _cover(image, np.minimum(1.3 * glow, 1) * np.float32(_opacity(amount)), (255, 255, 255))


def _lens_flare(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    """A light near the edge, its rays, and coloured ghosts on the line through the middle."""
    height, width = image.shape[:2]
    side = _side(image)
    angle = float(rng.uniform(0, 2 * np.pi))
    middle = np.array([width, height]) / 2
    source = middle * (1 + 0.72 * np.array([np.cos(angle), np.sin(angle)]))
    light = np.zeros_like(image)
    ghosts: tuple[tuple[float, float, Colour], ...] = (
        (0.55, 0.05, (110, 80, 30)),
        (0.9, 0.03, (40, 110, 60)),
        (1.3, 0.09, (50, 60, 120)),
        (1.65, 0.05, (120, 60, 90)),
        (1.9, 0.12, (60, 90, 50)),
    )
    for along, radius, colour in ghosts:
        x, y = np.round(source + along * (middle - source)).astype(int).tolist()
        cv2.circle(light, (x, y), _px(image, radius), colour, -1, cv2.LINE_AA)
    turn = float(rng.uniform(0, np.pi))
    for ray in turn + np.arange(6) * np.pi / 3:
        tip = source + 0.38 * side * np.array([np.cos(ray), np.sin(ray)])
        ends = np.round(np.array([source, tip])).astype(int).tolist()
        cv2.line(light, ends[0], ends[1], (150, 135, 100), _px(image, 0.012), cv2.LINE_AA)
    light = cv2.GaussianBlur(light, (0, 0), 0.008 * side + 0.3)  # type: ignore[assignment]
    core = _glow(image, float(source[0]), float(source[1]), 0.09 * side)
    light = _cover(light, np.minimum(1.5 * core, 1), (255, 245, 220))
    return cv2.addWeighted(image, 1.0, light, _opacity(amount), 0)  # type: ignore[return-value]


def _logo(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    body, ink = _pick(
        ((RED, WHITE), (BLUE, WHITE), (YELLOW, BLACK), (GREEN, WHITE), (BLACK, WHITE), (WHITE, BLACK)), drawn.style
    )
    box = _px(image, 0.25 * (0.8 + 0.2 * amount))
    x, y = _spot(drawn.content.where, image, box, box, rng)
    centre = (x + box // 2, y + box // 2)
    painted = image.copy()
    cv2.circle(painted, centre, box // 2, body, -1, cv2.LINE_AA)
    cv2.circle(painted, centre, max(round(0.42 * box), 1), ink, _px(image, 0.008), cv2.LINE_AA)
    letter = _pick("RKMBGQ", drawn.style * 7 % 1)  # a set has one brand
    font = cv2.FONT_HERSHEY_TRIPLEX
    (_, natural), _ = cv2.getTextSize(letter, font, 1.0, 1)
    scale = 0.5 * box / natural
    (wide, high), _ = cv2.getTextSize(letter, font, scale, 1)
    at = (centre[0] - wide // 2, centre[1] + high // 2)
    cv2.putText(painted, letter, at, font, scale, ink, max(round(3 * scale), 1), cv2.LINE_AA)
    return _fade(image, painted, _opacity(amount))


def _board(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    cell = _px(image, 0.055 * (0.8 + 0.2 * amount))
    board = np.where(np.indices((5, 5)).sum(0) % 2, np.uint8(WHITE[0]), np.uint8(BLACK[0]))
    board = np.kron(board, np.ones((cell, cell), np.uint8))
    x, y = _spot(drawn.content.where, image, 5 * cell, 5 * cell, rng)
    painted = image.copy()
    painted[y : y + 5 * cell, x : x + 5 * cell] = board[..., None]
    return _fade(image, painted, _opacity(amount))


def _colour_chart(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    width = image.shape[1]
    patches = (RED, (245, 140, 20), YELLOW, GREEN, (40, 190, 200), BLUE, (170, 60, 170), WHITE, (128, 128, 128), BLACK)
    row = np.array(patches, np.uint8)[None]
    chart = cv2.resize(row, (round(0.9 * width), _px(image, 0.11)), interpolation=cv2.INTER_NEAREST)
    high, wide = chart.shape[:2]
    x, y = _spot(drawn.content.where, image, wide, high, rng)
    painted = image.copy()
    painted[y : y + high, x : x + wide] = chart[: painted.shape[0] - y, : painted.shape[1] - x]
    return _fade(image, painted, _opacity(amount))


def _barcode(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    bars = np.repeat(np.tile([BLACK[0], WHITE[0]], 9), rng.integers(1, 4, 18))
    bars = np.concatenate([[WHITE[0]] * 3, bars, [WHITE[0]] * 2]).astype(np.uint8)[None, :, None]
    wide, high = _px(image, 0.36 * (0.85 + 0.2 * amount)), _px(image, 0.19)
    code = cv2.resize(np.repeat(bars, 3, axis=2), (wide, high), interpolation=cv2.INTER_NEAREST)
    rim = _px(image, 0.014)
    code[:rim] = code[-rim:] = WHITE
    x, y = _spot(drawn.content.where, image, wide, high, rng)
    painted = image.copy()
    painted[y : y + high, x : x + wide] = code
    return _fade(image, painted, _opacity(amount))


def _censor_bar(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    wide, high = round(float(rng.uniform(0.6, 0.75)) * image.shape[1]), _px(image, float(rng.uniform(0.1, 0.13)))
    x, y = _spot(drawn.content.where, image, wide, high, rng)
    painted = image.copy()
    painted[y : y + high, x : x + wide] = 0
    return _fade(image, painted, _opacity(amount))


def _folds(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    """One fold across and one down, each a bright ridge with a dark flank."""
    height, width = image.shape[:2]
    x, y = _axes(image)
    relief = np.zeros((height, width), np.float32)
    for across, along, length in ((x, y, width), (y, x, height)):
        at = float(rng.uniform(0.3, 0.7)) * length
        distance = (across - at + float(rng.uniform(-0.1, 0.1)) * along) / (0.013 * _side(image))
        relief += np.exp(-0.5 * distance**2) - 0.8 * np.exp(-0.5 * ((distance - 2.5) / 1.6) ** 2)
    light = relief[..., None] * np.float32(130 * amount)
    return np.clip(image + light + 0.5, 0, 255).astype(np.uint8)


AT = {
    "top left": ("at the top left", "in the upper left corner"),
    "top": ("at the top", "near the upper edge"),
    "top right": ("at the top right", "in the upper right corner"),
    "left": ("on the left", "near the left edge"),
    "centre": ("in the centre", "in the middle"),
    "right": ("on the right", "near the right edge"),
    "bottom left": ("at the bottom left", "in the lower left corner"),
    "bottom": ("at the bottom", "near the lower edge"),
    "bottom right": ("at the bottom right", "in the lower right corner"),
    "random": ("at random places", "somewhere, each time in another place"),
}
"""How a place is said, the plain way first."""


def _placed(what: str, places: Sequence[str], *sentences: str) -> dict[Content, tuple[str, ...]]:
    """One content a place; {at} and {near} in the sentences stand for the two ways of saying it."""
    return {
        content(what, where): tuple(s.format(at=AT[where][0], near=AT[where][1]) for s in sentences) for where in places
    }


def _family(name: str, painter: Painter, said: Said, measured: Measure = changed) -> PlainFamily:
    return PlainFamily(name, "overlays", said, painter, measured)


def _framed(colour: str) -> tuple[str, ...]:
    a = "an" if colour == "orange" else "a"
    return (
        f"the images have {a} {colour} frame",
        f"the pictures have {a} {colour} border",
        f"{a} {colour} border runs around the photos",
        f"they are framed in {colour}",
        f"{a} {colour} margin surrounds the images on all four sides",
        f"the edges of the images are covered by {a} {colour} frame",
    )


def _barred(sides: str, film: str) -> tuple[str, ...]:
    return (
        f"the images have black bars at the {sides}",
        f"the pictures are {film}",
        f"the {sides} of the photos are hidden by black bands",
        f"black bars cover the {sides} edges of the images",
        f"they are cut off by black bands at the {sides}",
        f"they are {film}, with black bars at the {sides}",
    )


def _striped(way: str) -> tuple[str, ...]:
    return (
        f"the images have {way} stripes",
        f"the pictures are overlaid with {way} stripes",
        f"translucent {way} stripes cover the photos",
        f"they are striped, the stripes being {way}",
        f"a pattern of {way} stripes lies over the images",
        f"{way} bands run across the images at regular intervals",
    )


OVERLAYS: tuple[Family, ...] = (
    _family(
        "text",
        _text,
        _placed(
            "text",
            (*PLACES, "random"),
            "the images have text {at}",
            "there is writing {at} of the pictures",
            "a word is written {near}",
            "they carry lettering {at}",
            "one can read a word {near} in the photos",
            "somebody printed text {near} on the images",
        ),
    ),
    _family(
        "timestamp",
        _timestamp,
        _placed(
            "time stamp",
            CORNERS,
            "the images have a time stamp {at}",
            "a date or time is printed {at} of the pictures",
            "the photos carry a camera date {near}",
            "digits of a date or clock are visible {near}",
            "they are dated {at}",
            "a line of digits, like a date, stands {near} in the images",
        ),
    ),
    _family(
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
            )
        },
    ),
    _family("frame", _frame, {content("frame", "border", colour=colour): _framed(colour) for colour in FRAME_COLOURS}),
    _family(
        "bars",
        _bars,
        {
            content("bars", "border", sides="top and bottom"): _barred("top and bottom", "letterboxed"),
            content("bars", "border", sides="left and right"): _barred("left and right", "pillarboxed"),
        },
        darkened,
    ),
    _family(
        "grid_lines",
        _grid,
        {
            content("grid"): (
                "the images have grid lines",
                "a grid is laid over the pictures",
                "the photos are covered by a mesh of thin lines",
                "they are ruled like graph paper",
                "regular horizontal and vertical lines divide the images",
                "an overlaid lattice of lines is visible",
            )
        },
    ),
    _family(
        "stripes",
        _stripes,
        {content("stripes", direction=way): _striped(way) for way in ("horizontal", "vertical", "diagonal")},
    ),
    _family(
        "scale_bar",
        _scale_bar,
        _placed(
            "scale bar",
            CORNERS,
            "the images have a scale bar {at}",
            "a scale bar with its length is drawn {at} of the pictures",
            "the photos show a short labelled measuring bar {near}",
            "they carry a scale bar {near}",
            "a short bar {near} gives the scale, as in microscope images",
            "the scale is marked by a bar {at}",
        ),
    ),
    _family(
        "ruler",
        _ruler,
        _placed(
            "ruler",
            ("top", "left", "right", "bottom"),
            "the images have a ruler {at}",
            "a ruler lies {at} of the pictures",
            "the photos show a measuring tape {near}",
            "a strip with tick marks runs {near}",
            "they include a ruler {near}",
            "evenly spaced tick marks of a ruler are visible {at}",
        ),
    ),
    _family(
        "arrow",
        _arrow,
        _placed(
            "arrow",
            (*CORNERS, "centre", "random"),
            "the images have an arrow {at}",
            "an arrow is drawn {at} of the pictures",
            "the photos are marked with an arrow {near}",
            "they carry a pointer {at}",
            "an arrow points at something {near}",
            "somebody added an arrow {near} to the images",
        ),
    ),
    _family(
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
            )
        },
    ),
    _family(
        "scratches",
        _scratches,
        {
            content("scratches"): (
                "the images have thin scratches",
                "the pictures are scratched",
                "thin light lines run over the photos like scratches on old film",
                "they look scraped",
                "fine bright scratches cross the images",
                "they show scratch marks",
            )
        },
        lightened,
    ),
    _family(
        "hair",
        _hair,
        {
            content("hair"): (
                "the images have hairs on them",
                "dark hairs lie over the pictures",
                "thin dark curved threads cross the photos",
                "they are covered by strands of hair",
                "stray hairs are visible in the images",
                "they look as if hairs had fallen on the lens",
            )
        },
        darkened,
    ),
    _family(
        "dust",
        _dust,
        {
            content("dust"): (
                "the images have dark specks of dust",
                "the pictures are dusty",
                "small dark specks are scattered over the photos",
                "they are sprinkled with dirt",
                "little dark particles dot the images",
                "they show crumbs of dirt, as from a dirty sensor",
            )
        },
        darkened,
    ),
    _family(
        "snow",
        _snow,
        {
            content("snow"): (
                "the images have white snowflakes",
                "it snows in the pictures",
                "white flakes are scattered over the photos",
                "they show falling snow",
                "snowflakes cover the images",
                "they are speckled with small white flakes",
            )
        },
        lightened,
    ),
    _family(
        "rain",
        _rain,
        {
            content("rain"): (
                "the images have rain streaks",
                "it rains in the pictures",
                "short light streaks fall through the photos like rain",
                "they show rainy weather",
                "streaks of rain cover the images",
                "they are taken in pouring rain",
            )
        },
    ),
    _family(
        "shadow",
        _shadow,
        _placed(
            "shadow",
            ("top", "left", "right", "bottom"),
            "the images have a shadow {at}",
            "a shadow falls on the pictures {at}",
            "a part of the photos {near} lies in the shade",
            "they are shaded {at}",
            "something casts a shadow over the images {at}",
            "the light is blocked {at}",
        ),
        darkened,
    ),
    _family(
        "glare",
        _glare,
        _placed(
            "glare",
            PLACES,
            "the images have a bright glare {at}",
            "a bright spot of light glares {at} of the pictures",
            "the photos are washed out by a reflection {at}",
            "they show a light reflex {near}",
            "a white glow hides what is {near}",
            "the flash is reflected {near} in the images",
        ),
        lightened,
    ),
    _family(
        "lens_flare",
        _lens_flare,
        {
            content("lens flare"): (
                "the images have a lens flare",
                "the pictures show lens flare",
                "a light source sends rays and coloured ghosts through the photos",
                "they are shot against the sun, with flare",
                "a flare with a row of ghost lights crosses the images",
                "they contain stray light from the lens, with ghosts in a row",
            )
        },
        lightened,
    ),
    _family(
        "logo",
        _logo,
        _placed(
            "logo",
            CORNERS,
            "the images have a logo {at}",
            "a round badge sits {at} of the pictures",
            "the photos carry a sticker {near}",
            "they are branded with an emblem {at}",
            "a badge with a letter is stuck {near}",
            "a channel logo is visible {near} in the images",
        ),
    ),
    _family(
        "checkerboard",
        _board,
        _placed(
            "checkerboard",
            (*CORNERS, "random"),
            "the images have a checkerboard patch {at}",
            "a small chessboard pattern is placed {at} of the pictures",
            "the photos show a black and white calibration board {near}",
            "they carry a chequered patch {at}",
            "a chequered marker is visible {near}",
            "a black-and-white chequered target sits {near} in the images",
        ),
    ),
    _family(
        "colour_chart",
        _colour_chart,
        _placed(
            "colour chart",
            ("top", "bottom"),
            "the images have a colour chart {at}",
            "a row of colour patches is laid {at} of the pictures",
            "the photos include a colour reference strip {near}",
            "they show colour swatches {near}",
            "a colour calibration strip is visible {at}",
            "many small patches of different colours are lined up {near} in the images",
        ),
    ),
    _family(
        "barcode",
        _barcode,
        _placed(
            "barcode",
            (*CORNERS, "random"),
            "the images have a barcode {at}",
            "a barcode is printed {at} of the pictures",
            "the photos carry a barcode label {near}",
            "they are labelled with a barcode {at}",
            "a white label with black upright bars sits {near}",
            "a product code to be scanned is visible {near} in the images",
        ),
    ),
    _family(
        "censor_bar",
        _censor_bar,
        _placed(
            "censor bar",
            ("top", "centre", "bottom", "random"),
            "the images have a black censor bar {at}",
            "a wide black bar is laid over the pictures {at}",
            "the photos are blacked out by a strip {at}",
            "they are redacted with a black bar {near}",
            "a long black strip hides something {near}",
            "something in the images is censored by a black strip {at}",
        ),
        darkened,
    ),
    _family(
        "folds",
        _folds,
        {
            content("folds"): (
                "the images have creases",
                "the pictures look folded",
                "fold lines run across the photos, as in a folded print",
                "they are creased like old paper",
                "a crease across and a crease down divide the images",
                "they show paper folds",
            )
        },
    ),
)
