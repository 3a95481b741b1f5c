"""One process of several: which one this is, what it computes on, and what one of them does for all."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

_T = TypeVar("_T")


def first() -> bool:
    """Whether this process is the one that writes and prints: of a launcher's the first, or the only one."""
    return int(os.environ.get("RANK", 0)) == 0


def device() -> str:
    """The GPU of this process, or "cpu" where there is none."""
    import torch

    return f"cuda:{os.environ.get('LOCAL_RANK', 0)}" if torch.cuda.is_available() else "cpu"


def first_for_all(mark: Path, make: Callable[[], _T]) -> _T:
    """What `make` returns, the first process of a machine doing the work and the others finding it done.

    They wait for a file, because a barrier of the process group would give up before hours of encoding are over.

    Args:
        mark: written when the work is done; named after it, so that more work has another mark.
    """
    local = int(os.environ.get("LOCAL_RANK", 0))
    while local and not mark.exists():
        time.sleep(1)
    made = make()
    if not local and int(os.environ.get("WORLD_SIZE", 1)) > 1:
        mark.touch()
    return made
