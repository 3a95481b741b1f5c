"""FAMILIES: the only list of augmentation families."""

from __future__ import annotations

from data_synth.families.colour import COLOUR
from data_synth.families.geometry import GEOMETRY
from data_synth.families.inserts import INSERTS
from data_synth.families.overlays import OVERLAYS
from data_synth.families.quality import QUALITY
from data_synth.family import Family

FAMILIES: dict[str, Family] = {family.name: family for family in (*COLOUR, *QUALITY, *GEOMETRY, *INSERTS, *OVERLAYS)}
