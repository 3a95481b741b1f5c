"""The clinical families: what radiologists and pathologists look for, and what their machines and pens leave behind."""

from __future__ import annotations

from data_synth.families.clinical.lesions import LESIONS
from data_synth.families.clinical.magnet import MAGNET
from data_synth.families.clinical.marks import MARKS
from data_synth.families.clinical.radiation import RADIATION
from data_synth.families.clinical.specimen import SPECIMEN
from data_synth.families.clinical.structure import STRUCTURE
from data_synth.family import Family

CLINICAL: tuple[Family, ...] = (*LESIONS, *STRUCTURE, *MAGNET, *RADIATION, *MARKS, *SPECIMEN)
