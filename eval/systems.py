"""What is scored: systems that look at two sets of images and write a report."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from data_synth.family import Pixels
from data_synth.sources import Bank
from vlmdiff import __version__
from vlmdiff.errors import ModelError, UsageError
from vlmdiff.findings import Report, Side
from vlmdiff.images.decode import Header, fit
from vlmdiff.images.references import Reference
from vlmdiff.images.sets import LoadedSet, SetPair
from vlmdiff.models.card import CARD_FILE, RunCard

if TYPE_CHECKING:
    from vlmdiff.models.base import VisionLanguageModel

ALPHA = 0.05
"""Of the two-sample test and of the findings: one for every suite, so that accuracy and nulls belong together."""


Groups = tuple[Sequence[str], Sequence[str]]


class System(Protocol):
    """Two sets of images in, a report out."""

    @property
    def identity(self) -> dict[str, Any]:
        """What makes its answers, as JSON: a run goes on only with the same."""
        ...

    @property
    def card(self) -> RunCard | None:
        """What it was trained on, by us; None: nothing."""
        ...

    def describe(
        self, images_a: Sequence[Pixels], images_b: Sequence[Pixels], seed: int, groups: Groups | None = None
    ) -> Report:
        """The report on two sets of RGB images of any size; the same for the same images and seed.

        Args:
            groups: of each image of A and of B the patient, plate or burst; None: each stands alone.
        """
        ...


@dataclass(frozen=True)
class Vlmdiff:
    """`vlmdiff describe` with one model, on pixels instead of files."""

    model: VisionLanguageModel
    method: str = "learned"

    @property
    def identity(self) -> dict[str, Any]:
        return {
            "name": self.method,
            "version": __version__,
            "alpha": ALPHA,
            "model": self.model.info.model_dump(),
        }

    @property
    def card(self) -> RunCard | None:
        return self.model.card

    def describe(
        self, images_a: Sequence[Pixels], images_b: Sequence[Pixels], seed: int, groups: Groups | None = None
    ) -> Report:
        from vlmdiff.describe import answer

        return answer(
            loaded(images_a, images_b, self.model.image_size, groups),
            self.model,
            method=self.method,
            alpha=ALPHA,
            seed=seed,
        )


def loaded(images_a: Sequence[Pixels], images_b: Sequence[Pixels], size: int, groups: Groups | None) -> SetPair:
    """Two sets of pixels as `describe` would have read them from files."""
    of_a, of_b = groups or (None, None)
    a, b = in_memory(images_a, "a", size, of_a), in_memory(images_b, "b", size, of_b)
    return SetPair(a, b, warnings=[], window=None)


def in_memory(images: Sequence[Pixels], side: Side, size: int, groups: Sequence[str] | None = None) -> LoadedSet:
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
        groups=list(groups) if groups is not None else None,
    )


@dataclass(frozen=True)
class Options:
    """What the command line says of a system; each takes what it needs."""

    bank: Path | None = None
    """Base images, packed; None: drawn images alone."""
    model: str = "mini"
    adapter: str | None = None
    endpoint: str | None = None
    """Base address of a server that speaks the OpenAI protocol."""


def open_method(method: str, options: Options) -> System:
    """`vlmdiff describe` by one of its methods; a model that nobody tuned has no card, and is scored as it is.

    Raises:
        ModelError: the model or its adapter is missing or damaged, or an adapter has no run card, or the model was not
            made for the method.
    """
    from vlmdiff import models, propose

    model = models.load(options.model, adapter=options.adapter)
    if model.card is None and (options.adapter or options.model == "mini"):
        raise ModelError(f"the adapter of {options.model} has no {CARD_FILE}: nobody knows what it was trained on")
    propose.check(method, model)
    return Vlmdiff(model, method)


def open_learned(options: Options) -> System:
    """Difference tokens: see `open_method`."""
    return open_method("learned", options)


def open_in_context(options: Options) -> System:
    """Images of both sets in one prompt: see `open_method`."""
    return open_method("in_context", options)


def open_caption_rank(options: Options) -> System:
    """Captions of single images, compared: see `open_method`."""
    return open_method("caption_rank", options)


def open_pixels(options: Options) -> System:
    """Pixel statistics and templates."""
    from eval.baselines import PIXELS

    return PIXELS


def open_nearest(options: Options) -> System:
    """The captions of the nearest training pairs; the first time, it looks at them for some minutes."""
    from eval import nearest

    return nearest.open_nearest(options)


def open_random(options: Options) -> System:
    """A die: the floor that everything should be above."""
    from eval.baselines import RANDOM

    return RANDOM


def open_chat(options: Options) -> System:
    """A chat model: a local folder, or one behind an endpoint."""
    from eval import chat

    return chat.open_chat(options)


SYSTEMS: dict[str, Callable[[Options], System]] = {
    "learned": open_learned,
    "in_context": open_in_context,
    "caption_rank": open_caption_rank,
    "pixels": open_pixels,
    "nearest": open_nearest,
    "random": open_random,
    "chat": open_chat,
}
"""By name."""


def open_system(name: str, options: Options) -> System:
    """The system of that name, opened in the process that uses it.

    Raises:
        UsageError: there is no such system, or an option that it needs is absent.
        ModelError: its model is missing or damaged.
    """
    if name not in SYSTEMS:
        raise UsageError(f"no system {name!r}; known are {', '.join(SYSTEMS)}")
    return SYSTEMS[name](options)


def open_bank(path: Path | None) -> Bank:
    """The base images; drawn images alone where no bank is named."""
    return Bank.load(path) if path else Bank.drawn_only()


def opened(name: str, options: Options) -> tuple[Bank, System]:
    """Base images and a system; here and not in `__main__`, whose functions a spawned process does not find."""
    return open_bank(options.bank), open_system(name, options)
