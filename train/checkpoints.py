"""Checkpoint folders that are whole or known to be torn: hashes of all files in a manifest that is written last."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

MANIFEST = "MANIFEST.json"
NOTE = "note.json"
_PREFIX = "checkpoint-"
"""transformers.Trainer's own name for them."""
_TORN = ".torn"
_GOING = ".going"


def seal(folder: Path) -> None:
    """Write the manifest of a checkpoint whose files are all there; only with it the checkpoint counts.

    Files first, then manifest, then its name: each is on disk before the next, so a power cut tears none unseen.
    """
    for file in _files(folder):
        _on_disk(file)
    manifest = {str(file.relative_to(folder)): _sha256(file) for file in _files(folder)}
    part = folder / f".{MANIFEST}"
    part.write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n")
    _on_disk(part)
    os.replace(part, folder / MANIFEST)
    for holder in (folder, folder.parent):
        _on_disk(holder)


def whole(folder: Path) -> bool:
    """Whether every file of a checkpoint has the bytes that its manifest says."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text())
        return bool(manifest) and all(_sha256(folder / name) == digest for name, digest in manifest.items())
    except (OSError, ValueError, AttributeError):
        return False


def newest(folder: Path) -> Path | None:
    """The whole checkpoint of the latest step in a folder of checkpoints; leaves all files alone."""
    return next((found for found in reversed(_all(folder)) if whole(found)), None)


def set_aside_torn(folder: Path) -> list[Path]:
    """Rename checkpoints later than the newest whole one to NAME.torn, and finish deletions that were cut short.

    Returns:
        The new names, for a message: each is a kill in the middle of a save, or a damaged disk.
    """
    for going in folder.glob(f"*{_GOING}"):
        shutil.rmtree(going)
    aside = []
    for found in reversed(_all(folder)):
        if whole(found):
            break
        name = found.with_name(found.name + _TORN)
        if name.exists():
            shutil.rmtree(name)
        aside.append(found.rename(name))
    return aside


def prune(folder: Path, keep: int) -> None:
    """Delete all but the newest checkpoints; by way of another name, so that none is ever half there."""
    for old in _all(folder)[:-keep]:
        shutil.rmtree(old.rename(old.with_name(old.name + _GOING)))


def step_of(checkpoint: Path) -> int:
    """The optimiser steps that were done when it was written."""
    return int(checkpoint.name.removeprefix(_PREFIX))


def note_of(checkpoint: Path) -> dict[str, Any]:
    """What its writer noted in it."""
    note: dict[str, Any] = json.loads((checkpoint / NOTE).read_text())["note"]
    return note


def _all(folder: Path) -> list[Path]:
    """By step."""
    found = [path for path in folder.glob(f"{_PREFIX}*") if path.name.removeprefix(_PREFIX).isdigit()]
    return sorted(found, key=step_of)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _on_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
