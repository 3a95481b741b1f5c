"""`python -m train baseline METHOD`: what `learned` has to beat, trained as long: images in one prompt, or captions.

Three steps in four learn the method's prompts, with a LoRA; the fourth learns to judge single images, as every adapter
must, for the verifier asks the same model.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from train import contexts, language, loop
from train.batches import Cached, items_in
from train.describer import describer, save_adapter
from train.pairs import Blend
from train.recipes import Recipe
from vlmdiff.errors import UsageError
from vlmdiff.models.huggingface import HuggingFaceModel


def method_of(name: str) -> str:
    """The method of that name; UsageError lists the known ones."""
    if name not in contexts.METHODS:
        raise UsageError(f"baseline {name!r} is unknown; expected one of {', '.join(contexts.METHODS)}")
    return name


@dataclass(frozen=True)
class _Steps(Dataset[dict[str, Any]]):
    blend: Blend
    tokenizer: Any
    method: str
    seed: int
    recipe: Recipe
    first: int

    def __len__(self) -> int:
        return self.recipe.lora.steps - self.first

    def __getitem__(self, index: int) -> dict[str, Any]:
        loop.one_thread_a_worker()
        step = self.first + index
        if step % 4 == 3:
            items = items_in(self.recipe.lora_batch)
            data = Cached(self.blend, self.tokenizer, self.seed, items)
            return data.collate([data[step * items + i] for i in range(items)])
        rng = np.random.default_rng([self.seed, step])
        return contexts.batch(self.blend, self.tokenizer, self.method, self.recipe.base_batch, rng)


def train(
    method: str,
    recipe: Recipe,
    backend: HuggingFaceModel,
    blend: Blend,
    folder: Path,
    seed: int,
    workers: int,
    start: Path | None = None,
) -> Path:
    """Train; returns `folder`/METHOD, an adapter folder. Resumes from `folder`.

    Args:
        recipe: its `lora` schedule, `lora_batch` samples of the judge's steps and `base_batch` prompts of the others.
        start: an adapter folder with the projector that the judge goes on with.
    """
    torch.manual_seed(seed + 3)
    trained = describer(backend, "lora", recipe.rank, start)
    base = trained.model.get_base_model()

    def batches(first: int) -> Iterator[dict[str, Any]]:
        data = _Steps(blend, backend.tokenizer, method, seed, recipe, first)
        return iter(DataLoader(data, batch_size=None, num_workers=workers, prefetch_factor=4 if workers else None))

    def loss_of(batch: dict[str, Any]) -> tuple[torch.Tensor, dict[str, float]]:
        return language.base_loss(base, batch) if "ids" in batch else trained.loss(batch)

    loop.fit(method, trained, recipe.lora, batches, loss_of, folder)
    adapter = folder / method
    save_adapter(trained.eval(), adapter)
    contexts.write_skills(adapter, [method])
    return adapter
