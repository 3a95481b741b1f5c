"""When to stop, by what is not trained on: validation photographs, read by the parser and by the verifier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from data_synth.config import PairConfig
from data_synth.sources import Bank
from train import validation
from vlmdiff.models.base import VisionLanguageModel

PAIRS, JUDGED_PAIRS = 96, 32
"""Pairs that reports are written of; of the first of them claims are judged, which takes longer."""
_SIZE = 24
_SEED = 940_001
"""Of the pairs: the same in every run, far from the seeds of training and of evaluation."""


@dataclass(frozen=True)
class Reading:
    """One look at the criterion."""

    step: int
    loss: float
    """Of training, running mean: the criterion that has a gradient."""
    described: float
    """Mean F1 of exact statements."""
    judged: float
    """Median over facts of the AUROC of the true claim, images that show it against images that do not."""

    @property
    def criterion(self) -> float:
        """The mean of both, the AUROC stretched from .5..1 to 0..1."""
        return (self.described + max(0.0, 2 * self.judged - 1)) / 2

    def as_row(self) -> dict[str, float]:
        """Of a run card."""
        return {name: round(value, 4) for name, value in {**asdict(self), "criterion": self.criterion}.items()}


def pairs_of(within: PairConfig) -> PairConfig:
    """What the criterion's pairs are drawn from: one clear difference on validation photographs, as suite `core`."""
    return replace(
        within,
        split="val",
        set_size=(_SIZE, _SIZE),
        facts=(0.0, 1.0),
        strength=(0.5, 1.0),
        prevalence=(0.6, 1.0),
        nuisances=(0.6, 0.32, 0.08),
        confounded=0.0,
        drawn_share=0.0,
    )


def shown(within: PairConfig, bank: Bank, model: VisionLanguageModel, workers: int) -> list[validation.Shown]:
    """The criterion's pairs, encoded once: the vision path is not trained between readings."""
    return list(validation.shown([pairs_of(within)] * PAIRS, bank, _SEED, model, workers))


def read(
    model: VisionLanguageModel,
    pairs: Sequence[validation.Shown],
    step: int,
    loss: float,
    judged: float | None = None,
) -> Reading:
    """What a model makes of the pairs; `judged`: how right its judge is, where that is known."""
    said = validation.described(model, pairs)
    described = [validation.f1(one, pair.facts) for one, pair in zip(said, pairs, strict=True)]
    if judged is None:
        found = [value for pair in pairs[:JUDGED_PAIRS] for value in validation.judged(model, pair)]
        judged = float(np.median(found)) if found else 0.5
    return Reading(step, loss, float(np.mean(described)), judged)


def best(readings: Sequence[Reading]) -> int:
    """Which reading is the highest, the first of equal ones."""
    return max(range(len(readings)), key=lambda i: (readings[i].criterion, -i))


def stops(readings: Sequence[Reading], patience: int) -> bool:
    """Whether the last `patience` readings brought nothing better."""
    return bool(readings) and len(readings) - 1 - best(readings) >= patience
