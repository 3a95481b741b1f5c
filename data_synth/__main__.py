"""The jobs around pairs: `python -m data_synth pack` and `python -m data_synth calibrate`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from data_synth import calibrate as calibration
from data_synth import sources
from data_synth.catalog import FAMILIES
from vlmdiff.errors import VlmdiffError

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


def main() -> None:
    """Run one job; a failure prints one line and ends with its exit code."""
    try:
        app()
    except VlmdiffError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
