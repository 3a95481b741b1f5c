"""What is left after the findings: told apart among images that are alike in what the findings say."""

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vlmdiff.comparison import Comparison, compare, conclude
from vlmdiff.findings import Evidence, Hypothesis, Side
from vlmdiff.images.decode import Header
from vlmdiff.images.references import Reference
from vlmdiff.images.sets import LoadedSet, SetPair
from vlmdiff.learn import ridge
from vlmdiff.sample import Sample

IMAGES = 60


def loaded(side: Side) -> LoadedSet:
    ids = [f"{side.upper()}-{i:04}" for i in range(IMAGES)]
    return LoadedSet(
        side=side,
        ids=ids,
        pixels=np.zeros((IMAGES, 8, 8, 3), np.uint8),
        skipped=[],
        digests=[hashlib.sha256(name.encode()).hexdigest() for name in ids],
        headers=[Header("PNG", 8, 8, high_depth=False)] * IMAGES,
        references=[Reference(name, name, Path(name)) for name in ids],
        window=None,
    )


def planted(facts: int, seed: int) -> tuple[Comparison, NDArray[np.bool_]]:
    """A comparison of images of which three quarters of B show each fact, and which images show which."""
    dice = np.random.default_rng(seed)
    shows = np.zeros((2 * IMAGES, facts), bool)
    for column in shows.T:
        column[IMAGES + dice.choice(IMAGES, 45, replace=False)] = True
    features = np.concatenate([3.0 * shows, dice.normal(size=(2 * IMAGES, 3))], axis=1)
    sample = Sample.of(SetPair(loaded("a"), loaded("b"), warnings=[], window=None))
    return compare(sample, ridge.products(features), 0.05, dice), shows


def oracle(comparison: Comparison, shows: NDArray[np.bool_], told: int) -> list[Evidence]:
    """The first facts, judged without error."""
    check = comparison.check
    scores = np.where(shows, 3, -1).astype(np.float32)
    return [Evidence(Hypothesis(f"fact {i}", "b", 1.0), scores[check.a, i], scores[check.b, i]) for i in range(told)]


def test_an_oracle_leaves_nothing_and_explains_nearly_all() -> None:
    for facts in (1, 2, 3):
        comparison, shows = planted(facts, facts)
        done = conclude(comparison, oracle(comparison, shows, facts), np.random.default_rng(0))
        assert [finding.verdict for finding in done.findings] == ["verified"] * facts
        assert done.explained is not None and done.explained.share is not None
        assert done.explained.share.value > 0.9
        assert done.explained.left is None or done.explained.left.p_value > 0.01


def test_a_fact_that_is_withheld_is_left() -> None:
    for facts in (2, 3):
        comparison, shows = planted(facts, facts)
        done = conclude(comparison, oracle(comparison, shows, facts - 1), np.random.default_rng(0))
        assert done.explained is not None
        assert done.explained.share is not None and done.explained.left is not None
        assert done.explained.share.value < 0.95
        assert done.explained.left.p_value < 0.03
        assert done.explained.left.auroc > 0.7


def test_without_findings_all_is_left_and_there_is_no_share() -> None:
    comparison, _ = planted(1, 5)
    done = conclude(comparison, [], np.random.default_rng(0))
    assert done.explained is not None and done.explained.left is not None
    assert done.explained.share is None
    assert done.explained.reason == "no difference between single images was verified"
    assert done.explained.left.p_value < 0.01
