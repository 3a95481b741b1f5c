"""Both sets from one list, lists in JSON lines, and MedMNIST arrays."""

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.vlmdiff.medical_files import dicom, npz, tiff
from vlmdiff.errors import InputError, UsageError
from vlmdiff.images import arrays
from vlmdiff.images.decode import Unreadable
from vlmdiff.images.reading import Reading
from vlmdiff.images.sets import SetPair, load_pair
from vlmdiff.images.sources import open_set, read_contents, reading_order
from vlmdiff.sample import Sample


def pictures(folder: Path, count: int) -> None:
    for number in range(count):
        values = np.random.default_rng(number).integers(0, 256, (20, 20, 3), np.uint8)
        Image.fromarray(values).save(folder / f"{number}.png")


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


# Manifests


def test_one_csv_names_both_sets_with_groups(tmp_path: Path) -> None:
    pictures(tmp_path, 5)
    rows = ["set,path,patient", "B,0.png,x", "a,1.png,x", "A,2.png,y", "b,3.png,z", "b,4.png,z"]
    pair = load_pair(written(tmp_path / "m.csv", "\n".join(rows)), None, size=16, groups="column:patient")
    assert [r.name for r in pair.a.references] == ["1.png", "2.png"]
    assert [r.name for r in pair.b.references] == ["0.png", "3.png", "4.png"]
    assert (pair.a.groups, pair.b.groups) == (["x", "y"], ["x", "z", "z"])
    assert pair.warnings == []


def listed(folder: Path, column: str, cells: str, *groups: str | None) -> SetPair:
    """Two images of A and two of B, with a cell each."""
    pictures(folder, 4)
    lines = [f"{'ab'[n // 2]},{n}.png,{cell.strip('.')}" for n, cell in enumerate(cells)]
    return load_pair(
        written(folder / "m.csv", "\n".join([f"set,path,{column}", *lines])), None, size=16, groups=(*groups, None)[0]
    )


@pytest.mark.parametrize("column", ["group", "Patient", "patient_id", "Subject"])
def test_a_column_of_groups_is_taken_at_its_word(tmp_path: Path, column: str) -> None:
    pair = listed(tmp_path, column, "xyyz")
    assert (pair.a.groups, pair.b.groups) == (["x", "y"], ["y", "z"])
    name = column.lower()
    assert pair.warnings == [
        f"4 files are of 3 by the column {name} of the list: those of one are kept together, as --groups "
        f"'column:{name}' would (--groups none: each stands for itself)"
    ]
    assert listed(tmp_path, column, "xyyz", "none").a.groups is None
    assert listed(tmp_path, column, "xyyz", ".png").warnings != pair.warnings
    each = listed(tmp_path, column, "wxyz")
    assert (each.a.groups, each.warnings) == (None, []), "no two belong together"


def test_a_column_of_groups_that_is_not_used_is_told(tmp_path: Path) -> None:
    for cells, why in (("xy.z", "1 of 4 files have nothing there"), ("xxyy", "all it tells is A from B")):
        pair = listed(tmp_path, "group", cells)
        assert pair.a.groups is pair.b.groups is None
        (warning,) = pair.warnings
        assert warning.startswith(f"the column group of the list is not used: {why}")
        assert "say --groups 'column:group'" in warning
    one_each = listed(tmp_path, "patient", "xxyy")
    with pytest.raises(InputError, match="set A: all 2 images are of one group"):
        Sample.of(one_each)


def test_one_file_of_json_lines_names_both_sets_under_other_names(tmp_path: Path) -> None:
    pictures(tmp_path, 4)
    rows = [{"path": f"{n}.png", "set": "ill" if n % 2 else "well"} for n in range(4)]
    pair = load_pair(written(tmp_path / "m.jsonl", "\n".join(map(json.dumps, rows))), None, size=16)
    assert [r.name for r in pair.a.references] == ["0.png", "2.png"]
    assert pair.warnings == ["the sets are not called a and b: A is that of the manifest's first row"]


def test_a_list_may_choose_frames_and_channels(tmp_path: Path) -> None:
    frames = np.stack([np.full((16, 16), 1000 * n, np.uint16) for n in range(5)])
    (tmp_path / "x.dcm").write_bytes(dicom(frames))
    stacks = np.stack([np.full((20, 20), 1000 * n, np.uint16) for n in (1, 2, 3)])
    for n in range(2):
        (tmp_path / f"{n}.tif").write_bytes(tiff(stacks + np.uint16(n), "CYX"))
    rows = ["set,path,frame,channels", "a,x.dcm,1,", "a,x.dcm,5,", 'b,0.tif,,"3,1"', "b,1.tif,,1;3"]
    pair = load_pair(written(tmp_path / "m.csv", "\n".join(rows)), None, size=16)
    assert [r.frame for r in pair.a.references] == [1, 5] and len(set(pair.a.digests)) == 2
    assert pair.a.pixels[0].max() == 0 and pair.a.pixels[1].min() == 255
    assert pair.window is not None and sorted(pair.window.windows) == [1, 2]  # of the frames, of the channels
    blue, green = pair.b.pixels[:, 0, 0, 2].tolist(), pair.b.pixels[:, 0, 0, 1].tolist()
    assert blue == [255, 0] and green == [0, 255]


@pytest.mark.parametrize("first", ["p/one.nii.gz", "doe/1.2.840.11", "0.png", "image"])
def test_a_list_without_a_header_loses_no_file(tmp_path: Path, first: str) -> None:
    (tmp_path / first).parent.mkdir(exist_ok=True)
    (tmp_path / first).write_bytes(b"")
    references = open_set(written(tmp_path / "m.csv", f"{first},x\nb.png,y"), "a")
    assert {r.name for r in references} == {first, "b.png"}
    assert all(r.cells == {} for r in references)


@pytest.mark.parametrize("header", ["file,age", "Image,age", "study,set", "Patient,age"])
def test_a_header_is_known_by_its_words(tmp_path: Path, header: str) -> None:
    (tmp_path / "image").mkdir()
    (one,) = open_set(written(tmp_path / "m.csv", f"{header}\nb.png,y"), "a")
    assert one.name == "b.png" and list(one.cells) == header.lower().split(",")


@pytest.mark.parametrize("mark", [",", ";", "\t"])
@pytest.mark.parametrize("column", ["file", "image", "Filename", "image_path"])
def test_files_may_be_named_in_columns_of_other_words_and_cells_parted_otherwise(
    tmp_path: Path, column: str, mark: str
) -> None:
    pictures(tmp_path, 4)
    lines = [["set", "patient", column], *[["ab"[n % 2], f"p{n}", f"{n}.png"] for n in range(4)]]
    pair = load_pair(written(tmp_path / "m.csv", "\n".join(map(mark.join, lines))), None, size=16)
    assert [r.name for r in [*pair.a.references, *pair.b.references]] == ["0.png", "2.png", "1.png", "3.png"]
    assert not pair.a.skipped and not pair.b.skipped
    (tmp_path / "m.jsonl").write_text("\n".join(json.dumps({column: f"{n}.png"}) for n in range(4)))
    assert [r.name for r in open_set(tmp_path / "m.jsonl", "a")] == [f"{n}.png" for n in range(4)]


def test_of_several_columns_of_files_the_surest_counts_and_of_none_the_first_that_is_no_set(tmp_path: Path) -> None:
    for header in ("image,path", "set,picture", "patient,file"):
        (one,) = open_set(written(tmp_path / "m.csv", f"{header}\n7,b.png"), "a")
        assert one.name == "b.png"


def test_names_of_files_may_hold_what_parts_cells(tmp_path: Path) -> None:
    (one, two) = open_set(written(tmp_path / "m.csv", "a;1.png\nb;2.png"), "a")
    assert (one.name, two.name) == ("a;1.png", "b;2.png")
    (one,) = open_set(written(tmp_path / "m.csv", "path,age\na;1.png,3"), "a")
    assert one.name == "a;1.png"


@pytest.mark.parametrize("suffix", ["txt", "csv", "jsonl"])
def test_backslashes_of_windows_are_slashes_unless_a_file_has_them(tmp_path: Path, suffix: str) -> None:
    (tmp_path / "x\\own.png").touch()
    names = ["x\\1.png", "x\\own.png"]
    lines = [json.dumps({"path": name}) for name in names] if suffix == "jsonl" else names
    found = open_set(written(tmp_path / f"list.{suffix}", "\n".join(lines)), "a")
    assert [r.name for r in found] == ["x/1.png", "x\\own.png"]


def test_a_file_in_both_sets_is_told_and_not_refused(tmp_path: Path) -> None:
    pictures(tmp_path, 3)
    rows = ["set,path,frame", "a,0.png,", "a,1.png,1", "A,1.png,01", "b,0.png,", "b,2.png,"]
    pair = load_pair(written(tmp_path / "m.csv", "\n".join(rows)), None, size=16)
    assert (len(pair.a.ids), len(pair.b.ids)) == (2, 2)
    assert "1 image is in both sets (same bytes)" in pair.warnings
    assert [skip.reason for skip in pair.a.skipped] == ["listed before"]


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        (
            "m.csv",
            "path,age\n0.png,3",
            "has no column 'set' among path, age; .* set,path, parted by commas, semicolons",
        ),
        ("m.csv", "set|path\na|0.png", "has no column 'set' in its first row;"),
        ("m.csv", "set,path\n,0.png\n,1.png", "2 of 2 rows name no set"),
        ("m.csv", "set,path\na,0.png\n,1.png", "1 of 2 rows name no set"),
        ("m.csv", "set,path\na,0.png\na,1.png", "names 1 sets; expected two"),
        ("m.csv", "set,path\na,0.png\nb,1.png\nc,2.png", "names 3 sets; expected two"),
        ("m.csv", "set,path,frame\na,0.png,first\nb,1.png,", "row 1: the frame is no whole number from 1"),
        ("m.jsonl", '{"set": "a"}', "line 1: expected an object with a path"),
        ("m.jsonl", '{"path": "0.png"}\n[', "line 2: not readable as JSON"),
        ("m.jsonl", "[" * 100_000, "line 1: not readable as JSON"),
        ("m.txt", "0.png", "must be a manifest"),
        ("none.csv", None, "must be a manifest"),
    ],
)
def test_what_is_no_manifest(tmp_path: Path, name: str, text: str | None, words: str) -> None:
    if text is not None:
        written(tmp_path / name, text)
    with pytest.raises(InputError, match=words):
        load_pair(tmp_path / name, None, size=16)


def test_channels_of_a_list_are_numbers(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="channels of a list"):
        open_set(written(tmp_path / "m.csv", "path,channels\n0.png,blue"), "a")


@pytest.mark.parametrize("options", [{"window": "0,1"}, {"window": "1"}, {"frames": 0}, {"frames": 65}])
@pytest.mark.parametrize("channels", [None, "0", "1:pink", "1,1", "a", "1:red,,2", "1,2,3,4"])
def test_options_that_are_off_are_refused_at_once(options: dict[str, int | str], channels: str | None) -> None:
    with pytest.raises(UsageError, match="expected"):
        Reading(**options) if channels is None else Reading(channels=channels)  # type: ignore[arg-type]


# MedMNIST


@pytest.fixture
def medmnist(tmp_path: Path) -> Path:
    """Five training images (labels 0 1 0 1 1), two test images (1 0)."""
    images = np.arange(7, dtype=np.uint8)[:, None, None] * np.ones((28, 28), np.uint8)
    labels = np.array([0, 1, 0, 1, 1, 1, 0])[:, None]
    path = tmp_path / "x.npz"
    data = {
        "train_images": images[:5],
        "train_labels": labels[:5],
        "test_images": images[5:],
        "test_labels": labels[5:],
    }
    path.write_bytes(npz(**data))
    return path


@pytest.mark.parametrize(
    ("part", "wanted"),
    [("", [5, 6, 0, 1, 2, 3, 4]), (":0", [6, 0, 2]), (":train:1", [1, 3, 4]), (":test", [5, 6]), (":TEST:1", [5])],
)
def test_an_array_file_is_a_set_or_its_parts_are(medmnist: Path, part: str, wanted: list[int]) -> None:
    references = sorted(open_set(f"{medmnist}{part}", "a"), key=reading_order)
    contents = list(read_contents(references))
    assert [int(c[0, 0]) for c in contents if isinstance(c, np.ndarray)] == wanted
    assert all(c.shape == (28, 28) for c in contents if isinstance(c, np.ndarray))


def test_two_labels_of_one_file_are_compared_and_shown(medmnist: Path) -> None:
    pair = load_pair(f"{medmnist}:0", f"{medmnist}:1", size=16)
    assert pair.a.pixels[:, 3, 3, 0].tolist() == [6, 0, 2] and len(pair.b.ids) == 4
    assert len(set(pair.a.digests + pair.b.digests)) == 7
    assert pair.a.thumbnail(2).startswith(b"\x89PNG")


def test_an_array_of_volumes_gives_slices_and_several_labels_are_columns(tmp_path: Path) -> None:
    volumes = np.zeros((2, 20, 20, 20), np.uint8) + np.arange(20, dtype=np.uint8)[None, :, None, None]
    path = tmp_path / "x.npz"
    path.write_bytes(npz(train_images=volumes, train_labels=np.array([[1, 0], [1, 1]])))
    assert len(open_set(f"{path}:0", "a")) == 2 and len(open_set(f"{path}:1", "a")) == 1
    pair = load_pair(str(path), _folder(tmp_path / "other"), size=16, reading=Reading(frames=2))
    assert pair.a.pixels[:, 0, 0, 0].tolist() == [5, 15, 5, 15]
    assert pair.a.ids == ["A-0001.006", "A-0001.016", "A-0002.006", "A-0002.016"]
    assert pair.a.groups is not None and pair.a.groups[0] == pair.a.groups[1] != pair.a.groups[2]


def _folder(path: Path) -> Path:
    path.mkdir()
    pictures(path, 3)
    return path


def test_array_files_that_are_none(tmp_path: Path, medmnist: Path) -> None:
    def said(data: bytes, part: str = "") -> str:
        (tmp_path / "y.npz").write_bytes(data)
        with pytest.raises(InputError) as refusal:
            open_set(f"{tmp_path}/y.npz{part}", "a")
        return str(refusal.value)

    whole = medmnist.read_bytes()
    assert "damaged, or no MedMNIST file" in said(whole[:300])
    assert "no arrays like train_images" in said(npz(x=np.zeros(3)))
    assert "damaged, or no MedMNIST file" in said(npz(train_images=np.array([{}, {}])))  # would have to be unpickled
    assert "'dev' is no split" in said(whole, ":dev")
    assert "no images with label 9" in said(whole, ":9")
    (tmp_path / "set").mkdir()
    (tmp_path / "set/z.npz").write_bytes(whole)
    assert open_set(tmp_path / "set", "a")[0].refused == "an .npz file holds many images: give it as a set by itself"


def test_a_row_that_is_cut_short_is_one_skipped_image(tmp_path: Path) -> None:
    images = np.zeros((3, 28, 28), np.uint8)
    data = npz(train_images=images)
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as file:
        import io

        inner = zipfile.ZipFile(io.BytesIO(data)).read("train_images.npy")
        file.writestr("train_images.npy", inner[:-800])
    found = list(read_contents(open_set(tmp_path / "x.npz", "a")))
    assert [isinstance(content, Unreadable) for content in found] == [False, True, True]
    with pytest.raises(Unreadable, match="array of float64"):
        arrays.picture(np.zeros((20, 20)), Reading())


def test_an_array_that_claims_more_rows_than_it_has_is_unpacked_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as file, file.open("train_images.npy", "w") as stream:
        np.lib.format.write_array_header_1_0(stream, {"descr": "|u1", "fortran_order": False, "shape": (5000, 28, 28)})
        stream.write(bytes(10 * 28 * 28))
    opened: list[str] = []
    plain: Any = zipfile.ZipFile.open

    def counted(file: zipfile.ZipFile, name: str) -> Any:
        opened.append(name)
        return plain(file, name)

    references = open_set(tmp_path / "x.npz", "a")
    monkeypatch.setattr(zipfile.ZipFile, "open", counted)
    found = list(read_contents(references))
    assert [isinstance(content, Unreadable) for content in found] == [False] * 10 + [True] * 4990
    assert opened == ["train_images.npy"]
