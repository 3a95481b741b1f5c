"""What the vision tower learns from: groups of images of one domain and world, each image with facts of its own."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from data_synth.catalog import TRAINED, trained_contents
from data_synth.compose import draw_ground, draw_touch
from data_synth.config import PairConfig, refuse_held_out
from data_synth.facts import Content
from data_synth.sources import Bank
from vlmdiff.images.decode import fit

GROUP = 8
"""Images a group; an image's facts are told by how it differs from the rest of its group."""
_FACTS = (0.15, 0.5, 0.27, 0.08)
"""Chances of 0, 1, 2, 3 facts on an image."""
_SHARED = ("colour", "size", "count", "fill")
"""Attributes that mean the same whatever the object."""


@cache
def attributes() -> tuple[str, ...]:
    """Every attribute that a trained content can state, as one string each, sorted."""
    families = TRAINED.values()
    return tuple(sorted({name for family in families for c in trained_contents(family) for name in stated(c)}))


def stated(content: Content) -> list[str]:
    """The attributes of a content: what it is, where, and each value."""
    names = [f"what={content.what}", f"where={content.where}"]
    for attribute, value in content.value:
        prefix = "" if attribute in _SHARED else f"{content.what} "
        names.append(f"{prefix}{attribute}={value}")
    return names


@dataclass(frozen=True)
class Groups:
    """A batch by index: the same images for the same (config, seed, index) on any worker."""

    config: PairConfig
    bank: Bank
    seed: int
    groups_a_batch: int
    size: int

    def __post_init__(self) -> None:
        refuse_held_out(self.config)

    def batch(self, index: int) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """Images (groups * GROUP, size, size, 3) and what they show (groups * GROUP, attributes)."""
        column = {name: i for i, name in enumerate(attributes())}
        pixels, shows = [], np.zeros((self.groups_a_batch * GROUP, len(column)), bool)
        for g in range(self.groups_a_batch):
            rng = np.random.default_rng([self.seed, index, g])
            for i, image in enumerate(draw_ground(self.config, self.bank, GROUP, rng).images):
                taken: set[str] = set()
                for _ in range(int(rng.choice(len(_FACTS), p=_FACTS))):
                    names = [name for name in self.config.families if name not in taken]
                    touch = draw_touch(self.config, names, image, rng)
                    taken.add(touch.family.name)
                    image = touch.paint(image, rng)
                    shows[g * GROUP + i, [column[name] for name in stated(touch.content)]] = True
                pixels.append(fit(image, self.size))
        return np.stack(pixels), shows
