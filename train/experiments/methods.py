"""`python -m train methods`: difference tokens against images, or captions, in a prompt; one backbone, equal compute.

Each method gets the tower that ships, the same encoded pairs, and a language model from nothing, all of whose weights
are trained for as many operations as another's; its rate is chosen on pairs of other images. What comes out is three
models with run cards, to be scored like any other: `python -m eval core METHOD --model ... --adapter ...`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from data_synth.catalog import EVERY
from data_synth.sources import Bank
from train import card, contexts, language, loop, pairs
from train.batches import Cached, WithPrompts, items_in
from train.describer import describer, save_judge, write_claims, write_skills
from train.experiments.curves import spread
from train.identity import claim, weights_of
from train.loop import Schedule, write_atomic
from train.mini import tower_in, untrained
from train.pairs import Blend
from train.recipes import RECIPES, Recipe
from vlmdiff.models.card import RunCard
from vlmdiff.models.huggingface import HuggingFaceModel

METHODS = ("learned", *contexts.METHODS)
RATES = (1e-3, 3e-3)
"""Learning rates that are tried."""


@dataclass(frozen=True)
class Lengths:
    """What a method may cost."""

    operations: float
    """Floating-point operations of its training, forward and backward."""
    tried: float
    """Share of these that each of RATES is tried with first."""
    families: int
    pairs: int
    held_out: int
    """Pairs of validation images, for the choice of the rate."""
    batch: int
    """Samples a step of `learned`."""
    prompts: int
    """A step of the others."""


LENGTHS = {
    "study": Lengths(4e13, 0.15, 32, 1600, 200, 56, 16),
    "quick": Lengths(1e9, 0.5, 10, 4, 2, 8, 2),
}
"""study: five minutes of one core for learned, three times that for the others. quick: for tests."""


def run(
    bank: Bank,
    tower: Path,
    judge: Path,
    out: Path,
    seed: int,
    lengths: Lengths,
    workers: int,
    cards: Sequence[RunCard] = (),
) -> list[dict[str, Any]]:
    """Train the methods that have no file in `out` yet; returns what each of METHODS cost.

    Writes `out`/METHOD/base and `out`/METHOD/adapter, which holds the judge.

    Args:
        tower: a base whose vision tower all methods look through; cards: what it saw.
        judge: an adapter that reads single images: of what all of them propose.

    Raises:
        InputError: `out` holds methods of another scale, bank, seed, tower or judge.
    """
    given = {"tower": weights_of(tower), "judge": weights_of(judge)}
    run = {"bank": pairs.digest(bank), "seed": seed, **given, "lengths": asdict(lengths)}
    claim(out, "methods", run, made=[out / f"{method}.json" for method in METHODS])
    recipe = _recipe(lengths)
    vision = tower_in(tower)
    learned = _blend(pairs.encode(out / "pairs", recipe.pairs, bank, seed + 1, lengths.pairs, vision, workers))
    unseen = replace(recipe.pairs, split="val")
    held_out = _blend(pairs.encode(out / "held-out", unseen, bank, seed + 2, lengths.held_out, vision, workers))
    base = untrained(vision, out / "untrained", seed)
    for method in METHODS:
        file = out / f"{method}.json"
        if file.exists():
            continue
        start = time.process_time()
        steps = lengths.operations / _Learner(method, base, lengths, seed).operations(learned)
        losses = {}
        for rate in RATES:
            tried = _Learner(method, base, lengths, seed)
            tried.learn(f"{method}-{rate:g}", learned, rate, round(lengths.tried * steps), out / "tried", workers)
            losses[rate] = tried.loss_on(held_out)
        rate, tuned = min(RATES, key=losses.__getitem__), time.process_time()
        learner = _Learner(method, base, lengths, seed)
        learner.learn(method, learned, rate, round(steps), out, workers)
        result = {
            "method": method,
            "rate": rate,
            "held_out_loss": learner.loss_on(held_out),
            "tried": {f"{rate:g}": loss for rate, loss in losses.items()},
            "steps": round(steps),
            "cpu_seconds": round(time.process_time() - tuned),
            "tuning_cpu_seconds": round(tuned - start),
        }
        learner.save(out / method, recipe, judge)
        known = card.card(replace(recipe, images=recipe.pairs), bank, [out], cards)
        # Its words, which the tower's families are not.
        card.write(
            known.model_copy(update={"families": tuple(sorted(recipe.pairs.families))}), out / method / "adapter"
        )
        text = json.dumps(result) + "\n"
        write_atomic(file, lambda part, text=text: part.write_text(text))  # type: ignore[misc]
    return [json.loads((out / f"{method}.json").read_text()) for method in METHODS]


def _recipe(lengths: Lengths) -> Recipe:
    usual = RECIPES["mini"]
    families = spread(np.random.default_rng(7))[: lengths.families]
    return replace(usual, pairs=replace(usual.pairs, families=families), pair_count=lengths.pairs, further=())


def _blend(cache: pairs.PairCache) -> Blend:
    return Blend((cache,), (1.0,))


class _Learner:
    """A language model that learns to answer what one method asks."""

    def __init__(self, method: str, base: Path, lengths: Lengths, seed: int) -> None:
        torch.manual_seed(seed + 3)
        self.backend = HuggingFaceModel("mini", base, None, "cpu")
        self.trained = describer(self.backend, "full", 0, task="tell")
        self.trained.model.float().model.multi_modal_projector.requires_grad_(True)
        self.method, self.lengths, self.seed = method, lengths, seed

    def operations(self, blend: Blend) -> float:
        """Of a step, forward and backward, the mean of four."""
        with FlopCounterMode(display=False) as counted:
            for batch in self._batches(blend, self.seed, 4, 0, 0):
                self._loss(batch)[0].backward()
        return float(counted.get_total_flops()) / 4

    def learn(self, name: str, blend: Blend, rate: float, steps: int, folder: Path, workers: int) -> None:
        """Resumes from `folder`."""
        steps = max(1, steps)
        schedule = Schedule(steps, rate, warmup=max(1, min(100, steps // 10)))
        loop.fit(
            name,
            self.trained,
            schedule,
            lambda first: self._batches(blend, self.seed, steps, first, workers),
            self._loss,
            folder,
        )
        self.trained.eval()

    @torch.no_grad()
    def loss_on(self, blend: Blend) -> float:
        """Nats a token of the answers, the mean over a batch for every five pairs."""
        count = max(1, self.lengths.held_out // 5)
        return float(np.mean([float(self._loss(b)[0]) for b in self._batches(blend, self.seed + 50_000, count, 0, 0)]))

    def save(self, folder: Path, recipe: Recipe, judge: Path) -> None:
        """As a base, in which the image projector lies, and an adapter with the difference projector."""
        vision, tokenizer = self.trained.model.config.vision_config, self.backend.tokenizer
        adapter = folder / "adapter"
        adapter.mkdir(parents=True, exist_ok=True)
        self.trained.projector.save(adapter)
        write_claims(adapter, {name: EVERY[name] for name in recipe.pairs.families})
        write_skills(adapter, [contexts.SKILLS[self.method]] if self.method in contexts.SKILLS else [])
        save_judge(judge, adapter)
        base = deepcopy(self.trained.model)
        language.save_base(base, language.make_processor(tokenizer, vision), folder / "base")

    def _batches(self, blend: Blend, seed: int, steps: int, first: int, workers: int) -> Iterator[dict[str, Any]]:
        tokenizer = self.backend.tokenizer
        samples = Cached(blend, tokenizer, seed, items_in(self.lengths.batch), "tell")
        prompts = partial(contexts.batch, blend, tokenizer, self.method, self.lengths.prompts)
        asked = 4 if self.method in contexts.METHODS else 0
        return WithPrompts(samples, prompts, asked, steps, first).batches(workers)

    def _loss(self, batch: dict[str, Any]) -> tuple[torch.Tensor, dict[str, float]]:
        return language.base_loss(self.trained.model, batch) if "ids" in batch else self.trained.loss(batch)


def table(results: Sequence[dict[str, Any]]) -> str:
    """Markdown: what each method was trained with and for how long."""
    head = ("method", "rate", "nats a token, held out", "steps", "CPU seconds", "of choosing the rate")
    text = f"| {' | '.join(head)} |\n{'|---' * len(head)}|\n"
    for one in results:
        cells = (one["method"], f"{one['rate']:g}", f"{one['held_out_loss']:.3f}", one["steps"])
        text += f"| {' | '.join(map(str, (*cells, one['cpu_seconds'], one['tuning_cpu_seconds'])))} |\n"
    return text
