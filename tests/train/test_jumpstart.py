"""Real sets with free words: every row of the manifest finds its files, and no test image is ever drawn."""

import csv
import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from data_synth.catalog import HELD_OUT_DOMAINS
from data_synth.config import PairConfig
from data_synth.facts import content
from data_synth.lexicon import family_of, parse
from data_synth.sources import Bank, BaseImage, Split, split_of
from train import jumpstart
from train.jumpstart import FEWEST, columns, compose, concept_config, found, is_free, siblings, strangers, text_of
from train.pairs import CachedPair, as_cached, record_of
from train.samples import NEAR_MISSES, set_sample, single_samples
from vlmdiff.errors import InputError
from vlmdiff.models.lines import NO_DIFFERENCE, line

CONFIG = PairConfig(set_size=(8, 10), sides=(48,))
CAT, DOG = (value.contents[0] for value in columns()[0].values)


def bank_of(files: dict[str, int], splits: tuple[Split, ...] = ("train", "val", "test")) -> Bank:
    """So many one-coloured images a class and split; the colour is the row."""
    items = []
    for folder, count in files.items():
        domain, label = folder.split("/")
        for split in splits:
            for number in range(count):
                file = f"{folder}/{split}{number}.jpg"
                items.append(BaseImage(file, domain, label, split, hashlib.sha256(file.encode()).hexdigest()))
    colours = np.arange(len(items))
    images = np.stack([colours % 256, colours // 256, colours * 0], axis=1).astype(np.uint8)
    return Bank(np.broadcast_to(images[:, None, None], (len(items), 16, 16, 3)), tuple(items))


PETS = {"cats_dogs/cat": 30, "cats_dogs/dog": 24}


def test_sentences_are_the_catalogs_or_words_of_their_own() -> None:
    for column in columns():
        assert len({text_of(concept) for concept in column.concepts}) == len(column.values) > 1
        for value in column.values:
            free, *more = value.contents
            assert is_free(free) and family_of(free) is None
            assert parse(text_of(free)) is None
            assert free.get("column") == column.name
            assert all(family_of(further) for further in more)
            assert text_of(free).startswith("the images show ")
            assert not {pattern.split("/")[0] for pattern in value.files} & HELD_OUT_DOMAINS


def test_every_row_of_the_manifest_finds_files_enough(shared_data: Path) -> None:
    """As `pack` would list them; splits by the hash of a name, for speed."""
    items = []
    for domain in {pattern.split("/")[0] for column in columns() for v in column.values for pattern in v.files}:
        listed = shared_data / domain / "labels.csv"
        if not listed.is_file():
            pytest.skip(f"no {domain} among the sample images")
        with listed.open(encoding="utf-8") as rows:
            for row in csv.DictReader(rows):
                digest = hashlib.sha256(row["file"].encode()).hexdigest()
                place = f"{domain}/{row['file']}"
                items.append(BaseImage(place, domain, row["class"], split_of(digest), digest))
                assert (shared_data / place).is_file()
    bank = Bank(np.zeros((len(items), 1, 1, 3), np.uint8), tuple(items))
    held = found(CONFIG, bank)
    assert [column.name for column in held.columns] == [column.name for column in columns()]
    assert len(held.left_out) <= 2, "the smallest classes have about as many training images as are needed"
    for column in columns():
        taken = [row for value in column.values for row in jumpstart.rows_of(value, CONFIG, bank)]
        assert len(set(taken)) == len(taken), f"an image has one value of {column.name}"


def test_what_is_absent_is_left_out_and_said() -> None:
    few = {**PETS, "weather/rain": FEWEST - 1, "weather/cloudy": FEWEST, "weather/shine": FEWEST}
    held = found(CONFIG, bank_of(few))
    assert [column.name for column in held.columns] == ["pets", "skies"]
    assert len(held.columns[1].values) == 2
    assert f"skies: 'the images show a wet day' has {FEWEST - 1} pictures, {FEWEST} are needed" in held.left_out
    assert found(CONFIG, Bank.drawn_only()).columns == ()
    assert found(replace(CONFIG, without=("cats_dogs",)), bank_of(PETS)).columns == ()


def test_only_training_images_are_drawn_and_show_what_is_said() -> None:
    bank = bank_of({**PETS, "day_night/day": 20, "day_night/night": 16})
    config = concept_config(CONFIG, found(CONFIG, bank).columns)
    nulls = 0
    for index in range(120):
        pair = compose(config, bank, 5, index)
        count = len(pair.images_a)
        assert len(pair.images_b) == count >= 5
        assert len(set(pair.bases)) == 2 * count
        assert {bank.items[row].split for row in pair.bases} == {"train"}
        labels = np.array([bank.items[row].label for row in pair.bases])
        shows = np.concatenate([pair.shows_a, pair.shows_b])
        said = [*(fact.content for fact in pair.difference), *pair.nuisances]
        label = {
            **{text_of(CAT): "cat", text_of(DOG): "dog"},
            **{"the images show places by day": "day", "the images show places at night": "night"},
        }
        for column, what in enumerate(said):
            meant = "night" if what == content("brightness", direction="less") else label[text_of(what)]
            assert np.array_equal(shows[:, column], labels == meant)
        for number, (row, image) in enumerate(zip(pair.bases, (*pair.images_a, *pair.images_b), strict=True)):
            assert image[0, 0].tolist() == bank.images[row][0, 0].tolist(), number
        nulls += not pair.difference
        for fact in pair.difference:
            assert fact.prevalence >= 0.5
            assert fact.elsewhere <= 0.5
    assert 4 <= nulls <= 24, "one in ten"


def test_a_pair_is_a_function_of_its_index() -> None:
    bank = bank_of(PETS)
    config = concept_config(CONFIG, found(CONFIG, bank).columns)
    one, again, other = (compose(config, bank, 5, index) for index in (1, 1, 2))
    assert one.bases == again.bases != other.bases
    assert np.array_equal(one.images_b, again.images_b)


class Looks:
    """One row an image, its number."""

    def rows(self, pair: CachedPair, images: NDArray[np.int64]) -> torch.Tensor:
        return torch.from_numpy(images).float()[:, None, None]


def test_free_pairs_are_learned_from_with_siblings_and_strangers_as_misses() -> None:
    bank = bank_of(PETS)
    config = concept_config(CONFIG, found(CONFIG, bank).columns)
    rng = np.random.default_rng(0)
    cats, dogs = (line("b", text_of(concept)) for concept in (CAT, DOG))
    targets, judged = set(), 0
    others = {line("b", text_of(concept)) for concept in strangers(CAT)}
    for index in range(30):
        pair = as_cached(record_of(compose(config, bank, 5, index)))
        targets.add(set_sample(Looks(), pair, rng).target)
        for sample in single_samples(Looks(), pair, 4, rng):
            if not sample.claims:
                continue
            judged += 1
            first, *wrong = sample.claims
            assert len(set(sample.claims)) == NEAR_MISSES + 1
            assert set(wrong) <= {NO_DIFFERENCE + "\n", cats, dogs} | others
            assert first in (cats, dogs)
            assert (dogs if first == cats else cats) in wrong
    assert targets == {cats, dogs, NO_DIFFERENCE + "\n"}
    assert judged > 20


def test_misses_of_a_concept() -> None:
    assert siblings(CAT) == (DOG,)
    kinds = {text_of(concept) for concept in strangers(CAT)}
    assert "the images show places at night" in kinds
    assert not {"the images show dogs", "the images show birds", "the images show animals"} & kinds


def test_claims_are_listed_by_column() -> None:
    assert jumpstart.claims(columns()[:1]) == {"pets": ["the images show cats", "the images show dogs"]}


@pytest.mark.parametrize(
    ("values", "more", "said"),
    [
        ('"the images are darker" = ["a/*"]', "", "'the images are darker' is the catalog's"),
        ('"the images show owls" = ["a/*"]', '"the images show owls" = ["it hoots"]', "'it hoots' is not understood"),
    ],
)
def test_a_manifest_that_mixes_up_words_is_refused(values: str, more: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "some.toml"
    file.write_text(f'[[columns]]\nname = "n"\ntheme = "t"\n[columns.values]\n{values}\n[columns.more]\n{more}\n')
    with pytest.raises(InputError, match=said):
        jumpstart.read(file)
