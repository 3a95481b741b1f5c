"""What the tower learns from: the same batch for the same index, and images that show what is said of them."""

import numpy as np
import torch

from data_synth.catalog import TRAINED, trained_contents
from data_synth.config import PairConfig
from data_synth.facts import content
from data_synth.sources import Bank
from train.groups import GROUP, Groups, attributes, stated
from train.tower import FactHead, batches, relative

CONFIG = PairConfig(strength=(0.15, 1.0), sides=(64,))


def groups(seed: int = 0) -> Groups:
    return Groups(CONFIG, Bank.drawn_only(), seed, groups_a_batch=2, size=32)


def test_a_batch_is_a_function_of_seed_and_index() -> None:
    pixels, shows = groups().batch(3)
    assert pixels.shape == (2 * GROUP, 32, 32, 3)
    assert pixels.dtype == np.uint8
    assert shows.shape == (2 * GROUP, len(attributes()))
    again, shows_again = groups().batch(3)
    assert np.array_equal(pixels, again)
    assert np.array_equal(shows, shows_again)
    assert not np.array_equal(pixels, groups().batch(4)[0])
    assert not np.array_equal(pixels, groups(seed=1).batch(3)[0])


def test_batches_start_anywhere() -> None:
    """What a resumed run sees: batches two and three, in order."""
    for index, (pixels, shows) in enumerate(batches(groups(), 2, 4, workers=0), start=2):
        expected = groups().batch(index)
        assert np.array_equal(torch.as_tensor(pixels).numpy(), expected[0])
        assert np.array_equal(torch.as_tensor(shows).numpy(), expected[1])
    assert index == 3


def test_an_image_without_facts_states_nothing() -> None:
    """Of sixteen images some show nothing, some several attributes: what, where and values."""
    counts = groups().batch(0)[1].sum(1)
    assert counts.min() == 0
    assert counts.max() >= 2


def test_attributes_are_told_apart_by_what_they_belong_to() -> None:
    rectangle = content("rectangle", "top left", colour="red", count="one", size="small")
    assert stated(rectangle) == ["what=rectangle", "where=top left", "colour=red", "count=one", "size=small"]
    assert stated(content("brightness", direction="less")) == [
        "what=brightness",
        "where=everywhere",
        "brightness direction=less",
    ]


def test_every_attribute_of_the_catalog_has_one_column() -> None:
    names = attributes()
    assert len(set(names)) == len(names)
    assert list(names) == sorted(names)
    every = {name for family in TRAINED.values() for c in trained_contents(family) for name in stated(c)}
    assert every == set(names)


def test_relative_features_are_an_image_less_the_mean_of_the_others() -> None:
    grids = torch.randn(2 * GROUP, 4, 3)
    others = torch.cat([grids[GROUP : GROUP + 2], grids[GROUP + 3 :]]).mean(0)
    torch.testing.assert_close(relative(grids)[GROUP + 2], grids[GROUP + 2] - others)


def test_the_head_starts_blank_by_cell() -> None:
    logits = FactHead(channels=3, cells=64, outputs=5)(torch.randn(4, 64, 3))
    assert logits.shape == (4, 5)
    assert logits.mean() < 0, "facts are rare"
