"""Curves that find the threshold they were drawn from, say where there is none, and plots that repeat."""

import re

import numpy as np
import pytest

from eval import plots
from eval.calibration import calibration
from eval.cases import Truth
from eval.psychometrics import FEWEST, LAPSE, Curve, curve, curves, fitted, gridded, half
from eval.runs import Cost, Record
from eval.scores import score
from tests.eval.fakes import BLURRED, RECTANGLE, fact, report, said, scored

STRENGTHS = np.array([0.1, 0.25, 0.4, 0.6, 0.8, 1.0])


def drawn(levels: np.ndarray, share: np.ndarray, each: int, axis: str, seed: int = 0) -> Curve:
    rng = np.random.default_rng(seed)
    values = np.repeat(levels, each)
    hits = (rng.random(len(values)) < np.repeat(share, each)).astype(float)
    return curve("all", axis, values, hits, np.arange(len(values)).astype(str))


def test_the_threshold_is_where_half_are_right() -> None:
    share = 0.95 / (1 + np.exp(-10 * (STRENGTHS - 0.5)))
    true = 0.5 + np.log(0.5 / 0.45) / 10
    found = drawn(STRENGTHS, share, 60, "strength")
    assert found.threshold == pytest.approx(true, abs=0.05)
    assert found.interval is not None and found.interval[0] < true < found.interval[1]
    assert found.interval[1] - found.interval[0] < 0.2
    assert found.fit is not None and found.fit.at(np.array([found.threshold]))[0] == pytest.approx(0.5)


def test_intervals_of_thresholds_cover_the_truth() -> None:
    share = 1 / (1 + np.exp(-8 * (STRENGTHS - 0.45)))
    inside = 0
    for seed in range(25):
        interval = drawn(STRENGTHS, share, 30, "strength", seed).interval
        inside += interval is not None and interval[0] <= 0.45 <= interval[1]
    assert inside >= 21


def test_prevalence_is_fitted_on_its_logarithm_and_differences_fall() -> None:
    levels = np.array([0.02, 0.05, 0.1, 0.2, 0.5, 1.0])
    found = drawn(levels, 1 / (1 + np.exp(-3 * np.log(levels / 0.15))), 100, "prevalence")
    assert found.threshold == pytest.approx(0.15, rel=0.25)
    counts = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    falling = drawn(counts, 1 / (1 + np.exp(2 * (counts - 3.0))), 100, "differences")
    assert falling.threshold == pytest.approx(3.0, abs=0.3) and falling.fit is not None and falling.fit.slope < 0


@pytest.mark.parametrize(("share", "note"), [(1.0, "under 0.1"), (0.0, "over 1"), (0.2, "over 1")])
def test_a_threshold_beyond_what_was_tried_is_told_as_such(share: float, note: str) -> None:
    found = drawn(STRENGTHS, np.full(6, share), 20, "strength")
    assert (found.threshold, found.interval, found.note) == (None, None, note)


def test_pairs_of_one_unit_are_drawn_together() -> None:
    rng = np.random.default_rng(2)
    values = np.repeat(STRENGTHS, 40)
    unit = np.tile(np.arange(8), 30)
    shift = np.linspace(-0.3, 0.3, 8)[unit]
    hits = (rng.random(240) < 1 / (1 + np.exp(-9 * (values - 0.5 - shift)))).astype(float)
    together = curve("all", "strength", values, hits, unit.astype(str)).interval
    alone = curve("all", "strength", values, hits, np.arange(240).astype(str)).interval
    assert together is not None and alone is not None
    assert together[1] - together[0] > 1.5 * (alone[1] - alone[0])


def test_the_grid_finds_what_the_search_finds() -> None:
    hits, trials = np.array([1.0, 3.0, 9.0, 14.0, 18.0, 19.0]), np.full(6, 20.0)
    exact = fitted(STRENGTHS, hits, trials, rises=True)
    (near,) = gridded(STRENGTHS, hits[None], trials[None], rises=True)
    assert half(near) == pytest.approx(half(exact), abs=0.015)
    assert 0 <= exact.lapse <= LAPSE


def test_families_with_few_pairs_are_named_instead() -> None:
    records, scores = [], []
    for index in range(3 * FEWEST):
        what = RECTANGLE if index < 2 * FEWEST else BLURRED
        planted = Truth(index, "drawn/xray", f"{STRENGTHS[index % 6]:g}", difference=(fact(what),))
        about = report(said("a", what if index % 6 > 2 else "the images are darker"))
        records.append(Record("subtle", planted, about, Cost(1.0, 1.0, None)))
        scores.append(score(planted, about))
    records, scores = records[: 2 * FEWEST + 5], scores[: 2 * FEWEST + 5]
    unit = [str(record.truth.index) for record in records]
    found = curves("strength", records, scores, unit)
    assert found is not None and found.overall.threshold == pytest.approx(0.5, abs=0.1)
    names = {part.of for part in found.parts}
    assert fact(RECTANGLE).family in names and fact(BLURRED).family not in names
    assert (fact(BLURRED).family, 5) in found.too_few
    assert curves("written in the images", records, scores, unit) is None
    assert plots.psychometric(found) == plots.psychometric(found)
    for svg in (plots.psychometric(found), plots.thresholds(found)):
        assert svg.startswith("<svg") and "<style" not in svg and "var(--" in svg and not re.search(r"20\d\d-", svg)


def test_calibration_by_hand() -> None:
    # Of four findings at 0.9 three are right, of one at 0.3 none: (|3.6 - 3| + |0.3 - 0|) / 5.
    right = scored([fact(RECTANGLE)], said("a", RECTANGLE, votes=0.9))
    wrong = scored([fact(RECTANGLE)], said("a", BLURRED, votes=0.9))
    unsure = scored([fact(RECTANGLE)], said("a", BLURRED, votes=0.3))
    unread = scored([fact(RECTANGLE)], said("a", "a certain something", votes=0.9))
    pairs = [right, right, right, wrong, unsure, unread]
    found = calibration("votes", pairs, list("abcdef"))
    assert found is not None and found.error == pytest.approx(0.9 / 5)
    assert (found.findings, found.unscored) == (5, 1)
    assert [(b.findings, b.right) for b in found.bins] == [(1, 0.0), (4, 0.75)]
    assert 0 < found.by_chance < 0.3
    assert "stated confidence" in plots.reliability(found)
    assert calibration("votes", [scored([fact(RECTANGLE)])], ["a"]) is None


def test_a_calibrated_system_has_the_error_of_chance() -> None:
    rng = np.random.default_rng(1)
    pairs = []
    for _ in range(400):
        sure = float(rng.random())
        what = RECTANGLE if rng.random() < sure else BLURRED
        pairs.append(scored([fact(RECTANGLE)], said("a", what, votes=sure)))
    found = calibration("votes", pairs, [str(number) for number in range(400)])
    assert found is not None and found.error < 2 * found.by_chance < 0.12
