"""The training loop: a stopped run goes on as if it had never stopped."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from train.loop import Schedule, fit, learning_rate, write_atomic

SCHEDULE = Schedule(steps=9, lr=0.01, warmup=2, save_every=4)


class Job:
    """A small net with batch statistics and a frozen bias; batch i is a function of i."""

    def __init__(self, seed: int) -> None:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.model = nn.Sequential(nn.Conv2d(1, 4, 2), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(16, 1))
        bias = self.model[3].bias
        assert isinstance(bias, torch.Tensor)
        bias.requires_grad_(False)
        self.seen: list[int] = []
        self.stop_at: int | None = None

    def batches(self, first: int) -> Iterator[int]:
        yield from range(first, 10_000)

    def loss(self, index: int) -> tuple[torch.Tensor, dict[str, float]]:
        if index == self.stop_at:
            raise KeyboardInterrupt
        self.seen.append(index)
        x = torch.randn(8, 1, 3, 3, generator=torch.Generator().manual_seed(index))
        error = self.model(x)[:, 0] - x.sum((1, 2, 3))
        return error.square().mean(), {"index": float(index)}

    def run(self, folder: Path, schedule: Schedule = SCHEDULE) -> dict[str, torch.Tensor]:
        fit("job", self.model, schedule, self.batches, self.loss, folder)
        return {name: value.clone() for name, value in self.model.state_dict().items()}


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(value, other[name]) for name, value in one.items())


@pytest.fixture
def uninterrupted(tmp_path: Path) -> dict[str, torch.Tensor]:
    return Job(0).run(tmp_path / "uninterrupted")


@pytest.mark.parametrize("stop", [1, 4, 8])
def test_a_stopped_run_ends_with_the_same_weights(
    stop: int, uninterrupted: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    job = Job(0)
    job.stop_at = stop
    with pytest.raises(KeyboardInterrupt):
        job.run(tmp_path)
    again = Job(seed=7)
    assert same(again.run(tmp_path), uninterrupted)
    assert job.seen + again.seen == list(range(SCHEDULE.steps))


def test_a_run_stopped_before_its_first_step_leaves_nothing_to_go_on_from(tmp_path: Path) -> None:
    job = Job(0)
    job.stop_at = 0
    with pytest.raises(KeyboardInterrupt):
        job.run(tmp_path)
    assert list(tmp_path.glob("*.pt")) == []


def test_a_kill_while_writing_leaves_the_old_checkpoint(
    uninterrupted: dict[str, torch.Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole_save, saves = torch.save, []

    def dies_the_second_time(state: Any, path: Path) -> None:
        saves.append(path)
        whole_save(state, path)
        if len(saves) > 1:
            path.write_bytes(path.read_bytes()[:100])
            raise OSError("killed")

    monkeypatch.setattr(torch, "save", dies_the_second_time)
    with pytest.raises(OSError, match="killed"):
        Job(0).run(tmp_path)
    monkeypatch.undo()
    assert torch.load(tmp_path / "job.pt", weights_only=True)["step"] == SCHEDULE.save_every
    again = Job(seed=7)
    assert same(again.run(tmp_path), uninterrupted)
    assert again.seen[0] == SCHEDULE.save_every


def test_metrics_after_a_kill_are_those_of_an_uninterrupted_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule = Schedule(steps=60, lr=0.01, warmup=2, save_every=20)
    Job(0).run(tmp_path / "uninterrupted", schedule)
    job, whole_save, saves = Job(0), torch.save, []
    job.stop_at = 55

    def dies_at_the_last(state: Any, path: Path) -> None:
        saves.append(path)
        if len(saves) == 3:
            raise OSError("killed")
        whole_save(state, path)

    monkeypatch.setattr(torch, "save", dies_at_the_last)
    with pytest.raises(OSError, match="killed"):
        job.run(tmp_path, schedule)
    monkeypatch.undo()
    with (tmp_path / "job.jsonl").open("a") as log:
        log.write('{"step": 5')
    again = Job(seed=7)
    again.run(tmp_path, schedule)
    assert again.seen[0] == 40
    assert numbers(tmp_path) == numbers(tmp_path / "uninterrupted")
    assert [row["step"] for row in numbers(tmp_path)] == [25, 50, 60]


def numbers(folder: Path) -> list[dict[str, float]]:
    """All that is logged but the time."""
    rows = [json.loads(row) for row in (folder / "job.jsonl").read_text().splitlines()]
    return [{key: value for key, value in row.items() if key != "seconds"} for row in rows]


def test_a_finished_run_is_not_trained_again(uninterrupted: dict[str, torch.Tensor], tmp_path: Path) -> None:
    again = Job(seed=7)
    assert same(again.run(tmp_path / "uninterrupted"), uninterrupted)
    assert again.seen == []


def test_what_needs_no_gradient_stays(uninterrupted: dict[str, torch.Tensor]) -> None:
    job = Job(0)
    assert torch.equal(uninterrupted["3.bias"], job.model.state_dict()["3.bias"])
    assert not torch.equal(uninterrupted["3.weight"], job.model.state_dict()["3.weight"])


def test_training_learns(tmp_path: Path) -> None:
    job = Job(0)
    before = job.loss(10_000)[0].item()
    job.run(tmp_path, Schedule(steps=150, lr=0.05, warmup=5))
    assert job.loss(10_000)[0].item() < before / 3


def test_metrics_and_schedule_are_kept_as_json(uninterrupted: dict[str, torch.Tensor], tmp_path: Path) -> None:
    (record,) = (json.loads(row) for row in (tmp_path / "uninterrupted" / "job.jsonl").read_text().splitlines())
    assert record["step"] == 9
    assert {"lr", "seconds", "loss", "index"} <= record.keys()
    assert json.loads((tmp_path / "uninterrupted" / "job.schedule.json").read_text())["steps"] == 9


def test_the_rate_rises_evenly_and_falls_as_a_cosine() -> None:
    schedule = Schedule(steps=104, lr=1.0, warmup=4)
    assert [learning_rate(schedule, step) for step in range(5)] == pytest.approx([0.25, 0.5, 0.75, 1, 1])
    assert learning_rate(schedule, 54) == pytest.approx(0.01 + 0.99 / 2, abs=1e-6)
    assert learning_rate(schedule, 104) == pytest.approx(0.01, abs=1e-6)


def test_writing_is_all_or_nothing(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomic(path, lambda part: part.write_text("old"))

    def fails(part: Path) -> None:
        part.write_text("ne")
        raise OSError

    with pytest.raises(OSError):
        write_atomic(path, fails)
    assert path.read_text() == "old"
    write_atomic(path, lambda part: part.write_text("new"))
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]
