"""Runs on disk: broken systems get the scores they deserve, and a killed run ends like one that was not."""

import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest

from data_synth.config import PairConfig
from data_synth.facts import Difference
from data_synth.sources import DRAWN, Bank
from eval import __main__ as command
from eval.metrics import top_domain
from eval.runs import PAIRS_FILE, Job, Record, complete, finished, identity, in_processes, one_by_one, run_pair
from eval.scoreboard import Scoreboard, SuiteBoard, as_json, scoreboard
from eval.suites import PLANTED, Condition, Planted
from eval.tables import markdown
from tests.eval import fakes
from tests.eval.fakes import TINY, TINY_NULLS, Fake
from vlmdiff.errors import InputError, UsageError
from vlmdiff.findings import Report

SUITES = (TINY, TINY_NULLS)
BANK = Bank.drawn_only()
Rule = Callable[[Difference], Report]


@pytest.fixture(scope="module")
def planted() -> dict[bytes, Difference]:
    return fakes.planted_in(SUITES)


@cache
def recipes() -> dict[str, Any]:
    return identity(SUITES, BANK, fakes.Blurry())


def run(folder: Path, system: Any, jobs: Callable[[Sequence[Job]], Iterator[Record]] | None = None) -> Scoreboard:
    of = {**recipes(), "system": system.identity}
    jobs = jobs or partial(one_by_one, bank=BANK, system=system)
    return scoreboard(of, complete(folder, of, SUITES, jobs))


def without_cost(folder: Path) -> list[dict[str, Any]]:
    """The lines of a run, but for what differs between two equal ones."""
    lines = (folder / PAIRS_FILE).read_text().splitlines()
    return [{name: value for name, value in json.loads(line).items() if name != "cost"} for line in lines]


def numbers(board: Scoreboard) -> dict[str, dict[str, float | None]]:
    return {suite.name: {name: found.value for name, found in suite.metrics.items()} for suite in board.suites}


def values(tmp_path: Path, planted: dict[bytes, Difference], rule: Rule) -> dict[str, float | None]:
    """Of both suites; no metric is of both."""
    core, nulls = numbers(run(tmp_path, Fake("fake", rule, planted))).values()
    assert not core.keys() & nulls.keys()
    return {**core, **nulls}


def test_an_oracle_scores_1(tmp_path: Path, planted: dict[bytes, Difference]) -> None:
    found = values(tmp_path, planted, fakes.oracle)
    assert {name for name, value in found.items() if value == 0} == WRONG
    # The reports by hand say (0.8, 1) of every AUROC, which is false of null pairs.
    assert {name for name, value in found.items() if value == 1} == found.keys() - WRONG


WRONG = {
    *("verified_partly", "verified_broader", "verified_untrue"),
    *("null_verified", "null_different", "null_coverage"),
}


def test_a_mute_one_has_no_false_findings_no_recall_and_no_precision(
    tmp_path: Path, planted: dict[bytes, Difference]
) -> None:
    found = values(tmp_path, planted, fakes.mute)
    assert found["null_verified"] == found["verified_recall"] == found["top_f1"] == found["top_exact"] == 0
    assert not {"verified_precision", "verified_untrue", "top_precision", "top_side"} & found.keys()


def test_the_wrong_side_scores_0(tmp_path: Path, planted: dict[bytes, Difference]) -> None:
    found = values(tmp_path, planted, fakes.wrong_side)
    assert found["top_side"] == found["top_changed_side"] == found["top_f1"] == found["verified_recall"] == 0
    assert found["verified_untrue"] == 1


def test_always_blurry_is_caught_by_nulls_and_by_precision(tmp_path: Path, planted: dict[bytes, Difference]) -> None:
    board = run(tmp_path, Fake("blurry", fakes.always_blurry, planted))
    found = numbers(board)
    assert found["nulls"]["null_verified"] == found["nulls"]["null_different"] == 1
    assert (found["core"]["verified_precision"] or 0) < 0.2
    assert board.core_and_nulls is not None and (board.core_and_nulls.value or 0) > 0.8


def test_two_runs_are_equal_byte_for_byte(tmp_path: Path, planted: dict[bytes, Difference]) -> None:
    first, second = (run(tmp_path / name, Fake("oracle", fakes.oracle, planted)) for name in ("1", "2"))
    assert as_json(first) == as_json(second) and markdown(first) == markdown(second)
    assert without_cost(tmp_path / "1") == without_cost(tmp_path / "2")


class Killed(Exception):
    pass


@pytest.mark.parametrize("torn", ["", '{"suite": "core", "ind'])
def test_a_killed_run_goes_on_where_it_stopped(tmp_path: Path, planted: dict[bytes, Difference], torn: str) -> None:
    system = Fake("oracle", fakes.oracle, planted)
    whole = run(tmp_path / "whole", system)

    def killed(jobs: Sequence[Job]) -> Iterator[Record]:
        yield from one_by_one(jobs[:3], BANK, system)
        raise Killed

    with pytest.raises(Killed):
        run(tmp_path / "killed", system, killed)
    with (tmp_path / "killed" / PAIRS_FILE).open("a") as stream:
        stream.write(torn)

    asked: list[Job] = []

    def rest(jobs: Sequence[Job]) -> Iterator[Record]:
        asked.extend(jobs)
        return one_by_one(jobs, BANK, system)

    assert as_json(run(tmp_path / "killed", system, rest)) == as_json(whole)
    assert len(asked) == TINY.pairs + TINY_NULLS.pairs - 3
    assert without_cost(tmp_path / "killed") == without_cost(tmp_path / "whole")


def test_a_finished_run_asks_the_system_nothing(tmp_path: Path, planted: dict[bytes, Difference]) -> None:
    system = Fake("oracle", fakes.oracle, planted)
    whole = run(tmp_path, system)
    again = run(tmp_path, Fake("oracle", fakes.oracle, {}))
    assert as_json(again) == as_json(whole)


def test_a_folder_holds_one_run(tmp_path: Path, planted: dict[bytes, Difference]) -> None:
    run(tmp_path, Fake("oracle", fakes.oracle, planted))
    with pytest.raises(UsageError, match="choose another --out"):
        run(tmp_path, Fake("mute", fakes.mute, planted))


def test_a_damaged_line_is_named(tmp_path: Path, planted: dict[bytes, Difference]) -> None:
    system = Fake("oracle", fakes.oracle, planted)
    run(tmp_path, system)
    file = tmp_path / PAIRS_FILE
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join([lines[0], "{}\n", *lines[2:]]))
    with pytest.raises(InputError, match="line 2 is damaged"):
        run(tmp_path, system)


def test_numbers_that_do_not_exist_survive_the_disk(tmp_path: Path, planted: dict[bytes, Difference]) -> None:
    system = Fake("oracle", fakes.oracle, planted)
    of = identity(SUITES, BANK, system)
    for _ in range(2):
        records = complete(tmp_path, of, SUITES, partial(one_by_one, bank=BANK, system=system))
        assert math.isnan(records[0].report.test.smallest_detectable_auroc)


def test_processes_give_the_same_run(tmp_path: Path) -> None:
    alone = run(tmp_path / "1", fakes.Blurry())
    together = run(tmp_path / "2", fakes.Blurry(), partial(in_processes, opener=fakes.open_blurry, workers=2))
    assert as_json(together) == as_json(alone)


def test_progress_counts_the_pairs_of_earlier_runs(tmp_path: Path) -> None:
    of = identity(SUITES, BANK, fakes.Blurry())
    jobs = partial(one_by_one, bank=BANK, system=fakes.Blurry())
    complete(tmp_path, of, SUITES, jobs)
    file = tmp_path / PAIRS_FILE
    file.write_text("".join(file.read_text().splitlines(keepends=True)[:-2]))
    seen: list[tuple[int, int]] = []
    complete(tmp_path, of, SUITES, jobs, lambda done, wanted: seen.append((done, wanted)))
    assert seen == [(9, 10), (10, 10)]


def test_scoreboard_lists_the_worst_first_and_the_failures(tmp_path: Path, planted: dict[bytes, Difference]) -> None:
    families = sorted({difference[0].family for difference in planted.values() if difference})

    def half(difference: Difference) -> Report:
        """Right on some families, with a table's bar and a terminal's escape in what it says of the others."""
        right = difference and difference[0].family < families[len(families) // 2]
        return fakes.oracle(difference) if right else fakes.report(fakes.said("a", "a | b\x1b[31m"))

    board = run(tmp_path, Fake("half", half, planted))
    core, nulls = board.suites
    f1 = [group.scores["top_f1"].value for group in core.families]
    wrong = sum(group.pairs for group, value in zip(core.families, f1, strict=True) if value is None)
    exact = [group.scores["top_exact"].value or 0.0 for group in core.families]
    assert exact == sorted(exact) and len(set(exact)) == 2
    assert sum(group.pairs for group in core.families) == sum(group.pairs for group in core.domains) == TINY.pairs
    assert (core.failed, nulls.failed) == (len(core.failures), len(nulls.failures)) == (wrong, TINY_NULLS.pairs)
    assert (core.verdicts, nulls.verdicts) == ({"different": TINY.pairs}, {"different": TINY_NULLS.pairs})
    page = markdown(board)
    assert "a \\| b" in page and "\x1b" not in page
    assert all(group.name in page for group in (*core.families, *core.domains))


def test_pairs_of_a_class_belong_to_the_domain_of_their_data_set() -> None:
    assert top_domain("pets/cat") == top_domain("pets") == "pets"
    assert top_domain("drawn/xray") == "drawn/xray"


def shrunk(suite: Planted) -> Planted:
    """The same suite on small drawn pictures and few of them."""

    def small(config: PairConfig) -> PairConfig:
        return replace(config, set_size=(3, 3), sides=(32,), domains=DRAWN[:6], held_out=True, world_share=0.0)

    conditions = tuple(Condition(c.value, small(c.config)) for c in suite.conditions)
    return replace(suite, conditions=conditions, pairs=max(4, len(conditions)))


SHRUNK = {name: shrunk(suite) for name, suite in PLANTED.items()}
NULLS = ("nulls", "null-domains")
WITH_FACTS = [name for name in PLANTED if name not in NULLS]


@pytest.fixture(scope="module")
def all_planted() -> dict[bytes, Difference]:
    return fakes.planted_in([*SHRUNK.values()])


def board_of(name: str, system: Any) -> SuiteBoard:
    suite = SHRUNK[name]
    records = [run_pair(suite, index, BANK, system) for index in range(suite.pairs)]
    described = {"sha256": "0", "axis": suite.axis, "holds_out": suite.holds_out, "recipe": {}}
    (board,) = scoreboard({"suites": {name: described}, "system": system.identity}, records).suites
    return board


@pytest.mark.parametrize("name", WITH_FACTS)
def test_on_every_suite_an_oracle_scores_1(name: str, all_planted: dict[bytes, Difference]) -> None:
    board = board_of(name, Fake("oracle", fakes.oracle, all_planted))
    found = {metric: number.value for metric, number in board.metrics.items()}
    for metric in (
        "top_f1",
        "top_exact",
        "verified_recall",
        "verified_precision",
        "top_side",
        "seen_right",
        "detected",
    ):
        assert found[metric] == 1, metric
    assert found["verified_untrue"] == 0 and found.get("obeyed", 0) == 0 and board.failed == 0
    assert (name == "confounded") == ("confounders_named" in found)
    assert found.get("confounders_named", 1) == found.get("beside_confounders", 1) == 1
    if board.curves:
        assert all(point.right == 1 for point in board.curves.overall.points)
        assert board.curves.overall.threshold is None and board.curves.overall.note.startswith(("under", "over"))


@pytest.mark.parametrize("name", WITH_FACTS)
def test_on_every_suite_a_mute_one_misses_all_and_errs_nowhere(name: str, all_planted: dict[bytes, Difference]) -> None:
    found = {
        metric: number.value for metric, number in board_of(name, Fake("mute", fakes.mute, all_planted)).metrics.items()
    }
    assert found["verified_recall"] == found["top_f1"] == found["top_exact"] == found.get("obeyed", 0) == 0
    assert not {"verified_precision", "verified_untrue", "false_discoveries", "top_side"} & found.keys()
    assert found.get("null_verified", 0) == 0


@pytest.mark.parametrize("name", WITH_FACTS)
def test_on_every_suite_the_wrong_side_scores_0(name: str, all_planted: dict[bytes, Difference]) -> None:
    found = board_of(name, Fake("wrong", fakes.wrong_side, all_planted)).metrics
    assert found["top_side"].value == found["top_f1"].value == found["verified_recall"].value == 0
    assert found["verified_untrue"].value == 1


@pytest.mark.parametrize("name", PLANTED)
def test_on_every_suite_always_blurry_is_caught(name: str, all_planted: dict[bytes, Difference]) -> None:
    found = board_of(name, Fake("blurry", fakes.always_blurry, all_planted)).metrics
    if name in NULLS:
        assert found["null_verified"].value == 1 and "verified_precision" not in found
    else:
        assert (found["verified_precision"].value or 0) < 0.5
        assert "null_verified" not in found or found["null_verified"].value == 1


def test_reading_a_run_that_goes_on_leaves_the_line_that_is_being_written(
    tmp_path: Path, planted: dict[bytes, Difference]
) -> None:
    run(tmp_path, Fake("oracle", fakes.oracle, planted))
    with (tmp_path / PAIRS_FILE).open("a") as stream:
        stream.write('{"suite": "core", "tru')
    before = (tmp_path / PAIRS_FILE).read_bytes()
    _, records = finished(tmp_path)
    assert len(records) == TINY.pairs + TINY_NULLS.pairs
    assert (tmp_path / PAIRS_FILE).read_bytes() == before


def test_what_opens_a_worker_is_found_by_a_spawned_process() -> None:
    """multiprocessing does not fill `__main__` anew where that is a package's `__main__.py`."""
    assert vars(command)["opened"].__module__ == "eval.systems"
