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

from eval import agreement, compare, costs, leaderboard, pages, scoreboard, tables
from eval.judge import JUDGES, JudgeOptions
from eval.medical.page import LABELLED, write_pages
from eval.runs import complete, identity, in_processes, one_by_one
from eval.suites import SUITES, digest, open_suite
from eval.systems import SYSTEMS, Options, open_bank, open_system, opened
from vlmdiff.errors import REGRESSION, UsageError, VlmdiffError
from vlmdiff.models.accuracy import ACCURACY_FILE
from vlmdiff.render.files import write_whole

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False, help=__doc__)

BankOption = Annotated[
    Path | None, typer.Option(metavar="PATH", help="Base images, packed; without it all images are drawn.")
]
JudgeName = Annotated[
    str, typer.Option(metavar="JUDGE", help=f"Of what is known of real sets in words: {', '.join(JUDGES)}.")
]
RunPlace = Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run, or what `keep` wrote of one.")]
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
    like: Annotated[
        str | None, typer.Option(metavar="SYSTEM", help="Ask what this one is asked, by its run card: the same pairs.")
    ] = None,
    judge: JudgeName = "parser",
    judge_model: Annotated[str | None, typer.Option(metavar="NAME", help="The judge's model.")] = None,
    report: Annotated[
        bool, typer.Option("--report", help="Write scoreboard.html, too: plots, failures with their images.")
    ] = False,
) -> None:
    """Run suites with a system; print the scores and write scoreboard.md, scores.json and cost.json."""
    options = Options(bank, model, adapter, endpoint)
    base_images, scored = open_bank(bank), open_system(system, options)
    asked = [open_suite(name, data) for name in dict.fromkeys(suite.split(","))]
    if like is not None:
        taught = open_system(like, Options(bank)).card
        asked = [one.resolved(base_images, taught) for one in asked]
    chosen = [one.resolved(base_images, scored.card) for one in asked]
    for name, line in ((one.name, line) for one in chosen for line in one.left_out):
        print(f"{name}: left out: {line}", file=sys.stderr)
    chosen = [one.first(pairs or one.pairs) for one in chosen]
    of = identity(chosen, base_images, scored)
    folder = out or Path("runs") / "eval" / f"{suite.replace(',', '-')}-{system}-{digest(of)[:8]}"
    if bank is None:
        print("no --bank: drawn images only, no photographs", file=sys.stderr)
    if workers > 1:
        run_all = partial(in_processes, opener=partial(opened, system, options), workers=workers)
    else:
        run_all = partial(one_by_one, bank=base_images, system=scored)
    records = complete(folder, of, chosen, run_all, time_left())
    board = scoreboard.judged(of, records, judge, JudgeOptions(judge_model, endpoint))
    spent = costs.costs(records)
    write_whole(folder / "scoreboard.md", tables.markdown(board))
    write_whole(folder / "scores.json", scoreboard.as_json(board))
    write_whole(folder / "cost.json", costs.as_json(spent))
    if report:
        pictures = pages.failure_pictures(board, chosen, base_images)
        write_whole(folder / "scoreboard.html", pages.page(board, spent, pictures, pages.provenance()))
        if any(one.name in LABELLED for one in chosen):
            write_pages(folder, judge, JudgeOptions(judge_model, endpoint))
    print(tables.metrics_tables(board))
    page = folder / ("scoreboard.html" if report else "scoreboard.md")
    print(f"\n{page} has the families, the domains and the failures", file=sys.stderr)


@app.command()
def judges(
    judge: Annotated[
        str, typer.Argument(metavar="JUDGE", help=f"{', '.join(JUDGES)}; or several, with commas.")
    ] = "parser,words",
    model: Annotated[
        str | None, typer.Option(metavar="NAME", help="Folder of the judge's model, or its name at the endpoint.")
    ] = None,
    endpoint: Annotated[
        str | None, typer.Option(metavar="URL", help="A server that speaks the OpenAI protocol, for `chat`.")
    ] = None,
) -> None:
    """Print how far judges agree with people, in Markdown."""
    print(agreement.page(judge.split(","), JudgeOptions(model, endpoint)), end="")


@app.command("judging")
def judge_images(
    bank: BankOption = None,
    split: Annotated[str, typer.Option(metavar="SPLIT", help="Photographs: test, or val for --into.")] = "test",
    pairs: Annotated[int, typer.Option(metavar="N", min=1, help="Pairs a family.")] = 6,
    model: Annotated[str, typer.Option(metavar="NAME", help="The vision-language model.")] = "mini",
    adapter: Annotated[str | None, typer.Option(metavar="PATH", help="A trained adapter for the model.")] = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder of the run.")] = None,
    into: Annotated[
        Path | None, typer.Option(metavar="ADAPTER", help="Folder that gets judge.json, which corrects prevalences.")
    ] = None,
) -> None:
    """Measure the judge of single images, family by family; print the page and write it as judging.md."""
    from eval import judging
    from vlmdiff import models

    chosen = judging.split_of(split)
    if into is not None and chosen == "test":
        raise UsageError("what a judge is corrected by may not come from test images; give --split val")
    scored = models.load(model, adapter=adapter)
    folder = out or Path("runs") / "eval" / f"judging-{judging.digest_of(scored, chosen)}"
    found = judging.run(scored, open_bank(bank), folder, pairs, chosen, time_left())
    if into is not None:
        write_whole(into / ACCURACY_FILE, judging.accuracy(found, scored, chosen).model_dump_json(indent=0) + "\n")
    said = judging.page(found, scored, chosen)
    write_whole(folder / "judging.md", said)
    print(said, end="")


@app.command("compare")
def compare_runs(
    before: RunPlace,
    after: RunPlace,
    gate: Annotated[
        bool,
        typer.Option("--gate", help=f"End with exit code {REGRESSION} where a headline score is worse beyond noise."),
    ] = False,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder to write compare.md into, too.")] = None,
) -> None:
    """Print how two runs over the same pairs differ, with intervals."""
    found = compare.compare(compare.read(before), compare.read(after))
    page = compare.markdown(found)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        write_whole(out / "compare.md", page)
    print(page, end="")
    if gate and found.regressions:
        print("regression: " + "; ".join(found.regressions), file=sys.stderr)
        raise typer.Exit(REGRESSION)


@app.command()
def keep(
    run: RunPlace, file: Annotated[Path, typer.Argument(metavar="FILE", help="What to write, for `compare`.")]
) -> None:
    """Write what `compare` needs of a run to a small file: scores and no images or sentences."""
    write_whole(file, compare.as_json(compare.read(run)))


@app.command("leaderboard")
def write_leaderboard(
    runs: Annotated[list[Path], typer.Argument(metavar="RUNS...", help="Folders of finished runs.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="The page.")] = Path("docs/leaderboard.md"),
    judge: JudgeName = "parser",
) -> None:
    """Write the leaderboard of finished runs, a section a suite."""
    write_whole(out, leaderboard.markdown(leaderboard.read(runs, judge)))
    print(f"{out} has {len(runs)} runs", file=sys.stderr)


@app.command()
def clinician(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run of medical or real-easy.")],
    judge: Annotated[str, typer.Option(metavar="JUDGE", help=", ".join(JUDGES))] = "parser",
    model: Annotated[str | None, typer.Option(metavar="NAME", help="As for `judges`.")] = None,
    endpoint: Annotated[str | None, typer.Option(metavar="URL", help="As for `judges`.")] = None,
) -> None:
    """Write what a clinician can read of a run, medical.html and medical.md, into its folder."""
    for file in write_pages(folder, judge, JudgeOptions(model, endpoint)):
        print(file)


@app.command("reports")
def write_reports(
    suite: Annotated[str, typer.Argument(metavar="SUITE", help="medical, real-easy, or both with a comma.")],
    data: Annotated[Path, typer.Option(metavar="DIR", help="Labelled real images.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the reports.")],
    bank: BankOption = None,
    model: Annotated[str, typer.Option(metavar="NAME", help="The vision-language model.")] = "mini",
    adapter: Annotated[str | None, typer.Option(metavar="PATH", help="A trained adapter for the model.")] = None,
) -> None:
    """Write the report of every labelled comparison, as Markdown with what is known of it; for people to grade."""
    from eval import reports
    from eval.medical.suite import RealSuite

    base_images, system = open_bank(bank), open_system("learned", Options(bank, model, adapter))
    out.mkdir(parents=True, exist_ok=True)
    for name in suite.split(","):
        asked = open_suite(name, data).resolved(base_images, system.card)
        if not isinstance(asked, RealSuite):
            raise UsageError(f"suite {name!r} has no labelled real sets; expected medical or real-easy")
        for line in asked.left_out:
            print(f"{name}: left out: {line}", file=sys.stderr)
        for file, page in reports.pages(asked, base_images, system):
            write_whole(out / file, page)
            print(out / file)


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


COMMANDS = {"run", "judges", "judging", "compare", "keep", "leaderboard", "clinician", "reports"}
"""Of this program."""

if __name__ == "__main__":
    main()
