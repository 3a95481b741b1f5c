"""Curves and calibration as SVG: text stays text, colours follow the page, and equal numbers give equal bytes."""

from __future__ import annotations

import re
from io import StringIO
from typing import TYPE_CHECKING

import numpy as np

from eval.calibration import Calibration
from eval.metrics import Floats
from eval.psychometrics import AXES, Curve, Curves

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, SOFT, LINE, BLUE, ORANGE = "#1c1d1f", "#5f6368", "#dfddd6", "#1f5fae", "#b4540a"
_VARIABLES = {INK: "--ink", SOFT: "--soft", LINE: "--line", BLUE: "--a", ORANGE: "--b"}
"""What a page calls these colours, so that a plot in it is dark where the page is."""


def psychometric(found: Curves) -> str:
    """Pairs described right against what is swept: points with 95 % intervals, the fitted curve, the threshold."""
    from matplotlib.ticker import NullFormatter

    figure, axes = _figure(4.6, 3.3)
    curve = found.overall
    log_scale = AXES[curve.axis].scale == "log"
    values = np.array([point.value for point in curve.points])
    for part in found.parts:
        if part.of.endswith("(group)") and part.fit is not None:
            axes.plot(*_fitted(part, values, log_scale), color=LINE, linewidth=1.2)
    if curve.fit is not None:
        axes.plot(*_fitted(curve, values, log_scale), color=BLUE, linewidth=2)
    for point in curve.points:
        axes.plot([point.value] * 2, point.interval, color=BLUE, linewidth=1.4, alpha=0.6, solid_capstyle="round")
    axes.plot(values, [point.right for point in curve.points], "o", color=BLUE, markersize=5.5)
    axes.axhline(0.5, color=SOFT, linewidth=0.8, dashes=(2, 3))
    if curve.threshold is not None and curve.interval is not None:
        axes.plot(curve.interval, [0.5, 0.5], color=ORANGE, linewidth=4, alpha=0.55, solid_capstyle="round")
        axes.plot([curve.threshold], [0.5], "D", color=ORANGE, markersize=6)
    if log_scale:
        axes.set_xscale("log")
    axes.set_xticks(values, [f"{value:g}" for value in values])
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel(curve.axis)
    axes.set_ylabel("described right")
    axes.set_ylim(-0.03, 1.03)
    return _svg(figure, f"psychometric {curve.axis}")


def thresholds(found: Curves) -> str:
    """The value at which half of the pairs are described right, with 95 % intervals, a row a curve that has one."""
    rows = [
        (curve.of, curve.threshold, curve.interval)
        for curve in (found.overall, *found.parts)
        if curve.threshold is not None and curve.interval is not None
    ]
    figure, axes = _figure(4.6, 0.7 + 0.3 * max(len(rows), 1))
    for height, (name, threshold, interval) in enumerate(reversed(rows)):
        colour = ORANGE if name == found.overall.of else BLUE
        axes.plot(interval, [height] * 2, color=colour, linewidth=4, alpha=0.45, solid_capstyle="round")
        axes.plot([threshold], [height], "D", color=colour, markersize=5)
    axes.set_yticks(range(len(rows)), [name for name, _, _ in reversed(rows)])
    axes.set_ylim(-0.7, len(rows) - 0.3)
    values = [point.value for point in found.overall.points]
    if AXES[found.overall.axis].scale == "log":
        from matplotlib.ticker import NullFormatter

        axes.set_xscale("log")
        axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xticks(values, [f"{value:g}" for value in values])
    axes.set_xlabel(f"{found.overall.axis} at which half are described right")
    return _svg(figure, f"thresholds {found.overall.axis}")


def reliability(found: Calibration) -> str:
    """Share of right findings against stated confidence; on the diagonal the report is as right as it is sure."""
    figure, axes = _figure(3.4, 3.1)
    axes.plot([0, 1], [0, 1], color=SOFT, linewidth=0.8, dashes=(2, 3))
    most = max(one.findings for one in found.bins)
    for one in found.bins:
        axes.plot([one.confidence] * 2, one.interval, color=BLUE, linewidth=1.4, alpha=0.6, solid_capstyle="round")
        size = 4 + 7 * (one.findings / most) ** 0.5
        axes.plot([one.confidence], [one.right], "o", color=BLUE, markersize=size)
    axes.set_xlabel(f"stated confidence ({found.confidence})")
    axes.set_ylabel("right")
    axes.set_xlim(-0.03, 1.03)
    axes.set_ylim(-0.03, 1.03)
    return _svg(figure, f"reliability {found.confidence}")


def _fitted(curve: Curve, values: Floats, log_scale: bool) -> tuple[Floats, Floats]:
    assert curve.fit is not None
    stimulus = np.log(values) if log_scale else values
    fine = np.linspace(stimulus[0], stimulus[-1], 120)
    return (np.exp(fine) if log_scale else fine), curve.fit.at(fine)


def _figure(width: float, height: float) -> tuple[Figure, Axes]:
    """Of some inches, with thin lines and no box."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    figure.patch.set_alpha(0)
    axes = figure.add_subplot()
    axes.patch.set_alpha(0)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(SOFT)
    axes.tick_params(which="both", colors=SOFT, labelsize=9)
    axes.grid(color=LINE, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.xaxis.label.set_color(INK)
    axes.yaxis.label.set_color(INK)
    return figure, axes


def _svg(figure: Figure, salt: str) -> str:
    """The figure as an `<svg>` element."""
    import matplotlib

    out = StringIO()
    with matplotlib.rc_context({"svg.hashsalt": salt, "svg.fonttype": "none"}):
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    text = out.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r"<style[^>]*>.*?</style>", "", text, flags=re.DOTALL)  # it would reach the whole page
    text = re.sub(r'(<svg [^>]*?)width="[^"]*"', r"\1", text, count=1)
    text = re.sub(r'(<svg [^>]*?)height="[^"]*"', r"\1", text, count=1)
    text = re.sub(r"font-family: [^;\"]*", "font-family: system-ui, sans-serif", text)
    for colour, name in _VARIABLES.items():
        text = text.replace(colour, f"var({name}, {colour})")
    return text
