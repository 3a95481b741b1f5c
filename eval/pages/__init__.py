"""The scoreboard as one HTML page: no script, nothing fetched, plots and pictures inside."""

from __future__ import annotations

import base64
import json
import platform
import subprocess
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from PIL import Image

from data_synth.family import Pixels
from data_synth.sources import Bank
from eval import plots, tables
from eval.cases import Suite
from eval.costs import Spent
from eval.metrics import BOUNDS, HEADLINE, METRICS
from eval.scoreboard import GROUPED, Scoreboard
from vlmdiff import __version__

PICTURED = 8
"""Failures of a suite that are shown with their images."""
IMAGES = 4
"""Shown of each set."""
SIDE = 112
"""Pixels of a picture's longer side."""
PACKAGES = ("numpy", "scipy", "torch", "transformers", "peft", "opencv-python-headless", "pillow")

Pictures = Mapping[tuple[str, int], tuple[list[str], list[str]]]
"""Of a suite's pair, by index: the first images of A and of B, as data addresses."""


def environment() -> Environment:
    """Every text is escaped, so that neither a model nor a file name can put markup into a page."""
    return Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def page(board: Scoreboard, spent: Sequence[Spent], pictures: Pictures, provenance: Mapping[str, str]) -> str:
    """The whole scoreboard.

    Args:
        pictures: of the failures to show with their images.
        provenance: what was used, and in which version.
    """
    recipes = {name: json.dumps(suite["recipe"], indent=1) for name, suite in board.run["suites"].items()}
    return (
        environment()
        .get_template("scoreboard.html.jinja")
        .render(
            board=board,
            spent=spent,
            pictures=pictures,
            pictured=PICTURED,
            images=IMAGES,
            plots={suite.name: _plots(board, number) for number, suite in enumerate(board.suites)},
            provenance=provenance,
            recipes=recipes,
            system=json.dumps(board.run["system"], indent=1, sort_keys=True),
            metrics=METRICS,
            headline=HEADLINE,
            bounds=BOUNDS,
            grouped=GROUPED,
            tables=tables,
            version=__version__,
        )
    )


def _plots(board: Scoreboard, number: int) -> dict[str, Markup]:
    """By what they show; our own SVG, in which no text is anybody's but ours."""
    suite = board.suites[number]
    found = {}
    if suite.curves:
        found["psychometric"] = Markup(plots.psychometric(suite.curves))
        if any(curve.threshold is not None for curve in suite.curves.parts):
            found["thresholds"] = Markup(plots.thresholds(suite.curves))
    for one in suite.calibrations:
        found[one.confidence] = Markup(plots.reliability(one))
    return found


def failure_pictures(board: Scoreboard, suites: Sequence[Suite], bank: Bank) -> Pictures:
    """The first images of the failures that the page shows, made anew."""
    by_name = {suite.name: suite for suite in suites}
    shown = {}
    for suite in board.suites:
        for failure in suite.failures[:PICTURED]:
            case = by_name[suite.name].case(failure.index, bank)
            sides = [[_thumbnail(image) for image in side[:IMAGES]] for side in (case.images_a, case.images_b)]
            shown[suite.name, failure.index] = (sides[0], sides[1])
    return shown


def _thumbnail(image: Pixels) -> str:
    height, width = image.shape[:2]
    scale = SIDE / max(height, width)
    if scale < 1:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    out = BytesIO()
    Image.fromarray(image).save(out, format="JPEG", quality=88, subsampling=0)
    return "data:image/jpeg;base64," + base64.b64encode(out.getvalue()).decode("ascii")


def provenance() -> dict[str, str]:
    """The code's commit and the versions of what computes."""
    found = {"vlmdiff": __version__, "commit": _commit(), "Python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def _commit() -> str:
    """Of the checkout, with a mark where its files differ from it."""
    root = Path(__file__).parent
    try:
        asked = [["rev-parse", "HEAD"], ["status", "--porcelain", "--untracked-files=no"]]
        head, changed = (
            subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, check=True).stdout.strip()
            for words in asked
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{head}, with changes" if changed else head
