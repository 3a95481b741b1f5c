"""Slices of one patient: chosen by position, named apart, kept together, seen through one window."""

import gzip
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.vlmdiff.medical_files import dicom, nifti
from vlmdiff.errors import InputError
from vlmdiff.images.reading import Reading
from vlmdiff.images.sets import LoadedSet, SetPair, load_pair
from vlmdiff.images.sources import open_set
from vlmdiff.images.volumes import slices_of_volumes
from vlmdiff.sample import Sample

AXIAL = ["1", "0", "0", "0", "1", "0"]


def series(folder: Path, number: int, slices: int = 5, packed: bool = False, study: int | None = None) -> Path:
    """The slices of one series, whose file names run against their positions; the k-th from below has the value k."""
    folder.mkdir(exist_ok=True)
    for k in range(slices):
        data = dicom(
            np.full((16, 16), 100 * k + number, np.int16),
            StudyInstanceUID=f"1.2.{number if study is None else study}",
            SeriesInstanceUID=f"1.3.{number}",
            ImagePositionPatient=["0", "0", str(2.5 * k)],
            ImageOrientationPatient=AXIAL,
            InstanceNumber=str(k),
        )
        name = folder / f"s{number}-{slices - k}.dcm{'.gz' if packed else ''}"
        name.write_bytes(gzip.compress(data) if packed else data)
    return folder


@pytest.mark.parametrize("way", ["files", "packed", "zip"])
def test_slices_of_a_series_are_sorted_by_position(tmp_path: Path, way: str) -> None:
    for number in (1, 2):
        series(tmp_path / "a", number, packed=way == "packed")
    (tmp_path / "a" / "alone.nii").write_bytes(nifti(np.zeros((16, 16, 16), np.int16)))
    if way == "zip":
        shutil.make_archive(str(tmp_path / "a"), "zip", tmp_path / "a")
    files = open_set(tmp_path / ("a.zip" if way == "zip" else "a"), "a")
    assert len(files) == 11

    def chosen(frames: int) -> list[str]:
        found = slices_of_volumes(files, Reading(frames=frames, volumes=True)).read
        return sorted(reference.name.partition(".")[0] for reference in found)

    assert chosen(1) == ["alone", "s1-3", "s2-3"]
    assert chosen(3) == ["alone", "s1-1", "s1-3", "s1-5", "s2-1", "s2-3", "s2-5"]


def pair_of_series(tmp_path: Path, **reading: int | bool | str) -> SetPair:
    for number in (1, 2, 3):
        series(tmp_path / "a", number)
        series(tmp_path / "b", number + 3)
    return load_pair(tmp_path / "a", tmp_path / "b", size=16, reading=Reading(**reading))  # type: ignore[arg-type]


def test_slices_of_one_study_are_one_group_without_a_word(tmp_path: Path) -> None:
    pair = pair_of_series(tmp_path)
    assert pair.a.groups is not None and pair.b.groups is not None
    assert len(pair.a.ids) == 15 and len(set(pair.a.groups)) == 3 and not set(pair.a.groups) & set(pair.b.groups)
    assert (
        "30 images are of 6 DICOM studies or files with several: those of one are kept together, as --groups would"
        in (pair.warnings)
    )
    assert not any("1.2." in text or "1.3." in text for text in [*pair.a.groups, *pair.warnings])


def test_of_volumes_one_slice_each_needs_no_groups(tmp_path: Path) -> None:
    pair = pair_of_series(tmp_path, volumes=True)
    assert len(pair.a.ids) == 3 and pair.a.groups is None
    assert pair.window is not None and pair.window.windows[1][0].low == pytest.approx(201, abs=1)


def test_told_groups_win(tmp_path: Path) -> None:
    pair_of_series(tmp_path)
    pair = load_pair(tmp_path / "a", tmp_path / "b", size=16, groups=r"-(\d)")
    assert pair.a.groups is not None and set(pair.a.groups) == {*"12345"}
    (note,) = [warning for warning in pair.warnings if "parted" in warning]
    assert note.startswith("30 images are of 6 DICOM studies or files with several, parted by groups that were told")
    whole = load_pair(tmp_path / "a", tmp_path / "b", size=16, groups=r"s(\d)-")
    assert not any("DICOM" in warning for warning in whole.warnings)


@pytest.mark.parametrize("studies_of_b", [1, 4])
def test_a_set_of_one_study_says_nothing_of_others_unless_images_may_stand_for_themselves(
    tmp_path: Path, studies_of_b: int
) -> None:
    series(tmp_path / "a", 1)
    for number in range(studies_of_b):
        series(tmp_path / "b", 2 + number)
    a, b, told = (
        tmp_path / "a",
        tmp_path / "b",
        f"{5 + 5 * studies_of_b} images are of {1 + studies_of_b} DICOM studies",
    )
    for groups in (None, r"^s(\d)-"):
        pair = load_pair(a, b, size=16, groups=groups)
        assert pair.a.groups is not None and pair.b.groups is not None
        assert (len(set(pair.a.groups)), len(set(pair.b.groups))) == (1, studies_of_b)
        with pytest.raises(InputError, match=r"set A: all 5 images are of one group .* say --groups none"):
            Sample.of(pair)
    pair = load_pair(a, b, size=16, groups="none")
    assert Sample.of(pair).groups is None
    assert [note for note in pair.warnings if told in note and "p-values hold for these only" in note]


def test_frames_of_a_file_are_images_of_one_group_and_can_be_shown_again(tmp_path: Path) -> None:
    def files(side: str, start: int) -> Path:
        (tmp_path / side).mkdir()
        for n in range(3):
            values = np.random.default_rng(start + n).integers(1, 999, (20, 20, 40), np.int16)
            (tmp_path / side / f"{n}.nii").write_bytes(nifti(values))
        return tmp_path / side

    pair = load_pair(files("a", 0), files("b", 10), size=16, reading=Reading(frames=4))
    one: LoadedSet = pair.a
    assert len(one.ids) == 12 == len(set(one.digests)) and one.ids[:2] == ["A-0001.009", "A-0001.017"]
    assert one.groups is not None and [one.groups.count(group) for group in set(one.groups)] == [4, 4, 4]
    assert len({one.thumbnail(row) for row in range(12)}) == 12
    with pytest.raises(InputError, match="all 4 images are of one group"):
        Sample.of(load_pair(str(tmp_path / "a" / "0*.nii"), tmp_path / "b", size=16, reading=Reading(frames=4)))
    just = load_pair(str(tmp_path / "a" / "0*.nii"), tmp_path / "b", size=16, reading=Reading(frames=4), groups="none")
    assert len(just.a.ids) == 4 and just.a.groups is None
    fewer = load_pair(tmp_path / "a", tmp_path / "b", size=16, max_images=5, reading=Reading(frames=4))
    assert len(fewer.a.ids) == 5


@pytest.mark.parametrize("window", ["auto", "bone", "350,1000"])
def test_both_sets_are_seen_through_one_window(tmp_path: Path, window: str) -> None:
    for side, base in (("a", 0), ("b", 700)):
        (tmp_path / side).mkdir()
        for n in range(3):
            values = (base + np.arange(256).reshape(16, 16) + n).astype(np.int16)
            (tmp_path / side / f"{n}.dcm").write_bytes(dicom(values))
    pair = load_pair(tmp_path / "a", tmp_path / "b", size=16, reading=Reading(window=window))
    assert pair.window is not None
    ((one,),) = pair.window.windows.values()
    expected = {"bone": (-500, 1300), "350,1000": (825, 1175)}.get(window, (3, 955))
    assert (one.low, one.high) == pytest.approx(expected, abs=6)
    grey = int(pair.a.pixels[0, 8, 0, 0])
    assert grey == pytest.approx(255 * min(max((128 - one.low) / (one.high - one.low), 0), 1), abs=1)
    assert pair.b.pixels.mean() > pair.a.pixels.mean() + 20


def test_a_window_for_pictures_without_levels_is_told_to_change_nothing(tmp_path: Path) -> None:
    for side, start in (("a", 0), ("b", 9)):
        (tmp_path / side).mkdir()
        for n in range(3):
            values = np.random.default_rng(start + n).integers(0, 256, (20, 20), np.uint8)
            (tmp_path / side / f"{n}.dcm").write_bytes(dicom(values))
    pair = load_pair(tmp_path / "a", tmp_path / "b", size=16, reading=Reading(window="lung"))
    assert pair.warnings == ["--window lung changes nothing: no image has measured values or over 8 bits"]


def test_a_pipe_among_the_slices_is_not_waited_for(tmp_path: Path) -> None:
    series(tmp_path / "a", 1)
    os.mkfifo(tmp_path / "a" / "pipe.dcm")
    found = slices_of_volumes(open_set(tmp_path / "a", "a"), Reading(volumes=True)).read
    assert sorted(reference.name for reference in found) == ["pipe.dcm", "s1-3.dcm"]


def test_slices_at_one_place_are_counted(tmp_path: Path) -> None:
    for number, side in ((1, "a"), (2, "b")):
        series(tmp_path / side, number)
        series(tmp_path / side, number + 2)
        again = sorted((tmp_path / side).glob(f"s{number}-*.dcm"))
        for one in again[: number + 1]:
            one.with_name(f"t{one.name}").write_bytes(one.read_bytes())
    pair = load_pair(tmp_path / "a", tmp_path / "b", size=16, reading=Reading(volumes=True))
    where = "where another slice of the same series does (time points, echoes)"
    assert f"5 files lie {where}, and were not read" in pair.warnings


def test_options_of_reading_that_change_nothing_say_so(tmp_path: Path) -> None:
    for side, start in (("a", 0), ("b", 9)):
        (tmp_path / side).mkdir()
        for n in range(3):
            values = np.random.default_rng(start + n).integers(0, 256, (20, 20, 3), np.uint8)
            Image.fromarray(values).save(tmp_path / side / f"{n}.png")
    asked = Reading(frames=7, channels="1:red,5:green")
    told = load_pair(tmp_path / "a", tmp_path / "b", size=16, reading=asked).warnings
    assert told == [
        "--frames 7 changes nothing: no file has several frames or slices",
        "--channels 1:red,5:green changes nothing: no file has channels of measured values",
    ]
    told = load_pair(tmp_path / "a", tmp_path / "b", size=16, reading=Reading(volumes=True)).warnings
    assert told == ["--volumes changes nothing: no file is a slice of a DICOM series"]


@pytest.mark.parametrize(("window", "warned"), [("brain", True), ("100,450", True), ("1000,500", False)])
def test_a_window_that_clips_nearly_all_is_warned_about(tmp_path: Path, window: str, warned: bool) -> None:
    """Values of 0 to 1,000 that are not Hounsfield units: of MR, say."""
    for side, start in (("a", 0), ("b", 9)):
        (tmp_path / side).mkdir()
        for n in range(3):
            values = np.random.default_rng(start + n).integers(0, 1001, (20, 20)).astype(np.uint16)
            Image.fromarray(values).save(tmp_path / side / f"{n}.png")
    told = load_pair(tmp_path / "a", tmp_path / "b", size=16, reading=Reading(window=window)).warnings
    found = [warning for warning in told if "plain black or white" in warning]
    assert bool(found) == warned
    assert all(f"--window {window} shows 9" in one and "--window auto" in one for one in found)
    assert ("presets are for CT" in "".join(found)) == (window == "brain")


def test_slices_of_one_file_that_a_list_names_belong_together(tmp_path: Path) -> None:
    for number in range(4):
        levels = np.random.default_rng(number).integers(0, 900, (16, 16, 6)).astype(np.int16)
        (tmp_path / f"{number}.nii").write_bytes(nifti(levels))
    for side, numbers in (("a", (0, 1)), ("b", (2, 3))):
        rows = "".join(f"{number}.nii,{frame}\n" for number in numbers for frame in (2, 4))
        (tmp_path / f"{side}.csv").write_text(f"path,frame\n{rows}")
    pair = load_pair(tmp_path / "a.csv", tmp_path / "b.csv", size=16)
    assert pair.a.groups is not None and pair.b.groups is not None
    assert [len(set(groups)) for groups in (pair.a.groups, pair.b.groups)] == [2, 2]
    assert any("8 images are of 4 DICOM studies or files with several" in warning for warning in pair.warnings)
