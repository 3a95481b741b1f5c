"""Near-duplicates: found in every orientation, at small angles and sizes, after saving; look-alikes are left alone."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from data_synth import procedural
from data_synth.family import Pixels
from vlmdiff.images import duplicates

KINDS = tuple(procedural.FIELDS)


def drawn(count: int) -> list[Pixels]:
    return [procedural.draw(KINDS[seed % len(KINDS)], np.random.default_rng(seed), 96) for seed in range(count)]


def groups(images: list[Pixels]) -> list[int]:
    return [int(number) for number in duplicates.groups(np.stack([duplicates.rings(image) for image in images]))]


def turned(image: Pixels, degrees: float) -> Pixels:
    """Turned about the centre and enlarged to fill the frame."""
    side, angle = image.shape[0], np.deg2rad(degrees)
    zoom = np.cos(angle) + np.sin(abs(angle))
    matrix = cv2.getRotationMatrix2D((side / 2 - 0.5, side / 2 - 0.5), degrees, zoom)
    return np.asarray(cv2.warpAffine(image, matrix, (side, side), flags=cv2.INTER_LINEAR), np.uint8)


def saved(image: Pixels, quality: int) -> Pixels:
    _, content = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(content, cv2.IMREAD_COLOR), np.uint8)


def test_the_hash_is_the_same_in_all_eight_orientations(pictures: dict[str, Pixels]) -> None:
    square = pictures["astronaut"]
    eight = [np.rot90(view, quarter) for view in (square, square[:, ::-1]) for quarter in range(4)]
    hashes = duplicates.perceptual_hash(np.stack([duplicates.rings(np.ascontiguousarray(view)) for view in eight]))
    assert set(np.unique(hashes)) == {-1.0, 1.0}
    assert all((hashes[0] == other).mean() > 0.99 for other in hashes)


@pytest.mark.parametrize(
    "copied",
    [
        lambda image: np.rot90(image[:, ::-1]),
        lambda image: saved(image, 60),
        lambda image: np.clip(image * 0.8 + 20, 0, 255).astype(np.uint8),
        lambda image: cv2.resize(image, (48, 48), interpolation=cv2.INTER_AREA),
        lambda image: image[5:-5, 5:-5],
        lambda image: turned(image[:, ::-1], 17.0),
        lambda image: saved(turned(np.rot90(image), -25.0), 80),
    ],
)
def test_copies_are_found_and_nothing_else(pictures: dict[str, Pixels], copied: Callable[[Pixels], Pixels]) -> None:
    photos = [pictures[name] for name in ("astronaut", "cat", "coffee")]
    originals = [image[: min(image.shape[:2]), : min(image.shape[:2])] for image in photos]
    copies = [np.ascontiguousarray(copied(image)) for image in originals]
    assert groups([*originals, *drawn(4), *copies]) == [0, 1, 2, 3, 4, 5, 6, 0, 1, 2]


def test_different_images_stay_apart() -> None:
    assert groups(drawn(60)) == list(range(60))


def test_copies_of_copies_are_one_group(pictures: dict[str, Pixels]) -> None:
    image = pictures["astronaut"]
    chain = [image, turned(image, 20.0), turned(turned(image, 20.0), 20.0), turned(image, -20.0)]
    assert groups([*chain, pictures["coffee"]]) == [0, 0, 0, 0, 1]


def test_flat_images_resemble_nothing() -> None:
    flat = [np.full((64, 64, 3), level, np.uint8) for level in (0, 0, 90, 255)]
    faint = [np.random.default_rng(seed).integers(100, 102, (64, 64, 3)).astype(np.uint8) for seed in range(3)]
    assert groups(flat + faint) == list(range(7))


def test_one_image() -> None:
    assert groups(drawn(1)) == [0]


def test_blocks_do_not_matter(pictures: dict[str, Pixels], monkeypatch: pytest.MonkeyPatch) -> None:
    square = pictures["astronaut"]
    images = [*drawn(7), square, np.ascontiguousarray(square[::-1]), turned(square, 10.0)]
    rings = np.stack([duplicates.rings(image) for image in images])
    whole = duplicates.near_duplicates(rings)
    assert whole.tolist() == [[7, 8], [7, 9], [8, 9]]
    monkeypatch.setattr(duplicates, "_BLOCK", 3)
    assert np.array_equal(duplicates.near_duplicates(rings), whole)
