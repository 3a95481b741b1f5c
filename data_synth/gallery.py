"""The gallery: every family of the catalog in pictures, words and numbers on one page, to be judged by eye."""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from data_synth import procedural
from data_synth.calibrate import amount_for
from data_synth.catalog import EVERY, FAMILIES, HELD_OUT_FAMILIES, SET_FAMILIES
from data_synth.compose import SMALLEST_CHANGE
from data_synth.facts import Content
from data_synth.family import Family, Pixels, SetFamily
from data_synth.sources import Bank
from vlmdiff.errors import UsageError

STRENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0)
SET_STRENGTHS = (0.5, 1.0)
SIDE = 112
"""Pixels a side of a picture: painted at this size and shown one to one."""
SET_SIDE = 72
"""The same for the images of a set."""
SET_SIZE = 8
MOST_OTHERS = 5
"""Contents that a family shows beside its first one, at strength 1."""
PHOTOGRAPHS, MEDICAL = "imagenet_samples", "chest_xray"
"""Domains of a bank that pictures are taken from; drawn landscapes and X-rays stand in for them."""
LEAST_TONES = 55.0
"""Standard deviation, in grey levels, that a picture needs so that contrast and tone show on it."""
LEAST_COLOUR = 30.0
"""Mean spread between a pixel's channels, in grey levels, that a photograph needs so that colour shows on it."""
MOST_COLOUR_OF_GREY = 1.0
"""The same of a medical image at most, so that added colour shows on it."""
QUALITY = 85
"""Of the JPEGs; colour is kept at full resolution, for fine colour is what some families change."""


@dataclass(frozen=True)
class Base:
    """An untouched picture that every family is painted on."""

    title: str
    source: str
    """File within the packed tree, or the drawn field."""
    image: Pixels


@dataclass(frozen=True)
class Ground:
    """What the page is painted on."""

    bases: tuple[Base, ...]
    """A photograph and a medical image."""
    photographs: tuple[Pixels, ...]
    """For two sets of SET_SIZE."""


@dataclass(frozen=True)
class Words:
    """What is said of one family."""

    name: str
    group: str
    held_out: bool
    wordings: tuple[str, ...]
    """Of the content shown, the canonical one first."""
    stated: dict[str, str]
    """Attributes of the content shown."""
    contents: int
    values: dict[str, list[str]]
    """All values that each attribute has in the family's contents."""


@dataclass(frozen=True)
class Picture:
    """One image of the page and what is written below it."""

    uri: str
    alt: str
    """Empty where the note says it all."""
    note: str


@dataclass(frozen=True)
class Row:
    """One base at every strength."""

    base: Base
    pictures: tuple[Picture, ...]
    shows: bool
    """Whether the full strength changes the base enough for a pair to be drawn so."""


@dataclass(frozen=True)
class Entry:
    """A family of single images."""

    words: Words
    amounts: tuple[float, ...]
    """At STRENGTHS."""
    rows: tuple[Row, ...]
    others: tuple[Picture, ...]
    """Further contents at strength 1."""


@dataclass(frozen=True)
class SetRow:
    """Two sets, one content, one strength."""

    said: str
    strength: float
    untouched: float
    """The measure before anything is painted."""
    measure: float
    holder: tuple[str, ...]
    """Data URIs; likewise `other`."""
    other: tuple[str, ...]


@dataclass(frozen=True)
class SetEntry:
    """A family of whole sets."""

    words: Words
    sets: tuple[SetRow, ...]


def chosen(families: Sequence[str], groups: Sequence[str]) -> list[str]:
    """Names of the families that are named or of a named group, in the catalog's order; all where nothing is named.

    Raises:
        UsageError: a family or a group is unknown.
    """
    group_of = {name: family.group for name, family in EVERY.items()}
    for kind, named, known in (("family", families, group_of), ("group", groups, dict.fromkeys(group_of.values()))):
        for name in named:
            if name not in known:
                raise UsageError(f"{kind} {name!r} is unknown; expected some of {', '.join(known)}")
    every = not (families or groups)
    return [name for name, group in group_of.items() if every or name in families or group in groups]


def ground(bank: Bank) -> Ground:
    """The first images of the test split, in the bank's order, that have enough tones, colour or none of it.

    Where the bank has too few, images drawn from a fixed seed follow.
    """
    photographs = list(islice(_suitable(bank, PHOTOGRAPHS, "landscape", (LEAST_COLOUR, 255)), 2 * SET_SIZE))
    medical = next(_suitable(bank, MEDICAL, "xray", (0, MOST_COLOUR_OF_GREY)))
    return Ground(
        tuple(
            Base(title, source, _resized(image, SIDE))
            for title, (source, image) in (("photograph", photographs[0]), ("medical image", medical))
        ),
        tuple(_resized(image, SET_SIDE) for _, image in photographs),
    )


def page(names: Iterable[str], on: Ground) -> str:
    """A self-contained page of these families; nothing is fetched, and every text is escaped."""
    groups: dict[str, list[Entry | SetEntry]] = {}
    for name in names:
        entry = _entry(FAMILIES[name], on) if name in FAMILIES else _set_entry(SET_FAMILIES[name], on)
        groups.setdefault(entry.words.group, []).append(entry)
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["sha256"] = lambda text: _base64(hashlib.sha256(text.encode()).digest())
    return environment.get_template("gallery.html.j2").render(
        groups=groups,
        ground=on,
        strengths=STRENGTHS,
        side=SIDE,
        set_side=SET_SIDE,
    )


def _suitable(bank: Bank, domain: str, field: str, colour: tuple[float, float]) -> Iterator[tuple[str, Pixels]]:
    """Source and picture, endlessly; `colour` is the least and the most mean spread between a pixel's channels."""
    rows = bank.domains("test").get(domain, ())
    packed = ((bank.items[int(row)].file, np.asarray(bank.images[int(row)])) for row in rows)
    rng = np.random.default_rng(0)
    drawn = iter(lambda: (f"drawn {field}", procedural.draw(field, rng, SIDE)), None)
    for source, image in chain(packed, drawn):
        tones = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).std()
        if tones >= LEAST_TONES and colour[0] <= np.ptp(image, axis=2).mean() <= colour[1]:
            yield source, image


def _resized(image: Pixels, side: int) -> Pixels:
    return np.asarray(cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA), np.uint8)


def _attributes(content: Content) -> dict[str, str]:
    return {"what": content.what, **dict(content.value), "where": content.where}


def _words(family: Family | SetFamily, shown: Content) -> Words:
    contents = tuple(family.contents())
    values: dict[str, dict[str, None]] = {}
    for content in contents:
        for attribute, value in _attributes(content).items():
            values.setdefault(attribute, {})[value] = None
    return Words(
        family.name,
        family.group,
        family.name in HELD_OUT_FAMILIES,
        family.wordings(shown),
        _attributes(shown),
        len(contents),
        {attribute: list(found) for attribute, found in values.items()},
    )


def _dice(name: str) -> np.random.Generator:
    """The same for every strength, so that nothing but the strength differs along a row."""
    return np.random.default_rng(zlib.crc32(name.encode()))


def _examples(family: Family | SetFamily) -> list[Any]:
    """Parameters: the first ones drawn, then those whose contents add most attribute values not yet shown."""
    rng = _dice(family.name)
    drawn = [family.draw(rng) for _ in range(100)]
    stated = [set(_attributes(family.content(params)).items()) for params in drawn]
    found, shown = [drawn[0]], stated[0]
    while len(found) <= MOST_OTHERS:
        new = [len(attributes - shown) for attributes in stated]
        best = int(np.argmax(new))
        if not new[best]:
            break
        found.append(drawn[best])
        shown = shown | stated[best]
    return found


def _entry(family: Family, on: Ground) -> Entry:
    amounts = [amount_for(family.name, strength) for strength in STRENGTHS]
    first, *others = _examples(family)
    words = _words(family, family.content(first))

    def paint(image: Pixels, params: Any, amount: float) -> Pixels:
        return family.paint(image, params, amount, _dice(family.name))

    def row(base: Base) -> Row:
        after = [paint(base.image, first, amount) for amount in amounts]
        pictures = [
            Picture(
                _data_uri(image),
                f"{base.title}, strength {strength:g}" if strength else f"{base.title}, untouched",
                f"{family.measure(base.image, image, first) + 0.0:.3g}",  # -0.0 + 0.0 is 0.0
            )
            for image, strength in zip(after, STRENGTHS, strict=True)
        ]
        return Row(base, tuple(pictures), _shows(base.image, after[-1]))

    def other(params: Any) -> Picture:
        said = family.wordings(family.content(params))[0]
        painted = [(base.image, paint(base.image, params, amounts[-1])) for base in on.bases]
        after = next((after for before, after in painted if _shows(before, after)), painted[0][1])
        return Picture(_data_uri(after), "", said)

    return Entry(words, tuple(amounts), tuple(map(row, on.bases)), tuple(map(other, others)))


def _shows(before: Pixels, after: Pixels) -> bool:
    return float(np.abs(after.astype(np.int16) - before).mean()) >= SMALLEST_CHANGE


def _set_entry(family: SetFamily, on: Ground) -> SetEntry:
    holder, other = on.photographs[:SET_SIZE], on.photographs[SET_SIZE:]
    first, *others = _examples(family)

    def row(params: Any, strength: float) -> SetRow:
        after = family.paint(holder, other, params, amount_for(family.name, strength), _dice(family.name))
        return SetRow(
            family.wordings(family.content(params))[0],
            strength,
            family.measure(holder, other, params),
            family.measure(after.holder, after.other, params),
            tuple(map(_data_uri, after.holder)),
            tuple(map(_data_uri, after.other)),
        )

    rows = [row(first, strength) for strength in SET_STRENGTHS] + [row(params, 1.0) for params in others]
    return SetEntry(_words(family, family.content(first)), tuple(rows))


def _data_uri(image: Pixels) -> str:
    options = [
        cv2.IMWRITE_JPEG_QUALITY,
        QUALITY,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
    ]
    _, coded = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), options)
    return "data:image/jpeg;base64," + _base64(coded.tobytes())


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")
