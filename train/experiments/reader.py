"""A small decoder that reads difference tokens and nothing else: what experiments train, in minutes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import LlamaConfig, LlamaForCausalLM

from train import loop
from train.experiments.inner import Sets
from train.language import IGNORED, encoded, padded
from vlmdiff.models.difference import Difference, DifferenceProjector

_LONGEST = 64


@dataclass(frozen=True)
class Read:
    """What a decoder reads of a batch."""

    difference: Difference
    sets: Sequence[Sets] = ()
    """For an inner loop that is trained, which makes one more part of them."""


class Reader(nn.Module):
    """Projector and decoder, and an inner loop that is trained with them where there is one."""

    def __init__(self, decoder: Any, projector: DifferenceProjector, tokenizer: Any, inner: nn.Module | None) -> None:
        super().__init__()
        self.decoder, self.projector, self.inner = decoder, projector, inner
        self.bos, self.eos, self.pad = tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id

    def prompt(self, read: Read) -> torch.Tensor:
        """The start token and the difference tokens, embedded: (batch, 1 + tokens, hidden)."""
        rows = read.difference.rows
        if self.inner is not None:
            with torch.autocast("cpu", enabled=False):
                learned = torch.stack([self.inner(sets) for sets in read.sets])
            rows = torch.cat([rows, learned], dim=-1)
        tokens = self.projector(Difference(rows, read.difference.counts))
        start = self.decoder.get_input_embeddings()(torch.full((len(tokens), 1), self.bos))
        return torch.cat([start, tokens.to(start.dtype)], dim=1)

    def loss(self, read: Read, targets: torch.Tensor) -> torch.Tensor:
        """Mean next-token loss of the reports, ids padded with -100."""
        losses = self._losses(read, targets)
        return losses.sum() / (targets != IGNORED).sum()

    @torch.no_grad()
    def log_likelihood(self, read: Read, report: Sequence[int]) -> torch.Tensor:
        """Of one report under each of a batch, in nats: (batch,)."""
        return -self._losses(read, torch.tensor([report]).expand(len(read.difference.rows), -1)).sum(1)

    def _losses(self, read: Read, targets: torch.Tensor) -> torch.Tensor:
        """Of each token (batch, length), 0 where it is padding."""
        with torch.autocast("cpu", torch.bfloat16):
            prompt = self.prompt(read)
            told = self.decoder.get_input_embeddings()(targets.clamp(min=0))
            logits = self.decoder(
                inputs_embeds=torch.cat([prompt, told.to(prompt.dtype)], 1),
                use_cache=False,
                logits_to_keep=targets.shape[1] + 1,
            ).logits
        return nn.functional.cross_entropy(
            logits[:, :-1].transpose(1, 2).float(), targets, ignore_index=IGNORED, reduction="none"
        )

    @torch.no_grad()
    def write(self, read: Read) -> torch.Tensor:
        """Ids that the decoder writes, greedily."""
        prompt = self.prompt(read)
        written: torch.Tensor = self.decoder.generate(
            inputs_embeds=prompt,
            attention_mask=torch.ones(prompt.shape[:2], dtype=torch.long),
            do_sample=False,
            max_new_tokens=_LONGEST,
            eos_token_id=self.eos,
            pad_token_id=self.pad,
        )
        return written


def new_decoder(tokenizer: Any, layers: int, hidden: int) -> Any:
    """An untrained Llama of the proportions of `train.language.make_base`."""
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=hidden,
        intermediate_size=hidden * 11 // 4,
        num_hidden_layers=layers,
        num_attention_heads=max(1, hidden // 64),
        max_position_embeddings=1024,
        tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    decoder = LlamaForCausalLM(config)
    decoder.set_attn_implementation("eager")  # on a CPU twice as fast as the fused kernel for a hundred tokens
    return decoder


def decoder_of(base: Path, tokenizer: Any) -> Any:
    """The decoder of a base, which has learned to compare images in context, without its eyes."""
    from train.mini import load_base

    model, _ = load_base(base)
    text = model.config.get_text_config()
    decoder = new_decoder(tokenizer, text.num_hidden_layers, text.hidden_size)
    decoder.model.load_state_dict(model.model.language_model.state_dict())
    return decoder


def train(
    reader: Reader,
    name: str,
    schedule: loop.Schedule,
    batch: Callable[[int], tuple[Read, Sequence[str]]],
    tokenizer: Any,
    folder: Path,
) -> None:
    """All weights learn from batches by step; resumes from `folder`."""

    def batches(first: int) -> Iterator[tuple[Read, torch.Tensor]]:
        for step in range(first, schedule.steps):
            read, targets = batch(step)
            ids = [[*row, tokenizer.eos_token_id] for row in encoded(tokenizer, targets)]
            yield read, padded(ids, IGNORED)

    def loss_of(batch: tuple[Read, torch.Tensor]) -> tuple[torch.Tensor, dict[str, float]]:
        return reader.loss(*batch), {}

    loop.fit(name, reader, schedule, batches, loss_of, folder)
    reader.eval()
