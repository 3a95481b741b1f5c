"""The criterion that no gradient sees: how right reports are, by hand; which step is kept, on scripted curves."""

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from data_synth.config import PairConfig
from data_synth.facts import Content, Fact, Side, content
from data_synth.lexicon import canonical
from data_synth.sources import Bank
from train import stopping, validation
from train.card import card, write
from train.recipes import RECIPES
from train.stopping import Reading, Watch, best, stops
from train.validation import Shown, Statement, described, f1, judged, rates, recall
from vlmdiff.errors import UsageError
from vlmdiff.models.base import VisionLanguageModel
from vlmdiff.models.card import read as read_card
from vlmdiff.models.difference import Difference
from vlmdiff.models.lines import NO_DIFFERENCE, line

DARKER, BRIGHTER = content("brightness", direction="less"), content("brightness", direction="more")
RED, BLUE = content("tint", colour="red"), content("tint", colour="blue")


def fact(what: Content, side: Side, confounder: bool = False) -> Fact:
    return Fact(what, side, 0.5, 1.0, "some", confounder=confounder)


def curve(*criteria: float) -> list[Reading]:
    """Readings whose criterion is a given one, at steps 100, 200, ..., while the loss only falls."""
    return [Reading(100 * (i + 1), 1.0 / (i + 1), value, 0.5 + value / 2) for i, value in enumerate(criteria)]


def test_the_criterion_is_the_mean_of_words_and_of_judging() -> None:
    assert Reading(1, 0.0, 0.6, 0.9).criterion == pytest.approx((0.6 + 0.8) / 2)
    assert Reading(1, 0.0, 0.6, 0.3).criterion == pytest.approx(0.3), "worse than chance is nothing"
    assert [reading.criterion for reading in curve(0.2, 0.7)] == pytest.approx([0.2, 0.7])
    assert Reading(7, 0.25, 0.6, 0.9).as_row() == {
        "step": 7,
        "loss": 0.25,
        "described": 0.6,
        "judged": 0.9,
        "criterion": 0.7,
    }


def test_what_is_not_learned_is_no_part_of_the_criterion() -> None:
    teller, judge = Reading(7, 0.25, 0.6, None), Reading(7, 0.25, None, 0.9)
    assert (teller.criterion, judge.criterion) == pytest.approx((0.6, 0.8))
    assert teller.as_row() == {"step": 7, "loss": 0.25, "described": 0.6, "criterion": 0.6}
    assert judge.told() == "criterion 0.800 (judged 0.900), loss 0.250"


def test_a_run_is_read_at_its_end_too_and_without_patience_goes_on_to_it() -> None:
    assert Watch(250).ends(800) == (250, 500, 750, 800)
    assert Watch(400).ends(800) == (400, 800)
    assert Watch(900).ends(800) == (800,)
    assert not stops(curve(0.5, 0.4, 0.3, 0.2), None)


@pytest.mark.parametrize(
    ("criteria", "patience", "kept", "stopped"),
    [
        ((0.1, 0.4, 0.6, 0.55, 0.58), 3, 300, False),
        ((0.1, 0.4, 0.6, 0.55, 0.58, 0.59), 3, 300, True),
        ((0.1, 0.4, 0.6, 0.55, 0.58, 0.61), 3, 600, False),
        ((0.5, 0.5, 0.5), 2, 100, True),
        ((0.2,), 1, 100, False),
    ],
)
def test_the_best_step_is_kept_and_patience_ends(
    criteria: tuple[float, ...], patience: int, kept: int, stopped: bool
) -> None:
    """Though the loss that is trained on falls all the time."""
    readings = curve(*criteria)
    assert readings[best(readings)].step == kept
    assert stops(readings, patience) == stopped
    assert not stops([], patience)


@pytest.mark.parametrize(
    ("said", "facts", "both", "found"),
    [
        ([("b", DARKER)], (fact(DARKER, "b"),), 1.0, 1.0),
        ([("a", BRIGHTER)], (fact(DARKER, "b"),), 1.0, 1.0),
        ([("a", DARKER)], (fact(DARKER, "b"),), 0.0, 0.0),
        ([("b", BLUE)], (fact(RED, "b"),), 0.0, 0.0),
        ([("b", RED), ("b", None)], (fact(RED, "b"),), 2 / 3, 1.0),
        ([("b", RED)], (fact(RED, "b"), fact(DARKER, "b")), 2 / 3, 0.5),
        ([], (fact(RED, "b"),), 0.0, 0.0),
        ([], (), 1.0, None),
        ([("b", RED)], (), 0.0, None),
        ([("b", RED), ("a", DARKER)], (fact(RED, "b"), fact(DARKER, "a", confounder=True)), 1.0, 1.0),
        ([("b", RED)], (fact(RED, "b"), fact(DARKER, "a", confounder=True)), 1.0, 1.0),
        ([("a", DARKER)], (fact(RED, "b"), fact(DARKER, "a", confounder=True)), 0.0, 0.0),
    ],
)
def test_f1_and_recall_are_of_exact_statements(
    said: list[Statement], facts: tuple[Fact, ...], both: float, found: float | None
) -> None:
    statements = {validation._stated(side, what) for side, what in said}
    assert f1(statements, facts) == pytest.approx(both)
    assert found is None or recall(statements, facts) == found


def test_rates_are_means_by_key() -> None:
    assert rates(["x", "y", "x"], [1.0, 0.5, 0.0]) == {"x": 0.5, "y": 0.5}


class Reader:
    """Says that B is redder where its first channel is higher, and finds a claim in images by that channel."""

    image_size = 32
    skills = frozenset({"tokens"})

    def features(self, images: NDArray[np.uint8]) -> torch.Tensor:
        return torch.from_numpy(images.mean((1, 2))).float()[:, None].repeat(1, 2, 1) / 255

    def write(self, difference: Difference, draws: int, seed: int) -> list[list[str]]:
        return [
            [line("b", canonical(RED)) + "b: blorbs abound\n" if rows[0, 0] > 0 else NO_DIFFERENCE + "\n"]
            for rows in difference.rows
        ]

    def siblings(self, claim: str, count: int) -> list[str]:
        return [canonical(BLUE)]

    def score(self, claims: Sequence[str], difference: Difference) -> NDArray[np.float32]:
        red = difference.rows[:, 0, 0].numpy()
        return np.stack([red if "red" in claim else -red for claim in claims], axis=1)


READER = cast(VisionLanguageModel, Reader())


def test_reports_are_read_in_both_orders_and_claims_judged_on_single_images() -> None:
    pixels = np.full((8, 32, 32, 3), 100, np.uint8)
    pixels[[0, 1, 2], :, :, 0] = 200
    shows = np.zeros((8, 1), bool)
    shows[[0, 1, 3]] = True
    rows = torch.from_numpy(pixels[:, :1, 0].astype(np.float32) / 255)
    rows = torch.cat([rows, rows, rows, rows], 1).bfloat16()
    pair = Shown((fact(RED, "a"),), shows, pixels, rows, 4)
    assert described(READER, [pair]) == [frozenset({("a", RED), ("a", None)})]
    assert described(READER, [pair] * 40) == described(READER, [pair]) * 40, "more than are written at once"
    # Of 3 x 5 pairs of images with and without it: 2 shown ones are red, 1 is not; 1 of 5 others is red.
    # wins 2 x 4 + 0, ties 2 x .5 + 4 x .5, losses 1.
    assert judged(READER, pair) == [pytest.approx((8 + 1 + 2) / 15)]


def test_validation_pairs_are_of_validation_images_and_the_same_again() -> None:
    config = stopping.pairs_of(PairConfig(sides=(48,)))
    assert (config.split, config.set_size, config.strength, config.prevalence) == ("val", (24, 24), (0.5, 1), (0.6, 1))
    small = PairConfig(split="val", sides=(48,), set_size=(4, 4), families=("hue",), facts=(0.0, 1.0), nuisances=(1.0,))
    one, again = (list(validation.shown([small] * 3, Bank.drawn_only(), 1, READER, workers=0)) for _ in range(2))
    assert [pair.facts for pair in one] == [pair.facts for pair in again]
    assert np.array_equal(one[2].pixels, again[2].pixels)
    assert all(pair.facts[0].family == "hue" for pair in one), "where grey images show no hue others are drawn"
    with pytest.raises(UsageError, match="test images"):
        list(validation.shown([PairConfig(split="test")], Bank.drawn_only(), 1, READER, workers=0))


def test_the_run_card_holds_both_criteria_round_by_round(tmp_path: Path) -> None:
    write(card(RECIPES["quick"], Bank.drawn_only(), [], readings=curve(0.25, 0.5)), tmp_path)
    known = read_card(tmp_path)
    assert known is not None
    assert [(row["step"], row["loss"], row["criterion"]) for row in known.criteria] == [(100, 1, 0.25), (200, 0.5, 0.5)]
