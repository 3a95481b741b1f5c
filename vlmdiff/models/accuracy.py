"""How often an adapter's judge was right on pairs whose truth is known, family by family: what corrects its rates."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from vlmdiff.errors import ModelError

ACCURACY_FILE = "judge.json"


class Counts(BaseModel):
    """Of one family: single images that its claims were held against."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    shown: int = Field(ge=0, description="Images that show it.")
    said: int = Field(ge=0, description="Of these, judged to show it.")
    absent: int = Field(ge=0, description="Images that do not.")
    denied: int = Field(ge=0, description="Of these, judged not to show it.")


class Accuracy(BaseModel):
    """What one judge was measured to get right."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    weights_sha256: str = Field(description="Of the judge that was measured; for other weights it says nothing.")
    measured_on: str = Field(description="The pairs, in words.")
    families: dict[str, Counts]


def read(adapter: Path) -> Accuracy | None:
    """What lies in an adapter's folder; None where nobody measured it.

    Raises:
        ModelError: it is damaged.
    """
    file = adapter / ACCURACY_FILE
    if not file.exists():
        return None
    try:
        return Accuracy.model_validate_json(file.read_bytes())
    except ValidationError as error:
        raise ModelError(
            f"{file} is damaged: {error.errors()[0]['msg']}; measure it again (python -m eval judging) or delete it"
        ) from error
