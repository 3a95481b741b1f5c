"""Metadata columns that tell the sets apart, and findings that vanish among images that are alike in one."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from vlmdiff.confounders import confounded, separating, strata_of, told_once, within
from vlmdiff.decide import decide
from vlmdiff.findings import Evidence, Finding, Hypothesis, Within
from vlmdiff.images.references import Reference
from vlmdiff.metadata import Column, Table, columns_of

ALPHA = 0.05


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def scanner(codes: list[float]) -> Column:
    return Column("scanner", "categorical", np.array(codes))


def test_a_column_that_is_the_set_separates_and_comes_first() -> None:
    is_b = np.arange(24) >= 12
    noise = Column("age", "numeric", np.tile(np.arange(12.0), 2))
    clear = scanner([*is_b.astype(float)])
    found = separating([noise, clear], is_b, None, ALPHA, rng())
    assert [(column.name, column.separates) for column in found] == [("scanner", True), ("age", False)]
    assert found[0].auroc == 1
    assert found[0].levels == 2
    assert found[1].auroc == 0.5
    assert found[1].levels is None
    assert found[0].p_value <= 2 / 2000


def test_the_auroc_of_a_categorical_column_by_hand() -> None:
    """A: three of level 0, one of level 1; B: one and three. Shares of B are .25 and .75: (9 + 6 / 2) / 16."""
    is_b = np.arange(8) >= 4
    (found,) = separating([scanner([0, 0, 0, 1, 0, 1, 1, 1])], is_b, None, ALPHA, rng())
    assert found.auroc == pytest.approx(12 / 16)
    assert found.p_value == pytest.approx(34 / 70), "of 70 labelings, 2 are as far apart as 4:0, and 32 as 3:1"
    assert not found.separates


def test_missing_values_are_a_level_but_no_number() -> None:
    is_b = np.arange(12) >= 6
    absent = np.where(is_b, np.nan, np.arange(12.0))
    numeric, categorical = separating(
        [Column("age", "numeric", absent), Column("site", "categorical", np.where(is_b, np.nan, 0.0))],
        is_b,
        None,
        ALPHA,
        rng(),
    )[::-1]
    assert (numeric.name, numeric.auroc, numeric.p_value, numeric.missing) == ("age", 0.5, 1, 6)
    assert (categorical.auroc, categorical.separates, categorical.missing) == (1, True, 6)


def test_a_column_that_only_names_groups_does_not_separate() -> None:
    """Each of six patients has a site of its own: five images each, but six patients say little."""
    groups = np.arange(6).repeat(5)
    is_b = groups >= 3
    site = scanner([*groups.astype(float)])
    (told,) = separating([site], is_b, groups, ALPHA, rng())
    (untold,) = separating([site], is_b, None, ALPHA, rng())
    assert (told.p_value, told.separates) == (1, False)
    assert untold.separates


def test_strata_of_numbers_are_fifths_and_the_missing_are_none() -> None:
    strata = strata_of(Column("age", "numeric", np.array([*np.arange(10.0), np.nan])))
    assert strata.tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, -1]
    assert strata_of(Column("age", "numeric", np.full(3, np.nan))).tolist() == [-1] * 3


def test_many_images_have_finer_strata() -> None:
    strata = strata_of(Column("age", "numeric", np.arange(200.0)))
    assert np.bincount(strata).tolist() == [10] * 20
    assert np.bincount(strata_of(Column("age", "numeric", np.arange(200.0)), 5)).tolist() == [40] * 5


def test_images_without_a_value_are_not_alike() -> None:
    is_b = np.arange(20) >= 10
    ages = Column("age", "numeric", np.array([*np.arange(10.0), *np.full(10, np.nan)]))
    found = within(is_b.astype(float), "b", is_b, ages, None, ALPHA, rng())
    assert (found.strata, found.images, found.auroc) == (0, 0, None)


def test_within_strata_by_hand() -> None:
    """Stratum 0: A 1, 2 and B 3; stratum 1: A 10 and B 11, 9. Wins 2 + 1 of 4 pairs; 3 x 3 labelings, of which
    (2, 2), (2, 1) and (1, 2) win as many."""
    is_b = np.array([False, False, False, True, True, True])
    column = scanner([0, 0, 1, 0, 1, 1])
    found = within(np.array([1.0, 2, 10, 3, 11, 9]), "b", is_b, column, None, 0.5, rng())
    assert found == Within(column="scanner", strata=2, images=6, auroc=0.75, p_value=3 / 9)
    mirrored = within(-np.array([1.0, 2, 10, 3, 11, 9]), "a", is_b, column, None, 0.5, rng())
    assert mirrored == found
    few = within(np.array([1.0, 2, 10, 3, 11, 9]), "b", is_b, column, None, 0.05, rng())
    assert few.p_value is None, "nine labelings cannot reach .05"


def test_a_column_that_is_the_set_leaves_nothing_to_compare() -> None:
    is_b = np.arange(8) >= 4
    found = within(np.arange(8.0), "b", is_b, scanner([*is_b.astype(float)]), None, ALPHA, rng())
    assert found == Within(column="scanner", strata=0, images=0, auroc=None, p_value=None)


def confounded_pair(true: bool) -> tuple[NDArray[np.float64], NDArray[np.bool_], Column]:
    """Two scanners, one commoner in B; scores follow the scanner, or the set."""
    dice = np.random.default_rng(5)
    is_b = np.arange(120) >= 60
    codes = (dice.random(120) < np.where(is_b, 0.8, 0.2)).astype(float)
    cause = is_b if true else codes
    return 2.0 * cause + dice.normal(0, 0.7, 120), is_b, scanner([*codes])


def marked(scores: NDArray[np.float64], is_b: NDArray[np.bool_], columns: list[Column]) -> Finding:
    on_a, on_b = np.split(scores.astype(np.float32), 2)
    evidence = [Evidence(Hypothesis("darker", "b", 1.0), on_a, on_b)]
    names = [str(i) for i in range(len(on_a))]
    found = decide(evidence, names, names, alpha=ALPHA, rng=rng())
    tested = separating(columns, is_b, None, ALPHA, rng())
    separates = [column.name for column in [*told_once(tested), *tested] if column.separates]
    (finding,) = confounded(found, evidence, columns, separates, is_b, None, ALPHA, rng())
    assert finding.verdict == "verified"
    return finding


def test_a_finding_that_is_the_scanner_is_marked_and_one_that_is_not_stays() -> None:
    harmless = Column("age", "numeric", np.random.default_rng(6).normal(size=120))
    scores, is_b, column = confounded_pair(true=False)
    by_scanner = marked(scores, is_b, [harmless, column])
    assert by_scanner.confounded_by == "scanner"
    assert [one.column for one in by_scanner.within] == ["age", "scanner"]
    scores, is_b, column = confounded_pair(true=True)
    own = marked(scores, is_b, [harmless, column])
    assert own.confounded_by is None
    assert all(one.p_value is not None and one.p_value < ALPHA for one in own.within)


def test_groups_are_permuted_whole_within_strata() -> None:
    """Ten images of each of eight patients, two scanners: patients of one set differ, the sets do not."""
    groups = np.arange(8).repeat(10)
    is_b = groups % 2 == 1
    order = np.argsort(is_b, kind="stable")
    groups, is_b = groups[order], is_b[order]
    column = scanner([*(groups // 4).astype(float)])
    rejected = [0, 0]
    for seed in range(40):
        dice = np.random.default_rng(seed)
        scores = dice.normal(size=8)[groups] + 0.3 * dice.normal(size=80)
        for told, known in enumerate((None, groups)):
            p = within(scores, "b", is_b, column, known, 0.06, dice).p_value
            rejected[told] += p is not None and p <= 0.06
    assert rejected[0] >= 8
    assert rejected[1] <= 6


def numbered(name: str, values: list[int]) -> list[Column]:
    """A column of metadata as it is read."""
    images = [Reference("A-1", "", Path(), cells={name: str(value)}) for value in values]
    return columns_of(Table((name,)), images)[0]


def test_sites_that_alternate_are_told_by_their_codes_and_not_by_their_order() -> None:
    """Sites 1 3 5 7 in A, 2 4 6 8 in B: as numbers B wins 4 + 3 + 2 + 1 of 16 pairs, as codes all.

    Fifths of the numbers mix sites 1 and 2, 3 and 4, 6 and 7.
    """
    is_b = np.arange(24) >= 12
    columns = numbered("site", [site for start in (1, 2) for site in range(start, 9, 2) for _ in range(3)])
    codes, site = separating(columns, is_b, None, ALPHA, rng())
    assert (codes.name, codes.auroc, codes.levels, codes.separates) == ("site, as codes", 1, 8, True)
    assert (site.name, site.auroc, site.separates) == ("site", 10 / 16, False)
    assert told_once([codes, site]) == [codes, site]
    assert [within(np.arange(24.0), "b", is_b, one, None, ALPHA, rng()).strata for one in columns] == [3, 0]


@pytest.mark.parametrize("shift", [0, 4])
def test_codes_that_say_what_the_numbers_say_are_not_told_twice(shift: int) -> None:
    """Years 0 to 7 and 4 to 11 part the sets, and what is seen follows them; of the same years neither does."""
    is_b = np.arange(96) >= 48
    years = np.array([*range(8)] * 12) + shift * is_b
    columns = numbered("year", years.tolist())
    tested = separating(columns, is_b, None, ALPHA, rng())
    assert [column.separates for column in tested] == [shift > 0] * 2
    assert [column.name for column in told_once(tested)] == ["year"]
    scores = np.random.default_rng(3).normal(size=96) + (years if shift else 2.0 * is_b)
    finding = marked(scores, is_b, columns)
    assert [one.column for one in finding.within] == ["year"]
    assert finding.confounded_by == ("year" if shift else None)


def test_a_finding_that_is_the_site_is_marked_whatever_the_sites_numbers() -> None:
    """Twelve sites, the odd ones commoner in A; what is seen follows the site, and fifths of the numbers mix sites."""
    dice = np.random.default_rng(7)
    is_b = np.arange(120) >= 60
    odd = dice.random(120) < np.where(is_b, 0.2, 0.8)
    site = 2 * dice.integers(0, 6, 120) + np.where(odd, 1, 2)
    finding = marked(2.0 * ~odd + dice.normal(0, 0.7, 120), is_b, numbered("site", site.tolist()))
    assert finding.confounded_by == "site, as codes"
