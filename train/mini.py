"""`python -m train mini`: the embedded base from nothing, on generated pairs: tower, pair cache, language model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch.utils.data import DataLoader, Dataset
from transformers import AutoModelForImageTextToText, AutoTokenizer, PreTrainedTokenizerFast

from data_synth.sources import Bank
from train import language, loop, pairs, tower
from train.groups import Groups
from train.recipes import Recipe
from vlmdiff.errors import InputError
from vlmdiff.models.mini.tower import Tower, TowerConfig, register


def train_tower(recipe: Recipe, bank: Bank, folder: Path, seed: int, workers: int, start: Path | None = None) -> Tower:
    """Stage one; resumes from `folder`, and goes on from the tower in `start` where there is nothing yet."""
    torch.manual_seed(seed)
    model = tower.TowerWithHead(Tower(TowerConfig()))
    if start is not None:
        model.tower.load_state_dict(tower_weights(start))
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stubs lack it
    groups = Groups(recipe.images, bank, seed, recipe.groups_a_batch, model.tower.config.image_size)
    loop.fit(
        "tower",
        model,
        recipe.tower,
        lambda first: tower.batches(groups, first, recipe.tower.steps, workers),
        lambda batch: tower.loss_of(model, batch),
        folder,
    )
    model.eval()
    return model.tower


def tower_weights(folder: Path) -> dict[str, torch.Tensor]:
    """Of the vision tower, in float32, from a base's folder or from one that holds nothing else.

    Raises:
        InputError: there are none.
    """
    file = folder / "model.safetensors"
    weights = load_file(file) if file.is_file() else {}
    found = {name.partition("vision_tower.")[2]: w.float() for name, w in weights.items() if "vision_tower." in name}
    if not found:
        raise InputError(f"{file} holds no weights of a vision tower; expected a base, or the folder of a tower")
    return found


@dataclass(frozen=True)
class _InContext(Dataset[dict[str, Any]]):
    cache: pairs.PairCache
    tokenizer: PreTrainedTokenizerFast
    seed: int
    size: int
    first: int
    last: int

    def __len__(self) -> int:
        return self.last - self.first

    def __getitem__(self, index: int) -> dict[str, Any]:
        loop.one_thread_a_worker()
        rng = np.random.default_rng([self.seed, self.first + index])
        return language.in_context(self.cache, self.tokenizer, self.size, rng)


def train_base(recipe: Recipe, cache: pairs.PairCache, vision: Tower, folder: Path, seed: int, workers: int) -> Path:
    """Stage three: decoder and LLaVA's projector, on images in context, the tower as it is; writes `folder`/base."""
    torch.manual_seed(seed + 1)
    tokenizer = language.make_tokenizer()
    model = language.make_base(tokenizer, vision.config)
    model.set_attn_implementation("eager")
    model.model.vision_tower.load_state_dict(vision.state_dict())
    model.model.vision_tower.requires_grad_(False)
    model.model.vision_tower.eval()

    def batches(first: int) -> Iterator[dict[str, Any]]:
        data = _InContext(cache, tokenizer, seed, recipe.base_batch, first, recipe.base.steps)
        return iter(DataLoader(data, batch_size=None, num_workers=workers, prefetch_factor=4 if workers else None))

    loop.fit("base", model, recipe.base, batches, lambda batch: language.base_loss(model, batch), folder)
    language.save_base(model.eval(), language.make_processor(tokenizer, vision.config), folder / "base")
    return folder / "base"


def load_base(folder: Path) -> tuple[Any, PreTrainedTokenizerFast]:
    """A base that was written, in float32, and its tokenizer."""
    register()
    model = AutoModelForImageTextToText.from_pretrained(
        folder,
        dtype=torch.float32,
        local_files_only=True,
        attn_implementation="eager",  # on a CPU twice as fast as the fused kernel for a hundred tokens
    )
    tokenizer: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    return model.eval(), tokenizer


def train(recipe: Recipe, bank: Bank, folder: Path, seed: int, workers: int, start: Path | None = None) -> Path:
    """All stages; a second call goes on where the first was stopped.

    Args:
        start: a folder with the tower that training goes on from; its head is learned anew, for families may have
            joined.
    """
    vision = train_tower(recipe, bank, folder, seed, workers, start)
    cache = pairs.encode(folder / "pairs", recipe.pairs, bank, seed + 1, recipe.pair_count, vision, workers)
    return train_base(recipe, cache, vision, folder, seed, workers)
