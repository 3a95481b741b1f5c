"""The nouns of an answer: Hypothesis, Evidence, Finding, Report. The types are the published JSON schema."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

SCHEMA_VERSION = "1.1"

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


@dataclass(frozen=True)
class Evidence:
    """What single check images answered to one hypothesis."""

    hypothesis: Hypothesis
    scores_a: NDArray[np.float32]
    """One score an image of A, higher where the text fits better; no unit."""
    scores_b: NDArray[np.float32]


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


class Exemplars(Strict):
    """Opaque ids of the check images that show the finding most, by side."""

    a: list[str] = Field(description="Images of A with the highest scores, best first.")
    b: list[str] = Field(description="Images of B with the highest scores, best first.")


class Finding(Strict):
    """One difference in words, with the evidence of the check images."""

    text: str = Field(description="What the side shows more.")
    side: Side = Field(description="The set that shows it more.")
    verdict: Literal["verified", "unverified"] = Field(
        description="Verified when q_value is at most alpha, more images of the side are judged to show it, and "
        "at least a fifth of the draws named it."
    )
    auroc: float = Field(description="How well the judge's scores separate the sides, in the stated direction.")
    auroc_ci: Interval = Field(description="95 % interval of the AUROC.")
    p_value: float = Field(description="One-sided permutation p-value on the check images.")
    q_value: float = Field(description="Benjamini-Hochberg adjusted over all hypotheses of the run.")
    rate_a: float = Field(description="Share of A's check images judged to show it (not corrected for the judge).")
    rate_b: float = Field(description="Share of B's check images judged to show it (not corrected for the judge).")
    votes: float = Field(description="Share of the draws that named it, 0 to 1.")
    exemplars: Exemplars


class Skipped(Strict):
    """An image that was not used, and why."""

    file: str = Field(description="Opaque id, or the name with --show-names.")
    reason: str


class SideImages(Strict):
    read: int = Field(description="Images read.")
    skipped: list[Skipped]
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


class Report(Strict):
    """The answer to "how do A and B differ?", with everything needed to judge it."""

    schema_version: str = SCHEMA_VERSION
    verdict: Verdict
    test: TwoSampleTest
    findings: list[Finding] = Field(description="Best first: verified ones by votes, then unverified ones.")
    explained: float | None = Field(
        default=None, description="Share of the separability that the findings explain together; null for now."
    )
    images: Images
    model: ModelInfo
    settings: dict[str, Any] = Field(description="Every option of the run, resolved.")
    seconds: dict[str, float] = Field(description="Wall seconds of each step.")
    tokens: int | None = Field(
        default=None, description="Tokens that the language model read and wrote; null where it is not counted."
    )
    warnings: list[str]
