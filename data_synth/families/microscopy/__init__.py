"""The microscopy families: cells and particles drawn on any image, and what microscopes add to a picture."""

from __future__ import annotations

from data_synth.families.microscopy.cells import CELLS
from data_synth.families.microscopy.optics import OPTICS
from data_synth.families.microscopy.particles import PARTICLES
from data_synth.family import Family

MICROSCOPY: tuple[Family, ...] = (*CELLS, *PARTICLES, *OPTICS)
