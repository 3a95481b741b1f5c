"""The training jobs: `python -m train mini` (a base, from nothing) and `python -m train lora` (adapter, projector)."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from data_synth.sources import Bank
from vlmdiff.errors import INTERRUPTED, UsageError, VlmdiffError
from vlmdiff.models.card import CARD_FILE, RunCard, read

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__)

BankOption = Annotated[
    Path | None, typer.Option(help="Packed photographs (python -m data_synth pack); none: drawn images.")
]
Out = Annotated[Path, typer.Option(help="Folder of the run; a second call with the same one goes on.")]
RecipeOption = Annotated[str, typer.Option(help="A recipe of train/recipes.py.")]
Without = Annotated[
    list[str] | None, typer.Option(help="A data set or kind of drawn images to leave out, for a leave-one-out twin.")
]
Workers = Annotated[int, typer.Option(help="Processes that make batches; 0: in this one.")]


def _bank(path: Path | None) -> Bank:
    return Bank.load(path) if path else Bank.drawn_only()


def _base(name: str) -> Path:
    """The folder of the base that ships, or the one that is named."""
    from vlmdiff.models.profiles import MINI

    return MINI / "base" if name == "mini" else Path(name)


def _cards(*folders: Path | None) -> list[RunCard]:
    """Of what a run starts from.

    Raises:
        UsageError: one has none; nobody knows what it saw.
    """
    found = [(folder, read(folder)) for folder in folders if folder]
    for folder, known in found:
        if known is None:
            raise UsageError(f"{folder} has no {CARD_FILE}: nobody knows what it was trained on; train it anew")
    return [known for _, known in found if known]


@app.command()
def mini(
    out: Out,
    bank: BankOption = None,
    recipe: RecipeOption = "mini",
    start: Annotated[
        str | None,
        typer.Option(help="Where a tower lies that training goes on from: `mini`, or a folder."),
    ] = None,
    without: Without = None,
    seed: int = 0,
    workers: Workers = 1,
) -> None:
    """Train the embedded base model: vision tower, then language model. Writes OUT/base."""
    from train import card
    from train import mini as job
    from train.recipes import recipe as named
    from train.recipes import twin

    images, older = _bank(bank), _base(start) if start else None
    run = twin(named(recipe), images, without or ())
    cards = _cards(older)
    base = job.train(run, images, out, seed, workers, older)
    card.write(card.card(run, images, [out], cards), base)
    print(base)


@app.command()
def lora(
    out: Out,
    base: Annotated[str, typer.Option(help="`mini`, or a folder that `python -m train mini` wrote.")] = "mini",
    bank: BankOption = None,
    recipe: RecipeOption = "mini",
    tuning: Annotated[
        str, typer.Option(help="What learns beside the projector: lora, projector (nothing) or full.")
    ] = "lora",
    start: Annotated[Path | None, typer.Option(help="An adapter folder whose weights training goes on from.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Steps of this run; none: as the recipe says.")] = None,
    without: Without = None,
    seed: int = 0,
    workers: Workers = 1,
) -> None:
    """Train a LoRA adapter and its difference projector on a base. Writes OUT/TUNING, an adapter folder."""
    from train import card, pairs
    from train import lora as job
    from train import mini as base_job
    from train.recipes import recipe as named
    from train.recipes import twin

    images, what = _bank(bank), job.tuning_of(tuning)
    run = twin(named(recipe), images, without or ())
    folder = _base(base)
    cards = _cards(folder, start)
    model, _ = base_job.load_base(folder)
    tower = model.model.vision_tower
    cache = pairs.encode(out / "pairs", run.pairs, images, seed + 1, run.pair_count, tower, workers)
    if steps:
        run = replace(run, lora=replace(run.lora, steps=steps))
    job.train(run, folder, cache, out, what, seed, workers, start)
    card.write(card.card(run, images, [out], cards), out / tuning)
    print(out / tuning)


def main() -> None:
    try:
        app(standalone_mode=True)
    except VlmdiffError as error:
        print(f"train: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
