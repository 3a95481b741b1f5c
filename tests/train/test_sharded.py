"""FSDP2: two processes that hold a part of every weight each give the adapter of one process that holds all of it."""

import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from accelerate import state
from accelerate.commands.config import load_config_from_file
from accelerate.commands.launch import _validate_launch_command, launch_command_parser
from accelerate.utils import DistributedType
from accelerate.utils.launch import prepare_multi_gpu_env
from safetensors.torch import load_file
from torch.distributed.tensor import DTensor

from data_synth.sources import Bank
from tests.train import tiny_run
from tests.train.tiny_run import losses, on_ranks
from train import checkpoints, lora, trainer
from train.recipes import RECIPES
from vlmdiff.errors import UsageError
from vlmdiff.models.huggingface import HuggingFaceModel

pytestmark = pytest.mark.timeout(300)  # processes that share a busy core
CONFIGS = Path(__file__).parents[2] / "configs"
FSDP2, DDP = (str(CONFIGS / f"{name}.yaml") for name in ("fsdp2", "ddp"))
STEPS = 4


def environment(config: str) -> dict[str, str]:
    """What `accelerate launch` sets for its processes by such a file."""
    arguments, _, _ = _validate_launch_command(launch_command_parser().parse_args(["--config_file", config, "train"]))
    return {
        name: value
        for name, value in prepare_multi_gpu_env(arguments).items()
        if name.startswith(("ACCELERATE_", "FSDP_"))
    }


@dataclass(frozen=True)
class Job:
    """`train.lora.train` as a process of a launcher makes it."""

    home: Path
    """Of `tiny_run.make`."""
    folder: Path
    sharded: bool = True
    stops_at: int = 0
    """A step at which the first process is asked to stop."""

    def __call__(self) -> None:
        trainer.LOGGED_EVERY = 1
        if self.sharded:
            _take_cpus_for_gpus()
            _mind_shards(self.stops_at)
        recipe = replace(
            RECIPES["quick"],
            pairs=tiny_run.CONFIG,
            further=(),
            lora=replace(tiny_run.SCHEDULE, steps=STEPS, save_every=STEPS),
            lora_batch=16,
        )
        backend = HuggingFaceModel("tiny", self.home / "base", None, "cpu")
        recipe, source = lora.source(recipe, backend, Bank.drawn_only(), self.folder, 0, None)
        try:
            lora.train(source, self.folder, "lora", lora.Means(workers=0))
        except KeyboardInterrupt:
            sys.exit(130)


def _take_cpus_for_gpus() -> None:
    """Have accelerate shard on CPUs as it does on GPUs: there alone it minds ACCELERATE_USE_FSDP."""
    begun = state.AcceleratorState.__init__

    def init(self: state.AcceleratorState, *given: object, **named: object) -> None:
        begun(self, *given, **named)  # type: ignore[arg-type]
        if "fsdp_plugin" in named:
            self.fsdp_plugin = named["fsdp_plugin"]
            self.distributed_type = state.PartialState._shared_state["distributed_type"] = DistributedType.FSDP

    state.AcceleratorState.__init__ = init  # type: ignore[method-assign]


def _mind_shards(stops_at: int) -> None:
    """See at every step that this process holds about half of the weights, frozen ones too; stop after one of them."""
    settle = trainer.StepTrainer.settle

    def minding(self: trainer.StepTrainer, step: int) -> bool:
        weights = list(self.model.parameters())
        assert all(isinstance(weight, DTensor) for weight in weights)
        assert sum(w.to_local().numel() for w in weights) < 0.6 * sum(w.numel() for w in weights)
        self.stop_asked |= step == stops_at and self.is_world_process_zero()
        return settle(self, step)

    trainer.StepTrainer.settle = minding  # type: ignore[method-assign]


def test_the_config_files_say_to_accelerate_what_they_are_for() -> None:
    known = vars(launch_command_parser().parse_args(["train"]))
    for file, kind in ((FSDP2, DistributedType.FSDP), (DDP, DistributedType.MULTI_GPU)):
        config = load_config_from_file(file)
        assert config.distributed_type == kind
        assert config.mixed_precision == "no"
        assert set(config.fsdp_config) <= set(known), "accelerate does not mind a key that it does not know"
    sharded, whole = environment(FSDP2), environment(DDP)
    assert (sharded["ACCELERATE_USE_FSDP"], sharded["FSDP_VERSION"]) == ("true", "2")
    assert sharded["FSDP_CPU_RAM_EFFICIENT_LOADING"] == "false"
    assert "ACCELERATE_USE_FSDP" not in whole


def test_sharded_weights_stopped_and_resumed_end_in_the_adapter_of_whole_ones(tmp_path: Path) -> None:
    home = tiny_run.make(tmp_path)
    process = tiny_run.begin(Job(home, tmp_path / "whole", sharded=False))
    out, by_file = tmp_path / "sharded", environment(FSDP2)
    assert on_ranks(Job(home, out, stops_at=2), 2, **by_file) == [130, 130]
    newest = checkpoints.newest(out / "checkpoints" / "lora")
    assert newest is not None and checkpoints.step_of(newest) == 2
    assert on_ranks(Job(home, out), 2, **by_file) == [0, 0]
    process.join()
    assert process.exitcode == 0
    for row, expected in zip(losses(out), losses(tmp_path / "whole"), strict=True):
        assert row == pytest.approx(expected, rel=0.01, abs=0.03)
    for file in ("adapter_model.safetensors", "difference_projector.safetensors"):
        found, whole = (load_file(folder / "lora" / file) for folder in (out, tmp_path / "whole"))
        assert found.keys() == whole.keys()
        for name, value in whole.items():
            assert (found[name] - value).norm() <= 0.1 * value.norm() + 1e-3, name


def test_sharded_weights_look_at_no_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "ACCELERATE_USE_FSDP", "true")
    monkeypatch.setattr(lora, "embedded", lambda backend: False)
    with pytest.raises(UsageError, match="encode pairs before: give --shards"):
        lora.source(RECIPES["quick"], None, Bank.drawn_only(), tmp_path, 0, None)  # type: ignore[arg-type]
