"""The jobs around pairs: `python -m data_synth pack`, `calibrate`, `pair`, `make` and `gallery`."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, replace
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Annotated

import cv2
import typer

from data_synth import calibrate as calibration
from data_synth import sources
from data_synth.catalog import EVERY
from data_synth.compose import compose
from data_synth.config import PairConfig
from data_synth.curves import markdown, plot
from data_synth.dataset import ENGINES
from data_synth.dataset import make as write_dataset
from data_synth.gallery import chosen, ground, page
from data_synth.lexicon import canonical
from data_synth.recipes import RECIPES, named
from vlmdiff.errors import INTERRUPTED, UsageError, VlmdiffError

app = typer.Typer(help="Base images and the strength scale of pairs whose difference is known.", add_completion=False)


@app.callback()
def refuse_albumentationsx() -> None:
    """No job starts beside AlbumentationsX, which takes the import name of the freely licensed albumentations.

    Raises:
        UsageError: the distribution is installed.
    """
    try:
        found = distribution("albumentationsx")
    except PackageNotFoundError:
        return
    raise UsageError(
        f"AlbumentationsX {found.version} is installed, and its licence, the AGPL, would bind what is built with it; "
        "uninstall it: pip uninstall albumentationsx"
    )


@app.command()
def pack(
    places: Annotated[
        list[str],
        typer.Argument(
            metavar="ROOT...",
            help="Folders or archives of <data set>/<class>/*.jpg or *.png, or hf:NAME_OR_PATH[:split].",
        ),
    ],
    out: Annotated[Path, typer.Argument(help="The array to write; its list goes beside it, as .json.")],
) -> None:
    """Decode every image once, into one memory-mappable array; near-duplicates are found and share a split."""
    packed = sources.pack(places, out)
    for name, reason in packed.skipped:
        print(f"skipped {name}: {reason}")
    print(f"{packed.kept} images kept, {packed.groups} different pictures, {len(packed.skipped)} skipped: {out}")


@app.command()
def calibrate(
    bank: Annotated[Path, typer.Option(help="What `pack` wrote.")],
    images: Annotated[int, typer.Option(help="Touched images to train the probe on, and as many to test it on.")] = 250,
    seed: Annotated[int, typer.Option(help="Of the images and of all parameters.")] = 0,
    families: Annotated[str, typer.Option(help="Only these, by comma; the others stay as they are in OUT.")] = "",
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = 1,
    out: Annotated[Path, typer.Option(help="The curves; written after each family.")] = calibration.CURVES,
) -> None:
    """Measure at which amount each family is as detectable as a strength says."""
    names = list(filter(None, families.split(","))) or list(EVERY)
    unknown = [name for name in names if name not in EVERY]
    if unknown:
        raise UsageError(f"families {', '.join(unknown)} are unknown; expected some of {', '.join(EVERY)}")
    found = calibration.of(images, seed, out if families else None)
    measured = calibration.calibrate(names, sources.Bank.load(bank), images, seed, workers)
    for done, (name, curve) in enumerate(measured, start=1):
        found = replace(found, curves={**found.curves, name: curve})
        calibration.write(found, out)
        reached = f"AUROC {curve.middle:.3f}" if curve.middle else f"at most AUROC {curve.ceiling}"
        print(f"{done:3}/{len(names)} {name:22} half strength at amount {curve.amounts[5]:.3f}, {reached}", flush=True)


@app.command()
def curves(
    out: Annotated[Path, typer.Argument(help="Folder for strength.md and strength.svg.")] = Path("docs"),
    source: Annotated[Path, typer.Option("--from", help="What `calibrate` wrote.")] = calibration.CURVES,
) -> None:
    """Plot and list the strength curves."""
    found = calibration.read(source)
    plot(found, out / "strength.svg")
    (out / "strength.md").write_text(markdown(found, "strength.svg"), encoding="utf-8")
    print(out / "strength.md")


@app.command()
def pair(
    out: Annotated[Path, typer.Argument(help="Folder for a/, b/ and facts.json; must not exist yet.")],
    bank: Annotated[Path | None, typer.Option(help="What `pack` wrote; none: drawn images.")] = None,
    families: Annotated[str, typer.Option(help="Families to draw the difference from, by comma; none: all.")] = "",
    domains: Annotated[str, typer.Option(help="Image domains, by comma; none: all.")] = "",
    images: Annotated[int, typer.Option(help="Images a set.")] = 24,
    strength: Annotated[float, typer.Option(help="0 (invisible) to 1 (obvious).")] = 0.8,
    prevalence: Annotated[float, typer.Option(help="Share of one set's images that show it.")] = 0.8,
    side: Annotated[int, typer.Option(help="Pixels a side.")] = 192,
    seed: Annotated[int, typer.Option(help="Of everything drawn.")] = 0,
) -> None:
    """Write one labelled pair as two folders of PNG files, to try `vlmdiff describe` on."""
    config = PairConfig(
        split="test",
        domains=tuple(filter(None, domains.split(","))),
        families=tuple(filter(None, families.split(","))) or tuple(EVERY),
        set_size=(images, images),
        facts=(0.0, 1.0),
        strength=(strength, strength),
        prevalence=(prevalence, prevalence),
        nuisances=(1.0,),
        world_share=0.0,
        sides=(side,),
        held_out=True,
    )
    made = compose(config, sources.Bank.load(bank) if bank else sources.Bank.drawn_only(), seed, 0)
    for name, pictures in (("a", made.images_a), ("b", made.images_b)):
        (out / name).mkdir(parents=True)
        for i, picture in enumerate(pictures):
            cv2.imwrite(str(out / name / f"{i:03}.png"), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    facts = [{**asdict(fact), "text": canonical(fact.content)} for fact in made.difference]
    (out / "facts.json").write_text(json.dumps({"domain": made.domain, "facts": facts}, indent=1) + "\n")
    print("\n".join(f"{fact.side}: {canonical(fact.content)}" for fact in made.difference))


@app.command()
def make(
    recipe: Annotated[str, typer.Argument(metavar="RECIPE", help=f"{', '.join(RECIPES)}.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the data set; a stopped call goes on there.")],
    bank: Annotated[Path | None, typer.Option(metavar="PATH", help="What `pack` wrote; none: drawn images.")] = None,
    pairs: Annotated[int | None, typer.Option(metavar="N", help="Pairs; none: as the recipe says.")] = None,
    shard: Annotated[str, typer.Option(metavar="K/N", help="The K-th of N parts, made at the same time.")] = "1/1",
    workers: Annotated[int, typer.Option(metavar="N", min=1, help="Processes, or tasks of Ray at a time.")] = 1,
    engine: Annotated[str, typer.Option(help=f"{' or '.join(ENGINES)}.")] = "local",
) -> None:
    """Write pairs as WebDataset shards, with manifest and data sheet; a call that was stopped goes on."""
    chosen_recipe = named(recipe)
    if pairs is not None:
        chosen_recipe = replace(chosen_recipe, pairs=pairs)
    part = re.fullmatch(r"(\d+)/(\d+)", shard)
    if not part:
        raise UsageError(f"--shard {shard!r} is no part; expected K/N, such as 1/4")
    try:
        done = write_dataset(chosen_recipe, out, bank, (int(part[1]), int(part[2])), workers, engine, time_left())
    except OSError as error:
        raise VlmdiffError(f"{error}; mend that and make the same call again, it goes on") from error
    except BrokenProcessPool as error:
        raise VlmdiffError("a worker was killed, perhaps for memory; go on with fewer --workers") from error
    except KeyboardInterrupt:
        print("stopped; the same call goes on", file=sys.stderr)
        raise typer.Exit(INTERRUPTED) from None
    if done:
        print(out / "DATASHEET.md")
    else:
        print(f"part {shard} is done; the last part, or a call without --shard, writes manifest and data sheet")


@app.command()
def gallery(
    bank: Annotated[Path | None, typer.Option(help="What `pack` wrote; none: drawn images.")] = None,
    out: Annotated[Path, typer.Option(help="The page to write.")] = Path("gallery.html"),
    families: Annotated[str, typer.Option(help="Families to show, by comma; neither these nor groups: all.")] = "",
    groups: Annotated[str, typer.Option(help="Groups whose families to show too, by comma.")] = "",
) -> None:
    """Write one page that shows every family at five strengths, with its words and its measure."""
    names = chosen([*filter(None, families.split(","))], [*filter(None, groups.split(","))])
    html = page(names, ground(sources.Bank.load(bank) if bank else sources.Bank.drawn_only()))
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(html, encoding="utf-8")
    print(f"{len(names)} families, {len(html) / 1e6:.1f} MB: {out}")


def time_left() -> Callable[[int, int], None]:
    """Progress on stderr, at most every five seconds."""
    start = shown = time.monotonic()
    first: int | None = None

    def show(done: int, wanted: int) -> None:
        nonlocal first, shown
        now = time.monotonic()
        if first is None:
            first = done
            print(f"{done}/{wanted} pairs", file=sys.stderr, flush=True)
        elif now - shown >= 5 or done == wanted:
            shown = now
            minutes = (now - start) / (done - first) * (wanted - done) / 60
            print(f"{done}/{wanted} pairs  {minutes:.1f} min left", file=sys.stderr, flush=True)

    return show


def main() -> None:
    """Run one job; a failure prints one line and ends with its exit code."""
    try:
        app()
    except VlmdiffError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
