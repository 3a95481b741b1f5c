"""Any transformers image-text model behind the protocol, with or without a LoRA adapter and its projector."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from transformers import AutoConfig, AutoModelForImageTextToText, AutoTokenizer, DynamicCache
from transformers.utils.logging import (
    disable_progress_bar,
    enable_progress_bar,
    get_verbosity,
    is_progress_bar_enabled,
    set_verbosity,
    set_verbosity_error,
)

from vlmdiff.errors import ModelError
from vlmdiff.findings import ModelInfo
from vlmdiff.models.card import RunCard
from vlmdiff.models.card import read as read_card
from vlmdiff.models.difference import PROJECTOR_FILE, Difference, DifferenceProjector, injected
from vlmdiff.models.mini.tower import register
from vlmdiff.models.profiles import profile_of

DIFFERENCE_TOKEN = "<diff>"
"""The placeholder that difference tokens take the place of; a reserved token of the base's vocabulary."""
CLAIMS_FILE = "claims.json"
"""Claims the adapter was trained on, by family: where siblings are taken from."""
LONGEST = 96
"""New tokens at most; the longest report of three differences has about 60."""


def claim_log_likelihoods(
    model: Any, placeholder: int, tokens: torch.Tensor, prompt: torch.Tensor, claims: torch.Tensor, mask: torch.Tensor
) -> torch.Tensor:
    """Log-likelihood of each claim after the difference tokens, which are read once and shared by all claims.

    Args:
        tokens: (batch, rows, hidden) difference tokens.
        prompt: (batch, length) ids that hold `rows` placeholders each.
        claims: (batch * claims, longest) ids, the claims of the first sample first, padded on the right.
        mask: the same shape, True where a token counts.

    Returns:
        (batch, claims), float32, in nats; differentiable.
    """
    batch, length = prompt.shape
    repeats = len(claims) // batch
    cache = DynamicCache(config=model.config.get_text_config())
    with injected(model.get_input_embeddings(), placeholder, tokens):
        head = model(input_ids=prompt, past_key_values=cache, use_cache=True, logits_to_keep=1).logits[:, -1]
    cache.batch_repeat_interleave(repeats)
    seen = torch.cat([torch.ones(len(claims), length, dtype=torch.bool, device=mask.device), mask], dim=1)
    body = model(input_ids=claims, attention_mask=seen.long(), past_key_values=cache, use_cache=True).logits
    logits = torch.cat([head.repeat_interleave(repeats, dim=0)[:, None], body[:, :-1]], dim=1).float()
    chosen: torch.Tensor = logits.log_softmax(-1).gather(-1, claims[..., None])[..., 0]
    return (chosen * mask).sum(1).view(batch, repeats)


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files of a folder, sorted; other formats are refused, because reading them can run code."""
    refused = [path.name for path in folder.iterdir() if path.suffix in (".bin", ".pt", ".pkl", ".ckpt")]
    if refused:
        raise ModelError(
            f"{folder} holds {', '.join(sorted(refused))}; expected safetensors only: convert or remove them"
        )
    return sorted(folder.glob("*.safetensors"))


def sha256_of(paths: Sequence[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.read_bytes())
    return digest.hexdigest()


@contextmanager
def drawing_from(seed: int) -> Iterator[None]:
    """Sampling inside is a function of the seed, and the caller's random state is left as it was."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield


@contextmanager
def quietly() -> Iterator[None]:
    """Loading prints neither bars nor notes for developers of transformers; their settings are put back after."""
    bars, level = is_progress_bar_enabled(), get_verbosity()
    disable_progress_bar()
    set_verbosity_error()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            yield
    finally:
        set_verbosity(level)
        if bars:
            enable_progress_bar()


def with_lora(model: Any, adapter: Path) -> Any:
    """The model with a LoRA added to its weights."""
    from peft import PeftModel

    if not (adapter / "adapter_model.safetensors").is_file():  # peft would ask the hub for it
        raise ValueError("adapter_model.safetensors is missing")
    return PeftModel.from_pretrained(model, adapter).merge_and_unload()


class HuggingFaceModel:
    """A loaded model; see `vlmdiff.models.base.VisionLanguageModel` for what its methods promise."""

    def __init__(self, name: str, folder: Path, adapter: Path | None, device: str) -> None:
        register()
        if not (folder / "config.json").is_file():
            raise ModelError(f"no model at {folder}; expected a folder with config.json and safetensors, or `mini`")
        if adapter and not (adapter / PROJECTOR_FILE).is_file():
            raise ModelError(f"no adapter at {adapter}; expected a folder that `python -m train lora` wrote")
        self.name, self.folder, self.adapter, self.device = name, folder, adapter, torch.device(device)
        self.tokens_used = 0
        self.files = weight_files(folder) + (weight_files(adapter) if adapter else [])
        try:
            with quietly():
                self._load()
        except (OSError, ValueError, TypeError, KeyError, RuntimeError, SafetensorError) as error:
            where = f"{folder} with {adapter}" if adapter else str(folder)
            reason = next(iter(str(error).splitlines()), type(error).__name__)
            raise ModelError(
                f"{where} cannot be loaded ({reason}); expected undamaged files that fit together"
            ) from error

    def _load(self) -> None:
        config = AutoConfig.from_pretrained(self.folder, local_files_only=True)
        self.profile = profile_of(config.model_type)
        self.image_size = int(config.vision_config.image_size)
        self.tokenizer: Any = AutoTokenizer.from_pretrained(self.folder, local_files_only=True)
        found: Any = AutoModelForImageTextToText.from_pretrained(
            self.folder, dtype=torch.float32, local_files_only=True, use_safetensors=True, output_loading_info=True
        )
        model, loaded = found
        if loaded["missing_keys"]:  # transformers would fill them with random numbers
            raise ValueError(f"{len(loaded['missing_keys'])} weights are missing")
        self.projector: DifferenceProjector | None = None
        if self.adapter:
            self.projector = DifferenceProjector.load(self.adapter).eval().to(self.device)
            if (self.adapter / "adapter_config.json").is_file():
                model = with_lora(model, self.adapter)
            self.placeholder: int = self.tokenizer.get_vocab()[DIFFERENCE_TOKEN]
        self.model = model.eval().to(self.device)

    @cached_property
    def info(self) -> ModelInfo:
        return ModelInfo(
            name=self.name,
            adapter=self.adapter.name if self.adapter else None,
            weights_sha256=sha256_of(self.files),
        )

    @cached_property
    def _claims(self) -> dict[str, list[str]]:
        path = (self.adapter or self.folder) / CLAIMS_FILE
        claims: dict[str, list[str]] = json.loads(path.read_text()) if path.is_file() else {}
        return claims

    @cached_property
    def card(self) -> RunCard | None:
        return read_card(self.adapter) if self.adapter else None

    @torch.inference_mode()
    def features(self, images: NDArray[np.uint8]) -> torch.Tensor:
        tower = self.model.model.vision_tower
        grids = []
        for start in range(0, len(images), 64):
            pixels = torch.tensor(images[start : start + 64], device=self.device).permute(0, 3, 1, 2)
            grids.append(tower(pixels.float().div_(127.5).sub_(1.0)).last_hidden_state.float().cpu())
        return torch.cat(grids)

    def _tokens(self, difference: Difference) -> torch.Tensor:
        if self.projector is None:
            raise ModelError(
                f"{self.name} has no difference projector; give --adapter, a folder from `python -m train lora`"
            )
        tokens: torch.Tensor = self.projector(difference.to(self.device))
        return tokens

    def prompt(self, batch: int, rows: int) -> torch.Tensor:
        """Ids (batch, 1 + rows): the start token and the placeholders."""
        ids = torch.full((batch, rows + 1), self.placeholder, device=self.device)
        ids[:, 0] = self.tokenizer.bos_token_id
        return ids

    @torch.inference_mode()
    def write(self, difference: Difference, draws: int, seed: int) -> list[list[str]]:
        tokens = self._tokens(difference)
        prompt = self.prompt(len(tokens), tokens.shape[1])
        options: dict[str, Any] = {
            "attention_mask": torch.ones_like(prompt),
            "max_new_tokens": LONGEST,
            "pad_token_id": self.tokenizer.pad_token_id,
            "eos_token_id": self.tokenizer.eos_token_id,
            "suppress_tokens": [self.placeholder],  # written, it would ask for difference tokens that are not there
        }
        with injected(self.model.get_input_embeddings(), self.placeholder, tokens), drawing_from(seed):
            best = self.model.generate(input_ids=prompt, do_sample=False, **options)
            self.tokens_used += best.numel()
            texts = [[text] for text in self._decoded(best, prompt)]
            if draws:
                sampled = self.model.generate(input_ids=prompt, do_sample=True, num_return_sequences=draws, **options)
                self.tokens_used += sampled.numel()
                for i, text in enumerate(self._decoded(sampled, prompt)):
                    texts[i // draws].append(text)
        return texts

    def _decoded(self, ids: torch.Tensor, prompt: torch.Tensor) -> list[str]:
        texts: list[str] = self.tokenizer.batch_decode(ids[:, prompt.shape[1] :], skip_special_tokens=True)
        return texts

    @torch.inference_mode()
    def score(self, claims: Sequence[str], difference: Difference) -> NDArray[np.float32]:
        tokens = self._tokens(difference)
        ids = self.tokenizer(
            list(claims), add_special_tokens=False, padding=True, padding_side="right", return_tensors="pt"
        )
        scores = []
        for start in range(0, len(tokens), 16):
            part = tokens[start : start + 16]
            prompt = self.prompt(len(part), part.shape[1])
            texts = ids["input_ids"].repeat(len(part), 1).to(self.device)
            mask = ids["attention_mask"].bool().repeat(len(part), 1).to(self.device)
            scores.append(claim_log_likelihoods(self.model, self.placeholder, part, prompt, texts, mask))
            self.tokens_used += prompt.numel() + texts.numel()
        return torch.cat(scores).float().cpu().numpy()

    def siblings(self, claim: str, count: int) -> list[str]:
        """Half of them the nearest other values of the claim's family, the rest from families spread over the list."""
        words = set(claim.split())
        known = self._claims
        own = next((name for name, claims in known.items() if claim in claims), None)
        near = [other for other in known.get(own or "", []) if other != claim]
        near = sorted(near, key=lambda other: (len(words ^ set(other.split())), other))[: count // 2]
        others = [name for name in known if name != own]
        step = max(1, len(others) // max(1, count - len(near)))
        return near + [known[name][0] for name in others[::step]][: count - len(near)]
