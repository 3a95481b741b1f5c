"""What vlmdiff asks of a vision-language model, whichever it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from vlmdiff.findings import ModelInfo

if TYPE_CHECKING:
    import torch

    from vlmdiff.models.card import RunCard
    from vlmdiff.models.difference import Difference


class VisionLanguageModel(Protocol):
    """Features of images, words from a difference, and how well words fit one."""

    @property
    def image_size(self) -> int:
        """Pixels a side of the square input."""
        ...

    @property
    def info(self) -> ModelInfo: ...

    @property
    def card(self) -> RunCard | None:
        """What its adapter was trained on; None where there is no adapter, or nobody wrote it down."""
        ...

    @property
    def tokens_used(self) -> int:
        """Tokens that its language model has read and written since it was loaded, those of differences among them."""
        ...

    def features(self, images: NDArray[np.uint8]) -> torch.Tensor:
        """Grids (images, cells, channels), float32, of uint8 RGB images (images, size, size, 3)."""
        ...

    def write(self, difference: Difference, draws: int, seed: int) -> list[list[str]]:
        """Texts for each of a batch of differences: the likeliest first, then `draws` sampled ones."""
        ...

    def score(self, claims: Sequence[str], difference: Difference) -> NDArray[np.float32]:
        """Log-likelihood in nats of each claim under each of a batch of differences: (batch, claims)."""
        ...

    def siblings(self, claim: str, count: int) -> list[str]:
        """About `count` other claims to hold it against: other values of its family first, then other families."""
        ...
