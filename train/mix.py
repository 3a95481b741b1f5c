"""What a run in rounds learns from: the pairs of its present round, of earlier ones, and of labelled real sets."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, get_args

import numpy as np
import torch
from torch.utils.data import Dataset

from train.batches import drawn_item, tensors
from train.describer import Task, Tuning
from train.loop import one_thread_a_worker
from train.pairs import CachedPair, PairCache
from train.samples import Sample

Mix = Literal["curriculum", "uniform"]
"""How a round's pairs are drawn: at levels that move, or evenly from all that these can reach, from the first round."""


MIXES: dict[str, Mix] = {name: name for name in get_args(Mix)}


@dataclass(frozen=True)
class Plan:
    """How a run is cut into rounds."""

    mix: Mix = "curriculum"
    rounds: int = 20
    replay: float = 0.5
    """Share of the samples that come from earlier rounds, each as likely; from the second round on."""
    concepts: float = 0.1
    """Share of the samples that come from labelled real sets, where the bank has some."""
    known: bool = False
    """Whether the base has learned the families already, so that none has to wait."""
    tuning: Tuning = "lora"
    """What learns beside the projector."""
    patience: int = 5
    """Rounds without a better criterion after which the run stops, once all families have entered."""

    def ends(self, steps: int) -> tuple[int, ...]:
        """The step at which each round ends."""
        return tuple(steps * (k + 1) // self.rounds for k in range(self.rounds))


@dataclass(frozen=True)
class Rounds(Dataset[list[Sample]]):
    """What is learned from, by index, in any round; see `train.lora.Items`."""

    caches: tuple[PairCache, ...]
    """Of the rounds up to the present one."""
    concepts: PairCache | None
    plan: Plan
    ends: tuple[int, ...]
    tokenizer: Any
    seed: int
    items_a_step: int
    task: Task = "both"

    def __getitem__(self, index: int) -> list[Sample]:
        one_thread_a_worker()
        rng = np.random.default_rng([self.seed, index])
        now = bisect_right(self.ends, index // self.items_a_step)
        return drawn_item(partial(self._pair, now), self.task, rng)

    def _pair(self, now: int, rng: np.random.Generator) -> tuple[PairCache, CachedPair]:
        cache = self.caches[now]
        if self.concepts is not None and rng.random() < self.plan.concepts:
            cache = self.concepts
        elif now and rng.random() < self.plan.replay:
            cache = self.caches[int(rng.integers(now))]
        return cache, cache.pairs[int(rng.integers(len(cache.pairs)))]

    def collate(self, items: list[list[Sample]]) -> dict[str, torch.Tensor]:
        return tensors(self.tokenizer, [sample for item in items for sample in item])

    def ready(self, batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        return batch
