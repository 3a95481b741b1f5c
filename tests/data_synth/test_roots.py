"""Roots: folders and archives read alike, nothing leaves an archive, Hugging Face datasets behind their package."""

import io
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from PIL import Image

from data_synth import roots
from vlmdiff.errors import InputError, UsageError
from vlmdiff.images.decode import Unreadable


def png(grey: int) -> bytes:
    stream = io.BytesIO()
    Image.new("L", (20, 20), grey).save(stream, "PNG")
    return stream.getvalue()


FILES = {
    "pets/cat/1.png": png(10),
    "pets/cat/deeper/2.PNG": png(20),
    "pets/dog/1.png": png(30),
    "pets/LICENSE": b"MIT License\n",
    "skies/1.png": png(40),
    "skies/SOURCE.md": b"# skies\n\n- Licence: CC0",
    "skies/notes.txt": b"ignored",
    "skies/.hidden.png": png(50),
    "loose.png": png(60),
}


def as_folder(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        path = folder / "shots" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder / "shots"


def as_zip(folder: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(folder / "shots.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return folder / "shots.zip"


def as_tar(ending: str) -> Callable[[Path, dict[str, bytes]], Path]:
    def write(folder: Path, files: dict[str, bytes]) -> Path:
        path = folder / f"shots{ending}"
        with tarfile.open(path, "w:gz" if ending != ".tar" else "w") as archive:
            for name, content in files.items():
                entry = tarfile.TarInfo(name)
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
        return path

    return write


KINDS = [as_folder, as_zip, as_tar(".tar"), as_tar(".tar.gz"), as_tar(".tgz")]


def read(root: Path | str) -> dict[str, Any]:
    return {str(place): content for place, content in roots.members(str(root))}


@pytest.mark.parametrize("write", KINDS)
def test_folders_and_archives_read_alike(tmp_path: Path, write: Callable[[Path, dict[str, bytes]], Path]) -> None:
    root = write(tmp_path, FILES)
    before = set(tmp_path.rglob("*"))
    taken = {name: content for name, content in FILES.items() if name not in ("skies/notes.txt", "skies/.hidden.png")}
    taken["shots/loose.png"] = taken.pop("loose.png")
    assert read(root) == taken
    assert set(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("write", KINDS)
def test_roots_without_pictures(tmp_path: Path, write: Callable[[Path, dict[str, bytes]], Path]) -> None:
    with pytest.raises(InputError, match="holds no images"):
        read(write(tmp_path, {"pets/notes.txt": b"", "pets/LICENSE": b"MIT"}))
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(InputError, match=r"^'.*' holds no files"):
        read(empty)


def test_what_is_no_root(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("pets/1.png")
    for place in ("absent", "absent.zip", "list.txt"):
        with pytest.raises(InputError, match="cannot be packed; expected a folder, an archive"):
            read(tmp_path / place)
    (tmp_path / "broken.zip").write_bytes(b"no archive")
    with pytest.raises(InputError, match="cannot be read: damaged"):
        read(tmp_path / "broken.zip")


@pytest.mark.parametrize("write", KINDS[1:])
@pytest.mark.parametrize("name", ["../out.png", "/out.png", "pets/../../out.png", "..\\out.png"])
def test_paths_that_lead_out(tmp_path: Path, write: Callable[[Path, dict[str, bytes]], Path], name: str) -> None:
    found = read(write(tmp_path, {name: png(1), "pets/1.png": png(2)}))
    refused = {place: content for place, content in found.items() if isinstance(content, Unreadable)}
    assert [str(reason) for reason in refused.values()] == ["its path leads out of the archive"]
    assert found["pets/1.png"] == png(2) and len(found) == 2


def test_links_are_not_followed_out_of_a_root(tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(png(1))
    root = as_folder(tmp_path, {"pets/1.png": png(2)})
    (root / "pets" / "link.png").symlink_to(tmp_path / "secret.png")
    assert isinstance(read(root)["pets/link.png"], Unreadable)
    with tarfile.open(tmp_path / "links.tar", "w") as archive:
        archive.add(root / "pets" / "1.png", "pets/1.png")
        entry = tarfile.TarInfo("pets/link.png")
        entry.type, entry.linkname = tarfile.SYMTYPE, str(tmp_path / "secret.png")
        archive.addfile(entry)
    assert isinstance(read(tmp_path / "links.tar")["pets/link.png"], Unreadable)


def test_long_statements_of_terms_are_not_read(tmp_path: Path) -> None:
    long = b"MIT" + b" " * roots.LONGEST_TERMS
    assert list(read(as_zip(tmp_path, {"pets/1.png": png(1), "pets/LICENSE": long}))) == ["pets/1.png"]


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("# weather\n\n- Source: somewhere\n- Licence: **NONE** in the repository", "Licence: NONE in the repository"),
        ("                  GNU GENERAL PUBLIC LICENSE\n   Version 3", "GNU GENERAL PUBLIC LICENSE"),
        ("Made by me.\nUse as you like.", "Made by me."),
        ("Creative Commons Legal Code\n\nCC0 1.0", "Creative Commons Legal Code"),
        ("\n \n", ""),
    ],
)
def test_the_line_that_names_a_licence(text: str, terms: str) -> None:
    assert roots.terms_in(text.encode()) == terms


class Part(list[dict[str, Any]]):
    """What is used of a Hugging Face Dataset."""

    features: dict[str, Any]
    info: SimpleNamespace
    split: str | None

    def select_columns(self, columns: list[str]) -> "Part":
        return part([{column: row[column] for column in columns} for row in self], self.features)

    def cast_column(self, column: str, kind: Any) -> "Part":
        assert not kind.decode
        return self


def part(rows: list[dict[str, Any]], features: dict[str, Any], licence: str = "", split: str | None = None) -> Part:
    made = Part(rows)
    made.features, made.info, made.split = features, SimpleNamespace(license=licence), split
    return made


class FakeImage:
    def __init__(self, decode: bool = True) -> None:
        self.decode = decode


class FakeLabel:
    def int2str(self, value: int) -> str:
        return ["cat", "dog/wolf"][value]


@pytest.fixture
def saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """Datasets by location, served by a stand-in for the package `datasets`; "saved" is on disk."""
    (tmp_path / "saved").mkdir()
    (tmp_path / "saved" / "dataset_info.json").write_text("{}")
    held: dict[str, Any] = {}

    def absent(location: str) -> Any:
        raise AssertionError(f"{location} is looked for in the wrong place")

    fake = ModuleType("datasets")
    fake.Image, fake.ClassLabel = FakeImage, FakeLabel  # type: ignore[attr-defined]
    fake.load_from_disk = lambda path: held["saved"] if path == str(tmp_path / "saved") else absent(path)  # type: ignore[attr-defined]
    fake.load_dataset = lambda name: held[name]  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "datasets", fake)
    yield held


FEATURES = {"number": object(), "picture": FakeImage(), "kind": FakeLabel()}


def row(content: bytes | None, kind: int, path: str | None = None) -> dict[str, Any]:
    return {"number": 3, "picture": {"bytes": content, "path": path}, "kind": kind}


def test_a_saved_dataset(saved: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "outside.png").write_bytes(png(4))
    rows = [row(png(1), 0), row(png(2), 1), row(png(3), -1), row(None, 0, str(tmp_path / "outside.png")), row(None, 0)]
    saved["saved"] = part(rows, FEATURES, licence="mit", split="train")
    found = read(f"hf:{tmp_path / 'saved'}")
    assert isinstance(found.pop("saved/cat/train-000004"), Unreadable)
    assert found == {
        "saved/LICENSE": b"mit",
        "saved/cat/train-000000": png(1),
        "saved/dog-wolf/train-000001": png(2),
        "saved/train-000002": png(3),
        "saved/cat/train-000003": png(4),
    }


def test_a_named_dataset_and_its_splits(saved: dict[str, Any]) -> None:
    saved["org/pets"] = {"train": part([row(png(1), 0)], FEATURES), "test": part([row(png(2), 0)], FEATURES)}
    assert list(read("hf:org/pets")) == ["pets/cat/train-000000", "pets/cat/test-000000"]
    assert read("hf:org/pets:test") == {"pets/cat/test-000000": png(2)}
    with pytest.raises(UsageError, match="no split 'dev'; expected one of train, test"):
        read("hf:org/pets:dev")


def test_datasets_that_cannot_be_read(saved: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="hf:org/absent cannot be loaded"):
        read("hf:org/absent")
    saved["org/texts"] = part([], {"text": object()})
    with pytest.raises(InputError, match="no column of images; its columns are text"):
        read("hf:org/texts")
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(UsageError, match="pip install datasets"):
        read("hf:org/texts")


def test_a_folder_that_was_not_saved_is_left_to_the_package(saved: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "parquet").mkdir()
    saved[str(tmp_path / "parquet")] = {"train": part([row(png(1), 1)], FEATURES)}
    assert read(f"hf:{tmp_path / 'parquet'}") == {"parquet/dog-wolf/train-000000": png(1)}


def test_a_real_folder_of_parquet_and_one_of_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    datasets: Any = pytest.importorskip("datasets")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    kinds = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=["cat", "dog"])})
    rows = {"image": [{"bytes": png(1), "path": None}, {"bytes": png(2), "path": None}], "label": [1, 0]}
    (tmp_path / "parquet").mkdir()
    datasets.Dataset.from_dict(rows, kinds).to_parquet(str(tmp_path / "parquet" / "train-00000-of-00001.parquet"))
    expected = {"parquet/dog/train-000000": png(1), "parquet/cat/train-000001": png(2)}
    assert read(f"hf:{tmp_path / 'parquet'}") == expected
    for kind, number in (("cat", 3), ("dog", 4)):
        (tmp_path / "pets" / kind).mkdir(parents=True)
        (tmp_path / "pets" / kind / "0.png").write_bytes(png(number))
    assert read(f"hf:{tmp_path / 'pets'}:train") == {"pets/cat/train-000000": png(3), "pets/dog/train-000001": png(4)}


def test_a_real_saved_dataset(tmp_path: Path) -> None:
    datasets: Any = pytest.importorskip("datasets")
    kinds = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=["cat", "dog"])})
    rows = {"image": [{"bytes": png(1), "path": None}, {"bytes": png(2), "path": None}], "label": [0, 1]}
    datasets.DatasetDict({"train": datasets.Dataset.from_dict(rows, kinds)}).save_to_disk(str(tmp_path / "pets"))
    assert read(f"hf:{tmp_path / 'pets'}:train") == {
        "pets/cat/train-000000": png(1),
        "pets/dog/train-000001": png(2),
    }
