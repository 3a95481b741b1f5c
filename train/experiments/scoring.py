"""How right readings are: facts found, statements made, pair by pair, with paired bootstrap intervals, in a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from data_synth.facts import Content, Difference, Side
from data_synth.lexicon import parse
from data_synth.matching import match
from vlmdiff.models.lines import lines

Said = tuple[Side, Content | None]
RESAMPLES = 2000
FACTS, FOUND, CREDIT, SAID, RIGHT, KIND, SIDE = range(7)
"""Places in a `Tally`."""


class Tally(NamedTuple):
    """One pair's counts."""

    facts: int
    found: int
    """Facts named with side and every attribute right."""
    credit: float
    """Sum over the facts of the best statement's share of right attributes."""
    said: int
    right: int
    """Statements that name a fact exactly."""
    kind: int
    """Statements of the kind of a fact, whatever the side."""
    side: int
    """Of these, on the right side."""


def statements(of_b: str, of_a: str) -> list[Said]:
    """From what was written of either order: what the second set shows more."""
    found = [("b", sentence) for side, sentence in lines(of_b) if side == "b"]
    found += [("a", sentence) for side, sentence in lines(of_a) if side == "b"]
    return list(dict.fromkeys(("b" if side == "b" else "a", parse(sentence)) for side, sentence in found))


def tally(said: Sequence[Said], difference: Difference) -> Tally:
    matches = [match(one, difference) for one in said]
    best = [max((m.credit for m in matches if m.fact == i), default=0.0) for i in range(len(difference))]
    found = {m.fact for m in matches if m.exact}
    kind = [m for m in matches if m.fact is not None]
    right = sum(m.exact for m in matches)
    return Tally(len(difference), len(found), sum(best), len(said), right, len(kind), sum(m.side for m in kind))


@dataclass(frozen=True)
class Share:
    """A ratio of sums over pairs, with a 95 % interval from resampled pairs."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


RATIOS = {"recall": (FOUND, FACTS), "credit": (CREDIT, FACTS), "precision": (RIGHT, SAID), "side": (SIDE, KIND)}


def share(tallies: NDArray[np.float64], ratio: str) -> Share:
    """One of RATIOS over (pairs, 7) tallies."""
    draws = _ratios(tallies, _resampled(len(tallies)), ratio)
    value = _ratios(tallies, np.arange(len(tallies))[None], ratio)[0]
    return Share(float(value), *(float(q) for q in np.quantile(draws, (0.025, 0.975))))


def less(tallies: NDArray[np.float64], first: NDArray[np.float64], ratio: str) -> Share:
    """The same less that of another variant on the same pairs, pairs resampled together."""
    every, picks = np.arange(len(first))[None], _resampled(len(first))
    draws = _ratios(tallies, picks, ratio) - _ratios(first, picks, ratio)
    value = _ratios(tallies, every, ratio)[0] - _ratios(first, every, ratio)[0]
    return Share(float(value), *(float(q) for q in np.quantile(draws, (0.025, 0.975))))


def _resampled(pairs: int) -> NDArray[np.int64]:
    return np.random.default_rng(0).integers(pairs, size=(RESAMPLES, pairs))


def _ratios(tallies: NDArray[np.float64], picks: NDArray[np.int64], ratio: str) -> NDArray[np.float64]:
    hits, trials = (tallies[picks][..., column].sum(1) for column in RATIOS[ratio])
    found: NDArray[np.float64] = hits / np.maximum(trials, 1e-9)
    return found


def table(results: Sequence[dict[str, Any]]) -> str:
    """Markdown: a row for each variant and validation set; differences are to the first variant."""
    head = ["variant", "on", "n", "recall", "less the first", "credit", "precision", "less the first", "side"]
    rows = [head, ["---"] * len(head)]
    for result in results:
        for name, counts in result["tallies"].items():
            found, first = (np.array(c, float) for c in (counts, results[0]["tallies"][name]))
            is_first = result is results[0]
            gaps = ["" if is_first else _signed(less(found, first, ratio)) for ratio in ("recall", "precision")]
            shares = {ratio: share(found, ratio) for ratio in RATIOS}
            numbers = [str(shares["recall"]), gaps[0], f"{shares['credit'].value:.3f}", str(shares["precision"])]
            numbers += [gaps[1], f"{shares['side'].value:.3f}"]
            rows.append([result["variant"], name, str(len(found)), *numbers])
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _signed(gap: Share) -> str:
    return f"{gap.value:+.3f} [{gap.low:+.3f}, {gap.high:+.3f}]"
