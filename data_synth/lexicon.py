"""Facts to English and back: many wordings a content, and a parser that says "not understood" instead of guessing."""

from __future__ import annotations

import re
from functools import cache

import numpy as np

from data_synth.catalog import FAMILIES
from data_synth.facts import PLACES, Content, Difference, Side
from data_synth.families.inserts import COLOURS, SHAPES
from vlmdiff.models.lines import NO_DIFFERENCE, line, lines, normalised


@cache
def _index() -> dict[str, Content]:
    return {
        normalised(wording): content
        for family in FAMILIES.values()
        for content in family.contents()
        for wording in family.wordings(content)
    }


@cache
def _family_of() -> dict[Content, str]:
    return {content: name for name, family in FAMILIES.items() for content in family.contents()}


def family_of(content: Content) -> str | None:
    """Name of the family that can lead to this content, or None."""
    return _family_of().get(content)


def wordings(content: Content) -> tuple[str, ...]:
    """Every way of saying it, the canonical one first; ValueError for a content of no family."""
    name = family_of(content)
    if name is None:
        raise ValueError(f"{content} belongs to no family of the catalog")
    return FAMILIES[name].wordings(content)


def canonical(content: Content) -> str:
    """The one wording that models are taught to write and that claims are scored by."""
    return wordings(content)[0]


def say(content: Content, rng: np.random.Generator) -> str:
    """One wording, drawn."""
    options = wordings(content)
    return options[int(rng.integers(len(options)))]


def parse(text: str) -> Content | None:
    """The content that a sentence states, or None: not understood.

    A known wording is read whole. A sentence about one inserted shape in other words is read part by part,
    and only when it names exactly one shape and exactly one colour; what it leaves out stays unstated.
    """
    words = normalised(text)
    known = _index().get(words)
    return known if known is not None else _parse_shape(words)


_PLURALS = {shape + ending: shape for shape in SHAPES for ending in ("", "s", "es")}
_SIZES = {"small": "small", "tiny": "small", "little": "small", "medium": "medium", "large": "large", "big": "large"}
_PLACE = re.compile(r"\b(top|upper|bottom|lower)? ?(left|right|centre|center|middle|top|bottom)\b")


def _parse_shape(words: str) -> Content | None:
    tokens = words.split()
    shapes = {_PLURALS[token] for token in tokens if token in _PLURALS}
    colours = {token for token in tokens if token in COLOURS}
    if len(shapes) != 1 or len(colours) != 1:
        return None
    value = {"colour": colours.pop()}
    sizes = {_SIZES[token] for token in tokens if token in _SIZES}
    if len(sizes) == 1:
        value["size"] = sizes.pop()
    several = any(token in tokens for token in ("several", "many", "multiple", "scattered"))
    value["count"] = "several" if several else "one"
    place = _PLACE.search(words)
    where = "random" if several else "unstated"
    if place:
        row = {"upper": "top", "lower": "bottom", None: ""}.get(place[1], place[1])
        column = {"center": "centre", "middle": "centre"}.get(place[2], place[2])
        where = f"{row} {column}".strip().replace("top centre", "top").replace("bottom centre", "bottom")
        if where not in PLACES:
            return None
    return Content(shapes.pop(), tuple(sorted(value.items())), where)


def write(difference: Difference, rng: np.random.Generator | None = None) -> str:
    """One line a fact, "b: the images are darker"; canonical wordings unless `rng` draws them."""
    if not difference:
        return NO_DIFFERENCE + "\n"
    return "".join(
        line(fact.side, canonical(fact.content) if rng is None else say(fact.content, rng)) for fact in difference
    )


def read(text: str) -> list[tuple[Side, Content | None]]:
    """The lines of `write` read back: side and content, None where a sentence is not understood."""
    return [(side, parse(sentence)) for side, sentence in lines(text)]
