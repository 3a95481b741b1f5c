"""What was said against what was planted, worked by hand."""

from __future__ import annotations

import pytest

from data_synth.facts import Content, Fact, Side, content
from data_synth.matching import Match, match, oriented

DARKER, BRIGHTER = content("brightness", direction="less"), content("brightness", direction="more")
NOTHING = Match(None, False, 0.0, False)


def planted(side: Side, shown: Content) -> Fact:
    return Fact(shown, side, 0.5, 1.0, "any")


def shape(what: str, where: str, **value: str) -> Content:
    return content(what, where, **{"colour": "red", "size": "small", "count": "one", **value})


@pytest.mark.parametrize(("side", "said"), [("b", DARKER), ("a", BRIGHTER)])
def test_a_property_is_matched_from_either_end(side: Side, said: Content) -> None:
    assert match((side, said), (planted("b", DARKER),)) == Match(0, True, 1.0, True)
    assert match((side, said), (planted("a", BRIGHTER),)) == Match(0, True, 1.0, True)


@pytest.mark.parametrize(("side", "said"), [("a", DARKER), ("b", BRIGHTER)])
def test_the_wrong_side_earns_nothing_but_is_told_from_a_miss(side: Side, said: Content) -> None:
    assert match((side, said), (planted("b", DARKER),)) == Match(0, False, 0.0, False)


def test_what_was_not_planted_matches_nothing() -> None:
    assert match(("b", content("haze")), (planted("b", DARKER),)) == NOTHING
    assert match(("b", None), (planted("b", DARKER),)) == NOTHING
    assert match(("b", DARKER), ()) == NOTHING


@pytest.mark.parametrize(
    ("said", "credit"),
    [
        (shape("circle", "top left"), 1.0),
        (shape("circle", "top left", colour="blue"), 4 / 5),
        (shape("star", "top left"), 4 / 5),
        (shape("star", "left", size="large"), 2 / 5),
        (content("circle", "random", colour="red", count="one"), 3 / 5),
    ],
)
def test_credit_counts_kind_place_and_each_attribute(said: Content, credit: float) -> None:
    """Five parts: shape, place, colour, size, count."""
    found = match(("a", said), (planted("a", shape("circle", "top left")),))
    assert found.credit == pytest.approx(credit)
    assert found.side and found.fact == 0
    assert found.exact == (credit == 1)


def test_the_place_of_a_property_counts() -> None:
    fact = planted("a", content("tint", "left", colour="red"))
    assert match(("a", content("tint", "right", colour="red")), (fact,)).credit == pytest.approx(2 / 3)


def test_the_fact_that_fits_best_is_taken() -> None:
    difference = (
        planted("a", shape("circle", "top")),
        planted("b", DARKER),
        planted("a", shape("star", "top", colour="blue")),
    )
    assert match(("a", shape("star", "top", colour="blue", size="large")), difference) == Match(2, True, 0.8, False)
    assert match(("b", DARKER), difference) == Match(1, True, 1.0, True)


def test_the_right_side_beats_the_wrong_one() -> None:
    difference = (planted("b", shape("circle", "top")), planted("a", shape("star", "left", colour="blue")))
    assert match(("a", shape("circle", "top")), difference) == Match(1, True, 2 / 5, False)


def test_oriented_turns_less_into_more_of_the_other_side() -> None:
    assert oriented("a", DARKER) == ("b", BRIGHTER)
    assert oriented("b", DARKER) == ("a", BRIGHTER)
    assert oriented("b", BRIGHTER) == ("b", BRIGHTER)
    assert oriented("a", content("haze")) == ("a", content("haze"))
