"""Runs on disk: broken systems get the scores they deserve, and a killed run ends like one that was not."""

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from data_synth.facts import Difference
from data_synth.sources import Bank
from eval.metrics import METRICS
from eval.runs import PAIRS_FILE, Job, Record, complete, identity, in_processes, one_by_one
from eval.scoreboard import Scoreboard, as_json, markdown, scoreboard, top_domain
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


def run(folder: Path, system: Any, jobs: Callable[[Sequence[Job]], Iterator[Record]] | None = None) -> Scoreboard:
    of = identity(SUITES, BANK, system)
    jobs = jobs or partial(one_by_one, bank=BANK, system=system)
    return scoreboard(of, complete(folder, of, SUITES, jobs))


def values(tmp_path: Path, planted: dict[bytes, Difference], rule: Rule) -> dict[str, float | None]:
    board = run(tmp_path, Fake("fake", rule, planted))
    return {name: number.value for name, number in board.metrics.items()}


def test_an_oracle_scores_1(tmp_path: Path, planted: dict[bytes, Difference]) -> None:
    found = values(tmp_path, planted, fakes.oracle)
    wrong = {"verified_partly", "verified_untrue", "null_verified", "null_different", "false_discoveries"}
    assert {name for name, value in found.items() if value == 0} == wrong
    assert {name for name, value in found.items() if value == 1} == set(METRICS) - wrong


def test_a_mute_one_has_no_false_findings_no_recall_and_no_precision(
    tmp_path: Path, planted: dict[bytes, Difference]
) -> None:
    found = values(tmp_path, planted, fakes.mute)
    assert found["null_verified"] == found["verified_recall"] == found["top_f1"] == found["top_exact"] == 0
    assert found["verified_precision"] is found["verified_untrue"] is found["top_precision"] is None
    assert found["false_discoveries"] is found["top_side"] is None


def test_the_wrong_side_scores_0(tmp_path: Path, planted: dict[bytes, Difference]) -> None:
    found = values(tmp_path, planted, fakes.wrong_side)
    assert found["top_side"] == found["top_changed_side"] == found["top_f1"] == found["verified_recall"] == 0
    assert found["verified_untrue"] == 1


def test_always_blurry_is_caught_by_nulls_and_by_precision(tmp_path: Path, planted: dict[bytes, Difference]) -> None:
    found = values(tmp_path, planted, fakes.always_blurry)
    assert found["null_verified"] == found["null_different"] == 1
    assert found["verified_precision"] is not None and found["verified_precision"] < 0.2
    assert found["false_discoveries"] is not None and found["false_discoveries"] > 0.9


def test_two_runs_are_equal_byte_for_byte(tmp_path: Path, planted: dict[bytes, Difference]) -> None:
    first, second = (run(tmp_path / name, Fake("oracle", fakes.oracle, planted)) for name in ("1", "2"))
    assert as_json(first) == as_json(second) and markdown(first) == markdown(second)
    assert (tmp_path / "1" / PAIRS_FILE).read_bytes() == (tmp_path / "2" / PAIRS_FILE).read_bytes()


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
    assert (tmp_path / "killed" / PAIRS_FILE).read_bytes() == (tmp_path / "whole" / PAIRS_FILE).read_bytes()


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
    wrong = sum(group.pairs for group in board.families if group.f1.value is None)
    exact = [group.exact.value or 0.0 for group in board.families]
    assert exact == sorted(exact) and len(set(exact)) == 2
    assert sum(group.pairs for group in board.families) == sum(group.pairs for group in board.domains) == TINY.pairs
    assert board.failed == len(board.failures) == wrong + TINY_NULLS.pairs
    assert board.verdicts == {"core": {"different": TINY.pairs}, "nulls": {"different": TINY_NULLS.pairs}}
    page = markdown(board)
    assert "a \\| b" in page and "\x1b" not in page
    assert all(group.name in page for group in (*board.families, *board.domains))


def test_pairs_of_a_class_belong_to_the_domain_of_their_data_set() -> None:
    assert top_domain("pets/cat") == top_domain("pets") == "pets"
    assert top_domain("drawn/xray") == "drawn/xray"
