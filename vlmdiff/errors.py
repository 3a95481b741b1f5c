"""What can go wrong, and the exit code each kind ends with."""

import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

_T = TypeVar("_T")


class VlmdiffError(Exception):
    """A failure with a one-line message that names the value, what was expected and what to do."""

    exit_code = 1


class UsageError(VlmdiffError):
    """The call itself is off: an unknown option value, two options that exclude each other."""

    exit_code = 2


class InputError(VlmdiffError):
    """The images cannot be used: a missing path, an empty folder, too few readable images."""

    exit_code = 3


class ModelError(VlmdiffError):
    """The model or its adapter is absent, damaged or of an unknown family."""

    exit_code = 4


class BatchError(VlmdiffError):
    """Part of a batch failed; the rest is on disk."""

    exit_code = 5


INTERRUPTED = 130
"""Exit code after Ctrl-C."""

DIFFERENT = 10
"""Exit code of `describe --exit-code` when a verified difference exists."""

REGRESSION = 6
"""Exit code of `python -m eval compare --gate` when a score is worse than before beyond noise."""


def chosen(kind: str, name: str, known: Mapping[str, _T]) -> _T:
    """What is known by that name; UsageError lists the known ones."""
    if name not in known:
        raise UsageError(f"{kind} {name!r} is unknown; expected one of {', '.join(known)}")
    return known[name]


def fault(error: Exception) -> str:
    """An error that nobody foresaw, by its kind and place: its text may quote a file or its name."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return (
        f"{type(error).__name__} in {Path(last.filename).name}, line {last.lineno}: an error of ours, please report it"
    )
