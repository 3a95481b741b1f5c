"""The likeliest text and sampled ones side by side: the prompt is read once, and a text that has ended no more."""

from __future__ import annotations

from typing import Any

import torch


def side_by_side(
    model: Any,
    input_ids: torch.Tensor,
    logits_processor: Any,
    stopping_criteria: Any,
    generation_config: Any,
    draws: int,
    **options: Any,
) -> torch.Tensor:
    """A decoding loop for `generate(custom_generate=...)`, whose options say how to sample and where a text ends.

    Args:
        input_ids: (batch, length), prompts without padding.
        draws: sampled texts of each prompt.

    Returns:
        Ids (batch * (1 + draws), longest), of each prompt those of the likeliest text first, padded on the right.
    """
    batch, length = input_ids.shape
    cache = options["past_key_values"]
    texts = input_ids.repeat_interleave(1 + draws, dim=0)
    going = torch.arange(len(texts), device=texts.device)
    sampled = going % (1 + draws) > 0
    copied = going // (1 + draws)
    # Told, because models whose images lie in three dimensions go on from those of the last prompt they saw.
    reading, places = input_ids, torch.arange(length, device=texts.device).expand(batch, -1)
    while len(going):
        told = {"past_key_values": cache, "use_cache": True, "logits_to_keep": 1}
        logits = model(input_ids=reading, position_ids=places, **told).logits[:, -1].float()
        if texts.shape[1] == length:
            cache.reorder_cache(copied)
            logits = logits[copied]
        scores = logits_processor(texts[going], logits)
        chosen = scores.argmax(-1)
        if draws:
            # Dice for the ended ones, too: so what a text becomes does not hang on how long the others are.
            chances = scores.new_ones(len(texts), scores.shape[1])
            chances[going] = scores.softmax(-1)
            drawn = torch.zeros_like(copied)
            drawn[sampled] = chances[sampled].multinomial(1)[:, 0]
            chosen = torch.where(sampled[going], drawn[going], chosen)
        ids = texts.new_full((len(texts), 1), generation_config.pad_token_id)
        ids[going, 0] = chosen
        texts = torch.cat([texts, ids], dim=1)
        on = (~stopping_criteria(texts[going], None)).nonzero()[:, 0]
        if len(on) < len(going):
            cache.reorder_cache(on)
        going = going[on]
        reading, places = texts[going, -1:], places.new_full((len(going), 1), texts.shape[1] - 1)
    return texts[:, length:]
