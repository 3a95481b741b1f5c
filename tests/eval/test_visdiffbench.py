"""VisDiffBench on a miniature tree with the release's layout: 4 pairs from the web, 2 styles of ImageNet's classes."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data_synth.sources import Bank
from eval.cases import Case, Known
from eval.judge import PARSER, best_grade
from eval.labels import Grade
from eval.runs import complete, identity, one_by_one
from eval.suites import digest, open_suite
from eval.visdiffbench import Accuracy, VisDiffBench, accuracy_at, visdiffbench
from tests.eval import fakes
from vlmdiff.errors import InputError, UsageError
from vlmdiff.models.card import PREFIX, RunCard

BANK = Bank.drawn_only()
TEXTS = Path(__file__).parents[3] / "shared" / "data" / "visdiffbench_text"
WEB = {
    "easy/1": ("Dogs playing in a park", "Cats playing in a park", "Animal species (Dogs vs Cats)"),
    "easy/2": ("Snow-covered mountains", "Desert sand dunes", "Landscape (Mountains vs Desert)"),
    "medium/1": ("SUVs on a road", "Sedans on a road", "Vehicle design (SUVs vs Sedans)"),
    "hard/1": ("Men wearing suits", "Men wearing tuxedos", "Formal attire type (Suit vs Tuxedo)"),
}
SHIFTED = {"easy": "easy", "medium": "easy", "hard": "medium"}
"""What the released column says of each folder."""
LISTED = 4
"""Images a set; 100 in the release."""


def picture(file: Path, shade: int, size: tuple[int, int] = (24, 18)) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((size[1], size[0], 3), shade, np.uint8)).save(file, format="JPEG")
    return file


def write_csv(file: Path, header: str, rows: Iterable[tuple[str, ...]]) -> None:
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(header.split(","))
        writer.writerows(rows)


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """A folder as a user has it who unpacked the archive beside the CSVs of the repository."""
    rows = []
    for number, (name, (first, second, difference)) in enumerate(WEB.items()):
        for side, group in (("a", first), ("b", second)):
            for image in range(1, LISTED + 1):
                place = f"VisDiffBench/{name}_{side}/{image:06d}.jpg"
                picture(tmp_path / place, 20 * number + 4 * image + 100 * (side == "b"))
                rows.append((f"./data/{place}", group, difference, SHIFTED[name.partition("/")[0]]))
    write_csv(tmp_path / "PairedImageSets.csv", "path,group_name,difference,difficulty", rows)
    styles = []
    for number, group in enumerate(("tattoo", "imagenet", "misc")):
        for image in range(LISTED):
            place = f"VisDiffBench/imagenetr/{group}/n0441_{group}_{image}.jpg"
            if group != "misc":  # which the archive lacks
                picture(tmp_path / place, 30 * number + image)
            styles.append((f"./data/{place}", group, "schooner"))
    write_csv(tmp_path / "ImageNetR.csv", "path,group_name,target", styles)
    star = []
    for group in ("in the forest", "base"):
        for image in range(LISTED):
            place = f"VisDiffBench/imagenetstar/{group.replace(' ', '_')}/n0373_{image}.jpg"
            picture(tmp_path / place, 150 + 40 * (group == "base") + image)
            star.append((f"./data/{place}", group))
    write_csv(tmp_path / "ImageNetStar.csv", "path,group_name", star)
    return tmp_path


def cases(suite: VisDiffBench) -> dict[str, Case]:
    return {pair.name: suite.case(index, BANK) for index, pair in enumerate(suite.listed)}


def test_every_pair_is_read_and_difficulties_take_turns(release: Path) -> None:
    suite = visdiffbench(release)
    names = ["easy/1", "medium/1", "hard/1", "imagenetr/tattoo", "imagenetstar/in the forest", "easy/2"]
    assert [pair.name for pair in suite.listed] == names and suite.left_out == ()
    assert open_suite("visdiffbench", release) == suite
    assert suite.first(2).pairs == 2 and suite.pairs == 6


def test_difficulty_is_the_folders_not_the_columns(release: Path) -> None:
    assert {name: case.truth.condition for name, case in cases(visdiffbench(release)).items()} == {
        "easy/1": "easy",
        "easy/2": "easy",
        "medium/1": "medium",  # the column says easy
        "hard/1": "hard",  # the column says medium
        "imagenetr/tattoo": "imagenetr",
        "imagenetstar/in the forest": "imagenetstar",
    }


def test_known_is_what_each_set_shows_on_the_side_where_it_is(release: Path) -> None:
    of = cases(visdiffbench(release))
    for name, (first, second, difference) in WEB.items():
        case = of[name]
        by_text = {known.text: known for known in case.truth.known}
        assert set(by_text) == {first, second}
        assert {known.source for known in case.truth.known} == {f"VisDiffBench {name}: {difference}"}
        images = {"a": case.images_a, "b": case.images_b}
        # Set b of every pair was painted 100 levels brighter.
        assert np.mean(images[by_text[second].side]) > np.mean(images[by_text[first].side]) + 80
    (style,) = of["imagenetr/tattoo"].truth.known
    assert style.text == "tattoo", "that the others are plain photographs is no description of them"


def test_coins_are_fixed_and_fall_on_both_sides(release: Path) -> None:
    sides = [pair.first_is for pair in visdiffbench(release).listed]
    assert sides == [pair.first_is for pair in visdiffbench(release).listed]
    assert set(sides) == {"a", "b"}


def test_missing_images_are_counted_and_shown(release: Path) -> None:
    (release / "VisDiffBench/easy/1_a/000002.jpg").unlink()
    suite = visdiffbench(release)
    case = cases(suite)["easy/1"]
    assert sorted((len(case.images_a), len(case.images_b))) == [3, 4]
    assert suite.recipe(BANK)["missing"] == {"easy/1": 1}
    assert "1 listed images are missing" in suite.holds_out


def test_a_pair_with_too_few_is_left_out_by_name(release: Path) -> None:
    for image in (1, 2, 3):
        (release / f"VisDiffBench/medium/1_b/{image:06d}.jpg").unlink()
    suite = visdiffbench(release)
    assert "medium/1" not in [pair.name for pair in suite.listed] and suite.pairs == 5
    assert suite.left_out == ("medium/1: 4 of 4 and 1 of 4 images are there",)
    assert "left out: medium/1: 4 of 4 and 1 of 4" in suite.holds_out
    assert suite.recipe(BANK)["left_out"] == list(suite.left_out)


def test_styles_are_optional_and_their_absence_is_told(release: Path) -> None:
    (release / "ImageNetR.csv").unlink()
    suite = visdiffbench(release)
    assert suite.left_out == ("imagenetr: there is no ImageNetR.csv",) and suite.pairs == 5


def test_pairs_tell_which_photographs_they_share(release: Path) -> None:
    lines = (release / "ImageNetR.csv").read_text().splitlines()
    for image in range(LISTED):
        picture(release / f"VisDiffBench/imagenetr/toy/n0441_toy_{image}.jpg", 200 + image)
        lines.append(f"./data/VisDiffBench/imagenetr/toy/n0441_toy_{image}.jpg,toy,schooner")
    (release / "ImageNetR.csv").write_text("\n".join(lines))
    of = cases(visdiffbench(release))
    shared = set(of["imagenetr/toy"].truth.bases) & set(of["imagenetr/tattoo"].truth.bases)
    plain = (release / "VisDiffBench/imagenetr/imagenet").iterdir()
    assert shared == {hashlib.sha256(file.read_bytes()).hexdigest()[:PREFIX] for file in plain}
    assert len(of["easy/1"].truth.bases) == 2 * LISTED


def test_the_recipe_names_what_the_cases_depend_on(release: Path) -> None:
    before = digest(visdiffbench(release).recipe(BANK))
    assert before == digest(visdiffbench(release).recipe(BANK))
    picture(release / "VisDiffBench/easy/1_a/000001.jpg", 7, size=(60, 50))
    assert digest(visdiffbench(release).recipe(BANK)) != before


def test_a_model_that_saw_the_photographs_is_refused(release: Path) -> None:
    suite = visdiffbench(release)
    file = release / "VisDiffBench/hard/1_b/000003.jpg"
    saw = hashlib.sha256(file.read_bytes()).hexdigest()[:PREFIX]
    clean = RunCard(
        recipe={}, commit="c", versions={}, families=(), domains=(), splits=("train",), held_out=False,
        least_strength=0.15, least_prevalence=0.1, photographs=("0" * PREFIX,),
    )  # fmt: skip
    assert suite.resolved(BANK, clean) is suite and suite.resolved(BANK, None) is suite
    with pytest.raises(UsageError, match="1 of its photographs were trained on"):
        suite.resolved(BANK, clean.model_copy(update={"photographs": (saw,)}))


def test_large_images_are_shrunk_and_damaged_ones_named(release: Path) -> None:
    file = picture(release / "VisDiffBench/easy/1_a/000001.jpg", 7, size=(1024, 600))
    case = cases(visdiffbench(release))["easy/1"]
    assert (300, 512, 3) in [image.shape for image in (*case.images_a, *case.images_b)]
    file.write_bytes(b"not a picture")
    with pytest.raises(InputError, match=r"easy/1_a/000001\.jpg.*delete it: then it counts as missing"):
        cases(visdiffbench(release))


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("./data/VisDiffBench/easy/0_1/000001.jpg,Dogs,x,easy", "easy/0_1 is no folder of the archive"),
        ("./data/easy/1_a/000001.jpg,Dogs,x,easy", "is not below VisDiffBench/"),
        ("./data/VisDiffBench/../../etc/passwd,Dogs,x,easy", "is not below VisDiffBench/"),
        ("./data/VisDiffBench/easy/1_a/000009.jpg,Dogs,x,easy", "holds both 'Dogs playing in a park' and 'Dogs'"),
    ],
)
def test_other_csvs_are_refused(release: Path, line: str, complaint: str) -> None:
    file = release / "PairedImageSets.csv"
    file.write_text(file.read_text() + line + "\n")
    with pytest.raises(InputError, match=complaint):
        visdiffbench(release)


def test_what_is_not_there_is_asked_for(release: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.raises(UsageError, match="needs --data DIR"):
        visdiffbench(None)
    empty = tmp_path_factory.mktemp("empty")
    with pytest.raises(InputError, match=r"no .*PairedImageSets\.csv or .*visdiffbench"):
        visdiffbench(empty)
    (empty / "visdiffbench").symlink_to(release)
    assert visdiffbench(empty).pairs == 6
    (release / "VisDiffBench").rename(release / "VisDiffBench-release")
    assert visdiffbench(release).pairs == 6
    (release / "VisDiffBench-release").rename(release / "elsewhere")
    with pytest.raises(InputError, match=r"no .*VisDiffBench or .*VisDiffBench-release"):
        visdiffbench(release)
    (release / "VisDiffBench").mkdir()
    with pytest.raises(InputError, match="too few images for every pair; the first, easy/1: 0 of 4 and 0 of 4"):
        visdiffbench(release)


def test_a_run_is_written_and_scored(release: Path, tmp_path: Path) -> None:
    suite, system = visdiffbench(release), fakes.Blurry()
    of = identity([suite], BANK, system)
    records = complete(tmp_path / "run", of, [suite], lambda jobs: one_by_one(jobs, BANK, system))
    assert [record.truth.known for record in records] == [pair.known for pair in suite.listed]
    grades = [best_grade(r.report.findings, r.truth.known, PARSER, 5) for r in records]
    assert grades == [None] * 6, "the parser does not speak of dogs; unscored, not 0"
    assert accuracy_at(5, [[grade] for grade in grades]) == Accuracy(None, 0, 6)


def test_accuracy_is_the_best_of_k_halved() -> None:
    grades: list[list[Grade | None]] = [[2, 0], [0, 1], [None, 2], [], [None]]
    # At 1: 2, 0, unscored, silence 0, unscored. At 2: 2, 1, 2, silence 0, unscored.
    assert accuracy_at(1, grades) == Accuracy(1 / 3, 3, 2)
    assert accuracy_at(2, grades) == Accuracy(2.5 / 4, 4, 1)


def test_the_right_words_of_the_wrong_set_are_wrong() -> None:
    known = [Known("a", "the images are darker", "x")]
    assert best_grade([fakes.said("b", "the images are darker")], known, PARSER, 1) == 0


@pytest.mark.skipif(not TEXTS.is_dir(), reason="the benchmark's texts are not here")
def test_the_released_list_has_the_flaws_that_are_named(tmp_path: Path) -> None:
    with (TEXTS / "pairedimagesets_groups.csv").open(encoding="utf-8", newline="") as stream:
        sets = list(csv.DictReader(stream))
    write_csv(
        tmp_path / "PairedImageSets.csv",
        "path,group_name,difference,difficulty",
        (
            (f"{s['folder']}/{i:06d}.jpg", s["group_name"], s["difference"], s["difficulty"])
            for s in sets
            for i in (1, 2)
        ),
    )
    for row in sets:
        for image in (1, 2):
            picture(tmp_path / row["folder"].removeprefix("./data/") / f"{image:06d}.jpg", image, size=(2, 2))
    suite = visdiffbench(tmp_path)
    of = [pair.difficulty for pair in suite.listed]
    assert [of.count(difficulty) for difficulty in ("easy", "medium", "hard")] == [50, 50, 50]
    column = {row["folder"].removeprefix("./data/VisDiffBench/")[:-2]: row["difficulty"] for row in sets}
    assert all(column[pair.name] == SHIFTED[pair.difficulty] for pair in suite.listed)
    moved = 0
    for difficulty in ("medium", "hard"):
        crawled = (TEXTS / f"pairedimagesets_{difficulty}.jsonl").read_text(encoding="utf-8")
        moved += sum(f'"set1": "{p.first.says}"' not in crawled for p in suite.listed if p.difficulty == difficulty)
    assert moved == 26
    assert 60 <= sum(pair.first_is == "a" for pair in suite.listed) <= 90
