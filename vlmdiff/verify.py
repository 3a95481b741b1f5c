"""Does a hypothesis hold of single images? The judge is the describer itself, reading one image against the pool."""

from __future__ import annotations

from collections.abc import Sequence
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


def scores(
    model: VisionLanguageModel, hypotheses: Sequence[Hypothesis], images: torch.Tensor, pool: Moments
) -> NDArray[np.float32]:
    """How well each hypothesis fits each image: its log-likelihood less the mean over its siblings, in nats.

    Args:
        images: feature rows, (images, rows, channels).
        pool: moments of the look images of both sets together; labels unseen.

    Returns:
        (images, hypotheses).
    """
    from vlmdiff.learn.tokens import against_pool

    claims = [line("b", h.text) for h in hypotheses]
    families = [[line("b", text) for text in model.siblings(h.text, SIBLINGS)] for h in hypotheses]
    # A model that knows no other claims holds each against "no visible difference".
    families = [siblings or [NO_DIFFERENCE + "\n"] for siblings in families]
    every = list(dict.fromkeys([*claims, *(claim for siblings in families for claim in siblings)]))
    column = {claim: i for i, claim in enumerate(every)}
    likelihoods = model.score(every, against_pool(images, pool))
    corrected = [
        likelihoods[:, column[claim]] - likelihoods[:, [column[other] for other in siblings]].mean(1)
        for claim, siblings in zip(claims, families, strict=True)
    ]
    return np.stack(corrected, axis=1).astype(np.float32)
