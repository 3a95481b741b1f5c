"""Facts to English and back: many wordings a content, several in a sentence, and a parser that never guesses."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

import numpy as np

from data_synth.catalog import EVERY
from data_synth.facts import Content, Difference, Side
from data_synth.parser import parse, parse_all
from vlmdiff.models.lines import NO_DIFFERENCE, line, lines

__all__ = ["canonical", "family_of", "parse", "parse_all", "read", "say", "say_together", "wordings", "write"]


@cache
def _family_of() -> dict[Content, str]:
    return {content: name for name, family in EVERY.items() for content in family.contents()}


def family_of(content: Content) -> str | None:
    """Name of the family that can lead to this content, or None."""
    return _family_of().get(content)


def wordings(content: Content) -> tuple[str, ...]:
    """Every way of saying it, the canonical one first; ValueError for a content of no family."""
    name = family_of(content)
    if name is None:
        raise ValueError(f"{content} belongs to no family of the catalog")
    return EVERY[name].wordings(content)


def canonical(content: Content) -> str:
    """The one wording that models are taught to write and that claims are scored by."""
    return wordings(content)[0]


def say(content: Content, rng: np.random.Generator) -> str:
    """One wording, drawn."""
    return _pick(wordings(content), rng)


def say_together(contents: Sequence[Content], rng: np.random.Generator) -> str:
    """One sentence that states every content of one side, in order; `parse_all` reads it back.

    Full clauses, or one subject, or one subject and one verb for all: "the images are darker, have a frame and show
    rain". A form that would be read otherwise is not used, and semicolons are never read otherwise.
    """
    clauses = [say(content, rng) for content in contents]
    form = (_with_connectives, _with_one_subject, _with_one_verb)[int(rng.integers(3))]
    sentence = form(contents, clauses, rng)
    return sentence if parse_all(sentence) == list(contents) else "; ".join(clauses)


_SUBJECT = re.compile(r"^(?:the (?:images|pictures|photos)|they) (?=are |have |show |look |contain |carry )")


def _with_connectives(_: Sequence[Content], clauses: list[str], rng: np.random.Generator) -> str:
    """ "the images are darker, and they have a frame; also, it rains in the pictures" """
    sentence = clauses[0]
    for clause in clauses[1:]:
        joint = _pick((", and ", " and ", ", ", "; ", "; also, ", " while at the same time ", "; in addition, "), rng)
        sentence += joint + (_SUBJECT.sub("they ", clause) if rng.random() < 0.5 else clause)
    return sentence


def _with_one_subject(_: Sequence[Content], clauses: list[str], rng: np.random.Generator) -> str:
    """ "the images are darker, have a frame and show rain"; a clause with a subject of its own keeps it."""
    shared = [bool(_SUBJECT.match(clause)) for clause in clauses]
    parts = [
        _SUBJECT.sub("", clause) if own and before else clause
        for before, own, clause in zip([False, *shared], shared, clauses, strict=False)
    ]
    return _listed(parts, _pick((" and ", ", and "), rng))


def _with_one_verb(contents: Sequence[Content], clauses: list[str], rng: np.random.Generator) -> str:
    """ "the images have a frame, a red tint and rain streaks", where every content has such a wording."""
    for verb in ("are ", "have "):
        said = [[w for w in wordings(content) if _SUBJECT.sub("", w).startswith(verb)] for content in contents]
        if all(said):
            first, *others = (_pick(options, rng) for options in said)
            parts = [first, *(_SUBJECT.sub("", clause).removeprefix(verb) for clause in others)]
            return _listed(parts, _pick((" and ", ", and ", " as well as "), rng))
    return _with_one_subject(contents, clauses, rng)


def _listed(parts: list[str], last_joint: str) -> str:
    return last_joint.join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else parts[0]


def _pick(options: Sequence[str], rng: np.random.Generator) -> str:
    return options[int(rng.integers(len(options)))]


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
