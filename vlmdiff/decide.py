"""From evidence to findings: p-values, false discovery control, rates and exemplars. No model in here."""

from collections.abc import Sequence
from itertools import count
from math import ceil

import numpy as np
from numpy.typing import NDArray

from vlmdiff.findings import Evidence, Exemplars, Finding
from vlmdiff.stats import PERMUTATIONS, Exchangeable, auroc, auroc_interval, benjamini_hochberg, min_p, permutation_p

EXEMPLARS = 4
"""Images named a side and finding."""
FEWEST_VOTES = 0.2
"""Share of the draws below which a hypothesis is not verified. Of generated validation pairs, 22 % of what was verified
without it was untrue, and 13 % with it, for 1 % of the planted facts (docs/log.md)."""


def decide(
    evidence: Sequence[Evidence],
    ids_a: Sequence[str],
    ids_b: Sequence[str],
    *,
    alpha: float,
    rng: np.random.Generator,
    threshold: float = 0.0,
    groups: NDArray[np.integer] | None = None,
) -> list[Finding]:
    """Findings of a run, verified ones first, then by votes, q-value and AUROC.

    Each hypothesis gets a one-sided permutation test in its stated direction; verified means a Benjamini-Hochberg
    q-value of at most alpha over all of them, more images of the stated side judged to show it (with many images a
    score differs for reasons that no image shows), and FEWEST_VOTES. Votes come from the look images alone, and say
    better than q which words are right: the scores of a true change and of its side effects separate the sets alike.

    Args:
        evidence: one entry a hypothesis; its scores are those of the check images named by `ids_a` and `ids_b`.
        threshold: an image with a higher score is judged to show it.
        groups: a number for each image, A's first, equal for images that belong together (patient, burst): they are
            permuted together, and intervals allow for their being alike.

    Raises:
        ValueError: as many scores as ids were expected, all finite.
    """
    for item in evidence:
        if len(item.scores_a) != len(ids_a) or len(item.scores_b) != len(ids_b):
            given, wanted = (len(item.scores_a), len(item.scores_b)), (len(ids_a), len(ids_b))
            raise ValueError(f"{item.hypothesis.text!r} has {given} scores for {wanted} images; score each once")
    # Enough that one true hypothesis among false ones can pass, with a factor of two to spare.
    permutations = max(PERMUTATIONS, ceil(2 * len(evidence) / alpha))
    by_side = {"b": groups, "a": None if groups is None else np.roll(groups, len(ids_b))}
    p_values = [
        permutation_p(*_rest_and_side(item), rng, permutations, by_side[item.hypothesis.side]) for item in evidence
    ]
    findings = []
    for item, p, q in zip(evidence, p_values, benjamini_hochberg(p_values).tolist(), strict=True):
        rest, side = _rest_and_side(item)
        seen = (side > threshold).mean() > (rest > threshold).mean()
        named = item.hypothesis.votes >= FEWEST_VOTES
        findings.append(
            Finding(
                text=item.hypothesis.text,
                side=item.hypothesis.side,
                verdict="verified" if q <= alpha and seen and named else "unverified",
                auroc=auroc(rest, side),
                auroc_ci=auroc_interval(rest, side, by_side[item.hypothesis.side]),
                p_value=p,
                q_value=q,
                rate_a=float((item.scores_a > threshold).mean()),
                rate_b=float((item.scores_b > threshold).mean()),
                votes=item.hypothesis.votes,
                exemplars=Exemplars(a=_highest(item.scores_a, ids_a), b=_highest(item.scores_b, ids_b)),
            )
        )
    return sorted(
        findings,
        key=lambda finding: (
            finding.verdict != "verified",
            -finding.votes,
            finding.q_value,
            -finding.auroc,
            finding.text,
        ),
    )


def enough_images(n_a: int, n_b: int, hypotheses: int, alpha: float, groups: NDArray[np.integer] | None = None) -> bool:
    """Whether check images that one hypothesis separates perfectly could verify it, were all others false.

    Args:
        groups: a number for each check image, A's first; it is the groups that are counted then.
    """
    is_b = np.arange(n_a + n_b) >= n_a
    smallest = min_p(n_a, n_b) if groups is None else 1 / Exchangeable.of(is_b, groups).count
    return smallest * max(hypotheses, 1) <= alpha


def images_needed(alpha: float, hypotheses: int) -> int:
    """Fewest check images a side with which a hypothesis can be verified; see `enough_images`."""
    return next(n for n in count(1) if enough_images(n, n, hypotheses, alpha))


def _rest_and_side(item: Evidence) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Scores of the other set, then scores of the set that should score higher."""
    if item.hypothesis.side == "b":
        return item.scores_a, item.scores_b
    return item.scores_b, item.scores_a


def _highest(scores: NDArray[np.float32], ids: Sequence[str]) -> list[str]:
    """The images that show it most, best first."""
    return [ids[i] for i in np.argsort(-scores, kind="stable")[:EXEMPLARS]]
