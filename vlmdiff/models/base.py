"""What vlmdiff asks of a vision-language model, whichever it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from vlmdiff.findings import ModelInfo

Skill = Literal["tokens", "chat", "in_context", "captions"]
"""What a model can be asked: `write` and `score` with difference tokens; `ask` and `yes` in plain words; the bare
prompts of `models.lines`, images of two sets in one, or captions of them, which the embedded model is trained on."""
Part = str | NDArray[np.uint8]
"""Of a prompt: a text, or an RGB image (height, width, 3)."""
CLAIMS_FILE = "claims.json"
"""Claims the adapter was trained on, by family: where siblings are taken from."""

if TYPE_CHECKING:
    import torch

    from vlmdiff.models.accuracy import Counts
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
    def skills(self) -> frozenset[Skill]: ...

    @property
    def context(self) -> int:
        """Tokens that its language model reads and writes at most, in one prompt."""
        ...

    @property
    def image_tokens(self) -> int:
        """Tokens that an image of `image_size` costs in a prompt."""
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

    @property
    def claims(self) -> Mapping[str, Sequence[str]]:
        """What it was taught to say, by family; empty where nobody wrote it down."""
        ...

    @property
    def opposites(self) -> Mapping[str, str]:
        """From claims to what says the same of the other set: that B is brighter is that A is darker."""
        ...

    def judged(self, claim: str) -> Counts | None:
        """How often its judgment of claims of this family was right where the truth is known; None: not measured."""
        ...

    def taught(self, claim: str) -> bool:
        """Whether it was trained on this claim, so that its likelihood can be trusted; free concepts are not."""
        ...

    def ask(self, prompts: Sequence[Sequence[Part]], draws: int, seed: int, longest: int) -> list[list[str]]:
        """Answers to each prompt, texts and images in turn: the likeliest first, then `draws` sampled ones.

        Args:
            longest: new tokens at most.
        """
        ...

    def yes(self, prompts: Sequence[Sequence[Part]]) -> NDArray[np.float32]:
        """Log-odds in nats of "yes" against "no" as the next word after each prompt: (prompts,)."""
        ...
