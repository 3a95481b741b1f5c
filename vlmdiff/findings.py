"""The nouns of an answer: Hypothesis, Evidence, Finding, Report. The types are the published JSON schema."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

SCHEMA_VERSION = "1.2"

Side = Literal["a", "b"]
Verdict = Literal["different", "no detectable difference", "not enough images"]
Interval = tuple[float, float]


@dataclass(frozen=True)
class Hypothesis:
    """Something said about the look images, not yet tested."""

    text: str
    """What `side` shows more, for instance "the images are darker"."""
    side: Side
    votes: float
    """Share of the draws that named it, 0 to 1."""
    round: int = 1
    """In which round it was proposed."""


@dataclass(frozen=True, eq=False)
class OfSets:
    """What makes evidence of a claim about sets, which no single image shows."""

    p_value: float
    """One-sided; images permuted, or their groups, not the sets of them that were scored."""
    apart_a: int
    """How many of A's sets have no image in common, at most."""
    apart_b: int
    members: NDArray[np.bool_]
    """Which check images are in each set that was scored, A's sets first, (sets, images)."""
    odds: Callable[[NDArray[np.bool_]], NDArray[np.float64]]
    """Asks the judge about further sets of check images, (sets, images): log-odds of the claim on each, (sets,)."""


@dataclass(frozen=True)
class Evidence:
    """What the check images answered to one hypothesis."""

    hypothesis: Hypothesis
    scores_a: NDArray[np.float32]
    """One score an image of A, higher where the text fits better; no unit. Of a claim about sets: one a random set."""
    scores_b: NDArray[np.float32]
    sets: OfSets | None = None
    """None: single images were scored."""


class Strict(BaseModel):
    """A frozen record that refuses unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class TwoSampleTest(Strict):
    """Can A and B be told apart at all? Leave-one-out classifier and permutation test over all images read."""

    auroc: float = Field(description="Leave-one-out AUROC of the classifier 'A or B?', 0 to 1; 0.5 is chance.")
    auroc_ci: Interval = Field(description="95 % interval of the AUROC.")
    p_value: float = Field(description="Permutation p-value of the two-sample statistic.")
    n_a: int = Field(description="Images of A used.")
    n_b: int = Field(description="Images of B used.")
    smallest_detectable_auroc: float = Field(
        description="The AUROC that 80 % of samples of this size push past the permutation's critical value."
    )
    needed: int | None = Field(
        default=None,
        description="Different images a set (groups, where there are groups) with which a finding could be verified; "
        "null where there are enough.",
    )
    needed_in_both: int | None = Field(
        default=None,
        description="The same for groups that each have images in both sets; null without groups or with enough.",
    )


class Estimate(Strict):
    """A number and where it may lie."""

    value: float
    interval: Interval = Field(description="95 % interval.")


class Left(Strict):
    """Are check images told apart that are alike in what the findings say of them?"""

    auroc: float = Field(
        description="How well the classifier separates the sets among check images whose findings' scores make them "
        "equally likely to be of B (fifths by cross-fitted odds)."
    )
    auroc_ci: Interval = Field(description="95 % interval of it.")
    p_value: float = Field(
        description="One-sided, labels permuted among the alike; at most alpha: the sets also differ in a way that is "
        "not in words, or that the judge does not see well."
    )


class Explained(Strict):
    """How much of what tells A from B the verified findings explain together."""

    share: Estimate | None = Field(
        description="(L0 - L_findings) / (L0 - L_findings_and_classifier), cross-fitted log-losses on the check "
        "images; 1 is all; null where it cannot be told."
    )
    reason: str | None = Field(description="Why there is no share; null where there is one.")
    left: Left | None = Field(
        description="What is left after the findings; null where no check images of both sets are alike enough."
    )


class Column(Strict):
    """A metadata column: does it alone tell A from B?"""

    name: str
    kind: Literal["categorical", "numeric"]
    auroc: float = Field(
        description="How well the column alone separates the sets, 0.5 to 1: cross-fitted shares of B for categories, "
        "the value itself for numbers (either way)."
    )
    p_value: float = Field(description="Permutation p-value of that.")
    q_value: float = Field(description="Benjamini-Hochberg adjusted over all columns.")
    separates: bool = Field(description="Whether q_value is at most alpha: the sets differ in this already.")
    levels: int | None = Field(description="Different values of a categorical column; null for numbers.")
    missing: int = Field(description="Images without a value, both sets together.")


class Within(Strict):
    """A finding tested among check images that are alike in a metadata column."""

    column: str
    strata: int = Field(description="Strata of the column with check images of both sets.")
    images: int = Field(description="Check images in those strata.")
    auroc: float | None = Field(
        description="AUROC within strata, pairs of images counted (of a claim about sets, pairs of random sets that "
        "have as many images of each stratum); null without such strata."
    )
    p_value: float | None = Field(
        description="One-sided, labels permuted within strata (doubled where `vlmdiff test` was told no side); null "
        "where no labeling could reach alpha."
    )


class Exemplars(Strict):
    """Opaque ids of the check images that show the finding most, by side; of a claim about sets, a typical set of each.

    That is, of the random sets that the judge read, the one with the middle score, with all its images.
    """

    a: list[str] = Field(
        default=[], description="Images of A with the highest scores, best first; none that shares the lowest of all."
    )
    b: list[str] = Field(
        default=[], description="Images of B with the highest scores, best first; none that shares the lowest of all."
    )
    against: list[str] = Field(
        default=[],
        description="Counter-examples, where any image of the finding's side shows it: check images of that side that "
        "are judged not to show it, those with the lowest scores first.",
    )
    shown: list[str] = Field(default=[], description="Those among `a` and `b` that are judged to show it.")


class Finding(Strict):
    """One difference in words, with the evidence of the check images."""

    text: str = Field(description="What the side shows more.")
    side: Side = Field(description="The set that shows it more.")
    verdict: Literal["verified", "unverified"] = Field(
        description="Verified when q_value is at most alpha, more images of the side are judged to show it or its "
        "AUROC is surely above 0.6, a quarter of the draws named it (half, after a verified finding), and the verified "
        "findings before it do not explain it."
    )
    auroc: float = Field(description="How well the judge's scores separate the sides, in the stated direction.")
    auroc_ci: Interval = Field(description="95 % interval of the AUROC.")
    p_value: float = Field(description="One-sided permutation p-value on the check images.")
    q_value: float = Field(
        description="Benjamini-Hochberg adjusted over all hypotheses of the run; those that votes or rates rule out "
        "count with a p-value of 1."
    )
    rate_a: float = Field(description="Share of A's check images judged to show it (not corrected for the judge).")
    rate_b: float = Field(description="Share of B's check images judged to show it (not corrected for the judge).")
    votes: float = Field(description="Share of the draws that named it, 0 to 1.")
    exemplars: Exemplars
    about: Literal["images", "sets"] = Field(
        default="images",
        description="What the judge read: single check images, or sets of them, for a claim that no single image shows "
        "('more varied'); scores and rates are then of random sets of check images.",
    )
    round: int = Field(
        default=1, description="In which round it was proposed; later ones look at what was left of the look images."
    )
    adjusted_p_value: float | None = Field(
        default=None,
        description="Permutation p-value after the scores of the verified findings before it are taken out; null for "
        "the first one and for what was not verified by itself.",
    )
    explained_by: int | None = Field(
        default=None,
        description="Place (from 1) in the list of the verified finding that explains it most, where the verified "
        "findings before it explain it (adjusted_p_value above alpha); else null.",
    )
    where: str | None = Field(
        default=None,
        description="Where on the exemplars the judge sees it: a part of the image ('bottom left'), 'everywhere' or "
        "'different places'; null where that was not asked.",
    )
    heat: dict[str, list[list[float]]] = Field(
        default={},
        description="By exemplar, for each cell of a grid over the largest centred square of the image, top row first: "
        "what replacing it costs the claim, as a share of the hottest cell; empty where the place is everywhere.",
    )
    prevalence_a: Estimate | None = Field(
        default=None,
        description="Share of A that shows it, corrected for the judge's sensitivity and specificity on generated "
        "pairs (Rogan and Gladen; interval after Lang and Reiczigel); null where those are not known, or too poor.",
    )
    prevalence_b: Estimate | None = Field(default=None, description="The same for B.")
    within: list[Within] = Field(default=[], description="Tests within the strata of metadata columns, as given.")
    confounded_by: str | None = Field(
        default=None,
        description="The first metadata column that separates the sets and within whose strata the finding vanishes.",
    )


class Skipped(Strict):
    """An image that was not used, and why."""

    file: str = Field(description="Opaque id, or the name with --show-names.")
    reason: str


class SideImages(Strict):
    read: int = Field(description="Images read.")
    judged: int | None = Field(
        default=None, description="Check images that the judge read for every hypothesis; null where there were none."
    )
    skipped: list[Skipped]
    sha256: str | None = Field(
        default=None,
        description="SHA-256 over the SHA-256 digests of the images read, in hexadecimal, sorted, a line each "
        "(the digest of a frame is that of its file's digest, '#' and its number): the same images give the same one, "
        "whatever they are called. Null in reports that were made before it was there.",
    )
    groups: int | None = Field(
        default=None,
        description="Groups (patients, bursts) that the images used belong to; null where each stands for itself.",
    )


class Images(Strict):
    a: SideImages
    b: SideImages
    groups_in_both: int | None = Field(
        default=None, description="Groups with images in both sets, which are compared within; null without groups."
    )


class ModelInfo(Strict):
    name: str
    adapter: str | None
    weights_sha256: str = Field(description="SHA-256 over all weight files, adapter included.")


class Claim(Strict):
    """A sentence that a person asked to be tested."""

    text: str = Field(description="As the judge read it.")
    side: Side | None = Field(description="The set that was said to show it more; null: either, tested two-sided.")
    judge: Literal["taught", "asked", "untaught"] = Field(
        description="Taught: it was trained on this claim. Asked: it answers yes or no in plain words. Untaught: "
        "neither; its scores are given, and nothing is verified."
    )
    nearest: list[str] = Field(description="Claims that the judge was trained on and that come nearest; else empty.")
    smallest_detectable_auroc: float | None = Field(
        default=None,
        description="The AUROC of a claim that 80 % of samples of this size would show to be no chance; null where "
        "nothing was tested, or a claim about sets.",
    )


class Report(Strict):
    """The answer to "how do A and B differ?", with everything needed to judge it."""

    schema_version: str = SCHEMA_VERSION
    verdict: Verdict
    test: TwoSampleTest
    findings: list[Finding] = Field(description="Best first: verified ones by votes, then unverified ones.")
    explained: Explained | None = Field(
        default=None, description="What the findings explain together; null where the sets do not differ."
    )
    columns: list[Column] = Field(
        default=[], description="Metadata columns, those that separate the sets best first; empty without --metadata."
    )
    claim: Claim | None = Field(
        default=None, description="What `vlmdiff test` was asked; null in a report of `vlmdiff describe`."
    )
    images: Images
    model: ModelInfo
    settings: dict[str, Any] = Field(description="Every option of the run, resolved.")
    seconds: dict[str, float] = Field(description="Wall seconds of each step.")
    tokens: int | None = Field(
        default=None, description="Tokens that the language model read and wrote; null where it is not counted."
    )
    warnings: list[str]
