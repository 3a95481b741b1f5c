"""Findings from evidence: direction, order, what is verified, and how often nothing is called something."""

import numpy as np
import pytest
from numpy.typing import NDArray

from vlmdiff.decide import FEWEST_VOTES, FEWEST_VOTES_LATER, RANKED, decide, enough_images, images_needed
from vlmdiff.findings import Evidence, Exemplars, Finding, Hypothesis, OfSets, Side

ALPHA = 0.05


def evidence(text: str, side: Side, a: list[float], b: list[float], votes: float = 1.0) -> Evidence:
    return Evidence(Hypothesis(text, side, votes), np.array(a, np.float32), np.array(b, np.float32))


def ids(prefix: str, count: int) -> list[str]:
    return [f"{prefix}{i}" for i in range(count)]


def decided(*items: Evidence, seed: int = 0, threshold: float = 0.0) -> list[Finding]:
    n_a, n_b = len(items[0].scores_a), len(items[0].scores_b)
    rng = np.random.default_rng(seed)
    return decide(items, ids("a", n_a), ids("b", n_b), alpha=ALPHA, rng=rng, threshold=threshold)


def test_one_finding_by_hand() -> None:
    (found,) = decided(evidence("darker", "b", [-2, -1, 1, -3], [2, 3, 0.5, 4], votes=0.75))
    assert (found.text, found.side, found.votes) == ("darker", "b", 0.75)
    assert found.auroc == 15 / 16
    assert found.p_value == found.q_value == pytest.approx(2 / 70)
    assert found.verdict == "verified"
    assert (found.rate_a, found.rate_b) == (0.25, 1)
    assert found.exemplars.a == ["a2", "a1", "a0", "a3"]
    assert found.exemplars.b == ["b3", "b1", "b0", "b2"]
    assert found.auroc_ci[0] < 15 / 16 < found.auroc_ci[1]


def test_the_stated_side_counts() -> None:
    low, high = [0.0, 1, 2, 3, 4], [5.0, 6, 7, 8, 9]
    (right,) = decided(evidence("sharper", "a", high, low))
    (wrong,) = decided(evidence("sharper", "b", high, low))
    assert (right.auroc, right.verdict) == (1, "verified")
    assert (wrong.auroc, wrong.p_value, wrong.verdict) == (0, 1, "unverified")


def test_swapping_the_sets_mirrors() -> None:
    rng = np.random.default_rng(1)
    items = [evidence(str(i), "b" if i % 2 else "a", [*rng.normal(0, 1, 9)], [*rng.normal(1, 1, 12)]) for i in range(6)]
    swapped = [
        evidence(e.hypothesis.text, "a" if e.hypothesis.side == "b" else "b", [*e.scores_b], [*e.scores_a])
        for e in items
    ]
    for one, other in zip(decided(*items), decided(*swapped), strict=True):
        assert (one.text, one.verdict) == (other.text, other.verdict)
        mirrored = (other.p_value, other.q_value, other.auroc, *other.auroc_ci)
        assert (one.p_value, one.q_value, one.auroc, *one.auroc_ci) == pytest.approx(mirrored)
        assert (one.rate_a, one.rate_b) == (other.rate_b, other.rate_a)
        assert [name[1:] for name in one.exemplars.a] == [name[1:] for name in other.exemplars.b]


def test_q_values_are_over_all_hypotheses_and_verified_come_first() -> None:
    true = evidence("true", "b", [0, 1, 2, 3, 4], [5, 6, 7, 8, 9], votes=FEWEST_VOTES)
    false = [evidence(f"false {i}", "b", [0, 3, 4, 7, 8], [1, 2, 5, 6, 9]) for i in range(9)]
    found = decided(*false, true)
    assert found[0].text == "true"
    assert found[0].p_value == pytest.approx(1 / 252)
    assert found[0].q_value == pytest.approx(10 / 252)
    assert [f.verdict for f in found] == ["verified"] + ["unverified"] * 9
    assert len({f.p_value for f in found[1:]}) == 1


def test_what_was_named_more_often_comes_first_whatever_its_q() -> None:
    clear: tuple[list[float], list[float]] = ([0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11])
    good: tuple[list[float], list[float]] = ([0, 1, 2, 3, 4, 6], [5, 7, 8, 9, 10, 11])
    found = decided(evidence("side effect", "b", *clear, votes=0.5), evidence("change", "b", *good, votes=0.9))
    assert [(f.text, f.verdict) for f in found] == [("change", "verified"), ("side effect", "verified")]
    assert found[0].p_value > found[1].p_value


def test_what_an_earlier_finding_predicts_is_explained_by_it() -> None:
    """Contrast follows sharpness in both sets, plus what differs by chance; hair does not follow it."""
    dice = np.random.default_rng(4)
    sharp = np.concatenate([dice.normal(0, 1, 20), dice.normal(3, 1, 20)])
    contrast = 0.8 * sharp + dice.normal(0, 0.4, 40)
    hair = np.concatenate([dice.normal(0, 1, 20), dice.normal(2, 1, 20)])

    def item(text: str, scores: NDArray[np.float64], votes: float) -> Evidence:
        return evidence(text, "b", [*scores[:20]], [*scores[20:]], votes)

    items = [item("contrast", contrast, 0.5), item("hair", hair, 0.6), item("sharp", sharp, 0.9)]
    found = decided(*items)
    assert [(f.text, f.verdict, f.explained_by) for f in found] == [
        ("sharp", "verified", None),
        ("hair", "verified", None),
        ("contrast", "unverified", 1),
    ]
    assert all(f.q_value < ALPHA for f in found)
    assert found[0].adjusted_p_value is None
    assert found[1].adjusted_p_value is not None and found[1].adjusted_p_value <= ALPHA
    assert found[2].adjusted_p_value is not None and found[2].adjusted_p_value > ALPHA
    assert [f.text for f in decided(items[0], items[1]) if f.verdict == "verified"] == ["hair", "contrast"]


def test_a_copy_of_the_first_finding_is_explained_by_it() -> None:
    scores: tuple[list[float], list[float]] = ([0, 1, 2, 3, 4], [5, 6, 7, 8, 9])
    first, copy = decided(evidence("first", "b", *scores, votes=0.9), evidence("copy", "b", *scores, votes=0.6))
    assert (first.verdict, copy.verdict, copy.explained_by) == ("verified", "unverified", 1)


def test_a_claim_about_sets_has_the_p_value_of_its_sets() -> None:
    members = np.zeros((6, 10), bool)
    for row, images in enumerate([(0, 1), (2, 3), (3, 4), (5, 6), (8, 9), (5, 9)]):
        members[row, list(images)] = True
    of_sets = Evidence(
        Hypothesis("the images vary more in colour", "a", 0.6),
        np.array([2, 3, 4], np.float32),
        np.array([-1, -1, 3], np.float32),
        OfSets(0.01, 3, 2, members, odds=lambda sets: np.zeros(len(sets))),
    )
    (found, _) = decided(evidence("darker", "b", [0, 1, 2, 3, 4], [0, 1, 2, 3, 4], 0.2), of_sets)
    assert (found.about, found.p_value, found.q_value, found.verdict) == ("sets", 0.01, 0.02, "verified")
    assert found.auroc == pytest.approx(7.5 / 9)
    assert found.rate_a == 1
    assert found.rate_b == pytest.approx(1 / 3)
    assert found.exemplars == Exemplars(a=["a2", "a3"], b=["b3", "b4"]), "the sets with the middle scores"
    assert found.auroc_ci[0] < 0.5, "three sets and two, for the interval"


def test_what_a_single_draw_named_is_not_verified() -> None:
    scores: tuple[list[float], list[float]] = ([0, 1, 2, 3, 4], [5, 6, 7, 8, 9])
    found = decided(evidence("rare", "b", *scores, votes=1 / 18), evidence("often", "b", *scores, votes=FEWEST_VOTES))
    assert [(f.text, f.verdict) for f in found] == [("often", "verified"), ("rare", "unverified")]
    assert found[0].p_value == found[1].p_value
    assert found[0].q_value == pytest.approx(2 * found[0].p_value), "what cannot pass does not lower the bar"


def test_after_a_verified_finding_half_of_the_draws_must_name_another() -> None:
    """Neither follows the other within a set: only its votes tell a side effect from a second change."""
    first: tuple[list[float], list[float]] = ([0, 1, 2, 3, 4], [5, 6, 7, 8, 9])
    second: tuple[list[float], list[float]] = ([0, 3, 1, 4, 2], [8, 6, 9, 5, 7])
    for votes, verdict in ((FEWEST_VOTES_LATER, "verified"), (FEWEST_VOTES_LATER - 0.01, "unverified")):
        found = decided(evidence("change", "b", *first, votes=0.9), evidence("another", "b", *second, votes=votes))
        assert [(f.text, f.verdict) for f in found] == [("change", "verified"), ("another", verdict)]
        assert found[1].explained_by is None
        (alone,) = decided(evidence("another", "b", *second, votes=votes))
        assert alone.verdict == "verified"


def test_what_surely_ranks_the_sets_needs_no_image_that_is_judged_to_show_it() -> None:
    """Twenty a side, all below the border; a little more of it is not enough, where no image shows it."""
    low, much, little = np.arange(20.0) - 100, np.arange(20.0) - 85, np.arange(20.0) - 95
    clear, faint = (decided(evidence("x", "b", list(low), list(higher)))[0] for higher in (much, little))
    assert clear.rate_b == faint.rate_b == 0
    assert clear.auroc_ci[0] >= RANKED > faint.auroc_ci[0] > 0.5
    assert max(clear.p_value, faint.p_value) < ALPHA
    assert [found.verdict for found in (clear, faint)] == ["verified", "unverified"]


def test_threshold_of_the_rates() -> None:
    (found,) = decided(evidence("x", "b", [0, 1, 2, 3], [1, 2, 3, 4]), threshold=2)
    assert (found.rate_a, found.rate_b) == (0.25, 0.5)


def test_at_most_four_exemplars_a_side() -> None:
    (found,) = decided(evidence("x", "b", [*map(float, range(10))], [*map(float, range(10))]))
    assert found.exemplars.b == ["b9", "b8", "b7", "b6"]


def test_nothing_said_nothing_found() -> None:
    assert decide([], ["a"], ["b"], alpha=ALPHA, rng=np.random.default_rng(0)) == []


def test_scores_and_images_must_match() -> None:
    with pytest.raises(ValueError, match="'x' has"):
        decide([evidence("x", "b", [1], [2])], ["a"], ["b", "c"], alpha=ALPHA, rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match="finite"):
        decided(evidence("x", "b", [1, float("nan")], [2, 3]))


def test_null_runs_rarely_verify_anything() -> None:
    """Eight hypotheses of a run share the images, so their scores are correlated."""
    rng = np.random.default_rng(2)
    runs, wrong = 250, 0
    for _ in range(runs):
        look = rng.normal(size=(24, 3))
        scores = look @ rng.normal(size=(3, 8)) + rng.normal(size=(24, 8))
        items = [
            evidence(str(i), "b" if rng.random() < 0.5 else "a", [*scores[:12, i]], [*scores[12:, i]]) for i in range(8)
        ]
        wrong += decided(*items)[0].verdict == "verified"
    assert wrong / runs <= ALPHA + 4 * (ALPHA * (1 - ALPHA) / runs) ** 0.5


GROUPS = np.arange(48) // 4


def grouped_null(rng: np.random.Generator, groups: NDArray[np.int64]) -> Evidence:
    """Scores that differ between groups only."""
    scores = 3 * rng.normal(size=groups.max() + 1)[groups] + rng.normal(size=len(groups))
    return evidence("x", "b" if rng.random() < 0.5 else "a", [*scores[:24]], [*scores[24:]])


@pytest.mark.parametrize("groups", [GROUPS, GROUPS % 6, np.where(GROUPS % 6 < 3, GROUPS % 6, GROUPS)])
def test_alike_images_verify_nothing_when_their_groups_are_told(
    groups: NDArray[np.int64], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vlmdiff.decide.PERMUTATIONS", 999)
    rng = np.random.default_rng(3)
    items = [grouped_null(rng, groups) for _ in range(200)]
    told = [decide([item], ids("a", 24), ids("b", 24), alpha=ALPHA, rng=rng, groups=groups)[0] for item in items]
    assert np.mean([f.p_value <= ALPHA for f in told]) <= 0.08
    assert np.mean([f.verdict == "verified" for f in told]) <= 0.08
    assert all(f.auroc_ci[0] <= f.auroc <= f.auroc_ci[1] for f in told)


def test_alike_images_would_be_verified_as_if_they_were_many() -> None:
    rng = np.random.default_rng(3)
    untold = [decided(grouped_null(rng, GROUPS)) for _ in range(100)]
    assert np.mean([found[0].p_value <= ALPHA for found in untold]) > 0.2


def test_groups_follow_their_images_whatever_the_side() -> None:
    """A's five groups of two lie above B's four of one to three: one labeling of 126; the other way, all of them."""
    groups = np.array([0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 6, 6, 7, 7, 7, 8])
    a, b = [*map(float, range(10, 20))], [*map(float, range(7))]
    wanted = {"a": (1, 1 / 126), "b": (0, 1.0)}
    sides: tuple[Side, ...] = ("a", "b")
    for side in sides:
        (found,) = decide(
            [evidence("x", side, a, b)],
            ids("a", 10),
            ids("b", 7),
            alpha=ALPHA,
            rng=np.random.default_rng(0),
            groups=groups,
        )
        assert (found.auroc, found.p_value) == wanted[side]


def test_a_difference_inside_groups_is_verified_though_groups_differ_more() -> None:
    rng = np.random.default_rng(4)
    groups = np.tile(np.arange(12), 2)
    of_group = 5 * rng.normal(size=12)
    item = evidence("x", "b", [*(of_group + 0.1 * rng.normal(size=12))], [*(of_group + 1 + 0.1 * rng.normal(size=12))])
    (told,) = decide([item], ids("a", 12), ids("b", 12), alpha=ALPHA, rng=rng, groups=groups, threshold=of_group.mean())
    assert told.p_value <= 0.01
    assert decided(item)[0].p_value > ALPHA


def test_enough_images_are_enough_groups() -> None:
    # Whole groups split as images do; five pairs in 32 ways; a group of 3 + 3 images in 20.
    assert enough_images(9, 9, 1, 0.05, np.arange(18) // 3)
    assert not enough_images(90, 60, 1, 0.05, np.arange(150) // 30)
    assert enough_images(5, 5, 1, 0.05, np.arange(10) % 5)
    assert not enough_images(4, 4, 1, 0.05, np.arange(8) % 4)
    assert enough_images(3, 3, 1, 0.05, np.zeros(6, int))


def test_enough_images() -> None:
    # 3 + 3 images split in 20 ways, 4 + 4 in 70, 5 + 5 in 252, 6 + 6 in 924.
    assert enough_images(3, 3, 1, 0.05)
    assert not enough_images(3, 3, 2, 0.05)
    assert not enough_images(2, 100, 300, 0.05)
    assert [images_needed(0.05, hypotheses) for hypotheses in (1, 2, 3, 4, 12, 13, 46)] == [3, 4, 4, 5, 5, 6, 6]
    assert images_needed(0.01, 1) == 5


@pytest.mark.parametrize("hypotheses", [1, 5, 20])
def test_enough_images_is_what_a_perfect_separation_needs(hypotheses: int) -> None:
    n = images_needed(ALPHA, hypotheses)
    for size, verdict in ((n - 1, "unverified"), (n, "verified")):
        perfect = evidence("perfect", "b", [0.0] * size, [1.0] * size)
        flat = [evidence(str(i), "b", [0.0] * size, [0.0] * size) for i in range(hypotheses - 1)]
        assert decided(perfect, *flat)[0].verdict == verdict


def test_exemplars_are_those_that_stand_out_and_counter_examples_those_that_do_not() -> None:
    """Of A's four three share the floor with one of B's; B's a negative score is a counter-example, A's are none."""
    (found,) = decided(evidence("darker", "b", [-1, -1, -1, 0.5], [-1, 2, -0.5, 3]))
    assert found.exemplars.a == ["a3"]
    assert found.exemplars.b == ["b3", "b1", "b2"]
    assert found.exemplars.against == ["b0", "b2"]
    assert found.exemplars.shown == ["a3", "b3", "b1"]


def test_where_no_image_shows_it_none_is_a_counter_example() -> None:
    (found,) = decided(evidence("darker", "b", [-1, -1, -1, -1], [-1, -1, -1, -1]))
    assert (found.exemplars.a, found.exemplars.b, found.exemplars.against) == ([], [], [])
