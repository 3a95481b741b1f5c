"""Every kind of source leads to the same fitted sets; what cannot be used is refused in words, without names."""

import csv
import io
import os
import tarfile
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from vlmdiff.errors import InputError, UsageError
from vlmdiff.findings import Side
from vlmdiff.images import archives, loading, sources
from vlmdiff.images.decode import Unreadable
from vlmdiff.images.references import Reference
from vlmdiff.images.sets import SetPair, load_pair
from vlmdiff.images.sources import open_set, read_contents, reading_order


def encoded(image: Image.Image, kind: str = "PNG", **options: int) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def picture(number: int, width: int = 40, height: int = 32) -> bytes:
    """A PNG like no other."""
    rng = np.random.default_rng([number, width, height])
    return encoded(Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8)))


def folder_of(folder: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def zip_of(path: Path, files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def tar_of(path: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz" if path.suffix in {".gz", ".tgz"} else "w") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """A sound set of three, to stand opposite to what a test is about."""
    return folder_of(tmp_path / "other", {f"{n}.png": picture(100 + n) for n in range(3)})


def names(references: list[Reference]) -> list[str]:
    return [reference.name for reference in references]


def refusals(source: Path | str, side: Side = "a") -> dict[str, str | None]:
    return {reference.name: reference.refused for reference in open_set(source, side)}


# Listing


def test_a_folder_is_searched_with_subfolders_sorted_and_without_hidden_files_and_litter(tmp_path: Path) -> None:
    names_in = [
        "b.png",
        "a/2.JPG",
        "a/1.png",
        ".hidden.png",
        ".git/x.png",
        "Thumbs.db",
        "a/.DS_Store",
        "__MACOSX/b.png",
    ]
    found = open_set(folder_of(tmp_path, dict.fromkeys(names_in, b"x")), "b")
    assert [(r.id, r.name) for r in found] == [("B-0001", "a/1.png"), ("B-0002", "a/2.JPG"), ("B-0003", "b.png")]


def test_other_kinds_of_files_in_a_folder_are_refused_by_suffix_and_keep_an_id(tmp_path: Path) -> None:
    found = refusals(
        folder_of(tmp_path, dict.fromkeys(["a.png", "b.txt", "c", "d.jane doe", "d.meyer", "e.tiff", "f.HEIC"], b"x"))
    )
    assert found == {
        "a.png": None,
        "b.txt": "not an image file (.txt)",
        "c": None,  # the content decides
        "d.jane doe": "not an image file",  # a suffix may be a name
        "d.meyer": "not an image file",
        "e.tiff": None,
        "f.HEIC": "a kind of image that is not read (.heic; save it as JPEG, PNG or TIFF)",
    }


def test_links_are_followed_only_to_files_inside_the_folder(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "set", {"in.png": b"x", "sub/deep.png": b"x"})
    outside = folder_of(tmp_path / "elsewhere", {"secret.png": b"x"})
    (folder / "inner.png").symlink_to(folder / "in.png")
    (folder / "outer.png").symlink_to(outside / "secret.png")
    (folder / "outside").symlink_to(outside)
    (folder / "loop").symlink_to(folder)
    found = refusals(folder)
    assert set(found) == {"in.png", "sub/deep.png", "inner.png", "outer.png", "outside", "loop"}
    assert found["inner.png"] is None
    assert "leaves the folder" in str(found["outer.png"])
    assert found["outside"] == found["loop"] == "link to a folder"


def test_a_glob(tmp_path: Path) -> None:
    folder_of(tmp_path, dict.fromkeys(["x/1.png", "x/2.png", "x/3.jpg", "x/y/4.png"], b"x"))
    assert [Path(name).name for name in names(open_set(f"{tmp_path}/x/*.png", "a"))] == ["1.png", "2.png"]
    assert len(open_set(f"{tmp_path}/**/*.png", "a")) == 3


def test_a_folder_whose_name_looks_like_a_glob(tmp_path: Path) -> None:
    assert names(open_set(folder_of(tmp_path / "set[1]", {"1.png": b"x"}), "a")) == ["1.png"]


def test_a_text_list(tmp_path: Path) -> None:
    folder_of(tmp_path, {"x/1.png": b"1", "x/2.png": b"2"})
    lines = ["\ufeff# some", "x/2.png", "", "  x/1.png ", "./x/2.png", "#x/3.png", "x/4.png", str(tmp_path / "x/5")]
    (tmp_path / "list.txt").write_text("\r\n".join(lines), encoding="utf-8")
    found = open_set(tmp_path / "list.txt", "a")
    contents = [
        reference.refused or str(content) for reference, content in zip(found, read_contents(found), strict=True)
    ]
    assert dict(zip(names(found), contents, strict=True)) == {
        "x/1.png": "b'1'",
        "x/2.png": "b'2'",
        "./x/2.png": "listed before",
        "x/4.png": "cannot be opened (No such file or directory)",
        str(tmp_path / "x/5"): "cannot be opened (No such file or directory)",
    }


@pytest.mark.parametrize(
    "rows",
    [
        [["label", "Path"], ["x", "1.png"], ["y", "2.png"]],
        [["file", "label"], ["1.png", "x"], ["2.png", "y"]],
        [["1.png", "x"], ["2.png", "y"]],
        [["path"], ["1.png"], [], ["2.png"], ["#3.png"]],
    ],
)
def test_a_csv_list_names_files_in_the_column_path_or_else_the_first(tmp_path: Path, rows: list[list[str]]) -> None:
    with (tmp_path / "list.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    assert names(open_set(tmp_path / "list.csv", "a")) == ["1.png", "2.png"]


@pytest.mark.parametrize("archive", ["set.zip", "set.tar", "set.tar.gz", "set.tgz"])
def test_archives_are_read_in_memory_and_their_names_are_just_names(tmp_path: Path, archive: str) -> None:
    inside = {"z.png": b"z", "../../up.png": b"up", "/etc/abs.png": b"abs", "./d/ok.png": b"ok", "notes.txt": b"t"}
    hidden = {".secret.png": b"s", "__MACOSX/z.png": b"m", "d/.DS_Store": b"d"}
    make = zip_of if archive.endswith("zip") else tar_of
    path = make(tmp_path / archive, inside | hidden)
    before = sorted(tmp_path.rglob("*"))
    found = open_set(path, "a")
    assert sorted(names(found)) == sorted(inside)
    assert {r.name: c for r, c in zip(found, read_contents(found), strict=True)} == inside
    backwards = sorted(found, key=reading_order, reverse=True)
    assert {r.name: c for r, c in zip(backwards, read_contents(backwards), strict=True)} == inside
    assert sorted(tmp_path.rglob("*")) == before


def test_a_zip_member_that_unpacks_a_thousandfold_is_refused_and_so_is_a_zip_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "RATIO_FLOOR", 100_000)
    mostly_sound = zip_of(tmp_path / "one.zip", {"bomb.bmp": bytes(200_000), "ok.png": os.urandom(50_000)})
    assert refusals(mostly_sound) == {"bomb.bmp": "unpacks to more than 200 times its size", "ok.png": None}
    for path in (
        zip_of(tmp_path / "b.zip", {"b.bmp": bytes(400_000)}),
        tar_of(tmp_path / "b.tgz", {"b.bmp": bytes(10**6)}),
    ):
        with pytest.raises(InputError, match="200 times its size"):
            open_set(path, "a")


def test_bounds_on_entries_and_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {f"{n}.png": os.urandom(2000) for n in range(5)}
    packed = [zip_of(tmp_path / "x.zip", files), tar_of(tmp_path / "x.tar", files), tar_of(tmp_path / "x.tgz", files)]
    folder = folder_of(tmp_path / "folder", files)
    with monkeypatch.context() as patch:
        patch.setattr(archives, "MAX_ENTRIES", 4)
        for archive in packed:
            with pytest.raises(InputError, match="more than 4 entries"):
                open_set(archive, "a")
    with monkeypatch.context() as patch:
        patch.setattr(archives, "MAX_UNPACKED", 9999)
        for archive in packed:
            with pytest.raises(InputError, match="unpacks to more than"):
                open_set(archive, "a")
    monkeypatch.setattr(archives, "MAX_BYTES", 1999)
    monkeypatch.setattr(sources, "MAX_BYTES", 1999)
    for archive in packed:
        assert all("more than" in str(reason) for reason in refusals(archive).values())
    assert all(isinstance(c, Unreadable) for c in read_contents(open_set(folder, "a")))


def test_a_tar_header_may_be_a_bomb_too(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "x.tgz", "w:gz", format=tarfile.GNU_FORMAT) as archive:
        archive.addfile(tarfile.TarInfo("n" * 2_000_000))
    with pytest.raises(InputError, match="cannot be read"):
        open_set(tmp_path / "x.tgz", "a")


def test_links_and_encrypted_members_are_refused(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        link = tarfile.TarInfo("link.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    assert refusals(tmp_path / "x.tar") == {"link.png": "not a regular file"}
    data = bytearray(zip_of(tmp_path / "x.zip", {"a.png": b"x"}).read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "x.zip").write_bytes(data)
    assert refusals(tmp_path / "x.zip") == {"a.png": "encrypted"}


@given(st.binary(min_size=1, max_size=8), st.floats(0, 1), st.sampled_from([".zip", ".tar", ".tgz"]), st.booleans())
@settings(max_examples=60, deadline=None)
def test_damaged_archives_are_refused_or_read_in_part(
    tmp_path_factory: pytest.TempPathFactory, noise: bytes, where: float, suffix: str, cut: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / f"damaged{suffix}"
    make = zip_of if suffix == ".zip" else tar_of
    data = bytearray(make(path, {"a.png": b"a" * 300, "d/b.png": os.urandom(40), "c.txt": b"c"}).read_bytes())
    at = int(where * (len(data) - 1))
    data[at:] = noise if cut else noise + data[at + len(noise) :]
    path.write_bytes(data)
    try:
        found = [reference for reference in open_set(path, "a") if not reference.refused]
    except InputError:
        return
    for content in read_contents(found):
        assert isinstance(content, (bytes, Unreadable))


# What cannot be a set


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("missing", "no file or folder"),
        ("missing.zip", "no file or folder"),
        ("", "no file or folder"),
        ("  ", "no file or folder"),
        ("x\0y", "no file or folder"),
        ("n" * 5000, "cannot be opened|no file or folder"),
        ("https://example.org/set.zip", "no file or folder"),
        ("one.png", "single file"),
        ("empty", "holds no files"),
        ("empty/*.png", "holds no files"),
        ("empty.txt", "holds no files"),
        ("empty.csv", "holds no files"),
        ("latin.txt", "not UTF-8"),
        ("broken.zip", "damaged"),
        ("broken.tgz", "damaged"),
    ],
)
def test_a_source_that_is_no_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, words: str) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    broken = {"latin.txt": "é.png".encode("latin-1"), "broken.zip": b"PK", "broken.tgz": b"\x1f\x8bx"}
    folder_of(tmp_path, {"one.png": picture(1), "empty.txt": b"# nothing\n", "empty.csv": b"path\n"} | broken)
    with pytest.raises(InputError, match=words) as error:
        open_set(source, "a")
    message = str(error.value)
    assert "\n" not in message and repr(source) in message
    if "no file or folder" in message:
        assert "a folder, a glob" in message


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"a.txt": b"a", "b.txt": b"b"}, r"set A: 0 readable images of 2 \(2 not an image file \(.txt\)\); at least 2"),
        ({"a.png": picture(1)}, r"set A: 1 readable image of 1; at least 2 are needed"),
        ({"a.png": picture(1), "b.png": picture(2)[:500]}, r"1 readable image of 2 \(1 truncated file\)"),
        ({"a.png": picture(1, 1, 1), "b.png": picture(2, 1, 1)}, r"0 readable images of 2 \(2 1 x 1 px: at least 16"),
        ({"a.png": b"", "b.png": b"", "c.png": b"GIF"}, r"0 readable images of 3 \(2 empty file, 1 not an image"),
    ],
)
def test_too_few_readable_images(tmp_path: Path, other: Path, files: dict[str, bytes], words: str) -> None:
    folder = folder_of(tmp_path / "few", files)
    with pytest.raises(InputError, match=words) as error:
        load_pair(folder, other, size=16)
    assert error.value.exit_code == 3
    assert not any(name in str(error.value) for name in files)
    with pytest.raises(InputError, match="set B"):
        load_pair(other, folder, size=16)


def test_a_and_b_must_be_two_paths(other: Path) -> None:
    (other.parent / "alias").symlink_to(other)
    for same in (other, f"{other}/", other / ".." / "other", other.parent / "alias"):
        with pytest.raises(InputError, match="A and B are the same path"):
            load_pair(other, same, size=16)


def test_a_sample_of_one_is_refused(other: Path) -> None:
    with pytest.raises(UsageError, match="at least 2"):
        load_pair(other, other.parent, size=16, max_images=1)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_skipped_and_not_waited_for(tmp_path: Path, other: Path) -> None:
    folder = folder_of(tmp_path / "set", {"1.png": picture(1), "2.png": picture(2)})
    os.mkfifo(folder / "3.png")
    assert [s.reason for s in load_pair(folder, other, size=16).a.skipped] == ["not a regular file"]


# Loading


def test_images_keep_order_ids_digests_and_skipped_ones_their_reason(tmp_path: Path, other: Path) -> None:
    files = {f"{n:02d}.png": picture(n) for n in range(20)}
    files |= {"03.png": b"junk", "07.png": picture(7)[:-200], "readme.md": b"#"}
    calls: list[tuple[int, int]] = []
    pair = load_pair(
        folder_of(tmp_path / "set", files), other, size=16, progress=lambda done, total: calls.append((done, total))
    )
    readable = [name for name in sorted(files) if name not in {"03.png", "07.png", "readme.md"}]
    assert pair.a.ids == [f"A-{1 + int(name[:2]):04d}" for name in readable]
    assert pair.a.pixels.shape == (18, 16, 16, 3) and pair.a.pixels.dtype == np.uint8
    for row, name in enumerate(readable):
        square = Image.open(io.BytesIO(files[name])).crop((4, 0, 36, 32))
        assert np.abs(pair.a.pixels[row] - np.asarray(square.reduce(2)).astype(int)).max() <= 1
    assert len(set(pair.a.digests)) == 18 and all(len(digest) == 64 for digest in pair.a.digests)
    assert [(s.file, s.reason[:12]) for s in pair.a.skipped] == [
        ("A-0004", "not an image"),
        ("A-0008", "truncated fi"),
        ("A-0021", "not an image"),
    ]
    assert pair.a.window is pair.b.window is pair.window is None
    assert {total for _, total in calls} == {23} and calls[-1] == (23, 23)
    assert [done for done, _ in calls] == sorted(done for done, _ in calls)


def test_the_process_keeps_its_settings(tmp_path: Path, other: Path) -> None:
    folder = folder_of(tmp_path / "set", {f"{n:02d}.png": picture(n) for n in range(30)})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        before = warnings.filters, list(warnings.filters), Image.MAX_IMAGE_PIXELS
        load_pair(folder, other, size=16)
        assert (warnings.filters, list(warnings.filters), Image.MAX_IMAGE_PIXELS) == before


def test_names_appear_only_when_asked_for(tmp_path: Path, other: Path) -> None:
    folder = folder_of(tmp_path / "set", {"jane.png": picture(1), "joe.png": picture(2), "jim\n.png": b"junk"})
    quiet = load_pair(folder, other, size=16)
    assert "j" not in "".join(quiet.a.ids) and quiet.a.skipped[0].file == "A-0002"
    assert not any("jim" in warning for warning in quiet.warnings)
    named = load_pair(folder, other, size=16, show_names=True).a
    assert named.skipped[0].file == "jim\N{REPLACEMENT CHARACTER}.png"
    assert named.ids == [f"{one.id} ({one.name})" for one in named.references]
    assert load_pair(folder, other, size=16).a.ids == [one.id for one in named.references]


@pytest.mark.parametrize("source", ["folder", "set.zip", "set.tar", "set.tgz", "list.txt"])
def test_every_source_gives_the_same_set_and_thumbnails(tmp_path: Path, other: Path, source: str) -> None:
    # Stored in the order of the numbers, read in the order of the names: an archive is read as it is stored.
    files = {f"{name}.png": picture(n) for n, name in enumerate("dbcae")} | {"bad.png": b"junk"}
    folder = folder_of(tmp_path / "folder", files)
    (tmp_path / "list.txt").write_text("\n".join(f"folder/{name}" for name in files))
    make: Callable[[Path, dict[str, bytes]], Path] = zip_of if source.endswith("zip") else tar_of
    if source.startswith("set."):
        make(tmp_path / source, files)
    expected = load_pair(folder, other, size=16).a
    actual = load_pair(tmp_path / source, other, size=16).a
    assert (actual.ids, actual.digests, actual.skipped) == (expected.ids, expected.digests, expected.skipped)
    np.testing.assert_array_equal(actual.pixels, expected.pixels)
    assert [actual.thumbnail(i) for i in range(5)] == [expected.thumbnail(i) for i in range(5)]


@pytest.mark.parametrize("archived", [False, True])
def test_a_sample_is_random_by_seed_and_replaces_what_is_unreadable(
    tmp_path: Path, other: Path, archived: bool
) -> None:
    files = {f"{n:02d}.png": picture(n) if n % 3 else b"junk" for n in range(30)} | {"x.txt": b"x"}
    source = tar_of(tmp_path / "x.tgz", files) if archived else folder_of(tmp_path / "set", files)

    def sample(seed: int, count: int = 12) -> SetPair:
        return load_pair(source, other, size=16, max_images=count, seed=seed)

    first, again, another = sample(0), sample(0), sample(1)
    assert first.a.ids == again.a.ids != another.a.ids
    assert len(first.a.ids) == len(set(first.a.ids)) == 12 and first.a.ids == sorted(first.a.ids)
    np.testing.assert_array_equal(first.a.pixels, again.a.pixels)
    everything = load_pair(source, other, size=16).a
    rows = [everything.ids.index(name) for name in first.a.ids]
    np.testing.assert_array_equal(first.a.pixels, everything.pixels[rows])
    assert first.a.digests == [everything.digests[row] for row in rows]
    assert len(first.b.ids) == 3
    assert len(sample(0, 25).a.ids) == 20 and len(sample(0, 500).a.ids) == 20


def test_only_a_few_files_are_on_their_way_at_once(
    tmp_path: Path, other: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = folder_of(tmp_path / "set", {f"{n:02d}.png": picture(n) for n in range(40)})
    handed_out = 0
    ahead = []

    def counted(references: list[Reference]) -> object:
        nonlocal handed_out
        for content in read_contents(references):
            handed_out += 1
            yield content

    def progress(done: int, total: int) -> None:
        ahead.append(handed_out - done)

    monkeypatch.setattr(loading, "read_contents", counted)
    load_pair(folder, other, size=16, progress=progress)
    assert max(ahead) <= loading.WORKERS + 2


def test_one_window_for_both_sets(tmp_path: Path) -> None:
    def levels(low: int) -> bytes:
        return encoded(Image.fromarray((low + np.arange(1024).reshape(32, 32)).astype(np.uint16)))

    dim = folder_of(tmp_path / "dim", {f"{n}.png": levels(1000) for n in range(3)})
    bright = folder_of(tmp_path / "bright", {f"{n}.png": levels(2024) for n in range(3)})
    pair = load_pair(dim, bright, size=32)
    assert pair.window is not None and pair.window is pair.a.window is pair.b.window
    ((window,),) = pair.window.windows.values()
    assert (window.low, window.high) == pytest.approx((1010, 3037), abs=2)
    assert pair.a.pixels.max() <= 129 and pair.b.pixels.min() >= 126
    ramp = pair.a.pixels[0, :, :, 0].ravel().astype(int)
    assert (np.diff(ramp) >= 0).all() and ramp[0] == 0
    thumbnail = np.asarray(Image.open(io.BytesIO(pair.b.thumbnail(0))))
    np.testing.assert_array_equal(thumbnail, pair.b.pixels[0])


def test_high_depth_and_plain_images_of_one_set_keep_their_places(tmp_path: Path, other: Path) -> None:
    deep = encoded(Image.fromarray(np.full((32, 32), 500, np.uint16)))
    folder = folder_of(tmp_path / "set", {"1.png": picture(1), "2.png": deep, "3.png": picture(3)})
    pair = load_pair(folder, other, size=16)
    assert (pair.a.pixels[1] == 0).all() and pair.a.pixels[0].std() > 10 and pair.a.pixels[2].std() > 10
    assert not any("bit depth" in warning for warning in pair.warnings)


# Thumbnails


def test_a_thumbnail_is_the_whole_picture_without_metadata(tmp_path: Path, other: Path) -> None:
    exif = Image.Exif()
    exif[0x010E], exif[0x0112] = "secret", 6
    file = io.BytesIO()
    Image.new("RGB", (400, 100), "red").save(file, "JPEG", exif=exif, comment=b"secret")
    folder = folder_of(tmp_path / "set", {"1.jpg": file.getvalue(), "2.png": picture(2)})
    loaded = load_pair(folder, other, size=16).a
    png = loaded.thumbnail(0, side_px=100)
    image = Image.open(io.BytesIO(png))
    assert image.format == "PNG" and image.size == (25, 100) and not image.info and b"secret" not in png
    assert Image.open(io.BytesIO(loaded.thumbnail(1))).size == (40, 32)


def test_a_file_that_changed_or_went_has_no_thumbnail(tmp_path: Path, other: Path) -> None:
    folder = folder_of(tmp_path / "set", {"1.png": picture(1), "2.png": picture(2)})
    loaded = load_pair(folder, other, size=16).a
    (folder / "1.png").write_bytes(picture(3))
    (folder / "2.png").unlink()
    with pytest.raises(InputError, match="A-0001 has changed"):
        loaded.thumbnail(0)
    with pytest.raises(InputError, match="A-0002 cannot be read again"):
        loaded.thumbnail(1)


# Warnings


def some(folder: Path, start: int = 0, width: int = 40, height: int = 32, kind: str = "PNG", **options: int) -> Path:
    images = [Image.open(io.BytesIO(picture(start + n, width, height))) for n in range(4)]
    return folder_of(folder, {f"{n}.img.{kind.lower()}": encoded(i, kind, **options) for n, i in enumerate(images)})


def test_alike_files_raise_no_warning(tmp_path: Path) -> None:
    assert load_pair(some(tmp_path / "a"), some(tmp_path / "b", 10), size=16).warnings == []


def test_warnings_about_files(tmp_path: Path) -> None:
    plain = some(tmp_path / "plain")

    def warned(other: Path) -> str:
        return " | ".join(load_pair(plain, other, size=16).warnings)

    assert warned(some(tmp_path / "jpg", 10, kind="JPEG")) == "file formats differ: A is 100% PNG, B 100% JPEG"
    assert warned(some(tmp_path / "large", 10, 60, 60)).startswith(
        "picture sizes differ: the median is 0.00128 megapixels in A and 0.0036 in B"
    )
    assert "bit depths differ" in warned(
        folder_of(
            tmp_path / "deep",
            {f"{n}.png": encoded(Image.fromarray(np.full((32, 40), n, np.uint16))) for n in range(4)},
        )
    )
    long = warned(some(tmp_path / "long", 10, 64, 20))
    assert long.startswith("B: the images are long; the centred square that is compared leaves out over 40 % of 4 of 4")
    assert "shapes differ: the median is 1.25 times as wide as high in A and 3.2 in B" in long
    twice = folder_of(tmp_path / "twice", {"1.png": picture(50), "2.png": picture(50), "3.png": picture(51)})
    assert warned(twice) == "B: 1 of 3 images repeat others (same bytes)"
    skipping = folder_of(some(tmp_path / "skipping", 10), {"x.txt": b"", "y.png": b"", "z.png": b""})
    assert warned(skipping) == "B: 3 of 7 files skipped (2 empty file, 1 not an image file (.txt))"


def test_identical_sets_in_two_folders_are_compared_with_a_warning(tmp_path: Path) -> None:
    pair = load_pair(some(tmp_path / "a"), some(tmp_path / "b"), size=16)
    assert pair.warnings == ["4 images are in both sets (same bytes)"]
    assert len(pair.a.ids) == len(pair.b.ids) == 4


def test_stronger_compression_is_warned_of(tmp_path: Path) -> None:
    fine = some(tmp_path / "a", kind="JPEG", quality=95)
    coarse = some(tmp_path / "b", 10, kind="JPEG", quality=40)
    assert load_pair(fine, coarse, size=16).warnings == [
        "JPEG compression differs (mean quantisation step): the median is 5.77 in A and 72.1 in B"
    ]


# Real files


def test_real_microscopy_folder(shared_data: Path, other: Path) -> None:
    pair = load_pair(f"{shared_data}/formats/*.tif", other, size=64, show_names=True)
    assert len(pair.a.ids) == 6 and pair.window is not None
    assert all(name.endswith(".tif") for name in (reference.name for reference in pair.a.references))
    assert all(skip.reason for skip in pair.a.skipped)
    assert all(pair.a.thumbnail(index).startswith(b"\x89PNG") for index in range(6))


# Groups


def groups_by_name(pair: SetPair) -> dict[str, str]:
    """The group of every file that was read, as a letter a group in the order of ids; names over both sets."""
    letters: dict[str, str] = {}
    found = {}
    for one in (pair.a, pair.b):
        assert one.groups is not None and len(one.groups) == len(one.ids)
        for reference, group in zip(one.references, one.groups, strict=True):
            found[f"{one.side}:{reference.name}"] = letters.setdefault(group, chr(ord("A") + len(letters)))
    return found


@pytest.mark.parametrize("archived", [False, True])
@pytest.mark.parametrize("told", [r"(p\d+)[_/]", r"p\d+", r"(p\d)(?:/|_)(\d)", r"(p\d)/|(p\d)_"])
def test_groups_by_path(tmp_path: Path, archived: bool, told: str) -> None:
    in_a = ["p1/1.png", "p1/2.png", "p2_1.png", "p2_2.png"]
    in_b = ["p2/7.png", "p2/8.png", "p3/1.png", "broken/p3/2.png"]
    files = [{name: picture(i + 10 * len(part)) for i, name in enumerate(part)} for part in (in_a, in_b[:3])]
    files[1]["broken/p3/2.png"] = b"junk"
    make = (lambda path, part: zip_of(path.with_suffix(".zip"), part)) if archived else folder_of
    a, b = make(tmp_path / "p8", files[0]), make(tmp_path / "p9", files[1])
    pair = load_pair(a, b, size=16, groups=told)
    assert groups_by_name(pair) == {
        "a:p1/1.png": "A",
        "a:p1/2.png": "A",
        "a:p2_1.png": "B",
        "a:p2_2.png": "B",
        "b:p2/7.png": "B",
        "b:p2/8.png": "B",
        "b:p3/1.png": "C",
    }
    assert not [warning for warning in pair.warnings if "group" in warning]
    assert load_pair(a, b, size=16).a.groups is None


def test_files_in_no_group_stand_for_themselves_and_are_counted(tmp_path: Path, other: Path) -> None:
    folder = folder_of(tmp_path / "set", {name: picture(i) for i, name in enumerate(["p1-1.png", "p1-2.png", "x.png"])})
    pair = load_pair(folder, other, size=16, groups=r"p(\d)-|_(\d)")
    assert sorted(groups_by_name(pair).values()) == ["A", "A", "B", "C", "D", "E"]
    assert [warning for warning in pair.warnings if "group" in warning] == [
        "A: 1 of 3 images are in no group; each stands for itself",
        "B: 3 of 3 images are in no group; each stands for itself",
    ]
    each = load_pair(folder, other, size=16, groups=r".+")
    assert "no two images are in the same group: the groups change nothing" in each.warnings


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ("(", "is no regular expression"),
        (r"patient(\d+)", "matches none of 6 files"),
        ("()", "matches none of 6 files"),
    ],
)
def test_groups_that_fit_nothing(tmp_path: Path, other: Path, told: str, words: str) -> None:
    folder = folder_of(tmp_path / "set", {f"jane{n}.png": picture(n) for n in range(3)})
    with pytest.raises(
        UsageError, match=f"{words}.*give a regular expression .*, column:NAME of .*, or none"
    ) as caught:
        load_pair(folder, other, size=16, groups=told)
    assert "jane" not in str(caught.value)
    with pytest.raises(InputError, match="0 readable images"):
        load_pair(
            folder_of(tmp_path / "x", {"x.txt": b"x"}), folder_of(tmp_path / "y", {"y.txt": b"y"}), size=16, groups="p"
        )


def csv_of(path: Path, rows: list[list[str]]) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def test_groups_by_column_of_two_lists(tmp_path: Path) -> None:
    folder_of(tmp_path, {f"{n}.png": picture(n) for n in range(7)})
    a = csv_of(
        tmp_path / "a.csv", [["Path", "Patient ID"], ["2.png", "x"], ["0.png", "y"], ["1.png", " y "], ["0.png", "z"]]
    )
    b = csv_of(
        tmp_path / "b.csv", [["patient id", "path"], ["y", "3.png"], ["", "4.png"], ["", "5.png"], ["w", "6.png"]]
    )
    pair = load_pair(a, b, size=16, groups="column:patient id")
    assert groups_by_name(pair) == {
        "a:0.png": "A",
        "a:1.png": "A",
        "a:2.png": "B",
        "b:3.png": "A",
        "b:4.png": "C",
        "b:5.png": "D",
        "b:6.png": "E",
    }
    assert "B: 2 of 4 images are in no group; each stands for itself" in pair.warnings


def test_a_column_that_is_not_there(tmp_path: Path, other: Path) -> None:
    folder_of(tmp_path, {f"{n}.png": picture(n) for n in range(6)})
    a = csv_of(tmp_path / "a.csv", [["path", "who", "empty"], ["0.png", "x", ""], ["1.png"]])
    b = csv_of(tmp_path / "b.csv", [["path", "who", "empty"], ["2.png", "x"], ["3.png", "x"]])
    bare = csv_of(tmp_path / "bare.csv", [["4.png", "x"], ["5.png", "x"]])
    for wrong, told, words in (
        (b, "column:patient", "set A has the columns path, who, empty; give"),
        (b, "column:empty", "no file has a value there"),
        (bare, "column:who", r"set B is no \.csv list with a header; give"),
        (other, "column:who", r"set B is no \.csv list with a header; give"),
    ):
        with pytest.raises(UsageError, match=words):
            load_pair(a, wrong, size=16, groups=told)


def test_a_sample_keeps_the_groups_of_its_images(tmp_path: Path, other: Path) -> None:
    folder = folder_of(tmp_path / "set", {f"p{n // 3}-{n}.png": picture(n) for n in range(12)})
    sample = load_pair(folder, other, size=16, max_images=5, groups=r"p\d").a
    assert sample.groups == [reference.name[:2] for reference in sample.references]
    assert len(sample.groups) == 5
