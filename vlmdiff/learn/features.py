"""Images to feature grids, part by part: in half the bytes, and from a file of earlier ones where that is wanted."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from vlmdiff.errors import UsageError
from vlmdiff.learn.probe import pooled, weighed

if TYPE_CHECKING:
    from vlmdiff.models.base import VisionLanguageModel

CACHE_FILE = "features.sqlite"
_AT_ONCE = 256
"""Images whose features are on their way at any time."""
Pixels = Callable[[NDArray[np.intp]], NDArray[np.uint8]]
"""Numbers of images to RGB pixels, (images, size, size, 3)."""


def encoded(
    model: VisionLanguageModel,
    pixels: Pixels,
    count: int,
    cache: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> torch.Tensor:
    """Grids of `count` images, (images, cells, channels), bfloat16, as in training.

    Args:
        cache: a folder; features found there are not computed again, others are added. They are found by the model's
            weights and the pixels that it sees, so neither names nor places of files enter, and a file that was
            changed is another one.
        progress: called with the images done and `count`.

    Raises:
        UsageError: the cache cannot be read or written.
    """
    grids: torch.Tensor | None = None
    with _opened(cache) as store:
        for start in range(0, count, _AT_ONCE):
            images = pixels(np.arange(start, min(start + _AT_ONCE, count)))
            part = _part(model, images, store)
            if grids is None:
                grids = part.new_empty((count, *part.shape[1:]))
            grids[start : start + len(part)] = part
            if progress is not None:
                progress(start + len(part), count)
    if grids is None:
        raise ValueError("no images: expected at least one")
    return grids


def flat(grids: torch.Tensor) -> NDArray[np.float32]:
    """Rows for the classifier (see `probe.flatten`) of grids in bfloat16, which are widened part by part."""
    rows: NDArray[np.float32] | None = None
    for start in range(0, len(grids), _AT_ONCE):
        part = pooled(grids[start : start + _AT_ONCE].float().numpy())
        if rows is None:
            rows = np.empty((len(grids), part.shape[1]), np.float32)
        rows[start : start + len(part)] = part
    if rows is None:
        raise ValueError("no images: expected at least one")
    return weighed(rows, grids.shape[2])


def _part(model: VisionLanguageModel, images: NDArray[np.uint8], store: sqlite3.Connection | None) -> torch.Tensor:
    if store is None:
        return model.features(images).to(torch.bfloat16)
    keys = _keys(model, images)
    known = {key: _read(stored, shape) for key, stored, shape in _stored(store, keys)}
    missing = [row for row, key in enumerate(keys) if key not in known]
    if missing:
        fresh = model.features(images[missing]).to(torch.bfloat16)
        new = dict(zip((keys[row] for row in missing), fresh, strict=True))
        with store:
            store.executemany(
                "INSERT OR IGNORE INTO features VALUES (?, ?, ?)",
                [(k, g.contiguous().view(torch.uint8).numpy().tobytes(), g.shape[-1]) for k, g in new.items()],
            )
        known |= new
    return torch.stack([known[key] for key in keys])


def _keys(model: VisionLanguageModel, images: NDArray[np.uint8]) -> list[str]:
    """Of what the features are made: weights, size and pixels."""
    made_of = hashlib.sha256(f"{model.info.weights_sha256} {images.shape[1:]}".encode())
    keys = []
    for image in images:
        digest = made_of.copy()
        digest.update(image.tobytes())
        keys.append(digest.hexdigest())
    return keys


def _stored(store: sqlite3.Connection, keys: Sequence[str]) -> Iterator[tuple[str, bytes, int]]:
    for key in dict.fromkeys(keys):
        yield from store.execute("SELECT key, grid, channels FROM features WHERE key = ?", (key,))


def _read(stored: bytes, channels: int) -> torch.Tensor:
    return torch.frombuffer(bytearray(stored), dtype=torch.bfloat16).view(-1, channels)


@contextmanager
def _opened(folder: Path | None) -> Iterator[sqlite3.Connection | None]:
    """The store in a folder, made where there is none; several processes may use it at once."""
    if folder is None:
        yield None
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(folder / CACHE_FILE, timeout=60)) as store:
            store.execute("PRAGMA journal_mode=WAL")
            store.execute("CREATE TABLE IF NOT EXISTS features (key TEXT PRIMARY KEY, grid BLOB, channels INTEGER)")
            yield store
    except (OSError, sqlite3.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"--cache {folder}: {reason}; name a folder on a local disk that can be written") from error
