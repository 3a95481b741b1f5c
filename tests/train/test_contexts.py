"""What the baselines are taught: prompts as the library asks them, and answers that are true of what is shown."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerFast

from data_synth.facts import content
from data_synth.lexicon import canonical
from train import contexts
from train.contexts import MOST_CAPTIONS, MOST_IMAGES, batch
from train.language import IMAGE_TOKEN, base_loss, make_base, make_tokenizer
from train.pairs import Blend, CachedPair, PairCache
from vlmdiff.learn.tokens import SUMMARY_ROWS
from vlmdiff.models.lines import NO_DIFFERENCE, line
from vlmdiff.models.mini.tower import TowerConfig
from vlmdiff.models.prompts import NOTHING, read

DARKER, RED = content("brightness", direction="less"), content("tint", colour="red")
SIZE = 32
CELLS = (SIZE // 16) ** 2
TOWER = TowerConfig(image_size=SIZE, widths=(8, 8, 16), blocks=(1, 1, 1))


class Numbered(PairCache):
    """Every row of an image holds its number."""

    def rows(self, pair: CachedPair, images: NDArray[np.int64]) -> torch.Tensor:
        numbers = torch.from_numpy(pair.first + images).float()
        return numbers[:, None, None].expand(-1, CELLS + SUMMARY_ROWS, TOWER.hidden_size)


def pair_of(in_a: list[int], in_b: list[int]) -> CachedPair:
    """Images that are dark, or not; nothing of them is red."""
    dark = np.array([*in_a, *in_b], bool)
    return CachedPair((DARKER, RED), 2, np.stack([dark, np.zeros_like(dark)], 1), len(in_a), 0)


CACHE = Numbered(Path("nowhere"), channels=TOWER.hidden_size)
PAIR = pair_of([0] * 24, [1] * 24)


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    return make_tokenizer()


def test_images_of_both_sets_lead_to_what_they_show() -> None:
    rng = np.random.default_rng(0)
    sizes = set()
    for _ in range(40):
        one = contexts.in_context(CACHE, PAIR, rng.random(), rng)
        numbers = one.grids[:, 0, 0]
        a, b = (part.count(IMAGE_TOKEN) // CELLS for part in one.prompt.split("b:"))
        assert one.prompt == f"a:{IMAGE_TOKEN * (CELLS * a)}\nb:{IMAGE_TOKEN * (CELLS * b)}\n"
        assert one.grids.shape == (a + b, CELLS, TOWER.hidden_size)
        dark = (numbers >= 24).tolist()
        assert one.answer == line("b" if dark[-1] else "a", canonical(DARKER))
        assert dark == [not dark[-1]] * a + [dark[-1]] * b
        sizes.add(a)
    assert sizes == set(range(1, MOST_IMAGES + 1))


def test_a_caption_says_what_its_image_shows() -> None:
    rng = np.random.default_rng(0)
    answers = set()
    for _ in range(20):
        one = contexts.caption(CACHE, PAIR, rng.random(), rng)
        assert one.prompt == f"image:{IMAGE_TOKEN * CELLS}\n"
        assert one.answer == (canonical(DARKER) if one.grids[0, 0, 0] >= 24 else NOTHING) + "\n"
        answers.add(one.answer)
    assert len(answers) == 2


def test_captions_with_errors_lead_to_the_truth() -> None:
    rng = np.random.default_rng(0)
    right, most = [], 0
    for size in np.linspace(0, 0.99, 60):
        one = contexts.compare(CACHE, PAIR, size, rng)
        assert len(one.grids) == 0
        head, *captions = one.prompt.splitlines()
        assert head == "captions:"
        side = one.answer[0]
        assert one.answer == line("a" if side == "a" else "b", canonical(DARKER))
        right += [canonical(DARKER) in caption for caption in captions if caption.startswith(side)]
        assert {caption[:3] for caption in captions} == {"a: ", "b: "}
        most = max(most, len(captions))
    assert 0.4 < np.mean(right) < 0.8, "a fact is left out or said wrongly at a rate between 0 and 3/4"
    assert most == 2 * MOST_CAPTIONS


def test_sets_that_do_not_differ_lead_to_no_difference() -> None:
    alike = pair_of([1] * 9, [1] * 9)
    for kind in (contexts.in_context, contexts.compare):
        one = kind(CACHE, alike, 0.5, np.random.default_rng(0))
        assert one.answer == NO_DIFFERENCE + "\n"
        assert read(one.answer).readable


@pytest.mark.parametrize("method", contexts.METHODS)
def test_a_batch_is_what_the_base_is_trained_on(method: str, tokenizer: PreTrainedTokenizerFast) -> None:
    cache = Numbered(Path("nowhere"), channels=TOWER.hidden_size)
    cache.__dict__["pairs"] = [PAIR]
    blend = Blend((cache,), (1.0,))
    made: dict[str, Any] = batch(blend, tokenizer, method, 6, np.random.default_rng(0))
    image = tokenizer.get_vocab()[IMAGE_TOKEN]
    assert int((made["ids"] == image).sum()) == made["grids"].shape[0] * CELLS
    told = made["labels"] != -100
    assert bool((made["ids"][told] == made["labels"][told]).all())
    assert not bool((made["labels"] == image).any()), "the prompt is not learned"
    again = batch(blend, tokenizer, method, 6, np.random.default_rng(0))
    assert torch.equal(made["ids"], again["ids"])
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = make_base(tokenizer, TOWER)
    loss, _ = base_loss(model, made)
    loss.backward()
    assert torch.isfinite(loss)


def test_captions_alone_are_a_batch_without_images(tokenizer: PreTrainedTokenizerFast) -> None:
    rng = np.random.default_rng(0)
    made = contexts.tensors(tokenizer, [contexts.compare(CACHE, PAIR, rng.random(), rng) for _ in range(3)])
    assert made["grids"].shape == (0, CELLS, TOWER.hidden_size)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        loss, _ = base_loss(make_base(tokenizer, TOWER), made)
    assert torch.isfinite(loss)
