"""The report of a system that is not vlmdiff: its own eyes and words between vlmdiff's halves, test and decision."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.systems import ALPHA
from vlmdiff.comparison import compare, conclude, report
from vlmdiff.findings import Evidence, Hypothesis, ModelInfo, Report, Side
from vlmdiff.images.sets import SetPair
from vlmdiff.learn import probe, ridge
from vlmdiff.sample import Part, Sample
from vlmdiff.stopwatch import Stopwatch

Rows = NDArray[np.intp]
Features = NDArray[np.floating[Any]]
"""One row an image, (images, F)."""


@dataclass(frozen=True, eq=False)
class Half:
    """Images of both sets that suggest hypotheses, or that check them."""

    rows_a: Rows
    """Where they stand in A as it was given."""
    rows_b: Rows
    features_a: Features
    features_b: Features
    groups: NDArray[np.integer[Any]] | None
    """A number for each image, A's first, equal for images that belong together; None if none do."""

    def only(self, a: Rows | NDArray[np.bool_], b: Rows | NDArray[np.bool_]) -> Half:
        """Some of its images: indices, or a flag an image."""
        groups = self.groups
        if groups is not None:
            groups = np.concatenate([groups[: len(self.rows_a)][a], groups[len(self.rows_a) :][b]])
        return replace(
            self,
            rows_a=self.rows_a[a],
            rows_b=self.rows_b[b],
            features_a=self.features_a[a],
            features_b=self.features_b[b],
            groups=groups,
        )


@dataclass(frozen=True)
class Said:
    """What a system said of the look images, and what the check images answered."""

    evidence: list[Evidence]
    checked: Half
    """The check images that were asked: the scores are theirs, in this order."""
    warnings: list[str] = field(default_factory=list)


def evidence(side: Side, text: str, votes: float, on_a: NDArray[Any], on_b: NDArray[Any]) -> Evidence:
    """One hypothesis with the scores of the check images, above 0 where they are judged to show it."""
    return Evidence(Hypothesis(text, side, votes), on_a.astype(np.float32), on_b.astype(np.float32))


Eyes = Callable[[NDArray[np.uint8]], Features]
"""From RGB images (images, size, size, 3) to features (images, F); the two-sample test is on these, standardised."""
Speaker = Callable[[Half, Half, np.random.Generator], Said]
"""From the look half and the check half to hypotheses with their evidence; words come from the look half alone."""


def answer(pair: SetPair, eyes: Eyes, speaker: Speaker, *, model: ModelInfo, name: str, seed: int) -> Report:
    """A report as `vlmdiff.describe.answer` makes it: the same halves for a seed, test, corrections and verdicts.

    Raises:
        InputError: a set has no two different images, or all of one group.
    """
    sample, watch, rng = Sample.of(pair), Stopwatch(), np.random.default_rng(seed)
    with watch.stage("features"):
        features = eyes(sample.pixels(np.arange(len(sample.ids))))
    with watch.stage("test"):
        comparison = compare(sample, ridge.products(probe.standardise(features)), ALPHA, rng)
    look, check = (_half(part, sample, features) for part in (comparison.look, comparison.check))
    said = Said([], check)
    if comparison.verdict == "different":
        with watch.stage("propose and verify"):
            said = speaker(look, check, rng)
        in_a, in_b = said.checked.rows_a, said.checked.rows_b
        places = [np.searchsorted(sample.rows_a, in_a), sample.n_a + np.searchsorted(sample.rows_b, in_b)]
        comparison = comparison.checked_on(np.concatenate(places))
    return report(
        comparison,
        conclude(comparison, said.evidence, rng),
        model=model,
        settings={"method": name, "alpha": ALPHA, "seed": seed},
        seconds=watch.seconds,
        warnings=said.warnings,
        judged=bool(said.evidence),
    )


def _half(part: Part, sample: Sample, features: Features) -> Half:
    rows_a, rows_b = sample.rows_a[part.a], sample.rows_b[part.b - sample.n_a]
    return Half(rows_a, rows_b, features[part.a], features[part.b], part.groups)
