"""What answers took: seconds, tokens and memory, by the number of images; apart from the scores, which must repeat."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median

from eval.runs import Record


@dataclass(frozen=True)
class Spent:
    """What pairs with about as many images took."""

    images: str
    """A pair, both sets together: "64", or "65 to 128"."""
    pairs: int
    seconds: float
    """Median."""
    tokens: float | None
    """Median, of those that count them."""
    peak_mib: float
    """The most."""


def costs(records: Sequence[Record]) -> tuple[Spent, ...]:
    """What the pairs of a run took, fewest images first; sizes that are not alike go by powers of two."""
    sizes = {record.key: record.report.images.a.read + record.report.images.b.read for record in records}
    fine = len(set(sizes.values())) <= 8
    grouped: dict[tuple[int, int], list[Record]] = {}
    for record in records:
        size = sizes[record.key]
        top = 1 << max(size - 1, 1).bit_length()
        grouped.setdefault((size, size) if fine else (top // 2 + 1, top), []).append(record)
    return tuple(_spent(span, grouped[span]) for span in sorted(grouped))


def _spent(span: tuple[int, int], records: Sequence[Record]) -> Spent:
    tokens = [record.cost.tokens for record in records if record.cost.tokens is not None]
    return Spent(
        images=str(span[0]) if span[0] == span[1] else f"{span[0]} to {span[1]}",
        pairs=len(records),
        seconds=round(median(record.cost.seconds for record in records), 2),
        tokens=median(tokens) if tokens else None,
        peak_mib=max(record.cost.peak_mib for record in records),
    )


def as_json(spent: Sequence[Spent]) -> str:
    return json.dumps([asdict(one) for one in spent], indent=1) + "\n"
