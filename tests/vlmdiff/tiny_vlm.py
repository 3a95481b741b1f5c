"""Vision-language models of real architectures with random weights, as the hub has them: a second each to make.

Tokenizers, templates, processors and their files have the published form; sizes alone are small.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.gemma3.image_processing_pil_gemma3 import Gemma3ImageProcessorPil
from transformers.models.got_ocr2.image_processing_pil_got_ocr2 import GotOcr2ImageProcessorPil
from transformers.models.idefics3.image_processing_pil_idefics3 import Idefics3ImageProcessorPil
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil
from transformers.models.smolvlm.image_processing_pil_smolvlm import SmolVLMImageProcessorPil

from vlmdiff.models.loading import quietly

_TEXT: dict[str, Any] = {
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 2048,
}
_VISION: dict[str, Any] = {
    "hidden_size": 48,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
}
_BARE = (
    "{% for m in messages %}{{ m['role'] }}:{% for c in m['content'] %}{% if c['type'] == 'image' %}IMAGE{% else %}"
    "{{ c['text'] }}{% endif %}{% endfor %}<eos>{% endfor %}{% if add_generation_prompt %}assistant:{% endif %}"
)
_IDEFICS = (
    "<|im_start|>{% for message in messages %}{{message['role'] | capitalize}}{% if message['content'][0]['type'] == "
    "'image' %}{{':'}}{% else %}{{': '}}{% endif %}{% for line in message['content'] %}{% if line['type'] == 'text' %}"
    "{{line['text']}}{% elif line['type'] == 'image' %}{{ '<image>' }}{% endif %}{% endfor %}<end_of_utterance>\n"
    "{% endfor %}{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}"
)
_IM = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{% for content in message['content'] %}"
    "{% if content['type'] == 'image' %}IMAGE{% else %}{{ content['text'] }}{% endif %}{% endfor %}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
_THINKING = _IM.replace(
    "assistant\n{% endif %}",
    "assistant\n{% if enable_thinking is defined and enable_thinking is false %}<think>\n\n</think>\n\n"
    "{% else %}<think>\n{% endif %}{% endif %}",
)
_GEMMA = (
    "{{ bos_token }}{% for message in messages %}{{ '<start_of_turn>' + message['role'] + '\n' }}"
    "{% for item in message['content'] %}{% if item['type'] == 'image' %}{{ '<start_of_image>' }}{% else %}"
    "{{ item['text'] | trim }}{% endif %}{% endfor %}{{ '<end_of_turn>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}"
)
_VICUNA = (  # all images before all text, as published
    "{% for message in messages %}{{ message['role'].upper() + ': ' }}{% for content in message['content'] | "
    "selectattr('type', 'equalto', 'image') %}{{ '<image>\n' }}{% endfor %}{% for content in message['content'] | "
    "selectattr('type', 'equalto', 'text') %}{{ content['text'] + ' ' }}{% endfor %}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}"
)
_QWEN_TOKENS = (
    *("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|quad_start|>", "<|vision_start|>", "<|vision_end|>"),
    *("<|image_pad|>", "<|video_pad|>", "<|fim_pad|>", "<think>", "</think>"),
)


def _tokenizer(special: Sequence[str], roles: dict[str, str], **extra: str) -> PreTrainedTokenizerFast:
    """Byte-level BPE that has a token for each of yes, Yes, no and No."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        special_tokens=list(special),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(["yes no Yes No", " yes no Yes No"] * 9, trainer)
    # Those who hand over to users pad on the right; whoever generates has to know better.
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, padding_side="right", extra_special_tokens=extra or None, **roles
    )


def _ids(tokenizer: Any) -> dict[str, Any]:
    named = {name: getattr(tokenizer, f"{name}_token_id") for name in ("pad", "bos", "eos")}
    return {f"{name}_token_id": number for name, number in named.items() if number is not None}


def _save(name: str, folder: Path, config: Any) -> Path:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = getattr(transformers, name)(config)
        for weight in model.parameters():  # images and words count for as much as in a trained model
            if weight.ndim > 1:
                torch.nn.init.normal_(weight, std=0.08)
        with quietly():
            model.save_pretrained(folder)
    return folder


def _listed(folder: Path, **facts: Any) -> None:
    """Add to what the image processor's file says."""
    file = folder / "preprocessor_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | facts))


def save_idefics3(folder: Path, template: str = _BARE.replace("IMAGE", "<image>")) -> Path:
    """The kind of SmolVLM: its processor needs nothing but Pillow."""
    tokenizer = _idefics_tokenizer("<pad>", "<bos>", "<eos>")
    images = Idefics3ImageProcessorPil(
        size={"longest_edge": 256}, max_image_size={"longest_edge": 64}, do_image_splitting=True
    )
    whole = transformers.Idefics3Processor(images, tokenizer, image_seq_len=4, chat_template=template)
    whole.save_pretrained(folder)
    return _save("Idefics3ForConditionalGeneration", folder, _idefics("Idefics3Config", tokenizer))


def save_smolvlm(folder: Path) -> Path:
    """The kind whose processor wants torchvision and num2words, for videos; its template lies in a file of its own."""
    tokenizer = _idefics_tokenizer("<|im_end|>", "<|im_start|>", "<end_of_utterance>")
    tokenizer.save_pretrained(folder)
    images = SmolVLMImageProcessorPil(
        size={"longest_edge": 256}, max_image_size={"longest_edge": 64}, do_image_splitting=True
    )
    images.save_pretrained(folder)
    _listed(folder, image_processor_type="SmolVLMImageProcessor", processor_class="SmolVLMProcessor")
    (folder / "processor_config.json").write_text('{"image_seq_len": 4, "processor_class": "SmolVLMProcessor"}')
    (folder / "chat_template.json").write_text(json.dumps({"chat_template": _IDEFICS}))
    return _save("SmolVLMForConditionalGeneration", folder, _idefics("SmolVLMConfig", tokenizer))


def _idefics_tokenizer(pad: str, bos: str, eos: str) -> PreTrainedTokenizerFast:
    tiles = [f"<row_{row}_col_{column}>" for row in range(1, 7) for column in range(1, 7)]
    marks = ["<image>", "<fake_token_around_image>", "<global-img>", "<end_of_utterance>", "<empty_output>"]
    special = dict.fromkeys([pad, bos, eos, *marks, "<|im_start|>", "<|im_end|>", *tiles])
    return _tokenizer(list(special), {"pad_token": pad, "bos_token": bos, "eos_token": eos})


def _idefics(name: str, tokenizer: PreTrainedTokenizerFast) -> Any:
    return getattr(transformers, name)(
        text_config={"model_type": "llama", "vocab_size": len(tokenizer), **_TEXT, **_ids(tokenizer)},
        vision_config={**_VISION, "image_size": 64, "patch_size": 16},
        scale_factor=2,
        image_token_id=tokenizer.get_vocab()["<image>"],
        tie_word_embeddings=False,
        **_ids(tokenizer),
    )


def save_qwen3_vl(folder: Path, template: str = "") -> Path:
    """The kind whose processor wants torchvision, for videos; images lie in three dimensions, at several depths."""
    template = template or _BARE.replace("<eos>", "<|im_end|>")
    return _save_qwen(
        folder, "Qwen3VL", "Qwen3VLProcessor", template, patch=16, vision=_qwen_vision(deepstack_visual_indexes=[0])
    )


def save_qwen2_5_vl(folder: Path) -> Path:
    """Windows in the vision tower, bounds of sizes in the older words."""
    vision = _qwen_vision(window_size=56, fullatt_block_indexes=[1])
    _save_qwen(folder, "Qwen2_5_VL", "Qwen2_5_VLProcessor", _IM, patch=14, vision=vision)
    listed = json.loads((folder / "preprocessor_config.json").read_text())
    listed.pop("size", None)
    listed |= {"min_pixels": 3136, "max_pixels": 12845056}
    (folder / "preprocessor_config.json").write_text(json.dumps(listed))
    return folder


def save_qwen3_5(folder: Path) -> Path:
    """Three layers of four are recurrent; the template opens a thought unless told not to."""
    text = {
        "num_hidden_layers": 4,
        "linear_key_head_dim": 16,
        "linear_value_head_dim": 16,
        "linear_num_key_heads": 2,
        "linear_num_value_heads": 4,
    }
    return _save_qwen(folder, "Qwen3_5", "Qwen3VLProcessor", _THINKING, 16, _qwen_vision(), **text)


def _qwen_vision(**options: Any) -> dict[str, Any]:
    sizes = {"depth": 2, "hidden_size": 48, "intermediate_size": 64, "num_heads": 4, "out_hidden_size": 64}
    return {**sizes, "temporal_patch_size": 2, "spatial_merge_size": 2, **options}


def _save_qwen(
    folder: Path, name: str, processor: str, template: str, patch: int, vision: dict[str, Any], **text: Any
) -> Path:
    tokenizer = _tokenizer(_QWEN_TOKENS, {"pad_token": "<|endoftext|>", "eos_token": "<|im_end|>"})
    tokenizer.chat_template = template.replace("IMAGE", "<|vision_start|><|image_pad|><|vision_end|>")
    tokenizer.save_pretrained(folder)
    images = Qwen2VLImageProcessorPil(
        size={"shortest_edge": 65536, "longest_edge": 16777216}, patch_size=patch, merge_size=2, temporal_patch_size=2
    )
    images.save_pretrained(folder)
    _listed(folder, image_processor_type="Qwen2VLImageProcessorFast", processor_class=processor)
    if name != "Qwen2_5_VL":
        vision = {"num_position_embeddings": 64, **vision}
    vocabulary = tokenizer.get_vocab()
    rope = {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [4, 2, 2]}
    if name == "Qwen3_5":
        rope |= {"mrope_section": [2, 1, 1], "mrope_interleaved": True, "partial_rotary_factor": 0.5}
    config = getattr(transformers, f"{name}Config")(
        text_config={
            **{"vocab_size": len(tokenizer), "rope_parameters": rope, **_TEXT, **_ids(tokenizer)},
            **({"bos_token_id": None} if name == "Qwen2_5_VL" else {"head_dim": 16}),
            **text,
        },
        vision_config={"patch_size": patch, **vision},
        image_token_id=vocabulary["<|image_pad|>"],
        video_token_id=vocabulary["<|video_pad|>"],
        vision_start_token_id=vocabulary["<|vision_start|>"],
        vision_end_token_id=vocabulary["<|vision_end|>"],
        tie_word_embeddings=False,
    )
    return _save(f"{name}ForConditionalGeneration", folder, config)


def save_gemma3(folder: Path) -> Path:
    """Images are read both ways, layers see a window, embeddings are scaled; line ends are tokens of their own."""
    special = ["<pad>", "<eos>", "<bos>", "<start_of_turn>", "<end_of_turn>", "<start_of_image>", "<end_of_image>"]
    tokenizer = _tokenizer(
        [*special, "<image_soft_token>", "<unused0>", "\n\n"],
        {"pad_token": "<pad>", "eos_token": "<eos>", "bos_token": "<bos>"},
        boi_token="<start_of_image>",
        eoi_token="<end_of_image>",
        image_token="<image_soft_token>",
    )
    images = Gemma3ImageProcessorPil(size={"height": 128, "width": 128}, image_mean=[0.5] * 3, image_std=[0.5] * 3)
    transformers.Gemma3Processor(images, tokenizer, _GEMMA, image_seq_length=16).save_pretrained(folder)
    vocabulary = tokenizer.get_vocab()
    config = transformers.Gemma3Config(
        text_config={
            **{"vocab_size": len(tokenizer), "head_dim": 16, "query_pre_attn_scalar": 16, "sliding_window": 32},
            **{"layer_types": ["sliding_attention", "full_attention"], **_TEXT, **_ids(tokenizer)},
        },
        vision_config={**_VISION, "model_type": "siglip_vision_model", "image_size": 128, "patch_size": 16},
        mm_tokens_per_image=16,
        image_token_index=vocabulary["<image_soft_token>"],
        boi_token_index=vocabulary["<start_of_image>"],
        eoi_token_index=vocabulary["<end_of_image>"],
        **_ids(tokenizer),
    )
    return _save("Gemma3ForConditionalGeneration", folder, config)


def save_internvl(folder: Path) -> Path:
    """Tiles unless told not to; its processor wants torchvision, for videos."""
    tokenizer = _tokenizer(
        [*_QWEN_TOKENS, "<img>", "</img>", "<IMG_CONTEXT>", "<video>"],
        {"pad_token": "<|endoftext|>", "eos_token": "<|im_end|>"},
        start_image_token="<img>",
        end_image_token="</img>",
        context_image_token="<IMG_CONTEXT>",
        video_token="<video>",
    )
    tokenizer.chat_template = _IM.replace("IMAGE", "<IMG_CONTEXT>\n")
    tokenizer.save_pretrained(folder)
    images = GotOcr2ImageProcessorPil(size={"height": 64, "width": 64}, crop_to_patches=True)
    images.save_pretrained(folder)
    _listed(folder, image_processor_type="GotOcr2ImageProcessorFast", processor_class="InternVLProcessor")
    (folder / "processor_config.json").write_text('{"image_seq_length": 4, "processor_class": "InternVLProcessor"}')
    config = transformers.InternVLConfig(
        text_config={"model_type": "qwen2", "vocab_size": len(tokenizer), **_TEXT, **_ids(tokenizer)},
        vision_config={**_VISION, "image_size": [64, 64], "patch_size": [16, 16]},
        image_token_id=tokenizer.get_vocab()["<IMG_CONTEXT>"],
        image_seq_length=4,
        tie_word_embeddings=False,
    )
    return _save("InternVLForConditionalGeneration", folder, config)


def save_llava(folder: Path) -> Path:
    """The public kind: a CLIP tower whose first cell and last layer are not used, turns that are plain words."""
    tokenizer = _tokenizer(
        ["<unk>", "<s>", "</s>", "<image>", "<pad>"],
        {"unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>"},
        image_token="<image>",
    )
    images = CLIPImageProcessorPil(size={"shortest_edge": 64}, crop_size={"height": 64, "width": 64})
    transformers.LlavaProcessor(
        images, tokenizer, 16, "default", chat_template=_VICUNA, num_additional_image_tokens=1
    ).save_pretrained(folder)
    config = transformers.LlavaConfig(
        text_config={"model_type": "llama", "vocab_size": len(tokenizer), **_TEXT, **_ids(tokenizer)},
        vision_config={**_VISION, "model_type": "clip_vision_model", "image_size": 64, "patch_size": 16},
        image_token_index=tokenizer.get_vocab()["<image>"],
        image_seq_length=16,
        vision_feature_layer=-2,
        vision_feature_select_strategy="default",
        **_ids(tokenizer),
    )
    return _save("LlavaForConditionalGeneration", folder, config)


FAMILIES: dict[str, Callable[[Path], Path]] = {
    "qwen3_vl": lambda folder: save_qwen3_vl(folder, _IM),
    "qwen3_5": save_qwen3_5,
    "qwen2_5_vl": save_qwen2_5_vl,
    "idefics3": lambda folder: save_idefics3(folder, _IDEFICS.replace("<|im_start|>", "<bos>")),
    "smolvlm": save_smolvlm,
    "gemma3": save_gemma3,
    "internvl": save_internvl,
    "llava": save_llava,
}
"""One of each profile, by `model_type`."""
