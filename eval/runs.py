"""A run on disk: one line a pair, written as it goes, so that a killed run goes on where it stopped."""

from __future__ import annotations

import json
import os
import resource
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from data_synth.sources import Bank
from eval.cases import Suite, Truth
from eval.scores import score
from eval.suites import digest
from eval.systems import System
from vlmdiff.errors import InputError, UsageError
from vlmdiff.findings import Report
from vlmdiff.render.files import write_whole

RUN_FILE = "run.json"
PAIRS_FILE = "pairs.jsonl"

Job = tuple[Suite, int]
"""A suite and the index of one of its pairs."""
Opener = Callable[[], tuple[Bank, System]]
"""Opens base images and system; picklable, because every worker process calls it."""


@dataclass(frozen=True)
class Cost:
    """What one answer took, as far as it can be told."""

    seconds: float
    """Wall time, the making of the images not counted."""
    peak_mib: float
    """The most memory that the process has held since it started."""
    tokens: int | None
    """That the language model read and wrote."""


@dataclass(frozen=True)
class Record:
    """One pair: what was so, what was reported, and at what cost."""

    suite: str
    truth: Truth
    report: Report
    cost: Cost

    @property
    def key(self) -> tuple[str, int]:
        return self.suite, self.truth.index


_RECORD = TypeAdapter(Record)


def run_pair(suite: Suite, index: int, bank: Bank, system: System) -> Record:
    """Make one case of a suite and have it described; the index is the system's seed."""
    case = suite.case(index, bank)
    start = time.perf_counter()
    report = system.describe(case.images_a, case.images_b, index, case.groups)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Record(suite.name, case.truth, report, Cost(round(seconds, 3), round(peak, 1), report.tokens))


def identity(suites: Sequence[Suite], bank: Bank, system: System) -> dict[str, Any]:
    """What a run is of, as JSON: the recipe and hash of each suite, and the system."""
    recipes = {suite.name: suite.recipe(bank) for suite in suites}
    described = {
        suite.name: {
            "sha256": digest(recipes[suite.name]),
            "axis": suite.axis,
            "holds_out": suite.holds_out,
            "recipe": recipes[suite.name],
        }
        for suite in suites
    }
    as_json: dict[str, Any] = json.loads(json.dumps({"suites": described, "system": system.identity}))
    return as_json


def complete(
    folder: Path,
    of: dict[str, Any],
    suites: Sequence[Suite],
    run: Callable[[Sequence[Job]], Iterator[Record]],
    progress: Callable[[int, int], None] | None = None,
) -> list[Record]:
    """Run what is missing of some suites and return all of their pairs, by suite and index.

    Args:
        folder: of the run; made where it is absent.
        of: what the run is of (`identity`).
        suites: with their domains spelled out (`suites.resolved`).
        run: pairs to records, in any order: `one_by_one` or `in_processes`.
        progress: called with the pairs done, those of earlier runs among them, and the pairs wanted.

    Raises:
        UsageError: the folder holds the run of another suite or system.
        InputError: a line of the folder's pairs is damaged.
    """
    _claim(folder, of)
    jobs = [(suite, index) for suite in suites for index in range(suite.pairs)]
    done = {record.key: record for record in _resume(folder / PAIRS_FILE)}
    with (folder / PAIRS_FILE).open("a", encoding="utf-8") as stream:
        for record in run([(suite, index) for suite, index in jobs if (suite.name, index) not in done]):
            stream.write(_line(record))
            stream.flush()
            done[record.key] = record
            if progress is not None:
                progress(len(done), len(jobs))
    return [done[suite.name, index] for suite, index in jobs]


def finished(folder: Path) -> tuple[dict[str, Any], list[Record]]:
    """What a run on disk is of, and its pairs, by suite and index; the run may still be going on.

    Raises:
        InputError: there is no run, or a line of it is damaged.
    """
    file = folder / RUN_FILE
    if not file.exists():
        raise InputError(f"{folder} holds no run: it has no {RUN_FILE}")
    of: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    order, pairs = list(of["suites"]), folder / PAIRS_FILE
    records = _records(pairs, _whole_lines(pairs)) if pairs.exists() else []
    return of, sorted(records, key=lambda record: (order.index(record.suite), record.truth.index))


def one_by_one(jobs: Sequence[Job], bank: Bank, system: System) -> Iterator[Record]:
    """Records in the order of the jobs."""
    return (run_pair(suite, index, bank, system) for suite, index in jobs)


def in_processes(jobs: Sequence[Job], opener: Opener, workers: int) -> Iterator[Record]:
    """Records as they get ready; every worker process opens its own base images and system."""
    pool = ProcessPoolExecutor(workers, get_context("spawn"), initializer=_start_worker, initargs=(opener, workers))
    try:
        for future in as_completed([pool.submit(_run_in_worker, job) for job in jobs]):
            yield future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _claim(folder: Path, mine: dict[str, Any]) -> None:
    """Note what the folder's run is of, or make sure that it is the same."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / RUN_FILE
    if not file.exists():
        write_whole(file, json.dumps(mine, indent=1) + "\n")
    elif json.loads(file.read_text(encoding="utf-8")) != mine:
        raise UsageError(f"{folder} holds a run of another suite, bank or model; choose another --out")


def _line(record: Record) -> str:
    """A record as one line of JSON, with how each finding matches, for people; reading scores anew."""
    scored = score(record.truth, record.report)
    matches = [
        {
            **asdict(statement.match),
            "outcome": statement.outcome,
            "content": statement.content and asdict(statement.content),
        }
        for statement in scored.said
    ]
    return json.dumps({**_RECORD.dump_python(record), "matches": matches}, default=str) + "\n"


def _resume(file: Path) -> list[Record]:
    """The pairs done so far; a last line that a kill tore is cut off, and its pair done again."""
    if not file.exists():
        return []
    whole = _whole_lines(file)
    if len(whole) < file.stat().st_size:
        os.truncate(file, len(whole))
    return _records(file, whole)


def _whole_lines(file: Path) -> bytes:
    """All but a last line that was torn, or is being written."""
    content = file.read_bytes()
    return content[: content.rfind(b"\n") + 1]


def _records(file: Path, whole: bytes) -> list[Record]:
    records = []
    for number, line in enumerate(whole.splitlines(), start=1):
        try:
            records.append(_RECORD.validate_json(line))
        except ValidationError as error:
            raise InputError(f"{file}: line {number} is damaged; delete it, and its pair is run again") from error
    return records


_opened: tuple[Bank, System] | None = None
"""In a worker process: its base images and system."""


def _start_worker(opener: Opener, workers: int) -> None:
    global _opened
    # Before torch is loaded: processes that each take every core fight over them.
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // workers)))
    from vlmdiff.batch import end_with_parent  # loads torch

    threading.Thread(target=end_with_parent, daemon=True).start()
    _opened = opener()


def _run_in_worker(job: Job) -> Record:
    assert _opened is not None
    return run_pair(*job, *_opened)
