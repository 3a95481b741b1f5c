"""The report as one HTML page: no script, nothing fetched, pictures inside."""

from __future__ import annotations

import base64
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from vlmdiff import __version__
from vlmdiff.findings import Finding, Report, SideImages
from vlmdiff.render import overlay, wording


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
        cards=report.findings if report.claim else verified,
        listed=[] if report.claim else unverified,
        pictures={wording.clean(name): _data_uri(png) for name, png in pictures.items()},
        square={wording.clean(name): _square(png) for name, png in pictures.items()},
        skipped={"A": _by_reason(report.images.a), "B": _by_reason(report.images.b)},
        heat=_heat,
        version=__version__,
        say=wording,
    )


def _data_uri(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")


def _square(png: bytes) -> str:
    """Side of the largest centred square, which is what the model sees, in percent of the picture's longer side."""
    width, height = (int.from_bytes(png[at : at + 4], "big") for at in (16, 20))  # of the header, which comes first
    return f"{100 * min(width, height) / max(width, height):.1f}" if min(width, height) > 0 else "100"


def _by_reason(images: SideImages) -> dict[str, list[str]]:
    """File ids of the skipped images, by reason."""
    files: dict[str, list[str]] = defaultdict(list)
    for item in images.skipped:
        files[item.reason].append(item.file)
    return dict(files)


def _heat(finding: Finding) -> dict[str, str]:
    """Maps to lay over the exemplars, by id."""
    return {name: _data_uri(overlay.png(shares)) for name, shares in finding.heat.items()}
