"""Reports written by hand, tiny suites, and systems that answer by a rule instead of looking."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from data_synth import lexicon
from data_synth.config import PairConfig
from data_synth.facts import Content, Difference, Fact, Side, content
from data_synth.family import Pixels
from data_synth.sources import DRAWN, Bank
from eval.cases import Truth
from eval.scores import PairScore, score
from eval.suites import Condition, Planted
from eval.systems import Groups
from vlmdiff.findings import (
    Exemplars,
    Finding,
    Images,
    ModelInfo,
    Report,
    SideImages,
    TwoSampleTest,
    Verdict,
)
from vlmdiff.models.card import RunCard

DARKER = content("brightness", direction="less")
BRIGHTER = content("brightness", direction="more")
BLURRED = content("blur")
DEFOCUSED = content("defocus")
SNOW = content("snow")
RECTANGLE = content("rectangle", "top left", colour="red", count="one", size="small")
BLUE_RECTANGLE = content("rectangle", "top left", colour="blue", count="one", size="small")
OTHER_SHAPE = content("circle", "bottom", colour="green", count="one", size="large")
"""Shares one attribute of five with RECTANGLE: the count."""


def fact(what: Content, side: Side = "a") -> Fact:
    return Fact(what, side, strength=0.8, prevalence=1.0, family=lexicon.family_of(what) or "none")


def said(side: Side, what: Content | str, verified: bool = True, votes: float = 1.0) -> Finding:
    """A finding; a content is put in its canonical words."""
    return Finding(
        text=what if isinstance(what, str) else lexicon.canonical(what),
        side=side,
        verdict="verified" if verified else "unverified",
        auroc=0.9,
        auroc_ci=(0.8, 1.0),
        p_value=0.01,
        q_value=0.01 if verified else 0.4,
        rate_a=0.9,
        rate_b=0.1,
        votes=votes,
        exemplars=Exemplars(a=[], b=[]),
    )


def report(*findings: Finding, verdict: Verdict | None = None) -> Report:
    """A report with these findings; the sets differ where there are any."""
    return Report(
        verdict=verdict or ("different" if findings else "no detectable difference"),
        test=TwoSampleTest(
            auroc=0.9, auroc_ci=(0.8, 1.0), p_value=0.01, n_a=4, n_b=4, smallest_detectable_auroc=float("nan")
        ),
        findings=list(findings),
        images=Images(a=SideImages(read=4, skipped=[]), b=SideImages(read=4, skipped=[])),
        model=ModelInfo(name="fake", adapter=None, weights_sha256="0"),
        settings={},
        seconds={},
        warnings=[],
    )


def scored(planted: Sequence[Fact], *findings: Finding, verdict: Verdict | None = None) -> PairScore:
    return score(Truth(0, "none", difference=tuple(planted)), report(*findings, verdict=verdict))


SMALL = PairConfig(
    split="test",
    domains=DRAWN,
    held_out=True,
    set_size=(3, 3),
    facts=(0.0, 1.0),
    strength=(0.9, 1.0),
    world_share=0.0,
    sides=(32,),
)
TINY = Planted("core", (Condition("", SMALL),), pairs=6, seed=1)
TINY_NULLS = Planted("nulls", (Condition("", replace(SMALL, facts=(1.0,))),), pairs=4, seed=2)


def _pixels(images: Sequence[Pixels]) -> bytes:
    return b"".join(image.tobytes() for image in images)


@dataclass(frozen=True)
class Fake:
    """A system that answers by a rule from what was planted: it knows the pairs of the tiny suites by their pixels."""

    name: str
    rule: Callable[[Difference], Report]
    planted: dict[bytes, Difference] = field(repr=False)

    @property
    def identity(self) -> dict[str, Any]:
        return {"name": self.name}

    @property
    def card(self) -> RunCard | None:
        return None

    def describe(
        self, images_a: Sequence[Pixels], images_b: Sequence[Pixels], seed: int, groups: Groups | None = None
    ) -> Report:
        return self.rule(self.planted[_pixels(images_a)])


def planted_in(suites: Sequence[Planted]) -> dict[bytes, Difference]:
    cases = [suite.case(i, Bank.drawn_only()) for suite in suites for i in range(suite.pairs)]
    return {_pixels(case.images_a): case.truth.difference for case in cases}


def other(side: Side) -> Side:
    return "b" if side == "a" else "a"


def oracle(difference: Difference) -> Report:
    return report(*(said(fact.side, fact.content) for fact in difference))


def mute(difference: Difference) -> Report:
    return report()


def wrong_side(difference: Difference) -> Report:
    return report(*(said(other(fact.side), fact.content) for fact in difference))


def always_blurry(difference: Difference) -> Report:
    return report(said("b", "the images are blurrier"))


@dataclass(frozen=True)
class Blurry:
    """Always says the same, without knowing the pairs."""

    identity: dict[str, Any] = field(default_factory=lambda: {"name": "blurry"})
    card: RunCard | None = None

    def describe(
        self, images_a: Sequence[Pixels], images_b: Sequence[Pixels], seed: int, groups: Groups | None = None
    ) -> Report:
        return always_blurry(())


def open_blurry() -> tuple[Bank, Blurry]:
    return Bank.drawn_only(), Blurry()
