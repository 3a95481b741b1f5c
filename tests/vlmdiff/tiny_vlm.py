"""Chat models of real architectures with random weights, as `save_pretrained` writes them: a second to make."""

import json
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    Idefics3Config,
    Idefics3ForConditionalGeneration,
    Idefics3Processor,
    PreTrainedTokenizerFast,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
)
from transformers.models.idefics3.image_processing_pil_idefics3 import Idefics3ImageProcessorPil
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

_TEMPLATE = (
    "{% for m in messages %}{{ m['role'] }}:{% for c in m['content'] %}{% if c['type'] == 'image' %}IMAGE{% else %}"
    "{{ c['text'] }}{% endif %}{% endfor %}<eos>{% endfor %}{% if add_generation_prompt %}assistant:{% endif %}"
)
_TEXT: dict[str, Any] = {
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 2048,
}


def _tokenizer(special: list[str]) -> PreTrainedTokenizerFast:
    """Byte-level BPE that has a token for each of yes, Yes, no and No."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        special_tokens=["<pad>", "<bos>", "<eos>", *special],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(["yes no Yes No", " yes no Yes No"] * 9, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", bos_token="<bos>", eos_token="<eos>", padding_side="left"
    )


def _ids(tokenizer: PreTrainedTokenizerFast) -> dict[str, Any]:
    return {f"{name}_token_id": tokenizer.get_vocab()[f"<{name}>"] for name in ("pad", "bos", "eos")}


def save_idefics3(folder: Path) -> Path:
    """The kind of SmolVLM: its processor needs nothing but Pillow."""
    tiles = [f"<row_{row}_col_{column}>" for row in range(1, 7) for column in range(1, 7)]
    tokenizer = _tokenizer(["<image>", "<fake_token_around_image>", "<global-img>", "<end_of_utterance>", *tiles])
    ids = _ids(tokenizer)
    images = Idefics3ImageProcessorPil(
        size={"longest_edge": 64}, max_image_size={"longest_edge": 64}, do_image_splitting=False
    )
    template = _TEMPLATE.replace("IMAGE", "<image>")
    Idefics3Processor(images, tokenizer, image_seq_len=4, chat_template=template).save_pretrained(folder)
    vision = {"hidden_size": 48, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
    config = Idefics3Config(
        text_config={"model_type": "llama", "vocab_size": len(tokenizer), **_TEXT, **ids},
        vision_config={**vision, "image_size": 64, "patch_size": 16},
        scale_factor=2,
        image_token_id=tokenizer.get_vocab()["<image>"],
        tie_word_embeddings=False,
        **ids,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        Idefics3ForConditionalGeneration(config).save_pretrained(folder)
    return folder


def save_qwen3_vl(folder: Path) -> Path:
    """The kind whose processor wants torchvision, for videos."""
    image, video, start, end = "<|image_pad|>", "<|video_pad|>", "<|vision_start|>", "<|vision_end|>"
    tokenizer = _tokenizer([image, video, start, end])
    tokenizer.chat_template = _TEMPLATE.replace("IMAGE", start + image + end)
    tokenizer.save_pretrained(folder)
    images = Qwen2VLImageProcessorPil(
        size={"shortest_edge": 1024, "longest_edge": 16384}, patch_size=16, merge_size=2, temporal_patch_size=2
    )
    images.save_pretrained(folder)
    listed = folder / "preprocessor_config.json"
    listed.write_text(json.dumps(json.loads(listed.read_text()) | {"processor_class": "Qwen3VLProcessor"}))
    vocabulary, ids = tokenizer.get_vocab(), _ids(tokenizer)
    rope = {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [4, 2, 2]}
    config = Qwen3VLConfig(
        text_config={"vocab_size": len(tokenizer), "head_dim": 16, "rope_parameters": rope, **_TEXT, **ids},
        vision_config={
            "depth": 2,
            "hidden_size": 48,
            "intermediate_size": 64,
            "num_heads": 4,
            "patch_size": 16,
            "out_hidden_size": 64,
            "deepstack_visual_indexes": [0],
            "num_position_embeddings": 64,
        },
        image_token_id=vocabulary[image],
        video_token_id=vocabulary[video],
        vision_start_token_id=vocabulary[start],
        vision_end_token_id=vocabulary[end],
        tie_word_embeddings=False,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        Qwen3VLForConditionalGeneration(config).save_pretrained(folder)
    return folder
