"""What a model says of validation pairs, and how right that is: nothing here has a gradient."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset

from data_synth.compose import compose_or_next
from data_synth.config import PairConfig, refuse_held_out
from data_synth.facts import Content, Side
from data_synth.facts import Difference as Facts
from data_synth.lexicon import canonical, parse
from data_synth.matching import oriented
from data_synth.sources import Bank
from train.loop import one_thread_a_worker
from vlmdiff import verify
from vlmdiff.findings import Hypothesis
from vlmdiff.images.decode import fit
from vlmdiff.learn.tokens import between, with_summaries
from vlmdiff.models.base import VisionLanguageModel
from vlmdiff.models.difference import Difference
from vlmdiff.models.lines import lines
from vlmdiff.stats import auroc

Statement = tuple[Side, Content | None]
_AT_ONCE = 32
"""Pairs whose reports are written together."""


@dataclass(frozen=True, eq=False)
class Shown:
    """A validation pair as a model sees it."""

    facts: Facts
    shows: NDArray[np.bool_]
    """(images, facts), the images of A first."""
    pixels: NDArray[np.uint8]
    """(images, size, size, 3), as the model's input was fitted."""
    rows: torch.Tensor
    """Features with summaries, (images, rows, channels), bfloat16."""
    size_a: int


@dataclass(frozen=True)
class _Composed(Dataset[tuple[Facts, NDArray[np.bool_], NDArray[np.uint8]]]):
    configs: Sequence[PairConfig]
    bank: Bank
    seed: int
    size: int

    def __len__(self) -> int:
        return len(self.configs)

    def __getitem__(self, index: int) -> tuple[Facts, NDArray[np.bool_], NDArray[np.uint8]]:
        one_thread_a_worker()
        cv2.setNumThreads(0)
        pair = compose_or_next(self.configs[index], self.bank, self.seed, index)
        shows = np.concatenate([pair.shows_a, pair.shows_b])[:, : len(pair.difference)]
        return pair.difference, shows, np.stack([fit(image, self.size) for image in (*pair.images_a, *pair.images_b)])


def shown(
    configs: Sequence[PairConfig], bank: Bank, seed: int, model: VisionLanguageModel, workers: int
) -> Iterator[Shown]:
    """One pair of each config, encoded by the model; a pure function of its arguments.

    Raises:
        UsageError: a config draws what no training may see: early stopping is training, too.
        ValueError: a pair cannot be drawn.
    """
    for config in configs:
        refuse_held_out(config)
    data = DataLoader(
        _Composed(configs, bank, seed, model.image_size),
        batch_size=None,
        num_workers=workers,
        prefetch_factor=4 if workers else None,
    )
    device = "cuda" if torch.cuda.is_available() else "cpu"
    for facts, shows, pixels in data:
        pixels = np.asarray(pixels)
        with torch.autocast(device, torch.bfloat16):
            rows = with_summaries(model.features(pixels)).to(torch.bfloat16)
        yield Shown(facts, np.asarray(shows), pixels, rows, len(pixels) // 2)


def described(model: VisionLanguageModel, pairs: Iterable[Shown]) -> list[frozenset[Statement]]:
    """What the model writes of each pair, likeliest words, read in both orders; None is what is not understood."""
    found: list[frozenset[Statement]] = []
    orders: list[Difference] = []

    def write() -> None:
        texts = [text for (text,) in model.write(Difference.stack(orders), draws=0, seed=0)] if orders else []
        found.extend(_of("b", of_b) | _of("a", of_a) for of_b, of_a in zip(texts[::2], texts[1::2], strict=True))
        orders.clear()

    for pair in pairs:
        rows = pair.rows.float()
        a, b = rows[: pair.size_a], rows[pair.size_a :]
        orders += [between(a, b), between(b, a)]
        if len(orders) == 2 * _AT_ONCE:
            write()
    write()
    return found


def _of(side: Side, text: str) -> frozenset[Statement]:
    """What a text says of the set that was read second, which is `side`."""
    return frozenset(_stated(side, parse(sentence)) for said, sentence in lines(text) if said == "b")


def _stated(side: Side, content: Content | None) -> Statement:
    return (side, None) if content is None else oriented(side, content)


def f1(said: Collection[Statement], facts: Facts) -> float:
    """Of what was said against what was planted, exact statements only; 1 where rightly nothing was said.

    To name a confounder is neither right nor wrong.
    """
    wanted, excused = _asked(facts)
    told = set(said) - excused
    if not told and not wanted:
        return 1.0
    return 2 * len(told & wanted) / (len(told) + len(wanted))


def recall(said: Collection[Statement], facts: Facts) -> float:
    """The share of the planted facts, confounders aside, that was said exactly; what else was said is not counted.

    A model that is read in both orders is often asked for a difference where there is none to name.
    """
    wanted, _ = _asked(facts)
    return len(wanted & set(said)) / len(wanted)


def _asked(facts: Facts) -> tuple[set[Statement], set[Statement]]:
    """What is to be said, and what may be."""
    wanted, excused = (
        {oriented(fact.side, fact.content) for fact in facts if fact.confounder == aside} for aside in (False, True)
    )
    return set(wanted), set(excused)


def rates(keys: Sequence[str], successes: Sequence[float]) -> Mapping[str, float]:
    """Mean success by key, keys in the order in which they come."""
    by_key: dict[str, list[float]] = {}
    for key, value in zip(keys, successes, strict=True):
        by_key.setdefault(key, []).append(value)
    return {key: sum(values) / len(values) for key, values in by_key.items()}


def judged(model: VisionLanguageModel, pair: Shown) -> list[float]:
    """AUROC of each fact's claim between images that show it and images that do not, as the verifier scores them.

    Facts that only a set as a whole shows are left out.
    """
    images = verify.Judged(pair.rows.float(), pair.pixels)
    found = []
    for column, fact in enumerate(pair.facts):
        touched = pair.shows[:, column]
        if touched.any() and not touched.all():
            claim = Hypothesis(canonical(fact.content), fact.side, 1.0)
            scores = verify.scores(model, [claim], images, images)[:, 0]
            found.append(auroc(scores[~touched], scores[touched]))
    return found
