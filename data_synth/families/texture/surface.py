"""Texture families that give the picture a surface: blotches, cracks, patterns, fibres, creases, weave, bumps."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from data_synth.facts import content
from data_synth.families.plain import Drawn, Floats, PlainFamily, Said, luma, short_side
from data_synth.families.texture.fields import Rng, Size, along, axes, band, change, clouds, facets, lit, shaded
from data_synth.family import Pixels

# --- mottling ---------------------------------------------------------------------------------------------------

MOTTLING_SAID: Said = {
    content("mottling", size=size): (
        f"the images are mottled with {size} blotches",
        f"the pictures have {size} light and dark blotches",
        f"{size} irregular light and dark areas cover the photos",
        f"they look blotchy, with {size} patches of uneven tone",
        f"the brightness varies in {size} soft blotches",
        f"{size} cloudy stains make the images uneven",
        f"{size} mottling",
        f"soft-edged {size} patches, lighter or darker than normal, are spread over the pictures",
        f"the photos have a mottled look of {size} spots without outlines",
        f"a single image has many {size} blotches of shade and light",
        f"an uneven tone in {size} diffuse patches",
        f"the surface looks marbled in {size} blots",
    )
    for size in ("small", "large")
}

BLOTCHES = {"small": 18.0, "large": 6.0}
"""Blotches along the shorter side."""


def blotches(params: Drawn) -> float:
    return BLOTCHES[str(params.content.get("size"))]


def paint_mottling(image: Pixels, params: Drawn, amount: float, rng: Rng) -> Pixels:
    return shaded(image, (38 * amount) * clouds(image.shape[:2], blotches(params), rng))


def measure_mottling(before: Pixels, after: Pixels, params: Drawn) -> float:
    """Mean change of brightness at the blotches' scale, share of full scale."""
    width = 1 / blotches(params)
    return band(change(before, after), width / 2, 4 * width) / 255


# --- cracks -----------------------------------------------------------------------------------------------------

CRACKS_SAID: Said = {
    content("cracks", kind="branching"): (
        "the images have thin branching cracks",
        "the pictures are cracked",
        "dark cracks that fork run through the photos",
        "they look like broken glass or a split wall",
        "jagged dark lines branch across the images",
        "thin fissures spread out and divide",
        "cracks like forked lightning run over the pictures",
        "a few long fractures with side branches cut through the photos",
        "the surface is torn by branching fissures",
        "zigzag fracture lines with offshoots are visible",
        "branching fracture lines",
        "a single picture is crossed by dark splits that fork again and again",
    ),
    content("cracks", kind="network"): (
        "the images have a network of cracks",
        "the pictures are crazed like old oil paint",
        "the photos look like dried mud",
        "a mesh of fine cracks divides the images into irregular plates",
        "they are crackled all over like old glaze",
        "the surface is split into many angular plates with dark gaps",
        "craquelure covers the pictures",
        "thin dark cracks meet in a net-like pattern",
        "closed cells bounded by dark crack lines cover the photos",
        "the images look like parched, cracked soil",
        "reticular cracking of the whole surface",
        "a single picture is broken into small plates by a web of cracks",
    ),
}


def fork(mask: NDArray[np.uint8], start: Floats, angle: float, length: float, thick: float, rng: Rng) -> None:
    """Draws a jagged crack onto the mask, with thinner and shorter ones that leave it sideways."""
    turns = angle + rng.uniform(-0.55, 0.55, 10)
    path = start + np.cumsum(length / 10 * np.stack([np.cos(turns), np.sin(turns)], 1), axis=0)
    fixed = np.round(np.vstack([start, path]) * 16).astype(np.int32)
    cv2.polylines(mask, [fixed], False, 255, max(1, round(thick)), cv2.LINE_AA, 4)
    if length > 0.2 * min(mask.shape):
        for joint in rng.choice(8, 2, replace=False):
            aside = float(rng.choice([-1, 1]) * rng.uniform(0.5, 1.0))
            fork(mask, path[joint].astype(np.float32), angle + aside, 0.45 * length, 0.6 * thick, rng)


def branching(size: Size, amount: float, rng: Rng) -> Floats:
    """1 on the cracks, 0 elsewhere: one that starts near the border, and two more that deepen one after the other."""
    cracks = np.zeros(size, np.float32)
    side, middle = min(size), np.array(size[::-1]) / 2
    for depth in np.clip(2 * amount + 1 - np.arange(3), 0, 1).tolist():
        mask = np.zeros(size, np.uint8)
        angle = float(rng.uniform(0, 2 * np.pi))
        start = middle * (1 - 0.95 * np.array([np.cos(angle), np.sin(angle)]))
        fork(mask, start.astype(np.float32), angle + float(rng.uniform(-0.6, 0.6)), 0.9 * side, 0.008 * side, rng)
        np.maximum(cracks, mask * np.float32(depth / 255), out=cracks)
    return cracks


def network(size: Size, rng: Rng) -> Floats:
    """1 on the cracks, 0 elsewhere: the borders of facets, bent."""
    side = min(size)
    plates = facets(size, 0.13 * side, rng)
    x, y = axes(size)
    bent_x, bent_y = (x + 0.018 * side * clouds(size, 9, rng), y + 0.018 * side * clouds(size, 9, rng))
    gap = cv2.remap(plates.gap, bent_x, bent_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(np.clip(1.5 - np.asarray(gap, np.float32) / max(1.0, 0.006 * side), 0, 1), np.float32)


def paint_cracks(image: Pixels, params: Drawn, amount: float, rng: Rng) -> Pixels:
    """Dark lines with a lit flank, which shows where the image itself is black."""
    size = image.shape[:2]
    crack = branching(size, amount, rng) if params.content.get("kind") == "branching" else network(size, rng)
    shift = max(1, round(0.008 * short_side(image)))
    flank = np.clip(np.roll(crack, (shift, shift), (0, 1)) - crack, 0, 1)
    return shaded(image, amount * (60 * flank - 190 * crack))


def measure_cracks(before: Pixels, after: Pixels, params: Drawn) -> float:
    """Rise of the mean depth of narrow dark lines (black top-hat), share of full scale."""
    width = max(3, round(0.04 * short_side(before)))
    kernel = np.ones((width, width), np.uint8)

    def depth(image: Pixels) -> float:
        return float(cv2.morphologyEx(luma(image), cv2.MORPH_BLACKHAT, kernel).mean())

    return (depth(after) - depth(before)) / 255


# --- printed pattern --------------------------------------------------------------------------------------------


def _printed(kind: str, thing: str, one: str) -> tuple[str, ...]:
    return (
        f"the images have a printed pattern of {thing}",
        f"the pictures are overprinted with {thing}",
        f"regular {thing} are laid over the photos",
        f"they show evenly spaced {thing}",
        f"{thing} repeat over the whole picture",
        f"{thing} are printed over the images like wallpaper",
        f"a repeating motif, {one}, covers the photos",
        f"the pictures look seen through gift wrap with {thing}",
        f"{thing} in regular order lie over everything",
        f"a periodic pattern of {thing}",
        f"the photos have a {kind} print on them",
        f"a single image is covered from edge to edge with regularly repeated {thing}",
    )


PATTERN_SAID: Said = {
    content("pattern", kind=kind): _printed(kind, thing, one)
    for kind, thing, one in (
        ("polka-dot", "polka dots", "a round dot"),
        ("wave", "wavy lines", "a wavy line"),
        ("zigzag", "zigzag lines", "a zigzag line"),
        ("honeycomb", "honeycomb cells", "a six-sided cell"),
    )
}


def printed(size: Size, params: Drawn) -> Floats:
    """The pattern, from -1 to 1 with a mean near 0; 6 to 9 repeats along the shorter side, fixed by the style."""
    kind = params.content.get("kind")
    turn = 2 * np.pi * (6 + 3 * params.style) / min(size)
    x, y = (turn * axis for axis in axes(size))
    if kind == "polka-dot":
        wave = np.cos(x + y / np.sqrt(3)) + np.cos(x - y / np.sqrt(3)) + np.cos(2 * y / np.sqrt(3))
        field = 1.6 * np.clip(2.5 * (wave - 1.1), 0, 1) - 0.25
    elif kind == "honeycomb":
        wave = np.cos(x + y / np.sqrt(3)) + np.cos(x - y / np.sqrt(3)) + np.cos(2 * y / np.sqrt(3))
        field = 1.3 * np.clip(-2.5 * (wave + 0.7), 0, 1) - 0.4
    elif kind == "wave":
        field = np.sin(1.6 * y + 1.2 * np.sin(x))
    else:
        field = np.sin(1.6 * y + 1.6 * np.arcsin(np.sin(x)))
    return np.asarray(np.clip(field, -1, 1), np.float32)


def paint_pattern(image: Pixels, params: Drawn, amount: float, rng: Rng) -> Pixels:
    return shaded(image, (50 * amount) * printed(image.shape[:2], params))


def measure_pattern(before: Pixels, after: Pixels, params: Drawn) -> float:
    """How much of the pattern is in the change of brightness, share of full scale."""
    return along(change(before, after), printed(before.shape[:2], params)) / 255


# --- fibres -----------------------------------------------------------------------------------------------------

FIBROUS_SAID: Said = {
    content("fibres", direction=way): (
        f"the images have a fine {way} grain like wood",
        f"the pictures are covered with fine {way} fibres",
        f"the photos look like {way}ly brushed metal",
        f"they have thin {way} streaks of uneven length all over",
        f"a fibrous texture runs in {way} direction",
        f"many fine {way} hairlines, light and dark, cover the images",
        f"the surface looks fibrous, its strands all {way}",
        f"fine irregular strands follow the {way} direction",
        f"the pictures have a {way} wood-grain texture",
        f"{way} fibrous texture",
        f"a single photo looks drawn on coarse fibre with {way} strands",
        f"thin, {way}, thread-like streaks give the images a brushed look",
    )
    for way in ("horizontal", "vertical", "diagonal")
}


def paint_fibrous(image: Pixels, params: Drawn, amount: float, rng: Rng) -> Pixels:
    """Level streaks on a square that still covers the image when it is turned."""
    height, width = image.shape[:2]
    square = int(np.hypot(height, width)) + 2
    thick = max(1.0, short_side(image) / 170)
    grain = rng.standard_normal((round(square / thick), max(4, round(square / short_side(image) * 7))), np.float32)
    level = cv2.resize(grain, (square, square), interpolation=cv2.INTER_LINEAR)
    aim = {"horizontal": 0.0, "vertical": 90.0, "diagonal": 45.0 if params.style < 0.5 else -45.0}
    turn = aim[str(params.content.get("direction"))] + float(rng.uniform(-3, 3))
    matrix = cv2.getRotationMatrix2D((square / 2, square / 2), turn, 1.0)
    matrix[:, 2] += (width - square) / 2, (height - square) / 2
    return shaded(image, (42 * amount) * np.asarray(cv2.warpAffine(level, matrix, (width, height)), np.float32))


def measure_fibrous(before: Pixels, after: Pixels, params: Drawn) -> float:
    """How much more the change of brightness varies across the stated direction than along it, share of full scale."""
    field = change(before, after)
    if params.content.get("direction") == "diagonal":
        falling, rising = field[1:, 1:] - field[:-1, :-1], field[1:, :-1] - field[:-1, 1:]
        strands, across = (rising, falling) if params.style < 0.5 else (falling, rising)
    else:
        level, upright = np.diff(field, axis=1), np.diff(field, axis=0)
        strands, across = (level, upright) if params.content.get("direction") == "horizontal" else (upright, level)
    return float(np.abs(across).mean() - np.abs(strands).mean()) / 255


# --- relief -----------------------------------------------------------------------------------------------------

CRUMPLED_SAID: Said = {
    content("crumpling"): (
        "the images look crumpled",
        "the pictures look like paper that was balled up and flattened again",
        "the photos are wrinkled all over",
        "they show the shading of many small folds in all directions",
        "the images look printed on scrunched-up paper",
        "crumple marks with lit and shaded facets cover the pictures",
        "the surface is rumpled like an unironed shirt",
        "irregular wrinkles in every direction shade the photos",
        "they look like crushed foil",
        "the sheet is crinkled, with sharp ridges and dents",
        "irregular facet shading as on crumpled paper",
        "a single picture looks as if it had been scrunched in a fist",
    )
}


def paint_crumpled(image: Pixels, params: Drawn, amount: float, rng: Rng) -> Pixels:
    """Large and small folded planes in slanting light; their borders are the valleys."""
    size, side = image.shape[:2], short_side(image)
    sheet = np.zeros(size, np.float32)
    for pitch in (0.4, 0.17):
        sheet += facets(size, pitch * side, rng).gap
    return shaded(image, (32 * amount) * lit(sheet, 2 * np.pi * params.style))


BUMPY_SAID: Said = {
    content("bumps"): (
        "the images have a bumpy surface",
        "the pictures are covered with small raised bumps",
        "the photos look pebbled like leather",
        "they have a knobbly texture, lit from the side",
        "many little domes with a bright and a dark flank cover the images",
        "the surface is nubbly like a golf ball or lizard skin",
        "small rounded lumps stand out all over the pictures",
        "the photos look like cobblestones in slanting light",
        "they look studded with closely packed pimples",
        "the images have a grainy relief of rounded knobs",
        "papular surface relief",
        "a single picture looks pressed onto bubble wrap",
    )
}


def paint_bumpy(image: Pixels, params: Drawn, amount: float, rng: Rng) -> Pixels:
    pitch = max(4.0, 0.062 * short_side(image))
    studs = facets(image.shape[:2], pitch, rng)
    domes = np.sqrt(np.clip(1 - np.square(studs.reach / (0.62 * pitch)), 0, 1))
    return shaded(image, (36 * amount) * lit(domes, 2 * np.pi * params.style))


def measure_bumpy(before: Pixels, after: Pixels, params: Drawn) -> float:
    """Mean change of brightness at the bumps' scale, share of full scale."""
    return band(change(before, after), 0.02, 0.12) / 255


WOVEN_SAID: Said = {
    content("weave"): (
        "the images have a woven canvas texture",
        "the pictures look printed on canvas",
        "the photos show the weave of a cloth",
        "threads that cross over and under each other cover the images",
        "they look like a tapestry or linen print",
        "a fine basket-weave imprint is visible all over",
        "the surface looks woven from level and upright threads",
        "the pictures have a textile texture",
        "the photos look as if seen through burlap",
        "a regular cloth texture lies over everything",
        "interlaced thread pattern as in fabric",
        "a single picture looks stitched on coarse linen",
    )
}


def weave(size: Size, params: Drawn) -> Floats:
    """Threads over and under each other, about 0; 30 to 40 along the shorter side, fixed by the style."""
    pitch = max(3.0, min(size) / (30 + 10 * params.style))
    x, y = (axis / pitch for axis in axes(size))
    round_x, round_y = np.abs(np.sin(np.pi * x)), np.abs(np.sin(np.pi * y))
    level_on_top = (np.floor(x) + np.floor(y)) % 2 == 0
    thread = np.where(level_on_top, round_y * (0.5 + 0.5 * round_x), round_x * (0.4 + 0.3 * round_y))
    return np.asarray(2.4 * (thread - thread.mean()), np.float32)


def paint_woven(image: Pixels, params: Drawn, amount: float, rng: Rng) -> Pixels:
    return shaded(image, (62 * amount) * weave(image.shape[:2], params))


def measure_woven(before: Pixels, after: Pixels, params: Drawn) -> float:
    """How much of the weave is in the change of brightness, share of full scale."""
    return along(change(before, after), weave(before.shape[:2], params)) / 255


SURFACE = (
    PlainFamily("mottling", "texture", MOTTLING_SAID, paint_mottling, measure_mottling),
    PlainFamily("cracks", "texture", CRACKS_SAID, paint_cracks, measure_cracks),
    PlainFamily("periodic_pattern", "texture", PATTERN_SAID, paint_pattern, measure_pattern),
    PlainFamily("fibrous", "texture", FIBROUS_SAID, paint_fibrous, measure_fibrous),
    PlainFamily("crumpled", "texture", CRUMPLED_SAID, paint_crumpled),
    PlainFamily("bumpy", "texture", BUMPY_SAID, paint_bumpy, measure_bumpy),
    PlainFamily("woven", "texture", WOVEN_SAID, paint_woven, measure_woven),
)
