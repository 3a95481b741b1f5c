"""The whole story with a scripted model that reads brightness: what is found, and when to stay silent."""

import hashlib
import re
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
from vlmdiff.findings import Report, Side
from vlmdiff.images.decode import Header
from vlmdiff.images.references import Reference
from vlmdiff.images.sets import LoadedSet, SetPair
from vlmdiff.models.lines import NO_DIFFERENCE
from vlmdiff.models.scripted import ScriptedModel
from vlmdiff.render import jsonout

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


def loaded(pixels: Pixels, side: Side, groups: list[str] | None = None) -> LoadedSet:
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
        groups=groups,
    )


def pair_of(a: Pixels, b: Pixels, in_a: list[str] | None = None, in_b: list[str] | None = None) -> SetPair:
    return SetPair(loaded(a, "a", in_a), loaded(b, "b", in_b), warnings=[], window=None)


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
    assert report.explained is not None and report.explained.share is not None
    assert report.explained.share.value > 0.5
    assert (report.images.a.judged, report.images.b.judged) == (12, 12)
    assert report.test.p_value <= 0.05
    assert (report.test.n_a, report.test.n_b) == (24, 24)
    assert report.model.name == "scripted"


def test_what_is_left_after_the_first_round_is_found_in_the_second() -> None:
    """B is darker and redder; the model says the redness only once most of the darkness is taken out."""
    redder = "the images are redder"

    def redness(rows: torch.Tensor) -> torch.Tensor:
        return rows[..., -3, 0] - rows[..., -3, 1:3].mean(-1)

    def says(rows: torch.Tensor) -> list[str]:
        is_b = brightness(rows) < 0 and redness(rows) > 0
        return [f"b: {DARKER if brightness(rows) < -1 else redder}\n" if is_b else NO_DIFFERENCE + "\n"]

    def judges(claim: str, rows: torch.Tensor) -> torch.Tensor:
        return 4 * (redness(rows) if claim == f"b: {redder}\n" else knows_dark_from_bright(claim, rows))

    rng = np.random.default_rng(1)
    tints = rng.normal(0, 8, (80, 1, 1, 1)) + np.repeat([0, 20], 40)[:, None, None, None]
    images = np.concatenate([noise(40, 140, 7), noise(40, 92, 8)]) + tints * [1, -0.5, -0.5]
    a, b = np.split(images.clip(0, 255).astype(np.uint8), 2)
    report = answer(pair_of(a, b), replace(MODEL, says=says, fits=judges, knows=(*MODEL.knows, redder)))
    found = {(f.text, f.round, f.verdict) for f in report.findings}
    assert found == {(DARKER, 1, "verified"), (redder, 2, "verified")}
    assert '"round": 2' in jsonout.dumps(report)


def test_what_the_model_was_never_taught_is_left_out_and_counted() -> None:
    """A small model that lacks words for what it sees goes on with some."""
    garbling = replace(MODEL, says=lambda rows: [f"b: {DARKER}\nb: the images show from wide wide ones\n"])
    report = answer(pair_of(BRIGHT, DARK), garbling)
    assert {finding.text for finding in report.findings} == {DARKER}
    assert any("2 of 4 sentences were left out that the model was never taught" in line for line in report.warnings)
    free = replace(garbling, knows=())
    assert "the images show from wide wide ones" in {one.text for one in answer(pair_of(BRIGHT, DARK), free).findings}


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
    assert (report.test.needed, report.test.needed_in_both) == (5, None)
    assert report.explained is None
    assert answer(pair_of(noise(5, 30, 1), noise(5, 220, 2)), MODEL).verdict == "different"


def test_as_many_hypotheses_are_tested_as_so_few_images_can_verify() -> None:
    """Three check images a side are set apart by one labeling in twenty: a second hypothesis would hide the first."""

    sharper = "the images are sharper"

    def says(rows: torch.Tensor) -> list[str]:
        return [f"b: {DARKER}\nb: {sharper}\n" if brightness(rows) < -0.5 else NO_DIFFERENCE + "\n"]

    talker = replace(MODEL, says=says, knows=(*MODEL.knows, sharper))
    report = answer(pair_of(noise(5, 220, 1), noise(5, 30, 2)), talker)
    assert told(report) == [("b", DARKER, "verified")]
    assert report.warnings == ["1 of 2 sentences were not tested: so few check images can verify no more than 1"]


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
    """In no round: what is judged is either all that was looked at, to see what is left, or nothing of it."""
    looked: list[Pixels] = []
    verifying: list[Pixels] = []
    again: list[Pixels] = []
    learned, scores, among = propose.METHODS["learned"], verify.scores, verify.scores_among

    def proposing(model: Any, look: propose.Look, rng: np.random.Generator) -> propose.Proposed:
        looked.extend((look.pixels_a, look.pixels_b))
        return learned(model, look, rng)

    def scoring(model: Any, said: Any, images: verify.Judged, pool: Any) -> NDArray[np.float32]:
        (again if images is pool else verifying).append(images.pixels)
        return scores(model, said, images, pool)

    def scoring_to_merge(model: Any, said: Any, pool: verify.Judged) -> NDArray[np.float32]:
        again.append(pool.pixels)
        return among(model, said, pool)

    monkeypatch.setitem(propose.METHODS, "learned", proposing)
    monkeypatch.setattr(verify, "scores", scoring)
    monkeypatch.setattr(verify, "scores_among", scoring_to_merge)
    report = answer(pair_of(BRIGHT, DARK), MODEL)

    def known(parts: Sequence[Pixels]) -> set[bytes]:
        return {image.tobytes() for part in parts for image in part}

    assert known(again) == known(looked)
    assert not known(looked) & known(verifying)
    assert len(known(looked)) == len(known(verifying)) == 24
    assert len(verifying) == 1, "the check images are opened once"
    assert report.findings[0].verdict == "verified"


def test_a_copy_is_no_further_evidence() -> None:
    """Three different images a side, seven times each, are as few as three."""
    report = answer(pair_of(np.tile(BRIGHT[:3], (7, 1, 1, 1)), np.tile(DARK[:3], (7, 1, 1, 1))), MODEL)
    assert report.verdict == "not enough images"
    assert (report.test.n_a, report.test.n_b) == (3, 3)
    assert report.images.a.read == 21
    with pytest.raises(InputError, match="set B: all images are copies of one"):
        answer(pair_of(BRIGHT, DARK[[0] * 9]), MODEL)


# Groups: images of one patient are alike.


def bursts(count: int, level: float, seed: int, spread: float = 30.0) -> Pixels:
    """Twelve bursts of `count` images, each with a colour of its own."""
    rng = np.random.default_rng(seed)
    levels = rng.normal(level, spread, (12, 1, 1, 3)).repeat(count, axis=0)
    return (levels + rng.normal(0, 10, (12 * count, SIDE, SIDE, 3))).clip(0, 255).astype(np.uint8)


def named(prefix: str, count: int) -> list[str]:
    return [f"{prefix}{i // count}" for i in range(12 * count)]


def test_alike_images_are_no_difference_once_their_groups_are_told() -> None:
    """Of eight pairs without a difference, most are called different as long as groups are not told."""
    pairs = [(bursts(4, 110, seed), bursts(4, 110, 50 + seed)) for seed in range(8)]
    untold = [answer(pair_of(a, b), MODEL) for a, b in pairs]
    grouped = [answer(pair_of(a, b, named("p", 4), named("q", 4)), MODEL) for a, b in pairs]
    assert sum(report.verdict == "different" for report in untold) >= 4
    assert sum(report.verdict == "different" for report in grouped) <= 1
    assert all((report.images.a.groups, report.images.groups_in_both) == (12, 0) for report in grouped)


def test_a_difference_between_groups_is_found() -> None:
    report = answer(pair_of(bursts(3, 150, 1, 10), bursts(3, 90, 2, 10), named("p", 3), named("q", 3)), MODEL)
    assert told(report) == [("b", DARKER, "verified")]
    assert report.findings[0].p_value == pytest.approx(1 / 924)
    assert "p1" not in report.model_dump_json() and "q1" not in report.model_dump_json()


def test_a_difference_within_groups_is_found_though_groups_differ_more() -> None:
    bright = bursts(2, 140, 4, 50)
    dark = (bright.astype(int) - 16).clip(0, 255).astype(np.uint8)
    model = replace(MODEL, says=lambda rows: [f"b: {DARKER}\n" if brightness(rows) < 0 else NO_DIFFERENCE + "\n"])
    report = answer(pair_of(bright, dark, named("p", 2), named("p", 2)), model)
    assert told(report)[0] == ("b", DARKER, "verified")
    assert report.images.groups_in_both == 12
    assert answer(pair_of(bright, dark), model).verdict == "no detectable difference"


@pytest.mark.parametrize("other", ["q", "p"])
def test_no_group_is_looked_at_and_checked(monkeypatch: pytest.MonkeyPatch, other: str) -> None:
    a, b = bursts(3, 150, 1, 10), bursts(3, 90, 2, 10)
    of = {
        image.tobytes(): group
        for images, prefix in ((a, "p"), (b, other))
        for image, group in zip(images, named(prefix, 3), strict=True)
    }
    rows_of: dict[bytes, str] = {}
    sees = MODEL.sees

    def seeing(images: Pixels) -> torch.Tensor:
        grids = sees(images)
        seen = grids.bfloat16().float()
        rows_of.update({grid.numpy().tobytes(): of[image.tobytes()] for grid, image in zip(seen, images, strict=True)})
        return grids

    used: dict[str, set[str]] = {"look": set(), "check": set()}
    scores, among = verify.scores, verify.scores_among

    def groups_in(rows: torch.Tensor) -> set[str]:
        return {rows_of[image[:-3].contiguous().numpy().tobytes()] for image in rows}

    def scoring(model: Any, said: Any, images: verify.Judged, pool: Any) -> NDArray[np.float32]:
        used["look" if images is pool else "check"] |= groups_in(images.rows)
        return scores(model, said, images, pool)

    def scoring_to_merge(model: Any, said: Any, pool: verify.Judged) -> NDArray[np.float32]:
        used["look"] |= groups_in(pool.rows)
        return among(model, said, pool)

    monkeypatch.setattr(verify, "scores", scoring)
    monkeypatch.setattr(verify, "scores_among", scoring_to_merge)
    answer(pair_of(a, b, named("p", 3), named(other, 3)), replace(MODEL, sees=seeing))
    assert not used["look"] & used["check"]
    assert len(used["look"]) == len(used["check"]) == len(set(of.values())) // 2


def test_few_groups_are_not_enough_however_many_images_they_hold() -> None:
    def verdict_of(groups: int, other: str) -> Report:
        a, b = bursts(4, 200, 1, 10)[: 4 * groups], bursts(4, 60, 2, 10)[: 4 * groups]
        return answer(pair_of(a, b, named("p", 4)[: 4 * groups], named(other, 4)[: 4 * groups]), MODEL)

    few = verdict_of(4, "q")
    assert few.verdict == "not enough images"
    assert few.warnings == ["at least 5 groups a set are needed at alpha 0.05, 9 if in both sets"]
    assert (few.test.needed, few.test.needed_in_both) == (5, 9)
    assert verdict_of(5, "q").verdict == "different"
    assert verdict_of(3, "p").verdict == "different", "labels of 4 + 4 images change inside a group"
    with pytest.raises(InputError, match=r"set A: all 4 images are of one group .*; at least 2 groups are needed"):
        verdict_of(1, "q")


def test_groups_of_one_image_change_nothing() -> None:
    plain = answer(pair_of(BRIGHT, DARK), MODEL).model_dump(exclude={"seconds", "images"})
    alone = answer(pair_of(BRIGHT, DARK, [*map(str, range(24))], [*map(str, range(24, 48))]), MODEL)
    assert alone.model_dump(exclude={"seconds", "images"}) == plain
    assert (alone.images.a.groups, alone.images.groups_in_both) == (24, 0)


def test_groups_told_of_one_set_leave_the_other_images_independent() -> None:
    report = answer(pair_of(BRIGHT, DARK, [f"p{i // 2}" for i in range(24)]), MODEL)
    assert (report.images.a.groups, report.images.b.groups, report.images.groups_in_both) == (12, None, 0)
    assert told(report) == [("b", DARKER, "verified")]


def test_tokens_are_those_of_this_report() -> None:
    first, again = (answer(pair_of(BRIGHT, DARK), MODEL).tokens for _ in range(2))
    assert first == again
    assert first is not None and first > 0
    assert answer(pair_of(noise(16, 110, 4), noise(16, 110, 104)), MODEL).tokens == 0, "nothing was said"


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
    assert set(found.pictures) == {*exemplars.a, *exemplars.b, *exemplars.against}
    assert all(picture.startswith(b"\x89PNG") for picture in found.pictures.values())
    assert (
        report.settings.items()
        >= {
            "method": "learned",
            "alpha": 0.05,
            "seed": 3,
            "judged_at_most": 500,
            "max_images": 20,
            "device": "auto",
            "show_names": False,
            "groups": None,
            "metadata": None,
            "window": "auto",
        }.items()
    )
    assert report.images.a.read == 20
    assert list(dict.fromkeys(stages)) == [
        "loading the model",
        "reading images",
        "looking at images",
        "testing for a difference",
        "putting it into words",
        "checking on other images",
        "looking where",
    ]
    assert set(report.seconds) >= {"load model", "read images", "features", "test", "propose", "verify", "pictures"}


def test_the_hash_of_a_set_is_of_its_files_whatever_they_are_called(folders: tuple[Path, Path]) -> None:
    """As `sha256sum A/* | cut -c 1-64 | sort | sha256sum` prints it."""
    before = run(*folders, max_images=20).report.images
    digests = sorted(hashlib.sha256(file.read_bytes()).hexdigest() for file in folders[0].iterdir())
    whole = hashlib.sha256("".join(f"{digest}\n" for digest in digests).encode()).hexdigest()
    for file in sorted(folders[0].iterdir()):
        file.rename(folders[0] / f"{99 - int(file.stem)}.png")
    after = run(*folders).report.images
    assert after.a.sha256 == whole != after.b.sha256
    assert before.a.sha256 != whole, "of what was read, which is less"


def test_metadata_are_joined_and_only_their_columns_named(folders: tuple[Path, Path]) -> None:
    """The scanner is the set: the finding holds, and may be the scanner."""
    lines = [f"{folder.name}/{i:02}.png,{folder.name}-jane,{i % 3}" for folder in folders for i in range(24)]
    table = folders[0].parent / "metadata.csv"
    table.write_text("\n".join(["path,scanner,reader", *lines]))
    report = run(*folders, metadata=table).report
    assert [(c.name, c.kind, c.separates, c.levels) for c in report.columns] == [
        ("scanner", "categorical", True, 2),
        ("reader", "categorical", False, 3),
    ]
    (finding,) = report.findings
    assert (finding.verdict, finding.confounded_by) == ("verified", "scanner")
    assert [(one.column, one.strata, one.p_value is None) for one in finding.within] == [
        ("scanner", 0, True),
        ("reader", 3, False),
    ]
    assert report.settings["metadata"] == ["scanner", "reader"]
    assert "jane" not in report.model_dump_json()


def test_groups_are_read_from_paths_and_kept_out_of_the_report(folders: tuple[Path, Path]) -> None:
    for folder in folders:
        for file in sorted(folder.iterdir()):
            file.rename(folder / f"{folder.name}-jane{int(file.stem) // 2:02}-{file.name}")
    found = run(*folders, groups=r"^(\w-jane\d+)")
    assert (found.report.images.a.groups, found.report.images.b.groups) == (12, 12)
    assert told(found.report) == [("b", DARKER, "verified")]
    assert found.report.settings["groups"] == r"^(\w-jane\d+)"
    assert not re.search(r"jane\d", found.report.model_dump_json())
    with pytest.raises(UsageError, match="is no regular expression"):
        run("nowhere", "nowhere", groups="(")


def test_the_package_function_is_the_report(folders: tuple[Path, Path]) -> None:
    assert told(describe_by_name(*folders)) == [("b", DARKER, "verified")]


def test_options_are_checked_before_anything_is_read() -> None:
    with pytest.raises(UsageError, match="method 'guess' is unknown; expected one of learned"):
        run("nowhere", "nowhere", method="guess")
    with pytest.raises(UsageError, match=r"alpha 5 is not between 0\.002 and 1"):
        run("nowhere", "nowhere", alpha=5)
