"""House rules that no single module can keep: importing does nothing heavy, the command answers at once."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def run_python(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60)


def modules_after(code: str) -> set[str]:
    """Names of the modules that are loaded after running code in a fresh interpreter."""
    done = run_python("-c", f"import sys\n{code}\nprint(*sys.modules)")
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


@pytest.mark.parametrize("package", ["vlmdiff", "data_synth", "train", "eval"])
def test_importing_a_package_loads_nothing_heavy(package: str) -> None:
    heavy = {"torch", "transformers", "peft", "numpy", "pydantic", "cv2", "scipy"}
    assert not heavy & modules_after(f"import {package}")


def test_the_command_line_loads_what_a_command_needs_and_no_more() -> None:
    loaded = modules_after("from vlmdiff.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass")
    assert not {"torch", "transformers", "numpy", "pydantic", "rich.progress"} & loaded


def test_the_module_is_the_command() -> None:
    done = run_python("-m", "vlmdiff", "--help")
    assert done.returncode == 0
    assert "describe" in done.stdout
