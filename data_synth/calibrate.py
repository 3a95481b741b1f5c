"""Strength on one perceptual scale: 0.5 of any family is about as detectable as 0.5 of another."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import cache, partial
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from statistics import NormalDist
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from data_synth.catalog import FAMILIES, SET_FAMILIES
from data_synth.family import Family, SetFamily
from data_synth.reference import REFERENCE_VERSION, reference_features
from data_synth.sources import Bank
from vlmdiff.errors import InputError, UsageError
from vlmdiff.stats import auroc

CURVES = Path(__file__).with_name("calibration.json")

AMOUNTS = (0.03, 0.1, 0.25, 0.5, 1.0)
"""Where the detectability is measured first."""
STRENGTHS = np.linspace(0, 1, 11)
"""What a curve lists the amounts of."""
MIDDLE_AUROC = 0.85
"""What strength 0.5 means."""
NEAR = 0.02
"""How near a measured AUROC has to come to it."""
FAR = 0.03
"""How far off it may be, measured anew with care; else the search starts again."""
ROUNDS = 8
"""Amounts tried for the middle, at most."""
DRAWS = 2
"""Parameters drawn a measurement; the AUROC is the mean over them."""
MANY_DRAWS = 4
"""The same for families with more than FEW contents (a small or a huge shape, here or there)."""
FEW = 12
CAREFUL = 3
"""With care this many times as many are drawn, and of FEW contents each is drawn equally often."""
PERFECT = 0.99
"""An AUROC above which larger amounts are not measured."""
SET_SIZE = 8
"""Images a set, where a set-level family is measured, and"""
SETS = 50
"""as many such sets to train a probe on, and to test it on."""
SIDE = 144
"""Pixels a side at which calibration paints."""
LEAST_COLOUR = 6.0
"""Mean spread between a pixel's channels, in grey levels, of an image that counts as coloured."""
PENALTY = 0.3
"""Of the ridge, in units of the mean squared length of a standardised row."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Curve:
    """Strength to amount for one family, and what it was measured on."""

    amounts: list[float]
    """At STRENGTHS: never falling, the first 0, the last 1."""
    measured: list[tuple[float, float]]
    """(amount, AUROC), by amount."""
    middle: float | None
    """The AUROC at strength 0.5, measured on parameters of its own; None where 0.85 is out of reach."""
    ceiling: float | None
    """The AUROC at amount 1, where that is below 0.85."""


@dataclass(frozen=True)
class Calibration:
    """The curve of every family."""

    reference_version: str
    images: int
    """Touched images to train a probe on, and untouched ones, and as many of both to test it on."""
    seed: int
    curves: dict[str, Curve]


@cache
def _curves() -> dict[str, list[float]]:
    if not CURVES.exists():
        return {}
    curves: dict[str, Any] = json.loads(CURVES.read_text())["curves"]
    return {name: curve["amounts"] for name, curve in curves.items()}


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


def curve(measured: Sequence[tuple[float, float]], middle: tuple[float, float] | None) -> Curve:
    """Strength to amount: up to the middle d' grows evenly, from there on the amount does, by equal factors, up to 1.

    Above the middle the AUROC soon is 1 and says nothing more; what strength 1 means there is the family's own
    "obvious at a glance". Where 0.85 is out of reach d' grows evenly all the way to what is reached. A family that is
    above 0.85 on the way and below it in the end (red and blue, on their way to be exchanged, are equal first) is
    painted in full from the middle on: only there its words are wholly true.

    Args:
        measured: (amount, AUROC) by rising amount, above 0; the AUROCs are averaged to never fall.
        middle: the amount at strength 0.5 and the AUROC there, measured anew; None where 0.85 is out of reach.
    """
    amounts = [0.0, *(amount for amount, _ in measured)]
    rising = _rising(measured)
    reached = _distances(rising)
    last = measured[-1][1]
    overshot = max(value for _, value in measured) >= MIDDLE_AUROC > last + FAR
    if middle is None and not overshot:
        found = np.interp(STRENGTHS * reached[-1], reached, amounts)
        found[-1] = 1.0
        ceiling = float(rising[-1])
    else:
        half = 1.0 if middle is None else middle[0]
        low = np.interp(STRENGTHS[:6] * 2 * MIDDLE, reached, amounts)
        low *= half / low[-1] if low[-1] > 0 else 1
        found = np.concatenate([low[:5], np.geomspace(half, 1.0, 6)])
        ceiling = last
    return Curve(
        [round(float(amount), 4) for amount in found],
        [(round(amount, 4), round(value, 4)) for amount, value in measured],
        None if middle is None else round(middle[1], 4),
        None if middle is not None else round(ceiling, 3),
    )


def photographs(bank: Bank, count: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Coloured images of the bank's train split, all domains mixed, shape (count, SIDE, SIDE, 3).

    Grey images are left out: there, no amount of saturation shows.

    Raises:
        InputError: the bank has fewer.
    """
    rows = rng.permutation([row for row, item in enumerate(bank.items) if item.split == "train"])
    found = []
    for row in rows:
        image = _cropped(bank.images[row], rng)
        if np.ptp(image, axis=2).mean() >= LEAST_COLOUR:
            found.append(image)
        if len(found) == count:
            return np.stack(found)
    raise InputError(f"the bank has {len(found)} coloured images to train on, {count} are wanted; ask for fewer")


def _cropped(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """A random square of 80 % or more at SIDE.

    Every image by a factor of its own: with one factor for all, the period that resizing leaves in the pixels gives
    away whatever moves them.
    """
    width = image.shape[0] * rng.uniform(0.8, 1.0)
    left, top = (image.shape[0] - width) * rng.random(2)
    step = width / SIDE
    smooth = cv2.GaussianBlur(image, (0, 0), 0.45 * step)
    window = np.array([[step, 0, left], [0, step, top]], np.float32)
    way = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(smooth, window, (SIDE, SIDE), flags=way, borderMode=cv2.BORDER_REFLECT_101))


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


Measure = Callable[[float, bool], float]
"""An amount, and whether with care, to the AUROC there, on parameters drawn anew at each call."""
Points = list[tuple[float, float]]
"""(amount, AUROC), by amount."""


def drawings(family: Family | SetFamily, careful: bool, rng: np.random.Generator) -> Iterator[Any]:
    """Parameters for one measurement, drawn as they are asked for."""
    contents = tuple(islice(family.contents(), FEW + 1))
    few = len(contents) <= FEW
    count = DRAWS if few or family.name in SET_FAMILIES else MANY_DRAWS
    if careful:
        count *= CAREFUL
    if not (careful and few):
        yield from (family.draw(rng) for _ in range(count))
        return
    for wanted in contents * -(-count // len(contents)):
        params = family.draw(rng)
        while family.content(params) != wanted:
            params = family.draw(rng)
        yield params


def of_images(family: Family, photos: NDArray[np.uint8], clean: Floats, rng: np.random.Generator) -> Measure:
    """How well touched images of a family are told from untouched ones."""
    n = len(photos) // 4
    quarters = np.concatenate([photos[:n], photos[2 * n : 3 * n]])

    def measure(amount: float, careful: bool) -> float:
        found = []
        for params in drawings(family, careful, rng):
            touched = np.stack([family.paint(photo, params, amount, rng) for photo in quarters])
            found.append(probe_auroc(clean, reference_features(touched).astype(np.float64)))
        return float(np.mean(found))

    return measure


def of_sets(family: SetFamily, photos: NDArray[np.uint8], rng: np.random.Generator) -> Measure:
    """How well sets that a set-level fact is true of are told from the sets beside them.

    Sets are drawn again and again from one half of the photographs to train on, from the other half to test on.
    """
    halves = np.split(photos, [len(photos) // 2])

    def measure(amount: float, careful: bool) -> float:
        found = []
        for params in drawings(family, careful, rng):
            holders, others = [], []
            for half in halves:
                for _ in range(SETS):
                    images = list(half[rng.choice(len(half), 2 * SET_SIZE, replace=False)])
                    pair = family.paint(images[:SET_SIZE], images[SET_SIZE:], params, amount, rng)
                    holders.append(_of_set(pair.holder))
                    others.append(_of_set(pair.other))
            first, last = np.stack(others[:SETS]), np.stack(others[SETS:])
            # The probe takes untouched images by quarters and skips those in the touched ones' places.
            found.append(probe_auroc(np.concatenate([first, first, last, last]), np.stack(holders)))
        return float(np.mean(found))

    return measure


def _of_set(images: Sequence[NDArray[np.uint8]]) -> Floats:
    """Mean and spread of a set's reference features, and how near the nearest two images are."""
    features = reference_features(np.stack(images)).astype(np.float64)
    scale = features.std(0) + 1e-3
    products = np.linalg.norm((features[:, None] - features[None]) / scale, axis=2) + 1e9 * np.eye(len(features))
    nearest = np.sort(products.min(1))
    return np.concatenate([features.mean(0), features.std(0), nearest / np.median(nearest + 1e-9)])


def measured(measure: Measure) -> Curve:
    """Sweep the amounts, then close in on the one where the AUROC is 0.85; all with care where that does not hold."""
    found, middle = _searched(lambda amount: measure(amount, False))
    if middle is not None:
        middle = middle[0], measure(middle[0], True)
        if abs(middle[1] - MIDDLE_AUROC) > FAR:
            found, middle = _searched(lambda amount: measure(amount, True))
    return curve(found, middle)


def _searched(measure: Callable[[float], float]) -> tuple[Points, tuple[float, float] | None]:
    """All that was measured, and the amount where the AUROC came nearest to 0.85, None where that is out of reach."""
    found: dict[float, float] = {}
    for amount in AMOUNTS:
        found[amount] = measure(amount)
        if found[amount] >= PERFECT:
            break
    if max(found.values()) < MIDDLE_AUROC:
        return sorted(found.items()), None
    best: tuple[float, float] | None = None
    for _ in range(ROUNDS):
        amount = float(np.clip(round(_crossing(sorted(found.items())), 4), 0.001, 1.0))
        value = measure(amount)
        if best is None or abs(value - MIDDLE_AUROC) < abs(best[1] - MIDDLE_AUROC):
            best = amount, value
        found[amount] = value if amount not in found else (value + found[amount]) / 2
        if abs(best[1] - MIDDLE_AUROC) <= NEAR:
            return sorted(found.items()), best
    points = sorted(found.items())
    # Never 0.85 again after the first look, or above it on the way only.
    return points, best if _rising(points)[-1] >= MIDDLE_AUROC else None


def _rising(points: Sequence[tuple[float, float]]) -> Floats:
    """The AUROCs averaged to never fall, from 0.5 at amount 0."""
    from scipy.optimize import isotonic_regression

    fitted = isotonic_regression(np.clip([0.5, *(value for _, value in points)], 0.5, 1))
    return np.array([float(value) for value in fitted.x])


def _distances(rising: Floats) -> Floats:
    """Their d', nudged to rise strictly, so that plateaus have one amount for a d': the smallest."""
    return np.array([distance(value) + 1e-9 * place for place, value in enumerate(rising)])


def _crossing(points: Sequence[tuple[float, float]]) -> float:
    """The amount where d' reaches the middle's, from 0 at amount 0."""
    return float(np.interp(MIDDLE, _distances(_rising(points)), [0.0, *(amount for amount, _ in points)]))


def calibrate(
    names: Sequence[str], bank: Bank, images: int, seed: int, workers: int = 1
) -> Iterator[tuple[str, Curve]]:
    """The curve of each family, in their order.

    Args:
        images: touched images to train a probe on; as many untouched ones, and as many of both to test it on.
    """
    photos = photographs(bank, 4 * images, np.random.default_rng(seed))
    clean = reference_features(photos).astype(np.float64)
    work = partial(calibrated, photos=photos, clean=clean, seed=seed)
    if workers == 1:
        yield from ((name, work(name)) for name in names)
        return
    with ProcessPoolExecutor(workers, get_context("fork")) as pool:
        yield from zip(names, pool.map(work, names), strict=True)


def calibrated(name: str, photos: NDArray[np.uint8], clean: Floats, seed: int) -> Curve:
    """The curve of one family, whichever others are measured beside it."""
    rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
    if name in SET_FAMILIES:
        return measured(of_sets(SET_FAMILIES[name], photos, rng))
    return measured(of_images(FAMILIES[name], photos, clean, rng))


def read(file: Path) -> Calibration:
    """What `write` wrote."""
    return TypeAdapter(Calibration).validate_json(file.read_bytes())


def of(images: int, seed: int, kept: Path | None) -> Calibration:
    """A calibration without curves, or with those of a file that was measured in the same way.

    Raises:
        UsageError: the file's curves were measured on other features, images or seed.
    """
    new = Calibration(REFERENCE_VERSION, images, seed, {})
    if kept is None or not kept.exists():
        return new
    old = read(kept)
    if replace(old, curves={}) != new:
        raise UsageError(f"{kept.name}: curves of other features, images or seed; calibrate all families together")
    return old


def write(calibration: Calibration, out: Path) -> None:
    """Write the file that `amount_for` reads, whole or not at all."""
    unfinished = out.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(asdict(calibration), indent=1) + "\n", encoding="utf-8")
    unfinished.replace(out)
