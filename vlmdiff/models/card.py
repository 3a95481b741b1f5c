"""The run card of an adapter: what it was trained on, so that nobody scores it on what it has seen."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from vlmdiff.errors import ModelError

CARD_FILE = "run_card.json"
PREFIX = 12
"""Hex digits of a photograph's SHA-256 that are kept: two of a million share them by a chance of 1 in 280 million."""


class RunCard(BaseModel):
    """What one training run saw, at any of its stages."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    base: str | None = Field(
        default=None,
        description="A public model under the adapter, by name: what that was trained on is not known, and is in no "
        "other field. None: the base was made by this repository's own jobs, and what it saw is here too.",
    )
    recipe: dict[str, Any] = Field(description="What was drawn and how long was learned, spelled out.")
    runs: dict[str, dict[str, Any]] = Field(
        default_factory=dict,
        description="What else decides its weights, of each job: seed; base, start and bank by SHA-256; tuning, task, "
        "plan of rounds.",
    )
    commit: str = Field(description="Of the code, or of the last stage where stages ran at several.")
    versions: dict[str, str] = Field(description="Of Python and the packages that compute.")
    families: tuple[str, ...] = Field(description="Families of differences it was taught.")
    domains: tuple[str, ...] = Field(description="Image domains that it saw: data sets and kinds of drawn images.")
    splits: tuple[str, ...] = Field(description="Splits of the photographs that it saw.")
    held_out: bool = Field(description="It saw what the catalog holds out (faint, rare, unseen combinations).")
    least_strength: float
    least_prevalence: float
    photographs: tuple[str, ...] = Field(description="First digits of the SHA-256 of every photograph it saw, sorted.")
    hours: dict[str, float] = Field(default_factory=dict, description="Of each stage.")
    losses: dict[str, float] = Field(default_factory=dict, description="Of each stage, at its end.")
    curves: dict[str, tuple[tuple[int, float], ...]] = Field(
        default_factory=dict, description="Losses of each stage over its steps, about fifty of them."
    )
    criteria: tuple[dict[str, float], ...] = Field(
        default=(),
        description="What the best weights were chosen by, reading by reading: the step, the training loss that a "
        "gradient sees, and what none sees: validation photographs described (F1), their claims judged (AUROC), the "
        "two as one.",
    )

    def saw(self, sha256: Iterable[str]) -> set[str]:
        """Those of some photographs (SHA-256, hex) that were trained on."""
        seen = set(self.photographs)
        return {digest for digest in sha256 if digest[:PREFIX] in seen}


def read(adapter: Path) -> RunCard | None:
    """The card in an adapter's folder; None where there is none.

    Raises:
        ModelError: it is damaged.
    """
    file = adapter / CARD_FILE
    if not file.exists():
        return None
    try:
        return RunCard.model_validate_json(file.read_bytes())
    except ValidationError as error:
        raise ModelError(f"{file} is damaged: {error.errors()[0]['msg']}; train or fetch the adapter again") from error
