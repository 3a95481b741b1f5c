"""`python -m train mini`: the embedded base from nothing, on generated pairs: tower, pair cache, language model."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from transformers import AutoModelForImageTextToText, AutoTokenizer, PreTrainedTokenizerFast

from data_synth.catalog import TRAINED, TRAINED_SETS
from data_synth.sources import Bank
from train import jumpstart, language, loop, pairs, tower
from train.batches import Cached, WithPrompts, items_in
from train.describer import Task, describer, write_claims
from train.groups import Groups
from train.identity import claim, identity
from train.loop import Schedule
from train.pairs import Blend
from train.recipes import Recipe
from vlmdiff.errors import InputError
from vlmdiff.models.huggingface import HuggingFaceModel
from vlmdiff.models.mini.tower import Tower, TowerConfig, register


def train_tower(
    recipe: Recipe,
    bank: Bank,
    folder: Path,
    seed: int,
    workers: int,
    start: Path | None = None,
    config: TowerConfig | None = None,
) -> Tower:
    """Stage one; resumes from `folder`, and goes on from the tower in `start` where there is nothing yet.

    Args:
        config: none: of the size that ships.
    """
    torch.manual_seed(seed)
    model = tower.TowerWithHead(Tower(config or TowerConfig()))
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


def tower_in(folder: Path) -> Tower:
    """The vision tower of a base, as it encodes images."""
    vision = Tower(TowerConfig())
    vision.load_state_dict(tower_weights(folder))
    vision.train(False)
    vision.to(memory_format=torch.channels_last)  # type: ignore[call-arg]  # transformers' wrapper
    return vision


def untrained(vision: Tower, folder: Path, seed: int) -> Path:
    """Write a base with this tower and a language model that has learned nothing."""
    torch.manual_seed(seed)
    tokenizer = language.make_tokenizer()
    model = language.make_base(tokenizer, vision.config)
    model.model.vision_tower.load_state_dict(vision.state_dict())
    language.save_base(model.eval(), language.make_processor(tokenizer, vision.config), folder)
    return folder


def train_base(recipe: Recipe, blend: Blend, vision: Tower, folder: Path, seed: int, workers: int) -> Path:
    """Stage three: all of the language model and both projectors, the tower as it is.

    Writes `folder`/base, which can say how sets differ, and `folder`/both, which can do that less well and judge single
    images, too: what a judge goes on from. In each lies the difference projector that it reads with, an adapter folder.
    Told both at once a small language model learns neither well (docs/log.md).
    """
    backend = HuggingFaceModel("mini", untrained(vision, folder / "untrained", seed + 1), None, "cpu")
    tokenizer = backend.tokenizer
    processor = language.make_processor(tokenizer, vision.config)
    trained = describer(backend, "full", recipe.rank)
    trained.model.float().model.multi_modal_projector.requires_grad_(True)

    def loss_of(batch: dict[str, Any]) -> tuple[torch.Tensor, dict[str, float]]:
        return language.base_loss(trained.model, batch) if "ids" in batch else trained.loss(batch)

    prompts = partial(language.in_context, blend, tokenizer, recipe.base_batch)

    def learn(name: str, task: Task, schedule: Schedule, samples: int) -> None:
        data = Cached(blend, tokenizer, samples, items_in(recipe.lora_batch), task)

        def batches(first: int) -> Iterator[dict[str, Any]]:
            return WithPrompts(data, prompts, 1, schedule.steps, first).batches(workers)

        loop.fit(name, trained, schedule, batches, loss_of, folder)

    def save(name: str) -> Path:
        projector = folder / name / "projector"
        projector.mkdir(parents=True, exist_ok=True)
        trained.eval().projector.save(projector)
        write_claims(projector, {**TRAINED, **TRAINED_SETS})
        language.save_base(deepcopy(trained.model), processor, folder / name)
        return folder / name

    learn("base", "both", recipe.base, seed)
    save("both")
    learn("tell", "tell", recipe.tell, seed + 10_000)
    return save("base")


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


def train(
    recipe: Recipe, bank: Bank, folder: Path, seed: int, workers: int, start: Path | None = None, kept: bool = False
) -> Path:
    """All stages; a second call goes on where the first was stopped.

    Args:
        start: a folder with the tower that training goes on from; its head is learned anew, for families may have
            joined.
        kept: the tower of `start` is taken as it is.

    Raises:
        InputError: the folder holds another run.
    """
    made = [folder / name for name in ("tower.pt", "base.pt")]
    claim(folder, "mini", identity(recipe, None, bank, seed, start, kept=kept), made)
    given = start if kept else None
    vision = tower_in(given) if given else train_tower(recipe, bank, folder, seed, workers, start)
    blend = pairs.encode_kinds(jumpstart.with_concepts(recipe, bank), folder, bank, seed, vision, workers)
    return train_base(recipe, blend, vision, folder, seed, workers)
