"""Families that move the pixels: turns, crops, stretches, lenses, waves, shifts and cut-up pictures."""

from __future__ import annotations

from data_synth.families.geometry.bends import (
    BARREL,
    ELASTIC,
    MAGNIFIED_CENTRE,
    PINCUSHION,
    SQUEEZED_CENTRE,
    SWIRL,
    WAVY,
)
from data_synth.families.geometry.framing import OFF_CENTRE_CROP, SHIFT, ZOOM_IN, ZOOM_OUT
from data_synth.families.geometry.pieces import MIRRORED_PART, STRIPS, TILE_SHUFFLE, TILTED_BLOCKS
from data_synth.families.geometry.slants import PERSPECTIVE, SHEAR, STRETCH
from data_synth.families.geometry.turns import MIRRORED, ROTATED_QUARTER, ROTATION, UPSIDE_DOWN
from data_synth.family import Family

GEOMETRY: tuple[Family, ...] = (
    ROTATION,
    UPSIDE_DOWN,
    ZOOM_IN,
    ZOOM_OUT,
    STRETCH,
    SHEAR,
    PERSPECTIVE,
    BARREL,
    PINCUSHION,
    SWIRL,
    WAVY,
    SHIFT,
    MIRRORED_PART,
    TILE_SHUFFLE,
    STRIPS,
    ELASTIC,
    OFF_CENTRE_CROP,
    ROTATED_QUARTER,
    MIRRORED,
    MAGNIFIED_CENTRE,
    SQUEEZED_CENTRE,
    TILTED_BLOCKS,
)
