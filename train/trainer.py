"""transformers.Trainer as this project runs it: our optimiser and loss, whole checkpoints, metrics, clean stops."""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import load_file, save_file
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
    get_optimizer_state_dict,
    set_model_state_dict,
    set_optimizer_state_dict,
)
from torch.utils.data import Dataset
from tqdm import tqdm  # type: ignore[import-untyped, unused-ignore]
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments

from train import checkpoints
from train.describer import JUDGE_SHARE, Describer, counted, divisors
from train.loop import Schedule, keep_rows, learning_rate
from train.muon import MuonWithAdamW
from vlmdiff.errors import InputError

if TYPE_CHECKING:
    from train.lora import Items

LOGGED_EVERY = 25
_KEPT = 2
"""Checkpoints: the newest, and one to go back to if a disk harms it."""
WEIGHTS = "model.safetensors"
NUMBERS = ("told", "judged", "right")
_WHOLE = StateDictOptions(full_state_dict=True, cpu_offload=True, ignore_frozen_params=True)
_GIVEN_WHOLE = StateDictOptions(full_state_dict=True, strict=False)


class Indexed(Dataset[Any]):
    """Items 0 to `length` as a map-style dataset; what was trained on before is skipped by index, never made."""

    def __init__(self, items: Items, length: int) -> None:
        self.items, self.length = items, length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Any:
        return self.items[index]


class StepTrainer(Trainer):
    """Runs the steps of `train.lora.advance`; all that Trainer would log, save, rotate or evaluate by itself is off."""

    model: Any
    optimizer: Any
    lr_scheduler: Any

    def __init__(
        self,
        trained: Describer,
        data: Items,
        schedule: Schedule,
        args: TrainingArguments,
        log: Path,
        note: Mapping[str, Any],
    ) -> None:
        super().__init__(
            model=trained,
            args=args,
            data_collator=data.collate,
            train_dataset=Indexed(data, args.max_steps * data.items_a_step),
            callbacks=[_Flow(self)],
        )
        self.remove_callback(PrinterCallback)  # writes to stdout, which is for results
        self.model_accepts_loss_kwargs = True
        self.data, self.schedule, self.metrics, self.note = data, schedule, log, dict(note)
        self.trainable = {name for name, weight in trained.named_parameters() if weight.requires_grad}
        self.shares = torch.zeros(len(NUMBERS), device=args.device)
        self.running: torch.Tensor | None = None
        self.first, self.seconds, self.start = 0, 0.0, time.monotonic()
        self.stop_asked = False
        self.bar = tqdm(disable=True)

    def go(self, checkpoint: Path | None) -> None:
        """Train from a checkpoint, or from the start, to `args.max_steps` or a signal."""
        if checkpoint is not None:
            self.first = checkpoints.step_of(checkpoint)
            known = json.loads((checkpoint / checkpoints.NOTE).read_text())
            self.seconds, self.running = known["seconds"], torch.tensor(known["running"], device=self.args.device)
        if self.is_world_process_zero():
            keep_rows(self.metrics, self.first)
        self.start = time.monotonic()
        with self._bar() as self.bar, self._minding_signals():
            self.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)

    def _bar(self) -> tqdm[Any]:
        """On a terminal; elsewhere `_write` prints lines."""
        hidden = None if self.is_world_process_zero() else True
        total, name = self.schedule.steps, self.metrics.stem
        return tqdm(total=total, initial=self.first, desc=name, unit="step", disable=hidden, file=sys.stderr)

    # Made here and not handed over, because FSDP refuses an optimiser that it did not see being made.

    def create_optimizer(self, model: Any = None) -> Any:
        if self.optimizer is None:
            weights = [weight for weight in self.model.parameters() if weight.requires_grad]
            self.optimizer = MuonWithAdamW(weights, self.schedule.lr, self.schedule.weight_decay)
        return self.optimizer

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
        if self.lr_scheduler is None:
            schedule = self.schedule
            self.lr_scheduler = torch.optim.lr_scheduler.LambdaLR(
                self.optimizer if optimizer is None else optimizer,
                lambda step: learning_rate(schedule, step) / schedule.lr,
            )
        return self.lr_scheduler

    # The loss: sums over a step's parts and ranks, divided by counts over all of them.

    def get_batch_samples(self, epoch_iterator: Any, num_batches: int, device: torch.device) -> tuple[list[Any], Any]:
        batches, _ = super().get_batch_samples(epoch_iterator, num_batches, device)
        batches = [self.data.ready(batch) for batch in batches]
        counts = torch.tensor([counted(batch) for batch in batches]).sum(0)
        return batches, self.accelerator.reduce(counts.to(device), "sum")

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> torch.Tensor:
        shares = model(**inputs) / divisors(*num_items_in_batch.tolist()).to(self.args.device)
        self.shares += shares.detach()
        loss: torch.Tensor = shares[0] + JUDGE_SHARE * shares[1]
        loss = loss * self.accelerator.num_processes  # gradients are averaged over ranks, these are parts of a sum
        return loss

    # Checkpoints: what is trained, and nothing of the frozen base.

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        state: dict[str, Any] = get_model_state_dict(self.accelerator.unwrap_model(self.model), options=_WHOLE)
        if self.args.should_save and output_dir:
            Path(output_dir).mkdir(parents=True, exist_ok=True)
            kept = {name: state[name].contiguous() for name in sorted(self.trainable)}
            save_file(kept, Path(output_dir) / WEIGHTS, metadata={"format": "pt"})

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        load_weights(self.model if model is None else model, self.trainable, Path(resume_from_checkpoint))

    def _save_optimizer_and_scheduler(self, output_dir: str) -> None:
        if not self.is_fsdp_enabled:
            super()._save_optimizer_and_scheduler(output_dir)
            return
        # Trainer would save the whole base with it.
        state = get_optimizer_state_dict(self.model, self.optimizer.optimizer, options=_WHOLE)
        if self.args.should_save:
            torch.save(state, Path(output_dir) / "optimizer.pt")
            torch.save(self.lr_scheduler.state_dict(), Path(output_dir) / "scheduler.pt")

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        if not self.is_fsdp_enabled or checkpoint is None:
            super()._load_optimizer_and_scheduler(checkpoint)
            return
        state = torch.load(Path(checkpoint) / "optimizer.pt", map_location="cpu", weights_only=True)
        set_optimizer_state_dict(self.model, self.optimizer.optimizer, state, options=_GIVEN_WHOLE)
        self.lr_scheduler.load_state_dict(torch.load(Path(checkpoint) / "scheduler.pt", weights_only=True))

    def sealed(self, step: int) -> None:
        """Note and manifest into the checkpoint that was just written; older ones go only now."""
        folder = Path(str(self.args.output_dir)) / f"checkpoint-{step}"
        self.accelerator.wait_for_everyone()
        if self.is_world_process_zero():
            running = self.running.tolist() if self.running is not None else None
            note = {"note": self.note, "seconds": self._clock(), "running": running}
            (folder / checkpoints.NOTE).write_text(json.dumps(note) + "\n")
            checkpoints.seal(folder)
            checkpoints.prune(folder.parent, _KEPT)

    # Metrics.

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Nothing: `settle` says what there is to say."""

    def settle(self, step: int) -> bool:
        """After a step: bring the ranks' numbers together, log them; returns whether any rank was asked to stop."""
        found = self.accelerator.reduce(torch.cat([self.shares, self.shares.new_tensor([self.stop_asked])]), "sum")
        self.shares.zero_()
        told, judged, right, stop = found.unbind()
        numbers = torch.stack([told + JUDGE_SHARE * judged, told, judged, right])
        self.running = numbers if self.running is None else 0.95 * self.running + 0.05 * numbers
        self.bar.update()
        if self.is_world_process_zero() and (step % LOGGED_EVERY == 0 or step == self.args.max_steps):
            self._write(step, dict(zip(("loss", *NUMBERS), self.running.tolist(), strict=True)))
        return bool(stop)

    def _write(self, step: int, numbers: dict[str, float]) -> None:
        rate = learning_rate(self.schedule, step - 1)
        record = {"step": step, "lr": rate, "seconds": round(self._clock(), 1), **numbers}
        with self.metrics.open("a") as stream:
            stream.write(json.dumps(record) + "\n")
        self.callback_handler.on_log(self.args, self.state, self.control, {**numbers, "lr": rate})
        shown = "  ".join(f"{key} {value:.3f}" for key, value in numbers.items())
        if not self.bar.disable:
            self.bar.set_postfix_str(shown)
            return
        left = (time.monotonic() - self.start) / (step - self.first) * (self.schedule.steps - step)
        print(f"{self.metrics.stem} {step}/{self.schedule.steps}  {shown}  {left / 60:.1f} min left", file=sys.stderr)

    def _clock(self) -> float:
        return self.seconds + time.monotonic() - self.start

    @contextmanager
    def _minding_signals(self) -> Iterator[None]:
        """Ctrl-C and SIGTERM end the run after the step under way; a second one ends it at once."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        kinds = (signal.SIGINT, signal.SIGTERM)
        before = {kind: signal.getsignal(kind) for kind in kinds}

        def put_back() -> None:
            for kind, handler in before.items():
                signal.signal(kind, handler)

        def ask(number: int, frame: object) -> None:
            put_back()
            self.stop_asked = True

        for kind in kinds:
            signal.signal(kind, ask)
        try:
            yield
        finally:
            put_back()


class _Flow(TrainerCallback):  # type: ignore[misc, unused-ignore]
    """When to save and when to stop."""

    def __init__(self, trainer: StepTrainer) -> None:
        self.trainer = trainer

    def on_step_end(self, args: TrainingArguments, state: Any, control: Any, **kwargs: Any) -> None:
        step = state.global_step
        stop = self.trainer.settle(step)
        self.trainer.stop_asked |= stop
        control.should_save = stop or step == args.max_steps or step % self.trainer.schedule.save_every == 0
        control.should_training_stop |= stop

    def on_save(self, args: TrainingArguments, state: Any, control: Any, **kwargs: Any) -> None:
        self.trainer.sealed(state.global_step)


def load_weights(trained: Any, names: set[str], checkpoint: Path) -> None:
    """Put a checkpoint's weights into a describer, sharded or not.

    Raises:
        InputError: they are not those that this run trains.
    """
    weights: dict[str, Any] = load_file(checkpoint / WEIGHTS)
    if set(weights) != names:
        raise InputError(f"{checkpoint} is of another base, rank or tuning; choose another --out")
    set_model_state_dict(trained, weights, options=_GIVEN_WHOLE)
