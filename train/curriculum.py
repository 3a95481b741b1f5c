"""More and subtler: each family has a strength and a prevalence of its own, moved so that success stays near 75 %.

A round's pairs are a function of (state, index). Between rounds the model is probed on validation images at the levels
it has reached, and each level takes a step: a weighted up-down staircase, which settles where the share of right
answers is TARGET (Kaernbach, Perception & Psychophysics 49:227, 1991). Harder is all that is right, easier what is
wrong, and nothing ends: what is held out of training bounds strength and prevalence, the machine sizes and numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import zip_longest
from math import ceil
from typing import Any, Literal

from data_synth.catalog import EVERY, LEAST_PREVALENCE, LEAST_STRENGTH, SET_FAMILIES, TRAINED_SETS
from data_synth.config import Level, LevelledConfig, PairConfig
from train.samples import stated_from

TARGET = 0.75
"""The share of right answers that levels settle at."""
_STEP = 0.85
"""What a strength or prevalence is multiplied by where all probes were right; all wrong: divided by its cube."""
_STEPS = {"differences": 0.5, "nuisances": 0.5, "confounded": 0.05}
"""What a number grows by where all were right."""
_FIRST, _ENTERING = 16, 12
"""Families of the first round, and those that join a round once half of the probes are right; until then, one."""
_ENTER_AT = 0.5
_TRIALS = 2
"""Probes of a family a round, of its strength and its prevalence in turn."""
_TRIALS_OF_NUMBERS = 8
_LEAST_DIFFERENCES = 2.0
"""As many are drawn in some pairs, however hard: the probe asks for more than are drawn, and would never be right."""
_CLEAR = (0.9, 1.0)
"""Strengths of what is not about strength."""
_PROBE_SIZE = 24
"""Images a set, where prevalence asks for no more."""

Probed = Literal["strength", "prevalence", "differences", "nuisances", "confounded"]


@dataclass(frozen=True)
class Standing:
    """The lowest strength and prevalence that a family has reached."""

    strength: float = 0.8
    prevalence: float = 0.9


_KNOWN, _KNOWN_DIFFERENCES = Standing(0.5, 0.6), 3.0
"""Where a family stands that the base has learned already, and how many differences at once."""


@dataclass(frozen=True)
class Probe:
    """One question to the model: does it still see this, so faint, so rare, among so many?"""

    of: Probed
    family: str = ""
    """Of a strength or a prevalence."""

    @property
    def key(self) -> str:
        return f"{self.of} {self.family}".strip()


@dataclass(frozen=True)
class State:
    """All that a round's pairs depend on, beside the seed."""

    round: int
    standings: Mapping[str, Standing]
    """By family, in the order in which they entered."""
    waiting: tuple[str, ...]
    """Families that have not entered, the next one first."""
    differences: float = _LEAST_DIFFERENCES
    """One to so many a pair, each as likely; of a fraction the next number has that part of the chance."""
    nuisances: float = 0.5
    """Likewise, from none on."""
    confounded: float = 0.0
    """Share of the pairs."""

    def config(self, within: PairConfig) -> LevelledConfig:
        """What the round's pairs are drawn from: every family from its levels up to the clearest.

        Args:
            within: the bounds: its lowest strength and prevalence, largest sets, most differences and nuisances, and
                largest share of confounded pairs; a family that it names twice is drawn twice as often.
        """
        prevalence = sorted(standing.prevalence for standing in self.standings.values())[len(self.standings) // 2]
        null = within.facts[0]
        more = _chances(min(self.differences, len(within.facts) - 1) - 1)
        return _levelled(
            within,
            families=tuple(name for name in within.families if name in self.standings),
            set_size=(within.set_size[0], images_for(prevalence, within.set_size)),
            facts=(null, *((1 - null) * chance for chance in more)),
            nuisances=_chances(min(self.nuisances, len(within.nuisances) - 1)),
            confounded=self.confounded,
            levels={
                name: Level((standing.strength, 1.0), (standing.prevalence, 1.0))
                for name, standing in self.standings.items()
            },
        )

    def probes(self) -> tuple[Probe, ...]:
        """What is asked at the end of the round: of each family one of its levels, in turn, and the numbers."""
        asked: list[Probe] = []
        for place, family in enumerate(self.standings):
            of_strength = family in SET_FAMILIES or (place + self.round) % 2 == 0
            asked += [Probe("strength" if of_strength else "prevalence", family)] * _TRIALS
        numbers: tuple[Probed, ...] = ("differences", "nuisances", "confounded")
        return (*asked, *(Probe(of) for of in numbers for _ in range(_TRIALS_OF_NUMBERS)))

    def probe_config(self, probe: Probe, within: PairConfig) -> LevelledConfig:
        """What the pair of a probe is drawn from: validation images, one thing hard and all else easy."""
        size = max(_PROBE_SIZE, within.set_size[0])
        everyone = {name: Level(_CLEAR, (1.0, 1.0)) for name in self.standings}
        facts, nuisances, confounded, levels = 1, 0, 0.0, everyone
        if probe.family:
            standing = self.standings[probe.family]
            if probe.of == "strength":
                levels = {probe.family: Level((standing.strength,) * 2, (1.0, 1.0))}
            else:
                levels = {probe.family: Level(_CLEAR, (standing.prevalence,) * 2)}
                size = images_for(standing.prevalence, (size, max(size, within.set_size[1])))
        elif probe.of == "differences":
            facts = min(int(self.differences) + 1, len(within.facts) - 1)
        elif probe.of == "nuisances":
            nuisances = min(int(self.nuisances) + 1, len(within.nuisances) - 1)
        else:
            confounded = 1.0
        return _levelled(
            replace(within, split="val"),
            families=tuple(levels),
            set_size=(size, size),
            facts=(0.0,) * facts + (1.0,),
            nuisances=(0.0,) * nuisances + (1.0,),
            confounded=confounded,
            levels=levels,
        )

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def from_json(told: Mapping[str, Any]) -> State:
    """What `as_json` gave."""
    standings = {name: Standing(**standing) for name, standing in told["standings"].items()}
    return State(**{**told, "standings": standings, "waiting": tuple(told["waiting"])})


def widest(config: PairConfig) -> PairConfig:
    """The bounds that a curriculum grows towards: all that training may see of the families, and as much of it."""
    return replace(
        config,
        families=(*config.families, *(name for name in TRAINED_SETS if name not in config.families)),
        strength=(LEAST_STRENGTH, 1.0),
        prevalence=(LEAST_PREVALENCE, 1.0),
        set_size=(config.set_size[0], max(128, config.set_size[1])),
        facts=(0.1, *(0.9 / 5,) * 5),
        nuisances=(0.25,) * 4,
        confounded=0.25,
    )


def started(within: PairConfig, known: bool = False) -> State:
    """The state of the first round: a few families of every group, clear and frequent, one or two at a time.

    Args:
        known: the base has learned the families already: all of them at once, at levels in between.
    """
    order = _in_order(within.families)
    standing = _bounded(_KNOWN if known else Standing(), within)
    first = len(order) if known else _FIRST
    differences = _KNOWN_DIFFERENCES if known else _LEAST_DIFFERENCES
    return State(0, {name: standing for name in order[:first]}, tuple(order[first:]), differences)


def uniform(within: PairConfig) -> State:
    """The fixed mix that a curriculum is held against: all families at once, evenly from the bounds on."""
    lowest = Standing(within.strength[0], within.prevalence[0])
    return State(
        0,
        {name: lowest for name in _in_order(within.families)},
        (),
        float(len(within.facts) - 1),
        float(len(within.nuisances) - 1),
        within.confounded,
    )


def advanced(state: State, successes: Mapping[str, float], within: PairConfig) -> State:
    """The state of the next round.

    Args:
        successes: share of right answers by `Probe.key`; what was not probed stays.
    """
    standings = {
        name: _bounded(
            Standing(
                _moved(standing.strength, successes.get(f"strength {name}", TARGET)),
                _moved(standing.prevalence, successes.get(f"prevalence {name}", TARGET)),
            ),
            within,
        )
        for name, standing in state.standings.items()
    }
    of_families = [rate for key, rate in successes.items() if " " in key]
    entering = _ENTERING if of_families and sum(of_families) / len(of_families) >= _ENTER_AT else 1
    for name in state.waiting[:entering]:
        standings[name] = _bounded(Standing(), within)

    def grown(what: str, now: float, least: float, most: float) -> float:
        return min(max(now + _STEPS[what] * _steps(successes.get(what, TARGET)), least), most)

    return State(
        state.round + 1,
        standings,
        state.waiting[entering:],
        grown("differences", state.differences, _LEAST_DIFFERENCES, len(within.facts) - 1.0),
        grown("nuisances", state.nuisances, 0.0, len(within.nuisances) - 1.0),
        grown("confounded", state.confounded, 0.0, within.confounded),
    )


def images_for(prevalence: float, sizes: tuple[int, int]) -> int:
    """Images a set from which on a difference of so rare a kind is stated in training, within bounds."""
    least, most = sizes
    return next((size for size in range(least, most) if stated_from(size, size) <= prevalence), most)


def _steps(rate: float) -> float:
    """1 where all was right, 0 at the target, -3 where all was wrong."""
    return (rate - TARGET) / (1 - TARGET)


def _moved(level: float, rate: float) -> float:
    return level * float(_STEP ** _steps(rate))


def _bounded(standing: Standing, within: PairConfig) -> Standing:
    strength, prevalence = max(standing.strength, within.strength[0]), max(standing.prevalence, within.prevalence[0])
    return Standing(min(strength, 1.0), min(prevalence, 1.0))


def _chances(level: float) -> tuple[float, ...]:
    """Of 0, 1, 2, ...: 1.5 makes (0.4, 0.4, 0.2)."""
    whole = int(level)
    weights = [1.0] * (whole + 1) + [level - whole] * (ceil(level) - whole)
    return tuple(weight / sum(weights) for weight in weights)


def _in_order(families: Sequence[str]) -> list[str]:
    """One family of every group after another; those that are drawn more often first in their group."""
    groups: dict[str, list[str]] = {}
    for name in sorted(dict.fromkeys(families), key=lambda name: -list(families).count(name)):
        groups.setdefault(EVERY[name].group, []).append(name)
    return [name for row in zip_longest(*groups.values()) for name in row if name]


def _levelled(within: PairConfig, levels: Mapping[str, Level], **changes: Any) -> LevelledConfig:
    plain = {name: getattr(within, name) for name in PairConfig.__dataclass_fields__}
    return LevelledConfig(**{**plain, **changes}, levels=tuple(levels.items()))
