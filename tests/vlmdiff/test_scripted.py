"""The model whose answers are given: what tests of others lean on."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch

from vlmdiff.errors import ModelError
from vlmdiff.models.base import Part
from vlmdiff.models.scripted import ScriptedModel

IMAGE = np.zeros((8, 8, 3), np.uint8)


def scripted() -> ScriptedModel:
    def replies(prompt: Sequence[Part]) -> list[str]:
        return ["one two three", "four", "five"]

    return ScriptedModel(
        says=lambda rows: [""],
        fits=lambda claim, rows: torch.zeros(len(rows)),
        replies=replies,
        agrees=lambda prompt: float(len(prompt)),
    )


def test_answers_are_the_likeliest_then_draws_cut_to_length() -> None:
    model = scripted()
    assert model.ask([["what", IMAGE]], draws=3, seed=1, longest=2) == [["one two", "four", "five", "one two"]]
    # Four times the word and the image of 16 tokens are read; 2 + 1 + 1 + 2 words are said.
    assert model.tokens_used == 4 * (1 + 16) + 6


def test_odds_are_given_and_what_is_read_is_counted() -> None:
    model = scripted()
    assert model.yes([["is it", IMAGE], ["so"]]).tolist() == [2.0, 1.0]
    assert model.tokens_used == 2 + 16 + 1


def test_a_model_without_a_script_for_it_cannot_be_asked() -> None:
    mute = ScriptedModel(says=lambda rows: [""], fits=lambda claim, rows: torch.zeros(len(rows)))
    with pytest.raises(ModelError, match="no replies"):
        mute.ask([["what"]], draws=0, seed=0, longest=1)
    with pytest.raises(ModelError, match="no opinions"):
        mute.yes([["what"]])
