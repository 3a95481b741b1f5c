"""EXPERIMENTS: what is compared with what, each against the first of its list; and the pairs that all of them use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from data_synth.catalog import TRAINED
from data_synth.config import PairConfig
from train.loop import Schedule
from train.recipes import LARGE, MORE, RECIPES

BASE = ("difference", "t", "ratio")


@dataclass(frozen=True)
class Trained:
    """A decoder that is trained to read some parts, all else alike."""

    parts: tuple[str, ...] = BASE
    """Of `inner.PARTS`, side by side in every token; or one of `inner.GRIDS`."""
    rows: str = ""
    """Of `inner.ROWS`: tokens of their own."""
    inner: str = ""
    """Of `inner.INNER`: one more part, by an inner loop that is trained."""
    scratch: tuple[int, int] | None = None
    """Layers and width of a decoder from nothing; none: the base's, which has learned to compare images."""
    pairs: float = 1.0
    """Share of all pairs that samples are drawn from."""


@dataclass(frozen=True)
class Draws:
    """How a trained adapter is made to read; nothing is trained."""

    plain: int = 1
    """Draws that read all of B, or four fifths of both sides where there are several draws."""
    sharp: int = 0
    """Draws that read the images of B that look least like A."""
    share: float = 0.2
    """How many of them."""
    best: int = 100
    """Statements that count, those with the most votes."""


Variant = Trained | Draws

EXPERIMENTS: dict[str, Mapping[str, Variant]] = {
    "sharpened": {
        "all of B": Draws(),
        "top tenth": Draws(0, 1, 0.1),
        "top fifth": Draws(0, 1, 0.2),
        "top third": Draws(0, 1, 0.33),
        "top half": Draws(0, 1, 0.5),
        "all and top fifth": Draws(1, 1, 0.2),
    },
    "voting": {
        "8 draws, best": Draws(8, best=1),
        "1 draw, first": Draws(best=1),
        "4 draws, best": Draws(4, best=1),
        "16 draws, best": Draws(16, best=1),
        "4 plain, 4 sharpened, best": Draws(4, 4, best=1),
        "8 sharpened, best": Draws(0, 8, best=1),
        "8 draws, best 4": Draws(8, best=4),
        "4 plain, 4 sharpened, best 4": Draws(4, 4, best=4),
    },
    "tokens": {
        "difference, t, ratio": Trained(),
        "and sharpened means": Trained((*BASE, "sharp_a", "sharp_b")),
        "and classifier weights": Trained((*BASE, "weights")),
        "less t": Trained(("difference", "ratio")),
        "less ratio": Trained(("difference", "t")),
        "less difference": Trained(("t", "ratio")),
        "and cell means": Trained((*BASE, "mean")),
        "and exemplars": Trained((*BASE, "exemplar_a", "exemplar_b")),
        "and exemplar tokens": Trained(rows="exemplars"),
    },
    "grid": {
        "8 x 8": Trained(),
        "4 x 4": Trained(("4 x 4",)),
        "no grid, summaries alone": Trained(("no grid",)),
    },
    "inner": {
        "t, ratio and ridge means": Trained(("t", "ratio", "ridge")),
        "logistic": Trained(("t", "ratio", "logistic")),
        "kernel": Trained(("t", "ratio", "rbf")),
        "weights by row": Trained(("t", "ratio", "weights")),
        "weights by row, scale learned": Trained(("t", "ratio"), inner="scaled"),
        "adapter steps": Trained(("t", "ratio"), inner="adapted"),
    },
    "decoder": {
        "4 x 256": Trained(scratch=(4, 256)),
        "2 x 128": Trained(scratch=(2, 128)),
        "6 x 384": Trained(scratch=(6, 384)),
        "4 x 256 of the base": Trained(),
    },
    "pairs": {
        "all pairs": Trained(),
        "a seventh": Trained(pairs=1 / 7),
        "a third": Trained(pairs=0.36),
    },
}


@dataclass(frozen=True)
class Scale:
    """How long every variant learns."""

    schedule: Schedule
    batch: int


SCALES = {
    "study": Scale(Schedule(150, 2e-3, warmup=30, save_every=50), 32),
    "quick": Scale(Schedule(2, 2e-3, warmup=1), 2),
}
"""study: two minutes of one core a variant, samples and scoring included. quick: for tests."""


@dataclass(frozen=True)
class Pairs:
    """A cache of pairs, and the share of training samples that come from it."""

    config: PairConfig
    seed: int
    count: int
    share: float = 0.0


_UNSEEN = PairConfig(split="val", families=tuple(TRAINED), strength=(0.5, 0.9), facts=(0, 1.0), set_size=(24, 24))


def _val(**changes: object) -> PairConfig:
    return replace(_UNSEEN, **changes)  # type: ignore[arg-type]


TRAINING: dict[str, Pairs] = {
    "pairs": Pairs(RECIPES["mini"].pairs, 1, 2000, share=0.5),
    "more": Pairs(MORE.config, MORE.seed, 1200, share=0.3),
    "large": Pairs(LARGE.config, LARGE.seed, 200, share=0.2),
}
"""A quarter of what the model that ships learned from; a variant sees 4,800 samples of them."""
VALIDATION: dict[str, Pairs] = {
    "val1": Pairs(_val(prevalence=(1, 1)), 99, 300),
    "val3": Pairs(_val(prevalence=(0.7, 1), facts=(0, 0, 0, 1.0)), 99, 80),
    "valq": Pairs(_val(prevalence=(1, 1), strength=(0.25, 0.25)), 99, 150),
    "sparse": Pairs(_val(prevalence=(0.2, 0.2), set_size=(100, 100), drawn_share=1.0), 99, 50),
}
"""Photographs that no training saw, or drawn images: one fact, three, one faint one, one in a fifth of 100 images."""
