"""Stage one of `mini`: the vision tower learns to tell facts by how an image differs from the rest of its group."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.utils.data import DataLoader, Dataset

from train.groups import GROUP, Groups, attributes
from vlmdiff.models.mini.tower import Tower

Batch = tuple[NDArray[np.uint8], NDArray[np.bool_]]


class FactHead(nn.Module):
    """Relative grids to one logit an attribute: what the grid means says, plus the best cell with its place."""

    def __init__(self, channels: int, cells: int, outputs: int) -> None:
        super().__init__()
        width = 256
        last = nn.Linear(width, outputs)
        nn.init.zeros_(last.weight)
        self.cell = nn.Sequential(nn.Linear(channels, width), nn.GELU(), last)
        self.place = nn.Parameter(torch.zeros(cells, outputs))
        self.whole = nn.Sequential(nn.Linear(3 * channels, width), nn.GELU(), nn.Linear(width, outputs))

    def forward(self, grids: torch.Tensor) -> torch.Tensor:
        by_cell = torch.logsumexp(self.cell(grids) + self.place, dim=1) - 7.5
        whole = torch.cat([grids.mean(1), grids.std(1), grids.amax(1)], -1)
        logits: torch.Tensor = by_cell + self.whole(whole)
        return logits


def relative(grids: torch.Tensor) -> torch.Tensor:
    """(groups * GROUP, cells, channels): each image less the mean of the others of its group."""
    groups = grids.view(-1, GROUP, *grids.shape[1:])
    return (groups - groups.mean(1, keepdim=True)).flatten(0, 1) * (GROUP / (GROUP - 1))


class TowerWithHead(nn.Module):
    """The tower and the head that teaches it; the head is thrown away."""

    def __init__(self, tower: Tower) -> None:
        super().__init__()
        self.tower = tower
        cells = (tower.config.image_size // tower.config.patch_size) ** 2
        self.head = FactHead(tower.config.hidden_size, cells, len(attributes()))

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        cells = self.tower(pixels).last_hidden_state
        logits: torch.Tensor = self.head(relative(cells))
        return logits


def to_pixels(images: torch.Tensor) -> torch.Tensor:
    """uint8 (n, size, size, 3) to the tower's input, -1 to 1: what the image processor does, without leaving torch."""
    return images.permute(0, 3, 1, 2).to(torch.float32).div_(127.5).sub_(1.0)


def loss_of(model: TowerWithHead, batch: Batch) -> tuple[torch.Tensor, dict[str, float]]:
    """Binary cross-entropy over the attributes, rare ones not drowned: positives and negatives weigh alike by root."""
    images, shows = (torch.as_tensor(part) for part in batch)
    with torch.autocast("cpu", torch.bfloat16):
        logits = model(to_pixels(images))
    target = shows.float()
    losses = nn.functional.binary_cross_entropy_with_logits(
        logits.float(), target, reduction="none", pos_weight=torch.tensor(3.0)
    )
    with torch.no_grad():
        hits = ((logits > 0) & shows).sum() / shows.sum().clamp(min=1)
        false = ((logits > 0) & ~shows).sum() / (logits > 0).sum().clamp(min=1)
    return losses.sum(1).mean(), {"recall": float(hits), "false": float(false)}


@dataclass(frozen=True)
class _Indexed(Dataset[Batch]):
    groups: Groups
    first: int
    last: int

    def __len__(self) -> int:
        return self.last - self.first

    def __getitem__(self, index: int) -> Batch:
        cv2.setNumThreads(0)
        return self.groups.batch(self.first + index)


def batches(groups: Groups, first: int, last: int, workers: int) -> Iterable[Batch]:
    """Batches `first` to `last` in order, made by `workers` processes."""
    return DataLoader(
        _Indexed(groups, first, last),
        batch_size=None,
        num_workers=workers,
        prefetch_factor=6 if workers else None,
        persistent_workers=False,
    )
