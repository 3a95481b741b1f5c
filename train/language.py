"""The small language model of `mini`: its tokenizer, and its base training on images in context."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import nn
from transformers import LlavaConfig, LlavaForConditionalGeneration, LlavaProcessor, PreTrainedTokenizerFast
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

from data_synth.catalog import TRAINED, TRAINED_SETS, trained_contents
from data_synth.lexicon import canonical
from train import jumpstart
from train.pairs import Blend
from train.samples import report
from vlmdiff.learn.tokens import SUMMARY_ROWS
from vlmdiff.models import prompts
from vlmdiff.models.huggingface import DIFFERENCE_TOKEN
from vlmdiff.models.lines import NO_DIFFERENCE, line
from vlmdiff.models.mini.tower import TowerConfig, register

IMAGE_TOKEN = "<image>"
_SPECIAL = ["<pad>", "<bos>", "<eos>", IMAGE_TOKEN, DIFFERENCE_TOKEN]
IGNORED = -100


def make_tokenizer() -> PreTrainedTokenizerFast:
    """Byte-level BPE over the words of the claims: nearly a token a word, and any other text still has ids."""
    claims = [canonical(content) for family in TRAINED.values() for content in trained_contents(family)]
    claims += [canonical(content) for family in TRAINED_SETS.values() for content in family.contents()]
    claims += [sentence for sentences in jumpstart.claims(jumpstart.columns()).values() for sentence in sentences]
    words = sorted({word for claim in claims for word in claim.split()})  # each as often: shapes have 7,000 claims
    corpus = [line(side, " ".join(words)) for side in ("a", "b")] + [NO_DIFFERENCE + "\n"] * 2
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=1536,
        min_frequency=2,
        special_tokens=_SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(corpus, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        bos_token="<bos>",
        eos_token="<eos>",
        extra_special_tokens={"image_token": IMAGE_TOKEN, "difference_token": DIFFERENCE_TOKEN},
        padding_side="left",
    )


def make_processor(tokenizer: PreTrainedTokenizerFast, tower: TowerConfig) -> LlavaProcessor:
    """The processor that goes with the base: centre square, cubic resize, -1 to 1."""
    size = tower.image_size
    images = CLIPImageProcessorPil(
        size={"shortest_edge": size},
        crop_size={"height": size, "width": size},
        image_mean=[0.5] * 3,
        image_std=[0.5] * 3,
    )
    return LlavaProcessor(
        image_processor=images,
        tokenizer=tokenizer,
        patch_size=tower.patch_size,
        vision_feature_select_strategy="full",
        num_additional_image_tokens=0,
        chat_template="{% for m in messages %}{% for c in m['content'] %}"
        "{% if c['type'] == 'image' %}<image>{% else %}{{ c['text'] }}{% endif %}{% endfor %}{% endfor %}",
    )


def make_base(tokenizer: PreTrainedTokenizerFast, tower: TowerConfig) -> LlavaForConditionalGeneration:
    """An untrained LLaVA of our tower and a small decoder."""
    register()
    vocabulary = tokenizer.get_vocab()
    ids: dict[str, Any] = {f"{name}_token_id": vocabulary[f"<{name}>"] for name in ("pad", "bos", "eos")}
    text = {
        "model_type": "llama",
        "vocab_size": len(tokenizer),
        "hidden_size": 256,
        "intermediate_size": 704,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "num_key_value_heads": 4,
        "max_position_embeddings": 8192,
        "tie_word_embeddings": True,
        **ids,
    }
    config = LlavaConfig(
        vision_config=tower.to_dict(),
        text_config=text,
        image_token_index=vocabulary[IMAGE_TOKEN],
        image_seq_length=(tower.image_size // tower.patch_size) ** 2,
        vision_feature_layer=-1,
        vision_feature_select_strategy="full",
        tie_word_embeddings=True,
        **ids,
    )
    return LlavaForConditionalGeneration(config)


def padded(rows: Sequence[Sequence[int]], value: int) -> torch.Tensor:
    """(rows, longest), padded on the right."""
    return nn.utils.rnn.pad_sequence([torch.tensor(row) for row in rows], batch_first=True, padding_value=value)


def encoded(tokenizer: PreTrainedTokenizerFast, texts: Sequence[str]) -> list[list[int]]:
    ids: list[list[int]] = tokenizer(list(texts), add_special_tokens=False)["input_ids"]
    return ids


def in_context(blend: Blend, tokenizer: PreTrainedTokenizerFast, size: int, rng: np.random.Generator) -> dict[str, Any]:
    """A batch of image pairs and twos of pairs in the prompt: "a: <image>... b: <image>...", then the report."""
    asked, targets, grids = [], [], []
    each = int(rng.integers(1, 3))
    for _ in range(size):
        cache, pair = blend.pair(rng)
        images = np.arange(len(pair.shows))
        a = rng.choice(images[: pair.size_a], each, replace=False)
        b = rng.choice(images[pair.size_a :], each, replace=False)
        a, b = (a, b) if rng.random() < 0.5 else (b, a)
        grids.append(cache.rows(pair, np.concatenate([a, b]))[:, :-SUMMARY_ROWS])
        a_side = [IMAGE_TOKEN * grids[-1].shape[1]] * each
        asked.append("".join(prompts.bare_in_context(a_side, a_side)))
        targets.append(report(pair, a, b))
    heads = [[tokenizer.bos_token_id, *ids] for ids in encoded(tokenizer, asked)]
    tails = [[*ids, tokenizer.eos_token_id] for ids in encoded(tokenizer, targets)]
    rows = [head + tail for head, tail in zip(heads, tails, strict=True)]
    labels = [[IGNORED] * len(head) + tail for head, tail in zip(heads, tails, strict=True)]
    return {
        "ids": padded(rows, tokenizer.pad_token_id),
        "labels": padded(labels, IGNORED),
        "grids": torch.cat(grids),
    }


def base_loss(model: LlavaForConditionalGeneration, batch: dict[str, Any]) -> tuple[torch.Tensor, dict[str, float]]:
    """Next-token loss of the reports, images projected from cached grids."""
    with torch.autocast("cpu", torch.bfloat16):
        images = model.model.multi_modal_projector(batch["grids"])
        embeds = model.get_input_embeddings()(batch["ids"])
        where = (batch["ids"] == model.config.image_token_id).unsqueeze(-1)
        embeds = embeds.masked_scatter(where, images.to(embeds.dtype))
        logits = model.lm_head(model.model.language_model(inputs_embeds=embeds).last_hidden_state)
    loss = next_token_loss(logits, batch["labels"])
    return loss, {"in context": float(loss.detach())}


def next_token_loss(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    return nn.functional.cross_entropy(
        logits[:, :-1].flatten(0, 1).float(), labels[:, 1:].flatten(), ignore_index=IGNORED
    )


def save_base(model: Any, processor: LlavaProcessor, folder: Path) -> None:
    """Write the base as any LLaVA is written, in bfloat16."""
    folder.mkdir(parents=True, exist_ok=True)
    model.to(torch.bfloat16).save_pretrained(folder)
    processor.save_pretrained(folder)
    processor.image_processor.save_pretrained(folder)
