"""Facts to English and back: every wording is understood, everything else is refused and not guessed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_synth import lexicon
from data_synth.catalog import EVERY
from data_synth.facts import Content, Fact, Side, content
from data_synth.parser import index
from vlmdiff.models.lines import NO_DIFFERENCE

CONTENTS = [shown for family in EVERY.values() for shown in family.contents()]
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
    for name, family in EVERY.items():
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
        "a: the images are darker",
        "b: the images are darker",
        "the images are \u4e0d darker",
        "the images are less dark",
        "the images are not darker",
        "the images aren\u2019t darker",
        "they are no longer blurrier",
        "the images are hardly darker",
        "neither darker nor blurrier images",
        "the images without a black frame",
        "the images lack grid lines",
        "no red circle at the top",
        "small red circles at the top left",
        "the frame is darker",
    ],
)
def test_what_is_not_known_is_not_understood(text: str) -> None:
    assert lexicon.parse(text) is None


@pytest.mark.parametrize(
    ("text", "wording"),
    [
        ("This picture is darker.", "the images are darker"),
        ("It's darker!", "the images are darker"),
        ("All of the photographs look noticeably darker", "the images are darker"),
        ("The scans are more dark", "the images are darker"),
        ("most of the images seem to be blurrier", "the images are blurrier"),
        ("the pictures are more blurry", "the images are blurrier"),
        ("Each image shows a gray frame", "the images have a grey frame"),
        ("the image contains scale bars at the upper left", "the images have a scale bar at the top left"),
        ("the pictures have warmer colors", "the photos have warmer colours"),
        ("they are rotated anti\u2011clockwise", "the images are rotated counterclockwise"),
        ("The i\u00admages are \uff44arker", "the images are darker"),
        ("some pictures have a time-stamp at the top left", "the images have a time stamp at the top left"),
    ],
)
def test_other_words_for_the_same_are_understood(text: str, wording: str) -> None:
    shown = lexicon.parse(wording)
    assert shown is not None
    assert lexicon.parse(text) == shown
    assert lexicon.parse_all(text) == [shown]


def test_no_two_contents_share_the_key_that_sentences_are_read_by() -> None:
    assert {key: contents for key, contents in index().items() if len(contents) > 1} == {}


@given(st.sampled_from(CONTENTS), st.data())
def test_a_wording_with_a_negation_in_it_is_not_understood(shown: Content, data: st.DataObject) -> None:
    words = data.draw(st.sampled_from(lexicon.wordings(shown))).split()
    negation = data.draw(st.sampled_from(["not", "no", "no longer", "never", "without", "less", "hardly", "neither"]))
    at = data.draw(st.integers(0, len(words)))
    assert lexicon.parse(" ".join([*words[:at], negation, *words[at:]])) is None
    assert not any(lexicon.parse_all(f"it is {negation} true that {' '.join(words)}, and {' '.join(words)}"))


@given(st.sampled_from(CONTENTS), st.data())
def test_a_mutilated_wording_is_read_as_something_or_not_understood(shown: Content, data: st.DataObject) -> None:
    words = data.draw(st.sampled_from(lexicon.wordings(shown))).split()
    mixed = data.draw(st.lists(st.sampled_from([*words, ",", "and", ";", "the images", "not"]), max_size=15))
    for read in (lexicon.parse(" ".join(mixed)), *lexicon.parse_all(" ".join(mixed))):
        assert read is None or lexicon.family_of(read) or read.get("count")


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
        ("two red discs", content("circle", "random", colour="red", count="two")),
        (
            "The photo shows a see-through green box on the left-hand side.",
            content("rectangle", "left", colour="green", count="one", fill="translucent"),
        ),
    ],
)
def test_shapes_are_read_in_other_words(text: str, shown: Content) -> None:
    assert lexicon.parse(text) == shown


@given(st.text())
def test_any_text_is_parsed_without_a_crash(text: str) -> None:
    assert lexicon.parse(text) is None
    assert not any(lexicon.parse_all(text))
    assert not any(shown for _, shown in lexicon.read(text))


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


DARKER, BLURRIER = content("brightness", direction="less"), content("blur")
FRAME, GRID = content("frame", "border", colour="black"), content("grid")


@pytest.mark.parametrize(
    ("text", "contents"),
    [
        ("The images are darker, have a black frame and show rain streaks.", [DARKER, FRAME, content("rain")]),
        ("the images are darker and blurrier; also, a grid is laid over the pictures", [DARKER, BLURRIER, GRID]),
        ("they have a black frame as well as grid lines", [FRAME, GRID]),
        ("1. The images are darker.\n2. There are dogs!\n- They have grid lines", [DARKER, None, GRID]),
        ("the images have more dogs and cats, but are darker", [None, DARKER]),
        ("the images are not darker and blurrier, but they have grid lines", [None, GRID]),
        ("the images are darker and have no black frame, grid lines or rain streaks", [DARKER, None]),
        ("it is not true that the images are darker and they have grid lines", [None, None]),
        ("the images that are darker have a black frame and grid lines", [None]),
        ("the images have a red and blue circle", [None]),
        ("they have a dark dog, are blurrier", [None, BLURRIER]),
        ("a black border runs around the photos and are darker", [FRAME, None]),
        (
            "the images have a big red circle and a tiny blue star at the top",
            [
                content("circle", "unstated", colour="red", size="large", count="one"),
                content("star", "top", colour="blue", size="small", count="one"),
            ],
        ),
        (" \n; and, . ", []),
    ],
)
def test_every_clause_of_a_text_is_read(text: str, contents: list[Content | None]) -> None:
    assert lexicon.parse_all(text) == contents


@given(st.lists(st.sampled_from([*WORDS[::9], "the images are", "darker", "and", "but", ",", ".", "\u2028", "not"])))
def test_any_clauses_are_read_without_a_crash(parts: list[str]) -> None:
    assert all(shown is None or isinstance(shown, Content) for shown in lexicon.parse_all(" ".join(parts)))


def test_a_long_text_is_read_in_time() -> None:
    assert lexicon.parse_all("dark, and " * 5000) == [None]
    assert lexicon.parse_all("red circle of " * 5000) == [None]
    assert lexicon.parse_all("the images are darker and " * 2000) == [DARKER] * 2000


def several(rng: np.random.Generator) -> list[Content]:
    """One to five contents of different families."""
    drawn = rng.choice(list(EVERY), int(rng.integers(1, 6)), replace=False)
    return [family.content(family.draw(rng)) for family in (EVERY[name] for name in drawn)]


def test_what_is_said_together_is_read_back_in_order() -> None:
    rng = np.random.default_rng(5)
    for _ in range(1000):
        contents = several(rng)
        sentence = lexicon.say_together(contents, rng)
        assert lexicon.parse_all(sentence) == contents, sentence
        assert lexicon.parse_all(sentence.upper().replace(" ", "  ") + ".") == contents, sentence


def test_several_contents_are_said_in_several_forms() -> None:
    rng = np.random.default_rng(6)
    said = "\n".join(lexicon.say_together([DARKER, BLURRIER], rng) for _ in range(1000))
    for form in ("darker and blurrier\n", "and are blurrier\n", " and they are ", "; in addition, the ", ", and the "):
        assert form in said


def test_a_form_that_would_be_misread_gives_way_to_semicolons(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lexicon, "parse_all", lambda text: [])
    sentence = lexicon.say_together([DARKER, GRID], np.random.default_rng(0))
    darker, grid = sentence.split("; ")
    assert (lexicon.parse(darker), lexicon.parse(grid)) == (DARKER, GRID)
