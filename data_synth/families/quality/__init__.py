"""The quality families: what lenses, sensors, codecs, screens and printers do to a picture."""

from __future__ import annotations

from data_synth.families.quality.blur import DEFOCUS, GAUSSIAN_BLUR, MOTION_BLUR, SHARPENING, ZOOM_BLUR
from data_synth.families.quality.coding import DITHER, JPEG, LOW_RESOLUTION, PIXELATION, WEBP
from data_synth.families.quality.displaced import CHROMATIC_ABERRATION, GHOSTING, INTERLACE, ROLLING_SHUTTER
from data_synth.families.quality.noise import (
    COLOUR_NOISE,
    DEAD_PIXELS,
    GAUSSIAN_NOISE,
    SALT_AND_PEPPER,
    SHOT_NOISE,
    SPECKLE,
)
from data_synth.families.quality.screens import BANDING, HALFTONE, MOIRE, SCAN_LINES
from data_synth.family import Family

QUALITY: tuple[Family, ...] = (
    *(GAUSSIAN_BLUR, MOTION_BLUR, ZOOM_BLUR, SHARPENING, GAUSSIAN_NOISE, SALT_AND_PEPPER, COLOUR_NOISE, JPEG),
    *(PIXELATION, SCAN_LINES, INTERLACE, HALFTONE, GHOSTING, CHROMATIC_ABERRATION),
    *(DEFOCUS, SHOT_NOISE, SPECKLE, BANDING, LOW_RESOLUTION, WEBP, DEAD_PIXELS, MOIRE, DITHER, ROLLING_SHUTTER),
)
