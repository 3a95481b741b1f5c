"""Proposing in rounds: what was said is taken out of the look images, and the rest is looked at again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from vlmdiff import of_sets, propose, verify
from vlmdiff.comparison import Comparison
from vlmdiff.decide import enough_images
from vlmdiff.findings import Evidence, Hypothesis
from vlmdiff.models.lines import normalised
from vlmdiff.residual import taken_out
from vlmdiff.sample import Part, fewer
from vlmdiff.stats import Floats, permutation_p

if TYPE_CHECKING:
    import torch

    from vlmdiff.models.base import VisionLanguageModel

ROUNDS = 2
LATER = 2
"""Hypotheses of a later round that go on to the check images: every further one costs all of them power."""
LATER_VOTES = 0.3
"""Share of a later round's draws that must name them: what is left is noisier than what was there."""
MOST_JUDGED = 200
"""Look images a set that are judged, to merge hypotheses and to see what is left; all of them are described."""
_PERMUTATIONS = 999
_GARBLED = "{} of {} sentences were left out that the model was never taught: it may lack words for these images"
"""Said where such sentences have as many votes as all others: one slip in twenty draws says nothing of the images."""
_TOO_FEW = "{} of {} sentences were not tested: so few check images can verify no more than {}"


@dataclass(frozen=True)
class Said:
    """What was proposed, over all rounds, and what a reader should know of it."""

    hypotheses: list[Hypothesis]
    warnings: list[str] = field(default_factory=list)


def in_rounds(
    model: VisionLanguageModel, method: str, images: verify.Encoded, comparison: Comparison, rng: np.random.Generator
) -> Said:
    """Hypotheses about the look images; the check images stay closed.

    After a round the judge's scores of what was said are taken out of the classifier's left-out scores; where the rest
    still tells the look images apart, they are taken out of the features as well, and these are described again.
    Methods that look at pixels have one round.
    """
    sample = comparison.sample
    whole = comparison.look
    part = sample.part(fewer(whole.rows, sample.is_b, sample.groups, MOST_JUDGED, rng))
    judged = images.only(part.rows)
    classifier = comparison.on_look[np.isin(whole.rows, part.rows)]
    said: list[Hypothesis] = []
    warnings: list[str] = []
    view = _view(images.only(whole.rows), whole, comparison.on_look)
    for number in range(1, ROUNDS + 1):
        proposed = propose.METHODS[method](model, view, rng)
        warnings += proposed.warnings
        able = [h for h in proposed.hypotheses if _has_words(model, h.text)]
        garbled = [h for h in proposed.hypotheses if h not in able]
        if sum(h.votes for h in garbled) >= sum(h.votes for h in able) and garbled:
            warnings.append(_GARBLED.format(len(garbled), len(proposed.hypotheses)))
        fresh = [h for h in able if not _said(h, said, model.opposites) and (number == 1 or h.votes >= LATER_VOTES)]
        if not fresh:
            break
        new = fresh
        if len(fresh) > 1:
            among = verify.scores_among(model, fresh, judged)
            new = propose.merged(replace(proposed, hypotheses=fresh), among, part.n_a, model.opposites)
        said += [replace(h, round=number) for h in (new if number == 1 else new[:LATER])]
        if number == ROUNDS or not propose.NEEDS[method] <= {"tokens"}:
            break
        known = verify.scores(model, said, judged, judged).astype(np.float64)
        left = taken_out(classifier, known, part.is_b).round(9)
        if permutation_p(left[: part.n_a], left[part.n_a :], rng, _PERMUTATIONS, part.groups) > comparison.alpha:
            break
        view = _view(verify.Judged(_without(judged.rows, known, part), judged.pixels), part, left)
    tested = _testable(said, comparison)
    if len(tested) < len(said):
        warnings.append(_TOO_FEW.format(len(said) - len(tested), len(said), len(tested)))
    return Said(tested, list(dict.fromkeys(warnings)))


def _testable(said: list[Hypothesis], comparison: Comparison) -> list[Hypothesis]:
    """The first of them, as many as the check images can verify: with one more, none could be, were only one true."""
    check, alpha = comparison.check, comparison.alpha
    able = [n for n in range(2, len(said) + 1) if enough_images(len(check.a), len(check.b), n, alpha, check.groups)]
    return said[: max(able, default=1)]


def _view(images: verify.Judged, part: Part, scores: Floats) -> propose.Look:
    """The images of a part, as a method looks at them."""
    n_a, rows, pixels = part.n_a, images.rows, images.pixels
    return propose.Look(rows[:n_a], rows[n_a:], pixels[:n_a], pixels[n_a:], part.groups, scores)


def _has_words(model: VisionLanguageModel, text: str) -> bool:
    """Whether a sentence is one that the model was taught; one that can be asked has words of its own."""
    return "chat" in model.skills or not model.claims or model.taught(text)


def _said(hypothesis: Hypothesis, said: Sequence[Hypothesis], opposites: Mapping[str, str]) -> bool:
    """Whether the same was said before, or its opposite of the other side."""
    text, other = normalised(hypothesis.text), normalised(opposites.get(hypothesis.text, ""))
    return any(normalised(h.text) == (text if h.side == hypothesis.side else other) for h in said)


def _without(rows: torch.Tensor, known: Floats, part: Part) -> torch.Tensor:
    """Feature rows less what the scores predict of each feature."""
    flat = taken_out(rows.flatten(1).double().numpy(), known, part.is_b)
    return rows.new_tensor(flat).view(rows.shape)


def _read_as_sets(model: VisionLanguageModel, claim: str) -> bool:
    able = "tokens" in model.skills and ("chat" not in model.skills or model.taught(claim))
    return able and of_sets.about_sets(claim)


def gathered(
    model: VisionLanguageModel,
    hypotheses: Sequence[Hypothesis],
    images: verify.Encoded,
    comparison: Comparison,
    rng: np.random.Generator,
) -> list[Evidence]:
    """What the check images answer to each hypothesis, in one go over all rounds."""
    look, check = comparison.look, comparison.check
    pool = images.only(look.rows)
    of_images = [h for h in hypotheses if not _read_as_sets(model, h.text)]
    found: dict[int, Evidence] = {}
    if of_images:
        scores = verify.scores(model, of_images, images.only(check.rows), pool)
        for column, h in enumerate(of_images):
            found[id(h)] = Evidence(h, scores[: check.n_a, column], scores[check.n_a :, column])
    for h in hypotheses:
        if id(h) not in found:
            found[id(h)] = of_sets.evidence(
                model, h, images, check, pool, hypotheses=len(hypotheses), alpha=comparison.alpha, rng=rng
            )
    return [found[id(h)] for h in hypotheses]
