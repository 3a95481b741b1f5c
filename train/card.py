"""The run card that goes with an adapter: what the run saw at any stage, its code, versions, hours and losses."""

from __future__ import annotations

import importlib.metadata
import json
import platform
import subprocess
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from data_synth.config import PairConfig
from data_synth.sources import DRAWN, Bank
from train.identity import NOTE
from train.loop import write_atomic
from train.recipes import Recipe
from train.stopping import Reading
from vlmdiff.models.card import CARD_FILE, PREFIX, RunCard

_POINTS = 50
"""Of a stage's losses over its steps."""
PACKAGES = ("accelerate", "numpy", "opencv-python-headless", "peft", "torch", "transformers")


@dataclass(frozen=True)
class Seen:
    """What a data set on disk held."""

    domains: Collection[str]
    photographs: Collection[str]
    """SHA-256, hex."""


def card(
    recipe: Recipe,
    bank: Bank,
    folders: Sequence[Path],
    starts: Sequence[RunCard] = (),
    readings: Sequence[Reading] = (),
    seen: Seen | None = None,
    base: str | None = None,
) -> RunCard:
    """The card of a run.

    Args:
        folders: where the stages left their metrics (`NAME.jsonl`) and what they are (`NAME.run.json`).
        starts: cards of what the run went on from: what they saw, it saw.
        readings: what the best weights were chosen by.
        seen: what pairs came from, where they were not drawn from the bank.
        base: a public model under it, by name; see `RunCard.base`.
    """
    kinds = tuple(kind.config for kind in recipe.kinds)
    configs = (recipe.images, *kinds) if seen is None else (recipe.pairs,)
    splits = {config.split for config in configs}
    known = {name for config in configs for name in domains(config, bank)} if seen is None else set(seen.domains)
    drawn = {item.sha256 for item in bank.items if item.split in splits and item.domain in known}
    photographs = drawn if seen is None else seen.photographs
    hours, losses, curves = _metrics(folders)
    return RunCard(
        base=base,
        recipe=json.loads(json.dumps(asdict(recipe))),
        runs=_runs(folders),
        commit=commit(),
        versions={"python": platform.python_version(), **{name: importlib.metadata.version(name) for name in PACKAGES}},
        families=_union({name for config in configs for name in config.families}, *(s.families for s in starts)),
        domains=_union(known, *(s.domains for s in starts)),
        splits=_union(splits, *(s.splits for s in starts)),
        held_out=any([config.held_out for config in configs] + [s.held_out for s in starts]),
        least_strength=min([config.strength[0] for config in configs] + [s.least_strength for s in starts]),
        least_prevalence=min([config.prevalence[0] for config in configs] + [s.least_prevalence for s in starts]),
        photographs=_union({sha256[:PREFIX] for sha256 in photographs}, *(s.photographs for s in starts)),
        hours=hours,
        losses=losses,
        curves=curves,
        criteria=tuple(reading.as_row() for reading in readings),
    )


def joined(cards: Sequence[RunCard]) -> RunCard:
    """The card of what was made of several adapters: what one of them saw, it saw; all else is told of the last."""
    last = cards[-1]
    return last.model_copy(
        update={
            "families": _union(*(card.families for card in cards)),
            "domains": _union(*(card.domains for card in cards)),
            "splits": _union(*(card.splits for card in cards)),
            "photographs": _union(*(card.photographs for card in cards)),
            "held_out": any(card.held_out for card in cards),
            "least_strength": min(card.least_strength for card in cards),
            "least_prevalence": min(card.least_prevalence for card in cards),
            "commit": commit(),
        }
    )


def domains(config: PairConfig, bank: Bank) -> set[str]:
    """Data sets and kinds of drawn images that a config draws from."""
    if config.domains:
        return {name if name in DRAWN else name.split("/")[0] for name in config.domains}
    every = {item.domain for item in bank.items if item.split == config.split} | set(DRAWN)
    return {name for name in every if config.draws_from(name)}


def _union(*parts: Collection[str]) -> tuple[str, ...]:
    return tuple(sorted(set().union(*parts)))


def commit() -> str:
    """Of the checkout this code lies in; "unknown" without git, "-dirty" where files were changed."""
    try:
        found = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return found.stdout.strip()


def _runs(folders: Sequence[Path]) -> dict[str, dict[str, Any]]:
    """What `train.identity.claim` noted of each job, less the recipe."""
    notes = [note for folder in folders for note in sorted(folder.glob(f"*{NOTE}"))]
    found = {note.name.removesuffix(NOTE): json.loads(note.read_text(encoding="utf-8")) for note in notes}
    return {name: {key: value for key, value in run.items() if key != "recipe"} for name, run in found.items()}


def _metrics(
    folders: Sequence[Path],
) -> tuple[dict[str, float], dict[str, float], dict[str, tuple[tuple[int, float], ...]]]:
    """Hours, last losses and losses over the steps of the stages."""
    hours, losses, curves = {}, {}, {}
    for file in (file for folder in folders for file in sorted(folder.glob("*.jsonl")) if file.stem != "pairs"):
        rows = [json.loads(row) for row in file.read_text().splitlines()]
        if rows:
            hours[file.stem] = round(rows[-1]["seconds"] / 3600, 2)
            losses[file.stem] = round(rows[-1]["loss"], 4)
            shown = [*rows[: -1 : max(1, len(rows) // _POINTS)], rows[-1]]
            curves[file.stem] = tuple((row["step"], round(row["loss"], 4)) for row in shown)
    return hours, losses, curves


def write(card: RunCard, folder: Path) -> None:
    """Put a card into a base's or an adapter's folder, whole or not at all."""
    write_atomic(folder / CARD_FILE, lambda part: part.write_text(card.model_dump_json(indent=0) + "\n"))
