"""The command: tables on stdout, progress on stderr, one-line errors."""

import json
from pathlib import Path

import pytest

from eval import __main__ as command
from eval import suites, systems
from tests.eval import fakes
from tests.eval.fakes import TINY, TINY_NULLS


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tiny suites and a system that is always wrong, in place of the real ones."""
    monkeypatch.setattr(suites, "SUITES", {suite.name: lambda data, suite=suite: suite for suite in (TINY, TINY_NULLS)})
    monkeypatch.setattr(systems, "SYSTEMS", {"blurry": lambda options: fakes.Blurry()})


def call(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["eval", *arguments])
    with pytest.raises(SystemExit) as ended:
        command.main()
    return int(ended.value.code or 0)


def test_suites_are_run_together(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "core,nulls", "blurry", "--pairs", "2", "--out", str(tmp_path / "run")) == 0
    shown = capsys.readouterr()
    assert "| null pairs with any verified finding" in shown.out and "95 % interval" in shown.out
    assert "4/4 pairs" in shown.err and "drawn images only" in shown.err
    scores = json.loads((tmp_path / "run" / "scores.json").read_text())
    core, nulls = scores["suites"]
    assert (core["name"], core["pairs"], nulls["name"], nulls["pairs"]) == ("core", 2, "nulls", 2)
    assert nulls["metrics"]["null_verified"]["value"] == 1 and "null_verified" not in core["metrics"]
    assert shown.out.strip() in (tmp_path / "run" / "scoreboard.md").read_text()


def test_by_default_every_run_has_its_own_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for pairs in ("1", "2", "2"):
        assert call(monkeypatch, "nulls", "blurry", "--pairs", pairs) == 0
    assert len(list((tmp_path / "runs" / "eval").iterdir())) == 2


def test_an_unknown_suite_is_a_usage_error(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(monkeypatch, "cores", "blurry") == 2
    assert capsys.readouterr().err == "error: no suite 'cores'; known are core, nulls\n"
