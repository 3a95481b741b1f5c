"""Sets that are more or less varied, fall into two kinds, hold copies or odd ones."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from data_synth.facts import content
from data_synth.families.plain import Drawn, Said, sign, to_pixels
from data_synth.families.sets.forms import (
    Images,
    OneSided,
    Repeated,
    Rng,
    blurred,
    brighter,
    brightnesses,
    colour_casts,
    contrasted,
    contrasts,
    evenly,
    sharpnesses,
    tinted,
    zoomed,
)
from data_synth.family import Pixels, SetFamily


def _varied(what: str, plain: str, noun: str, more: str, less: str) -> Said:
    """Wordings of "varies more" and "varies less".

    Args:
        plain: "brightness".
        noun: the same in other words, "exposure".
        more, less: whole clauses of their own.
    """
    return {
        content(what, direction="more"): (
            f"the images vary more in {plain}",
            f"the pictures differ more from one another in {plain}",
            f"the {plain} of the photos is more varied",
            f"there is more variation in {plain} from image to image",
            f"{plain} changes more from picture to picture",
            f"the photographs are less uniform in {plain}",
            f"a wider range of {noun}",
            f"they span a broader range of {noun}",
            f"the spread of {noun} over the images is larger",
            f"{noun} is inconsistent from one photo to the next",
            f"heterogeneous {noun} across the images",
            more,
        ),
        content(what, direction="less"): (
            f"the images vary less in {plain}",
            f"the pictures differ less from one another in {plain}",
            f"the {plain} of the photos is less varied",
            f"there is less variation in {plain} from image to image",
            f"{plain} changes less from picture to picture",
            f"the photographs are more uniform in {plain}",
            f"a narrower range of {noun}",
            f"they span a smaller range of {noun}",
            f"the spread of {noun} over the images is smaller",
            f"{noun} is consistent from one photo to the next",
            f"homogeneous {noun} across the images",
            less,
        ),
    }


def vary_brightness(images: Images, params: Drawn, amount: float, rng: Rng) -> list[Pixels]:
    if sign(params) > 0:
        return [brighter(image, 1.1 * amount * by) for image, by in zip(images, evenly(len(images), rng), strict=True)]
    means = brightnesses(images)
    gains = 1 + amount * ((means.mean() + 1) / (means + 1) - 1)
    return [to_pixels(image * np.float32(gain)) for image, gain in zip(images, gains, strict=True)]


def vary_colour(images: Images, params: Drawn, amount: float, rng: Rng) -> list[Pixels]:
    if sign(params) > 0:
        angles = np.pi * (evenly(len(images), rng) + 2 * params.style)
        return [tinted(image, angle, amount) for image, angle in zip(images, angles, strict=True)]
    casts = colour_casts(images)
    pulls = amount * (casts.mean(0) - casts)
    return [to_pixels(image + pull.astype(np.float32)) for image, pull in zip(images, pulls, strict=True)]


def vary_contrast(images: Images, params: Drawn, amount: float, rng: Rng) -> list[Pixels]:
    if sign(params) > 0:
        turns = 1.3 * amount * evenly(len(images), rng)
        return [contrasted(image, by) for image, by in zip(images, turns, strict=True)]
    stds = contrasts(images)
    ratios = amount * np.log2((stds.mean() + 1) / (stds + 1))
    return [contrasted(image, by) for image, by in zip(images, ratios, strict=True)]


def mix_sharpness(images: Images, params: Drawn, amount: float, rng: Rng) -> list[Pixels]:
    turns = (evenly(len(images), rng) + 1) / 2
    return [blurred(image, amount * by) for image, by in zip(images, turns, strict=True)]


def mix_framing(images: Images, params: Drawn, amount: float, rng: Rng) -> list[Pixels]:
    turns = (evenly(len(images), rng) + 1) / 2
    places = rng.uniform(-1, 1, (len(images), 2))
    return [
        zoomed(image, 1.5 * amount * by, *place)
        for image, by, place in zip(images, turns, places.tolist(), strict=True)
    ]


def two_kinds(images: Images, params: Drawn, amount: float, rng: Rng) -> list[Pixels]:
    """Every second image is pulled to one kind, the others to the other."""
    signs = rng.permutation(np.where(np.arange(len(images)) % 2, 1, -1))
    if params.content.get("by") == "tint":
        warm = -np.pi / 6  # orange, and blue across from it
        return [tinted(image, warm, amount * sign) for image, sign in zip(images, signs, strict=True)]
    means = brightnesses(images) + 1
    pulls = amount * (np.log2(means.mean() / means) + 0.7 * signs)
    return [brighter(image, pull) for image, pull in zip(images, pulls, strict=True)]


def as_they_are(images: Images, params: Drawn, amount: float, rng: Rng) -> list[Pixels]:
    return list(images)


def odd_ones(images: Images, params: Drawn, amount: float, rng: Rng) -> list[Pixels]:
    """One image in twelve, at least one, turned far from the rest, by turns inverted and strangely coloured."""
    after = [image.copy() for image in images]
    for turn, row in enumerate(rng.permutation(len(images))[: max(1, round(len(images) / 12))]):
        far = 255 - images[row] if turn % 2 else tinted(images[row], 6.28 * rng.random(), 2.5)
        after[row] = to_pixels(images[row] + amount * (far.astype(np.float32) - images[row]))
    return after


def measure_brightness(images: Images, params: Drawn) -> float:
    return sign(params) * float(brightnesses(images).std())


def measure_colour(images: Images, params: Drawn) -> float:
    return sign(params) * float(colour_casts(images).std(0).mean())


def measure_contrast(images: Images, params: Drawn) -> float:
    return sign(params) * float(np.log(contrasts(images) + 1).std())


def measure_mixed_sharpness(images: Images, params: Drawn) -> float:
    """How blurred the more blurred half is."""
    return -float(np.quantile(sharpnesses(images), 0.25))


def measure_mixed_framing(images: Images, params: Drawn) -> float:
    """Enlarged images have less fine detail."""
    return -float(sharpnesses(images).mean())


def measure_copies(images: Images, params: Drawn) -> float:
    """Share of the images that have a copy."""
    seen = [image.tobytes() for image in images]
    return float(np.mean([seen.count(pixels) > 1 for pixels in seen]))


def measure_oddness(images: Images, params: Drawn) -> float:
    """How far the farthest twelfth lies from the set's middle, over the median distance."""
    thumbs = np.array([cv2.resize(i, (8, 8), interpolation=cv2.INTER_AREA).ravel() for i in images], np.float64)
    distances = np.sort(np.linalg.norm(thumbs - np.median(thumbs, axis=0), axis=1))
    return float(distances[-max(1, round(len(images) / 12)) :].mean() / (np.median(distances) + 1))


def _gap(values: NDArray[np.float64]) -> float:
    """Between the means of the upper and the lower half, over the spread within the halves."""
    values = np.sort(values)
    low, high = values[: len(values) // 2], values[len(values) // 2 :]
    return float((high.mean() - low.mean()) / (low.std() + high.std() + 1))


def _first_axis(points: NDArray[np.float64]) -> NDArray[np.float64]:
    centred = points - points.mean(0)
    return np.asarray(centred @ np.linalg.svd(centred, full_matrices=False)[2][0])


def measure_kinds(images: Images, params: Drawn) -> float:
    return _gap(brightnesses(images) if params.content.get("by") == "brightness" else _first_axis(colour_casts(images)))


VARIED: tuple[SetFamily, ...] = (
    OneSided(
        "varied_brightness",
        _varied(
            "brightness variation",
            "brightness",
            "exposure",
            "some of the images are much brighter and others much darker than the rest",
            "all of the images are about equally bright",
        ),
        vary_brightness,
        measure_brightness,
    ),
    OneSided(
        "varied_colour",
        _varied(
            "colour variation",
            "colour cast",
            "white balance",
            "each image has a colour cast of its own",
            "all of the images share one colour cast",
        ),
        vary_colour,
        measure_colour,
    ),
    OneSided(
        "varied_contrast",
        _varied(
            "contrast variation",
            "contrast",
            "tonal range",
            "some of the images are flat and others harsh",
            "all of the images are about equally contrasty",
        ),
        vary_contrast,
        measure_contrast,
    ),
    OneSided(
        "mixed_sharpness",
        {
            content("mixed sharpness"): (
                "the images range from sharp to blurred",
                "some of the pictures are sharp and others blurred to various degrees",
                "the photos vary in sharpness",
                "focus is inconsistent from image to image",
                "sharpness changes from one picture to the next",
                "a mix of crisp and soft images",
                "the photographs are not equally sharp",
                "the degree of blur differs from photo to photo",
                "they are blurred to differing degrees",
                "heterogeneous focus quality across the images",
                "many levels of blur occur side by side",
                "the images are focused unevenly well",
            )
        },
        mix_sharpness,
        measure_mixed_sharpness,
    ),
    OneSided(
        "mixed_framing",
        {
            content("mixed framing"): (
                "the images vary in framing from wide to close",
                "some of the pictures are close-ups and others show the whole scene",
                "the photos are cropped to differing degrees",
                "composition varies from image to image",
                "framing is inconsistent from picture to picture",
                "a mix of tight and wide crops",
                "the field of view differs from one photo to the next",
                "the magnification is not the same in all images",
                "they are zoomed in by varying amounts",
                "heterogeneous magnification across the images",
                "scale and position of the content change from photo to photo",
                "the crops are less consistent",
            )
        },
        mix_framing,
        measure_mixed_framing,
    ),
    Repeated(
        "repeated_images",
        {
            content("repeated images"): (
                "the images include repeated ones",
                "some of the pictures occur more than once",
                "several photos are exact copies of one another",
                "there are duplicates among the images",
                "the same picture appears again and again",
                "duplicate images",
                "not all of the photographs are unique",
                "identical copies of a few images are present",
                "they contain repeats of the same photo",
                "many of the images are duplicates of a few",
                "redundant copies occur among the pictures",
                "a few images are repeated many times",
            )
        },
        as_they_are,
        measure_copies,
    ),
    OneSided(
        "two_kinds",
        {
            content("two kinds", by=by): (
                f"the images fall into two kinds, {one} and {two} ones",
                f"half of the pictures are {one} and half are {two}",
                f"the photos are either {one} or {two}, with little in between",
                f"there are two clear clusters of images, {one} and {two}",
                f"a bimodal mix of {one} and {two} images",
                f"{one} images alternate with {two} ones",
                f"they split into a {one} and a {two} half",
                f"two groups of photos can be told apart, {one} and {two}",
                f"the photographs come in two versions, {one} and {two}",
                f"{two} pictures and {one} pictures are mixed half and half",
                f"a {one} batch and a {two} batch are mixed",
                f"{by} takes two distinct levels over the images",
            )
            for by, one, two in (("brightness", "bright", "dark"), ("tint", "warm-toned", "cold-toned"))
        },
        two_kinds,
        measure_kinds,
    ),
    OneSided(
        "odd_ones",
        {
            content("odd ones"): (
                "the images include a few that are very unlike the rest",
                "the pictures include some odd ones out",
                "there are outliers among the photos",
                "one image in about twelve looks nothing like the others",
                "a handful of images stand out strongly",
                "a few anomalous images",
                "some of the photographs do not fit in with the rest",
                "rare images with an utterly different look occur",
                "they contain a few strange-looking exceptions",
                "single images are inverted or strangely coloured",
                "occasional outlying images",
                "most of the images are ordinary but a few are bizarre",
            )
        },
        odd_ones,
        measure_oddness,
    ),
)
