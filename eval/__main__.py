"""How right is a system? `python -m eval core,nulls learned --bank BANK` scores vlmdiff on unseen photographs.

The bank is what `python -m data_synth pack` wrote. A run that was stopped goes on when it is started again.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from data_synth.sources import Bank
from eval import scoreboard
from eval.runs import complete, identity, in_processes, one_by_one, write_whole
from eval.suites import SUITES, digest, open_suite
from eval.systems import SYSTEMS, Options, System, open_bank, open_system
from vlmdiff.errors import VlmdiffError

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False, help=__doc__)

BankOption = Annotated[
    Path | None, typer.Option(metavar="PATH", help="Base images, packed; without it all images are drawn.")
]
Workers = Annotated[int, typer.Option(metavar="N", min=1, help="Processes.")]


@app.callback()
def _commands() -> None:
    pass


@app.command()
def run(
    suite: Annotated[str, typer.Argument(metavar="SUITE", help=f"{', '.join(SUITES)}; or several, with commas.")],
    system: Annotated[str, typer.Argument(metavar="SYSTEM", help=", ".join(SYSTEMS))] = "learned",
    bank: BankOption = None,
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Labelled real images, for the suites that are made of them.")
    ] = None,
    pairs: Annotated[int | None, typer.Option(metavar="N", min=1, help="Pairs a suite, fewer than it has.")] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder of the run; by default named after what is run.")
    ] = None,
    workers: Workers = 1,
    model: Annotated[str, typer.Option(metavar="NAME", help="The vision-language model.")] = "mini",
    adapter: Annotated[str | None, typer.Option(metavar="PATH", help="A trained adapter for the model.")] = None,
    endpoint: Annotated[
        str | None, typer.Option(metavar="URL", help="A server that speaks the OpenAI protocol, for `chat`.")
    ] = None,
) -> None:
    """Run suites with a system; print the scores and write scoreboard.md and scores.json."""
    options = Options(bank, model, adapter, endpoint)
    base_images, scored = open_bank(bank), open_system(system, options)
    asked = [open_suite(name, data) for name in dict.fromkeys(suite.split(","))]
    chosen = [one.resolved(base_images, scored.card) for one in asked]
    chosen = [one.first(pairs or one.pairs) for one in chosen]
    of = identity(chosen, base_images, scored)
    folder = out or Path("runs") / "eval" / f"{suite.replace(',', '-')}-{system}-{digest(of)[:8]}"
    if bank is None:
        print("no --bank: drawn images only, no photographs", file=sys.stderr)
    if workers > 1:
        run_all = partial(in_processes, opener=partial(_opened, system, options), workers=workers)
    else:
        run_all = partial(one_by_one, bank=base_images, system=scored)
    records = complete(folder, of, chosen, run_all, time_left())
    board = scoreboard.scoreboard(of, records)
    write_whole(folder / "scoreboard.md", scoreboard.markdown(board))
    write_whole(folder / "scores.json", scoreboard.as_json(board))
    print(scoreboard.metrics_table(board))
    print(f"\n{folder / 'scoreboard.md'} has the families, the domains and the failures", file=sys.stderr)


def _opened(system: str, options: Options) -> tuple[Bank, System]:
    return open_bank(options.bank), open_system(system, options)


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
    """Run the job; a failure prints one line and ends with its exit code.

    A first word that is no command is a suite: `python -m eval core learned` is `python -m eval run core learned`.
    """
    arguments = sys.argv[1:]
    if arguments and not arguments[0].startswith("-") and arguments[0] not in COMMANDS:
        arguments = ["run", *arguments]
    try:
        app(arguments, prog_name="python -m eval")
    except VlmdiffError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


COMMANDS = {"run"}
"""Of this program."""

if __name__ == "__main__":
    main()
