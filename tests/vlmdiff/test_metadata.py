"""Metadata from a CSV file or from the lists, joined to images; and what of it is no property."""

import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from vlmdiff.errors import InputError, UsageError
from vlmdiff.images.references import Reference
from vlmdiff.images.sources import open_set
from vlmdiff.metadata import columns_of, read_table


@pytest.fixture
def sets(tmp_path: Path) -> list[Reference]:
    """Six images a set; each set has a 0.png."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for i in range(6):
            (tmp_path / name / f"{i if i == 0 else name + str(i)}.png").touch()
    return [*open_set(tmp_path / "a", "a"), *open_set(tmp_path / "b", "b")]


def write(file: Path, *lines: str) -> str:
    file.write_text("\n".join(lines) + "\n")
    return str(file)


def test_rows_are_joined_by_path_and_columns_typed(tmp_path: Path, sets: list[Reference]) -> None:
    rows = [
        f"{s}/{i if i == 0 else s + str(i)}.png,{'x' if i < 3 else 'y'},{i + (s == 'b')}"
        for s in "ab"
        for i in range(6)
    ]
    table = read_table(write(tmp_path / "m.csv", "Path,Scanner,Age", *rows))
    (scanner, age), warnings = columns_of(table, sets)
    assert warnings == []
    assert (scanner.name, scanner.kind, scanner.numbers.tolist()) == ("scanner", "categorical", [0, 0, 0, 1, 1, 1] * 2)
    assert (age.name, age.kind, age.numbers.tolist()) == ("age", "numeric", [0, 1, 2, 3, 4, 5, 1, 2, 3, 4, 5, 6])


def test_names_inside_a_set_do_where_they_tell_images_apart(tmp_path: Path, sets: list[Reference]) -> None:
    (tmp_path / "else").mkdir()
    lines = [f"{s}{i}.png,{'x' if s == 'a' else ''}" for s in "ab" for i in range(1, 6)]
    (column,), warnings = columns_of(read_table(write(tmp_path / "else" / "m.csv", "file,site", *lines)), sets)
    assert warnings == ["metadata: no row for 2 of 12 images"]
    assert np.isfinite(column.numbers).tolist() == [False] + [True] * 5 + [False] * 6
    ambiguous = write(tmp_path / "else" / "m.csv", "file,site", *lines, "0.png,x")
    with pytest.raises(InputError, match=r"row 11 may be any of 2 images.*a column set with a or b"):
        columns_of(read_table(ambiguous), sets)
    told = write(
        tmp_path / "else" / "m.csv", "file,set,site", *[line.replace(",", ",,") for line in lines], "0.png,B,x"
    )
    (column,), _ = columns_of(read_table(told), sets)
    assert np.isfinite(column.numbers)[[0, 6]].tolist() == [False, True]


def test_ids_and_constants_are_left_out_and_numbers_few_in_kind_are_codes(
    tmp_path: Path, sets: list[Reference]
) -> None:
    names = [f"{s}/{i if i == 0 else s + str(i)}.png" for s in "ab" for i in range(6)]
    rows = [f"{name},patient-{i},1,{i % 2},NA" for i, name in enumerate(names)]
    (column,), warnings = columns_of(
        read_table(write(tmp_path / "m.csv", "path,patient,study,reader,note", *rows)), sets
    )
    assert (column.name, column.kind, column.numbers.tolist()) == ("reader", "categorical", [0, 1] * 6)
    assert warnings == ["metadata: patient, study, note left out: one value for all images, or nearly one for each"]


def test_columns_of_the_lists(tmp_path: Path, sets: list[Reference]) -> None:
    lists = []
    for name in ("a", "b"):
        files = sorted((tmp_path / name).iterdir())
        lines = [f"{file.relative_to(tmp_path)},{i % 3}" for i, file in enumerate(files)]
        lists += open_set(write(tmp_path / f"{name}.csv", "path,Ward", *lines), name)
    (column,), _ = columns_of(read_table("column:ward"), lists)
    assert column.numbers.tolist() == [0, 1, 2] * 4
    with pytest.raises(UsageError, match="no column 'site'; set A has the columns"):
        columns_of(read_table("column:site"), lists)
    with pytest.raises(UsageError, match=r"set A is no \.csv list"):
        columns_of(read_table("column:ward"), sets)


def test_what_is_no_table_is_refused_with_the_remedy(tmp_path: Path, sets: list[Reference]) -> None:
    with pytest.raises(UsageError, match="No such file"):
        read_table(str(tmp_path / "none.csv"))
    with pytest.raises(UsageError, match=r"no column beside the paths, which the column path is .* path,scanner,age"):
        read_table(write(tmp_path / "m.csv", "path", "a.png"))
    with pytest.raises(
        UsageError, match=r"which column 1 is taken for; .* parted by commas, semicolons or tabs"
    ) as bar:
        read_table(write(tmp_path / "m.csv", "jane.png|scanner", "a.png|x"))
    assert "jane" not in str(bar.value)
    with pytest.raises(UsageError, match="no rows; expected a first row such as path,scanner,age"):
        read_table(write(tmp_path / "m.csv", "path,age"))
    with pytest.raises(UsageError, match="without a name, or twice: 'age'"):
        read_table(write(tmp_path / "m.csv", "path,age,age", "a.png,1,2"))
    with pytest.raises(UsageError, match="not a CSV file"):
        read_table(write(tmp_path / "m.csv", ""))
    with pytest.raises(UsageError, match="names no column"):
        read_table("column:")
    with pytest.raises(InputError, match="none of the 1 rows names one of 12 images in the column path, which"):
        columns_of(read_table(write(tmp_path / "m.csv", "path,age", "elsewhere/a1.png,3")), sets)


def test_who_has_a_number_is_a_property_too(tmp_path: Path, sets: list[Reference]) -> None:
    lines = [f"{s}/{i if i == 0 else s + str(i)}.png,{i if s == 'a' else ''}" for s in "ab" for i in range(6)]
    (age, told), _ = columns_of(read_table(write(tmp_path / "m.csv", "path,age", *lines)), sets)
    assert (age.kind, told.name, told.kind) == ("numeric", "age, told or not", "categorical")
    assert told.numbers.tolist() == [1] * 6 + [0] * 6


def test_numbers_of_few_kinds_are_taken_for_codes_as_well(tmp_path: Path, sets: list[Reference]) -> None:
    """Six sites of two images each may name images; of four each they may be codes; twelve ages of two may not."""
    table = write(
        tmp_path / "m.csv",
        "path,age,site",
        *[f"{s}/{i if i == 0 else s + str(i)}.png,{i + 6 * (s == 'b')},{i}" for s in "ab" for i in range(6)],
    )
    found, warnings = columns_of(read_table(table), sets)
    assert [(c.name, c.kind) for c in found] == [("age", "numeric"), ("site", "numeric")] and not warnings
    both = [Reference(f"{r.id}.{k}", r.name, r.path) for r in sets for k in range(2)]
    found, _ = columns_of(read_table(table), both)
    assert [(c.name, c.kind) for c in found] == [
        ("age", "numeric"),
        ("site", "numeric"),
        ("site, as codes", "categorical"),
    ]
    assert found[2].numbers.tolist() == found[1].numbers.tolist() == [i for i in range(6) for _ in "12"] * 2


@pytest.mark.parametrize("mark", [",", ";", "\t"])
@pytest.mark.parametrize("slash", ["/", "\\"])
def test_a_column_of_files_is_found_among_others(tmp_path: Path, sets: list[Reference], mark: str, slash: str) -> None:
    rows = [["jane", f"{s}{slash}{i if i == 0 else s + str(i)}.png", "xy"[i % 2]] for s in "ab" for i in range(6)]
    lines = map(mark.join, [["patient", "Filename", "scanner"], *rows])
    (scanner,), _ = columns_of(read_table(write(tmp_path / "m.csv", *lines)), sets)
    assert (scanner.name, scanner.numbers.tolist()) == ("scanner", [0, 1] * 6)
    with pytest.raises(InputError, match=r"none of the 1 rows .* in column 1, which is taken for the paths"):
        columns_of(read_table(write(tmp_path / "m.csv", "patient,photo,scanner", "jane,a/0.png,x")), sets)


@pytest.mark.parametrize("where", ["path", "name"])
def test_frames_of_one_file_share_its_row(tmp_path: Path, sets: list[Reference], where: str) -> None:
    frames = [replace(one, id=f"{one.id}.{k:03}", frame=k) for one in sets for k in (1, 2, 3)]
    folder = tmp_path / ("." if where == "path" else "else")
    folder.mkdir(exist_ok=True)
    names = [f"{s}/{s}{i}.png" if where == "path" else f"{s}{i}.png" for s in "ab" for i in range(1, 6)]
    table = read_table(write(folder / "m.csv", "path,site", *[f"{name},{'xy'[n % 2]}" for n, name in enumerate(names)]))
    (site,), _ = columns_of(table, frames)
    of_a = [np.nan] * 3 + [0, 0, 0, 1, 1, 1, 0, 0, 0, 1, 1, 1, 0, 0, 0]
    np.testing.assert_array_equal(site.numbers[:18], of_a)
    with pytest.raises(InputError, match="row 1 may be any of 2 images"):
        columns_of(read_table(write(tmp_path / "m.csv", "path,site", "0.png,x")), frames)


def test_rows_of_single_frames_are_told_apart(tmp_path: Path, sets: list[Reference]) -> None:
    frames = [replace(one, id=f"{one.id}.{k:03}", frame=k) for one in sets for k in (1, 2, 3)]
    lines = [f"{s}/{s}{i}.png,{k},{'xy'[k % 2]}" for s in "ab" for i in range(1, 6) for k in (1, 2, 3)]
    _, site = columns_of(read_table(write(tmp_path / "m.csv", "path,frame,site", *lines)), frames)[0]
    assert site.name == "site"
    assert site.numbers[3:9].tolist() == [1, 0, 1] * 2
    with pytest.raises(InputError, match=r"rows 1 and 2 are of one image and have different values of 'site'; .*frame"):
        columns_of(read_table(write(tmp_path / "m.csv", "path,site", "a/a1.png,x", "a/a1.png,y")), frames)
    same = ["a/a1.png,x", "a/a1.png,x", *[f"{s}/{s}{i}.png,{s}" for s in "ab" for i in (2, 3, 4)]]
    columns_of(read_table(write(tmp_path / "m.csv", "path,site", *same)), frames)


def test_a_column_set_may_say_what_the_manifest_calls_the_sets_and_is_else_ignored(
    tmp_path: Path, sets: list[Reference]
) -> None:
    called = [replace(one, cells={"set": "Cases" if one.id[0] == "A" else "controls"}) for one in sets]

    def joined(words: str, images: list[Reference], folders: bool = False) -> list[float]:
        """The sites of the first three images of A, x, and of B, y, whose 0.png is called as that of A."""
        home = tmp_path / ("." if folders else "else")
        home.mkdir(exist_ok=True)
        named = [
            (n, f"{s}/{name}" if folders else name) for n, s in enumerate("ab") for name in ("0", f"{s}1", f"{s}2")
        ]
        lines = [f"{words.split()[n]},{name}.png,{'xy'[n]}" for n, name in named]
        ((site,), _) = columns_of(read_table(write(home / "m.csv", "set,path,site", *lines)), images)
        return [site.numbers[place].item() for place in (0, 1, 2, 6, 7, 8)]

    both = [0, 0, 0, 1, 1, 1]
    assert joined("cases Controls", called) == joined("A b", called) == joined("a b", sets) == both
    assert joined("train test", called, folders=True) == joined("cases controls", sets, folders=True) == both
    with pytest.raises(InputError, match="row 1 may be any of 2 images"):
        joined("train test", called)


def test_members_of_an_archive_are_told_apart(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name in ("x/0.png", "y/0.png", "y/1.png"):
            archive.writestr(name, b"")
    frames = [replace(one, frame=k) for one in open_set(tmp_path / "a.zip", "a") for k in (1, 2)]
    lines = [f"{name},{site}" for name, site in (("x/0.png", "p"), ("y/0.png", "p"), ("1.png", "q"))]
    (site,), _ = columns_of(read_table(write(tmp_path / "m.csv", "path,site", *lines)), frames * 2)
    assert site.numbers.tolist() == [0, 0, 0, 0, 1, 1] * 2
    with pytest.raises(InputError, match="row 1 may be any of 2 images"):
        columns_of(read_table(write(tmp_path / "m.csv", "path,site", "0.png,p")), frames)
