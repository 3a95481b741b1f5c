"""Draws to hypotheses: votes, and what counts as the same."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from vlmdiff.findings import Hypothesis, Side
from vlmdiff.learn.tokens import between
from vlmdiff.models.difference import Difference
from vlmdiff.models.lines import NO_DIFFERENCE
from vlmdiff.models.scripted import ScriptedModel
from vlmdiff.propose import Look, Proposed
from vlmdiff.propose.from_tokens import SHARPENED, learned
from vlmdiff.propose.look import RESAMPLES
from vlmdiff.propose.votes import MOST, merged, voted

DARKER, BRIGHTER, BLURRED = "the images are darker", "the images are brighter", "the images are blurred"


def votes_of(hypotheses: Sequence[Hypothesis]) -> dict[tuple[Side, str], float]:
    return {(h.side, h.text): h.votes for h in hypotheses}


def saying(*texts: str) -> ScriptedModel:
    return ScriptedModel(says=lambda rows: texts, fits=lambda claim, rows: rows[:, 0, 0])


def look_at(a: torch.Tensor, b: torch.Tensor, groups: NDArray[np.int64] | None = None) -> Look:
    """Feature rows with pixels that nobody looks at."""
    dark = [np.zeros((len(rows), 8, 8, 3), np.uint8) for rows in (a, b)]
    return Look(a, b, dark[0], dark[1], groups)


def looks(*columns: Sequence[float]) -> "np.ndarray[tuple[int, int], np.dtype[np.float32]]":
    return np.array(columns, np.float32).T


def test_votes_are_the_share_of_draws_that_name_it() -> None:
    found = voted([[("b", DARKER), ("a", BLURRED)], [("b", DARKER)], [("a", DARKER)], []])
    assert votes_of(found) == {("b", DARKER): 0.5, ("a", BLURRED): 0.25, ("a", DARKER): 0.25}
    assert found[0].text == DARKER


def test_one_draw_votes_once_whatever_the_spelling() -> None:
    found = voted([[("b", DARKER), ("b", "The images are DARKER!")], [("b", "The images are darker.")]])
    assert votes_of(found) == {("b", DARKER): 1.0}


def test_ties_stay_in_the_order_written() -> None:
    assert [h.text for h in voted([[("b", BLURRED), ("a", DARKER)]])] == [BLURRED, DARKER]


@pytest.mark.parametrize(
    "text", ["", NO_DIFFERENCE + "\n", "gibberish", "c: the images are darker", "b:  \n", "b: ...\n"]
)
def test_what_names_no_side_is_no_hypothesis(text: str) -> None:
    assert learned(saying(text), look_at(*torch.randn(2, 4, 3, 2)), np.random.default_rng(0)).hypotheses == []


def test_claims_of_one_side_that_fit_the_same_images_become_the_one_with_most_votes() -> None:
    said = [Hypothesis(DARKER, "b", 0.5), Hypothesis("they are dim", "b", 0.25), Hypothesis(BLURRED, "b", 0.125)]
    scores = looks([0, 1, 2, 3], [0.1, 1, 2.2, 3], [1, 3, 0, 2])
    assert votes_of(merged(Proposed(said), scores, 2)) == {("b", DARKER): 0.75, ("b", BLURRED): 0.125}


def test_opposite_claims_of_opposite_sides_are_the_same_claim() -> None:
    said = [Hypothesis(DARKER, "b", 0.75), Hypothesis(BRIGHTER, "a", 0.5)]
    assert votes_of(merged(Proposed(said), looks([0, 1, 2, 3], [0, -1, -2, -3]), 2)) == {("b", DARKER): 0.75}


def test_known_opposites_are_one_whatever_their_scores() -> None:
    said = [Hypothesis(DARKER, "b", 0.75), Hypothesis(BRIGHTER, "a", 0.5), Hypothesis(BRIGHTER, "b", 0.25)]
    unlike = looks([0, 1, 2, 3], [1, 0, 0, 1], [3, 1, 0, 2])
    known = {DARKER: BRIGHTER, BRIGHTER: DARKER}
    assert votes_of(merged(Proposed(said), unlike, 2, known)) == {("b", DARKER): 0.75, ("b", BRIGHTER): 0.25}


def test_one_sentence_said_of_both_sides_is_two_claims() -> None:
    said = [Hypothesis(DARKER, "b", 0.75), Hypothesis(DARKER, "a", 0.5)]
    assert merged(Proposed(said), looks([0, 1, 2, 3], [0, 1, 2, 3]), 2) == said


def test_scores_that_do_not_vary_agree_with_nothing() -> None:
    said = [Hypothesis(DARKER, "b", 0.5), Hypothesis(BLURRED, "b", 0.5)]
    assert merged(Proposed(said), looks([1, 1, 1], [1, 1, 1]), 2) == said


def test_joined_votes_decide_the_order_and_few_go_on() -> None:
    rng = np.random.default_rng(0)
    said = [Hypothesis(f"claim {i}", "b", 0.3) for i in range(MOST + 2)]
    scores = rng.normal(size=(50, len(said))).astype(np.float32)
    scores[:, -1] = scores[:, -2]
    found = merged(Proposed(said), scores, 2)
    assert len(found) == MOST
    assert found[0] == Hypothesis(said[-2].text, "b", 0.6)


class Recorder(ScriptedModel):
    """Keeps what it read, and says nothing."""

    def write(self, difference: Difference, draws: int, seed: int) -> list[list[str]]:
        READ.append(difference)
        return super().write(difference, draws, seed)


READ: list[Difference] = []
RECORDER = Recorder(says=lambda rows: [NO_DIFFERENCE], fits=lambda claim, rows: rows[:, 0, 0])


def read_of(look: Look) -> Difference:
    """The one batch of differences that is read of it."""
    READ.clear()
    learned(RECORDER, look, np.random.default_rng(0))
    (difference,) = READ
    return difference


def test_every_draw_is_read_in_both_orders_and_the_whole_comes_first() -> None:
    a, b = torch.randn(10, 3, 2), torch.randn(5, 3, 2)
    difference = read_of(look_at(a, b))
    forth, back = difference.rows.chunk(2)
    torch.testing.assert_close(back, -forth, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(forth[:1], between(a, b).rows)
    assert difference.counts.tolist() == [[10, 5], *[[8, 4]] * RESAMPLES, [5, 10], *[[4, 8]] * RESAMPLES]
    assert not torch.equal(forth[1], forth[2]), "resamples differ"
    assert torch.equal(read_of(look_at(a, b)).rows, difference.rows), "the same draws for the same rng"


def test_some_draws_read_only_the_surest_images_of_the_second_set() -> None:
    """Image k of a side has k in its row; the classifier is surest of the highest of B and of the lowest of A."""
    rows = torch.arange(20.0)[:, None, None].expand(20, 3, 2)
    difference = read_of(replace(look_at(rows, rows), scores=np.tile(np.arange(20.0), 2)))
    counts = difference.counts.tolist()
    draws = RESAMPLES + 1
    assert counts[0] == counts[draws] == [20, 20]
    plain, sharp = [16, 16], [16, 3]
    assert counts[1:draws] == counts[draws + 1 :] == [plain] * (RESAMPLES - SHARPENED) + [sharp] * SHARPENED
    gap = difference.rows[:, 0, 0]
    assert (gap[draws - SHARPENED : draws] > 0.5).all(), "B's highest are above A"
    assert (gap[2 * draws - SHARPENED :] < -0.5).all(), "A's lowest are below B"


def test_resamples_draw_whole_groups() -> None:
    read: list[Difference] = []

    class Recorder(ScriptedModel):
        def write(self, difference: Difference, draws: int, seed: int) -> list[list[str]]:
            read.append(difference)
            return super().write(difference, draws, seed)

    model = Recorder(says=lambda rows: [NO_DIFFERENCE], fits=lambda claim, rows: rows[:, 0, 0])
    a, b = torch.randn(15, 3, 2), torch.randn(12, 3, 2)
    groups = np.array([*np.repeat(np.arange(5), 3), *np.repeat([0, 3, 9, 7, 8], [4, 4, 1, 1, 2])])
    learned(model, look_at(a, b, groups), np.random.default_rng(0))
    counts = read[0].counts[1 : 1 + RESAMPLES].tolist()
    assert {of_a for of_a, _ in counts} == {12}, "four of five groups of three"
    assert {of_b for _, of_b in counts} <= {8, 10, 11}, "one group of five is left out"
    assert len({of_b for _, of_b in counts}) > 1


def test_what_the_model_says_is_of_the_set_read_second() -> None:
    """Of the two orders, only the first has B brighter; lines about the first set are not asked for."""

    def says(rows: torch.Tensor) -> list[str]:
        return (
            [f"b: {BRIGHTER}\na: {BLURRED}\n", NO_DIFFERENCE] if rows[0, 0] > 0 else [f"b: {DARKER}\n", NO_DIFFERENCE]
        )

    model = ScriptedModel(says=says, fits=lambda claim, rows: rows[:, 0, 0])
    a = torch.randn(8, 3, 2)
    found = votes_of(learned(model, look_at(a, a + 9), np.random.default_rng(0)).hypotheses)
    assert found.keys() == {("b", BRIGHTER), ("a", DARKER)}
    assert all(0.5 <= votes <= 1 for votes in found.values()), "the likeliest text of every draw names it"


@pytest.mark.parametrize("images", [1, 2, 7])
def test_one_image_a_side_is_enough(images: int) -> None:
    rows = torch.randn(images, 4, 2)
    found = learned(saying(f"b: {DARKER}\n"), look_at(rows, rows + 1), np.random.default_rng(0))
    assert votes_of(found.hypotheses) == {("b", DARKER): 1.0, ("a", DARKER): 1.0}
