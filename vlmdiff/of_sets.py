"""Claims that no single image shows ("the images vary more in colour"): the judge reads sets of check images."""

from __future__ import annotations

import re
from functools import partial
from math import ceil
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vlmdiff import verify
from vlmdiff.findings import Evidence, Hypothesis, OfSets
from vlmdiff.sample import Part
from vlmdiff.stats import Exchangeable, Floats

if TYPE_CHECKING:
    import torch

    from vlmdiff.models.base import VisionLanguageModel

_IMAGES = r"(?:images?|pictures?|photos?|photographs?)"
_ABOUT_SETS = re.compile(
    "|".join(
        (
            rf"\bfrom (?:one )?{_IMAGES} to\b|\bfrom (?:one another|each other)\b|\balternate with\b|\bside by side\b",
            rf"\b{_IMAGES} (?:vary|range|span|split|fall)\b|\bthey (?:vary|range|span|split (?:up )?into|come in)\b",
            r"\b(?:more|less) (?:varied|diverse|uniform in|consistent|often|common)\b|\bdivers(?:e|ity)\b",
            r"\bspread of .* (?:larger|smaller)\b|\b(?:broader|narrower|smaller|wider) range of\b|\bnot equally\b",
            r"\b(?:in)?consistent\b|\bheterogeneous\b|\bhomogeneous\b|\bdiffering degrees\b|\bvarying amounts\b",
            rf"\bsome of the {_IMAGES}|\bnot all of the\b|\ball of the {_IMAGES}|\bthe same in all\b",
            r"\ba mix of\b|\bbimodal\b|\bclear clusters\b|\btwo (?:kinds|groups|versions)\b|\bbatch\b",
            rf"(?<!left )(?<!right )(?<!top )(?<!bottom )(?<!upper )(?<!lower )\bhalf of the {_IMAGES}\b",
            rf"\brepeat(?:s|ed) (?:ones|{_IMAGES}|many times|of the same)\b|\bsame {_IMAGES}\b|\bmore than once\b",
            r"\bcopies of (?:one|a few)\b|\bduplicates?\b|\bredundant copies\b|\bunlike the rest\b|\blike the others\b",
            r"\bodd ones\b|\boutl(?:iers|ying)\b|\banomalous\b|\ba handful of images\b|\bexceptions\b|\brare images\b",
            rf"\b(?:larger|smaller) (?:share|part$)|\b(?:proportion|percentage) of\b|\b(?:more|fewer) of the {_IMAGES}",
            rf"\balso the ones\b|\b(?:{_IMAGES}|ones) tend to be\b|\bcorrelated over\b|\beither .+ or\b|\bcoincide\b",
        )
    ),
    re.IGNORECASE,
)
PERMUTATIONS = 199
"""At least, of a claim; each costs the judge two readings."""
SETS = 24
"""Random sets a side whose scores are shown."""
_SMALLEST, _LARGEST = 4, 16
"""Images of such a set, where a quarter of the smaller side is outside these."""


def about_sets(claim: str) -> bool:
    """Whether a sentence is about a set as a whole: how varied it is, what share of it, what repeats."""
    return bool(_ABOUT_SETS.search(claim))


def evidence(
    model: VisionLanguageModel,
    hypothesis: Hypothesis,
    images: verify.Encoded | verify.Judged,
    check: Part,
    pool: verify.Judged,
    *,
    hypotheses: int,
    alpha: float,
    rng: np.random.Generator,
) -> Evidence:
    """What the judge answers of one claim about sets.

    p: how much better the claim fits all check images of its side than all of the other, against the same for labels
    that are permuted as those of any hypothesis are. Scores: of random sets of images of one side, for the reader.

    Args:
        images, check: all images, and which of them check; pool: the look images.
        hypotheses: of the run, which decide how small a p-value must be possible.
    """
    rows = images.only(check.rows).rows
    odds = partial(_odds, model, hypothesis.text, rows, pool)
    is_b = check.is_b
    swaps = Exchangeable.of(is_b, np.arange(len(is_b)) if check.groups is None else check.groups)
    wanted = max(PERMUTATIONS, ceil(2 * hypotheses / alpha))
    if swaps.count <= wanted:
        labelings = swaps.every()[:, swaps.item]
    else:
        labelings = np.concatenate([is_b[None], swaps.drawn(wanted, rng)[:, swaps.item]])
    in_b, in_a = np.split(odds(np.concatenate([labelings, ~labelings])), 2)
    higher = (in_b - in_a) * (1 if hypothesis.side == "b" else -1)
    n_a, n_b = int((~is_b).sum()), int(is_b.sum())
    size = min(max(min(n_a, n_b) // 4, _SMALLEST), _LARGEST, n_a, n_b)
    drawn = np.zeros((2 * SETS, len(is_b)), bool)
    for i in range(2 * SETS):
        drawn[i, rng.choice(np.flatnonzero(is_b if i >= SETS else ~is_b), size, replace=False)] = True
    of_a, of_b = np.split(odds(drawn).astype(np.float32), 2)
    p = float((higher >= higher[0] - 1e-6).mean())
    return Evidence(hypothesis, of_a, of_b, OfSets(p, max(n_a // size, 1), max(n_b // size, 1), drawn, odds))


def _odds(
    model: VisionLanguageModel, claim: str, rows: torch.Tensor, pool: verify.Judged, chosen: NDArray[np.bool_]
) -> Floats:
    """Log-odds of the claim on each of several sets of images, (sets,).

    Args:
        chosen: which images are in each set, (sets, images).
    """
    from vlmdiff.learn.tokens import sets_against_pool

    siblings = {claim: model.siblings(claim, verify.SIBLINGS)}
    found = [
        verify.log_odds(model, siblings, sets_against_pool(rows, part, pool.moments))[claim]
        for part in np.array_split(chosen, ceil(len(chosen) / 32))
    ]
    return np.concatenate(found).astype(np.float64)
