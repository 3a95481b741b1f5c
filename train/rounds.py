"""`python -m train curriculum`: rounds of drawing pairs, training on them and probing; killed at any time it goes on.

A round draws its pairs from the state, encodes them into a cache of its own, trains on it with earlier rounds' caches
and real sets mixed in, and looks at validation images: how far the levels move, and whether to stop. What a round found
is written whole into rounds.json; all else is a function of that and of the run's identity, which is checked first.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader

from data_synth.catalog import EVERY
from data_synth.config import PairConfig, refuse_held_out
from data_synth.sources import Bank
from train import checkpoints, curriculum, jumpstart, levels, lora, stopping, validation
from train.batches import items_in
from train.curriculum import State
from train.describer import Describer, Task, describer, save_adapter, save_judge, write_claims
from train.identity import claim, identity, weights_of
from train.mix import Plan, Rounds
from train.pairs import PairCache, Rendered, digest, store
from train.recipes import Recipe
from train.stopping import Kept, Reading
from vlmdiff.errors import InputError, UsageError
from vlmdiff.models.huggingface import HuggingFaceModel
from vlmdiff.render.files import write_whole

ROUNDS_FILE = "rounds.json"


@dataclass(frozen=True)
class Round:
    """What one round was drawn from and what it found."""

    state: State
    successes: Mapping[str, float]
    """By `Probe.key`; empty for a uniform mix."""
    reading: Reading

    def as_json(self) -> dict[str, Any]:
        return {"state": self.state.as_json(), "successes": dict(self.successes), "reading": asdict(self.reading)}


def from_json(told: Mapping[str, Any]) -> Round:
    """What `Round.as_json` gave."""
    return Round(curriculum.from_json(told["state"]), told["successes"], Reading(**told["reading"]))


def next_state(done: Sequence[Round], plan: Plan, within: PairConfig) -> State:
    """The state that follows some rounds, or the first one."""
    if plan.mix == "uniform":
        return replace(curriculum.uniform(within), round=len(done))
    if not done:
        return curriculum.started(within, plan.known)
    return curriculum.advanced(done[-1].state, done[-1].successes, within)


def finished(done: Sequence[Round], plan: Plan) -> bool:
    """Whether no round is left, or the criterion has stopped the run."""
    readings = [one.reading for one in done if not one.state.waiting]
    return len(done) == plan.rounds or stopping.stops(readings, plan.patience)


def _readings(done: Sequence[Round]) -> list[Reading]:
    return [one.reading for one in done]


@dataclass(frozen=True)
class _Job:
    """What stays the same over all rounds."""

    recipe: Recipe
    within: PairConfig
    backend: HuggingFaceModel
    bank: Bank
    folder: Path
    seed: int
    plan: Plan
    means: lora.Means
    judge: Path | None
    """An adapter that reads single images; telling alone is trained then."""
    columns: tuple[jumpstart.Column, ...]
    """Of the jump-start: none where the bank holds none, or none are wanted."""

    def seed_of(self, what: int, number: int) -> int:
        """Far apart for every run, kind and round, and from the seeds of evaluation."""
        return 100_000_000 * (self.seed + 1) + 10_000 * what + number


def train(
    recipe: Recipe,
    backend: HuggingFaceModel,
    bank: Bank,
    folder: Path,
    seed: int,
    plan: Plan,
    means: lora.Means,
    start: Path | None = None,
    checkpointing: bool = False,
    judge: Path | None = None,
) -> tuple[Round, ...]:
    """Train in rounds; writes `folder`/TUNING, the adapter of the best round, and levels.svg. Resumes from `folder`.

    Args:
        recipe: its `lora` steps are those of all rounds together, and as many images are encoded as `pair_count` pairs
            have; families, domains and sides of its pairs count, levels and numbers are the curriculum's.
        start, checkpointing: see `describer`.
        judge: an adapter that was trained to judge alone, on the same base; telling alone is trained then, and the
            adapter holds the judge.

    Raises:
        UsageError: several processes, or a mix that is none.
        InputError: the folder holds another run, or lacks what its checkpoints followed from.
    """
    if int(os.environ.get("WORLD_SIZE", 1)) > 1:
        raise UsageError("rounds are drawn and probed in one process; start it without a launcher")
    columns = _columns(recipe.pairs, bank) if plan.concepts else ()
    job = _Job(recipe, curriculum.widest(recipe.pairs), backend, bank, folder, seed, plan, means, judge, columns)
    task: Task = "both" if judge is None else "tell"
    torch.manual_seed(seed + 2)
    trained = describer(backend, plan.tuning, recipe.rank, start, checkpointing, task)
    judged_by = weights_of(judge) if judge else None
    run = identity(recipe, backend.info.weights_sha256, bank, seed, start, judge=judged_by, plan=asdict(plan))
    claim(folder, plan.tuning, run, made=[folder / ROUNDS_FILE])
    done = _read(folder, plan)
    concepts = _concepts(job)
    held_out: list[validation.Shown] = []
    caches = [_cache(job, k, one.state) for k, one in enumerate(done)]
    while not finished(done, plan):
        state = next_state(done, plan, job.within)
        caches.append(_cache(job, state.round, state))
        ends = plan.ends(recipe.lora.steps)
        items = Rounds(tuple(caches), concepts, plan, ends, backend.tokenizer, seed, items_in(recipe.lora_batch), task)
        step = lora.advance(
            trained, items, recipe.lora, folder, ends[state.round], plan.tuning, {"state": state.as_json()}, means
        )
        model = _saved(job, trained, state.round)
        held_out = held_out or stopping.shown(job.within, bank, model, means.workers)
        judged = done[0].reading.judged if judge and done else None  # a judge of its own learns nothing here
        loss = stopping.last_loss(folder / f"{plan.tuning}.jsonl")
        reading = stopping.read(model, held_out, step, loss, judged=judged)
        successes = _probed(job, model, state) if plan.mix == "curriculum" else {}
        done = (*done, Round(state, successes, reading))
        _write(job, done)
        print(_told(done[-1]), file=sys.stderr)
    _kept(folder).take_best(_readings(done), folder / plan.tuning)
    return done


# --- what a round needs -----------------------------------------------------------------------------------------


def _cache(job: _Job, number: int, state: State) -> PairCache:
    """A round's pairs, as many as the round's share of images allows."""
    config = state.config(job.within)
    images = job.recipe.pair_count * sum(job.recipe.pairs.set_size) / job.plan.rounds
    pairs = max(1, round(images / sum(config.set_size)))
    return _encoded(job, f"round-{number:03}", config, job.seed_of(1, number), pairs)


def _columns(config: PairConfig, bank: Bank) -> tuple[jumpstart.Column, ...]:
    found = jumpstart.found(config, bank)
    if not found.columns:
        print(f"no jump-start: the bank holds none of the sets of {jumpstart.MANIFEST.name}", file=sys.stderr)
    for line in found.left_out if found.columns else ():
        print(f"jump-start, left out: {line}", file=sys.stderr)
    return found.columns


def _concepts(job: _Job) -> PairCache | None:
    """Pairs of labelled real sets, where there are any."""
    if not job.columns:
        return None
    config = jumpstart.concept_config(job.recipe.pairs, job.columns)
    pairs = max(1, round(job.plan.concepts * job.recipe.pair_count))
    return _encoded(job, "concepts", config, job.seed_of(2, 0), pairs)


def _encoded(job: _Job, name: str, config: PairConfig, seed: int, pairs: int) -> PairCache:
    refuse_held_out(config)
    backend, bank = job.backend, job.bank
    made_of = {
        "config": json.loads(json.dumps(asdict(config))),
        "seed": seed,
        "bank": digest(bank),
        "model": backend.info.weights_sha256,
    }

    def rendered(first: int) -> Iterable[tuple[dict[str, Any], NDArray[np.uint8]]]:
        return DataLoader(
            Rendered(config, bank, seed, first, max(first, pairs), backend.image_size),
            batch_size=None,
            num_workers=job.means.workers,
            prefetch_factor=8 if job.means.workers else None,
        )

    def features(pixels: NDArray[np.uint8]) -> torch.Tensor:
        with torch.autocast(backend.device.type, torch.bfloat16):
            return backend.features(np.asarray(pixels))

    grid = features(np.zeros((1, backend.image_size, backend.image_size, 3), np.uint8)).shape
    return store(job.folder / "pairs" / name, made_of, rendered, pairs, features, (grid[1], grid[2]))


def _probed(job: _Job, model: HuggingFaceModel, state: State) -> Mapping[str, float]:
    probes = state.probes()
    configs = [state.probe_config(probe, job.within) for probe in probes]
    facts = []

    def shown() -> Iterable[validation.Shown]:
        for pair in validation.shown(configs, job.bank, job.seed_of(3, state.round), model, job.means.workers):
            facts.append(pair.facts)
            yield pair

    said = validation.described(model, shown())
    successes = [validation.recall(one, truth) for one, truth in zip(said, facts, strict=True)]
    return validation.rates([probe.key for probe in probes], successes)


# --- what lies in the folder ------------------------------------------------------------------------------------


def _read(folder: Path, plan: Plan) -> tuple[Round, ...]:
    """The rounds that are done."""
    file = folder / ROUNDS_FILE
    told = json.loads(file.read_text(encoding="utf-8"))["rounds"] if file.exists() else []
    checkpoint = checkpoints.newest(folder / "checkpoints" / plan.tuning)
    reached = int(checkpoints.note_of(checkpoint)["state"]["round"]) if checkpoint else 0
    if reached > len(told):
        raise InputError(
            f"{checkpoint} is of round {reached}, counted from 0, but {file} tells of {len(told)} rounds before it; "
            "put that file back, or choose another --out"
        )
    return tuple(from_json(one) for one in told)


def _write(job: _Job, done: Sequence[Round]) -> None:
    """Note the rounds that are done; adapters of rounds that are neither the best nor the last may go then."""
    told = {"rounds": [one.as_json() for one in done]}
    write_whole(job.folder / ROUNDS_FILE, json.dumps(told, indent=1) + "\n")
    write_whole(job.folder / "levels.svg", levels.svg([(one.reading.step, one.state) for one in done]))
    _kept(job.folder).prune(_readings(done))


def _kept(folder: Path) -> Kept:
    return Kept(folder / "rounds")


def _saved(job: _Job, trained: Describer, number: int) -> HuggingFaceModel:
    """The model as a user would load it after this round."""

    def save(part: Path) -> None:
        save_adapter(trained.eval(), part)
        if job.judge:
            save_judge(job.judge, part)
        write_claims(part, {name: EVERY[name] for name in job.within.families}, jumpstart.claims(job.columns))

    place = _kept(job.folder).put(number, save)
    return HuggingFaceModel(job.backend.name, job.backend.folder, place, str(job.backend.device))


def _told(one: Round) -> str:
    state, reading = one.state, one.reading
    right = f", {np.mean(list(one.successes.values())):.2f} of probes right" if one.successes else ""
    families = len(state.standings)
    return f"round {state.round}, step {reading.step}: {families} families{right}; {reading.told()}"
