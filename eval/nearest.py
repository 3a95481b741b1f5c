"""The baseline of the nearest caption: what our training pairs showed that differ most as these sets do."""

from __future__ import annotations

import hashlib
import os
import platform
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import cv2
import numpy as np
from numpy.typing import NDArray

from data_synth.config import PairConfig, refuse_held_out
from data_synth.family import Pixels
from data_synth.lexicon import canonical
from data_synth.reference import REFERENCE_VERSION, reference_features
from data_synth.sources import DRAWN, Bank
from eval.answers import Half, Said, evidence
from eval.baselines import MOST, SIZE, Baseline
from eval.suites import Condition, Planted, digest
from eval.systems import Options, open_bank
from vlmdiff.errors import InputError
from vlmdiff.findings import Side
from vlmdiff.images.decode import fit
from vlmdiff.models.card import PREFIX, RunCard

NEIGHBOURS = 12
"""Training pairs that vote, by their cosine."""
TRAINING = Planted(
    "nearest",
    (
        Condition(
            "",
            PairConfig(set_size=(8, 8), facts=(0.0, 1.0), nuisances=(1.0,), strength=(0.5, 1.0), prevalence=(1.0, 1.0)),
        ),
    ),
    pairs=4_000,
    seed=920_001,
)
"""About two minutes of one core; one clear difference a pair, as an example should have."""


@dataclass(frozen=True, eq=False)
class Examples:
    """What training pairs look like as directions in feature space, and what they show."""

    directions: NDArray[np.float32]
    """(pairs, F), length 1: from the set that does not show it to the one that does."""
    texts: tuple[str, ...]
    """What each shows, in its canonical words."""
    usual: NDArray[np.float32]
    """(F,) the spread of each feature within a set, over all pairs."""

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.directions.tobytes() + "\n".join(self.texts).encode()).hexdigest()


def spread(a: NDArray[Any], b: NDArray[Any], usual: NDArray[Any]) -> NDArray[Any]:
    """Of each feature within the sets, (F,), no less than three tenths of what is usual.

    Args:
        a: features, (images, F); b: likewise.
    """
    return np.asarray(np.maximum(((a.var(0) + b.var(0)) / 2) ** 0.5, 0.3 * usual + 1e-6))


def direction(rest: NDArray[Any], shows: NDArray[Any], usual: NDArray[Any]) -> NDArray[Any]:
    """From one set to the other in units of `spread`, (F,), length 1."""
    gap = (shows.mean(0) - rest.mean(0)) / spread(rest, shows, usual)
    return np.asarray(gap / max(float(np.linalg.norm(gap)), 1e-9))


def _features(images: Sequence[Pixels]) -> NDArray[np.float32]:
    return reference_features(np.stack([fit(image, SIZE) for image in images]))


def make_examples(
    suite: Planted, bank: Bank, progress: Callable[[int, int], None] = lambda done, wanted: None
) -> Examples:
    """Every pair of a suite, drawn and looked at.

    Raises:
        UsageError: the suite holds test images, or what no training may see.
    """
    for condition in suite.conditions:
        refuse_held_out(condition.config)
    pairs, texts, variances = [], [], []
    for index in range(suite.pairs):
        case = suite.case(index, bank)
        (fact,) = case.truth.difference
        rest, shows = _features(case.images_a), _features(case.images_b)
        if fact.side == "a":
            rest, shows = shows, rest
        pairs.append((rest, shows))
        variances.append((rest.var(0) + shows.var(0)) / 2)
        texts.append(canonical(fact.content))
        progress(index + 1, suite.pairs)
    usual = np.mean(variances, axis=0) ** 0.5
    directions = np.stack([direction(rest, shows, usual) for rest, shows in pairs])
    return Examples(directions.astype(np.float32), tuple(texts), usual.astype(np.float32))


def nearest(examples: Examples, look: Half, check: Half, rng: np.random.Generator) -> Said:
    """What the training pairs show that differ most as the look images do; their directions are the evidence."""
    a, b, usual = look.features_a, look.features_b, examples.usual
    cosines = examples.directions @ direction(a, b, usual)
    found: dict[tuple[Side, str], list[int]] = {}
    for index in np.argsort(-np.abs(cosines), kind="stable")[:NEIGHBOURS].tolist():
        found.setdefault(("b" if cosines[index] > 0 else "a", examples.texts[index]), []).append(index)
    weights = {said: float((cosines[pairs] ** 4).sum()) for said, pairs in found.items()}
    most = sorted(found, key=lambda said: -weights[said])[:MOST]
    units, middle = spread(a, b, usual), (a.mean(0) + b.mean(0)) / 2
    heard = []
    for side, text in most:
        shown = examples.directions[found[side, text]].mean(0)
        scores = [((features - middle) / units) @ shown for features in (check.features_a, check.features_b)]
        heard.append(evidence(side, text, weights[side, text] / sum(weights.values()), *scores))
    return Said(heard, check)


def open_nearest(options: Options, suite: Planted = TRAINING) -> Baseline:
    """The baseline of the nearest training caption; its examples are made once and kept beside the bank."""
    bank = open_bank(options.bank)
    resolved = suite.resolved(bank, None)
    recipe = {**resolved.recipe(bank), "reference": REFERENCE_VERSION, "side": SIZE}
    folder = options.bank.parent if options.bank else Path("runs")
    examples = kept_examples(folder / f"nearest-{digest(recipe)[:16]}.npz", resolved, bank)
    return Baseline(
        "nearest", reference_features, partial(nearest, examples), examples.sha256, trained_on(resolved, bank, recipe)
    )


def kept_examples(file: Path, suite: Planted, bank: Bank) -> Examples:
    """The examples in a file; they are made and written where it is not there yet, with progress on stderr.

    Raises:
        InputError: the file is damaged.
    """
    if not file.exists():
        print(f"looking at {suite.pairs} training pairs, once; they are kept in {file}", file=sys.stderr)
        made = make_examples(suite, bank, _progress())
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_name(f".{file.name}.{os.getpid()}")
        with part.open("wb") as stream:
            np.savez(stream, directions=made.directions, texts=np.array(made.texts), usual=made.usual)
        os.replace(part, file)
    try:
        with np.load(file, allow_pickle=False) as arrays:
            return Examples(arrays["directions"], tuple(arrays["texts"].tolist()), arrays["usual"])
    except (OSError, ValueError, KeyError, BadZipFile) as error:
        raise InputError(f"{file} is damaged ({error}); delete it, and it is made again") from error


def trained_on(suite: Planted, bank: Bank, recipe: dict[str, Any]) -> RunCard:
    """The card of a baseline that has seen every pair of a suite."""
    configs = [condition.config for condition in suite.conditions]
    splits = {config.split for config in configs}
    domains = {name if name in DRAWN else name.split("/")[0] for config in configs for name in config.domains}
    return RunCard(
        recipe=recipe,
        commit="unknown",
        versions={
            "python": platform.python_version(),
            "numpy": np.__version__,
            "opencv-python-headless": cv2.__version__,
        },
        families=tuple(sorted({name for config in configs for name in config.families})),
        domains=tuple(sorted(domains)),
        splits=tuple(sorted(splits)),
        held_out=any(config.held_out for config in configs),
        least_strength=min(config.strength[0] for config in configs),
        least_prevalence=min(config.prevalence[0] for config in configs),
        photographs=tuple(sorted({i.sha256[:PREFIX] for i in bank.items if i.split in splits and i.domain in domains})),
    )


def _progress() -> Callable[[int, int], None]:
    start = time.monotonic()

    def show(done: int, wanted: int) -> None:
        if done % 500 == 0 or done == wanted:
            minutes = (time.monotonic() - start) / done * (wanted - done) / 60
            print(f"{done}/{wanted} training pairs  {minutes:.1f} min left", file=sys.stderr)

    return show
