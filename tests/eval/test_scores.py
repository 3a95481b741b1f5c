"""One report against what was planted, by hand."""

import pytest

from data_synth.facts import Content
from eval.scores import Outcome
from tests.eval.fakes import (
    BLUE_RECTANGLE,
    BLURRED,
    BRIGHTER,
    DARKER,
    DEFOCUSED,
    OTHER_SHAPE,
    RECTANGLE,
    fact,
    said,
    scored,
)
from vlmdiff.findings import Finding


@pytest.mark.parametrize(
    ("planted", "side", "text", "outcome"),
    [
        (RECTANGLE, "a", RECTANGLE, "exact"),
        (RECTANGLE, "b", RECTANGLE, "untrue"),
        (RECTANGLE, "a", BLUE_RECTANGLE, "partly"),
        (RECTANGLE, "a", OTHER_SHAPE, "untrue"),
        (RECTANGLE, "a", BLURRED, "untrue"),
        (RECTANGLE, "a", "the mood is different", "not understood"),
        (DARKER, "a", DARKER, "exact"),
        (DARKER, "b", BRIGHTER, "exact"),
        (DARKER, "a", BRIGHTER, "untrue"),
        (DARKER, "b", DARKER, "untrue"),
        (DEFOCUSED, "a", BLURRED, "partly"),  # a broader word
        (DEFOCUSED, "b", BLURRED, "untrue"),
        (BLURRED, "a", DEFOCUSED, "untrue"),  # claims too much
    ],
)
def test_outcome_of_a_statement(planted: Content, side: str, text: Content | str, outcome: Outcome) -> None:
    pair = scored([fact(planted, "a")], said("a" if side == "a" else "b", text))
    assert [statement.outcome for statement in pair.said] == [outcome]


def test_everything_said_of_a_null_pair_is_untrue() -> None:
    assert scored([], said("a", BLURRED)).said[0].outcome == "untrue"


def test_top_hypothesis_is_the_first_of_the_report_whether_verified_or_not() -> None:
    pair = scored([fact(BLURRED)], said("a", BLURRED, verified=False, votes=0.2), said("b", DARKER, votes=0.7))
    assert pair.top is not None and pair.top.outcome == "exact"


def test_ties_go_to_the_first_in_the_report() -> None:
    pair = scored([fact(BLURRED)], said("a", DARKER), said("a", BLURRED))
    assert pair.top is pair.said[0]


def test_nothing_said() -> None:
    pair = scored([fact(BLURRED)])
    assert pair.top is None and pair.verified == () and pair.found(0) == "untrue"


@pytest.mark.parametrize(
    ("findings", "found"),
    [
        ([said("a", RECTANGLE), said("a", BLUE_RECTANGLE)], "exact"),
        ([said("a", BLUE_RECTANGLE), said("a", "who knows")], "partly"),
        ([said("b", RECTANGLE), said("a", "who knows")], "not understood"),
        ([said("b", RECTANGLE)], "untrue"),
        ([said("a", RECTANGLE, verified=False)], "untrue"),
    ],
)
def test_a_fact_is_found_by_the_best_verified_finding(findings: list[Finding], found: Outcome) -> None:
    assert scored([fact(RECTANGLE)], *findings).found(0) == found


def test_a_finding_finds_one_fact_only() -> None:
    pair = scored([fact(RECTANGLE), fact(BLURRED, "b")], said("b", BLURRED))
    assert [pair.found(index) for index in range(pair.planted)] == ["untrue", "exact"]


def test_changed_side_counts_whatever_the_kind() -> None:
    planted = [fact(BLURRED, "a")]
    assert scored(planted, said("a", RECTANGLE)).said[0].changed_side
    assert not scored(planted, said("b", RECTANGLE)).said[0].changed_side
    # That B is brighter is that A is darker: A was changed.
    assert scored([fact(DARKER, "a")], said("b", BRIGHTER)).said[0].changed_side


def test_a_broader_word_finds_its_fact_with_half_the_credit() -> None:
    pair = scored([fact(RECTANGLE), fact(DEFOCUSED, "b")], said("b", BLURRED), said("b", DEFOCUSED, verified=False))
    wide, exact = pair.said
    assert (wide.match.fact, wide.match.credit, wide.match.broader) == (1, 0.5, True)
    assert (exact.match.fact, exact.match.credit, exact.match.broader) == (1, 1.0, False)
    assert [pair.found(index) for index in range(pair.planted)] == ["untrue", "partly"]
