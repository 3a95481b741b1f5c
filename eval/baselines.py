"""Baselines that need no VLM and no training: what pixel statistics say, and what a die says."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from data_synth.catalog import TRAINED, trained_contents
from data_synth.facts import Content, content
from data_synth.family import Pixels
from data_synth.lexicon import canonical
from data_synth.reference import REFERENCE_VERSION, reference_features
from eval.answers import Eyes, Features, Half, Said, Speaker, answer, evidence
from eval.systems import ALPHA, Groups, loaded
from vlmdiff import __version__
from vlmdiff.findings import ModelInfo, Report, Side
from vlmdiff.models.card import RunCard
from vlmdiff.stats import Floats

SIZE = 128
"""Pixels a side at which baselines see images: as many as the embedded model."""
MOST = 3
"""Hypotheses a pair at most: each one costs all of them power."""
NO_WEIGHTS = hashlib.sha256().hexdigest()


@dataclass(frozen=True)
class Baseline:
    """Features, a way to put their difference into words, and all else as vlmdiff does it."""

    name: str
    eyes: Eyes
    speaker: Speaker
    weights_sha256: str = NO_WEIGHTS
    card: RunCard | None = None

    @property
    def identity(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "version": __version__,
            "alpha": ALPHA,
            "reference": REFERENCE_VERSION,
            "weights_sha256": self.weights_sha256,
        }

    def describe(
        self, images_a: Sequence[Pixels], images_b: Sequence[Pixels], seed: int, groups: Groups | None = None
    ) -> Report:
        info = ModelInfo(name=self.name, adapter=None, weights_sha256=self.weights_sha256)
        pair = loaded(images_a, images_b, SIZE, groups)
        return answer(pair, self.eyes, self.speaker, model=info, name=self.name, seed=seed)


# Pixel statistics.


@dataclass(frozen=True)
class Statistic:
    """A number for an image, and what is said of the set where it is high or low."""

    high: Content | None = None
    low: Content | None = None


def _tint(colour: str) -> Content:
    return content("tint", colour=colour)


def _light(where: str) -> Content:
    return content("uneven light", where)


STATISTICS: dict[str, Statistic] = {
    "lightness": Statistic(content("brightness", direction="more"), content("brightness", direction="less")),
    "contrast": Statistic(content("contrast", direction="more"), content("contrast", direction="less")),
    "saturation": Statistic(content("saturation", direction="more"), content("saturation", direction="less")),
    "warmth": Statistic(content("warmth", direction="more"), content("warmth", direction="less")),
    "red": Statistic(_tint("red"), _tint("cyan")),
    "green": Statistic(_tint("green"), _tint("magenta")),
    "blue": Statistic(_tint("blue"), _tint("yellow")),
    "sharpness": Statistic(low=content("blur")),
    "horizontal detail": Statistic(
        content("motion blur", direction="vertical"), content("motion blur", direction="horizontal")
    ),
    "noise": Statistic(content("noise")),
    "specks": Statistic(content("salt and pepper")),
    "blocks": Statistic(content("jpeg")),
    "flat cells": Statistic(content("pixelation")),
    "tones": Statistic(low=content("posterisation")),
    "edges": Statistic(content("fine texture", direction="more"), content("fine texture", direction="less")),
    "mid-tones": Statistic(content("mid-tones", direction="more"), content("mid-tones", direction="less")),
    "blackest": Statistic(content("faded blacks")),
    "light at the left": Statistic(_light("left"), _light("right")),
    "light at the top": Statistic(_light("top"), _light("bottom")),
    "light in the centre": Statistic(
        content("brightness", "border", direction="less"), content("brightness", "border", direction="more")
    ),
}
"""In the order of the columns of `pixel_statistics`."""


def pixel_statistics(images: NDArray[np.uint8]) -> Floats:
    """One row an image, (images, statistics): levels 0 to 255, differences of levels, shares, or logs of such.

    Args:
        images: RGB, (images, side, side, 3).
    """
    return np.array([_statistics(image) for image in images])


def _statistics(image: Pixels) -> list[float]:
    grey = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)
    luma = grey.astype(np.float32)
    red, green, blue = (float(level) for level in image.reshape(-1, 3).mean(0, dtype=np.float64))
    across, down = np.abs(np.diff(luma, axis=1)), np.abs(np.diff(luma, axis=0))
    fine, coarse = (cv2.GaussianBlur(luma, (0, 0), sigma) for sigma in (1.0, 3.0))
    second = cv2.filter2D(luma, -1, np.outer((1, -2, 1), (1, -2, 1)).astype(np.float32))
    black, dark, middle, bright, white = np.percentile(luma, (1, 5, 50, 95, 99))
    residual = np.abs(second)
    side = len(luma)
    half, quarter = side // 2, side // 4
    centre = luma[quarter:-quarter, quarter:-quarter]
    inside, whole = float(centre.sum()), float(luma.sum())
    return [
        float(luma.mean()),
        float(np.log(luma.std() + 1)),
        # Against the contrast: less of that takes as much of the colour.
        float(np.log(np.ptp(image, axis=2).mean() + 1) - np.log(luma.std() + 1)),
        red - blue,
        red - (green + blue) / 2,
        green - (red + blue) / 2,
        blue - (red + green) / 2,
        float(np.log(np.abs(luma - fine).mean() + 0.5) - np.log(np.abs(fine - coarse).mean() + 0.5)),
        float(np.log(across.mean() + 0.5) - np.log(down.mean() + 0.5)),
        # The residual of Immerkaer, Fast noise variance estimation, CVIU 64:300 (1996): noise is everywhere, detail is
        # not, so half of the pixels exceed nearly the mean.
        float(np.log(np.median(residual) + 1) - 0.5 * np.log(residual.mean() + 1)),
        float(np.log((np.abs(luma - cv2.medianBlur(grey, 3)) > 50).mean() + 1e-3)),
        _block_step(across) + _block_step(down.T),
        _alone(across) + _alone(down.T),
        float(np.count_nonzero(np.bincount(grey.ravel())[int(black) : int(white) + 1]) / (int(white) - int(black) + 1)),
        float((across[:-1] + down[:, :-1] > 30).mean()),
        float((middle - dark + 1) / (bright - dark + 2)),
        float(black),
        float(luma[:, :half].mean() - luma[:, half:].mean()),
        float(luma[:half].mean() - luma[half:].mean()),
        inside / centre.size - (whole - inside) / (luma.size - centre.size),
    ]


def _block_step(steps: NDArray[np.float32]) -> float:
    """How much larger the mean step is at the borders of blocks of 8 pixels, in logs."""
    phases = np.array([steps[:, phase::8].mean() for phase in range(8)])
    return float(np.log(phases[7] + 0.5) - np.log(np.median(phases) + 0.5))


def _alone(steps: NDArray[np.float32]) -> float:
    """Share of the clear steps with nothing right before and after, as at the borders of flat cells."""
    clear = steps[:, 1:-1] >= 8
    flat = np.maximum(steps[:, :-2], steps[:, 2:]) <= 1
    return float((clear & flat).sum() / (clear.sum() + steps.shape[1]))


def most_different(a: Features, b: Features, most: int = MOST, least_t: float = 6.0) -> dict[int, float]:
    """Columns, and their t values, in which two sets differ most, each one after what the ones before it explain.

    A step takes the column with the largest t value of the mean difference, adjusted for the columns taken by their
    regression within the sets (analysis of covariance): a dark set has less contrast, too, and need not be told so.

    Args:
        a: (images, columns); b: likewise.
        least_t: of the second column and the next ones; the first is always taken.
    """
    within = np.concatenate([a - a.mean(0), b - b.mean(0)])
    gap = b.mean(0) - a.mean(0)
    spread = within.std(0) + 1e-9
    within, gap = within / spread, gap / spread
    taken: dict[int, float] = {}
    while len(taken) < min(most, a.shape[1]):
        before = list(taken)
        slopes = np.linalg.lstsq(within[:, before], within, rcond=None)[0]
        left = (within - within[:, before] @ slopes).std(0)
        t = np.abs(gap - gap[before] @ slopes) / np.maximum(left, 0.1) / (1 / len(a) + 1 / len(b)) ** 0.5
        t[before] = 0.0
        best = int(t.argmax())
        if taken and t[best] < least_t:
            break
        taken[best] = float(t[best])
    return taken


def by_statistics(look: Half, check: Half, rng: np.random.Generator) -> Said:
    """Templates for the statistics that differ most; an image's evidence is its own statistic.

    There is one draw, so votes tell the effect instead: the t value as a share of the largest.
    """
    mean_a, mean_b = look.features_a.mean(0), look.features_b.mean(0)
    found = []
    effects = most_different(look.features_a, look.features_b)
    largest = max(*effects.values(), 1e-9)
    for column, effect in effects.items():
        side, text = _worded(list(STATISTICS.values())[column], float(mean_a[column]), float(mean_b[column]))
        middle = (mean_a[column] + mean_b[column]) / 2
        sign = np.sign(mean_b[column] - mean_a[column]) * (1 if side == "b" else -1)
        scores = [sign * (f[:, column] - middle) for f in (check.features_a, check.features_b)]
        found.append(evidence(side, text, effect / largest, *scores))
    return Said(found, check)


def _worded(statistic: Statistic, mean_a: float, mean_b: float) -> tuple[Side, str]:
    """The set that is farther from nothing (no tint, even light) is the one that is described."""
    higher, lower = max(mean_a, mean_b), min(mean_a, mean_b)
    say_high = statistic.low is None or (statistic.high is not None and abs(higher) >= abs(lower))
    said = statistic.high if say_high else statistic.low
    assert said is not None
    return ("b" if (mean_b > mean_a) == say_high else "a"), canonical(said)


# A die.


def by_chance(look: Half, check: Half, rng: np.random.Generator) -> Said:
    """Something that is trained on, said of either set; the evidence is noise."""
    family = list(TRAINED.values())[int(rng.integers(len(TRAINED)))]
    contents = trained_contents(family)
    text = canonical(contents[int(rng.integers(len(contents)))])
    scores = [rng.normal(size=len(rows)) for rows in (check.rows_a, check.rows_b)]
    return Said([evidence("b" if rng.random() < 0.5 else "a", text, 1.0, *scores)], check)


PIXELS = Baseline("pixels", pixel_statistics, by_statistics)
RANDOM = Baseline("random", reference_features, by_chance)
