"""Drawn images that need no download: a dozen kinds of pictures, each as varied as a set of real ones.

Every painter takes (rng, size) and returns a square RGB image. Lengths are shares of the side, so that any size
shows the same kind of picture.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from data_synth.family import Pixels
from data_synth.procedural import everyday, made, microscopy, radiology

FIELDS: dict[str, Callable[[np.random.Generator, int], Pixels]] = {
    "shapes": everyday.shapes,
    "leaves": everyday.leaves,
    "landscape": everyday.landscape,
    "aerial": everyday.aerial,
    "document": made.document,
    "weave": made.weave,
    "surface": made.surface,
    "tissue": microscopy.tissue,
    "cells": microscopy.cells,
    "xray": radiology.xray,
    "slice": radiology.slice_,
    "ultrasound": radiology.ultrasound,
}
"""Kinds of drawn images; each painter takes (rng, size)."""


def draw(kind: str, rng: np.random.Generator, size: int) -> Pixels:
    """One image of the kind, `size` px a side.

    Raises:
        ValueError: the kind is none of FIELDS.
    """
    if kind not in FIELDS:
        raise ValueError(f"no drawn images of kind {kind!r}; known are {', '.join(FIELDS)}")
    return FIELDS[kind](rng, size)
