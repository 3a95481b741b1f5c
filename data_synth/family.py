"""The protocols of augmentation families, of images and of sets: draw, paint, contents, wordings, measure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from data_synth.facts import Content

Pixels = NDArray[np.uint8]
"""RGB, shape (height, width, 3)."""


class Family(Protocol):
    """A named transformation whose effect is known in words.

    `draw` throws the dice once a set (what every touched image of the set shares: colour, direction, place);
    `paint` touches one image and may throw its own dice for what differs from image to image (where a random
    spot lies, the grain of a noise). The fact is written from the drawn parameters, never read back from pixels.
    """

    name: str
    """Unique in the catalog; lower case with underscores."""
    group: str
    """colour, quality, geometry, inserts, overlays, texture, clinical or microscopy."""

    def draw(self, rng: np.random.Generator) -> Any:
        """Draw the parameters (a frozen dataclass) that the touched images of a set share, strength excluded."""
        ...

    def paint(self, image: Pixels, params: Any, amount: float, rng: np.random.Generator) -> Pixels:
        """A touched copy, same shape and dtype; the input is left as it is.

        Args:
            image: any size from 32 to 1024 px a side; effects scale with the size.
            params: what `draw` returned.
            amount: 0 (nothing changes) to 1 (obvious at a glance), growing evenly; the raw scale that
                calibration maps strength onto.
            rng: for what differs from image to image.
        """
        ...

    def content(self, params: Any) -> Content:
        """What the touched images show, from the parameters."""
        ...

    def contents(self) -> Iterable[Content]:
        """Every content that `draw` can lead to."""
        ...

    def wordings(self, content: Content) -> tuple[str, ...]:
        """Sentences that say it, the canonical one first, at least four; each names what the touched images show
        ("the images are darker"), comparative where it is a matter of degree, and never names a set. No two
        contents of the catalog share a wording."""
        ...

    def measure(self, before: Pixels, after: Pixels, params: Any) -> float:
        """How much of the fact is in the pixels: 0 where nothing changed, above 0 where it shows."""
        ...


@dataclass(frozen=True)
class PaintedSets:
    """Two sets after a set-level change."""

    holder: list[Pixels]
    other: list[Pixels]
    rows: NDArray[np.int64]
    """Which image each of the holder's is made of, (images,): 0, 1, 2, ... but where images are repeated."""


class SetFamily(Protocol):
    """A change that no single image shows: the set that the fact is true of, the holder, is compared with the other.

    Like `Family`, but `paint` takes and `measure` compares whole sets, and some families change both.
    """

    name: str
    group: str
    """sets."""

    def draw(self, rng: np.random.Generator) -> Any: ...

    def paint(
        self, holder: Sequence[Pixels], other: Sequence[Pixels], params: Any, amount: float, rng: np.random.Generator
    ) -> PaintedSets:
        """Copies of both sets, touched so that the fact is true of the holder; amount 0 changes nothing."""
        ...

    def content(self, params: Any) -> Content: ...

    def contents(self) -> Iterable[Content]: ...

    def wordings(self, content: Content) -> tuple[str, ...]: ...

    def measure(self, holder: Sequence[Pixels], other: Sequence[Pixels], params: Any) -> float:
        """How much truer the fact is of the holder than of the other set; grows with the amount."""
        ...
