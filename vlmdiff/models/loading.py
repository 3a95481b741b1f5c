"""Weights, tokenizers and processors from folders, and hub models from the local cache; no code of others is run."""

from __future__ import annotations

import hashlib
import json
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from vlmdiff.errors import ModelError

DAMAGED = (OSError, ValueError, TypeError, LookupError, AttributeError, ImportError, RuntimeError)
"""What transformers raises on files that are damaged or do not fit together."""
_HUB_NAME = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")
_HUB_FILES = ("*.safetensors", "*.json", "*.jinja", "*.txt", "*.model")


def is_hub_name(name: str) -> bool:
    """Whether a name is an owner's model on the hub, such as Qwen/Qwen3-VL-2B-Instruct, and no folder here.

    Where there is a folder of the owner's name, it is a path: a slip in one must not ask the hub.
    """
    return bool(_HUB_NAME.fullmatch(name)) and not Path(name).parent.exists()


def from_hub(name: str) -> Path:
    """The folder of a hub model in the local cache; what is not there is downloaded, unless HF_HUB_OFFLINE is set.

    Raises:
        ModelError: it is not in the cache and cannot be fetched.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    try:
        folder = Path(snapshot_download(name, allow_patterns=list(_HUB_FILES), local_files_only=True))
        if _whole(folder):
            return folder
    except OSError:
        pass  # not there at all
    try:
        return Path(snapshot_download(name, allow_patterns=list(_HUB_FILES)))
    except GatedRepoError as error:
        raise ModelError(
            f"{name} is gated: accept its terms at https://huggingface.co/{name} and run `hf auth login`"
        ) from error
    except RepositoryNotFoundError as error:
        raise ModelError(f"no model {name!r} on the hub, and no such folder; see `vlmdiff models`") from error
    except Exception as error:  # of whatever lies between here and the hub
        raise ModelError(
            f"{name} is not in the local cache and cannot be fetched ({first_line(error)}); run `hf download {name}` "
            "where there is a network, or name a folder"
        ) from error


def _whole(folder: Path) -> bool:
    """Whether all weights that a folder of the cache lists are in it: a download may have been stopped."""
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        return all((folder / name).is_file() for name in json.loads(index.read_text())["weight_map"].values())
    return (folder / "config.json").is_file() and bool(list(folder.glob("*.safetensors")))


def first_line(error: BaseException) -> str:
    """What an error says, in a line."""
    return next((line for line in map(str.strip, str(error).splitlines()) if line), type(error).__name__)


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files of a folder, sorted; other formats are refused, because reading them can run code."""
    refused = [path.name for path in folder.iterdir() if path.suffix in (".bin", ".pt", ".pkl", ".ckpt")]
    if refused:
        raise ModelError(
            f"{folder} holds {', '.join(sorted(refused))}; expected safetensors only: convert or remove them"
        )
    return sorted(folder.glob("*.safetensors"))


def sha256_of(paths: Sequence[Path]) -> str:
    """Of the files' bytes, one after the other."""
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            while part := file.read(1 << 22):
                digest.update(part)
    return digest.hexdigest()


@contextmanager
def quietly() -> Iterator[None]:
    """Loading prints neither bars nor notes for developers of transformers; their settings are put back after."""
    from transformers.utils import logging

    bars, level = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


def image_text_model(folder: Path, device: str) -> Any:
    """An image-text model to compute with: bfloat16 on CUDA, float32 on a CPU.

    Raises:
        ValueError: weights are missing, which transformers would fill with random numbers.
    """
    import torch
    from transformers import AutoModelForImageTextToText

    found: Any = AutoModelForImageTextToText.from_pretrained(
        folder,
        dtype=torch.bfloat16 if device == "cuda" else torch.float32,
        local_files_only=True,
        use_safetensors=True,
        output_loading_info=True,
    )
    model, loaded = found
    if loaded["missing_keys"]:
        raise ValueError(f"{len(loaded['missing_keys'])} weights are missing")
    return model


def with_lora(model: Any, adapter: Path) -> Any:
    """The model with a LoRA, added to its weights where they are float32: bfloat16 would round most of it away."""
    import torch
    from peft import PeftModel

    if not (adapter / "adapter_model.safetensors").is_file():  # peft would ask the hub for it
        raise ValueError("adapter_model.safetensors is missing")
    tuned = PeftModel.from_pretrained(model, adapter)
    return tuned.merge_and_unload() if model.dtype == torch.float32 else tuned.get_base_model()


LANGUAGE_MODEL = "language_model.safetensors"
"""Of an adapter folder whose language model learned with all its weights."""


def save_language_model(model: Any, adapter: Path) -> None:
    """Its weights in bfloat16, without those of the vision path."""
    import torch
    from safetensors.torch import save_file

    weights = model.get_decoder().state_dict()
    kept = {name: weight.detach().to(torch.bfloat16).contiguous() for name, weight in sorted(weights.items())}
    save_file(kept, adapter / LANGUAGE_MODEL, metadata={"format": "pt"})


def with_language_model(model: Any, adapter: Path) -> Any:
    """The model with the language model that an adapter folder holds in the place of its own, which is of its sizes."""
    from safetensors.torch import load_file

    model.get_decoder().load_state_dict(load_file(adapter / LANGUAGE_MODEL))
    return model


def image_processor(folder: Path) -> Any:
    """The folder's, on Pillow everywhere: torchvision resizes otherwise."""
    from transformers import AutoImageProcessor

    return AutoImageProcessor.from_pretrained(folder, local_files_only=True, backend="pil")


def processor(folder: Path) -> Any:
    """The folder's processor for text and still images, with a chat template, left padding and Pillow.

    Raises:
        ValueError: the folder has none, or no chat template. ImportError: its images need torchvision.
    """
    from transformers import AutoProcessor

    try:
        found: Any = AutoProcessor.from_pretrained(folder, local_files_only=True, backend="pil")
    except (ImportError, ValueError):  # Qwen-VL, InternVL and SmolVLM2 want torchvision, for videos: nobody shows any
        found = _without_videos(folder)
    if not hasattr(found, "image_processor"):
        raise ValueError("it has no image processor")
    if not getattr(found, "chat_template", None):
        raise ValueError("it has no chat template: only instruction-tuned models can be asked in words")
    found.tokenizer.padding_side = "left"
    return found


def _without_videos(folder: Path) -> Any:
    """The processor put together from its parts but the one for videos."""
    import transformers
    from transformers import AutoTokenizer, ProcessorMixin

    options, _ = ProcessorMixin.get_processor_dict(folder, local_files_only=True)
    tokenizer: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    images = image_processor(folder)
    name = options.get("processor_class") or _processor_class(folder)
    # SmolVLM's differs from its forerunner's in videos alone, for which it wants num2words besides.
    whole: Any = getattr(transformers, {"SmolVLMProcessor": "Idefics3Processor"}.get(name, name), None)
    if whole is None:
        raise ValueError(f"its processor class is {name!r}, which transformers lacks")

    class ImagesAndText(whole):  # type: ignore[misc]
        """Parts are found by the names of the arguments."""

        def __init__(self, image_processor: Any = None, tokenizer: Any = None, **options: Any) -> None:
            super().__init__(image_processor, tokenizer, **options)

    parts = ("processor_class", "auto_map", "video_processor", "image_processor", "tokenizer")
    plain = {key: value for key, value in options.items() if key not in parts}
    plain["chat_template"] = plain.get("chat_template") or tokenizer.chat_template
    return ImagesAndText(images, tokenizer, **plain)


def _processor_class(folder: Path) -> str:
    for name in ("preprocessor_config.json", "tokenizer_config.json"):
        if (folder / name).is_file():
            found = json.loads((folder / name).read_text(encoding="utf-8")).get("processor_class")
            if found:
                return str(found)
    return ""
