"""Pairs rendered and encoded once: the cache that makes training the language model cheap."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.utils.data import DataLoader, Dataset

from data_synth.compose import LabelledPair, compose
from data_synth.config import PairConfig, refuse_held_out
from data_synth.facts import Content, Side
from data_synth.sources import Bank
from train import jumpstart
from train.progress import Progress
from train.recipes import Kind
from train.tower import to_pixels
from vlmdiff.errors import InputError
from vlmdiff.images.decode import fit
from vlmdiff.learn.tokens import SUMMARY_ROWS, with_summaries
from vlmdiff.models.mini.tower import Tower
from vlmdiff.render.files import write_whole


@dataclass(frozen=True)
class CachedPair:
    """What one pair shows, and where its feature rows lie."""

    contents: tuple[Content, ...]
    """Facts first, then nuisances."""
    facts: int
    """How many of the contents are facts."""
    shows: NDArray[np.bool_]
    """(images, contents), the images of A first."""
    size_a: int
    first: int
    """Row of its first image in the cache."""
    of_sets: tuple[tuple[int, Side], ...] = ()
    """Contents that only a set as a whole shows, and which set it is; their columns of `shows` are empty."""


def record_of(pair: LabelledPair) -> dict[str, Any]:
    """What a pair shows, as JSON."""
    contents = [fact.content for fact in pair.difference] + list(pair.nuisances)
    return {
        "contents": [[c.what, list(c.value), c.where] for c in contents],
        "facts": len(pair.difference),
        "shows": np.concatenate([pair.shows_a, pair.shows_b]).astype(int).tolist(),
        "size_a": len(pair.images_a),
        "of_sets": [[i, fact.side] for i, fact in enumerate(pair.difference) if fact.level == "set"],
        "domain": pair.domain,
    }


def as_cached(record: dict[str, Any], first: int = 0) -> CachedPair:
    """What `record_of` a pair says."""
    contents = tuple(
        Content(what, tuple((name, value) for name, value in values), where)
        for what, values, where in record["contents"]
    )
    shows = np.array(record["shows"], bool).reshape(len(record["shows"]), len(contents))
    of_sets = tuple((column, side) for column, side in record.get("of_sets", ()))
    return CachedPair(contents, record["facts"], shows, record["size_a"], first, of_sets)


@dataclass(frozen=True)
class Rendered(Dataset[tuple[dict[str, Any], NDArray[np.uint8]]]):
    """Pairs by index from `first` on: what they show, and their images at the size of a model's input."""

    config: PairConfig
    bank: Bank
    seed: int
    first: int
    last: int
    size: int

    def __len__(self) -> int:
        return self.last - self.first

    def __getitem__(self, index: int) -> tuple[dict[str, Any], NDArray[np.uint8]]:
        cv2.setNumThreads(0)
        draw = jumpstart.compose if isinstance(self.config, jumpstart.ConceptConfig) else compose
        pair = draw(self.config, self.bank, self.seed, self.first + index)
        return record_of(pair), np.stack([fit(image, self.size) for image in (*pair.images_a, *pair.images_b)])


def encode(
    folder: Path, config: PairConfig, bank: Bank, seed: int, pairs: int, tower: Tower, workers: int
) -> PairCache:
    """Render pairs 0 to `pairs` and write their feature rows (bfloat16) into `folder`; goes on where it was stopped.

    Raises:
        UsageError: the config draws what no training may see.
        InputError: the folder holds pairs of another config, seed, bank or tower.
    """
    refuse_held_out(config)
    made_of = {"config": asdict(config), "seed": seed, "bank": digest(bank), "tower": weights_digest(tower)}

    device = next(tower.parameters()).device

    def features(pixels: NDArray[np.uint8]) -> torch.Tensor:
        with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16):
            grids: torch.Tensor = tower(to_pixels(torch.as_tensor(pixels).to(device))).last_hidden_state
        return grids.cpu()

    def rendered(first: int) -> Iterable[tuple[dict[str, Any], NDArray[np.uint8]]]:
        return DataLoader(
            Rendered(config, bank, seed, first, max(first, pairs), tower.config.image_size),
            batch_size=None,
            num_workers=workers,
            prefetch_factor=8 if workers else None,
        )

    cells = (tower.config.image_size // tower.config.patch_size) ** 2
    return store(folder, made_of, rendered, pairs, features, (cells, tower.config.hidden_size))


def store(
    folder: Path,
    made_of: dict[str, Any],
    rendered: Callable[[int], Iterable[tuple[dict[str, Any], NDArray[np.uint8]]]],
    pairs: int,
    features: Callable[[NDArray[np.uint8]], torch.Tensor],
    shape: tuple[int, int],
) -> PairCache:
    """Write pairs and their feature rows into `folder`; goes on where it was stopped.

    Args:
        made_of: JSON that says which pairs and features these are.
        rendered: from a first pair on, (`record_of` the pair, its images) of that pair, the next one, ...
        pairs: how many there are.
        features: images to grids (images, cells, channels); shape: cells and channels.

    Raises:
        InputError: the folder holds something else.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _claim(folder, made_of)
    an_image = (shape[0] + SUMMARY_ROWS) * shape[1] * 2
    listing, stored = folder / "pairs.jsonl", folder / "features.bin"
    done, images = 0, 0
    if listing.exists():
        whole = [row for row in listing.read_text().splitlines(keepends=True) if row.endswith("\n")]
        done, images = len(whole), sum(len(json.loads(row)["shows"]) for row in whole)
        held = stored.stat().st_size if stored.exists() else 0
        if held < images * an_image:
            raise InputError(f"{stored} is shorter than {listing.name} says; delete the folder to encode anew")
        listing.write_text("".join(whole))
    progress = Progress(f"pairs in {folder.name}", pairs, done)
    with stored.open("r+b" if stored.exists() else "wb") as stream, listing.open("a") as records:
        stream.seek(images * an_image)
        stream.truncate()
        for record, pixels in rendered(done):
            rows = with_summaries(features(pixels)).to(torch.bfloat16).contiguous()
            stream.write(rows.view(torch.uint8).numpy().tobytes())
            stream.flush()
            records.write(json.dumps(record) + "\n")
            records.flush()
            progress.step()
    return PairCache(folder, shape[1])


def _claim(folder: Path, made_of: dict[str, Any]) -> None:
    """Write down what the folder's pairs are made of, or see that it is the same as before."""
    note = folder / "made_of.json"
    text = json.dumps(made_of, indent=1) + "\n"
    if note.exists() and note.read_text() != text:
        raise InputError(f"{folder} holds pairs of another config, seed, bank or tower; delete it to encode anew")
    write_whole(note, text)  # a kill must not leave half a note, which would pass for another config's


def digest(bank: Bank) -> str:
    """SHA-256 over the files that a bank holds and their splits."""
    return hashlib.sha256(json.dumps([(item.sha256, item.split) for item in bank.items]).encode()).hexdigest()


def weights_digest(model: nn.Module) -> str:
    """SHA-256 over a module's weights in bfloat16, as a base is stored."""
    found = hashlib.sha256()
    for name, weight in sorted(model.state_dict().items()):
        found.update(name.encode())
        found.update(weight.detach().bfloat16().float().cpu().contiguous().numpy().tobytes())
    return found.hexdigest()


@dataclass(frozen=True)
class PairCache:
    """Feature rows of rendered pairs, read from disk as they are used."""

    folder: Path
    channels: int

    @cached_property
    def pairs(self) -> list[CachedPair]:
        return list(self._read())

    def _read(self) -> Iterator[CachedPair]:
        first = 0
        for row in (self.folder / "pairs.jsonl").read_text().splitlines():
            pair = as_cached(json.loads(row), first)
            yield pair
            first += len(pair.shows)

    @cached_property
    def _rows(self) -> torch.Tensor:
        path = self.folder / "features.bin"
        numbers = path.stat().st_size // 2
        images = sum(len(pair.shows) for pair in self.pairs)
        flat = torch.from_file(str(path), shared=False, size=numbers, dtype=torch.bfloat16)
        return flat.view(images, -1, self.channels)

    def rows(self, pair: CachedPair, images: NDArray[np.int64]) -> torch.Tensor:
        """Rows with summaries (images, rows, channels), float32, of some images of a pair."""
        return self._rows[torch.from_numpy(pair.first + images)].float()


@dataclass(frozen=True)
class Blend:
    """Several caches as one."""

    caches: tuple[PairCache, ...]
    shares: tuple[float, ...]
    """How often a pair comes from each; they sum to 1."""

    def pair(self, rng: np.random.Generator) -> tuple[PairCache, CachedPair]:
        """A pair and the cache that it lies in."""
        cache = self.caches[int(rng.choice(len(self.caches), p=self.shares)) if len(self.caches) > 1 else 0]
        return cache, cache.pairs[int(rng.integers(len(cache.pairs)))]


def encode_kinds(kinds: Sequence[Kind], folder: Path, bank: Bank, seed: int, tower: Tower, workers: int) -> Blend:
    """Render and encode what is missing of some kinds of pairs, each in the folder of its name."""
    for kind in kinds:
        encode(folder / kind.name, kind.config, bank, seed + kind.seed, kind.count, tower, workers)
    return blended(kinds, folder, tower.config.hidden_size)


def blended(kinds: Sequence[Kind], folder: Path, channels: int) -> Blend:
    """Kinds of pairs that lie encoded in a folder.

    Raises:
        InputError: they do not.
    """
    if missing := [kind.name for kind in kinds if not (folder / kind.name / "pairs.jsonl").is_file()]:
        raise InputError(f"{folder} holds no encoded pairs {', '.join(missing)}; run python -m train mini there first")
    caches = tuple(PairCache(folder / kind.name, channels) for kind in kinds)
    return Blend(caches, tuple(kind.share for kind in kinds))
