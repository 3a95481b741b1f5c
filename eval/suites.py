"""Suites: frozen recipes of labelled pairs, each with a hash that names everything its pairs depend on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from data_synth import calibrate
from data_synth.catalog import FAMILIES
from data_synth.config import PairConfig, domain_held_out
from data_synth.sources import DRAWN, Bank
from vlmdiff.errors import UsageError


@dataclass(frozen=True)
class Suite:
    """Pairs 0 to `pairs` - 1 of the endless list that (config, seed) names."""

    name: str
    config: PairConfig
    pairs: int
    seed: int
    """Far from the seeds of training runs: drawn images have no splits."""


CORE = PairConfig(split="test", set_size=(32, 32), facts=(0.0, 1.0), strength=(0.5, 1.0), prevalence=(0.6, 1.0))
"""One difference a pair; every family and every domain that is trained on as likely as another."""

SUITES: dict[str, Suite] = {
    suite.name: suite
    for suite in (
        Suite("core", CORE, pairs=400, seed=910_001),
        Suite("nulls", replace(CORE, facts=(1.0,)), pairs=400, seed=910_002),
    )
}


def resolved(suite: Suite, bank: Bank, taught: Sequence[str] = ()) -> Suite:
    """The suite for one bank and one system, all spelled out.

    Where it names no domains, each that can fill a pair and each drawn one; held-out ones only where the config asks
    for what is held out. Of its families those that the system was trained on; all of them where that is not known, or
    where the config asks for what is held out.
    """
    if taught and not suite.config.held_out:
        families = tuple(name for name in suite.config.families if name in taught)
        if not families:
            raise UsageError(f"the system was trained on none of the families of suite {suite.name!r}")
        suite = replace(suite, config=replace(suite.config, families=families))
    if suite.config.domains:
        return suite
    needed = 2 * suite.config.set_size[1]
    pictures = bank.pictures(suite.config.split)
    held = [name for name, count in pictures.items() if "/" not in name and count >= needed]
    open_to_all = [name for name in (*held, *DRAWN) if suite.config.held_out or not domain_held_out(name)]
    return replace(suite, config=replace(suite.config, domains=tuple(open_to_all)))


def recipe(suite: Suite, bank: Bank) -> dict[str, Any]:
    """What a suite's pairs depend on, as JSON; painting code is not in it, its version is the repository's."""
    curves = calibrate.CURVES
    used = [(item.sha256, item.domain, item.label) for item in bank.items if item.split == suite.config.split]
    contents = {
        name: [(c.what, c.value, c.where, family.wordings(c)) for c in family.contents()]
        for name, family in FAMILIES.items()
    }
    return {
        **asdict(suite),
        "catalog_sha256": digest(contents),
        "calibration_sha256": hashlib.sha256(curves.read_bytes()).hexdigest() if curves.exists() else None,
        "bank_sha256": digest([list(bank.images.shape[1:]), used]),
    }


def digest(value: Any) -> str:
    """SHA-256, in hex, of the canonical JSON of a value: keys sorted, no spaces."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
