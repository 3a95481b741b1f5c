"""The story in one page: read, test, look, propose, verify on other images, decide, report."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vlmdiff import models, propose, verify
from vlmdiff.decide import decide, enough_images, images_needed
from vlmdiff.errors import InputError, UsageError
from vlmdiff.findings import Evidence, Finding, Images, Report, SideImages, TwoSampleTest, Verdict
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
    model: str = "mini",
    adapter: str | Path | None = None,
    method: str = "learned",
    max_images: int | None = None,
    seed: int = 0,
    device: str = "auto",
    alpha: float = 0.05,
    show_names: bool = False,
    progress: Progress | None = None,
) -> Description:
    """Describe how two sets of images differ; `vlmdiff.describe` is this without the pictures.

    Args:
        a: a folder, a glob, a .txt or .csv list, or an archive; b: the same.
        model: `mini` or a folder with a transformers model; adapter: a folder from `python -m train lora`.
        method: how hypotheses are proposed; see `vlmdiff.propose.METHODS`.
        max_images: at most this many images a set, drawn by `seed`.
        alpha: level of the two-sample test and bound on the q-value of a verified finding, between 0 and 1.

    Raises:
        InputError: the images cannot be used. ModelError: the model cannot. UsageError: an option is off.
    """
    if method not in propose.METHODS:
        raise UsageError(f"method {method!r} is unknown; expected one of {', '.join(propose.METHODS)}")
    if not 0 < alpha < 1:
        raise UsageError(f"alpha {alpha} is not between 0 and 1")
    told = progress or (lambda stage, done, total: None)
    watch = Stopwatch()
    with watch.stage("load model"):
        told("loading the model", 0, 0)
        loaded = models.load(model, adapter, device)
    with watch.stage("read images"):
        pair = load_pair(
            a,
            b,
            size=loaded.image_size,
            max_images=max_images,
            seed=seed,
            show_names=show_names,
            progress=lambda done, total: told("reading images", done, total),
        )
    report = answer(pair, loaded, method=method, alpha=alpha, seed=seed, progress=told, watch=watch)
    settings = {**report.settings, "max_images": max_images, "device": device, "show_names": show_names}
    with watch.stage("pictures"):
        pictures = _pictures(pair, report.findings)
    return Description(report.model_copy(update={"settings": settings, "seconds": watch.seconds}), pictures)


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
        InputError: a set has no two different images.
    """
    told, watch = progress or (lambda stage, done, total: None), watch or Stopwatch()
    rng = np.random.default_rng(seed)
    kept_a, kept_b = _distinct(pair.a), _distinct(pair.b)
    n_a, n_b = len(kept_a), len(kept_b)
    with watch.stage("features"):
        told("looking at images", 0, 0)
        grids = model.features(np.concatenate([pair.a.pixels[kept_a], pair.b.pixels[kept_b]]))
    with watch.stage("test"):
        told("testing for a difference", 0, 0)
        is_b = np.arange(n_a + n_b) >= n_a
        test = probe.two_sample_test(probe.gram(probe.flatten(grids.numpy())), is_b, rng, alpha=alpha)

    findings: list[Finding] = []
    warnings = list(pair.warnings)
    look_a, check_a = _split(n_a, rng)
    look_b, check_b = _split(n_b, rng)
    enough = enough_images(len(check_a), len(check_b), 1, alpha)
    if enough and test.p_value <= alpha:
        with watch.stage("propose"):
            told("putting it into words", 0, 0)
            rows = with_summaries(grids)
            a, b = rows[:n_a], rows[n_a:]
            look = np.concatenate([look_a, n_a + look_b])
            pool = Moments.of(rows[look])
            said = propose.METHODS[method](model, a[look_a], b[look_b], rng)
            if said:
                said = propose.merged(said, verify.scores_among(model, said, rows[look], pool))
        with watch.stage("verify"):
            told("checking on other images", 0, 0)
            if said:
                on_a = verify.scores(model, said, a[check_a], pool)
                on_b = verify.scores(model, said, b[check_b], pool)
                evidence = [Evidence(h, on_a[:, i], on_b[:, i]) for i, h in enumerate(said)]
                ids_a, ids_b = [pair.a.ids[i] for i in kept_a[check_a]], [pair.b.ids[i] for i in kept_b[check_b]]
                findings = decide(evidence, ids_a, ids_b, alpha=alpha, rng=rng)
    verdict: Verdict
    if not enough:
        verdict = "not enough images"
        needed = 2 * images_needed(alpha, 1) - 1  # of an odd number, more are checked than looked at
        warnings.append(f"at least {needed} different images a set are needed at alpha {alpha:g}")
    else:
        verdict = "different" if test.p_value <= alpha else "no detectable difference"
    return Report(
        verdict=verdict,
        test=TwoSampleTest(
            auroc=test.auroc,
            auroc_ci=test.auroc_ci,
            p_value=test.p_value,
            n_a=n_a,
            n_b=n_b,
            smallest_detectable_auroc=test.smallest_detectable_auroc,
        ),
        findings=findings,
        images=Images(a=_side(pair.a), b=_side(pair.b)),
        model=model.info,
        settings={"method": method, "alpha": alpha, "seed": seed},
        seconds=watch.seconds,
        warnings=warnings,
    )


def _distinct(images: LoadedSet) -> NDArray[np.intp]:
    """Rows without copies of a file: a copy is no further evidence, and would suggest what it then verifies."""
    rows = np.sort(np.unique(images.digests, return_index=True)[1])
    if len(rows) < 2:
        raise InputError(f"set {images.side.upper()}: all images are copies of one; at least 2 different are needed")
    return rows


def _split(count: int, rng: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of the look images and of the check images, half each, in order."""
    order = rng.permutation(count)
    return np.sort(order[: count // 2]), np.sort(order[count // 2 :])


def _side(images: LoadedSet) -> SideImages:
    return SideImages(read=len(images.ids), skipped=images.skipped)


def _pictures(pair: SetPair, findings: list[Finding]) -> dict[str, bytes]:
    """Thumbnails of the exemplars of every finding."""
    pictures: dict[str, bytes] = {}
    for images, shown in ((pair.a, [f.exemplars.a for f in findings]), (pair.b, [f.exemplars.b for f in findings])):
        row: dict[str, Any] = {name: i for i, name in enumerate(images.ids)}
        for name in {name for names in shown for name in names}:
            pictures[name] = images.thumbnail(row[name])
    return pictures
