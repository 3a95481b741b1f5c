"""The suite of labelled images: what is compared, what is left out, what is planted, and what is told of it."""

import hashlib
import json
import pickle
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data_synth.sources import Bank, BaseImage
from eval import __main__ as command
from eval.cases import Truth
from eval.judge import open_judge
from eval.medical.clinic import MISSED, NAMED, UNREAD, by_chance, clinic
from eval.medical.manifest import read
from eval.medical.page import headline, markdown, page, tally
from eval.medical.suite import PREVALENCE, SHORTCUTS, Plan, RealSuite, open_medical, planted
from eval.runs import complete, identity, one_by_one
from eval.scoreboard import grader
from eval.suites import digest
from tests.eval import fakes, releases
from vlmdiff.errors import InputError, UsageError
from vlmdiff.findings import Report
from vlmdiff.models.card import RunCard

PATIENTS = 10
MANIFEST = """
name = "mine"
title = "My <b>images</b>"
licence = "none"
citation = "me"
get = "ask me"
folder = "mine"
group_is = "patient"
minimum = 8

[layout]
loader = "folders"
group = 'p(\\d+)_'

[classes]
well = { labels = ["well"] }
sick = { labels = ["sick"] }
rare = { labels = ["rare"] }

[[comparisons]]
name = "well against sick"
a = "well"
b = "sick"
caution = "Made of noise."

[[comparisons.known]]
side = "b"
text = "the images are darker"
source = "written 2026"

[[comparisons.known]]
side = "a"
text = "it is all rather lovely"
source = "written 2026"

[[comparisons]]
name = "well against rare"
a = "well"
b = "rare"

[[comparisons.known]]
side = "b"
text = "the images are darker"
source = "written 2026"
"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two images each of ten patients, well and sick; three rare ones."""
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "mine.toml").write_text(MANIFEST, encoding="utf-8")
    for number in range(2 * PATIENTS):
        releases.picture(folder / "mine" / "well" / f"p{number // 2}_{number}.png", number, side=64)
        releases.picture(folder / "mine" / "sick" / f"p{50 + number // 2}_{number}.png", 50 + number, side=64, level=90)
    for number in range(3):
        releases.picture(folder / "mine" / "rare" / f"p{80 + number}_0.png", 80 + number, side=64)
    return folder


def resolved(data: Path, bank: Bank | None = None, card: RunCard | None = None) -> RealSuite:
    return open_medical(data).resolved(bank or Bank.drawn_only(), card)


def plans(suite: RealSuite, kind: str) -> list[tuple[int, Plan]]:
    return [(index, plan) for index, plan in enumerate(suite.plans) if plan.kind == kind]


def hashes(suite: RealSuite, name: str) -> list[str]:
    """Of all images of a class that are used anywhere."""
    sides = [(p.a, p.chosen_a) for p in suite.plans] + [(p.b, p.chosen_b) for p in suite.plans]
    return sorted({one.sha256 for side, chosen in sides if side == name for one in chosen})


def bank_of(sha256: dict[str, str], split: str, domain: str = "mine", group: str = "") -> Bank:
    items = tuple(BaseImage(f"{domain}/{file}", domain, "", split, sha, group) for sha, file in sha256.items())  # type: ignore[arg-type]
    return Bank(np.zeros((len(items), 8, 8, 3), np.uint8), items)


def card(**changes: object) -> RunCard:
    known = RunCard(
        recipe={},
        commit="0",
        versions={},
        families=(),
        domains=("mine",),
        splits=("train",),
        held_out=False,
        least_strength=0.15,
        least_prevalence=0.6,
        photographs=(),
    )
    return known.model_copy(update=changes)


def test_all_four_kinds_are_asked_and_a_cut_run_has_some_of_each(data: Path) -> None:
    suite = resolved(data)
    counts = {kind: len(plans(suite, kind)) for kind in ("known", "verify", "shortcut", "null")}
    assert counts == {"known": 1, "verify": 1, "shortcut": 3 * len(SHORTCUTS), "null": 4}
    assert {plan.kind for plan in suite.first(4).plans} == set(counts) and suite.first(4).pairs == 4
    assert any("well against rare: 20 + 3 unseen images, 8 a side are needed" in line for line in suite.skipped)
    assert any("two halves of 'rare'" in line for line in suite.skipped)


def test_what_is_known_goes_with_its_class_whichever_set_that_is(data: Path) -> None:
    suite = resolved(data)
    for index, plan in [*plans(suite, "known"), *plans(suite, "verify")]:
        truth = suite.case(index, Bank.drawn_only()).truth
        assert {(getattr(plan, known.side), known.text) for known in truth.known} == {
            ("sick", "the images are darker"),
            ("well", "it is all rather lovely"),
        }
        assert truth.condition == plan.kind and truth.domain == "mine" and len(truth.bases) == 4 * PATIENTS
    orders = {(plan.a, plan.b) for plan in suite.plans if plan.a != plan.b}
    assert orders == {("well", "sick"), ("sick", "well")}  # no set is always the sick one


def test_cases_are_the_same_wherever_they_are_made(data: Path) -> None:
    suite = resolved(data)
    again = pickle.loads(pickle.dumps(resolved(data)))
    for index in range(suite.pairs):
        one, two = suite.case(index, Bank.drawn_only()), again.case(index, Bank.drawn_only())
        assert one.truth == two.truth and one.groups == two.groups
        assert all(
            np.array_equal(x, y) for x, y in zip(one.images_a + one.images_b, two.images_a + two.images_b, strict=True)
        )


def test_only_findings_on_held_out_patients_are_asked_with_groups(data: Path) -> None:
    suite = resolved(data)
    ((known, _),), ((verify, plan),) = plans(suite, "known"), plans(suite, "verify")
    assert suite.case(known, Bank.drawn_only()).groups is None
    groups = suite.case(verify, Bank.drawn_only()).groups
    assert groups is not None and [len(set(side)) for side in groups] == [PATIENTS, PATIENTS]
    assert len(groups[0]) == len(plan.chosen_a) == 2 * PATIENTS


def test_no_patient_is_in_both_halves_of_a_null(data: Path) -> None:
    suite = resolved(data)
    for index, plan in plans(suite, "null"):
        case = suite.case(index, Bank.drawn_only())
        assert plan.a == plan.b and case.groups is not None and not case.truth.known and not case.truth.difference
        assert not set(case.groups[0]) & set(case.groups[1])
        assert len(case.images_a) == len(case.images_b) == PATIENTS


def test_a_shortcut_is_in_three_of_ten_images_of_one_set_and_nowhere_else(data: Path) -> None:
    suite = resolved(data)
    ((known, unpainted),) = plans(suite, "known")
    plain = suite.case(known, Bank.drawn_only())
    images = dict(zip(unpainted.chosen_a + unpainted.chosen_b, plain.images_a + plain.images_b, strict=True))
    seen = set()
    for index, plan in plans(suite, "shortcut"):
        case = suite.case(index, Bank.drawn_only())
        (fact,) = case.truth.difference
        seen.add(plan.shortcut)
        assert fact.side == plan.side and fact.family in SHORTCUTS[plan.shortcut]
        assert bool(case.truth.known) == (plan.a != plan.b)
        if plan.a == plan.b:
            continue
        for side, chosen, painted in (("a", plan.chosen_a, case.images_a), ("b", plan.chosen_b, case.images_b)):
            changed = [not np.array_equal(images[one], image) for one, image in zip(chosen, painted, strict=True)]
            assert np.mean(changed) == (fact.prevalence if side == fact.side else 0)
        assert fact.prevalence == PREVALENCE
    assert seen == set(SHORTCUTS)


@pytest.mark.parametrize("name", SHORTCUTS)
def test_shortcuts_show_on_grey_images_too(name: str) -> None:
    rng = np.random.default_rng(3)
    grey = [np.repeat(rng.integers(60, 160, (128, 128, 1), dtype=np.uint8), 3, axis=2) for _ in range(10)]
    touched, fact = planted(grey, name, "a", rng)
    changed = [np.abs(x.astype(int) - y).max() for x, y in zip(grey, touched, strict=True)]
    assert sum(change > 10 for change in changed) == 3 and fact.side == "a" and fact.strength == 0.7


def test_images_that_were_trained_on_are_left_out_and_counted(data: Path) -> None:
    used = hashes(resolved(data), "well")
    suite = resolved(data, card=card(photographs=tuple(sha[:12] for sha in used[:5])))
    assert hashes(suite, "well") == used[5:]
    assert suite.used["mine"]["well"] == {"there": 20, "drawn": 15, "the model was trained on them": 5}


def test_of_data_sets_in_the_bank_only_the_test_part_is_used(data: Path) -> None:
    used = hashes(resolved(data), "well")
    for split, left in (("train", 5), ("val", 5), ("test", 0)):
        bank = bank_of({sha: f"well/{n}.png" for n, sha in enumerate(used[:5])}, split)
        suite = resolved(data, bank, card())
        assert len(hashes(suite, "well")) == 20 - left
        assert len(hashes(resolved(data, bank), "well")) == 20 - left  # a system without a card gets the same cases
        assert len(hashes(resolved(data, bank, card(domains=("other",))), "well")) == 20  # a twin that never saw it


def test_of_near_duplicates_one_is_used(data: Path) -> None:
    used = hashes(resolved(data), "well")
    suite = resolved(data, bank_of({sha: f"well/{n}.png" for n, sha in enumerate(used[:4])}, "test", group=used[0]))
    assert len(hashes(suite, "well")) == 17
    assert suite.used["mine"]["well"]["near-duplicates of others that are used"] == 3


def test_copies_in_another_data_set_are_known_by_name(data: Path) -> None:
    bank = bank_of({"0": "p3_6.jpg", "1": "p3_7.jpg"}, "train", domain="copies")
    assert len(hashes(resolved(data, bank), "well")) == 20
    (data / "mine.toml").write_text(MANIFEST.replace("minimum = 8", 'minimum = 8\nalso_in = ["copies"]', 1))
    assert len(hashes(resolved(data, bank), "well")) == 18


def test_damaged_images_are_left_out_with_the_reason(data: Path) -> None:
    file = next((data / "mine" / "sick").iterdir())
    file.write_bytes(file.read_bytes()[:200])
    assert resolved(data).used["mine"]["sick"]["unreadable: truncated file"] == 1


def sha(suite: RealSuite) -> str:
    return digest(suite.recipe(Bank.drawn_only()))


def test_the_hash_changes_with_manifest_images_and_length(data: Path) -> None:
    suite = resolved(data)
    before = sha(suite)
    assert sha(resolved(data)) == before != sha(suite.first(3))
    (data / "mine.toml").write_text(MANIFEST.replace("rather lovely", "lovely"))
    assert sha(resolved(data)) != before
    (data / "mine.toml").write_text(MANIFEST)
    releases.picture(data / "mine" / "well" / "p0_0.png", 999, side=64)
    assert sha(resolved(data)) != before


def test_the_recipe_names_no_patient_and_no_path(data: Path) -> None:
    text = json.dumps(resolved(data).recipe(Bank.drawn_only()))
    assert str(data) not in text and "p50" not in text and "_0.png" not in text
    assert "not found" not in text and "HAM10000" in text  # what is absent is listed with how to get it


def test_without_data_there_is_no_suite(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--data DIR"):
        open_medical(None)
    with pytest.raises(InputError, match=r"none of the data sets .* no folder HAM10000; doi:10\.7910"):
        open_medical(tmp_path)


def test_too_few_images_everywhere_is_an_error(data: Path) -> None:
    (data / "mine.toml").write_text(MANIFEST.replace("minimum = 8", "minimum = 50"))
    with pytest.raises(InputError, match=r"well against sick: 20 \+ 20 unseen images, 50 a side"):
        resolved(data)


def test_a_manifest_may_ask_for_less(data: Path) -> None:
    (data / "mine.toml").write_text(MANIFEST.replace("minimum = 8", 'minimum = 8\nkinds = ["known", "verify"]', 1))
    suite = resolved(data)
    assert {plan.kind for plan in suite.plans} == {"known", "verify"}
    assert not any("halves" in line for line in suite.skipped)


def test_patients_of_one_class_alone_verify_nothing(data: Path) -> None:
    for file in (data / "mine" / "well").iterdir():
        file.rename(file.with_name(file.name.lstrip("p")))
    suite = resolved(data)
    assert not plans(suite, "verify")
    ((index, plan),) = plans(suite, "known")
    told = suite.recipe(Bank.drawn_only())["cases"][index]
    assert dict(zip((plan.a, plan.b), told["groups"], strict=True)) == {"well": None, "sick": PATIENTS}


def test_a_release_is_read_from_manifest_to_pixels(tmp_path: Path) -> None:
    releases.bbbc021(tmp_path / "BBBC021")
    releases.nih(tmp_path / "NIH")
    with pytest.raises(InputError, match=r"bbbc021, untreated cells .*: 2 \+ 2 unseen images, 16 a side"):
        resolved(tmp_path)


# --- the page ---------------------------------------------------------------------------------------------------


def fingerprint(a: Any, b: Any, groups: Any) -> str:
    pixels = b"".join(image.tobytes() for image in (*a, *b))
    return hashlib.sha256(pixels + str(groups).encode()).hexdigest()


@dataclass(frozen=True)
class Knows:
    """Says what is so, as far as it was planted or is known; of nulls a falsehood, if it is told to."""

    truths: dict[str, Truth] = field(repr=False)
    false_alarms: bool = False
    identity: dict[str, Any] = field(default_factory=lambda: {"name": "knows"})
    card: RunCard | None = None

    def describe(self, images_a: Any, images_b: Any, seed: int, groups: Any = None) -> Report:
        truth = self.truths[fingerprint(images_a, images_b, groups)]
        said = [fakes.said(fact.side, fact.content) for fact in truth.difference]
        said += [fakes.said(known.side, known.text) for known in truth.known if truth.condition == "known"]
        if truth.condition == "null" and self.false_alarms:
            said.append(fakes.said("b", "the images are <i>odd</i>"))
        return fakes.report(*said, verdict="different" if truth.known else None)


def run(data: Path, folder: Path, false_alarms: bool = False) -> tuple[dict[str, Any], list[Any]]:
    suite = resolved(data)
    cases = [suite.case(index, Bank.drawn_only()) for index in range(suite.pairs)]
    truths = {fingerprint(case.images_a, case.images_b, case.groups): case.truth for case in cases}
    assert len(truths) == suite.pairs
    system = Knows(truths, false_alarms)
    of = identity([suite], Bank.drawn_only(), system)
    jobs = complete(folder, of, [suite], lambda todo: one_by_one(todo, Bank.drawn_only(), system))
    return of, jobs


def test_the_page_tells_what_was_named_and_missed(data: Path, tmp_path: Path) -> None:
    of, records = run(data, tmp_path / "run")
    told = clinic(of, records, grader(open_judge("parser")), "the parser is right in 9 of 10")
    (one,) = told.compared
    assert (one.a, one.b, one.images, one.groups) == ("well", "sick", (20, 20), (10, 10)) and one.told_apart
    outcomes = {feature.text: (feature.group, feature.outcome, feature.held_out) for feature in one.features}
    assert outcomes == {  # in `verify` it says nothing
        "the images are darker": ("sick", NAMED, MISSED),
        "it is all rather lovely": ("well", UNREAD, MISSED),
    }
    assert len(one.findings) == 2 and "no sentence could be verified" in one.held_out
    assert [row[0] for row in tally(told)] == list(SHORTCUTS)
    assert all(row[1:] == ("2 of 2", "1 of 1") for row in tally(told))
    assert told.nulls.asked == 4 and told.nulls.called_different == 0 and not told.nulls.findings
    assert "1 of 1 comparison could be told apart" in headline(told)
    text = markdown(told)
    for part in (
        "well against sick",
        "Made of noise",
        "in 90 of 100",
        "written 2026",
        "ruler",
        "9 of 10",
        "medical device",
    ):
        assert part in text


def test_false_alarms_are_listed_and_nothing_in_a_text_is_markup(data: Path, tmp_path: Path) -> None:
    of, records = run(data, tmp_path / "run", false_alarms=True)
    told = clinic(of, records, grader(open_judge("parser")), "")
    assert told.nulls.called_different == 4 and len(told.nulls.findings) == 4
    html = page(told)
    assert "<" not in markdown(told)
    assert "<b>images</b>" not in html and "<i>odd" not in html and "&lt;i&gt;odd" in html
    assert "<script" not in html and "http://" not in html and "https://" not in html
    assert "p50" not in html and str(data) not in html


def test_a_run_that_is_not_done_says_so(data: Path, tmp_path: Path) -> None:
    of, records = run(data, tmp_path / "run")
    told = clinic(of, records[:5], grader(open_judge("parser")), "")
    assert f"5 of {len(records)} cases are answered so far" in page(told)
    with pytest.raises(InputError, match="no suite 'real-easy'"):
        clinic(of, records, grader(open_judge("parser")), "", "real-easy")


def test_the_command_writes_both_pages(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(data, tmp_path / "run")
    monkeypatch.setattr("sys.argv", ["eval", "clinician", str(tmp_path / "run")])
    with pytest.raises(SystemExit) as ended:
        command.main()
    assert not ended.value.code
    assert (tmp_path / "run" / "medical.html").read_text().startswith("<!DOCTYPE html>")
    assert "## Planted shortcuts" in (tmp_path / "run" / "medical.md").read_text()
    monkeypatch.setattr("sys.argv", ["eval", "clinician", str(tmp_path)])
    with pytest.raises(SystemExit) as ended:
        command.main()
    assert ended.value.code == 3


@pytest.mark.parametrize(
    ("p", "words"),
    [(0.001, "at most 1 of 1,000"), (0.0004, "at most 1 of 1,000"), (0.02, "about 20 of 1,000"), (0.5, "about 500 of")],
)
def test_p_values_are_told_in_words(p: float, words: str) -> None:
    assert words in by_chance(p)


def test_the_manual_shows_a_manifest_that_works(tmp_path: Path) -> None:
    manual = (Path(__file__).parents[2] / "docs" / "medical.md").read_text(encoding="utf-8")
    (tmp_path / "own.toml").write_text(manual.split("```toml\n")[1].split("```")[0], encoding="utf-8")
    assert read(tmp_path / "own.toml").comparisons
