"""How right is the judge of single images, family by family: images that show a claim against images that do not.

`python -m eval judging --bank BANK` on unseen photographs, for the record; with `--split val --into ADAPTER` it writes
what `vlmdiff describe` corrects prevalences by.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median

import numpy as np
from numpy.typing import NDArray

from data_synth.catalog import FAMILIES
from data_synth.compose import LabelledPair, compose_or_next
from data_synth.config import PairConfig
from data_synth.facts import Content
from data_synth.lexicon import canonical, parse
from data_synth.matching import oriented
from data_synth.sources import Bank, Split
from eval.suites import PLANTED, digest
from eval.systems import ALPHA, loaded
from vlmdiff import verify
from vlmdiff.decide import decide
from vlmdiff.errors import UsageError
from vlmdiff.findings import Evidence, Hypothesis
from vlmdiff.learn import features
from vlmdiff.models.accuracy import Accuracy, Counts
from vlmdiff.models.base import VisionLanguageModel
from vlmdiff.models.card import RunCard
from vlmdiff.render.files import write_whole
from vlmdiff.sample import Sample
from vlmdiff.stats import auroc, wilson_interval

SEED = 920_001
"""Far from the seeds of training and of the suites."""
STRENGTH, ANY_STRENGTH = (0.5, 0.5), (0.3, 1.0)
"""Of every other pair, the one that AUROCs are told at; and of the others, for rates of what real sets may show."""
PREVALENCE = (0.5, 0.5)
"""Half of the images of one set show it, so that the judge's pool is mixed, as that of real sets is."""
SIBLINGS = 3
"""Wrong claims of the right family a pair."""


@dataclass(frozen=True)
class Judgment:
    """One pair: check images of both sets, held against the right claim and against wrong ones."""

    family: str
    index: int
    at_half: bool
    """At strength 0.5."""
    auroc: float | None
    """Of the right claim, images that show it against those that do not; None where all or none do."""
    shown: int
    said: int
    absent: int
    denied: int
    siblings: int
    """Wrong claims of the same family, on the right side."""
    verified_alone: int
    """Of these, verified where nothing else was tested."""
    verified_beside: int
    """Of these, verified where the right claim was tested, too."""


def split_of(name: str) -> Split:
    """The split of that name; UsageError where a gradient has seen it, or there is none."""
    known: dict[str, Split] = {"test": "test", "val": "val"}
    if name not in known:
        raise UsageError(f"split {name!r} was trained on or is unknown; expected {' or '.join(known)}")
    return known[name]


def configs_of(
    families: Sequence[str], pairs: int, split: Split, bank: Bank, card: RunCard | None
) -> list[tuple[str, int, PairConfig]]:
    """(family, index, what the pair is drawn from), every other one at strength 0.5."""
    suite = PLANTED["core"]
    condition = replace(suite.conditions[0].config, split=split, prevalence=PREVALENCE, nuisances=(1.0,))
    core = replace(suite, conditions=(replace(suite.conditions[0], config=condition),)).resolved(bank, card)
    resolved = core.conditions[0].config
    return [
        (name, index, replace(resolved, families=(name,), strength=ANY_STRENGTH if index % 2 else STRENGTH))
        for index in range(pairs)
        for name in families
    ]


def families_of(model: VisionLanguageModel) -> list[str]:
    """Families of single images that the model was taught, in the catalog's order.

    Raises:
        UsageError: it was taught none.
    """
    known = [name for name in FAMILIES if name in model.claims]
    if not known:
        raise UsageError(f"{model.info.name} was taught no families; judge one with an adapter")
    return known


def judged(model: VisionLanguageModel, family: str, index: int, pair: LabelledPair) -> Judgment:
    """One pair, split into look and check images as `describe` splits it; the look images are the judge's pool."""
    sets = loaded(pair.images_a, pair.images_b, model.image_size, None)
    sample, rng = Sample.of(sets), np.random.default_rng(index)
    look, check = sample.halves(rng)
    images = verify.Encoded(features.encoded(model, sample.pixels, len(sample.ids)), sample.pixels)
    fact = pair.difference[0]
    right = Hypothesis(canonical(fact.content), fact.side, 1.0)
    wrong = [Hypothesis(text, fact.side, 1.0) for text in wrong_siblings(model, fact.content)]
    scores = verify.scores(model, [right, *wrong], images.only(check.rows), images.only(look.rows))
    shows = _shows(sample.ids, pair)[check.rows]
    evidence = [Evidence(h, scores[: check.n_a, i], scores[check.n_a :, i]) for i, h in enumerate([right, *wrong])]
    ids = [sample.ids[row] for row in check.a], [sample.ids[row] for row in check.b]

    def verified(tested: Sequence[Evidence]) -> set[str]:
        found = decide(tested, *ids, alpha=ALPHA, rng=rng)
        return {finding.text for finding in found if finding.verdict == "verified"} - {right.text}

    said = scores[:, 0] > 0
    return Judgment(
        family=family,
        index=index,
        at_half=not index % 2,
        auroc=auroc(scores[~shows, 0], scores[shows, 0]) if shows.any() and not shows.all() else None,
        shown=int(shows.sum()),
        said=int((said & shows).sum()),
        absent=int((~shows).sum()),
        denied=int((~said & ~shows).sum()),
        siblings=len(wrong),
        verified_alone=sum(len(verified([one])) for one in evidence[1:]),
        verified_beside=len(verified(evidence)) if wrong else 0,
    )


def wrong_siblings(model: VisionLanguageModel, truth: Content) -> list[str]:
    """The nearest other claims of the family: another value, another place."""
    own = next(claims for claims in model.claims.values() if canonical(truth) in claims)
    near = [text for text in model.siblings(canonical(truth), 2 * SIBLINGS + 2) if text in own]
    return [text for text in near if (said := parse(text)) and oriented("b", said) != oriented("b", truth)][:SIBLINGS]


def _shows(ids: Sequence[str], pair: LabelledPair) -> NDArray[np.bool_]:
    """Which images of a sample show the planted fact; ids are numbered as the pair's images are."""
    of = {"A": pair.shows_a[:, 0], "B": pair.shows_b[:, 0]}
    return np.array([of[name[0]][int(name[2:]) - 1] for name in ids])


def run(
    model: VisionLanguageModel,
    bank: Bank,
    folder: Path,
    pairs: int,
    split: Split,
    progress: Callable[[int, int], None],
) -> list[Judgment]:
    """Judge so many pairs of every family; one line a pair in `folder`, which a second call goes on from.

    Raises:
        UsageError: the folder holds another run, or the model was taught no family.
    """
    families = families_of(model)
    of = {"model": model.info.model_dump(), "split": split, "families": families, "images": len(bank.items)}
    folder.mkdir(parents=True, exist_ok=True)
    note, file = folder / "run.json", folder / "judgments.jsonl"
    if not note.exists():
        write_whole(note, json.dumps(of, indent=1) + "\n")
    elif json.loads(note.read_text()) != of:
        raise UsageError(f"{folder} holds judgments of another model or bank; choose another --out")
    done = {(one.family, one.index): one for one in _resumed(file)}
    wanted = configs_of(families, pairs, split, bank, model.card)
    with file.open("a") as stream:
        for one in _missing(model, bank, wanted, set(done)):
            stream.write(json.dumps(asdict(one)) + "\n")
            stream.flush()
            done[one.family, one.index] = one
            progress(len(done), len(wanted))
    return [done[name, index] for name, index, _ in wanted]


def _missing(
    model: VisionLanguageModel, bank: Bank, wanted: Sequence[tuple[str, int, PairConfig]], done: set[tuple[str, int]]
) -> Iterator[Judgment]:
    for name, index, config in wanted:
        if (name, index) not in done:
            yield judged(model, name, index, compose_or_next(config, bank, SEED + list(FAMILIES).index(name), index))


def _resumed(file: Path) -> list[Judgment]:
    """Whole lines; a last one that a kill tore is cut off."""
    content = file.read_bytes() if file.exists() else b""
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) < len(content):
        os.truncate(file, len(whole))
    return [Judgment(**json.loads(line)) for line in whole.splitlines()]


def accuracy(judgments: Sequence[Judgment], model: VisionLanguageModel, split: Split) -> Accuracy:
    """What corrects the rates of this judge."""
    families = {}
    for name in dict.fromkeys(one.family for one in judgments):
        own = [one for one in judgments if one.family == name]
        parts = ("shown", "said", "absent", "denied")
        families[name] = Counts(**{part: sum(getattr(one, part) for one in own) for part in parts})
    low, high = ANY_STRENGTH
    return Accuracy(
        weights_sha256=model.info.weights_sha256,
        measured_on=f"generated pairs of 32 + 32 images of the {split} split; half of the images of one set show it, "
        f"at strength {STRENGTH[0]} or between {low} and {high}",
        families=families,
    )


def page(judgments: Sequence[Judgment], model: VisionLanguageModel, split: Split) -> str:
    """Markdown: the two headline figures, and a row a family."""
    by_family: dict[str, list[Judgment]] = {}
    for one in judgments:
        by_family.setdefault(one.family, []).append(one)
    areas = {name: _area(own) for name, own in by_family.items()}
    known = [area for area in areas.values() if area is not None]
    lines = [
        "# The judge of single images",
        "",
        f"Written by `python -m eval judging --split {split} --pairs {max(map(len, by_family.values()))}`: "
        f"{len(judgments)} pairs of 32 + 32 images, half of the images of one set changed and nothing else; the look "
        "half is the judge's pool, the check half is judged. AUROC: changed images against unchanged ones, at strength "
        "0.5. Siblings: wrong claims of the right family "
        f"(another value or place) on the right side, tested at alpha {ALPHA:g} alone, or beside the right claim as in "
        "a run.",
        "",
        f"* Median AUROC over {len(known)} families: **{median(known):.3f}**; {sum(a >= 0.85 for a in known)} of them "
        "reach .85.",
        f"* Wrong siblings verified alone: **{_share(judgments, 'verified_alone', 'siblings')}**; beside the right "
        f"claim: **{_share(judgments, 'verified_beside', 'siblings')}**.",
        f"* Images that show it, judged so: {_share(judgments, 'said', 'shown')}; that do not, judged so: "
        f"{_share(judgments, 'denied', 'absent')}.",
        "",
        f"Model {model.info.name}, weights {model.info.weights_sha256[:12]}.",
        "",
        "| family | AUROC at 0.5 | sensitivity | specificity | siblings verified alone |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name in sorted(by_family, key=lambda name: -(areas[name] or 0)):
        own = by_family[name]
        parts = (
            _share(own, *ratio) for ratio in (("said", "shown"), ("denied", "absent"), ("verified_alone", "siblings"))
        )
        lines.append(f"| {name} | {'' if areas[name] is None else f'{areas[name]:.2f}'} | {' | '.join(parts)} |")
    return "\n".join(lines) + "\n"


def _area(own: Sequence[Judgment]) -> float | None:
    """Mean over the pairs at strength 0.5."""
    found = [one.auroc for one in own if one.at_half and one.auroc is not None]
    return sum(found) / len(found) if found else None


def _share(own: Sequence[Judgment], part: str, whole: str) -> str:
    some, every = (sum(getattr(one, name) for one in own) for name in (part, whole))
    if not every:
        return "none"
    low, high = wilson_interval(some, every)
    return f"{some / every:.2f} of {every} [{low:.2f}, {high:.2f}]"


def digest_of(model: VisionLanguageModel, split: Split) -> str:
    """Eight letters that a run's folder is named after."""
    return digest([model.info.model_dump(), split])[:8]
