"""Strength on one perceptual scale: 0.5 of any family is about as detectable as 0.5 of another."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np

CURVES = Path(__file__).with_name("calibration.json")


@cache
def _curves() -> dict[str, list[float]]:
    if not CURVES.exists():
        return {}
    curves: dict[str, list[float]] = json.loads(CURVES.read_text())["amounts"]
    return curves


def amount_for(family: str, strength: float) -> float:
    """The raw amount at which `family` has this strength; the strength itself where it was never calibrated."""
    amounts = _curves().get(family)
    if amounts is None:
        return strength
    return float(np.interp(strength, np.linspace(0, 1, len(amounts)), amounts))
