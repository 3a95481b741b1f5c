"""`python -m train mini`: the embedded base model from nothing, on generated pairs: tower, then language model."""

from __future__ import annotations

from pathlib import Path

import torch

from data_synth.catalog import FAMILIES
from data_synth.compose import PairConfig
from data_synth.sources import Bank
from train import loop, tower
from train.groups import Groups
from vlmdiff.models.mini.tower import Tower, TowerConfig

WEIGHTED = (*FAMILIES, *["shape"] * 6, *["scattered_shapes"] * 2)
"""Every family once; shapes more often, because they alone have colour, size, place and count to learn."""

TOWER = PairConfig(families=WEIGHTED, strength=(0.15, 1.0), drawn_share=0.25, world_share=0.5)


def train_tower(bank: Bank, folder: Path, schedule: loop.Schedule, seed: int, workers: int) -> Tower:
    """Stage one; resumes from `folder`."""
    torch.manual_seed(seed)
    model = tower.TowerWithHead(Tower(TowerConfig())).to(memory_format=torch.channels_last)
    groups = Groups(TOWER, bank, seed, groups_a_batch=8, size=model.tower.config.image_size)
    loop.fit(
        "tower",
        model,
        schedule,
        lambda first: tower.batches(groups, first, schedule.steps, workers),
        lambda batch: tower.loss_of(model, batch),
        folder,
    )
    return model.tower.eval()
