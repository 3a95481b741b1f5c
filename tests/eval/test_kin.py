"""The table of kin: every held-out family, only contents that training may say, and cases worked by hand."""

from __future__ import annotations

import pytest

from data_synth.broader import broader
from data_synth.catalog import EVERY, HELD_OUT_FAMILIES, TRAINED, TRAINED_SETS
from data_synth.facts import Content, Fact, Side
from data_synth.lexicon import family_of, parse
from data_synth.matching import PARTLY, match_broadly
from eval.kin import KIN, is_kin

TAUGHT = [content for family in (TRAINED | TRAINED_SETS).values() for content in family.contents()]
UNSEEN = [(name, content) for name in sorted(HELD_OUT_FAMILIES) for content in EVERY[name].contents()]


def planted(family: str, content: Content) -> Fact:
    return Fact(content, "a", 0.5, 1.0, family)


def read(sentence: str) -> Content:
    found = parse(sentence)
    assert found is not None, sentence
    return found


def test_every_held_out_family_has_its_line_and_a_reason() -> None:
    assert KIN.keys() == HELD_OUT_FAMILIES
    assert all(kin.why for kin in KIN.values())


def test_every_kind_of_kin_is_something_that_training_says() -> None:
    kinds = {(name, kind) for name, content in UNSEEN for kind in KIN[name].of(content)}
    missing = [(name, kind) for name, kind in kinds if not any(map(kind.holds, TAUGHT))]
    assert not missing


def test_a_partly_right_answer_exists_for_every_content() -> None:
    few = [(name, content) for name, content in UNSEEN if name != "translucent_shape"] + UNSEEN[::100]
    for name, content in few:
        fact = planted(name, content)
        right = (is_kin(("a", said), fact) or match_broadly(("a", said), (fact,)).credit >= PARTLY for said in TAUGHT)
        assert any(right), content


def test_kin_is_no_broader_word_and_never_all_that_is_said() -> None:
    for name, content in UNSEEN:
        kinds = list(KIN[name].of(content))
        wide = broader(content)
        assert wide is None or not any(kind.holds(wide) for kind in kinds)
        assert len({kind.what for kind in kinds}) <= 6


SLANTED, LESS = "the images are slanted to the left", "the images vary less in contrast"
BAR_ON_TOP, BARS = "the images have a black censor bar at the top", "the images have black bars at the top and bottom"


@pytest.mark.parametrize(
    ("truth", "side", "said", "kin"),
    [
        ("the images have white snowflakes", "a", "the images have rain streaks", True),
        ("the images have white snowflakes", "b", "the images have rain streaks", False),
        ("the images have white snowflakes", "a", "the images are spattered with red paint", False),
        ("the images are sepia toned", "a", "the images are warmer in colour", True),
        ("the images are sepia toned", "b", "the images are cooler in colour", True),  # the opposite
        ("the images are sepia toned", "a", "the images have a blue tint", False),
        (SLANTED, "a", "the images are rotated counterclockwise", True),
        (SLANTED, "a", "the images are rotated clockwise", False),
        (BAR_ON_TOP, "a", BARS, True),
        ("the images have a black censor bar in the centre", "a", BARS, False),
        (LESS, "b", "the images vary more in brightness", True),
        (LESS, "a", "the images vary more in brightness", False),
        ("the images show seams between stitched tiles", "a", "the images are cut into tiles that are mixed up", False),
        ("the images have a red tint", "a", "the images are warmer in colour", False),  # taught: no table
    ],
)
def test_kin_by_hand(truth: str, side: Side, said: str, kin: bool) -> None:
    content = read(truth)
    fact = planted(family_of(content) or "", content)
    assert is_kin((side, read(said)), fact) == kin
    assert not is_kin((side, None), fact)
