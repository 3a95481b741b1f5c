"""`python -m train baseline METHOD`: what `learned` has to beat, trained as long: images in one prompt, or captions.

Three steps in four learn the method's prompts, with a LoRA; the fourth learns to judge single images, as every adapter
must, for the verifier asks the same model.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch

from train import contexts, language, loop
from train.batches import Cached, WithPrompts, items_in
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

    data = Cached(blend, backend.tokenizer, seed, items_in(recipe.lora_batch))
    prompts = partial(contexts.batch, blend, backend.tokenizer, method, recipe.base_batch)

    def batches(first: int) -> Iterator[dict[str, Any]]:
        return WithPrompts(data, prompts, 3, recipe.lora.steps, first).batches(workers)

    def loss_of(batch: dict[str, Any]) -> tuple[torch.Tensor, dict[str, float]]:
        return language.base_loss(base, batch) if "ids" in batch else trained.loss(batch)

    loop.fit(method, trained, recipe.lora, batches, loss_of, folder)
    adapter = folder / method
    save_adapter(trained.eval(), adapter)
    contexts.write_skills(adapter, [method])
    return adapter
