"""The command: what goes to stdout and stderr, which files appear, and every exit code."""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import vlmdiff
from vlmdiff import errors
from vlmdiff.cli import main
from vlmdiff.findings import Claim, Report
from vlmdiff.images.reading import Reading
from vlmdiff.models.profiles import PROFILES


@dataclass
class FakeRun:
    """Stands in for vlmdiff.describe.run: keeps the call, then raises or returns what it was given."""

    report: Report
    pictures: Mapping[str, bytes]
    error: BaseException | None = None
    calls: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self, a: str, b: str, **options: Any) -> "FakeRun":
        self.calls.append({"a": a, "b": b, **options})
        if self.error:
            raise self.error
        return self


@pytest.fixture
def run(report: Report, pictures: Mapping[str, bytes], monkeypatch: pytest.MonkeyPatch) -> FakeRun:
    fake = FakeRun(report, pictures)
    module = ModuleType("vlmdiff.describe")
    monkeypatch.setattr(module, "run", fake, raising=False)
    monkeypatch.setitem(sys.modules, "vlmdiff.describe", module)
    monkeypatch.delenv("VLMDIFF_DEBUG", raising=False)
    return fake


def exit_code(*arguments: str) -> int:
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert isinstance(stop.value.code, int)
    return stop.value.code


def test_findings_go_to_stdout_and_nothing_else(run: FakeRun, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code("describe", "a/", "b/") == 0
    out, err = capsys.readouterr()
    assert out.startswith("A and B differ in 2 verified ways")
    assert "in B: the images are darker" in out
    assert "\x1b" not in out
    assert err == ""


def test_defaults_are_the_frozen_ones(run: FakeRun) -> None:
    exit_code("describe", "a/", "b/")
    assert run.calls == [
        {
            "a": "a/",
            "b": "b/",
            "model": "mini",
            "adapter": None,
            "method": "learned",
            "max_images": None,
            "seed": 0,
            "device": "auto",
            "alpha": 0.05,
            "show_names": False,
            "groups": None,
            "metadata": None,
            "reading": Reading(),
            "cache": None,
            "progress": None,
        }
    ]


def test_every_option_arrives(run: FakeRun) -> None:
    text = "describe x y --model m --adapter p --method learned --max-images 9 --seed 3 --device cpu --alpha 0.01"
    text += " --window lung --frames 3 --channels 2:green --volumes --dicom-pictures --cache kept"
    assert exit_code(*text.split(), "--show-names", "--quiet", "--json", "--groups", r"p(\d+)") == 0
    wanted = {"a": "x", "b": "y", "model": "m", "adapter": "p", "max_images": 9, "seed": 3, "device": "cpu"}
    wanted |= {"alpha": 0.01, "show_names": True, "method": "learned", "progress": None}
    wanted |= {"groups": r"p(\d+)", "metadata": None, "reading": Reading("lung", 3, "2:green", True, True)}
    wanted |= {"cache": Path("kept")}
    assert run.calls == [wanted]


def test_json_is_the_only_thing_on_stdout(run: FakeRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code("describe", "a/", "b/", "--json", "--out", str(tmp_path)) == 0
    out, err = capsys.readouterr()
    assert Report.model_validate_json(out) == run.report
    assert str(tmp_path / "report.html") in err


def test_out_writes_every_file_whole(run: FakeRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "new" / "report"
    assert exit_code("describe", "a/", "b/", "--out", str(folder)) == 0
    assert sorted(file.name for file in folder.iterdir()) == [
        "findings.csv",
        "report.html",
        "report.json",
        "report.md",
    ]
    assert Report.model_validate_json((folder / "report.json").read_bytes()) == run.report
    assert (folder / "report.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert str(folder / "report.html") in capsys.readouterr().err


def test_quiet_says_nothing_on_stderr(run: FakeRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code("describe", "a/", "b/", "--quiet", "--out", str(tmp_path)) == 0
    assert capsys.readouterr().err == ""


def test_a_report_that_cannot_be_written_costs_no_answer(
    run: FakeRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "report.html").mkdir()  # in the way
    assert exit_code("describe", "a/", "b/", "--json", "--out", str(tmp_path)) == 1
    out, err = capsys.readouterr()
    assert Report.model_validate_json(out) == run.report
    assert "Report:" not in err


def test_a_file_in_the_way_of_out_is_a_usage_error(run: FakeRun, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert exit_code("describe", "a/", "b/", "--out", str(tmp_path / "file")) == 2
    assert exit_code("describe", "a/", "b/", "--out", str(tmp_path / "file" / "below")) == 2
    assert run.calls == []


def test_a_failed_write_leaves_no_half_file(
    run: FakeRun, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    assert exit_code("describe", "a/", "b/", "--out", str(tmp_path)) == 1
    assert "No space left on device" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.UsageError("unknown method 'x'; known are learned"), 2),
        (errors.InputError("nothing there"), 3),
        (errors.ModelError("no weights"), 4),
        (errors.BatchError("one of two failed"), 5),
        (errors.VlmdiffError("other"), 1),
    ],
)
def test_our_errors_are_one_line_and_their_exit_code(
    run: FakeRun, capsys: pytest.CaptureFixture[str], error: errors.VlmdiffError, code: int
) -> None:
    run.error = error
    assert exit_code("describe", "a/", "b/") == code
    out, err = capsys.readouterr()
    assert (out, err) == ("", f"vlmdiff: {error}\n")


def test_a_file_name_in_an_error_cannot_steer_the_terminal(run: FakeRun, capsys: pytest.CaptureFixture[str]) -> None:
    run.error = errors.InputError("\x1b[2Jevil\nname is empty")
    exit_code("describe", "a/", "b/")
    assert capsys.readouterr().err == "vlmdiff: evil name is empty\n"


def test_an_unexpected_error_is_one_line_with_a_hint(
    run: FakeRun, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run.error = ZeroDivisionError("jane.png")
    assert exit_code("describe", "a/", "b/") == 1
    err = capsys.readouterr().err
    assert err.startswith("vlmdiff: ZeroDivisionError in test_cli.py, line ") and "VLMDIFF_DEBUG=1" in err
    assert "jane" not in err, "its text may quote a file"
    assert err.count("\n") == 1
    monkeypatch.setenv("VLMDIFF_DEBUG", "1")
    assert exit_code("describe", "a/", "b/") == 1
    assert "Traceback" in capsys.readouterr().err


def test_an_interruption_ends_with_130(run: FakeRun) -> None:
    run.error = KeyboardInterrupt()
    assert exit_code("describe", "a/", "b/") == errors.INTERRUPTED


@pytest.mark.parametrize(
    "arguments",
    [
        "describe",
        "describe a b c",
        "describe a b --window lungs",
        "describe a b --frames 0",
        "describe a b --channels 1:pink",
        "describe a b --alpha 0",
        "describe a b --alpha 1",
        "describe a b --alpha nan",
        "describe a b --max-images 1",
        "describe a b --seed -1",
        "describe a b --bogus",
        "bogus",
    ],
)
def test_a_wrong_call_ends_with_2(run: FakeRun, arguments: str) -> None:
    assert exit_code(*arguments.split()) == 2
    assert run.calls == []


def test_exit_code_tells_a_verified_difference(run: FakeRun) -> None:
    assert exit_code("describe", "a/", "b/", "--exit-code") == errors.DIFFERENT
    unverified = [finding for finding in run.report.findings if finding.verdict == "unverified"]
    run.report = run.report.model_copy(update={"findings": unverified})
    assert exit_code("describe", "a/", "b/", "--exit-code") == 0
    run.report = run.report.model_copy(update={"verdict": "no detectable difference"})
    assert exit_code("describe", "a/", "b/", "--exit-code") == 0


def test_progress_is_shown_on_a_terminal_only(
    run: FakeRun, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TTY_COMPATIBLE", "1")  # what rich takes for a terminal
    monkeypatch.setenv("NO_COLOR", "1")
    assert exit_code("describe", "a/", "b/", "--json") == 0
    show = run.calls[-1]["progress"]
    assert callable(show)
    assert Report.model_validate_json(capsys.readouterr().out) == run.report
    assert exit_code("describe", "a/", "b/", "--json", "--quiet") == 0
    assert run.calls[-1]["progress"] is None
    assert capsys.readouterr().err == ""


@pytest.fixture
def run_test(report: Report, pictures: Mapping[str, bytes], monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The calls of `vlmdiff.claim.run`, which returns the report of a claim."""
    calls: list[dict[str, Any]] = []
    claim = Claim(text="the images are darker", side=None, judge="taught", nearest=[])

    def fake(claimed: str, a: str, b: str, **options: Any) -> FakeRun:
        calls.append({"claim": claimed, "a": a, "b": b, **options})
        told = report.model_copy(update={"claim": claim, "findings": report.findings[:1]})
        return FakeRun(told.model_copy(update={"verdict": "no detectable difference"}), pictures)

    module = ModuleType("vlmdiff.claim")
    monkeypatch.setattr(module, "run", fake, raising=False)
    monkeypatch.setitem(sys.modules, "vlmdiff.claim", module)
    return calls


def test_a_sentence_of_ones_own(
    run_test: list[dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code("test", "it is darker", "a/", "b/", "--side", "b", "--seed", "4", "--out", str(tmp_path)) == 0
    assert capsys.readouterr().out.startswith("Verified: “the images are darker” fits B better than A.")
    assert (run_test[0]["claim"], run_test[0]["side"], run_test[0]["seed"]) == ("it is darker", "b", 4)
    assert len(list(tmp_path.iterdir())) == 4
    assert exit_code("test", "it is darker", "a/", "b/", "--metadata", "m.csv") == 0
    assert (run_test[1]["side"], run_test[1]["metadata"]) == (None, "m.csv")
    assert exit_code("test", "it is darker", "a/", "b/", "--side", "c") == 2
    assert exit_code("test", "it is darker") == 2


def test_a_verified_claim_exits_so_whatever_the_two_sample_test_says(run_test: list[dict[str, Any]]) -> None:
    assert exit_code("test", "it is darker", "a/", "b/", "--exit-code") == errors.DIFFERENT


def test_schema_and_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code("schema") == 0
    assert json.loads(capsys.readouterr().out) == Report.model_json_schema()
    assert exit_code("--version") == 0
    assert capsys.readouterr().out == f"vlmdiff {vlmdiff.__version__}\n"


def test_models_lists_every_family_in_a_hundred_columns(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code("models") == 0
    rows = capsys.readouterr().out.splitlines()
    assert rows[1].split() == ["mini", "embedded", "(default)", "0.03", "64", "Apache-2.0"]
    assert ["Qwen/Qwen3-VL-2B-Instruct", "Qwen3-VL", "4.3", "144", "Apache-2.0"] in [row.split() for row in rows]
    for profile in PROFILES.values():
        assert any(row.startswith(profile.checkpoint + " ") and profile.licence in row for row in rows)
    assert max(map(len, rows)) <= 100


def test_the_python_call_gives_the_report(run: FakeRun) -> None:
    assert vlmdiff.describe("a/", "b/", seed=4) is run.report
    assert run.calls == [{"a": "a/", "b": "b/", "seed": 4}]


def test_importing_the_submodule_leaves_the_function_in_place() -> None:
    function = vlmdiff.describe
    # What the import system does to a package once a submodule is loaded.
    setattr(vlmdiff, "describe", ModuleType("vlmdiff.describe"))  # noqa: B010
    assert vlmdiff.describe is function


def test_claims_that_the_model_was_taught_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code("claims") == 0
    every = capsys.readouterr().out.splitlines()
    assert len(every) > 7000 and "the images are darker" in every
    assert exit_code("claims", "RULER", "bottom") == 0
    assert capsys.readouterr().out.splitlines() == ["the images have a ruler at the bottom"]
    assert exit_code("claims", "zebra") == 2
    assert capsys.readouterr().err == f"vlmdiff: none of {len(every)} claims holds 'zebra'; try fewer words\n"


def test_a_model_that_was_taught_nothing_lists_no_claims(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code("claims", "--model", str(tmp_path)) == 4
    assert "lists no claims that it was taught" in capsys.readouterr().err


def test_a_glob_that_the_shell_took_apart_is_explained(run: FakeRun, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code("describe", "a/secret-1.png", "a/secret-2.png", "a/secret-3.png", "b/secret-4.png") == 2
    err = capsys.readouterr().err
    assert "2 arguments too many" in err and "put globs in quotes" in err and "secret" not in err
    assert exit_code("test", "the images are darker", "a", "b", "c") == 2
    assert exit_code("describe", "a", "b", "--nonsense") == 2
    assert run.calls == []
