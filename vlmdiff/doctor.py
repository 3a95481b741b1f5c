"""What this machine offers and lacks: the checks of `vlmdiff doctor` and the embedded weights."""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass
from importlib import import_module, metadata, util
from pathlib import Path
from typing import Any

from vlmdiff.models.profiles import MINI

READERS = {
    "DICOM": ("pydicom", "imagecodecs"),
    "NIfTI": ("nibabel",),
    "microscopy TIFF": ("tifffile", "imagecodecs"),
}
"""Packages of the extra `medical` by what they read."""


@dataclass(frozen=True)
class Check:
    """One thing looked at."""

    name: str
    ok: bool
    detail: str
    """What was found and, where that is not well, what to do."""


def checks() -> list[Check]:
    """Look at Python, the packages, the device, the picture formats and the embedded weights."""
    torch = _imported("torch")
    return [
        _python(),
        torch,
        *([_device()] if torch.ok else []),
        _installed("transformers"),
        _installed("peft"),
        _torchvision(),
        *_formats(),
        *_weights(),
    ]


def weight_files(folder: Path = MINI) -> list[Path]:
    """The weight files of a model folder, adapters included."""
    return sorted(folder.rglob("*.safetensors"))


def _python() -> Check:
    found = sys.version.split()[0]
    if (3, 11) <= sys.version_info[:2] <= (3, 12):
        return Check("python", True, found)
    return Check("python", False, f"{found}; vlmdiff is made for 3.11 and 3.12: make an environment with one of them")


def _installed(name: str) -> Check:
    try:
        return Check(name, True, metadata.version(name))
    except metadata.PackageNotFoundError:
        return Check(name, False, "not installed: reinstall vlmdiff")


def _imported(name: str) -> Check:
    try:
        import_module(name)
    except Exception as error:  # a broken package may raise anything
        return Check(name, False, f"cannot be imported ({_line(error)}): reinstall vlmdiff in a fresh environment")
    return _installed(name)


def _device() -> Check:
    torch: Any = import_module("torch")
    if torch.cuda.is_available():
        return Check("device", True, f"cuda ({torch.cuda.get_device_name()})")
    return Check("device", True, f"cpu, {torch.get_num_threads()} threads")


def _torchvision() -> Check:
    if util.find_spec("torchvision") is None:
        return Check("torchvision", True, "not installed (not needed)")
    found = _imported("torchvision")
    if found.ok:
        return found
    # transformers only asks whether it is installed, and then fails at its first use.
    return Check("torchvision", False, f"{found.detail.partition(':')[0]}: vlmdiff does not need it: uninstall it")


def _formats() -> list[Check]:
    from PIL import features

    codecs = {"JPEG": "jpg", "PNG": "zlib", "TIFF": "libtiff", "WEBP": "webp", "AVIF": "avif", "JPEG2000": "jpg_2000"}
    missing = [name for name, codec in codecs.items() if not features.check(codec)]
    if missing:
        return [Check("pictures", False, f"{', '.join(missing)} cannot be read: install Pillow from its own wheel")]
    return [Check("pictures", True, f"{', '.join(codecs)}, GIF, BMP"), *map(_reader, READERS)]


def _reader(kind: str) -> Check:
    """Of the extra `medical`: to lack it is no fault, to have it broken is."""
    packages = READERS[kind]
    absent = [name for name in packages if util.find_spec(name) is None]
    if absent:
        return Check(kind, True, f"not read without {', '.join(absent)}: pip install 'vlmdiff[medical]'")
    broken = [found for found in map(_imported, packages) if not found.ok]
    if broken:
        return Check(kind, False, broken[0].detail)
    return Check(kind, True, ", ".join(f"{name} {metadata.version(name)}" for name in packages))


def _weights() -> list[Check]:
    files = weight_files()
    if not files:
        return [Check("weights", False, f"none in {MINI}: reinstall vlmdiff")]
    return [Check(f"weights {file.relative_to(MINI)}", True, _fingerprint(file)) for file in files]


def _fingerprint(file: Path) -> str:
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return f"{file.stat().st_size / 1e6:.1f} MB, sha256 {digest}"


def _line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())
