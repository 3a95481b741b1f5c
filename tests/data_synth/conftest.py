"""Pictures to paint on: two drawn ones and three photographs."""

from typing import Any

import cv2
import numpy as np
import pytest
import skimage.data

from data_synth.family import Pixels

PHOTOS: Any = skimage.data  # its functions carry no types


def _scene(height: int, width: int) -> Pixels:
    """A colour gradient, a disc, a bar and a little texture."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    y, x = y / height, x / width
    image = np.stack([60 + 150 * x, 50 + 140 * y, 200 - 120 * x], axis=-1)
    image[(x - 0.4) ** 2 + (y - 0.45) ** 2 < 0.05] = (220, 90, 40)
    image[(abs(x - 0.75) < 0.06) & (y > 0.2)] = (30, 60, 50)
    image += np.random.default_rng(5).normal(0, 6, (height, width, 1))
    return np.asarray(np.clip(image, 0, 255), np.uint8)


def _clouds(height: int, width: int) -> Pixels:
    """Soft coloured blobs."""
    cells = np.random.default_rng(6).integers(20, 236, (12, 12, 3)).astype(np.uint8)
    return np.asarray(cv2.resize(cells, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


def _photo(image: Pixels, height: int, width: int) -> Pixels:
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


@pytest.fixture(scope="session")
def pictures() -> dict[str, Pixels]:
    """By name; read-only, so that no test spoils them for the next."""
    made = {
        "scene": _scene(128, 160),
        "clouds": _clouds(160, 128),
        "astronaut": _photo(PHOTOS.astronaut()[:400, 50:450], 160, 160),
        "cat": _photo(PHOTOS.cat(), 107, 160),
        "coffee": _photo(PHOTOS.coffee()[:, 100:500], 160, 160),
    }
    for image in made.values():
        image.flags.writeable = False
    return made
