"""The leaderboard: what beats the model comes first, numbers with intervals, unfinished runs refused; and the page."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from data_synth.sources import Bank
from eval import pages
from eval.costs import costs
from eval.leaderboard import markdown, read
from eval.runs import identity, run_pair
from eval.scoreboard import scoreboard
from eval.suites import PLANTED, Condition
from tests.eval import fakes
from tests.eval.test_compare import Answer, made, on_disk, right, some, wrong
from vlmdiff.errors import UsageError


def folder(tmp_path: Path, system: str, answer: Answer, **changes: Any) -> Path:
    of, records = made(answer, **changes)
    of["system"] = {"name": system}
    return on_disk(tmp_path / f"{system}-{changes.get('suite', 'core')}", of, records)


def test_a_system_that_beats_the_model_is_told_first(tmp_path: Path) -> None:
    runs = [
        folder(tmp_path, "pixels", some(0.9, 0)),
        folder(tmp_path, "learned", some(0.4, 1)),
        folder(tmp_path, "random", wrong),
        folder(tmp_path, "learned", wrong, suite="nulls"),
    ]
    page = markdown(read(runs))
    beaten, sections = page[: page.index("## Core")], page[page.index("## Core") :]
    assert beaten.index("**pixels beats learned on core**") < len(beaten)
    assert "beyond noise: difference +" in beaten and "random beats" not in beaten
    # Lower is better here: pixels says fewer untrue things.
    assert "untrue but verified" in beaten
    rows = [line.split()[1] for line in sections.splitlines() if line.startswith(("| learned", "| pixels", "| random"))]
    assert rows == ["learned", "pixels", "random", "learned"]
    assert "python -m eval core pixels --like learned" in sections and "## Nulls" in sections
    assert "1.000 [0.926 to 1.000], n 48" in sections


def test_where_nothing_beats_the_model_it_is_said(tmp_path: Path) -> None:
    page = markdown(read([folder(tmp_path, "learned", right), folder(tmp_path, "random", wrong)]))
    assert "No other system is better than learned on a headline score on core." in page


def test_other_pairs_are_compared_in_words_only(tmp_path: Path) -> None:
    other = folder(tmp_path, "pixels", right, sha256="a" * 64)
    page = markdown(read([folder(tmp_path, "learned", some(0.4, 1)), other]))
    assert "on other pairs, so that no difference can be tested" in page


def test_kin_is_shown_where_the_families_were_unseen(tmp_path: Path) -> None:
    snow = fakes.fact(fakes.SNOW, "b")
    of, records = made(right, suite="families", pairs=8)
    rain = fakes.report(fakes.said("b", "it rains in the pictures"))
    records = [replace(r, truth=replace(r.truth, difference=(snow,)), report=rain) for r in records]
    page = markdown(read([on_disk(tmp_path / "families", of, records), folder(tmp_path, "learned", right)]))
    core, families = page[page.index("## Core") : page.index("## Families")], page[page.index("## Families") :]
    assert "right, or of its kin" in families and "right, or of its kin" not in core
    assert "1.000 [0.676 to 1.000], n 8" in families


def test_unfinished_and_double_runs_are_refused(tmp_path: Path) -> None:
    of, records = made(right)
    with pytest.raises(UsageError, match="core has 40 of 48 pairs"):
        read([on_disk(tmp_path / "torn", of, records[:40])])
    twice = [on_disk(tmp_path / name, of, records) for name in ("one", "two")]
    with pytest.raises(UsageError, match="another run has fake on core"):
        read(twice)


def test_the_page_shows_numbers_plots_and_failures_and_lets_no_markup_in() -> None:
    suite = PLANTED["subtle"]
    small = [
        Condition(c.value, replace(c.config, set_size=(3, 3), sides=(48,), domains=("drawn/xray",)))
        for c in suite.conditions
    ]
    suite, bank = replace(suite, conditions=tuple(small), pairs=6), Bank.drawn_only()
    run = identity([suite], bank, fakes.Blurry())
    run["system"] = {"name": "<script>alert(1)</script>"}
    records = [run_pair(suite, index, bank, fakes.Blurry()) for index in range(suite.pairs)]
    records[0] = replace(records[0], report=fakes.report(fakes.said("a", "<b>bold</b>\x1b[31m")))
    board = scoreboard(run, records)
    pictures = pages.failure_pictures(board, [suite], bank)
    page = pages.page(board, costs(records), pictures, {"commit": "<u>"})
    assert "<script" not in page and "<b>bold" not in page and "<u>" not in page and "\x1b" not in page
    assert "&lt;b&gt;bold" in page
    assert page.count("data:image/jpeg") == 6 * len(pictures) and len(pictures) == len(board.suites[0].failures) > 0
    assert "Content-Security-Policy" in page and "http://" not in page.replace("http://www.w3.org", "")
    assert page.count("<svg xmlns") >= 3 and "not counted" in page
    assert pages.page(board, costs(records), pictures, {"commit": "<u>"}) == page


def test_costs_go_by_the_number_of_images() -> None:
    _, records = made(right, pairs=3)
    spent = costs([replace(records[0], cost=replace(records[0].cost, seconds=5.0, tokens=10)), *records[1:]])
    assert [(one.images, one.pairs, one.seconds, one.tokens, one.peak_mib) for one in spent] == [("8", 3, 1.0, 10, 100)]
