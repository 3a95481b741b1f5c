"""Base images: splits by content, packing without silent loss, sampling from files and from the drawing board."""

import hashlib
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data_synth import __main__ as job
from data_synth import sources
from data_synth.sources import Bank, BaseImage
from vlmdiff.errors import InputError


def photo(seed: int, height: int = 40, width: int = 40) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Two data sets: 'pets' with the classes cat and dog (8 images each), 'skies' with 4 unlabelled ones."""
    root = tmp_path / "data"
    for folder, count, start in (("pets/cat", 8, 0), ("pets/dog", 8, 100), ("skies", 4, 200)):
        (root / folder).mkdir(parents=True)
        for index in range(count):
            photo(start + index).save(root / folder / f"{index}.png")
    return root


def packed(root: Path, side: int = 32) -> Bank:
    out = root.parent / "out" / "bank.npy"
    sources.pack([root], out, side)
    return Bank.load(out)


def test_split_shares_and_stability() -> None:
    contents = [str(number).encode() for number in range(50_000)]
    splits = [sources.split_of(content) for content in contents]
    counts: Counter[str] = Counter(splits)
    for split, share in (("train", 0.65), ("val", 0.10), ("test", 0.25)):
        assert counts[split] / 50_000 == pytest.approx(share, abs=0.01)
    assert splits == [sources.split_of(hashlib.sha256(content).hexdigest()) for content in contents]


@pytest.mark.parametrize(
    ("head", "split"),
    [
        ("00000000", "train"),
        ("a6666666", "train"),  # 0.65 * 2**32 = 0xa6666666.66
        ("a6666667", "val"),
        ("bfffffff", "val"),
        ("c0000000", "test"),  # exactly 0.75
        ("ffffffff", "test"),
    ],
)
def test_split_borders(head: str, split: str) -> None:
    assert sources.split_of(head + "0" * 56) == split


def test_folders_become_domains(tree: Path) -> None:
    for name in ("cat/notes.txt", "cat/scan.tif", "cat/._0.png"):
        (tree / "pets" / name).write_bytes(b"not taken")
    (tree / "empty" / "class").mkdir(parents=True)
    photo(300).save(tree / "loose.png")
    bank = packed(tree)
    names = {name for split in ("train", "val", "test") for name in bank.domains(split)}
    assert names == {"pets", "pets/cat", "pets/dog", "skies", "data"}
    assert Counter(item.domain for item in bank.items) == {"pets": 16, "skies": 4, "data": 1}
    assert Counter(item.label for item in bank.items) == {"cat": 8, "dog": 8, "": 5}


def test_one_class_is_no_domain_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "in" / "set" / "only" / "deeper").mkdir(parents=True)
    photo(0).save(tmp_path / "in" / "set" / "only" / "deeper" / "0.JPG", "JPEG")
    bank = packed(tmp_path / "in")
    assert [list(bank.domains(split)) for split in ("train", "val", "test") if bank.domains(split)] == [["set"]]
    assert bank.items[0].label == "only"


def test_several_roots(tree: Path, tmp_path: Path) -> None:
    other = tmp_path / "other" / "birds"
    other.mkdir(parents=True)
    photo(400).save(other / "0.png")
    out = tmp_path / "bank.npy"
    assert sources.pack([tree, tmp_path / "other"], out, 32).kept == 21
    before = out.read_bytes()
    (tmp_path / "more" / "skies").mkdir(parents=True)
    photo(401).save(tmp_path / "more" / "skies" / "0.png")
    with pytest.raises(InputError, match=r"data and .*more both hold a data set 'skies'|more and .*data both hold"):
        sources.pack([tree, tmp_path / "more"], out, 32)
    with pytest.raises(InputError, match="both hold a data set"):
        sources.pack([tree, tree], out, 32)
    assert out.read_bytes() == before and len(Bank.load(out).items) == 21  # a failure leaves the old bank alone


def test_roots_that_cannot_be_used(tmp_path: Path) -> None:
    out = tmp_path / "bank.npy"
    with pytest.raises(InputError, match="cannot be packed"):
        sources.pack([tmp_path / "absent"], out)
    (tmp_path / "data" / "drawn").mkdir(parents=True)
    photo(0).save(tmp_path / "data" / "drawn" / "0.png")
    with pytest.raises(InputError, match="rename the folder"):
        sources.pack([tmp_path / "data"], out)
    (tmp_path / "broken" / "set").mkdir(parents=True)
    (tmp_path / "broken" / "set" / "0.png").write_bytes(b"no image")
    with pytest.raises(InputError, match=r"none of 1 images can be read; the first, set/0.png"):
        sources.pack([tmp_path / "broken"], out)


def test_terms_are_kept_in_their_own_words(tree: Path) -> None:
    (tree / "pets" / "SOURCE.md").write_text("# pets\n\n- Source: a shelter\n- Licence: **CC BY 4.0** (by its page)\n")
    (tree / "empty").mkdir()
    (tree / "empty" / "LICENSE").write_text("MIT License")
    assert packed(tree).terms == {"pets": "Licence: CC BY 4.0 (by its page)"}


def test_pack_and_load(tree: Path) -> None:
    bank = packed(tree, side=40)
    assert bank.images.shape == (20, 40, 40, 3) and bank.images.dtype == np.uint8
    assert isinstance(bank.images, np.memmap)
    for image, item in zip(bank.images, bank.items, strict=True):
        content = (tree / item.file).read_bytes()
        assert np.array_equal(image, np.asarray(Image.open(tree / item.file)))
        assert item.sha256 == hashlib.sha256(content).hexdigest()
        assert item.split == sources.split_of(content)
        assert item.file.startswith("/".join(filter(None, (item.domain, item.label))) + "/")


def test_packing_twice_gives_the_same_bytes(tree: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        sources.pack([tree], tmp_path / name / "bank.npy", 32)
    for suffix in ("npy", "json"):
        one, two = ((tmp_path / name / f"bank.{suffix}").read_bytes() for name in ("one", "two"))
        assert one == two


def test_unreadable_files_are_reported(tree: Path, tmp_path: Path) -> None:
    (tree / "pets" / "cat" / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no more")
    whole = (tree / "pets" / "dog" / "0.png").read_bytes()
    (tree / "pets" / "dog" / "cut.png").write_bytes(whole[: len(whole) // 2])
    (tree / "pets" / "dog" / "empty.png").touch()
    Image.fromarray(np.full((40, 40), 3000, np.uint16)).save(tree / "pets" / "dog" / "deep.png")
    result = sources.pack([tree], tmp_path / "bank.npy", 32)
    assert result.kept == 20
    reasons = dict(result.skipped)
    assert set(reasons) == {
        f"pets/{name}" for name in ("cat/broken.jpg", "dog/cut.png", "dog/empty.png", "dog/deep.png")
    }
    assert "8 bits" in reasons["pets/dog/deep.png"]
    assert len(Bank.load(tmp_path / "bank.npy").images) == 20


def test_kinds_of_pixels(tmp_path: Path) -> None:
    (tmp_path / "data" / "set").mkdir(parents=True)
    folder = tmp_path / "data" / "set"
    Image.new("L", (40, 40), 90).save(folder / "1_grey.png")
    Image.new("RGB", (40, 40), (200, 40, 10)).quantize(4).save(folder / "2_palette.png")
    Image.new("RGBA", (40, 40), (0, 0, 0, 0)).save(folder / "3_alpha.png")
    Image.new("1", (40, 40), 1).save(folder / "4_bits.png")
    Image.new("CMYK", (40, 40), (0, 0, 0, 0)).save(folder / "5_cmyk.jpg")
    middles = [tuple(image[16, 16].tolist()) for image in packed(tmp_path / "data").images]
    assert middles == [(90, 90, 90), (200, 40, 10), (255, 255, 255), (255, 255, 255), (255, 255, 255)]


def test_exif_rotation_is_applied(tmp_path: Path) -> None:
    (tmp_path / "data" / "set").mkdir(parents=True)
    upper_half_white = np.zeros((40, 40, 3), np.uint8)
    upper_half_white[:20] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # shown after a quarter turn clockwise: the top goes to the right
    Image.fromarray(upper_half_white).save(tmp_path / "data" / "set" / "turned.jpg", exif=exif, quality=95)
    image = packed(tmp_path / "data").images[0]
    assert image[:, 20:].mean() > 245 and image[:, :12].mean() < 10


@pytest.mark.parametrize(("height", "width"), [(20, 60), (60, 20), (10, 30), (150, 50)])
def test_the_centre_square_is_kept(height: int, width: int) -> None:
    image = np.zeros((height, width, 3), np.uint8)
    edge = min(height, width)
    top, left = (height - edge) // 2, (width - edge) // 2
    image[top : top + edge, left : left + edge] = 200
    assert np.array_equal(sources.square(image, 32), np.full((32, 32, 3), 200, np.uint8))


def test_domains_cover_the_bank_and_splits_are_disjoint(tree: Path) -> None:
    bank = packed(tree)
    parts = {split: bank.domains(split) for split in ("train", "val", "test")}
    tops = np.concatenate([ix for part in parts.values() for name, ix in part.items() if "/" not in name])
    assert sorted(tops) == list(range(20))
    for part in parts.values():
        classes = [ix for name, ix in part.items() if name.startswith("pets/")]
        assert np.array_equal(np.sort(np.concatenate(classes)), part["pets"])
        assert "skies/" not in part


def test_near_duplicates_share_a_split(tree: Path) -> None:
    for number in range(8):  # each cat again, turned and mirrored in all ways, in another data set
        cat = np.asarray(Image.open(tree / "pets" / "cat" / f"{number}.png"))
        turned = np.rot90(cat, number % 4)
        Image.fromarray(turned[:, ::-1] if number >= 4 else turned).save(tree / "skies" / f"cat{number}.png")
    bank = packed(tree)
    alone = {item.sha256 for item in packed(tree).items if not item.group}
    members: dict[str, list[BaseImage]] = {}
    for item in bank.items:
        members.setdefault(item.group or item.sha256, []).append(item)
    assert sorted(map(len, members.values())) == [1] * 12 + [2] * 8
    assert len(alone) == 12
    for first, group in members.items():
        assert first == min(item.sha256 for item in group)
        assert {item.split for item in group} == {sources.split_of(first)}
        numbers = bank.groups[[bank.items.index(item) for item in group]]
        assert len(set(numbers.tolist())) == 1
    assert len(set(bank.groups.tolist())) == len(members) == 20


def test_where_images_are_added_none_leaves_training(tree: Path) -> None:
    before = {item.sha256: item.split for item in packed(tree).items}
    for number in range(8):
        for degrees in (90, 180):
            cat = Image.open(tree / "pets" / "cat" / f"{number}.png")
            cat.rotate(degrees).save(tree / "pets" / "cat" / f"{number}_{degrees}.png")
    after = {item.sha256: item.split for item in packed(tree).items}
    order = ("train", "val", "test")
    moves = [(split, after[digest]) for digest, split in before.items() if after[digest] != split]
    assert moves and all(order.index(new) < order.index(old) for old, new in moves)


def test_the_same_file_twice_is_one_picture(tmp_path: Path) -> None:
    (tmp_path / "data" / "set").mkdir(parents=True)
    for name in ("one", "two"):  # flat, so that nothing but its bytes tells
        Image.new("RGB", (40, 40), (90, 90, 90)).save(tmp_path / "data" / "set" / f"{name}.png")
    photo(0).save(tmp_path / "data" / "set" / "zero.png")
    assert packed(tmp_path / "data").groups.tolist() in ([0, 0, 1], [1, 1, 0])


def test_drawn_domains_need_no_files() -> None:
    bank = Bank.drawn_only()
    assert bank.domains("train") == {} and len(bank.groups) == 0


def test_a_bank_that_does_not_fit(tree: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is missing"):
        Bank.load(tmp_path / "bank.npy")
    sources.pack([tree], tmp_path / "bank.npy", 32)
    listed = json.loads((tmp_path / "bank.json").read_text())
    (tmp_path / "bank.json").write_text(json.dumps({**listed, "images": listed["images"][1:]}))
    with pytest.raises(InputError, match="pack them again"):
        Bank.load(tmp_path / "bank.npy")
    (tmp_path / "bank.json").write_text(json.dumps(listed["images"]))
    with pytest.raises(InputError, match="pack again"):
        Bank.load(tmp_path / "bank.npy")


def test_the_job_takes_several_roots(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "other" / "birds").mkdir(parents=True)
    photo(400).save(tmp_path / "other" / "birds" / "0.png")
    (tmp_path / "other" / "birds" / "1.png").write_bytes(b"no image")
    out = tmp_path / "bank.npy"
    monkeypatch.setattr("sys.argv", ["data_synth", "pack", str(tree), str(tmp_path / "other"), str(out)])
    with pytest.raises(SystemExit) as ended:
        job.main()
    assert ended.value.code == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("skipped birds/1.png: unreadable")
    assert lines[1].startswith("21 images kept, 21 different pictures, 1 skipped: ")
    assert len(Bank.load(out).items) == 21
