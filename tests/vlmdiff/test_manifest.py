"""The manifest of a batch: what its rows become, and everything that is wrong with it at once."""

from pathlib import Path

import pytest

from vlmdiff.manifest import Row, read_manifest


def written(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    file = folder / "manifest.csv"
    file.write_text(text, encoding)
    return file


def folder_of(name: str) -> str:
    return Row(1, name, "a", "b").folder


def test_rows_are_relative_to_the_manifest_and_know_their_labels(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        "Site,A,b,name,max_images,seed,groups,week \n"
        'Oslo,hits,../misses,first,12,3,"(p\\d+)/",2\n'
        "\n"
        '"Ly\non",/data/x,/data/y,,,,\n',
        "utf-8-sig",
    )
    rows, problems = read_manifest(file)
    assert problems == []
    assert rows == [
        Row(
            number=1,
            name="first",
            a=f"{tmp_path}/hits",
            b=f"{tmp_path}/../misses",
            changes={"max_images": 12, "seed": 3, "groups": "(p\\d+)/"},
            labels={"Site": "Oslo", "week": "2"},
        ),
        Row(2, "2", "/data/x", "/data/y", {}, {"Site": "Ly on", "week": ""}),
    ]


def test_semicolons_and_backslashes_are_read(tmp_path: Path) -> None:
    ((row,), problems) = read_manifest(written(tmp_path, "a;b;metadata;note\nx\\1;x\\2;m\\t.csv;one, two\n"))
    assert (row.a, row.b, problems) == (f"{tmp_path}/x/1", f"{tmp_path}/x/2", [])
    assert (row.changes, row.labels) == ({"metadata": f"{tmp_path}/m/t.csv"}, {"note": "one, two"})


def test_only_the_source_is_a_glob(tmp_path: Path) -> None:
    home = tmp_path / "run [1]"
    (home / "set [2]").mkdir(parents=True)
    ((row,), _) = read_manifest(written(home, "a,b\nx/*.png,set [2]\n"))
    assert row.a == f"{tmp_path}/run [[]1]/x/*.png"
    assert row.b == f"{home}/set [2]"


def test_everything_wrong_is_told_at_once_with_its_line(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        "a,b,name,max_images,seed,groups\n"
        "x,y,one,,,\n"
        "x,,two,,,\n"
        '"x","y\nz",one,1,-1,(\n'
        "x,y,ONE,many,1.5,,7\n"
        "x,y,5,,,\n"
        "x,y\n"
        "x,y,7,0,,\n",
    )
    rows, problems = read_manifest(file)
    assert len(rows) == 7
    starts = [
        "line 3: b is empty",
        "line 4: max_images '1'; expected a whole number of at least 2",
        "line 4: seed '-1'; expected a whole number of at least 0",
        "line 4: groups '(' is no regular expression",
        "line 4: name 'one' is taken by line 2",
        "line 6: 7 cells for 6 columns",
        "line 6: max_images 'many'",
        "line 6: seed '1.5'",
        "line 6: name 'ONE' is taken by line 2",
        "line 9: max_images '0'",
    ]
    assert len(problems) == len(starts), problems
    for problem, start in zip(problems, starts, strict=True):
        assert problem.startswith(start)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "it is empty; expected a header with the columns a and b"),
        ("a,b\n\n", "no rows"),
        ("a|b\nx|y\n", "line 1: no column 'a' and 'b'; found: a|b"),
        ("\na,c\nx,y\n", "line 2: no column 'b'; found: a, c"),
        ("a,b,site,site\nx,y,1,2\n", "line 1: 2 columns 'site'"),
        ("a,b,,site\nx,y,1,2\n", "line 1: column 3 has no name"),
        ('a,b\nx,"y" z\n', "line 2: not readable as CSV"),
        ('a,b\nx,y\n"x,y\n', "line 3: not readable as CSV"),
    ],
)
def test_what_is_no_manifest_says_so(tmp_path: Path, text: str, problem: str) -> None:
    _, problems = read_manifest(written(tmp_path, text))
    assert len(problems) == 1 and problems[0].startswith(problem), problems


def test_a_file_that_cannot_be_read_is_one_problem(tmp_path: Path) -> None:
    assert read_manifest(tmp_path / "none.csv") == ([], ["No such file or directory; expected a CSV file in UTF-8"])
    (_, (problem,)) = read_manifest(written(tmp_path, "a,b\nä,ö\n", "latin-1"))
    assert problem.startswith("it is not UTF-8 text")


def test_a_safe_name_is_its_folder() -> None:
    for name in ("1", "day and night", "scanner_2.0+b-c", "更暗", "größer"):
        assert folder_of(name) == name


def test_any_other_name_gets_a_safe_folder_of_its_own() -> None:
    names = ["../x", "..", "/etc/passwd", "a/b", "a\\b", "a:b", ".hidden", "x.", "-rf", "<script>", "'\"", "x" * 300]
    names += ["index.html", "INDEX.csv", "更" * 100]
    folders = [folder_of(name) for name in names]
    assert len(set(folders)) == len(names)
    for folder in folders:
        assert Path(folder).name == folder and folder not in (".", "..") and not folder.startswith((".", "-"))
        assert not set(folder) & set("/\\:<>\"'") and len(folder.encode()) < 256
        assert folder.lower() not in ("index.html", "index.csv")
