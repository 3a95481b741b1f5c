"""Training runs of a tiny describer in processes that can be killed, from a server that has imported all once."""

import json
import os
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from transformers import LlavaForConditionalGeneration

from data_synth.config import PairConfig
from data_synth.sources import Bank
from train import checkpoints, lora, pairs, trainer
from train.batches import Cached
from train.describer import Describer, Task, describer
from train.language import make_base, make_processor, make_tokenizer, save_base
from train.loop import Schedule
from train.recipes import RECIPES
from train.stopping import Reading, Watch
from vlmdiff.models.huggingface import HuggingFaceModel
from vlmdiff.models.mini.tower import TowerConfig

STEPS = 12
SCHEDULE = Schedule(steps=STEPS, lr=0.01, warmup=3, save_every=3)
CONFIG = PairConfig(set_size=(8, 8), facts=(0.1, 0.6, 0.3), sides=(48,))


@dataclass(frozen=True)
class Run:
    """One call of `train.lora.advance`, as a process makes it."""

    home: Path
    """Where `make` left a base and pairs."""
    folder: Path
    until: int = STEPS
    items_a_step: int = 2
    accumulate: int = 1
    workers: int = 0
    dies: str = ""
    """A moment of its second save at which it is killed: see `_die`."""
    pause: float = 0.0
    """Seconds between steps."""

    def __call__(self) -> None:
        go(self)


@dataclass(frozen=True)
class Job:
    """The same of `train.lora.train`, with two items a step."""

    home: Path
    folder: Path
    steps: int
    watch: Watch | None = None
    task: Task = "both"

    def __call__(self) -> None:
        try:
            self.train()
        except KeyboardInterrupt:
            sys.exit(130)

    def train(self) -> tuple[Reading, ...]:
        trainer.LOGGED_EVERY = 1
        schedule = replace(SCHEDULE, steps=self.steps, save_every=self.steps)
        recipe = replace(RECIPES["quick"], pairs=CONFIG, further=(), lora=schedule, lora_batch=16)
        backend = HuggingFaceModel("tiny", self.home / "base", None, "cpu")
        recipe, source = lora.source(recipe, backend, Bank.drawn_only(), self.folder, 0, None, self.task)
        return lora.train(source, self.folder, "lora", lora.Means(workers=0), watch=self.watch)


def make(home: Path) -> Path:
    """A base and pairs that it has encoded: two layers of 32 channels, six pairs."""
    tower = TowerConfig(image_size=32, widths=(8, 8, 16), blocks=(1, 1, 1))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        tokenizer = make_tokenizer()
        config = make_base(tokenizer, tower).config
        text: Any = config.text_config
        text.hidden_size, text.intermediate_size, text.num_hidden_layers, text.head_dim = 32, 64, 2, 8
        base = LlavaForConditionalGeneration(config).eval()
        save_base(base, make_processor(tokenizer, tower), home / "base")
    backend = HuggingFaceModel("tiny", home / "base", None, "cpu")
    vision = backend.model.model.vision_tower
    pairs.encode(home / "pairs", CONFIG, Bank.drawn_only(), 1, 6, vision, workers=0)
    return home


def started(home: Path, seed: int = 0) -> tuple[Describer, Any]:
    """A new describer with a LoRA, and its tokenizer."""
    backend = HuggingFaceModel("tiny", home / "base", None, "cpu")
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return describer(backend, "lora", rank=4), backend.tokenizer


def data(home: Path, tokenizer: Any, items_a_step: int = 2) -> Cached:
    return Cached(pairs.PairCache(home / "pairs", 16), tokenizer, 6, items_a_step)


def go(run: Run) -> None:
    """Train in this process; every step is logged."""
    trainer.LOGGED_EVERY = 1
    if run.dies:
        _die(run.dies)
    if run.pause:
        settle = trainer.StepTrainer.settle

        def slowly(self: trainer.StepTrainer, step: int) -> bool:
            signal.sigtimedwait([], run.pause)  # unlike sleep, over when a signal comes
            return settle(self, step)

        trainer.StepTrainer.settle = slowly  # type: ignore[method-assign]
    trained, tokenizer = started(run.home)
    means = lora.Means(workers=run.workers, accumulate=run.accumulate)
    try:
        lora.advance(trained, data(run.home, tokenizer, run.items_a_step), SCHEDULE, run.folder, run.until, means=means)
    except KeyboardInterrupt:
        sys.exit(130)


def _die(moment: str) -> None:
    """Arrange to be killed in the second save: while the optimiser's state is written, just before the manifest is,
    or between the manifest and the deletion of the oldest."""
    calls = {"writing": 0, "sealing": 0, "pruning": 0}

    def killing(name: str, call: Any, *arguments: Any, **options: Any) -> Any:
        calls[name] += 1
        if name == moment and calls[name] == 2:
            if name == "writing":
                Path(arguments[1]).write_bytes(b"PK\x03\x04 torn")
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*arguments, **options)

    save, seal, prune = torch.save, checkpoints.seal, checkpoints.prune

    def saves(state: Any, path: Any) -> None:
        optimiser = str(path).endswith("optimizer.pt")
        killing("writing", save, state, path) if optimiser else save(state, path)

    torch.save = saves  # type: ignore[assignment]
    checkpoints.seal = lambda folder: killing("sealing", seal, folder)
    checkpoints.prune = lambda folder, keep: killing("pruning", prune, folder, keep)


def begin(work: Callable[[], None], **environment: str) -> BaseProcess:
    """A run, or other work, in a new process, which has all imports already."""
    context = get_context("forkserver")
    context.set_forkserver_preload(["tests.train.tiny_run"])
    process = context.Process(target=_in_child, args=(work, environment))
    process.start()
    return process


def _in_child(work: Callable[[], None], environment: dict[str, str]) -> None:
    os.environ.update(environment)
    torch.set_num_threads(1)
    work()


def on_ranks(work: Callable[[], None], world: int, **environment: str) -> list[int | None]:
    """The exit codes of as many processes, as torchrun starts them."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    common = {"WORLD_SIZE": str(world), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "LOCAL_WORLD_SIZE": str(world)}
    ranks = [begin(work, RANK=str(rank), LOCAL_RANK=str(rank), **common, **environment) for rank in range(world)]
    for process in ranks:
        process.join(100)
    return [process.exitcode for process in ranks]


def finished(folder: Path) -> dict[str, torch.Tensor]:
    """The weights of the newest checkpoint, which is at the last step."""
    newest = checkpoints.newest(folder / "checkpoints" / "lora")
    assert newest is not None and checkpoints.step_of(newest) == STEPS
    return load_file(newest / trainer.WEIGHTS)


def losses(folder: Path) -> list[dict[str, float]]:
    """What was logged of every step, without the clock."""
    rows = [json.loads(row) for row in (folder / "lora.jsonl").read_text().splitlines()]
    return [{key: value for key, value in row.items() if key != "seconds"} for row in rows]
