"""Do the error rates and intervals of a report hold? Simulated, with everything but the language model as it is.

    python benchmarks/verification.py test [--simulations 2000]
    python benchmarks/verification.py null [--pairs 400] [--bank bank.npy]
    python benchmarks/verification.py mixed [--pairs 400]
    python benchmarks/verification.py coverage [--simulations 2000]

test: sets of 24 that do not differ, images of a group alike: 4 to 6 % of them may have a p of .05 or less in the
two-sample test, however the groups lie.

null: pairs without a difference, their images drawn and painted by data_synth (shared nuisances, small sets, unequal
sizes, groups of alike images told and not told), described by an opportunist: a model that knows 64 meaningless claims,
says those that fit the look images best, and judges single images by the same directions. At most 3 % of the pairs may
have a verified finding where groups are told; not told, they must have many. "no test": the same without the two-sample
test before it, which alone keeps out nineteen of twenty.

mixed: every other pair is null; in the others one to three patches of B's images are brighter in one colour. The same
opportunist knows one claim for each patch and colour, so that the truth of each is known: of all findings at most 5 %
may be false.

coverage: how often a 95 % interval of an AUROC, or of a rate, holds the truth: 93 to 97 % for 30 images a side or more.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import comb
from pathlib import Path
from statistics import NormalDist

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from data_synth.compose import compose
from data_synth.config import PairConfig
from data_synth.sources import DRAWN, Bank
from vlmdiff import verify
from vlmdiff.comparison import Comparison, compare, conclude
from vlmdiff.findings import Finding
from vlmdiff.learn import probe, ridge
from vlmdiff.models.scripted import ScriptedModel
from vlmdiff.rounds import gathered, in_rounds
from vlmdiff.sample import Sample
from vlmdiff.stats import auroc_interval, wilson_interval

SIDE = 32
CLAIMS = tuple(f"claim {number}" for number in range(64))
PATCHES, COLOURS = 16, 3
"""Of an image, as the scripted model sees it."""
Pixels = NDArray[np.uint8]


def anything() -> NDArray[np.float64]:
    """Directions that mean nothing, one a claim."""
    return np.random.default_rng(0).normal(size=(len(CLAIMS), 19 * 3))


def opportunist(directions_of_claims: NDArray[np.float64] | None = None) -> ScriptedModel:
    """It says the claims that fit a difference best, whatever they mean, and judges by the same directions."""
    given = anything() if directions_of_claims is None else directions_of_claims
    directions, known = torch.from_numpy(given.astype(np.float32)), CLAIMS[: len(given)]

    def fit(rows: torch.Tensor) -> torch.Tensor:
        gaps = rows[..., :3].flatten(-2)  # standardised mean differences
        return gaps @ directions.T / 4

    def says(rows: torch.Tensor) -> list[str]:
        best = fit(rows).argsort(descending=True)[:3].tolist()
        return ["".join(f"b: {CLAIMS[i]}\n" for i in best[:2]), f"b: {CLAIMS[best[2]]}\n"]

    def fits(line: str, rows: torch.Tensor) -> torch.Tensor:
        claim = line.removeprefix("b: ").strip()
        return fit(rows)[:, known.index(claim)] if claim in known else torch.zeros(len(rows))

    return ScriptedModel(says=says, fits=fits, knows=known, image_size=SIDE)


@dataclass(frozen=True)
class Condition:
    """One kind of null pairs."""

    sizes: tuple[int, int]
    copies: int = 1
    """Images of a group: one picture, shifted and lit a little differently."""
    told: bool = True


CONDITIONS = {
    "plain": Condition((32, 32)),
    "small sets": Condition((12, 12)),
    "unequal sizes": Condition((12, 48)),
    "groups": Condition((10, 10), copies=4),
    "groups in unequal sets": Condition((8, 20), copies=3),
    "groups, not told": Condition((10, 10), copies=4, told=False),
}


def null_pair(condition: Condition, bank: Bank, domain: str, index: int) -> tuple[Pixels, list[str]]:
    """Images of A then of B, and the group of each."""
    most = max(condition.sizes)
    domains = (domain,) if domain in DRAWN else ()
    config = PairConfig(split="train", domains=domains, set_size=(most, most), facts=(1.0,), nuisances=(0.2, 0.5, 0.3))
    pair = compose(config, bank, 77, index)
    rng = np.random.default_rng(index)
    images, groups = [], []
    for side, size in (("a", condition.sizes[0]), ("b", condition.sizes[1])):
        for number, image in enumerate((pair.images_a if side == "a" else pair.images_b)[:size]):
            small = cv2.resize(image, (SIDE + 4, SIDE + 4), interpolation=cv2.INTER_AREA)
            for _ in range(condition.copies):
                top, left = rng.integers(0, 5, 2)
                patch = small[top : top + SIDE, left : left + SIDE] + rng.normal(0, 3)
                images.append(patch.clip(0, 255).astype(np.uint8))
                groups.append(f"{side}{number}")
    return np.stack(images), groups


def compared(images: Pixels, condition: Condition, groups: list[str], rng: np.random.Generator) -> Comparison:
    """The comparison of a pair that never was in files."""
    n_a = condition.sizes[0] * condition.copies
    numbers = np.unique(groups, return_inverse=True)[1] if condition.told and condition.copies > 1 else None
    sample = Unfiled(len(images), n_a, numbers)
    products = ridge.products(probe.flatten(opportunist().features(images).numpy()))
    return compare(sample, products, 0.05, rng)


class Unfiled(Sample):
    """A sample of images without files."""

    def __init__(self, count: int, n_a: int, groups: NDArray[np.intp] | None) -> None:
        rows = np.arange(count)
        names = [str(row) for row in rows]
        object.__setattr__(self, "rows_a", rows[:n_a])
        object.__setattr__(self, "rows_b", rows[n_a:] - n_a)
        object.__setattr__(self, "members", names)
        object.__setattr__(self, "groups", groups)

    @property
    def ids(self) -> list[str]:
        return self.members


def verified(
    images: Pixels, comparison: Comparison, rng: np.random.Generator, model: ScriptedModel | None = None
) -> list[Finding]:
    """Verified findings of a pair, the two-sample test left aside."""
    model = model or opportunist()
    encoded = verify.Encoded(model.features(images), lambda rows: images[rows])
    said = in_rounds(model, "learned", encoded, comparison, rng)
    evidence = gathered(model, said.hypotheses, encoded, comparison, rng)
    findings = conclude(comparison, evidence, rng).findings
    return [finding for finding in findings if finding.verdict == "verified"]


IMAGES = np.arange(48)
GROUPINGS = {
    "no groups": None,
    "groups in one set": IMAGES // 3,
    "groups in both sets": IMAGES % 24,
    "some of each": np.where(IMAGES % 24 < 12, IMAGES % 12, 12 + IMAGES // 3),
}
"""The group of each image; A's are the first half."""


def test(simulations: int) -> Iterator[str]:
    """A line for each way in which groups lie."""
    is_b = IMAGES // 24 == 1
    for number, (name, groups) in enumerate(GROUPINGS.items()):
        rejected = 0
        for index in range(simulations):
            rng = np.random.default_rng([3, number, index])
            features = rng.normal(size=(len(IMAGES), 8))
            if groups is not None:
                features += 3 * rng.normal(size=(len(IMAGES), 8))[groups]
            products = ridge.products(features)
            tested = probe.two_sample_test(products, is_b, rng, groups=groups, permutations=199, bootstrap=2)
            rejected += tested.p_value <= 0.05
        yield f"{name:20} {simulations} nulls: rejected {share(rejected, simulations)}"


def null(pairs: int, bank: Bank) -> Iterator[str]:
    """A line for each condition."""
    drawn = [domain for domain in DRAWN if PairConfig().draws_from(domain)]
    domains = [*drawn[:4], "photographs"] if bank.items else drawn[:5]
    for name, condition in CONDITIONS.items():
        different = with_test = without = 0
        for index in range(pairs):
            images, groups = null_pair(condition, bank, domains[index % len(domains)], index)
            rng = np.random.default_rng([1, index])
            comparison = compared(images, condition, groups, rng)
            found = bool(verified(images, comparison, rng))
            differs = comparison.verdict == "different"
            different, without, with_test = different + differs, without + found, with_test + (found and differs)
        yield f"{name:24} {pairs} pairs: " + ", ".join(
            f"{what} {share(count, pairs)}"
            for what, count in (("called different", different), ("verified", with_test), ("no test", without))
        )


def mixed(pairs: int) -> Iterator[str]:
    """A line for each size of sets."""
    model = opportunist(8 * np.eye(PATCHES * COLOURS, 19 * 3))
    for size in (12, 32, 64):
        false = right = planted = 0
        for index in range(pairs):
            rng = np.random.default_rng([2, size, index])
            images, brighter = patched(size, null=index % 2 == 0, rng=rng)
            comparison = compared(images, Condition((size, size)), [], rng)
            found = verified(images, comparison, rng, model) if comparison.verdict == "different" else []
            true = {("b", CLAIMS[axis]) for axis in brighter}
            hits = sum((finding.side, finding.text) in true for finding in found)
            false, right, planted = false + len(found) - hits, right + hits, planted + len(brighter)
        findings, power = false + right, right / planted
        yield f"{size:3} + {size}: {findings} findings, false {share(false, findings)}; planted, verified {power:.3f}"


def patched(size: int, null: bool, rng: np.random.Generator) -> tuple[Pixels, set[int]]:
    """Images of A then of B, and the patches and colours, numbered, that are brighter in most of B's.

    All images differ in how bright they are, in all patches together and in each of them.
    """
    images = rng.normal(120, 12, (2 * size, 1, 1)) + rng.normal(0, 10, (2 * size, PATCHES, COLOURS))
    brighter = set() if null else set(rng.choice(PATCHES * COLOURS, int(rng.integers(1, 4)), replace=False).tolist())
    for axis in brighter:
        shown = size + np.flatnonzero(rng.random(size) < rng.uniform(0.6, 1.0))
        images[shown, axis // COLOURS, axis % COLOURS] += rng.uniform(30, 60)
    wide = SIDE // 4
    squares = images.reshape(2 * size, 4, 4, COLOURS).repeat(wide, axis=1).repeat(wide, axis=2)
    return (squares + rng.normal(0, 3, squares.shape)).clip(0, 255).astype(np.uint8), brighter


def share(count: int, trials: int) -> str:
    """A percentage with its interval."""
    low, high = wilson_interval(count, trials)
    return f"{count / trials:.3f} [{low:.3f}, {high:.3f}]"


def coverage(simulations: int) -> Iterator[str]:
    """A line for each kind of interval."""
    rng = np.random.default_rng(0)
    for n_a, n_b in ((12, 12), (30, 30), (30, 90), (100, 100), (250, 250)):
        for truth in (0.5, 0.65, 0.8, 0.95):
            gap = NormalDist().inv_cdf(truth) * 2**0.5
            held = 0
            for _ in range(simulations):
                low, high = auroc_interval(rng.normal(0, 1, n_a), rng.normal(gap, 1, n_b))
                held += low <= truth <= high
            yield f"AUROC {truth:.2f}, {n_a} + {n_b}: {share(held, simulations)}"
    for n in (12, 30, 100, 250):
        for rate in (0.1, 0.3, 0.5):
            chances = [comb(n, k) * rate**k * (1 - rate) ** (n - k) for k in range(n + 1)]
            inside = [low <= rate <= high for low, high in (wilson_interval(k, n) for k in range(n + 1))]
            held = sum(chance for chance, is_inside in zip(chances, inside, strict=True) if is_inside)
            yield f"rate {rate:.1f} of {n}: {held:.3f} (exact)"
    for groups, copies in ((12, 4), (30, 4)):
        for truth in (0.5, 0.8):
            yield from grouped(groups, copies, truth, simulations, rng)


def grouped(groups: int, copies: int, truth: float, simulations: int, rng: np.random.Generator) -> Iterator[str]:
    """Groups whose images share half their variance."""
    gap = NormalDist().inv_cdf(truth) * 2**0.5
    numbers = np.arange(2 * groups).repeat(copies)
    held = [0, 0]
    for _ in range(simulations):
        scores = (rng.normal(size=2 * groups)[numbers] + rng.normal(size=len(numbers))) / 2**0.5
        a, b = scores[: groups * copies], scores[groups * copies :] + gap
        for told, known in enumerate((None, numbers)):
            low, high = auroc_interval(a, b, known)
            held[told] += low <= truth <= high
    for told, count in zip(("not told", "told"), held, strict=True):
        yield f"AUROC {truth:.2f}, {groups} + {groups} groups of {copies}, {told}: {share(count, simulations)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("test", "null", "mixed", "coverage"))
    parser.add_argument("--pairs", type=int, default=400)
    parser.add_argument("--simulations", type=int, default=2000)
    parser.add_argument("--bank", type=Path, help="photographs as a fifth domain (see python -m data_synth bank)")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    run: dict[str, Callable[[], Iterator[str]]] = {
        "test": lambda: test(asked.simulations),
        "null": lambda: null(asked.pairs, Bank.load(asked.bank) if asked.bank else Bank.drawn_only()),
        "mixed": lambda: mixed(asked.pairs),
        "coverage": lambda: coverage(asked.simulations),
    }
    for line in run[asked.what]():
        print(line, flush=True)


if __name__ == "__main__":
    main()
