"""RECIPES: complete, named runs. A run is (recipe, seed, bank); everything else follows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from data_synth.catalog import TRAINED, TRAINED_SETS
from data_synth.config import PairConfig, refuse_held_out
from data_synth.sources import DRAWN, Bank
from train.loop import Schedule
from vlmdiff.errors import UsageError, chosen

WEIGHTED = (*TRAINED, *["shape"] * 5, *["scattered_shapes", "few_shapes", "outlined_shape"])
"""Every trained family once; shapes more often, because they alone have colour, size, place and count to learn."""


@dataclass(frozen=True)
class Kind:
    """One kind of pairs that the base learns from."""

    name: str
    """Of the folder that they lie in, encoded."""
    config: PairConfig
    count: int
    share: float
    """Of the samples."""
    seed: int
    """Added to the run's."""


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
    """Pairs in context, at every fourth step; at the others it learns as an adapter does, from `lora_batch` samples."""
    tell: Schedule
    """After `base`, with what it has learned: to say how sets differ, alone."""
    further: tuple[Kind, ...]
    """Pairs of other kinds that the base learns from, beside half of its samples from `pairs`."""
    lora: Schedule
    lora_batch: int
    rank: int

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """All that the base learns from; the shares sum to 1."""
        rest = 1 - sum(kind.share for kind in self.further)
        return (Kind("pairs", self.pairs, self.pair_count, rest, 1), *self.further)

    def __post_init__(self) -> None:
        for config in (self.images, self.pairs, *(kind.config for kind in self.further)):
            refuse_held_out(config)


_IMAGES = PairConfig(families=WEIGHTED, strength=(0.15, 1.0), drawn_share=0.25)
_PAIRS = PairConfig(families=WEIGHTED, strength=(0.2, 1.0), facts=(0.04, 0.72, 0.24), drawn_share=0.25)
_SEEN = (*WEIGHTED, *TRAINED_SETS, *TRAINED_SETS)
MORE = Kind(
    "more",
    PairConfig(families=_SEEN, strength=(0.15, 1.0), facts=(0.03, 0.45, 0.28, 0.24), drawn_share=0.25),
    *(5000, 0.2, 77),
)
"""Fainter differences, several of them, and such that only sets show."""
LARGE = Kind(
    "large",
    PairConfig(
        families=_SEEN,
        strength=(0.25, 1.0),
        prevalence=(0.1, 0.7),
        facts=(0.04, 0.66, 0.3),
        drawn_share=0.35,
        set_size=(48, 64),
    ),
    *(800, 0.1, 77),
)
"""Rare differences in larger sets."""
_AGAIN = replace(MORE, name="again", count=3000, share=0.1, seed=78)
_MIDDLE = Kind(
    "middle",
    replace(MORE.config, strength=(0.2, 1.0), prevalence=(0.3, 1.0), facts=(0.03, 0.67, 0.2, 0.1), set_size=(24, 32)),
    *(1500, 0.1, 79),
)

RECIPES: dict[str, Recipe] = {
    "mini": Recipe(
        tower=Schedule(steps=5600, lr=3e-3, warmup=200),
        images=_IMAGES,
        groups_a_batch=8,
        pairs=_PAIRS,
        pair_count=8000,
        base=Schedule(steps=2600, lr=2e-3),
        base_batch=16,
        tell=Schedule(steps=2600, lr=1.5e-3),
        further=(MORE, LARGE, _AGAIN, _MIDDLE),
        lora=Schedule(steps=800, lr=1.5e-3),
        lora_batch=56,
        rank=32,
    ),
    "quick": Recipe(
        tower=Schedule(steps=6, lr=3e-3, warmup=2),
        images=_IMAGES,
        groups_a_batch=2,
        pairs=_PAIRS,
        pair_count=6,
        base=Schedule(steps=4, lr=2e-3, warmup=1),
        base_batch=2,
        tell=Schedule(steps=4, lr=2e-3, warmup=1),
        further=(replace(MORE, count=4, share=0.5),),
        lora=Schedule(steps=3, lr=1.5e-3, warmup=1),
        lora_batch=16,
        rank=4,
    ),
}
"""mini: what ships; its base takes three hours of two cores with bfloat16. quick: every stage in seconds, for tests."""


def recipe(name: str) -> Recipe:
    """The recipe of that name; UsageError lists the known ones."""
    return chosen("recipe", name, RECIPES)


def twin(recipe: Recipe, bank: Bank, without: Sequence[str]) -> Recipe:
    """The recipe on all images but some data sets or kinds of drawn images: what they hold is new to its model.

    Raises:
        UsageError: the bank has no such data set.
    """
    known = sorted({item.domain for item in bank.items} | set(DRAWN))
    if unknown := [name for name in without if name not in known]:
        raise UsageError(f"cannot leave out {', '.join(unknown)}: expected some of {', '.join(known)}")
    images, pairs = (replace(config, without=tuple(without)) for config in (recipe.images, recipe.pairs))
    further = (replace(kind, config=replace(kind.config, without=tuple(without))) for kind in recipe.further)
    return replace(recipe, images=images, pairs=pairs, further=tuple(further))
