"""Many pairs with a scripted model: what lies on disk, what is done again, and how a stopped batch goes on."""

import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

import vlmdiff.batch
from vlmdiff import errors, models
from vlmdiff.batch import Kind, Options, run_batch
from vlmdiff.cli import main
from vlmdiff.describe import run
from vlmdiff.findings import Report
from vlmdiff.manifest import read_manifest
from vlmdiff.models.lines import NO_DIFFERENCE
from vlmdiff.models.scripted import ScriptedModel, cell_means
from vlmdiff.render import progress

ROOT = Path(__file__).parents[2]
SIDE = 16
DARKER, BRIGHTER = "the images are darker", "the images are brighter"
OPTIONS = Options()
DIES_AT = "VLMDIFF_TEST_DIES_AT"
"""In the environment: at which pair the process of `mortal` kills itself."""


def brightness(rows: torch.Tensor) -> torch.Tensor:
    """How much brighter B is than A, standardised: from the row of the mean over the cells."""
    return rows[..., -3, :3].mean(-1)


def says_darker(rows: torch.Tensor) -> Sequence[str]:
    return [f"b: {DARKER}\n" if brightness(rows) < -0.5 else NO_DIFFERENCE + "\n"]


def knows_dark_from_bright(claim: str, rows: torch.Tensor) -> torch.Tensor:
    return brightness(rows) * {f"b: {DARKER}\n": -1, f"b: {BRIGHTER}\n": 1}.get(claim, 0)


def scripted() -> ScriptedModel:
    return ScriptedModel(says_darker, knows_dark_from_bright, (DARKER, BRIGHTER), image_size=SIDE)


class Counting:
    """Grids of a scripted model; counts the pairs looked at and does something at one of them."""

    def __init__(self, at: int = -1, do: Any = None) -> None:
        self.seen, self.at, self.do = 0, at, do

    def __call__(self, images: NDArray[np.uint8]) -> torch.Tensor:
        self.seen += 1
        if self.seen == self.at:
            self.do()
        return cell_means(images)


def watched(sees: Counting) -> ScriptedModel:
    return replace(scripted(), sees=sees)


def interrupt() -> None:
    raise KeyboardInterrupt


def mortal() -> ScriptedModel:
    return watched(Counting(int(os.environ[DIES_AT]), lambda: os.kill(os.getpid(), signal.SIGKILL)))


def make_set(folder: Path, level: float, seed: int, count: int = 14) -> None:
    """Noisy images around a grey level that itself varies from image to image."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    levels = rng.normal(level, 10, (count, 1, 1, 1)) + rng.normal(0, 20, (count, SIDE, SIDE, 3))
    for i, pixels in enumerate(levels.clip(0, 255).astype(np.uint8)):
        Image.fromarray(pixels).save(folder / f"{i:02}.png")


def make_manifest(home: Path) -> Path:
    """Five pairs: darker, alike, absent, darker again, too few; the third has a hostile name."""
    for i, (level, count) in enumerate([(70, 14), (130, 14), (0, 0), (70, 14), (70, 4)], start=1):
        make_set(home / f"{i}/a", 130, 10 * i, count or 4)
        if count:
            make_set(home / f"{i}/b", level, 10 * i + 1, count)
    file = home / "manifest.csv"
    file.write_text(
        "a,b,name,site\n1/a,1/b,dark,Oslo\n2/a,2/b,alike,Lyon\n3/a,3/b,../<script>,Lyon\n4/a,4/b,,Oslo\n5/a,5/b,few,\n"
    )
    return file


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """See `make_manifest`; a test may change it and its images."""
    return make_manifest(tmp_path)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, for tests that leave it as it is."""
    return make_manifest(tmp_path_factory.mktemp("kept"))


@pytest.fixture(scope="module")
def whole(kept: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a batch of it comes to when nothing stops it."""
    out = tmp_path_factory.mktemp("whole")
    assert batch(kept, out) == {"described": 4, "failed": 1}
    return content(out)


def batch(manifest: Path, out: Path, options: Options = OPTIONS, **more: Any) -> Counter[Kind]:
    rows, problems = read_manifest(manifest)
    assert not problems
    return run_batch(rows, out, options, **{"load": scripted, **more})


def report_of(folder: Path) -> dict[str, Any]:
    """A report without what differs between two equal ones."""
    report: dict[str, Any] = json.loads((folder / "report.json").read_text())
    del report["seconds"]
    return report


def content(out: Path) -> dict[str, Any]:
    """Every file of a batch; of the pages, which tell seconds, only that they are there."""
    files = [file for file in out.rglob("*") if file.is_file()]
    found: dict[str, Any] = {}
    for file in files:
        name = str(file.relative_to(out))
        found[name] = report_of(file.parent) if file.name == "report.json" else file.name == "report.html"
        if file.parent == out or file.name in ("pair.json", "error.json"):
            found[name] = file.read_bytes()
    return found


def exit_code(*arguments: object) -> int:
    with pytest.raises(SystemExit) as stop:
        main([str(argument) for argument in arguments])
    assert isinstance(stop.value.code, int)
    return stop.value.code


def test_each_pair_gets_the_report_that_describe_gives(manifest: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    sees = Counting()
    assert batch(manifest, out, load=lambda: watched(sees)) == {"described": 4, "failed": 1}
    assert sees.seen == 4
    alone = run(tmp_path / "1/a", tmp_path / "1/b", model=scripted()).report
    assert report_of(out / "dark") == {**json.loads(alone.model_dump_json(exclude={"seconds"}))}
    assert [(f.side, f.text, f.verdict) for f in alone.findings] == [("b", DARKER, "verified")]
    verdicts = [report_of(out / name)["verdict"] for name in ("dark", "alike", "4", "few")]
    assert verdicts == ["different", "no detectable difference", "different", "not enough images"]
    assert DARKER in (out / "dark" / "report.html").read_text()
    (hostile,) = (file.parent for file in out.glob("*/error.json"))
    assert hostile.parent == out and hostile.name.startswith("_script_-")
    error = json.loads((hostile / "error.json").read_text())
    assert error["kind"] == "InputError" and error["message"].startswith("set B: no file or folder 'B'; give")
    assert not (hostile / "report.json").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1", "2", "3", "4", "5", "manifest.csv", "out"]


def test_rows_may_change_the_options(manifest: Path, tmp_path: Path) -> None:
    manifest.write_text("a,b,max_images,seed,groups\n1/a,1/b,6,3,^.\n2/a,2/b,,,\n")
    assert batch(manifest, tmp_path / "out", Options(seed=5, alpha=0.2, groups="(..).png")) == {"described": 2}
    first, second = (report_of(tmp_path / "out" / name)["settings"] for name in "12")
    assert (first["max_images"], first["seed"], first["groups"], first["alpha"]) == (6, 3, "^.", 0.2)
    assert (second["max_images"], second["seed"], second["groups"], second["alpha"]) == (None, 5, "(..).png", 0.2)


def test_what_is_there_is_left_and_what_failed_is_tried_again(manifest: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    batch(manifest, out)
    before, times = content(out), {file: file.stat().st_mtime_ns for file in out.glob("*/*")}
    sees = Counting()
    assert batch(manifest, out, load=lambda: watched(sees)) == {"unchanged": 4, "failed": 1}
    assert sees.seen == 0 and content(out) == before
    changed = [file.name for file, time in times.items() if file.stat().st_mtime_ns != time]
    assert changed == ["error.json"]
    make_set(tmp_path / "3/b", 130, 31)
    assert batch(manifest, out) == {"unchanged": 4, "described": 1}
    assert not list(out.glob("*/error.json")) and len(list(out.glob("*/report.json"))) == 5


def test_whatever_a_report_follows_from_makes_it_be_made_again(manifest: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    manifest.write_text("a,b,name\n1/a,1/b,dark\n2/a,2/b,alike\n")
    batch(manifest, out)
    assert batch(manifest, out, Options(seed=1)) == {"described": 2}
    assert batch(manifest, out, Options(seed=1)) == {"unchanged": 2}
    (tmp_path / "1/a/00.png").unlink()
    assert batch(manifest, out, Options(seed=1)) == {"described": 1, "unchanged": 1}
    manifest.write_text("a,b,name,seed\n1/a,1/b,dark,2\n2/a,2/b,alike,\n")
    assert batch(manifest, out, Options(seed=1)) == {"described": 1, "unchanged": 1}
    assert report_of(out / "dark")["test"]["n_a"] == 13
    (out / "dark" / "report.html").unlink()
    assert batch(manifest, out, Options(seed=1)) == {"described": 1, "unchanged": 1}


def test_a_new_label_is_shown_without_describing_again(manifest: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    batch(manifest, out)
    manifest.write_text(manifest.read_text().replace("Oslo", "Bergen"))
    assert batch(manifest, out) == {"unchanged": 4, "failed": 1}
    page = (out / "index.html").read_text()
    assert "Bergen" in page and "Oslo" not in page


def test_images_that_are_away_for_a_night_cost_no_report(manifest: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    batch(manifest, out)
    before = content(out)
    (tmp_path / "1").rename(tmp_path / "away")
    assert batch(manifest, out) == {"unchanged": 3, "failed": 2}
    assert "dark,1,failed" in (out / "index.csv").read_text()
    (tmp_path / "away").rename(tmp_path / "1")
    assert batch(manifest, out) == {"unchanged": 4, "failed": 1}
    assert content(out) == before


def test_a_fault_of_ours_fails_one_pair_only(
    manifest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    nothing: dict[str, int] = {}
    ended = batch(manifest, out, load=lambda: watched(Counting(2, lambda: nothing[str(tmp_path)])))
    assert ended == {"described": 3, "failed": 2}
    error = json.loads((out / "alike" / "error.json").read_text())
    assert error["kind"] == "KeyError"
    assert re.fullmatch(r"KeyError in test_batch.py, line \d+: an error of ours, please report it", error["message"])
    assert str(tmp_path) not in capsys.readouterr().err
    assert not any(str(tmp_path) in file.read_text("utf-8") for file in out.rglob("*") if file.is_file())
    assert batch(manifest, out) == {"described": 1, "unchanged": 3, "failed": 1}


def test_shards_together_are_the_whole(kept: Path, whole: dict[str, Any], tmp_path: Path) -> None:
    assert batch(kept, tmp_path, shard=(2, 2)) == {"described": 2}
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == ["4", "alike"]
    assert "3 pairs of the manifest are not here yet" in (tmp_path / "index.html").read_text()
    assert batch(kept, tmp_path, shard=(1, 2)) == {"described": 2, "failed": 1}
    assert content(tmp_path) == whole
    assert batch(kept, tmp_path, shard=(6, 6)) == {}
    assert content(tmp_path) == whole


@pytest.mark.parametrize("shard", [(0, 2), (3, 2), (1, 0)])
def test_a_shard_that_is_none_is_refused(kept: Path, tmp_path: Path, shard: tuple[int, int]) -> None:
    with pytest.raises(errors.UsageError, match="no part"):
        batch(kept, tmp_path, shard=shard)


def test_an_interrupted_batch_keeps_what_is_finished_and_goes_on(
    kept: Path, whole: dict[str, Any], tmp_path: Path
) -> None:
    with pytest.raises(KeyboardInterrupt):
        batch(kept, tmp_path, load=lambda: watched(Counting(3, interrupt)))
    assert len(list(tmp_path.glob("*/report.json"))) == 2
    assert "2 pairs of the manifest are not here yet" in (tmp_path / "index.html").read_text()
    assert batch(kept, tmp_path) == {"unchanged": 2, "described": 2, "failed": 1}
    assert content(tmp_path) == whole


def test_the_index_is_there_before_the_end(
    kept: Path, whole: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vlmdiff.batch, "INDEX_EVERY", 0.0)
    early: list[str] = []
    sees = Counting(3, lambda: early.append((tmp_path / "index.html").read_text()))
    batch(kept, tmp_path, load=lambda: watched(sees))
    assert "2 pairs of the manifest are not here yet" in early[0]
    assert content(tmp_path) == whole


def test_a_killed_batch_goes_on(kept: Path, whole: dict[str, Any], tmp_path: Path) -> None:
    code = (
        "from pathlib import Path; import sys; from tests.vlmdiff import test_batch as t; "
        "t.batch(Path(sys.argv[1]), Path(sys.argv[2]), load=t.mortal)"
    )
    killed = subprocess.run(
        [sys.executable, "-c", code, kept, tmp_path], cwd=ROOT, env={**os.environ, DIES_AT: "3"}, timeout=100
    )
    assert killed.returncode == -signal.SIGKILL
    assert len(list(tmp_path.glob("*/report.json"))) == 2 and not (tmp_path / "index.html").exists()
    assert batch(kept, tmp_path) == {"unchanged": 2, "described": 2, "failed": 1}
    assert content(tmp_path) == whole


def test_worker_processes_do_the_same(
    kept: Path, whole: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert batch(kept, tmp_path, workers=2) == {"described": 4, "failed": 1}
    assert content(tmp_path) == whole


def test_a_worker_that_dies_stops_the_batch_with_one_line(
    kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv(DIES_AT, "1")
    with pytest.raises(errors.VlmdiffError, match="a worker was killed"):
        batch(kept, tmp_path, load=mortal, workers=2)


def test_options_that_are_off_are_refused_before_anything_is_loaded(manifest: Path, tmp_path: Path) -> None:
    for options in (Options(method="magic"), Options(alpha=0), Options(groups="(")):
        with pytest.raises(errors.UsageError):
            batch(manifest, tmp_path / "out", options, load=interrupt)


def test_a_folder_that_cannot_be_written_stops_the_batch(manifest: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "alike").write_text("in the way")
    with pytest.raises(errors.VlmdiffError, match="cannot write"):
        batch(manifest, out)
    assert (out / "dark" / "report.json").exists() and "dark" in (out / "index.csv").read_text()


def test_damaged_files_are_told_in_the_index(manifest: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    batch(manifest, out)
    (out / "dark" / "report.json").write_text("{")
    (out / "alike" / "report.json").write_text('{"verdict": "different"}')
    (out / "4" / "pair.json").write_text("[]")
    batch(manifest, out)
    lines = (out / "index.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in lines if "Damaged" in line] == ["alike", "dark"]
    assert report_of(out / "4")["verdict"] == "different"  # without its note it was described again


def test_the_command_says_how_it_ended(
    manifest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sees = Counting()
    monkeypatch.setattr(models, "load", lambda *_: watched(sees))
    monkeypatch.setattr(progress, "LINE_EVERY", 0.0)
    out = tmp_path / "out"
    assert exit_code("batch", manifest, "--out", out, "--max-images", "10", "--shard", "1/1") == 5
    stdout, err = capsys.readouterr()
    lines = err.splitlines()
    assert stdout == "" and lines[0] == "0 of 5 pairs" and lines[3].startswith("3 of 5 pairs, 1 failed, ")
    assert lines[-3:-1] == ["5 pairs: 4 described, 1 failed", f"Index: {out / 'index.html'}"]
    assert lines[-1].startswith("vlmdiff: 1 of 5 pairs failed")
    make_set(tmp_path / "3/b", 130, 31)
    assert exit_code("batch", manifest, "--out", out, "--max-images", "10", "--quiet") == 0
    assert capsys.readouterr() == ("", "")
    sees.at, sees.do = sees.seen + 2, interrupt
    assert exit_code("batch", manifest, "--out", out) == errors.INTERRUPTED
    assert "what is finished is kept" in capsys.readouterr().err
    assert exit_code("batch", manifest, "--out", out, "--shard", "2") == 2
    assert exit_code("batch", manifest, "--out", out, "--shard", "3/2") == 2
    assert exit_code("batch", manifest, "--out", manifest) == 2
    assert exit_code("batch", manifest) == 2


def test_a_bar_is_shown_on_a_terminal(
    manifest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "load", lambda *_: scripted())
    monkeypatch.setenv("TTY_COMPATIBLE", "1")  # what rich takes for a terminal
    monkeypatch.setenv("NO_COLOR", "1")
    assert exit_code("batch", manifest, "--out", tmp_path / "out") == 5
    assert "5/5 pairs, 1 failed" in capsys.readouterr().err


def test_a_bad_manifest_runs_nothing_and_names_every_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "bad.csv"
    file.write_text("a,b,name\nx,,one\ny,z,one\n")
    assert exit_code("batch", file, "--out", tmp_path / "out") == 3
    assert capsys.readouterr().err.splitlines() == [
        f"{file}: line 2: b is empty; expected a set of images",
        f"{file}: line 3: name 'one' is taken by line 2; each pair needs its own",
        f"vlmdiff: {file}: 2 errors; nothing was run",
    ]
    assert not (tmp_path / "out").exists()


def test_the_command_with_the_embedded_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "manifest.csv"
    file.write_text(f"a,b,week\n{ROOT}/examples/a,{ROOT}/examples/b,12\n{ROOT}/examples/a,nowhere,12\n")
    out = tmp_path / "out"
    assert exit_code("batch", file, "--out", out, "--max-images", "16", "--quiet") == 5
    report = Report.model_validate_json((out / "1" / "report.json").read_bytes())
    assert report.model.name == "mini" and report.test.n_a == 16 and report.verdict == "different"
    assert 'href="1/report.html"' in (out / "index.html").read_text()
    assert exit_code("batch", file, "--out", out, "--model", tmp_path / "none", "--quiet") == 4
