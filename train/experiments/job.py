"""`python -m train experiment NAME`: every variant of an experiment at equal steps, one JSON line of results each."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from data_synth.sources import Bank
from train import pairs
from train.experiments import catalog
from train.experiments.catalog import Draws, Pairs, Scale, Trained, Variant
from train.experiments.drawn import BothOrders, Source, Stored, Training, sides, store, truth
from train.experiments.inner import GRIDS, INNER, PARTS, ROWS, Sets, sharpened
from train.experiments.reader import Read, Reader, decoder_of, new_decoder, train
from train.experiments.scoring import Said, Tally, statements, tally
from train.loop import write_atomic
from train.mini import load_base, tower_weights
from train.pairs import PairCache
from vlmdiff.errors import InputError
from vlmdiff.learn.tokens import between
from vlmdiff.models.difference import Difference, DifferenceProjector
from vlmdiff.models.huggingface import HuggingFaceModel
from vlmdiff.models.mini.tower import Tower, register

Scores = dict[str, list[Tally]]
_WRITTEN = 50
"""Texts written at once."""
_KEPT = 0.8
"""Of each side's images, in one of several draws; as `vlmdiff.propose` does."""


def run(
    name: str, variants: Mapping[str, Variant], base: Path, adapter: Path | None, caches: Path, out: Path, scale: Scale
) -> list[dict[str, Any]]:
    """Run the variants that have no line in `out`/NAME.jsonl yet; returns the results of all, the first one first.

    Args:
        base: whose decoder and tokenizer are used; adapter: what `Draws` variants read with.
        caches: folder of the pair caches (see `cached`), encoded by the base's tower.

    Raises:
        InputError: `out` holds results of another scale.
    """
    out.mkdir(parents=True, exist_ok=True)
    file = out / f"{name}.jsonl"
    lines = file.read_text().splitlines() if file.exists() else []
    done = {result["variant"]: result for result in map(json.loads, lines)}
    size = [scale.schedule.steps, scale.batch]
    if any(result["scale"] != size for result in done.values()):
        raise InputError(f"{file} holds results of other steps or batches than {size}; choose another --out")
    for title, variant in variants.items():
        if title in done:
            continue
        start = time.process_time()
        if isinstance(variant, Trained):
            label = f"{name}-{title}".replace(" ", "-").replace(",", "")
            scores = trained(label, variant, base, caches, out, scale)
        else:
            scores = read(variant, HuggingFaceModel("experiment", base, adapter, "cpu"), base, caches)
        seconds = round(time.process_time() - start, 1)
        done[title] = {"variant": title, "scale": size, "cpu_seconds": seconds, "tallies": scores}
        write_lines(file, done.values())
    return [done[title] for title in variants]


def write_lines(file: Path, results: Iterable[dict[str, Any]]) -> None:
    """One JSON line a result; a kill leaves the old file or the new one."""
    text = "".join(json.dumps(result) + "\n" for result in results)
    write_atomic(file, lambda part: part.write_text(text))


def cached(caches: Path, wanted: Mapping[str, Pairs], base: Path) -> dict[str, PairCache]:
    """The caches of `encode_missing`, as they lie in the folder."""
    channels = tower_config(base).hidden_size
    return {name: PairCache(caches / name, channels) for name in wanted}


def tower_config(base: Path) -> Any:
    from transformers import AutoConfig

    register()
    return AutoConfig.from_pretrained(base, local_files_only=True).vision_config


def encode_missing(caches: Path, base: Path, bank: Bank, workers: int) -> None:
    """Render and encode the caches that are not in the folder, or not whole."""
    for name, wanted in {**catalog.TRAINING, **catalog.VALIDATION}.items():
        listing = caches / name / "pairs.jsonl"
        if listing.exists() and len(listing.read_text().splitlines()) >= wanted.count:
            continue
        tower = Tower(tower_config(base))
        tower.load_state_dict(tower_weights(base))
        tower.train(False)
        tower.to(memory_format=torch.channels_last)  # type: ignore[call-arg]  # transformers' wrapper
        pairs.encode(caches / name, wanted.config, bank, wanted.seed, wanted.count, tower, workers)


def trained(name: str, variant: Trained, base: Path, caches: Path, out: Path, scale: Scale) -> Scores:
    """Train a reader of the variant's parts and score what it writes."""
    sources = tuple(
        Source(cache, max(1, round(variant.pairs * len(cache.pairs))), catalog.TRAINING[key].share)
        for key, cache in cached(caches, catalog.TRAINING, base).items()
    )
    examples = Training(sources, scale.schedule.steps * scale.batch, seed=0)
    every = (*PARTS, *ROWS, *GRIDS) if variant.pairs == 1 else variant.parts
    stored = store(out / "samples" / f"{len(examples)} of {variant.pairs:.2f}", examples, every)
    torch.manual_seed(0)
    tokenizer, reader = _reader(variant, base, stored)

    def batch(step: int) -> tuple[Read, list[str]]:
        picks = range(step * scale.batch, (step + 1) * scale.batch)
        return _read(variant, stored, examples, picks), stored.targets(picks)

    train(reader, name, scale.schedule, batch, tokenizer, out / "runs")
    (out / "runs" / f"{name}.pt").unlink(missing_ok=True)  # a finished variant is not run again
    scores: Scores = {}
    for key, cache in cached(caches, catalog.VALIDATION, base).items():
        both = BothOrders(cache)
        held = store(out / "samples" / key, both, (*PARTS, *ROWS, *GRIDS))
        texts: list[str] = []
        for first in range(0, len(both), _WRITTEN):
            picks = range(first, min(first + _WRITTEN, len(both)))
            texts += tokenizer.batch_decode(reader.write(_read(variant, held, both, picks)), skip_special_tokens=True)
        said = [statements(of_b, of_a) for of_b, of_a in zip(texts[::2], texts[1::2], strict=True)]
        scores[key] = [tally(found, truth(pair)) for found, pair in zip(said, cache.pairs, strict=True)]
    return scores


def _reader(variant: Trained, base: Path, stored: Stored) -> tuple[Any, Reader]:
    _, tokenizer = load_base(base)
    decoder = new_decoder(tokenizer, *variant.scratch) if variant.scratch else decoder_of(base, tokenizer)
    rows, channels = stored.part(variant.parts[0], [0]).shape[1:]
    more = stored.part(variant.rows, [0]).shape[1] if variant.rows else 0
    inner = INNER[variant.inner](channels) if variant.inner else None
    inputs = sum(stored.part(name, [0]).shape[-1] for name in variant.parts) + channels * bool(inner)
    projector = DifferenceProjector(rows + more, inputs, decoder.config.hidden_size)
    return tokenizer, Reader(decoder, projector, tokenizer, inner)


def _read(variant: Trained, stored: Stored, examples: Training | BothOrders, picks: Sequence[int]) -> Read:
    """Stored parts side by side; rows of their own below, padded with zeros to the same width."""
    rows = torch.cat([stored.part(name, picks) for name in variant.parts], dim=-1)
    if variant.rows:
        more = stored.part(variant.rows, picks)
        rows = torch.cat([rows, torch.nn.functional.pad(more, (0, rows.shape[-1] - more.shape[-1]))], dim=1)
    sets = [examples[i].sets for i in picks] if variant.inner else []
    return Read(Difference(rows, stored.counts(picks)), sets)


def read(variant: Draws, model: HuggingFaceModel, base: Path, caches: Path) -> Scores:
    """Score what a trained adapter writes when it reads so."""
    scores: Scores = {}
    for name, cache in cached(caches, catalog.VALIDATION, base).items():
        scores[name] = []
        for number, pair in enumerate(cache.pairs):
            rng = np.random.default_rng([number, variant.plain, variant.sharp])
            draws = drawn(variant, Sets(*sides(cache, pair)), rng)
            texts = [text for (text,) in model.write(Difference.stack([between(s.a, s.b) for s in draws]), 0, 0)]
            said = [statements(of_b, of_a) for of_b, of_a in zip(texts[::2], texts[1::2], strict=True)]
            scores[name].append(tally(voted(said)[: variant.best], truth(pair)))
    return scores


def drawn(variant: Draws, sets: Sets, rng: np.random.Generator) -> list[Sets]:
    """What is read: of every draw B against A, then A against B; what is read second is sharpened."""
    found = []
    several = variant.plain + variant.sharp > 1
    for number in range(variant.plain + variant.sharp):
        a, b = (_some(side, rng) if several else side for side in (sets.a, sets.b))
        for one in (Sets(a, b), Sets(b, a)):
            found.append(one if number < variant.plain else sharpened(one, variant.share))
    return found


def _some(images: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    return images[torch.from_numpy(rng.permutation(len(images))[: max(1, round(_KEPT * len(images)))])]


def voted(draws: Sequence[Sequence[Said]]) -> list[Said]:
    """What the draws state, the most often stated first."""
    return [one for one, _ in Counter(one for draw in draws for one in draw).most_common()]
