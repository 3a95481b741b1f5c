"""Training on transformers.Trainer: kills, stops, rounds, ranks and parts leave losses and weights as they are."""

import os
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import TrainerCallback

from tests.train import tiny_run
from tests.train.tiny_run import STEPS, Run, begin, finished, losses
from train import checkpoints, lora, trainer
from train.loop import keep_rows, learning_rate
from vlmdiff.errors import InputError, UsageError

pytestmark = pytest.mark.timeout(300)  # processes that share a busy core


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_run.make(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def whole(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nothing interrupted."""
    folder = tmp_path_factory.mktemp("whole")
    process = begin(Run(home, folder))
    process.join()
    assert process.exitcode == 0
    return folder


def assert_same(folder: Path, whole: Path) -> None:
    assert losses(folder) == losses(whole)
    weights, expected = finished(folder), finished(whole)
    assert weights.keys() == expected.keys()
    assert all(torch.equal(weights[name], expected[name]) for name in expected)


def test_an_uninterrupted_run_logs_every_step_and_keeps_two_checkpoints(whole: Path) -> None:
    rows = losses(whole)
    assert [row["step"] for row in rows] == list(range(1, STEPS + 1))
    assert [row["lr"] for row in rows] == [learning_rate(tiny_run.SCHEDULE, step) for step in range(STEPS)]
    assert all(row["loss"] == pytest.approx(row["told"] + 0.5 * row["judged"], rel=1e-5) for row in rows)
    assert rows[-1]["told"] < rows[0]["told"]
    kept = sorted(path.name for path in (whole / "checkpoints" / "lora").glob("checkpoint-*"))
    assert kept == ["checkpoint-12", "checkpoint-9"]


def test_tensorboard_gets_what_is_logged_into_one_folder(
    home: Path, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[str | None, int, float]] = []

    class Board(TrainerCallback):
        logging_dir: str | None = None

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
            told.append((self.logging_dir, state.global_step, logs["loss"]))

    monkeypatch.setattr(lora, "is_tensorboard_available", lambda: True)
    monkeypatch.setattr(lora, "TensorBoardCallback", Board)
    monkeypatch.setattr(trainer, "LOGGED_EVERY", 1)
    trained, tokenizer = tiny_run.started(home)
    data = tiny_run.data(home, tokenizer)
    for until in (5, STEPS):
        lora.advance(trained, data, tiny_run.SCHEDULE, tmp_path, until)
    expected = [(row["step"], row["loss"]) for row in losses(whole)]
    assert told == [(str(tmp_path / "tensorboard" / "lora"), step, loss) for step, loss in expected]


def test_killed_at_random_moments_it_ends_with_the_same_losses_and_weights(
    home: Path, whole: Path, tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    begun = time.monotonic()
    for _ in range(5):
        process = begin(Run(home, tmp_path, pause=0.02))
        log = tmp_path / "lora.jsonl"
        before = log.stat().st_mtime_ns if log.exists() else 0
        while process.is_alive() and (log.stat().st_mtime_ns if log.exists() else 0) == before:
            time.sleep(0.005)  # until it has begun: the time that takes depends on what else the machine does
        time.sleep(float(rng.uniform(0.0, 0.4)))
        process.kill()
        process.join()
        if time.monotonic() - begun > 60:
            break
    process = begin(Run(home, tmp_path))
    process.join()
    assert process.exitcode == 0
    assert_same(tmp_path, whole)


@pytest.mark.parametrize(("moment", "torn"), [("writing", 1), ("sealing", 1), ("pruning", 0)])
def test_killed_in_the_middle_of_a_save_it_goes_on_from_the_last_whole_checkpoint(
    moment: str, torn: int, home: Path, whole: Path, tmp_path: Path
) -> None:
    process = begin(Run(home, tmp_path, dies=moment))
    process.join()
    assert process.exitcode == -signal.SIGKILL
    process = begin(Run(home, tmp_path))
    process.join()
    assert process.exitcode == 0
    aside = [path.name for path in (tmp_path / "checkpoints" / "lora").glob("*.torn")]
    assert aside == ["checkpoint-6.torn"] * torn
    assert_same(tmp_path, whole)


def test_ctrl_c_finishes_the_step_writes_a_checkpoint_and_the_next_run_goes_on(
    home: Path, whole: Path, tmp_path: Path
) -> None:
    process = begin(Run(home, tmp_path, pause=0.2, workers=1))
    log = tmp_path / "lora.jsonl"
    while process.is_alive() and not log.exists():
        time.sleep(0.01)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGINT)
    process.join()
    assert process.exitcode == 130
    newest = checkpoints.newest(tmp_path / "checkpoints" / "lora")
    assert newest is not None
    stopped = checkpoints.step_of(newest)
    assert stopped == losses(tmp_path)[-1]["step"] < STEPS
    process = begin(Run(home, tmp_path))
    process.join()
    assert process.exitcode == 0
    assert_same(tmp_path, whole)


def test_two_ranks_give_the_losses_of_one(home: Path, whole: Path, tmp_path: Path) -> None:
    """A rank has one of a step's two items: other sums of tokens and claims, padded otherwise; hence the tolerance."""
    assert tiny_run.on_ranks(Run(home, tmp_path), 2) == [0, 0]
    for row, expected in zip(losses(tmp_path), losses(whole), strict=True):
        assert row == pytest.approx(expected, rel=0.01, abs=0.03)
    assert losses(tmp_path)[0] == pytest.approx(losses(whole)[0], rel=1e-3)
    weights = finished(tmp_path)
    for name, value in finished(whole).items():
        assert (weights[name] - value).norm() <= 0.1 * value.norm() + 1e-3


def test_rounds_are_one_run(home: Path, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one process, with another data set object, another note and two parts a step in each round."""
    monkeypatch.setattr("train.trainer.LOGGED_EVERY", 1)
    trained, tokenizer = tiny_run.started(home)
    for number, until in enumerate((5, 5, 9, STEPS)):
        items = tiny_run.data(home, tokenizer)
        reached = lora.advance(
            trained, items, tiny_run.SCHEDULE, tmp_path, until, note={"round": number}, means=lora.Means(workers=0)
        )
        assert reached == until
        newest = checkpoints.newest(tmp_path / "checkpoints" / "lora")
        assert newest is not None and checkpoints.note_of(newest) == {"round": number if until > 5 else 0}
    assert_same(tmp_path, whole)
    again, tokenizer = tiny_run.started(home, seed=9)
    assert lora.advance(again, tiny_run.data(home, tokenizer), tiny_run.SCHEDULE, tmp_path, 5) == STEPS
    state = again.state_dict()
    assert all(torch.equal(state[name], value) for name, value in finished(whole).items())


def test_parts_of_a_step_are_one_step(home: Path, whole: Path, tmp_path: Path) -> None:
    process = begin(Run(home, tmp_path, accumulate=2))
    process.join()
    assert process.exitcode == 0
    for row, expected in zip(losses(tmp_path), losses(whole), strict=True):
        assert row == pytest.approx(expected, rel=0.01, abs=0.03)


def test_what_does_not_come_out_even_is_refused(home: Path, tmp_path: Path) -> None:
    trained, tokenizer = tiny_run.started(home)
    with pytest.raises(UsageError, match="2 items a step cannot be shared by 1 ranks in 3 parts each"):
        lora.advance(
            trained, tiny_run.data(home, tokenizer), tiny_run.SCHEDULE, tmp_path, means=lora.Means(accumulate=3)
        )
    assert not list(tmp_path.iterdir())


def test_a_checkpoint_of_another_rank_is_refused(home: Path, whole: Path) -> None:
    trained, tokenizer = tiny_run.started(home)
    trained.projector.place.requires_grad_(False)
    with pytest.raises(InputError, match="is of another base, rank or tuning"):
        lora.advance(trained, tiny_run.data(home, tokenizer), tiny_run.SCHEDULE, whole)


def test_rows_of_steps_that_are_run_again_are_dropped(whole: Path, tmp_path: Path) -> None:
    log = tmp_path / "lora.jsonl"
    log.write_text((whole / "lora.jsonl").read_text() + '{"step": 13, "lo')
    keep_rows(log, 7)
    assert losses(tmp_path) == losses(whole)[:7]
