"""RECIPES: complete, named runs. A run is (recipe, seed, bank); everything else follows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from data_synth.catalog import TRAINED
from data_synth.config import PairConfig, refuse_held_out
from data_synth.sources import DRAWN, Bank
from train.loop import Schedule
from vlmdiff.errors import UsageError

WEIGHTED = (*TRAINED, *["shape"] * 5, *["scattered_shapes", "few_shapes", "outlined_shape"])
"""Every trained family once; shapes more often, because they alone have colour, size, place and count to learn."""


@dataclass(frozen=True)
class Recipe:
    """Sizes and lengths of every stage."""

    tower: Schedule
    images: PairConfig
    """What the tower's groups are drawn from."""
    groups_a_batch: int
    pairs: PairConfig
    """What the language model's pairs are drawn from."""
    pair_count: int
    base: Schedule
    base_batch: int
    lora: Schedule
    lora_batch: int
    rank: int

    def __post_init__(self) -> None:
        refuse_held_out(self.images)
        refuse_held_out(self.pairs)


_IMAGES = PairConfig(families=WEIGHTED, strength=(0.15, 1.0), drawn_share=0.25)
_PAIRS = PairConfig(families=WEIGHTED, strength=(0.2, 1.0), facts=(0.04, 0.72, 0.24), drawn_share=0.25)

RECIPES: dict[str, Recipe] = {
    "mini": Recipe(
        tower=Schedule(steps=5600, lr=3e-3, warmup=200),
        images=_IMAGES,
        groups_a_batch=8,
        pairs=_PAIRS,
        pair_count=8000,
        base=Schedule(steps=600, lr=2e-3),
        base_batch=24,
        lora=Schedule(steps=2000, lr=2e-3),
        lora_batch=56,
        rank=32,
    ),
    "quick": Recipe(
        tower=Schedule(steps=6, lr=3e-3, warmup=2),
        images=_IMAGES,
        groups_a_batch=2,
        pairs=_PAIRS,
        pair_count=6,
        base=Schedule(steps=3, lr=2e-3, warmup=1),
        base_batch=2,
        lora=Schedule(steps=3, lr=1.5e-3, warmup=1),
        lora_batch=8,
        rank=4,
    ),
}
"""mini: what ships, about two hours on two cores with bfloat16. quick: every stage in seconds, for tests."""


def recipe(name: str) -> Recipe:
    """The recipe of that name; UsageError lists the known ones."""
    if name not in RECIPES:
        raise UsageError(f"recipe {name!r} is unknown; expected one of {', '.join(RECIPES)}")
    return RECIPES[name]


def twin(recipe: Recipe, bank: Bank, without: Sequence[str]) -> Recipe:
    """The recipe on all images but some data sets or kinds of drawn images: what they hold is new to its model.

    Raises:
        UsageError: the bank has no such data set.
    """
    known = sorted({item.domain for item in bank.items} | set(DRAWN))
    if unknown := [name for name in without if name not in known]:
        raise UsageError(f"cannot leave out {', '.join(unknown)}: expected some of {', '.join(known)}")
    images, pairs = (replace(config, without=tuple(without)) for config in (recipe.images, recipe.pairs))
    return replace(recipe, images=images, pairs=pairs)
