"""`python -m train views`: large images seen whole, in four tiles, or both, by the model that ships.

Small things on large images are gone at the size that the model sees. A tile is read as an image of its own, so
nothing is trained; a set of n images becomes one of four n.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from data_synth.compose import LabelledPair, compose
from data_synth.config import PairConfig
from data_synth.sources import Bank
from train.experiments.scoring import Said, share, statements, tally
from vlmdiff.images.decode import fit
from vlmdiff.learn.probe import flatten
from vlmdiff.learn.ridge import leave_out_scores, products
from vlmdiff.learn.tokens import SUMMARY_ROWS, between, with_summaries
from vlmdiff.models.difference import Difference
from vlmdiff.models.huggingface import HuggingFaceModel
from vlmdiff.stats import auroc

SMALL = (
    *("shape", "few_shapes", "dust", "hair", "numbers", "marker_letter", "timestamp", "crosshair", "cursor"),
    *("dead_pixels", "speck_cluster", "nodules", "air_bubbles", "debris", "arrow", "scale_bar"),
)
"""Families of things that take little of an image."""
_SEED = 970_001
_PENALTY = 1.0
"""As the two-sample test's default; see `vlmdiff.learn.ridge`."""
_SETS = 24


def pairs(bank: Bank, side: int, count: int) -> Iterator[LabelledPair]:
    """One small thing a pair, in all images of one side; drawn fields, which have any size. Shapes are small ones."""
    found = index = 0
    while found < count:
        config = PairConfig(
            split="val",
            families=(SMALL[found % len(SMALL)],),
            strength=(0.5, 0.9),
            prevalence=(1, 1),
            facts=(0, 1.0),
            nuisances=(1.0,),
            set_size=(_SETS, _SETS),
            drawn_share=1.0,
            sides=(side,),
        )
        pair = compose(config, bank, _SEED, index)
        index += 1
        if pair.difference[0].content.get("size") in (None, "small"):
            found += 1
            yield pair


def tiles(image: NDArray[np.uint8], size: int) -> list[NDArray[np.uint8]]:
    """The four quarters of an image's square, each at the size that the model sees, row by row."""
    whole = fit(image, 2 * size).astype(np.uint8, copy=False)
    return [whole[y : y + size, x : x + size] for y in (0, size) for x in (0, size)]


def run(model: HuggingFaceModel, bank: Bank, sides: Sequence[int], count: int) -> list[dict[str, Any]]:
    """For each size of images and view, tallies of what is written (greedily, both orders), and AUROCs of the test."""
    cv2.setNumThreads(0)
    results = []
    for side in sides:
        tallies: dict[str, list[tuple[float, ...]]] = {"whole": [], "tiles": [], "both": []}
        apart: dict[str, list[float]] = {name: [] for name in tallies}
        for pair in pairs(bank, side, count):
            whole, parts = ([_seen(model, cut, images) for images in _sides(pair)] for cut in (_whole, tiles))
            said = {"whole": _said(model, *whole), "tiles": _said(model, *parts)}
            said["both"] = list(dict.fromkeys(said["whole"] + said["tiles"]))
            seen = {"whole": _flat(whole), "tiles": _flat(parts)}
            seen["both"] = np.concatenate([seen["whole"], seen["tiles"]], axis=1)
            for name, one in said.items():
                tallies[name].append(tuple(tally(one, pair.difference)))
                apart[name].append(_auroc(seen[name]))
        results += [{"side": side, "view": name, "tallies": tallies[name], "auroc": apart[name]} for name in tallies]
    return results


def _sides(pair: LabelledPair) -> tuple[Sequence[NDArray[np.uint8]], Sequence[NDArray[np.uint8]]]:
    return pair.images_a, pair.images_b


def _whole(image: NDArray[np.uint8], size: int) -> list[NDArray[np.uint8]]:
    return [fit(image, size).astype(np.uint8, copy=False)]


def _seen(
    model: HuggingFaceModel, cut: Callable[[NDArray[np.uint8], int], list[NDArray[np.uint8]]], images: Sequence[Any]
) -> torch.Tensor:
    pixels = np.stack([part for image in images for part in cut(image, model.image_size)])
    with torch.autocast("cpu", torch.bfloat16):
        return with_summaries(model.features(pixels))


def _flat(sides: Sequence[torch.Tensor]) -> NDArray[np.float32]:
    """A row an image, A's first, as the two-sample test looks at it; those of its tiles side by side."""
    grids = np.concatenate([rows[:, :-SUMMARY_ROWS].float().numpy() for rows in sides])
    parts = len(grids) // (2 * _SETS)
    return np.concatenate([flatten(grids[i::parts]) for i in range(parts)], axis=1)


def _said(model: HuggingFaceModel, a: torch.Tensor, b: torch.Tensor) -> list[Said]:
    (of_b,), (of_a,) = model.write(Difference.stack([between(a, b), between(b, a)]), draws=0, seed=0)
    return statements(of_b, of_a)


def _auroc(seen: NDArray[np.float32]) -> float:
    is_b = np.arange(len(seen)) >= _SETS
    scores = leave_out_scores(products(seen), is_b[None], _PENALTY, [np.array([i]) for i in range(len(seen))])[0]
    return float(auroc(scores[~is_b], scores[is_b]))


def table(results: Sequence[dict[str, Any]]) -> str:
    """Markdown: a row for each size of images and view."""
    text = (
        "| pixels a side | view | n | exact | credit | precision | AUROC of the sets |\n|---|---|---|---|---|---|---|\n"
    )
    for one in results:
        found = np.array(one["tallies"], float)
        shares = [str(share(found, name)) for name in ("recall", "credit", "precision")]
        cells = [str(one["side"]), one["view"], str(len(found)), *shares, f"{np.mean(one['auroc']):.3f}"]
        text += f"| {' | '.join(cells)} |\n"
    return text
