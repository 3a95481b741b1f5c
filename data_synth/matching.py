"""Is what was said what was planted? Exact for typed facts, with credit for each attribute that is right."""

from __future__ import annotations

from dataclasses import dataclass

from data_synth.broader import broader
from data_synth.facts import Content, Difference, Side
from data_synth.families.inserts import SHAPES

Said = tuple[Side, Content | None]
"""A side and what was said of it; None: not understood."""

PARTLY = 0.5
"""Credit from which on a statement is partly right, and that of a broader word."""


@dataclass(frozen=True)
class Match:
    """How one thing said compares with the planted fact it fits best."""

    fact: int | None
    """Index of the fact, None where no fact is of that kind."""
    side: bool
    """The right set was named."""
    credit: float
    """Share of the typed attributes that are right, the kind and the place among them; 0 where the side is wrong."""
    exact: bool
    """Side and every attribute right."""
    broader: bool = False
    """True by a broader word alone ("noisier" for speckle), of the right set."""


_OPPOSITE = {"less": "more", "more": "less"}


def mirrored(content: Content) -> Content | None:
    """What the other set shows more: brighter for darker; None where a content has no opposite."""
    if content.get("direction") not in _OPPOSITE:
        return None
    value = tuple((name, _OPPOSITE[old] if name == "direction" else old) for name, old in content.value)
    return Content(content.what, value, content.where)


def oriented(side: Side, content: Content) -> tuple[Side, Content]:
    """The same statement with "more" in it: that B is darker is that A is brighter."""
    opposite = mirrored(content)
    if opposite is None or content.get("direction") == "more":
        return side, content
    return ("b" if side == "a" else "a"), opposite


def _credit(said: Content, planted: Content) -> float:
    """Share of the planted attributes stated right; of inserted objects the shape is one attribute of several."""
    attributes = dict(planted.value)
    right = sum(said.get(name) == value for name, value in attributes.items())
    total = len(attributes) + 2
    return (right + (said.what == planted.what) + (said.where == planted.where)) / total


def _comparable(said: Content, planted: Content) -> bool:
    """Of one kind: the same property or object, or two inserted objects of whatever shape."""
    return said.what == planted.what or {said.what, planted.what} <= set(SHAPES)


def match(said: Said, difference: Difference) -> Match:
    """The planted fact that the statement fits best, by credit."""
    side, content = said
    best = Match(None, False, 0.0, False)
    if content is None:
        return best
    side, content = oriented(side, content)
    for index, fact in enumerate(difference):
        true_side, planted = oriented(fact.side, fact.content)
        if not _comparable(content, planted):
            continue
        credit = _credit(content, planted) if side == true_side else 0.0
        candidate = Match(index, side == true_side, credit, side == true_side and content == planted)
        if best.fact is None or candidate.credit > best.credit:
            best = candidate
    return best


def match_broadly(said: Said, difference: Difference) -> Match:
    """As `match`, and a fact told in a broader word earns PARTLY, where attributes do not earn as much."""
    best = match(said, difference)
    if said[1] is None:
        return best
    side, content = oriented(said[0], said[1])
    for index, fact in enumerate(difference):
        true_side, planted = oriented(fact.side, fact.content)
        wide = broader(planted)
        if wide is None:
            continue
        wide_side, wide = oriented(true_side, wide)
        right = side == wide_side
        credit = PARTLY if right else 0.0
        if content == wide and (best.fact is None or credit > best.credit):
            best = Match(index, right, credit, False, broader=right)
    return best
