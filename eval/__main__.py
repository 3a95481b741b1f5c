"""How right is vlmdiff? `python -m eval core --bank BANK` scores it on unseen photographs and on null pairs.

The bank is what `python -m data_synth pack` wrote. A run that was stopped goes on when it is started again.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from eval import scoreboard
from eval.runs import complete, identity, in_processes, one_by_one, write_whole
from eval.suites import SUITES, digest, resolved
from eval.systems import open_vlmdiff
from vlmdiff.errors import UsageError, VlmdiffError

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command()
def run(
    suite: Annotated[
        str, typer.Argument(metavar="SUITE", help=f"{', '.join(SUITES)}; nulls are run with every suite.")
    ],
    bank: Annotated[
        Path | None, typer.Option(metavar="PATH", help="Base images, packed; without it all images are drawn.")
    ] = None,
    pairs: Annotated[int | None, typer.Option(metavar="N", min=1, help="Pairs a suite, fewer than it has.")] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder of the run; by default named after what is run.")
    ] = None,
    workers: Annotated[int, typer.Option(metavar="N", min=1, help="Processes.")] = 1,
    model: Annotated[str, typer.Option(metavar="NAME", help="The vision-language model.")] = "mini",
    adapter: Annotated[str | None, typer.Option(metavar="PATH", help="A trained adapter for the model.")] = None,
) -> None:
    """Run a suite and null pairs with vlmdiff; print the scores and write scoreboard.md and scores.json."""
    if suite not in SUITES:
        raise UsageError(f"no suite {suite!r}; known are {', '.join(SUITES)}")
    base_images, system = open_vlmdiff(bank, model, adapter)
    chosen = [resolved(SUITES[name], base_images, system.families) for name in dict.fromkeys((suite, "nulls"))]
    chosen = [replace(one, pairs=min(one.pairs, pairs or one.pairs)) for one in chosen]
    of = identity(chosen, base_images, system)
    folder = out or Path("runs") / "eval" / f"{suite}-{digest(of)[:8]}"
    if bank is None:
        print("no --bank: drawn images only, no photographs", file=sys.stderr)
    if workers > 1:
        run_all = partial(in_processes, opener=partial(open_vlmdiff, bank, model, adapter), workers=workers)
    else:
        run_all = partial(one_by_one, bank=base_images, system=system)
    records = complete(folder, of, chosen, run_all, time_left())
    board = scoreboard.scoreboard(of, records)
    write_whole(folder / "scoreboard.md", scoreboard.markdown(board))
    write_whole(folder / "scores.json", scoreboard.as_json(board))
    print(scoreboard.metrics_table(board))
    print(f"\n{folder / 'scoreboard.md'} has the families, the domains and the failures", file=sys.stderr)


def time_left() -> Callable[[int, int], None]:
    """Progress on stderr, every tenth pair."""
    start, fresh = time.monotonic(), 0

    def show(done: int, wanted: int) -> None:
        nonlocal fresh
        fresh += 1
        if fresh % 10 == 0 or done == wanted:
            minutes = (time.monotonic() - start) / fresh * (wanted - done) / 60
            print(f"{done}/{wanted} pairs  {minutes:.1f} min left", file=sys.stderr)

    return show


def main() -> None:
    """Run the job; a failure prints one line and ends with its exit code."""
    try:
        app(prog_name="python -m eval")
    except VlmdiffError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
