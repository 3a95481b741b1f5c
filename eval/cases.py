"""What a suite asks, one case at a time: two sets of images, and what is known of how they differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from data_synth.facts import Content, Difference, Side
from data_synth.family import Pixels
from data_synth.sources import Bank
from vlmdiff.models.card import RunCard


@dataclass(frozen=True)
class Known:
    """A difference that somebody knows of two real sets, in words; no generator planted it."""

    side: Side
    """The set that shows it more."""
    text: str
    source: str
    """Where it is written."""


@dataclass(frozen=True)
class Truth:
    """Everything but the pixels of a case; it goes into the record."""

    index: int
    domain: str
    condition: str = ""
    """What of the suite this case belongs to: a value of what it sweeps ("0.25"), or a comparison by name."""
    bases: tuple[int | str, ...] = ()
    """Base images that other cases may share: rows of the bank, or hashes of files; empty where all are drawn."""
    difference: Difference = ()
    """What was planted; empty and nothing `known` either: a null case."""
    known: tuple[Known, ...] = ()
    nuisances: tuple[Content, ...] = ()
    ordered: Known | None = None
    """An untrue answer that a sentence in the pixels demands."""


@dataclass(frozen=True)
class Case:
    """Two sets of RGB images of any size, and the truth."""

    truth: Truth
    images_a: list[Pixels]
    images_b: list[Pixels]
    groups: tuple[list[str], list[str]] | None = None
    """Of each image the patient, plate or burst it belongs to; None: each stands alone."""


class Suite(Protocol):
    """A frozen list of cases: the same for the same recipe, on any machine."""

    @property
    def name(self) -> str: ...

    @property
    def axis(self) -> str:
        """What the conditions are values of ("strength"), or "" where they are none."""
        ...

    @property
    def pairs(self) -> int: ...

    @property
    def holds_out(self) -> str:
        """What no training has seen of it, and why that matters: a sentence for the data sheet."""
        ...

    @property
    def left_out(self) -> tuple[str, ...]:
        """Data sets and comparisons that could not be used, and why; known once the suite is resolved."""
        ...

    def first(self, pairs: int) -> Suite:
        """The suite with no more than this many cases."""
        ...

    def resolved(self, bank: Bank, card: RunCard | None) -> Suite:
        """The suite for one bank and one model, all spelled out.

        Args:
            card: what the model was trained on; None: nothing of ours.

        Raises:
            UsageError: the model could have been trained on the suite's cases.
        """
        ...

    def case(self, index: int, bank: Bank) -> Case:
        """The case 0 to `pairs` - 1; the same bytes wherever it is called."""
        ...

    def recipe(self, bank: Bank) -> dict[str, Any]:
        """What the cases depend on, as JSON; painting code is not in it, its version is the repository's."""
        ...
