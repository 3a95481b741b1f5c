"""Pairs of a data set on disk (`python -m data_synth make`) to a pair cache of any base's features, made once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from data_synth.config import PairConfig, refuse_held_out
from data_synth.dataset import config_of, read_manifest, read_shards
from train.card import Seen
from train.pairs import PairCache, record_of, store
from vlmdiff.images.decode import fit
from vlmdiff.models.huggingface import HuggingFaceModel
from vlmdiff.models.loading import sha256_of


@dataclass(frozen=True)
class Stored:
    """What a finished data set was drawn from, and which photographs it holds."""

    dataset: str
    """SHA-256 of what it is made of."""
    config: PairConfig
    pairs: int


def stored(folder: Path) -> Stored:
    """What the manifest of a data set says.

    Raises:
        InputError: it is not finished. UsageError: it holds what no training may see.
    """
    manifest = read_manifest(folder)
    config = config_of(manifest)
    refuse_held_out(config)
    return Stored(manifest["dataset"], config, manifest["shards"][-1]["last"])


def encode(folder: Path, dataset: Path, backend: HuggingFaceModel) -> PairCache:
    """Feature rows of all its pairs by the base's own vision path; goes on where it was stopped.

    The cache is known by the hashes of the data set and of the base's weights, so neither can be exchanged unseen.

    Raises:
        InputError: a shard is damaged, or `folder` holds pairs of another data set or base.
    """
    known, size = stored(dataset), backend.image_size

    def rendered(first: int) -> Iterator[tuple[dict[str, Any], NDArray[np.uint8]]]:
        for found in read_shards(dataset):
            if found.index >= first:
                images = (*found.pair.images_a, *found.pair.images_b)
                pixels = np.stack([fit(image, size) for image in images]).astype(np.uint8, copy=False)
                yield record_of(found.pair) | {"bases": sorted(set(found.record["bases"]["sha256"]))}, pixels

    def features(pixels: NDArray[np.uint8]) -> torch.Tensor:
        return looked_at(backend, pixels)

    made_of = {"dataset": known.dataset, "base": sha256_of(backend.files), "size": size}
    cells, channels = features(np.zeros((1, size, size, 3), np.uint8)).shape[1:]
    return store(folder, made_of, rendered, known.pairs, features, (cells, channels))


def looked_at(backend: HuggingFaceModel, pixels: NDArray[np.uint8]) -> torch.Tensor:
    """Grids of images as they are when the adapter is used later: no module of the vision path in training mode."""
    backend.model.eval()
    with torch.autocast(backend.device.type, torch.bfloat16):
        return backend.features(pixels).float()


def seen(cache: Path) -> Seen:
    """Domains and photographs of the pairs in a cache that `encode` wrote, for the run card."""
    rows = [json.loads(row) for row in (cache / "pairs.jsonl").read_text().splitlines()]
    return Seen({row["domain"] for row in rows}, {base for row in rows for base in row["bases"]})
