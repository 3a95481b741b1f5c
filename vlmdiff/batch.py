"""Many pairs: rows of a manifest in; a folder a pair and an index of all out. A stopped batch goes on."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass, replace
from functools import partial
from multiprocessing import get_context, parent_process
from pathlib import Path
from typing import Any, Literal

from vlmdiff import __version__, models
from vlmdiff.describe import check_options, run
from vlmdiff.errors import UsageError, VlmdiffError, fault
from vlmdiff.findings import Side
from vlmdiff.images.reading import USUAL, Reading
from vlmdiff.images.sources import open_set
from vlmdiff.manifest import Row
from vlmdiff.models.base import VisionLanguageModel
from vlmdiff.render import folder as folder_of
from vlmdiff.render import index
from vlmdiff.render.files import write_whole
from vlmdiff.render.wording import clean

PAIR_FILE = "pair.json"
"""Written last: the name, row and labels of a pair, and the digest of what its report was made from."""
REPORT_FILE, PAGE_FILE, ERROR_FILE = folder_of.DATA, folder_of.PAGE, "error.json"

INDEX_EVERY = 300.0
"""Seconds after which the index is written anew during a run."""

Loader = Callable[[], VisionLanguageModel]
"""Opens the model; picklable where there are worker processes, because each of them calls it."""
Kind = Literal["described", "unchanged", "failed"]


@dataclass(frozen=True)
class Options:
    """What every pair is described with (see `vlmdiff.describe.run`); a row may say otherwise."""

    model: str = "mini"
    adapter: str | None = None
    method: str = "learned"
    max_images: int | None = None
    seed: int = 0
    device: str = "auto"
    alpha: float = 0.05
    show_names: bool = False
    groups: str | None = None
    metadata: str | None = None
    reading: Reading = USUAL
    cache: Path | None = None


@dataclass(frozen=True)
class Outcome:
    """What became of one pair."""

    row: Row
    kind: Kind


def describe_row(row: Row, out: Path, options: Options, model: VisionLanguageModel) -> Outcome:
    """Describe one pair into its folder, or note there why it failed; what is there and unchanged is left.

    A failure leaves an earlier report as it is: once the images are back, it holds again.

    Raises:
        VlmdiffError: the folder cannot be written.
    """
    folder = out / row.folder
    asked = replace(options, **row.changes)
    kept = _kept(folder)
    texts: dict[str, str] = {}
    try:
        digest: str | None = _digest(row, asked, model)
        if digest != kept:
            done = run(row.a, row.b, **{**vars(asked), "model": model})
            texts = folder_of.texts(done.report, done.pictures)
        kind: Kind = "described" if texts else "unchanged"
    except Exception as error:  # the trouble of one pair, be it a fault of ours, must not cost the others
        kind, digest = "failed", kept
        kind_of_error = type(error).__name__
        if isinstance(error, VlmdiffError):
            message = _without_paths(str(error), row)
        else:
            message = fault(error)
            print(f"{row.name}: {message}", file=sys.stderr)
        texts = {ERROR_FILE: _json({"kind": kind_of_error, "message": clean(message)})}
    note = _json({"name": row.name, "row": row.number, "labels": dict(row.labels), "digest": digest})
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if kind == "described":
            (folder / PAIR_FILE).unlink(missing_ok=True)
        for name, text in texts.items():
            write_whole(folder / name, text)
        if kind != "failed":
            (folder / ERROR_FILE).unlink(missing_ok=True)
        if _read(folder / PAIR_FILE) != note:
            write_whole(folder / PAIR_FILE, note)
    except OSError as error:
        raise VlmdiffError(f"cannot write {folder}: {error.strerror}; mend that or choose another --out") from error
    return Outcome(row, kind)


def _without_paths(message: str, row: Row) -> str:
    """A message with A and B for the paths of the sets and for their folders: files of a batch name no path."""
    names = {row.a: "A", row.b: "B"}
    metadata = row.changes.get("metadata", "")
    if os.path.isabs(metadata):
        names[metadata] = "metadata"
    for path, name in list(names.items()):
        folder = os.path.dirname(path)
        if os.path.isabs(folder) and folder != os.sep:
            names.setdefault(folder, name)
    spelt = {form: name for path, name in names.items() for form in (path, repr(path)[1:-1])}
    longest_first = sorted(spelt, key=len, reverse=True)
    return re.sub(rf"(?:{'|'.join(map(re.escape, longest_first))})(?!\w)", lambda match: spelt[match[0]], message)


def _read(file: Path) -> str | None:
    """A text file; None where it is absent or damaged."""
    try:
        return file.read_text("utf-8")
    except (OSError, ValueError):
        return None


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, indent=2) + "\n"


def _kept(folder: Path) -> str | None:
    """The digest of the report that is there; None where there is none."""
    whole = (folder / REPORT_FILE).is_file() and (folder / PAGE_FILE).is_file()
    return _loaded(folder / PAIR_FILE).get("digest") if whole else None


def _digest(row: Row, asked: Options, model: VisionLanguageModel) -> str:
    """Of all that a report follows from: files, options, weights, version."""
    weights = {"model": model.info.weights_sha256, "adapter": None}
    files = [_files(row.a, "a"), _files(row.b, "b")]
    if asked.metadata is not None and Path(asked.metadata).is_file():
        files.append(_stamps([Path(asked.metadata)]))
    made_from = [row.a, row.b, files, {**asdict(asked), "cache": None, **weights}, __version__]
    return hashlib.sha256(json.dumps(made_from).encode()).hexdigest()


def _files(source: str, side: Side) -> list[tuple[str, int, int]]:
    """Every file of a set with its size and time: other images under the same name are another pair."""
    path = Path(source)
    is_archive = path.is_file() and path.suffix.lower() not in (".txt", ".csv", ".jsonl")
    files = set() if is_archive else {reference.path for reference in open_set(source, side)}
    return _stamps(sorted(files | ({path} if path.is_file() else set())))


def _stamps(files: Sequence[Path]) -> list[tuple[str, int, int]]:
    stamps = []
    for file in files:
        try:
            status = file.stat()
            stamps.append((str(file), status.st_size, status.st_mtime_ns))
        except (OSError, ValueError):  # a list may name what is not there: it counts as skipped
            stamps.append((str(file), -1, 0))
    return stamps


def run_batch(
    rows: Sequence[Row],
    out: Path,
    options: Options,
    *,
    shard: tuple[int, int] = (1, 1),
    workers: int = 1,
    load: Loader | None = None,
    progress: Callable[[Counter[Kind], int], None] | None = None,
) -> Counter[Kind]:
    """Describe the rows of one shard and write the index of all pairs that are in the folder.

    Args:
        rows: of the whole manifest; the k-th of n shards takes every n-th of them, from the k-th on.
        out: the folder, which the shards share: NAME/report.json and report.html or NAME/error.json for each pair,
            index.html, index.csv.
        workers: processes; one is this process.
        load: opens the model; None: as the options say.
        progress: called with what became of the pairs so far, and how many this shard has.

    Returns:
        How many pairs were described, were there already, and failed.

    Raises:
        UsageError: an option or the shard is off. ModelError: the model cannot be used. VlmdiffError: the folder cannot
        be written, or a worker was killed. What is finished stays; the index is written also when it is interrupted.
    """
    check_options(options.method, options.alpha, options.groups)
    part, parts = shard
    if not 1 <= part <= parts:
        raise UsageError(f"shard {part}/{parts} is no part; expected K/N with K from 1 to N")
    mine = rows[part - 1 :: parts]
    counts: Counter[Kind] = Counter()
    told = progress or (lambda counts, total: None)
    told(counts, len(mine))
    written = time.monotonic()
    try:
        for outcome in _outcomes(mine, out, options, workers, load or partial(_load, options)):
            counts[outcome.kind] += 1
            told(counts, len(mine))
            if time.monotonic() - written > INDEX_EVERY:
                write_index(out, rows)
                written = time.monotonic()
    except BaseException:  # Ctrl-C above all: what is finished is worth an index
        if counts:
            write_index(out, rows)
        raise
    write_index(out, rows)
    return counts


def _load(options: Options) -> VisionLanguageModel:
    return models.load(options.model, options.adapter, options.device)


def _outcomes(rows: Sequence[Row], out: Path, options: Options, workers: int, load: Loader) -> Iterator[Outcome]:
    """What becomes of each row, as it gets ready; the model is loaded once a process."""
    if not rows:
        return
    if workers == 1:
        model = load()
        yield from (describe_row(row, out, options, model) for row in rows)
        return
    workers = min(workers, len(rows))
    # For the workers, which load torch before they are given anything to run: each taking every core, they would fight.
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // workers)))
    pool = ProcessPoolExecutor(workers, get_context("spawn"), initializer=_start_worker)
    try:
        for future in as_completed([pool.submit(_in_worker, row, out, options, load) for row in rows]):
            yield future.result()
    except BrokenProcessPool as error:
        raise VlmdiffError(
            "a worker was killed, perhaps for memory; the same call goes on, with fewer --workers it needs less"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


@dataclass
class _Worker:
    """The state of a worker process."""

    model: VisionLanguageModel | None = None
    busy: bool = False
    stopped: bool = False

    def stop(self, *_: object) -> None:
        """Ctrl-C: give up the pair at hand, and any that are still queued; the process then ends by itself."""
        self.stopped = True
        if self.busy:
            raise KeyboardInterrupt


_worker = _Worker()


def _start_worker() -> None:
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # ignored where a shell runs us in the background
        signal.signal(signal.SIGINT, _worker.stop)
    threading.Thread(target=end_with_parent, daemon=True).start()


def end_with_parent() -> None:
    """A worker whose parent was killed would wait for work for ever."""
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _in_worker(row: Row, out: Path, options: Options, load: Loader) -> Outcome:
    if _worker.stopped:
        raise KeyboardInterrupt
    _worker.busy = True
    try:
        _worker.model = _worker.model or load()  # here, not at the start of the worker: so its error reaches the caller
        return describe_row(row, out, options, _worker.model)
    finally:
        _worker.busy = False


def write_index(out: Path, rows: Sequence[Row]) -> None:
    """Write index.html and index.csv of all pairs that are in the folder, whichever manifest they are from.

    Args:
        rows: of the manifest; those that are not in the folder yet are counted.
    """
    for _ in range(2):  # other shards write the index, too, and an older view must not end up on top of a newer one
        entries = _entries(out)
        names = {entry.folder for entry in entries}
        pending = sum(row.folder not in names for row in rows)
        others = len(names - {row.folder for row in rows})
        write_whole(out / "index.html", index.page(entries, pending, others))
        write_whole(out / "index.csv", index.table(entries))
        if {path.parent.name for path in out.glob(f"*/{PAIR_FILE}")} == names:
            break


def _entries(out: Path) -> list[index.Entry]:
    """All pairs in the folder, in the order of their rows."""
    found = []
    for folder in (file.parent for file in out.glob(f"*/{PAIR_FILE}")):
        note, report, failure = (_loaded(folder / name) for name in (PAIR_FILE, REPORT_FILE, ERROR_FILE))
        try:
            found.append(index.entry(folder.name, note, None if failure else report, failure or _DAMAGED))
        except (KeyError, TypeError, ValueError):
            found.append(index.entry(folder.name, {}, None, _DAMAGED))
    return sorted(found, key=lambda entry: (entry.row, entry.name))


_DAMAGED = {"kind": "Damaged", "message": "its files are damaged; delete its folder, and it is described again"}


def _loaded(file: Path) -> dict[str, Any]:
    """A JSON file; empty where it is absent or damaged."""
    try:
        found = json.loads(_read(file) or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
