"""Says in words how two sets of images differ, and proves it: `vlmdiff.describe("a/", "b/")`."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from vlmdiff.findings import Report

__version__ = "0.1.0"
__all__ = ["__version__", "describe"]


def describe(a: str | Path, b: str | Path | None = None, **options: Any) -> Report:
    """Describe how two sets of images differ; every finding is verified on images that did not suggest it.

    Args:
        a: the first set: a folder (searched recursively), a glob, a text or CSV file listing images, or an archive.
        b: the second set; None where `a` is a manifest of both.
        options: those of the command, as keywords: model, adapter, method, max_images, seed, device, alpha, show_names,
            groups, metadata; and `reading`, a vlmdiff.images.Reading with window, frames, channels and the like.

    Raises:
        VlmdiffError: one line that names the value, what was expected and what to do (see vlmdiff.errors).
    """
    from vlmdiff.describe import run

    return run(a, b, **options).report


class _Package(ModuleType):
    """This package: `describe` stays the function although a submodule has the same name."""

    def __setattr__(self, name: str, value: object) -> None:
        # Importing vlmdiff.describe would otherwise put the module in the function's place.
        if not (name == "describe" and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
