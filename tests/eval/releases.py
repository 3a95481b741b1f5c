"""Miniature releases: the true layout of each data set, with tiny pictures."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from data_synth.family import Pixels


def picture(file: Path, seed: int, channels: int = 3, side: int = 32, level: int = 128) -> None:
    """A noise picture, another one for each seed; one channel: grey."""
    file.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).normal(level, 25, (side, side + 8, channels)).clip(0, 255).astype(np.uint8)
    Image.fromarray(noise if channels == 3 else noise[..., 0]).save(file)


def deep(file: Path, seed: int, level: int) -> None:
    """A grey picture of 16 bits."""
    file.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).normal(level, level / 10, (32, 40)).clip(0, 65535).astype(np.uint16)
    Image.fromarray(noise).save(file)


def table(file: Path, head: Sequence[str], rows: Sequence[Sequence[object]], bom: bool = False) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", encoding="utf-8-sig" if bom else "utf-8", newline="") as stream:
        csv.writer(stream).writerows([head, *rows])


def ham10000(folder: Path) -> None:
    """Twelve naevi of six lesions, four melanomas of four; one image of another diagnosis, one listed and absent."""
    rows = []
    for i in range(12):
        rows.append((f"HAM_{i // 2:07d}", f"ISIC_{i:07d}", "nv", "histo", "50.0", "male", "back"))
    for i in range(12, 16):
        rows.append((f"HAM_{i:07d}", f"ISIC_{i:07d}", "mel", "histo", "60.0", "female", "face"))
    rows.append(("HAM_0000090", "ISIC_0000090", "df", "histo", "", "male", "back"))
    rows.append(("HAM_0000091", "ISIC_0000091", "nv", "histo", "", "male", "back"))
    head = ("lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization")
    table(folder / "HAM10000_metadata.csv", head, rows)
    for number, row in enumerate(rows[:-1]):
        picture(folder / f"HAM10000_images_part_{1 + number % 2}" / f"{row[1]}.jpg", number)


def nih(folder: Path) -> None:
    """Two images each of eight patients; the header has commas in brackets and one at its end, as the release has."""
    rows: list[tuple[object, ...]] = []
    for patient in range(1, 9):
        for follow_up in range(2):
            finding = "No Finding" if patient <= 4 else ("Effusion", "Effusion|Infiltration")[follow_up]
            name = f"{patient:08d}_{follow_up:03d}.png"
            rows.append((name, finding, follow_up, patient, 58, "M", "PA", 2682, 2749, 0.143, 0.143, ""))
            picture(folder / f"images_{1 + patient % 2:03d}" / "images" / name, 100 + len(rows), channels=1)
    rows.append(("00000009_000.png", "No Finding", 0, 9, 60, "F", "AP", 2500, 2048, 0.1, 0.1, ""))
    head = "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position"
    head += ",OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y],"
    table(folder / "Data_Entry_2017.csv", head.split(","), rows)


FINDINGS = (
    *("No Finding", "Enlarged Cardiomediastinum", "Cardiomegaly", "Lung Opacity", "Lung Lesion", "Edema"),
    *("Consolidation", "Pneumonia", "Atelectasis", "Pneumothorax", "Pleural Effusion", "Pleural Other"),
    *("Fracture", "Support Devices"),
)


def chexpert(folder: Path) -> None:
    """Labels are 1.0, 0.0, -1.0 or blank; the paths start with the folder's own name."""

    def row(patient: int, view: str, **cells: str) -> list[str]:
        path = f"CheXpert-v1.0-small/train/patient{patient:05d}/study1/view1_{view}.jpg"
        picture(folder.parent / path, 200 + patient, channels=1)
        named = {key.replace("_", " "): value for key, value in cells.items()}
        return [path, "Female", "68", view.capitalize(), "AP", *(named.get(finding, "") for finding in FINDINGS)]

    rows = [
        row(1, "frontal", No_Finding="1.0"),
        row(2, "frontal", No_Finding="1.0", Support_Devices="1.0"),
        row(3, "frontal", Pleural_Effusion="1.0", Edema="-1.0"),
        row(4, "frontal", Pleural_Effusion="-1.0"),
        row(5, "frontal", Pleural_Effusion="1.0", Support_Devices="-1.0"),
        row(6, "lateral", Pleural_Effusion="1.0"),
        row(7, "frontal", Pleural_Effusion="0.0"),
    ]
    table(folder / "train.csv", ("Path", "Sex", "Age", "Frontal/Lateral", "AP/PA", *FINDINGS), rows)


def oasis(folder: Path) -> None:
    """Slices in folders by name, ratings in the table; a young subject without one."""
    ratings = {1: "0.0", 2: "0", 28: "1.0", 31: "0.5", 308: "2.0", 6: ""}
    head = ("ID", "M/F", "Hand", "Age", "Educ", "SES", "MMSE", "CDR", "eTIV", "nWBV", "ASF", "Delay")
    rows = [(f"OAS1_{n:04d}_MR1", "F", "R", 74, 2, 3, 29, cdr, 1344, 0.7, 1.3, "N/A") for n, cdr in ratings.items()]
    table(folder / "oasis_cross-sectional.csv", head, rows)
    for number, cdr in ratings.items():
        name = "Non Demented" if cdr in ("0", "0.0", "") else "Mild Dementia"
        for cut in (99, 120, 139):
            picture(folder / "Data" / name / f"OAS1_{number:04d}_MR1_mpr-1_{cut}.jpg", 300 + number + cut, channels=1)


def adni(folder: Path) -> None:
    head = ("Image Data ID", "Subject", "Group", "Sex", "Age", "Visit", "Modality", "Description")
    groups = {"002_S_0413": "CN", "003_S_1059": "AD", "005_S_0553": "LMCI"}
    rows = [(f"I{n}", subject, group, "F", 76, "sc", "MRI", "MPR") for n, (subject, group) in enumerate(groups.items())]
    table(folder / "ADNI1_Screening_1.5T.csv", head, rows)
    for n, subject in enumerate(groups):
        for cut in (89, 90):
            picture(folder / "slices" / subject / f"{subject}_slice_{cut:03d}.png", 400 + n * 7 + cut, channels=1)


def bbbc021(folder: Path) -> None:
    """Three channels of 16 bits a field; concentrations are 3.0 in one table and 3 in the other."""
    head = (
        *("TableNumber", "ImageNumber", "Image_FileName_DAPI", "Image_PathName_DAPI", "Image_FileName_Tubulin"),
        *("Image_PathName_Tubulin", "Image_FileName_Actin", "Image_PathName_Actin", "Image_Metadata_Plate_DAPI"),
        *("Image_Metadata_Well_DAPI", "Replicate", "Image_Metadata_Compound", "Image_Metadata_Concentration"),
    )
    rows: list[tuple[object, ...]] = []
    for n, (compound, dose) in enumerate(
        [("DMSO", 0.0), ("DMSO", 0.0), ("taxol", 3.0), ("taxol", 3.0), ("other", 1.0)]
    ):
        plate = f"Week1_2212{n % 2}"
        names = [f"G10_s1_w{w}_{n}.tif" for w in (1, 2, 4)]
        for level, name in zip((2000, 8000, 30000), names, strict=True):
            deep(folder / plate / name, 500 + n, level)
        paths = [part for name in names for part in (name, f"Week1/{plate}")]
        rows.append((4, n, *paths, plate, "G10", 1, compound, dose))
    table(folder / "BBBC021_v1_image.csv", head, rows)
    moa = [("DMSO", "0", "DMSO"), ("taxol", "3", "Microtubule stabilizers"), ("taxol", "0.3", "Eg5 inhibitors")]
    table(folder / "BBBC021_v1_moa.csv", ("compound", "concentration", "moa"), moa, bom=True)


def raddiffbench(folder: Path) -> None:
    lines = []
    for pair, (one, two) in enumerate(
        [("bilateral pneumothorax ", "no pneumothorax "), ("heart size enlarge", "Normal")]
    ):
        sets = [[f"p1{pair}/p1{pair}00000{n}/s5/{side}{pair}{n}-65cb.jpg" for n in range(4)] for side in ("a", "b")]
        for number, path in enumerate(sets[0] + sets[1]):
            if (pair, number) != (0, 7):
                picture(folder / "files" / path, 600 + 10 * pair + number, channels=1)
        lines.append(json.dumps({"set1": one, "set2": two, "set1_images": sets[0], "set2_images": sets[1]}))
    (folder / "RadDiffBench.jsonl").write_text("\n".join(lines) + "\n")


def medmnist(file: Path, channels: int, labels: Sequence[int], side: int = 28) -> None:
    """All three splits; rows of `labels` in test, one image in each other split."""
    rng = np.random.default_rng(7)

    def images(count: int) -> Pixels:
        shape = (count, side, side) if channels == 1 else (count, side, side, 3)
        return rng.integers(0, 256, shape, dtype=np.uint8)

    other = np.zeros((1, 1), np.uint8)
    file.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(
        file,
        train_images=images(1),
        train_labels=other,
        val_images=images(1),
        val_labels=other,
        test_images=images(len(labels)),
        test_labels=np.array(labels, np.uint8)[:, None],
    )
