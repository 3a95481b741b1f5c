"""The report of a system that is not vlmdiff: its own eyes and words between vlmdiff's halves, test and decision."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.systems import ALPHA
from vlmdiff.decide import decide, enough_images
from vlmdiff.findings import Evidence, Finding, Hypothesis, ModelInfo, Report, Side, Verdict
from vlmdiff.images.sets import SetPair
from vlmdiff.learn import probe

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
    from vlmdiff.describe import Stopwatch, distinct, groups_of, images_of, numbered, reported, split  # it loads torch

    watch = Stopwatch()
    rng = np.random.default_rng(seed)
    kept_a, kept_b = distinct(pair.a), distinct(pair.b)
    n_a, n_b = len(kept_a), len(kept_b)
    is_b = np.arange(n_a + n_b) >= n_a
    members_a, members_b = groups_of(pair.a, kept_a), groups_of(pair.b, kept_b)
    grouped = pair.a.groups is not None or pair.b.groups is not None
    groups = numbered(members_a + members_b) if grouped else None
    with watch.stage("features"):
        features = eyes(np.concatenate([pair.a.pixels[kept_a], pair.b.pixels[kept_b]]))
    with watch.stage("test"):
        products = probe.gram(probe.standardise(features))
        test = probe.two_sample_test(products, is_b, rng, groups=groups, alpha=ALPHA)
    everything = Half(kept_a, kept_b, features[:n_a], features[n_a:], groups)
    look, check = (everything.only(rows[rows < n_a], rows[rows >= n_a] - n_a) for rows in split(is_b, groups, rng))
    enough = enough_images(len(check.rows_a), len(check.rows_b), 1, ALPHA, check.groups)
    findings: list[Finding] = []
    warnings = list(pair.warnings)
    if enough and test.p_value <= ALPHA:
        with watch.stage("propose and verify"):
            said = speaker(look, check, rng)
        warnings += said.warnings
        if said.evidence:
            ids_a = [pair.a.ids[row] for row in said.checked.rows_a]
            ids_b = [pair.b.ids[row] for row in said.checked.rows_b]
            findings = decide(said.evidence, ids_a, ids_b, alpha=ALPHA, rng=rng, groups=said.checked.groups)
    if not enough:
        warnings.append(f"too few different images, or groups of them, for any finding at alpha {ALPHA:g}")
    verdict: Verdict = "different" if test.p_value <= ALPHA else "no detectable difference"
    return Report(
        verdict=verdict if enough else "not enough images",
        test=reported(test, n_a, n_b),
        findings=findings,
        images=images_of(pair, members_a, members_b),
        model=model,
        settings={"method": name, "alpha": ALPHA, "seed": seed},
        seconds=watch.seconds,
        warnings=warnings,
    )
