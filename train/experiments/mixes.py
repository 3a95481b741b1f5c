"""`python -m train mixes`: the curriculum against a fixed uniform mix, at equal compute, on faint, rare and many.

Every run is a language model from nothing on the tower that ships, trained by `train.rounds` on the families of every
group; a run differs from its twin in the mix alone. All are read on the same validation pairs.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from data_synth.config import PairConfig
from data_synth.sources import Bank
from train import lora, rounds, validation
from train.experiments.curves import spread
from train.experiments.scoring import FACTS, FOUND, RIGHT, SAID, tally
from train.identity import claim, weights_of
from train.loop import Schedule, write_atomic
from train.mini import tower_in, untrained
from train.mix import Mix, Plan
from train.pairs import digest
from train.recipes import RECIPES, Recipe
from train.validation import Shown
from vlmdiff.models.huggingface import HuggingFaceModel

STRENGTHS = (0.15, 0.25, 0.4, 0.6, 0.8)
_SEED = 950_001
"""Of the pairs that all runs are read on."""


@dataclass(frozen=True)
class Lengths:
    """What a run may cost."""

    families: int = 32
    steps: int = 400
    batch: int = 32
    pairs: int = 1200
    """Of 16 + 16 images; as many images are drawn whatever their sets' sizes."""
    rounds: int = 5
    read: int = 60
    """Pairs of each condition."""
    size: int = 24
    """Images a set of these."""


LENGTHS = {"study": Lengths(), "quick": Lengths(10, 4, 8, 4, 2, 2, 4)}
"""study: about ten minutes of one core a run. quick: for tests."""


def conditions(families: tuple[str, ...], size: int) -> dict[str, PairConfig]:
    """What runs are read on, by name: one fact at each of STRENGTHS, a rare one, three at once; validation images."""
    clear = PairConfig(
        split="val",
        families=families,
        strength=(0.5, 0.9),
        prevalence=(1, 1),
        facts=(0, 1.0),
        nuisances=(1.0,),
        set_size=(size, size),
    )
    return {
        **{f"strength {strength}": replace(clear, strength=(strength, strength)) for strength in STRENGTHS},
        "prevalence 0.3": replace(clear, prevalence=(0.3, 0.3), set_size=(2 * size, 2 * size)),
        "three facts": replace(clear, prevalence=(0.7, 1), facts=(0, 0, 0, 1.0)),
    }


def run(
    mixes: Sequence[Mix],
    bank: Bank,
    tower: Path,
    judge: Path,
    out: Path,
    seeds: Sequence[int],
    lengths: Lengths,
    workers: int,
) -> list[dict[str, Any]]:
    """Train and read the runs that have no file in `out` yet; returns the results of all that have one.

    Args:
        tower: a base whose vision tower all runs look through.
        judge: an adapter that reads single images; telling alone is trained.

    Raises:
        InputError: `out` holds runs of another scale, bank, tower or judge.
    """
    run = {"bank": digest(bank), "tower": weights_of(tower), "judge": weights_of(judge), "lengths": asdict(lengths)}
    claim(out, "mixes", run, made=[*out.glob("*-*.json")])
    families = spread(np.random.default_rng(7))[: lengths.families]
    base = untrained(tower_in(tower), out / "untrained", 0)
    pairs: Mapping[str, list[Shown]] = {}
    for seed in seeds:
        for mix in mixes:
            file = out / f"{mix}-{seed}.json"
            if file.exists():
                continue
            start = time.process_time()
            backend = HuggingFaceModel("mini", base, None, "cpu")
            folder, plan = out / "runs" / f"{mix}-{seed}", Plan(mix, lengths.rounds, concepts=0, tuning="full")
            rounds.train(
                _recipe(families, lengths), backend, bank, folder, seed, plan, lora.Means(workers=workers), judge=judge
            )
            model = HuggingFaceModel("mini", base, folder / plan.tuning, "cpu")
            pairs = pairs or _shown(conditions(families, lengths.size), bank, model, lengths.read, workers)
            tallies = {name: _read(model, shown) for name, shown in pairs.items()}
            result = {"mix": mix, "seed": seed, "cpu_seconds": round(time.process_time() - start), "tallies": tallies}
            write_atomic(file, lambda part, result=result: part.write_text(json.dumps(result) + "\n"))  # type: ignore[misc]
    return [json.loads(file.read_text()) for file in sorted(out.glob("*-*.json"))]


def _recipe(families: tuple[str, ...], lengths: Lengths) -> Recipe:
    usual = RECIPES["mini"]
    return replace(
        usual,
        pairs=replace(usual.pairs, families=families),
        pair_count=lengths.pairs,
        lora=Schedule(lengths.steps, 2e-3, warmup=max(1, lengths.steps // 10)),
        lora_batch=lengths.batch,
    )


def _shown(
    asked: Mapping[str, PairConfig], bank: Bank, model: HuggingFaceModel, count: int, workers: int
) -> dict[str, list[Shown]]:
    """Pairs of each condition, encoded by the tower that all runs share; their families are asked in turn."""
    found = {}
    for name, config in asked.items():
        single = len(config.facts) == 2
        families = [config.families[i % len(config.families)] for i in range(count)]
        configs = [replace(config, families=(family,)) if single else config for family in families]
        found[name] = list(validation.shown(configs, bank, _SEED, model, workers))
    return found


def _read(model: HuggingFaceModel, pairs: Sequence[Shown]) -> list[tuple[float, ...]]:
    said = validation.described(model, pairs)
    return [tuple(tally(list(one), pair.facts)) for one, pair in zip(said, pairs, strict=True)]


def table(results: Sequence[dict[str, Any]]) -> str:
    """Markdown: exact recall and precision by condition and mix, means over seeds, and their differences by seed."""
    names = list(dict.fromkeys(result["mix"] for result in results))
    head = ["on", *(f"{mix}: recall; precision" for mix in names)]
    paired = len(names) == 2
    head += [f"recall, {names[0]} less {names[1]}, seed by seed"] if paired else []
    text = f"| {' | '.join(head)} |\n{'|---' * len(head)}|\n"
    for condition in results[0]["tallies"]:
        recalls = {mix: _ratios(results, mix, condition, FOUND, FACTS) for mix in names}
        precisions = {mix: _ratios(results, mix, condition, RIGHT, SAID) for mix in names}
        cells = [f"{_mean(recalls[mix])}; {_mean(precisions[mix])}" for mix in names]
        if paired:
            shared = [seed for seed in recalls[names[0]] if seed in recalls[names[1]]]
            cells.append(", ".join(f"{recalls[names[0]][s] - recalls[names[1]][s]:+.3f}" for s in shared))
        text += f"| {condition} | {' | '.join(cells)} |\n"
    half = {mix: {seed: threshold(_by_strength(results, mix, seed)) for seed in _seeds(results, mix)} for mix in names}
    cells = [", ".join("-" if value is None else f"{value:.2f}" for value in half[mix].values()) for mix in names]
    return text + f"| half right at strength | {' | '.join([*cells, ''] if paired else cells)} |\n"


def threshold(recall: Mapping[float, float]) -> float | None:
    """The strength at which half is right, between the last point below it and the next; None: at none, or at all."""
    points = sorted(recall.items())
    for (weaker, low), (stronger, high) in pairwise(points):
        if low < 0.5 <= high:
            return weaker + (stronger - weaker) * (0.5 - low) / (high - low)
    return None


def _by_strength(results: Sequence[dict[str, Any]], mix: str, seed: int) -> dict[float, float]:
    return {s: _ratios(results, mix, f"strength {s}", FOUND, FACTS)[seed] for s in STRENGTHS}


def _ratios(results: Sequence[dict[str, Any]], mix: str, condition: str, hits: int, trials: int) -> dict[int, float]:
    """Of two sums over the pairs of a condition, by seed."""
    found = {}
    for result in results:
        if result["mix"] == mix:
            rows = np.array(result["tallies"][condition], float)
            found[int(result["seed"])] = float(rows[:, hits].sum() / max(rows[:, trials].sum(), 1e-9))
    return found


def _seeds(results: Sequence[dict[str, Any]], mix: str) -> list[int]:
    return [int(result["seed"]) for result in results if result["mix"] == mix]


def _mean(values: Mapping[int, float]) -> str:
    return f"{np.mean(list(values.values())):.3f} +- {np.std(list(values.values())):.3f}"
