"""Checkpoint folders: whole ones are found, torn ones are set aside, none is ever half deleted."""

import json
from pathlib import Path

import pytest

from train import checkpoints


def written(folder: Path, step: int, sealed: bool = True) -> Path:
    found = folder / f"checkpoint-{step}"
    (found / "deeper").mkdir(parents=True)
    (found / "weights").write_bytes(bytes(100 + step))
    (found / "deeper" / "state").write_text("state")
    (found / checkpoints.NOTE).write_text(json.dumps({"note": {"round": step}}))
    if sealed:
        checkpoints.seal(found)
    return found


def test_the_newest_whole_one_counts_by_number_and_not_by_name(tmp_path: Path) -> None:
    assert checkpoints.newest(tmp_path / "nowhere") is None
    written(tmp_path, 5)
    last = written(tmp_path, 10)
    written(tmp_path, 15, sealed=False)
    assert checkpoints.newest(tmp_path) == last
    assert checkpoints.step_of(last) == 10
    assert checkpoints.note_of(last) == {"round": 10}


@pytest.mark.parametrize("harm", ["cut", "changed", "gone", "no manifest", "torn manifest", "empty manifest"])
def test_any_harm_makes_it_torn(harm: str, tmp_path: Path) -> None:
    found = written(tmp_path, 5)
    assert checkpoints.whole(found)
    weights, manifest = found / "weights", found / checkpoints.MANIFEST
    if harm == "cut":
        weights.write_bytes(weights.read_bytes()[:-1])
    elif harm == "changed":
        weights.write_bytes(weights.read_bytes()[:-1] + b"\1")
    elif harm == "gone":
        (found / "deeper" / "state").unlink()
    elif harm == "no manifest":
        manifest.unlink()
    else:
        manifest.write_text(manifest.read_text()[:20] if harm == "torn manifest" else "{}")
    assert not checkpoints.whole(found)


def test_torn_ones_are_renamed_and_kept_once(tmp_path: Path) -> None:
    written(tmp_path, 5)
    for attempt in range(2):
        written(tmp_path, 10, sealed=False)
        (tmp_path / "checkpoint-10" / "attempt").write_text(str(attempt))
        (tmp_path / "checkpoint-3.going").mkdir()
        assert checkpoints.set_aside_torn(tmp_path) == [tmp_path / "checkpoint-10.torn"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint-10.torn", "checkpoint-5"]
    assert (tmp_path / "checkpoint-10.torn" / "attempt").read_text() == "1"
    assert checkpoints.set_aside_torn(tmp_path) == []


def test_the_oldest_go(tmp_path: Path) -> None:
    for step in (5, 100, 20):
        written(tmp_path, step)
    checkpoints.prune(tmp_path, keep=2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint-100", "checkpoint-20"]
