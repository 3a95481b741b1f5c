"""PairConfig: what pairs are drawn from, and what of it training may not take."""

from __future__ import annotations

from dataclasses import astuple, dataclass

from data_synth.catalog import (
    FAMILIES,
    HELD_OUT_DOMAINS,
    HELD_OUT_FAMILIES,
    LEAST_PREVALENCE,
    LEAST_STRENGTH,
    SET_FAMILIES,
    TRAINED,
)
from data_synth.sources import Split
from vlmdiff.errors import UsageError

Range = tuple[float, float]


@dataclass(frozen=True)
class Level:
    """What one family is drawn at; (lowest, highest), both included."""

    strength: Range
    prevalence: Range


@dataclass(frozen=True)
class PairConfig:
    """What pairs are drawn from. Ranges are (lowest, highest), both included."""

    split: Split = "train"
    """Photographs of this split: "train", "val" or "test"."""
    domains: tuple[str, ...] = ()
    """Image domains, each as likely; empty: all of the bank and every drawn field, held-out ones left out."""
    without: tuple[str, ...] = ()
    """Data sets and kinds of drawn images that are left out where `domains` is empty: what a leave-one-out twin of a
    model does not see."""
    families: tuple[str, ...] = tuple(TRAINED)
    """Of single images and of sets, each as likely; nuisances and confounders are drawn from the former."""
    set_size: tuple[int, int] = (16, 16)
    """Images a set, the same in A and B."""
    facts: tuple[float, ...] = (0.1, 0.9)
    """Chances of 0, 1, 2, ... differences, five at most; a pair with 0 is a null pair."""
    strength: Range = (0.25, 1.0)
    prevalence: Range = (0.6, 1.0)
    nuisances: tuple[float, ...] = (0.6, 0.32, 0.08)
    """Chances of 0, 1, 2, ... nuisances, three at most: both sets show them alike."""
    confounded: float = 0.0
    """Chance of a confounder: a nuisance that more of one set's images show, declared as such in the facts."""
    world_share: float = 0.5
    """Chance that one look is laid over every image of both sets."""
    drawn_share: float = 0.2
    """Chance of a drawn field where `domains` is empty."""
    sides: tuple[int, ...] = (128, 160, 192)
    """Pixels a side at which a pair is rendered, one drawn a pair."""
    held_out: bool = False
    """Whether what the catalog holds out may be drawn; no such config is taken for training."""
    unseen_combinations: bool = False
    """Of inserted shapes only the colours x shapes x sizes that the catalog holds out; takes `held_out`."""

    def __post_init__(self) -> None:
        """Raises UsageError: unknown families, chances that are none, or what is held out without saying so."""
        unknown = [name for name in self.families if name not in FAMILIES and name not in SET_FAMILIES]
        if unknown:
            known = ", ".join([*FAMILIES, *SET_FAMILIES])
            raise UsageError(f"families {', '.join(unknown)} are unknown; expected some of {known}")
        for name, chances, most in (("facts", self.facts, 5), ("nuisances", self.nuisances, 3)):
            if not 1 <= len(chances) <= most + 1 or abs(sum(chances) - 1) > 1e-9 or min(chances) < 0:
                raise UsageError(f"{name} {chances}: expected chances of 0 to at most {most}, with sum 1")
        if self.held_out:
            return
        if self.unseen_combinations:
            raise UsageError("unseen_combinations are held out by the catalog; set held_out=True, for evaluation only")
        found = [
            *(f"family {name!r}" for name in self.families if name in HELD_OUT_FAMILIES),
            *(f"domain {name!r}" for name in self.domains if domain_held_out(name)),
            *_held_out(self.strength, self.prevalence),
        ]
        if found:
            raise UsageError(f"{', '.join(found)} is held out by the catalog; set held_out=True, for evaluation only")

    def draws_from(self, domain: str) -> bool:
        """Whether a data set or a kind of drawn images is drawn from where `domains` is empty."""
        return domain not in self.without and (self.held_out or not domain_held_out(domain))

    def level(self, family: str) -> Level | None:
        """What a family is drawn at; None: at `strength` and `prevalence`, like all."""
        return None


@dataclass(frozen=True)
class LevelledConfig(PairConfig):
    """A config whose families have levels of their own, as a curriculum moves them.

    A class of its own, so that the recipes of all data sets and suites that have none stay what they were.
    """

    levels: tuple[tuple[str, Level], ...] = ()
    """By family."""

    def __post_init__(self) -> None:
        """Raises UsageError: levels of families that are not drawn, or held-out ones without saying so."""
        super().__post_init__()
        unknown = [name for name, _ in self.levels if name not in self.families]
        if unknown:
            raise UsageError(f"levels of {', '.join(unknown)}, which are not among the families that are drawn")
        found = [f"{what} of {name}" for name, level in self.levels for what in _held_out(*astuple(level))]
        if found and not self.held_out:
            raise UsageError(f"{', '.join(found)} is held out by the catalog; set held_out=True, for evaluation only")

    def level(self, family: str) -> Level | None:
        return next((level for name, level in self.levels if name == family), None)


def _held_out(strength: Range, prevalence: Range) -> list[str]:
    """What of two ranges no training may see, in words."""
    return [
        *([f"strength {strength[0]}"] if strength[0] < LEAST_STRENGTH else []),
        *([f"prevalence {prevalence[0]}"] if prevalence[0] < LEAST_PREVALENCE else []),
    ]


def domain_held_out(name: str) -> bool:
    """Whether a domain, or the data set that a class belongs to, is held out."""
    return name in HELD_OUT_DOMAINS or name.split("/")[0] in HELD_OUT_DOMAINS


def refuse_held_out(config: PairConfig) -> None:
    """Every job that trains, and every stage of it, calls this first.

    Raises:
        UsageError: the config draws test images or what the catalog holds out.
    """
    if config.held_out or config.split == "test":
        what = "what the catalog holds out" if config.held_out else "test images"
        raise UsageError(f"this config draws {what}; training takes held_out=False and split 'train' or 'val'")
