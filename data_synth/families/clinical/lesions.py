"""Lesions: a spot, a ring, a cluster of specks and scattered nodules, in plain and in clinical words."""

from __future__ import annotations

from itertools import product

import cv2
import numpy as np
from numpy.typing import NDArray

from data_synth.families.clinical.canvas import (
    ANYWHERE,
    FADES_TO,
    SHIFT,
    Point,
    Rng,
    changed_at_place,
    dot,
    empty,
    fixed,
    opacity,
    placed,
    softened,
    spot_at,
    toned,
    toned_at_place,
)
from data_synth.families.plain import Drawn, PlainFamily, Said, short_side
from data_synth.family import Family, Pixels

# --- spots ------------------------------------------------------------------------------------------------------

SPOT_RADIUS = {"small": (0.055, 0.07), "large": (0.13, 0.155)}
"""Share of the shorter side, lowest and highest."""
ROUGHNESS = {"smooth": 0.0, "irregular": 0.28}
"""Spread of the distance from the middle to the border, share of the radius."""

TONES_SAID = {
    "bright": {
        "tone": "bright",
        "pale": "light",
        "dense": "hyperdense",
        "echo": "hyperechoic",
        "shade": "an opacity",
        "shades": "opacities",
    },
    "dark": {
        "tone": "dark",
        "pale": "blackish",
        "dense": "hypodense",
        "echo": "hypoechoic",
        "shade": "a lucency",
        "shades": "lucencies",
    },
}
BORDERS_SAID = {
    "smooth": {"border": "smooth", "a_border": "a smooth", "edge": "well-defined", "an_edge": "an even, round"},
    "irregular": {"border": "irregular", "a_border": "an irregular", "edge": "ragged", "an_edge": "a jagged, uneven"},
}
SIZES_SAID = {"small": {"size": "small", "big": "little"}, "large": {"size": "large", "big": "big"}}

SPOT_SENTENCES = (
    "the images have a {size} {tone} spot with {a_border} border {at}",
    "a {size} {tone} patch with {an_edge} outline lies {near}",
    "{size} {tone} spots with {border} edges appear {at}",
    "there is a {big} {tone} blob with {an_edge} edge {near}",
    "{size} {dense} focus with {edge} margins {at}",
    "a {size} {echo} lesion with {edge} margins is seen {near}",
    "the pictures show one {big} {pale} area {at}, {border} in outline",
    "each photo contains a {big} {tone} blotch, {border} at its edge, {near}",
    "{shade}, {size} and with {a_border} contour, is present {at}",
    "they show a {size} {tone} lesion, its border {border}, {near}",
    "{tone} spot {at}, {size}, {border} edge",
    "one notices a {big} {pale} mass with {edge} borders {near}",
    "the scans show {big} {dense} lesions {at}, the margins being {edge}",
    "a {tone} region, {size} and with {an_edge} boundary, can be made out {at}",
)
SPOT_SAID: Said = dict(
    placed(
        "lesion",
        where,
        SPOT_SENTENCES,
        TONES_SAID[tone] | BORDERS_SAID[border] | SIZES_SAID[size],
        tone=tone,
        border=border,
        size=size,
    )
    for tone, border, size, where in product(TONES_SAID, BORDERS_SAID, SIZES_SAID, ANYWHERE)
)


def outline(centre: Point, radius: float, roughness: float, rng: Rng) -> NDArray[np.float64]:
    """Points (x, y) around a slightly oval blob, shape (96, 2); roughness adds waves and teeth to its border."""
    angles = np.linspace(0, 2 * np.pi, 96, endpoint=False)
    waves = np.arange(3, 15)[:, None]
    wobble = (np.cos(waves * angles + rng.uniform(0, 2 * np.pi, waves.shape)) / waves**0.5).sum(axis=0)
    reach = radius * np.maximum(1 + roughness * wobble / wobble.std(), 0.3)
    flat, turn = float(rng.uniform(0.85, 1.0)), float(rng.uniform(0, np.pi))
    x, y = reach * np.cos(angles), flat * reach * np.sin(angles)
    return np.stack([x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn)], axis=1) + centre


def paint_spot(image: Pixels, drawn: Drawn, amount: float, rng: Rng) -> Pixels:
    tone, border, size = (str(drawn.content.get(name)) for name in ("tone", "border", "size"))
    radius = float(rng.uniform(*SPOT_RADIUS[size])) * short_side(image)
    centre = spot_at(drawn.content.where, image, tone, rng)
    mask = empty(image)
    cv2.fillPoly(mask, [fixed(outline(centre, radius, ROUGHNESS[border], rng))], 255, cv2.LINE_AA, SHIFT)
    return toned(image, softened(mask, 0.011 * short_side(image)) * (0.75 * amount), FADES_TO[tone])


# --- rings ------------------------------------------------------------------------------------------------------

RIMS_SAID = {
    "bright": {"rim": "bright", "core": "dark", "light": "light", "deep": "blackish", "dense": "hyperdense"},
    "dark": {"rim": "dark", "core": "bright", "light": "blackish", "deep": "light", "dense": "hypodense"},
}
RING_SENTENCES = (
    "the images have a {rim} ring with a {core} centre {at}",
    "a round spot that is {core} inside and {rim} around lies {near}",
    "{rim} rings around a {core} middle appear {at}",
    "they show a ring-shaped lesion {near}, {rim} at its rim and {core} within",
    "{rim}-rimmed round lesion with a {core} core {at}",
    "a {core} core enclosed by a {rim} rim is seen {near}",
    "each picture contains a {light} hoop filled with a {deep} core {at}",
    "there is a hollow-looking blob {near}: {rim} border, {core} inside",
    "a lesion with a {dense} rim and a {core} interior {at}",
    "the scans show ring lesions {near}, the rim {dense} and the middle {core}",
    "a {core} round patch surrounded by a {rim} band can be made out {at}",
    "one notices a thick {rim} circle {near} whose inside is {core}",
    "{dense} ring with a {core} centre {at}",
)
RING_SAID: Said = dict(
    placed("ring lesion", where, RING_SENTENCES, words, rim=rim)
    for (rim, words), where in product(RIMS_SAID.items(), ANYWHERE)
)


def paint_ring(image: Pixels, drawn: Drawn, amount: float, rng: Rng) -> Pixels:
    rim = str(drawn.content.get("rim"))
    core = "dark" if rim == "bright" else "bright"
    side = short_side(image)
    points = [fixed(outline(spot_at(drawn.content.where, image, rim, rng), 0.11 * side, 0.04, rng))]
    inside, edge = empty(image), empty(image)
    cv2.fillPoly(inside, points, 255, cv2.LINE_AA, SHIFT)
    cv2.polylines(edge, points, True, 255, max(1, round(0.035 * side)), cv2.LINE_AA, SHIFT)
    hollow = toned(image, softened(inside, 0.006 * side) * (0.7 * amount), FADES_TO[core])
    return toned(hollow, softened(edge, 0.006 * side) * (0.85 * amount), FADES_TO[rim])


# --- specks and nodules -----------------------------------------------------------------------------------------

SPECK_SENTENCES = (
    "the images have a tight cluster of tiny bright specks {at}",
    "a cluster of tiny bright dots lies {near}",
    "many tiny bright points are crowded together {at}",
    "they show a gathering of fine white grains {near}",
    "clustered punctate bright foci {at}",
    "the pictures have a small swarm of bright pinpoints {near}",
    "calcification-like specks are clustered {at}",
    "fine bright specks huddle together {near}",
    "a tight knot of pinpoint opacities is seen {at}",
    "grains like spilled salt, close together, lie {near}",
    "each photo contains a dense cluster of minute white dots {at}",
    "one notices clustered micro-specks, all bright, {near}",
    "tiny hyperdense points in a cluster {at}",
)
SPECK_SAID: Said = dict(placed("speck cluster", where, SPECK_SENTENCES) for where in ANYWHERE)


def paint_specks(image: Pixels, drawn: Drawn, amount: float, rng: Rng) -> Pixels:
    """Each speck is a soft peak, the product of one along x and one along y; discs this small look like crosses."""
    side, number = short_side(image), 16 + round(16 * amount)
    middle = spot_at(drawn.content.where, image, "bright", rng)
    centres = rng.normal(0, 0.042 * side, (number, 2)) + middle
    width = np.maximum(rng.uniform(0.004, 0.0075, (number, 1)) * side, 0.4)
    across, down = (
        np.exp(-0.5 * ((np.arange(length) - centres[:, axis : axis + 1]) / width) ** 2).astype(np.float32)
        for axis, length in ((0, image.shape[1]), (1, image.shape[0]))
    )
    return toned(image, np.clip(1.7 * np.einsum("ny,nx->yx", down, across), 0, 1) * np.float32(opacity(amount)), 255)


NODULE_SENTENCES = (
    "the images have several small round {tone} nodules scattered over them",
    "small round {tone} spots are scattered over the pictures",
    "the photos show multiple small {tone} blobs spread about",
    "they contain a number of rounded {tone} nodules",
    "multiple small round {shades}",
    "several {tone} nodules, each round and soft-edged, lie here and there",
    "little round {pale} lumps are dotted about the images",
    "numerous rounded {dense} foci in many places",
    "there are {tone} round spots all over, of nodule size",
    "the scans show scattered nodular {shades}",
    "a scatter of soft {tone} balls is visible",
    "one notices many small {pale} nodules across the pictures",
    "disseminated {echo} nodules, small and round",
)
NODULE_SAID: Said = dict(
    placed("nodules", "random", NODULE_SENTENCES, words, tone=tone) for tone, words in TONES_SAID.items()
)


def paint_nodules(image: Pixels, drawn: Drawn, amount: float, rng: Rng) -> Pixels:
    tone, side = str(drawn.content.get("tone")), short_side(image)
    mask = empty(image)
    for cell in rng.choice(16, int(rng.integers(8, 13)), replace=False):  # of a 4 x 4 grid, so that they do not clump
        column, row = (np.array(divmod(int(cell), 4)) + rng.uniform(0.2, 0.8, 2)) / 4
        at = (float(column) * image.shape[1], float(row) * image.shape[0])
        dot(mask, at, float(rng.uniform(0.025, 0.05)) * side, 255)
    return toned(image, softened(mask, 0.01 * side) * (0.85 * amount), FADES_TO[tone])


LESIONS: tuple[Family, ...] = (
    PlainFamily("lesion_spot", "clinical", SPOT_SAID, paint_spot, toned_at_place),
    PlainFamily("ring_lesion", "clinical", RING_SAID, paint_ring, changed_at_place),
    PlainFamily("speck_cluster", "clinical", SPECK_SAID, paint_specks, toned_at_place),
    PlainFamily("nodules", "clinical", NODULE_SAID, paint_nodules, toned_at_place),
)
