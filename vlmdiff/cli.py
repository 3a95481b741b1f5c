"""The command `vlmdiff`: parse, call one function, print. Data goes to stdout; progress and messages to stderr."""

from __future__ import annotations

import os
import re
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from vlmdiff import __version__, errors
from vlmdiff.render.files import write_whole
from vlmdiff.render.progress import pairs, stages
from vlmdiff.render.wording import clean, count

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


_Model = Annotated[str, typer.Option(metavar="NAME", help="The vision-language model (see `vlmdiff models`).")]
_Adapter = Annotated[str | None, typer.Option(metavar="PATH", help="A trained adapter for the model.")]
_Method = Annotated[str, typer.Option(metavar="NAME", help="How differences are proposed.")]
_MaxImages = Annotated[
    int | None, typer.Option(metavar="N", min=2, help="Use at most this many images of each set, drawn by seed.")
]
_Seed = Annotated[int, typer.Option(metavar="N", min=0, help="The same seed gives the same report.")]
_Device = Annotated[str, typer.Option(metavar="NAME", help="auto, cpu or cuda.")]
_Alpha = Annotated[
    float, typer.Option(metavar="P", callback=_between_0_and_1, help="Error rate of the test and of the findings.")
]
_Groups = Annotated[
    str | None,
    typer.Option(
        metavar="REGEX",
        help="Images that belong together (one patient, one burst): a regular expression for their paths inside A "
        "and B, its first group or all it matches; or column:NAME where A and B are CSV lists.",
    ),
]
_Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no messages.")]
_ShowNames = Annotated[bool, typer.Option("--show-names", help="Name skipped files instead of numbering them.")]


@app.command()
def describe(
    a: Annotated[str, typer.Argument(metavar="A", help="A folder, a glob in quotes, a text or CSV list, an archive.")],
    b: Annotated[str, typer.Argument(metavar="B", help="The other set, in the same ways.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON (see `vlmdiff schema`).")] = False,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", file_okay=False, help="Write report.html and report.json into this folder."),
    ] = None,
    model: _Model = "mini",
    adapter: _Adapter = None,
    method: _Method = "learned",
    max_images: _MaxImages = None,
    seed: _Seed = 0,
    device: _Device = "auto",
    alpha: _Alpha = 0.05,
    groups: _Groups = None,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help=f"Exit with {errors.DIFFERENT} when a verified difference exists.")
    ] = False,
    quiet: _Quiet = False,
    show_names: _ShowNames = False,
) -> None:
    """Describe how the images of A and B differ."""
    from rich.console import Console

    from vlmdiff.describe import run
    from vlmdiff.render import html, jsonout, terminal

    if out is not None:
        _make_folder(out)
    with stages(quiet) as progress:
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
            groups=groups,
            progress=progress,
        )
    report = description.report
    if out is not None:
        write_whole(out / "report.json", jsonout.dumps(report) + "\n")
        write_whole(out / "report.html", html.page(report, description.pictures))
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
def batch(
    manifest: Annotated[
        Path,
        typer.Argument(
            metavar="MANIFEST",
            help="A CSV file with the columns a and b, a row a pair, paths relative to its folder; name, max_images, "
            "groups, seed where wanted; other columns are labels to filter by.",
        ),
    ],
    out: Annotated[
        Path, typer.Option(metavar="DIR", file_okay=False, help="A folder a pair, index.html and index.csv go here.")
    ],
    model: _Model = "mini",
    adapter: _Adapter = None,
    method: _Method = "learned",
    max_images: _MaxImages = None,
    seed: _Seed = 0,
    device: _Device = "auto",
    alpha: _Alpha = 0.05,
    groups: _Groups = None,
    shard: Annotated[
        str, typer.Option(metavar="K/N", help="Every N-th row from the K-th on; N machines share one DIR.")
    ] = "1/1",
    workers: Annotated[int, typer.Option(metavar="N", min=1, help="Processes; each loads the model.")] = 1,
    quiet: _Quiet = False,
    show_names: _ShowNames = False,
) -> None:
    """Describe many pairs; the same call goes on where it was stopped, and tries again what failed."""
    from vlmdiff.batch import Options, run_batch
    from vlmdiff.manifest import read_manifest

    part = re.fullmatch(r"(\d+)/(\d+)", shard)
    if not part:
        raise errors.UsageError(f"--shard {shard!r} is no part; expected K/N, such as 1/4")
    rows, problems = read_manifest(manifest)
    if problems:
        for problem in problems:
            print(f"{manifest}: {clean(problem)}", file=sys.stderr)
        raise errors.InputError(f"{manifest}: {count(len(problems), 'error')}; nothing was run")
    _make_folder(out)
    options = Options(model, adapter, method, max_images, seed, device, alpha, show_names, groups)
    try:
        with pairs(quiet) as progress:
            ended = run_batch(
                rows, out, options, shard=(int(part[1]), int(part[2])), workers=workers, progress=progress
            )
    except KeyboardInterrupt:
        if not quiet:
            print("stopped; what is finished is kept, and the same call goes on", file=sys.stderr)
        raise typer.Exit(errors.INTERRUPTED) from None
    if not quiet:
        parts = ", ".join(f"{number} {kind}" for kind, number in sorted(ended.items()))
        print(f"{count(ended.total(), 'pair')}: {parts or 'none'}\nIndex: {out / 'index.html'}", file=sys.stderr)
    if ended["failed"]:
        raise errors.BatchError(
            f"{ended['failed']} of {count(ended.total(), 'pair')} failed (the index says why); "
            "the same call tries them again"
        )


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


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise errors.UsageError(f"--out {folder}: {error.strerror}; name a folder that can be written") from error
