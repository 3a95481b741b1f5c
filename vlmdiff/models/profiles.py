"""What differs from one family of vision-language models to the next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vlmdiff.errors import ModelError

if TYPE_CHECKING:
    import torch

MINI = Path(__file__).with_name("mini")
DEFAULT = "Qwen/Qwen3-VL-2B-Instruct"
"""What to name on a GPU: Apache-2.0, small, plain attention."""


def _plain(pixels: torch.Tensor, config: Any) -> dict[str, torch.Tensor]:
    """Images as a stack."""
    return {"pixel_values": pixels}


def _nested(pixels: torch.Tensor, config: Any) -> dict[str, torch.Tensor]:
    """Each image as the only one of its prompt."""
    return {"pixel_values": pixels[:, None]}


def _patches(pixels: torch.Tensor, config: Any) -> dict[str, torch.Tensor]:
    """Flattened patches, block by block of those that will be merged into a token, and the size of the grid.

    A still image is a film of equal frames. The order is that of `Qwen2VLImageProcessor`.
    """
    vision = config.vision_config
    patch, merge, frames = vision.patch_size, vision.spatial_merge_size, vision.temporal_patch_size
    images, channels, side, _ = pixels.shape
    cells = side // (patch * merge)
    blocks = pixels.reshape(images, channels, 1, cells, merge, patch, cells, merge, patch)
    blocks = blocks.permute(0, 3, 6, 4, 7, 1, 2, 5, 8).expand(-1, -1, -1, -1, -1, -1, frames, -1, -1)
    grid = pixels.new_tensor([[1, cells * merge, cells * merge]]).long().expand(images, 3)
    return {"pixel_values": blocks.reshape(images * (cells * merge) ** 2, -1), "image_grid_thw": grid}


def _connected(model: Any, inputs: dict[str, torch.Tensor], images: int) -> torch.Tensor:
    """What the language model would read of an image, the connector's output, each cell brought to unit mean square.

    Its scale is the model's own, and the difference statistics add a floor that supposes about unit variance.
    """
    import torch

    found = model.model.get_image_features(**inputs, return_dict=True).pooler_output
    if not isinstance(found, torch.Tensor):
        # One an image, or one a prompt: that changes with transformers' minor versions.
        found = torch.cat([part.reshape(-1, part.shape[-1]) for part in found])
    cells = found.float().reshape(images, -1, found.shape[-1])
    return cells * cells.square().mean(-1, keepdim=True).add(1e-6).rsqrt()


def _towers(model: Any, inputs: dict[str, torch.Tensor], images: int) -> torch.Tensor:
    """The tower's cells that LLaVA's connector, which mixes no cells, would read."""
    import torch

    config, tower = model.config, model.model.vision_tower
    if config.vision_config.model_type == "vlmdiff_tower":  # ours: its channels have unit variance
        cells: torch.Tensor = tower(**inputs).last_hidden_state
        return cells
    layers = config.vision_feature_layer
    hidden = tower(**inputs, output_hidden_states=True).hidden_states
    first = 1 if config.vision_feature_select_strategy == "default" else 0  # the one that stands for the whole image
    return torch.cat([hidden[i][:, first:] for i in ([layers] if isinstance(layers, int) else layers)], dim=-1)


def _fixed_size(config: Any) -> int:
    size = config.vision_config.image_size
    return int(size if isinstance(size, int) else size[0])


def _merged_cells(size: int) -> Callable[[Any], int]:
    return lambda config: (size // (config.vision_config.patch_size * config.vision_config.spatial_merge_size)) ** 2


def _shuffled_cells(config: Any) -> int:
    vision = config.vision_config
    return int((vision.image_size // vision.patch_size) ** 2 // config.scale_factor**2)


def _linears(within: str, names: str = "q_proj|k_proj|v_proj|o_proj|gate_proj|up_proj|down_proj") -> str:
    return rf".*{within}.*\.({names})"


@dataclass(frozen=True)
class Profile:
    """Facts of one family, by the `model_type` of its config. Memory is of weights in bfloat16, in GB."""

    name: str
    checkpoint: str
    """On the hub: the one to begin with."""
    gigabytes: float
    others: str
    """Further sizes of it and their memory."""
    licence: str
    tower_tokens: int
    """Tokens that an image of `image_size` costs in a prompt of that checkpoint, marks around it not counted."""
    lora_targets: str
    """Regular expression over module names: the language model's linear layers, never the tower's."""
    image_size: Callable[[Any], int]
    """From a config: pixels a side; a multiple of what a token covers, where any size will do."""
    cells: Callable[[Any], int]
    """From a config: tokens an image, which is also cells of its grid."""
    placeholders: tuple[str, ...]
    """Tokens of its vocabulary that no text holds, the first that is there: difference tokens take its place."""
    pixels: Callable[[torch.Tensor, Any], dict[str, torch.Tensor]] = _plain
    """Normalised images (images, 3, size, size), and a config, to what the vision path reads."""
    features: Callable[[Any, dict[str, torch.Tensor], int], torch.Tensor] = _connected
    """A model and that, of so many images, to grids (images, cells, channels)."""
    shown: Callable[[int], dict[str, Any]] = lambda size: {}
    """From `image_size`: options of its image processor in prompts, so that an image is one tile of that size at most.

    Without them public checkpoints read an image as up to 17 tiles, or in as many tokens as it has pixels for.
    """
    mark: str | None = None
    """What stands for an image in the text, where chat templates would sort images before all text."""
    attends_to_all: bool = True
    """Whether every layer of its language model attends to all that came before; then claims are read as a tree."""
    turns: tuple[str, ...] = ()
    """Words that open a turn although they are no tokens of their own: taken out of what others wrote."""


_DECODER = _linears(r"language_model\.layers")


def _qwen(size: int, targets: str = _DECODER, **facts: Any) -> Profile:
    """Any size and shape of image: a token covers 28 or 32 px a side."""
    return Profile(
        lora_targets=targets,
        tower_tokens=144,
        image_size=lambda config: size,
        cells=_merged_cells(size),
        placeholders=("<|fim_pad|>", "<|quad_start|>"),
        pixels=_patches,
        shown=lambda size: {"size": {"shortest_edge": size * size // 16, "longest_edge": size * size}},  # in pixels
        **facts,
    )


def _idefics(**facts: Any) -> Profile:
    """Images are padded to a square and, unless told not to, cut into tiles."""
    return Profile(
        others="256M 0.5, 2.2B 4.5",
        licence="Apache-2.0",
        tower_tokens=64,
        lora_targets=_linears(r"text_model\.layers"),
        image_size=_fixed_size,
        cells=_shuffled_cells,
        placeholders=("<|reserved_special_token_0|>", "<empty_output>"),
        pixels=_nested,
        shown=lambda size: {"do_image_splitting": False, "size": {"longest_edge": size}},
        **facts,
    )


PROFILES: dict[str, Profile] = {
    "qwen3_vl": _qwen(
        size=384,
        name="Qwen3-VL",
        checkpoint=DEFAULT,
        gigabytes=4.3,
        others="4B 8.9, 8B 17.5",
        licence="Apache-2.0",
    ),
    "qwen3_5": _qwen(
        size=384,
        # Three layers of four are recurrent, with names of their own.
        targets=_linears(
            r"language_model\.layers",
            "q_proj|k_proj|v_proj|o_proj|gate_proj|up_proj|down_proj|in_proj_qkv|in_proj_z|out_proj",
        ),
        name="Qwen3.5",
        checkpoint="Qwen/Qwen3.5-2B",
        gigabytes=4.6,
        others="0.8B 1.7, 4B 9.3, 9B 19",
        licence="Apache-2.0",
        attends_to_all=False,
    ),
    "qwen2_5_vl": _qwen(
        size=336,
        name="Qwen2.5-VL",
        checkpoint="Qwen/Qwen2.5-VL-7B-Instruct",
        gigabytes=16.6,
        others="3B 7.5 (non-commercial)",
        licence="Apache-2.0",
    ),
    "idefics3": _idefics(name="Idefics3, SmolVLM", checkpoint="HuggingFaceTB/SmolVLM-500M-Instruct", gigabytes=1.0),
    "smolvlm": _idefics(name="SmolVLM2", checkpoint="HuggingFaceTB/SmolVLM2-500M-Video-Instruct", gigabytes=1.0),
    "gemma3": Profile(
        name="Gemma 3, MedGemma",
        checkpoint="google/medgemma-1.5-4b-it",
        gigabytes=8.6,
        others="google/gemma-3-4b-it 8.6, 12b 24 (Gemma terms, gated)",
        attends_to_all=False,
        licence="Health AI terms, gated",
        tower_tokens=256,
        lora_targets=_DECODER,
        image_size=_fixed_size,
        cells=lambda config: int(config.mm_tokens_per_image),
        placeholders=("<unused0>",),
        shown=lambda size: {"do_pan_and_scan": False},
    ),
    "internvl": Profile(
        name="InternVL",
        checkpoint="OpenGVLab/InternVL3_5-1B-HF",
        gigabytes=2.1,
        others="2B 4.7, 4B 9.5, 8B 17",
        licence="Apache-2.0",
        tower_tokens=256,
        lora_targets=_DECODER,
        image_size=_fixed_size,
        cells=lambda config: int(config.image_seq_length),
        placeholders=("<|fim_pad|>", "<|quad_start|>"),
        shown=lambda size: {"crop_to_patches": False},
    ),
    "llava": Profile(
        name="LLaVA, as mini is",
        checkpoint="llava-hf/llava-1.5-7b-hf",
        gigabytes=14.1,
        others="13b 27",
        licence="Llama 2 licence",
        tower_tokens=576,
        lora_targets=_linears("language_model"),
        image_size=_fixed_size,
        cells=lambda config: int(config.image_seq_length),
        placeholders=("<diff>", "<unk>"),
        features=_towers,
        mark="<image>",
        turns=("USER:", "ASSISTANT:"),
    ),
}


def profile_of(model_type: str) -> Profile:
    """The profile of a model type; ModelError lists the known ones."""
    if model_type not in PROFILES:
        raise ModelError(f"models of type {model_type!r} are not supported; known are {', '.join(sorted(PROFILES))}")
    return PROFILES[model_type]
