"""Does a hypothesis hold of single images? The judge is the describer itself, reading one image against the pool.

Where the model has no difference tokens, or was never taught a claim, it is asked: yes or no, on the image itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vlmdiff.errors import ModelError
from vlmdiff.findings import Hypothesis
from vlmdiff.models import prompts
from vlmdiff.models.lines import NO_DIFFERENCE, line

if TYPE_CHECKING:
    import torch

    from vlmdiff.learn.tokens import Moments
    from vlmdiff.models.base import VisionLanguageModel
    from vlmdiff.models.difference import Difference

SIBLINGS = 8
"""Other claims that each claim is held against, so that "something is odd here" scores nothing."""
_FLOOR = -3.0
"""Images on which a claim is this unlikely or less are alike to it: how implausible it is says nothing of the claim."""
_READ_AT_ONCE = 64
"""Images whose statistics are made at a time: of a large model they take many megabytes each."""
_ASKED_POOL = 64
"""Images of the pool, evenly spaced over it, that the border between yes and no is taken from: each costs prompts."""
_ENDS = (5, 95)
"""Percentiles of the pool that the border lies midway between."""


@dataclass(frozen=True, eq=False)
class Judged:
    """Images that hypotheses are held against, or their pool."""

    rows: torch.Tensor
    """Features with summaries (`learn.tokens.with_summaries`), (images, rows, channels)."""
    pixels: NDArray[np.uint8]
    """RGB, (images, size, size, 3), as the model's input was fitted."""

    def only(self, images: NDArray[np.intp]) -> Judged:
        """Some of them, by number."""
        return Judged(self.rows[images], self.pixels[images])

    @cached_property
    def moments(self) -> Moments:
        from vlmdiff.learn.tokens import Moments

        return Moments.of(self.rows)


@dataclass(frozen=True, eq=False)
class Encoded:
    """All images of a comparison; only those that are read at a time are widened and summarised."""

    grids: torch.Tensor
    """(images, cells, channels), bfloat16, as `learn.features.encoded` gives them."""
    pixels: Callable[[NDArray[np.intp]], NDArray[np.uint8]]
    """Of images by number, rising."""

    def only(self, images: NDArray[np.intp]) -> Judged:
        """Some of them, by number, rising."""
        from vlmdiff.learn.tokens import with_summaries

        return Judged(with_summaries(self.grids[images]), self.pixels(images))


def scores(
    model: VisionLanguageModel, hypotheses: Sequence[Hypothesis], images: Judged, pool: Judged
) -> NDArray[np.float32]:
    """How much more each hypothesis holds of each image than its siblings do, in nats; above 0 it is judged to hold.

    A claim that the model was taught, or any where it cannot be asked: the log-odds against its siblings and "no
    visible difference" together, -3 or more. Above 0 the claim is likelier than all its alternatives. (Against the
    mean of the siblings instead, the border is elsewhere for every claim, and what is equally absurd on all images
    still ranks them: docs/log.md.)

    Any other claim: the log-odds of yes against no, less the mean of its siblings': the other hypotheses, and
    `prompts.GENERIC`, which fit whatever is odd. Unlike likelihoods these do not compete, so that a second true claim
    must cost the first one little. Models lean to yes or to no, for some wordings more than for others; the border is
    therefore midway between the 5th and the 95th percentile of the pool. So the rates of a claim that holds of fewer
    than one in twenty of the pool, or of nearly all, mean little; its AUROC does not depend on the border.

    Args:
        pool: the look images of both sets together; labels unseen.

    Returns:
        (images, hypotheses)

    Raises:
        ModelError: the model neither reads difference tokens nor can be asked.
    """
    siblings = {h.text: model.siblings(h.text, SIBLINGS) for h in hypotheses}
    others = {h.text: [other.text for other in hypotheses if other.text != h.text] for h in hypotheses}
    return _scores(model, hypotheses, siblings, others, images, pool)


def scores_among(model: VisionLanguageModel, hypotheses: Sequence[Hypothesis], pool: Judged) -> NDArray[np.float32]:
    """The same on the pool itself, enough to see which hypotheses say the same.

    The siblings of a claim that the model was taught are the other hypotheses alone; of any other, `prompts.GENERIC`
    alone, because hypotheses that say the same in other words would take each other away.
    """
    siblings = {h.text: [other.text for other in hypotheses if other.text != h.text] for h in hypotheses}
    return _scores(model, hypotheses, siblings, {h.text: [] for h in hypotheses}, pool, pool)


def _scores(
    model: VisionLanguageModel,
    hypotheses: Sequence[Hypothesis],
    taught: Mapping[str, Sequence[str]],
    asked: Mapping[str, Sequence[str]],
    images: Judged,
    pool: Judged,
) -> NDArray[np.float32]:
    """Each claim by its judge, with the siblings that it has there."""
    texts = list(dict.fromkeys(h.text for h in hypotheses))
    if not {"tokens", "chat"} & model.skills:
        raise ModelError(
            f"{model.info.name} cannot judge: it has no difference tokens, and cannot be asked "
            "yes or no; give --adapter, or another --model (vlmdiff models)"
        )
    by_asking = [t for t in texts if "chat" in model.skills and not ("tokens" in model.skills and model.taught(t))]
    by_likelihood = [t for t in texts if t not in by_asking]
    found: dict[str, NDArray[np.float32]] = {}
    if by_likelihood:
        found |= _log_odds(model, {t: taught[t] for t in by_likelihood}, images, pool)
    if by_asking:
        found |= _yes_odds(model, {t: (*asked[t], *prompts.GENERIC) for t in by_asking}, images, pool)
    return np.stack([found[h.text] for h in hypotheses], axis=1)


def _log_odds(
    model: VisionLanguageModel, siblings: Mapping[str, Sequence[str]], images: Judged, pool: Judged
) -> dict[str, NDArray[np.float32]]:
    """Of each claim against its siblings, by likelihood."""
    from vlmdiff.learn.tokens import against_pool

    parts = [log_odds(model, siblings, against_pool(rows, pool.moments)) for rows in images.rows.split(_READ_AT_ONCE)]
    return {claim: np.concatenate([part[claim] for part in parts]) for claim in siblings}


def log_odds(
    model: VisionLanguageModel, siblings: Mapping[str, Sequence[str]], difference: Difference
) -> dict[str, NDArray[np.float32]]:
    """Log-odds in nats of each claim against its siblings and "no visible difference" under each of a batch: (batch,).

    -3 or more.
    """
    texts = list(dict.fromkeys(text for claim, others in siblings.items() for text in (claim, *others)))
    claims = [NO_DIFFERENCE + "\n", *(line("b", text) for text in texts)]
    column = {text: i for i, text in enumerate(texts, start=1)}
    likelihoods = model.score(claims, difference)
    odds = {}
    for claim, others in siblings.items():
        against = np.logaddexp.reduce(likelihoods[:, [0, *(column[text] for text in others)]], axis=1)
        odds[claim] = np.maximum(likelihoods[:, column[claim]] - against, _FLOOR).astype(np.float32)
    return odds


def _yes_odds(
    model: VisionLanguageModel, siblings: Mapping[str, Sequence[str]], images: Judged, pool: Judged
) -> dict[str, NDArray[np.float32]]:
    """Of each claim beyond its siblings, by asking; 0 is the border that the pool gives."""
    texts = list(dict.fromkeys(text for claim, others in siblings.items() for text in (claim, *others)))
    column = {text: i for i, text in enumerate(texts)}
    few = np.unique(np.linspace(0, len(pool.pixels) - 1, _ASKED_POOL).round().astype(np.intp))
    of_images = _answers(model, texts, images.pixels)
    of_pool = of_images[few] if images is pool else _answers(model, texts, pool.pixels[few])
    odds = {}
    for claim, others in siblings.items():
        beside = [column[text] for text in others]
        raw, raw_pool = (part[:, column[claim]] - part[:, beside].mean(1) for part in (of_images, of_pool))
        odds[claim] = (raw - np.percentile(raw_pool, _ENDS).mean()).astype(np.float32)
    return odds


def _answers(model: VisionLanguageModel, claims: Sequence[str], pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Log-odds of yes for each image and claim, (images, claims)."""
    answers = model.yes([prompts.judge(image, claim) for image in pixels for claim in claims])
    if not np.isfinite(answers).all():
        raise ModelError(f"{model.info.name} gives no probability of yes and no; use another model as a judge")
    return answers.reshape(len(pixels), len(claims))
