"""The strength scale: curves inverted by hand, the probe on made-up features, and the curves that are shipped."""

from __future__ import annotations

import json
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
    LEAST_AMOUNTS,
    LEAST_AMOUNTS_OF_GROUP,
    MIDDLE,
    amount_for,
    curve,
    distance,
    photographs,
    probe_auroc,
)
from data_synth.catalog import FAMILIES
from data_synth.family import Pixels
from data_synth.reference import REFERENCE_VERSION, reference_features
from data_synth.sources import Bank, BaseImage
from vlmdiff.errors import InputError


def auroc_at(d: float) -> float:
    return NormalDist().cdf(d / 2**0.5)


def test_distance_by_hand() -> None:
    assert distance(0.5) == distance(0.3) == 0
    assert distance(auroc_at(1.3)) == pytest.approx(1.3)
    assert pytest.approx(1.4657, abs=1e-4) == MIDDLE
    assert distance(1.0) < 5


def test_even_growth_to_twice_the_middle_gives_the_strength_itself() -> None:
    found = curve(AMOUNTS, [auroc_at(2.001 * MIDDLE * amount) for amount in AMOUNTS])
    assert found.amounts == pytest.approx(np.linspace(0, 1, 11), abs=1e-3)
    assert found.ceiling is None and not found.clamped


def test_half_strength_is_where_the_auroc_is_085() -> None:
    found = curve([0.2, 0.4, 1.0], [0.7, 0.85, 0.99])
    assert found.amounts[5] == pytest.approx(0.4, abs=1e-3)
    assert found.amounts[4] == pytest.approx(
        0.2 + 0.2 * (0.8 * MIDDLE - distance(0.7)) / (MIDDLE - distance(0.7)), abs=1e-3
    )
    assert found.ceiling is None


def test_a_fall_is_averaged_away() -> None:
    assert curve([0.2, 0.4, 1.0], [0.8, 0.7, 0.99]) == curve([0.2, 0.4, 1.0], [0.75, 0.75, 0.99])


def test_a_low_ceiling_is_reached_evenly_at_amount_one() -> None:
    found = curve([0.5, 1.0], [auroc_at(0.4), auroc_at(0.8)])
    assert found.amounts == pytest.approx(np.linspace(0, 1, 11), abs=1e-3)
    assert found.ceiling == pytest.approx(auroc_at(0.8), abs=1e-3)


def test_a_ceiling_between_keeps_the_meaning_of_half() -> None:
    found = curve([0.4, 0.6, 1.0], [0.85, 0.9, 0.92])
    assert found.amounts[5] == pytest.approx(0.4, abs=1e-3)
    assert found.amounts[10] == 1
    assert found.ceiling == 0.92


def test_what_a_probe_sees_at_once_is_raised_to_what_an_eye_sees() -> None:
    found = curve([0.05], [1.0])
    assert found.amounts[:6] == pytest.approx(np.linspace(0, 0.2, 6))
    assert found.amounts[5:] == pytest.approx(np.linspace(0.2, 0.6, 6))
    assert found.clamped


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_every_curve_starts_at_nothing_and_never_falls(aurocs: list[float]) -> None:
    amounts = curve(AMOUNTS[: len(aurocs)], aurocs).amounts
    assert len(amounts) == 11 and amounts[0] == 0
    assert (np.diff(amounts) >= 0).all()
    assert amounts[5] >= 0.2 and 0.6 <= amounts[10] <= 1


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
    assert photos.shape == (6, 128, 128, 3)
    assert np.ptp(photos, axis=3).mean((1, 2)).min() > calibrate.LEAST_COLOUR
    with pytest.raises(InputError, match="6 coloured images"):
        photographs(bank(10, grey=4), 7, np.random.default_rng(0))


def test_a_run_is_written_and_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photos = photographs(bank(32), 32, np.random.default_rng(0))
    found = calibrate.calibrate({"brightness": FAMILIES["brightness"]}, photos, seed=0)
    assert found == calibrate.calibrate({"brightness": FAMILIES["brightness"]}, photos, seed=0)
    assert found.images == 8
    assert found.auroc["brightness"]["auroc"][0] < found.auroc["brightness"]["auroc"][-1]
    out = tmp_path / "curves.json"
    calibrate.write(found, out)
    assert [path.name for path in tmp_path.iterdir()] == ["curves.json"]
    monkeypatch.setattr(calibrate, "CURVES", out)
    monkeypatch.setattr(calibrate, "_curves", calibrate._curves.__wrapped__)
    amounts = found.amounts["brightness"]
    assert amount_for("brightness", 0) == 0
    assert amount_for("brightness", 1) == amounts[10]
    assert amount_for("brightness", 0.45) == pytest.approx((amounts[4] + amounts[5]) / 2)
    assert amount_for("contrast", 0.45) == 0.45


def test_the_shipped_curves_fit_the_catalog() -> None:
    shipped = json.loads(CURVES.read_text())
    assert shipped["reference_version"] == REFERENCE_VERSION
    assert set(shipped["amounts"]) == set(shipped["auroc"]) == set(FAMILIES)
    for name, family in FAMILIES.items():
        least = LEAST_AMOUNTS_OF_GROUP.get(family.group, LEAST_AMOUNTS)
        found = curve(shipped["auroc"][name]["amount"], shipped["auroc"][name]["auroc"], least)
        assert shipped["amounts"][name] == found.amounts
        assert shipped["ceiling"].get(name) == found.ceiling
        assert (name in shipped["clamped"]) == found.clamped


def test_reference_features_are_frozen(pictures: dict[str, Pixels]) -> None:
    """A failure means: raise REFERENCE_VERSION and calibrate again."""
    image = np.indices((128, 128)).sum(0).astype(np.uint8)
    features = reference_features(np.stack([np.stack([image, 255 - image, image // 2], axis=2)] * 2))
    assert features.shape == (2, 498) and features.dtype == np.float32
    assert np.array_equal(features[0], features[1])
    means = [float(part.mean()) for part in np.split(features[0], [192, 256, 320, 384, 400, 448])]
    assert REFERENCE_VERSION == "1"
    assert means == pytest.approx([142.4675, 1.5342, 0.2216, 0.3231, 0.3162, 0.0759, 0.1734], rel=1e-3)
    assert np.isfinite(reference_features(pictures["coffee"][None])).all()
