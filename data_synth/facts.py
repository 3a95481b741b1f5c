"""Facts: what the generator put into a set, true by construction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Side = Literal["a", "b"]

PLACES = (
    "top left",
    "top",
    "top right",
    "left",
    "centre",
    "right",
    "bottom left",
    "bottom",
    "bottom right",
)
"""The nine-part grid, row by row."""

Where = str
"""One of PLACES, or "everywhere", "border", "random"."""


@dataclass(frozen=True)
class Content:
    """What a fact says, without saying of which set: the part that has words."""

    what: str
    """Object ("rectangle") or property ("brightness")."""
    value: tuple[tuple[str, str], ...] = ()
    """Sorted (attribute, value) pairs, for instance (("direction", "less"),)."""
    where: Where = "everywhere"

    def get(self, attribute: str) -> str | None:
        """The value of one attribute, or None where it is not stated."""
        return dict(self.value).get(attribute)


def content(what: str, where: Where = "everywhere", **value: str) -> Content:
    """Content with its attributes in canonical order."""
    return Content(what, tuple(sorted(value.items())), where)


@dataclass(frozen=True)
class Fact:
    """One planted difference."""

    content: Content
    side: Side
    """The set that shows it."""
    strength: float
    """0 (invisible) to 1 (obvious), on one perceptual scale for all families."""
    prevalence: float
    """Share of that set's images that show it, 0 to 1; 1 for what only whole sets show."""
    family: str
    level: Literal["image", "set"] = "image"
    """Whether single images show it, or only the set as a whole (more varied, repeated)."""
    elsewhere: float = 0.0
    """Share of the other set's images that show it too."""
    confounder: bool = False
    """Not the difference that is asked about: a nuisance (a scanner, a season) that happens to go with the set."""


Difference = tuple[Fact, ...]
"""All planted differences of a pair; the empty tuple is "no difference"."""
