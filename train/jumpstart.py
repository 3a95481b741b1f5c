"""Jump-start: pairs of labelled real sets that anyone tells apart, with sentences that no family of the catalog has.

A free concept ("the images show dogs") is a content whose `where` is "free": its words are what it is, and its one
attribute names the column of jumpstart.toml that it belongs to. Other values of the column are its near misses.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data_synth.compose import LabelledPair, draw_bases, photographs
from data_synth.config import PairConfig
from data_synth.facts import Content, Fact, Side
from data_synth.lexicon import canonical, parse
from data_synth.sources import Bank
from train.recipes import Kind, Recipe
from vlmdiff.errors import InputError

MANIFEST = Path(__file__).with_suffix(".toml")
FEWEST = 14
"""Different pictures that a value needs: sets of seven, of which a pool of eight and four single images are drawn."""
_FREE = "free"
_SHARE = 0.1
"""Of the samples, and of as many pairs as a recipe has of its own."""


@dataclass(frozen=True)
class Value:
    """One thing that images can show."""

    contents: tuple[Content, ...]
    """What is said of them, the free concept first."""
    files: tuple[str, ...]
    """Patterns of paths in the bank."""


@dataclass(frozen=True)
class Column:
    """Values of which an image has one."""

    name: str
    theme: str
    values: tuple[Value, ...]

    @property
    def concepts(self) -> tuple[Content, ...]:
        return tuple(value.contents[0] for value in self.values)


@dataclass(frozen=True)
class ConceptConfig(PairConfig):
    """What pairs of real sets are drawn from."""

    columns: tuple[Column, ...] = ()


@dataclass(frozen=True)
class Found:
    """What a bank holds of the manifest."""

    columns: tuple[Column, ...]
    """With at least two values that have pictures enough."""
    left_out: tuple[str, ...]
    """Values with too few pictures, in words."""


def read(file: Path = MANIFEST) -> tuple[Column, ...]:
    """The columns of a manifest.

    Raises:
        InputError: a free sentence is one of the catalog's, or a further one is not.
    """
    return tuple(_column(one) for one in tomllib.loads(file.read_text(encoding="utf-8"))["columns"])


@cache
def columns() -> tuple[Column, ...]:
    """Of the manifest that goes with the code."""
    return read()


def _column(told: Mapping[str, object]) -> Column:
    name, theme, values, more = (told.get(key, {}) for key in ("name", "theme", "values", "more"))
    assert isinstance(name, str) and isinstance(theme, str) and isinstance(values, dict) and isinstance(more, dict)
    return Column(
        name,
        theme,
        tuple(
            Value((_free(text, name), *(_known(further) for further in more.get(text, ()))), tuple(files))
            for text, files in values.items()
        ),
    )


def _free(text: str, column: str) -> Content:
    if (read_as := parse(text)) is not None:
        raise InputError(f"{MANIFEST.name}: {text!r} is the catalog's {read_as}; expected words of its own")
    return Content(text, (("column", column),), _FREE)


def _known(text: str) -> Content:
    if (content := parse(text)) is None:
        raise InputError(f"{MANIFEST.name}: further sentence {text!r} is not understood; expected one of the catalog's")
    return content


def is_free(content: Content) -> bool:
    return content.where == _FREE


def text_of(content: Content) -> str:
    """The one wording that models are taught to write, of a content of the catalog or a free one."""
    return content.what if is_free(content) else canonical(content)


def siblings(content: Content) -> tuple[Content, ...]:
    """The other free concepts of its column, none of which is true where this one is."""
    return tuple(other for other in _by_name()[content.get("column") or ""].concepts if other != content)


@cache
def strangers(content: Content) -> tuple[Content, ...]:
    """Free concepts of other themes, which are not true of the images that this one is told of."""
    theme = _by_name()[content.get("column") or ""].theme
    others = [concept for column in columns() if column.theme != theme for concept in column.concepts]
    return tuple({text_of(concept): concept for concept in others}.values())


def claims(of: tuple[Column, ...]) -> dict[str, list[str]]:
    """Sentences by column, as an adapter lists its claims by family."""
    return {column.name: sorted(text_of(concept) for concept in column.concepts) for column in of}


@cache
def _by_name() -> dict[str, Column]:
    return {column.name: column for column in columns()}


# --- pairs ------------------------------------------------------------------------------------------------------


def found(config: PairConfig, bank: Bank, of: tuple[Column, ...] | None = None) -> Found:
    """What a bank holds of the manifest in the config's split, held-out domains and those it leaves out aside."""
    kept, left_out = [], []
    for column in columns() if of is None else of:
        values = []
        for value in column.values:
            count = len(np.unique(bank.groups[rows_of(value, config, bank)]))
            if count >= FEWEST:
                values.append(value)
            else:
                text = text_of(value.contents[0])
                left_out.append(f"{column.name}: {text!r} has {count} pictures, {FEWEST} are needed")
        if len(values) > 1:
            kept.append(replace(column, values=tuple(values)))
    return Found(tuple(kept), tuple(left_out))


def concept_config(config: PairConfig, of: tuple[Column, ...]) -> ConceptConfig:
    """What jump-start pairs are drawn from beside those of `config`: its split, domains left out, sizes."""
    return ConceptConfig(**{name: getattr(config, name) for name in PairConfig.__dataclass_fields__}, columns=of)


def with_concepts(recipe: Recipe, bank: Bank) -> tuple[Kind, ...]:
    """The kinds of pairs of a recipe, and pairs of labelled real sets beside them where the bank holds some."""
    columns = found(recipe.pairs, bank).columns
    if not columns:
        return recipe.kinds
    count = max(1, round(_SHARE * recipe.pair_count))
    concepts = Kind("concepts", concept_config(recipe.pairs, columns), count, _SHARE, 2)
    return (*(replace(kind, share=(1 - _SHARE) * kind.share) for kind in recipe.kinds), concepts)


@lru_cache(maxsize=1024)
def rows_of(value: Value, config: PairConfig, bank: Bank) -> NDArray[np.int64]:
    """Rows of the bank that show a value, of the config's split alone."""
    return np.array(
        [
            row
            for row, item in enumerate(bank.items)
            if item.split == config.split
            and config.draws_from(item.domain)
            and any(fnmatch(item.file, pattern) for pattern in value.files)
        ],
        np.int64,
    )


def compose(config: PairConfig, bank: Bank, seed: int, index: int) -> LabelledPair:
    """The pair `index` of (config, seed): all of A shows one value, most of B another; of a null pair both the same.

    Pictures are mirrored and cropped as for planted pairs; no world is laid over them, for a sky that was made grey is
    orange no more.
    """
    assert isinstance(config, ConceptConfig)
    rng = np.random.default_rng([seed, index])
    column = config.columns[int(rng.integers(len(config.columns)))]
    first, other = (column.values[int(i)] for i in rng.choice(len(column.values), 2, replace=False))
    null = bool(rng.random() < config.facts[0])
    share = 0.0 if null else float(rng.uniform(0.6, 1.0))
    of_first, of_other = rows_of(first, config, bank), rows_of(other, config, bank)
    here, there = (len(np.unique(bank.groups[rows])) for rows in (of_first, of_other))
    asked = int(rng.integers(config.set_size[0], config.set_size[1] + 1))
    count = min(asked, int(here / (2 - share)), here if null else there)
    others = int(share * count) if not null else 0
    bases = (*draw_bases(bank, of_first, 2 * count - others, rng), *draw_bases(bank, of_other, others, rng))
    order = np.concatenate([np.arange(count), count + rng.permutation(count)])
    if rng.random() < 0.5:
        order = np.concatenate([order[count:], order[:count]])
    side = int(config.sides[int(rng.integers(len(config.sides)))])
    images = photographs(bank, bases, side, rng)
    contents = first.contents if null else (*first.contents, *other.contents)
    is_other = order >= 2 * count - others
    shows = np.stack([is_other == (not null and content in other.contents) for content in contents], axis=1)
    of_a, of_b = shows[:count], shows[count:]

    def fact(number: int, content: Content) -> Fact:
        shares = float(of_a[:, number].mean()), float(of_b[:, number].mean())
        holder: Side = "a" if shares[0] > shares[1] else "b"
        return Fact(content, holder, 1.0, max(shares), column.name, elsewhere=min(shares))

    return LabelledPair(
        [images[int(i)] for i in order[:count]],
        [images[int(i)] for i in order[count:]],
        () if null else tuple(fact(number, content) for number, content in enumerate(contents)),
        contents if null else (),
        of_a,
        of_b,
        bank.items[bases[0]].domain,
        tuple(bases[int(i)] for i in order),
    )
