"""Drawn images: the same rng draws the same bytes, at any size, and no two draws look alike."""

import numpy as np
import pytest

from data_synth import procedural

KINDS = pytest.mark.parametrize("kind", procedural.FIELDS)


def thumbnails(kind: str, count: int) -> np.ndarray:
    """Draws of one kind, 8 x 8 averages of 64 x 64 px, shape (count, 192)."""
    rng = np.random.default_rng(5)
    images = np.stack([procedural.draw(kind, rng, 64) for _ in range(count)])
    blocks = images.reshape(count, 8, 8, 8, 8, 3)
    return np.asarray(blocks.mean(axis=(2, 4))).reshape(count, -1)


@KINDS
def test_same_rng_same_bytes(kind: str) -> None:
    first, again = (procedural.draw(kind, np.random.default_rng(3), 96) for _ in range(2))
    assert first.tobytes() == again.tobytes()


@KINDS
@pytest.mark.parametrize("size", [32, 33, 160, 333])
def test_square_rgb_of_any_size(kind: str, size: int) -> None:
    image = procedural.draw(kind, np.random.default_rng(size), size)
    assert image.shape == (size, size, 3)
    assert image.dtype == np.uint8
    assert image.flags.c_contiguous


@KINDS
def test_every_image_has_structure(kind: str) -> None:
    rng = np.random.default_rng(8)
    assert all(procedural.draw(kind, rng, 64).std() > 4 for _ in range(40))


@KINDS
def test_draws_of_a_kind_differ(kind: str) -> None:
    images = thumbnails(kind, 20)
    apart = np.abs(images[:, None] - images[None]).mean(axis=-1)[np.triu_indices(20, 1)]
    assert apart.min() > 0.5  # grey levels: no two are the same picture under other grain
    assert apart.mean() > 8


def test_kinds_look_different() -> None:
    """The nearest average image (leave one out) tells which kind an image is, far more often than chance."""
    count = 24
    images = np.stack([thumbnails(kind, count) for kind in procedural.FIELDS])
    means = images.mean(axis=1)
    hits = 0
    for kind in range(len(images)):
        for image in images[kind]:
            centres = means.copy()
            centres[kind] = (means[kind] * count - image) / (count - 1)
            hits += int(np.argmin(np.abs(centres - image).mean(axis=1)) == kind)
    assert hits / (len(images) * count) > 3 / len(images)


def test_there_are_enough_kinds() -> None:
    assert len(procedural.FIELDS) >= 8


def test_unknown_kind_names_the_known() -> None:
    with pytest.raises(ValueError, match=r"'xrey'; known are shapes, .*xray"):
        procedural.draw("xrey", np.random.default_rng(0), 32)
