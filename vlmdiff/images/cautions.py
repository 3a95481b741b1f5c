"""What about the files, not about what they show, may mislead a comparison: the commonest false discoveries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from math import sqrt
from statistics import median
from typing import TYPE_CHECKING

import numpy as np

from vlmdiff.images import duplicates
from vlmdiff.images.decode import Header
from vlmdiff.images.groups import is_alone
from vlmdiff.stats import auroc

if TYPE_CHECKING:
    from vlmdiff.images.sets import LoadedSet

SEPARATES = 0.9
"""AUROC from which a property of the files is said to tell the sets apart."""
SURE = 3.0
"""Standard deviations of chance that it must be away from 0.5, too: 8 + 8 files can be, 6 + 6 never are."""
MODALITIES = frozenset(
    (
        *("AR", "BI", "CR", "CT", "DG", "DMS", "DX", "EPS", "ES", "GM", "HC", "HD", "IO", "IOL", "IVOCT", "IVUS"),
        *("KER", "LEN", "LS", "MG", "MR", "NM", "OAM", "OCT", "OP", "OPM", "OPT", "OPTBSV", "OPTENF", "OPV", "OT"),
        *("PT", "PX", "RF", "RG", "RTIMAGE", "SM", "SRF", "TG", "US", "VA", "XA", "XC", "SC", "BDUS"),
    )
)
"""Of DICOM (PS3.3 C.7.3.1.1.1), those that may hold pictures; any other word in that tag is not repeated."""
LOOKED_AT = 3000
"""Images a set in which near-duplicates are looked for."""


def cautions(a: LoadedSet, b: LoadedSet) -> list[str]:
    """One line each, with numbers; none names a file."""
    found = []
    for one in (a, b):
        found += _of_one(one)
    shared = set(a.digests) & set(b.digests)
    if shared:
        found.append(f"{_images(len(shared))} in both sets (same bytes)")
    return [*found, *_near_duplicates(a, b, shared), *_file_differences(a.headers, b.headers), *_group_cautions(a, b)]


def reasons(given: Sequence[str]) -> str:
    """The three commonest, with counts: "2 truncated file, 1 empty file"."""
    return ", ".join(f"{count} {reason}" for reason, count in Counter(given).most_common(3))


def _of_one(one: LoadedSet) -> list[str]:
    name, total = one.side.upper(), len(one.headers)
    files = len({reference.id for reference in one.references}) + len(one.skipped)
    found = []
    if one.skipped:
        why = reasons([skip.reason for skip in one.skipped])
        found.append(f"{name}: {len(one.skipped)} of {files} files skipped ({why})")
    copies = len(one.digests) - len(set(one.digests))
    if copies:
        found.append(f"{name}: {copies} of {total} images repeat others (same bytes)")
    cropped = sum(1 - min(h.width, h.height) / max(h.width, h.height) > 0.4 for h in one.headers)
    if 2 * cropped > total:
        found.append(
            f"{name}: the images are long; the centred square that is compared leaves out over 40 % "
            f"of {cropped} of {total}"
        )
    if halved := sum(h.halved for h in one.headers):
        found.append(
            f"{name}: {halved} of {total} images are colour TIFF of 16 bits that is read at 8, which may leave little "
            "of it; save them as PNG to keep all"
        )
    if burned := sum(h.burned_in for h in one.headers):
        found.append(
            f"{name}: {burned} of {total} images may have names written into the pixels: their DICOM files say so, or "
            "are of a kind that often has and do not deny it"
        )
    if many := [h.channels for h in one.headers if h.channels > 3]:
        found.append(f"{name}: {len(many)} of {total} images have {max(many)} channels; at most three are shown")
    return found


def _images(count: int) -> str:
    return "1 image is" if count == 1 else f"{count} images are"


def _near_duplicates(a: LoadedSet, b: LoadedSet, shared: set[str]) -> list[str]:
    """The same picture in both sets, turned, mirrored, changed or saved again."""
    prints = []
    for one in (a, b):
        rows = [row for row, digest in enumerate(one.digests) if digest not in shared]
        if len(rows) > LOOKED_AT:
            rows = [rows[i] for i in np.linspace(0, len(rows) - 1, LOOKED_AT).astype(int)]
        rings = [duplicates.rings(one.pixels[row]) for row in rows]
        prints.append(np.stack(rings) if rings else np.zeros((0, duplicates.RINGS, duplicates.SERIES), np.complex64))
    pairs = duplicates.across(prints[0], prints[1])
    if not len(pairs):
        return []
    in_a, in_b = (len(np.unique(pairs[:, i])) for i in (0, 1))
    return [
        f"{in_a} of {len(prints[0])} images of A show the same picture as {in_b} of {len(prints[1])} of B (changed or "
        "saved again): where they are before and after, pair them with --groups; where not, the sets overlap"
    ]


def _file_differences(a: Sequence[Header], b: Sequence[Header]) -> list[str]:
    """How the files of A clearly differ from those of B: a cause of differences that nobody asked for."""
    found = []
    (kind_a, share_a), (kind_b, share_b) = (_commonest([h.format for h in headers]) for headers in (a, b))
    if kind_a != kind_b and min(share_a, share_b) >= 0.75:
        found.append(f"file formats differ: A is {share_a:.0%} {kind_a}, B {share_b:.0%} {kind_b}")
    (kind_a, share_a), (kind_b, share_b) = (_commonest([_modality(h) for h in headers]) for headers in (a, b))
    if kind_a and kind_b and kind_a != kind_b and min(share_a, share_b) >= 0.5:
        found.append(f"DICOM modalities differ: A is {share_a:.0%} {kind_a}, B {share_b:.0%} {kind_b}")
    depth_a, depth_b = (sum(h.high_depth for h in headers) / len(headers) for headers in (a, b))
    if abs(depth_a - depth_b) > 0.5:
        found.append(
            f"bit depths differ: {depth_a:.0%} of A and {depth_b:.0%} of B have over 8 bits; only those share a window"
        )
    count_a, count_b = (median(h.channels for h in headers) for headers in (a, b))
    if count_a != count_b:
        found.append(f"channels differ: the files of A have {count_a:g}, those of B {count_b:g}")
    found += _differs(a, b, "picture sizes differ", " megapixels", lambda h: h.width * h.height / 1e6)
    found += _differs(a, b, "shapes differ", " times as wide as high", lambda h: h.width / h.height)
    jpeg_a, jpeg_b = ([h for h in headers if h.quantisation] for headers in (a, b))
    if 2 * len(jpeg_a) > len(a) and 2 * len(jpeg_b) > len(b):
        found += _differs(
            jpeg_a, jpeg_b, "JPEG compression differs (mean quantisation step)", "", lambda h: h.quantisation or 0.0
        )
    return found


def _modality(header: Header) -> str:
    return header.modality if header.modality in MODALITIES else "other" if header.modality else ""


def _differs(
    a: Sequence[Header], b: Sequence[Header], what: str, unit: str, measure: Callable[[Header], float]
) -> list[str]:
    """A line where the medians differ twofold, or where the measure alone tells A from B."""
    in_a, in_b = [measure(h) for h in a], [measure(h) for h in b]
    of_a, of_b = median(in_a), median(in_b)
    area = auroc(in_a, in_b)
    chance = sqrt((len(a) + len(b) + 1) / (12 * len(a) * len(b)))  # of the rank-sum test
    separates = max(area, 1 - area) >= SEPARATES and abs(area - 0.5) > SURE * chance
    if not separates and max(of_a, of_b) <= 2 * min(of_a, of_b):
        return []
    alone = f", which alone tells A from B (AUROC {max(area, 1 - area):.2f})" if separates else ""
    return [f"{what}: the median is {of_a:.3g}{unit} in A and {of_b:.3g} in B{alone}"]


def _commonest(kinds: Sequence[str]) -> tuple[str, float]:
    ((kind, count),) = Counter(kinds).most_common(1)
    return kind, count / len(kinds)


def _group_cautions(a: LoadedSet, b: LoadedSet) -> list[str]:
    """Where the groups may not be what was meant."""
    if a.groups is None or b.groups is None:
        return []
    found = []
    for one, groups in ((a, a.groups), (b, b.groups)):
        alone = sum(map(is_alone, groups))
        if alone:
            found.append(f"{one.side.upper()}: {alone} of {len(groups)} images are in no group; each stands for itself")
    if len(set(a.groups + b.groups)) == len(a.groups + b.groups):
        found.append("no two images are in the same group: the groups change nothing")
    return found
