"""Levels against steps as SVG: a small panel a family, numbers first; text stays text, colours follow the page."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from data_synth.catalog import SET_FAMILIES
from train.curriculum import State

_INK, _SOFT, _LINE = "var(--ink, #1c1d1f)", "var(--soft, #5f6368)", "var(--line, #dfddd6)"
_COLOURS = {"strength": "var(--a, #1f5fae)", "prevalence": "var(--b, #b4540a)"}
_COLUMNS, _WIDTH, _HEIGHT, _TITLE, _GAP = 8, 104, 34, 13, 12
Series = Sequence[tuple[int, float]]
"""(step, level) points."""


def svg(rounds: Sequence[tuple[int, State]]) -> str:
    """One panel a family in the order of entry, 0 to 1, strength and prevalence; before them how numbers grew.

    Args:
        rounds: the step at which each ended, and its state.
    """
    if not rounds:
        return ""
    steps, last = rounds[-1][0], rounds[-1][1]
    panels = [
        _panel(f"{name}, of {most:g}", {"strength": [(step, value(state) / most) for step, state in rounds]}, steps)
        for name, value, most in (
            ("differences", lambda state: state.differences, 5.0),
            ("nuisances", lambda state: state.nuisances, 3.0),
            ("confounded share", lambda state: state.confounded, 1.0),
            ("families", lambda state: len(state.standings), float(len(last.standings) + len(last.waiting))),
        )
    ]
    panels += [""] * (-len(panels) % _COLUMNS)
    panels += [_of_family(name, rounds, steps) for name in last.standings]
    rows = -(-len(panels) // _COLUMNS)
    width, height = _COLUMNS * (_WIDTH + _GAP) + _GAP, rows * (_TITLE + _HEIGHT + _GAP) + 2 * _GAP + 14
    placed = [
        f'<g transform="translate({_GAP + i % _COLUMNS * (_WIDTH + _GAP)},'
        f'{2 * _GAP + 14 + i // _COLUMNS * (_TITLE + _HEIGHT + _GAP)})">{panel}</g>'
        for i, panel in enumerate(panels)
        if panel
    ]
    legend = "".join(f'<tspan fill="{colour}" dx="10">{name}</tspan>' for name, colour in _COLOURS.items())
    head = (
        f'<text x="{_GAP}" y="{_GAP + 8}" font-size="11" fill="{_INK}">'
        f"Lowest level, 0 to 1, to step {steps}{legend}</text>"
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="system-ui, sans-serif" '
        f'role="img" aria-label="Levels of the curriculum by family">{head}{"".join(placed)}</svg>\n'
    )


def _of_family(name: str, rounds: Sequence[tuple[int, State]], steps: int) -> str:
    here = [(step, state.standings[name]) for step, state in rounds if name in state.standings]
    series: dict[str, Series] = {"strength": [(step, standing.strength) for step, standing in here]}
    if name not in SET_FAMILIES:
        series["prevalence"] = [(step, standing.prevalence) for step, standing in here]
    return _panel(name.replace("_", " "), series, steps)


def _panel(title: str, series: dict[str, Series], steps: int) -> str:
    lines = []
    for name, points in series.items():
        path = " ".join(f"{step / steps * _WIDTH:.1f},{_TITLE + (1 - value) * _HEIGHT:.1f}" for step, value in points)
        lines.append(f'<polyline points="{path}" fill="none" stroke="{_COLOURS[name]}" stroke-width="1.5"/>')
    frame = f'<path d="M0 {_TITLE}V{_TITLE + _HEIGHT}H{_WIDTH}" fill="none" stroke="{_LINE}"/>'
    return f'<text y="8" font-size="9" fill="{_SOFT}">{escape(title)}</text>{frame}{"".join(lines)}'
