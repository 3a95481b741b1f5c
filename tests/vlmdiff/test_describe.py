"""The whole story with a scripted model that reads brightness: what is found, and when to stay silent."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from vlmdiff import describe as describe_by_name
from vlmdiff import models, propose, verify
from vlmdiff.describe import answer, run
from vlmdiff.errors import InputError, UsageError
from vlmdiff.findings import Hypothesis, Report, Side
from vlmdiff.images.decode import Header
from vlmdiff.images.sets import LoadedSet, SetPair
from vlmdiff.images.sources import Reference
from vlmdiff.models.lines import NO_DIFFERENCE
from vlmdiff.models.scripted import ScriptedModel

SIDE = 16
DARKER, BRIGHTER = "the images are darker", "the images are brighter"
Pixels = NDArray[np.uint8]


def brightness(rows: torch.Tensor) -> torch.Tensor:
    """How much brighter B is than A, standardised: from the row of the mean over the cells."""
    return rows[..., -3, :3].mean(-1)


def says_darker(rows: torch.Tensor) -> Sequence[str]:
    return [f"b: {DARKER}\n" if brightness(rows) < -0.5 else NO_DIFFERENCE + "\n"]


def knows_dark_from_bright(claim: str, rows: torch.Tensor) -> torch.Tensor:
    return brightness(rows) * {f"b: {DARKER}\n": -1, f"b: {BRIGHTER}\n": 1}.get(claim, 0)


def judges_by_chance(claim: str, rows: torch.Tensor) -> torch.Tensor:
    """Numbers that follow from the image but mean nothing."""
    return (rows.flatten(1).sum(1) * 12345.678).frac()


MODEL = ScriptedModel(says=says_darker, fits=knows_dark_from_bright, knows=(DARKER, BRIGHTER), image_size=SIDE)


def noise(count: int, level: float, seed: int) -> Pixels:
    """Noisy images around a grey level that itself varies from image to image."""
    rng = np.random.default_rng(seed)
    levels = rng.normal(level, 10, (count, 1, 1, 1)) + rng.normal(0, 20, (count, SIDE, SIDE, 3))
    return levels.clip(0, 255).astype(np.uint8)


def loaded(pixels: Pixels, side: Side) -> LoadedSet:
    ids = [f"{side.upper()}-{i:04}" for i in range(1, len(pixels) + 1)]
    return LoadedSet(
        side=side,
        ids=ids,
        pixels=pixels,
        skipped=[],
        digests=[hashlib.sha256(image.tobytes()).hexdigest() for image in pixels],
        headers=[Header("PNG", SIDE, SIDE, high_depth=False)] * len(pixels),
        references=[Reference(name, name, Path(name)) for name in ids],
        window=None,
    )


def pair_of(a: Pixels, b: Pixels) -> SetPair:
    return SetPair(loaded(a, "a"), loaded(b, "b"), warnings=[], window=None)


def told(report: Report) -> list[tuple[str, str, str]]:
    return [(f.side, f.text, f.verdict) for f in report.findings]


BRIGHT, DARK = noise(24, 130, seed=1), noise(24, 95, seed=2)


def test_a_real_difference_is_found_and_verified() -> None:
    report = answer(pair_of(BRIGHT, DARK), MODEL)
    assert report.verdict == "different"
    assert told(report) == [("b", DARKER, "verified")]
    (finding,) = report.findings
    assert finding.auroc > 0.9
    assert finding.votes == 1
    assert finding.rate_b > finding.rate_a
    assert report.test.p_value <= 0.05
    assert (report.test.n_a, report.test.n_b) == (24, 24)
    assert report.model.name == "scripted"


def test_swapped_sides_swap_the_finding() -> None:
    report = answer(pair_of(DARK, BRIGHT), MODEL)
    assert told(report) == [("a", DARKER, "verified")]
    assert report.findings[0].rate_a > report.findings[0].rate_b


def test_a_difference_said_of_the_wrong_side_is_not_verified() -> None:
    def says(rows: torch.Tensor) -> Sequence[str]:
        return [f"b: {DARKER}\n" if brightness(rows) > 0.5 else NO_DIFFERENCE + "\n"]

    liar = replace(MODEL, says=says)
    report = answer(pair_of(BRIGHT, DARK), liar)
    assert told(report) == [("a", DARKER, "unverified")]
    assert report.findings[0].auroc < 0.1


def test_sets_of_one_kind_have_no_detectable_difference() -> None:
    """A level of 0.05 lets about one in twenty through; of twelve, three or more have a chance of two in a hundred."""
    reports = [answer(pair_of(noise(16, 110, seed), noise(16, 110, 100 + seed)), MODEL) for seed in range(12)]
    silent = [r for r in reports if r.verdict == "no detectable difference"]
    assert len(silent) >= 10
    assert all(r.findings == [] for r in silent)
    assert all(0.5 < r.test.smallest_detectable_auroc < 1 for r in silent)


def test_few_images_are_not_enough_however_different_they_are() -> None:
    report = answer(pair_of(noise(4, 30, 1), noise(4, 220, 2)), MODEL)
    assert report.verdict == "not enough images"
    assert report.findings == []
    assert report.warnings == ["at least 5 different images a set are needed at alpha 0.05"]
    assert answer(pair_of(noise(5, 30, 1), noise(5, 220, 2)), MODEL).verdict == "different"


def test_the_seed_decides_all_chance() -> None:
    def without_times(seed: int) -> dict[str, Any]:
        return answer(pair_of(BRIGHT, noise(24, 122, 3)), MODEL, seed=seed).model_dump(exclude={"seconds"})

    assert without_times(5) == without_times(5)
    assert without_times(5) != without_times(6)


@pytest.mark.parametrize("text", ["zzz ??? \x00", "", "b: colourless green ideas", "a: b: a: b:", "c: no such set"])
def test_nonsense_verifies_nothing(text: str) -> None:
    model = replace(MODEL, says=lambda rows: [text], fits=judges_by_chance)
    report = answer(pair_of(BRIGHT, DARK), model)
    assert report.verdict == "different", "the test does not depend on what the model says"
    assert not [f for f in report.findings if f.verdict == "verified"]


def test_what_was_looked_at_never_verifies(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[torch.Tensor] = []
    scored: list[torch.Tensor] = []
    merging: list[torch.Tensor] = []
    learned, scores, among = propose.METHODS["learned"], verify.scores, verify.scores_among

    def proposing(model: Any, a: torch.Tensor, b: torch.Tensor, rng: np.random.Generator) -> list[Hypothesis]:
        looked.extend((a, b))
        return learned(model, a, b, rng)

    def scoring(model: Any, said: Any, images: torch.Tensor, pool: Any) -> NDArray[np.float32]:
        scored.append(images)
        return scores(model, said, images, pool)

    def scoring_to_merge(model: Any, said: Any, images: torch.Tensor, pool: Any) -> NDArray[np.float32]:
        merging.append(images)
        return among(model, said, images, pool)

    monkeypatch.setitem(propose.METHODS, "learned", proposing)
    monkeypatch.setattr(verify, "scores", scoring)
    monkeypatch.setattr(verify, "scores_among", scoring_to_merge)
    report = answer(pair_of(BRIGHT, DARK), MODEL)

    def known(parts: Sequence[torch.Tensor]) -> set[bytes]:
        return {image.numpy().tobytes() for part in parts for image in part}

    assert known(merging) == known(looked)
    assert not known(looked) & known(scored)
    assert len(known(looked)) == len(known(scored)) == 24
    assert report.findings[0].verdict == "verified"


def test_a_copy_is_no_further_evidence() -> None:
    """Three different images a side, seven times each, are as few as three."""
    report = answer(pair_of(np.tile(BRIGHT[:3], (7, 1, 1, 1)), np.tile(DARK[:3], (7, 1, 1, 1))), MODEL)
    assert report.verdict == "not enough images"
    assert (report.test.n_a, report.test.n_b) == (3, 3)
    assert report.images.a.read == 21
    with pytest.raises(InputError, match="set B: all images are copies of one"):
        answer(pair_of(BRIGHT, DARK[[0] * 9]), MODEL)


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Bright and dark PNG files in a/ and b/, read by the scripted model."""
    for name, images in (("a", BRIGHT), ("b", DARK)):
        (tmp_path / name).mkdir()
        for i, image in enumerate(images):
            Image.fromarray(image).save(tmp_path / name / f"{i:02}.png")
    monkeypatch.setattr(models, "load", lambda name, adapter, device: MODEL)
    return tmp_path / "a", tmp_path / "b"


def test_files_in_a_report_and_its_pictures_out(folders: tuple[Path, Path]) -> None:
    stages: list[str] = []
    found = run(*folders, max_images=20, seed=3, progress=lambda stage, done, total: stages.append(stage))
    report = found.report
    assert told(report) == [("b", DARKER, "verified")]
    exemplars = report.findings[0].exemplars
    assert set(found.pictures) == {*exemplars.a, *exemplars.b}
    assert all(picture.startswith(b"\x89PNG") for picture in found.pictures.values())
    assert report.settings == {
        "method": "learned",
        "alpha": 0.05,
        "seed": 3,
        "max_images": 20,
        "device": "auto",
        "show_names": False,
    }
    assert report.images.a.read == 20
    assert list(dict.fromkeys(stages)) == [
        "loading the model",
        "reading images",
        "looking at images",
        "testing for a difference",
        "putting it into words",
        "checking on other images",
    ]
    assert set(report.seconds) >= {"load model", "read images", "features", "test", "propose", "verify", "pictures"}


def test_the_package_function_is_the_report(folders: tuple[Path, Path]) -> None:
    assert told(describe_by_name(*folders)) == [("b", DARKER, "verified")]


def test_options_are_checked_before_anything_is_read() -> None:
    with pytest.raises(UsageError, match="method 'guess' is unknown; expected one of learned"):
        run("nowhere", "nowhere", method="guess")
    with pytest.raises(UsageError, match="alpha 5 is not between 0 and 1"):
        run("nowhere", "nowhere", alpha=5)
