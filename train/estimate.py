"""`python -m train lora --dry-run`: what a run needs, from a few real steps on this machine that write nothing."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch.autograd.graph import saved_tensors_hooks

from train.describer import Describer
from train.loop import Schedule
from train.muon import MuonWithAdamW

if TYPE_CHECKING:
    from train.lora import Items, Means

_TIMED = 2
_MIB = 2**20


@dataclass(frozen=True)
class Needs:
    """Of one rank."""

    trainable: int
    parameters: int
    weights: int
    """Bytes of all weights, as they are kept."""
    optimiser: int
    """Bytes of gradients and optimiser states."""
    activations: int
    """Bytes."""
    tokens: int
    """That the language model reads in one step, over all ranks: prompts, reports and claims."""
    seconds: float
    """A step."""
    making: float
    """Seconds in which one process makes what a step learns from: pairs rendered, images looked at."""

    @property
    def memory(self) -> int:
        return self.weights + self.optimiser + self.activations


def needs(trained: Describer, data: Items, schedule: Schedule, means: Means) -> Needs:
    """Run a part of a step three times and read off what it took; `trained` is changed.

    Memory is the sum of
      weights:     numbers x bytes of each, frozen ones (bfloat16 on a GPU) and trained ones (float32);
      optimiser:   4 bytes x trained numbers x (1 gradient + 1 momentum of Muon's matrices, 2 of AdamW's vectors);
      activations: all that autograd keeps from forward to backward for a rank's part of a step, each storage counted
                   once, without the weights: what grows with the batch, the tokens and the layers, and shrinks with
                   --accumulate and --checkpointing.
    Buffers of libraries, the framework itself (0.5 GiB on a CPU, 1 GiB on a GPU) and fragmentation come on top.
    """
    ranks = int(os.environ.get("WORLD_SIZE", 1))
    part = data.items_a_step // (ranks * means.accumulate)
    weights = list(trained.parameters())
    learned = [weight for weight in weights if weight.requires_grad]
    optimiser = MuonWithAdamW(learned, schedule.lr, schedule.weight_decay)
    trained.train()
    begun = time.monotonic()
    batch = data.ready(data.collate([data[index] for index in range(part)]))
    making = time.monotonic() - begun
    batch = {name: tensor.to(learned[0].device) for name, tensor in batch.items()}
    kept: dict[int, int] = {}
    own = {weight.untyped_storage().data_ptr() for weight in weights}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with saved_tensors_hooks(keep, lambda tensor: tensor):
        loss, _ = trained.loss(batch)
    loss.backward()
    optimiser.step()
    times = []
    for _ in range(_TIMED):
        begun = time.monotonic()
        trained.loss(batch)[0].backward()
        run = time.monotonic() - begun
        optimiser.step()
        optimiser.zero_grad()
        times.append(run * means.accumulate + time.monotonic() - begun - run)
    return Needs(
        trainable=sum(weight.numel() for weight in learned),
        parameters=sum(weight.numel() for weight in weights),
        weights=sum(weight.nbytes for weight in weights),
        optimiser=sum(4 * weight.numel() * (2 if weight.ndim > 1 else 3) for weight in learned),
        activations=sum(kept.values()),
        tokens=_tokens(trained, batch) * ranks * means.accumulate,
        seconds=min(times),
        making=making * means.accumulate,
    )


def _tokens(trained: Describer, batch: dict[str, torch.Tensor]) -> int:
    prompt = trained.prompt(1, trained.projector.tokens).shape[1]
    judged = len(batch["judged"])
    read = prompt * (len(batch["claims"]) if trained.thrifty else judged)
    return int(prompt * len(batch["targets"]) + (batch["targets"] >= 0).sum() + read + batch["mask"].sum())


def told(found: Needs, steps: int, source: str, pairs: int | None, each: int, workers: int) -> str:
    """The needs in words.

    Args:
        source: where pairs come from.
        pairs: to encode before the first step; none: made as they are needed.
        each: pairs that were made for the estimate.
    """
    lines = [
        f"parameters  {found.trainable:,} of {found.parameters:,} are trained",
        f"memory      {_mib(found.memory)} a rank: weights {_mib(found.weights)}, optimiser {_mib(found.optimiser)}, "
        f"activations {_mib(found.activations)}",
        f"tokens      {found.tokens:,} a step",
    ]
    making = found.making / max(1, workers)
    if pairs:
        once = making / each * pairs / 3600
        lines.append(f"pairs       {pairs:,} {source}, {_hours(once)} once")
        hours = steps * found.seconds / 3600
    else:
        once, hours = 0.0, steps * max(found.seconds, making) / 3600
        lines.append(f"pairs       {source}, {making:.1f} s a step beside it")
    lines.append(f"steps       {steps:,} of {found.seconds:.2f} s, {_hours(hours)}")
    lines.append(f"hours       {once + hours:.2f} on this machine as it is now")
    return "\n".join(lines)


def _mib(size: int) -> str:
    return f"{size / _MIB:,.0f} MiB"


def _hours(hours: float) -> str:
    return f"{hours:.2f} h" if hours >= 0.1 else f"{hours * 60:.1f} min"
