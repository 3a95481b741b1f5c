"""Sentence embeddings of a local text model: how alike two sentences are."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vlmdiff.errors import ModelError
from vlmdiff.models import loading


class SentenceEmbedding:
    """A transformers text model whose mean-pooled last layer stands for a sentence.

    That is how most of the sentence-transformers models are meant; one that is pooled otherwise gives poorer numbers.
    """

    def __init__(self, folder: Path) -> None:
        """Load it, on the CPU; nothing is downloaded.

        Args:
            folder: config.json, safetensors and tokenizer, as `save_pretrained` writes them.

        Raises:
            ModelError: it is absent or damaged.
        """
        from safetensors import SafetensorError
        from transformers import AutoModel, AutoTokenizer

        if not (folder / "config.json").is_file():
            raise ModelError(f"no model at {folder}; expected a folder with config.json and safetensors")
        self.folder = folder
        self.files = loading.weight_files(folder)
        try:
            self.tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
            self.model = AutoModel.from_pretrained(folder, local_files_only=True, use_safetensors=True).eval()
        except (OSError, ValueError, TypeError, KeyError, RuntimeError, SafetensorError) as error:
            reason = next(iter(str(error).splitlines()), type(error).__name__)
            raise ModelError(f"{folder} cannot be loaded ({reason}); expected an undamaged text model") from error
        if self.tokenizer.pad_token is None:
            self.tokenizer.pad_token = self.tokenizer.eos_token

    @cached_property
    def weights_sha256(self) -> str:
        """SHA-256 over all weight files."""
        return loading.sha256_of(self.files)

    def embed(self, sentences: Sequence[str]) -> NDArray[np.float32]:
        """One row of length 1 for each sentence, (sentences, channels)."""
        import torch

        batch = self.tokenizer(list(sentences), padding=True, truncation=True, return_tensors="pt")
        with torch.inference_mode():
            states = self.model(**batch).last_hidden_state.float()
        mask = batch["attention_mask"][..., None].float()
        means = (states * mask).sum(1) / mask.sum(1).clamp_min(1)
        rows: NDArray[np.float32] = torch.nn.functional.normalize(means, dim=-1).numpy()
        return rows
