"""The strength scale: curves inverted by hand, the probe on made-up features, and the curves that are shipped."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_synth import calibrate
from data_synth.calibrate import (
    AMOUNTS,
    CURVES,
    FAR,
    MIDDLE,
    MIDDLE_AUROC,
    SIDE,
    Calibration,
    amount_for,
    curve,
    distance,
    drawings,
    measured,
    photographs,
    probe_auroc,
)
from data_synth.catalog import EVERY
from data_synth.facts import Content
from data_synth.family import Pixels
from data_synth.reference import REFERENCE_VERSION, reference_features
from data_synth.sources import Bank, BaseImage
from vlmdiff.errors import InputError, UsageError

FROZEN = [142.4136, 9.9608, 1.0936, 2.2571, 0.9569, 0.0815, 0.1811]
"""Means of the parts of the features of one picture."""


def auroc_at(d: float) -> float:
    return NormalDist().cdf(d / 2**0.5)


def test_distance_by_hand() -> None:
    assert distance(0.5) == distance(0.3) == 0
    assert distance(auroc_at(1.3)) == pytest.approx(1.3)
    assert pytest.approx(1.4657, abs=1e-4) == MIDDLE
    assert distance(1.0) < 5


def test_half_strength_is_the_middle_and_full_strength_amount_one() -> None:
    found = curve([(0.2, 0.7), (0.4, 0.85), (1.0, 0.99)], (0.4, 0.86))
    assert found.amounts[5] == 0.4 and found.amounts[10] == 1
    assert found.middle == 0.86 and found.ceiling is None
    assert found.measured == [(0.2, 0.7), (0.4, 0.85), (1.0, 0.99)]


def test_below_the_middle_distance_grows_evenly() -> None:
    found = curve([(0.2, 0.7), (0.4, 0.85), (1.0, 0.99)], (0.4, 0.85))
    by_hand = 0.2 + 0.2 * (0.8 * MIDDLE - distance(0.7)) / (MIDDLE - distance(0.7))
    assert found.amounts[4] == pytest.approx(by_hand, abs=1e-3)


def test_above_the_middle_the_amount_grows_by_equal_factors() -> None:
    amounts = curve([(0.1, 0.85), (1.0, 1.0)], (0.1, 0.85)).amounts
    assert np.array(amounts[6:]) / amounts[5:10] == pytest.approx(10**0.2, rel=1e-2)


def test_a_fall_is_averaged_away() -> None:
    middle = (0.5, 0.85)
    fallen, level = ([(0.2, a), (0.4, b), (1.0, 0.99)] for a, b in ((0.8, 0.7), (0.75, 0.75)))
    assert curve(fallen, middle).amounts == curve(level, middle).amounts


def test_where_085_is_out_of_reach_distance_grows_evenly_up_to_what_is_reached() -> None:
    found = curve([(0.5, auroc_at(0.4)), (1.0, auroc_at(0.8))], None)
    assert found.amounts == pytest.approx(np.linspace(0, 1, 11), abs=1e-3)
    assert found.ceiling == pytest.approx(auroc_at(0.8), abs=1e-3)
    assert found.middle is None


@given(st.lists(st.floats(0, 1), min_size=1, max_size=5), st.none() | st.floats(0.001, 1))
def test_every_curve_starts_at_nothing_never_falls_and_ends_at_one(aurocs: list[float], middle: float | None) -> None:
    points = list(zip(AMOUNTS, aurocs, strict=False))
    amounts = curve(points, None if middle is None else (middle, 0.85)).amounts
    assert len(amounts) == 11 and amounts[0] == 0 and amounts[10] == 1
    assert (np.diff(amounts) >= 0).all()


@pytest.mark.parametrize(("half", "top"), [(0.07, 6.0), (0.5, 1.2), (0.9, 1.01)])
def test_the_middle_is_found_where_a_family_has_it(half: float, top: float) -> None:
    """A made-up family whose d' is MIDDLE at `half`, and `top` times that at most."""
    found = measured(lambda amount, careful: auroc_at(MIDDLE * min(top, (amount / half) ** 0.7)))
    assert found.amounts[5] == pytest.approx(half, rel=0.1)
    assert found.middle == pytest.approx(0.85, abs=0.03)


def test_a_family_that_stays_faint_is_listed_with_its_ceiling() -> None:
    found = measured(lambda amount, careful: auroc_at(0.9 * amount))
    assert found.middle is None and found.ceiling == pytest.approx(auroc_at(0.9), abs=1e-3)


def test_a_family_that_passes_085_on_the_way_only_is_listed_with_what_it_has_in_full() -> None:
    """As red and blue, which are equal before they are exchanged: d' is 1.6 from amount 0.2 on, and 1 at amount 1."""
    found = measured(lambda amount, careful: auroc_at(min(8 * amount, 1.6) if amount < 1 else 1.0))
    assert found.middle is None and found.ceiling == pytest.approx(auroc_at(1.0), abs=1e-3)
    assert found.amounts[5:] == [1.0] * 6
    assert 0 < found.amounts[1] < found.amounts[4] < 0.25


def test_what_a_few_draws_say_is_measured_anew_with_care_and_searched_with_care_where_they_were_wrong() -> None:
    asked: list[bool] = []

    def measure(amount: float, careful: bool) -> float:
        asked.append(careful)
        return auroc_at(MIDDLE * amount / (0.3 if careful else wrong))

    wrong = 0.29
    found = measured(measure)
    assert asked.count(True) == 1
    assert found.amounts[5] == pytest.approx(0.29, abs=0.01)
    assert found.middle == pytest.approx(auroc_at(MIDDLE * found.amounts[5] / 0.3), abs=1e-4)
    wrong = 0.6
    found = measured(measure)
    assert found.amounts[5] == pytest.approx(0.3, abs=0.01)
    assert found.middle == pytest.approx(0.85, abs=0.02)


def test_with_care_every_content_is_drawn_equally_often_where_there_are_few() -> None:
    def contents(name: str, careful: bool) -> list[Content]:
        return [EVERY[name].content(p) for p in drawings(EVERY[name], careful, np.random.default_rng(0))]

    for name, count in (("fine_texture", 6), ("arrow", 6), ("mixture", 10), ("brightness", 6)):
        few = tuple(EVERY[name].contents())
        assert Counter(contents(name, True)) == dict.fromkeys(few, count // len(few))
        assert len(contents(name, False)) == 2
    assert len(contents("shape", False)) == 4 and len(contents("shape", True)) == 12


def test_the_probe_sees_what_is_there_and_nothing_else() -> None:
    clean = np.random.default_rng(0).normal(size=(800, 20))
    touched = np.concatenate([clean[:200], clean[400:600]])
    assert probe_auroc(clean, touched) == pytest.approx(0.5, abs=0.1)
    assert probe_auroc(clean, touched + np.eye(20)[3]) == pytest.approx(auroc_at(1.0), abs=0.07)
    assert probe_auroc(clean, touched + 9 * np.eye(20)[3]) > 0.99


def bank(count: int, grey: int = 0) -> Bank:
    """Coloured drawings of a train split, the last `grey` without colour."""
    images = np.random.default_rng(1).integers(0, 256, (count, 12, 12, 3), np.uint8)
    images[count - grey :, ..., 1:] = images[count - grey :, ..., :1]
    return Bank(images, tuple(BaseImage(f"{i}.png", "pets", "", "train", "0" * 64) for i in range(count)))


def test_photographs_are_coloured() -> None:
    photos = photographs(bank(10, grey=4), 6, np.random.default_rng(0))
    assert photos.shape == (6, SIDE, SIDE, 3)
    assert np.ptp(photos, axis=3).mean((1, 2)).min() > calibrate.LEAST_COLOUR
    with pytest.raises(InputError, match="6 coloured images"):
        photographs(bank(10, grey=4), 7, np.random.default_rng(0))


@pytest.mark.parametrize("name", ["brightness", "varied_brightness"])
def test_a_family_is_measured_the_same_alone_and_beside_others(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for setting, less in (("SETS", 8), ("ROUNDS", 1), ("CAREFUL", 1), ("AMOUNTS", (0.1, 1.0))):
        monkeypatch.setattr(calibrate, setting, less)
    found = dict(calibrate.calibrate([name, "gamma"], bank(40), 10, seed=0))
    assert dict(calibrate.calibrate([name], bank(40), 10, seed=0))[name] == found[name]
    aurocs = [value for _, value in found[name].measured]
    assert aurocs[0] < aurocs[-1]


def test_curves_are_written_read_and_measured_again_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "curves.json"
    found = Calibration(REFERENCE_VERSION, 10, 0, {"gamma": curve([(0.2, 0.7), (1.0, 0.99)], (0.4, 0.86))})
    calibrate.write(found, out)
    assert [path.name for path in tmp_path.iterdir()] == ["curves.json"]
    assert calibrate.of(10, 0, out) == found
    assert calibrate.of(10, 0, None).curves == {}
    with pytest.raises(UsageError, match="calibrate all families together"):
        calibrate.of(11, 0, out)
    monkeypatch.setattr(calibrate, "CURVES", out)
    monkeypatch.setattr(calibrate, "_curves", calibrate._curves.__wrapped__)
    amounts = found.curves["gamma"].amounts
    assert amount_for("gamma", 0) == 0
    assert amount_for("gamma", 1) == 1
    assert amount_for("gamma", 0.45) == pytest.approx((amounts[4] + amounts[5]) / 2)
    assert amount_for("contrast", 0.45) == 0.45


def test_the_shipped_curves_fit_the_catalog() -> None:
    shipped = calibrate.of(250, 0, CURVES)
    assert set(shipped.curves) == set(EVERY)
    for name, found in shipped.curves.items():
        middle = None if found.middle is None else (found.amounts[5], found.middle)
        assert curve(found.measured, middle).amounts == pytest.approx(found.amounts, rel=0.01, abs=1e-3)
        assert (found.ceiling is None) == (found.middle is not None), name
        assert found.ceiling is None or found.ceiling < MIDDLE_AUROC


def test_half_strength_is_085_within_three_hundredths_wherever_that_is_in_reach() -> None:
    curves = calibrate.of(250, 0, CURVES).curves
    middles = {name: curve.middle for name, curve in curves.items() if curve.middle is not None}
    assert {name for name, middle in middles.items() if abs(middle - MIDDLE_AUROC) > FAR} == set()
    assert len(middles) >= 150
    assert FAR == 0.03
    ceilings = {name: curve.ceiling for name, curve in curves.items() if curve.middle is None}
    assert len(ceilings) == len(curves) - len(middles)
    assert all(ceiling is not None and 0.5 <= ceiling < MIDDLE_AUROC for ceiling in ceilings.values())


def test_reference_features_are_frozen(pictures: dict[str, Pixels]) -> None:
    """A failure means: raise REFERENCE_VERSION and calibrate again."""
    image = np.indices((128, 128)).sum(0).astype(np.uint8)
    features = reference_features(np.stack([np.stack([image, 255 - image, image // 2], axis=2)] * 2))
    assert features.shape == (2, 498) and features.dtype == np.float32
    assert np.array_equal(features[0], features[1])
    means = [float(part.mean()) for part in np.split(features[0], [192, 256, 320, 384, 400, 448])]
    assert REFERENCE_VERSION == "2"
    assert means == pytest.approx(FROZEN, rel=1e-3)
    assert np.isfinite(reference_features(pictures["coffee"][None])).all()
