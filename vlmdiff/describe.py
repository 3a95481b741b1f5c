"""The story in one page: read, test, look, propose, verify on other images, decide, report."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import ceil, log2
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vlmdiff import models, propose, verify
from vlmdiff.decide import decide, enough_images, images_needed
from vlmdiff.errors import InputError, UsageError
from vlmdiff.findings import Evidence, Finding, Images, Report, SideImages, TwoSampleTest, Verdict
from vlmdiff.images.groups import alone, pattern
from vlmdiff.images.sets import LoadedSet, SetPair, load_pair
from vlmdiff.learn import probe
from vlmdiff.learn.tokens import Moments, with_summaries
from vlmdiff.models.base import VisionLanguageModel

Progress = Callable[[str, int, int], None]
"""Stage, done, total; a total of 0 is unknown."""


@dataclass(frozen=True)
class Description:
    """A report and small pictures of the images it names."""

    report: Report
    pictures: dict[str, bytes]
    """PNG by opaque image id."""


@dataclass
class Stopwatch:
    """Wall seconds by stage."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = round(time.perf_counter() - start, 3)


def run(
    a: str | Path,
    b: str | Path,
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
    progress: Progress | None = None,
) -> Description:
    """Describe how two sets of images differ; `vlmdiff.describe` is this without the pictures.

    Args:
        a: a folder, a glob, a .txt or .csv list, or an archive; b: the same.
        model: `mini` or a folder with a transformers model; adapter: a folder from `python -m train lora`. A model that
            is loaded already is used as it is, whatever `adapter` and `device` say.
        method: how hypotheses are proposed; see `vlmdiff.propose.METHODS`.
        max_images: at most this many images a set, drawn by `seed`.
        alpha: level of the two-sample test and bound on the q-value of a verified finding, between 0 and 1.
        groups: which images belong together (one patient, one burst), so that they are split, left out, permuted and
            resampled together: a regular expression for their paths inside A and B (its first group, or all it
            matches), or `column:NAME` where A and B are .csv lists.

    Raises:
        InputError: the images cannot be used. ModelError: the model cannot. UsageError: an option is off.
    """
    check_options(method, alpha, groups)
    told = progress or (lambda stage, done, total: None)
    watch = Stopwatch()
    with watch.stage("load model"):
        told("loading the model", 0, 0)
        loaded = models.load(model, adapter, device) if isinstance(model, str) else model
    with watch.stage("read images"):
        pair = load_pair(
            a,
            b,
            size=loaded.image_size,
            max_images=max_images,
            seed=seed,
            show_names=show_names,
            groups=groups,
            progress=lambda done, total: told("reading images", done, total),
        )
    report = answer(pair, loaded, method=method, alpha=alpha, seed=seed, progress=told, watch=watch)
    settings = {**report.settings, "max_images": max_images, "device": device, "show_names": show_names}
    settings["groups"] = groups
    with watch.stage("pictures"):
        pictures = _pictures(pair, report.findings)
    return Description(report.model_copy(update={"settings": settings, "seconds": watch.seconds}), pictures)


def check_options(method: str, alpha: float, groups: str | None) -> None:
    """Refuse options that no images can make right, before anything is loaded.

    Raises:
        UsageError: one is off.
    """
    if method not in propose.METHODS:
        raise UsageError(f"method {method!r} is unknown; expected one of {', '.join(propose.METHODS)}")
    if not 0 < alpha < 1:
        raise UsageError(f"alpha {alpha} is not between 0 and 1")
    if groups is not None:
        pattern(groups)


def answer(
    pair: SetPair,
    model: VisionLanguageModel,
    *,
    method: str = "learned",
    alpha: float = 0.05,
    seed: int = 0,
    progress: Progress | None = None,
    watch: Stopwatch | None = None,
) -> Report:
    """Two loaded sets in, a report out. What a proposer saw never verifies: the images are split beforehand.

    Raises:
        InputError: a set has no two different images, or all of one group.
    """
    told, watch = progress or (lambda stage, done, total: None), watch or Stopwatch()
    tokens = model.tokens_used
    rng = np.random.default_rng(seed)
    kept_a, kept_b = distinct(pair.a), distinct(pair.b)
    n_a, n_b = len(kept_a), len(kept_b)
    is_b = np.arange(n_a + n_b) >= n_a
    members_a, members_b = groups_of(pair.a, kept_a), groups_of(pair.b, kept_b)
    groups = numbered(members_a + members_b) if pair.a.groups or pair.b.groups else None
    with watch.stage("features"):
        told("looking at images", 0, 0)
        grids = model.features(np.concatenate([pair.a.pixels[kept_a], pair.b.pixels[kept_b]]))
    with watch.stage("test"):
        told("testing for a difference", 0, 0)
        products = probe.gram(probe.flatten(grids.numpy()))
        test = probe.two_sample_test(products, is_b, rng, groups=groups, alpha=alpha)

    findings: list[Finding] = []
    warnings = list(pair.warnings)
    look, check = split(is_b, groups, rng)
    look_groups, check_groups = (None, None) if groups is None else (groups[look], groups[check])
    check_a, check_b = check[check < n_a], check[check >= n_a]
    enough = enough_images(len(check_a), len(check_b), 1, alpha, check_groups)
    if enough and test.p_value <= alpha:
        with watch.stage("propose"):
            told("putting it into words", 0, 0)
            rows = with_summaries(grids)
            pool = Moments.of(rows[look])
            look_a, look_b = rows[look[look < n_a]], rows[look[look >= n_a]]
            said = propose.METHODS[method](model, look_a, look_b, rng, look_groups)
            if said:
                said = propose.merged(said, verify.scores_among(model, said, rows[look], pool))
        with watch.stage("verify"):
            told("checking on other images", 0, 0)
            if said:
                on_a = verify.scores(model, said, rows[check_a], pool)
                on_b = verify.scores(model, said, rows[check_b], pool)
                evidence = [Evidence(h, on_a[:, i], on_b[:, i]) for i, h in enumerate(said)]
                ids_a = [pair.a.ids[i] for i in kept_a[check_a]]
                ids_b = [pair.b.ids[i] for i in kept_b[check_b - n_a]]
                findings = decide(evidence, ids_a, ids_b, alpha=alpha, rng=rng, groups=check_groups)
    verdict: Verdict
    if not enough:
        verdict = "not enough images"
        needed = 2 * images_needed(alpha, 1) - 1  # of an odd number, more are checked than looked at
        if groups is None:
            warnings.append(f"at least {needed} different images a set are needed at alpha {alpha:g}")
        else:
            pairs = 2 * ceil(log2(1 / alpha)) - 1  # a group with one image in each set has two labelings
            warnings.append(f"at least {needed} groups a set are needed at alpha {alpha:g}, {pairs} if in both sets")
    else:
        verdict = "different" if test.p_value <= alpha else "no detectable difference"
    return Report(
        verdict=verdict,
        test=reported(test, n_a, n_b),
        findings=findings,
        images=images_of(pair, members_a, members_b),
        model=model.info,
        settings={"method": method, "alpha": alpha, "seed": seed},
        seconds=watch.seconds,
        tokens=model.tokens_used - tokens,
        warnings=warnings,
    )


def distinct(images: LoadedSet) -> NDArray[np.intp]:
    """Rows without copies of a file: a copy is no further evidence, and would suggest what it then verifies."""
    rows = np.sort(np.unique(images.digests, return_index=True)[1])
    if len(rows) < 2:
        raise InputError(f"set {images.side.upper()}: all images are copies of one; at least 2 different are needed")
    return rows


def groups_of(images: LoadedSet, rows: NDArray[np.intp]) -> list[str]:
    """The group of each of these images; its own where none was told."""
    if images.groups is None:
        return [alone(images.ids[row]) for row in rows]
    members = [images.groups[row] for row in rows]
    if len(set(members)) < 2:
        raise InputError(f"set {images.side.upper()}: all images are of one group; at least 2 groups are needed")
    return members


def numbered(members: Sequence[str]) -> NDArray[np.intp] | None:
    """A number for each image, equal within a group; None where no two share one."""
    names, numbers = np.unique(members, return_inverse=True)
    return numbers if len(names) < len(numbers) else None


def split(
    is_b: NDArray[np.bool_], groups: NDArray[np.intp] | None, rng: np.random.Generator
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows of the look images and of the check images, half of each set's images or groups, in order."""
    look = np.zeros(len(is_b), bool)
    if groups is None:
        for rows in (np.flatnonzero(~is_b), np.flatnonzero(is_b)):
            look[rng.permutation(rows)[: len(rows) // 2]] = True
    else:
        of_a, of_b = groups[~is_b], groups[is_b]
        both = rng.permutation(np.intersect1d(of_a, of_b))
        for only in (np.setdiff1d(of_a, of_b), np.setdiff1d(of_b, of_a)):
            # Those in both sets come first: so they fall the same way twice.
            look |= np.isin(groups, np.concatenate([both, rng.permutation(only)])[1::2])
    return np.flatnonzero(look), np.flatnonzero(~look)


def reported(test: probe.TwoSample, n_a: int, n_b: int) -> TwoSampleTest:
    """What of the two-sample test of so many images goes into the report."""
    return TwoSampleTest(
        auroc=test.auroc,
        auroc_ci=test.auroc_ci,
        p_value=test.p_value,
        n_a=n_a,
        n_b=n_b,
        smallest_detectable_auroc=test.smallest_detectable_auroc,
    )


def images_of(pair: SetPair, members_a: Sequence[str], members_b: Sequence[str]) -> Images:
    """How many images of each set were read and skipped, and their groups, if they have any."""
    grouped = pair.a.groups is not None or pair.b.groups is not None
    shared = len({*members_a} & {*members_b}) if grouped else None
    return Images(a=_side(pair.a, members_a), b=_side(pair.b, members_b), groups_in_both=shared)


def _side(images: LoadedSet, members: Sequence[str]) -> SideImages:
    groups = None if images.groups is None else len(set(members))
    return SideImages(read=len(images.ids), skipped=images.skipped, groups=groups)


def _pictures(pair: SetPair, findings: list[Finding]) -> dict[str, bytes]:
    """Thumbnails of the exemplars of every finding."""
    pictures: dict[str, bytes] = {}
    for images, shown in ((pair.a, [f.exemplars.a for f in findings]), (pair.b, [f.exemplars.b for f in findings])):
        row: dict[str, Any] = {name: i for i, name in enumerate(images.ids)}
        for name in {name for names in shown for name in names}:
            pictures[name] = images.thumbnail(row[name])
    return pictures
