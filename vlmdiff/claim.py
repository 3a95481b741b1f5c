"""A person's own sentence, tested like one that the model wrote: `vlmdiff test "the images are darker" A B`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from difflib import SequenceMatcher
from functools import partial
from math import log
from pathlib import Path
from typing import Any, Literal

import numpy as np

from vlmdiff import prevalence, verify
from vlmdiff.comparison import Comparison, Conclusion, among_alike, compare, report
from vlmdiff.decide import decide, enough_images
from vlmdiff.describe import Description, Progress, check_options, opened, pictures
from vlmdiff.errors import UsageError
from vlmdiff.findings import Claim, Evidence, Finding, Hypothesis, Report, Side
from vlmdiff.images.reading import USUAL, Reading, reading_settings
from vlmdiff.images.sets import SetPair
from vlmdiff.learn import features, ridge
from vlmdiff.learn.heat import located
from vlmdiff.metadata import Table, columns_of, read_table
from vlmdiff.models.base import VisionLanguageModel
from vlmdiff.models.lines import normalised
from vlmdiff.rounds import gathered
from vlmdiff.sample import MOST_CHECKED, Sample, fewer
from vlmdiff.stats import design_effect, detectable_by_ranks
from vlmdiff.stopwatch import Stopwatch

LONGEST = 300
"""Letters of a claim; a sentence has fewer."""
NEAREST = 3
"""Claims that are offered where the judge was never taught the words."""
_FAR = 0.3
"""Fit up to which a claim does not come near."""
_NEARLY, _ROOT = 0.8, 4
"""Ratio of common letters, or first letters in common, from which on two words count as nearly one."""


def run(
    claim: str,
    a: str | Path,
    b: str | Path | None = None,
    *,
    side: Side | None = None,
    model: str | VisionLanguageModel = "mini",
    adapter: str | Path | None = None,
    max_images: int | None = None,
    seed: int = 0,
    device: str = "auto",
    alpha: float = 0.05,
    show_names: bool = False,
    groups: str | None = None,
    metadata: str | Path | None = None,
    reading: Reading = USUAL,
    cache: str | Path | None = None,
    progress: Progress | None = None,
) -> Description:
    """Test whether a claim fits the images of one set better than those of the other.

    Args:
        claim: what one set shows more, as a sentence: "the images are darker"; "B is darker" names its set.
        side: the set that is said to show it more; None: either, tested two-sided.
        a, b, model, adapter, max_images, seed, device, alpha, groups, metadata, reading, cache: as in
            `vlmdiff.describe.run`.

    Raises:
        InputError: the images cannot be used. ModelError: the model cannot. UsageError: an option is off.
    """
    check_options("learned", alpha, groups)
    claim, side = sided(checked(claim), side)
    table = read_table(str(metadata)) if metadata is not None else None
    told = progress or (lambda stage, done, total: None)
    watch = Stopwatch()
    asked = {"max_images": max_images, "seed": seed, "show_names": show_names, "groups": groups, "reading": reading}
    loaded, pair = opened(a, b, model, adapter, device, None, told, watch, **asked)
    options: dict[str, Any] = {"side": side, "alpha": alpha, "seed": seed, "metadata": table}
    tested = answer(claim, pair, loaded, **options, cache=cache, progress=told, watch=watch)
    settings = {**tested.settings, "max_images": max_images, "device": device, "show_names": show_names}
    settings |= {"groups": groups, "metadata": table and list(table.names), **reading_settings(reading, pair.window)}
    with watch.stage("pictures"):
        shown = pictures(pair, tested.findings)
    return Description(tested.model_copy(update={"settings": settings, "seconds": watch.seconds}), shown)


def checked(claim: str) -> str:
    """The claim on one line, without the full stop.

    Raises:
        UsageError: it says nothing, or far too much.
    """
    words = " ".join(claim.split()).rstrip(".!")
    if not normalised(words) or len(words) > LONGEST:
        raise UsageError(
            f"the claim {words[:40]!r} is no sentence of at most {LONGEST} letters; "
            "say what one set shows more, such as 'the images are darker'"
        )
    return words


def answer(
    claim: str,
    pair: SetPair,
    model: VisionLanguageModel,
    *,
    side: Side | None = None,
    alpha: float = 0.05,
    seed: int = 0,
    metadata: Table | None = None,
    cache: str | Path | None = None,
    progress: Progress | None = None,
    watch: Stopwatch | None = None,
) -> Report:
    """A claim and two loaded sets in, a report with this one finding out.

    The claim does not come from the images, so that none need be set aside for finding it: all of them (at most 500 a
    set) check it. They are the judge's pool as well; labels do not enter that, so that under every permutation of the
    labels it is the same, and the p-value is exact. Where no side is named, both are tested, and the smaller p-value
    is doubled, among images alike in metadata as well.

    Raises:
        InputError: a set has no two different images, or all of one group. ModelError: the model cannot judge.
    """
    told, watch = progress or (lambda stage, done, total: None), watch or Stopwatch()
    tokens = model.tokens_used
    rng = np.random.default_rng(seed)
    sample = Sample.of(pair)
    properties, warnings = columns_of(metadata, sample.references) if metadata else ([], [])
    text, judge = understood(claim, model)
    with watch.stage("features"):
        looked = partial(told, "looking at images")
        grids = features.encoded(model, sample.pixels, len(sample.ids), Path(cache) if cache else None, looked)
    with watch.stage("test"):
        told("testing for a difference", 0, 0)
        whole = compare(sample, ridge.products(features.flat(grids)), alpha, rng)
        every = sample.part(fewer(np.arange(len(sample.ids)), sample.is_b, sample.groups, MOST_CHECKED, rng))
        sides: tuple[Side, ...] = (side,) if side else ("a", "b")
        enough = enough_images(every.n_a, len(every.rows) - every.n_a, len(sides), alpha, every.groups)
        comparison = replace(whole, look=every, check=every, enough=enough)
    findings: list[Finding] = []
    evidence: list[Evidence] = []
    if enough:
        images = verify.Encoded(grids, sample.pixels)
        with watch.stage("verify"):
            told("asking the judge", 0, 0)
            evidence = gathered(model, [Hypothesis(text, side, votes=1.0) for side in sides], images, comparison, rng)
            found = _finding(evidence, model, comparison, rng)
            if judge == "untaught":
                found = found.model_copy(update={"verdict": "unverified"})
        with watch.stage("where"):
            told("looking where", 0, 0)
            pool = images.only(every.rows).moments
            findings = [found if judge == "untaught" else located(model, found, sample.ids, grids, pool)]
    with watch.stage("decide"):
        findings, columns = among_alike(comparison, findings, evidence, properties, alpha / len(sides), rng)
        findings = [_two_sided(one) for one in findings] if side is None else findings
    asked = Claim(
        text=text,
        side=side,
        judge=judge,
        nearest=nearest(text, model.claims) if judge == "untaught" else [],
        smallest_detectable_auroc=_detectable(evidence[0], comparison, alpha / len(sides)) if evidence else None,
    )
    answered = report(
        comparison,
        Conclusion(findings, None, columns),
        model=model.info,
        settings={"claim": claim, "side": side, "alpha": alpha, "seed": seed},
        seconds=watch.seconds,
        warnings=warnings,
        judged=bool(findings),
        tokens=model.tokens_used - tokens,
    )
    return answered.model_copy(update={"claim": asked})


def _finding(
    evidence: Sequence[Evidence], model: VisionLanguageModel, comparison: Comparison, rng: np.random.Generator
) -> Finding:
    """The claim of the side that it fits better, with p for as many sides as were tried: one entry of evidence each."""
    check, ids, alpha = comparison.check, comparison.sample.ids, comparison.alpha / len(evidence)
    in_a, in_b = [ids[row] for row in check.a], [ids[row] for row in check.b]
    found = [decide([one], in_a, in_b, alpha=alpha, rng=rng, groups=check.groups)[0] for one in evidence]
    found = prevalence.corrected(found, evidence, model.judged, check)
    best = min(found, key=lambda finding: (finding.p_value, -finding.auroc))
    p = min(1.0, len(evidence) * best.p_value)
    return best.model_copy(update={"p_value": p, "q_value": p})


def _detectable(evidence: Evidence, comparison: Comparison, alpha: float) -> float | None:
    """The AUROC with which the claim would most likely have been told from chance; None where sets are judged."""
    if evidence.sets is not None:
        return None
    groups = comparison.check.groups
    inflation = 1.0 if groups is None else design_effect(evidence.scores_a, evidence.scores_b, groups)
    return detectable_by_ranks(len(evidence.scores_a), len(evidence.scores_b), alpha, inflation)


def _two_sided(finding: Finding) -> Finding:
    """With twice the p-values of its tests within strata: the side is the better one of two."""
    tests = [
        one if one.p_value is None else one.model_copy(update={"p_value": min(1.0, 2 * one.p_value)})
        for one in finding.within
    ]
    return finding.model_copy(update={"within": tests})


def understood(claim: str, model: VisionLanguageModel) -> tuple[str, Literal["taught", "asked", "untaught"]]:
    """The claim in the words that the model was taught, where it knows it, and how far its judgment can be trusted.

    "images are darker", "the photos look darker" and "darker" are one claim.
    """
    if "tokens" in model.skills:
        known = [one for claims in model.claims.values() for one in claims]
        for same in (normalised, _core):
            meant = same(claim)
            if found := next((one for one in known if same(one) == meant), None):
                return found, "taught"
    return claim, "asked" if "chat" in model.skills else "untaught"


_SUBJECT = re.compile(
    r"(?:there (?:is|are)|(?:(?:the|all|most|many) )*(?:images?|pictures?|photographs?|photos?|scans?)"
    r"(?: (?:is|are|has|have|looks?|shows?|contains?|with))?) "
)
_ARTICLE = re.compile(r"(?:an?|the|some) ")
_OF_A_SIDE = re.compile(r"(?:set )?([ab]) (is|are|has|have|looks?|shows?|contains?) (.+)")
_PLURAL = {"is": "are", "has": "have", "looks": "look", "shows": "show", "contains": "contain"}


def _core(claim: str) -> str:
    """What is said of the images, without who is spoken of."""
    return _ARTICLE.sub("", _SUBJECT.sub("", normalised(claim), count=1), count=1)


def sided(claim: str, side: Side | None) -> tuple[str, Side | None]:
    """A claim and its set; "B is darker" names it in its words.

    Raises:
        UsageError: another set is named by an option.
    """
    told = _OF_A_SIDE.fullmatch(normalised(claim))
    if told is None:
        return claim, side
    named: Side = "a" if told[1] == "a" else "b"
    if side not in (None, named):
        raise UsageError(
            f"the claim {claim!r} is of {named.upper()}, --side of {(side or '').upper()}; say one of them"
        )
    return f"the images {_PLURAL.get(told[2], told[2])} {told[3]}", named


def nearest(claim: str, claims: Mapping[str, Sequence[str]], count: int = NEAREST) -> list[str]:
    """The claims that share most with this one, at most one of a family: rare words weigh more than common ones."""
    rare = Counter(word for known in claims.values() for word in {w for one in known for w in _words(one)})
    weight = {word: log(1 + len(claims) / number) for word, number in rare.items()}
    alike = {word: max((_alike(word, said) for said in _words(claim)), default=0.0) for word in weight}

    def fit(known: str) -> float:
        words = set(_words(known))
        shared = sum(weight[word] * alike[word] for word in words)
        return shared / (1 + sum(weight[word] for word in words if not alike[word]))

    best = [max(known, key=lambda one: (fit(one), one)) for known in claims.values() if known]
    return [one for one in sorted(best, key=lambda one: (-fit(one), one)) if fit(one) > _FAR][:count]


def _words(claim: str) -> list[str]:
    return [word for word in normalised(claim).split() if word not in _COMMON]


_COMMON = frozenset(
    {
        *("the", "a", "an", "of", "in", "on", "at", "to", "and", "or", "is", "are", "has", "have", "with"),
        *("more", "less", "images", "image", "pictures", "picture", "photos", "scans"),
        *("there", "show", "shows", "contain", "contains", "look", "looks"),
    }
)


def _alike(word: str, other: str) -> float:
    """1 for the same word, half for one that is spelled nearly so or begins so: "blurred", "noisy" for "noisier"."""
    if word == other:
        return 1.0
    same_root = len(word) >= _ROOT and word[:_ROOT] == other[:_ROOT]
    return 0.5 if same_root or SequenceMatcher(None, word, other).ratio() >= _NEARLY else 0.0
