"""SUITES: frozen recipes of cases whose truth is known, each with a hash that names everything they depend on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from data_synth import calibrate
from data_synth.catalog import FAMILIES, HELD_OUT_FAMILIES, SET_FAMILIES
from data_synth.compose import compose
from data_synth.config import PairConfig, domain_held_out
from data_synth.sources import DRAWN, Bank
from eval import injection
from eval.cases import Case, Suite, Truth
from eval.medical.suite import open_medical
from eval.real import open_real_easy
from eval.visdiffbench import visdiffbench
from vlmdiff.errors import UsageError
from vlmdiff.models.card import RunCard


@dataclass(frozen=True)
class Condition:
    """Part of a suite: a value of what it sweeps, and what its pairs are drawn from."""

    value: str
    config: PairConfig


@dataclass(frozen=True)
class Planted:
    """Pairs that the generator makes: case i is pair i of (config, seed), the conditions taken in turn."""

    name: str
    conditions: tuple[Condition, ...]
    pairs: int
    seed: int
    """Far from the seeds of training runs: drawn images have no splits."""
    axis: str = ""
    unseen: Literal["", "families", "domains", "combinations"] = ""
    """What no training may have seen, beside the photographs."""
    holds_out: str = "the photographs"
    writes: bool = False
    """Whether sentences that try to steer the system are written into the images."""

    @property
    def left_out(self) -> tuple[str, ...]:
        return ()

    def first(self, pairs: int) -> Planted:
        return replace(self, pairs=min(self.pairs, pairs))

    def resolved(self, bank: Bank, card: RunCard | None) -> Planted:
        """Every condition with its domains and families spelled out; see `Suite.resolved`."""
        if card:
            _refuse_seen(self, bank, card)
        return replace(
            self, conditions=tuple(replace(c, config=self._resolved(c.config, bank, card)) for c in self.conditions)
        )

    def _resolved(self, config: PairConfig, bank: Bank, card: RunCard | None) -> PairConfig:
        if card and self.unseen != "families":
            families = tuple(name for name in config.families if name in card.families)
            if not families:
                raise UsageError(f"the model was trained on none of the families of suite {self.name!r}")
            config = replace(config, families=families)
        if config.domains:
            return config
        pictures = bank.pictures(config.split)
        held = [name for name, n in pictures.items() if "/" not in name and n >= 2 * config.set_size[1]]
        strange = {name for name in (*held, *DRAWN) if (name not in card.domains if card else domain_held_out(name))}
        domains = [name for name in (*held, *DRAWN) if (name in strange) == (self.unseen == "domains")]
        if self.unseen != "domains":
            domains = [name for name in domains if not domain_held_out(name)]
        if not domains:
            raise UsageError(f"suite {self.name!r}: the model was trained on every domain there is; hold one out")
        return replace(config, domains=tuple(domains))

    def case(self, index: int, bank: Bank) -> Case:
        condition = self.conditions[index % len(self.conditions)]
        pair = compose(condition.config, bank, self.seed, index)
        truth = Truth(
            index=index,
            domain=pair.domain,
            condition=condition.value if len(self.conditions) > 1 else "",
            bases=pair.bases,
            difference=pair.difference,
            nuisances=pair.nuisances,
        )
        case = Case(truth, pair.images_a, pair.images_b)
        return injection.written(case, self.seed) if self.writes and condition.value != "no text" else case

    def recipe(self, bank: Bank) -> dict[str, Any]:
        curves = calibrate.CURVES
        splits = {condition.config.split for condition in self.conditions}
        used = [(item.sha256, item.domain, item.label) for item in bank.items if item.split in splits]
        contents = {
            name: [(c.what, c.value, c.where, family.wordings(c)) for c in family.contents()]
            for name, family in FAMILIES.items()
        }
        return {
            **asdict(self),
            "catalog_sha256": digest(contents),
            "calibration_sha256": hashlib.sha256(curves.read_bytes()).hexdigest() if curves.exists() else None,
            "bank_sha256": digest([list(bank.images.shape[1:]), used]),
        }


def _refuse_seen(suite: Planted, bank: Bank, card: RunCard) -> None:
    """Raise UsageError where the model may have been trained on the suite's cases."""
    configs = [condition.config for condition in suite.conditions]
    splits = {config.split for config in configs}
    photographs = [item.sha256 for item in bank.items if item.split in splits]
    if seen := card.saw(photographs):
        raise UsageError(
            f"suite {suite.name!r}: {len(seen)} of {len(photographs)} photographs were trained on; "
            "score this model on other images"
        )
    families = {name for config in configs for name in config.families} & set(card.families)
    if suite.unseen == "families" and families:
        raise UsageError(f"suite {suite.name!r}: the model was trained on {', '.join(sorted(families))}")
    if suite.unseen == "combinations" and card.held_out:
        raise UsageError(f"suite {suite.name!r}: the model was trained on what the catalog holds out")


CORE = PairConfig(split="test", set_size=(32, 32), facts=(0.0, 1.0), strength=(0.5, 1.0), prevalence=(0.6, 1.0))
"""One difference a pair; every family and every domain that is trained on as likely as another."""


def _alone(config: PairConfig) -> tuple[Condition, ...]:
    return (Condition("", config),)


def _sweep(values: Sequence[float], config_at: Callable[[float], PairConfig]) -> tuple[Condition, ...]:
    return tuple(Condition(f"{value:g}", config_at(value)) for value in values)


def _facts(count: int) -> tuple[float, ...]:
    return (*[0.0] * count, 1.0)


_DRAWN_TRAINED = tuple(name for name in DRAWN if not domain_held_out(name))

PLANTED: dict[str, Planted] = {
    suite.name: suite
    for suite in (
        Planted("core", _alone(CORE), pairs=300, seed=910_001),
        Planted("nulls", _alone(replace(CORE, facts=(1.0,))), pairs=400, seed=910_002),
        Planted(
            "subtle",
            _sweep(
                (0.1, 0.25, 0.4, 0.6, 0.8, 1.0),
                lambda s: replace(CORE, strength=(s, s), prevalence=(1.0, 1.0), held_out=True),
            ),
            pairs=96,
            seed=910_003,
            axis="strength",
            holds_out="the photographs, and strengths under 0.15",
        ),
        Planted(
            "sparse",
            _sweep(
                (0.02, 0.05, 0.1, 0.2, 0.5, 1.0),
                lambda p: replace(CORE, set_size=(200, 200), prevalence=(p, p), domains=_DRAWN_TRAINED, held_out=True),
            ),
            pairs=42,
            seed=910_004,
            axis="prevalence",
            holds_out="prevalences under 0.1; all images are drawn, for no test set has 400 photographs",
        ),
        Planted(
            "sizes",
            _sweep(
                (8, 16, 32, 100, 320, 1000),
                lambda n: replace(CORE, set_size=(int(n), int(n)), domains=_DRAWN_TRAINED),
            ),
            pairs=30,
            seed=910_005,
            axis="images a set",
            holds_out="nothing but the drawn images themselves; there are no 2,000 photographs",
        ),
        Planted(
            "many",
            _sweep((1, 2, 3, 4, 5), lambda n: replace(CORE, facts=_facts(int(n)))),
            pairs=60,
            seed=910_006,
            axis="differences",
            holds_out="the photographs, and pairs with more than two differences",
        ),
        Planted(
            "compose",
            _alone(
                replace(
                    CORE,
                    families=("shape", "outlined_shape", "few_shapes", "scattered_shapes"),
                    nuisances=(1.0,),
                    held_out=True,
                    unseen_combinations=True,
                )
            ),
            pairs=60,
            seed=910_007,
            unseen="combinations",
            holds_out="the photographs, and every colour x shape x size that is planted: a fifth of all, each part of "
            "which was trained on in other company",
        ),
        Planted(
            "families",
            _alone(
                replace(
                    CORE,
                    families=tuple(name for name in (*FAMILIES, *SET_FAMILIES) if name in HELD_OUT_FAMILIES),
                    nuisances=(1.0,),
                    held_out=True,
                )
            ),
            pairs=100,
            seed=910_008,
            unseen="families",
            holds_out="the photographs and all families, whole: the model has no words of its own for them, so a "
            "partly right answer names their kin",
        ),
        Planted(
            "domains",
            _alone(replace(CORE, held_out=True)),
            pairs=60,
            seed=910_009,
            unseen="domains",
            holds_out="the image domains that the run card does not list",
        ),
        Planted(
            "null-domains",
            _alone(replace(CORE, facts=(1.0,), held_out=True)),
            pairs=400,
            seed=910_012,
            unseen="domains",
            holds_out="the image domains that the run card does not list",
        ),
        Planted(
            "confounded",
            _alone(replace(CORE, facts=(0.3, 0.7), confounded=1.0)),
            pairs=50,
            seed=910_010,
            holds_out="the photographs",
        ),
        Planted(
            "injection",
            (
                Condition("no text", replace(CORE, facts=(0.5, 0.5), domains=())),
                Condition("text", replace(CORE, facts=(0.5, 0.5), domains=())),
            ),
            pairs=60,
            seed=910_011,
            axis="written in the images",
            holds_out="the photographs, and all sentences that are written in the images",
            writes=True,
        ),
    )
}


def _planted(suite: Planted) -> Callable[[Path | None], Suite]:
    return lambda data: suite


SUITES: dict[str, Callable[[Path | None], Suite]] = {
    **{name: _planted(suite) for name, suite in PLANTED.items()},
    "visdiffbench": visdiffbench,
    "medical": open_medical,
    "real-easy": open_real_easy,
}
"""By name; what opens a suite takes the folder of labelled real images, for those that are made of them."""


def open_suite(name: str, data: Path | None) -> Suite:
    """The suite of that name.

    Args:
        data: folder of labelled real images; only suites of real images need it.

    Raises:
        UsageError: there is no such suite, or it needs `data`.
    """
    if name not in SUITES:
        raise UsageError(f"no suite {name!r}; known are {', '.join(SUITES)}")
    return SUITES[name](data)


def digest(value: Any) -> str:
    """SHA-256, in hex, of the canonical JSON of a value: keys sorted, no spaces."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
