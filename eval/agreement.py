"""How far a judge agrees with people: its grades against the hand-labelled pairs, the blind half apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import get_args

import numpy as np

from eval import labels
from eval.judge import NO_OPTIONS, Judge, JudgeOptions, open_judge
from eval.labels import Grade, Kind, Label
from vlmdiff.findings import Interval
from vlmdiff.stats import wilson_interval


@dataclass(frozen=True)
class Share:
    """A count out of another."""

    hits: int
    of: int

    @property
    def value(self) -> float | None:
        """None: out of nothing."""
        return self.hits / self.of if self.of else None

    @property
    def interval(self) -> Interval:
        """95 % (Wilson 1927), the rows taken as independent."""
        return wilson_interval(self.hits, self.of)


@dataclass(frozen=True)
class Calibration:
    """A judge's grades of labelled rows."""

    rows: tuple[tuple[Label, Grade | None], ...]
    """Each label with the judge's grade; None: unscored."""

    @property
    def unscored(self) -> Share:
        """Rows without a grade."""
        return Share(sum(grade is None for _, grade in self.rows), len(self.rows))

    @property
    def same(self) -> Share:
        """Of the graded rows, those with the label's grade."""
        graded = self._graded()
        return Share(sum(label.grade == grade for label, grade in graded), len(graded))

    @property
    def right(self) -> Share:
        """Of the graded rows, those that both call right (1 or 2), or neither does."""
        graded = self._graded()
        return Share(sum((label.grade >= 1) == (grade >= 1) for label, grade in graded), len(graded))

    @property
    def confusion(self) -> tuple[tuple[int, int, int, int], ...]:
        """A row for each label 0, 1, 2: how many the judge gave 0, 1, 2, nothing."""
        pairs = [(label.grade, grade) for label, grade in self.rows]
        return tuple(
            (pairs.count((true, 0)), pairs.count((true, 1)), pairs.count((true, 2)), pairs.count((true, None)))
            for true in (0, 1, 2)
        )

    @property
    def kappa(self) -> float | None:
        """Agreement beyond chance, a grade of 2 for 0 as bad as four of 1 for 0 (Cohen 1968, quadratic weights).

        None where chance alone would agree: no graded rows, or all of one grade.
        """
        counts = np.array(self.confusion, float)[:, :3]
        cost = np.square(np.subtract.outer(np.arange(3), np.arange(3)))
        total = counts.sum()
        by_chance = float((cost * np.outer(counts.sum(1), counts.sum(0))).sum())
        return 1 - float((cost * counts).sum()) * float(total) / by_chance if by_chance else None

    @property
    def errors(self) -> tuple[tuple[Label, Grade], ...]:
        """Graded rows with another grade than the label's."""
        return tuple((label, grade) for label, grade in self._graded() if label.grade != grade)

    def of_kind(self, kind: Kind) -> Calibration:
        return Calibration(tuple((label, grade) for label, grade in self.rows if label.kind == kind))

    def _graded(self) -> list[tuple[Label, Grade]]:
        return [(label, grade) for label, grade in self.rows if grade is not None]


def calibration(judge: Judge, rows: Sequence[Label]) -> Calibration:
    """Have a judge grade labelled rows."""
    return Calibration(tuple((label, judge.grade(label.said, label.truth)) for label in rows))


@cache
def halves(judge_name: str, options: JudgeOptions = NO_OPTIONS) -> dict[str, Calibration]:
    """Of a judge by name, on the open half and on the blind half of the labels that ship; asked once a process."""
    judge = open_judge(judge_name, options)
    return {
        "open": calibration(judge, labels.read(labels.OPEN)),
        "blind": calibration(judge, labels.read(labels.BLIND)),
    }


def agreement_note(judge_name: str, options: JudgeOptions = NO_OPTIONS) -> str:
    """One line that belongs beside every score the judge gave."""
    of_half = halves(judge_name, options)
    both = Calibration(of_half["open"].rows + of_half["blind"].rows)
    blind = of_half["blind"]
    return (
        f"{judge_name}: agrees with the hand labels on {_counts(both.same)} it understood {_percent(both.same)}; "
        f"right or wrong on {_counts(both.right)}; {_counts(both.unscored)} not understood. "
        f"Of the blind half, which it was not made with: {_counts(blind.same)} {_percent(blind.same)}, "
        f"{_counts(blind.unscored)} not understood"
    )


def page(judge_names: Sequence[str], options: JudgeOptions = NO_OPTIONS) -> str:
    """What is to know of some judges, in Markdown: docs/judges.md for the two that need no model."""
    of_judge = {name: halves(name, options) for name in judge_names}
    summary = [
        [f"{name}, {half}", str(len(c.rows)), _full(c.unscored), _full(c.same), _full(c.right), _kappa(c)]
        for name, of_half in of_judge.items()
        for half, c in of_half.items()
    ]
    parts = [
        "# Judges against people",
        "Written by `python -m eval judges`, from `eval/judge_labels.csv` and `eval/judge_labels_blind.csv`: pairs of "
        "sentences with the grade that a person gave them. 2: says the same. 1: the right set and kind of thing, but "
        "broader or narrower, or one attribute wrong or missing. 0: anything else.",
        "The open half was written with the lexicon in view, and rules of judges were made with it, so its numbers "
        "flatter. The blind half was written by somebody who had not seen the lexicon, and is only counted: **its "
        "numbers are the ones to trust.** What is not understood is unscored, never 0; agreement is of the rest, so it "
        "says little where the rest is small.",
        "`parser` reads what is written in the words of the lexicon, as the shipped model writes, and never guesses. "
        "`words` guesses at the rest by the nearest wording. For systems that use words of their own, ask a language "
        "model: `python -m eval judges chat --model FOLDER` measures how far it can be trusted.",
        _table(["judge, labels", "rows", "not understood", "same grade", "both right or both wrong", "kappa"], summary),
        "Shares with 95 % Wilson intervals; kappa with quadratic weights.",
    ]
    for name, of_half in of_judge.items():
        for half, found in of_half.items():
            parts += [f"## {name}: the {half} half", *_half(found)]
        parts += [f"## {name}: errors", *_errors(of_half)]
    return "\n\n".join(parts) + "\n"


def _half(found: Calibration) -> list[str]:
    confusion = [[f"label {true}", *map(str, row)] for true, row in zip((0, 1, 2), found.confusion, strict=True)]
    kinds = [(kind, part) for kind in get_args(Kind) if (part := found.of_kind(kind)).rows]
    return [
        _table(["", "judge 0", "judge 1", "judge 2", "not understood"], confusion),
        _table(
            ["kind of row", "rows", "not understood", "same grade"],
            [[kind.replace("_", " "), str(len(p.rows)), str(p.unscored.hits), _full(p.same)] for kind, p in kinds],
        ),
    ]


def _errors(of_half: dict[str, Calibration]) -> list[str]:
    header = ["row", "kind", "label", "judge", "truth", "said", "note"]
    opened = [
        [label.id, label.kind.replace("_", " "), str(label.grade), str(grade), *map(_cell, _words(label))]
        for label, grade in of_half["open"].errors
    ]
    blind = [f"{label.id} ({label.grade}, judge {grade})" for label, grade in of_half["blind"].errors]
    unread = [f'"{label.said.text}"' for label, grade in of_half["open"].rows if grade is None]
    return [
        "Of the open half:",
        _table(header, opened) if opened else "none",
        "Of the blind half, by row and label only, so that nobody works on them by accident: "
        + (", ".join(blind) or "none")
        + ".",
        "Not understood in the open half: " + ("; ".join(map(_cell, unread)) or "nothing") + ".",
    ]


def _words(label: Label) -> tuple[str, str, str]:
    return f"{label.truth.side}: {label.truth.text}", f"{label.said.side}: {label.said.text}", label.note


def _counts(share: Share) -> str:
    return f"{share.hits} of {share.of}"


def _percent(share: Share) -> str:
    low, high = share.interval
    return "(none)" if share.value is None else f"({share.value:.0%} [{low:.0%}, {high:.0%}])"


def _full(share: Share) -> str:
    return f"{_counts(share)} {_percent(share)}"


def _kappa(found: Calibration) -> str:
    return "none" if found.kappa is None else f"{found.kappa:.2f}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
