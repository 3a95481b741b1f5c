"""The page that a clinician can read, as HTML that holds all it needs and as Markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from eval.agreement import agreement_note
from eval.judge import JudgeOptions, open_judge
from eval.medical.clinic import NAMED, PARTLY, UNREAD, Clinic, Compared, Planted, clinic
from eval.medical.suite import SHORTCUTS
from eval.runs import finished
from eval.scoreboard import grader
from eval.tables import table
from vlmdiff import __version__
from vlmdiff.errors import InputError
from vlmdiff.render import wording
from vlmdiff.render.files import write_whole

LABELLED = ("medical", "real-easy")
"""The suites that there are such pages of."""

LIMITS = (
    "Not a medical device; for research use. Nothing here is about a single patient.",
    "A finding says how these images differ, not why. A difference in how they were taken can look like a difference "
    "in what they show; the planted shortcuts below tell how often the system notices such a thing.",
    "Verified means that the sentence fits one group better on images that did not suggest it. Whether the words are "
    "the right ones, look for yourself.",
    "Known features are those that the manifest lists, with a source; what it does not list was not looked for. "
    "A feature that is true of a disease need not show at this resolution or in these images.",
    "Images that a public model was trained on cannot be told; only what our own training saw is left out.",
)


def tally(told: Clinic) -> list[tuple[str, str, str]]:
    """For each kind of shortcut how often it was found: alone, and beside a real difference."""
    by_kind = {
        (name, beside): [one for one in told.planted if (one.shortcut, one.beside) == (name, beside)]
        for name in SHORTCUTS
        for beside in (False, True)
    }
    rows = [(name, _found(by_kind[name, False]), _found(by_kind[name, True])) for name in SHORTCUTS]
    return [row for row in rows if row[1:] != ("-", "-")]


def _found(planted: Sequence[Planted]) -> str:
    if not planted:
        return "-"
    outcomes = Counter(one.found for one in planted)
    text = f"{outcomes['found']} of {len(planted)}"
    return text + (f", {outcomes['partly found']} partly" if outcomes["partly found"] else "")


def headline(told: Clinic) -> str:
    """The page in one paragraph."""
    apart_, features = sum(c.told_apart for c in told.compared), [f for c in told.compared for f in c.features]
    outcomes = Counter(feature.outcome or feature.held_out for feature in features)
    named = outcomes[NAMED] + outcomes[PARTLY]
    found = sum(p.found in ("found", "partly found") for p in told.planted)
    unread = f" ({outcomes[UNREAD]} could not be judged)" if outcomes[UNREAD] else ""
    nulls = told.nulls
    return (
        f"{apart_} of {wording.count(len(told.compared), 'comparison')} could be told apart. Of "
        f"{wording.count(len(features), 'known feature')} {named} were named, at least in part{unread}. Of "
        f"{wording.count(len(told.planted), 'planted shortcut')} {found} were found. Of {nulls.asked} comparisons of "
        f"images with others of the same kind {nulls.called_different} were called different, with "
        f"{wording.count(len(nulls.findings), 'false finding')}."
    )


def sizes(compared: Compared) -> str:
    """How many images and patients of each group."""
    told = []
    for name, images, groups in zip((compared.a, compared.b), compared.images, compared.groups, strict=True):
        whose = "" if groups is None else f" of {wording.count(groups, compared.group_is)}"
        told.append(f"{name}: {wording.count(images, 'image')}{whose}")
    unknown = ". Nobody knows which of those are of one patient" if None in compared.groups else ""
    return "; ".join(told) + unknown


def page(told: Clinic) -> str:
    """One self-contained HTML page; every text is escaped."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    template = environment.get_template("page.html.jinja")
    return template.render(
        clinic=told,
        title=title(told),
        headline=headline(told),
        tally=tally(told),
        sizes=sizes,
        limits=LIMITS,
        version=__version__,
    )


def markdown(told: Clinic) -> str:
    """The same as Markdown; nothing in a text is markup."""
    parts = [f"# {title(told)}", headline(told), LIMITS[0], *_progress(told)]
    for one in told.compared:
        parts += _comparison(one)
    if told.planted:
        each = [(one.shortcut, one.family, one.where, one.found) for one in told.planted]
        parts += [
            "## Planted shortcuts",
            table(("shortcut", "alone: found", "beside a real difference: found"), tally(told)),
            table(("shortcut", "painted as", "where", "outcome"), each),
        ]
    nulls = told.nulls
    images = [
        (name, kind, str(there or "-"), str(used or "-"), why or "-") for name, kind, there, used, why in told.used
    ]
    parts += [
        "## False alarms",
        f"{nulls.asked} comparisons of one half of a class with the other: {nulls.called_different} called different, "
        f"{wording.count(len(nulls.findings), 'false finding')}.",
        _listed(nulls.findings),
        "## Images",
        table(("data set", "class", "there", "used", "left out"), images),
        *(["### Skipped, too few images", _listed(told.skipped)] if told.skipped else []),
        *(["### Not found", _listed(told.absent)] if told.absent else []),
        "## Limits",
        _listed((*LIMITS, f"Judge: {told.judge}.")),
        "## Sources of the images",
        _listed([f"{name}: {citation}. Licence: {licence}." for name, licence, citation in told.licences]),
    ]
    return "\n\n".join(part for part in parts if part).replace("<", "&lt;") + "\n"


def _comparison(one: Compared) -> list[str]:
    findings = _listed([f"in {said.group}: {said.text}. {said.effect}" for said in one.findings])
    if one.held_out:
        head: tuple[str, ...] = ("known of", "feature", "outcome", f"on held-out {one.group_is}s", "source")
        rows: list[tuple[str, ...]] = [
            (f.group, f.text, f.outcome or "-", f.held_out or "-", f.source) for f in one.features
        ]
    else:
        head = ("known of", "feature", "outcome", "source")
        rows = [(f.group, f.text, f.outcome or "-", f.source) for f in one.features]
    return [
        f"## {one.data_set}: {one.name}",
        f"{sizes(one)}. {one.sentence}",
        f"*To keep in mind: {one.caution}*" if one.caution else "",
        findings or "Nothing was verified.",
        one.held_out,
        table(head, rows),
    ]


def _listed(lines: Sequence[str]) -> str:
    return "\n".join(f"* {line}" for line in lines)


def write_pages(folder: Path, judge: str, options: JudgeOptions) -> list[Path]:
    """Write NAME.html and NAME.md into the folder of a run, for every suite of labelled images in it.

    Raises:
        InputError: there is no run, or none of such a suite.
        UsageError: there is no such judge, or an option that it needs is absent.
    """
    of, records = finished(folder)
    named = [name for name in LABELLED if name in of["suites"]]
    if not named:
        raise InputError(f"{folder} is a run of {', '.join(of['suites'])}; expected {' or '.join(LABELLED)}")
    grade, note = grader(open_judge(judge, options)), agreement_note(judge, options)
    written = []
    for name in named:
        told = clinic(of, records, grade, note, name)
        for suffix, text in ((".html", page(told)), (".md", markdown(told))):
            written.append(folder / f"{name}{suffix}")
            write_whole(written[-1], text)
    return written


def title(told: Clinic) -> str:
    what = "Medical images" if told.suite == "medical" else "Everyday images"
    return f"{what}: what the method {told.system!r} named, and what it missed"


def _progress(told: Clinic) -> list[str]:
    done, all_ = told.asked
    return [] if done == all_ else [f"{done} of {all_} cases are answered so far."]
