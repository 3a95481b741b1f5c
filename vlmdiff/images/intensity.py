"""From measured levels to the 0 to 255 that a model sees: one mapping for both sets, fitted on both together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vlmdiff.images.decode import Levels, Pixels

COLOURS: dict[str, tuple[int, int, int]] = {
    "grey": (1, 1, 1),
    "red": (1, 0, 0),
    "green": (0, 1, 0),
    "blue": (0, 0, 1),
    "cyan": (0, 1, 1),
    "magenta": (1, 0, 1),
    "yellow": (1, 1, 0),
}
"""What a channel may be shown in: its share of red, green and blue."""
USUAL_COLOURS = {1: ("grey",), 2: ("blue", "green")}
"""Of so many channels where none are told; of three or more, the first three as blue, green and red (nuclei are mostly
the first channel, and mostly blue)."""
SAMPLES = 32
"""A side: every picture gives at most its square in levels to the fit."""


@dataclass(frozen=True)
class Window:
    """The range of levels that is shown as black to white."""

    low: float
    high: float

    def apply(self, levels: Levels) -> Pixels:
        """Levels as grey RGB, those of red, green and blue as RGB; what lies outside the window is clipped."""
        shown = np.rint(255 * self.share(levels)).astype(np.uint8)
        return shown if levels.ndim == 3 else np.repeat(shown[..., None], 3, axis=2)

    def share(self, levels: Levels) -> NDArray[np.float64]:
        """How far into the window each level lies, 0 to 1."""
        inside = np.clip(levels.astype(np.float64), self.low, self.high) - self.low
        return inside / ((self.high - self.low) or 1.0)


@dataclass(frozen=True)
class Intensity:
    """The one mapping of levels to pixels: a window and a colour for each channel, by the number of channels."""

    windows: Mapping[int, tuple[Window, ...]]
    colours: tuple[str, ...] | None = None
    """Of the channels, where they were told; pictures with fewer or more channels have the usual ones."""

    def apply(self, levels: Levels, is_colour: bool = False) -> Pixels:
        """Levels as RGB: the sum of their channels, each in its colour.

        Args:
            is_colour: they are red, green and blue, in the window of single channels.
        """
        if is_colour:
            return self.windows[1][0].apply(levels)
        channels = levels[..., None] if levels.ndim == 2 else levels
        count = channels.shape[2]
        windows, names = self.windows[count], self._colours_of(count)
        if names == ("grey",):
            return windows[0].apply(channels[..., 0])
        shares = np.stack([window.share(channels[..., i]) for i, window in enumerate(windows)], axis=2)
        mixed = shares @ np.array([COLOURS[name] for name in names], np.float64)
        return np.rint(255 * np.clip(mixed, 0, 1)).astype(np.uint8)

    def described(self) -> list[dict[str, Any]]:
        """Of each channel its colour and the levels shown as black and as white, for the settings of a report."""
        return [
            {"channel": i, "of": count, "colour": colour, "black": round(w.low, 4), "white": round(w.high, 4)}
            for count, windows in sorted(self.windows.items())
            for i, (w, colour) in enumerate(zip(windows, self._colours_of(count), strict=True), 1)
        ]

    def _colours_of(self, count: int) -> tuple[str, ...]:
        if self.colours is not None and len(self.colours) == count:
            return self.colours
        return usual_colours(count)


def usual_colours(count: int) -> tuple[str, ...]:
    """The colours of so many channels (at most three) where none are told."""
    return USUAL_COLOURS.get(count, ("blue", "green", "red"))


def fit_intensity(
    samples: Sequence[NDArray[np.float32]], told: Window | None = None, colours: tuple[str, ...] | None = None
) -> Intensity:
    """The mapping for all pictures of both sets.

    Args:
        samples: of each picture with levels, as `sample_levels` draws them.
        told: the window of single-channel pictures, where the user gave one.
        colours: of the channels, where they were told.
    """
    windows = {}
    for count in {sample.shape[1] for sample in samples}:
        of_count = [sample for sample in samples if sample.shape[1] == count]
        fitted = tuple(fit_window([sample[:, channel] for sample in of_count]) for channel in range(count))
        windows[count] = (told,) if told is not None and count == 1 else fitted
    return Intensity(windows, colours)


def fit_window(samples: Sequence[NDArray[Any]]) -> Window:
    """The window from the 0.5th to the 99.5th percentile of all samples together: one for both sets.

    Args:
        samples: levels of each picture, as `sample_levels` draws them.
    """
    values = np.concatenate([np.ravel(s) for s in samples]).astype(np.float64)
    if not len(values):
        return Window(0.0, 1.0)
    low, high = np.percentile(values, [0.5, 99.5])
    if high <= low:  # a few bright spots on an even ground
        low, high = values.min(), values.max()
    return Window(float(low), float(high))


def sample_levels(levels: Levels, is_colour: bool = False) -> NDArray[np.float32]:
    """At most 32 x 32 measured levels on an even grid, so that every picture weighs the same in a fit.

    Args:
        is_colour: they are red, green and blue, which count as levels of a single channel.

    Returns:
        (samples, channels), without places where nothing was measured.
    """
    channels = levels[..., None] if levels.ndim == 2 else levels
    rows, columns = (np.linspace(0, n - 1, min(n, SAMPLES)).astype(int) for n in channels.shape[:2])
    grid = channels[np.ix_(rows, columns)].reshape(-1, channels.shape[2]).astype(np.float32)
    told = np.asarray(grid[np.isfinite(grid).all(axis=1)], np.float32)
    return told.reshape(-1, 1) if is_colour else told
