"""What making pairs costs beside the image operations themselves, what a second worker brings, whether memory grows.

    python benchmarks/generate.py [--bank BANK] [--pairs 400] [--memory-pairs 50000] [--quick]

On Linux. Everything is compared within one run. The bare loop is given the images, parameters and random states of the
very operations (drawing or cropping a base, laying a world over it, painting) that made the pairs it is timed against.
"""

from __future__ import annotations

import argparse
import copy
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch

import cv2
import numpy as np

from data_synth import compose as composing
from data_synth import procedural, worlds
from data_synth.catalog import EVERY
from data_synth.compose import Touch, compose
from data_synth.config import PairConfig
from data_synth.recipes import RECIPES, Recipe
from data_synth.shards import ShardJob, make_shard
from data_synth.sources import Bank

ROUNDS = 3
"""Timings of each pair; the fastest of each kind counts, because other programs only ever slow it down."""
INTERVAL = 1_000
"""Pairs between two looks at the memory."""


@dataclass
class Tape:
    """Image operations in the order in which a pair was made, each with what it was given."""

    calls: list[tuple[Callable[..., Any], tuple[Any, ...]]] = field(default_factory=list)
    running: bool = True

    def recorded(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(*arguments: Any) -> Any:
            if not self.running:
                return function(*arguments)
            self.calls.append((function, fresh(arguments)))
            self.running = False  # operations inside an operation are part of it
            try:
                return function(*arguments)
            finally:
                self.running = True

        return wrapper

    def silenced(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Operations inside are no part of the pair: a trial whether a family shows."""

        def wrapper(*arguments: Any) -> Any:
            self.running = False
            try:
                return function(*arguments)
            finally:
                self.running = True

        return wrapper


def fresh(arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    """The same arguments with random states of their own."""
    return tuple(copy.deepcopy(value) if isinstance(value, np.random.Generator) else value for value in arguments)


@contextmanager
def taped() -> Iterator[Tape]:
    """Records what `compose` does to images, as long as it lasts."""
    tape = Tape()
    with ExitStack() as stack:
        for owner, name in ((composing, "_crop"), (procedural, "draw"), (worlds, "apply")):
            stack.enter_context(patch.object(owner, name, tape.recorded(getattr(owner, name))))
        for kind in {type(family) for family in EVERY.values()}:
            stack.enter_context(patch.object(kind, "paint", tape.recorded(kind.paint)))
        stack.enter_context(patch.object(Touch, "shows_on", tape.silenced(Touch.shows_on)))
        yield tape


def cost(clock: Callable[[], float], work: Callable[..., Any], *arguments: Any) -> float:
    """Seconds by a clock."""
    start = clock()
    work(*arguments)
    return clock() - start


def bare_loop(calls: list[tuple[Callable[..., Any], tuple[Any, ...]]]) -> None:
    for function, arguments in calls:
        function(*arguments)


@dataclass(frozen=True)
class Throughput:
    """Images a processor second: rendered into pairs, and by the bare image operations."""

    pairs: float
    bare: float

    @property
    def ratio(self) -> float:
        return self.pairs / self.bare


def throughput(config: PairConfig, bank: Bank, seed: int, pairs: int) -> Throughput:
    """Of pairs 0 to `pairs`, each made and replayed in turns."""
    images, made, bare = 0, 0.0, 0.0
    for index in range(pairs):
        with taped() as tape:
            images += 2 * len(compose(config, bank, seed, index).images_a)
        timings = []
        for _ in range(ROUNDS):
            calls = [(function, fresh(arguments)) for function, arguments in tape.calls]
            timings.append(
                (cost(time.process_time, compose, config, bank, seed, index), cost(time.process_time, bare_loop, calls))
            )
        made += min(one for one, _ in timings)
        bare += min(other for _, other in timings)
    return Throughput(images / made, images / bare)


def jobs(recipe: Recipe, bank: Path | None, folder: str, pairs: int, shard_pairs: int) -> list[ShardJob]:
    starts = enumerate(range(0, pairs, shard_pairs))
    return [
        ShardJob(Path(folder), number, first, min(first + shard_pairs, pairs), recipe.config, recipe.seed, bank, "")
        for number, first in starts
    ]


def write_shards(work: list[ShardJob], workers: int) -> None:
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        list(pool.map(make_shard, work))


def scaling(recipe: Recipe, bank: Path | None, pairs: int) -> float:
    """How much faster two worker processes write the same shards than one, their start counted."""
    with tempfile.TemporaryDirectory() as folder:
        work = jobs(recipe, bank, folder, pairs, 10)
        return cost(time.perf_counter, write_shards, work, 1) / cost(time.perf_counter, write_shards, work, 2)


def memory(recipe: Recipe, pairs: int) -> list[float]:
    """MiB that this process holds after each thousand pairs written to shards."""
    held = []
    with tempfile.TemporaryDirectory() as folder:
        for job in jobs(recipe, None, folder, pairs, INTERVAL):
            make_shard(job)
            job.tar.unlink()
            held.append(int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20)
            print(f"{job.last}/{pairs} pairs, {held[-1]:.1f} MiB", file=sys.stderr)
    return held


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bank", type=Path, help="base images, packed; without it all are drawn")
    parser.add_argument("--recipe", default="mixed", choices=RECIPES)
    parser.add_argument("--pairs", type=int, default=400, help="for throughput and for workers")
    parser.add_argument("--memory-pairs", type=int, default=50_000)
    parser.add_argument("--quick", action="store_true", help="every part in seconds, to see that it works")
    options = parser.parse_args()
    pairs, memory_pairs = (20, 2 * INTERVAL) if options.quick else (options.pairs, options.memory_pairs)
    recipe = RECIPES[options.recipe]
    bank = options.bank and options.bank.resolve()
    cv2.setNumThreads(0)

    speed = throughput(recipe.config, Bank.load(bank) if bank else Bank.drawn_only(), recipe.seed, pairs)
    faster = scaling(recipe, bank, pairs)
    tiny = replace(recipe, config=replace(recipe.config, set_size=(2, 2), sides=(32,)))
    held = memory(tiny, memory_pairs)
    early, late = median(held[1:6] or held), median(held[-5:])
    rows = {
        "images into pairs, a processor second": f"{speed.pairs:.0f}",
        "the same operations in a bare loop": f"{speed.bare:.0f}",
        "pairs / bare loop": f"{speed.ratio:.2f}",
        "two workers / one, shards written": f"{faster:.2f}",
        f"memory after {min(6, len(held)) * INTERVAL:,} pairs, MiB": f"{early:.1f}",
        f"memory after {len(held) * INTERVAL:,} pairs, MiB": f"{late:.1f}",
    }
    print(f"| recipe {recipe.name}, {pairs} pairs | |\n|---|---|")
    for name, value in rows.items():
        print(f"| {name} | {value} |")


if __name__ == "__main__":
    main()
