"""The run card: what a run saw, and what it went on from."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from data_synth.catalog import HELD_OUT_DOMAINS, TRAINED, TRAINED_SETS
from data_synth.compose import compose
from data_synth.sources import DRAWN, Bank, BaseImage, Split
from train.card import card, commit, write
from train.recipes import RECIPES, twin
from vlmdiff.errors import ModelError, UsageError
from vlmdiff.models.card import PREFIX, read

QUICK = RECIPES["quick"]


def bank(*items: tuple[str, Split]) -> Bank:
    found = [
        BaseImage(f"{domain}/{n}.png", domain, "", split, f"{n:02}{domain:x<62}")
        for n, (domain, split) in enumerate(items)
    ]
    return Bank(np.zeros((len(found), 8, 8, 3), np.uint8), tuple(found))


BANK = bank(("pets", "train"), ("pets", "test"), ("breast_ultrasound", "train"), ("skies", "val"))


def test_it_lists_what_was_seen_and_nothing_else() -> None:
    known = card(QUICK, BANK, [])
    assert set(known.families) == {*TRAINED, *TRAINED_SETS}
    assert set(known.domains) == {"pets", *(set(DRAWN) - HELD_OUT_DOMAINS)}
    assert known.splits == ("train",) and not known.held_out
    assert known.photographs == (BANK.items[0].sha256[:PREFIX],)
    assert known.saw(item.sha256 for item in BANK.items) == {BANK.items[0].sha256}
    assert (known.least_strength, known.least_prevalence) == (0.15, 0.6)


def test_what_a_start_saw_the_run_saw() -> None:
    older = card(QUICK, bank(("skies", "train")), []).model_copy(update={"held_out": True, "least_strength": 0.05})
    known = card(QUICK, BANK, [], [older])
    assert {"pets", "skies"} <= set(known.domains) and len(known.photographs) == 2
    assert known.held_out and known.least_strength == 0.05


def test_hours_and_losses_are_those_of_the_metrics(tmp_path: Path) -> None:
    rows = [(25, 1800, 9.0), (50, 3600, 5.0), (75, 4500, 4.0), (90, 5400, 3.0)]
    (tmp_path / "tower.jsonl").write_text(
        "".join(json.dumps({"step": step, "seconds": seconds, "loss": loss}) + "\n" for step, seconds, loss in rows)
    )
    (tmp_path / "pairs.jsonl").write_text('{"contents": []}\n')
    known = card(QUICK, BANK, [tmp_path])
    assert known.hours == {"tower": 1.5} and known.losses == {"tower": 3.0}
    assert known.curves == {"tower": ((25, 9.0), (50, 5.0), (75, 4.0), (90, 3.0))}


def test_it_comes_back_from_disk(tmp_path: Path) -> None:
    assert read(tmp_path) is None
    known = card(QUICK, BANK, [])
    write(known, tmp_path)
    assert read(tmp_path) == known
    (tmp_path / "run_card.json").write_text("{}")
    with pytest.raises(ModelError, match="damaged"):
        read(tmp_path)


def test_the_commit_is_that_of_the_checkout() -> None:
    assert re.fullmatch(r"unknown|(.*-g)?[0-9a-f]{7,40}(-dirty)?", commit())


def test_a_leave_one_out_twin_does_not_see_what_is_left_out() -> None:
    twin_of = twin(QUICK, BANK, ["pets", "drawn/xray"])
    known = card(twin_of, BANK, [])
    assert not {"pets", "drawn/xray"} & set(known.domains) and known.photographs == ()
    drawn = {compose(replace(twin_of.pairs, set_size=(1, 1), sides=(32,)), BANK, 0, i).domain for i in range(40)}
    assert len(drawn) > 5 and drawn <= set(known.domains)
    with pytest.raises(UsageError, match="cannot leave out petz"):
        twin(QUICK, BANK, ["petz"])
