"""How image files are read: the window, frames and channels that a user may tell; the same for both sets, always."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any

from vlmdiff.errors import UsageError
from vlmdiff.images.intensity import COLOURS, Intensity, Window, usual_colours

WINDOWS = {
    "lung": Window(-1350.0, 150.0),
    "brain": Window(0.0, 80.0),
    "bone": Window(-500.0, 1300.0),
    "abdomen": Window(-150.0, 250.0),
}
"""In Hounsfield units: widths and levels 1500/-600, 80/40, 1800/400 and 400/50."""
AUTO = "auto"
_NUMBER = r"[-+]?\d+(?:\.\d+)?"
MOST_FRAMES = 64
MOST_CHANNELS = 6


@dataclass(frozen=True)
class Reading:
    """The reading options of a run.

    Raises:
        UsageError: one is off.
    """

    window: str = AUTO
    """The levels shown from black to white: a name of WINDOWS, "width,level", or "auto": one fitted to both sets."""
    frames: int = 1
    """Of each file with several frames or slices, and of each volume: 1 is the middle one, k are evenly spaced."""
    channels: str | None = None
    """Which channels are shown and in which colours: "1:blue,2:green,3:red". None: the first three."""
    volumes: bool = False
    """The DICOM files of one series are one volume: sorted by position, and `frames` slices of it are read."""
    dicom_pictures: bool = False
    """Pictures of DICOM images may go into the report; they may show who the patient is."""

    def __post_init__(self) -> None:
        self.told_window()
        self.told_channels()
        if not 1 <= self.frames <= MOST_FRAMES:
            raise UsageError(f"frames {self.frames}: expected 1 (the middle one) to {MOST_FRAMES} (evenly spaced)")

    def told_window(self) -> Window | None:
        """The window in levels; None for auto."""
        if self.window == AUTO:
            return None
        if self.window in WINDOWS:
            return WINDOWS[self.window]
        pair = re.fullmatch(rf"\s*({_NUMBER})\s*,\s*({_NUMBER})\s*", self.window)
        if not pair or float(pair[1]) <= 0:
            names = ", ".join(WINDOWS)
            raise UsageError(f"window {self.window!r} is unknown; expected {names}, auto, or width,level like 400,50")
        width, level = float(pair[1]), float(pair[2])
        return Window(level - width / 2, level + width / 2)

    def told_channels(self) -> dict[int, str] | None:
        """Colour by number of the channel, from 1; None where none were told."""
        if self.channels is None:
            return None
        found: dict[int, str] = {}
        for part in self.channels.split(","):
            match = re.fullmatch(r"\s*(\d+)\s*(?::\s*(\w+)\s*)?", part)
            number, colour = (int(match[1]), match[2] and match[2].lower()) if match else (0, None)
            if number < 1 or number in found or (colour or "grey") not in COLOURS:
                raise UsageError(
                    f"channels {self.channels!r}: {part.strip()!r} is not NUMBER:COLOUR; expected something like "
                    f"1:blue,2:green,3:red, each number once, from {', '.join(COLOURS)}"
                )
            found[number] = colour or ""
        if len(found) > MOST_CHANNELS or ("" in found.values() and len(found) > 3):
            raise UsageError(f"channels {self.channels!r}: expected at most {MOST_CHANNELS}, each with its colour")
        usual = usual_colours(len(found))
        return {number: colour or usual[i] for i, (number, colour) in enumerate(found.items())}


USUAL = Reading()


def reading_settings(reading: Reading, intensity: Intensity | None) -> dict[str, Any]:
    """What a report says of how its images were read: the options, and the one mapping of levels that they led to."""
    return {**asdict(reading), "intensity": None if intensity is None else intensity.described()}


def channel_numbers(cell: str) -> tuple[int, ...] | None:
    """Which channels of a file are channels 1, 2, ... of its set, from the cell of a list, like "3,1,2".

    Raises:
        UsageError: it is not numbers.
    """
    if not cell:
        return None
    parts = [part.strip() for part in re.split(r"[,; ]+", cell) if part.strip()]
    if not parts or any(not part.isdecimal() or int(part) < 1 for part in parts):
        raise UsageError("channels of a list: expected the numbers of channels in every row, like 3,1,2")
    return tuple(map(int, parts))


def evenly(count: int, wanted: int) -> list[int]:
    """Of so many frames, from 0, the middle one or those evenly spaced."""
    wanted = min(count, wanted)
    return [int((place + 0.5) * count / wanted) for place in range(wanted)]
