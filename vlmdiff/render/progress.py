"""How far a command is, on stderr."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from vlmdiff.render.wording import count

LINE_EVERY = 10.0
"""Seconds between two lines where nobody watches a terminal."""


@contextmanager
def stages(quiet: bool) -> Iterator[Callable[[str, int, int], None] | None]:
    """A line on stderr that shows the stage and how far it is; None where nobody watches a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("starting", total=None)

        def show(stage: str, done: int, total: int) -> None:
            nonlocal task
            if stage != bar.tasks[0].description:  # a task once given a total cannot lose it
                bar.remove_task(task)
                task = bar.add_task(stage, total=total or None)
            bar.update(task, completed=done, total=total or None)

        yield show


@contextmanager
def pairs(quiet: bool) -> Iterator[Callable[[Counter[Any], int], None] | None]:
    """Pairs done, failures and time left on stderr: a bar on a terminal, else a line every ten seconds."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    console = Console(stderr=True)
    start = said = time.monotonic()

    def state(ended: Counter[Any], total: int) -> str:
        worked = ended.total() - ended["unchanged"]  # what was there took no time and tells nothing of the rest
        left = (time.monotonic() - start) / worked * (total - ended.total()) if worked else None
        failed = f", {ended['failed']} failed" if ended["failed"] else ""
        return failed + (f", {_duration(left)} left" if left else "")

    def line(ended: Counter[Any], total: int) -> None:
        nonlocal said
        if not ended or time.monotonic() - said >= LINE_EVERY:
            said = time.monotonic()
            print(f"{ended.total()} of {count(total, 'pair')}{state(ended, total)}", file=sys.stderr, flush=True)

    if quiet:
        yield None
    elif not console.is_terminal:
        yield line
    else:
        columns = (BarColumn(), MofNCompleteColumn(), TextColumn("pairs{task.description}"))
        with Progress(*columns, console=console, transient=True) as bar:
            task = bar.add_task("", total=None)
            yield lambda ended, total: bar.update(
                task, completed=ended.total(), total=total, description=state(ended, total)
            )


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{seconds:.0f} s" if seconds < 99.5 else f"{minutes} min" if minutes < 100 else f"{seconds / 3600:.1f} h"
