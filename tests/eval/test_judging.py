"""How right the judge of single images is: counts by family, on pairs whose truth is known."""

import json
from pathlib import Path

import pytest

from data_synth.catalog import FAMILIES
from data_synth.lexicon import canonical, parse
from data_synth.sources import Bank
from eval import judging
from eval.judging import Judgment
from vlmdiff import models
from vlmdiff.errors import UsageError
from vlmdiff.models.base import VisionLanguageModel


@pytest.fixture(scope="module")
def mini() -> VisionLanguageModel:
    return models.load("mini")


def told(done: int, wanted: int) -> None:
    pass


def test_a_run_goes_on_where_it_stopped_and_is_of_one_model(
    mini: VisionLanguageModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judging, "families_of", lambda model: ["shape", "invert"])
    bank = Bank.drawn_only()
    first = judging.run(mini, bank, tmp_path, 1, "val", told)
    assert [(one.family, one.at_half) for one in first] == [("shape", True), ("invert", True)]
    assert all(one.shown + one.absent == 32 for one in first)
    rows = (tmp_path / "judgments.jsonl").read_bytes()
    (tmp_path / "judgments.jsonl").write_bytes(rows[:-9])
    assert judging.run(mini, bank, tmp_path, 1, "val", told) == first
    monkeypatch.setattr(judging, "judged", None)  # nothing is judged twice
    assert judging.run(mini, bank, tmp_path, 1, "val", told) == first
    with pytest.raises(UsageError, match="another model or bank"):
        judging.run(mini, bank, tmp_path, 1, "test", told)


def test_wrong_siblings_are_of_the_family_and_not_true(mini: VisionLanguageModel) -> None:
    for name in ("brightness", "shape", "rotation"):
        truth = next(iter(FAMILIES[name].contents()))
        for text in judging.wrong_siblings(mini, truth):
            assert text in mini.claims[name]
            assert parse(text) not in (None, truth)
            assert text != canonical(truth)


def test_what_was_judged_is_told_as_shares() -> None:
    of = Judgment("blur", 0, True, 0.9, 10, 8, 20, 19, 3, 1, 0)
    faint = Judgment("blur", 1, False, 0.2, 10, 2, 20, 20, 3, 0, 0)
    scored = models.load("mini")
    counts = judging.accuracy([of, faint], scored, "val").families["blur"]
    assert (counts.said, counts.shown, counts.denied, counts.absent) == (10, 20, 39, 40)
    page = judging.page([of, faint], scored, "val")
    assert "Median AUROC over 1 families: **0.900**" in page  # at strength 0.5 alone
    assert "verified alone: **0.17 of 6" in page


def test_only_splits_that_no_gradient_saw() -> None:
    assert judging.split_of("val") == "val"
    with pytest.raises(UsageError, match="expected test or val"):
        judging.split_of("train")


def test_the_shipped_judge_was_measured_with_these_weights() -> None:
    """Else nothing would be corrected, silently."""
    mini = models.load("mini")
    file = models.profiles.MINI / "adapter" / "judge.json"
    assert json.loads(file.read_text())["weights_sha256"] == mini.info.weights_sha256
