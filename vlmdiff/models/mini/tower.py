"""The vision tower of the embedded model: a small convolutional net, one row of channels for each cell of a grid."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from transformers import AutoConfig, AutoModel, PretrainedConfig, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutputWithPooling

MODEL_TYPE = "vlmdiff_tower"


class TowerConfig(PretrainedConfig):
    """Sizes of the tower: three strided stages, each with residual blocks at its own width."""

    model_type = MODEL_TYPE

    def __init__(
        self,
        image_size: int = 128,
        widths: tuple[int, int, int] = (64, 128, 192),
        blocks: tuple[int, int, int] = (1, 2, 4),
        **kwargs: Any,
    ) -> None:
        self.image_size = image_size
        self.widths = tuple(widths)
        self.blocks = tuple(blocks)
        self.hidden_size = self.widths[-1]
        self.patch_size = STRIDE
        self.num_hidden_layers = sum(self.blocks)
        super().__init__(**kwargs)


STRIDE = 16
"""Pixels a cell: the stem strides 4, each later stage 2."""


class Block(nn.Module):
    """Two 3 x 3 convolutions with a residual path."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(x + self.body(x))


class Tower(PreTrainedModel):
    """Pixels (batch, 3, size, size) to hidden states (batch, cells, channels), as LLaVA expects of its tower."""

    config: TowerConfig
    config_class = TowerConfig
    main_input_name = "pixel_values"
    base_model_prefix = "tower"
    _no_split_modules = ["Block"]  # noqa: RUF012  (the base class wants a list)
    _supports_sdpa = True  # it has no attention: any choice made for the language model suits it
    _supports_flash_attn = True
    _supports_flex_attn = True

    def __init__(self, config: TowerConfig) -> None:
        super().__init__(config)
        layers: list[nn.Module] = []
        channels, kernel = 3, 4
        for width, count in zip(config.widths, config.blocks, strict=True):
            if channels == 3:
                layers.append(nn.Conv2d(channels, width, kernel, stride=4, bias=False))
            else:
                layers.append(nn.Conv2d(channels, width, 3, stride=2, padding=1, bias=False))
            layers += [nn.BatchNorm2d(width), nn.ReLU(inplace=True), *(Block(width) for _ in range(count))]
            channels = width
        self.layers = nn.Sequential(*layers)
        self.out = nn.Sequential(nn.Conv2d(channels, channels, 1, bias=False), nn.BatchNorm2d(channels, affine=False))
        self.post_init()  # type: ignore[no-untyped-call]

    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, pixel_values: torch.Tensor, **_: Any) -> BaseModelOutputWithPooling:
        pixels = pixel_values.to(self.dtype).contiguous(memory_format=torch.channels_last)
        grid = self.out(self.layers(pixels))
        cells = grid.flatten(2).transpose(1, 2)
        return BaseModelOutputWithPooling(last_hidden_state=cells, pooler_output=cells.mean(1), hidden_states=(cells,))


def register() -> None:
    """Make the tower known to the Auto classes; called by the loader, never at import."""
    AutoConfig.register(MODEL_TYPE, TowerConfig, exist_ok=True)
    AutoModel.register(TowerConfig, Tower, exist_ok=True)
