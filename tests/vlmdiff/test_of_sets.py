"""Claims about sets as wholes: which they are, and that images, not sets of them, decide."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from data_synth.catalog import FAMILIES, SET_FAMILIES
from vlmdiff import verify
from vlmdiff.confounders import confounded, within_sets
from vlmdiff.decide import decide
from vlmdiff.findings import Evidence, Finding, Hypothesis, OfSets, Side
from vlmdiff.metadata import Column
from vlmdiff.models.scripted import ScriptedModel
from vlmdiff.of_sets import SETS, about_sets, evidence
from vlmdiff.sample import Part

VARIED, DARKER = "the images vary more in brightness", "the images are darker"


def judges_spread(line: str, rows: torch.Tensor) -> torch.Tensor:
    """Nats of "b: the images vary more in brightness": the log-variance ratio; one image has none."""
    return 2 * rows[..., 2].mean(-1) if VARIED in line else torch.zeros(len(rows))


MODEL = ScriptedModel(says=lambda rows: [VARIED], fits=judges_spread, knows=(VARIED, DARKER))


def test_canonical_words_of_set_families_and_no_others_are_about_sets() -> None:
    def canonical(families: object) -> list[str]:
        return [f.wordings(c)[0] for f in families.values() for c in list(f.contents())[:40]]  # type: ignore[attr-defined]

    assert [text for text in canonical(SET_FAMILIES) if not about_sets(text)] == []
    assert [text for text in canonical(FAMILIES) if about_sets(text)] == []


@pytest.mark.parametrize(
    "claim",
    [
        "they span a broader range of colours",
        "there is more variation in contrast from image to image",
        "the same picture appears again and again, it is repeated many times",
        "dark images are more common",
    ],
)
def test_other_words_are_understood(claim: str) -> None:
    assert about_sets(claim)


def asked(
    spread_a: float,
    spread_b: float,
    *,
    side: Side = "b",
    seed: int = 0,
    images: int = 16,
    groups: NDArray[np.intp] | None = None,
    between: Callable[[np.random.Generator], NDArray[np.float64]] | None = None,
) -> Evidence:
    dice = np.random.default_rng(seed)
    spread = np.repeat([spread_a, spread_b], images)
    level = dice.normal(size=2 * images) * spread if between is None else between(dice)
    rows = torch.tensor(np.concatenate([dice.normal(size=30), level]), dtype=torch.float32)[:, None, None]
    judged = verify.Judged(rows, np.zeros((len(rows), 1, 1, 3), np.uint8))
    check = Part(np.arange(30, 30 + 2 * images), images, groups)
    pool = judged.only(np.arange(30))
    return evidence(MODEL, Hypothesis(VARIED, side, 1.0), judged, check, pool, hypotheses=1, alpha=0.05, rng=dice)


def test_more_variety_is_seen_on_the_side_that_has_it() -> None:
    true, false = asked(0.3, 2.0), asked(0.3, 2.0, side="a")
    assert true.sets is not None and false.sets is not None
    assert true.sets.p_value <= 0.01
    assert false.sets.p_value >= 0.99
    assert len(true.scores_a) == len(true.scores_b) == SETS
    assert true.scores_b.mean() > true.scores_a.mean()
    assert (true.sets.apart_a, true.sets.apart_b) == (4, 4), "of 16 images four sets of four"


def test_the_same_variety_is_verified_as_often_as_chance_allows() -> None:
    p_values = [item.sets.p_value for item in (asked(1, 1, seed=seed, images=8) for seed in range(40)) if item.sets]
    assert len(p_values) == 40
    assert sum(p <= 0.05 for p in p_values) <= 6
    assert 0.35 < np.mean(p_values) < 0.65


def scanned(spread: NDArray[np.float64], level: NDArray[np.intp], scanner: NDArray[np.intp], seed: int) -> Finding:
    """The claim that B varies more, of 16 + 16 images with these spreads and levels, tested within scanners."""
    of_b = np.arange(32) >= 16
    found = asked(0, 0, seed=seed, between=lambda dice: level + dice.normal(size=32) * spread)
    ids = [str(i) for i in range(16)]
    decided = decide([found], ids, ids, alpha=0.05, rng=np.random.default_rng(0))
    column = Column("scanner", "categorical", scanner.astype(np.float64))
    return confounded(decided, [found], [column], ["scanner"], of_b, None, 0.05, np.random.default_rng(seed))[0]


def test_a_set_that_is_more_varied_because_it_mixes_scanners_is_confounded() -> None:
    """Of A two images are of the second scanner, of B a half; images of the second are far brighter."""
    scanner = np.concatenate([np.arange(16) < 2, np.arange(16) < 8]).astype(np.intp)
    found = [scanned(np.full(32, 0.3), scanner * 3, scanner, seed) for seed in range(8)]
    verified = [one for one in found if one.verdict == "verified"]
    assert len(verified) >= 6
    assert [one.confounded_by for one in verified].count("scanner") >= len(verified) - 1
    assert {(one.within[0].strata, one.within[0].images) for one in verified} == {(2, 32)}


def test_a_set_that_is_more_varied_on_each_scanner_is_not_confounded() -> None:
    scanner = np.concatenate([np.arange(16) < 4, np.arange(16) < 8]).astype(np.intp)
    found = scanned(np.repeat([0.3, 2.0], 16), scanner, scanner, seed=1)
    assert (found.verdict, found.confounded_by) == ("verified", None)
    assert found.within[0].p_value is not None and found.within[0].p_value <= 0.02
    assert found.within[0].auroc is not None and found.within[0].auroc > 0.8


def test_within_scanners_the_same_variety_is_found_as_often_as_chance_allows() -> None:
    scanner = np.concatenate([np.arange(16) < 4, np.arange(16) < 12]).astype(np.intp)
    column = Column("scanner", "categorical", scanner.astype(np.float64))
    p_values = []
    for seed in range(40):
        found = asked(0, 0, seed=seed, between=lambda dice: 2.0 * scanner + dice.normal(size=32)).sets
        assert found is not None
        p_values.append(
            within_sets(found, "b", np.arange(32) >= 16, column, None, 0.05, np.random.default_rng(seed)).p_value or 0
        )
    assert sum(p <= 0.05 for p in p_values) <= 6
    assert 0.35 < np.mean(p_values) < 0.65


def test_pairs_of_sets_have_equal_shares_of_each_scanner() -> None:
    """Of the first scanner ten images of A and two of B, of the second two and ten: four pairs can be made."""
    scanner = np.concatenate([np.arange(12) >= 10, np.arange(12) >= 2]).astype(np.float64)
    asked_of: list[NDArray[np.bool_]] = []

    def odds(sets: NDArray[np.bool_]) -> NDArray[np.float64]:
        asked_of.append(sets)
        return np.zeros(len(sets))

    members = np.zeros((10, 24), bool)
    members[:, :3] = True
    found = within_sets(
        OfSets(0.01, 3, 3, members, odds),
        "b",
        np.arange(24) >= 12,
        Column("scanner", "categorical", scanner),
        None,
        0.05,
        np.random.default_rng(0),
    )
    (sets,) = asked_of
    of_a, of_b = np.split(sets[-10:], 2)
    assert not of_a[:, 12:].any() and not of_b[:, :12].any()
    assert (of_a.sum(1) == 3).all() and (of_b.sum(1) == 3).all()
    assert (of_a @ scanner == of_b @ scanner).all()
    assert (found.auroc, found.p_value) == (0.5, 1.0), "a judge without an opinion"


def test_images_of_one_group_are_permuted_together() -> None:
    """Each patient has a brightness of its own; one of A's eight is far off, so that A's images vary more."""
    groups = np.arange(16).repeat(4)

    def odd_patient(dice: np.random.Generator) -> NDArray[np.float64]:
        return np.where(groups == 0, 3.0, 0.0) + 0.2 * dice.normal(size=64)

    def mean_p(known: NDArray[np.intp] | None) -> float:
        found = [asked(0, 0, side="a", seed=i, images=32, groups=known, between=odd_patient).sets for i in range(6)]
        return float(np.mean([item.p_value for item in found if item]))

    assert mean_p(None) < 0.06
    assert mean_p(groups) > 0.12, "half of all labelings give the odd patient to A"
