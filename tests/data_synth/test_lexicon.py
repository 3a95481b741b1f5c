"""Facts to English and back: every wording is understood, everything else is refused and not guessed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_synth import lexicon
from data_synth.catalog import FAMILIES
from data_synth.facts import Content, Fact, Side, content
from vlmdiff.models.lines import NO_DIFFERENCE

CONTENTS = [shown for family in FAMILIES.values() for shown in family.contents()]
WORDS = sorted({word for shown in CONTENTS[::7] for text in lexicon.wordings(shown) for word in text.split()})


def fact(shown: Content, side: Side = "b") -> Fact:
    return Fact(shown, side, 0.5, 1.0, lexicon.family_of(shown) or "")


def test_every_wording_of_every_content_is_read_back() -> None:
    for shown in CONTENTS:
        for wording in lexicon.wordings(shown):
            assert lexicon.parse(wording) == shown, wording


def test_case_spaces_and_punctuation_do_not_matter() -> None:
    for shown in CONTENTS[::50]:
        assert lexicon.parse(f"  {lexicon.canonical(shown).upper().replace(' ', '   ')}. ") == shown


def test_every_content_knows_its_family() -> None:
    for name, family in FAMILIES.items():
        assert {lexicon.family_of(shown) for shown in family.contents()} == {name}
    assert lexicon.family_of(content("unicorn")) is None
    with pytest.raises(ValueError, match="unicorn"):
        lexicon.wordings(content("unicorn"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":",
        "the images show more dogs",
        "the images are",
        "darker",
        "a red thing",
        "a circle",
        "a circle in red or blue",
        "a red circle beside a red star",
        "b: the images are darker",
    ],
)
def test_what_is_not_known_is_not_understood(text: str) -> None:
    assert lexicon.parse(text) is None


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "there is a big red circle in the upper left",
            content("circle", "top left", colour="red", size="large", count="one"),
        ),
        ("a tiny blue star at the top", content("star", "top", colour="blue", size="small", count="one")),
        ("many white crosses", content("cross", "random", colour="white", count="several")),
        ("one green ring, lower center", content("ring", "bottom", colour="green", count="one")),
    ],
)
def test_shapes_are_read_in_other_words(text: str, shown: Content) -> None:
    assert lexicon.parse(text) == shown


@given(st.text())
def test_any_text_is_parsed_without_a_crash(text: str) -> None:
    assert lexicon.parse(text) is None
    assert all(shown is None for _, shown in lexicon.read(text))


@given(st.lists(st.sampled_from(WORDS), max_size=12))
def test_any_words_are_parsed_without_a_crash(words: list[str]) -> None:
    shown = lexicon.parse(" ".join(words))
    assert shown is None or isinstance(shown, Content)


def test_no_difference_is_said_and_read_as_nothing() -> None:
    assert lexicon.write(()) == NO_DIFFERENCE + "\n"
    assert lexicon.read(lexicon.write(())) == []


def test_canonical_lines_by_hand() -> None:
    difference = (fact(content("brightness", direction="less")), fact(content("contrast", direction="more"), "a"))
    assert lexicon.write(difference) == "b: the images are darker\na: the images have more contrast\n"


@given(st.lists(st.tuples(st.sampled_from(["a", "b"]), st.sampled_from(CONTENTS)), max_size=5), st.integers(0, 99))
def test_differences_are_read_back(stated: list[tuple[Side, Content]], seed: int) -> None:
    difference = tuple(fact(shown, side) for side, shown in stated)
    assert lexicon.read(lexicon.write(difference)) == stated
    assert lexicon.read(lexicon.write(difference, np.random.default_rng(seed))) == stated


def test_drawn_wordings_reach_all_of_them() -> None:
    shown, rng = content("brightness", direction="less"), np.random.default_rng(0)
    assert {lexicon.say(shown, rng) for _ in range(100)} == set(lexicon.wordings(shown))
