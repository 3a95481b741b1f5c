"""A person's own sentence: both directions, words that were never taught, and what the p-value is worth."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from vlmdiff.claim import answer, checked, nearest, run, sided, understood
from vlmdiff.errors import UsageError
from vlmdiff.findings import Side
from vlmdiff.images.decode import Header
from vlmdiff.images.references import Reference
from vlmdiff.images.sets import LoadedSet, SetPair
from vlmdiff.metadata import Table
from vlmdiff.models.lines import line
from vlmdiff.models.scripted import ScriptedModel
from vlmdiff.render import folder, terminal, wording

SIDE = 16
DARKER, BRIGHTER = "the images are darker", "the images are brighter"
SAYS = {line("b", DARKER): -1.0, line("b", BRIGHTER): 1.0}


def knows_dark_from_bright(claim: str, rows: torch.Tensor) -> torch.Tensor:
    return rows[..., -3, :3].mean(-1) * SAYS.get(claim, 0.0)


def answers_anything(claim: str, rows: torch.Tensor) -> torch.Tensor:
    """As sure of words that it was never taught as of "darker"."""
    return -rows[..., -3, :3].mean(-1) * (claim.startswith("b: ") and claim != line("b", BRIGHTER))


MODEL = ScriptedModel(says=lambda rows: [""], fits=knows_dark_from_bright, knows=(DARKER, BRIGHTER), image_size=SIDE)


def noise(count: int, level: float, seed: int) -> NDArray[np.uint8]:
    rng = np.random.default_rng(seed)
    levels = rng.normal(level, 10, (count, 1, 1, 1)) + rng.normal(0, 20, (count, SIDE, SIDE, 3))
    return levels.clip(0, 255).astype(np.uint8)


def loaded(pixels: NDArray[np.uint8], side: Side) -> LoadedSet:
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


def pair(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> SetPair:
    return SetPair(loaded(a, "a"), loaded(b, "b"), warnings=[], window=None)


BRIGHT, DARK = noise(12, 130, seed=1), noise(12, 95, seed=2)


def test_without_a_side_the_claim_is_told_of_the_set_that_it_fits() -> None:
    for images, side in ((pair(BRIGHT, DARK), "b"), (pair(DARK, BRIGHT), "a")):
        report = answer(DARKER, images, MODEL)
        (finding,) = report.findings
        assert (finding.side, finding.verdict) == (side, "verified")
        assert finding.auroc > 0.9
        assert finding.where == "everywhere" and finding.heat == {}  # every cell is as bright
        assert report.claim is not None
        assert (report.claim.side, report.claim.judge, report.claim.nearest) == (None, "taught", [])


def test_a_named_side_is_tested_one_sided_and_the_other_is_not_verified() -> None:
    images = pair(noise(12, 112, seed=3), noise(12, 105, seed=4))
    either, named = answer(DARKER, images, MODEL).findings[0], answer(DARKER, images, MODEL, side="b").findings[0]
    assert either.side == "b" and either.p_value == pytest.approx(2 * named.p_value)
    (wrong,) = answer(DARKER, pair(BRIGHT, DARK), MODEL, side="a").findings
    assert (wrong.side, wrong.verdict) == ("a", "unverified")
    assert wrong.auroc < 0.1 and wrong.p_value > 0.95


def test_what_a_claim_that_is_not_verified_may_still_be() -> None:
    wrong, right = (answer(DARKER, pair(BRIGHT, DARK), MODEL, side=side) for side in ("a", "b"))
    (note,) = [note for note in wording.claim_notes(wrong) if "four times in five" in note]
    assert "With the 12 + 12 images that the judge read a claim that the judge ranks with an AUROC of 0.7" in note
    assert not [note for note in wording.claim_notes(right) if "four times in five" in note]
    either = answer(DARKER, pair(BRIGHT, BRIGHT[::-1] // 2 + 60), MODEL)
    of_either, of_one = (report.claim and report.claim.smallest_detectable_auroc for report in (either, wrong))
    assert of_either and of_one and of_either > of_one, "two sides are tried"


def test_every_image_checks_it_and_labels_do_not_enter_the_scores() -> None:
    report = answer(DARKER, pair(BRIGHT, DARK), MODEL, side="b")
    assert (report.images.a.judged, report.images.b.judged) == (12, 12)
    swapped = answer(DARKER, pair(DARK, BRIGHT), MODEL, side="b")
    assert swapped.findings[0].auroc == pytest.approx(1 - report.findings[0].auroc)


def test_of_sets_of_one_kind_about_one_in_twenty_is_verified() -> None:
    """Two-sided at .05 over 60 pairs: three expected, ten or more have a chance of one in a thousand."""
    found = [
        answer(DARKER, pair(noise(8, 110, seed), noise(8, 110, 1000 + seed)), MODEL).findings[0] for seed in range(60)
    ]
    assert sum(finding.p_value <= 0.05 for finding in found) < 10
    assert {finding.side for finding in found} == {"a", "b"}


def test_words_that_were_never_taught_verify_nothing() -> None:
    sure = replace(MODEL, fits=answers_anything)
    report = answer("the lesions are darker at their border", pair(BRIGHT, DARK), sure)
    (finding,) = report.findings
    assert finding.p_value < 0.01, "the judge's scores do separate the sets"
    assert finding.verdict == "unverified" and finding.where is None
    assert report.claim is not None and report.claim.judge == "untaught"
    assert report.claim.nearest == [DARKER]


def test_too_few_images_for_two_sides_may_do_for_one() -> None:
    """Three and three have 20 labelings: .05 is within reach one-sided, .1 is the least two-sided."""
    few = pair(noise(3, 200, 1), noise(3, 30, 2))
    assert answer(DARKER, few, MODEL).findings == []
    assert answer(DARKER, few, MODEL, side="b").findings[0].verdict == "verified"


@pytest.mark.parametrize("said", [DARKER, "The images are darker", "darker", "THE IMAGES ARE DARKER"])
def test_known_claims_are_found_however_they_are_written(said: str) -> None:
    assert understood(said, MODEL) == (DARKER, "taught")


def test_a_model_that_can_be_asked_is_asked() -> None:
    chat = replace(MODEL, skills=frozenset({"tokens", "chat"}))
    assert understood("a dog is on the sofa", chat) == ("a dog is on the sofa", "asked")
    assert understood("a dog is on the sofa", MODEL) == ("a dog is on the sofa", "untaught")
    assert understood("darker", replace(MODEL, skills=frozenset({"chat"}))) == ("darker", "asked")


def test_the_nearest_claims_share_rare_words_and_are_of_different_families() -> None:
    claims = {
        "shape": [f"the images have a huge {c} circle at the {p}" for c in ("red", "blue") for p in ("top", "bottom")],
        "blur": ["the images are blurrier"],
        "frame": ["the images have a black frame", "the images have a red frame"],
        "rain": ["the images have rain streaks"],
    }
    assert nearest("there is a red circle", claims)[0].startswith("the images have a huge red circle")
    assert nearest("pictures with frames", claims)[0] in claims["frame"]
    assert nearest("everything is blurred", claims) == ["the images are blurrier"]
    assert nearest("the lesions have an irregular outline", claims) == []
    assert nearest("noisy scans", {"noise": ["the images are noisier"]}) == ["the images are noisier"]


@pytest.mark.parametrize(
    "said", ["images are darker", "Darker.", "the photos look darker", "all the pictures are darker"]
)
def test_who_is_spoken_of_does_not_matter(said: str) -> None:
    assert understood(checked(said), MODEL) == (DARKER, "taught")
    assert understood("the images are dark", MODEL)[1] == "untaught", "darker than what?"


def test_a_claim_may_name_its_set() -> None:
    assert sided("B is darker", None) == sided("set b is darker", "b") == (DARKER, "b")
    assert sided("A shows a ruler", None) == ("the images show a ruler", "a")
    assert sided("a ruler is at the bottom", None) == ("a ruler is at the bottom", None)
    with pytest.raises(UsageError, match=r"'B is darker' is of B, --side of A; say one of them"):
        sided("B is darker", "a")


def test_claims_are_put_on_one_line() -> None:
    assert checked("  the images\n are darker. ") == DARKER


@pytest.mark.parametrize("claim", ["", " ... ", "x" * 301])
def test_what_is_no_claim_is_refused(claim: str) -> None:
    with pytest.raises(UsageError, match="such as 'the images are darker'"):
        checked(claim)


def test_folders_in_and_a_report_with_pictures_out(tmp_path: Path) -> None:
    for name, images in (("a", BRIGHT), ("b", DARK)):
        (tmp_path / name).mkdir()
        for i, image in enumerate(images):
            Image.fromarray(image).save(tmp_path / name / f"{i}.png")
    done = run("darker.", tmp_path / "a", tmp_path / "b", model=MODEL, seed=3)
    assert done.report.findings[0].verdict == "verified"
    assert done.report.settings["claim"] == "darker" and done.report.settings["seed"] == 3
    exemplars = done.report.findings[0].exemplars
    assert set(done.pictures) == {*exemplars.a, *exemplars.b, *exemplars.against}
    assert "verify" in done.report.seconds and done.report.tokens


def test_a_claim_is_tested_among_images_alike_in_metadata(tmp_path: Path) -> None:
    """The scanner is the set, the reader is not."""
    lines = ["path,scanner,reader"]
    for name, images in (("a", BRIGHT), ("b", DARK)):
        (tmp_path / name).mkdir()
        for i, image in enumerate(images):
            Image.fromarray(image).save(tmp_path / name / f"{i}.png")
            lines.append(f"{name}/{i}.png,{name}-jane,{i % 3}")
    table = tmp_path / "metadata.csv"
    table.write_text("\n".join(lines))
    report = run(DARKER, tmp_path / "a", tmp_path / "b", model=MODEL, metadata=table).report
    (finding,) = report.findings
    assert (finding.verdict, finding.confounded_by) == ("verified", "scanner")
    assert [(column.name, column.separates) for column in report.columns] == [("scanner", True), ("reader", False)]
    assert report.settings["metadata"] == ["scanner", "reader"]
    said = [terminal.text(report).plain, *folder.texts(report, {}).values()]
    assert all("scanner" in text for text in said)
    assert "fits B better than A (confounded with scanner)" in said[0]
    assert not any("jane" in text for text in said)


def test_without_a_side_p_among_alike_images_is_doubled() -> None:
    table = Table(("scanner",))
    sets = pair(noise(12, 112, seed=3), noise(12, 100, seed=4))
    told = [replace(r, cells={"scanner": str(i % 2)}) for i, r in enumerate(sets.a.references)]
    sets = replace(sets, a=replace(sets.a, references=told), b=replace(sets.b, references=told))
    either, named = (answer(DARKER, sets, MODEL, side=side, alpha=0.2, metadata=table) for side in (None, "b"))
    (two,), (one,) = either.findings[0].within, named.findings[0].within
    assert one.p_value is not None and two.p_value is not None
    assert two.p_value == pytest.approx(2 * one.p_value, rel=0.2), "random labelings"
