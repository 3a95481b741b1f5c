"""Pairs on disk: a recipe to WebDataset shards, manifest and data sheet; killed at any time, the same call goes on."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Thread
from typing import Any

import cv2
import numpy as np
import PIL
import scipy

from data_synth import datasheet
from data_synth.config import PairConfig
from data_synth.recipes import Recipe
from data_synth.shards import (
    Shard,
    ShardJob,
    StoredPair,
    as_json,
    make_shard,
    noted,
    read_shard,
    sha256_of,
    verified,
)
from data_synth.sources import Bank
from vlmdiff import __version__
from vlmdiff.errors import InputError, UsageError, VlmdiffError
from vlmdiff.render.files import write_whole

RECIPE_FILE = "recipe.json"
MANIFEST_FILE = "manifest.json"

Engine = Callable[[Sequence[ShardJob], int], Iterator[Shard]]
"""Jobs and a number of workers to finished shards, in any order."""


def make(
    recipe: Recipe,
    folder: Path,
    bank: Path | None = None,
    part: tuple[int, int] = (1, 1),
    workers: int = 1,
    engine: str = "local",
    progress: Callable[[int, int], None] | None = None,
) -> bool:
    """Write the shards of a data set that are missing or damaged, and once all are there its manifest and data sheet.

    Whatever the workers, the engine, the parts and the interruptions, the folder ends with the same bytes.

    Args:
        folder: made where it is absent; never holds more than one data set.
        bank: what `sources.pack` wrote; none: all images are drawn.
        part: (k, n): of the shards, the k-th of n equal parts. Parts may be made at the same time, on several machines
            that share the folder.
        engine: a key of ENGINES.
        progress: called with the pairs of this part that are done, those of earlier calls among them, and all of them.

    Returns:
        Whether all parts are there, and with them manifest and data sheet.

    Raises:
        UsageError: the folder holds another data set, the part or the engine is unknown, a pair cannot be drawn.
    """
    which, parts = part
    if not 1 <= which <= parts:
        raise UsageError(f"part {which}/{parts} is none; expected 1/{parts} to {parts}/{parts}")
    if engine not in ENGINES:
        raise UsageError(f"engine {engine!r} is unknown; expected one of {', '.join(ENGINES)}")
    made_of = identity(recipe, Bank.load(bank) if bank else Bank.drawn_only())
    _claim(folder, made_of)
    jobs = _jobs(recipe, folder.resolve(), bank and bank.resolve(), digest(made_of))
    mine = jobs[which - 1 :: parts]
    missing = [job for job in mine if verified(job) is None]
    wanted = sum(job.last - job.first for job in mine)
    done = wanted - sum(job.last - job.first for job in missing)
    if progress and missing:
        progress(done, wanted)
    for shard in ENGINES[engine](missing, workers):
        done += shard.last - shard.first
        if progress:
            progress(done, wanted)
    shards = [shard for shard in map(noted, jobs) if shard is not None]
    if len(shards) < len(jobs):
        return False
    _finish(folder, made_of, shards)
    return True


def identity(recipe: Recipe, bank: Bank) -> dict[str, Any]:
    """All that the bytes of a data set depend on, as JSON."""
    items = [asdict(item) for item in bank.items]
    made_of = {
        "format": 1,
        "recipe": asdict(recipe),
        "bank": {
            "images": len(items),
            "side": bank.images.shape[1] if items else None,
            "sha256": digest(items),
            "terms": getattr(bank, "terms", {}),
        },
        "versions": {
            "vlmdiff": __version__,
            "code": _code_digest(),
            "python": ".".join(platform.python_version_tuple()[:2]),
            "numpy": np.__version__,
            "opencv": cv2.__version__,
            "pillow": PIL.__version__,
            "scipy": scipy.__version__,
            "machine": platform.machine(),  # floating-point kernels differ between kinds of processor
        },
    }
    as_read: dict[str, Any] = json.loads(json.dumps(made_of))
    return as_read


def digest(value: Any) -> str:
    """SHA-256, in hex, of the canonical JSON of a value: keys sorted, no spaces."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a finished data set.

    Raises:
        InputError: there is none, or it is damaged.
    """
    file = folder / MANIFEST_FILE
    if not file.is_file():
        raise InputError(f"{file} is missing; python -m data_synth make writes it once all shards are there")
    return _read(file)


def config_of(manifest: Mapping[str, Any]) -> PairConfig:
    """What the pairs were drawn from; a job that trains gives it to `config.refuse_held_out` first."""
    stored = manifest["recipe"]["config"]
    fields: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in stored.items()
    }
    return PairConfig(**fields)


def read_shards(folder: Path) -> Iterator[StoredPair]:
    """All pairs of a finished data set in order, one in memory at a time; each shard is verified before it is read.

    Raises:
        InputError: the data set is not finished, or a shard is missing or damaged.
    """
    for shard in read_manifest(folder)["shards"]:
        tar = folder / shard["file"]
        if not tar.is_file() or sha256_of(tar) != shard["sha256"]:
            raise InputError(f"{tar} is missing or damaged; the same python -m data_synth make writes it anew")
        yield from read_shard(tar)


def in_processes(jobs: Sequence[ShardJob], workers: int) -> Iterator[Shard]:
    """Shards as they get ready, in processes of this machine, or in this one where one is enough."""
    if min(workers, len(jobs)) <= 1:
        yield from map(make_shard, jobs)
        return
    context = get_context("spawn")
    watched, held = context.Pipe(duplex=False)
    pool = ProcessPoolExecutor(min(workers, len(jobs)), context, initializer=_start_worker, initargs=(watched,))
    try:
        for future in as_completed([pool.submit(make_shard, job) for job in jobs]):
            yield future.result()
    except BaseException:
        held.close()  # ends the workers in the middle of their shards
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def on_ray(jobs: Sequence[ShardJob], workers: int) -> Iterator[Shard]:
    """Shards as they get ready, as at most `workers` tasks at a time on a Ray cluster.

    The cluster is that of RAY_ADDRESS, else one of this machine; its nodes see the same folders.
    """
    try:
        import ray  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        raise UsageError("engine 'ray' needs the package ray; install it with pip install -e '.[ray]'") from None
    try:
        ray.init(ignore_reinit_error=True)
    except Exception as error:  # of the network, or a bare one where a busy machine takes too long to start it
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise VlmdiffError(f"Ray does not start: {reason}; check RAY_ADDRESS, or use --engine local") from error
    task, waiting = ray.remote(make_shard), list(jobs)
    running: list[Any] = []
    while waiting or running:
        while waiting and len(running) < workers:
            running.append(task.remote(waiting.pop(0)))
        ready, running = ray.wait(running)
        try:
            shard = ray.get(ready[0])
        except ray.exceptions.RayTaskError as error:  # its message is a traceback, its cause what the task raised
            raise error.cause from error
        except ray.exceptions.RayError as error:
            raise VlmdiffError(
                f"Ray lost a task ({type(error).__name__}); make the same call again, it goes on"
            ) from error
        yield shard


ENGINES: dict[str, Engine] = {"local": in_processes, "ray": on_ray}


def _start_worker(watched: Connection) -> None:
    """A worker ends at once when its parent was killed or has closed its end of the pipe."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process of the terminal; the parent decides

    def watch() -> None:
        watched.poll(None)
        os._exit(1)

    Thread(target=watch, daemon=True).start()


def _jobs(recipe: Recipe, folder: Path, bank: Path | None, dataset: str) -> list[ShardJob]:
    starts = range(0, recipe.pairs, recipe.shard_pairs)
    return [
        ShardJob(
            folder=folder,
            number=number,
            first=first,
            last=min(first + recipe.shard_pairs, recipe.pairs),
            config=recipe.config,
            seed=recipe.seed,
            bank=bank,
            dataset=dataset,
        )
        for number, first in enumerate(starts)
    ]


def _claim(folder: Path, made_of: Mapping[str, Any]) -> None:
    """Note what the folder's data set is made of, or make sure that it is the same."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / RECIPE_FILE
    if not file.exists():
        write_whole(file, as_json(made_of))
        return
    held = _read(file)
    other = [name for name in made_of if held.get(name) != made_of[name]]
    if other:
        raise UsageError(f"{folder} holds another data set, not the same {', '.join(other)}; choose another --out")


def _finish(folder: Path, made_of: Mapping[str, Any], shards: Sequence[Shard]) -> None:
    """Write data sheet and manifest, the manifest last: with it the data set is finished."""
    dataset = digest(made_of)
    sheet = datasheet.numbers(
        made_of, dataset, [shard.counts for shard in shards], sum(shard.bytes for shard in shards)
    )
    write_whole(folder / "datasheet.json", as_json(sheet))
    write_whole(folder / "DATASHEET.md", datasheet.markdown(sheet))
    listed = [{"file": s.file, "first": s.first, "last": s.last, "bytes": s.bytes, "sha256": s.sha256} for s in shards]
    write_whole(folder / MANIFEST_FILE, as_json({**made_of, "dataset": dataset, "shards": listed}))


def _read(file: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except ValueError:
        raise InputError(f"{file} is damaged; delete it and make the data set again") from None
    return content


def _code_digest() -> str:
    """Of this package's sources and its strength curves: painting is part of what pairs are made of."""
    root = Path(__file__).parent
    files = sorted(path for path in root.rglob("*") if path.suffix in (".py", ".json"))
    return digest([(path.relative_to(root).as_posix(), sha256_of(path)) for path in files])
