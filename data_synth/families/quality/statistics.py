"""Pixel statistics that several quality families are painted or measured by."""

from __future__ import annotations

import numpy as np

from data_synth.families.plain import Floats, luma
from data_synth.family import Pixels


def steps_across(grey: Floats) -> float:
    """Root mean square difference of horizontal neighbours (blur keeps the mean absolute one of a plain step)."""
    return float(np.sqrt(np.square(np.diff(grey, axis=1)).mean()))


def steps_down(grey: Floats) -> float:
    """Root mean square difference of vertical neighbours."""
    return float(np.sqrt(np.square(np.diff(grey, axis=0)).mean()))


def edge_gain(before: Pixels, after: Pixels) -> float:
    """Relative change of the difference between neighbouring pixels; -1 where none is left."""
    old, new = luma(before), luma(after)
    start = steps_across(old) + steps_down(old)
    return (steps_across(new) + steps_down(new)) / start - 1 if start else 0.0


def edge_loss(before: Pixels, after: Pixels, *_: object) -> float:
    """Share of the difference between neighbouring pixels that is gone, 0 to 1."""
    return -edge_gain(before, after)
