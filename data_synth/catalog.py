"""FAMILIES and SET_FAMILIES: the only list of augmentation families, and what of it no training may see."""

from __future__ import annotations

from data_synth.facts import Content
from data_synth.families.clinical import CLINICAL
from data_synth.families.colour import COLOUR
from data_synth.families.geometry import GEOMETRY
from data_synth.families.inserts import COLOURS, INSERTS, SHAPES, SIZES
from data_synth.families.microscopy import MICROSCOPY
from data_synth.families.overlays import OVERLAYS
from data_synth.families.quality import QUALITY
from data_synth.families.sets import SETS
from data_synth.families.texture import TEXTURE
from data_synth.family import Family, SetFamily

GROUPS: dict[str, tuple[Family, ...]] = {
    "colour": tuple(COLOUR),
    "quality": tuple(QUALITY),
    "geometry": tuple(GEOMETRY),
    "inserts": tuple(INSERTS),
    "overlays": tuple(OVERLAYS),
    "texture": tuple(TEXTURE),
    "clinical": tuple(CLINICAL),
    "microscopy": tuple(MICROSCOPY),
}
"""Families of single images by kind; the ninth group is that of sets."""
FAMILIES: dict[str, Family] = {family.name: family for group in GROUPS.values() for family in group}
"""Families that are painted on single images."""
SET_FAMILIES: dict[str, SetFamily] = {family.name: family for family in SETS}
"""Families that only a set as a whole shows."""
EVERY: dict[str, Family | SetFamily] = {**FAMILIES, **SET_FAMILIES}
"""All that has words."""

HELD_OUT_FAMILIES = frozenset(
    {
        *("sepia", "solarise"),
        *("zoom_blur", "colour_noise", "interlace"),
        *("shear", "pincushion"),
        "translucent_shape",
        *("censor_bar", "snow", "lens_flare"),
        *("fibrous", "crumpled"),
        *("ring_lesion", "motion_ghosts", "gel_bubbles"),
        *("rods", "stitching"),
        *("varied_contrast", "two_kinds"),
    }
)
"""Whole families, of every group, each with kin among the trained ones (snow: rain, dust): a partly right answer
exists."""
HELD_OUT_DOMAINS = frozenset({"breast_ultrasound", "drawn/leaves"})
"""Whole image domains."""
LEAST_STRENGTH = 0.15
"""Fainter differences are never trained on."""
LEAST_PREVALENCE = 0.1
"""Rarer ones neither."""

TRAINED: dict[str, Family] = {name: family for name, family in FAMILIES.items() if name not in HELD_OUT_FAMILIES}
"""What training draws from; TRAINED_SETS likewise."""
TRAINED_SETS: dict[str, SetFamily] = {
    name: family for name, family in SET_FAMILIES.items() if name not in HELD_OUT_FAMILIES
}


def held_out_combination(content: Content) -> bool:
    """Whether an inserted shape is one of the fifth of colour x shape x size that no training sees."""
    colour, size = content.get("colour"), content.get("size")
    if content.what not in SHAPES or colour not in COLOURS or size not in SIZES:
        return False
    places = [list(COLOURS).index(colour), SHAPES.index(content.what), list(SIZES).index(size)]
    return (places[0] + 3 * places[1] + 2 * places[2]) % 5 == 0


def trained_contents(family: Family) -> tuple[Content, ...]:
    """What training may say of a family; nothing where the whole family is held out."""
    if family.name in HELD_OUT_FAMILIES:
        return ()
    return tuple(content for content in family.contents() if not held_out_combination(content))
