"""FSDP2: two processes that hold a part of every weight each give the adapter of one process that holds all of it."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from accelerate import state  # type: ignore[import-untyped]
from accelerate.commands.config import load_config_from_file  # type: ignore[import-untyped]
from accelerate.commands.launch import _validate_launch_command, launch_command_parser  # type: ignore[import-untyped]
from accelerate.utils import DistributedType  # type: ignore[import-untyped]
from accelerate.utils.launch import prepare_multi_gpu_env  # type: ignore[import-untyped]
from safetensors.torch import load_file
from torch.distributed.tensor import DTensor

from data_synth.sources import Bank
from tests.train import tiny_run
from tests.train.tiny_run import Job, losses, on_ranks
from train import checkpoints, lora, trainer
from train.recipes import RECIPES
from train.stopping import Watch
from vlmdiff.errors import UsageError

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
class Sharded(Job):
    """The job with a part of every weight."""

    stops_at: int = 0
    """A step at which the first process is asked to stop."""

    def __call__(self) -> None:
        _take_cpus_for_gpus()
        _mind_shards(self.stops_at)
        super().__call__()


def _take_cpus_for_gpus() -> None:
    """Have accelerate shard on CPUs as it does on GPUs: there alone it minds ACCELERATE_USE_FSDP."""
    begun = state.AcceleratorState.__init__

    def init(self: state.AcceleratorState, *given: object, **named: object) -> None:
        begun(self, *given, **named)
        if "fsdp_plugin" in named:
            self.fsdp_plugin = named["fsdp_plugin"]
            self.distributed_type = state.PartialState._shared_state["distributed_type"] = DistributedType.FSDP

    state.AcceleratorState.__init__ = init


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
    process = tiny_run.begin(Job(home, tmp_path / "whole", STEPS))
    out, by_file = tmp_path / "sharded", environment(FSDP2)
    assert on_ranks(Sharded(home, out, STEPS, stops_at=2), 2, **by_file) == [130, 130]
    newest = checkpoints.newest(out / "checkpoints" / "lora")
    assert newest is not None and checkpoints.step_of(newest) == 2
    assert on_ranks(Sharded(home, out, STEPS), 2, **by_file) == [0, 0]
    process.join()
    assert process.exitcode == 0
    for row, expected in zip(losses(out), losses(tmp_path / "whole"), strict=True):
        assert row == pytest.approx(expected, rel=0.01, abs=0.03)
    for file in ("adapter_model.safetensors", "difference_projector.safetensors"):
        found, whole = (load_file(folder / "lora" / file) for folder in (out, tmp_path / "whole"))
        assert found.keys() == whole.keys()
        for name, value in whole.items():
            assert (found[name] - value).norm() <= 0.1 * value.norm() + 1e-3, name


def test_sharded_weights_look_at_no_images_between_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    with pytest.raises(UsageError, match="cannot be read between steps; leave --read-every and --patience out"):
        lora.train(None, tmp_path, "lora", lora.Means(), watch=Watch(2))  # type: ignore[arg-type]
    monkeypatch.setattr(lora, "embedded", lambda backend: False)
    with pytest.raises(UsageError, match="encode pairs before: give --shards"):
        lora.source(RECIPES["quick"], None, Bank.drawn_only(), tmp_path, 0, None)  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())
