"""What the files alone give away is told, with numbers; what is alike is not."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from data_synth import procedural
from tests.vlmdiff.medical_files import dicom, tiff
from vlmdiff.images import duplicates
from vlmdiff.images.cautions import cautions
from vlmdiff.images.decode import Header
from vlmdiff.images.reading import Reading
from vlmdiff.images.sets import LoadedSet, load_pair

KINDS = tuple(procedural.FIELDS)


def drawn(seed: int, side: int = 96) -> Image.Image:
    return Image.fromarray(procedural.draw(KINDS[seed % len(KINDS)], np.random.default_rng(seed), side))


def folder(path: Path, images: list[Image.Image]) -> Path:
    path.mkdir()
    for number, image in enumerate(images):
        image.save(path / f"{number:02d}.png")
    return path


def warned(a: Path, b: Path) -> list[str]:
    return load_pair(a, b, size=96).warnings


# Near-duplicates


def test_pictures_that_were_changed_and_saved_again_are_found_in_the_other_set(tmp_path: Path) -> None:
    originals = [drawn(seed) for seed in range(8)]
    changed = [ImageOps.mirror(originals[0]), originals[3].rotate(90), ImageOps.autocontrast(originals[5], 10)]
    a = folder(tmp_path / "a", originals)
    b = folder(tmp_path / "b", [*changed, *(drawn(seed) for seed in range(50, 55))])
    (one,) = warned(a, b)
    assert one.startswith("3 of 8 images of A show the same picture as 3 of 8 of B (changed or saved again)")
    assert "--groups" in one


def test_different_pictures_and_blank_ones_are_not_near_duplicates(tmp_path: Path) -> None:
    a = folder(tmp_path / "a", [drawn(seed) for seed in range(8)] + [Image.new("RGB", (96, 96), "grey")])
    b = folder(tmp_path / "b", [drawn(seed) for seed in range(60, 68)] + [Image.new("RGB", (96, 96), (130, 128, 128))])
    assert warned(a, b) == []


def test_the_same_bytes_count_once(tmp_path: Path) -> None:
    a = folder(tmp_path / "a", [drawn(seed) for seed in range(4)])
    b = folder(tmp_path / "b", [drawn(seed) for seed in (0, 7, 8)])
    assert warned(a, b) == ["1 image is in both sets (same bytes)"]


def test_across_finds_what_all_pairs_find(monkeypatch: pytest.MonkeyPatch) -> None:
    images = [np.asarray(drawn(seed)) for seed in range(12)]
    turned = [np.ascontiguousarray(np.rot90(image)) for image in images[::3]]
    a, b = (np.stack([duplicates.rings(image) for image in some]) for some in (images, turned))
    pairs = duplicates.across(a, b)
    assert pairs.tolist() == [[0, 0], [3, 1], [6, 2], [9, 3]]
    monkeypatch.setattr(duplicates, "_BLOCK", 2)
    assert duplicates.across(a, b).tolist() == pairs.tolist()
    assert duplicates.across(a[:0], b).shape == duplicates.across(a, b[:0]).shape == (0, 2)


# Properties of the files that tell the sets apart


def loaded(side: str, headers: list[Header]) -> LoadedSet:
    count = len(headers)
    blank = np.zeros((count, 16, 16, 3), np.uint8)
    return LoadedSet(side, list("x" * count), blank, [], [f"{side}{i}" for i in range(count)], headers, [], None)  # type: ignore[arg-type]


def of(sizes: list[tuple[int, int]], **options: float) -> list[Header]:
    return [Header("JPEG", width, height, False, **options) for width, height in sizes]  # type: ignore[arg-type]


def test_a_property_that_alone_tells_the_sets_apart_is_told_with_its_auroc() -> None:
    a = of([(100 + n, 100) for n in range(10)])
    b = of([(110 + n, 100) for n in range(10)])
    assert cautions(loaded("a", a), loaded("b", b)) == [
        "picture sizes differ: the median is 0.0105 megapixels in A and 0.0115 in B, which alone tells A from B "
        "(AUROC 1.00)",
        "shapes differ: the median is 1.04 times as wide as high in A and 1.15 in B, which alone tells A from B "
        "(AUROC 1.00)",
    ]
    overlapping = of([(105 + n, 100) for n in range(10)])  # AUROC .875
    assert cautions(loaded("a", a), loaded("b", overlapping)) == []
    few = cautions(loaded("a", a[:6]), loaded("b", b[:6]))
    assert few == []


def test_compression_is_told_from_its_quantisation() -> None:
    a, b = of([(64, 64)] * 8, quantisation=5.0), of([(64, 64)] * 8, quantisation=7.0)
    (one,) = cautions(loaded("a", a), loaded("b", b))
    assert one.startswith("JPEG compression differs (mean quantisation step): the median is 5 in A and 7 in B, which")


def test_colour_that_lost_bits_is_told() -> None:
    found = cautions(loaded("a", of([(60, 60)] * 3, halved=True)), loaded("b", of([(60, 60)] * 3)))
    assert len(found) == 1 and found[0].startswith("A: 3 of 3 images are colour TIFF of 16 bits that is read at 8")


def test_modalities_channels_and_burned_in_names_are_told(tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(0, 999, (6, 20, 20), np.uint16)
    for side, modality in (("a", "CT"), ("b", "US")):
        (tmp_path / side).mkdir()
        for n in range(3):
            data = dicom(values[n + 3 * (side == "b")], Modality=modality)
            (tmp_path / side / f"{n}.dcm").write_bytes(data)
    said = warned(tmp_path / "a", tmp_path / "b")
    assert "DICOM modalities differ: A is 100% CT, B 100% US" in said
    assert any(one.startswith("B: 3 of 3 images may have names written into the pixels") for one in said)
    (tmp_path / "b" / "0.dcm").write_bytes(dicom(values[3], Modality="DOE JANE"))
    (tmp_path / "b" / "1.dcm").write_bytes(dicom(values[4], Modality="DOE JANE"))
    told = "DICOM modalities differ: A is 100% CT, B 67% other"
    assert told in warned(tmp_path / "a", tmp_path / "b")
    (tmp_path / "c").mkdir()
    for n in range(3):
        many = np.random.default_rng(n).integers(0, 999, (5, 20, 20), np.uint16)
        (tmp_path / "c" / f"{n}.tif").write_bytes(tiff(many, "CYX"))
    said = warned(tmp_path / "a", tmp_path / "c")
    assert "B: 3 of 3 images have 5 channels; at most three are shown" in said
    assert "channels differ: the files of A have 1, those of B 5" in said


# Pictures of DICOM files


def test_pictures_of_dicom_files_are_made_only_when_asked_for(tmp_path: Path) -> None:
    from vlmdiff.errors import InputError

    for side, start in (("a", 0), ("b", 5)):
        (tmp_path / side).mkdir()
        for n in range(3):
            values = np.random.default_rng(start + n).integers(0, 999, (20, 20), np.uint16)
            (tmp_path / side / f"{n}.dcm").write_bytes(dicom(values))
    held = load_pair(tmp_path / "a", tmp_path / "b", size=16).a
    assert not held.may_show(0)
    with pytest.raises(InputError, match=r"image A-0001 is of a DICOM file; .*--dicom-pictures"):
        held.thumbnail(0)
    shown = load_pair(tmp_path / "a", tmp_path / "b", size=16, reading=Reading(dicom_pictures=True)).a
    assert shown.may_show(0)
    image = Image.open(io.BytesIO(shown.thumbnail(0)))
    assert image.size == (20, 20) and not image.info
