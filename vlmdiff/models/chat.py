"""Vision-language models that are asked in words: the protocol, and any transformers folder behind it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from PIL import Image

from vlmdiff.errors import ModelError, UsageError
from vlmdiff.findings import ModelInfo
from vlmdiff.images.decode import Pixels
from vlmdiff.models.lines import normalised

LONGEST = 256
"""New tokens of a reply at most."""
_DAMAGED = (OSError, ValueError, TypeError, LookupError, AttributeError, ImportError, RuntimeError)
"""What transformers raises on files that are damaged or do not fit together."""


@dataclass(frozen=True)
class Reply:
    """What a model wrote."""

    text: str
    tokens: int
    """Read and written, those of the images among them; 0 where nobody counts."""


class ChatModel(Protocol):
    """Answers a prompt about some images, the likeliest answer each time."""

    @property
    def info(self) -> ModelInfo: ...

    @property
    def tokens_used(self) -> int:
        """Tokens read and written so far; 0 where nobody counts."""
        ...

    def ask(self, prompt: str, images: Sequence[Pixels] = ()) -> Reply:
        """The answer to a prompt that follows RGB images of any size.

        Raises:
            ModelError: no answer came.
        """
        ...

    def yes(self, prompt: str, images: Sequence[Pixels] = ()) -> float | None:
        """Log-odds in nats of the answer yes against no, to a prompt that asks for one of them.

        Where the backend gives no probabilities of tokens, what was written counts: see `word`. None: unreadable.

        Raises:
            ModelError: no answer came.
        """
        ...


def spoken(text: str) -> str:
    """What is left of a reply after the thoughts that some models write first."""
    return text.rpartition("</think>")[2].strip()


def word(text: str) -> float | None:
    """1.0 for a text that begins with yes, -1.0 for no, None for any other: not log-odds, only their sign."""
    first = normalised(spoken(text)).partition(" ")[0]
    return {"yes": 1.0, "no": -1.0}.get(first)


def open_local(folder: Path, adapter: Path | None = None, device: str = "auto") -> LocalChat:
    """A transformers image-text model with a chat template, tuned or not; nothing is downloaded.

    Args:
        folder: config.json, safetensors, tokenizer, processor and chat template, as `save_pretrained` writes them.
        adapter: a LoRA for it, as PEFT writes them.
        device: "auto" (CUDA where there is one, else the CPU), "cpu" or "cuda". CUDA computes in bfloat16.

    Raises:
        ModelError: the model is absent, damaged, or has no chat template.
        UsageError: an unknown device.
    """
    import torch
    from safetensors import SafetensorError

    if device not in ("auto", "cpu", "cuda"):
        raise UsageError(f"device {device!r} is unknown; expected auto, cpu or cuda")
    if device == "cuda" and not torch.cuda.is_available():
        raise ModelError("device 'cuda' is not there; use cpu")
    if not (folder / "config.json").is_file():
        raise ModelError(f"no model at {folder}; expected a folder with config.json and safetensors")
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        return LocalChat(folder, adapter, device)
    except (
        OSError,
        ValueError,
        TypeError,
        KeyError,
        AttributeError,
        ImportError,
        RuntimeError,
        SafetensorError,
    ) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise ModelError(f"{folder} cannot be loaded ({reason}); expected an undamaged image-text model") from error


class LocalChat:
    """A `ChatModel` in this process: greedy, one prompt at a time."""

    def __init__(self, folder: Path, adapter: Path | None, device: str) -> None:
        import torch
        from transformers import AutoModelForImageTextToText

        from vlmdiff.models.huggingface import quietly, weight_files, with_lora

        self.name, self.adapter, self.device = str(folder), adapter, device
        self.files = weight_files(folder) + (weight_files(adapter) if adapter else [])
        self.tokens_used = 0
        with quietly():
            self.processor = _processor(folder)
            found: Any = AutoModelForImageTextToText.from_pretrained(
                folder,
                dtype=torch.bfloat16 if device == "cuda" else torch.float32,
                local_files_only=True,
                use_safetensors=True,
                output_loading_info=True,
            )
            model, loaded = found
            if loaded["missing_keys"]:  # transformers would fill them with random numbers
                raise ValueError(f"{len(loaded['missing_keys'])} weights are missing")
            if adapter:
                model = with_lora(model, adapter)
        self.model = model.eval().to(device)

    @cached_property
    def info(self) -> ModelInfo:
        from vlmdiff.models.huggingface import sha256_of

        adapter = self.adapter.name if self.adapter else None
        return ModelInfo(name=self.name, adapter=adapter, weights_sha256=sha256_of(self.files))

    def ask(self, prompt: str, images: Sequence[Pixels] = ()) -> Reply:
        out, read = self._generate(prompt, images, LONGEST)
        text = self.processor.tokenizer.decode(out.sequences[0, read:], skip_special_tokens=True)
        return Reply(spoken(text), out.sequences.shape[1])

    def yes(self, prompt: str, images: Sequence[Pixels] = ()) -> float | None:
        yes, no = self._first_tokens
        if not yes or not no:
            return word(self.ask(prompt, images).text)
        logits = self._generate(prompt, images, 1)[0].logits[0][0].float()
        return float(logits[yes].logsumexp(0) - logits[no].logsumexp(0))

    def _generate(self, prompt: str, images: Sequence[Pixels], longest: int) -> tuple[Any, int]:
        """What was generated, and the number of tokens that were read."""
        import torch

        pictures = [{"type": "image", "image": Image.fromarray(np.ascontiguousarray(image))} for image in images]
        inputs = self.processor.apply_chat_template(
            [{"role": "user", "content": [*pictures, {"type": "text", "text": self._plain(prompt)}]}],
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
        ).to(self.device, dtype=self.model.dtype)
        try:
            with torch.inference_mode():
                out = self.model.generate(
                    **inputs,
                    max_new_tokens=longest,
                    do_sample=False,
                    output_logits=True,
                    return_dict_in_generate=True,
                    # A folder's own sampling settings would only be warned about.
                    temperature=None,
                    top_p=None,
                    top_k=None,
                )
        except (RuntimeError, ValueError, IndexError) as error:  # out of memory, or past the longest context
            raise ModelError(f"{self.name} cannot answer {inputs['input_ids'].shape[1]} tokens: {error}") from error
        self.tokens_used += out.sequences.numel()
        return out, inputs["input_ids"].shape[1]

    def _plain(self, prompt: str) -> str:
        """Without the tokenizer's control tokens: written as text they would forge images and turns."""
        for token in sorted(self.processor.tokenizer.get_added_vocab(), key=len, reverse=True):
            prompt = prompt.replace(token, " ")
        return prompt

    @cached_property
    def _first_tokens(self) -> tuple[list[int], list[int]]:
        """Ids that are the whole word yes, and no, however spelled; empty where the tokenizer has none."""
        spellings = ("{}", " {}")
        ids = [
            {
                tuple(self.processor.tokenizer(spelling.format(form), add_special_tokens=False)["input_ids"])
                for spelling in spellings
                for form in (answer, answer.title(), answer.upper())
            }
            for answer in ("yes", "no")
        ]
        yes, no = ([one[0] for one in sorted(found) if len(one) == 1] for found in ids)
        return yes, no


def _processor(folder: Path) -> Any:
    """The folder's processor for text and still images, on Pillow everywhere: torchvision resizes otherwise.

    Raises:
        ValueError: the folder has none, or no chat template. ImportError: its images need torchvision.
    """
    from transformers import AutoProcessor

    try:
        processor: Any = AutoProcessor.from_pretrained(folder, local_files_only=True, backend="pil")
    except ImportError:  # for videos, which nobody shows: Qwen-VL and SmolVLM2 want torchvision for them
        processor = _without_videos(folder)
    if not hasattr(processor, "image_processor"):
        raise ValueError("it has no image processor")
    if not getattr(processor, "chat_template", None):
        raise ValueError("it has no chat template: only instruction-tuned models can be asked in words")
    return processor


def _without_videos(folder: Path) -> Any:
    """The processor put together from its parts but the one for videos."""
    import transformers
    from transformers import AutoImageProcessor, AutoTokenizer

    files = (folder / name for name in ("processor_config.json", "preprocessor_config.json"))
    names = [json.loads(file.read_text(encoding="utf-8")).get("processor_class") for file in files if file.is_file()]
    whole: Any = getattr(transformers, next(filter(None, names), ""), None)
    if whole is None:
        raise ValueError(f"no processor class of transformers is named in it, only {names}")

    class ImagesAndText(whole):  # type: ignore[misc]
        """Parts are found by the names of the arguments."""

        def __init__(self, image_processor: Any = None, tokenizer: Any = None, **options: Any) -> None:
            super().__init__(image_processor, tokenizer, **options)

    tokenizer: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    images = AutoImageProcessor.from_pretrained(folder, local_files_only=True, backend="pil")
    return ImagesAndText(images, tokenizer, chat_template=tokenizer.chat_template)
