"""`python -m train curve NAME`: how far a model carries against how much its training varied, retrained for each point.

A point is a tower, encoded pairs and a small decoder, all from nothing and at equal compute. It is scored on families,
or on image domains, that no point saw. The pairs it is scored on are composed, read and thrown away: what the catalog
holds out is never stored where a training job could find it.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from data_synth.catalog import GROUPS, HELD_OUT_DOMAINS, HELD_OUT_FAMILIES, TRAINED
from data_synth.compose import LabelledPair, compose
from data_synth.config import PairConfig
from data_synth.facts import Difference
from data_synth.lexicon import family_of
from data_synth.sources import DRAWN, Bank
from train import language, mini, pairs
from train.experiments import plot
from train.experiments.drawn import Source, Training
from train.experiments.inner import Sets
from train.experiments.job import write_lines
from train.experiments.reader import Read, Reader, new_decoder, train
from train.experiments.scoring import Said, Tally, statements, tally
from train.identity import claim
from train.loop import Schedule, write_atomic
from train.recipes import RECIPES, WEIGHTED, Recipe
from train.tower import to_pixels
from vlmdiff.errors import UsageError
from vlmdiff.images.decode import fit
from vlmdiff.learn.tokens import SUMMARY_ROWS, between, with_summaries
from vlmdiff.models.difference import Difference as Rows
from vlmdiff.models.difference import DifferenceProjector
from vlmdiff.models.lines import NO_DIFFERENCE
from vlmdiff.models.mini.tower import Tower, TowerConfig
from vlmdiff.stats import auroc

UNSEEN_DOMAINS = (
    *sorted(HELD_OUT_DOMAINS),
    "lung_histology",
    "dtd_textures",
    "blood_wbc",
    "blood_smear_bccd",
    "drawn/cells",
)
"""No point of the curves sees them: the catalog's, and some that the shipped model knows."""

KINDS: dict[str, tuple[str, ...]] = {
    "photographs": ("imagenet_samples", "cats_dogs", "day_night", "weather", "drawn/landscape", "drawn/aerial"),
    "textures": ("dtd_textures", "drawn/weave", "drawn/surface"),
    "X-ray, CT, MR": ("chest_xray", "medical_modalities", "drawn/xray"),
    "histology": ("lung_histology", "drawn/tissue"),
    "blood": ("blood_wbc", "blood_smear_bccd", "drawn/cells"),
}
"""What is left out in turn, photographs and drawn images of a kind together; ultrasound always is, by the catalog."""


@dataclass(frozen=True)
class Lengths:
    """What a point may cost."""

    tower: int = 600
    image_size: int = 96
    """A little less than what ships, at half the price."""
    groups_a_batch: int = 8
    pairs: int = 1500
    reader: int = 300
    batch: int = 32
    decoder: tuple[int, int] = (2, 256)
    scored: int = 150


LENGTHS = {
    "study": Lengths(),
    "quick": Lengths(2, 64, 1, 4, 2, 2, (1, 64), 2),
}
"""study: six to ten minutes of two cores a point, of which no third can be spared (docs/log.md). quick: for tests."""


@dataclass(frozen=True)
class Point:
    """What one model is trained on."""

    families: tuple[str, ...]
    domains: tuple[str, ...] = ()
    """None: all but those of `without`, a quarter of the images drawn."""
    without: tuple[str, ...] = UNSEEN_DOMAINS

    @property
    def digest(self) -> str:
        return hashlib.sha256(repr(self).encode()).hexdigest()[:12]


@dataclass(frozen=True)
class Asked:
    """A model, and the pairs that it is scored on."""

    point: Point
    of: PairConfig


DRAWN_ONLY = "drawn only"
"""A point of the curve of domains that is not nested in the others."""
FAMILIES = 40
"""Wherever domains are what varies: of all 143 so few pairs teach no words (docs/log.md)."""
_UNSEEN = PairConfig(
    split="val", strength=(0.5, 0.9), prevalence=(1, 1), facts=(0, 1.0), nuisances=(1.0,), set_size=(24, 24)
)
"""What no model saw: one fact of strength 0.5 to 0.9 that all of one side show."""


def points(curve: str, bank: Bank, seed: int) -> dict[str, Asked]:
    """The points of a curve, nested: what a point trains on, later ones do too. Which come first is drawn by seed.

    Of `left out` there are two for each of KINDS: the model that never saw it, and the one that saw all of them.

    Raises:
        UsageError: there is no such curve, or the bank has no photographs for it.
    """
    rng = np.random.default_rng([seed, 7])
    names = spread(rng)
    if curve == "families":
        held_out = tuple(sorted(_single(HELD_OUT_FAMILIES)))
        of = replace(_UNSEEN, families=held_out, without=UNSEEN_DOMAINS, held_out=True)
        some = {str(n): Point(names[:n]) for n in (10, 20, FAMILIES)}
        return {name: Asked(point, of) for name, point in {**some, "all": Point(WEIGHTED)}.items()}
    if curve not in ("domains", "left out"):
        raise UsageError(f"curve {curve!r} is unknown; expected families, domains or 'left out'")
    known = {item.domain for item in bank.items if item.split == "train"}
    photographed = sorted(known - set(UNSEEN_DOMAINS))
    if not photographed:
        raise UsageError(f"a curve of {curve} needs photographs; give --bank")
    families = names[:FAMILIES]
    if curve == "left out":
        twins = {}
        for kind, domains in KINDS.items():
            there = tuple(name for name in domains if name in known or name in DRAWN)
            of = replace(_UNSEEN, families=families, split="test", domains=there)
            twins[f"{kind}, left out"] = Asked(Point(families, without=domains), of)
            twins[f"{kind}, seen"] = Asked(Point(families, without=()), of)
        return twins
    unseen = tuple(name for name in UNSEEN_DOMAINS if name in known or name in DRAWN)
    # New as they are, and val has too few of them.
    of = replace(_UNSEEN, families=families, split="train", domains=unseen, held_out=True)
    fields = tuple(name for name in DRAWN if name not in UNSEEN_DOMAINS)
    shuffled = tuple(photographed[i] for i in rng.permutation(len(photographed)))
    asked = {str(n): Point(families, shuffled[:n]) for n in (1, 2, 4) if n < len(shuffled)}
    asked |= {"all photographs": Point(families, shuffled), "both": Point(families)}
    return {name: Asked(point, of) for name, point in {**asked, DRAWN_ONLY: Point(families, fields)}.items()}


def spread(rng: np.random.Generator) -> tuple[str, ...]:
    """Trained families in an order that goes round the groups, so that ten are already of every kind."""
    groups = [[family.name for family in group if family.name in TRAINED] for group in GROUPS.values()]
    shuffled = [[names[i] for i in rng.permutation(len(names))] for names in groups]
    longest = max(map(len, shuffled))
    return tuple(names[place] for place in range(longest) for names in shuffled if place < len(names))


def run(
    curve: str, bank: Bank, out: Path, seeds: Sequence[int], lengths: Lengths, workers: int
) -> list[dict[str, Any]]:
    """Train and score the points that have no line in `out`/CURVE.jsonl yet; returns the results of all.

    Raises:
        InputError: `out` holds curves of another scale or bank.
    """
    claim(out, "curves", {"bank": pairs.digest(bank), "lengths": asdict(lengths)}, made=[*out.glob("*.jsonl")])
    file = out / f"{curve}.jsonl"
    rows = file.read_text().splitlines() if file.exists() else []
    done = {(result["point"], result["seed"]): result for result in map(json.loads, rows)}
    for seed in seeds:
        for name, asked in points(curve, bank, seed).items():
            if (name, seed) in done:
                continue
            start = time.monotonic()
            folder = out / "points" / f"{asked.point.digest}-{seed}"  # of points that several curves have in common
            tower, tokenizer, reader = trained(asked.point, bank, folder, seed, lengths, workers)
            found = scored(asked.of, bank, tower, tokenizer, reader, lengths.scored)
            result = {"point": name, "seed": seed, "seconds": round(time.monotonic() - start, 1), **found}
            done[name, seed] = result
            write_lines(file, done.values())
            write_atomic(out / f"{curve}.svg", lambda part: part.write_text(drawn(curve, bank, list(done.values()))))
    return list(done.values())


def drawn(curve: str, bank: Bank, results: Sequence[dict[str, Any]]) -> str:
    """SVG; a line goes through nested points."""
    order = list(points(curve, bank, 0))
    joined = [] if curve == "left out" else [name for name in order if name != DRAWN_ONLY]
    found = measures(sorted(results, key=lambda result: order.index(result["point"])))
    return plot.svg(f"The curve of {curve}", found, joined)


def _single(names: frozenset[str]) -> set[str]:
    return {family.name for group in GROUPS.values() for family in group if family.name in names}


def trained(
    point: Point, bank: Bank, folder: Path, seed: int, lengths: Lengths, workers: int
) -> tuple[Tower, Any, Reader]:
    """Tower and reader of a point; every stage resumes from `folder`, which keeps the weights and not the pairs."""
    recipe = _recipe(point, lengths)
    tower = mini.train_tower(recipe, bank, folder, seed, workers, config=TowerConfig(image_size=lengths.image_size))
    torch.manual_seed(seed + 2)
    tokenizer = language.make_tokenizer()
    decoder = new_decoder(tokenizer, *lengths.decoder)
    rows = (lengths.image_size // tower.config.patch_size) ** 2 + SUMMARY_ROWS
    projector = DifferenceProjector(rows, 3 * tower.config.hidden_size, decoder.config.hidden_size)
    reader = Reader(decoder, projector, tokenizer, None)

    @cache
    def samples() -> Training:
        encoded = pairs.encode(folder / "pairs", recipe.pairs, bank, seed + 1, recipe.pair_count, tower, workers)
        return Training((Source(encoded, lengths.pairs, 1.0),), lengths.reader * lengths.batch, seed)

    def batch(step: int) -> tuple[Read, list[str]]:
        examples = [samples()[i] for i in range(step * lengths.batch, (step + 1) * lengths.batch)]
        read = Rows.stack([between(example.sets.a, example.sets.b) for example in examples])
        return Read(read), [example.target for example in examples]

    train(reader, "reader", recipe.lora, batch, tokenizer, folder)
    shutil.rmtree(folder / "pairs", ignore_errors=True)
    return tower, tokenizer, reader


def _recipe(point: Point, lengths: Lengths) -> Recipe:
    """The recipe of the embedded model on a point's data, shortened."""
    usual = RECIPES["mini"]

    def on(config: PairConfig) -> PairConfig:
        return replace(config, families=point.families, domains=point.domains, without=point.without)

    def shortened(schedule: Schedule, steps: int) -> Schedule:
        return replace(schedule, steps=steps, warmup=max(1, steps // 8))

    return replace(
        usual,
        tower=shortened(usual.tower, lengths.tower),
        groups_a_batch=lengths.groups_a_batch,
        images=on(usual.images),
        pairs=on(usual.pairs),
        pair_count=lengths.pairs,
        lora=shortened(usual.lora, lengths.reader),
    )


def scored(config: PairConfig, bank: Bank, tower: Tower, tokenizer: Any, reader: Reader, count: int) -> dict[str, Any]:
    """Compose pairs, read them in both orders, and say how right that was; nothing of it is kept.

    What counts is said in the order in which "no visible difference" is less likely.

    Returns:
        tallies; per pair whether that is the changed side (`side`, chance .5), whether something is said of the fact's
        group and side (`group`); and the leave-one-out AUROC of the sets (`auroc`), in which no words take part.
    """
    nothing = [*tokenizer(NO_DIFFERENCE + "\n", add_special_tokens=False)["input_ids"], tokenizer.eos_token_id]
    found: dict[str, list[Any]] = {"tallies": [], "side": [], "group": [], "auroc": []}
    for index in range(count):
        pair = compose(config, bank, 990_000, index)
        a, b = encoded(pair, tower)
        read = Read(Rows.stack([between(a, b), between(b, a)]))
        of_b, of_a = tokenizer.batch_decode(reader.write(read), skip_special_tokens=True)
        nothing_of_b, nothing_of_a = reader.log_likelihood(read, nothing).tolist()
        b_is_changed = nothing_of_b < nothing_of_a
        said = statements(of_b, "") if b_is_changed else statements("", of_a)
        found["tallies"].append(tally(said, pair.difference))
        found["side"].append((pair.difference[0].side == "b") == b_is_changed)
        found["group"].append(of_group(said, pair.difference))
        sets = Sets(a, b)
        found["auroc"].append(round(float(auroc(sets.scores[~sets.is_b], sets.scores[sets.is_b])), 4))
    return found


def encoded(pair: LabelledPair, tower: Tower) -> tuple[torch.Tensor, torch.Tensor]:
    """Feature rows of A and of B."""
    cv2.setNumThreads(0)
    pixels = np.stack([fit(image, tower.config.image_size) for image in (*pair.images_a, *pair.images_b)])
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        rows = with_summaries(tower(to_pixels(torch.from_numpy(pixels))).last_hidden_state)
    return rows[: len(pair.images_a)].clone(), rows[len(pair.images_a) :].clone()


def of_group(said: Sequence[Said], difference: Difference) -> bool:
    """Whether a statement names a family of the same group as the first fact, on its side: kin, if not itself."""
    group = _group(difference[0].family)
    kin = [(side, family_of(content)) for side, content in said if content is not None]
    return any(side == difference[0].side and family and _group(family) == group for side, family in kin)


def _group(family: str) -> str:
    return next((name for name, group in GROUPS.items() if family in {f.name for f in group}), "sets")


def measures(results: Sequence[dict[str, Any]]) -> dict[str, dict[str, list[float]]]:
    """What a curve shows, by measure and point: means over pairs, one for each seed."""
    found: dict[str, dict[str, list[float]]] = {name: {} for name in ("exact", "credit", *_OF_PAIRS)}
    for result in results:
        tallies = [Tally(*row) for row in result["tallies"]]
        facts = sum(tally.facts for tally in tallies)
        values = [sum(tally.found for tally in tallies) / facts, sum(tally.credit for tally in tallies) / facts]
        values += [float(np.mean(result[key])) for key in _OF_PAIRS.values()]
        for of_points, value in zip(found.values(), values, strict=True):
            of_points.setdefault(result["point"], []).append(value)
    return found


_OF_PAIRS = {"side": "side", "group and side": "group", "AUROC of the sets": "auroc"}
"""Measures that are means over pairs, and what they are called in a result."""


def table(results: Sequence[dict[str, Any]]) -> str:
    """Markdown: a row a point; means over pairs and seeds, and the spread (standard deviation) over seeds."""
    shown = measures(results)
    text = f"| point | seeds | {' | '.join(shown)} |\n{'|---' * (2 + len(shown))}|\n"
    for name, of_seeds in shown["exact"].items():
        cells = [f"{np.mean(points[name]):.3f} +- {np.std(points[name]):.3f}" for points in shown.values()]
        text += f"| {name} | {len(of_seeds)} | {' | '.join(cells)} |\n"
    return text
