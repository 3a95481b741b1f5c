"""Sets drawn once and stored part by part: every variant of an experiment reads the same samples in the same order."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from data_synth.facts import Difference, Fact
from train.experiments.inner import GRIDS, PARTS, ROWS, Sets
from train.pairs import CachedPair, PairCache
from train.progress import Progress
from train.samples import set_sample
from vlmdiff.errors import InputError


@dataclass(frozen=True)
class Source:
    """Some pairs of a cache, and how often a sample is drawn from them."""

    cache: PairCache
    pairs: int
    """The first so many."""
    share: float


@dataclass(frozen=True)
class Example:
    """Two sets, and the report of what B shows more ("" where it is not needed)."""

    sets: Sets
    target: str = ""


class _Seen:
    """A cache that remembers which rows were asked for: those of A, then those of B."""

    def __init__(self, cache: PairCache) -> None:
        self.cache, self.asked = cache, list[torch.Tensor]()

    def rows(self, pair: CachedPair, images: NDArray[np.int64]) -> torch.Tensor:
        self.asked.append(self.cache.rows(pair, images))
        return self.asked[-1]


@dataclass(frozen=True)
class Training:
    """What a describer learns from, by index."""

    sources: tuple[Source, ...]
    count: int
    seed: int

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Example:
        rng = np.random.default_rng([self.seed, index])
        source = self.sources[int(rng.choice(len(self.sources), p=self._shares))]
        pair = source.cache.pairs[int(rng.integers(min(source.pairs, len(source.cache.pairs))))]
        seen = _Seen(source.cache)
        target = set_sample(seen, pair, rng).target
        return Example(Sets(*seen.asked), target)

    @cached_property
    def _shares(self) -> NDArray[np.float64]:
        shares = np.array([source.share for source in self.sources], np.float64)
        shares /= shares.sum()
        return shares

    @property
    def made_of(self) -> dict[str, Any]:
        sources = [[_origin(s.cache), min(s.pairs, len(s.cache.pairs)), s.share] for s in self.sources]
        return {"sources": sources, "count": self.count, "seed": self.seed}


@dataclass(frozen=True)
class BothOrders:
    """All images of every pair of a cache, twice: B against A at even indices, A against B at odd ones."""

    cache: PairCache

    def __len__(self) -> int:
        return 2 * len(self.cache.pairs)

    def __getitem__(self, index: int) -> Example:
        a, b = sides(self.cache, self.cache.pairs[index // 2])
        return Example(Sets(b, a) if index % 2 else Sets(a, b))

    @property
    def made_of(self) -> dict[str, Any]:
        return {"both orders": _origin(self.cache), "pairs": len(self.cache.pairs)}


def sides(cache: PairCache, pair: CachedPair) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows of A and of B."""
    images = np.arange(len(pair.shows))
    return cache.rows(pair, images[: pair.size_a]), cache.rows(pair, images[pair.size_a :])


def truth(pair: CachedPair) -> Difference:
    """The planted facts of a cached pair; of images the holder is the set that shows it more."""
    of_sets = dict(pair.of_sets)
    gaps = pair.shows[pair.size_a :].mean(0) - pair.shows[: pair.size_a].mean(0)
    return tuple(
        Fact(content, of_sets.get(i, "b" if gaps[i] > 0 else "a"), 1.0, max(abs(float(gaps[i])), 0.01), "")
        for i, content in enumerate(pair.contents[: pair.facts])
    )


def _origin(cache: PairCache) -> Any:
    note = cache.folder / "made_of.json"
    return json.loads(note.read_text()) if note.exists() else str(cache.folder)


@dataclass(frozen=True)
class Stored:
    """Samples on disk: targets, set sizes, and one file a part."""

    folder: Path

    @cached_property
    def _shapes(self) -> dict[str, list[int]]:
        shapes: dict[str, list[int]] = json.loads((self.folder / "made_of.json").read_text())["shapes"]
        return shapes

    @cached_property
    def _samples(self) -> list[dict[str, Any]]:
        return [json.loads(row) for row in (self.folder / "samples.jsonl").read_text().splitlines()]

    def __len__(self) -> int:
        return len(self._samples)

    @cached_property
    def _parts(self) -> dict[str, torch.Tensor]:
        found = {}
        for name, shape in self._shapes.items():
            numbers = len(self) * shape[0] * shape[1]
            flat = torch.from_file(str(self.folder / f"{name}.bin"), shared=False, size=numbers, dtype=torch.bfloat16)
            found[name] = flat.view(len(self), *shape)
        return found

    def targets(self, indices: Sequence[int]) -> list[str]:
        return [self._samples[i]["target"] for i in indices]

    def counts(self, indices: Sequence[int]) -> torch.Tensor:
        """(samples, 2) images of A and of B."""
        return torch.tensor([self._samples[i]["counts"] for i in indices], dtype=torch.float32)

    def part(self, name: str, indices: Sequence[int]) -> torch.Tensor:
        """(samples, rows, channels), float32."""
        return self._parts[name][torch.tensor(indices)].float()


def store(folder: Path, examples: Training | BothOrders, parts: Sequence[str]) -> Stored:
    """Draw all examples and write their parts (bfloat16) into `folder`; goes on where it was stopped.

    Raises:
        InputError: the folder holds other samples.
    """
    makers = {name: maker for name, maker in {**PARTS, **ROWS, **GRIDS}.items() if name in parts}
    first = examples[0]
    shapes = {name: list(maker(first.sets).shape) for name, maker in makers.items()}
    note = json.dumps({**examples.made_of, "shapes": shapes}, indent=1) + "\n"
    folder.mkdir(parents=True, exist_ok=True)
    made_of, listing = folder / "made_of.json", folder / "samples.jsonl"
    if made_of.exists() and made_of.read_text() != note:
        raise InputError(f"{folder} holds other samples; delete it to draw anew, or choose another --out")
    made_of.write_text(note)
    whole = [row for row in _rows(listing) if row.endswith("\n")]
    sizes = {name: 2 * shape[0] * shape[1] for name, shape in shapes.items()}
    done = min([len(whole), *(_size(folder / f"{name}.bin") // sizes[name] for name in makers)])
    listing.write_text("".join(whole[:done]))
    if done < len(examples):
        _write(folder, examples, makers, sizes, done)
    return Stored(folder)


def _write(
    folder: Path,
    examples: Training | BothOrders,
    makers: dict[str, Callable[[Sets], torch.Tensor]],
    sizes: dict[str, int],
    done: int,
) -> None:
    progress = Progress(f"samples in {folder.name}", len(examples), done)
    with ExitStack() as open_files:
        files = {}
        for name in makers:
            path = folder / f"{name}.bin"
            files[name] = open_files.enter_context(path.open("r+b" if path.exists() else "wb"))
            files[name].seek(done * sizes[name])
            files[name].truncate()
        listing = open_files.enter_context((folder / "samples.jsonl").open("a"))
        for index in range(done, len(examples)):
            example = examples[index]
            for name, maker in makers.items():
                rows = maker(example.sets).to(torch.bfloat16).contiguous()
                files[name].write(rows.view(torch.uint8).numpy().tobytes())
                files[name].flush()
            counts = [len(example.sets.a), len(example.sets.b)]
            listing.write(json.dumps({"target": example.target, "counts": counts}) + "\n")
            listing.flush()
            progress.step()


def _rows(path: Path) -> list[str]:
    return path.read_text().splitlines(keepends=True) if path.exists() else []


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
