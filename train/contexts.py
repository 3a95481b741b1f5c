"""What the baselines learn from: images of two sets in one prompt, single images to caption, captions to compare.

The prompts are `vlmdiff.models.prompts`', as `--method in_context` and `--method caption_rank` ask them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from transformers import PreTrainedTokenizerFast

from data_synth.catalog import TRAINED, trained_contents
from data_synth.facts import Content
from data_synth.lexicon import canonical
from train.language import IGNORED, IMAGE_TOKEN, encoded, padded
from train.pairs import Blend, CachedPair
from train.samples import FeatureRows, Rows, near, report
from vlmdiff.learn.tokens import SUMMARY_ROWS
from vlmdiff.models import prompts
from vlmdiff.models.base import Part, Skill

Kind = Literal["in_context", "caption", "compare"]
MOST_IMAGES = 8
"""Of each set in one prompt; `--method in_context` shows no more."""
MOST_CAPTIONS = 20
"""Of each set in one prompt; `--method caption_rank` compares no more."""
_ERRORS = 0.5
"""Highest rate of facts that a caption leaves out, says wrongly, or makes up."""


@dataclass(frozen=True)
class Context:
    """One prompt and the answer it should lead to."""

    prompt: str
    """A placeholder for each cell of each image."""
    grids: torch.Tensor
    """Of its images, in order, (images, cells, channels)."""
    answer: str


def in_context(cache: FeatureRows, pair: CachedPair, size: float, rng: np.random.Generator) -> Context:
    """One to MOST_IMAGES images a side, in either order of the sets, and what these images show."""
    a, b = _sides(pair, MOST_IMAGES, size, rng)
    grids = cache.rows(pair, np.concatenate([a, b]))[:, :-SUMMARY_ROWS]
    image = IMAGE_TOKEN * grids.shape[1]
    prompt = prompts.bare_in_context([image] * len(a), [image] * len(b))
    return Context(_text(prompt), grids, report(pair, a, b))


def caption(cache: FeatureRows, pair: CachedPair, size: float, rng: np.random.Generator) -> Context:
    """One image and what it shows, by the truth: what is comparative ("darker") it can only guess."""
    row = np.array([rng.integers(len(pair.shows))])
    grids = cache.rows(pair, row)[:, :-SUMMARY_ROWS]
    shown = [canonical(content) for content, shows in zip(pair.contents, pair.shows[row[0]], strict=True) if shows]
    prompt = prompts.bare_caption(IMAGE_TOKEN * grids.shape[1])
    return Context(_text(prompt), grids, prompts.bare_captioned(shown))


def compare(cache: FeatureRows, pair: CachedPair, size: float, rng: np.random.Generator) -> Context:
    """Captions with errors of one to MOST_CAPTIONS images a side, and what the images show."""
    a, b = _sides(pair, MOST_CAPTIONS, size, rng)
    rates = rng.uniform(0, _ERRORS, 3)
    said = [[_captioned(pair, int(row), rates, rng) for row in rows] for rows in (a, b)]
    nothing = cache.rows(pair, a[:0])[:, :-SUMMARY_ROWS]
    return Context(_text(prompts.bare_compare(*said)), nothing, report(pair, a, b))


KINDS: dict[Kind, Callable[[FeatureRows, CachedPair, float, np.random.Generator], Context]] = {
    "in_context": in_context,
    "caption": caption,
    "compare": compare,
}
"""Each takes, before the rng, how large its sets are: from 0, one of each, to below 1, as many as there may be."""
METHODS: dict[str, tuple[Kind, ...]] = {"in_context": ("in_context",), "caption_rank": ("caption", "compare")}
"""The kinds that each method asks for, as many batches of one as of another."""
SKILLS: dict[str, Skill] = {"in_context": "in_context", "caption_rank": "captions"}
"""What a model can do that has learned a method."""


def batch(
    blend: Blend, tokenizer: PreTrainedTokenizerFast, method: str, size: int, rng: np.random.Generator
) -> dict[str, Any]:
    """Prompts of a method of METHODS as `train.language.base_loss` takes them, each of a pair drawn anew.

    All are of one kind and of sets of one size: padding would be half of the batch otherwise.
    """
    kind = KINDS[METHODS[method][int(rng.integers(len(METHODS[method])))]]
    pairs = [blend.pair(rng) for _ in range(size)]
    share = rng.random()
    return tensors(tokenizer, [kind(cache, pair, share, rng) for cache, pair in pairs])


def tensors(tokenizer: PreTrainedTokenizerFast, contexts: Sequence[Context]) -> dict[str, Any]:
    """Ids and labels (contexts, longest), padded on the right, and the grids of all images in order."""
    heads = [[tokenizer.bos_token_id, *ids] for ids in encoded(tokenizer, [one.prompt for one in contexts])]
    tails = [[*ids, tokenizer.eos_token_id] for ids in encoded(tokenizer, [one.answer for one in contexts])]
    rows = [head + tail for head, tail in zip(heads, tails, strict=True)]
    labels = [[IGNORED] * len(head) + tail for head, tail in zip(heads, tails, strict=True)]
    return {
        "ids": padded(rows, tokenizer.pad_token_id),
        "labels": padded(labels, IGNORED),
        "grids": torch.cat([one.grids for one in contexts]),
    }


def _sides(pair: CachedPair, most: int, size: float, rng: np.random.Generator) -> tuple[Rows, Rows]:
    """As many images of one side as of the other, in either order of the sets."""
    images = np.arange(len(pair.shows))
    a, b = images[: pair.size_a], images[pair.size_a :]
    each = 1 + int(size * min(most, len(a), len(b)))
    a, b = rng.choice(a, each, replace=False), rng.choice(b, each, replace=False)
    return (a, b) if rng.random() < 0.5 else (b, a)


def _captioned(pair: CachedPair, row: int, rates: Any, rng: np.random.Generator) -> str:
    """The caption of an image with facts left out, said wrongly and made up at these rates, as it would be read."""
    left_out, wrong, made_up = rates
    said: list[Content] = []
    for content, shows in zip(pair.contents, pair.shows[row], strict=True):
        if shows and rng.random() >= left_out:
            said += (rng.random() < wrong and near(content, 1, rng)) or [content]
    if rng.random() < made_up:
        families = list(TRAINED.values())
        contents = trained_contents(families[int(rng.integers(len(families)))])
        said.append(contents[int(rng.integers(len(contents)))])
    caption = prompts.captioned(prompts.bare_captioned([canonical(content) for content in said]))
    assert caption is not None
    return caption


def _text(parts: Sequence[Part]) -> str:
    return "".join(part for part in parts if isinstance(part, str))
