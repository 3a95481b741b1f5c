"""The command `vlmdiff`: parse, call one function, print. Data goes to stdout; progress and messages to stderr."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from vlmdiff import __version__, errors

# What a command needs is imported inside it: `vlmdiff --help` must not wait for numpy, let alone torch.

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command and exit; a failure is one line on stderr and the exit code of its kind.

    With VLMDIFF_DEBUG=1 in the environment the traceback is shown as well.
    """
    try:
        app(arguments, prog_name="vlmdiff")
    except errors.VlmdiffError as error:
        _fail(str(error), error.exit_code)
    except Exception as error:
        hint = "an error of ours, please report it; VLMDIFF_DEBUG=1 shows where"
        _fail(f"{type(error).__name__}: {error} ({hint})", errors.VlmdiffError.exit_code)


def _fail(message: str, code: int) -> NoReturn:
    from vlmdiff.render.wording import clean

    if os.environ.get("VLMDIFF_DEBUG"):
        traceback.print_exc()
    print(f"vlmdiff: {clean(message)}", file=sys.stderr)
    sys.exit(code)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"vlmdiff {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Says in words how two sets of images differ, and proves it on images that did not suggest it."""


def _between_0_and_1(value: float) -> float:
    if not 0 < value < 1:
        raise typer.BadParameter(f"{value} is not between 0 and 1")
    return value


@app.command()
def describe(
    a: Annotated[str, typer.Argument(metavar="A", help="A folder, a glob in quotes, a text or CSV list, an archive.")],
    b: Annotated[str, typer.Argument(metavar="B", help="The other set, in the same ways.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON (see `vlmdiff schema`).")] = False,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", file_okay=False, help="Write report.html and report.json into this folder."),
    ] = None,
    model: Annotated[str, typer.Option(metavar="NAME", help="The vision-language model (see `vlmdiff models`).")] = (
        "mini"
    ),
    adapter: Annotated[str | None, typer.Option(metavar="PATH", help="A trained adapter for the model.")] = None,
    method: Annotated[str, typer.Option(metavar="NAME", help="How differences are proposed.")] = "learned",
    max_images: Annotated[
        int | None, typer.Option(metavar="N", min=2, help="Use at most this many images of each set, drawn by seed.")
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="The same seed gives the same report.")] = 0,
    device: Annotated[str, typer.Option(metavar="NAME", help="auto, cpu or cuda.")] = "auto",
    alpha: Annotated[
        float,
        typer.Option(metavar="P", callback=_between_0_and_1, help="Error rate of the test and of the findings."),
    ] = 0.05,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help=f"Exit with {errors.DIFFERENT} when a verified difference exists.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no messages.")] = False,
    show_names: Annotated[bool, typer.Option("--show-names", help="Name skipped files instead of numbering them.")] = (
        False
    ),
) -> None:
    """Describe how the images of A and B differ."""
    from rich.console import Console

    from vlmdiff.describe import run
    from vlmdiff.render import html, jsonout, terminal

    if out is not None:
        _make_folder(out)
    with _progress(quiet) as progress:
        description = run(
            a,
            b,
            model=model,
            adapter=adapter,
            method=method,
            max_images=max_images,
            seed=seed,
            device=device,
            alpha=alpha,
            show_names=show_names,
            progress=progress,
        )
    report = description.report
    if out is not None:
        _write(out / "report.json", jsonout.dumps(report) + "\n")
        _write(out / "report.html", html.page(report, description.pictures))
    if as_json:
        print(jsonout.dumps(report))
    else:
        console = Console()
        console.print(terminal.text(report), soft_wrap=not console.is_terminal)
    if out is not None and not quiet:
        sys.stdout.flush()
        print(f"\nReport: {out / 'report.html'}", file=sys.stderr)
    if exit_code and report.verdict == "different" and any(item.verdict == "verified" for item in report.findings):
        raise typer.Exit(errors.DIFFERENT)


@app.command()
def models() -> None:
    """List the models that --model knows."""
    from vlmdiff.doctor import weight_files
    from vlmdiff.models.profiles import PROFILES

    files = weight_files()
    size = sum(file.stat().st_size for file in files) / 1e6
    print(f"mini  embedded, {f'{size:.1f} MB' if files else 'weights missing'}; works offline on a CPU (the default)")
    print(f"types of models that can be adapted: {', '.join(sorted(PROFILES))}")


@app.command()
def doctor() -> None:
    """Check Python, packages, device, picture formats and weights; exit 1 when something is wrong."""
    from vlmdiff.doctor import checks

    found = checks()
    for check in found:
        print(f"{'ok  ' if check.ok else 'FAIL'}  {check.name}: {check.detail}")
    if not all(check.ok for check in found):
        raise typer.Exit(errors.VlmdiffError.exit_code)


@app.command()
def schema() -> None:
    """Print the JSON Schema of a report."""
    from vlmdiff.render import jsonout

    print(jsonout.schema())


@contextmanager
def _progress(quiet: bool) -> Iterator[Callable[[str, int, int], None] | None]:
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


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise errors.UsageError(f"--out {folder}: {error.strerror}; name a folder that can be written") from error


def _write(file: Path, text: str) -> None:
    """Write a file whole or not at all."""
    part = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with part.open("w", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(part, file)
    except OSError as error:
        raise errors.VlmdiffError(
            f"cannot write {file}: {error.strerror}; free space or choose another --out"
        ) from error
    finally:
        part.unlink(missing_ok=True)
