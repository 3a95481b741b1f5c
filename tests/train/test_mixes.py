"""The curriculum against a uniform mix: the table by hand, and the whole of it on a tiny model."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

from data_synth.sources import Bank
from train import __main__ as jobs
from train import curriculum, rounds, stopping
from train.describer import describer, save_adapter
from train.experiments import mixes
from train.experiments.scoring import Tally
from train.language import make_base, make_processor, make_tokenizer, save_base
from vlmdiff.errors import InputError, UsageError, chosen
from vlmdiff.models import huggingface
from vlmdiff.models.mini.tower import Tower, TowerConfig

SMALL = TowerConfig(image_size=32, widths=(8, 8, 16), blocks=(1, 1, 1))
READ = [*(f"strength {strength}" for strength in mixes.STRENGTHS), "prevalence 0.3", "three facts"]


def result(mix: str, seed: int, right: dict[str, int]) -> dict[str, Any]:
    """Ten pairs of one fact a condition, so many of them right; where one is not, nothing right was said."""
    tallies = {
        name: [Tally(1, i < right.get(name, 0), 1.0, 2, i < right.get(name, 0), 1, 1) for i in range(10)]
        for name in READ
    }
    return {"mix": mix, "seed": seed, "tallies": tallies}


def test_half_right_lies_between_the_last_strength_below_and_the_next() -> None:
    assert mixes.threshold({0.15: 0.1, 0.25: 0.4, 0.4: 0.6, 0.8: 0.9}) == pytest.approx(0.325)
    assert mixes.threshold({0.15: 0.6, 0.8: 0.9}) is None, "under the faintest"
    assert mixes.threshold({0.15: 0.1, 0.8: 0.4}) is None, "at none"


def test_a_table_of_both_mixes_with_their_differences_seed_by_seed() -> None:
    found = [
        result("curriculum", 0, {"strength 0.15": 4, "strength 0.25": 6}),
        result("curriculum", 1, {"strength 0.15": 2}),
        result("uniform", 0, {"strength 0.15": 3}),
        result("uniform", 1, {"strength 0.15": 3}),
    ]
    lines = mixes.table(found).splitlines()
    assert lines[2] == (
        "| strength 0.15 | 0.300 +- 0.100; 0.150 +- 0.050 | 0.300 +- 0.000; 0.150 +- 0.000 | +0.100, -0.100 |"
    )
    assert lines[-1] == "| half right at strength | 0.20, - | -, - |  |"


def test_both_mixes_are_trained_and_read_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in {"_FIRST": 10, "_TRIALS": 1, "_TRIALS_OF_NUMBERS": 1, "_PROBE_SIZE": 4}.items():
        monkeypatch.setattr(curriculum, name, value)
    for name, value in {"PAIRS": 2, "JUDGED_PAIRS": 1, "_SIZE": 4}.items():
        monkeypatch.setattr(stopping, name, value)
    monkeypatch.setattr(huggingface, "LONGEST", 6)
    monkeypatch.setattr(mixes, "tower_in", lambda folder: Tower(SMALL))
    tokenizer = make_tokenizer()
    save_base(make_base(tokenizer, SMALL).eval(), make_processor(tokenizer, SMALL), tmp_path / "other")
    with torch.random.fork_rng():
        of_judge = describer(huggingface.HuggingFaceModel("tiny", tmp_path / "other", None, "cpu"), "full", 4)
        save_adapter(of_judge, tmp_path / "judge")

    def run(lengths: mixes.Lengths = mixes.LENGTHS["quick"]) -> list[dict[str, Any]]:
        where = tmp_path, tmp_path / "judge", tmp_path / "out"
        return mixes.run(["curriculum", "uniform"], Bank.drawn_only(), *where, [0], lengths, 0)

    found = run()
    assert [(one["mix"], one["seed"]) for one in found] == [("curriculum", 0), ("uniform", 0)]
    assert all(list(one["tallies"]) == READ and len(one["tallies"]["three facts"]) == 2 for one in found)
    assert all(len(row) == len(Tally._fields) for one in found for row in one["tallies"]["strength 0.4"])
    monkeypatch.setattr(rounds, "train", None)
    assert run() == found, "what is done is not done again"
    with pytest.raises(InputError, match=r"holds another run: lengths.steps is 4 there and 5 here"):
        run(replace(mixes.LENGTHS["quick"], steps=5))


def test_unknown_names_list_the_known_ones() -> None:
    with pytest.raises(UsageError, match="scale 'huge' is unknown; expected one of study, quick"):
        chosen("scale", "huge", mixes.LENGTHS)
    asked = CliRunner().invoke(jobs.app, ["mixes", "even", "--out", "nowhere"])
    assert "mix 'even' is unknown; expected one of curriculum, uniform" in str(asked.exception)
    asked = CliRunner().invoke(jobs.app, ["curriculum", "--tuning", "some", "--out", "nowhere"])
    assert "tuning 'some' is unknown; expected one of projector, lora, full" in str(asked.exception)
