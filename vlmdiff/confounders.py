"""Is it the scanner? Metadata columns that tell A from B by themselves, and findings inside their strata."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from vlmdiff import findings
from vlmdiff.findings import Evidence, Finding, OfSets, Within
from vlmdiff.metadata import AS_CODES, Column
from vlmdiff.stats import Exchangeable, Flags, Floats, auroc_rows, benjamini_hochberg, double_ranks

PERMUTATIONS = 1_999
PERMUTATIONS_OF_SETS = 199
"""At least; each costs the judge two readings."""
STRATA = 5
"""Parts of a numeric column at least, as equal as can be; five remove over 90 % of its confounding (Cochran 1968)."""
_IN_STRATUM = 10
"""Images of a part where there are many: what is left inside five parts is significant in large sets."""
_AT_ONCE = 2_000_000
"""Values ranked at once, a bound on memory."""

Groups = NDArray[np.integer]


def separating(
    columns: Sequence[Column], is_b: Flags, groups: Groups | None, alpha: float, rng: np.random.Generator
) -> list[findings.Column]:
    """Which columns alone tell A from B, the clearest first.

    Args:
        columns: with a number for each image, A's first; is_b, groups: of the same images.
    """
    tested = [_alone(column, is_b, groups, rng) for column in columns]
    q_values = benjamini_hochberg([p for _, p in tested]).tolist() if tested else []
    found = [
        findings.Column(
            name=column.name,
            kind=column.kind,
            auroc=auroc,
            p_value=p,
            q_value=q,
            separates=q <= alpha,
            levels=len(np.unique(column.numbers[told])) if column.kind == "categorical" else None,
            missing=int((~told).sum()),
        )
        for column, (auroc, p), q in zip(columns, tested, q_values, strict=True)
        for told in [np.isfinite(column.numbers)]
    ]
    return sorted(found, key=lambda column: (not column.separates, column.q_value, -column.auroc, column.name))


def told_once(columns: Sequence[findings.Column]) -> list[findings.Column]:
    """Without those of codes that say of the sets what their numbers say."""
    says = {column.name: column.separates for column in columns}
    return [column for column in columns if not _repeats(column.name, says)]


def _repeats(name: str, says: Mapping[str, bool]) -> bool:
    """Whether a column takes numbers for codes, and that changes nothing."""
    return name.endswith(AS_CODES) and says.get(name.removesuffix(AS_CODES)) == says[name]


def _alone(column: Column, is_b: Flags, groups: Groups | None, rng: np.random.Generator) -> tuple[float, float]:
    """The AUROC of the column and its permutation p-value; images without a number say nothing, without a level that.

    A categorical column scores an image by the share of B at its level, anew in every permutation.
    """
    told = np.isfinite(column.numbers) if column.kind == "numeric" else np.ones(len(is_b), bool)
    values, labels = column.numbers[told], is_b[told]
    if labels.all() or not labels.any():
        return 0.5, 1.0
    swaps = Exchangeable.of(labels, np.arange(len(labels)) if groups is None else groups[told])
    labelings = _labelings(swaps, rng)[:, swaps.item]
    level = np.unique(values, return_inverse=True)[1]  # those without a value are a level
    sizes = np.bincount(level)

    def aurocs_of(part: Flags) -> Floats:
        if column.kind == "numeric":
            return np.abs(auroc_rows(values, part) - 0.5) + 0.5
        of_b = np.stack([np.bincount(level, labels, len(sizes)) for labels in part])
        return auroc_rows((of_b / sizes)[:, level], part)

    parts = np.array_split(labelings, ceil(labelings.size / _AT_ONCE))
    aurocs = np.concatenate([aurocs_of(part) for part in parts])
    return float(aurocs[0]), float((aurocs >= aurocs[0] - 1e-12).mean())


def _labelings(swaps: Exchangeable, rng: np.random.Generator, permutations: int = PERMUTATIONS) -> Flags:
    """The observed labels of the items, then others that are as likely: (labelings, items)."""
    if swaps.count <= permutations:
        return swaps.every()
    return np.concatenate([swaps.is_b[None], swaps.drawn(permutations, rng)])


def strata_of(column: Column, parts: int | None = None) -> NDArray[np.intp]:
    """A stratum for each image, from 0: its level, or its part of the numbers; -1 for images without a value."""
    told = np.isfinite(column.numbers)
    values = column.numbers[told]
    strata = np.full(len(told), -1, np.intp)
    if column.kind == "numeric" and told.any():
        count = parts or max(STRATA, len(values) // _IN_STRATUM)
        edges = np.quantile(values, np.arange(1, count) / count)
        values = np.searchsorted(edges, values, side="left").astype(np.float64)
    strata[told] = np.unique(values, return_inverse=True)[1]
    return strata


def within(
    scores: Floats,
    side: findings.Side,
    is_b: Flags,
    column: Column,
    groups: Groups | None,
    alpha: float,
    rng: np.random.Generator,
    parts: int | None = None,
) -> Within:
    """One finding among images that are alike in a column: labels are permuted inside the strata.

    The AUROC counts pairs of images of one stratum only.

    Args:
        scores, is_b, groups, and the column's numbers: of the check images, A's first.
        parts: of a numeric column; None: STRATA, and more where there are many images.
    """
    alike = _alike(column, is_b, groups, parts)
    if alike is None:
        return Within(column=column.name, strata=0, images=0, auroc=None, p_value=None)
    values, labelings = scores[alike.kept] * (1 if side == "b" else -1), alike.labelings(rng, PERMUTATIONS)
    wins, pairs = np.zeros(len(labelings)), np.zeros(len(labelings))
    for part in range(alike.strata):
        inside = alike.stratum == part
        ranks, n_b = double_ranks(values[inside]) / 2, labelings[:, inside].sum(1)
        wins += labelings[:, inside] @ ranks - n_b * (n_b + 1) / 2
        pairs += n_b * (inside.sum() - n_b)
    aurocs = np.where(pairs > 0, wins / np.maximum(pairs, 1), 0.5)
    return Within(
        column=column.name,
        strata=alike.strata,
        images=len(alike.stratum),
        auroc=float(aurocs[0]),
        p_value=float((aurocs >= aurocs[0] - 1e-12).mean()) if len(labelings) * alpha >= 1 else None,
    )


@dataclass(frozen=True, eq=False)
class _Alike:
    """The images of the strata that hold images of both sets."""

    kept: Flags
    """Which of all images these are, (images,)."""
    stratum: NDArray[np.intp]
    """Of each of these, from 0, (kept,)."""
    swaps: Exchangeable

    @property
    def strata(self) -> int:
        return int(self.stratum.max()) + 1

    def labelings(self, rng: np.random.Generator, permutations: int) -> Flags:
        """Labels of these images, the observed ones first, then as likely ones inside the strata: (labelings, kept)."""
        return _labelings(self.swaps, rng, permutations)[:, self.swaps.item]


def _alike(column: Column, is_b: Flags, groups: Groups | None, parts: int | None = None) -> _Alike | None:
    """None where no stratum holds images of both sets."""
    strata = strata_of(column, parts)
    mixed = [s for s in range(int(strata.max()) + 1) if 0 < is_b[strata == s].sum() < (strata == s).sum()]
    if not mixed:
        return None
    kept = np.isin(strata, mixed)
    stratum = np.unique(strata[kept], return_inverse=True)[1]
    of_kept = np.arange(int(kept.sum())) if groups is None else groups[kept]
    return _Alike(kept, stratum, Exchangeable.of(is_b[kept], of_kept, stratum))


def within_sets(
    sets: OfSets,
    side: findings.Side,
    is_b: Flags,
    column: Column,
    groups: Groups | None,
    alpha: float,
    rng: np.random.Generator,
) -> Within:
    """One claim about sets where the make-up of the sets in a column is held fast: labels are permuted inside strata.

    A set that is more varied because it mixes two scanners mixes them under every such labeling. The AUROC is that of
    random sets in pairs, one of each side, with as many images of each stratum.

    Args:
        is_b, groups, and the column's numbers: of the check images, A's first.
    """
    alike = _alike(column, is_b, groups)
    labelings = None if alike is None else alike.labelings(rng, max(PERMUTATIONS_OF_SETS, ceil(2 / alpha)))
    if alike is None or labelings is None or min(labelings.sum(1).min(), (~labelings).sum(1).min()) < 2:
        return Within(column=column.name, strata=0, images=0, auroc=None, p_value=None)
    in_b = np.zeros((len(labelings), len(is_b)), bool)
    in_b[:, alike.kept] = labelings
    matched = np.concatenate(_matched(alike, is_b, sets.members, rng))
    odds = sets.odds(np.concatenate([in_b, alike.kept & ~in_b, matched])) * (1 if side == "b" else -1)
    of_b, of_a, matched_a, matched_b = np.split(odds, np.cumsum([len(in_b), len(in_b), len(matched) // 2]))
    higher, gaps = of_b - of_a, matched_b - matched_a
    return Within(
        column=column.name,
        strata=alike.strata,
        images=len(alike.stratum),
        auroc=float((gaps > 0).mean() + (gaps == 0).mean() / 2),
        p_value=float((higher >= higher[0] - 1e-6).mean()) if len(labelings) * alpha >= 1 else None,
    )


def _matched(alike: _Alike, is_b: Flags, members: Flags, rng: np.random.Generator) -> tuple[Flags, Flags]:
    """Sets of A and of B, as many and as large as those that were scored, each pair with equal shares of the strata."""
    count, size = len(members) // 2, int(members[0].sum())
    rows, labels = np.flatnonzero(alike.kept), is_b[alike.kept]
    of_a, of_b = np.zeros((count, len(is_b)), bool), np.zeros((count, len(is_b)), bool)
    for a, b in zip(of_a, of_b, strict=True):
        pairs = [
            pair
            for part in range(alike.strata)
            for inside in [alike.stratum == part]
            for pair in zip(
                rng.permutation(rows[inside & ~labels]), rng.permutation(rows[inside & labels]), strict=False
            )
        ]
        chosen = np.array(pairs)[rng.permutation(len(pairs))[:size]]
        a[chosen[:, 0]], b[chosen[:, 1]] = True, True
    return of_a, of_b


def confounded(
    found: Sequence[Finding],
    evidence: Sequence[Evidence],
    columns: Sequence[Column],
    separates: Sequence[str],
    is_b: Flags,
    groups: Groups | None,
    alpha: float,
    rng: np.random.Generator,
) -> list[Finding]:
    """The findings with their tests within the strata of every column, and marked where they vanish there.

    Only a column that separates the sets can be the reason; a verified finding stays verified, because it is true.

    Args:
        evidence: of the same hypotheses; columns, is_b, groups: of the check images; separates: names of columns, the
            first that is the reason is named.
    """
    by = {(item.hypothesis.side, item.hypothesis.text): item for item in evidence}
    marked = []
    for finding in found:
        item = by[finding.side, finding.text]
        if finding.verdict != "verified":
            marked.append(finding)
            continue
        scores = np.concatenate([item.scores_a, item.scores_b]).astype(np.float64)
        tests = [
            within(scores, finding.side, is_b, column, groups, alpha, rng)
            if item.sets is None
            else within_sets(item.sets, finding.side, is_b, column, groups, alpha, rng)
            for column in columns
        ]
        gone = {test.column: test.p_value is None or test.p_value > alpha for test in tests}
        first = next((name for name in separates if gone[name]), None)
        told = [test for test in tests if test.column == first or not _repeats(test.column, gone)]
        marked.append(finding.model_copy(update={"within": told, "confounded_by": first}))
    return marked
