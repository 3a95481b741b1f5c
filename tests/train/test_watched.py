"""`train lora` that is read as it learns: the best weights are kept, and kills and ranks change nothing."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from tests.train import tiny_run
from tests.train.tiny_run import Job, on_ranks
from train import checkpoints, stopping
from train.stopping import Reading, Watch
from vlmdiff.errors import InputError
from vlmdiff.models import huggingface

pytestmark = pytest.mark.timeout(300)  # processes that share a busy core
STEPS = 5
WEIGHTS = ("adapter_model.safetensors", "difference_projector.safetensors")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_run.make(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(autouse=True)
def few_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"PAIRS": 2, "JUDGED_PAIRS": 1, "_SIZE": 4}.items():
        monkeypatch.setattr(stopping, name, value)
    monkeypatch.setattr(huggingface, "LONGEST", 6)  # an untrained model finds no end


def scripted(*criteria: float) -> Callable[..., Reading]:
    """In place of `stopping.read`: these criteria, at steps 2, 4, 5."""
    by_step = dict(zip((2, 4, 5), criteria, strict=False))
    return lambda model, pairs, step, loss, task: Reading(step, loss, by_step[step], None)


def bytes_of(folder: Path) -> list[bytes]:
    return [(folder / name).read_bytes() for name in WEIGHTS]


def test_the_best_reading_is_written_and_all_steps_are_those_of_a_run_that_is_not_read(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, plain = tmp_path / "read", tmp_path / "plain"
    assert Job(home, plain, STEPS).train() == ()
    monkeypatch.setattr(stopping, "read", scripted(0.1, 0.3, 0.2))
    found = Job(home, read, STEPS, Watch(2)).train()
    assert [one.step for one in found] == [2, 4, 5]
    assert [one.loss for one in found] == [tiny_run.losses(plain)[step - 1]["loss"] for step in (2, 4, 5)]
    assert tiny_run.losses(read) == tiny_run.losses(plain)
    assert sorted(path.name for path in (read / "readings" / "lora").iterdir()) == ["001", "002"], "best and last"
    assert bytes_of(read / "lora") == bytes_of(read / "readings" / "lora" / "001") != bytes_of(plain / "lora")
    assert bytes_of(read / "readings" / "lora" / "002") == bytes_of(plain / "lora")
    assert Job(home, read, STEPS, Watch(2)).train() == found, "nothing is read again"


def test_it_stops_where_readings_bring_nothing_better(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stopping, "read", scripted(0.3, 0.2))
    job = Job(home, tmp_path, STEPS, Watch(2, patience=1))
    assert [one.step for one in job.train()] == [2, 4]
    assert [row["step"] for row in tiny_run.losses(tmp_path)] == [1, 2, 3, 4]
    assert bytes_of(tmp_path / "lora") == bytes_of(tmp_path / "readings" / "lora" / "000")


def test_stopped_while_it_reads_and_while_it_learns_it_goes_on_as_it_was_begun(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    job = Job(home, cut, STEPS, Watch(2))
    expected = replace(job, folder=whole).train()

    def once(place: Any, name: str, at: int) -> None:
        """Stop at a call of a function; it goes on as before after that."""
        usual, calls = getattr(place, name), [0]

        def stopping_once(*given: Any, **named: Any) -> Any:
            calls[0] += 1
            if calls[0] == at:
                raise KeyboardInterrupt
            return usual(*given, **named)

        with monkeypatch.context() as patch:
            patch.setattr(place, name, stopping_once)
            with pytest.raises(KeyboardInterrupt):
                job.train()

    once(stopping, "read", 1)
    assert not (cut / "lora.readings.json").exists()
    once(checkpoints, "seal", 1)  # of step 4: it is torn
    known = (cut / "lora.readings.json").read_bytes()
    assert len(json.loads(known)["readings"]) == 1
    once(stopping, "read", 2)  # of step 5
    with pytest.raises(InputError, match=r"watch\.patience is none there and 2 here"):
        replace(job, watch=Watch(2, patience=2)).train()
    later = (cut / "lora.readings.json").read_bytes()
    (cut / "lora.readings.json").write_bytes(known)
    with pytest.raises(InputError, match=r"is of step 5, but .*lora\.readings\.json tells of 1 readings before it"):
        job.train()
    (cut / "lora.readings.json").write_bytes(later)
    assert job.train() == expected
    for name in ("lora.readings.json", *(f"lora/{name}" for name in WEIGHTS)):
        assert (cut / name).read_bytes() == (whole / name).read_bytes(), name


@pytest.mark.parametrize(("task", "unknown"), [("tell", "judged"), ("judge", "described")])
def test_only_what_is_learned_is_read(task: Any, unknown: str, home: Path, tmp_path: Path) -> None:
    (reading,) = Job(home, tmp_path, 1, Watch(1), task).train()
    assert {"described", "judged"} - reading.as_row().keys() == {unknown}


@dataclass(frozen=True)
class Scripted(Job):
    """A job whose second reading is worse than its first."""

    def __call__(self) -> None:
        stopping.PAIRS = 1
        stopping.read = scripted(0.3, 0.2)
        super().__call__()


def test_the_first_rank_reads_and_all_stop(home: Path, tmp_path: Path) -> None:
    assert on_ranks(Scripted(home, tmp_path, STEPS, Watch(2, patience=1)), 2) == [0, 0]
    told = json.loads((tmp_path / "lora.readings.json").read_text())["readings"]
    assert [(one["step"], one["described"]) for one in told] == [(2, 0.3), (4, 0.2)]
    assert [row["step"] for row in tiny_run.losses(tmp_path)] == [1, 2, 3, 4]
    assert bytes_of(tmp_path / "lora") == bytes_of(tmp_path / "readings" / "lora" / "000")
