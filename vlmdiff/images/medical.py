"""What the medical and microscopy readers share: the extra they need, square pixels, unpacking within bounds."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vlmdiff.images.archives import MAX_BYTES
from vlmdiff.images.decode import MAX_PIXELS, Unreadable

INSTALL = "pip install 'vlmdiff[medical]'"
LONGEST_STRETCH = 16.0
"""Of a pixel's sides; beyond it the file's spacing is not believed."""


@contextmanager
def needs_medical(kind: str) -> Iterator[None]:
    """Around an import that the extra brings.

    Raises:
        Unreadable: it is not installed; says how.
    """
    try:
        yield
    except ImportError:
        raise Unreadable(f"{kind} file: {INSTALL} to read it") from None


def square(pixels: NDArray[Any], height: float, width: float) -> NDArray[Any]:
    """A picture whose pixels are so high and so wide, with square ones: the longer side is cut finer."""
    if not (0 < height < np.inf and 0 < width < np.inf) or abs(height / width - 1) < 0.01:
        return pixels
    stretch = height / width
    if max(stretch, 1 / stretch) > LONGEST_STRETCH:
        return pixels
    rows, columns = pixels.shape[:2]
    rows, columns = round(rows * max(1.0, stretch)), round(columns * max(1.0, 1 / stretch))
    if rows * columns > MAX_PIXELS:
        return pixels
    # Linear: it makes no values that are not there; nearest would leave steps. NaN spreads by a pixel.
    return np.asarray(cv2.resize(pixels, (columns, rows), interpolation=cv2.INTER_LINEAR))


def unpacked(data: Any, needed: Callable[[bytes], int | None]) -> bytes:
    """What a gzip file holds, as far as it is needed.

    Args:
        data: the packed bytes.
        needed: told the first bytes, says how many are of use in all, or None: all of them.

    Raises:
        Unreadable: damaged, or more than the bounds of an archive's member.
    """
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
            start = stream.read(4096)
            count = needed(start)
            if count is not None and count > MAX_BYTES:
                raise Unreadable(f"unpacks to more than {MAX_BYTES // 2**20} MB")
            bound = MAX_BYTES + 1 if count is None else count
            rest = stream.read(max(0, bound - len(start)))
    except Unreadable:
        raise
    except EOFError:
        raise Unreadable("truncated file") from None
    except Exception:
        raise Unreadable("damaged gzip file") from None
    size = len(start) + len(rest)
    if count is None and size > MAX_BYTES:
        raise Unreadable(f"unpacks to more than {MAX_BYTES // 2**20} MB")
    return start + rest
