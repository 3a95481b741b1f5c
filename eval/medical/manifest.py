"""A manifest: one labelled data set in TOML, its files, labels and groups, and what is known of how classes differ."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from data_synth.facts import Side
from vlmdiff.errors import InputError

SHIPPED = Path(__file__).parent.parent / "manifests"
Kind = Literal["known", "verify", "shortcut", "null"]
KINDS: tuple[Kind, ...] = ("known", "shortcut", "null", "verify")


def _expression(told: str) -> str:
    try:
        re.compile(told)
    except re.error as error:
        raise ValueError(f"a regular expression ({error})") from error
    return told


def _relative(told: str) -> str:
    if told.startswith(("/", "~")) or ".." in told.split("/"):
        raise ValueError("a path inside the data set's folder")
    return told


Text = Annotated[str, Field(min_length=1)]
Inside = Annotated[str, Field(min_length=1), AfterValidator(_relative)]
"""A path, or a pattern with * and **, inside the data set's folder."""
Expression = Annotated[str, Field(min_length=1), AfterValidator(_expression)]
"""A regular expression; what its first group matches counts, or all that it matches."""


class Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Feature(Strict):
    """What is known of a comparison, in words."""

    side: Side
    """The class that shows it more."""
    text: Text
    source: Text
    """Where it is written: a textbook, a paper, a lexicon; or that it can be seen."""


class Class(Strict):
    """Which labels make an image a member."""

    labels: tuple[Text, ...] = Field(min_length=1)
    """One of these it has."""
    without: tuple[Text, ...] = ()
    """None of these it has."""
    only: bool = False
    """It has no label but `labels`."""

    def takes(self, labels: frozenset[str]) -> bool:
        mine = labels & set(self.labels)
        return bool(mine) and not labels & set(self.without) and not (self.only and labels - mine)


class Comparison(Strict):
    """Two classes, and what is known of how they differ."""

    name: Text
    a: Text
    b: Text
    known: tuple[Feature, ...] = Field(min_length=1)
    suite: Literal["medical", "real-easy"] = "medical"
    caution: str = ""
    """What else differs between the classes (other hospitals, other ages), for the reader of a result."""


class Lookup(Strict):
    """Labels that stand in a table beside the images."""

    table: Inside
    key: Expression
    """What of an image's path is looked up,"""
    column: Text
    """in this column."""
    label: Text
    """The column of the label."""


class Folders(Strict):
    """Images in folders; label and group are in the path, or the label in a table."""

    loader: Literal["folders"]
    files: tuple[Inside, ...] = ("**/*",)
    label: Expression | Lookup = r"([^/]+)/[^/]+$"
    """Of the path inside the folder: by default the folder that the image lies in."""
    group: Expression | None = None


class Join(Strict):
    """A second table, whose columns are added to the rows of the first."""

    table: Inside
    on: dict[Text, Text] = Field(min_length=1)
    """Columns of the first table to columns of the second that have to be equal."""


class Marks(Strict):
    """A column a label, as CheXpert has them."""

    columns: tuple[Text, ...] = Field(min_length=1)
    present: tuple[str, ...] = ("1", "1.0")
    uncertain: tuple[str, ...] = ("-1", "-1.0")
    """Cells that make it the label "uncertain NAME"."""


class Table(Strict):
    """A table with a row an image."""

    loader: Literal["table"]
    table: Inside
    image: Text | tuple[Text, Text, Text]
    """The file, with columns in braces ("{image_id}.jpg"); three are the red, green and blue of one image."""
    inside: tuple[str, ...] = ("",)
    """Folders, * allowed, that files are looked for in."""
    label: Text | Marks
    """A column, or several."""
    separator: Text | None = None
    """Between labels in one cell."""
    group: Text | None = None
    """A column,"""
    group_pattern: Expression | None = None
    """and what of its cells counts; all by default."""
    where: dict[Text, tuple[str, ...]] = {}
    """Rows are kept whose cell in this column is one of these."""
    join: Join | None = None


class Npz(Strict):
    """Arrays as MedMNIST has them: `test_images` (n, side, side) or (n, side, side, 3), `test_labels` (n, 1)."""

    loader: Literal["npz"]
    files: tuple[Inside, ...] = Field(min_length=1)
    """The first that is there is read."""
    splits: tuple[Literal["train", "val", "test"], ...] = ("test",)
    names: dict[str, Text] = Field(min_length=1)
    """Of the labels, which are numbers in the file."""


class Pairs(Strict):
    """Sets that are listed side by side, as RadDiffBench has them; the comparisons are in the file."""

    loader: Literal["pairs"]
    file: Inside
    """JSON lines with set1, set2 (in words), set1_images and set2_images (paths)."""
    inside: tuple[str, ...] = ("",)
    group: Expression | None = None
    source: Text
    """Of what the lines say."""


Layout = Annotated[Folders | Table | Npz | Pairs, Field(discriminator="loader")]


class Manifest(Strict):
    """One data set."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9_]+$")]
    title: Text
    """For people."""
    licence: Text
    citation: Text
    get: Text
    """How to get it; nothing is ever downloaded for you."""
    folder: Inside
    """Inside the folder of data sets."""
    layout: Layout
    group_is: str = ""
    """What a group is: patient, lesion, plate; empty where nobody knows who belongs to whom."""
    also_in: tuple[str, ...] = ()
    """Data sets of the bank that hold copies of these images under the same file names."""
    classes: dict[Text, Class] = {}
    comparisons: tuple[Comparison, ...] = ()
    kinds: tuple[Kind, ...] = KINDS
    """What is asked of it."""
    most: int = Field(default=64, ge=8, le=1000)
    """Images a side, at most."""
    minimum: int = Field(default=16, ge=8, le=1000)
    """A comparison with fewer a side is skipped."""

    @model_validator(mode="after")
    def _consistent(self) -> Manifest:
        if self.layout.loader == "pairs":
            if self.classes or self.comparisons:
                raise ValueError("no classes and comparisons: they are in the file of pairs")
            return self
        if not self.comparisons:
            raise ValueError("at least one [[comparisons]]")
        for one in self.comparisons:
            for name in (one.a, one.b):
                if name not in self.classes:
                    raise ValueError(
                        f"classes in comparison {one.name!r}; {name!r} is not among {', '.join(self.classes)}"
                    )
            if one.a == one.b:
                raise ValueError(f"two different classes in comparison {one.name!r}")
        names = [one.name for one in self.comparisons]
        if len(set(names)) < len(names):
            raise ValueError("comparisons with different names")
        has_groups = self.layout.loader != "npz" and self.layout.group is not None
        if has_groups != bool(self.group_is):
            raise ValueError("group_is (patient, plate) together with a group in the layout, or neither")
        if self.minimum > self.most:
            raise ValueError(f"a minimum of at most {self.most}, which is `most`")
        return self


def read(file: Path) -> Manifest:
    """The manifest in a TOML file.

    Raises:
        InputError: it cannot be read; the message names file, field, value and what was expected.
    """
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read manifest {file}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"manifest {file} is no TOML: {error}") from error
    try:
        return Manifest.model_validate(content)
    except ValidationError as error:
        raise InputError(_told(file, error)) from error


def read_all(folders: Sequence[Path]) -> list[Manifest]:
    """Every *.toml of some folders by name; of two with one name the later folder's counts.

    Raises:
        InputError: one cannot be read.
    """
    found: dict[str, Manifest] = {}
    for folder in folders:
        for file in sorted(folder.glob("*.toml")):
            manifest = read(file)
            found[manifest.name] = manifest
    return [found[name] for name in sorted(found)]


def _told(file: Path, error: ValidationError) -> str:
    """The first of pydantic's errors in one line."""
    first, *others = error.errors()
    place = ".".join(str(part) for part in first["loc"]) or "the whole"
    wanted = first["msg"].removeprefix("Value error, ")
    more = f" (and {len(others)} more)" if others else ""
    if first["type"] == "extra_forbidden":
        return f"manifest {file}: there is no field {place}; docs/medical.md lists them{more}"
    if first["type"] == "missing":
        return f"manifest {file}: {place} is missing; docs/medical.md says what belongs there{more}"
    value = "" if place == "the whole" else f" is {_short(first['input'])};"
    return f"manifest {file}: {place}{value} expected: {wanted}{more}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
