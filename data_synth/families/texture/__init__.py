"""The texture families: the image's fine structure changed, or a surface laid over it."""

from __future__ import annotations

from data_synth.families.texture.detail import DETAIL
from data_synth.families.texture.surface import SURFACE
from data_synth.family import Family

TEXTURE: tuple[Family, ...] = (*DETAIL, *SURFACE)
