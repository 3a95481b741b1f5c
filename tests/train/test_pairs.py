"""The pair cache: what it holds, and that a stopped job goes on to the same bytes."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from data_synth.compose import compose
from data_synth.config import PairConfig
from data_synth.sources import Bank
from train import pairs
from train.tower import to_pixels
from vlmdiff.errors import InputError
from vlmdiff.images.decode import fit
from vlmdiff.learn.tokens import with_summaries
from vlmdiff.models.mini.tower import Tower, TowerConfig

CONFIG = PairConfig(set_size=(4, 6), facts=(0.0, 0.5, 0.5), sides=(48,))
SEED = 5
FILES = ("pairs.jsonl", "features.bin")


@pytest.fixture(scope="module")
def tower() -> Tower:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        tower = Tower(TowerConfig(image_size=32, widths=(8, 8, 16), blocks=(1, 1, 1)))
    tower.train(False)
    return tower


def encode(folder: Path, count: int, tower: Tower) -> pairs.PairCache:
    return pairs.encode(folder, CONFIG, Bank.drawn_only(), SEED, count, tower, workers=0)


@pytest.fixture(scope="module")
def whole(tower: Tower, tmp_path_factory: pytest.TempPathFactory) -> pairs.PairCache:
    return encode(tmp_path_factory.mktemp("pairs") / "whole", 4, tower)


def same_bytes(one: Path, other: Path) -> bool:
    return all((one / name).read_bytes() == (other / name).read_bytes() for name in FILES)


def test_the_cache_holds_what_was_composed(whole: pairs.PairCache, tower: Tower) -> None:
    assert len(whole.pairs) == 4
    for index, cached in enumerate(whole.pairs):
        pair = compose(CONFIG, Bank.drawn_only(), SEED, index)
        assert cached.contents == (*(fact.content for fact in pair.difference), *pair.nuisances)
        assert cached.facts == len(pair.difference)
        assert cached.size_a == len(pair.images_a)
        assert np.array_equal(cached.shows, np.concatenate([pair.shows_a, pair.shows_b]))
        images = np.stack([fit(image, 32) for image in (*pair.images_a, *pair.images_b)])
        with torch.inference_mode():
            expected = with_summaries(tower(to_pixels(torch.from_numpy(images))).last_hidden_state)
        rows = whole.rows(cached, np.array([2, 0]))
        assert rows.dtype == torch.float32
        torch.testing.assert_close(rows, expected[[2, 0]], atol=0.1, rtol=0.05)  # bfloat16


@pytest.mark.parametrize("torn", ['{"contents": [], "fac', ""])
def test_a_torn_line_is_made_again(torn: str, whole: pairs.PairCache, tower: Tower, tmp_path: Path) -> None:
    """A kill while pair 2 is written: its features are there, its line is not or not wholly."""
    encode(tmp_path, 2, tower)
    with (tmp_path / "pairs.jsonl").open("a") as listing:
        listing.write(torn)
    with (tmp_path / "features.bin").open("ab") as features:
        features.write(b"\xff" * 100_000)
    encode(tmp_path, 4, tower)
    assert same_bytes(tmp_path, whole.folder)


def test_a_whole_cache_is_left_as_it_is(whole: pairs.PairCache, tower: Tower, tmp_path: Path) -> None:
    for name in FILES:
        (tmp_path / name).write_bytes((whole.folder / name).read_bytes())
    for count in (4, 2):
        assert len(encode(tmp_path, count, tower).pairs) == 4
        assert same_bytes(tmp_path, whole.folder)


def test_features_that_went_missing_are_not_made_up(tower: Tower, tmp_path: Path) -> None:
    encode(tmp_path, 1, tower)
    images = len(json.loads((tmp_path / "pairs.jsonl").read_text())["shows"])
    features = tmp_path / "features.bin"
    assert features.stat().st_size == images * (4 + 3) * 16 * 2
    features.write_bytes(features.read_bytes()[:-2])
    with pytest.raises(InputError, match="is shorter than"):
        encode(tmp_path, 2, tower)
