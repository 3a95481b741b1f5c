"""real-easy: labelled sets from the folder of sample images, with what a person would say of them."""

from pathlib import Path

import pytest

from data_synth.sources import Bank
from eval import reports
from eval.medical.manifest import SHIPPED, read_all
from eval.medical.suite import RealSuite
from eval.real import open_real_easy
from tests.eval import fakes, releases
from vlmdiff.errors import InputError, UsageError

EASY = [manifest for manifest in read_all([SHIPPED]) if any(one.suite == "real-easy" for one in manifest.comparisons)]


def test_every_kind_of_everyday_image_has_a_comparison() -> None:
    names = {manifest.name for manifest in EASY}
    assert {"cats_dogs", "day_night", "weather", "dtd_textures", "imagenet_samples", "medical_modalities"} <= names


def test_cases_of_a_small_folder(tmp_path: Path) -> None:
    for number in range(34):
        for kind in ("cat", "dog"):
            releases.picture(tmp_path / "cats_dogs" / kind / f"{kind}.{number}.jpg", number + 100 * (kind == "dog"))
    suite = open_real_easy(tmp_path).resolved(Bank.drawn_only(), None)
    assert sorted(plan.kind for plan in suite.plans) == ["known"] + ["null"] * 4
    (known,) = (index for index, plan in enumerate(suite.plans) if plan.kind == "known")
    case = suite.case(known, Bank.drawn_only())
    assert {one.text for one in case.truth.known} == {"the images show cats", "the images show dogs"}
    assert len(case.images_a) == len(case.images_b) == 34 and case.groups is None
    assert len(suite.absent) == len(EASY) - 1


def test_reports_of_what_is_known(tmp_path: Path) -> None:
    for number in range(34):
        for kind in ("cat", "dog"):
            releases.picture(tmp_path / "cats_dogs" / kind / f"{kind}.{number}.jpg", number + 100 * (kind == "dog"))
    suite = open_real_easy(tmp_path).resolved(Bank.drawn_only(), None)
    assert isinstance(suite, RealSuite)
    ((name, page),) = reports.pages(suite, Bank.drawn_only(), fakes.Blurry())
    assert name == "cats-dogs-cats-against-dogs.md"
    assert "the images show cats (plain to see)" in page and "# " in page.split("---")[1]
    assert "cat.0" not in page


def test_it_needs_a_folder_with_data_sets(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--data DIR"):
        open_real_easy(None)
    with pytest.raises(InputError, match="no folder cats_dogs"):
        open_real_easy(tmp_path)


def test_on_the_sample_images(shared_data: Path) -> None:
    opened = open_real_easy(shared_data)
    there = {manifest.name for manifest, _ in opened.sets}
    if not {"cats_dogs", "weather"} <= there:
        pytest.skip("the sample images are others")
    few = tuple(one for one in opened.sets if one[0].name in ("cats_dogs", "weather"))
    suite = type(opened)(opened.name, few, (), opened.kinds, opened.seed).resolved(Bank.drawn_only(), None)
    assert sum(plan.kind == "known" for plan in suite.plans) == 4 and not suite.skipped
    case = suite.case(0, Bank.drawn_only())
    assert len(case.images_a) == len(case.images_b) == 64
