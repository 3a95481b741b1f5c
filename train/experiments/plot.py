"""Curves of experiments as SVG: a panel a measure, a dot a seed, a bar the mean; colours follow the page."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from html import escape

import numpy as np

_INK, _SOFT, _LINE, _DOT = "var(--ink, #1c1d1f)", "var(--soft, #5f6368)", "var(--line, #dfddd6)", "var(--a, #1f5fae)"
_WIDTH, _HEIGHT, _LEFT, _TOP, _BOTTOM, _GAP = 190, 120, 30, 34, 34, 24

Measure = Mapping[str, Sequence[float]]
"""By point, the value of each seed."""


def svg(title: str, measures: Mapping[str, Measure], joined: Collection[str]) -> str:
    """Side by side, all from 0 to 1, the points evenly spaced in the order in which they come.

    Args:
        joined: points that a line goes through; the others stand alone.
    """
    step = _LEFT + _WIDTH + _GAP
    width, height = step * len(measures), _TOP + _HEIGHT + _BOTTOM
    panels = "".join(
        f'<g transform="translate({i * step + _LEFT},{_TOP})">{_panel(name, measure, joined)}</g>'
        for i, (name, measure) in enumerate(measures.items())
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="system-ui, sans-serif" '
        f'font-size="9" role="img" aria-label="{escape(title)}">{panels}</svg>\n'
    )


def _panel(name: str, measure: Measure, joined: Collection[str]) -> str:
    xs = (np.arange(len(measure)) + 0.5) * _WIDTH / max(1, len(measure))
    ticks = "".join(
        f'<path d="M0 {_y(v):.0f}H{_WIDTH}" stroke="{_LINE}"/>'
        f'<text x="-5" y="{_y(v) + 3:.0f}" text-anchor="end" fill="{_SOFT}">{v:g}</text>'
        for v in (0, 0.25, 0.5, 0.75, 1)
    )
    words = "".join(
        f'<text text-anchor="middle" fill="{_SOFT}">'
        + "".join(
            f'<tspan x="{x:.1f}" y="{_HEIGHT + 12 + 10 * row}">{escape(word)}</tspan>'
            for row, word in enumerate(point.split(" "))
        )
        + "</text>"
        for x, point in zip(xs, measure, strict=True)
    )
    seeds = "".join(
        f'<circle cx="{x:.1f}" cy="{_y(value):.1f}" r="2" fill="{_DOT}" opacity=".5"/>'
        for x, values in zip(xs, measure.values(), strict=True)
        for value in values
    )
    means = {point: (x, _y(float(np.mean(v)))) for x, (point, v) in zip(xs, measure.items(), strict=True)}
    path = " ".join(f"{x:.1f},{y:.1f}" for point, (x, y) in means.items() if point in joined)
    line = f'<polyline points="{path}" fill="none" stroke="{_DOT}" stroke-width="1.5"/>'
    bars = "".join(f'<path d="M{x - 5:.1f} {y:.1f}h10" stroke="{_DOT}" stroke-width="1.5"/>' for x, y in means.values())
    return f'<text y="-12" font-size="11" fill="{_INK}">{escape(name)}</text>{ticks}{words}{line}{bars}{seeds}'


def _y(value: float) -> float:
    return _HEIGHT * (1 - value)
