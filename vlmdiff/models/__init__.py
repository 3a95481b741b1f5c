"""Vision-language models: one protocol, few backends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from vlmdiff.errors import ModelError, UsageError
from vlmdiff.models.base import CLAIMS_FILE
from vlmdiff.models.profiles import MINI

if TYPE_CHECKING:
    from vlmdiff.models.base import VisionLanguageModel


def load(name: str = "mini", adapter: str | Path | None = None, device: str = "auto") -> VisionLanguageModel:
    """Load a model: `mini`, the embedded one with its adapter, or any image-text model of a known family.

    Args:
        name: `mini`, a folder that holds config.json and safetensors, or a model on the hub such as
            Qwen/Qwen3-VL-2B-Instruct. Only the last is ever fetched, where it is not in the local cache.
        adapter: a folder that `python -m train lora` wrote; None takes the embedded adapter for `mini`.
        device: "auto" (CUDA where there is one, else the CPU), "cpu" or "cuda".

    Raises:
        ModelError: the model or the adapter is absent, damaged or of an unknown family, or cannot be fetched.
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
    if adapter is None and name == "mini":
        adapter = MINI / "adapter"
    folder = folder_of(name)
    shown = folder.absolute().name if folder == Path(name) else name  # a report need not tell where it lay
    return HuggingFaceModel(shown, folder, Path(adapter) if adapter else None, device)


def taught(name: str = "mini", adapter: str | Path | None = None) -> dict[str, list[str]]:
    """The claims that a model was taught, by family; nothing is loaded.

    Raises:
        ModelError: it was taught none, or its folder is not there.
    """
    folder = Path(adapter) if adapter else MINI / "adapter" if name == "mini" else folder_of(name)
    try:
        claims: dict[str, list[str]] = json.loads((folder / CLAIMS_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(
            f"{folder.name or name} lists no claims that it was taught; expected {CLAIMS_FILE} in the folder of an "
            "adapter. An untuned model can be asked anything"
        ) from error
    return claims


def folder_of(name: str) -> Path:
    """Where the base of that name lies; see `load`.

    Raises:
        ModelError: it is a hub model that cannot be fetched.
    """
    from vlmdiff.models.loading import from_hub, is_hub_name

    if name == "mini":
        return MINI / "base"
    return from_hub(name) if is_hub_name(name) else Path(name)
