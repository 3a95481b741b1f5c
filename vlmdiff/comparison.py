"""A comparison before and after the words: can the sets be told apart, and what of that do the findings explain?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil, log2
from typing import Any

import numpy as np

from vlmdiff import confounders
from vlmdiff.decide import decide, enough_images, images_needed, joined
from vlmdiff.findings import (
    Column,
    Estimate,
    Evidence,
    Explained,
    Finding,
    Left,
    ModelInfo,
    Report,
    TwoSampleTest,
    Verdict,
)
from vlmdiff.learn import probe
from vlmdiff.learn.ridge import Products
from vlmdiff.metadata import Column as Property
from vlmdiff.residual import explained_share, predicted, taken_out
from vlmdiff.sample import MOST_CHECKED, Part, Rows, Sample
from vlmdiff.stats import Floats, design_effect, score_interval


@dataclass(frozen=True, eq=False)
class Comparison:
    """Two sets and the test of whether they differ; what a proposer may look at, and what checks it."""

    sample: Sample
    alpha: float
    test: probe.TwoSample
    look: Part
    check: Part
    on_look: Floats
    """The classifier's scores of the look images, each left out."""
    on_check: Floats
    """Its scores of the check images, fitted on the look images."""
    enough: bool
    """Whether the check images could verify anything."""

    @property
    def verdict(self) -> Verdict:
        if not self.enough:
            return "not enough images"
        return "different" if self.test.p_value <= self.alpha else "no detectable difference"

    def checked_on(self, rows: Rows) -> Comparison:
        """The same, where only these of the check images were judged; `rows` are their places in the sample, rising."""
        judged = np.isin(self.check.rows, rows)
        return replace(self, check=self.sample.part(rows), on_check=self.on_check[judged])


def compare(sample: Sample, products: Products, alpha: float, rng: np.random.Generator) -> Comparison:
    """Test whether the sets differ, and split their images in two.

    Args:
        products: of the features of the sample's images, from `ridge.products`.
    """
    test = probe.two_sample_test(products, sample.is_b, rng, groups=sample.groups, alpha=alpha)
    look, check = sample.halves(rng)
    on_look, on_check = probe.cross_fitted(products, sample.is_b, look.rows, check.rows, sample.groups)
    enough = enough_images(len(check.a), len(check.b), 1, alpha, check.groups)
    return Comparison(sample, alpha, test, look, check, on_look, on_check, enough)


@dataclass(frozen=True)
class Conclusion:
    """What holds of a comparison."""

    findings: list[Finding]
    explained: Explained | None
    columns: list[Column]


def conclude(
    comparison: Comparison,
    evidence: Sequence[Evidence],
    rng: np.random.Generator,
    properties: Sequence[Property] = (),
) -> Conclusion:
    """Decide which hypotheses hold, whether metadata are behind them, and how much they explain together.

    Args:
        evidence: of the comparison's check images; empty where nothing was said.
        properties: metadata columns of all images of the sample.
    """
    check, alpha, ids = comparison.check, comparison.alpha, comparison.sample.ids
    findings = decide(
        evidence,
        [ids[row] for row in check.a],
        [ids[row] for row in check.b],
        alpha=alpha,
        rng=rng,
        groups=check.groups,
    )
    findings, columns = among_alike(comparison, findings, evidence, properties, alpha, rng)
    return Conclusion(findings, _explained(comparison, evidence, findings, rng), columns)


def among_alike(
    comparison: Comparison,
    findings: list[Finding],
    evidence: Sequence[Evidence],
    properties: Sequence[Property],
    alpha: float,
    rng: np.random.Generator,
) -> tuple[list[Finding], list[Column]]:
    """The findings with their tests among images alike in each property, and which properties alone tell A from B.

    Args:
        evidence: of the same findings; properties: of all images of the sample.
        alpha: above which a finding vanishes.
    """
    sample, check = comparison.sample, comparison.check
    tested = confounders.separating(properties, sample.is_b, sample.groups, comparison.alpha, rng)
    columns = confounders.told_once(tested)
    if properties and findings:
        checked = [replace(one, numbers=one.numbers[check.rows]) for one in properties]
        # What was left out only repeats: it is the reason where nothing else is.
        separates = [column.name for column in [*columns, *tested] if column.separates]
        findings = confounders.confounded(findings, evidence, checked, separates, check.is_b, check.groups, alpha, rng)
    return findings, columns


def _explained(
    comparison: Comparison, evidence: Sequence[Evidence], findings: Sequence[Finding], rng: np.random.Generator
) -> Explained | None:
    if comparison.verdict != "different":
        return None
    check = comparison.check
    verified = {(one.side, one.text) for one in findings if one.verdict == "verified"}
    columns = [
        joined(item)
        for item in evidence
        if item.sets is None and (item.hypothesis.side, item.hypothesis.text) in verified
    ]
    known = np.stack(columns, axis=1) if columns else np.zeros((len(check.rows), 0))
    left = _left(comparison, known, rng)
    if not columns:
        of_sets = ", or only of whole sets" if verified else ""
        return Explained(share=None, reason=f"no difference between single images was verified{of_sets}", left=left)
    share = explained_share(known, comparison.on_check, check.is_b, rng, check.groups)
    if share is None:
        reason = "with these check images the sets cannot be told apart well enough to have a share of it"
        return Explained(share=None, reason=reason, left=left)
    return Explained(share=Estimate(value=share.value, interval=share.interval), reason=None, left=left)


def _left(comparison: Comparison, known: Floats, rng: np.random.Generator) -> Left | None:
    """Does the classifier tell apart check images that the findings' scores take for equally likely of B?

    As a confounder is held fast: among fifths by those odds. Where the findings alone part the sets, none are alike.
    """
    check, alpha = comparison.check, comparison.alpha
    odds = predicted(known, check.is_b, rng, check.groups) if known.shape[1] else np.zeros(len(check.rows))
    if odds is None:
        return None
    alike = Property("findings", "numeric", odds)
    rest = taken_out(comparison.on_check, odds[:, None], check.is_b) if known.shape[1] else comparison.on_check
    found = confounders.within(rest, "b", check.is_b, alike, check.groups, alpha, rng, confounders.STRATA)
    if found.auroc is None or found.p_value is None:
        return None
    a, b = np.split(comparison.on_check, [check.n_a])
    inflation = 1.0 if check.groups is None else design_effect(a, b, check.groups)
    interval = score_interval(found.auroc, found.images // 2, found.images - found.images // 2, inflation)
    return Left(auroc=found.auroc, auroc_ci=interval, p_value=found.p_value)


def report(
    comparison: Comparison,
    conclusion: Conclusion,
    *,
    model: ModelInfo,
    settings: dict[str, Any],
    seconds: dict[str, float],
    warnings: Sequence[str] = (),
    judged: bool = True,
    tokens: int | None = None,
) -> Report:
    """The report of a comparison; `judged`: whether the check images were read by a judge."""
    sample, test = comparison.sample, comparison.test
    needed, in_both, advice = _needed(comparison)
    return Report(
        verdict=comparison.verdict,
        test=TwoSampleTest(
            auroc=test.auroc,
            auroc_ci=test.auroc_ci,
            p_value=test.p_value,
            n_a=sample.n_a,
            n_b=sample.n_b,
            smallest_detectable_auroc=test.smallest_detectable_auroc,
            needed=needed,
            needed_in_both=in_both,
        ),
        findings=conclusion.findings,
        explained=conclusion.explained,
        columns=conclusion.columns,
        images=sample.counted(comparison.check if judged else None),
        model=model,
        settings={**settings, "judged_at_most": MOST_CHECKED},
        seconds=seconds,
        tokens=tokens,
        warnings=[*sample.pair.warnings, *warnings, *advice],
    )


def _needed(comparison: Comparison) -> tuple[int | None, int | None, list[str]]:
    """Images or groups a set that would do, the same for groups in both sets, and both in words; nothing if enough."""
    if comparison.enough:
        return None, None, []
    alpha = comparison.alpha
    halved = comparison.look is not comparison.check
    sides = 1 if halved else 2  # all check a claim of the user's, of either side
    needed = images_needed(alpha, sides)
    if halved:
        needed = 2 * needed - 1  # of an odd number, more are checked than looked at
    if comparison.sample.groups is None:
        return needed, None, [f"at least {needed} different images a set are needed at alpha {alpha:g}"]
    in_both = ceil(log2(sides / alpha))  # a group with one image in each set has two labelings
    in_both = 2 * in_both - 1 if halved else in_both
    words = f"at least {needed} groups a set are needed at alpha {alpha:g}, {in_both} if in both sets"
    return needed, in_both, [words]
