"""What differs from one family of vision-language models to the next."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from vlmdiff.errors import ModelError

MINI = Path(__file__).with_name("mini")


@dataclass(frozen=True)
class Profile:
    """Facts of one family, by the `model_type` of its config."""

    name: str
    licence: str
    lora_targets: str
    """Regular expression over module names: the language model's linear layers, never the tower's."""
    tower_tokens: int
    """Tokens an image costs in a prompt."""


PROFILES: dict[str, Profile] = {
    "llava": Profile(
        name="LLaVA-style: the embedded model is one",
        licence="Apache-2.0 (embedded weights)",
        lora_targets=r".*language_model.*\.(q_proj|k_proj|v_proj|o_proj|gate_proj|up_proj|down_proj)",
        tower_tokens=64,
    ),
}


def profile_of(model_type: str) -> Profile:
    """The profile of a model type; ModelError lists the known ones."""
    if model_type not in PROFILES:
        raise ModelError(f"models of type {model_type!r} are not supported; known are {', '.join(sorted(PROFILES))}")
    return PROFILES[model_type]
