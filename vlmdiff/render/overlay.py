"""A heat map as a small transparent picture that lies over the image it is of."""

from __future__ import annotations

import io
from collections.abc import Sequence

SIDE = 96
"""Pixels; the page stretches it over the image."""
_COLOURS = ((0.0, (120, 0, 140)), (0.4, (225, 40, 90)), (0.7, (255, 150, 30)), (1.0, (255, 240, 120)))
"""From cold to hot, rising in lightness, so that grey print and colour-blind readers keep the order."""
_DENSEST = 0.7
"""Opacity of the hottest place; the coldest is clear."""


def png(shares: Sequence[Sequence[float]]) -> bytes:
    """A PNG of SIDE x SIDE from rows of shares of the hottest cell, 0 to 1."""
    import cv2
    import numpy as np
    from PIL import Image

    cells = np.asarray(shares, np.float32)
    smooth = cv2.resize(cells, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC).clip(0, 1)
    stops, colours = [stop for stop, _ in _COLOURS], np.array([colour for _, colour in _COLOURS], np.float32)
    drawn = np.empty((SIDE, SIDE, 4), np.uint8)
    for channel in range(3):
        drawn[..., channel] = np.interp(smooth, stops, colours[:, channel])
    drawn[..., 3] = 255 * _DENSEST * np.sqrt(smooth)
    out = io.BytesIO()
    Image.fromarray(drawn).save(out, "PNG", optimize=True)
    return out.getvalue()
