"""The protocol of an augmentation family: draw, paint, contents, wordings, measure."""

from __future__ import annotations

from collections.abc import Iterable
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
    """colour, quality, geometry, inserts or overlays."""

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
