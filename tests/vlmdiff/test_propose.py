"""Draws to hypotheses: votes, and what counts as the same."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch

from vlmdiff import propose
from vlmdiff.findings import Hypothesis, Side
from vlmdiff.models.difference import Difference
from vlmdiff.models.lines import NO_DIFFERENCE
from vlmdiff.models.scripted import ScriptedModel
from vlmdiff.propose import MOST, RESAMPLES, learned, merged, voted

DARKER, BRIGHTER, BLURRED = "the images are darker", "the images are brighter", "the images are blurred"


def votes_of(hypotheses: Sequence[Hypothesis]) -> dict[tuple[Side, str], float]:
    return {(h.side, h.text): h.votes for h in hypotheses}


def looks(*columns: Sequence[float]) -> "np.ndarray[tuple[int, int], np.dtype[np.float32]]":
    return np.array(columns, np.float32).T


def test_votes_are_the_share_of_draws_that_name_it() -> None:
    texts = [f"b: {DARKER}\na: {BLURRED}\n", f"b: {DARKER}\n", f"a: {DARKER}\n", NO_DIFFERENCE + "\n"]
    found = voted(texts)
    assert votes_of(found) == {("b", DARKER): 0.5, ("a", BLURRED): 0.25, ("a", DARKER): 0.25}
    assert found[0].text == DARKER


def test_one_draw_votes_once_whatever_the_spelling() -> None:
    found = voted([f"b: {DARKER}\nb:  The images are DARKER!\n", "b: The images are darker.\n"])
    assert votes_of(found) == {("b", DARKER): 1.0}


def test_ties_stay_in_the_order_written() -> None:
    assert [h.text for h in voted([f"b: {BLURRED}\na: {DARKER}\n"])] == [BLURRED, DARKER]


@pytest.mark.parametrize(
    "text", ["", NO_DIFFERENCE + "\n", "gibberish", "c: the images are darker", "b:  \n", "b: ...\n"]
)
def test_what_names_no_side_is_no_hypothesis(text: str) -> None:
    assert voted([text]) == []


def test_claims_of_one_side_that_fit_the_same_images_become_the_one_with_most_votes() -> None:
    said = [Hypothesis(DARKER, "b", 0.5), Hypothesis("they are dim", "b", 0.25), Hypothesis(BLURRED, "b", 0.125)]
    scores = looks([0, 1, 2, 3], [0.1, 1, 2.2, 3], [1, 3, 0, 2])
    assert votes_of(merged(said, scores)) == {("b", DARKER): 0.75, ("b", BLURRED): 0.125}


def test_opposite_claims_of_opposite_sides_are_the_same_claim() -> None:
    said = [Hypothesis(DARKER, "b", 0.75), Hypothesis(BRIGHTER, "a", 0.5)]
    assert votes_of(merged(said, looks([0, 1, 2, 3], [0, -1, -2, -3]))) == {("b", DARKER): 1.0}


def test_one_sentence_said_of_both_sides_is_two_claims() -> None:
    said = [Hypothesis(DARKER, "b", 0.75), Hypothesis(DARKER, "a", 0.5)]
    assert merged(said, looks([0, 1, 2, 3], [0, 1, 2, 3])) == said


def test_scores_that_do_not_vary_agree_with_nothing() -> None:
    said = [Hypothesis(DARKER, "b", 0.5), Hypothesis(BLURRED, "b", 0.5)]
    assert merged(said, looks([1, 1, 1], [1, 1, 1])) == said


def test_joined_votes_decide_the_order_and_few_go_on() -> None:
    rng = np.random.default_rng(0)
    said = [Hypothesis(f"claim {i}", "b", 0.3) for i in range(MOST + 2)]
    scores = rng.normal(size=(50, len(said))).astype(np.float32)
    scores[:, -1] = scores[:, -2]
    found = merged(said, scores)
    assert len(found) == MOST
    assert found[0] == Hypothesis(said[-2].text, "b", 0.6)


def test_the_model_reads_all_look_images_and_then_resamples_of_them() -> None:
    read: list[Difference] = []

    class Recorder(ScriptedModel):
        def write(self, difference: Difference, draws: int, seed: int) -> list[list[str]]:
            read.append(difference)
            return super().write(difference, draws, seed)

    model = Recorder(says=lambda rows: [f"b: {DARKER}\n", NO_DIFFERENCE], fits=lambda claim, rows: rows[:, 0, 0])
    a, b = torch.randn(10, 3, 2), torch.randn(5, 3, 2)
    found = learned(model, a, b, np.random.default_rng(0))
    (difference,) = read
    assert difference.counts.tolist() == [[10, 5]] + [[8, 4]] * RESAMPLES
    assert votes_of(found)[("b", DARKER)] >= 0.5, "the likeliest text of every resample names it"
    resamples = difference.rows[1:]
    assert not torch.equal(resamples[0], resamples[1])
    learned(model, a, b, np.random.default_rng(0))
    assert torch.equal(read[1].rows, difference.rows), "the same draws for the same rng"


@pytest.mark.parametrize("method", propose.METHODS)
@pytest.mark.parametrize("images", [1, 2, 7])
def test_every_method_works_from_one_image_a_side(method: str, images: int) -> None:
    model = ScriptedModel(says=lambda rows: [f"b: {DARKER}\n"], fits=lambda claim, rows: rows[:, 0, 0])
    rows = torch.randn(images, 4, 2)
    found = propose.METHODS[method](model, rows, rows + 1, np.random.default_rng(0))
    assert votes_of(found) == {("b", DARKER): 1.0}
