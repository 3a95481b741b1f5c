"""The training jobs: `mini` (a base), `lora` and `curriculum` (an adapter), `average`; and the experiments."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from data_synth.sources import Bank
from vlmdiff.errors import INTERRUPTED, UsageError, VlmdiffError, chosen
from vlmdiff.models.card import CARD_FILE, RunCard, read

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__)

BankOption = Annotated[
    Path | None, typer.Option(help="Packed photographs (python -m data_synth pack); none: drawn images.")
]
Out = Annotated[Path, typer.Option(help="Folder of the run; the same call again goes on where it was stopped.")]
Base = Annotated[
    str, typer.Option(help="`mini`, a folder that `python -m train mini` wrote, or a model of `vlmdiff models`.")
]
RecipeOption = Annotated[str, typer.Option(help="A recipe of train/recipes.py.")]
Without = Annotated[
    list[str] | None, typer.Option(help="A data set or kind of drawn images to leave out, for a leave-one-out twin.")
]
Accumulate = Annotated[int, typer.Option(min=1, help="Parts of a step that run one after the other.")]
Checkpointing = Annotated[
    bool, typer.Option("--checkpointing", help="Compute activations twice instead of keeping them: less memory.")
]
Workers = Annotated[int, typer.Option(help="Processes that make batches; 0: in this one.")]


def _bank(path: Path | None) -> Bank:
    return Bank.load(path) if path else Bank.drawn_only()


def _base(name: str) -> Path:
    """The folder of the base that ships, of one on the hub, or the one that is named."""
    from vlmdiff.models import loading
    from vlmdiff.models.profiles import MINI

    if loading.is_hub_name(name):
        return loading.from_hub(name)
    return MINI / "base" if name == "mini" else Path(name)


def _judge(name: str) -> Path:
    """The judge that ships, or the one that is named."""
    from vlmdiff.models.huggingface import JUDGE
    from vlmdiff.models.profiles import MINI

    return MINI / "adapter" / JUDGE if name == "mini" else Path(name)


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
    keep_tower: Annotated[bool, typer.Option("--keep-tower", help="Take the tower of --start as it is.")] = False,
    without: Without = None,
    seed: int = 0,
    workers: Workers = 1,
) -> None:
    """Train the embedded base model: vision tower, then language model. Writes OUT/base.

    In it lies projector, an adapter without LoRA: what `curriculum` and `lora --task tell` take as --start. OUT/both is
    the base as it was when it learned to judge, too, with its projector: what `lora --task judge` takes.
    """
    from train import card
    from train import mini as job
    from train.recipes import recipe as named
    from train.recipes import twin

    if keep_tower and not start:
        raise UsageError("--keep-tower needs --start, the folder of the tower to keep")
    images, older = _bank(bank), _base(start) if start else None
    run = twin(named(recipe), images, without or ())
    cards = _cards(older)
    base = job.train(run, images, out, seed, workers, older, keep_tower)
    for folder in (base, out / "both"):
        for place in (folder, folder / "projector"):
            card.write(card.card(run, images, [out], cards), place)
    print(base)


@app.command()
def lora(
    out: Out,
    base: Base = "mini",
    bank: BankOption = None,
    recipe: RecipeOption = "mini",
    shards: Annotated[
        Path | None,
        typer.Option(help="A data set of `python -m data_synth make` to learn from, in place of the recipe's pairs."),
    ] = None,
    tuning: Annotated[
        str, typer.Option(help="What learns beside the projector: lora, projector (nothing) or full.")
    ] = "lora",
    task: Annotated[
        str, typer.Option(help="What is learned: both; tell, how sets differ; judge, single images (writes OUT/judge).")
    ] = "both",
    start: Annotated[Path | None, typer.Option(help="An adapter folder whose weights training goes on from.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Steps of this run; none: as the recipe says.")] = None,
    without: Without = None,
    seed: int = 0,
    workers: Workers = 1,
    accumulate: Accumulate = 1,
    checkpointing: Checkpointing = False,
    read_every: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Steps between readings of what no gradient sees, validation pairs described and judged: the weights "
            "that read best are written. None: with --patience as often as checkpoints are; else never.",
        ),
    ] = None,
    patience: Annotated[
        int | None, typer.Option(min=1, help="Readings without anything better before it stops; none: it does not.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what it needs (parameters, memory, hours) and write nothing.")
    ] = False,
) -> None:
    """Train a LoRA adapter and its difference projector on a base. Writes OUT/TUNING, an adapter folder.

    Pairs come from --shards, encoded once; else of the embedded model from OUT/pairs, drawn and encoded once; else
    they are drawn as they are needed. Several processes: accelerate launch --config_file configs/ddp.yaml -m train lora
    """
    from train import card, ranks
    from train import lora as job
    from train.describer import TASKS, TUNINGS
    from train.recipes import recipe as named
    from train.recipes import twin
    from train.stopping import Watch

    images, what = _bank(bank), chosen("tuning", tuning, TUNINGS)
    run = twin(named(recipe), images, without or ())
    if steps:
        run = replace(run, lora=replace(run.lora, steps=steps))
    means = job.Means(workers=workers, accumulate=accumulate)
    folder = _base(base)
    backend = job.HuggingFaceModel(base, folder, None, ranks.device())
    cards = _cards(folder if job.embedded(backend) else None, start)
    asked = chosen("task", task, TASKS)
    run, source = job.source(run, backend, images, out, seed, shards, asked)
    if dry_run:
        said = job.estimated(source, what, means, start, checkpointing)
        if ranks.first():
            print(said)
        return
    every = read_every or (run.lora.save_every if patience else None)
    watch = Watch(every, patience) if every else None
    readings = job.train(source, out, what, means, start, checkpointing, watch)
    if ranks.first():
        public = None if job.embedded(backend) else Path(base).name if Path(base).exists() else base
        adapter = out / job.named(what, asked)
        card.write(card.card(run, images, [out], cards, readings, source.seen(), public), adapter)
        print(adapter)


@app.command()
def curriculum(
    out: Out,
    base: Base = "mini",
    bank: BankOption = None,
    recipe: RecipeOption = "mini",
    mix: Annotated[
        str, typer.Option(help="curriculum, or uniform: the fixed mix of equal compute that it is held against.")
    ] = "curriculum",
    rounds: Annotated[int, typer.Option(min=1, help="Parts that the recipe's steps are cut into.")] = 20,
    concepts: Annotated[
        float, typer.Option(min=0, max=0.9, help="Share of what is learned from that is labelled real sets.")
    ] = 0.1,
    known: Annotated[
        bool, typer.Option("--known", help="The base has learned the families already: none has to wait.")
    ] = False,
    patience: Annotated[int, typer.Option(min=1, help="Rounds without anything better before it stops.")] = 5,
    start: Annotated[Path | None, typer.Option(help="An adapter folder whose weights training goes on from.")] = None,
    judge: Annotated[
        Path | None,
        typer.Option(help="An adapter of `lora --task judge` on this base: it judges, and telling alone is trained."),
    ] = None,
    tuning: Annotated[str, typer.Option(help="What learns beside the projector: lora, projector or full.")] = "lora",
    steps: Annotated[
        int | None,
        typer.Option(min=1, help="Steps of this run, and as many pairs a step; none: as the recipe says."),
    ] = None,
    pairs: Annotated[
        int | None, typer.Option(min=1, help="Pairs of this run; none: in proportion to its steps.")
    ] = None,
    without: Without = None,
    seed: int = 0,
    workers: Workers = 1,
    accumulate: Accumulate = 1,
    checkpointing: Checkpointing = False,
) -> None:
    """Train an adapter in rounds, ever more and subtler, kept at its best. Writes OUT/TUNING and OUT/levels.svg."""
    from train import card, lora, ranks
    from train import rounds as job
    from train.curriculum import widest
    from train.describer import TUNINGS
    from train.mix import MIXES, Plan
    from train.recipes import recipe as named
    from train.recipes import twin
    from vlmdiff.models.huggingface import HuggingFaceModel

    images, mixed = _bank(bank), chosen("mix", mix, MIXES)
    run = twin(named(recipe), images, without or ())
    if steps:
        proportional = round(run.pair_count * steps / run.lora.steps)
        run = replace(run, pair_count=proportional, lora=replace(run.lora, steps=steps))
    if pairs:
        run = replace(run, pair_count=pairs)
    if run.lora.steps < rounds:
        raise UsageError(f"{run.lora.steps} steps are no {rounds} rounds; give --steps {rounds} or more, or --rounds")
    folder = _base(base)
    backend = HuggingFaceModel(base, folder, None, ranks.device())
    cards = _cards(folder if lora.embedded(backend) else None, start, judge)
    what = chosen("tuning", tuning, TUNINGS)
    plan = Plan(mix=mixed, rounds=rounds, concepts=concepts, known=known, tuning=what, patience=patience)
    means = lora.Means(workers=workers, accumulate=accumulate)
    done = job.train(run, backend, images, out, seed, plan, means, start, checkpointing, judge)
    run = replace(run, pairs=widest(run.pairs))
    public = None if lora.embedded(backend) else Path(base).name if Path(base).exists() else base
    readings = [one.reading for one in done]
    card.write(card.card(run, images, [out], cards, readings, base=public), out / what)
    print(out / what)


@app.command()
def average(
    adapters: Annotated[list[Path], typer.Argument(help="Adapter folders on one base, two or more.")],
    out: Annotated[Path, typer.Option(help="The adapter folder to write.")],
    base: Annotated[str, typer.Option(help="`mini`, or the folder of their base.")] = "mini",
) -> None:
    """Make one adapter of several by the mean of their weights: of a run and of what it went on from, say."""
    from train import averaging, card

    cards = _cards(*adapters)
    averaging.average(_base(base), adapters, out)
    card.write(card.joined(cards), out)
    print(out)


@app.command()
def experiment(
    name: Annotated[str, typer.Argument(help="One of train/experiments/catalog.py.")],
    out: Out,
    bank: BankOption = None,
    scale: Annotated[str, typer.Option(help="How long each variant learns: study or quick.")] = "study",
    workers: Workers = 1,
) -> None:
    """Compare variants at equal steps, on pairs as the tower that ships sees them; prints a table.

    Goes on where it was stopped. OUT/pairs holds the encoded pairs, which all experiments share.
    """
    from train.experiments import catalog, job, scoring
    from vlmdiff.models.profiles import MINI

    variants = chosen("experiment", name, catalog.EXPERIMENTS)
    lengths = chosen("scale", scale, catalog.SCALES)
    base, caches = MINI / "base", out / "pairs"
    job.encode_missing(caches, base, _bank(bank), workers)
    print(scoring.table(job.run(name, variants, base, MINI / "adapter", caches, out, lengths)), end="")


@app.command()
def curve(
    name: Annotated[str, typer.Argument(help="families, domains or 'left out'.")],
    out: Out,
    bank: BankOption = None,
    seeds: Annotated[int, typer.Option(min=1, help="Trainings a point.")] = 3,
    scale: Annotated[str, typer.Option(help="How much a point may cost: study or quick.")] = "study",
    workers: Workers = 1,
) -> None:
    """Retrain all for each point of a curve and score it on what none of them saw; prints a table, draws OUT/NAME.svg.

    Goes on where it was stopped.
    """
    from train.experiments import curves

    lengths = chosen("scale", scale, curves.LENGTHS)
    print(curves.table(curves.run(name, _bank(bank), out, range(seeds), lengths, workers)), end="")


@app.command()
def mixes(
    out: Out,
    names: Annotated[list[str] | None, typer.Argument(help="curriculum, uniform; none: both.")] = None,
    bank: BankOption = None,
    judge: Annotated[str, typer.Option(help="An adapter of `lora --task judge`; `mini`: the one that ships.")] = "mini",
    seeds: Annotated[int, typer.Option(min=1, help="Trainings of each mix.")] = 3,
    scale: Annotated[str, typer.Option(help="How much a run may cost: study or quick.")] = "study",
    workers: Workers = 1,
) -> None:
    """Hold the curriculum against a uniform mix at equal compute; prints a table. Goes on where it was stopped."""
    from train.experiments import mixes as job
    from train.mix import MIXES

    mixed, lengths = [chosen("mix", name, MIXES) for name in names or MIXES], chosen("scale", scale, job.LENGTHS)
    found = job.run(mixed, _bank(bank), _base("mini"), _judge(judge), out, range(seeds), lengths, workers)
    print(job.table(found), end="")


@app.command()
def methods(
    out: Out,
    bank: BankOption = None,
    judge: Annotated[str, typer.Option(help="An adapter of `lora --task judge`; `mini`: the one that ships.")] = "mini",
    scale: Annotated[str, typer.Option(help="How much a method may cost: study or quick.")] = "study",
    seed: int = 0,
    workers: Workers = 1,
) -> None:
    """Train what `learned` has to beat, and `learned`, from nothing for as many operations; prints a table.

    Writes OUT/METHOD/base and OUT/METHOD/adapter; to score one: python -m eval core METHOD --model OUT/METHOD/base
    --adapter OUT/METHOD/adapter.
    """
    from train.experiments import methods as job

    tower, lengths = _base("mini"), chosen("scale", scale, job.LENGTHS)
    found = job.run(_bank(bank), tower, _judge(judge), out, seed, lengths, workers, _cards(tower))
    print(job.table(found), end="")


@app.command()
def views(
    bank: BankOption = None,
    sides: Annotated[list[int] | None, typer.Option("--side", min=128, help="Pixels a side; may be repeated.")] = None,
    pairs: Annotated[int, typer.Option(min=1, help="Of each size.")] = 64,
) -> None:
    """Have the model that ships read small things on large images whole, in tiles, or both ways; prints a table."""
    from train.experiments import views as job
    from vlmdiff import models
    from vlmdiff.models.huggingface import HuggingFaceModel

    model = models.load("mini", device="cpu")
    assert isinstance(model, HuggingFaceModel)
    print(job.table(job.run(model, _bank(bank), sides or (192, 512), pairs)), end="")


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
