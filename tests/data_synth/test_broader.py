"""Broader words: every entry is in the catalog and goes one way; cases worked by hand."""

from __future__ import annotations

import pytest

from data_synth.broader import BROADER, broader
from data_synth.catalog import EVERY
from data_synth.facts import Content, Fact, Side
from data_synth.lexicon import canonical, family_of, parse
from data_synth.matching import PARTLY, Match, match, match_broadly

ENTRIES = {
    planted: wide
    for family in EVERY.values()
    for planted in family.contents()
    if planted.what in BROADER and (wide := broader(planted)) is not None
}


def read(sentence: str) -> Content:
    found = parse(sentence)
    assert found is not None, sentence
    return found


def test_every_entry_is_of_contents_that_exist() -> None:
    assert {planted.what for planted in ENTRIES} == set(BROADER)
    assert all(family_of(wide) is not None for wide in ENTRIES.values())


def test_broader_is_another_thing_and_never_both_ways() -> None:
    for planted, wide in ENTRIES.items():
        assert family_of(planted) != family_of(wide)
        assert planted.what != wide.what, "the attributes would decide"
        assert ENTRIES.get(wide) != planted


def planted_on_a(sentence: str) -> Fact:
    return Fact(read(sentence), "a", 0.5, 1.0, "any")


@pytest.mark.parametrize(
    ("planted", "side", "said"),
    [
        ("the images have more grain where they are bright", "a", "the images are noisier"),
        ("the images have horizontal motion blur", "a", "the images are blurrier"),
        ("the images look upscaled from a lower resolution", "a", "the images are blurrier"),
        ("the images show only the bottom right part of the scene, enlarged", "a", "the images are zoomed in"),
        ("the images have a time stamp at the top left", "a", "the images have text at the top left"),
        ("the images are rotated by 90 degrees clockwise", "a", "the images are rotated clockwise"),
        ("the images have a blue tint", "a", "the images are cooler in colour"),
        ("the images have a blue tint", "b", "the images are warmer in colour"),  # the same, of the other set
        ("the images have darker mid-tones", "b", "the images are brighter"),
        ("the images are noisy in a smaller share of cases", "b", "the images are noisier"),
        (
            "the images are lit unevenly, brightest at the left and darkest at the right",
            "a",
            "the images are darker in their right half than in their left half",
        ),
    ],
)
def test_what_follows_from_the_words(planted: str, side: Side, said: str) -> None:
    difference = (planted_on_a(planted),)
    other: Side = "b" if side == "a" else "a"
    assert match_broadly((side, read(said)), difference) == Match(0, True, PARTLY, False, broader=True)
    assert match_broadly((other, read(said)), difference) == Match(0, False, 0.0, False)


@pytest.mark.parametrize(
    ("planted", "said"),
    [
        ("the images are noisier", "the images have more grain where they are bright"),  # narrower
        ("the images have salt-and-pepper noise", "the images have colour noise"),  # a sister
        ("the images are hazier", "the images have less contrast"),  # a side effect
        ("the images are over-sharpened", "the images have more contrast"),
        ("the images have a time stamp at the top left", "the images have text at the bottom right"),
        ("the images are rotated by 90 degrees clockwise", "the images are rotated counterclockwise"),
        ("the images have a magenta tint", "the images are warmer in colour"),
        ("the images have a red tint on the left", "the images are warmer in colour"),
        ("the images have a red tint in dark areas", "the images are warmer in colour"),  # two things left out
    ],
)
def test_what_does_not_follow(planted: str, said: str) -> None:
    difference = (planted_on_a(planted),)
    found = match_broadly(("a", read(said)), difference)
    assert found == match(("a", read(said)), difference) and found.credit < PARTLY


def test_the_fact_itself_beats_its_broader_word() -> None:
    difference = (planted_on_a("the images have colour noise"), planted_on_a("the images are noisier"))
    assert match_broadly(("a", read("the images are noisier")), difference) == Match(1, True, 1.0, True)
    assert canonical(ENTRIES[difference[0].content]) == "the images are noisier"
