"""RECIPES: named, frozen data sets of labelled pairs, for `python -m data_synth make`."""

from __future__ import annotations

from dataclasses import dataclass

from data_synth.catalog import HELD_OUT_FAMILIES, TRAINED, TRAINED_SETS
from data_synth.config import PairConfig
from vlmdiff.errors import UsageError, chosen


@dataclass(frozen=True)
class Recipe:
    """Pairs 0 to `pairs` - 1 of the endless list that (config, seed) names."""

    name: str
    about: str
    """What it is for, one sentence."""
    config: PairConfig
    seed: int
    """Far from the seeds of training runs and suites: drawn images have no splits."""
    pairs: int
    shard_pairs: int
    """Pairs in a shard, fewer in the last; what a stopped process at most makes anew."""

    def __post_init__(self) -> None:
        """Raises UsageError: no pairs are asked for."""
        if self.pairs < 1 or self.shard_pairs < 1:
            raise UsageError(f"{self.pairs} pairs, {self.shard_pairs} a shard: expected at least 1 of each")


RECIPES: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            "small",
            "Forty small pairs, made in seconds: to try things out and to test them.",
            PairConfig(set_size=(8, 8), sides=(64,)),
            seed=920_001,
            pairs=40,
            shard_pairs=10,
        ),
        Recipe(
            "mixed",
            "A training mix of all that is trained on: up to five differences, nuisances, confounders, null pairs.",
            PairConfig(
                families=(*TRAINED, *TRAINED_SETS),
                set_size=(8, 24),
                facts=(0.1, 0.5, 0.2, 0.1, 0.06, 0.04),
                strength=(0.2, 1.0),
                prevalence=(0.3, 1.0),
                nuisances=(0.5, 0.3, 0.15, 0.05),
                confounded=0.15,
            ),
            seed=920_002,
            pairs=5_000,
            shard_pairs=50,
        ),
        Recipe(
            "subtle",
            "One faint difference a pair, in most images of one set.",
            PairConfig(set_size=(24, 32), strength=(0.15, 0.35)),
            seed=920_003,
            pairs=1_000,
            shard_pairs=25,
        ),
        Recipe(
            "sparse",
            "One clear difference a pair, in few images of one set.",
            PairConfig(set_size=(32, 64), strength=(0.5, 1.0), prevalence=(0.1, 0.3)),
            seed=920_004,
            pairs=1_000,
            shard_pairs=25,
        ),
        Recipe(
            "many",
            "Two to five differences a pair, on either side or both.",
            PairConfig(set_size=(16, 24), facts=(0.1, 0.0, 0.3, 0.25, 0.2, 0.15)),
            seed=920_005,
            pairs=1_000,
            shard_pairs=25,
        ),
        Recipe(
            "sets",
            "Differences that no single image shows: more varied, repeated, mixed in other shares.",
            # Nuisances are families of single images, and none is drawn from here.
            PairConfig(families=tuple(TRAINED_SETS), set_size=(24, 48), facts=(0.1, 0.7, 0.2), nuisances=(1.0,)),
            seed=920_006,
            pairs=1_000,
            shard_pairs=25,
        ),
        Recipe(
            "large",
            "Sets of 200 to 1,000 small images; drawn where there are not that many photographs.",
            PairConfig(set_size=(200, 1_000), sides=(64, 96), prevalence=(0.1, 1.0)),
            seed=920_007,
            pairs=100,
            shard_pairs=2,
        ),
        Recipe(
            "held_out",
            "FOR EVALUATION ONLY: families, domains, strengths and prevalences that no training may see.",
            PairConfig(
                split="test",
                families=tuple(sorted(HELD_OUT_FAMILIES)),  # sorted: a set's order changes with every process
                set_size=(50, 50),
                strength=(0.1, 1.0),
                prevalence=(0.02, 1.0),
                held_out=True,
            ),
            seed=920_008,
            pairs=400,
            shard_pairs=20,
        ),
    )
}


def named(name: str) -> Recipe:
    """The recipe of that name; UsageError lists the known ones."""
    return chosen("recipe", name, RECIPES)
