"""Pairs of sentences that people graded by hand, which judges are held against.

Two files ship with the project. The open half was written with the lexicon in view; judges and the parser may be
worked on with it. The blind half was written by somebody who had not seen the lexicon; it is only ever counted.
"""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast, get_args

from data_synth.facts import Side
from vlmdiff.errors import InputError

COLUMNS = ("id", "truth_side", "truth", "said_side", "said", "grade", "kind", "note")
OPEN = Path(__file__).with_name("judge_labels.csv")
BLIND = Path(__file__).with_name("judge_labels_blind.csv")

Grade = Literal[0, 1, 2]
"""Of a sentence against a true one:

2  says the same
1  the right set and kind of thing, but broader or narrower, or one attribute is wrong or missing
0  anything else, the wrong set among it; "B is darker" is not wrong where A is brighter
"""

Kind = Literal["paraphrase", "near_miss", "wrong_side", "broader", "narrower", "mirrored", "other", "free"]
"""What a row tries: `mirrored` says it of the other set in the opposite word, `free` says it as no list of words has
it, and `other` is some other difference."""


@dataclass(frozen=True)
class Sentence:
    """What is said of a set: that it shows more of something than the other does."""

    side: Side
    text: str


@dataclass(frozen=True)
class Label:
    """One graded pair of sentences."""

    id: str
    truth: Sentence
    said: Sentence
    grade: Grade
    kind: Kind
    note: str


def read(file: Path) -> tuple[Label, ...]:
    """The labels of a file, in its order.

    Raises:
        InputError: a column is missing, a value is none of those known, or an id is there twice.
    """
    with file.open(encoding="utf-8", newline="") as stream:
        rows = csv.DictReader(stream)
        missing = {"id", "truth_side", "truth", "said_side", "said", "grade", "kind", "note"} - set(
            rows.fieldnames or ()
        )
        if missing:
            raise InputError(f"{file} has no column {', '.join(sorted(missing))}")
        labels = tuple(_label(file, row) for row in rows)
    if twice := [name for name, count in Counter(label.id for label in labels).items() if count > 1]:
        raise InputError(f"{file} has {twice[0]} twice")
    return labels


def _label(file: Path, row: dict[str, str]) -> Label:
    known = {
        "truth_side": get_args(Side),
        "said_side": get_args(Side),
        "grade": ("0", "1", "2"),
        "kind": get_args(Kind),
    }
    for column, values in known.items():
        if row[column] not in values:
            raise InputError(f"{file}: {row['id']} has {column} {row[column]!r}; expected {', '.join(values)}")
    truth, said = (Sentence(cast(Side, row[f"{name}_side"]), row[name]) for name in ("truth", "said"))
    return Label(row["id"], truth, said, cast(Grade, int(row["grade"])), cast(Kind, row["kind"]), row["note"] or "")
