"""Loaders on miniature trees of the true layouts: classes, groups, what is missing, grey, colour and 16 bits."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from eval.medical.loaders import ABSENT, LOADERS, NO_LABEL, Listing, listing
from eval.medical.manifest import SHIPPED, Manifest, read
from eval.medical.pictures import LARGEST, SMALLEST, content, decoded, pixels
from tests.eval import releases
from vlmdiff.errors import InputError
from vlmdiff.images.decode import Unreadable


def manifest(name: str) -> Manifest:
    return read(SHIPPED / f"{name}.toml")


def listed(name: str, folder: Path, release: Callable[[Path], None]) -> Listing:
    release(folder)
    return listing(manifest(name), folder)


def counts(found: Listing) -> dict[str, int]:
    return {name: len(pictures) for name, pictures in found.classes.items() if pictures}


def groups(found: Listing, name: str) -> list[str | None]:
    return [picture.group for picture in found.classes[name]]


def test_ham10000(tmp_path: Path) -> None:
    found = listed("ham10000", tmp_path / "HAM10000", releases.ham10000)
    assert counts(found) == {"melanocytic naevi": 12, "melanoma": 4}
    assert found.noticed[ABSENT] == 1 and found.noticed["of no class: df"] == 1
    assert found.noticed["class 'basal cell carcinoma' has no image"] == 1
    assert sorted(set(groups(found, "melanocytic naevi")), key=str) == [f"HAM_{i:07d}" for i in range(6)]
    (image,) = pixels([found.classes["melanoma"][:1]])[0]
    assert image.shape == (SMALLEST, SMALLEST, 3) and np.ptp(image.astype(int), axis=2).max() > 0


def test_nih(tmp_path: Path) -> None:
    found = listed("nih_chest_xray", tmp_path / "NIH", releases.nih)
    assert counts(found) == {"no finding": 8, "effusion": 4}  # Effusion|Infiltration is not effusion only
    assert groups(found, "effusion") == ["5", "6", "7", "8"]
    assert found.noticed["of no class: Effusion, Infiltration"] == 4
    assert found.noticed["of another kind, by View Position"] == 1
    (image,) = pixels([found.classes["effusion"][:1]])[0]
    assert (image == image[..., :1]).all()


def test_chexpert(tmp_path: Path) -> None:
    found = listed("chexpert", tmp_path / "CheXpert-v1.0-small", releases.chexpert)
    assert counts(found) == {"no finding": 1, "effusion": 1, "devices": 1}
    assert groups(found, "effusion") == ["patient00003"]  # not the uncertain ones, nor the lateral view
    assert found.noticed["of no class: uncertain Pleural Effusion"] == 1 and found.noticed[NO_LABEL] == 1


def test_oasis(tmp_path: Path) -> None:
    found = listed("oasis", tmp_path / "OASIS", releases.oasis)
    expected = {"no dementia": 4, "very mild dementia": 2, "mild or moderate dementia": 4}
    assert counts(found) == expected  # the slices 120 and 139, not 99
    assert set(groups(found, "mild or moderate dementia")) == {"OAS1_0028", "OAS1_0308"}
    assert found.noticed[NO_LABEL] == 2  # the rating, not the folder, decides


def test_adni(tmp_path: Path) -> None:
    found = listed("adni", tmp_path / "ADNI", releases.adni)
    assert counts(found) == {"cognitively normal": 2, "mild cognitive impairment": 2, "Alzheimer's disease": 2}
    assert set(groups(found, "Alzheimer's disease")) == {"003_S_1059"}


def test_bbbc021_three_channels_of_16_bits(tmp_path: Path) -> None:
    found = listed("bbbc021", tmp_path / "BBBC021", releases.bbbc021)
    assert counts(found) == {"DMSO, untreated": 2, "microtubule stabilisers": 2}
    assert found.noticed[NO_LABEL] == 1 and set(groups(found, "DMSO, untreated")) == {"Week1_22120", "Week1_22121"}
    a, b = pixels([found.classes["DMSO, untreated"], found.classes["microtubule stabilisers"]])
    stack = np.stack([*a, *b])
    assert stack.dtype == np.uint8 and stack.shape == (4, SMALLEST, SMALLEST, 3)
    # Each channel has a window of its own, so that none is black though their levels differ 15-fold.
    assert (np.abs(stack.mean((0, 1, 2)) - 127) < 40).all()


def test_one_window_serves_both_sets(tmp_path: Path) -> None:
    found = listed("bbbc021", tmp_path / "BBBC021", releases.bbbc021)
    brighter = found.classes["microtubule stabilisers"]
    for picture in brighter:
        releases.deep(picture.files[0], 9, 60000)
    a, b = pixels([found.classes["DMSO, untreated"], brighter])
    assert np.mean([image[..., 0].mean() for image in b]) > 150 + np.mean([image[..., 0].mean() for image in a])


def test_raddiffbench_brings_its_own_comparisons(tmp_path: Path) -> None:
    found = listed("raddiffbench", tmp_path / "RadDiffBench", releases.raddiffbench)
    assert counts(found) == {
        "0: bilateral pneumothorax": 4,
        "0: no pneumothorax": 3,
        "1: heart size enlarge": 4,
        "1: Normal": 4,
    }
    assert found.noticed == {ABSENT: 1}
    first = found.comparisons[0]
    assert (first.a, first.b) == ("0: bilateral pneumothorax", "0: no pneumothorax")
    assert [(k.side, k.text) for k in first.known] == [("a", "bilateral pneumothorax"), ("b", "no pneumothorax")]
    assert groups(found, "0: no pneumothorax")[0] == "p10000000"


@pytest.mark.parametrize(("name", "channels", "side"), [("breastmnist", 1, 28), ("bloodmnist", 3, 64)])
def test_medmnist_grey_and_colour(tmp_path: Path, name: str, channels: int, side: int) -> None:
    size = "" if side == 28 else f"_{side}"
    releases.medmnist(tmp_path / f"{name}{size}.npz", channels, [0, 1, 1, 6, 9], side)
    found = listing(manifest(name), tmp_path)
    expected = {
        "breastmnist": {"malignant": 2, "normal or benign": 2},
        "bloodmnist": {"eosinophils": 2, "neutrophils": 1},
    }
    assert counts(found) == expected[name]  # BreastMNIST is read with its validation part
    assert found.noticed["of no class: 9"] == 1  # a label that the manifest does not name
    picture = next(one for pictures in found.classes.values() for one in pictures)
    (image,) = pixels([[picture]])[0]
    assert image.shape == (SMALLEST, SMALLEST, 3) and (channels == 3) == bool((image != image[..., :1]).any())
    assert len(content(picture)) == side * side * channels


def test_folders(tmp_path: Path) -> None:
    for name in ("benign/benign (1).png", "malignant/x.png", "masks/y.png"):
        releases.picture(tmp_path / name, 1, channels=1)
    (tmp_path / "benign" / "notes.txt").write_text("not a picture")
    found = listing(manifest("breast_ultrasound"), tmp_path)
    assert counts(found) == {"benign": 1, "malignant": 1} and groups(found, "benign") == [None]


@pytest.mark.parametrize(
    ("name", "release", "broken", "told"),
    [
        ("ham10000", releases.ham10000, "HAM10000_metadata.csv", "no table HAM10000_metadata"),
        ("bbbc021", releases.bbbc021, "BBBC021_v1_moa.csv", "no table BBBC021_v1_moa.csv"),
        ("raddiffbench", releases.raddiffbench, "RadDiffBench.jsonl", "RadDiffBench.jsonl is not in"),
    ],
)
def test_a_release_without_its_table_is_an_error(
    tmp_path: Path, name: str, release: Callable[[Path], None], broken: str, told: str
) -> None:
    release(tmp_path)
    (tmp_path / broken).unlink()
    with pytest.raises(InputError, match=told):
        listing(manifest(name), tmp_path)


def test_a_table_without_a_column_is_an_error_that_lists_those_there(tmp_path: Path) -> None:
    releases.table(tmp_path / "HAM10000_metadata.csv", ("image", "diagnosis"), [("a", "nv")])
    with pytest.raises(InputError, match=r"has no column '\w+'; it has image, diagnosis"):
        listing(manifest("ham10000"), tmp_path)


def test_an_empty_folder_and_a_missing_array_are_errors(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no image benign"):
        listing(manifest("breast_ultrasound"), tmp_path)
    with pytest.raises(InputError, match=r"none of breastmnist_128\.npz"):
        listing(manifest("breastmnist"), tmp_path)
    np.savez(tmp_path / "breastmnist.npz", images=np.zeros((1, 28, 28), np.uint8))
    with pytest.raises(InputError, match="no array 'test_labels'"):
        listing(manifest("breastmnist"), tmp_path)


def test_a_listed_path_never_leaves_the_folder(tmp_path: Path) -> None:
    releases.picture(tmp_path / "outside.jpg", 1)
    rows = [("HAM_1", "../outside", "mel"), ("HAM_2", str(tmp_path / "outside"), "mel")]
    releases.table(tmp_path / "HAM10000" / "HAM10000_metadata.csv", ("lesion_id", "image_id", "dx"), rows)
    assert listing(manifest("ham10000"), tmp_path / "HAM10000").noticed[ABSENT] == 2


def test_images_are_squares_of_bounded_size(tmp_path: Path) -> None:
    releases.picture(tmp_path / "benign" / "large.png", 1, side=700)
    releases.picture(tmp_path / "malignant" / "middle.png", 2, side=300)
    found = listing(manifest("breast_ultrasound"), tmp_path)
    shapes = [pixels([found.classes[name]])[0][0].shape for name in ("benign", "malignant")]
    assert shapes == [(LARGEST, LARGEST, 3), (300, 300, 3)]
    (tmp_path / "benign" / "large.png").write_bytes(b"no picture")
    with pytest.raises(Unreadable):
        decoded(found.classes["benign"][0])
    with pytest.raises(InputError, match="cannot be read any more"):
        pixels([found.classes["benign"]])


def test_every_loader_has_a_shipped_user() -> None:
    assert {manifest(file.stem).layout.loader for file in SHIPPED.glob("*.toml")} == set(LOADERS)
