"""Does a hypothesis hold of single images? The judge is the describer itself, reading one image against the pool."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vlmdiff.findings import Hypothesis
from vlmdiff.models.lines import NO_DIFFERENCE, line

if TYPE_CHECKING:
    import torch

    from vlmdiff.learn.tokens import Moments
    from vlmdiff.models.base import VisionLanguageModel

SIBLINGS = 8
"""Other claims that each claim is held against, so that "something is odd here" scores nothing."""
_FLOOR = -1.0
"""Images on which a claim is this unlikely or less are alike to it: how implausible it is says nothing of the claim."""


def scores(
    model: VisionLanguageModel, hypotheses: Sequence[Hypothesis], images: torch.Tensor, pool: Moments
) -> NDArray[np.float32]:
    """Log-odds in nats of each hypothesis on each image, against its siblings and "no visible difference" together.

    Above 0 the claim is likelier than all its alternatives. (Against the mean of the siblings instead, the border is
    elsewhere for every claim, and what is equally absurd on all images still ranks them: docs/log.md.)

    Args:
        images: feature rows, (images, rows, channels).
        pool: moments of the look images of both sets together; labels unseen.

    Returns:
        (images, hypotheses), -1 or more.
    """
    siblings = {h.text: model.siblings(h.text, SIBLINGS) for h in hypotheses}
    return _log_odds(model, hypotheses, siblings, images, pool)


def scores_among(
    model: VisionLanguageModel, hypotheses: Sequence[Hypothesis], images: torch.Tensor, pool: Moments
) -> NDArray[np.float32]:
    """The same with the other hypotheses as the only siblings: enough to see which of them say the same."""
    siblings = {h.text: [other.text for other in hypotheses if other.text != h.text] for h in hypotheses}
    return _log_odds(model, hypotheses, siblings, images, pool)


def _log_odds(
    model: VisionLanguageModel,
    hypotheses: Sequence[Hypothesis],
    siblings: Mapping[str, Sequence[str]],
    images: torch.Tensor,
    pool: Moments,
) -> NDArray[np.float32]:
    from vlmdiff.learn.tokens import against_pool

    texts = list(dict.fromkeys(text for h in hypotheses for text in (h.text, *siblings[h.text])))
    claims = [NO_DIFFERENCE + "\n", *(line("b", text) for text in texts)]
    column = {text: i for i, text in enumerate(texts, start=1)}
    likelihoods = model.score(claims, against_pool(images, pool))
    odds = []
    for hypothesis in hypotheses:
        others = [0, *(column[text] for text in siblings[hypothesis.text])]
        against = np.logaddexp.reduce(likelihoods[:, others], axis=1)
        odds.append(likelihoods[:, column[hypothesis.text]] - against)
    floored: NDArray[np.float32] = np.maximum(np.stack(odds, axis=1), _FLOOR).astype(np.float32)
    return floored
