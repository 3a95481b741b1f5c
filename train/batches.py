"""What a describer learns from, by index: items of sets and single images, from a cache or drawn as they are needed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset

from data_synth.compose import compose
from data_synth.config import PairConfig, refuse_held_out
from data_synth.sources import Bank
from train.describer import Task
from train.language import IGNORED, encoded, padded
from train.loop import one_thread_a_worker
from train.pairs import Blend, CachedPair, PairCache, as_cached, record_of
from train.samples import Rows, Sample, set_sample, single_samples
from vlmdiff.errors import UsageError
from vlmdiff.images.decode import fit
from vlmdiff.learn.tokens import with_summaries

SETS, SINGLES = 4, 4
"""Samples an item: pairs of sets, and single images of one pair, whose pool is read once for all of them."""


_SAMPLES: dict[Task, tuple[int, int]] = {
    "both": (SETS, SINGLES),
    "tell": (SETS + SINGLES, 0),
    "judge": (0, SETS + SINGLES),
}
"""Sets and single images of an item."""


def items_in(samples: int) -> int:
    """Items that make a step of so many samples.

    Raises:
        UsageError: they do not come out even.
    """
    items, rest = divmod(samples, SETS + SINGLES)
    if rest or not items:
        raise UsageError(f"a batch of {samples} samples is none; expected a multiple of {SETS + SINGLES}")
    return items


def tensors(tokenizer: Any, samples: Sequence[Sample]) -> dict[str, torch.Tensor]:
    """Samples to the arguments of `Describer.forward`; rows in bfloat16, for the way from worker to trainer."""
    targets = [[*ids, tokenizer.eos_token_id] for ids in encoded(tokenizer, [s.target for s in samples])]
    judged = [i for i, sample in enumerate(samples) if sample.claims]
    claims = encoded(tokenizer, [claim for i in judged for claim in samples[i].claims]) if judged else []
    pad = tokenizer.eos_token_id if tokenizer.pad_token_id is None else tokenizer.pad_token_id
    return {
        "rows": torch.cat([s.difference.rows for s in samples]).to(torch.bfloat16),
        "counts": torch.cat([s.difference.counts for s in samples]),
        "targets": padded(targets, IGNORED),
        "judged": torch.tensor(judged, dtype=torch.long),
        "claims": padded(claims or [[pad]], pad),
        "mask": padded([[1] * len(ids) for ids in claims] or [[0]], 0).bool(),
    }


def drawn_item(
    pair: Callable[[np.random.Generator], tuple[PairCache, CachedPair]], task: Task, rng: np.random.Generator
) -> list[Sample]:
    """What one item holds; the single images come from one pair, SINGLES at a time."""
    of_sets, of_singles = _SAMPLES[task]
    sets = [set_sample(*pair(rng), rng) for _ in range(of_sets)]
    singles: list[Sample] = []
    while len(singles) < of_singles:
        found = single_samples(*pair(rng), SINGLES, rng)
        singles += found if any(sample.claims for sample in found) else []
    return [*sets, *singles]


@dataclass(frozen=True)
class Cached(Dataset[list[Sample]]):
    """From pairs that were encoded before: sets of four pairs, singles of a fifth."""

    cache: PairCache | Blend
    tokenizer: Any
    seed: int
    items_a_step: int
    task: Task = "both"

    def __getitem__(self, index: int) -> list[Sample]:
        one_thread_a_worker()
        rng = np.random.default_rng([self.seed, index])
        blend = self.cache if isinstance(self.cache, Blend) else Blend((self.cache,), (1.0,))
        return drawn_item(blend.pair, self.task, rng)

    def step(self, number: int) -> dict[str, torch.Tensor]:
        """The batch of a step."""
        return self.collate([self[number * self.items_a_step + i] for i in range(self.items_a_step)])

    def collate(self, items: list[list[Sample]]) -> dict[str, torch.Tensor]:
        return tensors(self.tokenizer, [sample for item in items for sample in item])

    def ready(self, batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        return batch


@dataclass(frozen=True)
class WithPrompts(Dataset[dict[str, Any]]):
    """Of every four steps some in which prompts with images are answered; in the others, what an adapter learns."""

    samples: Cached
    prompts: Callable[[np.random.Generator], dict[str, Any]]
    """A batch as `train.language.base_loss` takes it."""
    prompts_in_four: int
    steps: int
    first: int

    def __len__(self) -> int:
        return self.steps - self.first

    def __getitem__(self, index: int) -> dict[str, Any]:
        one_thread_a_worker()
        step = self.first + index
        if step % 4 < 4 - self.prompts_in_four:
            return self.samples.step(step)
        return self.prompts(np.random.default_rng([self.samples.seed, step]))

    def batches(self, workers: int) -> Iterator[dict[str, Any]]:
        return iter(DataLoader(self, batch_size=None, num_workers=workers, prefetch_factor=4 if workers else None))


@dataclass(frozen=True)
class Drawn:
    """A pair that was just composed, and its images at the size of a model's input."""

    index: int
    pair: CachedPair
    pixels: NDArray[np.uint8]


@dataclass(frozen=True)
class Encoded:
    """Feature rows of one pair."""

    features: torch.Tensor

    def rows(self, pair: CachedPair, images: Rows) -> torch.Tensor:
        return self.features[torch.from_numpy(images)]


@dataclass(frozen=True)
class Live(Dataset[Drawn]):
    """From pairs composed by index, each seen once: workers paint, the training process looks; nothing is stored."""

    config: PairConfig
    bank: Bank
    tokenizer: Any
    seed: int
    items_a_step: int
    size: int
    """Pixels a side that `features` takes."""
    features: Callable[[NDArray[np.uint8]], torch.Tensor]
    """Images to grids (images, cells, channels)."""
    task: Task = "both"

    def __post_init__(self) -> None:
        refuse_held_out(self.config)

    def __getitem__(self, index: int) -> Drawn:
        one_thread_a_worker()
        cv2.setNumThreads(0)
        pair = compose(self.config, self.bank, self.seed, index)
        pixels = np.stack([fit(image, self.size) for image in (*pair.images_a, *pair.images_b)]).astype(
            np.uint8, copy=False
        )
        return Drawn(index, as_cached(record_of(pair)), pixels)

    def collate(self, items: list[Drawn]) -> list[Drawn]:
        return items

    def ready(self, batch: list[Drawn]) -> dict[str, torch.Tensor]:
        samples: list[Sample] = []
        for drawn in batch:
            rng = np.random.default_rng([self.seed, drawn.index, 1])  # the pair itself was drawn from without the 1
            rows = Encoded(with_summaries(self.features(drawn.pixels)))
            sets, singles = _SAMPLES[self.task]
            samples += [set_sample(rows, drawn.pair, rng) for _ in range(sets)]
            for _ in range(singles // SINGLES):
                samples += single_samples(rows, drawn.pair, SINGLES, rng)
        return tensors(self.tokenizer, samples)
