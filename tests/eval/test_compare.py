"""Two runs over the same pairs: noise passes the gate, a worse system does not."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eval import __main__ as command
from eval.cases import Truth
from eval.compare import Change, Tallied, as_json, compare, markdown, paired_interval, read, tallied
from eval.runs import PAIRS_FILE, RUN_FILE, Cost, Record, _line
from tests.eval.fakes import BLURRED, DARKER, RECTANGLE, fact, report, said
from vlmdiff.errors import REGRESSION, InputError, UsageError
from vlmdiff.findings import Report

Answer = Callable[[Truth], Report]


def right(truth: Truth) -> Report:
    return report(*(said(planted.side, planted.content) for planted in truth.difference))


def wrong(truth: Truth) -> Report:
    return report(said("b", BLURRED))


def some(share: float, seed: int, otherwise: Answer = wrong) -> Answer:
    """Right on a share of the pairs, those that the seed draws."""
    lucky = np.random.default_rng(seed).random(1_000) < share
    return lambda truth: (right if lucky[truth.index] else otherwise)(truth)


def made(
    answer: Answer, suite: str = "core", pairs: int = 48, sha256: str = "f" * 64
) -> tuple[dict[str, Any], list[Record]]:
    """A run of pairs of drawn images; those of a suite called nulls have no difference."""
    what = [RECTANGLE, DARKER]
    truths = [
        Truth(i, "drawn/xray", difference=() if suite == "nulls" else (fact(what[i % 2], "a"),)) for i in range(pairs)
    ]
    of = {
        "suites": {suite: {"sha256": sha256, "axis": "", "holds_out": "nothing", "recipe": {"pairs": pairs}}},
        "system": {"name": "fake"},
    }
    return of, [Record(suite, truth, answer(truth), Cost(1.0, 100.0, None)) for truth in truths]


def run(answer: Answer, **changes: Any) -> Tallied:
    return tallied(*made(answer, **changes))


def on_disk(folder: Path, of: dict[str, Any], records: Sequence[Record]) -> Path:
    folder.mkdir(parents=True)
    (folder / RUN_FILE).write_text(json.dumps(of))
    (folder / PAIRS_FILE).write_text("".join(map(_line, records)))
    return folder


def change(before: Tallied, after: Tallied, metric: str) -> Change:
    return next(one for one in compare(before, after).changes if one.metric == metric)


def test_the_same_run_has_not_changed() -> None:
    found = compare(run(some(0.7, 0)), run(some(0.7, 0)))
    assert {(one.difference, one.interval) for one in found.changes} == {(0.0, (0.0, 0.0))}
    assert found.regressions == ()


def test_noise_passes_and_a_worse_system_does_not() -> None:
    before = run(some(0.75, 0))
    assert compare(before, run(some(0.75, 1))).regressions == ()
    worse = compare(before, run(some(0.3, 2)))
    assert any("fact F1" in told for told in worse.regressions)
    assert any("untrue but verified" in told for told in worse.regressions)
    assert compare(run(some(0.3, 2)), before).regressions == ()


def test_one_pair_lost_is_noise_and_every_sixth_is_not() -> None:
    before = run(right)
    assert compare(before, run(lambda truth: (wrong if truth.index == 5 else right)(truth))).regressions == ()
    assert compare(before, run(lambda truth: (wrong if truth.index % 6 == 0 else right)(truth))).regressions != ()


def test_pairing_finds_what_two_intervals_would_not() -> None:
    hard = some(0.6, 3)
    slightly = run(lambda truth: wrong(truth) if truth.index % 5 == 0 else hard(truth))
    found = change(run(hard), slightly, "top_exact")
    assert -0.25 < found.difference < 0 and found.interval[1] < 0
    assert found.pairs == found.units == 48


def test_silence_counts_where_it_can_and_is_unscored_where_not() -> None:
    metrics = {one.metric for one in compare(run(right), run(lambda truth: report())).changes}
    assert "top_f1" in metrics and "verified_untrue" not in metrics


def test_nulls_above_their_bound_shut_the_gate_even_where_nothing_got_worse() -> None:
    loud = run(some(0.7, 0), suite="nulls")
    (told,) = compare(loud, loud).regressions
    assert "statistical error" in told and "above its bound" in told
    few = run(lambda truth: (wrong if truth.index < 3 else right)(truth), suite="nulls")
    assert compare(few, few).regressions == ()


def test_other_pairs_are_refused_and_named() -> None:
    with pytest.raises(UsageError, match=r"core \(ffffffffffff and aaaaaaaaaaaa\)"):
        compare(run(right), run(right, sha256="a" * 64))
    with pytest.raises(UsageError, match="share no suite: core and nulls"):
        compare(run(right), run(right, suite="nulls"))


def test_units_move_together() -> None:
    """Ten units of ten pairs that all lose or all win: a bootstrap of pairs would be a third as wide."""
    gains = np.tile([2.0, -2.0, 1.0, -1.0, 3.0], 2)
    sums = np.stack([np.full(10, 5.0), np.full(10, 10.0), 5 + gains, np.full(10, 10.0)], axis=1)
    low, high = paired_interval(sums)
    spread = gains.std(ddof=1) / 10 / 10**0.5
    assert high - low == pytest.approx(2 * 1.96 * spread, rel=0.1)
    assert paired_interval(sums[:1]) == (-1.0, 1.0)


def test_paired_intervals_cover_the_truth() -> None:
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(200):
        before = rng.random(60) < 0.7
        after = np.where(rng.random(60) < 0.25, rng.random(60) < 0.5, before)
        # Of a quarter that is drawn anew, half are right: .7 becomes .65.
        sums = np.stack([before, np.ones(60), after, np.ones(60)], axis=1).astype(float)
        low, high = paired_interval(sums)
        covered += low <= -0.05 <= high
    assert covered >= 182


def test_what_is_kept_is_small_and_compares_alike(tmp_path: Path) -> None:
    of, records = made(some(0.7, 0), pairs=120)
    folder = on_disk(tmp_path / "run", of, records)
    kept = tmp_path / "kept.json"
    kept.write_text(as_json(read(folder)))
    assert read(kept) == read(folder) == tallied(of, records)
    assert kept.stat().st_size < 120 * 500


@pytest.mark.parametrize("content", ["", "[]", '{"suites": {"core": {}}}'])
def test_a_damaged_reference_is_named(tmp_path: Path, content: str) -> None:
    file = tmp_path / "kept.json"
    file.write_text(content)
    with pytest.raises(InputError, match="no kept reference"):
        read(file)
    with pytest.raises(InputError, match="No such file"):
        read(tmp_path / "nowhere.json")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no run"):
        read(tmp_path / "empty")


def call(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["eval", *arguments])
    with pytest.raises(SystemExit) as ended:
        command.main()
    return int(ended.value.code or 0)


def test_the_gate_has_its_own_exit_code(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = str(on_disk(tmp_path / "good", *made(some(0.9, 0))))
    bad = str(on_disk(tmp_path / "bad", *made(some(0.3, 1))))
    assert call(monkeypatch, "keep", good, str(tmp_path / "kept.json")) == 0
    assert call(monkeypatch, "compare", str(tmp_path / "kept.json"), bad) == 0
    capsys.readouterr()
    assert call(monkeypatch, "compare", str(tmp_path / "kept.json"), bad, "--gate", "--out", bad) == REGRESSION
    shown = capsys.readouterr()
    assert "## Regressions" in shown.out and shown.err.startswith("regression: core: ")
    assert (Path(bad) / "compare.md").read_text() == shown.out
    assert call(monkeypatch, "compare", bad, good, "--gate") == 0


def test_the_page_tells_what_only_one_run_has() -> None:
    before = run(right)
    both = Tallied(before.system, {**before.suites, **run(right, suite="nulls").suites})
    assert "Only one of the runs has: nulls." in markdown(compare(before, both))
