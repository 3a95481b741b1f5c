"""Sets that hold other shares of the same kinds of image, or in which two properties keep company."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from data_synth.facts import content
from data_synth.families.plain import Drawn, luma, sign, to_pixels
from data_synth.families.sets.forms import (
    Images,
    Rng,
    TwoSided,
    blurred,
    brighter,
    brightnesses,
    colour_casts,
    contrasted,
    contrasts,
    framed,
    greyed,
    noisy,
    sharpnesses,
    tinted,
)
from data_synth.family import Pixels, SetFamily

Single = Callable[[Pixels, Rng], Pixels]
KINDS: Mapping[str, Single] = {
    "black and white": lambda image, rng: greyed(image),
    "noisy": lambda image, rng: noisy(image, 0.7, rng),
    "blurred": lambda image, rng: blurred(image, 0.8),
    "dark": lambda image, rng: brighter(image, -1.0),
    "framed in black": lambda image, rng: framed(image),
}
"""What a share of the images of both sets is."""
PAIRINGS: Mapping[tuple[str, str], tuple[Single, Single]] = {
    ("dark", "blurred"): (lambda image, rng: brighter(image, -0.9), lambda image, rng: blurred(image, 0.8)),
    ("bright", "noisy"): (lambda image, rng: brighter(image, 0.6), lambda image, rng: noisy(image, 0.7, rng)),
    ("reddish", "framed"): (lambda image, rng: tinted(image, 0.0, 0.9), lambda image, rng: framed(image)),
    ("bluish", "low in contrast"): (
        lambda image, rng: tinted(image, -4 * np.pi / 3, 0.9),
        lambda image, rng: contrasted(image, -1.2),
    ),
}
"""Two properties of half of the images each."""


def mix_shares(images: Images, params: Drawn, amount: float, rng: Rng) -> list[Pixels]:
    """Of the holder one half and up to another 45 % of the images are of the kind, of the other set that much less.

    A fraction of an image is one that goes this far towards the kind: in a small set, too, the share grows evenly.
    """
    up = (params.style > 0.5) == (sign(params) > 0)
    share = 0.5 + 0.45 * amount * (1 if up else -1)
    ways = np.clip(share * len(images) - np.argsort(rng.permutation(len(images))), 0, 1).astype(np.float32)
    change = KINDS[str(params.content.get("kind"))]
    return [
        to_pixels(image + way * (change(image, rng).astype(np.float32) - image)) if way else image.copy()
        for image, way in zip(images, ways, strict=True)
    ]


def pair_up(images: Images, params: Drawn, amount: float, rng: Rng) -> list[Pixels]:
    """Half of the images have each property: the same half in the holder, the other half in the other set."""
    half = len(images) // 2
    order = rng.permutation(len(images))
    first = order[:half]
    together = round(half * (0.5 + 0.5 * amount * (1 if params.style > 0.5 else -1)))
    second = np.concatenate([first[:together], order[half : 2 * half - together]])
    one, two = PAIRINGS[str(params.content.get("first")), str(params.content.get("second"))]
    after = [image.copy() for image in images]
    for row in first:
        after[row] = one(after[row], rng)
    for row in second:
        after[row] = two(after[row], rng)
    return after


def _border_darkness(images: Images) -> NDArray[np.float64]:
    return np.array([-luma(i)[[0, -1]].mean() - luma(i)[:, [0, -1]].mean() for i in images], np.float64)


def _noise(images: Images) -> NDArray[np.float64]:
    return np.array([np.abs(luma(i) - cv2.medianBlur(i, 3)[..., 0]).mean() for i in images], np.float64)


PROPERTY: Mapping[str, Callable[[Images], NDArray[np.float64]]] = {
    "black and white": lambda images: -np.array([np.ptp(i, axis=2).mean() for i in images], np.float64),
    "blurred": lambda images: -sharpnesses(images),
    "dark": lambda images: -brightnesses(images),
    "bright": brightnesses,
    "framed in black": _border_darkness,
    "framed": _border_darkness,
    "noisy": _noise,
    "reddish": lambda images: colour_casts(images)[:, 0],
    "bluish": lambda images: colour_casts(images)[:, 2],
    "low in contrast": lambda images: -contrasts(images),
}
"""One number an image, larger where the property shows."""


def measure_share(images: Images, params: Drawn) -> float:
    return sign(params) * float(PROPERTY[str(params.content.get("kind"))](images).mean())


def measure_company(images: Images, params: Drawn) -> float:
    """Correlation over the images between the two properties."""
    columns = [PROPERTY[str(params.content.get(name))](images) for name in ("first", "second")]
    columns = [column - column.mean() for column in columns]
    return float(columns[0] @ columns[1] / (np.linalg.norm(columns[0]) * np.linalg.norm(columns[1]) + 1e-9))


SHARES: tuple[SetFamily, ...] = (
    TwoSided(
        "mixture",
        {
            content("share of images", kind=kind, direction=direction): (
                f"the images are {kind} in a {size} share of cases",
                f"a {size} share of the images is {kind}",
                f"{more} of the pictures are {kind}",
                f"the proportion of {kind} photos is {higher}",
                f"{kind} images are {commoner}",
                f"{kind} pictures make up a {size} part",
                f"{more} {kind} images",
                f"the photos include {more} {kind} ones",
                f"{commoner} occurrence of {kind} pictures",
                f"{kind} photographs occur {often}",
                f"the percentage of {kind} images is {higher}",
                f"they are {kind} {often}",
            )
            for kind in KINDS
            for direction, size, more, higher, commoner, often in (
                ("more", "larger", "more", "higher", "more common", "more often"),
                ("less", "smaller", "fewer", "lower", "less common", "less often"),
            )
        },
        mix_shares,
        measure_share,
    ),
    TwoSided(
        "pairing",
        {
            content("pairing", first=one, second=two): (
                f"the images that are {one} are also the ones that are {two}",
                f"{one} and {two} go together in the same pictures",
                f"the {one} photos tend to be {two} as well",
                f"being {one} and being {two} coincide",
                f"{two} images are mostly {one} ones too",
                f"{one} images are usually {two}",
                f"the two properties, {one} and {two}, are correlated over the images",
                f"{one} pictures are {two} more often than others are",
                f"whenever a photo is {one}, it is likely {two}",
                f"{one} and {two} at once in many of the images",
                f"an association between {one} and {two} images",
                f"photographs are {one} and {two} together rather than apart",
            )
            for one, two in PAIRINGS
        },
        pair_up,
        measure_company,
    ),
)
