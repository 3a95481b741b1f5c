"""What storage does to a picture: JPEG and WebP compression, fewer pixels, fewer tones."""

from __future__ import annotations

from functools import lru_cache
from io import BytesIO

import cv2
import numpy as np
from PIL import Image

from data_synth.facts import content
from data_synth.families.plain import Drawn, Floats, PlainFamily, Said, luma, share_of_way, short_side, to_pixels
from data_synth.families.quality.statistics import edge_loss
from data_synth.family import Pixels

Rng = np.random.Generator

JPEG_SAID: Said = {
    content("jpeg"): (
        "the images show jpeg compression blocks",
        "the pictures are blocky",
        "the photos are heavily compressed",
        "they have compression artefacts",
        "the images show square blocks and ringing from strong jpeg compression",
        "the pictures look as if saved at a very low quality setting",
        "they are jpeg-compressed more strongly",
        "the images are full of compression blocks",
        "the photos suffer from strong jpeg compression",
        "the jpeg quality of the images is lower",
        "blocking artefacts disturb the images",
        "the pictures break up into small square coding blocks",
    )
}


def coded_scale(image: Pixels) -> int:
    """How many pixels one coded pixel spans, so that blocks are as large a part of a big image as of a small one."""
    return max(1, short_side(image) // 128)


def paint_jpeg(image: Pixels, params: Drawn, amount: float, rng: Rng) -> Pixels:
    height, width = image.shape[:2]
    scale = coded_scale(image)
    if scale == 1:
        return jpeg_coded(image, amount)
    small = np.asarray(cv2.resize(image, (width // scale, height // scale), interpolation=cv2.INTER_AREA), np.uint8)
    error = jpeg_coded(small, amount).astype(np.float32) - small
    return to_pixels(image + np.asarray(cv2.resize(error, (width, height), interpolation=cv2.INTER_NEAREST)))


def jpeg_coded(image: Pixels, amount: float) -> Pixels:
    quality = round(32 * (3 / 32) ** amount)
    _, coded = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)
    return np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), np.uint8)


def measure_jpeg(before: Pixels, after: Pixels, params: Drawn) -> float:
    """Rise of the steps at the borders of the 8 x 8 blocks against the steps elsewhere, share of full scale."""
    return (block_steps(after) - block_steps(before)) / 255


def block_steps(image: Pixels) -> float:
    pitch = 8 * coded_scale(image)
    excess = 0.0
    for steps in (np.abs(np.diff(luma(image), axis=1)), np.abs(np.diff(luma(image).T, axis=1))):
        at_border = np.arange(1, steps.shape[1] + 1) % pitch == 0
        excess += float(steps[:, at_border].mean() - steps[:, ~at_border].mean())
    return excess


JPEG = PlainFamily("jpeg", "quality", JPEG_SAID, paint_jpeg, measure_jpeg)


WEBP_SAID: Said = {
    content("webp"): (
        "the images show smeared webp compression",
        "the pictures are strongly compressed as webp",
        "the photos have webp artefacts",
        "they look smeared by lossy webp coding",
        "fine texture in the images is wiped into smooth patches by webp",
        "the pictures were saved as webp at a very low quality",
        "the images have smudged detail from webp compression",
        "soft blotches of webp compression replace texture in the photos",
        "the webp quality of the images is lower",
        "they show patchy, painted-looking detail from webp coding",
        "webp coding has smoothed the pictures into smudges",
        "the photos lose texture to webp compression",
    )
}


def paint_webp(image: Pixels, params: Drawn, amount: float, rng: Rng) -> Pixels:
    height, width = image.shape[:2]
    scale = short_side(image) / 128
    if scale <= 1:
        return webp_coded(image, amount)
    size = (round(width / scale), round(height / scale))
    small = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    error = webp_coded(small, amount).astype(np.float32) - small
    return to_pixels(image + np.asarray(cv2.resize(error, (width, height), interpolation=cv2.INTER_LINEAR)))


def webp_coded(image: Pixels, amount: float) -> Pixels:
    """Coded by the fastest method, whose faults are the plainest."""
    file = BytesIO()
    Image.fromarray(image).save(file, "webp", quality=round(80 * (1 - amount) ** 2), method=0)
    return np.array(Image.open(file).convert("RGB"))


def measure_webp(before: Pixels, after: Pixels, params: Drawn) -> float:
    """How far the pixels have gone towards the strongest compression: least squares, 0 to 1."""
    return share_of_way(before, after, paint_webp(before, params, 1, np.random.default_rng(0)))


WEBP = PlainFamily("webp", "quality", WEBP_SAID, paint_webp, measure_webp)


PIXELATION_SAID: Said = {
    content("pixelation"): (
        "the images are pixelated",
        "the pictures have a lower resolution",
        "the photos are made of large square pixels",
        "they look like a mosaic of small squares",
        "the images have coarse, visible pixels",
        "the pictures look as if enlarged from tiny thumbnails",
        "they are pixelated",
        "the pictures have been turned into a mosaic",
        "the pictures are broken into big square pixels",
        "the photos look like old video game graphics",
        "the images consist of blocks of one colour each",
        "the sampling of the images is coarser, with visible squares",
    )
}


def paint_pixelation(image: Pixels, params: Drawn, amount: float, rng: Rng) -> Pixels:
    """Squares of 2 to 10.6 times 1/128 of the shorter side, more or less from image to image; below 2 they fade in.

    A grid just coarser than the pixels would beat with them, and one grid for all images would give itself away long
    before the eye sees squares.
    """
    height, width = image.shape[:2]
    coarse = 1 + 9.6 * amount**1.2
    cell = max(1.0, max(2.0, coarse) * float(rng.uniform(0.85, 1.15)) * short_side(image) / 128)
    cells = (max(1, round(width / cell)), max(1, round(height / cell)))
    small = cv2.resize(image, cells, interpolation=cv2.INTER_AREA)
    squares = cv2.resize(small, (width, height), interpolation=cv2.INTER_NEAREST)
    opacity = min(1.0, coarse - 1)
    return np.asarray(cv2.addWeighted(image, 1 - opacity, squares, opacity, 0), np.uint8)


def measure_pixelation(before: Pixels, after: Pixels, params: Drawn) -> float:
    """Rise of the share of neighbouring pixels that are alike to less than a grey level."""
    return alike_share(after) - alike_share(before)


def alike_share(image: Pixels) -> float:
    grey = luma(image)
    return float((np.abs(np.diff(grey, axis=1)) < 1).mean() + (np.abs(np.diff(grey, axis=0)) < 1).mean()) / 2


PIXELATION = PlainFamily("pixelation", "quality", PIXELATION_SAID, paint_pixelation, measure_pixelation)


LOW_RESOLUTION_SAID: Said = {
    content("low resolution"): (
        "the images look upscaled from a lower resolution",
        "the pictures look enlarged from small originals",
        "the photos have few real pixels, smoothly enlarged",
        "they are low in resolution, with soft stair-stepped edges",
        "the images have soft, jagged edges from enlargement",
        "small pictures were blown up to make the images",
        "slanted edges in the pictures look like soft stairs",
        "the photos are interpolated from fewer pixels",
        "they are upsampled and lack real detail",
        "the images resolve less detail, with jagged slanted edges",
        "the effective resolution of the pictures is lower",
        "the photos were shrunk and smoothly enlarged again",
    )
}


def paint_low_resolution(image: Pixels, params: Drawn, amount: float, rng: Rng) -> Pixels:
    """Shrunk by leaving pixels out, as players and phones do: the jagged edges that remain tell it from blur."""
    height, width = image.shape[:2]
    fine = max(1.0, short_side(image) / 128)
    coarse = fine * (1 + 7 * amount**1.2)
    seen = cv2.resize(image, (round(width / fine), round(height / fine)), interpolation=cv2.INTER_AREA)
    small = cv2.resize(seen, (max(1, round(width / coarse)), max(1, round(height / coarse))))
    return np.asarray(cv2.resize(small, (width, height)), np.uint8)


LOW_RESOLUTION = PlainFamily("low_resolution", "quality", LOW_RESOLUTION_SAID, paint_low_resolution, edge_loss)


DITHER_SAID: Said = {
    content("dithering"): (
        "the images are dithered to fewer tones",
        "the pictures are built from dot patterns of few tones",
        "the photos look like early computer graphics, dithered",
        "they have ordered dithering",
        "shading in the images is made of checkered pixel patterns",
        "the pictures mix few colours in fine pixel patterns",
        "in-between tones of the photos are faked by fine pixel patterns",
        "a regular crosshatch of pixels replaces smooth shading in the images",
        "the images have a dither pattern",
        "the photos look reduced to a small palette with dithering",
        "they are drawn in few tones with pixel patterns between them",
        "fine checkered textures stand in for greys in the pictures",
    )
}

BAYER = np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]])
"""The order in which 16 neighbouring pixels step up to the next tone."""


@lru_cache(maxsize=64)
def thresholds(height: int, width: int) -> Floats:
    """Where each pixel rounds up, above 0 and below 1, on pixels of 1/128 of the shorter side; (height, width, 1)."""
    side = max(1, round(min(height, width) / 128))
    y, x = np.arange(height)[:, None] // side % 4, np.arange(width) // side % 4
    return np.asarray((BAYER[y, x] + 0.5) / 16, np.float32)[..., None]


def paint_dither(image: Pixels, params: Drawn, amount: float, rng: Rng) -> Pixels:
    """Down to black and white in each channel; the tones that are left are spread evenly, both ends among them."""
    step = np.float32(255 / min(255, round(amount**-1.6)))
    return to_pixels(step * np.floor(image / step + thresholds(*image.shape[:2])))


def measure_dither(before: Pixels, after: Pixels, params: Drawn) -> float:
    """Mean product of the brightness gained and the pixel's place in the order, share of full scale."""
    early = 0.5 - thresholds(*before.shape[:2])[..., 0]
    return float(((luma(before) - luma(after)) * early).mean()) / 255


DITHER = PlainFamily("dither", "quality", DITHER_SAID, paint_dither, measure_dither)
