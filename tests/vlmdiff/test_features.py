"""Features in parts and from a cache: the same as all at once, computed once, found by content."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from vlmdiff.errors import UsageError
from vlmdiff.findings import ModelInfo
from vlmdiff.learn import features, probe

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (10, 8, 8, 3), dtype=np.uint8)


class Means:
    """Means of quarters, and how many images were looked at."""

    def __init__(self, weights: str = "w") -> None:
        self.info = ModelInfo(name="means", adapter=None, weights_sha256=weights)
        self.seen = 0

    def features(self, images: NDArray[np.uint8]) -> torch.Tensor:
        self.seen += len(images)
        return torch.tensor(images).float().view(len(images), 2, 4, 2, 4, 3).mean((2, 4)).flatten(1, 2)


def of(images: NDArray[np.uint8], model: Means, cache: Path | None = None) -> torch.Tensor:
    return features.encoded(model, lambda rows: images[rows], len(images), cache)  # type: ignore[arg-type]


def test_parts_are_the_same_as_all_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = of(IMAGES, Means())
    monkeypatch.setattr(features, "_AT_ONCE", 3)
    told: list[tuple[int, int]] = []
    grids = features.encoded(Means(), lambda rows: IMAGES[rows], 10, progress=lambda *done: told.append(done))  # type: ignore[arg-type]
    assert torch.equal(grids, whole)
    assert grids.dtype == torch.bfloat16
    assert told == [(3, 10), (6, 10), (9, 10), (10, 10)]
    np.testing.assert_allclose(features.flat(grids), probe.flatten(whole.float().numpy()), atol=1e-6)


def test_a_cache_gives_the_same_and_looks_once(tmp_path: Path) -> None:
    plain, first, again = Means(), Means(), Means()
    expected = of(IMAGES, plain)
    assert torch.equal(of(IMAGES, first, tmp_path / "new"), expected)
    assert torch.equal(of(IMAGES[::-1], again, tmp_path / "new"), expected.flip(0))
    assert (first.seen, again.seen) == (10, 0)


def test_another_model_or_pixel_is_looked_at_anew(tmp_path: Path) -> None:
    of(IMAGES, Means(), tmp_path)
    other, changed = Means("other weights"), IMAGES.copy()
    changed[4, 0, 0, 0] ^= 1
    of(IMAGES, other, tmp_path)
    model = Means()
    assert torch.equal(of(changed, model, tmp_path), of(changed, Means()))
    assert (other.seen, model.seen) == (10, 1)


def test_copies_of_an_image_are_looked_at_together(tmp_path: Path) -> None:
    copies = IMAGES[[0, 0, 1, 0]]
    assert torch.equal(of(copies, Means(), tmp_path), of(copies, Means()))


def test_a_cache_that_cannot_be_used_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="--cache"):
        of(IMAGES, Means(), tmp_path / "file")
    (tmp_path / features.CACHE_FILE).write_bytes(b"no database" * 100)
    with pytest.raises(UsageError, match="not a database"):
        of(IMAGES, Means(), tmp_path)
