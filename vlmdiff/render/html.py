"""The report as one HTML page: no script, nothing fetched, pictures inside."""

from __future__ import annotations

import base64
import json
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from vlmdiff import __version__
from vlmdiff.findings import Report, SideImages
from vlmdiff.render import wording


def page(report: Report, pictures: Mapping[str, bytes]) -> str:
    """A self-contained page; every text is escaped, so that neither a model nor a file name can put markup into it.

    Args:
        report: what to show.
        pictures: PNG thumbnails by opaque id; an exemplar without one is shown by its id alone.
    """
    report = wording.cleaned(report)
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    verified, unverified = wording.split(report)
    return environment.get_template("page.html.jinja").render(
        report=report,
        verified=verified,
        unverified=unverified,
        pictures={wording.clean(name): _data_uri(png) for name, png in pictures.items()},
        skipped={"A": _by_reason(report.images.a), "B": _by_reason(report.images.b)},
        settings={name: _setting(value) for name, value in report.settings.items()},
        version=__version__,
        say=wording,
    )


def _data_uri(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")


def _by_reason(images: SideImages) -> dict[str, list[str]]:
    """File ids of the skipped images, by reason."""
    files: dict[str, list[str]] = defaultdict(list)
    for item in images.skipped:
        files[item.reason].append(item.file)
    return dict(files)


def _setting(value: object) -> str:
    if value is None:
        return "none"
    return value if isinstance(value, str) else json.dumps(value)
