"""The strength curves for people: a plot by group and a table by family."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from data_synth.calibrate import FAR, MIDDLE_AUROC, SET_SIZE, Calibration, Curve
from data_synth.catalog import EVERY, HELD_OUT_FAMILIES

REACHED, FAINT, TARGET = "#2f6f9f", "#c05a28", "#8a8f98"


def by_group(names: Iterable[str]) -> dict[str, list[str]]:
    """Families by group, groups and families in the catalog's order."""
    groups: dict[str, list[str]] = {}
    for name in EVERY:
        if name in names:
            groups.setdefault(EVERY[name].group, []).append(name)
    return groups


def plot(calibration: Calibration, out: Path) -> None:
    """AUROC against amount, a panel a group, one line a family; the format is that of the file's name.

    Args:
        out: an .svg, .png or .pdf file.
    """
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "vlmdiff"  # the same curves give the same file
    from matplotlib import pyplot

    groups = by_group(calibration.curves)
    columns = 3
    rows = -(-len(groups) // columns)
    figure, axes = pyplot.subplots(rows, columns, figsize=(11, 3.1 * rows), sharex=True, sharey=True, squeeze=False)
    for axis, (group, names) in zip(axes.flat, groups.items(), strict=False):
        axis.axhline(MIDDLE_AUROC, color=TARGET, linewidth=1, linestyle="--")
        for name in names:
            curve = calibration.curves[name]
            amounts, aurocs = zip(*curve.measured, strict=True)
            axis.plot(amounts, aurocs, color=FAINT if curve.middle is None else REACHED, linewidth=0.9, alpha=0.6)
            if curve.middle is not None:
                axis.plot(curve.amounts[5], curve.middle, "o", color=REACHED, markersize=3)
        faint = [name for name in names if calibration.curves[name].middle is None]
        axis.set_title(
            f"{group} ({len(names)}, {len(faint)} faint)" if faint else f"{group} ({len(names)})", fontsize=10
        )
        axis.set_xscale("log")
        axis.set_ylim(0.45, 1.01)
        axis.spines[["top", "right"]].set_visible(False)
    for axis in axes.flat[len(groups) :]:
        axis.set_visible(False)
    figure.supxlabel("amount", fontsize=10)
    figure.supylabel("AUROC of touched against untouched", fontsize=10)
    figure.tight_layout()
    figure.savefig(out, metadata={"Date": None} if out.suffix == ".svg" else None)
    pyplot.close(figure)


def markdown(calibration: Calibration, picture: str) -> str:
    """What strength means, with a table of every family.

    Args:
        picture: the plot's address, relative to the page.
    """
    curves = calibration.curves
    faint = [name for name, curve in curves.items() if curve.middle is None]
    off = [n for n, c in curves.items() if c.middle is not None and abs(c.middle - MIDDLE_AUROC) > FAR]
    overshot = [name for name in faint if curves[name].amounts[5] == 1]
    middle = len(curves) - len(faint) - len(off)
    text = f"""# Strength: one scale for all families

Made by `python -m data_synth calibrate` and `python -m data_synth curves`; do not edit.

Strength 0.5 is the amount at which a linear probe, trained on {calibration.images} touched and as many untouched
photographs, tells as many others apart with an AUROC of {MIDDLE_AUROC}. Strength 0 changes nothing; strength 1 is
amount 1, "obvious at a glance". Below the middle the distance d' grows evenly with the strength, above it the
amount grows by equal factors. The probe reads frozen, hand-made features (data_synth/reference.py, version
{calibration.reference_version}) that look through noise of ten grey levels. For set-level families the probe tells
sets of {SET_SIZE} images apart.

{len(curves)} families. At strength 0.5 the AUROC is within {FAR} of {MIDDLE_AUROC} for {middle};
{len(off)} are farther off; {len(faint)} never reach it and are listed with their ceiling (orange below):
there strength 1 is amount 1, and d' grows evenly up to what is reached.

![AUROC against amount by group]({picture})
"""
    if overshot:
        text += f"""
Above {MIDDLE_AUROC} on the way and below it in full: {", ".join(overshot)}. From strength 0.5 on it is painted in full.
"""
    lines = [text]
    for group, names in by_group(curves).items():
        lines += [
            f"## {group}",
            "",
            "| family | amount at 0.25 | at 0.5 | at 0.75 | AUROC at 0.5 | ceiling | |",
            "| --- | --- | --- | --- | --- | --- | --- |",
            *(_row(name, curves[name]) for name in names),
            "",
        ]
    return "\n".join(lines)


def _row(name: str, curve: Curve) -> str:
    quarter = (curve.amounts[2] + curve.amounts[3]) / 2, curve.amounts[5], (curve.amounts[7] + curve.amounts[8]) / 2
    cells = [name, *(f"{amount:.3f}" for amount in quarter)]
    cells += ["" if value is None else f"{value:.2f}" for value in (curve.middle, curve.ceiling)]
    return f"| {' | '.join([*cells, 'held out' if name in HELD_OUT_FAMILIES else ''])} |"
