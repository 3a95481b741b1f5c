"""From evidence to findings: p-values, false discovery control, rates and exemplars. No model in here."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from math import ceil

import numpy as np
from numpy.typing import NDArray

from vlmdiff.findings import Evidence, Exemplars, Finding, Interval, Side
from vlmdiff.residual import taken_out
from vlmdiff.stats import (
    PERMUTATIONS,
    Exchangeable,
    auroc,
    auroc_interval,
    benjamini_hochberg,
    min_p,
    permutation_p,
    score_interval,
)

EXEMPLARS = 4
"""Images named a side and finding."""
RANKED = 0.6
"""Lower end of an AUROC's interval from which on a difference is seen that no image is judged to show: the judge may
rank rightly and say no to all, of what it was taught on few images."""
FEWEST_VOTES = 0.25
"""Share of the draws below which a hypothesis is not verified; see `decide` and docs/log.md."""
FEWEST_VOTES_LATER = 0.5
"""The same after a verified finding: where all images of a side show that one, nothing tells its side effects from it,
and they separate the sets as well; see docs/log.md."""


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
    score differs for reasons that no image shows) or an AUROC surely above RANKED, and FEWEST_VOTES. After a verified
    finding it takes FEWEST_VOTES_LATER, and that the verified ones before it do not explain it. Votes come from the
    look images alone, and say better than q which words are right: the scores of a true change and of its side effects
    separate the sets alike. What is left of a side effect's scores, once those of the change are taken out, does not.

    Args:
        evidence: one entry a hypothesis; its scores are those of the check images named by `ids_a` and `ids_b`.
        threshold: an image with a higher score is judged to show it.
        groups: a number for each image, A's first, equal for images that belong together (patient, burst): they are
            permuted together, and intervals allow for their being alike.

    Raises:
        ValueError: as many scores as ids were expected, all finite.
    """
    for item in evidence:
        if item.sets is None and (len(item.scores_a) != len(ids_a) or len(item.scores_b) != len(ids_b)):
            given, wanted = (len(item.scores_a), len(item.scores_b)), (len(ids_a), len(ids_b))
            raise ValueError(f"{item.hypothesis.text!r} has {given} scores for {wanted} images; score each once")
    is_b = np.arange(len(ids_a) + len(ids_b)) >= len(ids_a)
    # Enough that one true hypothesis among false ones can pass, with a factor of two to spare.
    test = _Test(is_b, groups, rng, max(PERMUTATIONS, ceil(2 * len(evidence) / alpha)))
    p_values = [
        test.p_value(joined(item), item.hypothesis.side) if item.sets is None else item.sets.p_value
        for item in evidence
    ]
    intervals = [test.interval(item) for item in evidence]
    # What cannot be verified for other reasons must not lower the bar for the rest.
    able = [
        item.hypothesis.votes >= FEWEST_VOTES and (_seen(item, threshold) or low >= RANKED)
        for item, (low, _) in zip(evidence, intervals, strict=True)
    ]
    q_values = benjamini_hochberg([p if can else 1.0 for p, can in zip(p_values, able, strict=True)]).tolist()
    found = []
    for item, p, q, can, interval in zip(evidence, p_values, q_values, able, intervals, strict=True):
        rest, side = _rest_and_side(item)
        finding = Finding(
            text=item.hypothesis.text,
            side=item.hypothesis.side,
            verdict="verified" if can and q <= alpha else "unverified",
            auroc=auroc(rest, side),
            auroc_ci=interval,
            p_value=p,
            q_value=q,
            rate_a=float((item.scores_a > threshold).mean()),
            rate_b=float((item.scores_b > threshold).mean()),
            votes=item.hypothesis.votes,
            round=item.hypothesis.round,
            about="images" if item.sets is None else "sets",
            exemplars=_exemplars(item, ids_a, ids_b, threshold)
            if item.sets is None
            else _typical(item, item.sets.members, [*ids_a, *ids_b]),
        )
        found.append((finding, item))
    found.sort(key=lambda one: (-one[0].votes, one[0].q_value, -one[0].auroc, one[0].text))
    return sorted(_after_earlier(found, test, alpha), key=lambda finding: finding.verdict != "verified")


def _seen(item: Evidence, threshold: float) -> bool:
    """Whether more images of the stated side are judged to show it."""
    rest, side = _rest_and_side(item)
    return bool((side > threshold).mean() > (rest > threshold).mean())


@dataclass(frozen=True, eq=False)
class _Test:
    """The permutation test that all hypotheses of a run share."""

    is_b: NDArray[np.bool_]
    groups: NDArray[np.integer] | None
    rng: np.random.Generator
    permutations: int

    def p_value(self, scores: NDArray[np.floating], side: Side) -> float:
        """One-sided, that `side` scores higher; scores of A first."""
        rest, higher, groups = self._by_side(scores, side)
        return permutation_p(rest, higher, self.rng, self.permutations, groups)

    def auroc(self, scores: NDArray[np.floating], side: Side) -> float:
        """How well the scores separate the sets in this direction."""
        rest, higher, _ = self._by_side(scores, side)
        return auroc(rest, higher)

    def interval(self, item: Evidence) -> Interval:
        """Of the AUROC in the stated direction."""
        if item.sets is not None:
            return score_interval(auroc(*_rest_and_side(item)), item.sets.apart_a, item.sets.apart_b)
        return auroc_interval(*self._by_side(joined(item), item.hypothesis.side))

    def _by_side(
        self, scores: NDArray[np.floating], side: Side
    ) -> tuple[NDArray[np.floating], NDArray[np.floating], NDArray[np.integer] | None]:
        a, b = ~self.is_b, self.is_b
        rest, higher = (a, b) if side == "b" else (b, a)
        groups = None if self.groups is None else np.concatenate([self.groups[rest], self.groups[higher]])
        return scores[rest], scores[higher], groups


def _after_earlier(found: Sequence[tuple[Finding, Evidence]], test: _Test, alpha: float) -> list[Finding]:
    """In the same order, each verified finding tested again without what the verified ones before it predict."""
    findings: list[Finding] = []
    earlier: list[tuple[int, NDArray[np.floating]]] = []
    place = 0
    for finding, item in found:
        if place and finding.votes < FEWEST_VOTES_LATER:
            finding = finding.model_copy(update={"verdict": "unverified"})
        if finding.verdict == "verified" and item.sets is None and earlier:
            scores, known = joined(item), np.stack([scores for _, scores in earlier], axis=1)
            adjusted = test.p_value(taken_out(scores, known, test.is_b).round(9), item.hypothesis.side)
            by = None
            if adjusted > alpha:
                left = [taken_out(scores, known[:, [i]], test.is_b) for i in range(len(earlier))]
                by = earlier[int(np.argmin([test.auroc(one, item.hypothesis.side) for one in left]))][0]
            finding = finding.model_copy(
                update={
                    "adjusted_p_value": adjusted,
                    "explained_by": by,
                    "verdict": "verified" if by is None else "unverified",
                }
            )
        if finding.verdict == "verified":
            place += 1
            if item.sets is None:
                earlier.append((place, joined(item)))
        findings.append(finding)
    return findings


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


def joined(item: Evidence) -> NDArray[np.float64]:
    """The scores of all images, A's first."""
    return np.concatenate([item.scores_a, item.scores_b]).astype(np.float64)


def _rest_and_side(item: Evidence) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Scores of the other set, then scores of the set that should score higher."""
    if item.hypothesis.side == "b":
        return item.scores_a, item.scores_b
    return item.scores_b, item.scores_a


def _exemplars(item: Evidence, ids_a: Sequence[str], ids_b: Sequence[str], threshold: float) -> Exemplars:
    """The images of both sets that show it most, and those of the stated side that do not show it.

    Images that share the lowest score of all do not show it more than each other: none is named as close to it.
    """
    every = np.concatenate([item.scores_a, item.scores_b])
    lowest = every.min() if (every == every.min()).sum() > 1 else -np.inf
    a, b = ([i for i in _order(-scores) if scores[i] > lowest] for scores in (item.scores_a, item.scores_b))
    scores, ids = (item.scores_a, ids_a) if item.hypothesis.side == "a" else (item.scores_b, ids_b)
    return Exemplars(
        a=[ids_a[i] for i in a],
        b=[ids_b[i] for i in b],
        against=[ids[i] for i in _order(scores) if scores[i] <= threshold < scores.max()],
        shown=[ids_a[i] for i in a if item.scores_a[i] > threshold]
        + [ids_b[i] for i in b if item.scores_b[i] > threshold],
    )


def _typical(item: Evidence, members: NDArray[np.bool_], ids: Sequence[str]) -> Exemplars:
    """Of each side the set with the middle score: the best ones may be so by chance."""
    of_a, of_b = np.split(members, [len(item.scores_a)])
    a, b = (
        [ids[i] for i in np.flatnonzero(sets[np.argsort(scores, kind="stable")[len(scores) // 2]]).tolist()]
        for sets, scores in ((of_a, item.scores_a), (of_b, item.scores_b))
    )
    return Exemplars(a=a, b=b)


def _order(values: NDArray[np.float32]) -> NDArray[np.intp]:
    """Rows of the lowest values, lowest first."""
    return np.argsort(values, kind="stable")[:EXEMPLARS]
