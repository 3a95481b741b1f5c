"""Experiments: parts against refits and optimality, stored samples, scores by hand, and every job once at toy size."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from data_synth.catalog import FAMILIES, TRAINED
from data_synth.config import PairConfig, refuse_held_out
from data_synth.facts import Fact, content
from data_synth.sources import Bank, BaseImage
from train import language, pairs
from train.__main__ import app
from train.experiments import catalog, curves, inner, job, scoring, views
from train.experiments.catalog import Draws, Pairs, Trained
from train.experiments.drawn import BothOrders, Source, Training, store, truth
from train.experiments.inner import PARTS, ROWS, Sets, row_weights, sharpened
from vlmdiff.errors import InputError, UsageError
from vlmdiff.learn.tokens import between, with_summaries
from vlmdiff.models.difference import Difference
from vlmdiff.models.mini.tower import TowerConfig

CONFIG = PairConfig(set_size=(4, 5), facts=(0.0, 1.0), sides=(48,), prevalence=(1, 1), nuisances=(1.0,))
DARKER, BRIGHTER, BLUR = (
    content("brightness", direction="less"),
    content("brightness", direction="more"),
    content("blur"),
)


def sets(a: int, b: int, touched: int, shift: float = 4.0) -> Sets:
    """Noise in 4 cells of 6 channels; the last images of B are shifted in channel 0 of all cells."""
    rng = np.random.default_rng(0)
    grids = torch.from_numpy(rng.normal(size=(a + b, 4, 6))).float()
    grids[a + b - touched :, :, 0] += shift
    rows = with_summaries(grids)
    return Sets(rows[:a], rows[a:])


def test_sharpened_keeps_all_of_a_and_the_images_of_b_that_show_it() -> None:
    few = sets(100, 100, touched=20)
    kept = sharpened(few, 0.2)
    assert kept.a is few.a
    assert len(kept.b) == 20
    assert (kept.b[:, 1, 0] > 2).sum() >= 17  # four of them would be, drawn blindly
    whole, top = between(few.a, few.b).rows[0, 0, 0], between(kept.a, kept.b).rows[0, 0, 0]
    assert top > 2 * whole  # a fifth of the images no longer drowns in the mean


@pytest.mark.parametrize(("images", "share", "kept"), [(100, 0.2, 20), (10, 0.1, 3), (2, 0.1, 2)])
def test_a_share_is_three_images_at_least(images: int, share: float, kept: int) -> None:
    assert inner.share_of(images, share) == kept


def test_duals_are_optimal() -> None:
    few = sets(9, 7, touched=7, shift=1.0)
    labels, products = few.is_b, few.products
    signs = np.where(labels, 1.0, -1.0)
    duals = inner.least_squares(products, labels)
    residuals = signs - products @ duals
    assert np.allclose(residuals - inner.PENALTY * duals, (residuals - inner.PENALTY * duals)[0])  # one intercept
    duals = inner.logistic(products, labels)
    fitted = products @ duals
    odds = np.log((labels - inner.PENALTY * duals) / (1 - labels + inner.PENALTY * duals))  # p = label - penalty * dual
    assert np.allclose(odds - fitted, (odds - fitted)[0], atol=1e-6)
    for found in (duals, inner.rbf(products, labels)):
        assert abs(found.sum()) < 1e-9
        assert found[labels].mean() > 0 > found[~labels].mean()


def test_row_weights_are_those_of_a_ridge_with_an_intercept() -> None:
    few = sets(6, 5, touched=5, shift=1.0)
    found = row_weights(few.standardised, torch.from_numpy(few.is_b))
    x = few.standardised[:, 2].double().numpy() / 6**0.5
    y = np.where(few.is_b, 1.0, -1.0)
    x, y = x - x.mean(0), y - y.mean()
    expected = np.linalg.solve(x.T @ x + inner.PENALTY * np.eye(6), x.T @ y) * 6**0.5 * 2 / 11
    assert np.allclose(found[2].numpy(), expected, atol=1e-5)


def test_every_part_fits_beside_the_others() -> None:
    few = sets(5, 4, touched=4)
    for name, part in PARTS.items():
        assert part(few).shape == (7, 6), name
        assert part(few).isfinite().all(), name
    wide = with_summaries(torch.randn(9, 64, 6))
    wider = Sets(wide[:5], wide[5:])
    assert [grid(wider).shape for grid in inner.GRIDS.values()] == [(19, 18), (3, 18)]
    assert torch.allclose(inner.GRIDS["no grid"](wider)[:, :6], PARTS["difference"](wider)[-3:])
    single = Sets(few.a, few.b[:1])
    assert ROWS["exemplars"](few).shape == ROWS["exemplars"](single).shape == (2 * inner.EXEMPLARS * 4, 6)


@pytest.mark.parametrize("name", list(inner.INNER))
def test_an_inner_loop_learns_through_its_own_learning(name: str) -> None:
    few, torch_seed = sets(12, 12, touched=12), 0
    torch.manual_seed(torch_seed)
    loop = inner.INNER[name](6)
    found = loop(few)
    assert found.shape == (7, 6)
    assert found[:4, 0].mean() > 3 * found[:4, 1:].mean(0).abs().max()  # what differs is channel 0
    found[0, 0].backward()
    slopes = {key: weight.grad for key, weight in loop.named_parameters()}
    assert all(slope is not None and slope.isfinite().all() for slope in slopes.values())
    assert any(float(slope.abs().max()) > 0 for slope in slopes.values() if slope is not None)
    loop.eval()
    with torch.no_grad():
        assert torch.allclose(loop(few), found)


# Stored samples.


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a toy base and caches of a few pairs, as a run leaves them."""
    folder = tmp_path_factory.mktemp("run")
    config = TowerConfig(image_size=32, widths=(8, 8, 16), blocks=(1, 1, 1))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        tokenizer = language.make_tokenizer()
        model = language.make_base(tokenizer, config)
    language.save_base(model.eval(), language.make_processor(tokenizer, config), folder / "base")
    return folder


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, run: Path) -> Path:
    monkeypatch.setattr(catalog, "TRAINING", {"pairs": Pairs(CONFIG, 1, 4, 0.7), "large": Pairs(CONFIG, 2, 2, 0.3)})
    monkeypatch.setattr(catalog, "VALIDATION", {"val1": Pairs(replace(CONFIG, split="val"), 3, 2)})
    job.encode_missing(run, run / "base", Bank.drawn_only(), workers=0)
    return run


def training(run: Path, count: int) -> Training:
    caches = job.cached(run, catalog.TRAINING, run / "base")
    return Training(tuple(Source(cache, 4, 1.0) for cache in caches.values()), count, seed=5)


def same_files(one: Path, other: Path) -> bool:
    return all((other / file.name).read_bytes() == file.read_bytes() for file in one.iterdir())


def test_a_stopped_store_goes_on_to_the_same_bytes(small: Path, tmp_path: Path) -> None:
    examples = training(small, 5)
    names = ("difference", "exemplars")
    whole = store(tmp_path / "whole", examples, names)
    assert torch.allclose(whole.part("difference", [3])[0], PARTS["difference"](examples[3].sets), rtol=1e-2, atol=1e-2)
    assert whole.targets([3]) == [examples[3].target]
    assert whole.counts([3]).tolist() == [[len(examples[3].sets.a), len(examples[3].sets.b)]]
    store(tmp_path / "torn", examples, names)
    for file in ("samples.jsonl", "difference.bin"):  # a kill between two writes
        content = (tmp_path / "torn" / file).read_bytes()
        (tmp_path / "torn" / file).write_bytes(content[: len(content) // 2])
    store(tmp_path / "torn", examples, names)
    assert same_files(tmp_path / "whole", tmp_path / "torn")


def test_other_samples_are_refused(small: Path, tmp_path: Path) -> None:
    store(tmp_path, training(small, 2), ["t"])
    with pytest.raises(InputError, match="other samples"):
        store(tmp_path, training(small, 3), ["t"])


def test_both_orders_are_read_one_after_the_other(small: Path) -> None:
    both = BothOrders(job.cached(small, catalog.VALIDATION, small / "base")["val1"])
    assert len(both) == 4
    assert torch.equal(both[2].sets.a, both[3].sets.b)


def test_the_truth_is_what_the_images_show() -> None:
    shows = np.array([[1, 0], [1, 0], [0, 0], [0, 1]], bool)
    pair = pairs.CachedPair((DARKER, BLUR), 2, shows, 2, 0)
    assert [(fact.side, fact.content, fact.prevalence) for fact in truth(pair)] == [("a", DARKER, 1), ("b", BLUR, 0.5)]


# Scores.

FACTS = (Fact(DARKER, "b", 0.5, 1.0, "brightness"), Fact(BLUR, "a", 0.5, 1.0, "blur"))


def test_a_tally_by_hand() -> None:
    said: list[scoring.Said] = [("b", DARKER), ("a", BRIGHTER), ("b", BLUR), ("a", None)]
    # Darker in B is right, and brighter in A is the same; blur is on the wrong side; one is not understood.
    assert scoring.tally(said, FACTS) == scoring.Tally(2, 1, 1.0, 4, 2, 3, 2)


def test_the_second_set_is_what_is_named() -> None:
    said = scoring.statements("b: the images are darker\n", "b: the images are blurred\na: the images are darker\n")
    assert [side for side, _ in said] == ["b", "a"]
    assert said[0][1] == DARKER


def test_shares_and_paired_differences() -> None:
    first = np.array([scoring.Tally(1, 0, 0.5, 1, 0, 1, 1)] * 10, float)
    better = first.copy()
    better[:4, scoring.FOUND] = 1
    assert scoring.share(better, "recall").value == pytest.approx(0.4)
    gap = scoring.less(better, first, "recall")
    assert gap.value == pytest.approx(0.4) and 0.1 <= gap.low <= 0.2 and 0.6 <= gap.high <= 0.8
    assert scoring.less(first, first, "credit") == scoring.Share(0, 0, 0)
    results = [
        {"variant": "one", "tallies": {"v": first.tolist()}},
        {"variant": "two", "tallies": {"v": better.tolist()}},
    ]
    rows = scoring.table(results).splitlines()
    assert rows[2].startswith("| one | v | 10 | 0.000 [0.000, 0.000] |  |")
    assert "+0.400 [" in rows[3]


def test_votes() -> None:
    draws: list[list[scoring.Said]] = [[("a", BLUR)], [("b", DARKER), ("b", BLUR)], [("b", DARKER)]]
    assert job.voted(draws) == [("b", DARKER), ("a", BLUR), ("b", BLUR)]


# Jobs.


def test_a_variant_is_trained_once(small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    variants: dict[str, Any] = {
        "base": Trained(),
        "less t, exemplar tokens": Trained(("difference", "ratio"), rows="exemplars"),
        "scaled": Trained(("t",), inner="scaled"),
        "scratch": Trained(scratch=(1, 64), pairs=0.5),
    }
    scale = catalog.SCALES["quick"]
    results = job.run("toy", variants, small / "base", None, small, tmp_path, scale)
    assert [result["variant"] for result in results] == list(variants)
    assert all(len(result["tallies"]["val1"]) == 2 for result in results)
    assert results[0]["tallies"]["val1"][0][scoring.FACTS] == 1
    assert not list((tmp_path / "runs").glob("*.pt"))
    monkeypatch.setattr(job, "trained", None)  # called, it would fail
    assert json.dumps(job.run("toy", variants, small / "base", None, small, tmp_path, scale)) == json.dumps(results)
    with pytest.raises(InputError, match="other steps"):
        job.run("toy", variants, small / "base", None, small, tmp_path, catalog.SCALES["study"])


class Sighted:
    """Writes that the second set is darker where the first cell's first channel is lower there, and counts."""

    def __init__(self) -> None:
        self.read: list[Difference] = []

    def write(self, difference: Difference, draws: int, seed: int) -> list[list[str]]:
        self.read.append(difference)
        return [
            ["b: the images are darker\n" if row[0, 0] < 0 else "no visible difference\n"] for row in difference.rows
        ]


def test_readings_draw_both_orders_and_sharpen_the_second_set(small: Path) -> None:
    model: Any = Sighted()
    scores = job.read(Draws(plain=2, sharp=1, share=0.5, best=1), model, small / "base", small)
    assert len(scores["val1"]) == 2
    counts = model.read[0].counts
    n = int(counts[0, 0])
    assert n in (3, 4)  # four fifths of four or five
    assert counts.tolist() == [[n, n]] * 4 + [[n, 3]] * 2
    few = sets(10, 10, touched=10)
    orders = job.drawn(Draws(), few, np.random.default_rng(0))
    assert orders[0].b is few.b and orders[1].b is few.a


def test_the_jobs_of_the_command_line(tmp_path: Path) -> None:
    def asked(*words: str) -> UsageError:
        found = CliRunner().invoke(app, [*words, "--out", str(tmp_path)]).exception
        assert isinstance(found, UsageError)
        return found

    assert "tokens" in str(asked("experiment", "nonsense"))
    assert "families" in str(asked("curve", "nonsense", "--scale", "quick"))
    assert "study" in str(asked("curve", "families", "--scale", "huge"))


@pytest.mark.parametrize("name", list(catalog.EXPERIMENTS))
def test_experiments_name_what_exists(name: str) -> None:
    for variant in catalog.EXPERIMENTS[name].values():
        if isinstance(variant, Trained):
            assert set(variant.parts) <= set(PARTS) or (len(variant.parts) == 1 and variant.parts[0] in inner.GRIDS)
            assert variant.rows in {"", *ROWS} and variant.inner in {"", *inner.INNER}
    for wanted in (*catalog.TRAINING.values(), *catalog.VALIDATION.values()):
        refuse_held_out(wanted.config)


# Curves.


def test_points_are_nested_and_see_nothing_they_are_scored_on() -> None:
    photographs = [
        BaseImage(f"{name}/{i}", name, "", "train", f"{i}") for i, name in enumerate(("x", "y", "blood_wbc"))
    ]
    bank = Bank(np.zeros((3, 8, 8, 3), np.uint8), tuple(photographs))
    families = curves.points("families", bank, seed=1)
    nested = [set(asked.point.families) for asked in families.values()]
    assert [len(some) for some in nested][:3] == [10, 20, 40]
    assert nested[0] < nested[1] < nested[2] < nested[3] == set(TRAINED)
    domains = curves.points("domains", bank, seed=1)
    assert set(domains["1"].point.domains) < set(domains["all photographs"].point.domains) == {"x", "y"}
    assert domains["both"].point == families["40"].point
    left_out = curves.points("left out", bank, seed=1)
    blood = left_out["blood, left out"], left_out["blood, seen"]
    assert blood[0].of == blood[1].of and set(blood[0].of.domains) == {"blood_wbc", "drawn/cells"}
    for asked in (*families.values(), *domains.values(), blood[0]):
        recipe = curves._recipe(asked.point, curves.LENGTHS["quick"])
        for config in (recipe.images, recipe.pairs):
            new_families = not set(asked.of.families) & set(config.families)
            assert new_families or not set(asked.of.domains) & set(config.domains)
            assert new_families or config.domains or set(asked.of.domains) <= set(config.without)
            assert new_families or set(asked.of.families) == set(config.families)


def test_a_curve_of_photographs_needs_some() -> None:
    with pytest.raises(UsageError, match="photographs"):
        curves.points("domains", Bank.drawn_only(), seed=0)


def test_a_point_is_trained_and_scored_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bank = Bank.drawn_only()
    point = curves.Point(("brightness", "gaussian_blur"), ("drawn/shapes",))
    of = PairConfig(split="val", families=("brightness", "hue"), facts=(0, 1.0), nuisances=(1.0,), set_size=(4, 4))
    asked = curves.Asked(point, of)
    monkeypatch.setattr(curves, "points", lambda curve, bank, seed: {"few": asked})
    lengths = replace(curves.LENGTHS["quick"], scored=1)
    results = curves.run("families", bank, tmp_path, [0], lengths, workers=0)
    assert [result["point"] for result in results] == ["few"]
    assert len(results[0]["tallies"]) == len(results[0]["side"]) == 1
    assert 0 <= results[0]["auroc"][0] <= 1
    again = curves.trained(point, bank, tmp_path / "points" / f"{point.digest}-0", 0, lengths, workers=0)
    assert curves.scored(of, bank, *again, 1)["auroc"] == results[0]["auroc"], "the weights are kept"
    monkeypatch.setattr(curves, "trained", None)
    assert len(curves.run("families", bank, tmp_path, [0], lengths, workers=0)) == 1
    with pytest.raises(InputError, match=r"lengths.scored is 1 there and 2 here"):
        curves.run("families", bank, tmp_path, [0], replace(lengths, scored=2), workers=0)
    (tmp_path / "curves.run.json").unlink()
    with pytest.raises(InputError, match="nobody knows what that run was begun with"):
        curves.run("families", bank, tmp_path, [0], lengths, workers=0)
    assert curves.table(results).splitlines()[2].startswith("| few | 1 | ")
    drawn = ElementTree.fromstring((tmp_path / "families.svg").read_text())
    dots = drawn.findall(".//{http://www.w3.org/2000/svg}circle")
    assert len(dots) == len(curves.measures(results)) == 5, "a seed, a point"
    of_sets = curves.measures(results)["AUROC of the sets"]["few"][0]
    assert float(dots[-1].attrib["cy"]) == pytest.approx(120 * (1 - of_sets), abs=0.05)
    assert not list(tmp_path.rglob("features.bin")), "but not the pairs"


def test_kin_of_the_fact_on_its_side() -> None:
    rain, snow = next(iter(FAMILIES["rain"].contents())), FAMILIES["snow"]
    fact = Fact(next(iter(snow.contents())), "b", 0.5, 1.0, "snow")
    assert curves.of_group([("b", rain)], (fact,))
    assert not curves.of_group([("a", rain)], (fact,))
    assert not curves.of_group([("b", DARKER), ("b", None)], (fact,))


def test_tiles_are_the_quarters_of_an_image_at_full_size() -> None:
    image = np.zeros((256, 256, 3), np.uint8)
    image[:128, 128:] = 200
    assert [int(tile.mean()) for tile in views.tiles(image, 128)] == [0, 200, 0, 0]
    assert {tile.shape for tile in views.tiles(image, 64)} == {(64, 64, 3)}


def test_small_things_on_large_images_are_read_whole_and_in_tiles() -> None:
    asked = CliRunner().invoke(app, ["views", "--pairs", "1", "--side", "256"])
    assert asked.exit_code == 0, asked.output
    rows = [row.split(" | ") for row in asked.output.splitlines()[2:]]
    assert [row[:3] for row in rows] == [["| 256", name, "1"] for name in ("whole", "tiles", "both")]
    (pair,) = views.pairs(Bank.drawn_only(), 256, 1)
    assert {image.shape for image in (*pair.images_a, *pair.images_b)} == {(256, 256, 3)}
    assert pair.difference[0].content.get("size") == "small"
