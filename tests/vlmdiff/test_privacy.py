"""No path, tag or EXIF of an image comes out anywhere: files full of secrets go in, all that comes out is searched."""

import base64
import io
import json
import logging
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tests.vlmdiff.medical_files import dicom, nifti, tiff
from vlmdiff import models
from vlmdiff.cli import main
from vlmdiff.images.sets import load_pair

SECRET = "Zephyrina"
"""In every name, path, tag, comment and description of the files below, in the spellings that their formats allow."""


def jpeg(values: NDArray[Any]) -> bytes:
    exif = Image.Exif()
    exif[0x010E] = exif[0x013B] = exif[0x9286] = SECRET  # description, artist, user comment
    file = io.BytesIO()
    Image.fromarray(values).save(file, "JPEG", exif=exif, comment=SECRET.encode(), quality=90)
    return file.getvalue()


def png(values: NDArray[Any]) -> bytes:
    told = PngInfo()
    told.add_text("Author", SECRET)
    told.add_itxt(SECRET, SECRET)
    file = io.BytesIO()
    Image.fromarray(values).save(file, "PNG", pnginfo=told)
    return file.getvalue()


def scan(values: NDArray[Any]) -> bytes:
    return dicom(
        (4 * values[..., 0]).astype(np.uint16),
        PatientName=f"{SECRET}^Jane",
        PatientID=SECRET,
        InstitutionName=SECRET,
        StudyDescription=SECRET,
        AccessionNumber=SECRET,
        Manufacturer=SECRET,
        ImageComments=SECRET,
        StudyInstanceUID="1.2.826.0.1.99887766.1",
        SeriesInstanceUID="1.2.826.0.1.99887766.2",
        BurnedInAnnotation="YES",
    )


def volume(values: NDArray[Any]) -> bytes:
    return nifti(
        np.repeat(values[..., :1].astype(np.int16), 5, axis=2), descrip=SECRET, aux_file=SECRET, db_name=SECRET
    )


def microscopy(values: NDArray[Any]) -> bytes:
    planes = np.moveaxis(values, 2, 0).astype(np.uint16)
    return tiff(planes, "CYX", names={"Name": SECRET, "Description": SECRET}, software=SECRET) + SECRET.encode()


def scanned_page(values: NDArray[Any]) -> bytes:
    exif = Image.Exif()
    exif[0x010E] = SECRET
    exif.get_ifd(0x8769)[0x9286] = SECRET  # comment in a directory of its own
    file = io.BytesIO()
    Image.fromarray(values).save(file, "TIFF", exif=exif)
    return file.getvalue()


WRITERS: dict[str, Callable[[NDArray[Any]], bytes]] = {
    "jpg": jpeg,
    "png": png,
    "dcm": scan,
    "nii": volume,
    "tif": microscopy,
    "tiff": scanned_page,
}
PICTURES = re.compile(r"data:image/\w+;base64,([A-Za-z0-9+/=]+)")
FORBIDDEN = (SECRET, "zephy", "99887766")


def sets(folder: Path) -> list[str]:
    """Two sets of pictures, of every kind; B's are brighter. Some are damaged in ways that make decoders complain."""
    paths = []
    for side, base in (("a", 40), ("b", 150)):
        path = folder / f"{side}-{SECRET}"
        path.mkdir()
        rng = np.random.default_rng(base)
        for number in range(20):
            kind, write = list(WRITERS.items())[number % len(WRITERS)]
            data = write((base + rng.integers(0, 60, (40, 44, 3))).astype(np.uint8))
            (path / f"{SECRET}_{number:02d}.{kind}").write_bytes(data)
            if number < len(WRITERS):
                (path / f"{SECRET}_cut_{number}.{kind}").write_bytes(data[: len(data) // 2])
                (path / f"{SECRET}_bad_{number}.{kind}").write_bytes(data[:300] + SECRET.encode() * 9 + data[420:])
        (path / f"{SECRET}.pdf").write_bytes(SECRET.encode())
        (path / f"note.{SECRET} x").write_bytes(SECRET.encode())
        (path / "note.zephy").write_bytes(SECRET.encode())
        (path / f"{SECRET}.dcm").write_bytes(SECRET.encode())
        paths.append(str(path))
    return paths


def leaks(where: str, text: str) -> list[str]:
    """Names in a text, and in the files that lie in it as base64: five letters turn up in a long base64 by chance."""
    text = PICTURES.sub(lambda found: base64.b64decode(found[1]).decode("latin-1"), text)
    lowered = text.lower()
    places = [(word, lowered.find(word.lower())) for word in FORBIDDEN]
    return [f"{word} in {where}: ...{text[max(0, at - 80) : at + 40]}..." for word, at in places if at >= 0]


def test_reading_says_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    a, b = sets(tmp_path)
    caplog.set_level(logging.DEBUG)
    caplog.clear()  # Pillow tells what it writes
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pair = load_pair(a, b, size=16)
    assert len(pair.a.ids) >= 20 and len(pair.a.skipped) >= 8
    assert caplog.text == "" and capfd.readouterr() == ("", "")
    assert leaks("warnings and reasons", repr([pair.warnings, pair.a.skipped, pair.b.skipped, pair.a.ids])) == []


@pytest.fixture(scope="module")
def mini() -> Any:
    return models.load("mini")


@pytest.mark.parametrize("options", [["--json"], ["--frames", "2", "--groups", r"_(\d\d)"]])
def test_nothing_of_the_files_comes_out(
    tmp_path: Path,
    options: list[str],
    mini: Any,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    recwarn: pytest.WarningsRecorder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("VLMDIFF_DEBUG", "1")
    monkeypatch.setattr(models, "load", lambda *_: mini)
    a, b = sets(tmp_path)
    caplog.clear()  # Pillow tells what it writes
    with pytest.raises(SystemExit) as stop:
        main(["describe", a, b, "--out", str(tmp_path / "report"), *options])
    out, err = capfd.readouterr()
    assert stop.value.code == 0, err
    found = leaks("stdout", out)
    # On stderr the report's own place is named, which the user chose.
    found += leaks("stderr", err) + leaks("the log", caplog.text)
    found += [leak for warning in recwarn for leak in leaks("a Python warning", str(warning.message))]
    written = sorted(path for path in (tmp_path / "report").rglob("*") if path.is_file())
    assert {"report.html", "report.json"} <= {path.name for path in written}
    for path in written:
        found += leaks(path.name, path.read_text("utf-8"))
    assert found == []
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    assert report["images"]["a"]["read"] >= 20 and len(report["images"]["a"]["skipped"]) >= 8
    html = (tmp_path / "report" / "report.html").read_text()
    assert "names written into the pixels" in html
    read = {skip["file"] for side in "ab" for skip in report["images"][side]["skipped"]}
    assert all(name[0] in "AB" and name[1] == "-" for name in read)


def test_a_failure_names_no_file(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for side in "ab":
        (tmp_path / side).mkdir()
        for number in range(3):
            values = np.full((40, 40, 3), 99, np.uint8)
            (tmp_path / side / f"{SECRET}{number}.dcm").write_bytes(scan(values)[:-500])
    with pytest.raises(SystemExit) as stop:
        main(["describe", str(tmp_path / "a"), str(tmp_path / "b")])
    out, err = capfd.readouterr()
    assert stop.value.code == 3 and "0 readable images of 3 (3 truncated DICOM file)" in err
    assert leaks("all", out + err) == []
