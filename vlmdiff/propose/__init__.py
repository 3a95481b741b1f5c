"""From two sets of images to hypotheses about their difference: three methods behind one call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vlmdiff.errors import ModelError
from vlmdiff.propose.from_captions import caption_rank
from vlmdiff.propose.from_images import in_context
from vlmdiff.propose.from_tokens import learned
from vlmdiff.propose.look import Look, Method, Proposed
from vlmdiff.propose.votes import merged

if TYPE_CHECKING:
    from vlmdiff.models.base import Skill, VisionLanguageModel

__all__ = ["METHODS", "NEEDS", "Look", "Method", "Proposed", "check", "merged"]

METHODS: dict[str, Method] = {"learned": learned, "in_context": in_context, "caption_rank": caption_rank}
NEEDS: dict[str, frozenset[Skill]] = {
    "learned": frozenset({"tokens"}),
    "in_context": frozenset({"chat", "in_context"}),
    "caption_rank": frozenset({"chat", "captions"}),
}
"""Of each method, the skills of which a model must have one."""


JUDGES: frozenset[Skill] = frozenset({"tokens", "chat"})
"""Skills of which a model must have one for `vlmdiff.verify` to judge with it."""


def check(method: str, model: VisionLanguageModel) -> None:
    """Refuse a method that the model was not made for, before any image is looked at.

    Raises:
        ModelError: it lacks the skill to propose so, or any to judge what is proposed.
    """
    train = "give --adapter, a folder from `python -m train lora`"
    if not JUDGES & model.skills:
        raise ModelError(f"{model.info.name} neither reads difference tokens nor can be asked in words; {train}")
    if not NEEDS[method] & model.skills:
        able = " or ".join(name for name, needed in NEEDS.items() if needed & model.skills)
        other = train if method == "learned" else "give --model, one that can be asked in words (vlmdiff models)"
        raise ModelError(
            f"{model.info.name} cannot propose by method {method!r}, which needs one of the skills "
            f"{', '.join(sorted(NEEDS[method]))}; {f'use --method {able}, or ' if able else ''}{other}"
        )
