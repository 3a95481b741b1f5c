"""Where on an image a claim is seen: what it costs the claim to replace a window of the image's features by the pool's.

Occlusion (Zeiler and Fergus 2014, ECCV, section 4.2) of features instead of pixels: a grey square is itself odd, the
mean of the pool is not, and the encoder need not run again.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isqrt
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vlmdiff.findings import Finding
from vlmdiff.models.lines import NO_DIFFERENCE, line

if TYPE_CHECKING:
    import torch

    from vlmdiff.learn.tokens import Moments
    from vlmdiff.models.base import VisionLanguageModel

Maps = NDArray[np.float32]
"""(images, side, side): nats that each cell is worth to the claim, 0 or more."""

ACROSS = 4
"""Windows that cover the width of an image. On 52 images with a generated change of a known place, 17 % of the image on
average, these 25 windows put 76 % of the heat there, and all 49 of that size 79 %, for twice the work."""
CONCENTRATED = 0.8
"""Share of the heat in the hottest quarter of the cells from which on, over the exemplars, a claim has a place: .95 on
average for those changes, .66 on 42 images with a change of the whole image."""
FEWEST = 2
"""Exemplars that must show it: where one image happens to have it says nothing of the others."""
BESIDE_A_BORDER = 0.15
"""Share of the heat that is left for the cells inside a frame; in a flat map of 8 x 8 it is .56."""
MOSTLY = 0.6
"""Share of the heat from which on a third of the width or height is named."""


def heat_maps(model: VisionLanguageModel, claim: str, grids: torch.Tensor, pool: Moments) -> Maps | None:
    """Heat of one claim on images: its likelihood against "no visible difference", less the same without a window.

    Args:
        model: one that reads difference tokens.
        grids: features without summaries, (images, cells, channels).
        pool: what the judge holds images against, with summaries.

    Returns:
        None where the cells are no square of at least ACROSS a side.
    """
    from vlmdiff.learn.tokens import against_pool, with_summaries

    count, cells, _ = grids.shape
    side = isqrt(cells)
    if side**2 != cells or side < ACROSS:
        return None
    masks = windows(side)
    claims = [NO_DIFFERENCE + "\n", line("b", claim)]
    maps = np.empty((count, side, side), np.float32)
    for i, grid in enumerate(grids.float()):
        replaced = grid.repeat(len(masks) + 1, 1, 1)
        for row, mask in enumerate(masks, start=1):
            replaced[row, mask] = pool.mean[:cells][mask]
        likelihoods = model.score(claims, against_pool(with_summaries(replaced), pool))
        odds = likelihoods[:, 1] - likelihoods[:, 0]
        cost = (masks * (odds[0] - odds[1:])[:, None]).sum(0) / masks.sum(0)
        maps[i] = np.maximum(cost, 0).reshape(side, side)
    return maps


def located(
    model: VisionLanguageModel, finding: Finding, ids: Sequence[str], grids: torch.Tensor, pool: Moments
) -> Finding:
    """The finding with the place where exemplars of its side show it, and with its maps unless that is everywhere.

    As it was where fewer than FEWEST exemplars are judged to show it, where the claim is about sets, and where the
    model judges it by being asked, so that features say nothing of it.

    Args:
        ids: of the images that `grids` are of.
    """
    of_side = finding.exemplars.a if finding.side == "a" else finding.exemplars.b
    shown = [name for name in of_side if name in finding.exemplars.shown]
    if (
        len(shown) < FEWEST
        or "tokens" not in model.skills
        or ("chat" in model.skills and not model.taught(finding.text))
    ):
        return finding
    maps = heat_maps(model, finding.text, grids[[ids.index(name) for name in shown]], pool)
    if maps is None:
        return finding
    where = place(maps)
    heat = {} if where == "everywhere" else {name: relative(one) for name, one in zip(shown, maps, strict=True)}
    return finding.model_copy(update={"where": where, "heat": heat})


def relative(one: NDArray[np.float32]) -> list[list[float]]:
    """A map as shares of its hottest cell, row by row, to two decimals."""
    share = one / max(float(one.max()), 1e-9)
    return [[round(float(value), 2) for value in line] for line in share]


def windows(side: int) -> NDArray[np.bool_]:
    """Squares of cells that tile a grid, and those between them, half a window on: (windows, cells)."""
    width = max(1, round(side / ACROSS))
    tiled = sorted({min(start, side - width) for start in range(0, side, width)})
    between = [start + width // 2 for start in tiled[:-1] if width > 1]
    masks = []
    for starts in (tiled, between):
        for top in starts:
            for left in starts:
                mask = np.zeros((side, side), bool)
                mask[top : top + width, left : left + width] = True
                masks.append(mask.ravel())
    return np.array(masks)


def place(maps: Maps) -> str:
    """Where the images show it: a part of the image ("bottom left", "top", "border"), "everywhere", "different places".

    A brightness or a blur is in every cell, so that no window takes it away: such maps are flat, and mean nothing.
    """
    found = maps[maps.sum((1, 2)) > 0]
    if not len(found):
        return "everywhere"
    together = (found / found.sum((1, 2), keepdims=True)).mean(0)
    side = together.shape[0]
    thirds = np.minimum(3 * (np.arange(side) + 0.5) // side, 2).astype(int)
    down, across = (np.bincount(thirds, together.sum(axis), 3).astype(np.float64) for axis in (1, 0))
    vertical = _named(down, ("top", "", "bottom"))
    horizontal = _named(across, ("left", "", "right"))
    if vertical is None and horizontal is None and together[1:-1, 1:-1].sum() < BESIDE_A_BORDER:
        return "border"
    if np.mean([concentration(one) for one in found]) < CONCENTRATED:
        return "everywhere"
    if vertical is None and horizontal is None:
        return "different places"
    return " ".join(word for word in (vertical, horizontal) if word) or "centre"


def concentration(one: NDArray[np.float32]) -> float:
    """Share of the heat in the hottest quarter of the cells, 0.25 (flat) to 1; 0 without heat."""
    values = np.sort(one, axis=None)[::-1]
    return float(values[: len(values) // 4].sum() / values.sum()) if values[0] > 0 else 0.0


def _named(thirds: NDArray[np.float64], names: tuple[str, str, str]) -> str | None:
    """The third that holds most of the heat; None where none does."""
    best = int(thirds.argmax())
    return names[best] if thirds[best] > MOSTLY else None
