"""One shard of a data set on disk: labelled pairs to a WebDataset tar and back, the same bytes whoever writes it."""

from __future__ import annotations

import hashlib
import json
import os
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import lru_cache
from io import BytesIO
from itertools import groupby
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from data_synth.catalog import EVERY
from data_synth.compose import LabelledPair, compose
from data_synth.config import PairConfig
from data_synth.datasheet import Counts, add, count
from data_synth.facts import Content, Fact
from data_synth.family import Pixels
from data_synth.lexicon import family_of
from data_synth.sources import Bank
from vlmdiff.errors import InputError, UsageError
from vlmdiff.render.files import write_whole

PNG = (cv2.IMWRITE_PNG_COMPRESSION, 1)
"""Lossless, because lossy formats would add a difference of their own; level 1 takes a third of the time of level 6 and
7 % more room."""


@dataclass(frozen=True)
class ShardJob:
    """All that one shard is made from, for any process that sees the same files."""

    folder: Path
    """Of the data set; absolute."""
    number: int
    first: int
    last: int
    """The first pair that is not in it."""
    config: PairConfig
    seed: int
    bank: Path | None
    """Absolute; none: all images are drawn."""
    dataset: str
    """SHA-256 of what the whole data set is made of."""

    @property
    def tar(self) -> Path:
        return self.folder / f"shard-{self.number:06}.tar"


@dataclass(frozen=True)
class Shard:
    """A finished shard, as the note beside it says."""

    file: str
    first: int
    last: int
    bytes: int
    sha256: str
    dataset: str
    counts: Counts
    """Of what its pairs hold, for the data sheet."""


@dataclass(frozen=True)
class StoredPair:
    """A pair read from a shard."""

    index: int
    pair: LabelledPair
    """What `compose` returns for the data set's config, seed and this index."""
    record: dict[str, Any]
    """Its JSON: beside what the pair says, the wordings of each fact and the SHA-256 of each base image's file."""


def make_shard(job: ShardJob) -> Shard:
    """Compose the pairs of a shard and write them, one in memory at a time; the note comes last.

    Raises:
        UsageError: a pair cannot be drawn, or another process makes the same shard.
    """
    cv2.setNumThreads(0)  # images are small: threads cost more than they bring, and workers fill the processor
    bank = _bank(job.bank, job.dataset)
    for file in (job.tar, _note(job)):
        for stale in job.folder.glob(f".{file.name}.*"):
            stale.unlink(missing_ok=True)
    part = job.folder / f".{job.tar.name}.{os.getpid()}"
    counts: Counts = {}
    try:
        with tarfile.open(part, "w", format=tarfile.USTAR_FORMAT) as tar:
            for index in range(job.first, job.last):
                add(counts, count(_put_pair(tar, job, bank, index)))
        try:
            size, digest = part.stat().st_size, sha256_of(part)
            os.replace(part, job.tar)
        except FileNotFoundError:
            raise UsageError(f"{part} is gone: another process makes this shard; give each its own --shard") from None
    finally:
        part.unlink(missing_ok=True)
    shard = Shard(job.tar.name, job.first, job.last, size, digest, job.dataset, counts)
    write_whole(_note(job), as_json(asdict(shard)))
    return shard


def _put_pair(tar: tarfile.TarFile, job: ShardJob, bank: Bank, index: int) -> dict[str, Any]:
    """Compose a pair, put its files into the tar and return its record; the pair itself is let go."""
    try:
        pair = compose(job.config, bank, job.seed, index)
    except ValueError as error:
        raise UsageError(f"pair {index} of this recipe cannot be drawn: {error}") from error
    record = record_of(pair, bank, index, job.dataset)
    for name, content in _files(pair, record):
        header = tarfile.TarInfo(name)  # starts without owner and time
        header.size = len(content)
        tar.addfile(header, BytesIO(content))
    return record


def noted(job: ShardJob) -> Shard | None:
    """What the note of a finished shard says; None where there is none, or one of another data set."""
    try:
        shard = Shard(**json.loads(_note(job).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return shard if (shard.dataset, shard.first, shard.last) == (job.dataset, job.first, job.last) else None


def verified(job: ShardJob) -> Shard | None:
    """A finished shard, None where it is absent or its bytes are not those that were written."""
    shard = noted(job)
    return shard if shard and job.tar.is_file() and sha256_of(job.tar) == shard.sha256 else None


def read_shard(tar: Path) -> Iterator[StoredPair]:
    """The pairs of a shard in order, one in memory at a time.

    Raises:
        InputError: the file is no shard.
    """
    try:
        with tarfile.open(tar) as members:
            for _, group in groupby(members, lambda member: member.name.split(".")[0]):
                files = {member.name.split(".", 1)[1]: _content(members, member) for member in group}
                record = json.loads(files.pop("json"))
                images = {name: _decode(content) for name, content in files.items()}
                yield StoredPair(record["pair"], _pair(record, images), record)
    except (tarfile.TarError, KeyError, ValueError, cv2.error) as error:
        raise InputError(f"{tar} is no shard of pairs ({error}); make the data set again") from error


def record_of(pair: LabelledPair, bank: Bank, index: int, dataset: str) -> dict[str, Any]:
    """All of a pair but its pixels, as JSON."""
    return {
        "pair": index,
        "dataset": dataset,
        "domain": pair.domain,
        "facts": [_fact_record(fact) for fact in pair.difference],
        "nuisances": [_content_record(content, str(family_of(content))) for content in pair.nuisances],
        "shows": {"a": pair.shows_a.astype(int).tolist(), "b": pair.shows_b.astype(int).tolist()},
        "side": pair.images_a[0].shape[0],
        "bases": {"rows": list(pair.bases), "sha256": [bank.items[row].sha256 for row in pair.bases]},
    }


def sha256_of(file: Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def as_json(value: Any) -> str:
    """Readable JSON, the same for equal values."""
    return json.dumps(value, indent=1, sort_keys=True) + "\n"


@lru_cache(maxsize=1)
def _bank(path: Path | None, dataset: str) -> Bank:
    """Opened once a process; `dataset` is in the key, so that a bank packed anew is opened anew."""
    return Bank.load(path) if path else Bank.drawn_only()


def _note(job: ShardJob) -> Path:
    return job.tar.with_suffix(".json")


def _content_record(content: Content, name: str) -> dict[str, Any]:
    family = EVERY[name]
    return {
        "what": content.what,
        "value": dict(content.value),
        "where": content.where,
        "family": name,
        "group": family.group,
        "wordings": list(family.wordings(content)),  # the canonical one first
    }


def _fact_record(fact: Fact) -> dict[str, Any]:
    return {
        **_content_record(fact.content, fact.family),
        "side": fact.side,
        "strength": fact.strength,
        "prevalence": fact.prevalence,
        "level": fact.level,
        "elsewhere": fact.elsewhere,
        "confounder": fact.confounder,
    }


def _read_content(record: dict[str, Any]) -> Content:
    return Content(record["what"], tuple(sorted(record["value"].items())), record["where"])


def _read_fact(record: dict[str, Any]) -> Fact:
    said = ("side", "strength", "prevalence", "family", "level", "elsewhere", "confounder")
    return Fact(_read_content(record), **{name: record[name] for name in said})


def _pair(record: dict[str, Any], images: dict[str, Pixels]) -> LabelledPair:
    """Of images by name, in order: "a.000.png", "a.001.png", ..., "b.000.png"."""
    columns = len(record["facts"]) + len(record["nuisances"])

    def shows(side: str) -> NDArray[np.bool_]:
        rows = record["shows"][side]
        return np.array(rows, bool).reshape(len(rows), columns)

    def of(side: str) -> list[Pixels]:
        return [image for name, image in images.items() if name.startswith(f"{side}.")]

    return LabelledPair(
        of("a"),
        of("b"),
        tuple(_read_fact(fact) for fact in record["facts"]),
        tuple(_read_content(nuisance) for nuisance in record["nuisances"]),
        shows("a"),
        shows("b"),
        record["domain"],
        tuple(record["bases"]["rows"]),
    )


def _files(pair: LabelledPair, record: dict[str, Any]) -> Iterable[tuple[str, bytes]]:
    """(name, content) of a pair's files, sorted by name."""
    key = f"{record['pair']:06}"
    for side, images in (("a", pair.images_a), ("b", pair.images_b)):
        for number, image in enumerate(images):
            encoded, png = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), PNG)
            assert encoded
            yield f"{key}.{side}.{number:03}.png", png.tobytes()
    yield f"{key}.json", json.dumps(record, sort_keys=True).encode()


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    stream = tar.extractfile(member)
    if stream is None:
        raise ValueError(f"{member.name} is no file")
    return stream.read()


def _decode(png: bytes) -> Pixels:
    image = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR_RGB)
    if image is None:
        raise ValueError("a picture is damaged")
    return np.asarray(image, np.uint8)
