"""Scores of single images: the log-odds of a claim against its siblings, by likelihood or by asking yes or no."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from vlmdiff.errors import ModelError
from vlmdiff.findings import Hypothesis, Side
from vlmdiff.models.base import Part, Skill
from vlmdiff.models.lines import NO_DIFFERENCE, line
from vlmdiff.models.prompts import GENERIC
from vlmdiff.models.scripted import ScriptedModel
from vlmdiff.verify import Judged, scores, scores_among

NATS = {"the images are darker": -1.0, "the images are brighter": -5.0, "the images are blurred": -3.0}
NONE = -7.0


def fits(claim: str, rows: torch.Tensor) -> torch.Tensor:
    """A table by claim, plus what the image shows in its first number."""
    table = {line("b", text): nats for text, nats in NATS.items()} | {NO_DIFFERENCE + "\n": NONE}
    return table[claim] + rows[:, 0, 0]


def model(knows: tuple[str, ...]) -> ScriptedModel:
    return ScriptedModel(says=lambda rows: [""], fits=fits, knows=knows)


ROWS = torch.randn(5, 2, 1, generator=torch.Generator().manual_seed(0))
IMAGES = Judged(ROWS, np.zeros((5, 8, 8, 3), np.uint8))
SIDES: tuple[Side, ...] = ("a", "b", "b")
SAID = [Hypothesis(text, side, 1.0) for text, side in zip(NATS, SIDES, strict=True)]


def test_a_claim_is_held_against_all_its_alternatives_together() -> None:
    """Darker: -1 - log(e^-5 + e^-3 + e^-7); what all claims share (the image's own number) cancels."""
    found = scores(model(tuple(NATS)), SAID, IMAGES, IMAGES)
    assert found.shape == (5, 3)
    assert found.dtype == np.float32
    darker = -1.0 - np.log(np.exp(-5.0) + np.exp(-3.0) + np.exp(-7.0))
    blurred = -3.0 - np.log(np.exp(-1.0) + np.exp(-5.0) + np.exp(-7.0))
    np.testing.assert_allclose(found, [[darker, -3.0, blurred]] * 5, atol=1e-5)  # brighter: no lower than the floor


def test_a_model_without_siblings_holds_claims_against_no_difference() -> None:
    np.testing.assert_allclose(scores(model(()), SAID, IMAGES, IMAGES), [[6.0, 2.0, 4.0]] * 5, atol=1e-5)


def test_among_themselves_hypotheses_are_each_others_alternatives() -> None:
    """Darker and blurred, with "no visible difference" at -7; what the model knows besides does not count."""
    darker = -1.0 - np.log(np.exp(-3.0) + np.exp(-7.0))
    found = scores_among(model(tuple(NATS)), [SAID[0], SAID[2]], IMAGES)
    blurred = -3.0 - np.log(np.exp(-1.0) + np.exp(-7.0))
    np.testing.assert_allclose(found, [[darker, blurred]] * 5, atol=1e-5)
    np.testing.assert_allclose(scores_among(model(tuple(NATS)), SAID[2:], IMAGES), [[4.0]] * 5, atol=1e-5)


def test_an_image_scores_the_same_in_any_company() -> None:
    def by_claim(claim: str, rows: torch.Tensor) -> torch.Tensor:
        return rows[:, 0, 0] * len(claim)

    judge = ScriptedModel(says=lambda rows: [""], fits=by_claim, knows=tuple(NATS))
    together = scores(judge, SAID, IMAGES, IMAGES)
    alone = np.concatenate([scores(judge, SAID, IMAGES.only(np.array([i])), IMAGES) for i in range(5)])
    np.testing.assert_allclose(together, alone, rtol=1e-5)
    np.testing.assert_allclose(scores(judge, SAID[1:2], IMAGES, IMAGES)[:, 0], together[:, 1], rtol=1e-5)


def test_the_side_of_a_hypothesis_does_not_change_its_scores() -> None:
    """An image alone is always the second set: the pool is the first."""
    other = [Hypothesis(h.text, "a" if h.side == "b" else "b", h.votes) for h in SAID]
    judge = model(tuple(NATS))
    np.testing.assert_array_equal(scores(judge, SAID, IMAGES, IMAGES), scores(judge, other, IMAGES, IMAGES))


# Asked yes or no.

FREE = [Hypothesis("there is a cat", "b", 1.0), Hypothesis("the images are darker", "b", 1.0)]
CAT, DARK, GENERIC_ODDS = [3.0, -1.0, -1.0, -1.0, 3.0], [0.5, 0.5, 4.5, 0.5, 4.5], -2.0


@dataclass(frozen=True)
class Asked(ScriptedModel):
    """Its log-odds of yes by the claim in the prompt, and by the image, whose number is its first level."""

    odds: Mapping[str, Sequence[float]] = field(default_factory=dict)
    read: list[tuple[int, str]] = field(default_factory=list, compare=False)

    def yes(self, prompts: Sequence[Sequence[Part]]) -> NDArray[np.float32]:
        found = []
        for image, question in prompts:
            assert isinstance(question, str) and not isinstance(image, str)
            claim = question.split('"')[1]
            number = int(image[0, 0, 0])
            self.read.append((number, claim))
            found.append(self.odds[claim][number] if claim in self.odds else GENERIC_ODDS)
        return np.array(found, np.float32)


def asked(odds: Mapping[str, Sequence[float]], *skills: Skill, knows: tuple[str, ...] = ()) -> Asked:
    return Asked(says=lambda rows: [""], fits=fits, knows=knows, skills=frozenset(skills), odds=odds)


def numbered(count: int) -> Judged:
    rows = torch.randn(count, 2, 1, generator=torch.Generator().manual_seed(0))
    return Judged(rows, np.arange(count, dtype=np.uint8)[:, None, None, None] * np.ones((1, 8, 8, 3), np.uint8))


FIVE = numbered(5)
ODDS = {FREE[0].text: CAT, FREE[1].text: DARK}


def test_a_claim_that_is_asked_is_held_against_the_others_and_generic_ones() -> None:
    """Cat, with darker and five generic claims as siblings: 3 - (.5 - 10)/6 = 4.5833 on the first image.

    On the five: 4.5833, .5833, -.0833, .5833, 3.9167. Their 5th percentile lies a fifth of the way from the lowest to
    the second lowest, .05, the 95th so at 4.45; the border is 2.25.
    """
    found = scores(asked(ODDS, "chat"), FREE, FIVE, FIVE)
    assert found.shape == (5, 2)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found[:, 0], [2.3333, -1.6667, -2.3333, -1.6667, 1.6667], atol=1e-4)
    np.testing.assert_array_equal(found[:, 0] > 0, [True, False, False, False, True])
    np.testing.assert_array_equal(found[:, 1] > 0, [False, False, True, False, True])


@pytest.mark.parametrize("lean", [-9.0, 0.0, 9.0])
def test_a_model_that_leans_to_yes_or_to_no_is_judged_alike(lean: float) -> None:
    """To all claims, or to one wording alone."""
    plain = scores(asked(ODDS, "chat"), FREE[:1], FIVE, FIVE)
    leaning = {FREE[0].text: [value + lean for value in CAT]}
    np.testing.assert_allclose(scores(asked(leaning, "chat"), FREE[:1], FIVE, FIVE), plain, atol=1e-5)


def test_an_image_that_is_odd_in_every_way_scores_nothing() -> None:
    """On the last image every claim is likelier by 6."""
    odd = {text: [-2.0, -1.0, -2.0, -1.0, 4.5] for text in GENERIC}
    claim = {FREE[0].text: [1.0, -3.0, 1.0, -3.0, 3.5]}
    found = scores(asked(odd | claim, "chat"), FREE[:1], FIVE, FIVE)[:, 0]
    np.testing.assert_allclose(found, [2.5, -2.5, 2.5, -2.5, -1.5], atol=1e-5)


def test_the_border_comes_from_the_pool_and_not_from_the_judged() -> None:
    model = asked({FREE[0].text: [3.0, -1.0, 3.0, -1.0, 3.0, 3.0]}, "chat")
    six = numbered(6)
    found = scores(model, FREE[:1], six.only(np.array([4, 5])), six.only(np.arange(4)))
    np.testing.assert_allclose(found, [[2.0], [2.0]], atol=1e-5)
    again = scores(model, FREE[:1], six.only(np.array([5])), six.only(np.arange(4)))
    np.testing.assert_array_equal(again, found[1:])


def test_a_pool_of_many_images_costs_no_more_than_a_few() -> None:
    model = asked({FREE[0].text: [0.0] * 200}, "chat")
    many = numbered(200)
    scores(model, FREE[:1], many.only(np.array([0, 199])), many)
    in_pool = {image for image, _ in model.read}
    assert len(in_pool) == 64
    assert {0, 199} <= in_pool
    assert len(model.read) == (2 + 64) * (1 + len(GENERIC))


def test_to_be_merged_claims_are_held_against_generic_ones_alone() -> None:
    """Two wordings of one thing would take each other away: they must agree instead."""
    same = [FREE[0], Hypothesis("a cat is there", "b", 0.5)]
    found = scores_among(asked({h.text: CAT for h in same}, "chat"), same, FIVE)
    np.testing.assert_allclose(found[:, 0], [2.0, -2.0, -2.0, -2.0, 2.0], atol=1e-5)
    np.testing.assert_array_equal(found[:, 0], found[:, 1])


def test_a_model_with_both_is_asked_what_it_was_never_taught() -> None:
    """Darker is in its lexicon and judged by likelihood; the cat is not."""
    model = asked(ODDS, "tokens", "chat", knows=tuple(NATS))
    found = scores(model, FREE, FIVE, FIVE)
    by_likelihood = scores(asked({}, "tokens", knows=tuple(NATS)), FREE[1:], FIVE, FIVE)
    np.testing.assert_allclose(found[:, 1], by_likelihood[:, 0])
    np.testing.assert_allclose(found[:, 0], [2.3333, -1.6667, -2.3333, -1.6667, 1.6667], atol=1e-4)
    assert {claim for _, claim in model.read} == {*ODDS, *GENERIC}


def test_a_model_that_can_do_neither_is_an_error() -> None:
    with pytest.raises(ModelError, match="cannot judge: it has no difference tokens, and cannot be asked yes or no"):
        scores(asked(ODDS, "in_context"), FREE, FIVE, FIVE)


@pytest.mark.parametrize("odds", [float("nan"), float("inf")])
def test_what_is_no_probability_is_an_error(odds: float) -> None:
    with pytest.raises(ModelError, match="gives no probability of yes and no"):
        scores(asked({FREE[0].text: [odds] * 5}, "chat"), FREE[:1], FIVE, FIVE)
