"""The method of asking: images of both sets in one prompt, as any model that reads several images can be asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vlmdiff.models import prompts
from vlmdiff.models.base import Part, Skill
from vlmdiff.propose.both_ways import ask_both_ways, room
from vlmdiff.propose.look import RESAMPLES, Look, Proposed, few

if TYPE_CHECKING:
    from vlmdiff.models.base import VisionLanguageModel

IMAGES = 8
"""Of each set in one prompt at most: models read few better than many."""


def in_context(model: VisionLanguageModel, look: Look, rng: np.random.Generator) -> Proposed:
    """What the model says of some images of both sets in one prompt, of several such draws, in both orders.

    Raises:
        ModelError: one image of each set is too much for its context.
    """
    skill: Skill = "chat" if "chat" in model.skills else "in_context"
    in_a, in_b = look.by_side
    most = room(model, model.image_tokens, IMAGES, "an image")
    draws = [(few(in_a, most, rng), few(in_b, most, rng)) for _ in range(RESAMPLES)]

    def prompt(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> list[Part]:
        return (prompts.in_context if skill == "chat" else prompts.bare_in_context)([*first], [*second])

    forth = [prompt(look.pixels_a[a], look.pixels_b[b]) for a, b in draws]
    back = [prompt(look.pixels_b[b], look.pixels_a[a]) for a, b in draws]
    return ask_both_ways(model, forth, back, int(rng.integers(2**31)), skill)
