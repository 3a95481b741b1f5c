"""Base images: splits by content, packing without silent loss, sampling from files and from the drawing board."""

import hashlib
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data_synth import sources
from data_synth.sources import Bank
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
    sources.pack(root, out, side)
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
    (tree / "pets" / "cat" / "notes.txt").write_text("no image")
    (tree / "pets" / "cat" / "scan.tif").write_bytes(b"not taken")
    (tree / "pets" / "cat" / "._0.png").write_bytes(b"not taken")
    (tree / "empty" / "class").mkdir(parents=True)
    photo(300).save(tree / "loose.png")
    domains = {domain.name: len(domain.files) for domain in sources.folder_domains(tree)}
    assert domains == {"pets": 16, "pets/cat": 8, "pets/dog": 8, "skies": 4}


def test_one_class_is_no_domain_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "set" / "only" / "deeper").mkdir(parents=True)
    photo(0).save(tmp_path / "set" / "only" / "deeper" / "0.JPG", "JPEG")
    assert [domain.name for domain in sources.folder_domains(tmp_path)] == ["set"]


def test_roots_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no folder"):
        sources.folder_domains(tmp_path / "absent")
    with pytest.raises(InputError, match="holds no images"):
        sources.folder_domains(tmp_path)
    (tmp_path / "drawn").mkdir()
    photo(0).save(tmp_path / "drawn" / "0.png")
    with pytest.raises(InputError, match="rename the folder"):
        sources.folder_domains(tmp_path)


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
        sources.pack(tree, tmp_path / name / "bank.npy", 32)
    for suffix in ("npy", "json"):
        one, two = ((tmp_path / name / f"bank.{suffix}").read_bytes() for name in ("one", "two"))
        assert one == two


def test_unreadable_files_are_reported(tree: Path, tmp_path: Path) -> None:
    (tree / "pets" / "cat" / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no more")
    whole = (tree / "pets" / "dog" / "0.png").read_bytes()
    (tree / "pets" / "dog" / "cut.png").write_bytes(whole[: len(whole) // 2])
    (tree / "pets" / "dog" / "empty.png").touch()
    Image.fromarray(np.full((40, 40), 3000, np.uint16)).save(tree / "pets" / "dog" / "deep.png")
    result = sources.pack(tree, tmp_path / "bank.npy", 32)
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


def test_sampling_files(tree: Path) -> None:
    bank = packed(tree, side=40)
    indices = bank.domains("train")["pets"]
    images = bank.sample("pets", "train", len(indices), 40, np.random.default_rng(0))
    assert {image.tobytes() for image in images} == {bank.images[i].tobytes() for i in indices}
    small, again = (bank.sample("pets", "train", 2, 24, np.random.default_rng(1)) for _ in range(2))
    assert np.array_equal(small, again) and small[0].shape == (24, 24, 3) and type(small[0]) is np.ndarray


def test_sampling_what_is_not_there(tree: Path) -> None:
    bank = packed(tree)
    with pytest.raises(InputError, match=r"no domain 'birds' in val; known are .*drawn/xray"):
        bank.sample("birds", "val", 1, 32, np.random.default_rng(0))
    with pytest.raises(InputError, match="1000 are wanted"):
        bank.sample("pets", "train", 1000, 32, np.random.default_rng(0))


def test_drawn_domains_need_no_files() -> None:
    bank = Bank.drawn_only()
    assert bank.domains("train") == {}
    for domain in sources.DRAWN:
        first, second = bank.sample(domain, "test", 2, 48, np.random.default_rng(0))
        assert first.shape == (48, 48, 3) and not np.array_equal(first, second)


def test_a_bank_that_does_not_fit(tree: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is missing"):
        Bank.load(tmp_path / "bank.npy")
    sources.pack(tree, tmp_path / "bank.npy", 32)
    (tmp_path / "bank.json").write_text("[]")
    with pytest.raises(InputError, match="pack them again"):
        Bank.load(tmp_path / "bank.npy")


def test_real_folders_become_domains(shared_data: Path) -> None:
    domains = sources.folder_domains(shared_data)
    assert domains
    assert all(path.suffix.lower() in sources.SUFFIXES for domain in domains for path in domain.files)
