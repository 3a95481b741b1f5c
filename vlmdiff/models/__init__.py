"""Vision-language models: one protocol, few backends."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from vlmdiff.errors import ModelError, UsageError
from vlmdiff.models.profiles import MINI

if TYPE_CHECKING:
    from vlmdiff.models.base import VisionLanguageModel


def load(name: str = "mini", adapter: str | Path | None = None, device: str = "auto") -> VisionLanguageModel:
    """Load a model: `mini`, the embedded one with its adapter, or a folder with a transformers model.

    Args:
        name: `mini`, or a folder that holds config.json and safetensors.
        adapter: a folder that `python -m train lora` wrote; None takes the embedded adapter for `mini`.
        device: "auto" (CUDA where there is one, else the CPU), "cpu" or "cuda".

    Raises:
        ModelError: the model or the adapter is absent, damaged or of an unknown family.
        UsageError: an unknown device.
    """
    import torch

    from vlmdiff.models.huggingface import HuggingFaceModel

    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    elif device not in ("cpu", "cuda"):
        raise UsageError(f"device {device!r} is unknown; expected auto, cpu or cuda")
    elif device == "cuda" and not torch.cuda.is_available():
        raise ModelError("device 'cuda' is not there; use --device cpu")
    folder = MINI / "base" if name == "mini" else Path(name)
    if adapter is None and name == "mini":
        adapter = MINI / "adapter"
    return HuggingFaceModel(name, folder, Path(adapter) if adapter else None, device)
