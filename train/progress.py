"""How far a long job is, and how long it will still take, on stderr."""

from __future__ import annotations

import sys
import time


class Progress:
    """Prints a line at most every ten seconds."""

    def __init__(self, name: str, total: int, done: int = 0) -> None:
        self.name, self.total, self.done, self.first = name, total, done, done
        self.start = self.printed = time.monotonic()

    def step(self) -> None:
        self.done += 1
        now = time.monotonic()
        if now - self.printed >= 10 or self.done == self.total:
            self.printed = now
            left = (now - self.start) / (self.done - self.first) * (self.total - self.done)
            print(f"{self.name}: {self.done}/{self.total}, {left / 60:.1f} min left", file=sys.stderr)
