"""Scores of single images: the log-odds of a claim against its siblings and "no visible difference"."""

import numpy as np
import torch

from vlmdiff.findings import Hypothesis, Side
from vlmdiff.learn.tokens import Moments
from vlmdiff.models.lines import NO_DIFFERENCE, line
from vlmdiff.models.scripted import ScriptedModel
from vlmdiff.verify import scores, scores_among

NATS = {"the images are darker": -1.0, "the images are brighter": -5.0, "the images are blurred": -3.0}
NONE = -7.0


def fits(claim: str, rows: torch.Tensor) -> torch.Tensor:
    """A table by claim, plus what the image shows in its first number."""
    table = {line("b", text): nats for text, nats in NATS.items()} | {NO_DIFFERENCE + "\n": NONE}
    return table[claim] + rows[:, 0, 0]


def model(knows: tuple[str, ...]) -> ScriptedModel:
    return ScriptedModel(says=lambda rows: [""], fits=fits, knows=knows)


IMAGES = torch.randn(5, 2, 1, generator=torch.Generator().manual_seed(0))
POOL = Moments.of(IMAGES)
SIDES: tuple[Side, ...] = ("a", "b", "b")
SAID = [Hypothesis(text, side, 1.0) for text, side in zip(NATS, SIDES, strict=True)]


def test_a_claim_is_held_against_all_its_alternatives_together() -> None:
    """Darker: -1 - log(e^-5 + e^-3 + e^-7); what all claims share (the image's own number) cancels."""
    found = scores(model(tuple(NATS)), SAID, IMAGES, POOL)
    assert found.shape == (5, 3)
    assert found.dtype == np.float32
    darker = -1.0 - np.log(np.exp(-5.0) + np.exp(-3.0) + np.exp(-7.0))
    np.testing.assert_allclose(found, [[darker, -1.0, -1.0]] * 5, atol=1e-5)  # no lower than the floor


def test_a_model_without_siblings_holds_claims_against_no_difference() -> None:
    np.testing.assert_allclose(scores(model(()), SAID, IMAGES, POOL), [[6.0, 2.0, 4.0]] * 5, atol=1e-5)


def test_among_themselves_hypotheses_are_each_others_alternatives() -> None:
    """Darker and blurred, with "no visible difference" at -7; what the model knows besides does not count."""
    darker = -1.0 - np.log(np.exp(-3.0) + np.exp(-7.0))
    found = scores_among(model(tuple(NATS)), [SAID[0], SAID[2]], IMAGES, POOL)
    np.testing.assert_allclose(found, [[darker, -1.0]] * 5, atol=1e-5)
    np.testing.assert_allclose(scores_among(model(tuple(NATS)), SAID[2:], IMAGES, POOL), [[4.0]] * 5, atol=1e-5)


def test_an_image_scores_the_same_in_any_company() -> None:
    def by_claim(claim: str, rows: torch.Tensor) -> torch.Tensor:
        return rows[:, 0, 0] * len(claim)

    judge = ScriptedModel(says=lambda rows: [""], fits=by_claim, knows=tuple(NATS))
    together = scores(judge, SAID, IMAGES, POOL)
    alone = np.concatenate([scores(judge, SAID, image[None], POOL) for image in IMAGES])
    np.testing.assert_allclose(together, alone, rtol=1e-5)
    np.testing.assert_allclose(scores(judge, SAID[1:2], IMAGES, POOL)[:, 0], together[:, 1], rtol=1e-5)


def test_the_side_of_a_hypothesis_does_not_change_its_scores() -> None:
    """An image alone is always the second set: the pool is the first."""
    other = [Hypothesis(h.text, "a" if h.side == "b" else "b", h.votes) for h in SAID]
    judge = model(tuple(NATS))
    np.testing.assert_array_equal(scores(judge, SAID, IMAGES, POOL), scores(judge, other, IMAGES, POOL))
