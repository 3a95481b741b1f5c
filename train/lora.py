"""`python -m train lora`: a LoRA on the language model and the difference projector, trained together on pairs."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import torch
from torch.distributed.tensor import DTensor
from transformers import TrainingArguments
from transformers.integrations.integration_utils import TensorBoardCallback, is_tensorboard_available

from data_synth.config import PairConfig
from data_synth.sources import Bank
from train import checkpoints, estimate, jumpstart, pairs, ranks, shards, stopping, validation
from train.batches import Cached, Live, items_in
from train.card import Seen
from train.describer import Describer, Task, Tuning, describer, save_adapter
from train.identity import claim, identity
from train.loop import Schedule
from train.pairs import Blend, PairCache
from train.recipes import Kind, Recipe
from train.stopping import Kept, Reading, Watch
from train.trainer import StepTrainer, load_weights
from vlmdiff.errors import InputError, UsageError
from vlmdiff.models.huggingface import HuggingFaceModel
from vlmdiff.models.mini.tower import TowerConfig
from vlmdiff.render.files import write_whole

__all__ = [
    "HuggingFaceModel",
    "Items",
    "Means",
    "advance",
    "embedded",
    "estimated",
    "named",
    "source",
    "train",
]


class Items(Protocol):
    """What a run learns from, by index: step s learns from items s * items_a_step to (s + 1) * items_a_step - 1.

    `train.batches.Cached` and `train.batches.Live` are two; a round of a curriculum may bring its own.
    """

    @property
    def items_a_step(self) -> int:
        """Items of an optimiser step, over all ranks and accumulated parts together."""
        ...

    def __getitem__(self, index: int) -> Any:
        """An item, in a worker; a pure function of the index, which counts from the first step of the run."""
        ...

    def collate(self, items: list[Any]) -> Any:
        """Some items of one step to a batch, in a worker."""
        ...

    def ready(self, batch: Any) -> dict[str, torch.Tensor]:
        """A batch to the arguments of `Describer.forward`, in the training process: the place for a vision model."""
        ...


@dataclass(frozen=True)
class Means:
    """How a run uses the machine; the same steps come out whatever is said here (but for rounding)."""

    workers: int = 1
    """Processes a rank that make batches; 0: the training process itself."""
    accumulate: int = 1
    """Parts of a step that are run one after the other: a step of items_a_step in the memory of a part of them."""


def advance(
    trained: Describer,
    data: Items,
    schedule: Schedule,
    folder: Path,
    until: int | None = None,
    name: str = "lora",
    note: Mapping[str, Any] | None = None,
    means: Means | None = None,
) -> int:
    """Train from the newest whole checkpoint of `folder` (or from step 0) up to step `until`; returns the step reached.

    For rounds, call it again with the same `trained`, folder, name and schedule, other data and a later `until`:
    optimiser, learning rate, running numbers and clock go on, and indices go on counting. Killed at any moment, the
    same calls end with the same weights: one that was stopped half-way resumes, and one whose steps are all done only
    loads the newest checkpoint, at `until` or later. To know where rounds are to go on, look at that checkpoint with
    `checkpoints.newest(folder / "checkpoints" / name)`, `step_of` and `note_of`: the `note` of the call that wrote it.

    Args:
        data: see `Items`; only indices of the steps from the checkpoint to `until` are asked for.
        schedule: of the whole run, its `steps` being the end of the cosine; one value for all rounds.
        folder: gets NAME.jsonl (metrics every 25 steps and at `until`) and checkpoints/NAME/checkpoint-STEP.
        until: none: schedule.steps. A checkpoint is written there.
        note: JSON that goes into every checkpoint of this call.

    Raises:
        KeyboardInterrupt: after Ctrl-C or SIGTERM, once the step under way is done and a checkpoint is written.
        UsageError: items_a_step is no multiple of ranks times `accumulate`.
    """
    until = until or schedule.steps
    world = int(os.environ.get("WORLD_SIZE", 1))
    means = means or Means()
    each, rest = divmod(data.items_a_step, world * means.accumulate)
    if rest or not each:
        raise UsageError(
            f"{data.items_a_step} items a step cannot be shared by {world} ranks in {means.accumulate} parts each; "
            "choose numbers that divide it, or another batch"
        )
    home, log = folder / "checkpoints" / name, folder / f"{name}.jsonl"
    on_cpu = next(trained.parameters()).device.type == "cpu"
    args = TrainingArguments(
        output_dir=str(home),
        max_steps=until,
        per_device_train_batch_size=each,
        gradient_accumulation_steps=means.accumulate,
        max_grad_norm=schedule.clip,
        train_sampling_strategy="sequential",
        remove_unused_columns=False,
        dataloader_num_workers=means.workers,
        dataloader_prefetch_factor=4 if means.workers else None,
        dataloader_pin_memory=not on_cpu,
        ddp_find_unused_parameters=False,
        use_cpu=on_cpu,
        disable_tqdm=True,
        report_to=[],
        logging_strategy="no",
        save_strategy="no",
        eval_strategy="no",
        logging_nan_inf_filter=False,
    )
    args._setup_devices  # noqa: B018  # asks for the devices
    args._n_gpu = min(1, args.n_gpu)  # without a launcher several would be shared by nn.DataParallel
    trainer = StepTrainer(trained, data, schedule, args, log, note or {})
    if is_tensorboard_available():
        board = TensorBoardCallback()
        board.logging_dir = board.logging_dir or str(folder / "tensorboard" / name)  # one, however often it goes on
        trainer.add_callback(board)
    main = trainer.is_world_process_zero()
    for torn in checkpoints.set_aside_torn(home) if main else []:
        print(f"{name}: a checkpoint was torn by a kill; it is now {torn}", file=sys.stderr)
    trainer.accelerator.wait_for_everyone()
    checkpoint = checkpoints.newest(home)
    if checkpoint is not None and checkpoints.step_of(checkpoint) >= until:
        load_weights(trained, trainer.trainable, checkpoint)
        return checkpoints.step_of(checkpoint)
    trainer.go(checkpoint)
    if trainer.stop_asked and trainer.state.global_step < until:
        if main:
            print(
                f"{name}: stopped at step {trainer.state.global_step}; the same command goes on there", file=sys.stderr
            )
        raise KeyboardInterrupt
    return int(trainer.state.global_step)


@dataclass(frozen=True)
class Source:
    """Where a run's pairs come from."""

    recipe: Recipe
    backend: HuggingFaceModel
    bank: Bank
    folder: Path
    """For the pairs that are encoded once."""
    seed: int
    dataset: Path | None
    """A data set on disk, in place of the recipe's pairs."""
    task: Task = "both"

    @property
    def kinds(self) -> tuple[Kind, ...]:
        return jumpstart.with_concepts(self.recipe, self.bank)

    @property
    def config(self) -> PairConfig:
        """Of pairs on any images: those of a data set on disk are of its own."""
        return replace(self.recipe.pairs, domains=()) if self.dataset else self.recipe.pairs

    @property
    def encoded(self) -> int | None:
        """Pairs that are encoded before the first step; None: drawn as they are needed."""
        if self.dataset:
            return shards.stored(self.dataset).pairs
        return sum(kind.count for kind in self.kinds) if embedded(self.backend) else None

    def live(self) -> Live:
        """Pairs of the recipe, or others like those of the data set on any images, drawn as they are needed."""
        return Live(
            self.config,
            self.bank,
            self.backend.tokenizer,
            self.seed,
            items_in(self.recipe.lora_batch),
            self.backend.image_size,
            partial(shards.looked_at, self.backend),
            self.task,
        )

    def items(self, workers: int) -> Items:
        """Encodes what is to be encoded; the first process for all."""
        if self.encoded is None:
            return self.live()

        def cache() -> PairCache | Blend:
            if self.dataset:
                return shards.encode(self.folder, self.dataset, self.backend)
            tower = self.backend.model.model.vision_tower
            return pairs.encode_kinds(self.kinds, self.folder.parent, self.bank, self.seed, tower, workers)

        found = ranks.first_for_all(self.folder / f"{self.encoded}.whole", cache)
        return Cached(found, self.backend.tokenizer, self.seed, items_in(self.recipe.lora_batch), self.task)

    def seen(self) -> Seen | None:
        """Domains and photographs of a data set on disk."""
        return shards.seen(self.folder) if self.dataset else None


def source(
    recipe: Recipe,
    backend: HuggingFaceModel,
    bank: Bank,
    folder: Path,
    seed: int,
    dataset: Path | None,
    task: Task = "both",
) -> tuple[Recipe, Source]:
    """The recipe, with the data set's own config where there is one, and where its pairs come from.

    Raises:
        InputError: the data set is not finished. UsageError: it holds what no training may see, or a model that will
            be sharded is to look at images between its steps.
    """
    if dataset is not None:
        recipe = replace(recipe, pairs=shards.stored(dataset).config)
    found = Source(recipe, backend, bank, folder / ("shards" if dataset else "pairs"), seed, dataset, task)
    if found.encoded is None and _sharded():
        raise UsageError("a sharded model cannot look at images between steps; encode pairs before: give --shards")
    return recipe, found


def _sharded() -> bool:
    """Whether the launcher shards the model."""
    return os.environ.get("ACCELERATE_USE_FSDP", "false") == "true"


def embedded(backend: HuggingFaceModel) -> bool:
    """Whether it is of the embedded model's kind, with our tower."""
    return bool(backend.model.config.vision_config.model_type == TowerConfig.model_type)


def estimated(pairs_from: Source, tuning: Tuning, means: Means, start: Path | None, checkpointing: bool) -> str:
    """What `train` with the same arguments would need, in words; writes nothing."""
    recipe = pairs_from.recipe
    torch.manual_seed(pairs_from.seed + 2)
    trained = describer(pairs_from.backend, tuning, recipe.rank, start, checkpointing, pairs_from.task)
    data = pairs_from.live()
    found = estimate.needs(trained, data, recipe.lora, means)
    where = f"of {pairs_from.dataset}, encoded" if pairs_from.dataset else "drawn and encoded"
    encoded = pairs_from.encoded
    return estimate.told(
        found, recipe.lora.steps, where if encoded else "drawn", encoded, data.items_a_step, means.workers
    )


def named(tuning: Tuning, task: Task) -> str:
    """What a run's files and its adapter folder are called."""
    return "judge" if task == "judge" else str(tuning)


def train(
    pairs_from: Source,
    folder: Path,
    tuning: Tuning,
    means: Means,
    start: Path | None = None,
    checkpointing: bool = False,
    watch: Watch | None = None,
) -> tuple[Reading, ...]:
    """Train on a base, all steps of the recipe; writes the adapter into `folder`/`named`(...). Resumes from `folder`.

    Args:
        pairs_from: its backend is the base, without an adapter; it is changed in place.
        start, checkpointing: see `describer`.
        watch: when to read the criterion that no gradient sees; the adapter is that of the best reading then. None:
            it is not read, and the adapter is that of the last step.

    Returns:
        The readings.

    Raises:
        InputError: the folder holds another run, or lacks readings that its checkpoints are later than.
        UsageError: a sharded model is to be read.
    """
    if watch and _sharded():
        raise UsageError("a sharded model cannot be read between steps; leave --read-every and --patience out")
    recipe, backend = pairs_from.recipe, pairs_from.backend
    torch.manual_seed(pairs_from.seed + 2)
    task = pairs_from.task
    name = named(tuning, task)
    trained = describer(backend, tuning, recipe.rank, start, checkpointing, task)
    if ranks.first():
        dataset = shards.stored(pairs_from.dataset).dataset if pairs_from.dataset else None
        more = {"tuning": tuning, "task": task, "dataset": dataset, "watch": asdict(watch) if watch else None}
        run = identity(recipe, backend.info.weights_sha256, pairs_from.bank, pairs_from.seed, start, **more)
        claim(folder, name, run, made=[_listing(folder, name)])
    items = pairs_from.items(means.workers)

    def learn(until: int | None = None) -> int:
        return advance(trained, items, recipe.lora, folder, until, name, means=means)

    if watch:
        return _watched(pairs_from, trained, learn, folder, name, watch, means.workers)
    learn()
    if not ranks.first():
        return ()
    if any(isinstance(weight, DTensor) for weight in trained.parameters()):  # sharded: the checkpoint holds it whole
        trained = describer(HuggingFaceModel(backend.name, backend.folder, None, "cpu"), tuning, recipe.rank, start)
        checkpoint = checkpoints.newest(folder / "checkpoints" / name)
        assert checkpoint is not None
        load_weights(trained, {name for name, w in trained.named_parameters() if w.requires_grad}, checkpoint)
    save_adapter(trained.eval(), folder / name)
    return ()


def _watched(
    pairs_from: Source,
    trained: Describer,
    learn: Callable[[int], int],
    folder: Path,
    name: str,
    watch: Watch,
    workers: int,
) -> tuple[Reading, ...]:
    """Train up to each reading in turn; the first process reads for all, and what it found decides for all."""
    listing, kept = _listing(folder, name), Kept(folder / "readings" / name)
    backend, held_out = pairs_from.backend, list[validation.Shown]()

    def read(number: int, step: int) -> Reading:
        place = kept.put(number, lambda part: save_adapter(trained.eval(), part))
        model = HuggingFaceModel(backend.name, backend.folder, place, str(backend.device))
        held_out[:] = held_out or stopping.shown(pairs_from.config, pairs_from.bank, model, workers)
        return stopping.read(model, held_out, step, stopping.last_loss(folder / f"{name}.jsonl"), pairs_from.task)

    done, ends = _readings(listing), watch.ends(pairs_from.recipe.lora.steps)
    while len(done) < len(ends) and not stopping.stops(done, watch.patience):
        step = learn(ends[len(done)])
        if step > ends[len(done)]:
            raise InputError(
                f"a checkpoint of {folder} is of step {step}, but {listing} tells of {len(done)} readings before it; "
                "put that file back, or choose another --out"
            )
        if ranks.first():
            done = (*done, read(len(done), step))
            write_whole(listing, json.dumps({"readings": [asdict(one) for one in done]}, indent=1) + "\n")
            kept.prune(done)
            print(f"{name}: step {step}; {done[-1].told()}", file=sys.stderr)
        else:
            known = len(done)
            while len(done) == known:  # for a file, because a barrier would give up before a long reading is over
                time.sleep(1)
                done = _readings(listing)
    if ranks.first():
        kept.take_best(done, folder / name)
    return done


def _listing(folder: Path, name: str) -> Path:
    return folder / f"{name}.readings.json"


def _readings(listing: Path) -> tuple[Reading, ...]:
    """What was read so far."""
    told = json.loads(listing.read_text(encoding="utf-8"))["readings"] if listing.exists() else []
    return tuple(Reading(**one) for one in told)
