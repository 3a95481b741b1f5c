"""Pairs on disk: the same bytes however they were made, and read back as they were composed."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tarfile
import time
import weakref
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from data_synth import datasheet, shards
from data_synth.__main__ import app
from data_synth.compose import LabelledPair, compose
from data_synth.config import PairConfig, refuse_held_out
from data_synth.dataset import config_of, digest, make, read_manifest, read_shards
from data_synth.lexicon import canonical
from data_synth.recipes import RECIPES, Recipe, named
from data_synth.sources import Bank, pack
from vlmdiff.errors import InputError, UsageError, VlmdiffError

ROOT = Path(__file__).resolve().parents[2]
TINY = Recipe(
    "tiny",
    "For tests.",
    PairConfig(
        families=("brightness", "haze", "gaussian_noise", "frame", "shape", "varied_brightness", "repeated_images"),
        set_size=(3, 5),
        sides=(32, 40),
        facts=(0.2, 0.4, 0.4),
        nuisances=(0.5, 0.5),
        confounded=0.3,
        drawn_share=0.3,
    ),
    seed=5,
    pairs=9,
    shard_pairs=2,
)

UNDRAWABLE = replace(TINY, config=replace(TINY.config, domains=("pets",)))
"""Without a bank."""


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty noise images of two data sets, packed."""
    root = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    for name in ("pets", "skies"):
        (root / name).mkdir()
        for i in range(30):
            cv2.imwrite(str(root / name / f"{i}.png"), rng.integers(0, 256, (40, 40, 3), np.uint8))
    pack([root], root / "bank.npy", side=40)
    return root / "bank.npy"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, bank: Path) -> Path:
    """TINY, made in one go; no test changes it."""
    folder = tmp_path_factory.mktemp("made") / "tiny"
    assert make(TINY, folder, bank)
    return folder


def contents(folder: Path) -> dict[str, str]:
    return {path.name: shards.sha256_of(path) for path in sorted(folder.iterdir())}


def same_pair(one: LabelledPair, other: LabelledPair) -> bool:
    images = zip([*one.images_a, *one.images_b], [*other.images_a, *other.images_b], strict=True)
    fields = ("difference", "nuisances", "domain", "bases")
    return (
        all(np.array_equal(x, y) for x, y in images)
        and all(getattr(one, name) == getattr(other, name) for name in fields)
        and np.array_equal(one.shows_a, other.shows_a)
        and np.array_equal(one.shows_b, other.shows_b)
    )


# --- on disk and on the fly ---------------------------------------------------------------------------------------


def test_what_is_read_is_what_is_composed(made: Path, bank: Path) -> None:
    stored = list(read_shards(made))
    assert [one.index for one in stored] == list(range(9))
    assert all(same_pair(one.pair, compose(TINY.config, Bank.load(bank), 5, one.index)) for one in stored)
    assert any(not one.pair.difference and not one.pair.nuisances for one in stored)
    assert any(fact.level == "set" for one in stored for fact in one.pair.difference)


def test_a_sample_says_all_of_its_pair(made: Path, bank: Path) -> None:
    items = Bank.load(bank).items
    for one in read_shards(made):
        for fact, record in zip(one.pair.difference, one.record["facts"], strict=True):
            assert record["wordings"][0] == canonical(fact.content)
            assert len(record["wordings"]) > 3
            assert (record["family"], record["side"]) == (fact.family, fact.side)
        assert one.record["bases"]["sha256"] == [items[row].sha256 for row in one.pair.bases]
        assert one.record["dataset"] == read_manifest(made)["dataset"]


def test_shards_are_webdataset_tars_without_time_or_owner(made: Path) -> None:
    with tarfile.open(made / "shard-000000.tar") as tar:
        members = tar.getmembers()
    names = [member.name for member in members]
    assert names == sorted(names)
    assert all(re.fullmatch(r"00000[01]\.(json|[ab]\.00\d\.png)", name) for name in names)
    assert {(m.mtime, m.uid, m.gid, m.uname, m.gname, m.mode) for m in members} == {(0, 0, 0, "", "", 0o644)}


def test_the_manifest_lists_every_pair_and_what_it_is_made_of(made: Path) -> None:
    manifest = read_manifest(made)
    assert [(s["first"], s["last"]) for s in manifest["shards"]] == [(0, 2), (2, 4), (4, 6), (6, 8), (8, 9)]
    for shard in manifest["shards"]:
        tar = made / shard["file"]
        assert (shards.sha256_of(tar), tar.stat().st_size) == (shard["sha256"], shard["bytes"])
    assert config_of(manifest) == TINY.config
    made_of = json.loads((made / "recipe.json").read_text())
    assert manifest["dataset"] == digest(made_of)
    assert {"vlmdiff", "code", "numpy", "opencv"} <= set(made_of["versions"])


def test_only_one_pair_is_in_memory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    alive: list[weakref.ref[LabelledPair]] = []

    def watched(*arguments: Any) -> LabelledPair:
        assert not any(pair() for pair in alive)
        pair = compose(*arguments)
        alive.append(weakref.ref(pair))
        return pair

    monkeypatch.setattr(shards, "compose", watched)
    assert make(replace(TINY, pairs=4), tmp_path)
    assert len(alive) == 4


# --- the same bytes -----------------------------------------------------------------------------------------------


def test_parts_in_any_order_end_with_the_same_bytes(made: Path, bank: Path, tmp_path: Path) -> None:
    done = [make(TINY, tmp_path, bank, part) for part in ((3, 3), (1, 3), (2, 3))]
    assert done == [False, False, True]
    assert contents(tmp_path) == contents(made)


def test_processes_end_with_the_same_bytes(made: Path, bank: Path, tmp_path: Path) -> None:
    steps: list[tuple[int, int]] = []
    assert make(TINY, tmp_path, bank, workers=2, progress=lambda done, wanted: steps.append((done, wanted)))
    assert contents(tmp_path) == contents(made)
    assert steps[0] == (0, 9) and steps[-1] == (9, 9) and steps == sorted(steps)


def test_what_is_missing_or_damaged_is_made_again_and_nothing_else(made: Path, bank: Path, tmp_path: Path) -> None:
    make(TINY, tmp_path, bank)
    whole = (tmp_path / "shard-000000.tar").stat().st_mtime_ns
    torn = tmp_path / "shard-000001.tar"
    torn.write_bytes(torn.read_bytes()[:5000])
    (tmp_path / "shard-000002.json").unlink()
    (tmp_path / "shard-000003.json").write_text('{"file": "shard')
    (tmp_path / "shard-000004.tar").unlink()
    (tmp_path / ".shard-000004.tar.999999").write_bytes(b"half")
    for name in ("manifest.json", "DATASHEET.md"):
        (tmp_path / name).unlink()
    assert make(TINY, tmp_path, bank)
    assert contents(tmp_path) == contents(made)
    assert (tmp_path / "shard-000000.tar").stat().st_mtime_ns == whole


def start(folder: Path, *options: str) -> subprocess.Popen[str]:
    """A `make` of 60 small pairs in a session of its own."""
    command = [sys.executable, "-m", "data_synth", "make", "small", "--pairs", "60", "--out", str(folder), *options]
    return subprocess.Popen(command, cwd=ROOT, start_new_session=True, stderr=subprocess.PIPE, text=True)


def wait_for_shards(job: subprocess.Popen[str], folder: Path, number: int) -> None:
    while len(list(folder.glob("shard-*.json"))) < number:
        assert job.poll() is None, "ended before it could be stopped"
        time.sleep(0.005)


def wait_for_the_end_of_all(job: subprocess.Popen[str]) -> None:
    """Of the process and of those that it started."""
    job.wait(30)
    for _ in range(200):
        try:
            os.killpg(job.pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    pytest.fail("workers outlive their parent")


@pytest.mark.parametrize("workers", ["1", "2"])
def test_killed_it_goes_on_and_ends_with_the_same_bytes(workers: str, tmp_path: Path) -> None:
    for finished in (1, 3):
        job = start(tmp_path / "killed", "--workers", workers)
        wait_for_shards(job, tmp_path / "killed", finished)
        job.send_signal(signal.SIGKILL)
        wait_for_the_end_of_all(job)
    job = start(tmp_path / "killed", "--workers", "1")
    assert re.match("[345]0/60 pairs\n", job.communicate()[1])
    assert job.returncode == 0
    make(replace(named("small"), pairs=60), tmp_path / "whole")
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")


def test_what_a_kill_left_half_written_is_swept_away(tmp_path: Path) -> None:
    recipe = replace(named("small"), pairs=10)
    make(recipe, tmp_path / "whole")
    (tmp_path / "killed").mkdir()
    for name in contents(tmp_path / "whole"):
        if name.startswith("shard-"):
            (tmp_path / "killed" / f".{name}.99999").write_text("half")
    make(recipe, tmp_path / "killed")
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")


@pytest.mark.parametrize("workers", ["1", "2"])
def test_ctrl_c_ends_all_processes_and_keeps_what_is_finished(workers: str, tmp_path: Path) -> None:
    job = start(tmp_path, "--workers", workers)
    wait_for_shards(job, tmp_path, 2)
    os.killpg(job.pid, signal.SIGINT)  # as a terminal does: to every process
    said = job.communicate(timeout=30)[1]
    wait_for_the_end_of_all(job)
    assert job.returncode == 130
    assert said.splitlines()[-1] == "stopped; the same call goes on"
    assert "Traceback" not in said
    assert len(list(tmp_path.glob("shard-*.json"))) >= 2
    assert not (tmp_path / "manifest.json").exists()


# --- engines ------------------------------------------------------------------------------------------------------


class FakeRayError(Exception):
    pass


class FakeTaskError(FakeRayError):
    """What Ray raises for an error in a task."""

    def __init__(self, cause: Exception) -> None:
        super().__init__("ray::make_shard() and a long traceback")
        self.cause = cause


def fake_ray(most_at_a_time: list[int]) -> ModuleType:
    """As much of Ray as is used: tasks run when they are waited for, the last one first."""
    ray = ModuleType("ray")

    def remote(function: Any) -> SimpleNamespace:
        return SimpleNamespace(remote=lambda job: (function, job))

    def wait(tasks: Sequence[Any]) -> tuple[list[Any], list[Any]]:
        most_at_a_time.append(len(tasks))
        return [tasks[-1]], list(tasks[:-1])

    def get(task: Any) -> Any:
        try:
            return task[0](task[1])
        except VlmdiffError as error:
            raise FakeTaskError(error) from error

    errors = SimpleNamespace(RayTaskError=FakeTaskError, RayError=FakeRayError)
    for name, tool in {
        "init": lambda **_: None,
        "remote": remote,
        "wait": wait,
        "get": get,
        "exceptions": errors,
    }.items():
        setattr(ray, name, tool)
    return ray


def test_ray_ends_with_the_same_bytes(made: Path, bank: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    most_at_a_time: list[int] = []
    monkeypatch.setitem(sys.modules, "ray", fake_ray(most_at_a_time))
    assert make(TINY, tmp_path, bank, workers=3, engine="ray")
    assert contents(tmp_path) == contents(made)
    assert max(most_at_a_time) == 3


def test_what_a_task_on_ray_raises_is_told_as_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", fake_ray([]))
    with pytest.raises(UsageError, match=r"^pair 0 of this recipe cannot be drawn: no domain holds"):
        make(UNDRAWABLE, tmp_path, engine="ray")


def test_a_task_that_ray_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(task: Any) -> Any:
        raise FakeRayError

    ray = fake_ray([])
    monkeypatch.setattr(ray, "get", lost)
    monkeypatch.setitem(sys.modules, "ray", ray)
    with pytest.raises(VlmdiffError, match=r"Ray lost a task \(FakeRayError\); make the same call again"):
        make(TINY, tmp_path, engine="ray")


def test_a_ray_that_does_not_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def late(**_: Any) -> None:
        raise Exception("The current node timed out during startup.\nMore lines")

    ray = fake_ray([])
    monkeypatch.setattr(ray, "init", late)
    monkeypatch.setitem(sys.modules, "ray", ray)
    with pytest.raises(VlmdiffError, match=r"^Ray does not start: The current node timed out during startup\.; check"):
        make(TINY, tmp_path, engine="ray")


def test_the_real_ray(made: Path, bank: Path, tmp_path: Path) -> None:
    ray: Any = pytest.importorskip("ray")
    try:
        assert make(TINY, tmp_path / "same", bank, workers=2, engine="ray")
        assert contents(tmp_path / "same") == contents(made)
        with pytest.raises(UsageError, match=r"^pair 0 of this recipe cannot be drawn: no domain holds"):
            make(UNDRAWABLE, tmp_path / "off", engine="ray")
    finally:
        ray.shutdown()


def test_without_ray_one_line_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UsageError, match=r"pip install -e '\.\[ray\]'"):
        make(TINY, tmp_path, engine="ray")


# --- what is refused ----------------------------------------------------------------------------------------------


def test_a_folder_holds_one_data_set(made: Path, bank: Path) -> None:
    before = contents(made)
    with pytest.raises(UsageError, match="not the same recipe; choose another --out"):
        make(replace(TINY, seed=6), made, bank)
    with pytest.raises(UsageError, match="not the same bank; choose another --out"):
        make(TINY, made)
    assert contents(made) == before


def test_no_unfinished_or_damaged_data_set_is_read(bank: Path, tmp_path: Path) -> None:
    make(TINY, tmp_path, bank, (1, 2))
    with pytest.raises(InputError, match=r"manifest\.json is missing"):
        next(read_shards(tmp_path))
    make(TINY, tmp_path, bank)
    tar = tmp_path / "shard-000000.tar"
    tar.write_bytes(tar.read_bytes()[:-1] + b"x")
    with pytest.raises(InputError, match="missing or damaged"):
        next(read_shards(tmp_path))
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(InputError, match="delete it"):
        read_manifest(tmp_path)


def test_a_tar_of_something_else_is_no_shard(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "other.tar", "w") as tar:
        tar.add(__file__, "000000.py")
    for name in ("other.tar", "no.tar"):
        (tmp_path / "no.tar").write_bytes(b"no tar at all")
        with pytest.raises(InputError, match="is no shard of pairs"):
            next(shards.read_shard(tmp_path / name))


def test_a_pair_that_cannot_be_drawn_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="pair 0 of this recipe cannot be drawn: no domain holds"):
        make(UNDRAWABLE, tmp_path)
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["huge"], "recipe 'huge' is unknown; expected one of small, mixed"),
        (["small", "--shard", "half"], "--shard 'half' is no part"),
        (["small", "--shard", "3/2"], "part 3/2 is none"),
        (["small", "--pairs", "0"], "0 pairs"),
        (["small", "--engine", "spark"], "engine 'spark' is unknown; expected one of local, ray"),
    ],
)
def test_a_call_that_is_off_ends_with_one_line(options: list[str], message: str, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["make", *options, "--out", str(tmp_path)])
    assert isinstance(result.exception, UsageError)
    assert message in str(result.exception)


def test_a_folder_that_cannot_be_written_ends_with_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = CliRunner().invoke(app, ["make", "small", "--out", str(tmp_path / "file")])
    assert "the same call" in str(result.exception) and "file" in str(result.exception)


# --- recipes and the data sheet -----------------------------------------------------------------------------------


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_recipes_draw_what_they_say(recipe: Recipe) -> None:
    config = replace(recipe.config, sides=(32,))
    for index in range(1 if recipe.name == "large" else 3):
        pair = compose(config, Bank.drawn_only(), recipe.seed, index)
        assert config.set_size[0] <= len(pair.images_a) <= config.set_size[1]
        assert len(pair.difference) <= len(config.facts)
        assert recipe.name != "sets" or all(fact.level == "set" for fact in pair.difference)
    if recipe.name == "held_out":
        with pytest.raises(UsageError, match="held_out=False"):
            refuse_held_out(recipe.config)
    else:
        refuse_held_out(recipe.config)


def test_the_data_sheet_counts_what_the_pairs_hold(made: Path) -> None:
    sheet = json.loads((made / "datasheet.json").read_text())
    pairs = [one.pair for one in read_shards(made)]
    facts = [fact for pair in pairs for fact in pair.difference if not fact.confounder]
    counts = sheet["counts"]
    assert sheet["pairs"] == 9
    assert sheet["images"] == sum(len(pair.images_a) + len(pair.images_b) for pair in pairs)
    assert sheet["bytes"] == sum(tar.stat().st_size for tar in made.glob("*.tar"))
    assert sum(counts["family"].values()) == sum(counts["strength"].values()) == len(facts)
    assert sum(counts["prevalence"].values()) == sum(fact.level == "image" for fact in facts)
    assert counts["family"].get("frame", 0) == sum(fact.family == "frame" for fact in facts)
    assert sum(counts["confounders"].values()) == sum(f.confounder for pair in pairs for f in pair.difference) > 0
    nulls = [all(fact.confounder for fact in pair.difference) for pair in pairs]
    assert sheet["null_share"] == pytest.approx(np.mean(nulls))
    strong = sum(fact.strength >= 0.9 for fact in facts)
    assert counts["strength"].get("0.90 to 1.00", 0) == strong
    assert sum(row["images"] for row in sheet["sources"].values()) == sheet["images"]


def test_the_data_sheet_says_what_it_is_for(tmp_path: Path, made: Path) -> None:
    text = (made / "DATASHEET.md").read_text()
    assert "nothing that is held out" in text and "For evaluation only" not in text
    assert "| skies |" in text and "| drawn |" in text
    assert "█" in text and f"`{read_manifest(made)['dataset']}`" in text
    make(replace(named("held_out"), pairs=1), tmp_path)
    assert "For evaluation only" in (tmp_path / "DATASHEET.md").read_text()
    with pytest.raises(UsageError, match="held_out=False"):
        refuse_held_out(config_of(read_manifest(tmp_path)))


def test_terms_of_the_bank_are_stated(made: Path) -> None:
    made_of = json.loads((made / "recipe.json").read_text())
    made_of["bank"]["terms"] = {"pets": "CC BY 4.0"}
    counts = [json.loads(note.read_text())["counts"] for note in sorted(made.glob("shard-*.json"))]
    text = datasheet.markdown(datasheet.numbers(made_of, "", counts, size=0))
    assert re.search(r"\| pets \| \d+ \| CC BY 4\.0 \|", text)
    assert re.search(r"\| skies \| \d+ \| not stated in the bank \|", text)
    assert re.search(r"\| drawn \| \d+ \| drawn by this program, no photographs \|", text)
