"""The loop of the base's stages: Muon with AdamW, a cosine, checkpoints that survive a kill, metrics, time left."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.utils.data import get_worker_info

from train.muon import MuonWithAdamW


@dataclass(frozen=True)
class Schedule:
    """How long and how fast."""

    steps: int
    lr: float
    warmup: int = 100
    weight_decay: float = 0.02
    clip: float = 1.0
    save_every: int = 250


def learning_rate(schedule: Schedule, step: int) -> float:
    """Linear warm-up, then a cosine to a hundredth."""
    if step < schedule.warmup:
        return schedule.lr * (step + 1) / schedule.warmup
    share = (step - schedule.warmup) / max(1, schedule.steps - schedule.warmup)
    return schedule.lr * (0.01 + 0.99 * (1 + float(torch.cos(torch.tensor(share * torch.pi)))) / 2)


def write_atomic(path: Path, save: Callable[[Path], object]) -> None:
    """Let `save` write beside `path`, then move it into place: a kill leaves the old file or the new one."""
    part = path.with_name(path.name + ".part")
    save(part)
    with part.open("rb") as stream:
        os.fsync(stream.fileno())
    os.replace(part, path)


def keep_rows(log: Path, step: int) -> None:
    """Drop what a metrics file says of steps after this one, which will be run again, and a torn last line."""
    if not log.exists():
        return
    rows = [row for row in log.read_text().splitlines(keepends=True) if row.endswith("\n")]
    kept = "".join(row for row in rows if json.loads(row)["step"] <= step)
    write_atomic(log, lambda part: part.write_text(kept))


def one_thread_a_worker() -> None:
    """In a process that makes batches, leave the other cores to the training."""
    if get_worker_info() is not None:
        torch.set_num_threads(1)


def fit(
    name: str,
    trained: nn.Module,
    schedule: Schedule,
    batches: Callable[[int], Iterable[Any]],
    loss_of: Callable[[Any], tuple[torch.Tensor, dict[str, float]]],
    folder: Path,
) -> None:
    """Train the parameters of `trained` that require a gradient; resumes from `folder` where it was stopped.

    Args:
        name: names the checkpoint and the metrics file.
        batches: from a first step, the batches of that step, the next one, ...
        loss_of: a batch to its loss and the numbers to log.
        folder: where `NAME.pt` (checkpoint) and `NAME.jsonl` (metrics) go.
    """
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint, log = folder / f"{name}.pt", folder / f"{name}.jsonl"
    parameters = [p for p in trained.parameters() if p.requires_grad]
    optimiser = MuonWithAdamW(parameters, schedule.lr, schedule.weight_decay)
    step, before = 0, 0.0
    running: dict[str, float] = {}
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        trained.load_state_dict(state["model"])
        optimiser.load_state_dict(state["optimiser"])
        step, before, running = int(state["step"]), float(state["seconds"]), dict(state["running"])
    keep_rows(log, step)
    start, first = time.monotonic(), step

    def save() -> None:
        seconds = before + time.monotonic() - start
        state: dict[str, Any] = {"model": trained.state_dict(), "optimiser": optimiser.state_dict()}
        state |= {"step": step, "seconds": seconds, "running": running}
        write_atomic(checkpoint, lambda part: torch.save(state, part))

    trained.train()
    try:
        for batch in batches(step) if step < schedule.steps else ():
            rate = learning_rate(schedule, step)
            for group in optimiser.param_groups:
                group["lr"] = rate
            loss, numbers = loss_of(batch)
            trained.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(parameters, schedule.clip)
            optimiser.step()
            step += 1
            for key, value in {"loss": float(loss.detach()), **numbers}.items():
                running[key] = value if key not in running else 0.95 * running[key] + 0.05 * value
            if step % 25 == 0 or step == schedule.steps:
                seconds = time.monotonic() - start
                left = seconds / (step - first) * (schedule.steps - step)
                record = {"step": step, "lr": rate, "seconds": round(before + seconds, 1), **running}
                with log.open("a") as stream:
                    stream.write(json.dumps(record) + "\n")
                shown = "  ".join(f"{key} {value:.3f}" for key, value in running.items())
                print(f"{name} {step}/{schedule.steps}  {shown}  {left / 60:.1f} min left", file=sys.stderr)
            if step % schedule.save_every == 0:
                save()
            if step >= schedule.steps:
                break
    finally:
        if step > first:
            save()
    (folder / f"{name}.schedule.json").write_text(json.dumps(asdict(schedule), indent=1) + "\n")
