"""The data sheet of a data set of pairs: what its pairs hold, counted, for people and as numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from data_synth.catalog import (
    HELD_OUT_DOMAINS,
    HELD_OUT_FAMILIES,
    LEAST_PREVALENCE,
    LEAST_STRENGTH,
)
from data_synth.sources import DRAWN

Counts = dict[str, dict[str, int]]
"""Title of a table to its rows: how often each label occurs."""

STRENGTHS = np.round(np.arange(0, 1.01, 0.1), 2)
PREVALENCES = np.array([0, 0.02, 0.05, *np.arange(1, 11) / 10])
"""Edges of the histograms' bars; a bar ends just below the next edge, the last one at it."""

SCALES = frozenset(
    {"differences a pair", "nuisances a pair", "strength", "prevalence", "images a set", "pixels a side"}
)
"""Tables whose rows are in the order of their labels; the others begin with the most frequent."""

TABLES = {
    "differences a pair": "Confounders not counted; 0: null pairs.",
    "group": "",
    "family": "",
    "strength": "Of the differences, 0 invisible to 1 obvious.",
    "prevalence": "Of the differences that single images show: the share of their set's images that do.",
    "level": "Whether single images show a difference, or only the set as a whole.",
    "set": "Which set shows a difference.",
    "nuisances a pair": "What some images of both sets show alike, with one distribution.",
    "nuisances": "",
    "confounders": "Nuisances that more of one set's images show; each is among the pair's facts, marked.",
    "images a set": "",
    "pixels a side": "",
    "domain": "",
}
"""What the data sheet shows of the counts, in this order, and what the title leaves open."""

WIDTH = 40
"""Characters of the longest bar."""


def count(record: Mapping[str, Any]) -> Counts:
    """What one pair's record holds, table by table; `add` sums them."""
    facts = [fact for fact in record["facts"] if not fact["confounder"]]
    return {
        "differences a pair": _tally([len(facts)]),
        "group": _tally(fact["group"] for fact in facts),
        "family": _tally(fact["family"] for fact in facts),
        "strength": _tally(_bar(fact["strength"], STRENGTHS) for fact in facts),
        "prevalence": _tally(_bar(fact["prevalence"], PREVALENCES) for fact in facts if fact["level"] == "image"),
        "level": _tally(fact["level"] for fact in facts),
        "set": _tally(fact["side"] for fact in facts),
        "nuisances a pair": _tally([len(record["nuisances"])]),
        "nuisances": _tally(nuisance["family"] for nuisance in record["nuisances"]),
        "confounders": _tally(fact["family"] for fact in record["facts"] if fact["confounder"]),
        "images a set": _tally([len(record["shows"]["a"])]),
        "pixels a side": _tally([record["side"]]),
        "domain": _tally([record["domain"]]),
        "images of a data set": {_source(record["domain"]): sum(map(len, record["shows"].values()))},
    }


def add(total: Counts, more: Counts) -> None:
    """Add counts to a running total."""
    for title, rows in more.items():
        table = total.setdefault(title, {})
        for label, number in rows.items():
            table[label] = table.get(label, 0) + number


def numbers(made_of: Mapping[str, Any], dataset: str, counts: Iterable[Counts], size: int) -> dict[str, Any]:
    """The data sheet as JSON.

    Args:
        made_of: what the data set depends on (`dataset.identity`).
        dataset: its SHA-256.
        counts: of each shard.
        size: bytes of all shards.
    """
    total: Counts = {}
    for part in counts:
        add(total, part)
    recipe, terms = made_of["recipe"], made_of["bank"]["terms"]
    images = total["images of a data set"]
    return {
        "name": recipe["name"],
        "about": recipe["about"],
        "dataset": dataset,
        "pairs": recipe["pairs"],
        "images": sum(images.values()),
        "bytes": size,
        "null_share": total["differences a pair"].get("0", 0) / recipe["pairs"],
        "split": recipe["config"]["split"],
        "seed": recipe["seed"],
        "counts": {title: dict(_ordered(title, rows)) for title, rows in total.items()},
        "sources": {
            name: {"images": number, "terms": _terms(name, terms)} for name, number in _ordered("", images).items()
        },
        "holds_what_is_held_out": recipe["config"]["held_out"],
        "held_out": {
            "families": sorted(HELD_OUT_FAMILIES),
            "domains": sorted(HELD_OUT_DOMAINS),
            "strength_below": LEAST_STRENGTH,
            "prevalence_below": LEAST_PREVALENCE,
        },
        "versions": made_of["versions"],
    }


def markdown(sheet: Mapping[str, Any]) -> str:
    """The data sheet for people, from its numbers."""
    held_out = sheet["held_out"]
    if sheet["holds_what_is_held_out"]:
        use = "**For evaluation only: it holds what is held out of all training, and jobs that train refuse it.**"
    elif sheet["split"] == "test":
        use = "**For evaluation only: its photographs are those of the test split, and jobs that train refuse it.**"
    else:
        use = "It holds nothing that is held out of training."
    lines = [
        f"# {sheet['name']}: labelled pairs of image sets",
        "",
        f"{sheet['about']} {use}",
        "",
        *_table(
            ("", ""),
            [
                ("pairs", f"{sheet['pairs']:,}"),
                ("images", f"{sheet['images']:,}"),
                ("size", f"{sheet['bytes'] / 2**20:,.1f} MiB"),
                ("null pairs", f"{sheet['null_share']:.1%}"),
                ("photographs of the split", f"{sheet['split']} (65 % train, 10 % val, 25 % test, by file hash)"),
                ("seed", str(sheet["seed"])),
                ("SHA-256 of all it is made of", f"`{sheet['dataset']}`"),
                *((name, str(version)) for name, version in sheet["versions"].items()),
            ],
        ),
        "",
        "Differences were painted by a program onto untouched images: the labels are true by construction. Each sample",
        "of a shard is a pair: `<pair>.a.<image>.png`, `<pair>.b.<image>.png`, and `<pair>.json` with the facts and",
        "their wordings (the canonical one first), the nuisances, which image shows what, and the SHA-256 of the files",
        "that A's images and then B's were made from.",
        "",
        "## Sources",
        "",
        *_table(
            ("images from", "number", "licence or terms"),
            [(name, f"{row['images']:,}", row["terms"]) for name, row in sheet["sources"].items()],
        ),
        "",
        "## Held out of training",
        "",
        f"* Families: {', '.join(held_out['families'])}",
        f"* Domains: {', '.join(held_out['domains'])}",
        f"* Strengths below {held_out['strength_below']}, prevalences below {held_out['prevalence_below']}",
        "* A fifth of the combinations of colour, shape and size of inserted shapes",
    ]
    for title, about in TABLES.items():
        if rows := sheet["counts"][title]:
            lines += ["", f"## {title.capitalize()}", "", *([about, ""] if about else []), "```", *_bars(rows), "```"]
    return "\n".join(lines) + "\n"


def _tally(labels: Iterable[object]) -> dict[str, int]:
    rows: dict[str, int] = {}
    for label in map(str, labels):
        rows[label] = rows.get(label, 0) + 1
    return rows


def _bar(value: float, edges: np.ndarray[Any, np.dtype[np.float64]]) -> str:
    """Label of the histogram bar that a value falls into."""
    place = min(int(np.searchsorted(edges, value + 1e-9, side="right")), len(edges) - 1)
    return f"{edges[place - 1]:.2f} to {edges[place]:.2f}"


def _source(domain: str) -> str:
    """The data set that a domain or class is of."""
    return "drawn" if domain in DRAWN else domain.split("/")[0]


def _terms(source: str, terms: Mapping[str, Any]) -> str:
    if source == "drawn":
        return "drawn by this program, no photographs"
    return str(terms.get(source, "not stated in the bank"))


def _ordered(title: str, rows: Mapping[str, int]) -> dict[str, int]:
    # Whole numbers of different length are in order of length; all other scales have labels of one length.
    key: Callable[[str], Any] = (lambda label: (len(label), label)) if title in SCALES else lambda x: (-rows[x], x)
    return {label: rows[label] for label in sorted(rows, key=key)}


def _bars(rows: Mapping[str, int]) -> list[str]:
    widest, most, total = max(map(len, rows)), max(rows.values()), sum(rows.values())
    return [
        f"{label:{widest}}  {'█' * max(1, round(WIDTH * number / most)):{WIDTH}}  {number:7,}  {number / total:5.1%}"
        for label, number in rows.items()
    ]


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in (head, ("---",) * len(head), *rows)]
