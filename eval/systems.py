"""What is scored: systems that look at two sets of images and write a report."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from data_synth.family import Pixels
from data_synth.sources import Bank
from vlmdiff import __version__
from vlmdiff.findings import Report, Side
from vlmdiff.images.decode import Header, fit
from vlmdiff.images.sets import LoadedSet, SetPair
from vlmdiff.images.sources import Reference

if TYPE_CHECKING:
    from vlmdiff.models.base import VisionLanguageModel

ALPHA = 0.05
"""Of the two-sample test and of the findings: one for every suite, so that accuracy and nulls belong together."""


class System(Protocol):
    """Two sets of images in, a report out."""

    @property
    def identity(self) -> dict[str, Any]:
        """What makes its answers, as JSON: a run goes on only with the same."""
        ...

    @property
    def families(self) -> tuple[str, ...]:
        """The families that it was trained on; empty where that is not known."""
        ...

    def describe(self, images_a: Sequence[Pixels], images_b: Sequence[Pixels], seed: int) -> Report:
        """The report on two sets of RGB images of any size; the same for the same images and seed."""
        ...


@dataclass(frozen=True)
class Vlmdiff:
    """`vlmdiff describe` with one model, on pixels instead of files."""

    model: VisionLanguageModel

    @property
    def identity(self) -> dict[str, Any]:
        return {"name": "vlmdiff", "version": __version__, "alpha": ALPHA, "model": self.model.info.model_dump()}

    @property
    def families(self) -> tuple[str, ...]:
        return self.model.taught

    def describe(self, images_a: Sequence[Pixels], images_b: Sequence[Pixels], seed: int) -> Report:
        from vlmdiff.describe import answer

        size = self.model.image_size
        pair = SetPair(in_memory(images_a, "a", size), in_memory(images_b, "b", size), warnings=[], window=None)
        return answer(pair, self.model, alpha=ALPHA, seed=seed)


def in_memory(images: Sequence[Pixels], side: Side, size: int) -> LoadedSet:
    """A set as if read from PNG files, fitted to `size` px a side as `describe` fits it; no file is behind it."""
    ids = [f"{side.upper()}-{number:04d}" for number in range(1, len(images) + 1)]
    return LoadedSet(
        side=side,
        ids=ids,
        pixels=np.stack([fit(image, size) for image in images]),
        skipped=[],
        digests=[hashlib.sha256(image.tobytes()).hexdigest() for image in images],
        headers=[Header("PNG", image.shape[1], image.shape[0], high_depth=False) for image in images],
        references=[Reference(id=name, name=name, path=Path(name)) for name in ids],
        window=None,
    )


def open_vlmdiff(bank: Path | None, model: str, adapter: str | None) -> tuple[Bank, System]:
    """The base images and the system of a run, opened in the process that uses them; drawn images alone without a bank.

    Raises:
        InputError: the bank is missing or damaged.
        ModelError: the model or its adapter is.
    """
    from vlmdiff import models

    return Bank.load(bank) if bank else Bank.drawn_only(), Vlmdiff(models.load(model, adapter=adapter))
