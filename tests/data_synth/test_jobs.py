"""What all jobs share: they refuse to start beside a package whose licence would bind what is built with it."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from data_synth.__main__ import app
from vlmdiff.errors import UsageError


def install(site: Path, name: str) -> None:
    """A distribution as pip leaves it behind, without its code."""
    folder = site / f"{name}-2.0.11.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 2.0.11\n", encoding="utf-8")


@pytest.mark.parametrize("name", ["albumentationsx", "AlbumentationsX"])
@pytest.mark.parametrize("job", [["make", "small", "--out"], ["curves"], ["pair"]])
def test_no_job_starts_beside_albumentationsx(
    job: list[str], name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path / "site", name)
    monkeypatch.syspath_prepend(tmp_path / "site")
    (tmp_path / "out").mkdir()
    result = CliRunner().invoke(app, [*job, str(tmp_path / "out")])
    assert isinstance(result.exception, UsageError)
    assert "AlbumentationsX 2.0.11 is installed" in str(result.exception)
    assert "AGPL" in str(result.exception) and "pip uninstall albumentationsx" in str(result.exception)
    assert not list((tmp_path / "out").iterdir())


def test_albumentations_itself_is_no_hindrance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path / "site", "albumentations")
    monkeypatch.syspath_prepend(tmp_path / "site")
    assert CliRunner().invoke(app, ["make", "small", "--pairs", "1", "--out", str(tmp_path / "out")]).exit_code == 0
