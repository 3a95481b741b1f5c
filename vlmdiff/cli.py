"""The command `vlmdiff`: parse, call one function, print. Data goes to stdout; progress and messages to stderr."""

from __future__ import annotations

import os
import re
import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NoReturn

import typer

from vlmdiff import __version__, errors
from vlmdiff.render.files import write_whole
from vlmdiff.render.progress import pairs, stages
from vlmdiff.render.wording import clean, count

if TYPE_CHECKING:
    from vlmdiff.findings import Report

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
        _fail(f"{errors.fault(error)} (VLMDIFF_DEBUG=1 shows all of it)", errors.VlmdiffError.exit_code)


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


_A = Annotated[
    str,
    typer.Argument(metavar="A", help="A folder, a glob in quotes, a list (.txt, .csv, .jsonl), archive or .npz."),
]
_B = Annotated[
    str | None,
    typer.Argument(metavar="B", help="The other set, in the same ways; without it A is a CSV or JSONL list of both."),
]
_Json = Annotated[bool, typer.Option("--json", help="Print the report as JSON (see `vlmdiff schema`).")]
_Out = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        file_okay=False,
        help="Write report.html, report.json, report.md and findings.csv into this folder.",
    ),
]
_ExitCode = Annotated[
    bool, typer.Option("--exit-code", help=f"Exit with {errors.DIFFERENT} when a verified difference exists.")
]
_Model = Annotated[str, typer.Option(metavar="NAME", help="The vision-language model (see `vlmdiff models`).")]
_Adapter = Annotated[str | None, typer.Option(metavar="PATH", help="A trained adapter for the model.")]
_Method = Annotated[
    str, typer.Option(metavar="NAME", help="How differences are proposed: learned, in_context or caption_rank.")
]
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
        "and B, its part in parentheses or all it matches; column:NAME where A and B are CSV lists; none: each image "
        "stands for itself. Without it a list's column group or patient, DICOM studies and files of several tell.",
    ),
]
_Metadata = Annotated[
    str | None,
    typer.Option(
        metavar="FILE.csv",
        help="What else is known of the images (scanner, site, age), a row an image with its path: findings are tested "
        "among images alike in each column; or column:NAME,NAME where A and B are CSV lists.",
    ),
]
_Window = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="Measured values shown as black to white, in both sets alike: lung, brain, bone, abdomen, WIDTH,LEVEL or "
        "auto (fitted to both sets).",
    ),
]
_Frames = Annotated[
    int, typer.Option(metavar="K", min=1, help="Of files with several frames or slices: the middle one, or K of them.")
]
_Channels = Annotated[
    str | None, typer.Option(metavar="N:COLOUR", help="Channels of microscopy images, as in 1:blue,2:green,3:red.")
]
_Volumes = Annotated[bool, typer.Option("--volumes", help="Read DICOM files of one series as one volume.")]
_DicomPictures = Annotated[
    bool, typer.Option("--dicom-pictures", help="Put pictures of DICOM images into the report (they may identify).")
]
_Cache = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        envvar="VLMDIFF_CACHE",
        file_okay=False,
        help="Keep the features of images in this folder (no pictures, no names), and look at none twice.",
    ),
]
_Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no messages.")]
_ShowNames = Annotated[
    bool,
    typer.Option("--show-names", help="Give the names of files in the report: of skipped ones, and beside image ids."),
]


_TWO_SETS = {"allow_extra_args": True}  # what a shell makes of an unquoted glob: see `_no_more`


def _no_more(context: typer.Context) -> None:
    if context.args:
        raise errors.UsageError(
            f"{count(len(context.args), 'argument')} too many: A and B are one each, a folder, list or archive; "
            "put globs in quotes ('photos/*.jpg'), or the shell takes them apart"
        )


@app.command(context_settings=_TWO_SETS)
def describe(
    context: typer.Context,
    a: _A,
    b: _B = None,
    as_json: _Json = False,
    out: _Out = None,
    model: _Model = "mini",
    adapter: _Adapter = None,
    method: _Method = "learned",
    max_images: _MaxImages = None,
    seed: _Seed = 0,
    device: _Device = "auto",
    alpha: _Alpha = 0.05,
    groups: _Groups = None,
    metadata: _Metadata = None,
    window: _Window = "auto",
    frames: _Frames = 1,
    channels: _Channels = None,
    volumes: _Volumes = False,
    dicom_pictures: _DicomPictures = False,
    cache: _Cache = None,
    exit_code: _ExitCode = False,
    quiet: _Quiet = False,
    show_names: _ShowNames = False,
) -> None:
    """Describe how the images of A and B differ."""
    _no_more(context)
    from vlmdiff.describe import run
    from vlmdiff.images.reading import Reading

    reading = Reading(window, frames, channels, volumes, dicom_pictures)
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
            metadata=metadata,
            reading=reading,
            cache=cache,
            progress=progress,
        )
    _deliver(description.report, description.pictures, as_json, out, exit_code, quiet)


@app.command(context_settings=_TWO_SETS)
def test(
    context: typer.Context,
    claim: Annotated[str, typer.Argument(metavar="CLAIM", help='What one set shows more: "the images are darker".')],
    a: _A,
    b: _B = None,
    side: Annotated[
        Literal["a", "b"] | None,
        typer.Option(
            metavar="a|b",
            case_sensitive=False,
            help="The set that is said to show it more; without it, either (two-sided).",
        ),
    ] = None,
    as_json: _Json = False,
    out: _Out = None,
    model: _Model = "mini",
    adapter: _Adapter = None,
    max_images: _MaxImages = None,
    seed: _Seed = 0,
    device: _Device = "auto",
    alpha: _Alpha = 0.05,
    groups: _Groups = None,
    metadata: _Metadata = None,
    window: _Window = "auto",
    frames: _Frames = 1,
    channels: _Channels = None,
    volumes: _Volumes = False,
    dicom_pictures: _DicomPictures = False,
    cache: _Cache = None,
    exit_code: _ExitCode = False,
    quiet: _Quiet = False,
    show_names: _ShowNames = False,
) -> None:
    """Test a sentence of your own: does it fit the images of A or of B better?"""
    _no_more(context)
    from vlmdiff.claim import run
    from vlmdiff.images.reading import Reading

    reading = Reading(window, frames, channels, volumes, dicom_pictures)
    if out is not None:
        _make_folder(out)
    with stages(quiet) as progress:
        description = run(
            claim,
            a,
            b,
            side=side,
            model=model,
            adapter=adapter,
            max_images=max_images,
            seed=seed,
            device=device,
            alpha=alpha,
            show_names=show_names,
            groups=groups,
            metadata=metadata,
            reading=reading,
            cache=cache,
            progress=progress,
        )
    _deliver(description.report, description.pictures, as_json, out, exit_code, quiet)


@app.command()
def batch(
    manifest: Annotated[
        Path,
        typer.Argument(
            metavar="MANIFEST",
            help="A CSV file with the columns a and b, a row a pair, paths relative to its folder; name, max_images, "
            "groups, metadata, seed where wanted; other columns are labels to filter by.",
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
    metadata: _Metadata = None,
    window: _Window = "auto",
    frames: _Frames = 1,
    channels: _Channels = None,
    volumes: _Volumes = False,
    dicom_pictures: _DicomPictures = False,
    cache: _Cache = None,
    shard: Annotated[
        str, typer.Option(metavar="K/N", help="Every N-th row from the K-th on; N machines share one DIR.")
    ] = "1/1",
    workers: Annotated[int, typer.Option(metavar="N", min=1, help="Processes; each loads the model.")] = 1,
    quiet: _Quiet = False,
    show_names: _ShowNames = False,
) -> None:
    """Describe many pairs; the same call goes on where it was stopped, and tries again what failed."""
    from vlmdiff.batch import Options, run_batch
    from vlmdiff.images.reading import Reading
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
    reading = Reading(window, frames, channels, volumes, dicom_pictures)
    options = Options(
        model, adapter, method, max_images, seed, device, alpha, show_names, groups, metadata, reading, cache
    )
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
    from vlmdiff.models.profiles import DEFAULT, PROFILES

    files = weight_files()
    size = f"{sum(file.stat().st_size for file in files) / 1e9:.2f}" if files else "missing"
    rows = [
        ("NAME", "FAMILY", "GB", "TOKENS", "LICENCE"),
        ("mini", "embedded (default)", size, "64", "Apache-2.0"),
        *((p.checkpoint, p.name, f"{p.gigabytes:.1f}", str(p.tower_tokens), p.licence) for p in PROFILES.values()),
    ]
    for name, family, memory, tokens, licence in rows:
        print(f"{name:<43} {family:<18} {memory:>5} {tokens:>6}  {licence}")
    print("\nNAME is for --model; a folder with such a model will do as well, and other sizes of a family, in GB:")
    for profile in PROFILES.values():
        print(f"  {profile.name}: {profile.others}")
    print(
        "GB: memory of the weights, in bfloat16. TOKENS: of an image in a prompt. mini is in the package and\n"
        "works offline on a CPU; others are taken from the hub's local cache, or fetched into it. On a GPU\n"
        f"begin with {DEFAULT}. Untuned they take --method in_context or caption_rank;\n"
        "learned wants an --adapter from `python -m train lora`."
    )


@app.command()
def claims(
    words: Annotated[
        list[str] | None, typer.Argument(metavar="[WORDS]...", help="List those alone that hold all of these words.")
    ] = None,
    model: _Model = "mini",
    adapter: _Adapter = None,
) -> None:
    """List what the model was taught to say, and `test` to judge, a claim a line."""
    from vlmdiff.models import taught

    wanted = [word.lower() for word in words or ()]
    known = [claim for of_family in taught(model, adapter).values() for claim in of_family]
    found = [claim for claim in known if all(word in claim.lower() for word in wanted)]
    if not found:
        raise errors.UsageError(f"none of {len(known)} claims holds {' and '.join(map(repr, wanted))}; try fewer words")
    print("\n".join(found))


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


def _deliver(
    report: Report, pictures: Mapping[str, bytes], as_json: bool, out: Path | None, exit_code: bool, quiet: bool
) -> None:
    """Write and print a report, and end with the code that was asked for."""
    from rich.console import Console

    from vlmdiff.render import folder, jsonout, terminal

    try:
        if out is not None:
            for name, text in folder.texts(report, pictures).items():
                write_whole(out / name, text)
    finally:  # a full disk costs the files, not the answer
        if as_json:
            print(jsonout.dumps(report))
        else:
            console = Console()
            console.print(terminal.text(report), soft_wrap=not console.is_terminal)
    if out is not None and not quiet:
        sys.stdout.flush()
        print(f"\nReport: {out / folder.PAGE}", file=sys.stderr)
    can_differ = report.claim is not None or report.verdict == "different"
    if exit_code and can_differ and any(item.verdict == "verified" for item in report.findings):
        raise typer.Exit(errors.DIFFERENT)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise errors.UsageError(f"--out {folder}: {error.strerror}; name a folder that can be written") from error
