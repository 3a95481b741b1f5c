"""The jobs around pairs: `python -m data_synth pack`, `calibrate` and `pair`."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer

from data_synth import calibrate as calibration
from data_synth import sources
from data_synth.catalog import FAMILIES
from data_synth.compose import compose
from data_synth.config import PairConfig
from data_synth.lexicon import canonical
from vlmdiff.errors import UsageError, VlmdiffError

app = typer.Typer(help="Base images and the strength scale of pairs whose difference is known.", add_completion=False)


@app.command()
def pack(
    root: Annotated[Path, typer.Argument(help="A tree <data set>/<class>/*.jpg or *.png.")],
    out: Annotated[Path, typer.Argument(help="The array to write; its list goes beside it, as .json.")],
) -> None:
    """Decode every image once, into one memory-mappable array."""
    packed = sources.pack(root, out)
    for name, reason in packed.skipped:
        print(f"skipped {name}: {reason}")
    print(f"{packed.kept} images kept, {len(packed.skipped)} skipped: {out}")


@app.command()
def calibrate(
    bank: Annotated[Path, typer.Option(help="What `pack` wrote.")],
    images: Annotated[int, typer.Option(help="Touched images to train the probe on, and as many to test it on.")] = 250,
    seed: Annotated[int, typer.Option(help="Of the images and of all parameters.")] = 0,
    out: Annotated[Path, typer.Option(help="The curves.")] = calibration.CURVES,
) -> None:
    """Measure at which amount each family is as detectable as a strength says."""
    photos = calibration.photographs(sources.Bank.load(bank), 4 * images, np.random.default_rng(seed))

    def progress(name: str, curve: calibration.Curve) -> None:
        notes = ["raised"] * curve.clamped + [f"ceiling {curve.ceiling}"] * (curve.ceiling is not None)
        print(f"{name:22} half strength at amount {curve.amounts[5]:.3f}  {', '.join(notes)}", flush=True)

    calibration.write(calibration.calibrate(FAMILIES, photos, seed, progress), out)


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
        families=tuple(filter(None, families.split(","))) or tuple(FAMILIES),
        set_size=(images, images),
        facts=(0.0, 1.0),
        strength=(strength, strength),
        prevalence=(prevalence, prevalence),
        nuisances=(1.0,),
        world_share=0.0,
        sides=(side,),
    )
    unknown = [name for name in config.families if name not in FAMILIES]
    if unknown:
        raise UsageError(f"families {', '.join(unknown)} are unknown; expected some of {', '.join(FAMILIES)}")
    made = compose(config, sources.Bank.load(bank) if bank else sources.Bank.drawn_only(), seed, 0)
    for name, pictures in (("a", made.images_a), ("b", made.images_b)):
        (out / name).mkdir(parents=True)
        for i, picture in enumerate(pictures):
            cv2.imwrite(str(out / name / f"{i:03}.png"), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    facts = [{**asdict(fact), "text": canonical(fact.content)} for fact in made.difference]
    (out / "facts.json").write_text(json.dumps({"domain": made.domain, "facts": facts}, indent=1) + "\n")
    print("\n".join(f"{fact.side}: {canonical(fact.content)}" for fact in made.difference))


def main() -> None:
    """Run one job; a failure prints one line and ends with its exit code."""
    try:
        app()
    except VlmdiffError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
