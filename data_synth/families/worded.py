"""A family in its plainest form: one painter, and a table from contents to their wordings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from data_synth.facts import Content
from data_synth.family import Pixels


@dataclass(frozen=True)
class Drawn:
    """What the touched images of a set share."""

    content: Content
    style: float
    """0 to 1, below 1: chooses looks that no fact speaks of (the colour of a lettering, the spacing of a grid)."""


Painter = Callable[[Pixels, Drawn, float, np.random.Generator], Pixels]
"""Like Family.paint, for amounts above 0."""
Measure = Callable[[Pixels, Pixels], float]


def changed(before: Pixels, after: Pixels) -> float:
    """Mean absolute change, 0 to 255."""
    return float(np.abs(after.astype(np.int16) - before).mean())


def lightened(before: Pixels, after: Pixels) -> float:
    """Mean rise over the pixels, falls not counted, 0 to 255."""
    return float(np.maximum(after.astype(np.int16) - before, 0).mean())


def darkened(before: Pixels, after: Pixels) -> float:
    """Mean fall over the pixels, rises not counted, 0 to 255."""
    return lightened(after, before)


@dataclass  # not frozen: the protocol's name and group are plain attributes
class WordedFamily:
    """A `Family` made of a painter and of the sentences for each content it can draw."""

    name: str
    group: str
    painter: Painter
    said: Mapping[Content, tuple[str, ...]]
    measured: Measure = changed

    def draw(self, rng: np.random.Generator) -> Drawn:
        contents = tuple(self.said)
        return Drawn(contents[rng.integers(len(contents))], float(rng.random()))

    def paint(self, image: Pixels, params: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
        return self.painter(image, params, min(amount, 1.0), rng) if amount > 0 else image.copy()

    def content(self, params: Drawn) -> Content:
        return params.content

    def contents(self) -> Iterable[Content]:
        return tuple(self.said)

    def wordings(self, content: Content) -> tuple[str, ...]:
        return self.said[content]

    def measure(self, before: Pixels, after: Pixels, params: Drawn) -> float:
        return self.measured(before, after)
