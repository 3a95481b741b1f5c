"""The method of captions: each image is described alone, and the language model compares the descriptions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vlmdiff.models import prompts
from vlmdiff.models.base import Skill
from vlmdiff.propose.both_ways import ask_both_ways, room
from vlmdiff.propose.look import RESAMPLES, Look, Proposed, few, some

if TYPE_CHECKING:
    from vlmdiff.models.base import VisionLanguageModel

CAPTIONED = 40
"""Images of each set that are described at most."""
COMPARED = 20
"""Captions of each set in one prompt at most, as in VisDiff (Dunlap et al., CVPR 2024)."""
CANDIDATES = 16
"""Hypotheses that are scored on the look images."""
LONGEST = 96
"""New tokens of a caption at most."""


def caption_rank(model: VisionLanguageModel, look: Look, rng: np.random.Generator) -> Proposed:
    """What the model says of captions of both sets, of several draws of them, in both orders; ranked by score.

    An image whose caption cannot be read is left out, and counted in a warning.

    Raises:
        ModelError: one caption of each set is too much for its context.
    """
    skill: Skill = "chat" if "chat" in model.skills else "captions"
    in_a, in_b = look.by_side
    rows_a, rows_b = some(in_a, CAPTIONED, rng), some(in_b, CAPTIONED, rng)
    seed, again = (int(number) for number in rng.integers(2**31, size=2))
    shown = [*look.pixels_a[rows_a], *look.pixels_b[rows_b]]
    ask = prompts.caption if skill == "chat" else prompts.bare_caption
    answers = model.ask([ask(image) for image in shown], draws=0, seed=seed, longest=LONGEST)
    captions = [prompts.captioned(texts[0]) for texts in answers]
    warnings = []
    if unread := captions.count(None):
        warnings.append(f"{unread} of {len(captions)} captions could not be read; their images were not compared")
    a, of_a = _readable(captions[: len(rows_a)], in_a[rows_a])
    b, of_b = _readable(captions[len(rows_a) :], in_b[rows_b])
    if not a or not b:
        return Proposed([], warnings)
    most = room(model, LONGEST, COMPARED, "a caption")
    draws = [([a[i] for i in few(of_a, most, rng)], [b[i] for i in few(of_b, most, rng)]) for _ in range(RESAMPLES)]
    compare = prompts.compare if skill == "chat" else prompts.bare_compare
    forth, back = [compare(one, other) for one, other in draws], [compare(other, one) for one, other in draws]
    proposed = ask_both_ways(model, forth, back, again, skill, most=CANDIDATES, order="score")
    return replace(proposed, warnings=warnings + proposed.warnings)


def _readable(captions: Sequence[str | None], groups: NDArray[np.integer]) -> tuple[list[str], NDArray[np.integer]]:
    """The captions that could be read, and the groups of their images."""
    read = np.array([caption is not None for caption in captions], bool)
    return [caption for caption in captions if caption is not None], groups[read]
