"""The set-level families: differences that no single image shows."""

from __future__ import annotations

from data_synth.families.sets.shares import SHARES
from data_synth.families.sets.varied import VARIED
from data_synth.family import SetFamily

SETS: tuple[SetFamily, ...] = (*VARIED, *SHARES)
