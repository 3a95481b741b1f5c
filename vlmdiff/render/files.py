"""Files that are there whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from vlmdiff.errors import VlmdiffError


def write_whole(file: Path, text: str) -> None:
    """Write a text file whole or not at all.

    Raises:
        VlmdiffError: it cannot be written.
    """
    part = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with part.open("w", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(part, file)
    except OSError as error:
        raise VlmdiffError(f"cannot write {file}: {error.strerror}; free space or choose another --out") from error
    finally:
        part.unlink(missing_ok=True)
