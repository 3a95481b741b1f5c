"""The colour families: tone and colour changed over the whole image, its shadows, its border or one side."""

from __future__ import annotations

from data_synth.families.colour.balance import CHANNEL_SWAP, GREYSCALE, HUE, SATURATION, SEPIA, WARMTH
from data_synth.families.colour.curves import NEGATIVE, POSTERISE, SOLARISE
from data_synth.families.colour.light import HAZE, VIGNETTE
from data_synth.families.colour.tints import GRADIENT, SHADOW_TINT, TINT
from data_synth.families.colour.tone import BRIGHTNESS, CONTRAST, EQUALISED, FADED, GAMMA, LOCAL_CONTRAST
from data_synth.family import Family

COLOUR: tuple[Family, ...] = (
    *(BRIGHTNESS, CONTRAST, SATURATION, WARMTH, TINT, GRADIENT, HUE, SEPIA, POSTERISE, NEGATIVE, SOLARISE),
    *(VIGNETTE, HAZE, LOCAL_CONTRAST, GAMMA, GREYSCALE, CHANNEL_SWAP, EQUALISED, FADED, SHADOW_TINT),
)
