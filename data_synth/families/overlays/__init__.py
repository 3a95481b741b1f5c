"""Families that lay something over the image: lettering, frames, marks, weather, light, dirt and measuring aids."""

from __future__ import annotations

from data_synth.families.overlays.dirt import COFFEE_STAIN, DUST, FOLDS, HAIR, SCRATCHES, SPATTER
from data_synth.families.overlays.lettering import HANDWRITING, NUMBERS, TEXT, TIMESTAMP, WATERMARK
from data_synth.families.overlays.light import GLARE, LENS_FLARE, RAIN, REFLECTIONS, SHADOW, SNOW
from data_synth.families.overlays.margins import BARS, BORDER_BURN, FRAME, FRAME_COLOURS, GRID_LINES, STRIPES
from data_synth.families.overlays.measuring import (
    ARROW,
    CHECKERBOARD,
    COLOUR_CHART,
    CROSSHAIR,
    CURSOR,
    RULER,
    SCALE_BAR,
)
from data_synth.families.overlays.stuck import BARCODE, CENSOR_BAR, FINGER, LOGO, STAMP, STICKY_NOTE, TAPE
from data_synth.family import Family

__all__ = ["FRAME_COLOURS", "OVERLAYS"]

OVERLAYS: tuple[Family, ...] = (
    TEXT,
    TIMESTAMP,
    WATERMARK,
    FRAME,
    BARS,
    GRID_LINES,
    STRIPES,
    SCALE_BAR,
    RULER,
    ARROW,
    CROSSHAIR,
    SCRATCHES,
    HAIR,
    DUST,
    SNOW,
    RAIN,
    SHADOW,
    GLARE,
    LENS_FLARE,
    LOGO,
    CHECKERBOARD,
    COLOUR_CHART,
    BARCODE,
    CENSOR_BAR,
    FOLDS,
    NUMBERS,
    HANDWRITING,
    BORDER_BURN,
    CURSOR,
    REFLECTIONS,
    SPATTER,
    COFFEE_STAIN,
    STAMP,
    STICKY_NOTE,
    TAPE,
    FINGER,
)
