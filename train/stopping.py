"""When to stop, by what is not trained on: validation photographs, read by the parser and by the verifier."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from data_synth.config import PairConfig
from data_synth.sources import Bank
from train import validation
from train.describer import Task
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
    described: float | None
    """Mean F1 of exact statements; None: telling is not learned."""
    judged: float | None
    """Median over facts of the AUROC of the true claim, images that show it against images that do not; None: judging
    is not learned."""

    @property
    def criterion(self) -> float:
        """The mean of both, or the one that is known; the AUROC stretched from .5..1 to 0..1."""
        judged = None if self.judged is None else max(0.0, 2 * self.judged - 1)
        known = [value for value in (self.described, judged) if value is not None]
        return sum(known) / len(known)

    def as_row(self) -> dict[str, float]:
        """Of a run card."""
        row = {**asdict(self), "criterion": self.criterion}
        return {name: round(value, 4) for name, value in row.items() if value is not None}

    def told(self) -> str:
        """For a person who waits."""
        parts = {"described": self.described, "judged": self.judged}
        known = ", ".join(f"{name} {value:.3f}" for name, value in parts.items() if value is not None)
        return f"criterion {self.criterion:.3f} ({known}), loss {self.loss:.3f}"


@dataclass(frozen=True)
class Watch:
    """When a run of one piece is read, and when it stops."""

    every: int
    """Steps between readings; after the last step is another."""
    patience: int | None = None
    """Readings without a better criterion after which it stops; None: it goes on to its last step."""

    def ends(self, steps: int) -> tuple[int, ...]:
        """The steps after which is a reading."""
        return (*range(self.every, steps, self.every), steps)


@dataclass(frozen=True)
class Kept:
    """The adapters that readings were of: the best and the last stay, and the best becomes the run's."""

    folder: Path

    def place(self, number: int) -> Path:
        """Of a reading's adapter; readings are counted from 0."""
        return self.folder / f"{number:03}"

    def put(self, number: int, save: Callable[[Path], None]) -> Path:
        """Have an adapter written into its place, whole or not at all."""
        place = self.place(number)
        part = place.with_name(f"{place.name}.part")
        for old in (place, part):
            shutil.rmtree(old, ignore_errors=True)
        save(part)
        return part.rename(place)

    def prune(self, readings: Sequence[Reading]) -> None:
        """Delete what is neither the best nor the last, once the readings are on disk."""
        for number in range(len(readings) - 1):
            if number != best(readings):
                shutil.rmtree(self.place(number), ignore_errors=True)

    def take_best(self, readings: Sequence[Reading], place: Path) -> None:
        """A folder becomes a copy of the best adapter, whole or not at all."""
        part = place.with_name(f"{place.name}.part")
        shutil.rmtree(part, ignore_errors=True)
        shutil.copytree(self.place(best(readings)), part)
        shutil.rmtree(place, ignore_errors=True)
        part.rename(place)


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
    task: Task = "both",
    judged: float | None = None,
) -> Reading:
    """What a model makes of the pairs, in what its task is; `judged`: how right its judge is, where that is known."""
    described = None
    if task != "judge":
        said = validation.described(model, pairs)
        described = float(np.mean([validation.f1(one, pair.facts) for one, pair in zip(said, pairs, strict=True)]))
    if judged is None and task != "tell":
        found = [value for pair in pairs[:JUDGED_PAIRS] for value in validation.judged(model, pair)]
        judged = float(np.median(found)) if found else 0.5
    return Reading(step, loss, described, judged)


def last_loss(log: Path) -> float:
    """What a metrics file says at its end."""
    return float(json.loads(log.read_text(encoding="utf-8").splitlines()[-1])["loss"])


def best(readings: Sequence[Reading]) -> int:
    """Which reading is the highest, the first of equal ones."""
    return max(range(len(readings)), key=lambda i: (readings[i].criterion, -i))


def stops(readings: Sequence[Reading], patience: int | None) -> bool:
    """Whether the last `patience` readings brought nothing better."""
    return bool(readings) and patience is not None and len(readings) - 1 - best(readings) >= patience
