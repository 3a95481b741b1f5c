"""From the share of images judged to show a finding to the share that shows it, by the judge's known errors."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from vlmdiff.findings import Estimate, Evidence, Finding
from vlmdiff.models.accuracy import Counts
from vlmdiff.sample import Part
from vlmdiff.stats import corrected_prevalence, independent

WIDEST = 0.9
"""Of an interval: a wider one leaves nearly everything open, and its estimate would only mislead."""


def corrected(
    findings: Sequence[Finding],
    evidence: Sequence[Evidence],
    counts_of: Callable[[str], Counts | None],
    check: Part,
    threshold: float = 0.0,
) -> list[Finding]:
    """The findings in their order, with a prevalence where the judge's errors on such claims are known, and few enough.

    Args:
        evidence: what the findings rest on, in any order.
        counts_of: from a text to how often the judge was right on its family; None: nobody measured it.
        check: the images that were judged.
        threshold: an image with a higher score is judged to show it.
    """
    scores = {(e.hypothesis.side, e.hypothesis.text): (e.scores_a, e.scores_b) for e in evidence}
    groups = (None, None) if check.groups is None else np.split(check.groups, [check.n_a])
    found = []
    for finding in findings:
        counts = counts_of(finding.text) if finding.about == "images" else None
        shares = {}
        if counts and counts.shown and counts.absent:
            for number, name in enumerate(("prevalence_a", "prevalence_b")):
                judged = scores[finding.side, finding.text][number] > threshold
                shares[name] = _estimate(judged, counts, groups[number])
        found.append(finding.model_copy(update=shares))
    return found


def _estimate(judged: NDArray[np.bool_], counts: Counts, groups: NDArray[np.integer] | None) -> Estimate | None:
    trials = len(judged) if groups is None else independent(judged, groups)
    sensitivity, specificity = (counts.said, counts.shown), (counts.denied, counts.absent)
    share = corrected_prevalence(float(judged.mean()), trials, sensitivity, specificity)
    if share is None or share[2] - share[1] > WIDEST:
        return None
    return Estimate(value=share[0], interval=share[1:])
