"""A model is asked the same of both orders of two sets, again and again: its answers become hypotheses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from vlmdiff.errors import ModelError
from vlmdiff.findings import Side
from vlmdiff.models.base import Part, Skill
from vlmdiff.models.prompts import gist, read
from vlmdiff.propose.look import Proposed
from vlmdiff.propose.votes import NAMED, balanced

if TYPE_CHECKING:
    from vlmdiff.models.base import VisionLanguageModel

TOKENS = 8192
"""Of a prompt with its answer at most, however many the model would take."""
_QUESTION = 400
"""Tokens that the words of a question cost at most."""
_LONGEST = {"chat": 256, "bare": 96}
"""New tokens of an answer at most."""
_OTHER: dict[Side, Side] = {"a": "b", "b": "a"}


def room(model: VisionLanguageModel, each: int, most: int, what: str) -> int:
    """How many things a side fit into one prompt, `most` at most.

    Args:
        each: tokens that one costs; what: its name, for the error.

    Raises:
        ModelError: not one a side does.
    """
    left = min(model.context, TOKENS) - _QUESTION - _LONGEST["chat"]
    if left < 2 * each:
        raise ModelError(
            f"{model.info.name} reads {model.context} tokens and {what} costs {each}: not one of each set fits in; "
            "give another --model, or --method learned with an adapter"
        )
    return min(most, left // (2 * each))


def ask_both_ways(
    model: VisionLanguageModel,
    forth: Sequence[Sequence[Part]],
    back: Sequence[Sequence[Part]],
    seed: int,
    skill: Skill,
    *,
    most: int = NAMED,
    order: Literal["votes", "score"] = "votes",
) -> Proposed:
    """What a model answers to prompts that show A first, and to the same with B in the place of A.

    Each prompt is answered once greedily and once sampled. An answer that cannot be read is a draw that names nothing,
    and is counted in a warning.

    Args:
        skill: how it is asked; `most`: hypotheses at most.
    """
    longest = _LONGEST["chat" if skill == "chat" else "bare"]
    answers = model.ask([*forth, *back], draws=1, seed=seed, longest=longest)
    heard = [[read(text) for text in texts] for texts in answers]
    draws = [one.said for one in (one for texts in heard[: len(forth)] for one in texts)]
    draws += [[(_OTHER[side], text) for side, text in one.said] for texts in heard[len(forth) :] for one in texts]
    unread = sum(not one.readable for texts in heard for one in texts)
    warnings = [f"{unread} of {len(draws)} answers of the model named no difference in a form that is read"]
    return Proposed(balanced(draws, gist, most), warnings if unread else [], order)
