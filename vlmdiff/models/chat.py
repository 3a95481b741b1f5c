"""Vision-language models that are asked in words: the protocol, and any transformers folder behind it."""

from __future__ import annotations

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
from vlmdiff.models import asking, loading
from vlmdiff.models.asking import spoken as spoken
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
    except (*loading.DAMAGED, SafetensorError) as error:
        reason = loading.first_line(error)
        raise ModelError(f"{folder} cannot be loaded ({reason}); expected an undamaged image-text model") from error


class LocalChat:
    """A `ChatModel` in this process: greedy, one prompt at a time."""

    def __init__(self, folder: Path, adapter: Path | None, device: str) -> None:
        self.name, self.adapter, self.device = str(folder), adapter, device
        self.files = loading.weight_files(folder) + (loading.weight_files(adapter) if adapter else [])
        self.tokens_used = 0
        with loading.quietly():
            self.processor = loading.processor(folder)
            model = loading.image_text_model(folder, device)
            if adapter:
                model = loading.with_lora(model, adapter)
        self.model = model.eval().to(device)

    @cached_property
    def info(self) -> ModelInfo:
        adapter = self.adapter.name if self.adapter else None
        return ModelInfo(name=self.name, adapter=adapter, weights_sha256=loading.sha256_of(self.files))

    def ask(self, prompt: str, images: Sequence[Pixels] = ()) -> Reply:
        out, read = self._generate(prompt, images, LONGEST)
        text = self.processor.tokenizer.decode(out.sequences[0, read:], skip_special_tokens=True)
        return Reply(spoken(text), out.sequences.shape[1])

    def yes(self, prompt: str, images: Sequence[Pixels] = ()) -> float | None:
        ways = asking.spellings(self.processor.tokenizer)
        if any(len(ids) != 1 for spelt in ways for ids in spelt):
            return word(self.ask(prompt, images).text)
        logits = self._generate(prompt, images, 1)[0].logits[0][0].float()
        yes, no = (logits[[ids[0] for ids in spelt]].logsumexp(0) for spelt in ways)
        return float(yes - no)

    def _generate(self, prompt: str, images: Sequence[Pixels], longest: int) -> tuple[Any, int]:
        """What was generated, and the number of tokens that were read."""
        import torch

        plain = asking.plain(self.processor.tokenizer, prompt)
        pictures = [{"type": "image", "image": Image.fromarray(np.ascontiguousarray(image))} for image in images]
        inputs = self.processor.apply_chat_template(
            [{"role": "user", "content": [*pictures, {"type": "text", "text": plain}]}],
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
