"""The story in one page: read, test, look, propose, verify on other images, decide, report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from vlmdiff import models, prevalence, propose, verify
from vlmdiff.comparison import compare, conclude, report
from vlmdiff.errors import UsageError
from vlmdiff.findings import Evidence, Finding, Report
from vlmdiff.images.groups import pattern
from vlmdiff.images.reading import USUAL, Reading, reading_settings
from vlmdiff.images.sets import SetPair, load_pair
from vlmdiff.learn import features, ridge
from vlmdiff.learn.heat import located
from vlmdiff.metadata import Table, columns_of, read_table
from vlmdiff.models.base import VisionLanguageModel
from vlmdiff.rounds import Said, gathered, in_rounds
from vlmdiff.sample import Sample
from vlmdiff.stopwatch import Stopwatch

Progress = Callable[[str, int, int], None]
"""Stage, done, total; a total of 0 is unknown."""


LEAST_ALPHA = 0.002
"""Twice the smallest p-value of the two-sample test."""


@dataclass(frozen=True)
class Description:
    """A report and small pictures of the images it names."""

    report: Report
    pictures: dict[str, bytes]
    """PNG by opaque image id."""


def run(
    a: str | Path,
    b: str | Path | None = None,
    *,
    model: str | VisionLanguageModel = "mini",
    adapter: str | Path | None = None,
    method: str = "learned",
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
    """Describe how two sets of images differ; `vlmdiff.describe` is this without the pictures.

    Args:
        a: a folder, a glob, a .txt, .csv or .jsonl list, an archive or a MedMNIST .npz; b: the same. Without b, a is a
            .csv or .jsonl manifest of both, with `set` and `path`.
        model: `mini` or a folder with a transformers model; adapter: a folder from `python -m train lora`. A model that
            is loaded already is used as it is, whatever `adapter` and `device` say.
        method: how hypotheses are proposed; see `vlmdiff.propose.METHODS`.
        max_images: at most this many images a set, drawn by `seed`.
        alpha: level of the two-sample test and bound on the q-value of a verified finding, between 0 and 1.
        groups: which images belong together (one patient, one burst), so that they are split, left out, permuted and
            resampled together: a regular expression for their paths inside A and B (its first group, or all it
            matches), or `column:NAME` where A and B are .csv lists; "none": each stands for itself. None: lists and
            files tell; see `vlmdiff.images.belonging`.
        metadata: what else is known of the images: a CSV file, or `column:NAME,NAME` of the lists; see
            `vlmdiff.metadata.read_table`.
        reading: how files are read: window, frames, channels.
        cache: a folder for the features of images, so that a later comparison need not look at them again; see
            `vlmdiff.learn.features`.

    Raises:
        InputError: the images cannot be used. ModelError: the model cannot. UsageError: an option is off.
    """
    check_options(method, alpha, groups)
    table = read_table(str(metadata)) if metadata is not None else None
    told = progress or (lambda stage, done, total: None)
    watch = Stopwatch()
    asked = {"max_images": max_images, "seed": seed, "show_names": show_names, "groups": groups, "reading": reading}
    loaded, pair = opened(a, b, model, adapter, device, method, told, watch, **asked)
    options: dict[str, Any] = {"method": method, "alpha": alpha, "seed": seed, "metadata": table}
    answered = answer(pair, loaded, **options, where=True, cache=cache, progress=told, watch=watch)
    settings = {**answered.settings, "max_images": max_images, "device": device, "show_names": show_names}
    settings |= {"groups": groups, "metadata": table and list(table.names), **reading_settings(reading, pair.window)}
    with watch.stage("pictures"):
        shown = pictures(pair, [finding for finding in answered.findings if finding.verdict == "verified"])
    return Description(answered.model_copy(update={"settings": settings, "seconds": watch.seconds}), shown)


def opened(
    a: str | Path,
    b: str | Path | None,
    model: str | VisionLanguageModel,
    adapter: str | Path | None,
    device: str,
    method: str | None,
    told: Progress,
    watch: Stopwatch,
    **asked: Any,
) -> tuple[VisionLanguageModel, SetPair]:
    """The model, and both sets as its input.

    Args:
        method: that the model must be able to propose by; None: by none.
        asked: as for `load_pair`.
    """
    with watch.stage("load model"):
        told("loading the model", 0, 0)
        loaded = models.load(model, adapter, device) if isinstance(model, str) else model
        if method is not None:
            propose.check(method, loaded)
    with watch.stage("read images"):
        pair = load_pair(a, b, size=loaded.image_size, progress=partial(told, "reading images"), **asked)
    return loaded, pair


def check_options(method: str, alpha: float, groups: str | None) -> None:
    """Refuse options that no images can make right, before anything is loaded.

    Raises:
        UsageError: one is off.
    """
    if method not in propose.METHODS:
        raise UsageError(f"method {method!r} is unknown; expected one of {', '.join(propose.METHODS)}")
    if not LEAST_ALPHA <= alpha < 1:
        raise UsageError(
            f"alpha {alpha} is not between {LEAST_ALPHA} and 1; a permutation test of 999 draws tells no smaller chance"
        )
    if groups is not None:
        pattern(groups)


def answer(
    pair: SetPair,
    model: VisionLanguageModel,
    *,
    method: str = "learned",
    alpha: float = 0.05,
    seed: int = 0,
    metadata: Table | None = None,
    where: bool = False,
    cache: str | Path | None = None,
    progress: Progress | None = None,
    watch: Stopwatch | None = None,
) -> Report:
    """Two loaded sets in, a report out. What a proposer saw never verifies: the images are split beforehand.

    Args:
        where: find the place of each verified finding on its exemplars.

    Raises:
        InputError: a set has no two different images, or all of one group.
    """
    told, watch = progress or (lambda stage, done, total: None), watch or Stopwatch()
    tokens = model.tokens_used
    rng = np.random.default_rng(seed)
    sample = Sample.of(pair)
    properties, warnings = columns_of(metadata, sample.references) if metadata else ([], [])
    with watch.stage("features"):
        looked = partial(told, "looking at images")
        grids = features.encoded(model, sample.pixels, len(sample.ids), Path(cache) if cache else None, looked)
    with watch.stage("test"):
        told("testing for a difference", 0, 0)
        comparison = compare(sample, ridge.products(features.flat(grids)), alpha, rng)

    said, evidence = Said([]), list[Evidence]()
    if comparison.verdict == "different":
        images = verify.Encoded(grids, sample.pixels)
        with watch.stage("propose"):
            told("putting it into words", 0, 0)
            said = in_rounds(model, method, images, comparison, rng)
        with watch.stage("verify"):
            told("checking on other images", 0, 0)
            evidence = gathered(model, said.hypotheses, images, comparison, rng)
    with watch.stage("decide"):
        conclusion = conclude(comparison, evidence, rng, properties)
        findings = prevalence.corrected(conclusion.findings, evidence, model.judged, comparison.check)
        conclusion = replace(conclusion, findings=findings)
    if where and evidence:
        with watch.stage("where"):
            told("looking where", 0, 0)
            pool = images.only(comparison.look.rows).moments
            places = [
                located(model, one, sample.ids, grids, pool) if one.verdict == "verified" else one
                for one in conclusion.findings
            ]
            conclusion = replace(conclusion, findings=places)
    return report(
        comparison,
        conclusion,
        model=model.info,
        settings={"method": method, "alpha": alpha, "seed": seed},
        seconds=watch.seconds,
        warnings=[*warnings, *said.warnings],
        judged=bool(evidence),
        tokens=model.tokens_used - tokens,
    )


def pictures(pair: SetPair, findings: Sequence[Finding]) -> dict[str, bytes]:
    """Thumbnails of the exemplars and counter-examples of these findings that may be shown, by opaque id."""
    wanted = {name for f in findings for name in (*f.exemplars.a, *f.exemplars.b, *f.exemplars.against)}
    both = [(images, row, name) for images in (pair.a, pair.b) for row, name in enumerate(images.ids)]
    return {name: images.thumbnail(row) for images, row, name in both if name in wanted and images.may_show(row)}
