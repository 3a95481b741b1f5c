"""Difference tokens inside any language model: the trained projector, and a hook that puts them over placeholders."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import nn

PROJECTOR_FILE = "difference_projector.safetensors"
PROJECTOR_CONFIG = "difference_projector.json"


@dataclass(frozen=True)
class Difference:
    """What a language model reads: a batch of difference statistics and how many images each rests on."""

    rows: torch.Tensor
    """(batch, rows, 3 * channels), float32."""
    counts: torch.Tensor
    """(batch, 2) images of A and of B, float32."""

    def to(self, device: torch.device) -> Difference:
        return Difference(self.rows.to(device), self.counts.to(device))

    @staticmethod
    def stack(parts: Sequence[Difference]) -> Difference:
        """One batch of several."""
        return Difference(torch.cat([part.rows for part in parts]), torch.cat([part.counts for part in parts]))


class DifferenceProjector(nn.Module):
    """Statistics (batch, rows, inputs) to tokens (batch, rows + 1, hidden); the last token tells the set sizes."""

    def __init__(self, rows: int, inputs: int, hidden: int, width: int = 384) -> None:
        super().__init__()
        self.shape = {"rows": rows, "inputs": inputs, "hidden": hidden, "width": width}
        self.body = nn.Sequential(nn.Linear(inputs, width), nn.GELU(), nn.Linear(width, hidden))
        self.place = nn.Parameter(torch.zeros(rows, hidden))
        self.sizes = nn.Sequential(nn.Linear(4, width), nn.GELU(), nn.Linear(width, hidden))
        self.norm = nn.LayerNorm(hidden)

    @property
    def tokens(self) -> int:
        return self.shape["rows"] + 1

    def forward(self, difference: Difference) -> torch.Tensor:
        rows, counts = difference.rows, difference.counts.to(difference.rows.dtype)
        sizes = self.sizes(torch.cat([counts.log() / 4, (counts == 1).to(rows.dtype)], -1))
        tokens: torch.Tensor = self.norm(torch.cat([self.body(rows) + self.place, sizes[:, None]], dim=1))
        return tokens

    def save(self, folder: Path) -> None:
        """Write weights (bfloat16) and sizes into an adapter folder."""
        weights = {name: value.to(torch.bfloat16).contiguous() for name, value in self.state_dict().items()}
        save_file(weights, folder / PROJECTOR_FILE, metadata={"format": "pt"})
        (folder / PROJECTOR_CONFIG).write_text(json.dumps(self.shape, indent=1) + "\n")

    @classmethod
    def load(cls, folder: Path) -> DifferenceProjector:
        projector = cls(**json.loads((folder / PROJECTOR_CONFIG).read_text()))
        projector.load_state_dict({name: value.float() for name, value in load_file(folder / PROJECTOR_FILE).items()})
        return projector


@contextmanager
def injected(embedding: nn.Module, placeholder: int, tokens: torch.Tensor) -> Iterator[None]:
    """While open, the outputs of `embedding` for the id `placeholder` are replaced by `tokens`, sample by sample.

    Works on every architecture, because `input_ids` stay what they are; a batch expanded by beams or by several
    returned sequences gets each sample's tokens repeated; a decoding step without placeholders is left alone.

    Args:
        tokens: (batch, tokens, hidden); every prompt holds as many placeholders as there are tokens.

    Raises:
        ValueError: in the forward pass, where the placeholders do not fit the tokens.
    """

    def replace(_: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> torch.Tensor:
        mask = inputs[0] == placeholder
        if not mask.any():
            return output
        repeats, rest = divmod(len(output), len(tokens))
        found = mask.sum(1)
        if rest or (found != tokens.shape[1]).any():
            raise ValueError(
                f"{found.tolist()} placeholders a prompt do not fit {tuple(tokens.shape)} difference tokens"
            )
        fill = tokens.repeat_interleave(repeats, dim=0).to(output.dtype)
        return output.masked_scatter(mask.unsqueeze(-1), fill)

    handle = embedding.register_forward_hook(replace)
    try:
        yield
    finally:
        handle.remove()


def claim_log_likelihoods(
    model: Any,
    placeholder: int,
    tokens: torch.Tensor,
    prompt: torch.Tensor,
    claims: torch.Tensor,
    mask: torch.Tensor,
    cached: bool = True,
) -> torch.Tensor:
    """Log-likelihood of each claim after the difference tokens, which are read once and shared by all claims.

    Args:
        tokens: (batch, rows, hidden) difference tokens.
        prompt: (batch, length) ids that hold `rows` placeholders each.
        claims: (batch * claims, longest) ids, the claims of the first sample first, padded on the right.
        mask: the same shape, True where a token counts.
        cached: False has each claim read the tokens anew, for training that keeps no activations.

    Returns:
        (batch, claims), float32, in nats; differentiable.
    """
    from transformers import DynamicCache

    batch, length = prompt.shape
    repeats = len(claims) // batch
    # Told, because models whose images lie in three dimensions go on from those of the last prompt they saw.
    places = torch.arange(length + claims.shape[1], device=prompt.device)
    cache = DynamicCache(config=model.config.get_text_config())
    if not cached or not all(hasattr(layer, "batch_repeat_interleave") for layer in cache.layers):
        # A recurrent layer's state cannot be shared: each claim reads the tokens anew.
        ids = torch.cat([prompt.repeat_interleave(repeats, dim=0), claims], dim=1)
        with injected(model.get_input_embeddings(), placeholder, tokens):
            keep = claims.shape[1] + 1
            out = model(input_ids=ids, position_ids=places.expand(len(ids), -1), use_cache=False, logits_to_keep=keep)
        logits = out.logits[:, :-1].float()
    else:
        options = {"past_key_values": cache, "use_cache": True}
        with injected(model.get_input_embeddings(), placeholder, tokens):
            at = places[:length].expand(batch, -1)
            head = model(input_ids=prompt, position_ids=at, logits_to_keep=1, **options).logits[:, -1]
        cache.batch_repeat_interleave(repeats)
        seen = torch.cat([torch.ones(len(claims), length, dtype=torch.bool, device=mask.device), mask], dim=1)
        at = places[length:].expand(len(claims), -1)
        body = model(input_ids=claims, position_ids=at, attention_mask=seen.long(), **options).logits
        logits = torch.cat([head.repeat_interleave(repeats, dim=0)[:, None], body[:, :-1]], dim=1).float()
    chosen: torch.Tensor = logits.log_softmax(-1).gather(-1, claims[..., None])[..., 0]
    return (chosen * mask).sum(1).view(batch, repeats)


@dataclass(frozen=True)
class ClaimTree:
    """Claims that begin alike share their first tokens: each different beginning is read once."""

    ids: list[int]
    """The last token of each beginning; parents come before their children."""
    parents: list[int]
    """The beginning without its last token; -1: the prompt."""
    ends: list[list[int]]
    """Of each claim its beginnings, shortest first."""

    @staticmethod
    def of(claims: Sequence[Sequence[int]]) -> ClaimTree:
        """From token ids of each claim."""
        known: dict[tuple[int, int], int] = {}
        ids: list[int] = []
        parents: list[int] = []
        ends: list[list[int]] = []
        for claim in claims:
            path, at = [], -1
            for token in claim:
                if (at, token) not in known:
                    known[at, token] = len(ids)
                    ids.append(token)
                    parents.append(at)
                at = known[at, token]
                path.append(at)
            ends.append(path)
        return ClaimTree(ids, parents, ends)

    @cached_property
    def read(self) -> list[int]:
        """Those that are gone on from; of the others the last token is only foretold."""
        return sorted(set(self.parents) - {-1})

    @cached_property
    def above(self) -> torch.Tensor:
        """Which of those each of them goes on from, itself among them: (read, read), bool."""
        place = {node: i for i, node in enumerate(self.read)}
        seen = torch.eye(len(place), dtype=torch.bool)
        for node, i in place.items():
            if self.parents[node] >= 0:
                seen[i] |= seen[place[self.parents[node]]]
        return seen


def shared_log_likelihoods(
    model: Any, placeholder: int, tokens: torch.Tensor, prompt: torch.Tensor, tree: ClaimTree
) -> torch.Tensor:
    """`claim_log_likelihoods` of the same claims for every sample, all read in one pass as a tree: 3 times as fast.

    A token sees the prompt and what its claim begins with, through a mask of its own: for language models whose
    attention takes any mask (Miao et al., SpecInfer, 2024, section 4.2).

    Args:
        tokens: (batch, rows, hidden) difference tokens.
        prompt: (batch, length) ids that hold `rows` placeholders each.
        tree: of the token ids of each claim.

    Returns:
        (batch, claims), float32, in nats.
    """
    batch, length = prompt.shape
    above, each = tree.above, torch.tensor(tree.ids, device=prompt.device)
    count = len(above)
    seen = torch.ones(length + count, length + count, dtype=torch.bool).tril()
    seen[length:, length:] = above
    dtype = model.get_input_embeddings().weight.dtype
    mask = torch.zeros(seen.shape, dtype=dtype).masked_fill_(~seen, torch.finfo(dtype).min).to(prompt.device)
    places = torch.cat([torch.arange(length), length + above.sum(1) - 1]).to(prompt.device)
    ids = torch.cat([prompt, each[tree.read].expand(batch, -1)], dim=1)
    with injected(model.get_input_embeddings(), placeholder, tokens):
        logits = model(
            input_ids=ids,
            attention_mask=mask.expand(batch, 1, -1, -1),
            position_ids=places.expand(batch, -1),
            use_cache=False,
            logits_to_keep=count + 1,
        ).logits
    before = torch.searchsorted(torch.tensor([-1, *tree.read]), torch.tensor(tree.parents)).to(logits.device)
    chances = logits.float().log_softmax(-1)[:, before, each]
    return torch.stack([chances[:, path].sum(1) for path in tree.ends], dim=1)
