"""Strength on one perceptual scale: 0.5 of any family is about as detectable as 0.5 of another."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from statistics import NormalDist

import cv2
import numpy as np
from numpy.typing import NDArray

from data_synth.family import Family
from data_synth.reference import REFERENCE_VERSION, reference_features
from data_synth.sources import Bank
from vlmdiff.errors import InputError
from vlmdiff.stats import auroc

CURVES = Path(__file__).with_name("calibration.json")

AMOUNTS = (0.05, 0.1, 0.2, 0.35, 0.6, 1.0)
"""Where the detectability is measured."""
STRENGTHS = np.linspace(0, 1, 11)
"""What a curve lists the amounts of."""
MIDDLE_AUROC = 0.85
"""What strength 0.5 means."""
LEAST_AMOUNTS = (0.2, 0.6)
"""Amounts at strengths 0.5 and 1 that no curve stays below: a probe sees fainter things than an eye, for which words
must be true."""
LEAST_AMOUNTS_OF_GROUP = {"geometry": (0.4, 0.8)}
"""Groups where the probe sees what no eye does: that moved pixels are resampled, however little they move."""

DRAWS = 2
"""Parameters drawn a family; the AUROC is the mean over them."""
PERFECT = 0.99
"""An AUROC above which larger amounts are not measured."""
SIDE = 128
"""Pixels a side at which calibration paints."""
LEAST_COLOUR = 6.0
"""Mean spread between a pixel's channels, in grey levels, of an image that counts as coloured."""
PENALTY = 0.3
"""Of the ridge, in units of the mean squared length of a standardised row."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Calibration:
    """The curve of every family, and what it was measured on."""

    reference_version: str
    images: int
    seed: int
    amounts: dict[str, list[float]]
    """Family to the amounts at STRENGTHS."""
    auroc: dict[str, dict[str, list[float]]]
    """Family to what was measured: "amount" and "auroc", as many each."""
    ceiling: dict[str, float]
    """Families that no amount makes detectable enough for strength 1, with the AUROC that they reach."""
    clamped: list[str]
    """Families whose curve was raised to the least amounts."""


@cache
def _curves() -> dict[str, list[float]]:
    if not CURVES.exists():
        return {}
    curves: dict[str, list[float]] = json.loads(CURVES.read_text())["amounts"]
    return curves


def amount_for(family: str, strength: float) -> float:
    """The raw amount at which `family` has this strength; the strength itself where it was never calibrated."""
    amounts = _curves().get(family)
    if amounts is None:
        return strength
    return float(np.interp(strength, np.linspace(0, 1, len(amounts)), amounts))


def distance(value: float) -> float:
    """The AUROC as a distance between two normal distributions, in standard deviations (d'); 0 at 0.5 and below."""
    return 2**0.5 * NormalDist().inv_cdf(min(max(value, 0.5), 0.999))


MIDDLE = distance(MIDDLE_AUROC)


@dataclass(frozen=True)
class Curve:
    """Strength to amount for one family."""

    amounts: list[float]
    """At STRENGTHS: never falling, the first 0, the last at most 1."""
    ceiling: float | None
    """The AUROC that the family reaches, where that is too little for strength 1."""
    clamped: bool


def curve(amounts: Sequence[float], aurocs: Sequence[float], least: tuple[float, float] = LEAST_AMOUNTS) -> Curve:
    """Invert a measured curve; d' grows evenly with the strength, through an AUROC of 0.85 at 0.5.

    Where the AUROC ends below what strength 1 asks for, strength 1 is amount 1; where it ends below 0.85,
    d' grows evenly up to what is reached.

    Args:
        amounts: rising, above 0, at most 1.
        aurocs: one an amount, averaged to never fall before they are inverted.
        least: amounts at strengths 0.5 and 1 that the curve is raised to where it is lower.
    """
    from scipy.optimize import isotonic_regression

    rising = isotonic_regression(np.clip([0.5, *aurocs], 0.5, 1)).x
    # The nudge makes plateaus strictly rising, so that a d' has one amount: the smallest.
    reached = np.array([distance(value) for value in rising]) + 1e-9 * np.arange(len(rising))
    top = float(reached[-1])
    end = min(2 * MIDDLE, top)
    wanted = np.interp(STRENGTHS, [0, 0.5, 1], [0, min(MIDDLE, end / 2) if top < MIDDLE else MIDDLE, end])
    inverted = np.interp(wanted, reached, [0, *amounts])
    low = top < 2 * MIDDLE
    if low:
        inverted[-1] = 1.0
    raised = _raised(inverted, *least)
    return Curve(
        [round(float(amount), 4) for amount in raised],
        round(float(rising[-1]), 3) if low else None,
        not np.array_equal(raised, inverted),
    )


def _raised(amounts: Floats, least_middle: float, least_last: float) -> Floats:
    """The curve stretched, below and above its middle, to reach the least amounts."""
    middle, last = max(amounts[5], least_middle), max(amounts[-1], least_last)
    low = amounts[:6] * (middle / amounts[5]) if amounts[5] > 0 else np.linspace(0, middle, 6)
    span = amounts[-1] - amounts[5]
    high = (amounts[5:] - amounts[5]) / span if span > 0 else np.linspace(0, 1, 6)
    return np.concatenate([low, (middle + high * (last - middle))[1:]])


def photographs(bank: Bank, count: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Coloured images of the bank's train split, all domains mixed, shape (count, SIDE, SIDE, 3).

    Grey images are left out: there, no amount of saturation shows.

    Raises:
        InputError: the bank has fewer.
    """
    rows = rng.permutation([row for row, item in enumerate(bank.items) if item.split == "train"])
    found = []
    for row in rows:
        image = np.asarray(cv2.resize(bank.images[row], (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8)
        if np.ptp(image, axis=2).mean() >= LEAST_COLOUR:
            found.append(image)
        if len(found) == count:
            return np.stack(found)
    raise InputError(f"the bank has {len(found)} coloured images to train on, {count} are wanted; ask for fewer")


def probe_auroc(clean: Floats, touched: Floats) -> float:
    """How well a linear probe tells touched images from untouched ones that it has not seen.

    Args:
        clean: features of untouched images, (4 n, F): four quarters of different images.
        touched: features of the first and the third quarter, touched, (2 n, F).

    Returns:
        Mean AUROC of a ridge classifier trained on the first two quarters and tested on the others, and vice versa.
    """
    n = len(clean) // 4
    signs = np.repeat([1.0, -1.0], n)
    halves = [np.concatenate([touched[:n], clean[n : 2 * n]]), np.concatenate([touched[n:], clean[3 * n :]])]
    found = []
    for train, test in (halves, halves[::-1]):
        mean, spread = train.mean(0), train.std(0)
        varies = spread > 1e-6
        rows, others = ((part - mean)[:, varies] / spread[varies] for part in (train, test))
        products = rows @ rows.T
        duals = np.linalg.solve(products + PENALTY * np.trace(products) / len(rows) * np.eye(len(rows)), signs)
        scores = others @ (rows.T @ duals)
        found.append(auroc(scores[n:], scores[:n]))
    return float(np.mean(found))


def measured(
    family: Family, photos: NDArray[np.uint8], clean: Floats, rng: np.random.Generator
) -> tuple[list[float], list[float]]:
    """Amounts and the AUROC at each, up to the first that is as good as perfect."""
    n = len(photos) // 4
    quarters = np.concatenate([photos[:n], photos[2 * n : 3 * n]])
    draws = [family.draw(rng) for _ in range(DRAWS)]
    amounts: list[float] = []
    aurocs: list[float] = []
    for amount in AMOUNTS:
        found = []
        for params in draws:
            touched = np.stack([family.paint(photo, params, amount, rng) for photo in quarters])
            found.append(probe_auroc(clean, reference_features(touched).astype(np.float64)))
        amounts.append(amount)
        aurocs.append(round(float(np.mean(found)), 4))
        if aurocs[-1] >= PERFECT:
            break
    return amounts, aurocs


def calibrate(
    families: Mapping[str, Family],
    photos: NDArray[np.uint8],
    seed: int,
    progress: Callable[[str, Curve], None] = lambda name, found: None,
) -> Calibration:
    """Measure the curve of every family.

    Args:
        photos: untouched images, (4 n, side, side, 3): n touched and n untouched ones to train on, as many to test on.
        progress: called with each family's curve.
    """
    clean = reference_features(photos).astype(np.float64)
    auroc: dict[str, dict[str, list[float]]] = {}
    curves: dict[str, Curve] = {}
    for name, family in families.items():
        rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
        amounts, aurocs = measured(family, photos, clean, rng)
        auroc[name] = {"amount": amounts, "auroc": aurocs}
        curves[name] = curve(amounts, aurocs, LEAST_AMOUNTS_OF_GROUP.get(family.group, LEAST_AMOUNTS))
        progress(name, curves[name])
    return Calibration(
        REFERENCE_VERSION,
        len(photos) // 4,
        seed,
        {name: found.amounts for name, found in curves.items()},
        auroc,
        {name: found.ceiling for name, found in curves.items() if found.ceiling is not None},
        [name for name, found in curves.items() if found.clamped],
    )


def write(calibration: Calibration, out: Path) -> None:
    """Write the file that `amount_for` reads, whole or not at all."""
    unfinished = out.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(asdict(calibration), indent=1) + "\n", encoding="utf-8")
    unfinished.replace(out)
